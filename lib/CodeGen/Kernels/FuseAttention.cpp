//===- FuseAttention.cpp - Makes kern.attention of its parts ----------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// What reads like attention to people may come in many forms; here it is two
// contractions with a softmax between them, however they came about. Everything else
// (which dimensions are heads, who shares keys) is in the maps.
//===----------------------------------------------------------------------===//

#include "secateur/CodeGen/Kernels/Passes.h"

#include "dialects/Kern/IR/KernOps.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace secateur::codegen {
#define GEN_PASS_DEF_KERNFUSEATTENTION
#include "secateur/CodeGen/Kernels/Passes.h.inc"
} // namespace secateur::codegen

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

/// For each result of `map`, the dimension that it names.
static SmallVector<unsigned> dimsOf(AffineMap map) {
  return llvm::map_to_vector(
      map.getResults(), [](AffineExpr expr) { return cast<AffineDimExpr>(expr).getPosition(); });
}

/// `map` with its dimensions renamed; failure where one has no new name.
static FailureOr<AffineMap> rename(AffineMap map, const DenseMap<unsigned, unsigned> &names,
                                   unsigned count) {
  SmallVector<AffineExpr> results;
  for (unsigned dim : dimsOf(map)) {
    auto name = names.find(dim);
    if (name == names.end())
      return failure();
    results.push_back(getAffineDimExpr(name->second, map.getContext()));
  }
  return AffineMap::get(count, 0, results, map.getContext());
}

/// If `generic` only moves elements to other places, the map from its operand's
/// positions to those of its result.
static std::optional<AffineMap> transposition(linalg::GenericOp generic) {
  if (!generic || generic.getNumDpsInputs() != 1 || generic.getNumDpsInits() != 1 ||
      !generic.hasPureTensorSemantics() || generic.getNumReductionLoops() != 0 ||
      !llvm::hasSingleElement(*generic.getBody()) ||
      generic.getBody()->getTerminator()->getOperand(0) != generic.getBody()->getArgument(0))
    return std::nullopt;
  AffineMap from = generic.getIndexingMapsArray()[0], to = generic.getIndexingMapsArray()[1];
  if (!from.isPermutation() || !to.isPermutation())
    return std::nullopt;
  return to.compose(inversePermutation(from));
}

/// The maps of kern.attention for two contractions, or nothing where the dimensions
/// do not play these roles.
static std::optional<SmallVector<AffineMap>> matchMaps(kern::ContractOp scores,
                                                       kern::ContractOp product) {
  SmallVector<unsigned> inFirst = dimsOf(scores.getInitMap()),
                        inSecond = dimsOf(product.getLhsMap());
  unsigned rank = inFirst.size(), dims = rank + 2;
  if (rank < 2 || scores.getInitMap().getNumDims() != rank + 1 ||
      product.getInitMap().getNumDims() != rank + 1)
    return std::nullopt;
  DenseMap<unsigned, unsigned> first, second;
  for (unsigned dim = 0; dim < rank; ++dim) {
    first[inFirst[dim]] = dim;
    second[inSecond[dim]] = dim;
  }
  // The one dimension that the scores lack.
  for (unsigned dim = 0; dim <= rank; ++dim) {
    first.try_emplace(dim, rank);
    second.try_emplace(dim, rank + 1);
  }
  auto query = rename(scores.getLhsMap(), first, dims),
       key = rename(scores.getRhsMap(), first, dims),
       value = rename(product.getRhsMap(), second, dims),
       init = rename(product.getInitMap(), second, dims);
  if (failed(query) || failed(key) || failed(value) || failed(init))
    return std::nullopt;
  unsigned m = rank - 2, n = rank - 1, d = rank, e = rank + 1;
  if (!query->isFunctionOfDim(m) || query->isFunctionOfDim(n) || !query->isFunctionOfDim(d) ||
      key->isFunctionOfDim(m) || !key->isFunctionOfDim(n) || !key->isFunctionOfDim(d) ||
      value->isFunctionOfDim(m) || !value->isFunctionOfDim(n) || !value->isFunctionOfDim(e) ||
      !init->isFunctionOfDim(m) || init->isFunctionOfDim(n) || init->getNumResults() != rank ||
      dimsOf(*init).back() != e)
    return std::nullopt;
  if (scores.getPacked() && (key->getNumResults() < 2 || dimsOf(*key).back() != n ||
                             dimsOf(*key)[key->getNumResults() - 2] != d))
    return std::nullopt;
  return SmallVector<AffineMap>{*query, *key, *value, *init};
}

static bool isF32(Value value) { return getElementTypeOrSelf(value).isF32(); }

namespace {

/// contract(softmax(contract(q, k)), v) -> attention(q, k, v)
struct FuseProducts : OpRewritePattern<kern::ContractOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(kern::ContractOp product,
                                PatternRewriter &rewriter) const override {
    auto softmax = product.getLhs().getDefiningOp<kern::SoftmaxOp>();
    auto scores = softmax ? softmax.getInput().getDefiningOp<kern::ContractOp>() : nullptr;
    if (!scores || softmax.getLog() || !softmax->hasOneUse() || !scores->hasOneUse())
      return rewriter.notifyMatchFailure(product, "not a product with a softmax of a product");
    if (!product.getEpilogue().empty() ||
        !llvm::all_of(ValueRange{product.getLhs(), product.getRhs(), product.getInit(),
                                 scores.getLhs(), scores.getRhs()},
                      isF32) ||
        !cast<kern::EpilogueOpInterface>(scores.getOperation()).getAccumulatorType().isF32())
      return rewriter.notifyMatchFailure(product, "other types than f32, or an epilogue");
    std::optional<SmallVector<AffineMap>> maps = matchMaps(scores, product);
    if (!maps)
      return rewriter.notifyMatchFailure(product, "the dimensions are not those of attention");
    Value value = product.getRhs();
    if (product.getPacked()) {
      auto pack = value.getDefiningOp<kern::PackOp>();
      if (!pack)
        return rewriter.notifyMatchFailure(product, "packed values that are not packed here");
      // The kernel reads values row by row: what was packed will do.
      value = pack.getInput();
      if (auto permutation = pack.getPermutation())
        (*maps)[2] =
            inversePermutation(AffineMap::getPermutationMap(*permutation, rewriter.getContext()))
                .compose((*maps)[2]);
    }
    auto fused = kern::AttentionOp::create(
        rewriter, rewriter.getFusedLoc({scores.getLoc(), softmax.getLoc(), product.getLoc()}),
        product->getResultTypes(), rewriter.getAffineMapArrayAttr(*maps), scores.getLhs(),
        scores.getRhs(), value, scores.getPacked(), scores.getEpilogueOperands(), product.getInit(),
        scores.getEpilogueMaps(), softmax.getZeroEmpty());
    if (!scores.getEpilogue().empty())
      rewriter.inlineRegionBefore(scores.getEpilogue(), fused.getScoreRegion(),
                                  fused.getScoreRegion().end());
    rewriter.replaceOp(product, fused);
    rewriter.eraseOp(softmax);
    rewriter.eraseOp(scores);
    return success();
  }
};

/// Queries and values that are transposed before, and a result that is transposed
/// afterwards: the kernel reads and writes them where they are.
struct AbsorbTranspositions : OpRewritePattern<kern::AttentionOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(kern::AttentionOp op, PatternRewriter &rewriter) const override {
    bool changed = absorbOperand(op, 0, op.getQueryMutable(), rewriter);
    changed |= absorbOperand(op, 2, op.getValueMutable(), rewriter);
    auto reader = op->hasOneUse() ? dyn_cast<linalg::GenericOp>(*op->user_begin()) : nullptr;
    std::optional<AffineMap> moved = transposition(reader);
    unsigned last = op.getMap(3).getNumResults() - 1;
    if (moved && moved->getDimPosition(last) == last) {
      rewriter.setInsertionPoint(reader);
      auto fused = cast<kern::AttentionOp>(rewriter.clone(*op));
      fused->getResult(0).setType(cast<RankedTensorType>(reader->getResult(0).getType()));
      fused.getInitMutable().assign(reader.getDpsInits()[0]);
      setMap(fused, 3, moved->compose(op.getMap(3)));
      rewriter.replaceOp(reader, fused);
      rewriter.eraseOp(op);
      return success();
    }
    return changed ? success() : rewriter.notifyMatchFailure(op, "nothing is transposed around it");
  }

  static void setMap(kern::AttentionOp op, unsigned index, AffineMap map) {
    SmallVector<Attribute> maps(op.getIndexingMaps().getValue());
    maps[index] = AffineMapAttr::get(map);
    op.setIndexingMapsAttr(ArrayAttr::get(op.getContext(), maps));
  }

  /// The last dimension stays: vectors run along it.
  static bool absorbOperand(kern::AttentionOp op, unsigned index, OpOperand &operand,
                            PatternRewriter &rewriter) {
    auto generic = operand.get().getDefiningOp<linalg::GenericOp>();
    std::optional<AffineMap> moved = transposition(generic);
    AffineMap map = op.getMap(index);
    unsigned last = map.getNumResults() - 1;
    if (!moved || moved->getDimPosition(last) != last)
      return false;
    rewriter.modifyOpInPlace(op, [&] {
      operand.set(generic.getDpsInputs()[0]);
      setMap(op, index, inversePermutation(*moved).compose(map));
    });
    return true;
  }
};

struct KernFuseAttention : secateur::codegen::impl::KernFuseAttentionBase<KernFuseAttention> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseProducts, AbsorbTranspositions>(&getContext());
    GreedyRewriteConfig config;
    config.enableFolding(false);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns), config))) {
      getOperation()->emitError("kern-fuse-attention did not come to an end");
      signalPassFailure();
    }
  }
};

} // namespace
