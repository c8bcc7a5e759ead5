//===- Subgraphs.h - The regions of an operation in ONNX --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_DIALECTS_NN_IR_SUBGRAPHS_H
#define SECATEUR_DIALECTS_NN_IR_SUBGRAPHS_H

#include "dialects/NN/IR/NNOps.h"

namespace secateur::nn {

/// The attribute of the ONNX node that holds a region.
inline llvm::StringRef getAttributeName(mlir::Region &region) {
  if (!llvm::isa<IfOp>(region.getParentOp()))
    return "body";
  return region.getRegionNumber() ? "then_branch" : "else_branch";
}

} // namespace secateur::nn

#endif // SECATEUR_DIALECTS_NN_IR_SUBGRAPHS_H
