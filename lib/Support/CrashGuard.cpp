//===- CrashGuard.cpp - Crashes as messages ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// LLVM's handlers belong to the process and are set and reset by counting; its crash
// recovery contexts, and the reason kept here, belong to a thread.
//===----------------------------------------------------------------------===//

#include "secateur/Support/CrashGuard.h"

#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Threading.h"

#include <mutex>

using namespace secateur;

static thread_local std::string fatalReason;

static void keepReason(void *, const char *reason, bool) {
  auto *recovery = llvm::CrashRecoveryContext::GetCurrent();
  if (!recovery)
    return; // LLVM prints the reason and ends the process.
  fatalReason = reason;
  recovery->HandleExit(1);
}

namespace {

/// The handlers of the process, from the first guard to the last.
class Handlers {
public:
  Handlers() {
    std::lock_guard<std::mutex> lock(mutex);
    if (users++)
      return;
    llvm::CrashRecoveryContext::Enable();
    llvm::install_fatal_error_handler(keepReason);
  }
  ~Handlers() {
    std::lock_guard<std::mutex> lock(mutex);
    if (--users)
      return;
    llvm::remove_fatal_error_handler();
    llvm::CrashRecoveryContext::Disable();
  }
  Handlers(const Handlers &) = delete;

private:
  static std::mutex mutex;
  static unsigned users;
};

std::mutex Handlers::mutex;
unsigned Handlers::users = 0;

} // namespace

std::optional<std::string> secateur::runGuarded(llvm::function_ref<void()> work) {
  Handlers handlers;
  fatalReason.clear();
  llvm::CrashRecoveryContext recovery;
  if (recovery.RunSafely(work))
    return std::nullopt;
  if (!fatalReason.empty())
    return fatalReason;
  // The code is that of a shell: 128 and the signal.
  return "it crashed with signal " + std::to_string(recovery.RetCode - 128);
}

GuardedThreadPool::GuardedThreadPool(unsigned threads,
                                     std::function<void(const std::string &)> onCrash)
    : pool(llvm::hardware_concurrency(threads)), onCrash(std::move(onCrash)) {}

GuardedThreadPool::~GuardedThreadPool() { pool.wait(); }

void GuardedThreadPool::asyncEnqueue(llvm::unique_function<void()> task,
                                     llvm::ThreadPoolTaskGroup *group) {
  auto guarded = [this, task = std::move(task)]() mutable {
    if (std::optional<std::string> reason = runGuarded(task))
      onCrash(*reason);
  };
  if (group)
    pool.async(*group, std::move(guarded));
  else
    pool.async(std::move(guarded));
}
