//===- HostTensor.cpp - Constants that can be computed with -----------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Transform/HostTensor.h"

#include "secateur/Analysis/Constants.h"
#include "secateur/Support/TensorBytes.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

#include <cstring>

using namespace mlir;
using namespace secateur;
using namespace secateur::transform;

/// Above this many bytes a constant is a resource: attributes are hashed.
static constexpr int64_t kResourceBytes = 4096;

ElementsAttr secateur::transform::makeConstant(RankedTensorType type, ArrayRef<char> bytes) {
  if (static_cast<int64_t>(bytes.size()) <= kResourceBytes && !type.getElementType().isInteger(1))
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  AsmResourceBlob blob = HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, 64);
  return DenseResourceElementsAttr::get(type, "folded", std::move(blob));
}

std::optional<HostTensor> HostTensor::read(ElementsAttr attribute) {
  auto type = dyn_cast<RankedTensorType>(attribute.getShapedType());
  if (!type || !type.hasStaticShape())
    return std::nullopt;
  HostTensor result;
  result.type = type;
  auto dense = dyn_cast<DenseElementsAttr>(attribute);
  if (dense && dense.isSplat()) {
    result.uniform = true;
    if (isa<FloatType>(type.getElementType()))
      result.floats.push_back(dense.getSplatValue<APFloat>().convertToDouble());
    else if (auto integer = dyn_cast<IntegerType>(type.getElementType()))
      result.integers.push_back(integer.isUnsigned() || integer.getWidth() == 1
                                    ? dense.getSplatValue<APInt>().getZExtValue()
                                    : dense.getSplatValue<APInt>().getSExtValue());
    else
      return std::nullopt;
    return result;
  }
  constexpr int64_t unlimited = std::numeric_limits<int64_t>::max();
  if (auto values = analysis::readFloats(attribute, unlimited))
    result.floats.assign(values->begin(), values->end());
  else if (auto values = analysis::readIntegers(attribute, unlimited))
    result.integers.assign(values->begin(), values->end());
  else
    return std::nullopt;
  return result;
}

static void writeFloat(Type type, double number, char *bytes) {
  if (type.isF32()) {
    float value = static_cast<float>(number);
    std::memcpy(bytes, &value, sizeof(value));
  } else if (type.isF64()) {
    std::memcpy(bytes, &number, sizeof(number));
  } else {
    bool lost;
    APFloat value(number);
    value.convert(cast<FloatType>(type).getFloatSemantics(), APFloat::rmNearestTiesToEven, &lost);
    auto bits = static_cast<uint16_t>(value.bitcastToAPInt().getZExtValue());
    std::memcpy(bytes, &bits, sizeof(bits));
  }
}

ElementsAttr HostTensor::write() const {
  Type element = type.getElementType();
  if (element.isInteger(1)) {
    SmallVector<bool> values(integers.begin(), integers.end());
    return DenseElementsAttr::get(type, values);
  }
  int64_t count = size() == 0 ? 0 : (uniform ? 1 : size()), width = getElementBytes(element);
  std::vector<char> bytes(count * width);
  for (int64_t i = 0; i < count; ++i) {
    char *target = bytes.data() + i * width;
    if (isFloat())
      writeFloat(element, floats[i], target);
    else
      std::memcpy(target, &integers[i], width);
  }
  if (uniform || size() == 0)
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  return makeConstant(type, bytes);
}
