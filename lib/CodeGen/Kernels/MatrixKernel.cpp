//===- MatrixKernel.cpp - The kernel of contractions and convolutions -------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A tile is R rows and P panels of 16 columns; its accumulators stay in registers from
// the first k to the epilogue. For each k it loads a vector of B for each 16 (or 8, 4)
// columns and broadcasts one element of A for each row. Rows have an address each, so
// that a tile of a convolution may run from one image row into the next.
//
// Taps outside the image read a buffer of zeros. A tile that lies inside the image's
// width runs over all taps of a window row at once, for in channels-last they are
// neighbours; others go tap by tap. Window rows that no row of the tile needs are
// skipped.
//===----------------------------------------------------------------------===//

#include "MatrixKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

static constexpr int64_t unroll = 4;
/// Steps of k from loading a vector of B to loading the one that is fetched meanwhile into the
/// first-level cache: a panel does not fit there, and a core that does two multiply-adds in a cycle
/// waits for the second level.
static constexpr int64_t prefetchDistance = 16;
/// Sums that are kept meanwhile, beside those of a tile: 32 KiB on the stack.
static constexpr int64_t mostSums = 8192;

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

namespace {

class MatrixKernel {
public:
  MatrixKernel(KernelModule &kernels, KernelBuilder &k, const MatrixForm &form, ValueRange values)
      : kernels(kernels), k(k), form(form), arg(form), f32(k.f32()), vectorType(k.vectorOf(f32)),
        narrowFacts(halved(k.target)), narrow(k.builder, k.loc, narrowFacts), rowsArg(form) {
    size_t next = 0;
    arg.forEach([&](Value &value) { value = values[next++]; });
  }

  /// The kernel: shares out tasks.
  void emit(const ColumnPlan &columnPlan);
  /// What a kernel calls: all rows of a task for some panels. Its arguments are those
  /// of the kernel with pointers at the batch, and `rowBlock`, `begin` and `end`
  /// are the first panel and the range of rows. It is a function of its own because
  /// LLVM would move the divisions that lead to its arguments into the loops.
  void emitRows(TileColumns columns);

private:
  /// A vector of columns in a tile.
  struct Columns {
    /// That makes vectors of this width.
    KernelBuilder *k;
    /// Panel of the tile, and first column there.
    int64_t panel, offset;
    /// Null where all its columns exist.
    Value mask;
  };
  /// One tile: `rows` rows from row `m`, and vectors of columns from panel `p`.
  struct Tile {
    int64_t rows;
    ArrayRef<Columns> columns;
    Value m, p;
    /// Coordinates of each row.
    SmallVector<SmallVector<Value>> at;
    /// Where the sums of earlier blocks of k are, and where those of this block go.
    Value earlier, sums;
    /// From B to what is fetched of the next panel; null where nothing is.
    Value ahead;
  };
  /// A range of k, or of a window's rows.
  struct Block {
    Value begin, end, isFirst, isLast;
  };

  static TargetFacts halved(TargetFacts facts) {
    facts.vectorBits /= 2;
    return facts;
  }
  void emitTask(Value task);
  void callPlanned(Value columnBlock, Value columnBlocks, Value panels);
  void callRows(Value p, TileColumns columns);
  SmallVector<Columns> vectorsOf(TileColumns columns);
  Value nextPanelFor(TileColumns columns);
  void emitBlocks(Value count, int64_t rows, int64_t vectors, function_ref<void(Value sums)> emit);
  void emitTile(Tile tile);
  void locateRows(Tile &tile);
  void emitInside(Tile tile, ArrayRef<Value> first);
  Value isInside(const Tile &tile, ArrayRef<Value> first);
  SmallVector<Value> accumulate(const Tile &tile);
  SmallVector<Value> accumulateWindow(const Tile &tile, const SmallVector<Value> &accumulators);
  SmallVector<Value> run(const Tile &tile, ValueRange rowPointers, Value bPointer, Value length,
                         SmallVector<Value> accumulators);
  SmallVector<Value> panelPointers(const Tile &tile, Value bPointer);
  SmallVector<Value> step(const Tile &tile, ValueRange rowPointers, ArrayRef<Value> panelPointers,
                          Value at, int64_t steps, SmallVector<Value> accumulators);
  void prefetchTile(const Tile &tile);
  void storeTile(const Tile &tile, ArrayRef<Value> accumulators);

  KernelModule &kernels;
  KernelBuilder &k;
  const MatrixForm &form;
  MatrixArguments arg;
  Type f32;
  VectorType vectorType;
  /// Half a vector does for few columns.
  TargetFacts narrowFacts;
  KernelBuilder narrow;
  ColumnPlan plan;
  // Of the task at hand.
  MatrixArguments rowsArg;
  Block block;
};

} // namespace

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
  if (!form.packed || form.isShallow || k.target.tilePanels() > 1 || columns.tail != Tail::Whole)
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

void MatrixKernel::emitTile(Tile tile) {
  auto emitAnywhere = [&] {
    locateRows(tile);
    if (!tile.sums)
      return storeTile(tile, accumulate(tile));
    k.ifThen(block.isLast, [&] { prefetchTile(tile); });
    SmallVector<Value> accumulators = accumulate(tile);
    k.ifThen(
        block.isLast, [&] { storeTile(tile, accumulators); },
        [&] {
          for (auto [i, sum] : llvm::enumerate(accumulators))
            k.store(sum, k.offset(tile.sums, i * k.target.lanes(), f32));
        });
  };
  if (!form.isShallow)
    return emitAnywhere();
  SmallVector<Value> first;
  for (Value digit : k.decompose(tile.m, arg.rowExtents))
    first.push_back(k.opaque(digit));
  k.ifThen(isInside(tile, first), [&] { emitInside(tile, first); }, emitAnywhere);
}

/// Whether a tile from output pixel `first` on stays in its row, and its taps in the image.
Value MatrixKernel::isInside(const Tile &tile, ArrayRef<Value> first) {
  Value zero = k.constant(0), one = k.constant(1);
  Value top = k.sub(k.mul(first[1], arg.strideY), arg.padTop);
  Value left = k.sub(k.mul(first[2], arg.strideX), arg.padLeft);
  Value right = k.add(k.add(left, k.mul(arg.strideX, tile.rows - 1)), arg.tapsX);
  Value result = k.land(k.equal(arg.dilationX, one), k.equal(arg.dilationY, one));
  result = k.land(result, k.equal(arg.aRow[2], arg.k));
  result = k.land(result, k.lessEqual(k.add(first[2], tile.rows), arg.rowExtents[2]));
  result = k.land(result, k.land(k.lessEqual(zero, left), k.lessEqual(right, arg.width)));
  return k.land(result,
                k.land(k.lessEqual(zero, top), k.lessEqual(k.add(top, arg.tapsY), arg.height)));
}

/// Pixels of such a tile are at equal distances.
void MatrixKernel::emitInside(Tile tile, ArrayRef<Value> first) {
  Value top = k.sub(k.mul(first[1], arg.strideY), arg.padTop);
  Value left = k.sub(k.mul(first[2], arg.strideX), arg.padLeft);
  Value pointer = k.offset(arg.a, k.dot({first[0], top, left}, arg.aRow), f32);
  Value step = k.mul(arg.strideX, arg.aRow[2]), length = k.mul(arg.tapsX, arg.k);
  SmallVector<Value> pointers, sums;
  for (int64_t row = 0; row < tile.rows; ++row) {
    tile.at.push_back({first[0], first[1], k.add(first[2], row)});
    pointers.push_back(pointer);
    pointer = k.offset(pointer, step, f32);
    for (const Columns &columns : tile.columns)
      sums.push_back(columns.k->splat(0.0));
  }
  sums = k.loop(k.constant(0), arg.tapsY, 1, sums, [&](Value tapY, ValueRange carried) {
    Value delta = k.mul(tapY, arg.aRow[1]);
    SmallVector<Value> rowPointers;
    for (Value pointer : pointers)
      rowPointers.push_back(k.opaque(k.offset(pointer, delta, f32)));
    Value taps = k.offset(arg.b, k.mul(k.mul(tapY, length), panel), f32);
    return run(tile, rowPointers, taps, length, SmallVector<Value>(carried));
  });
  storeTile(tile, sums);
}

/// Coordinates of the first row by division, of each next one by a step with carry.
void MatrixKernel::locateRows(Tile &tile) {
  SmallVector<Value> at = k.decompose(tile.m, arg.rowExtents);
  if (at.size() > 1)
    for (Value &digit : at)
      digit = k.opaque(digit);
  for (int64_t row = 0; row < tile.rows; ++row) {
    tile.at.push_back(at);
    at.back() = k.add(at.back(), 1);
    for (size_t dim = at.size(); dim-- > 1;) {
      Value isOver = k.equal(at[dim], arg.rowExtents[dim]);
      at[dim] = k.select(isOver, k.constant(0), at[dim]);
      at[dim - 1] = k.select(isOver, k.add(at[dim - 1], 1), at[dim - 1]);
    }
  }
}

SmallVector<Value> MatrixKernel::accumulate(const Tile &tile) {
  SmallVector<Value> accumulators;
  for (int64_t row = 0; row < tile.rows; ++row)
    for (const Columns &columns : tile.columns) {
      int64_t place = accumulators.size() * k.target.lanes();
      accumulators.push_back(
          tile.earlier ? k.load(columns.k->vectorOf(f32), k.offset(tile.earlier, place, f32))
                       : columns.k->splat(0.0));
    }
  if (form.window)
    return accumulateWindow(tile, accumulators);
  Value across = form.lhsStrided ? k.mul(block.begin, arg.aStep) : block.begin;
  SmallVector<Value> rowPointers;
  for (int64_t row = 0; row < tile.rows; ++row)
    rowPointers.push_back(
        k.opaque(k.offset(arg.a, k.add(k.dot(tile.at[row], arg.aRow), across), f32)));
  Value down = form.packed ? k.mul(block.begin, panel) : k.mul(block.begin, arg.bStep);
  return run(tile, rowPointers, k.offset(arg.b, down, f32), k.sub(block.end, block.begin),
             accumulators);
}

SmallVector<Value> MatrixKernel::accumulateWindow(const Tile &tile,
                                                  const SmallVector<Value> &accumulators) {
  Value zero = k.constant(0), one = k.constant(1);
  SmallVector<Value> pointers, top, left;
  Value isInside = k.equal(arg.dilationX, one);
  isInside = k.land(isInside, k.equal(arg.aRow[2], arg.k));
  Value firstTap = arg.tapsY, lastTap = zero;
  for (int64_t row = 0; row < tile.rows; ++row) {
    ArrayRef<Value> at = tile.at[row];
    top.push_back(k.sub(k.mul(at[1], arg.strideY), arg.padTop));
    left.push_back(k.sub(k.mul(at[2], arg.strideX), arg.padLeft));
    pointers.push_back(k.offset(arg.a, k.dot({at[0], top[row], left[row]}, arg.aRow), f32));
    isInside = k.land(isInside, k.lessEqual(zero, left[row]));
    isInside = k.land(isInside, k.lessEqual(k.add(left[row], arg.tapsX), arg.width));
    firstTap = k.min(firstTap, k.max(zero, k.sub(zero, top[row])));
    lastTap = k.max(lastTap, k.min(arg.tapsY, k.sub(arg.height, top[row])));
  }
  Value isDense = k.equal(arg.dilationY, one);
  firstTap = k.select(isDense, firstTap, zero);
  lastTap = k.select(isDense, lastTap, arg.tapsY);
  if (tile.sums) {
    firstTap = k.max(firstTap, block.begin);
    lastTap = k.min(lastTap, block.end);
  }
  Value stepsX = k.select(isInside, one, arg.tapsX);
  Value length = k.select(isInside, k.mul(arg.tapsX, arg.k), arg.k);
  Value zeros = kernels.zeros(k);
  return k.loop(firstTap, lastTap, 1, accumulators, [&](Value tapY, ValueRange outer) {
    Value down = k.mul(tapY, arg.dilationY);
    return k.loop(zero, stepsX, 1, outer, [&](Value tapX, ValueRange inner) {
      Value across = k.mul(tapX, arg.dilationX);
      Value delta = k.add(k.mul(down, arg.aRow[1]), k.mul(across, arg.aRow[2]));
      SmallVector<Value> rowPointers;
      for (int64_t row = 0; row < tile.rows; ++row) {
        Value isIn = k.land(k.below(k.add(top[row], down), arg.height),
                            k.below(k.add(left[row], across), arg.width));
        rowPointers.push_back(k.select(isIn, k.offset(pointers[row], delta, f32), zeros));
      }
      Value tap = k.add(k.mul(tapY, arg.tapsX), tapX);
      Value taps = k.offset(arg.b, k.mul(k.mul(tap, arg.k), panel), f32);
      return run(tile, rowPointers, taps, length, SmallVector<Value>(inner));
    });
  });
}

SmallVector<Value> MatrixKernel::panelPointers(const Tile &tile, Value bPointer) {
  SmallVector<Value> pointers;
  for (int64_t p = 0; p <= tile.columns.back().panel; ++p)
    pointers.push_back(k.offset(bPointer, k.mul(k.add(tile.p, p), arg.bPanel), f32));
  return pointers;
}

/// Accumulates `length` values of k, from B at `bPointer`.
SmallVector<Value> MatrixKernel::run(const Tile &tile, ValueRange rowPointers, Value bPointer,
                                     Value length, SmallVector<Value> accumulators) {
  SmallVector<Value> panels = panelPointers(tile, bPointer);
  Value mainEnd = k.sub(length, k.rem(length, k.constant(unroll)));
  accumulators =
      k.loop(k.constant(0), mainEnd, unroll, accumulators, [&](Value at, ValueRange values) {
        return step(tile, rowPointers, panels, at, unroll, SmallVector<Value>(values));
      });
  return k.loop(mainEnd, length, 1, accumulators, [&](Value at, ValueRange values) {
    return step(tile, rowPointers, panels, at, 1, SmallVector<Value>(values));
  });
}

SmallVector<Value> MatrixKernel::step(const Tile &tile, ValueRange rowPointers,
                                      ArrayRef<Value> panelPointers, Value at, int64_t steps,
                                      SmallVector<Value> accumulators) {
  int64_t width = tile.columns.size();
  SmallVector<Value> rows, panels;
  for (Value pointer : rowPointers)
    rows.push_back(k.offset(pointer, form.lhsStrided ? k.mul(at, arg.aStep) : at, f32));
  for (Value pointer : panelPointers)
    panels.push_back(k.offset(pointer, form.packed ? k.mul(at, panel) : k.mul(at, arg.bStep), f32));
  for (int64_t s = 0; s < steps; ++s) {
    SmallVector<Value> bs;
    for (const Columns &columns : tile.columns) {
      Value pointer = panels[columns.panel];
      if (form.packed)
        pointer = k.offset(pointer, s * panel, f32);
      else if (s != 0)
        pointer = k.offset(pointer, k.mul(arg.bStep, s), f32);
      pointer = k.offset(pointer, columns.offset, f32);
      if (form.packed && columns.offset == 0)
        k.prefetch(k.offset(pointer, prefetchDistance * panel, f32));
      VectorType type = columns.k->vectorOf(f32);
      bs.push_back(columns.mask && !form.packed ? k.loadMasked(type, pointer, columns.mask)
                                                : k.load(type, pointer));
    }
    if (s == 0 && steps == unroll && tile.ahead)
      k.prefetch(k.offset(panels[0], tile.ahead, f32), Fetch::Later);
    for (int64_t row = 0; row < tile.rows; ++row) {
      Value pointer = form.lhsStrided ? k.offset(rows[row], k.mul(arg.aStep, s), f32)
                                      : k.offset(rows[row], s, f32);
      Value x = k.load(f32, pointer);
      for (auto [v, columns] : llvm::enumerate(tile.columns)) {
        Value &sum = accumulators[row * width + v];
        sum = k.fma(columns.k->splat(x), bs[v], sum);
      }
    }
  }
  return accumulators;
}

/// Fetches what the epilogue reads and overwrites while the sums are computed.
void MatrixKernel::prefetchTile(const Tile &tile) {
  Value column = k.mul(tile.p, panel);
  for (int64_t row = 0; row < tile.rows; ++row) {
    Value out = k.offset(arg.c, k.add(k.dot(tile.at[row], arg.cRow), column), form.epilogue.stored);
    for (const Columns &columns : tile.columns)
      if (columns.offset == 0)
        k.prefetch(k.offset(out, columns.panel * panel, form.epilogue.stored), Fetch::Write);
    for (auto [i, operand] : llvm::enumerate(form.epilogue.operands)) {
      if (!operand.variesByRow || operand.columns == ColumnAccess::None)
        continue;
      Value pointer =
          k.offset(arg.extras[i], k.dot(tile.at[row], arg.extraRow[i]), operand.element);
      for (const Columns &columns : tile.columns)
        if (columns.offset == 0)
          k.prefetch(k.offset(pointer,
                              k.mul(k.add(column, columns.panel * panel), arg.extraColumn[i]),
                              operand.element));
    }
  }
}

void MatrixKernel::storeTile(const Tile &tile, ArrayRef<Value> accumulators) {
  const EpilogueForm &epilogue = form.epilogue;
  int64_t width = tile.columns.size();
  Value column = k.mul(tile.p, panel);
  auto loadAt = [&](size_t i, Value pointer, const Columns &columns) {
    const EpilogueOperand &operand = epilogue.operands[i];
    Value place = k.add(column, columns.panel * panel + columns.offset);
    if (operand.columns != ColumnAccess::None)
      pointer = k.offset(pointer, k.mul(place, arg.extraColumn[i]), operand.element);
    return loadOperand(*columns.k, operand, pointer, arg.extraColumn[i], columns.mask);
  };
  // What all rows share is loaded once.
  SmallVector<SmallVector<Value>> shared(epilogue.operands.size());
  for (auto [i, operand] : llvm::enumerate(epilogue.operands))
    for (const Columns &columns : tile.columns)
      if (!operand.variesByRow)
        shared[i].push_back(loadAt(i, arg.extras[i], columns));
  for (int64_t row = 0; row < tile.rows; ++row) {
    Value out = k.offset(arg.c, k.add(k.dot(tile.at[row], arg.cRow), column), epilogue.stored);
    SmallVector<Value> pointers;
    for (auto [i, operand] : llvm::enumerate(epilogue.operands))
      pointers.push_back(
          k.offset(arg.extras[i], k.dot(tile.at[row], arg.extraRow[i]), operand.element));
    for (auto [v, columns] : llvm::enumerate(tile.columns)) {
      SmallVector<Value> values{accumulators[row * width + v]};
      for (auto [i, operand] : llvm::enumerate(epilogue.operands))
        values.push_back(operand.variesByRow ? loadAt(i, pointers[i], columns) : shared[i][v]);
      Value result = epilogue.emit(*columns.k, values);
      Value pointer = k.offset(out, columns.panel * panel + columns.offset, epilogue.stored);
      if (columns.mask)
        k.storeMasked(result, pointer, columns.mask);
      else
        k.store(result, pointer);
    }
  }
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
