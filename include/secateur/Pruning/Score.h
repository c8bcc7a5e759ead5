//===- Score.h - How much each unit matters ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A criterion gives each unit of a group a number of 0 or more: how much is lost
// with it. Scores stand on the groups as the attribute `prune.scores`.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_PRUNING_SCORE_H
#define SECATEUR_PRUNING_SCORE_H

#include "secateur/Pruning/Groups.h"

#include "llvm/ADT/DenseMap.h"

#include <memory>

namespace secateur::pruning {

/// On a `prune.group`: one f64 a unit.
inline constexpr llvm::StringLiteral kScoresAttr = "prune.scores";

/// Sums of squares of weights, each tensor read once for each of its axes.
class WeightEnergy {
public:
  /// The sum of squared distances from `zero` in a slab of `weight`, a stored tensor;
  /// `zero` is the same each time. Fails with an error that names the tensor where it
  /// cannot be read or holds a NaN or an infinity.
  llvm::FailureOr<double> get(mlir::Value weight, const Slab &slab, int64_t zero);

private:
  llvm::FailureOr<llvm::ArrayRef<double>> alongAxis(mlir::Value weight, int64_t axis, int64_t zero);
  llvm::FailureOr<double> ofBox(mlir::Value weight, const Slab &slab, int64_t zero);

  llvm::DenseMap<std::pair<mlir::Value, int64_t>, std::vector<double>> sums;
};

class Criterion {
public:
  virtual ~Criterion() = default;
  virtual llvm::StringRef getName() const = 0;
  /// Fills `scores`, one for each unit of `group`.
  virtual llvm::LogicalResult score(const Group &group, llvm::MutableArrayRef<double> scores) = 0;
};

/// The Euclidean norm of all weights that a unit owns, in-side slices included.
std::unique_ptr<Criterion> createMagnitudeCriterion();

/// The criterion named `name` (`magnitude`); null where there is none.
std::unique_ptr<Criterion> createCriterion(llvm::StringRef name);

/// Writes the scores of all groups of `func`.
llvm::LogicalResult scoreGroups(mlir::func::FuncOp func, Criterion &criterion);

/// The scores of a group; empty where it has none.
llvm::ArrayRef<double> getScores(prune::GroupOp group);

} // namespace secateur::pruning

#endif // SECATEUR_PRUNING_SCORE_H
