//===- ShapeRules.cpp - What the rules of shape inference share -------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "ShapeRules.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::analysis;

std::optional<int64_t> analysis::asConstant(Dim size) {
  auto constant = dyn_cast_if_present<AffineConstantExpr>(size);
  return constant ? std::optional(constant.getValue()) : std::nullopt;
}

std::optional<SmallVector<int64_t>> analysis::asConstants(ShapeRef sizes) {
  SmallVector<int64_t> result;
  for (Dim size : sizes) {
    std::optional<int64_t> value = asConstant(size);
    if (!value)
      return std::nullopt;
    result.push_back(*value);
  }
  return result;
}

std::optional<int64_t> analysis::countElements(ShapeRef shape, int64_t limit) {
  std::optional<SmallVector<int64_t>> sizes = asConstants(shape);
  if (!sizes)
    return std::nullopt;
  int64_t count = 1;
  for (int64_t size : *sizes)
    if (size < 0 || __builtin_mul_overflow(count, size, &count))
      return std::nullopt;
  return count <= limit ? std::optional(count) : std::nullopt;
}

LogicalResult analysis::checkCount(Operation *op, std::optional<int64_t> count, ShapeRef present) {
  int64_t size = 1;
  for (Dim dim : present)
    size *= asConstant(dim).value_or(1);
  if (count && *count < size)
    return op->emitOpError() << "counts " << *count << " positions where there are " << size;
  return success();
}

void analysis::setStatistics(ShapeEvaluator &evaluator, ShapeRef x, int64_t axis, Value result) {
  Shape statistics(x.begin(), x.end());
  for (size_t i = axis; i < statistics.size(); ++i)
    statistics[i] = evaluator.constant(1);
  evaluator.setShape(result, statistics);
}

Dim analysis::product(ShapeRef sizes, ShapeEvaluator &evaluator) {
  Dim result = evaluator.constant(1);
  for (Dim size : sizes)
    result = result * size;
  return evaluator.simplify(result);
}

FailureOr<int64_t> analysis::getAxis(Operation *op, int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank)
    return op->emitOpError() << "axis " << axis << " is out of range for a tensor of rank " << rank;
  return axis < 0 ? axis + rank : axis;
}

FailureOr<SmallVector<int64_t>> analysis::getAxes(Operation *op, ArrayRef<int64_t> axes,
                                                  int64_t rank) {
  SmallVector<int64_t> result;
  for (int64_t axis : axes) {
    FailureOr<int64_t> normal = getAxis(op, axis, rank);
    if (failed(normal))
      return failure();
    if (llvm::is_contained(result, *normal))
      return op->emitOpError() << "axis " << axis << " is given twice";
    result.push_back(*normal);
  }
  return result;
}

std::optional<SmallVector<int64_t>> analysis::constantElements(ShapeEvaluator &evaluator,
                                                               Value value) {
  std::optional<ShapeRef> elements = evaluator.getElements(value);
  return elements ? asConstants(*elements) : std::nullopt;
}

std::optional<SmallVector<Dim>> analysis::elementsOrSymbols(ShapeEvaluator &evaluator,
                                                            Value value) {
  if (!value)
    return std::nullopt;
  if (std::optional<ShapeRef> elements = evaluator.getElements(value))
    return llvm::to_vector(*elements);
  std::optional<ShapeRef> shape = evaluator.getShape(value);
  if (!shape || shape->size() > 1 || !getElementTypeOrSelf(value.getType()).isInteger())
    return std::nullopt;
  std::optional<int64_t> count = countElements(*shape, 64);
  if (!count)
    return std::nullopt;
  SmallVector<Dim> result;
  for (int64_t i = 0; i < *count; ++i)
    result.push_back(evaluator.unknownElement(value, i));
  return result;
}

void analysis::setUnknownShape(ShapeEvaluator &evaluator, Value result, int64_t rank) {
  if (!result)
    return;
  Shape shape;
  for (int64_t axis = 0; axis < rank; ++axis)
    shape.push_back(evaluator.unknownDim(result, axis));
  evaluator.setShape(result, shape);
}

void analysis::copyShape(ShapeEvaluator &evaluator, Value value, Value result) {
  if (std::optional<ShapeRef> shape = evaluator.getShape(value))
    evaluator.setShape(result, *shape);
}

void analysis::copyElements(ShapeEvaluator &evaluator, Value value, Value result) {
  if (std::optional<ShapeRef> elements = evaluator.getElements(value))
    evaluator.setElements(result, *elements);
  if (std::optional<ArrayRef<Number>> numbers = evaluator.getNumbers(value))
    evaluator.setNumbers(result, *numbers);
}

/// Whether two sizes use a symbol in common.
static bool shareSymbol(Dim left, Dim right) {
  bool result = false;
  left.walk([&](AffineExpr part) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
      result |= right.isFunctionOfSymbol(symbol.getPosition());
  });
  return result;
}

bool analysis::isNonNegative(ShapeEvaluator &evaluator, Dim value) {
  value = evaluator.simplify(value);
  return evaluator.maximum(value, evaluator.constant(0)) == value;
}

/// One axis of a broadcast; null where the sizes contradict each other.
static Dim broadcastSize(Operation *op, ShapeEvaluator &evaluator, Dim left, Dim right) {
  std::optional<int64_t> a = asConstant(left), b = asConstant(right);
  if (left == right || (b && *b == 1))
    return left;
  if (a && *a == 1)
    return right;
  if (a && b)
    return Dim();
  if (a || b) {
    // The other one is 1 or the same, when the model runs.
    Dim known = a ? left : right, other = a ? right : left;
    std::optional<int64_t> lower = evaluator.getLowerBound(other),
                           upper = evaluator.getUpperBound(other);
    int64_t size = a ? *a : *b;
    bool possible = (!lower || *lower <= size) && (!upper || *upper >= size || *upper >= 1);
    return possible ? known : Dim();
  }
  if (shareSymbol(left, right))
    return evaluator.requireEqual(left, right, op) ? left : Dim();
  // Two formulas over one input size (the two sides of a residual connection)
  // are meant to agree; sizes of different inputs may broadcast.
  std::optional<int64_t> lowerLeft = evaluator.getLowerBound(left),
                         lowerRight = evaluator.getLowerBound(right);
  bool cannotBroadcast = lowerLeft && *lowerLeft > 1 && lowerRight && *lowerRight > 1;
  if (cannotBroadcast)
    return evaluator.requireEqual(left, right, op) ? left : Dim();
  return evaluator.maximum(left, right);
}

FailureOr<Shape> analysis::broadcast(Operation *op, ShapeEvaluator &evaluator,
                                     ArrayRef<ShapeRef> shapes) {
  Shape result;
  for (ShapeRef shape : shapes) {
    if (shape.size() > result.size())
      result.insert(result.begin(), shape.size() - result.size(), evaluator.constant(1));
    size_t offset = result.size() - shape.size();
    for (auto [i, size] : llvm::enumerate(shape)) {
      Dim joined = broadcastSize(op, evaluator, result[offset + i], size);
      if (!joined)
        return op->emitOpError() << "cannot broadcast its operands: sizes "
                                 << evaluator.toString(result[offset + i]) << " and "
                                 << evaluator.toString(size) << " at axis " << offset + i
                                 << " are neither equal nor 1";
      result[offset + i] = joined;
    }
  }
  return result;
}

LogicalResult analysis::inferBroadcast(Operation *op, ShapeEvaluator &evaluator) {
  SmallVector<ShapeRef> shapes;
  for (Value operand : op->getOperands()) {
    std::optional<ShapeRef> shape = evaluator.getShape(operand);
    if (!shape)
      return evaluator.setUnranked(op->getResult(0)), success();
    shapes.push_back(*shape);
  }
  FailureOr<Shape> result = broadcast(op, evaluator, shapes);
  if (failed(result))
    return failure();
  evaluator.setShape(op->getResult(0), *result);
  return success();
}

LogicalResult analysis::inferSameShape(Operation *op, ShapeEvaluator &evaluator) {
  copyShape(evaluator, op->getOperand(0), op->getResult(0));
  return success();
}

SmallVector<int64_t> analysis::rowMajor(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t axis = int64_t(shape.size()) - 2; axis >= 0; --axis)
    strides[axis] = strides[axis + 1] * shape[axis + 1];
  return strides;
}

void analysis::forEachElement(ArrayRef<int64_t> outputShape, ArrayRef<int64_t> steps,
                              int64_t origin, function_ref<void(int64_t, int64_t)> visit) {
  int64_t count = 1;
  for (int64_t size : outputShape)
    count *= size;
  SmallVector<int64_t> index(outputShape.size(), 0);
  int64_t input = origin;
  for (int64_t output = 0; output < count; ++output) {
    visit(output, input);
    for (int64_t axis = int64_t(outputShape.size()) - 1; axis >= 0; --axis) {
      input += steps[axis];
      if (++index[axis] < outputShape[axis])
        break;
      input -= steps[axis] * outputShape[axis];
      index[axis] = 0;
    }
  }
}

void analysis::gatherElements(ShapeEvaluator &evaluator, Value value, Value result,
                              ArrayRef<int64_t> outputShape, ArrayRef<int64_t> steps,
                              int64_t origin) {
  int64_t count = 1;
  for (int64_t size : outputShape)
    if (size < 0 || __builtin_mul_overflow(count, size, &count))
      return;
  if (count > ShapeEvaluator::kMaxElements)
    return;
  if (std::optional<ShapeRef> elements = evaluator.getElements(value)) {
    SmallVector<Dim> picked;
    forEachElement(outputShape, steps, origin,
                   [&](int64_t, int64_t input) { picked.push_back((*elements)[input]); });
    evaluator.setElements(result, picked);
  }
  if (std::optional<ArrayRef<Number>> numbers = evaluator.getNumbers(value)) {
    SmallVector<Number> picked;
    forEachElement(outputShape, steps, origin,
                   [&](int64_t, int64_t input) { picked.push_back((*numbers)[input]); });
    evaluator.setNumbers(result, picked);
  }
}
