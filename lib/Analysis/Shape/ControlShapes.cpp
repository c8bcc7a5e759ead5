//===- ControlShapes.cpp - Branches, loops and unknown operators ------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "ShapeRules.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::analysis;
using namespace secateur::nn;

/// What a region yields; empty where it has no terminator.
static ValueRange yielded(Region &region) {
  if (region.empty() || region.front().empty())
    return {};
  Operation &last = region.front().back();
  return isa<YieldOp>(last) ? ValueRange(last.getOperands()) : ValueRange();
}

/// Gives `result` the sizes on which two shapes agree, and unknown ones where
/// they do not.
static void joinShapes(ShapeEvaluator &evaluator, Value result, std::optional<ShapeRef> left,
                       std::optional<ShapeRef> right) {
  if (!left || !right || left->size() != right->size())
    return evaluator.setUnranked(result);
  Shape shape;
  for (auto [axis, sizes] : llvm::enumerate(llvm::zip(*left, *right)))
    shape.push_back(std::get<0>(sizes) == std::get<1>(sizes) ? std::get<0>(sizes)
                                                             : evaluator.unknownDim(result, axis));
  evaluator.setShape(result, shape);
}

/// Whether the branches give a result different ranks.
static bool ranksDiffer(IfOp op, ShapeEvaluator &evaluator) {
  for (auto [left, right] : llvm::zip(yielded(op.getThenBranch()), yielded(op.getElseBranch()))) {
    std::optional<ShapeRef> a = evaluator.getShape(left), b = evaluator.getShape(right);
    if (a && b && a->size() != b->size())
      return true;
  }
  return false;
}

/// Exporters write `squeeze` of a dynamic size as: if the size is 1, then remove
/// it, else leave it. What follows has one rank, so that the model makes sense
/// for one branch only: that in which the sizes are equal, which is required.
/// Fails where the condition is not of that kind.
static bool takeEqualBranch(IfOp op, ShapeEvaluator &evaluator) {
  auto equal = op.getCond().getDefiningOp<EqualOp>();
  if (!equal || !ranksDiffer(op, evaluator))
    return false;
  std::optional<ShapeRef> left = evaluator.getElements(equal.getA()),
                          right = evaluator.getElements(equal.getB());
  if (!left || !right || left->size() != 1 || right->size() != 1 ||
      !evaluator.requireEqual(left->front(), right->front(), op))
    return false;
  for (auto [result, value] : llvm::zip(op.getResults(), yielded(op.getThenBranch()))) {
    copyShape(evaluator, value, result);
    copyElements(evaluator, value, result);
  }
  return true;
}

static LogicalResult inferIf(IfOp op, ShapeEvaluator &evaluator) {
  // A condition that is constant takes its branch: the other one may well
  // contradict itself.
  std::optional<SmallVector<int64_t>> condition = constantElements(evaluator, op.getCond());
  if (condition && condition->size() == 1) {
    Region &taken = condition->front() ? op.getThenBranch() : op.getElseBranch();
    if (failed(evaluator.inferRegion(taken)))
      return failure();
    for (auto [result, value] : llvm::zip(op.getResults(), yielded(taken))) {
      copyShape(evaluator, value, result);
      copyElements(evaluator, value, result);
    }
    return success();
  }
  // A branch that contradicts itself is never taken: the other one tells all.
  auto holds = [&](Region &branch) {
    ScopedDiagnosticHandler silence(op.getContext(), [](Diagnostic &) { return success(); });
    return succeeded(evaluator.inferRegion(branch));
  };
  bool thenHolds = holds(op.getThenBranch()), elseHolds = holds(op.getElseBranch());
  if (!thenHolds && !elseHolds)
    return evaluator.inferRegion(op.getThenBranch());
  if (!thenHolds || !elseHolds) {
    for (auto [result, value] :
         llvm::zip(op.getResults(), yielded(thenHolds ? op.getThenBranch() : op.getElseBranch())))
      copyShape(evaluator, value, result);
    return success();
  }
  if (takeEqualBranch(op, evaluator))
    return success();
  for (auto [result, left, right] :
       llvm::zip(op.getResults(), yielded(op.getThenBranch()), yielded(op.getElseBranch()))) {
    joinShapes(evaluator, result, evaluator.getShape(left), evaluator.getShape(right));
    std::optional<ShapeRef> a = evaluator.getElements(left), b = evaluator.getElements(right);
    if (!a || !b || a->size() != b->size() || evaluator.getShape(left) != evaluator.getShape(right))
      continue;
    SmallVector<Dim> joined;
    for (auto [index, pair] : llvm::enumerate(llvm::zip(*a, *b)))
      joined.push_back(std::get<0>(pair) == std::get<1>(pair)
                           ? std::get<0>(pair)
                           : evaluator.unknownElement(result, index));
    evaluator.setElements(result, joined);
  }
  return success();
}

/// Infers `body` until the shapes of its carried values (the arguments from
/// `first` on) no longer change: each round makes sizes that differ unknown,
/// so that it ends. `yieldedFirst` is the first carried value that it yields.
static LogicalResult inferBody(ShapeEvaluator &evaluator, Region &body, unsigned first,
                               unsigned count, unsigned yieldedFirst) {
  for (;;) {
    if (failed(evaluator.inferRegion(body)))
      return failure();
    ValueRange results = yielded(body);
    bool changed = false;
    for (unsigned i = 0; i < count && yieldedFirst + i < results.size(); ++i) {
      Value argument = body.getArgument(first + i);
      std::optional<ShapeRef> before = evaluator.getShape(argument);
      if (!before || before == evaluator.getShape(results[yieldedFirst + i]))
        continue;
      joinShapes(evaluator, argument, before, evaluator.getShape(results[yieldedFirst + i]));
      changed |= evaluator.getShape(argument) != before;
    }
    if (!changed)
      return success();
  }
}

static LogicalResult inferLoop(LoopOp op, ShapeEvaluator &evaluator) {
  Region &body = op.getBody();
  unsigned carried = op.getVInitial().size();
  if (body.empty() || body.getNumArguments() != carried + 2)
    return op.emitOpError() << "needs a body of " << carried + 2 << " inputs";
  evaluator.setShape(body.getArgument(0), {});
  evaluator.setShape(body.getArgument(1), {});
  for (auto [index, value] : llvm::enumerate(op.getVInitial())) {
    evaluator.setUnranked(body.getArgument(index + 2));
    copyShape(evaluator, value, body.getArgument(index + 2));
  }
  if (failed(inferBody(evaluator, body, 2, carried, 1)))
    return failure();
  ValueRange results = yielded(body);
  for (auto [index, result] : llvm::enumerate(op.getResults())) {
    if (index + 1 >= results.size())
      break;
    std::optional<ShapeRef> shape = evaluator.getShape(results[index + 1]);
    if (index < carried) {
      // No iteration at all leaves the initial value.
      joinShapes(evaluator, result, evaluator.getShape(body.getArgument(index + 2)), shape);
      continue;
    }
    // A stack of what the iterations yield.
    if (!shape) {
      evaluator.setUnranked(result);
      continue;
    }
    Shape stacked{evaluator.unknownDim(result, 0)};
    for (auto [axis, size] : llvm::enumerate(*shape))
      stacked.push_back(asConstant(size) ? size : evaluator.unknownDim(result, axis + 1));
    evaluator.setShape(result, stacked);
  }
  return success();
}

static LogicalResult inferScan(ScanOp op, ShapeEvaluator &evaluator) {
  Region &body = op.getBody();
  ValueRange operands = op.getInitialStateAndScanInputs();
  int64_t scanned = op.getNumScanInputs();
  if (scanned < 0 || scanned > int64_t(operands.size()) || body.empty() ||
      body.getNumArguments() != operands.size())
    return op.emitOpError("num_scan_inputs, inputs and the inputs of the body do not fit together");
  unsigned carried = operands.size() - scanned;
  Dim length;
  auto axisOf = [](std::optional<ArrayRef<int64_t>> axes, size_t index) {
    return axes && index < axes->size() ? (*axes)[index] : 0;
  };
  for (auto [index, value] : llvm::enumerate(operands)) {
    Value argument = body.getArgument(index);
    evaluator.setUnranked(argument);
    std::optional<ShapeRef> shape = evaluator.getShape(value);
    if (!shape)
      continue;
    if (index < carried) {
      evaluator.setShape(argument, *shape);
      continue;
    }
    FailureOr<int64_t> axis =
        getAxis(op, axisOf(op.getScanInputAxes(), index - carried), shape->size());
    if (failed(axis))
      return failure();
    Shape slice(shape->begin(), shape->end());
    length = length ? length : slice[*axis];
    slice.erase(slice.begin() + *axis);
    evaluator.setShape(argument, slice);
  }
  if (failed(inferBody(evaluator, body, 0, carried, 0)))
    return failure();
  ValueRange results = yielded(body);
  for (auto [index, result] : llvm::enumerate(op.getResults())) {
    if (index >= results.size())
      break;
    std::optional<ShapeRef> shape = evaluator.getShape(results[index]);
    if (index < carried) {
      joinShapes(evaluator, result, evaluator.getShape(body.getArgument(index)), shape);
      continue;
    }
    if (!shape) {
      evaluator.setUnranked(result);
      continue;
    }
    FailureOr<int64_t> axis =
        getAxis(op, axisOf(op.getScanOutputAxes(), index - carried), shape->size() + 1);
    if (failed(axis))
      return failure();
    Shape stacked(shape->begin(), shape->end());
    stacked.insert(stacked.begin() + *axis, length ? length : evaluator.unknownDim(result, *axis));
    evaluator.setShape(result, stacked);
  }
  return success();
}

/// Results have what their types say: the evaluator does that.
static LogicalResult inferFromTypes(Operation *, ShapeEvaluator &) { return success(); }

void analysis::attachControlShapes(MLIRContext *context) {
  attach<IfOp, inferIf>(context);
  attach<LoopOp, inferLoop>(context);
  attach<ScanOp, inferScan>(context);
  attachAll<inferFromTypes, CustomOp, NoneOp, YieldOp>(context);
}
