//===- Report.h - What was cut, in words and in JSON ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_PRUNING_REPORT_H
#define SECATEUR_PRUNING_REPORT_H

#include "secateur/Pruning/Plan.h"
#include "secateur/Pruning/PlanFile.h"

#include "llvm/Support/JSON.h"

namespace secateur::pruning {

/// One group of a report.
struct GroupSummary {
  std::string name;
  int64_t units = 0;
  int64_t kept = 0;
  /// Names of the tensors of the file that its units own.
  std::vector<std::string> members;
};

/// A dimension that stays.
struct PinSummary {
  std::string tensor;
  int64_t axis = 0;
  std::string reason;
  std::string node;
};

struct PruningReport {
  ModelCost dense, pruned;
  std::vector<GroupSummary> groups;
  std::vector<PinSummary> pins;
  /// Nodes that are not the same in the erased and the zeroed model.
  std::vector<PlanApproximation> approximations;
};

/// Reads the groups and pins of `func`, which `applyPlan` removes: call it between the two.
PruningReport summarize(mlir::func::FuncOp func, const ModelCost &dense, const ModelCost &pruned);

/// `{"parameters": ..., "flops": ..., "weight_bytes": ...}`
llvm::json::Object toJson(const ModelCost &cost);
/// `dense`, `pruned`, `groups` [{name, units, kept, members}], `pins` [{tensor, axis, reason,
/// node}] and `approximations` [{node, reason}].
llvm::json::Object toJson(const PruningReport &report);

/// A table for people: what is left, each group that loses units, and the pins by
/// rule.
void printTable(const PruningReport &report, llvm::raw_ostream &out);

} // namespace secateur::pruning

#endif // SECATEUR_PRUNING_REPORT_H
