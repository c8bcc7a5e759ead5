//===- CostModels.cpp - The arithmetic work of operations -------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Twice the multiply-accumulates of convolutions, matrix products and
// recurrences. Padding counts as work, as everybody counts it.

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Analysis/Einsum.h"
#include "secateur/Analysis/Registration.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::nn;

namespace {

using ShapeOf = llvm::function_ref<SmallVector<int64_t>(Value)>;
using Flops = int64_t (*)(Operation *, ShapeOf);

template <typename Op, Flops flops>
struct CostModel : CostOpInterface::ExternalModel<CostModel<Op, flops>, Op> {
  int64_t getFlops(Operation *op, ShapeOf shapeOf) const { return flops(op, shapeOf); }
};

int64_t product(ArrayRef<int64_t> shape) { return llvm::product_of(shape, int64_t(1)); }

/// Weights [M, C / group, taps...]: each output element reads one filter.
template <unsigned weightOperand>
int64_t convolution(Operation *op, ShapeOf shapeOf) {
  SmallVector<int64_t> weights = shapeOf(op->getOperand(weightOperand));
  return 2 * product(shapeOf(op->getResult(0))) * product(ArrayRef(weights).drop_front());
}

/// Weights [C, M / group, taps...]: each input element is read by one row.
int64_t transposedConvolution(Operation *op, ShapeOf shapeOf) {
  SmallVector<int64_t> weights = shapeOf(op->getOperand(1));
  return 2 * product(shapeOf(op->getOperand(0))) * product(ArrayRef(weights).drop_front());
}

/// The inner dimension is the last of the left side.
int64_t matrixProduct(Operation *op, ShapeOf shapeOf) {
  SmallVector<int64_t> left = shapeOf(op->getOperand(0));
  return left.empty() ? 0 : 2 * product(shapeOf(op->getResult(0))) * left.back();
}

int64_t gemm(Operation *op, ShapeOf shapeOf) {
  SmallVector<int64_t> left = shapeOf(op->getOperand(0));
  if (left.size() != 2)
    return 0;
  return 2 * product(shapeOf(op->getResult(0))) * left[cast<GemmOp>(op).getTransA() ? 0 : 1];
}

/// One product of all labels' extents for each operand after the first.
int64_t einsum(Operation *op, ShapeOf shapeOf) {
  SmallVector<SmallVector<int64_t>> shapes;
  SmallVector<int64_t> ranks;
  for (Value operand : op->getOperands()) {
    shapes.push_back(shapeOf(operand));
    ranks.push_back(shapes.back().size());
  }
  std::string reason;
  auto labels = analysis::parseEinsum(cast<EinsumOp>(op).getEquation(), ranks, reason);
  if (!labels || shapes.size() < 2)
    return 0;
  llvm::DenseMap<int64_t, int64_t> extents;
  for (auto [axes, shape] : llvm::zip(labels->inputs, shapes))
    for (auto [label, extent] : llvm::zip(axes, shape))
      extents[label] = std::max(extents.lookup(label), extent);
  int64_t work = 2 * (static_cast<int64_t>(shapes.size()) - 1);
  for (auto [label, extent] : extents)
    work *= extent;
  return work;
}

/// X [sequence, batch, input], W [directions, gates * hidden, input], R likewise:
/// each step multiplies by both matrices.
int64_t recurrence(Operation *op, ShapeOf shapeOf) {
  SmallVector<int64_t> input = shapeOf(op->getOperand(0));
  if (input.empty() || input.back() == 0)
    return 0;
  int64_t steps = product(ArrayRef(input).drop_back());
  return 2 * steps * (product(shapeOf(op->getOperand(1))) + product(shapeOf(op->getOperand(2))));
}

/// Scores and their product with the values. Inputs are [batch, heads, length, size]
/// or [batch, length, heads * size]; past keys lengthen the sequence.
int64_t attention(Operation *op, ShapeOf shapeOf) {
  auto node = cast<AttentionOp>(op);
  SmallVector<int64_t> query = shapeOf(node.getQ()), key = shapeOf(node.getK()), value = shapeOf(node.getV());
  if (query.size() != key.size() || key.size() != value.size() || (query.size() != 3 && query.size() != 4))
    return 0;
  bool packed = query.size() == 3;
  int64_t heads = packed ? node.getQNumHeads().value_or(1) : query[1];
  int64_t keyHeads = packed ? node.getKvNumHeads().value_or(1) : key[1];
  int64_t length = key[packed ? 1 : 2];
  if (node.getPastKey())
    if (SmallVector<int64_t> past = shapeOf(node.getPastKey()); past.size() == 4)
      length += past[2];
  int64_t keySize = packed ? query[2] / std::max<int64_t>(heads, 1) : query[3];
  int64_t valueSize = packed ? value[2] / std::max<int64_t>(keyHeads, 1) : value[3];
  return 2 * query[0] * heads * query[packed ? 1 : 2] * length * (keySize + valueSize);
}

template <typename Op, Flops flops>
void attach(MLIRContext *context) {
  Op::template attachInterface<CostModel<Op, flops>>(*context);
}

} // namespace

void secateur::analysis::registerCostModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, NNDialect *) {
    attach<ConvOp, convolution<1>>(context);
    attach<ConvIntegerOp, convolution<1>>(context);
    attach<QlinearConvOp, convolution<3>>(context);
    attach<ConvTransposeOp, transposedConvolution>(context);
    attach<MatmulOp, matrixProduct>(context);
    attach<MatmulIntegerOp, matrixProduct>(context);
    attach<QlinearMatmulOp, matrixProduct>(context);
    attach<GemmOp, gemm>(context);
    attach<EinsumOp, einsum>(context);
    attach<LstmOp, recurrence>(context);
    attach<GruOp, recurrence>(context);
    attach<RnnOp, recurrence>(context);
    attach<AttentionOp, attention>(context);
  });
}
