//===- Apply.h - Erasing what a plan says -----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Takes the units marked `prune.removed` out of the model: cuts them out of every
// weight, rewrites the attributes and integer constants that name extents, sets
// the types, removes the groups, and checks with shape inference that what is
// left has the sizes that the plan says.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_PRUNING_APPLY_H
#define SECATEUR_PRUNING_APPLY_H

#include "secateur/Pruning/Extents.h"
#include "secateur/Pruning/PlanFile.h"

namespace secateur::pruning {

/// What the statistics of norms and means count once positions are erased: as many
/// as before, so that the erased model equals the zeroed one, or those that are kept,
/// which is an approximation and leaves the fused operators of ONNX.
enum class NormStatistics { Dense, Kept };

struct ApplyOptions {
  NominalShapes nominal;
  /// Fill the removed elements instead of erasing them: the model that the
  /// erased one must equal. Shapes and types stay.
  bool zero = false;
  NormStatistics statistics = NormStatistics::Dense;
};

/// Erases, and returns what was done in the numbering of the user's file (without
/// its hash). Fails with an error where the rest of a tensor would be ragged, an
/// extent is named by nothing that can be changed, or a weight cannot be read;
/// the function is then half rewritten.
mlir::FailureOr<PlanFile> applyPlan(mlir::func::FuncOp func, const ApplyOptions &options);

/// Marks the units that `plan` erases. `sha256` is the hash of the model's file
/// (empty: not compared). Fails with one error that names each misfit: another
/// file, a tensor or index that is not there, slices that are no unit of the model, a constraint
/// that is hurt.
llvm::LogicalResult replayPlan(mlir::func::FuncOp func, const PlanFile &plan,
                               llvm::StringRef sha256);

/// What `unit` owns of the stored tensors of `group`.
std::vector<PlanSlice> makeSlices(const Group &group, int64_t unit);

/// The shared constants that analysis untied, and where each copy is used.
std::vector<PlanCopy> collectCopies(mlir::func::FuncOp func);

} // namespace secateur::pruning

#endif // SECATEUR_PRUNING_APPLY_H
