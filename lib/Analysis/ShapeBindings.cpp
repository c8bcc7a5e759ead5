//===- ShapeBindings.cpp - From expressions to sizes and types --------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Analysis/NamedShapes.h"
#include "secateur/Analysis/SymbolicShapes.h"

#include "dialects/NN/IR/NNOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::analysis;

//===----------------------------------------------------------------------===//
// Concrete sizes
//===----------------------------------------------------------------------===//

std::optional<int64_t> SymbolicShapes::evaluate(Dim expression, const Bindings &bindings) const {
  return analysis::evaluate(expression, [&](unsigned position) -> std::optional<int64_t> {
    return position < bindings.size() ? bindings[position] : std::nullopt;
  });
}

std::optional<SmallVector<int64_t>> SymbolicShapes::evaluate(Value value,
                                                             const Bindings &bindings) {
  std::optional<ArrayRef<Dim>> shape = getShape(value);
  if (!shape)
    return std::nullopt;
  return llvm::map_to_vector(*shape,
                             [&](Dim size) { return evaluate(size, bindings).value_or(-1); });
}

FailureOr<Bindings> SymbolicShapes::bind(ArrayRef<SmallVector<int64_t>> argumentShapes,
                                         llvm::function_ref<void(const Twine &)> onError) {
  auto fail = [&](const Twine &message) {
    onError(message);
    return failure();
  };
  if (argumentShapes.size() != func.getNumArguments())
    return fail("expected " + Twine(func.getNumArguments()) + " input shapes, got " +
                Twine(argumentShapes.size()));
  Bindings result(symbols.size());
  for (BlockArgument argument : func.getArguments()) {
    std::optional<ArrayRef<Dim>> shape = getShape(argument);
    if (!shape)
      continue;
    unsigned position = argument.getArgNumber();
    auto nameAttr = func.getArgAttrOfType<StringAttr>(position, nn::NNDialect::kNameAttr);
    std::string name = nameAttr ? nameAttr.str() : "#" + std::to_string(position);
    ArrayRef<int64_t> given = argumentShapes[position];
    if (given.size() != shape->size())
      return fail("input '" + Twine(name) + "' has " + Twine(shape->size()) + " dimensions, got " +
                  Twine(given.size()));
    for (auto [axis, size] : llvm::enumerate(given)) {
      Dim expected = (*shape)[axis];
      if (size < 1)
        return fail("dimension " + Twine(axis) + " of input '" + name + "' is " + Twine(size) +
                    ", expected at least 1");
      if (auto constant = dyn_cast<AffineConstantExpr>(expected)) {
        if (constant.getValue() != size)
          return fail("dimension " + Twine(axis) + " of input '" + name + "' is " + Twine(size) +
                      ", expected " + Twine(constant.getValue()));
        continue;
      }
      std::optional<int64_t> &bound = result[cast<AffineSymbolExpr>(expected).getPosition()];
      if (bound && *bound != size)
        return fail("dimension " + Twine(axis) + " of input '" + name + "' is " + Twine(size) +
                    ", but '" + toString(expected) + "' is " + Twine(*bound) + " in another input");
      bound = size;
    }
  }
  for (auto [position, symbol] : llvm::enumerate(symbols)) {
    if (symbol.kind != Symbol::Kind::Minimum && symbol.kind != Symbol::Kind::Maximum)
      continue;
    std::optional<int64_t> left = evaluate(symbol.left, result),
                           right = evaluate(symbol.right, result);
    if (left && right)
      result[position] =
          symbol.kind == Symbol::Kind::Minimum ? std::min(*left, *right) : std::max(*left, *right);
  }
  for (const Assumption &assumption : assumptions) {
    std::optional<int64_t> left = evaluate(assumption.left, result),
                           right = evaluate(assumption.right, result);
    if (left && right && *left != *right)
      return fail(Twine(assumption.op->getName().getStringRef()) + " needs " +
                  toString(assumption.left) + " = " + toString(assumption.right) + ", which are " +
                  Twine(*left) + " and " + Twine(*right) + " at these input shapes");
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

FailureOr<NamedShapes> analysis::parseNamedShapes(Operation *op, StringRef text) {
  NamedShapes result;
  SmallVector<StringRef> items;
  text.split(items, ',', -1, /*KeepEmpty=*/false);
  for (StringRef item : items) {
    auto [name, dims] = item.rsplit('=');
    SmallVector<StringRef> sizes;
    dims.split(sizes, 'x', -1, /*KeepEmpty=*/false);
    SmallVector<int64_t> shape;
    for (StringRef size : sizes) {
      int64_t value = -1;
      if (size != "?" && size.getAsInteger(10, value))
        return op->emitError() << "cannot read size '" << size << "' of input '" << name << "'",
               failure();
      shape.push_back(value);
    }
    result.emplace_back(name.str(), shape);
  }
  return result;
}

LogicalResult analysis::specializeArguments(func::FuncOp func,
                                            ArrayRef<NamedShapes::value_type> argumentShapes) {
  llvm::StringMap<int64_t> bySymbol;
  SmallVector<Type> types(func.getArgumentTypes());
  auto dimName = [&](unsigned argument, unsigned axis) -> StringRef {
    auto names = func.getArgAttrOfType<ArrayAttr>(argument, nn::NNDialect::kDimsAttr);
    auto name = names && axis < names.size() ? dyn_cast<StringAttr>(names[axis]) : StringAttr();
    // "?" is what some exporters write for a size without a name.
    return name && name != "?" ? name.getValue() : StringRef();
  };
  for (const auto &[name, shape] : argumentShapes) {
    unsigned position = 0, count = func.getNumArguments();
    for (; position < count; ++position)
      if (auto known = func.getArgAttrOfType<StringAttr>(position, nn::NNDialect::kNameAttr);
          known && known == name)
        break;
    if (position == count)
      return func.emitError() << "has no input named '" << name << "' to give a shape to";
    auto type = dyn_cast<TensorType>(types[position]);
    if (!type)
      return func.emitError() << "input '" << name << "' is not a tensor";
    SmallVector<int64_t> sizes = type.hasRank()
                                     ? llvm::to_vector(type.getShape())
                                     : SmallVector<int64_t>(shape.size(), ShapedType::kDynamic);
    if (sizes.size() != shape.size())
      return func.emitError() << "input '" << name << "' has " << sizes.size()
                              << " dimensions, but " << shape.size() << " sizes are given";
    for (auto [axis, size] : llvm::enumerate(shape)) {
      if (size == -1)
        continue;
      if (size < 1)
        return func.emitError() << "size " << size << " of input '" << name << "' is not positive";
      if (!ShapedType::isDynamic(sizes[axis]) && sizes[axis] != size)
        return func.emitError() << "dimension " << axis << " of input '" << name << "' is "
                                << sizes[axis] << " in the model, it cannot be made " << size;
      sizes[axis] = size;
      StringRef symbol = dimName(position, axis);
      if (symbol.empty())
        continue;
      auto [it, inserted] = bySymbol.try_emplace(symbol, size);
      if (!inserted && it->second != size)
        return func.emitError() << "dimension '" << symbol << "' is given as " << it->second
                                << " and as " << size;
    }
    types[position] = RankedTensorType::get(sizes, type.getElementType());
  }
  for (auto [position, type] : llvm::enumerate(types)) {
    if (auto ranked = dyn_cast<RankedTensorType>(type)) {
      SmallVector<int64_t> sizes(ranked.getShape());
      for (auto [axis, size] : llvm::enumerate(sizes))
        if (auto it = bySymbol.find(dimName(position, axis));
            ShapedType::isDynamic(size) && it != bySymbol.end())
          size = it->second;
      type = RankedTensorType::get(sizes, ranked.getElementType());
    }
    if (!func.isExternal())
      func.getArgument(position).setType(type);
  }
  func.setFunctionType(FunctionType::get(func.getContext(), types, func.getResultTypes()));
  return success();
}

/// The type of `value` with what `shapes` knows; its own where nothing is.
static Type refinedType(Value value, SymbolicShapes &shapes) {
  auto type = dyn_cast<TensorType>(value.getType());
  std::optional<ArrayRef<Dim>> shape = shapes.getShape(value);
  if (!type || !shape)
    return value.getType();
  SmallVector<int64_t> sizes;
  for (Dim size : *shape) {
    auto constant = dyn_cast<AffineConstantExpr>(size);
    sizes.push_back(constant && constant.getValue() >= 0 ? constant.getValue()
                                                         : ShapedType::kDynamic);
  }
  return RankedTensorType::get(sizes, type.getElementType());
}

void analysis::refineTypes(func::FuncOp func, SymbolicShapes &shapes) {
  func.walk([&](Operation *op) {
    if (isa<nn::ConstantOp>(op))
      return;
    for (Value result : op->getResults()) {
      Type refined = refinedType(result, shapes);
      auto before = dyn_cast<RankedTensorType>(result.getType());
      if (before && failed(verifyCompatibleShape(before, refined)))
        op->emitWarning() << "is declared as " << before << ", but its operands make it "
                          << refined;
      result.setType(refined);
    }
    if (op != func.getOperation())
      for (Region &region : op->getRegions())
        for (BlockArgument argument : region.getArguments())
          argument.setType(refinedType(argument, shapes));
  });
  Operation *terminator = func.getBody().back().getTerminator();
  func.setFunctionType(
      FunctionType::get(func.getContext(), func.getArgumentTypes(), terminator->getOperandTypes()));
}
