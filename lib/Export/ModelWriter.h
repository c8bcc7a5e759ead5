//===- ModelWriter.h - A model and its weights to files ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Weights are streamed from where they lie (a mapped file, mostly) to where they
// go, one tensor at a time: a protobuf message of the model would hold a copy of
// all of them.

#ifndef SECATEUR_LIB_EXPORT_MODELWRITER_H
#define SECATEUR_LIB_EXPORT_MODELWRITER_H

#include "secateur/Support/Diagnostics.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "onnx-ml.pb.h"

#include <vector>

namespace secateur {

/// An initializer of the main graph whose data is written from the attribute.
struct Initializer {
  onnx::TensorProto header;
  mlir::ElementsAttr value;
};

/// Adds the entries of an array of pairs of strings; null has none.
void addEntries(mlir::Attribute pairs,
                google::protobuf::RepeatedPtrField<onnx::StringStringEntryProto> &entries);

/// Sets type, dimensions and strings of `tensor`.
mlir::LogicalResult setTensorHeader(mlir::ElementsAttr value, onnx::TensorProto &tensor,
                                    EmitError emitError);

/// Likewise, with the data.
mlir::LogicalResult setTensor(mlir::ElementsAttr value, onnx::TensorProto &tensor,
                              EmitError emitError);

/// Writes `model`, whose graph gets `initializers`, to `path`, and to PATH.data
/// where they take more than `externalDataThreshold` bytes.
mlir::LogicalResult writeModel(onnx::ModelProto &model, std::vector<Initializer> &initializers,
                               llvm::StringRef path, int64_t externalDataThreshold,
                               EmitError emitError);

} // namespace secateur

#endif // SECATEUR_LIB_EXPORT_MODELWRITER_H
