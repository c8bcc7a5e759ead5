//===- Requirements.cpp - What input shapes a model can be run with ---------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Compiled code trusts its sizes. What shape inference took for granted, and
// what makes a size positive, becomes `cf.assert` operations on the dimensions
// of the arguments, which code generation moves to where input shapes are
// checked: a shape that cannot be run is an error, never a crash.

#include "Requirements.h"

#include "secateur/Analysis/SymbolicShapes.h"
#include "secateur/Support/Names.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;
using analysis::Symbol;

/// `left predicate right`, or the run ends with `message`.
static void require(ImplicitLocOpBuilder &b, arith::CmpIPredicate predicate, Value left,
                    Value right, const Twine &message) {
  Value condition = arith::CmpIOp::create(b, predicate, left, right);
  cf::AssertOp::create(b, condition, message.str());
}

static std::string inputName(func::FuncOp source, unsigned argument) {
  auto name = source.getArgAttrOfType<StringAttr>(argument, nn::NNDialect::kNameAttr);
  return name ? "'" + name.str() + "'" : "#" + std::to_string(argument);
}

/// Sizes of inputs are at least 1 where the analysis relied on that, and equal where
/// they have one name.
static void requireInputs(func::FuncOp source, func::FuncOp target, LoweringContext &context) {
  ImplicitLocOpBuilder &b = context.b;
  for (const Symbol &symbol : context.symbols.getSymbols()) {
    if (symbol.kind != Symbol::Kind::Input)
      continue;
    Value first;
    for (auto [argument, axis] : symbol.sources) {
      Value size = tensor::DimOp::create(b, target.getArgument(argument), axis);
      std::string what =
          "dimension " + std::to_string(axis) + " of input " + inputName(source, argument);
      if (!first) {
        if (symbol.positive)
          require(b, arith::CmpIPredicate::sge, size, context.index(1),
                  what + " has to be at least 1");
        first = size;
        continue;
      }
      require(b, arith::CmpIPredicate::eq, size, first,
              what + " has to be that of input " + inputName(source, symbol.sources.front().first) +
                  ": both are called '" + symbol.name + "'");
    }
  }
}

/// The sizes that windows and crops make are positive.
static void requirePositiveSizes(func::FuncOp source, LoweringContext &context) {
  llvm::DenseSet<Dim> seen;
  Value one = context.index(1);
  for (Operation &op : source.getBody().front()) {
    for (Value result : op.getResults()) {
      if (!context.hasShape(result))
        continue;
      for (Dim size : context.shape(result)) {
        if (LoweringContext::constantOf(size) || !seen.insert(size).second ||
            context.symbols.dependsOnData(size))
          continue;
        Dim zero = context.constantDim(0);
        if (context.symbols.maximum(size, zero) == context.symbols.simplify(size))
          continue;
        require(context.b, arith::CmpIPredicate::sge, context.index(size), one,
                describeValue(result) + " of " + op.getName().getStringRef() +
                    " would have a size of " + context.symbols.toString(size) +
                    ", which has to be at least 1");
      }
    }
  }
}

void lowering::emitRequirements(func::FuncOp source, func::FuncOp target,
                                LoweringContext &context) {
  requireInputs(source, target, context);
  requirePositiveSizes(source, context);
  for (const analysis::Assumption &assumption : context.symbols.getAssumptions()) {
    if (context.symbols.dependsOnData(assumption.left) ||
        context.symbols.dependsOnData(assumption.right))
      continue;
    std::string where = assumption.op->getName().getStringRef().str();
    if (StringRef node = getNodeName(assumption.op->getLoc()); !node.empty())
      where += " '" + node.str() + "'";
    require(context.b, arith::CmpIPredicate::eq, context.index(assumption.left),
            context.index(assumption.right),
            where + " needs " + context.symbols.toString(assumption.left) + " to equal " +
                context.symbols.toString(assumption.right));
  }
}
