//===- Passes.h - Passes from nn to nn on the native path -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_TRANSFORM_PASSES_H
#define SECATEUR_TRANSFORM_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir {
class DialectRegistry;
class OpPassManager;
namespace func {
class FuncOp;
} // namespace func
} // namespace mlir

namespace secateur::transform {

#define GEN_PASS_DECL
#include "secateur/Transform/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "secateur/Transform/Passes.h.inc"

/// Attaches ConstantFoldOpInterface to the operations of nn.
void registerConstantFoldModels(mlir::DialectRegistry &registry);

/// Attaches DecompositionOpInterface to the operations of nn.
void registerDecompositionModels(mlir::DialectRegistry &registry);

/// On an operation that could be decomposed, but not in the form that it has: why.
inline constexpr llvm::StringLiteral kRefusedAttr = "nn.refused";

/// All of the above in the order that the native path runs them.
void buildTransformPipeline(mlir::OpPassManager &manager);

} // namespace secateur::transform

#endif // SECATEUR_TRANSFORM_PASSES_H
