//===- AttentionDecompositions.cpp - ONNX Runtime's kinds of attention -------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// All of them become nn.attention, with what they fused around it: projections,
// biases, masks of other forms, rotary embeddings, caches.

#include "Decompose.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::transform;

static Type i64(Nodes &n) { return n.builder.getI64Type(); }

/// [B, S, heads * size] -> [B, heads, S, size].
static Value splitHeads(Nodes &n, Value value, int64_t heads) {
  return n.transpose(n.reshape(value, {0, 0, heads, -1}), {0, 2, 1, 3});
}

/// What a mask of 0 and 1 adds to the scores.
static Value biasOfMask(Nodes &n, Value mask, std::optional<APFloat> filter, Type element) {
  double value = filter ? filter->convertToDouble() : -10000.0;
  Value kept = n.cast(mask, element);
  return n.mul(n.sub(n.number(1, element), kept), n.number(value, element));
}

/// A mask of [B, T], [B, S, T] or [B, 1, S, T], or lengths [B], as what is added to
/// the scores. `total` is T as a scalar. Null, with a reason, for other forms.
static Value maskToBias(Nodes &n, Value mask, const std::optional<APFloat> &filter, Value total,
                        Type element) {
  switch (*Nodes::rankOf(mask)) {
  case 1: {
    Value keys = n.cast(n.unsqueeze(n.range(total), {0}), i64(n));
    Value within = n.make<nn::LessOp>({keys, n.unsqueeze(n.cast(mask, i64(n)), {1})}, {},
                                      n.builder.getI1Type());
    return n.unsqueeze(biasOfMask(n, within, filter, element), {1, 2});
  }
  case 2:
    return n.unsqueeze(biasOfMask(n, mask, filter, element), {1, 2});
  case 3:
    return n.unsqueeze(biasOfMask(n, mask, filter, element), {1});
  default:
    return biasOfMask(n, mask, filter, element);
  }
}

/// Lengths of [B] and masks of two to four axes; [2 B] and [3 B + 2] name ranges.
static bool isKnownMask(Value mask, Value input) {
  std::optional<int64_t> rank = Nodes::rankOf(mask);
  if (!rank || *rank < 1 || *rank > 4)
    return false;
  if (*rank > 1)
    return true;
  std::optional<ArrayRef<int64_t>> lengths = Nodes::shapeOf(mask), shape = Nodes::shapeOf(input);
  return !shape || ShapedType::isDynamic((*lengths)[0]) || (*lengths)[0] == (*shape)[0];
}

static Value addTo(Nodes &n, Value bias, Value other) {
  return !bias ? other : !other ? bias : n.add(bias, other);
}

/// The width of the projection to queries, keys and values.
static std::optional<SmallVector<int64_t>> projectedSizes(nn::MsAttentionOp op) {
  if (std::optional<ArrayRef<int64_t>> sizes = op.getQkvHiddenSizes())
    return sizes->size() == 3 ? std::optional(SmallVector<int64_t>(*sizes)) : std::nullopt;
  std::optional<int64_t> width = Nodes::sizeOf(op.getWeights(), 1);
  if (!width || *width % 3)
    return std::nullopt;
  return SmallVector<int64_t>(3, *width / 3);
}

/// One projection, split in three, then attention. The cache is one tensor
/// [2, B, N, S, H].
static Decomposed attention(nn::MsAttentionOp op, Nodes &n, std::string &reason) {
  std::optional<SmallVector<int64_t>> sizes = projectedSizes(op);
  int64_t heads = op.getNumHeads();
  if (!sizes || heads < 1)
    return reason = "the sizes of its projections are not known", failure();
  if (op.getDoRotary().value_or(0) || op.getPastPresentShareBuffer().value_or(0) ||
      op.getPastSequenceLength())
    return reason = "rotary embeddings and shared caches inside of it are not supported", failure();
  if (op.getMaskIndex() && !isKnownMask(op.getMaskIndex(), op.getInput()))
    return reason = "a mask of this form is not supported", failure();
  Type element = Nodes::elementOf(op.getInput());
  Value projected = n.make<nn::MatmulOp>({op.getInput(), op.getWeights()});
  if (op.getBias())
    projected = n.add(projected, op.getBias());
  int64_t q = (*sizes)[0], k = (*sizes)[1], v = (*sizes)[2];
  Value query = n.slice(projected, 2, 0, q), key = n.slice(projected, 2, q, q + k),
        value = n.slice(projected, 2, q + k, q + k + v);
  Value pastKey, pastValue, total = n.size(op.getInput(), 1);
  if (Value past = op.getPast()) {
    pastKey = n.squeeze(n.slice(past, 0, 0, 1), {0});
    pastValue = n.squeeze(n.slice(past, 0, 1, 2), {0});
    total = n.add(total, n.size(past, 3));
  }
  Value bias = op.getAttentionBias();
  if (op.getMaskIndex())
    bias =
        addTo(n, maskToBias(n, op.getMaskIndex(), op.getMaskFilterValue(), total, element), bias);
  SmallVector<NamedAttribute> attributes = {n.attribute("q_num_heads", heads),
                                            n.attribute("kv_num_heads", heads),
                                            n.attribute("is_causal", op.getUnidirectional())};
  if (op.getScale())
    attributes.push_back(n.attribute("scale", *op.getScale()));
  bool present = isUsed(op.getPresent());
  Operation *made =
      n.create<nn::AttentionOp>({query, key, value, bias, pastKey, pastValue}, attributes,
                                {element, present ? element : Type(), present ? element : Type()});
  Values results{made->getResult(0)};
  if (op.getPresent())
    results.push_back(present ? n.concat({n.unsqueeze(made->getResult(1), {0}),
                                          n.unsqueeze(made->getResult(2), {0})},
                                         0)
                              : Value());
  return results;
}

/// Queries, keys and values of [B, S, N * H], packed as [B, S, N, 3, H] (queries) or
/// [B, S, N, 2, H] (keys), or keys and values of a cache, [B, N, S, H].
static Decomposed multiHead(nn::MsMultiHeadAttentionOp op, Nodes &n, std::string &reason) {
  int64_t heads = op.getNumHeads();
  Value query = op.getQuery(), key = op.getKey(), value = op.getValue();
  std::optional<int64_t> rank = Nodes::rankOf(query), keyRank = Nodes::rankOf(key);
  bool packedAll = rank == 5, packedKeys = keyRank == 5;
  if (!rank || (key && !keyRank) || heads < 1)
    return reason = "the rank of an operand is not known", failure();
  if (!packedAll && (!key || (!packedKeys && !value)))
    return reason = "it has no keys or no values", failure();
  if (op.getPastSequenceLength() || op.getCacheIndirection() || isUsed(op.getQk()))
    return reason = "shared caches, beams and scores as an output are not supported", failure();
  Value mask = op.getKeyPaddingMask();
  if (mask && !isKnownMask(mask, query))
    return reason = "a mask of this form is not supported", failure();
  std::optional<int64_t> width = Nodes::sizeOf(query, 2);
  if (op.getBias() && (packedAll || !width))
    return reason = "a bias of packed queries is not supported", failure();

  // One of several that stand side by side, as [B, S, N * H].
  auto unpack = [&](Value packed, int64_t index) {
    return n.reshape(n.squeeze(n.slice(packed, 3, index, index + 1), {3}), {0, 0, -1});
  };
  if (packedAll) {
    value = unpack(query, 2), key = unpack(query, 1), query = unpack(query, 0);
  } else if (packedKeys) {
    value = unpack(key, 1), key = unpack(key, 0);
  }
  if (Value bias = op.getBias()) {
    query = n.add(query, n.slice(bias, 0, 0, *width));
    if (keyRank == 3) {
      key = n.add(key, n.slice(bias, 0, *width, 2 * *width));
      value = n.add(value, n.slice(bias, 0, 2 * *width, INT64_MAX));
    }
  }
  Type element = Nodes::elementOf(query);
  Value total = n.size(key, keyRank == 4 ? 2 : 1);
  if (op.getPastKey())
    total = n.add(total, n.size(op.getPastKey(), 2));
  Value bias = op.getAttentionBias();
  if (mask)
    bias = addTo(n, maskToBias(n, mask, op.getMaskFilterValue(), total, element), bias);
  SmallVector<NamedAttribute> attributes = {n.attribute("q_num_heads", heads),
                                            n.attribute("kv_num_heads", heads),
                                            n.attribute("is_causal", op.getUnidirectional())};
  if (op.getScale())
    attributes.push_back(n.attribute("scale", *op.getScale()));
  bool keyOut = isUsed(op.getPresentKey()), valueOut = isUsed(op.getPresentValue());
  Operation *made = n.create<nn::AttentionOp>(
      {query, key, value, bias, op.getPastKey(), op.getPastValue()}, attributes,
      {element, keyOut ? element : Type(), valueOut ? element : Type()});
  Values results{made->getResult(0)};
  results.resize(op->getNumResults());
  unsigned next = 1;
  if (keyOut)
    results[cast<OpResult>(op.getPresentKey()).getResultNumber()] = made->getResult(next++);
  if (valueOut)
    results[cast<OpResult>(op.getPresentValue()).getResultNumber()] = made->getResult(next++);
  return results;
}

//===----------------------------------------------------------------------===//
// Grouped queries with a cache
//===----------------------------------------------------------------------===//

namespace {
/// Where the positions of this call stand, for each batch: `past` of them [B, 1] are
/// in the cache, `total` (a scalar) will be at most.
struct CachePositions {
  Value past, total;
};
} // namespace

/// The cache after this call, [B, N, total, H]: `past` positions of the old one,
/// then the new ones [B, N, S, H].
static Value appendToCache(Nodes &n, Value cache, Value fresh, const CachePositions &positions) {
  if (!cache)
    cache = n.slice(fresh, 2, 0, 0);
  Value oldLength = n.size(cache, 2);
  Value all = n.transpose(n.concat({cache, fresh}, 2), {0, 2, 1, 3});
  Value at = n.unsqueeze(n.range(positions.total), {0});
  Value isOld = n.make<nn::LessOp>({at, positions.past}, {}, n.builder.getI1Type());
  Value moved = n.add(at, n.sub(oldLength, positions.past));
  Value last = n.sub(n.size(all, 1), n.number(1, i64(n)));
  Value index = n.make<nn::MinOp>({n.make<nn::WhereOp>({isOld, at, moved}, {}, i64(n)), last});
  Value taken =
      n.make<nn::GatherNdOp>({all, n.unsqueeze(index, {2})}, n.attribute("batch_dims", int64_t(1)));
  // What comes after the last position is masked, and zero in the cache.
  Value end = n.add(positions.past, n.size(fresh, 2));
  Value isThere = n.make<nn::LessOp>({at, end}, {}, n.builder.getI1Type());
  Type element = Nodes::elementOf(fresh);
  taken =
      n.make<nn::WhereOp>({n.unsqueeze(isThere, {2, 3}), taken, n.number(0, element)}, {}, element);
  return n.transpose(taken, {0, 2, 1, 3});
}

static bool hasKnownForm(nn::MsGroupQueryAttentionOp op, std::string &reason) {
  if (op.getHeadSink() || static_cast<int64_t>(op.getSmoothSoftmax()) > 0 ||
      isUsed(op.getOutputQk()))
    return reason = "softmax with a sink, and scores as an output, are not supported", false;
  if (op.getKScale() || op.getVScale() || op.getKQuantType() != "NONE" ||
      op.getVQuantType() != "NONE" || op.getSlidingWindowCache())
    return reason = "quantised and sliding caches are not supported", false;
  if (op.getQNormWeight() || op.getKNormWeight() || op.getQuerySeqlens() || !op.getCausal())
    return reason = "norms inside of it, and queries that see later keys, are not supported", false;
  if (op.getDoRotary().value_or(0) && (!op.getCosCache() || !op.getSinCache()))
    return reason = "its rotary embedding has no tables", false;
  int64_t heads = op.getNumHeads(), keyHeads = op.getKvNumHeads();
  if (heads < 1 || keyHeads < 1 || heads % keyHeads)
    return reason = "its numbers of heads do not fit together", false;
  if (!op.getKey() && !Nodes::sizeOf(op.getQuery(), 2))
    return reason = "the size of packed queries, keys and values is not known", false;
  return true;
}

static Decomposed groupQuery(nn::MsGroupQueryAttentionOp op, Nodes &n, std::string &reason) {
  if (!hasKnownForm(op, reason))
    return failure();
  int64_t heads = op.getNumHeads(), keyHeads = op.getKvNumHeads();
  Value query = op.getQuery(), key = op.getKey(), value = op.getValue();
  if (!key) {
    int64_t size = *Nodes::sizeOf(query, 2) / (heads + 2 * keyHeads);
    int64_t q = heads * size, k = keyHeads * size;
    value = n.slice(query, 2, q + k, q + 2 * k);
    key = n.slice(query, 2, q, q + k);
    query = n.slice(query, 2, 0, q);
  }
  Type element = Nodes::elementOf(query);
  // Keys that there are for each batch; the first call may be padded on the right.
  Value length = n.add(n.cast(op.getSeqlensK(), i64(n)), n.number(1, i64(n)));
  Value count = n.size(query, 1);
  Value covered = n.make<nn::MaxOp>({n.reshape(length, {-1}), count});
  CachePositions positions{n.unsqueeze(n.sub(covered, count), {1}),
                           n.reshape(n.cast(op.getTotalSequenceLength(), i64(n)), {})};
  if (op.getPastKey())
    positions.total = n.make<nn::MaxOp>({positions.total, n.size(op.getPastKey(), 2)});

  if (op.getDoRotary().value_or(0)) {
    Value ids = op.getPositionIds() ? n.cast(op.getPositionIds(), i64(n))
                                    : n.add(n.unsqueeze(n.range(count), {0}), positions.past);
    auto rotate = [&](Value x, int64_t own) {
      std::optional<int64_t> half = Nodes::sizeOf(op.getCosCache(), 1),
                             width = Nodes::sizeOf(op.getKey() ? x : op.getQuery(), 2);
      SmallVector<NamedAttribute> attributes = {
          n.attribute("num_heads", own),
          n.attribute("interleaved", int64_t(op.getRotaryInterleaved().value_or(0)))};
      // Less than a whole head may be turned.
      int64_t size = !width ? 0 : *width / (op.getKey() ? own : heads + 2 * keyHeads);
      if (half && size && *half * 2 != size)
        attributes.push_back(n.attribute("rotary_embedding_dim", *half * 2));
      return n.make<nn::RotaryEmbeddingOp>({x, op.getCosCache(), op.getSinCache(), ids},
                                           attributes);
    };
    query = rotate(query, heads);
    key = rotate(key, keyHeads);
  }
  key = appendToCache(n, op.getPastKey(), splitHeads(n, key, keyHeads), positions);
  value = appendToCache(n, op.getPastValue(), splitHeads(n, value, keyHeads), positions);
  SmallVector<NamedAttribute> attributes = {n.attribute("q_num_heads", heads),
                                            n.attribute("kv_num_heads", keyHeads),
                                            n.attribute("is_causal", int64_t(1))};
  if (op.getScale() && !op.getScale()->isZero())
    attributes.push_back(n.attribute("scale", *op.getScale()));
  if (op.getSoftcap())
    attributes.push_back(n.attribute("softcap", *op.getSoftcap()));
  if (int64_t window = op.getLocalWindowSize(); window > 0)
    attributes.push_back(n.attribute("left_window_size", window - 1));
  Values results{n.make<nn::AttentionOp>(
      {query, key, value, op.getAttentionBias(), {}, {}, covered}, attributes, element)};
  results.resize(op->getNumResults());
  if (Value present = op.getPresentKey())
    results[cast<OpResult>(present).getResultNumber()] = key;
  if (Value present = op.getPresentValue())
    results[cast<OpResult>(present).getResultNumber()] = value;
  return results;
}

/// Positions of [B, S], or of [1]: where the first one stands.
static Decomposed rotary(nn::MsRotaryEmbeddingOp op, Nodes &n, std::string &reason) {
  Value x = op.getInput(), ids = op.getPositionIds();
  std::optional<int64_t> rank = Nodes::rankOf(x), idsRank = Nodes::rankOf(ids),
                         width = Nodes::sizeOf(x, 2), half = Nodes::sizeOf(op.getCosCache(), 1);
  int64_t heads = op.getNumHeads().value_or(0), turned = op.getRotaryEmbeddingDim().value_or(0);
  if (op.getIsPackedBatching().value_or(0))
    return reason = "packed batches are not supported", failure();
  if (!rank || !idsRank || (*rank == 3 && heads == 0 && (!width || !half || turned)))
    return reason = "its number of heads is not known", failure();
  if (*rank == 3 && heads == 0)
    heads = *width / (2 * *half);
  if (*idsRank == 1) {
    Value steps = n.range(n.size(x, *rank == 3 ? 1 : 2));
    Value shape = n.make<nn::ShapeOp>({x}, {}, i64(n));
    Value batch = n.slice(shape, 0, 0, 1);
    Value both = n.concat({batch, n.reshape(n.size(x, *rank == 3 ? 1 : 2), {1})}, 0);
    ids = n.make<nn::ExpandOp>({n.unsqueeze(n.add(steps, n.cast(ids, i64(n))), {0}), both});
  }
  SmallVector<NamedAttribute> attributes = {
      n.attribute("interleaved", int64_t(op.getInterleaved().value_or(0))),
      n.attribute("rotary_embedding_dim", turned)};
  if (*rank == 3)
    attributes.push_back(n.attribute("num_heads", heads));
  return Values{
      n.make<nn::RotaryEmbeddingOp>({x, op.getCosCache(), op.getSinCache(), ids}, attributes)};
}

void transform::attachAttentionDecompositions(MLIRContext *context) {
  attachDecomposition<nn::MsAttentionOp, attention>(context);
  attachDecomposition<nn::MsMultiHeadAttentionOp, multiHead>(context);
  attachDecomposition<nn::MsGroupQueryAttentionOp, groupQuery>(context);
  attachDecomposition<nn::MsRotaryEmbeddingOp, rotary>(context);
}
