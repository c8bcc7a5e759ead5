//===- Memory.cpp - Arena placement and the growable region -----------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace secateur::runtime;

void *secateur::runtime::allocateAligned(int64_t bytes) {
  constexpr int64_t kHugePage = int64_t(2) << 20;
  long pages = sysconf(_SC_PHYS_PAGES), pageSize = sysconf(_SC_PAGESIZE);
  // The system promises more than it has; using it would end the process.
  if (bytes < 0 || bytes > kMaxBytes || (pages > 0 && bytes / pageSize >= pages))
    return nullptr;
  bool huge = bytes >= 2 * kHugePage;
  void *memory = nullptr;
  if (posix_memalign(&memory, huge ? kHugePage : kAlignment, bytes ? bytes : kAlignment))
    return nullptr;
  if (huge)
    madvise(memory, bytes, MADV_HUGEPAGE); // Only a hint.
  return memory;
}

//===--- Arena ------------------------------------------------------------===//

/// Sorts buffer numbers by size, largest first; equal sizes by number.
static void sortBySize(int32_t count, const int64_t *bytes, int32_t *order) {
  auto before = [bytes](int32_t a, int32_t b) {
    return bytes[a] != bytes[b] ? bytes[a] > bytes[b] : a < b;
  };
  auto sink = [&](int32_t root, int32_t size) { // Heap with the last on top.
    for (int32_t child; (child = 2 * root + 1) < size; root = child) {
      if (child + 1 < size && before(order[child], order[child + 1]))
        ++child;
      if (!before(order[root], order[child]))
        return;
      int32_t kept = order[root];
      order[root] = order[child];
      order[child] = kept;
    }
  };
  for (int32_t i = 0; i < count; ++i)
    order[i] = i;
  for (int32_t i = count / 2; i-- > 0;)
    sink(i, count);
  for (int32_t size = count; size-- > 1;) {
    int32_t last = order[0];
    order[0] = order[size];
    order[size] = last;
    sink(0, size);
  }
}

int64_t secateur::runtime::placeBuffers(int32_t count, const SecateurLiveRange *ranges,
                                        const int64_t *bytes, int64_t *offsets, int32_t *order,
                                        int32_t *placed) {
  sortBySize(count, bytes, order);
  int64_t total = 0;
  // placed[0 .. i) holds the buffers that have a place, by offset.
  for (int32_t i = 0; i < count; ++i) {
    int32_t buffer = order[i];
    int64_t best = -1, bestGap = INT64_MAX, end = 0;
    for (int32_t j = 0; j < i; ++j) {
      int32_t other = placed[j];
      if (ranges[other].first > ranges[buffer].last || ranges[buffer].first > ranges[other].last)
        continue;
      int64_t gap = offsets[other] - end;
      if (gap >= bytes[buffer] && gap < bestGap) {
        best = end;
        bestGap = gap;
      }
      int64_t otherEnd = offsets[other] + bytes[other];
      end = otherEnd > end ? otherEnd : end;
    }
    offsets[buffer] = best >= 0 ? best : end;
    int64_t bufferEnd = offsets[buffer] + bytes[buffer];
    total = bufferEnd > total ? bufferEnd : total;
    int32_t slot = i;
    for (; slot > 0 && offsets[placed[slot - 1]] > offsets[buffer]; --slot)
      placed[slot] = placed[slot - 1];
    placed[slot] = buffer;
  }
  return total;
}

//===--- Region -----------------------------------------------------------===//

namespace {
struct LockGuard {
  explicit LockGuard(SpinLock &lock) : lock(lock) { lock.lock(); }
  ~LockGuard() { lock.unlock(); }
  SpinLock &lock;
};
} // namespace

/// Size classes are four a power of two: at most a quarter is wasted.
static int32_t classOf(int64_t bytes, int64_t &classBytes) {
  int64_t units = bytes > kAlignment ? (bytes - 1) / kAlignment + 1 : 1;
  if (units <= 4) {
    classBytes = units * kAlignment;
    return static_cast<int32_t>(units - 1);
  }
  int32_t log = 63 - __builtin_clzll(units - 1); // 2^log <= units - 1 < 2^(log + 1)
  int64_t step = int64_t(1) << (log - 2);
  int64_t quarters = (units + step - 1) / step; // 5 .. 8
  classBytes = quarters * step * kAlignment;
  return static_cast<int32_t>(4 * (log - 1) + quarters - 5);
}

Region::Chunk *Region::addChunk(int64_t bytes) {
  constexpr int64_t kSmallest = int64_t(1) << 20;
  int64_t size = bytes > total ? bytes : total; // At least doubles.
  size = size > kSmallest ? size : kSmallest;
  void *memory = allocateAligned(size + kAlignment);
  if (!memory && size > bytes)
    memory = allocateAligned((size = bytes) + kAlignment);
  if (!memory)
    return nullptr;
  Chunk *chunk = static_cast<Chunk *>(memory);
  *chunk = {chunks, size, 0};
  chunks = chunk;
  total += size;
  return chunk;
}

void *Region::allocate(int64_t bytes) {
  if (bytes < 0 || bytes > kMaxBytes)
    return nullptr;
  int64_t classBytes;
  int32_t sizeClass = classOf(bytes, classBytes);
  int64_t needed = classBytes + kAlignment; // With the block's own header.
  LockGuard guard(lock);
  if (Block *block = freeBlocks[sizeClass]) {
    freeBlocks[sizeClass] = block->next;
    return reinterpret_cast<char *>(block) + kAlignment;
  }
  Chunk *chunk = chunks;
  if (!chunk || chunk->size - chunk->used < needed)
    chunk = addChunk(needed);
  if (!chunk)
    return nullptr;
  char *memory = reinterpret_cast<char *>(chunk) + kAlignment + chunk->used;
  chunk->used += needed;
  *reinterpret_cast<Block *>(memory) = {sizeClass, nullptr};
  return memory + kAlignment;
}

void Region::deallocate(void *memory) {
  if (!memory)
    return;
  LockGuard guard(lock);
  Block *block = reinterpret_cast<Block *>(static_cast<char *>(memory) - kAlignment);
  block->next = freeBlocks[block->sizeClass];
  freeBlocks[block->sizeClass] = block;
}

void Region::reset() {
  memset(freeBlocks, 0, sizeof(freeBlocks));
  if (!chunks)
    return;
  if (chunks->next) { // One piece of the same size, so that the next run fits in.
    int64_t size = total;
    destroy();
    addChunk(size);
  } else {
    chunks->used = 0;
  }
}

void Region::destroy() {
  while (Chunk *chunk = chunks) {
    chunks = chunk->next;
    free(chunk);
  }
  memset(freeBlocks, 0, sizeof(freeBlocks));
  total = 0;
}

bool Region::contains(const void *memory) const {
  for (Chunk *chunk = chunks; chunk; chunk = chunk->next) {
    const char *begin = reinterpret_cast<const char *>(chunk) + kAlignment;
    if (memory >= begin && memory < begin + chunk->size)
      return true;
  }
  return false;
}
