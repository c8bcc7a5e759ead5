//===- InferShapes.cpp - Infer the shapes of all values of a model ----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Analysis/NamedShapes.h"
#include "secateur/Analysis/Passes.h"
#include "secateur/Analysis/SymbolicShapes.h"

#include "secateur/Support/Names.h"

#include "mlir/IR/Builders.h"
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
    std::optional<ArrayRef<Dim>> shape = shapes.getShape(result),
                                 known = shapes.getElements(result);
    texts.push_back(shape ? list(*shape) : builder.getStringAttr("*"));
    elements.push_back(known ? list(*known) : builder.getStringAttr("*"));
    anyElements |= known.has_value();
  }
  if (!texts.empty())
    op->setAttr("nn.shapes", builder.getArrayAttr(texts));
  if (anyElements)
    op->setAttr("nn.elements", builder.getArrayAttr(elements));
}

/// Sizes or elements, null for those that are not constant.
static llvm::json::Array toJson(ArrayRef<Dim> values) {
  llvm::json::Array array;
  for (Dim value : values) {
    auto constant = dyn_cast<AffineConstantExpr>(value);
    array.push_back(constant ? llvm::json::Value(constant.getValue()) : llvm::json::Value(nullptr));
  }
  return array;
}

static llvm::json::Array toJson(ArrayRef<nn::Number> values) {
  llvm::json::Array array;
  for (const nn::Number &value : values) {
    auto constant = dyn_cast_if_present<AffineConstantExpr>(value.numerator);
    array.push_back(constant
                        ? llvm::json::Value(double(constant.getValue()) / double(value.denominator))
                        : llvm::json::Value(nullptr));
  }
  return array;
}

/// What is known of all named values at the top level.
static LogicalResult writeReport(func::FuncOp func, StringRef path, SymbolicShapes &shapes) {
  llvm::json::Object values;
  for (Operation &op : func.getBody().front())
    for (auto [name, result] : llvm::zip(getOutputNames(op.getLoc()), op.getResults())) {
      if (name.empty() || values.get(name))
        continue;
      llvm::json::Object value;
      if (std::optional<ArrayRef<Dim>> shape = shapes.getShape(result))
        value["shape"] = toJson(*shape);
      if (std::optional<ArrayRef<Dim>> elements = shapes.getElements(result))
        value["elements"] = toJson(*elements);
      else if (std::optional<ArrayRef<nn::Number>> numbers = shapes.getNumbers(result))
        value["elements"] = toJson(*numbers);
      values[name] = std::move(value);
    }
  std::error_code error;
  llvm::raw_fd_ostream stream(path, error);
  if (error)
    return func.emitError() << "cannot write '" << path << "': " << error.message();
  stream << llvm::json::Value(std::move(values)) << "\n";
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
