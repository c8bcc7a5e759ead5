//===- Pool.cpp - Threads that share loops ----------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
//
// One loop at a time. The range is cut into one part a thread; a thread works
// through its own part in a few chunks, then through what others have left, so
// that a helper which the system has put aside delays nobody. The caller closes
// the gate when nothing is left and waits only for helpers that are inside: a
// helper that wakes too late finds the gate closed. This also makes the pool work
// in a forked child, where the helpers do not exist.
//
// Helpers spin for a short time after a loop, as the next one mostly follows soon,
// and then sleep on a futex.
//
//===----------------------------------------------------------------------===//

#include "Internal.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace secateur::runtime;

namespace {

constexpr int32_t kMaxThreads = 1024;
/// Kernels keep blocks of intermediate values on the stack; the system's default
/// depends on limits that the user may have lowered.
constexpr size_t kStackBytes = size_t(8) << 20;
constexpr int64_t kChunksPerThread = 4;
/// Time-stamp ticks that a thread spins before it sleeps: some 50 microseconds.
constexpr uint64_t kSpinTicks = 150000;
constexpr uint32_t kOpen = uint32_t(1) << 31;

/// What is left of one thread's part, in units of the grain. A cache line each.
struct alignas(64) Part {
  int64_t next;
  int64_t end;
};

struct Pool;

struct Helper {
  Pool *pool;
  pthread_t thread;
  int32_t index;
};

struct Pool : SecateurPool {
  uint32_t references;
  pid_t process;
  int32_t started; // Helpers that exist.
  Helper *helpers;
  Part *parts;

  // The loop that is running.
  void (*task)(void *, int64_t, int64_t);
  void *args;
  int64_t count, grain, chunk;
  int32_t limit;

  alignas(64) uint32_t busy;
  alignas(64) uint32_t epoch; // Counts loops; helpers sleep on it.
  uint32_t sleepers;
  uint32_t stop;
  alignas(64) uint32_t gate; // kOpen, plus the number of helpers inside.
};

} // namespace

static void futexWait(uint32_t *address, uint32_t value) {
  syscall(SYS_futex, address, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

static void futexWake(uint32_t *address, int32_t count) {
  syscall(SYS_futex, address, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

/// Waits until *address is not `value`, for the spin time at most.
static bool spinWhile(uint32_t *address, uint32_t value) {
  uint64_t start = __builtin_ia32_rdtsc();
  do {
    for (int i = 0; i < 16; ++i) {
      if (__atomic_load_n(address, __ATOMIC_ACQUIRE) != value)
        return true;
      __builtin_ia32_pause();
    }
  } while (__builtin_ia32_rdtsc() - start < kSpinTicks);
  return false;
}

/// Works through what is left of one part.
static void workOn(Pool &pool, Part &part) {
  while (__atomic_load_n(&part.next, __ATOMIC_RELAXED) < part.end) {
    int64_t lo = __atomic_fetch_add(&part.next, pool.chunk, __ATOMIC_RELAXED);
    if (lo >= part.end)
      return;
    int64_t hi = lo + pool.chunk < part.end ? lo + pool.chunk : part.end;
    int64_t last = hi * pool.grain;
    pool.task(pool.args, lo * pool.grain, last < pool.count ? last : pool.count);
  }
}

static void work(Pool &pool, int32_t self) {
  for (int32_t i = 0; i < pool.limit; ++i)
    workOn(pool, pool.parts[(self + i) % pool.limit]);
}

/// A helper joins the loop if there still is one.
static void help(Pool &pool, int32_t self) {
  uint32_t gate = __atomic_load_n(&pool.gate, __ATOMIC_ACQUIRE);
  do {
    if (!(gate & kOpen))
      return;
  } while (!__atomic_compare_exchange_n(&pool.gate, &gate, gate + 1, true, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE));
  if (self < pool.limit)
    work(pool, self);
  if (__atomic_sub_fetch(&pool.gate, 1, __ATOMIC_ACQ_REL) == 0)
    futexWake(&pool.gate, 1); // The caller may be asleep.
}

static void *helperMain(void *argument) {
  Helper &helper = *static_cast<Helper *>(argument);
  Pool &pool = *helper.pool;
  uint32_t seen = 0;
  while (!__atomic_load_n(&pool.stop, __ATOMIC_ACQUIRE)) {
    uint32_t epoch = __atomic_load_n(&pool.epoch, __ATOMIC_ACQUIRE);
    if (epoch != seen) {
      seen = epoch;
      help(pool, helper.index);
    } else if (!spinWhile(&pool.epoch, seen)) {
      __atomic_fetch_add(&pool.sleepers, 1, __ATOMIC_SEQ_CST);
      futexWait(&pool.epoch, seen);
      __atomic_fetch_sub(&pool.sleepers, 1, __ATOMIC_SEQ_CST);
    }
  }
  return nullptr;
}

/// Publishes a new epoch and wakes helpers that sleep.
static void announce(Pool &pool, int32_t wanted) {
  __atomic_fetch_add(&pool.epoch, 1, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&pool.sleepers, __ATOMIC_SEQ_CST))
    futexWake(&pool.epoch, wanted);
}

/// Closes the gate and waits for the helpers inside.
static void finish(Pool &pool) {
  uint32_t gate = __atomic_and_fetch(&pool.gate, ~kOpen, __ATOMIC_ACQ_REL);
  while (gate) {
    if (!spinWhile(&pool.gate, gate))
      futexWait(&pool.gate, gate);
    gate = __atomic_load_n(&pool.gate, __ATOMIC_ACQUIRE);
  }
}

static void runLoop(SecateurPool *base, void (*task)(void *, int64_t, int64_t), void *args,
                    int64_t count, int64_t grain, int32_t limit) {
  Pool &pool = *static_cast<Pool *>(base);
  int64_t units = (count - 1) / grain + 1;
  if (limit > pool.threads)
    limit = pool.threads;
  if (limit > units)
    limit = static_cast<int32_t>(units);
  if (limit <= 1 || __atomic_exchange_n(&pool.busy, 1, __ATOMIC_ACQUIRE)) {
    task(args, 0, count);
    return;
  }
  pool.task = task;
  pool.args = args;
  pool.count = count;
  pool.grain = grain;
  pool.limit = limit;
  int64_t chunk = units / (limit * kChunksPerThread);
  pool.chunk = chunk > 1 ? chunk : 1;
  int64_t each = units / limit, more = units % limit, begin = 0;
  for (int32_t i = 0; i < limit; ++i) {
    int64_t size = each + (i < more ? 1 : 0);
    pool.parts[i].next = begin;
    pool.parts[i].end = begin += size;
  }
  __atomic_store_n(&pool.gate, kOpen, __ATOMIC_RELEASE);
  announce(pool, limit - 1);
  work(pool, 0);
  finish(pool);
  __atomic_store_n(&pool.busy, 0, __ATOMIC_RELEASE);
}

static void retain(SecateurPool *base) {
  __atomic_fetch_add(&static_cast<Pool *>(base)->references, 1, __ATOMIC_RELAXED);
}

static void release(SecateurPool *base) {
  Pool *pool = static_cast<Pool *>(base);
  if (__atomic_sub_fetch(&pool->references, 1, __ATOMIC_ACQ_REL))
    return;
  __atomic_store_n(&pool->stop, 1, __ATOMIC_RELEASE);
  announce(*pool, kMaxThreads);
  if (pool->process == getpid()) // A forked child has no helpers.
    for (int32_t i = 0; i < pool->started; ++i)
      pthread_join(pool->helpers[i].thread, nullptr);
  free(pool->helpers);
  free(pool->parts);
  free(pool);
}

/// Starts helpers with all signals blocked; fewer if the system refuses.
static void startHelpers(Pool &pool) {
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  for (int32_t i = 0; i + 1 < pool.threads; ++i) {
    pool.helpers[i] = {&pool, {}, i + 1};
    if (pthread_create(&pool.helpers[i].thread, &attributes, helperMain, &pool.helpers[i]))
      break;
    ++pool.started;
  }
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
}

SecateurPool *secateur::runtime::createPool(int32_t threads) {
  if (threads > kMaxThreads)
    threads = kMaxThreads;
  void *memory = nullptr, *parts = nullptr;
  if (posix_memalign(&memory, alignof(Pool), sizeof(Pool)))
    return nullptr;
  memset(memory, 0, sizeof(Pool));
  Pool *pool = static_cast<Pool *>(memory);
  pool->helpers = static_cast<Helper *>(calloc(threads, sizeof(Helper)));
  if (posix_memalign(&parts, alignof(Part), threads * sizeof(Part)))
    parts = nullptr;
  if (!pool->helpers || !parts) {
    free(pool->helpers);
    free(parts);
    free(memory);
    return nullptr;
  }
  pool->parts = static_cast<Part *>(parts);
  pool->abiVersion = SECATEUR_ABI_VERSION;
  pool->threads = threads;
  pool->run = runLoop;
  pool->retain = retain;
  pool->release = release;
  pool->references = 1;
  pool->process = getpid();
  startHelpers(*pool);
  return pool;
}

SecateurStatus secateur_pool_create(int32_t threads, SecateurPool **pool) {
  if (!pool || threads < 0)
    return SECATEUR_INVALID_ARGUMENT;
  *pool = createPool(threads ? threads : detectThreads());
  return *pool ? SECATEUR_OK : SECATEUR_OUT_OF_MEMORY;
}

int32_t secateur_pool_threads(const SecateurPool *pool) { return pool ? pool->threads : 0; }

void secateur_pool_destroy(SecateurPool *pool) {
  if (pool)
    pool->release(pool);
}
