//===- ModelWriter.cpp - A model and its weights to files -------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "ModelWriter.h"

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Support/Files.h"
#include "secateur/Support/OnnxTypes.h"
#include "secateur/Support/TensorBytes.h"

#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace secateur;

/// Smaller tensors stay in the model: runtimes read shapes and axes from there.
static constexpr int64_t kSmallestExternal = 1024;
static constexpr uint64_t kExternalAlignment = 64;

void secateur::addEntries(
    Attribute pairs, google::protobuf::RepeatedPtrField<onnx::StringStringEntryProto> &entries) {
  auto array = dyn_cast_or_null<ArrayAttr>(pairs);
  if (!array)
    return;
  for (Attribute element : array) {
    auto pair = dyn_cast<ArrayAttr>(element);
    if (!pair || pair.size() != 2 || !llvm::all_of(pair, llvm::IsaPred<StringAttr>))
      continue;
    onnx::StringStringEntryProto *entry = entries.Add();
    entry->set_key(cast<StringAttr>(pair[0]).str());
    entry->set_value(cast<StringAttr>(pair[1]).str());
  }
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

static int64_t getRawSize(const onnx::TensorProto &header) {
  std::optional<int64_t> count = getNumElements(
      llvm::to_vector_of<int64_t>(llvm::make_range(header.dims().begin(), header.dims().end())));
  return llvm::divideCeil(
      static_cast<uint64_t>(count.value_or(0)) * getBitsOfDataType(header.data_type()), 8);
}

/// The bytes that raw_data has: elements of fewer than 8 bits are packed.
static std::optional<ArrayRef<char>> getRawData(ElementsAttr value, int32_t dataType,
                                                SmallVectorImpl<char> &storage) {
  std::optional<ArrayRef<char>> bytes = getTensorBytes(value, storage);
  unsigned bits = getBitsOfDataType(dataType);
  if (!bytes || bits >= 8)
    return bytes;
  unsigned perByte = 8 / bits;
  SmallVector<char> packed(llvm::divideCeil(bytes->size(), perByte), 0);
  for (size_t i = 0; i < bytes->size(); ++i)
    packed[i / perByte] |= ((*bytes)[i] & ((1u << bits) - 1)) << (i % perByte * bits);
  storage.assign(packed.begin(), packed.end());
  return ArrayRef<char>(storage);
}

LogicalResult secateur::setTensorHeader(ElementsAttr value, onnx::TensorProto &tensor,
                                        EmitError emitError) {
  ShapedType type = value.getShapedType();
  int32_t dataType = getDataTypeOf(type.getElementType());
  if (dataType == onnx::TensorProto::UNDEFINED)
    return emitError() << "ONNX has no tensors of " << type.getElementType();
  tensor.set_data_type(dataType);
  for (int64_t dim : type.getShape())
    tensor.add_dims(dim);
  if (dataType == onnx::TensorProto::STRING) {
    auto strings = dyn_cast<DenseStringElementsAttr>(value);
    if (!strings)
      return emitError() << "the strings of a tensor are not there";
    for (StringRef string : strings.getValues<StringRef>())
      tensor.add_string_data(string.str());
  }
  return success();
}

LogicalResult secateur::setTensor(ElementsAttr value, onnx::TensorProto &tensor,
                                  EmitError emitError) {
  if (failed(setTensorHeader(value, tensor, emitError)))
    return failure();
  if (tensor.data_type() == onnx::TensorProto::STRING)
    return success();
  SmallVector<char> storage;
  std::optional<ArrayRef<char>> bytes = getRawData(value, tensor.data_type(), storage);
  if (!bytes)
    return emitError() << "the data of a tensor is not there";
  tensor.set_raw_data(bytes->data(), bytes->size());
  return success();
}

//===----------------------------------------------------------------------===//
// The wire format, as far as it is written by hand
//===----------------------------------------------------------------------===//

static void writeVarint(raw_ostream &os, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    os << static_cast<char>(value | 0x80);
  os << static_cast<char>(value);
}

static uint64_t getVarintSize(uint64_t value) {
  uint64_t size = 1;
  for (; value >= 0x80; value >>= 7)
    ++size;
  return size;
}

/// Tag and length of a field of bytes.
static void writeFieldStart(raw_ostream &os, uint64_t field, uint64_t size) {
  writeVarint(os, field << 3 | 2);
  writeVarint(os, size);
}

static uint64_t getFieldSize(uint64_t field, uint64_t size) {
  return getVarintSize(field << 3 | 2) + getVarintSize(size) + size;
}

static bool hasInlineData(const onnx::TensorProto &header) {
  return header.data_type() != onnx::TensorProto::STRING &&
         header.data_location() != onnx::TensorProto::EXTERNAL;
}

/// Bytes of a whole TensorProto.
static uint64_t getTensorSize(const onnx::TensorProto &header) {
  uint64_t size = header.ByteSizeLong();
  return hasInlineData(header)
             ? size + getFieldSize(onnx::TensorProto::kRawDataFieldNumber, getRawSize(header))
             : size;
}

static LogicalResult writeData(raw_ostream &os, const Initializer &initializer,
                               EmitError emitError) {
  SmallVector<char> storage;
  std::optional<ArrayRef<char>> bytes =
      getRawData(initializer.value, initializer.header.data_type(), storage);
  if (!bytes || static_cast<int64_t>(bytes->size()) != getRawSize(initializer.header))
    return emitError() << "the data of tensor '" << printable(initializer.header.name())
                       << "' is not there";
  os.write(bytes->data(), bytes->size());
  return success();
}

static LogicalResult writeExternalData(std::vector<Initializer> &initializers, StringRef path,
                                       EmitError emitError) {
  std::string dataPath = (path + ".data").str();
  FailureOr<OutputFile> file = OutputFile::open(dataPath, emitError);
  if (failed(file))
    return failure();
  for (Initializer &initializer : initializers) {
    onnx::TensorProto &header = initializer.header;
    int64_t size = getRawSize(header);
    if (header.data_type() == onnx::TensorProto::STRING || size < kSmallestExternal)
      continue;
    uint64_t offset = llvm::alignTo(file->os().tell(), kExternalAlignment);
    file->os().write_zeros(offset - file->os().tell());
    if (failed(writeData(file->os(), initializer, emitError)))
      return failure();
    header.set_data_location(onnx::TensorProto::EXTERNAL);
    auto add = [&](StringRef key, std::string value) {
      onnx::StringStringEntryProto *entry = header.add_external_data();
      entry->set_key(key.str());
      entry->set_value(std::move(value));
    };
    add("location", llvm::sys::path::filename(dataPath).str());
    add("offset", std::to_string(offset));
    add("length", std::to_string(size));
  }
  return file->commit(emitError);
}

LogicalResult secateur::writeModel(onnx::ModelProto &model, std::vector<Initializer> &initializers,
                                   StringRef path, int64_t externalDataThreshold,
                                   EmitError emitError) {
  int64_t total = 0;
  for (const Initializer &initializer : initializers)
    total += getRawSize(initializer.header);
  if (total > externalDataThreshold && failed(writeExternalData(initializers, path, emitError)))
    return failure();

  onnx::GraphProto graph;
  graph.Swap(model.mutable_graph());
  model.clear_graph();
  uint64_t graphSize = graph.ByteSizeLong();
  for (const Initializer &initializer : initializers)
    graphSize +=
        getFieldSize(onnx::GraphProto::kInitializerFieldNumber, getTensorSize(initializer.header));
  if (graphSize + model.ByteSizeLong() > static_cast<uint64_t>(std::numeric_limits<int>::max()))
    return emitError() << "the model is larger than the 2 GiB that ONNX files may have";

  FailureOr<OutputFile> file = OutputFile::open(path, emitError);
  if (failed(file))
    return failure();
  llvm::raw_fd_ostream &os = file->os();
  os << model.SerializeAsString();
  writeFieldStart(os, onnx::ModelProto::kGraphFieldNumber, graphSize);
  os << graph.SerializeAsString();
  for (const Initializer &initializer : initializers) {
    const onnx::TensorProto &header = initializer.header;
    writeFieldStart(os, onnx::GraphProto::kInitializerFieldNumber, getTensorSize(header));
    os << header.SerializeAsString();
    if (!hasInlineData(header))
      continue;
    writeFieldStart(os, onnx::TensorProto::kRawDataFieldNumber, getRawSize(header));
    if (failed(writeData(os, initializer, emitError)))
      return failure();
  }
  return file->commit(emitError);
}
