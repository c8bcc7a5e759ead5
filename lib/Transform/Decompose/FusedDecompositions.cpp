//===- FusedDecompositions.cpp - Fused activations, norms and products -------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Decompose.h"

#include "secateur/Transform/HostTensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::transform;

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

static Value gelu(Nodes &n, Value x, StringRef approximate = "none") {
  return n.make<nn::GeluOp>({x}, n.attribute("approximate", approximate));
}

static Decomposed fastGelu(nn::MsFastGeluOp op, Nodes &n, std::string &) {
  return Values{gelu(n, op.getBias() ? n.add(op.getX(), op.getBias()) : op.getX(), "tanh")};
}

static Decomposed biasGelu(nn::MsBiasGeluOp op, Nodes &n, std::string &) {
  return Values{gelu(n, n.add(op.getA(), op.getB()))};
}

static Decomposed plainGelu(nn::MsGeluOp op, Nodes &n, std::string &) {
  return Values{gelu(n, op.getX())};
}

/// x * sigmoid(alpha * x)
static Decomposed quickGelu(nn::MsQuickGeluOp op, Nodes &n, std::string &) {
  Value x = op.getX();
  Value alpha = n.number(op.getAlpha().convertToDouble(), Nodes::elementOf(x));
  return Values{n.mul(x, n.make<nn::SigmoidOp>({n.mul(x, alpha)}))};
}

/// The first half of x + bias, times the gelu of the second.
static Decomposed biasSplitGelu(nn::MsBiasSplitGeluOp op, Nodes &n, std::string &reason) {
  std::optional<int64_t> width = Nodes::sizeOf(op.getBias(), 0);
  if (!width || *width % 2)
    return reason = "the size of its bias is not known", failure();
  Value sum = n.add(op.getX(), op.getBias());
  return Values{
      n.mul(n.slice(sum, -1, 0, *width / 2), gelu(n, n.slice(sum, -1, *width / 2, *width)))};
}

/// The activation that ONNX Runtime fused into an operator; null for others.
static Value activate(Nodes &n, Value x, StringRef activation, ArrayRef<float> parameters) {
  auto parameter = [&](size_t index, float otherwise) {
    return APFloat(index < parameters.size() ? parameters[index] : otherwise);
  };
  if (activation.empty())
    return x;
  if (activation == "Relu")
    return n.make<nn::ReluOp>({x});
  if (activation == "Tanh")
    return n.make<nn::TanhOp>({x});
  if (activation == "Sigmoid")
    return n.make<nn::SigmoidOp>({x});
  if (activation == "LeakyRelu")
    return n.make<nn::LeakyReluOp>({x}, n.attribute("alpha", parameter(0, 0.01f)));
  if (activation == "HardSigmoid")
    return n.make<nn::HardSigmoidOp>(
        {x}, {n.attribute("alpha", parameter(0, 0.2f)), n.attribute("beta", parameter(1, 0.5f))});
  if (activation == "Clip" && parameters.size() == 2)
    return n.make<nn::ClipOp>({x, n.number(parameters[0], Nodes::elementOf(x)),
                               n.number(parameters[1], Nodes::elementOf(x))});
  return {};
}

static bool isActivation(StringRef activation, size_t parameters) {
  return activation.empty() || activation == "Relu" || activation == "Tanh" ||
         activation == "Sigmoid" || activation == "LeakyRelu" || activation == "HardSigmoid" ||
         (activation == "Clip" && parameters == 2);
}

//===----------------------------------------------------------------------===//
// Convolutions and matrix products
//===----------------------------------------------------------------------===//

/// activation(conv(X, W, B) + Z)
static Decomposed fusedConv(nn::MsFusedConvOp op, Nodes &n, std::string &reason) {
  StringRef activation = op.getActivation().value_or("");
  ArrayRef<float> parameters = op.getActivationParams().value_or(ArrayRef<float>());
  if (!isActivation(activation, parameters.size()))
    return reason = ("activation '" + activation + "' is not supported").str(), failure();
  Value y = n.make<nn::ConvOp>(
      {op.getX(), op.getW(), op.getB()},
      n.taken({"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"}));
  if (op.getZ())
    y = n.add(y, op.getZ());
  return Values{activate(n, y, activation, parameters)};
}

static Decomposed fusedGemm(nn::MsFusedGemmOp op, Nodes &n, std::string &reason) {
  StringRef activation = op.getActivation().value_or("");
  SmallVector<float> parameters;
  if (op.getActivationAlpha())
    parameters.push_back(op.getActivationAlpha()->convertToFloat());
  if (op.getActivationBeta())
    parameters.push_back(op.getActivationBeta()->convertToFloat());
  if (!isActivation(activation, parameters.size()))
    return reason = ("activation '" + activation + "' is not supported").str(), failure();
  Value y = n.make<nn::GemmOp>({op.getA(), op.getB(), op.getC()},
                               n.taken({"alpha", "beta", "transA", "transB"}));
  return Values{activate(n, y, activation, parameters)};
}

/// alpha * A' B', with the last two axes of either swapped.
static Decomposed fusedMatmul(nn::MsFusedMatmulOp op, Nodes &n, std::string &reason) {
  if (op.getTransBatchA() || op.getTransBatchB())
    return reason = "transposed batches are not supported", failure();
  for (Value operand : op->getOperands())
    if (!Nodes::rankOf(operand))
      return reason = "the rank of an operand is not known", failure();
  auto transposed = [&](Value value, bool swap) {
    int64_t rank = *Nodes::rankOf(value);
    if (!swap || rank < 2)
      return value;
    SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(0, rank));
    std::swap(permutation[rank - 1], permutation[rank - 2]);
    return n.transpose(value, permutation);
  };
  Value product = n.make<nn::MatmulOp>(
      {transposed(op.getA(), op.getTransA()), transposed(op.getB(), op.getTransB())});
  double alpha = op.getAlpha().convertToDouble();
  return Values{alpha == 1 ? product
                           : n.mul(product, n.number(alpha, Nodes::elementOf(op.getA())))};
}

namespace {
/// Numbers of 2, 4 or 8 bits, packed from the low end of each byte.
struct Packed {
  const HostTensor &bytes;
  int64_t bits, bytesInRow;
  int64_t get(int64_t row, int64_t column) const {
    int64_t perByte = 8 / bits;
    int64_t byte = bytes.getInteger(row * bytesInRow + column / perByte) & 0xff;
    return (byte >> (column % perByte * bits)) & ((1 << bits) - 1);
  }
};
} // namespace

static std::optional<HostTensor> readConstant(Value value) {
  auto constant = value ? value.getDefiningOp<nn::ConstantOp>() : nn::ConstantOp();
  return constant ? HostTensor::read(constant.getValue()) : std::nullopt;
}

/// The weight as numbers, [K, N]. Blocks of `block_size` along K share a scale and a
/// zero point.
static Decomposed matmulNbits(nn::MsMatmulNbitsOp op, Nodes &n, std::string &reason) {
  int64_t k = op.getK(), columns = op.getN(), bits = op.getBits(), block = op.getBlockSize();
  std::optional<HostTensor> weight = readConstant(op.getB()), scales = readConstant(op.getScales()),
                            zeros = readConstant(op.getZeroPoints());
  if (bits != 2 && bits != 4 && bits != 8)
    return reason = "weights of " + std::to_string(bits) + " bits are not supported", failure();
  if (op.getGIdx() || op.getWeightPrepacked())
    return reason = "permuted or packed weights are not supported", failure();
  if (!weight || !scales || (op.getZeroPoints() && !zeros))
    return reason = "its weight is not a constant", failure();
  int64_t blocks = (k + block - 1) / block, perByte = 8 / bits;
  int64_t zeroRow = (blocks + perByte - 1) / perByte;
  if (block < perByte || weight->size() != columns * blocks * (block / perByte) ||
      scales->size() != columns * blocks ||
      (zeros && zeros->size() != columns * (zeros->isFloat() ? blocks : zeroRow)))
    return reason = "its weight does not have the size that K, N and block_size say", failure();
  Packed packed{*weight, bits, blocks * (block / perByte)};
  HostTensor result;
  result.type = RankedTensorType::get({k, columns}, Nodes::elementOf(op.getA()));
  result.floats.resize(k * columns);
  for (int64_t column = 0; column < columns; ++column)
    for (int64_t row = 0; row < k; ++row) {
      int64_t at = column * blocks + row / block;
      double zero = 1 << (bits - 1);
      if (zeros)
        zero = zeros->isFloat() ? zeros->getFloat(at)
                                : Packed{*zeros, bits, zeroRow}.get(column, row / block);
      result.floats[row * columns + column] =
          (packed.get(column, row) - zero) * scales->getFloat(at);
    }
  Value dense = nn::ConstantOp::create(n.builder, n.loc, result.write());
  Value product = n.make<nn::MatmulOp>({op.getA(), dense});
  return Values{op.getBias() ? n.add(product, op.getBias()) : product};
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

/// Of a norm over the last axis that counts as many positions as `op` does.
template <typename Op>
static SmallVector<NamedAttribute> normAttributes(Op op, Nodes &n) {
  SmallVector<NamedAttribute> attributes{n.attribute("axis", int64_t(-1)),
                                         n.attribute("epsilon", op.getEpsilon())};
  if (op.getCount())
    attributes.push_back(n.attribute("count", static_cast<int64_t>(*op.getCount())));
  return attributes;
}

static Decomposed skipLayerNorm(nn::MsSkipLayerNormalizationOp op, Nodes &n, std::string &reason) {
  if (isUsed(op.getMean()) || isUsed(op.getInvStdVar()))
    return reason = "its statistics are not supported as outputs", failure();
  Value sum = n.add(op.getInput(), op.getSkip());
  if (op.getBias())
    sum = n.add(sum, op.getBias());
  Value norm =
      n.make<nn::LayerNormalizationOp>({sum, op.getGamma(), op.getBeta()}, normAttributes(op, n));
  Values results{norm};
  results.resize(op->getNumResults());
  if (Value result = op.getInputSkipBiasSum())
    results[cast<OpResult>(result).getResultNumber()] = sum;
  return results;
}

static Decomposed skipRmsNorm(nn::MsSkipSimplifiedLayerNormalizationOp op, Nodes &n,
                              std::string &reason) {
  if (isUsed(op.getMean()) || isUsed(op.getInvStdVar()))
    return reason = "its statistics are not supported as outputs", failure();
  Value sum = n.add(op.getInput(), op.getSkip());
  if (op.getBias())
    sum = n.add(sum, op.getBias());
  Value norm = n.make<nn::RmsNormalizationOp>({sum, op.getGamma()}, normAttributes(op, n));
  Values results{norm};
  results.resize(op->getNumResults());
  if (Value result = op.getInputSkipBiasSum())
    results[cast<OpResult>(result).getResultNumber()] = sum;
  return results;
}

static Decomposed rmsNorm(nn::SimplifiedLayerNormalizationOp op, Nodes &n, std::string &reason) {
  if (isUsed(op.getInvStdVar()))
    return reason = "its statistics are not supported as outputs", failure();
  Values results{n.make<nn::RmsNormalizationOp>(
      {op.getX(), op.getScale()}, n.taken({"axis", "epsilon", "stash_type", "count"}))};
  results.resize(op->getNumResults());
  return results;
}

/// The norm of the sum of two or three embeddings.
static Decomposed embedLayerNorm(nn::MsEmbedLayerNormalizationOp op, Nodes &n,
                                 std::string &reason) {
  if (isUsed(op.getMaskIndex()) && !op.getMask())
    return reason = "its mask is read and not given", failure();
  auto lookUp = [&](Value table, Value ids) {
    return n.make<nn::GatherOp>({table, ids}, n.attribute("axis", int64_t(0)));
  };
  Value positions = op.getPositionIds();
  if (!positions)
    positions = n.unsqueeze(n.range(n.size(op.getInputIds(), 1)), {0});
  Value sum = n.add(lookUp(op.getWordEmbedding(), op.getInputIds()),
                    lookUp(op.getPositionEmbedding(), positions));
  if (op.getSegmentEmbedding() && op.getSegmentIds())
    sum = n.add(sum, lookUp(op.getSegmentEmbedding(), op.getSegmentIds()));
  Values results{
      n.make<nn::LayerNormalizationOp>({sum, op.getGamma(), op.getBeta()}, normAttributes(op, n))};
  results.resize(op->getNumResults());
  if (Value result = op.getMaskIndex(); isUsed(result))
    results[cast<OpResult>(result).getResultNumber()] = n.make<nn::ReduceSumOp>(
        {op.getMask(), n.integers({1})}, n.attribute("keepdims", int64_t(0)));
  if (Value result = op.getEmbeddingSum())
    results[cast<OpResult>(result).getResultNumber()] = sum;
  return results;
}

void transform::attachFusedDecompositions(MLIRContext *context) {
  attachDecomposition<nn::MsFastGeluOp, fastGelu>(context);
  attachDecomposition<nn::MsBiasGeluOp, biasGelu>(context);
  attachDecomposition<nn::MsGeluOp, plainGelu>(context);
  attachDecomposition<nn::MsQuickGeluOp, quickGelu>(context);
  attachDecomposition<nn::MsBiasSplitGeluOp, biasSplitGelu>(context);
  attachDecomposition<nn::MsFusedConvOp, fusedConv>(context);
  attachDecomposition<nn::MsFusedGemmOp, fusedGemm>(context);
  attachDecomposition<nn::MsFusedMatmulOp, fusedMatmul>(context);
  attachDecomposition<nn::MsMatmulNbitsOp, matmulNbits>(context);
  attachDecomposition<nn::MsSkipLayerNormalizationOp, skipLayerNorm>(context);
  attachDecomposition<nn::MsSkipSimplifiedLayerNormalizationOp, skipRmsNorm>(context);
  attachDecomposition<nn::SimplifiedLayerNormalizationOp, rmsNorm>(context);
  attachDecomposition<nn::MsEmbedLayerNormalizationOp, embedLayerNorm>(context);
}
