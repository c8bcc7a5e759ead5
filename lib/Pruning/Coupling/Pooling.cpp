//===- Pooling.cpp - Coupling of pooling and resampling ---------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Batch and channels pass; positions in space stay.

#include "Coupling.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

static constexpr StringLiteral kSpatial = "positions in space stay";

namespace {

template <typename Op>
struct Pool : nn::CouplingOpInterface::ExternalModel<Pool<Op>, Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    declarePassing(op, builder, [](unsigned axis) { return axis < 2; }, kSpatial);
  }
  /// Averages and maxima of equal numbers; padding only adds zeros, or nothing.
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned result) const {
    return result == 0 ? operands[0] : ErasedValue::finite();
  }
};

struct ResizeCoupling : nn::CouplingOpInterface::ExternalModel<ResizeCoupling, nn::ResizeOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto resize = cast<nn::ResizeOp>(op);
    std::optional<ArrayRef<Dim>> from = builder.shape(op->getOperand(0)),
                                 to = builder.shape(op->getResult(0));
    if (!from || !to || from->size() != to->size())
      return;
    for (OpOperand &operand : op->getOpOperands().drop_front())
      for (Axis axis : SmallVector<Axis>(builder.axes(operand)))
        builder.pin(axis, "one number for each axis");
    bool crops = resize.getCoordinateTransformationMode() == "tf_crop_and_resize";
    declarePassing(
        op, builder, [&](unsigned axis) { return !crops && (*from)[axis] == (*to)[axis]; },
        kSpatial);
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return operands[0];
  }
  SizeUse useOfSizes(Operation *op, unsigned) const { return {SizeUse::Kind::Shape, std::nullopt}; }
};

struct GridSampleCoupling
    : nn::CouplingOpInterface::ExternalModel<GridSampleCoupling, nn::GridSampleOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> grid(builder.axes(op->getOpOperand(1)));
    for (Axis axis : ArrayRef(grid).drop_front(std::min<size_t>(1, grid.size())))
      builder.pin(axis, kSpatial);
    declarePassing(op, builder, [](unsigned axis) { return axis < 2; }, kSpatial);
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return operands[0];
  }
};

/// X [N, C, H, W]: regions of interest, C, window.
template <typename Op>
struct RoiPool : nn::CouplingOpInterface::ExternalModel<RoiPool<Op>, Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    for (OpOperand &operand : op->getOpOperands().drop_front())
      for (Axis axis : builder.axes(operand))
        builder.pin(axis, "regions of interest stay");
    declarePassing(op, builder, [](unsigned axis) { return axis == 1; }, kSpatial);
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return operands[0];
  }
};

} // namespace

void pruning::attachPoolingCoupling(MLIRContext &context) {
  nn::AveragePoolOp::attachInterface<Pool<nn::AveragePoolOp>>(context);
  nn::MaxPoolOp::attachInterface<Pool<nn::MaxPoolOp>>(context);
  nn::LpPoolOp::attachInterface<Pool<nn::LpPoolOp>>(context);
  nn::GlobalAveragePoolOp::attachInterface<Pool<nn::GlobalAveragePoolOp>>(context);
  nn::GlobalMaxPoolOp::attachInterface<Pool<nn::GlobalMaxPoolOp>>(context);
  nn::GlobalLpPoolOp::attachInterface<Pool<nn::GlobalLpPoolOp>>(context);
  nn::MaxRoiPoolOp::attachInterface<RoiPool<nn::MaxRoiPoolOp>>(context);
  nn::RoiAlignOp::attachInterface<RoiPool<nn::RoiAlignOp>>(context);
  nn::ResizeOp::attachInterface<ResizeCoupling>(context);
  nn::GridSampleOp::attachInterface<GridSampleCoupling>(context);
}
