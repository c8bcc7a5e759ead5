//===- NNNormalization.td - Normalization operators of the nn dialect -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Operands, attributes and defaults are those of the ONNX schema at the opset
// that each summary names; `NN_Op` in NNBase.td explains the parameters.

#ifndef SECATEUR_DIALECTS_NN_IR_NNNORMALIZATION
#define SECATEUR_DIALECTS_NN_IR_NNNORMALIZATION

include "dialects/NN/IR/NNBase.td"

def NN_BatchNormalizationOp : NN_Op<"batch_normalization", "BatchNormalization", 15, "rrrrr", "roo",
    [Pure, AttrSizedResultSegments]> {
  let summary = "ONNX BatchNormalization, in the form of opset 15";
  let arguments = (ins NN_Value:$X, NN_Value:$scale, NN_Value:$B, NN_Value:$input_mean,
                       NN_Value:$input_var,
                       DefaultValuedOptionalAttr<F32Attr, "1.0e-05f">:$epsilon,
                       DefaultValuedOptionalAttr<F32Attr, "0.9f">:$momentum,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$training_mode);
  let results = (outs NN_Value:$Y, Optional<NN_Value>:$running_mean,
                      Optional<NN_Value>:$running_var);
  let assemblyFormat = [{
    $X `,` $scale `,` $B `,` $input_mean `,` $input_var attr-dict `:` functional-type(operands,
    results)
  }];
}

def NN_GroupNormalizationOp : NN_Op<"group_normalization", "GroupNormalization", 21, "rrr", "r",
    [Pure]> {
  let summary = "ONNX GroupNormalization, in the form of opset 21";
  let description = "`count`: the channels of a group that its statistics divide by, if not those that are there.";
  let arguments = (ins NN_Value:$X, NN_Value:$scale, NN_Value:$bias,
                       DefaultValuedOptionalAttr<F32Attr, "1.0e-05f">:$epsilon,
                       I64Attr:$num_groups, DefaultValuedOptionalAttr<I64Attr, "1">:$stash_type,
                       NN_Count:$count);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X `,` $scale `,` $bias attr-dict `:` functional-type(operands, results)
  }];
}

def NN_InstanceNormalizationOp : NN_Op<"instance_normalization", "InstanceNormalization", 22, "rrr", "r",
    [Pure]> {
  let summary = "ONNX InstanceNormalization, in the form of opset 22";
  let arguments = (ins NN_Value:$input, NN_Value:$scale, NN_Value:$B,
                       DefaultValuedOptionalAttr<F32Attr, "1.0e-05f">:$epsilon);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input `,` $scale `,` $B attr-dict `:` functional-type(operands, results)
  }];
}

def NN_LayerNormalizationOp : NN_Op<"layer_normalization", "LayerNormalization", 17, "rro", "roo",
    [Pure, AttrSizedResultSegments]> {
  let summary = "ONNX LayerNormalization, in the form of opset 17";
  let description = "`count`: the positions that its statistics divide by, if not those that are there.";
  let arguments = (ins NN_Value:$X, NN_Value:$Scale, Optional<NN_Value>:$B,
                       DefaultValuedOptionalAttr<I64Attr, "-1">:$axis,
                       DefaultValuedOptionalAttr<F32Attr, "1.0e-05f">:$epsilon,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$stash_type,
                       NN_Count:$count);
  let results = (outs NN_Value:$Y, Optional<NN_Value>:$Mean, Optional<NN_Value>:$InvStdDev);
  let assemblyFormat = [{
    $X `,` $Scale (`B` `(` $B^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_LrnOp : NN_Op<"lrn", "LRN", 13, "r", "r", [Pure]> {
  let summary = "ONNX LRN, in the form of opset 13";
  let arguments = (ins NN_Value:$X, DefaultValuedOptionalAttr<F32Attr, "1.0e-04f">:$alpha,
                       DefaultValuedOptionalAttr<F32Attr, "0.75f">:$beta,
                       DefaultValuedOptionalAttr<F32Attr, "1.0f">:$bias, I64Attr:$size);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_LpNormalizationOp : NN_Op<"lp_normalization", "LpNormalization", 22, "r", "r", [Pure]> {
  let summary = "ONNX LpNormalization, in the form of opset 22";
  let arguments = (ins NN_Value:$input, DefaultValuedOptionalAttr<I64Attr, "-1">:$axis,
                       DefaultValuedOptionalAttr<I64Attr, "2">:$p);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MeanVarianceNormalizationOp : NN_Op<"mean_variance_normalization", "MeanVarianceNormalization", 13, "r", "r",
    [Pure]> {
  let summary = "ONNX MeanVarianceNormalization, in the form of opset 13";
  let arguments = (ins NN_Value:$X,
                       DefaultValuedOptionalAttr<DenseI64ArrayAttr, "{0, 2, 3}">:$axes);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_RmsNormalizationOp : NN_Op<"rms_normalization", "RMSNormalization", 23, "rr", "r",
    [Pure]> {
  let summary = "ONNX RMSNormalization, in the form of opset 23";
  let description = "`count`: the positions that its statistics divide by, if not those that are there.";
  let arguments = (ins NN_Value:$X, NN_Value:$scale,
                       DefaultValuedOptionalAttr<I64Attr, "-1">:$axis,
                       DefaultValuedOptionalAttr<F32Attr, "1.0e-05f">:$epsilon,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$stash_type,
                       NN_Count:$count);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X `,` $scale attr-dict `:` functional-type(operands, results)
  }];
}

def NN_SoftmaxOp : NN_Op<"softmax", "Softmax", 13, "r", "r", [Pure]> {
  let summary = "ONNX Softmax, in the form of opset 13";
  let arguments = (ins NN_Value:$input, DefaultValuedOptionalAttr<I64Attr, "-1">:$axis);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_LogSoftmaxOp : NN_Op<"log_softmax", "LogSoftmax", 13, "r", "r", [Pure]> {
  let summary = "ONNX LogSoftmax, in the form of opset 13";
  let arguments = (ins NN_Value:$input, DefaultValuedOptionalAttr<I64Attr, "-1">:$axis);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_HardmaxOp : NN_Op<"hardmax", "Hardmax", 13, "r", "r", [Pure]> {
  let summary = "ONNX Hardmax, in the form of opset 13";
  let arguments = (ins NN_Value:$input, DefaultValuedOptionalAttr<I64Attr, "-1">:$axis);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

#endif // SECATEUR_DIALECTS_NN_IR_NNNORMALIZATION
