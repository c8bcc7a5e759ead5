//===- OnnxSchema.h - Every version of every ONNX operator ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// What an operator of ai.onnx looked like at each opset since 7, and what those of
// com.microsoft look like: the importer checks nodes against it, the exporter finds
// the opset that can express them.

#ifndef SECATEUR_SUPPORT_ONNXSCHEMA_H
#define SECATEUR_SUPPORT_ONNXSCHEMA_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>

namespace secateur {

/// The opsets of ai.onnx that are read and written.
inline constexpr int64_t kOldestOpset = 7;
inline constexpr int64_t kNewestOpset = 28;

/// One attribute of an operator at one version.
struct OnnxAttribute {
  llvm::StringRef name;
  /// i int, f float, s string, t tensor, g graph, y type; I F S lists of them;
  /// p sparse tensor.
  char kind = 0;
  bool required = false;
  /// Text of the default, lists separated by commas; none where it has none.
  std::optional<llvm::StringRef> defaultValue;
};

/// One operator at one version.
struct OnnxSchema {
  llvm::StringLiteral name;
  int64_t since;
  bool deprecated;
  unsigned minInputs, minOutputs;
  /// One letter per formal: r required, o optional, v variadic.
  llvm::StringLiteral inputs, outputs, attributes;

  std::optional<OnnxAttribute> findAttribute(llvm::StringRef name) const;
  void forEachAttribute(llvm::function_ref<void(const OnnxAttribute &)> callback) const;
};

/// The version of operator `name` of `domain` ("" is ai.onnx) that holds at `opset`;
/// null where that opset does not have it. Other domains than ai.onnx have one
/// version of each.
const OnnxSchema *findOnnxSchema(llvm::StringRef name, int64_t opset, llvm::StringRef domain = "");

/// The oldest version of ai.onnx since opset 7; null for names that it never had.
const OnnxSchema *findOldestOnnxSchema(llvm::StringRef name);

} // namespace secateur

#endif // SECATEUR_SUPPORT_ONNXSCHEMA_H
