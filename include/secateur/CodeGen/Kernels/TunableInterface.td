//===- TunableInterface.td - Products with a choice of kernels -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Implemented by external models in lib/CodeGen/Kernels/Choices.cpp.

#ifndef SECATEUR_CODEGEN_KERNELS_TUNABLEINTERFACE
#define SECATEUR_CODEGEN_KERNELS_TUNABLEINTERFACE

include "mlir/IR/OpBase.td"

def TunableOpInterface : OpInterface<"TunableOpInterface"> {
  let cppNamespace = "::secateur::codegen";
  let description = [{
    A product that several kernels, or several forms of one, can compute. Whoever knows
    better than the model of its cost sets a choice (`compile-model --tune`).
  }];
  let methods = [
    InterfaceMethod<[{
      What is worth a measurement on this target, the model's own choice first; empty
      where there is nothing to choose. With `fastMath`, kernels that round differently
      are among them. The op is on tensors.
    }], "::llvm::SmallVector<::secateur::kern::ChoiceAttr>", "getCandidates",
      (ins "const ::secateur::codegen::TargetFacts &":$target, "bool":$fastMath)>,
    InterfaceMethod<[{
      Emits an error where the op has a choice that this target's kernels cannot take.
    }], "::llvm::LogicalResult", "checkChoice", (ins "const ::secateur::codegen::TargetFacts &":$target)>,
    InterfaceMethod<"Sets the choice; null leaves it to the model.", "void", "choose",
                    (ins "::secateur::kern::ChoiceAttr":$choice)>,
    InterfaceMethod<"The choice that is set, or null.", "::secateur::kern::ChoiceAttr", "getChosen">
  ];
}

#endif // SECATEUR_CODEGEN_KERNELS_TUNABLEINTERFACE
