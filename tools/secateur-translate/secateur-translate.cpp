//===- secateur-translate.cpp - ONNX files to nn and back -------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// `--import-onnx` reads an ONNX file, otherwise MLIR is read; `--export-onnx`
// writes an ONNX file, otherwise MLIR is written. With both, a model goes through
// nn and comes out again.

#include "secateur/Export/Export.h"
#include "secateur/Import/Import.h"
#include "secateur/Support/Files.h"

#include "dialects/NN/IR/NNDialect.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"

using namespace mlir;
namespace cl = llvm::cl;

static FailureOr<OwningOpRef<ModuleOp>> readModule(StringRef path, bool isOnnx,
                                                   MLIRContext *context) {
  if (isOnnx)
    return secateur::importOnnx(path, context);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(path, context);
  if (!module)
    return failure();
  return module;
}

static LogicalResult writeModule(ModuleOp module, StringRef path, bool bytecode) {
  auto emitError = [&]() { return mlir::emitError(UnknownLoc::get(module.getContext())); };
  OpPrintingFlags flags;
  flags.enableDebugInfo().elideLargeResourceString(path == "-" ? 0 : UINT64_MAX);
  if (path == "-") {
    module.print(llvm::outs(), flags);
    return success();
  }
  FailureOr<secateur::OutputFile> file = secateur::OutputFile::open(path, emitError);
  if (failed(file))
    return failure();
  if (!bytecode)
    module.print(file->os(), flags);
  else if (failed(writeBytecodeToFile(module, file->os())))
    return failure();
  return file->commit(emitError);
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::OptionCategory category("secateur-translate");
  cl::opt<std::string> input(cl::Positional, cl::Required, cl::desc("INPUT"), cl::cat(category));
  cl::opt<std::string> output("o", cl::desc("Where to write; - is the terminal"), cl::init("-"),
                              cl::cat(category));
  cl::opt<bool> importOnnx("import-onnx", cl::desc("INPUT is an ONNX model"), cl::cat(category));
  cl::opt<bool> exportOnnx("export-onnx", cl::desc("Write an ONNX model"), cl::cat(category));
  cl::opt<int64_t> opset("opset", cl::desc("Opset to write, instead of the lowest that will do"),
                         cl::cat(category));
  cl::opt<int64_t> externalData(
      "external-data-threshold", cl::desc("Bytes of weights above which they go to OUTPUT.data"),
      cl::init(secateur::ExportOptions().externalDataThreshold), cl::cat(category));
  cl::opt<bool> bytecode("emit-bytecode", cl::desc("Write MLIR as bytecode"), cl::cat(category));
  cl::opt<bool> verbose("v", cl::desc("Print remarks, too"), cl::cat(category));
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, "ONNX models to MLIR and back\n");

  // Models and no more: a small tool that starts fast.
  DialectRegistry registry;
  registry.insert<secateur::nn::NNDialect, func::FuncDialect>();
  MLIRContext context(registry);
  secateur::DiagnosticPrinter printer(&context, llvm::errs(), verbose);
  if (exportOnnx && output == "-") {
    llvm::errs() << "error: --export-onnx needs -o FILE\n";
    return 1;
  }
  FailureOr<OwningOpRef<ModuleOp>> module = readModule(input, importOnnx, &context);
  if (failed(module))
    return 1;
  if (exportOnnx) {
    secateur::ExportOptions options;
    if (opset.getNumOccurrences())
      options.opset = opset;
    options.externalDataThreshold = externalData;
    return failed(secateur::exportOnnx(**module, output, options));
  }
  return failed(writeModule(**module, output, bytecode));
}
