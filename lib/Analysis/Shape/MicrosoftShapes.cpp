//===- MicrosoftShapes.cpp - Operators of com.microsoft ---------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Those that only differ in a name from operators of ai.onnx are in their files.

#include "WindowRules.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::analysis;
using namespace secateur::nn;

//===----------------------------------------------------------------------===//
// Elementwise operators, norms and products
//===----------------------------------------------------------------------===//

template <typename OpTy>
static LogicalResult inferQuantizedBinary(OpTy op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> a = evaluator.getShape(op.getA()), b = evaluator.getShape(op.getB());
  if (!a || !b)
    return evaluator.setUnranked(op.getC()), success();
  FailureOr<Shape> shape = broadcast(op, evaluator, {*a, *b});
  if (failed(shape))
    return failure();
  evaluator.setShape(op.getC(), *shape);
  return success();
}

static LogicalResult inferBiasSplitGelu(MsBiasSplitGeluOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> x = evaluator.getShape(op.getX());
  if (!x || x->empty())
    return evaluator.setUnranked(op.getY()), success();
  Shape shape(x->begin(), x->end());
  shape.back() = shape.back().floorDiv(2);
  evaluator.setShape(op.getY(), shape);
  return success();
}

template <typename OpTy>
static LogicalResult inferSkipNorm(OpTy op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> x = evaluator.getShape(op.getInput());
  if (!x)
    return success();
  if (x->empty())
    return op->emitOpError("cannot normalise a scalar");
  copyShape(evaluator, op.getInput(), op.getOutput());
  copyShape(evaluator, op.getInput(), op.getInputSkipBiasSum());
  for (Value statistics : {op.getMean(), op.getInvStdVar()})
    setStatistics(evaluator, *x, x->size() - 1, statistics);
  return checkCount(op, op.getCount(), x->take_back());
}

static LogicalResult inferRmsNorm(SimplifiedLayerNormalizationOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> x = evaluator.getShape(op.getX());
  if (!x)
    return success();
  FailureOr<int64_t> axis = getAxis(op, op.getAxis(), x->size());
  if (failed(axis))
    return failure();
  copyShape(evaluator, op.getX(), op.getY());
  setStatistics(evaluator, *x, *axis, op.getInvStdVar());
  return checkCount(op, op.getCount(), x->drop_front(*axis));
}

static LogicalResult inferEmbedNorm(MsEmbedLayerNormalizationOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> ids = evaluator.getShape(op.getInputIds()),
                          table = evaluator.getShape(op.getWordEmbedding());
  if ((ids && ids->size() != 2) || (table && table->size() != 2))
    return op.emitOpError("needs ids and a table of rank 2");
  Value result = op.getOutput();
  Shape shape{ids ? (*ids)[0] : evaluator.unknownDim(result, 0),
              ids ? (*ids)[1] : evaluator.unknownDim(result, 1),
              table ? (*table)[1] : evaluator.unknownDim(result, 2)};
  evaluator.setShape(result, shape);
  evaluator.setShape(op.getMaskIndex(), {shape[0]});
  evaluator.setShape(op.getEmbeddingSum(), shape);
  return checkCount(op, op.getCount(), shape[2]);
}

static LogicalResult inferFusedMatmul(MsFusedMatmulOp op, ShapeEvaluator &evaluator) {
  if (op.getTransBatchA() || op.getTransBatchB())
    return evaluator.setUnranked(op.getY()), success();
  auto shapeOf = [&](Value value, bool transposed) {
    std::optional<ShapeRef> given = evaluator.getShape(value);
    std::optional<Shape> shape;
    if (given)
      shape.emplace(given->begin(), given->end());
    if (shape && transposed && shape->size() > 1)
      std::swap((*shape)[shape->size() - 1], (*shape)[shape->size() - 2]);
    return shape;
  };
  std::optional<Shape> a = shapeOf(op.getA(), op.getTransA()),
                       b = shapeOf(op.getB(), op.getTransB());
  if (!a || !b)
    return evaluator.setUnranked(op.getY()), success();
  return inferProduct(op, evaluator, ShapeRef(*a), ShapeRef(*b), op.getY());
}

static LogicalResult inferPackedMatmul(MsMatmulNbitsOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> a = evaluator.getShape(op.getA());
  if (!a)
    return evaluator.setUnranked(op.getY()), success();
  if (a->empty())
    return op.emitOpError("cannot multiply scalars");
  if (!evaluator.requireEqual(a->back(), evaluator.constant(op.getK()), op))
    return op.emitOpError() << "K is " << op.getK() << ", but A has rows of "
                            << evaluator.toString(a->back());
  Shape shape(a->begin(), a->end());
  shape.back() = evaluator.constant(op.getN());
  evaluator.setShape(op.getY(), shape);
  return success();
}

//===----------------------------------------------------------------------===//
// Pools and pieces
//===----------------------------------------------------------------------===//

static LogicalResult inferGlobalPool(MsQlinearGlobalAveragePoolOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> x = evaluator.getShape(op.getX());
  if (!x)
    return evaluator.setUnranked(op.getY()), success();
  if (x->size() < 3)
    return op.emitOpError() << "needs an input of rank 3 or more, got rank " << x->size();
  size_t channels = op.getChannelsLast() ? x->size() - 1 : 1;
  Shape shape(x->begin(), x->end());
  for (size_t axis = 1; axis < shape.size(); ++axis)
    if (axis != channels)
      shape[axis] = evaluator.constant(1);
  evaluator.setShape(op.getY(), shape);
  return success();
}

static LogicalResult inferAveragePool(MsQlinearAveragePoolOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> x = evaluator.getShape(op.getX());
  if (!x || op.getChannelsLast())
    return evaluator.setUnranked(op.getY()), success();
  Window window;
  window.strides = op.getStrides();
  window.pads = op.getPads();
  window.autoPad = op.getAutoPad();
  window.ceilMode = op.getCeilMode() != 0;
  FailureOr<Shape> shape = inferPooled(op, evaluator, window, op.getKernelShape(), *x);
  if (failed(shape))
    return failure();
  evaluator.setShape(op.getY(), *shape);
  return success();
}

static LogicalResult inferConcat(MsQlinearConcatOp op, ShapeEvaluator &evaluator) {
  if (op.getInputs().empty() || op.getInputs().size() % 3)
    return op.emitOpError("needs a tensor, a scale and a zero point for each piece");
  std::optional<Shape> result;
  for (size_t i = 0; i < op.getInputs().size(); i += 3) {
    std::optional<ShapeRef> piece = evaluator.getShape(op.getInputs()[i]);
    if (!piece || (result && result->size() != piece->size()))
      return evaluator.setUnranked(op.getY()), success();
    FailureOr<int64_t> axis = getAxis(op, op.getAxis(), piece->size());
    if (failed(axis))
      return failure();
    if (result)
      (*result)[*axis] = (*result)[*axis] + (*piece)[*axis];
    else
      result.emplace(piece->begin(), piece->end());
  }
  evaluator.setShape(op.getY(), *result);
  return success();
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

static LogicalResult unranked(Operation *op, ShapeEvaluator &evaluator) {
  for (Value result : op->getResults())
    evaluator.setUnranked(result);
  return success();
}

static LogicalResult inferAttention(MsAttentionOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> x = evaluator.getShape(op.getInput()),
                          w = evaluator.getShape(op.getWeights());
  if (!x || !w || x->size() != 3 || w->size() != 2)
    return unranked(op, evaluator);
  int64_t heads = op.getNumHeads();
  if (heads < 1)
    return op.emitOpError() << "num_heads is " << heads << ", expected at least 1";
  Dim width = evaluator.simplify((*w)[1].floorDiv(3));
  if (std::optional<ArrayRef<int64_t>> sizes = op.getQkvHiddenSizes()) {
    if (sizes->size() != 3)
      return op.emitOpError("needs three qkv_hidden_sizes");
    width = evaluator.constant((*sizes)[2]);
  }
  evaluator.setShape(op.getOutput(), {(*x)[0], (*x)[1], width});
  if (!op.getPresent())
    return success();
  Dim total = (*x)[1];
  if (op.getPast()) {
    std::optional<ShapeRef> past = evaluator.getShape(op.getPast());
    total = past && past->size() == 5 && !op.getPastPresentShareBuffer().value_or(0)
                ? total + (*past)[3]
                : evaluator.unknownDim(op.getPresent(), 3);
  }
  evaluator.setShape(op.getPresent(), {evaluator.constant(2), (*x)[0], evaluator.constant(heads),
                                       total, width.floorDiv(heads)});
  return success();
}

static LogicalResult inferMultiHead(MsMultiHeadAttentionOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> q = evaluator.getShape(op.getQuery());
  std::optional<ShapeRef> k = op.getKey() ? evaluator.getShape(op.getKey()) : q;
  std::optional<ShapeRef> v = op.getValue() ? evaluator.getShape(op.getValue()) : k;
  int64_t heads = op.getNumHeads();
  if (heads < 1)
    return op.emitOpError() << "num_heads is " << heads << ", expected at least 1";
  auto isOf = [](std::optional<ShapeRef> shape) {
    return shape && shape->size() >= 3 && shape->size() <= 5;
  };
  if (!isOf(q) || !isOf(k) || !isOf(v))
    return unranked(op, evaluator);
  // [B, S, N * H], [B, N, S, H], or several of them as [B, S, N, 2 or 3, H].
  auto widthOf = [&](ShapeRef shape) {
    return shape.size() == 3 ? evaluator.simplify(shape[2].floorDiv(heads)) : shape.back();
  };
  auto lengthOf = [](ShapeRef shape) { return shape[shape.size() == 4 ? 2 : 1]; };
  evaluator.setShape(op.getOutput(), {(*q)[0], lengthOf(*q), heads * widthOf(*v)});
  Dim total = lengthOf(*k);
  if (op.getPastKey()) {
    std::optional<ShapeRef> past = evaluator.getShape(op.getPastKey());
    total = past && past->size() == 4 && !op.getPastSequenceLength()
                ? total + (*past)[2]
                : evaluator.unknownDim(op.getOutput(), 3);
  }
  Dim count = evaluator.constant(heads);
  evaluator.setShape(op.getPresentKey(), {(*q)[0], count, total, widthOf(*k)});
  evaluator.setShape(op.getPresentValue(), {(*q)[0], count, total, widthOf(*v)});
  evaluator.setShape(op.getQk(), {(*q)[0], count, lengthOf(*q), total});
  return success();
}

static LogicalResult inferGroupQuery(MsGroupQueryAttentionOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> q = evaluator.getShape(op.getQuery());
  int64_t heads = op.getNumHeads(), keyHeads = op.getKvNumHeads();
  if (heads < 1 || keyHeads < 1 || heads % keyHeads)
    return op.emitOpError() << heads << " heads of queries do not share " << keyHeads
                            << " heads of keys";
  if (!q || q->size() != 3)
    return unranked(op, evaluator);
  int64_t parts = op.getKey() ? heads : heads + 2 * keyHeads;
  Dim width = evaluator.simplify((*q)[2].floorDiv(parts));
  evaluator.setShape(op.getOutput(), {(*q)[0], (*q)[1], heads * width});
  // The cache has room for all that there is, or more from the start.
  std::optional<SmallVector<Dim>> total = elementsOrSymbols(evaluator, op.getTotalSequenceLength());
  Dim length = total && total->size() == 1 ? total->front() : Dim();
  if (length && op.getPastKey()) {
    std::optional<ShapeRef> past = evaluator.getShape(op.getPastKey());
    length = past && past->size() == 4 ? evaluator.maximum(length, (*past)[2]) : Dim();
  }
  if (!length)
    length = evaluator.unknownDim(op.getOutput(), 3);
  Dim count = evaluator.constant(keyHeads);
  evaluator.setShape(op.getPresentKey(), {(*q)[0], count, length, width});
  evaluator.setShape(op.getPresentValue(), {(*q)[0], count, length, width});
  evaluator.setShape(op.getOutputQk(), {(*q)[0], evaluator.constant(heads), (*q)[1], length});
  return success();
}

void analysis::attachMicrosoftShapes(MLIRContext *context) {
  attachAll<inferSameShape, MsFastGeluOp, MsGeluOp, MsQuickGeluOp, MsQlinearSigmoidOp,
            MsQlinearLeakyReluOp, MsQlinearSoftmaxOp, MsQuantizeLinearOp, MsDequantizeLinearOp,
            MsRotaryEmbeddingOp, MsMoeOp, MsQmoeOp>(context);
  attachAll<inferBroadcast, MsBiasGeluOp>(context);
  attach<MsQlinearAddOp, inferQuantizedBinary<MsQlinearAddOp>>(context);
  attach<MsQlinearMulOp, inferQuantizedBinary<MsQlinearMulOp>>(context);
  attach<MsBiasSplitGeluOp, inferBiasSplitGelu>(context);
  attach<MsSkipLayerNormalizationOp, inferSkipNorm<MsSkipLayerNormalizationOp>>(context);
  attach<MsSkipSimplifiedLayerNormalizationOp, inferSkipNorm<MsSkipSimplifiedLayerNormalizationOp>>(
      context);
  attach<SimplifiedLayerNormalizationOp, inferRmsNorm>(context);
  attach<MsEmbedLayerNormalizationOp, inferEmbedNorm>(context);
  attach<MsFusedMatmulOp, inferFusedMatmul>(context);
  attach<MsMatmulNbitsOp, inferPackedMatmul>(context);
  attach<MsQlinearGlobalAveragePoolOp, inferGlobalPool>(context);
  attach<MsQlinearAveragePoolOp, inferAveragePool>(context);
  attach<MsQlinearConcatOp, inferConcat>(context);
  attach<MsAttentionOp, inferAttention>(context);
  attach<MsMultiHeadAttentionOp, inferMultiHead>(context);
  attach<MsGroupQueryAttentionOp, inferGroupQuery>(context);
}
