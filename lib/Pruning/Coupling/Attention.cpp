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

namespace {

/// One of queries, keys and values: its axes, packed or not.
struct Operand {
  Axis batch, heads, sequence, inside;
};

} // namespace

/// nullopt where the number of heads is not known.
static std::optional<Operand> read(CouplingBuilder &builder, OpOperand &operand,
                                   std::optional<int64_t> heads) {
  SmallVector<Axis> axes(builder.axes(operand));
  if (axes.size() == 4)
    return Operand{axes[0], axes[1], axes[2], axes[3]};
  std::optional<int64_t> size = axes.size() == 3 ? builder.extent(axes[2]) : std::nullopt;
  if (!size || !heads || *heads < 1 || *size % *heads)
    return std::nullopt;
  MLIRContext *context = operand.getOwner()->getContext();
  auto dim = [&](int64_t number) { return getAffineConstantExpr(number, context); };
  SmallVector<Axis> parts = builder.regroup({axes[2]}, {dim(*heads), dim(*size / *heads)});
  return Operand{axes[0], parts[0], axes[1], parts[1]};
}

static void pinAll(Operation *op, CouplingBuilder &builder, StringRef reason) {
  for (OpOperand &operand : op->getOpOperands())
    for (Axis axis : SmallVector<Axis>(builder.axes(operand)))
      builder.pin(axis, reason);
}

namespace {

struct AttentionCoupling
    : nn::CouplingOpInterface::ExternalModel<AttentionCoupling, nn::AttentionOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto attention = cast<nn::AttentionOp>(op);
    OpOperand &queries = op->getOpOperand(0), &keys = op->getOpOperand(1),
              &values = op->getOpOperand(2);
    bool packed = builder.axes(queries).size() == 3;
    std::optional<Operand> q = read(builder, queries, attention.getQNumHeads());
    std::optional<Operand> k = read(builder, keys, attention.getKvNumHeads());
    std::optional<Operand> v = read(builder, values, attention.getKvNumHeads());
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
    if (!attention.getScale())
      builder.pin(q->inside, "the scale of the scores follows the size of a head");
    if (packed)
      builder.pin(q->inside, "the number of heads is told by the size of one");
    builder.pin(k->sequence, "the scores are normalised over it");
    builder.unify(k->sequence, v->sequence);
    if (OpOperand *mask = operandOf(attention, 3)) {
      SmallVector<Axis> axes(builder.axes(*mask));
      for (auto [index, axis] : llvm::enumerate(axes)) {
        bool isHeads = axes.size() - index == 3;
        if (isHeads && builder.extent(axis) != 1)
          builder.unify(axis, q->heads);
        else if (!isHeads)
          builder.pin(axis, "a mask covers batches and sequences");
      }
    }
    joinPast(builder, operandOf(attention, 4), *k);
    joinPast(builder, operandOf(attention, 5), *v);
    if (packed)
      builder.setResult(0, {q->batch, q->sequence, builder.product({q->heads, v->inside})});
    else
      builder.setResult(0, {q->batch, q->heads, q->sequence, v->inside});
    // The optional results, of which the shape tells the sequence.
    auto setPresent = [&](Value present, const Operand &from) {
      if (!present || builder.shape(present)->size() != 4)
        return;
      Axis sequence = builder.rigid((*builder.shape(present))[2], "positions of a sequence stay");
      builder.setResult(cast<OpResult>(present).getResultNumber(),
                        {q->batch, from.heads, sequence, from.inside});
    };
    setPresent(attention.getPresentKey(), *k);
    setPresent(attention.getPresentValue(), *v);
    Value scores = attention.getQkMatmulOutput();
    if (scores && builder.shape(scores)->size() == 4) {
      ArrayRef<Dim> shape = *builder.shape(scores);
      builder.setResult(cast<OpResult>(scores).getResultNumber(),
                        {q->batch, q->heads, q->sequence,
                         builder.rigid(shape[3], "positions of a sequence stay")});
    }
  }
  static void joinPast(CouplingBuilder &builder, OpOperand *past, const Operand &present) {
    if (!past)
      return;
    SmallVector<Axis> axes(builder.axes(*past));
    if (axes.size() != 4)
      return;
    builder.unify(axes[1], present.heads);
    builder.unify(axes[3], present.inside);
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
    std::optional<Operand> x = read(builder, op->getOpOperand(0), rotary.getNumHeads());
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
