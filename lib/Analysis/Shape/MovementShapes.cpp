//===- MovementShapes.cpp - Operations that rearrange a tensor --------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "ShapeRules.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::analysis;
using namespace secateur::nn;

static LogicalResult inferConcat(ConcatOp op, ShapeEvaluator &evaluator) {
  Shape result;
  SmallVector<ShapeRef> shapes;
  for (Value input : op.getInputs()) {
    std::optional<ShapeRef> shape = evaluator.getShape(input);
    if (!shape)
      return evaluator.setUnranked(op.getConcatResult()), success();
    shapes.push_back(*shape);
  }
  if (shapes.empty())
    return op.emitOpError("has no inputs");
  int64_t rank = shapes.front().size();
  FailureOr<int64_t> axis = getAxis(op, op.getAxis(), rank);
  if (failed(axis))
    return failure();
  result.assign(shapes.front().begin(), shapes.front().end());
  for (auto [index, shape] : llvm::enumerate(ArrayRef(shapes).drop_front())) {
    if (int64_t(shape.size()) != rank)
      return op.emitOpError() << "input " << index + 1 << " has rank " << shape.size()
                              << ", but input 0 has rank " << rank;
    for (int64_t i = 0; i < rank; ++i) {
      if (i == *axis) {
        result[i] = result[i] + shape[i];
        continue;
      }
      if (!evaluator.requireEqual(result[i], shape[i], op))
        return op.emitOpError() << "size of axis " << i << " is " << evaluator.toString(shape[i])
                                << " in input " << index + 1 << ", but "
                                << evaluator.toString(result[i]) << " before it";
      if (asConstant(shape[i]))
        result[i] = shape[i];
    }
  }
  evaluator.setShape(op.getConcatResult(), result);
  // Elements follow one another where nothing is outside the axis: shapes are
  // of rank 1.
  if (rank != 1)
    return success();
  SmallVector<Dim> elements;
  SmallVector<Number> numbers;
  bool allElements = true, allNumbers = true;
  for (Value input : op.getInputs()) {
    std::optional<ShapeRef> known = evaluator.getElements(input);
    if (!known)
      if (std::optional<SmallVector<Dim>> symbols = elementsOrSymbols(evaluator, input)) {
        // An element of unknown value beside known ones hides none of them.
        llvm::append_range(elements, *symbols);
        known = ShapeRef();
      }
    if (known)
      llvm::append_range(elements, *known);
    allElements &= known.has_value();
    std::optional<ArrayRef<Number>> floats = evaluator.getNumbers(input);
    if (floats)
      llvm::append_range(numbers, *floats);
    allNumbers &= floats.has_value();
  }
  if (allElements && elements.size() <= ShapeEvaluator::kMaxElements)
    evaluator.setElements(op.getConcatResult(), elements);
  if (allNumbers && numbers.size() <= ShapeEvaluator::kMaxElements)
    evaluator.setNumbers(op.getConcatResult(), numbers);
  return success();
}

static LogicalResult inferExpand(ExpandOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> input = evaluator.getShape(op.getInput());
  std::optional<SmallVector<Dim>> target = elementsOrSymbols(evaluator, op.getShape());
  if (!input || !target)
    return evaluator.setUnranked(op.getOutput()), success();
  FailureOr<Shape> result = broadcast(op, evaluator, {*input, ShapeRef(*target)});
  if (failed(result))
    return failure();
  evaluator.setShape(op.getOutput(), *result);
  std::optional<SmallVector<int64_t>> sizes = asConstants(*result), from = asConstants(*input);
  if (!sizes || !from)
    return success();
  SmallVector<int64_t> steps(sizes->size(), 0), strides = rowMajor(*from);
  for (auto [axis, size] : llvm::enumerate(*from))
    if (size != 1)
      steps[sizes->size() - from->size() + axis] = strides[axis];
  gatherElements(evaluator, op.getInput(), op.getOutput(), *sizes, steps, 0);
  return success();
}

static LogicalResult inferFlatten(FlattenOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> input = evaluator.getShape(op.getInput());
  if (!input) {
    setUnknownShape(evaluator, op.getOutput(), 2);
    return success();
  }
  int64_t rank = input->size(), axis = op.getAxis();
  if (axis < -rank || axis > rank)
    return op.emitOpError() << "axis " << axis << " is out of range for a tensor of rank " << rank;
  axis = axis < 0 ? axis + rank : axis;
  evaluator.setShape(op.getOutput(), {product(input->take_front(axis), evaluator),
                                      product(input->drop_front(axis), evaluator)});
  copyElements(evaluator, op.getInput(), op.getOutput());
  return success();
}

/// The size that -1 stands for: what the others leave of all elements.
static FailureOr<Dim> remainingSize(ReshapeOp op, ShapeEvaluator &evaluator, ShapeRef input,
                                    ArrayRef<Dim> others, int64_t axis) {
  // Sizes on both sides cancel first: they may be unknown.
  Shape dividends(input.begin(), input.end()), divisors;
  for (Dim size : others) {
    auto *same = llvm::find_if(
        dividends, [&](Dim candidate) { return candidate == size && !asConstant(size); });
    if (same != dividends.end())
      dividends.erase(same);
    else
      divisors.push_back(size);
  }
  Dim dividend = product(dividends, evaluator), divisor = product(divisors, evaluator);
  std::optional<int64_t> a = asConstant(dividend), b = asConstant(divisor);
  if (a && b) {
    if (*b == 0 || *a % *b != 0)
      return op.emitOpError() << "cannot divide " << *a << " elements among sizes whose product is "
                              << *b;
    return evaluator.constant(*a / *b);
  }
  std::optional<int64_t> lower = evaluator.getLowerBound(divisor);
  if (!lower || *lower < 1)
    return evaluator.unknownDim(op.getReshaped(), axis);
  return evaluator.simplify(dividend.floorDiv(divisor));
}

static LogicalResult inferReshape(ReshapeOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> input = evaluator.getShape(op.getData());
  std::optional<SmallVector<Dim>> target = elementsOrSymbols(evaluator, op.getShape());
  if (!target) {
    evaluator.setUnranked(op.getReshaped());
    return success();
  }
  Shape result;
  SmallVector<Dim> others;
  int64_t inferred = -1;
  bool known = true;
  for (auto [axis, size] : llvm::enumerate(*target)) {
    std::optional<int64_t> value = asConstant(size);
    Dim resolved = size;
    if (value && *value == 0 && !op.getAllowzero()) {
      if (input && axis >= input->size())
        return op.emitOpError() << "size 0 at axis " << axis
                                << " copies a size that its input of rank " << input->size()
                                << " lacks";
      resolved = input ? (*input)[axis] : evaluator.unknownDim(op.getReshaped(), axis);
    } else if (value && *value == -1) {
      if (inferred >= 0)
        return op.emitOpError("has two sizes of -1");
      inferred = axis;
      result.push_back(Dim());
      continue;
    } else if (value && *value < -1) {
      return op.emitOpError() << "size " << *value << " at axis " << axis << " is negative";
    } else if (!value && !isNonNegative(evaluator, size)) {
      // It may be -1 when the model runs. 0 it is only of empty tensors, which
      // models are not run on.
      resolved = evaluator.unknownDim(op.getReshaped(), axis);
      known = false;
    }
    result.push_back(resolved);
    others.push_back(resolved);
  }
  if (inferred >= 0) {
    if (!input || !known) {
      result[inferred] = evaluator.unknownDim(op.getReshaped(), inferred);
    } else {
      FailureOr<Dim> size = remainingSize(op, evaluator, *input, others, inferred);
      if (failed(size))
        return failure();
      result[inferred] = *size;
    }
  } else if (input) {
    Dim before = product(*input, evaluator), after = product(result, evaluator);
    if (known && !evaluator.requireEqual(before, after, op))
      return op.emitOpError() << "cannot give " << evaluator.toString(before)
                              << " elements a shape of " << evaluator.toString(after);
  }
  evaluator.setShape(op.getReshaped(), result);
  copyElements(evaluator, op.getData(), op.getReshaped());
  return success();
}

static LogicalResult inferSqueeze(SqueezeOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> input = evaluator.getShape(op.getData());
  std::optional<SmallVector<int64_t>> axes;
  if (op.getAxes())
    axes = constantElements(evaluator, op.getAxes());
  if (!input || (op.getAxes() && !axes))
    return evaluator.setUnranked(op.getSqueezed()), success();
  Shape result;
  if (axes) {
    FailureOr<SmallVector<int64_t>> normal = getAxes(op, *axes, input->size());
    if (failed(normal))
      return failure();
    for (auto [axis, size] : llvm::enumerate(*input)) {
      if (!llvm::is_contained(*normal, int64_t(axis))) {
        result.push_back(size);
      } else if (!evaluator.requireEqual(size, evaluator.constant(1), op)) {
        return op.emitOpError() << "cannot remove axis " << axis << ", whose size is "
                                << evaluator.toString(size);
      }
    }
  } else {
    for (Dim size : *input) {
      std::optional<int64_t> value = asConstant(size);
      std::optional<int64_t> lower = evaluator.getLowerBound(size);
      // A size that may or may not be 1 leaves even the rank open.
      if (!value && !(lower && *lower > 1))
        return evaluator.setUnranked(op.getSqueezed()), success();
      if (!value || *value != 1)
        result.push_back(size);
    }
  }
  evaluator.setShape(op.getSqueezed(), result);
  copyElements(evaluator, op.getData(), op.getSqueezed());
  return success();
}

static LogicalResult inferUnsqueeze(UnsqueezeOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> input = evaluator.getShape(op.getData());
  std::optional<SmallVector<int64_t>> axes = constantElements(evaluator, op.getAxes());
  if (!input || !axes)
    return evaluator.setUnranked(op.getExpanded()), success();
  int64_t rank = input->size() + axes->size();
  FailureOr<SmallVector<int64_t>> normal = getAxes(op, *axes, rank);
  if (failed(normal))
    return failure();
  Shape result;
  const Dim *next = input->begin();
  for (int64_t axis = 0; axis < rank; ++axis)
    result.push_back(llvm::is_contained(*normal, axis) ? evaluator.constant(1) : *next++);
  evaluator.setShape(op.getExpanded(), result);
  copyElements(evaluator, op.getData(), op.getExpanded());
  return success();
}

static LogicalResult inferTranspose(TransposeOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> input = evaluator.getShape(op.getData());
  if (!input)
    return evaluator.setUnranked(op.getTransposed()), success();
  int64_t rank = input->size();
  SmallVector<int64_t> permutation;
  if (std::optional<ArrayRef<int64_t>> given = op.getPerm())
    permutation.assign(given->begin(), given->end());
  else
    for (int64_t axis = rank - 1; axis >= 0; --axis)
      permutation.push_back(axis);
  if (int64_t(permutation.size()) != rank || !isPermutationVector(permutation))
    return op.emitOpError() << "perm is not a permutation of the axes of a tensor of rank " << rank;
  Shape result;
  for (int64_t axis : permutation)
    result.push_back((*input)[axis]);
  evaluator.setShape(op.getTransposed(), result);
  if (std::optional<SmallVector<int64_t>> sizes = asConstants(*input)) {
    SmallVector<int64_t> strides = rowMajor(*sizes), steps, output;
    for (int64_t axis : permutation) {
      steps.push_back(strides[axis]);
      output.push_back((*sizes)[axis]);
    }
    gatherElements(evaluator, op.getData(), op.getTransposed(), output, steps, 0);
  }
  return success();
}

static LogicalResult inferTile(TileOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> input = evaluator.getShape(op.getInput());
  std::optional<SmallVector<Dim>> repeats = elementsOrSymbols(evaluator, op.getRepeats());
  if (!input)
    return evaluator.setUnranked(op.getOutput()), success();
  if (!repeats) {
    setUnknownShape(evaluator, op.getOutput(), input->size());
    return success();
  }
  if (repeats->size() != input->size())
    return op.emitOpError() << "has " << repeats->size() << " repeats for an input of rank "
                            << input->size();
  Shape result;
  for (auto [size, count] : llvm::zip(*input, *repeats))
    result.push_back(size * count);
  evaluator.setShape(op.getOutput(), result);
  std::optional<SmallVector<int64_t>> sizes = asConstants(*input), counts = asConstants(*repeats);
  if (!sizes || !counts)
    return success();
  // Each axis is [repeat][position].
  SmallVector<int64_t> output, steps, strides = rowMajor(*sizes);
  for (auto [size, count, stride] : llvm::zip(*sizes, *counts, strides)) {
    output.append({count, size});
    steps.append({0, stride});
  }
  gatherElements(evaluator, op.getInput(), op.getOutput(), output, steps, 0);
  return success();
}

/// The sizes of the parts of a Split, if they can be told.
static FailureOr<std::optional<SmallVector<Dim>>> splitSizes(SplitOp op, ShapeEvaluator &evaluator,
                                                             Dim size) {
  int64_t parts = op.getOutputs().size();
  if (op.getSplit()) {
    std::optional<SmallVector<Dim>> sizes = elementsOrSymbols(evaluator, op.getSplit());
    if (!sizes)
      return std::optional<SmallVector<Dim>>();
    if (int64_t(sizes->size()) != parts)
      return op.emitOpError() << "has " << sizes->size() << " split sizes, but " << parts
                              << " outputs";
    Dim total = evaluator.constant(0);
    for (Dim part : *sizes)
      total = total + part;
    if (!evaluator.requireEqual(total, size, op))
      return op.emitOpError() << "split sizes add up to "
                              << evaluator.toString(evaluator.simplify(total))
                              << ", but the axis has " << evaluator.toString(size);
    return sizes;
  }
  // Equal parts, the last one smaller.
  SmallVector<Dim> sizes;
  Dim part = evaluator.simplify(size.ceilDiv(parts));
  for (int64_t i = 0; i + 1 < parts; ++i)
    sizes.push_back(part);
  sizes.push_back(size - part * (parts - 1));
  if (std::optional<int64_t> last = asConstant(evaluator.simplify(sizes.back())); last && *last < 0)
    return op.emitOpError() << "cannot split an axis of " << *asConstant(size) << " into " << parts
                            << " parts";
  return std::optional(sizes);
}

static LogicalResult inferSplit(SplitOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> input = evaluator.getShape(op.getInput());
  if (!input) {
    for (Value output : op.getOutputs())
      evaluator.setUnranked(output);
    return success();
  }
  FailureOr<int64_t> axis = getAxis(op, op.getAxis(), input->size());
  if (failed(axis))
    return failure();
  FailureOr<std::optional<SmallVector<Dim>>> sizes = splitSizes(op, evaluator, (*input)[*axis]);
  if (failed(sizes))
    return failure();
  Shape result(input->begin(), input->end());
  std::optional<SmallVector<int64_t>> whole = asConstants(*input);
  int64_t offset = 0;
  for (auto [index, output] : llvm::enumerate(op.getOutputs())) {
    result[*axis] = *sizes ? (**sizes)[index] : evaluator.unknownDim(output, *axis);
    evaluator.setShape(output, result);
    std::optional<int64_t> part = *sizes ? asConstant((**sizes)[index]) : std::nullopt;
    if (!whole || !part) {
      whole.reset();
      continue;
    }
    SmallVector<int64_t> partShape = *whole, strides = rowMajor(*whole);
    partShape[*axis] = *part;
    gatherElements(evaluator, op.getInput(), output, partShape, strides, offset * strides[*axis]);
    offset += *part;
  }
  return success();
}

static LogicalResult inferPad(PadOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> input = evaluator.getShape(op.getData());
  if (!input)
    return evaluator.setUnranked(op.getOutput()), success();
  SmallVector<int64_t> axes;
  if (op.getAxes()) {
    std::optional<SmallVector<int64_t>> given = constantElements(evaluator, op.getAxes());
    if (!given) {
      setUnknownShape(evaluator, op.getOutput(), input->size());
      return success();
    }
    FailureOr<SmallVector<int64_t>> normal = getAxes(op, *given, input->size());
    if (failed(normal))
      return failure();
    axes = *normal;
  } else {
    axes = llvm::to_vector(llvm::seq<int64_t>(0, input->size()));
  }
  std::optional<SmallVector<Dim>> pads = elementsOrSymbols(evaluator, op.getPads());
  Shape result(input->begin(), input->end());
  if (pads && pads->size() != 2 * axes.size())
    return op.emitOpError() << "has " << pads->size() << " pads for " << axes.size()
                            << " axes: expected two for each";
  for (auto [i, axis] : llvm::enumerate(axes))
    result[axis] = pads ? result[axis] + (*pads)[i] + (*pads)[axes.size() + i]
                        : evaluator.unknownDim(op.getOutput(), axis);
  for (auto [axis, size] : llvm::enumerate(result))
    if (std::optional<int64_t> value = asConstant(evaluator.simplify(size)); value && *value < 0)
      return op.emitOpError() << "crops axis " << axis << " to a size of " << *value;
  evaluator.setShape(op.getOutput(), result);
  return success();
}

/// DepthToSpace and SpaceToDepth.
static LogicalResult inferBlocks(Operation *op, ShapeEvaluator &evaluator, int64_t block,
                                 bool toSpace) {
  std::optional<ShapeRef> input = evaluator.getShape(op->getOperand(0));
  if (!input)
    return evaluator.setUnranked(op->getResult(0)), success();
  if (input->size() != 4)
    return op->emitOpError() << "needs an input of rank 4, got rank " << input->size();
  Dim blocks = evaluator.constant(block), n = (*input)[0], c = (*input)[1], h = (*input)[2],
      w = (*input)[3];
  auto divides = [&](Dim size, int64_t by) {
    std::optional<int64_t> value = asConstant(size);
    return !value || *value % by == 0;
  };
  if (toSpace) {
    if (!divides(c, block * block))
      return op->emitOpError() << "has " << *asConstant(c) << " channels, which blocks of " << block
                               << " x " << block << " do not divide";
    evaluator.setShape(op->getResult(0), {n, c.floorDiv(block * block), h * blocks, w * blocks});
    return success();
  }
  if (!divides(h, block) || !divides(w, block))
    return op->emitOpError() << "blocks of " << block << " do not divide its spatial sizes";
  evaluator.setShape(op->getResult(0),
                     {n, c * (block * block), h.floorDiv(block), w.floorDiv(block)});
  return success();
}

static LogicalResult inferDepthToSpace(DepthToSpaceOp op, ShapeEvaluator &evaluator) {
  if (int64_t(op.getBlocksize()) < 1)
    return op.emitOpError("blocksize is not positive");
  return inferBlocks(op, evaluator, op.getBlocksize(), true);
}

static LogicalResult inferSpaceToDepth(SpaceToDepthOp op, ShapeEvaluator &evaluator) {
  if (int64_t(op.getBlocksize()) < 1)
    return op.emitOpError("blocksize is not positive");
  return inferBlocks(op, evaluator, op.getBlocksize(), false);
}

void analysis::attachMovementShapes(MLIRContext *context) {
  attach<ConcatOp, inferConcat>(context);
  attach<ExpandOp, inferExpand>(context);
  attach<FlattenOp, inferFlatten>(context);
  attach<ReshapeOp, inferReshape>(context);
  attach<SqueezeOp, inferSqueeze>(context);
  attach<UnsqueezeOp, inferUnsqueeze>(context);
  attach<TransposeOp, inferTranspose>(context);
  attach<TileOp, inferTile>(context);
  attach<SplitOp, inferSplit>(context);
  attach<PadOp, inferPad>(context);
  attach<DepthToSpaceOp, inferDepthToSpace>(context);
  attach<SpaceToDepthOp, inferSpaceToDepth>(context);
  attachAll<inferSameShape, ReverseSequenceOp, RotaryEmbeddingOp, TriluOp, EyeLikeOp>(context);
}
