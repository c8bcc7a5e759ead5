//===- SourceShapes.cpp - Operations that make tensors from sizes -----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "ShapeRules.h"
#include "secateur/Analysis/Constants.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::analysis;
using namespace secateur::nn;

static LogicalResult inferConstant(ConstantOp op, ShapeEvaluator &evaluator) {
  Shape shape;
  for (int64_t size : op.getValue().getShapedType().getShape())
    shape.push_back(evaluator.constant(size));
  evaluator.setShape(op.getOutput(), shape);
  return success();
}

static LogicalResult inferShape(ShapeOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> data = evaluator.getShape(op.getData());
  if (!data) {
    setUnknownShape(evaluator, op.getShape(), 1);
    return success();
  }
  int64_t rank = data->size();
  auto clamp = [&](int64_t position) {
    position = position < 0 ? position + rank : position;
    return std::min(std::max<int64_t>(position, 0), rank);
  };
  int64_t start = clamp(op.getStart()), end = op.getEnd() ? clamp(*op.getEnd()) : rank;
  ShapeRef sizes = data->slice(start, std::max<int64_t>(end - start, 0));
  evaluator.setShape(op.getShape(), {evaluator.constant(sizes.size())});
  evaluator.setElements(op.getShape(), sizes);
  return success();
}

static LogicalResult inferSize(SizeOp op, ShapeEvaluator &evaluator) {
  evaluator.setShape(op.getSize(), {});
  if (std::optional<ShapeRef> data = evaluator.getShape(op.getData()))
    evaluator.setElements(op.getSize(), {product(*data, evaluator)});
  return success();
}

static LogicalResult inferConstantOfShape(ConstantOfShapeOp op, ShapeEvaluator &evaluator) {
  std::optional<SmallVector<Dim>> sizes = elementsOrSymbols(evaluator, op.getInput());
  if (!sizes)
    return evaluator.setUnranked(op.getOutput()), success();
  for (auto [axis, size] : llvm::enumerate(*sizes))
    if (std::optional<int64_t> value = asConstant(size); value && *value < 0)
      return op.emitOpError() << "size " << *value << " at axis " << axis << " is negative";
  evaluator.setShape(op.getOutput(), *sizes);
  std::optional<int64_t> count = countElements(*sizes);
  if (!count)
    return success();
  if (!op.getValue()) {
    evaluator.setNumbers(op.getOutput(),
                         SmallVector<Number>(*count, Number{evaluator.constant(0), 1}));
    return success();
  }
  if (auto integers = readIntegers(*op.getValue()); integers && integers->size() == 1)
    evaluator.setElements(op.getOutput(),
                          SmallVector<Dim>(*count, evaluator.constant(integers->front())));
  // Fractions matter nowhere in shape arithmetic.
  if (auto floats = readFloats(*op.getValue());
      floats && floats->size() == 1 && floats->front() == double(int64_t(floats->front())))
    evaluator.setNumbers(
        op.getOutput(),
        SmallVector<Number>(*count, Number{evaluator.constant(int64_t(floats->front())), 1}));
  return success();
}

/// max(0, ceil((limit - start) / delta)).
static LogicalResult inferRange(RangeOp op, ShapeEvaluator &evaluator) {
  Value result = op.getOutput();
  auto single = [&](Value value) -> Dim {
    std::optional<SmallVector<Dim>> elements = elementsOrSymbols(evaluator, value);
    return elements && elements->size() == 1 ? elements->front() : Dim();
  };
  Dim start = single(op.getStart()), limit = single(op.getLimit()), delta = single(op.getDelta());
  if (start && limit && delta) {
    std::optional<int64_t> step = asConstant(delta);
    if (step && *step == 0)
      return op.emitOpError("has a delta of 0");
    Dim count;
    if (step && *step > 0)
      count = (limit - start).ceilDiv(*step);
    else if (step && *step != INT64_MIN)
      count = (start - limit).ceilDiv(-*step);
    if (count)
      count = evaluator.maximum(evaluator.constant(0), evaluator.simplify(count));
    evaluator.setShape(result, {count ? count : evaluator.unknownDim(result, 0)});
    if (std::optional<int64_t> elements = asConstant(count);
        elements && *elements <= ShapeEvaluator::kMaxElements) {
      SmallVector<Dim> values;
      for (int64_t i = 0; i < *elements; ++i)
        values.push_back(start + delta * i);
      evaluator.setElements(result, values);
    }
    return success();
  }
  // Floats: only where all three are integers.
  auto number = [&](Value value) -> Dim {
    std::optional<ArrayRef<Number>> numbers = evaluator.getNumbers(value);
    return numbers && numbers->size() == 1 && numbers->front().denominator == 1
               ? numbers->front().numerator
               : Dim();
  };
  start = number(op.getStart());
  limit = number(op.getLimit());
  std::optional<int64_t> step = asConstant(number(op.getDelta()));
  if (start && limit && step && *step > 0)
    evaluator.setShape(result,
                       {evaluator.maximum(evaluator.constant(0),
                                          evaluator.simplify((limit - start).ceilDiv(*step)))});
  else
    evaluator.setShape(result, {evaluator.unknownDim(result, 0)});
  return success();
}

void analysis::attachSourceShapes(MLIRContext *context) {
  attach<ConstantOp, inferConstant>(context);
  attach<ShapeOp, inferShape>(context);
  attach<SizeOp, inferSize>(context);
  attach<ConstantOfShapeOp, inferConstantOfShape>(context);
  attach<RangeOp, inferRange>(context);
}
