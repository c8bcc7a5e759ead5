//===- SymbolicShapes.cpp - Every size as an expression ---------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The evaluator: it walks the function in order and asks each operation. What
// an operation's rule is, it does not know.

#include "secateur/Analysis/SymbolicShapes.h"

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Analysis/Constants.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace secateur;
using namespace secateur::analysis;

//===----------------------------------------------------------------------===//
// Inference
//===----------------------------------------------------------------------===//

FailureOr<std::unique_ptr<SymbolicShapes>> SymbolicShapes::compute(func::FuncOp func) {
  std::unique_ptr<SymbolicShapes> result(new SymbolicShapes(func));
  if (func.isExternal())
    return func.emitError("has no body, so that its shapes cannot be inferred"), failure();
  result->setArgumentShapes();
  if (failed(result->inferRegion(func.getBody())))
    return failure();
  return result;
}

void SymbolicShapes::setArgumentShapes() {
  llvm::StringMap<Dim> byName;
  for (BlockArgument argument : func.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type) {
      setUnranked(argument);
      continue;
    }
    unsigned position = argument.getArgNumber();
    auto names = func.getArgAttrOfType<ArrayAttr>(position, nn::NNDialect::kDimsAttr);
    auto inputName = func.getArgAttrOfType<StringAttr>(position, nn::NNDialect::kNameAttr);
    SmallVector<Dim> shape;
    for (auto [axis, size] : llvm::enumerate(type.getShape())) {
      if (!ShapedType::isDynamic(size)) {
        shape.push_back(constant(size));
        continue;
      }
      StringRef name;
      if (names && axis < names.size())
        if (auto string = dyn_cast<StringAttr>(names[axis]))
          name = string.getValue();
      // Some exporters write "?" for sizes that have nothing in common.
      if (llvm::none_of(name, [](char c) { return llvm::isAlnum(c); }))
        name = "";
      if (auto it = byName.find(name); !name.empty() && it != byName.end()) {
        symbols[cast<AffineSymbolExpr>(it->second).getPosition()].sources.push_back(
            {position, unsigned(axis)});
        shape.push_back(it->second);
        continue;
      }
      Symbol symbol{Symbol::Kind::Input, name.str(), {{position, unsigned(axis)}}, {}, {}, {}, 0};
      if (symbol.name.empty())
        symbol.name = llvm::formatv(
            "{0}.{1}", inputName ? inputName.getValue() : "arg" + std::to_string(position), axis);
      shape.push_back(
          addSymbol(std::move(symbol), Bounds{1, std::nullopt}, Bounds{0, std::nullopt}));
      if (!name.empty())
        byName[name] = shape.back();
    }
    setShape(argument, shape);
  }
}

LogicalResult SymbolicShapes::inferRegion(Region &region) {
  for (Block &block : region)
    for (Operation &op : block)
      if (failed(inferOperation(&op)))
        return failure();
  return success();
}

LogicalResult SymbolicShapes::inferOperation(Operation *op) {
  for (Value result : op->getResults()) {
    shapes.erase(result);
    elements.erase(result);
    numbers.erase(result);
  }
  if (auto shapeOp = dyn_cast<nn::ShapeOpInterface>(op))
    if (failed(shapeOp.inferShapes(*this)))
      return failure();
  // Where an operation says nothing, its types do.
  for (Value result : op->getResults()) {
    if (shapes.contains(result))
      continue;
    auto type = dyn_cast<RankedTensorType>(result.getType());
    if (!type) {
      setUnranked(result);
      continue;
    }
    SmallVector<Dim> shape;
    for (auto [axis, size] : llvm::enumerate(type.getShape()))
      shape.push_back(ShapedType::isDynamic(size) ? unknownDim(result, axis) : constant(size));
    setShape(result, shape);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Shapes and elements
//===----------------------------------------------------------------------===//

template <typename T>
static ArrayRef<T> keep(llvm::BumpPtrAllocator &storage, ArrayRef<T> values) {
  return values.copy(storage);
}

std::optional<ArrayRef<Dim>> SymbolicShapes::getShape(Value value) {
  auto it = shapes.find(value);
  if (!value || it == shapes.end())
    return std::nullopt;
  return it->second;
}

void SymbolicShapes::setShape(Value result, ArrayRef<Dim> shape) {
  if (!result)
    return;
  auto type = dyn_cast<RankedTensorType>(result.getType());
  bool typeHelps = type && type.getRank() == int64_t(shape.size());
  SmallVector<Dim> simplified;
  for (auto [axis, size] : llvm::enumerate(shape)) {
    Dim normal = simplify(size);
    // A declared size tells more than data that is not there yet.
    if (typeHelps && !type.isDynamicDim(axis) && dependsOnData(normal))
      normal = constant(type.getDimSize(axis));
    simplified.push_back(normal);
  }
  shapes[result] = keep(storage, ArrayRef<Dim>(simplified));
}

void SymbolicShapes::setUnranked(Value result) {
  if (result)
    shapes[result] = std::nullopt;
}

std::optional<ArrayRef<Dim>> SymbolicShapes::getElements(Value value) {
  if (!value)
    return std::nullopt;
  if (auto it = elements.find(value); it != elements.end())
    return it->second;
  auto type = dyn_cast<ShapedType>(value.getType());
  if (!type || !type.getElementType().isInteger())
    return std::nullopt;
  auto integers = readIntegers(getConstant(value), kMaxElements);
  if (!integers)
    return std::nullopt;
  SmallVector<Dim> constants =
      llvm::map_to_vector(*integers, [&](int64_t i) { return constant(i); });
  return elements[value] = keep(storage, ArrayRef<Dim>(constants));
}

/// A finite double as a rational of integers of 53 bits at most.
static std::optional<std::pair<int64_t, int64_t>> toRational(double value) {
  if (!std::isfinite(value))
    return std::nullopt;
  int exponent = 0;
  double mantissa = std::frexp(value, &exponent);
  int64_t numerator = int64_t(std::ldexp(mantissa, 53));
  exponent -= 53;
  if (numerator == 0)
    return std::pair<int64_t, int64_t>(0, 1);
  int zeros = llvm::countr_zero(uint64_t(numerator));
  numerator /= int64_t(1) << zeros;
  exponent += zeros;
  if (exponent > 9 || exponent < -62)
    return std::nullopt;
  if (exponent >= 0)
    return std::pair<int64_t, int64_t>(numerator * (int64_t(1) << exponent), 1);
  return std::pair<int64_t, int64_t>(numerator, int64_t(1) << -exponent);
}

std::optional<ArrayRef<nn::Number>> SymbolicShapes::getNumbers(Value value) {
  if (!value)
    return std::nullopt;
  if (auto it = numbers.find(value); it != numbers.end())
    return it->second;
  auto floats = readFloats(getConstant(value), kMaxElements);
  if (!floats)
    return std::nullopt;
  SmallVector<nn::Number> constants;
  for (double element : *floats) {
    auto rational = toRational(element);
    if (!rational)
      return std::nullopt;
    constants.push_back({constant(rational->first), rational->second});
  }
  return numbers[value] = keep(storage, ArrayRef<nn::Number>(constants));
}

void SymbolicShapes::setElements(Value result, ArrayRef<Dim> values) {
  if (!result || int64_t(values.size()) > kMaxElements)
    return;
  SmallVector<Dim> simplified =
      llvm::map_to_vector(values, [&](Dim value) { return simplify(value); });
  elements[result] = keep(storage, ArrayRef<Dim>(simplified));
}

void SymbolicShapes::setNumbers(Value result, ArrayRef<nn::Number> values) {
  if (!result || int64_t(values.size()) > kMaxElements)
    return;
  SmallVector<nn::Number> simplified = llvm::map_to_vector(values, [&](const nn::Number &value) {
    return value.numerator ? nn::Number{simplify(value.numerator), value.denominator} : value;
  });
  numbers[result] = keep(storage, ArrayRef<nn::Number>(simplified));
}

std::optional<SmallVector<int64_t>> SymbolicShapes::getConstantElements(Value value) {
  std::optional<ArrayRef<Dim>> known = getElements(value);
  if (!known)
    return std::nullopt;
  SmallVector<int64_t> result;
  for (Dim element : *known) {
    auto constant = dyn_cast<AffineConstantExpr>(element);
    if (!constant)
      return std::nullopt;
    result.push_back(constant.getValue());
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Symbols
//===----------------------------------------------------------------------===//

Dim SymbolicShapes::addSymbol(Symbol symbol, Bounds bounds, Bounds safe) {
  symbols.push_back(std::move(symbol));
  symbolBounds.push_back(bounds);
  safeBounds.push_back(safe);
  return getAffineSymbolExpr(symbols.size() - 1, context);
}

Dim SymbolicShapes::unknownDim(Value owner, unsigned axis) {
  Dim &known = dataDims[{owner, axis}];
  if (!known) {
    Symbol symbol{Symbol::Kind::DataDim,
                  llvm::formatv("%{0}", symbols.size()).str(),
                  {},
                  {},
                  {},
                  owner,
                  axis};
    Bounds bounds{0, std::nullopt};
    known = addSymbol(std::move(symbol), bounds, bounds);
  }
  return known;
}

Dim SymbolicShapes::unknownElement(Value owner, unsigned index) {
  Dim &known = dataElements[{owner, index}];
  if (!known) {
    Symbol symbol{Symbol::Kind::DataElement,
                  llvm::formatv("%{0}", symbols.size()).str(),
                  {},
                  {},
                  {},
                  owner,
                  index};
    Type elementType = getElementTypeOrSelf(owner.getType());
    Bounds bounds;
    if (elementType.isInteger(1))
      bounds = {0, 1};
    else if (elementType.isUnsignedInteger())
      bounds.lower = 0;
    known = addSymbol(std::move(symbol), bounds, bounds);
  }
  return known;
}

Bounds SymbolicShapes::boundsOf(Dim expression) {
  return getBounds(expression, [&](unsigned position) { return symbolBounds[position]; });
}

Bounds SymbolicShapes::safeBoundsOf(Dim expression) {
  return getBounds(expression, [&](unsigned position) { return safeBounds[position]; });
}

void SymbolicShapes::rely(Dim expression) {
  expression.walk([&](AffineExpr part) {
    auto symbol = dyn_cast<AffineSymbolExpr>(part);
    if (!symbol)
      return;
    Symbol &known = symbols[symbol.getPosition()];
    known.positive = true;
    if (known.left) {
      rely(known.left);
      rely(known.right);
    }
  });
}

std::optional<int64_t> SymbolicShapes::getLowerBound(Dim expression) {
  std::optional<int64_t> likely = boundsOf(expression).lower;
  if (likely != safeBoundsOf(expression).lower)
    rely(expression);
  return likely;
}

std::optional<int64_t> SymbolicShapes::getUpperBound(Dim expression) {
  std::optional<int64_t> likely = boundsOf(expression).upper;
  if (likely != safeBoundsOf(expression).upper)
    rely(expression);
  return likely;
}

Dim SymbolicShapes::simplify(Dim expression) {
  Dim likely = normalize(expression, [&](unsigned position) { return symbolBounds[position]; });
  if (isa<AffineConstantExpr, AffineSymbolExpr>(expression))
    return likely;
  if (normalize(expression, [&](unsigned position) { return safeBounds[position]; }) != likely)
    rely(expression);
  return likely;
}

/// The smaller or the larger of two bounds; `both` where a missing one decides.
static std::optional<int64_t> pick(std::optional<int64_t> a, std::optional<int64_t> b, bool larger,
                                   bool both) {
  if (!a || !b)
    return both ? std::nullopt : (a ? a : b);
  return larger ? std::max(*a, *b) : std::min(*a, *b);
}

/// max(a, min(a, b)) is a, and max(a, max(a, b)) is max(a, b); likewise for minima.
static Dim absorb(const SymbolicShapes &shapes, Symbol::Kind kind, Dim outer, Dim inner) {
  if (!isa<AffineSymbolExpr>(inner))
    return Dim();
  const Symbol &symbol = shapes.getSymbol(inner);
  if (symbol.kind != Symbol::Kind::Minimum && symbol.kind != Symbol::Kind::Maximum)
    return Dim();
  if (symbol.left != outer && symbol.right != outer)
    return Dim();
  return symbol.kind == kind ? inner : outer;
}

Dim SymbolicShapes::extremum(Symbol::Kind kind, Dim left, Dim right) {
  bool isMaximum = kind == Symbol::Kind::Maximum;
  left = simplify(left);
  right = simplify(right);
  if (areEqual(left, right))
    return left;
  for (auto [outer, inner] : {std::pair(left, right), std::pair(right, left)})
    if (Dim absorbed = absorb(*this, kind, outer, inner))
      return absorbed;
  auto decide = [&](Bounds difference) {
    if (difference.lower && *difference.lower >= 0)
      return isMaximum ? left : right;
    if (difference.upper && *difference.upper <= 0)
      return isMaximum ? right : left;
    return Dim();
  };
  if (Dim decided = decide(safeBoundsOf(left - right)))
    return decided;
  if (Dim decided = decide(boundsOf(left - right))) {
    rely(left);
    rely(right);
    return decided;
  }
  if (compare(left, right) > 0)
    std::swap(left, right);
  Dim &known = (isMaximum ? maxima : minima)[{left, right}];
  if (!known) {
    auto both = [&](Bounds a, Bounds b) {
      return Bounds{pick(a.lower, b.lower, isMaximum, !isMaximum),
                    pick(a.upper, b.upper, isMaximum, isMaximum)};
    };
    known = addSymbol(
        Symbol{kind, llvm::formatv("%{0}", symbols.size()).str(), {}, left, right, {}, 0},
        both(boundsOf(left), boundsOf(right)), both(safeBoundsOf(left), safeBoundsOf(right)));
  }
  return known;
}

bool SymbolicShapes::dependsOnData(Dim expression) const {
  bool result = false;
  expression.walk([&](AffineExpr part) {
    auto symbol = dyn_cast<AffineSymbolExpr>(part);
    if (!symbol || result)
      return;
    const Symbol &known = symbols[symbol.getPosition()];
    if (known.kind == Symbol::Kind::Minimum || known.kind == Symbol::Kind::Maximum)
      result |= dependsOnData(known.left) || dependsOnData(known.right);
    else
      result |= known.kind != Symbol::Kind::Input;
  });
  return result;
}

std::string SymbolicShapes::toString(Dim expression) const {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return std::to_string(constant.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expression)) {
    const Symbol &known = symbols[symbol.getPosition()];
    switch (known.kind) {
    case Symbol::Kind::Input:
      return known.name;
    case Symbol::Kind::Minimum:
      return "min(" + toString(known.left) + ", " + toString(known.right) + ")";
    case Symbol::Kind::Maximum:
      return "max(" + toString(known.left) + ", " + toString(known.right) + ")";
    case Symbol::Kind::DataDim:
    case Symbol::Kind::DataElement:
      return known.name;
    }
  }
  auto binary = cast<AffineBinaryOpExpr>(expression);
  StringRef sign = " + ";
  switch (binary.getKind()) {
  case AffineExprKind::Mul:
    sign = " * ";
    break;
  case AffineExprKind::FloorDiv:
    sign = " floordiv ";
    break;
  case AffineExprKind::CeilDiv:
    sign = " ceildiv ";
    break;
  case AffineExprKind::Mod:
    sign = " mod ";
    break;
  default:
    break;
  }
  auto nested = [&](AffineExpr part) {
    return isa<AffineBinaryOpExpr>(part) && sign != " + " ? "(" + toString(part) + ")"
                                                          : toString(part);
  };
  return nested(binary.getLHS()) + sign.str() + nested(binary.getRHS());
}

//===----------------------------------------------------------------------===//
// Assumptions
//===----------------------------------------------------------------------===//

Dim SymbolicShapes::representative(Dim expression) {
  auto it = parents.find(expression);
  while (it != parents.end()) {
    expression = it->second;
    it = parents.find(expression);
  }
  return expression;
}

bool SymbolicShapes::areEqual(Dim left, Dim right) {
  if (left == right)
    return true;
  left = simplify(left);
  right = simplify(right);
  return left == right || representative(left) == representative(right);
}

/// Whether `op` is in a branch of a condition that is not known, or in a loop:
/// what it requires does not hold for every input.
static bool needNotRun(Operation *op, SymbolicShapes &shapes) {
  for (Operation *parent = op->getParentOp(); parent; parent = parent->getParentOp()) {
    if (auto branch = dyn_cast<nn::IfOp>(parent)) {
      if (!shapes.getConstantElements(branch.getCond()))
        return true;
    } else if (isa<nn::LoopOp, nn::ScanOp>(parent)) {
      return true;
    }
  }
  return false;
}

bool SymbolicShapes::requireEqual(Dim left, Dim right, Operation *op) {
  left = simplify(left);
  right = simplify(right);
  if (areEqual(left, right))
    return true;
  Bounds difference = boundsOf(left - right);
  if ((difference.lower && *difference.lower > 0) || (difference.upper && *difference.upper < 0))
    return false;
  if (needNotRun(op, *this))
    return true;
  assumptions.push_back({left, right, op});
  Dim a = representative(left), b = representative(right);
  if (compare(a, b) > 0)
    std::swap(a, b);
  parents[b] = a;
  return true;
}
