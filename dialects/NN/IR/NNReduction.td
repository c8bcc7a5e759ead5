//===- NNReduction.td - Reduction operators of the nn dialect -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Operands, attributes and defaults are those of the ONNX schema at the opset
// that each summary names; `NN_Op` in NNBase.td explains the parameters.

#ifndef SECATEUR_DIALECTS_NN_IR_NNREDUCTION
#define SECATEUR_DIALECTS_NN_IR_NNREDUCTION

include "dialects/NN/IR/NNBase.td"

def NN_ArgMaxOp : NN_Op<"arg_max", "ArgMax", 13, "r", "r", [Pure]> {
  let summary = "ONNX ArgMax, in the form of opset 13";
  let arguments = (ins NN_Value:$data, DefaultValuedOptionalAttr<I64Attr, "0">:$axis,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$keepdims,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$select_last_index);
  let results = (outs NN_Value:$reduced);
  let assemblyFormat = [{
    $data attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ArgMinOp : NN_Op<"arg_min", "ArgMin", 13, "r", "r", [Pure]> {
  let summary = "ONNX ArgMin, in the form of opset 13";
  let arguments = (ins NN_Value:$data, DefaultValuedOptionalAttr<I64Attr, "0">:$axis,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$keepdims,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$select_last_index);
  let results = (outs NN_Value:$reduced);
  let assemblyFormat = [{
    $data attr-dict `:` functional-type(operands, results)
  }];
}

def NN_CumSumOp : NN_Op<"cum_sum", "CumSum", 14, "rr", "r", [Pure]> {
  let summary = "ONNX CumSum, in the form of opset 14";
  let arguments = (ins NN_Value:$x, NN_Value:$axis,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$exclusive,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$reverse);
  let results = (outs NN_Value:$y);
  let assemblyFormat = [{
    $x `,` $axis attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ReduceL1Op : NN_Op<"reduce_l1", "ReduceL1", 18, "ro", "r", [Pure]> {
  let summary = "ONNX ReduceL1, in the form of opset 18";
  let arguments = (ins NN_Value:$data, Optional<NN_Value>:$axes,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$keepdims,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$noop_with_empty_axes);
  let results = (outs NN_Value:$reduced);
  let assemblyFormat = [{
    $data (`axes` `(` $axes^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ReduceL2Op : NN_Op<"reduce_l2", "ReduceL2", 18, "ro", "r", [Pure]> {
  let summary = "ONNX ReduceL2, in the form of opset 18";
  let arguments = (ins NN_Value:$data, Optional<NN_Value>:$axes,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$keepdims,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$noop_with_empty_axes);
  let results = (outs NN_Value:$reduced);
  let assemblyFormat = [{
    $data (`axes` `(` $axes^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ReduceLogSumOp : NN_Op<"reduce_log_sum", "ReduceLogSum", 28, "ro", "r", [Pure]> {
  let summary = "ONNX ReduceLogSum, in the form of opset 28";
  let arguments = (ins NN_Value:$data, Optional<NN_Value>:$axes,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$keepdims,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$noop_with_empty_axes);
  let results = (outs NN_Value:$reduced);
  let assemblyFormat = [{
    $data (`axes` `(` $axes^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ReduceLogSumExpOp : NN_Op<"reduce_log_sum_exp", "ReduceLogSumExp", 28, "ro", "r",
    [Pure]> {
  let summary = "ONNX ReduceLogSumExp, in the form of opset 28";
  let arguments = (ins NN_Value:$data, Optional<NN_Value>:$axes,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$keepdims,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$noop_with_empty_axes);
  let results = (outs NN_Value:$reduced);
  let assemblyFormat = [{
    $data (`axes` `(` $axes^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ReduceMaxOp : NN_Op<"reduce_max", "ReduceMax", 20, "ro", "r", [Pure]> {
  let summary = "ONNX ReduceMax, in the form of opset 20";
  let arguments = (ins NN_Value:$data, Optional<NN_Value>:$axes,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$keepdims,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$noop_with_empty_axes);
  let results = (outs NN_Value:$reduced);
  let assemblyFormat = [{
    $data (`axes` `(` $axes^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ReduceMeanOp : NN_Op<"reduce_mean", "ReduceMean", 18, "ro", "r", [Pure]> {
  let summary = "ONNX ReduceMean, in the form of opset 18";
  let description = "`count`: the positions that the sum is divided by, if not those that are there.";
  let arguments = (ins NN_Value:$data, Optional<NN_Value>:$axes,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$keepdims,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$noop_with_empty_axes, NN_Count:$count);
  let results = (outs NN_Value:$reduced);
  let assemblyFormat = [{
    $data (`axes` `(` $axes^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ReduceMinOp : NN_Op<"reduce_min", "ReduceMin", 20, "ro", "r", [Pure]> {
  let summary = "ONNX ReduceMin, in the form of opset 20";
  let arguments = (ins NN_Value:$data, Optional<NN_Value>:$axes,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$keepdims,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$noop_with_empty_axes);
  let results = (outs NN_Value:$reduced);
  let assemblyFormat = [{
    $data (`axes` `(` $axes^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ReduceProdOp : NN_Op<"reduce_prod", "ReduceProd", 18, "ro", "r", [Pure]> {
  let summary = "ONNX ReduceProd, in the form of opset 18";
  let arguments = (ins NN_Value:$data, Optional<NN_Value>:$axes,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$keepdims,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$noop_with_empty_axes);
  let results = (outs NN_Value:$reduced);
  let assemblyFormat = [{
    $data (`axes` `(` $axes^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ReduceSumOp : NN_Op<"reduce_sum", "ReduceSum", 13, "ro", "r", [Pure]> {
  let summary = "ONNX ReduceSum, in the form of opset 13";
  let arguments = (ins NN_Value:$data, Optional<NN_Value>:$axes,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$keepdims,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$noop_with_empty_axes);
  let results = (outs NN_Value:$reduced);
  let assemblyFormat = [{
    $data (`axes` `(` $axes^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ReduceSumSquareOp : NN_Op<"reduce_sum_square", "ReduceSumSquare", 18, "ro", "r",
    [Pure]> {
  let summary = "ONNX ReduceSumSquare, in the form of opset 18";
  let arguments = (ins NN_Value:$data, Optional<NN_Value>:$axes,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$keepdims,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$noop_with_empty_axes);
  let results = (outs NN_Value:$reduced);
  let assemblyFormat = [{
    $data (`axes` `(` $axes^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_TopkOp : NN_Op<"topk", "TopK", 24, "rr", "rr", [Pure]> {
  let summary = "ONNX TopK, in the form of opset 24";
  let arguments = (ins NN_Value:$X, NN_Value:$K,
                       DefaultValuedOptionalAttr<I64Attr, "-1">:$axis,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$largest,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$sorted);
  let results = (outs NN_Value:$Values, NN_Value:$Indices);
  let assemblyFormat = [{
    $X `,` $K attr-dict `:` functional-type(operands, results)
  }];
}

#endif // SECATEUR_DIALECTS_NN_IR_NNREDUCTION
