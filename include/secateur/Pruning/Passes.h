//===- Passes.h - Passes of the Pruning stage -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_PRUNING_PASSES_H
#define SECATEUR_PRUNING_PASSES_H

#include "dialects/NN/IR/NNDialect.h"
#include "dialects/Prune/IR/PruneDialect.h"
#include "secateur/Pruning/Apply.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace secateur::pruning {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "secateur/Pruning/Passes.h.inc"

} // namespace secateur::pruning

#endif // SECATEUR_PRUNING_PASSES_H
