//===- LowerToLLVM.cpp - The rest of the way to the LLVM dialect ------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/CodeGen/CodeGen.h"
#include "secateur/CodeGen/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"

#include "RuntimeCalls.h"
#include "VectorBody.h"

namespace secateur::codegen {
#define GEN_PASS_DEF_CODEGENLOWERTOLLVM
#include "secateur/CodeGen/Passes.h.inc"
} // namespace secateur::codegen

using namespace mlir;
using namespace secateur::codegen;

/// The function that the runtime calls: loads the task's arguments.
static LLVM::LLVMFuncOp buildTaskEntry(LLVM::LLVMFuncOp task, LLVM::LLVMStructType arguments) {
  MLIRContext *context = task.getContext();
  OpBuilder builder(task);
  Location loc = task.getLoc();
  Type pointer = LLVM::LLVMPointerType::get(context), i64 = builder.getI64Type();
  auto entry = LLVM::LLVMFuncOp::create(
      builder, loc, (task.getSymName() + "_entry").str(),
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), {pointer, i64, i64}),
      LLVM::Linkage::Internal);
  Block *block = entry.addEntryBlock(builder);
  builder.setInsertionPointToStart(block);
  SmallVector<Value> operands{block->getArgument(1), block->getArgument(2)};
  for (auto [index, type] : llvm::enumerate(arguments.getBody())) {
    Value place = LLVM::GEPOp::create(builder, loc, pointer, arguments, block->getArgument(0),
                                      ArrayRef<LLVM::GEPArg>{0, static_cast<int32_t>(index)});
    operands.push_back(LLVM::LoadOp::create(builder, loc, type, place));
  }
  LLVM::CallOp::create(builder, loc, task, operands);
  LLVM::ReturnOp::create(builder, loc, ValueRange{});
  return entry;
}

/// launch(context, count, grain, captures...) { store captures; parallel_for }
static void buildLauncher(ModuleOp module, LLVM::LLVMFuncOp launcher) {
  auto name = launcher->getAttrOfType<FlatSymbolRefAttr>("secateur.task");
  auto task = module.lookupSymbol<LLVM::LLVMFuncOp>(name.getAttr());
  task.setLinkage(LLVM::Linkage::Internal);
  MLIRContext *context = module.getContext();
  OpBuilder builder(context);
  Location loc = launcher.getLoc();
  Type pointer = LLVM::LLVMPointerType::get(context), i64 = builder.getI64Type();
  Block *block = launcher.addEntryBlock(builder);
  builder.setInsertionPointToStart(block);
  auto arguments = block->getArguments();
  SmallVector<Type> types;
  for (BlockArgument argument : arguments.drop_front(3))
    types.push_back(argument.getType());
  auto structType = LLVM::LLVMStructType::getLiteral(context, types);
  LLVM::LLVMFuncOp entry = buildTaskEntry(task, structType);

  Value one = LLVM::ConstantOp::create(builder, loc, i64, builder.getI64IntegerAttr(1));
  Value memory = LLVM::AllocaOp::create(builder, loc, pointer, structType, one);
  for (auto [index, argument] : llvm::enumerate(arguments.drop_front(3))) {
    Value place = LLVM::GEPOp::create(builder, loc, pointer, structType, memory,
                                      ArrayRef<LLVM::GEPArg>{0, static_cast<int32_t>(index)});
    LLVM::StoreOp::create(builder, loc, argument, place);
  }
  LLVM::LLVMFuncOp parallelFor =
      runtimeFunction(module, "secateur_parallel_for", LLVM::LLVMVoidType::get(context),
                      {pointer, pointer, pointer, i64, i64});
  Value address = LLVM::AddressOfOp::create(builder, loc, entry);
  LLVM::CallOp::create(builder, loc, parallelFor,
                       ValueRange{arguments[0], address, memory, arguments[1], arguments[2]});
  LLVM::ReturnOp::create(builder, loc, ValueRange{});
  launcher.setLinkage(LLVM::Linkage::Internal);
  // Its stack would otherwise add up in `run`.
  launcher.setNoInline(true);
  launcher->removeAttr("secateur.task");
}

/// memref.expand_shape -> memref.reinterpret_cast with the sizes that it states.
/// (MLIR's own expansion takes no more than one dynamic size in a group.)
static void lowerExpandShape(memref::ExpandShapeOp expand) {
  OpBuilder builder(expand);
  Location loc = expand.getLoc();
  auto type = cast<MemRefType>(expand.getType());
  auto [staticStrides, staticOffset] = type.getStridesAndOffset();
  auto metadata = memref::ExtractStridedMetadataOp::create(builder, loc, expand.getSrc());
  SmallVector<OpFoldResult> sizes = expand.getMixedOutputShape();
  SmallVector<OpFoldResult> strides(type.getRank());
  for (auto [axis, group] : llvm::enumerate(expand.getReassociationIndices())) {
    OpFoldResult stride = metadata.getStrides()[axis];
    for (int64_t inner : llvm::reverse(group)) {
      if (!ShapedType::isDynamic(staticStrides[inner]))
        stride = builder.getIndexAttr(staticStrides[inner]);
      strides[inner] = stride;
      stride = mulIndex(builder, loc, stride, sizes[inner]);
      // The cast has to say of each stride whether it is static, as the type does.
      if (ShapedType::isDynamic(staticStrides[inner]))
        strides[inner] = getValueOrCreateConstantIndexOp(builder, loc, strides[inner]);
    }
  }
  OpFoldResult offset = ShapedType::isDynamic(staticOffset) ? OpFoldResult(metadata.getOffset())
                                                            : builder.getIndexAttr(staticOffset);
  Value cast = memref::ReinterpretCastOp::create(builder, loc, type, metadata.getBaseBuffer(),
                                                 offset, sizes, strides);
  expand.replaceAllUsesWith(cast);
  expand.erase();
}

namespace {

struct CodegenLowerToLLVMPass
    : secateur::codegen::impl::CodegenLowerToLLVMBase<CodegenLowerToLLVMPass> {
  void getDependentDialects(DialectRegistry &registry) const override {
    OpPassManager manager("builtin.module");
    build(manager);
    manager.getDependentDialects(registry);
  }

  static void build(OpPassManager &manager) {
    // In parallel over functions, as far as passes add nothing to the module.
    OpPassManager &early = manager.nest<func::FuncOp>();
    early.addPass(createSCFToControlFlowPass());
    early.addPass(memref::createExpandStridedMetadataPass());
    early.addPass(createLowerAffinePass());
    early.addPass(createCSEPass());
    early.addPass(createConvertMathToLLVMPass());
    // Also takes vectors of functions apart, before vectors are LLVM's.
    manager.addPass(createConvertMathToLibmPass());
    OpPassManager &late = manager.nest<func::FuncOp>();
    late.addPass(createConvertVectorToLLVMPass());
    late.addPass(createConvertIndexToLLVMPass());
    late.addPass(createArithToLLVMConversionPass());
    manager.addPass(createFinalizeMemRefToLLVMConversionPass());
    manager.addPass(createConvertFuncToLLVMPass());
    manager.addPass(createConvertControlFlowToLLVMPass());
    manager.addPass(createUBToLLVMConversionPass());
    manager.addPass(createReconcileUnrealizedCastsPass());
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<memref::ExpandShapeOp> expands;
    module.walk([&](memref::ExpandShapeOp expand) { expands.push_back(expand); });
    for (memref::ExpandShapeOp expand : expands)
      if (cast<MemRefType>(expand.getSrc().getType()).getRank() != 0)
        lowerExpandShape(expand);
    OpPassManager manager("builtin.module");
    build(manager);
    if (failed(runPipeline(manager, module)))
      return signalPassFailure();
    for (auto function : llvm::make_early_inc_range(module.getOps<LLVM::LLVMFuncOp>())) {
      if (function->hasAttr("secateur.task"))
        buildLauncher(module, function);
      else if (!function.isExternal())
        function.setLinkage(LLVM::Linkage::Internal);
    }
  }
};

} // namespace
