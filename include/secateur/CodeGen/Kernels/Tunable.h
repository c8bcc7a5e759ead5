//===- Tunable.h - Products with a choice of kernels ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_CODEGEN_KERNELS_TUNABLE_H
#define SECATEUR_CODEGEN_KERNELS_TUNABLE_H

#include "secateur/CodeGen/Kernels/Target.h"

#include "dialects/Kern/IR/KernOps.h"

#include "secateur/CodeGen/Kernels/TunableInterface.h.inc"

namespace secateur::codegen {

/// Registers the models of TunableOpInterface of the kern ops.
void registerTunableModels(mlir::DialectRegistry &registry);

} // namespace secateur::codegen

#endif // SECATEUR_CODEGEN_KERNELS_TUNABLE_H
