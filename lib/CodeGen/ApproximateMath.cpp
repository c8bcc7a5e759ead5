//===- ApproximateMath.cpp - Functions on f32 as polynomials ----------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/CodeGen/Passes.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace secateur::codegen {
#define GEN_PASS_DEF_CODEGENAPPROXIMATEMATH
#include "secateur/CodeGen/Passes.h.inc"
} // namespace secateur::codegen

using namespace mlir;
using namespace secateur::codegen;

namespace {

/// maximumf(x, constant) -> constant > x ? constant : x, and so for the minimum.
/// That is one instruction, which also passes a NaN in x on.
template <typename OpTy, arith::CmpFPredicate predicate>
struct ClampByConstant : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    Value bound = op.getRhs(), other = op.getLhs();
    APFloat number(0.0f);
    auto isNumber = [&](Value value) {
      return matchPattern(value, m_ConstantFloat(&number)) && !number.isNaN();
    };
    if (!isNumber(bound))
      std::swap(bound, other);
    if (!isNumber(bound))
      return rewriter.notifyMatchFailure(op, "neither operand is a constant");
    Value beyond = arith::CmpFOp::create(rewriter, op.getLoc(), predicate, bound, other);
    rewriter.replaceOpWithNewOp<arith::SelectOp>(op, beyond, bound, other);
    return success();
  }
};

struct CodegenApproximateMathPass
    : secateur::codegen::impl::CodegenApproximateMathBase<CodegenApproximateMathPass> {
  void runOnOperation() override {
    // Those that are within a few units in the last place; the rest stays with
    // libm, lane by lane.
    auto accurate = [](StringRef name) {
      return llvm::is_contained({"math.exp", "math.expm1", "math.log", "math.log1p", "math.log2",
                                 "math.tanh", "math.erf", "math.erfc", "math.sin", "math.cos",
                                 "math.asin", "math.acos"},
                                name);
    };
    auto all = [](StringRef) { return true; };
    RewritePatternSet patterns(&getContext());
    patterns.add<ClampByConstant<arith::MaximumFOp, arith::CmpFPredicate::OGT>,
                 ClampByConstant<arith::MinimumFOp, arith::CmpFPredicate::OLT>>(&getContext());
    math::populateExpansionPatterns(patterns, {"powf", "exp2f", "roundf", "rsqrt", "ctlz"});
    populateMathF32ExpansionPatterns(patterns, all);
    populateMathPolynomialApproximationPatterns(patterns, accurate);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns)))) {
      getOperation()->emitError("approximation of functions does not come to an end");
      signalPassFailure();
    }
  }
};

} // namespace
