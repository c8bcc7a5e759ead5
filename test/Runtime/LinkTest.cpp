//===- LinkTest.cpp - From an object to a library that runs -----------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/CodeGen/Link.h"

#include "secateur.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"

#include <dlfcn.h>

#include <fstream>

using namespace mlir;
using namespace secateur::codegen;

namespace {

class Link : public testing::Test {
protected:
  Link() : location(UnknownLoc::get(&context)) {
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("secateur-link-test", folder));
    context.getDiagEngine().registerHandler(
        [this](Diagnostic &diagnostic) { message = diagnostic.str(); });
  }
  ~Link() override { (void)llvm::sys::fs::remove_directories(folder); }

  DenseElementsAttr floats(ArrayRef<int64_t> shape, ArrayRef<float> values) {
    return DenseElementsAttr::get(RankedTensorType::get(shape, Float32Type::get(&context)), values);
  }

  /// Weights of Inputs/FakeModel.c: w is stored transposed, to be packed back.
  std::vector<PackedWeight> fakeWeights(float bias = 0.5) {
    PackedWeight w, b;
    w.name = "w";
    w.value = floats({2, 2}, {1, 3, 2, 4});
    w.permutation = {1, 0};
    b.name = "bias";
    b.value = floats({4}, {bias, -0.5, 1, 0});
    b.offset = 64;
    return {w, b};
  }

  std::string path(StringRef name) { return (folder + "/" + name).str(); }

  std::string readFile(StringRef file) {
    auto buffer = llvm::MemoryBuffer::getFile(file);
    return buffer ? (*buffer)->getBuffer().str() : "";
  }

  /// The element y[0][0] for x = {2, 0, 0, 0}: 2 * 1 + bias + 2.
  float runLibrary(StringRef file, const char *weights = nullptr, std::string *error = nullptr) {
    void *library = dlopen(file.str().c_str(), RTLD_NOW | RTLD_LOCAL);
    EXPECT_NE(library, nullptr) << dlerror();
    if (!library)
      return 0;
    auto getApi = reinterpret_cast<const SecateurApi *(*)()>(dlsym(library, "secateur_api"));
    EXPECT_EQ(dlsym(library, "secateur_parallel_for"), nullptr); // Not exported.
    SecateurOptions options = {};
    options.structSize = sizeof(options);
    options.weightsPath = weights;
    SecateurContext *model = nullptr;
    float x[4] = {2, 0, 0, 0}, y[4] = {};
    int64_t pick = 0;
    SecateurTensor inputs[] = {{"x", x, 16, SECATEUR_F32, 2, {1, 4}},
                               {"pick", &pick, 8, SECATEUR_I64, 0, {}}};
    SecateurTensor outputs[] = {{"y", y, 16, SECATEUR_F32, 0, {}},
                                {"kept", nullptr, 0, SECATEUR_F32, 0, {}}};
    const SecateurApi *api = getApi();
    SecateurStatus status = api->create(&options, &model);
    if (!status)
      status = api->run(model, inputs, 2, outputs, 2);
    if (error)
      *error = status ? api->lastError(model) : "";
    else
      EXPECT_EQ(status, SECATEUR_OK) << api->lastError(model);
    api->destroy(model);
    dlclose(library);
    return y[0];
  }

  int countFiles() {
    int count = 0;
    std::error_code error;
    for (llvm::sys::fs::directory_iterator it(folder, error), end; it != end && !error;
         it.increment(error))
      ++count;
    return count;
  }

  MLIRContext context;
  Location location;
  SmallString<128> folder;
  std::string message;
};

std::vector<float> pack(const PackedWeight &weight, Location location) {
  std::string bytes;
  llvm::raw_string_ostream os(bytes);
  EXPECT_TRUE(succeeded(packWeight(weight, os, location)));
  EXPECT_EQ(bytes.size(), packedBytes(weight));
  std::vector<float> result(bytes.size() / 4);
  memcpy(result.data(), bytes.data(), result.size() * 4);
  return result;
}

} // namespace

TEST_F(Link, PacksPanels) {
  PackedWeight weight; // [M=3, K=2] as in a convolution; packed over M by 2.
  weight.value = floats({3, 2}, {1, 2, 3, 4, 5, 6});
  weight.permutation = {1, 0};
  weight.panel = 2;
  EXPECT_EQ(packedShape(weight), (SmallVector<int64_t, 8>{2, 2, 2}));
  EXPECT_EQ(pack(weight, location), (std::vector<float>{1, 3, 2, 4, 5, 0, 6, 0}));
  weight.panel = 0;
  EXPECT_EQ(pack(weight, location), (std::vector<float>{1, 3, 5, 2, 4, 6}));
}

TEST_F(Link, PacksBatchesAndReshapes) {
  PackedWeight weight; // Two groups of [K=2, N=3].
  weight.value = floats({12}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  weight.shape = {2, 2, 3};
  weight.batch = 1;
  weight.panel = 2;
  EXPECT_EQ(packedShape(weight), (SmallVector<int64_t, 8>{2, 2, 2, 2}));
  EXPECT_EQ(pack(weight, location),
            (std::vector<float>{0, 1, 3, 4, 2, 0, 5, 0, 6, 7, 9, 10, 8, 0, 11, 0}));
}

TEST_F(Link, PacksSplatsAndScalars) {
  PackedWeight weight;
  weight.value =
      DenseElementsAttr::get(RankedTensorType::get({3, 1}, Float32Type::get(&context)), 7.0f);
  weight.permutation = {1, 0};
  weight.panel = 2;
  EXPECT_EQ(pack(weight, location), (std::vector<float>{7, 7, 7, 0}));
  weight = {};
  weight.value = floats({}, {5});
  EXPECT_EQ(pack(weight, location), (std::vector<float>{5}));
}

TEST_F(Link, TransformsFiltersForWinograd) {
  PackedWeight weight; // [M=3, C=1, 3, 3]: ones, one in the middle, nothing.
  std::vector<float> windows(27, 0);
  std::fill_n(windows.begin(), 9, 1.0f);
  windows[9 + 4] = 1;
  weight.value = floats({3, 1, 3, 3}, windows);
  weight.panel = 2;
  weight.winograd = 2;
  EXPECT_EQ(packedShape(weight), (SmallVector<int64_t, 8>{2, 16, 1, 2}));
  std::vector<float> packed = pack(weight, location);
  // G 1 G^T is the outer product of G's sums over rows, (1, 1.5, 0.5, 1); a one in the
  // middle meets G's middle column, (0, 0.5, -0.5, 0).
  const float sums[] = {1, 1.5, 0.5, 1}, middle[] = {0, 0.5, -0.5, 0};
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) {
      EXPECT_EQ(packed[(i * 4 + j) * 2], sums[i] * sums[j]);
      EXPECT_EQ(packed[(i * 4 + j) * 2 + 1], middle[i] * middle[j]);
    }
  EXPECT_TRUE(llvm::all_of(ArrayRef(packed).drop_front(32), [](float x) { return x == 0; }));
}

TEST_F(Link, BooleansTakeAByte) {
  PackedWeight weight;
  weight.value = DenseElementsAttr::get(RankedTensorType::get({3}, IntegerType::get(&context, 1)),
                                        ArrayRef<bool>{true, false, true});
  std::string bytes;
  llvm::raw_string_ostream os(bytes);
  ASSERT_TRUE(succeeded(packWeight(weight, os, location)));
  EXPECT_EQ(bytes, std::string("\1\0\1", 3));
}

TEST_F(Link, EmbeddedWeights) {
  std::string object = readFile(FAKE_MODEL_OBJECT);
  ASSERT_FALSE(object.empty());
  auto result = linkModel(object, fakeWeights(), 80, path("model.so"), {}, location);
  ASSERT_TRUE(succeeded(result)) << message;
  EXPECT_EQ(result->weightsFile, "");
  EXPECT_EQ(runLibrary(path("model.so")), 4.5f);
  EXPECT_EQ(countFiles(), 1); // Nothing temporary is left.
  ASSERT_TRUE(succeeded(linkModel(object, fakeWeights(), 80, path("again.so"), {}, location)));
  std::string first = readFile(path("model.so")), second = readFile(path("again.so"));
  EXPECT_EQ(first.size(), second.size()); // Only the names differ.
  ASSERT_TRUE(succeeded(linkModel(object, fakeWeights(), 80, path("again.so"), {}, location)));
  EXPECT_EQ(readFile(path("again.so")), second); // The same input, the same bytes.
}

TEST_F(Link, ManyLibrariesAtOnce) {
  std::string object = readFile(FAKE_MODEL_OBJECT);
  ASSERT_TRUE(succeeded(linkModel(object, fakeWeights(), 80, path("model.so"), {}, location)));
  std::vector<void *> libraries;
  for (int i = 0; i < 600; ++i) {
    std::string copy = path("copy" + std::to_string(i) + ".so");
    EXPECT_FALSE(llvm::sys::fs::copy_file(path("model.so"), copy));
    libraries.push_back(dlopen(copy.c_str(), RTLD_NOW | RTLD_LOCAL));
    ASSERT_NE(libraries.back(), nullptr) << dlerror();
  }
  EXPECT_EQ(runLibrary(path("copy599.so")), 4.5f);
  for (void *library : libraries)
    dlclose(library);
}

TEST_F(Link, WeightsBesideTheLibrary) {
  LinkOptions options;
  options.maxEmbeddedWeights = 79;
  std::string object = readFile(FAKE_MODEL_OBJECT);
  auto result = linkModel(object, fakeWeights(), 80, path("model.so"), options, location);
  ASSERT_TRUE(succeeded(result)) << message;
  EXPECT_EQ(result->weightsFile, path("model.so.weights.safetensors"));
  EXPECT_EQ(countFiles(), 2);
  EXPECT_EQ(runLibrary(path("model.so")), 4.5f);

  // Found where both were moved, and where only the library has another name.
  EXPECT_FALSE(llvm::sys::fs::create_directory(path("moved")));
  EXPECT_FALSE(llvm::sys::fs::rename(path("model.so"), path("moved/other.so")));
  std::string weights = path("moved/model.so.weights.safetensors");
  EXPECT_FALSE(llvm::sys::fs::rename(path("model.so.weights.safetensors"), weights));
  EXPECT_EQ(runLibrary(path("moved/other.so")), 4.5f);

  // Through a link from another folder.
  EXPECT_FALSE(llvm::sys::fs::create_link(path("moved/other.so"), path("link.so")));
  EXPECT_EQ(runLibrary(path("link.so")), 4.5f);

  // Other values in the same layout; also for a library with its weights inside.
  std::string other = path("other.safetensors");
  ASSERT_TRUE(
      succeeded(writeWeightsFile(fakeWeights(10), 80, other, "x", path("unused.o"), location)));
  EXPECT_EQ(runLibrary(path("moved/other.so"), other.c_str()), 14.0f);
  ASSERT_TRUE(succeeded(linkModel(object, fakeWeights(), 80, path("inside.so"), {}, location)));
  EXPECT_EQ(runLibrary(path("inside.so"), other.c_str()), 14.0f);

  // Another layout, a file cut short, no file: errors.
  std::string error;
  std::vector<PackedWeight> renamed = fakeWeights();
  renamed[0].name = "v";
  ASSERT_TRUE(succeeded(writeWeightsFile(renamed, 80, other, "x", path("unused.o"), location)));
  runLibrary(path("moved/other.so"), other.c_str(), &error);
  EXPECT_NE(error.find("not the one written for this model"), std::string::npos) << error;
  std::string bytes = readFile(weights);
  std::ofstream(weights, std::ios::binary) << bytes.substr(0, bytes.size() - 1);
  runLibrary(path("moved/other.so"), nullptr, &error);
  EXPECT_NE(error.find("not the one written for this model"), std::string::npos) << error;
  std::ofstream(weights, std::ios::binary) << "1234567";
  runLibrary(path("moved/other.so"), nullptr, &error);
  EXPECT_NE(error.find("not the one written for this model"), std::string::npos) << error;
  EXPECT_FALSE(llvm::sys::fs::remove(weights));
  runLibrary(path("moved/other.so"), nullptr, &error);
  EXPECT_NE(error.find("cannot open the weights file"), std::string::npos) << error;
}

TEST_F(Link, RelocatableObject) {
  LinkOptions options;
  options.kind = ArtifactKind::Object;
  std::string object = readFile(FAKE_MODEL_OBJECT);
  ASSERT_TRUE(succeeded(linkModel(object, fakeWeights(), 80, path("model.o"), options, location)))
      << message;
  // It is complete: a second link with no runtime gives a library.
  std::string command = LLD_EXECUTABLE " -shared -o " + path("model.so") + " " + path("model.o");
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(runLibrary(path("model.so")), 4.5f);
}

TEST_F(Link, ErrorsLeaveNothingBehind) {
  EXPECT_TRUE(
      failed(linkModel(std::string("not an object"), {}, 0, path("model.so"), {}, location)));
  EXPECT_NE(message.find("linking failed"), std::string::npos) << message;
  EXPECT_EQ(countFiles(), 0);
  std::string object = readFile(FAKE_MODEL_OBJECT);
  std::vector<PackedWeight> weights = fakeWeights();
  weights[1].offset = 32;
  EXPECT_TRUE(failed(linkModel(object, weights, 80, path("model.so"), {}, location)));
  EXPECT_NE(message.find("offset 32 is not a multiple of 64"), std::string::npos) << message;
  EXPECT_EQ(countFiles(), 0);
  EXPECT_TRUE(
      failed(linkModel(object, fakeWeights(), 80, path("no/such/folder.so"), {}, location)));
  EXPECT_NE(message.find("cannot write beside"), std::string::npos) << message;
}
