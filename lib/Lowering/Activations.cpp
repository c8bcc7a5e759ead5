//===- Activations.cpp - Lowering of unary functions of floats ---------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Models.h"
#include "Pointwise.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

template <typename OpTy, typename MathOp>
static void attachMath(MLIRContext *context) {
  attachFloatPointwise<OpTy, [](OpTy, Scalars &, ImplicitLocOpBuilder &b, ValueRange x) {
    return MathOp::create(b, x[0]);
  }>(context);
}

/// x < 0 ? negative : x
static Value orElse(Scalars &s, Value x, Value negative) {
  return s.select(s.less(x, s.number(0)), negative, x);
}

static Value gelu(nn::GeluOp op, Scalars &s, ImplicitLocOpBuilder &, ValueRange x) {
  Value half = s.mul(x[0], s.number(0.5));
  if (op.getApproximate() == "tanh") {
    Value cube = s.mul(s.mul(x[0], x[0]), x[0]);
    Value inner = s.mul(s.number(0.7978845608028654), s.add(x[0], s.mul(s.number(0.044715), cube)));
    return s.mul(half, s.add(s.number(1), s.tanh(inner)));
  }
  return s.mul(half, s.add(s.number(1), s.erf(s.mul(x[0], s.number(0.7071067811865476)))));
}

static Value shrink(nn::ShrinkOp op, Scalars &s, ImplicitLocOpBuilder &, ValueRange x) {
  double lambda = op.getLambd().convertToDouble(), bias = op.getBias().convertToDouble();
  Value above = s.less(s.number(lambda), x[0]), below = s.less(x[0], s.number(-lambda));
  return s.select(above, s.sub(x[0], s.number(bias)),
                  s.select(below, s.add(x[0], s.number(bias)), s.number(0)));
}

static Value sign(nn::SignOp, Scalars &s, ImplicitLocOpBuilder &, ValueRange x) {
  Value zero = s.number(0);
  return s.select(s.less(zero, x[0]), s.number(1),
                  s.select(s.less(x[0], zero), s.number(-1), zero));
}

static Value isInfinite(nn::IsinfOp op, Scalars &s, ImplicitLocOpBuilder &b, ValueRange x) {
  Value result = arith::ConstantOp::create(b, b.getBoolAttr(false));
  if (op.getDetectPositive())
    result = arith::OrIOp::create(b, result, s.equal(x[0], s.highest()));
  if (op.getDetectNegative())
    result = arith::OrIOp::create(b, result, s.equal(x[0], s.lowest()));
  return result;
}

void secateur::lowering::attachActivationModels(MLIRContext *context) {
  attachMath<nn::AcosOp, math::AcosOp>(context);
  attachMath<nn::AcoshOp, math::AcoshOp>(context);
  attachMath<nn::AsinOp, math::AsinOp>(context);
  attachMath<nn::AsinhOp, math::AsinhOp>(context);
  attachMath<nn::AtanOp, math::AtanOp>(context);
  attachMath<nn::AtanhOp, math::AtanhOp>(context);
  attachMath<nn::CeilOp, math::CeilOp>(context);
  attachMath<nn::CosOp, math::CosOp>(context);
  attachMath<nn::CoshOp, math::CoshOp>(context);
  attachMath<nn::ErfOp, math::ErfOp>(context);
  attachMath<nn::ExpOp, math::ExpOp>(context);
  attachMath<nn::FloorOp, math::FloorOp>(context);
  attachMath<nn::LogOp, math::LogOp>(context);
  attachMath<nn::RoundOp, math::RoundEvenOp>(context);
  attachMath<nn::SinOp, math::SinOp>(context);
  attachMath<nn::SinhOp, math::SinhOp>(context);
  attachMath<nn::SqrtOp, math::SqrtOp>(context);
  attachMath<nn::TanOp, math::TanOp>(context);
  attachMath<nn::TanhOp, math::TanhOp>(context);

  attachFloatPointwise<nn::CeluOp,
                       [](nn::CeluOp op, Scalars &s, ImplicitLocOpBuilder &b, ValueRange x) {
                         Value alpha = s.number(op.getAlpha().convertToDouble());
                         Value tail = s.mul(alpha, math::ExpM1Op::create(b, s.div(x[0], alpha)));
                         return s.add(s.max(x[0], s.number(0)), s.min(s.number(0), tail));
                       }>(context);
  attachFloatPointwise<nn::EluOp, [](nn::EluOp op, Scalars &s, ImplicitLocOpBuilder &b,
                                     ValueRange x) {
    return orElse(s, x[0],
                  s.mul(s.number(op.getAlpha().convertToDouble()), math::ExpM1Op::create(b, x[0])));
  }>(context);
  attachFloatPointwise<nn::GeluOp, gelu>(context);
  attachFloatPointwise<nn::HardSigmoidOp,
                       [](nn::HardSigmoidOp op, Scalars &s, ImplicitLocOpBuilder &, ValueRange x) {
                         Value line = s.add(s.mul(x[0], s.number(op.getAlpha().convertToDouble())),
                                            s.number(op.getBeta().convertToDouble()));
                         return s.clamp(line, 0, 1);
                       }>(context);
  attachFloatPointwise<nn::HardSwishOp, [](nn::HardSwishOp, Scalars &s, ImplicitLocOpBuilder &,
                                           ValueRange x) {
    return s.mul(x[0], s.clamp(s.add(s.mul(x[0], s.number(1.0 / 6.0)), s.number(0.5)), 0, 1));
  }>(context);
  attachFloatPointwise<nn::IsinfOp, isInfinite>(context);
  attachFloatPointwise<nn::IsnanOp,
                       [](nn::IsnanOp, Scalars &, ImplicitLocOpBuilder &b, ValueRange x) {
                         return arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, x[0], x[0]);
                       }>(context);
  attachFloatPointwise<nn::LeakyReluOp, [](nn::LeakyReluOp op, Scalars &s, ImplicitLocOpBuilder &,
                                           ValueRange x) {
    return orElse(s, x[0], s.mul(x[0], s.number(op.getAlpha().convertToDouble())));
  }>(context);
  attachFloatPointwise<nn::MishOp,
                       [](nn::MishOp, Scalars &s, ImplicitLocOpBuilder &, ValueRange x) {
                         return s.mul(x[0], s.tanh(s.softplus(x[0])));
                       }>(context);
  attachPointwise<nn::PreluOp, [](nn::PreluOp, Scalars &s, ImplicitLocOpBuilder &, ValueRange x) {
    return orElse(s, x[0], s.mul(x[0], x[1]));
  }>(context);
  attachFloatPointwise<nn::ReciprocalOp, [](nn::ReciprocalOp, Scalars &s, ImplicitLocOpBuilder &,
                                            ValueRange x) { return s.div(s.number(1), x[0]); }>(
      context);
  attachPointwise<nn::ReluOp, [](nn::ReluOp, Scalars &s, ImplicitLocOpBuilder &, ValueRange x) {
    return s.max(x[0], s.number(0));
  }>(context);
  attachFloatPointwise<nn::SeluOp, [](nn::SeluOp op, Scalars &s, ImplicitLocOpBuilder &b,
                                      ValueRange x) {
    Value negative =
        s.mul(s.number(op.getAlpha().convertToDouble()), math::ExpM1Op::create(b, x[0]));
    return s.mul(s.number(op.getGamma().convertToDouble()), orElse(s, x[0], negative));
  }>(context);
  attachPointwise<nn::ShrinkOp, shrink>(context);
  attachFloatPointwise<nn::SigmoidOp, [](nn::SigmoidOp, Scalars &s, ImplicitLocOpBuilder &,
                                         ValueRange x) { return s.sigmoid(x[0]); }>(context);
  attachPointwise<nn::SignOp, sign>(context);
  attachFloatPointwise<nn::SoftplusOp, [](nn::SoftplusOp, Scalars &s, ImplicitLocOpBuilder &,
                                          ValueRange x) { return s.softplus(x[0]); }>(context);
  attachFloatPointwise<nn::SoftsignOp,
                       [](nn::SoftsignOp, Scalars &s, ImplicitLocOpBuilder &, ValueRange x) {
                         return s.div(x[0], s.add(s.number(1), s.abs(x[0])));
                       }>(context);
  attachFloatPointwise<nn::SwishOp, [](nn::SwishOp op, Scalars &s, ImplicitLocOpBuilder &,
                                       ValueRange x) {
    return s.mul(x[0], s.sigmoid(s.mul(x[0], s.number(op.getAlpha().convertToDouble()))));
  }>(context);
  attachFloatPointwise<nn::ThresholdedReluOp, [](nn::ThresholdedReluOp op, Scalars &s,
                                                 ImplicitLocOpBuilder &, ValueRange x) {
    return s.select(s.less(s.number(op.getAlpha().convertToDouble()), x[0]), x[0], s.number(0));
  }>(context);
}
