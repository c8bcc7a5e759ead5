//===- FuseNormalizations.cpp - Recognise decomposed layer norms ------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Support/EraseIfDead.h"
#include "secateur/Transform/HostTensor.h"
#include "secateur/Transform/Passes.h"

namespace secateur::transform {
#define GEN_PASS_DEF_NNFUSENORMALIZATIONS
#include "secateur/Transform/Passes.h.inc"
} // namespace secateur::transform

using namespace mlir;
using namespace secateur;
using namespace secateur::nn;
using namespace secateur::transform;

/// The value of a constant of one element.
static std::optional<double> scalarOf(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  std::optional<HostTensor> tensor =
      constant ? HostTensor::read(constant.getValue()) : std::nullopt;
  if (!tensor || tensor->size() != 1 || !tensor->isFloat())
    return std::nullopt;
  return tensor->getFloat(0);
}

/// `op` is ReduceMean over the last axis of its input, keeping it.
static bool isLastAxisMean(ReduceMeanOp op) {
  auto type = dyn_cast<RankedTensorType>(op.getData().getType());
  auto axes = op.getAxes() ? op.getAxes().getDefiningOp<ConstantOp>() : ConstantOp();
  std::optional<HostTensor> values = axes ? HostTensor::read(axes.getValue()) : std::nullopt;
  if (!type || !op.getKeepdims() || op.getCount() || !values || values->size() != 1)
    return false;
  int64_t axis = values->getInteger(0);
  return axis == -1 || axis == type.getRank() - 1;
}

/// The operand of a square: x * x or pow(x, 2).
static Value squaredOperand(Value value) {
  if (auto mul = value.getDefiningOp<MulOp>())
    return mul.getA() == mul.getB() ? mul.getA() : Value();
  if (auto pow = value.getDefiningOp<PowOp>())
    return scalarOf(pow.getY()) == 2.0 ? pow.getX() : Value();
  return {};
}

/// The other operand of a commutative operation, where one is `known`.
static Value otherOperand(Operation *op, Value known) {
  if (op->getOperand(0) == known)
    return op->getOperand(1);
  return op->getOperand(1) == known ? op->getOperand(0) : Value();
}

/// Whether `value` is a constant of the shape of the last axis; leading ones do not
/// matter.
static bool isLastAxisConstant(Value value, int64_t extent) {
  auto constant = value ? value.getDefiningOp<ConstantOp>() : ConstantOp();
  auto type = constant ? dyn_cast<RankedTensorType>(constant.getType()) : RankedTensorType();
  return type && type.getRank() > 0 && type.getNumElements() == extent &&
         type.getShape().back() == extent;
}

/// The only reader of `value` if it is an `Op`.
template <typename Op>
static Op onlyReader(Value value) {
  return value.hasOneUse() ? dyn_cast<Op>(*value.user_begin()) : Op();
}

namespace {

/// d / sqrt(mean(d^2) + epsilon), d = x - mean(x).
struct SpelledOutNorm {
  Value input;
  RankedTensorType type;
  double epsilon;
};

} // namespace

static std::optional<SpelledOutNorm> matchNorm(DivOp op) {
  auto difference = op.getA().getDefiningOp<SubOp>();
  auto root = op.getB().getDefiningOp<SqrtOp>();
  auto sum = root ? root.getX().getDefiningOp<AddOp>() : AddOp();
  if (!difference || !sum)
    return std::nullopt;
  auto mean = difference.getB().getDefiningOp<ReduceMeanOp>();
  bool epsilonFirst = scalarOf(sum.getA()).has_value();
  std::optional<double> epsilon = scalarOf(epsilonFirst ? sum.getA() : sum.getB());
  auto variance = (epsilonFirst ? sum.getB() : sum.getA()).getDefiningOp<ReduceMeanOp>();
  if (!mean || !variance || !epsilon || mean.getData() != difference.getA() ||
      !isLastAxisMean(mean) || !isLastAxisMean(variance))
    return std::nullopt;
  Value squared = squaredOperand(variance.getData());
  auto again = squared ? squared.getDefiningOp<SubOp>() : SubOp();
  if (!again || again.getA() != difference.getA() || again.getB() != difference.getB())
    return std::nullopt;
  auto type = dyn_cast<RankedTensorType>(op.getType());
  if (!type || type != difference.getA().getType() || type.isDynamicDim(type.getRank() - 1))
    return std::nullopt;
  return SpelledOutNorm{difference.getA(), type, *epsilon};
}

/// Replaces the norm that ends with `op`, with a scale and a bias that follow it.
static void fuse(DivOp op, const SpelledOutNorm &norm, bool onlyScaled) {
  int64_t extent = norm.type.getShape().back();
  Operation *last = op;
  Value scale, bias;
  auto take = [&](Operation *next, Value &parameter) {
    Value other = next ? otherOperand(next, last->getResult(0)) : Value();
    if (!isLastAxisConstant(other, extent) || next->getResult(0).getType() != norm.type)
      return;
    parameter = other;
    last = next;
  };
  take(onlyReader<MulOp>(op.getResult()), scale);
  if (!scale && onlyScaled)
    return;
  take(onlyReader<AddOp>(last->getResult(0)), bias);
  OpBuilder builder(last);
  if (!scale) {
    auto vector = RankedTensorType::get({extent}, norm.type.getElementType());
    auto ones =
        DenseElementsAttr::get(vector, builder.getFloatAttr(norm.type.getElementType(), 1.0));
    scale = ConstantOp::create(builder, op.getLoc(), ones);
  }
  SmallVector<Value> operands{norm.input, scale};
  if (bias)
    operands.push_back(bias);
  OperationState state(last->getLoc(), LayerNormalizationOp::getOperationName());
  state.addOperands(operands);
  state.addTypes(norm.type);
  state.addAttribute("axis", builder.getI64IntegerAttr(-1));
  state.addAttribute("epsilon", builder.getF32FloatAttr(norm.epsilon));
  state.addAttribute("resultSegmentSizes", builder.getDenseI32ArrayAttr({1, 0, 0}));
  state.addAttribute(NNDialect::kSpelledOutAttr, builder.getUnitAttr());
  last->getResult(0).replaceAllUsesWith(builder.create(state)->getResult(0));
  eraseIfDead(last);
}

namespace {
struct NNFuseNormalizationsPass
    : transform::impl::NNFuseNormalizationsBase<NNFuseNormalizationsPass> {
  using Base::Base;
  void runOnOperation() override {
    // No greedy driver: this runs on the user's graph, which keeps all else.
    SmallVector<std::pair<DivOp, SpelledOutNorm>> norms;
    getOperation().walk([&](DivOp op) {
      if (std::optional<SpelledOutNorm> norm = matchNorm(op))
        norms.emplace_back(op, *norm);
    });
    for (auto &[op, norm] : norms)
      fuse(op, norm, onlyScaled);
  }
};
} // namespace
