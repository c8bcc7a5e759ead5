//===- Emit.cpp - The LLVM dialect to object code ---------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// LLVM ends the process on what it cannot do; here such an end becomes an error
// of the module.
//===----------------------------------------------------------------------===//

#include "TargetMachines.h"

#include "secateur/CodeGen/Passes.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/IPO/MergeFunctions.h"

using namespace mlir;
using namespace secateur::codegen;

static void optimize(llvm::Module &module, llvm::TargetMachine &machine, unsigned optLevel) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager callGraph;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  // Loops are vectorised and unrolled already where that pays.
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.MergeFunctions = true;
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);
  llvm::OptimizationLevel level = optLevel == 0   ? llvm::OptimizationLevel::O0
                                  : optLevel == 1 ? llvm::OptimizationLevel::O1
                                  : optLevel == 2 ? llvm::OptimizationLevel::O2
                                                  : llvm::OptimizationLevel::O3;
  llvm::ModulePassManager passes = optLevel == 0 ? builder.buildO0DefaultPipeline(level)
                                                 : builder.buildPerModuleDefaultPipeline(level);
  passes.run(module, modules);
}

static std::string emitObject(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile))
    llvm::report_fatal_error("the target cannot emit object files");
  passes.run(module);
  return std::string(bytes.begin(), bytes.end());
}

static std::string printText(llvm::Module &module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream, nullptr);
  return text;
}

/// Runs `work`; LLVM's fatal errors and crashes become an error at `location`.
static LogicalResult runSafely(Location location, llvm::function_ref<void()> work) {
  std::string message;
  llvm::ScopedFatalErrorHandler handler(
      [](void *data, const char *reason, bool) {
        *static_cast<std::string *>(data) = reason;
        if (auto *recovery = llvm::CrashRecoveryContext::GetCurrent())
          recovery->HandleExit(1);
      },
      &message);
  llvm::CrashRecoveryContext::Enable();
  llvm::CrashRecoveryContext recovery;
  bool done = recovery.RunSafely(work);
  llvm::CrashRecoveryContext::Disable();
  if (done && message.empty())
    return success();
  emitError(location) << "LLVM could not generate code: "
                      << (message.empty() ? "it crashed" : message);
  return failure();
}

static void collectWeights(ModuleOp module, CompiledObject &result) {
  auto entries = module->getAttrOfType<ArrayAttr>("secateur.weights");
  for (auto entry : entries.getAsRange<DictionaryAttr>()) {
    PackedWeight weight =
        PackedWeight::get(entry.getAs<DictionaryAttr>("source"),
                          static_cast<uint64_t>(entry.getAs<IntegerAttr>("offset").getInt()),
                          entry.getAs<StringAttr>("name").getValue());
    result.weights.push_back(weight);
  }
  result.weightBytes = module->getAttrOfType<IntegerAttr>("secateur.weight_bytes").getInt();
}

static FailureOr<CompiledObject> compile(ModuleOp module, const CodeGenOptions &options,
                                         bool asText) {
  FailureOr<TargetInfo> target = lookUpTarget(options.cpu, module.getLoc());
  if (failed(target))
    return failure();
  PassManager manager(module.getContext());
  buildCodeGenPipeline(manager, *target);
  if (failed(manager.run(module)))
    return failure();
  if (!module->hasAttr("secateur.weights")) {
    module.emitError("there is no function @main to generate code for");
    return failure();
  }
  CompiledObject result;
  collectWeights(module, result);

  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> llvmModule = translateModuleToLLVMIR(module, context, "model");
  if (!llvmModule)
    return failure();
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(*target, options.optLevel);
  llvmModule->setDataLayout(machine->createDataLayout());
  llvmModule->setTargetTriple(machine->getTargetTriple());
  addDescriptor(*llvmModule, module, *target, options);
  LogicalResult done = runSafely(module.getLoc(), [&] {
    optimize(*llvmModule, *machine, options.optLevel);
    result.object = asText ? printText(*llvmModule) : emitObject(*llvmModule, *machine);
  });
  if (failed(done))
    return failure();
  return result;
}

FailureOr<CompiledObject> secateur::codegen::compileToObject(ModuleOp module,
                                                             const CodeGenOptions &options) {
  return compile(module, options, /*asText=*/false);
}

FailureOr<CompiledObject> secateur::codegen::compileToLLVMText(ModuleOp module,
                                                               const CodeGenOptions &options) {
  return compile(module, options, /*asText=*/true);
}
