//===- Names.h - The names of nodes and values, kept as locations -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The location of an operation of a model is `fused<["y0", "y1"]>["node"]`: the
// node's name, and one string per result with the name of that value in the
// file. Empty strings stand for names that the file does not give. Arguments
// of `main` have their name in `nn.name`, those of regions have a NameLoc.

#ifndef SECATEUR_SUPPORT_NAMES_H
#define SECATEUR_SUPPORT_NAMES_H

#include "mlir/IR/Location.h"
#include "mlir/IR/Value.h"

namespace secateur {

/// The location of a node: `nodeName` may be empty.
mlir::Location getNodeLocation(mlir::MLIRContext *context, llvm::StringRef nodeName,
                               llvm::ArrayRef<llvm::StringRef> outputNames);

/// The node's name; empty where the location holds none.
llvm::StringRef getNodeName(mlir::Location loc);

/// The names of the values that an operation at this location defines.
llvm::SmallVector<llvm::StringRef> getOutputNames(mlir::Location loc);

/// The name that `value` has in the user's file; empty where it has none. Two
/// values made from one node have the same name: see `ValueNames` where they
/// must be told apart.
llvm::StringRef getValueName(mlir::Value value);

/// "node 'conv1'" or "value 'y'", for messages.
std::string describeValue(mlir::Value value);

} // namespace secateur

#endif // SECATEUR_SUPPORT_NAMES_H
