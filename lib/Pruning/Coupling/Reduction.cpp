//===- Reduction.cpp - Coupling of reductions -------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Kept axes pass. Reduced axes end: positions may leave where they hold zero and
// zero does not count. A mean goes on counting them; a maximum may lose zeros where
// nothing is negative.

#include "Coupling.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

namespace {

enum class Over {
  /// Zeros add nothing.
  Sum,
  /// Zeros are counted; `count` on the operation says how many there were.
  Mean,
  /// Zeros are no answer where nothing is negative.
  Maximum,
  /// Ones change nothing.
  Product,
  /// Any position may be the answer.
  Other,
};

template <typename Op, Over kind>
struct Reduce : nn::CouplingOpInterface::ExternalModel<Reduce<Op, kind>, Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto reduce = cast<Op>(op);
    SmallVector<Axis> x(builder.axes(op->getOpOperand(0)));
    SmallVector<bool> reduced(x.size(), false);
    std::optional<SmallVector<int64_t>> axes = builder.integers(reduce.getAxes());
    if (axes && !axes->empty()) {
      for (int64_t axis : *axes)
        if (std::optional<unsigned> index = normalizeAxis(axis, x.size()))
          reduced[*index] = true;
    } else if (reduce.getAxes() && !axes) {
      for (Axis axis : x)
        builder.pin(axis, "which axes are reduced depends on the input");
      return;
    } else if (!reduce.getNoopWithEmptyAxes()) {
      reduced.assign(x.size(), true);
    }
    SmallVector<Axis> result;
    Dim one = getAffineConstantExpr(1, op->getContext());
    bool counted = llvm::all_of(llvm::zip(x, reduced), [&](auto pair) {
      return !std::get<1>(pair) || builder.extent(std::get<0>(pair)).has_value();
    });
    for (auto [index, axis] : llvm::enumerate(x)) {
      if (!reduced[index]) {
        result.push_back(axis);
        continue;
      }
      bool maximum = kind == Over::Maximum && builder.isNonNegative(op->getOperand(0));
      if (kind == Over::Other || (kind == Over::Maximum && !maximum))
        builder.pin(axis, "the value of a removed position may be the result");
      else if (kind == Over::Product)
        builder.needNumber(op->getOpOperand(0), index, 1,
                           "erased positions that are multiplied do not hold one");
      else if (kind == Over::Mean && !counted)
        builder.pin(axis, "the mean counts positions whose number depends on the input");
      else
        builder.needZero(op->getOpOperand(0), index,
                         "erased positions that are summed do not hold zero");
      if (reduce.getKeepdims())
        result.push_back(builder.rigid(one, ""));
    }
    builder.setResult(0, result);
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    bool zeroStays = std::is_same_v<Op, nn::ReduceSumOp> || std::is_same_v<Op, nn::ReduceMeanOp> ||
                     std::is_same_v<Op, nn::ReduceL1Op> || std::is_same_v<Op, nn::ReduceL2Op> ||
                     std::is_same_v<Op, nn::ReduceSumSquareOp> ||
                     std::is_same_v<Op, nn::ReduceMaxOp> || std::is_same_v<Op, nn::ReduceMinOp>;
    return zeroStays ? operands[0] : ErasedValue::unknown();
  }
  SizeUse useOfSizes(Operation *, unsigned operand) const {
    return {operand ? SizeUse::Kind::Value : SizeUse::Kind::Passes, std::nullopt};
  }
};

template <typename Op>
struct ArgExtremum : nn::CouplingOpInterface::ExternalModel<ArgExtremum<Op>, Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> x(builder.axes(op->getOpOperand(0)));
    std::optional<unsigned> axis = normalizeAxis(cast<Op>(op).getAxis(), x.size());
    if (!axis)
      return;
    builder.pin(x[*axis], "the numbers of its positions are results");
    if (cast<Op>(op).getKeepdims())
      x[*axis] = builder.rigid(getAffineConstantExpr(1, op->getContext()), "");
    else
      x.erase(x.begin() + *axis);
    builder.setResult(0, x);
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue>, unsigned) const {
    return ErasedValue::finite();
  }
};

struct TopkCoupling : nn::CouplingOpInterface::ExternalModel<TopkCoupling, nn::TopkOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    std::optional<unsigned> axis =
        normalizeAxis(cast<nn::TopkOp>(op).getAxis(), builder.axes(op->getOpOperand(0)).size());
    declarePassing(
        op, builder, [&](unsigned index) { return axis && index != *axis; },
        "the numbers of its positions are results");
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned result) const {
    return result == 0 ? operands[0] : ErasedValue::finite();
  }
};

struct CumSumCoupling : nn::CouplingOpInterface::ExternalModel<CumSumCoupling, nn::CumSumOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    size_t rank = builder.axes(op->getOpOperand(0)).size();
    std::optional<SmallVector<int64_t>> along = builder.integers(op->getOperand(1));
    std::optional<unsigned> axis =
        along && along->size() == 1 ? normalizeAxis((*along)[0], rank) : std::nullopt;
    declarePassing(
        op, builder, [&](unsigned index) { return axis && index != *axis; },
        "sums run along this axis");
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return operands[0];
  }
};

} // namespace

void pruning::attachReductionCoupling(MLIRContext &context) {
  nn::ReduceSumOp::attachInterface<Reduce<nn::ReduceSumOp, Over::Sum>>(context);
  nn::ReduceL1Op::attachInterface<Reduce<nn::ReduceL1Op, Over::Sum>>(context);
  nn::ReduceL2Op::attachInterface<Reduce<nn::ReduceL2Op, Over::Sum>>(context);
  nn::ReduceSumSquareOp::attachInterface<Reduce<nn::ReduceSumSquareOp, Over::Sum>>(context);
  nn::ReduceMeanOp::attachInterface<Reduce<nn::ReduceMeanOp, Over::Mean>>(context);
  nn::ReduceMaxOp::attachInterface<Reduce<nn::ReduceMaxOp, Over::Maximum>>(context);
  nn::ReduceMinOp::attachInterface<Reduce<nn::ReduceMinOp, Over::Other>>(context);
  nn::ReduceProdOp::attachInterface<Reduce<nn::ReduceProdOp, Over::Product>>(context);
  nn::ReduceLogSumOp::attachInterface<Reduce<nn::ReduceLogSumOp, Over::Sum>>(context);
  nn::ReduceLogSumExpOp::attachInterface<Reduce<nn::ReduceLogSumExpOp, Over::Other>>(context);
  nn::ArgMaxOp::attachInterface<ArgExtremum<nn::ArgMaxOp>>(context);
  nn::ArgMinOp::attachInterface<ArgExtremum<nn::ArgMinOp>>(context);
  nn::TopkOp::attachInterface<TopkCoupling>(context);
  nn::CumSumOp::attachInterface<CumSumCoupling>(context);
}
