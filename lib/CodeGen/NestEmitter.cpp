//===- NestEmitter.cpp - Vector loops for a linalg operation ----------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Order of the loops, outermost first: the parallel ones in the order of the
// output's axes, then the reductions. One of them, the lane loop, is walked in
// steps of a vector with a masked rest:
//  - a parallel loop along which all outputs are contiguous: the accumulators of
//    a reduction are then vectors;
//  - or a reduction along which the inputs are contiguous, when every output is
//    combined by one associative operation: partial results are then combined
//    after the loop.
// Without a lane loop the nest is scalar, and right for anything.
//
// Where an input is contiguous along another parallel loop (a transposition), that
// loop is walked in blocks as wide as a vector: a square of the input is loaded
// along it and transposed in registers.
//
// The parallel loops are flattened into one kern.parallel when there is work for
// more than one task; when they have few iterations, the lane loop is shared out.
// No reduction crosses tasks.
//===----------------------------------------------------------------------===//

#include "NestEmitter.h"

#include "ParallelLoop.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace secateur::codegen;

/// The columns of the square matrix whose rows are `rows`: in each step, blocks of
/// half the size change places.
static void transposeSquare(OpBuilder &builder, Location loc, MutableArrayRef<Value> rows) {
  int64_t size = rows.size();
  for (int64_t step = 1; step < size; step *= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane < size; ++lane) {
      bool second = lane & step;
      low.push_back(second ? size + lane - step : lane);
      high.push_back(second ? size + lane : lane + step);
    }
    for (int64_t row = 0; row < size; ++row) {
      if (row & step)
        continue;
      Value first = rows[row], second = rows[row + step];
      rows[row] = vector::ShuffleOp::create(builder, loc, first, second, low);
      rows[row + step] = vector::ShuffleOp::create(builder, loc, first, second, high);
    }
  }
}

/// A square of `lanes` iterations of both the tile loop and the lane loop.
void NestEmitter::emitSquare(Ivs ivs) {
  OpFoldResult tileStart = ivs[*tileLoop], laneStart = ivs[*laneLoop];
  SmallVector<SmallVector<Value>> columns(nest.inputCount);
  for (auto [index, input] : llvm::enumerate(nest.inputs())) {
    if (input.terms.empty() || input.hasStride(builder, *laneLoop, 0) ||
        input.hasStride(builder, *laneLoop, 1))
      continue;
    for (unsigned lane = 0; lane < lanes; ++lane) {
      ivs[*laneLoop] = addIndex(builder, loc, laneStart, builder.getIndexAttr(lane));
      Value element = input.elementAt(builder, loc, ivs);
      columns[index].push_back(
          body.load(builder, loc, input.buffer, element, builder.getIndexAttr(1), Value()).value);
    }
    transposeSquare(builder, loc, columns[index]);
  }
  ivs[*laneLoop] = laneStart;
  SmallVector<Value> carried(op.getNumDpsInits());
  for (unsigned row = 0; row < lanes; ++row) {
    ivs[*tileLoop] = addIndex(builder, loc, tileStart, builder.getIndexAttr(row));
    SmallVector<Value> loaded;
    for (ArrayRef<Value> inputColumns : columns)
      loaded.push_back(inputColumns.empty() ? Value() : inputColumns[row]);
    SmallVector<LaneValue> results = evaluate(ivs, carried, Value(), loaded);
    for (auto [output, result] : llvm::zip_equal(nest.outputs(), results))
      body.store(builder, loc, result, output.buffer, output.elementAt(builder, loc, ivs),
                 builder.getIndexAttr(1), Value());
  }
}

/// `lanes` rows, the number of which is in ivs[tileLoop]: squares, and rows one by
/// one where there is no whole square.
void NestEmitter::emitRowBlock(Ivs ivs, Value laneBegin, Value laneEnd) {
  Value step = constant(lanes);
  Value begin = arith::MulIOp::create(builder, loc, value(ivs[*tileLoop]), step);
  Value end = arith::AddIOp::create(builder, loc, begin, step);
  Value extent = value(nest.loops[*tileLoop].extent);
  Value whole = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ule, end, extent);
  Value count = arith::SubIOp::create(builder, loc, laneEnd, laneBegin);
  Value rest = arith::RemUIOp::create(builder, loc, count, step);
  Value wholeEnd = arith::SubIOp::create(builder, loc, laneEnd, rest);
  Value squaresEnd = arith::SelectOp::create(builder, loc, whole, wholeEnd, laneBegin);
  {
    auto loop = scf::ForOp::create(builder, loc, laneBegin, squaresEnd, step);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    Ivs square = ivs;
    square[*tileLoop] = begin;
    square[*laneLoop] = loop.getInductionVar();
    emitSquare(square);
  }
  Value some = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, squaresEnd, laneEnd);
  auto ifRest = scf::IfOp::create(builder, loc, some, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(ifRest.thenBlock());
  Value rowsEnd = arith::MinUIOp::create(builder, loc, end, extent);
  auto rows = scf::ForOp::create(builder, loc, begin, rowsEnd, constant(1));
  builder.setInsertionPointToStart(rows.getBody());
  ivs[*tileLoop] = rows.getInductionVar();
  forLanes(squaresEnd, laneEnd, [&](Value iv, Value mask) {
    ivs[*laneLoop] = iv;
    emitElement(ivs, mask);
  });
}

/// Iterations that a loop of the nest has: those of the tile loop are blocks.
OpFoldResult NestEmitter::iterations(unsigned dim) {
  OpFoldResult extent = nest.loops[dim].extent;
  if (tileLoop != dim)
    return extent;
  if (std::optional<int64_t> known = getConstantIntValue(extent))
    return builder.getIndexAttr(llvm::divideCeil(*known, static_cast<int64_t>(lanes)));
  return arith::CeilDivUIOp::create(builder, loc, value(extent), constant(lanes)).getResult();
}

/// One iteration of the outer parallel loops.
void NestEmitter::emitRow(Ivs ivs, Value laneBegin, Value laneEnd) {
  if (tileLoop)
    return emitRowBlock(ivs, laneBegin, laneEnd);
  if (laneLoop && !laneReduces) {
    forLanes(laneBegin, laneEnd, [&](Value iv, Value mask) {
      ivs[*laneLoop] = iv;
      emitElement(ivs, mask);
    });
    return;
  }
  if (laneReduces)
    emitLaneReduction(ivs);
  else
    emitElement(ivs, Value());
}

/// Serial loops over `dims`, then the row.
void NestEmitter::emitTask(Ivs ivs, ArrayRef<unsigned> dims, Value laneBegin, Value laneEnd) {
  if (dims.empty())
    return emitRow(ivs, laneBegin, laneEnd);
  auto loop =
      scf::ForOp::create(builder, loc, constant(0), value(iterations(dims[0])), constant(1));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  ivs[dims[0]] = loop.getInductionVar();
  emitTask(ivs, dims.drop_front(), laneBegin, laneEnd);
}

void NestEmitter::emitOuter() {
  Ivs ivs(nest.loops.size(), builder.getIndexAttr(0));
  OpFoldResult rowWork = builder.getIndexAttr(bodyCost());
  for (unsigned dim : reductionLoops)
    rowWork = mulIndex(builder, loc, rowWork, nest.loops[dim].extent);
  OpFoldResult laneExtent = builder.getIndexAttr(1);
  if (laneLoop)
    laneExtent = nest.loops[*laneLoop].extent;
  OpFoldResult laneWork = rowWork; // of one iteration of the lane loop
  rowWork = mulIndex(builder, loc, rowWork, laneExtent);
  if (tileLoop)
    rowWork = mulIndex(builder, loc, rowWork, builder.getIndexAttr(lanes));
  // A vector does as much in one step as a scalar loop in many.
  int64_t taskWork = options.taskWork / (lanes ? 1 : 8);

  std::optional<int64_t> rows = 1;
  for (unsigned dim : parallelLoops) {
    std::optional<int64_t> extent = getConstantIntValue(iterations(dim));
    rows = rows && extent ? std::optional<int64_t>(*rows * *extent) : std::nullopt;
  }
  std::optional<int64_t> knownRowWork = getConstantIntValue(rowWork);
  Value laneBegin = constant(0), laneEnd = value(laneExtent);
  if (rows && knownRowWork && *rows * *knownRowWork < 2 * taskWork)
    return emitTask(ivs, parallelLoops, laneBegin, laneEnd);

  // Few rows: share out the lanes instead.
  bool shareLanes =
      laneLoop && !laneReduces && rows && *rows < 8 && (!knownRowWork || *knownRowWork > taskWork);
  if (parallelLoops.empty() && !shareLanes)
    return emitTask(ivs, parallelLoops, laneBegin, laneEnd);
  if (shareLanes) {
    Value work = value(mulIndex(builder, loc, laneWork, builder.getIndexAttr(*rows)));
    Value grain = createGrain(builder, loc, taskWork, work, /*multiple=*/lanes);
    createParallel(builder, loc, laneEnd, grain,
                   [&](Value begin, Value end) { emitTask(ivs, parallelLoops, begin, end); });
    return;
  }

  // Flatten all parallel loops, but leave an inner one that is short and has
  // short rows to itself: dividing the index costs as much as such a row.
  SmallVector<unsigned> shared(parallelLoops), serial;
  std::optional<int64_t> innerExtent = getConstantIntValue(iterations(shared.back()));
  if (shared.size() > 1 && knownRowWork && *knownRowWork < 512 && innerExtent && rows &&
      *rows / *innerExtent >= 16) {
    serial.push_back(shared.pop_back_val());
    rowWork = mulIndex(builder, loc, rowWork, builder.getIndexAttr(*innerExtent));
  }
  OpFoldResult count = builder.getIndexAttr(1);
  SmallVector<Value> extents;
  for (unsigned dim : shared) {
    OpFoldResult extent = iterations(dim);
    count = mulIndex(builder, loc, count, extent);
    extents.push_back(value(extent));
  }
  Value grain = createGrain(builder, loc, taskWork, value(rowWork), /*multiple=*/1);
  createParallel(builder, loc, value(count), grain, [&](Value begin, Value end) {
    auto loop = scf::ForOp::create(builder, loc, begin, end, constant(1));
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    Value rest = loop.getInductionVar();
    for (unsigned index = shared.size(); index-- > 1;) {
      ivs[shared[index]] = arith::RemUIOp::create(builder, loc, rest, extents[index]).getResult();
      rest = arith::DivUIOp::create(builder, loc, rest, extents[index]);
    }
    ivs[shared[0]] = rest;
    emitTask(ivs, serial, laneBegin, laneEnd);
  });
}

LogicalResult NestEmitter::emit() {
  for (const Loop &loop : nest.loops)
    if (!loop.extent)
      return op.emitOpError("has a loop whose extent no operand gives");
  chooseLaneLoop();
  if (!laneLoop)
    lanes = 0;
  body = VectorBody(op, lanes);
  body.prepare(builder);
  maskAlways = bodyCost() > 24;
  orderLoops();
  emitOuter();
  return success();
}

LogicalResult secateur::codegen::emitNest(OpBuilder &builder, linalg::GenericOp op,
                                          const NestOptions &options) {
  return NestEmitter(builder, op, options).emit();
}
