//===- ResultTypes.cpp - Element types and ranks of results -----------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Not shape inference: that belongs to ShapeOpInterface. The element type is
// part of every type and must be right from the start; the rank is what the
// adapters of old opsets ask for (Softmax before opset 13).

#include "NodeForm.h"

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Support/OnnxTypes.h"

#include "mlir/IR/BuiltinTypes.h"
#include "onnx-ml.pb.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace secateur;

using Rank = std::optional<int64_t>;

Type secateur::getDynamicType(MLIRContext *context, Type elementType, Rank rank) {
  if (!elementType)
    return nn::OpaqueType::get(context, "");
  if (!rank || *rank < 0)
    return UnrankedTensorType::get(elementType);
  return RankedTensorType::get(SmallVector<int64_t>(*rank, ShapedType::kDynamic), elementType);
}

Type secateur::getElementTypeOf(Value value) {
  auto tensor = value ? dyn_cast<TensorType>(value.getType()) : TensorType();
  return tensor ? tensor.getElementType() : Type();
}

Rank secateur::getRankOf(Value value) {
  auto tensor = value ? dyn_cast<RankedTensorType>(value.getType()) : RankedTensorType();
  return tensor ? Rank(tensor.getRank()) : std::nullopt;
}

/// Number of elements of a vector operand (axes, a shape), where it is static.
static Rank getLengthOf(Value value) {
  auto tensor = value ? dyn_cast<RankedTensorType>(value.getType()) : RankedTensorType();
  if (!tensor || tensor.getRank() != 1 || tensor.isDynamicDim(0))
    return std::nullopt;
  return tensor.getDimSize(0);
}

static int64_t getInt(const NodeForm &form, StringRef name, int64_t defaultValue) {
  auto attribute = dyn_cast_or_null<IntegerAttr>(form.attributes.get(name));
  return attribute ? attribute.getInt() : defaultValue;
}

/// The type that an attribute holding an onnx.TensorProto.DataType names.
static Type getTypeNamed(const NodeForm &form, StringRef attribute, Type otherwise) {
  int64_t dataType = getInt(form, attribute, 0);
  return dataType ? getTypeOfDataType(form.builder.getContext(), dataType) : otherwise;
}

/// Of operators of com.microsoft.
static Type getMicrosoftElementType(const NodeForm &form, unsigned result) {
  auto input = [&](unsigned index) { return getElementTypeOf(form.getInput(index)); };
  StringRef op = form.opType;
  if (op == "EmbedLayerNormalization")
    return result == 1 ? Type(form.builder.getI32Type()) : input(2);
  if (op.ends_with("LayerNormalization") && (result == 1 || result == 2))
    return form.builder.getF32Type();
  if (op == "QLinearConcat" || op == "DequantizeLinear")
    return input(1);
  if (op == "MatMulIntegerToFloat")
    return input(2);
  if (op == "QGemm")
    return form.getInput(8) ? input(8) : form.builder.getF32Type();
  if (op == "QuantizeLinear")
    return form.getInput(2) ? input(2) : form.builder.getIntegerType(8, /*isSigned=*/false);
  return input(0);
}

static Type getElementType(const NodeForm &form, unsigned result) {
  if (!form.domain.empty())
    return getMicrosoftElementType(form, result);
  Builder &builder = form.builder;
  StringRef op = form.opType;
  auto input = [&](unsigned index) { return getElementTypeOf(form.getInput(index)); };
  Type unsignedByte = builder.getIntegerType(8, /*isSigned=*/false);

  // Second and later results.
  if (result > 0) {
    if (op == "MaxPool" || op == "TopK" || op == "Unique")
      return builder.getI64Type();
    if (op == "Dropout")
      return builder.getI1Type();
    if (op == "DynamicQuantizeLinear")
      return result == 1 ? Type(builder.getF32Type()) : unsignedByte;
    if (op == "LayerNormalization" || op == "SimplifiedLayerNormalization")
      return getTypeNamed(form, "stash_type", builder.getF32Type());
    if (op == "BatchNormalization")
      return input(3);
    return input(0);
  }
  if (op == "Cast")
    return getTypeNamed(form, "to", {});
  if (op == "EyeLike")
    return getTypeNamed(form, "dtype", input(0));
  if (op == "ConstantOfShape") {
    auto value = dyn_cast_or_null<ElementsAttr>(form.attributes.get("value"));
    return value ? value.getShapedType().getElementType() : Type(builder.getF32Type());
  }
  if (op == "QuantizeLinear")
    return form.getInput(2) ? input(2) : getTypeNamed(form, "output_dtype", unsignedByte);
  if (op == "DequantizeLinear")
    return getTypeNamed(form, "output_dtype", input(1));
  if (op == "DynamicQuantizeLinear")
    return unsignedByte;

  enum { Bool, Int64, Int32, First, Second, Third, Eighth };
  switch (llvm::StringSwitch<int>(op)
              .Cases({"And", "Or", "Xor", "Not", "Equal", "Greater", "GreaterOrEqual", "Less",
                      "LessOrEqual", "IsInf", "IsNaN"},
                     Bool)
              .Cases({"Shape", "Size", "ArgMax", "ArgMin", "NonZero", "NonMaxSuppression"}, Int64)
              .Cases({"ConvInteger", "MatMulInteger"}, Int32)
              .Cases({"Where", "CastLike"}, Second)
              .Case("OneHot", Third)
              .Cases({"QLinearConv", "QLinearMatMul"}, Eighth)
              .Default(First)) {
  case Bool:
    return builder.getI1Type();
  case Int64:
    return builder.getI64Type();
  case Int32:
    return builder.getI32Type();
  case Second:
    return input(1);
  case Third:
    return input(2);
  case Eighth:
    return input(7);
  default:
    return input(0);
  }
}

static Rank getMatmulRank(Rank a, Rank b) {
  if (!a || !b || !*a || !*b)
    return std::nullopt;
  if (*a == 1 || *b == 1)
    return std::max<int64_t>(*a + *b - 2, 0);
  return std::max(*a, *b);
}

static Rank getReducedRank(const NodeForm &form, Rank rank) {
  Rank axes = getLengthOf(form.getInput(1));
  if (!rank || getInt(form, "keepdims", 1))
    return rank;
  if (axes && *axes > 0)
    return *rank - *axes;
  return form.getInput(1) || getInt(form, "noop_with_empty_axes", 0) ? std::nullopt : Rank(0);
}

static Rank getBroadcastRank(const NodeForm &form) {
  int64_t most = 0;
  for (Value value : form.inputs) {
    Rank rank = getRankOf(value);
    if (!rank)
      return std::nullopt;
    most = std::max(most, *rank);
  }
  return most;
}

/// Of operators of com.microsoft.
static Rank getMicrosoftRank(const NodeForm &form, unsigned result) {
  StringRef op = form.opType;
  if (result > 0 || op.ends_with("Attention"))
    return std::nullopt;
  if (op == "EmbedLayerNormalization")
    return 3;
  if (op == "QLinearConcat")
    return getRankOf(form.getInput(2));
  if (op == "QLinearAdd" || op == "QLinearMul" || op == "BiasGelu" || op.contains("MatMul"))
    return std::nullopt;
  return getRankOf(form.getInput(0));
}

static Rank getRank(const NodeForm &form, unsigned result) {
  if (!form.domain.empty())
    return getMicrosoftRank(form, result);
  StringRef op = form.opType;
  Rank first = getRankOf(form.getInput(0)), second = getRankOf(form.getInput(1));
  Rank length = getLengthOf(form.getInput(1));
  auto plus = [](Rank a, Rank b) { return a && b ? Rank(*a + *b) : std::nullopt; };

  if (op == "MatMul" || op == "MatMulInteger")
    return getMatmulRank(first, second);
  if (op == "QLinearMatMul")
    return getMatmulRank(first, getRankOf(form.getInput(3)));
  if (op.starts_with("Reduce"))
    return getReducedRank(form, first);
  if (op == "ArgMax" || op == "ArgMin")
    return first && !getInt(form, "keepdims", 1) ? Rank(*first - 1) : first;
  if (auto perm = dyn_cast_or_null<DenseI64ArrayAttr>(form.attributes.get("perm")))
    return perm.size();
  if (op == "Gather")
    return plus(first, plus(second, -1));
  if (op == "Squeeze")
    return form.getInput(1) && length ? plus(first, -*length) : std::nullopt;
  if (op == "Unsqueeze")
    return plus(first, length);
  if (op == "Reshape")
    return length;
  if (op == "Expand")
    return first && length ? Rank(std::max(*first, *length)) : std::nullopt;
  if (op == "ConstantOfShape")
    return getLengthOf(form.getInput(0));
  if (op == "OneHot")
    return plus(first, 1);
  if (op == "LSTM" || op == "GRU" || op == "RNN")
    return result == 0 ? 4 : 3;
  if (op == "Compress")
    return form.attributes.get("axis") ? first : Rank(1);
  if (op == "DynamicQuantizeLinear" && result > 0)
    return 0;
  if (op == "BatchNormalization" && result > 0)
    return 1;

  constexpr int64_t kSame = -1, kBroadcast = -2, kUnknown = -3;
  int64_t rule =
      llvm::StringSwitch<int64_t>(op)
          .Case("Size", 0)
          .Cases({"Shape", "Range"}, 1)
          .Cases({"Gemm", "Flatten", "NonZero", "NonMaxSuppression"}, 2)
          .Cases({"MaxRoiPool", "RoiAlign"}, 4)
          .Cases(
              {"Add", "And", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Div", "Equal"},
              kBroadcast)
          .Cases({"Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Mean", "Min", "Mod"},
                 kBroadcast)
          .Cases({"Mul", "Or", "Pow", "Sub", "Sum", "Where", "Xor"}, kBroadcast)
          .Cases({"Attention", "Einsum", "GatherND", "Unique"}, kUnknown)
          .Default(kSame);
  if (op == "GatherElements")
    return second;
  if (rule == kSame)
    return first;
  if (rule == kBroadcast)
    return getBroadcastRank(form);
  return rule == kUnknown ? std::nullopt : Rank(rule);
}

/// The one element of a constant of integers.
static std::optional<int64_t> getConstantInt(Value value) {
  auto constant = value ? value.getDefiningOp<nn::ConstantOp>() : nn::ConstantOp();
  auto dense = constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : DenseElementsAttr();
  if (!dense || dense.getNumElements() != 1 || !dense.getElementType().isSignlessInteger())
    return std::nullopt;
  return dense.getSplatValue<APInt>().getSExtValue();
}

/// The length of vector `[length]` after a Slice with step 1.
static Rank getSlicedLength(const NodeForm &form, int64_t length) {
  std::optional<int64_t> start = getConstantInt(form.getInput(1)),
                         end = getConstantInt(form.getInput(2));
  if (!start || !end || (form.getInput(4) && getConstantInt(form.getInput(4)) != 1))
    return std::nullopt;
  auto clamp = [&](int64_t index) {
    return std::clamp<int64_t>(index < 0 ? index + length : index, 0, length);
  };
  return std::max<int64_t>(clamp(*end) - clamp(*start), 0);
}

/// The length of a vector that a node of shape arithmetic makes: a Reshape to it
/// has as many dimensions.
static Rank getLength(const NodeForm &form) {
  StringRef op = form.opType;
  if (op == "Shape" && !form.attributes.get("start") && !form.attributes.get("end"))
    return getRankOf(form.getInput(0));
  if (op == "Unsqueeze" && getRankOf(form.getInput(0)) == 0)
    return 1;
  if (op == "Cast" || op == "Identity")
    return getLengthOf(form.getInput(0));
  if (Rank length = getLengthOf(form.getInput(0)); length && op == "Slice")
    return getSlicedLength(form, *length);
  if (op != "Concat")
    return std::nullopt;
  int64_t total = 0;
  for (Value value : form.inputs) {
    Rank length = getLengthOf(value);
    if (!length)
      return std::nullopt;
    total += *length;
  }
  return total;
}

SmallVector<Type> secateur::inferResultTypes(const NodeForm &form) {
  SmallVector<Type> types;
  for (unsigned result = 0; result < form.outputs.size(); ++result)
    types.push_back(getDynamicType(form.builder.getContext(), getElementType(form, result),
                                   getRank(form, result)));
  if (Rank length = getLength(form))
    if (auto vector = dyn_cast<RankedTensorType>(types.front()); vector && vector.getRank() == 1)
      types.front() = RankedTensorType::get({*length}, vector.getElementType());
  // An Identity of a sequence is a sequence.
  if (form.opType == "Identity" && isa<nn::OpaqueType>(form.inputs.front().getType()))
    types.front() = form.inputs.front().getType();
  return types;
}
