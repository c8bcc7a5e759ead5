//===- PrunedShapes.h - Shape arithmetic of the erased model ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Asks the operations' own shape inference what the integer tensors of the model
// hold once sizes are what they will be. All sizes are numbers here.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_PRUNING_PRUNEDSHAPES_H
#define SECATEUR_LIB_PRUNING_PRUNEDSHAPES_H

#include "secateur/Pruning/Extents.h"

#include <memory>

namespace secateur::pruning {

/// The elements of a tensor, as far as no input decides them.
using SomeIntegers = llvm::SmallVector<std::optional<int64_t>>;

class PrunedShapes : public nn::ShapeEvaluator {
public:
  explicit PrunedShapes(ModelExtents &extents) : extents(extents) {}

  /// Evaluates all of the function's integer tensors.
  void run();
  std::optional<SomeIntegers> getIntegers(mlir::Value value);

  std::optional<llvm::ArrayRef<nn::Dim>> getShape(mlir::Value value) override;
  std::optional<llvm::ArrayRef<nn::Dim>> getElements(mlir::Value value) override;
  std::optional<llvm::ArrayRef<nn::Number>> getNumbers(mlir::Value value) override;
  void setShape(mlir::Value, llvm::ArrayRef<nn::Dim>) override {} // Prescribed by what is removed.
  void setUnranked(mlir::Value) override {}
  void setElements(mlir::Value result, llvm::ArrayRef<nn::Dim> values) override;
  void setNumbers(mlir::Value result, llvm::ArrayRef<nn::Number> values) override;
  mlir::MLIRContext *getContext() override { return extents.getFunction().getContext(); }
  nn::Dim unknownDim(mlir::Value, unsigned) override { return unknown(); }
  nn::Dim unknownElement(mlir::Value, unsigned) override { return unknown(); }
  nn::Dim minimum(nn::Dim left, nn::Dim right) override;
  nn::Dim maximum(nn::Dim left, nn::Dim right) override;
  nn::Dim simplify(nn::Dim expression) override {
    return mlir::simplifyAffineExpr(expression, 0, nextSymbol);
  }
  std::optional<int64_t> getLowerBound(nn::Dim expression) override {
    return constantOf(expression);
  }
  std::optional<int64_t> getUpperBound(nn::Dim expression) override {
    return constantOf(expression);
  }
  bool requireEqual(nn::Dim, nn::Dim, mlir::Operation *) override { return true; }
  std::string toString(nn::Dim) const override { return "?"; }
  llvm::LogicalResult inferRegion(mlir::Region &) override { return llvm::success(); }

private:
  nn::Dim unknown() { return mlir::getAffineSymbolExpr(nextSymbol++, getContext()); }
  std::optional<int64_t> constantOf(nn::Dim expression);

  ModelExtents &extents;
  unsigned nextSymbol = 0;
  /// By pointer: what is handed out stays where it is.
  llvm::DenseMap<mlir::Value, std::unique_ptr<llvm::SmallVector<nn::Dim>>> shapes, elements;
  llvm::DenseMap<mlir::Value, std::unique_ptr<llvm::SmallVector<nn::Number>>> numbers;
};

} // namespace secateur::pruning

#endif // SECATEUR_LIB_PRUNING_PRUNEDSHAPES_H
