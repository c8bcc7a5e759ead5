//===- Plan.h - Which units leave under a budget ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Chooses units by score and cost so that what is left costs at most the budget,
// and not needlessly less. The choice stands on the groups as the attribute
// `prune.removed`; scores must stand on them before.
//
// A group's loss is -log of the share of its energy (the sum of squared scores)
// that is kept, for each stored tensor that it is part of: a channel of the
// residual stream is lost to every layer that reads it. The units that leave are those that lose
// least for the cost that they save, one after another, where the cost of each is that of the whole
// model at the extents reached so far. As a group empties, each further unit loses more of what is
// left, so that no layer collapses while others are whole.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_PRUNING_PLAN_H
#define SECATEUR_PRUNING_PLAN_H

#include "secateur/Pruning/Extents.h"

namespace secateur::pruning {

/// On a `prune.group`: the sorted units that leave.
inline constexpr llvm::StringLiteral kRemovedAttr = "prune.removed";

/// What is to be met: `flops=50%`, `params=50%`, or absolute: `flops=1.2G`,
/// `params=3M` (K, M, G, T stand for powers of 1000).
struct Budget {
  enum class Kind { Flops, Parameters };
  Kind kind = Kind::Flops;
  /// A share of the dense model's where `relative`.
  double amount = 1;
  bool relative = true;
  /// As the user wrote it.
  std::string text;
};

/// Reads `KIND=AMOUNT`; `error` says what is wrong with it.
std::optional<Budget> parseBudget(llvm::StringRef text, std::string &error);

struct PlanOptions {
  std::vector<Budget> budgets;
  NominalShapes nominal;
  /// Where a budget is out of reach: take the nearest, instead of failing.
  bool bestEffort = false;
  /// At least this share of each group's units stays as long as the budget can be
  /// met that way.
  double minShare = 0.1;
};

struct PlanOutcome {
  ModelCost dense, pruned;
  bool reached = true;
};

/// Marks the units to remove. Fails with an error where a group has no scores, or
/// where a budget is out of reach: it says the nearest share, and what is pinned
/// and why.
mlir::FailureOr<PlanOutcome> planPruning(mlir::func::FuncOp func, const PlanOptions &options);

/// Turns the groups that own a tensor, or feed or leave a node, whose name
/// matches one of the glob `patterns` into pins. Fails with an error where a pattern is malformed
/// or matches nothing.
llvm::LogicalResult keepGroups(mlir::func::FuncOp func, llvm::ArrayRef<std::string> patterns);

/// The units that leave; empty where nothing does.
llvm::ArrayRef<int64_t> getRemovedUnits(prune::GroupOp group);
void setRemovedUnits(prune::GroupOp group, llvm::ArrayRef<int64_t> units);

} // namespace secateur::pruning

#endif // SECATEUR_PRUNING_PLAN_H
