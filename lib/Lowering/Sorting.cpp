//===- Sorting.cpp - Lowering of TopK and of running sums --------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Both walk one axis in order, for all that is before and after it: the operand
// is seen as [outer, axis, inner].

#include "Loops.h"
#include "Models.h"
#include "Scalars.h"

#include "secateur/Analysis/SymbolicShapes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

static SmallVector<Dim> aroundAxis(LoweringContext &context, ArrayRef<Dim> dims, int64_t axis) {
  Dim outer = context.constantDim(1), inner = outer;
  for (int64_t i = 0, e = dims.size(); i < e; ++i) {
    if (i < axis)
      outer = outer * dims[i];
    else if (i > axis)
      inner = inner * dims[i];
  }
  return {context.symbols.simplify(outer), dims[axis], context.symbols.simplify(inner)};
}

static LogicalResult lowerCumSum(nn::CumSumOp op, LoweringContext &context) {
  Value input = op.getX(), result = op.getY();
  int64_t rank = context.rank(input);
  std::optional<SmallVector<int64_t>> axes = context.constantInts(op.getAxis());
  if (!axes || axes->size() != 1)
    return context.unsupported(op, "its axis is not constant");
  int64_t axis = axes->front() < 0 ? axes->front() + rank : axes->front();
  if (axis < 0 || axis >= rank)
    return context.unsupported(op, "its axis is out of range");
  ImplicitLocOpBuilder &b = context.b;
  ScalarKind kind = LoweringContext::kindOf(input);
  Type stored = LoweringContext::storageType(LoweringContext::elementType(input));
  SmallVector<Dim> dims(context.shape(input)), around = aroundAxis(context, dims, axis);
  Value tensor = context.reshape(context.get(input), dims, around);
  SmallVector<Value> extents =
      llvm::map_to_vector(around, [&](Dim dim) { return context.index(dim); });
  Value one = context.index(1), zero = context.index(0),
        last = arith::SubIOp::create(b, extents[1], one);
  bool reverse = op.getReverse() != 0, exclusive = op.getExclusive() != 0;
  auto place = [&](ImplicitLocOpBuilder &builder, Value step) -> Value {
    return reverse ? Value(arith::SubIOp::create(builder, last, step)) : step;
  };
  Value sums = loopNest(
      b, extents, context.empty(around, stored),
      [&](ImplicitLocOpBuilder &builder, ValueRange at, Value current) -> Value {
        Scalars s(builder, stored, kind);
        Value isFirst = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, at[1], zero);
        Value previous = arith::SelectOp::create(builder, isFirst, zero,
                                                 arith::SubIOp::create(builder, at[1], one));
        Value here = place(builder, at[1]), before = place(builder, previous);
        Value old = tensor::ExtractOp::create(builder, current, ValueRange{at[0], before, at[2]});
        Value added = tensor::ExtractOp::create(
            builder, tensor, ValueRange{at[0], exclusive ? before : here, at[2]});
        Value start = exclusive ? s.number(0) : added;
        Value sum = s.select(isFirst, start, s.add(old, added));
        return tensor::InsertOp::create(builder, sum, current, ValueRange{at[0], here, at[2]});
      });
  context.set(result, context.reshape(sums, around, dims));
  return success();
}

/// The k-th largest follows the one before it: of the elements that are smaller,
/// or equal and further back, it is the largest, and the first of those.
static LogicalResult lowerTopk(nn::TopkOp op, LoweringContext &context) {
  Value input = op.getX();
  int64_t rank = context.rank(input), axis = frontAxis(op.getAxis(), rank);
  if (axis < 0 || axis >= rank)
    return context.unsupported(op, "its axis is out of range");
  ImplicitLocOpBuilder &b = context.b;
  ScalarKind kind = LoweringContext::kindOf(input);
  Type stored = LoweringContext::storageType(LoweringContext::elementType(input));
  SmallVector<Dim> dims(context.shape(input)), outDims(context.shape(op.getValues()));
  if (!context.known(outDims[axis]))
    return context.unsupported(op, "k depends on data");
  SmallVector<Dim> around = aroundAxis(context, dims, axis),
                   outAround = aroundAxis(context, outDims, axis);
  Value tensor = context.reshape(context.get(input), dims, around);
  SmallVector<Value> extents =
      llvm::map_to_vector(outAround, [&](Dim dim) { return context.index(dim); });
  Value count = context.index(around[1]), zero = context.index(0), one = context.index(1);
  bool largest = op.getLargest() != 0;
  // Places first, values from them: one tensor is carried.
  Value places = loopNest(
      b, extents, context.empty(outAround, b.getI64Type()),
      [&](ImplicitLocOpBuilder &builder, ValueRange at, Value current) -> Value {
        Scalars s(builder, stored, kind);
        Value isFirst = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, at[1], zero);
        Value before = arith::SelectOp::create(builder, isFirst, zero,
                                               arith::SubIOp::create(builder, at[1], one));
        Value previousPlace = arith::IndexCastOp::create(
            builder, builder.getIndexType(),
            tensor::ExtractOp::create(builder, current, ValueRange{at[0], before, at[2]}));
        // Of the first there is none before it: any place inside will do.
        previousPlace = arith::SelectOp::create(builder, isFirst, zero, previousPlace);
        Value previous =
            tensor::ExtractOp::create(builder, tensor, ValueRange{at[0], previousPlace, at[2]});
        Value nowhere = arith::ConstantIndexOp::create(builder, -1);
        auto loop = scf::ForOp::create(builder, zero, count, one, ValueRange{previous, nowhere});
        {
          OpBuilder::InsertionGuard guard(builder);
          builder.setInsertionPointToStart(loop.getBody());
          Value i = loop.getInductionVar(), best = loop.getRegionIterArg(0),
                place = loop.getRegionIterArg(1);
          Value x = tensor::ExtractOp::create(builder, tensor, ValueRange{at[0], i, at[2]});
          Value further =
              arith::CmpIOp::create(builder, arith::CmpIPredicate::sgt, i, previousPlace);
          Value after =
              arith::OrIOp::create(builder, largest ? s.less(x, previous) : s.less(previous, x),
                                   arith::AndIOp::create(builder, s.equal(x, previous), further));
          Value allowed = arith::OrIOp::create(builder, isFirst, after);
          Value none = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, place, nowhere);
          Value better =
              arith::OrIOp::create(builder, none, largest ? s.less(best, x) : s.less(x, best));
          Value takes = arith::AndIOp::create(builder, allowed, better);
          scf::YieldOp::create(builder,
                               ValueRange{s.select(takes, x, best), s.select(takes, i, place)});
        }
        Value found = arith::MaxSIOp::create(builder, loop.getResult(1), zero);
        Value place = arith::IndexCastOp::create(builder, builder.getI64Type(), found);
        return tensor::InsertOp::create(builder, place, current, at);
      });
  if (!op.getValues().use_empty()) {
    Value values = context.generate(
        outAround, stored, Layout::RowMajor, [&](ImplicitLocOpBuilder &builder, ValueRange at) {
          Value place = arith::IndexCastOp::create(builder, builder.getIndexType(),
                                                   tensor::ExtractOp::create(builder, places, at));
          return tensor::ExtractOp::create(builder, tensor, ValueRange{at[0], place, at[2]});
        });
    context.set(op.getValues(), context.reshape(values, outAround, outDims));
  }
  if (!op.getIndices().use_empty())
    context.set(op.getIndices(), context.reshape(places, outAround, outDims));
  return success();
}

void secateur::lowering::attachSortingModels(MLIRContext *context) {
  attachLowering<nn::CumSumOp, lowerCumSum>(context);
  attachLowering<nn::TopkOp, lowerTopk>(context);
}
