//===- LoweringInterfaces.td - How an operator becomes code -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Implemented by external models, one file per family of operators.

#ifndef SECATEUR_LOWERING_LOWERINGINTERFACES
#define SECATEUR_LOWERING_LOWERINGINTERFACES

include "mlir/IR/OpBase.td"

def LoweringOpInterface : OpInterface<"LoweringOpInterface"> {
  let cppNamespace = "::secateur::lowering";
  let description = [{
    An operator that can be compiled: it builds its results from `kern`, `linalg`,
    `tensor`, `scf`, `arith` and `math` operations on tensors.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds the results and hands each that is used to `context.set`. Where an
      attribute, a type or an unknown size stands in the way, returns
      `context.unsupported(op, reason)`; builds nothing that it does not hand over.
    }], "::llvm::LogicalResult", "lower", (ins "::secateur::lowering::LoweringContext &":$context)>,
  ];
}

#endif // SECATEUR_LOWERING_LOWERINGINTERFACES
