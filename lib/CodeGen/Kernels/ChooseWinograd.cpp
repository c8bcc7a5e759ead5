//===- ChooseWinograd.cpp - Convolutions that need fewer products -----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// kern.conv with 3x3 filters becomes kern.winograd_conv where a model of its cost says
// that this is faster. The filter has to be a constant, which is transformed when the
// weights are written.
//===----------------------------------------------------------------------===//

#include "Choices.h"

#include "secateur/CodeGen/Kernels/Passes.h"

#include "mlir/IR/Builders.h"

namespace secateur::codegen {
#define GEN_PASS_DEF_KERNCHOOSEWINOGRAD
#include "secateur/CodeGen/Kernels/Passes.h.inc"
} // namespace secateur::codegen

using namespace mlir;
using namespace secateur;

/// Transforms of one vector of channels of one tile, there and back, in the time of
/// multiply-adds of vectors (measured).
static constexpr double transformCost[] = {160, 400}; // tiles of 2 and 4
/// Bytes of weights that come from memory in the time of a multiply-add, where several
/// threads share what the memory gives.
static constexpr double bytesPerStep = 4;
/// What a transformed convolution must gain to be worth its larger weights.
static constexpr double worthwhile = 0.85;
/// Output extent that stands for one that is not known.
static constexpr int64_t usualExtent = 32;

namespace {

/// Extents that decide the cost.
struct Shape {
  int64_t images, height, width, channels, outputs;

  double vectors(int64_t count) const { return llvm::divideCeil(count, kern::panelWidth); }
  /// The larger of computing and reading weights, in multiply-adds of vectors.
  double product(double rows, double places) const {
    return std::max(rows * places * channels * vectors(outputs),
                    places * channels * vectors(outputs) * kern::panelWidth * 4 / bytesPerStep);
  }
  double direct() const { return product(images * height * width, 9); }
  double winograd(int64_t tile) const {
    double tiles = images * llvm::divideCeil(height, tile) * llvm::divideCeil(width, tile);
    return product(tiles, (tile + 2) * (tile + 2)) +
           tiles * transformCost[tile / 4] * (vectors(channels) + vectors(outputs));
  }
};

} // namespace

/// The filter [M, C, 3, 3] of a convolution that Winograd's form can take, or null.
static kern::WeightOp filterOf(kern::ConvOp conv) {
  auto weight = conv.getFilter().getDefiningOp<kern::WeightOp>();
  auto isOne = [](int64_t value) { return value == 1; };
  if (!weight || conv.getGroups() != 1 || !llvm::all_of(conv.getStrides(), isOne) ||
      !llvm::all_of(conv.getDilations(), isOne) || !isa<RankedTensorType>(conv.getInit().getType()))
    return nullptr;
  auto epilogue = cast<kern::EpilogueOpInterface>(conv.getOperation());
  auto shape = weight.getShape().value_or(ArrayRef<int64_t>());
  auto permutation = weight.getPermutation().value_or(ArrayRef<int64_t>());
  bool isFilter = shape.size() == 5 && shape[3] == 3 && shape[4] == 3 &&
                  permutation == ArrayRef<int64_t>({0, 3, 4, 2, 1}) && weight.getBatch() == 1 &&
                  weight.getPanel() == kern::panelWidth && shape[2] <= kern::mostWinogradChannels;
  bool isF32 = weight.getValue().getElementType().isF32() &&
               getElementTypeOrSelf(conv.getInput()).isF32() &&
               epilogue.getAccumulatorType().isF32();
  return isFilter && isF32 ? weight : nullptr;
}

bool secateur::codegen::hasWinograd(kern::ConvOp conv) { return filterOf(conv) != nullptr; }

int64_t secateur::codegen::usualWinogradTile(kern::ConvOp conv) {
  kern::WeightOp weight = filterOf(conv);
  auto output = cast<RankedTensorType>(conv.getInit().getType());
  auto extent = [&](int64_t dim, int64_t usual) {
    return output.isDynamicDim(dim) ? usual : output.getDimSize(dim);
  };
  ArrayRef<int64_t> filter = *weight.getShape();
  Shape shape{extent(0, 1), extent(1, usualExtent), extent(2, usualExtent), filter[2], filter[1]};
  int64_t best = 0;
  double cost = shape.direct() * worthwhile;
  for (int64_t tile : {2, 4})
    if (double other = shape.winograd(tile); other < cost) {
      cost = other;
      best = tile;
    }
  return best;
}

static void replace(kern::ConvOp conv, kern::WeightOp weight, int64_t tile) {
  OpBuilder builder(weight);
  ArrayRef<int64_t> filter = *weight.getShape();
  Value transformed = kern::WeightOp::create(
      builder, weight.getLoc(), weight.getValue(),
      ArrayRef<int64_t>({filter[1], filter[2], filter[3], filter[4]}), ArrayRef<int64_t>(),
      /*batch=*/0, kern::panelWidth, tile);
  builder.setInsertionPoint(conv);
  auto winograd = kern::WinogradConvOp::create(
      builder, conv.getLoc(), conv->getResultTypes(), tile, conv.getInput(), transformed,
      conv.getEpilogueOperands(), conv.getInit(), conv.getEpilogueMaps(), conv.getPads());
  winograd.getEpilogue().takeBody(conv.getEpilogue());
  conv->replaceAllUsesWith(winograd);
  conv.erase();
  if (weight.use_empty())
    weight.erase();
}

namespace {

struct KernChooseWinograd : secateur::codegen::impl::KernChooseWinogradBase<KernChooseWinograd> {
  void runOnOperation() override {
    SmallVector<kern::ConvOp> convolutions;
    getOperation()->walk([&](kern::ConvOp conv) { convolutions.push_back(conv); });
    for (kern::ConvOp conv : convolutions) {
      kern::WeightOp weight = filterOf(conv);
      kern::ChoiceAttr choice = conv.getChoiceAttr();
      bool isChosen = choice && choice.getKernel() == kern::KernelKind::Winograd;
      if (isChosen && !weight) {
        conv.emitError("winograd takes constant 3x3 filters of f32, stride 1 and one group");
        return signalPassFailure();
      }
      if (!weight || (choice && !isChosen))
        continue;
      if (int64_t tile = isChosen ? choice.getTile()[0] : usualWinogradTile(conv))
        replace(conv, weight, tile);
    }
  }
};

} // namespace
