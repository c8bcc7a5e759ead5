//===- LoweringSizes.cpp - Shapes and sizes of a model being lowered ---------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A size is an expression over symbols. Where all symbols stand for dimensions
// of arguments it is computed once, at the top of the function; where one stands
// for something that only the data tells, at the place where it is needed.

#include "secateur/Lowering/LoweringContext.h"

#include "secateur/Analysis/SymbolicShapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;
using secateur::analysis::Symbol;

bool LoweringContext::hasShape(Value value) { return symbols.getShape(value).has_value(); }

ArrayRef<Dim> LoweringContext::shape(Value value) {
  std::optional<ArrayRef<Dim>> dims = symbols.getShape(value);
  return dims ? *dims : ArrayRef<Dim>();
}

std::optional<SmallVector<Dim>> LoweringContext::elements(Value value) {
  std::optional<ArrayRef<Dim>> known = symbols.getElements(value);
  if (!known)
    return std::nullopt;
  return SmallVector<Dim>(*known);
}

FailureOr<SmallVector<OpFoldResult>> LoweringContext::integers(Value value) {
  if (std::optional<SmallVector<Dim>> known = elements(value))
    if (llvm::all_of(*known, [&](Dim dim) { return this->known(dim); }))
      return sizes(*known);
  ArrayRef<Dim> dims = shape(value);
  int64_t count = 1;
  for (Dim dim : dims) {
    std::optional<int64_t> extent = constantOf(dim);
    if (!extent || dims.size() > 1)
      return failure();
    count = *extent;
  }
  Value tensor = get(value);
  SmallVector<OpFoldResult> result;
  for (int64_t i = 0; i < count; ++i) {
    SmallVector<Value> at;
    if (!dims.empty())
      at.push_back(index(i));
    Value element = tensor::ExtractOp::create(b, tensor, at);
    if (isa<FloatType>(element.getType()))
      return failure();
    result.push_back(arith::IndexCastOp::create(b, b.getIndexType(), element).getResult());
  }
  return result;
}

Dim LoweringContext::constantDim(int64_t value) {
  return getAffineConstantExpr(value, b.getContext());
}

std::optional<int64_t> LoweringContext::constantOf(Dim dim) {
  if (auto constant = dyn_cast<AffineConstantExpr>(dim))
    return constant.getValue();
  return std::nullopt;
}

bool LoweringContext::same(Dim left, Dim right) {
  return left == right || symbols.areEqual(left, right);
}

bool LoweringContext::argumentsOnly(Dim dim) { return !symbols.dependsOnData(dim); }

bool LoweringContext::known(Dim dim) {
  if (!dim)
    return false;
  if (topSizes.count(dim) || dataSizes.count(dim))
    return true;
  switch (dim.getKind()) {
  case AffineExprKind::Constant:
    return true;
  case AffineExprKind::SymbolId: {
    const Symbol &symbol = symbols.getSymbol(dim);
    if (symbol.kind == Symbol::Kind::Input)
      return true;
    if (symbol.kind == Symbol::Kind::DataDim)
      return isLowered(symbol.owner);
    if (symbol.kind == Symbol::Kind::DataElement)
      return isLowered(symbol.owner) && rank(symbol.owner) <= 1;
    return known(symbol.left) && known(symbol.right);
  }
  case AffineExprKind::DimId:
    return false;
  default: {
    auto binary = cast<AffineBinaryOpExpr>(dim);
    return known(binary.getLHS()) && known(binary.getRHS());
  }
  }
}

LogicalResult LoweringContext::requireSizes(Operation *op, Value result) {
  if (!llvm::all_of(shape(result), [&](Dim dim) { return known(dim); }))
    return unsupported(op, "a size of its result depends on data");
  return success();
}

Value LoweringContext::index(int64_t value) { return index(constantDim(value)); }

Value LoweringContext::index(OpFoldResult value) {
  if (auto attribute = dyn_cast<Attribute>(value))
    return index(cast<IntegerAttr>(attribute).getInt());
  return cast<Value>(value);
}

Value LoweringContext::index(Dim dim) { return materialize(dim); }

OpFoldResult LoweringContext::size(Dim dim) {
  if (std::optional<int64_t> constant = constantOf(dim))
    return b.getIndexAttr(*constant);
  return materialize(dim);
}

SmallVector<OpFoldResult> LoweringContext::sizes(ArrayRef<Dim> dims) {
  return llvm::map_to_vector(dims, [&](Dim dim) { return size(dim); });
}

Value LoweringContext::materialize(Dim dim) {
  if (Value value = topSizes.lookup(dim))
    return value;
  if (Value value = dataSizes.lookup(dim))
    return value;
  bool atTop = argumentsOnly(dim);
  // Operands first, each at its own place.
  Value left, right;
  const Symbol *symbol = nullptr;
  if (auto binary = dyn_cast<AffineBinaryOpExpr>(dim)) {
    left = materialize(binary.getLHS());
    right = materialize(binary.getRHS());
  } else if (isa<AffineSymbolExpr>(dim)) {
    symbol = &symbols.getSymbol(dim);
    if (symbol->left) {
      left = materialize(symbol->left);
      right = materialize(symbol->right);
    }
  }
  OpBuilder::InsertionGuard guard(b);
  if (atTop)
    b.setInsertionPoint(top);
  // Sizes are computed before it is known whether a model can have them: a
  // divisor of 0 must not stop the program.
  if (auto binary = dyn_cast<AffineBinaryOpExpr>(dim))
    if (!isa<AffineConstantExpr>(binary.getRHS()) && dim.getKind() != AffineExprKind::Add &&
        dim.getKind() != AffineExprKind::Mul)
      right = b.createOrFold<arith::MaxSIOp>(right, index(1));
  Value value;
  switch (dim.getKind()) {
  case AffineExprKind::Constant:
    value = arith::ConstantIndexOp::create(b, cast<AffineConstantExpr>(dim).getValue());
    break;
  case AffineExprKind::SymbolId:
    value = materializeSymbol(*symbol, left, right);
    break;
  case AffineExprKind::Add:
    value = b.createOrFold<arith::AddIOp>(left, right);
    break;
  case AffineExprKind::Mul:
    value = b.createOrFold<arith::MulIOp>(left, right);
    break;
  case AffineExprKind::FloorDiv:
    value = b.createOrFold<arith::FloorDivSIOp>(left, right);
    break;
  case AffineExprKind::CeilDiv:
    value = b.createOrFold<arith::CeilDivSIOp>(left, right);
    break;
  case AffineExprKind::Mod: {
    // The divisor is positive: ((a mod b) + b) mod b is the affine modulo.
    Value remainder = b.createOrFold<arith::RemSIOp>(left, right);
    Value shifted = b.createOrFold<arith::AddIOp>(remainder, right);
    value = b.createOrFold<arith::RemSIOp>(shifted, right);
    break;
  }
  case AffineExprKind::DimId:
    break;
  }
  if (!value) {
    // Nothing has computed it: an error is noted, and any size does.
    if (current)
      (void)unsupported(current, "it needs a size that only the data tells before it is there: " +
                                     symbols.toString(dim));
    return index(1);
  }
  (atTop ? topSizes : dataSizes)[dim] = value;
  return value;
}

Value LoweringContext::materializeSymbol(const Symbol &symbol, Value left, Value right) {
  switch (symbol.kind) {
  case Symbol::Kind::Input: {
    auto [argument, axis] = symbol.sources.front();
    return tensor::DimOp::create(b, target.getArgument(argument), axis);
  }
  case Symbol::Kind::Minimum:
    return b.createOrFold<arith::MinSIOp>(left, right);
  case Symbol::Kind::Maximum:
    return b.createOrFold<arith::MaxSIOp>(left, right);
  case Symbol::Kind::DataDim:
    if (isLowered(symbol.owner)) {
      Layout layout = layoutOf(symbol.owner);
      int64_t axis = storedAxis(symbol.index, rank(symbol.owner), layout);
      return tensor::DimOp::create(b, get(symbol.owner, layout), axis);
    }
    return {};
  case Symbol::Kind::DataElement:
    return materializeElement(symbol.owner, symbol.index);
  }
  return {};
}

Value LoweringContext::materializeElement(Value owner, unsigned element) {
  if (!isLowered(owner) || rank(owner) > 1)
    return {};
  SmallVector<Value> at;
  if (rank(owner) == 1)
    at.push_back(index(int64_t(element)));
  Value scalar = tensor::ExtractOp::create(b, get(owner), at);
  return arith::IndexCastOp::create(b, b.getIndexType(), scalar);
}
