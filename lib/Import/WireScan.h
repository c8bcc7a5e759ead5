//===- WireScan.h - A model without its big tensors -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Parsing a model with protobuf copies every weight. The scan walks the bytes
// of the file once, notes where the big payloads lie, and leaves a small model
// in which a field that onnx.TensorProto does not have names the payload.

#ifndef SECATEUR_LIB_IMPORT_WIRESCAN_H
#define SECATEUR_LIB_IMPORT_WIRESCAN_H

#include "secateur/Support/Diagnostics.h"

#include <optional>
#include <string>
#include <vector>

namespace onnx {
class TensorProto;
} // namespace onnx

namespace secateur {

struct ScannedModel {
  /// A serialised onnx.ModelProto without the payloads.
  std::string proto;
  /// The bytes of each payload, in the mapped file.
  std::vector<llvm::ArrayRef<char>> payloads;
};

/// Scans the bytes of a model file. Payloads of less than `threshold` bytes stay
/// in the proto. Fails with an error where the bytes are not a model's.
mlir::FailureOr<ScannedModel> scanModel(llvm::ArrayRef<char> file, size_t threshold,
                                        EmitError emitError);

/// Index of the payload that was taken out of `tensor`.
std::optional<size_t> getPayloadIndex(const onnx::TensorProto &tensor);

} // namespace secateur

#endif // SECATEUR_LIB_IMPORT_WIRESCAN_H
