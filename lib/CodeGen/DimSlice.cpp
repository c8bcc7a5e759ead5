//===- DimSlice.cpp - Sizes as functions of the arguments' dimensions -------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "DimSlice.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace secateur::codegen;

/// The argument and axis that a dim operation asks for, when it asks for one.
static std::optional<std::pair<unsigned, int64_t>> argumentDimension(Operation *op) {
  Value source;
  std::optional<int64_t> axis;
  if (auto dim = dyn_cast<memref::DimOp>(op)) {
    source = dim.getSource();
    axis = dim.getConstantIndex();
  } else if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    source = dim.getSource();
    axis = dim.getConstantIndex();
  }
  auto argument = dyn_cast_or_null<BlockArgument>(source);
  if (!argument || !axis || !argument.getOwner()->isEntryBlock() ||
      !isa<FunctionOpInterface>(argument.getOwner()->getParentOp()))
    return std::nullopt;
  return std::make_pair(argument.getArgNumber(), *axis);
}

bool DimSlice::isFromArguments(Value value) {
  auto found = known.find(value);
  if (found != known.end())
    return found->second;
  Operation *op = value.getDefiningOp();
  bool result = false;
  if (op && op->getNumRegions() == 0 && value.getType().isIntOrIndexOrFloat()) {
    result =
        argumentDimension(op).has_value() ||
        (isPure(op) && !isa<memref::DimOp, tensor::DimOp>(op) &&
         llvm::all_of(op->getOperands(), [&](Value operand) { return isFromArguments(operand); }));
  }
  known[value] = result;
  return result;
}

Value DimSlice::clone(OpBuilder &builder, Value value, IRMapping &mapping,
                      llvm::function_ref<Value(unsigned, int64_t)> dimension) {
  if (Value done = mapping.lookupOrNull(value))
    return done;
  Operation *op = value.getDefiningOp();
  if (auto source = argumentDimension(op)) {
    Value result = dimension(source->first, source->second);
    mapping.map(value, result);
    return result;
  }
  for (Value operand : op->getOperands())
    clone(builder, operand, mapping, dimension);
  builder.clone(*op, mapping);
  return mapping.lookup(value);
}
