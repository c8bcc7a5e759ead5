//===- MatrixTile.cpp - One tile of the matrix kernel -----------------------===//
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

#include "MatrixTile.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

/// Steps of k from loading a vector of B to loading the one that is fetched meanwhile into the
/// first-level cache: a panel does not fit there, and a core that does two multiply-adds in a cycle
/// waits for the second level.
static constexpr int64_t prefetchDistance = 16;

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
