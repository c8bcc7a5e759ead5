//===- KernOps.h - Operations of the kern dialect ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_DIALECTS_KERN_IR_KERNOPS_H
#define SECATEUR_DIALECTS_KERN_IR_KERNOPS_H

#include "dialects/Kern/IR/Counter.h"
#include "dialects/Kern/IR/KernDialect.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace secateur::kern {
/// Width of a weight panel: the columns that lie together. Fixed on x86, so that
/// one copy of the weights serves AVX-512, AVX2 and SSE.
constexpr int64_t panelWidth = 16;
/// Input channels of kern.winograd_conv, at most: a tile of them is kept on the stack.
constexpr int64_t mostWinogradChannels = 4096;

/// Checks the epilogue of an op with `EpilogueOpInterface`.
mlir::LogicalResult verifyEpilogue(mlir::Operation *op);
} // namespace secateur::kern

#include "dialects/Kern/IR/KernInterfaces.h.inc"
#include "dialects/Kern/IR/KernOpsEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Kern/IR/KernOpsAttributes.h.inc"

namespace secateur::kern {
/// Checks that `choice`, which may be null, is of one of these kernels.
mlir::LogicalResult verifyChoice(mlir::Operation *op, ChoiceAttr choice,
                                 llvm::ArrayRef<KernelKind> kernels);
} // namespace secateur::kern

#define GET_OP_CLASSES
#include "dialects/Kern/IR/KernOps.h.inc"

#endif // SECATEUR_DIALECTS_KERN_IR_KERNOPS_H
