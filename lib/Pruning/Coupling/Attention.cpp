//===- Attention.cpp - Coupling of fused attention ---------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Heads are a digit, and with grouped queries [kv head][query of it]; so is what
// is inside a head, once for queries and keys and once for values. The packed form
// [batch, sequence, heads * size] has the number of heads in an attribute that
// follows the tensors, for which the size of a head has to stay.

#include "Coupling.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

std::optional<std::pair<Axis, Axis>> pruning::splitHeads(CouplingBuilder &builder, Axis axis,
                                                         int64_t heads, MLIRContext *context) {
  std::optional<int64_t> size = builder.extent(axis);
  if (!size || heads < 1 || *size % heads)
    return std::nullopt;
  SmallVector<Axis> parts =
      builder.regroup({axis}, {getAffineConstantExpr(heads, context),
                               getAffineConstantExpr(*size / heads, context)});
  return std::pair(parts[0], parts[1]);
}

std::optional<HeadAxes> pruning::readHeads(CouplingBuilder &builder, OpOperand &operand,
                                           std::optional<int64_t> heads) {
  SmallVector<Axis> axes(builder.axes(operand));
  if (axes.size() == 4)
    return HeadAxes{axes[0], axes[1], axes[2], axes[3]};
  if (axes.size() != 3 || !heads)
    return std::nullopt;
  auto parts = splitHeads(builder, axes[2], *heads, operand.getOwner()->getContext());
  if (!parts)
    return std::nullopt;
  return HeadAxes{axes[0], parts->first, axes[1], parts->second};
}

void pruning::declareMask(CouplingBuilder &builder, OpOperand *mask, Axis heads) {
  if (!mask)
    return;
  SmallVector<Axis> axes(builder.axes(*mask));
  for (auto [index, axis] : llvm::enumerate(axes)) {
    bool isHeads = axes.size() - index == 3;
    if (isHeads && builder.extent(axis) != 1)
      builder.unify(axis, heads);
    else if (!isHeads)
      builder.pin(axis, "a mask covers batches and sequences");
  }
}

void pruning::declareCache(CouplingBuilder &builder, OpOperand *past, Value present,
                           const HeadAxes &from) {
  if (past) {
    SmallVector<Axis> axes(builder.axes(*past));
    if (axes.size() == 4) {
      builder.unify(axes[1], from.heads);
      builder.unify(axes[3], from.inside);
    }
  }
  // The shape tells the sequence.
  std::optional<ArrayRef<Dim>> shape = present ? builder.shape(present) : std::nullopt;
  if (!shape || shape->size() != 4)
    return;
  Axis sequence = builder.rigid((*shape)[2], "positions of a sequence stay");
  builder.setResult(cast<OpResult>(present).getResultNumber(),
                    {from.batch, from.heads, sequence, from.inside});
}

namespace {

struct AttentionCoupling
    : nn::CouplingOpInterface::ExternalModel<AttentionCoupling, nn::AttentionOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto attention = cast<nn::AttentionOp>(op);
    OpOperand &queries = op->getOpOperand(0), &keys = op->getOpOperand(1),
              &values = op->getOpOperand(2);
    bool packed = builder.axes(queries).size() == 3;
    std::optional<HeadAxes> q = readHeads(builder, queries, attention.getQNumHeads());
    std::optional<HeadAxes> k = readHeads(builder, keys, attention.getKvNumHeads());
    std::optional<HeadAxes> v = readHeads(builder, values, attention.getKvNumHeads());
    std::optional<int64_t> qHeads = q ? builder.extent(q->heads) : std::nullopt;
    std::optional<int64_t> kHeads = k ? builder.extent(k->heads) : std::nullopt;
    if (!v || !qHeads || !kHeads || *kHeads < 1 || *qHeads % *kHeads)
      return pinAll(op, builder, "the number of heads is not known");

    builder.unify(k->heads, v->heads);
    if (*qHeads == *kHeads)
      builder.unify(q->heads, k->heads);
    else
      builder.unify(q->heads,
                    builder.product({k->heads, builder.fresh(getAffineConstantExpr(
                                                   *qHeads / *kHeads, op->getContext()))}));
    builder.unify(q->inside, k->inside);
    builder.needZeroProduct(queries, keys, packed ? 2 : 3,
                            "erased positions that are summed over do not hold zero");
    builder.pin(k->sequence, "the scores are normalised over it");
    builder.unify(k->sequence, v->sequence);
    declareMask(builder, operandOf(attention, 3), q->heads);
    declareCache(builder, operandOf(attention, 4), attention.getPresentKey(), *k);
    declareCache(builder, operandOf(attention, 5), attention.getPresentValue(), *v);
    if (packed)
      builder.setResult(0, {q->batch, q->sequence, builder.product({q->heads, v->inside})});
    else
      builder.setResult(0, {q->batch, q->heads, q->sequence, v->inside});
    Value scores = attention.getQkMatmulOutput();
    if (scores && builder.shape(scores)->size() == 4) {
      ArrayRef<Dim> shape = *builder.shape(scores);
      builder.setResult(cast<OpResult>(scores).getResultNumber(),
                        {q->batch, q->heads, q->sequence,
                         builder.rigid(shape[3], "positions of a sequence stay")});
    }
  }
  /// Weighted means of values: zero where those are.
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned result) const {
    if (llvm::any_of(operands, [](ErasedValue operand) { return !operand.isFinite(); }))
      return ErasedValue::unknown();
    return result == 0 && operands[2].isZero() ? ErasedValue::zero() : ErasedValue::finite();
  }
};

/// Turns pairs inside a head; heads pass.
struct RotaryCoupling
    : nn::CouplingOpInterface::ExternalModel<RotaryCoupling, nn::RotaryEmbeddingOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto rotary = cast<nn::RotaryEmbeddingOp>(op);
    std::optional<HeadAxes> x = readHeads(builder, op->getOpOperand(0), rotary.getNumHeads());
    if (!x)
      return pinAll(op, builder, "the number of heads is not known");
    for (OpOperand &table : op->getOpOperands().drop_front())
      for (Axis axis : SmallVector<Axis>(builder.axes(table)))
        builder.pin(axis, "a table of angles stays");
    builder.pin(x->inside, "pairs inside a head are turned");
    builder.setResult(0, SmallVector<Axis>(builder.axes(op->getOpOperand(0))));
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return operands[0].isZero() || !operands[0].isFinite() ? operands[0] : ErasedValue::finite();
  }
};

} // namespace

void pruning::attachAttentionCoupling(MLIRContext &context) {
  nn::AttentionOp::attachInterface<AttentionCoupling>(context);
  nn::RotaryEmbeddingOp::attachInterface<RotaryCoupling>(context);
}
