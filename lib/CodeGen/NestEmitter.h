//===- NestEmitter.h - Vector loops for a linalg operation ------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_NESTEMITTER_H
#define SECATEUR_LIB_CODEGEN_NESTEMITTER_H

#include "LoopNest.h"

namespace secateur::codegen {

struct NestOptions {
  /// Width of a vector register in bits; 0 makes scalar loops.
  unsigned vectorBits = 512;
  /// Work (scalar operations) that is worth a task of its own.
  int64_t taskWork = 65536;
};

/// Replaces `op`, which works on memrefs, by loops at the builder's position.
llvm::LogicalResult emitNest(mlir::OpBuilder &builder, mlir::linalg::GenericOp op,
                             const NestOptions &options);

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_NESTEMITTER_H
