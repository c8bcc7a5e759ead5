//===- InferShapes.cpp - Infer the shapes of all values of a model ----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Analysis/Passes.h"
#include "secateur/Analysis/NamedShapes.h"
#include "secateur/Analysis/SymbolicShapes.h"

#include "secateur/Support/Names.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/JSON.h"

namespace secateur::analysis {
#define GEN_PASS_DEF_NNINFERSHAPES
#include "secateur/Analysis/Passes.h.inc"
} // namespace secateur::analysis

using namespace mlir;
using namespace secateur;
using namespace secateur::analysis;

/// What is known of each result, in words.
static void annotateResults(Operation *op, SymbolicShapes &shapes) {
  Builder builder(op->getContext());
  SmallVector<Attribute> texts, elements;
  bool anyElements = false;
  auto list = [&](ArrayRef<Dim> sizes) {
    std::string text = "[";
    for (auto [index, size] : llvm::enumerate(sizes))
      text += (index ? ", " : "") + shapes.toString(size);
    return builder.getStringAttr(text + "]");
  };
  for (Value result : op->getResults()) {
    std::optional<ArrayRef<Dim>> shape = shapes.getShape(result), known = shapes.getElements(result);
    texts.push_back(shape ? list(*shape) : builder.getStringAttr("*"));
    elements.push_back(known ? list(*known) : builder.getStringAttr("*"));
    anyElements |= known.has_value();
  }
  if (!texts.empty())
    op->setAttr("nn.shapes", builder.getArrayAttr(texts));
  if (anyElements)
    op->setAttr("nn.elements", builder.getArrayAttr(elements));
}

/// The shapes of all named values at the top level; null where not even the rank
/// is known.
static LogicalResult writeReport(func::FuncOp func, StringRef path, SymbolicShapes &shapes) {
  std::error_code error;
  llvm::raw_fd_ostream stream(path, error);
  if (error)
    return func.emitError() << "cannot write '" << path << "': " << error.message();
  llvm::json::OStream json(stream, 1);
  json.object([&] {
    llvm::StringSet<> seen;
    for (Operation &op : func.getBody().front())
      for (auto [name, result] : llvm::zip(getOutputNames(op.getLoc()), op.getResults())) {
        if (name.empty() || !seen.insert(name).second)
          continue;
        std::optional<ArrayRef<Dim>> shape = shapes.getShape(result);
        json.attributeBegin(name);
        if (!shape)
          json.value(nullptr);
        else
          json.array([&] {
            for (Dim size : *shape) {
              auto constant = dyn_cast<AffineConstantExpr>(size);
              json.value(constant ? llvm::json::Value(constant.getValue()) : llvm::json::Value(nullptr));
            }
          });
        json.attributeEnd();
      }
  });
  return success();
}

namespace {
struct NNInferShapes : analysis::impl::NNInferShapesBase<NNInferShapes> {
  using NNInferShapesBase::NNInferShapesBase;

  void runOnOperation() override {
    func::FuncOp func = getOperation();
    FailureOr<NamedShapes> given = parseNamedShapes(func, shapes);
    if (failed(given) || failed(specializeArguments(func, *given)))
      return signalPassFailure();
    FailureOr<std::unique_ptr<SymbolicShapes>> inferred = SymbolicShapes::compute(func);
    if (failed(inferred))
      return signalPassFailure();
    refineTypes(func, **inferred);
    if (!report.empty() && failed(writeReport(func, report, **inferred)))
      return signalPassFailure();
    if (annotate)
      func.walk([&](Operation *op) {
        if (op != func.getOperation())
          annotateResults(op, **inferred);
      });
  }
};
} // namespace
