//===- NNContraction.td - Contraction operators of the nn dialect -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Operands, attributes and defaults are those of the ONNX schema at the opset
// that each summary names; `NN_Op` in NNBase.td explains the parameters.

#ifndef SECATEUR_DIALECTS_NN_IR_NNCONTRACTION
#define SECATEUR_DIALECTS_NN_IR_NNCONTRACTION

include "dialects/NN/IR/NNBase.td"

def NN_AttentionOp : NN_Op<"attention", "Attention", 25, "rrroooo", "rooo",
    [Pure, AttrSizedOperandSegments, AttrSizedResultSegments]> {
  let summary = "ONNX Attention, in the form of opset 25";
  let arguments = (ins NN_Value:$Q, NN_Value:$K, NN_Value:$V, Optional<NN_Value>:$attn_mask,
                       Optional<NN_Value>:$past_key, Optional<NN_Value>:$past_value,
                       Optional<NN_Value>:$nonpad_kv_seqlen,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$is_causal,
                       OptionalAttr<I64Attr>:$kv_num_heads,
                       DefaultValuedOptionalAttr<I64Attr, "-1">:$left_window_size,
                       OptionalAttr<I64Attr>:$q_num_heads,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$qk_matmul_output_mode,
                       DefaultValuedOptionalAttr<I64Attr, "-1">:$right_window_size,
                       OptionalAttr<F32Attr>:$scale,
                       DefaultValuedOptionalAttr<F32Attr, "0.0f">:$softcap,
                       OptionalAttr<I64Attr>:$softmax_precision);
  let results = (outs NN_Value:$Y, Optional<NN_Value>:$present_key,
                      Optional<NN_Value>:$present_value, Optional<NN_Value>:$qk_matmul_output);
  let assemblyFormat = [{
    $Q `,` $K `,` $V (`attn_mask` `(` $attn_mask^ `)`)? (`past_key` `(` $past_key^ `)`)?
    (`past_value` `(` $past_value^ `)`)? (`nonpad_kv_seqlen` `(` $nonpad_kv_seqlen^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ConvOp : NN_Op<"conv", "Conv", 22, "rro", "r", [Pure]> {
  let summary = "ONNX Conv, in the form of opset 22";
  let arguments = (ins NN_Value:$X, NN_Value:$W, Optional<NN_Value>:$B,
                       DefaultValuedOptionalAttr<StrAttr, "\"NOTSET\"">:$auto_pad,
                       OptionalAttr<DenseI64ArrayAttr>:$dilations,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$group,
                       OptionalAttr<DenseI64ArrayAttr>:$kernel_shape,
                       OptionalAttr<DenseI64ArrayAttr>:$pads,
                       OptionalAttr<DenseI64ArrayAttr>:$strides);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X `,` $W (`B` `(` $B^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ConvIntegerOp : NN_Op<"conv_integer", "ConvInteger", 10, "rroo", "r",
    [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX ConvInteger, in the form of opset 10";
  let arguments = (ins NN_Value:$x, NN_Value:$w, Optional<NN_Value>:$x_zero_point,
                       Optional<NN_Value>:$w_zero_point,
                       DefaultValuedOptionalAttr<StrAttr, "\"NOTSET\"">:$auto_pad,
                       OptionalAttr<DenseI64ArrayAttr>:$dilations,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$group,
                       OptionalAttr<DenseI64ArrayAttr>:$kernel_shape,
                       OptionalAttr<DenseI64ArrayAttr>:$pads,
                       OptionalAttr<DenseI64ArrayAttr>:$strides);
  let results = (outs NN_Value:$y);
  let assemblyFormat = [{
    $x `,` $w (`x_zero_point` `(` $x_zero_point^ `)`)? (`w_zero_point` `(` $w_zero_point^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ConvTransposeOp : NN_Op<"conv_transpose", "ConvTranspose", 22, "rro", "r", [Pure]> {
  let summary = "ONNX ConvTranspose, in the form of opset 22";
  let arguments = (ins NN_Value:$X, NN_Value:$W, Optional<NN_Value>:$B,
                       DefaultValuedOptionalAttr<StrAttr, "\"NOTSET\"">:$auto_pad,
                       OptionalAttr<DenseI64ArrayAttr>:$dilations,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$group,
                       OptionalAttr<DenseI64ArrayAttr>:$kernel_shape,
                       OptionalAttr<DenseI64ArrayAttr>:$output_padding,
                       OptionalAttr<DenseI64ArrayAttr>:$output_shape,
                       OptionalAttr<DenseI64ArrayAttr>:$pads,
                       OptionalAttr<DenseI64ArrayAttr>:$strides);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X `,` $W (`B` `(` $B^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_EinsumOp : NN_Op<"einsum", "Einsum", 28, "v", "r", [Pure]> {
  let summary = "ONNX Einsum, in the form of opset 28";
  let arguments = (ins Variadic<NN_Value>:$Inputs, StrAttr:$equation);
  let results = (outs NN_Value:$Output);
  let assemblyFormat = [{
    $Inputs attr-dict `:` functional-type(operands, results)
  }];
}

def NN_GemmOp : NN_Op<"gemm", "Gemm", 13, "rro", "r", [Pure]> {
  let summary = "ONNX Gemm, in the form of opset 13";
  let arguments = (ins NN_Value:$A, NN_Value:$B, Optional<NN_Value>:$C,
                       DefaultValuedOptionalAttr<F32Attr, "1.0f">:$alpha,
                       DefaultValuedOptionalAttr<F32Attr, "1.0f">:$beta,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$transA,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$transB);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $A `,` $B (`C` `(` $C^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MatmulOp : NN_Op<"matmul", "MatMul", 13, "rr", "r", [Pure]> {
  let summary = "ONNX MatMul, in the form of opset 13";
  let arguments = (ins NN_Value:$A, NN_Value:$B);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $A `,` $B attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MatmulIntegerOp : NN_Op<"matmul_integer", "MatMulInteger", 10, "rroo", "r",
    [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX MatMulInteger, in the form of opset 10";
  let arguments = (ins NN_Value:$A, NN_Value:$B, Optional<NN_Value>:$a_zero_point,
                       Optional<NN_Value>:$b_zero_point);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $A `,` $B (`a_zero_point` `(` $a_zero_point^ `)`)? (`b_zero_point` `(` $b_zero_point^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
}

def NN_QlinearConvOp : NN_Op<"qlinear_conv", "QLinearConv", 10, "rrrrrrrro", "r", [Pure]> {
  let summary = "ONNX QLinearConv, in the form of opset 10";
  let arguments = (ins NN_Value:$x, NN_Value:$x_scale, NN_Value:$x_zero_point, NN_Value:$w,
                       NN_Value:$w_scale, NN_Value:$w_zero_point, NN_Value:$y_scale,
                       NN_Value:$y_zero_point, Optional<NN_Value>:$B,
                       DefaultValuedOptionalAttr<StrAttr, "\"NOTSET\"">:$auto_pad,
                       OptionalAttr<DenseI64ArrayAttr>:$dilations,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$group,
                       OptionalAttr<DenseI64ArrayAttr>:$kernel_shape,
                       OptionalAttr<DenseI64ArrayAttr>:$pads,
                       OptionalAttr<DenseI64ArrayAttr>:$strides);
  let results = (outs NN_Value:$y);
  let assemblyFormat = [{
    $x `,` $x_scale `,` $x_zero_point `,` $w `,` $w_scale `,` $w_zero_point `,` $y_scale `,`
    $y_zero_point (`B` `(` $B^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_QlinearMatmulOp : NN_Op<"qlinear_matmul", "QLinearMatMul", 21, "rrrrrrrr", "r", [Pure]> {
  let summary = "ONNX QLinearMatMul, in the form of opset 21";
  let arguments = (ins NN_Value:$a, NN_Value:$a_scale, NN_Value:$a_zero_point, NN_Value:$b,
                       NN_Value:$b_scale, NN_Value:$b_zero_point, NN_Value:$y_scale,
                       NN_Value:$y_zero_point);
  let results = (outs NN_Value:$y);
  let assemblyFormat = [{
    $a `,` $a_scale `,` $a_zero_point `,` $b `,` $b_scale `,` $b_zero_point `,` $y_scale `,`
    $y_zero_point attr-dict `:` functional-type(operands, results)
  }];
}

def NN_LstmOp : NN_Op<"lstm", "LSTM", 22, "rrrooooo", "ooo",
    [Pure, AttrSizedOperandSegments, AttrSizedResultSegments]> {
  let summary = "ONNX LSTM, in the form of opset 22";
  let arguments = (ins NN_Value:$X, NN_Value:$W, NN_Value:$R, Optional<NN_Value>:$B,
                       Optional<NN_Value>:$sequence_lens, Optional<NN_Value>:$initial_h,
                       Optional<NN_Value>:$initial_c, Optional<NN_Value>:$P,
                       OptionalAttr<DenseF32ArrayAttr>:$activation_alpha,
                       OptionalAttr<DenseF32ArrayAttr>:$activation_beta,
                       OptionalAttr<StrArrayAttr>:$activations, OptionalAttr<F32Attr>:$clip,
                       DefaultValuedOptionalAttr<StrAttr, "\"forward\"">:$direction,
                       OptionalAttr<I64Attr>:$hidden_size,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$input_forget,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$layout);
  let results = (outs Optional<NN_Value>:$Y, Optional<NN_Value>:$Y_h, Optional<NN_Value>:$Y_c);
  let assemblyFormat = [{
    $X `,` $W `,` $R (`B` `(` $B^ `)`)? (`sequence_lens` `(` $sequence_lens^ `)`)? (`initial_h`
    `(` $initial_h^ `)`)? (`initial_c` `(` $initial_c^ `)`)? (`P` `(` $P^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
}

def NN_GruOp : NN_Op<"gru", "GRU", 22, "rrrooo", "oo",
    [Pure, AttrSizedOperandSegments, AttrSizedResultSegments]> {
  let summary = "ONNX GRU, in the form of opset 22";
  let arguments = (ins NN_Value:$X, NN_Value:$W, NN_Value:$R, Optional<NN_Value>:$B,
                       Optional<NN_Value>:$sequence_lens, Optional<NN_Value>:$initial_h,
                       OptionalAttr<DenseF32ArrayAttr>:$activation_alpha,
                       OptionalAttr<DenseF32ArrayAttr>:$activation_beta,
                       OptionalAttr<StrArrayAttr>:$activations, OptionalAttr<F32Attr>:$clip,
                       DefaultValuedOptionalAttr<StrAttr, "\"forward\"">:$direction,
                       OptionalAttr<I64Attr>:$hidden_size,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$layout,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$linear_before_reset);
  let results = (outs Optional<NN_Value>:$Y, Optional<NN_Value>:$Y_h);
  let assemblyFormat = [{
    $X `,` $W `,` $R (`B` `(` $B^ `)`)? (`sequence_lens` `(` $sequence_lens^ `)`)? (`initial_h`
    `(` $initial_h^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_RnnOp : NN_Op<"rnn", "RNN", 22, "rrrooo", "oo",
    [Pure, AttrSizedOperandSegments, AttrSizedResultSegments]> {
  let summary = "ONNX RNN, in the form of opset 22";
  let arguments = (ins NN_Value:$X, NN_Value:$W, NN_Value:$R, Optional<NN_Value>:$B,
                       Optional<NN_Value>:$sequence_lens, Optional<NN_Value>:$initial_h,
                       OptionalAttr<DenseF32ArrayAttr>:$activation_alpha,
                       OptionalAttr<DenseF32ArrayAttr>:$activation_beta,
                       OptionalAttr<StrArrayAttr>:$activations, OptionalAttr<F32Attr>:$clip,
                       DefaultValuedOptionalAttr<StrAttr, "\"forward\"">:$direction,
                       OptionalAttr<I64Attr>:$hidden_size,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$layout);
  let results = (outs Optional<NN_Value>:$Y, Optional<NN_Value>:$Y_h);
  let assemblyFormat = [{
    $X `,` $W `,` $R (`B` `(` $B^ `)`)? (`sequence_lens` `(` $sequence_lens^ `)`)? (`initial_h`
    `(` $initial_h^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

#endif // SECATEUR_DIALECTS_NN_IR_NNCONTRACTION
