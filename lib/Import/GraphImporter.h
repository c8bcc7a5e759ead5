//===- GraphImporter.h - Graphs, nodes and subgraphs to nn ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_IMPORT_GRAPHIMPORTER_H
#define SECATEUR_LIB_IMPORT_GRAPHIMPORTER_H

#include "GraphOrder.h"
#include "NodeForm.h"
#include "Tensors.h"

#include "secateur/Support/OnnxSchema.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

namespace onnx {
class AttributeProto;
class FunctionProto;
class GraphProto;
class ModelProto;
class NodeProto;
class TypeProto;
class ValueInfoProto;
} // namespace onnx

namespace secateur {

/// Versions of the imported operator sets; ai.onnx is "".
using Opsets = llvm::StringMap<int64_t>;

/// What an operator is found by.
inline std::string operationKey(llvm::StringRef domain, llvm::StringRef opType) {
  return domain.empty() ? opType.str() : (domain + ":" + opType).str();
}

/// The call of a model-local function that is being inlined.
struct InlineFrame {
  const onnx::FunctionProto *function;
  const InlineFrame *caller;
  llvm::StringMap<const onnx::AttributeProto *> attributes;
  /// Names in the function to names in the model; others get `prefix`.
  llvm::StringMap<std::string> names;
  std::string prefix;
  unsigned depth;
};

/// The values that a graph defines, by name. A null value stands for one whose
/// node has failed: what depends on it is left out in silence.
struct Scope {
  const Scope *parent = nullptr;
  const Opsets *opsets = nullptr;
  const InlineFrame *frame = nullptr;
  llvm::StringMap<mlir::Value> values;
  llvm::StringMap<const onnx::TypeProto *> declaredTypes;
  llvm::StringSet<> usedNames;

  /// None where no graph around defines the name.
  std::optional<mlir::Value> lookup(llvm::StringRef name) const;
};

class GraphImporter {
public:
  GraphImporter(const onnx::ModelProto &model, TensorReader &tensors, mlir::OpBuilder &builder,
                mlir::Location fileLocation);

  /// Imports the model's graph as `main`, at the builder's insertion point.
  /// Errors have been reported where it fails.
  mlir::LogicalResult importMain(const Opsets &opsets);

private:
  // Graphs.
  mlir::LogicalResult importArguments(const onnx::GraphProto &graph, Scope &scope,
                                      mlir::func::FuncOp function);
  void importInitializers(const onnx::GraphProto &graph, Scope &scope);
  void importNodes(llvm::ArrayRef<const onnx::NodeProto *> nodes, Scope &scope);
  /// False, with errors, where a name is defined twice or not at all.
  bool checkNames(llvm::ArrayRef<const onnx::NodeProto *> nodes, llvm::ArrayRef<NameSet> reads,
                  const Scope &scope);
  mlir::FailureOr<llvm::SmallVector<mlir::Type>>
  importSubgraph(const onnx::GraphProto &graph, mlir::Region &region, const Scope &parent,
                 llvm::ArrayRef<mlir::Type> argumentTypes, mlir::Location nodeLoc);

  // Nodes.
  mlir::LogicalResult importNode(const onnx::NodeProto &node, Scope &scope);
  mlir::LogicalResult importConstant(const onnx::NodeProto &node, Scope &scope, mlir::Location loc);
  mlir::LogicalResult importOperator(const onnx::NodeProto &node, const OnnxSchema &schema,
                                     Scope &scope, mlir::Location loc);
  mlir::LogicalResult importControl(const onnx::NodeProto &node, NodeForm &form, Scope &scope);
  mlir::LogicalResult importCustom(const onnx::NodeProto &node, Scope &scope, mlir::Location loc);
  mlir::LogicalResult inlineFunction(const onnx::NodeProto &node,
                                     const onnx::FunctionProto &function, Scope &scope,
                                     mlir::Location loc);
  mlir::FailureOr<mlir::Operation *>
  createOperation(NodeForm &form, llvm::ArrayRef<std::unique_ptr<mlir::Region>> regions,
                  llvm::ArrayRef<mlir::Type> types);

  // Parts of nodes.
  mlir::FailureOr<llvm::SmallVector<mlir::Value>> lookupInputs(const onnx::NodeProto &node,
                                                               const Scope &scope);
  mlir::LogicalResult importAttributes(const onnx::NodeProto &node, const OnnxSchema &schema,
                                       const Scope &scope, mlir::Location loc,
                                       mlir::NamedAttrList &attributes);
  mlir::FailureOr<mlir::Attribute> importAttribute(const onnx::AttributeProto &attribute, char kind,
                                                   llvm::StringRef owner, mlir::Location loc);
  /// The attribute itself, or what a function's caller gives for it; null where
  /// the caller gives nothing.
  const onnx::AttributeProto *resolve(const onnx::AttributeProto &attribute,
                                      const Scope &scope) const;

  // Names, types and errors.
  mlir::Location getLocation(const onnx::NodeProto &node, const Scope &scope) const;
  std::string getOuterName(llvm::StringRef name, const Scope &scope) const;
  mlir::Type importType(const onnx::TypeProto &type);
  mlir::Type getDeclaredType(llvm::StringRef name, const Scope &scope);
  void define(const onnx::NodeProto &node, mlir::ValueRange values, Scope &scope);
  void poison(const onnx::NodeProto &node, Scope &scope);
  mlir::InFlightDiagnostic emitNodeError(const onnx::NodeProto &node, mlir::Location loc);

  const onnx::ModelProto &model;
  TensorReader &tensors;
  mlir::OpBuilder &builder;
  mlir::MLIRContext *context;
  mlir::Location fileLocation;
  /// Domain and name to operation of nn.
  llvm::StringMap<mlir::RegisteredOperationName> operations;
  llvm::StringMap<const onnx::FunctionProto *> functions;
  bool failedAny = false;
};

} // namespace secateur

#endif // SECATEUR_LIB_IMPORT_GRAPHIMPORTER_H
