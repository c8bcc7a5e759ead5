//===- NNMovement.td - Movement operators of the nn dialect -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Operands, attributes and defaults are those of the ONNX schema at the opset
// that each summary names; `NN_Op` in NNBase.td explains the parameters.

#ifndef SECATEUR_DIALECTS_NN_IR_NNMOVEMENT
#define SECATEUR_DIALECTS_NN_IR_NNMOVEMENT

include "dialects/NN/IR/NNBase.td"

def NN_CompressOp : NN_Op<"compress", "Compress", 28, "rr", "r", [Pure]> {
  let summary = "ONNX Compress, in the form of opset 28";
  let arguments = (ins NN_Value:$input, NN_Value:$condition, OptionalAttr<I64Attr>:$axis);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input `,` $condition attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ConcatOp : NN_Op<"concat", "Concat", 13, "v", "r", [Pure]> {
  let summary = "ONNX Concat, in the form of opset 13";
  let arguments = (ins Variadic<NN_Value>:$inputs, I64Attr:$axis);
  let results = (outs NN_Value:$concat_result);
  let assemblyFormat = [{
    $inputs attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ConstantOfShapeOp : NN_Op<"constant_of_shape", "ConstantOfShape", 25, "r", "r", [Pure]> {
  let summary = "ONNX ConstantOfShape, in the form of opset 25";
  let arguments = (ins NN_Value:$input, OptionalAttr<ElementsAttr>:$value);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_DepthToSpaceOp : NN_Op<"depth_to_space", "DepthToSpace", 28, "r", "r", [Pure]> {
  let summary = "ONNX DepthToSpace, in the form of opset 28";
  let arguments = (ins NN_Value:$input, I64Attr:$blocksize,
                       DefaultValuedOptionalAttr<StrAttr, "\"DCR\"">:$mode);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ExpandOp : NN_Op<"expand", "Expand", 13, "rr", "r", [Pure]> {
  let summary = "ONNX Expand, in the form of opset 13";
  let arguments = (ins NN_Value:$input, NN_Value:$shape);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input `,` $shape attr-dict `:` functional-type(operands, results)
  }];
}

def NN_EyeLikeOp : NN_Op<"eye_like", "EyeLike", 22, "r", "r", [Pure]> {
  let summary = "ONNX EyeLike, in the form of opset 22";
  let arguments = (ins NN_Value:$input, OptionalAttr<I64Attr>:$dtype,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$k);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_FlattenOp : NN_Op<"flatten", "Flatten", 25, "r", "r", [Pure]> {
  let summary = "ONNX Flatten, in the form of opset 25";
  let arguments = (ins NN_Value:$input, DefaultValuedOptionalAttr<I64Attr, "1">:$axis);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_GatherOp : NN_Op<"gather", "Gather", 13, "rr", "r", [Pure]> {
  let summary = "ONNX Gather, in the form of opset 13";
  let arguments = (ins NN_Value:$data, NN_Value:$indices,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$axis);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $data `,` $indices attr-dict `:` functional-type(operands, results)
  }];
}

def NN_GatherElementsOp : NN_Op<"gather_elements", "GatherElements", 13, "rr", "r", [Pure]> {
  let summary = "ONNX GatherElements, in the form of opset 13";
  let arguments = (ins NN_Value:$data, NN_Value:$indices,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$axis);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $data `,` $indices attr-dict `:` functional-type(operands, results)
  }];
}

def NN_GatherNdOp : NN_Op<"gather_nd", "GatherND", 13, "rr", "r", [Pure]> {
  let summary = "ONNX GatherND, in the form of opset 13";
  let arguments = (ins NN_Value:$data, NN_Value:$indices,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$batch_dims);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $data `,` $indices attr-dict `:` functional-type(operands, results)
  }];
}

def NN_NonMaxSuppressionOp : NN_Op<"non_max_suppression", "NonMaxSuppression", 11, "rrooo", "r",
    [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX NonMaxSuppression, in the form of opset 11";
  let arguments = (ins NN_Value:$boxes, NN_Value:$scores,
                       Optional<NN_Value>:$max_output_boxes_per_class,
                       Optional<NN_Value>:$iou_threshold, Optional<NN_Value>:$score_threshold,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$center_point_box);
  let results = (outs NN_Value:$selected_indices);
  let assemblyFormat = [{
    $boxes `,` $scores (`max_output_boxes_per_class` `(` $max_output_boxes_per_class^ `)`)?
    (`iou_threshold` `(` $iou_threshold^ `)`)? (`score_threshold` `(` $score_threshold^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
}

def NN_NonZeroOp : NN_Op<"non_zero", "NonZero", 13, "r", "r", [Pure]> {
  let summary = "ONNX NonZero, in the form of opset 13";
  let arguments = (ins NN_Value:$X);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_OneHotOp : NN_Op<"one_hot", "OneHot", 28, "rrr", "r", [Pure]> {
  let summary = "ONNX OneHot, in the form of opset 28";
  let arguments = (ins NN_Value:$indices, NN_Value:$depth, NN_Value:$values,
                       DefaultValuedOptionalAttr<I64Attr, "-1">:$axis);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $indices `,` $depth `,` $values attr-dict `:` functional-type(operands, results)
  }];
}

def NN_PadOp : NN_Op<"pad", "Pad", 25, "rroo", "r", [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Pad, in the form of opset 25";
  let arguments = (ins NN_Value:$data, NN_Value:$pads, Optional<NN_Value>:$constant_value,
                       Optional<NN_Value>:$axes,
                       DefaultValuedOptionalAttr<StrAttr, "\"constant\"">:$mode);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $data `,` $pads (`constant_value` `(` $constant_value^ `)`)? (`axes` `(` $axes^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
}

def NN_RangeOp : NN_Op<"range", "Range", 27, "rrr", "r", [Pure]> {
  let summary = "ONNX Range, in the form of opset 27";
  let arguments = (ins NN_Value:$start, NN_Value:$limit, NN_Value:$delta,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$stash_type);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $start `,` $limit `,` $delta attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ReshapeOp : NN_Op<"reshape", "Reshape", 25, "rr", "r", [Pure]> {
  let summary = "ONNX Reshape, in the form of opset 25";
  let arguments = (ins NN_Value:$data, NN_Value:$shape,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$allowzero);
  let results = (outs NN_Value:$reshaped);
  let assemblyFormat = [{
    $data `,` $shape attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ReverseSequenceOp : NN_Op<"reverse_sequence", "ReverseSequence", 28, "rr", "r", [Pure]> {
  let summary = "ONNX ReverseSequence, in the form of opset 28";
  let arguments = (ins NN_Value:$input, NN_Value:$sequence_lens,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$batch_axis,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$time_axis);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $input `,` $sequence_lens attr-dict `:` functional-type(operands, results)
  }];
}

def NN_RotaryEmbeddingOp : NN_Op<"rotary_embedding", "RotaryEmbedding", 23, "rrro", "r",
    [Pure]> {
  let summary = "ONNX RotaryEmbedding, in the form of opset 23";
  let arguments = (ins NN_Value:$X, NN_Value:$cos_cache, NN_Value:$sin_cache,
                       Optional<NN_Value>:$position_ids,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$interleaved,
                       OptionalAttr<I64Attr>:$num_heads,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$rotary_embedding_dim);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X `,` $cos_cache `,` $sin_cache (`position_ids` `(` $position_ids^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
}

def NN_ScatterElementsOp : NN_Op<"scatter_elements", "ScatterElements", 18, "rrr", "r",
    [Pure]> {
  let summary = "ONNX ScatterElements, in the form of opset 18";
  let arguments = (ins NN_Value:$data, NN_Value:$indices, NN_Value:$updates,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$axis,
                       DefaultValuedOptionalAttr<StrAttr, "\"none\"">:$reduction);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $data `,` $indices `,` $updates attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ScatterNdOp : NN_Op<"scatter_nd", "ScatterND", 18, "rrr", "r", [Pure]> {
  let summary = "ONNX ScatterND, in the form of opset 18";
  let arguments = (ins NN_Value:$data, NN_Value:$indices, NN_Value:$updates,
                       DefaultValuedOptionalAttr<StrAttr, "\"none\"">:$reduction);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $data `,` $indices `,` $updates attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ShapeOp : NN_Op<"shape", "Shape", 25, "r", "r", [Pure]> {
  let summary = "ONNX Shape, in the form of opset 25";
  let arguments = (ins NN_Value:$data, OptionalAttr<I64Attr>:$end,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$start);
  let results = (outs NN_Value:$shape);
  let assemblyFormat = [{
    $data attr-dict `:` functional-type(operands, results)
  }];
}

def NN_SizeOp : NN_Op<"size", "Size", 25, "r", "r", [Pure]> {
  let summary = "ONNX Size, in the form of opset 25";
  let arguments = (ins NN_Value:$data);
  let results = (outs NN_Value:$size);
  let assemblyFormat = [{
    $data attr-dict `:` functional-type(operands, results)
  }];
}

def NN_SliceOp : NN_Op<"slice", "Slice", 13, "rrroo", "r", [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Slice, in the form of opset 13";
  let arguments = (ins NN_Value:$data, NN_Value:$starts, NN_Value:$ends,
                       Optional<NN_Value>:$axes, Optional<NN_Value>:$steps);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $data `,` $starts `,` $ends (`axes` `(` $axes^ `)`)? (`steps` `(` $steps^ `)`)? attr-dict
    `:` functional-type(operands, results)
  }];
}

def NN_SpaceToDepthOp : NN_Op<"space_to_depth", "SpaceToDepth", 28, "r", "r", [Pure]> {
  let summary = "ONNX SpaceToDepth, in the form of opset 28";
  let arguments = (ins NN_Value:$input, I64Attr:$blocksize,
                       DefaultValuedOptionalAttr<StrAttr, "\"DCR\"">:$mode);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_SplitOp : NN_Op<"split", "Split", 18, "ro", "v", [Pure]> {
  let summary = "ONNX Split, in the form of opset 18";
  let arguments = (ins NN_Value:$input, Optional<NN_Value>:$split,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$axis,
                       OptionalAttr<I64Attr>:$num_outputs);
  let results = (outs Variadic<NN_Value>:$outputs);
  let assemblyFormat = [{
    $input (`split` `(` $split^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_SqueezeOp : NN_Op<"squeeze", "Squeeze", 25, "ro", "r", [Pure]> {
  let summary = "ONNX Squeeze, in the form of opset 25";
  let arguments = (ins NN_Value:$data, Optional<NN_Value>:$axes);
  let results = (outs NN_Value:$squeezed);
  let assemblyFormat = [{
    $data (`axes` `(` $axes^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_TileOp : NN_Op<"tile", "Tile", 13, "rr", "r", [Pure]> {
  let summary = "ONNX Tile, in the form of opset 13";
  let arguments = (ins NN_Value:$input, NN_Value:$repeats);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input `,` $repeats attr-dict `:` functional-type(operands, results)
  }];
}

def NN_TransposeOp : NN_Op<"transpose", "Transpose", 25, "r", "r", [Pure]> {
  let summary = "ONNX Transpose, in the form of opset 25";
  let arguments = (ins NN_Value:$data, OptionalAttr<DenseI64ArrayAttr>:$perm);
  let results = (outs NN_Value:$transposed);
  let assemblyFormat = [{
    $data attr-dict `:` functional-type(operands, results)
  }];
}

def NN_TriluOp : NN_Op<"trilu", "Trilu", 14, "ro", "r", [Pure]> {
  let summary = "ONNX Trilu, in the form of opset 14";
  let arguments = (ins NN_Value:$input, Optional<NN_Value>:$k,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$upper);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input (`k` `(` $k^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_UniqueOp : NN_Op<"unique", "Unique", 28, "r", "rooo", [Pure, AttrSizedResultSegments]> {
  let summary = "ONNX Unique, in the form of opset 28";
  let arguments = (ins NN_Value:$X, OptionalAttr<I64Attr>:$axis,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$sorted);
  let results = (outs NN_Value:$Y, Optional<NN_Value>:$indices,
                      Optional<NN_Value>:$inverse_indices, Optional<NN_Value>:$counts);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_UnsqueezeOp : NN_Op<"unsqueeze", "Unsqueeze", 25, "rr", "r", [Pure]> {
  let summary = "ONNX Unsqueeze, in the form of opset 25";
  let arguments = (ins NN_Value:$data, NN_Value:$axes);
  let results = (outs NN_Value:$expanded);
  let assemblyFormat = [{
    $data `,` $axes attr-dict `:` functional-type(operands, results)
  }];
}

#endif // SECATEUR_DIALECTS_NN_IR_NNMOVEMENT
