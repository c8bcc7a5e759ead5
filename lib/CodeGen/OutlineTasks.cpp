//===- OutlineTasks.cpp - Moves bodies of kern.parallel into tasks ----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Only a function whose first argument is the run context (`secateur.context`)
// can share work out. A kern.parallel elsewhere, or inside another, runs its
// whole range in place, as the runtime would have it.
//===----------------------------------------------------------------------===//

#include "secateur/CodeGen/Passes.h"

#include "dialects/Kern/IR/KernOps.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/OperationSupport.h"
#include "mlir/Transforms/RegionUtils.h"

namespace secateur::codegen {
#define GEN_PASS_DEF_CODEGENOUTLINETASKS
#include "secateur/CodeGen/Passes.h.inc"
} // namespace secateur::codegen

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

/// Replaces the operation by its body over the whole range.
static void runInPlace(kern::ParallelOp parallel) {
  IRRewriter rewriter(parallel);
  Value zero = arith::ConstantIndexOp::create(rewriter, parallel.getLoc(), 0);
  Block *body = &parallel->getRegion(0).front();
  if (!body->empty() && body->back().hasTrait<OpTrait::IsTerminator>())
    rewriter.eraseOp(&body->back());
  rewriter.inlineBlockBefore(body, parallel, {zero, parallel.getCount()});
  rewriter.eraseOp(parallel);
}

/// Constants that are part of a task's form: everything but sizes.
static bool belongsToTask(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || !op->hasTrait<OpTrait::ConstantLike>())
    return false;
  APInt number;
  if (!value.getType().isIndex() || !matchPattern(value, m_ConstantInt(&number)))
    return true;
  return number.abs().ule(64);
}

namespace {

struct Task {
  func::FuncOp function;
  func::FuncOp launcher;
};

class Outliner {
public:
  explicit Outliner(ModuleOp module) : module(module) {}

  void outline(kern::ParallelOp parallel);

private:
  func::FuncOp buildTask(kern::ParallelOp parallel, ValueRange captures);
  Task &findOrAdd(func::FuncOp function);

  ModuleOp module;
  DenseMap<unsigned, SmallVector<Task>> tasks; // by hash of the body
  unsigned count = 0;
};

struct CodegenOutlineTasksPass
    : secateur::codegen::impl::CodegenOutlineTasksBase<CodegenOutlineTasksPass> {
  void runOnOperation() override {
    Outliner outliner(getOperation());
    SmallVector<kern::ParallelOp> parallels, nested;
    getOperation().walk<WalkOrder::PostOrder>([&](kern::ParallelOp op) {
      auto function = op->getParentOfType<func::FuncOp>();
      bool shared = function && function->hasAttr("secateur.context") &&
                    !op->getParentOfType<kern::ParallelOp>();
      (shared ? parallels : nested).push_back(op);
    });
    for (kern::ParallelOp op : nested)
      runInPlace(op);
    for (kern::ParallelOp op : parallels)
      outliner.outline(op);
  }
};

} // namespace

func::FuncOp Outliner::buildTask(kern::ParallelOp parallel, ValueRange captures) {
  OpBuilder builder(module.getContext());
  Location loc = parallel.getLoc();
  SmallVector<Type> types(2, builder.getIndexType());
  llvm::append_range(types, captures.getTypes());
  auto function = func::FuncOp::create(loc, "task", builder.getFunctionType(types, {}));
  function.setPrivate();
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToStart(entry);

  IRMapping mapping;
  for (auto [from, to] :
       llvm::zip_equal(parallel->getRegion(0).getArguments(), entry->getArguments().take_front(2)))
    mapping.map(from, to);
  for (auto [from, to] : llvm::zip_equal(captures, entry->getArguments().drop_front(2)))
    mapping.map(from, to);
  llvm::SetVector<Value> above;
  getUsedValuesDefinedAbove(parallel->getRegion(0), above);
  for (Value value : above)
    if (belongsToTask(value))
      builder.clone(*value.getDefiningOp(), mapping);
  for (Operation &op : parallel->getRegion(0).front())
    if (!op.hasTrait<OpTrait::IsTerminator>())
      builder.clone(op, mapping);
  func::ReturnOp::create(builder, loc);
  return function;
}

static unsigned hashBody(func::FuncOp function) {
  llvm::hash_code hash = hash_value(function.getFunctionType());
  function.getBody().walk([&](Operation *op) {
    hash = llvm::hash_combine(
        hash, OperationEquivalence::computeHash(op, OperationEquivalence::ignoreHashValue,
                                                OperationEquivalence::ignoreHashValue,
                                                OperationEquivalence::IgnoreLocations));
  });
  return static_cast<unsigned>(hash);
}

Task &Outliner::findOrAdd(func::FuncOp function) {
  SmallVector<Task> &candidates = tasks[hashBody(function)];
  for (Task &task : candidates) {
    if (task.function.getFunctionType() == function.getFunctionType() &&
        OperationEquivalence::isRegionEquivalentTo(&task.function.getBody(), &function.getBody(),
                                                   OperationEquivalence::IgnoreLocations)) {
      function->destroy();
      return task;
    }
  }
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  std::string number = std::to_string(count++);
  function.setSymName("task_" + number);
  builder.insert(function);
  // launch(context, count, grain, captures...)
  SmallVector<Type> types{LLVM::LLVMPointerType::get(module.getContext())};
  llvm::append_range(types, function.getArgumentTypes());
  auto launcher = func::FuncOp::create(builder, function.getLoc(), "launch_" + number,
                                       builder.getFunctionType(types, {}));
  launcher.setPrivate();
  launcher->setAttr("secateur.task", FlatSymbolRefAttr::get(function.getSymNameAttr()));
  candidates.push_back({function, launcher});
  return candidates.back();
}

void Outliner::outline(kern::ParallelOp parallel) {
  llvm::SetVector<Value> above;
  getUsedValuesDefinedAbove(parallel->getRegion(0), above);
  SmallVector<Value> captures;
  for (Value value : above)
    if (!belongsToTask(value))
      captures.push_back(value);
  Task &task = findOrAdd(buildTask(parallel, captures));

  OpBuilder builder(parallel);
  auto function = parallel->getParentOfType<func::FuncOp>();
  SmallVector<Value> operands{function.getArgument(0), parallel.getCount(), parallel.getGrain()};
  llvm::append_range(operands, captures);
  func::CallOp::create(builder, parallel.getLoc(), task.launcher, operands);
  parallel.erase();
}
