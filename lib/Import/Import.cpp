//===- Import.cpp - ONNX files to the nn dialect ----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Import/Import.h"

#include "GraphImporter.h"

#include "dialects/NN/IR/NNDialect.h"
#include "secateur/Support/Files.h"

#include "mlir/IR/Verifier.h"
#include "onnx-ml.pb.h"

using namespace mlir;
using namespace secateur;

/// The opset imports, or an error where ai.onnx is missing or out of range.
static FailureOr<Opsets> readOpsets(const onnx::ModelProto &model, Location loc) {
  Opsets opsets;
  for (const onnx::OperatorSetIdProto &import : model.opset_import()) {
    StringRef domain = import.domain() == "ai.onnx" ? "" : StringRef(import.domain());
    opsets[domain] = import.version();
  }
  auto main = opsets.find("");
  // Models of functions or of other domains alone need none.
  if (main == opsets.end()) {
    if (!opsets.empty())
      return opsets;
    return emitError(loc) << "the model imports no opset";
  }
  if (main->second > kNewestOpset)
    return emitError(loc) << "the model imports opset " << main->second
                          << " of ai.onnx, newer than the newest supported, " << kNewestOpset
                          << ": export it with an older one";
  if (main->second < kOldestOpset)
    return emitError(loc) << "the model imports opset " << main->second
                          << " of ai.onnx, older than the oldest supported, " << kOldestOpset
                          << ": convert it with onnx.version_converter";
  return opsets;
}

/// Keeps what the file says beside the graph, for the exporter.
static void setModuleAttributes(ModuleOp module, const onnx::ModelProto &model,
                                const Opsets &opsets) {
  Builder builder(module.getContext());
  auto setString = [&](StringRef name, StringRef value) {
    if (!value.empty())
      module->setAttr(name, builder.getStringAttr(value));
  };
  NamedAttrList imports;
  for (const auto &entry : opsets)
    imports.set(entry.first().empty() ? "ai.onnx" : entry.first(),
                builder.getI64IntegerAttr(entry.second));
  module->setAttr("nn.opsets", imports.getDictionary(module.getContext()));
  module->setAttr("nn.ir_version", builder.getI64IntegerAttr(model.ir_version()));
  setString("nn.producer_name", model.producer_name());
  setString("nn.producer_version", model.producer_version());
  setString("nn.domain", model.domain());
  if (model.has_model_version())
    module->setAttr("nn.model_version", builder.getI64IntegerAttr(model.model_version()));
  setString("nn.doc", model.doc_string());
  setString("nn.graph_name", model.graph().name());
  setString("nn.graph_doc", model.graph().doc_string());
  auto setEntries = [&](StringRef name, const auto &entries) {
    SmallVector<Attribute> pairs;
    for (const onnx::StringStringEntryProto &entry : entries)
      pairs.push_back(builder.getStrArrayAttr({entry.key(), entry.value()}));
    if (!pairs.empty())
      module->setAttr(name, builder.getArrayAttr(pairs));
  };
  setEntries("nn.metadata", model.metadata_props());
  setEntries("nn.graph_metadata", model.graph().metadata_props());
}

FailureOr<OwningOpRef<ModuleOp>> secateur::importOnnx(StringRef path, MLIRContext *context,
                                                      const ImportOptions &options) {
  context->loadDialect<nn::NNDialect, func::FuncDialect>();
  Location loc = FileLineColLoc::get(context, path, 0, 0);
  auto emitError = [&]() { return mlir::emitError(loc); };
  auto emitPlainError = [&]() { return mlir::emitError(UnknownLoc::get(context)); };
  FailureOr<std::shared_ptr<llvm::MemoryBuffer>> file = mapFile(path, emitPlainError);
  if (failed(file))
    return failure();
  StringRef bytes = (*file)->getBuffer();
  FailureOr<ScannedModel> scanned =
      scanModel(ArrayRef<char>(bytes.data(), bytes.size()), options.mapThreshold, emitError);
  if (failed(scanned))
    return failure();
  onnx::ModelProto model;
  if (scanned->proto.size() > std::numeric_limits<int>::max() ||
      !model.ParseFromString(scanned->proto)) {
    emitError() << "not an ONNX model, or a damaged one: its fields do not make a ModelProto";
    return failure();
  }
  scanned->proto = {};
  if (!model.has_graph()) {
    emitError() << "not an ONNX model: it has no graph";
    return failure();
  }
  if (model.training_info_size())
    mlir::emitWarning(loc) << "the training information of the model is left out";
  FailureOr<Opsets> opsets = readOpsets(model, loc);
  if (failed(opsets))
    return failure();

  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  setModuleAttributes(*module, model, *opsets);
  OpBuilder builder(context);
  builder.setInsertionPointToEnd(module->getBody());
  TensorReader tensors(context, *file, *scanned, path, options.mapThreshold);
  GraphImporter importer(model, tensors, builder, loc);
  if (failed(importer.importMain(*opsets)) || failed(mlir::verify(*module)))
    return failure();
  return module;
}
