//===- GraphExporter.h - Functions and regions to onnx.GraphProto -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_EXPORT_GRAPHEXPORTER_H
#define SECATEUR_LIB_EXPORT_GRAPHEXPORTER_H

#include "Downgrade.h"
#include "ModelWriter.h"
#include "ValueNames.h"

namespace secateur {

class GraphExporter {
public:
  /// `importedOpset` is the one whose meaning operators unknown to nn have.
  GraphExporter(mlir::func::FuncOp function, int64_t importedOpset, bool inputsListInitializers)
      : function(function), importedOpset(importedOpset),
        inputsListInitializers(inputsListInitializers), names(function) {}

  /// The lowest opset from `lowest` to `highest` that can express everything.
  /// None, with errors for all that `highest` cannot express, where there is none.
  std::optional<int64_t> chooseOpset(int64_t lowest, int64_t highest);

  /// Fills `graph`; the initializers of the main graph go to `initializers`.
  mlir::LogicalResult exportMain(int64_t opset, onnx::GraphProto &graph,
                                 std::vector<Initializer> &initializers);

private:
  bool canExpress(mlir::Operation *op, int64_t opset, std::string &reason);
  /// Operations that become part of another one's node.
  void findFusedOperations(int64_t opset);

  mlir::LogicalResult exportBlock(mlir::Block &block, onnx::GraphProto &graph);
  mlir::LogicalResult exportConstant(mlir::Operation *op, onnx::GraphProto &graph);
  mlir::LogicalResult exportOperator(mlir::Operation *op, onnx::GraphProto &graph);
  mlir::LogicalResult exportCustom(mlir::Operation *op, onnx::GraphProto &graph);
  mlir::LogicalResult exportRegions(mlir::Operation *op, onnx::NodeProto &node);
  mlir::LogicalResult addAttribute(mlir::Operation *op, mlir::NamedAttribute attribute,
                                   onnx::NodeProto &node);
  /// A constant of no elements that `op` may read; null where there is none.
  mlir::Value findEmptyConstant(mlir::Operation *op);
  void addInputs(const ExportForm &form, onnx::GraphProto &graph, onnx::NodeProto &node);
  /// The name of `value` as an output of its graph; copied under another name
  /// where `taken` already has it or another graph defines it.
  std::string addOutput(mlir::Value value, llvm::StringRef wanted, llvm::StringSet<> &taken,
                        mlir::Block &block, onnx::GraphProto &graph);
  mlir::LogicalResult setType(mlir::Type type, mlir::ArrayAttr symbols, mlir::Location loc,
                              onnx::ValueInfoProto &info);

  mlir::func::FuncOp function;
  int64_t importedOpset;
  bool inputsListInitializers;
  ValueNames names;
  int64_t opset = 0;
  llvm::SmallPtrSet<mlir::Operation *, 8> fused;
  std::vector<Initializer> *mainInitializers = nullptr;
};

} // namespace secateur

#endif // SECATEUR_LIB_EXPORT_GRAPHEXPORTER_H
