//===- PruneDialect.h - The prune dialect -----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_DIALECTS_PRUNE_IR_PRUNEDIALECT_H
#define SECATEUR_DIALECTS_PRUNE_IR_PRUNEDIALECT_H

#include "mlir/IR/Dialect.h"

#include "dialects/Prune/IR/PruneOpsDialect.h.inc"

#endif // SECATEUR_DIALECTS_PRUNE_IR_PRUNEDIALECT_H
