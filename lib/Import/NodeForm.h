//===- NodeForm.h - A node on its way to the newest opset -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_IMPORT_NODEFORM_H
#define SECATEUR_LIB_IMPORT_NODEFORM_H

#include "secateur/Support/Diagnostics.h"

#include "mlir/IR/Builders.h"

#include <functional>

namespace secateur {

/// A node with its attributes as MLIR attributes. It starts as it is
/// in the file, at the version that the model's opset gives it; adapters turn it
/// into the form of the newest opset, creating constants or other operations
/// before it where they must.
struct NodeForm {
  mlir::OpBuilder &builder;
  mlir::Location loc;
  std::string opType;
  /// Empty: ai.onnx.
  std::string domain;
  /// The opset since which the operator has the form that the node has now.
  int64_t version;
  /// Null where an input is left out.
  llvm::SmallVector<mlir::Value> inputs;
  /// Names; empty where an output is left out.
  llvm::SmallVector<std::string> outputs;
  mlir::NamedAttrList attributes;
  /// Whether anything reads the value of that name.
  std::function<bool(llvm::StringRef)> isUsed;
  /// Where set: makes the value that stands for the first output of the node
  /// out of the operation's first result, at the given location.
  std::function<mlir::Value(mlir::Value, mlir::Location)> finish;

  mlir::Value getInput(unsigned index) const {
    return index < inputs.size() ? inputs[index] : mlir::Value();
  }
  void setInput(unsigned index, mlir::Value value) {
    if (inputs.size() <= index)
      inputs.resize(index + 1);
    inputs[index] = value;
  }
};

/// Upgrades `form` to the newest opset. Fails with an error where its old form
/// has no newer one.
mlir::LogicalResult upgradeNode(NodeForm &form, EmitError emitError);

/// The types of the outputs of `form`, which is of the newest opset and has no
/// subgraphs: element types as ONNX's rules say, ranks where they are plain to
/// see. Outputs of unknown type are `!nn.opaque<"">`.
llvm::SmallVector<mlir::Type> inferResultTypes(const NodeForm &form);

/// A tensor of `rank` dynamic dimensions, or unranked; opaque where
/// `elementType` is null.
mlir::Type getDynamicType(mlir::MLIRContext *context, mlir::Type elementType,
                          std::optional<int64_t> rank);

/// The element type; null for values that are not tensors.
mlir::Type getElementTypeOf(mlir::Value value);
std::optional<int64_t> getRankOf(mlir::Value value);

} // namespace secateur

#endif // SECATEUR_LIB_IMPORT_NODEFORM_H
