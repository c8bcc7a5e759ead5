//===- NormalizationShapes.cpp - Normalisations and softmax -----------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "ShapeRules.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::analysis;
using namespace secateur::nn;

/// One parameter for each channel (axis 1).
static LogicalResult checkPerChannel(Operation *op, ShapeEvaluator &evaluator, Value x,
                                     ValueRange parameters) {
  std::optional<ShapeRef> shape = evaluator.getShape(x);
  if (!shape || shape->size() < 2)
    return success();
  for (Value parameter : parameters) {
    std::optional<ShapeRef> given = evaluator.getShape(parameter);
    if (!given || (given->size() == 1 && evaluator.requireEqual(given->front(), (*shape)[1], op)))
      continue;
    return op->emitOpError() << "needs parameters of rank 1 with one element for each of "
                             << evaluator.toString((*shape)[1]) << " channels";
  }
  return success();
}

static LogicalResult inferBatchNormalization(BatchNormalizationOp op, ShapeEvaluator &evaluator) {
  copyShape(evaluator, op.getX(), op.getY());
  copyShape(evaluator, op.getScale(), op.getRunningMean());
  copyShape(evaluator, op.getScale(), op.getRunningVar());
  return checkPerChannel(op, evaluator, op.getX(),
                         {op.getScale(), op.getB(), op.getInputMean(), op.getInputVar()});
}

static LogicalResult inferInstanceNormalization(InstanceNormalizationOp op,
                                                ShapeEvaluator &evaluator) {
  copyShape(evaluator, op.getInput(), op.getOutput());
  return checkPerChannel(op, evaluator, op.getInput(), {op.getScale(), op.getB()});
}

static LogicalResult inferGroupNormalization(GroupNormalizationOp op, ShapeEvaluator &evaluator) {
  copyShape(evaluator, op.getX(), op.getY());
  std::optional<ShapeRef> x = evaluator.getShape(op.getX());
  int64_t groups = op.getNumGroups();
  if (groups < 1)
    return op.emitOpError() << "num_groups is " << groups << ", expected at least 1";
  if (x && x->size() >= 2)
    if (std::optional<int64_t> channels = asConstant((*x)[1]); channels && *channels % groups != 0)
      return op.emitOpError() << "has " << *channels << " channels, which " << groups
                              << " groups do not divide";
  if (x && x->size() >= 2)
    if (std::optional<int64_t> channels = asConstant((*x)[1]))
      if (failed(checkCount(op, op.getCount(), evaluator.constant(*channels / groups))))
        return failure();
  return checkPerChannel(op, evaluator, op.getX(), {op.getScale(), op.getBias()});
}

static LogicalResult inferLayerNormalization(LayerNormalizationOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> x = evaluator.getShape(op.getX());
  if (!x)
    return success();
  FailureOr<int64_t> axis = getAxis(op, op.getAxis(), x->size());
  if (failed(axis))
    return failure();
  evaluator.setShape(op.getY(), *x);
  if (failed(checkCount(op, op.getCount(), x->drop_front(*axis))))
    return failure();
  setStatistics(evaluator, *x, *axis, op.getMean());
  setStatistics(evaluator, *x, *axis, op.getInvStdDev());
  return success();
}

static LogicalResult inferMeanVariance(MeanVarianceNormalizationOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> x = evaluator.getShape(op.getX());
  if (x && failed(getAxes(op, op.getAxes(), x->size())))
    return failure();
  copyShape(evaluator, op.getX(), op.getY());
  return success();
}

/// Operations whose axis has to exist, and whose result is as the operand.
template <typename OpTy>
static LogicalResult inferAlongAxis(OpTy op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> x = evaluator.getShape(op->getOperand(0));
  int64_t axis = op.getAxis();
  if (x && !(x->empty() && axis == -1) && failed(getAxis(op, axis, x->size())))
    return failure();
  copyShape(evaluator, op->getOperand(0), op->getResult(0));
  if constexpr (requires { op.getCount(); })
    if (x)
      return checkCount(op, op.getCount(), x->drop_front(axis < 0 ? axis + x->size() : axis));
  return success();
}

void analysis::attachNormalizationShapes(MLIRContext *context) {
  attach<BatchNormalizationOp, inferBatchNormalization>(context);
  attach<InstanceNormalizationOp, inferInstanceNormalization>(context);
  attach<GroupNormalizationOp, inferGroupNormalization>(context);
  attach<LayerNormalizationOp, inferLayerNormalization>(context);
  attach<MeanVarianceNormalizationOp, inferMeanVariance>(context);
  attach<LpNormalizationOp, inferAlongAxis<LpNormalizationOp>>(context);
  attach<RmsNormalizationOp, inferAlongAxis<RmsNormalizationOp>>(context);
  attach<SoftmaxOp, inferAlongAxis<SoftmaxOp>>(context);
  attach<LogSoftmaxOp, inferAlongAxis<LogSoftmaxOp>>(context);
  attach<HardmaxOp, inferAlongAxis<HardmaxOp>>(context);
  attachAll<inferSameShape, LrnOp>(context);
}
