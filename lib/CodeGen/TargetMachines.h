//===- TargetMachines.h - LLVM's view of the target -------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_TARGETMACHINES_H
#define SECATEUR_LIB_CODEGEN_TARGETMACHINES_H

#include "secateur/CodeGen/CodeGen.h"

#include <memory>

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace secateur::codegen {

/// Null when LLVM has no such target.
std::unique_ptr<llvm::TargetMachine> createTargetMachine(const TargetInfo &info, unsigned optLevel);

/// Adds secateur_model_descriptor to `llvmModule`, which has secateur_sizes and
/// secateur_run; `module` is where the passes left the signature and the ranges.
void addDescriptor(llvm::Module &llvmModule, mlir::ModuleOp module, const TargetInfo &target,
                   const CodeGenOptions &options);

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_TARGETMACHINES_H
