//===- Pooling.cpp - Lowering of pools -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Models.h"
#include "Reduction.h"
#include "Scalars.h"
#include "Windows.h"

#include "secateur/Analysis/SymbolicShapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

namespace {
enum class PoolKind { Max, Average, Lp };
/// What a pool computes beside its window.
struct PoolRule {
  PoolKind kind;
  bool countsPads = false;
  int64_t p = 2;
};
} // namespace

/// How many taps of each window lie inside: the product over the axes, as a float
/// or integer of the result's type.
static Value countTaps(ValueRange at, const SpatialWindow &window, PoolRule rule,
                       ArrayRef<Value> limits, ImplicitLocOpBuilder &b, Type type,
                       ScalarKind kind) {
  Value product = arith::ConstantOp::create(b, b.getI64IntegerAttr(1));
  for (size_t axis = 0; axis < window.rank(); ++axis) {
    Value start = arith::MulIOp::create(b, at[axis + 2],
                                        arith::ConstantIndexOp::create(b, window.strides[axis]));
    int64_t before = window.before[axis];
    Value count = arith::ConstantOp::create(b, b.getI64IntegerAttr(0));
    for (int64_t tap = 0; tap < window.kernel[axis]; ++tap) {
      // As an unsigned number a position before the first is large.
      Value offset = arith::ConstantIndexOp::create(b, tap * window.dilations[axis] -
                                                           (rule.countsPads ? 0 : before));
      Value position = arith::AddIOp::create(b, start, offset);
      Value inside = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, position, limits[axis]);
      count = arith::AddIOp::create(b, count, arith::ExtUIOp::create(b, b.getI64Type(), inside));
    }
    product = arith::MulIOp::create(b, product, count);
  }
  Value one = arith::ConstantOp::create(b, b.getI64IntegerAttr(1));
  return convertScalar(b, arith::MaxSIOp::create(b, product, one), ScalarKind::Signed, type, kind);
}

/// Pools of any rank and type as loops over a padded operand.
static LogicalResult poolGeneric(Operation *op, LoweringContext &context, Value input, Value result,
                                 Value places, const SpatialWindow &window, PoolRule rule,
                                 bool columnMajor) {
  ImplicitLocOpBuilder &b = context.b;
  int64_t spatial = window.rank();
  ScalarKind kind = LoweringContext::kindOf(input);
  Type stored = LoweringContext::storageType(LoweringContext::elementType(input)),
       i64 = b.getI64Type();
  ArrayRef<Dim> x = context.shape(input), y = context.shape(result);
  Scalars s(b, stored, kind);
  bool isMax = rule.kind == PoolKind::Max;
  Value fill = isMax ? s.lowest() : s.number(0);
  SmallVector<Dim> padded(x);
  SmallVector<OpFoldResult> offsets(spatial + 2, b.getIndexAttr(0)),
      ones(spatial + 2, b.getIndexAttr(1));
  for (int64_t axis = 0; axis < spatial; ++axis) {
    if (window.before[axis] < 0 || window.after[axis] < 0)
      return context.unsupported(op, "a pad is negative");
    // The last window may reach further than the pads.
    Dim reach =
        context.symbols.simplify((y[axis + 2] - 1) * window.strides[axis] + window.extent(axis));
    padded[axis + 2] = context.symbols.maximum(
        context.symbols.simplify(x[axis + 2] + window.before[axis] + window.after[axis]), reach);
    offsets[axis + 2] = b.getIndexAttr(window.before[axis]);
  }
  Value source = tensor::InsertSliceOp::create(b, context.get(input), context.filled(padded, fill),
                                               offsets, context.sizes(x), ones);
  // The taps are loops of their own: an operand gives them their sizes.
  SmallVector<Dim> kernelDims = llvm::map_to_vector(
      window.kernel, [&](int64_t extent) { return context.constantDim(extent); });
  Value taps = context.empty(kernelDims, stored);
  int64_t loops = 2 + 2 * spatial;
  SmallVector<AffineExpr> sourceMap = {b.getAffineDimExpr(0), b.getAffineDimExpr(1)}, tapMap,
                          outMap = sourceMap;
  SmallVector<utils::IteratorType> iterators(loops, utils::IteratorType::parallel);
  for (int64_t axis = 0; axis < spatial; ++axis) {
    AffineExpr out = b.getAffineDimExpr(2 + axis), tap = b.getAffineDimExpr(2 + spatial + axis);
    sourceMap.push_back(out * window.strides[axis] + tap * window.dilations[axis]);
    tapMap.push_back(tap);
    outMap.push_back(out);
    iterators[2 + spatial + axis] = utils::IteratorType::reduction;
  }
  bool wantsPlaces = places && !places.use_empty();
  SmallVector<Value> inits = {context.filled(y, fill)};
  if (wantsPlaces)
    inits.push_back(context.filled(y, arith::ConstantOp::create(b, b.getI64IntegerAttr(-1))));
  auto map = [&](ArrayRef<AffineExpr> exprs) {
    return AffineMap::get(loops, 0, exprs, b.getContext());
  };
  SmallVector<AffineMap> maps = {map(sourceMap), map(tapMap), map(outMap)};
  if (wantsPlaces)
    maps.push_back(map(outMap));
  SmallVector<Value> extents = llvm::map_to_vector(x, [&](Dim dim) { return context.index(dim); });
  SmallVector<Type> types = llvm::map_to_vector(inits, [](Value init) { return init.getType(); });
  auto generic = linalg::GenericOp::create(
      b, types, ValueRange{source, taps}, inits, maps, iterators,
      [&](OpBuilder &nested, Location location, ValueRange e) {
        ImplicitLocOpBuilder builder(location, nested);
        Scalars f(builder, stored, kind);
        if (!wantsPlaces) {
          Value value = rule.kind == PoolKind::Lp ? f.pow(f.abs(e[0]), f.number(double(rule.p)))
                                                  : Value(e[0]);
          linalg::YieldOp::create(builder, isMax ? f.max(e[2], value) : f.add(e[2], value));
          return;
        }
        // The place in the operand, counted over all of it; pads are none.
        auto index = [&](int64_t loop) -> Value { return linalg::IndexOp::create(builder, loop); };
        Value inside = arith::ConstantOp::create(builder, builder.getBoolAttr(true));
        SmallVector<Value> positions;
        for (int64_t axis = 0; axis < spatial; ++axis) {
          Value position =
              arith::MulIOp::create(builder, index(2 + axis),
                                    arith::ConstantIndexOp::create(builder, window.strides[axis]));
          Value step = arith::MulIOp::create(
              builder, index(2 + spatial + axis),
              arith::ConstantIndexOp::create(builder, window.dilations[axis]));
          position = arith::AddIOp::create(builder, position, step);
          position = arith::SubIOp::create(
              builder, position, arith::ConstantIndexOp::create(builder, window.before[axis]));
          Value fits = arith::CmpIOp::create(builder, arith::CmpIPredicate::ult, position,
                                             extents[axis + 2]);
          inside = arith::AndIOp::create(builder, inside, fits);
          positions.push_back(position);
        }
        Value place = arith::AddIOp::create(
            builder, arith::MulIOp::create(builder, index(0), extents[1]), index(1));
        for (int64_t i = 0; i < spatial; ++i) {
          int64_t axis = columnMajor ? spatial - 1 - i : i;
          place = arith::AddIOp::create(
              builder, arith::MulIOp::create(builder, place, extents[axis + 2]), positions[axis]);
        }
        Value none = arith::ConstantOp::create(builder, builder.getI64IntegerAttr(-1));
        Value better = arith::OrIOp::create(
            builder, f.less(e[2], e[0]),
            arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, e[3], none));
        better = arith::AndIOp::create(builder, better, inside);
        Value place64 = arith::IndexCastOp::create(builder, i64, place);
        linalg::YieldOp::create(
            builder, ValueRange{f.select(better, e[0], e[2]), f.select(better, place64, e[3])});
      });
  Value pooled = generic.getResult(0);
  SmallVector<int64_t> all = llvm::to_vector(llvm::seq<int64_t>(0, spatial + 2));
  if (rule.kind == PoolKind::Average) {
    SmallVector<Value> limits;
    for (int64_t axis = 0; axis < spatial; ++axis)
      limits.push_back(rule.countsPads
                           ? context.index(context.symbols.simplify(
                                 x[axis + 2] + window.before[axis] + window.after[axis]))
                           : extents[axis + 2]);
    pooled = context.pointwise(
        y, stored, Layout::RowMajor, PlacedTensor{pooled, all},
        [&](ImplicitLocOpBuilder &builder, ValueRange e) {
          SmallVector<Value> at;
          for (int64_t axis = 0; axis < spatial + 2; ++axis)
            at.push_back(linalg::IndexOp::create(builder, axis));
          return Scalars(builder, stored, kind)
              .div(e[0], countTaps(at, window, rule, limits, builder, stored, kind));
        });
  } else if (rule.kind == PoolKind::Lp) {
    pooled = context.pointwise(y, stored, Layout::RowMajor, PlacedTensor{pooled, all},
                               [&](ImplicitLocOpBuilder &builder, ValueRange e) {
                                 Scalars f(builder, stored, kind);
                                 return f.pow(e[0], f.number(1.0 / double(rule.p)));
                               });
  }
  if (!result.use_empty())
    context.set(result, pooled);
  if (wantsPlaces)
    context.set(places, generic.getResult(1));
  return success();
}

template <typename OpTy>
static LogicalResult lowerPool(OpTy op, LoweringContext &context, PoolRule rule, Value places,
                               bool columnMajor) {
  Value input = op.getX(), result = op.getY();
  int64_t rank = context.rank(input);
  ArrayRef<int64_t> kernel = op.getKernelShape();
  if (rank < 3 || int64_t(kernel.size()) != rank - 2)
    return context.unsupported(op, "its kernel does not fit its operand");
  Type stored = LoweringContext::storageType(LoweringContext::elementType(input));
  bool usesPlaces = places && !places.use_empty();
  // What is added around an image counts as part of it.
  bool addsPads =
      rank <= 4 && stored.isF32() && !usesPlaces && (rule.kind == PoolKind::Max || rule.countsPads);
  FailureOr<SpatialWindow> window =
      readWindow(op, context, input, result, kernel, op.getDilations(), addsPads);
  if (failed(window))
    return failure();
  bool negative = llvm::any_of(window->before, [](int64_t pad) { return pad < 0; }) ||
                  llvm::any_of(window->after, [](int64_t pad) { return pad < 0; });
  if (rank > 4 || !stored.isF32() || rule.kind == PoolKind::Lp || usesPlaces || negative)
    return poolGeneric(op, context, input, result, places, *window, rule, columnMajor);
  Scalars s(context.b, stored, LoweringContext::kindOf(input));
  Value image = imageOf(context, input);
  if (!window->automatic.empty())
    image = padToSame(context, image, imageDims(context, input), *window,
                      op.getAutoPad() == "SAME_UPPER",
                      rule.kind == PoolKind::Max ? s.lowest() : s.number(0));
  Value init = context.empty(imageDims(context, result), stored);
  setImage(context, result,
           pool(context, rule.kind == PoolKind::Max, image, init, imageWindow(*window),
                rule.countsPads));
  return success();
}

static LogicalResult lowerMaxPool(nn::MaxPoolOp op, LoweringContext &context) {
  return lowerPool(op, context, {PoolKind::Max}, op.getIndices(), op.getStorageOrder() != 0);
}
static LogicalResult lowerAveragePool(nn::AveragePoolOp op, LoweringContext &context) {
  return lowerPool(op, context, {PoolKind::Average, op.getCountIncludePad() != 0}, {}, false);
}
static LogicalResult lowerLpPool(nn::LpPoolOp op, LoweringContext &context) {
  return lowerPool(op, context, {PoolKind::Lp, false, int64_t(op.getP())}, {}, false);
}

//===----------------------------------------------------------------------===//
// Whole images
//===----------------------------------------------------------------------===//

template <typename OpTy>
static LogicalResult lowerGlobalPool(OpTy op, LoweringContext &context, PoolRule rule) {
  Value input = op.getX(), result = op.getY();
  int64_t rank = context.rank(input);
  if (rank < 3 || LoweringContext::kindOf(input) != ScalarKind::Float)
    return context.unsupported(op,
                               "it is supported on floating point numbers with spatial axes only");
  Layout layout = context.layoutOf(input);
  Type stored = LoweringContext::storageType(LoweringContext::elementType(input));
  SmallVector<Dim> dims(context.shape(input)), kept = {dims[0], dims[1]};
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(2, rank));
  Scalars s(context.b, stored, ScalarKind::Float);
  Value reduced = reduceTensor(context, context.get(input, layout), dims, layout, axes,
                               rule.kind == PoolKind::Max ? s.lowest() : s.number(0),
                               [&](ImplicitLocOpBuilder &builder, Value x, Value accumulator) {
                                 Scalars f(builder, stored, ScalarKind::Float);
                                 if (rule.kind == PoolKind::Max)
                                   return f.max(accumulator, x);
                                 if (rule.kind == PoolKind::Lp)
                                   x = f.pow(f.abs(x), f.number(double(rule.p)));
                                 return f.add(accumulator, x);
                               });
  if (rule.kind != PoolKind::Max) {
    Value count = elementCount(context, dims, axes, stored);
    reduced = mapTensor(context, reduced, kept, [&](ImplicitLocOpBuilder &builder, Value x) {
      Scalars f(builder, stored, ScalarKind::Float);
      return rule.kind == PoolKind::Lp ? f.pow(x, f.number(1.0 / double(rule.p))) : f.div(x, count);
    });
  }
  context.set(
      result,
      context.reshape(reduced, kept, storedOrder(context.shape(result), Layout::ChannelsLast)),
      Layout::ChannelsLast);
  return success();
}

static LogicalResult lowerGlobalAverage(nn::GlobalAveragePoolOp op, LoweringContext &context) {
  return lowerGlobalPool(op, context, {PoolKind::Average});
}
static LogicalResult lowerGlobalMax(nn::GlobalMaxPoolOp op, LoweringContext &context) {
  return lowerGlobalPool(op, context, {PoolKind::Max});
}
static LogicalResult lowerGlobalLp(nn::GlobalLpPoolOp op, LoweringContext &context) {
  return lowerGlobalPool(op, context, {PoolKind::Lp, false, int64_t(op.getP())});
}

void secateur::lowering::attachPoolingModels(MLIRContext *context) {
  attachLowering<nn::MaxPoolOp, lowerMaxPool>(context);
  attachLowering<nn::AveragePoolOp, lowerAveragePool>(context);
  attachLowering<nn::LpPoolOp, lowerLpPool>(context);
  attachLowering<nn::GlobalAveragePoolOp, lowerGlobalAverage>(context);
  attachLowering<nn::GlobalMaxPoolOp, lowerGlobalMax>(context);
  attachLowering<nn::GlobalLpPoolOp, lowerGlobalLp>(context);
}
