//===- Passes.h - Passes that make kernels ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_CODEGEN_KERNELS_PASSES_H
#define SECATEUR_CODEGEN_KERNELS_PASSES_H

#include "mlir/Pass/Pass.h"

namespace secateur::codegen {

#define GEN_PASS_DECL
#include "secateur/CodeGen/Kernels/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "secateur/CodeGen/Kernels/Passes.h.inc"

} // namespace secateur::codegen

#endif // SECATEUR_CODEGEN_KERNELS_PASSES_H
