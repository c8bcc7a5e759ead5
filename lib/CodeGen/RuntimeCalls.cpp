//===- RuntimeCalls.cpp - Pointers, memrefs and calls of the runtime --------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The signatures are those of secateur/Runtime/ModelDescriptor.h.
//===----------------------------------------------------------------------===//

#include "RuntimeCalls.h"

#include "secateur/Support/TensorBytes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace secateur::codegen;

Value secateur::codegen::bytesAt(OpBuilder &builder, Location loc, Value pointer) {
  // The descriptor of a one-dimensional memref, which the lowering to LLVM takes
  // for the memref itself.
  MLIRContext *context = builder.getContext();
  Type i64 = builder.getI64Type(), array = LLVM::LLVMArrayType::get(i64, 1);
  auto type = LLVM::LLVMStructType::getLiteral(
      context, {pointer.getType(), pointer.getType(), i64, array, array});
  Value zero = LLVM::ConstantOp::create(builder, loc, i64, builder.getI64IntegerAttr(0));
  Value one = LLVM::ConstantOp::create(builder, loc, i64, builder.getI64IntegerAttr(1));
  Value size = LLVM::ConstantOp::create(builder, loc, i64, builder.getI64IntegerAttr(INT64_MAX));
  Value value = LLVM::UndefOp::create(builder, loc, type);
  auto insert = [&](Value part, ArrayRef<int64_t> position) {
    value = LLVM::InsertValueOp::create(builder, loc, value, part, position);
  };
  insert(pointer, {0});
  insert(pointer, {1});
  insert(zero, {2});
  insert(size, {3, 0});
  insert(one, {4, 0});
  return UnrealizedConversionCastOp::create(
             builder, loc, MemRefType::get({ShapedType::kDynamic}, builder.getI8Type()), value)
      .getResult(0);
}

Value secateur::codegen::viewAt(OpBuilder &builder, Location loc, Value bytes, Value offset,
                                MemRefType type, ValueRange dynamicSizes) {
  return memref::ViewOp::create(builder, loc, type, bytes, offset, dynamicSizes);
}

Value secateur::codegen::pointerTo(OpBuilder &builder, Location loc, Value memref) {
  Value address = memref::ExtractAlignedPointerAsIndexOp::create(builder, loc, memref);
  address = arith::IndexCastOp::create(builder, loc, builder.getI64Type(), address);
  return LLVM::IntToPtrOp::create(builder, loc, LLVM::LLVMPointerType::get(builder.getContext()),
                                  address);
}

static Value elementPointer(OpBuilder &builder, Location loc, Value pointer, Type element,
                            int64_t index) {
  return LLVM::GEPOp::create(builder, loc, pointer.getType(), element, pointer,
                             ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index)});
}

Value secateur::codegen::loadElement(OpBuilder &builder, Location loc, Value pointer, Type element,
                                     int64_t index) {
  return LLVM::LoadOp::create(builder, loc, element,
                              elementPointer(builder, loc, pointer, element, index));
}

void secateur::codegen::storeElement(OpBuilder &builder, Location loc, Value value, Value pointer,
                                     int64_t index) {
  LLVM::StoreOp::create(builder, loc, value,
                        elementPointer(builder, loc, pointer, value.getType(), index));
}

LLVM::LLVMFuncOp secateur::codegen::runtimeFunction(ModuleOp module, StringRef name, Type result,
                                                    ArrayRef<Type> arguments) {
  if (auto found = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return found;
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  return LLVM::LLVMFuncOp::create(builder, module.getLoc(), name,
                                  LLVM::LLVMFunctionType::get(result, arguments));
}

Value secateur::codegen::sizeInBytes(OpBuilder &builder, Location loc, MemRefType type,
                                     ValueRange dynamicSizes) {
  int64_t known = getElementBytes(type.getElementType());
  for (int64_t size : type.getShape())
    if (!ShapedType::isDynamic(size))
      known *= size;
  Value bytes = arith::ConstantIndexOp::create(builder, loc, known);
  for (Value size : dynamicSizes)
    bytes = arith::MulIOp::create(builder, loc, bytes, size);
  return bytes;
}

Value secateur::codegen::allocate(OpBuilder &builder, Location loc, Value context, MemRefType type,
                                  ValueRange dynamicSizes) {
  ModuleOp module = builder.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext());
  LLVM::LLVMFuncOp callee =
      runtimeFunction(module, "secateur_allocate", pointer, {pointer, builder.getI64Type()});
  Value bytes = sizeInBytes(builder, loc, type, dynamicSizes);
  bytes = arith::IndexCastOp::create(builder, loc, builder.getI64Type(), bytes);
  Value memory = LLVM::CallOp::create(builder, loc, callee, ValueRange{context, bytes}).getResult();
  return viewAt(builder, loc, bytesAt(builder, loc, memory),
                arith::ConstantIndexOp::create(builder, loc, 0), type, dynamicSizes);
}
