//===- ImageTiles.cpp - Tiles of kernels that slide a window ----------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "ImageTiles.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

std::string ImageTile::key() const {
  return llvm::formatv("{0}x{1}l{2}r{3}{4}", rows, columns, left, right, guarded ? "g" : "");
}

std::string WindowForm::tileKey() const {
  return llvm::formatv("{0}x{1}s{2}x{3}d{4}x{5}", tapsY, tapsX, strideY, strideX, dilationY,
                       dilationX);
}

std::string WindowForm::rowKey() const {
  return llvm::formatv("{0},{1},{2},{3}", width, padLeft, outWidth, wholeRows);
}

int64_t secateur::codegen::tapOf(int64_t in, int64_t out, int64_t stride, int64_t dilation,
                                 int64_t taps) {
  int64_t distance = in - out * stride;
  bool isTap = distance >= 0 && distance % dilation == 0 && distance / dilation < taps;
  return isTap ? distance / dilation : -1;
}

/// A row of tiles of equal code, where widths are constant.
static SmallVector<TileRun> planRow(const WindowForm &window, const ImageTile &largest) {
  SmallVector<TileRun> runs;
  for (int64_t column = 0; column < window.outWidth; column += largest.columns) {
    ImageTile tile{largest.rows, std::min(largest.columns, window.outWidth - column)};
    int64_t first = column * window.strideX - window.padLeft,
            span = window.inputColumns(tile.columns);
    tile.left = std::clamp<int64_t>(-first, 0, span);
    tile.right = std::clamp<int64_t>(first + span - window.width, 0, span - tile.left);
    if (runs.empty() || !(runs.back().tile == tile))
      runs.push_back({tile, column, column});
    runs.back().end = column + tile.columns;
  }
  return runs;
}

void secateur::codegen::forRunsOfRow(KernelBuilder &k, const WindowForm &window,
                                     const ImageArguments &arguments, const ImageTile &largest,
                                     function_ref<void(const ImageTile &, Value, Value)> tiles) {
  if (!ShapedType::isDynamic(window.width) && !ShapedType::isDynamic(window.outWidth)) {
    for (const TileRun &run : planRow(window, largest))
      tiles(run.tile, k.constant(run.begin), k.constant(run.end));
    return;
  }
  ImageTile guarded = largest;
  guarded.guarded = true;
  // Tiles from the first to the last that need no masks.
  Value columns = k.constant(largest.columns), zero = k.constant(0),
        stride = k.constant(window.strideX);
  Value begin = k.mul(k.ceilDiv(k.ceilDiv(arguments.padLeft, stride), columns), largest.columns);
  begin = k.min(begin, arguments.outWidth);
  Value reach =
      k.max(k.sub(k.add(arguments.width, arguments.padLeft), k.constant(window.inputColumns(1))),
            k.constant(-window.strideX));
  Value whole = k.min(k.div(k.add(reach, window.strideX), stride), arguments.outWidth);
  Value end = k.mul(k.div(whole, columns), largest.columns);
  end = k.max(end, begin);
  tiles(guarded, zero, begin);
  tiles(largest, begin, end);
  tiles(guarded, end, arguments.outWidth);
}

SmallVector<Value> secateur::codegen::inputMasks(KernelBuilder &k, const WindowForm &window,
                                                 const ImageTile &tile, Value left, Value width) {
  SmallVector<Value> masks;
  for (int64_t q = 0; q < window.inputColumns(tile.columns); ++q)
    masks.push_back(k.maskOf(k.below(k.add(left, q), width)));
  return masks;
}

SmallVector<Value> secateur::codegen::outputMasks(KernelBuilder &k, const ImageTile &tile,
                                                  Value column, Value outWidth) {
  SmallVector<Value> masks;
  for (int64_t j = 0; j < tile.columns; ++j)
    masks.push_back(k.maskOf(k.less(k.add(column, j), outWidth)));
  return masks;
}
