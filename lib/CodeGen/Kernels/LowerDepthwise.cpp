//===- LowerDepthwise.cpp - The kernel of depthwise convolutions ------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A tile is a few output pixels of one vector of channels. Each input vector is loaded
// once and goes to all the pixels that it touches. Taps, strides and dilations are in
// the kernel's form.
//
// A tile's code knows which of its input columns lie outside the image and leaves them
// out; where widths are constant, each row is a few runs of tiles of the same code.
// Where they are not, tiles at the sides go by masks. Input rows outside the image are
// read from a buffer of zeros.
//===----------------------------------------------------------------------===//

#include "ImageArguments.h"
#include "Lowerings.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

namespace {

/// The code of a tile.
struct DepthwiseTile {
  /// Output pixels.
  int64_t rows, columns;
  /// Input columns at its left and right that are outside the image.
  int64_t left = 0, right = 0;
  /// Columns may be outside, input and output ones: masks say which.
  bool guarded = false;

  bool operator==(const DepthwiseTile &other) const {
    return rows == other.rows && columns == other.columns && left == other.left &&
           right == other.right && guarded == other.guarded;
  }
  std::string key() const {
    return llvm::formatv("{0}x{1}l{2}r{3}{4}", rows, columns, left, right, guarded ? "g" : "");
  }
};

/// Tiles of the same code from output column `begin` to `end`.
struct DepthwiseRun {
  DepthwiseTile tile;
  int64_t begin, end;
};

struct DepthwiseForm {
  int64_t tapsY, tapsX, strideY, strideX, dilationY, dilationX;
  /// Channels in the last vector; 0 where it is full.
  int64_t channelsLeft;
  /// Input columns, leading pad and output columns, where they are constant.
  int64_t width, padLeft, outWidth;
  /// Whether the output's height is known to be a multiple of the rows of a tile.
  bool wholeRows;
  EpilogueForm epilogue;

  /// What the code of a tile depends on.
  std::string tileKey() const {
    return llvm::formatv("{0}x{1}s{2}x{3}d{4}x{5}c{6}|{7}", tapsY, tapsX, strideY, strideX,
                         dilationY, dilationX, channelsLeft, epilogue.key());
  }
  std::string key() const {
    return llvm::formatv("{0}|{1},{2},{3},{4}", tileKey(), width, padLeft, outWidth, wholeRows);
  }
  bool hasConstantWidth() const {
    return !ShapedType::isDynamic(width) && !ShapedType::isDynamic(outWidth);
  }
  int64_t inputRows(int64_t rows) const {
    return (rows - 1) * strideY + (tapsY - 1) * dilationY + 1;
  }
  int64_t inputColumns(int64_t columns) const {
    return (columns - 1) * strideX + (tapsX - 1) * dilationX + 1;
  }
};

/// The kernel's own arguments: channels; the range of tasks, and for the code of a tile
/// the output row and from which output column to which.
enum Own : size_t { Channels, Row, Begin, End, OwnCount };

/// Output pixels of a full tile. Weights stay in registers beside the sums of the
/// output columns that are not complete yet: two rows of them where that fits.
DepthwiseTile largestTile(const DepthwiseForm &form) {
  return {form.tapsY > 1 && form.tapsY * form.tapsX <= 9 ? 2 : 1, 7};
}

/// A row of tiles of equal code, where widths are constant.
SmallVector<DepthwiseRun> planRow(const DepthwiseForm &form, const DepthwiseTile &largest) {
  SmallVector<DepthwiseRun> runs;
  for (int64_t column = 0; column < form.outWidth; column += largest.columns) {
    DepthwiseTile tile{largest.rows, std::min(largest.columns, form.outWidth - column)};
    int64_t first = column * form.strideX - form.padLeft, span = form.inputColumns(tile.columns);
    tile.left = std::clamp<int64_t>(-first, 0, span);
    tile.right = std::clamp<int64_t>(first + span - form.width, 0, span - tile.left);
    if (runs.empty() || !(runs.back().tile == tile))
      runs.push_back({tile, column, column});
    runs.back().end = column + tile.columns;
  }
  return runs;
}

class DepthwiseKernel {
public:
  DepthwiseKernel(KernelModule &kernels, KernelBuilder &k, const DepthwiseForm &form,
                  ValueRange values)
      : kernels(kernels), k(k), form(form), arg(form.epilogue, OwnCount, values), f32(k.f32()),
        largest(largestTile(form)) {}

  /// The kernel: shares out tasks, each some output rows of an image.
  void emit() {
    k.loop(arg.own[Begin], arg.own[End], 1, [&](Value task) { emitTask(task); });
  }
  /// What it calls: tiles of one row, all channels of each. A function of its own,
  /// which layers of other widths share.
  void emitTiles(const DepthwiseTile &tile);

private:
  /// Where the rows of a tile start, and which of its columns exist where it is guarded.
  struct Place {
    SmallVector<Value> rows, outRows;
    SmallVector<SmallVector<Value>> extraRows;
    SmallVector<Value> inputMasks, outputMasks;
  };

  void emitTask(Value task);
  void callRow(ImageArguments &row, int64_t rows);
  void callTiles(ImageArguments &row, const DepthwiseTile &tile, Value begin, Value end);
  void emitTileAt(const DepthwiseTile &tile, Value column);
  void emitChannels(const DepthwiseTile &tile, Place place, ChannelVector &vector, Value channel);
  void storeColumn(const DepthwiseTile &tile, Place &place, ChannelVector &vector, Value channel,
                   ArrayRef<Value> shared, int64_t column, ArrayRef<Value> sums);

  KernelModule &kernels;
  KernelBuilder &k;
  const DepthwiseForm &form;
  ImageArguments arg;
  Type f32;
  DepthwiseTile largest;
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
  if (form.wholeRows)
    return callRow(row, largest.rows);
  Value left = k.sub(arg.outHeight, row.own[Row]);
  k.ifThen(
      k.lessEqual(k.constant(largest.rows), left), [&] { callRow(row, largest.rows); },
      [&] { callRow(row, 1); });
}

void DepthwiseKernel::callRow(ImageArguments &row, int64_t rows) {
  DepthwiseTile tile{rows, largest.columns};
  if (form.hasConstantWidth()) {
    for (const DepthwiseRun &run : planRow(form, tile))
      callTiles(row, run.tile, k.constant(run.begin), k.constant(run.end));
    return;
  }
  DepthwiseTile guarded = tile;
  guarded.guarded = true;
  // Tiles from the first to the last that need no masks.
  Value columns = k.constant(tile.columns), zero = k.constant(0), stride = k.constant(form.strideX);
  Value begin = k.mul(k.ceilDiv(k.ceilDiv(arg.padLeft, stride), columns), tile.columns);
  begin = k.min(begin, arg.outWidth);
  Value reach = k.max(k.sub(k.add(arg.width, arg.padLeft), k.constant(form.inputColumns(1))),
                      k.constant(-form.strideX));
  Value whole = k.min(k.add(k.div(k.add(reach, form.strideX), stride), zero), arg.outWidth);
  Value end = k.mul(k.div(whole, columns), tile.columns);
  end = k.max(end, begin);
  callTiles(row, guarded, zero, begin);
  callTiles(row, tile, begin, end);
  callTiles(row, guarded, end, arg.outWidth);
}

void DepthwiseKernel::callTiles(ImageArguments &row, const DepthwiseTile &tile, Value begin,
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

void DepthwiseKernel::emitTiles(const DepthwiseTile &tile) {
  zeros = kernels.zeros(k);
  if (tile.guarded)
    scratch = k.scratch();
  top = k.sub(k.mul(arg.own[Row], form.strideY), arg.padTop);
  for (int64_t r = 0; r < form.inputRows(tile.rows); ++r) {
    rowExists.push_back(k.maskOf(k.below(k.add(top, r), arg.height)));
    rowSteps.push_back(k.land(k.mul(arg.xStrides[2], 4), rowExists[r]));
  }
  k.loop(arg.own[Begin], arg.own[End], tile.columns,
         [&](Value column) { emitTileAt(tile, column); });
}

void DepthwiseKernel::emitTileAt(const DepthwiseTile &tile, Value column) {
  Value left = k.sub(k.mul(column, form.strideX), arg.padLeft);
  Place place;
  if (tile.guarded) {
    for (int64_t q = 0; q < form.inputColumns(tile.columns); ++q)
      place.inputMasks.push_back(k.maskOf(k.below(k.add(left, q), arg.width)));
    for (int64_t j = 0; j < tile.columns; ++j)
      place.outputMasks.push_back(k.maskOf(k.less(k.add(column, j), arg.outWidth)));
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

/// The tap that leads from output `out` to input `in`, or -1.
static int64_t tapOf(int64_t in, int64_t out, int64_t stride, int64_t dilation, int64_t taps) {
  int64_t distance = in - out * stride;
  bool isTap = distance >= 0 && distance % dilation == 0 && distance / dilation < taps;
  return isTap ? distance / dilation : -1;
}

/// Goes along the input columns. A fence after each keeps LLVM from working on the
/// columns at once, for which registers do not suffice; an output column is stored as
/// soon as it is complete.
void DepthwiseKernel::emitChannels(const DepthwiseTile &tile, Place place, ChannelVector &vector,
                                   Value channel) {
  Type byte = k.builder.getI8Type();
  SmallVector<Value> weights;
  for (int64_t tap = 0; tap < form.tapsY * form.tapsX; ++tap)
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
  int64_t span = form.inputColumns(1), columns = form.inputColumns(tile.columns);
  SmallVector<Value> sums(tile.rows * tile.columns);
  int64_t stored = 0;
  for (int64_t q = 0; q < columns; ++q) {
    bool isInside = q >= tile.left && q < columns - tile.right;
    for (auto [r, pointer] : llvm::enumerate(pointers)) {
      Value input;
      for (int64_t i = 0; i < tile.rows; ++i)
        for (int64_t j = 0; j < tile.columns && isInside; ++j) {
          int64_t y = tapOf(r, i, form.strideY, form.dilationY, form.tapsY);
          int64_t x = tapOf(q, j, form.strideX, form.dilationX, form.tapsX);
          if (y < 0 || x < 0)
            continue;
          if (!input)
            input = vector.load(tile.guarded ? k.guarded(pointer, nothing, place.inputMasks[q])
                                             : pointer);
          Value &sum = sums[i * tile.columns + j], weight = weights[y * form.tapsX + x];
          sum = sum ? vector.k.fma(input, weight, sum) : vector.k.mulf(input, weight);
        }
      if (isInside)
        pointer = k.offset(pointer, rowSteps[r], byte);
    }
    for (; stored < tile.columns && stored * form.strideX + span - 1 <= q; ++stored)
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
void DepthwiseKernel::storeColumn(const DepthwiseTile &tile, Place &place, ChannelVector &vector,
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
  auto input = cast<MemRefType>(op.getInput().getType()),
       output = cast<MemRefType>(op.getInit().getType());
  int64_t channels = filter.getDimSize(2), outHeight = output.getDimSize(1);
  DepthwiseForm form{filter.getDimSize(0),
                     filter.getDimSize(1),
                     op.getStrides()[0],
                     op.getStrides()[1],
                     op.getDilations()[0],
                     op.getDilations()[1],
                     channels % kernels.target.lanes(),
                     input.getDimSize(2),
                     op.getPads()[1],
                     output.getDimSize(2),
                     /*wholeRows=*/false,
                     *epilogue};
  int64_t rows = largestTile(form).rows;
  form.wholeRows = rows == 1 || (!ShapedType::isDynamic(outHeight) && outHeight % rows == 0);
  kernels.needZeros(llvm::alignTo(channels, kern::panelWidth));
  OpBuilder builder(op);
  KernelBuilder k(builder, op.getLoc(), kernels.target);
  SmallVector<Value> sizes = sizesOf(k, op.getInit());
  Value count = k.mul(sizes[0], k.ceilDiv(sizes[1], k.constant(rows)));
  Value work = k.mul(k.mul(sizes[2], sizes[3]), form.tapsY * form.tapsX * rows);
  parallelOver(k, count, work, [&](Value begin, Value end) {
    ImageArguments arg(form.epilogue, OwnCount);
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
