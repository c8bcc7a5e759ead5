//===- secateur-codegen.cpp - MLIR files to libraries -----------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// For developers and tests: runs the code generator alone on a module whose
// @main works on tensors, and links the result. The kind follows from the
// output's suffix: .so, .o or .ll.
//===----------------------------------------------------------------------===//

#include "secateur/CodeGen/CodeGen.h"
#include "secateur/CodeGen/Link.h"
#include "secateur/InitAll.h"

#include "mlir/IR/AsmState.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
using namespace secateur;

static llvm::cl::opt<std::string> inputFile(llvm::cl::Positional, llvm::cl::Required,
                                            llvm::cl::desc("<input .mlir>"));
static llvm::cl::opt<std::string> outputFile("o", llvm::cl::Required, llvm::cl::desc("Output"));
static llvm::cl::opt<std::string> march("cpu", llvm::cl::desc("CPU; this machine's by default"));
static llvm::cl::opt<unsigned> optLevel("opt-level", llvm::cl::init(3),
                                        llvm::cl::desc("LLVM's optimisation level, 0 to 3"));

static llvm::cl::opt<std::string> sanitizer("sanitize",
                                            llvm::cl::desc("Checks in the code: address, thread"));

static LogicalResult run(MLIRContext &context) {
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(inputFile, &context);
  if (!module)
    return failure();
  codegen::CodeGenOptions options;
  options.cpu = march;
  options.optLevel = optLevel;
  options.sanitizer = sanitizer;
  // A copy: lld resets all options of the process.
  std::string name = outputFile;
  StringRef output = name;
  if (output.ends_with(".ll")) {
    FailureOr<codegen::CompiledObject> text = codegen::compileToLLVMText(*module, options);
    if (failed(text))
      return failure();
    std::string error;
    auto file = openOutputFile(output, &error);
    if (!file)
      return emitError(module->getLoc()) << error;
    file->os() << text->objects.front();
    file->keep();
    return success();
  }
  FailureOr<codegen::CompiledObject> compiled = codegen::compileToObject(*module, options);
  if (failed(compiled))
    return failure();
  codegen::LinkOptions link;
  link.allowUndefined = !sanitizer.empty();
  link.kind =
      output.ends_with(".o") ? codegen::ArtifactKind::Object : codegen::ArtifactKind::SharedLibrary;
  return success(
      succeeded(codegen::linkModel(compiled->objects, compiled->weights, compiled->weightBytes,
                                   output, link, module->getLoc())));
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  registerMLIRContextCLOptions();
  registerPassManagerCLOptions();
  registerDefaultTimingManagerCLOptions();
  llvm::cl::ParseCommandLineOptions(argc, argv, "Code generator alone\n");
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry);
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler diagnostics(sources, &context);
  return failed(run(context)) ? 1 : 0;
}
