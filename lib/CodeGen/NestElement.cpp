//===- NestElement.cpp - What one run of lanes computes -------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Loads, the body, reductions and stores for a vector of iterations of the lane loop, or
// for one iteration where there is none.
//===----------------------------------------------------------------------===//

#include "NestEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace secateur::codegen;

Value NestEmitter::value(OpFoldResult result) {
  return getValueOrCreateConstantIndexOp(builder, loc, result);
}

Value NestEmitter::constant(int64_t number) {
  return arith::ConstantIndexOp::create(builder, loc, number);
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
                                               const SmallVector<Value> &carried, Value mask) {
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
SmallVector<Value> NestEmitter::emitLaneSteps(Ivs ivs, const SmallVector<Value> &carried) {
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
