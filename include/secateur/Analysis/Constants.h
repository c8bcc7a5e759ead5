//===- Constants.h - Reading the values of constants ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// One way to read an ElementsAttr, be it dense, a splat, or a resource whose
// blob is a mapped file. Blobs hold elements as ONNX's raw_data does: row-major,
// little-endian, one byte for a bool, and at any address, so no typed pointer
// may be made into them.

#ifndef SECATEUR_ANALYSIS_CONSTANTS_H
#define SECATEUR_ANALYSIS_CONSTANTS_H

#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Value.h"

#include <optional>

namespace secateur::analysis {

/// The value of an `nn.constant` (also through `nn.identity`); null otherwise.
mlir::ElementsAttr getConstant(mlir::Value value);

/// The bytes of a constant. `splat`: `bytes` holds one element, which all have.
struct ConstantBytes {
  llvm::ArrayRef<char> bytes;
  bool splat = false;
};

/// The elements as bytes, without a copy. nullopt where there are none: a blob
/// that is missing or has another size than the type says, bit-packed booleans
/// in a dense attribute, strings.
std::optional<ConstantBytes> getConstantBytes(mlir::ElementsAttr value);

/// All elements of an integer or boolean constant, splats expanded. Unsigned
/// 64-bit values beyond int64 wrap. nullopt for other types, unreadable blobs,
/// and more than `limit` elements.
std::optional<llvm::SmallVector<int64_t>> readIntegers(mlir::ElementsAttr value,
                                                       int64_t limit = 1 << 20);

/// All elements of a floating point constant (f16, bf16, f32, f64, 8-bit
/// floats), likewise.
std::optional<llvm::SmallVector<double>> readFloats(mlir::ElementsAttr value,
                                                    int64_t limit = 1 << 20);

/// The integers of a constant operand; nullopt where `value` is null, not a
/// constant, or not of integers.
std::optional<llvm::SmallVector<int64_t>> getConstantIntegers(mlir::Value value);
/// Likewise for floats.
std::optional<llvm::SmallVector<double>> getConstantFloats(mlir::Value value);

} // namespace secateur::analysis

#endif // SECATEUR_ANALYSIS_CONSTANTS_H
