//===- Emit.cpp - The LLVM dialect to object code ---------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// LLVM's part of the work is done in parallel: what concerns calls between functions
// on the whole module, the rest on parts of it, each in a context of its own. The
// parts depend on the module alone, so the objects do not depend on the number of
// threads. LLVM ends the process on what it cannot do; here such an end becomes an
// error of the module.
//===----------------------------------------------------------------------===//

#include "Partition.h"
#include "Sanitize.h"
#include "TargetMachines.h"

#include "secateur/CodeGen/Passes.h"
#include "secateur/Support/CrashGuard.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Threading.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/IPO/DeadArgumentElimination.h"
#include "llvm/Transforms/IPO/FunctionAttrs.h"
#include "llvm/Transforms/IPO/MergeFunctions.h"
#include "llvm/Transforms/IPO/SCCP.h"

using namespace mlir;
using namespace secateur::codegen;

static void runPasses(llvm::Module &module, llvm::TargetMachine &machine,
                      llvm::function_ref<llvm::ModulePassManager(llvm::PassBuilder &)> build) {
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
  build(builder).run(module, modules);
}

/// What needs to see all calls of a function: parameters that are always the same
/// constant, and those that nothing reads.
static void optimizeCalls(llvm::Module &module, llvm::TargetMachine &machine) {
  runPasses(module, machine, [](llvm::PassBuilder &) {
    llvm::ModulePassManager passes;
    passes.addPass(llvm::IPSCCPPass());
    passes.addPass(llvm::DeadArgumentEliminationPass());
    passes.addPass(
        llvm::createModuleToPostOrderCGSCCPassAdaptor(llvm::PostOrderFunctionAttrsPass()));
    return passes;
  });
}

static void optimize(llvm::Module &module, llvm::TargetMachine &machine, unsigned optLevel,
                     StringRef sanitizer) {
  runPasses(module, machine, [&](llvm::PassBuilder &builder) {
    builder.registerOptimizerLastEPCallback(
        [&](llvm::ModulePassManager &passes, llvm::OptimizationLevel, llvm::ThinOrFullLTOPhase) {
          addSanitizerPasses(passes, sanitizer);
        });
    llvm::OptimizationLevel level = optLevel == 0   ? llvm::OptimizationLevel::O0
                                    : optLevel == 1 ? llvm::OptimizationLevel::O1
                                    : optLevel == 2 ? llvm::OptimizationLevel::O2
                                                    : llvm::OptimizationLevel::O3;
    return optLevel == 0 ? builder.buildO0DefaultPipeline(level)
                         : builder.buildPerModuleDefaultPipeline(level);
  });
}

/// Without an instruction for it, a fused multiplication and addition is a call of
/// libm, lane by lane; nothing here needs its single rounding.
static void splitFusedMultiplications(llvm::Module &module) {
  for (llvm::Function &function : module)
    for (llvm::Instruction &instruction :
         llvm::make_early_inc_range(llvm::instructions(function))) {
      auto *call = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction);
      if (!call || (call->getIntrinsicID() != llvm::Intrinsic::fma &&
                    call->getIntrinsicID() != llvm::Intrinsic::fmuladd))
        continue;
      llvm::IRBuilder<> builder(call);
      llvm::Value *product = builder.CreateFMul(call->getArgOperand(0), call->getArgOperand(1));
      call->replaceAllUsesWith(builder.CreateFAdd(product, call->getArgOperand(2)));
      call->eraseFromParent();
    }
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
  if (std::optional<std::string> reason = secateur::runGuarded(work))
    return emitError(location) << "LLVM could not generate code: " << *reason;
  return success();
}

/// One object for each part of `module`, which is optimised as a whole before.
static FailureOr<std::vector<std::string>>
emitObjects(llvm::Module &module, llvm::TargetMachine &machine, const TargetInfo &target,
            const CodeGenOptions &options, Location location) {
  unsigned optLevel = options.optLevel;
  std::vector<llvm::SmallVector<char, 0>> parts;
  LogicalResult split = runSafely(location, [&] {
    if (optLevel > 0)
      optimizeCalls(module, machine);
    for (std::unique_ptr<llvm::Module> &part : partition(module)) {
      llvm::raw_svector_ostream stream(parts.emplace_back());
      llvm::WriteBitcodeToFile(*part, stream);
      part.reset();
    }
  });
  if (failed(split))
    return failure();
  std::vector<std::string> objects(parts.size());
  auto emitPart = [&](size_t index) {
    return runSafely(location, [&] {
      llvm::LLVMContext context;
      llvm::MemoryBufferRef bytes({parts[index].data(), parts[index].size()}, "part");
      std::unique_ptr<llvm::Module> part = cantFail(llvm::parseBitcodeFile(bytes, context));
      std::unique_ptr<llvm::TargetMachine> own = createTargetMachine(target, optLevel);
      optimize(*part, *own, optLevel, options.sanitizer);
      objects[index] = emitObject(*part, *own);
    });
  };
  if (failed(failableParallelForEachN(location.getContext(), 0, parts.size(), emitPart)))
    return failure();
  return objects;
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
  if (!machine->getMCSubtargetInfo()->checkFeatures("+fma"))
    splitFusedMultiplications(*llvmModule);
  requestSanitizer(*llvmModule, options.sanitizer);
  if (asText) {
    LogicalResult done = runSafely(module.getLoc(), [&] {
      optimize(*llvmModule, *machine, options.optLevel, options.sanitizer);
      result.objects.push_back(printText(*llvmModule));
    });
    if (failed(done))
      return failure();
    return result;
  }
  FailureOr<std::vector<std::string>> objects =
      emitObjects(*llvmModule, *machine, *target, options, module.getLoc());
  if (failed(objects))
    return failure();
  result.objects = std::move(*objects);
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
