//===- IndexingShapes.cpp - Operations that pick and place elements ---------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "ShapeRules.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::analysis;
using namespace secateur::nn;

//===----------------------------------------------------------------------===//
// Slice
//===----------------------------------------------------------------------===//

/// Exporters write the largest integers for "to the end".
static bool isInfinite(int64_t value) { return value >= INT32_MAX || value <= -INT32_MAX; }

/// A bound of a slice, counted from the front and clamped to [low, high].
static Dim clampBound(ShapeEvaluator &evaluator, Dim bound, Dim size, Dim low, Dim high) {
  if (std::optional<int64_t> value = asConstant(bound)) {
    if (isInfinite(*value))
      return *value > 0 ? high : low;
    if (*value < 0)
      bound = evaluator.simplify(size + *value);
  } else {
    std::optional<int64_t> upper = evaluator.getUpperBound(bound);
    if (upper && *upper < 0)
      bound = evaluator.simplify(size + bound);
    else if (!isNonNegative(evaluator, bound))
      return Dim();
  }
  return evaluator.maximum(low, evaluator.minimum(bound, high));
}

namespace {
/// One axis of a slice; sizes are null where they cannot be told.
struct SliceAxis {
  Dim start, size;
};
} // namespace

static SliceAxis sliceAxis(ShapeEvaluator &evaluator, Dim start, Dim end,
                           std::optional<int64_t> step, Dim size) {
  if (!step || *step == INT64_MIN)
    return {};
  Dim zero = evaluator.constant(0);
  if (*step > 0) {
    Dim from = clampBound(evaluator, start, size, zero, size),
        to = clampBound(evaluator, end, size, zero, size);
    if (!from || !to)
      return {};
    Dim length = evaluator.maximum(zero, evaluator.simplify(to - from));
    return {from, evaluator.simplify(length.ceilDiv(*step))};
  }
  // Backwards: from at most the last element, to at least one before the first.
  Dim last = evaluator.simplify(size - 1), before = evaluator.constant(-1);
  Dim from = clampBound(evaluator, start, size, before, last),
      to = clampBound(evaluator, end, size, before, last);
  if (!from || !to)
    return {};
  Dim length = evaluator.maximum(zero, evaluator.simplify(from - to));
  return {from, evaluator.simplify(length.ceilDiv(-*step))};
}

static LogicalResult inferSlice(SliceOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> input = evaluator.getShape(op.getData());
  if (!input)
    return evaluator.setUnranked(op.getOutput()), success();
  int64_t rank = input->size();
  std::optional<SmallVector<Dim>> starts = elementsOrSymbols(evaluator, op.getStarts());
  std::optional<SmallVector<Dim>> ends = elementsOrSymbols(evaluator, op.getEnds());
  std::optional<SmallVector<int64_t>> axes, steps;
  if (op.getAxes())
    axes = constantElements(evaluator, op.getAxes());
  else if (starts)
    axes = llvm::to_vector(llvm::seq<int64_t>(0, starts->size()));
  if (op.getSteps())
    steps = constantElements(evaluator, op.getSteps());
  if (!axes) {
    setUnknownShape(evaluator, op.getOutput(), rank);
    return success();
  }
  FailureOr<SmallVector<int64_t>> normal = getAxes(op, *axes, rank);
  if (failed(normal))
    return failure();
  for (auto [what, list] : {std::pair("starts", &starts), std::pair("ends", &ends)})
    if (*list && (*list)->size() != axes->size())
      return op.emitOpError() << "has " << (*list)->size() << " " << what << " for " << axes->size()
                              << " axes";
  if (steps && steps->size() != axes->size())
    return op.emitOpError() << "has " << steps->size() << " steps for " << axes->size() << " axes";
  Shape result(input->begin(), input->end());
  SmallVector<int64_t> origin(rank, 0), stepOf(rank, 1);
  bool exact = true;
  for (auto [i, axis] : llvm::enumerate(*normal)) {
    std::optional<int64_t> step = op.getSteps()
                                      ? (steps ? std::optional((*steps)[i]) : std::nullopt)
                                      : std::optional<int64_t>(1);
    if (step && *step == 0)
      return op.emitOpError() << "has a step of 0 at axis " << axis;
    SliceAxis slice;
    if (starts && ends)
      slice = sliceAxis(evaluator, (*starts)[i], (*ends)[i], step, (*input)[axis]);
    result[axis] = slice.size ? slice.size : evaluator.unknownDim(op.getOutput(), axis);
    std::optional<int64_t> start = asConstant(slice.start);
    exact &= start.has_value() && step.has_value();
    if (start && step) {
      origin[axis] = *start;
      stepOf[axis] = *step;
    }
  }
  evaluator.setShape(op.getOutput(), result);
  std::optional<SmallVector<int64_t>> from = asConstants(*input), to;
  if (std::optional<ShapeRef> shape = evaluator.getShape(op.getOutput()))
    to = asConstants(*shape);
  if (!exact || !from || !to)
    return success();
  SmallVector<int64_t> strides = rowMajor(*from);
  int64_t first = 0;
  for (int64_t axis = 0; axis < rank; ++axis) {
    first += origin[axis] * strides[axis];
    strides[axis] *= stepOf[axis];
  }
  gatherElements(evaluator, op.getData(), op.getOutput(), *to, strides, first);
  return success();
}

//===----------------------------------------------------------------------===//
// Gather and scatter
//===----------------------------------------------------------------------===//

/// Elements of a gather along axis 0 of small tensors: what picks a size out of
/// a shape.
static void gatherKnown(GatherOp op, ShapeEvaluator &evaluator, ShapeRef data, int64_t axis) {
  std::optional<SmallVector<int64_t>> sizes = asConstants(data),
                                      indices = constantElements(evaluator, op.getIndices());
  if (!sizes || !indices)
    return;
  std::optional<ShapeRef> elements = evaluator.getElements(op.getData());
  std::optional<ArrayRef<Number>> numbers = evaluator.getNumbers(op.getData());
  if (!elements && !numbers)
    return;
  int64_t outer = 1, inner = 1, extent = (*sizes)[axis];
  for (int64_t i = 0; i < axis; ++i)
    outer *= (*sizes)[i];
  for (size_t i = axis + 1; i < sizes->size(); ++i)
    inner *= (*sizes)[i];
  if (outer * inner * int64_t(indices->size()) > ShapeEvaluator::kMaxElements)
    return;
  SmallVector<Dim> pickedElements;
  SmallVector<Number> pickedNumbers;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t index : *indices)
      for (int64_t i = 0; i < inner; ++i) {
        int64_t position = (o * extent + (index < 0 ? index + extent : index)) * inner + i;
        if (elements)
          pickedElements.push_back((*elements)[position]);
        if (numbers)
          pickedNumbers.push_back((*numbers)[position]);
      }
  if (elements)
    evaluator.setElements(op.getOutput(), pickedElements);
  if (numbers)
    evaluator.setNumbers(op.getOutput(), pickedNumbers);
}

static LogicalResult inferGather(GatherOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> data = evaluator.getShape(op.getData()),
                          indices = evaluator.getShape(op.getIndices());
  if (!data || !indices)
    return evaluator.setUnranked(op.getOutput()), success();
  FailureOr<int64_t> axis = getAxis(op, op.getAxis(), data->size());
  if (failed(axis))
    return failure();
  std::optional<int64_t> extent = asConstant((*data)[*axis]);
  if (auto known = constantElements(evaluator, op.getIndices()); known && extent)
    for (int64_t index : *known)
      if (index < -*extent || index >= *extent)
        return op.emitOpError() << "index " << index << " is out of range for axis " << *axis
                                << " of size " << *extent;
  Shape result(data->take_front(*axis));
  llvm::append_range(result, *indices);
  llvm::append_range(result, data->drop_front(*axis + 1));
  evaluator.setShape(op.getOutput(), result);
  gatherKnown(op, evaluator, *data, *axis);
  return success();
}

static LogicalResult inferGatherElements(GatherElementsOp op, ShapeEvaluator &evaluator) {
  copyShape(evaluator, op.getIndices(), op.getOutput());
  return success();
}

static LogicalResult inferGatherNd(GatherNdOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> data = evaluator.getShape(op.getData()),
                          indices = evaluator.getShape(op.getIndices());
  std::optional<int64_t> depth =
      indices && !indices->empty() ? asConstant(indices->back()) : std::nullopt;
  if (!data || !depth)
    return evaluator.setUnranked(op.getOutput()), success();
  int64_t batch = op.getBatchDims();
  if (batch < 0 || batch >= int64_t(indices->size()) || *depth < 1 ||
      batch + *depth > int64_t(data->size()))
    return op.emitOpError() << "cannot index a tensor of rank " << data->size()
                            << " with tuples of " << *depth << " and batch_dims " << batch;
  Shape result(indices->drop_back());
  llvm::append_range(result, data->drop_front(batch + *depth));
  evaluator.setShape(op.getOutput(), result);
  return success();
}

static LogicalResult inferCompress(CompressOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> input = evaluator.getShape(op.getInput());
  std::optional<SmallVector<int64_t>> condition = constantElements(evaluator, op.getCondition());
  Dim kept;
  if (condition)
    kept = evaluator.constant(llvm::count_if(*condition, [](int64_t value) { return value != 0; }));
  if (!op.getAxis()) {
    evaluator.setShape(op.getOutput(), {kept ? kept : evaluator.unknownDim(op.getOutput(), 0)});
    return success();
  }
  if (!input)
    return evaluator.setUnranked(op.getOutput()), success();
  FailureOr<int64_t> axis = getAxis(op, *op.getAxis(), input->size());
  if (failed(axis))
    return failure();
  Shape result(input->begin(), input->end());
  result[*axis] = kept ? kept : evaluator.unknownDim(op.getOutput(), *axis);
  evaluator.setShape(op.getOutput(), result);
  return success();
}

static LogicalResult inferNonZero(NonZeroOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> input = evaluator.getShape(op.getX());
  if (!input) {
    setUnknownShape(evaluator, op.getY(), 2);
    return success();
  }
  std::optional<SmallVector<int64_t>> sizes = asConstants(*input),
                                      known = constantElements(evaluator, op.getX());
  int64_t rank = input->size();
  if (!sizes || !known) {
    evaluator.setShape(op.getY(), {evaluator.constant(rank), evaluator.unknownDim(op.getY(), 1)});
    return success();
  }
  SmallVector<SmallVector<Dim>> coordinates(rank);
  SmallVector<int64_t> strides = rowMajor(*sizes);
  int64_t count = 0;
  for (auto [position, value] : llvm::enumerate(*known)) {
    if (value == 0)
      continue;
    ++count;
    for (int64_t axis = 0; axis < rank; ++axis)
      coordinates[axis].push_back(
          evaluator.constant(int64_t(position) / strides[axis] % (*sizes)[axis]));
  }
  evaluator.setShape(op.getY(), {evaluator.constant(rank), evaluator.constant(count)});
  SmallVector<Dim> elements;
  for (ArrayRef<Dim> row : coordinates)
    llvm::append_range(elements, row);
  evaluator.setElements(op.getY(), elements);
  return success();
}

static LogicalResult inferOneHot(OneHotOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> indices = evaluator.getShape(op.getIndices());
  if (!indices)
    return evaluator.setUnranked(op.getOutput()), success();
  FailureOr<int64_t> axis = getAxis(op, op.getAxis(), indices->size() + 1);
  if (failed(axis))
    return failure();
  std::optional<SmallVector<Dim>> depth = elementsOrSymbols(evaluator, op.getDepth());
  Shape result(indices->begin(), indices->end());
  result.insert(result.begin() + *axis, depth && depth->size() == 1
                                            ? depth->front()
                                            : evaluator.unknownDim(op.getOutput(), *axis));
  evaluator.setShape(op.getOutput(), result);
  return success();
}

static LogicalResult inferNonMaxSuppression(NonMaxSuppressionOp op, ShapeEvaluator &evaluator) {
  Value result = op.getSelectedIndices();
  evaluator.setShape(result, {evaluator.unknownDim(result, 0), evaluator.constant(3)});
  return success();
}

static LogicalResult inferUnique(UniqueOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> input = evaluator.getShape(op.getX());
  Dim count = evaluator.unknownDim(op.getY(), 0);
  Dim inverse = evaluator.unknownDim(op.getY(), 0);
  if (!op.getAxis()) {
    evaluator.setShape(op.getY(), {count});
    if (op.getInverseIndices())
      inverse =
          input ? product(*input, evaluator) : evaluator.unknownDim(op.getInverseIndices(), 0);
  } else {
    if (!input) {
      evaluator.setUnranked(op.getY());
      return success();
    }
    FailureOr<int64_t> axis = getAxis(op, *op.getAxis(), input->size());
    if (failed(axis))
      return failure();
    Shape result(input->begin(), input->end());
    count = evaluator.unknownDim(op.getY(), *axis);
    inverse = result[*axis];
    result[*axis] = count;
    evaluator.setShape(op.getY(), result);
  }
  evaluator.setShape(op.getIndices(), {count});
  evaluator.setShape(op.getInverseIndices(), {inverse});
  evaluator.setShape(op.getCounts(), {count});
  return success();
}

static LogicalResult inferTopk(TopkOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> input = evaluator.getShape(op.getX());
  if (!input) {
    evaluator.setUnranked(op.getValues());
    evaluator.setUnranked(op.getIndices());
    return success();
  }
  FailureOr<int64_t> axis = getAxis(op, op.getAxis(), input->size());
  if (failed(axis))
    return failure();
  std::optional<SmallVector<Dim>> count = elementsOrSymbols(evaluator, op.getK());
  Shape result(input->begin(), input->end());
  Dim kept =
      count && count->size() == 1 ? count->front() : evaluator.unknownDim(op.getValues(), *axis);
  std::optional<int64_t> k = asConstant(kept), size = asConstant(result[*axis]);
  if (k && size && (*k < 0 || *k > *size))
    return op.emitOpError() << "cannot pick " << *k << " of " << *size << " elements";
  result[*axis] = kept;
  evaluator.setShape(op.getValues(), result);
  evaluator.setShape(op.getIndices(), result);
  return success();
}

void analysis::attachIndexingShapes(MLIRContext *context) {
  attach<SliceOp, inferSlice>(context);
  attach<GatherOp, inferGather>(context);
  attach<GatherElementsOp, inferGatherElements>(context);
  attach<GatherNdOp, inferGatherNd>(context);
  attach<CompressOp, inferCompress>(context);
  attach<NonZeroOp, inferNonZero>(context);
  attach<OneHotOp, inferOneHot>(context);
  attach<NonMaxSuppressionOp, inferNonMaxSuppression>(context);
  attach<UniqueOp, inferUnique>(context);
  attach<TopkOp, inferTopk>(context);
  attachAll<inferSameShape, ScatterElementsOp, ScatterNdOp>(context);
}
