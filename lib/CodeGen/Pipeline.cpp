//===- Pipeline.cpp - The passes of the code generator in order -------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/CodeGen/CodeGen.h"
#include "secateur/CodeGen/Kernels/Passes.h"
#include "secateur/CodeGen/Kernels/Tunable.h"
#include "secateur/CodeGen/Passes.h"

#include "dialects/Kern/IR/KernOps.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/FuncBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Linalg/Transforms/AllInterfaces.h"
#include "mlir/Dialect/MemRef/IR/MemRefMemorySlot.h"
#include "mlir/Dialect/MemRef/Transforms/AllocationOpInterfaceImpl.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/IR/TensorInferTypeOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/SubsetInsertionOpInterfaceImpl.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"

using namespace mlir;
using namespace secateur::codegen;

void secateur::codegen::registerCodeGenDialects(DialectRegistry &registry) {
  registry.insert<affine::AffineDialect, bufferization::BufferizationDialect,
                  cf::ControlFlowDialect, LLVM::LLVMDialect, kern::KernDialect>();
  arith::registerBufferizableOpInterfaceExternalModels(registry);
  bufferization::func_ext::registerBufferizableOpInterfaceExternalModels(registry);
  linalg::registerAllDialectInterfaceImplementations(registry);
  memref::registerAllocationOpInterfaceExternalModels(registry);
  scf::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerInferTypeOpInterfaceExternalModels(registry);
  tensor::registerSubsetOpInterfaceExternalModels(registry);
  kern::registerBufferizableModels(registry);
  registerTunableModels(registry);
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

/// Functions are independent of one another, so that passes on them run in parallel.
static void addCleanUp(OpPassManager &manager) {
  OpPassManager &functions = manager.nestAny();
  functions.addPass(createCanonicalizerPass());
  functions.addPass(createCSEPass());
}

void secateur::codegen::buildFusionPipeline(OpPassManager &manager) {
  addCleanUp(manager);
  manager.addPass(createCodegenFuseLinalg());
  addCleanUp(manager);
  manager.addNestedPass<func::FuncOp>(createKernFuseEpilogues());
  manager.addNestedPass<func::FuncOp>(createKernFuseAttention());
}

void secateur::codegen::buildCodeGenPipeline(OpPassManager &manager, const TargetInfo &target) {
  auto cleanUp = [&] { addCleanUp(manager); };
  // On tensors.
  buildFusionPipeline(manager);
  manager.addPass(createCodegenPrepareEntry());
  manager.addPass(createCodegenBufferize());
  // On memrefs.
  manager.addPass(memref::createResolveShapedTypeResultDimsPass());
  cleanUp();
  manager.addNestedPass<func::FuncOp>(createCodegenElideCopies());
  cleanUp();
  // While operations still say what they read and write.
  manager.addPass(createCodegenBuildEntry());
  manager.addNestedPass<func::FuncOp>(
      createCodegenLowerLinalg(CodegenLowerLinalgOptions{target.vectorBits}));
  manager.addPass(createKernLower(KernLowerOptions{"", target.vectorBits}));
  manager.addPass(createCSEPass());
  // No canonicalization here: it would write sizes into the types of what tasks
  // capture, and tasks that differ in sizes alone would no longer be one.
  manager.addPass(createCodegenOutlineTasks());
  cleanUp();
  manager.addPass(createCodegenApproximateMath());
  cleanUp();
  manager.addPass(createCodegenLowerToLLVM());
  cleanUp();
}

namespace {

struct PipelineOptions : PassPipelineOptions<PipelineOptions> {
  Option<unsigned> vectorBits{*this, "vector-bits",
                              llvm::cl::desc("Width of a vector register in bits"),
                              llvm::cl::init(512)};
};

} // namespace

void secateur::codegen::registerCodeGenPipelines() {
  // The passes of MLIR that the pipeline has, to run it step by step.
  memref::registerMemRefPasses();
  PassPipelineRegistration<PipelineOptions>(
      "secateur-codegen-pipeline",
      "Lower tensors to the LLVM dialect, with the functions that "
      "the runtime calls",
      [](OpPassManager &manager, const PipelineOptions &options) {
        TargetInfo target;
        target.vectorBits = options.vectorBits;
        buildCodeGenPipeline(manager, target);
      });
}
