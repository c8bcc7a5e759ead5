//===- MatrixForm.cpp - Forms and arguments of the matrix kernel ------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "MatrixKernel.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

/// Rows of a task: enough to use a panel of B from the cache again and again.
static constexpr int64_t rowsPerTask = 96;
/// Where B is larger than `farBytes`, each row of tasks brings all of it from afar: then tasks have
/// as many rows as have `nearBytes` of A, which stays in the second-level cache beside a panel.
static constexpr int64_t farBytes = 256 << 10, nearBytes = 256 << 10, mostRowsPerTask = 512;
/// Rows of a tile, each of which has an address, unless more are chosen.
static constexpr int64_t usualMostRows = 12;

std::string MatrixForm::key() const {
  return llvm::formatv("{0}{1}{2}b{3}r{4}|{5}", window ? (isShallow ? "v" : "w") : "m",
                       packed ? "p" : "r", lhsStrided ? "s" : "c", batchDims, rowDims,
                       epilogue.key());
}

ColumnPlan ColumnPlan::get(int64_t columns, int64_t tilePanels, bool mayJoinHalf) {
  ColumnPlan plan;
  if (columns <= 0)
    return plan;
  int64_t panels = llvm::divideCeil(columns, panel);
  int64_t blocks = llvm::divideCeil(panels, tilePanels);
  plan.panels = llvm::divideCeil(panels, blocks);
  plan.hasSmaller = panels != blocks * plan.panels;
  plan.isSingle = blocks == 1;
  plan.isSmallerSingle = panels == blocks * plan.panels - 1;
  if (int64_t left = columns % panel)
    plan.tail = left <= panel / 2 ? Tail::Half : Tail::Masked;
  if (mayJoinHalf && plan.tail == Tail::Half && plan.panels == 1 && blocks > 1) {
    plan.joinsHalf = true;
    plan.isSingle = blocks == 2;
  }
  return plan;
}

std::string ColumnPlan::key() const {
  return panels ? llvm::formatv("n{0}{1}{2}{3}{4}t{5}", panels, hasSmaller ? "s" : "",
                                isSingle ? "o" : "", isSmallerSingle ? "p" : "",
                                joinsHalf ? "j" : "", static_cast<int>(tail))
                      .str()
                : "";
}

/// Rows of a task where none are chosen.
static int64_t usualTask(const ProductExtents &extents, int64_t tilePanels) {
  // A tile of several panels needs less of B for each multiplication.
  if (tilePanels > 1 || extents.columns <= 0 || extents.depth <= farBytes / 4 / extents.columns)
    return rowsPerTask;
  int64_t rows = nearBytes / (4 * std::clamp<int64_t>(extents.inputs, 1, blockDepth));
  return std::clamp(rows, rowsPerTask, mostRowsPerTask);
}

void MatrixForm::choose(kern::ChoiceAttr choice, const ProductExtents &extents,
                        const TargetFacts &target) {
  if (choice) {
    chosenRows = choice.getTile()[0];
    chosenPanels = choice.getTile()[1];
    chosenTask = choice.getTask();
    return;
  }
  chosenTask = usualTask(extents, tilePanels(target));
  // Tiles of a few rows are slow: where there are few tiles, rows that leave no rest.
  int64_t panels = ColumnPlan::get(extents.columns, tilePanels(target)).panels;
  if (panels == 0 || extents.rows <= 0 || extents.rows > rowsPerTask)
    return;
  int64_t most = tileRows(target, panels * (panel / target.lanes()));
  int64_t rows = llvm::divideCeil(extents.rows, llvm::divideCeil(extents.rows, most));
  if (extents.rows % rows == 0 && rows < most && extents.rows > most) {
    chosenRows = rows;
    chosenPanels = panels;
  }
}

/// A vector of columns alone loads as much as it multiplies; three of them load less.
ColumnPlan MatrixForm::planColumns(int64_t columns, const TargetFacts &target) const {
  return ColumnPlan::get(columns, tilePanels(target), /*mayJoinHalf=*/target.lanes() == panel / 2);
}

int64_t MatrixForm::tilePanels(const TargetFacts &target) const {
  return chosenPanels ? chosenPanels : target.tilePanels();
}

int64_t MatrixForm::taskRows() const { return chosenTask ? chosenTask : rowsPerTask; }

/// Tiles of fewer columns than a whole one have as many sums.
int64_t MatrixForm::tileRows(const TargetFacts &target, int64_t vectors) const {
  int64_t perPanel = panel / target.lanes();
  if (chosenRows)
    return std::min(chosenRows * chosenPanels * perPanel / vectors,
                    std::max(chosenRows, usualMostRows));
  int64_t accumulators = target.tileRows() * target.tilePanels() * perPanel;
  // With more, LLVM keeps sums on the stack between the short loops of a shallow form.
  if (isShallow && vectors > 1)
    accumulators = std::min<int64_t>(accumulators, 16);
  // The addresses of more rows than that do not fit the registers, and are loaded at each step.
  int64_t mostRows = vectors == 1 && target.vectorRegisters == 16 ? 8 : usualMostRows;
  return std::min(accumulators / vectors, mostRows);
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

MatrixArguments::MatrixArguments(const MatrixForm &form) : window(form.window) {
  size_t count = form.epilogue.operands.size();
  extras.resize(count);
  extraColumn.resize(count);
  extraBatch.assign(count, SmallVector<Value>(form.batchDims));
  extraRow.assign(count, SmallVector<Value>(form.rowDims));
  for (SmallVector<Value> *list : {&batchExtents, &aBatch, &bBatch, &cBatch})
    list->resize(form.batchDims);
  for (SmallVector<Value> *list : {&rowExtents, &aRow, &cRow})
    list->resize(form.rowDims);
}

void MatrixArguments::forEach(function_ref<void(Value &)> visit) {
  auto all = [&](SmallVector<Value> &list) {
    for (Value &value : list)
      visit(value);
  };
  for (Value *value : {&a, &b, &c})
    visit(*value);
  all(extras);
  for (Value *value : {&m, &n, &k})
    visit(*value);
  for (SmallVector<Value> *list :
       {&batchExtents, &rowExtents, &aBatch, &aRow, &bBatch, &cBatch, &cRow})
    all(*list);
  for (Value *value : {&aStep, &bPanel, &bStep})
    visit(*value);
  for (SmallVector<Value> &list : extraBatch)
    all(list);
  for (SmallVector<Value> &list : extraRow)
    all(list);
  all(extraColumn);
  if (window)
    for (Value *value : {&height, &width, &tapsY, &tapsX, &strideY, &strideX, &dilationY,
                         &dilationX, &padTop, &padLeft})
      visit(*value);
  for (Value *value : {&rowBlock, &begin, &end})
    visit(*value);
}
