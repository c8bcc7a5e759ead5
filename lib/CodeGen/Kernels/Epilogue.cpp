//===- Epilogue.cpp - Epilogue regions on vectors ---------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Epilogue.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

/// The constant that a value is, inside the block or captured from outside, or null.
static TypedAttr constantOf(Value value) {
  Attribute attribute;
  return matchPattern(value, m_Constant(&attribute)) ? dyn_cast<TypedAttr>(attribute) : nullptr;
}

/// i1 has no fixed place in memory.
static bool hasVectorForm(Type type) {
  return type.isIntOrFloat() && type.getIntOrFloatBitWidth() >= 8 &&
         type.getIntOrFloatBitWidth() <= 64;
}

static bool hasVectorForm(Block &block) {
  for (Operation &op : block.without_terminator()) {
    if (isa<arith::ConstantOp>(op))
      continue;
    if (!OpTrait::hasElementwiseMappableTraits(&op))
      return false;
  }
  bool closed = true;
  block.walk([&](Operation *op) {
    for (Value operand : op->getOperands())
      closed &= operand.getParentBlock() == &block || constantOf(operand);
  });
  return closed;
}

FailureOr<EpilogueForm> secateur::codegen::analyzeEpilogue(kern::EpilogueOpInterface op,
                                                           int64_t columnDim) {
  auto init = cast<MemRefType>(op.getInit().getType());
  SmallVector<Value> operands;
  for (OpOperand &operand : op.getEpilogueOperandsMutable())
    operands.push_back(operand.get());
  return analyzeEpilogue(op.getEpilogue(), operands, op.getEpilogueMaps(), init.getElementType(),
                         init.getShape(), columnDim);
}

FailureOr<EpilogueForm> secateur::codegen::analyzeEpilogue(Region &region, ValueRange operands,
                                                           ArrayAttr maps, Type stored,
                                                           ArrayRef<int64_t> extents,
                                                           int64_t columnDim) {
  EpilogueForm form;
  form.stored = stored;
  if (!hasVectorForm(form.stored))
    return failure();
  if (region.empty())
    return form;
  form.region = &region;
  if (!hasVectorForm(form.region->front()))
    return failure();
  for (auto [operand, attribute] : llvm::zip(operands, maps)) {
    AffineMap map = cast<AffineMapAttr>(attribute).getValue();
    auto type = cast<MemRefType>(operand.getType());
    EpilogueOperand info;
    info.element = type.getElementType();
    info.memref = operand;
    info.resultOfDim.assign(extents.size(), -1);
    if (!hasVectorForm(info.element))
      return failure();
    auto [strides, offset] = type.getStridesAndOffset();
    for (auto [result, expr] : llvm::enumerate(map.getResults())) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      // An extent of one does not move, whatever the map says.
      if (!dim || (type.getDimSize(result) == 1 && extents[dim.getPosition()] != 1))
        continue;
      info.resultOfDim[dim.getPosition()] = result;
      if (static_cast<int64_t>(dim.getPosition()) != columnDim)
        info.variesByRow = true;
      else
        info.columns = strides[result] == 1 ? ColumnAccess::Contiguous : ColumnAccess::Strided;
    }
    form.operands.push_back(info);
  }
  return form;
}

std::string EpilogueForm::key() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << stored;
  for (const EpilogueOperand &operand : operands)
    os << "," << operand.element << static_cast<int>(operand.columns) << operand.variesByRow;
  if (!region)
    return text;
  DenseMap<Value, unsigned> numbers;
  Block &block = region->front();
  for (Value argument : block.getArguments()) {
    numbers.try_emplace(argument, numbers.size());
    os << ":" << argument.getType();
  }
  for (Operation &op : block) {
    if (isa<arith::ConstantOp>(op))
      continue;
    os << ";" << op.getName() << op.getAttrDictionary();
    for (Value operand : op.getOperands()) {
      if (TypedAttr constant = constantOf(operand))
        os << " " << constant;
      else
        os << " %" << numbers.lookup(operand);
    }
    for (Value result : op.getResults()) {
      numbers.try_emplace(result, numbers.size());
      os << ":" << result.getType();
    }
  }
  return text;
}

static Value splatConstant(KernelBuilder &k, TypedAttr attribute) {
  VectorType type = k.vectorOf(attribute.getType());
  return arith::ConstantOp::create(k.builder, k.loc,
                                   DenseElementsAttr::get(type, ArrayRef<Attribute>(attribute)));
}

Value EpilogueForm::emit(KernelBuilder &k, ValueRange values) const {
  if (!region)
    return values[0];
  Block &block = region->front();
  DenseMap<Value, Value> mapping;
  for (auto [argument, value] : llvm::zip(block.getArguments(), values))
    mapping[argument] = value;
  auto lookUp = [&](Value value) {
    if (TypedAttr constant = constantOf(value))
      return splatConstant(k, constant);
    return mapping.lookup(value);
  };
  for (Operation &op : block.without_terminator()) {
    if (isa<arith::ConstantOp>(op))
      continue;
    OperationState state(k.loc, op.getName());
    for (Value operand : op.getOperands())
      state.addOperands(lookUp(operand));
    for (Type type : op.getResultTypes())
      state.addTypes(k.vectorOf(type));
    state.propertiesAttr = op.getPropertiesAsAttribute();
    state.addAttributes(llvm::to_vector(op.getDiscardableAttrs()));
    Operation *clone = k.builder.create(state);
    for (auto [from, to] : llvm::zip(op.getResults(), clone->getResults()))
      mapping[from] = to;
  }
  return lookUp(cast<kern::YieldOp>(block.getTerminator()).getValue());
}

SmallVector<Value> secateur::codegen::stridesAlong(KernelBuilder &k, const EpilogueOperand &operand,
                                                   const BufferView &view,
                                                   ArrayRef<int64_t> outputDims) {
  SmallVector<Value> strides;
  for (int64_t dim : outputDims) {
    int64_t result = operand.resultOfDim[dim];
    strides.push_back(result < 0 ? k.constant(0) : view.strides[result]);
  }
  return strides;
}

Value secateur::codegen::loadOperand(KernelBuilder &k, const EpilogueOperand &operand,
                                     Value pointer, Value columnStride, Value mask) {
  VectorType type = k.vectorOf(operand.element);
  if (operand.columns == ColumnAccess::None)
    return k.splat(k.load(operand.element, pointer));
  if (operand.columns == ColumnAccess::Contiguous)
    return mask ? k.loadMasked(type, pointer, mask) : k.load(type, pointer);
  // Lane by lane; lanes beyond the tail read the first column again.
  Value result = arith::ConstantOp::create(k.builder, k.loc, k.builder.getZeroAttr(type));
  for (int64_t lane = 0; lane < k.target.lanes(); ++lane) {
    Value elements = k.mul(columnStride, lane);
    if (mask) {
      Value isIn = vector::ExtractOp::create(k.builder, k.loc, mask, lane);
      elements = k.select(isIn, elements, k.constant(0));
    }
    Value scalar = k.load(operand.element, k.offset(pointer, elements, operand.element));
    result = vector::InsertOp::create(k.builder, k.loc, scalar, result, lane);
  }
  return result;
}
