//===- ErasureModels.h - The families of erasure models ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_PRUNING_ERASUREMODELS_H
#define SECATEUR_LIB_PRUNING_ERASUREMODELS_H

#include "mlir/IR/MLIRContext.h"

namespace secateur::pruning {

/// Attaches the models of attention to the operations of `context`.
void attachAttentionErasure(mlir::MLIRContext &context);
/// Those of norms and means.
void attachStatisticsErasure(mlir::MLIRContext &context);

} // namespace secateur::pruning

#endif // SECATEUR_LIB_PRUNING_ERASUREMODELS_H
