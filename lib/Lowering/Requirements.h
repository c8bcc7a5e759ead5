//===- Requirements.h - What input shapes a model can be run with -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_LOWERING_REQUIREMENTS_H
#define SECATEUR_LIB_LOWERING_REQUIREMENTS_H

#include "secateur/Lowering/LoweringContext.h"

namespace secateur::lowering {

/// Asserts, at the builder's place in `target`, what the sizes of its arguments
/// have to meet. Says nothing about sizes that depend on data.
void emitRequirements(mlir::func::FuncOp source, mlir::func::FuncOp target,
                      LoweringContext &context);

} // namespace secateur::lowering

#endif // SECATEUR_LIB_LOWERING_REQUIREMENTS_H
