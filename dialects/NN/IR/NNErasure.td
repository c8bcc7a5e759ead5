//===- NNErasure.td - What an operation needs when tensors shrink -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Implemented by external models, as the interfaces of NNInterfaces.td are.

#ifndef SECATEUR_DIALECTS_NN_IR_NNERASURE
#define SECATEUR_DIALECTS_NN_IR_NNERASURE

include "mlir/IR/OpBase.td"

def ErasureOpInterface : OpInterface<"ErasureOpInterface"> {
  let cppNamespace = "::secateur::nn";
  let description = [{
    Which attributes and integer operands of an operation name extents or positions
    of its tensors, so that they can be rewritten when positions are erased. An
    operation without the interface names none; shape inference on the erased graph
    checks that.

    The context knows, for every value, its shape before and after and the positions
    that are kept. Sizes come from there and never from comparing integers.
  }];
  let methods = [
    InterfaceMethod<[{
      Sets the attributes that name an extent, and demands values of the elements of
      integer operands that do, changed or not. Fails with an error on the operation
      where no value says what is kept.
    }], "::llvm::LogicalResult", "rewriteExtents", (ins "::secateur::nn::ErasureContext &":$context),
    "", "return ::llvm::success();">,
    InterfaceMethod<[{
      Element `index` of result `result`, an integer tensor, is to be `wanted` in the
      erased graph: the ways to get that, each an element of one operand and its
      value. Empty where there is none.
    }], "::llvm::SmallVector<::secateur::nn::ElementDemand>", "traceElement",
    (ins "unsigned":$result, "int64_t":$index, "int64_t":$wanted, "::secateur::nn::ErasureContext &":$context),
    "", "return {};">,
  ];
}

#endif // SECATEUR_DIALECTS_NN_IR_NNERASURE
