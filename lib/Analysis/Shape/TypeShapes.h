//===- TypeShapes.h - Shape rules on static types ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// An evaluator for one operation that knows the static types of its operands and
// the values of constants: enough for rules to find contradictions. Every
// dynamic size is a symbol of its own; what rules say of results is ignored.

#ifndef SECATEUR_LIB_ANALYSIS_SHAPE_TYPESHAPES_H
#define SECATEUR_LIB_ANALYSIS_SHAPE_TYPESHAPES_H

#include "dialects/NN/IR/ShapeEvaluator.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"

namespace secateur::analysis {

class TypeShapes : public nn::ShapeEvaluator {
public:
  explicit TypeShapes(mlir::MLIRContext *context) : context(context) {}

  std::optional<llvm::ArrayRef<nn::Dim>> getShape(mlir::Value value) override;
  std::optional<llvm::ArrayRef<nn::Dim>> getElements(mlir::Value value) override;
  std::optional<llvm::ArrayRef<nn::Number>> getNumbers(mlir::Value) override {
    return std::nullopt;
  }
  void setShape(mlir::Value, llvm::ArrayRef<nn::Dim>) override {}
  void setUnranked(mlir::Value) override {}
  void setElements(mlir::Value, llvm::ArrayRef<nn::Dim>) override {}
  void setNumbers(mlir::Value, llvm::ArrayRef<nn::Number>) override {}
  mlir::MLIRContext *getContext() override { return context; }
  nn::Dim unknownDim(mlir::Value, unsigned) override { return addSymbol(0); }
  nn::Dim unknownElement(mlir::Value, unsigned) override { return addSymbol(std::nullopt); }
  nn::Dim minimum(nn::Dim left, nn::Dim right) override { return extremum(left, right, false); }
  nn::Dim maximum(nn::Dim left, nn::Dim right) override { return extremum(left, right, true); }
  nn::Dim simplify(nn::Dim expression) override;
  std::string toString(nn::Dim expression) const override;
  std::optional<int64_t> getLowerBound(nn::Dim expression) override;
  std::optional<int64_t> getUpperBound(nn::Dim expression) override;
  bool requireEqual(nn::Dim left, nn::Dim right, mlir::Operation *op) override;
  /// Operations inside are verified by themselves.
  llvm::LogicalResult inferRegion(mlir::Region &) override { return llvm::success(); }

private:
  nn::Dim addSymbol(std::optional<int64_t> lower);
  nn::Dim extremum(nn::Dim left, nn::Dim right, bool larger);

  mlir::MLIRContext *context;
  llvm::SmallVector<std::optional<int64_t>> lowerBounds;
  llvm::DenseMap<mlir::Value, std::unique_ptr<llvm::SmallVector<nn::Dim>>> shapes, elements;
};

} // namespace secateur::analysis

#endif // SECATEUR_LIB_ANALYSIS_SHAPE_TYPESHAPES_H
