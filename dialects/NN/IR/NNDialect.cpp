//===- NNDialect.cpp - The nn dialect --------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "dialects/NN/IR/NNDialect.h"

#include "dialects/NN/IR/NNOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace secateur::nn;

#include "dialects/NN/IR/NNOpsDialect.cpp.inc"

#include "dialects/NN/IR/NNInterfaces.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/NN/IR/NNOpsTypes.cpp.inc"

void NNDialect::initialize() {
  registerNNDialectOperations(this);
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/NN/IR/NNOpsTypes.cpp.inc"
      >();
}

Operation *NNDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type,
                                          Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || elements.getShapedType() != type)
    return nullptr;
  return ConstantOp::create(builder, loc, elements);
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }
