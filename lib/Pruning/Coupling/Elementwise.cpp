//===- Elementwise.cpp - Coupling of elementwise operators ------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Axes broadcast and unify. What differs between the operators is what they make
// of erased positions: where all operands hold known numbers, so does the result.

#include "Coupling.h"

#include <cmath>

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

/// Sizes go on through arithmetic on vectors and scalars; a tensor of more axes
/// is not a shape.
static SizeUse sizesThrough(Operation *op) {
  bool small = llvm::all_of(op->getResults(), [](Value result) {
    auto type = dyn_cast<RankedTensorType>(result.getType());
    return type && type.getRank() <= 1;
  });
  return {small ? SizeUse::Kind::Passes : SizeUse::Kind::Value, std::nullopt};
}

static bool allFinite(ArrayRef<ErasedValue> operands) {
  return llvm::all_of(operands, [](ErasedValue operand) { return operand.isFinite(); });
}

namespace {

/// What all models of this file have in common.
template <typename Model, typename Op>
struct Elementwise : nn::CouplingOpInterface::ExternalModel<Model, Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    declareBroadcast(op, builder);
  }
  SizeUse useOfSizes(Operation *op, unsigned) const { return sizesThrough(op); }
};

using Function = double (*)(double);

/// `function` of a number; finite numbers stay finite where `total`.
template <typename Op, Function function, bool total>
struct Unary : Elementwise<Unary<Op, function, total>, Op> {
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    double number = operands[0].isConstant() ? function(operands[0].number) : NAN;
    if (std::isfinite(number))
      return ErasedValue::constant(number);
    return total && operands[0].isFinite() ? ErasedValue::finite() : ErasedValue::unknown();
  }
};

using Combination = double (*)(double, double);

/// Folds all operands; finite as they are.
template <typename Op, Combination combine>
struct Nary : Elementwise<Nary<Op, combine>, Op> {
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    SmallVector<ErasedValue> known = withConstants(op, operands);
    if (!allFinite(known))
      return ErasedValue::unknown();
    if (!llvm::all_of(known, [](ErasedValue operand) { return operand.isConstant(); }))
      return ErasedValue::finite();
    double number = known.front().number;
    for (ErasedValue operand : ArrayRef(known).drop_front())
      number = combine(number, operand.number);
    return ErasedValue::constant(number);
  }
};

/// Numbers that are always finite: comparisons, logic, bits.
template <typename Op>
struct Logical : Elementwise<Logical<Op>, Op> {
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue>, unsigned) const {
    return ErasedValue::finite();
  }
};

struct MulCoupling : Elementwise<MulCoupling, nn::MulOp> {
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    SmallVector<ErasedValue> known = withConstants(op, operands);
    if (known[0].isConstant() && known[1].isConstant())
      return ErasedValue::constant(known[0].number * known[1].number);
    return contractionOf(operands);
  }
};

/// The divisor of a model that works is not zero, unless erasing made it so.
struct DivCoupling : nn::CouplingOpInterface::ExternalModel<DivCoupling, nn::DivOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    declareBroadcast(op, builder);
    builder.keepsValue(op->getOpOperand(1));
  }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    SmallVector<ErasedValue> known = withConstants(op, operands);
    if (known[0].isConstant() && known[1].isConstant())
      return ErasedValue::constant(known[0].number / known[1].number);
    bool ordinary = operands[1].isAbsent() || op->getOperand(1).getDefiningOp<nn::ConstantOp>() ||
                    (known[1].isConstant() && known[1].number != 0);
    if (!ordinary || !known[0].isFinite())
      return ErasedValue::unknown();
    return operands[0].isZero() ? ErasedValue::zero() : ErasedValue::finite();
  }
  SizeUse useOfSizes(Operation *op, unsigned) const { return sizesThrough(op); }
};

struct PowCoupling : nn::CouplingOpInterface::ExternalModel<PowCoupling, nn::PowOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    declareBroadcast(op, builder);
    builder.keepsValue(op->getOpOperand(1));
  }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    std::optional<double> exponent = splatOf(op->getOperand(1));
    if (!exponent || operands[0].isAbsent())
      return ErasedValue::unknown();
    if (operands[0].isConstant())
      return ErasedValue::constant(std::pow(operands[0].number, *exponent));
    // A square or cube stays a number; a root need not.
    bool polynomial = *exponent >= 0 && std::floor(*exponent) == *exponent;
    return polynomial ? operands[0] : ErasedValue::unknown();
  }
  SizeUse useOfSizes(Operation *op, unsigned) const { return sizesThrough(op); }
};

struct ClipCoupling : Elementwise<ClipCoupling, nn::ClipOp> {
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    auto clip = cast<nn::ClipOp>(op);
    std::optional<double> low = clip.getMin() ? splatOf(clip.getMin()) : -INFINITY;
    std::optional<double> high = clip.getMax() ? splatOf(clip.getMax()) : INFINITY;
    if (operands[0].isConstant() && low && high)
      return ErasedValue::constant(std::min(std::max(operands[0].number, *low), *high));
    return operands[0].isFinite() ? ErasedValue::finite() : ErasedValue::unknown();
  }
};

struct WhereCoupling : Elementwise<WhereCoupling, nn::WhereOp> {
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    ErasedValue chosen;
    for (unsigned i : {1u, 2u}) {
      std::optional<double> splat =
          operands[i].isAbsent() ? splatOf(op->getOperand(i)) : std::nullopt;
      // Positions that are not erased hold what they hold.
      ErasedValue held = operands[i].isAbsent() ? ErasedValue::finite() : operands[i];
      chosen = nn::join(chosen, splat ? ErasedValue::constant(*splat) : held);
    }
    return chosen;
  }
};

/// Data passes; the mask, where there is one, has the same axes.
struct DropoutCoupling : nn::CouplingOpInterface::ExternalModel<DropoutCoupling, nn::DropoutOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    for (OpResult result : op->getResults())
      builder.setResult(result.getResultNumber(),
                        SmallVector<Axis>(builder.axes(op->getOpOperand(0))));
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned result) const {
    return result == 0 ? operands[0] : ErasedValue::finite();
  }
};

/// The type comes from the second operand, the axes from the first.
struct CastLikeCoupling : nn::CouplingOpInterface::ExternalModel<CastLikeCoupling, nn::CastLikeOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    builder.setResult(0, SmallVector<Axis>(builder.axes(op->getOpOperand(0))));
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return operands[0];
  }
  SizeUse useOfSizes(Operation *op, unsigned) const { return sizesThrough(op); }
};

/// The slope multiplies.
struct PreluCoupling : Elementwise<PreluCoupling, nn::PreluOp> {
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    if (operands[0].isZero())
      return ErasedValue::zero();
    return allFinite(operands) ? ErasedValue::finite() : ErasedValue::unknown();
  }
};

/// The mean of its operands, which only a zero is certain for.
struct MeanCoupling : Elementwise<MeanCoupling, nn::MeanOp> {
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    if (llvm::all_of(operands, [](ErasedValue operand) { return operand.isZero(); }))
      return ErasedValue::zero();
    return allFinite(operands) ? ErasedValue::finite() : ErasedValue::unknown();
  }
};

} // namespace

//===----------------------------------------------------------------------===//
// The functions. Parameters that attributes set are left open where zero does
// not depend on them: such functions answer zero for zero, and NaN (not known)
// for all else.
//===----------------------------------------------------------------------===//

static double zeroOnly(double x) { return x == 0 ? 0 : NAN; }
static double unknownNumber(double) { return NAN; }
static double same(double x) { return x; }
static double negate(double x) { return -x; }
static double relu(double x) { return x > 0 ? x : 0; }
static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
static double softplus(double x) { return x > 30 ? x : std::log1p(std::exp(x)); }
static double reciprocal(double x) { return 1 / x; }
static double sign(double x) { return (x > 0) - (x < 0); }
static double add(double a, double b) { return a + b; }
static double subtract(double a, double b) { return a - b; }
static double maximum(double a, double b) { return std::max(a, b); }
static double minimum(double a, double b) { return std::min(a, b); }

template <Function function, bool total, typename... Ops>
static void attachUnary(MLIRContext &context) {
  (Ops::template attachInterface<Unary<Ops, function, total>>(context), ...);
}

template <typename... Ops>
static void attachLogical(MLIRContext &context) {
  (Ops::template attachInterface<Logical<Ops>>(context), ...);
}

void pruning::attachElementwiseCoupling(MLIRContext &context) {
  using namespace nn;
  attachUnary<same, true, IdentityOp>(context);
  attachUnary<relu, true, ReluOp>(context);
  attachUnary<sigmoid, true, SigmoidOp>(context);
  attachUnary<softplus, true, SoftplusOp>(context);
  attachUnary<negate, true, NegOp>(context);
  attachUnary<sign, true, SignOp>(context);
  attachUnary<reciprocal, false, ReciprocalOp>(context);
  attachUnary<std::fabs, true, AbsOp>(context);
  attachUnary<std::tanh, true, TanhOp>(context);
  attachUnary<std::erf, true, ErfOp>(context);
  attachUnary<std::floor, true, FloorOp>(context);
  attachUnary<std::ceil, true, CeilOp>(context);
  attachUnary<std::atan, true, AtanOp>(context);
  attachUnary<std::asinh, true, AsinhOp>(context);
  attachUnary<std::sin, true, SinOp>(context);
  attachUnary<std::cos, true, CosOp>(context);
  attachUnary<std::sqrt, false, SqrtOp>(context);
  attachUnary<std::exp, false, ExpOp>(context);
  attachUnary<std::log, false, LogOp>(context);
  attachUnary<std::tan, false, TanOp>(context);
  attachUnary<std::sinh, false, SinhOp>(context);
  attachUnary<std::cosh, false, CoshOp>(context);
  attachUnary<std::asin, false, AsinOp>(context);
  attachUnary<std::acos, false, AcosOp>(context);
  attachUnary<std::acosh, false, AcoshOp>(context);
  attachUnary<std::atanh, false, AtanhOp>(context);
  // Casts may round, and the others have parameters; all keep zero.
  attachUnary<zeroOnly, true, CastOp, CeluOp, EluOp, GeluOp, HardSwishOp, LeakyReluOp, MishOp,
              RoundOp, SeluOp, SoftsignOp, SwishOp>(context);
  attachUnary<unknownNumber, true, HardSigmoidOp, ShrinkOp, ThresholdedReluOp>(context);
  attachUnary<unknownNumber, false, ModOp>(context);
  attachLogical<AndOp, BitShiftOp, BitwiseAndOp, BitwiseNotOp, BitwiseOrOp, BitwiseXorOp, EqualOp,
                GreaterOp, GreaterOrEqualOp, IsinfOp, IsnanOp, LessOp, LessOrEqualOp, NotOp, OrOp,
                XorOp>(context);
  AddOp::attachInterface<Nary<AddOp, add>>(context);
  SumOp::attachInterface<Nary<SumOp, add>>(context);
  SubOp::attachInterface<Nary<SubOp, subtract>>(context);
  MaxOp::attachInterface<Nary<MaxOp, maximum>>(context);
  MinOp::attachInterface<Nary<MinOp, minimum>>(context);
  MeanOp::attachInterface<MeanCoupling>(context);
  CastLikeOp::attachInterface<CastLikeCoupling>(context);
  ClipOp::attachInterface<ClipCoupling>(context);
  DivOp::attachInterface<DivCoupling>(context);
  DropoutOp::attachInterface<DropoutCoupling>(context);
  MulOp::attachInterface<MulCoupling>(context);
  PowOp::attachInterface<PowCoupling>(context);
  PreluOp::attachInterface<PreluCoupling>(context);
  WhereOp::attachInterface<WhereCoupling>(context);
}
