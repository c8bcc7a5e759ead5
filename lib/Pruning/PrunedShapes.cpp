//===- PrunedShapes.cpp - Shape arithmetic of the erased model --------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "PrunedShapes.h"

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Analysis/Constants.h"

#include "mlir/IR/Diagnostics.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

void PrunedShapes::run() {
  // An operation whose operands do not fit yet (a reshape target that is still
  // to be rewritten) may say so; its elements are then unknown.
  ScopedDiagnosticHandler quiet(getContext(), [](Diagnostic &) { return success(); });
  extents.getFunction().walk([&](nn::ShapeOpInterface shaped) {
    bool small = llvm::any_of(shaped->getResultTypes(), [](Type type) {
      auto tensor = dyn_cast<RankedTensorType>(type);
      return tensor && tensor.getRank() <= 2;
    });
    if (small && failed(shaped.inferShapes(*this)))
      for (Value result : shaped->getResults())
        elements.erase(result);
  });
}

std::optional<int64_t> PrunedShapes::constantOf(nn::Dim expression) {
  auto constant = dyn_cast<AffineConstantExpr>(simplify(expression));
  return constant ? std::optional(constant.getValue()) : std::nullopt;
}

std::optional<SomeIntegers> PrunedShapes::getIntegers(Value value) {
  std::optional<ArrayRef<nn::Dim>> known = getElements(value);
  if (!known)
    return std::nullopt;
  return SomeIntegers(llvm::map_range(*known, [&](nn::Dim d) { return constantOf(d); }));
}

std::optional<ArrayRef<nn::Dim>> PrunedShapes::getShape(Value value) {
  std::unique_ptr<SmallVector<nn::Dim>> &shape = shapes[value];
  if (!shape) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    ArrayRef<int64_t> extentsOf = extents.getPrunedShape(value);
    if (extentsOf.empty() && !(type && type.getRank() == 0))
      return std::nullopt;
    shape = std::make_unique<SmallVector<nn::Dim>>();
    for (int64_t extent : extentsOf)
      shape->push_back(ShapedType::isDynamic(extent) ? unknown() : constant(extent));
  }
  return ArrayRef<nn::Dim>(*shape);
}

std::optional<ArrayRef<nn::Dim>> PrunedShapes::getElements(Value value) {
  if (auto found = elements.find(value); found != elements.end())
    return ArrayRef<nn::Dim>(*found->second);
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.hasStaticShape() || type.getNumElements() > kMaxElements)
    return std::nullopt;
  std::optional<SmallVector<int64_t>> constants = analysis::getConstantIntegers(value);
  if (!constants)
    return std::nullopt;
  SmallVector<nn::Dim> values;
  for (int64_t integer : *constants)
    values.push_back(constant(integer));
  setElements(value, values);
  return ArrayRef<nn::Dim>(*elements[value]);
}

std::optional<ArrayRef<nn::Number>> PrunedShapes::getNumbers(Value value) {
  if (auto found = numbers.find(value); found != numbers.end())
    return ArrayRef<nn::Number>(*found->second);
  // Floating-point constants are what they are in the dense model.
  return value.getDefiningOp<nn::ConstantOp>() ? extents.getSymbolicShapes().getNumbers(value)
                                               : std::nullopt;
}

void PrunedShapes::setElements(Value result, ArrayRef<nn::Dim> values) {
  elements[result] = std::make_unique<SmallVector<nn::Dim>>(
      llvm::map_range(values, [&](nn::Dim d) { return simplify(d); }));
}

void PrunedShapes::setNumbers(Value result, ArrayRef<nn::Number> values) {
  auto &stored = numbers[result] = std::make_unique<SmallVector<nn::Number>>(values);
  for (nn::Number &number : *stored)
    if (number.numerator) // an element that is not known
      number.numerator = simplify(number.numerator);
}

nn::Dim PrunedShapes::minimum(nn::Dim left, nn::Dim right) {
  std::optional<int64_t> a = constantOf(left), b = constantOf(right);
  return a && b ? constant(std::min(*a, *b)) : left == right ? left : unknown();
}

nn::Dim PrunedShapes::maximum(nn::Dim left, nn::Dim right) {
  std::optional<int64_t> a = constantOf(left), b = constantOf(right);
  return a && b ? constant(std::max(*a, *b)) : left == right ? left : unknown();
}
