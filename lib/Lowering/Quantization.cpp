//===- Quantization.cpp - Lowering of quantized operators ---------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Kernels.h"
#include "Models.h"
#include "Reduction.h"
#include "Scalars.h"

#include "secateur/Analysis/SymbolicShapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

/// Scale or zero point: one for all, one per position of `axis`, or one per block
/// of `block` positions of it.
static Value readParameter(ImplicitLocOpBuilder &b, Value tensor, int64_t rank, int64_t axis,
                           Value block, ValueRange at) {
  int64_t own = cast<RankedTensorType>(tensor.getType()).getRank();
  if (own == 0)
    return tensor::ExtractOp::create(b, tensor, ValueRange{});
  SmallVector<Value> where(at);
  if (own == 1 && rank != 1)
    where = {at[axis]};
  if (block)
    where[axis] = arith::DivUIOp::create(b, at[axis], block);
  return tensor::ExtractOp::create(b, tensor, where);
}

namespace {
/// Scale and zero point of an operand, and how its axes see them.
struct Quantizer {
  Value scale, zero;
  int64_t rank, axis;
  Value block;
};
} // namespace

/// One scale for all may come as a tensor of one element.
static Value parameterTensor(LoweringContext &context, Value value, int64_t rank) {
  if (!value)
    return {};
  ArrayRef<Dim> dims = context.shape(value);
  if (dims.size() == 1 && LoweringContext::constantOf(dims[0]) == 1)
    return context.reshape(context.get(value), dims, {});
  return context.get(value);
}

/// With one scale for all the axis means nothing.
static bool isPerAxis(Value scales) {
  return cast<RankedTensorType>(scales.getType()).getRank() != 0;
}

static Value asFloat(ImplicitLocOpBuilder &b, Value stored, Value typedLike) {
  return convertScalar(b, LoweringContext::toScalar(b, stored, LoweringContext::kindOf(typedLike)),
                       LoweringContext::kindOf(typedLike), b.getF32Type(), ScalarKind::Float);
}

static LogicalResult lowerDequantize(nn::DequantizeLinearOp op, LoweringContext &context) {
  Value input = op.getX(), result = op.getY(), zero = op.getXZeroPoint();
  int64_t rank = context.rank(input), axis = rank ? frontAxis(op.getAxis(), rank) : 0;
  Value block = op.getBlockSize() ? context.index(int64_t(op.getBlockSize())) : Value();
  Value scales = parameterTensor(context, op.getXScale(), rank),
        zeros = parameterTensor(context, zero, rank);
  if (isPerAxis(scales) && (axis < 0 || axis >= rank))
    return context.unsupported(op, "its axis is out of range");
  Layout layout = context.layoutOf(input);
  Value tensor = context.get(input, layout);
  Type type = LoweringContext::storedType(result);
  context.set(
      result,
      context.generate(
          context.shape(result), type, layout,
          [&](ImplicitLocOpBuilder &b, ValueRange at) {
            Scalars f(b, b.getF32Type(), ScalarKind::Float);
            Value x = asFloat(b, LoweringContext::read(b, tensor, layout, at), input);
            if (zeros)
              x = f.sub(x, asFloat(b, readParameter(b, zeros, rank, axis, block, at), zero));
            Value scale = convertScalar(b, readParameter(b, scales, rank, axis, block, at),
                                        ScalarKind::Float, b.getF32Type(), ScalarKind::Float);
            return convertScalar(b, f.mul(x, scale), ScalarKind::Float, type, ScalarKind::Float);
          }),
      layout);
  return success();
}

/// round(x / scale) + zero, saturated to the range of an integer type.
static Value quantize(ImplicitLocOpBuilder &b, Value x, Value scale, Value zero, Type type,
                      ScalarKind kind) {
  Scalars f(b, b.getF32Type(), ScalarKind::Float);
  Value rounded = math::RoundEvenOp::create(b, f.div(x, scale));
  if (zero)
    rounded = f.add(rounded, zero);
  unsigned width = type.getIntOrFloatBitWidth();
  bool isUnsigned = kind == ScalarKind::Unsigned;
  double low = isUnsigned ? 0 : -std::ldexp(1.0, width - 1),
         high = std::ldexp(1.0, isUnsigned ? width : width - 1) - 1;
  return convertScalar(b, f.clamp(rounded, low, high), ScalarKind::Float, type, kind);
}

static LogicalResult lowerQuantize(nn::QuantizeLinearOp op, LoweringContext &context) {
  Value input = op.getX(), result = op.getY(), zero = op.getYZeroPoint();
  int64_t rank = context.rank(input), axis = rank ? frontAxis(op.getAxis(), rank) : 0;
  ScalarKind kind = LoweringContext::kindOf(result);
  if (kind != ScalarKind::Signed && kind != ScalarKind::Unsigned)
    return context.unsupported(op, "its result is not of integers");
  Value block = op.getBlockSize() ? context.index(int64_t(op.getBlockSize())) : Value();
  Value scales = parameterTensor(context, op.getYScale(), rank),
        zeros = parameterTensor(context, zero, rank);
  if (isPerAxis(scales) && (axis < 0 || axis >= rank))
    return context.unsupported(op, "its axis is out of range");
  Layout layout = context.layoutOf(input);
  Value tensor = context.get(input, layout);
  Type type = LoweringContext::storedType(result);
  context.set(result,
              context.generate(
                  context.shape(result), type, layout,
                  [&](ImplicitLocOpBuilder &b, ValueRange at) {
                    Value x = asFloat(b, LoweringContext::read(b, tensor, layout, at), input);
                    Value scale =
                        asFloat(b, readParameter(b, scales, rank, axis, block, at), op.getYScale());
                    Value offset =
                        zeros ? asFloat(b, readParameter(b, zeros, rank, axis, block, at), zero)
                              : Value();
                    return quantize(b, x, scale, offset, type, kind);
                  }),
              layout);
  return success();
}

/// Scale and zero point from the range of the operand, to uint8.
static LogicalResult lowerDynamicQuantize(nn::DynamicQuantizeLinearOp op,
                                          LoweringContext &context) {
  ImplicitLocOpBuilder &b = context.b;
  Value input = op.getX();
  SmallVector<Dim> dims(context.shape(input));
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, dims.size()));
  Value tensor = context.get(input);
  Type f32 = b.getF32Type(), i8 = b.getI8Type();
  Value zeroScalar = Scalars(b, f32, ScalarKind::Float).number(0);
  // The range contains 0.
  Value high = reduceTensor(context, tensor, dims, Layout::RowMajor, axes, zeroScalar,
                            [](ImplicitLocOpBuilder &builder, Value x, Value m) {
                              return Scalars(builder, x).max(m, x);
                            });
  Value low = reduceTensor(context, tensor, dims, Layout::RowMajor, axes, zeroScalar,
                           [](ImplicitLocOpBuilder &builder, Value x, Value m) {
                             return Scalars(builder, x).min(m, x);
                           });
  Value scale =
      context.pointwise({}, f32, Layout::RowMajor, {PlacedTensor{high, {}}, PlacedTensor{low, {}}},
                        [&](ImplicitLocOpBuilder &builder, ValueRange x) {
                          Scalars f(builder, f32, ScalarKind::Float);
                          Value step = f.div(f.sub(x[0], x[1]), f.number(255));
                          return f.select(f.equal(step, f.number(0)), f.number(1), step);
                        });
  Value zero = context.pointwise(
      {}, i8, Layout::RowMajor, {PlacedTensor{low, {}}, PlacedTensor{scale, {}}},
      [&](ImplicitLocOpBuilder &builder, ValueRange x) {
        Scalars f(builder, f32, ScalarKind::Float);
        return quantize(builder, f.sub(f.number(0), x[0]), x[1], {}, i8, ScalarKind::Unsigned);
      });
  SmallVector<int64_t> all = axes;
  Value y = context.pointwise(
      dims, i8, Layout::RowMajor,
      {PlacedTensor{tensor, all}, PlacedTensor{scale, {}}, PlacedTensor{zero, {}}},
      [&](ImplicitLocOpBuilder &builder, ValueRange x) {
        Value offset = convertScalar(builder, x[2], ScalarKind::Unsigned, f32, ScalarKind::Float);
        return quantize(builder, x[0], x[1], offset, i8, ScalarKind::Unsigned);
      });
  context.set(op.getY(), y);
  context.set(op.getYScale(), scale);
  context.set(op.getYZeroPoint(), zero);
  return success();
}

//===----------------------------------------------------------------------===//
// Products of integers
//===----------------------------------------------------------------------===//

/// value - zero as 32-bit integers; `zero` is one for all, or one per row (the
/// last axis but one) of the left side and per column of the right side.
static Value shifted(LoweringContext &context, Value value, Value zero, bool perRow) {
  ArrayRef<Dim> dims = context.shape(value);
  int64_t rank = dims.size();
  ImplicitLocOpBuilder &b = context.b;
  Type i32 = b.getI32Type();
  SmallVector<PlacedTensor> operands = {context.whole(value, Layout::RowMajor)};
  if (zero) {
    Value tensor = parameterTensor(context, zero, -1);
    int64_t own = cast<RankedTensorType>(tensor.getType()).getRank();
    PlacedTensor placed{tensor, {}};
    if (own == 1)
      placed.axes = {perRow && rank >= 2 ? rank - 2 : rank - 1};
    else
      placed.axes = llvm::to_vector(llvm::seq<int64_t>(rank - own, rank));
    if (own > 1) { // [.., M, 1] or [.., 1, N]
      SmallVector<Dim> kept;
      placed.axes.clear();
      for (auto [axis, dim] : llvm::enumerate(context.shape(zero)))
        if (LoweringContext::constantOf(dim) != 1) {
          kept.push_back(dim);
          placed.axes.push_back(int64_t(axis) + rank - own);
        }
      placed.tensor = context.reshape(tensor, context.shape(zero), kept);
    }
    operands.push_back(placed);
  }
  return context.pointwise(
      dims, i32, Layout::RowMajor, operands, [&](ImplicitLocOpBuilder &builder, ValueRange x) {
        Value wide =
            convertScalar(builder, x[0], LoweringContext::kindOf(value), i32, ScalarKind::Signed);
        if (x.size() == 1)
          return wide;
        Value offset =
            convertScalar(builder, x[1], LoweringContext::kindOf(zero), i32, ScalarKind::Signed);
        return Value(arith::SubIOp::create(builder, wide, offset));
      });
}

/// A product of matrices of 32-bit integers with ONNX's broadcasting.
static FailureOr<Value> multiplyIntegers(Operation *op, LoweringContext &context, Value left,
                                         ArrayRef<Dim> leftDims, Value right,
                                         ArrayRef<Dim> rightDims, ArrayRef<Dim> out) {
  ImplicitLocOpBuilder &b = context.b;
  int64_t batch = int64_t(out.size()) - 2;
  if (leftDims.size() < 2 || rightDims.size() < 2 || batch < 0)
    return context.unsupported(op, "an operand has fewer than 2 axes");
  auto place = [&](Value tensor, ArrayRef<Dim> dims, int64_t row, int64_t column) {
    SmallVector<Dim> kept;
    SmallVector<AffineExpr> axes;
    int64_t own = dims.size() - 2;
    for (int64_t axis = 0; axis < own; ++axis) {
      int64_t loop = batch - own + axis;
      if (LoweringContext::constantOf(dims[axis]) == 1 && !context.same(dims[axis], out[loop]))
        continue;
      kept.push_back(dims[axis]);
      axes.push_back(b.getAffineDimExpr(loop));
    }
    llvm::append_range(kept, dims.take_back(2));
    axes.append({b.getAffineDimExpr(batch + row), b.getAffineDimExpr(batch + column)});
    return std::make_pair(context.reshape(tensor, dims, kept),
                          AffineMap::get(batch + 3, 0, axes, b.getContext()));
  };
  auto [lhs, lhsMap] = place(left, leftDims, 0, 2);
  auto [rhs, rhsMap] = place(right, rightDims, 2, 1);
  AffineMap outMap =
      AffineMap::getMultiDimIdentityMap(batch + 3, b.getContext()).dropResult(batch + 2);
  return contract(context, {lhsMap, rhsMap, outMap}, lhs, rhs, false,
                  context.empty(out, b.getI32Type()), ScalarKind::Signed);
}

static LogicalResult lowerMatmulInteger(nn::MatmulIntegerOp op, LoweringContext &context) {
  FailureOr<Value> product = multiplyIntegers(
      op, context, shifted(context, op.getA(), op.getAZeroPoint(), true), context.shape(op.getA()),
      shifted(context, op.getB(), op.getBZeroPoint(), false), context.shape(op.getB()),
      context.shape(op.getY()));
  if (failed(product))
    return failure();
  context.set(op.getY(), *product);
  return success();
}

void secateur::lowering::attachQuantizationModels(MLIRContext *context) {
  attachLowering<nn::DequantizeLinearOp, lowerDequantize>(context);
  attachLowering<nn::QuantizeLinearOp, lowerQuantize>(context);
  attachLowering<nn::DynamicQuantizeLinearOp, lowerDynamicQuantize>(context);
  attachLowering<nn::MatmulIntegerOp, lowerMatmulInteger>(context);
}
