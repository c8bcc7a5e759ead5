//===- LoweringConstants.cpp - Constants of a model being lowered ------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Small constants and integers become arith.constant, large ones kern.weight,
// whose bytes stay in the file until the weights are written.

#include "secateur/Lowering/LoweringContext.h"

#include "secateur/Analysis/Constants.h"

#include "dialects/Kern/IR/KernOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

/// Floating point constants of more elements are weights.
static constexpr int64_t kMaxInline = 64;
/// No constant of integers, whose elements are part of the code, is longer.
static constexpr int64_t kMaxElements = INT64_C(1) << 26;

/// For each element of the transposed tensor the position of its source.
static SmallVector<int64_t> sourcePositions(ArrayRef<int64_t> shape,
                                            ArrayRef<int64_t> permutation) {
  int64_t rank = shape.size();
  SmallVector<int64_t> strides(rank, 1);
  for (int64_t axis = rank - 2; axis >= 0; --axis)
    strides[axis] = strides[axis + 1] * shape[axis + 1];
  SmallVector<int64_t> positions = {0};
  for (int64_t axis : permutation) {
    SmallVector<int64_t> next;
    next.reserve(positions.size() * shape[axis]);
    for (int64_t position : positions)
      for (int64_t i = 0; i < shape[axis]; ++i)
        next.push_back(position + i * strides[axis]);
    positions = std::move(next);
  }
  return positions;
}

/// The constant with its elements in their stored type; null where they cannot
/// be read.
static DenseElementsAttr inlineConstant(ElementsAttr value, ArrayRef<int64_t> permutation) {
  auto type = cast<RankedTensorType>(value.getShapedType());
  Type stored = LoweringContext::storageType(type.getElementType());
  SmallVector<int64_t> shape =
      llvm::map_to_vector(permutation, [&](int64_t axis) { return type.getDimSize(axis); });
  auto storedType = RankedTensorType::get(shape, stored);
  bool isFloat = isa<FloatType>(stored);
  if (isFloat && !stored.isF32() && !stored.isF64())
    return {};
  if (std::optional<SmallVector<double>> splat =
          isFloat ? LoweringContext::constantSplat(value) : std::nullopt)
    return DenseElementsAttr::get(storedType, FloatAttr::get(stored, splat->front()));
  std::optional<SmallVector<double>> floats;
  std::optional<SmallVector<int64_t>> integers;
  if (isFloat)
    floats = analysis::readFloats(value, kMaxElements);
  else
    integers = analysis::readIntegers(value, kMaxElements);
  if (!floats && !integers)
    return {};
  unsigned width = stored.getIntOrFloatBitWidth() / 8;
  std::vector<char> bytes;
  bytes.reserve(width * type.getNumElements());
  auto append = [&](auto element) {
    const char *raw = reinterpret_cast<const char *>(&element);
    bytes.insert(bytes.end(), raw, raw + width);
  };
  for (int64_t position : sourcePositions(type.getShape(), permutation)) {
    if (integers)
      append((*integers)[position]); // little-endian: the low bytes come first
    else if (stored.isF64())
      append((*floats)[position]);
    else
      append(float((*floats)[position]));
  }
  if (bytes.empty())
    return DenseElementsAttr::get(storedType, ArrayRef<Attribute>());
  return DenseElementsAttr::getFromRawBuffer(storedType, bytes);
}

static double toDouble(APFloat value) {
  bool losesInfo;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
  return value.convertToDouble();
}

std::optional<SmallVector<double>> LoweringContext::constantSplat(ElementsAttr constant) {
  if (auto dense = dyn_cast<DenseElementsAttr>(constant);
      dense && dense.isSplat() && isa<FloatType>(dense.getElementType()))
    return SmallVector<double>{toDouble(dense.getSplatValue<APFloat>())};
  if (constant.getNumElements() != 1)
    return std::nullopt;
  return analysis::readFloats(constant, 1);
}

Value LoweringContext::lowerConstant(Value value, Layout layout) {
  ElementsAttr attribute = constant(value);
  Lowered &entry = constants[value];
  entry.primary = Layout::RowMajor;
  Value &tensor = entry.tensors[int(layout)];
  if (tensor)
    return tensor;
  auto type = cast<RankedTensorType>(attribute.getShapedType());
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  SmallVector<int64_t> permutation = storedOrder<int64_t>(axes, layout);
  Type stored = storageType(type.getElementType());
  if (stored.isF32() && type.getNumElements() > kMaxInline && !attribute.isSplat())
    return tensor = weight(attribute, {},
                           layout == Layout::RowMajor ? ArrayRef<int64_t>() : permutation);
  DenseElementsAttr dense = inlineConstant(attribute, permutation);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(top);
  if (!dense) {
    (void)unsupported(current, "the elements of a constant operand cannot be read");
    return tensor = empty(storedOrder(shape(value), layout), stored);
  }
  return tensor = arith::ConstantOp::create(b, dense);
}

Value LoweringContext::lowerElements(Value value) {
  SmallVector<Dim> known = *elements(value);
  Type stored = storageType(elementType(value));
  auto type = tensorType(value, Layout::RowMajor);
  if (std::optional<SmallVector<int64_t>> constants = constantInts(value);
      constants && isa<IntegerType>(stored)) {
    SmallVector<Attribute> attributes =
        llvm::map_to_vector(*constants, [&](int64_t element) -> Attribute {
          return b.getIntegerAttr(stored, element);
        });
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(top);
    return arith::ConstantOp::create(b, DenseElementsAttr::get(type, attributes));
  }
  SmallVector<Value> scalars;
  for (Dim dim : known) {
    Value element = index(dim);
    Type integer = isa<IntegerType>(stored) ? stored : Type(b.getI64Type());
    element = arith::IndexCastOp::create(b, integer, element);
    if (isa<FloatType>(stored))
      element = arith::SIToFPOp::create(b, stored, element);
    scalars.push_back(element);
  }
  return tensor::FromElementsOp::create(b, type, scalars);
}
