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
#include "mlir/Dialect/SCF/IR/SCF.h"
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

/// Pools of any rank and type, element by element: a loop nest over each window
/// carries the accumulator and the number of elements, or the place of the
/// largest.
static void poolGeneric(LoweringContext &context, Value input, Value result, Value places, const SpatialWindow &window,
                        PoolRule rule, bool columnMajor) {
  ImplicitLocOpBuilder &b = context.b;
  Layout layout = context.layoutOf(input);
  int64_t rank = context.rank(input), spatial = window.rank();
  Value tensor = context.get(input, layout);
  ScalarKind kind = LoweringContext::kindOf(input);
  Type stored = LoweringContext::storageType(LoweringContext::elementType(input));
  SmallVector<Value> extents;
  for (Dim dim : context.shape(input))
    extents.push_back(context.index(dim));
  auto constants = [&](ArrayRef<int64_t> values) {
    return llvm::map_to_vector(values, [&](int64_t value) { return context.index(value); });
  };
  SmallVector<Value> kernel = constants(window.kernel), strides = constants(window.strides),
                     dilations = constants(window.dilations), before = constants(window.before);
  SmallVector<Value> paddedEnds;
  for (int64_t axis = 0; axis < spatial; ++axis)
    paddedEnds.push_back(arith::AddIOp::create(b, extents[axis + 2], context.index(window.after[axis])));
  Value zero = context.index(0), one = context.index(1);
  // The window at `at`: (accumulator, count) or (largest, its place).
  auto walk = [&](ImplicitLocOpBuilder &builder, ValueRange at) -> SmallVector<Value> {
    Scalars s(builder, stored, kind);
    Value start = rule.kind == PoolKind::Max ? s.lowest() : s.number(0);
    Value none = arith::ConstantIndexOp::create(builder, rule.kind == PoolKind::Max ? -1 : 0);
    SmallVector<Value> state = {start, none}, taps;
    std::function<SmallVector<Value>(int64_t, SmallVector<Value>)> nest = [&](int64_t axis, SmallVector<Value> carried) {
      if (axis < spatial) {
        auto loop = scf::ForOp::create(builder, zero, kernel[axis], one, carried);
        OpBuilder::InsertionGuard guard(builder);
        builder.setInsertionPointToStart(loop.getBody());
        taps.push_back(loop.getInductionVar());
        SmallVector<Value> inner = nest(axis + 1, llvm::to_vector(ValueRange(loop.getRegionIterArgs())));
        taps.pop_back();
        scf::YieldOp::create(builder, inner);
        return SmallVector<Value>(loop.getResults());
      }
      SmallVector<Value> from(at.take_front(2));
      Value inside, insidePads;
      auto both = [&](Value left, Value right) -> Value {
        return left ? Value(arith::AndIOp::create(builder, left, right)) : right;
      };
      for (int64_t i = 0; i < spatial; ++i) {
        Value position = arith::MulIOp::create(builder, at[i + 2], strides[i]);
        position = arith::AddIOp::create(builder, position, arith::MulIOp::create(builder, taps[i], dilations[i]));
        position = arith::SubIOp::create(builder, position, before[i]);
        inside = both(inside, arith::CmpIOp::create(builder, arith::CmpIPredicate::ult, position, extents[i + 2]));
        insidePads = both(insidePads, arith::CmpIOp::create(builder, arith::CmpIPredicate::slt, position, paddedEnds[i]));
        Value last = arith::SubIOp::create(builder, extents[i + 2], one);
        from.push_back(arith::MinSIOp::create(builder, arith::MaxSIOp::create(builder, position, zero), last));
      }
      Value x = LoweringContext::read(builder, tensor, layout, from);
      if (rule.kind == PoolKind::Max) {
        Value isNone = arith::CmpIOp::create(builder, arith::CmpIPredicate::slt, carried[1], zero);
        Value better = arith::OrIOp::create(builder, isNone, s.less(carried[0], x));
        better = arith::AndIOp::create(builder, inside, better);
        Value place = from[0];
        place = arith::AddIOp::create(builder, arith::MulIOp::create(builder, place, extents[1]), from[1]);
        SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, spatial));
        if (columnMajor)
          std::reverse(order.begin(), order.end());
        for (int64_t i : order)
          place = arith::AddIOp::create(builder, arith::MulIOp::create(builder, place, extents[i + 2]), from[i + 2]);
        return SmallVector<Value>{s.select(better, x, carried[0]),
                                  arith::SelectOp::create(builder, better, place, carried[1])};
      }
      Value term = x;
      if (rule.kind == PoolKind::Lp)
        term = s.pow(s.abs(x), s.number(double(rule.p)));
      Value sum = s.select(inside, s.add(carried[0], term), carried[0]);
      Value more = arith::AddIOp::create(builder, carried[1], one);
      Value counts = rule.countsPads ? insidePads : inside;
      return SmallVector<Value>{sum, arith::SelectOp::create(builder, counts, more, carried[1])};
    };
    return nest(0, state);
  };
  if (!result.use_empty())
    context.set(result,
                context.generate(context.shape(result), stored, layout,
                                 [&](ImplicitLocOpBuilder &builder, ValueRange at) -> Value {
                                   Scalars s(builder, stored, kind);
                                   SmallVector<Value> state = walk(builder, at);
                                   if (rule.kind == PoolKind::Max)
                                     return state[0];
                                   if (rule.kind == PoolKind::Lp)
                                     return s.pow(state[0], s.number(1.0 / double(rule.p)));
                                   Value count = arith::IndexCastOp::create(
                                       builder, builder.getI64Type(), arith::MaxSIOp::create(builder, state[1], one));
                                   return s.div(state[0], convertScalar(builder, count, ScalarKind::Signed, stored, kind));
                                 }),
                layout);
  if (places && !places.use_empty())
    context.set(places,
                context.generate(context.shape(places), b.getI64Type(), layout,
                                 [&](ImplicitLocOpBuilder &builder, ValueRange at) -> Value {
                                   return arith::IndexCastOp::create(builder, builder.getI64Type(), walk(builder, at)[1]);
                                 }),
                layout);
  (void)rank;
}

template <typename OpTy>
static LogicalResult lowerPool(OpTy op, LoweringContext &context, PoolRule rule, Value places, bool columnMajor) {
  Value input = op.getX(), result = op.getY();
  int64_t rank = context.rank(input);
  ArrayRef<int64_t> kernel = op.getKernelShape();
  if (rank < 3 || int64_t(kernel.size()) != rank - 2)
    return context.unsupported(op, "its kernel does not fit its operand");
  FailureOr<SpatialWindow> window = readWindow(op, context, input, result, kernel, op.getDilations());
  if (failed(window))
    return failure();
  Type stored = LoweringContext::storageType(LoweringContext::elementType(input));
  bool usesPlaces = places && !places.use_empty();
  bool negative = llvm::any_of(window->before, [](int64_t pad) { return pad < 0; }) ||
                  llvm::any_of(window->after, [](int64_t pad) { return pad < 0; });
  if (rank > 4 || !stored.isF32() || rule.kind == PoolKind::Lp || usesPlaces || negative) {
    poolGeneric(context, input, result, places, *window, rule, columnMajor);
    return success();
  }
  Value image = imageOf(context, input);
  Value init = context.empty(imageDims(context, result), stored);
  setImage(context, result,
           pool(context, rule.kind == PoolKind::Max, image, init, imageWindow(*window), rule.countsPads));
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
    return context.unsupported(op, "it is supported on floating point numbers with spatial axes only");
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
  context.set(result, context.reshape(reduced, kept, storedOrder(context.shape(result), Layout::ChannelsLast)),
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
