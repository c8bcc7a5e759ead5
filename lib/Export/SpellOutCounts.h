//===- SpellOutCounts.h - Statistics of erased positions in ONNX --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_EXPORT_SPELLOUTCOUNTS_H
#define SECATEUR_LIB_EXPORT_SPELLOUTCOUNTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>
#include <vector>

namespace secateur {

/// Replaces the norms and means of `function` that have a `count` by operators that
/// ONNX has. Returns the names of the constants that this needs. Fails with errors
/// where one of them cannot be written so.
mlir::FailureOr<std::vector<std::string>> spellOutCounts(mlir::func::FuncOp function);

} // namespace secateur

#endif // SECATEUR_LIB_EXPORT_SPELLOUTCOUNTS_H
