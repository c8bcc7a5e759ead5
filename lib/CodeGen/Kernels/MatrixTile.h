//===- MatrixTile.h - The class of the matrix kernel --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// MatrixKernel.cpp has what goes over tasks, panels, rows and blocks of k;
// MatrixTile.cpp the code of one tile.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_KERNELS_MATRIXTILE_H
#define SECATEUR_LIB_CODEGEN_KERNELS_MATRIXTILE_H

#include "MatrixKernel.h"

namespace secateur::codegen {

/// Builds the kernel of one form.
class MatrixKernel {
public:
  MatrixKernel(KernelModule &kernels, KernelBuilder &k, const MatrixForm &form,
               mlir::ValueRange values)
      : kernels(kernels), k(k), form(form), arg(form), f32(k.f32()), vectorType(k.vectorOf(f32)),
        narrowFacts(halved(k.target)), narrow(k.builder, k.loc, narrowFacts, k.entry),
        rowsArg(form) {
    size_t next = 0;
    arg.forEach([&](mlir::Value &value) { value = values[next++]; });
  }

  /// The kernel: shares out tasks.
  void emit(const ColumnPlan &columnPlan);
  /// What a kernel calls: all rows of a task for some panels. Its arguments are those
  /// of the kernel with pointers at the batch, and `rowBlock`, `begin` and `end`
  /// are the first panel and the range of rows. It is a function of its own because
  /// LLVM would move the divisions that lead to its arguments into the loops.
  void emitRows(TileColumns columns);

private:
  /// Steps of k in one round of the loop.
  static constexpr int64_t unroll = 4;

  /// A vector of columns in a tile.
  struct Columns {
    /// That makes vectors of this width.
    KernelBuilder *k;
    /// Panel of the tile, and first column there.
    int64_t panel, offset;
    /// Null where all its columns exist.
    mlir::Value mask;
  };
  /// One tile: `rows` rows from row `m`, and vectors of columns from panel `p`.
  struct Tile {
    int64_t rows;
    llvm::ArrayRef<Columns> columns;
    mlir::Value m, p;
    /// Coordinates of each row.
    llvm::SmallVector<llvm::SmallVector<mlir::Value>> at;
    /// Where the sums of earlier blocks of k are, and where those of this block go.
    mlir::Value earlier, sums;
    /// From B to what is fetched of the next panel; null where nothing is.
    mlir::Value ahead;
  };
  /// A range of k, or of a window's rows.
  struct Block {
    mlir::Value begin, end, isFirst, isLast;
  };

  static TargetFacts halved(TargetFacts facts) {
    facts.vectorBits /= 2;
    return facts;
  }
  void emitTask(mlir::Value task);
  void callPlanned(mlir::Value columnBlock, mlir::Value columnBlocks, mlir::Value panels);
  void callRows(mlir::Value p, TileColumns columns);
  llvm::SmallVector<Columns> vectorsOf(TileColumns columns);
  mlir::Value nextPanelFor(TileColumns columns);
  void emitBlocks(mlir::Value count, int64_t rows, int64_t vectors,
                  llvm::function_ref<void(mlir::Value sums)> emit);
  void emitTile(Tile tile);
  void locateRows(Tile &tile);
  void emitInside(Tile tile, llvm::ArrayRef<mlir::Value> first);
  mlir::Value isInside(const Tile &tile, llvm::ArrayRef<mlir::Value> first);
  llvm::SmallVector<mlir::Value> accumulate(const Tile &tile);
  llvm::SmallVector<mlir::Value>
  accumulateWindow(const Tile &tile, const llvm::SmallVector<mlir::Value> &accumulators);
  llvm::SmallVector<mlir::Value> run(const Tile &tile, mlir::ValueRange rowPointers,
                                     mlir::Value bPointer, mlir::Value length,
                                     llvm::SmallVector<mlir::Value> accumulators);
  llvm::SmallVector<mlir::Value> panelPointers(const Tile &tile, mlir::Value bPointer);
  llvm::SmallVector<mlir::Value> step(const Tile &tile, mlir::ValueRange rowPointers,
                                      llvm::ArrayRef<mlir::Value> panelPointers, mlir::Value at,
                                      int64_t steps, llvm::SmallVector<mlir::Value> accumulators);
  void prefetchTile(const Tile &tile);
  void storeTile(const Tile &tile, llvm::ArrayRef<mlir::Value> accumulators);

  KernelModule &kernels;
  KernelBuilder &k;
  const MatrixForm &form;
  MatrixArguments arg;
  mlir::Type f32;
  mlir::VectorType vectorType;
  /// Half a vector does for few columns.
  TargetFacts narrowFacts;
  KernelBuilder narrow;
  ColumnPlan plan;
  // Of the task at hand.
  MatrixArguments rowsArg;
  Block block;
};

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_KERNELS_MATRIXTILE_H
