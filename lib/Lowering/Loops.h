//===- Loops.h - Sequential loops that carry a tensor ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_LOWERING_LOOPS_H
#define SECATEUR_LIB_LOWERING_LOOPS_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace secateur::lowering {

/// (builder, indices, tensor) -> the tensor for the next iteration.
using LoopBody =
    llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &, mlir::ValueRange, mlir::Value)>;

/// Loops over all indices below `extents` in row-major order, carrying a tensor;
/// `indices` are those of the loops around it.
inline mlir::Value loopNest(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<mlir::Value> extents,
                            mlir::Value tensor, llvm::SmallVector<mlir::Value> &indices,
                            LoopBody body) {
  if (indices.size() == extents.size())
    return body(b, indices, tensor);
  mlir::Value zero = mlir::arith::ConstantIndexOp::create(b, 0),
              one = mlir::arith::ConstantIndexOp::create(b, 1);
  auto loop =
      mlir::scf::ForOp::create(b, zero, extents[indices.size()], one, mlir::ValueRange{tensor});
  mlir::OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  indices.push_back(loop.getInductionVar());
  mlir::Value next = loopNest(b, extents, loop.getRegionIterArg(0), indices, body);
  mlir::scf::YieldOp::create(b, next);
  indices.pop_back();
  return loop.getResult(0);
}

inline mlir::Value loopNest(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<mlir::Value> extents,
                            mlir::Value tensor, LoopBody body) {
  llvm::SmallVector<mlir::Value> indices;
  return loopNest(b, extents, tensor, indices, body);
}

} // namespace secateur::lowering

#endif // SECATEUR_LIB_LOWERING_LOOPS_H
