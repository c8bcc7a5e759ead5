//===- PoolingShapes.cpp - Pooling and resampling ---------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "WindowRules.h"

#include <cmath>

using namespace mlir;
using namespace secateur;
using namespace secateur::analysis;
using namespace secateur::nn;

FailureOr<Shape> analysis::inferPooled(Operation *op, ShapeEvaluator &evaluator, Window window,
                                       ArrayRef<int64_t> kernel, ShapeRef x) {
  if (x.size() < 3)
    return op->emitOpError() << "needs an input of rank 3 or more, got rank " << x.size();
  for (int64_t size : kernel) {
    if (size < 1)
      return op->emitOpError() << "attribute kernel_shape has the value " << size
                               << ", expected at least 1";
    window.kernel.push_back(evaluator.constant(size));
  }
  if (failed(checkWindow(op, window, x.size() - 2)))
    return failure();
  FailureOr<Shape> spatial = countWindows(op, evaluator, window, x.drop_front(2));
  if (failed(spatial))
    return failure();
  Shape shape{x[0], x[1]};
  llvm::append_range(shape, *spatial);
  return shape;
}

template <typename OpTy>
static LogicalResult inferPool(OpTy op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> x = evaluator.getShape(op.getX());
  if (!x)
    return evaluator.setUnranked(op.getY()), success();
  Window window = getWindow(op, {});
  window.ceilMode = op.getCeilMode() != 0;
  FailureOr<Shape> shape = inferPooled(op, evaluator, window, op.getKernelShape(), *x);
  if (failed(shape))
    return failure();
  for (Value result : op->getResults())
    evaluator.setShape(result, *shape);
  return success();
}

static LogicalResult inferGlobalPool(Operation *op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> x = evaluator.getShape(op->getOperand(0));
  if (!x)
    return evaluator.setUnranked(op->getResult(0)), success();
  if (x->size() < 2)
    return op->emitOpError() << "needs an input of rank 2 or more, got rank " << x->size();
  Shape shape(x->size(), evaluator.constant(1));
  shape[0] = (*x)[0];
  shape[1] = (*x)[1];
  evaluator.setShape(op->getResult(0), shape);
  return success();
}

/// [rois, channels, height, width].
static LogicalResult setRoiShape(Operation *op, ShapeEvaluator &evaluator, Value x, Value rois,
                                 int64_t height, int64_t width) {
  Value result = op->getResult(0);
  std::optional<ShapeRef> input = evaluator.getShape(x), boxes = evaluator.getShape(rois);
  if ((input && input->size() != 4) || (boxes && boxes->size() != 2))
    return op->emitOpError("needs an input of rank 4 and regions of rank 2");
  evaluator.setShape(result, {boxes ? boxes->front() : evaluator.unknownDim(result, 0),
                              input ? (*input)[1] : evaluator.unknownDim(result, 1),
                              evaluator.constant(height), evaluator.constant(width)});
  return success();
}

static LogicalResult inferMaxRoiPool(MaxRoiPoolOp op, ShapeEvaluator &evaluator) {
  ArrayRef<int64_t> size = op.getPooledShape();
  if (size.size() != 2)
    return op.emitOpError() << "attribute pooled_shape has " << size.size()
                            << " values, expected 2";
  return setRoiShape(op, evaluator, op.getX(), op.getRois(), size[0], size[1]);
}

static LogicalResult inferRoiAlign(RoiAlignOp op, ShapeEvaluator &evaluator) {
  return setRoiShape(op, evaluator, op.getX(), op.getRois(), op.getOutputHeight(),
                     op.getOutputWidth());
}

static LogicalResult inferGridSample(GridSampleOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> x = evaluator.getShape(op.getX()),
                          grid = evaluator.getShape(op.getGrid());
  if (!x || !grid)
    return evaluator.setUnranked(op.getY()), success();
  if (x->size() < 3 || grid->size() != x->size())
    return op.emitOpError() << "needs an input and a grid of one rank of at least 3, got ranks "
                            << x->size() << " and " << grid->size();
  if (!evaluator.requireEqual(grid->back(), evaluator.constant(x->size() - 2), op))
    return op.emitOpError() << "needs a grid of " << x->size() - 2 << " coordinates";
  Shape shape{(*x)[0], (*x)[1]};
  llvm::append_range(shape, grid->drop_front(1).drop_back(1));
  evaluator.setShape(op.getY(), shape);
  return success();
}

//===----------------------------------------------------------------------===//
// Resize
//===----------------------------------------------------------------------===//

/// floor(size * scale), as f32 arithmetic gives it.
static Dim scaledSize(ShapeEvaluator &evaluator, Dim size, const Number &scale) {
  std::optional<int64_t> numerator = asConstant(scale.numerator), known = asConstant(size);
  if (!numerator)
    return Dim();
  if (known)
    return evaluator.constant(
        int64_t(float(double(*numerator) / double(scale.denominator)) * float(*known)));
  // Small factors are exact; others may be rounded across an integer.
  if (*numerator > 4096 || *numerator < 1 || scale.denominator > 4096)
    return Dim();
  return evaluator.simplify((size * *numerator).floorDiv(scale.denominator));
}

/// The sizes along the axes that Resize treats, under a policy that keeps the
/// aspect ratio; only for constants.
static FailureOr<SmallVector<Dim>> keepAspectRatio(ResizeOp op, ShapeEvaluator &evaluator,
                                                   ArrayRef<Dim> from, ArrayRef<Dim> to) {
  std::optional<SmallVector<int64_t>> input = asConstants(from), target = asConstants(to);
  SmallVector<Dim> result;
  if (!input || !target)
    return SmallVector<Dim>(from.size(), Dim());
  bool larger = op.getKeepAspectRatioPolicy() == "not_smaller";
  float scale = larger ? 0.0f : INFINITY;
  for (auto [a, b] : llvm::zip(*input, *target)) {
    float ratio = a > 0 ? float(b) / float(a) : 0.0f;
    scale = larger ? std::max(scale, ratio) : std::min(scale, ratio);
  }
  for (int64_t size : *input)
    result.push_back(evaluator.constant(int64_t(std::round(scale * float(size)))));
  return result;
}

static LogicalResult inferResize(ResizeOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> x = evaluator.getShape(op.getX());
  Value result = op.getY();
  if (!x)
    return evaluator.setUnranked(result), success();
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, x->size()));
  if (std::optional<ArrayRef<int64_t>> given = op.getAxes()) {
    FailureOr<SmallVector<int64_t>> normal = getAxes(op, *given, x->size());
    if (failed(normal))
      return failure();
    axes = *normal;
  }
  // An operand of no elements is an absent one.
  auto isPresent = [&](Value value) {
    if (!value)
      return false;
    std::optional<ShapeRef> shape = evaluator.getShape(value);
    return !(shape && shape->size() == 1 && asConstant(shape->front()) == 0);
  };
  bool hasSizes = isPresent(op.getSizes()), hasScales = isPresent(op.getScales());
  if (hasSizes == hasScales)
    return op.emitOpError("needs either sizes or scales");
  SmallVector<Dim> sizes(axes.size());
  if (hasSizes) {
    if (std::optional<SmallVector<Dim>> given = elementsOrSymbols(evaluator, op.getSizes())) {
      if (given->size() != axes.size())
        return op.emitOpError() << "has " << given->size() << " sizes for " << axes.size()
                                << " axes";
      sizes = *given;
      if (op.getKeepAspectRatioPolicy() != "stretch") {
        SmallVector<Dim> from = llvm::map_to_vector(axes, [&](int64_t axis) { return (*x)[axis]; });
        sizes = *keepAspectRatio(op, evaluator, from, sizes);
      }
    }
  } else if (std::optional<ArrayRef<Number>> scales = evaluator.getNumbers(op.getScales())) {
    if (scales->size() != axes.size())
      return op.emitOpError() << "has " << scales->size() << " scales for " << axes.size()
                              << " axes";
    for (auto [i, axis] : llvm::enumerate(axes))
      sizes[i] = scaledSize(evaluator, (*x)[axis], (*scales)[i]);
  }
  Shape shape(x->begin(), x->end());
  for (auto [i, axis] : llvm::enumerate(axes))
    shape[axis] = sizes[i] ? sizes[i] : evaluator.unknownDim(result, axis);
  evaluator.setShape(result, shape);
  return success();
}

void analysis::attachPoolingShapes(MLIRContext *context) {
  attach<AveragePoolOp, inferPool<AveragePoolOp>>(context);
  attach<MaxPoolOp, inferPool<MaxPoolOp>>(context);
  attach<LpPoolOp, inferPool<LpPoolOp>>(context);
  attachAll<inferGlobalPool, GlobalAveragePoolOp, GlobalMaxPoolOp, GlobalLpPoolOp>(context);
  attach<MaxRoiPoolOp, inferMaxRoiPool>(context);
  attach<RoiAlignOp, inferRoiAlign>(context);
  attach<GridSampleOp, inferGridSample>(context);
  attach<ResizeOp, inferResize>(context);
}
