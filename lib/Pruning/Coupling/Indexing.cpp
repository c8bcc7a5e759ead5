//===- Indexing.cpp - Coupling of operators that pick positions -------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Which positions of the operand a result has: known for constant indices, so
// that digits are cut there; pinned where the input decides.

#include "Coupling.h"

#include "secateur/Analysis/Constants.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

/// Longer lists of indices are tables, not permutations of channels.
static constexpr size_t kMaxIndices = 1 << 12;
static constexpr StringLiteral kByData = "positions are picked by what the input holds";
static constexpr StringLiteral kByTuples = "positions are picked by tuples";
static constexpr StringLiteral kPlaced = "something is put in places that are named by position";

Axis pruning::pickPositions(CouplingBuilder &builder, Axis axis, ArrayRef<int64_t> positions) {
  SmallVector<Axis> pieces;
  for (size_t i = 0; i < positions.size();) {
    size_t end = i + 1;
    while (end < positions.size() && positions[end] == positions[end - 1] + 1)
      ++end;
    pieces.push_back(builder.slice(axis, positions[i], positions[end - 1] + 1));
    i = end;
  }
  return builder.concat(pieces);
}

/// Position `start` and every step-th behind it, of blocks as long as the step: [blocks]
/// [step], of which the latter stays, and by itself what is taken of a last block that
/// the axis has only a part of.
static Axis everyStep(CouplingBuilder &builder, Axis axis, int64_t start, int64_t count,
                      int64_t step, MLIRContext *context) {
  int64_t begin = start - start % step, last = start + (count - 1) * step;
  int64_t blocks = std::min(count, (*builder.extent(axis) - begin) / step);
  SmallVector<Axis> pieces;
  if (blocks > 0) {
    auto size = [&](int64_t n) { return getAffineConstantExpr(n, context); };
    SmallVector<Axis> parts = builder.regroup({builder.slice(axis, begin, begin + blocks * step)},
                                              {size(blocks), size(step)});
    builder.pin(parts[1], "one of every few positions is taken");
    pieces.push_back(parts[0]);
  }
  if (blocks < count)
    pieces.push_back(builder.slice(axis, last, last + 1));
  return builder.concat(pieces);
}

/// The positions that a constant names on an axis; nullopt where the input names them,
/// or where they are too many.
static std::optional<SmallVector<int64_t>> namedPositions(CouplingBuilder &builder, Value indices,
                                                          Axis axis) {
  std::optional<SmallVector<int64_t>> positions = builder.integers(indices);
  if (!positions)
    positions = analysis::getConstantIntegers(indices);
  std::optional<int64_t> size = builder.extent(axis);
  if (!positions || positions->empty() || positions->size() > kMaxIndices || !size)
    return std::nullopt;
  for (int64_t &position : *positions) {
    position += position < 0 ? *size : 0;
    if (position < 0 || position >= *size)
      return std::nullopt;
  }
  return positions;
}

/// What the axes `shape` of a table of positions are made of.
static SmallVector<Axis> pickTable(CouplingBuilder &builder, Axis axis, ArrayRef<int64_t> positions,
                                   ArrayRef<Dim> shape) {
  Axis picked = pickPositions(builder, axis, positions);
  return shape.size() == 1 ? SmallVector<Axis>{picked} : builder.regroup({picked}, shape);
}

namespace {

struct SliceCoupling : nn::CouplingOpInterface::ExternalModel<SliceCoupling, nn::SliceOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto slice = cast<nn::SliceOp>(op);
    SmallVector<Axis> to(builder.axes(op->getOpOperand(0)));
    ArrayRef<Dim> from = *builder.shape(op->getOperand(0)),
                  shape = *builder.shape(op->getResult(0));
    std::optional<SmallVector<std::optional<int64_t>>> starts =
        builder.someIntegers(slice.getStarts());
    std::optional<SmallVector<int64_t>> axes = builder.integers(slice.getAxes());
    std::optional<SmallVector<int64_t>> steps = builder.integers(slice.getSteps());
    bool axesKnown = axes || !slice.getAxes(), stepsKnown = steps || !slice.getSteps();
    for (auto [index, axis] : llvm::enumerate(to)) {
      // Which entry of the lists is about this axis.
      std::optional<size_t> entry;
      if (!slice.getAxes()) {
        entry = index;
      } else if (axes) {
        for (auto [position, listed] : llvm::enumerate(*axes))
          if (normalizeAxis(listed, to.size()) == index)
            entry = position;
      }
      bool listed = !axesKnown || (entry && (!starts || *entry < starts->size()));
      if (!listed)
        continue;
      int64_t step = steps && entry && *entry < steps->size() ? (*steps)[*entry] : 1;
      // All of it, whatever the end says.
      if (axesKnown && stepsKnown && step == 1 && from[index] == shape[index])
        continue;
      std::optional<int64_t> size = builder.extent(axis);
      auto count = dyn_cast<AffineConstantExpr>(shape[index]);
      bool known = size && count && starts && axesKnown && entry && (*starts)[*entry] &&
                   stepsKnown && step > 0 && count.getValue() > 0;
      int64_t start = known ? *(*starts)[*entry] : 0;
      if (start < 0 && size)
        start += *size;
      start = std::max<int64_t>(start, 0);
      if (known && step == 1) {
        axis = builder.slice(axis, start, start + count.getValue());
      } else if (known && start + (count.getValue() - 1) * step < *size) {
        axis = everyStep(builder, axis, start, count.getValue(), step, op->getContext());
      } else {
        builder.pin(axis, "a part of it is taken that is not a run");
        axis = builder.rigid(shape[index], "a part of an axis that is not a run");
      }
    }
    builder.setResult(0, to);
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return operands[0];
  }
  /// Of a vector of `size` sizes, those that the slice takes.
  static std::optional<SmallVector<int64_t>> takenElements(nn::SliceOp slice) {
    std::optional<SmallVector<int64_t>> starts = analysis::getConstantIntegers(slice.getStarts());
    std::optional<SmallVector<int64_t>> ends = analysis::getConstantIntegers(slice.getEnds());
    auto type = dyn_cast<RankedTensorType>(slice.getData().getType());
    bool plain = starts && ends && starts->size() == 1 && ends->size() == 1 && !slice.getSteps() &&
                 type && type.getRank() == 1 && !type.isDynamicDim(0);
    if (!plain)
      return std::nullopt;
    int64_t size = type.getDimSize(0);
    auto clamp = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + size : at, 0, size); };
    int64_t start = clamp(starts->front()), end = clamp(ends->front());
    return llvm::to_vector(llvm::seq<int64_t>(start, std::max(start, end)));
  }
  SizeUse useOfSizes(Operation *op, unsigned operand) const {
    if (operand)
      return {SizeUse::Kind::Shape, std::nullopt};
    return {SizeUse::Kind::Passes, takenElements(cast<nn::SliceOp>(op))};
  }
};

struct GatherCoupling : nn::CouplingOpInterface::ExternalModel<GatherCoupling, nn::GatherOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> data(builder.axes(op->getOpOperand(0))),
        chosen(builder.axes(op->getOpOperand(1)));
    std::optional<unsigned> axis = normalizeAxis(cast<nn::GatherOp>(op).getAxis(), data.size());
    if (!axis)
      return;
    std::optional<SmallVector<int64_t>> positions =
        namedPositions(builder, op->getOperand(1), data[*axis]);
    if (!positions)
      builder.pin(data[*axis], kByData);
    else if (chosen.empty())
      builder.pin(builder.slice(data[*axis], positions->front(), positions->front() + 1),
                  "this position alone is taken");
    else
      chosen = pickTable(builder, data[*axis], *positions, *builder.shape(op->getOperand(1)));
    SmallVector<Axis> result(data.begin(), data.begin() + *axis);
    llvm::append_range(result, chosen);
    result.append(data.begin() + *axis + 1, data.end());
    builder.setResult(0, result);
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return operands[0].isAbsent() ? ErasedValue::finite() : operands[0];
  }
  SizeUse useOfSizes(Operation *op, unsigned operand) const {
    if (operand)
      return {};
    return {SizeUse::Kind::Passes, analysis::getConstantIntegers(op->getOperand(1))};
  }
};

/// Indices are tuples that name a position of the axes after the batch; what is behind
/// those goes with them.
struct GatherNdCoupling : nn::CouplingOpInterface::ExternalModel<GatherNdCoupling, nn::GatherNdOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> data(builder.axes(op->getOpOperand(0))),
        tuples(builder.axes(op->getOpOperand(1)));
    size_t batch = cast<nn::GatherNdOp>(op).getBatchDims();
    std::optional<size_t> behind = behindTuples(builder, tuples, data, batch);
    if (!behind || batch >= tuples.size())
      return;
    SmallVector<Axis> result(tuples.begin(), tuples.end() - 1);
    if (auto rows = namedRows(op, builder, data, batch, *behind)) {
      result = pickTable(builder, data[0], *rows, builder.shape(op->getOperand(1))->drop_back());
    } else {
      bool known = analysis::getConstantIntegers(op->getOperand(1)).has_value();
      for (size_t axis = 0; axis < *behind; ++axis)
        if (axis < batch)
          builder.unify(data[axis], tuples[axis]);
        else
          builder.pin(data[axis], known ? kByTuples : kByData);
    }
    result.append(data.begin() + *behind, data.end());
    builder.setResult(0, result);
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    // What a tuple picks is no more than finite.
    return operands[0].isAbsent() || !operands[1].isAbsent()
               ? nn::join(operands[0], ErasedValue::finite())
               : operands[0];
  }

  /// The rows that constant tuples of one number name.
  static std::optional<SmallVector<int64_t>> namedRows(Operation *op, CouplingBuilder &builder,
                                                       ArrayRef<Axis> data, size_t batch,
                                                       size_t behind) {
    if (batch > 0 || behind != 1 || builder.axes(op->getOpOperand(1)).size() < 2)
      return std::nullopt;
    return namedPositions(builder, op->getOperand(1), data[0]);
  }

  /// The first axis of `data` that tuples say nothing of; nullopt where that
  /// depends on the input.
  static std::optional<size_t> behindTuples(CouplingBuilder &builder, ArrayRef<Axis> tuples,
                                            ArrayRef<Axis> data, size_t batch) {
    std::optional<int64_t> length = tuples.empty() ? std::nullopt : builder.extent(tuples.back());
    if (!length || batch + *length > data.size())
      return std::nullopt;
    builder.pin(tuples.back(), "it is a tuple of positions");
    return batch + *length;
  }
};

/// Likewise, and slices of the updates come in the places that the tuples name.
struct ScatterNdCoupling
    : nn::CouplingOpInterface::ExternalModel<ScatterNdCoupling, nn::ScatterNdOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> data(builder.axes(op->getOpOperand(0))),
        tuples(builder.axes(op->getOpOperand(1))), updates(builder.axes(op->getOpOperand(2)));
    std::optional<size_t> behind = GatherNdCoupling::behindTuples(builder, tuples, data, 0);
    if (!behind || updates.size() != tuples.size() - 1 + data.size() - *behind)
      return;
    size_t named = tuples.size() - 1;
    if (auto rows = GatherNdCoupling::namedRows(op, builder, data, 0, *behind)) {
      SmallVector<Axis> places =
          pickTable(builder, data[0], *rows, builder.shape(op->getOperand(1))->drop_back());
      for (size_t axis = 0; axis < named; ++axis)
        builder.unify(places[axis], updates[axis]);
    } else {
      for (size_t axis = 0; axis < named; ++axis) {
        builder.pin(tuples[axis], kPlaced);
        builder.pin(updates[axis], kPlaced);
      }
      for (size_t axis = 0; axis < *behind; ++axis)
        builder.pin(data[axis], kPlaced);
    }
    for (size_t axis = *behind; axis < data.size(); ++axis)
      builder.unify(data[axis], updates[named + axis - *behind]);
    builder.setResult(0, data);
  }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    if (cast<nn::ScatterNdOp>(op).getReduction() == "none")
      return nn::join(operands[0], operands[2]);
    return operands[0].isZero() && operands[2].isZero() ? ErasedValue::zero()
                                                        : ErasedValue::unknown();
  }
};

/// Padding is positions of its own, which go where what they are added to goes.
struct PadCoupling : nn::CouplingOpInterface::ExternalModel<PadCoupling, nn::PadOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto pad = cast<nn::PadOp>(op);
    SmallVector<Axis> to(builder.axes(op->getOpOperand(0)));
    ArrayRef<Dim> shape = *builder.shape(op->getResult(0));
    std::optional<SmallVector<std::optional<int64_t>>> pads = builder.someIntegers(pad.getPads());
    std::optional<SmallVector<int64_t>> axes = builder.integers(pad.getAxes());
    for (auto [index, axis] : llvm::enumerate(to)) {
      int64_t entry = index, count = to.size();
      if (axes) {
        count = axes->size();
        entry = -1;
        for (auto [position, listed] : llvm::enumerate(*axes))
          if (normalizeAxis(listed, to.size()) == index)
            entry = position;
      }
      bool listsKnown =
          pads && (axes || !pad.getAxes()) && static_cast<int64_t>(pads->size()) == 2 * count;
      if (listsKnown && (entry < 0 || ((*pads)[entry] == 0 && (*pads)[entry + count] == 0)))
        continue;
      int64_t before = listsKnown ? (*pads)[entry].value_or(-1) : -1;
      int64_t after = listsKnown ? (*pads)[entry + count].value_or(-1) : -1;
      if (before < 0 || after < 0 || pad.getMode() != "constant" || !builder.extent(axis)) {
        builder.pin(axis, "it is padded");
        axis = builder.rigid(shape[index], "it is padded");
        continue;
      }
      SmallVector<Axis> pieces;
      auto addPadding = [&](int64_t size) {
        if (size)
          pieces.push_back(builder.padding(size));
      };
      addPadding(before);
      pieces.push_back(axis);
      addPadding(after);
      axis = builder.concat(pieces);
    }
    builder.setResult(0, to);
  }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    ErasedValue padding =
        cast<nn::PadOp>(op).getConstantValue() ? ErasedValue::finite() : ErasedValue::zero();
    return operands[0].isAbsent() ? padding : nn::join(operands[0], padding);
  }
};

struct ShapeCoupling : nn::CouplingOpInterface::ExternalModel<ShapeCoupling, nn::ShapeOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto shape = cast<nn::ShapeOp>(op);
    SmallVector<Axis> axes(builder.axes(op->getOpOperand(0)));
    int64_t rank = axes.size();
    auto clamp = [&](int64_t position) {
      return std::clamp<int64_t>(position < 0 ? position + rank : position, 0, rank);
    };
    int64_t start = clamp(shape.getStart()), end = shape.getEnd() ? clamp(*shape.getEnd()) : rank;
    if (start < end)
      builder.readsExtents(op->getOpOperand(0), 0, ArrayRef(axes).slice(start, end - start));
    builder.setResult(0, {builder.rigid((*builder.shape(op->getResult(0)))[0], "")});
  }
  SizeUse useOfSizes(Operation *, unsigned) const { return {SizeUse::Kind::Shape, std::nullopt}; }
};

struct SizeCoupling : nn::CouplingOpInterface::ExternalModel<SizeCoupling, nn::SizeOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    for (Axis axis : SmallVector<Axis>(builder.axes(op->getOpOperand(0))))
      builder.pin(axis, "its size is a number to compute with");
  }
  SizeUse useOfSizes(Operation *, unsigned) const { return {SizeUse::Kind::Shape, std::nullopt}; }
};

/// Sizes become a shape; the positions are new, and something else may own those of which
/// there are as many for every input: a state that a recurrent layer starts with.
struct ConstantOfShapeCoupling
    : nn::CouplingOpInterface::ExternalModel<ConstantOfShapeCoupling, nn::ConstantOfShapeOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    std::optional<ArrayRef<Dim>> shape = builder.shape(op->getResult(0));
    if (!shape)
      return;
    builder.setResult(0, llvm::map_to_vector(*shape, [&](Dim dim) {
                        auto size = dyn_cast<AffineConstantExpr>(dim);
                        return size && size.getValue() > 1
                                   ? builder.fresh(dim)
                                   : builder.rigid(dim, "it makes positions of its own");
                      }));
  }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue>, unsigned) const {
    std::optional<ElementsAttr> value = cast<nn::ConstantOfShapeOp>(op).getValue();
    return value ? heldBy(*value) : ErasedValue::zero();
  }
  SizeUse useOfSizes(Operation *, unsigned) const { return {SizeUse::Kind::Shape, std::nullopt}; }
};

struct RangeCoupling : nn::CouplingOpInterface::ExternalModel<RangeCoupling, nn::RangeOp> {
  void declareCoupling(Operation *, CouplingBuilder &) const {}
};

} // namespace

void pruning::attachIndexingCoupling(MLIRContext &context) {
  nn::SliceOp::attachInterface<SliceCoupling>(context);
  nn::GatherOp::attachInterface<GatherCoupling>(context);
  nn::GatherNdOp::attachInterface<GatherNdCoupling>(context);
  nn::ScatterNdOp::attachInterface<ScatterNdCoupling>(context);
  nn::PadOp::attachInterface<PadCoupling>(context);
  nn::ShapeOp::attachInterface<ShapeCoupling>(context);
  nn::SizeOp::attachInterface<SizeCoupling>(context);
  nn::ConstantOfShapeOp::attachInterface<ConstantOfShapeCoupling>(context);
  nn::RangeOp::attachInterface<RangeCoupling>(context);
}
