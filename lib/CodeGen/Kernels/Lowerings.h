//===- Lowerings.h - One function per kern op -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Each writes the call of a kernel before the op (on memrefs) and leaves the op to be
// erased. A lowering fails, having written nothing, where the op has no fast form;
// `lowerToLoops` takes every contraction and convolution.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_KERNELS_LOWERINGS_H
#define SECATEUR_LIB_CODEGEN_KERNELS_LOWERINGS_H

#include "KernelBuilder.h"

#include "dialects/Kern/IR/KernOps.h"

namespace secateur::codegen {

llvm::LogicalResult lowerAttention(KernelModule &kernels, kern::AttentionOp op);
llvm::LogicalResult lowerContract(KernelModule &kernels, kern::ContractOp op);
llvm::LogicalResult lowerConv(KernelModule &kernels, kern::ConvOp op);
llvm::LogicalResult lowerDepthwiseConv(KernelModule &kernels, kern::DepthwiseConvOp op);
/// Many narrow groups; `lowerConv` takes the others.
llvm::LogicalResult lowerGroupedConv(KernelModule &kernels, kern::ConvOp op);
/// Emits an error where it fails: there is no other form.
llvm::LogicalResult lowerWinogradConv(KernelModule &kernels, kern::WinogradConvOp op);
llvm::LogicalResult lowerPool(KernelModule &kernels, kern::PoolOp op);
llvm::LogicalResult lowerSoftmax(KernelModule &kernels, kern::SoftmaxOp op);
llvm::LogicalResult lowerNorm(KernelModule &kernels, kern::NormOp op);
llvm::LogicalResult lowerPack(KernelModule &kernels, kern::PackOp op);

/// Scalar loops, for types and layouts without a kernel. Fails (with an error) on
/// types that cannot be computed with.
llvm::LogicalResult lowerToLoops(KernelModule &kernels, kern::EpilogueOpInterface op);

/// The innermost dimension is contiguous, as far as the type says.
bool hasUnitInnerStride(mlir::Value memref);

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_KERNELS_LOWERINGS_H
