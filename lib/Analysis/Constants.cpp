//===- Constants.cpp - Reading the values of constants ----------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Analysis/Constants.h"
#include "secateur/Support/TensorBytes.h"

#include "dialects/NN/IR/NNOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"

#include <cstring>

using namespace mlir;
using namespace secateur;

ElementsAttr analysis::getConstant(Value value) {
  while (value) {
    Operation *op = value.getDefiningOp();
    if (auto constant = dyn_cast_or_null<nn::ConstantOp>(op))
      return constant.getValue();
    auto identity = dyn_cast_or_null<nn::IdentityOp>(op);
    value = identity ? identity.getInput() : Value();
  }
  return {};
}

/// The blob of a resource, if it is there and as large as the type says.
static std::optional<ArrayRef<char>> getBlob(DenseResourceElementsAttr resource) {
  AsmResourceBlob *blob = resource.getRawHandle().getBlob();
  int64_t size = getElementBytes(resource.getType().getElementType());
  if (!blob || size == 0 || !resource.getType().hasStaticShape())
    return std::nullopt;
  ArrayRef<char> data = blob->getData();
  if (int64_t(data.size()) != resource.getType().getNumElements() * size)
    return std::nullopt;
  return data;
}

std::optional<analysis::ConstantBytes> analysis::getConstantBytes(ElementsAttr value) {
  if (auto resource = dyn_cast_or_null<DenseResourceElementsAttr>(value)) {
    if (auto data = getBlob(resource))
      return ConstantBytes{*data, false};
    return std::nullopt;
  }
  auto dense = dyn_cast_or_null<DenseIntOrFPElementsAttr>(value);
  if (!dense || getElementBytes(dense.getElementType()) == 0 || dense.getElementType().isInteger(1))
    return std::nullopt;
  ArrayRef<char> data = dense.getRawData();
  int64_t size = getElementBytes(dense.getElementType());
  int64_t count = dense.isSplat() ? 1 : dense.getNumElements();
  if (int64_t(data.size()) != count * size)
    return std::nullopt;
  return ConstantBytes{data, dense.isSplat()};
}

/// Element bits, little-endian, zero-extended.
static uint64_t readBits(const char *data, unsigned size) {
  uint64_t bits = 0;
  for (unsigned i = 0; i < size; ++i)
    bits |= uint64_t(uint8_t(data[i])) << (8 * i);
  return bits;
}

/// The number of elements of `value`, if it has a type whose elements can be
/// read and no more than `limit`.
static std::optional<int64_t> countReadable(ElementsAttr value, int64_t limit) {
  if (!value || !value.getShapedType().hasStaticShape())
    return std::nullopt;
  int64_t count = value.getShapedType().getNumElements();
  return count <= limit ? std::optional(count) : std::nullopt;
}

std::optional<SmallVector<int64_t>> analysis::readIntegers(ElementsAttr value, int64_t limit) {
  std::optional<int64_t> count = countReadable(value, limit);
  if (!count)
    return std::nullopt;
  auto type = dyn_cast<IntegerType>(value.getElementType());
  if (!type || type.getWidth() > 64)
    return std::nullopt;
  bool isUnsigned = type.isUnsigned() || type.getWidth() == 1;
  auto widen = [&](uint64_t bits) -> int64_t {
    unsigned unused = 64 - type.getWidth();
    return isUnsigned ? int64_t(bits) : int64_t(bits << unused) >> unused;
  };
  SmallVector<int64_t> result;
  result.reserve(*count);
  if (auto dense = dyn_cast<DenseIntElementsAttr>(value)) {
    for (const APInt &element : dense.getValues<APInt>())
      result.push_back(widen(element.getZExtValue()));
    return result;
  }
  std::optional<ConstantBytes> data = getConstantBytes(value);
  if (!data || (type.getWidth() < 8 && type.getWidth() != 1))
    return std::nullopt;
  int64_t size = getElementBytes(type);
  for (int64_t i = 0; i < *count; ++i) {
    uint64_t bits = readBits(data->bytes.data() + i * size, size);
    result.push_back(type.getWidth() == 1 ? int64_t(bits != 0) : widen(bits));
  }
  return result;
}

/// Elements of a type that this machine has. (APFloat takes some 50 times as long,
/// which counts with a model's weights.)
template <typename Float>
static SmallVector<double> readNative(const analysis::ConstantBytes &data, int64_t count) {
  SmallVector<double> result(count);
  for (int64_t i = 0; i < count; ++i) {
    Float element; // The bytes may not be aligned.
    std::memcpy(&element, data.bytes.data() + (data.splat ? 0 : i * sizeof(Float)), sizeof(Float));
    result[i] = element;
  }
  return result;
}

std::optional<SmallVector<double>> analysis::readFloats(ElementsAttr value, int64_t limit) {
  std::optional<int64_t> count = countReadable(value, limit);
  if (!count)
    return std::nullopt;
  auto type = dyn_cast<FloatType>(value.getElementType());
  std::optional<ConstantBytes> data = getConstantBytes(value);
  if (!type || !data || type.getWidth() > 64 || type.getWidth() < 8)
    return std::nullopt;
  int64_t size = getElementBytes(type);
  SmallVector<double> result;
  if (type.isF32())
    return readNative<float>(*data, *count);
  if (type.isF64())
    return readNative<double>(*data, *count);
  result.reserve(*count);
  for (int64_t i = 0; i < *count; ++i) {
    uint64_t bits = readBits(data->bytes.data() + (data->splat ? 0 : i * size), size);
    APFloat element(type.getFloatSemantics(), APInt(type.getWidth(), bits));
    bool losesInfo = false;
    element.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
    result.push_back(element.convertToDouble());
  }
  return result;
}

std::optional<SmallVector<int64_t>> analysis::getConstantIntegers(Value value) {
  return readIntegers(getConstant(value));
}

std::optional<SmallVector<double>> analysis::getConstantFloats(Value value) {
  return readFloats(getConstant(value));
}
