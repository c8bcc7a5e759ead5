//===- Fixture.h - Calls the model written by hand --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_TEST_RUNTIME_FIXTURE_H
#define SECATEUR_TEST_RUNTIME_FIXTURE_H

#include "secateur.h"

#include "gtest/gtest.h"

#include <string>
#include <vector>

/// Inputs and outputs of the model in Inputs/FakeModel.c for `batch` rows.
struct FakeCall {
  explicit FakeCall(int64_t batch, int64_t pick = 0) : batch(batch), pickValue(pick) {
    x.resize(batch * 4);
    y.resize(batch * 4);
    for (int64_t i = 0; i < batch * 4; ++i)
      x[i] = static_cast<float>(i % 7) - 3;
    inputs[0] = {"x", x.data(), x.size() * 4, SECATEUR_F32, 2, {batch, 4}};
    inputs[1] = {"pick", &pickValue, 8, SECATEUR_I64, 0, {}};
    outputs[0] = {"y", y.data(), y.size() * 4, SECATEUR_UNDEFINED, 0, {}};
    outputs[1] = {"kept", nullptr, 0, SECATEUR_UNDEFINED, 0, {}};
  }

  SecateurStatus run(SecateurContext *context) {
    outputs[1].data = nullptr;
    return secateur_run(context, inputs, 2, outputs, 2);
  }

  /// Number of wrong elements in y and kept.
  int64_t countErrors() const {
    static const float weights[] = {1, 2, 3, 4}, bias[] = {0.5, -0.5, 1, 0};
    int64_t errors = 0;
    std::vector<float> kept;
    for (int64_t i = 0; i < batch * 4; ++i) {
      errors += y[i] != x[i] * weights[i % 4] + bias[i % 4] + x[pickValue * 4 + i % 4];
      if (x[i] > 0)
        kept.push_back(x[i]);
    }
    const float *data = static_cast<const float *>(outputs[1].data);
    if (outputs[1].rank != 1 || outputs[1].dims[0] != static_cast<int64_t>(kept.size()))
      return errors + 1;
    for (size_t i = 0; i < kept.size(); ++i)
      errors += data[i] != kept[i];
    return errors;
  }

  int64_t batch, pickValue;
  std::vector<float> x, y;
  SecateurTensor inputs[2], outputs[2];
};

/// A context that the test destroys.
struct Context {
  explicit Context(int32_t threads = 1, SecateurPool *pool = nullptr) {
    SecateurOptions options = {};
    options.structSize = sizeof(options);
    options.threads = threads;
    options.pool = pool;
    EXPECT_EQ(secateur_create(&options, &context), SECATEUR_OK) << secateur_last_error(context);
  }
  ~Context() { secateur_destroy(context); }
  operator SecateurContext *() const { return context; }
  std::string error() const { return secateur_last_error(context); }

  SecateurContext *context = nullptr;
};

#endif // SECATEUR_TEST_RUNTIME_FIXTURE_H
