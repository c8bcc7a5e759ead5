//===- QuantizedContraction.cpp - Coupling of products of integers -----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// As the products of numbers, with scales, zero points and biases that travel with
// the rows and columns that they are for. A product is zero where the weight is its
// zero point, whatever the input holds: all integers are finite.

#include "Coupling.h"

#include "secateur/Analysis/Constants.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

/// The operands of one operator by what they are; null where it has none such.
namespace {
struct Product {
  OpOperand *left, *right;
  SmallVector<OpOperand *> perRow, perColumn;
  OpOperand *rightZero = nullptr, *bias = nullptr, *resultZero = nullptr, *leftZero = nullptr;
};
} // namespace

static Product partsOf(nn::MatmulIntegerOp op) {
  return {
      operandOf(op, 0), operandOf(op, 1), {operandOf(op, 2)}, {operandOf(op, 3)}, operandOf(op, 3),
      nullptr,          nullptr,          operandOf(op, 2)};
}
static Product partsOf(nn::QlinearMatmulOp op) {
  return {operandOf(op, 0),
          operandOf(op, 3),
          {operandOf(op, 1), operandOf(op, 2)},
          {operandOf(op, 4), operandOf(op, 5)},
          operandOf(op, 5),
          nullptr,
          operandOf(op, 7),
          operandOf(op, 2)};
}
static Product partsOf(nn::MsQgemmOp op) {
  return {operandOf(op, 0),
          operandOf(op, 3),
          {},
          {operandOf(op, 4), operandOf(op, 5)},
          operandOf(op, 5),
          operandOf(op, 6),
          operandOf(op, 8),
          operandOf(op, 2)};
}
static Product partsOf(nn::MsDynamicQuantizeMatmulOp op) {
  return {operandOf(op, 0), operandOf(op, 1), {}, {operandOf(op, 2), operandOf(op, 3)},
          operandOf(op, 3), operandOf(op, 4)};
}
static Product partsOf(nn::MsMatmulIntegerToFloatOp op) {
  return {operandOf(op, 0),
          operandOf(op, 1),
          {operandOf(op, 2), operandOf(op, 4)},
          {operandOf(op, 3), operandOf(op, 5)},
          operandOf(op, 5),
          operandOf(op, 6),
          nullptr,
          operandOf(op, 4)};
}
/// Rows are those of the weight: filters.
static Product partsOf(nn::ConvIntegerOp op) {
  return {operandOf(op, 0), operandOf(op, 1), {},      {operandOf(op, 3)},
          operandOf(op, 3), nullptr,          nullptr, operandOf(op, 2)};
}
static Product partsOf(nn::QlinearConvOp op) {
  return {operandOf(op, 0),
          operandOf(op, 3),
          {},
          {operandOf(op, 4), operandOf(op, 5)},
          operandOf(op, 5),
          operandOf(op, 8),
          operandOf(op, 7),
          operandOf(op, 2)};
}

static std::optional<int64_t> zeroOf(OpOperand *zero) {
  return zero ? zeroPointOf(zero->get()) : 0;
}
static Zeros zerosOf(const Product &parts) {
  return {zeroOf(parts.leftZero), zeroOf(parts.rightZero)};
}

static std::pair<bool, bool> transposes(nn::MsQgemmOp op) {
  return {op.getTransA() != 0, op.getTransB() != 0};
}
template <typename Op>
static std::pair<bool, bool> transposes(Op) {
  return {false, false};
}

namespace {

template <typename Op>
struct ProductBase {
  static void declareParameters(CouplingBuilder &builder, const Product &parts,
                                ArrayRef<Axis> result, unsigned columns) {
    for (OpOperand *parameter : parts.perRow)
      if (parameter && result.size() > 1)
        unifyVector(builder, parameter, result[result.size() - 2]);
    for (OpOperand *parameter : parts.perColumn)
      unifyVector(builder, parameter, result[columns]);
    unifyVector(builder, parts.bias, result[columns]);
    if (parts.bias)
      builder.holdsNumbers(*parts.bias);
    countAsZeroPoint(builder, *parts.right, parts.rightZero);
  }
  /// The sums are zero where the weight is and there is no bias.
  static ErasedValue held(Operation *op, ArrayRef<ErasedValue> operands) {
    Product parts = partsOf(cast<Op>(op));
    auto at = [&](OpOperand *operand) { return operands[operand->getOperandNumber()]; };
    bool noBias = !parts.bias || at(parts.bias).isZero();
    if (!at(parts.left).isFinite())
      return ErasedValue::unknown();
    ErasedValue right = at(parts.right);
    std::optional<int64_t> zero = zeroOf(parts.rightZero);
    // Of several zero points, each leaves with its column, of which both hold 0.
    bool isZero = right.isConstant() && zero && right.number == *zero;
    isZero |= right.isZero() && parts.rightZero && at(parts.rightZero).isZero();
    if (!isZero || !noBias)
      return ErasedValue::finite();
    if (!parts.resultZero)
      return ErasedValue::zero();
    std::optional<SmallVector<int64_t>> result =
        analysis::getConstantIntegers(parts.resultZero->get());
    return result && result->size() == 1 ? ErasedValue::constant(result->front())
                                         : ErasedValue::finite();
  }
};

template <typename Op>
struct IntegerMatmul : nn::CouplingOpInterface::ExternalModel<IntegerMatmul<Op>, Op>,
                       ProductBase<Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    Product parts = partsOf(cast<Op>(op));
    auto [transLeft, transRight] = transposes(cast<Op>(op));
    std::optional<SmallVector<Axis>> result = declareProduct(op, builder, *parts.left, *parts.right,
                                                             transLeft, transRight, zerosOf(parts));
    if (!result || result->empty())
      return pinAll(op, builder, "its rank is not known");
    // Its own range, which zeros do not change, is the scale.
    if (isa<nn::MsDynamicQuantizeMatmulOp>(op))
      for (unsigned axis = 0; axis < builder.axes(*parts.left).size(); ++axis)
        builder.needZero(*parts.left, axis,
                         "erased positions that the range counts do not hold zero");
    this->declareParameters(builder, parts, *result, result->size() - 1);
    builder.setResult(0, *result);
  }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    return this->held(op, operands);
  }
};

template <typename Op>
struct IntegerConv : nn::CouplingOpInterface::ExternalModel<IntegerConv<Op>, Op>, ProductBase<Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    Product parts = partsOf(cast<Op>(op));
    std::optional<SmallVector<Axis>> result =
        declareConvolution(op, builder, *parts.left, *parts.right, cast<Op>(op).getGroup(),
                           /*transposed=*/false, zerosOf(parts));
    if (!result)
      return;
    this->declareParameters(builder, parts, *result, 1);
    builder.setResult(0, *result);
  }
  ErasedValue erasedValue(Operation *op, ArrayRef<ErasedValue> operands, unsigned) const {
    return this->held(op, operands);
  }
};

} // namespace

void pruning::attachQuantizedContractionCoupling(MLIRContext &context) {
  nn::MatmulIntegerOp::attachInterface<IntegerMatmul<nn::MatmulIntegerOp>>(context);
  nn::QlinearMatmulOp::attachInterface<IntegerMatmul<nn::QlinearMatmulOp>>(context);
  nn::MsQgemmOp::attachInterface<IntegerMatmul<nn::MsQgemmOp>>(context);
  nn::MsDynamicQuantizeMatmulOp::attachInterface<IntegerMatmul<nn::MsDynamicQuantizeMatmulOp>>(
      context);
  nn::MsMatmulIntegerToFloatOp::attachInterface<IntegerMatmul<nn::MsMatmulIntegerToFloatOp>>(
      context);
  nn::ConvIntegerOp::attachInterface<IntegerConv<nn::ConvIntegerOp>>(context);
  nn::QlinearConvOp::attachInterface<IntegerConv<nn::QlinearConvOp>>(context);
}
