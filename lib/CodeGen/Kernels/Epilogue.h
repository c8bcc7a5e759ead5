//===- Epilogue.h - Epilogue regions on vectors -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The scalar region of a kern op, cloned on vectors of neighbouring columns, and the
// operands that it reads.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_KERNELS_EPILOGUE_H
#define SECATEUR_LIB_CODEGEN_KERNELS_EPILOGUE_H

#include "KernelBuilder.h"

#include "dialects/Kern/IR/KernOps.h"

namespace secateur::codegen {

/// How an epilogue operand moves along the columns of a tile.
enum class ColumnAccess { None, Contiguous, Strided };

struct EpilogueOperand {
  mlir::Type element;
  ColumnAccess columns = ColumnAccess::None;
  /// Whether it depends on anything else than the column.
  bool variesByRow = false;
  /// Result of the epilogue map for each dimension of the output; -1 where absent.
  llvm::SmallVector<int64_t> resultOfDim;
  mlir::Value memref;
};

/// The part of a kernel's form that its epilogue is.
struct EpilogueForm {
  mlir::Region *region = nullptr;
  mlir::Type stored;
  llvm::SmallVector<EpilogueOperand> operands;

  /// A description that is equal for equal code.
  std::string key() const;
  /// Writes the region on vectors: `values` are the accumulator and the operands.
  mlir::Value emit(KernelBuilder &k, mlir::ValueRange values) const;
};

/// The form of an op whose output's dimension `columnDim` is the vector dimension, or
/// failure where the region has no vector form.
mlir::FailureOr<EpilogueForm> analyzeEpilogue(kern::EpilogueOpInterface op, int64_t columnDim);

/// The same for a region, its operands (memrefs) and their maps over dimensions of
/// these extents; `stored` is what it yields.
mlir::FailureOr<EpilogueForm> analyzeEpilogue(mlir::Region &region, mlir::ValueRange operands,
                                              mlir::ArrayAttr maps, mlir::Type stored,
                                              llvm::ArrayRef<int64_t> extents, int64_t columnDim);

/// Strides of an operand along dimensions of the output; 0 where it does not move.
llvm::SmallVector<mlir::Value> stridesAlong(KernelBuilder &k, const EpilogueOperand &operand,
                                            const BufferView &view,
                                            llvm::ArrayRef<int64_t> outputDims);

/// Loads what an operand contributes to `lanes` columns at `pointer`; `mask` may be null.
mlir::Value loadOperand(KernelBuilder &k, const EpilogueOperand &operand, mlir::Value pointer,
                        mlir::Value columnStride, mlir::Value mask);

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_KERNELS_EPILOGUE_H
