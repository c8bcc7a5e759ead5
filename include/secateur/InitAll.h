//===- InitAll.h - Registration of everything that is ours ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_INITALL_H
#define SECATEUR_INITALL_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace secateur {

/// Registers the dialects of Secateur, those of MLIR that it uses, and the
/// external models of our interfaces.
void registerAllDialects(mlir::DialectRegistry &registry);

/// Registers every pass and pipeline, for secateur-opt.
void registerAllPasses();

} // namespace secateur

#endif // SECATEUR_INITALL_H
