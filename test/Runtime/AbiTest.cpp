//===- AbiTest.cpp - What the C ABI promises, on a model written by hand ----===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Fixture.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstring>

static bool contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

#define EXPECT_FAILS(call, status, text)                                                           \
  do {                                                                                             \
    EXPECT_EQ(call, status);                                                                       \
    EXPECT_TRUE(contains(context.error(), text)) << context.error();                               \
  } while (0)

TEST(Abi, DescribesTheModel) {
  Context context;
  EXPECT_STREQ(secateur_model_name(), "fake");
  EXPECT_STREQ(secateur_math_mode(), "strict");
  ASSERT_EQ(secateur_input_count(context), 2);
  ASSERT_EQ(secateur_output_count(context), 2);
  SecateurValueInfo info;
  ASSERT_EQ(secateur_input_info(context, 0, &info), SECATEUR_OK);
  EXPECT_STREQ(info.name, "x");
  EXPECT_EQ(info.dtype, SECATEUR_F32);
  ASSERT_EQ(info.rank, 2);
  EXPECT_EQ(info.dims[0], SECATEUR_DYNAMIC);
  EXPECT_EQ(info.dims[1], 4);
  EXPECT_STREQ(info.symbols[0], "batch");
  EXPECT_EQ(info.symbols[1], nullptr);
  ASSERT_EQ(secateur_output_info(context, 1, &info), SECATEUR_OK);
  EXPECT_EQ(info.flags, SECATEUR_DATA_DEPENDENT);
  ASSERT_NE(info.symbols, nullptr); // Also where the model has none.
  EXPECT_EQ(info.symbols[0], nullptr);
  EXPECT_EQ(secateur_input_index(context, "pick"), 1);
  EXPECT_EQ(secateur_output_index(context, "y"), 0);
  EXPECT_FAILS(secateur_input_index(context, "y"), -1, "no input 'y'");
  EXPECT_FAILS(secateur_input_info(context, 2, &info), SECATEUR_INVALID_ARGUMENT, "no input 2");
  EXPECT_FAILS(secateur_input_info(context, -1, &info), SECATEUR_INVALID_ARGUMENT, "no input -1");
  EXPECT_EQ(secateur_api()->run, secateur_run);
  EXPECT_EQ(secateur_api()->poolDestroy, secateur_pool_destroy); // The last one.
}

TEST(Abi, RunsSeveralShapes) {
  Context context;
  for (int64_t batch : {1, 5, 1000, 3, 5, 1, 1000}) {
    FakeCall call(batch, batch / 2);
    ASSERT_EQ(call.run(context), SECATEUR_OK) << context.error();
    EXPECT_EQ(call.countErrors(), 0) << batch;
    EXPECT_EQ(call.outputs[0].rank, 2);
    EXPECT_EQ(call.outputs[0].dims[0], batch);
    EXPECT_EQ(call.outputs[0].dtype, SECATEUR_F32);
  }
}

TEST(Abi, ForgetsOldPlansAndStaysRight) {
  Context context;
  for (int64_t batch = 1; batch < 200; ++batch) {
    FakeCall call(batch % 3 ? batch : 7);
    ASSERT_EQ(call.run(context), SECATEUR_OK) << context.error();
    EXPECT_EQ(call.countErrors(), 0);
  }
}

TEST(Abi, PrepareGivesShapes) {
  Context context;
  FakeCall call(6);
  int32_t rank;
  int64_t dims[SECATEUR_MAX_RANK];
  size_t bytes;
  EXPECT_FAILS(secateur_output_shape(context, 0, &rank, dims), SECATEUR_INVALID_ARGUMENT,
               "no shapes were prepared");
  call.inputs[0].data = nullptr; // Only shapes count.
  ASSERT_EQ(secateur_prepare(context, call.inputs, 2), SECATEUR_OK);
  ASSERT_EQ(secateur_output_shape(context, 0, &rank, dims), SECATEUR_OK);
  EXPECT_EQ(rank, 2);
  EXPECT_EQ(dims[0], 6);
  EXPECT_EQ(dims[1], 4);
  ASSERT_EQ(secateur_output_bytes(context, 0, &bytes), SECATEUR_OK);
  EXPECT_EQ(bytes, 96u);
  ASSERT_EQ(secateur_output_shape(context, 1, &rank, dims), SECATEUR_OK);
  EXPECT_EQ(dims[0], SECATEUR_DYNAMIC);
  ASSERT_EQ(secateur_output_bytes(context, 1, &bytes), SECATEUR_OK);
  EXPECT_EQ(bytes, 0u);
  SecateurMemory memory;
  ASSERT_EQ(secateur_memory(context, &memory), SECATEUR_OK);
  EXPECT_EQ(memory.arenaBytes, 2 * 128u); // Buffers 0 and 2 share a place.
  EXPECT_EQ(memory.weightBytes, 80u);
}

TEST(Abi, TakesTensorsByPositionAndInAnyOrder) {
  Context context;
  FakeCall call(3);
  std::swap(call.inputs[0], call.inputs[1]);
  ASSERT_EQ(call.run(context), SECATEUR_OK) << context.error();
  EXPECT_EQ(call.countErrors(), 0);
  std::swap(call.inputs[0], call.inputs[1]);
  for (int i = 0; i < 2; ++i)
    call.inputs[i].name = call.outputs[i].name = nullptr;
  ASSERT_EQ(call.run(context), SECATEUR_OK) << context.error();
  EXPECT_EQ(call.countErrors(), 0);
}

TEST(Abi, RefusesWrongInputs) {
  Context context;
  auto tryWith = [&](auto change) {
    FakeCall call(3);
    change(call);
    return call.run(context);
  };
  EXPECT_FAILS(tryWith([](FakeCall &c) { c.inputs[0].name = "z"; }), SECATEUR_BAD_NAME,
               "no input 'z'");
  EXPECT_FAILS(tryWith([](FakeCall &c) { c.inputs[1].name = "x"; }), SECATEUR_BAD_NAME,
               "'x' is given twice");
  EXPECT_FAILS(tryWith([](FakeCall &c) { c.inputs[1].name = nullptr; }), SECATEUR_BAD_NAME,
               "some inputs have a name");
  EXPECT_FAILS(tryWith([](FakeCall &c) { c.inputs[0].dtype = SECATEUR_F64; }), SECATEUR_BAD_DTYPE,
               "input 'x' is float64, expected float32");
  EXPECT_FAILS(tryWith([](FakeCall &c) { c.inputs[0].dtype = 99; }), SECATEUR_BAD_DTYPE, "is ?");
  EXPECT_FAILS(tryWith([](FakeCall &c) { c.inputs[0].rank = 3; }), SECATEUR_BAD_SHAPE,
               "has rank 3, expected 2 (?x4)");
  EXPECT_FAILS(tryWith([](FakeCall &c) { c.inputs[0].rank = -1; }), SECATEUR_BAD_SHAPE, "rank -1");
  EXPECT_FAILS(tryWith([](FakeCall &c) { c.inputs[0].dims[1] = 5; }), SECATEUR_BAD_SHAPE,
               "has shape 3x5, expected ?x4");
  EXPECT_FAILS(tryWith([](FakeCall &c) { c.inputs[0].dims[0] = -1; }), SECATEUR_BAD_SHAPE, "?x4");
  EXPECT_FAILS(tryWith([](FakeCall &c) { c.inputs[0].dims[0] = INT64_MAX; }), SECATEUR_BAD_SHAPE,
               "cannot be addressed");
  EXPECT_FAILS(tryWith([](FakeCall &c) { c.inputs[0].dims[0] = 2000000000000; }),
               SECATEUR_BAD_SHAPE, "batch is above the limit");
  EXPECT_FAILS(tryWith([](FakeCall &c) { c.inputs[0].dims[0] = 900000000000; }),
               SECATEUR_OUT_OF_MEMORY, "no memory");
  EXPECT_FAILS(tryWith([](FakeCall &c) { c.inputs[0].data = nullptr; }), SECATEUR_BAD_BUFFER,
               "input 'x' is a null pointer");
  EXPECT_FAILS(tryWith([](FakeCall &c) { c.inputs[0].bytes = 47; }), SECATEUR_BAD_BUFFER,
               "input 'x' needs 48 bytes, its buffer has 47");
  EXPECT_FAILS(
      tryWith([](FakeCall &c) { c.inputs[0].data = static_cast<char *>(c.inputs[0].data) + 1; }),
      SECATEUR_BAD_BUFFER, "not aligned");
  FakeCall call(3); // The context is as good as new.
  EXPECT_EQ(call.run(context), SECATEUR_OK) << context.error();
  EXPECT_EQ(call.countErrors(), 0);
}

TEST(Abi, RefusesWrongOutputs) {
  Context context;
  FakeCall call(3);
  auto tryWith = [&](auto change) {
    FakeCall wrong(3);
    change(wrong);
    return wrong.run(context);
  };
  EXPECT_FAILS(tryWith([](FakeCall &c) { c.outputs[0].bytes = 40; }), SECATEUR_BAD_BUFFER,
               "output 'y' needs 48 bytes, its buffer has 40");
  EXPECT_FAILS(tryWith([](FakeCall &c) { c.outputs[0].data = nullptr; }), SECATEUR_BAD_BUFFER,
               "output 'y' is a null pointer");
  EXPECT_FAILS(tryWith([](FakeCall &c) { c.outputs[0].dtype = SECATEUR_I32; }), SECATEUR_BAD_DTYPE,
               "output 'y' is float32, the buffer is for int32");
  EXPECT_FAILS(tryWith([](FakeCall &c) { c.outputs[0].data = c.x.data() + 2; }),
               SECATEUR_BAD_BUFFER, "overlaps input 'x'");
  EXPECT_FAILS(tryWith([](FakeCall &c) { c.outputs[1].name = "y"; }), SECATEUR_BAD_NAME,
               "output 'y' is given twice");
  EXPECT_FAILS(secateur_run(context, call.inputs, 2, call.outputs, 1), SECATEUR_INVALID_ARGUMENT,
               "1 outputs were given, the model has 2");
  EXPECT_FAILS(secateur_run(context, call.inputs, 3, call.outputs, 2), SECATEUR_INVALID_ARGUMENT,
               "3 inputs");
  EXPECT_FAILS(secateur_run(context, nullptr, 2, call.outputs, 2), SECATEUR_INVALID_ARGUMENT,
               "null pointer");
  EXPECT_FAILS(secateur_run(context, call.inputs, 2, nullptr, 2), SECATEUR_INVALID_ARGUMENT,
               "null pointer");
}

TEST(Abi, NullPointersAreErrors) {
  EXPECT_EQ(secateur_create(nullptr, nullptr), SECATEUR_INVALID_ARGUMENT);
  EXPECT_EQ(secateur_run(nullptr, nullptr, 0, nullptr, 0), SECATEUR_INVALID_ARGUMENT);
  EXPECT_EQ(secateur_prepare(nullptr, nullptr, 0), SECATEUR_INVALID_ARGUMENT);
  EXPECT_EQ(secateur_set_threads(nullptr, 1), SECATEUR_INVALID_ARGUMENT);
  EXPECT_EQ(secateur_input_count(nullptr), 0);
  EXPECT_EQ(secateur_input_index(nullptr, "x"), -1);
  EXPECT_EQ(secateur_output_data(nullptr, 0, nullptr), SECATEUR_INVALID_ARGUMENT);
  EXPECT_EQ(secateur_memory(nullptr, nullptr), SECATEUR_INVALID_ARGUMENT);
  EXPECT_NE(secateur_last_error(nullptr), nullptr);
  secateur_destroy(nullptr);
  secateur_pool_destroy(nullptr);
  Context context;
  EXPECT_EQ(secateur_input_index(context, nullptr), -1);
  EXPECT_EQ(secateur_input_info(context, 0, nullptr), SECATEUR_INVALID_ARGUMENT);
  EXPECT_EQ(secateur_memory(context, nullptr), SECATEUR_INVALID_ARGUMENT);
}

TEST(Abi, ReportsFailuresOfTheModel) {
  for (int32_t threads : {1, 4}) {
    Context context(threads);
    FakeCall call(1000);
    call.pickValue = 1000;
    EXPECT_FAILS(call.run(context), SECATEUR_RUN_FAILED, "pick is out of range");
    call.pickValue = 0;
    call.x[2002] = NAN; // Found in a task.
    EXPECT_FAILS(call.run(context), SECATEUR_RUN_FAILED, "x has a NaN");
    SecateurTensor kept;
    EXPECT_FAILS(secateur_output_data(context, 1, &kept), SECATEUR_INVALID_ARGUMENT, "no result");
    call.x[2002] = 1;
    EXPECT_EQ(call.run(context), SECATEUR_OK) << context.error();
    EXPECT_EQ(call.countErrors(), 0);
  }
}

TEST(Abi, DataDependentOutputs) {
  Context context;
  FakeCall call(5); // 20 elements, 0 .. 6 - 3 repeated: 8 are positive.
  ASSERT_EQ(call.run(context), SECATEUR_OK);
  ASSERT_EQ(call.outputs[1].bytes, 8 * 4u);
  float own[20];
  call.outputs[1].data = own;
  call.outputs[1].bytes = 7 * 4;
  EXPECT_FAILS(secateur_run(context, call.inputs, 2, call.outputs, 2), SECATEUR_BAD_BUFFER,
               "output 'kept' needs 32 bytes, its buffer has 28");
  EXPECT_EQ(call.outputs[1].dims[0], 8);
  SecateurTensor kept;
  ASSERT_EQ(secateur_output_data(context, 1, &kept), SECATEUR_OK); // Still there.
  EXPECT_EQ(kept.dims[0], 8);
  EXPECT_EQ(kept.bytes, 32u);
  EXPECT_EQ(static_cast<float *>(kept.data)[0], 1);
  call.outputs[1].bytes = 8 * 4;
  ASSERT_EQ(secateur_run(context, call.inputs, 2, call.outputs, 2), SECATEUR_OK);
  EXPECT_EQ(call.outputs[1].data, own);
  EXPECT_EQ(call.countErrors(), 0);
  EXPECT_FAILS(secateur_output_data(context, 0, &kept), SECATEUR_INVALID_ARGUMENT,
               "lies in the buffer");
  for (float &value : call.x)
    value = -1; // Nothing is kept.
  ASSERT_EQ(call.run(context), SECATEUR_OK);
  EXPECT_EQ(call.outputs[1].dims[0], 0);
  EXPECT_EQ(call.outputs[1].bytes, 0u);
}

TEST(Abi, RefusesBadOptions) {
  SecateurOptions options = {};
  SecateurContext *made = nullptr;
  EXPECT_EQ(secateur_create(&options, &made), SECATEUR_INVALID_ARGUMENT);
  EXPECT_TRUE(contains(secateur_last_error(made), "structSize is 0"));
  EXPECT_EQ(secateur_input_count(made), 0); // Refused, not crashing.
  EXPECT_EQ(secateur_set_threads(made, 1), SECATEUR_INVALID_ARGUMENT);
  secateur_destroy(made);
  options.structSize = sizeof(options);
  options.threads = -1;
  EXPECT_EQ(secateur_create(&options, &made), SECATEUR_INVALID_ARGUMENT);
  secateur_destroy(made);
  options.threads = 0;
  options.weightsPath = "/nonexistent/weights.safetensors";
  EXPECT_EQ(secateur_create(&options, &made), SECATEUR_BAD_WEIGHTS);
  EXPECT_TRUE(contains(secateur_last_error(made), "/nonexistent/weights.safetensors"));
  secateur_destroy(made);
  options.weightsPath = "/proc/self/exe"; // Exists, but is no weights file.
  EXPECT_EQ(secateur_create(&options, &made), SECATEUR_BAD_WEIGHTS);
  EXPECT_TRUE(contains(secateur_last_error(made), "not the one written for this model"));
  secateur_destroy(made);
  options = {};
  options.structSize = 16; // A caller from before `pool` existed.
  EXPECT_EQ(secateur_create(&options, &made), SECATEUR_OK);
  secateur_destroy(made);
}

/// Buffers that end right before a page that cannot be touched.
TEST(Abi, StaysInsideTheBuffers) {
  size_t page = sysconf(_SC_PAGESIZE);
  auto guarded = [&](size_t bytes) {
    size_t size = (bytes + page - 1) / page * page;
    char *memory = static_cast<char *>(
        mmap(nullptr, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(memory + size, page, PROT_NONE);
    return memory + size - bytes;
  };
  Context context(2);
  for (int64_t batch : {1, 3, 257}) {
    FakeCall call(batch);
    size_t bytes = batch * 16;
    char *x = guarded(bytes), *y = guarded(bytes);
    std::memcpy(x, call.x.data(), bytes);
    call.inputs[0].data = x;
    call.outputs[0].data = y;
    ASSERT_EQ(call.run(context), SECATEUR_OK) << context.error();
    std::memcpy(call.y.data(), y, bytes);
    EXPECT_EQ(call.countErrors(), 0);
  }
}

TEST(Abi, EmptyBatch) {
  Context context;
  FakeCall call(0);
  EXPECT_FAILS(call.run(context), SECATEUR_RUN_FAILED, "pick is out of range");
}

TEST(Abi, Profile) {
  Context context(2);
  SecateurStep step;
  EXPECT_EQ(secateur_step_count(context), 2);
  EXPECT_EQ(secateur_step_info(context, 0, &step), SECATEUR_INVALID_ARGUMENT);
  ASSERT_EQ(secateur_profile(context, 1), SECATEUR_OK);
  FakeCall call(5);
  for (int run = 0; run < 3; ++run)
    ASSERT_EQ(call.run(context), SECATEUR_OK);
  EXPECT_EQ(call.countErrors(), 0);
  ASSERT_EQ(secateur_step_info(context, 0, &step), SECATEUR_OK);
  EXPECT_STREQ(step.name, "scale");
  EXPECT_EQ(step.calls, 3);
  EXPECT_EQ(step.flops, 3 * 10);
  EXPECT_EQ(step.bytes, 3 * 160);
  EXPECT_GT(step.seconds, 0);
  EXPECT_EQ(secateur_step_info(context, 2, &step), SECATEUR_INVALID_ARGUMENT);
  EXPECT_EQ(secateur_step_info(context, 0, nullptr), SECATEUR_INVALID_ARGUMENT);
  // A new one begins at zero; without one, runs count nothing.
  ASSERT_EQ(secateur_profile(context, 1), SECATEUR_OK);
  ASSERT_EQ(secateur_step_info(context, 1, &step), SECATEUR_OK);
  EXPECT_EQ(step.calls, 0);
  EXPECT_EQ(step.seconds, 0);
  ASSERT_EQ(secateur_profile(context, 0), SECATEUR_OK);
  ASSERT_EQ(call.run(context), SECATEUR_OK);
  EXPECT_EQ(secateur_step_info(context, 0, &step), SECATEUR_INVALID_ARGUMENT);
}
