//===- KernCounts.cpp - The multiplications of kernels ----------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "dialects/Kern/IR/KernOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace secateur::kern;

Value Counter::constant(int64_t value) {
  return arith::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(value));
}

Value Counter::multiply(Value a, Value b) { return arith::MulIOp::create(builder, loc, a, b); }

Value Counter::add(Value a, Value b) { return arith::AddIOp::create(builder, loc, a, b); }

Value Counter::extent(Value memref, int64_t axis) {
  int64_t size = cast<MemRefType>(memref.getType()).getDimSize(axis);
  if (!ShapedType::isDynamic(size))
    return constant(size);
  Value dim = memref::DimOp::create(builder, loc, memref, axis);
  return arith::IndexCastOp::create(builder, loc, builder.getI64Type(), dim);
}

Value Counter::extent(AffineMap map, Value memref, unsigned dim) {
  auto position = map.getResultPosition(getAffineDimExpr(dim, map.getContext()));
  return position ? extent(memref, *position) : Value();
}

Value Counter::elements(Value memref) {
  Value count = constant(1);
  for (int64_t axis = 0; axis < cast<MemRefType>(memref.getType()).getRank(); ++axis)
    count = multiply(count, extent(memref, axis));
  return count;
}

Value ContractOp::countFlops(Counter &count) {
  Value flops = count.constant(2);
  for (unsigned dim = 0; dim < getLhsMap().getNumDims(); ++dim) {
    Value extent = count.extent(getLhsMap(), getLhs(), dim);
    flops = count.multiply(flops, extent ? extent : count.extent(getInitMap(), getInit(), dim));
  }
  return flops;
}

Value ConvOp::countFlops(Counter &count) {
  auto filter = cast<MemRefType>(getFilter().getType());
  return count.multiply(count.elements(getInit()),
                        2 * filter.getDimSize(2) * filter.getDimSize(3) * filter.getDimSize(4));
}

Value WinogradConvOp::countFlops(Counter &count) {
  return count.multiply(count.multiply(count.elements(getInit()), 2 * 3 * 3),
                        count.extent(getInput(), 3));
}

Value DepthwiseConvOp::countFlops(Counter &count) {
  auto filter = cast<MemRefType>(getFilter().getType());
  return count.multiply(count.elements(getInit()), 2 * filter.getDimSize(0) * filter.getDimSize(1));
}

Value AttentionOp::countFlops(Counter &count) {
  unsigned rank = getScoreRank();
  Value scores = count.constant(2);
  for (unsigned dim = 0; dim + 1 < rank; ++dim)
    scores = count.multiply(scores, count.extent(getMap(3), getInit(), dim));
  scores = count.multiply(scores, count.extent(getMap(2), getValue(), rank - 1));
  return count.multiply(scores, count.add(count.extent(getMap(0), getQuery(), rank),
                                          count.extent(getMap(3), getInit(), rank + 1)));
}
