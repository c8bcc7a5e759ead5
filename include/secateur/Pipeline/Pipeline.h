//===- Pipeline.h - From a model file to an artefact ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The only place that sees all stages. compile-model, the Python package and
// whoever links Secateur call `compile`; options are plain data.

#ifndef SECATEUR_PIPELINE_PIPELINE_H
#define SECATEUR_PIPELINE_PIPELINE_H

#include "secateur/Pruning/Apply.h"
#include "secateur/Pruning/Plan.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/LogicalResult.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace secateur {

/// What is written.
enum class Artifact { Library, Object, LLVM, MLIR, ONNX };

/// How exact arithmetic has to be. Strict: outputs within 1e-4 of ONNX Runtime,
/// relative to the largest output. Fast: within 1e-3 (Winograd and the like).
enum class MathMode { Strict, Fast };

struct CompileOptions {
  std::string input;
  /// Empty with `dryRun`, `explain` and `saveGroups`.
  std::string output;
  Artifact artifact = Artifact::Library;
  /// Dimensions by the name of an input, -1 leaving one dynamic. `shapes`
  /// specialise, `nominalShapes` are only counted with.
  pruning::NominalShapes shapes, nominalShapes;
  std::vector<pruning::Budget> budgets;
  bool bestEffort = false;
  pruning::NormStatistics normStatistics = pruning::NormStatistics::Dense;
  /// Globs over names of tensors and nodes whose dimensions stay as they are.
  std::vector<std::string> keep;
  /// Inputs and outputs of the graph whose dimensions may shrink.
  std::vector<std::string> allowInterface;
  /// Any channel can leave a channel shuffle, which becomes a Gather.
  bool gatherShuffles = false;
  bool dryRun = false;
  /// Names of tensors: which groups own their dimensions, or why they stay, is
  /// printed, and nothing else is done.
  std::vector<std::string> explain;
  bool verify = false;
  /// Where all groups and pins are written, as JSON, and nothing else is done.
  std::string saveGroups;
  /// Paths; empty where none is wanted. A report ends in .json or .html.
  std::string report, plan, savePlan;
  std::optional<int64_t> opset;
  std::optional<MathMode> math;
  /// x86-64-v2/v3/v4, a CPU's name, or "native".
  std::string march = "native";
  unsigned optimizationLevel = 2;
  /// Where measured kernels are kept, as JSON; empty where none are measured.
  std::string tune;
  /// Threads that compile, and on which kernels are measured; 0: as many as there are cores.
  unsigned threads = 0;
  /// "address" or "thread": checks in compiled code, for those who work on the compiler.
  std::string sanitize;
  /// Folder of the cache; empty for none. `cacheText` says all that the output depends
  /// on beside the files `input` and `plan`; nothing but the output may be asked for.
  std::string cache, cacheText;
  /// Size to which the folder may grow.
  uint64_t cacheBytes = uint64_t(4) << 30;
};

/// Told of each phase as it begins and ends; `index` and `count` from 1.
struct PhaseListener {
  std::function<void(unsigned index, unsigned count, llvm::StringRef name)> begin;
  std::function<void(double seconds)> end;
  /// Within a phase: piece `done`, from 1, of `count`.
  std::function<void(unsigned done, unsigned count)> progress;
  /// Text for people on standard output: tables of --dry-run, the verification.
  std::function<void(llvm::StringRef text)> print;
};

/// Compiles as the options say. Errors go to the diagnostics of `context`, into
/// which the dialects must have been registered (`registerAllDialects`).
/// The output is written whole or not at all.
llvm::LogicalResult compile(const CompileOptions &options, mlir::MLIRContext &context,
                            const PhaseListener &listener = {});

/// The artefact that a path's suffix stands for (.so .o .ll .mlir .onnx).
std::optional<Artifact> artifactFromPath(llvm::StringRef path);

} // namespace secateur

#endif // SECATEUR_PIPELINE_PIPELINE_H
