//===- KernAttention.cpp - Checks of kern.attention -------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "dialects/Kern/IR/KernOps.h"

using namespace mlir;
using namespace secateur::kern;

static ShapedType shapeOf(Value value) { return cast<ShapedType>(value.getType()); }

/// An extent that a map's operand gives to `dim`, or dynamic.
static int64_t extentOf(AffineMap map, Value operand, unsigned dim) {
  auto position = map.getResultPosition(getAffineDimExpr(dim, map.getContext()));
  return position ? shapeOf(operand).getDimSize(*position) : ShapedType::kDynamic;
}

SmallVector<int64_t> AttentionOp::getScoreShape() {
  SmallVector<int64_t> shape;
  unsigned rank = getScoreRank();
  for (unsigned dim = 0; dim + 1 < rank; ++dim)
    shape.push_back(extentOf(getMap(3), getInit(), dim));
  shape.push_back(extentOf(getMap(2), getValue(), rank - 1));
  return shape;
}

/// Maps, ranks and extents of the operands.
static LogicalResult verifyOperands(AttentionOp op) {
  Value operands[] = {op.getQuery(), op.getKey(), op.getValue(), op.getInit()};
  if (op.getIndexingMaps().size() != 4)
    return op.emitOpError("expected four indexing maps, got ") << op.getIndexingMaps().size();
  unsigned dims = op.getMap(0).getNumDims();
  if (dims < 4)
    return op.emitOpError("expected at least the dimensions m, n, d and e");
  for (unsigned i = 0; i < 4; ++i) {
    AffineMap map = op.getMap(i);
    if (map.getNumDims() != dims || map.getNumSymbols() || !map.isProjectedPermutation())
      return op.emitOpError("expected indexing map ")
             << i << " to be a projected permutation of " << dims << " dimensions";
    int64_t rank = map.getNumResults() + (i == 1 && op.getPacked() ? 1 : 0);
    if (shapeOf(operands[i]).getRank() != rank)
      return op.emitOpError("expected operand ") << i << " to have rank " << rank;
    if (!shapeOf(operands[i]).getElementType().isF32())
      return op.emitOpError("expected elements of type f32");
  }
  // Which operands have a dimension: 2 for must, 1 for may, 0 for must not.
  auto rule = [&](unsigned dim) -> std::array<int, 4> {
    if (dim + 4 < dims)
      return {1, 1, 1, 2};
    constexpr std::array<int, 4> last[] = {{2, 0, 0, 2}, {0, 2, 2, 0}, {2, 2, 0, 0}, {0, 0, 2, 2}};
    return last[dim + 4 - dims];
  };
  for (unsigned dim = 0; dim < dims; ++dim) {
    int64_t extent = ShapedType::kDynamic;
    for (unsigned i = 0; i < 4; ++i) {
      bool isThere = op.getMap(i).isFunctionOfDim(dim);
      if (rule(dim)[i] == (isThere ? 0 : 2))
        return op.emitOpError("expected dimension d")
               << dim << (isThere ? " not to be" : " to be") << " in indexing map " << i;
      // Packed, keys are [s.., ceil(n/16), d, 16].
      bool isPacked = i == 1 && op.getPacked() && dim + 3 >= dims;
      if (!isThere || (isPacked && dim + 3 == dims))
        continue;
      int64_t own = isPacked ? shapeOf(operands[i]).getShape().drop_back().back()
                             : extentOf(op.getMap(i), operands[i], dim);
      if (!ShapedType::isDynamic(extent) && !ShapedType::isDynamic(own) && own != extent)
        return op.emitOpError("dimension d") << dim << " is " << extent << " and " << own;
      if (!ShapedType::isDynamic(own))
        extent = own;
    }
  }
  AffineExpr features = getAffineDimExpr(dims - 1, op.getContext()),
             keys = getAffineDimExpr(dims - 3, op.getContext());
  if (op.getMap(3).getResults().back() != features)
    return op.emitOpError("expected e to be the output's last dimension");
  AffineMap keyMap = op.getMap(1);
  if (!op.getPacked())
    return success();
  int64_t width = shapeOf(op.getKey()).getShape().back();
  auto position = keyMap.getResultPosition(getAffineDimExpr(dims - 2, op.getContext()));
  if (keyMap.getResults().back() != keys || *position + 2 != keyMap.getNumResults() ||
      (width != panelWidth && !ShapedType::isDynamic(width)))
    return op.emitOpError("expected packed keys [s.., ceil(n/16), d, 16] with a map that ends in "
                          "d, n");
  return success();
}

LogicalResult AttentionOp::verify() {
  if (failed(verifyOperands(*this)))
    return failure();
  ArrayAttr maps = getScoreMaps();
  OperandRange operands = getScoreOperands();
  if (maps.size() != operands.size())
    return emitOpError("expected ") << operands.size() << " score maps, got " << maps.size();
  for (auto [index, attribute, operand] : llvm::enumerate(maps, operands)) {
    AffineMap map = cast<AffineMapAttr>(attribute).getValue();
    if (map.getNumDims() != getScoreRank() || map.getNumSymbols() ||
        !map.isProjectedPermutation(/*allowZeroInResults=*/true) ||
        static_cast<int64_t>(map.getNumResults()) != shapeOf(operand).getRank())
      return emitOpError("expected score map ")
             << index
             << " to be a projected permutation from the scores' dimensions to the operand's";
  }
  Region &region = getScoreRegion();
  if (region.empty())
    return operands.empty() ? success() : emitOpError("expected a region for its score operands");
  if (!llvm::hasSingleElement(region) || region.front().getNumArguments() != operands.size() + 1)
    return emitOpError("expected one block with ") << operands.size() + 1 << " arguments";
  auto yield = dyn_cast<YieldOp>(region.front().empty() ? nullptr : &region.front().back());
  if (!yield || !yield.getValue().getType().isF32() ||
      !region.front().getArgument(0).getType().isF32())
    return emitOpError("expected the region to take and yield a score of type f32");
  for (auto [argument, operand] :
       llvm::zip_equal(region.front().getArguments().drop_front(), operands))
    if (argument.getType() != shapeOf(operand).getElementType())
      return emitOpError("expected the region's arguments to have its operands' element types");
  return success();
}
