//===- CrashGuardTest.cpp - Crashes as messages -----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Support/CrashGuard.h"

#include "llvm/Support/ErrorHandling.h"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <mutex>
#include <set>

using namespace secateur;

namespace {

TEST(CrashGuard, WorkThatEndsWellHasNoMessage) {
  bool done = false;
  EXPECT_EQ(runGuarded([&] { done = true; }), std::nullopt);
  EXPECT_TRUE(done);
}

TEST(CrashGuard, SignalsAndFatalErrorsAreMessages) {
  EXPECT_EQ(runGuarded([] { raise(SIGSEGV); }), "it crashed with signal 11");
  EXPECT_EQ(runGuarded([] { llvm::report_fatal_error("no such register"); }), "no such register");
  // The first reason is not told again.
  EXPECT_EQ(runGuarded([] { raise(SIGILL); }), "it crashed with signal 4");
}

TEST(CrashGuard, AnInnerCrashLeavesTheOuterWorkGoing) {
  std::optional<std::string> inner;
  EXPECT_EQ(runGuarded([&] { inner = runGuarded([] { raise(SIGSEGV); }); }), std::nullopt);
  EXPECT_EQ(inner, "it crashed with signal 11");
}

TEST(CrashGuard, PoolTellsOfTasksThatCrash) {
  std::mutex mutex;
  std::multiset<std::string> reasons;
  std::atomic<int> done = 0;
  {
    GuardedThreadPool pool(2, [&](const std::string &reason) {
      std::lock_guard<std::mutex> lock(mutex);
      reasons.insert(reason);
    });
    EXPECT_LE(pool.getMaxConcurrency(), 2u);
    llvm::ThreadPoolTaskGroup group(pool);
    for (int i = 0; i < 20; ++i)
      group.async([&, i] {
        if (i == 3)
          raise(SIGSEGV);
        if (i == 7)
          llvm::report_fatal_error("seven");
        ++done;
      });
    group.wait();
    EXPECT_EQ(done, 18);
  }
  EXPECT_EQ(reasons, (std::multiset<std::string>{"it crashed with signal 11", "seven"}));
}

} // namespace
