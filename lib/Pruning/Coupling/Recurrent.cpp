//===- Recurrent.cpp - Coupling of recurrent layers -------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The hidden state is one digit: rows of W, rows and columns of R, biases,
// peepholes, states and outputs, inside each gate and in both directions alike.
// With its weights zero, a state that starts at zero stays there: gates are 1/2,
// candidates 0.

#include "Coupling.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

namespace {

/// `gates` of the layer; `states`: formal operands that are [directions, batch, H].
template <typename Op, int64_t gates, bool hasCell>
struct Recurrent : nn::CouplingOpInterface::ExternalModel<Recurrent<Op, gates, hasCell>, Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto layer = cast<Op>(op);
    OpOperand &x = op->getOpOperand(0), &w = op->getOpOperand(1), &r = op->getOpOperand(2);
    SmallVector<Axis> xAxes(builder.axes(x)), wAxes(builder.axes(w)), rAxes(builder.axes(r));
    bool known =
        xAxes.size() == 3 && wAxes.size() == 3 && rAxes.size() == 3 && builder.extent(rAxes[2]);
    // Bias, states and peepholes have the ranks that the operator gives them.
    for (auto [index, rank] :
         {std::pair(3u, 2u), std::pair(5u, 3u), std::pair(6u, 3u), std::pair(7u, 2u)})
      if (index < (hasCell ? 8u : 6u))
        if (OpOperand *operand = operandOf(layer, index))
          known &= builder.axes(*operand).size() == rank;
    bool plain = known && !layer.getActivations() && !layer.getClip();
    if (!plain) {
      for (OpOperand &operand : op->getOpOperands())
        for (Axis axis : builder.axes(operand))
          builder.pin(axis, "the recurrent layer has its own activations or an unknown size");
      return;
    }
    auto size = [&](int64_t n) { return getAffineConstantExpr(n, op->getContext()); };
    Axis hidden = rAxes[2];
    auto stacked = [&](Axis axis, int64_t count) {
      SmallVector<Axis> parts =
          builder.regroup({axis}, {size(count), size(*builder.extent(hidden))});
      builder.pin(parts[0], "the gates of a recurrent layer stay");
      builder.unify(parts[1], hidden);
    };
    stacked(wAxes[1], gates);
    stacked(rAxes[1], gates);
    builder.unify(wAxes[2], xAxes[2]);
    builder.needZeroProduct(x, w, 2, "erased positions that are summed over do not hold zero");
    SmallVector<Axis> directions = {wAxes[0], rAxes[0]};
    if (OpOperand *bias = operandOf(layer, 3)) {
      SmallVector<Axis> axes(builder.axes(*bias));
      stacked(axes[1], 2 * gates);
      directions.push_back(axes[0]);
    }
    bool batchFirst = layer.getLayout() == 1;
    Axis batch = xAxes[batchFirst ? 0 : 1], time = xAxes[batchFirst ? 1 : 0];
    // Operand 4 is the lengths; then the states that it starts with.
    for (unsigned state = 5; state < (hasCell ? 7u : 6u); ++state) {
      if (OpOperand *start = operandOf(layer, state)) {
        SmallVector<Axis> axes(builder.axes(*start));
        directions.push_back(axes[batchFirst ? 1 : 0]);
        builder.unify(axes[2], hidden);
        builder.needZero(*start, 2, "the state that it starts with does not hold zero");
      }
    }
    if (hasCell)
      if (OpOperand *peepholes = operandOf(layer, 7)) {
        SmallVector<Axis> axes(builder.axes(*peepholes));
        directions.push_back(axes[0]);
        stacked(axes[1], 3);
      }
    builder.pin(time, "steps in time stay");
    for (Axis direction : directions)
      builder.pin(direction, "");
    Axis direction = wAxes[0];
    for (OpResult result : op->getResults()) {
      bool isSequence = builder.shape(result)->size() == 4;
      if (isSequence && batchFirst)
        builder.setResult(result.getResultNumber(), {batch, time, direction, hidden});
      else if (isSequence)
        builder.setResult(result.getResultNumber(), {time, direction, batch, hidden});
      else if (batchFirst)
        builder.setResult(result.getResultNumber(), {batch, direction, hidden});
      else
        builder.setResult(result.getResultNumber(), {direction, batch, hidden});
    }
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue>, unsigned) const {
    return ErasedValue::zero();
  }
};

} // namespace

void pruning::attachRecurrentCoupling(MLIRContext &context) {
  nn::LstmOp::attachInterface<Recurrent<nn::LstmOp, 4, true>>(context);
  nn::GruOp::attachInterface<Recurrent<nn::GruOp, 3, false>>(context);
  nn::RnnOp::attachInterface<Recurrent<nn::RnnOp, 1, false>>(context);
}
