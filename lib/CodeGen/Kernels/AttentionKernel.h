//===- AttentionKernel.h - The kernel of attention --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// One kernel computes
//   O[outer, m, e] = sum over n of softmax_n(score(sum over d of Q[outer, m, d] *
//                    K[outer, d, n])) * V[outer, n, e]
// All extents and strides are arguments.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_KERNELS_ATTENTIONKERNEL_H
#define SECATEUR_LIB_CODEGEN_KERNELS_ATTENTIONKERNEL_H

#include "Epilogue.h"

namespace secateur::codegen {

/// What the code of a kernel depends on.
struct AttentionForm {
  unsigned outerDims = 0;
  /// Keys in panels of 16 columns, or rows of columns.
  bool packed = true;
  /// How queries lie along d, keys (not packed) along n, values and the output along e.
  ColumnAccess queryColumns = ColumnAccess::Contiguous;
  ColumnAccess keyColumns = ColumnAccess::Contiguous, valueColumns = ColumnAccess::Contiguous,
               outColumns = ColumnAccess::Contiguous;
  bool zeroEmpty = false;
  /// The function of a score; its columns are keys, its row is a query.
  EpilogueForm scores;

  std::string key() const;
};

/// The arguments of a kernel: values in the caller, or the kernel's own arguments.
/// Strides count elements.
struct AttentionArguments {
  explicit AttentionArguments(const AttentionForm &form);

  mlir::Value query, keys, values, out;
  llvm::SmallVector<mlir::Value> extras;
  /// Queries, keys, features of the scores and of the output.
  mlir::Value m, n, d, e;
  llvm::SmallVector<mlir::Value> outerExtents, queryOuter, keyOuter, valueOuter, outOuter;
  mlir::Value queryRow, queryStep;
  /// From panel to panel (packed), along d, along n.
  mlir::Value keyPanel, keyStep, keyColumn;
  mlir::Value valueStep, valueColumn, outRow, outColumn;
  llvm::SmallVector<llvm::SmallVector<mlir::Value>> extraOuter;
  llvm::SmallVector<mlir::Value> extraRow, extraColumn;
  /// Queries that a task computes, and the range of tasks.
  mlir::Value rowBlock, begin, end;

  /// Visits all of the above in the order of the kernel's signature.
  void forEach(llvm::function_ref<void(mlir::Value &)> visit);
};

/// Calls the kernel of this form, in parallel; `prepare` fills the arguments but for
/// the last three, inside the parallel body. The extents must be there before.
void callAttentionKernel(KernelModule &kernels, KernelBuilder &k, const AttentionForm &form,
                         const AttentionArguments &extents,
                         llvm::function_ref<void(AttentionArguments &)> prepare);

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_KERNELS_ATTENTIONKERNEL_H
