//===- Scalars.cpp - Arithmetic on the elements of tensors -------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Scalars.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace secateur::lowering;

Value Scalars::number(double value) {
  if (kind == ScalarKind::Float)
    return arith::ConstantOp::create(b, b.getFloatAttr(type, value));
  return arith::ConstantOp::create(b, b.getIntegerAttr(type, int64_t(value)));
}

template <typename FloatOp, typename SignedOp, typename UnsignedOp>
static Value choose(ImplicitLocOpBuilder &b, ScalarKind kind, Value left, Value right) {
  if (kind == ScalarKind::Float)
    return FloatOp::create(b, left, right);
  if (kind == ScalarKind::Signed)
    return SignedOp::create(b, left, right);
  return UnsignedOp::create(b, left, right);
}

Value Scalars::add(Value left, Value right) {
  return choose<arith::AddFOp, arith::AddIOp, arith::AddIOp>(b, kind, left, right);
}
Value Scalars::sub(Value left, Value right) {
  return choose<arith::SubFOp, arith::SubIOp, arith::SubIOp>(b, kind, left, right);
}
Value Scalars::mul(Value left, Value right) {
  return choose<arith::MulFOp, arith::MulIOp, arith::MulIOp>(b, kind, left, right);
}
Value Scalars::max(Value left, Value right) {
  return choose<arith::MaximumFOp, arith::MaxSIOp, arith::MaxUIOp>(b, kind, left, right);
}
Value Scalars::min(Value left, Value right) {
  return choose<arith::MinimumFOp, arith::MinSIOp, arith::MinUIOp>(b, kind, left, right);
}

Value Scalars::div(Value left, Value right) {
  if (kind == ScalarKind::Float)
    return arith::DivFOp::create(b, left, right);
  // A division by zero must not trap: it gives what a division by one gives.
  Value zero = number(0), one = number(1);
  Value isZero = equal(right, zero);
  Value safe = select(isZero, one, right);
  if (kind != ScalarKind::Signed)
    return arith::DivUIOp::create(b, left, safe);
  // Nor must the smallest number by -1.
  Value minusOne = number(-1);
  Value isMinusOne = equal(safe, minusOne);
  Value quotient = arith::DivSIOp::create(b, left, select(isMinusOne, one, safe));
  return select(isMinusOne, sub(zero, left), quotient);
}

Value Scalars::abs(Value value) {
  if (kind == ScalarKind::Float)
    return math::AbsFOp::create(b, value);
  return kind == ScalarKind::Signed ? Value(math::AbsIOp::create(b, value)) : value;
}
Value Scalars::exp(Value value) { return math::ExpOp::create(b, value); }
Value Scalars::log(Value value) { return math::LogOp::create(b, value); }
Value Scalars::tanh(Value value) { return math::TanhOp::create(b, value); }
Value Scalars::sqrt(Value value) { return math::SqrtOp::create(b, value); }
Value Scalars::erf(Value value) { return math::ErfOp::create(b, value); }

Value Scalars::less(Value left, Value right) {
  if (kind == ScalarKind::Float)
    return arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, left, right);
  return arith::CmpIOp::create(
      b, kind == ScalarKind::Signed ? arith::CmpIPredicate::slt : arith::CmpIPredicate::ult, left,
      right);
}
Value Scalars::lessOrEqual(Value left, Value right) {
  if (kind == ScalarKind::Float)
    return arith::CmpFOp::create(b, arith::CmpFPredicate::OLE, left, right);
  return arith::CmpIOp::create(
      b, kind == ScalarKind::Signed ? arith::CmpIPredicate::sle : arith::CmpIPredicate::ule, left,
      right);
}
Value Scalars::equal(Value left, Value right) {
  if (kind == ScalarKind::Float)
    return arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, left, right);
  return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, left, right);
}
Value Scalars::select(Value condition, Value ifTrue, Value ifFalse) {
  return arith::SelectOp::create(b, condition, ifTrue, ifFalse);
}

Value Scalars::sigmoid(Value value) {
  Value one = number(1);
  return div(one, add(one, exp(arith::NegFOp::create(b, value))));
}

/// log(1 + exp(x)) without overflow: max(x, 0) + log1p(exp(-|x|)).
Value Scalars::softplus(Value value) {
  Value tail = math::Log1pOp::create(b, exp(arith::NegFOp::create(b, abs(value))));
  return add(max(value, number(0)), tail);
}

Value Scalars::pow(Value base, Value exponent) {
  // Small constant exponents are products.
  FloatAttr constant;
  if (kind == ScalarKind::Float && matchPattern(exponent, m_Constant(&constant))) {
    double power = constant.getValueAsDouble();
    if (power == 1)
      return base;
    if (power == 2)
      return mul(base, base);
    if (power == 3)
      return mul(mul(base, base), base);
    if (power == 0.5)
      return sqrt(base);
    if (power == -1)
      return div(number(1), base);
  }
  if (kind == ScalarKind::Float)
    return math::PowFOp::create(b, base, exponent);
  // By squaring; exponents of 64 and more overflow, except of 0, 1 and -1, whose
  // powers the first bit decides.
  Value one = number(1), zero = number(0), result = one, square = base;
  for (int bit = 0; bit < 6; ++bit) {
    Value shifted = arith::ShRUIOp::create(b, exponent, number(bit));
    Value isSet = arith::CmpIOp::create(b, arith::CmpIPredicate::ne,
                                        arith::AndIOp::create(b, shifted, one), zero);
    result = select(isSet, mul(result, square), result);
    square = mul(square, square);
  }
  if (kind != ScalarKind::Signed)
    return result;
  // Of negative exponents only 1 and -1 have a power that is not 0.
  Value isUnit = equal(mul(base, base), one);
  Value odd = equal(arith::AndIOp::create(b, exponent, one), one);
  Value unit = select(odd, base, one);
  return select(less(exponent, zero), select(isUnit, unit, zero), result);
}

Value Scalars::lowest() {
  if (auto floating = dyn_cast<FloatType>(type))
    return arith::ConstantOp::create(
        b, b.getFloatAttr(type, APFloat::getInf(floating.getFloatSemantics(), /*Negative=*/true)));
  unsigned width = type.getIntOrFloatBitWidth();
  APInt value =
      kind == ScalarKind::Signed ? APInt::getSignedMinValue(width) : APInt::getMinValue(width);
  return arith::ConstantOp::create(b, b.getIntegerAttr(type, value));
}

Value Scalars::highest() {
  if (auto floating = dyn_cast<FloatType>(type))
    return arith::ConstantOp::create(
        b, b.getFloatAttr(type, APFloat::getInf(floating.getFloatSemantics())));
  unsigned width = type.getIntOrFloatBitWidth();
  APInt value =
      kind == ScalarKind::Signed ? APInt::getSignedMaxValue(width) : APInt::getMaxValue(width);
  return arith::ConstantOp::create(b, b.getIntegerAttr(type, value));
}

/// A float as an integer. Converting what does not fit is undefined in LLVM, so
/// that it is clamped first; the bounds are exact in f64, and in f32 the next
/// number inside the range is used.
static Value floatToInteger(ImplicitLocOpBuilder &b, Value value, IntegerType to, bool isUnsigned) {
  if (!value.getType().isF64())
    value = arith::ExtFOp::create(b, b.getF64Type(), value);
  Scalars f(b, value.getType(), ScalarKind::Float);
  unsigned width = to.getWidth();
  // 8- and 16-bit integers wrap as C programs do: through i32.
  if (width < 32) {
    Value wide = floatToInteger(b, value, b.getI32Type(), false);
    return arith::TruncIOp::create(b, to, wide);
  }
  double low = isUnsigned ? 0.0 : -std::ldexp(1.0, width - 1);
  double high = std::ldexp(1.0, isUnsigned ? width : width - 1);
  // The largest double below the bound.
  double largest = width <= 32 ? high - 1 : std::nextafter(high, 0.0);
  Value isNumber = arith::CmpFOp::create(b, arith::CmpFPredicate::ORD, value, value);
  Value safe = f.select(isNumber, value, f.number(low));
  safe = f.max(f.min(safe, f.number(largest)), f.number(low));
  if (isUnsigned)
    return arith::FPToUIOp::create(b, to, safe);
  return arith::FPToSIOp::create(b, to, safe);
}

Value secateur::lowering::convertScalar(ImplicitLocOpBuilder &b, Value value, ScalarKind from,
                                        Type to, ScalarKind toKind) {
  Type type = value.getType();
  bool fromFloat = from == ScalarKind::Float;
  if (toKind == ScalarKind::Bool) {
    if (from == ScalarKind::Bool)
      return value;
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
    if (fromFloat)
      return arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, value, zero);
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, value, zero);
  }
  if (auto toFloat = dyn_cast<FloatType>(to)) {
    if (!fromFloat)
      return from == ScalarKind::Signed ? Value(arith::SIToFPOp::create(b, to, value))
                                        : Value(arith::UIToFPOp::create(b, to, value));
    if (type == to)
      return value;
    return toFloat.getWidth() > cast<FloatType>(type).getWidth()
               ? Value(arith::ExtFOp::create(b, to, value))
               : Value(arith::TruncFOp::create(b, to, value));
  }
  auto toInteger = cast<IntegerType>(to);
  if (fromFloat)
    return floatToInteger(b, value, toInteger, toKind == ScalarKind::Unsigned);
  unsigned width = cast<IntegerType>(type).getWidth();
  if (width == toInteger.getWidth())
    return value;
  if (width > toInteger.getWidth())
    return arith::TruncIOp::create(b, to, value);
  return from == ScalarKind::Signed ? Value(arith::ExtSIOp::create(b, to, value))
                                    : Value(arith::ExtUIOp::create(b, to, value));
}

SmallVector<Value> secateur::lowering::cubicWeights(ImplicitLocOpBuilder &b, Value fraction,
                                                    double a) {
  Scalars f(b, b.getF32Type(), ScalarKind::Float);
  auto near = [&](Value t) { // ((a + 2) t - (a + 3)) t^2 + 1
    Value line = f.sub(f.mul(f.number(a + 2), t), f.number(a + 3));
    return f.add(f.mul(f.mul(line, t), t), f.number(1));
  };
  auto far = [&](Value t) { // ((a t - 5 a) t + 8 a) t - 4 a
    Value line = f.sub(f.mul(f.number(a), t), f.number(5 * a));
    return f.sub(f.mul(f.add(f.mul(line, t), f.number(8 * a)), t), f.number(4 * a));
  };
  Value one = f.number(1), rest = f.sub(one, fraction);
  return {far(f.add(fraction, one)), near(fraction), near(rest), far(f.add(rest, one))};
}
