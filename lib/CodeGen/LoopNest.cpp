//===- LoopNest.cpp - A linalg operation on memrefs as strided loops --------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "LoopNest.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace secateur::codegen;

/// The factor of `dim` in a linear expression; nothing when it is not linear.
static std::optional<int64_t> linearFactor(AffineExpr expr, unsigned dim) {
  if (!expr.isFunctionOfDim(dim))
    return 0;
  if (isa<AffineDimExpr>(expr))
    return 1;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return std::nullopt;
  std::optional<int64_t> left = linearFactor(binary.getLHS(), dim);
  if (!left)
    return std::nullopt;
  if (expr.getKind() == AffineExprKind::Add) {
    std::optional<int64_t> right = linearFactor(binary.getRHS(), dim);
    return right ? std::optional<int64_t>(*left + *right) : std::nullopt;
  }
  if (expr.getKind() == AffineExprKind::Mul)
    if (auto factor = dyn_cast<AffineConstantExpr>(binary.getRHS()))
      return *left * factor.getValue();
  return std::nullopt;
}

bool Access::uses(unsigned dim) const {
  return llvm::any_of(terms,
                      [&](const AccessTerm &term) { return term.expr.isFunctionOfDim(dim); });
}

std::optional<OpFoldResult> Access::strideAlong(OpBuilder &builder, Location loc,
                                                unsigned dim) const {
  OpFoldResult stride = builder.getIndexAttr(0);
  for (const AccessTerm &term : terms) {
    std::optional<int64_t> factor = linearFactor(term.expr, dim);
    if (!factor)
      return std::nullopt;
    OpFoldResult part = mulIndex(builder, loc, term.stride, builder.getIndexAttr(*factor));
    stride = addIndex(builder, loc, stride, part);
  }
  return stride;
}

bool Access::hasStride(OpBuilder &builder, unsigned dim, int64_t value) const {
  int64_t stride = 0;
  for (const AccessTerm &term : terms) {
    std::optional<int64_t> factor = linearFactor(term.expr, dim);
    if (!factor)
      return false;
    if (*factor == 0)
      continue;
    std::optional<int64_t> constant = getConstantIntValue(term.stride);
    if (!constant)
      return false;
    stride += *factor * *constant;
  }
  return stride == value;
}

Value Access::elementAt(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> ivs) const {
  OpFoldResult element = builder.getIndexAttr(0);
  for (const AccessTerm &term : terms) {
    OpFoldResult position;
    if (auto dim = dyn_cast<AffineDimExpr>(term.expr))
      position = ivs[dim.getPosition()];
    else
      position = affine::makeComposedFoldedAffineApply(
          builder, loc, AffineMap::get(ivs.size(), 0, term.expr), ivs);
    element = addIndex(builder, loc, element, mulIndex(builder, loc, position, term.stride));
  }
  return getValueOrCreateConstantIndexOp(builder, loc, element);
}

/// Whether stepping axis `axis` once is stepping `axis + 1` over its whole size.
static bool isContiguousAt(MemRefType type, ArrayRef<int64_t> strides, int64_t axis) {
  if (type.getLayout().isIdentity())
    return true;
  return !ShapedType::isDynamic(strides[axis]) && !ShapedType::isDynamic(strides[axis + 1]) &&
         !type.isDynamicDim(axis + 1) &&
         strides[axis] == strides[axis + 1] * type.getDimSize(axis + 1);
}

LoopNest::LoopNest(OpBuilder &builder, linalg::GenericOp op) : inputCount(op.getNumDpsInputs()) {
  Location loc = op.getLoc();
  for (utils::IteratorType iterator : op.getIteratorTypesArray())
    loops.push_back({{}, iterator == utils::IteratorType::parallel});
  for (auto index : op.getBody()->getOps<linalg::IndexOp>())
    loops[index.getDim()].indexUsed = true;

  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    Access access;
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    if (!type) { // a scalar operand: the body uses it as it is
      accesses.push_back(access);
      continue;
    }
    access.buffer = makeFlatBuffer(builder, loc, operand.get());
    auto [strides, offset] = type.getStridesAndOffset();
    for (auto [axis, expr] : llvm::enumerate(map.getResults())) {
      bool last = axis + 1 == map.getNumResults();
      access.terms.push_back({expr, access.buffer.strides[axis],
                              !last && isContiguousAt(type, strides, axis),
                              type.getDimSize(axis) == 1});
      // The extent of a loop is the size of any axis that it alone indexes;
      // a constant is preferred.
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (!dim)
        continue;
      Loop &loop = loops[dim.getPosition()];
      if (!loop.extent || (!loop.constantExtent() && !type.isDynamicDim(axis)))
        loop.extent = memref::getMixedSize(builder, loc, operand.get(), axis);
    }
    accesses.push_back(std::move(access));
  }
  dropUnitLoops(builder);
  while (mergeOnce(builder, loc))
    ;
}

void LoopNest::dropUnitLoops(OpBuilder &builder) {
  AffineExpr zero = builder.getAffineConstantExpr(0);
  DenseMap<AffineExpr, AffineExpr> replacements;
  for (auto [dim, loop] : llvm::enumerate(loops)) {
    if (loop.constantExtent() != 1)
      continue;
    loop.dropped = true;
    replacements[builder.getAffineDimExpr(dim)] = zero;
  }
  for (Access &access : accesses) {
    SmallVector<AccessTerm> kept;
    for (AccessTerm term : access.terms) {
      term.expr = simplifyAffineExpr(term.expr.replace(replacements), loops.size(), 0);
      if (term.expr == zero) {
        // A unit axis between two others keeps them contiguous; an axis of which
        // only the first element is used does not.
        if (!kept.empty())
          kept.back().contiguousWithNext &= term.contiguousWithNext && term.unitAxis;
        continue;
      }
      kept.push_back(term);
    }
    if (!kept.empty())
      kept.back().contiguousWithNext = false;
    access.terms = std::move(kept);
  }
}

bool LoopNest::canMerge(unsigned outer, unsigned inner) const {
  const Loop &outerLoop = loops[outer], &innerLoop = loops[inner];
  if (outer == inner || !outerLoop.live() || !innerLoop.live() ||
      outerLoop.parallel != innerLoop.parallel || outerLoop.indexUsed || innerLoop.indexUsed)
    return false;
  auto isDim = [](AffineExpr expr, unsigned dim) {
    auto dimExpr = dyn_cast<AffineDimExpr>(expr);
    return dimExpr && dimExpr.getPosition() == dim;
  };
  for (const Access &access : accesses) {
    bool found = false;
    for (unsigned index = 0; index < access.terms.size(); ++index) {
      const AccessTerm &term = access.terms[index];
      if (!term.expr.isFunctionOfDim(outer) && !term.expr.isFunctionOfDim(inner))
        continue;
      if (found || !isDim(term.expr, outer) || !term.contiguousWithNext ||
          !isDim(access.terms[index + 1].expr, inner))
        return false;
      found = true;
      ++index;
    }
  }
  return true;
}

bool LoopNest::mergeOnce(OpBuilder &builder, Location loc) {
  for (unsigned outer = 0; outer < loops.size(); ++outer) {
    for (unsigned inner = 0; inner < loops.size(); ++inner) {
      if (!canMerge(outer, inner))
        continue;
      loops[inner].extent = mulIndex(builder, loc, loops[outer].extent, loops[inner].extent);
      loops[outer].dropped = true;
      for (Access &access : accesses)
        llvm::erase_if(access.terms,
                       [&](const AccessTerm &term) { return term.expr.isFunctionOfDim(outer); });
      return true;
    }
  }
  return false;
}
