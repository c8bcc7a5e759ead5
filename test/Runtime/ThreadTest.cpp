//===- ThreadTest.cpp - Contexts, pools and threads -------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Fixture.h"

#include "Internal.h"

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <thread>

using namespace secateur::runtime;

TEST(Threads, SixteenContextsAtOnce) {
  std::atomic<int64_t> errors{0};
  std::vector<std::thread> threads;
  threads.reserve(16);
  for (int t = 0; t < 16; ++t)
    threads.emplace_back([t, &errors] {
      Context context(1 + t % 3);
      for (int i = 0; i < 40; ++i) {
        FakeCall call(1 + (i * 37 + t) % 300, 0);
        errors += call.run(context) != SECATEUR_OK || call.countErrors() != 0;
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(errors, 0);
}

TEST(Threads, ContextsShareAPool) {
  SecateurPool *pool = nullptr;
  ASSERT_EQ(secateur_pool_create(4, &pool), SECATEUR_OK);
  EXPECT_EQ(secateur_pool_threads(pool), 4);
  std::vector<std::unique_ptr<Context>> contexts;
  contexts.reserve(8);
  for (int t = 0; t < 8; ++t)
    contexts.push_back(std::make_unique<Context>(0, pool));
  secateur_pool_destroy(pool); // Lives on in the contexts.
  std::atomic<int64_t> errors{0};
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&errors, context = std::move(contexts[t])] {
      errors += secateur_threads(*context) != 4;
      for (int i = 0; i < 100; ++i) {
        FakeCall call(200);
        errors += call.run(*context) != SECATEUR_OK || call.countErrors() != 0;
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(errors, 0);
}

TEST(Threads, CanBeSet) {
  Context context(3);
  EXPECT_EQ(secateur_threads(context), 3);
  FakeCall call(100);
  EXPECT_EQ(call.run(context), SECATEUR_OK);
  EXPECT_EQ(secateur_set_threads(context, 2), SECATEUR_OK);
  EXPECT_EQ(secateur_threads(context), 2);
  EXPECT_EQ(call.run(context), SECATEUR_OK);
  EXPECT_EQ(call.countErrors(), 0);
  EXPECT_EQ(secateur_set_threads(context, -1), SECATEUR_INVALID_ARGUMENT);
  EXPECT_EQ(secateur_set_threads(context, 0), SECATEUR_OK);
  EXPECT_EQ(secateur_threads(context), detectThreads());
}

namespace {
struct Coverage {
  std::vector<std::atomic<int>> seen;
  int64_t grain;
  std::atomic<bool> aligned{true};
  explicit Coverage(int64_t count, int64_t grain) : seen(count), grain(grain) {}
};
} // namespace

TEST(Pool, CoversEveryRangeOnce) {
  SecateurPool *pool = createPool(5);
  ASSERT_NE(pool, nullptr);
  for (int64_t count : {1, 2, 5, 6, 99, 1000})
    for (int64_t grain : {1, 3, 64, 5000})
      for (int32_t limit : {1, 2, 5, 9}) {
        Coverage coverage(count, grain);
        pool->run(
            pool,
            [](void *data, int64_t lo, int64_t hi) {
              Coverage &c = *static_cast<Coverage *>(data);
              if (lo % c.grain || (hi % c.grain && hi != static_cast<int64_t>(c.seen.size())))
                c.aligned = false;
              for (int64_t i = lo; i < hi; ++i)
                ++c.seen[i];
            },
            &coverage, count, grain, limit);
        EXPECT_TRUE(coverage.aligned);
        for (std::atomic<int> &times : coverage.seen)
          ASSERT_EQ(times, 1) << count << " by " << grain << " on " << limit;
      }
  secateur_pool_destroy(pool);
}

TEST(Pool, SleepsAndWakes) {
  SecateurPool *pool = createPool(3);
  for (int i = 0; i < 20; ++i) {
    usleep(i * 100); // Longer and shorter than the helpers spin.
    std::atomic<int64_t> sum{0};
    pool->run(
        pool,
        [](void *data, int64_t lo, int64_t hi) {
          *static_cast<std::atomic<int64_t> *>(data) += hi - lo;
        },
        &sum, 100, 1, 3);
    ASSERT_EQ(sum, 100);
  }
  secateur_pool_destroy(pool);
}

#if !defined(__SANITIZE_THREAD__) && !__has_feature(thread_sanitizer)
TEST(Pool, WorksInAForkedChild) {
  Context context(3);
  FakeCall call(500);
  ASSERT_EQ(call.run(context), SECATEUR_OK);
  pid_t child = fork();
  if (child == 0) {
    bool good = call.run(context) == SECATEUR_OK && call.countErrors() == 0;
    secateur_destroy(context.context);
    _exit(good ? 0 : 1);
  }
  int status = 1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}
#endif

TEST(Memory, TenThousandRunsAllocateNothing) {
  Context context(2);
  FakeCall call(50), other(60);
  ASSERT_EQ(call.run(context), SECATEUR_OK);
  ASSERT_EQ(other.run(context), SECATEUR_OK);
  ASSERT_EQ(call.run(context), SECATEUR_OK);
  size_t before = mallinfo2().uordblks;
  int64_t errors = 0;
  for (int i = 0; i < 10000; ++i) {
    errors += call.run(context) != SECATEUR_OK;
    errors += other.run(context) != SECATEUR_OK;
  }
  EXPECT_EQ(mallinfo2().uordblks, before);
  EXPECT_EQ(errors, 0);
  EXPECT_EQ(call.countErrors() + other.countErrors(), 0);
}

TEST(Memory, BuffersThatLiveTogetherDoNotOverlap) {
  uint64_t state = 1;
  auto random = [&state](int64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<int64_t>((state >> 33) % below);
  };
  for (int round = 0; round < 50; ++round) {
    int32_t count = 1 + random(60);
    std::vector<SecateurLiveRange> ranges(count);
    std::vector<int64_t> bytes(count), offsets(count);
    std::vector<int32_t> order(count), placed(count);
    int64_t sum = 0;
    for (int32_t i = 0; i < count; ++i) {
      int32_t first = random(40);
      ranges[i] = {first, first + static_cast<int32_t>(random(8))};
      bytes[i] = alignUp(random(5) ? random(10000) : 0);
      sum += bytes[i];
    }
    int64_t total = placeBuffers(count, ranges.data(), bytes.data(), offsets.data(), order.data(),
                                 placed.data());
    EXPECT_LE(total, sum);
    for (int32_t i = 0; i < count; ++i) {
      EXPECT_GE(offsets[i], 0);
      EXPECT_EQ(offsets[i] % 64, 0);
      EXPECT_LE(offsets[i] + bytes[i], total);
      for (int32_t j = 0; j < i; ++j) {
        bool together = ranges[i].first <= ranges[j].last && ranges[j].first <= ranges[i].last;
        bool apart = offsets[i] + bytes[i] <= offsets[j] || offsets[j] + bytes[j] <= offsets[i];
        EXPECT_TRUE(!together || apart || !bytes[i] || !bytes[j]) << i << " and " << j;
      }
    }
  }
}

TEST(Memory, ArenaOfAChainIsItsLargestPair) {
  SecateurLiveRange ranges[] = {{0, 1}, {1, 2}, {2, 3}, {3, 4}};
  int64_t bytes[] = {640, 1280, 640, 1280}, offsets[4];
  int32_t order[4], placed[4];
  EXPECT_EQ(placeBuffers(4, ranges, bytes, offsets, order, placed), 1920);
}

TEST(Memory, RegionReusesAndResets) {
  Region region = {};
  void *a = region.allocate(100), *b = region.allocate(5000);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a) % 64, 0u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(b) % 64, 0u);
  std::memset(a, 1, 100);
  std::memset(b, 2, 5000);
  EXPECT_TRUE(region.contains(b));
  EXPECT_FALSE(region.contains(&region));
  region.deallocate(a);
  EXPECT_EQ(region.allocate(90), a); // Same size class.
  EXPECT_EQ(region.allocate(-1), nullptr);
  EXPECT_EQ(region.allocate(int64_t(1) << 60), nullptr);
  for (int64_t bytes = 0; bytes < 3000000; bytes = bytes * 3 / 2 + 1) {
    char *memory = static_cast<char *>(region.allocate(bytes));
    ASSERT_NE(memory, nullptr);
    std::memset(memory, 3, bytes);
  }
  int64_t capacity = region.capacity();
  region.reset();
  EXPECT_EQ(region.capacity(), capacity);
  EXPECT_NE(region.allocate(capacity - 64 - (capacity >> 2)), nullptr); // One piece now.
  EXPECT_EQ(region.capacity(), capacity);
  region.destroy();
}

TEST(Machine, MissingFeaturesAreNamed) {
  char missing[200];
  EXPECT_TRUE(checkCpu(0, missing, sizeof(missing)));
  EXPECT_TRUE(checkCpu(1, missing, sizeof(missing))); // sse3: every x86-64 in use.
  // No CPU has both Intel's AMX and AMD's XOP.
  uint64_t both = uint64_t(1) << 32 | uint64_t(1) << 42;
  EXPECT_FALSE(checkCpu(both, missing, sizeof(missing)));
  EXPECT_TRUE(std::strstr(missing, "amx-tile") || std::strstr(missing, "xop")) << missing;
  EXPECT_FALSE(checkCpu(uint64_t(1) << 63, missing, sizeof(missing)));
  EXPECT_NE(std::strstr(missing, "newer than this runtime"), nullptr);
  char little[4];
  EXPECT_FALSE(checkCpu(~uint64_t(0), little, sizeof(little)));
  EXPECT_LT(std::strlen(little), sizeof(little));
  EXPECT_GE(detectThreads(), 1);
}
