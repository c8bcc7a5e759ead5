//===- ErasureModels.cpp - Extents that operators name ----------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// For each operator with an attribute or an integer operand that names an extent
// or a position of a tensor: how it is rewritten when tensors shrink.
//===----------------------------------------------------------------------===//

#include "ErasureModels.h"

#include "secateur/Pruning/Erasure.h"

#include "dialects/NN/IR/NNErasure.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"

#include <numeric>

using namespace mlir;
using namespace secateur;
using nn::ErasureContext;
using nn::ErasureOpInterface;

using Integers = llvm::SmallVector<int64_t>;

static int64_t wrapAxis(int64_t axis, int64_t rank) { return axis < 0 ? axis + rank : axis; }

static bool shrinks(ErasureContext &context, Value value, int64_t axis) {
  llvm::ArrayRef<int64_t> dense = context.getDenseShape(value);
  return axis < int64_t(dense.size()) && dense[axis] != context.getPrunedShape(value)[axis];
}

static int64_t countOf(llvm::ArrayRef<int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<int64_t>());
}

namespace {

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

/// `weightOperand` is the index of the weight; the input is operand 0.
template <typename OpTy, unsigned weightOperand = 1>
struct ConvErasure : ErasureOpInterface::ExternalModel<ConvErasure<OpTy, weightOperand>, OpTy> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto conv = cast<OpTy>(op);
    if (conv.getGroup() == 1)
      return success();
    // The weight's second axis is one group's share of the input.
    llvm::ArrayRef<int64_t> input = context.getPrunedShape(op->getOperand(0)),
                            weight = context.getPrunedShape(op->getOperand(weightOperand));
    if (input.size() < 2 || weight.size() < 2 || ShapedType::isDynamic(input[1]) ||
        weight[1] <= 0 || input[1] % weight[1] != 0)
      return op->emitError("cannot tell how many groups are left of a convolution");
    conv.setGroup(input[1] / weight[1]);
    return success();
  }
};

struct ConvTransposeErasure
    : ErasureOpInterface::ExternalModel<ConvTransposeErasure, nn::ConvTransposeOp> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto conv = cast<nn::ConvTransposeOp>(op);
    if (conv.getGroup() == 1)
      return success();
    // The weight's second axis is one group's share of the output.
    llvm::ArrayRef<int64_t> output = context.getPrunedShape(conv.getY()),
                            weight = context.getPrunedShape(conv.getW());
    if (output.size() < 2 || weight.size() < 2 || ShapedType::isDynamic(output[1]) ||
        weight[1] <= 0 || output[1] % weight[1] != 0)
      return op->emitError("cannot tell how many groups are left of a transposed convolution");
    conv.setGroup(output[1] / weight[1]);
    return success();
  }
};

template <typename OpTy>
struct RecurrentErasure : ErasureOpInterface::ExternalModel<RecurrentErasure<OpTy>, OpTy> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto layer = cast<OpTy>(op);
    // R is [directions, gates * hidden, hidden].
    llvm::ArrayRef<int64_t> weight = context.getPrunedShape(layer.getR());
    if (layer.getHiddenSize() && weight.size() == 3 && !ShapedType::isDynamic(weight[2]))
      layer.setHiddenSize(weight[2]);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Operands that name extents of the result
//===----------------------------------------------------------------------===//

struct ReshapeErasure : ErasureOpInterface::ExternalModel<ReshapeErasure, nn::ReshapeOp> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto reshape = cast<nn::ReshapeOp>(op);
    std::optional<Integers> target = context.getDenseElements(reshape.getShape());
    llvm::ArrayRef<int64_t> output = context.getPrunedShape(reshape.getReshaped());
    llvm::ArrayRef<int64_t> input = context.getPrunedShape(reshape.getData());
    if (!target) {
      // Some of it depends on data: what shrinks has a size that does not.
      for (int64_t axis = 0, rank = output.size(); axis < rank; ++axis)
        if (shrinks(context, reshape.getReshaped(), axis))
          context.demand(reshape.getShapeMutable(), axis, output[axis]);
      return success();
    }
    if (target->size() != output.size())
      return success();
    for (auto [axis, element] : llvm::enumerate(*target)) {
      // -1 is what is left; 0 is copied from the input, where that is still right.
      bool copied = element == 0 && !reshape.getAllowzero() && axis < input.size() &&
                    input[axis] == output[axis];
      if (element != -1 && !copied && !ShapedType::isDynamic(output[axis]))
        context.demand(reshape.getShapeMutable(), axis, output[axis]);
    }
    return success();
  }

  llvm::SmallVector<nn::ElementDemand> traceElement(Operation *, unsigned, int64_t index,
                                                    int64_t wanted, ErasureContext &) const {
    return {{0, index, wanted}};
  }
};

struct ExpandErasure : ErasureOpInterface::ExternalModel<ExpandErasure, nn::ExpandOp> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto expand = cast<nn::ExpandOp>(op);
    std::optional<Integers> target = context.getDenseElements(expand.getShape());
    llvm::ArrayRef<int64_t> output = context.getPrunedShape(expand.getOutput());
    if (!target)
      return success();
    int64_t offset = int64_t(output.size()) - int64_t(target->size());
    for (auto [index, element] : llvm::enumerate(*target)) {
      int64_t axis = index + offset;
      // 1 keeps the input's extent, whatever that is.
      if (axis >= 0 && element != 1 && !ShapedType::isDynamic(output[axis]))
        context.demand(expand.getShapeMutable(), index, output[axis]);
    }
    return success();
  }
};

struct TileErasure : ErasureOpInterface::ExternalModel<TileErasure, nn::TileOp> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto tile = cast<nn::TileOp>(op);
    llvm::ArrayRef<int64_t> input = context.getPrunedShape(tile.getInput());
    llvm::ArrayRef<int64_t> output = context.getPrunedShape(tile.getOutput());
    for (auto [axis, extents] : llvm::enumerate(llvm::zip_equal(input, output))) {
      auto [from, to] = extents;
      if (ShapedType::isDynamic(from) || ShapedType::isDynamic(to) || from <= 0)
        continue;
      if (to % from != 0)
        return op->emitError("what is left of axis ")
               << axis << " is no whole number of repetitions";
      context.demand(tile.getRepeatsMutable(), axis, to / from);
    }
    return success();
  }
};

struct ConstantOfShapeErasure
    : ErasureOpInterface::ExternalModel<ConstantOfShapeErasure, nn::ConstantOfShapeOp> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto constant = cast<nn::ConstantOfShapeOp>(op);
    for (auto [axis, extent] : llvm::enumerate(context.getPrunedShape(constant.getOutput())))
      if (!ShapedType::isDynamic(extent))
        context.demand(constant.getInputMutable(), axis, extent);
    return success();
  }
};

struct ResizeErasure : ErasureOpInterface::ExternalModel<ResizeErasure, nn::ResizeOp> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto resize = cast<nn::ResizeOp>(op);
    if (!resize.getSizes())
      return success();
    llvm::ArrayRef<int64_t> output = context.getPrunedShape(resize.getY());
    std::optional<llvm::ArrayRef<int64_t>> axes = resize.getAxes();
    for (int64_t index = 0, count = axes ? axes->size() : output.size(); index < count; ++index) {
      int64_t axis = axes ? wrapAxis((*axes)[index], output.size()) : index;
      if (shrinks(context, resize.getY(), axis))
        context.demand(*resize.getSizesMutable().begin(), index, output[axis]);
    }
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Operands that name positions
//===----------------------------------------------------------------------===//

struct SplitErasure : ErasureOpInterface::ExternalModel<SplitErasure, nn::SplitOp> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto split = cast<nn::SplitOp>(op);
    int64_t rank = context.getDenseShape(split.getInput()).size();
    int64_t axis = wrapAxis(split.getAxis(), rank);
    Integers sizes;
    for (Value output : split.getOutputs())
      sizes.push_back(context.getPrunedShape(output)[axis]);
    if (llvm::is_contained(sizes, ShapedType::kDynamic))
      return success();
    if (split.getSplit()) {
      for (auto [index, size] : llvm::enumerate(sizes))
        context.demand(*split.getSplitMutable().begin(), index, size);
      return success();
    }
    // Equal parts, the last may be smaller.
    int64_t total = context.getPrunedShape(split.getInput())[axis];
    int64_t part = (total + int64_t(sizes.size()) - 1) / int64_t(sizes.size());
    bool equal = true;
    for (auto [index, size] : llvm::enumerate(sizes))
      equal &= size == std::min(part, total - int64_t(index) * part);
    if (equal)
      return success();
    split.getSplitMutable().assign(context.createIntegers(op, "split", sizes));
    split.removeNumOutputsAttr();
    return success();
  }
};

struct SliceErasure : ErasureOpInterface::ExternalModel<SliceErasure, nn::SliceOp> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto slice = cast<nn::SliceOp>(op);
    std::optional<Integers> starts = context.getDenseElements(slice.getStarts());
    std::optional<Integers> ends = context.getDenseElements(slice.getEnds());
    if (!starts || !ends)
      return success(); // Analysis pins what is cut at positions that are not known.
    Integers axes(starts->size()), steps(starts->size(), 1);
    std::iota(axes.begin(), axes.end(), 0);
    if (slice.getAxes())
      axes = context.getDenseElements(slice.getAxes()).value_or(axes);
    if (slice.getSteps())
      steps = context.getDenseElements(slice.getSteps()).value_or(steps);
    for (size_t index = 0; index < starts->size(); ++index) {
      int64_t axis = wrapAxis(axes[index], context.getDenseShape(slice.getData()).size());
      if (shrinks(context, slice.getData(), axis) &&
          failed(rewriteAxis(slice, context, index, axis, (*starts)[index], (*ends)[index],
                             steps[index])))
        return failure();
    }
    return success();
  }

  /// Shape arithmetic takes runs of a shape vector.
  llvm::SmallVector<nn::ElementDemand> traceElement(Operation *op, unsigned, int64_t index,
                                                    int64_t wanted, ErasureContext &context) const {
    auto slice = cast<nn::SliceOp>(op);
    std::optional<Integers> starts = context.getPrunedElements(slice.getStarts()),
                            steps = Integers{1};
    if (slice.getSteps())
      steps = context.getPrunedElements(slice.getSteps());
    llvm::ArrayRef<int64_t> shape = context.getPrunedShape(slice.getData());
    if (!starts || !steps || starts->size() != 1 || steps->size() != 1 || shape.size() != 1)
      return {};
    int64_t first = std::clamp<int64_t>(wrapAxis(starts->front(), shape[0]), 0, shape[0]);
    return {{0, first + index * steps->front(), wanted}};
  }

  /// Demands the start, end and step that select what is kept.
  static LogicalResult rewriteAxis(nn::SliceOp slice, ErasureContext &context, int64_t index,
                                   int64_t axis, int64_t start, int64_t end, int64_t step) {
    int64_t extent = context.getDenseShape(slice.getData())[axis];
    int64_t newExtent = context.getPrunedShape(slice.getData())[axis];
    int64_t first = start < 0 ? start + extent : start;
    first = std::clamp<int64_t>(first, 0, step > 0 ? extent : extent - 1);
    Integers kept = context.getKept(slice.getData(), axis);
    // The positions in the erased tensor of what the result keeps.
    Integers positions;
    for (int64_t position : context.getKept(slice.getOutput(), axis)) {
      auto found = llvm::lower_bound(kept, first + position * step);
      if (found == kept.end() || *found != first + position * step)
        return slice.emitError("the result keeps a position of axis ")
               << axis << " that the input loses";
      positions.push_back(found - kept.begin());
    }
    if (positions.empty())
      return slice.emitError("nothing is left of the slice of axis ") << axis;
    int64_t newStep = positions.size() > 1 ? positions[1] - positions[0] : (step > 0 ? 1 : -1);
    for (size_t i = 1; i < positions.size(); ++i)
      if (positions[i] - positions[i - 1] != newStep)
        return slice.emitError("what is left of axis ") << axis << " is not evenly spaced";
    int64_t newEnd = positions.back() + (newStep > 0 ? 1 : -1);
    // Bounds that count from the end, or mean the end, go on doing so.
    bool openEnd = step > 0 ? end >= extent && newEnd == newExtent : end < -extent && newEnd < 0;
    if (start != 0 || positions.front() != 0)
      context.demand(slice.getStartsMutable(), index,
                     start < 0 ? positions.front() - newExtent : positions.front());
    if (!openEnd) {
      if (newEnd < 0)
        newEnd = -newExtent - 1;
      else if (end < 0)
        newEnd -= newExtent;
      if (newEnd == 0 && end < 0) // -0 is no position: the end itself.
        newEnd = newExtent;
      context.demand(slice.getEndsMutable(), index, newEnd);
    }
    if (newStep != step) {
      if (!slice.getSteps())
        return slice.emitError("what is left of axis ")
               << axis << " needs a step, and the node has none";
      context.demand(*slice.getStepsMutable().begin(), index, newStep);
    }
    return success();
  }
};

/// Constant indices along one axis of `data`, behind the erasure of some of its positions:
/// `placed` has the axes of the indices from `first` on. Each may be a tuple of one number.
static LogicalResult rewriteIndices(Operation *op, ErasureContext &context, Value data,
                                    int64_t axis, OpOperand &indices, Value placed, int64_t first,
                                    bool areTuples = false) {
  int64_t extent = context.getDenseShape(data)[axis];
  llvm::ArrayRef<int64_t> shape = context.getDenseShape(indices.get());
  if (areTuples)
    shape = shape.drop_back();
  bool cut = shrinks(context, data, axis);
  // Indices that are computed lose positions where they are computed from.
  for (int64_t i = 0, rank = shape.size(); i < rank; ++i)
    cut |= shrinks(context, placed, first + i) && !shrinks(context, indices.get(), i);
  if (!cut)
    return success();
  std::optional<Integers> numbers = context.getDenseElements(indices.get());
  if (!numbers || int64_t(numbers->size()) != countOf(shape))
    return op->emitError("indices that are not constant cannot follow an erasure of axis ") << axis;
  Integers kept = context.getKept(data, axis), values;
  // The indices that are left, along each of their axes.
  Integers newShape, picked = {0};
  for (int64_t i = 0, rank = shape.size(); i < rank; ++i) {
    Integers along = context.getKept(placed, first + i), next;
    newShape.push_back(along.size());
    for (int64_t position : picked)
      for (int64_t index : along)
        next.push_back(position * shape[i] + index);
    picked = std::move(next);
  }
  for (int64_t position : picked) {
    int64_t index = wrapAxis((*numbers)[position], extent);
    auto found = llvm::lower_bound(kept, index);
    if (found == kept.end() || *found != index)
      return op->emitError("names position ")
             << index << " of axis " << axis << ", which is erased";
    values.push_back(found - kept.begin());
  }
  if (areTuples)
    newShape.push_back(1);
  return context.replaceIntegers(indices, newShape, values);
}

struct GatherErasure : ErasureOpInterface::ExternalModel<GatherErasure, nn::GatherOp> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto gather = cast<nn::GatherOp>(op);
    int64_t axis = wrapAxis(gather.getAxis(), context.getDenseShape(gather.getData()).size());
    return rewriteIndices(op, context, gather.getData(), axis, gather.getIndicesMutable(),
                          gather.getOutput(), axis);
  }

  /// Shape arithmetic picks elements by constant indices.
  llvm::SmallVector<nn::ElementDemand> traceElement(Operation *op, unsigned, int64_t index,
                                                    int64_t wanted, ErasureContext &context) const {
    auto gather = cast<nn::GatherOp>(op);
    std::optional<Integers> indices = context.getPrunedElements(gather.getIndices());
    llvm::ArrayRef<int64_t> shape = context.getPrunedShape(gather.getData());
    if (!indices || shape.size() != 1 || index >= int64_t(indices->size()))
      return {};
    return {{0, wrapAxis((*indices)[index], shape[0]), wanted}};
  }
};

static bool areRows(ErasureContext &context, Value tuples) {
  llvm::ArrayRef<int64_t> shape = context.getDenseShape(tuples);
  return !shape.empty() && shape.back() == 1;
}

/// Rows that tuples of one number name.
struct GatherNdErasure : ErasureOpInterface::ExternalModel<GatherNdErasure, nn::GatherNdOp> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto gather = cast<nn::GatherNdOp>(op);
    if (gather.getBatchDims() || !areRows(context, gather.getIndices()))
      return success();
    return rewriteIndices(op, context, gather.getData(), 0, gather.getIndicesMutable(),
                          gather.getOutput(), 0, /*areTuples=*/true);
  }
};

struct ScatterNdErasure : ErasureOpInterface::ExternalModel<ScatterNdErasure, nn::ScatterNdOp> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto scatter = cast<nn::ScatterNdOp>(op);
    if (!areRows(context, scatter.getIndices()))
      return success();
    return rewriteIndices(op, context, scatter.getData(), 0, scatter.getIndicesMutable(),
                          scatter.getUpdates(), 0, /*areTuples=*/true);
  }
};

struct PadErasure : ErasureOpInterface::ExternalModel<PadErasure, nn::PadOp> {
  LogicalResult rewriteExtents(Operation *op, ErasureContext &context) const {
    auto pad = cast<nn::PadOp>(op);
    std::optional<Integers> pads = context.getDenseElements(pad.getPads());
    if (!pads)
      return success();
    int64_t rank = context.getDenseShape(pad.getData()).size();
    Integers axes(rank);
    std::iota(axes.begin(), axes.end(), 0);
    if (pad.getAxes())
      axes = context.getDenseElements(pad.getAxes()).value_or(axes);
    int64_t count = axes.size();
    for (auto [index, axis] : llvm::enumerate(axes)) {
      axis = wrapAxis(axis, rank);
      if (!shrinks(context, pad.getOutput(), axis))
        continue;
      int64_t begin = (*pads)[index], extent = context.getDenseShape(pad.getData())[axis],
              before = 0, after = 0;
      for (int64_t position : context.getKept(pad.getOutput(), axis)) {
        before += position < begin;
        after += position >= begin + extent;
      }
      context.demand(pad.getPadsMutable(), index, before);
      context.demand(pad.getPadsMutable(), count + index, after);
    }
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Shape arithmetic
//===----------------------------------------------------------------------===//

/// Operators that hand elements on in order: the first operand's elements are the
/// result's.
template <typename OpTy>
struct SameOrderErasure : ErasureOpInterface::ExternalModel<SameOrderErasure<OpTy>, OpTy> {
  llvm::SmallVector<nn::ElementDemand> traceElement(Operation *, unsigned, int64_t index,
                                                    int64_t wanted, ErasureContext &) const {
    return {{0, index, wanted}};
  }
};

struct ConcatErasure : ErasureOpInterface::ExternalModel<ConcatErasure, nn::ConcatOp> {
  llvm::SmallVector<nn::ElementDemand> traceElement(Operation *op, unsigned, int64_t index,
                                                    int64_t wanted, ErasureContext &context) const {
    for (auto [operand, value] : llvm::enumerate(op->getOperands())) {
      llvm::ArrayRef<int64_t> shape = context.getPrunedShape(value);
      if (shape.size() != 1 || ShapedType::isDynamic(shape[0]))
        return {};
      if (index < shape[0])
        return {{unsigned(operand), index, wanted}};
      index -= shape[0];
    }
    return {};
  }
};

/// The element of an operand that broadcasting gives for element `index` of a
/// vector.
static int64_t broadcastIndex(ErasureContext &context, Value operand, int64_t index) {
  return llvm::all_of(context.getPrunedShape(operand), [](int64_t extent) { return extent == 1; })
             ? 0
             : index;
}

/// `Solve(operand, other, wanted)`: what operand 0 or 1 has to be, given the other
/// one, for the result to be as wanted.
template <typename OpTy, std::optional<int64_t> (*Solve)(unsigned, int64_t, int64_t)>
struct ArithmeticErasure : ErasureOpInterface::ExternalModel<ArithmeticErasure<OpTy, Solve>, OpTy> {
  llvm::SmallVector<nn::ElementDemand> traceElement(Operation *op, unsigned, int64_t index,
                                                    int64_t wanted, ErasureContext &context) const {
    llvm::SmallVector<nn::ElementDemand> ways;
    for (unsigned operand : {1u, 0u}) {
      Value value = op->getOperand(operand), other = op->getOperand(1 - operand);
      std::optional<Integers> elements = context.getPrunedElements(other);
      if (!elements)
        continue;
      int64_t at = broadcastIndex(context, other, index);
      if (at < int64_t(elements->size()))
        if (std::optional<int64_t> solved = Solve(operand, (*elements)[at], wanted))
          ways.push_back({operand, broadcastIndex(context, value, index), *solved});
    }
    return ways;
  }
};

static std::optional<int64_t> solveAdd(unsigned, int64_t other, int64_t wanted) {
  return wanted - other;
}
static std::optional<int64_t> solveSub(unsigned operand, int64_t other, int64_t wanted) {
  return operand == 0 ? wanted + other : other - wanted;
}
static std::optional<int64_t> solveMul(unsigned, int64_t other, int64_t wanted) {
  if (other == 0 || wanted % other != 0)
    return std::nullopt;
  return wanted / other;
}
static std::optional<int64_t> solveDiv(unsigned operand, int64_t other, int64_t wanted) {
  if (operand == 0)
    return wanted * other;
  if (wanted == 0 || other % wanted != 0)
    return std::nullopt;
  return other / wanted;
}

struct WhereErasure : ErasureOpInterface::ExternalModel<WhereErasure, nn::WhereOp> {
  llvm::SmallVector<nn::ElementDemand> traceElement(Operation *op, unsigned, int64_t index,
                                                    int64_t wanted, ErasureContext &context) const {
    std::optional<Integers> condition = context.getPrunedElements(op->getOperand(0));
    if (!condition || condition->empty())
      return {};
    unsigned operand = (*condition)[broadcastIndex(context, op->getOperand(0), index)] ? 1 : 2;
    return {{operand, broadcastIndex(context, op->getOperand(operand), index), wanted}};
  }
};

} // namespace

void pruning::registerErasureModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, nn::NNDialect *) {
    nn::ConvOp::attachInterface<ConvErasure<nn::ConvOp>>(*context);
    nn::ConvIntegerOp::attachInterface<ConvErasure<nn::ConvIntegerOp>>(*context);
    nn::QlinearConvOp::attachInterface<ConvErasure<nn::QlinearConvOp, 3>>(*context);
    nn::MsFusedConvOp::attachInterface<ConvErasure<nn::MsFusedConvOp>>(*context);
    attachAttentionErasure(*context);
    attachStatisticsErasure(*context);
    nn::ConvTransposeOp::attachInterface<ConvTransposeErasure>(*context);
    nn::GruOp::attachInterface<RecurrentErasure<nn::GruOp>>(*context);
    nn::LstmOp::attachInterface<RecurrentErasure<nn::LstmOp>>(*context);
    nn::RnnOp::attachInterface<RecurrentErasure<nn::RnnOp>>(*context);
    nn::ExpandOp::attachInterface<ExpandErasure>(*context);
    nn::TileOp::attachInterface<TileErasure>(*context);
    nn::ConstantOfShapeOp::attachInterface<ConstantOfShapeErasure>(*context);
    nn::ResizeOp::attachInterface<ResizeErasure>(*context);
    nn::SplitOp::attachInterface<SplitErasure>(*context);
    nn::SliceOp::attachInterface<SliceErasure>(*context);
    nn::GatherOp::attachInterface<GatherErasure>(*context);
    nn::GatherNdOp::attachInterface<GatherNdErasure>(*context);
    nn::ScatterNdOp::attachInterface<ScatterNdErasure>(*context);
    nn::PadOp::attachInterface<PadErasure>(*context);
    nn::ConcatOp::attachInterface<ConcatErasure>(*context);
    nn::WhereOp::attachInterface<WhereErasure>(*context);
    nn::IdentityOp::attachInterface<SameOrderErasure<nn::IdentityOp>>(*context);
    nn::CastOp::attachInterface<SameOrderErasure<nn::CastOp>>(*context);
    nn::UnsqueezeOp::attachInterface<SameOrderErasure<nn::UnsqueezeOp>>(*context);
    nn::SqueezeOp::attachInterface<SameOrderErasure<nn::SqueezeOp>>(*context);
    nn::FlattenOp::attachInterface<SameOrderErasure<nn::FlattenOp>>(*context);
    nn::ReshapeOp::attachInterface<ReshapeErasure>(*context);
    nn::AddOp::attachInterface<ArithmeticErasure<nn::AddOp, solveAdd>>(*context);
    nn::SubOp::attachInterface<ArithmeticErasure<nn::SubOp, solveSub>>(*context);
    nn::MulOp::attachInterface<ArithmeticErasure<nn::MulOp, solveMul>>(*context);
    nn::DivOp::attachInterface<ArithmeticErasure<nn::DivOp, solveDiv>>(*context);
  });
}
