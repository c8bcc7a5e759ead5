//===- Erasure.h - Registration of the erasure models -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_PRUNING_ERASURE_H
#define SECATEUR_PRUNING_ERASURE_H

#include "mlir/IR/DialectRegistry.h"

namespace secateur::pruning {

/// Attaches nn::ErasureOpInterface to the operators of `nn`.
void registerErasureModels(mlir::DialectRegistry &registry);

} // namespace secateur::pruning

#endif // SECATEUR_PRUNING_ERASURE_H
