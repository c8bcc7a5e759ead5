//===- ShapeRules.h - What the rules of shape inference share ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A rule is a function from an operation and the evaluator; `attach` makes it
// the ShapeOpInterface model of an operation. Rules never guess: a size that
// depends on data is an unknown symbol, and a rank that does leaves the result
// unranked. A result that a rule says nothing of takes its declared type.

#ifndef SECATEUR_LIB_ANALYSIS_SHAPE_SHAPERULES_H
#define SECATEUR_LIB_ANALYSIS_SHAPE_SHAPERULES_H

#include "TypeShapes.h"
#include "dialects/NN/IR/NNOps.h"

namespace secateur::analysis {

using mlir::failed;
using mlir::failure;
using mlir::FailureOr;
using mlir::Operation;
using mlir::success;
using mlir::Value;
using mlir::ValueRange;
using nn::Dim;
using nn::Number;
using nn::ShapeEvaluator;
using Shape = llvm::SmallVector<Dim, 6>;
using ShapeRef = llvm::ArrayRef<Dim>;
using llvm::LogicalResult;

/// What the models of all rules have in common.
template <typename Model, typename OpTy>
struct ShapeModelBase : nn::ShapeOpInterface::ExternalModel<Model, OpTy> {
  LogicalResult verifyShapes(Operation *op) const {
    TypeShapes types(op->getContext());
    return static_cast<const Model *>(this)->inferShapes(op, types);
  }
};

/// The model of `OpTy` whose rule is `rule`.
template <typename OpTy, LogicalResult (*rule)(OpTy, ShapeEvaluator &)>
struct ShapeModel : ShapeModelBase<ShapeModel<OpTy, rule>, OpTy> {
  LogicalResult inferShapes(Operation *op, ShapeEvaluator &evaluator) const {
    return rule(mlir::cast<OpTy>(op), evaluator);
  }
};

template <typename OpTy, LogicalResult (*rule)(OpTy, ShapeEvaluator &)>
void attach(mlir::MLIRContext *context) {
  OpTy::template attachInterface<ShapeModel<OpTy, rule>>(*context);
}

/// Likewise for operations that share one rule, which needs no accessors.
template <LogicalResult (*rule)(Operation *, ShapeEvaluator &), typename... OpTys>
void attachAll(mlir::MLIRContext *context) {
  (OpTys::template attachInterface<ShapeModel<OpTys,
                                              [](OpTys op, ShapeEvaluator &evaluator) {
                                                return rule(op.getOperation(), evaluator);
                                              }>>(*context),
   ...);
}

std::optional<int64_t> asConstant(Dim size);
/// All sizes, if all are constant.
std::optional<llvm::SmallVector<int64_t>> asConstants(ShapeRef sizes);
/// Number of elements, if it is constant and at most `limit`.
std::optional<int64_t> countElements(ShapeRef shape, int64_t limit = ShapeEvaluator::kMaxElements);
/// Whether `value` is at least 0 for every input.
bool isNonNegative(ShapeEvaluator &evaluator, Dim value);
/// The product of sizes.
Dim product(ShapeRef sizes, ShapeEvaluator &evaluator);

/// What statistics count, where they say so, is no less than what is there; an error
/// on the operation otherwise.
LogicalResult checkCount(Operation *op, std::optional<int64_t> count, ShapeRef present);

/// Gives `result` the shape of the statistics of `x` normalised from `axis` on: one
/// element for what is normalised together.
void setStatistics(ShapeEvaluator &evaluator, ShapeRef x, int64_t axis, Value result);

/// `axis` counted from the front; an error on the operation where it is out of
/// range.
FailureOr<int64_t> getAxis(Operation *op, int64_t axis, int64_t rank);
/// Axes counted from the front, in the order given; errors for repeated ones too.
FailureOr<llvm::SmallVector<int64_t>> getAxes(Operation *op, llvm::ArrayRef<int64_t> axes,
                                              int64_t rank);

/// The elements of an integer operand, if all are constant.
std::optional<llvm::SmallVector<int64_t>> constantElements(ShapeEvaluator &evaluator, Value value);
/// The elements of a rank 0 or 1 integer tensor; those that are not known as
/// symbols that stand for them. nullopt where their number is not known.
std::optional<llvm::SmallVector<Dim>> elementsOrSymbols(ShapeEvaluator &evaluator, Value value);

/// Gives `result` a shape of `rank` sizes that depend on data.
void setUnknownShape(ShapeEvaluator &evaluator, Value result, int64_t rank);
/// Gives `result` the shape of `value`.
void copyShape(ShapeEvaluator &evaluator, Value value, Value result);
/// Gives `result` the elements of `value` too: for operations that only change
/// the shape.
void copyElements(ShapeEvaluator &evaluator, Value value, Value result);

/// The shape that `shapes` broadcast to (numpy rules).
FailureOr<Shape> broadcast(Operation *op, ShapeEvaluator &evaluator,
                           llvm::ArrayRef<ShapeRef> shapes);
/// Broadcasts all operands of `op` to its first result. Unranked operands make it
/// unranked.
LogicalResult inferBroadcast(Operation *op, ShapeEvaluator &evaluator);
/// The first result has the shape of the first operand.
LogicalResult inferSameShape(Operation *op, ShapeEvaluator &evaluator);

/// The product of matrices or stacks of them, as nn.matmul has it; nullopt where a
/// rank is not known.
LogicalResult inferProduct(Operation *op, ShapeEvaluator &evaluator, std::optional<ShapeRef> left,
                           std::optional<ShapeRef> right, Value result);

/// Calls `visit(output position, input position)` for each element of a tensor
/// of shape `outputShape`, given the input's position at the origin and its
/// step along each axis of the output.
void forEachElement(llvm::ArrayRef<int64_t> outputShape, llvm::ArrayRef<int64_t> steps,
                    int64_t origin, llvm::function_ref<void(int64_t, int64_t)> visit);
/// Row-major strides.
llvm::SmallVector<int64_t> rowMajor(llvm::ArrayRef<int64_t> shape);
/// Sets the elements of `result` (integers or floats) to those of `value` taken
/// at the positions that forEachElement gives; does nothing where they are not
/// known.
void gatherElements(ShapeEvaluator &evaluator, Value value, Value result,
                    llvm::ArrayRef<int64_t> outputShape, llvm::ArrayRef<int64_t> steps,
                    int64_t origin);

// The families, each in a file of its own.
void attachArithmeticShapes(mlir::MLIRContext *context);
void attachContractionShapes(mlir::MLIRContext *context);
void attachControlShapes(mlir::MLIRContext *context);
void attachConvolutionShapes(mlir::MLIRContext *context);
void attachElementwiseShapes(mlir::MLIRContext *context);
void attachIndexingShapes(mlir::MLIRContext *context);
void attachMicrosoftShapes(mlir::MLIRContext *context);
void attachMovementShapes(mlir::MLIRContext *context);
void attachNormalizationShapes(mlir::MLIRContext *context);
void attachPoolingShapes(mlir::MLIRContext *context);
void attachReductionShapes(mlir::MLIRContext *context);
void attachSourceShapes(mlir::MLIRContext *context);

} // namespace secateur::analysis

#endif // SECATEUR_LIB_ANALYSIS_SHAPE_SHAPERULES_H
