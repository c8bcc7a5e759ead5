//===- WireScan.cpp - A model without its big tensors -----------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Wire format: https://protobuf.dev/programming-guides/encoding. Field numbers
// are those of onnx-ml.proto.

#include "WireScan.h"

#include "onnx-ml.pb.h"
#include "llvm/ADT/Twine.h"

using namespace mlir;
using namespace secateur;

namespace {

/// The messages that can hold a tensor.
enum class Message { Model, Graph, Node, Attribute, Function, SparseTensor, Tensor, Other };

/// A field number that onnx.TensorProto leaves free: the payload's index.
constexpr uint64_t kMarkerField = 1000;
constexpr uint64_t kLastTensorField = 16;
constexpr uint64_t kRawDataField = 9;
/// Subgraphs within subgraphs; protobuf's own limit is of this size.
constexpr unsigned kDeepest = 96;

enum WireType : uint64_t { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

class Scanner {
public:
  Scanner(ArrayRef<char> file, size_t threshold, ScannedModel &result)
      : file(file), threshold(threshold), result(result) {}

  /// Copies the message [begin, end) to `out`. False where it is malformed, at `errorOffset`.
  bool copy(size_t begin, size_t end, Message message, unsigned depth, std::string &out);

  size_t errorOffset = 0;

private:
  bool readVarint(size_t &position, size_t end, uint64_t &value);

  ArrayRef<char> file;
  size_t threshold;
  ScannedModel &result;
};

} // namespace

static Message getSubmessage(Message parent, uint64_t field) {
  switch (parent) {
  case Message::Model:
    return field == 7 ? Message::Graph : field == 25 ? Message::Function : Message::Other;
  case Message::Graph:
    return field == 1    ? Message::Node
           : field == 5  ? Message::Tensor
           : field == 15 ? Message::SparseTensor
                         : Message::Other;
  case Message::Node:
    return field == 5 ? Message::Attribute : Message::Other;
  case Message::Attribute:
    return field == 5 || field == 10    ? Message::Tensor
           : field == 6 || field == 11  ? Message::Graph
           : field == 22 || field == 23 ? Message::SparseTensor
                                        : Message::Other;
  case Message::Function:
    return field == 7 ? Message::Node : field == 11 ? Message::Attribute : Message::Other;
  case Message::SparseTensor:
    return field == 1 || field == 2 ? Message::Tensor : Message::Other;
  default:
    return Message::Other;
  }
}

static void appendVarint(std::string &out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

bool Scanner::readVarint(size_t &position, size_t end, uint64_t &value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && position < end; shift += 7) {
    uint8_t byte = file[position++];
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (!(byte & 0x80))
      return true;
  }
  return false;
}

bool Scanner::copy(size_t begin, size_t end, Message message, unsigned depth, std::string &out) {
  size_t position = begin;
  auto append = [&](size_t from, size_t to) { out.append(file.data() + from, to - from); };
  while (position < end) {
    size_t start = errorOffset = position;
    uint64_t tag, size;
    if (depth > kDeepest || !readVarint(position, end, tag) || tag >> 3 == 0)
      return false;
    uint64_t field = tag >> 3;
    switch (tag & 7) {
    case Varint:
      if (!readVarint(position, end, size))
        return false;
      break;
    case Fixed64:
    case Fixed32: {
      size_t width = (tag & 7) == Fixed64 ? 8 : 4;
      if (end - position < width)
        return false;
      position += width;
      break;
    }
    case Bytes: {
      if (!readVarint(position, end, size) || size > end - position)
        return false;
      size_t body = position;
      position += size;
      if (message == Message::Tensor && field == kRawDataField && size >= threshold) {
        appendVarint(out, kMarkerField << 3 | Varint);
        appendVarint(out, result.payloads.size());
        result.payloads.push_back(file.slice(body, size));
        continue;
      }
      Message submessage = getSubmessage(message, field);
      if (submessage == Message::Other)
        break;
      std::string copied;
      if (!copy(body, body + size, submessage, depth + 1, copied))
        return false;
      appendVarint(out, tag);
      appendVarint(out, copied.size());
      out += copied;
      continue;
    }
    default:
      return false;
    }
    // A file cannot smuggle in a marker of its own.
    if (message != Message::Tensor || field <= kLastTensorField)
      append(start, position);
  }
  return true;
}

FailureOr<ScannedModel> secateur::scanModel(ArrayRef<char> file, size_t threshold,
                                            EmitError emitError) {
  if (file.empty()) {
    emitError() << "the file is empty";
    return failure();
  }
  ScannedModel model;
  Scanner scanner(file, std::max<size_t>(threshold, 1), model);
  if (!scanner.copy(0, file.size(), Message::Model, 0, model.proto)) {
    emitError() << "not an ONNX model, or a damaged one: malformed protobuf at byte "
                << scanner.errorOffset << " of " << file.size();
    return failure();
  }
  return model;
}

std::optional<size_t> secateur::getPayloadIndex(const onnx::TensorProto &tensor) {
  // Nothing but markers is left among the unknown fields; the last one counts.
  std::optional<size_t> index;
  const std::string &fields = tensor.unknown_fields();
  for (size_t position = 0; position < fields.size();) {
    uint64_t tagAndValue[2] = {0, 0};
    for (uint64_t &value : tagAndValue)
      for (unsigned shift = 0; position < fields.size(); shift += 7) {
        uint8_t byte = fields[position++];
        value |= static_cast<uint64_t>(byte & 0x7f) << shift;
        if (!(byte & 0x80))
          break;
      }
    index = tagAndValue[1];
  }
  return index;
}
