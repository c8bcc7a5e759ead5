//===- Passes.h - Passes and models of the Lowering stage -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LOWERING_PASSES_H
#define SECATEUR_LOWERING_PASSES_H

#include "dialects/Kern/IR/KernDialect.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace secateur::lowering {

#define GEN_PASS_DECL
#include "secateur/Lowering/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "secateur/Lowering/Passes.h.inc"

/// Attaches LoweringOpInterface to the operators that can be compiled.
void registerLoweringModels(mlir::DialectRegistry &registry);

} // namespace secateur::lowering

#endif // SECATEUR_LOWERING_PASSES_H
