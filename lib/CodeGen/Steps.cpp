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

#include "dialects/Kern/IR/KernOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

namespace {

/// Counts in the program, as values of type i64.
class Counter {
public:
  Counter(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  Value constant(int64_t value) {
    return LLVM::ConstantOp::create(builder, loc, builder.getI64Type(),
                                    builder.getI64IntegerAttr(value));
  }
  Value extent(Value memref, int64_t axis) {
    int64_t size = cast<MemRefType>(memref.getType()).getDimSize(axis);
    if (!ShapedType::isDynamic(size))
      return constant(size);
    Value dim = memref::DimOp::create(builder, loc, memref, axis);
    return arith::IndexCastOp::create(builder, loc, builder.getI64Type(), dim);
  }
  Value elements(Value memref) {
    Value count = constant(1);
    for (int64_t axis = 0; axis < cast<MemRefType>(memref.getType()).getRank(); ++axis)
      count = multiply(count, extent(memref, axis));
    return count;
  }
  Value multiply(Value a, Value b) { return arith::MulIOp::create(builder, loc, a, b); }
  Value multiply(Value a, int64_t b) { return multiply(a, constant(b)); }
  Value add(Value a, Value b) { return arith::AddIOp::create(builder, loc, a, b); }
  /// The extent of dimension `dim` of `map` in the operand that it belongs to.
  Value extent(AffineMap map, Value memref, unsigned dim) {
    auto position = map.getResultPosition(getAffineDimExpr(dim, map.getContext()));
    return position ? extent(memref, *position) : Value();
  }

private:
  OpBuilder &builder;
  Location loc;
};

} // namespace

/// Two for each multiplication with an addition; none for what is not a product.
static Value countFlops(Counter &count, Operation *op) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](kern::ContractOp contract) {
        Value flops = count.constant(2);
        for (unsigned dim = 0; dim < contract.getLhsMap().getNumDims(); ++dim) {
          Value extent = count.extent(contract.getLhsMap(), contract.getLhs(), dim);
          if (!extent)
            extent = count.extent(contract.getInitMap(), contract.getInit(), dim);
          flops = count.multiply(flops, extent);
        }
        return flops;
      })
      .Case([&](kern::ConvOp conv) {
        auto filter = cast<MemRefType>(conv.getFilter().getType());
        return count.multiply(count.elements(conv.getInit()), 2 * filter.getDimSize(2) *
                                                                  filter.getDimSize(3) *
                                                                  filter.getDimSize(4));
      })
      .Case([&](kern::WinogradConvOp conv) { // As the direct method would.
        return count.multiply(count.multiply(count.elements(conv.getInit()), 18),
                              count.extent(conv.getInput(), 3));
      })
      .Case([&](kern::DepthwiseConvOp conv) {
        auto filter = cast<MemRefType>(conv.getFilter().getType());
        return count.multiply(count.elements(conv.getInit()),
                              2 * filter.getDimSize(0) * filter.getDimSize(1));
      })
      .Case([&](kern::AttentionOp attention) {
        unsigned rank = attention.getScoreRank();
        Value scores = count.constant(2);
        for (unsigned dim = 0; dim < rank; ++dim)
          scores = count.multiply(
              scores, dim + 1 == rank
                          ? count.extent(attention.getMap(2), attention.getValue(), dim)
                          : count.extent(attention.getMap(3), attention.getInit(), dim));
        return count.multiply(
            scores, count.add(count.extent(attention.getMap(0), attention.getQuery(), rank),
                              count.extent(attention.getMap(3), attention.getInit(), rank + 1)));
      })
      .Default([&](Operation *) { return count.constant(0); });
}

/// The size of all operands: what is read once and what is written.
static Value countBytes(Counter &count, Operation *op) {
  Value bytes = count.constant(0);
  for (Value operand : op->getOperands())
    if (auto type = dyn_cast<MemRefType>(operand.getType()))
      bytes = count.add(
          bytes, count.multiply(count.elements(operand), elementBytes(type.getElementType())));
  return bytes;
}

/// Names of the nodes that an operation came from, in their order.
static std::string nameStep(Location location) {
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
    Counter count(builder, unknown);
    if (!callee)
      callee = runtimeFunction(module, "secateur_step", LLVM::LLVMVoidType::get(op->getContext()),
                               {context.getType(), i32, i64, i64});
    Value number = LLVM::ConstantOp::create(builder, unknown, i32, builder.getI32IntegerAttr(step));
    LLVM::CallOp::create(builder, unknown, callee,
                         ValueRange{context, number, countFlops(count, op), countBytes(count, op)});
  }
  SmallVector<Attribute> names = llvm::map_to_vector(steps, [](auto &step) { return step.first; });
  module->setAttr("secateur.steps", builder.getArrayAttr(names));
}
