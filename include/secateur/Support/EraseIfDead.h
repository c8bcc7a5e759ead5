//===- EraseIfDead.h - Clean up after one rewrite ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// For passes that run on the user's graph, which keeps all else, dead or not.

#ifndef SECATEUR_SUPPORT_ERASEIFDEAD_H
#define SECATEUR_SUPPORT_ERASEIFDEAD_H

#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

namespace secateur {

/// Erases `op` if nothing reads it any more, then what it read, and so on.
inline void eraseIfDead(mlir::Operation *op) {
  llvm::SetVector<mlir::Operation *> worklist;
  worklist.insert(op);
  while (!worklist.empty()) {
    mlir::Operation *next = worklist.pop_back_val();
    if (!mlir::isOpTriviallyDead(next))
      continue;
    for (mlir::Value operand : next->getOperands())
      if (mlir::Operation *producer = operand.getDefiningOp())
        worklist.insert(producer);
    next->erase();
  }
}

} // namespace secateur

#endif // SECATEUR_SUPPORT_ERASEIFDEAD_H
