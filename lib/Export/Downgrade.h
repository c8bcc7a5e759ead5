//===- Downgrade.h - Operations of nn in the form of an opset ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_EXPORT_DOWNGRADE_H
#define SECATEUR_LIB_EXPORT_DOWNGRADE_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>
#include <string>

namespace secateur {

/// An operation on its way to a node of some opset.
struct ExportForm {
  mlir::Operation *op;
  int64_t opset;
  std::string opType;
  /// Empty: ai.onnx.
  std::string domain;
  /// One per formal input, variadic ones last; null where left out.
  llvm::SmallVector<mlir::Value> inputs;
  /// Likewise.
  llvm::SmallVector<mlir::Value> outputs;
  mlir::NamedAttrList attributes;
  /// Inputs that are left out, but that the opset wants as empty f32 tensors.
  llvm::SmallVector<unsigned> emptyInputs;
};

/// `op`, which has OnnxOpInterface, as a node of `opset`. None where that opset
/// cannot express it, and then `reason` says why.
std::optional<ExportForm> expressAtOpset(mlir::Operation *op, int64_t opset, std::string &reason);

/// Before opset 13 Softmax and its kind worked on a flattened matrix; at import
/// they become flatten, softmax, shape and reshape. Where `reshape` is the last
/// of such four and nothing else reads the others: the three, softmax second.
std::optional<std::array<mlir::Operation *, 3>> matchFlattenedSoftmax(mlir::Operation *reshape);

/// That group as the one node that it was.
std::optional<ExportForm> expressFlattenedSoftmax(mlir::Operation *reshape, int64_t opset,
                                                  std::string &reason);

} // namespace secateur

#endif // SECATEUR_LIB_EXPORT_DOWNGRADE_H
