//===- Coupling.cpp - What the families of coupling models share ------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Coupling.h"

#include "dialects/NN/IR/NNDialect.h"
#include "secateur/Pruning/CouplingModels.h"

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

SmallVector<Axis> pruning::broadcast(CouplingBuilder &builder, ArrayRef<ArrayRef<Axis>> operands, ArrayRef<Dim> shape) {
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

void pruning::declarePassing(Operation *op, CouplingBuilder &builder, function_ref<bool(unsigned)> passes,
                             StringRef what) {
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

ErasedValue pruning::sumOf(ArrayRef<ErasedValue> operands) {
  ErasedValue result = ErasedValue::Absent;
  for (ErasedValue operand : operands)
    result = nn::join(result, operand == ErasedValue::Absent ? ErasedValue::Finite : operand);
  return result;
}

ErasedValue pruning::joinOf(ArrayRef<ErasedValue> operands) {
  ErasedValue result = ErasedValue::Absent;
  for (ErasedValue operand : operands)
    result = nn::join(result, operand);
  return result;
}

ErasedValue pruning::contractionOf(ArrayRef<ErasedValue> operands) {
  ErasedValue product = joinOf(operands.take_front(2));
  if (product == ErasedValue::Unknown)
    return ErasedValue::Unknown;
  bool zero = llvm::is_contained(operands.take_front(2), ErasedValue::Zero);
  product = zero ? ErasedValue::Zero : ErasedValue::Finite;
  for (ErasedValue added : operands.drop_front(2))
    product = nn::join(product, added == ErasedValue::Absent ? ErasedValue::Finite : added);
  return product;
}

void pruning::registerCouplingModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, nn::NNDialect *) {
    attachContractionCoupling(*context);
    attachElementwiseCoupling(*context);
    attachMovementCoupling(*context);
    attachIndexingCoupling(*context);
    attachNormalizationCoupling(*context);
    attachPoolingCoupling(*context);
    attachQuantizationCoupling(*context);
    attachRecurrentCoupling(*context);
    attachReductionCoupling(*context);
  });
}
