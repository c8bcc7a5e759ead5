//===- CrashGuard.h - Crashes as messages -----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
//
// LLVM and MLIR end the process on some of what they cannot do, and a defect of ours
// may be a wild pointer. Work that runs under the guard ends with a message instead.
// What the work had allocated or locked is lost; the process should end soon.
//
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_SUPPORT_CRASHGUARD_H
#define SECATEUR_SUPPORT_CRASHGUARD_H

#include "llvm/ADT/FunctionExtras.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/ThreadPool.h"

#include <functional>
#include <optional>
#include <string>

namespace secateur {

/// Runs `work` on this thread. A fatal error of LLVM or a fatal signal in it ends
/// it, and its description is returned ("it crashed with signal 11"). Calls nest.
std::optional<std::string> runGuarded(llvm::function_ref<void()> work);

/// A thread pool whose tasks run under the guard. A thread that waits for a task
/// that crashed would go on with half of the work, so `onCrash` is called on the
/// task's thread and should end the process.
class GuardedThreadPool : public llvm::ThreadPoolInterface {
public:
  /// 0 threads: one for each core that the process may use.
  GuardedThreadPool(unsigned threads, std::function<void(const std::string &)> onCrash);
  ~GuardedThreadPool() override;

  void wait() override { pool.wait(); }
  void wait(llvm::ThreadPoolTaskGroup &group) override { pool.wait(group); }
  unsigned getMaxConcurrency() const override { return pool.getMaxConcurrency(); }

private:
  void asyncEnqueue(llvm::unique_function<void()> task, llvm::ThreadPoolTaskGroup *group) override;

  llvm::StdThreadPool pool;
  std::function<void(const std::string &)> onCrash;
};

} // namespace secateur

#endif // SECATEUR_SUPPORT_CRASHGUARD_H
