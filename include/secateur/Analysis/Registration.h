//===- Registration.h - The external models of Analysis ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_ANALYSIS_REGISTRATION_H
#define SECATEUR_ANALYSIS_REGISTRATION_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace secateur::analysis {

/// ShapeOpInterface of every operation of nn.
void registerShapeModels(mlir::DialectRegistry &registry);
/// CostOpInterface of the operations that multiply and accumulate.
void registerCostModels(mlir::DialectRegistry &registry);

} // namespace secateur::analysis

#endif // SECATEUR_ANALYSIS_REGISTRATION_H
