//===- KernInterfaces.td - What kernels can be asked ----------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_DIALECTS_KERN_IR_KERNINTERFACES
#define SECATEUR_DIALECTS_KERN_IR_KERNINTERFACES

include "mlir/IR/OpBase.td"

def EpilogueOpInterface : OpInterface<"EpilogueOpInterface"> {
  let cppNamespace = "::secateur::kern";
  let description = [{
    A kernel that applies a scalar function to each accumulated element before it
    stores it. The region `epilogue` is empty (the accumulator is stored as it is)
    or has one block whose arguments are the accumulator and then one scalar for
    each epilogue operand, read at `epilogue_maps[i](position in the output)`.
    `kern.yield` names the stored scalar. The block holds side-effect-free scalar
    ops only and captures nothing from above, except constants.

    An epilogue operand may be the very buffer that is written when its map is the
    identity: each element is read before it is written, and once.
  }];
  let methods = [
    InterfaceMethod<"The region that makes the stored scalar.", "::mlir::Region &", "getEpilogue">,
    InterfaceMethod<"Operands that the epilogue reads.", "::mlir::MutableOperandRange", "getEpilogueOperandsMutable">,
    InterfaceMethod<"One map a operand, over the dimensions of the output.", "::mlir::ArrayAttr", "getEpilogueMaps">,
    InterfaceMethod<"Replaces the maps.", "void", "setEpilogueMapsAttr", (ins "::mlir::ArrayAttr":$maps)>,
    InterfaceMethod<"The destination.", "::mlir::Value", "getInit">
  ];
  let extraSharedClassDeclaration = [{
    /// Type in which the kernel accumulates: that of the epilogue's first
    /// argument, or of the output's elements where there is no epilogue.
    ::mlir::Type getAccumulatorType();
    /// Gives an op without epilogue the one that yields its accumulator.
    ::mlir::Block &getOrCreateEpilogueBlock();
  }];
  let verify = [{ return ::secateur::kern::verifyEpilogue($_op); }];
}

def ProductOpInterface : OpInterface<"ProductOpInterface"> {
  let cppNamespace = "::secateur::kern";
  let description = [{
    A kernel that multiplies and adds: what the profile counts as its work.
  }];
  let methods = [
    InterfaceMethod<[{
      Two for each multiplication with an addition that the direct method takes, as
      a value of type i64 of the program. The op is on memrefs.
    }], "::mlir::Value", "countFlops", (ins "::secateur::kern::Counter &":$count)>
  ];
}

#endif // SECATEUR_DIALECTS_KERN_IR_KERNINTERFACES
