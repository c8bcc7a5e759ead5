//===- NestPlan.cpp - Which loop of a nest is walked in lanes -------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The loop with the most operands that are contiguous along it, where that is right for
// all outputs; the order of the others; and the loop that is walked in blocks because
// an input lies across.
//===----------------------------------------------------------------------===//

#include "NestEmitter.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace secateur::codegen;

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
