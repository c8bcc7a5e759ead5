//===- NNPooling.td - Pooling operators of the nn dialect -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Operands, attributes and defaults are those of the ONNX schema at the opset
// that each summary names; `NN_Op` in NNBase.td explains the parameters.

#ifndef SECATEUR_DIALECTS_NN_IR_NNPOOLING
#define SECATEUR_DIALECTS_NN_IR_NNPOOLING

include "dialects/NN/IR/NNBase.td"

def NN_AveragePoolOp : NN_Op<"average_pool", "AveragePool", 22, "r", "r", [Pure]> {
  let summary = "ONNX AveragePool, in the form of opset 22";
  let arguments = (ins NN_Value:$X, DefaultValuedOptionalAttr<StrAttr, "\"NOTSET\"">:$auto_pad,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$ceil_mode,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$count_include_pad,
                       OptionalAttr<DenseI64ArrayAttr>:$dilations,
                       DenseI64ArrayAttr:$kernel_shape, OptionalAttr<DenseI64ArrayAttr>:$pads,
                       OptionalAttr<DenseI64ArrayAttr>:$strides);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MaxPoolOp : NN_Op<"max_pool", "MaxPool", 22, "r", "ro", [Pure]> {
  let summary = "ONNX MaxPool, in the form of opset 22";
  let arguments = (ins NN_Value:$X, DefaultValuedOptionalAttr<StrAttr, "\"NOTSET\"">:$auto_pad,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$ceil_mode,
                       OptionalAttr<DenseI64ArrayAttr>:$dilations,
                       DenseI64ArrayAttr:$kernel_shape, OptionalAttr<DenseI64ArrayAttr>:$pads,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$storage_order,
                       OptionalAttr<DenseI64ArrayAttr>:$strides);
  let results = (outs NN_Value:$Y, Optional<NN_Value>:$Indices);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_LpPoolOp : NN_Op<"lp_pool", "LpPool", 22, "r", "r", [Pure]> {
  let summary = "ONNX LpPool, in the form of opset 22";
  let arguments = (ins NN_Value:$X, DefaultValuedOptionalAttr<StrAttr, "\"NOTSET\"">:$auto_pad,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$ceil_mode,
                       OptionalAttr<DenseI64ArrayAttr>:$dilations,
                       DenseI64ArrayAttr:$kernel_shape,
                       DefaultValuedOptionalAttr<I64Attr, "2">:$p,
                       OptionalAttr<DenseI64ArrayAttr>:$pads,
                       OptionalAttr<DenseI64ArrayAttr>:$strides);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_GlobalAveragePoolOp : NN_Op<"global_average_pool", "GlobalAveragePool", 22, "r", "r",
    [Pure]> {
  let summary = "ONNX GlobalAveragePool, in the form of opset 22";
  let arguments = (ins NN_Value:$X);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_GlobalMaxPoolOp : NN_Op<"global_max_pool", "GlobalMaxPool", 22, "r", "r", [Pure]> {
  let summary = "ONNX GlobalMaxPool, in the form of opset 22";
  let arguments = (ins NN_Value:$X);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_GlobalLpPoolOp : NN_Op<"global_lp_pool", "GlobalLpPool", 22, "r", "r", [Pure]> {
  let summary = "ONNX GlobalLpPool, in the form of opset 22";
  let arguments = (ins NN_Value:$X, DefaultValuedOptionalAttr<I64Attr, "2">:$p);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MaxRoiPoolOp : NN_Op<"max_roi_pool", "MaxRoiPool", 22, "rr", "r", [Pure]> {
  let summary = "ONNX MaxRoiPool, in the form of opset 22";
  let arguments = (ins NN_Value:$X, NN_Value:$rois, DenseI64ArrayAttr:$pooled_shape,
                       DefaultValuedOptionalAttr<F32Attr, "1.0f">:$spatial_scale);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X `,` $rois attr-dict `:` functional-type(operands, results)
  }];
}

def NN_RoiAlignOp : NN_Op<"roi_align", "RoiAlign", 22, "rrr", "r", [Pure]> {
  let summary = "ONNX RoiAlign, in the form of opset 22";
  let arguments = (ins NN_Value:$X, NN_Value:$rois, NN_Value:$batch_indices,
                       DefaultValuedOptionalAttr<StrAttr, "\"half_pixel\"">:$coordinate_transformation_mode,
                       DefaultValuedOptionalAttr<StrAttr, "\"avg\"">:$mode,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$output_height,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$output_width,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$sampling_ratio,
                       DefaultValuedOptionalAttr<F32Attr, "1.0f">:$spatial_scale);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X `,` $rois `,` $batch_indices attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ResizeOp : NN_Op<"resize", "Resize", 19, "rooo", "r", [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Resize, in the form of opset 19";
  let arguments = (ins NN_Value:$X, Optional<NN_Value>:$roi, Optional<NN_Value>:$scales,
                       Optional<NN_Value>:$sizes,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$antialias,
                       OptionalAttr<DenseI64ArrayAttr>:$axes,
                       DefaultValuedOptionalAttr<StrAttr, "\"half_pixel\"">:$coordinate_transformation_mode,
                       DefaultValuedOptionalAttr<F32Attr, "-0.75f">:$cubic_coeff_a,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$exclude_outside,
                       DefaultValuedOptionalAttr<F32Attr, "0.0f">:$extrapolation_value,
                       DefaultValuedOptionalAttr<StrAttr, "\"stretch\"">:$keep_aspect_ratio_policy,
                       DefaultValuedOptionalAttr<StrAttr, "\"nearest\"">:$mode,
                       DefaultValuedOptionalAttr<StrAttr, "\"round_prefer_floor\"">:$nearest_mode);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X (`roi` `(` $roi^ `)`)? (`scales` `(` $scales^ `)`)? (`sizes` `(` $sizes^ `)`)? attr-dict
    `:` functional-type(operands, results)
  }];
}

def NN_GridSampleOp : NN_Op<"grid_sample", "GridSample", 22, "rr", "r", [Pure]> {
  let summary = "ONNX GridSample, in the form of opset 22";
  let arguments = (ins NN_Value:$X, NN_Value:$grid,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$align_corners,
                       DefaultValuedOptionalAttr<StrAttr, "\"linear\"">:$mode,
                       DefaultValuedOptionalAttr<StrAttr, "\"zeros\"">:$padding_mode);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X `,` $grid attr-dict `:` functional-type(operands, results)
  }];
}

#endif // SECATEUR_DIALECTS_NN_IR_NNPOOLING
