//===- FoldBatchNorm.cpp - Fold per-channel affine maps into convolutions ---===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// conv(x) * s + t, with s and t constants per channel, is conv with weights
// W * s and bias b * s + t. The sums are formed in double precision.

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Transform/HostTensor.h"
#include "secateur/Transform/Passes.h"

#include <cmath>

namespace secateur::transform {
#define GEN_PASS_DEF_NNFOLDBATCHNORM
#include "secateur/Transform/Passes.h.inc"
} // namespace secateur::transform

using namespace mlir;
using namespace secateur;
using namespace secateur::transform;

namespace {

/// y = x * scale[c] + shift[c], c the index on axis 1.
struct ChannelMap {
  std::vector<double> scale, shift;
};

} // namespace

static std::optional<HostTensor> constantOf(Value value) {
  auto constant = value ? value.getDefiningOp<nn::ConstantOp>() : nn::ConstantOp();
  std::optional<HostTensor> tensor =
      constant ? HostTensor::read(constant.getValue()) : std::nullopt;
  return tensor && tensor->isFloat() ? tensor : std::nullopt;
}

/// The per-channel values of a constant that broadcasts to [N, channels, spatial...]
/// along axis 1 only.
static std::optional<std::vector<double>> perChannel(Value value, int64_t rank, int64_t channels) {
  std::optional<HostTensor> tensor = constantOf(value);
  if (!tensor || tensor->type.getRank() > rank)
    return std::nullopt;
  int64_t skip = rank - tensor->type.getRank();
  for (auto [axis, extent] : llvm::enumerate(tensor->type.getShape()))
    if (extent != 1 && (static_cast<int64_t>(axis) + skip != 1 || extent != channels))
      return std::nullopt;
  std::vector<double> values(channels);
  bool single = tensor->size() == 1;
  for (int64_t c = 0; c < channels; ++c)
    values[c] = tensor->getFloat(single ? 0 : c);
  return values;
}

static std::optional<ChannelMap> batchNormMap(nn::BatchNormalizationOp op, int64_t channels) {
  if (op.getTrainingMode() || op->getNumResults() != 1)
    return std::nullopt;
  std::optional<HostTensor> parameters[4] = {constantOf(op.getScale()), constantOf(op.getB()),
                                             constantOf(op.getInputMean()),
                                             constantOf(op.getInputVar())};
  for (const std::optional<HostTensor> &parameter : parameters)
    if (!parameter || parameter->size() != channels)
      return std::nullopt;
  double epsilon = op.getEpsilon().convertToFloat();
  ChannelMap map;
  for (int64_t c = 0; c < channels; ++c) {
    double scale = parameters[0]->getFloat(c) / std::sqrt(parameters[3]->getFloat(c) + epsilon);
    map.scale.push_back(scale);
    map.shift.push_back(parameters[1]->getFloat(c) - parameters[2]->getFloat(c) * scale);
  }
  return map;
}

/// The map that `op` applies to `input`, where it is one.
static std::optional<ChannelMap> channelMap(Operation *op, Value input, int64_t rank,
                                            int64_t channels) {
  if (auto norm = dyn_cast<nn::BatchNormalizationOp>(op))
    return norm.getX() == input ? batchNormMap(norm, channels) : std::nullopt;
  if (!isa<nn::AddOp, nn::MulOp, nn::SubOp, nn::DivOp>(op))
    return std::nullopt;
  bool first = op->getOperand(0) == input;
  if (!first && isa<nn::SubOp, nn::DivOp>(op))
    return std::nullopt;
  auto values = perChannel(op->getOperand(first ? 1 : 0), rank, channels);
  if (!values)
    return std::nullopt;
  ChannelMap map{std::vector<double>(channels, 1), std::vector<double>(channels, 0)};
  for (int64_t c = 0; c < channels; ++c) {
    double value = (*values)[c];
    if (isa<nn::AddOp, nn::SubOp>(op))
      map.shift[c] = isa<nn::AddOp>(op) ? value : -value;
    else
      map.scale[c] = isa<nn::MulOp>(op) ? value : 1 / value;
  }
  return map;
}

/// Multiplies the weights of output channel c by scale[c]. Output channels of a
/// transposed convolution [C, M / group, ...] lie on axis 1, in groups on axis 0.
static void scaleWeights(HostTensor &weights, ArrayRef<double> scale, bool transposed,
                         int64_t group) {
  ArrayRef<int64_t> shape = weights.type.getShape();
  if (weights.uniform) {
    weights.floats.assign(weights.size(), weights.floats[0]);
    weights.uniform = false;
  }
  int64_t inner = 1;
  for (int64_t extent : shape.drop_front(transposed ? 2 : 1))
    inner *= extent;
  for (int64_t i = 0, e = weights.size(); i < e; ++i) {
    int64_t channel = i / inner;
    if (transposed)
      channel = (channel / shape[1]) / (shape[0] / group) * shape[1] + channel % shape[1];
    weights.floats[i] *= scale[channel];
  }
}

/// Folds the only reader of `conv` into it; true if it did.
template <typename ConvOp>
static bool foldReader(ConvOp conv) {
  constexpr bool transposed = std::is_same_v<ConvOp, nn::ConvTransposeOp>;
  if (!conv.getY().hasOneUse())
    return false;
  Operation *reader = *conv.getY().getUsers().begin();
  auto type = dyn_cast<RankedTensorType>(conv.getY().getType());
  std::optional<HostTensor> weights = constantOf(conv.getW());
  if (reader->getBlock() != conv->getBlock() || !type || !weights || weights->type.getRank() < 3 ||
      reader->getNumResults() != 1 || reader->getResult(0).getType() != type)
    return false;
  int64_t group = conv.getGroup();
  int64_t channels = transposed ? weights->type.getDimSize(1) * group : weights->type.getDimSize(0);
  std::optional<ChannelMap> map = channelMap(reader, conv.getY(), type.getRank(), channels);
  std::optional<HostTensor> bias;
  if (conv.getB() && !(bias = constantOf(conv.getB())))
    return false;
  if (!map)
    return false;
  OpBuilder builder(reader);
  Value newWeights = conv.getW();
  if (llvm::any_of(map->scale, [](double s) { return s != 1; })) {
    scaleWeights(*weights, map->scale, transposed, group);
    newWeights = nn::ConstantOp::create(builder, conv.getW().getLoc(), weights->write());
  }
  HostTensor newBias;
  newBias.type = RankedTensorType::get({channels}, weights->type.getElementType());
  for (int64_t c = 0; c < channels; ++c)
    newBias.floats.push_back((bias ? bias->getFloat(c) : 0) * map->scale[c] + map->shift[c]);
  Value biasValue = nn::ConstantOp::create(builder, reader->getLoc(), newBias.write());
  IRMapping mapping;
  auto folded = cast<ConvOp>(builder.clone(*conv, mapping));
  folded->setLoc(reader->getLoc());
  folded.getWMutable().assign(newWeights);
  folded.getBMutable().assign(biasValue);
  reader->getResult(0).replaceAllUsesWith(folded.getY());
  reader->erase();
  conv->erase();
  return true;
}

namespace {
struct NNFoldBatchNormPass : transform::impl::NNFoldBatchNormBase<NNFoldBatchNormPass> {
  void runOnOperation() override {
    bool changed = true;
    while (changed) {
      changed = false;
      SmallVector<Operation *> convolutions;
      getOperation().walk([&](Operation *op) {
        if (isa<nn::ConvOp, nn::ConvTransposeOp>(op))
          convolutions.push_back(op);
      });
      for (Operation *op : convolutions) {
        if (auto conv = dyn_cast<nn::ConvOp>(op))
          changed |= foldReader(conv);
        else
          changed |= foldReader(cast<nn::ConvTransposeOp>(op));
      }
    }
  }
};
} // namespace
