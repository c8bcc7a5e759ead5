//===- ImageTiles.h - Tiles of kernels that slide a window ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Depthwise and grouped convolutions work on tiles of a few output pixels of one vector
// of channels. The code of a tile knows which of its input columns lie outside the image
// and leaves them out; where widths are constant, each row is a few runs of tiles of the
// same code. Where they are not, tiles at the sides go by masks.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_KERNELS_IMAGETILES_H
#define SECATEUR_LIB_CODEGEN_KERNELS_IMAGETILES_H

#include "ImageArguments.h"

#include "dialects/Kern/IR/KernOps.h"

namespace secateur::codegen {

/// The code of a tile.
struct ImageTile {
  /// Output pixels.
  int64_t rows, columns;
  /// Input columns at its left and right that are outside the image.
  int64_t left = 0, right = 0;
  /// Columns may be outside, input and output ones: masks say which.
  bool guarded = false;

  bool operator==(const ImageTile &other) const {
    return rows == other.rows && columns == other.columns && left == other.left &&
           right == other.right && guarded == other.guarded;
  }
  std::string key() const;
};

/// Tiles of the same code from output column `begin` to `end`.
struct TileRun {
  ImageTile tile;
  int64_t begin, end;
};

/// A window and how it moves.
struct WindowForm {
  int64_t tapsY, tapsX, strideY, strideX, dilationY, dilationX;
  /// Input columns, leading pad and output columns, where they are constant.
  int64_t width, padLeft, outWidth;
  /// Whether the output's height is known to be a multiple of the rows of a tile.
  bool wholeRows = false;

  /// Of a convolution with that many taps.
  template <typename OpTy>
  static WindowForm of(OpTy op, int64_t tapsY, int64_t tapsX) {
    auto input = mlir::cast<mlir::MemRefType>(op.getInput().getType());
    auto output = mlir::cast<mlir::MemRefType>(op.getInit().getType());
    return {tapsY,
            tapsX,
            op.getStrides()[0],
            op.getStrides()[1],
            op.getDilations()[0],
            op.getDilations()[1],
            input.getDimSize(2),
            op.getPads()[1],
            output.getDimSize(2)};
  }
  /// What the code of a tile depends on, and that of a row of tiles.
  std::string tileKey() const;
  std::string rowKey() const;
  int64_t inputRows(int64_t rows) const {
    return (rows - 1) * strideY + (tapsY - 1) * dilationY + 1;
  }
  int64_t inputColumns(int64_t columns) const {
    return (columns - 1) * strideX + (tapsX - 1) * dilationX + 1;
  }
};

/// The tap that leads from output `out` to input `in`, or -1.
int64_t tapOf(int64_t in, int64_t out, int64_t stride, int64_t dilation, int64_t taps);

/// Calls `tiles` for each run of tiles of a row of the output; `largest` is a full tile.
void forRunsOfRow(KernelBuilder &k, const WindowForm &window, const ImageArguments &arguments,
                  const ImageTile &largest,
                  llvm::function_ref<void(const ImageTile &, mlir::Value, mlir::Value)> tiles);

/// -1 or 0 for each input column of a guarded tile, whose first is `left`.
llvm::SmallVector<mlir::Value> inputMasks(KernelBuilder &k, const WindowForm &window,
                                          const ImageTile &tile, mlir::Value left,
                                          mlir::Value width);
/// The same for its output columns.
llvm::SmallVector<mlir::Value> outputMasks(KernelBuilder &k, const ImageTile &tile,
                                           mlir::Value column, mlir::Value outWidth);

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_KERNELS_IMAGETILES_H
