//===- ExpertDecompositions.cpp - Mixtures of experts, and compression -------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Decompose.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::transform;

static Value activate(Nodes &n, Value x, StringRef kind) {
  if (kind == "relu")
    return n.make<nn::ReluOp>({x});
  if (kind == "gelu") // ONNX Runtime has the approximation here.
    return n.make<nn::GeluOp>({x}, n.attribute("approximate", StringRef("tanh")));
  if (kind == "silu")
    return n.mul(x, n.make<nn::SigmoidOp>({x}));
  return x;
}

/// All experts see all tokens; the weights of those that were not chosen are zero.
static Decomposed experts(nn::MsMoeOp op, Nodes &n, std::string &reason) {
  StringRef activation = op.getActivationType();
  std::optional<int64_t> rank = Nodes::rankOf(op.getInput()),
                         count = Nodes::sizeOf(op.getFc1ExpertsWeights(), 0);
  if (activation != "relu" && activation != "gelu" && activation != "silu" &&
      activation != "identity")
    return reason = ("activation '" + activation + "' is not supported").str(), failure();
  if (!rank || !count || op.getUseSparseMixer())
    return reason = "its number of experts is not known, or they are mixed sparsely", failure();
  Type element = Nodes::elementOf(op.getInput()), i64 = n.builder.getI64Type();
  // The chosen weights, [tokens, experts].
  Value probabilities =
      n.make<nn::SoftmaxOp>({op.getRouterProbs()}, n.attribute("axis", int64_t(-1)));
  Operation *best = n.create<nn::TopkOp>({probabilities, n.integers({int64_t(op.getK())})},
                                         n.attribute("axis", int64_t(-1)), {element, i64});
  Value chosen = best->getResult(0);
  if (op.getNormalizeRoutingWeights())
    chosen = n.make<nn::DivOp>({chosen, n.make<nn::ReduceSumOp>({chosen, n.integers({-1})})});
  Value nothing = n.mul(probabilities, n.number(0, element));
  Value weights = n.make<nn::ScatterElementsOp>({nothing, best->getResult(1), chosen},
                                                n.attribute("axis", int64_t(-1)));
  // [1, tokens, D] times [experts, D, inner].
  std::optional<int64_t> width = Nodes::sizeOf(op.getFc1ExpertsWeights(), 2);
  if (!width)
    return reason = "the size of its experts is not known", failure();
  Value tokens = n.reshape(op.getInput(), {1, -1, *width});
  auto layer = [&](Value x, Value weight, Value bias) {
    Value y = n.make<nn::MatmulOp>({x, n.transpose(weight, {0, 2, 1})});
    return bias ? n.add(y, n.unsqueeze(bias, {1})) : y;
  };
  Value inner =
      activate(n, layer(tokens, op.getFc1ExpertsWeights(), op.getFc1ExpertsBias()), activation);
  if (op.getFc3ExpertsWeights())
    inner = n.mul(inner, layer(tokens, op.getFc3ExpertsWeights(), op.getFc3ExpertsBias()));
  Value outer = layer(inner, op.getFc2ExpertsWeights(), op.getFc2ExpertsBias());
  Value weighted = n.mul(outer, n.unsqueeze(n.transpose(weights, {1, 0}), {2}));
  Value sum =
      n.make<nn::ReduceSumOp>({weighted, n.integers({0})}, n.attribute("keepdims", int64_t(0)));
  if (*rank != 2)
    sum = n.make<nn::ReshapeOp>({sum, n.make<nn::ShapeOp>({op.getInput()}, {}, i64)});
  return Values{sum};
}

/// What is taken stands where the condition is not zero.
static Decomposed compress(nn::CompressOp op, Nodes &n, std::string &) {
  Value places =
      n.squeeze(n.make<nn::NonZeroOp>({op.getCondition()}, {}, n.builder.getI64Type()), {0});
  bool flat = !op.getAxis();
  Value data = flat ? n.reshape(op.getInput(), {-1}) : op.getInput();
  return Values{n.make<nn::GatherOp>(
      {data, places}, n.attribute("axis", flat ? int64_t(0) : int64_t(*op.getAxis())))};
}

void transform::attachExpertDecompositions(MLIRContext *context) {
  attachDecomposition<nn::MsMoeOp, experts>(context);
  attachDecomposition<nn::CompressOp, compress>(context);
}
