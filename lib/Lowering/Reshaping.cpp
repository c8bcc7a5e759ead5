//===- Reshaping.cpp - Lowering of what moves whole blocks -------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Reshapes, transposes, concatenations, splits and slices: reinterpretations
// and copies of rectangular parts, in whichever layout the data is.

#include "Models.h"
#include "Scalars.h"

#include "secateur/Analysis/SymbolicShapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

static SmallVector<OpFoldResult> filledWith(LoweringContext &context, size_t count, int64_t value) {
  return SmallVector<OpFoldResult>(count, context.b.getIndexAttr(value));
}

//===----------------------------------------------------------------------===//
// Reshapes and transposes
//===----------------------------------------------------------------------===//

/// Batch and channels stay and only the rest is reshaped: channels-last data
/// stays as it is.
static bool keepsChannels(LoweringContext &context, Value input, Value result) {
  if (!context.isLowered(input) || context.layoutOf(input) != Layout::ChannelsLast ||
      context.rank(result) < 3)
    return false;
  return context.same(context.dim(input, 0), context.dim(result, 0)) &&
         context.same(context.dim(input, 1), context.dim(result, 1));
}

/// The sizes of a reshape whose shape only the data tells: 0 copies a size, -1 is
/// what is left.
static FailureOr<SmallVector<OpFoldResult>> runtimeSizes(nn::ReshapeOp op,
                                                         LoweringContext &context) {
  ImplicitLocOpBuilder &b = context.b;
  Value input = op.getData();
  FailureOr<SmallVector<OpFoldResult>> given = context.integers(op.getShape());
  if (failed(given))
    return failure();
  Value zero = context.index(0), one = context.index(1), total = one, product = one;
  for (Dim dim : context.shape(input))
    total = b.createOrFold<arith::MulIOp>(total, context.index(dim));
  SmallVector<Value> sizes;
  for (auto [axis, size] : llvm::enumerate(*given)) {
    Value value = context.index(size);
    if (!op.getAllowzero() && int64_t(axis) < context.rank(input)) {
      Value copies = b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, value, zero);
      value =
          b.createOrFold<arith::SelectOp>(copies, context.index(context.dim(input, axis)), value);
    }
    Value isRest = b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, value, zero);
    product =
        b.createOrFold<arith::MulIOp>(product, b.createOrFold<arith::SelectOp>(isRest, one, value));
    sizes.push_back(value);
  }
  Value divisor = b.createOrFold<arith::MaxSIOp>(product, one);
  Value rest = b.createOrFold<arith::DivSIOp>(total, divisor);
  SmallVector<OpFoldResult> result;
  for (Value size : sizes) {
    Value isRest = b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, size, zero);
    result.push_back(getAsOpFoldResult(b.createOrFold<arith::SelectOp>(isRest, rest, size)));
  }
  return result;
}

/// A reshape to the sizes that the analysis knows.
static void reshapeTo(LoweringContext &context, Value input, Value result) {
  Layout layout = keepsChannels(context, input, result) ? Layout::ChannelsLast : Layout::RowMajor;
  context.set(result,
              context.reshape(context.get(input, layout), storedOrder(context.shape(input), layout),
                              storedOrder(context.shape(result), layout)),
              layout);
}

static bool sizesAreKnown(LoweringContext &context, Value result) {
  return llvm::all_of(context.shape(result), [&](Dim dim) { return context.known(dim); });
}

template <typename OpTy>
static LogicalResult lowerReinterpretation(OpTy op, LoweringContext &context) {
  Value input = op->getOperand(0), result = op->getResult(0);
  if (!sizesAreKnown(context, result))
    return context.unsupported(op, "a size of its result depends on data");
  reshapeTo(context, input, result);
  return success();
}

static LogicalResult lowerReshape(nn::ReshapeOp op, LoweringContext &context) {
  if (sizesAreKnown(context, op.getReshaped())) {
    reshapeTo(context, op.getData(), op.getReshaped());
    return success();
  }
  FailureOr<SmallVector<OpFoldResult>> sizes = runtimeSizes(op, context);
  if (failed(sizes) || int64_t(sizes->size()) != context.rank(op.getReshaped()))
    return context.unsupported(op, "the number of sizes of its result depends on data");
  // All in one row, then in the new shape.
  ImplicitLocOpBuilder &b = context.b;
  Dim total = context.constantDim(1);
  for (Dim dim : context.shape(op.getData()))
    total = total * dim;
  total = context.symbols.simplify(total);
  Value row = context.reshape(context.get(op.getData()), context.shape(op.getData()), total);
  Type element = cast<RankedTensorType>(row.getType()).getElementType();
  row = context.cast(row, RankedTensorType::get({ShapedType::kDynamic}, element));
  if (sizes->empty())
    return context.unsupported(op, "its result is a scalar whose shape depends on data");
  ReassociationIndices all = llvm::to_vector<2>(llvm::seq<int64_t>(0, sizes->size()));
  SmallVector<int64_t> dynamic(sizes->size(), ShapedType::kDynamic);
  SmallVector<OpFoldResult> values = llvm::map_to_vector(
      *sizes, [&](OpFoldResult size) -> OpFoldResult { return context.index(size); });
  Value reshaped = tensor::ExpandShapeOp::create(b, RankedTensorType::get(dynamic, element), row,
                                                 ArrayRef{all}, values);
  context.set(op.getReshaped(), reshaped);
  return success();
}

static LogicalResult lowerTranspose(nn::TransposeOp op, LoweringContext &context) {
  Value input = op.getData(), result = op.getTransposed();
  int64_t rank = context.rank(input);
  SmallVector<int64_t> permutation;
  if (std::optional<ArrayRef<int64_t>> given = op.getPerm())
    permutation.assign(given->begin(), given->end());
  else
    for (int64_t axis = rank - 1; axis >= 0; --axis)
      permutation.push_back(axis);
  // stored axis i of the result <- stored axis moved[i] of the operand.
  auto movement = [&](Layout from, Layout to) {
    SmallVector<int64_t> moved = storedOrder<int64_t>(permutation, to);
    for (int64_t &axis : moved)
      axis = storedAxis(axis, rank, from);
    return moved;
  };
  Layout from = context.layoutOf(input);
  for (Layout to : {Layout::RowMajor, Layout::ChannelsLast})
    if (llvm::equal(movement(from, to), llvm::seq<int64_t>(0, rank)) &&
        (rank >= 3 || to == Layout::RowMajor)) {
      context.set(result, context.get(input, from), to);
      return success();
    }
  context.set(result, context.transpose(context.get(input, from), movement(from, Layout::RowMajor),
                                        storedOrder(context.shape(input), from)));
  return success();
}

/// Splits axes, permutes them, and merges them again.
static Value rearrange(LoweringContext &context, Value tensor, ArrayRef<Dim> from,
                       ArrayRef<Dim> split, ArrayRef<int64_t> permutation, ArrayRef<Dim> to) {
  SmallVector<Dim> permuted =
      llvm::map_to_vector(permutation, [&](int64_t axis) { return split[axis]; });
  return context.reshape(
      context.transpose(context.reshape(tensor, from, split), permutation, split), permuted, to);
}

static LogicalResult lowerDepthToSpace(nn::DepthToSpaceOp op, LoweringContext &context) {
  Value input = op.getInput(), result = op.getOutput();
  ArrayRef<Dim> x = context.shape(input), y = context.shape(result);
  if (x.size() != 4)
    return context.unsupported(op, "its operand does not have 4 axes");
  Dim block = context.constantDim(op.getBlocksize());
  bool crd = op.getMode() == "CRD";
  if (context.layoutOf(input) == Layout::ChannelsLast) {
    // [N,H,W,b,b,C] or [N,H,W,C,b,b]
    SmallVector<Dim> split = crd ? SmallVector<Dim>{x[0], x[2], x[3], y[1], block, block}
                                 : SmallVector<Dim>{x[0], x[2], x[3], block, block, y[1]};
    SmallVector<int64_t> permutation =
        crd ? SmallVector<int64_t>{0, 1, 4, 2, 5, 3} : SmallVector<int64_t>{0, 1, 3, 2, 4, 5};
    context.set(result,
                rearrange(context, context.get(input, Layout::ChannelsLast),
                          storedOrder(x, Layout::ChannelsLast), split, permutation,
                          storedOrder(y, Layout::ChannelsLast)),
                Layout::ChannelsLast);
    return success();
  }
  SmallVector<Dim> split = crd ? SmallVector<Dim>{x[0], y[1], block, block, x[2], x[3]}
                               : SmallVector<Dim>{x[0], block, block, y[1], x[2], x[3]};
  SmallVector<int64_t> permutation =
      crd ? SmallVector<int64_t>{0, 1, 4, 2, 5, 3} : SmallVector<int64_t>{0, 3, 4, 1, 5, 2};
  context.set(result, rearrange(context, context.get(input), x, split, permutation, y));
  return success();
}

static LogicalResult lowerSpaceToDepth(nn::SpaceToDepthOp op, LoweringContext &context) {
  Value input = op.getInput(), result = op.getOutput();
  ArrayRef<Dim> x = context.shape(input), y = context.shape(result);
  if (x.size() != 4)
    return context.unsupported(op, "its operand does not have 4 axes");
  Dim block = context.constantDim(op.getBlocksize());
  SmallVector<Dim> split = {x[0], x[1], y[2], block, y[3], block};
  SmallVector<int64_t> permutation = op.getMode() == "CRD" ? SmallVector<int64_t>{0, 1, 3, 5, 2, 4}
                                                           : SmallVector<int64_t>{0, 3, 5, 1, 2, 4};
  context.set(result, rearrange(context, context.get(input), x, split, permutation, y));
  return success();
}

//===----------------------------------------------------------------------===//
// Concatenations and splits
//===----------------------------------------------------------------------===//

static LogicalResult lowerConcat(nn::ConcatOp op, LoweringContext &context) {
  Value result = op.getConcatResult();
  int64_t rank = context.rank(result), axis = frontAxis(op.getAxis(), rank);
  int64_t last = 0;
  for (Value operand : op.getInputs())
    if (context.isLowered(operand))
      last += context.layoutOf(operand) == Layout::ChannelsLast ? 1 : -1;
  Layout layout = last > 0 ? Layout::ChannelsLast : Layout::RowMajor;
  Value tensor = context.empty(result, layout);
  Dim offset = context.constantDim(0);
  int64_t stored = storedAxis(axis, rank, layout);
  SmallVector<OpFoldResult> ones = filledWith(context, rank, 1);
  for (Value operand : op.getInputs()) {
    Dim extent = context.dim(operand, axis);
    if (LoweringContext::constantOf(extent) == 0)
      continue;
    SmallVector<OpFoldResult> offsets = filledWith(context, rank, 0);
    offsets[stored] = context.size(offset);
    SmallVector<Dim> dims(context.shape(result));
    dims[axis] = extent;
    SmallVector<Dim> storedDims = storedOrder<Dim>(dims, layout);
    Value part = context.castTo(context.get(operand, layout), storedDims);
    tensor = tensor::InsertSliceOp::create(context.b, part, tensor, offsets,
                                           context.sizes(storedDims), ones);
    offset = context.symbols.simplify(offset + extent);
  }
  context.set(result, tensor, layout);
  return success();
}

/// The part of `input` of the given logical sizes that starts at `offsets`, as
/// value `result`.
static void takeSlice(LoweringContext &context, Value input, Value result,
                      ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,
                      ArrayRef<OpFoldResult> steps) {
  Layout layout = context.layoutOf(input);
  if (context.constant(input))
    layout = Layout::RowMajor;
  Value slice = tensor::ExtractSliceOp::create(
      context.b, context.get(input, layout), storedOrder(offsets, layout),
      storedOrder(sizes, layout), storedOrder(steps, layout));
  context.set(result, slice, layout);
}

static LogicalResult lowerSplit(nn::SplitOp op, LoweringContext &context) {
  Value input = op.getInput();
  int64_t rank = context.rank(input), axis = frontAxis(op.getAxis(), rank);
  Dim offset = context.constantDim(0);
  for (Value result : op.getOutputs()) {
    Dim extent = context.dim(result, axis);
    if (!context.known(extent))
      return context.unsupported(op, "the sizes of its parts depend on data");
    SmallVector<OpFoldResult> offsets = filledWith(context, rank, 0);
    offsets[axis] = context.size(offset);
    SmallVector<Dim> dims(context.shape(input));
    dims[axis] = extent;
    if (!result.use_empty())
      takeSlice(context, input, result, offsets, context.sizes(dims), filledWith(context, rank, 1));
    offset = context.symbols.simplify(offset + extent);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Slices
//===----------------------------------------------------------------------===//

namespace {
/// One axis of a slice.
struct SliceAxis {
  Value start;         // the first index that is taken
  OpFoldResult extent; // how many are taken
  int64_t step = 1;
};
} // namespace

/// The bound of a slice, counted from the front and moved into [low, high].
static Value clampBound(ImplicitLocOpBuilder &b, Value bound, Value extent, Value low, Value high) {
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Value isNegative = b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, bound, zero);
  Value fromFront = b.createOrFold<arith::AddIOp>(bound, extent);
  bound = b.createOrFold<arith::SelectOp>(isNegative, fromFront, bound);
  return b.createOrFold<arith::MinSIOp>(b.createOrFold<arith::MaxSIOp>(bound, low), high);
}

static SliceAxis sliceAxis(LoweringContext &context, Dim extentOfInput, Dim extentOfResult,
                           OpFoldResult start, OpFoldResult end, int64_t step) {
  ImplicitLocOpBuilder &b = context.b;
  SliceAxis axis;
  axis.step = step;
  Value extent = context.index(extentOfInput), zero = context.index(0);
  Value minusOne = context.index(-1), beforeEnd = b.createOrFold<arith::AddIOp>(extent, minusOne);
  bool forward = step > 0;
  std::optional<int64_t> constant = getConstantIntValue(start);
  if (context.known(extentOfResult) && forward && constant && *constant >= 0)
    // Past the end nothing is taken.
    axis.start = context.index(std::min(
        *constant, std::max<int64_t>(
                       LoweringContext::constantOf(extentOfInput).value_or(*constant + 1) - 1, 0)));
  else
    axis.start = clampBound(b, context.index(start), extent, zero, forward ? extent : beforeEnd);
  if (context.known(extentOfResult)) {
    axis.extent = context.size(extentOfResult);
    return axis;
  }
  Value last = clampBound(b, context.index(end), extent, forward ? zero : minusOne,
                          forward ? extent : beforeEnd);
  Value distance = forward ? b.createOrFold<arith::SubIOp>(last, axis.start)
                           : b.createOrFold<arith::SubIOp>(axis.start, last);
  Value count = b.createOrFold<arith::CeilDivSIOp>(distance, context.index(std::abs(step)));
  axis.extent = b.createOrFold<arith::MaxSIOp>(count, zero);
  return axis;
}

/// A slice whose axes or steps are data: every axis has a start and a step, of
/// which one in the list overrides the whole.
static LogicalResult sliceAtRuntime(nn::SliceOp op, LoweringContext &context,
                                    ArrayRef<OpFoldResult> starts, ArrayRef<OpFoldResult> ends) {
  ImplicitLocOpBuilder &b = context.b;
  Value input = op.getData();
  int64_t rank = context.rank(input);
  auto orDefault = [&](Value value, bool isAxes) -> FailureOr<SmallVector<OpFoldResult>> {
    if (value)
      return context.integers(value);
    SmallVector<OpFoldResult> result;
    for (size_t i = 0; i < starts.size(); ++i)
      result.push_back(b.getIndexAttr(isAxes ? i : 1));
    return result;
  };
  FailureOr<SmallVector<OpFoldResult>> axes = orDefault(op.getAxes(), true),
                                       steps = orDefault(op.getSteps(), false);
  if (failed(axes) || failed(steps) || axes->size() != starts.size() ||
      steps->size() != starts.size())
    return context.unsupported(op, "the number of its axes and steps is not known");
  Value zero = context.index(0), one = context.index(1), minusOne = context.index(-1);
  auto less = [&](Value left, Value right) {
    return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, left, right);
  };
  auto choose = [&](Value condition, Value yes, Value no) {
    return b.createOrFold<arith::SelectOp>(condition, yes, no);
  };
  SmallVector<Value> first, stride, count;
  for (int64_t axis = 0; axis < rank; ++axis) {
    Value extent = context.index(context.dim(input, axis)), start = zero, end = extent, step = one;
    for (size_t i = 0; i < starts.size(); ++i) {
      Value which = context.index((*axes)[i]);
      which = choose(less(which, zero), b.createOrFold<arith::AddIOp>(which, context.index(rank)),
                     which);
      Value isThis =
          b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, which, context.index(axis));
      start = choose(isThis, context.index(starts[i]), start);
      end = choose(isThis, context.index(ends[i]), end);
      step = choose(isThis, context.index((*steps)[i]), step);
    }
    Value backward = less(step, zero), last = b.createOrFold<arith::AddIOp>(extent, minusOne);
    Value from = clampBound(b, start, extent, zero, choose(backward, last, extent));
    Value to = clampBound(b, end, extent, choose(backward, minusOne, zero),
                          choose(backward, last, extent));
    Value distance = choose(backward, b.createOrFold<arith::SubIOp>(from, to),
                            b.createOrFold<arith::SubIOp>(to, from));
    Value size = choose(backward, b.createOrFold<arith::SubIOp>(zero, step), step);
    size = b.createOrFold<arith::MaxSIOp>(size, one);
    first.push_back(from);
    stride.push_back(step);
    count.push_back(
        b.createOrFold<arith::MaxSIOp>(b.createOrFold<arith::CeilDivSIOp>(distance, size), zero));
  }
  Value tensor = context.get(input);
  Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
  SmallVector<int64_t> dynamic(rank, ShapedType::kDynamic);
  Value init = tensor::EmptyOp::create(b, RankedTensorType::get(dynamic, element), count);
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      b, TypeRange{init.getType()}, ValueRange{}, ValueRange{init},
      ArrayRef{b.getMultiDimIdentityMap(rank)}, iterators,
      [&](OpBuilder &nested, Location location, ValueRange) {
        ImplicitLocOpBuilder builder(location, nested);
        SmallVector<Value> from;
        for (int64_t axis = 0; axis < rank; ++axis) {
          Value index = linalg::IndexOp::create(builder, axis);
          index = arith::MulIOp::create(builder, index, stride[axis]);
          from.push_back(arith::AddIOp::create(builder, first[axis], index));
        }
        linalg::YieldOp::create(builder, Value(tensor::ExtractOp::create(builder, tensor, from)));
      });
  context.set(op.getOutput(), generic.getResult(0));
  return success();
}

static LogicalResult lowerSlice(nn::SliceOp op, LoweringContext &context) {
  Value input = op.getData(), result = op.getOutput();
  int64_t rank = context.rank(input);
  FailureOr<SmallVector<OpFoldResult>> starts = context.integers(op.getStarts());
  FailureOr<SmallVector<OpFoldResult>> ends = context.integers(op.getEnds());
  if (failed(starts) || failed(ends) || starts->size() != ends->size())
    return context.unsupported(op, "the number of its starts and ends is not known");
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, starts->size()));
  SmallVector<int64_t> steps(starts->size(), 1);
  bool constant = true;
  auto read = [&](Value value, SmallVector<int64_t> &into) {
    std::optional<SmallVector<int64_t>> given = context.constantInts(value);
    constant &= given && given->size() == starts->size();
    if (constant)
      into = *given;
  };
  if (op.getAxes())
    read(op.getAxes(), axes);
  if (op.getSteps())
    read(op.getSteps(), steps);
  if (!constant)
    return sliceAtRuntime(op, context, *starts, *ends);
  SmallVector<OpFoldResult> offsets = filledWith(context, rank, 0),
                            strides = filledWith(context, rank, 1);
  SmallVector<OpFoldResult> sizes = context.sizes(context.shape(input));
  bool backward = false;
  SmallVector<int64_t> step(rank, 1);
  for (auto [i, axis] : llvm::enumerate(axes)) {
    axis = axis < 0 ? axis + rank : axis;
    if (axis < 0 || axis >= rank || steps[i] == 0)
      return context.unsupported(op, "an axis is out of range or a step is 0");
    SliceAxis part = sliceAxis(context, context.dim(input, axis), context.dim(result, axis),
                               (*starts)[i], (*ends)[i], steps[i]);
    offsets[axis] = getAsOpFoldResult(part.start);
    sizes[axis] = part.extent;
    strides[axis] = context.b.getIndexAttr(steps[i]);
    step[axis] = steps[i];
    backward |= steps[i] < 0;
  }
  if (!backward) {
    takeSlice(context, input, result, offsets, sizes, strides);
    return success();
  }
  // Backwards: read element by element.
  for (Dim dim : context.shape(result))
    if (!context.known(dim))
      return context.unsupported(op, "it goes backwards and its size depends on data");
  Layout layout = context.layoutOf(input);
  Value tensor = context.get(input, layout);
  SmallVector<Value> first =
      llvm::map_to_vector(offsets, [&](OpFoldResult offset) { return context.index(offset); });
  SmallVector<Value> factors =
      llvm::map_to_vector(step, [&](int64_t factor) { return context.index(factor); });
  Value reversed = context.generate(
      context.shape(result), LoweringContext::storageType(LoweringContext::elementType(result)),
      layout, [&](ImplicitLocOpBuilder &b, ValueRange at) {
        SmallVector<Value> from;
        for (int64_t axis = 0; axis < rank; ++axis) {
          Value distance = step[axis] == 1 ? Value(at[axis])
                                           : b.createOrFold<arith::MulIOp>(at[axis], factors[axis]);
          from.push_back(b.createOrFold<arith::AddIOp>(first[axis], distance));
        }
        return LoweringContext::read(b, tensor, layout, from);
      });
  context.set(result, reversed, layout);
  return success();
}

void secateur::lowering::attachReshapingModels(MLIRContext *context) {
  attachLowering<nn::ReshapeOp, lowerReshape>(context);
  attachLowering<nn::FlattenOp, lowerReinterpretation<nn::FlattenOp>>(context);
  attachLowering<nn::SqueezeOp, lowerReinterpretation<nn::SqueezeOp>>(context);
  attachLowering<nn::UnsqueezeOp, lowerReinterpretation<nn::UnsqueezeOp>>(context);
  attachLowering<nn::TransposeOp, lowerTranspose>(context);
  attachLowering<nn::DepthToSpaceOp, lowerDepthToSpace>(context);
  attachLowering<nn::SpaceToDepthOp, lowerSpaceToDepth>(context);
  attachLowering<nn::ConcatOp, lowerConcat>(context);
  attachLowering<nn::SplitOp, lowerSplit>(context);
  attachLowering<nn::SliceOp, lowerSlice>(context);
}
