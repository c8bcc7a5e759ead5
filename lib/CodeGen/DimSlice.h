//===- DimSlice.h - Sizes as functions of the arguments' dimensions ---------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_DIMSLICE_H
#define SECATEUR_LIB_CODEGEN_DIMSLICE_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/DenseMap.h"

namespace secateur::codegen {

/// Finds out which values are computed from dimensions of the entry block's
/// arguments by pure operations alone, and clones their computation.
class DimSlice {
public:
  /// True when `value` follows from the arguments' dimensions.
  bool isFromArguments(mlir::Value value);

  /// Clones the computation of `value`, for which isFromArguments() holds.
  /// `dimension(argument, axis)` supplies the dimensions; `mapping` keeps what
  /// was cloned before.
  static mlir::Value
  clone(mlir::OpBuilder &builder, mlir::Value value, mlir::IRMapping &mapping,
        llvm::function_ref<mlir::Value(unsigned argument, int64_t axis)> dimension);

private:
  llvm::DenseMap<mlir::Value, bool> known;
};

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_DIMSLICE_H
