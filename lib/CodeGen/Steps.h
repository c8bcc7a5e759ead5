//===- Steps.h - Marks what the profile counts ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_STEPS_H
#define SECATEUR_LIB_CODEGEN_STEPS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace secateur::codegen {

/// Names of the nodes that an operation came from, in their order, or of its values.
std::string nameStep(mlir::Location location);

/// Calls secateur_step() before each operation of `program`'s own block that does
/// work, and lists the steps' names in the module's "secateur.steps". Runs while
/// kern and linalg operations still say what they compute.
void markSteps(mlir::func::FuncOp program, mlir::Value context);

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_STEPS_H
