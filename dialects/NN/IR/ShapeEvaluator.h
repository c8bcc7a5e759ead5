//===- ShapeEvaluator.h - What shape inference reads and writes -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The evaluator that operations talk to in ShapeOpInterface. A dimension is an
// affine (or semi-affine: products of symbols) expression over the symbols of
// the model's inputs. What affine expressions cannot say (minimum, maximum, a
// size that depends on data) is a fresh symbol, which the analysis remembers.
// The implementation is `SymbolicShapes` in secateur/Analysis.

#ifndef SECATEUR_DIALECTS_NN_IR_SHAPEEVALUATOR_H
#define SECATEUR_DIALECTS_NN_IR_SHAPEEVALUATOR_H

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Value.h"

#include <optional>

namespace secateur::nn {

/// A dimension, or an element of an integer tensor.
using Dim = mlir::AffineExpr;

class ShapeEvaluator {
public:
  virtual ~ShapeEvaluator() = default;

  /// The dimensions of `value`, outermost first; nullopt where even the rank is
  /// unknown.
  virtual std::optional<llvm::ArrayRef<Dim>> getShape(mlir::Value value) = 0;
  /// The elements of an integer tensor in row-major order, where each is known
  /// as an expression; nullopt otherwise. Tensors of more than 1024 elements are
  /// never known.
  virtual std::optional<llvm::ArrayRef<Dim>> getElements(mlir::Value value) = 0;

  virtual void setShape(mlir::Value result, llvm::ArrayRef<Dim> shape) = 0;
  virtual void setElements(mlir::Value result, llvm::ArrayRef<Dim> elements) = 0;

  virtual mlir::MLIRContext *getContext() = 0;
  Dim constant(int64_t value) { return mlir::getAffineConstantExpr(value, getContext()); }
  /// A size that nothing is known of, named for diagnostics.
  virtual Dim unknown(mlir::Value owner) = 0;
  virtual Dim minimum(Dim left, Dim right) = 0;
  virtual Dim maximum(Dim left, Dim right) = 0;
};

} // namespace secateur::nn

#endif // SECATEUR_DIALECTS_NN_IR_SHAPEEVALUATOR_H
