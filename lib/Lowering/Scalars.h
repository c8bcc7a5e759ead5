//===- Scalars.h - Arithmetic on the elements of tensors --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Scalar functions that several families of operators use. NaN behaves as in
// ONNX Runtime: maxima and minima propagate it.

#ifndef SECATEUR_LIB_LOWERING_SCALARS_H
#define SECATEUR_LIB_LOWERING_SCALARS_H

#include "secateur/Lowering/LoweringContext.h"

namespace secateur::lowering {

/// Scalar arithmetic in one type of numbers.
class Scalars {
public:
  Scalars(mlir::ImplicitLocOpBuilder &builder, mlir::Type type, ScalarKind kind)
      : b(builder), type(type), kind(kind) {}
  /// In the type of a scalar that is there; floats and signed integers.
  Scalars(mlir::ImplicitLocOpBuilder &builder, mlir::Value like)
      : Scalars(builder, like.getType(), LoweringContext::scalarKind(like.getType())) {}

  mlir::Value number(double value);
  mlir::Value add(mlir::Value left, mlir::Value right);
  mlir::Value sub(mlir::Value left, mlir::Value right);
  mlir::Value mul(mlir::Value left, mlir::Value right);
  mlir::Value div(mlir::Value left, mlir::Value right);
  mlir::Value max(mlir::Value left, mlir::Value right);
  mlir::Value min(mlir::Value left, mlir::Value right);
  mlir::Value neg(mlir::Value value) { return sub(number(0), value); }
  mlir::Value abs(mlir::Value value);
  mlir::Value exp(mlir::Value value);
  mlir::Value log(mlir::Value value);
  mlir::Value tanh(mlir::Value value);
  mlir::Value sqrt(mlir::Value value);
  mlir::Value less(mlir::Value left, mlir::Value right);
  mlir::Value lessOrEqual(mlir::Value left, mlir::Value right);
  mlir::Value equal(mlir::Value left, mlir::Value right);
  mlir::Value select(mlir::Value condition, mlir::Value ifTrue, mlir::Value ifFalse);
  mlir::Value sigmoid(mlir::Value value);
  mlir::Value softplus(mlir::Value value);
  mlir::Value erf(mlir::Value value);
  mlir::Value clamp(mlir::Value value, double low, double high) {
    return min(max(value, number(low)), number(high));
  }
  mlir::Value pow(mlir::Value base, mlir::Value exponent);
  /// The smallest and largest number, infinite for floats.
  mlir::Value lowest();
  mlir::Value highest();

private:
  mlir::ImplicitLocOpBuilder &b;
  mlir::Type type;
  ScalarKind kind;
};

/// `value` as a number of another type, as C converts it; floats are saturated
/// to the range of integers, NaN becomes the smallest.
mlir::Value convertScalar(mlir::ImplicitLocOpBuilder &builder, mlir::Value value, ScalarKind from,
                          mlir::Type to, ScalarKind toKind);

/// The weights of the four taps of a cubic interpolation at a fraction in [0, 1).
llvm::SmallVector<mlir::Value> cubicWeights(mlir::ImplicitLocOpBuilder &builder,
                                            mlir::Value fraction, double a);

} // namespace secateur::lowering

#endif // SECATEUR_LIB_LOWERING_SCALARS_H
