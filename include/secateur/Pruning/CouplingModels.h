//===- CouplingModels.h - Coupling of the operators of nn -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_PRUNING_COUPLINGMODELS_H
#define SECATEUR_PRUNING_COUPLINGMODELS_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace secateur::pruning {

/// Lets the operations of `nn` answer nn::CouplingOpInterface.
void registerCouplingModels(mlir::DialectRegistry &registry);

} // namespace secateur::pruning

#endif // SECATEUR_PRUNING_COUPLINGMODELS_H
