//===- TypeShapes.cpp - Shape rules on static types -------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "TypeShapes.h"

#include "secateur/Analysis/Constants.h"
#include "secateur/Analysis/DimAlgebra.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::analysis;
using nn::Dim;

Dim TypeShapes::addSymbol(std::optional<int64_t> lower) {
  lowerBounds.push_back(lower);
  return getAffineSymbolExpr(lowerBounds.size() - 1, context);
}

std::optional<ArrayRef<Dim>> TypeShapes::getShape(Value value) {
  auto type = value ? dyn_cast<RankedTensorType>(value.getType()) : RankedTensorType();
  if (!type)
    return std::nullopt;
  std::unique_ptr<SmallVector<Dim>> &known = shapes[value];
  if (!known) {
    known = std::make_unique<SmallVector<Dim>>();
    for (int64_t size : type.getShape())
      known->push_back(ShapedType::isDynamic(size) ? addSymbol(0) : constant(size));
  }
  return ArrayRef<Dim>(*known);
}

std::optional<ArrayRef<Dim>> TypeShapes::getElements(Value value) {
  if (!value)
    return std::nullopt;
  std::unique_ptr<SmallVector<Dim>> &known = elements[value];
  if (!known) {
    std::optional<SmallVector<int64_t>> integers = readIntegers(getConstant(value), kMaxElements);
    if (!integers)
      return std::nullopt;
    known = std::make_unique<SmallVector<Dim>>(
        llvm::map_to_vector(*integers, [&](int64_t i) { return constant(i); }));
  }
  return ArrayRef<Dim>(*known);
}

Dim TypeShapes::simplify(Dim expression) {
  return normalize(expression,
                   [&](unsigned symbol) { return Bounds{lowerBounds[symbol], std::nullopt}; });
}

std::string TypeShapes::toString(Dim expression) const {
  auto constant = dyn_cast<AffineConstantExpr>(expression);
  return constant ? std::to_string(constant.getValue()) : "?";
}

std::optional<int64_t> TypeShapes::getLowerBound(Dim expression) {
  return getBounds(expression,
                   [&](unsigned symbol) { return Bounds{lowerBounds[symbol], std::nullopt}; })
      .lower;
}

std::optional<int64_t> TypeShapes::getUpperBound(Dim expression) {
  return getBounds(expression,
                   [&](unsigned symbol) { return Bounds{lowerBounds[symbol], std::nullopt}; })
      .upper;
}

Dim TypeShapes::extremum(Dim left, Dim right, bool larger) {
  auto a = dyn_cast<AffineConstantExpr>(left), b = dyn_cast<AffineConstantExpr>(right);
  if (a && b)
    return constant(larger ? std::max(a.getValue(), b.getValue())
                           : std::min(a.getValue(), b.getValue()));
  if (left == right)
    return left;
  return addSymbol(std::nullopt);
}

bool TypeShapes::requireEqual(Dim left, Dim right, Operation *) {
  auto a = dyn_cast<AffineConstantExpr>(simplify(left)),
       b = dyn_cast<AffineConstantExpr>(simplify(right));
  return !a || !b || a.getValue() == b.getValue();
}
