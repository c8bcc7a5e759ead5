//===- ReductionShapes.cpp - Reductions -------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "ShapeRules.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::analysis;
using namespace secateur::nn;

/// The axes that are reduced, in ascending order; nullopt where they depend on
/// data.
static FailureOr<std::optional<SmallVector<int64_t>>>
reducedAxes(Operation *op, ShapeEvaluator &evaluator, Value axes, bool noopWithEmptyAxes,
            int64_t rank) {
  std::optional<SmallVector<int64_t>> result = SmallVector<int64_t>();
  if (axes) {
    result = constantElements(evaluator, axes);
    if (!result)
      return result;
  }
  if (result->empty()) {
    if (!noopWithEmptyAxes)
      result = llvm::to_vector(llvm::seq<int64_t>(0, rank));
    return result;
  }
  FailureOr<SmallVector<int64_t>> normal = getAxes(op, *result, rank);
  if (failed(normal))
    return failure();
  llvm::sort(*normal);
  result = std::move(*normal);
  return result;
}

/// Drops or keeps as 1 the axes of `shape`.
static Shape reduceShape(ShapeEvaluator &evaluator, ShapeRef shape, ArrayRef<int64_t> axes,
                         bool keep) {
  Shape result;
  for (auto [axis, size] : llvm::enumerate(shape)) {
    if (!llvm::is_contained(axes, int64_t(axis)))
      result.push_back(size);
    else if (keep)
      result.push_back(evaluator.constant(1));
  }
  return result;
}

/// Combines two elements of an integer tensor.
using Combine = Dim (*)(ShapeEvaluator &, Dim, Dim);

template <typename OpTy, Combine combine>
static LogicalResult inferReduction(OpTy op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> data = evaluator.getShape(op.getData());
  Value result = op.getReduced();
  if (!data)
    return evaluator.setUnranked(result), success();
  FailureOr<std::optional<SmallVector<int64_t>>> axes =
      reducedAxes(op, evaluator, op.getAxes(), op.getNoopWithEmptyAxes() != 0, data->size());
  if (failed(axes))
    return failure();
  if (!*axes) {
    // How many axes there are tells the rank of the result.
    if (op.getKeepdims())
      setUnknownShape(evaluator, result, data->size());
    else
      evaluator.setUnranked(result);
    return success();
  }
  evaluator.setShape(result, reduceShape(evaluator, *data, **axes, op.getKeepdims() != 0));
  if constexpr (requires { op.getCount(); }) {
    Shape present = llvm::map_to_vector(**axes, [&](int64_t axis) { return (*data)[axis]; });
    if (failed(checkCount(op, op.getCount(), present)))
      return failure();
  }
  if constexpr (combine != nullptr) {
    std::optional<ShapeRef> elements = evaluator.getElements(op.getData());
    if (!elements || elements->empty() || (*axes)->size() != data->size())
      return success();
    Dim value = elements->front();
    for (Dim element : elements->drop_front())
      value = combine(evaluator, value, element);
    evaluator.setElements(result, {value});
  }
  return success();
}

static Dim addElements(ShapeEvaluator &, Dim a, Dim b) { return a + b; }
static Dim multiplyElements(ShapeEvaluator &, Dim a, Dim b) { return a * b; }
static Dim smallerElement(ShapeEvaluator &evaluator, Dim a, Dim b) {
  return evaluator.minimum(a, b);
}
static Dim largerElement(ShapeEvaluator &evaluator, Dim a, Dim b) {
  return evaluator.maximum(a, b);
}

template <typename OpTy>
static LogicalResult inferArgument(OpTy op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> data = evaluator.getShape(op.getData());
  if (!data)
    return evaluator.setUnranked(op.getReduced()), success();
  FailureOr<int64_t> axis = getAxis(op, op.getAxis(), data->size());
  if (failed(axis))
    return failure();
  evaluator.setShape(op.getReduced(),
                     reduceShape(evaluator, *data, {*axis}, op.getKeepdims() != 0));
  return success();
}

template <typename OpTy, Combine combine = nullptr>
static void attachReduction(MLIRContext *context) {
  attach<OpTy, inferReduction<OpTy, combine>>(context);
}

void analysis::attachReductionShapes(MLIRContext *context) {
  attachReduction<ReduceL1Op>(context);
  attachReduction<ReduceL2Op>(context);
  attachReduction<ReduceLogSumOp>(context);
  attachReduction<ReduceLogSumExpOp>(context);
  attachReduction<ReduceMaxOp, largerElement>(context);
  attachReduction<ReduceMeanOp>(context);
  attachReduction<ReduceMinOp, smallerElement>(context);
  attachReduction<ReduceProdOp, multiplyElements>(context);
  attachReduction<ReduceSumOp, addElements>(context);
  attachReduction<ReduceSumSquareOp>(context);
  attach<ArgMaxOp, inferArgument<ArgMaxOp>>(context);
  attach<ArgMinOp, inferArgument<ArgMinOp>>(context);
  attachAll<inferSameShape, CumSumOp>(context);
}
