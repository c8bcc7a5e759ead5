//===- CodeGen.h - Tensors to object code -----------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The back end: a module whose `func.func @main` works on tensors with kern,
// linalg, tensor, scf, arith and math becomes an ELF object that exports one
// descriptor (secateur/Runtime/ModelDescriptor.h), and the list of weights that
// the object expects in its blob.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_CODEGEN_CODEGEN_H
#define SECATEUR_CODEGEN_CODEGEN_H

#include "secateur/CodeGen/WeightsBlob.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/LLVM.h"

#include <string>
#include <vector>

namespace secateur::codegen {

/// What to generate code for.
struct CodeGenOptions {
  /// Name of a CPU as LLVM spells it; "" or "native" is this machine's.
  std::string cpu;
  /// LLVM's optimisation level, 0 to 3.
  unsigned optLevel = 3;
  /// "strict" or "fast", for the descriptor; passes before this one act on it.
  std::string mathMode = "strict";
  std::string modelName;
  /// "address" or "thread" puts the sanitizer's checks into the code, which then needs
  /// its runtime in the process; "" for none.
  std::string sanitizer;
};

struct CompiledObject {
  /// Relocatable ELF objects to be linked, or one text.
  std::vector<std::string> objects;
  std::vector<PackedWeight> weights;
  uint64_t weightBytes = 0;
};

/// Properties of a target that passes ask for.
struct TargetInfo {
  std::string triple;
  std::string cpu;
  std::string features;
  /// Width of the vector registers used, in bits.
  unsigned vectorBits = 256;
  /// Bits of secateur/Runtime/CpuFeatures.def that the code may use.
  uint64_t cpuFeatures = 0;
};

/// Looks `cpu` up; "" or "native" is this machine. Emits an error at `location`
/// when LLVM does not know it or it is below x86-64-v2.
mlir::FailureOr<TargetInfo> lookUpTarget(llvm::StringRef cpu, mlir::Location location);

/// Adds the passes that fuse what follows and surrounds kernels into them: the first of
/// the code generator's.
void buildFusionPipeline(mlir::OpPassManager &manager);

/// Adds the passes from tensors to the LLVM dialect.
void buildCodeGenPipeline(mlir::OpPassManager &manager, const TargetInfo &target);

/// Compiles `module`, which is changed into the LLVM dialect on the way. Errors
/// are diagnostics at the operations to blame. Works on the threads of the module's
/// context; the result does not depend on their number.
mlir::FailureOr<CompiledObject> compileToObject(mlir::ModuleOp module,
                                                const CodeGenOptions &options);

/// The same, as the text of the optimised LLVM IR in `CompiledObject::objects`.
mlir::FailureOr<CompiledObject> compileToLLVMText(mlir::ModuleOp module,
                                                  const CodeGenOptions &options);

} // namespace secateur::codegen

#endif // SECATEUR_CODEGEN_CODEGEN_H
