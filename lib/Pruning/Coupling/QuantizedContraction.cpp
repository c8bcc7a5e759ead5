//===- QuantizedContraction.cpp - Coupling of products of integers -----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// As the products of numbers, with scales, zero points and biases that travel with
// the rows and columns that they are for. A product is zero where the weight is 0
// and its zero point is, whatever the input holds: all integers are finite.

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
  OpOperand *rightZero = nullptr, *bias = nullptr, *resultZero = nullptr;
};
} // namespace

static Product partsOf(nn::MatmulIntegerOp op) {
  return {
      operandOf(op, 0), operandOf(op, 1), {operandOf(op, 2)}, {operandOf(op, 3)}, operandOf(op, 3)};
}
static Product partsOf(nn::QlinearMatmulOp op) {
  return {operandOf(op, 0),
          operandOf(op, 3),
          {operandOf(op, 1), operandOf(op, 2)},
          {operandOf(op, 4), operandOf(op, 5)},
          operandOf(op, 5),
          nullptr,
          operandOf(op, 7)};
}
static Product partsOf(nn::MsQgemmOp op) {
  return {operandOf(op, 0),
          operandOf(op, 3),
          {},
          {operandOf(op, 4), operandOf(op, 5)},
          operandOf(op, 5),
          operandOf(op, 6),
          operandOf(op, 8)};
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
          operandOf(op, 6)};
}
/// Rows are those of the weight: filters.
static Product partsOf(nn::ConvIntegerOp op) {
  return {operandOf(op, 0), operandOf(op, 1), {}, {operandOf(op, 3)}, operandOf(op, 3)};
}
static Product partsOf(nn::QlinearConvOp op) {
  return {operandOf(op, 0),
          operandOf(op, 3),
          {},
          {operandOf(op, 4), operandOf(op, 5)},
          operandOf(op, 5),
          operandOf(op, 8),
          operandOf(op, 7)};
}

/// One number for all, and 0; also where it is left out.
static bool isZero(OpOperand *zero) {
  if (!zero)
    return true;
  std::optional<SmallVector<int64_t>> numbers = analysis::getConstantIntegers(zero->get());
  return numbers && llvm::all_of(*numbers, [](int64_t number) { return number == 0; });
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
    // An integer is what it is: another zero point than 0 is no zero.
    if (!isZero(parts.rightZero))
      for (Axis axis : SmallVector<Axis>(builder.axes(*parts.right)))
        builder.pin(axis, "a removed weight of 0 is not the zero point");
  }
  /// The sums are zero where the weight is and there is no bias.
  static ErasedValue held(Operation *op, ArrayRef<ErasedValue> operands) {
    Product parts = partsOf(cast<Op>(op));
    auto at = [&](OpOperand *operand) { return operands[operand->getOperandNumber()]; };
    bool noBias = !parts.bias || at(parts.bias).isZero();
    if (!at(parts.left).isFinite())
      return ErasedValue::unknown();
    if (!at(parts.right).isZero() || !noBias)
      return ErasedValue::finite();
    if (!parts.resultZero)
      return ErasedValue::zero();
    std::optional<SmallVector<int64_t>> zero =
        analysis::getConstantIntegers(parts.resultZero->get());
    return zero && zero->size() == 1 ? ErasedValue::constant(zero->front()) : ErasedValue::finite();
  }
};

template <typename Op>
struct IntegerMatmul : nn::CouplingOpInterface::ExternalModel<IntegerMatmul<Op>, Op>,
                       ProductBase<Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    Product parts = partsOf(cast<Op>(op));
    auto [transLeft, transRight] = transposes(cast<Op>(op));
    std::optional<SmallVector<Axis>> result =
        declareProduct(op, builder, *parts.left, *parts.right, transLeft, transRight);
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
        declareConvolution(op, builder, *parts.left, *parts.right, cast<Op>(op).getGroup());
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
