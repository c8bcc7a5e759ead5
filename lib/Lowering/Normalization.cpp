//===- Normalization.cpp - Lowering of softmax and normalizations -------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Over the last stored axis there are kernels; the channels of channels-last
// data are that axis too. Everything else is two reductions and a loop.

#include "Kernels.h"
#include "Models.h"
#include "Reduction.h"
#include "Scalars.h"

#include "secateur/Analysis/SymbolicShapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

static SmallVector<int64_t> range(int64_t begin, int64_t end) {
  return llvm::to_vector(llvm::seq<int64_t>(begin, end));
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

Value secateur::lowering::softmaxRows(LoweringContext &context, Value tensor, ArrayRef<Dim> dims,
                                      bool logarithm, bool zeroEmpty) {
  if (hasKernels(tensor))
    return softmax(context, tensor, dims, logarithm, zeroEmpty);
  Type type = cast<RankedTensorType>(tensor.getType()).getElementType();
  Scalars s(context.b, type, ScalarKind::Float);
  int64_t last = dims.size() - 1;
  SmallVector<int64_t> axes = range(0, dims.size()), kept = range(0, last);
  Value maximum = reduceTensor(context, tensor, dims, Layout::RowMajor, last, s.lowest(),
                               [&](ImplicitLocOpBuilder &b, Value x, Value m) {
                                 return Scalars(b, type, ScalarKind::Float).max(m, x);
                               });
  Value sum = sumOfExponents(context, tensor, dims, Layout::RowMajor, last, maximum);
  return context.pointwise(
      dims, type, Layout::RowMajor,
      {PlacedTensor{tensor, axes}, PlacedTensor{maximum, kept}, PlacedTensor{sum, kept}},
      [&](ImplicitLocOpBuilder &b, ValueRange x) {
        Scalars f(b, type, ScalarKind::Float);
        Value shifted = f.sub(x[0], x[1]);
        if (logarithm)
          return f.sub(shifted, f.log(x[2]));
        Value share = f.div(f.exp(shifted), x[2]);
        return zeroEmpty ? f.select(f.equal(x[1], f.lowest()), f.number(0), share) : share;
      });
}

template <typename OpTy, bool logarithm>
static LogicalResult lowerSoftmax(OpTy op, LoweringContext &context) {
  Value input = op.getInput(), result = op.getOutput();
  int64_t rank = context.rank(input);
  ArrayRef<Dim> dims = context.shape(input);
  if (rank == 0)
    return context.unsupported(op, "its operand is a scalar");
  int64_t axis = frontAxis(op.getAxis(), rank);
  if (axis < 0 || axis >= rank)
    return context.unsupported(op, "its axis is out of range");
  Layout layout = context.layoutOf(input);
  if (storedAxis(axis, rank, layout) == rank - 1) {
    SmallVector<Dim> stored = storedOrder(dims, layout);
    context.set(result, softmaxRows(context, context.get(input, layout), stored, logarithm),
                layout);
    return success();
  }
  if (axis == rank - 1) {
    context.set(result, softmaxRows(context, context.get(input), dims, logarithm));
    return success();
  }
  // The axis goes last and comes back.
  SmallVector<int64_t> permutation = range(0, rank);
  std::swap(permutation[axis], permutation[rank - 1]);
  SmallVector<Dim> moved =
      llvm::map_to_vector(permutation, [&](int64_t from) { return dims[from]; });
  Value rows = softmaxRows(context, context.transpose(context.get(input), permutation, dims), moved,
                           logarithm);
  context.set(result, context.transpose(rows, permutation, moved));
  return success();
}

/// One where the first of the largest elements is.
static LogicalResult lowerHardmax(nn::HardmaxOp op, LoweringContext &context) {
  Value input = op.getInput(), result = op.getOutput();
  int64_t rank = context.rank(input), axis = frontAxis(op.getAxis(), rank);
  if (axis < 0 || axis >= rank)
    return context.unsupported(op, "its axis is out of range");
  Type stored = LoweringContext::storedType(input);
  Value tensor = context.get(input);
  SmallVector<Dim> dims(context.shape(input)), kept = keptDims(dims, axis);
  Scalars s(context.b, stored, LoweringContext::kindOf(input));
  Value maximum = reduceTensor(
      context, tensor, dims, Layout::RowMajor, axis, s.lowest(),
      [&](ImplicitLocOpBuilder &b, Value x, Value m) { return Scalars(b, x).max(m, x); });
  // The first place with that value: a minimum of places.
  Type i64 = context.b.getI64Type();
  SmallVector<int64_t> keptAxes = range(0, rank);
  keptAxes.erase(keptAxes.begin() + axis);
  Value extent = arith::IndexCastOp::create(context.b, i64, context.index(dims[axis]));
  Value places =
      context.pointwise(dims, i64, Layout::RowMajor,
                        {PlacedTensor{tensor, range(0, rank)}, PlacedTensor{maximum, keptAxes}},
                        [&](ImplicitLocOpBuilder &b, ValueRange x) {
                          Scalars f(b, x[0]);
                          Value place =
                              arith::IndexCastOp::create(b, i64, linalg::IndexOp::create(b, axis));
                          return f.select(f.equal(x[0], x[1]), place, extent);
                        });
  Value first = reduceTensor(
      context, places, dims, Layout::RowMajor, axis, extent,
      [](ImplicitLocOpBuilder &b, Value x, Value m) { return Scalars(b, x).min(m, x); });
  context.set(result,
              context.pointwise(dims, stored, Layout::RowMajor, PlacedTensor{first, keptAxes},
                                [&](ImplicitLocOpBuilder &b, ValueRange x) {
                                  Value place = arith::IndexCastOp::create(
                                      b, i64, linalg::IndexOp::create(b, axis));
                                  Scalars f(b, stored, ScalarKind::Float);
                                  return f.select(Scalars(b, place).equal(place, x[0]), f.number(1),
                                                  f.number(0));
                                }));
  return success();
}

//===----------------------------------------------------------------------===//
// Moments
//===----------------------------------------------------------------------===//

namespace {
/// Mean and 1 / sqrt(variance + epsilon) over some axes of a row-major tensor.
struct Moments {
  Value mean, inverse;
  SmallVector<int64_t> keptAxes;
};
} // namespace

/// With `counted`, the statistics divide by that many positions: those that are
/// not there hold zero, and each is `mean` away from the mean.
static Moments computeMoments(LoweringContext &context, Value tensor, ArrayRef<Dim> dims,
                              ArrayRef<int64_t> axes, double epsilon, bool centered = true,
                              std::optional<Dim> counted = std::nullopt) {
  Type type = cast<RankedTensorType>(tensor.getType()).getElementType();
  Moments moments;
  for (int64_t axis = 0, e = dims.size(); axis < e; ++axis)
    if (!llvm::is_contained(axes, axis))
      moments.keptAxes.push_back(axis);
  SmallVector<Dim> kept = keptDims(dims, axes);
  Scalars s(context.b, type, ScalarKind::Float);
  Value zero = s.number(0), present = elementCount(context, dims, axes, type);
  Value count = counted ? elementCount(context, {*counted}, {0}, type) : present;
  SmallVector<int64_t> all = range(0, dims.size());
  Value squares;
  if (centered) {
    Value sum = reduceTensor(
        context, tensor, dims, Layout::RowMajor, axes, zero,
        [&](ImplicitLocOpBuilder &b, Value x, Value sum) { return Scalars(b, x).add(sum, x); });
    moments.mean = mapTensor(context, sum, kept, [&](ImplicitLocOpBuilder &b, Value x) {
      return Scalars(b, x).div(x, count);
    });
    squares =
        context.pointwise(dims, type, Layout::RowMajor,
                          {PlacedTensor{tensor, all}, PlacedTensor{moments.mean, moments.keptAxes}},
                          [&](ImplicitLocOpBuilder &b, ValueRange x) {
                            Scalars f(b, x[0]);
                            Value difference = f.sub(x[0], x[1]);
                            return f.mul(difference, difference);
                          });
  } else {
    squares = mapTensor(context, tensor, dims,
                        [&](ImplicitLocOpBuilder &b, Value x) { return Scalars(b, x).mul(x, x); });
  }
  Value variance = reduceTensor(
      context, squares, dims, Layout::RowMajor, axes, zero,
      [&](ImplicitLocOpBuilder &b, Value x, Value sum) { return Scalars(b, x).add(sum, x); });
  if (centered && counted) {
    Value missing = s.sub(count, present);
    SmallVector<int64_t> keptAll = range(0, kept.size());
    variance =
        context.pointwise(kept, type, Layout::RowMajor,
                          {PlacedTensor{variance, keptAll}, PlacedTensor{moments.mean, keptAll}},
                          [&](ImplicitLocOpBuilder &b, ValueRange x) {
                            Scalars f(b, x[0]);
                            return f.add(x[0], f.mul(missing, f.mul(x[1], x[1])));
                          });
  }
  moments.inverse = mapTensor(context, variance, kept, [&](ImplicitLocOpBuilder &b, Value x) {
    Scalars f(b, x);
    return f.div(f.number(1), f.sqrt(f.add(f.div(x, count), f.number(epsilon))));
  });
  return moments;
}

/// (x - mean) * inverse * scale + bias; all but x may be absent.
static Value applyMoments(LoweringContext &context, Value tensor, ArrayRef<Dim> dims,
                          const Moments &moments, const PlacedTensor &scale,
                          const PlacedTensor &bias) {
  Type type = cast<RankedTensorType>(tensor.getType()).getElementType();
  SmallVector<PlacedTensor> operands = {{tensor, range(0, dims.size())}};
  auto add = [&](const PlacedTensor &operand) {
    if (operand.tensor)
      operands.push_back(operand);
  };
  add({moments.mean, moments.keptAxes});
  add({moments.inverse, moments.keptAxes});
  add(scale);
  add(bias);
  return context.pointwise(dims, type, Layout::RowMajor, operands,
                           [&](ImplicitLocOpBuilder &b, ValueRange x) {
                             Scalars f(b, type, ScalarKind::Float);
                             size_t next = 1;
                             Value y = x[0];
                             if (moments.mean)
                               y = f.sub(y, x[next++]);
                             y = f.mul(y, x[next++]);
                             if (scale.tensor)
                               y = f.mul(y, x[next++]);
                             return bias.tensor ? f.add(y, x[next]) : y;
                           });
}

//===----------------------------------------------------------------------===//
// Batch, instance and group normalization
//===----------------------------------------------------------------------===//

static LogicalResult lowerBatchNorm(nn::BatchNormalizationOp op, LoweringContext &context) {
  if (op.getTrainingMode())
    return context.unsupported(op, "training_mode is set: models are compiled for inference");
  Value input = op.getX(), result = op.getY();
  Type stored = LoweringContext::storedType(input);
  double epsilon = op.getEpsilon().convertToDouble();
  int64_t rank = context.rank(input);
  if (rank < 2 || LoweringContext::kindOf(input) != ScalarKind::Float)
    return context.unsupported(op, "its operand has no channels of floating point numbers");
  // One factor and one term per channel.
  ArrayRef<Dim> channels = context.shape(op.getScale());
  auto row = [&](Value value) { return PlacedTensor{context.get(value), {0}}; };
  Value factor = context.pointwise(channels, stored, Layout::RowMajor,
                                   {row(op.getScale()), row(op.getInputVar())},
                                   [&](ImplicitLocOpBuilder &b, ValueRange x) {
                                     Scalars f(b, stored, ScalarKind::Float);
                                     return f.div(x[0], f.sqrt(f.add(x[1], f.number(epsilon))));
                                   });
  Value term =
      context.pointwise(channels, stored, Layout::RowMajor,
                        {row(op.getB()), row(op.getInputMean()), PlacedTensor{factor, {0}}},
                        [&](ImplicitLocOpBuilder &b, ValueRange x) {
                          Scalars f(b, stored, ScalarKind::Float);
                          return f.sub(x[0], f.mul(x[1], x[2]));
                        });
  Layout layout = context.layoutOf(input);
  context.set(result,
              context.pointwise(context.shape(result), stored, layout,
                                {context.whole(input, layout), PlacedTensor{factor, {1}},
                                 PlacedTensor{term, {1}}},
                                [&](ImplicitLocOpBuilder &b, ValueRange x) {
                                  Scalars f(b, stored, ScalarKind::Float);
                                  return f.add(f.mul(x[0], x[1]), x[2]);
                                }),
              layout);
  return success();
}

/// Groups of channels share their statistics; an instance norm has groups of one.
static LogicalResult normalizeGroups(Operation *op, LoweringContext &context, Value input,
                                     Value scale, Value bias, Value result,
                                     std::optional<int64_t> groups, double epsilon,
                                     std::optional<int64_t> count = std::nullopt) {
  int64_t rank = context.rank(input);
  ArrayRef<Dim> x = context.shape(input);
  if (rank < 2 || LoweringContext::kindOf(input) != ScalarKind::Float)
    return context.unsupported(op, "its operand has no channels of floating point numbers");
  Layout layout = context.layoutOf(input);
  Dim group = groups ? context.constantDim(*groups) : x[1];
  Dim width = groups ? context.symbols.simplify(x[1].floorDiv(*groups)) : context.constantDim(1);
  // The stored axes with channels split: [N, G, width, spatial..] or
  // [N, spatial.., G, width].
  SmallVector<Dim> stored = storedOrder(x, layout), split;
  int64_t channelAxis = storedAxis(1, rank, layout);
  SmallVector<int64_t> reduced;
  for (int64_t axis = 0; axis < rank; ++axis) {
    if (axis == channelAxis) {
      split.push_back(group);
      reduced.push_back(split.size());
      split.push_back(width);
      continue;
    }
    if (axis != 0)
      reduced.push_back(split.size());
    split.push_back(stored[axis]);
  }
  int64_t groupAxis = channelAxis;
  Value tensor = context.reshape(context.get(input, layout), stored, split);
  std::optional<Dim> counted;
  if (count) {
    counted = context.constantDim(*count);
    for (int64_t axis = 2; axis < rank; ++axis)
      counted = *counted * x[axis];
  }
  Moments moments =
      computeMoments(context, tensor, split, reduced, epsilon, /*centered=*/true, counted);
  auto perChannel = [&](Value value) {
    Value matrix = context.reshape(context.get(value), context.shape(value), {group, width});
    return PlacedTensor{matrix, {groupAxis, groupAxis + 1}};
  };
  Value normal = applyMoments(context, tensor, split, moments, perChannel(scale), perChannel(bias));
  context.set(result, context.reshape(normal, split, stored), layout);
  return success();
}

static LogicalResult lowerInstanceNorm(nn::InstanceNormalizationOp op, LoweringContext &context) {
  return normalizeGroups(op, context, op.getInput(), op.getScale(), op.getB(), op.getOutput(),
                         std::nullopt, op.getEpsilon().convertToDouble());
}
static LogicalResult lowerGroupNorm(nn::GroupNormalizationOp op, LoweringContext &context) {
  return normalizeGroups(op, context, op.getX(), op.getScale(), op.getBias(), op.getY(),
                         op.getNumGroups(), op.getEpsilon().convertToDouble(), op.getCount());
}

//===----------------------------------------------------------------------===//
// Layer and RMS normalization
//===----------------------------------------------------------------------===//

/// Scale or bias over the normalized axes, as one row; nullptr where it is
/// absent; fails where it is stretched.
static FailureOr<Value> asRow(LoweringContext &context, Value value, ArrayRef<Dim> normalized,
                              Dim width) {
  if (!value)
    return Value();
  ArrayRef<Dim> dims = context.shape(value);
  // Leading ones do not matter.
  while (dims.size() > normalized.size() && LoweringContext::constantOf(dims.front()) == 1)
    dims = dims.drop_front();
  if (dims.size() != normalized.size() ||
      !llvm::all_of(llvm::zip(dims, normalized),
                    [&](auto pair) { return context.same(std::get<0>(pair), std::get<1>(pair)); }))
    return failure();
  return context.reshape(context.get(value), context.shape(value), width);
}

/// `value` placed along the last axes of the result.
static PlacedTensor trailing(LoweringContext &context, Value value, ArrayRef<Dim> out) {
  PlacedTensor placed;
  if (!value)
    return placed;
  ArrayRef<Dim> dims = context.shape(value);
  SmallVector<Dim> kept;
  for (auto [axis, dim] : llvm::enumerate(dims)) {
    int64_t target = int64_t(axis) + int64_t(out.size()) - int64_t(dims.size());
    if (target < 0 || (LoweringContext::constantOf(dim) == 1 && !context.same(dim, out[target])))
      continue;
    kept.push_back(dim);
    placed.axes.push_back(target);
  }
  placed.tensor = context.reshape(context.get(value), dims, kept);
  return placed;
}

static LogicalResult normalizeTrailing(Operation *op, LoweringContext &context, bool rms,
                                       Value input, Value scale, Value bias, int64_t axis,
                                       double epsilon, std::optional<int64_t> count, Value result,
                                       Value mean, Value inverse) {
  int64_t rank = context.rank(input);
  ArrayRef<Dim> dims = context.shape(input);
  axis = axis < 0 ? axis + rank : axis;
  if (axis < 0 || axis >= rank || LoweringContext::kindOf(input) != ScalarKind::Float)
    return context.unsupported(
        op, "its axis is out of range, or its operand is not of floating point numbers");
  ArrayRef<Dim> normalized = dims.drop_front(axis);
  Dim width = context.constantDim(1);
  for (Dim dim : normalized)
    width = width * dim;
  width = context.symbols.simplify(width);
  bool usesMoments = (mean && !mean.use_empty()) || (inverse && !inverse.use_empty());
  Value tensor = context.get(input);
  FailureOr<Value> scaleRow = asRow(context, scale, normalized, width),
                   biasRow = asRow(context, bias, normalized, width);
  if (!usesMoments && hasKernels(tensor) && succeeded(scaleRow) && succeeded(biasRow)) {
    SmallVector<Dim> rows(dims.take_front(axis));
    rows.push_back(width);
    Value normal = normalize(context, rms, epsilon, context.reshape(tensor, dims, rows), rows,
                             *scaleRow, *biasRow, count);
    context.set(result, context.reshape(normal, rows, dims));
    return success();
  }
  SmallVector<int64_t> axes = range(axis, rank);
  std::optional<Dim> counted;
  if (count)
    counted = context.constantDim(*count);
  Moments moments = computeMoments(context, tensor, dims, axes, epsilon, !rms, counted);
  context.set(result, applyMoments(context, tensor, dims, moments, trailing(context, scale, dims),
                                   trailing(context, bias, dims)));
  SmallVector<Dim> kept(dims.take_front(axis));
  if (mean && !mean.use_empty())
    context.set(mean, context.reshape(moments.mean, kept, context.shape(mean)));
  if (inverse && !inverse.use_empty())
    context.set(inverse, context.reshape(moments.inverse, kept, context.shape(inverse)));
  return success();
}

static LogicalResult lowerLayerNorm(nn::LayerNormalizationOp op, LoweringContext &context) {
  return normalizeTrailing(op, context, false, op.getX(), op.getScale(), op.getB(), op.getAxis(),
                           op.getEpsilon().convertToDouble(), op.getCount(), op.getY(),
                           op.getMean(), op.getInvStdDev());
}
static LogicalResult lowerRmsNorm(nn::RmsNormalizationOp op, LoweringContext &context) {
  return normalizeTrailing(op, context, true, op.getX(), op.getScale(), {}, op.getAxis(),
                           op.getEpsilon().convertToDouble(), op.getCount(), op.getY(), {}, {});
}

static LogicalResult lowerMeanVariance(nn::MeanVarianceNormalizationOp op,
                                       LoweringContext &context) {
  Value input = op.getX();
  SmallVector<Dim> dims(context.shape(input));
  SmallVector<int64_t> axes(op.getAxes());
  for (int64_t &axis : axes) {
    axis = axis < 0 ? axis + int64_t(dims.size()) : axis;
    if (axis < 0 || axis >= int64_t(dims.size()))
      return context.unsupported(op, "an axis is out of range");
  }
  Value tensor = context.get(input);
  // ONNX adds 1e-9 to the deviation; to the variance it is below rounding.
  Moments moments = computeMoments(context, tensor, dims, axes, 1e-18);
  context.set(op.getY(), applyMoments(context, tensor, dims, moments, {}, {}));
  return success();
}

//===----------------------------------------------------------------------===//
// LRN and LpNormalization
//===----------------------------------------------------------------------===//

/// x / (bias + alpha / size * sum of squares of near channels) ^ beta.
static LogicalResult lowerLrn(nn::LrnOp op, LoweringContext &context) {
  Value input = op.getX(), result = op.getY();
  int64_t rank = context.rank(input), size = op.getSize();
  if (rank < 2 || size < 1 || LoweringContext::kindOf(input) != ScalarKind::Float)
    return context.unsupported(op, "its operand has no channels of floating point numbers");
  ImplicitLocOpBuilder &b = context.b;
  Layout layout = rank >= 3 ? Layout::ChannelsLast : Layout::RowMajor;
  Type type = LoweringContext::storedType(input);
  SmallVector<Dim> dims = storedOrder(context.shape(input), layout), padded = dims;
  int64_t channel = storedAxis(1, rank, layout), before = (size - 1) / 2, after = size - 1 - before;
  padded[channel] = context.symbols.simplify(padded[channel] + size - 1);
  Value zero = Scalars(b, type, ScalarKind::Float).number(0);
  SmallVector<OpFoldResult> offsets(rank, b.getIndexAttr(0)), ones(rank, b.getIndexAttr(1));
  offsets[channel] = b.getIndexAttr(before);
  (void)after;
  Value tensor = context.get(input, layout);
  Value wide = tensor::InsertSliceOp::create(b, tensor, context.filled(padded, zero), offsets,
                                             context.sizes(dims), ones);
  // The window is a loop of its own: an operand gives it its size.
  Value window = context.empty(context.constantDim(size), type);
  SmallVector<AffineExpr> near, kept;
  for (int64_t axis = 0; axis < rank; ++axis) {
    kept.push_back(b.getAffineDimExpr(axis));
    near.push_back(axis == channel ? b.getAffineDimExpr(axis) + b.getAffineDimExpr(rank)
                                   : b.getAffineDimExpr(axis));
  }
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  iterators.push_back(utils::IteratorType::reduction);
  Value init = context.filled(dims, zero);
  Value sums = linalg::GenericOp::create(
                   b, TypeRange{init.getType()}, ValueRange{wide, window}, ValueRange{init},
                   ArrayRef{AffineMap::get(rank + 1, 0, near, b.getContext()),
                            AffineMap::get(rank + 1, 0, b.getAffineDimExpr(rank), b.getContext()),
                            AffineMap::get(rank + 1, 0, kept, b.getContext())},
                   iterators,
                   [&](OpBuilder &nested, Location location, ValueRange x) {
                     ImplicitLocOpBuilder builder(location, nested);
                     Scalars f(builder, type, ScalarKind::Float);
                     linalg::YieldOp::create(builder, f.add(x[2], f.mul(x[0], x[0])));
                   })
                   .getResult(0);
  double alpha = op.getAlpha().convertToDouble() / double(size),
         beta = op.getBeta().convertToDouble(), bias = op.getBias().convertToDouble();
  SmallVector<int64_t> all = range(0, rank);
  Value normal = context.pointwise(
      dims, type, Layout::RowMajor, {PlacedTensor{tensor, all}, PlacedTensor{sums, all}},
      [&](ImplicitLocOpBuilder &builder, ValueRange x) {
        Scalars f(builder, type, ScalarKind::Float);
        Value base = f.add(f.number(bias), f.mul(f.number(alpha), x[1]));
        // The usual exponent needs no power function.
        Value root = f.sqrt(base);
        Value power = beta == 0.75 ? f.mul(root, f.sqrt(root)) : f.pow(base, f.number(beta));
        return f.div(x[0], power);
      });
  context.set(result, normal, layout);
  return success();
}

static LogicalResult lowerLpNorm(nn::LpNormalizationOp op, LoweringContext &context) {
  Value input = op.getInput(), result = op.getOutput();
  int64_t rank = context.rank(input), axis = frontAxis(op.getAxis(), rank);
  if (axis < 0 || axis >= rank || LoweringContext::kindOf(input) != ScalarKind::Float)
    return context.unsupported(
        op, "its axis is out of range, or its operand is not of floating point numbers");
  Type type = LoweringContext::storedType(input);
  SmallVector<Dim> dims(context.shape(input));
  Layout layout = context.layoutOf(input);
  Value tensor = context.get(input, layout);
  bool isSum = op.getP() == 1;
  Value zero = Scalars(context.b, type, ScalarKind::Float).number(0);
  Value norms = reduceTensor(context, tensor, dims, layout, axis, zero,
                             [&](ImplicitLocOpBuilder &b, Value x, Value sum) {
                               Scalars f(b, x);
                               return f.add(sum, isSum ? f.abs(x) : f.mul(x, x));
                             });
  SmallVector<int64_t> keptAxes = range(0, rank);
  keptAxes.erase(keptAxes.begin() + axis);
  context.set(result,
              context.pointwise(dims, type, layout,
                                {context.whole(input, layout), PlacedTensor{norms, keptAxes}},
                                [&](ImplicitLocOpBuilder &b, ValueRange x) {
                                  Scalars f(b, x[0]);
                                  Value norm = isSum ? Value(x[1]) : f.sqrt(x[1]);
                                  // A row of zeros stays one.
                                  Value isZero = f.equal(norm, f.number(0));
                                  return f.select(isZero, f.number(0), f.div(x[0], norm));
                                }),
              layout);
  return success();
}

void secateur::lowering::attachNormalizationModels(MLIRContext *context) {
  attachLowering<nn::SoftmaxOp, lowerSoftmax<nn::SoftmaxOp, false>>(context);
  attachLowering<nn::LogSoftmaxOp, lowerSoftmax<nn::LogSoftmaxOp, true>>(context);
  attachLowering<nn::HardmaxOp, lowerHardmax>(context);
  attachLowering<nn::BatchNormalizationOp, lowerBatchNorm>(context);
  attachLowering<nn::InstanceNormalizationOp, lowerInstanceNorm>(context);
  attachLowering<nn::GroupNormalizationOp, lowerGroupNorm>(context);
  attachLowering<nn::LayerNormalizationOp, lowerLayerNorm>(context);
  attachLowering<nn::RmsNormalizationOp, lowerRmsNorm>(context);
  attachLowering<nn::MeanVarianceNormalizationOp, lowerMeanVariance>(context);
  attachLowering<nn::LrnOp, lowerLrn>(context);
  attachLowering<nn::LpNormalizationOp, lowerLpNorm>(context);
}
