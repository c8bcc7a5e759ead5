//===- AttentionErasure.cpp - Numbers of heads that attributes name ----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Where heads, or positions inside of them, have left, the attributes that count them
// follow, and a scale that would follow the size of a head is written out.
//===----------------------------------------------------------------------===//

#include "ErasureModels.h"

#include "dialects/NN/IR/NNErasure.h"

#include "mlir/IR/Builders.h"

#include <cmath>
#include <map>

using namespace mlir;
using namespace secateur;
using nn::ErasureContext;
using nn::ErasureOpInterface;

namespace {
/// What is left of an axis [heads][inside], or of a run of one.
struct HeadsLeft {
  int64_t heads, inside, denseInside;
};
} // namespace

/// Of positions [begin, begin + size) of `axis`, which were `heads` heads; nullopt where
/// it is not as much in each head.
static std::optional<HeadsLeft> headsLeft(ErasureContext &context, Value value, int64_t axis,
                                          int64_t heads, int64_t begin = 0, int64_t size = 0) {
  llvm::ArrayRef<int64_t> dense = context.getDenseShape(value);
  if (axis >= int64_t(dense.size()) || ShapedType::isDynamic(dense[axis]))
    return std::nullopt;
  size = size ? size : dense[axis];
  if (heads < 1 || size % heads || size == 0)
    return std::nullopt;
  int64_t denseInside = size / heads;
  std::map<int64_t, int64_t> insideOf;
  for (int64_t position : context.getKept(value, axis)) {
    if (position < begin || position >= begin + size)
      continue;
    ++insideOf[(position - begin) / denseInside];
  }
  if (insideOf.empty() ||
      llvm::any_of(insideOf, [&](auto &head) { return head.second != insideOf.begin()->second; }))
    return std::nullopt;
  // Where the heads are an axis of their own, what leaves may be another in each.
  int64_t inside = heads == 1 ? context.getPrunedShape(value)[axis] : insideOf.begin()->second;
  return HeadsLeft{int64_t(insideOf.size()), inside, denseInside};
}

/// Writes the scale out that `op` has by default, where the size of its heads changes.
template <typename OpTy>
static void keepScale(OpTy op, const HeadsLeft &queries) {
  if (!op.getScale() && queries.inside != queries.denseInside)
    op.setScaleAttr(
        Builder(op.getContext())
            .getF32FloatAttr(static_cast<float>(1.0 / std::sqrt(double(queries.denseInside)))));
}

static LogicalResult cannotTell(Operation *op) {
  return op->emitError("cannot tell how many heads are left");
}

namespace {

struct AttentionErasure : ErasureOpInterface::ExternalModel<AttentionErasure, nn::AttentionOp> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto attention = cast<nn::AttentionOp>(op);
    auto left = [&](Value value, std::optional<uint64_t> heads) {
      llvm::ArrayRef<int64_t> shape = context.getDenseShape(value);
      if (shape.size() == 4)
        return headsLeft(context, value, 3, 1);
      return headsLeft(context, value, 2, heads.value_or(0));
    };
    std::optional<HeadsLeft> queries = left(attention.getQ(), attention.getQNumHeads()),
                             keys = left(attention.getK(), attention.getKvNumHeads());
    if (!queries || !keys)
      return context.getDenseShape(attention.getQ()).size() == 4 ? success() : cannotTell(op);
    keepScale(attention, *queries);
    if (context.getDenseShape(attention.getQ()).size() == 3)
      attention.setQNumHeads(queries->heads);
    if (context.getDenseShape(attention.getK()).size() == 3)
      attention.setKvNumHeads(keys->heads);
    return success();
  }
};

struct RotaryErasure : ErasureOpInterface::ExternalModel<RotaryErasure, nn::RotaryEmbeddingOp> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto rotary = cast<nn::RotaryEmbeddingOp>(op);
    if (context.getDenseShape(rotary.getX()).size() != 3)
      return success();
    std::optional<HeadsLeft> left =
        headsLeft(context, rotary.getX(), 2, rotary.getNumHeads().value_or(0));
    if (!left)
      return cannotTell(op);
    rotary.setNumHeads(left->heads);
    return success();
  }
};

/// Without num_heads the tables tell the size of a head.
struct MsRotaryErasure
    : ErasureOpInterface::ExternalModel<MsRotaryErasure, nn::MsRotaryEmbeddingOp> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto rotary = cast<nn::MsRotaryEmbeddingOp>(op);
    int64_t heads = rotary.getNumHeads().value_or(0);
    if (!heads)
      return success();
    bool packed = context.getDenseShape(rotary.getInput()).size() == 3;
    if (!packed) {
      rotary.setNumHeads(context.getPrunedShape(rotary.getInput())[1]);
      return success();
    }
    std::optional<HeadsLeft> left = headsLeft(context, rotary.getInput(), 2, heads);
    if (!left)
      return cannotTell(op);
    rotary.setNumHeads(left->heads);
    return success();
  }
};

struct MsAttentionErasure
    : ErasureOpInterface::ExternalModel<MsAttentionErasure, nn::MsAttentionOp> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto attention = cast<nn::MsAttentionOp>(op);
    llvm::ArrayRef<int64_t> weights = context.getDenseShape(attention.getWeights());
    if (weights.size() != 2)
      return success();
    llvm::SmallVector<int64_t> sizes(3, weights[1] / 3), newSizes;
    if (std::optional<llvm::ArrayRef<int64_t>> given = attention.getQkvHiddenSizes())
      sizes.assign(given->begin(), given->end());
    int64_t begin = 0, heads = attention.getNumHeads();
    std::optional<HeadsLeft> queries;
    for (int64_t size : sizes) {
      std::optional<HeadsLeft> left =
          headsLeft(context, attention.getWeights(), 1, heads, begin, size);
      if (!left)
        return cannotTell(op);
      queries = queries ? queries : left;
      newSizes.push_back(left->heads * left->inside);
      begin += size;
    }
    keepScale(attention, *queries);
    attention.setNumHeads(queries->heads);
    if (attention.getQkvHiddenSizes() || !llvm::all_equal(newSizes))
      attention.setQkvHiddenSizes(newSizes);
    return success();
  }
};

struct MultiHeadErasure
    : ErasureOpInterface::ExternalModel<MultiHeadErasure, nn::MsMultiHeadAttentionOp> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto attention = cast<nn::MsMultiHeadAttentionOp>(op);
    if (context.getDenseShape(attention.getQuery()).size() != 3)
      return success(); // Packed tensors stay as they are.
    std::optional<HeadsLeft> left =
        headsLeft(context, attention.getQuery(), 2, attention.getNumHeads());
    if (!left)
      return cannotTell(op);
    keepScale(attention, *left);
    attention.setNumHeads(left->heads);
    return success();
  }
};

struct GroupQueryErasure
    : ErasureOpInterface::ExternalModel<GroupQueryErasure, nn::MsGroupQueryAttentionOp> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto attention = cast<nn::MsGroupQueryAttentionOp>(op);
    int64_t heads = attention.getNumHeads(), keyHeads = attention.getKvNumHeads();
    Value queries = attention.getQuery(), keys = attention.getKey();
    llvm::ArrayRef<int64_t> shape = context.getDenseShape(queries);
    if (shape.size() != 3 || ShapedType::isDynamic(shape[2]))
      return success();
    int64_t inside = shape[2] / (keys ? heads : heads + 2 * keyHeads);
    std::optional<HeadsLeft> q = headsLeft(context, queries, 2, heads, 0, heads * inside);
    std::optional<HeadsLeft> k =
        keys ? headsLeft(context, keys, 2, keyHeads)
             : headsLeft(context, queries, 2, keyHeads, heads * inside, keyHeads * inside);
    if (!q || !k)
      return cannotTell(op);
    attention.setNumHeads(q->heads);
    attention.setKvNumHeads(k->heads);
    return success();
  }
};

/// N is the number of rows of the packed weight.
struct PackedMatmulErasure
    : ErasureOpInterface::ExternalModel<PackedMatmulErasure, nn::MsMatmulNbitsOp> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto matmul = cast<nn::MsMatmulNbitsOp>(op);
    llvm::ArrayRef<int64_t> weight = context.getPrunedShape(matmul.getB());
    if (!weight.empty() && !ShapedType::isDynamic(weight[0]))
      matmul.setN(weight[0]);
    return success();
  }
};

} // namespace

void pruning::attachAttentionErasure(MLIRContext &context) {
  nn::AttentionOp::attachInterface<AttentionErasure>(context);
  nn::RotaryEmbeddingOp::attachInterface<RotaryErasure>(context);
  nn::MsAttentionOp::attachInterface<MsAttentionErasure>(context);
  nn::MsMultiHeadAttentionOp::attachInterface<MultiHeadErasure>(context);
  nn::MsGroupQueryAttentionOp::attachInterface<GroupQueryErasure>(context);
  nn::MsRotaryEmbeddingOp::attachInterface<MsRotaryErasure>(context);
  nn::MsMatmulNbitsOp::attachInterface<PackedMatmulErasure>(context);
}
