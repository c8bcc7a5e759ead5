//===- Sampling.cpp - Lowering of GridSample and of regions of interest -------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Places in an image that are computed from data. Rounding, padding and borders are
// those of ONNX Runtime.

#include "Loops.h"
#include "Models.h"
#include "Scalars.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

static Value asFloat(ImplicitLocOpBuilder &b, Value index) {
  Value integer = arith::IndexCastOp::create(b, b.getI64Type(), index);
  return arith::SIToFPOp::create(b, b.getF32Type(), integer);
}

/// A whole number as an index; what is out of range of i64 is moved into it.
static Value asIndex(ImplicitLocOpBuilder &b, Value number) {
  Value integer = convertScalar(b, number, ScalarKind::Float, b.getI64Type(), ScalarKind::Signed);
  return arith::IndexCastOp::create(b, b.getIndexType(), integer);
}

static Scalars floats(ImplicitLocOpBuilder &b) {
  return Scalars(b, b.getF32Type(), ScalarKind::Float);
}

//===----------------------------------------------------------------------===//
// GridSample
//===----------------------------------------------------------------------===//

namespace {
/// An element along one axis that a result reads.
struct Tap {
  Value place;  // inside of the axis
  Value weight; // f32; null: 1
  Value inside; // i1; null: always
};

/// One axis of the image.
struct SampledAxis {
  Value extent;    // f32
  Value low, high; // f32, where reflection turns
};
} // namespace

/// Turns back and forth between `low` and `high`.
static Value reflect(ImplicitLocOpBuilder &b, Value x, const SampledAxis &axis) {
  Scalars f = floats(b);
  Value range = f.sub(axis.high, axis.low);
  auto turned = [&](Value distance, Value near, Value far, bool up) {
    // A single position has no range to turn in.
    Value isPoint = f.lessOrEqual(range, f.number(0));
    Value safe = f.select(isPoint, f.number(1), range);
    Value turns = math::TruncOp::create(b, f.div(distance, safe));
    Value rest = f.sub(distance, f.mul(turns, safe));
    Value half = f.mul(turns, f.number(0.5));
    Value even = f.equal(math::FloorOp::create(b, half), half);
    Value forth = up ? f.add(near, rest) : f.sub(near, rest);
    Value back = up ? f.sub(far, rest) : f.add(far, rest);
    return f.select(isPoint, near, f.select(even, forth, back));
  };
  Value below = turned(f.sub(axis.low, x), axis.low, axis.high, true);
  Value above = turned(f.sub(x, axis.high), axis.high, axis.low, false);
  return f.select(f.less(x, axis.low), below, f.select(f.less(axis.high, x), above, x));
}

/// The element at whole number `x`, as the padding has it.
static Tap tapAt(ImplicitLocOpBuilder &b, Value x, Value weight, const SampledAxis &axis,
                 StringRef padding) {
  Scalars f = floats(b);
  Value zero = f.number(0), last = f.sub(axis.extent, f.number(1));
  Tap tap{{}, weight, {}};
  if (padding == "reflection")
    x = math::TruncOp::create(b, reflect(b, x, axis));
  else if (padding == "zeros")
    tap.inside = arith::AndIOp::create(b, f.lessOrEqual(zero, x), f.lessOrEqual(x, last));
  // NaN becomes the first element.
  Value clamped = f.select(f.less(zero, x), x, zero);
  tap.place = asIndex(b, f.select(f.less(clamped, last), clamped, last));
  return tap;
}

static SmallVector<Tap> tapsOf(ImplicitLocOpBuilder &b, Value x, const SampledAxis &axis,
                               StringRef mode, StringRef padding) {
  Scalars f = floats(b);
  if (mode == "nearest")
    x = math::RoundEvenOp::create(b, x);
  Value outside = arith::OrIOp::create(b, f.less(x, axis.low), f.less(axis.high, x));
  if (padding == "border" && mode != "cubic") { // There each tap is moved.
    Value last = f.sub(axis.extent, f.number(1));
    x = f.select(outside, f.min(f.max(x, f.number(0)), last), x);
  } else if (padding == "reflection") {
    x = f.select(outside, reflect(b, x, axis), x);
  }
  if (mode == "nearest")
    return {tapAt(b, math::RoundEvenOp::create(b, x), {}, axis, padding)};
  Value first = math::FloorOp::create(b, x), fraction = f.sub(x, first);
  SmallVector<Tap> taps;
  if (mode == "linear") {
    taps.push_back(tapAt(b, first, f.sub(f.number(1), fraction), axis, padding));
    taps.push_back(tapAt(b, f.add(first, f.number(1)), fraction, axis, padding));
    return taps;
  }
  for (auto [index, weight] : llvm::enumerate(cubicWeights(b, fraction, -0.75)))
    taps.push_back(tapAt(b, f.add(first, f.number(double(index) - 1)), weight, axis, padding));
  return taps;
}

/// The weighted sum of the elements at all combinations of taps from `axis` on.
static Value sumTaps(ImplicitLocOpBuilder &b, ArrayRef<SmallVector<Tap>> taps, size_t axis,
                     SmallVectorImpl<Value> &at, Value inside,
                     function_ref<Value(ArrayRef<Value>)> read) {
  Scalars f = floats(b);
  if (axis == taps.size()) {
    Value element = read(at);
    return inside ? f.select(inside, element, f.number(0)) : element;
  }
  Value sum;
  for (const Tap &tap : taps[axis]) {
    Value both = !inside       ? tap.inside
                 : !tap.inside ? inside
                               : Value(arith::AndIOp::create(b, inside, tap.inside));
    at.push_back(tap.place);
    Value part = sumTaps(b, taps, axis + 1, at, both, read);
    at.pop_back();
    if (tap.weight)
      part = f.mul(part, tap.weight);
    sum = sum ? f.add(sum, part) : part;
  }
  return sum;
}

static LogicalResult lowerGridSample(nn::GridSampleOp op, LoweringContext &context) {
  Value input = op.getX(), grid = op.getGrid();
  int64_t rank = context.rank(input), spatial = rank - 2;
  StringRef mode = op.getMode(), padding = op.getPaddingMode();
  if (spatial < 1 || context.rank(grid) != rank)
    return context.unsupported(op, "its operands do not have the same number of axes, 3 or more");
  if (mode == "cubic" && spatial != 2)
    return context.unsupported(op, "cubic interpolation of other than two axes is not supported");
  Type type = LoweringContext::storageType(LoweringContext::elementType(input));
  if (!type.isF32())
    return context.unsupported(op, "it is supported on f32 only");
  ImplicitLocOpBuilder &b = context.b;
  bool aligned = op.getAlignCorners() != 0;
  Layout layout = context.layoutOf(input), gridLayout = context.layoutOf(grid);
  Value image = context.get(input, layout), places = context.get(grid, gridLayout);
  SmallVector<SampledAxis> axes;
  Scalars outer = floats(b);
  for (int64_t i = 0; i < spatial; ++i) {
    Value extent = asFloat(b, context.index(context.dim(input, 2 + i)));
    axes.push_back({extent, outer.number(aligned ? 0 : -0.5),
                    outer.sub(extent, outer.number(aligned ? 1 : 0.5))});
  }
  SmallVector<Value> coordinateIndices;
  for (int64_t i = 0; i < spatial; ++i)
    coordinateIndices.push_back(context.index(spatial - 1 - i));
  Value result = context.generate(
      context.shape(op.getY()), type, Layout::RowMajor,
      [&](ImplicitLocOpBuilder &builder, ValueRange at) {
        Scalars f = floats(builder);
        SmallVector<SmallVector<Tap>> taps;
        for (int64_t i = 0; i < spatial; ++i) {
          // The last axis of the image comes first.
          SmallVector<Value> where = {at[0]};
          llvm::append_range(where, at.drop_front(2));
          where.push_back(coordinateIndices[i]);
          Value x = LoweringContext::read(builder, places, gridLayout, where);
          x = convertScalar(builder, x, ScalarKind::Float, builder.getF32Type(), ScalarKind::Float);
          x = f.add(x, f.number(1));
          x = aligned ? f.mul(f.div(x, f.number(2)), f.sub(axes[i].extent, f.number(1)))
                      : f.div(f.sub(f.mul(x, axes[i].extent), f.number(1)), f.number(2));
          taps.push_back(tapsOf(builder, x, axes[i], mode, padding));
        }
        SmallVector<Value> read = {at[0], at[1]};
        return sumTaps(builder, taps, 0, read, {}, [&](ArrayRef<Value> where) {
          return LoweringContext::read(builder, image, layout, where);
        });
      });
  context.set(op.getY(), result);
  return success();
}

//===----------------------------------------------------------------------===//
// Regions of interest
//===----------------------------------------------------------------------===//

/// Loops `count` times, carrying a number.
static Value loopNumber(ImplicitLocOpBuilder &b, Value count, Value start,
                        function_ref<Value(Value, Value)> body) {
  Value zero = arith::ConstantIndexOp::create(b, 0), one = arith::ConstantIndexOp::create(b, 1);
  auto loop = scf::ForOp::create(b, zero, count, one, ValueRange{start});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  scf::YieldOp::create(b, body(loop.getInductionVar(), loop.getRegionIterArg(0)));
  return loop.getResult(0);
}

static LogicalResult requireImage(Operation *op, Value input, LoweringContext &context) {
  if (context.rank(input) != 4 || !LoweringContext::storedType(input).isF32())
    return context.unsupported(op, "it is supported on images of f32 only");
  return success();
}

/// Height and width of an image, as f32.
static SmallVector<Value> spatialExtents(Value image, LoweringContext &context) {
  return {asFloat(context.b, context.index(context.dim(image, 2))),
          asFloat(context.b, context.index(context.dim(image, 3)))};
}

/// A region along one axis of the image.
namespace {
struct RegionAxis {
  Value start, bin, samples; // f32, f32, index
  Value extent;              // f32
};
} // namespace

/// The two elements around `x` with their weights; both weigh nothing outside.
static SmallVector<Tap> linearTaps(ImplicitLocOpBuilder &b, Value x, Value extent) {
  Scalars f = floats(b);
  Value outside = arith::OrIOp::create(b, f.less(x, f.number(-1)), f.less(extent, x));
  Value last = f.sub(extent, f.number(1));
  x = f.max(x, f.number(0));
  Value low = f.min(math::FloorOp::create(b, x), last);
  Value high = f.min(f.add(low, f.number(1)), last);
  Value fraction = f.select(f.lessOrEqual(last, x), f.number(0), f.sub(x, low));
  Value none = f.number(0);
  return {{asIndex(b, low), f.select(outside, none, f.sub(f.number(1), fraction)), {}},
          {asIndex(b, high), f.select(outside, none, fraction), {}}};
}

static LogicalResult lowerRoiAlign(nn::RoiAlignOp op, LoweringContext &context) {
  Value input = op.getX();
  if (failed(requireImage(op, input, context)))
    return failure();
  Type type = LoweringContext::storedType(input);
  ImplicitLocOpBuilder &b = context.b;
  Layout layout = context.layoutOf(input);
  Value image = context.get(input, layout), regions = context.get(op.getRois()),
        batches = context.get(op.getBatchIndices());
  bool halfPixel = op.getCoordinateTransformationMode() == "half_pixel",
       takesMax = op.getMode() == "max";
  double scale = op.getSpatialScale().convertToDouble();
  int64_t ratio = op.getSamplingRatio();
  SmallVector<Value> imageExtents = spatialExtents(input, context);
  SmallVector<Dim> dims(context.shape(op.getY()));
  SmallVector<Value> extents =
      llvm::map_to_vector(dims, [&](Dim dim) { return context.index(dim); });
  SmallVector<double> pooled = {double(op.getOutputHeight()), double(op.getOutputWidth())};
  Value result = loopNest(
      b, extents, context.empty(dims, type),
      [&](ImplicitLocOpBuilder &, ValueRange at, Value current) -> Value {
        Scalars f = floats(b);
        SmallVector<RegionAxis> axes;
        for (int64_t i : {0, 1}) {
          auto corner = [&](int64_t column) {
            Value place = arith::ConstantIndexOp::create(b, column);
            Value x = tensor::ExtractOp::create(b, regions, ValueRange{at[0], place});
            x = f.mul(x, f.number(scale));
            return halfPixel ? f.sub(x, f.number(0.5)) : x;
          };
          // Corners are x before y.
          Value start = corner(1 - i), size = f.sub(corner(3 - i), start);
          if (!halfPixel)
            size = f.max(size, f.number(1));
          Value bin = f.div(size, f.number(pooled[i]));
          Value samples = ratio > 0 ? Value(arith::ConstantIndexOp::create(b, ratio))
                                    : asIndex(b, math::CeilOp::create(b, bin));
          axes.push_back({start, bin, samples, imageExtents[i]});
        }
        Value batch = arith::IndexCastOp::create(
            b, b.getIndexType(), tensor::ExtractOp::create(b, batches, ValueRange{at[0]}));
        auto sampleAt = [&](const RegionAxis &axis, Value cell, Value sample) {
          Value start = f.add(axis.start, f.mul(asFloat(b, cell), axis.bin));
          Value inside = f.div(f.mul(f.add(asFloat(b, sample), f.number(0.5)), axis.bin),
                               asFloat(b, axis.samples));
          return linearTaps(b, f.add(start, inside), axis.extent);
        };
        Value begin = takesMax ? f.lowest() : f.number(0);
        Value total = loopNumber(b, axes[0].samples, begin, [&](Value row, Value rowTotal) {
          return loopNumber(b, axes[1].samples, rowTotal, [&](Value column, Value sum) {
            SmallVector<Tap> ys = sampleAt(axes[0], at[2], row),
                             xs = sampleAt(axes[1], at[3], column);
            Value value;
            for (const Tap &y : ys)
              for (const Tap &x : xs) {
                Value part = f.mul(
                    f.mul(y.weight, x.weight),
                    LoweringContext::read(b, image, layout, {batch, at[1], y.place, x.place}));
                value = !value ? part : takesMax ? f.max(value, part) : f.add(value, part);
              }
            return takesMax ? f.max(sum, value) : f.add(sum, value);
          });
        });
        Value count = f.mul(asFloat(b, axes[0].samples), asFloat(b, axes[1].samples));
        Value none = f.lessOrEqual(count, f.number(0));
        Value value =
            takesMax ? f.select(none, f.number(0), total) : f.div(total, f.max(count, f.number(1)));
        return tensor::InsertOp::create(b, value, current, at);
      });
  context.set(op.getY(), result);
  return success();
}

/// The largest element of each cell; regions are [batch, x1, y1, x2, y2].
static LogicalResult lowerMaxRoiPool(nn::MaxRoiPoolOp op, LoweringContext &context) {
  Value input = op.getX();
  if (failed(requireImage(op, input, context)))
    return failure();
  Type type = LoweringContext::storedType(input);
  ImplicitLocOpBuilder &b = context.b;
  Layout layout = context.layoutOf(input);
  Value image = context.get(input, layout), regions = context.get(op.getRois());
  double scale = op.getSpatialScale().convertToDouble();
  ArrayRef<int64_t> pooled = op.getPooledShape();
  SmallVector<Value> imageExtents = spatialExtents(input, context);
  SmallVector<Dim> dims(context.shape(op.getY()));
  SmallVector<Value> extents =
      llvm::map_to_vector(dims, [&](Dim dim) { return context.index(dim); });
  Value result = loopNest(
      b, extents, context.empty(dims, type),
      [&](ImplicitLocOpBuilder &, ValueRange at, Value current) -> Value {
        Scalars f = floats(b);
        auto read = [&](int64_t column) {
          Value place = arith::ConstantIndexOp::create(b, column);
          return Value(tensor::ExtractOp::create(b, regions, ValueRange{at[0], place}));
        };
        SmallVector<Value> begins, counts;
        for (int64_t i : {0, 1}) {
          // std::round: halves away from zero.
          auto corner = [&](int64_t column) {
            return Value(math::RoundOp::create(b, f.mul(read(column), f.number(scale))));
          };
          Value start = corner(2 - i), end = corner(4 - i);
          Value size = f.max(f.add(f.sub(end, start), f.number(1)), f.number(1));
          Value bin = f.div(size, f.number(double(pooled[i]))), cell = asFloat(b, at[2 + i]);
          auto inside = [&](Value x) {
            return f.min(f.max(f.add(x, start), f.number(0)), imageExtents[i]);
          };
          Value first = inside(math::FloorOp::create(b, f.mul(cell, bin))),
                last = inside(math::CeilOp::create(b, f.mul(f.add(cell, f.number(1)), bin)));
          begins.push_back(asIndex(b, first));
          counts.push_back(asIndex(b, f.max(f.sub(last, first), f.number(0))));
        }
        Value batch = asIndex(b, read(0));
        Value largest = loopNumber(b, counts[0], f.lowest(), [&](Value row, Value rows) {
          return loopNumber(b, counts[1], rows, [&](Value column, Value most) {
            Value y = arith::AddIOp::create(b, begins[0], row),
                  x = arith::AddIOp::create(b, begins[1], column);
            return f.max(most, LoweringContext::read(b, image, layout, {batch, at[1], y, x}));
          });
        });
        Value none = f.equal(largest, f.lowest());
        return tensor::InsertOp::create(b, f.select(none, f.number(0), largest), current, at);
      });
  context.set(op.getY(), result);
  return success();
}

void secateur::lowering::attachSamplingModels(MLIRContext *context) {
  attachLowering<nn::GridSampleOp, lowerGridSample>(context);
  attachLowering<nn::RoiAlignOp, lowerRoiAlign>(context);
  attachLowering<nn::MaxRoiPoolOp, lowerMaxRoiPool>(context);
}
