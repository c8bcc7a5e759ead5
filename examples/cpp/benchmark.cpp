//===- benchmark.cpp - Models loaded at run time, side by side --------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
//
// usage: benchmark MODEL.so...: runs each in a thread of its own for a second, with
// zeros as inputs and 1 for every free dimension. All share one pool of threads.
//
//===----------------------------------------------------------------------===//

#include <secateur.h>

#include <dlfcn.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

const SecateurApi *loadApi(const std::string &path) {
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    throw std::runtime_error(dlerror());
  auto get = reinterpret_cast<const SecateurApi *(*)()>(dlsym(library, "secateur_api"));
  if (!get || get()->abiVersion != SECATEUR_ABI_VERSION)
    throw std::runtime_error(path + " is not a compiled model of this ABI version");
  return get();
}

/// A context with memory for its inputs and outputs.
class Model {
public:
  Model(const std::string &path, SecateurPool *pool) : api(loadApi(path)) {
    SecateurOptions options = {};
    options.structSize = sizeof(options);
    options.pool = pool;
    SecateurStatus status = api->create(&options, &context);
    std::string message = api->lastError(context);
    if (status) {
      api->destroy(context);
      throw std::runtime_error(message);
    }
  }
  ~Model() { api->destroy(context); }
  Model(const Model &) = delete;

  void prepare() {
    for (int i = 0; i < api->inputCount(context); ++i) {
      SecateurValueInfo info;
      check(api->inputInfo(context, i, &info));
      SecateurTensor tensor = {};
      tensor.dtype = info.dtype;
      tensor.rank = info.rank;
      tensor.bytes = api->dtypeSize(info.dtype);
      for (int j = 0; j < info.rank; ++j) {
        tensor.dims[j] = info.dims[j] < 0 ? 1 : info.dims[j];
        tensor.bytes *= static_cast<size_t>(tensor.dims[j]);
      }
      tensor.data = makeMemory(tensor.bytes);
      inputs.push_back(tensor);
    }
    check(api->prepare(context, inputs.data(), static_cast<int>(inputs.size())));
    outputs.resize(api->outputCount(context));
    for (int i = 0; i < api->outputCount(context); ++i) {
      // A data-dependent output has 0 bytes yet: the library provides the memory.
      check(api->outputBytes(context, i, &outputs[i].bytes));
      outputs[i].data = outputs[i].bytes ? makeMemory(outputs[i].bytes) : nullptr;
    }
  }

  void run() {
    std::vector<SecateurTensor> results = outputs; // run() fills in what it returns.
    check(api->run(context, inputs.data(), static_cast<int>(inputs.size()), results.data(),
                   static_cast<int>(results.size())));
  }

private:
  void check(SecateurStatus status) {
    if (status)
      throw std::runtime_error(api->lastError(context));
  }
  void *makeMemory(size_t bytes) {
    memory.push_back(std::make_unique<char[]>(bytes + 1));
    return memory.back().get();
  }

  const SecateurApi *api;
  SecateurContext *context = nullptr;
  std::vector<SecateurTensor> inputs, outputs;
  std::vector<std::unique_ptr<char[]>> memory;
};

void timeModel(const std::string &path, SecateurPool *pool) {
  try {
    Model model(path, pool);
    model.prepare();
    using Clock = std::chrono::steady_clock;
    auto start = Clock::now();
    std::chrono::duration<double> passed{0};
    int runs = 0;
    for (; passed.count() < 1; ++runs, passed = Clock::now() - start)
      model.run();
    std::printf("%s: %.3f ms a run\n", path.c_str(), passed.count() * 1e3 / runs);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s: %s\n", path.c_str(), error.what());
  }
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: benchmark MODEL.so...\n");
    return 1;
  }
  SecateurPool *pool = nullptr;
  const SecateurApi *first = nullptr;
  try {
    first = loadApi(argv[1]); // Any model can provide the pool for all.
  } catch (const std::exception &error) {
    std::fprintf(stderr, "benchmark: %s\n", error.what());
    return 1;
  }
  if (first->poolCreate(0, &pool))
    return 1;
  std::vector<std::thread> threads;
  for (int i = 1; i < argc; ++i)
    threads.emplace_back(timeModel, std::string(argv[i]), pool);
  for (std::thread &thread : threads)
    thread.join();
  first->poolDestroy(pool);
  return 0;
}
