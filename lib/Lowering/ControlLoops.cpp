//===- ControlLoops.cpp - Lowering of Loop and Scan ---------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// What an iteration hands to the next one is carried by scf.for; by scf.while where
// a condition may end a Loop early. What each iteration adds to a stack is inserted
// into a tensor that has room for all.

#include "Models.h"
#include "Scalars.h"

#include "secateur/Analysis/SymbolicShapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

namespace {
/// One output that stacks what the iterations yield.
struct Stack {
  Value result, element; // of the graph
  int64_t axis = 0;
  bool reversed = false;
  SmallVector<Dim> elementDims{};
};
} // namespace

static ValueRange yieldedBy(Block &body) { return body.getTerminator()->getOperands(); }

/// A scalar tensor of the graph as a number of its stored type.
static Value readScalar(LoweringContext &context, Value value) {
  SmallVector<Value> at(context.rank(value), context.index(0));
  return tensor::ExtractOp::create(context.b, context.get(value), at);
}

/// Whether the sizes of what is stacked are there before the loop.
static LogicalResult checkStack(Operation *op, LoweringContext &context, Stack &stack) {
  if (!context.hasShape(stack.element) || !context.hasShape(stack.result))
    return context.unsupported(op, "the rank of what it stacks is not known");
  stack.elementDims.assign(context.shape(stack.element).begin(),
                           context.shape(stack.element).end());
  for (Dim dim : stack.elementDims)
    if (!context.known(dim))
      return context.unsupported(op, "the sizes of what it stacks depend on data");
  return success();
}

/// A tensor with room for `count` elements of a stack.
static Value emptyStack(LoweringContext &context, const Stack &stack, Value count) {
  ImplicitLocOpBuilder &b = context.b;
  SmallVector<OpFoldResult> sizes = context.sizes(stack.elementDims);
  sizes.insert(sizes.begin() + stack.axis, OpFoldResult(count));
  Type stored = LoweringContext::storageType(LoweringContext::elementType(stack.element));
  return tensor::EmptyOp::create(b, sizes, stored);
}

/// `whole` with `element` at place `step` of `count`.
static Value push(LoweringContext &context, const Stack &stack, Value element, Value whole,
                  Value step, Value count) {
  ImplicitLocOpBuilder &b = context.b;
  if (stack.reversed)
    step = arith::SubIOp::create(b, arith::SubIOp::create(b, count, context.index(1)), step);
  SmallVector<OpFoldResult> sizes = context.sizes(stack.elementDims);
  SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0)),
      steps(sizes.size() + 1, b.getIndexAttr(1));
  offsets.insert(offsets.begin() + stack.axis, OpFoldResult(step));
  sizes.insert(sizes.begin() + stack.axis, b.getIndexAttr(1));
  return tensor::InsertSliceOp::create(b, element, whole, offsets, sizes, steps);
}

/// Gives the arguments of a body, from `first` on, the tensors `carried`.
static void setArguments(LoweringContext &context, Block &body, unsigned first,
                         ValueRange carried) {
  for (auto [index, value] : llvm::enumerate(carried))
    context.set(body.getArgument(first + index), value);
}

/// The initial values, in the types that the body's arguments have.
static FailureOr<SmallVector<Value>> initialValues(Operation *op, LoweringContext &context,
                                                   ValueRange values, Block &body, unsigned first) {
  SmallVector<Value> initial;
  for (auto [index, value] : llvm::enumerate(values)) {
    Value argument = body.getArgument(first + index);
    if (!isa<TensorType>(value.getType()) || !context.hasShape(argument) ||
        !context.hasShape(value) || context.rank(argument) != context.rank(value))
      return context.unsupported(op, "a value that it carries is no tensor of known rank");
    initial.push_back(
        context.cast(context.get(value), context.tensorType(argument, Layout::RowMajor)));
  }
  return initial;
}

/// What the body yields for the next iteration, then the stacks with what it adds.
static LogicalResult collectYields(Operation *op, LoweringContext &context, Block &body,
                                   unsigned firstArgument, unsigned firstYield, unsigned carried,
                                   ArrayRef<Stack> stacks, ValueRange wholes, Value step,
                                   Value count, SmallVectorImpl<Value> &yields) {
  for (unsigned i = 0; i < carried; ++i) {
    Value value = yieldedBy(body)[firstYield + i], argument = body.getArgument(firstArgument + i);
    if (context.isPoisoned(value)) {
      context.poison(op->getResult(i));
      yields.push_back(context.empty(argument, Layout::RowMajor));
      continue;
    }
    if (!context.hasShape(value) || context.rank(value) != context.rank(argument))
      return context.unsupported(op, "a value that it carries changes its rank");
    yields.push_back(
        context.cast(context.get(value), context.tensorType(argument, Layout::RowMajor)));
  }
  for (auto [stack, whole] : llvm::zip(stacks, wholes)) {
    if (context.isPoisoned(stack.element)) {
      context.poison(stack.result);
      yields.push_back(whole);
      continue;
    }
    yields.push_back(push(context, stack, context.get(stack.element), whole, step, count));
  }
  return success();
}

static void setUsed(LoweringContext &context, Value result, Value tensor) {
  if (!result.use_empty() && !context.isPoisoned(result))
    context.set(result, tensor);
}

//===----------------------------------------------------------------------===//
// Scan
//===----------------------------------------------------------------------===//

static LogicalResult lowerScan(nn::ScanOp op, LoweringContext &context) {
  ImplicitLocOpBuilder &b = context.b;
  Block &body = op.getBody().front();
  ValueRange operands = op.getInitialStateAndScanInputs();
  unsigned scanned = op.getNumScanInputs(), carried = operands.size() - scanned;
  auto at = [](std::optional<ArrayRef<int64_t>> list, size_t index) {
    return list && index < list->size() ? (*list)[index] : 0;
  };
  SmallVector<Stack> stacks;
  for (unsigned i = carried; i < op->getNumResults(); ++i) {
    Stack stack{op->getResult(i), yieldedBy(body)[i]};
    if (stack.result.use_empty())
      continue;
    if (failed(checkStack(op, context, stack)))
      return failure();
    stack.axis = frontAxis(at(op.getScanOutputAxes(), i - carried), stack.elementDims.size() + 1);
    stack.reversed = at(op.getScanOutputDirections(), i - carried) != 0;
    stacks.push_back(stack);
  }
  FailureOr<SmallVector<Value>> initial =
      initialValues(op, context, operands.take_front(carried), body, 0);
  if (failed(initial))
    return failure();
  Value count;
  for (unsigned i = 0; i < scanned; ++i) {
    Value input = operands[carried + i];
    int64_t axis = frontAxis(at(op.getScanInputAxes(), i), context.rank(input));
    (void)context.get(input);
    count = count ? count : context.index(context.dim(input, axis));
  }
  for (const Stack &stack : stacks)
    initial->push_back(emptyStack(context, stack, count));

  Value zero = context.index(0), one = context.index(1);
  auto loop = scf::ForOp::create(b, zero, count, one, *initial);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value step = loop.getInductionVar();
    setArguments(context, body, 0, loop.getRegionIterArgs().take_front(carried));
    for (unsigned i = 0; i < scanned; ++i) {
      Value input = operands[carried + i], argument = body.getArgument(carried + i);
      int64_t rank = context.rank(input), axis = frontAxis(at(op.getScanInputAxes(), i), rank);
      Value place = step;
      if (at(op.getScanInputDirections(), i))
        place = arith::SubIOp::create(b, arith::SubIOp::create(b, count, one), step);
      SmallVector<OpFoldResult> offsets(rank, b.getIndexAttr(0)), steps(rank, b.getIndexAttr(1)),
          sizes = context.sizes(context.shape(input));
      offsets[axis] = place;
      sizes[axis] = b.getIndexAttr(1);
      RankedTensorType type = context.tensorType(argument, Layout::RowMajor);
      context.set(argument, tensor::ExtractSliceOp::create(b, type, context.get(input), offsets,
                                                           sizes, steps));
    }
    LogicalResult inside = context.lowerBlock(body, [&]() -> LogicalResult {
      SmallVector<Value> yields;
      if (failed(collectYields(op, context, body, 0, 0, carried, stacks,
                               loop.getRegionIterArgs().drop_front(carried), step, count, yields)))
        return failure();
      scf::YieldOp::create(b, yields);
      return success();
    });
    if (failed(inside))
      return failure();
  }
  for (unsigned i = 0; i < carried; ++i)
    setUsed(context, op->getResult(i), loop.getResult(i));
  for (auto [index, stack] : llvm::enumerate(stacks))
    setUsed(context, stack.result, loop.getResult(carried + index));
  return success();
}

//===----------------------------------------------------------------------===//
// Loop
//===----------------------------------------------------------------------===//

/// Whether a condition is true in every iteration: a constant, or what was before.
static bool isAlwaysTrue(LoweringContext &context, Value condition, Block &body) {
  while (auto identity = condition.getDefiningOp<nn::IdentityOp>())
    condition = identity.getInput();
  if (condition == body.getArgument(1))
    return true;
  std::optional<SmallVector<int64_t>> constant = context.constantInts(condition);
  return constant && constant->size() == 1 && constant->front() != 0;
}

namespace {
/// A Loop on its way.
struct LoopParts {
  nn::LoopOp op;
  Block &body;
  unsigned carried;
  SmallVector<Stack> stacks;
  /// The most iterations.
  Value limit;
};
} // namespace

/// Lowers the body with the iteration's number and what is carried; `finish` gets what
/// goes on and whether it does.
static LogicalResult lowerBody(LoopParts &parts, LoweringContext &context, Value step,
                               Value condition, ValueRange values,
                               function_ref<void(ArrayRef<Value>, Value)> finish) {
  ImplicitLocOpBuilder &b = context.b;
  Value number = arith::IndexCastOp::create(b, b.getI64Type(), step);
  context.set(parts.body.getArgument(0),
              tensor::FromElementsOp::create(b, RankedTensorType::get({}, b.getI64Type()), number));
  context.set(
      parts.body.getArgument(1),
      tensor::FromElementsOp::create(b, RankedTensorType::get({}, b.getI8Type()), condition));
  setArguments(context, parts.body, 2, values.take_front(parts.carried));
  return context.lowerBlock(parts.body, [&]() -> LogicalResult {
    SmallVector<Value> yields;
    if (failed(collectYields(parts.op, context, parts.body, 2, 1, parts.carried, parts.stacks,
                             values.drop_front(parts.carried), step, parts.limit, yields)))
      return failure();
    Value next = yieldedBy(parts.body)[0];
    if (context.isPoisoned(next)) {
      for (Value result : parts.op->getResults())
        context.poison(result);
      finish(yields, condition);
    } else {
      finish(yields, readScalar(context, next));
    }
    return success();
  });
}

static LogicalResult lowerLoop(nn::LoopOp op, LoweringContext &context) {
  ImplicitLocOpBuilder &b = context.b;
  LoopParts parts{op, op.getBody().front(), unsigned(op.getVInitial().size()), {}, {}};
  for (unsigned i = parts.carried; i < op->getNumResults(); ++i) {
    Stack stack{op->getResult(i), yieldedBy(parts.body)[i + 1]};
    if (stack.result.use_empty())
      continue;
    if (failed(checkStack(op, context, stack)))
      return failure();
    if (!op.getM())
      return context.unsupported(op,
                                 "it stacks results, and its number of iterations is not given");
    parts.stacks.push_back(stack);
  }
  FailureOr<SmallVector<Value>> initial =
      initialValues(op, context, op.getVInitial(), parts.body, 2);
  if (failed(initial))
    return failure();
  Value zero = context.index(0), one = context.index(1);
  Value always = arith::ConstantOp::create(b, b.getI8IntegerAttr(1));
  Value first = op.getCond() ? readScalar(context, op.getCond()) : always;
  if (op.getM())
    parts.limit = arith::IndexCastOp::create(b, b.getIndexType(), readScalar(context, op.getM()));
  bool endsEarly = !op.getM() || !isAlwaysTrue(context, yieldedBy(parts.body)[0], parts.body);
  if (op.getCond() && parts.limit) { // It may never begin.
    Value begins = LoweringContext::toScalar(b, first, ScalarKind::Bool);
    parts.limit = arith::SelectOp::create(b, begins, parts.limit, zero);
  }
  if (parts.limit)
    parts.limit = arith::MaxSIOp::create(b, parts.limit, zero);
  for (const Stack &stack : parts.stacks)
    initial->push_back(emptyStack(context, stack, parts.limit));

  SmallVector<Value> results;
  Value count = parts.limit;
  if (!endsEarly) {
    auto loop = scf::ForOp::create(b, zero, parts.limit, one, *initial);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    if (failed(lowerBody(parts, context, loop.getInductionVar(), always, loop.getRegionIterArgs(),
                         [&](ArrayRef<Value> yields, Value) { scf::YieldOp::create(b, yields); })))
      return failure();
    results.assign(loop.result_begin(), loop.result_end());
  } else {
    SmallVector<Value> state = {zero, first};
    llvm::append_range(state, *initial);
    SmallVector<Type> types =
        llvm::map_to_vector(state, [](Value value) { return value.getType(); });
    SmallVector<Location> locations(types.size(), b.getLoc());
    auto loop = scf::WhileOp::create(b, types, state);
    OpBuilder::InsertionGuard guard(b);
    Block *before = b.createBlock(&loop.getBefore(), {}, types, locations);
    Value goes = LoweringContext::toScalar(b, before->getArgument(1), ScalarKind::Bool);
    if (parts.limit)
      goes = arith::AndIOp::create(
          b, goes,
          arith::CmpIOp::create(b, arith::CmpIPredicate::slt, before->getArgument(0), parts.limit));
    scf::ConditionOp::create(b, goes, before->getArguments());
    Block *after = b.createBlock(&loop.getAfter(), {}, types, locations);
    if (failed(lowerBody(parts, context, after->getArgument(0), after->getArgument(1),
                         ValueRange(after->getArguments()).drop_front(2),
                         [&](ArrayRef<Value> yields, Value condition) {
                           SmallVector<Value> next = {
                               arith::AddIOp::create(b, after->getArgument(0), one), condition};
                           llvm::append_range(next, yields);
                           scf::YieldOp::create(b, next);
                         })))
      return failure();
    count = loop.getResult(0);
    results.assign(loop.result_begin() + 2, loop.result_end());
  }
  for (unsigned i = 0; i < parts.carried; ++i)
    setUsed(context, op->getResult(i), results[i]);
  for (auto [index, stack] : llvm::enumerate(parts.stacks)) {
    Value whole = results[parts.carried + index];
    if (endsEarly) {
      SmallVector<OpFoldResult> sizes = context.sizes(stack.elementDims);
      sizes.insert(sizes.begin(), OpFoldResult(count));
      SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0)),
          steps(sizes.size(), b.getIndexAttr(1));
      whole = tensor::ExtractSliceOp::create(b, whole, offsets, sizes, steps);
    }
    setUsed(context, stack.result, whole);
  }
  return success();
}

void secateur::lowering::attachControlLoopModels(MLIRContext *context) {
  attachLowering<nn::LoopOp, lowerLoop>(context);
  attachLowering<nn::ScanOp, lowerScan>(context);
}
