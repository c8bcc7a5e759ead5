//===- InferShapes.cpp - Infer the shapes of all values of a model ----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Analysis/Passes.h"
#include "secateur/Analysis/SymbolicShapes.h"

#include "mlir/IR/Builders.h"

namespace secateur::analysis {
#define GEN_PASS_DEF_NNINFERSHAPES
#include "secateur/Analysis/Passes.h.inc"
} // namespace secateur::analysis

using namespace mlir;
using namespace secateur;
using namespace secateur::analysis;

using ArgumentShapes = SmallVector<std::pair<std::string, SmallVector<int64_t>>>;

/// `x=1x3x?,y=4`. An input's name may hold anything but `=`.
static FailureOr<ArgumentShapes> parseShapes(Operation *op, StringRef text) {
  ArgumentShapes result;
  SmallVector<StringRef> items;
  text.split(items, ',', -1, /*KeepEmpty=*/false);
  for (StringRef item : items) {
    auto [name, dims] = item.split('=');
    SmallVector<StringRef> sizes;
    dims.split(sizes, 'x', -1, /*KeepEmpty=*/false);
    SmallVector<int64_t> shape;
    for (StringRef size : sizes) {
      int64_t value = -1;
      if (size != "?" && size.getAsInteger(10, value))
        return op->emitError() << "cannot read size '" << size << "' of input '" << name << "'", failure();
      shape.push_back(value);
    }
    result.emplace_back(name.str(), shape);
  }
  return result;
}

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

namespace {
struct NNInferShapes : analysis::impl::NNInferShapesBase<NNInferShapes> {
  using NNInferShapesBase::NNInferShapesBase;

  void runOnOperation() override {
    func::FuncOp func = getOperation();
    FailureOr<ArgumentShapes> given = parseShapes(func, shapes);
    if (failed(given) || failed(specializeArguments(func, *given)))
      return signalPassFailure();
    FailureOr<std::unique_ptr<SymbolicShapes>> inferred = SymbolicShapes::compute(func);
    if (failed(inferred))
      return signalPassFailure();
    refineTypes(func, **inferred);
    if (annotate)
      func.walk([&](Operation *op) {
        if (op != func.getOperation())
          annotateResults(op, **inferred);
      });
  }
};
} // namespace
