//===- Elementwise.cpp - Lowering of arithmetic, comparisons and casts --------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Models.h"
#include "Pointwise.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

template <typename OpTy, Value (Scalars::*compute)(Value, Value)>
static void attachBinary(MLIRContext *context) {
  attachPointwise<OpTy, [](OpTy, Scalars &s, ImplicitLocOpBuilder &, ValueRange x) {
    return (s.*compute)(x[0], x[1]);
  }>(context);
}

/// Sum, Max, Min of any number of operands.
template <typename OpTy, Value (Scalars::*compute)(Value, Value)>
static void attachVariadic(MLIRContext *context) {
  attachPointwise<OpTy, [](OpTy, Scalars &s, ImplicitLocOpBuilder &, ValueRange x) {
    Value result = x[0];
    for (Value next : x.drop_front())
      result = (s.*compute)(result, next);
    return result;
  }>(context);
}

template <typename OpTy, typename IntegerOp>
static void attachInteger(MLIRContext *context) {
  attachPointwise<OpTy, [](OpTy, Scalars &, ImplicitLocOpBuilder &b, ValueRange x) {
    return IntegerOp::create(b, x[0], x[1]);
  }>(context);
}

static Value average(nn::MeanOp, Scalars &s, ImplicitLocOpBuilder &, ValueRange x) {
  Value sum = x[0];
  for (Value next : x.drop_front())
    sum = s.add(sum, next);
  return x.size() == 1 ? sum : s.div(sum, s.number(double(x.size())));
}

/// Integers: the remainder has the sign of the divisor; with fmod = 1, or of
/// floats, that of the dividend.
static Value modulo(nn::ModOp op, Scalars &s, ImplicitLocOpBuilder &b, ValueRange x) {
  ScalarKind kind = LoweringContext::kindOf(op.getA());
  if (kind == ScalarKind::Float) {
    Value remainder = arith::RemFOp::create(b, x[0], x[1]);
    if (op.getFmod())
      return remainder;
    Value zero = s.number(0);
    Value differs = arith::XOrIOp::create(b, s.less(remainder, zero), s.less(x[1], zero));
    Value isZero = s.equal(remainder, zero);
    return s.select(isZero, remainder, s.select(differs, s.add(remainder, x[1]), remainder));
  }
  Value zero = s.number(0), one = s.number(1);
  Value divisor = s.select(s.equal(x[1], zero), one, x[1]);
  if (kind != ScalarKind::Signed)
    return arith::RemUIOp::create(b, x[0], divisor);
  // The smallest number by -1 would trap; its remainder is 0.
  Value safe = s.select(s.equal(divisor, s.number(-1)), one, divisor);
  Value remainder = arith::RemSIOp::create(b, x[0], safe);
  if (op.getFmod())
    return remainder;
  Value differs = arith::XOrIOp::create(b, s.less(remainder, zero), s.less(divisor, zero));
  Value isZero = s.equal(remainder, zero);
  return s.select(isZero, remainder, s.select(differs, s.add(remainder, divisor), remainder));
}

/// The result has the type of the base; where one of the two is a float, the
/// power is computed in floats.
static Value power(nn::PowOp op, Scalars &s, ImplicitLocOpBuilder &b, ValueRange x) {
  ScalarKind baseKind = LoweringContext::kindOf(op.getX()),
             exponentKind = LoweringContext::kindOf(op.getY());
  if (baseKind == ScalarKind::Float || exponentKind != ScalarKind::Float)
    return s.pow(x[0], convertScalar(b, x[1], exponentKind, x[0].getType(), baseKind));
  Type wide = b.getF64Type();
  Value result = Scalars(b, wide, ScalarKind::Float)
                     .pow(convertScalar(b, x[0], baseKind, wide, ScalarKind::Float),
                          convertScalar(b, x[1], exponentKind, wide, ScalarKind::Float));
  return convertScalar(b, result, ScalarKind::Float, x[0].getType(), baseKind);
}

static Value bitShift(nn::BitShiftOp op, Scalars &s, ImplicitLocOpBuilder &b, ValueRange x) {
  // An amount of all bits or more, or below 0, leaves 0, or copies of the sign.
  int64_t width = x[0].getType().getIntOrFloatBitWidth();
  Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, x[1], s.number(width));
  if (op.getDirection() != "LEFT" && LoweringContext::kindOf(op.getX()) == ScalarKind::Signed)
    return arith::ShRSIOp::create(b, x[0], s.select(fits, x[1], s.number(width - 1)));
  Value amount = s.select(fits, x[1], s.number(0));
  Value shifted = op.getDirection() == "LEFT" ? Value(arith::ShLIOp::create(b, x[0], amount))
                                              : Value(arith::ShRUIOp::create(b, x[0], amount));
  return s.select(fits, shifted, s.number(0));
}

static LogicalResult lowerClip(nn::ClipOp op, LoweringContext &context) {
  SmallVector<Value> operands = {op.getInput()};
  if (op.getMin())
    operands.push_back(op.getMin());
  if (op.getMax())
    operands.push_back(op.getMax());
  ScalarKind kind = LoweringContext::kindOf(op.getInput());
  return context.elementwise(op, operands, op.getOutput(),
                             [&](ImplicitLocOpBuilder &b, ValueRange x) {
                               Scalars s(b, x[0].getType(), kind);
                               Value result = x[0];
                               if (op.getMin())
                                 result = s.max(result, x[1]);
                               if (op.getMax())
                                 result = s.min(result, x.back());
                               return result;
                             });
}

//===----------------------------------------------------------------------===//
// Comparisons and choices
//===----------------------------------------------------------------------===//

template <typename OpTy, Value (Scalars::*compute)(Value, Value), bool swapped>
static void attachComparison(MLIRContext *context) {
  attachPointwise<OpTy, [](OpTy, Scalars &s, ImplicitLocOpBuilder &, ValueRange x) {
    return swapped ? (s.*compute)(x[1], x[0]) : (s.*compute)(x[0], x[1]);
  }>(context);
}

static Value complement(ImplicitLocOpBuilder &b, Value value) {
  Value ones = arith::ConstantOp::create(b, b.getIntegerAttr(value.getType(), -1));
  return arith::XOrIOp::create(b, value, ones);
}

//===----------------------------------------------------------------------===//
// Casts and copies
//===----------------------------------------------------------------------===//

/// Rounds an f32 to a 16-bit type and back.
static Value roundTo(ImplicitLocOpBuilder &b, Value value, Type element) {
  if (!isa<Float16Type, BFloat16Type>(element))
    return value;
  Value narrow = arith::TruncFOp::create(b, element, value);
  return arith::ExtFOp::create(b, value.getType(), narrow);
}

static LogicalResult lowerCastTo(Operation *op, LoweringContext &context) {
  Value input = op->getOperand(0), result = op->getResult(0);
  Type from = LoweringContext::elementType(input), to = LoweringContext::elementType(result);
  bool rounds = isa<FloatType>(from) && isa<Float16Type, BFloat16Type>(to) && from != to;
  if (LoweringContext::scalarKind(from) == LoweringContext::scalarKind(to) && !rounds &&
      LoweringContext::storageType(from) == LoweringContext::storageType(to)) {
    context.alias(result, input);
    return success();
  }
  return context.elementwise(op, input, result, [&](ImplicitLocOpBuilder &b, ValueRange x) {
    ScalarKind kind = LoweringContext::scalarKind(to);
    Type scalar = kind == ScalarKind::Bool ? Type(b.getI1Type()) : LoweringContext::storageType(to);
    return roundTo(b, convertScalar(b, x[0], LoweringContext::scalarKind(from), scalar, kind), to);
  });
}
static LogicalResult lowerCast(nn::CastOp op, LoweringContext &context) {
  return lowerCastTo(op, context);
}
static LogicalResult lowerCastLike(nn::CastLikeOp op, LoweringContext &context) {
  return lowerCastTo(op, context);
}

static LogicalResult lowerIdentity(nn::IdentityOp op, LoweringContext &context) {
  context.alias(op.getOutput(), op.getInput());
  return success();
}

static LogicalResult lowerDropout(nn::DropoutOp op, LoweringContext &context) {
  if (op.getTrainingMode()) {
    std::optional<SmallVector<int64_t>> training = context.constantInts(op.getTrainingMode());
    if (!training || training->size() != 1 || training->front())
      return context.unsupported(
          op, "training_mode is not a constant false: models are compiled for inference");
  }
  context.alias(op.getOutput(), op.getData());
  if (op.getMask() && !op.getMask().use_empty()) {
    Value one = arith::ConstantOp::create(context.b, context.b.getI8IntegerAttr(1));
    context.set(op.getMask(), context.filled(context.shape(op.getMask()), one));
  }
  return success();
}

void secateur::lowering::attachElementwiseModels(MLIRContext *context) {
  attachBinary<nn::AddOp, &Scalars::add>(context);
  attachBinary<nn::SubOp, &Scalars::sub>(context);
  attachBinary<nn::MulOp, &Scalars::mul>(context);
  attachBinary<nn::DivOp, &Scalars::div>(context);
  attachVariadic<nn::SumOp, &Scalars::add>(context);
  attachVariadic<nn::MaxOp, &Scalars::max>(context);
  attachVariadic<nn::MinOp, &Scalars::min>(context);
  attachPointwise<nn::MeanOp, average>(context);
  attachPointwise<nn::ModOp, modulo>(context);
  attachPointwise<nn::PowOp, power>(context);
  attachPointwise<nn::AbsOp, [](nn::AbsOp, Scalars &s, ImplicitLocOpBuilder &, ValueRange x) {
    return s.abs(x[0]);
  }>(context);
  attachPointwise<nn::NegOp, [](nn::NegOp op, Scalars &s, ImplicitLocOpBuilder &b, ValueRange x) {
    return isa<FloatType>(x[0].getType()) ? Value(arith::NegFOp::create(b, x[0])) : s.neg(x[0]);
  }>(context);
  attachPointwise<nn::BitShiftOp, bitShift>(context);
  attachInteger<nn::BitwiseAndOp, arith::AndIOp>(context);
  attachInteger<nn::BitwiseOrOp, arith::OrIOp>(context);
  attachInteger<nn::BitwiseXorOp, arith::XOrIOp>(context);
  attachPointwise<nn::BitwiseNotOp, [](nn::BitwiseNotOp, Scalars &, ImplicitLocOpBuilder &b,
                                       ValueRange x) { return complement(b, x[0]); }>(context);
  attachLowering<nn::ClipOp, lowerClip>(context);

  attachInteger<nn::AndOp, arith::AndIOp>(context);
  attachInteger<nn::OrOp, arith::OrIOp>(context);
  attachInteger<nn::XorOp, arith::XOrIOp>(context);
  attachPointwise<nn::NotOp, [](nn::NotOp, Scalars &, ImplicitLocOpBuilder &b, ValueRange x) {
    return complement(b, x[0]);
  }>(context);
  attachComparison<nn::EqualOp, &Scalars::equal, false>(context);
  attachComparison<nn::LessOp, &Scalars::less, false>(context);
  attachComparison<nn::LessOrEqualOp, &Scalars::lessOrEqual, false>(context);
  attachComparison<nn::GreaterOp, &Scalars::less, true>(context);
  attachComparison<nn::GreaterOrEqualOp, &Scalars::lessOrEqual, true>(context);
  attachPointwise<nn::WhereOp, [](nn::WhereOp, Scalars &, ImplicitLocOpBuilder &b, ValueRange x) {
    return arith::SelectOp::create(b, x[0], x[1], x[2]);
  }>(context);

  attachLowering<nn::CastOp, lowerCast>(context);
  attachLowering<nn::CastLikeOp, lowerCastLike>(context);
  attachLowering<nn::IdentityOp, lowerIdentity>(context);
  attachLowering<nn::DropoutOp, lowerDropout>(context);
}
