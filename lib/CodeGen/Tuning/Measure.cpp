//===- Measure.cpp - The times of several libraries -------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A child process loads all of them and runs one after the other, again and again, as the
// layers of a model run: each has weights of its own, which the others drive out of the
// nearest caches, and the threads of one pool go on spinning. It reports through a pipe;
// what it worked on when it died has failed.
//===----------------------------------------------------------------------===//

#include "Measure.h"

#include "secateur.h"

#include "llvm/ADT/STLExtras.h"

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <dlfcn.h>
#include <random>
#include <sys/wait.h>
#include <unistd.h>

using namespace secateur;
using namespace secateur::codegen;

/// Rounds of a trial at least and at most, and the time after which a candidate has run enough.
static constexpr unsigned fewestRounds = 5, mostRounds = 2000, warmUpRounds = 1;
static constexpr double enoughSeconds = 0.02;
/// After which the child is taken to hang.
static constexpr unsigned mostSeconds = 600;
/// What results may differ by, relative to the largest: kernels round differently.
static constexpr double mostDifference = 1e-3;

namespace {

struct Message {
  enum Kind : int32_t { Begin, Time, Failure } kind;
  int32_t index;
  double milliseconds;
};

/// A tensor whose memory is aligned to a cache line.
struct Buffer {
  explicit Buffer(size_t bytes)
      : bytes(bytes), data(std::aligned_alloc(64, std::max<size_t>((bytes + 63) / 64 * 64, 64))) {}
  size_t bytes;
  void *data;
};

struct Candidate {
  int32_t index = 0;
  const SecateurApi *api = nullptr;
  SecateurContext *context = nullptr;
  std::vector<double> seconds;
};

/// The child: never returns.
class Child {
public:
  Child(llvm::ArrayRef<std::string> paths, llvm::ArrayRef<int32_t> indices, unsigned threads,
        int pipe)
      : paths(paths), indices(indices), threads(threads), pipe(pipe) {}

  [[noreturn]] void work();

private:
  void send(Message::Kind kind, int32_t index, double milliseconds = 0) {
    Message message{kind, index, milliseconds};
    if (write(pipe, &message, sizeof(message)) != sizeof(message))
      _exit(1);
  }
  bool load(Candidate &candidate);
  bool makeTensors(Candidate &candidate);
  bool run(Candidate &candidate);
  void runByTurns(llvm::MutableArrayRef<Candidate> candidates);
  bool agrees();

  llvm::ArrayRef<std::string> paths;
  llvm::ArrayRef<int32_t> indices;
  unsigned threads;
  int pipe;
  SecateurPool *pool = nullptr;
  std::vector<SecateurTensor> inputs;
  SecateurTensor output = {};
  std::vector<float> expected;
};

} // namespace

bool Child::load(Candidate &candidate) {
  void *handle = dlopen(paths[candidate.index].c_str(), RTLD_NOW | RTLD_LOCAL);
  auto get =
      reinterpret_cast<const SecateurApi *(*)()>(handle ? dlsym(handle, "secateur_api") : nullptr);
  if (!get)
    return false;
  candidate.api = get();
  if (!pool && candidate.api->poolCreate(static_cast<int32_t>(threads), &pool) != SECATEUR_OK)
    return false;
  SecateurOptions options = {};
  options.structSize = sizeof(options);
  options.pool = pool;
  options.threads = static_cast<int32_t>(threads);
  return candidate.api->create(&options, &candidate.context) == SECATEUR_OK &&
         (output.data || makeTensors(candidate));
}

/// Inputs of random numbers, all of f32, and room for the one output.
bool Child::makeTensors(Candidate &candidate) {
  std::mt19937 engine(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  const SecateurApi *api = candidate.api;
  inputs.clear();
  for (int32_t i = 0, e = api->inputCount(candidate.context); i < e; ++i) {
    SecateurValueInfo info = {};
    if (api->inputInfo(candidate.context, i, &info) != SECATEUR_OK || info.dtype != SECATEUR_F32)
      return false;
    SecateurTensor tensor = {};
    tensor.dtype = info.dtype;
    tensor.rank = info.rank;
    size_t count = 1;
    for (int32_t axis = 0; axis < info.rank; ++axis)
      count *= tensor.dims[axis] = info.dims[axis];
    Buffer buffer(count * sizeof(float));
    if (!buffer.data)
      return false;
    for (float &value : llvm::MutableArrayRef(static_cast<float *>(buffer.data), count))
      value = uniform(engine);
    tensor.data = buffer.data;
    tensor.bytes = buffer.bytes;
    inputs.push_back(tensor);
  }
  size_t bytes = 0;
  if (api->prepare(candidate.context, inputs.data(), inputs.size()) != SECATEUR_OK ||
      api->outputBytes(candidate.context, 0, &bytes) != SECATEUR_OK)
    return false;
  Buffer buffer(bytes);
  output.data = buffer.data;
  output.bytes = bytes;
  return buffer.data;
}

bool Child::run(Candidate &candidate) {
  SecateurTensor result = output;
  auto start = std::chrono::steady_clock::now();
  SecateurStatus status =
      candidate.api->run(candidate.context, inputs.data(), inputs.size(), &result, 1);
  std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  candidate.seconds.push_back(taken.count());
  return status == SECATEUR_OK;
}

/// Whether the output is what the first candidate computed.
bool Child::agrees() {
  llvm::ArrayRef<float> found(static_cast<const float *>(output.data),
                              output.bytes / sizeof(float));
  if (expected.empty())
    expected.assign(found.begin(), found.end());
  double largest = 0, apart = 0;
  for (auto [a, b] : llvm::zip(expected, found)) {
    largest = std::max<double>(largest, std::fabs(a));
    // A NaN counts as apart.
    apart = std::fabs(a - b) <= apart ? apart : std::fabs(a - b);
  }
  return apart <= mostDifference * largest;
}

static double medianOf(std::vector<double> seconds) {
  auto middle = seconds.begin() + seconds.size() / 2;
  std::nth_element(seconds.begin(), middle, seconds.end());
  return *middle;
}

/// Fills `seconds` of each.
void Child::runByTurns(llvm::MutableArrayRef<Candidate> candidates) {
  for (unsigned round = 0; round < warmUpRounds; ++round)
    for (Candidate &candidate : candidates)
      run(candidate);
  for (Candidate &candidate : candidates)
    candidate.seconds.clear();
  double fastest = 0;
  for (unsigned round = 0; round < mostRounds; ++round) {
    if (round >= fewestRounds && fastest * round > enoughSeconds)
      break;
    // Each is behind each other at times.
    for (size_t i = 0; i < candidates.size(); ++i) {
      size_t at = round % 2 ? candidates.size() - 1 - i : i;
      run(candidates[(at + round / 2) % candidates.size()]);
    }
    fastest = INFINITY;
    for (Candidate &candidate : candidates)
      fastest = std::min(fastest, *llvm::min_element(candidate.seconds));
  }
}

void Child::work() {
  std::vector<Candidate> candidates;
  for (int32_t index : indices) {
    send(Message::Begin, index);
    Candidate candidate;
    candidate.index = index;
    if (load(candidate) && run(candidate) && agrees())
      candidates.push_back(std::move(candidate));
    else
      send(Message::Failure, index);
    std::memset(output.data, 0, output.data ? output.bytes : 0);
  }
  if (candidates.empty())
    _exit(0);
  // The best of many is a lucky one: of two trials the slower counts, but for the first
  // candidate, which others have to beat, the faster.
  runByTurns(candidates);
  auto seconds = llvm::map_to_vector(
      candidates, [](const Candidate &candidate) { return medianOf(candidate.seconds); });
  runByTurns(candidates);
  for (auto [i, candidate] : llvm::enumerate(candidates)) {
    double other = medianOf(candidate.seconds);
    double counted = i == 0 ? std::min(seconds[i], other) : std::max(seconds[i], other);
    send(Message::Time, candidate.index, counted * 1e3);
  }
  _exit(0);
}

std::vector<std::optional<double>>
secateur::codegen::measureLibraries(llvm::ArrayRef<std::string> paths, unsigned threads) {
  std::vector<std::optional<double>> times(paths.size());
  std::vector<int32_t> left;
  for (auto [index, path] : llvm::enumerate(paths))
    if (!path.empty())
      left.push_back(static_cast<int32_t>(index));
  while (!left.empty()) {
    int ends[2];
    if (::pipe(ends))
      return times;
    pid_t child = fork();
    if (child == 0) {
      close(ends[0]);
      // A crash here is no crash of the compiler.
      for (int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTERM, SIGINT})
        std::signal(signal, SIG_DFL);
      alarm(mostSeconds);
      Child(paths, left, threads, ends[1]).work();
    }
    close(ends[1]);
    int32_t current = -1;
    Message message;
    while (child > 0 && read(ends[0], &message, sizeof(message)) == sizeof(message)) {
      current = message.kind == Message::Begin ? message.index : current;
      if (message.kind == Message::Time)
        times[message.index] = message.milliseconds;
    }
    close(ends[0]);
    int status = 0;
    if (child <= 0 || waitpid(child, &status, 0) != child || status == 0 || current < 0)
      return times;
    // The others have a right to another try.
    llvm::erase(left, current);
    llvm::fill(times, std::nullopt);
  }
  return times;
}
