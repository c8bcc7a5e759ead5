//===- Prepare.cpp - Plans of memory, one a set of input shapes -------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Internal.h"

#include <stdlib.h>
#include <string.h>

using namespace secateur::runtime;

/// Plans that a context keeps; the one used least recently goes first.
static constexpr int32_t kMaxPlans = 64;

static Plan *newPlan(const SecateurContext &context) {
  int64_t inputs = context.inputDimCount, outputs = context.outputDimCount;
  int64_t buffers = context.model->bufferCount;
  size_t words = sizeof(Plan) / 8 + inputs + outputs + buffers;
  static_assert(sizeof(Plan) % 8 == 0);
  Plan *plan = static_cast<Plan *>(calloc(words, 8));
  if (!plan)
    return nullptr;
  plan->inputDims = reinterpret_cast<int64_t *>(plan + 1);
  plan->outputDims = plan->inputDims + inputs;
  plan->offsets = plan->outputDims + outputs;
  return plan;
}

void secateur::runtime::destroyPlans(SecateurContext &context) {
  while (Plan *plan = context.plans) {
    context.plans = plan->next;
    free(plan);
  }
  context.current = nullptr;
}

/// Moves the plan for context.inputDims to the front; false when there is none.
static bool findPlan(SecateurContext &context) {
  for (Plan **link = &context.plans; Plan *plan = *link; link = &plan->next) {
    if (memcmp(plan->inputDims, context.inputDims, context.inputDimCount * sizeof(int64_t)))
      continue;
    *link = plan->next;
    plan->next = context.plans;
    context.plans = plan;
    return true;
  }
  return false;
}

static void dropOldPlans(SecateurContext &context) {
  int32_t count = 0;
  for (Plan **link = &context.plans; *link;) {
    Plan *plan = *link;
    if (++count <= kMaxPlans) {
      link = &plan->next;
      continue;
    }
    *link = plan->next;
    free(plan);
  }
}

/// Asks the model for sizes and places the buffers.
static SecateurStatus fillPlan(SecateurContext &context, Plan &plan) {
  const SecateurModelDescriptor &model = *context.model;
  memcpy(plan.inputDims, context.inputDims, context.inputDimCount * sizeof(int64_t));
  if (int32_t code = model.sizes(plan.inputDims, context.bufferBytes, plan.outputDims)) {
    bool known = code > 0 && code <= model.messageCount;
    return setError(context, SECATEUR_BAD_SHAPE, "the model cannot run with these shapes: %s",
                    known ? model.messages[code - 1] : "they contradict each other");
  }
  for (int32_t i = 0; i < model.outputCount; ++i) {
    const SecateurValueDesc &output = model.outputs[i];
    const int64_t *dims = plan.outputDims + dimOffset(model.outputs, i);
    int64_t bytes;
    if (!(output.flags & SECATEUR_DATA_DEPENDENT) &&
        !tensorBytes(output.dtype, output.rank, dims, bytes))
      return setError(context, SECATEUR_BAD_SHAPE,
                      "with these input shapes, output '%.200s' would have a negative or "
                      "unaddressable size",
                      output.name);
  }
  int64_t total = 0;
  for (int32_t i = 0; i < model.bufferCount; ++i) {
    int64_t &bytes = context.bufferBytes[i];
    if (bytes < 0)
      return setError(context, SECATEUR_BAD_SHAPE,
                      "the model cannot run with these shapes: a value would have a negative size");
    if (bytes > kMaxBytes || (total += bytes) > kMaxBytes)
      return setError(context, SECATEUR_OUT_OF_MEMORY,
                      "these shapes need more memory than can be addressed");
    bytes = alignUp(bytes);
  }
  plan.arenaBytes = placeBuffers(model.bufferCount, model.bufferRanges, context.bufferBytes,
                                 plan.offsets, context.order, context.placed);
  return SECATEUR_OK;
}

/// Grows the arena; the old one stays when there is no memory.
static SecateurStatus growArena(SecateurContext &context, int64_t bytes) {
  if (bytes <= context.arenaBytes)
    return SECATEUR_OK;
  char *arena = static_cast<char *>(allocateAligned(bytes));
  if (!arena)
    return setError(context, SECATEUR_OUT_OF_MEMORY,
                    "no memory for intermediate values: these shapes need %lld MB",
                    static_cast<long long>(bytes >> 20));
  free(context.arena);
  context.arena = arena;
  context.arenaBytes = bytes;
  return SECATEUR_OK;
}

SecateurStatus secateur::runtime::prepare(SecateurContext &context) {
  if (findPlan(context)) {
    context.current = context.plans;
    return SECATEUR_OK;
  }
  Plan *plan = newPlan(context);
  if (!plan)
    return setError(context, SECATEUR_OUT_OF_MEMORY, "no memory for a plan");
  SecateurStatus status = fillPlan(context, *plan);
  if (!status)
    status = growArena(context, plan->arenaBytes);
  if (status) {
    free(plan);
    return status;
  }
  plan->next = context.plans;
  context.plans = plan;
  context.current = plan;
  dropOldPlans(context);
  return SECATEUR_OK;
}
