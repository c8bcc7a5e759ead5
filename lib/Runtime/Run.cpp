//===- Run.cpp - Checks what the caller passes, and runs the model ----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Internal.h"

#include <stdio.h>
#include <string.h>

using namespace secateur::runtime;

//===--- Matching tensors with inputs and outputs -------------------------===//

/// Sets slots[i] to the tensor given for value i. By name or by position; each
/// exactly once.
template <typename Tensor>
static SecateurStatus match(SecateurContext &context, const SecateurValueDesc *values,
                            int32_t count, const char *kind, Tensor *tensors, int32_t given,
                            Tensor **slots) {
  if (given != count)
    return setError(context, SECATEUR_INVALID_ARGUMENT, "%d %ss were given, the model has %d",
                    given, kind, count);
  if (count && !tensors)
    return setError(context, SECATEUR_INVALID_ARGUMENT, "the array of %ss is a null pointer", kind);
  for (int32_t i = 0; i < count; ++i)
    slots[i] = nullptr;
  for (int32_t i = 0; i < count; ++i) {
    int32_t index = i;
    if ((tensors[i].name != nullptr) != (tensors[0].name != nullptr))
      return setError(context, SECATEUR_BAD_NAME, "some %ss have a name and some have not", kind);
    if (tensors[i].name) {
      for (index = 0; index < count && strcmp(values[index].name, tensors[i].name);)
        ++index;
      if (index == count)
        return setError(context, SECATEUR_BAD_NAME, "the model has no %s '%.200s'", kind,
                        tensors[i].name);
    }
    if (slots[index])
      return setError(context, SECATEUR_BAD_NAME, "%s '%.200s' is given twice", kind,
                      values[index].name);
    slots[index] = &tensors[i];
  }
  return SECATEUR_OK;
}

/// "3x224x224" for messages.
static const char *shapeText(int32_t rank, const int64_t *dims, char (&text)[160]) {
  size_t length = 0;
  text[0] = 0;
  for (int32_t i = 0; i < rank && length + 24 < sizeof(text); ++i) {
    const char *separator = i ? "x" : "";
    length += dims[i] == SECATEUR_DYNAMIC
                  ? snprintf(text + length, sizeof(text) - length, "%s?", separator)
                  : snprintf(text + length, sizeof(text) - length, "%s%lld", separator,
                             static_cast<long long>(dims[i]));
  }
  return rank ? text : "(scalar)";
}

/// Dimensions of the same symbol must be equal: the model is compiled for that.
static SecateurStatus checkSymbol(SecateurContext &context, int32_t input, int32_t axis,
                                  int64_t dim) {
  const SecateurModelDescriptor &model = *context.model;
  const SecateurValueDesc &value = model.inputs[input];
  const char *symbol = value.symbols ? value.symbols[axis] : nullptr;
  const int64_t *dims = context.inputDims;
  for (int32_t i = 0; symbol && i <= input; dims += model.inputs[i++].rank) {
    const SecateurValueDesc &other = model.inputs[i];
    for (int32_t j = 0; other.symbols && j < (i == input ? axis : other.rank); ++j)
      if (other.symbols[j] && other.dims[j] < 0 && !strcmp(other.symbols[j], symbol) &&
          dims[j] != dim)
        return setError(context, SECATEUR_BAD_SHAPE,
                        "dimension '%.100s' is %lld in input '%.100s' and %lld in input '%.100s'",
                        symbol, static_cast<long long>(dims[j]), other.name,
                        static_cast<long long>(dim), value.name);
  }
  return SECATEUR_OK;
}

/// Checks type and shape of each input and collects the dims. Writes only to
/// context.inputDims.
static SecateurStatus takeShapes(SecateurContext &context) {
  const SecateurModelDescriptor &model = *context.model;
  int64_t *dims = context.inputDims;
  for (int32_t i = 0; i < model.inputCount; dims += model.inputs[i++].rank) {
    const SecateurValueDesc &value = model.inputs[i];
    const SecateurTensor &tensor = *context.inputOf[i];
    char got[160], want[160];
    if (tensor.dtype != value.dtype)
      return setError(context, SECATEUR_BAD_DTYPE, "input '%.200s' is %s, expected %s", value.name,
                      secateur_dtype_name(tensor.dtype), secateur_dtype_name(value.dtype));
    if (tensor.rank != value.rank)
      return setError(context, SECATEUR_BAD_SHAPE, "input '%.200s' has rank %d, expected %d (%s)",
                      value.name, tensor.rank, value.rank, shapeText(value.rank, value.dims, want));
    for (int32_t j = 0; j < value.rank; ++j) {
      bool fits = value.dims[j] < 0 ? tensor.dims[j] >= 0 : tensor.dims[j] == value.dims[j];
      if (!fits)
        return setError(context, SECATEUR_BAD_SHAPE, "input '%.200s' has shape %s, expected %s",
                        value.name, shapeText(tensor.rank, tensor.dims, got),
                        shapeText(value.rank, value.dims, want));
      if (value.dims[j] < 0)
        if (SecateurStatus status = checkSymbol(context, i, j, tensor.dims[j]))
          return status;
      dims[j] = tensor.dims[j];
    }
    int64_t bytes;
    if (!tensorBytes(value.dtype, value.rank, tensor.dims, bytes))
      return setError(context, SECATEUR_BAD_SHAPE, "input '%.200s' of shape %s cannot be addressed",
                      value.name, shapeText(tensor.rank, tensor.dims, got));
  }
  return SECATEUR_OK;
}

//===--- Buffers ----------------------------------------------------------===//

static SecateurStatus checkBuffer(SecateurContext &context, const char *kind,
                                  const SecateurValueDesc &value, const SecateurTensor &tensor,
                                  int64_t bytes) {
  size_t element = secateur_dtype_size(value.dtype);
  if (!tensor.data && bytes)
    return setError(context, SECATEUR_BAD_BUFFER, "the data of %s '%.200s' is a null pointer", kind,
                    value.name);
  if (tensor.bytes < static_cast<size_t>(bytes))
    return setError(context, SECATEUR_BAD_BUFFER,
                    "%s '%.200s' needs %lld bytes, its buffer has %zu", kind, value.name,
                    static_cast<long long>(bytes), tensor.bytes);
  if (reinterpret_cast<uintptr_t>(tensor.data) % (element ? element : 1))
    return setError(context, SECATEUR_BAD_BUFFER,
                    "the data of %s '%.200s' is not aligned to its %zu-byte elements", kind,
                    value.name, element);
  return SECATEUR_OK;
}

static bool overlap(const void *a, int64_t aBytes, const void *b, int64_t bBytes) {
  uintptr_t x = reinterpret_cast<uintptr_t>(a), y = reinterpret_cast<uintptr_t>(b);
  return aBytes && bBytes && x < y + bBytes && y < x + aBytes;
}

/// Checks the inputs' data and the outputs' memory for the current plan.
static SecateurStatus takeBuffers(SecateurContext &context) {
  const SecateurModelDescriptor &model = *context.model;
  const Plan &plan = *context.current;
  int64_t bytes, otherBytes;
  for (int32_t i = 0, at = 0; i < model.inputCount; at += model.inputs[i++].rank) {
    const SecateurValueDesc &value = model.inputs[i];
    tensorBytes(value.dtype, value.rank, plan.inputDims + at, bytes);
    if (SecateurStatus status = checkBuffer(context, "input", value, *context.inputOf[i], bytes))
      return status;
    context.inputs[i] = context.inputOf[i]->data;
  }
  for (int32_t i = 0, at = 0; i < model.outputCount; at += model.outputs[i++].rank) {
    const SecateurValueDesc &value = model.outputs[i];
    const SecateurTensor &tensor = *context.outputOf[i];
    context.outputs[i] = nullptr;
    if (tensor.dtype != SECATEUR_UNDEFINED && tensor.dtype != value.dtype)
      return setError(context, SECATEUR_BAD_DTYPE, "output '%.200s' is %s, the buffer is for %s",
                      value.name, secateur_dtype_name(value.dtype),
                      secateur_dtype_name(tensor.dtype));
    if (value.flags & SECATEUR_DATA_DEPENDENT)
      continue; // Its value is copied when its size is known.
    tensorBytes(value.dtype, value.rank, plan.outputDims + at, bytes);
    if (SecateurStatus status = checkBuffer(context, "output", value, tensor, bytes))
      return status;
    context.outputs[i] = tensor.data;
    for (int32_t j = 0, from = 0; j < model.inputCount; from += model.inputs[j++].rank) {
      tensorBytes(model.inputs[j].dtype, model.inputs[j].rank, plan.inputDims + from, otherBytes);
      if (overlap(tensor.data, bytes, context.inputs[j], otherBytes))
        return setError(context, SECATEUR_BAD_BUFFER,
                        "the memory of output '%.200s' overlaps input '%.200s'", value.name,
                        model.inputs[j].name);
    }
    for (int32_t j = 0, from = 0; j < i; from += model.outputs[j++].rank) {
      if (!context.outputs[j])
        continue;
      tensorBytes(model.outputs[j].dtype, model.outputs[j].rank, plan.outputDims + from,
                  otherBytes);
      if (overlap(tensor.data, bytes, context.outputs[j], otherBytes))
        return setError(context, SECATEUR_BAD_BUFFER,
                        "the memory of output '%.200s' overlaps output '%.200s'", value.name,
                        model.outputs[j].name);
    }
  }
  return SECATEUR_OK;
}

//===--- After a run ------------------------------------------------------===//

static SecateurStatus giveOutputs(SecateurContext &context) {
  const SecateurModelDescriptor &model = *context.model;
  SecateurStatus result = SECATEUR_OK;
  for (int32_t i = 0, at = 0; i < model.outputCount; at += model.outputs[i++].rank) {
    const SecateurValueDesc &value = model.outputs[i];
    SecateurTensor &tensor = *context.outputOf[i];
    tensor.dtype = value.dtype;
    tensor.rank = value.rank;
    memcpy(tensor.dims, context.resultDims + at, value.rank * sizeof(int64_t));
    if (!(value.flags & SECATEUR_DATA_DEPENDENT))
      continue;
    int64_t bytes;
    tensorBytes(value.dtype, value.rank, tensor.dims, bytes);
    if (!tensor.data) {
      tensor.data = const_cast<void *>(context.results[i]);
      tensor.bytes = bytes;
    } else if (tensor.bytes < static_cast<size_t>(bytes)) {
      result = setError(context, SECATEUR_BAD_BUFFER,
                        "output '%.200s' needs %lld bytes, its buffer has %zu", value.name,
                        static_cast<long long>(bytes), tensor.bytes);
    } else if (bytes) {
      memcpy(tensor.data, context.results[i], bytes);
    }
  }
  return result;
}

static SecateurStatus execute(SecateurContext &context) {
  const SecateurModelDescriptor &model = *context.model;
  context.hasRun = false;
  context.region.reset();
  for (int32_t i = 0; i < model.outputCount; ++i)
    context.results[i] = nullptr;
  memcpy(context.resultDims, context.current->outputDims, context.outputDimCount * sizeof(int64_t));
  if (context.threads > 1 && !context.pool)
    context.pool = createPool(context.threads); // Without memory: one thread.
  int32_t code = 0;
  if (!runGuarded(context, code))
    return setError(context, SECATEUR_RUN_FAILED, "%s", context.failure);
  if (code) {
    bool known = code > 0 && code <= model.messageCount;
    return setError(context, SECATEUR_RUN_FAILED, "%s",
                    known ? model.messages[code - 1] : "the model reported an error");
  }
  for (int32_t i = 0; i < model.outputCount; ++i)
    if ((model.outputs[i].flags & SECATEUR_DATA_DEPENDENT) && !context.results[i])
      return setError(context, SECATEUR_RUN_FAILED, "the model did not give output '%.200s'",
                      model.outputs[i].name);
  context.hasRun = true;
  return SECATEUR_OK;
}

//===--- The interface ----------------------------------------------------===//

/// Everything before the run that may fail without losing the last results.
static SecateurStatus takeInputs(SecateurContext &context, const SecateurTensor *inputs,
                                 int32_t count) {
  const SecateurModelDescriptor &model = *context.model;
  if (SecateurStatus status =
          match(context, model.inputs, model.inputCount, "input", inputs, count, context.inputOf))
    return status;
  if (SecateurStatus status = takeShapes(context))
    return status;
  return prepare(context);
}

SecateurStatus secateur_prepare(SecateurContext *context, const SecateurTensor *inputs,
                                int32_t inputCount) {
  if (!context || !context->usable)
    return SECATEUR_INVALID_ARGUMENT;
  if (SecateurStatus status = takeInputs(*context, inputs, inputCount))
    return status;
  context->hasRun = false;
  return SECATEUR_OK;
}

SecateurStatus secateur_run(SecateurContext *context, const SecateurTensor *inputs,
                            int32_t inputCount, SecateurTensor *outputs, int32_t outputCount) {
  if (!context || !context->usable)
    return SECATEUR_INVALID_ARGUMENT;
  const SecateurModelDescriptor &model = *context->model;
  if (SecateurStatus status = match(*context, model.outputs, model.outputCount, "output", outputs,
                                    outputCount, context->outputOf))
    return status;
  if (SecateurStatus status = takeInputs(*context, inputs, inputCount))
    return status;
  if (SecateurStatus status = takeBuffers(*context)) {
    context->hasRun = false;
    return status;
  }
  if (SecateurStatus status = execute(*context))
    return status;
  return giveOutputs(*context);
}

static SecateurStatus checkOutput(SecateurContext *context, int32_t index) {
  if (!context || !context->usable)
    return SECATEUR_INVALID_ARGUMENT;
  if (index < 0 || index >= context->model->outputCount)
    return setError(*context, SECATEUR_INVALID_ARGUMENT, "there is no output %d: the model has %d",
                    index, context->model->outputCount);
  if (!context->current)
    return setError(*context, SECATEUR_INVALID_ARGUMENT, "no shapes were prepared yet");
  return SECATEUR_OK;
}

SecateurStatus secateur_output_shape(SecateurContext *context, int32_t index, int32_t *rank,
                                     int64_t *dims) {
  if (SecateurStatus status = checkOutput(context, index))
    return status;
  if (!rank || !dims)
    return setError(*context, SECATEUR_INVALID_ARGUMENT, "rank or dims is a null pointer");
  const SecateurValueDesc *outputs = context->model->outputs;
  const int64_t *all = context->hasRun ? context->resultDims : context->current->outputDims;
  *rank = outputs[index].rank;
  memcpy(dims, all + dimOffset(outputs, index), outputs[index].rank * sizeof(int64_t));
  return SECATEUR_OK;
}

SecateurStatus secateur_output_bytes(SecateurContext *context, int32_t index, size_t *bytes) {
  int32_t rank;
  int64_t dims[SECATEUR_MAX_RANK], size;
  if (SecateurStatus status = secateur_output_shape(context, index, &rank, dims))
    return status;
  if (!bytes)
    return setError(*context, SECATEUR_INVALID_ARGUMENT, "bytes is a null pointer");
  bool known = tensorBytes(context->model->outputs[index].dtype, rank, dims, size);
  *bytes = known ? static_cast<size_t>(size) : 0;
  return SECATEUR_OK;
}

SecateurStatus secateur_output_data(SecateurContext *context, int32_t index,
                                    SecateurTensor *output) {
  if (SecateurStatus status = checkOutput(context, index))
    return status;
  const SecateurValueDesc &value = context->model->outputs[index];
  if (!output)
    return setError(*context, SECATEUR_INVALID_ARGUMENT, "output is a null pointer");
  if (!(value.flags & SECATEUR_DATA_DEPENDENT))
    return setError(*context, SECATEUR_INVALID_ARGUMENT,
                    "output '%.200s' lies in the buffer that was passed to the run", value.name);
  if (!context->hasRun)
    return setError(*context, SECATEUR_INVALID_ARGUMENT, "there is no result: run the model first");
  *output = {};
  output->name = value.name;
  output->dtype = value.dtype;
  output->rank = value.rank;
  memcpy(output->dims, context->resultDims + dimOffset(context->model->outputs, index),
         value.rank * sizeof(int64_t));
  int64_t bytes;
  tensorBytes(value.dtype, value.rank, output->dims, bytes);
  output->data = const_cast<void *>(context->results[index]);
  output->bytes = bytes;
  return SECATEUR_OK;
}
