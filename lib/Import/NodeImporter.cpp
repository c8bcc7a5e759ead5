//===- NodeImporter.cpp - Nodes to operations of nn -------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// One table serves nearly all operators: what OnnxOpInterface says about the
// operation of nn, and what OnnxSchema says about the node's own version. Only
// constants, unknown operators and calls of functions differ, and control flow, which
// ControlImporter.cpp has.

#include "GraphImporter.h"

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Support/Names.h"
#include "secateur/Support/OnnxTypes.h"

#include "onnx-ml.pb.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace secateur;
using onnx::AttributeProto;

/// Functions may call one another, but not for ever.
static constexpr unsigned kDeepestCall = 64;

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

/// The kind of a value as `OnnxAttribute::kind` has it; 0 for kinds it lacks.
static char getAttributeKind(const AttributeProto &attribute) {
  switch (attribute.type()) {
  case AttributeProto::FLOAT:
    return 'f';
  case AttributeProto::INT:
    return 'i';
  case AttributeProto::STRING:
    return 's';
  case AttributeProto::TENSOR:
    return 't';
  case AttributeProto::GRAPH:
    return 'g';
  case AttributeProto::FLOATS:
    return 'F';
  case AttributeProto::INTS:
    return 'I';
  case AttributeProto::STRINGS:
    return 'S';
  case AttributeProto::SPARSE_TENSOR:
    return 'p';
  case AttributeProto::TYPE_PROTO:
    return 'y';
  case AttributeProto::UNDEFINED:
    // The first IR version had no type field.
    return attribute.has_f()          ? 'f'
           : attribute.has_i()        ? 'i'
           : attribute.has_s()        ? 's'
           : attribute.has_t()        ? 't'
           : attribute.has_g()        ? 'g'
           : attribute.floats_size()  ? 'F'
           : attribute.strings_size() ? 'S'
           : attribute.ints_size()    ? 'I'
                                      : 0;
  default:
    return 0;
  }
}

static StringRef describeKind(char kind) {
  switch (kind) {
  case 'i':
    return "an integer";
  case 'f':
    return "a float";
  case 's':
    return "a string";
  case 't':
    return "a tensor";
  case 'g':
    return "a graph";
  case 'I':
    return "a list of integers";
  case 'F':
    return "a list of floats";
  case 'S':
    return "a list of strings";
  case 'y':
    return "a type";
  default:
    return "of another kind";
  }
}

const AttributeProto *GraphImporter::resolve(const AttributeProto &attribute,
                                             const Scope &scope) const {
  if (attribute.ref_attr_name().empty() || !scope.frame)
    return &attribute;
  auto bound = scope.frame->attributes.find(attribute.ref_attr_name());
  return bound != scope.frame->attributes.end() ? bound->second : nullptr;
}

FailureOr<Attribute> GraphImporter::importAttribute(const AttributeProto &attribute, char kind,
                                                    StringRef owner, Location loc) {
  switch (kind) {
  case 'f':
    return Attribute(builder.getF32FloatAttr(attribute.f()));
  case 'i':
    return Attribute(builder.getI64IntegerAttr(attribute.i()));
  case 's':
    return Attribute(builder.getStringAttr(attribute.s()));
  case 'F':
    return Attribute(builder.getDenseF32ArrayAttr(llvm::to_vector(attribute.floats())));
  case 'I':
    return Attribute(builder.getDenseI64ArrayAttr(llvm::to_vector_of<int64_t>(attribute.ints())));
  case 'S':
    return Attribute(builder.getStrArrayAttr(llvm::to_vector_of<StringRef>(attribute.strings())));
  case 't':
  case 'p': {
    auto emitError = [&]() { return mlir::emitError(loc) << printable(owner) << ": "; };
    FailureOr<ElementsAttr> value =
        kind == 't' ? tensors.read(attribute.t(), attribute.name(), emitError)
                    : tensors.readSparse(attribute.sparse_tensor(), attribute.name(), emitError);
    if (failed(value))
      return failure();
    return Attribute(*value);
  }
  default:
    return failure();
  }
}

LogicalResult GraphImporter::importAttributes(const onnx::NodeProto &node, const OnnxSchema &schema,
                                              const Scope &scope, Location loc,
                                              NamedAttrList &attributes) {
  llvm::StringSet<> seen;
  for (const AttributeProto &written : node.attribute()) {
    const AttributeProto *attribute = resolve(written, scope);
    if (!attribute)
      continue;
    StringRef name = written.name();
    auto fail = [&]() {
      return emitNodeError(node, loc) << "attribute '" << printable(name) << "' ";
    };
    std::optional<OnnxAttribute> known = schema.findAttribute(name);
    if (!known)
      return fail() << "is not one that the operator has at the model's opset";
    if (!seen.insert(name).second)
      return fail() << "is given twice";
    char kind = getAttributeKind(*attribute);
    // An empty list has no kind of its own where the type is not written.
    if (kind == 0 && llvm::isUpper(known->kind))
      kind = known->kind;
    if (kind != known->kind)
      return fail() << "is " << describeKind(kind) << ", expected " << describeKind(known->kind);
    if (kind == 'g')
      continue;
    FailureOr<Attribute> value = importAttribute(*attribute, kind, node.op_type(), loc);
    if (failed(value))
      return failure();
    attributes.set(name, *value);
  }
  LogicalResult result = success();
  schema.forEachAttribute([&](const OnnxAttribute &attribute) {
    if (attribute.required && !seen.contains(attribute.name))
      result = emitNodeError(node, loc) << "attribute '" << attribute.name << "' is missing";
  });
  return result;
}

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

/// What a node says for people: `nn.doc` and `nn.metadata`.
static SmallVector<NamedAttribute> getDocumentation(Builder &builder, const onnx::NodeProto &node) {
  SmallVector<NamedAttribute> attributes;
  if (!node.doc_string().empty())
    attributes.push_back(builder.getNamedAttr("nn.doc", builder.getStringAttr(node.doc_string())));
  SmallVector<Attribute> pairs;
  for (const onnx::StringStringEntryProto &entry : node.metadata_props())
    pairs.push_back(builder.getStrArrayAttr({entry.key(), entry.value()}));
  if (!pairs.empty())
    attributes.push_back(builder.getNamedAttr("nn.metadata", builder.getArrayAttr(pairs)));
  return attributes;
}

FailureOr<SmallVector<Value>> GraphImporter::lookupInputs(const onnx::NodeProto &node,
                                                          const Scope &scope) {
  SmallVector<Value> values;
  for (const std::string &name : node.input()) {
    std::optional<Value> value = name.empty() ? Value() : scope.lookup(name);
    if (!value || (!name.empty() && !*value))
      return failure();
    values.push_back(*value);
  }
  while (!values.empty() && !values.back())
    values.pop_back();
  return values;
}

LogicalResult GraphImporter::importNode(const onnx::NodeProto &node, Scope &scope) {
  Location loc = getLocation(node, scope);
  std::string domain = node.domain() == "ai.onnx" ? "" : node.domain();
  for (StringRef spelling : {StringRef(domain), StringRef(node.domain())}) {
    auto function = functions.find((spelling + ":" + node.op_type() + ":" + node.overload()).str());
    if (function != functions.end())
      return inlineFunction(node, *function->second, scope, loc);
  }
  auto opset = scope.opsets->find(domain);
  if (opset == scope.opsets->end())
    return emitNodeError(node, loc) << "the model imports no opset of domain '"
                                    << (domain.empty() ? "ai.onnx" : printable(domain)) << "'";
  const OnnxSchema *schema = findOnnxSchema(node.op_type(), opset->second, domain);
  if (!domain.empty()) {
    if (schema && operations.contains(operationKey(domain, node.op_type())))
      return importOperator(node, *schema, scope, loc);
    return importCustom(node, scope, loc);
  }
  if (!schema) {
    if (const OnnxSchema *later = findOldestOnnxSchema(node.op_type()))
      return emitNodeError(node, loc) << "the operator came with opset " << later->since
                                      << ", the model imports opset " << opset->second;
    return importCustom(node, scope, loc);
  }
  // The first GroupNormalization was withdrawn at once, but exporters wrote it.
  if (schema->deprecated && node.op_type() != "GroupNormalization")
    return emitNodeError(node, loc) << "the operator went with opset " << schema->since
                                    << ", the model imports opset " << opset->second;
  if (node.op_type() == "Constant")
    return importConstant(node, scope, loc);
  if (operations.contains(node.op_type()) || node.op_type() == "Upsample" ||
      node.op_type() == "Scatter")
    return importOperator(node, *schema, scope, loc);
  return importCustom(node, scope, loc);
}

LogicalResult GraphImporter::importOperator(const onnx::NodeProto &node, const OnnxSchema &schema,
                                            Scope &scope, Location loc) {
  FailureOr<SmallVector<Value>> inputs = lookupInputs(node, scope);
  if (failed(inputs))
    return failure();
  std::string domain = node.domain() == "ai.onnx" ? "" : node.domain();
  NodeForm form{builder, loc, node.op_type(), domain, schema.since, *inputs, {}, {}, {}, {}};
  form.outputs.assign(node.output().begin(), node.output().end());
  while (!form.outputs.empty() && form.outputs.back().empty())
    form.outputs.pop_back();
  form.isUsed = [&](StringRef name) { return !name.empty() && scope.usedNames.contains(name); };

  auto checkCount = [&](StringRef what, size_t count, size_t least,
                        StringRef kinds) -> LogicalResult {
    if (count < least || (count > kinds.size() && !kinds.ends_with("v")))
      return emitNodeError(node, loc) << "has " << count << " " << what << ", expected "
                                      << (count < least ? "at least " : "at most ")
                                      << (count < least ? least : kinds.size());
    return success();
  };
  if (failed(checkCount("inputs", form.inputs.size(), schema.minInputs, schema.inputs)) ||
      failed(checkCount("outputs", form.outputs.size(), schema.minOutputs, schema.outputs)))
    return failure();
  for (auto [index, kind] : llvm::enumerate(schema.inputs))
    if (kind == 'r' && index < form.inputs.size() && !form.inputs[index])
      return emitNodeError(node, loc) << "input " << index << " is left out, but required";
  if (failed(importAttributes(node, schema, scope, loc, form.attributes)))
    return failure();
  if (domain.empty() && failed(upgradeNode(form, [&]() { return emitNodeError(node, loc); })))
    return failure();
  form.attributes.append(getDocumentation(builder, node));
  if (form.opType == "If" || form.opType == "Loop" || form.opType == "Scan")
    return importControl(node, form, scope);

  FailureOr<Operation *> op = createOperation(form, {}, inferResultTypes(form));
  if (failed(op))
    return failure();
  unsigned result = 0;
  for (auto [index, name] : llvm::enumerate(form.outputs)) {
    StringRef kinds = cast<nn::OnnxOpInterface>(*op).getOutputKinds();
    if (name.empty() && index < kinds.size() && kinds[index] == 'o')
      continue;
    Value value = (*op)->getResult(result++);
    if (index == 0 && form.finish)
      value = form.finish(value, getNodeLocation(context, "", getOutputNames(loc)));
    if (!name.empty())
      scope.values[name] = value;
  }
  return success();
}

/// Sorts `values` into the formals of `kinds`: the present ones, and how many
/// each formal has. `required` makes what stands for a required one left out.
template <typename T, typename IsAbsentFn>
static bool sortIntoFormals(StringRef kinds, ArrayRef<T> values, IsAbsentFn isAbsent,
                            SmallVectorImpl<T> &present, SmallVectorImpl<int32_t> &segments) {
  size_t index = 0;
  for (char kind : kinds) {
    if (kind == 'v') {
      segments.push_back(values.size() - std::min(index, values.size()));
      for (; index < values.size(); ++index)
        present.push_back(values[index]);
      break;
    }
    bool isPresent = index < values.size() && (kind == 'r' || !isAbsent(index));
    segments.push_back(isPresent);
    if (isPresent)
      present.push_back(values[index]);
    ++index;
  }
  return index >= values.size();
}

FailureOr<Operation *> GraphImporter::createOperation(NodeForm &form,
                                                      ArrayRef<std::unique_ptr<Region>> regions,
                                                      ArrayRef<Type> types) {
  RegisteredOperationName name = operations.find(operationKey(form.domain, form.opType))->second;
  auto *mirror = name.getInterface<nn::OnnxOpInterface>();
  auto fail = [&]() {
    failedAny = true;
    return mlir::emitError(form.loc) << form.opType << ": ";
  };
  OperationState state(form.loc, name);
  SmallVector<int32_t> operandSegments, resultSegments;
  SmallVector<Value> operands;
  SmallVector<Type> results;
  bool fits = sortIntoFormals<Value>(
      mirror->getInputKinds(), form.inputs, [&](size_t i) { return !form.inputs[i]; }, operands,
      operandSegments);
  fits &= sortIntoFormals<Type>(
      mirror->getOutputKinds(), types,
      [&](size_t i) { return i < form.outputs.size() && form.outputs[i].empty(); }, results,
      resultSegments);
  if (!fits)
    return fail() << "has more inputs or outputs than the newest opset knows";
  if (llvm::is_contained(operands, Value()))
    return fail() << "an input that is required is left out";

  // Names of the results that exist.
  SmallVector<StringRef> names;
  StringRef kinds = mirror->getOutputKinds();
  for (size_t i = 0; i < types.size(); ++i) {
    StringRef output = i < form.outputs.size() ? StringRef(form.outputs[i]) : StringRef();
    if (output.empty() && i < kinds.size() && kinds[i] == 'o')
      continue;
    names.push_back(i < getOutputNames(form.loc).size() ? getOutputNames(form.loc)[i]
                                                        : StringRef());
  }
  if (form.finish)
    names.front() = "";
  state.location = getNodeLocation(context, getNodeName(form.loc), names);

  state.addOperands(operands);
  state.addTypes(results);
  for (NamedAttribute attribute : form.attributes) {
    if (!llvm::is_contained(name.getAttributeNames(), attribute.getName()) &&
        !attribute.getName().getValue().starts_with("nn."))
      return fail() << "attribute '" << attribute.getName().getValue()
                    << "' has no place in the newest opset";
    state.addAttribute(attribute.getName(), attribute.getValue());
  }
  if (name.hasTrait<OpTrait::AttrSizedOperandSegments>())
    state.addAttribute("operandSegmentSizes", builder.getDenseI32ArrayAttr(operandSegments));
  if (name.hasTrait<OpTrait::AttrSizedResultSegments>())
    state.addAttribute("resultSegmentSizes", builder.getDenseI32ArrayAttr(resultSegments));
  for (const std::unique_ptr<Region> &region : regions)
    state.addRegion()->takeBody(*region);
  return builder.create(state);
}

LogicalResult GraphImporter::importConstant(const onnx::NodeProto &node, Scope &scope,
                                            Location loc) {
  const AttributeProto *attribute = nullptr;
  for (const AttributeProto &written : node.attribute())
    if (const AttributeProto *resolved = resolve(written, scope)) {
      if (attribute)
        return emitNodeError(node, loc) << "has more than one value";
      attribute = resolved;
    }
  if (!attribute || node.output_size() != 1 || node.input_size() != 0)
    return emitNodeError(node, loc) << "expected one value, one output and no inputs";
  char kind = getAttributeKind(*attribute);
  FailureOr<Attribute> value = importAttribute(*attribute, kind, "Constant", loc);
  if (failed(value)) {
    if (!StringRef("tp").contains(kind))
      emitNodeError(node, loc) << "its value is " << describeKind(kind)
                               << ", which no constant has";
    return failure();
  }

  auto scalar = [&](Type type) { return RankedTensorType::get({}, type); };
  auto vectorOf = [&](int64_t size, Type type) { return RankedTensorType::get({size}, type); };
  ElementsAttr elements;
  if (kind == 't' || kind == 'p')
    elements = cast<ElementsAttr>(*value);
  else if (kind == 'f' || kind == 'i')
    elements = DenseElementsAttr::get(scalar(cast<TypedAttr>(*value).getType()), *value);
  else if (auto ints = dyn_cast<DenseI64ArrayAttr>(*value))
    elements =
        DenseElementsAttr::get(vectorOf(ints.size(), builder.getI64Type()), ints.asArrayRef());
  else if (auto floats = dyn_cast<DenseF32ArrayAttr>(*value))
    elements =
        DenseElementsAttr::get(vectorOf(floats.size(), builder.getF32Type()), floats.asArrayRef());
  else if (auto string = dyn_cast<StringAttr>(*value))
    elements = cast<ElementsAttr>(DenseStringElementsAttr::get(
        scalar(nn::StringType::get(context)), ArrayRef<StringRef>{string.getValue()}));
  else {
    SmallVector<StringRef> strings(cast<ArrayAttr>(*value).getAsValueRange<StringAttr>());
    elements = cast<ElementsAttr>(DenseStringElementsAttr::get(
        vectorOf(strings.size(), nn::StringType::get(context)), strings));
  }
  auto constant = nn::ConstantOp::create(builder, loc, elements);
  constant->setDiscardableAttrs(getDocumentation(builder, node));
  define(node, constant->getResults(), scope);
  return success();
}

//===----------------------------------------------------------------------===//
// Unknown operators and functions
//===----------------------------------------------------------------------===//

LogicalResult GraphImporter::importCustom(const onnx::NodeProto &node, Scope &scope, Location loc) {
  FailureOr<SmallVector<Value>> inputs = lookupInputs(node, scope);
  if (failed(inputs))
    return failure();
  for (Value &input : *inputs)
    if (!input)
      input = nn::NoneOp::create(builder, builder.getUnknownLoc(), builder.getNoneType());

  NamedAttrList parameters;
  SmallVector<std::string> encoded;
  for (const AttributeProto &written : node.attribute()) {
    const AttributeProto *attribute = resolve(written, scope);
    if (!attribute)
      continue;
    if (written.name().empty() || parameters.get(written.name()))
      return emitNodeError(node, loc) << "an attribute has no name or is given twice";
    char kind = getAttributeKind(*attribute);
    if (kind && StringRef("fisFISt").contains(kind)) {
      FailureOr<Attribute> value = importAttribute(*attribute, kind, node.op_type(), loc);
      if (failed(value))
        return failure();
      parameters.set(written.name(), *value);
      continue;
    }
    onnx::NodeProto alone;
    *alone.add_attribute() = *attribute;
    if (!collectReadNames(alone).empty())
      return emitNodeError(node, loc) << "subgraph '" << printable(written.name())
                                      << "' of an unknown operator reads values from outside of it";
    alone.mutable_attribute(0)->set_name(written.name());
    tensors.restorePayloads(*alone.mutable_attribute(0));
    encoded.push_back(alone.attribute(0).SerializeAsString());
  }

  SmallVector<Type> types;
  for (const std::string &output : node.output()) {
    Type declared = getDeclaredType(output, scope);
    if (output.empty())
      declared = builder.getNoneType();
    types.push_back(declared ? declared : nn::OpaqueType::get(context, ""));
  }
  ArrayAttr encodedAttr;
  if (!encoded.empty())
    encodedAttr = builder.getStrArrayAttr(llvm::to_vector_of<StringRef>(encoded));
  auto custom = nn::CustomOp::create(builder, loc, types, *inputs, node.domain(), node.op_type(),
                                     parameters.getDictionary(context), encodedAttr);
  custom->setDiscardableAttrs(getDocumentation(builder, node));
  define(node, custom->getResults(), scope);
  return success();
}

LogicalResult GraphImporter::inlineFunction(const onnx::NodeProto &node,
                                            const onnx::FunctionProto &function, Scope &scope,
                                            Location loc) {
  FailureOr<SmallVector<Value>> inputs = lookupInputs(node, scope);
  if (failed(inputs))
    return failure();
  InlineFrame frame;
  frame.function = &function;
  frame.caller = scope.frame;
  frame.depth = scope.frame ? scope.frame->depth + 1 : 0;
  for (const InlineFrame *caller = scope.frame; caller; caller = caller->caller)
    if (caller->function == &function || frame.depth > kDeepestCall)
      return emitNodeError(node, loc) << "the function calls itself";
  if (static_cast<int>(inputs->size()) > function.input_size() ||
      node.output_size() > function.output_size())
    return emitNodeError(node, loc) << "the call has more inputs or outputs than the function";

  StringRef label = !node.name().empty() ? StringRef(node.name())
                    : node.output_size() ? StringRef(node.output(0))
                                         : StringRef(node.op_type());
  frame.prefix = getOuterName(label, scope) + "/";
  for (const AttributeProto &attribute : function.attribute_proto())
    frame.attributes[attribute.name()] = &attribute;
  for (const AttributeProto &attribute : node.attribute())
    if (const AttributeProto *resolved = resolve(attribute, scope))
      frame.attributes[attribute.name()] = resolved;

  // What the function does not import itself it takes from the model.
  Opsets opsets;
  for (const auto &import : function.opset_import())
    opsets[import.domain() == "ai.onnx" ? "" : import.domain()] = import.version();
  for (const auto &entry : *scope.opsets)
    opsets.try_emplace(entry.first(), entry.second);
  int64_t version = opsets.lookup("");
  if (opsets.contains("") && (version < kOldestOpset || version > kNewestOpset))
    return emitNodeError(node, loc)
           << "the function imports opset " << version << " of ai.onnx, supported are "
           << kOldestOpset << " to " << kNewestOpset;

  Scope inner;
  inner.opsets = &opsets;
  inner.frame = &frame;
  for (auto [index, name] : llvm::enumerate(function.input()))
    inner.values[name] = index < inputs->size() ? (*inputs)[index] : Value();
  // The names that the caller gives to the results hold outside of the function.
  for (auto [index, name] : llvm::enumerate(function.output())) {
    inner.usedNames.insert(name);
    if (static_cast<int>(index) < node.output_size() && !node.output(index).empty() &&
        !inner.values.contains(name))
      frame.names[name] = getOuterName(node.output(index), scope);
  }
  for (const onnx::ValueInfoProto &info : function.value_info())
    inner.declaredTypes[info.name()] = &info.type();
  std::vector<const onnx::NodeProto *> nodes;
  for (const onnx::NodeProto &inside : function.node())
    nodes.push_back(&inside);
  bool failedBefore = failedAny;
  importNodes(nodes, inner);
  if (failedAny && !failedBefore)
    return failure();
  for (auto [name, formal] : llvm::zip(node.output(), function.output())) {
    std::optional<Value> value = inner.lookup(formal);
    if (!value)
      return emitNodeError(node, loc)
             << "function output '" << printable(formal) << "' is defined by nothing";
    if (!name.empty())
      scope.values[name] = *value;
  }
  return success();
}
