//===- HostTensor.h - Constants that can be computed with -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A constant as numbers: read from any ElementsAttr (dense, or a resource whose
// bytes may be unaligned), written back as a splat, a dense attribute (small) or
// a resource (large). A uniform tensor stays one number whatever its shape is.

#ifndef SECATEUR_TRANSFORM_HOSTTENSOR_H
#define SECATEUR_TRANSFORM_HOSTTENSOR_H

#include "mlir/IR/BuiltinAttributes.h"

#include <vector>

namespace secateur::transform {

/// The elements of a tensor, row-major: floats (f16, bf16, f32, f64) in `floats`,
/// integers and bool in `integers`. `uniform`: one element stands for all.
struct HostTensor {
  mlir::RankedTensorType type;
  bool uniform = false;
  std::vector<double> floats;
  std::vector<int64_t> integers;

  bool isFloat() const { return mlir::isa<mlir::FloatType>(type.getElementType()); }
  int64_t size() const { return type.getNumElements(); }
  double getFloat(int64_t index) const { return floats[uniform ? 0 : index]; }
  int64_t getInteger(int64_t index) const { return integers[uniform ? 0 : index]; }

  /// None where the element type has no numbers here (strings, float8 ...).
  static std::optional<HostTensor> read(mlir::ElementsAttr attribute);

  /// Rounds to the element type.
  mlir::ElementsAttr write() const;
};

/// A constant of `type` with these row-major bytes, as a resource where it is large.
mlir::ElementsAttr makeConstant(mlir::RankedTensorType type, llvm::ArrayRef<char> bytes);

} // namespace secateur::transform

#endif // SECATEUR_TRANSFORM_HOSTTENSOR_H
