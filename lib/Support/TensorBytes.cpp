//===- TensorBytes.cpp - The bytes of a constant tensor ---------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Support/TensorBytes.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace secateur;

int64_t secateur::getElementBytes(Type elementType) {
  if (auto complex = dyn_cast<ComplexType>(elementType))
    return 2 * getElementBytes(complex.getElementType());
  if (elementType.isIndex())
    return sizeof(int64_t);
  if (!elementType.isIntOrFloat())
    return 0;
  return llvm::divideCeil(elementType.getIntOrFloatBitWidth(), 8);
}

std::optional<int64_t> secateur::getNumElements(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  // A zero makes the tensor empty, whatever the other dimensions are.
  if (llvm::is_contained(shape, 0))
    count = 0;
  for (int64_t dim : shape)
    if (dim < 0 || llvm::MulOverflow(count, dim, count))
      return std::nullopt;
  return count;
}

std::optional<ArrayRef<char>> secateur::getTensorBytes(ElementsAttr value,
                                                       SmallVectorImpl<char> &storage) {
  ShapedType type = value.getShapedType();
  int64_t width = getElementBytes(type.getElementType());
  std::optional<int64_t> count = getNumElements(type.getShape());
  int64_t size = 0;
  if (!width || !count || llvm::MulOverflow(*count, width, size))
    return std::nullopt;

  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob || static_cast<int64_t>(blob->getData().size()) != size)
      return std::nullopt;
    return blob->getData();
  }
  auto dense = dyn_cast<DenseElementsAttr>(value);
  if (!dense || isa<DenseStringElementsAttr>(dense))
    return std::nullopt;
  if (type.getElementType().isInteger(1)) {
    storage.clear();
    storage.reserve(size);
    for (bool element : dense.getValues<bool>())
      storage.push_back(element);
    return ArrayRef<char>(storage);
  }
  ArrayRef<char> raw = dense.getRawData();
  if (!dense.isSplat() || *count == 1)
    return raw;
  storage.resize_for_overwrite(size);
  for (int64_t offset = 0; offset < size; offset += width)
    std::copy_n(raw.data(), width, storage.data() + offset);
  return ArrayRef<char>(storage);
}
