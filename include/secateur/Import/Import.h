//===- Import.h - ONNX files to the nn dialect ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_IMPORT_IMPORT_H
#define SECATEUR_IMPORT_IMPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace secateur {

struct ImportOptions {
  /// Tensors of at least so many bytes stay in the mapped file and become
  /// `dense_resource`; smaller ones are copied into `dense` attributes.
  int64_t mapThreshold = 4096;
};

/// Reads the ONNX model at `path` into a module with one function, `main`.
///
/// Opsets 7 to 28 are upgraded to the forms of `nn`; model-local functions are
/// inlined; operators that `nn` does not have become `nn.custom`. Values have
/// the element types that ONNX gives them, and ranks where those are plain to
/// see: `nn-infer-shapes` finds the shapes.
///
/// `main` has `nn.name` and `nn.dims` on arguments and results, and on results
/// `nn.declared`, the type that the file declares. Module attributes that start
/// with `nn.` keep what else the file says (opset imports, producer, metadata).
///
/// Errors go to the diagnostics of `context`, all of those that can be told at
/// once. Big tensors point into the mapped file, which the context then owns:
/// the file must not change while the context lives.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
importOnnx(llvm::StringRef path, mlir::MLIRContext *context, const ImportOptions &options = {});

} // namespace secateur

#endif // SECATEUR_IMPORT_IMPORT_H
