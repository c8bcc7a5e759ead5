//===- LowerGrouped.cpp - The kernel of convolutions with many groups -------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A tile is a few output pixels of one vector of output channels, whose sums stay in
// registers. For each input channel of a group it goes over the window as the depthwise
// kernel does: an input is loaded once and goes to every sum that it is part of.
//
// Where groups are narrow, a vector has several of them (`bundle`): its lanes need the
// input channel of their own group, which are neighbours at a distance of a group, so
// that one load and one shuffle, the same for all channels, bring them. Otherwise the
// input is broadcast.
//
// Pixels are often apart by a power of two, which the first-level cache can keep few of.
// Where they are read for many channels, those of a tile are copied to the stack first.
//===----------------------------------------------------------------------===//

#include "Choices.h"
#include "ImageTiles.h"
#include "Lowerings.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

/// Output channels of a group from which the matrix kernel is faster, and taps beyond
/// which the unrolled code is larger than it is fast.
static constexpr int64_t mostOutputs = 48, mostTaps = 49;
/// Input channels of a group for which the inputs of a tile are copied.
static constexpr int64_t fewestCopied = 8, mostCopied = 64;
/// Bytes of weights that the second-level cache keeps beside the image: all channels of a
/// row are computed before the next row.
static constexpr int64_t cachedWeights = 256 << 10;

namespace {

struct GroupedForm {
  WindowForm window;
  /// Groups that share a panel of 16 output channels, and the channels of a group.
  int64_t bundle, inputs, outputs;
  /// Whether all lanes of all vectors exist.
  bool isWhole;
  /// Whether the inputs of a tile are copied, and all channels of a row come first.
  bool copies, isByRow;
  /// Output pixels of a full tile.
  ImageTile largest;
  EpilogueForm epilogue;

  /// Vectors of the output channels of a bundle.
  int64_t vectors(int64_t lanes) const { return llvm::divideCeil(bundle * outputs, lanes); }
  /// The group, counted from that of lane 0, of each lane of vector `v` of a bundle; empty
  /// where all lanes are of one group.
  SmallVector<int64_t> groupsOfLanes(int64_t v, int64_t lanes) const;
};

class GroupedKernel {
public:
  /// The kernel's own arguments: input channels of a group, elements from tap to tap, groups
  /// (those of the vector in the code of a tile), lanes to be stored, the output row, and the
  /// range of tasks or output columns.
  enum Own : size_t { Inputs, TapStep, Groups, Lanes, Row, Begin, End, OwnCount };

  GroupedKernel(KernelModule &kernels, KernelBuilder &k, const GroupedForm &form, ValueRange values)
      : kernels(kernels), k(k), form(form), arg(form.epilogue, OwnCount, values), f32(k.f32()) {}

  /// The kernel: shares out tasks, each some output rows of the channels of a bundle.
  void emit() {
    k.loop(arg.own[Begin], arg.own[End], 1, [&](Value task) { emitTask(task); });
  }
  /// What it calls: tiles of one row of a vector of channels, whose lanes are of `groups`.
  void emitTiles(const ImageTile &tile, ArrayRef<int64_t> groups);

private:
  void emitTask(Value task);
  void callVector(const ImageArguments &bundle, Value vector, ArrayRef<int64_t> groups);
  void callTiles(ImageArguments &row, const ImageTile &tile, ArrayRef<int64_t> groups);
  void emitTileAt(const ImageTile &tile, Value column);
  SmallVector<Value> accumulate(const ImageTile &tile, ArrayRef<Value> rows, ArrayRef<Value> masks,
                                Value channel, SmallVector<Value> sums);
  void copyInputs(const ImageTile &tile, ArrayRef<Value> rows, ArrayRef<Value> masks);
  /// Floats that are copied of a pixel.
  int64_t copiedWidth() const {
    int64_t groups = groupOf.empty() ? 1 : *llvm::max_element(groupOf) + 1;
    return llvm::alignTo(groups * form.inputs, k.target.lanes());
  }
  Value loadInput(Value pointer);
  void storeTile(const ImageTile &tile, Value column, ArrayRef<Value> sums);

  KernelModule &kernels;
  KernelBuilder &k;
  const GroupedForm &form;
  ImageArguments arg;
  Type f32;
  // Of the tile's code.
  SmallVector<int64_t> groupOf;
  Value zeros, scratch, top, outputMask, inputMask, copy;
  SmallVector<Value> rowExists, rowSteps;
};

} // namespace

SmallVector<int64_t> GroupedForm::groupsOfLanes(int64_t v, int64_t lanes) const {
  SmallVector<int64_t> groups;
  int64_t first = v * lanes, end = std::min(first + lanes, bundle * outputs);
  for (int64_t lane = 0; lane < lanes; ++lane)
    groups.push_back(first + lane < end ? (first + lane) / outputs - first / outputs : 0);
  return llvm::all_of(groups, [](int64_t group) { return group == 0; }) ? SmallVector<int64_t>()
                                                                        : groups;
}

//===----------------------------------------------------------------------===//
// Tasks
//===----------------------------------------------------------------------===//

void GroupedKernel::emitTask(Value task) {
  int64_t rows = form.largest.rows, lanes = k.target.lanes();
  Value rowGroups = k.ceilDiv(arg.outHeight, k.constant(rows));
  Value bundles = k.ceilDiv(arg.own[Groups], k.constant(form.bundle));
  SmallVector<Value> at = form.isByRow ? k.decompose(task, {rowGroups, rowGroups, bundles})
                                       : k.decompose(task, {bundles, bundles, rowGroups});
  if (form.isByRow)
    std::swap(at[1], at[2]);
  ImageArguments bundle = arg;
  bundle.moveToImage(k, form.epilogue, at[0]);
  Value first = k.mul(at[1], form.bundle);
  bundle.own[Row] = k.mul(at[2], rows);
  bundle.own[Groups] = k.min(k.sub(arg.own[Groups], first), k.constant(form.bundle));
  bundle.x = k.offset(bundle.x, k.mul(first, arg.own[Inputs]), f32);
  int64_t panels = llvm::divideCeil(form.bundle * form.outputs, kern::panelWidth);
  Value panel = k.mul(arg.own[TapStep], form.window.tapsY * form.window.tapsX);
  bundle.w = k.offset(bundle.w, k.mul(at[1], k.mul(panel, panels)), f32);
  Value output = k.mul(first, form.outputs);
  bundle.y = k.offset(bundle.y, output, form.epilogue.stored);
  for (size_t e = 0; e < form.epilogue.operands.size(); ++e)
    bundle.extras[e] = bundle.atChannel(k, form.epilogue, e, bundle.extras[e], output);
  if (form.bundle == 1)
    return k.loop(k.constant(0), k.constant(form.vectors(lanes)), 1,
                  [&](Value vector) { callVector(bundle, vector, {}); });
  for (int64_t v = 0; v < form.vectors(lanes); ++v)
    callVector(bundle, k.constant(v), form.groupsOfLanes(v, lanes));
}

void GroupedKernel::callVector(const ImageArguments &bundle, Value vector,
                               ArrayRef<int64_t> groups) {
  int64_t lanes = k.target.lanes(), perPanel = kern::panelWidth / lanes;
  ImageArguments row = bundle;
  Value lane = k.mul(vector, lanes), panels = k.constant(perPanel);
  Value group = k.div(lane, k.constant(form.outputs));
  Value panel = k.mul(arg.own[TapStep], form.window.tapsY * form.window.tapsX);
  row.own[Groups] = k.sub(bundle.own[Groups], group);
  row.own[Lanes] = k.sub(k.mul(bundle.own[Groups], form.outputs), lane);
  row.x = k.offset(row.x, k.mul(group, arg.own[Inputs]), f32);
  row.w = k.offset(
      row.w, k.add(k.mul(k.div(vector, panels), panel), k.mul(k.rem(vector, panels), lanes)), f32);
  row.y = k.offset(row.y, lane, form.epilogue.stored);
  for (size_t e = 0; e < form.epilogue.operands.size(); ++e)
    row.extras[e] = row.atChannel(k, form.epilogue, e, row.extras[e], lane);
  auto callRow = [&](int64_t rows) {
    forRunsOfRow(k, form.window, arg, {rows, form.largest.columns},
                 [&](const ImageTile &tile, Value begin, Value end) {
                   row.own[Begin] = begin;
                   row.own[End] = end;
                   callTiles(row, tile, groups);
                 });
  };
  int64_t rows = form.largest.rows;
  // The last bundle may lack the groups of this vector.
  k.ifThen(k.less(k.constant(0), row.own[Lanes]), [&] {
    if (form.window.wholeRows)
      return callRow(rows);
    k.ifThen(
        k.lessEqual(k.constant(rows), k.sub(arg.outHeight, row.own[Row])), [&] { callRow(rows); },
        [&] { callRow(1); });
  });
}

void GroupedKernel::callTiles(ImageArguments &row, const ImageTile &tile,
                              ArrayRef<int64_t> groups) {
  SmallVector<Value> values = row.list();
  // The channels of a group matter to the shuffle only.
  std::string lanes;
  for (int64_t group : groups)
    lanes += llvm::formatv("{0},", group).str();
  std::string key = llvm::formatv("{0}|{1}|{2}i{3}w{4}c{5}|{6}", form.window.tileKey(), tile.key(),
                                  lanes, groups.empty() && !form.copies ? 0 : form.inputs,
                                  form.isWhole, form.copies, form.epilogue.key());
  SmallVector<int64_t> lanesOf(groups);
  auto tiles = kernels.get("grouped_tiles", key, ValueRange(values).getTypes(), k.loc,
                           [&](KernelBuilder &inner, ValueRange own) {
                             GroupedKernel(kernels, inner, form, own).emitTiles(tile, lanesOf);
                           });
  func::CallOp::create(k.builder, k.loc, tiles, values);
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

void GroupedKernel::emitTiles(const ImageTile &tile, ArrayRef<int64_t> groups) {
  groupOf.assign(groups.begin(), groups.end());
  zeros = kernels.zeros(k);
  if (form.copies)
    copy = k.scratch(form.window.inputRows(tile.rows) * form.window.inputColumns(tile.columns) *
                     copiedWidth());
  if (tile.guarded)
    scratch = k.scratch();
  if (!form.isWhole)
    outputMask = k.maskBelow(arg.own[Lanes]);
  // Beyond the last group that exists there may be no memory.
  if (!groupOf.empty()) {
    int64_t last = *llvm::max_element(groupOf);
    Value groupsLeft = k.min(k.add(arg.own[Groups], -1), k.constant(last));
    inputMask = k.maskBelow(k.add(k.mul(groupsLeft, form.inputs), 1));
  }
  top = k.sub(k.mul(arg.own[Row], form.window.strideY), arg.padTop);
  for (int64_t r = 0; r < form.window.inputRows(tile.rows); ++r) {
    rowExists.push_back(k.maskOf(k.below(k.add(top, r), arg.height)));
    rowSteps.push_back(k.land(k.mul(arg.xStrides[2], 4), rowExists[r]));
  }
  k.loop(arg.own[Begin], arg.own[End], tile.columns,
         [&](Value column) { emitTileAt(tile, column); });
}

void GroupedKernel::emitTileAt(const ImageTile &tile, Value column) {
  Value left = k.sub(k.mul(column, form.window.strideX), arg.padLeft);
  SmallVector<Value> masks, rows;
  if (tile.guarded)
    masks = inputMasks(k, form.window, tile, left, arg.width);
  for (auto [r, exists] : llvm::enumerate(rowExists)) {
    Value elements =
        k.dot({k.add(top, r), k.add(left, tile.left)}, {arg.xStrides[1], arg.xStrides[2]});
    rows.push_back(k.guarded(k.offset(arg.x, elements, f32), zeros, exists));
  }
  if (form.copies)
    copyInputs(tile, rows, masks);
  SmallVector<Value> sums(tile.rows * tile.columns, k.splat(0.0));
  sums = k.loop(k.constant(0), arg.own[Inputs], 1, sums, [&](Value channel, ValueRange carried) {
    return accumulate(tile, rows, masks, channel, SmallVector<Value>(carried));
  });
  storeTile(tile, column, sums);
}

void GroupedKernel::copyInputs(const ImageTile &tile, ArrayRef<Value> rows, ArrayRef<Value> masks) {
  int64_t lanes = k.target.lanes(), columns = form.window.inputColumns(tile.columns);
  int64_t groups = groupOf.empty() ? 1 : *llvm::max_element(groupOf) + 1;
  Value exist = k.constant(form.inputs);
  if (!groupOf.empty())
    exist = k.mul(k.min(arg.own[Groups], k.constant(groups)), form.inputs);
  for (auto [r, row] : llvm::enumerate(rows)) {
    Value pointer = row;
    for (int64_t q = tile.left; q < columns - tile.right; ++q) {
      Value from = tile.guarded ? k.guarded(pointer, zeros, masks[q]) : pointer;
      Value to = k.offset(copy, (r * columns + q) * copiedWidth(), f32);
      for (int64_t c = 0; c < copiedWidth(); c += lanes) {
        Value mask = k.maskBelow(k.add(exist, -c));
        k.store(k.loadMasked(k.vectorOf(f32), k.offset(from, c, f32), mask), k.offset(to, c, f32));
      }
      pointer = k.offset(pointer, rowSteps[r], k.builder.getI8Type());
    }
  }
}

/// Adds what one input channel of each group gives, row by row of the input. A fence after
/// each of its columns keeps LLVM from working on many at once.
SmallVector<Value> GroupedKernel::accumulate(const ImageTile &tile, ArrayRef<Value> rows,
                                             ArrayRef<Value> masks, Value channel,
                                             SmallVector<Value> sums) {
  const WindowForm &window = form.window;
  Type byte = k.builder.getI8Type();
  SmallVector<Value> weights(window.tapsY * window.tapsX);
  Value taps = k.offset(arg.w, k.mul(channel, kern::panelWidth), f32);
  auto weightOf = [&](int64_t tap) {
    if (!weights[tap])
      weights[tap] = k.load(k.vectorOf(f32), k.offset(taps, k.mul(arg.own[TapStep], tap), f32));
    return weights[tap];
  };
  int64_t columns = window.inputColumns(tile.columns);
  for (auto [r, row] : llvm::enumerate(rows)) {
    Value pointer = k.offset(form.copies ? k.offset(copy, r * columns * copiedWidth(), f32) : row,
                             channel, f32);
    pointer = k.fence({pointer})[0];
    for (int64_t q = tile.left; q < columns - tile.right; ++q) {
      Value input;
      SmallVector<int64_t> touched;
      for (int64_t i = 0; i < tile.rows; ++i)
        for (int64_t j = 0; j < tile.columns; ++j) {
          int64_t y = tapOf(r, i, window.strideY, window.dilationY, window.tapsY);
          int64_t x = tapOf(q, j, window.strideX, window.dilationX, window.tapsX);
          if (y < 0 || x < 0)
            continue;
          if (!input && form.copies)
            input = loadInput(k.offset(pointer, q * copiedWidth(), f32));
          if (!input)
            input = loadInput(tile.guarded ? k.guarded(pointer, zeros, masks[q]) : pointer);
          touched.push_back(i * tile.columns + j);
          Value &sum = sums[touched.back()];
          sum = k.fma(input, weightOf(y * window.tapsX + x), sum);
        }
      SmallVector<Value> kept{form.copies ? pointer : k.offset(pointer, rowSteps[r], byte)};
      for (int64_t sum : touched)
        kept.push_back(sums[sum]);
      kept = k.fence(kept);
      pointer = kept[0];
      for (auto [index, sum] : llvm::enumerate(touched))
        sums[sum] = kept[index + 1];
    }
  }
  return sums;
}

/// The input of each lane's group; `pointer` is at that of lane 0.
Value GroupedKernel::loadInput(Value pointer) {
  if (groupOf.empty())
    return k.splat(k.load(f32, pointer));
  int64_t lanes = k.target.lanes(), last = *llvm::max_element(groupOf);
  // Below AVX a masked load is a branch for each lane.
  if (last * form.inputs < lanes && k.target.vectorBits >= 256) {
    Value vector = k.loadMasked(k.vectorOf(f32), pointer, inputMask);
    SmallVector<int64_t> order;
    for (int64_t group : groupOf)
      order.push_back(group * form.inputs);
    return vector::ShuffleOp::create(k.builder, k.loc, vector, vector, order);
  }
  Value result = k.splat(k.load(f32, pointer));
  for (int64_t group = 1; group <= last; ++group) {
    Value place = k.mul(k.min(k.constant(group), k.add(arg.own[Groups], -1)), form.inputs);
    SmallVector<bool> isOf;
    for (int64_t other : groupOf)
      isOf.push_back(other == group);
    auto type = VectorType::get(lanes, k.builder.getI1Type());
    Value mask =
        arith::ConstantOp::create(k.builder, k.loc, DenseElementsAttr::get(type, ArrayRef(isOf)));
    result = k.select(mask, k.splat(k.load(f32, k.offset(pointer, place, f32))), result);
  }
  return result;
}

/// Columns that do not exist are stored to the scratch, as in the depthwise kernel.
void GroupedKernel::storeTile(const ImageTile &tile, Value column, ArrayRef<Value> sums) {
  const EpilogueForm &epilogue = form.epilogue;
  SmallVector<Value> masks, shared(epilogue.operands.size());
  if (tile.guarded)
    masks = outputMasks(k, tile, column, arg.outWidth);
  for (auto [e, operand] : llvm::enumerate(epilogue.operands))
    if (!operand.variesByRow)
      shared[e] = loadOperand(k, operand, arg.extras[e], arg.extraChannel[e], outputMask);
  for (int64_t i = 0; i < tile.rows; ++i)
    for (int64_t j = 0; j < tile.columns; ++j) {
      SmallVector<Value> at{k.add(arg.own[Row], i), k.add(column, j)};
      SmallVector<Value> values{sums[i * tile.columns + j]};
      for (auto [e, operand] : llvm::enumerate(epilogue.operands)) {
        if (shared[e]) {
          values.push_back(shared[e]);
          continue;
        }
        Value stride = arg.extraChannel[e];
        Value pointer =
            k.offset(arg.extras[e], k.dot(at, {arg.extraStrides[e][1], arg.extraStrides[e][2]}),
                     operand.element);
        if (tile.guarded) {
          pointer = k.guarded(pointer, zeros, masks[j]);
          stride = k.land(stride, masks[j]);
        }
        values.push_back(loadOperand(k, operand, pointer, stride, outputMask));
      }
      Value result = epilogue.emit(k, values);
      Value out = k.offset(arg.y, k.dot(at, {arg.yStrides[1], arg.yStrides[2]}), epilogue.stored);
      if (tile.guarded)
        out = k.guarded(out, scratch, masks[j]);
      if (outputMask)
        k.storeMasked(result, out, outputMask);
      else
        k.store(result, out);
    }
}

//===----------------------------------------------------------------------===//
// The call
//===----------------------------------------------------------------------===//

/// Full tiles have two rows where the sums and the weights of two window rows fit.
kern::ChoiceAttr secateur::codegen::usualGrouped(kern::ConvOp op, const TargetFacts &target) {
  auto filter = cast<ShapedType>(op.getFilter().getType());
  int64_t tapsY = filter.getDimSize(2), tapsX = filter.getDimSize(3), inputs = filter.getDimSize(4);
  bool fits = target.vectorRegisters >= 32 && tapsX <= 5;
  return kern::ChoiceAttr::get(
      op.getContext(), kern::KernelKind::Grouped, {fits && tapsY > 1 ? 2 : 1, 7}, /*task=*/0,
      target.vectorBits >= 256 && inputs >= fewestCopied && inputs <= mostCopied,
      filter.getNumElements() * 4 <= cachedWeights);
}

bool secateur::codegen::hasGroupedKernel(kern::ConvOp op) {
  auto filter = cast<ShapedType>(op.getFilter().getType());
  return op.getGroups() > 1 && filter.getDimSize(2) * filter.getDimSize(3) <= mostTaps;
}

bool secateur::codegen::isUsuallyGrouped(kern::ConvOp op) {
  auto filter = cast<ShapedType>(op.getFilter().getType());
  int64_t outputs = cast<ShapedType>(op.getInit().getType()).getDimSize(3) / op.getGroups();
  return hasGroupedKernel(op) &&
         (op.getBundle() > 1 ||
          (filter.getDimSize(2) * filter.getDimSize(3) > 1 && outputs < mostOutputs));
}

LogicalResult secateur::codegen::lowerGroupedConv(KernelModule &kernels, kern::ConvOp op) {
  auto interface = cast<kern::EpilogueOpInterface>(op.getOperation());
  auto filter = cast<MemRefType>(op.getFilter().getType());
  auto output = cast<MemRefType>(op.getInit().getType());
  auto isF32 = [](Value value) {
    return cast<MemRefType>(value.getType()).getElementType().isF32();
  };
  int64_t tapsY = filter.getDimSize(2), tapsX = filter.getDimSize(3), groups = op.getGroups();
  int64_t inputs = filter.getDimSize(4), outputs = output.getDimSize(3) / groups;
  if (!isF32(op.getInput()) || !isF32(op.getFilter()) || !interface.getAccumulatorType().isF32() ||
      !filter.getLayout().isIdentity() || !hasUnitInnerStride(op.getInput()) ||
      !hasUnitInnerStride(op.getInit()))
    return failure();
  kern::ChoiceAttr choice = op.getChoiceAttr();
  if (choice ? choice.getKernel() != kern::KernelKind::Grouped : !isUsuallyGrouped(op))
    return failure();
  if (!choice)
    choice = usualGrouped(op, kernels.target);
  FailureOr<EpilogueForm> epilogue = analyzeEpilogue(interface, /*columnDim=*/3);
  if (failed(epilogue))
    return failure();
  int64_t bundle = op.getBundle(), lanes = kernels.target.lanes();
  GroupedForm form{WindowForm::of(op, tapsY, tapsX),
                   bundle,
                   inputs,
                   outputs,
                   groups % bundle == 0 && bundle * outputs % lanes == 0,
                   choice.getCopied(),
                   choice.getByRow(),
                   {choice.getTile()[0], choice.getTile()[1]},
                   *epilogue};
  int64_t rows = form.largest.rows;
  int64_t outHeight = output.getDimSize(1);
  form.window.wholeRows = rows == 1 || (!ShapedType::isDynamic(outHeight) && outHeight % rows == 0);
  kernels.needZeros((bundle + 1) * inputs + lanes);
  OpBuilder builder(op);
  KernelBuilder k(builder, op.getLoc(), kernels.target);
  SmallVector<Value> sizes = sizesOf(k, op.getInit());
  Value count = k.mul(k.mul(sizes[0], filter.getDimSize(0)), k.ceilDiv(sizes[1], k.constant(rows)));
  Value work = k.mul(sizes[2], tapsY * tapsX * rows * inputs * bundle * outputs);
  parallelOver(k, count, work, [&](Value begin, Value end) {
    ImageArguments arg(form.epilogue, GroupedKernel::OwnCount);
    arg.fill(k, form.epilogue, op.getInput(), op.getFilter(), op.getInit(), op.getPads());
    Value zero = k.constant(0);
    arg.own = {k.constant(inputs),
               k.constant(inputs * kern::panelWidth),
               k.constant(groups),
               zero,
               zero,
               begin,
               end};
    SmallVector<Value> values = arg.list();
    std::string key = llvm::formatv("{0}|{1}|{2}b{3}i{4}o{5}w{6}{7}{8}|{9}", form.window.tileKey(),
                                    form.largest.key(), form.window.rowKey(), bundle,
                                    bundle == 1 && !form.copies ? 0 : inputs, outputs, form.isWhole,
                                    form.copies, form.isByRow, form.epilogue.key());
    auto kernel = kernels.get("grouped", key, ValueRange(values).getTypes(), k.loc,
                              [&](KernelBuilder &inner, ValueRange own) {
                                GroupedKernel(kernels, inner, form, own).emit();
                              });
    func::CallOp::create(k.builder, k.loc, kernel, values);
  });
  return success();
}
