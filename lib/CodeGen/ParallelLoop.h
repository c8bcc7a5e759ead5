//===- ParallelLoop.h - Builders of kern.parallel ---------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_PARALLELLOOP_H
#define SECATEUR_LIB_CODEGEN_PARALLELLOOP_H

#include "mlir/IR/Builders.h"

namespace secateur::codegen {

/// The number of iterations, each of `work`, that make a task of `taskWork`,
/// rounded up to a multiple of `multiple`; at least that.
mlir::Value createGrain(mlir::OpBuilder &builder, mlir::Location loc, int64_t taskWork,
                        mlir::Value work, int64_t multiple);

/// kern.parallel over [0, count); `emit` builds the body of a range.
void createParallel(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value count,
                    mlir::Value grain, llvm::function_ref<void(mlir::Value, mlir::Value)> emit);

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_PARALLELLOOP_H
