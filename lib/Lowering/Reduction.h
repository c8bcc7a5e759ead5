//===- Reduction.h - Reductions that several families use -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_LOWERING_REDUCTION_H
#define SECATEUR_LIB_LOWERING_REDUCTION_H

#include "secateur/Lowering/LoweringContext.h"

namespace secateur::lowering {

/// (element, accumulator) -> accumulator.
using ReductionStep =
    llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &, mlir::Value, mlir::Value)>;
using ReductionMap = llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &, mlir::Value)>;

/// Reduces `axes` of a tensor of logical `dims` stored in `layout`. The result
/// has the other axes, in row-major order.
mlir::Value reduceTensor(LoweringContext &context, mlir::Value tensor, llvm::ArrayRef<Dim> dims,
                         Layout layout, llvm::ArrayRef<int64_t> axes, mlir::Value init,
                         ReductionStep step);

/// map(x) of each element of a tensor whose stored sizes are `dims`.
mlir::Value mapTensor(LoweringContext &context, mlir::Value tensor, llvm::ArrayRef<Dim> dims,
                      ReductionMap map);

/// The sum over `axes` of exp(x - subtracted), where `subtracted` has the axes
/// that are left.
mlir::Value sumOfExponents(LoweringContext &context, mlir::Value tensor, llvm::ArrayRef<Dim> dims,
                           Layout layout, llvm::ArrayRef<int64_t> axes, mlir::Value subtracted);

/// The dimensions that a reduction of `axes` leaves.
llvm::SmallVector<Dim> keptDims(llvm::ArrayRef<Dim> dims, llvm::ArrayRef<int64_t> axes);

/// The number of elements along `axes`, as a scalar of `type`.
mlir::Value elementCount(LoweringContext &context, llvm::ArrayRef<Dim> dims,
                         llvm::ArrayRef<int64_t> axes, mlir::Type type);

} // namespace secateur::lowering

#endif // SECATEUR_LIB_LOWERING_REDUCTION_H
