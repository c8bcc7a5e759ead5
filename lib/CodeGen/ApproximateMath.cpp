//===- ApproximateMath.cpp - Functions on f32 as polynomials ----------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/CodeGen/Passes.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
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

/// exp on f32, scalar or vector: x = n ln 2 + r with |r| <= ln 2 / 2, and exp(r) by the polynomial
/// of Cephes' expf, in fewer instructions than MLIR's. Adding 1.5 * 2^23 rounds to the nearest
/// integer, which then is in the low bits, and from there goes into the exponent of 2^n: 0 for
/// n = -127. Beyond n = 127, r is larger instead, so that the product overflows where exp does.
/// NaN stays NaN: a bound is taken where it compares as beyond.
struct ExpandExp : OpRewritePattern<math::ExpOp> {
  using OpRewritePattern<math::ExpOp>::OpRewritePattern;
  LogicalResult matchAndRewrite(math::ExpOp op, PatternRewriter &rewriter) const override {
    Type type = op.getType();
    if (!getElementTypeOrSelf(type).isF32())
      return rewriter.notifyMatchFailure(op, "polynomials are for single precision");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Type integers = b.getI32Type();
    if (auto vector = dyn_cast<VectorType>(type))
      integers = vector.clone(integers);
    auto constant = [&](TypedAttr value, Type type) -> Value {
      if (auto vector = dyn_cast<VectorType>(type))
        return arith::ConstantOp::create(
            b, vector, DenseElementsAttr::get(vector, ArrayRef<Attribute>{value}));
      return arith::ConstantOp::create(b, value);
    };
    auto number = [&](double value) { return constant(b.getF32FloatAttr(value), type); };
    auto fma = [&](Value x, Value y, Value z) -> Value { return math::FmaOp::create(b, x, y, z); };
    auto within = [&](arith::CmpFPredicate beyond, double bound, Value x) -> Value {
      Value limit = number(bound);
      return arith::SelectOp::create(b, arith::CmpFOp::create(b, beyond, limit, x), limit, x);
    };
    Value x = within(arith::CmpFPredicate::OGT, -88.0, op.getOperand());
    x = within(arith::CmpFPredicate::OLT, 88.8, x);
    Value magic = number(12582912.0);
    Value rounded = within(arith::CmpFPredicate::OLT, 12582912.0 + 127,
                           fma(x, number(1.44269504088896341), magic));
    Value n = arith::SubFOp::create(b, rounded, magic);
    Value r = fma(n, number(-0.693145751953125), x);
    r = fma(n, number(-1.42860682030941723212e-6), r);
    Value p = number(1.9875691500e-4);
    for (double c :
         {1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1})
      p = fma(p, r, number(c));
    Value power = arith::AddFOp::create(b, fma(arith::MulFOp::create(b, r, r), p, r), number(1.0));
    Value bits = arith::BitcastOp::create(b, integers, rounded);
    Value exponent = arith::ShLIOp::create(b, bits, constant(b.getI32IntegerAttr(23), integers));
    Value scale =
        arith::AddIOp::create(b, exponent, constant(b.getI32IntegerAttr(127 << 23), integers));
    rewriter.replaceOpWithNewOp<arith::MulFOp>(op, power, arith::BitcastOp::create(b, type, scale));
    return success();
  }
};

/// x * (1 / y) -> x / y: a product and a rounding less, as in x * sigmoid(x).
struct DivideAtOnce : OpRewritePattern<arith::MulFOp> {
  using OpRewritePattern<arith::MulFOp>::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::MulFOp op, PatternRewriter &rewriter) const override {
    for (auto [x, reciprocal] :
         {std::pair(op.getLhs(), op.getRhs()), std::pair(op.getRhs(), op.getLhs())}) {
      auto division = reciprocal.getDefiningOp<arith::DivFOp>();
      if (division && division->hasOneUse() && matchPattern(division.getLhs(), m_OneFloat())) {
        rewriter.replaceOpWithNewOp<arith::DivFOp>(op, x, division.getRhs());
        return success();
      }
    }
    return rewriter.notifyMatchFailure(op, "no reciprocal of its own");
  }
};

struct CodegenApproximateMathPass
    : secateur::codegen::impl::CodegenApproximateMathBase<CodegenApproximateMathPass> {
  void runOnOperation() override {
    // Those that are within a few units in the last place; the rest stays with
    // libm, lane by lane.
    auto accurate = [](StringRef name) {
      return llvm::is_contained({"math.expm1", "math.log", "math.log1p", "math.log2", "math.tanh",
                                 "math.erf", "math.erfc", "math.sin", "math.cos", "math.asin",
                                 "math.acos"},
                                name);
    };
    auto all = [](StringRef) { return true; };
    RewritePatternSet patterns(&getContext());
    patterns.add<ClampByConstant<arith::MaximumFOp, arith::CmpFPredicate::OGT>,
                 ClampByConstant<arith::MinimumFOp, arith::CmpFPredicate::OLT>, ExpandExp,
                 DivideAtOnce>(&getContext());
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
