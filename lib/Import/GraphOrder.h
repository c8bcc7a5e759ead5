//===- GraphOrder.h - Names and order of the nodes of a graph ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_IMPORT_GRAPHORDER_H
#define SECATEUR_LIB_IMPORT_GRAPHORDER_H

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include <vector>

namespace onnx {
class GraphProto;
class NodeProto;
} // namespace onnx

namespace secateur {

using NameSet = llvm::SmallSetVector<llvm::StringRef, 8>;

/// The names that `node` reads: its inputs, and what its subgraphs capture.
NameSet collectReadNames(const onnx::NodeProto &node);

/// An order of `nodes` in which values are defined before they are read: the
/// given one where it is such an order. `reads` is one set per node. The rest of
/// the result, after `numSorted` nodes, are nodes that lie on cycles.
struct NodeOrder {
  std::vector<const onnx::NodeProto *> nodes;
  size_t numSorted = 0;
};
NodeOrder sortNodes(llvm::ArrayRef<const onnx::NodeProto *> nodes, llvm::ArrayRef<NameSet> reads);

} // namespace secateur

#endif // SECATEUR_LIB_IMPORT_GRAPHORDER_H
