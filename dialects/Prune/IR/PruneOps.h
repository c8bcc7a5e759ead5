//===- PruneOps.h - Operations of the prune dialect -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_DIALECTS_PRUNE_IR_PRUNEOPS_H
#define SECATEUR_DIALECTS_PRUNE_IR_PRUNEOPS_H

#include "dialects/Prune/IR/PruneDialect.h"
#include "dialects/Prune/IR/PruneLayout.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"

#define GET_OP_CLASSES
#include "dialects/Prune/IR/PruneOps.h.inc"

#endif // SECATEUR_DIALECTS_PRUNE_IR_PRUNEOPS_H
