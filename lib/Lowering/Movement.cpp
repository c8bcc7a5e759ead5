//===- Movement.cpp - Lowering of what copies, repeats and pads --------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Models.h"
#include "Scalars.h"

#include "secateur/Analysis/Constants.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

//===----------------------------------------------------------------------===//
// Repetition
//===----------------------------------------------------------------------===//

static LogicalResult lowerExpand(nn::ExpandOp op, LoweringContext &context) {
  if (failed(context.requireSizes(op, op.getOutput())))
    return failure();
  return context.elementwise(op, op.getInput(), op.getOutput(),
                             [](ImplicitLocOpBuilder &, ValueRange x) { return x[0]; });
}

static LogicalResult lowerTile(nn::TileOp op, LoweringContext &context) {
  Value input = op.getInput(), result = op.getOutput();
  if (failed(context.requireSizes(op, result)))
    return failure();
  Layout layout = context.layoutOf(input);
  Value tensor = context.get(input, layout);
  SmallVector<Value> extents;
  for (Dim dim : context.shape(input))
    extents.push_back(context.index(dim));
  Value zero = context.index(0);
  Value tiled =
      context.generate(context.shape(result), LoweringContext::storedType(result), layout,
                       [&](ImplicitLocOpBuilder &b, ValueRange at) {
                         SmallVector<Value> from(at);
                         for (auto [axis, index] : llvm::enumerate(from)) {
                           Dim dim = context.dim(input, axis);
                           if (context.same(dim, context.dim(result, axis)))
                             continue;
                           index = LoweringContext::constantOf(dim) == 1
                                       ? zero
                                       : Value(arith::RemUIOp::create(b, index, extents[axis]));
                         }
                         return LoweringContext::read(b, tensor, layout, from);
                       });
  context.set(result, tiled, layout);
  return success();
}

static LogicalResult lowerConstantOfShape(nn::ConstantOfShapeOp op, LoweringContext &context) {
  if (failed(context.requireSizes(op, op.getOutput())))
    return failure();
  Type stored = LoweringContext::storedType(op.getOutput());
  TypedAttr scalar = context.b.getZeroAttr(stored);
  if (std::optional<ElementsAttr> value = op.getValue()) {
    if (isa<FloatType>(stored)) {
      std::optional<SmallVector<double>> splat = LoweringContext::constantSplat(*value);
      if (!splat)
        return context.unsupported(op, "its value cannot be read");
      scalar = FloatAttr::get(stored, splat->front());
    } else {
      std::optional<SmallVector<int64_t>> element = analysis::readIntegers(*value, 1);
      if (!element || element->size() != 1)
        return context.unsupported(op, "its value cannot be read");
      scalar = IntegerAttr::get(stored, element->front());
    }
  }
  Value fill = arith::ConstantOp::create(context.b, scalar);
  context.set(op.getOutput(), context.filled(context.shape(op.getOutput()), fill));
  return success();
}

//===----------------------------------------------------------------------===//
// Pads
//===----------------------------------------------------------------------===//

namespace {
struct PadAmounts {
  SmallVector<OpFoldResult> before, after;
  /// All amounts are constants that are not negative.
  bool constant = true;
};
} // namespace

static FailureOr<PadAmounts> padAmounts(nn::PadOp op, LoweringContext &context) {
  int64_t rank = context.rank(op.getData());
  FailureOr<SmallVector<OpFoldResult>> pads = context.integers(op.getPads());
  if (failed(pads))
    return context.unsupported(op, "the number of its pads is not known");
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (op.getAxes()) {
    std::optional<SmallVector<int64_t>> given = context.constantInts(op.getAxes());
    if (!given)
      return context.unsupported(op, "its axes are not constant");
    axes = *given;
  }
  if (pads->size() != 2 * axes.size())
    return context.unsupported(op, "it does not have two pads per axis");
  PadAmounts amounts;
  amounts.before.assign(rank, context.b.getIndexAttr(0));
  amounts.after = amounts.before;
  for (auto [i, axis] : llvm::enumerate(axes)) {
    axis = axis < 0 ? axis + rank : axis;
    if (axis < 0 || axis >= rank)
      return context.unsupported(op, "an axis is out of range");
    amounts.before[axis] = (*pads)[i];
    amounts.after[axis] = (*pads)[i + axes.size()];
    for (OpFoldResult amount : {amounts.before[axis], amounts.after[axis]})
      amounts.constant &= getConstantIntValue(amount).value_or(-1) >= 0;
  }
  return amounts;
}

/// The index in the operand that an index outside of it stands for.
static Value foldIndex(ImplicitLocOpBuilder &b, StringRef mode, Value index, Value extent,
                       Value zero, Value one) {
  Value last = arith::SubIOp::create(b, extent, one);
  if (mode == "wrap") {
    Value remainder = arith::RemSIOp::create(b, index, extent);
    return arith::RemSIOp::create(b, arith::AddIOp::create(b, remainder, extent), extent);
  }
  if (mode == "reflect") {
    // With a period of 2 (extent - 1), the second half backwards.
    Value period = arith::MaxSIOp::create(b, arith::AddIOp::create(b, last, last), one);
    Value remainder = arith::RemSIOp::create(b, index, period);
    remainder = arith::RemSIOp::create(b, arith::AddIOp::create(b, remainder, period), period);
    return arith::MinSIOp::create(b, remainder, arith::SubIOp::create(b, period, remainder));
  }
  return arith::MinSIOp::create(b, arith::MaxSIOp::create(b, index, zero), last);
}

static LogicalResult lowerPad(nn::PadOp op, LoweringContext &context) {
  Value input = op.getData(), result = op.getOutput();
  FailureOr<PadAmounts> amounts = padAmounts(op, context);
  if (failed(amounts) || failed(context.requireSizes(op, result)))
    return failure();
  StringRef mode = op.getMode();
  if (mode != "constant" && mode != "reflect" && mode != "edge" && mode != "wrap")
    return context.unsupported(op, "mode '" + mode + "' is not known");
  int64_t rank = context.rank(input);
  Layout layout = context.layoutOf(input);
  Value tensor = context.get(input, layout);
  Type stored = LoweringContext::storedType(result);
  Value fill;
  if (mode == "constant") {
    if (op.getConstantValue()) {
      Value scalar = context.get(op.getConstantValue());
      SmallVector<Value> at(context.rank(op.getConstantValue()), context.index(0));
      fill = context.b.createOrFold<tensor::ExtractOp>(scalar, at);
    } else {
      fill = arith::ConstantOp::create(context.b, context.b.getZeroAttr(stored));
    }
  }
  if (fill && amounts->constant) {
    SmallVector<Dim> dims = storedOrder(context.shape(result), layout);
    Value padded = context.filled(dims, fill);
    SmallVector<OpFoldResult> ones(rank, context.b.getIndexAttr(1));
    padded = tensor::InsertSliceOp::create(
        context.b, tensor, padded, storedOrder<OpFoldResult>(amounts->before, layout),
        context.sizes(storedOrder(context.shape(input), layout)), ones);
    context.set(result, padded, layout);
    return success();
  }
  SmallVector<Value> before, extents;
  for (int64_t axis = 0; axis < rank; ++axis) {
    before.push_back(context.index(amounts->before[axis]));
    extents.push_back(context.index(context.dim(input, axis)));
  }
  Value zero = context.index(0), one = context.index(1);
  auto isZero = [](OpFoldResult amount) { return getConstantIntValue(amount) == 0; };
  Value padded = context.generate(
      context.shape(result), stored, layout, [&](ImplicitLocOpBuilder &b, ValueRange at) {
        SmallVector<Value> from;
        Value inside;
        for (int64_t axis = 0; axis < rank; ++axis) {
          if (isZero(amounts->before[axis]) && isZero(amounts->after[axis])) {
            from.push_back(at[axis]);
            continue;
          }
          Value index = arith::SubIOp::create(b, at[axis], before[axis]);
          if (fill) {
            // As an unsigned number a negative index is large.
            Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, index, extents[axis]);
            inside = inside ? Value(arith::AndIOp::create(b, inside, fits)) : fits;
          }
          from.push_back(foldIndex(b, mode, index, extents[axis], zero, one));
        }
        Value element = LoweringContext::read(b, tensor, layout, from);
        return inside ? Value(arith::SelectOp::create(b, inside, element, fill)) : element;
      });
  context.set(result, padded, layout);
  return success();
}

//===----------------------------------------------------------------------===//
// Tensors made of their indices
//===----------------------------------------------------------------------===//

/// The only element of a tensor of one, in its stored type.
static Value onlyElement(LoweringContext &context, Value value) {
  SmallVector<Value> at(context.rank(value), context.index(0));
  return context.b.createOrFold<tensor::ExtractOp>(context.get(value), at);
}

static LogicalResult lowerRange(nn::RangeOp op, LoweringContext &context) {
  Value result = op.getOutput();
  ScalarKind kind = LoweringContext::kindOf(result);
  Type stored = LoweringContext::storedType(result);
  Value start = onlyElement(context, op.getStart()), delta = onlyElement(context, op.getDelta());
  ImplicitLocOpBuilder &b = context.b;
  SmallVector<Dim> dims(context.shape(result));
  Value count;
  if (!context.known(dims[0])) {
    // max(ceil((limit - start) / delta), 0)
    Value limit = onlyElement(context, op.getLimit());
    Type wide = b.getF64Type();
    auto widen = [&](Value value) {
      return convertScalar(b, value, kind, wide, ScalarKind::Float);
    };
    Scalars f(b, wide, ScalarKind::Float);
    Value steps = math::CeilOp::create(b, f.div(f.sub(widen(limit), widen(start)), widen(delta)));
    Value integer = convertScalar(b, f.max(steps, f.number(0)), ScalarKind::Float, b.getI64Type(),
                                  ScalarKind::Signed);
    count = arith::IndexCastOp::create(b, b.getIndexType(), integer);
  }
  Value init =
      count ? Value(tensor::EmptyOp::create(
                  b, RankedTensorType::get({ShapedType::kDynamic}, stored), ValueRange{count}))
            : context.empty(dims, stored);
  auto generic = linalg::GenericOp::create(
      b, TypeRange{init.getType()}, ValueRange{}, ValueRange{init},
      ArrayRef{b.getMultiDimIdentityMap(1)}, ArrayRef{utils::IteratorType::parallel},
      [&](OpBuilder &nested, Location location, ValueRange) {
        ImplicitLocOpBuilder builder(location, nested);
        Scalars s(builder, stored, kind);
        Value index = linalg::IndexOp::create(builder, 0);
        Value integer = arith::IndexCastOp::create(builder, builder.getI64Type(), index);
        Value step = convertScalar(builder, integer, ScalarKind::Signed, stored, kind);
        linalg::YieldOp::create(builder, s.add(start, s.mul(step, delta)));
      });
  context.set(result, generic.getResult(0));
  return success();
}

static LogicalResult lowerEyeLike(nn::EyeLikeOp op, LoweringContext &context) {
  Value result = op.getOutput();
  if (failed(context.requireSizes(op, result)))
    return failure();
  Value k = context.index(op.getK());
  Type stored = LoweringContext::storedType(result);
  ScalarKind kind = LoweringContext::kindOf(result);
  context.set(result,
              context.generate(
                  context.shape(result), stored, Layout::RowMajor,
                  [&](ImplicitLocOpBuilder &b, ValueRange at) {
                    Scalars s(b, stored, kind == ScalarKind::Float ? kind : ScalarKind::Signed);
                    Value column = arith::AddIOp::create(b, at[0], k);
                    Value isOne = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, at[1], column);
                    return s.select(isOne, s.number(1), s.number(0));
                  }));
  return success();
}

static LogicalResult lowerTrilu(nn::TriluOp op, LoweringContext &context) {
  Value input = op.getInput(), result = op.getOutput();
  int64_t rank = context.rank(input);
  if (rank < 2)
    return context.unsupported(op, "its operand has fewer than 2 axes");
  Value k = context.index(0);
  if (op.getK()) {
    FailureOr<SmallVector<OpFoldResult>> given = context.integers(op.getK());
    if (failed(given) || given->size() != 1)
      return context.unsupported(op, "k is not a scalar");
    k = context.index(given->front());
  }
  Value tensor = context.get(input);
  context.set(result,
              context.generate(
                  context.shape(result), LoweringContext::storedType(result), Layout::RowMajor,
                  [&](ImplicitLocOpBuilder &b, ValueRange at) {
                    Value element = LoweringContext::read(b, tensor, Layout::RowMajor, at);
                    Value diagonal = arith::AddIOp::create(b, at[rank - 2], k);
                    Value kept = arith::CmpIOp::create(
                        b, op.getUpper() ? arith::CmpIPredicate::sge : arith::CmpIPredicate::sle,
                        at[rank - 1], diagonal);
                    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element.getType()));
                    return arith::SelectOp::create(b, kept, element, zero);
                  }));
  return success();
}

void secateur::lowering::attachMovementModels(MLIRContext *context) {
  attachLowering<nn::ExpandOp, lowerExpand>(context);
  attachLowering<nn::TileOp, lowerTile>(context);
  attachLowering<nn::ConstantOfShapeOp, lowerConstantOfShape>(context);
  attachLowering<nn::PadOp, lowerPad>(context);
  attachLowering<nn::RangeOp, lowerRange>(context);
  attachLowering<nn::EyeLikeOp, lowerEyeLike>(context);
  attachLowering<nn::TriluOp, lowerTrilu>(context);
}
