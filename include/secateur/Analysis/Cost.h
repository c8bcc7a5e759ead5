//===- Cost.h - What a model costs ------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_ANALYSIS_COST_H
#define SECATEUR_ANALYSIS_COST_H

#include "secateur/Analysis/NamedShapes.h"
#include "secateur/Analysis/SymbolicShapes.h"

namespace secateur::analysis {

struct NominalCost {
  /// Twice the multiply-accumulates of convolutions, matrix products and
  /// recurrences. Of two branches the dearer one counts, the body of a loop once.
  int64_t flops = 0;
  /// Elements of weights: constants of floats, and of integers of at most 8 bits
  /// that are not scalars. What only shapes need is not a weight.
  int64_t parameters = 0;
  /// Bytes of all constants.
  int64_t weightBytes = 0;
  /// The symbols of inputs that no shape was given for: they count as 1.
  llvm::SmallVector<std::string> assumed;
};

/// The concrete shapes of the arguments of `func`: its own static sizes, what
/// `nominalShapes` (by `nn.name`, -1 for unknown) says, and 1 for the rest,
/// whose symbols are appended to `assumed`. Fails with an error where a name or
/// a rank is wrong, or a size contradicts.
mlir::FailureOr<llvm::SmallVector<llvm::SmallVector<int64_t>>>
getNominalShapes(mlir::func::FuncOp func, SymbolicShapes &shapes,
                 llvm::ArrayRef<NamedShapes::value_type> nominalShapes,
                 llvm::SmallVectorImpl<std::string> &assumed);

/// What `func` costs at nominal input shapes.
mlir::FailureOr<NominalCost> countCost(mlir::func::FuncOp func,
                                       llvm::ArrayRef<NamedShapes::value_type> nominalShapes);

} // namespace secateur::analysis

#endif // SECATEUR_ANALYSIS_COST_H
