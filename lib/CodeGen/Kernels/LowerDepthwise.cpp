//===- LowerDepthwise.cpp - The kernel of depthwise convolutions ------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A tile is a few output pixels of one vector of channels. Each input vector is loaded
// once and goes to all the pixels that it touches. Taps, strides and dilations are in
// the kernel's form. Input rows outside the image are read from a buffer of zeros.
//===----------------------------------------------------------------------===//

#include "Choices.h"
#include "ImageTiles.h"
#include "Lowerings.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

namespace {

struct DepthwiseForm {
  WindowForm window;
  /// Channels in the last vector; 0 where it is full.
  int64_t channelsLeft;
  /// Output pixels of a full tile.
  ImageTile largest;
  EpilogueForm epilogue;

  /// What the code of a tile depends on.
  std::string tileKey() const {
    return llvm::formatv("{0}c{1}|{2}", window.tileKey(), channelsLeft, epilogue.key());
  }
  std::string key() const { return tileKey() + "|" + largest.key() + "|" + window.rowKey(); }
};

class DepthwiseKernel {
public:
  /// The kernel's own arguments: channels; the range of tasks, and for the code of a tile
  /// the output row and from which output column to which.
  enum Own : size_t { Channels, Row, Begin, End, OwnCount };

  DepthwiseKernel(KernelModule &kernels, KernelBuilder &k, const DepthwiseForm &form,
                  ValueRange values)
      : kernels(kernels), k(k), form(form), arg(form.epilogue, OwnCount, values), f32(k.f32()),
        largest(form.largest) {}

  /// The kernel: shares out tasks, each some output rows of an image.
  void emit() {
    k.loop(arg.own[Begin], arg.own[End], 1, [&](Value task) { emitTask(task); });
  }
  /// What it calls: tiles of one row, all channels of each. A function of its own,
  /// which layers of other widths share.
  void emitTiles(const ImageTile &tile);

private:
  /// Where the rows of a tile start, and which of its columns exist where it is guarded.
  struct Place {
    SmallVector<Value> rows, outRows;
    SmallVector<SmallVector<Value>> extraRows;
    SmallVector<Value> inputMasks, outputMasks;
  };

  void emitTask(Value task);
  void callRow(ImageArguments &row, int64_t rows);
  void callTiles(ImageArguments &row, const ImageTile &tile, Value begin, Value end);
  void emitTileAt(const ImageTile &tile, Value column);
  void emitChannels(const ImageTile &tile, Place place, ChannelVector &vector, Value channel);
  void storeColumn(const ImageTile &tile, Place &place, ChannelVector &vector, Value channel,
                   ArrayRef<Value> shared, int64_t column, ArrayRef<Value> sums);

  KernelModule &kernels;
  KernelBuilder &k;
  const DepthwiseForm &form;
  ImageArguments arg;
  Type f32;
  ImageTile largest;
  // Of the tile's code.
  Value zeros, scratch, top;
  /// From column to column in each input row: 0 where the row is outside.
  SmallVector<Value> rowExists, rowSteps;
};

} // namespace

//===----------------------------------------------------------------------===//
// Tasks
//===----------------------------------------------------------------------===//

void DepthwiseKernel::emitTask(Value task) {
  Value groups = k.ceilDiv(arg.outHeight, k.constant(largest.rows));
  SmallVector<Value> at = k.decompose(task, {groups, groups});
  ImageArguments row = arg;
  row.moveToImage(k, form.epilogue, at[0]);
  row.own[Row] = k.mul(at[1], largest.rows);
  if (form.window.wholeRows)
    return callRow(row, largest.rows);
  Value left = k.sub(arg.outHeight, row.own[Row]);
  k.ifThen(
      k.lessEqual(k.constant(largest.rows), left), [&] { callRow(row, largest.rows); },
      [&] { callRow(row, 1); });
}

void DepthwiseKernel::callRow(ImageArguments &row, int64_t rows) {
  forRunsOfRow(
      k, form.window, arg, {rows, largest.columns},
      [&](const ImageTile &tile, Value begin, Value end) { callTiles(row, tile, begin, end); });
}

void DepthwiseKernel::callTiles(ImageArguments &row, const ImageTile &tile, Value begin,
                                Value end) {
  row.own[Begin] = begin;
  row.own[End] = end;
  SmallVector<Value> values = row.list();
  std::string key = form.tileKey() + "|" + tile.key();
  auto tiles = kernels.get("depthwise_tiles", key, ValueRange(values).getTypes(), k.loc,
                           [&](KernelBuilder &inner, ValueRange own) {
                             DepthwiseKernel(kernels, inner, form, own).emitTiles(tile);
                           });
  func::CallOp::create(k.builder, k.loc, tiles, values);
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

void DepthwiseKernel::emitTiles(const ImageTile &tile) {
  zeros = kernels.zeros(k);
  if (tile.guarded)
    scratch = k.scratch();
  top = k.sub(k.mul(arg.own[Row], form.window.strideY), arg.padTop);
  for (int64_t r = 0; r < form.window.inputRows(tile.rows); ++r) {
    rowExists.push_back(k.maskOf(k.below(k.add(top, r), arg.height)));
    rowSteps.push_back(k.land(k.mul(arg.xStrides[2], 4), rowExists[r]));
  }
  k.loop(arg.own[Begin], arg.own[End], tile.columns,
         [&](Value column) { emitTileAt(tile, column); });
}

void DepthwiseKernel::emitTileAt(const ImageTile &tile, Value column) {
  Value left = k.sub(k.mul(column, form.window.strideX), arg.padLeft);
  Place place;
  if (tile.guarded) {
    place.inputMasks = inputMasks(k, form.window, tile, left, arg.width);
    place.outputMasks = outputMasks(k, tile, column, arg.outWidth);
  }
  for (auto [r, exists] : llvm::enumerate(rowExists)) {
    Value elements =
        k.dot({k.add(top, r), k.add(left, tile.left)}, {arg.xStrides[1], arg.xStrides[2]});
    place.rows.push_back(k.guarded(k.offset(arg.x, elements, f32), zeros, exists));
  }
  place.extraRows.resize(form.epilogue.operands.size());
  for (int64_t i = 0; i < tile.rows; ++i) {
    SmallVector<Value> at{k.add(arg.own[Row], i), column};
    place.outRows.push_back(
        k.offset(arg.y, k.dot(at, {arg.yStrides[1], arg.yStrides[2]}), form.epilogue.stored));
    for (auto [e, operand] : llvm::enumerate(form.epilogue.operands)) {
      Value elements = k.dot(at, {arg.extraStrides[e][1], arg.extraStrides[e][2]});
      place.extraRows[e].push_back(k.offset(arg.extras[e], elements, operand.element));
    }
  }
  Value whole = k.sub(arg.own[Channels], k.constant(form.channelsLeft));
  k.loop(k.constant(0), whole, k.target.lanes(), [&](Value channel) {
    ChannelVector vector(k);
    emitChannels(tile, place, vector, channel);
  });
  if (form.channelsLeft) {
    ChannelVector vector(k, form.channelsLeft);
    emitChannels(tile, place, vector, whole);
  }
}

/// Goes along the input columns. A fence after each keeps LLVM from working on the
/// columns at once, for which registers do not suffice; an output column is stored as
/// soon as it is complete.
void DepthwiseKernel::emitChannels(const ImageTile &tile, Place place, ChannelVector &vector,
                                   Value channel) {
  Type byte = k.builder.getI8Type();
  SmallVector<Value> weights;
  for (int64_t tap = 0; tap < form.window.tapsY * form.window.tapsX; ++tap)
    weights.push_back(
        vector.load(k.offset(arg.w, k.add(k.mul(arg.own[Channels], tap), channel), f32)));
  SmallVector<Value> shared(form.epilogue.operands.size());
  for (auto [e, operand] : llvm::enumerate(form.epilogue.operands))
    if (!operand.variesByRow)
      shared[e] =
          loadOperand(vector.k, operand, arg.atChannel(k, form.epilogue, e, arg.extras[e], channel),
                      arg.extraChannel[e], vector.mask);
  SmallVector<Value> pointers;
  for (Value row : place.rows)
    pointers.push_back(k.offset(row, channel, f32));
  for (Value &row : place.outRows)
    row = k.offset(row, channel, form.epilogue.stored);
  pointers = k.fence(pointers);
  place.outRows = k.fence(place.outRows);
  Value nothing = tile.guarded ? k.offset(zeros, channel, f32) : Value();
  int64_t span = form.window.inputColumns(1), columns = form.window.inputColumns(tile.columns);
  SmallVector<Value> sums(tile.rows * tile.columns);
  int64_t stored = 0;
  for (int64_t q = 0; q < columns; ++q) {
    bool isInside = q >= tile.left && q < columns - tile.right;
    for (auto [r, pointer] : llvm::enumerate(pointers)) {
      Value input;
      for (int64_t i = 0; i < tile.rows; ++i)
        for (int64_t j = 0; j < tile.columns && isInside; ++j) {
          int64_t y = tapOf(r, i, form.window.strideY, form.window.dilationY, form.window.tapsY);
          int64_t x = tapOf(q, j, form.window.strideX, form.window.dilationX, form.window.tapsX);
          if (y < 0 || x < 0)
            continue;
          if (!input)
            input = vector.load(tile.guarded ? k.guarded(pointer, nothing, place.inputMasks[q])
                                             : pointer);
          Value &sum = sums[i * tile.columns + j], weight = weights[y * form.window.tapsX + x];
          sum = sum ? vector.k.fma(input, weight, sum) : vector.k.mulf(input, weight);
        }
      if (isInside)
        pointer = k.offset(pointer, rowSteps[r], byte);
    }
    for (; stored < tile.columns && stored * form.window.strideX + span - 1 <= q; ++stored)
      storeColumn(tile, place, vector, channel, shared, stored, sums);
    SmallVector<Value *> kept;
    for (Value &pointer : pointers)
      kept.push_back(&pointer);
    for (int64_t i = 0; i < tile.rows; ++i)
      for (int64_t j = stored; j < tile.columns; ++j)
        if (Value &sum = sums[i * tile.columns + j])
          kept.push_back(&sum);
    SmallVector<Value> fenced =
        k.fence(llvm::map_to_vector(kept, [](Value *value) { return *value; }));
    for (auto [value, fence] : llvm::zip(kept, fenced))
      *value = fence;
  }
}

/// Columns that do not exist are stored to the scratch: no branches, behind which LLVM
/// would sink the sums.
void DepthwiseKernel::storeColumn(const ImageTile &tile, Place &place, ChannelVector &vector,
                                  Value channel, ArrayRef<Value> shared, int64_t column,
                                  ArrayRef<Value> sums) {
  for (int64_t i = 0; i < tile.rows; ++i) {
    Value sum = sums[i * tile.columns + column];
    SmallVector<Value> values{sum ? sum : vector.k.splat(0.0)};
    for (auto [e, operand] : llvm::enumerate(form.epilogue.operands)) {
      if (!operand.variesByRow) {
        values.push_back(shared[e]);
        continue;
      }
      Value elements = k.mul(arg.extraStrides[e][2], column), stride = arg.extraChannel[e];
      Value pointer = k.offset(arg.atChannel(k, form.epilogue, e, place.extraRows[e][i], channel),
                               elements, operand.element);
      if (tile.guarded) {
        pointer = k.guarded(pointer, zeros, place.outputMasks[column]);
        stride = k.land(stride, place.outputMasks[column]);
      }
      values.push_back(loadOperand(vector.k, operand, pointer, stride, vector.mask));
    }
    Value result = form.epilogue.emit(vector.k, values), &out = place.outRows[i];
    vector.store(result, tile.guarded ? k.guarded(out, scratch, place.outputMasks[column]) : out);
    out = k.opaque(k.offset(out, arg.yStrides[2], form.epilogue.stored));
  }
}

//===----------------------------------------------------------------------===//
// The call
//===----------------------------------------------------------------------===//

/// Weights stay in registers beside the sums of the output columns that are not complete
/// yet: two rows of them where that fits.
kern::ChoiceAttr secateur::codegen::usualDepthwise(kern::DepthwiseConvOp op) {
  auto filter = cast<ShapedType>(op.getFilter().getType());
  int64_t tapsY = filter.getDimSize(0), tapsX = filter.getDimSize(1);
  return kern::ChoiceAttr::get(op.getContext(), kern::KernelKind::Depthwise,
                               {tapsY > 1 && tapsY * tapsX <= 9 ? 2 : 1, 7});
}

LogicalResult secateur::codegen::lowerDepthwiseConv(KernelModule &kernels,
                                                    kern::DepthwiseConvOp op) {
  auto interface = cast<kern::EpilogueOpInterface>(op.getOperation());
  auto filter = cast<MemRefType>(op.getFilter().getType());
  auto isF32 = [](Value value) {
    return cast<MemRefType>(value.getType()).getElementType().isF32();
  };
  // Beyond some hundred taps the unrolled code is larger than it is fast.
  if (!isF32(op.getInput()) || !isF32(op.getFilter()) || !interface.getAccumulatorType().isF32() ||
      !filter.getLayout().isIdentity() || !hasUnitInnerStride(op.getInput()) ||
      !hasUnitInnerStride(op.getInit()) || filter.getDimSize(0) * filter.getDimSize(1) > 121)
    return failure();
  FailureOr<EpilogueForm> epilogue = analyzeEpilogue(interface, /*columnDim=*/3);
  if (failed(epilogue))
    return failure();
  int64_t channels = filter.getDimSize(2);
  int64_t outHeight = cast<MemRefType>(op.getInit().getType()).getDimSize(1);
  kern::ChoiceAttr choice = op.getChoiceAttr() ? op.getChoiceAttr() : usualDepthwise(op);
  int64_t rows = choice.getTile()[0];
  DepthwiseForm form{WindowForm::of(op, filter.getDimSize(0), filter.getDimSize(1)),
                     channels % kernels.target.lanes(),
                     {rows, choice.getTile()[1]},
                     *epilogue};
  form.window.wholeRows = rows == 1 || (!ShapedType::isDynamic(outHeight) && outHeight % rows == 0);
  kernels.needZeros(llvm::alignTo(channels, kern::panelWidth));
  OpBuilder builder(op);
  KernelBuilder k(builder, op.getLoc(), kernels.target);
  SmallVector<Value> sizes = sizesOf(k, op.getInit());
  Value count = k.mul(sizes[0], k.ceilDiv(sizes[1], k.constant(rows)));
  Value work = k.mul(k.mul(sizes[2], sizes[3]), form.window.tapsY * form.window.tapsX * rows);
  parallelOver(k, count, work, [&](Value begin, Value end) {
    ImageArguments arg(form.epilogue, DepthwiseKernel::OwnCount);
    arg.fill(k, form.epilogue, op.getInput(), op.getFilter(), op.getInit(), op.getPads());
    arg.own = {k.constant(channels), k.constant(0), begin, end};
    SmallVector<Value> values = arg.list();
    auto kernel = kernels.get("depthwise", form.key(), ValueRange(values).getTypes(), k.loc,
                              [&](KernelBuilder &inner, ValueRange own) {
                                DepthwiseKernel(kernels, inner, form, own).emit();
                              });
    func::CallOp::create(k.builder, k.loc, kernel, values);
  });
  return success();
}
