//===- VectorBody.cpp - Vectorises the scalar body of a loop nest -----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// See VectorBody.h. Assumed: the body has one block, of operations without regions
// where it is vectorised; its loads read buffers that the operation does not write
// (bufferization sees to it), and lanes beyond the mask may compute anything that
// cannot trap.
//===----------------------------------------------------------------------===//

#include "VectorBody.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace secateur::codegen;

OpFoldResult secateur::codegen::addIndex(OpBuilder &builder, Location loc, OpFoldResult lhs,
                                         OpFoldResult rhs) {
  std::optional<int64_t> left = getConstantIntValue(lhs), right = getConstantIntValue(rhs);
  if (left && right)
    return builder.getIndexAttr(*left + *right);
  if (left && *left == 0)
    return rhs;
  if (right && *right == 0)
    return lhs;
  return arith::AddIOp::create(builder, loc, getValueOrCreateConstantIndexOp(builder, loc, lhs),
                               getValueOrCreateConstantIndexOp(builder, loc, rhs))
      .getResult();
}

OpFoldResult secateur::codegen::mulIndex(OpBuilder &builder, Location loc, OpFoldResult lhs,
                                         OpFoldResult rhs) {
  std::optional<int64_t> left = getConstantIntValue(lhs), right = getConstantIntValue(rhs);
  if (left && right)
    return builder.getIndexAttr(*left * *right);
  if ((left && *left == 0) || (right && *right == 1))
    return lhs;
  if ((right && *right == 0) || (left && *left == 1))
    return rhs;
  return arith::MulIOp::create(builder, loc, getValueOrCreateConstantIndexOp(builder, loc, lhs),
                               getValueOrCreateConstantIndexOp(builder, loc, rhs))
      .getResult();
}

FlatBuffer secateur::codegen::makeFlatBuffer(OpBuilder &builder, Location loc, Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  auto metadata = memref::ExtractStridedMetadataOp::create(builder, loc, memref);
  FlatBuffer flat;
  flat.elementType = type.getElementType();
  auto [staticStrides, staticOffset] = type.getStridesAndOffset();
  for (auto [index, stride] : llvm::enumerate(staticStrides)) {
    if (ShapedType::isDynamic(stride))
      flat.strides.push_back(metadata.getStrides()[index]);
    else
      flat.strides.push_back(builder.getIndexAttr(stride));
  }
  // The size of the view is not used: bounds are those of the loops.
  OpFoldResult size = builder.getIndexAttr(1);
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    size = mulIndex(builder, loc, size,
                    type.isDynamicDim(axis) ? OpFoldResult(metadata.getSizes()[axis])
                                            : builder.getIndexAttr(type.getDimSize(axis)));
  OpFoldResult offset = ShapedType::isDynamic(staticOffset) ? OpFoldResult(metadata.getOffset())
                                                            : builder.getIndexAttr(staticOffset);
  auto flatType =
      MemRefType::get({ShapedType::kDynamic}, type.getElementType(),
                      StridedLayoutAttr::get(builder.getContext(), ShapedType::kDynamic, {1}),
                      type.getMemorySpace());
  flat.buffer = memref::ReinterpretCastOp::create(
      builder, loc, flatType, metadata.getBaseBuffer(),
      OpFoldResult(getValueOrCreateConstantIndexOp(builder, loc, offset)),
      ArrayRef<OpFoldResult>{getValueOrCreateConstantIndexOp(builder, loc, size)},
      ArrayRef<OpFoldResult>{builder.getIndexAttr(1)});
  // Booleans are bytes in memory, but a vector of i1 is loaded as bits. Both
  // memrefs have the same descriptor, so that the cast costs nothing.
  if (type.getElementType().isInteger(1)) {
    auto byteType = MemRefType::get(flatType.getShape(), builder.getI8Type(), flatType.getLayout(),
                                    flatType.getMemorySpace());
    flat.buffer =
        UnrealizedConversionCastOp::create(builder, loc, byteType, flat.buffer).getResult(0);
  }
  return flat;
}

VectorType VectorBody::laneType(Type scalar) const { return VectorType::get({lanes}, scalar); }

Value VectorBody::materialize(OpBuilder &builder, Location loc, LaneValue value) {
  if (lanes == 0 || value.kind == LaneValue::Kind::Varying)
    return value.value;
  VectorType type = laneType(value.value.getType());
  Value splat = vector::BroadcastOp::create(builder, loc, type, value.value);
  if (value.kind == LaneValue::Kind::Uniform)
    return splat;
  Value step = vector::StepOp::create(builder, loc, laneType(builder.getIndexType()));
  if (!value.value.getType().isIndex())
    step = arith::IndexCastOp::create(builder, loc, type, step);
  return arith::AddIOp::create(builder, loc, splat, step);
}

bool VectorBody::isSupported(linalg::GenericOp op) {
  for (Operation &bodyOp : op.getBody()->without_terminator()) {
    if (isa<linalg::IndexOp, arith::ConstantOp, memref::LoadOp>(bodyOp))
      continue;
    // Divisions may trap in lanes beyond the mask.
    if (isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp, arith::FloorDivSIOp,
            arith::CeilDivSIOp, arith::CeilDivUIOp>(bodyOp))
      return false;
    if (!OpTrait::hasElementwiseMappableTraits(&bodyOp) || bodyOp.getNumResults() != 1)
      return false;
    if (!VectorType::isValidElementType(bodyOp.getResult(0).getType()))
      return false;
  }
  for (Value operand : op->getOperands()) {
    auto type = dyn_cast<MemRefType>(operand.getType());
    if (type && !VectorType::isValidElementType(type.getElementType()))
      return false;
  }
  return true;
}

void VectorBody::prepare(OpBuilder &builder) {
  op.getBody()->walk([&](memref::LoadOp load) {
    Value source = load.getMemRef();
    if (!loadedBuffers.contains(source) && lanes != 0)
      loadedBuffers[source] = makeFlatBuffer(builder, load.getLoc(), source);
  });
}

Value VectorBody::allLanes(OpBuilder &builder, Location loc) {
  return arith::ConstantOp::create(builder, loc,
                                   DenseElementsAttr::get(laneType(builder.getI1Type()), true));
}

/// (0, 1, 2 ...) * stride
Value VectorBody::laneOffsets(OpBuilder &builder, Location loc, OpFoldResult stride) {
  Value step = vector::StepOp::create(builder, loc, laneType(builder.getIndexType()));
  Value splat = vector::BroadcastOp::create(builder, loc, laneType(builder.getIndexType()),
                                            getValueOrCreateConstantIndexOp(builder, loc, stride));
  return arith::MulIOp::create(builder, loc, step, splat);
}

Value VectorBody::gather(OpBuilder &builder, Location loc, const FlatBuffer &buffer, Value offset,
                         Value laneOffsets, Value mask) {
  Type stored = cast<MemRefType>(buffer.buffer.getType()).getElementType();
  VectorType type = laneType(stored);
  if (!mask)
    mask = allLanes(builder, loc);
  Value none = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
  return vector::GatherOp::create(builder, loc, type, buffer.buffer, ValueRange{offset},
                                  laneOffsets, mask, none);
}

/// Booleans live in memory as bytes.
static Value fromStored(OpBuilder &builder, Location loc, Value stored, Type elementType) {
  if (!elementType.isInteger(1))
    return stored;
  Type type = builder.getI1Type();
  if (auto vectorType = dyn_cast<VectorType>(stored.getType()))
    type = vectorType.clone(type);
  return arith::TruncIOp::create(builder, loc, type, stored);
}

LaneValue VectorBody::load(OpBuilder &builder, Location loc, const FlatBuffer &buffer, Value offset,
                           OpFoldResult stride, Value mask) {
  Type stored = cast<MemRefType>(buffer.buffer.getType()).getElementType();
  std::optional<int64_t> constant = getConstantIntValue(stride);
  if (lanes == 0 || (constant && *constant == 0)) {
    Value scalar = memref::LoadOp::create(builder, loc, buffer.buffer, ValueRange{offset});
    return {LaneValue::Kind::Uniform, fromStored(builder, loc, scalar, buffer.elementType)};
  }
  VectorType type = laneType(stored);
  Value result;
  if (constant && *constant == 1) {
    if (mask) {
      Value none = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
      result = vector::MaskedLoadOp::create(builder, loc, type, buffer.buffer, ValueRange{offset},
                                            mask, none);
    } else {
      result = vector::LoadOp::create(builder, loc, type, buffer.buffer, ValueRange{offset});
    }
  } else {
    result = gather(builder, loc, buffer, offset, laneOffsets(builder, loc, stride), mask);
  }
  return {LaneValue::Kind::Varying, fromStored(builder, loc, result, buffer.elementType)};
}

void VectorBody::store(OpBuilder &builder, Location loc, LaneValue value, const FlatBuffer &buffer,
                       Value offset, OpFoldResult stride, Value mask) {
  Value stored = materialize(builder, loc, value);
  if (buffer.elementType.isInteger(1)) {
    Type type = builder.getI8Type();
    if (auto vectorType = dyn_cast<VectorType>(stored.getType()))
      type = vectorType.clone(type);
    stored = arith::ExtUIOp::create(builder, loc, type, stored);
  }
  if (lanes == 0)
    memref::StoreOp::create(builder, loc, stored, buffer.buffer, ValueRange{offset});
  else if (getConstantIntValue(stride) != 1)
    vector::ScatterOp::create(builder, loc, /*resultType=*/Type(), buffer.buffer,
                              ValueRange{offset}, laneOffsets(builder, loc, stride),
                              mask ? mask : allLanes(builder, loc), stored);
  else if (mask)
    vector::MaskedStoreOp::create(builder, loc, buffer.buffer, ValueRange{offset}, mask, stored);
  else
    vector::StoreOp::create(builder, loc, stored, buffer.buffer, ValueRange{offset});
}

LaneValue VectorBody::cloneLoad(OpBuilder &builder, memref::LoadOp load,
                                ArrayRef<LaneValue> indices, Value mask) {
  Location loc = load.getLoc();
  const FlatBuffer &buffer = loadedBuffers[load.getMemRef()];
  OpFoldResult base = builder.getIndexAttr(0), laneStride = builder.getIndexAttr(0);
  Value varying;
  for (auto [index, stride] : llvm::zip_equal(indices, buffer.strides)) {
    if (index.kind != LaneValue::Kind::Varying) {
      base = addIndex(builder, loc, base, mulIndex(builder, loc, index.value, stride));
      if (index.kind == LaneValue::Kind::Linear)
        laneStride = addIndex(builder, loc, laneStride, stride);
      continue;
    }
    Value scaled = index.value;
    if (getConstantIntValue(stride) != 1) {
      Value splat =
          vector::BroadcastOp::create(builder, loc, laneType(builder.getIndexType()),
                                      getValueOrCreateConstantIndexOp(builder, loc, stride));
      scaled = arith::MulIOp::create(builder, loc, scaled, splat);
    }
    varying = varying ? arith::AddIOp::create(builder, loc, varying, scaled) : scaled;
  }
  Value offset = getValueOrCreateConstantIndexOp(builder, loc, base);
  if (!varying)
    return this->load(builder, loc, buffer, offset, laneStride, mask);
  if (getConstantIntValue(laneStride) != 0)
    varying = arith::AddIOp::create(builder, loc, varying, laneOffsets(builder, loc, laneStride));
  Value result = gather(builder, loc, buffer, offset, varying, mask);
  return {LaneValue::Kind::Varying, fromStored(builder, loc, result, buffer.elementType)};
}

LaneValue VectorBody::cloneOp(OpBuilder &builder, Operation &bodyOp, ArrayRef<LaneValue> operands,
                              Value mask) {
  using Kind = LaneValue::Kind;
  Location loc = bodyOp.getLoc();
  if (auto load = dyn_cast<memref::LoadOp>(bodyOp))
    return cloneLoad(builder, load, operands.drop_front(), mask);

  bool allUniform =
      llvm::all_of(operands, [](LaneValue value) { return value.kind == Kind::Uniform; });
  if (allUniform) {
    IRMapping mapping;
    for (auto [from, to] : llvm::zip_equal(bodyOp.getOperands(), operands))
      mapping.map(from, to.value);
    return {Kind::Uniform, builder.clone(bodyOp, mapping)->getResult(0)};
  }
  // lane 0 + (0, 1, 2 ...) stays linear under a cast or a uniform addend.
  bool oneLinear =
      llvm::count_if(operands, [](LaneValue value) { return value.kind == Kind::Linear; }) == 1 &&
      llvm::none_of(operands, [](LaneValue value) { return value.kind == Kind::Varying; });
  bool keepsLinear = isa<arith::IndexCastOp, arith::AddIOp>(bodyOp) ||
                     (isa<arith::SubIOp>(bodyOp) && operands[0].kind == Kind::Linear);
  if (oneLinear && keepsLinear) {
    IRMapping mapping;
    for (auto [from, to] : llvm::zip_equal(bodyOp.getOperands(), operands))
      mapping.map(from, to.value);
    return {Kind::Linear, builder.clone(bodyOp, mapping)->getResult(0)};
  }
  SmallVector<Value> vectors;
  for (LaneValue operand : operands)
    vectors.push_back(materialize(builder, loc, operand));
  Operation *clone = builder.create(loc, bodyOp.getName().getIdentifier(), vectors,
                                    laneType(bodyOp.getResult(0).getType()), bodyOp.getAttrs());
  clone->copyProperties(bodyOp.getPropertiesStorage());
  return {Kind::Varying, clone->getResult(0)};
}

/// The body as it is; its operations may have regions that capture its values.
SmallVector<LaneValue> VectorBody::cloneScalar(OpBuilder &builder, ArrayRef<LaneValue> arguments,
                                               ArrayRef<LaneValue> indices) {
  IRMapping mapping;
  for (auto [from, to] : llvm::zip_equal(op.getBody()->getArguments(), arguments))
    mapping.map(from, to.value);
  for (Operation &bodyOp : op.getBody()->without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(bodyOp))
      mapping.map(index.getResult(), indices[index.getDim()].value);
    else
      builder.clone(bodyOp, mapping);
  }
  return llvm::map_to_vector(op.getBody()->getTerminator()->getOperands(), [&](Value value) {
    return LaneValue{LaneValue::Kind::Uniform, mapping.lookupOrDefault(value)};
  });
}

SmallVector<LaneValue> VectorBody::clone(OpBuilder &builder, Location loc,
                                         ArrayRef<LaneValue> arguments, ArrayRef<LaneValue> indices,
                                         Value mask) {
  using Kind = LaneValue::Kind;
  if (lanes == 0)
    return cloneScalar(builder, arguments, indices);
  DenseMap<Value, LaneValue> values;
  for (auto [from, to] : llvm::zip_equal(op.getBody()->getArguments(), arguments))
    values[from] = to;
  auto lookUp = [&](Value value) {
    auto found = values.find(value);
    return found != values.end() ? found->second : LaneValue{Kind::Uniform, value};
  };
  for (Operation &bodyOp : op.getBody()->without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(bodyOp)) {
      values[index.getResult()] = indices[index.getDim()];
      continue;
    }
    SmallVector<LaneValue> operands;
    for (Value operand : bodyOp.getOperands())
      operands.push_back(lookUp(operand));
    values[bodyOp.getResult(0)] = cloneOp(builder, bodyOp, operands, mask);
  }
  SmallVector<LaneValue> yielded;
  for (Value value : op.getBody()->getTerminator()->getOperands())
    yielded.push_back(lookUp(value));
  return yielded;
}
