//===- StatisticsErasure.cpp - Statistics that go on counting what left ------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A norm or a mean that loses positions counts as many as before, if that is asked
// for; a group norm also has the number of its groups in an attribute.
//===----------------------------------------------------------------------===//

#include "ErasureModels.h"

#include "dialects/NN/IR/NNErasure.h"

#include "llvm/ADT/STLExtras.h"

#include <map>

using namespace mlir;
using namespace secateur;
using nn::ErasureContext;
using nn::ErasureOpInterface;

static int64_t wrapAxis(int64_t axis, int64_t rank) { return axis < 0 ? axis + rank : axis; }

/// Statistics that counted `dense` positions and have `kept` now.
template <typename OpTy>
static void followCount(OpTy op, ErasureContext &context, int64_t dense, int64_t kept) {
  if (dense == kept)
    return;
  if (!context.keepsCounts())
    context.approximates(op, "its statistics are those of the positions that are left");
  else if (!op.getCount())
    op.setCount(dense);
}

/// Likewise, of all positions of some axes of `value`.
template <typename OpTy>
static void followCount(OpTy op, ErasureContext &context, Value value,
                        llvm::ArrayRef<int64_t> axes) {
  llvm::ArrayRef<int64_t> dense = context.getDenseShape(value),
                          pruned = context.getPrunedShape(value);
  int64_t before = 1, after = 1;
  for (int64_t axis : axes) {
    if (dense[axis] == pruned[axis] && ShapedType::isDynamic(dense[axis]))
      return; // Analysis pins axes beside those of unknown size.
    before *= dense[axis];
    after *= pruned[axis];
  }
  followCount(op, context, before, after);
}

namespace {

struct GroupNormErasure
    : ErasureOpInterface::ExternalModel<GroupNormErasure, nn::GroupNormalizationOp> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto norm = cast<nn::GroupNormalizationOp>(op);
    llvm::ArrayRef<int64_t> dense = context.getDenseShape(norm.getX());
    if (dense.size() < 2 || ShapedType::isDynamic(dense[1]) || dense[1] % norm.getNumGroups() != 0)
      return success();
    // Positions say which groups are left, and with how many channels each.
    int64_t channels = dense[1] / norm.getNumGroups();
    std::map<int64_t, int64_t> left;
    for (int64_t position : context.getKept(norm.getX(), 1))
      ++left[position / channels];
    if (left.empty() ||
        llvm::any_of(left, [&](auto &group) { return group.second != left.begin()->second; }))
      return op->emitError("the groups of a group norm are left with unequally many channels");
    norm.setNumGroups(left.size());
    followCount(norm, context, channels, left.begin()->second);
    return success();
  }
};

template <typename OpTy>
struct TrailingNormErasure : ErasureOpInterface::ExternalModel<TrailingNormErasure<OpTy>, OpTy> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    int64_t rank = context.getDenseShape(op->getOperand(0)).size();
    int64_t axis = wrapAxis(cast<OpTy>(op).getAxis(), rank);
    followCount(cast<OpTy>(op), context, op->getOperand(0),
                llvm::to_vector(llvm::seq<int64_t>(axis, rank)));
    return success();
  }
};

/// Of the first result, which is the norm.
template <typename OpTy>
struct LastAxisNormErasure : ErasureOpInterface::ExternalModel<LastAxisNormErasure<OpTy>, OpTy> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    Value norm = cast<OpTy>(op).getOutput();
    followCount(cast<OpTy>(op), context, norm,
                {static_cast<int64_t>(context.getDenseShape(norm).size()) - 1});
    return success();
  }
};

struct ReduceMeanErasure : ErasureOpInterface::ExternalModel<ReduceMeanErasure, nn::ReduceMeanOp> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto mean = cast<nn::ReduceMeanOp>(op);
    int64_t rank = context.getDenseShape(mean.getData()).size();
    llvm::SmallVector<int64_t> axes;
    if (mean.getAxes())
      axes = context.getDenseElements(mean.getAxes()).value_or(axes);
    for (int64_t &axis : axes)
      axis = wrapAxis(axis, rank);
    if (axes.empty() && !mean.getNoopWithEmptyAxes())
      axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
    followCount(mean, context, mean.getData(), axes);
    return success();
  }
};

} // namespace

void pruning::attachStatisticsErasure(MLIRContext &context) {
  nn::GroupNormalizationOp::attachInterface<GroupNormErasure>(context);
  nn::LayerNormalizationOp::attachInterface<TrailingNormErasure<nn::LayerNormalizationOp>>(context);
  nn::RmsNormalizationOp::attachInterface<TrailingNormErasure<nn::RmsNormalizationOp>>(context);
  nn::SimplifiedLayerNormalizationOp::attachInterface<
      TrailingNormErasure<nn::SimplifiedLayerNormalizationOp>>(context);
  nn::MsSkipLayerNormalizationOp::attachInterface<
      LastAxisNormErasure<nn::MsSkipLayerNormalizationOp>>(context);
  nn::MsSkipSimplifiedLayerNormalizationOp::attachInterface<
      LastAxisNormErasure<nn::MsSkipSimplifiedLayerNormalizationOp>>(context);
  nn::MsEmbedLayerNormalizationOp::attachInterface<
      LastAxisNormErasure<nn::MsEmbedLayerNormalizationOp>>(context);
  nn::ReduceMeanOp::attachInterface<ReduceMeanErasure>(context);
}
