//===- ParallelLoop.cpp - Builders of kern.parallel -------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "ParallelLoop.h"

#include "dialects/Kern/IR/KernOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

Value secateur::codegen::createGrain(OpBuilder &builder, Location loc, int64_t taskWork, Value work,
                                     int64_t multiple) {
  if (std::optional<int64_t> known = getConstantIntValue(work)) {
    int64_t grain = std::max<int64_t>(taskWork / std::max<int64_t>(*known, 1), 1);
    return arith::ConstantIndexOp::create(builder, loc,
                                          llvm::divideCeil(grain, multiple) * multiple);
  }
  auto constant = [&](int64_t value) {
    return arith::ConstantIndexOp::create(builder, loc, value);
  };
  Value atLeastOne = arith::MaxUIOp::create(builder, loc, work, constant(1));
  Value units = arith::CeilDivUIOp::create(
      builder, loc, constant(std::max<int64_t>(taskWork / multiple, 1)), atLeastOne);
  if (multiple == 1)
    return units;
  return arith::MulIOp::create(builder, loc, units, constant(multiple));
}

void secateur::codegen::createParallel(OpBuilder &builder, Location loc, Value count, Value grain,
                                       llvm::function_ref<void(Value, Value)> emit) {
  auto parallel = kern::ParallelOp::create(builder, loc, count, grain);
  OpBuilder::InsertionGuard guard(builder);
  Block *block = &parallel->getRegion(0).front();
  builder.setInsertionPointToStart(block);
  emit(block->getArgument(0), block->getArgument(1));
}
