//===- Simplify.cpp - Remove operations that do nothing ---------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Transform/Passes.h"

namespace secateur::transform {
#define GEN_PASS_DEF_NNSIMPLIFY
#include "secateur/Transform/Passes.h.inc"
} // namespace secateur::transform

using namespace mlir;
using namespace secateur;
using namespace secateur::nn;

namespace {

/// identity(x) -> x, and likewise for what is an identity by its types.
template <typename Op>
struct ForwardOperand : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (op->getNumOperands() != 1 || op->getNumResults() != 1)
      return rewriter.notifyMatchFailure(op, "more than one operand or result");
    if (op->getOperand(0).getType() != op->getResult(0).getType())
      return rewriter.notifyMatchFailure(op, "changes the type");
    rewriter.replaceOp(op, op->getOperand(0));
    return success();
  }
};

/// dropout(x) -> x where it does not train and the mask is not read.
struct RemoveDropout : OpRewritePattern<DropoutOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DropoutOp op, PatternRewriter &rewriter) const override {
    if (op.getTrainingMode() && !matchPattern(op.getTrainingMode(), m_Zero()))
      return rewriter.notifyMatchFailure(op, "may train");
    if (op.getMask() && !op.getMask().use_empty())
      return rewriter.notifyMatchFailure(op, "its mask is read");
    SmallVector<Value> results(op->getNumResults(), op.getData());
    rewriter.replaceAllUsesWith(op->getResult(0), op.getData());
    rewriter.eraseOp(op);
    return success();
  }
};

static SmallVector<int64_t> permutationOf(TransposeOp op) {
  if (op.getPerm())
    return SmallVector<int64_t>(*op.getPerm());
  SmallVector<int64_t> reversed;
  if (auto type = dyn_cast<RankedTensorType>(op.getData().getType()))
    for (int64_t axis = type.getRank() - 1; axis >= 0; --axis)
      reversed.push_back(axis);
  return reversed;
}

/// transpose(transpose(x)) -> transpose(x) or x.
struct MergeTransposes : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getData().getDefiningOp<TransposeOp>();
    SmallVector<int64_t> outerPermutation = permutationOf(op);
    if (!inner) {
      bool identity = !outerPermutation.empty() &&
                      llvm::all_of(llvm::enumerate(outerPermutation), [](auto entry) {
                        return static_cast<int64_t>(entry.index()) == entry.value();
                      });
      if (!identity)
        return rewriter.notifyMatchFailure(op, "no transpose before it");
      rewriter.replaceOp(op, op.getData());
      return success();
    }
    SmallVector<int64_t> innerPermutation = permutationOf(inner), merged;
    if (innerPermutation.size() != outerPermutation.size() || innerPermutation.empty())
      return rewriter.notifyMatchFailure(op, "rank unknown");
    for (int64_t axis : outerPermutation)
      merged.push_back(innerPermutation[axis]);
    rewriter.modifyOpInPlace(op, [&] {
      op.getDataMutable().assign(inner.getData());
      op.setPermAttr(rewriter.getDenseI64ArrayAttr(merged));
    });
    return success();
  }
};

/// reshape(reshape(x)) -> reshape(x), where the outer one's target does not refer to
/// the shape that it is given (a 0 copies a dimension).
struct MergeReshapes : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    Operation *inner = op.getData().getDefiningOp();
    if (!inner || !isa<ReshapeOp, FlattenOp, SqueezeOp, UnsqueezeOp>(inner))
      return rewriter.notifyMatchFailure(op, "no reshape before it");
    DenseElementsAttr target;
    if (!matchPattern(op.getShape(), m_Constant(&target)))
      return rewriter.notifyMatchFailure(op, "target is not constant");
    for (int64_t extent : target.getValues<int64_t>())
      if (extent == 0)
        return rewriter.notifyMatchFailure(op, "target copies a dimension");
    rewriter.modifyOpInPlace(op, [&] { op.getDataMutable().assign(inner->getOperand(0)); });
    return success();
  }
};

struct NNSimplifyPass : transform::impl::NNSimplifyBase<NNSimplifyPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ForwardOperand<IdentityOp>, ForwardOperand<CastOp>, ForwardOperand<SumOp>,
                 ForwardOperand<MeanOp>, ForwardOperand<MaxOp>, ForwardOperand<MinOp>,
                 ForwardOperand<ConcatOp>, RemoveDropout, MergeTransposes, MergeReshapes>(
        &getContext());
    GreedyRewriteConfig config;
    config.enableFolding(false);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns), config)))
      return signalPassFailure();
  }
};

} // namespace
