//===- Steps.cpp - Marks what the profile counts ----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Before each operation of the program that does work, the runtime is told which step
// begins, and what it computes and touches. A step is a location, so that what came
// from one node of the user's model is one line of the profile.
//===----------------------------------------------------------------------===//

#include "Steps.h"

#include "RuntimeCalls.h"

#include "secateur/Support/Names.h"
#include "secateur/Support/TensorBytes.h"

#include "dialects/Kern/IR/KernOps.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

/// The size of all operands: what is read once and what is written.
static Value countBytes(kern::Counter &count, Operation *op) {
  Value bytes = count.constant(0);
  for (Value operand : op->getOperands())
    if (auto type = dyn_cast<MemRefType>(operand.getType()))
      bytes = count.add(
          bytes, count.multiply(count.elements(operand), getElementBytes(type.getElementType())));
  return bytes;
}

std::string secateur::codegen::nameStep(Location location) {
  llvm::SetVector<StringRef> names;
  location->walk([&](Location inner) {
    if (auto named = dyn_cast<NameLoc>(inner))
      names.insert(named.getName().getValue());
    return WalkResult::advance();
  });
  if (!names.empty())
    return llvm::join(names, " + ");
  for (StringRef output : getOutputNames(location))
    if (!output.empty())
      return "value '" + output.str() + "'";
  return "(no node)";
}

static bool doesWork(Operation &op) {
  bool works = false;
  op.walk([&](Operation *inner) {
    works |= isa<LoopLikeOpInterface, linalg::LinalgOp, memref::CopyOp>(inner) ||
             isa<DestinationStyleOpInterface>(inner);
  });
  return works;
}

void secateur::codegen::markSteps(func::FuncOp program, Value context) {
  auto module = program->getParentOfType<ModuleOp>();
  OpBuilder builder(program.getContext());
  Type i32 = builder.getI32Type(), i64 = builder.getI64Type();
  llvm::MapVector<Attribute, int32_t> steps; // By name.
  SmallVector<Operation *> works;
  for (Operation &op : program.getBody().front())
    if (doesWork(op))
      works.push_back(&op);
  LLVM::LLVMFuncOp callee;
  for (Operation *op : works) {
    StringAttr name = builder.getStringAttr(nameStep(op->getLoc()));
    int32_t step = steps.try_emplace(name, steps.size()).first->second;
    Location unknown = builder.getUnknownLoc();
    builder.setInsertionPoint(op);
    kern::Counter count(builder, unknown);
    auto product = dyn_cast<kern::ProductOpInterface>(op);
    Value flops = product ? product.countFlops(count) : count.constant(0);
    if (!callee)
      callee = runtimeFunction(module, "secateur_step", LLVM::LLVMVoidType::get(op->getContext()),
                               {context.getType(), i32, i64, i64});
    Value number = LLVM::ConstantOp::create(builder, unknown, i32, builder.getI32IntegerAttr(step));
    LLVM::CallOp::create(builder, unknown, callee,
                         ValueRange{context, number, flops, countBytes(count, op)});
  }
  SmallVector<Attribute> names = llvm::map_to_vector(steps, [](auto &step) { return step.first; });
  module->setAttr("secateur.steps", builder.getArrayAttr(names));
}
