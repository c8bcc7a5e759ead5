//===- Coupling.cpp - What the families of coupling models share ------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Coupling.h"

#include "dialects/NN/IR/NNDialect.h"
#include "secateur/Analysis/Constants.h"
#include "secateur/Pruning/CouplingModels.h"

#include "llvm/ADT/APFloat.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

std::optional<unsigned> pruning::normalizeAxis(int64_t axis, size_t rank) {
  int64_t signedRank = rank;
  if (axis < 0)
    axis += signedRank;
  if (axis < 0 || axis >= signedRank)
    return std::nullopt;
  return axis;
}

SmallVector<Axis> pruning::broadcast(CouplingBuilder &builder, ArrayRef<ArrayRef<Axis>> operands,
                                     ArrayRef<Dim> shape) {
  SmallVector<Axis> result;
  for (size_t i = 0; i < shape.size(); ++i) {
    size_t fromRight = shape.size() - i;
    std::optional<Axis> common;
    for (ArrayRef<Axis> axes : operands) {
      if (axes.size() < fromRight)
        continue;
      Axis axis = axes[axes.size() - fromRight];
      if (builder.extent(axis) == 1)
        continue;
      if (common)
        builder.unify(*common, axis);
      else
        common = axis;
    }
    result.push_back(common ? *common : builder.rigid(shape[i], ""));
  }
  return result;
}

void pruning::declareBroadcast(Operation *op, CouplingBuilder &builder) {
  SmallVector<ArrayRef<Axis>> operands;
  for (OpOperand &operand : op->getOpOperands())
    operands.push_back(builder.axes(operand));
  for (OpResult result : op->getResults())
    if (std::optional<ArrayRef<Dim>> shape = builder.shape(result))
      builder.setResult(result.getResultNumber(), broadcast(builder, operands, *shape));
}

void pruning::declarePassing(Operation *op, CouplingBuilder &builder,
                             function_ref<bool(unsigned)> passes, StringRef what) {
  ArrayRef<Axis> input = builder.axes(op->getOpOperand(0));
  std::optional<ArrayRef<Dim>> shape = builder.shape(op->getResult(0));
  SmallVector<Axis> result;
  for (auto [index, axis] : llvm::enumerate(input)) {
    if (passes(index)) {
      result.push_back(axis);
      continue;
    }
    builder.pin(axis, what);
    if (shape && index < shape->size())
      result.push_back(builder.rigid((*shape)[index], what));
  }
  for (OpResult each : op->getResults())
    builder.setResult(each.getResultNumber(), result);
}

ErasedValue pruning::heldBy(ElementsAttr constant) {
  std::optional<analysis::ConstantBytes> bytes = analysis::getConstantBytes(constant);
  if (!bytes || !isa<FloatType>(constant.getElementType()) ||
      !(bytes->splat || constant.getNumElements() == 1))
    return ErasedValue::finite();
  auto one = RankedTensorType::get({1}, constant.getElementType());
  std::optional<SmallVector<double>> number =
      analysis::readFloats(DenseElementsAttr::getFromRawBuffer(one, bytes->bytes));
  return number ? ErasedValue::constant(number->front()) : ErasedValue::finite();
}

void pruning::pinAll(Operation *op, CouplingBuilder &builder, StringRef reason) {
  for (OpOperand &operand : op->getOpOperands())
    for (Axis axis : SmallVector<Axis>(builder.axes(operand)))
      builder.pin(axis, reason);
}

std::optional<double> pruning::splatOf(Value value) {
  auto constant = value ? value.getDefiningOp<nn::ConstantOp>() : nn::ConstantOp();
  if (!constant)
    return std::nullopt;
  // Scalars may be kept as resources.
  if (cast<ShapedType>(value.getType()).getNumElements() == 1) {
    if (std::optional<SmallVector<double>> numbers = analysis::getConstantFloats(value))
      return numbers->front();
    if (std::optional<SmallVector<int64_t>> numbers = analysis::getConstantIntegers(value))
      return static_cast<double>(numbers->front());
  }
  auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
  if (!elements || !elements.isSplat() || !isa<FloatType>(elements.getElementType()))
    return std::nullopt;
  APFloat number = elements.getSplatValue<APFloat>();
  bool lossy;
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lossy);
  return number.convertToDouble();
}

SmallVector<ErasedValue> pruning::withConstants(Operation *op, ArrayRef<ErasedValue> operands) {
  SmallVector<ErasedValue> result(operands);
  for (auto [operand, value] : llvm::zip(op->getOperands(), result)) {
    if (!value.isAbsent())
      continue;
    if (std::optional<double> splat = splatOf(operand))
      value = ErasedValue::constant(*splat);
  }
  return result;
}

ErasedValue pruning::joinOf(ArrayRef<ErasedValue> operands) {
  ErasedValue result;
  for (ErasedValue operand : operands)
    result = nn::join(result, operand);
  return result;
}

ErasedValue pruning::contractionOf(ArrayRef<ErasedValue> operands) {
  ErasedValue left = operands[0], right = operands[1];
  if (!left.isFinite() || !right.isFinite())
    return ErasedValue::unknown();
  ErasedValue result =
      left.isZero() || right.isZero() ? ErasedValue::zero() : ErasedValue::finite();
  for (ErasedValue added : operands.drop_front(2)) {
    if (!added.isFinite())
      return ErasedValue::unknown();
    if (!added.isZero())
      result = ErasedValue::finite();
  }
  return result;
}

void pruning::registerCouplingModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, nn::NNDialect *) {
    attachAttentionCoupling(*context);
    attachContractionCoupling(*context);
    attachElementwiseCoupling(*context);
    attachFusedNormCoupling(*context);
    attachMicrosoftCoupling(*context);
    attachMovementCoupling(*context);
    attachIndexingCoupling(*context);
    attachNormalizationCoupling(*context);
    attachPoolingCoupling(*context);
    attachQuantizationCoupling(*context);
    attachQuantizedContractionCoupling(*context);
    attachRecurrentCoupling(*context);
    attachReductionCoupling(*context);
    attachSigns(*context);
  });
}
