//===- GraphImporter.cpp - Graphs and subgraphs to nn -----------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Everything that can be wrong is reported before the importer gives up: a node
// that fails leaves null values behind, which silence what depends on it.

#include "GraphImporter.h"

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Support/Names.h"
#include "secateur/Support/OnnxTypes.h"
#include "secateur/Support/TensorBytes.h"

#include "onnx-ml.pb.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace secateur;

std::optional<Value> Scope::lookup(StringRef name) const {
  for (const Scope *scope = this; scope; scope = scope->parent)
    if (auto found = scope->values.find(name); found != scope->values.end())
      return found->second;
  return std::nullopt;
}

GraphImporter::GraphImporter(const onnx::ModelProto &model, TensorReader &tensors,
                             OpBuilder &builder, Location fileLocation)
    : model(model), tensors(tensors), builder(builder), context(builder.getContext()),
      fileLocation(fileLocation) {
  for (RegisteredOperationName name : context->getRegisteredOperations())
    if (auto *mirror = name.getInterface<nn::OnnxOpInterface>();
        mirror && name.getDialectNamespace() == "nn")
      operations.try_emplace(operationKey(mirror->getOnnxDomain(), mirror->getOnnxName()), name);
  for (const onnx::FunctionProto &function : model.functions())
    functions.try_emplace(function.domain() + ":" + function.name() + ":" + function.overload(),
                          &function);
}

//===----------------------------------------------------------------------===//
// Names, types and errors
//===----------------------------------------------------------------------===//

std::string GraphImporter::getOuterName(StringRef name, const Scope &scope) const {
  if (!scope.frame || name.empty())
    return name.str();
  auto known = scope.frame->names.find(name);
  return known != scope.frame->names.end() ? known->second : scope.frame->prefix + name.str();
}

Location GraphImporter::getLocation(const onnx::NodeProto &node, const Scope &scope) const {
  SmallVector<std::string> outputs;
  for (const std::string &output : node.output())
    outputs.push_back(getOuterName(output, scope));
  std::string name = node.name();
  if (scope.frame && !name.empty())
    name = scope.frame->prefix + name;
  return getNodeLocation(context, name, llvm::to_vector_of<StringRef>(outputs));
}

Type GraphImporter::importType(const onnx::TypeProto &type) {
  if (!type.has_tensor_type())
    return nn::OpaqueType::get(context, llvm::toHex(type.SerializeAsString()));
  Type elementType = getTypeOfDataType(context, type.tensor_type().elem_type());
  if (!elementType)
    return {};
  if (!type.tensor_type().has_shape())
    return UnrankedTensorType::get(elementType);
  SmallVector<int64_t> shape;
  for (const auto &dim : type.tensor_type().shape().dim())
    shape.push_back(dim.has_dim_value() && dim.dim_value() >= 0 ? dim.dim_value()
                                                                : ShapedType::kDynamic);
  return RankedTensorType::get(shape, elementType);
}

Type GraphImporter::getDeclaredType(StringRef name, const Scope &scope) {
  auto declared = scope.declaredTypes.find(name);
  return declared != scope.declaredTypes.end() ? importType(*declared->second) : Type();
}

void GraphImporter::define(const onnx::NodeProto &node, ValueRange values, Scope &scope) {
  for (auto [name, value] : llvm::zip(node.output(), values))
    if (!name.empty())
      scope.values[name] = value;
}

void GraphImporter::poison(const onnx::NodeProto &node, Scope &scope) {
  failedAny = true;
  for (const std::string &name : node.output())
    scope.values.try_emplace(name, Value());
}

InFlightDiagnostic GraphImporter::emitNodeError(const onnx::NodeProto &node, Location loc) {
  failedAny = true;
  InFlightDiagnostic diagnostic = mlir::emitError(loc);
  if (!node.domain().empty())
    diagnostic << printable(node.domain()) << ".";
  diagnostic << printable(node.op_type()) << ": ";
  return diagnostic;
}

//===----------------------------------------------------------------------===//
// Graphs
//===----------------------------------------------------------------------===//

/// One string per dimension: its symbol, or empty. Exporters write "?" for a dimension
/// without a name: two of those are not the same.
static ArrayAttr getDimSymbols(Builder &builder, const onnx::TypeProto &type) {
  SmallVector<StringRef> symbols;
  for (const auto &dim : type.tensor_type().shape().dim())
    symbols.push_back(dim.has_dim_param() && dim.dim_param() != "?" ? StringRef(dim.dim_param())
                                                                    : StringRef());
  return builder.getStrArrayAttr(symbols);
}

static bool hasImpossibleShape(Type type) {
  auto ranked = dyn_cast_or_null<RankedTensorType>(type);
  if (!ranked)
    return false;
  SmallVector<int64_t> known;
  llvm::copy_if(ranked.getShape(), std::back_inserter(known), [](int64_t dim) { return dim > 0; });
  std::optional<int64_t> count = getNumElements(known);
  // Bytes must be countable, too.
  return !count || *count > std::numeric_limits<int64_t>::max() / 16;
}

static std::vector<const onnx::NodeProto *>
getPointers(const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes) {
  std::vector<const onnx::NodeProto *> pointers;
  for (const onnx::NodeProto &node : nodes)
    pointers.push_back(&node);
  return pointers;
}

LogicalResult GraphImporter::importArguments(const onnx::GraphProto &graph, Scope &scope,
                                             func::FuncOp function) {
  llvm::StringSet<> initializers, seen;
  for (const auto &tensor : graph.initializer())
    initializers.insert(tensor.name());
  for (const auto &tensor : graph.sparse_initializer())
    initializers.insert(tensor.values().name());
  SmallVector<Type> types;
  SmallVector<Attribute> attributes;
  Block *entry = function.addEntryBlock();
  LogicalResult result = success();
  for (const onnx::ValueInfoProto &input : graph.input()) {
    auto fail = [&]() {
      result = failure();
      return mlir::emitError(fileLocation) << "graph input '" << printable(input.name()) << "' ";
    };
    if (input.name().empty() || !seen.insert(input.name()).second) {
      fail() << (input.name().empty() ? "has no name" : "is listed twice");
      continue;
    }
    if (initializers.contains(input.name()))
      continue;
    Type type = input.has_type() ? importType(input.type()) : Type();
    if (!type || hasImpossibleShape(type)) {
      fail() << (type ? "has impossible dimensions" : "has no type, or one of unknown elements");
      scope.values[input.name()] = Value();
      continue;
    }
    SmallVector<NamedAttribute> named = {
        builder.getNamedAttr(nn::NNDialect::kNameAttr, builder.getStringAttr(input.name()))};
    if (isa<RankedTensorType>(type))
      named.push_back(
          builder.getNamedAttr(nn::NNDialect::kDimsAttr, getDimSymbols(builder, input.type())));
    if (!input.doc_string().empty())
      named.push_back(builder.getNamedAttr("nn.doc", builder.getStringAttr(input.doc_string())));
    types.push_back(type);
    attributes.push_back(builder.getDictionaryAttr(named));
    scope.values[input.name()] =
        entry->addArgument(type, NameLoc::get(builder.getStringAttr(input.name())));
  }
  function.setType(builder.getFunctionType(types, {}));
  function.setAllArgAttrs(attributes);
  return result;
}

void GraphImporter::importInitializers(const onnx::GraphProto &graph, Scope &scope) {
  llvm::StringSet<> inputs;
  for (const onnx::ValueInfoProto &input : graph.input())
    inputs.insert(input.name());
  auto add = [&](StringRef name, FailureOr<ElementsAttr> value) {
    if (failed(value)) {
      failedAny = true;
      scope.values.try_emplace(name, Value());
      return;
    }
    if (name.empty() || scope.values.contains(name)) {
      failedAny = true;
      mlir::emitError(fileLocation)
          << (name.empty() ? "an initializer has no name"
                           : "'" + printable(name) + "' is defined twice");
      return;
    }
    auto constant = nn::ConstantOp::create(builder, getNodeLocation(context, "", {name}), *value,
                                           /*initializer=*/true);
    constant.setInput(inputs.contains(name));
    scope.values[name] = constant;
  };
  auto emitError = [&]() { return mlir::emitError(fileLocation); };
  for (const onnx::TensorProto &tensor : graph.initializer())
    add(tensor.name(), tensors.read(tensor, tensor.name(), emitError));
  for (const onnx::SparseTensorProto &tensor : graph.sparse_initializer())
    add(tensor.values().name(), tensors.readSparse(tensor, tensor.values().name(), emitError));
}

bool GraphImporter::checkNames(ArrayRef<const onnx::NodeProto *> nodes, ArrayRef<NameSet> reads,
                               const Scope &scope) {
  bool good = true;
  llvm::StringSet<> defined;
  for (const onnx::NodeProto *node : nodes)
    for (const std::string &output : node->output())
      if (!output.empty() && (scope.values.contains(output) || !defined.insert(output).second)) {
        good = false;
        emitNodeError(*node, getLocation(*node, scope))
            << "'" << printable(output) << "' is defined twice";
      }
  for (auto [node, names] : llvm::zip(nodes, reads))
    for (StringRef name : names)
      if (!defined.contains(name) && !scope.lookup(name)) {
        good = false;
        emitNodeError(*node, getLocation(*node, scope))
            << "it reads '" << printable(name) << "', which nothing defines";
      }
  return good;
}

void GraphImporter::importNodes(ArrayRef<const onnx::NodeProto *> nodes, Scope &scope) {
  SmallVector<NameSet> reads;
  for (const onnx::NodeProto *node : nodes) {
    reads.push_back(collectReadNames(*node));
    for (StringRef name : reads.back())
      scope.usedNames.insert(name);
  }
  if (!checkNames(nodes, reads, scope)) {
    failedAny = true;
    for (const onnx::NodeProto *node : nodes)
      poison(*node, scope);
    return;
  }
  NodeOrder order = sortNodes(nodes, reads);
  for (const onnx::NodeProto *node : ArrayRef(order.nodes).take_front(order.numSorted))
    if (failed(importNode(*node, scope)))
      poison(*node, scope);
  ArrayRef<const onnx::NodeProto *> cyclic = ArrayRef(order.nodes).drop_front(order.numSorted);
  if (!cyclic.empty())
    emitNodeError(*cyclic.front(), getLocation(*cyclic.front(), scope))
        << "the graph has a cycle: " << cyclic.size() << " nodes wait for one another";
  for (const onnx::NodeProto *node : cyclic)
    poison(*node, scope);
}

LogicalResult GraphImporter::importMain(const Opsets &opsets) {
  const onnx::GraphProto &graph = model.graph();
  auto function =
      func::FuncOp::create(builder, fileLocation, "main", builder.getFunctionType({}, {}));
  Scope scope;
  scope.opsets = &opsets;
  OpBuilder::InsertionGuard guard(builder);
  if (failed(importArguments(graph, scope, function)))
    failedAny = true;
  builder.setInsertionPointToEnd(&function.getBody().front());
  importInitializers(graph, scope);
  for (const onnx::ValueInfoProto &info : graph.value_info())
    scope.declaredTypes[info.name()] = &info.type();
  for (const onnx::ValueInfoProto &output : graph.output()) {
    scope.declaredTypes[output.name()] = &output.type();
    scope.usedNames.insert(output.name());
  }
  importNodes(getPointers(graph.node()), scope);

  SmallVector<Value> results;
  SmallVector<DictionaryAttr> attributes;
  for (const onnx::ValueInfoProto &output : graph.output()) {
    auto fail = [&]() {
      failedAny = true;
      return mlir::emitError(fileLocation) << "graph output '" << printable(output.name()) << "' ";
    };
    std::optional<Value> value = scope.lookup(output.name());
    if (!value)
      fail() << "is defined by nothing";
    if (!value || !*value)
      continue;
    Type declared = output.has_type() ? importType(output.type()) : Type();
    auto computed = dyn_cast<TensorType>(value->getType());
    if (hasImpossibleShape(declared))
      fail() << "has impossible dimensions";
    if (auto tensor = dyn_cast_or_null<TensorType>(declared);
        tensor && computed && tensor.getElementType() != computed.getElementType())
      fail() << "is declared with elements of type " << tensor.getElementType()
             << ", but the graph computes " << computed.getElementType();
    SmallVector<NamedAttribute> named = {
        builder.getNamedAttr(nn::NNDialect::kNameAttr, builder.getStringAttr(output.name()))};
    if (declared)
      named.push_back(builder.getNamedAttr("nn.declared", TypeAttr::get(declared)));
    if (isa_and_nonnull<RankedTensorType>(declared))
      named.push_back(
          builder.getNamedAttr(nn::NNDialect::kDimsAttr, getDimSymbols(builder, output.type())));
    if (!output.doc_string().empty())
      named.push_back(builder.getNamedAttr("nn.doc", builder.getStringAttr(output.doc_string())));
    results.push_back(*value);
    attributes.push_back(builder.getDictionaryAttr(named));
  }
  func::ReturnOp::create(builder, fileLocation, results);
  function.setType(
      builder.getFunctionType(function.getArgumentTypes(), ValueRange(results).getTypes()));
  function.setAllResultAttrs(attributes);
  return failure(failedAny);
}

FailureOr<SmallVector<Type>> GraphImporter::importSubgraph(const onnx::GraphProto &graph,
                                                           Region &region, const Scope &parent,
                                                           ArrayRef<Type> argumentTypes,
                                                           Location nodeLoc) {
  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.createBlock(&region);
  Scope scope;
  scope.parent = &parent;
  scope.opsets = parent.opsets;
  scope.frame = parent.frame;
  llvm::StringSet<> initializers;
  for (const auto &tensor : graph.initializer())
    initializers.insert(tensor.name());
  for (const onnx::ValueInfoProto &input : graph.input()) {
    if (initializers.contains(input.name()))
      continue;
    unsigned index = block->getNumArguments();
    if (index >= argumentTypes.size() || input.name().empty() ||
        scope.values.contains(input.name())) {
      failedAny = true;
      return mlir::emitError(nodeLoc)
             << "subgraph input '" << printable(input.name())
             << (index >= argumentTypes.size() ? "' is one too many" : "' is listed twice");
    }
    scope.values[input.name()] =
        block->addArgument(argumentTypes[index],
                           NameLoc::get(builder.getStringAttr(getOuterName(input.name(), scope))));
  }
  if (block->getNumArguments() != argumentTypes.size()) {
    failedAny = true;
    return mlir::emitError(nodeLoc) << "the subgraph has " << block->getNumArguments()
                                    << " inputs where the node wants " << argumentTypes.size();
  }
  importInitializers(graph, scope);
  for (const onnx::ValueInfoProto &info : graph.value_info())
    scope.declaredTypes[info.name()] = &info.type();
  for (const onnx::ValueInfoProto &output : graph.output()) {
    if (output.has_type())
      scope.declaredTypes[output.name()] = &output.type();
    scope.usedNames.insert(output.name());
  }
  importNodes(getPointers(graph.node()), scope);

  SmallVector<Value> values;
  for (const onnx::ValueInfoProto &output : graph.output()) {
    std::optional<Value> value = scope.lookup(output.name());
    if (!value) {
      failedAny = true;
      return mlir::emitError(nodeLoc)
             << "subgraph output '" << printable(output.name()) << "' is defined by nothing";
    }
    if (!*value)
      return failure();
    values.push_back(*value);
  }
  nn::YieldOp::create(builder, nodeLoc, values);
  return llvm::to_vector(ValueRange(values).getTypes());
}
