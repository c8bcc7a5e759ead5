//===- NNQuantization.td - Quantization operators of the nn dialect -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Operands, attributes and defaults are those of the ONNX schema at the opset
// that each summary names; `NN_Op` in NNBase.td explains the parameters.

#ifndef SECATEUR_DIALECTS_NN_IR_NNQUANTIZATION
#define SECATEUR_DIALECTS_NN_IR_NNQUANTIZATION

include "dialects/NN/IR/NNBase.td"

def NN_DequantizeLinearOp : NN_Op<"dequantize_linear", "DequantizeLinear", 28, "rro", "r",
    [Pure]> {
  let summary = "ONNX DequantizeLinear, in the form of opset 28";
  let arguments = (ins NN_Value:$x, NN_Value:$x_scale, Optional<NN_Value>:$x_zero_point,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$axis,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$block_size,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$output_dtype);
  let results = (outs NN_Value:$y);
  let assemblyFormat = [{
    $x `,` $x_scale (`x_zero_point` `(` $x_zero_point^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
}

def NN_DynamicQuantizeLinearOp : NN_Op<"dynamic_quantize_linear", "DynamicQuantizeLinear", 11, "r", "rrr",
    [Pure]> {
  let summary = "ONNX DynamicQuantizeLinear, in the form of opset 11";
  let arguments = (ins NN_Value:$x);
  let results = (outs NN_Value:$y, NN_Value:$y_scale, NN_Value:$y_zero_point);
  let assemblyFormat = [{
    $x attr-dict `:` functional-type(operands, results)
  }];
}

def NN_QuantizeLinearOp : NN_Op<"quantize_linear", "QuantizeLinear", 28, "rro", "r", [Pure]> {
  let summary = "ONNX QuantizeLinear, in the form of opset 28";
  let arguments = (ins NN_Value:$x, NN_Value:$y_scale, Optional<NN_Value>:$y_zero_point,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$axis,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$block_size,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$output_dtype,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$precision,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$saturate);
  let results = (outs NN_Value:$y);
  let assemblyFormat = [{
    $x `,` $y_scale (`y_zero_point` `(` $y_zero_point^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
}

#endif // SECATEUR_DIALECTS_NN_IR_NNQUANTIZATION
