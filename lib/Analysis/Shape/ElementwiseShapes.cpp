//===- ElementwiseShapes.cpp - Operations that compute no sizes -------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Results have the shape of the operand, or of the operands broadcast.
// Elementwise operations that shape arithmetic uses are in ArithmeticShapes.cpp.

#include "ShapeRules.h"

using namespace secateur;
using namespace secateur::analysis;
using namespace secateur::nn;

/// The slope of PRelu broadcasts to X, never the other way.
static LogicalResult inferPrelu(PreluOp op, ShapeEvaluator &evaluator) {
  copyShape(evaluator, op.getX(), op.getY());
  return success();
}

/// Padding to a multiple, as TensorFlow's "same" is exported: float arithmetic that
/// is clipped at 0.
static void clipNumbers(ClipOp op, ShapeEvaluator &evaluator) {
  std::optional<llvm::ArrayRef<Number>> elements = evaluator.getNumbers(op.getInput());
  if (!elements)
    return;
  llvm::SmallVector<Number> result(*elements);
  for (auto [bound, isMinimum] : {std::pair(op.getMin(), true), std::pair(op.getMax(), false)}) {
    if (!bound)
      continue;
    std::optional<llvm::ArrayRef<Number>> limit = evaluator.getNumbers(bound);
    if (!limit || limit->size() != 1 || !limit->front().numerator)
      return;
    for (Number &element : result) {
      if (!element.numerator)
        continue;
      Dim value = element.numerator * limit->front().denominator;
      Dim other = limit->front().numerator * element.denominator;
      element = {isMinimum ? evaluator.maximum(value, other) : evaluator.minimum(value, other),
                 element.denominator * limit->front().denominator};
    }
  }
  evaluator.setNumbers(op.getOutput(), result);
}

static LogicalResult inferClip(ClipOp op, ShapeEvaluator &evaluator) {
  copyShape(evaluator, op.getInput(), op.getOutput());
  clipNumbers(op, evaluator);
  std::optional<ShapeRef> elements = evaluator.getElements(op.getInput());
  if (!elements)
    return success();
  llvm::SmallVector<Dim> result(*elements);
  for (auto [bound, isMinimum] : {std::pair(op.getMin(), true), std::pair(op.getMax(), false)}) {
    if (!bound)
      continue;
    std::optional<ShapeRef> limit = evaluator.getElements(bound);
    if (!limit || limit->size() != 1)
      return success();
    for (Dim &element : result)
      element = isMinimum ? evaluator.maximum(element, limit->front())
                          : evaluator.minimum(element, limit->front());
  }
  evaluator.setElements(op.getOutput(), result);
  return success();
}

static LogicalResult inferDropout(DropoutOp op, ShapeEvaluator &evaluator) {
  copyShape(evaluator, op.getData(), op.getOutput());
  copyShape(evaluator, op.getData(), op.getMask());
  return success();
}

static LogicalResult inferDynamicQuantizeLinear(DynamicQuantizeLinearOp op,
                                                ShapeEvaluator &evaluator) {
  copyShape(evaluator, op.getX(), op.getY());
  evaluator.setShape(op.getYScale(), {});
  evaluator.setShape(op.getYZeroPoint(), {});
  return success();
}

void analysis::attachElementwiseShapes(mlir::MLIRContext *context) {
  attachAll<inferSameShape, AcosOp, AcoshOp, AsinOp, AsinhOp, AtanOp, AtanhOp, BitwiseNotOp, CeluOp,
            CosOp, CoshOp, EluOp, ErfOp, ExpOp, GeluOp, HardSigmoidOp, HardSwishOp, IsinfOp,
            IsnanOp, LeakyReluOp, LogOp, MishOp, ReciprocalOp, ReluOp, SeluOp, ShrinkOp, SigmoidOp,
            SignOp, SinOp, SinhOp, SoftplusOp, SoftsignOp, SwishOp, TanOp, TanhOp,
            ThresholdedReluOp, DequantizeLinearOp, QuantizeLinearOp>(context);
  attachAll<inferBroadcast, BitShiftOp, BitwiseAndOp, BitwiseOrOp, BitwiseXorOp, MeanOp>(context);
  attach<PreluOp, inferPrelu>(context);
  attach<ClipOp, inferClip>(context);
  attach<DropoutOp, inferDropout>(context);
  attach<DynamicQuantizeLinearOp, inferDynamicQuantizeLinear>(context);
}
