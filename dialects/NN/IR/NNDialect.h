//===- NNDialect.h - The nn dialect -----------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_DIALECTS_NN_IR_NNDIALECT_H
#define SECATEUR_DIALECTS_NN_IR_NNDIALECT_H

#include "mlir/IR/Dialect.h"

#include "dialects/NN/IR/NNOpsDialect.h.inc"

#endif // SECATEUR_DIALECTS_NN_IR_NNDIALECT_H
