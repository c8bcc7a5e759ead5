//===- Passes.h - Passes of the code generator ------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_CODEGEN_PASSES_H
#define SECATEUR_CODEGEN_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace secateur::codegen {

#define GEN_PASS_DECL
#include "secateur/CodeGen/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "secateur/CodeGen/Passes.h.inc"

/// Registers the dialects, external models and translations that the passes use.
void registerCodeGenDialects(mlir::DialectRegistry &registry);

/// Registers secateur-codegen-pipeline.
void registerCodeGenPipelines();

} // namespace secateur::codegen

#endif // SECATEUR_CODEGEN_PASSES_H
