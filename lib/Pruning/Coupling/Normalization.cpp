//===- Normalization.cpp - Coupling of norms ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Parameters are one with the axes that they scale. A norm whose statistics run
// over an axis goes on counting the positions that are removed, so that these have
// to hold zero; `count` on the operation says how many there were.

#include "Coupling.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

static constexpr StringLiteral kCounted = "erased positions that the norm counts do not hold zero";

namespace {

/// X [N, C, space] with parameters [C].
template <typename Op>
struct ChannelNorm : nn::CouplingOpInterface::ExternalModel<ChannelNorm<Op>, Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> x(builder.axes(op->getOpOperand(0)));
    if (x.size() > 1)
      for (OpOperand &operand : op->getOpOperands().drop_front())
        if (ArrayRef<Axis> axes = builder.axes(operand); axes.size() == 1)
          builder.unify(axes[0], x[1]);
    // A variance of 0 is legal beside a scale of 0, but a small epsilon is not a
    // safe divisor.
    if (op->getNumOperands() > 4)
      builder.keepsValue(op->getOpOperand(4));
    builder.setResult(0, x);
    SmallVector<Axis> statistics(x.begin() + 1, x.begin() + std::min<size_t>(x.size(), 2));
    for (OpResult result : op->getResults().drop_front())
      builder.setResult(result.getResultNumber(), statistics);
  }
  /// With scale and bias zero so is the result, whatever comes in.
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    if (!operands[0].isFinite())
      return ErasedValue::unknown();
    return operands[1].isZero() && operands[2].isZero() ? ErasedValue::zero()
                                                        : ErasedValue::finite();
  }
};

/// Statistics over the axes from `axis` on.
template <typename Op>
struct LayerNorm : nn::CouplingOpInterface::ExternalModel<LayerNorm<Op>, Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> x(builder.axes(op->getOpOperand(0)));
    std::optional<unsigned> first = normalizeAxis(cast<Op>(op).getAxis(), x.size());
    if (!first)
      return;
    bool counted = llvm::all_of(ArrayRef(x).drop_front(*first),
                                [&](Axis axis) { return builder.extent(axis).has_value(); });
    for (size_t axis = *first; axis < x.size(); ++axis) {
      if (counted)
        builder.needZero(op->getOpOperand(0), axis, kCounted);
      else
        builder.pin(x[axis], "the norm counts positions whose number depends on the input");
    }
    SmallVector<ArrayRef<Axis>> operands = {x};
    for (OpOperand &operand : op->getOpOperands().drop_front())
      operands.push_back(builder.axes(operand));
    builder.setResult(0, broadcast(builder, operands, *builder.shape(op->getResult(0))));
    for (OpResult result : op->getResults().drop_front()) {
      std::optional<ArrayRef<Dim>> shape = builder.shape(result);
      SmallVector<Axis> statistics(x.begin(), x.begin() + *first);
      for (size_t i = *first; i < x.size(); ++i)
        statistics.push_back(builder.rigid((*shape)[i], ""));
      builder.setResult(result.getResultNumber(), statistics);
    }
  }
  /// With scale and bias zero so is the result, whatever comes in.
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned result) const {
    if (!operands[0].isFinite())
      return ErasedValue::unknown();
    bool zero = result == 0 && llvm::all_of(operands.drop_front(), [](ErasedValue parameter) {
                  return parameter.isZero();
                });
    return zero ? ErasedValue::zero() : ErasedValue::finite();
  }
};

/// Channels are [group][channel]: whole groups can leave, and a channel of each
/// group, which goes on being counted. Parameters are per channel.
struct GroupNorm : nn::CouplingOpInterface::ExternalModel<GroupNorm, nn::GroupNormalizationOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> x(builder.axes(op->getOpOperand(0)));
    int64_t groups = cast<nn::GroupNormalizationOp>(op).getNumGroups();
    std::optional<int64_t> channels = x.size() > 1 ? builder.extent(x[1]) : std::nullopt;
    if (!channels || groups < 1 || *channels % groups)
      return;
    auto size = [&](int64_t n) { return getAffineConstantExpr(n, op->getContext()); };
    SmallVector<Axis> parts = builder.regroup({x[1]}, {size(groups), size(*channels / groups)});
    builder.needZero(op->getOpOperand(0), parts[1], kCounted);
    for (OpOperand &operand : op->getOpOperands().drop_front())
      if (ArrayRef<Axis> axes = builder.axes(operand); axes.size() == 1)
        builder.unify(axes[0], x[1]);
    builder.setResult(0, x);
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    if (!operands[0].isFinite())
      return ErasedValue::unknown();
    return operands[1].isZero() && operands[2].isZero() ? ErasedValue::zero()
                                                        : ErasedValue::finite();
  }
};

/// An operator that computes along one axis in a way that removed positions would
/// change.
template <typename Op>
struct AlongAxis : nn::CouplingOpInterface::ExternalModel<AlongAxis<Op>, Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> x(builder.axes(op->getOpOperand(0)));
    if (std::optional<unsigned> axis = normalizeAxis(cast<Op>(op).getAxis(), x.size()))
      builder.pin(x[*axis], "the operator computes along this axis");
    builder.setResult(0, x);
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return !operands[0].isFinite() ? ErasedValue::unknown() : ErasedValue::finite();
  }
};

struct LrnCoupling : nn::CouplingOpInterface::ExternalModel<LrnCoupling, nn::LrnOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> x(builder.axes(op->getOpOperand(0)));
    if (x.size() > 1)
      builder.pin(x[1], "the norm looks at neighbouring channels");
    builder.setResult(0, x);
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return operands[0];
  }
};

/// Zeros add nothing to a length, and a zero stays one.
struct LpNormCoupling
    : nn::CouplingOpInterface::ExternalModel<LpNormCoupling, nn::LpNormalizationOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> x(builder.axes(op->getOpOperand(0)));
    if (std::optional<unsigned> axis =
            normalizeAxis(cast<nn::LpNormalizationOp>(op).getAxis(), x.size()))
      builder.needZero(op->getOpOperand(0), *axis,
                       "erased positions that the length counts do not hold zero");
    builder.setResult(0, x);
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    // A row of zeros stays one.
    return operands[0].isZero() || !operands[0].isFinite() ? operands[0] : ErasedValue::finite();
  }
};

struct MvnCoupling
    : nn::CouplingOpInterface::ExternalModel<MvnCoupling, nn::MeanVarianceNormalizationOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> x(builder.axes(op->getOpOperand(0)));
    for (int64_t axis : cast<nn::MeanVarianceNormalizationOp>(op).getAxes())
      if (std::optional<unsigned> index = normalizeAxis(axis, x.size()))
        builder.pin(x[*index], "the norm counts the removed positions");
    builder.setResult(0, x);
  }
};

} // namespace

void pruning::attachNormalizationCoupling(MLIRContext &context) {
  nn::BatchNormalizationOp::attachInterface<ChannelNorm<nn::BatchNormalizationOp>>(context);
  nn::InstanceNormalizationOp::attachInterface<ChannelNorm<nn::InstanceNormalizationOp>>(context);
  nn::LayerNormalizationOp::attachInterface<LayerNorm<nn::LayerNormalizationOp>>(context);
  nn::RmsNormalizationOp::attachInterface<LayerNorm<nn::RmsNormalizationOp>>(context);
  nn::GroupNormalizationOp::attachInterface<GroupNorm>(context);
  nn::SoftmaxOp::attachInterface<AlongAxis<nn::SoftmaxOp>>(context);
  nn::LogSoftmaxOp::attachInterface<AlongAxis<nn::LogSoftmaxOp>>(context);
  nn::HardmaxOp::attachInterface<AlongAxis<nn::HardmaxOp>>(context);
  nn::LrnOp::attachInterface<LrnCoupling>(context);
  nn::LpNormalizationOp::attachInterface<LpNormCoupling>(context);
  nn::MeanVarianceNormalizationOp::attachInterface<MvnCoupling>(context);
}
