//===- Attention.cpp - Lowering of attention and rotary embeddings ------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Attention is two contractions with a softmax between them. Heads of queries
// that share a head of keys are an axis of their own: scores are
// [B, Hk, R, M, N] for R query heads per key head, M queries and N keys.

#include "Kernels.h"
#include "Models.h"
#include "Scalars.h"

#include "secateur/Analysis/SymbolicShapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

namespace {
/// Queries, keys or values: a tensor and where its axes are.
struct Heads {
  Value tensor;
  SmallVector<Dim> dims;
  /// Positions of batch, head, sequence and features.
  int64_t batch, head, sequence, feature;
};

struct AttentionSizes {
  Dim batch, keyHeads, repeats, queries, keys, features;
  SmallVector<Dim> scores() const { return {batch, keyHeads, repeats, queries, keys}; }
};
} // namespace

/// [B, S, H D] or [B, H, S, D], as it is stored.
static FailureOr<Heads> readHeads(Operation *op, LoweringContext &context, Value value,
                                  std::optional<uint64_t> heads) {
  SmallVector<Dim> dims(context.shape(value));
  if (dims.size() == 4)
    return Heads{context.get(value), dims, 0, 1, 2, 3};
  if (dims.size() != 3 || !heads || *heads == 0)
    return context.unsupported(op, "an operand has 3 axes and its number of heads is not given");
  Dim count = context.constantDim(*heads);
  SmallVector<Dim> split = {dims[0], dims[1], count,
                            context.symbols.simplify(dims[2].floorDiv(count))};
  return Heads{context.reshape(context.get(value), dims, split), split, 0, 2, 1, 3};
}

/// past followed by what came now, [B, H, S, D].
static Heads appendTo(LoweringContext &context, Value past, Value present, const Heads &heads) {
  ImplicitLocOpBuilder &b = context.b;
  Value fresh = heads.tensor;
  SmallVector<Dim> freshDims = heads.dims;
  if (heads.head == 2) {
    fresh = context.transpose(fresh, {0, 2, 1, 3}, freshDims);
    std::swap(freshDims[1], freshDims[2]);
  }
  if (!past)
    return Heads{fresh, freshDims, 0, 1, 2, 3};
  SmallVector<Dim> pastDims(context.shape(past)), dims = freshDims;
  dims[2] = context.symbols.simplify(pastDims[2] + freshDims[2]);
  if (present)
    dims.assign(context.shape(present).begin(), context.shape(present).end());
  Value whole = context.empty(dims, cast<RankedTensorType>(fresh.getType()).getElementType());
  SmallVector<OpFoldResult> offsets(4, b.getIndexAttr(0)), ones(4, b.getIndexAttr(1));
  whole = tensor::InsertSliceOp::create(b, context.get(past), whole, offsets,
                                        context.sizes(pastDims), ones);
  offsets[2] = context.size(pastDims[2]);
  whole = tensor::InsertSliceOp::create(b, fresh, whole, offsets, context.sizes(freshDims), ones);
  return Heads{whole, dims, 0, 1, 2, 3};
}

/// The loops (b, h, r, m, n, k) of the four axes of a tensor.
static AffineMap mapOf(ImplicitLocOpBuilder &b, ArrayRef<int64_t> loops) {
  return AffineMap::get(
      6, 0, llvm::map_to_vector(loops, [&](int64_t loop) { return b.getAffineDimExpr(loop); }),
      b.getContext());
}

/// scale * Q K^T, and `softcap` where it is not 0.
static Value attentionScores(LoweringContext &context, const Heads &q, const Heads &k,
                             const AttentionSizes &sizes, double scale, double softcap) {
  ImplicitLocOpBuilder &b = context.b;
  SmallVector<Dim> split;
  SmallVector<int64_t> loops;
  for (int64_t axis = 0; axis < 4; ++axis) {
    if (axis == q.head) {
      split.append({sizes.keyHeads, sizes.repeats});
      loops.append({1, 2});
      continue;
    }
    split.push_back(q.dims[axis]);
    loops.push_back(axis == q.batch ? 0 : axis == q.sequence ? 3 : 5);
  }
  Value queries = context.reshape(q.tensor, q.dims, split), keys = k.tensor;
  AffineMap keyMap;
  bool packed = hasKernels(keys);
  if (packed) {
    keys = pack(context, keys, k.dims, {k.batch, k.head, k.feature, k.sequence}, 2);
    keyMap = mapOf(b, {0, 1, 5, 4});
  } else {
    SmallVector<int64_t> keyLoops(4);
    keyLoops[k.batch] = 0, keyLoops[k.head] = 1, keyLoops[k.sequence] = 4, keyLoops[k.feature] = 5;
    keyMap = mapOf(b, keyLoops);
  }
  Epilogue epilogue;
  if (scale != 1 || softcap != 0)
    epilogue.body = [=](ImplicitLocOpBuilder &builder, ValueRange x) {
      Scalars s(builder, x[0]);
      Value score = scale == 1 ? Value(x[0]) : s.mul(x[0], s.number(scale));
      return softcap == 0 ? score
                          : s.mul(s.number(softcap), s.tanh(s.mul(score, s.number(1 / softcap))));
    };
  Value init =
      context.empty(sizes.scores(), cast<RankedTensorType>(queries.getType()).getElementType());
  return contract(context, {mapOf(b, loops), keyMap, mapOf(b, {0, 1, 2, 3, 4})}, queries, keys,
                  packed, init, ScalarKind::Float, epilogue);
}

/// The mask as an operand of a loop over the scores. A last axis that is too
/// short is filled up with what masks.
static FailureOr<PlacedTensor> placeMask(Operation *op, LoweringContext &context, Value mask,
                                         const AttentionSizes &sizes) {
  ImplicitLocOpBuilder &b = context.b;
  SmallVector<Dim> dims(context.shape(mask));
  Value tensor = context.get(mask);
  if (dims.size() > 4 || dims.empty())
    return context.unsupported(op, "its mask does not have 1 to 4 axes");
  if (!context.same(dims.back(), sizes.keys) && LoweringContext::constantOf(dims.back()) != 1) {
    SmallVector<Dim> whole = dims;
    whole.back() = sizes.keys;
    Type type = cast<RankedTensorType>(tensor.getType()).getElementType();
    Value fill = isa<FloatType>(type) ? Scalars(b, type, ScalarKind::Float).lowest()
                                      : Value(arith::ConstantOp::create(b, b.getZeroAttr(type)));
    SmallVector<OpFoldResult> offsets(dims.size(), b.getIndexAttr(0)),
        ones(dims.size(), b.getIndexAttr(1));
    tensor = tensor::InsertSliceOp::create(b, tensor, context.filled(whole, fill), offsets,
                                           context.sizes(dims), ones);
    dims = whole;
  }
  PlacedTensor placed;
  SmallVector<Dim> kept;
  SmallVector<Dim> wanted = {sizes.batch, {}, sizes.queries, sizes.keys};
  for (auto [i, dim] : llvm::enumerate(dims)) {
    int64_t axis = int64_t(i) + 4 - int64_t(dims.size());
    if (axis == 1) {
      if (LoweringContext::constantOf(dim) == 1)
        continue;
      kept.append({sizes.keyHeads, sizes.repeats});
      placed.axes.append({1, 2});
      continue;
    }
    if (LoweringContext::constantOf(dim) == 1 && !context.same(dim, wanted[axis]))
      continue;
    kept.push_back(dim);
    placed.axes.push_back(axis == 0 ? 0 : axis + 1);
  }
  placed.tensor = context.reshape(tensor, dims, kept);
  return placed;
}

/// Which keys a query sees by their positions (causality, windows, lengths), as
/// bool: [M, N], or [B, M, N] where lengths differ. None where it sees all. A tensor
/// of its own, so that what is done to scores only reads operands, as kernels can.
static std::optional<PlacedTensor> visibleKeys(nn::AttentionOp op, LoweringContext &context,
                                               const AttentionSizes &sizes) {
  Value lengths = op.getNonpadKvSeqlen();
  bool causal = op.getIsCausal() != 0;
  int64_t left = op.getLeftWindowSize(), right = op.getRightWindowSize();
  if (!lengths && !causal && left < 0 && right < 0)
    return std::nullopt;
  SmallVector<PlacedTensor> operands;
  SmallVector<Dim> dims = {sizes.queries, sizes.keys};
  SmallVector<int64_t> axes = {3, 4};
  if (lengths) {
    operands.push_back({context.get(lengths), {0}});
    dims.insert(dims.begin(), sizes.batch);
    axes.insert(axes.begin(), 0);
  }
  int64_t queryAxis = dims.size() - 2, keyAxis = dims.size() - 1;
  Value past =
      context.index(op.getPastKey() ? context.dim(op.getPastKey(), 2) : context.constantDim(0));
  Value queryCount = context.index(sizes.queries);
  Value visible = context.pointwise(
      dims, context.b.getI8Type(), Layout::RowMajor, operands,
      [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
        Value allowed;
        auto require = [&](arith::CmpIPredicate predicate, Value one, Value other) {
          Value condition = arith::CmpIOp::create(b, predicate, one, other);
          allowed = allowed ? Value(arith::AndIOp::create(b, allowed, condition)) : condition;
        };
        Value key = linalg::IndexOp::create(b, keyAxis), offset = past;
        if (lengths) {
          Value length = arith::IndexCastOp::create(b, b.getIndexType(), x[0]);
          require(arith::CmpIPredicate::slt, key, length);
          offset = arith::SubIOp::create(b, length, queryCount);
        }
        Value position = arith::AddIOp::create(b, linalg::IndexOp::create(b, queryAxis), offset);
        if (causal)
          require(arith::CmpIPredicate::sle, key, position);
        if (left >= 0)
          require(arith::CmpIPredicate::sge, key,
                  arith::SubIOp::create(b, position, arith::ConstantIndexOp::create(b, left)));
        if (right >= 0)
          require(arith::CmpIPredicate::sle, key,
                  arith::AddIOp::create(b, position, arith::ConstantIndexOp::create(b, right)));
        return arith::ExtUIOp::create(b, b.getI8Type(), allowed);
      });
  return PlacedTensor{visible, axes};
}

/// Scores plus the bias; what a query does not see becomes -infinity.
static FailureOr<Value> maskScores(nn::AttentionOp op, LoweringContext &context, Value scores,
                                   const AttentionSizes &sizes) {
  Value mask = op.getAttnMask();
  SmallVector<PlacedTensor> operands = {{scores, {0, 1, 2, 3, 4}}};
  bool maskIsBool = mask && LoweringContext::kindOf(mask) == ScalarKind::Bool;
  if (mask) {
    FailureOr<PlacedTensor> placed = placeMask(op, context, mask, sizes);
    if (failed(placed))
      return failure();
    operands.push_back(*placed);
  }
  std::optional<PlacedTensor> visible = visibleKeys(op, context, sizes);
  if (visible)
    operands.push_back(*visible);
  Type type = cast<RankedTensorType>(scores.getType()).getElementType();
  return context.pointwise(
      sizes.scores(), type, Layout::RowMajor, operands, [&](ImplicitLocOpBuilder &b, ValueRange x) {
        Scalars s(b, type, ScalarKind::Float);
        Value score = x[0], allowed;
        auto require = [&](Value flag) {
          Value condition = LoweringContext::toScalar(b, flag, ScalarKind::Bool);
          allowed = allowed ? Value(arith::AndIOp::create(b, allowed, condition)) : condition;
        };
        if (mask && maskIsBool)
          require(x[1]);
        else if (mask)
          score = s.add(score, x[1]);
        if (visible)
          require(x.back());
        return allowed ? s.select(allowed, score, s.lowest()) : score;
      });
}

static LogicalResult lowerAttention(nn::AttentionOp op, LoweringContext &context) {
  ImplicitLocOpBuilder &b = context.b;
  if (LoweringContext::kindOf(op.getQ()) != ScalarKind::Float)
    return context.unsupported(op, "it is supported on floating point numbers only");
  FailureOr<Heads> q = readHeads(op, context, op.getQ(), op.getQNumHeads());
  FailureOr<Heads> k = readHeads(op, context, op.getK(), op.getKvNumHeads());
  FailureOr<Heads> v = readHeads(op, context, op.getV(), op.getKvNumHeads());
  if (failed(q) || failed(k) || failed(v))
    return failure();
  auto used = [](Value value) { return value && !value.use_empty(); };
  if (op.getPastKey() || used(op.getPresentKey()))
    *k = appendTo(context, op.getPastKey(), op.getPresentKey(), *k);
  if (op.getPastValue() || used(op.getPresentValue()))
    *v = appendTo(context, op.getPastValue(), op.getPresentValue(), *v);
  if (used(op.getPresentKey()))
    context.set(op.getPresentKey(), k->tensor);
  if (used(op.getPresentValue()))
    context.set(op.getPresentValue(), v->tensor);
  AttentionSizes sizes{q->dims[q->batch],    k->dims[k->head],     {},
                       q->dims[q->sequence], k->dims[k->sequence], v->dims[v->feature]};
  std::optional<int64_t> heads = LoweringContext::constantOf(q->dims[q->head]),
                         keyHeads = LoweringContext::constantOf(sizes.keyHeads);
  std::optional<int64_t> width = LoweringContext::constantOf(q->dims[q->feature]);
  if (!heads || !keyHeads || *keyHeads == 0 || *heads % *keyHeads || (!width && !op.getScale()))
    return context.unsupported(op, "its numbers of heads or features are not constant");
  sizes.repeats = context.constantDim(*heads / *keyHeads);
  double scale = op.getScale() ? op.getScale()->convertToDouble() : 1.0 / std::sqrt(double(*width));
  double softcap = op.getSoftcap().convertToDouble();
  int64_t mode = op.getQkMatmulOutputMode();
  auto show = [&](int64_t which, Value scores) {
    if (Value shown = op.getQkMatmulOutput(); used(shown) && mode == which)
      context.set(shown, context.reshape(scores, sizes.scores(), context.shape(shown)));
  };
  if (used(op.getQkMatmulOutput()) && mode == 0)
    show(0, attentionScores(context, *q, *k, sizes, scale, 0));
  Value scores = attentionScores(context, *q, *k, sizes, scale, softcap);
  show(1, scores);
  bool masks = op.getAttnMask() || op.getNonpadKvSeqlen() || op.getIsCausal() ||
               int64_t(op.getLeftWindowSize()) >= 0 || int64_t(op.getRightWindowSize()) >= 0;
  if (masks) {
    FailureOr<Value> masked = maskScores(op, context, scores, sizes);
    if (failed(masked))
      return failure();
    scores = *masked;
  }
  show(2, scores);
  // A query that sees no key gets zeros, not NaN.
  Value weights = softmaxRows(context, scores, sizes.scores(), /*logarithm=*/false, masks);
  Type type = cast<RankedTensorType>(weights.getType()).getElementType();
  show(3, weights);
  if (!used(op.getY()))
    return success();
  // [B, Hk, R, M, D] or [B, M, Hk, R, D]; loops are (b, h, r, m, d, n).
  bool rows = q->head == 2;
  SmallVector<Dim> outDims = rows ? SmallVector<Dim>{sizes.batch, sizes.queries, sizes.keyHeads,
                                                     sizes.repeats, sizes.features}
                                  : SmallVector<Dim>{sizes.batch, sizes.keyHeads, sizes.repeats,
                                                     sizes.queries, sizes.features};
  SmallVector<int64_t> valueLoops(4);
  valueLoops[v->batch] = 0, valueLoops[v->head] = 1, valueLoops[v->sequence] = 5,
  valueLoops[v->feature] = 4;
  AffineMap outMap = rows ? mapOf(b, {0, 3, 1, 2, 4}) : mapOf(b, {0, 1, 2, 3, 4});
  Value product =
      contract(context, {mapOf(b, {0, 1, 2, 3, 5}), mapOf(b, valueLoops), outMap}, weights,
               v->tensor, false, context.empty(outDims, type), ScalarKind::Float);
  context.set(op.getY(), context.reshape(product, outDims, context.shape(op.getY())));
  return success();
}

//===----------------------------------------------------------------------===//
// RotaryEmbedding
//===----------------------------------------------------------------------===//

/// Rotates pairs of features by angles that depend on the position.
static LogicalResult lowerRotary(nn::RotaryEmbeddingOp op, LoweringContext &context) {
  Value input = op.getX(), result = op.getY();
  FailureOr<Heads> x = readHeads(op, context, input, op.getNumHeads());
  if (failed(x))
    return failure();
  std::optional<int64_t> width = LoweringContext::constantOf(x->dims[x->feature]);
  if (!width)
    return context.unsupported(op, "its number of features is not constant");
  int64_t rotated = op.getRotaryEmbeddingDim() ? op.getRotaryEmbeddingDim() : *width,
          half = rotated / 2;
  bool interleaved = op.getInterleaved() != 0;
  Value cosines = context.get(op.getCosCache()), sines = context.get(op.getSinCache());
  Value positions = op.getPositionIds() ? context.get(op.getPositionIds()) : Value();
  Type type = cast<RankedTensorType>(x->tensor.getType()).getElementType();
  Value limit = context.index(half), end = context.index(rotated), zero = context.index(0),
        two = context.index(2), one = context.index(1);
  Value turned = context.generate(
      x->dims, type, Layout::RowMajor, [&](ImplicitLocOpBuilder &b, ValueRange at) {
        Scalars s(b, type, ScalarKind::Float);
        Value feature = at[x->feature];
        Value turns = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, feature, end);
        // The pair, which angle it has, and whether this is its second half.
        Value second, angle, partner;
        if (interleaved) {
          Value bit = arith::RemUIOp::create(b, feature, two);
          second = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, bit, one);
          angle = arith::DivUIOp::create(b, feature, two);
          partner = arith::SelectOp::create(b, second, arith::SubIOp::create(b, feature, one),
                                            arith::AddIOp::create(b, feature, one));
        } else {
          second = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, feature, limit);
          Value back = arith::SubIOp::create(b, feature, limit);
          angle = arith::SelectOp::create(b, second, back, feature);
          partner =
              arith::SelectOp::create(b, second, back, arith::AddIOp::create(b, feature, limit));
        }
        angle = arith::SelectOp::create(b, turns, angle, zero);
        partner = arith::SelectOp::create(b, turns, partner, feature);
        SmallVector<Value> where = {at[x->batch], at[x->sequence], angle};
        if (positions) {
          Value position =
              tensor::ExtractOp::create(b, positions, ValueRange{at[x->batch], at[x->sequence]});
          where = {arith::IndexCastOp::create(b, b.getIndexType(), position), angle};
        }
        Value cosine = tensor::ExtractOp::create(b, cosines, where),
              sine = tensor::ExtractOp::create(b, sines, where);
        SmallVector<Value> other(at);
        other[x->feature] = partner;
        Value own = tensor::ExtractOp::create(b, x->tensor, at),
              opposite = tensor::ExtractOp::create(b, x->tensor, other);
        Value product = s.mul(opposite, sine);
        Value value = s.select(second, s.add(s.mul(own, cosine), product),
                               s.sub(s.mul(own, cosine), product));
        return s.select(turns, value, own);
      });
  context.set(result, context.reshape(turned, x->dims, context.shape(result)));
  return success();
}

void secateur::lowering::attachAttentionModels(MLIRContext *context) {
  attachLowering<nn::AttentionOp, lowerAttention>(context);
  attachLowering<nn::RotaryEmbeddingOp, lowerRotary>(context);
}
