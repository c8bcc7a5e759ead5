//===- PackWeight.cpp - Transposes and packs one weight ---------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
//
// A packed tensor is a gather with strides: every dimension of the result walks
// the source with a stride of its own, and the innermost one may run into padding.
// The bytes are produced in the order in which they are written.
//
//===----------------------------------------------------------------------===//

#include "WinogradFilter.h"

#include "secateur/CodeGen/WeightsBlob.h"
#include "secateur/Support/TensorBytes.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/DialectResourceBlobManager.h"

#include <cstring>

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

PackedWeight PackedWeight::get(DictionaryAttr attributes, uint64_t offset, StringRef name) {
  PackedWeight weight;
  weight.name = name.str();
  weight.offset = offset;
  weight.value = attributes.getAs<ElementsAttr>("value");
  if (auto shape = attributes.getAs<DenseI64ArrayAttr>("shape"))
    weight.shape.assign(shape.asArrayRef().begin(), shape.asArrayRef().end());
  if (auto permutation = attributes.getAs<DenseI64ArrayAttr>("permutation"))
    weight.permutation.assign(permutation.asArrayRef().begin(), permutation.asArrayRef().end());
  if (auto batch = attributes.getAs<IntegerAttr>("batch"))
    weight.batch = batch.getInt();
  if (auto panel = attributes.getAs<IntegerAttr>("panel"))
    weight.panel = panel.getInt();
  if (auto winograd = attributes.getAs<IntegerAttr>("winograd"))
    weight.winograd = winograd.getInt();
  return weight;
}

/// The shape before packing: reshaped and transposed.
static SmallVector<int64_t, 8> transposedShape(const PackedWeight &weight) {
  ArrayRef<int64_t> shape = weight.shape;
  if (shape.empty())
    shape = weight.value.getShapedType().getShape();
  SmallVector<int64_t, 8> result(shape);
  for (auto [i, from] : llvm::enumerate(weight.permutation))
    result[i] = shape[from];
  return result;
}

SmallVector<int64_t, 8> codegen::packedShape(const PackedWeight &weight) {
  SmallVector<int64_t, 8> shape = transposedShape(weight);
  if (weight.winograd)
    return {static_cast<int64_t>(llvm::divideCeil(shape[0], weight.panel)),
            (weight.winograd + 2) * (weight.winograd + 2), shape[1], weight.panel};
  if (!weight.panel || shape.empty())
    return shape;
  int64_t columns = shape.pop_back_val();
  shape.insert(shape.begin() + weight.batch, llvm::divideCeil(columns, weight.panel));
  shape.push_back(weight.panel);
  return shape;
}

uint64_t codegen::packedBytes(const PackedWeight &weight) {
  uint64_t bytes = getElementBytes(weight.value.getElementType());
  for (int64_t dim : packedShape(weight))
    bytes *= dim;
  return bytes;
}

namespace {

/// How one dimension of the result walks the source.
struct Walk {
  int64_t size;
  int64_t stride; // In elements of the source.
};

/// A gather: outer dimensions, and an inner run that may be cut short by padding.
struct Gather {
  SmallVector<Walk, 8> outer;
  Walk inner = {1, 1};
  /// Outer dimension that counts panels, or -1; and columns that there are.
  int64_t panelDim = -1;
  int64_t columns = 0;
};

} // namespace

static Gather planGather(const PackedWeight &weight) {
  SmallVector<int64_t, 8> shape(weight.shape.empty() ? weight.value.getShapedType().getShape()
                                                     : ArrayRef<int64_t>(weight.shape));
  SmallVector<int64_t, 8> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * shape[i];
  if (weight.value.isSplat())
    strides.assign(shape.size(), 0);
  Gather gather;
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t from = weight.permutation.empty() ? i : weight.permutation[i];
    gather.outer.push_back({shape[from], strides[from]});
  }
  if (gather.outer.empty())
    return gather;
  gather.inner = gather.outer.pop_back_val();
  if (weight.panel) {
    gather.columns = gather.inner.size;
    gather.panelDim = weight.batch;
    Walk panels = {static_cast<int64_t>(llvm::divideCeil(gather.inner.size, weight.panel)),
                   gather.inner.stride * weight.panel};
    gather.outer.insert(gather.outer.begin() + weight.batch, panels);
    gather.inner.size = weight.panel;
  }
  return gather;
}

/// Copies the gathered elements to the stream through a buffer.
template <typename Element>
static void runGather(const Gather &gather, const char *source, raw_ostream &os) {
  constexpr size_t kBuffered = (1 << 20) / sizeof(Element);
  std::vector<Element> buffer;
  buffer.reserve(kBuffered);
  auto flush = [&] {
    os.write(reinterpret_cast<const char *>(buffer.data()), buffer.size() * sizeof(Element));
    buffer.clear();
  };
  SmallVector<int64_t, 8> index(gather.outer.size(), 0);
  int64_t position = 0; // Of the run in the source, in elements.
  for (;;) {
    int64_t present = gather.inner.size;
    if (gather.panelDim >= 0)
      present = std::min(present, gather.columns - index[gather.panelDim] * gather.inner.size);
    for (int64_t i = 0; i < gather.inner.size; ++i) {
      Element element = 0;
      if (i < present)
        std::memcpy(&element, source + (position + i * gather.inner.stride) * sizeof(Element),
                    sizeof(Element));
      buffer.push_back(element);
      if (buffer.size() == kBuffered)
        flush();
    }
    size_t dim = gather.outer.size();
    for (; dim > 0; --dim) { // Odometer.
      const Walk &walk = gather.outer[dim - 1];
      position += walk.stride;
      if (++index[dim - 1] < walk.size)
        break;
      position -= walk.stride * walk.size;
      index[dim - 1] = 0;
    }
    if (dim == 0)
      break;
  }
  flush();
}

/// The bytes of a value, row-major, one element if splat. `storage` holds them when
/// the attribute keeps another form (booleans as bits).
static FailureOr<StringRef> rawBytes(const PackedWeight &weight, std::string &storage,
                                     Location location) {
  ElementsAttr value = weight.value;
  Type type = value.getElementType();
  bool isBool = type.isInteger(1);
  StringRef bytes;
  if (auto dense = dyn_cast<DenseElementsAttr>(value)) {
    if (isBool) {
      if (dense.isSplat())
        storage.push_back(dense.getSplatValue<bool>());
      else
        for (bool bit : dense.getValues<bool>())
          storage.push_back(bit);
      return StringRef(storage);
    }
    bytes = StringRef(dense.getRawData().data(), dense.getRawData().size());
  } else if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return emitError(location) << "weight '" << weight.name << "': the resource '"
                                 << resource.getRawHandle().getKey() << "' has no data";
    bytes = StringRef(blob->getData().data(), blob->getData().size());
  } else {
    return emitError(location) << "weight '" << weight.name
                               << "': values of this attribute kind cannot be read";
  }
  uint64_t elements = value.isSplat() ? 1 : value.getNumElements();
  if (bytes.size() < elements * getElementBytes(type))
    return emitError(location) << "weight '" << weight.name << "': has " << bytes.size()
                               << " bytes, expected " << elements * getElementBytes(type);
  return bytes;
}

/// Dense, in order, unpacked: the bytes are written as they are.
static bool isPlainCopy(const PackedWeight &weight) {
  if (weight.panel || weight.value.isSplat())
    return false;
  for (auto [i, from] : llvm::enumerate(weight.permutation))
    if (static_cast<int64_t>(i) != from)
      return false;
  return true;
}

LogicalResult codegen::packWeight(const PackedWeight &weight, raw_ostream &os, Location location) {
  Type type = weight.value.getElementType();
  if (!type.isIntOrFloat() || (!type.isInteger(1) && type.getIntOrFloatBitWidth() % 8))
    return emitError(location) << "weight '" << weight.name << "': elements of type " << type
                               << " cannot be stored";
  std::string storage;
  FailureOr<StringRef> bytes = rawBytes(weight, storage, location);
  if (failed(bytes))
    return failure();
  uint64_t size = packedBytes(weight);
  if (size == 0)
    return success();
  if (weight.winograd) {
    writeWinogradFilter(weight, *bytes, os);
    return success();
  }
  if (isPlainCopy(weight)) {
    os.write(bytes->data(), size);
    return success();
  }
  Gather gather = planGather(weight);
  switch (getElementBytes(type)) {
  case 1:
    runGather<uint8_t>(gather, bytes->data(), os);
    return success();
  case 2:
    runGather<uint16_t>(gather, bytes->data(), os);
    return success();
  case 4:
    runGather<uint32_t>(gather, bytes->data(), os);
    return success();
  case 8:
    runGather<uint64_t>(gather, bytes->data(), os);
    return success();
  default:
    return emitError(location) << "weight '" << weight.name << "': elements of type " << type
                               << " cannot be stored";
  }
}
