//===- NNInterfaces.td - What an operation of a model can be asked -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Passes ask operations and name none of them. Apart from OnnxOpInterface,
// which every operator declares, the interfaces are implemented by external
// models, one file per family of operators, so that a family's answers to one
// question stand together.

#ifndef SECATEUR_DIALECTS_NN_IR_NNINTERFACES
#define SECATEUR_DIALECTS_NN_IR_NNINTERFACES

include "mlir/IR/OpBase.td"

def OnnxOpInterface : OpInterface<"OnnxOpInterface"> {
  let cppNamespace = "::secateur::nn";
  let description = "The ONNX operator that an operation mirrors: the table behind import and export.";
  let methods = [
    StaticInterfaceMethod<"The operator's name", "::llvm::StringRef", "getOnnxName">,
    StaticInterfaceMethod<"The operator's domain; empty is ai.onnx", "::llvm::StringRef", "getOnnxDomain">,
    StaticInterfaceMethod<"The opset whose meaning the operation has", "int64_t", "getSinceVersion">,
    StaticInterfaceMethod<"One letter per formal input: r required, o optional, v variadic",
                          "::llvm::StringRef", "getInputKinds">,
    StaticInterfaceMethod<"One letter per formal output, likewise", "::llvm::StringRef", "getOutputKinds">,
  ];
}

def ShapeOpInterface : OpInterface<"ShapeOpInterface"> {
  let cppNamespace = "::secateur::nn";
  let description = [{
    Shape inference with symbolic dimensions. An operation reads the shapes of its
    operands, and where it computes with small integer tensors (shape arithmetic)
    their elements, from the evaluator, and gives it those of its results.
  }];
  let methods = [
    InterfaceMethod<[{
      Gives `evaluator` the shape of each result and, where it can be told, the
      elements of integer results. Fails with an error on the operation where the
      operands contradict each other.
    }], "::llvm::LogicalResult", "inferShapes", (ins "::secateur::nn::ShapeEvaluator &":$evaluator)>,
    InterfaceMethod<[{
      Applies the same rule to the static types of the operands: fails, with an
      error, where no input could make them fit. The verifier asks this.
    }], "::llvm::LogicalResult", "verifyShapes">,
  ];
}

def CostOpInterface : OpInterface<"CostOpInterface"> {
  let cppNamespace = "::secateur::nn";
  let description = "The arithmetic work of an operation, at concrete shapes.";
  let methods = [
    InterfaceMethod<[{
      Twice the multiply-accumulates of convolutions, matrix products and
      recurrences; 0 for all else. `shapeOf` gives the concrete shape of an operand
      or result.
    }], "int64_t", "getFlops",
    (ins "::llvm::function_ref<::llvm::SmallVector<int64_t>(::mlir::Value)>":$shapeOf)>,
  ];
}

def ConstantFoldOpInterface : OpInterface<"ConstantFoldOpInterface"> {
  let cppNamespace = "::secateur::nn";
  let description = [{
    The value of an operation whose operands are constants. MLIR's folding hooks are
    not used: they would fold the user's graph wherever it is canonicalised, and
    that graph stays as it is up to the point where it is exported.
  }];
  let methods = [
    InterfaceMethod<[{
      The value of each result; none where it is not known how. An operand that was
      left out is null. The operation's result types are those after shape inference.
    }], "::llvm::SmallVector<::mlir::ElementsAttr>", "evaluate",
    (ins "::llvm::ArrayRef<::mlir::ElementsAttr>":$operands)>,
  ];
}

def DecompositionOpInterface : OpInterface<"DecompositionOpInterface"> {
  let cppNamespace = "::secateur::nn";
  let description = [{
    An operator that stands for several others: of com.microsoft, mostly. The user's graph keeps it;
    native code is made of those that it stands for, with their speed.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds what the operation stands for at the insertion point of `builder`, and
      returns a value for each result, null for those that nothing reads. Types of
      results need an element type only. Fails where the operation has a form that is
      not known how to build, and says in `reason` which; it has built nothing then.
    }], "::llvm::FailureOr<::llvm::SmallVector<::mlir::Value>>", "decompose",
    (ins "::mlir::OpBuilder &":$builder, "std::string &":$reason)>,
  ];
}

#endif // SECATEUR_DIALECTS_NN_IR_NNINTERFACES
