//===- Profile.cpp - Time by step -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Emitted code says which step begins; time since then belongs to it until the next
// one begins or the run ends. Without a profile that is a call and a comparison.
//===----------------------------------------------------------------------===//

#include "Internal.h"

#include <stdlib.h>
#include <time.h>

using namespace secateur::runtime;

static double now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

void secateur::runtime::switchStep(Profile &profile, int32_t step) {
  double time = now();
  if (profile.current >= 0)
    profile.steps[profile.current].seconds += time - profile.began;
  profile.current = step;
  profile.began = time;
}

void secateur_step(SecateurRunContext *context, int32_t step, int64_t flops, int64_t bytes) {
  Profile *profile = context->profile;
  if (__builtin_expect(!profile, 1))
    return;
  switchStep(*profile, step);
  SecateurStep &entry = profile->steps[step];
  ++entry.calls;
  entry.flops += flops;
  entry.bytes += bytes;
}

SecateurStatus secateur_profile(SecateurContext *context, int32_t enable) {
  if (!context || !context->usable)
    return SECATEUR_INVALID_ARGUMENT;
  free(context->profile);
  context->profile = nullptr;
  if (!enable)
    return SECATEUR_OK;
  const SecateurModelDescriptor &model = *context->model;
  auto *profile = static_cast<Profile *>(
      calloc(1, sizeof(Profile) + static_cast<size_t>(model.stepCount) * sizeof(SecateurStep)));
  if (!profile)
    return setError(*context, SECATEUR_OUT_OF_MEMORY, "no memory for a profile");
  profile->current = -1;
  for (int32_t i = 0; i < model.stepCount; ++i)
    profile->steps[i].name = model.stepNames[i];
  context->profile = profile;
  return SECATEUR_OK;
}

int32_t secateur_step_count(const SecateurContext *context) {
  return context && context->usable ? context->model->stepCount : 0;
}

SecateurStatus secateur_step_info(SecateurContext *context, int32_t index, SecateurStep *step) {
  if (!context || !context->usable)
    return SECATEUR_INVALID_ARGUMENT;
  if (!context->profile)
    return setError(*context, SECATEUR_INVALID_ARGUMENT,
                    "there is no profile: call secateur_profile() first");
  if (!step || index < 0 || index >= context->model->stepCount)
    return setError(*context, SECATEUR_INVALID_ARGUMENT,
                    "step %d: the model has %d, and there must be a place to write it to", index,
                    context->model->stepCount);
  *step = context->profile->steps[index];
  return SECATEUR_OK;
}
