//===- Shuffles.h - Channel shuffles as lists of positions ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A shuffle splits an axis in two or more, reorders those, and joins them again:
// Reshape, Transpose, Reshape. While it stays one, only whole slabs of the split axis
// can leave. A Gather with the list of its positions does the same, and any of those
// can leave it.

#ifndef SECATEUR_LIB_PRUNING_SHUFFLES_H
#define SECATEUR_LIB_PRUNING_SHUFFLES_H

#include "secateur/Analysis/SymbolicShapes.h"
#include "secateur/Pruning/Groups.h"

#include "llvm/ADT/DenseSet.h"

namespace secateur::pruning {

struct Shuffle {
  /// What splits, reorders and joins; none but the next uses the first two.
  mlir::Operation *split, *reorder, *join;
  int64_t axis;
  /// Where in the operand of `split` each position of the result comes from.
  llvm::SmallVector<int64_t> positions;

  mlir::OpOperand &data() const { return split->getOpOperand(0); }
  mlir::Value result() const { return join->getResult(0); }
};

/// All of `func` that `options` asks for.
std::vector<Shuffle> findShuffles(mlir::func::FuncOp func, analysis::SymbolicShapes &shapes,
                                  const AnalyzeOptions &options);

/// Says on the operation itself that analysis took it for a list of positions.
void markGathered(const Shuffle &shuffle);

/// The results of all shuffles that are so marked, by name.
std::vector<std::string> getGathered(mlir::func::FuncOp func);

/// Puts a Gather in the place of marked shuffles whose result is one of `cut`. The names
/// of the new lists of positions come back.
std::vector<std::string> replaceGathered(mlir::func::FuncOp func,
                                         const llvm::DenseSet<mlir::Value> &cut);

} // namespace secateur::pruning

#endif // SECATEUR_LIB_PRUNING_SHUFFLES_H
