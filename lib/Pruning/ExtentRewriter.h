//===- ExtentRewriter.h - Following sizes to the constants they come from -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Operations demand elements of their integer operands; a demand is handed from
// an operation to its operands until it reaches a constant. What several uses
// demand of one value may differ: then the value's operation is cloned, and each
// use gets what it wants. A constant is never found by comparing its value.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_PRUNING_EXTENTREWRITER_H
#define SECATEUR_LIB_PRUNING_EXTENTREWRITER_H

#include "PrunedShapes.h"
#include "dialects/NN/IR/NNErasure.h"
#include "secateur/Pruning/Apply.h"
#include "secateur/Pruning/Extents.h"

#include <map>
#include <set>

namespace secateur::pruning {

class ExtentRewriter : public nn::ErasureContext {
public:
  ExtentRewriter(ModelExtents &extents, NormStatistics statistics)
      : extents(extents), statistics(statistics) {}

  /// Rewrites all attributes and integer constants that name extents. Fails with
  /// an error at the operation that cannot follow.
  llvm::LogicalResult run();

  /// The integer constants that are new or changed, by name, with the reason.
  llvm::ArrayRef<std::pair<std::string, std::string>> getRewritten() const { return rewritten; }

  /// Operations that are not the same as in the zeroed model, with the reason.
  llvm::ArrayRef<std::pair<std::string, std::string>> getApproximations() const {
    return approximations;
  }

  bool keepsCounts() const override { return statistics == NormStatistics::Dense; }
  void approximates(mlir::Operation *op, llvm::StringRef reason) override {
    approximations.emplace_back(nodeName(op), reason.str());
  }
  llvm::ArrayRef<int64_t> getDenseShape(mlir::Value value) override {
    return extents.getDenseShape(original(value));
  }
  llvm::ArrayRef<int64_t> getPrunedShape(mlir::Value value) override {
    return extents.getPrunedShape(original(value));
  }
  llvm::SmallVector<int64_t> getKept(mlir::Value value, int64_t axis) override {
    return extents.getKept(original(value), axis);
  }
  std::optional<llvm::SmallVector<int64_t>> getDenseElements(mlir::Value value) override {
    return extents.getDenseElements(original(value));
  }
  std::optional<llvm::SmallVector<int64_t>> getPrunedElements(mlir::Value value) override;
  void demand(mlir::OpOperand &operand, int64_t index, int64_t value) override {
    demands[&operand][index] = value;
  }
  llvm::LogicalResult replaceIntegers(mlir::OpOperand &operand, llvm::ArrayRef<int64_t> shape,
                                      llvm::ArrayRef<int64_t> values) override;
  mlir::Value createIntegers(mlir::Operation *op, llvm::StringRef role,
                             llvm::ArrayRef<int64_t> values) override;

private:
  /// Wanted elements by position.
  using Wanted = std::map<int64_t, int64_t>;

  mlir::Value original(mlir::Value value) const {
    auto found = cloneOf.find(value);
    return found == cloneOf.end() ? value : found->second;
  }
  /// What the erased model computes there, where no input decides it.
  std::optional<int64_t> prunedElement(mlir::Value value, int64_t index) const;
  /// Whether some of what is wanted is not so already.
  bool changes(mlir::Value value, const Wanted &wanted);
  llvm::LogicalResult resolveResult(mlir::OpResult result);
  /// Makes `result`, all of whose uses agree, give what is wanted.
  llvm::LogicalResult push(mlir::OpResult result, const Wanted &wanted, mlir::Operation *asker);
  llvm::LogicalResult writeConstant(mlir::Operation *op, const Wanted &wanted,
                                    mlir::Operation *asker);
  /// Whether a constant can be changed, or with `mayReplace` put in the place of a
  /// single size, so that the element becomes what is wanted.
  bool reachesConstant(mlir::Value value, int64_t index, int64_t wanted, bool mayReplace,
                       unsigned depth = 0);
  /// One size that no input changes, read off some tensor: a constant can stand in
  /// its place.
  bool isFixedSize(mlir::Value value);
  mlir::Value createSize(mlir::Operation *op, mlir::RankedTensorType type, int64_t value);
  std::string freshName(llvm::StringRef base);
  mlir::Location named(mlir::Location like, llvm::StringRef name);
  void record(llvm::StringRef name, mlir::Operation *asker);

  ModelExtents &extents;
  NormStatistics statistics;
  llvm::MapVector<mlir::OpOperand *, Wanted> demands;
  llvm::DenseMap<mlir::Value, SomeIntegers> pruned;
  llvm::DenseMap<mlir::Value, mlir::Value> cloneOf;
  std::vector<std::pair<std::string, std::string>> rewritten, approximations;
  std::set<std::string, std::less<>> names;
};

} // namespace secateur::pruning

#endif // SECATEUR_LIB_PRUNING_EXTENTREWRITER_H
