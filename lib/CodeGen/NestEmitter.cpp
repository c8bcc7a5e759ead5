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

namespace {

class NestEmitter {
public:
  NestEmitter(OpBuilder &builder, linalg::GenericOp op, const NestOptions &options)
      : builder(builder), op(op), loc(op.getLoc()), options(options), nest(builder, op),
        body(op, 0) {}

  LogicalResult emit();

private:
  using Ivs = SmallVector<OpFoldResult>;

  bool chooseLaneLoop();
  bool isLaneLoop(unsigned dim);
  bool combinersAreAssociative();
  unsigned laneCount();
  int64_t bodyCost();
  void orderLoops();

  void emitOuter();
  void emitTask(Ivs ivs, ArrayRef<unsigned> dims, Value laneBegin, Value laneEnd);
  void emitRow(Ivs ivs, Value laneBegin, Value laneEnd);
  void emitRowBlock(Ivs ivs, Value laneBegin, Value laneEnd);
  void emitSquare(Ivs ivs);
  bool findTileLoop(unsigned dim);
  OpFoldResult iterations(unsigned dim);
  void emitElement(const Ivs &ivs, Value mask);
  void emitLaneReduction(Ivs ivs);
  SmallVector<Value> emitReductions(Ivs ivs, ArrayRef<unsigned> dims, SmallVector<Value> carried,
                                    Value mask);
  SmallVector<Value> emitLaneSteps(Ivs ivs, SmallVector<Value> carried);
  SmallVector<LaneValue> evaluate(const Ivs &ivs, ArrayRef<Value> carried, Value mask,
                                  ArrayRef<Value> loaded = {});
  void forLanes(Value begin, Value end, llvm::function_ref<void(Value, Value)> emit);
  Value value(OpFoldResult result) { return getValueOrCreateConstantIndexOp(builder, loc, result); }
  Value constant(int64_t number) { return arith::ConstantIndexOp::create(builder, loc, number); }

  OpBuilder &builder;
  linalg::GenericOp op;
  Location loc;
  const NestOptions &options;
  LoopNest nest;
  VectorBody body;
  std::optional<unsigned> laneLoop;
  std::optional<unsigned> tileLoop; // walked in blocks of `lanes`
  unsigned lanes = 0;
  bool laneReduces = false;
  bool maskAlways = false;
  SmallVector<unsigned> parallelLoops, reductionLoops; // without the lane loop
  SmallVector<Operation *> combiners;                  // with laneReduces
};

} // namespace

/// Rough number of machine operations of one iteration.
int64_t NestEmitter::bodyCost() {
  int64_t cost = op->getNumOperands();
  for (Operation &bodyOp : op.getBody()->without_terminator()) {
    bool function =
        isa_and_nonnull<math::MathDialect>(bodyOp.getDialect()) &&
        !isa<math::AbsFOp, math::AbsIOp, math::FmaOp, math::FloorOp, math::CeilOp>(bodyOp);
    cost += function ? 16 : isa<arith::DivFOp>(bodyOp) ? 4 : isa<arith::ConstantOp>(bodyOp) ? 0 : 1;
  }
  return cost;
}

unsigned NestEmitter::laneCount() {
  unsigned widest = 8;
  auto note = [&](Type type) {
    Type element = getElementTypeOrSelf(type);
    widest = std::max(widest, element.isIndex() ? 64u : element.getIntOrFloatBitWidth());
  };
  for (Value operand : op->getOperands())
    note(operand.getType());
  for (Operation &bodyOp : op.getBody()->without_terminator())
    if (!isa<linalg::IndexOp, arith::IndexCastOp>(bodyOp))
      for (Type type : bodyOp.getResultTypes())
        note(type);
  // 64-bit lanes come in pairs of registers: mixed bodies are mostly f32.
  return options.vectorBits / std::min(widest, 32u);
}

bool NestEmitter::combinersAreAssociative() {
  combiners.clear();
  for (unsigned index = 0; index < op.getNumDpsInits(); ++index) {
    SmallVector<Operation *, 4> found;
    if (!matchReduction(op.getRegionOutputArgs(), index, found) || found.size() != 1)
      return false;
    if (!isa<arith::AddFOp, arith::MulFOp, arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp,
             arith::MinNumFOp, arith::AddIOp, arith::MulIOp, arith::MaxSIOp, arith::MinSIOp,
             arith::MaxUIOp, arith::MinUIOp, arith::AndIOp, arith::OrIOp, arith::XOrIOp>(found[0]))
      return false;
    if (!arith::getNeutralElement(found[0]) ||
        found[0]->getResult(0) != op.getBody()->getTerminator()->getOperand(index))
      return false;
    combiners.push_back(found[0]);
  }
  return true;
}

bool NestEmitter::isLaneLoop(unsigned dim) {
  const Loop &loop = nest.loops[dim];
  if (!loop.live())
    return false;
  for (Access &output : nest.outputs()) {
    if (!loop.parallel && !output.hasStride(builder, dim, 0))
      return false;
    // A scatter must not meet itself: the distance is known and not 0.
    if (loop.parallel &&
        (output.hasStride(builder, dim, 0) || !output.strideAlong(builder, loc, dim)))
      return false;
  }
  return llvm::all_of(nest.inputs(), [&](const Access &input) {
    return input.terms.empty() || input.strideAlong(builder, loc, dim).has_value();
  });
}

/// Finds the loop along which those inputs are contiguous that are not along
/// `dim`, if there is one.
bool NestEmitter::findTileLoop(unsigned dim) {
  tileLoop = std::nullopt;
  auto wideEnough = [&](unsigned loop) {
    return nest.loops[loop].constantExtent().value_or(INT64_MAX) >= options.vectorBits / 32;
  };
  if (!nest.loops[dim].parallel || !wideEnough(dim) || bodyCost() > 24 ||
      op.getNumParallelLoops() != op.getNumLoops() ||
      llvm::any_of(op.getRegionOutputArgs(), [](Value arg) { return !arg.use_empty(); }))
    return false;
  for (Access &output : nest.outputs())
    if (!output.hasStride(builder, dim, 1))
      return false;
  for (const Access &input : nest.inputs()) {
    if (input.terms.empty() || input.hasStride(builder, dim, 0) || input.hasStride(builder, dim, 1))
      continue;
    std::optional<unsigned> along;
    for (unsigned other = 0; other < nest.loops.size(); ++other)
      if (other != dim && nest.loops[other].live() && nest.loops[other].parallel &&
          input.hasStride(builder, other, 1) && wideEnough(other))
        along = other;
    if (!along || (tileLoop && tileLoop != along))
      return tileLoop = std::nullopt, false;
    tileLoop = along;
  }
  return tileLoop.has_value();
}

bool NestEmitter::chooseLaneLoop() {
  if (options.vectorBits == 0 || !VectorBody::isSupported(op))
    return false;
  int64_t best = 0;
  for (unsigned dim = 0; dim < nest.loops.size(); ++dim) {
    if (!isLaneLoop(dim))
      continue;
    const Loop &loop = nest.loops[dim];
    if (!loop.parallel && !combinersAreAssociative())
      continue;
    // Contiguous access is worth much more than gathers; short loops waste lanes.
    bool tiled = findTileLoop(dim);
    int64_t score = loop.parallel ? 8 : 6;
    for (const Access &input : nest.inputs()) {
      if (input.hasStride(builder, dim, 1))
        score += 8;
      else if (!input.hasStride(builder, dim, 0))
        score -= tiled ? 0 : 4;
    }
    for (Access &output : nest.outputs())
      if (loop.parallel && !output.hasStride(builder, dim, 1))
        score -= 10;
    std::optional<int64_t> extent = loop.constantExtent();
    if (extent && *extent < 4)
      score -= 6;
    if (score > best) {
      best = score;
      laneLoop = dim;
    }
  }
  if (!laneLoop)
    return false;
  laneReduces = !nest.loops[*laneLoop].parallel;
  if (laneReduces && !combinersAreAssociative())
    return false;
  lanes = laneCount();
  if (findTileLoop(*laneLoop)) {
    lanes = options.vectorBits / 32;
    return true;
  }
  std::optional<int64_t> extent = nest.loops[*laneLoop].constantExtent();
  while (extent && lanes > 4 && *extent <= lanes / 2)
    lanes /= 2;
  return true;
}

void NestEmitter::orderLoops() {
  SmallVector<bool> placed(nest.loops.size(), false);
  auto place = [&](unsigned dim) {
    if (placed[dim] || !nest.loops[dim].live() || laneLoop == dim)
      return;
    placed[dim] = true;
    (nest.loops[dim].parallel ? parallelLoops : reductionLoops).push_back(dim);
  };
  for (Access &output : nest.outputs())
    for (const AccessTerm &term : output.terms)
      if (auto dim = dyn_cast<AffineDimExpr>(term.expr))
        place(dim.getPosition());
  for (unsigned dim = 0; dim < nest.loops.size(); ++dim)
    place(dim);
}

/// Calls `emit(iv, mask)` for runs of lanes that cover [begin, end).
void NestEmitter::forLanes(Value begin, Value end, llvm::function_ref<void(Value, Value)> emit) {
  OpBuilder::InsertionGuard guard(builder);
  auto maskType = VectorType::get({lanes}, builder.getI1Type());
  std::optional<int64_t> first = getConstantIntValue(begin), last = getConstantIntValue(end);
  std::optional<int64_t> extent;
  if (first && last)
    extent = *last - *first;
  bool noRest = extent && *extent % lanes == 0;
  if (maskAlways && !noRest) {
    auto loop = scf::ForOp::create(builder, loc, begin, end, constant(lanes));
    builder.setInsertionPointToStart(loop.getBody());
    Value left = arith::SubIOp::create(builder, loc, end, loop.getInductionVar());
    emit(loop.getInductionVar(), vector::CreateMaskOp::create(builder, loc, maskType, left));
    return;
  }
  Value mainEnd = end;
  if (!noRest) {
    Value count = arith::SubIOp::create(builder, loc, end, begin);
    Value rest = arith::RemUIOp::create(builder, loc, count, constant(lanes));
    mainEnd = builder.createOrFold<arith::SubIOp>(loc, end, rest);
    if (extent)
      mainEnd = constant(*last - *extent % lanes);
  }
  if (!extent || *extent >= lanes) {
    auto loop = scf::ForOp::create(builder, loc, begin, mainEnd, constant(lanes));
    OpBuilder::InsertionGuard inner(builder);
    builder.setInsertionPointToStart(loop.getBody());
    emit(loop.getInductionVar(), Value());
  }
  if (noRest)
    return;
  if (!extent) {
    Value some = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, mainEnd, end);
    auto rest = scf::IfOp::create(builder, loc, some, /*withElseRegion=*/false);
    builder.setInsertionPointToStart(rest.thenBlock());
  }
  Value left = arith::SubIOp::create(builder, loc, end, mainEnd);
  emit(mainEnd, vector::CreateMaskOp::create(builder, loc, maskType, left));
}

/// Loads the inputs, takes `carried` for the outputs and clones the body.
/// `loaded` has inputs that are there already.
SmallVector<LaneValue> NestEmitter::evaluate(const Ivs &ivs, ArrayRef<Value> carried, Value mask,
                                             ArrayRef<Value> loaded) {
  SmallVector<LaneValue> arguments;
  for (auto [index, access] : llvm::enumerate(nest.inputs())) {
    BlockArgument argument = op.getBody()->getArgument(index);
    if (!access.buffer.buffer) {
      arguments.push_back({LaneValue::Kind::Uniform, op.getDpsInputs()[index]});
      continue;
    }
    if (argument.use_empty()) {
      arguments.push_back({});
      continue;
    }
    if (!loaded.empty() && loaded[index]) {
      arguments.push_back({LaneValue::Kind::Varying, loaded[index]});
      continue;
    }
    OpFoldResult stride = builder.getIndexAttr(0);
    if (laneLoop)
      stride = *access.strideAlong(builder, loc, *laneLoop);
    Value element = access.elementAt(builder, loc, ivs);
    arguments.push_back(body.load(builder, loc, access.buffer, element, stride, mask));
  }
  for (Value accumulator : carried) {
    bool isVector = accumulator && isa<VectorType>(accumulator.getType());
    arguments.push_back(
        {isVector ? LaneValue::Kind::Varying : LaneValue::Kind::Uniform, accumulator});
  }
  SmallVector<LaneValue> indices;
  for (auto [dim, iv] : llvm::enumerate(ivs))
    indices.push_back({laneLoop == dim ? LaneValue::Kind::Linear : LaneValue::Kind::Uniform,
                       nest.loops[dim].indexUsed ? value(iv) : Value()});
  return body.clone(builder, loc, arguments, indices, mask);
}

/// The reduction loops `dims` around the body; returns the accumulators.
SmallVector<Value> NestEmitter::emitReductions(Ivs ivs, ArrayRef<unsigned> dims,
                                               SmallVector<Value> carried, Value mask) {
  if (dims.empty()) {
    if (laneReduces)
      return emitLaneSteps(ivs, carried);
    SmallVector<Value> results;
    for (LaneValue result : evaluate(ivs, carried, mask))
      results.push_back(body.materialize(builder, loc, result));
    return results;
  }
  auto loop = scf::ForOp::create(builder, loc, constant(0), value(nest.loops[dims[0]].extent),
                                 constant(1), carried);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  ivs[dims[0]] = loop.getInductionVar();
  SmallVector<Value> inner(loop.getRegionIterArgs().begin(), loop.getRegionIterArgs().end());
  SmallVector<Value> results = emitReductions(ivs, dims.drop_front(), inner, mask);
  scf::YieldOp::create(builder, loc, results);
  return loop.getResults();
}

/// One reduction along the lanes: whole vectors, then the masked rest, in which
/// lanes beyond the end keep their accumulator.
SmallVector<Value> NestEmitter::emitLaneSteps(Ivs ivs, SmallVector<Value> carried) {
  Loop &loop = nest.loops[*laneLoop];
  Value end = value(loop.extent);
  std::optional<int64_t> extent = loop.constantExtent();
  Value rest = arith::RemUIOp::create(builder, loc, end, constant(lanes));
  Value mainEnd = extent ? constant(*extent - *extent % lanes)
                         : arith::SubIOp::create(builder, loc, end, rest).getResult();
  SmallVector<Value> sums = carried;
  if (!extent || *extent >= lanes) {
    auto main = scf::ForOp::create(builder, loc, constant(0), mainEnd, constant(lanes), carried);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(main.getBody());
    ivs[*laneLoop] = main.getInductionVar();
    SmallVector<Value> inner(main.getRegionIterArgs().begin(), main.getRegionIterArgs().end());
    SmallVector<Value> results;
    for (LaneValue result : evaluate(ivs, inner, Value()))
      results.push_back(body.materialize(builder, loc, result));
    scf::YieldOp::create(builder, loc, results);
    sums.assign(main.getResults().begin(), main.getResults().end());
  }
  if (extent && *extent % lanes == 0)
    return sums;
  // Also right when nothing is left: the mask is then empty.
  ivs[*laneLoop] = mainEnd;
  Value left = arith::SubIOp::create(builder, loc, end, mainEnd);
  Value mask = vector::CreateMaskOp::create(builder, loc,
                                            VectorType::get({lanes}, builder.getI1Type()), left);
  SmallVector<LaneValue> results = evaluate(ivs, sums, mask);
  for (auto [sum, result] : llvm::zip_equal(sums, results))
    sum = arith::SelectOp::create(builder, loc, mask, body.materialize(builder, loc, result), sum);
  return sums;
}

static vector::CombiningKind combiningKind(Operation *combiner) {
  using Kind = vector::CombiningKind;
  return llvm::TypeSwitch<Operation *, Kind>(combiner)
      .Case<arith::AddFOp, arith::AddIOp>([](auto) { return Kind::ADD; })
      .Case<arith::MulFOp, arith::MulIOp>([](auto) { return Kind::MUL; })
      .Case<arith::MaximumFOp>([](auto) { return Kind::MAXIMUMF; })
      .Case<arith::MinimumFOp>([](auto) { return Kind::MINIMUMF; })
      .Case<arith::MaxNumFOp>([](auto) { return Kind::MAXNUMF; })
      .Case<arith::MinNumFOp>([](auto) { return Kind::MINNUMF; })
      .Case<arith::MaxSIOp>([](auto) { return Kind::MAXSI; })
      .Case<arith::MinSIOp>([](auto) { return Kind::MINSI; })
      .Case<arith::MaxUIOp>([](auto) { return Kind::MAXUI; })
      .Case<arith::MinUIOp>([](auto) { return Kind::MINUI; })
      .Case<arith::AndIOp>([](auto) { return Kind::AND; })
      .Case<arith::OrIOp>([](auto) { return Kind::OR; })
      .Default([](Operation *) { return Kind::XOR; });
}

/// Reduces along the lanes into the outputs' elements.
void NestEmitter::emitLaneReduction(Ivs ivs) {
  SmallVector<Value> neutral;
  for (Operation *combiner : combiners) {
    TypedAttr element = *arith::getNeutralElement(combiner);
    auto type = VectorType::get({lanes}, element.getType());
    neutral.push_back(
        arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, Attribute(element))));
  }
  SmallVector<Value> sums = emitReductions(ivs, reductionLoops, neutral, Value());
  ivs[*laneLoop] = builder.getIndexAttr(0);
  VectorBody scalar(op, 0);
  for (auto [output, combiner, sum] : llvm::zip_equal(nest.outputs(), combiners, sums)) {
    Value element = output.elementAt(builder, loc, ivs);
    LaneValue initial =
        scalar.load(builder, loc, output.buffer, element, builder.getIndexAttr(0), Value());
    // Reassociation is what a reduction along lanes is.
    Value total = vector::ReductionOp::create(builder, loc, combiningKind(combiner), sum,
                                              arith::FastMathFlags::reassoc);
    total = vector::makeArithReduction(builder, loc, combiningKind(combiner), total, initial.value);
    scalar.store(builder, loc, {LaneValue::Kind::Uniform, total}, output.buffer, element,
                 builder.getIndexAttr(1), Value());
  }
}

/// Everything for one run of lanes (or one scalar iteration) of the parallel loops.
void NestEmitter::emitElement(const Ivs &ivs, Value mask) {
  SmallVector<Value> carried;
  Ivs start = ivs;
  for (unsigned dim : reductionLoops)
    start[dim] = builder.getIndexAttr(0);
  SmallVector<Value> elements;
  SmallVector<OpFoldResult> strides;
  for (Access &output : nest.outputs())
    strides.push_back(laneLoop ? *output.strideAlong(builder, loc, *laneLoop)
                               : OpFoldResult(builder.getIndexAttr(1)));
  for (auto [index, output] : llvm::enumerate(nest.outputs())) {
    elements.push_back(output.elementAt(builder, loc, start));
    if (op.getRegionOutputArgs()[index].use_empty()) {
      carried.push_back(Value());
      continue;
    }
    LaneValue initial =
        body.load(builder, loc, output.buffer, elements.back(), strides[index], mask);
    carried.push_back(initial.value);
  }
  SmallVector<LaneValue> results;
  // An output that its body does not read is not carried through the loops, so
  // that only bodies of reductions, which read theirs, have loops here.
  if (reductionLoops.empty() || llvm::is_contained(carried, Value())) {
    if (!reductionLoops.empty())
      for (auto [index, output] : llvm::enumerate(nest.outputs()))
        if (!carried[index])
          carried[index] =
              body.load(builder, loc, output.buffer, elements[index], strides[index], mask).value;
  }
  if (reductionLoops.empty()) {
    results = evaluate(ivs, carried, mask);
  } else {
    for (Value sum : emitReductions(ivs, reductionLoops, carried, mask))
      results.push_back(
          {isa<VectorType>(sum.getType()) ? LaneValue::Kind::Varying : LaneValue::Kind::Uniform,
           sum});
  }
  for (auto [output, element, stride, result] :
       llvm::zip_equal(nest.outputs(), elements, strides, results))
    body.store(builder, loc, result, output.buffer, element, stride, mask);
}

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
