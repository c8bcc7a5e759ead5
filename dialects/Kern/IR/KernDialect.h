//===- KernDialect.h - The kern dialect -------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_DIALECTS_KERN_IR_KERNDIALECT_H
#define SECATEUR_DIALECTS_KERN_IR_KERNDIALECT_H

#include "mlir/IR/Dialect.h"

#include "dialects/Kern/IR/KernOpsDialect.h.inc"

namespace secateur::kern {
/// Lets one-shot bufferization turn `kern` ops on tensors into those on memrefs.
void registerBufferizableModels(mlir::DialectRegistry &registry);
} // namespace secateur::kern

#endif // SECATEUR_DIALECTS_KERN_IR_KERNDIALECT_H
