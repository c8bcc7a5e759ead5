//===- Tensors.h - onnx.TensorProto to attributes ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_IMPORT_TENSORS_H
#define SECATEUR_LIB_IMPORT_TENSORS_H

#include "WireScan.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>

namespace onnx {
class AttributeProto;
class SparseTensorProto;
class TensorProto;
} // namespace onnx

namespace secateur {

/// Reads tensors of one model file, mapping external data as it goes.
class TensorReader {
public:
  TensorReader(mlir::MLIRContext *context, std::shared_ptr<llvm::MemoryBuffer> file,
               ScannedModel &scanned, llvm::StringRef modelPath, size_t mapThreshold)
      : context(context), file(std::move(file)), scanned(scanned), modelPath(modelPath),
        mapThreshold(mapThreshold) {}

  /// The elements of `tensor`. `name` is what messages and resources call it.
  mlir::FailureOr<mlir::ElementsAttr> read(const onnx::TensorProto &tensor, llvm::StringRef name,
                                           EmitError emitError);

  /// A sparse tensor, made dense.
  mlir::FailureOr<mlir::ElementsAttr> readSparse(const onnx::SparseTensorProto &tensor,
                                                 llvm::StringRef name, EmitError emitError);

  /// Puts the payloads back into an attribute that is kept as a proto.
  void restorePayloads(onnx::AttributeProto &attribute);

private:
  /// Bytes with what keeps them alive; no owner: they are to be copied.
  struct Source {
    llvm::ArrayRef<char> bytes;
    std::shared_ptr<llvm::MemoryBuffer> owner;
  };

  mlir::FailureOr<Source> readExternal(const onnx::TensorProto &tensor, llvm::StringRef name,
                                       uint64_t wanted, EmitError emitError);
  mlir::FailureOr<std::shared_ptr<llvm::MemoryBuffer>>
  mapExternal(llvm::StringRef location, llvm::StringRef name, EmitError emitError);
  mlir::ElementsAttr makeAttribute(mlir::RankedTensorType type, Source source, int32_t dataType,
                                   int64_t count, llvm::StringRef name);

  mlir::MLIRContext *context;
  std::shared_ptr<llvm::MemoryBuffer> file;
  ScannedModel &scanned;
  std::string modelPath;
  size_t mapThreshold;
  llvm::StringMap<std::shared_ptr<llvm::MemoryBuffer>> externalFiles;
};

} // namespace secateur

#endif // SECATEUR_LIB_IMPORT_TENSORS_H
