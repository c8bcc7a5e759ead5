//===- QuantizedDecompositions.cpp - Arithmetic on quantised numbers ---------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Operators on quantised tensors become operators on the numbers that those stand
// for, and a quantisation of the result. Products of matrices are summed as integers,
// those of convolutions as f32, which has all integers up to 2^24.

#include "Decompose.h"

#include "secateur/Transform/HostTensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::transform;

static Type f32(Nodes &n) { return n.builder.getF32Type(); }
static Type i32(Nodes &n) { return n.builder.getI32Type(); }

static Value dequantize(Nodes &n, Value value, Value scale, Value zero) {
  return n.make<nn::DequantizeLinearOp>({value, scale, zero}, {}, Nodes::elementOf(scale));
}

/// As elements of type `element`.
static Value quantize(Nodes &n, Value value, Value scale, Value zero, Type element) {
  if (!zero)
    zero = n.number(0, element);
  return n.make<nn::QuantizeLinearOp>({value, scale, zero}, {}, element);
}

/// The integers that quantised ones stand for, as numbers.
static Value shifted(Nodes &n, Value value, Value zero) {
  Value numbers = n.cast(value, f32(n));
  return zero ? n.sub(numbers, n.cast(zero, f32(n))) : numbers;
}

/// A parameter for each of the filters, or one for all, as [M, 1, ..] of `rank` axes
/// with M at `axis`.
static Value alongAxis(Nodes &n, Value parameter, int64_t axis, int64_t rank) {
  if (!parameter || Nodes::rankOf(parameter) == 0 || Nodes::sizeOf(parameter, 0) == 1)
    return parameter ? n.reshape(parameter, {}) : parameter;
  SmallVector<int64_t> shape(rank, 1);
  shape[axis] = -1;
  return n.reshape(parameter, shape);
}

//===----------------------------------------------------------------------===//
// Elementwise operators and pools
//===----------------------------------------------------------------------===//

template <typename OpTy, typename PlainTy>
static Decomposed binary(OpTy op, Nodes &n, std::string &) {
  Value a = dequantize(n, op.getA(), op.getAScale(), op.getAZeroPoint());
  Value b = dequantize(n, op.getB(), op.getBScale(), op.getBZeroPoint());
  return Values{quantize(n, n.make<PlainTy>({a, b}), op.getCScale(), op.getCZeroPoint(),
                         Nodes::elementOf(op.getC()))};
}

template <typename OpTy, typename PlainTy>
static Decomposed activation(OpTy op, Nodes &n, std::string &) {
  Value x = dequantize(n, op.getX(), op.getXScale(), op.getXZeroPoint());
  return Values{quantize(n, n.make<PlainTy>({x}, n.taken({"alpha"})), op.getYScale(),
                         op.getYZeroPoint(), Nodes::elementOf(op.getY()))};
}

/// Before opset 13 softmax works on a matrix: the axes from `axis` on are its rows.
static Decomposed softmax(nn::MsQlinearSoftmaxOp op, Nodes &n, std::string &reason) {
  std::optional<int64_t> rank = Nodes::rankOf(op.getX());
  int64_t axis = op.getAxis();
  if (!rank || (op.getOpset() < 13 && axis != -1 && axis != *rank - 1))
    return reason = "softmax over several axes is not supported", failure();
  Value x = dequantize(n, op.getX(), op.getXScale(), op.getXZeroPoint());
  Value y = n.make<nn::SoftmaxOp>({x}, n.attribute("axis", axis));
  return Values{quantize(n, y, op.getYScale(), op.getYZeroPoint(), Nodes::elementOf(op.getY()))};
}

static Decomposed globalPool(nn::MsQlinearGlobalAveragePoolOp op, Nodes &n, std::string &reason) {
  if (op.getChannelsLast())
    return reason = "channels that are the last axis are not supported", failure();
  Value x = dequantize(n, op.getX(), op.getXScale(), op.getXZeroPoint());
  return Values{quantize(n, n.make<nn::GlobalAveragePoolOp>({x}), op.getYScale(),
                         op.getYZeroPoint(), Nodes::elementOf(op.getY()))};
}

static Decomposed averagePool(nn::MsQlinearAveragePoolOp op, Nodes &n, std::string &reason) {
  if (op.getChannelsLast())
    return reason = "channels that are the last axis are not supported", failure();
  Value x = dequantize(n, op.getX(), op.getXScale(), op.getXZeroPoint());
  Value y = n.make<nn::AveragePoolOp>({x}, n.taken({"auto_pad", "ceil_mode", "count_include_pad",
                                                    "kernel_shape", "pads", "strides"}));
  return Values{quantize(n, y, op.getYScale(), op.getYZeroPoint(), Nodes::elementOf(op.getY()))};
}

/// Y's scale and zero point, then tensor, scale and zero point of each piece.
static Decomposed concat(nn::MsQlinearConcatOp op, Nodes &n, std::string &reason) {
  ValueRange inputs = op.getInputs();
  if (inputs.empty() || inputs.size() % 3)
    return reason = "its inputs are not tensor, scale and zero point in turn", failure();
  Values pieces;
  for (size_t i = 0; i < inputs.size(); i += 3)
    pieces.push_back(dequantize(n, inputs[i], inputs[i + 1], inputs[i + 2]));
  return Values{quantize(n, n.concat(pieces, op.getAxis()), op.getYScale(), op.getYZeroPoint(),
                         Nodes::elementOf(op.getY()))};
}

template <typename OpTy, typename PlainTy>
static Decomposed sameInOnnx(OpTy op, Nodes &n, std::string &) {
  Values operands(op->getOperands());
  if (std::is_same_v<PlainTy, nn::QuantizeLinearOp> && operands.size() < 3)
    operands.push_back(n.number(0, Nodes::elementOf(op.getY())));
  return Values{n.make<PlainTy>(operands, n.taken({"axis"}), Nodes::elementOf(op.getY()))};
}

//===----------------------------------------------------------------------===//
// Products of matrices
//===----------------------------------------------------------------------===//

/// The sums of products of the integers that are meant, as i32.
static Value multiply(Nodes &n, Value a, Value aZero, Value b, Value bZero) {
  return n.make<nn::MatmulIntegerOp>({a, b, aZero, bZero}, {}, i32(n));
}

/// One for each row of the left matrix stands in a column.
static Value perRow(Nodes &n, Value parameter) {
  if (Nodes::rankOf(parameter) == 1 && Nodes::sizeOf(parameter, 0) != 1)
    return n.unsqueeze(parameter, {1});
  return parameter;
}

/// sums * scale / yScale, rounded, as `element`.
static Value requantize(Nodes &n, Value sums, Value scale, Value yScale, Value yZero,
                        Type element) {
  Value factor = n.make<nn::DivOp>({scale, yScale});
  return quantize(n, n.mul(n.cast(sums, f32(n)), factor), n.number(1, f32(n)), yZero, element);
}

static Decomposed qlinearMatmul(nn::QlinearMatmulOp op, Nodes &n, std::string &) {
  Value sums = multiply(n, op.getA(), op.getAZeroPoint(), op.getB(), op.getBZeroPoint());
  // Scales of 16 bits are exact in f32.
  auto wide = [&](Value scale) { return n.cast(scale, f32(n)); };
  return Values{requantize(n, sums, n.mul(perRow(n, wide(op.getAScale())), wide(op.getBScale())),
                           wide(op.getYScale()), op.getYZeroPoint(), Nodes::elementOf(op.getY()))};
}

/// alpha * A' B' + C, where C has the scale of the product.
static Decomposed qgemm(nn::MsQgemmOp op, Nodes &n, std::string &) {
  auto transposed = [&](Value value, bool swap) {
    return swap ? n.transpose(value, {1, 0}) : value;
  };
  Value sums = multiply(n, transposed(op.getA(), op.getTransA()), op.getAZeroPoint(),
                        transposed(op.getB(), op.getTransB()), op.getBZeroPoint());
  if (op.getC())
    sums = n.add(sums, op.getC());
  Value scale = n.mul(n.mul(op.getAScale(), op.getBScale()),
                      n.number(op.getAlpha().convertToDouble(), f32(n)));
  if (!op.getYScale())
    return Values{n.mul(n.cast(sums, f32(n)), scale)};
  return Values{
      requantize(n, sums, scale, op.getYScale(), op.getYZeroPoint(), Nodes::elementOf(op.getY()))};
}

static Decomposed matmulToFloat(nn::MsMatmulIntegerToFloatOp op, Nodes &n, std::string &) {
  Value sums = multiply(n, op.getA(), op.getAZeroPoint(), op.getB(), op.getBZeroPoint());
  Value y = n.mul(n.cast(sums, f32(n)), n.mul(perRow(n, op.getAScale()), op.getBScale()));
  return Values{op.getBias() ? n.add(y, op.getBias()) : y};
}

/// A is quantised by its own range.
static Decomposed dynamicMatmul(nn::MsDynamicQuantizeMatmulOp op, Nodes &n, std::string &) {
  Type u8 = n.builder.getIntegerType(8, /*isSigned=*/false);
  Operation *a = n.create<nn::DynamicQuantizeLinearOp>({op.getA()}, {}, {u8, f32(n), u8});
  Value sums = multiply(n, a->getResult(0), a->getResult(2), op.getB(), op.getBZeroPoint());
  Value y = n.mul(n.cast(sums, f32(n)), n.mul(a->getResult(1), op.getBScale()));
  return Values{op.getBias() ? n.add(y, op.getBias()) : y};
}

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

static constexpr StringRef kWindow[] = {"auto_pad",     "dilations", "group",
                                        "kernel_shape", "pads",      "strides"};

static Decomposed qlinearConv(nn::QlinearConvOp op, Nodes &n, std::string &reason) {
  std::optional<int64_t> rank = Nodes::rankOf(op.getW());
  if (!rank)
    return reason = "the rank of its weight is not known", failure();
  Value zero = alongAxis(n, op.getWZeroPoint(), 0, *rank);
  Value bias = op.getB() ? n.cast(op.getB(), f32(n)) : Value();
  Value sums = n.make<nn::ConvOp>(
      {shifted(n, op.getX(), op.getXZeroPoint()), shifted(n, op.getW(), zero), bias},
      n.taken(kWindow));
  Value scale = n.mul(op.getXScale(), alongAxis(n, op.getWScale(), 1, *rank));
  return Values{
      requantize(n, sums, scale, op.getYScale(), op.getYZeroPoint(), Nodes::elementOf(op.getY()))};
}

/// Sums are exact: so many products of 8-bit integers that f32 has every sum are
/// one convolution, and those are added as integers.
static constexpr int64_t kExactProducts = (1 << 24) / (255 * 255);

static Decomposed convInteger(nn::ConvIntegerOp op, Nodes &n, std::string &reason) {
  std::optional<ArrayRef<int64_t>> weight = Nodes::shapeOf(op.getW());
  if (!weight || weight->size() < 3 || llvm::any_of(*weight, ShapedType::isDynamic))
    return reason = "the shape of its weight is not known", failure();
  int64_t taps = 1, channels = (*weight)[1];
  for (int64_t size : weight->drop_front(2))
    taps *= size;
  if (taps > kExactProducts || (op.getGroup() != 1 && taps * channels > kExactProducts))
    return reason = "its sums are too long to be exact", failure();
  Value x = shifted(n, op.getX(), op.getXZeroPoint());
  Value w = shifted(n, op.getW(), alongAxis(n, op.getWZeroPoint(), 0, weight->size()));
  int64_t step = op.getGroup() != 1 ? channels : std::max<int64_t>(kExactProducts / taps, 1);
  Value total;
  for (int64_t begin = 0; begin < channels; begin += step) {
    int64_t end = std::min(begin + step, channels);
    bool all = begin == 0 && end == channels;
    Value part = n.make<nn::ConvOp>(
        {all ? x : n.slice(x, 1, begin, end), all ? w : n.slice(w, 1, begin, end)},
        n.taken(kWindow));
    part = n.cast(part, i32(n));
    total = total ? n.add(total, part) : part;
  }
  return Values{total};
}

void transform::attachQuantizedDecompositions(MLIRContext *context) {
  attachDecomposition<nn::MsQlinearAddOp, binary<nn::MsQlinearAddOp, nn::AddOp>>(context);
  attachDecomposition<nn::MsQlinearMulOp, binary<nn::MsQlinearMulOp, nn::MulOp>>(context);
  attachDecomposition<nn::MsQlinearSigmoidOp, activation<nn::MsQlinearSigmoidOp, nn::SigmoidOp>>(
      context);
  attachDecomposition<nn::MsQlinearLeakyReluOp,
                      activation<nn::MsQlinearLeakyReluOp, nn::LeakyReluOp>>(context);
  attachDecomposition<nn::MsQlinearSoftmaxOp, softmax>(context);
  attachDecomposition<nn::MsQlinearGlobalAveragePoolOp, globalPool>(context);
  attachDecomposition<nn::MsQlinearAveragePoolOp, averagePool>(context);
  attachDecomposition<nn::MsQlinearConcatOp, concat>(context);
  attachDecomposition<nn::MsQuantizeLinearOp,
                      sameInOnnx<nn::MsQuantizeLinearOp, nn::QuantizeLinearOp>>(context);
  attachDecomposition<nn::MsDequantizeLinearOp,
                      sameInOnnx<nn::MsDequantizeLinearOp, nn::DequantizeLinearOp>>(context);
  attachDecomposition<nn::QlinearMatmulOp, qlinearMatmul>(context);
  attachDecomposition<nn::MsQgemmOp, qgemm>(context);
  attachDecomposition<nn::MsMatmulIntegerToFloatOp, matmulToFloat>(context);
  attachDecomposition<nn::MsDynamicQuantizeMatmulOp, dynamicMatmul>(context);
  attachDecomposition<nn::QlinearConvOp, qlinearConv>(context);
  attachDecomposition<nn::ConvIntegerOp, convInteger>(context);
}
