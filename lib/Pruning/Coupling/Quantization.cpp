//===- Quantization.cpp - Coupling of quantised tensors ---------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Scales and zero points travel with the axis that they are per.

#include "Coupling.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

static bool isZeroConstant(Value value) {
  auto constant = value.getDefiningOp<nn::ConstantOp>();
  auto elements =
      constant ? dyn_cast<DenseIntElementsAttr>(constant.getValue()) : DenseIntElementsAttr();
  return elements &&
         llvm::all_of(elements.getValues<APInt>(), [](const APInt &v) { return v.isZero(); });
}

namespace {

template <typename Op>
struct Quantize : nn::CouplingOpInterface::ExternalModel<Quantize<Op>, Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto quantize = cast<Op>(op);
    SmallVector<Axis> x(builder.axes(op->getOpOperand(0)));
    std::optional<unsigned> axis = normalizeAxis(quantize.getAxis(), x.size());
    for (OpOperand &parameter : op->getOpOperands().drop_front()) {
      SmallVector<Axis> axes(builder.axes(parameter));
      if (axes.size() == 1 && axis && builder.extent(axes[0]) != 1) {
        builder.unify(axes[0], x[*axis]);
      } else if (axes.size() > 1 || quantize.getBlockSize() != 0) {
        for (Axis blocked : x)
          builder.pin(blocked, "it is quantised in blocks");
        for (Axis blocked : axes)
          builder.pin(blocked, "it is quantised in blocks");
      }
    }
    // Zero is no divisor.
    if (std::is_same_v<Op, nn::QuantizeLinearOp>)
      builder.keepsValue(op->getOpOperand(1));
    builder.setResult(0, x);
  }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    if (!operands[0].isFinite())
      return ErasedValue::unknown();
    bool noShift = operands.size() < 3 || operands[2].isZero() || isZeroConstant(op->getOperand(2));
    if (operands[0].isZero() && noShift)
      return ErasedValue::zero();
    if (std::is_same_v<Op, nn::DequantizeLinearOp> && operands[1].isZero())
      return ErasedValue::zero();
    return ErasedValue::finite();
  }
};

} // namespace

void pruning::attachQuantizationCoupling(MLIRContext &context) {
  nn::DequantizeLinearOp::attachInterface<Quantize<nn::DequantizeLinearOp>>(context);
  nn::QuantizeLinearOp::attachInterface<Quantize<nn::QuantizeLinearOp>>(context);
}
