//===- Sanitize.cpp - Sanitizers' checks in compiled code -------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Sanitize.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Instrumentation/AddressSanitizer.h"
#include "llvm/Transforms/Instrumentation/ThreadSanitizer.h"

using namespace llvm;

/// Calls __tsan_acquire or __tsan_release on a task's arguments.
static void synchronize(Instruction *before, StringRef what, Value *arguments) {
  IRBuilder<> builder(before);
  FunctionCallee callee = before->getModule()->getOrInsertFunction(
      what, builder.getVoidTy(), PointerType::getUnqual(before->getContext()));
  builder.CreateCall(callee, arguments);
}

static void describeLoops(Module &module) {
  Function *parallelFor = module.getFunction("secateur_parallel_for");
  if (!parallelFor)
    return;
  SmallPtrSet<Function *, 16> tasks;
  for (User *user : parallelFor->users()) {
    auto *call = dyn_cast<CallInst>(user);
    if (!call)
      continue;
    Value *arguments = call->getArgOperand(2);
    synchronize(call, "__tsan_release", arguments);
    synchronize(call->getNextNode(), "__tsan_acquire", arguments);
    if (auto *task = dyn_cast<Function>(call->getArgOperand(1)->stripPointerCasts()))
      tasks.insert(task);
  }
  for (Function *task : tasks) {
    synchronize(&*task->getEntryBlock().getFirstInsertionPt(), "__tsan_acquire", task->getArg(0));
    for (BasicBlock &block : *task)
      if (isa<ReturnInst>(block.getTerminator()))
        synchronize(block.getTerminator(), "__tsan_release", task->getArg(0));
  }
}

void secateur::codegen::requestSanitizer(Module &module, StringRef sanitizer) {
  if (sanitizer.empty())
    return;
  for (Function &function : module)
    if (!function.isDeclaration())
      function.addFnAttr(sanitizer == "address" ? Attribute::SanitizeAddress
                                                : Attribute::SanitizeThread);
  if (sanitizer == "thread")
    describeLoops(module);
}

void secateur::codegen::addSanitizerPasses(ModulePassManager &passes, StringRef sanitizer) {
  if (sanitizer == "address")
    passes.addPass(AddressSanitizerPass(AddressSanitizerOptions()));
  if (sanitizer == "thread") {
    passes.addPass(ModuleThreadSanitizerPass());
    passes.addPass(createModuleToFunctionPassAdaptor(ThreadSanitizerPass()));
  }
}
