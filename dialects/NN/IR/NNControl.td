//===- NNControl.td - Control operators of the nn dialect -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Operands, attributes and defaults are those of the ONNX schema at the opset
// that each summary names; `NN_Op` in NNBase.td explains the parameters.

#ifndef SECATEUR_DIALECTS_NN_IR_NNCONTROL
#define SECATEUR_DIALECTS_NN_IR_NNCONTROL

include "dialects/NN/IR/NNBase.td"

def NN_IfOp : NN_Op<"if", "If", 25, "r", "v"> {
  let summary = "ONNX If, in the form of opset 25";
  let arguments = (ins NN_Value:$cond);
  let results = (outs Variadic<NN_Value>:$outputs);
  let regions = (region AnyRegion:$else_branch, AnyRegion:$then_branch);
  let assemblyFormat = [{
    $cond attr-dict-with-keyword `:` functional-type(operands, results) `else_branch` $else_branch `then_branch` $then_branch
  }];
}

def NN_LoopOp : NN_Op<"loop", "Loop", 25, "oov", "v", [AttrSizedOperandSegments]> {
  let summary = "ONNX Loop, in the form of opset 25";
  let arguments = (ins Optional<NN_Value>:$M, Optional<NN_Value>:$cond,
                       Variadic<NN_Value>:$v_initial);
  let results = (outs Variadic<NN_Value>:$v_final_and_scan_outputs);
  let regions = (region AnyRegion:$body);
  let assemblyFormat = [{
    (`M` `(` $M^ `)`)? (`cond` `(` $cond^ `)`)? (`v_initial` `(` $v_initial^ `)`)? attr-dict-with-keyword `:` functional-type(operands, results) `body` $body
  }];
}

def NN_ScanOp : NN_Op<"scan", "Scan", 25, "v", "v"> {
  let summary = "ONNX Scan, in the form of opset 25";
  let arguments = (ins Variadic<NN_Value>:$initial_state_and_scan_inputs,
                       I64Attr:$num_scan_inputs,
                       OptionalAttr<DenseI64ArrayAttr>:$scan_input_axes,
                       OptionalAttr<DenseI64ArrayAttr>:$scan_input_directions,
                       OptionalAttr<DenseI64ArrayAttr>:$scan_output_axes,
                       OptionalAttr<DenseI64ArrayAttr>:$scan_output_directions);
  let results = (outs Variadic<NN_Value>:$final_state_and_scan_outputs);
  let regions = (region AnyRegion:$body);
  let assemblyFormat = [{
    $initial_state_and_scan_inputs attr-dict-with-keyword `:` functional-type(operands, results) `body` $body
  }];
}

#endif // SECATEUR_DIALECTS_NN_IR_NNCONTROL
