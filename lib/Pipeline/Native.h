//===- Native.h - From a model's graph to native code -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_PIPELINE_NATIVE_H
#define SECATEUR_LIB_PIPELINE_NATIVE_H

#include "secateur/Pipeline/Pipeline.h"

#include "secateur/CodeGen/CodeGen.h"

#include "mlir/IR/BuiltinOps.h"

namespace secateur {

/// Lowers `module` (nn; changed on the way) to kern and linalg.
llvm::LogicalResult lowerModel(mlir::ModuleOp module, const CompileOptions &options);

/// Chooses what is chosen on tensors, where math may be fast: what has a choice already
/// keeps it.
llvm::LogicalResult chooseKernels(mlir::ModuleOp module, const CompileOptions &options);

/// What the code generator is asked for.
codegen::CodeGenOptions codeGenOptions(const CompileOptions &options);

/// Generates code for a lowered module and writes a library, an object or LLVM IR.
/// `weightsFile` becomes the path of the weights where they lie beside it.
llvm::LogicalResult emitNative(mlir::ModuleOp module, const CompileOptions &options,
                               Artifact artifact, llvm::StringRef path,
                               std::string *weightsFile = nullptr);

/// "strict" or "fast": what was asked for, or else the level's default.
llvm::StringRef mathModeName(const CompileOptions &options);

} // namespace secateur

#endif // SECATEUR_LIB_PIPELINE_NATIVE_H
