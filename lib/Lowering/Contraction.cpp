//===- Contraction.cpp - Lowering of matrix products --------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Kernels.h"
#include "Models.h"
#include "Scalars.h"

#include "secateur/Analysis/SymbolicShapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

//===----------------------------------------------------------------------===//
// MatMul
//===----------------------------------------------------------------------===//

namespace {
/// One side of a matrix product: a tensor and the loops of its axes.
struct Side {
  Value tensor;
  SmallVector<AffineExpr> axes;
  bool packed = false;
};
} // namespace

/// The left side [batch.., M, K]; batch axes of size 1 that are stretched are
/// dropped. `loops` = (batch.., m, n, k).
static Side leftSide(LoweringContext &context, Value value, ArrayRef<Dim> outBatch,
                     int64_t firstRow) {
  ImplicitLocOpBuilder &b = context.b;
  ArrayRef<Dim> dims = context.shape(value);
  int64_t batch = outBatch.size();
  Side side;
  if (dims.size() == 1) {
    SmallVector<Dim> row = {context.constantDim(1), dims[0]};
    side.tensor = context.reshape(context.get(value), dims, row);
    side.axes = {b.getAffineDimExpr(firstRow), b.getAffineDimExpr(firstRow + 2)};
    return side;
  }
  int64_t own = dims.size() - 2;
  SmallVector<Dim> kept;
  for (int64_t axis = 0; axis < own; ++axis) {
    Dim wanted = outBatch[batch - own + axis];
    if (LoweringContext::constantOf(dims[axis]) == 1 && !context.same(dims[axis], wanted))
      continue;
    kept.push_back(dims[axis]);
    side.axes.push_back(b.getAffineDimExpr(batch - own + axis));
  }
  llvm::append_range(kept, dims.take_back(2));
  side.axes.push_back(b.getAffineDimExpr(firstRow));
  side.axes.push_back(b.getAffineDimExpr(firstRow + 2));
  side.tensor = context.reshape(context.get(value), dims, kept);
  return side;
}

/// The right side [batch.., K, N]: a packed weight where it is constant. What
/// was transposed before is packed from its source.
static Side rightSide(LoweringContext &context, Value value, ArrayRef<Dim> outBatch,
                      int64_t firstRow) {
  ImplicitLocOpBuilder &b = context.b;
  ArrayRef<Dim> dims = context.shape(value);
  int64_t batch = outBatch.size(), rank = dims.size();
  AffineExpr n = b.getAffineDimExpr(firstRow + 1), k = b.getAffineDimExpr(firstRow + 2);
  Side side;
  SmallVector<Dim> kept;
  for (int64_t axis = 0; axis + 2 < rank; ++axis) {
    Dim wanted = outBatch[batch - (rank - 2) + axis];
    if (LoweringContext::constantOf(dims[axis]) == 1 && !context.same(dims[axis], wanted))
      continue;
    kept.push_back(dims[axis]);
    side.axes.push_back(b.getAffineDimExpr(batch - (rank - 2) + axis));
  }
  int64_t ownBatch = kept.size();
  Dim rows = rank == 1 ? dims[0] : dims[rank - 2],
      columns = rank == 1 ? context.constantDim(1) : dims[rank - 1];
  kept.push_back(rows);
  kept.push_back(columns);
  side.axes.push_back(k);
  side.axes.push_back(n);
  ElementsAttr constant = context.constant(value);
  if (constant && LoweringContext::storageType(constant.getElementType()).isF32()) {
    SmallVector<int64_t> shape =
        llvm::map_to_vector(kept, [](Dim dim) { return *LoweringContext::constantOf(dim); });
    side.tensor = context.weight(constant, shape, {}, ownBatch, /*panel=*/16);
    side.packed = true;
    return side;
  }
  Value tensor = context.get(value);
  auto transpose = tensor.getDefiningOp<linalg::TransposeOp>();
  if (transpose && hasKernels(tensor) && ownBatch == rank - 2 && rank >= 2) {
    ArrayRef<int64_t> permutation = transpose.getPermutation();
    SmallVector<Dim> from(rank);
    for (auto [i, axis] : llvm::enumerate(permutation))
      from[axis] = dims[i];
    side.tensor = pack(context, transpose.getInput(), from, permutation, ownBatch);
    side.packed = true;
    return side;
  }
  side.tensor = context.reshape(tensor, dims, kept);
  return side;
}

static LogicalResult lowerMatmul(nn::MatmulOp op, LoweringContext &context) {
  Value lhs = op.getA(), rhs = op.getB(), result = op.getY();
  if (context.rank(lhs) < 1 || context.rank(rhs) < 1)
    return context.unsupported(op, "an operand is a scalar");
  ScalarKind kind = LoweringContext::kindOf(lhs);
  ImplicitLocOpBuilder &b = context.b;
  // The result as if both sides were matrices.
  ArrayRef<Dim> out = context.shape(result);
  bool leftVector = context.rank(lhs) == 1, rightVector = context.rank(rhs) == 1;
  SmallVector<Dim> full(out);
  Dim one = context.constantDim(1);
  if (leftVector)
    full.insert(full.end() - (rightVector ? 0 : 1), one);
  if (rightVector)
    full.push_back(one);
  int64_t batch = full.size() - 2;
  SmallVector<Dim> outBatch(full.begin(), full.begin() + batch);
  Side left = leftSide(context, lhs, outBatch, batch),
       right = rightSide(context, rhs, outBatch, batch);
  SmallVector<AffineExpr> outAxes;
  for (int64_t axis = 0; axis < batch + 2; ++axis)
    outAxes.push_back(b.getAffineDimExpr(axis));
  SmallVector<AffineMap> maps;
  for (ArrayRef<AffineExpr> axes :
       {ArrayRef<AffineExpr>(left.axes), ArrayRef<AffineExpr>(right.axes),
        ArrayRef<AffineExpr>(outAxes)})
    maps.push_back(AffineMap::get(batch + 3, 0, axes, b.getContext()));
  Value init =
      context.empty(full, LoweringContext::storageType(LoweringContext::elementType(result)));
  Value product = contract(context, maps, left.tensor, right.tensor, right.packed, init, kind);
  context.set(result, context.reshape(product, full, out));
  return success();
}

//===----------------------------------------------------------------------===//
// Gemm
//===----------------------------------------------------------------------===//

/// Adds beta * C to the epilogue of a product [M, N]; axes of size 1 are dropped.
static void addMatrix(LoweringContext &context, Value matrix, ArrayRef<Dim> out,
                      Epilogue &epilogue) {
  ImplicitLocOpBuilder &b = context.b;
  ArrayRef<Dim> dims = context.shape(matrix);
  SmallVector<Dim> kept;
  SmallVector<AffineExpr> axes;
  for (auto [axis, dim] : llvm::enumerate(dims)) {
    int64_t loop = axis + 2 - dims.size();
    if (LoweringContext::constantOf(dim) == 1 && !context.same(dim, out[loop]))
      continue;
    kept.push_back(dim);
    axes.push_back(b.getAffineDimExpr(loop));
  }
  Value tensor = context.reshape(context.get(matrix), dims, kept);
  if (kept.empty()) {
    // A scalar becomes a row: epilogues have no operands without axes.
    Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
    tensor =
        context.pointwise(out.take_back(1), element, Layout::RowMajor, PlacedTensor{tensor, {}},
                          [](ImplicitLocOpBuilder &, ValueRange x) { return x[0]; });
    axes.push_back(b.getAffineDimExpr(1));
  }
  epilogue.operands.push_back(tensor);
  epilogue.maps.push_back(AffineMap::get(2, 0, axes, b.getContext()));
}

static LogicalResult lowerGemm(nn::GemmOp op, LoweringContext &context) {
  ImplicitLocOpBuilder &b = context.b;
  Value result = op.getY();
  ArrayRef<Dim> out = context.shape(result);
  ScalarKind kind = LoweringContext::kindOf(result);
  Value lhs = context.get(op.getA());
  if (op.getTransA())
    lhs = context.transpose(lhs, {1, 0}, context.shape(op.getA()));
  bool packed = false;
  Value rhs;
  ElementsAttr constant = context.constant(op.getB());
  if (constant && LoweringContext::storageType(constant.getElementType()).isF32()) {
    SmallVector<int64_t> permutation;
    if (op.getTransB())
      permutation = {1, 0};
    rhs = context.weight(constant, {}, permutation, 0, /*panel=*/16);
    packed = true;
  } else {
    rhs = context.get(op.getB());
    if (op.getTransB() && hasKernels(rhs)) {
      rhs = pack(context, rhs, context.shape(op.getB()), {1, 0}, 0);
      packed = true;
    } else if (op.getTransB()) {
      rhs = context.transpose(rhs, {1, 0}, context.shape(op.getB()));
    }
  }
  AffineExpr m = b.getAffineDimExpr(0), n = b.getAffineDimExpr(1), k = b.getAffineDimExpr(2);
  SmallVector<AffineMap> maps = AffineMap::inferFromExprList(
      ArrayRef<SmallVector<AffineExpr, 4>>{{m, k}, {k, n}, {m, n}}, b.getContext());
  Epilogue epilogue;
  if (op.getC())
    addMatrix(context, op.getC(), out, epilogue);
  double alpha = op.getAlpha().convertToDouble(), beta = op.getBeta().convertToDouble();
  if (alpha != 1 || (beta != 1 && op.getC()))
    epilogue.body = [=](ImplicitLocOpBuilder &builder, ValueRange x) {
      Scalars s(builder, x[0].getType(), kind);
      Value value = alpha == 1 ? Value(x[0]) : s.mul(x[0], s.number(alpha));
      if (x.size() == 1)
        return value;
      return s.add(value, beta == 1 ? Value(x[1]) : s.mul(x[1], s.number(beta)));
    };
  Value init =
      context.empty(out, LoweringContext::storageType(LoweringContext::elementType(result)));
  context.set(result, contract(context, maps, lhs, rhs, packed, init, kind, epilogue));
  return success();
}

void secateur::lowering::attachContractionModels(MLIRContext *context) {
  attachLowering<nn::MatmulOp, lowerMatmul>(context);
  attachLowering<nn::GemmOp, lowerGemm>(context);
}
