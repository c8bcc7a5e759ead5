//===- NNOps.h - Operations and interfaces of the nn dialect ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_DIALECTS_NN_IR_NNOPS_H
#define SECATEUR_DIALECTS_NN_IR_NNOPS_H

#include "dialects/NN/IR/NNDialect.h"
#include "dialects/NN/IR/ShapeEvaluator.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/NN/IR/NNInterfaces.h.inc"

namespace secateur::nn {

/// Checks what every operator of ONNX has to meet; emits errors on `op`.
llvm::LogicalResult verifyNode(mlir::Operation *op);

template <typename OpTy>
struct VerifiedNode : mlir::OpTrait::TraitBase<OpTy, VerifiedNode> {
  static llvm::LogicalResult verifyTrait(mlir::Operation *op) { return verifyNode(op); }
};

} // namespace secateur::nn

#define GET_TYPEDEF_CLASSES
#include "dialects/NN/IR/NNOpsTypes.h.inc"

#define GET_OP_CLASSES
#include "dialects/NN/IR/NNOps.h.inc"

#endif // SECATEUR_DIALECTS_NN_IR_NNOPS_H
