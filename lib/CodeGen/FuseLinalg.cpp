//===- FuseLinalg.cpp - Fuses elementwise linalg operations -----------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/CodeGen/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace secateur::codegen {
#define GEN_PASS_DEF_CODEGENFUSELINALG
#include "secateur/CodeGen/Passes.h.inc"
} // namespace secateur::codegen

using namespace mlir;
using namespace secateur::codegen;

/// Whether computing an element costs much more than loading it.
static bool isCostly(linalg::GenericOp op) {
  for (Operation &bodyOp : op.getBody()->without_terminator()) {
    if (isa_and_nonnull<math::MathDialect>(bodyOp.getDialect()) &&
        !isa<math::AbsFOp, math::AbsIOp, math::FmaOp, math::FloorOp, math::CeilOp>(bodyOp))
      return true;
    if (isa<arith::DivFOp, tensor::ExtractOp>(bodyOp))
      return true;
  }
  return false;
}

/// A producer is fused into its only consumer, unless that computes costly
/// elements more than once (a broadcast, or a reduction over more loops).
static bool shouldFuse(OpOperand *operand) {
  auto producer = operand->get().getDefiningOp<linalg::GenericOp>();
  auto consumer = dyn_cast<linalg::GenericOp>(operand->getOwner());
  if (!producer || !consumer || !operand->get().hasOneUse())
    return false;
  if (isCostly(producer) &&
      consumer.getMatchingIndexingMap(operand).getNumResults() < consumer.getNumLoops())
    return false;
  // A body with very many inputs runs out of registers and of prefetch streams.
  return producer.getNumDpsInputs() + consumer.getNumDpsInputs() <= 12;
}

namespace {

/// A named elementwise operation -> linalg.generic. Fills and copies stay:
/// patterns know them by name.
struct GeneralizeElementwise : OpInterfaceRewritePattern<linalg::LinalgOp> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;
  LogicalResult matchAndRewrite(linalg::LinalgOp op, PatternRewriter &rewriter) const override {
    if (isa<linalg::GenericOp, linalg::FillOp, linalg::CopyOp>(op))
      return rewriter.notifyMatchFailure(op, "generic already, or better known by name");
    if (op.getNumParallelLoops() != op.getNumLoops())
      return rewriter.notifyMatchFailure(op, "not elementwise");
    return linalg::generalizeNamedOp(rewriter, op);
  }
};

struct CodegenFuseLinalgPass
    : secateur::codegen::impl::CodegenFuseLinalgBase<CodegenFuseLinalgPass> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    patterns.add<GeneralizeElementwise>(context);
    linalg::populateElementwiseOpsFusionPatterns(patterns, shouldFuse);
    linalg::GenericOp::getCanonicalizationPatterns(patterns, context);
    affine::AffineApplyOp::getCanonicalizationPatterns(patterns, context);
    tensor::EmptyOp::getCanonicalizationPatterns(patterns, context);
    memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns)))) {
      getOperation().emitError("elementwise fusion does not come to an end");
      return signalPassFailure();
    }
  }
};

} // namespace
