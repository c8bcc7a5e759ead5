//===- NNOps.td - Operations of the nn dialect -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_DIALECTS_NN_IR_NNOPS
#define SECATEUR_DIALECTS_NN_IR_NNOPS

include "dialects/NN/IR/NNBase.td"
include "dialects/NN/IR/NNContraction.td"
include "dialects/NN/IR/NNControl.td"
include "dialects/NN/IR/NNElementwise.td"
include "dialects/NN/IR/NNMicrosoft.td"
include "dialects/NN/IR/NNMovement.td"
include "dialects/NN/IR/NNNormalization.td"
include "dialects/NN/IR/NNPooling.td"
include "dialects/NN/IR/NNQuantization.td"
include "dialects/NN/IR/NNReduction.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def NN_ConstantOp : Op<NN_Dialect, "constant",
    [Pure, ConstantLike, AllTypesMatch<["value", "output"]>]> {
  let summary = "An initialiser or a Constant node";
  let description = [{
    Large values are `dense_resource` attributes whose blob is the mapped file.
    `initializer` marks an initialiser of the graph (it is exported as one again,
    under the name in its location), `input` one that is a graph input too, as IR
    versions before 4 want it. Without either it was a Constant node.

    ```mlir
    %w = nn.constant dense_resource<conv1.weight> : tensor<64x3x7x7xf32> initializer
    ```
  }];
  let arguments = (ins ElementsAttr:$value, UnitAttr:$initializer, UnitAttr:$input);
  let results = (outs AnyTensor:$output);
  let assemblyFormat = "$value (`initializer` $initializer^)? (`input` $input^)? attr-dict";
  let hasFolder = 1;
  let builders = [OpBuilder<(ins "::mlir::ElementsAttr":$value, CArg<"bool", "false">:$initializer), [{
    build($_builder, $_state, value.getShapedType(), value,
          initializer ? $_builder.getUnitAttr() : ::mlir::UnitAttr(), ::mlir::UnitAttr());
  }]>];
}

def NN_NoneOp : Op<NN_Dialect, "none", [Pure]> {
  let summary = "An omitted input of an operator that Secateur does not know";
  let results = (outs NoneType:$output);
  let assemblyFormat = "attr-dict";
}

def NN_CustomOp : Op<NN_Dialect, "custom"> {
  let summary = "An operator that Secateur does not know";
  let description = [{
    It is exported as it came, pins the dimensions that it touches, and is named in
    an error where code is wanted. `parameters` holds the attributes that can be shown as MLIR
    attributes; `encoded` the serialised onnx.AttributeProto of the rest.
  }];
  let arguments = (ins Variadic<AnyTypeOf<[NN_Value, NoneType]>>:$inputs, StrAttr:$domain, StrAttr:$name,
                       DictionaryAttr:$parameters, OptionalAttr<StrArrayAttr>:$encoded);
  let results = (outs Variadic<AnyTypeOf<[NN_Value, NoneType]>>:$outputs);
  let assemblyFormat = "$domain `:` $name `(` $inputs `)` $parameters attr-dict `:` functional-type($inputs, $outputs)";
}

def NN_YieldOp : Op<NN_Dialect, "yield", [Pure, Terminator, ReturnLike]> {
  let summary = "The outputs of a subgraph";
  let arguments = (ins Variadic<NN_Value>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

#endif // SECATEUR_DIALECTS_NN_IR_NNOPS
