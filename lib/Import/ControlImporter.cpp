//===- ControlImporter.cpp - If, Loop and Scan to operations of nn ----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Their subgraphs become regions, which read values of the graphs around them
// directly. The types of their results are those that the regions yield.

#include "GraphImporter.h"

#include "dialects/NN/IR/NNOps.h"

#include "onnx-ml.pb.h"

using namespace mlir;
using namespace secateur;
using onnx::AttributeProto;

static const onnx::GraphProto *findGraph(const onnx::NodeProto &node, StringRef name) {
  for (const AttributeProto &attribute : node.attribute())
    if (attribute.name() == name && attribute.has_g())
      return &attribute.g();
  return nullptr;
}

/// The type of a value that is one of `a` and one of `b`; null where it cannot be.
static Type joinTypes(Type a, Type b) {
  if (a == b)
    return a;
  auto tensorA = dyn_cast<TensorType>(a), tensorB = dyn_cast<TensorType>(b);
  if (!tensorA || !tensorB)
    return nn::OpaqueType::get(a.getContext(), "");
  if (tensorA.getElementType() != tensorB.getElementType())
    return {};
  bool sameRank = tensorA.hasRank() && tensorB.hasRank() && tensorA.getRank() == tensorB.getRank();
  return getDynamicType(a.getContext(), tensorA.getElementType(),
                        sameRank ? std::optional(tensorA.getRank()) : std::nullopt);
}

/// The type of values of `type` stacked along one more dimension (+1), or of one
/// of them (-1).
static Type changeRank(Type type, int64_t difference) {
  auto tensor = dyn_cast<TensorType>(type);
  if (!tensor)
    return type;
  return getDynamicType(type.getContext(), tensor.getElementType(),
                        tensor.hasRank() ? std::optional(tensor.getRank() + difference)
                                         : std::nullopt);
}

static Type forgetShape(Type type) {
  auto tensor = dyn_cast<TensorType>(type);
  return tensor ? Type(UnrankedTensorType::get(tensor.getElementType())) : type;
}

LogicalResult GraphImporter::importControl(const onnx::NodeProto &node, NodeForm &form,
                                           Scope &scope) {
  SmallVector<std::unique_ptr<Region>> regions;
  SmallVector<SmallVector<Type>> yielded;
  auto addRegion = [&](StringRef name, ArrayRef<Type> arguments) -> LogicalResult {
    const onnx::GraphProto *graph = findGraph(node, name);
    if (!graph)
      return emitNodeError(node, form.loc) << "attribute '" << name << "' is missing";
    regions.push_back(std::make_unique<Region>());
    FailureOr<SmallVector<Type>> types =
        importSubgraph(*graph, *regions.back(), scope, arguments, form.loc);
    if (failed(types))
      return failure();
    yielded.push_back(*types);
    return success();
  };

  SmallVector<Type> results;
  if (form.opType == "If") {
    if (failed(addRegion("else_branch", {})) || failed(addRegion("then_branch", {})))
      return failure();
    if (yielded[0].size() != yielded[1].size())
      return emitNodeError(node, form.loc) << "its branches have " << yielded[1].size() << " and "
                                           << yielded[0].size() << " outputs";
    for (auto [a, b] : llvm::zip(yielded[0], yielded[1])) {
      results.push_back(joinTypes(a, b));
      if (!results.back())
        return emitNodeError(node, form.loc)
               << "its branches give elements of different types, " << b << " and " << a;
    }
  } else {
    // The first `skipped` values that the body yields are no results, `carried`
    // go round, the rest is stacked.
    bool isLoop = form.opType == "Loop";
    size_t skipped = isLoop, first = isLoop ? 2 : 0;
    int64_t scanned = 0;
    if (auto count = dyn_cast_or_null<IntegerAttr>(form.attributes.get("num_scan_inputs")))
      scanned = count.getInt();
    int64_t carried = static_cast<int64_t>(std::max(form.inputs.size(), first) - first) - scanned;
    if (carried < 0 || scanned < 0 || (!isLoop && scanned == 0))
      return emitNodeError(node, form.loc)
             << "num_scan_inputs of " << scanned << " does not fit its inputs";
    SmallVector<Type> arguments;
    if (isLoop)
      arguments = {RankedTensorType::get({}, builder.getI64Type()),
                   RankedTensorType::get({}, builder.getI1Type())};
    for (auto [index, value] :
         llvm::enumerate(llvm::drop_begin(form.inputs, std::min(first, form.inputs.size())))) {
      if (!value)
        return emitNodeError(node, form.loc) << "an initial value is left out";
      bool isCarried = static_cast<int64_t>(index) < carried;
      arguments.push_back(isCarried ? forgetShape(value.getType())
                                    : changeRank(value.getType(), -1));
    }
    if (failed(addRegion("body", arguments)))
      return failure();
    if (yielded[0].size() < skipped + carried)
      return emitNodeError(node, form.loc) << "its body has " << yielded[0].size()
                                           << " outputs, expected at least " << skipped + carried;
    for (auto [index, type] : llvm::enumerate(ArrayRef(yielded[0]).drop_front(skipped))) {
      bool isCarried = static_cast<int64_t>(index) < carried;
      results.push_back(isCarried ? joinTypes(type, arguments[first + index])
                                  : changeRank(type, 1));
      if (!results.back())
        return emitNodeError(node, form.loc)
               << "its body changes the element type of value " << index << " from "
               << arguments[first + index] << " to " << type;
    }
  }
  if (form.outputs.size() > results.size())
    return emitNodeError(node, form.loc)
           << "has " << form.outputs.size() << " outputs, but its body gives " << results.size();
  FailureOr<Operation *> op = createOperation(form, regions, results);
  if (failed(op))
    return failure();
  define(node, (*op)->getResults(), scope);
  return success();
}
