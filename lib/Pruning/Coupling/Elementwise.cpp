//===- Elementwise.cpp - Coupling of elementwise operators ------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Axes broadcast and unify. What differs between the operators is what they make
// of erased positions.

#include "Coupling.h"

#include "llvm/ADT/APFloat.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

/// The value of a constant that is the same everywhere.
static std::optional<double> splatOf(Value value) {
  auto constant = value ? value.getDefiningOp<nn::ConstantOp>() : nn::ConstantOp();
  auto elements = constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : DenseElementsAttr();
  if (!elements || !elements.isSplat() || !isa<FloatType>(elements.getElementType()))
    return std::nullopt;
  APFloat number = elements.getSplatValue<APFloat>();
  bool lossy;
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lossy);
  return number.convertToDouble();
}

/// Sizes go on through arithmetic on vectors and scalars; a tensor of more axes
/// is not a shape.
static SizeUse sizesThrough(Operation *op) {
  bool small = llvm::all_of(op->getResults(), [](Value result) {
    auto type = dyn_cast<RankedTensorType>(result.getType());
    return type && type.getRank() <= 1;
  });
  return {small ? SizeUse::Kind::Passes : SizeUse::Kind::Value, std::nullopt};
}

namespace {

/// f(0) = 0 where `keepsZero`; finite numbers stay finite where `keepsFinite`.
template <typename Op, bool keepsZero, bool keepsFinite>
struct Unary : nn::CouplingOpInterface::ExternalModel<Unary<Op, keepsZero, keepsFinite>, Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const { declareBroadcast(op, builder); }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    ErasedValue input = operands[0];
    if (input == ErasedValue::Zero && keepsZero)
      return ErasedValue::Zero;
    bool finite = input == ErasedValue::Finite && keepsFinite;
    return finite || (input == ErasedValue::Zero && keepsFinite) ? ErasedValue::Finite : ErasedValue::Unknown;
  }
  SizeUse useOfSizes(Operation *op, unsigned) const { return sizesThrough(op); }
};
template <typename Op>
using Odd = Unary<Op, true, true>;
template <typename Op>
using Bounded = Unary<Op, false, true>;

/// f(0) is finite and not 0, but f may overflow or be undefined elsewhere.
template <typename Op, bool keepsZero>
struct Partial : nn::CouplingOpInterface::ExternalModel<Partial<Op, keepsZero>, Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const { declareBroadcast(op, builder); }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    if (operands[0] != ErasedValue::Zero)
      return ErasedValue::Unknown;
    return keepsZero ? ErasedValue::Zero : ErasedValue::Finite;
  }
  SizeUse useOfSizes(Operation *op, unsigned) const { return sizesThrough(op); }
};

/// Zero where all operands are: sums, differences, extrema.
template <typename Op>
struct Sum : nn::CouplingOpInterface::ExternalModel<Sum<Op>, Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const { declareBroadcast(op, builder); }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const { return sumOf(operands); }
  SizeUse useOfSizes(Operation *op, unsigned) const { return sizesThrough(op); }
};

/// Numbers that are always finite: comparisons, logic, bits.
template <typename Op>
struct Logical : nn::CouplingOpInterface::ExternalModel<Logical<Op>, Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const { declareBroadcast(op, builder); }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue>, unsigned) const { return ErasedValue::Finite; }
  SizeUse useOfSizes(Operation *op, unsigned) const { return sizesThrough(op); }
};

struct MulCoupling : nn::CouplingOpInterface::ExternalModel<MulCoupling, nn::MulOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const { declareBroadcast(op, builder); }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return contractionOf(operands);
  }
  SizeUse useOfSizes(Operation *op, unsigned) const { return sizesThrough(op); }
};

/// The divisor of a model that works is not zero, unless erasing made it so.
struct DivCoupling : nn::CouplingOpInterface::ExternalModel<DivCoupling, nn::DivOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    declareBroadcast(op, builder);
    builder.keepsValue(op->getOpOperand(1));
  }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    bool ordinary = operands[1] == ErasedValue::Absent || op->getOperand(1).getDefiningOp<nn::ConstantOp>();
    if (!ordinary)
      return ErasedValue::Unknown;
    return operands[0] == ErasedValue::Absent ? ErasedValue::Finite : operands[0];
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
    if (!exponent || *exponent <= 0)
      return ErasedValue::Unknown;
    if (operands[0] == ErasedValue::Zero)
      return ErasedValue::Zero;
    // A square or cube stays a number; a root need not.
    return std::floor(*exponent) == *exponent ? operands[0] : ErasedValue::Unknown;
  }
  SizeUse useOfSizes(Operation *op, unsigned) const { return sizesThrough(op); }
};

struct ClipCoupling : nn::CouplingOpInterface::ExternalModel<ClipCoupling, nn::ClipOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const { declareBroadcast(op, builder); }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    auto clip = cast<nn::ClipOp>(op);
    auto low = clip.getMin() ? splatOf(clip.getMin()) : std::optional<double>(-1);
    auto high = clip.getMax() ? splatOf(clip.getMax()) : std::optional<double>(1);
    bool zeroStays = low && high && *low <= 0 && *high >= 0;
    return operands[0] == ErasedValue::Zero && !zeroStays ? ErasedValue::Finite : operands[0];
  }
  SizeUse useOfSizes(Operation *op, unsigned) const { return sizesThrough(op); }
};

struct WhereCoupling : nn::CouplingOpInterface::ExternalModel<WhereCoupling, nn::WhereOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const { declareBroadcast(op, builder); }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    // A scalar alternative that is zero, or an infinity that masks scores.
    SmallVector<ErasedValue, 2> chosen;
    for (unsigned i : {1u, 2u}) {
      std::optional<double> splat = splatOf(op->getOperand(i));
      if (operands[i] != ErasedValue::Absent || !splat)
        chosen.push_back(operands[i]);
      else
        chosen.push_back(*splat == 0 ? ErasedValue::Zero
                                     : (std::isfinite(*splat) ? ErasedValue::Finite : ErasedValue::Unknown));
    }
    return sumOf(chosen);
  }
  SizeUse useOfSizes(Operation *op, unsigned) const { return sizesThrough(op); }
};

/// Data passes; the mask, where there is one, has the same axes.
struct DropoutCoupling : nn::CouplingOpInterface::ExternalModel<DropoutCoupling, nn::DropoutOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    for (OpResult result : op->getResults())
      builder.setResult(result.getResultNumber(), SmallVector<Axis>(builder.axes(op->getOpOperand(0))));
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned result) const {
    return result == 0 ? operands[0] : ErasedValue::Finite;
  }
};

/// The type comes from the second operand, the axes from the first.
struct CastLikeCoupling : nn::CouplingOpInterface::ExternalModel<CastLikeCoupling, nn::CastLikeOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    builder.setResult(0, SmallVector<Axis>(builder.axes(op->getOpOperand(0))));
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const { return operands[0]; }
  SizeUse useOfSizes(Operation *op, unsigned) const { return sizesThrough(op); }
};

} // namespace

template <template <typename> class Model, typename... Ops>
static void attach(MLIRContext &context) {
  (Ops::template attachInterface<Model<Ops>>(context), ...);
}

void pruning::attachElementwiseCoupling(MLIRContext &context) {
  using namespace nn;
  attach<Odd, AbsOp, AtanOp, CastOp, CeilOp, CeluOp, EluOp, ErfOp, FloorOp, GeluOp, HardSwishOp, IdentityOp, LeakyReluOp,
         MishOp, NegOp, ReluOp, RoundOp, SeluOp, SignOp, SinOp, SoftsignOp, SwishOp, TanhOp, AsinhOp>(context);
  attach<Bounded, CosOp, HardSigmoidOp, SigmoidOp, SoftplusOp>(context);
  attach<Logical, AndOp, BitShiftOp, BitwiseAndOp, BitwiseNotOp, BitwiseOrOp, BitwiseXorOp, EqualOp, GreaterOp,
         GreaterOrEqualOp, IsinfOp, IsnanOp, LessOp, LessOrEqualOp, NotOp, OrOp, XorOp>(context);
  attach<Sum, AddOp, MaxOp, MeanOp, MinOp, SubOp, SumOp>(context);
  SqrtOp::attachInterface<Partial<SqrtOp, true>>(context);
  SinhOp::attachInterface<Partial<SinhOp, true>>(context);
  TanOp::attachInterface<Partial<TanOp, true>>(context);
  AsinOp::attachInterface<Partial<AsinOp, true>>(context);
  AtanhOp::attachInterface<Partial<AtanhOp, true>>(context);
  ExpOp::attachInterface<Partial<ExpOp, false>>(context);
  CoshOp::attachInterface<Partial<CoshOp, false>>(context);
  AcosOp::attachInterface<Partial<AcosOp, false>>(context);
  // Undefined, or unbounded, at zero.
  AcoshOp::attachInterface<Unary<AcoshOp, false, false>>(context);
  LogOp::attachInterface<Unary<LogOp, false, false>>(context);
  ReciprocalOp::attachInterface<Unary<ReciprocalOp, false, false>>(context);
  // They depend on attributes that move zero.
  ShrinkOp::attachInterface<Bounded<ShrinkOp>>(context);
  ThresholdedReluOp::attachInterface<Bounded<ThresholdedReluOp>>(context);
  ModOp::attachInterface<Unary<ModOp, false, false>>(context);
  // The slope multiplies.
  PreluOp::attachInterface<Odd<PreluOp>>(context);
  CastLikeOp::attachInterface<CastLikeCoupling>(context);
  ClipOp::attachInterface<ClipCoupling>(context);
  DivOp::attachInterface<DivCoupling>(context);
  DropoutOp::attachInterface<DropoutCoupling>(context);
  MulOp::attachInterface<MulCoupling>(context);
  PowOp::attachInterface<PowCoupling>(context);
  WhereOp::attachInterface<WhereCoupling>(context);
}
