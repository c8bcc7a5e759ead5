//===- ConvolutionShapes.cpp - Convolutions ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "WindowRules.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::analysis;
using namespace secateur::nn;

LogicalResult analysis::checkWindow(Operation *op, const Window &window, size_t spatialRank) {
  auto check = [&](StringRef name, std::optional<ArrayRef<int64_t>> values, size_t expected,
                   int64_t least) -> LogicalResult {
    if (!values)
      return success();
    if (values->size() != expected)
      return op->emitOpError() << "attribute " << name << " has " << values->size()
                               << " values, expected " << expected << " for " << spatialRank
                               << " spatial dimensions";
    for (int64_t value : *values)
      if (value < least)
        return op->emitOpError() << "attribute " << name << " has the value " << value
                                 << ", expected at least " << least;
    return success();
  };
  if (failed(check("strides", window.strides, spatialRank, 1)) ||
      failed(check("dilations", window.dilations, spatialRank, 1)) ||
      failed(check("pads", window.pads, 2 * spatialRank, INT64_MIN)))
    return failure();
  if (window.kernel.size() != spatialRank)
    return op->emitOpError() << "has a kernel of " << window.kernel.size() << " dimensions for "
                             << spatialRank << " spatial dimensions";
  return success();
}

FailureOr<Shape> analysis::countWindows(Operation *op, ShapeEvaluator &evaluator,
                                        const Window &window, ShapeRef input) {
  Shape result;
  for (auto [axis, size] : llvm::enumerate(input)) {
    int64_t stride = window.stride(axis);
    if (window.autoPad == "SAME_UPPER" || window.autoPad == "SAME_LOWER") {
      result.push_back(size.ceilDiv(stride));
      continue;
    }
    bool valid = window.autoPad == "VALID";
    Dim extent = (window.kernel[axis] - 1) * window.dilation(axis) + 1;
    Dim steps = size - extent + (valid ? 0 : window.padding(axis));
    Dim count = steps.floorDiv(stride) + 1;
    // A window that is only partly inside counts too, if it starts before the
    // padding at the end.
    if (window.ceilMode && !valid)
      count = evaluator.minimum(
          evaluator.simplify(steps.ceilDiv(stride) + 1),
          evaluator.simplify((size + window.paddingBefore(axis)).ceilDiv(stride)));
    count = evaluator.simplify(count);
    if (std::optional<int64_t> value = asConstant(count); value && *value < 1)
      return op->emitOpError() << "its window of " << evaluator.toString(evaluator.simplify(extent))
                               << " does not fit into axis " << axis + 2 << " of size "
                               << evaluator.toString(size) << " with its padding";
    result.push_back(count);
  }
  return result;
}

/// N, M and the spatial sizes. `filters` is the weight's axis of the results,
/// `group` multiplies its axis of the channels.
template <typename OpTy>
static LogicalResult inferConvolution(OpTy op, ShapeEvaluator &evaluator, Value input, Value weight,
                                      Value result) {
  std::optional<ShapeRef> x = evaluator.getShape(input), w = evaluator.getShape(weight);
  if (!x || !w)
    return evaluator.setUnranked(result), success();
  if (x->size() < 3 || w->size() != x->size())
    return op.emitOpError() << "needs an input and a weight of one rank of at least 3, got ranks "
                            << x->size() << " and " << w->size();
  Window window = getWindow(op, w->drop_front(2));
  size_t spatialRank = x->size() - 2;
  if (failed(checkWindow(op, window, spatialRank)))
    return failure();
  int64_t group = op.getGroup();
  if (group < 1)
    return op.emitOpError() << "group is " << group << ", expected at least 1";
  if (!evaluator.requireEqual((*x)[1], (*w)[1] * group, op))
    return op.emitOpError() << "input has " << evaluator.toString((*x)[1])
                            << " channels, but the weight has " << evaluator.toString((*w)[1])
                            << " for each of " << group << " groups";
  if (std::optional<int64_t> filters = asConstant((*w)[0]); filters && *filters % group != 0)
    return op.emitOpError() << "has " << *filters << " filters, which " << group
                            << " groups do not divide";
  if (std::optional<ArrayRef<int64_t>> kernel = op.getKernelShape()) {
    if (kernel->size() != spatialRank)
      return op.emitOpError() << "attribute kernel_shape has " << kernel->size()
                              << " values, expected " << spatialRank;
    for (auto [axis, size] : llvm::enumerate(*kernel))
      if (!evaluator.requireEqual((*w)[axis + 2], evaluator.constant(size), op))
        return op.emitOpError() << "kernel_shape is " << size << " at axis " << axis
                                << ", but the weight has " << evaluator.toString((*w)[axis + 2]);
  }
  FailureOr<Shape> spatial = countWindows(op, evaluator, window, x->drop_front(2));
  if (failed(spatial))
    return failure();
  Shape shape{(*x)[0], (*w)[0]};
  llvm::append_range(shape, *spatial);
  evaluator.setShape(result, shape);
  return success();
}

/// The bias of a convolution has one element a filter.
static LogicalResult checkBias(Operation *op, ShapeEvaluator &evaluator, Value bias, Dim filters) {
  std::optional<ShapeRef> shape = bias ? evaluator.getShape(bias) : std::nullopt;
  if (!shape)
    return success();
  if (shape->size() == 1 && evaluator.requireEqual(shape->front(), filters, op))
    return success();
  return op->emitOpError() << "needs a bias of rank 1 with one element for each of "
                           << evaluator.toString(filters) << " filters";
}

template <typename OpTy>
static LogicalResult inferConv(OpTy op, ShapeEvaluator &evaluator) {
  if (failed(inferConvolution(op, evaluator, op.getX(), op.getW(), op.getY())))
    return failure();
  std::optional<ShapeRef> w = evaluator.getShape(op.getW());
  return w ? checkBias(op, evaluator, op.getB(), (*w)[0]) : success();
}

static LogicalResult inferConvInteger(ConvIntegerOp op, ShapeEvaluator &evaluator) {
  return inferConvolution(op, evaluator, op.getX(), op.getW(), op.getY());
}

static LogicalResult inferQlinearConv(QlinearConvOp op, ShapeEvaluator &evaluator) {
  if (failed(inferConvolution(op, evaluator, op.getX(), op.getW(), op.getY())))
    return failure();
  std::optional<ShapeRef> w = evaluator.getShape(op.getW());
  return w ? checkBias(op, evaluator, op.getB(), (*w)[0]) : success();
}

static LogicalResult inferConvTranspose(ConvTransposeOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> x = evaluator.getShape(op.getX()), w = evaluator.getShape(op.getW());
  if (!x || !w)
    return evaluator.setUnranked(op.getY()), success();
  if (x->size() < 3 || w->size() != x->size())
    return op.emitOpError() << "needs an input and a weight of one rank of at least 3, got ranks "
                            << x->size() << " and " << w->size();
  size_t spatialRank = x->size() - 2;
  Window window = getWindow(op, w->drop_front(2));
  if (failed(checkWindow(op, window, spatialRank)))
    return failure();
  int64_t group = op.getGroup();
  if (group < 1)
    return op.emitOpError() << "group is " << group << ", expected at least 1";
  if (!evaluator.requireEqual((*x)[1], (*w)[0], op))
    return op.emitOpError() << "input has " << evaluator.toString((*x)[1])
                            << " channels, but the weight has " << evaluator.toString((*w)[0]);
  std::optional<ArrayRef<int64_t>> extra = op.getOutputPadding(), target = op.getOutputShape();
  for (auto [name, values] :
       {std::pair("output_padding", extra), std::pair("output_shape", target)})
    if (values && values->size() != spatialRank)
      return op.emitOpError() << "attribute " << name << " has " << values->size()
                              << " values, expected " << spatialRank;
  Shape shape{(*x)[0], (*w)[1] * group};
  if (failed(checkBias(op, evaluator, op.getB(), evaluator.simplify(shape[1]))))
    return failure();
  bool same = op.getAutoPad() == "SAME_UPPER" || op.getAutoPad() == "SAME_LOWER";
  for (size_t axis = 0; axis < spatialRank; ++axis) {
    Dim size = (*x)[axis + 2];
    if (target) {
      shape.push_back(evaluator.constant((*target)[axis]));
    } else if (same) {
      shape.push_back(size * window.stride(axis));
    } else {
      Dim extent = (window.kernel[axis] - 1) * window.dilation(axis) + 1;
      int64_t padding = op.getAutoPad() == "VALID" ? 0 : window.padding(axis);
      shape.push_back((size - 1) * window.stride(axis) + extent +
                      ((extra ? (*extra)[axis] : 0) - padding));
    }
    if (std::optional<int64_t> value = asConstant(evaluator.simplify(shape.back()));
        value && *value < 1)
      return op.emitOpError() << "padding leaves a size of " << *value << " at axis " << axis + 2;
  }
  evaluator.setShape(op.getY(), shape);
  return success();
}

void analysis::attachConvolutionShapes(MLIRContext *context) {
  attach<ConvOp, inferConv<ConvOp>>(context);
  attach<MsFusedConvOp, inferConv<MsFusedConvOp>>(context);
  attach<ConvIntegerOp, inferConvInteger>(context);
  attach<QlinearConvOp, inferQlinearConv>(context);
  attach<ConvTransposeOp, inferConvTranspose>(context);
}
