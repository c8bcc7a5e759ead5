//===- Pipeline.cpp - From a model file to an artefact ----------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Pipeline/Pipeline.h"

#include "Cache.h"
#include "Native.h"
#include "ReportFile.h"
#include "secateur/Analysis/Passes.h"
#include "secateur/CodeGen/Tune.h"
#include "secateur/Export/Export.h"
#include "secateur/Import/Import.h"
#include "secateur/Pipeline/Verify.h"
#include "secateur/Pruning/Explain.h"
#include "secateur/Pruning/Groups.h"
#include "secateur/Pruning/Prune.h"
#include "secateur/Transform/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

#include <chrono>
#include <cmath>

using namespace mlir;
using namespace secateur;

std::optional<Artifact> secateur::artifactFromPath(StringRef path) {
  return llvm::StringSwitch<std::optional<Artifact>>(llvm::sys::path::extension(path))
      .Case(".so", Artifact::Library)
      .Case(".o", Artifact::Object)
      .Case(".ll", Artifact::LLVM)
      .Case(".mlir", Artifact::MLIR)
      .Case(".onnx", Artifact::ONNX)
      .Default(std::nullopt);
}

namespace {

/// Outputs of the zeroed and the pruned model may differ by this much, relative to
/// an output's largest element: their sums are formed in different orders.
constexpr double kVerifyTolerance = 1e-4;
constexpr unsigned kVerifySeeds = 2;

/// One run of `compile`, phase by phase.
class Compilation {
public:
  Compilation(const CompileOptions &options, MLIRContext &context, const PhaseListener &listener)
      : options(options), context(context), listener(listener),
        location(UnknownLoc::get(&context)) {}

  LogicalResult run();

private:
  bool isPruned() const { return !options.budgets.empty() || !options.plan.empty(); }
  bool isTuned() const { return !options.tune.empty(); }
  bool onlyFindsGroups() const { return !options.explain.empty() || !options.saveGroups.empty(); }
  bool isNative() const {
    return options.artifact == Artifact::Library || options.artifact == Artifact::Object ||
           options.artifact == Artifact::LLVM;
  }
  func::FuncOp mainFunction(ModuleOp module) { return module.lookupSymbol<func::FuncOp>("main"); }

  LogicalResult runPhases();
  LogicalResult phase(StringRef name, llvm::function_ref<LogicalResult()> body);
  LogicalResult import();
  LogicalResult prune();
  FailureOr<pruning::PruneOptions> pruneOptions();
  LogicalResult explain();
  LogicalResult verify();
  LogicalResult compileTo(ModuleOp source, StringRef path);
  LogicalResult lower();
  LogicalResult tune();
  LogicalResult write();
  LogicalResult writeText();
  LogicalResult writeReportFile();
  LogicalResult infer(ModuleOp model);
  LogicalResult recogniseSpelledOut();
  pruning::NominalShapes countedShapes() const;

  const CompileOptions &options;
  MLIRContext &context;
  const PhaseListener &listener;
  Location location;
  unsigned nextPhase = 1, phaseCount = 0;
  OwningOpRef<ModuleOp> module;
  /// The dense model with the removed elements zeroed; only with --verify.
  OwningOpRef<ModuleOp> zeroed;
  /// Those of the file, before norms are recognised; only with --explain.
  pruning::TensorNames tensors;
  pruning::PruningReport summary;
  std::vector<OutputDifference> differences;
  /// What inputs and outputs have lost.
  std::vector<pruning::PlanInterface> interface;
  /// The model at the nominal shapes, lowered; only with --tune.
  OwningOpRef<ModuleOp> sized;
  codegen::TuneOutcome tuned;
  /// Where weights were written beside the output.
  std::string weightsFile;
};

} // namespace

LogicalResult Compilation::phase(StringRef name, llvm::function_ref<LogicalResult()> body) {
  if (listener.begin)
    listener.begin(nextPhase, phaseCount, name);
  ++nextPhase;
  auto start = std::chrono::steady_clock::now();
  LogicalResult result = body();
  if (listener.end)
    listener.end(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return result;
}

LogicalResult Compilation::run() {
  Cache cache(options);
  phaseCount = 1;
  auto fetch = [&] { return success(cache.fetch()); };
  if (cache.has() && succeeded(phase("Copying from the cache", fetch)))
    return success();
  // What was said would not be said again.
  bool hasSpoken = false;
  ScopedDiagnosticHandler watch(&context, [&](Diagnostic &) {
    hasSpoken = true;
    return failure();
  });
  nextPhase = 1;
  if (failed(runPhases()))
    return failure();
  if (hasSpoken)
    return success();
  // What was measured is part of the key.
  if (isTuned())
    Cache(options).store(weightsFile);
  else
    cache.store(weightsFile);
  return success();
}

LogicalResult Compilation::runPhases() {
  bool writes = !options.dryRun;
  bool verifies = options.verify && isPruned() && writes;
  phaseCount = 1 + isPruned() + verifies + (writes && isNative()) + isTuned() + writes;
  if (isTuned() && (!writes || !isNative() || onlyFindsGroups()))
    return emitError(location) << "--tune chooses kernels of a library: give -o OUT.so";
  if (options.verify && !isPruned())
    return emitError(location) << "--verify proves a pruning: it needs --budget or --plan";
  if (onlyFindsGroups())
    phaseCount = 2;
  if (failed(phase("Importing", [&] { return import(); })))
    return failure();
  if (onlyFindsGroups())
    return phase("Finding groups", [&] { return explain(); });
  if (isPruned() && failed(phase("Pruning", [&] { return prune(); })))
    return failure();
  if (verifies && failed(phase("Verifying", [&] { return verify(); })))
    return failure();
  if (options.dryRun) {
    std::string table;
    llvm::raw_string_ostream stream(table);
    pruning::printTable(summary, stream);
    if (listener.print)
      listener.print(table);
  }
  // What was measured is a part of it.
  if (!isTuned() && failed(writeReportFile()))
    return failure();
  if (!writes)
    return success();
  if (isNative() && failed(phase("Lowering", [&] { return lower(); })))
    return failure();
  if (isTuned() && (failed(phase("Tuning", [&] { return tune(); })) || failed(writeReportFile())))
    return failure();
  return phase(isNative() ? "Generating code" : "Writing", [&] { return write(); });
}

LogicalResult Compilation::explain() {
  func::FuncOp function = mainFunction(*module);
  pruning::AnalyzeOptions analysis;
  analysis.interface = options.allowInterface;
  analysis.gatherShuffles = options.gatherShuffles;
  for (std::string &name : tensors.findInside(function, options.explain))
    analysis.explained.push_back(std::move(name));
  if (failed(pruning::analyze(function, analysis)))
    return failure();
  for (const std::string &name : options.explain) {
    std::optional<std::string> text = pruning::explain(function, tensors, name);
    if (!text) {
      InFlightDiagnostic error = emitError(location);
      error << "--explain " << name << ": the model has no tensor of that name";
      SmallVector<std::string> nearest = tensors.nearest(name);
      if (!nearest.empty())
        error << "; did you mean '" << llvm::join(nearest, "' or '") << "'?";
      return error;
    }
    if (listener.print)
      listener.print(*text);
  }
  if (options.saveGroups.empty())
    return success();
  auto emitError = [&] { return mlir::emitError(location); };
  FailureOr<OutputFile> file = OutputFile::open(options.saveGroups, emitError);
  if (failed(file))
    return failure();
  pruning::printGroups(function, file->os());
  return file->commit(emitError);
}

LogicalResult Compilation::infer(ModuleOp model) {
  PassManager manager(&context);
  manager.addNestedPass<func::FuncOp>(analysis::createNNInferShapes());
  return manager.run(model);
}

/// Norms and views that an exporter spelled out: pruning has to know that they are
/// some.
LogicalResult Compilation::recogniseSpelledOut() {
  PassManager manager(&context);
  transform::NNFuseNormalizationsOptions norms;
  norms.onlyScaled = true;
  manager.addNestedPass<func::FuncOp>(transform::createNNFuseNormalizations(norms));
  manager.addNestedPass<func::FuncOp>(transform::createNNRecogniseViews());
  return manager.run(*module);
}

LogicalResult Compilation::import() {
  FailureOr<OwningOpRef<ModuleOp>> imported = importOnnx(options.input, &context);
  if (failed(imported))
    return failure();
  module = std::move(*imported);
  func::FuncOp function = mainFunction(*module);
  if (!options.shapes.empty() && failed(analysis::specializeArguments(function, options.shapes)))
    return failure();
  if (failed(infer(*module)))
    return failure();
  if (!options.explain.empty())
    tensors = pruning::TensorNames(function);
  if ((isPruned() || onlyFindsGroups()) && failed(recogniseSpelledOut()))
    return failure();
  // The report of a model that is not pruned has its costs all the same.
  if (isPruned() || options.report.empty())
    return success();
  // Sizes that nobody gave are a guess: a model that they do not fit has no costs.
  ScopedDiagnosticHandler quiet(&context, [](Diagnostic &) { return success(); });
  FailureOr<std::unique_ptr<pruning::ModelExtents>> extents =
      pruning::ModelExtents::compute(function, countedShapes());
  if (succeeded(extents))
    summary.dense = summary.pruned = (*extents)->getDenseCost();
  return success();
}

/// What FLOPs are counted at: nominal shapes, over those that specialise.
pruning::NominalShapes Compilation::countedShapes() const {
  pruning::NominalShapes shapes = options.nominalShapes;
  for (const auto &entry : options.shapes)
    if (llvm::none_of(shapes, [&](const auto &given) { return given.first == entry.first; }))
      shapes.push_back(entry);
  return shapes;
}

/// What is asked of the Pruning stage.
FailureOr<pruning::PruneOptions> Compilation::pruneOptions() {
  pruning::PruneOptions prune;
  FailureOr<std::string> hash = pruning::hashFile(options.input, &context);
  if (failed(hash))
    return failure();
  prune.sha256 = *hash;
  prune.plan.budgets = options.budgets;
  prune.plan.nominal = countedShapes();
  prune.plan.bestEffort = options.bestEffort;
  prune.keep = options.keep;
  prune.allowInterface = options.allowInterface;
  prune.gatherShuffles = options.gatherShuffles;
  prune.statistics = options.normStatistics;
  if (options.plan.empty())
    return prune;
  FailureOr<pruning::PlanFile> saved = pruning::readPlanFile(options.plan, &context);
  if (failed(saved))
    return failure();
  prune.replay = std::move(*saved);
  return prune;
}

LogicalResult Compilation::prune() {
  func::FuncOp function = mainFunction(*module);
  FailureOr<pruning::PruneOptions> prune = pruneOptions();
  if (failed(prune))
    return failure();
  FailureOr<pruning::PruneOutcome> outcome = pruning::decidePruning(function, *prune);
  if (failed(outcome))
    return failure();
  summary = outcome->report;
  if (options.dryRun)
    return success();
  if (options.verify) {
    zeroed = OwningOpRef<ModuleOp>(cast<ModuleOp>(module->getOperation()->clone()));
    pruning::ApplyOptions zero{countedShapes(), /*zero=*/true};
    if (failed(pruning::applyPlan(mainFunction(*zeroed), zero)))
      return failure();
  }
  if (failed(pruning::carryOutPruning(function, *prune, *outcome)))
    return failure();
  summary = outcome->report;
  interface = outcome->plan.interface;
  summary.approximations = outcome->plan.approximations;
  if (options.savePlan.empty())
    return success();
  FailureOr<std::vector<std::string>> constants = constantsOfCounts(*module);
  if (failed(constants))
    return failure();
  for (const std::string &name : *constants)
    outcome->plan.rewritten.push_back(
        {name, "equivalent", "norms go on counting the erased positions"});
  return pruning::writePlanFile(outcome->plan, options.savePlan, &context);
}

/// Compiles a copy of `source` to a library at `path`.
LogicalResult Compilation::compileTo(ModuleOp source, StringRef path) {
  OwningOpRef<ModuleOp> copy(cast<ModuleOp>(source.getOperation()->clone()));
  return success(succeeded(lowerModel(*copy, options)) &&
                 succeeded(chooseKernels(*copy, options)) &&
                 succeeded(emitNative(*copy, options, Artifact::Library, path)));
}

LogicalResult Compilation::verify() {
  SmallString<128> folder;
  if (std::error_code error = llvm::sys::fs::createUniqueDirectory("secateur-verify", folder))
    return emitError(location) << "cannot make a temporary folder: " << error.message();
  llvm::scope_exit remove([&] { (void)llvm::sys::fs::remove_directories(folder); });
  std::string first = (folder + "/zeroed.so").str(), second = (folder + "/pruned.so").str();
  if (failed(compileTo(*zeroed, first)) || failed(compileTo(*module, second)))
    return emitError(location)
           << "--verify runs the emitted code, and this model cannot be compiled; prove the "
              "written ONNX file with: python scripts/prove.py DENSE.onnx PRUNED.onnx PLAN.json";
  auto found = compareLibraries(first, second, countedShapes(), interface, kVerifySeeds);
  if (!found)
    return emitError(location) << "--verify: " << llvm::toString(found.takeError());
  differences = std::move(*found);
  std::string text;
  bool equal = true;
  for (const OutputDifference &output : differences) {
    equal &= output.relative <= kVerifyTolerance;
    text += llvm::formatv(
        "verify: output '{0}': zeroed and pruned differ by {1:e2} of its largest element ({2:g})\n",
        output.name, output.relative, output.magnitude);
  }
  if (listener.print)
    listener.print(text);
  // An approximation is told, not refused.
  if (!equal && summary.approximations.empty())
    return emitError(location) << "--verify: the pruned model does not equal the zeroed one within "
                               << llvm::formatv("{0:e0}", kVerifyTolerance).str()
                               << "; nothing was written";
  return success();
}

LogicalResult Compilation::lower() {
  if (isTuned() && !options.nominalShapes.empty()) {
    sized = OwningOpRef<ModuleOp>(cast<ModuleOp>(module->getOperation()->clone()));
    // A model that the shapes do not fit has no sizes to measure.
    ScopedDiagnosticHandler quiet(&context, [](Diagnostic &) { return success(); });
    if (failed(analysis::specializeArguments(mainFunction(*sized), options.nominalShapes)) ||
        failed(infer(*sized)) || failed(lowerModel(*sized, options)))
      sized = nullptr;
  }
  if (failed(lowerModel(*module, options)))
    return failure();
  return isTuned() ? success() : chooseKernels(*module, options);
}

LogicalResult Compilation::tune() {
  codegen::TuneOptions tuning;
  tuning.file = options.tune;
  tuning.code = codeGenOptions(options);
  tuning.threads = options.threads ? options.threads : context.getNumThreads();
  tuning.progress = listener.progress;
  FailureOr<codegen::TuneOutcome> outcome =
      codegen::tune(*module, sized ? *sized : ModuleOp(), tuning);
  sized = nullptr;
  if (failed(outcome))
    return failure();
  tuned = std::move(*outcome);
  if (tuned.dynamic && listener.print)
    listener.print(llvm::formatv("tune: {0} products have sizes that are not known and were left "
                                 "to the model: give --nominal-shape or --shape\n",
                                 tuned.dynamic)
                       .str());
  return chooseKernels(*module, options);
}

LogicalResult Compilation::writeText() {
  auto emitError = [&] { return mlir::emitError(location); };
  FailureOr<OutputFile> file = OutputFile::open(options.output, emitError);
  if (failed(file))
    return failure();
  module->print(file->os(), OpPrintingFlags().enableDebugInfo());
  return file->commit(emitError);
}

LogicalResult Compilation::write() {
  switch (options.artifact) {
  case Artifact::MLIR:
    return writeText();
  case Artifact::ONNX: {
    ExportOptions exportOptions;
    exportOptions.opset = options.opset;
    return exportOnnx(*module, options.output, exportOptions);
  }
  default:
    return emitNative(*module, options, options.artifact, options.output, &weightsFile);
  }
}

static llvm::json::Object describeTuning(const codegen::TuneOutcome &tuned) {
  llvm::json::Array changed;
  for (const codegen::TunedForm &form : tuned.changed)
    changed.push_back(llvm::json::Object{{"form", form.form},
                                         {"nodes", llvm::json::Array(form.nodes)},
                                         {"usual", form.usual},
                                         {"usual_ms", form.usualMilliseconds},
                                         {"chosen", form.chosen},
                                         {"chosen_ms", form.chosenMilliseconds}});
  return llvm::json::Object{{"forms", tuned.forms},
                            {"measured", tuned.measured},
                            {"left_to_model", tuned.dynamic},
                            {"changed", std::move(changed)}};
}

LogicalResult Compilation::writeReportFile() {
  if (options.report.empty())
    return success();
  llvm::json::Object report = pruning::toJson(summary);
  report["model"] = llvm::sys::path::filename(options.input);
  report["target"] = options.march;
  report["math"] = mathModeName(options);
  if (!differences.empty()) {
    llvm::json::Array outputs;
    for (const OutputDifference &output : differences)
      outputs.push_back(llvm::json::Object{{"name", output.name},
                                           // JSON has no infinity.
                                           {"difference", std::isfinite(output.relative)
                                                              ? llvm::json::Value(output.relative)
                                                              : llvm::json::Value(nullptr)},
                                           {"largest", output.magnitude},
                                           {"passed", output.relative <= kVerifyTolerance}});
    report["verification"] = llvm::json::Object{{"tolerance", kVerifyTolerance},
                                                {"seeds", static_cast<int64_t>(kVerifySeeds)},
                                                {"outputs", std::move(outputs)}};
  }
  if (isTuned())
    report["tuning"] = describeTuning(tuned);
  return writeReport(report, options.report, [&] { return emitError(location); });
}

LogicalResult secateur::compile(const CompileOptions &options, MLIRContext &context,
                                const PhaseListener &listener) {
  return Compilation(options, context, listener).run();
}
