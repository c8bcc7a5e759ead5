//===- FuseEpilogues.cpp - Elementwise consumers into kernels ---------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A linalg.generic that works element by element on the result of a kern op, and is
// its only user, becomes the rest of that op's epilogue. It saves a pass over memory.
// Only what kernels can do on vectors of columns is moved: scalar operations that map
// over elements, operands that are not transposed, captured constants.
//===----------------------------------------------------------------------===//

#include "dialects/Kern/IR/KernOps.h"
#include "secateur/CodeGen/Kernels/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace secateur::codegen {
#define GEN_PASS_DEF_KERNFUSEEPILOGUES
#include "secateur/CodeGen/Kernels/Passes.h.inc"
} // namespace secateur::codegen

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

/// Bytes have a place in memory; bits do not.
static bool hasBytes(Type type) {
  return type.isSignlessIntOrFloat() && type.getIntOrFloatBitWidth() >= 8 &&
         type.getIntOrFloatBitWidth() <= 64;
}

/// A map that names dimensions in their order, or zeros.
static bool isInOrder(AffineMap map) {
  if (!map.isProjectedPermutation(/*allowZeroInResults=*/true))
    return false;
  int64_t last = -1;
  for (AffineExpr expr : map.getResults())
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
      if (static_cast<int64_t>(dim.getPosition()) < last)
        return false;
      last = dim.getPosition();
    }
  return true;
}

static bool isElementwise(linalg::GenericOp generic) {
  if (generic.getNumDpsInits() != 1 || generic.getNumReductionLoops() != 0 ||
      !generic.hasPureTensorSemantics())
    return false;
  OpOperand *init = generic.getDpsInitOperand(0);
  if (!generic.getMatchingIndexingMap(init).isIdentity() ||
      generic.payloadUsesValueFromOperand(init))
    return false;
  return hasBytes(getElementTypeOrSelf(init->get()));
}

/// Whether a kernel can run the body on vectors.
static bool hasVectorBody(linalg::GenericOp generic) {
  Block *body = generic.getBody();
  for (Operation &op : *body) {
    bool isKnown = isa<arith::ConstantOp, linalg::YieldOp>(op) ||
                   (op.getNumRegions() == 0 && isMemoryEffectFree(&op) &&
                    OpTrait::hasElementwiseMappableTraits(&op));
    if (!isKnown)
      return false;
    for (Value operand : op.getOperands())
      if (operand.getParentBlock() != body && !matchPattern(operand, m_Constant()))
        return false;
  }
  return true;
}

/// The kern op whose result `operand` is, if the generic may move into it.
static kern::EpilogueOpInterface producerOf(linalg::GenericOp generic, OpOperand &operand) {
  auto producer = operand.get().getDefiningOp<kern::EpilogueOpInterface>();
  if (!producer || cast<RankedTensorType>(operand.get().getType()).getShape() !=
                       cast<RankedTensorType>(generic.getResultTypes()[0]).getShape())
    return nullptr;
  for (OpOperand &use : operand.get().getUses())
    if (use.getOwner() != generic || !generic.getMatchingIndexingMap(&use).isIdentity())
      return nullptr;
  for (OpOperand *other : generic.getDpsInputOperands()) {
    if (other->get() == operand.get())
      continue;
    if (!isa<RankedTensorType>(other->get().getType()) ||
        !isInOrder(generic.getMatchingIndexingMap(other)) ||
        !hasBytes(getElementTypeOrSelf(other->get())))
      return nullptr;
  }
  return producer;
}

/// Makes the epilogue of `fused` from that of `producer` and the generic's body.
static void buildEpilogue(RewriterBase &rewriter, kern::EpilogueOpInterface producer,
                          linalg::GenericOp generic, ArrayRef<OpOperand *> others, Region &region) {
  Location loc = generic.getLoc();
  Block *block = rewriter.createBlock(&region);
  IRMapping mapping;
  // The producer's arguments first, then those of the generic's other operands.
  block->addArgument(producer.getAccumulatorType(), producer.getLoc());
  for (OpOperand &operand : producer.getEpilogueOperandsMutable())
    block->addArgument(getElementTypeOrSelf(operand.get()), producer.getLoc());
  Value stored = block->getArgument(0);
  if (!producer.getEpilogue().empty()) {
    Block &old = producer.getEpilogue().front();
    mapping.map(old.getArguments(), block->getArguments());
    for (Operation &op : old.without_terminator())
      rewriter.clone(op, mapping);
    stored = mapping.lookupOrDefault(cast<kern::YieldOp>(old.getTerminator()).getValue());
  }
  for (OpOperand *input : generic.getDpsInputOperands()) {
    Value argument = stored;
    if (llvm::is_contained(others, input))
      argument = block->addArgument(getElementTypeOrSelf(input->get()), loc);
    mapping.map(generic.getMatchingBlockArgument(input), argument);
  }
  for (Operation &op : generic.getBody()->without_terminator())
    rewriter.clone(op, mapping);
  Value result = mapping.lookupOrDefault(generic.getBody()->getTerminator()->getOperand(0));
  kern::YieldOp::create(rewriter, loc, result);
}

namespace {

/// %c = kern.contract ..., %y = linalg.generic(%c, %bias) -> kern.contract ... epilogue(%bias)
struct FuseIntoEpilogue : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(linalg::GenericOp generic,
                                PatternRewriter &rewriter) const override {
    if (!isElementwise(generic))
      return rewriter.notifyMatchFailure(generic, "not elementwise");
    if (!hasVectorBody(generic))
      return rewriter.notifyMatchFailure(generic, "its body has no form on vectors");
    kern::EpilogueOpInterface producer;
    for (OpOperand *input : generic.getDpsInputOperands())
      if ((producer = producerOf(generic, *input)))
        break;
    if (!producer)
      return rewriter.notifyMatchFailure(generic, "reads no kernel's result that it may take over");
    fuse(producer, generic, rewriter);
    return success();
  }

  static void fuse(kern::EpilogueOpInterface producer, linalg::GenericOp generic,
                   PatternRewriter &rewriter) {
    Value produced = producer->getResult(0);
    SmallVector<OpOperand *> others;
    SmallVector<Attribute> maps(producer.getEpilogueMaps().getValue());
    for (OpOperand *input : generic.getDpsInputOperands())
      if (input->get() != produced) {
        others.push_back(input);
        maps.push_back(AffineMapAttr::get(generic.getMatchingIndexingMap(input)));
      }
    // Operands: inputs, epilogue operands, init.
    SmallVector<Value> operands(producer->getOperands().drop_back());
    for (OpOperand *other : others)
      operands.push_back(other->get());
    operands.push_back(generic.getDpsInits()[0]);
    OperationState state(rewriter.getFusedLoc({producer.getLoc(), generic.getLoc()}),
                         producer->getName(), operands, generic.getResultTypes(),
                         llvm::to_vector(producer->getDiscardableAttrs()));
    state.propertiesAttr = producer->getPropertiesAsAttribute();
    state.addRegion();
    Operation *fused = rewriter.create(state);
    cast<kern::EpilogueOpInterface>(fused).setEpilogueMapsAttr(rewriter.getArrayAttr(maps));
    {
      OpBuilder::InsertionGuard guard(rewriter);
      buildEpilogue(rewriter, producer, generic, others, fused->getRegion(0));
    }
    rewriter.replaceOp(generic, fused);
    rewriter.eraseOp(producer);
  }
};

struct KernFuseEpilogues : secateur::codegen::impl::KernFuseEpiloguesBase<KernFuseEpilogues> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseIntoEpilogue>(&getContext());
    // Constants stay where they are: folding is the canonicalizer's.
    GreedyRewriteConfig config;
    config.enableFolding(false);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns), config))) {
      getOperation()->emitError("kern-fuse-epilogues did not come to an end");
      signalPassFailure();
    }
  }
};

} // namespace
