//===- Internal.h - What the parts of the runtime share ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
//
// The runtime is linked into every compiled model. It is C-like C++: no C++
// library, no exceptions, no static constructors; libc and libm are all that it
// needs. All symbols are hidden except for those of secateur.h.
//
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_RUNTIME_INTERNAL_H
#define SECATEUR_LIB_RUNTIME_INTERNAL_H

#include "secateur.h"
#include "secateur/Runtime/ModelDescriptor.h"

#include <setjmp.h>
#include <stdarg.h>

// Defined by the emitted object and by the weights object.
extern "C" const SecateurModelDescriptor secateur_model_descriptor;
extern "C" const SecateurWeightsHeader secateur_weights_header;

/// A pool crosses libraries: only these first fields are used from outside, by
/// any library with the same ABI version.
struct SecateurPool {
  uint32_t abiVersion;
  int32_t threads; // The caller's included.
  /// Runs task(args, lo, hi) on ranges covering [0, count) with at most `limit`
  /// threads. Runs everything on the calling thread when the pool is busy.
  void (*run)(SecateurPool *, void (*task)(void *, int64_t, int64_t), void *args, int64_t count,
              int64_t grain, int32_t limit);
  void (*retain)(SecateurPool *);
  void (*release)(SecateurPool *);
};

namespace secateur::runtime {

constexpr int64_t kAlignment = SECATEUR_BUFFER_ALIGNMENT;
/// More bytes than any machine has: sums of a few of these cannot overflow.
constexpr int64_t kMaxBytes = int64_t(1) << 56;

inline int64_t alignUp(int64_t bytes) { return (bytes + kAlignment - 1) & -kAlignment; }

//===--- Threads ----------------------------------------------------------===//

/// Physical cores that this process may use, at least 1.
int32_t detectThreads();

/// A pool with `threads` - 1 helpers; null without memory.
SecateurPool *createPool(int32_t threads);

class SpinLock {
public:
  void lock() {
    while (__atomic_exchange_n(&held, 1, __ATOMIC_ACQUIRE))
      while (__atomic_load_n(&held, __ATOMIC_RELAXED))
        __builtin_ia32_pause();
  }
  void unlock() { __atomic_store_n(&held, 0, __ATOMIC_RELEASE); }

private:
  uint32_t held = 0;
};

//===--- Memory -----------------------------------------------------------===//

/// Memory aligned to 64 bytes (to huge pages where that pays); null when the
/// machine does not have as much.
void *allocateAligned(int64_t bytes);

/// Places buffers so that those whose live ranges meet do not overlap, largest
/// first, each into the smallest gap that holds it. `bytes` are sizes rounded up
/// to the alignment. `order` and `placed` are scratch of `count` entries. Returns
/// the total.
int64_t placeBuffers(int32_t count, const SecateurLiveRange *ranges, const int64_t *bytes,
                     int64_t *offsets, int32_t *order, int32_t *placed);

/// Grows during a run, is taken back as a whole before the next. Blocks that are
/// freed within a run are reused by size class.
class Region {
public:
  void *allocate(int64_t bytes); // Null without memory. Thread-safe.
  void deallocate(void *memory); // Thread-safe.
  void reset();                  // Keeps the memory, as one piece.
  void destroy();
  bool contains(const void *memory) const;
  int64_t capacity() const { return total; }

private:
  struct Chunk {
    Chunk *next;
    int64_t size, used; // Without this header, which takes 64 bytes.
  };
  struct Block {
    int32_t sizeClass;
    Block *next;
  };
  static constexpr int32_t kClasses = 4 * 56;

  Chunk *addChunk(int64_t bytes);

  Chunk *chunks = nullptr;
  Block *freeBlocks[kClasses] = {};
  int64_t total = 0;
  SpinLock lock;
};

/// What prepare() worked out for one set of input shapes.
struct Plan {
  Plan *next;
  int64_t arenaBytes;
  int64_t *inputDims;  // Of all inputs, concatenated: the key.
  int64_t *outputDims; // Of all outputs, concatenated.
  int64_t *offsets;    // Of the arena's buffers.
};

//===--- Weights ----------------------------------------------------------===//

struct Weights {
  const char *data;
  void *mapping; // Entry of the table of mapped files; null when embedded.
};

/// Finds, maps and checks the weights; on failure writes a message.
SecateurStatus openWeights(const char *path, Weights &weights, char *message, size_t size);
void closeWeights(Weights &weights);

//===--- CPU --------------------------------------------------------------===//

/// True when the CPU (and the system) has all features; otherwise writes the
/// names of the missing ones.
bool checkCpu(uint64_t features, char *missing, size_t size);

} // namespace secateur::runtime

/// A context, which is also what emitted code passes back to the runtime.
namespace secateur::runtime {
/// Where the time of runs goes; allocated with room for all steps.
struct Profile {
  int32_t current; // The step that is running, or -1.
  double began;
  SecateurStep steps[];
};
} // namespace secateur::runtime

struct SecateurRunContext {
  const SecateurModelDescriptor *model;
  bool usable; // False after a failed secateur_create().
  int32_t threads;
  SecateurPool *pool; // Null until needed.
  bool poolIsShared;
  bool inParallel;                     // Inside a parallel_for: nested ones run in place.
  secateur::runtime::Profile *profile; // Null without one.
  const char *failure;                 // Message of secateur_fail(), first one wins.

  secateur::runtime::Weights weights;
  secateur::runtime::Region region;
  secateur::runtime::Plan *plans; // Most recent first.
  secateur::runtime::Plan *current;
  char *arena;
  int64_t arenaBytes;

  // Scratch of fixed size, allocated with the context.
  int32_t inputDimCount, outputDimCount;
  int64_t *inputDims;
  int64_t *bufferBytes;
  int32_t *order;
  int32_t *placed;
  const void **inputs;
  void **outputs;
  const SecateurTensor **inputOf; // Tensor given for input i.
  SecateurTensor **outputOf;
  int64_t *resultDims;  // Of all outputs, after a run.
  const void **results; // Data-dependent values of the last run.
  bool hasRun;

  char error[640];
};

struct SecateurContext : SecateurRunContext {};

namespace secateur::runtime {

/// Finds or makes the plan for context.inputDims and makes it current.
SecateurStatus prepare(SecateurContext &context);
void destroyPlans(SecateurContext &context);

/// Where output `index` has its dims in a concatenated array.
int32_t dimOffset(const SecateurValueDesc *values, int32_t index);

/// Elements times element size; false when that is no possible size.
bool tensorBytes(int32_t dtype, int32_t rank, const int64_t *dims, int64_t &bytes);

SecateurStatus setError(SecateurContext &context, SecateurStatus status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/// Ends the step that is running and begins another; -1 for none.
void switchStep(Profile &profile, int32_t step);

/// Calls the model's run function; false after secateur_fail().
bool runGuarded(SecateurContext &context, int32_t &result);

} // namespace secateur::runtime

#endif // SECATEUR_LIB_RUNTIME_INTERNAL_H
