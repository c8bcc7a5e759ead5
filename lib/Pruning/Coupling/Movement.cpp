//===- Movement.cpp - Coupling of operators that regroup and reorder --------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Axes of the result are the operand's, in another order or grouping. Elements
// are not touched, so erased positions hold what they held.

#include "Coupling.h"

#include "secateur/Analysis/Constants.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

static SmallVector<Axis> axesOf(CouplingBuilder &builder, OpOperand &operand) {
  return SmallVector<Axis>(builder.axes(operand));
}

namespace {

/// The same elements in the same order in another shape.
template <typename Op>
struct Regroup : nn::CouplingOpInterface::ExternalModel<Regroup<Op>, Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> from = axesOf(builder, op->getOpOperand(0));
    builder.setResult(0, builder.regroup(from, *builder.shape(op->getResult(0))));
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return operands[0];
  }
  SizeUse useOfSizes(Operation *op, unsigned operand) const {
    if (operand > 0)
      return {SizeUse::Kind::Shape, std::nullopt};
    // A vector of sizes stays one: all of its elements, in order.
    return {SizeUse::Kind::Passes, std::nullopt};
  }
};

struct TransposeCoupling
    : nn::CouplingOpInterface::ExternalModel<TransposeCoupling, nn::TransposeOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> from = axesOf(builder, op->getOpOperand(0));
    SmallVector<Axis> to;
    if (std::optional<ArrayRef<int64_t>> perm = cast<nn::TransposeOp>(op).getPerm()) {
      for (int64_t axis : *perm)
        if (axis >= 0 && axis < static_cast<int64_t>(from.size()))
          to.push_back(from[axis]);
    } else {
      to.assign(from.rbegin(), from.rend());
    }
    builder.setResult(0, to);
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return operands[0];
  }
};

struct ConcatCoupling : nn::CouplingOpInterface::ExternalModel<ConcatCoupling, nn::ConcatOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> result = axesOf(builder, op->getOpOperand(0));
    std::optional<unsigned> axis = normalizeAxis(cast<nn::ConcatOp>(op).getAxis(), result.size());
    if (!axis)
      return;
    SmallVector<Axis> pieces;
    for (OpOperand &operand : op->getOpOperands()) {
      SmallVector<Axis> axes = axesOf(builder, operand);
      if (axes.size() != result.size())
        return;
      pieces.push_back(axes[*axis]);
      for (auto [index, pair] : llvm::enumerate(llvm::zip(result, axes)))
        if (index != *axis)
          builder.unify(std::get<0>(pair), std::get<1>(pair));
    }
    result[*axis] = builder.concat(pieces);
    builder.setResult(0, result);
  }
  /// A digit that some pieces lack is one of the axis that grows.
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return joinOf(operands);
  }
  SizeUse useOfSizes(Operation *, unsigned) const { return {SizeUse::Kind::Passes, std::nullopt}; }
};

struct SplitCoupling : nn::CouplingOpInterface::ExternalModel<SplitCoupling, nn::SplitOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> from = axesOf(builder, op->getOpOperand(0));
    std::optional<unsigned> axis = normalizeAxis(cast<nn::SplitOp>(op).getAxis(), from.size());
    if (!axis)
      return;
    int64_t offset = 0;
    bool known = builder.extent(from[*axis]).has_value();
    for (OpResult result : op->getResults()) {
      Dim dim = (*builder.shape(result))[*axis];
      auto size = dyn_cast<AffineConstantExpr>(dim);
      known &= size != nullptr;
      SmallVector<Axis> to = from;
      if (known && size.getValue() > 0) {
        to[*axis] = builder.slice(from[*axis], offset, offset + size.getValue());
        offset += size.getValue();
      } else {
        builder.pin(from[*axis], "the sizes of its parts depend on the input");
        to[*axis] = builder.rigid(dim, "the sizes of its parts depend on the input");
      }
      builder.setResult(result.getResultNumber(), to);
    }
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return operands[0];
  }
  SizeUse useOfSizes(Operation *, unsigned operand) const {
    return {operand ? SizeUse::Kind::Shape : SizeUse::Kind::Passes, std::nullopt};
  }
};

/// What copies of operand 0 hold, of which erased positions hold `operand`: where it has none,
/// the number that it is. Of more numbers, others may be erased, and count as zero.
ErasedValue heldByCopies(Operation *op, ErasedValue operand) {
  if (!operand.isAbsent())
    return operand;
  ElementsAttr constant = analysis::getConstant(op->getOperand(0));
  if (!constant)
    return ErasedValue::finite();
  ErasedValue held = heldBy(constant);
  return held.isZero() || constant.getNumElements() == 1 ? held : ErasedValue::finite();
}

/// Size-1 axes become new digits, which something else may own.
struct ExpandCoupling : nn::CouplingOpInterface::ExternalModel<ExpandCoupling, nn::ExpandOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> from = axesOf(builder, op->getOpOperand(0));
    ArrayRef<Dim> shape = *builder.shape(op->getResult(0));
    SmallVector<Axis> to = broadcast(builder, {from}, shape);
    for (auto [axis, dim] : llvm::zip(to, shape)) {
      auto size = dyn_cast<AffineConstantExpr>(dim);
      if (size && size.getValue() > 1 &&
          !llvm::is_contained(llvm::map_range(from, [](Axis a) { return a.id; }), axis.id))
        axis = builder.fresh(dim);
    }
    builder.setResult(0, to);
  }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    return heldByCopies(op, operands[0]);
  }
  SizeUse useOfSizes(Operation *, unsigned operand) const {
    return {operand ? SizeUse::Kind::Shape : SizeUse::Kind::Value, std::nullopt};
  }
};

struct TileCoupling : nn::CouplingOpInterface::ExternalModel<TileCoupling, nn::TileOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> to = axesOf(builder, op->getOpOperand(0));
    std::optional<SmallVector<int64_t>> repeats = builder.integers(op->getOperand(1));
    ArrayRef<Dim> shape = *builder.shape(op->getResult(0));
    for (auto [index, axis] : llvm::enumerate(to)) {
      int64_t count = repeats && index < repeats->size() ? (*repeats)[index] : -1;
      if (count == 1)
        continue;
      if (count > 1) {
        Axis loop = builder.fresh(getAffineConstantExpr(count, op->getContext()));
        axis = builder.product({loop, axis});
        continue;
      }
      builder.pin(axis, "it is repeated as often as the input says");
      axis = builder.rigid(shape[index], "it is repeated as often as the input says");
    }
    builder.setResult(0, to);
  }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    return heldByCopies(op, operands[0]);
  }
};

/// Channels are [r][r][c] or [c][r][r]; the r go to height and width.
struct DepthToSpaceCoupling
    : nn::CouplingOpInterface::ExternalModel<DepthToSpaceCoupling, nn::DepthToSpaceOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto d2s = cast<nn::DepthToSpaceOp>(op);
    SmallVector<Axis> x = axesOf(builder, op->getOpOperand(0));
    ArrayRef<Dim> shape = *builder.shape(op->getResult(0));
    if (x.size() != 4)
      return;
    builder.pin(x[2], "positions in space stay");
    builder.pin(x[3], "positions in space stay");
    Dim block = getAffineConstantExpr(d2s.getBlocksize(), op->getContext());
    bool dcr = d2s.getMode() == "DCR";
    SmallVector<Dim> sizes =
        dcr ? SmallVector<Dim>{block, block, shape[1]} : SmallVector<Dim>{shape[1], block, block};
    SmallVector<Axis> parts = builder.regroup({x[1]}, sizes);
    unsigned kept = dcr ? 2 : 0;
    for (unsigned i = 0; i < 3; ++i)
      if (i != kept)
        builder.pin(parts[i], "the channels of one block become positions in space");
    builder.setResult(
        0, {x[0], parts[kept], builder.rigid(shape[2], ""), builder.rigid(shape[3], "")});
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return operands[0];
  }
};

struct SpaceToDepthCoupling
    : nn::CouplingOpInterface::ExternalModel<SpaceToDepthCoupling, nn::SpaceToDepthOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto s2d = cast<nn::SpaceToDepthOp>(op);
    SmallVector<Axis> x = axesOf(builder, op->getOpOperand(0));
    ArrayRef<Dim> shape = *builder.shape(op->getResult(0));
    if (x.size() != 4)
      return;
    builder.pin(x[2], "positions in space stay");
    builder.pin(x[3], "positions in space stay");
    Dim block = getAffineConstantExpr(s2d.getBlocksize(), op->getContext());
    Axis row = builder.rigid(block, "positions in space become channels"),
         column = builder.rigid(block, "positions in space become channels");
    Axis channels = s2d.getMode() == "DCR" ? builder.product({row, column, x[1]})
                                           : builder.product({x[1], row, column});
    builder.setResult(0,
                      {x[0], channels, builder.rigid(shape[2], ""), builder.rigid(shape[3], "")});
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return operands[0];
  }
};

/// Works on the positions of some axes, and leaves the others alone.
struct TriluCoupling : nn::CouplingOpInterface::ExternalModel<TriluCoupling, nn::TriluOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    size_t rank = builder.axes(op->getOpOperand(0)).size();
    declarePassing(
        op, builder, [&](unsigned axis) { return axis + 2 < rank; }, "a triangle of it is taken");
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return operands[0];
  }
};

struct ReverseSequenceCoupling
    : nn::CouplingOpInterface::ExternalModel<ReverseSequenceCoupling, nn::ReverseSequenceOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto reverse = cast<nn::ReverseSequenceOp>(op);
    int64_t batch = reverse.getBatchAxis(), time = reverse.getTimeAxis();
    declarePassing(
        op, builder, [&](unsigned axis) { return axis != batch && axis != time; },
        "sequences are reversed");
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return operands[0];
  }
};

} // namespace

void pruning::attachMovementCoupling(MLIRContext &context) {
  nn::ReshapeOp::attachInterface<Regroup<nn::ReshapeOp>>(context);
  nn::FlattenOp::attachInterface<Regroup<nn::FlattenOp>>(context);
  nn::SqueezeOp::attachInterface<Regroup<nn::SqueezeOp>>(context);
  nn::UnsqueezeOp::attachInterface<Regroup<nn::UnsqueezeOp>>(context);
  nn::TransposeOp::attachInterface<TransposeCoupling>(context);
  nn::ConcatOp::attachInterface<ConcatCoupling>(context);
  nn::SplitOp::attachInterface<SplitCoupling>(context);
  nn::ExpandOp::attachInterface<ExpandCoupling>(context);
  nn::TileOp::attachInterface<TileCoupling>(context);
  nn::DepthToSpaceOp::attachInterface<DepthToSpaceCoupling>(context);
  nn::SpaceToDepthOp::attachInterface<SpaceToDepthCoupling>(context);
  nn::TriluOp::attachInterface<TriluCoupling>(context);
  nn::ReverseSequenceOp::attachInterface<ReverseSequenceCoupling>(context);
}
