//===- OnnxTypes.h - Element types of ONNX and of nn ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_SUPPORT_ONNXTYPES_H
#define SECATEUR_SUPPORT_ONNXTYPES_H

#include "mlir/IR/Types.h"

#include <cstdint>

namespace secateur {

/// The type of an onnx.TensorProto.DataType; null where there is none. Uses the
/// nn dialect for strings.
mlir::Type getTypeOfDataType(mlir::MLIRContext *context, int32_t dataType);

/// The inverse; 0 (UNDEFINED) where ONNX has no such type.
int32_t getDataTypeOf(mlir::Type elementType);

/// Bits of one element in raw_data; 0 for strings.
unsigned getBitsOfDataType(int32_t dataType);

} // namespace secateur

#endif // SECATEUR_SUPPORT_ONNXTYPES_H
