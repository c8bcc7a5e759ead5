//===- TensorBytes.h - The bytes of a constant tensor -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_SUPPORT_TENSORBYTES_H
#define SECATEUR_SUPPORT_TENSORBYTES_H

#include "mlir/IR/BuiltinAttributes.h"

#include <optional>

namespace secateur {

/// Bytes that one element takes in memory: bool and integers of fewer than 8
/// bits take one byte each, indices 8. 0 for strings and other types without a size.
int64_t getElementBytes(mlir::Type elementType);

/// Number of elements, or none where it does not fit int64_t or a dimension is
/// dynamic.
std::optional<int64_t> getNumElements(llvm::ArrayRef<int64_t> shape);

/// The elements of `value`, row-major, in the machine's byte order and the size
/// of `getElementBytes`; splats are expanded. The result points into the
/// attribute (then aligned to nothing in particular: a mapped file) or into
/// `storage`. None for strings and for resources whose data is missing.
std::optional<llvm::ArrayRef<char>> getTensorBytes(mlir::ElementsAttr value,
                                                   llvm::SmallVectorImpl<char> &storage);

} // namespace secateur

#endif // SECATEUR_SUPPORT_TENSORBYTES_H
