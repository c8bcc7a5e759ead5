//===- GraphExporter.cpp - Functions and regions to onnx.GraphProto ---------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "GraphExporter.h"

#include "dialects/NN/IR/NNOps.h"
#include "dialects/NN/IR/Subgraphs.h"
#include "secateur/Support/Names.h"
#include "secateur/Support/OnnxSchema.h"
#include "secateur/Support/OnnxTypes.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace secateur;

//===----------------------------------------------------------------------===//
// The opset
//===----------------------------------------------------------------------===//

/// Before opset 13 Softmax and its kind have the four operations that stand for
/// them as one node.
static constexpr int64_t kSoftmaxAlongAxis = 13;

void GraphExporter::findFusedOperations(int64_t opset) {
  fused.clear();
  if (opset >= kSoftmaxAlongAxis)
    return;
  function.walk([&](nn::ReshapeOp reshape) {
    if (auto parts = matchFlattenedSoftmax(reshape))
      fused.insert(parts->begin(), parts->end());
  });
}

bool GraphExporter::canExpress(Operation *op, int64_t opset, std::string &reason) {
  if (fused.contains(op) || isa<nn::ConstantOp, nn::NoneOp, nn::YieldOp, func::ReturnOp>(op))
    return true;
  if (auto custom = dyn_cast<nn::CustomOp>(op)) {
    if (!custom.getDomain().empty() && custom.getDomain() != "ai.onnx")
      return true;
    const OnnxSchema *imported = findOnnxSchema(custom.getName(), importedOpset);
    const OnnxSchema *exported = findOnnxSchema(custom.getName(), opset);
    reason = "it is not known how its form changed";
    return imported == exported;
  }
  if (isa<nn::OnnxOpInterface>(op))
    return expressAtOpset(op, opset, reason).has_value();
  reason = "it is no operator of ONNX";
  return false;
}

std::optional<int64_t> GraphExporter::chooseOpset(int64_t lowest, int64_t highest) {
  for (int64_t opset = lowest; opset <= highest; ++opset) {
    findFusedOperations(opset);
    bool good = true;
    function.walk([&](Operation *op) {
      std::string reason;
      if (op == function || canExpress(op, opset, reason))
        return;
      good = false;
      StringRef name = op->getName().getStringRef();
      if (auto mirror = dyn_cast<nn::OnnxOpInterface>(op))
        name = mirror.getOnnxName();
      if (auto custom = dyn_cast<nn::CustomOp>(op))
        name = custom.getName();
      if (opset == highest)
        mlir::emitError(op->getLoc())
            << printable(name) << ": cannot be written at opset " << opset << ": " << reason;
      else
        mlir::emitRemark(op->getLoc())
            << printable(name) << ": needs an opset above " << opset << ": " << reason;
    });
    if (good)
      return opset;
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Types and attributes
//===----------------------------------------------------------------------===//

LogicalResult GraphExporter::setType(Type type, ArrayAttr symbols, Location loc,
                                     onnx::ValueInfoProto &info) {
  if (auto opaque = dyn_cast<nn::OpaqueType>(type)) {
    std::string encoded;
    if (!opaque.getEncoding().empty() && (!llvm::tryGetFromHex(opaque.getEncoding(), encoded) ||
                                          !info.mutable_type()->ParseFromString(encoded)))
      return mlir::emitError(loc) << "its type does not encode an onnx.TypeProto";
    return success();
  }
  auto tensor = dyn_cast<TensorType>(type);
  int32_t dataType = tensor ? getDataTypeOf(tensor.getElementType()) : 0;
  if (!dataType)
    return mlir::emitError(loc) << "ONNX has no type " << type;
  onnx::TypeProto::Tensor *proto = info.mutable_type()->mutable_tensor_type();
  proto->set_elem_type(dataType);
  auto ranked = dyn_cast<RankedTensorType>(type);
  if (!ranked)
    return success();
  onnx::TensorShapeProto *shape = proto->mutable_shape();
  for (auto [axis, size] : llvm::enumerate(ranked.getShape())) {
    auto *dim = shape->add_dim();
    StringRef symbol;
    if (symbols && axis < symbols.size())
      if (auto string = dyn_cast<StringAttr>(symbols[axis]))
        symbol = string.getValue();
    if (!ShapedType::isDynamic(size))
      dim->set_dim_value(size);
    else if (!symbol.empty())
      dim->set_dim_param(symbol.str());
  }
  return success();
}

LogicalResult GraphExporter::addAttribute(Operation *op, NamedAttribute named,
                                          onnx::NodeProto &node) {
  using Proto = onnx::AttributeProto;
  Proto *proto = node.add_attribute();
  proto->set_name(named.getName().str());
  Attribute value = named.getValue();
  if (auto integer = dyn_cast<IntegerAttr>(value)) {
    proto->set_type(Proto::INT);
    proto->set_i(integer.getInt());
  } else if (auto real = dyn_cast<FloatAttr>(value)) {
    proto->set_type(Proto::FLOAT);
    proto->set_f(real.getValueAsDouble());
  } else if (auto string = dyn_cast<StringAttr>(value)) {
    proto->set_type(Proto::STRING);
    proto->set_s(string.str());
  } else if (auto ints = dyn_cast<DenseI64ArrayAttr>(value)) {
    proto->set_type(Proto::INTS);
    proto->mutable_ints()->Add(ints.asArrayRef().begin(), ints.asArrayRef().end());
  } else if (auto floats = dyn_cast<DenseF32ArrayAttr>(value)) {
    proto->set_type(Proto::FLOATS);
    proto->mutable_floats()->Add(floats.asArrayRef().begin(), floats.asArrayRef().end());
  } else if (auto elements = dyn_cast<ElementsAttr>(value)) {
    proto->set_type(Proto::TENSOR);
    return setTensor(elements, *proto->mutable_t(),
                     [&]() { return mlir::emitError(op->getLoc()); });
  } else if (auto array = dyn_cast<ArrayAttr>(value);
             array && llvm::all_of(array, llvm::IsaPred<StringAttr>)) {
    proto->set_type(Proto::STRINGS);
    for (StringRef string : array.getAsValueRange<StringAttr>())
      proto->add_strings(string.str());
  } else {
    return mlir::emitError(op->getLoc())
           << "ONNX has no attributes like '" << named.getName().getValue() << "'";
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

static void setNode(Operation *op, onnx::NodeProto &node) {
  if (StringRef name = getNodeName(op->getLoc()); !name.empty())
    node.set_name(name.str());
  if (auto doc = op->getAttrOfType<StringAttr>("nn.doc"))
    node.set_doc_string(doc.str());
  addEntries(op->getAttr("nn.metadata"), *node.mutable_metadata_props());
}

LogicalResult GraphExporter::exportConstant(Operation *op, onnx::GraphProto &graph) {
  auto constant = cast<nn::ConstantOp>(op);
  auto emitError = [&]() { return mlir::emitError(op->getLoc()); };
  std::string name = names.get(constant).str();
  if (!constant.getInitializer()) {
    onnx::NodeProto *node = graph.add_node();
    setNode(op, *node);
    node->set_op_type("Constant");
    node->add_output(name);
    auto *value = node->add_attribute();
    value->set_name("value");
    value->set_type(onnx::AttributeProto::TENSOR);
    return setTensor(constant.getValue(), *value->mutable_t(), emitError);
  }
  bool isMain = op->getParentOp() == function;
  if (isMain && (constant.getInput() || inputsListInitializers)) {
    onnx::ValueInfoProto *input = graph.add_input();
    input->set_name(name);
    if (failed(setType(constant.getType(), {}, op->getLoc(), *input)))
      return failure();
  }
  if (!isMain) {
    onnx::TensorProto *tensor = graph.add_initializer();
    tensor->set_name(name);
    return setTensor(constant.getValue(), *tensor, emitError);
  }
  Initializer initializer{{}, constant.getValue()};
  initializer.header.set_name(name);
  if (failed(setTensorHeader(constant.getValue(), initializer.header, emitError)))
    return failure();
  mainInitializers->push_back(std::move(initializer));
  return success();
}

Value GraphExporter::findEmptyConstant(Operation *op) {
  // The one that stood there at import is the last before `op` that nothing
  // reads so far.
  Value found;
  for (Operation *previous = op->getPrevNode(); previous; previous = previous->getPrevNode()) {
    auto constant = dyn_cast<nn::ConstantOp>(previous);
    if (!constant)
      continue;
    auto type = dyn_cast<RankedTensorType>(constant.getType());
    if (!type || type.getRank() != 1 || type.getDimSize(0) != 0 || !type.getElementType().isF32())
      continue;
    if (!names.isRead(constant) && constant->use_empty())
      return constant;
    if (!found)
      found = constant;
  }
  return found;
}

void GraphExporter::addInputs(const ExportForm &form, onnx::GraphProto &graph,
                              onnx::NodeProto &node) {
  size_t count = form.inputs.size();
  for (unsigned index : form.emptyInputs)
    count = std::max<size_t>(count, index + 1);
  for (size_t index = 0; index < count; ++index) {
    if (index < form.inputs.size() && form.inputs[index]) {
      node.add_input(names.read(form.inputs[index]).str());
      continue;
    }
    if (!llvm::is_contained(form.emptyInputs, index)) {
      node.add_input("");
      continue;
    }
    if (Value constant = findEmptyConstant(form.op)) {
      node.add_input(names.read(constant).str());
      continue;
    }
    // An initializer of no elements, one a graph.
    onnx::TensorProto *empty = nullptr;
    for (onnx::TensorProto &tensor : *graph.mutable_initializer())
      if (tensor.dims_size() == 1 && tensor.dims(0) == 0 &&
          tensor.data_type() == onnx::TensorProto::FLOAT)
        empty = &tensor;
    if (!empty) {
      empty = graph.add_initializer();
      empty->set_name(names.makeUnique("empty"));
      empty->add_dims(0);
      empty->set_data_type(onnx::TensorProto::FLOAT);
      empty->set_raw_data("");
    }
    node.add_input(empty->name());
  }
}

LogicalResult GraphExporter::exportRegions(Operation *op, onnx::NodeProto &node) {
  for (Region &region : op->getRegions()) {
    StringRef name = nn::getAttributeName(region);
    auto *attribute = node.add_attribute();
    attribute->set_name(name.str());
    attribute->set_type(onnx::AttributeProto::GRAPH);
    attribute->mutable_g()->set_name(name.str());
    if (failed(exportBlock(region.front(), *attribute->mutable_g())))
      return failure();
  }
  return success();
}

LogicalResult GraphExporter::exportOperator(Operation *op, onnx::GraphProto &graph) {
  std::string reason;
  std::optional<std::array<Operation *, 3>> softmax;
  if (opset < kSoftmaxAlongAxis)
    softmax = matchFlattenedSoftmax(op);
  std::optional<ExportForm> form =
      softmax ? expressFlattenedSoftmax(op, opset, reason) : expressAtOpset(op, opset, reason);
  if (!form)
    return mlir::emitError(op->getLoc())
           << "cannot be written at opset " << opset << ": " << reason;
  onnx::NodeProto node;
  setNode(softmax ? (*softmax)[1] : op, node);
  node.set_op_type(form->opType);
  if (!form->domain.empty())
    node.set_domain(form->domain);
  addInputs(*form, graph, node);
  for (Value output : form->outputs)
    node.add_output(output ? names.get(output).str() : "");
  for (NamedAttribute attribute : form->attributes)
    if (failed(addAttribute(op, attribute, node)))
      return failure();
  if (op->getNumRegions() && failed(exportRegions(op, node)))
    return failure();
  *graph.add_node() = std::move(node);
  return success();
}

LogicalResult GraphExporter::exportCustom(Operation *op, onnx::GraphProto &graph) {
  auto custom = cast<nn::CustomOp>(op);
  onnx::NodeProto node;
  setNode(op, node);
  node.set_op_type(custom.getName().str());
  if (!custom.getDomain().empty())
    node.set_domain(custom.getDomain().str());
  for (Value input : custom.getInputs())
    node.add_input(isa<NoneType>(input.getType()) ? "" : names.read(input).str());
  for (Value output : custom.getOutputs())
    node.add_output(isa<NoneType>(output.getType()) ? "" : names.get(output).str());
  for (NamedAttribute attribute : custom.getParameters())
    if (failed(addAttribute(op, attribute, node)))
      return failure();
  if (ArrayAttr encoded = custom.getEncodedAttr())
    for (StringRef bytes : encoded.getAsValueRange<StringAttr>())
      if (!node.add_attribute()->ParseFromString(bytes.str()))
        return mlir::emitError(op->getLoc()) << "an encoded attribute is damaged";
  *graph.add_node() = std::move(node);
  return success();
}

//===----------------------------------------------------------------------===//
// Graphs
//===----------------------------------------------------------------------===//

std::string GraphExporter::addOutput(Value value, StringRef wanted, llvm::StringSet<> &taken,
                                     Block &block, onnx::GraphProto &graph) {
  std::string name = names.read(value).str();
  bool isOwn = value.getParentBlock() == &block;
  if (isOwn && (wanted.empty() || wanted == name) && taken.insert(name).second)
    return name;
  onnx::NodeProto *copy = graph.add_node();
  copy->set_op_type("Identity");
  copy->add_input(name);
  std::string output = wanted.empty() || !taken.insert(wanted).second
                           ? names.makeUnique(wanted.empty() ? name : wanted)
                           : wanted.str();
  copy->add_output(output);
  return output;
}

LogicalResult GraphExporter::exportBlock(Block &block, onnx::GraphProto &graph) {
  bool isMain = block.getParentOp() == function;
  LogicalResult result = success();
  for (BlockArgument argument : block.getArguments()) {
    onnx::ValueInfoProto *input = graph.add_input();
    input->set_name(names.get(argument).str());
    ArrayAttr symbols;
    if (isMain) {
      symbols = function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(), "nn.dims");
      if (auto doc = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "nn.doc"))
        input->set_doc_string(doc.str());
    }
    if (failed(setType(argument.getType(), symbols, argument.getLoc(), *input)))
      result = failure();
  }
  SmallVector<std::pair<int, Value>> unnamed;
  for (Operation &op : block.without_terminator()) {
    if (fused.contains(&op) || isa<nn::NoneOp>(op))
      continue;
    LogicalResult exported = success();
    if (auto constant = dyn_cast<nn::ConstantOp>(op)) {
      bool plain = getValueName(constant).empty() || !constant->use_empty();
      if (plain && !constant.getInitializer())
        unnamed.push_back({graph.node_size(), constant});
      exported = exportConstant(&op, graph);
    } else if (isa<nn::CustomOp>(op)) {
      exported = exportCustom(&op, graph);
    } else {
      exported = exportOperator(&op, graph);
    }
    if (failed(exported))
      result = failure();
  }
  llvm::StringSet<> taken;
  for (auto [index, value] : llvm::enumerate(block.getTerminator()->getOperands())) {
    StringRef wanted;
    Type type = value.getType();
    ArrayAttr symbols;
    onnx::ValueInfoProto output;
    if (isMain) {
      if (auto name = function.getResultAttrOfType<StringAttr>(index, "nn.name"))
        wanted = name.getValue();
      if (auto declared = function.getResultAttrOfType<TypeAttr>(index, "nn.declared"))
        type = declared.getValue();
      if (auto doc = function.getResultAttrOfType<StringAttr>(index, "nn.doc"))
        output.set_doc_string(doc.str());
      symbols = function.getResultAttrOfType<ArrayAttr>(index, "nn.dims");
    }
    output.set_name(addOutput(value, wanted, taken, block, graph));
    if (failed(setType(type, symbols, value.getLoc(), output)))
      result = failure();
    *graph.add_output() = std::move(output);
  }
  // Constants that have become attributes are read by nothing.
  for (auto [index, value] : llvm::reverse(unnamed))
    if (!names.isRead(value))
      graph.mutable_node()->DeleteSubrange(index, 1);
  return result;
}

LogicalResult GraphExporter::exportMain(int64_t target, onnx::GraphProto &graph,
                                        std::vector<Initializer> &initializers) {
  opset = target;
  mainInitializers = &initializers;
  findFusedOperations(opset);
  return exportBlock(function.getBody().front(), graph);
}
