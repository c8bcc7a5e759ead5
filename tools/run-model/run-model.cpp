//===- run-model.cpp - Runs and times a compiled model ----------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "RunModel.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>

using namespace secateur::run;

namespace {

/// A loaded library with one context.
class Model {
public:
  explicit Model(const Arguments &arguments);
  ~Model() { api->destroy(context); }
  Model(const Model &) = delete;

  void check(SecateurStatus status) const {
    if (status != SECATEUR_OK)
      fail(api->lastError(context));
  }

  const SecateurApi *api = nullptr;
  SecateurContext *context = nullptr;
  std::vector<SecateurValueInfo> inputs, outputs;
};

} // namespace

Model::Model(const Arguments &arguments) {
  // A plain name means a file, not a search along the library path.
  std::string path = arguments.library;
  if (path.find('/') == std::string::npos)
    path = "./" + path;
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    fail(dlerror());
  auto getApi = reinterpret_cast<const SecateurApi *(*)()>(dlsym(library, "secateur_api"));
  if (!getApi)
    fail("'" + arguments.library + "' is not a model compiled by compile-model");
  api = getApi();
  if (api->abiVersion != SECATEUR_ABI_VERSION)
    fail("'" + arguments.library + "' has ABI version " + std::to_string(api->abiVersion) +
         ", this tool knows " + std::to_string(SECATEUR_ABI_VERSION));
  SecateurOptions options = {};
  options.structSize = sizeof(options);
  options.weightsPath = arguments.weights.empty() ? nullptr : arguments.weights.c_str();
  options.threads = arguments.threads;
  check(api->create(&options, &context));
  inputs.resize(api->inputCount(context));
  for (size_t i = 0; i < inputs.size(); ++i)
    check(api->inputInfo(context, static_cast<int32_t>(i), &inputs[i]));
  outputs.resize(api->outputCount(context));
  for (size_t i = 0; i < outputs.size(); ++i)
    check(api->outputInfo(context, static_cast<int32_t>(i), &outputs[i]));
}

/// "float32 batchx3x?x?" with symbols for free dimensions.
static std::string describe(const Model &model, const SecateurValueInfo &info) {
  std::string text = std::string(model.api->dtypeName(info.dtype)) + " ";
  for (int32_t i = 0; i < info.rank; ++i) {
    text += i ? "x" : "";
    text += info.dims[i] >= 0 ? std::to_string(info.dims[i])
            : info.symbols[i] ? std::string("[") + info.symbols[i] + "]"
                              : std::string("?");
  }
  text += info.rank ? "" : "scalar";
  return text + (info.flags & SECATEUR_DATA_DEPENDENT ? " (depends on data)" : "");
}

static void printInfo(const Model &model) {
  const SecateurApi &api = *model.api;
  std::printf("model %s\ncompiler %s\ntarget %s\ncpu %s\nmath %s\n", api.modelName(), api.version(),
              api.target(), api.cpu(), api.mathMode());
  SecateurMemory memory;
  model.check(api.memory(model.context, &memory));
  std::printf("weights %llu bytes\n", static_cast<unsigned long long>(memory.weightBytes));
  for (const SecateurValueInfo &info : model.inputs)
    std::printf("input %s: %s\n", info.name, describe(model, info).c_str());
  for (const SecateurValueInfo &info : model.outputs)
    std::printf("output %s: %s\n", info.name, describe(model, info).c_str());
}

/// The shape for a random input: as the model says, as --shape says; a free first
/// dimension (the batch) is 1 where nothing is said.
static std::vector<int64_t> chooseShape(const Model &model, const SecateurValueInfo &info,
                                        const Arguments &arguments) {
  auto given = arguments.shapes.find(info.name);
  if (given != arguments.shapes.end())
    return given->second;
  std::vector<int64_t> shape(info.dims, info.dims + info.rank);
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] >= 0)
      continue;
    if (i > 0)
      fail("input '" + std::string(info.name) + "' is " + describe(model, info) +
           ": give its shape with --shape " + info.name + "=DIMS");
    shape[i] = 1;
  }
  return shape;
}

/// A misspelt name in --input or --shape would otherwise go unnoticed.
static void checkNames(const Model &model, const Arguments &arguments) {
  std::set<std::string> names;
  for (const SecateurValueInfo &info : model.inputs)
    names.insert(info.name);
  auto check = [&](const std::string &name) {
    if (names.count(name))
      return;
    std::string known;
    for (const SecateurValueInfo &info : model.inputs)
      known += (known.empty() ? "" : ", ") + std::string(info.name);
    fail("the model has no input '" + name + "'; it has: " + known);
  };
  for (const auto &entry : arguments.inputs)
    check(entry.first);
  for (const auto &entry : arguments.shapes)
    check(entry.first);
}

static std::vector<Tensor> makeInputs(const Model &model, const Arguments &arguments) {
  checkNames(model, arguments);
  std::vector<Tensor> tensors;
  for (const SecateurValueInfo &info : model.inputs) {
    Tensor tensor;
    auto file = arguments.inputs.find(info.name);
    if (file != arguments.inputs.end()) {
      tensor = readNpy(file->second);
      if (info.dtype == SECATEUR_BF16 && tensor.dtype == SECATEUR_F32)
        convertToBFloat16(tensor);
    } else if (arguments.random || arguments.benchmark || arguments.profile) {
      tensor.dtype = info.dtype;
      tensor.shape = chooseShape(model, info, arguments);
      tensor.resize(tensorBytes(*model.api, tensor.dtype, tensor.shape));
      fillRandom(tensor, arguments.seed * 1000003 + tensors.size());
    } else {
      fail("input '" + std::string(info.name) + "' (" + describe(model, info) +
           ") has no value: give --input " + info.name + "=FILE.npy, or --random");
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

static SecateurTensor view(const char *name, const Tensor &tensor) {
  SecateurTensor result = {};
  result.name = name;
  result.data = const_cast<char *>(tensor.data());
  result.bytes = tensor.size();
  result.dtype = tensor.dtype;
  result.rank = static_cast<int32_t>(tensor.shape.size());
  std::copy(tensor.shape.begin(), tensor.shape.end(), result.dims);
  return result;
}

/// Prepares, and makes memory for the outputs whose size is known.
static std::vector<Tensor> makeOutputs(const Model &model,
                                       const std::vector<SecateurTensor> &inputs) {
  model.check(
      model.api->prepare(model.context, inputs.data(), static_cast<int32_t>(inputs.size())));
  std::vector<Tensor> tensors(model.outputs.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    size_t bytes;
    model.check(model.api->outputBytes(model.context, static_cast<int32_t>(i), &bytes));
    if (!(model.outputs[i].flags & SECATEUR_DATA_DEPENDENT))
      tensors[i].resize(bytes);
  }
  return tensors;
}

/// Points the outputs at their memory; a data-dependent one has none.
static void bindOutputs(const Model &model, std::vector<Tensor> &memory,
                        std::vector<SecateurTensor> &outputs) {
  outputs.assign(memory.size(), {});
  for (size_t i = 0; i < memory.size(); ++i) {
    outputs[i].name = model.outputs[i].name;
    outputs[i].data = memory[i].data();
    outputs[i].bytes = memory[i].size();
  }
}

/// Characters outside A-Za-z0-9._- become '_'.
static std::string fileName(const std::string &name) {
  std::string result = name;
  for (char &c : result)
    if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
        !std::strchr("._-", c))
      c = '_';
  return result;
}

static void report(const Model &model, const std::vector<SecateurTensor> &outputs,
                   const std::string &folder) {
  if (!folder.empty() && mkdir(folder.c_str(), 0777) && errno != EEXIST)
    fail("cannot make the folder '" + folder + "': " + std::strerror(errno));
  std::set<std::string> written;
  for (const SecateurTensor &output : outputs) {
    std::vector<int64_t> shape(output.dims, output.dims + output.rank);
    std::printf("%s: %s\n", output.name,
                summarize(*model.api, output.dtype, shape, output.data).c_str());
    if (folder.empty())
      continue;
    std::string name = fileName(output.name);
    if (!written.insert(name).second)
      fail("two outputs would be written to '" + name + ".npy'");
    writeNpy((std::filesystem::path(folder) / name).string() + ".npy", output.dtype, shape,
             output.data);
  }
}

static void benchmark(const Model &model, const Arguments &arguments,
                      const std::vector<SecateurTensor> &inputs, std::vector<Tensor> &memory) {
  using Clock = std::chrono::steady_clock;
  std::vector<SecateurTensor> outputs;
  auto runOnce = [&] {
    bindOutputs(model, memory, outputs);
    auto start = Clock::now();
    model.check(model.api->run(model.context, inputs.data(), static_cast<int32_t>(inputs.size()),
                               outputs.data(), static_cast<int32_t>(outputs.size())));
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  };
  auto secondsSince = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  auto start = Clock::now();
  for (int i = 0; i < 3 || (i < 1000 && secondsSince(start) < arguments.minSeconds / 8); ++i)
    runOnce(); // Warms up caches, pages and clock.
  std::vector<double> times;
  start = Clock::now();
  while (arguments.runs ? times.size() < static_cast<size_t>(arguments.runs)
                        : times.size() < 5 || secondsSince(start) < arguments.minSeconds)
    times.push_back(runOnce());
  std::sort(times.begin(), times.end());
  size_t count = times.size();
  double median = count % 2 ? times[count / 2] : (times[count / 2 - 1] + times[count / 2]) / 2;
  double p90 = times[std::min(count - 1, (count * 9 + 9) / 10 - 1)];
  SecateurMemory used;
  model.check(model.api->memory(model.context, &used));
  int threads = model.api->threads(model.context);
  if (arguments.json)
    std::printf("{\"median_ms\": %.6g, \"min_ms\": %.6g, \"p90_ms\": %.6g, \"runs\": %zu, "
                "\"threads\": %d, \"weight_bytes\": %llu, \"arena_bytes\": %llu, "
                "\"math\": \"%s\"}\n",
                median, times[0], p90, count, threads,
                static_cast<unsigned long long>(used.weightBytes),
                static_cast<unsigned long long>(used.arenaBytes), model.api->mathMode());
  else
    std::printf("median %.4g ms, min %.4g ms, p90 %.4g ms (%zu runs, %d threads, %s math), "
                "%.2f MiB of weights, %.2f MiB of intermediate values at once\n",
                median, times[0], p90, count, threads, model.api->mathMode(),
                static_cast<double>(used.weightBytes) / (1 << 20),
                static_cast<double>(used.arenaBytes + used.dynamicBytes) / (1 << 20));
}

int main(int argc, char **argv) {
  Arguments arguments = parseArguments(argc, argv);
  Model model(arguments);
  if (arguments.info) {
    printInfo(model);
    return 0;
  }
  std::vector<Tensor> inputMemory = makeInputs(model, arguments);
  std::vector<SecateurTensor> inputs, outputs;
  for (size_t i = 0; i < inputMemory.size(); ++i)
    inputs.push_back(view(model.inputs[i].name, inputMemory[i]));
  std::vector<Tensor> outputMemory = makeOutputs(model, inputs);
  if (arguments.benchmark) {
    benchmark(model, arguments, inputs, outputMemory);
    if (arguments.outputFolder.empty())
      return 0;
  }
  auto runOnce = [&] {
    bindOutputs(model, outputMemory, outputs);
    model.check(model.api->run(model.context, inputs.data(), static_cast<int32_t>(inputs.size()),
                               outputs.data(), static_cast<int32_t>(outputs.size())));
  };
  if (arguments.profile) {
    profile(*model.api, model.context, arguments, runOnce);
    if (arguments.outputFolder.empty())
      return 0;
  }
  runOnce();
  report(model, outputs, arguments.outputFolder);
  return 0;
}
