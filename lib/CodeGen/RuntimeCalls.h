//===- RuntimeCalls.h - Pointers, memrefs and calls of the runtime ----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_RUNTIMECALLS_H
#define SECATEUR_LIB_CODEGEN_RUNTIMECALLS_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

namespace secateur::codegen {

/// memref<?xi8> over `pointer`; its size is not meant to be asked for.
mlir::Value bytesAt(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value pointer);

/// A memref of `type` at byte `offset` of `bytes`.
mlir::Value viewAt(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value bytes,
                   mlir::Value offset, mlir::MemRefType type, mlir::ValueRange dynamicSizes);

/// The pointer to the first element.
mlir::Value pointerTo(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value memref);

/// Element `index` of an array of `element` at `pointer`.
mlir::Value loadElement(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value pointer,
                        mlir::Type element, int64_t index);
void storeElement(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                  mlir::Value pointer, int64_t index);

/// The runtime's function of that name, declared when needed.
mlir::LLVM::LLVMFuncOp runtimeFunction(mlir::ModuleOp module, llvm::StringRef name,
                                       mlir::Type result, llvm::ArrayRef<mlir::Type> arguments);

/// Calls secateur_allocate for a memref of `type`.
mlir::Value allocate(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value context,
                     mlir::MemRefType type, mlir::ValueRange dynamicSizes);

/// Bytes of a memref of `type`.
mlir::Value sizeInBytes(mlir::OpBuilder &builder, mlir::Location loc, mlir::MemRefType type,
                        mlir::ValueRange dynamicSizes);

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_RUNTIMECALLS_H
