//===- ErasedValues.cpp - What erased positions hold ------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The solver's second pass: digits stay where what their erased positions hold in the
// zeroed model is not what an operation needs.

#include "Solver.h"
#include "secateur/Pruning/Extents.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;
using nn::Axis;
using nn::ErasedValue;

ErasedValue Solver::erasedAt(OpOperand &use, NodeId digit) {
  Value value = use.get();
  if (!value.getDefiningOp() || isStoredTensor(value)) {
    bool has = false;
    for (Axis axis : axes(use))
      digits.forEachDigit(axis.id, [&](const Occurrence &at) { has |= at.digit == digit; });
    if (!has)
      return ErasedValue::absent();
    return keepsItsValue(use) ? ErasedValue::finite() : ErasedValue::constant(fillOf(use));
  }
  for (auto [other, held] : erased[value])
    if (other == digit)
      return held;
  return ErasedValue::absent();
}

/// What erased positions of a result hold: the operator says, or what the subgraphs yield.
ErasedValue Solver::erasedResult(OpResult result, NodeId digit) {
  Operation *op = result.getOwner();
  if (isChoice(op)) {
    ErasedValue held = ErasedValue::absent();
    for (Region &region : op->getRegions())
      held = join(
          held,
          erasedAt(region.front().getTerminator()->getOpOperand(result.getResultNumber()), digit));
    return held;
  }
  if (auto found = shuffleOf.find(op); found != shuffleOf.end())
    return erasedAt(found->second->data(), digit);
  auto coupling = dyn_cast<nn::CouplingOpInterface>(op);
  if (!coupling)
    return ErasedValue::unknown();
  SmallVector<ErasedValue> operands;
  for (OpOperand &operand : op->getOpOperands())
    operands.push_back(erasedAt(operand, digit));
  return coupling.erasedValue(operands, result.getResultNumber());
}

void Solver::checkErasedValues(Block &block) {
  for (Operation &op : block) {
    if (isChoice(&op))
      for (Region &region : op.getRegions())
        checkErasedValues(region.front());
    if (auto found = needs.find(&op); found != needs.end())
      for (const Need &need : found->second)
        checkNeed(need);
    for (OpResult result : op.getResults()) {
      if (isStoredTensor(result))
        continue;
      Erased held;
      for (Axis axis : axesOf(result)) {
        if (digits.pinOf(axis.id))
          continue;
        digits.forEachDigit(axis.id, [&](const Occurrence &at) {
          bool known = llvm::any_of(held, [&](auto &pair) { return pair.first == at.digit; });
          if (!known && !digits.pinOf(at.digit))
            held.emplace_back(at.digit, ErasedValue::unknown());
        });
      }
      for (auto &[digit, value] : held)
        value = erasedResult(result, digit);
      if (!held.empty())
        erased[result] = std::move(held);
    }
  }
}

void Solver::checkNeed(const Need &need) {
  SmallVector<NodeId> wrong;
  digits.forEachDigit(need.positions.id, [&](const Occurrence &at) {
    if (digits.pinOf(at.digit))
      return;
    ErasedValue left = erasedAt(*need.left, at.digit);
    bool holds = left.isFinite();
    if (need.kind == Need::Kind::Number) {
      holds = left.isAbsent() || (left.isConstant() && left.number == need.number);
    } else if (need.kind == Need::Kind::ZeroProduct) {
      ErasedValue right = erasedAt(*need.right, at.digit);
      auto isZero = [](ErasedValue held, std::optional<int64_t> zero) {
        return held.isConstant() && zero && held.number == *zero;
      };
      holds = (isZero(left, need.leftZero) || isZero(right, need.rightZero)) && left.isFinite() &&
              right.isFinite();
    }
    if (!holds)
      wrong.push_back(at.digit);
  });
  for (NodeId digit : wrong)
    digits.pin(digit, need.reason);
}
