//===- compile-model.cpp - From model.onnx to a native library --------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/InitAll.h"
#include "secateur/Pipeline/Pipeline.h"
#include "secateur/Support/CrashGuard.h"
#include "secateur/Support/Diagnostics.h"

#include "llvm/Option/ArgList.h"
#include "llvm/Option/OptTable.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/StringSaver.h"
#include "llvm/Support/TargetSelect.h"

#include <cstdlib>

using namespace llvm;
using namespace secateur;

namespace {

enum OptionId {
  OPT_INVALID = 0,
#define OPTION(...) LLVM_MAKE_OPT_ID(__VA_ARGS__),
#include "Options.inc"
#undef OPTION
};

#define OPTTABLE_STR_TABLE_CODE
#include "Options.inc"
#undef OPTTABLE_STR_TABLE_CODE

#define OPTTABLE_PREFIXES_TABLE_CODE
#include "Options.inc"
#undef OPTTABLE_PREFIXES_TABLE_CODE

using llvm::opt::DefaultVis;

constexpr opt::OptTable::Info optionInfos[] = {
#define OPTION(...) LLVM_CONSTRUCT_OPT_INFO(__VA_ARGS__),
#include "Options.inc"
#undef OPTION
};

class Options : public opt::GenericOptTable {
public:
  Options() : opt::GenericOptTable(OptionStrTable, OptionPrefixesTable, optionInfos) {}
};

} // namespace

static const char *const usage = "compile-model MODEL.onnx -o OUT [options]";
static const char *const overview =
    R"(Compiles an ONNX model to a small fast native library, pruned if asked for.

  compile-model model.onnx -o model.so
  compile-model model.onnx -o small.so --budget flops=50% --verify --report small.html
  compile-model model.onnx -o model.so --tune host.json
  compile-model model.onnx -o small.onnx --budget params=50% --save-plan plan.json
  compile-model model.onnx --dry-run --budget flops=50%
  compile-model model.onnx --explain conv1.weight

Run the library with run-model, from C (secateur.h) or from Python.)";

static int fail(const Twine &message) {
  errs() << "error: " << message << "\n";
  return 1;
}

/// The one line for a defect of ours, after which the process has to end: removes
/// the files that are being written.
static int failInternally(StringRef reason) {
  sys::RunInterruptHandlers();
  errs() << "error: internal error: " << reason
         << "; this is a defect of Secateur " SECATEUR_VERSION
            ": please report it with the model and the command line\n";
  return 1;
}

/// "name=1x3x224x224" onto `shapes`; a message where it is not of that form.
static std::optional<std::string> parseShape(StringRef text, pruning::NominalShapes &shapes) {
  auto [name, dims] = text.rsplit('=');
  std::string wrong = ("'" + text + "' is not of the form NAME=1x3x224x224").str();
  if (name.empty() || name.size() == text.size())
    return wrong;
  SmallVector<int64_t> shape;
  SmallVector<StringRef> parts;
  if (!dims.empty())
    dims.split(parts, 'x');
  for (StringRef part : parts) {
    int64_t extent;
    if (part != "?" && (part.getAsInteger(10, extent) || extent < 1))
      return wrong + ": a dimension is 1 or more, or ?";
    shape.push_back(part == "?" ? -1 : extent);
  }
  shapes.emplace_back(name.str(), std::move(shape));
  return std::nullopt;
}

static std::optional<Artifact> artifactFromName(StringRef name) {
  return StringSwitch<std::optional<Artifact>>(name)
      .Case("lib", Artifact::Library)
      .Case("object", Artifact::Object)
      .Case("llvm", Artifact::LLVM)
      .Case("mlir", Artifact::MLIR)
      .Case("onnx", Artifact::ONNX)
      .Default(std::nullopt);
}

static std::optional<MathMode> mathFromName(StringRef name) {
  return StringSwitch<std::optional<MathMode>>(name)
      .Case("strict", MathMode::Strict)
      .Case("fast", MathMode::Fast)
      .Default(std::nullopt);
}

static Error wrong(const Twine &message) { return createStringError(message.str()); }

/// A whole number in [low, high] behind an option, or `otherwise` without it.
static Expected<int64_t> readNumber(const opt::InputArgList &arguments, OptionId id, int64_t low,
                                    int64_t high, int64_t otherwise) {
  const opt::Arg *argument = arguments.getLastArg(id);
  if (!argument)
    return otherwise;
  int64_t number;
  if (StringRef(argument->getValue()).getAsInteger(10, number) || number < low || number > high)
    return wrong(Twine(argument->getSpelling()) + argument->getValue() +
                 ": expected a number from " + Twine(low) + " to " + Twine(high));
  return number;
}

/// What is written, and where.
static Error readArtifact(const opt::InputArgList &arguments, CompileOptions &options) {
  if (options.output.empty() && !options.dryRun && options.explain.empty() &&
      options.saveGroups.empty())
    return wrong("where to? give -o OUT (or --dry-run to only see what would be cut)");
  if (const opt::Arg *emit = arguments.getLastArg(OPT_emit)) {
    std::optional<Artifact> artifact = artifactFromName(emit->getValue());
    if (!artifact)
      return wrong(Twine("--emit ") + emit->getValue() +
                   ": expected lib, object, llvm, mlir or onnx");
    options.artifact = *artifact;
  } else if (!options.output.empty()) {
    std::optional<Artifact> artifact = artifactFromPath(options.output);
    if (!artifact)
      return wrong("'" + Twine(options.output) +
                   "': the suffix does not tell the kind of artefact; use .so .o .ll .mlir .onnx "
                   "or give --emit");
    options.artifact = *artifact;
  }
  return Error::success();
}

/// What is cut, and what is written about it.
static Error readPruning(const opt::InputArgList &arguments, CompileOptions &options) {
  for (const std::string &text : arguments.getAllArgValues(OPT_budget)) {
    std::string message;
    std::optional<pruning::Budget> budget = pruning::parseBudget(text, message);
    if (!budget)
      return wrong("--budget " + Twine(text) + ": " + message);
    options.budgets.push_back(*budget);
  }
  if (const opt::Arg *statistics = arguments.getLastArg(OPT_norm_statistics)) {
    options.normStatistics = StringSwitch<pruning::NormStatistics>(statistics->getValue())
                                 .Case("kept", pruning::NormStatistics::Kept)
                                 .Default(pruning::NormStatistics::Dense);
    if (!is_contained({"dense", "kept"}, StringRef(statistics->getValue())))
      return wrong(Twine("--norm-statistics ") + statistics->getValue() +
                   ": expected dense or kept");
  }
  options.bestEffort = arguments.hasArg(OPT_best_effort);
  options.keep = arguments.getAllArgValues(OPT_keep);
  options.verify = arguments.hasArg(OPT_verify);
  options.report = arguments.getLastArgValue(OPT_report);
  options.savePlan = arguments.getLastArgValue(OPT_save_plan);
  options.plan = arguments.getLastArgValue(OPT_plan);
  if (!options.plan.empty() && !options.budgets.empty())
    return wrong("--plan replays what was decided; it does not go with --budget");
  StringRef report = options.report;
  if (!report.empty() && !report.ends_with(".json") && !report.ends_with(".html"))
    return wrong("--report " + report + ": expected a path that ends in .json or .html");
  return Error::success();
}

/// All that a compilation depends on beside its files; "" where it does more than to
/// write a library or an object, or where that is not known of an option.
static std::string describeForCache(const opt::InputArgList &arguments,
                                    const CompileOptions &options) {
  if (options.artifact != Artifact::Library && options.artifact != Artifact::Object)
    return "";
  std::string text;
  for (const opt::Arg *argument : arguments)
    switch (argument->getOption().getID()) {
    case OPT_INPUT:
    case OPT_output:
    case OPT_threads:
    case OPT_tune: // What is in the file counts.
    case OPT_verbose:
      break;
    case OPT_best_effort:
    case OPT_budget:
    case OPT_emit:
    case OPT_gather_shuffles:
    case OPT_keep:
    case OPT_march:
    case OPT_math:
    case OPT_nominal_shape:
    case OPT_optimization:
    case OPT_plan:
    case OPT_shape:
      text += argument->getAsString(arguments) + '\n';
      break;
    default:
      return "";
    }
  return text + "end";
}

/// Where compiled models are kept; "" for nowhere.
static std::string cacheFolder(const opt::InputArgList &arguments) {
  if (arguments.hasArg(OPT_no_cache))
    return "";
  if (std::optional<std::string> folder = sys::Process::GetEnv("SECATEUR_CACHE"))
    return *folder == "off" ? "" : *folder;
  SmallString<256> path;
  if (!sys::path::cache_directory(path))
    return "";
  sys::path::append(path, "secateur");
  return path.str().str();
}

/// The options of the command line, or what is wrong with them.
static Expected<CompileOptions> readOptions(const opt::InputArgList &arguments) {
  CompileOptions options;
  std::vector<std::string> inputs = arguments.getAllArgValues(OPT_INPUT);
  if (inputs.size() != 1)
    return wrong(inputs.empty() ? Twine("which model? usage: ") + usage + " (--help for more)"
                                : "one model at a time, not '" + Twine(inputs[0]) + "' and '" +
                                      inputs[1] + "'");
  options.input = inputs.front();
  options.output = arguments.getLastArgValue(OPT_output);
  options.dryRun = arguments.hasArg(OPT_dry_run);
  options.explain = arguments.getAllArgValues(OPT_explain);
  options.saveGroups = arguments.getLastArgValue(OPT_save_groups);
  options.allowInterface = arguments.getAllArgValues(OPT_allow_interface);
  options.gatherShuffles = arguments.hasArg(OPT_gather_shuffles);
  if (Error error = readArtifact(arguments, options))
    return error;
  for (auto [id, shapes] : {std::pair(OPT_shape, &options.shapes),
                            std::pair(OPT_nominal_shape, &options.nominalShapes)})
    for (const std::string &text : arguments.getAllArgValues(id))
      if (auto message = parseShape(text, *shapes))
        return wrong(*message);
  if (Error error = readPruning(arguments, options))
    return error;
  if (const opt::Arg *math = arguments.getLastArg(OPT_math)) {
    options.math = mathFromName(math->getValue());
    if (!options.math)
      return wrong(Twine("--math ") + math->getValue() + ": expected strict or fast");
  }
  options.march = arguments.getLastArgValue(OPT_march, "native");
  options.tune = arguments.getLastArgValue(OPT_tune);
  Expected<int64_t> level = readNumber(arguments, OPT_optimization, 0, 3, 2);
  Expected<int64_t> threads =
      level ? readNumber(arguments, OPT_threads, 1, 1024, 0) : level.takeError();
  Expected<int64_t> opset =
      threads ? readNumber(arguments, OPT_opset, 1, 1000, 0) : threads.takeError();
  if (!opset)
    return opset.takeError();
  if (const opt::Arg *sanitize = arguments.getLastArg(OPT_sanitize)) {
    options.sanitize = sanitize->getValue();
    if (options.sanitize != "address" && options.sanitize != "thread")
      return wrong("--sanitize " + options.sanitize + ": expected address or thread");
  }
  options.cacheText = describeForCache(arguments, options);
  if (!options.cacheText.empty())
    options.cache = cacheFolder(arguments);
  options.optimizationLevel = *level;
  options.threads = *threads;
  if (*opset)
    options.opset = *opset;
  return options;
}

/// Phase lines on standard error: "[2/6] Pruning ... 0.8 s".
static PhaseListener makeListener(bool verbose) {
  PhaseListener listener;
  listener.print = [](StringRef text) {
    outs() << text;
    outs().flush();
  };
  if (!verbose && !sys::Process::StandardErrIsDisplayed())
    return listener;
  auto line = std::make_shared<std::string>();
  listener.begin = [line](unsigned index, unsigned count, StringRef name) {
    *line = formatv("[{0}/{1}] {2} ... ", index, count, name);
    errs() << *line;
  };
  if (sys::Process::StandardErrIsDisplayed())
    listener.progress = [line](unsigned done, unsigned count) {
      errs() << '\r' << *line << done << '/' << count << ' ';
    };
  listener.end = [](double seconds) { errs() << formatv("{0:f1} s\n", seconds); };
  return listener;
}

int main(int argc, char **argv) {
  InitLLVM initialise(argc, argv);

  Options table;
  BumpPtrAllocator allocator;
  StringSaver saver(allocator);
  std::string unknown;
  opt::InputArgList arguments = table.parseArgs(argc, argv, OPT_UNKNOWN, saver,
                                                [&](StringRef message) { unknown = message; });
  if (!unknown.empty())
    return fail(unknown + " (--help for more)");
  if (arguments.hasArg(OPT_help)) {
    table.printHelp(outs(), usage, overview);
    return 0;
  }
  if (arguments.hasArg(OPT_version)) {
    outs() << "compile-model (Secateur) " SECATEUR_VERSION ", LLVM " LLVM_VERSION_STRING "\n";
    return 0;
  }
  Expected<CompileOptions> options = readOptions(arguments);
  if (!options)
    return fail(toString(options.takeError()));

  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  GuardedThreadPool threads(options->threads,
                            [](const std::string &reason) { std::_Exit(failInternally(reason)); });
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.setThreadPool(threads);
  DiagnosticPrinter printer(&context, errs());
  bool succeeded = false;
  std::optional<std::string> crash = runGuarded([&] {
    succeeded =
        mlir::succeeded(compile(*options, context, makeListener(arguments.hasArg(OPT_verbose))));
  });
  if (crash) // What the compiler was working on cannot be taken down safely.
    std::_Exit(failInternally(*crash));
  if (succeeded)
    return 0;
  if (printer.getNumErrors() == 0)
    return fail("failed without a message; this is a defect of Secateur");
  return 1;
}
