//===- Tasks.cpp - What emitted code calls ----------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
//
// secateur_fail() leaves emitted code by longjmp. Each thread that runs emitted
// code has its own place to jump to: the run itself on the caller's thread, the
// range of a task elsewhere.
//
//===----------------------------------------------------------------------===//

#include "Internal.h"

#include <string.h>

using namespace secateur::runtime;

/// Where secateur_fail() goes on this thread. The build uses TLS descriptors, which
/// need no symbol of the dynamic linker and no static TLS, of which a process only
/// has enough for some hundred libraries.
static __thread jmp_buf *escape;

bool secateur::runtime::runGuarded(SecateurContext &context, int32_t &result) {
  context.failure = nullptr;
  context.inParallel = false;
  jmp_buf here, *outer = escape;
  escape = &here;
  if (!_setjmp(here))
    result = context.model->run(&context, context.inputs, context.inputDims, context.outputs,
                                context.arena, context.current->offsets, context.weights.data);
  escape = outer;
  if (context.profile)
    switchStep(*context.profile, -1);
  return !context.failure;
}

namespace {
struct Loop {
  void (*task)(void *, int64_t, int64_t);
  void *args;
};
} // namespace

/// Runs a range; a failure in it ends this range only, and the run afterwards.
static void runRange(void *data, int64_t lo, int64_t hi) {
  const Loop *loop = static_cast<const Loop *>(data);
  jmp_buf here, *outer = escape;
  escape = &here;
  if (!_setjmp(here))
    loop->task(loop->args, lo, hi);
  escape = outer;
}

void secateur_parallel_for(SecateurRunContext *context, void (*task)(void *, int64_t, int64_t),
                           void *args, int64_t count, int64_t grain) {
  if (count <= 0)
    return;
  if (grain < 1)
    grain = 1;
  if (context->inParallel || context->threads < 2 || !context->pool || count <= grain) {
    task(args, 0, count);
    return;
  }
  Loop loop = {task, args};
  context->inParallel = true;
  context->pool->run(context->pool, runRange, &loop, count, grain, context->threads);
  context->inParallel = false;
  if (__atomic_load_n(&context->failure, __ATOMIC_ACQUIRE))
    longjmp(*escape, 1);
}

void *secateur_allocate(SecateurRunContext *context, int64_t bytes) {
  void *memory = context->region.allocate(bytes);
  if (!memory)
    secateur_fail(context, "no memory for a value whose size depends on the data");
  return memory;
}

void secateur_free(SecateurRunContext *context, void *memory) {
  context->region.deallocate(memory);
}

void secateur_set_output(SecateurRunContext *context, int32_t index, const int64_t *dims,
                         const void *data) {
  const SecateurValueDesc &value = context->model->outputs[index];
  int64_t bytes;
  if (!tensorBytes(value.dtype, value.rank, dims, bytes))
    secateur_fail(context, "a data-dependent output would have a negative or unaddressable size");
  memcpy(context->resultDims + dimOffset(context->model->outputs, index), dims,
         value.rank * sizeof(int64_t));
  const char *place = static_cast<const char *>(data);
  bool isWeight = place >= context->weights.data &&
                  place < context->weights.data + secateur_weights_header.bytes;
  if (!isWeight && !context->region.contains(data)) {
    void *copy = secateur_allocate(context, bytes);
    if (bytes)
      memcpy(copy, data, bytes);
    data = copy;
  }
  context->results[index] = data;
}

void secateur_fail(SecateurRunContext *context, const char *message) {
  const char *none = nullptr;
  __atomic_compare_exchange_n(&context->failure, &none, message, false, __ATOMIC_ACQ_REL,
                              __ATOMIC_ACQUIRE);
  longjmp(*escape, 1);
}
