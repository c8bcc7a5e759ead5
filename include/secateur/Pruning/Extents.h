//===- Extents.h - Sizes and costs of a model while units leave it -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Concrete shapes of every value at nominal input sizes, which elements of each
// have been removed, and what that leaves: shapes, floating-point operations,
// parameters and bytes. Nothing in the IR changes.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_PRUNING_EXTENTS_H
#define SECATEUR_PRUNING_EXTENTS_H

#include "secateur/Analysis/SymbolicShapes.h"
#include "secateur/Pruning/Groups.h"
#include "secateur/Pruning/RemovedElements.h"

#include "llvm/ADT/MapVector.h"

#include <memory>

namespace secateur::pruning {

/// The sizes to count with, by the name of an input; -1 leaves one as it is.
/// Dynamic sizes that are not given are 1 on axis 0, and elsewhere 224 or, where
/// the model does not take that, another usual size.
using NominalShapes = std::vector<std::pair<std::string, llvm::SmallVector<int64_t>>>;

/// What a model costs. `flops` is twice the multiply-accumulates of
/// convolutions, matrix products and recurrences at the nominal sizes;
/// `parameters` counts the elements of constants that are not integers wider
/// than 8 bits, `weightBytes` the bytes of all constants.
struct ModelCost {
  int64_t flops = 0;
  int64_t parameters = 0;
  int64_t weightBytes = 0;
};

/// Whether `value` is a tensor of the file: an `nn.constant`, or an
/// `nn.constant_of_shape` of one.
bool isStoredTensor(mlir::Value value);

/// Where the operation of `group` stands.
mlir::Location locationOf(const Group &group);

class ModelExtents {
public:
  using ShapeOf = llvm::function_ref<llvm::SmallVector<int64_t>(mlir::Value)>;

  /// Fails with an error where shapes contradict each other or `nominal` does
  /// not fit the inputs.
  static mlir::FailureOr<std::unique_ptr<ModelExtents>> compute(mlir::func::FuncOp func,
                                                                const NominalShapes &nominal);

  /// Dimensions that depend on data are ShapedType::kDynamic; empty where even
  /// the rank is unknown.
  llvm::ArrayRef<int64_t> getDenseShape(mlir::Value value);
  llvm::ArrayRef<int64_t> getPrunedShape(mlir::Value value);
  llvm::SmallVector<int64_t> getKept(mlir::Value value, int64_t axis);
  /// The elements of a small integer tensor of the dense model.
  std::optional<llvm::SmallVector<int64_t>> getDenseElements(mlir::Value value);

  /// All groups of the function, with the loops over axes of dynamic size counted
  /// out at the nominal sizes.
  std::vector<Group> collectGroups();

  /// Removes what `unit` owns. Fails with an error on the group where a box does
  /// not lie within its member.
  llvm::LogicalResult remove(const Group &group, int64_t unit);
  /// Whether anything of `value` has been removed.
  bool isCut(mlir::Value value) const;
  /// What has been removed of `value`; null if nothing.
  const RemovedElements *getRemoved(mlir::Value value) const;
  /// All values of which something has been removed, in the order of removal.
  llvm::SmallVector<mlir::Value> getCutValues() const;
  /// A value whose removed elements leave a ragged rest; null if there is none.
  mlir::Value findRagged() const;

  /// The shapes that members would have if `units` of `group` left too; only
  /// those that change.
  void tryRemove(const Group &group, llvm::ArrayRef<int64_t> units,
                 llvm::DenseMap<mlir::Value, llvm::SmallVector<int64_t>> &shapes);

  ModelCost getDenseCost();
  ModelCost getCost();
  /// The work of one operation at the shapes that `shapeOf` gives.
  static int64_t getFlops(mlir::Operation *op, ShapeOf shapeOf);
  /// Parameters and bytes of a stored tensor of a shape.
  static ModelCost getTensorCost(mlir::Value value, llvm::ArrayRef<int64_t> shape);

  mlir::func::FuncOp getFunction() const { return func; }
  analysis::SymbolicShapes &getSymbolicShapes() { return *symbolic; }

private:
  struct State {
    llvm::SmallVector<int64_t> dense;
    llvm::SmallVector<int64_t> pruned;
    std::optional<RemovedElements> removed;
  };
  State &stateOf(mlir::Value value);
  ModelCost sumCost(ShapeOf shapeOf);
  llvm::LogicalResult bind(const NominalShapes &nominal);

  mlir::func::FuncOp func;
  std::unique_ptr<analysis::SymbolicShapes> symbolic;
  analysis::Bindings bindings;
  /// By pointer: references outlive insertions.
  llvm::MapVector<mlir::Value, std::unique_ptr<State>> states;
};

} // namespace secateur::pruning

#endif // SECATEUR_PRUNING_EXTENTS_H
