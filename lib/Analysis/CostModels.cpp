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

static int64_t countGemm(GemmOp op, ShapeOf shapeOf) {
  return multiply(
      {multiply(shapeOf(op.getY())), sizeAt(shapeOf(op.getA()), op.getTransA() ? 0 : 1)});
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
    attachCost<GemmOp, countGemm>(context);
    attachCost<EinsumOp, countEinsum>(context);
    attachCost<LstmOp, countRecurrence<LstmOp>>(context);
    attachCost<GruOp, countRecurrence<GruOp>>(context);
    attachCost<RnnOp, countRecurrence<RnnOp>>(context);
    attachCost<AttentionOp, countAttention>(context);
  });
}
