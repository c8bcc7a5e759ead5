//===- FuseNormalizations.cpp - Recognise decomposed layer norms ------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "dialects/NN/IR/NNOps.h"
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
  if (!type || !op.getKeepdims() || !values || values->size() != 1)
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

/// A constant of the shape of the last axis (leading ones allowed), flattened to it.
static Value lastAxisConstant(OpBuilder &builder, Value value, int64_t extent) {
  auto constant = value ? value.getDefiningOp<ConstantOp>() : ConstantOp();
  auto type = constant ? dyn_cast<RankedTensorType>(constant.getType()) : RankedTensorType();
  if (!type || type.getRank() == 0 || type.getNumElements() != extent ||
      type.getShape().back() != extent)
    return {};
  if (type.getRank() == 1)
    return value;
  std::optional<HostTensor> tensor = HostTensor::read(constant.getValue());
  if (!tensor)
    return {};
  tensor->type = RankedTensorType::get({extent}, type.getElementType());
  return ConstantOp::create(builder, value.getLoc(), tensor->write());
}

/// The only reader of `value` if it is an `Op`.
template <typename Op>
static Op onlyReader(Value value) {
  return value.hasOneUse() ? dyn_cast<Op>(*value.user_begin()) : Op();
}

namespace {
/// d / sqrt(mean(d^2) + epsilon) [* scale] [+ bias], d = x - mean(x).
struct FuseLayerNorm : OpRewritePattern<DivOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DivOp op, PatternRewriter &rewriter) const override {
    auto difference = op.getA().getDefiningOp<SubOp>();
    auto root = op.getB().getDefiningOp<SqrtOp>();
    auto sum = root ? root.getX().getDefiningOp<AddOp>() : AddOp();
    if (!difference || !sum)
      return rewriter.notifyMatchFailure(op, "not a division by a standard deviation");
    auto mean = difference.getB().getDefiningOp<ReduceMeanOp>();
    bool epsilonFirst = scalarOf(sum.getA()).has_value();
    std::optional<double> epsilon = scalarOf(epsilonFirst ? sum.getA() : sum.getB());
    auto variance = (epsilonFirst ? sum.getB() : sum.getA()).getDefiningOp<ReduceMeanOp>();
    if (!mean || !variance || !epsilon || mean.getData() != difference.getA() ||
        !isLastAxisMean(mean) || !isLastAxisMean(variance))
      return rewriter.notifyMatchFailure(op, "not a mean and a variance over the last axis");
    Value squared = squaredOperand(variance.getData());
    auto again = squared ? squared.getDefiningOp<SubOp>() : SubOp();
    if (!again || again.getA() != difference.getA() || again.getB() != difference.getB())
      return rewriter.notifyMatchFailure(op, "the variance is of something else");
    auto type = dyn_cast<RankedTensorType>(op.getType());
    if (!type || type != difference.getA().getType() || type.isDynamicDim(type.getRank() - 1))
      return rewriter.notifyMatchFailure(op, "the last axis is dynamic");
    rewrite(op, difference.getA(), type, *epsilon, rewriter);
    return success();
  }

private:
  static void rewrite(DivOp op, Value input, RankedTensorType type, double epsilon,
                      PatternRewriter &rewriter) {
    int64_t extent = type.getShape().back();
    Operation *last = op;
    Value scale, bias;
    if (auto mul = onlyReader<MulOp>(op.getResult()))
      if ((scale = lastAxisConstant(rewriter, otherOperand(mul, op.getResult()), extent)))
        last = mul;
    if (auto add = onlyReader<AddOp>(last->getResult(0)))
      if ((bias = lastAxisConstant(rewriter, otherOperand(add, last->getResult(0)), extent)))
        last = add;
    rewriter.setInsertionPoint(last);
    if (!scale) {
      auto vector = RankedTensorType::get({extent}, type.getElementType());
      auto ones = DenseElementsAttr::get(vector, rewriter.getFloatAttr(type.getElementType(), 1.0));
      scale = ConstantOp::create(rewriter, op.getLoc(), ones);
    }
    SmallVector<Value> operands{input, scale};
    if (bias)
      operands.push_back(bias);
    OperationState state(last->getLoc(), LayerNormalizationOp::getOperationName());
    state.addOperands(operands);
    state.addTypes(type);
    state.addAttribute("axis", rewriter.getI64IntegerAttr(-1));
    state.addAttribute("epsilon", rewriter.getF32FloatAttr(epsilon));
    state.addAttribute("resultSegmentSizes", rewriter.getDenseI32ArrayAttr({1, 0, 0}));
    rewriter.replaceOp(last, rewriter.create(state));
    if (last != op && op->use_empty())
      rewriter.eraseOp(op);
  }
};

struct NNFuseNormalizationsPass
    : transform::impl::NNFuseNormalizationsBase<NNFuseNormalizationsPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseLayerNorm>(&getContext());
    GreedyRewriteConfig config;
    config.enableFolding(false);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns), config)))
      return signalPassFailure();
  }
};
} // namespace
