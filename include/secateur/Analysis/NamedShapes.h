//===- NamedShapes.h - Shapes that a user gives to inputs -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_ANALYSIS_NAMEDSHAPES_H
#define SECATEUR_ANALYSIS_NAMEDSHAPES_H

#include "mlir/IR/Operation.h"

#include <string>

namespace secateur::analysis {

/// Shapes by the name of an input; -1 is a size that is left open.
using NamedShapes = llvm::SmallVector<std::pair<std::string, llvm::SmallVector<int64_t>>>;

/// Reads `x=1x3x?,y=4`: names may hold anything but a comma. Errors go to `op`.
mlir::FailureOr<NamedShapes> parseNamedShapes(mlir::Operation *op, llvm::StringRef text);

} // namespace secateur::analysis

#endif // SECATEUR_ANALYSIS_NAMEDSHAPES_H
