//===- Prune.h - All of pruning in one call ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Analyse, score, plan (or replay) and apply, for who does not need the steps one
// by one.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_PRUNING_PRUNE_H
#define SECATEUR_PRUNING_PRUNE_H

#include "secateur/Pruning/Apply.h"
#include "secateur/Pruning/Plan.h"
#include "secateur/Pruning/Report.h"

namespace secateur::pruning {

struct PruneOptions {
  PlanOptions plan;
  /// Globs over names of tensors and nodes that stay whole.
  std::vector<std::string> keep;
  /// Inputs and outputs whose dimensions may shrink.
  std::vector<std::string> allowInterface;
  /// Any channel can leave a channel shuffle, which becomes a Gather.
  bool gatherShuffles = false;
  std::string criterion = "magnitude";
  NormStatistics statistics = NormStatistics::Dense;
  /// Where set, its units leave instead of those that budgets choose.
  std::optional<PlanFile> replay;
  /// Of the model's file: written into the plan, and compared with `replay`'s.
  std::string sha256;
};

struct PruneOutcome {
  PruningReport report;
  PlanFile plan;
  bool reached = true;
};

/// Finds the groups of `func` and marks the units that leave; the function is
/// otherwise unchanged. The plan is empty. Fails with errors.
mlir::FailureOr<PruneOutcome> decidePruning(mlir::func::FuncOp func, const PruneOptions &options);

/// Erases what `decidePruning` marked and fills in the plan. For the zeroed model
/// of a proof, call `applyPlan` with `zero` on a clone of the marked function.
llvm::LogicalResult carryOutPruning(mlir::func::FuncOp func, const PruneOptions &options,
                                    PruneOutcome &outcome);

} // namespace secateur::pruning

#endif // SECATEUR_PRUNING_PRUNE_H
