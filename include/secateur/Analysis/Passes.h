//===- Passes.h - Passes of the Analysis stage ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_ANALYSIS_PASSES_H
#define SECATEUR_ANALYSIS_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace secateur::analysis {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "secateur/Analysis/Passes.h.inc"

} // namespace secateur::analysis

#endif // SECATEUR_ANALYSIS_PASSES_H
