//===- LowerAttention.cpp - From kern.attention to kernel calls -------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "AttentionKernel.h"
#include "Lowerings.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

namespace {

/// An operand of the op with its map.
struct Operand {
  BufferView view;
  AffineMap map;

  /// The stride along a dimension of the op; 0 where the operand lacks it.
  Value stride(KernelBuilder &k, unsigned dim) const {
    auto position = map.getResultPosition(getAffineDimExpr(dim, map.getContext()));
    return position ? view.strides[*position] : k.constant(0);
  }
};

} // namespace

static ColumnAccess accessAlong(Value memref, AffineMap map, unsigned dim) {
  auto position = map.getResultPosition(getAffineDimExpr(dim, map.getContext()));
  auto [strides, offset] = cast<MemRefType>(memref.getType()).getStridesAndOffset();
  return strides[*position] == 1 ? ColumnAccess::Contiguous : ColumnAccess::Strided;
}

/// The extent of a dimension: keys from the values, features of the scores from the
/// queries, all others from the output.
static Value extentOf(KernelBuilder &k, kern::AttentionOp op, unsigned dim) {
  unsigned rank = op.getScoreRank();
  auto [operand, map] = dim + 1 == rank ? std::pair(op.getValue(), op.getMap(2))
                        : dim == rank   ? std::pair(op.getQuery(), op.getMap(0))
                                        : std::pair(op.getInit(), op.getMap(3));
  return sizesOf(k, operand)[*map.getResultPosition(getAffineDimExpr(dim, op.getContext()))];
}

static void fillArguments(KernelBuilder &k, kern::AttentionOp op, const AttentionForm &form,
                          AttentionArguments &arg) {
  unsigned rank = op.getScoreRank(), m = rank - 2, n = rank - 1, d = rank, e = rank + 1;
  Operand query{viewOf(k, op.getQuery()), op.getMap(0)}, key{viewOf(k, op.getKey()), op.getMap(1)},
      value{viewOf(k, op.getValue()), op.getMap(2)}, out{viewOf(k, op.getInit()), op.getMap(3)};
  arg.query = query.view.pointer, arg.keys = key.view.pointer;
  arg.values = value.view.pointer, arg.out = out.view.pointer;
  SmallVector<int64_t> outer;
  for (unsigned dim = 0; dim < form.outerDims; ++dim) {
    arg.queryOuter[dim] = query.stride(k, dim);
    arg.keyOuter[dim] = key.stride(k, dim);
    arg.valueOuter[dim] = value.stride(k, dim);
    arg.outOuter[dim] = out.stride(k, dim);
    outer.push_back(dim);
  }
  arg.queryRow = query.stride(k, m), arg.queryStep = query.stride(k, d);
  // The map of packed keys ends in d, n; what is stored, in panel, d, 16.
  size_t last = key.view.strides.size() - 1;
  arg.keyPanel = form.packed ? key.view.strides[last - 2] : k.constant(0);
  arg.keyStep = form.packed ? k.constant(kern::panelWidth) : key.stride(k, d);
  arg.keyColumn = form.packed ? k.constant(1) : key.stride(k, n);
  arg.valueStep = value.stride(k, n), arg.valueColumn = value.stride(k, e);
  arg.outRow = out.stride(k, m), arg.outColumn = out.stride(k, e);
  for (auto [i, operand] : llvm::enumerate(form.scores.operands)) {
    BufferView view = viewOf(k, operand.memref);
    arg.extras[i] = view.pointer;
    arg.extraOuter[i] = stridesAlong(k, operand, view, outer);
    arg.extraRow[i] = stridesAlong(k, operand, view, int64_t(m))[0];
    arg.extraColumn[i] = stridesAlong(k, operand, view, int64_t(n))[0];
  }
}

LogicalResult secateur::codegen::lowerAttention(KernelModule &kernels, kern::AttentionOp op) {
  unsigned rank = op.getScoreRank();
  FailureOr<EpilogueForm> scores =
      analyzeEpilogue(op.getScoreRegion(), op.getScoreOperands(), op.getScoreMaps(),
                      Float32Type::get(op.getContext()), op.getScoreShape(), rank - 1);
  if (failed(scores))
    return op.emitError("kern.attention needs a score region that has a form on vectors");
  AttentionForm form;
  form.outerDims = rank - 2;
  form.packed = op.getPacked();
  form.zeroEmpty = op.getZeroEmpty();
  form.queryColumns = accessAlong(op.getQuery(), op.getMap(0), rank);
  if (!form.packed)
    form.keyColumns = accessAlong(op.getKey(), op.getMap(1), rank - 1);
  form.valueColumns = accessAlong(op.getValue(), op.getMap(2), rank + 1);
  form.outColumns = accessAlong(op.getInit(), op.getMap(3), rank + 1);
  form.scores = *scores;

  OpBuilder builder(op);
  KernelBuilder k(builder, op.getLoc(), kernels.target);
  AttentionArguments extents(form);
  for (unsigned dim = 0; dim < form.outerDims; ++dim)
    extents.outerExtents[dim] = extentOf(k, op, dim);
  extents.m = extentOf(k, op, rank - 2), extents.n = extentOf(k, op, rank - 1);
  extents.d = extentOf(k, op, rank), extents.e = extentOf(k, op, rank + 1);
  callAttentionKernel(kernels, k, form, extents,
                      [&](AttentionArguments &arg) { fillArguments(k, op, form, arg); });
  return success();
}
