//===- Tensors.cpp - onnx.TensorProto to attributes -------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Sizes are checked, with overflow in mind, before anything is allocated.

#include "Tensors.h"

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Support/Files.h"
#include "secateur/Support/OnnxTypes.h"
#include "secateur/Support/TensorBytes.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "onnx-ml.pb.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace secateur;
using onnx::TensorProto;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

/// Bytes that raw_data has for `count` elements; none where that overflows.
static std::optional<uint64_t> getRawBytes(int64_t count, int32_t dataType) {
  int64_t bits = 0;
  if (llvm::MulOverflow<int64_t>(count, getBitsOfDataType(dataType), bits))
    return std::nullopt;
  return llvm::divideCeil(static_cast<uint64_t>(bits), 8);
}

template <typename To, typename Field>
static void appendAs(const Field &field, std::string &bytes) {
  bytes.reserve(field.size() * sizeof(To));
  for (auto element : field) {
    To value = static_cast<To>(element);
    bytes.append(reinterpret_cast<const char *>(&value), sizeof(To));
  }
}

/// The typed fields (float_data and the like) as raw_data would have them.
static std::string packTypedData(const TensorProto &tensor) {
  std::string bytes;
  switch (tensor.data_type()) {
  case TensorProto::FLOAT:
  case TensorProto::COMPLEX64:
    appendAs<float>(tensor.float_data(), bytes);
    break;
  case TensorProto::DOUBLE:
  case TensorProto::COMPLEX128:
    appendAs<double>(tensor.double_data(), bytes);
    break;
  case TensorProto::INT64:
    appendAs<int64_t>(tensor.int64_data(), bytes);
    break;
  case TensorProto::UINT32:
    appendAs<uint32_t>(tensor.uint64_data(), bytes);
    break;
  case TensorProto::UINT64:
    appendAs<uint64_t>(tensor.uint64_data(), bytes);
    break;
  case TensorProto::INT32:
    appendAs<int32_t>(tensor.int32_data(), bytes);
    break;
  case TensorProto::INT16:
  case TensorProto::UINT16:
  case TensorProto::FLOAT16:
  case TensorProto::BFLOAT16:
    appendAs<uint16_t>(tensor.int32_data(), bytes);
    break;
  default:
    appendAs<uint8_t>(tensor.int32_data(), bytes);
    break;
  }
  return bytes;
}

/// One byte an element from elements of `bits` bits, low bits first.
static SmallVector<char> unpackSubBytes(ArrayRef<char> packed, unsigned bits, int64_t count,
                                        bool isSigned) {
  SmallVector<char> result;
  result.reserve(count);
  unsigned perByte = 8 / bits;
  for (int64_t i = 0; i < count; ++i) {
    uint8_t value =
        (static_cast<uint8_t>(packed[i / perByte]) >> (i % perByte * bits)) & ((1u << bits) - 1);
    if (isSigned && value >> (bits - 1))
      value |= 0xffu << bits;
    result.push_back(static_cast<char>(value));
  }
  return result;
}

static Attribute makeResource(RankedTensorType type, StringRef name, AsmResourceBlob blob) {
  return DenseResourceElementsAttr::get(type, name.empty() ? "tensor" : name, std::move(blob));
}

ElementsAttr TensorReader::makeAttribute(RankedTensorType type, Source source, int32_t dataType,
                                         int64_t count, StringRef name) {
  unsigned bits = getBitsOfDataType(dataType);
  SmallVector<char> unpacked;
  if (bits < 8) {
    unpacked = unpackSubBytes(source.bytes, bits, count,
                              dataType == TensorProto::INT4 || dataType == TensorProto::INT2);
    source = {unpacked, nullptr};
  }
  if (dataType == TensorProto::BOOL) {
    for (char byte : source.bytes)
      unpacked.push_back(byte != 0);
    source = {unpacked, nullptr};
  }
  if (count == 0)
    return DenseElementsAttr::getFromRawBuffer(type, {});
  if (source.bytes.size() < mapThreshold) {
    if (dataType == TensorProto::BOOL)
      return DenseElementsAttr::get(
          type, ArrayRef<bool>(reinterpret_cast<const bool *>(unpacked.data()), count));
    return DenseElementsAttr::getFromRawBuffer(type, source.bytes);
  }
  if (!source.owner)
    return cast<ElementsAttr>(makeResource(
        type, name,
        HeapAsmResourceBlob::allocateAndCopyWithAlign(source.bytes, 64, /*dataIsMutable=*/false)));
  // Tensors in a file lie at any byte: alignment 1 promises nothing.
  auto keepAlive = [owner = source.owner](void *, size_t, size_t) {};
  return cast<ElementsAttr>(makeResource(
      type, name,
      UnmanagedAsmResourceBlob::allocateWithAlign(source.bytes, 1, std::move(keepAlive))));
}

FailureOr<ElementsAttr> TensorReader::read(const TensorProto &tensor, StringRef name,
                                           EmitError emitError) {
  auto fail = [&]() { return emitError() << "tensor '" << printable(name) << "': "; };
  Type elementType = getTypeOfDataType(context, tensor.data_type());
  if (!elementType) {
    fail() << "unknown data type " << tensor.data_type();
    return failure();
  }
  if (tensor.has_segment()) {
    fail() << "tensors in segments are not supported";
    return failure();
  }
  SmallVector<int64_t> shape(tensor.dims().begin(), tensor.dims().end());
  std::optional<int64_t> count = getNumElements(shape);
  std::optional<uint64_t> wanted = count ? getRawBytes(*count, tensor.data_type()) : std::nullopt;
  if (!wanted) {
    InFlightDiagnostic diagnostic = fail() << "impossible dimensions ";
    llvm::interleave(shape, diagnostic, "x");
    return failure();
  }
  auto type = RankedTensorType::get(shape, elementType);

  if (tensor.data_type() == TensorProto::STRING) {
    if (tensor.string_data_size() != *count) {
      fail() << "has " << tensor.string_data_size() << " strings where its dimensions want "
             << *count;
      return failure();
    }
    SmallVector<StringRef> strings(tensor.string_data().begin(), tensor.string_data().end());
    return cast<ElementsAttr>(DenseStringElementsAttr::get(type, strings));
  }

  std::string packed;
  Source source;
  if (tensor.data_location() == TensorProto::EXTERNAL) {
    FailureOr<Source> external = readExternal(tensor, name, *wanted, emitError);
    if (failed(external))
      return failure();
    source = *external;
  } else if (std::optional<size_t> index = getPayloadIndex(tensor);
             index && *index < scanned.payloads.size()) {
    source = {scanned.payloads[*index], file};
  } else if (tensor.has_raw_data()) {
    source = {ArrayRef<char>(tensor.raw_data().data(), tensor.raw_data().size()), nullptr};
  } else {
    packed = packTypedData(tensor);
    source = {ArrayRef<char>(packed.data(), packed.size()), nullptr};
  }
  if (source.bytes.size() != *wanted) {
    fail() << "has " << source.bytes.size() << " bytes of data where its type and dimensions want "
           << *wanted;
    return failure();
  }
  return makeAttribute(type, source, tensor.data_type(), *count, name);
}

FailureOr<std::shared_ptr<llvm::MemoryBuffer>>
TensorReader::mapExternal(StringRef location, StringRef name, EmitError emitError) {
  auto cached = externalFiles.find(location);
  if (cached != externalFiles.end())
    return cached->second;
  auto fail = [&]() {
    return emitError() << "tensor '" << printable(name) << "': external data '"
                       << printable(location) << "' ";
  };
  bool inside = !location.empty() && !path::is_absolute(location) && !location.contains('\0') &&
                llvm::none_of(llvm::make_range(path::begin(location), path::end(location)),
                              [](StringRef part) { return part == ".."; });
  SmallString<256> folder(path::parent_path(modelPath)), realFolder, realFile;
  if (folder.empty())
    folder = ".";
  SmallString<256> file = folder;
  path::append(file, location);
  if (inside && !fs::exists(file)) {
    fail() << "does not exist beside the model";
    return failure();
  }
  // A link may lead out of the folder, too.
  if (!inside || fs::real_path(folder, realFolder) || fs::real_path(file, realFile) ||
      !StringRef(realFile).starts_with((realFolder + "/").str())) {
    fail() << "leaves the model's folder: this is not allowed";
    return failure();
  }
  FailureOr<std::shared_ptr<llvm::MemoryBuffer>> mapped =
      mapFile(file, [&]() { return emitError() << "tensor '" << printable(name) << "': "; });
  if (succeeded(mapped))
    externalFiles[location] = *mapped;
  return mapped;
}

FailureOr<TensorReader::Source> TensorReader::readExternal(const TensorProto &tensor,
                                                           StringRef name, uint64_t wanted,
                                                           EmitError emitError) {
  auto fail = [&]() {
    return emitError() << "tensor '" << printable(name) << "': external data: ";
  };
  StringRef location;
  uint64_t offset = 0, length = wanted;
  for (const onnx::StringStringEntryProto &entry : tensor.external_data()) {
    StringRef value = entry.value();
    if (entry.key() == "location")
      location = value;
    else if ((entry.key() == "offset" && value.getAsInteger(10, offset)) ||
             (entry.key() == "length" && value.getAsInteger(10, length))) {
      fail() << entry.key() << " '" << printable(value) << "' is not a number";
      return failure();
    }
  }
  FailureOr<std::shared_ptr<llvm::MemoryBuffer>> mapped = mapExternal(location, name, emitError);
  if (failed(mapped))
    return failure();
  if (length != wanted) {
    fail() << "the length " << length << " is not the " << wanted
           << " bytes that its type and dimensions want";
    return failure();
  }
  uint64_t size = (*mapped)->getBufferSize();
  if (offset > size || length > size - offset) {
    fail() << "file '" << printable(location) << "' has " << size << " bytes, too few for "
           << length << " bytes at offset " << offset;
    return failure();
  }
  return Source{ArrayRef<char>((*mapped)->getBufferStart() + offset, length), *mapped};
}

FailureOr<ElementsAttr> TensorReader::readSparse(const onnx::SparseTensorProto &tensor,
                                                 StringRef name, EmitError emitError) {
  auto fail = [&]() { return emitError() << "sparse tensor '" << printable(name) << "': "; };
  FailureOr<ElementsAttr> values = read(tensor.values(), name, emitError);
  FailureOr<ElementsAttr> indices = read(tensor.indices(), name, emitError);
  if (failed(values) || failed(indices))
    return failure();
  SmallVector<int64_t> shape(tensor.dims().begin(), tensor.dims().end());
  std::optional<int64_t> count = getNumElements(shape);
  Type elementType = values->getShapedType().getElementType();
  int64_t width = getElementBytes(elementType);
  // A dense copy is made, so that its size has a limit.
  constexpr int64_t kMostElements = int64_t(1) << 32;
  SmallVector<char> valueStorage, indexStorage;
  auto valueBytes = getTensorBytes(*values, valueStorage),
       indexBytes = getTensorBytes(*indices, indexStorage);
  if (!count || *count > kMostElements || !width || !valueBytes || !indexBytes ||
      !indices->getShapedType().getElementType().isInteger(64)) {
    fail() << "impossible dimensions or types";
    return failure();
  }
  int64_t stored = values->getShapedType().getNumElements(), rank = shape.size();
  bool linear = indices->getShapedType().getRank() == 1;
  if (indices->getShapedType().getNumElements() != (linear ? stored : stored * rank)) {
    fail() << "the indices do not match the values";
    return failure();
  }
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(*count * width, 64);
  std::fill(blob.getMutableData().begin(), blob.getMutableData().end(), 0);
  for (int64_t i = 0; i < stored; ++i) {
    int64_t position = 0;
    for (int64_t axis = 0; axis < (linear ? 1 : rank); ++axis) {
      int64_t index, extent = linear ? *count : shape[axis];
      std::memcpy(&index, indexBytes->data() + (linear ? i : i * rank + axis) * sizeof(index),
                  sizeof(index));
      if (index < 0 || index >= extent) {
        fail() << "index " << index << " lies outside its dimension of " << extent;
        return failure();
      }
      position = position * extent + index;
    }
    std::copy_n(valueBytes->data() + i * width, width,
                blob.getMutableData().data() + position * width);
  }
  return cast<ElementsAttr>(
      makeResource(RankedTensorType::get(shape, elementType), name, std::move(blob)));
}

void TensorReader::restorePayloads(onnx::AttributeProto &attribute) {
  auto restoreTensor = [&](TensorProto &tensor) {
    std::optional<size_t> index = getPayloadIndex(tensor);
    if (!index || *index >= scanned.payloads.size())
      return;
    tensor.set_raw_data(scanned.payloads[*index].data(), scanned.payloads[*index].size());
    tensor.mutable_unknown_fields()->clear();
  };
  auto restoreSparse = [&](onnx::SparseTensorProto &sparse) {
    if (sparse.has_values())
      restoreTensor(*sparse.mutable_values());
    if (sparse.has_indices())
      restoreTensor(*sparse.mutable_indices());
  };
  auto restoreGraph = [&](onnx::GraphProto &graph) {
    llvm::for_each(*graph.mutable_initializer(), restoreTensor);
    llvm::for_each(*graph.mutable_sparse_initializer(), restoreSparse);
    for (onnx::NodeProto &node : *graph.mutable_node())
      for (onnx::AttributeProto &nested : *node.mutable_attribute())
        restorePayloads(nested);
  };
  if (attribute.has_t())
    restoreTensor(*attribute.mutable_t());
  if (attribute.has_g())
    restoreGraph(*attribute.mutable_g());
  if (attribute.has_sparse_tensor())
    restoreSparse(*attribute.mutable_sparse_tensor());
  llvm::for_each(*attribute.mutable_tensors(), restoreTensor);
  llvm::for_each(*attribute.mutable_graphs(), restoreGraph);
  llvm::for_each(*attribute.mutable_sparse_tensors(), restoreSparse);
}
