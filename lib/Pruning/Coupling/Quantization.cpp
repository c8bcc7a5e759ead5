//===- Quantization.cpp - Coupling of quantised tensors ---------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Scales and zero points travel with the axis that they are per. A quantised zero is
// the zero point, where that is one constant for all.

#include "Coupling.h"

#include "secateur/Analysis/Constants.h"

#include <cmath>

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

std::optional<int64_t> pruning::zeroPointOf(Value value) {
  if (!value)
    return 0;
  std::optional<SmallVector<int64_t>> numbers = analysis::getConstantIntegers(value);
  if (!numbers || numbers->empty() || !llvm::all_equal(*numbers))
    return std::nullopt;
  return numbers->front();
}

void pruning::countAsZeroPoint(CouplingBuilder &builder, OpOperand &weight, OpOperand *zeroPoint) {
  std::optional<int64_t> number = zeroPoint ? zeroPointOf(zeroPoint->get()) : 0;
  if (!number || *number == 0 || !weight.get().getDefiningOp<nn::ConstantOp>())
    return;
  builder.countsAs(weight, *number);
  builder.keepsValue(*zeroPoint);
}

/// What a quantised tensor of zeros holds.
static ErasedValue quantisedZero(Value zero) {
  std::optional<int64_t> number = zeroPointOf(zero);
  return number ? ErasedValue::constant(*number) : ErasedValue::finite();
}

static bool standsForZero(ErasedValue held, Value zero) {
  std::optional<int64_t> number = zeroPointOf(zero);
  return held.isConstant() && number && held.number == *number;
}

namespace {

template <typename Op>
struct Quantize : nn::CouplingOpInterface::ExternalModel<Quantize<Op>, Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> x(builder.axes(op->getOpOperand(0)));
    std::optional<unsigned> axis = normalizeAxis(axisOf(cast<Op>(op)), x.size());
    for (OpOperand &parameter : op->getOpOperands().drop_front()) {
      SmallVector<Axis> axes(builder.axes(parameter));
      if (axes.size() == 1 && axis && builder.extent(axes[0]) != 1) {
        builder.unify(axes[0], x[*axis]);
      } else if (axes.size() > 1 || blockOf(cast<Op>(op)) != 0) {
        for (Axis blocked : x)
          builder.pin(blocked, "it is quantised in blocks");
        for (Axis blocked : axes)
          builder.pin(blocked, "it is quantised in blocks");
      }
    }
    // Zero is no divisor.
    if (quantizes()) {
      builder.keepsValue(op->getOpOperand(1));
    } else {
      builder.holdsNumbers(op->getOpOperand(0));
      if (op->getNumOperands() > 2)
        countAsZeroPoint(builder, op->getOpOperand(0), &op->getOpOperand(2));
    }
    builder.setResult(0, x);
  }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    if (!operands[0].isFinite())
      return ErasedValue::unknown();
    Value zero = op->getNumOperands() > 2 ? op->getOperand(2) : Value();
    // Zero points that were erased count as zero, too.
    bool noShift = operands.size() < 3 || operands[2].isZero();
    if (quantizes())
      return !operands[0].isZero() ? ErasedValue::finite()
             : noShift             ? ErasedValue::zero()
                                   : quantisedZero(zero);
    bool isZero = operands[1].isZero() || standsForZero(operands[0], zero) ||
                  (operands[0].isZero() && noShift);
    return isZero ? ErasedValue::zero() : ErasedValue::finite();
  }

private:
  static constexpr bool quantizes() {
    return std::is_same_v<Op, nn::QuantizeLinearOp> || std::is_same_v<Op, nn::MsQuantizeLinearOp>;
  }
  static int64_t axisOf(nn::QuantizeLinearOp op) { return op.getAxis(); }
  static int64_t axisOf(nn::DequantizeLinearOp op) { return op.getAxis(); }
  static int64_t axisOf(nn::MsQuantizeLinearOp op) { return op.getAxis().value_or(1); }
  static int64_t axisOf(nn::MsDequantizeLinearOp op) { return op.getAxis().value_or(1); }
  static int64_t blockOf(nn::QuantizeLinearOp op) { return op.getBlockSize(); }
  static int64_t blockOf(nn::DequantizeLinearOp op) { return op.getBlockSize(); }
  static int64_t blockOf(nn::MsQuantizeLinearOp) { return 0; }
  static int64_t blockOf(nn::MsDequantizeLinearOp) { return 0; }
};

/// The range of all positions is the scale: zeros do not change it.
struct DynamicQuantize
    : nn::CouplingOpInterface::ExternalModel<DynamicQuantize, nn::DynamicQuantizeLinearOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> x(builder.axes(op->getOpOperand(0)));
    for (unsigned axis = 0; axis < x.size(); ++axis)
      builder.needZero(op->getOpOperand(0), axis,
                       "erased positions that the range counts do not hold zero");
    builder.setResult(0, x);
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue>, unsigned) const {
    return ErasedValue::finite();
  }
};

/// Quantised A and B, broadcast. Their scales and zero points are one for all.
template <typename Op>
struct QuantizedBinary : nn::CouplingOpInterface::ExternalModel<QuantizedBinary<Op>, Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    std::optional<ArrayRef<Dim>> shape = builder.shape(op->getResult(0));
    if (!shape)
      return pinAll(op, builder, "its rank is not known");
    auto binary = cast<Op>(op);
    SmallVector<Axis> a(builder.axes(*operandOf(binary, 0))),
        b(builder.axes(*operandOf(binary, 3)));
    builder.setResult(0, broadcast(builder, {a, b}, *shape));
  }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    auto binary = cast<Op>(op);
    auto isZero = [&](unsigned index, Value zero) {
      ErasedValue held = operands[operandOf(binary, index)->getOperandNumber()];
      return standsForZero(held, zero);
    };
    bool a = isZero(0, binary.getAZeroPoint()), b = isZero(3, binary.getBZeroPoint());
    bool zero = std::is_same_v<Op, nn::MsQlinearMulOp> ? a || b : a && b;
    return zero ? quantisedZero(binary.getCZeroPoint()) : ErasedValue::finite();
  }
};

/// Numbers go through one by one; `keepsZero` where 0 becomes 0.
template <typename Op, bool keepsZero>
struct QuantizedUnary : nn::CouplingOpInterface::ExternalModel<QuantizedUnary<Op, keepsZero>, Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    builder.setResult(0, SmallVector<Axis>(builder.axes(op->getOpOperand(0))));
  }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    auto unary = cast<Op>(op);
    return keepsZero && standsForZero(operands[0], unary.getXZeroPoint())
               ? quantisedZero(unary.getYZeroPoint())
               : ErasedValue::finite();
  }
};

struct QuantizedSoftmax
    : nn::CouplingOpInterface::ExternalModel<QuantizedSoftmax, nn::MsQlinearSoftmaxOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto softmax = cast<nn::MsQlinearSoftmaxOp>(op);
    SmallVector<Axis> x(builder.axes(op->getOpOperand(0)));
    std::optional<unsigned> axis = normalizeAxis(softmax.getAxis(), x.size());
    for (auto [index, each] : llvm::enumerate(x))
      if (axis && (index == *axis || (index > *axis && softmax.getOpset() < 13)))
        builder.pin(each, "the operator computes along this axis");
    builder.setResult(0, x);
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue>, unsigned) const {
    return ErasedValue::finite();
  }
};

/// Batch and channels pass; positions in space stay.
template <typename Op>
struct QuantizedPool : nn::CouplingOpInterface::ExternalModel<QuantizedPool<Op>, Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto pool = cast<Op>(op);
    unsigned channels = pool.getChannelsLast() ? builder.axes(op->getOpOperand(0)).size() - 1 : 1;
    declarePassing(
        op, builder, [&](unsigned axis) { return axis == 0 || axis == channels; },
        "positions in space stay");
  }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    auto pool = cast<Op>(op);
    return standsForZero(operands[0], pool.getXZeroPoint()) ? quantisedZero(pool.getYZeroPoint())
                                                            : ErasedValue::finite();
  }
};

/// The scale and zero point of the result, then tensor, scale and zero point of each
/// piece.
struct QuantizedConcat
    : nn::CouplingOpInterface::ExternalModel<QuantizedConcat, nn::MsQlinearConcatOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    SmallVector<Axis> result(builder.axes(op->getOpOperand(2)));
    std::optional<unsigned> axis =
        normalizeAxis(cast<nn::MsQlinearConcatOp>(op).getAxis(), result.size());
    if (!axis)
      return pinAll(op, builder, "its rank is not known");
    SmallVector<Axis> pieces;
    for (unsigned index = 2; index < op->getNumOperands(); index += 3) {
      SmallVector<Axis> axes(builder.axes(op->getOpOperand(index)));
      if (axes.size() != result.size())
        return pinAll(op, builder, "its rank is not known");
      pieces.push_back(axes[*axis]);
      for (auto [position, pair] : llvm::enumerate(llvm::zip(result, axes)))
        if (position != *axis)
          builder.unify(std::get<0>(pair), std::get<1>(pair));
    }
    result[*axis] = builder.concat(pieces);
    builder.setResult(0, result);
  }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    for (unsigned index = 2; index + 2 < op->getNumOperands(); index += 3)
      if (!operands[index].isAbsent() && !standsForZero(operands[index], op->getOperand(index + 2)))
        return ErasedValue::finite();
    return quantisedZero(op->getOperand(1));
  }
};

} // namespace

void pruning::attachQuantizationCoupling(MLIRContext &context) {
  nn::DequantizeLinearOp::attachInterface<Quantize<nn::DequantizeLinearOp>>(context);
  nn::QuantizeLinearOp::attachInterface<Quantize<nn::QuantizeLinearOp>>(context);
  nn::MsDequantizeLinearOp::attachInterface<Quantize<nn::MsDequantizeLinearOp>>(context);
  nn::MsQuantizeLinearOp::attachInterface<Quantize<nn::MsQuantizeLinearOp>>(context);
  nn::DynamicQuantizeLinearOp::attachInterface<DynamicQuantize>(context);
  nn::MsQlinearAddOp::attachInterface<QuantizedBinary<nn::MsQlinearAddOp>>(context);
  nn::MsQlinearMulOp::attachInterface<QuantizedBinary<nn::MsQlinearMulOp>>(context);
  nn::MsQlinearSigmoidOp::attachInterface<QuantizedUnary<nn::MsQlinearSigmoidOp, false>>(context);
  nn::MsQlinearLeakyReluOp::attachInterface<QuantizedUnary<nn::MsQlinearLeakyReluOp, true>>(
      context);
  nn::MsQlinearSoftmaxOp::attachInterface<QuantizedSoftmax>(context);
  nn::MsQlinearGlobalAveragePoolOp::attachInterface<
      QuantizedPool<nn::MsQlinearGlobalAveragePoolOp>>(context);
  nn::MsQlinearAveragePoolOp::attachInterface<QuantizedPool<nn::MsQlinearAveragePoolOp>>(context);
  nn::MsQlinearConcatOp::attachInterface<QuantizedConcat>(context);
}
