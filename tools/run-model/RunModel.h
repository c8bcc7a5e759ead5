//===- RunModel.h - Parts of the run-model tool -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_TOOLS_RUN_MODEL_H
#define SECATEUR_TOOLS_RUN_MODEL_H

#include "secateur.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace secateur::run {

/// Prints "run-model: error: ..." and ends with exit code 1.
[[noreturn]] void fail(const std::string &message);

struct Arguments {
  std::string library;
  std::string weights;
  std::string outputFolder;
  std::map<std::string, std::string> inputs;          // Name to .npy file.
  std::map<std::string, std::vector<int64_t>> shapes; // Name to dimensions.
  bool random = false, benchmark = false, profile = false, json = false, info = false;
  uint64_t seed = 0;
  int threads = 0;
  int runs = 0; // Of a benchmark; 0: as many as fit in minSeconds.
  double minSeconds = 2;
};

/// Reads the command line; ends the program on --help, --version and errors.
Arguments parseArguments(int argc, char **argv);

/// A dense tensor with 64-byte aligned memory of its own.
class Tensor {
public:
  int32_t dtype = SECATEUR_UNDEFINED;
  std::vector<int64_t> shape;

  /// Makes room for `count` bytes, set to zero.
  void resize(size_t count);
  char *data() { return bytes ? storage.data() + offset : nullptr; }
  const char *data() const { return bytes ? storage.data() + offset : nullptr; }
  size_t size() const { return bytes; }

private:
  std::vector<char> storage;
  size_t offset = 0, bytes = 0;
};

/// Reads a .npy file in C order and native byte order.
Tensor readNpy(const std::string &path);
/// bfloat16, which .npy lacks, is written as float32.
void writeNpy(const std::string &path, int32_t dtype, const std::vector<int64_t> &shape,
              const void *data);

/// Bytes of the elements; fails when that is no possible size.
size_t tensorBytes(const SecateurApi &api, int32_t dtype, const std::vector<int64_t> &shape);

/// Floats in [-1, 1), bytes over their whole range, other integers 0 or 1 (so that
/// they are valid as indices and masks).
void fillRandom(Tensor &tensor, uint64_t seed);

/// Profiles `runOnce`, which runs `context`, and prints a line for each step: a table,
/// or one JSON object. Measures what the machine can do, to compare with.
void profile(const SecateurApi &api, SecateurContext *context, const Arguments &arguments,
             const std::function<void()> &runOnce);

/// "float32 1x10, min -0.5, max 1.25, mean 0.1".
std::string summarize(const SecateurApi &api, int32_t dtype, const std::vector<int64_t> &shape,
                      const void *data);

std::string shapeText(const std::vector<int64_t> &shape);

/// float32 to bfloat16 in place, ties to even.
void convertToBFloat16(Tensor &tensor);

} // namespace secateur::run

#endif // SECATEUR_TOOLS_RUN_MODEL_H
