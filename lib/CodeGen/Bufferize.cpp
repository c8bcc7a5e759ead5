//===- Bufferize.cpp - Tensors to memrefs, in place where possible ----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/CodeGen/Passes.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotModuleBufferize.h"
#include "mlir/Dialect/Bufferization/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace secateur::codegen {
#define GEN_PASS_DEF_CODEGENBUFFERIZE
#include "secateur/CodeGen/Passes.h.inc"
} // namespace secateur::codegen

using namespace mlir;
using namespace secateur::codegen;

/// tensor.pad, tensor.generate, tensor.from_elements and tensor.concat as
/// operations with a destination.
static LogicalResult useDestinations(ModuleOp module) {
  RewritePatternSet patterns(module.getContext());
  linalg::populateConvertToDestinationStylePatterns(patterns);
  tensor::populateDecomposeTensorConcatPatterns(patterns);
  return applyPatternsGreedily(module, std::move(patterns));
}

/// Fills a tensor anew for each operation that overwrites it: a shared one would
/// have to be copied, and its place among the outputs would belong to two values.
static void separateFills(ModuleOp module) {
  SmallVector<linalg::FillOp> fills;
  module.walk([&](linalg::FillOp fill) { fills.push_back(fill); });
  for (linalg::FillOp fill : fills) {
    if (fill->getNumResults() != 1)
      continue;
    SmallVector<OpOperand *> overwritten;
    for (OpOperand &use : fill->getUses())
      if (auto user = dyn_cast<DestinationStyleOpInterface>(use.getOwner());
          user && user.isDpsInit(&use))
        overwritten.push_back(&use);
    if (fill->hasOneUse())
      continue;
    for (OpOperand *use : overwritten) {
      OpBuilder builder(use->getOwner());
      use->set(builder.clone(*fill)->getResult(0));
    }
  }
}

/// Gives each use an empty tensor of its own: a shared one would tie the lives of
/// unrelated values together.
static void separateEmpties(ModuleOp module) {
  // A loop may take one under another type.
  SmallVector<tensor::CastOp> casts;
  module.walk([&](tensor::CastOp cast) {
    if (cast.getSource().getDefiningOp<tensor::EmptyOp>())
      casts.push_back(cast);
  });
  for (tensor::CastOp cast : casts) {
    SmallVector<OpOperand *> uses;
    for (OpOperand &use : cast->getUses())
      uses.push_back(&use);
    for (OpOperand *use : ArrayRef(uses).drop_front(uses.empty() ? 0 : 1)) {
      OpBuilder builder(use->getOwner());
      use->set(builder.clone(*cast)->getResult(0));
    }
  }
  SmallVector<tensor::EmptyOp> empties;
  module.walk([&](tensor::EmptyOp empty) { empties.push_back(empty); });
  for (tensor::EmptyOp empty : empties) {
    SmallVector<OpOperand *> uses;
    for (OpOperand &use : empty->getUses())
      if (!isa<tensor::DimOp>(use.getOwner()))
        uses.push_back(&use);
    for (OpOperand *use : ArrayRef(uses).drop_front(uses.empty() ? 0 : 1)) {
      OpBuilder builder(use->getOwner());
      use->set(builder.clone(*empty)->getResult(0));
    }
  }
}

/// An elementwise operation may overwrite an input that has its type and no
/// other use: outs(%empty) becomes outs(%input). One-shot analysis still
/// allocates where something else needs the input.
static void reuseInputs(linalg::GenericOp op) {
  if (op.getNumParallelLoops() != op.getNumLoops() || op.getNumDpsInits() != 1)
    return;
  OpOperand *init = op.getDpsInitOperand(0);
  if (!init->get().getDefiningOp<tensor::EmptyOp>() || op.payloadUsesValueFromOperand(init))
    return;
  AffineMap map = op.getMatchingIndexingMap(init);
  for (OpOperand *input : op.getDpsInputOperands()) {
    if (input->get().getType() != init->get().getType() ||
        op.getMatchingIndexingMap(input) != map || !map.isIdentity() || !input->get().hasOneUse() ||
        !input->get().getDefiningOp())
      continue;
    init->set(input->get());
    return;
  }
}

namespace {

struct CodegenBufferizePass : secateur::codegen::impl::CodegenBufferizeBase<CodegenBufferizePass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (failed(useDestinations(module))) {
      module.emitError("operations without destination do not simplify");
      return signalPassFailure();
    }
    separateFills(module);
    separateEmpties(module);
    IRRewriter rewriter(module.getContext());
    if (failed(bufferization::eliminateEmptyTensors(rewriter, module))) {
      module.emitError("empty tensors cannot be eliminated");
      return signalPassFailure();
    }
    module.walk(reuseInputs);

    bufferization::OneShotBufferizationOptions options;
    options.bufferizeFunctionBoundaries = true;
    options.allowReturnAllocsFromLoops = true;
    options.setFunctionBoundaryTypeConversion(bufferization::LayoutMapOption::IdentityLayoutMap);
    options.unknownTypeConverterFn = [](TensorType type, Attribute memorySpace,
                                        const bufferization::BufferizationOptions &) {
      return bufferization::getMemRefTypeWithStaticIdentityLayout(type, memorySpace);
    };
    options.memCpyFn = [](OpBuilder &builder, Location loc, Value from, Value to) {
      linalg::CopyOp::create(builder, loc, from, to);
      return success();
    };
    bufferization::BufferizationState state;
    if (failed(bufferization::runOneShotModuleBufferize(module, options, state)))
      return signalPassFailure();
    bufferization::removeBufferizationAttributesInModule(module);
  }
};

} // namespace
