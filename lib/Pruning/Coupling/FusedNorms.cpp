//===- FusedNorms.cpp - Coupling of norms of com.microsoft -------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Norms over the last axes of a sum of operands. They go on counting the positions
// that are removed, so that each operand has to hold zero there.

#include "Coupling.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

static constexpr StringLiteral kCounted = "erased positions that the norm counts do not hold zero";
static constexpr StringLiteral kStatistics = "a statistic of the norm over this axis is used";

namespace {

/// What a norm is made of. Operands and results that are left out are null.
struct NormParts {
  SmallVector<OpOperand *, 3> added, parameters;
  Value norm, sum;
  SmallVector<Value, 2> statistics;
  int64_t axis = -1;
};

} // namespace

static NormParts partsOf(nn::MsSkipLayerNormalizationOp op) {
  return {{operandOf(op, 0), operandOf(op, 1), operandOf(op, 4)},
          {operandOf(op, 2), operandOf(op, 3)},
          op.getOutput(),
          op.getInputSkipBiasSum(),
          {op.getMean(), op.getInvStdVar()}};
}
static NormParts partsOf(nn::MsSkipSimplifiedLayerNormalizationOp op) {
  return {{operandOf(op, 0), operandOf(op, 1), operandOf(op, 3)},
          {operandOf(op, 2)},
          op.getOutput(),
          op.getInputSkipBiasSum(),
          {op.getMean(), op.getInvStdVar()}};
}
static NormParts partsOf(nn::SimplifiedLayerNormalizationOp op) {
  return {{operandOf(op, 0)},  {operandOf(op, 1)},
          op.getY(),           {},
          {op.getInvStdVar()}, static_cast<int64_t>(op.getAxis())};
}
static NormParts partsOf(nn::MsEmbedLayerNormalizationOp op) {
  return {{operandOf(op, 2), operandOf(op, 3), operandOf(op, 4)},
          {operandOf(op, 5), operandOf(op, 6)},
          op.getOutput(),
          op.getEmbeddingSum(),
          {}};
}

static bool areZero(ArrayRef<OpOperand *> needed, ArrayRef<ErasedValue> operands) {
  return llvm::all_of(needed, [&](OpOperand *operand) {
    return !operand || operands[operand->getOperandNumber()].isZero();
  });
}

/// With all parameters zero so is the norm, and the sum where all that is added is.
template <typename Op>
static ErasedValue erasedOfNorm(Operation *op, ArrayRef<ErasedValue> operands, unsigned result) {
  NormParts parts = partsOf(cast<Op>(op));
  if (!joinOf(operands).isFinite())
    return ErasedValue::unknown();
  Value value = op->getResult(result);
  bool zero = (value == parts.norm && areZero(parts.parameters, operands)) ||
              (value == parts.sum && areZero(parts.added, operands));
  return zero ? ErasedValue::zero() : ErasedValue::finite();
}

/// Erased positions of `axis`, which is that of the norm, are zero in `operand`.
static void needCounted(CouplingBuilder &builder, OpOperand &operand, int64_t fromRight,
                        Axis axis) {
  ArrayRef<Axis> axes = builder.axes(operand);
  std::optional<int64_t> size = builder.extent(axis);
  bool has = static_cast<int64_t>(axes.size()) >= fromRight &&
             builder.extent(axes[axes.size() - fromRight]) == size;
  if (!size)
    builder.pin(axis, "the norm counts positions whose number depends on the input");
  else if (!has)
    builder.pin(axis, kCounted);
  else
    builder.needZero(operand, axes.size() - fromRight, kCounted);
}

namespace {

template <typename Op>
struct SkipNorm : nn::CouplingOpInterface::ExternalModel<SkipNorm<Op>, Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    NormParts parts = partsOf(cast<Op>(op));
    std::optional<ArrayRef<Dim>> shape = builder.shape(parts.norm);
    std::optional<unsigned> first =
        shape ? normalizeAxis(parts.axis, shape->size()) : std::optional<unsigned>();
    if (!first)
      return pinAll(op, builder, "its rank is not known");
    SmallVector<ArrayRef<Axis>> operands;
    for (OpOperand &operand : op->getOpOperands())
      operands.push_back(builder.axes(operand));
    SmallVector<Axis> result = broadcast(builder, operands, *shape);
    for (Value each : {parts.norm, parts.sum})
      if (each)
        builder.setResult(cast<OpResult>(each).getResultNumber(), result);
    for (size_t axis = *first; axis < result.size(); ++axis)
      for (OpOperand *operand : parts.added)
        if (operand)
          needCounted(builder, *operand, result.size() - axis, result[axis]);
    SmallVector<Axis> left(result.begin(), result.begin() + *first);
    for (size_t axis = *first; axis < result.size(); ++axis)
      left.push_back(builder.rigid(getAffineConstantExpr(1, op->getContext()), ""));
    for (Value statistic : parts.statistics) {
      if (!statistic)
        continue;
      builder.setResult(cast<OpResult>(statistic).getResultNumber(), left);
      if (!statistic.use_empty())
        for (Axis axis : ArrayRef(result).drop_front(*first))
          builder.pin(axis, kStatistics);
    }
  }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned result) const {
    return erasedOfNorm<Op>(op, operands, result);
  }
};

/// Rows of tables are looked up; columns are what the norm runs over.
struct EmbedNorm
    : nn::CouplingOpInterface::ExternalModel<EmbedNorm, nn::MsEmbedLayerNormalizationOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto embed = cast<nn::MsEmbedLayerNormalizationOp>(op);
    NormParts parts = partsOf(embed);
    SmallVector<Axis> ids(builder.axes(op->getOpOperand(0)));
    SmallVector<Axis> table(builder.axes(*operandOf(embed, 2)));
    if (ids.size() != 2 || table.size() != 2)
      return pinAll(op, builder, "its rank is not known");
    for (OpOperand *operand : parts.added) {
      if (!operand)
        continue;
      SmallVector<Axis> axes(builder.axes(*operand));
      if (axes.size() != 2)
        return pinAll(op, builder, "its rank is not known");
      builder.pin(axes[0], "a lookup may ask for any position");
      builder.unify(axes[1], table[1]);
      needCounted(builder, *operand, /*fromRight=*/1, table[1]);
    }
    for (OpOperand *parameter : parts.parameters)
      unifyVector(builder, parameter, table[1]);
    for (Value each : {parts.norm, parts.sum})
      if (each)
        builder.setResult(cast<OpResult>(each).getResultNumber(), {ids[0], ids[1], table[1]});
    if (Value mask = embed.getMaskIndex())
      builder.setResult(cast<OpResult>(mask).getResultNumber(), ids[0]);
  }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned result) const {
    return erasedOfNorm<nn::MsEmbedLayerNormalizationOp>(op, operands, result);
  }
};

} // namespace

void pruning::attachFusedNormCoupling(MLIRContext &context) {
  nn::MsSkipLayerNormalizationOp::attachInterface<SkipNorm<nn::MsSkipLayerNormalizationOp>>(
      context);
  nn::MsSkipSimplifiedLayerNormalizationOp::attachInterface<
      SkipNorm<nn::MsSkipSimplifiedLayerNormalizationOp>>(context);
  nn::SimplifiedLayerNormalizationOp::attachInterface<SkipNorm<nn::SimplifiedLayerNormalizationOp>>(
      context);
  nn::MsEmbedLayerNormalizationOp::attachInterface<EmbedNorm>(context);
}
