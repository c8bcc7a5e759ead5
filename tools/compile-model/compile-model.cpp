//===- compile-model.cpp - From model.onnx to a native library --------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/InitAll.h"
#include "secateur/Pipeline/Pipeline.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/TargetSelect.h"

using namespace llvm;
using namespace secateur;

static cl::OptionCategory category("Options of compile-model");

static cl::opt<std::string> input(cl::Positional, cl::desc("MODEL.onnx"), cl::cat(category));
static cl::opt<std::string> output("o", cl::desc("Where the artefact goes; its kind follows from the suffix (.so .o .ll .mlir .onnx)"),
                                   cl::value_desc("OUT"), cl::cat(category));
static cl::opt<std::string> emit("emit", cl::desc("Kind of artefact: lib, object, llvm, mlir or onnx"), cl::value_desc("KIND"), cl::cat(category));
static cl::list<std::string> shapes("shape", cl::desc("Specialise an input to a shape, as image=1x3x224x224"), cl::value_desc("NAME=DIMS"), cl::cat(category));
static cl::list<std::string> nominalShapes("nominal-shape", cl::desc("Count FLOPs at this shape; the artefact stays dynamic"), cl::value_desc("NAME=DIMS"), cl::cat(category));
static cl::list<std::string> budgets("budget", cl::desc("Prune until at most this is left: flops=50%, params=50%, params=2000000"), cl::value_desc("KIND=AMOUNT"), cl::cat(category));
static cl::opt<bool> bestEffort("best-effort", cl::desc("Take the nearest that can be had where the budget is out of reach"), cl::cat(category));
static cl::list<std::string> keep("keep", cl::desc("Leave tensors and nodes whose names match this glob as they are"), cl::value_desc("PATTERN"), cl::cat(category));
static cl::opt<bool> dryRun("dry-run", cl::desc("Show what would be cut; write nothing"), cl::cat(category));
static cl::opt<bool> verify("verify", cl::desc("Prove on random input that zeroing and erasing give the same outputs"), cl::cat(category));
static cl::opt<std::string> report("report", cl::desc("Write a report"), cl::value_desc("FILE.json|FILE.html"), cl::cat(category));
static cl::opt<std::string> plan("plan", cl::desc("Replay a saved plan"), cl::value_desc("FILE.json"), cl::cat(category));
static cl::opt<std::string> savePlan("save-plan", cl::desc("Save what was cut, in the numbering of the model's file"), cl::value_desc("FILE.json"), cl::cat(category));
static cl::opt<int64_t> opset("opset", cl::desc("Opset of a written ONNX file; default: the lowest, not below the model's, that expresses it"), cl::value_desc("N"), cl::cat(category));
static cl::opt<std::string> math("math", cl::desc("strict: within 1e-4 of ONNX Runtime (default up to -O2); fast: within 1e-3 (default at -O3)"), cl::value_desc("strict|fast"), cl::cat(category));
static cl::opt<std::string> march("march", cl::desc("CPU to compile for: x86-64-v2, x86-64-v3, x86-64-v4, a CPU's name; default: this machine's"), cl::value_desc("CPU"), cl::init("native"), cl::cat(category));
static cl::opt<unsigned> optimization("O", cl::desc("Optimisation level 0 to 3; default 2"), cl::Prefix, cl::init(2), cl::value_desc("LEVEL"), cl::cat(category));
static cl::opt<unsigned> threads("threads", cl::desc("Threads that compile; default: all cores"), cl::value_desc("N"), cl::init(0), cl::cat(category));
static cl::opt<bool> verbose("v", cl::desc("Print the phases also where standard error is no terminal"), cl::cat(category));

static const char *const overview = R"(Compiles an ONNX model to a small fast native library, pruned if asked for.

  compile-model model.onnx -o model.so
  compile-model model.onnx -o small.so --budget flops=50% --verify --report small.html
  compile-model model.onnx -o small.onnx --budget params=50% --save-plan plan.json
  compile-model model.onnx --dry-run --budget flops=50%

Run the library with run-model, from C (secateur.h) or from Python.
)";

static int fail(const Twine &message) {
  WithColor::error(errs(), "compile-model") << message << "\n";
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

/// The options of the command line, or a message about what is wrong with them.
static Expected<CompileOptions> readOptions() {
  auto wrong = [](const Twine &message) { return createStringError(message.str()); };
  CompileOptions options;
  if (input.empty())
    return wrong("which model? usage: compile-model MODEL.onnx -o OUT (--help for more)");
  options.input = input;
  options.output = output;
  options.dryRun = dryRun;
  if (output.empty() && !dryRun)
    return wrong("where to? give -o OUT (or --dry-run to only see what would be cut)");
  if (!emit.empty()) {
    auto artifact = artifactFromName(emit);
    if (!artifact)
      return wrong("--emit " + Twine(emit) + ": expected lib, object, llvm, mlir or onnx");
    options.artifact = *artifact;
  } else if (!output.empty()) {
    auto artifact = artifactFromPath(output);
    if (!artifact)
      return wrong("'" + Twine(output) + "': the suffix does not tell the kind of artefact; use .so .o .ll .mlir .onnx or give --emit");
    options.artifact = *artifact;
  }
  for (auto &[list, table] : {std::pair(&shapes, &options.shapes), std::pair(&nominalShapes, &options.nominalShapes)})
    for (const std::string &text : *list)
      if (auto message = parseShape(text, *table))
        return wrong(*message);
  for (const std::string &text : budgets) {
    std::string message;
    std::optional<pruning::Budget> budget = pruning::parseBudget(text, message);
    if (!budget)
      return wrong("--budget " + Twine(text) + ": " + message);
    options.budgets.push_back(*budget);
  }
  if (!math.empty()) {
    if (math != "strict" && math != "fast")
      return wrong("--math " + Twine(math) + ": expected strict or fast");
    options.math = math == "strict" ? MathMode::Strict : MathMode::Fast;
  }
  if (optimization > 3)
    return wrong("-O" + Twine(optimization) + ": levels go from 0 to 3");
  if (!plan.empty() && !budgets.empty())
    return wrong("--plan replays what was decided; it does not go with --budget");
  if (!report.empty() && !StringRef(report).ends_with(".json") && !StringRef(report).ends_with(".html"))
    return wrong("--report " + Twine(report) + ": expected a path that ends in .json or .html");
  options.bestEffort = bestEffort;
  options.keep.assign(keep.begin(), keep.end());
  options.verify = verify;
  options.report = report;
  options.plan = plan;
  options.savePlan = savePlan;
  if (opset.getNumOccurrences())
    options.opset = opset;
  options.march = march;
  options.optimizationLevel = optimization;
  options.threads = threads;
  return options;
}

/// Phase lines on standard error: "[2/6] Pruning ... 0.8 s".
static PhaseListener makeListener() {
  PhaseListener listener;
  listener.print = [](StringRef text) { outs() << text; outs().flush(); };
  if (!verbose && !sys::Process::StandardErrIsDisplayed())
    return listener;
  listener.begin = [](unsigned index, unsigned count, StringRef name) {
    errs() << formatv("[{0}/{1}] {2} ... ", index, count, name);
  };
  listener.end = [](double seconds) { errs() << formatv("{0:f1} s\n", seconds); };
  return listener;
}

int main(int argc, char **argv) {
  InitLLVM initialise(argc, argv);
  setBugReportMsg("compile-model crashed. This is a defect of Secateur: please report it with the model.\n");
  cl::SetVersionPrinter([](raw_ostream &os) { os << "compile-model (Secateur) " SECATEUR_VERSION ", LLVM " LLVM_VERSION_STRING "\n"; });
  cl::HideUnrelatedOptions(category);
  if (!cl::ParseCommandLineOptions(argc, argv, overview, &errs()))
    return 1;
  Expected<CompileOptions> options = readOptions();
  if (!options)
    return fail(toString(options.takeError()));

  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry);
  context.printOpOnDiagnostic(false);
  unsigned errors = 0;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    bool isError = diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error;
    errors += isError;
    (isError ? WithColor::error(errs(), "compile-model") : WithColor::warning(errs(), "compile-model"))
        << diagnostic.str() << "\n";
    for (mlir::Diagnostic &note : diagnostic.getNotes())
      errs() << "  " << note.str() << "\n";
    return mlir::success();
  });
  if (mlir::succeeded(compile(*options, context, makeListener())))
    return 0;
  if (errors == 0)
    return fail("failed without a message; this is a defect of Secateur");
  return 1;
}
