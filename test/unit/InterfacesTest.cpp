//===- InterfacesTest.cpp - Every operator answers what all are asked -------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "dialects/NN/IR/NNOps.h"
#include "secateur/InitAll.h"

#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace secateur;

namespace {

/// The registered operations of nn that mirror an operator of ONNX.
SmallVector<RegisteredOperationName> getOperators(MLIRContext &context) {
  SmallVector<RegisteredOperationName> result;
  for (RegisteredOperationName name : context.getRegisteredOperations())
    if (name.hasInterface<nn::OnnxOpInterface>())
      result.push_back(name);
  return result;
}

struct InterfacesTest : testing::Test {
  InterfacesTest() {
    DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadDialect<nn::NNDialect>();
  }
  MLIRContext context{MLIRContext::Threading::DISABLED};
};

TEST_F(InterfacesTest, EveryOperatorInfersShapes) {
  SmallVector<RegisteredOperationName> operators = getOperators(context);
  EXPECT_GE(operators.size(), 156u);
  for (RegisteredOperationName name : operators)
    EXPECT_TRUE(name.hasInterface<nn::ShapeOpInterface>()) << name.getStringRef().str();
}

TEST_F(InterfacesTest, ContractionsHaveACost) {
  for (StringRef name :
       {"conv", "conv_integer", "conv_transpose", "qlinear_conv", "gemm", "matmul",
        "matmul_integer", "qlinear_matmul", "einsum", "lstm", "gru", "rnn", "attention"})
    EXPECT_TRUE(RegisteredOperationName::lookup(("nn." + name).str(), &context)
                    ->hasInterface<nn::CostOpInterface>())
        << name.str();
}

} // namespace
