//===- Reduction.cpp - Lowering of reductions ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Reduction.h"

#include "Models.h"
#include "Scalars.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

Value secateur::lowering::reduceTensor(LoweringContext &context, Value tensor, ArrayRef<Dim> dims,
                                       Layout layout, ArrayRef<int64_t> axes, Value init,
                                       ReductionStep step) {
  ImplicitLocOpBuilder &b = context.b;
  int64_t rank = dims.size();
  SmallVector<Dim> kept;
  SmallVector<AffineExpr> keptLoops;
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  for (int64_t axis = 0; axis < rank; ++axis) {
    int64_t loop = storedAxis(axis, rank, layout);
    if (llvm::is_contained(axes, axis)) {
      iterators[loop] = utils::IteratorType::reduction;
      continue;
    }
    kept.push_back(dims[axis]);
    keptLoops.push_back(b.getAffineDimExpr(loop));
  }
  Value accumulator = context.filled(kept, init);
  AffineMap maps[] = {b.getMultiDimIdentityMap(rank),
                      AffineMap::get(rank, 0, keptLoops, b.getContext())};
  auto generic = linalg::GenericOp::create(
      b, TypeRange{accumulator.getType()}, ValueRange{tensor}, ValueRange{accumulator}, maps,
      iterators, [&](OpBuilder &nested, Location location, ValueRange arguments) {
        ImplicitLocOpBuilder builder(location, nested);
        linalg::YieldOp::create(builder, step(builder, arguments[0], arguments[1]));
      });
  return generic.getResult(0);
}

Value secateur::lowering::mapTensor(LoweringContext &context, Value tensor, ArrayRef<Dim> dims,
                                    ReductionMap map) {
  ImplicitLocOpBuilder &b = context.b;
  Value init = context.empty(dims, cast<RankedTensorType>(tensor.getType()).getElementType());
  AffineMap identity = b.getMultiDimIdentityMap(dims.size());
  SmallVector<utils::IteratorType> iterators(dims.size(), utils::IteratorType::parallel);
  auto generic =
      linalg::GenericOp::create(b, TypeRange{init.getType()}, ValueRange{tensor}, ValueRange{init},
                                ArrayRef{identity, identity}, iterators,
                                [&](OpBuilder &nested, Location location, ValueRange arguments) {
                                  ImplicitLocOpBuilder builder(location, nested);
                                  linalg::YieldOp::create(builder, map(builder, arguments[0]));
                                });
  return generic.getResult(0);
}

SmallVector<Dim> secateur::lowering::keptDims(ArrayRef<Dim> dims, ArrayRef<int64_t> axes) {
  SmallVector<Dim> kept;
  for (auto [axis, dim] : llvm::enumerate(dims))
    if (!llvm::is_contained(axes, int64_t(axis)))
      kept.push_back(dim);
  return kept;
}

Value secateur::lowering::elementCount(LoweringContext &context, ArrayRef<Dim> dims,
                                       ArrayRef<int64_t> axes, Type type) {
  ImplicitLocOpBuilder &b = context.b;
  Dim product = context.constantDim(1);
  for (int64_t axis : axes)
    product = product * dims[axis];
  if (std::optional<int64_t> constant = LoweringContext::constantOf(product))
    return Scalars(b, type, LoweringContext::scalarKind(type)).number(double(*constant));
  Value count = context.index(context.constantDim(1));
  for (int64_t axis : axes)
    count = b.createOrFold<arith::MulIOp>(count, context.index(dims[axis]));
  Value integer = arith::IndexCastOp::create(b, b.getI64Type(), count);
  return convertScalar(b, integer, ScalarKind::Signed, type, LoweringContext::scalarKind(type));
}

//===----------------------------------------------------------------------===//
// The Reduce operators
//===----------------------------------------------------------------------===//

/// The axes of a reduction; all where there are none.
static FailureOr<SmallVector<int64_t>> reductionAxes(Operation *op, Value axes, bool noop,
                                                     int64_t rank, LoweringContext &context) {
  SmallVector<int64_t> result;
  // A tensor of no elements is known whatever it comes from.
  bool empty =
      axes && context.rank(axes) == 1 && LoweringContext::constantOf(context.dim(axes, 0)) == 0;
  if (axes && !empty) {
    std::optional<SmallVector<int64_t>> given = context.constantInts(axes);
    if (!given)
      return context.unsupported(op, "its axes are not constant");
    result = *given;
  }
  for (int64_t &axis : result) {
    axis = axis < 0 ? axis + rank : axis;
    if (axis < 0 || axis >= rank)
      return context.unsupported(op, "an axis is out of range");
  }
  if (result.empty() && !noop)
    result = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  return result;
}

/// A reduction: before(x), combined, after(result, count).
struct Recipe {
  Value (*before)(Scalars &, Value);
  Value (Scalars::*combine)(Value, Value);
  Value (*after)(Scalars &, Value, Value count);
  /// 0, 1, or the extremes of the type.
  enum { Zero, One, Lowest, Highest } start;
};

template <typename OpTy, auto recipeOf>
static LogicalResult lowerReduce(OpTy op, LoweringContext &context) {
  Value input = op.getData(), result = op.getReduced();
  const Recipe recipe = recipeOf();
  int64_t rank = context.rank(input);
  FailureOr<SmallVector<int64_t>> axes =
      reductionAxes(op, op.getAxes(), op.getNoopWithEmptyAxes() != 0, rank, context);
  if (failed(axes))
    return failure();
  ScalarKind kind = LoweringContext::kindOf(input);
  ImplicitLocOpBuilder &b = context.b;
  Type stored = LoweringContext::storageType(LoweringContext::elementType(input));
  if (kind == ScalarKind::Bool)
    kind = ScalarKind::Unsigned; // 0 and 1: maxima and minima are those of numbers
  Scalars s(b, stored, kind);
  SmallVector<Dim> dims(context.shape(input));
  Layout layout = context.layoutOf(input);
  Value tensor = context.get(input, layout);
  Value init = recipe.start == Recipe::Zero     ? s.number(0)
               : recipe.start == Recipe::One    ? s.number(1)
               : recipe.start == Recipe::Lowest ? s.lowest()
                                                : s.highest();
  Value reduced = reduceTensor(context, tensor, dims, layout, *axes, init,
                               [&](ImplicitLocOpBuilder &builder, Value x, Value accumulator) {
                                 Scalars scalars(builder, stored, kind);
                                 Value value = recipe.before ? recipe.before(scalars, x) : x;
                                 return (scalars.*recipe.combine)(accumulator, value);
                               });
  SmallVector<Dim> kept = keptDims(dims, *axes);
  if (recipe.after) {
    Value count = elementCount(context, dims, *axes, stored);
    if constexpr (requires { op.getCount(); })
      if (op.getCount())
        count = s.number(double(*op.getCount()));
    reduced = mapTensor(context, reduced, kept, [&](ImplicitLocOpBuilder &builder, Value x) {
      Scalars scalars(builder, stored, kind);
      return recipe.after(scalars, x, count);
    });
  }
  context.set(result, context.reshape(reduced, kept, context.shape(result)));
  return success();
}

template <typename OpTy, auto recipeOf>
static void attachReduce(MLIRContext *context) {
  attachLowering<OpTy, lowerReduce<OpTy, recipeOf>>(context);
}

/// log(sum(exp(x - max))) + max, so that nothing overflows.
static LogicalResult lowerLogSumExp(nn::ReduceLogSumExpOp op, LoweringContext &context) {
  Value input = op.getData(), result = op.getReduced();
  int64_t rank = context.rank(input);
  FailureOr<SmallVector<int64_t>> axes =
      reductionAxes(op, op.getAxes(), op.getNoopWithEmptyAxes() != 0, rank, context);
  if (failed(axes))
    return failure();
  if (LoweringContext::kindOf(input) != ScalarKind::Float)
    return context.unsupported(op, "it is supported on floating point numbers only");
  ImplicitLocOpBuilder &b = context.b;
  Type stored = LoweringContext::storageType(LoweringContext::elementType(input));
  Scalars s(b, stored, ScalarKind::Float);
  SmallVector<Dim> dims(context.shape(input)), kept = keptDims(dims, *axes);
  Layout layout = context.layoutOf(input);
  Value tensor = context.get(input, layout);
  Value maximum =
      reduceTensor(context, tensor, dims, layout, *axes, s.lowest(),
                   [&](ImplicitLocOpBuilder &builder, Value x, Value accumulator) {
                     return Scalars(builder, stored, ScalarKind::Float).max(accumulator, x);
                   });
  // An infinite maximum would make NaN: what is subtracted is finite.
  maximum = mapTensor(context, maximum, kept, [&](ImplicitLocOpBuilder &builder, Value x) {
    Scalars f(builder, stored, ScalarKind::Float);
    Value isFinite = f.less(f.abs(x), f.highest());
    return f.select(isFinite, x, f.number(0));
  });
  Value sum = sumOfExponents(context, tensor, dims, layout, *axes, maximum);
  SmallVector<AffineMap> maps(3, b.getMultiDimIdentityMap(kept.size()));
  SmallVector<utils::IteratorType> iterators(kept.size(), utils::IteratorType::parallel);
  Value out = context.empty(kept, stored);
  auto generic = linalg::GenericOp::create(
      b, TypeRange{out.getType()}, ValueRange{sum, maximum}, ValueRange{out}, maps, iterators,
      [&](OpBuilder &nested, Location location, ValueRange x) {
        ImplicitLocOpBuilder builder(location, nested);
        Scalars f(builder, stored, ScalarKind::Float);
        linalg::YieldOp::create(builder, f.add(f.log(x[0]), x[1]));
      });
  context.set(result, context.reshape(generic.getResult(0), kept, context.shape(result)));
  return success();
}

Value secateur::lowering::sumOfExponents(LoweringContext &context, Value tensor, ArrayRef<Dim> dims,
                                         Layout layout, ArrayRef<int64_t> axes, Value subtracted) {
  ImplicitLocOpBuilder &b = context.b;
  int64_t rank = dims.size();
  Type stored = cast<RankedTensorType>(tensor.getType()).getElementType();
  SmallVector<Dim> kept = keptDims(dims, axes);
  SmallVector<AffineExpr> keptLoops;
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  for (int64_t axis = 0; axis < rank; ++axis) {
    int64_t loop = storedAxis(axis, rank, layout);
    if (llvm::is_contained(axes, axis))
      iterators[loop] = utils::IteratorType::reduction;
    else
      keptLoops.push_back(b.getAffineDimExpr(loop));
  }
  AffineMap keptMap = AffineMap::get(rank, 0, keptLoops, b.getContext());
  Value zero = Scalars(b, stored, ScalarKind::Float).number(0);
  Value accumulator = context.filled(kept, zero);
  auto generic = linalg::GenericOp::create(
      b, TypeRange{accumulator.getType()}, ValueRange{tensor, subtracted}, ValueRange{accumulator},
      ArrayRef{b.getMultiDimIdentityMap(rank), keptMap, keptMap}, iterators,
      [&](OpBuilder &nested, Location location, ValueRange x) {
        ImplicitLocOpBuilder builder(location, nested);
        Scalars f(builder, stored, ScalarKind::Float);
        linalg::YieldOp::create(builder, f.add(x[2], f.exp(f.sub(x[0], x[1]))));
      });
  return generic.getResult(0);
}

//===----------------------------------------------------------------------===//
// ArgMax, ArgMin, CumSum
//===----------------------------------------------------------------------===//

/// The position of the largest or smallest element along an axis.
template <typename OpTy, bool largest>
static LogicalResult lowerArg(OpTy op, LoweringContext &context) {
  Value input = op.getData(), result = op.getReduced();
  ImplicitLocOpBuilder &b = context.b;
  int64_t rank = context.rank(input), axis = frontAxis(op.getAxis(), rank);
  if (axis < 0 || axis >= rank)
    return context.unsupported(op, "its axis is out of range");
  Layout layout = context.layoutOf(input);
  Value tensor = context.get(input, layout);
  SmallVector<Dim> dims(context.shape(input)), kept = keptDims(dims, axis);
  ScalarKind kind = LoweringContext::kindOf(input);
  Type stored = LoweringContext::storageType(LoweringContext::elementType(input));
  Scalars s(b, stored, kind);
  Value extreme = context.filled(kept, largest ? s.lowest() : s.highest());
  Value minusOne = arith::ConstantOp::create(b, b.getI64IntegerAttr(-1));
  Value place = context.filled(kept, minusOne);
  SmallVector<AffineExpr> keptLoops;
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  int64_t reducedLoop = storedAxis(axis, rank, layout);
  iterators[reducedLoop] = utils::IteratorType::reduction;
  for (int64_t other = 0; other < rank; ++other)
    if (other != axis)
      keptLoops.push_back(b.getAffineDimExpr(storedAxis(other, rank, layout)));
  AffineMap keptMap = AffineMap::get(rank, 0, keptLoops, b.getContext());
  bool last = op.getSelectLastIndex() != 0;
  auto generic = linalg::GenericOp::create(
      b, TypeRange{extreme.getType(), place.getType()}, ValueRange{tensor},
      ValueRange{extreme, place}, ArrayRef{b.getMultiDimIdentityMap(rank), keptMap, keptMap},
      iterators, [&](OpBuilder &nested, Location location, ValueRange x) {
        ImplicitLocOpBuilder builder(location, nested);
        Scalars scalars(builder, stored, kind);
        Value candidate = x[0], best = x[1], where = x[2];
        Value index = arith::IndexCastOp::create(builder, builder.getI64Type(),
                                                 linalg::IndexOp::create(builder, reducedLoop));
        Value better;
        if (last)
          better =
              largest ? scalars.lessOrEqual(best, candidate) : scalars.lessOrEqual(candidate, best);
        else
          better = largest ? scalars.less(best, candidate) : scalars.less(candidate, best);
        // The first element always counts, whatever it is.
        Value none = arith::ConstantOp::create(builder, builder.getI64IntegerAttr(-1));
        Value isFirst = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, where, none);
        better = arith::OrIOp::create(builder, better, isFirst);
        linalg::YieldOp::create(builder, ValueRange{scalars.select(better, candidate, best),
                                                    scalars.select(better, index, where)});
      });
  context.set(result, context.reshape(generic.getResult(1), kept, context.shape(result)));
  return success();
}

void secateur::lowering::attachReductionModels(MLIRContext *context) {
  attachReduce<nn::ReduceSumOp,
               [] { return Recipe{nullptr, &Scalars::add, nullptr, Recipe::Zero}; }>(context);
  attachReduce<nn::ReduceMeanOp, [] {
    return Recipe{nullptr, &Scalars::add,
                  [](Scalars &s, Value x, Value count) { return s.div(x, count); }, Recipe::Zero};
  }>(context);
  attachReduce<nn::ReduceProdOp,
               [] { return Recipe{nullptr, &Scalars::mul, nullptr, Recipe::One}; }>(context);
  attachReduce<nn::ReduceMaxOp,
               [] { return Recipe{nullptr, &Scalars::max, nullptr, Recipe::Lowest}; }>(context);
  attachReduce<nn::ReduceMinOp,
               [] { return Recipe{nullptr, &Scalars::min, nullptr, Recipe::Highest}; }>(context);
  attachReduce<nn::ReduceL1Op, [] {
    return Recipe{[](Scalars &s, Value x) { return s.abs(x); }, &Scalars::add, nullptr,
                  Recipe::Zero};
  }>(context);
  attachReduce<nn::ReduceL2Op, [] {
    return Recipe{[](Scalars &s, Value x) { return s.mul(x, x); }, &Scalars::add,
                  [](Scalars &s, Value x, Value) { return s.sqrt(x); }, Recipe::Zero};
  }>(context);
  attachReduce<nn::ReduceSumSquareOp, [] {
    return Recipe{[](Scalars &s, Value x) { return s.mul(x, x); }, &Scalars::add, nullptr,
                  Recipe::Zero};
  }>(context);
  attachReduce<nn::ReduceLogSumOp, [] {
    return Recipe{nullptr, &Scalars::add, [](Scalars &s, Value x, Value) { return s.log(x); },
                  Recipe::Zero};
  }>(context);
  attachLowering<nn::ReduceLogSumExpOp, lowerLogSumExp>(context);
  attachLowering<nn::ArgMaxOp, lowerArg<nn::ArgMaxOp, true>>(context);
  attachLowering<nn::ArgMinOp, lowerArg<nn::ArgMinOp, false>>(context);
}
