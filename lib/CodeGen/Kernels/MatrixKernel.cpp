//===- MatrixKernel.cpp - The kernel of contractions and convolutions -------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Tasks are some rows and some panels; the rows of a task go in tiles (MatrixTile.cpp),
// over one block of k after the other.
//===----------------------------------------------------------------------===//

#include "MatrixTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

/// Sums that are kept meanwhile, beside those of a tile: 32 KiB on the stack.
static constexpr int64_t mostSums = 8192;

void MatrixKernel::emit(const ColumnPlan &columnPlan) {
  plan = columnPlan;
  k.loop(arg.begin, arg.end, 1, [&](Value task) { emitTask(task); });
}

void MatrixKernel::emitTask(Value task) {
  int64_t tilePanels = form.tilePanels(k.target);
  Value panels = k.ceilDiv(arg.n, k.constant(panel));
  Value columnBlocks = k.sub(k.ceilDiv(panels, k.constant(tilePanels)), k.constant(plan.joinsHalf));
  Value rowBlocks = k.ceilDiv(arg.m, arg.rowBlock);
  SmallVector<Value> extents = arg.batchExtents;
  extents.append({rowBlocks, columnBlocks});
  SmallVector<Value> digits = k.decompose(task, extents);
  Value columnBlock = digits.pop_back_val(), rowBlock = digits.pop_back_val();
  rowsArg = arg;
  rowsArg.a = k.offset(arg.a, k.dot(digits, arg.aBatch), f32);
  rowsArg.b = k.offset(arg.b, k.dot(digits, arg.bBatch), f32);
  rowsArg.c = k.offset(arg.c, k.dot(digits, arg.cBatch), form.epilogue.stored);
  for (auto [i, operand] : llvm::enumerate(form.epilogue.operands))
    rowsArg.extras[i] = k.offset(arg.extras[i], k.dot(digits, arg.extraBatch[i]), operand.element);
  rowsArg.begin = k.mul(rowBlock, arg.rowBlock);
  rowsArg.end = k.min(k.add(rowsArg.begin, arg.rowBlock), arg.m);
  if (plan.panels)
    return callPlanned(columnBlock, columnBlocks, panels);
  Value first = k.mul(columnBlock, tilePanels);
  Value last = k.min(k.add(first, tilePanels), panels);
  Value isFull = k.lessEqual(k.mul(k.add(first, tilePanels), panel), arg.n);
  auto emitRest = [&] {
    Value pairsEnd = first;
    if (tilePanels > 1) {
      pairsEnd = k.add(first, k.mul(k.div(k.sub(last, first), k.constant(2)), 2));
      k.loop(first, pairsEnd, 2, [&](Value p) { callRows(p, {2, Tail::Masked}); });
    }
    k.ifThen(k.less(pairsEnd, last), [&] { callRows(pairsEnd, {1, Tail::Masked}); });
  };
  k.ifThen(isFull, [&] { callRows(first, {tilePanels}); }, emitRest);
}

/// Larger blocks come first; the last block has the tail.
void MatrixKernel::callPlanned(Value columnBlock, Value columnBlocks, Value panels) {
  int64_t smaller = plan.panels - 1;
  Value largerBlocks, first = k.mul(columnBlock, plan.panels);
  if (plan.hasSmaller) {
    largerBlocks = k.sub(panels, k.mul(columnBlocks, smaller));
    first = k.add(k.mul(columnBlock, smaller), k.min(columnBlock, largerBlocks));
  }
  int64_t inLast = plan.hasSmaller ? smaller : plan.panels + plan.joinsHalf;
  auto callLast = [&] { callRows(first, {inLast, plan.tail}); };
  auto callOthers = [&] {
    if (!plan.hasSmaller || (plan.isSmallerSingle && plan.tail != Tail::Whole))
      return callRows(first, {plan.panels});
    k.ifThen(
        k.less(columnBlock, largerBlocks), [&] { callRows(first, {plan.panels}); },
        [&] { callRows(first, {smaller}); });
  };
  if (plan.tail == Tail::Whole)
    return callOthers();
  if (plan.isSingle)
    return callLast();
  k.ifThen(k.equal(k.add(columnBlock, 1), columnBlocks), callLast, callOthers);
}

void MatrixKernel::callRows(Value p, TileColumns columns) {
  rowsArg.rowBlock = p;
  callMatrixRows(kernels, k, form, rowsArg, columns);
}

/// Vectors of the columns of a tile.
static int64_t vectorsIn(const TileColumns &columns, const TargetFacts &target) {
  int64_t last = columns.tail == Tail::Half ? panel / 2 : panel;
  return (columns.panels - 1) * (panel / target.lanes()) + llvm::divideCeil(last, target.lanes());
}

void secateur::codegen::callMatrixRows(KernelModule &kernels, KernelBuilder &k,
                                       const MatrixForm &form, MatrixArguments &arguments,
                                       TileColumns columns) {
  SmallVector<Value> values;
  arguments.forEach([&](Value &value) { values.push_back(value); });
  std::string key =
      llvm::formatv("{0}|{1}t{2}r{3}", form.key(), columns.panels, static_cast<int>(columns.tail),
                    form.tileRows(k.target, vectorsIn(columns, k.target)));
  auto rows =
      kernels.get(form.window ? "conv_rows" : "contract_rows", key, ValueRange(values).getTypes(),
                  k.loc, [&](KernelBuilder &inner, ValueRange own) {
                    MatrixKernel(kernels, inner, form, own).emitRows(columns);
                  });
  func::CallOp::create(k.builder, k.loc, rows, values);
}

SmallVector<MatrixKernel::Columns> MatrixKernel::vectorsOf(TileColumns columns) {
  SmallVector<Columns> vectors;
  int64_t lanes = k.target.lanes(), last = columns.panels - 1;
  Value left = k.sub(arg.n, k.mul(k.add(arg.rowBlock, last), panel));
  for (int64_t p = 0; p <= last; ++p) {
    Tail tail = p == last ? columns.tail : Tail::Whole;
    int64_t end = tail == Tail::Half ? panel / 2 : panel;
    KernelBuilder &width = end < lanes ? narrow : k;
    for (int64_t offset = 0; offset < end; offset += lanes) {
      Value mask;
      if (tail != Tail::Whole)
        mask = width.maskBelow(k.add(left, -offset));
      vectors.push_back({&width, p, offset, mask});
    }
  }
  return vectors;
}

/// From the panel of B to the one of the next task, which tiles fetch into the second-level cache:
/// a panel that comes from memory would stop the first tile that needs it. Null where tiles have
/// several panels, and no registers left for that.
Value MatrixKernel::nextPanelFor(TileColumns columns) {
  bool isNarrow = k.target.tilePanels() == 1 && columns.panels == 1;
  if (!form.packed || form.isShallow || !isNarrow || columns.tail != Tail::Whole)
    return {};
  Value hasNext = k.less(k.mul(k.add(arg.rowBlock, 1), panel), arg.n);
  return k.select(hasNext, arg.bPanel, k.constant(0));
}

void MatrixKernel::emitRows(TileColumns columns) {
  Value p = arg.rowBlock, rowBegin = arg.begin, rowEnd = arg.end;
  SmallVector<Columns> vectors = vectorsOf(columns);
  int64_t rows = form.tileRows(k.target, vectors.size());
  Tile tile{rows, vectors, {}, p, {}, {}, {}, {}};
  Value nextPanel = nextPanelFor(columns);
  kernels.needZeros(rows * vectors.size() * k.target.lanes());
  Value count = k.sub(rowEnd, rowBegin);
  Value rest = k.rem(count, k.constant(rows));
  Value mainEnd = k.sub(rowEnd, rest);
  emitBlocks(count, rows, vectors.size(), [&](Value sums) {
    auto tileAt = [&](Value m, int64_t size) {
      tile.m = m;
      tile.rows = size;
      if (nextPanel) {
        // Of four lines a tile fetches one, the next tile the next one.
        Value turn = k.rem(k.div(k.sub(m, rowBegin), k.constant(rows)), k.constant(unroll));
        tile.ahead = k.opaque(k.add(nextPanel, k.mul(turn, panel)));
      }
      if (sums) {
        Value place = k.mul(k.sub(m, rowBegin), vectors.size() * k.target.lanes());
        tile.sums = k.offset(sums, place, f32);
        tile.earlier = k.select(block.isFirst, kernels.zeros(k), tile.sums);
      }
      emitTile(tile);
    };
    k.loop(rowBegin, mainEnd, rows, [&](Value m) { tileAt(m, rows); });
    // The rest in powers of two, by the bits of its number.
    for (int64_t size = llvm::PowerOf2Ceil(rows) / 2; size >= 1; size /= 2) {
      Value isSet = k.less(k.constant(0), k.land(rest, k.constant(size)));
      Value m = k.add(mainEnd, k.land(rest, k.constant(~(2 * size - 1))));
      k.ifThen(isSet, [&] { tileAt(m, size); });
    }
  });
}

/// Goes along k in blocks whose part of B stays in the second-level cache while all
/// rows use it; the sums are kept on the stack in between.
void MatrixKernel::emitBlocks(Value count, int64_t rows, int64_t vectors,
                              function_ref<void(Value sums)> emit) {
  Value depth = form.window ? arg.tapsY : arg.k;
  if (form.isShallow)
    return emit(Value());
  int64_t mostRows = mostSums / (vectors * k.target.lanes()) + rows;
  Value sums = k.scratch(mostRows * vectors * k.target.lanes());
  Value most = k.constant(blockDepth);
  if (form.window)
    most = k.max(k.constant(1), k.div(most, k.mul(arg.tapsX, arg.k)));
  Value blocks = k.ceilDiv(depth, most);
  // One tile uses B once; and many rows would take much memory for their sums.
  Value isUseful =
      k.land(k.less(k.constant(rows), count), k.lessEqual(count, k.constant(mostRows)));
  blocks = k.select(isUseful, k.max(blocks, k.constant(1)), k.constant(1));
  Value size = k.ceilDiv(depth, blocks);
  if (!form.window)
    size = k.mul(k.ceilDiv(size, k.constant(unroll)), unroll);
  k.loop(k.constant(0), blocks, 1, [&](Value index) {
    block.begin = k.min(k.mul(index, size), depth);
    block.end = k.min(k.add(block.begin, size), depth);
    block.isFirst = k.equal(index, k.constant(0));
    block.isLast = k.equal(k.add(index, 1), blocks);
    emit(sums);
  });
}

//===----------------------------------------------------------------------===//
// The call
//===----------------------------------------------------------------------===//

void secateur::codegen::callMatrixKernel(KernelModule &kernels, KernelBuilder &k,
                                         const MatrixForm &form, Value rows, Value columns,
                                         Value depth, ValueRange batchExtents,
                                         function_ref<void(MatrixArguments &)> prepare) {
  int64_t tilePanels = form.tilePanels(k.target), tileColumns = tilePanels * panel;
  ColumnPlan plan = form.planColumns(getConstantIntValue(columns).value_or(0), k.target);
  int64_t wholeRows = form.tileRows(k.target, (plan.panels ? plan.panels : tilePanels) *
                                                  (panel / k.target.lanes()));
  // Blocks of nearly equal size, whole tiles.
  Value blocks = k.max(k.ceilDiv(rows, k.constant(form.taskRows())), k.constant(1));
  Value rowBlock = k.mul(k.ceilDiv(k.ceilDiv(rows, blocks), k.constant(wholeRows)), wholeRows);
  rowBlock = k.max(rowBlock, k.constant(wholeRows));
  Value columnBlocks =
      k.sub(k.ceilDiv(columns, k.constant(tileColumns)), k.constant(plan.joinsHalf));
  Value count = k.mul(k.ceilDiv(rows, rowBlock), columnBlocks);
  for (Value extent : batchExtents)
    count = k.mul(count, extent);
  Value work = k.mul(k.mul(k.min(rowBlock, rows), tileColumns / 4), depth);
  parallelOver(k, count, work, [&](Value begin, Value end) {
    MatrixArguments arguments(form);
    prepare(arguments);
    arguments.rowBlock = rowBlock;
    arguments.begin = begin;
    arguments.end = end;
    SmallVector<Value> values;
    arguments.forEach([&](Value &value) { values.push_back(value); });
    std::string key =
        llvm::formatv("{0}{1}x{2}x{3}", form.key(), plan.key(), form.chosenRows, form.chosenPanels);
    auto kernel = kernels.get(form.window ? "conv" : "contract", key, ValueRange(values).getTypes(),
                              k.loc, [&](KernelBuilder &inner, ValueRange own) {
                                MatrixKernel(kernels, inner, form, own).emit(plan);
                              });
    func::CallOp::create(k.builder, k.loc, kernel, values);
  });
}
