//===- NNMicrosoft.td - Operators of com.microsoft -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// What ONNX Runtime's optimiser, its quantiser and the exporters built on it put
// into users' files. Operands, attributes and defaults are those of ONNX Runtime's
// schemas. These operations keep their form up to the file that is exported;
// native code is made of the operators of ai.onnx that they stand for
// (DecompositionOpInterface).

#ifndef SECATEUR_DIALECTS_NN_IR_NNMICROSOFT
#define SECATEUR_DIALECTS_NN_IR_NNMICROSOFT

include "dialects/NN/IR/NNBase.td"

class NN_MicrosoftOp<string mnemonic, string onnxName, string inputs, string outputs,
                     list<Trait> traits = []>
    : NN_Op<mnemonic, onnxName, 1, inputs, outputs, traits> {
  let domain = "com.microsoft";
}

def NN_MsAttentionOp : NN_MicrosoftOp<"ms.attention", "Attention", "rrooooo", "ro",
    [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Runtime's Attention";
  let arguments = (ins NN_Value:$input, NN_Value:$weights, Optional<NN_Value>:$bias,
                       Optional<NN_Value>:$mask_index, Optional<NN_Value>:$past,
                       Optional<NN_Value>:$attention_bias,
                       Optional<NN_Value>:$past_sequence_length,
                       OptionalAttr<I64Attr>:$do_rotary,
                       OptionalAttr<F32Attr>:$mask_filter_value, I64Attr:$num_heads,
                       OptionalAttr<I64Attr>:$past_present_share_buffer,
                       OptionalAttr<DenseI64ArrayAttr>:$qkv_hidden_sizes,
                       OptionalAttr<I64Attr>:$rotary_embedding_dim,
                       OptionalAttr<F32Attr>:$scale,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$unidirectional);
  let results = (outs NN_Value:$output, Optional<NN_Value>:$present);
  let assemblyFormat = [{
    $input `,` $weights (`bias` `(` $bias^ `)`)? (`mask_index` `(` $mask_index^ `)`)?
    (`past` `(` $past^ `)`)? (`attention_bias` `(` $attention_bias^ `)`)?
    (`past_sequence_length` `(` $past_sequence_length^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
}

def NN_MsMultiHeadAttentionOp : NN_MicrosoftOp<"ms.multi_head_attention", "MultiHeadAttention", "rooooooooo", "rooo",
    [Pure, AttrSizedOperandSegments, AttrSizedResultSegments]> {
  let summary = "ONNX Runtime's MultiHeadAttention";
  let arguments = (ins NN_Value:$query, Optional<NN_Value>:$key, Optional<NN_Value>:$value,
                       Optional<NN_Value>:$bias, Optional<NN_Value>:$key_padding_mask,
                       Optional<NN_Value>:$attention_bias, Optional<NN_Value>:$past_key,
                       Optional<NN_Value>:$past_value, Optional<NN_Value>:$past_sequence_length,
                       Optional<NN_Value>:$cache_indirection,
                       OptionalAttr<F32Attr>:$mask_filter_value, I64Attr:$num_heads,
                       OptionalAttr<F32Attr>:$scale,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$unidirectional);
  let results = (outs NN_Value:$output, Optional<NN_Value>:$present_key,
                      Optional<NN_Value>:$present_value, Optional<NN_Value>:$qk);
  let assemblyFormat = [{
    $query (`key` `(` $key^ `)`)? (`value` `(` $value^ `)`)? (`bias` `(` $bias^ `)`)?
    (`key_padding_mask` `(` $key_padding_mask^ `)`)?
    (`attention_bias` `(` $attention_bias^ `)`)? (`past_key` `(` $past_key^ `)`)?
    (`past_value` `(` $past_value^ `)`)?
    (`past_sequence_length` `(` $past_sequence_length^ `)`)?
    (`cache_indirection` `(` $cache_indirection^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
}

def NN_MsGroupQueryAttentionOp : NN_MicrosoftOp<"ms.group_query_attention", "GroupQueryAttention", "roooorroooooooooo", "rooo",
    [Pure, AttrSizedOperandSegments, AttrSizedResultSegments]> {
  let summary = "ONNX Runtime's GroupQueryAttention";
  let arguments = (ins NN_Value:$query, Optional<NN_Value>:$key, Optional<NN_Value>:$value,
                       Optional<NN_Value>:$past_key, Optional<NN_Value>:$past_value,
                       NN_Value:$seqlens_k, NN_Value:$total_sequence_length,
                       Optional<NN_Value>:$cos_cache, Optional<NN_Value>:$sin_cache,
                       Optional<NN_Value>:$position_ids, Optional<NN_Value>:$attention_bias,
                       Optional<NN_Value>:$head_sink, Optional<NN_Value>:$k_scale,
                       Optional<NN_Value>:$v_scale, Optional<NN_Value>:$q_norm_weight,
                       Optional<NN_Value>:$k_norm_weight, Optional<NN_Value>:$query_seqlens,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$causal,
                       OptionalAttr<I64Attr>:$do_rotary, OptionalAttr<F32Attr>:$k_norm_epsilon,
                       DefaultValuedOptionalAttr<StrAttr, "\"NONE\"">:$k_quant_type,
                       OptionalAttr<I64Attr>:$kv_cache_bit_width, I64Attr:$kv_num_heads,
                       DefaultValuedOptionalAttr<I64Attr, "-1">:$local_window_size,
                       I64Attr:$num_heads, OptionalAttr<F32Attr>:$q_norm_epsilon,
                       DefaultValuedOptionalAttr<F32Attr, "9.99999997e-07f">:$qk_norm_epsilon,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$qk_output,
                       OptionalAttr<I64Attr>:$rotary_interleaved, OptionalAttr<F32Attr>:$scale,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$sliding_window_cache,
                       DefaultValuedOptionalAttr<I64Attr, "-1">:$smooth_softmax,
                       OptionalAttr<F32Attr>:$softcap,
                       DefaultValuedOptionalAttr<StrAttr, "\"NONE\"">:$v_quant_type);
  let results = (outs NN_Value:$output, Optional<NN_Value>:$present_key,
                      Optional<NN_Value>:$present_value, Optional<NN_Value>:$output_qk);
  let assemblyFormat = [{
    $query (`key` `(` $key^ `)`)? (`value` `(` $value^ `)`)? (`past_key` `(` $past_key^ `)`)?
    (`past_value` `(` $past_value^ `)`)? `,` $seqlens_k `,` $total_sequence_length
    (`cos_cache` `(` $cos_cache^ `)`)? (`sin_cache` `(` $sin_cache^ `)`)?
    (`position_ids` `(` $position_ids^ `)`)? (`attention_bias` `(` $attention_bias^ `)`)?
    (`head_sink` `(` $head_sink^ `)`)? (`k_scale` `(` $k_scale^ `)`)?
    (`v_scale` `(` $v_scale^ `)`)? (`q_norm_weight` `(` $q_norm_weight^ `)`)?
    (`k_norm_weight` `(` $k_norm_weight^ `)`)? (`query_seqlens` `(` $query_seqlens^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MsSkipLayerNormalizationOp : NN_MicrosoftOp<"ms.skip_layer_normalization", "SkipLayerNormalization", "rrroo", "rooo",
    [Pure, AttrSizedOperandSegments, AttrSizedResultSegments]> {
  let summary = "ONNX Runtime's SkipLayerNormalization";
  let description = "`count`: the positions that its statistics divide by, if not those that are there.";
  let arguments = (ins NN_Value:$input, NN_Value:$skip, NN_Value:$gamma,
                       Optional<NN_Value>:$beta, Optional<NN_Value>:$bias,
                       DefaultValuedOptionalAttr<F32Attr, "9.99999996e-13f">:$epsilon,
                       NN_Count:$count);
  let results = (outs NN_Value:$output, Optional<NN_Value>:$mean,
                      Optional<NN_Value>:$inv_std_var, Optional<NN_Value>:$input_skip_bias_sum);
  let assemblyFormat = [{
    $input `,` $skip `,` $gamma (`beta` `(` $beta^ `)`)? (`bias` `(` $bias^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
}

def NN_MsSkipSimplifiedLayerNormalizationOp : NN_MicrosoftOp<"ms.skip_simplified_layer_normalization", "SkipSimplifiedLayerNormalization", "rrro", "rooo",
    [Pure, AttrSizedResultSegments]> {
  let summary = "ONNX Runtime's SkipSimplifiedLayerNormalization";
  let description = "`count`: the positions that its statistics divide by, if not those that are there.";
  let arguments = (ins NN_Value:$input, NN_Value:$skip, NN_Value:$gamma,
                       Optional<NN_Value>:$bias,
                       DefaultValuedOptionalAttr<F32Attr, "9.99999996e-13f">:$epsilon,
                       NN_Count:$count);
  let results = (outs NN_Value:$output, Optional<NN_Value>:$mean,
                      Optional<NN_Value>:$inv_std_var, Optional<NN_Value>:$input_skip_bias_sum);
  let assemblyFormat = [{
    $input `,` $skip `,` $gamma (`bias` `(` $bias^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
}

def NN_MsEmbedLayerNormalizationOp : NN_MicrosoftOp<"ms.embed_layer_normalization", "EmbedLayerNormalization", "rorrorroo", "roo",
    [Pure, AttrSizedOperandSegments, AttrSizedResultSegments]> {
  let summary = "ONNX Runtime's EmbedLayerNormalization";
  let description = "`count`: the positions that its statistics divide by, if not those that are there.";
  let arguments = (ins NN_Value:$input_ids, Optional<NN_Value>:$segment_ids,
                       NN_Value:$word_embedding, NN_Value:$position_embedding,
                       Optional<NN_Value>:$segment_embedding, NN_Value:$gamma, NN_Value:$beta,
                       Optional<NN_Value>:$mask, Optional<NN_Value>:$position_ids,
                       DefaultValuedOptionalAttr<F32Attr, "9.99999996e-13f">:$epsilon,
                       OptionalAttr<I64Attr>:$mask_index_type, NN_Count:$count);
  let results = (outs NN_Value:$output, Optional<NN_Value>:$mask_index,
                      Optional<NN_Value>:$embedding_sum);
  let assemblyFormat = [{
    $input_ids (`segment_ids` `(` $segment_ids^ `)`)? `,` $word_embedding `,`
    $position_embedding (`segment_embedding` `(` $segment_embedding^ `)`)? `,` $gamma `,` $beta
    (`mask` `(` $mask^ `)`)? (`position_ids` `(` $position_ids^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
}

def NN_MsFastGeluOp : NN_MicrosoftOp<"ms.fast_gelu", "FastGelu", "ro", "r",
    [Pure]> {
  let summary = "ONNX Runtime's FastGelu";
  let arguments = (ins NN_Value:$X, Optional<NN_Value>:$bias);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X (`bias` `(` $bias^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MsBiasGeluOp : NN_MicrosoftOp<"ms.bias_gelu", "BiasGelu", "rr", "r",
    [Pure]> {
  let summary = "ONNX Runtime's BiasGelu";
  let arguments = (ins NN_Value:$A, NN_Value:$B);
  let results = (outs NN_Value:$C);
  let assemblyFormat = [{
    $A `,` $B attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MsGeluOp : NN_MicrosoftOp<"ms.gelu", "Gelu", "r", "r",
    [Pure]> {
  let summary = "ONNX Runtime's Gelu";
  let arguments = (ins NN_Value:$X);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MsQuickGeluOp : NN_MicrosoftOp<"ms.quick_gelu", "QuickGelu", "r", "r",
    [Pure]> {
  let summary = "ONNX Runtime's QuickGelu";
  let arguments = (ins NN_Value:$X, DefaultValuedOptionalAttr<F32Attr, "1.70200002f">:$alpha);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MsBiasSplitGeluOp : NN_MicrosoftOp<"ms.bias_split_gelu", "BiasSplitGelu", "rr", "r",
    [Pure]> {
  let summary = "ONNX Runtime's BiasSplitGelu";
  let arguments = (ins NN_Value:$X, NN_Value:$bias);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X `,` $bias attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MsRotaryEmbeddingOp : NN_MicrosoftOp<"ms.rotary_embedding", "RotaryEmbedding", "rrrr", "r",
    [Pure]> {
  let summary = "ONNX Runtime's RotaryEmbedding";
  let arguments = (ins NN_Value:$input, NN_Value:$position_ids, NN_Value:$cos_cache,
                       NN_Value:$sin_cache, OptionalAttr<I64Attr>:$interleaved,
                       OptionalAttr<I64Attr>:$is_packed_batching,
                       OptionalAttr<I64Attr>:$num_heads,
                       OptionalAttr<I64Attr>:$rotary_embedding_dim,
                       OptionalAttr<F32Attr>:$scale);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input `,` $position_ids `,` $cos_cache `,` $sin_cache attr-dict `:`
    functional-type(operands, results)
  }];
}

def NN_MsFusedMatmulOp : NN_MicrosoftOp<"ms.fused_matmul", "FusedMatMul", "rr", "r",
    [Pure]> {
  let summary = "ONNX Runtime's FusedMatMul";
  let arguments = (ins NN_Value:$A, NN_Value:$B,
                       DefaultValuedOptionalAttr<F32Attr, "1.0f">:$alpha,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$transA,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$transB,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$transBatchA,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$transBatchB);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $A `,` $B attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MsFusedConvOp : NN_MicrosoftOp<"ms.fused_conv", "FusedConv", "rroo", "r",
    [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Runtime's FusedConv";
  let arguments = (ins NN_Value:$X, NN_Value:$W, Optional<NN_Value>:$B, Optional<NN_Value>:$Z,
                       OptionalAttr<StrAttr>:$activation,
                       OptionalAttr<DenseF32ArrayAttr>:$activation_params,
                       DefaultValuedOptionalAttr<StrAttr, "\"NOTSET\"">:$auto_pad,
                       OptionalAttr<DenseI64ArrayAttr>:$dilations,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$group,
                       OptionalAttr<DenseI64ArrayAttr>:$kernel_shape,
                       OptionalAttr<DenseI64ArrayAttr>:$pads,
                       OptionalAttr<DenseI64ArrayAttr>:$strides);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X `,` $W (`B` `(` $B^ `)`)? (`Z` `(` $Z^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
}

def NN_MsFusedGemmOp : NN_MicrosoftOp<"ms.fused_gemm", "FusedGemm", "rro", "r",
    [Pure]> {
  let summary = "ONNX Runtime's FusedGemm";
  let arguments = (ins NN_Value:$A, NN_Value:$B, Optional<NN_Value>:$C,
                       OptionalAttr<StrAttr>:$activation,
                       OptionalAttr<F32Attr>:$activation_alpha,
                       OptionalAttr<F32Attr>:$activation_beta,
                       OptionalAttr<F32Attr>:$activation_gamma,
                       DefaultValuedOptionalAttr<F32Attr, "1.0f">:$alpha,
                       DefaultValuedOptionalAttr<F32Attr, "1.0f">:$beta,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$transA,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$transB);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $A `,` $B (`C` `(` $C^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MsMatmulNbitsOp : NN_MicrosoftOp<"ms.matmul_nbits", "MatMulNBits", "rrrooo", "r",
    [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Runtime's MatMulNBits";
  let arguments = (ins NN_Value:$A, NN_Value:$B, NN_Value:$scales,
                       Optional<NN_Value>:$zero_points, Optional<NN_Value>:$g_idx,
                       Optional<NN_Value>:$bias, I64Attr:$K, I64Attr:$N,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$accuracy_level,
                       DefaultValuedOptionalAttr<I64Attr, "4">:$bits, I64Attr:$block_size,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$weight_prepacked);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $A `,` $B `,` $scales (`zero_points` `(` $zero_points^ `)`)? (`g_idx` `(` $g_idx^ `)`)?
    (`bias` `(` $bias^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MsMoeOp : NN_MicrosoftOp<"ms.moe", "MoE", "rrrorooo", "r",
    [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Runtime's MoE";
  let arguments = (ins NN_Value:$input, NN_Value:$router_probs, NN_Value:$fc1_experts_weights,
                       Optional<NN_Value>:$fc1_experts_bias, NN_Value:$fc2_experts_weights,
                       Optional<NN_Value>:$fc2_experts_bias,
                       Optional<NN_Value>:$fc3_experts_weights,
                       Optional<NN_Value>:$fc3_experts_bias,
                       DefaultValuedOptionalAttr<F32Attr, "1.0f">:$activation_alpha,
                       DefaultValuedOptionalAttr<F32Attr, "0.0f">:$activation_beta,
                       DefaultValuedOptionalAttr<StrAttr, "\"relu\"">:$activation_type,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$k,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$normalize_routing_weights,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$swiglu_fusion,
                       OptionalAttr<F32Attr>:$swiglu_limit,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$swiglu_limit_after_activation,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$use_sparse_mixer);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input `,` $router_probs `,` $fc1_experts_weights
    (`fc1_experts_bias` `(` $fc1_experts_bias^ `)`)? `,` $fc2_experts_weights
    (`fc2_experts_bias` `(` $fc2_experts_bias^ `)`)?
    (`fc3_experts_weights` `(` $fc3_experts_weights^ `)`)?
    (`fc3_experts_bias` `(` $fc3_experts_bias^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
}

def NN_MsQmoeOp : NN_MicrosoftOp<"ms.qmoe", "QMoE", "rrroorooooooooooooooo", "r",
    [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Runtime's QMoE";
  let arguments = (ins NN_Value:$input, NN_Value:$router_probs, NN_Value:$fc1_experts_weights,
                       Optional<NN_Value>:$fc1_scales, Optional<NN_Value>:$fc1_experts_bias,
                       NN_Value:$fc2_experts_weights, Optional<NN_Value>:$fc2_scales,
                       Optional<NN_Value>:$fc2_experts_bias,
                       Optional<NN_Value>:$fc3_experts_weights, Optional<NN_Value>:$fc3_scales,
                       Optional<NN_Value>:$fc3_experts_bias,
                       Optional<NN_Value>:$fc1_zero_points, Optional<NN_Value>:$fc2_zero_points,
                       Optional<NN_Value>:$fc3_zero_points, Optional<NN_Value>:$router_weights,
                       Optional<NN_Value>:$fc1_global_scale,
                       Optional<NN_Value>:$fc2_global_scale, Optional<NN_Value>:$fc1_act_scale,
                       Optional<NN_Value>:$fc2_act_scale,
                       Optional<NN_Value>:$fc1_act_block_scale,
                       Optional<NN_Value>:$fc2_act_block_scale,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$accuracy_level,
                       DefaultValuedOptionalAttr<F32Attr, "1.0f">:$activation_alpha,
                       DefaultValuedOptionalAttr<F32Attr, "0.0f">:$activation_beta,
                       DefaultValuedOptionalAttr<StrAttr, "\"relu\"">:$activation_type,
                       OptionalAttr<I64Attr>:$block_size,
                       DefaultValuedOptionalAttr<I64Attr, "4">:$expert_weight_bits,
                       OptionalAttr<I64Attr>:$fc1_expert_weight_bits,
                       OptionalAttr<I64Attr>:$fc2_expert_weight_bits,
                       OptionalAttr<I64Attr>:$fc3_expert_weight_bits,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$k,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$normalize_routing_weights,
                       DefaultValuedOptionalAttr<StrAttr, "\"int\"">:$quant_type,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$swiglu_fusion,
                       OptionalAttr<F32Attr>:$swiglu_limit,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$swiglu_limit_after_activation,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$use_sparse_mixer,
                       DefaultValuedOptionalAttr<I64Attr, "-1">:$weights_prepacked);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input `,` $router_probs `,` $fc1_experts_weights (`fc1_scales` `(` $fc1_scales^ `)`)?
    (`fc1_experts_bias` `(` $fc1_experts_bias^ `)`)? `,` $fc2_experts_weights
    (`fc2_scales` `(` $fc2_scales^ `)`)? (`fc2_experts_bias` `(` $fc2_experts_bias^ `)`)?
    (`fc3_experts_weights` `(` $fc3_experts_weights^ `)`)? (`fc3_scales` `(` $fc3_scales^ `)`)?
    (`fc3_experts_bias` `(` $fc3_experts_bias^ `)`)?
    (`fc1_zero_points` `(` $fc1_zero_points^ `)`)?
    (`fc2_zero_points` `(` $fc2_zero_points^ `)`)?
    (`fc3_zero_points` `(` $fc3_zero_points^ `)`)? (`router_weights` `(` $router_weights^ `)`)?
    (`fc1_global_scale` `(` $fc1_global_scale^ `)`)?
    (`fc2_global_scale` `(` $fc2_global_scale^ `)`)? (`fc1_act_scale` `(` $fc1_act_scale^ `)`)?
    (`fc2_act_scale` `(` $fc2_act_scale^ `)`)?
    (`fc1_act_block_scale` `(` $fc1_act_block_scale^ `)`)?
    (`fc2_act_block_scale` `(` $fc2_act_block_scale^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
}

def NN_MsQlinearAddOp : NN_MicrosoftOp<"ms.qlinear_add", "QLinearAdd", "rrorroro", "r",
    [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Runtime's QLinearAdd";
  let arguments = (ins NN_Value:$A, NN_Value:$A_scale, Optional<NN_Value>:$A_zero_point,
                       NN_Value:$B, NN_Value:$B_scale, Optional<NN_Value>:$B_zero_point,
                       NN_Value:$C_scale, Optional<NN_Value>:$C_zero_point);
  let results = (outs NN_Value:$C);
  let assemblyFormat = [{
    $A `,` $A_scale (`A_zero_point` `(` $A_zero_point^ `)`)? `,` $B `,` $B_scale
    (`B_zero_point` `(` $B_zero_point^ `)`)? `,` $C_scale
    (`C_zero_point` `(` $C_zero_point^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MsQlinearMulOp : NN_MicrosoftOp<"ms.qlinear_mul", "QLinearMul", "rrorroro", "r",
    [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Runtime's QLinearMul";
  let arguments = (ins NN_Value:$A, NN_Value:$A_scale, Optional<NN_Value>:$A_zero_point,
                       NN_Value:$B, NN_Value:$B_scale, Optional<NN_Value>:$B_zero_point,
                       NN_Value:$C_scale, Optional<NN_Value>:$C_zero_point);
  let results = (outs NN_Value:$C);
  let assemblyFormat = [{
    $A `,` $A_scale (`A_zero_point` `(` $A_zero_point^ `)`)? `,` $B `,` $B_scale
    (`B_zero_point` `(` $B_zero_point^ `)`)? `,` $C_scale
    (`C_zero_point` `(` $C_zero_point^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MsQgemmOp : NN_MicrosoftOp<"ms.qgemm", "QGemm", "rrrrrrooo", "r",
    [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Runtime's QGemm";
  let arguments = (ins NN_Value:$A, NN_Value:$a_scale, NN_Value:$a_zero_point, NN_Value:$B,
                       NN_Value:$b_scale, NN_Value:$b_zero_point, Optional<NN_Value>:$C,
                       Optional<NN_Value>:$y_scale, Optional<NN_Value>:$y_zero_point,
                       DefaultValuedOptionalAttr<F32Attr, "1.0f">:$alpha,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$transA,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$transB);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $A `,` $a_scale `,` $a_zero_point `,` $B `,` $b_scale `,` $b_zero_point (`C` `(` $C^ `)`)?
    (`y_scale` `(` $y_scale^ `)`)? (`y_zero_point` `(` $y_zero_point^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
}

def NN_MsQlinearGlobalAveragePoolOp : NN_MicrosoftOp<"ms.qlinear_global_average_pool", "QLinearGlobalAveragePool", "rrrrr", "r",
    [Pure]> {
  let summary = "ONNX Runtime's QLinearGlobalAveragePool";
  let arguments = (ins NN_Value:$X, NN_Value:$x_scale, NN_Value:$x_zero_point,
                       NN_Value:$y_scale, NN_Value:$y_zero_point,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$channels_last);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X `,` $x_scale `,` $x_zero_point `,` $y_scale `,` $y_zero_point attr-dict `:`
    functional-type(operands, results)
  }];
}

def NN_MsQlinearAveragePoolOp : NN_MicrosoftOp<"ms.qlinear_average_pool", "QLinearAveragePool", "rroro", "r",
    [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Runtime's QLinearAveragePool";
  let arguments = (ins NN_Value:$X, NN_Value:$x_scale, Optional<NN_Value>:$x_zero_point,
                       NN_Value:$y_scale, Optional<NN_Value>:$y_zero_point,
                       DefaultValuedOptionalAttr<StrAttr, "\"NOTSET\"">:$auto_pad,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$ceil_mode,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$channels_last,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$count_include_pad,
                       DenseI64ArrayAttr:$kernel_shape, OptionalAttr<DenseI64ArrayAttr>:$pads,
                       OptionalAttr<DenseI64ArrayAttr>:$strides);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X `,` $x_scale (`x_zero_point` `(` $x_zero_point^ `)`)? `,` $y_scale
    (`y_zero_point` `(` $y_zero_point^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MsQlinearConcatOp : NN_MicrosoftOp<"ms.qlinear_concat", "QLinearConcat", "rrv", "r",
    [Pure]> {
  let summary = "ONNX Runtime's QLinearConcat";
  let arguments = (ins NN_Value:$Y_scale, NN_Value:$Y_zero_point, Variadic<NN_Value>:$inputs,
                       I64Attr:$axis);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $Y_scale `,` $Y_zero_point `,` $inputs attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MsQlinearSigmoidOp : NN_MicrosoftOp<"ms.qlinear_sigmoid", "QLinearSigmoid", "rroro", "r",
    [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Runtime's QLinearSigmoid";
  let arguments = (ins NN_Value:$X, NN_Value:$X_scale, Optional<NN_Value>:$X_zero_point,
                       NN_Value:$Y_scale, Optional<NN_Value>:$Y_zero_point);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X `,` $X_scale (`X_zero_point` `(` $X_zero_point^ `)`)? `,` $Y_scale
    (`Y_zero_point` `(` $Y_zero_point^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MsQlinearLeakyReluOp : NN_MicrosoftOp<"ms.qlinear_leaky_relu", "QLinearLeakyRelu", "rroro", "r",
    [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Runtime's QLinearLeakyRelu";
  let arguments = (ins NN_Value:$X, NN_Value:$X_scale, Optional<NN_Value>:$X_zero_point,
                       NN_Value:$Y_scale, Optional<NN_Value>:$Y_zero_point,
                       DefaultValuedOptionalAttr<F32Attr, "0.00999999978f">:$alpha);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X `,` $X_scale (`X_zero_point` `(` $X_zero_point^ `)`)? `,` $Y_scale
    (`Y_zero_point` `(` $Y_zero_point^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MsQlinearSoftmaxOp : NN_MicrosoftOp<"ms.qlinear_softmax", "QLinearSoftmax", "rrorr", "r",
    [Pure]> {
  let summary = "ONNX Runtime's QLinearSoftmax";
  let arguments = (ins NN_Value:$X, NN_Value:$X_scale, Optional<NN_Value>:$x_zero_point,
                       NN_Value:$y_scale, NN_Value:$y_zero_point,
                       DefaultValuedOptionalAttr<I64Attr, "-1">:$axis, I64Attr:$opset);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X `,` $X_scale (`x_zero_point` `(` $x_zero_point^ `)`)? `,` $y_scale `,` $y_zero_point
    attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MsDynamicQuantizeMatmulOp : NN_MicrosoftOp<"ms.dynamic_quantize_matmul", "DynamicQuantizeMatMul", "rrroo", "r",
    [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Runtime's DynamicQuantizeMatMul";
  let arguments = (ins NN_Value:$A, NN_Value:$B, NN_Value:$b_scale,
                       Optional<NN_Value>:$b_zero_point, Optional<NN_Value>:$bias);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $A `,` $B `,` $b_scale (`b_zero_point` `(` $b_zero_point^ `)`)? (`bias` `(` $bias^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MsMatmulIntegerToFloatOp : NN_MicrosoftOp<"ms.matmul_integer_to_float", "MatMulIntegerToFloat", "rrrrooo", "r",
    [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Runtime's MatMulIntegerToFloat";
  let arguments = (ins NN_Value:$A, NN_Value:$B, NN_Value:$a_scale, NN_Value:$b_scale,
                       Optional<NN_Value>:$a_zero_point, Optional<NN_Value>:$b_zero_point,
                       Optional<NN_Value>:$bias);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $A `,` $B `,` $a_scale `,` $b_scale (`a_zero_point` `(` $a_zero_point^ `)`)?
    (`b_zero_point` `(` $b_zero_point^ `)`)? (`bias` `(` $bias^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
}

def NN_MsQuantizeLinearOp : NN_MicrosoftOp<"ms.quantize_linear", "QuantizeLinear", "rro", "r",
    [Pure]> {
  let summary = "ONNX Runtime's QuantizeLinear";
  let arguments = (ins NN_Value:$x, NN_Value:$y_scale, Optional<NN_Value>:$y_zero_point,
                       OptionalAttr<I64Attr>:$axis);
  let results = (outs NN_Value:$y);
  let assemblyFormat = [{
    $x `,` $y_scale (`y_zero_point` `(` $y_zero_point^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
}

def NN_MsDequantizeLinearOp : NN_MicrosoftOp<"ms.dequantize_linear", "DequantizeLinear", "rro", "r",
    [Pure]> {
  let summary = "ONNX Runtime's DequantizeLinear";
  let arguments = (ins NN_Value:$x, NN_Value:$x_scale, Optional<NN_Value>:$x_zero_point,
                       OptionalAttr<I64Attr>:$axis);
  let results = (outs NN_Value:$y);
  let assemblyFormat = [{
    $x `,` $x_scale (`x_zero_point` `(` $x_zero_point^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
}

def NN_SimplifiedLayerNormalizationOp : NN_Op<"simplified_layer_normalization", "SimplifiedLayerNormalization", 1, "rr", "ro",
    [Pure]> {
  let summary = "ONNX Runtime's SimplifiedLayerNormalization";
  let description = "`count`: the positions that its statistics divide by, if not those that are there.";
  let arguments = (ins NN_Value:$X, NN_Value:$scale,
                       DefaultValuedOptionalAttr<I64Attr, "-1">:$axis,
                       DefaultValuedOptionalAttr<F32Attr, "9.99999975e-06f">:$epsilon,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$stash_type, NN_Count:$count);
  let results = (outs NN_Value:$Y, Optional<NN_Value>:$inv_std_var);
  let assemblyFormat = [{
    $X `,` $scale attr-dict `:` functional-type(operands, results)
  }];
}

#endif // SECATEUR_DIALECTS_NN_IR_NNMICROSOFT
