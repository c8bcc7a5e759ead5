//===- Control.cpp - Lowering of branches -------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Models.h"
#include "Scalars.h"

#include "secateur/Analysis/SymbolicShapes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

/// The branch that a constant condition takes becomes part of the code around.
static LogicalResult inlineBranch(nn::IfOp op, Region &branch, LoweringContext &context) {
  Block &block = branch.front();
  for (Operation &inner : block.without_terminator())
    if (failed(context.lowerOperation(&inner)))
      return failure();
  for (auto [result, value] :
       llvm::zip_equal(op.getResults(), block.getTerminator()->getOperands())) {
    if (result.use_empty())
      continue;
    if (context.isPoisoned(value))
      context.poison(result);
    else if (!context.hasShape(value))
      return context.unsupported(op, "the rank of an output is not known");
    else
      context.alias(result, value);
  }
  return success();
}

/// Whether a branch gives the results the ranks that they have.
static bool hasRanks(nn::IfOp op, Region &branch, LoweringContext &context) {
  return llvm::all_of(
      llvm::zip(op.getResults(), branch.front().getTerminator()->getOperands()), [&](auto pair) {
        auto [result, value] = pair;
        return result.use_empty() || !context.hasShape(result) ||
               (context.hasShape(value) && context.rank(value) == context.rank(result));
      });
}

static LogicalResult lowerBranch(nn::IfOp op, Region &branch, LoweringContext &context) {
  Block &block = branch.front();
  return context.lowerBlock(block, [&]() -> LogicalResult {
    SmallVector<Value> yields;
    for (auto [result, value] :
         llvm::zip_equal(op.getResults(), block.getTerminator()->getOperands())) {
      if (result.use_empty())
        continue;
      if (context.isPoisoned(value)) {
        context.poison(result);
        yields.push_back(context.empty(result, Layout::RowMajor));
        continue;
      }
      if (!context.hasShape(value) || context.rank(value) != context.rank(result))
        return context.unsupported(op, "its branches give tensors of different ranks");
      yields.push_back(
          context.cast(context.get(value), context.tensorType(result, Layout::RowMajor)));
    }
    scf::YieldOp::create(context.b, yields);
    return success();
  });
}

static LogicalResult lowerIf(nn::IfOp op, LoweringContext &context) {
  if (std::optional<SmallVector<int64_t>> constant = context.constantInts(op.getCond());
      constant && constant->size() == 1)
    return inlineBranch(op, constant->front() ? op.getThenBranch() : op.getElseBranch(), context);
  // Branches of different ranks: the analysis has decided, and requires what the
  // condition asks for.
  bool thenFits = hasRanks(op, op.getThenBranch(), context),
       elseFits = hasRanks(op, op.getElseBranch(), context);
  if (thenFits != elseFits)
    return inlineBranch(op, thenFits ? op.getThenBranch() : op.getElseBranch(), context);
  ImplicitLocOpBuilder &b = context.b;
  SmallVector<Type> types;
  SmallVector<Value> results;
  for (Value result : op.getResults()) {
    if (result.use_empty())
      continue;
    if (!context.hasShape(result))
      return context.unsupported(op, "its branches give tensors of different ranks");
    types.push_back(context.tensorType(result, Layout::RowMajor));
    results.push_back(result);
  }
  SmallVector<Value> at(context.rank(op.getCond()), context.index(0));
  Value condition = tensor::ExtractOp::create(b, context.get(op.getCond()), at);
  condition = LoweringContext::toScalar(b, condition, ScalarKind::Bool);
  auto branch =
      scf::IfOp::create(b, types, condition, /*addThenBlock=*/true, /*addElseBlock=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    if (failed(lowerBranch(op, op.getThenBranch(), context)))
      return failure();
    b.setInsertionPointToStart(branch.elseBlock());
    if (failed(lowerBranch(op, op.getElseBranch(), context)))
      return failure();
  }
  for (auto [result, value] : llvm::zip_equal(results, branch.getResults()))
    if (!context.isPoisoned(result))
      context.set(result, value);
  return success();
}

void secateur::lowering::attachControlModels(MLIRContext *context) {
  attachLowering<nn::IfOp, lowerIf>(context);
}
