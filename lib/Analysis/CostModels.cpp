//===- CostModels.cpp - CostOpInterface of the operations that multiply -----===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Operations without a model cost nothing. Counts that overflow saturate.

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Analysis/Einsum.h"
#include "secateur/Analysis/Registration.h"

#include "mlir/IR/DialectRegistry.h"

#include <map>

using namespace mlir;
using namespace secateur;
using namespace secateur::nn;

namespace {

using ShapeOf = llvm::function_ref<SmallVector<int64_t>(Value)>;

/// The model of `OpTy` whose multiply-accumulates `count` gives.
template <typename OpTy, int64_t (*count)(OpTy, ShapeOf)>
struct CostModel : CostOpInterface::ExternalModel<CostModel<OpTy, count>, OpTy> {
  int64_t getFlops(Operation *op, ShapeOf shapeOf) const {
    int64_t products = count(cast<OpTy>(op), shapeOf), flops = 0;
    return __builtin_mul_overflow(products, int64_t(2), &flops) ? INT64_MAX : flops;
  }
};

} // namespace

static int64_t multiply(ArrayRef<int64_t> factors) {
  int64_t result = 1;
  for (int64_t factor : factors)
    if (__builtin_mul_overflow(result, std::max<int64_t>(factor, 0), &result))
      return INT64_MAX;
  return result;
}

/// The size of axis `axis`, counted from the back where it is negative; 1 where
/// there is none.
static int64_t sizeAt(ArrayRef<int64_t> shape, int64_t axis) {
  int64_t position = axis < 0 ? axis + int64_t(shape.size()) : axis;
  return position >= 0 && position < int64_t(shape.size()) ? shape[position] : 1;
}

/// Each element of the result sums over a filter.
template <typename OpTy>
static int64_t countConvolution(OpTy op, ShapeOf shapeOf) {
  SmallVector<int64_t> weight = shapeOf(op.getW());
  if (weight.empty())
    return 0;
  return multiply({multiply(shapeOf(op->getResult(0))), multiply(ArrayRef(weight).drop_front())});
}

/// Each element of the input is spread over the filters of its channel.
static int64_t countConvTranspose(ConvTransposeOp op, ShapeOf shapeOf) {
  SmallVector<int64_t> weight = shapeOf(op.getW());
  if (weight.empty())
    return 0;
  return multiply({multiply(shapeOf(op.getX())), multiply(ArrayRef(weight).drop_front())});
}

template <typename OpTy>
static int64_t countMatrixProduct(OpTy op, ShapeOf shapeOf) {
  return multiply({multiply(shapeOf(op.getY())), sizeAt(shapeOf(op.getA()), -1)});
}

template <typename OpTy>
static int64_t countGemm(OpTy op, ShapeOf shapeOf) {
  return multiply(
      {multiply(shapeOf(op.getY())), sizeAt(shapeOf(op.getA()), op.getTransA() ? 0 : 1)});
}

static int64_t countFusedMatmul(MsFusedMatmulOp op, ShapeOf shapeOf) {
  return multiply(
      {multiply(shapeOf(op.getY())), sizeAt(shapeOf(op.getA()), op.getTransA() ? -2 : -1)});
}

static int64_t countPackedMatmul(MsMatmulNbitsOp op, ShapeOf shapeOf) {
  return multiply({multiply(shapeOf(op.getY())), sizeAt(shapeOf(op.getA()), -1)});
}

/// One product of all labels' sizes for each operand after the first.
static int64_t countEinsum(EinsumOp op, ShapeOf shapeOf) {
  SmallVector<SmallVector<int64_t>> shapes;
  SmallVector<int64_t> ranks;
  for (Value input : op.getInputs()) {
    shapes.push_back(shapeOf(input));
    ranks.push_back(shapes.back().size());
  }
  std::string reason;
  std::optional<analysis::Einsum> einsum = analysis::parseEinsum(op.getEquation(), ranks, reason);
  if (!einsum || shapes.size() < 2)
    return 0;
  std::map<int64_t, int64_t> sizes;
  for (auto [shape, labels] : llvm::zip(shapes, einsum->inputs))
    for (auto [size, label] : llvm::zip(shape, labels))
      sizes[label] = std::max(sizes[label], size);
  SmallVector<int64_t> all{int64_t(shapes.size()) - 1};
  for (auto [label, size] : sizes)
    all.push_back(size);
  return multiply(all);
}

/// Each step multiplies W and R of each direction.
template <typename OpTy>
static int64_t countRecurrence(OpTy op, ShapeOf shapeOf) {
  SmallVector<int64_t> x = shapeOf(op.getX());
  int64_t weights = 0;
  if (__builtin_add_overflow(multiply(shapeOf(op.getW())), multiply(shapeOf(op.getR())), &weights))
    return INT64_MAX;
  return multiply({sizeAt(x, 0), sizeAt(x, 1), weights});
}

/// The two products of each head: Q by K, and the weights by V.
static int64_t countAttention(AttentionOp op, ShapeOf shapeOf) {
  SmallVector<int64_t> q = shapeOf(op.getQ()), k = shapeOf(op.getK()), v = shapeOf(op.getV());
  int64_t queryHeads = q.size() == 4 ? q[1] : op.getQNumHeads().value_or(1);
  int64_t keyHeads = k.size() == 4 ? k[1] : op.getKvNumHeads().value_or(1);
  if (queryHeads < 1 || keyHeads < 1)
    return 0;
  int64_t queryWidth = q.size() == 4 ? q[3] : sizeAt(q, 2) / queryHeads;
  int64_t valueWidth = v.size() == 4 ? v[3] : sizeAt(v, 2) / keyHeads;
  int64_t length = sizeAt(k, -2);
  if (op.getPastKey())
    length += sizeAt(shapeOf(op.getPastKey()), 2);
  return multiply({sizeAt(q, 0), queryHeads, sizeAt(q, -2), length, queryWidth + valueWidth});
}

/// `width` is that of all heads of queries and of values.
static int64_t countScores(ArrayRef<int64_t> queries, int64_t length, int64_t width) {
  return multiply({sizeAt(queries, 0), sizeAt(queries, 1), length, width});
}

/// With the projection of the input.
static int64_t countMsAttention(MsAttentionOp op, ShapeOf shapeOf) {
  SmallVector<int64_t> x = shapeOf(op.getInput()), w = shapeOf(op.getWeights());
  int64_t values = sizeAt(shapeOf(op.getOutput()), -1), length = sizeAt(x, 1);
  if (op.getPast())
    length += sizeAt(shapeOf(op.getPast()), 3);
  int64_t projection = multiply({multiply(x), sizeAt(w, 1)});
  int64_t scores = countScores(x, length, (sizeAt(w, 1) - values) / 2 + values), total = 0;
  return __builtin_add_overflow(projection, scores, &total) ? INT64_MAX : total;
}

static int64_t countMultiHead(MsMultiHeadAttentionOp op, ShapeOf shapeOf) {
  SmallVector<int64_t> q = shapeOf(op.getQuery()), y = shapeOf(op.getOutput());
  SmallVector<int64_t> k = op.getKey() ? shapeOf(op.getKey()) : q;
  int64_t length = sizeAt(k, k.size() == 4 ? 2 : 1);
  if (op.getPastKey())
    length += sizeAt(shapeOf(op.getPastKey()), 2);
  int64_t width = q.size() == 3 ? sizeAt(q, 2) : sizeAt(y, 2);
  return countScores(y, length, width + sizeAt(y, 2));
}

static int64_t countGroupQuery(MsGroupQueryAttentionOp op, ShapeOf shapeOf) {
  SmallVector<int64_t> y = shapeOf(op.getOutput());
  int64_t length = sizeAt(y, 1);
  if (op.getPastKey())
    length += sizeAt(shapeOf(op.getPastKey()), 2);
  return countScores(y, length, 2 * sizeAt(y, 2));
}

/// Each token goes to `k` experts.
template <typename OpTy>
static int64_t countExperts(OpTy op, ShapeOf shapeOf) {
  SmallVector<int64_t> x = shapeOf(op.getInput()), weights = shapeOf(op.getFc1ExpertsWeights());
  int64_t tokens = multiply(ArrayRef(x).drop_back(x.empty() ? 0 : 1)), all = 0;
  for (Value each :
       {op.getFc1ExpertsWeights(), op.getFc2ExpertsWeights(), op.getFc3ExpertsWeights()})
    if (each && __builtin_add_overflow(multiply(shapeOf(each)), all, &all))
      return INT64_MAX;
  return multiply({tokens, int64_t(op.getK()), all / std::max<int64_t>(sizeAt(weights, 0), 1)});
}

template <typename OpTy, int64_t (*count)(OpTy, ShapeOf)>
static void attachCost(MLIRContext *context) {
  OpTy::template attachInterface<CostModel<OpTy, count>>(*context);
}

void analysis::registerCostModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, NNDialect *) {
    attachCost<ConvOp, countConvolution<ConvOp>>(context);
    attachCost<ConvIntegerOp, countConvolution<ConvIntegerOp>>(context);
    attachCost<QlinearConvOp, countConvolution<QlinearConvOp>>(context);
    attachCost<ConvTransposeOp, countConvTranspose>(context);
    attachCost<MatmulOp, countMatrixProduct<MatmulOp>>(context);
    attachCost<MatmulIntegerOp, countMatrixProduct<MatmulIntegerOp>>(context);
    attachCost<QlinearMatmulOp, countMatrixProduct<QlinearMatmulOp>>(context);
    attachCost<GemmOp, countGemm<GemmOp>>(context);
    attachCost<MsFusedGemmOp, countGemm<MsFusedGemmOp>>(context);
    attachCost<MsQgemmOp, countGemm<MsQgemmOp>>(context);
    attachCost<MsFusedConvOp, countConvolution<MsFusedConvOp>>(context);
    attachCost<MsFusedMatmulOp, countFusedMatmul>(context);
    attachCost<MsMatmulNbitsOp, countPackedMatmul>(context);
    attachCost<MsDynamicQuantizeMatmulOp, countMatrixProduct<MsDynamicQuantizeMatmulOp>>(context);
    attachCost<MsMatmulIntegerToFloatOp, countMatrixProduct<MsMatmulIntegerToFloatOp>>(context);
    attachCost<MsAttentionOp, countMsAttention>(context);
    attachCost<MsMultiHeadAttentionOp, countMultiHead>(context);
    attachCost<MsGroupQueryAttentionOp, countGroupQuery>(context);
    attachCost<MsMoeOp, countExperts<MsMoeOp>>(context);
    attachCost<MsQmoeOp, countExperts<MsQmoeOp>>(context);
    attachCost<EinsumOp, countEinsum>(context);
    attachCost<LstmOp, countRecurrence<LstmOp>>(context);
    attachCost<GruOp, countRecurrence<GruOp>>(context);
    attachCost<RnnOp, countRecurrence<RnnOp>>(context);
    attachCost<AttentionOp, countAttention>(context);
  });
}
