//===- Explain.h - Why dimensions of a tensor leave or stay -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_PRUNING_EXPLAIN_H
#define SECATEUR_PRUNING_EXPLAIN_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include <optional>
#include <string>
#include <vector>

namespace secateur::pruning {

/// The tensors of a model as its file has them. Recognising norms takes some of them
/// away: for those it is known what is computed from them.
class TensorNames {
public:
  TensorNames() = default;
  explicit TensorNames(mlir::func::FuncOp func);

  bool has(llvm::StringRef name) const { return users.contains(name); }
  /// The first tensor that `func` still has among `name` and what is computed from
  /// it; empty where there is none.
  std::string findIn(const llvm::StringSet<> &left, llvm::StringRef name) const;
  /// The same for several names and the tensors of `func`; none for an unknown name.
  llvm::SmallVector<std::string> findInside(mlir::func::FuncOp func,
                                            llvm::ArrayRef<std::string> names) const;
  /// Names that are spelled almost like `name`, at most three, the nearest first.
  llvm::SmallVector<std::string> nearest(llvm::StringRef name) const;

private:
  /// By the name of a tensor: the results of the operations that use it.
  llvm::StringMap<llvm::SmallVector<std::string, 1>> users;
};

/// What is known of the dimensions of the tensor `name`: for each axis the groups
/// that own its positions, and the operator and the rule that keep the others. One
/// line an axis; a shared constant that was told apart has lines for each copy.
/// Reads the `prune` operations of `func`, which was analysed with `name` among the
/// explained; nullopt where the name is unknown.
std::optional<std::string> explain(mlir::func::FuncOp func, const TensorNames &tensors,
                                   llvm::StringRef name);

} // namespace secateur::pruning

#endif // SECATEUR_PRUNING_EXPLAIN_H
