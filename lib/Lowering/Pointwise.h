//===- Pointwise.h - Operators that compute element by element --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_LOWERING_POINTWISE_H
#define SECATEUR_LIB_LOWERING_POINTWISE_H

#include "Scalars.h"

namespace secateur::lowering {

/// What an operator computes of the scalars of its operands: a function
/// (op, scalars in the type of the first operand, builder, operands) -> result.
template <typename OpTy, auto compute>
llvm::LogicalResult lowerPointwise(OpTy op, LoweringContext &context) {
  mlir::Value first = op->getOperand(0);
  return context.elementwise(op, op->getOperands(), op->getResult(0),
                             [&](mlir::ImplicitLocOpBuilder &builder, mlir::ValueRange arguments) {
                               Scalars scalars(builder, arguments[0].getType(),
                                               LoweringContext::kindOf(first));
                               return mlir::Value(compute(op, scalars, builder, arguments));
                             });
}

template <typename OpTy, auto compute>
void attachPointwise(mlir::MLIRContext *context) {
  attachLowering<OpTy, lowerPointwise<OpTy, compute>>(context);
}

/// The same for operators on floating point numbers only.
template <typename OpTy, auto compute>
llvm::LogicalResult lowerFloatPointwise(OpTy op, LoweringContext &context) {
  if (LoweringContext::kindOf(op->getOperand(0)) != ScalarKind::Float)
    return context.unsupported(op, "it is supported on floating point numbers only");
  return lowerPointwise<OpTy, compute>(op, context);
}

template <typename OpTy, auto compute>
void attachFloatPointwise(mlir::MLIRContext *context) {
  attachLowering<OpTy, lowerFloatPointwise<OpTy, compute>>(context);
}

} // namespace secateur::lowering

#endif // SECATEUR_LIB_LOWERING_POINTWISE_H
