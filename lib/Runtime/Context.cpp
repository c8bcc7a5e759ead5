//===- Context.cpp - Contexts and what they tell about the model ------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

using namespace secateur::runtime;

static const SecateurModelDescriptor &model() { return secateur_model_descriptor; }

SecateurStatus secateur::runtime::setError(SecateurContext &context, SecateurStatus status,
                                           const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(context.error, sizeof(context.error), format, arguments);
  va_end(arguments);
  return status;
}

int32_t secateur::runtime::dimOffset(const SecateurValueDesc *values, int32_t index) {
  int32_t offset = 0;
  for (int32_t i = 0; i < index; ++i)
    offset += values[i].rank;
  return offset;
}

//===--- About the library ------------------------------------------------===//

uint32_t secateur_abi_version(void) { return SECATEUR_ABI_VERSION; }
const char *secateur_version(void) { return model().compilerVersion; }
const char *secateur_model_name(void) { return model().modelName; }
const char *secateur_target(void) { return model().target; }
const char *secateur_cpu(void) { return model().cpu; }
const char *secateur_math_mode(void) { return model().mathMode; }

const char *secateur_status_name(int32_t status) {
  static const char *const names[] = {"SECATEUR_OK",
                                      "SECATEUR_INVALID_ARGUMENT",
                                      "SECATEUR_OUT_OF_MEMORY",
                                      "SECATEUR_UNSUPPORTED_CPU",
                                      "SECATEUR_BAD_WEIGHTS",
                                      "SECATEUR_BAD_SHAPE",
                                      "SECATEUR_BAD_DTYPE",
                                      "SECATEUR_BAD_NAME",
                                      "SECATEUR_BAD_BUFFER",
                                      "SECATEUR_RUN_FAILED"};
  return status >= 0 && status <= SECATEUR_RUN_FAILED ? names[status] : "unknown status";
}

namespace {
struct DType {
  const char *name;
  size_t size;
};
} // namespace

static DType dtypeOf(int32_t dtype) {
  static const DType types[] = {
      {"?", 0},      {"float32", 4}, {"uint8", 1}, {"int8", 1}, {"uint16", 2},  {"int16", 2},
      {"int32", 4},  {"int64", 8},   {"?", 0},     {"bool", 1}, {"float16", 2}, {"float64", 8},
      {"uint32", 4}, {"uint64", 8},  {"?", 0},     {"?", 0},    {"bfloat16", 2}};
  return dtype >= 0 && dtype <= SECATEUR_BF16 ? types[dtype] : types[0];
}

const char *secateur_dtype_name(int32_t dtype) { return dtypeOf(dtype).name; }
size_t secateur_dtype_size(int32_t dtype) { return dtypeOf(dtype).size; }

bool secateur::runtime::tensorBytes(int32_t dtype, int32_t rank, const int64_t *dims,
                                    int64_t &bytes) {
  bytes = static_cast<int64_t>(secateur_dtype_size(dtype));
  bool empty = false;
  for (int32_t i = 0; i < rank; ++i) {
    if (dims[i] < 0)
      return false;
    empty |= dims[i] == 0;
  }
  for (int32_t i = 0; i < rank && !empty; ++i)
    if (__builtin_mul_overflow(bytes, dims[i], &bytes) || bytes > kMaxBytes)
      return false;
  if (empty)
    bytes = 0;
  return true;
}

//===--- Creation ---------------------------------------------------------===//

template <typename Entry>
static bool makeArray(Entry *&array, int32_t count) {
  array = static_cast<Entry *>(calloc(count + 1, sizeof(Entry)));
  return array;
}

/// Allocates the scratch arrays, whose sizes only depend on the model. On failure
/// secateur_destroy() frees what there is.
static bool allocateScratch(SecateurContext &context) {
  const SecateurModelDescriptor &m = model();
  context.inputDimCount = dimOffset(m.inputs, m.inputCount);
  context.outputDimCount = dimOffset(m.outputs, m.outputCount);
  return makeArray(context.inputDims, context.inputDimCount) &&
         makeArray(context.resultDims, context.outputDimCount) &&
         makeArray(context.bufferBytes, m.bufferCount) && makeArray(context.order, m.bufferCount) &&
         makeArray(context.placed, m.bufferCount) && makeArray(context.inputs, m.inputCount) &&
         makeArray(context.outputs, m.outputCount) && makeArray(context.inputOf, m.inputCount) &&
         makeArray(context.outputOf, m.outputCount) && makeArray(context.results, m.outputCount);
}

static SecateurStatus initialize(SecateurContext &context, const SecateurOptions *options) {
  const SecateurModelDescriptor &m = model();
  if (m.version != SECATEUR_DESCRIPTOR_VERSION || m.structSize != sizeof(SecateurModelDescriptor))
    return setError(context, SECATEUR_INVALID_ARGUMENT,
                    "the model's code has descriptor version %u and this runtime %u: compile it "
                    "again",
                    m.version, SECATEUR_DESCRIPTOR_VERSION);
  char text[480];
  if (!checkCpu(m.cpuFeatures, text, sizeof(text)))
    return setError(context, SECATEUR_UNSUPPORTED_CPU,
                    "the model was compiled for '%s', but this CPU or system lacks: %s; compile "
                    "it with a -march that fits",
                    m.cpu, text);
  SecateurOptions given = {};
  if (options) {
    if (options->structSize < sizeof(size_t) || options->structSize > 4096)
      return setError(context, SECATEUR_INVALID_ARGUMENT,
                      "SecateurOptions::structSize is %zu, expected %zu", options->structSize,
                      sizeof(SecateurOptions));
    memcpy(&given, options,
           options->structSize < sizeof(given) ? options->structSize : sizeof(given));
  }
  if (given.threads < 0)
    return setError(context, SECATEUR_INVALID_ARGUMENT, "the number of threads is %d",
                    given.threads);
  if (given.pool && given.pool->abiVersion != SECATEUR_ABI_VERSION)
    return setError(context, SECATEUR_INVALID_ARGUMENT,
                    "the pool has ABI version %u and this library %u", given.pool->abiVersion,
                    SECATEUR_ABI_VERSION);
  if (!allocateScratch(context))
    return setError(context, SECATEUR_OUT_OF_MEMORY, "no memory for a context");
  if (SecateurStatus status = openWeights(given.weightsPath, context.weights, text, sizeof(text)))
    return setError(context, status, "%s", text);
  if (given.pool) {
    given.pool->retain(given.pool);
    context.pool = given.pool;
    context.poolIsShared = true;
  }
  context.usable = true;
  return secateur_set_threads(&context, given.threads);
}

SecateurStatus secateur_create(const SecateurOptions *options, SecateurContext **result) {
  if (!result)
    return SECATEUR_INVALID_ARGUMENT;
  SecateurContext *context = static_cast<SecateurContext *>(calloc(1, sizeof(SecateurContext)));
  *result = context;
  if (!context)
    return SECATEUR_OUT_OF_MEMORY;
  context->model = &secateur_model_descriptor;
  return initialize(*context, options);
}

void secateur_destroy(SecateurContext *context) {
  if (!context)
    return;
  if (context->pool)
    context->pool->release(context->pool);
  free(context->profile);
  destroyPlans(*context);
  context->region.destroy();
  closeWeights(context->weights);
  free(context->arena);
  free(context->inputDims);
  free(context->resultDims);
  free(context->bufferBytes);
  free(context->order);
  free(context->placed);
  free(context->inputs);
  free(context->outputs);
  free(context->inputOf);
  free(context->outputOf);
  free(context->results);
  free(context);
}

const char *secateur_last_error(const SecateurContext *context) {
  return context ? context->error : "the context is a null pointer";
}

SecateurStatus secateur_set_threads(SecateurContext *context, int32_t threads) {
  if (!context || !context->usable)
    return SECATEUR_INVALID_ARGUMENT;
  if (threads < 0)
    return setError(*context, SECATEUR_INVALID_ARGUMENT, "the number of threads is %d", threads);
  if (context->poolIsShared) {
    int32_t most = context->pool->threads;
    context->threads = threads && threads < most ? threads : most;
    return SECATEUR_OK;
  }
  threads = threads ? threads : detectThreads();
  if (context->pool && context->pool->threads != threads) {
    context->pool->release(context->pool); // The next run starts a new one.
    context->pool = nullptr;
  }
  context->threads = threads;
  return SECATEUR_OK;
}

int32_t secateur_threads(const SecateurContext *context) {
  return context && context->usable ? context->threads : 0;
}

//===--- Inputs and outputs -----------------------------------------------===//

int32_t secateur_input_count(const SecateurContext *context) {
  return context && context->usable ? model().inputCount : 0;
}

int32_t secateur_output_count(const SecateurContext *context) {
  return context && context->usable ? model().outputCount : 0;
}

static SecateurStatus getInfo(SecateurContext *context, const SecateurValueDesc *values,
                              int32_t count, int32_t index, const char *kind,
                              SecateurValueInfo *info) {
  static const char *const noSymbols[SECATEUR_MAX_RANK] = {};
  if (!context || !context->usable)
    return SECATEUR_INVALID_ARGUMENT;
  if (!info)
    return setError(*context, SECATEUR_INVALID_ARGUMENT, "info is a null pointer");
  if (index < 0 || index >= count)
    return setError(*context, SECATEUR_INVALID_ARGUMENT, "there is no %s %d: the model has %d",
                    kind, index, count);
  const SecateurValueDesc &value = values[index];
  *info = {value.name,
           value.dtype,
           value.rank,
           value.dims,
           value.symbols ? value.symbols : noSymbols,
           value.flags,
           0};
  return SECATEUR_OK;
}

SecateurStatus secateur_input_info(SecateurContext *context, int32_t index,
                                   SecateurValueInfo *info) {
  return getInfo(context, model().inputs, model().inputCount, index, "input", info);
}

SecateurStatus secateur_output_info(SecateurContext *context, int32_t index,
                                    SecateurValueInfo *info) {
  return getInfo(context, model().outputs, model().outputCount, index, "output", info);
}

static int32_t findName(SecateurContext *context, const SecateurValueDesc *values, int32_t count,
                        const char *name, const char *kind) {
  if (!context || !context->usable)
    return -1;
  for (int32_t i = 0; name && i < count; ++i)
    if (!strcmp(values[i].name, name))
      return i;
  setError(*context, SECATEUR_BAD_NAME, "the model has no %s '%.200s'", kind,
           name ? name : "(null)");
  return -1;
}

int32_t secateur_input_index(SecateurContext *context, const char *name) {
  return findName(context, model().inputs, model().inputCount, name, "input");
}

int32_t secateur_output_index(SecateurContext *context, const char *name) {
  return findName(context, model().outputs, model().outputCount, name, "output");
}

SecateurStatus secateur_memory(SecateurContext *context, SecateurMemory *memory) {
  if (!context || !context->usable)
    return SECATEUR_INVALID_ARGUMENT;
  if (!memory)
    return setError(*context, SECATEUR_INVALID_ARGUMENT, "memory is a null pointer");
  *memory = {secateur_weights_header.bytes, static_cast<uint64_t>(context->arenaBytes),
             static_cast<uint64_t>(context->region.capacity())};
  return SECATEUR_OK;
}

//===--- The table --------------------------------------------------------===//

const SecateurApi *secateur_api(void) {
  static const SecateurApi api = {
      SECATEUR_ABI_VERSION,  sizeof(SecateurApi),   secateur_version,      secateur_model_name,
      secateur_target,       secateur_cpu,          secateur_math_mode,    secateur_status_name,
      secateur_dtype_name,   secateur_dtype_size,   secateur_create,       secateur_destroy,
      secateur_last_error,   secateur_set_threads,  secateur_threads,      secateur_input_count,
      secateur_output_count, secateur_input_info,   secateur_output_info,  secateur_input_index,
      secateur_output_index, secateur_prepare,      secateur_output_shape, secateur_output_bytes,
      secateur_run,          secateur_output_data,  secateur_memory,       secateur_pool_create,
      secateur_pool_threads, secateur_pool_destroy, secateur_profile,      secateur_step_count,
      secateur_step_info};
  return &api;
}
