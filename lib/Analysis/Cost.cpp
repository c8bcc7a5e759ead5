//===- Cost.cpp - What a model costs ----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Analysis/Cost.h"

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Analysis/Constants.h"
#include "secateur/Support/TensorBytes.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::analysis;

FailureOr<SmallVector<SmallVector<int64_t>>>
analysis::getNominalShapes(func::FuncOp func, SymbolicShapes &shapes,
                           ArrayRef<NamedShapes::value_type> nominalShapes,
                           SmallVectorImpl<std::string> &assumed) {
  // Sizes by symbol: a name that is given in one input holds in all.
  llvm::DenseMap<Dim, int64_t> sizes;
  for (const auto &[name, shape] : nominalShapes) {
    auto arguments = func.getArguments();
    auto *it = llvm::find_if(arguments, [&](BlockArgument argument) {
      auto known =
          func.getArgAttrOfType<StringAttr>(argument.getArgNumber(), nn::NNDialect::kNameAttr);
      return known && known == name;
    });
    if (it == arguments.end())
      return func.emitError() << "has no input named '" << name << "' to give a shape to";
    std::optional<ArrayRef<Dim>> known = shapes.getShape(*it);
    if (!known || known->size() != shape.size())
      return func.emitError() << "input '" << name << "' has "
                              << (known ? std::to_string(known->size()) : "an unknown number of")
                              << " dimensions, but " << shape.size() << " sizes are given";
    for (auto [axis, size] : llvm::enumerate(shape)) {
      if (size == -1)
        continue;
      auto constant = dyn_cast<AffineConstantExpr>((*known)[axis]);
      auto [entry, inserted] =
          sizes.try_emplace((*known)[axis], constant ? constant.getValue() : size);
      if (size < 1 || entry->second != size)
        return func.emitError() << "dimension " << axis << " of input '" << name << "' is "
                                << entry->second << ", it cannot be counted as " << size;
    }
  }
  SmallVector<SmallVector<int64_t>> result;
  for (BlockArgument argument : func.getArguments()) {
    SmallVector<int64_t> &shape = result.emplace_back();
    for (Dim size : shapes.getShape(argument).value_or(ArrayRef<Dim>())) {
      if (auto constant = dyn_cast<AffineConstantExpr>(size)) {
        shape.push_back(constant.getValue());
        continue;
      }
      auto [entry, inserted] = sizes.try_emplace(size, 1);
      if (inserted)
        assumed.push_back(shapes.toString(size));
      shape.push_back(entry->second);
    }
  }
  return result;
}

namespace {
/// Sums over regions.
struct Counter {
  SymbolicShapes &shapes;
  const Bindings &bindings;

  SmallVector<int64_t> shapeOf(Value value) const {
    SmallVector<int64_t> shape;
    if (std::optional<SmallVector<int64_t>> known = shapes.evaluate(value, bindings)) {
      shape = std::move(*known);
    } else if (auto type = dyn_cast<RankedTensorType>(value.getType())) {
      shape.assign(type.getShape().begin(), type.getShape().end());
    }
    for (int64_t &size : shape)
      size = size < 0 ? 1 : size;
    return shape;
  }

  int64_t countFlops(Region &region) const {
    int64_t total = 0;
    for (Operation &op : region.getOps()) {
      int64_t flops = 0;
      if (auto cost = dyn_cast<nn::CostOpInterface>(op))
        flops = cost.getFlops([&](Value value) { return shapeOf(value); });
      // One of the branches runs.
      for (Region &nested : op.getRegions())
        flops = std::max(flops, countFlops(nested));
      if (__builtin_add_overflow(total, flops, &total))
        return INT64_MAX;
    }
    return total;
  }
};
} // namespace

/// Adds a constant of `type`.
static void addConstant(NominalCost &cost, ShapedType type) {
  Type element = type.getElementType();
  int64_t count = type.getNumElements();
  bool isSmallInteger =
      element.isInteger() && element.getIntOrFloatBitWidth() <= 8 && !element.isInteger(1);
  if (isa<FloatType>(element) || (isSmallInteger && type.getRank() > 0))
    cost.parameters += count;
  cost.weightBytes += count * getElementBytes(element);
}

FailureOr<NominalCost> analysis::countCost(func::FuncOp func,
                                           ArrayRef<NamedShapes::value_type> nominalShapes) {
  FailureOr<std::unique_ptr<SymbolicShapes>> shapes = SymbolicShapes::compute(func);
  if (failed(shapes))
    return failure();
  NominalCost cost;
  FailureOr<SmallVector<SmallVector<int64_t>>> arguments =
      getNominalShapes(func, **shapes, nominalShapes, cost.assumed);
  if (failed(arguments))
    return failure();
  FailureOr<Bindings> bindings =
      (*shapes)->bind(*arguments, [&](const Twine &message) { func.emitError() << message; });
  if (failed(bindings))
    return failure();
  cost.flops = Counter{**shapes, *bindings}.countFlops(func.getBody());
  func.walk([&](nn::ConstantOp constant) {
    if (!constant->use_empty())
      addConstant(cost, constant.getValue().getShapedType());
  });
  return cost;
}
