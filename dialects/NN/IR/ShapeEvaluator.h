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
#include "mlir/IR/Region.h"
#include "mlir/IR/Value.h"

#include <optional>
#include <string>

namespace secateur::nn {

/// A dimension, or an element of an integer tensor.
using Dim = mlir::AffineExpr;

/// An element of a small floating point tensor: the exact rational
/// numerator / denominator, denominator > 0. A null numerator is an element that
/// is not known.
struct Number {
  Dim numerator;
  int64_t denominator = 1;
};

class ShapeEvaluator {
public:
  /// Tensors with more elements than this are never evaluated.
  static constexpr int64_t kMaxElements = 1024;

  virtual ~ShapeEvaluator() = default;

  /// The dimensions of `value`, outermost first; nullopt where even the rank is
  /// unknown. The array lives until the shape of `value` is set again.
  virtual std::optional<llvm::ArrayRef<Dim>> getShape(mlir::Value value) = 0;
  /// The elements of an integer or boolean tensor in row-major order, where each
  /// is known as an expression; nullopt otherwise.
  virtual std::optional<llvm::ArrayRef<Dim>> getElements(mlir::Value value) = 0;
  /// The elements of a floating point tensor, likewise.
  virtual std::optional<llvm::ArrayRef<Number>> getNumbers(mlir::Value value) = 0;

  /// Shapes and elements may be set again (bodies of loops are inferred more
  /// than once); all are simplified when they are set.
  virtual void setShape(mlir::Value result, llvm::ArrayRef<Dim> shape) = 0;
  /// Not even the rank can be told. Elements are forgotten.
  virtual void setUnranked(mlir::Value result) = 0;
  virtual void setElements(mlir::Value result, llvm::ArrayRef<Dim> elements) = 0;
  virtual void setNumbers(mlir::Value result, llvm::ArrayRef<Number> elements) = 0;

  virtual mlir::MLIRContext *getContext() = 0;
  Dim constant(int64_t value) { return mlir::getAffineConstantExpr(value, getContext()); }
  /// Size `axis` of `owner`, which nothing is known of before it is computed.
  virtual Dim unknownDim(mlir::Value owner, unsigned axis) = 0;
  /// Element `index` (row-major) of the integer tensor `owner`, likewise.
  virtual Dim unknownElement(mlir::Value owner, unsigned index) = 0;
  virtual Dim minimum(Dim left, Dim right) = 0;
  virtual Dim maximum(Dim left, Dim right) = 0;
  /// The normal form: equal sizes are equal expressions as far as polynomials
  /// and divisions by constants go.
  virtual Dim simplify(Dim expression) = 0;
  /// The expression in words, for people.
  virtual std::string toString(Dim expression) const = 0;
  /// Bounds that hold for every input: dimensions of inputs are at least 1.
  virtual std::optional<int64_t> getLowerBound(Dim expression) = 0;
  virtual std::optional<int64_t> getUpperBound(Dim expression) = 0;

  /// States that the operation needs left == right. False where they never are
  /// equal; where it cannot be told, it is remembered as an assumption, for the
  /// run time to check.
  virtual bool requireEqual(Dim left, Dim right, mlir::Operation *op) = 0;

  /// Infers the operations of a region of an operation, whose block arguments
  /// have been given shapes.
  virtual llvm::LogicalResult inferRegion(mlir::Region &region) = 0;
};

} // namespace secateur::nn

#endif // SECATEUR_DIALECTS_NN_IR_SHAPEEVALUATOR_H
