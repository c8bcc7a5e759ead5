//===- Microsoft.cpp - Coupling of fused operators of com.microsoft ----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// What each says is what the operators that it stands for say together. Norms are in
// FusedNorms.cpp, quantised ones in Quantization.cpp and QuantizedContraction.cpp.

#include "Coupling.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

static constexpr StringLiteral kSequence = "positions of a sequence stay";

/// Activations that are 0 at 0, and finite where their operand is.
static ErasedValue throughActivation(ErasedValue held, StringRef activation) {
  bool keepsZero = activation.empty() || activation == "Relu" || activation == "Tanh" ||
                   activation == "LeakyRelu";
  return held.isZero() && !keepsZero ? ErasedValue::finite() : held;
}

namespace {

//===----------------------------------------------------------------------===//
// Activations and products
//===----------------------------------------------------------------------===//

/// A kind of gelu of the sum of the operands: 0 at 0.
template <typename Op>
struct GeluKind : nn::CouplingOpInterface::ExternalModel<GeluKind<Op>, Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    declareBroadcast(op, builder);
  }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    if (!llvm::all_of(operands, [](ErasedValue operand) { return operand.isFinite(); }))
      return ErasedValue::unknown();
    bool zero = llvm::all_of(withConstants(op, operands),
                             [](ErasedValue operand) { return operand.isZero(); });
    return zero ? ErasedValue::zero() : ErasedValue::finite();
  }
};

/// The last axis is two halves of which one scales the other.
struct BiasSplitGelu
    : nn::CouplingOpInterface::ExternalModel<BiasSplitGelu, nn::MsBiasSplitGeluOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> x(builder.axes(op->getOpOperand(0)));
    std::optional<int64_t> size = x.empty() ? std::nullopt : builder.extent(x.back());
    if (!size || *size % 2)
      return pinAll(op, builder, "the size of its halves is not known");
    unifyVector(builder, &op->getOpOperand(1), x.back());
    Axis left = builder.slice(x.back(), 0, *size / 2),
         right = builder.slice(x.back(), *size / 2, *size);
    builder.unify(left, right);
    x.back() = left;
    builder.setResult(0, x);
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return operands[0].isZero() && operands[1].isZero() ? ErasedValue::zero()
           : operands[0].isFinite()                     ? ErasedValue::finite()
                                                        : ErasedValue::unknown();
  }
};

/// activation(conv(X, W, B) + Z)
struct FusedConv : nn::CouplingOpInterface::ExternalModel<FusedConv, nn::MsFusedConvOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto conv = cast<nn::MsFusedConvOp>(op);
    std::optional<SmallVector<Axis>> result =
        declareConvolution(op, builder, op->getOpOperand(0), op->getOpOperand(1), conv.getGroup());
    if (!result)
      return;
    unifyVector(builder, operandOf(conv, 2), (*result)[1]);
    if (OpOperand *added = operandOf(conv, 3))
      result =
          broadcast(builder, {*result, builder.axes(*added)}, *builder.shape(op->getResult(0)));
    builder.setResult(0, *result);
  }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    return throughActivation(contractionOf(operands),
                             cast<nn::MsFusedConvOp>(op).getActivation().value_or(""));
  }
};

struct FusedGemm : nn::CouplingOpInterface::ExternalModel<FusedGemm, nn::MsFusedGemmOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto gemm = cast<nn::MsFusedGemmOp>(op);
    std::optional<SmallVector<Axis>> result = declareProduct(
        op, builder, op->getOpOperand(0), op->getOpOperand(1), gemm.getTransA(), gemm.getTransB());
    if (!result)
      return pinAll(op, builder, "its rank is not known");
    if (op->getNumOperands() > 2)
      result = broadcast(builder, {*result, builder.axes(op->getOpOperand(2))},
                         *builder.shape(op->getResult(0)));
    builder.setResult(0, *result);
  }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    return throughActivation(contractionOf(operands),
                             cast<nn::MsFusedGemmOp>(op).getActivation().value_or(""));
  }
};

struct FusedMatmul : nn::CouplingOpInterface::ExternalModel<FusedMatmul, nn::MsFusedMatmulOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto matmul = cast<nn::MsFusedMatmulOp>(op);
    std::optional<SmallVector<Axis>> result;
    if (!matmul.getTransBatchA() && !matmul.getTransBatchB())
      result = declareProduct(op, builder, op->getOpOperand(0), op->getOpOperand(1),
                              matmul.getTransA(), matmul.getTransB());
    if (!result)
      return pinAll(op, builder, "its rank is not known, or batches are transposed");
    builder.setResult(0, *result);
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return contractionOf(operands);
  }
};

/// Rows of B are columns of the result; what is summed over is quantised in blocks.
struct PackedMatmul : nn::CouplingOpInterface::ExternalModel<PackedMatmul, nn::MsMatmulNbitsOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto matmul = cast<nn::MsMatmulNbitsOp>(op);
    SmallVector<Axis> a(builder.axes(op->getOpOperand(0))), b(builder.axes(op->getOpOperand(1)));
    int64_t columns = matmul.getN();
    if (a.empty() || b.empty() || matmul.getWeightPrepacked())
      return pinAll(op, builder, "the layout of its weight is not known");
    builder.pin(a.back(), "its weight is quantised in blocks along it");
    for (Axis axis : ArrayRef(b).drop_front())
      builder.pin(axis, "");
    // Scales and zero points: [N, blocks], or that as a vector.
    for (unsigned formal : {2u, 3u}) {
      OpOperand *parameter = operandOf(matmul, formal);
      if (!parameter)
        continue;
      SmallVector<Axis> axes(builder.axes(*parameter));
      if (axes.size() == 1)
        if (auto parts = splitHeads(builder, axes[0], columns, op->getContext()))
          axes = {parts->first, parts->second};
      builder.unify(axes[0], b[0]);
      for (Axis axis : ArrayRef(axes).drop_front())
        builder.pin(axis, "");
    }
    if (OpOperand *order = operandOf(matmul, 4))
      for (Axis axis : SmallVector<Axis>(builder.axes(*order)))
        builder.pin(axis, "");
    unifyVector(builder, operandOf(matmul, 5), b[0]);
    SmallVector<Axis> result(ArrayRef(a).drop_back());
    result.push_back(b[0]);
    builder.setResult(0, result);
  }
  /// A scale of zero makes all of its weights zero.
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    OpOperand *bias = operandOf(cast<nn::MsMatmulNbitsOp>(op), 5);
    if (!operands[0].isFinite())
      return ErasedValue::unknown();
    bool zero = operands[2].isZero() && (!bias || operands[bias->getOperandNumber()].isZero());
    return zero ? ErasedValue::zero() : ErasedValue::finite();
  }
};

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// What the kinds of attention have in common.
template <typename Model, typename Op>
struct AttentionKind : nn::CouplingOpInterface::ExternalModel<Model, Op> {
  /// Weighted means of values: zero where those are.
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned result) const {
    if (llvm::any_of(operands, [](ErasedValue operand) { return !operand.isFinite(); }))
      return ErasedValue::unknown();
    return result == 0 && Model::valuesAreZero(cast<Op>(op), operands) ? ErasedValue::zero()
                                                                       : ErasedValue::finite();
  }
  static bool isZero(OpOperand *operand, ArrayRef<ErasedValue> operands) {
    return !operand || operands[operand->getOperandNumber()].isZero();
  }
};

/// input [B, S, D], weights [D, q + k + v], bias [q + k + v], past [2, B, N, S, H].
struct MsAttention : AttentionKind<MsAttention, nn::MsAttentionOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto attention = cast<nn::MsAttentionOp>(op);
    OpOperand &input = op->getOpOperand(0), &weights = op->getOpOperand(1);
    SmallVector<Axis> x(builder.axes(input)), w(builder.axes(weights));
    std::optional<int64_t> width = w.size() == 2 ? builder.extent(w[1]) : std::nullopt;
    SmallVector<int64_t> sizes;
    if (std::optional<ArrayRef<int64_t>> given = attention.getQkvHiddenSizes())
      sizes.assign(given->begin(), given->end());
    else if (width)
      sizes.assign(3, *width / 3);
    int64_t heads = attention.getNumHeads();
    if (x.size() != 3 || sizes.size() != 3 || heads < 1 ||
        llvm::any_of(sizes, [&](int64_t size) { return size % heads; }))
      return pinAll(op, builder, "the sizes of its projections are not known");
    builder.unify(x[2], w[0]);
    builder.needZeroProduct(input, weights, 2,
                            "erased positions that are summed over do not hold zero");
    if (OpOperand *bias = operandOf(attention, 2)) {
      unifyVector(builder, bias, w[1]);
      builder.needZero(*bias, 0, "a bias of its scores is not zero");
    }
    SmallVector<Axis> inside, allHeads;
    int64_t begin = 0;
    for (int64_t size : sizes) {
      auto parts =
          splitHeads(builder, builder.slice(w[1], begin, begin + size), heads, op->getContext());
      if (!parts)
        return pinAll(op, builder, "the sizes of its projections are not known");
      allHeads.push_back(parts->first);
      inside.push_back(parts->second);
      begin += size;
    }
    builder.unify(allHeads[0], allHeads[1]);
    builder.unify(allHeads[0], allHeads[2]);
    builder.unify(inside[0], inside[1]);
    builder.pin(x[1], kSequence);
    declareMask(builder, operandOf(attention, 5), allHeads[0]);
    if (OpOperand *past = operandOf(attention, 4)) {
      SmallVector<Axis> axes(builder.axes(*past));
      if (axes.size() == 5)
        builder.unify(axes[2], allHeads[0]);
    }
    if (attention.getPast() || attention.getPresent())
      for (Axis axis : inside)
        builder.pin(axis, "keys and values share a cache");
    builder.setResult(0, {x[0], x[1], builder.product({allHeads[2], inside[2]})});
    if (Value present = attention.getPresent(); present && builder.shape(present)) {
      ArrayRef<Dim> shape = *builder.shape(present);
      if (shape.size() == 5)
        builder.setResult(1, {builder.rigid(shape[0], ""), x[0], allHeads[0],
                              builder.rigid(shape[3], kSequence), builder.rigid(shape[4], "")});
    }
  }
  static bool valuesAreZero(nn::MsAttentionOp op, ArrayRef<ErasedValue> operands) {
    return operands[1].isZero() && isZero(operandOf(op, 2), operands);
  }
};

/// Queries, keys and values as separate tensors, with one bias [q + k + v].
struct MultiHead : AttentionKind<MultiHead, nn::MsMultiHeadAttentionOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto attention = cast<nn::MsMultiHeadAttentionOp>(op);
    OpOperand *queries = operandOf(attention, 0), *keys = operandOf(attention, 1),
              *values = operandOf(attention, 2), *bias = operandOf(attention, 3);
    int64_t count = attention.getNumHeads();
    std::optional<HeadAxes> q, k, v;
    if (keys && values) {
      q = readHeads(builder, *queries, count);
      k = readHeads(builder, *keys, count);
      v = readHeads(builder, *values, count);
    }
    if (!q || !k || !v)
      return pinAll(op, builder, "queries, keys and values are packed into one tensor");
    builder.unify(q->heads, k->heads);
    builder.unify(q->heads, v->heads);
    builder.unify(q->inside, k->inside);
    builder.needZeroProduct(*queries, *keys, 2,
                            "erased positions that are summed over do not hold zero");
    if (bias) {
      Axis all = builder.axes(*bias)[0];
      auto joined = [&](const HeadAxes &axes) {
        return builder.product({axes.heads, axes.inside});
      };
      builder.unify(all, builder.concat({joined(*q), joined(*k), joined(*v)}));
      builder.needZero(*bias, 0, "a bias of its scores is not zero");
    }
    builder.pin(k->sequence, "the scores are normalised over it");
    builder.unify(k->sequence, v->sequence);
    declareMask(builder, operandOf(attention, 5), q->heads);
    declareCache(builder, operandOf(attention, 6), attention.getPresentKey(), *k);
    declareCache(builder, operandOf(attention, 7), attention.getPresentValue(), *v);
    builder.setResult(0, {q->batch, q->sequence, builder.product({q->heads, v->inside})});
  }
  static bool valuesAreZero(nn::MsMultiHeadAttentionOp op, ArrayRef<ErasedValue> operands) {
    OpOperand *values = operandOf(op, 2);
    return values && isZero(values, operands) && isZero(operandOf(op, 3), operands);
  }
};

/// Heads of queries are [head of keys][repetition]. Queries, keys and values have
/// heads of one size, which therefore stays.
struct GroupQuery : AttentionKind<GroupQuery, nn::MsGroupQueryAttentionOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto attention = cast<nn::MsGroupQueryAttentionOp>(op);
    int64_t heads = attention.getNumHeads(), keyHeads = attention.getKvNumHeads();
    OpOperand *queries = operandOf(attention, 0), *keys = operandOf(attention, 1),
              *values = operandOf(attention, 2);
    SmallVector<Axis> q(builder.axes(*queries));
    std::optional<int64_t> width = q.size() == 3 ? builder.extent(q[2]) : std::nullopt;
    bool packed = !keys;
    int64_t parts = packed ? heads + 2 * keyHeads : heads;
    if (!width || *width % parts || (!packed && !values) || attention.getQNormWeight() ||
        attention.getKScale() || attention.getHeadSink())
      return pinAll(op, builder, "the sizes of its heads are not known");
    auto size = [&](int64_t n) { return getAffineConstantExpr(n, op->getContext()); };
    Axis keyHead = builder.fresh(size(keyHeads)),
         repetition = builder.fresh(size(heads / keyHeads)),
         inside = builder.rigid(size(*width / parts), "queries, keys and values have heads of "
                                                      "one size");
    Axis queryAxis = builder.product({keyHead, repetition, inside}),
         keyAxis = builder.product({keyHead, inside});
    if (packed) {
      builder.unify(q[2], builder.concat({queryAxis, keyAxis, keyAxis}));
    } else {
      builder.unify(q[2], queryAxis);
      for (OpOperand *operand : {keys, values}) {
        SmallVector<Axis> axes(builder.axes(*operand));
        if (axes.size() != 3)
          return pinAll(op, builder, "the sizes of its heads are not known");
        builder.unify(axes[2], keyAxis);
      }
    }
    for (OpOperand *table : {operandOf(attention, 7), operandOf(attention, 8)})
      if (table)
        for (Axis axis : SmallVector<Axis>(builder.axes(*table)))
          builder.pin(axis, "a table of angles stays");
    builder.pin(q[1], kSequence);
    declareMask(builder, operandOf(attention, 10), builder.product({keyHead, repetition}));
    HeadAxes cached{q[0], keyHead, q[1], inside};
    declareCache(builder, operandOf(attention, 3), attention.getPresentKey(), cached);
    declareCache(builder, operandOf(attention, 4), attention.getPresentValue(), cached);
    builder.setResult(0, {q[0], q[1], queryAxis});
  }
  static bool valuesAreZero(nn::MsGroupQueryAttentionOp op, ArrayRef<ErasedValue> operands) {
    OpOperand *values = operandOf(op, 2);
    return values ? isZero(values, operands) : operands[0].isZero();
  }
};

/// Turns pairs inside a head; heads pass.
struct MsRotary : nn::CouplingOpInterface::ExternalModel<MsRotary, nn::MsRotaryEmbeddingOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto rotary = cast<nn::MsRotaryEmbeddingOp>(op);
    SmallVector<Axis> axes(builder.axes(op->getOpOperand(0))),
        cosines(builder.axes(*operandOf(rotary, 2)));
    std::optional<int64_t> heads;
    if (int64_t given = rotary.getNumHeads().value_or(0))
      heads = given;
    else if (axes.size() == 3 && cosines.size() == 2 && builder.extent(axes[2]) &&
             builder.extent(cosines[1]).value_or(0))
      heads = *builder.extent(axes[2]) / (2 * *builder.extent(cosines[1]));
    std::optional<HeadAxes> x = readHeads(builder, op->getOpOperand(0), heads);
    if (!x)
      return pinAll(op, builder, "the number of heads is not known");
    for (OpOperand &table : op->getOpOperands().drop_front())
      for (Axis axis : SmallVector<Axis>(builder.axes(table)))
        builder.pin(axis, "a table of angles stays");
    builder.pin(x->inside, "pairs inside a head are turned");
    builder.setResult(0, axes);
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return operands[0].isZero() || !operands[0].isFinite() ? operands[0] : ErasedValue::finite();
  }
};

//===----------------------------------------------------------------------===//
// Experts
//===----------------------------------------------------------------------===//

/// fc1 and fc3 [E, inner, D], fc2 [E, D, inner]. What is inside an expert can leave
/// in all of them; so can what goes in, and with it what comes out, since both have
/// one size. Experts stay, because the best of them are counted.
struct Experts : nn::CouplingOpInterface::ExternalModel<Experts, nn::MsMoeOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto moe = cast<nn::MsMoeOp>(op);
    SmallVector<Axis> x(builder.axes(op->getOpOperand(0))),
        router(builder.axes(op->getOpOperand(1)));
    OpOperand *first = operandOf(moe, 2), *firstBias = operandOf(moe, 3),
              *second = operandOf(moe, 4), *secondBias = operandOf(moe, 5),
              *third = operandOf(moe, 6), *thirdBias = operandOf(moe, 7);
    SmallVector<Axis> one(builder.axes(*first)), two(builder.axes(*second));
    bool plain = x.size() >= 2 && router.size() == 2 && one.size() == 3 && two.size() == 3 &&
                 builder.extent(one[1]) == builder.extent(two[2]) &&
                 builder.extent(one[2]) == builder.extent(x.back()) &&
                 builder.extent(two[1]) == builder.extent(x.back());
    if (!plain)
      return pinAll(op, builder, "the layout of its experts is not known");
    builder.unify(two[1], x.back());
    builder.pin(router[1], "the best experts are chosen among all");
    auto perExpert = [&](OpOperand *operand, Axis inner, std::optional<Axis> outer) {
      if (!operand)
        return;
      SmallVector<Axis> axes(builder.axes(*operand));
      builder.unify(axes[0], router[1]);
      builder.unify(axes[1], inner);
      if (outer)
        builder.unify(axes[2], *outer);
    };
    perExpert(first, one[1], x.back());
    perExpert(firstBias, one[1], std::nullopt);
    perExpert(third, one[1], x.back());
    perExpert(thirdBias, one[1], std::nullopt);
    perExpert(second, two[1], one[1]);
    perExpert(secondBias, two[1], std::nullopt);
    builder.needZeroProduct(op->getOpOperand(0), *first, x.size() - 1,
                            "erased positions that are summed over do not hold zero");
    StringRef activation = moe.getActivationType();
    if (activation != "relu" && activation != "gelu" && activation != "silu" &&
        activation != "identity")
      builder.pin(one[1], "its activation pairs positions");
    SmallVector<Axis> result(ArrayRef(x).drop_back());
    result.push_back(two[1]);
    builder.setResult(0, result);
  }
  /// Both the second weight and its bias are zero.
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    auto moe = cast<nn::MsMoeOp>(op);
    if (llvm::any_of(operands, [](ErasedValue operand) { return !operand.isFinite(); }))
      return ErasedValue::unknown();
    OpOperand *bias = operandOf(moe, 5);
    bool zero = operands[operandOf(moe, 4)->getOperandNumber()].isZero() &&
                (!bias || operands[bias->getOperandNumber()].isZero());
    return zero ? ErasedValue::zero() : ErasedValue::finite();
  }
};

/// Packed numbers of 4 or 8 bits, scales in blocks.
struct PackedExperts : nn::CouplingOpInterface::ExternalModel<PackedExperts, nn::MsQmoeOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> x(builder.axes(op->getOpOperand(0)));
    for (OpOperand &operand : op->getOpOperands().drop_front())
      for (Axis axis : SmallVector<Axis>(builder.axes(operand)))
        builder.pin(axis, "its experts are quantised in blocks");
    if (x.empty())
      return;
    builder.pin(x.back(), "its experts are quantised in blocks");
    builder.setResult(0, x);
  }
};

} // namespace

void pruning::attachMicrosoftCoupling(MLIRContext &context) {
  nn::MsFastGeluOp::attachInterface<GeluKind<nn::MsFastGeluOp>>(context);
  nn::MsBiasGeluOp::attachInterface<GeluKind<nn::MsBiasGeluOp>>(context);
  nn::MsGeluOp::attachInterface<GeluKind<nn::MsGeluOp>>(context);
  nn::MsQuickGeluOp::attachInterface<GeluKind<nn::MsQuickGeluOp>>(context);
  nn::MsBiasSplitGeluOp::attachInterface<BiasSplitGelu>(context);
  nn::MsFusedConvOp::attachInterface<FusedConv>(context);
  nn::MsFusedGemmOp::attachInterface<FusedGemm>(context);
  nn::MsFusedMatmulOp::attachInterface<FusedMatmul>(context);
  nn::MsMatmulNbitsOp::attachInterface<PackedMatmul>(context);
  nn::MsAttentionOp::attachInterface<MsAttention>(context);
  nn::MsMultiHeadAttentionOp::attachInterface<MultiHead>(context);
  nn::MsGroupQueryAttentionOp::attachInterface<GroupQuery>(context);
  nn::MsRotaryEmbeddingOp::attachInterface<MsRotary>(context);
  nn::MsMoeOp::attachInterface<Experts>(context);
  nn::MsQmoeOp::attachInterface<PackedExperts>(context);
}
