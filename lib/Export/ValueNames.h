//===- ValueNames.h - One name for each value of a model --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_EXPORT_VALUENAMES_H
#define SECATEUR_LIB_EXPORT_VALUENAMES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringSet.h"

#include <string>

namespace secateur {

/// Names for all values of a function: those of the user's file where they are
/// unique, otherwise with a number behind. A name in a subgraph differs from all
/// names of the graphs around it.
class ValueNames {
public:
  explicit ValueNames(mlir::func::FuncOp function);

  /// The name, which is marked as read.
  llvm::StringRef read(mlir::Value value);
  llvm::StringRef get(mlir::Value value) const { return names.find(value)->second; }
  bool isRead(mlir::Value value) const { return readValues.contains(value); }
  /// A name that no value has, anywhere.
  std::string makeUnique(llvm::StringRef wanted);

private:
  using Scopes = llvm::SmallVectorImpl<llvm::StringSet<> *>;

  void nameBlock(mlir::Block &block, Scopes &scopes);
  void assign(mlir::Value value, llvm::StringRef wanted, Scopes &scopes);

  llvm::DenseMap<mlir::Value, std::string> names;
  llvm::DenseSet<mlir::Value> readValues;
  llvm::StringSet<> all;
};

} // namespace secateur

#endif // SECATEUR_LIB_EXPORT_VALUENAMES_H
