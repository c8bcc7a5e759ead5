//===- NNCoupling.td - Which dimensions belong together -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_DIALECTS_NN_IR_NNCOUPLING
#define SECATEUR_DIALECTS_NN_IR_NNCOUPLING

include "mlir/IR/OpBase.td"

def CouplingOpInterface : OpInterface<"CouplingOpInterface"> {
  let cppNamespace = "::secateur::nn";
  let description = [{
    What an operation says about the positions of its operands and results: which
    axis of a result is made of which axes of the operands, which axes index the
    same thing, and which positions must stay. One pure declaration an operation;
    what follows from all of them together is the solver's business. An operation
    that does not implement this pins every axis that it touches.
  }];
  let methods = [
    InterfaceMethod<[{
      Declares the relations of the operation to `builder`, and gives each result
      its axes.
    }], "void", "declareCoupling", (ins "::secateur::nn::CouplingBuilder &":$builder)>,
    InterfaceMethod<[{
      What the erased positions of result `result` hold, where those of the operands
      hold `operands` (absent: the operand has no erased positions).
    }], "::secateur::nn::ErasedValue", "erasedValue",
    (ins "::llvm::ArrayRef<::secateur::nn::ErasedValue>":$operands, "unsigned":$result), "",
    "return ::secateur::nn::ErasedValue::unknown();">,
    InterfaceMethod<"What the operation makes of operand `operand`, an integer tensor, where that holds sizes.",
    "::secateur::nn::SizeUse", "useOfSizes", (ins "unsigned":$operand), "",
    "return ::secateur::nn::SizeUse();">,
  ];
}

def SignOpInterface : OpInterface<"SignOpInterface"> {
  let cppNamespace = "::secateur::nn";
  let description = "Which numbers an operation never gives. One without it may give any.";
  let methods = [
    InterfaceMethod<[{
      Whether no element of a result is negative; `operands` says of which operands
      that is known.
    }], "bool", "isNonNegative", (ins "::llvm::ArrayRef<bool>":$operands)>,
  ];
}

#endif // SECATEUR_DIALECTS_NN_IR_NNCOUPLING
