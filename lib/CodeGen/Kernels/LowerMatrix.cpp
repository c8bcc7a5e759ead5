//===- LowerMatrix.cpp - From kern.contract and kern.conv to kernel calls ---===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Sorts the dimensions of a contraction into batch, rows, columns and depth, merges
// those that lie one behind the other in memory, and calls the matrix kernel.
//===----------------------------------------------------------------------===//

#include "Choices.h"
#include "Lowerings.h"
#include "MatrixKernel.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

/// Elements of a window row up to which a convolution is shallow.
static constexpr int64_t shallowRun = 32;

bool secateur::codegen::isShallowWindow(ShapedType filter) {
  return filter.getDimSize(3) * filter.getDimSize(4) <= shallowRun;
}

bool secateur::codegen::hasUnitInnerStride(Value memref) {
  auto [strides, offset] = cast<MemRefType>(memref.getType()).getStridesAndOffset();
  return strides.empty() || strides.back() == 1;
}

/// Whether dimension `outer` continues where `inner` ends, for all extents.
static bool continues(MemRefType type, int64_t outer, int64_t inner) {
  if (type.getLayout().isIdentity() && inner == outer + 1)
    return true;
  auto [strides, offset] = type.getStridesAndOffset();
  return !ShapedType::isDynamic(strides[outer]) && !ShapedType::isDynamic(strides[inner]) &&
         !type.isDynamicDim(inner) && strides[outer] == strides[inner] * type.getDimSize(inner);
}

namespace {

/// A dimension of the contraction, and the position that it has in each operand.
struct Dim {
  std::optional<unsigned> a, b, c;
};

/// The dimensions of a contraction by their role. Lists go from outer to inner.
struct Roles {
  SmallVector<Dim> batch, rows, depth;
  std::optional<Dim> column;
};

} // namespace

static Roles sortDimensions(kern::ContractOp op) {
  Roles roles;
  auto dimOf = [&](AffineExpr expr) {
    return Dim{op.getLhsMap().getResultPosition(expr), op.getRhsMap().getResultPosition(expr),
               op.getInitMap().getResultPosition(expr)};
  };
  for (auto [position, expr] : llvm::enumerate(op.getInitMap().getResults())) {
    Dim dim = dimOf(expr);
    bool isLast = position + 1 == op.getInitMap().getNumResults();
    if (isLast && dim.b && !dim.a)
      roles.column = dim;
    else if (dim.b)
      roles.batch.push_back(dim);
    else
      roles.rows.push_back(dim);
  }
  for (AffineExpr expr : op.getRhsMap().getResults())
    if (Dim dim = dimOf(expr); dim.a && !dim.c)
      roles.depth.push_back(dim);
  return roles;
}

/// A run of row dimensions that are one in memory: its extent is the product, its
/// strides are those of the innermost.
using RowGroup = SmallVector<Dim>;

static SmallVector<RowGroup> groupRows(kern::ContractOp op, const Roles &roles,
                                       const EpilogueForm &epilogue) {
  auto typeOf = [](Value value) { return cast<MemRefType>(value.getType()); };
  SmallVector<RowGroup> groups;
  for (const Dim &dim : roles.rows) {
    bool merges = !groups.empty();
    if (merges) {
      const Dim &outer = groups.back().back();
      merges = continues(typeOf(op.getLhs()), *outer.a, *dim.a) &&
               continues(typeOf(op.getInit()), *outer.c, *dim.c);
      for (const EpilogueOperand &operand : epilogue.operands) {
        int64_t x = operand.resultOfDim[*outer.c], y = operand.resultOfDim[*dim.c];
        merges &= (x < 0 && y < 0) || (x >= 0 && y >= 0 && continues(typeOf(operand.memref), x, y));
      }
    }
    if (merges)
      groups.back().push_back(dim);
    else
      groups.push_back({dim});
  }
  return groups;
}

static bool isF32(Value memref) {
  return cast<MemRefType>(memref.getType()).getElementType().isF32();
}

/// Why the kernel cannot take this contraction, or nothing.
static bool fitsKernel(kern::ContractOp op, const Roles &roles) {
  auto epilogue = cast<kern::EpilogueOpInterface>(op.getOperation());
  if (!isF32(op.getLhs()) || !isF32(op.getRhs()) || !epilogue.getAccumulatorType().isF32())
    return false;
  if (op.getPacked() && !roles.column)
    return false;
  auto a = cast<MemRefType>(op.getLhs().getType()), b = cast<MemRefType>(op.getRhs().getType());
  if (roles.column && !hasUnitInnerStride(op.getInit()))
    return false;
  // Columns of B are neighbours; panels are as kern.weight and kern.pack make them.
  if (op.getPacked() ? !b.getLayout().isIdentity()
                     : roles.column && b.getStridesAndOffset().first[*roles.column->b] != 1)
    return false;
  for (size_t i = 1; i < roles.depth.size(); ++i) {
    const Dim &outer = roles.depth[i - 1], &inner = roles.depth[i];
    if (!continues(a, *outer.a, *inner.a) || (!op.getPacked() && !continues(b, *outer.b, *inner.b)))
      return false;
  }
  // Batch dimensions lead in a packed operand.
  for (const Dim &dim : roles.batch)
    if (op.getPacked() && dim.b && *dim.b >= roles.batch.size())
      return false;
  return true;
}

static void fillExtras(KernelBuilder &k, MatrixArguments &arg, const EpilogueForm &epilogue,
                       ArrayRef<int64_t> batch, ArrayRef<int64_t> rows,
                       std::optional<int64_t> column) {
  for (auto [i, operand] : llvm::enumerate(epilogue.operands)) {
    BufferView view = viewOf(k, operand.memref);
    arg.extras[i] = view.pointer;
    arg.extraBatch[i] = stridesAlong(k, operand, view, batch);
    arg.extraRow[i] = stridesAlong(k, operand, view, rows);
    arg.extraColumn[i] = column ? stridesAlong(k, operand, view, *column)[0] : k.constant(0);
  }
}

LogicalResult secateur::codegen::lowerContract(KernelModule &kernels, kern::ContractOp op) {
  Roles roles = sortDimensions(op);
  if (!fitsKernel(op, roles))
    return failure();
  std::optional<int64_t> column;
  if (roles.column)
    column = *roles.column->c;
  FailureOr<EpilogueForm> epilogue =
      analyzeEpilogue(cast<kern::EpilogueOpInterface>(op.getOperation()), column.value_or(-1));
  if (failed(epilogue))
    return failure();
  SmallVector<RowGroup> groups = groupRows(op, roles, *epilogue);
  auto aType = cast<MemRefType>(op.getLhs().getType());
  MatrixForm form;
  form.packed = op.getPacked();
  form.batchDims = roles.batch.size();
  form.rowDims = std::max<size_t>(groups.size(), 1);
  form.lhsStrided =
      !roles.depth.empty() && aType.getStridesAndOffset().first[*roles.depth.back().a] != 1;
  form.epilogue = *epilogue;

  OpBuilder builder(op);
  KernelBuilder k(builder, op.getLoc(), kernels.target);
  SmallVector<Value> aSizes = sizesOf(k, op.getLhs()), cSizes = sizesOf(k, op.getInit());
  SmallVector<Value> batchExtents, rowExtents;
  for (const Dim &dim : roles.batch)
    batchExtents.push_back(cSizes[*dim.c]);
  Value rows = k.constant(1), depth = k.constant(1);
  for (const RowGroup &group : groups) {
    Value extent = k.constant(1);
    for (const Dim &dim : group)
      extent = k.mul(extent, cSizes[*dim.c]);
    rowExtents.push_back(extent);
    rows = k.mul(rows, extent);
  }
  if (groups.empty())
    rowExtents.push_back(rows);
  for (const Dim &dim : roles.depth)
    depth = k.mul(depth, aSizes[*dim.a]);
  Value columns = column ? cSizes[*column] : k.constant(1);
  auto known = [](Value extent) { return getConstantIntValue(extent).value_or(0); };
  form.choose(op.getChoiceAttr(), {known(rows), known(columns), known(depth), known(depth)},
              kernels.target);

  callMatrixKernel(kernels, k, form, rows, columns, depth, batchExtents, [&](MatrixArguments &arg) {
    BufferView a = viewOf(k, op.getLhs()), b = viewOf(k, op.getRhs()), c = viewOf(k, op.getInit());
    arg.a = a.pointer, arg.b = b.pointer, arg.c = c.pointer;
    arg.m = rows, arg.n = columns, arg.k = depth;
    arg.batchExtents = batchExtents;
    arg.rowExtents = rowExtents;
    Value zero = k.constant(0), one = k.constant(1);
    SmallVector<int64_t> batchPositions, rowPositions;
    for (auto [i, dim] : llvm::enumerate(roles.batch)) {
      arg.aBatch[i] = dim.a ? a.strides[*dim.a] : zero;
      arg.bBatch[i] = b.strides[*dim.b];
      arg.cBatch[i] = c.strides[*dim.c];
      batchPositions.push_back(*dim.c);
    }
    for (auto [i, group] : llvm::enumerate(groups)) {
      arg.aRow[i] = a.strides[*group.back().a];
      arg.cRow[i] = c.strides[*group.back().c];
      rowPositions.push_back(*group.back().c);
    }
    fillExtras(k, arg, form.epilogue, batchPositions, rowPositions, column);
    if (groups.empty()) {
      arg.aRow[0] = arg.cRow[0] = zero;
      for (SmallVector<Value> &strides : arg.extraRow)
        strides.assign(1, zero);
    }
    arg.aStep = roles.depth.empty() ? one : a.strides[*roles.depth.back().a];
    arg.bPanel = form.packed ? k.mul(depth, kern::panelWidth) : k.constant(kern::panelWidth);
    arg.bStep = form.packed           ? k.constant(kern::panelWidth)
                : roles.depth.empty() ? zero
                                      : b.strides[*roles.depth.back().b];
  });
  return success();
}

LogicalResult secateur::codegen::lowerConv(KernelModule &kernels, kern::ConvOp op) {
  auto interface = cast<kern::EpilogueOpInterface>(op.getOperation());
  auto filter = cast<MemRefType>(op.getFilter().getType());
  if (!isF32(op.getInput()) || !isF32(op.getFilter()) || !interface.getAccumulatorType().isF32() ||
      !filter.getLayout().isIdentity() || !hasUnitInnerStride(op.getInput()) ||
      !hasUnitInnerStride(op.getInit()) || op.getBundle() != 1)
    return failure();
  FailureOr<EpilogueForm> epilogue = analyzeEpilogue(interface, /*columnDim=*/3);
  if (failed(epilogue))
    return failure();
  int64_t groups = op.getGroups(), channels = filter.getDimSize(4);
  kernels.needZeros(filter.getDimSize(3) * channels);
  MatrixForm form;
  form.window = true;
  ProductExtents extents = extentsOf(op);
  form.isShallow = extents.isShallow;
  form.batchDims = groups > 1 ? 1 : 0;
  form.rowDims = 3;
  form.epilogue = *epilogue;

  OpBuilder builder(op);
  KernelBuilder k(builder, op.getLoc(), kernels.target);
  SmallVector<Value> sizes = sizesOf(k, op.getInit());
  Value rows = k.mul(k.mul(sizes[0], sizes[1]), sizes[2]);
  Value columns = k.constant(extents.columns), depth = k.constant(extents.depth);
  form.choose(op.getChoiceAttr(), extents, kernels.target);
  SmallVector<Value> batchExtents;
  if (groups > 1)
    batchExtents.push_back(k.constant(groups));

  callMatrixKernel(kernels, k, form, rows, columns, depth, batchExtents, [&](MatrixArguments &arg) {
    BufferView a = viewOf(k, op.getInput()), b = viewOf(k, op.getFilter()),
               c = viewOf(k, op.getInit());
    arg.a = a.pointer, arg.b = b.pointer, arg.c = c.pointer;
    arg.m = rows, arg.n = columns, arg.k = k.constant(channels);
    arg.batchExtents = batchExtents;
    arg.rowExtents.assign(sizes.begin(), sizes.begin() + 3);
    arg.aRow.assign(a.strides.begin(), a.strides.begin() + 3);
    arg.cRow.assign(c.strides.begin(), c.strides.begin() + 3);
    fillExtras(k, arg, form.epilogue, {}, {0, 1, 2}, 3);
    if (groups > 1) {
      arg.aBatch[0] = arg.k;
      arg.bBatch[0] = b.strides[0];
      arg.cBatch[0] = columns;
      for (auto [i, operand] : llvm::enumerate(form.epilogue.operands))
        arg.extraBatch[i].assign(1, k.mul(columns, arg.extraColumn[i]));
    }
    arg.aStep = k.constant(1);
    arg.bPanel = b.strides[1];
    arg.bStep = k.constant(kern::panelWidth);
    arg.height = a.sizes[1], arg.width = a.sizes[2];
    arg.tapsY = k.constant(filter.getDimSize(2)), arg.tapsX = k.constant(filter.getDimSize(3));
    arg.strideY = k.constant(op.getStrides()[0]), arg.strideX = k.constant(op.getStrides()[1]);
    arg.dilationY = k.constant(op.getDilations()[0]),
    arg.dilationX = k.constant(op.getDilations()[1]);
    arg.padTop = k.constant(op.getPads()[0]), arg.padLeft = k.constant(op.getPads()[1]);
  });
  return success();
}
