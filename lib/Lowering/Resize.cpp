//===- Resize.cpp - Lowering of Resize ----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Along each resized axis a result is a weighted sum of a few elements, its
// taps: one for nearest, two for linear, four for cubic. Which elements and
// which weights depends on the position along that axis alone, so both are
// computed once per axis into small tables. Nearest by a whole factor needs no
// table: it repeats elements.

#include "Models.h"
#include "Scalars.h"

#include "secateur/Analysis/SymbolicShapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

namespace {
/// One axis that is resized.
struct ResizedAxis {
  int64_t axis;
  std::optional<double> scale; // where it is constant
  Value scaleValue;            // f32
  Value roiStart, roiEnd;      // f32, for tf_crop_and_resize
  SmallVector<Value> places;   // per tap: i64 per position
  SmallVector<Value> weights;  // per tap: f32 per position; none for nearest
  Value outside;               // i8 per position, for tf_crop_and_resize
};
} // namespace

static Value toFloat(ImplicitLocOpBuilder &b, Value index) {
  Value integer = arith::IndexCastOp::create(b, b.getI64Type(), index);
  return arith::SIToFPOp::create(b, b.getF32Type(), integer);
}

/// The coordinate in the operand of position `x` in the result, as f32.
static Value coordinate(ImplicitLocOpBuilder &b, StringRef mode, const ResizedAxis &axis, Value x,
                        Value inExtent, Value outExtent) {
  Scalars f(b, b.getF32Type(), ScalarKind::Float);
  Value one = f.number(1), half = f.number(0.5), scale = axis.scaleValue;
  Value halfPixel = f.sub(f.div(f.add(x, half), scale), half);
  if (mode == "asymmetric")
    return f.div(x, scale);
  if (mode == "pytorch_half_pixel")
    return f.select(f.less(one, outExtent), halfPixel, f.number(0));
  if (mode == "align_corners") {
    Value single = f.lessOrEqual(outExtent, one);
    Value denominator = f.select(single, one, f.sub(outExtent, one));
    return f.select(single, f.number(0), f.div(f.mul(x, f.sub(inExtent, one)), denominator));
  }
  if (mode == "half_pixel_symmetric") {
    Value adjustment = f.div(outExtent, f.mul(scale, inExtent));
    Value center = f.div(inExtent, f.number(2));
    Value offset = f.mul(center, f.sub(one, adjustment));
    return f.add(offset, halfPixel);
  }
  if (mode == "tf_crop_and_resize") {
    Value last = f.sub(inExtent, one);
    Value single = f.lessOrEqual(outExtent, one);
    Value denominator = f.select(single, one, f.sub(outExtent, one));
    Value spread = f.div(f.mul(f.mul(x, f.sub(axis.roiEnd, axis.roiStart)), last), denominator);
    Value many = f.add(f.mul(axis.roiStart, last), spread);
    Value middle = f.mul(f.mul(half, f.add(axis.roiStart, axis.roiEnd)), last);
    return f.select(single, middle, many);
  }
  return halfPixel;
}

static Value nearest(ImplicitLocOpBuilder &b, StringRef mode, Value x) {
  Scalars f(b, b.getF32Type(), ScalarKind::Float);
  if (mode == "floor")
    return math::FloorOp::create(b, x);
  if (mode == "ceil")
    return math::CeilOp::create(b, x);
  if (mode == "round_prefer_ceil")
    return math::FloorOp::create(b, f.add(x, f.number(0.5)));
  return math::CeilOp::create(b, f.sub(x, f.number(0.5)));
}

/// Fills the tables of one axis.
static void makeTables(nn::ResizeOp op, LoweringContext &context, ResizedAxis &axis) {
  ImplicitLocOpBuilder &b = context.b;
  Dim in = context.dim(op.getX(), axis.axis), out = context.dim(op.getY(), axis.axis);
  Value inIndex = context.index(in);
  Value inExtent = toFloat(b, inIndex), outExtent = toFloat(b, context.index(out));
  StringRef mode = op.getMode(), coordinates = op.getCoordinateTransformationMode();
  double a = op.getCubicCoeffA().convertToDouble();
  bool excludes = op.getExcludeOutside() != 0 && mode == "cubic";
  int64_t taps = mode == "nearest" ? 1 : mode == "linear" ? 2 : 4;
  Type f32 = b.getF32Type(), i64 = b.getI64Type();
  Value last = arith::SubIOp::create(b, arith::IndexCastOp::create(b, i64, inIndex),
                                     arith::ConstantOp::create(b, b.getI64IntegerAttr(1)));
  auto at = [&](ImplicitLocOpBuilder &builder, Value position) {
    return coordinate(builder, coordinates, axis, toFloat(builder, position), inExtent, outExtent);
  };
  // The place of a tap before it is moved inside.
  auto place = [&](ImplicitLocOpBuilder &builder, Value x, int64_t tap) -> Value {
    Value base = taps == 1 ? nearest(builder, op.getNearestMode(), x)
                           : Value(math::FloorOp::create(builder, x));
    Value integer = arith::FPToSIOp::create(builder, i64, base);
    int64_t offset = taps == 4 ? tap - 1 : tap;
    Value step = arith::ConstantOp::create(builder, builder.getI64IntegerAttr(offset));
    return arith::AddIOp::create(builder, integer, step);
  };
  for (int64_t tap = 0; tap < taps; ++tap) {
    axis.places.push_back(context.generate(
        out, i64, Layout::RowMajor, [&](ImplicitLocOpBuilder &builder, ValueRange position) {
          Value zero = arith::ConstantOp::create(builder, builder.getI64IntegerAttr(0));
          Value where = place(builder, at(builder, position[0]), tap);
          return arith::MinSIOp::create(builder, arith::MaxSIOp::create(builder, where, zero),
                                        last);
        }));
    if (taps == 1)
      continue;
    axis.weights.push_back(context.generate(
        out, f32, Layout::RowMajor,
        [&](ImplicitLocOpBuilder &builder, ValueRange position) -> Value {
          Scalars f(builder, f32, ScalarKind::Float);
          Value x = at(builder, position[0]);
          Value fraction = f.sub(x, math::FloorOp::create(builder, x));
          if (taps == 2)
            return tap == 0 ? f.sub(f.number(1), fraction) : fraction;
          SmallVector<Value> weights = cubicWeights(builder, fraction, a);
          if (!excludes)
            return weights[tap];
          Value sum = f.number(0);
          for (int64_t other = 0; other < taps; ++other) {
            Value where = place(builder, x, other);
            Value zero = arith::ConstantOp::create(builder, builder.getI64IntegerAttr(0));
            Value inside = arith::AndIOp::create(
                builder, arith::CmpIOp::create(builder, arith::CmpIPredicate::sge, where, zero),
                arith::CmpIOp::create(builder, arith::CmpIPredicate::sle, where, last));
            weights[other] = f.select(inside, weights[other], f.number(0));
            sum = f.add(sum, weights[other]);
          }
          return f.div(weights[tap], sum);
        }));
  }
  if (coordinates == "tf_crop_and_resize")
    axis.outside =
        context.generate(out, b.getI8Type(), Layout::RowMajor,
                         [&](ImplicitLocOpBuilder &builder, ValueRange position) {
                           Scalars f(builder, f32, ScalarKind::Float);
                           Value x = at(builder, position[0]);
                           Value isOutside =
                               arith::OrIOp::create(builder, f.less(x, f.number(0)),
                                                    f.less(f.sub(inExtent, f.number(1)), x));
                           return LoweringContext::fromScalar(builder, isOutside, ScalarKind::Bool);
                         });
}

/// Nearest by whole factors: every element `factor` times along each axis.
static bool repeatElements(nn::ResizeOp op, LoweringContext &context, ArrayRef<ResizedAxis> axes,
                           Layout layout) {
  StringRef mode = op.getCoordinateTransformationMode(), nearestMode = op.getNearestMode();
  // These and only these take floor(x / factor).
  bool floors = (mode == "asymmetric" && nearestMode == "floor") ||
                ((mode == "half_pixel" || mode == "pytorch_half_pixel") &&
                 nearestMode == "round_prefer_floor");
  if (op.getMode() != "nearest" || !floors)
    return false;
  Value input = op.getX(), result = op.getY();
  int64_t rank = context.rank(input);
  SmallVector<int64_t> factors(rank, 1);
  for (const ResizedAxis &axis : axes) {
    if (!axis.scale || *axis.scale < 1 || *axis.scale != std::floor(*axis.scale) ||
        *axis.scale > 1024)
      return false;
    factors[axis.axis] = int64_t(*axis.scale);
    Dim wanted = context.symbols.simplify(context.dim(input, axis.axis) * factors[axis.axis]);
    if (!context.same(wanted, context.dim(result, axis.axis)))
      return false;
  }
  SmallVector<Dim> dims = storedOrder(context.shape(input), layout), split;
  SmallVector<int64_t> storedFactors = storedOrder<int64_t>(factors, layout);
  PlacedTensor source{context.get(input, layout), {}};
  for (auto [dim, factor] : llvm::zip_equal(dims, storedFactors)) {
    source.axes.push_back(split.size());
    split.push_back(dim);
    if (factor != 1)
      split.push_back(context.constantDim(factor));
  }
  Type stored = LoweringContext::storageType(LoweringContext::elementType(result));
  Value repeated = context.pointwise(split, stored, Layout::RowMajor, source,
                                     [](ImplicitLocOpBuilder &, ValueRange x) { return x[0]; });
  context.set(result, context.reshape(repeated, split, storedOrder(context.shape(result), layout)),
              layout);
  return true;
}

/// The scales or sizes of the axes that change.
static FailureOr<SmallVector<ResizedAxis>> resizedAxes(nn::ResizeOp op, LoweringContext &context) {
  ImplicitLocOpBuilder &b = context.b;
  Value input = op.getX(), result = op.getY();
  int64_t rank = context.rank(input);
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (std::optional<ArrayRef<int64_t>> given = op.getAxes())
    axes.assign(given->begin(), given->end());
  auto isEmpty = [&](Value value) {
    return !value ||
           (context.rank(value) == 1 && LoweringContext::constantOf(context.dim(value, 0)) == 0);
  };
  bool byScale = !isEmpty(op.getScales());
  std::optional<SmallVector<double>> constants;
  if (byScale)
    constants = context.constantFloats(op.getScales());
  bool crops = op.getCoordinateTransformationMode() == "tf_crop_and_resize";
  if (crops && isEmpty(op.getRoi()))
    return context.unsupported(op, "it has no roi");
  SmallVector<ResizedAxis> resized;
  Type f32 = b.getF32Type();
  for (auto [i, axis] : llvm::enumerate(axes)) {
    axis = axis < 0 ? axis + rank : axis;
    if (axis < 0 || axis >= rank)
      return context.unsupported(op, "an axis is out of range");
    Dim in = context.dim(input, axis), out = context.dim(result, axis);
    if (!crops && context.same(in, out) &&
        (!byScale || (constants && i < constants->size() && (*constants)[i] == 1)))
      continue;
    ResizedAxis one;
    one.axis = axis;
    if (constants && i < constants->size()) {
      one.scale = (*constants)[i];
      one.scaleValue = arith::ConstantOp::create(b, b.getF32FloatAttr(float(*one.scale)));
    } else if (byScale) {
      one.scaleValue = tensor::ExtractOp::create(b, context.get(op.getScales()),
                                                 ValueRange{context.index(int64_t(i))});
    } else {
      std::optional<int64_t> inExtent = LoweringContext::constantOf(in),
                             outExtent = LoweringContext::constantOf(out);
      if (inExtent && outExtent && *inExtent > 0)
        one.scale = double(*outExtent) / double(*inExtent);
      one.scaleValue =
          arith::DivFOp::create(b, toFloat(b, context.index(out)), toFloat(b, context.index(in)));
    }
    if (crops) {
      Value roi = context.get(op.getRoi());
      auto element = [&](int64_t at) {
        Value value = tensor::ExtractOp::create(b, roi, ValueRange{context.index(at)});
        return convertScalar(b, value, ScalarKind::Float, f32, ScalarKind::Float);
      };
      one.roiStart = element(i);
      one.roiEnd = element(i + axes.size());
    }
    resized.push_back(one);
  }
  return resized;
}

static LogicalResult lowerResize(nn::ResizeOp op, LoweringContext &context) {
  Value input = op.getX(), result = op.getY();
  for (Dim dim : context.shape(result))
    if (!context.known(dim))
      return context.unsupported(op, "a size of its result depends on data");
  if (op.getAntialias())
    return context.unsupported(op, "antialias = 1 is not supported");
  if (op.getKeepAspectRatioPolicy() != "stretch")
    return context.unsupported(op, "keep_aspect_ratio_policy '" + op.getKeepAspectRatioPolicy() +
                                       "' is not supported");
  if (!llvm::is_contained({"nearest", "linear", "cubic"}, op.getMode()))
    return context.unsupported(op, "mode '" + op.getMode() + "' is not known");
  int64_t rank = context.rank(input);
  // Images are resized with the channels last, as convolutions have them.
  Layout layout = rank == 4 ? Layout::ChannelsLast : context.layoutOf(input);
  FailureOr<SmallVector<ResizedAxis>> axes = resizedAxes(op, context);
  if (failed(axes))
    return failure();
  for (ResizedAxis &axis : *axes)
    if (axis.axis == 1 && rank == 4 && context.layoutOf(input) == Layout::RowMajor)
      layout = Layout::RowMajor;
  if (axes->empty()) {
    context.alias(result, input);
    return success();
  }
  if (repeatElements(op, context, *axes, layout))
    return success();
  for (ResizedAxis &axis : *axes)
    makeTables(op, context, axis);
  Type stored = LoweringContext::storageType(LoweringContext::elementType(result));
  ScalarKind kind = LoweringContext::kindOf(result);
  if (kind != ScalarKind::Float && op.getMode() != "nearest")
    return context.unsupported(op, "only nearest is supported for integers");
  Value source = context.get(input, layout);
  // The tables run along their axes.
  SmallVector<PlacedTensor> operands;
  SmallVector<SmallVector<size_t>> placeAt, weightAt;
  SmallVector<size_t> outsideAt;
  for (ResizedAxis &axis : *axes) {
    auto add = [&](Value table) {
      operands.push_back({table, {axis.axis}});
      return operands.size() - 1;
    };
    placeAt.push_back(llvm::map_to_vector(axis.places, add));
    weightAt.push_back(llvm::map_to_vector(axis.weights, add));
    if (axis.outside)
      outsideAt.push_back(add(axis.outside));
  }
  double extrapolation = op.getExtrapolationValue().convertToDouble();
  Value resized = context.pointwise(
      context.shape(result), stored, layout, operands,
      [&](ImplicitLocOpBuilder &b, ValueRange tables) -> Value {
        Scalars s(b, stored, kind);
        SmallVector<Value> indices;
        for (int64_t axis = 0; axis < rank; ++axis)
          indices.push_back(linalg::IndexOp::create(b, storedAxis(axis, rank, layout)));
        // All combinations of taps, the last axis fastest.
        std::function<Value(size_t)> combine = [&](size_t level) -> Value {
          if (level == axes->size())
            return LoweringContext::read(b, source, layout, indices);
          Value sum;
          for (size_t tap = 0; tap < placeAt[level].size(); ++tap) {
            indices[(*axes)[level].axis] =
                arith::IndexCastOp::create(b, b.getIndexType(), tables[placeAt[level][tap]]);
            Value part = combine(level + 1);
            if (!weightAt[level].empty()) {
              Value weight =
                  convertScalar(b, tables[weightAt[level][tap]], ScalarKind::Float, stored, kind);
              part = s.mul(part, weight);
            }
            sum = sum ? s.add(sum, part) : part;
          }
          return sum;
        };
        Value value = combine(0);
        for (size_t at : outsideAt) {
          Value isOutside = LoweringContext::toScalar(b, tables[at], ScalarKind::Bool);
          value = s.select(isOutside, s.number(extrapolation), value);
        }
        return value;
      });
  context.set(result, resized, layout);
  return success();
}

void secateur::lowering::attachResizeModels(MLIRContext *context) {
  attachLowering<nn::ResizeOp, lowerResize>(context);
}
