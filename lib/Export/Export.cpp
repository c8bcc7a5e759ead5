//===- Export.cpp - The nn dialect to ONNX files ----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Export/Export.h"

#include "GraphExporter.h"
#include "SpellOutCounts.h"

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Support/OnnxSchema.h"

using namespace mlir;
using namespace secateur;

/// For modules that were not imported: what common runtimes read.
static constexpr int64_t kUsualOpset = 17;
static constexpr int64_t kUsualIrVersion = 8;
/// Before IR version 4 every initializer is an input, too.
static constexpr int64_t kFreeInitializers = 4;

/// Calls `set` with module attribute `name`, where it is there.
template <typename SetFn>
static void setString(ModuleOp module, StringRef name, SetFn set) {
  if (auto attribute = module->getAttrOfType<StringAttr>(name))
    set(attribute.str());
}

static void setHeader(ModuleOp module, int64_t irVersion, onnx::ModelProto &model) {
  model.set_ir_version(irVersion);
  onnx::GraphProto *graph = model.mutable_graph();
  graph->set_name("main");
  setString(module, "nn.producer_name", [&](std::string text) { model.set_producer_name(text); });
  setString(module, "nn.producer_version",
            [&](std::string text) { model.set_producer_version(text); });
  setString(module, "nn.domain", [&](std::string text) { model.set_domain(text); });
  setString(module, "nn.doc", [&](std::string text) { model.set_doc_string(text); });
  setString(module, "nn.graph_name", [&](std::string text) { graph->set_name(text); });
  setString(module, "nn.graph_doc", [&](std::string text) { graph->set_doc_string(text); });
  if (auto version = module->getAttrOfType<IntegerAttr>("nn.model_version"))
    model.set_model_version(version.getInt());
  addEntries(module->getAttr("nn.metadata"), *model.mutable_metadata_props());
  addEntries(module->getAttr("nn.graph_metadata"), *graph->mutable_metadata_props());
}

/// ai.onnx first, then the imports of the file, then domains that were not among
/// them.
static void setOpsets(ModuleOp module, int64_t opset, onnx::ModelProto &model) {
  auto add = [&](StringRef domain, int64_t version) {
    auto *import = model.add_opset_import();
    import->set_domain(domain.str());
    import->set_version(version);
  };
  llvm::StringSet<> known = {"", "ai.onnx"};
  auto given = module->getAttrOfType<DictionaryAttr>("nn.opsets");
  bool usesOnnx = !given || given.get("ai.onnx");
  module.walk([&](Operation *op) {
    auto constant = dyn_cast<nn::ConstantOp>(op);
    auto mirror = dyn_cast<nn::OnnxOpInterface>(op);
    usesOnnx |=
        (mirror && mirror.getOnnxDomain().empty()) || (constant && !constant.getInitializer());
  });
  if (usesOnnx)
    add("", opset);
  if (given)
    for (NamedAttribute import : given)
      if (auto version = dyn_cast<IntegerAttr>(import.getValue());
          version && known.insert(import.getName().getValue()).second)
        add(import.getName().getValue(), version.getInt());
  module.walk([&](Operation *op) {
    StringRef domain;
    if (auto custom = dyn_cast<nn::CustomOp>(op))
      domain = custom.getDomain();
    else if (auto mirror = dyn_cast<nn::OnnxOpInterface>(op))
      domain = mirror.getOnnxDomain();
    if (known.insert(domain).second)
      add(domain, 1);
  });
}

LogicalResult secateur::exportOnnx(ModuleOp module, StringRef path, const ExportOptions &options) {
  auto function = module.lookupSymbol<func::FuncOp>("main");
  if (!function || !function.getBody().hasOneBlock())
    return module.emitError() << "expected one function named main, of one block";
  if (failed(spellOutCounts(function)))
    return failure();
  int64_t imported = 0;
  if (auto imports = module->getAttrOfType<DictionaryAttr>("nn.opsets"))
    if (auto version = dyn_cast_or_null<IntegerAttr>(imports.get("ai.onnx")))
      imported = version.getInt();
  int64_t lowest = options.opset.value_or(imported ? imported : kUsualOpset);
  int64_t highest = options.opset.value_or(kNewestOpset);
  if (lowest < kOldestOpset || highest > kNewestOpset)
    return mlir::emitError(UnknownLoc::get(module.getContext()))
           << "opset " << lowest << " is not supported: opsets " << kOldestOpset << " to "
           << kNewestOpset << " are";
  int64_t irVersion = kUsualIrVersion;
  if (auto version = module->getAttrOfType<IntegerAttr>("nn.ir_version"))
    irVersion = version.getInt();

  GraphExporter exporter(function, imported ? imported : lowest, irVersion < kFreeInitializers);
  std::optional<int64_t> opset = exporter.chooseOpset(lowest, highest);
  if (!opset)
    return failure();
  onnx::ModelProto model;
  setHeader(module, irVersion, model);
  setOpsets(module, *opset, model);
  std::vector<Initializer> initializers;
  if (failed(exporter.exportMain(*opset, *model.mutable_graph(), initializers)))
    return failure();
  return writeModel(model, initializers, path, options.externalDataThreshold,
                    [&]() { return mlir::emitError(UnknownLoc::get(module.getContext())); });
}

FailureOr<std::vector<std::string>> secateur::constantsOfCounts(ModuleOp module) {
  OwningOpRef<ModuleOp> copy(cast<ModuleOp>(module->clone()));
  auto function = copy->lookupSymbol<func::FuncOp>("main");
  return function ? spellOutCounts(function) : std::vector<std::string>();
}
