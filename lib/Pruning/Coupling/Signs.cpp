//===- Signs.cpp - Results that are never negative ---------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A maximum over erased zeros is that over what is left, where nothing is negative.

#include "Coupling.h"

#include <cmath>

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

namespace {

using Rule = bool (*)(Operation *op, ArrayRef<bool> operands);

template <typename Op, Rule rule>
struct Sign : nn::SignOpInterface::ExternalModel<Sign<Op, rule>, Op> {
  bool isNonNegative(Operation *op, ArrayRef<bool> operands) const { return rule(op, operands); }
};

} // namespace

static bool always(Operation *, ArrayRef<bool>) { return true; }
static bool ofFirst(Operation *, ArrayRef<bool> operands) { return operands[0]; }
static bool ofAll(Operation *, ArrayRef<bool> operands) {
  return llvm::all_of(operands, [](bool operand) { return operand; });
}
static bool ofAny(Operation *, ArrayRef<bool> operands) {
  return llvm::any_of(operands, [](bool operand) { return operand; });
}
static bool ofProduct(Operation *op, ArrayRef<bool> operands) {
  return ofAll(op, operands) || op->getOperand(0) == op->getOperand(1);
}
static bool ofPower(Operation *op, ArrayRef<bool> operands) {
  std::optional<double> exponent = splatOf(op->getOperand(1));
  return operands[0] || (exponent && std::fmod(*exponent, 2) == 0);
}
/// Whether `value` is chosen where it is more than a number that is not negative.
static bool isAboveZero(Value condition, Value value) {
  Operation *op = condition.getDefiningOp();
  if (!isa_and_nonnull<nn::GreaterOp, nn::GreaterOrEqualOp>(op) || op->getOperand(0) != value)
    return false;
  std::optional<double> bound = splatOf(op->getOperand(1));
  return bound && *bound >= 0;
}
static bool ofChoice(Operation *op, ArrayRef<bool> operands) {
  return (operands[1] || isAboveZero(op->getOperand(0), op->getOperand(1))) && operands[2];
}
static bool ofClip(Operation *op, ArrayRef<bool> operands) {
  auto clip = cast<nn::ClipOp>(op);
  // The upper bound wins over what is below it.
  std::optional<double> low = clip.getMin() ? splatOf(clip.getMin()) : std::nullopt;
  std::optional<double> high = clip.getMax() ? splatOf(clip.getMax()) : INFINITY;
  return (operands[0] || (low && *low >= 0)) && high && *high >= 0;
}

template <Rule rule, typename... Ops>
static void attachRule(MLIRContext &context) {
  (Ops::template attachInterface<Sign<Ops, rule>>(context), ...);
}

void pruning::attachSigns(MLIRContext &context) {
  using namespace nn;
  attachRule<always, AbsOp, ExpOp, HardSigmoidOp, HardmaxOp, ReduceL1Op, ReduceL2Op,
             ReduceSumSquareOp, ReluOp, SigmoidOp, SoftmaxOp, SoftplusOp, SqrtOp, LpPoolOp,
             GlobalLpPoolOp>(context);
  attachRule<ofFirst, AveragePoolOp, CastLikeOp, CastOp, DepthToSpaceOp, DropoutOp, ExpandOp,
             FlattenOp, GatherOp, GlobalAveragePoolOp, GlobalMaxPoolOp, IdentityOp, MaxPoolOp,
             ReduceMaxOp, ReduceMeanOp, ReduceMinOp, ReduceProdOp, ReduceSumOp, ReshapeOp, SliceOp,
             SpaceToDepthOp, SplitOp, SqueezeOp, TileOp, TransposeOp, UnsqueezeOp>(context);
  attachRule<ofAll, AddOp, ConcatOp, DivOp, MeanOp, MinOp, SumOp>(context);
  attachRule<ofAny, MaxOp>(context);
  attachRule<ofProduct, MulOp>(context);
  attachRule<ofPower, PowOp>(context);
  attachRule<ofChoice, WhereOp>(context);
  attachRule<ofClip, ClipOp>(context);
}
