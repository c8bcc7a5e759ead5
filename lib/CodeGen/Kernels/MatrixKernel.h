//===- MatrixKernel.h - The kernel of contractions and convolutions -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// One register-tiled kernel computes
//   C[batch, row, n] = epilogue(sum over k of A[batch, row, k] * B[batch, k, n])
// Rows of a convolution are output pixels, and k runs over the window; rows of a
// contraction have an address each. All extents and strides are arguments.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_KERNELS_MATRIXKERNEL_H
#define SECATEUR_LIB_CODEGEN_KERNELS_MATRIXKERNEL_H

#include "Choices.h"
#include "Epilogue.h"

namespace secateur::codegen {

/// Columns of a packed panel.
inline constexpr int64_t panel = kern::panelWidth;
/// Steps of k whose part of B, 64 columns wide, stays in the second-level cache beside A and C.
inline constexpr int64_t blockDepth = 1024;

/// What there is of the last panel: all of it, or as much as a mask says, of its first
/// half or of all its columns. (A mask for each number would be a kernel for each.)
enum class Tail { Whole, Half, Masked };

/// How the columns of an output whose number is known are shared out: in blocks of
/// `panels` panels and then, where `hasSmaller`, of one less, so that no block is small.
struct ColumnPlan {
  /// 0: the number is not known; blocks of a tile's panels, then pairs and single ones.
  int64_t panels = 0;
  bool hasSmaller = false;
  /// One block in all; and one smaller one.
  bool isSingle = false, isSmallerSingle = false;
  Tail tail = Tail::Whole;
  /// The last block has one panel more, half a one.
  bool joinsHalf = false;

  /// Blocks have at most `tilePanels` panels, and half a panel more where it may join one.
  static ColumnPlan get(int64_t columns, int64_t tilePanels, bool mayJoinHalf = false);
  std::string key() const;
};

/// The columns of a tile.
struct TileColumns {
  int64_t panels;
  Tail tail = Tail::Whole;
};

/// What the code of a kernel depends on.
struct MatrixForm {
  /// A convolution: rows are (image, y, x), and taps outside the image are zero.
  bool window = false;
  /// A window row is so short that finding out what is outside takes as long as the sums:
  /// tiles inside the image have code of their own.
  bool isShallow = false;
  /// B in panels of 16 columns, or rows of columns.
  bool packed = true;
  /// A's elements along k are apart.
  bool lhsStrided = false;
  unsigned batchDims = 0, rowDims = 1;
  /// Rows and panels of a tile, and rows of a task, where they are chosen; 0: as the target
  /// has them.
  int64_t chosenRows = 0, chosenPanels = 0, chosenTask = 0;
  EpilogueForm epilogue;

  std::string key() const;
  /// Takes a tile and a task from `choice`, which may be null: then a tile of fewer rows
  /// where these leave no rest, and a task of more rows where B is large.
  void choose(kern::ChoiceAttr choice, const ProductExtents &extents, const TargetFacts &target);
  /// How that many columns (0: unknown) are shared out.
  ColumnPlan planColumns(int64_t columns, const TargetFacts &target) const;
  /// Panels of a tile, and rows of one of that many vectors of columns: what the registers
  /// take beside B and A, and the addresses of the rows.
  int64_t tilePanels(const TargetFacts &target) const;
  int64_t tileRows(const TargetFacts &target, int64_t vectors) const;
  int64_t taskRows() const;
};

/// The arguments of a kernel: values in the caller, or the kernel's own arguments.
/// Strides count elements.
struct MatrixArguments {
  explicit MatrixArguments(const MatrixForm &form);

  mlir::Value a, b, c;
  llvm::SmallVector<mlir::Value> extras;
  /// Rows in all, columns, and the extent of k (for a window, of one tap).
  mlir::Value m, n, k;
  llvm::SmallVector<mlir::Value> batchExtents, rowExtents;
  llvm::SmallVector<mlir::Value> aBatch, aRow, bBatch, cBatch, cRow;
  /// Along k in A; from panel to panel and along k in B.
  mlir::Value aStep, bPanel, bStep;
  llvm::SmallVector<llvm::SmallVector<mlir::Value>> extraBatch, extraRow;
  llvm::SmallVector<mlir::Value> extraColumn;
  /// Of a window: input extents, taps, stride, dilation, leading pads.
  mlir::Value height, width, tapsY, tapsX, strideY, strideX, dilationY, dilationX, padTop, padLeft;
  /// Rows that a task computes, and the range of tasks.
  mlir::Value rowBlock, begin, end;

  /// Visits all of the above in the order of the kernel's signature.
  void forEach(llvm::function_ref<void(mlir::Value &)> visit);

private:
  bool window;
};

/// Calls the code that computes rows `begin` to `end` of some columns, from the panel
/// that `rowBlock` is; pointers are at the batch.
void callMatrixRows(KernelModule &kernels, KernelBuilder &k, const MatrixForm &form,
                    MatrixArguments &arguments, TileColumns columns);

/// Calls the kernel of this form, in parallel; `arguments` lacks rowBlock, begin and
/// end. `prepare` fills it, inside the parallel body; `m`, `n`, `k` and the batch
/// extents must be there before (for the number of tasks).
void callMatrixKernel(KernelModule &kernels, KernelBuilder &k, const MatrixForm &form,
                      mlir::Value rows, mlir::Value columns, mlir::Value depth,
                      mlir::ValueRange batchExtents,
                      llvm::function_ref<void(MatrixArguments &)> prepare);

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_KERNELS_MATRIXKERNEL_H
