//===- Export.h - The nn dialect to ONNX files ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_EXPORT_EXPORT_H
#define SECATEUR_EXPORT_EXPORT_H

#include "mlir/IR/BuiltinOps.h"

#include <optional>
#include <string>
#include <vector>

namespace secateur {

struct ExportOptions {
  /// The opset of ai.onnx to write. Without it: the lowest one, not below the
  /// imported one, that can express every operation.
  std::optional<int64_t> opset;
  /// Where the weights of all initializers take more bytes than this, they are
  /// written to PATH.data: protobuf ends at 2 GiB.
  int64_t externalDataThreshold = 2000000000;
};

/// Writes `main` of `module` as an ONNX model to `path`: whole, or not at all.
///
/// Names of inputs, outputs, values and nodes, initializers and Constant nodes,
/// metadata and the imports of other domains come out as they came in. Older
/// opsets get their own forms back (axes as attributes, for example).
///
/// Result types are written as `nn.declared` says where it is there: a pass that
/// changes the type of an output must remove it.
///
/// Norms whose statistics count erased positions are written as what they do, and
/// `module` with them.
///
/// Errors go to the diagnostics of the context: operations that no opset, or not
/// the one asked for, can express, all at once.
mlir::LogicalResult exportOnnx(mlir::ModuleOp module, llvm::StringRef path,
                               const ExportOptions &options = {});

/// The names of the constants that an export adds for norms whose statistics count
/// erased positions. `module` stays as it is. Fails as the export would.
mlir::FailureOr<std::vector<std::string>> constantsOfCounts(mlir::ModuleOp module);

} // namespace secateur

#endif // SECATEUR_EXPORT_EXPORT_H
