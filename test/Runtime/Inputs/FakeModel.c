/*===- FakeModel.c - A model written by hand, for tests of the runtime ------===//
 * SPDX-License-Identifier: Apache-2.0
 *===----------------------------------------------------------------------===//
 *
 * y[r][c] = x[r][c] * w[c] + bias[c] + x[pick][c], in two steps over an arena;
 * kept = the positive elements of x, whose number depends on the data. A `pick`
 * out of range, and a NaN in x, end the run; more than 1e12 rows are refused.
 *===----------------------------------------------------------------------===*/

#include "secateur.h"
#include "secateur/Runtime/ModelDescriptor.h"

#include <string.h>

static const int64_t xDims[] = {-1, 4}, pickDims[] = {0}, keptDims[] = {-1};
static const char *const xSymbols[] = {"batch", 0};

static const SecateurValueDesc inputs[] = {
    {"x", xDims, xSymbols, SECATEUR_F32, 2, 0, 0},
    {"pick", pickDims, 0, SECATEUR_I64, 0, 0, 0},
};
static const SecateurValueDesc outputs[] = {
    {"y", xDims, xSymbols, SECATEUR_F32, 2, 0, 0},
    {"kept", keptDims, 0, SECATEUR_F32, 1, SECATEUR_DATA_DEPENDENT, 0},
};
static const SecateurLiveRange ranges[] = {{0, 1}, {1, 2}, {2, 3}};
static const char *const messages[] = {"batch is above the limit", "pick is out of range"};

static int32_t sizes(const int64_t *inputDims, int64_t *bufferBytes, int64_t *outputDims) {
  int64_t batch = inputDims[0];
  if (batch > 1000000000000)
    return 1;
  bufferBytes[0] = bufferBytes[1] = bufferBytes[2] = batch * 16;
  outputDims[0] = batch;
  outputDims[1] = 4;
  outputDims[2] = -1;
  return 0;
}

struct Step {
  SecateurRunContext *context;
  const float *x, *weights, *bias, *row;
  float *from, *to;
};

static void scale(void *args, int64_t lo, int64_t hi) {
  struct Step *step = args;
  for (int64_t i = lo * 4; i < hi * 4; ++i) {
    if (step->x[i] != step->x[i])
      secateur_fail(step->context, "x has a NaN");
    step->to[i] = step->x[i] * step->weights[i % 4];
  }
}

static void shift(void *args, int64_t lo, int64_t hi) {
  struct Step *step = args;
  for (int64_t i = lo * 4; i < hi * 4; ++i)
    step->to[i] = step->from[i] + step->bias[i % 4] + step->row[i % 4];
}

static const char *const steps[] = {"scale", "shift"};

static int32_t run(SecateurRunContext *context, const void *const *in, const int64_t *inputDims,
                   void *const *out, char *arena, const int64_t *offsets, const char *weights) {
  const float *x = in[0];
  int64_t batch = inputDims[0], pick = *(const int64_t *)in[1];
  if (pick < 0 || pick >= batch)
    return 2;
  struct Step step = {
      context, x, (const float *)weights, (const float *)(weights + 64), x + 4 * pick, 0, 0};
  step.to = (float *)(arena + offsets[0]);
  secateur_step(context, 0, 2 * batch, 32 * batch);
  secateur_parallel_for(context, scale, &step, batch, 3);
  step.from = step.to;
  step.to = (float *)(arena + offsets[1]);
  secateur_step(context, 1, 0, 32 * batch);
  secateur_parallel_for(context, shift, &step, batch, 1);
  memcpy(arena + offsets[2], step.to, batch * 16);
  memcpy(out[0], arena + offsets[2], batch * 16);

  int64_t count = 0;
  float *kept = secateur_allocate(context, batch * 16);
  for (int64_t i = 0; i < batch * 4; ++i) {
    float *scratch = secateur_allocate(context, 4); /* As a loop's body would. */
    *scratch = x[i];
    if (*scratch > 0)
      kept[count++] = *scratch;
    secateur_free(context, scratch);
  }
  secateur_set_output(context, 1, &count, kept);
  return 0;
}

__attribute__((visibility("hidden"))) const SecateurModelDescriptor secateur_model_descriptor = {
    SECATEUR_DESCRIPTOR_VERSION,
    sizeof(SecateurModelDescriptor),
    "0.1.0",
    "fake",
    "x86_64-unknown-linux-gnu",
    "x86-64",
    "strict",
#ifdef FAKE_CPU_FEATURES
    FAKE_CPU_FEATURES,
#else
    1 << 5, /* avx */
#endif
    2,
    2,
    inputs,
    outputs,
    3,
    2,
    ranges,
    messages,
    2,
    0,
    steps,
    sizes,
    run,
};
