// RUN: secateur-opt %s -split-input-file -verify-diagnostics

// Element types.

func.func @mixed_types(%x: tensor<4xf32>, %y: tensor<4xi64>) {
  // expected-error @below {{'nn.add' op input 1 has elements of type 'i64', expected 'f32'}}
  %0 = nn.add %x, %y : (tensor<4xf32>, tensor<4xi64>) -> tensor<4xf32>
  return
}

// -----

func.func @fixed_type(%x: tensor<4xf32>, %y: tensor<1xi32>) {
  // expected-error @below {{'nn.reshape' op input 1 has elements of type 'i32', expected 'i64'}}
  %0 = nn.reshape %x, %y : (tensor<4xf32>, tensor<1xi32>) -> tensor<*xf32>
  return
}

// -----

func.func @result_type(%x: tensor<4xf32>) {
  // expected-error @below {{'nn.less' op output 0 has elements of type 'f32', expected 'i1'}}
  %0 = nn.less %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// The third formal input is the second operand.
func.func @optional_operand(%x: tensor<4xf32>, %high: tensor<f16>) {
  // expected-error @below {{'nn.clip' op input 2 has elements of type 'f16', expected 'f32'}}
  %0 = nn.clip %x max(%high) : (tensor<4xf32>, tensor<f16>) -> tensor<4xf32>
  return
}

// -----

func.func @variadic(%x: tensor<4xf32>, %y: tensor<4xf16>) {
  // expected-error @below {{'nn.concat' op input 0 has elements of type 'f16', expected 'f32'}}
  %0 = nn.concat %x, %y {axis = 0 : i64} : (tensor<4xf32>, tensor<4xf16>) -> tensor<8xf32>
  return
}

// -----

// String attributes.

func.func @auto_pad(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x1x1xf32>) {
  // expected-error @below {{'nn.conv' op attribute auto_pad is 'SAME', expected one of: NOTSET SAME_UPPER SAME_LOWER VALID}}
  %0 = nn.conv %x, %w {auto_pad = "SAME"} : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @pad_mode(%x: tensor<4xf32>, %p: tensor<2xi64>) {
  // expected-error @below {{'nn.pad' op attribute mode is 'linear', expected one of: constant reflect edge wrap}}
  %0 = nn.pad %x, %p {mode = "linear"} : (tensor<4xf32>, tensor<2xi64>) -> tensor<*xf32>
  return
}

// -----

// Convolutions.

func.func @conv_ranks(%x: tensor<1x3x8xf32>, %w: tensor<4x3x1x1xf32>) {
  // expected-error @below {{'nn.conv' op needs an input and a weight of one rank of at least 3, got ranks 3 and 4}}
  %0 = nn.conv %x, %w : (tensor<1x3x8xf32>, tensor<4x3x1x1xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @conv_strides(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x1x1xf32>) {
  // expected-error @below {{'nn.conv' op attribute strides has 1 values, expected 2 for 2 spatial dimensions}}
  %0 = nn.conv %x, %w {strides = array<i64: 1>} : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @conv_stride_value(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x1x1xf32>) {
  // expected-error @below {{'nn.conv' op attribute strides has the value 0, expected at least 1}}
  %0 = nn.conv %x, %w {strides = array<i64: 1, 0>} : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @conv_dilations(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x1x1xf32>) {
  // expected-error @below {{'nn.conv' op attribute dilations has the value -1, expected at least 1}}
  %0 = nn.conv %x, %w {dilations = array<i64: 1, -1>} : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @conv_pads(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x1x1xf32>) {
  // expected-error @below {{'nn.conv' op attribute pads has 2 values, expected 4 for 2 spatial dimensions}}
  %0 = nn.conv %x, %w {pads = array<i64: 1, 1>} : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @conv_group(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x1x1xf32>) {
  // expected-error @below {{'nn.conv' op group is 0, expected at least 1}}
  %0 = nn.conv %x, %w {group = 0 : i64} : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @conv_channels(%x: tensor<?x4x?x?xf32>, %w: tensor<4x1x1x1xf32>) {
  // expected-error @below {{'nn.conv' op input has 4 channels, but the weight has 1 for each of 2 groups}}
  %0 = nn.conv %x, %w {group = 2 : i64} : (tensor<?x4x?x?xf32>, tensor<4x1x1x1xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @conv_filters(%x: tensor<1x4x8x8xf32>, %w: tensor<5x2x1x1xf32>) {
  // expected-error @below {{'nn.conv' op has 5 filters, which 2 groups do not divide}}
  %0 = nn.conv %x, %w {group = 2 : i64} : (tensor<1x4x8x8xf32>, tensor<5x2x1x1xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @conv_kernel_shape(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x1x1xf32>) {
  // expected-error @below {{'nn.conv' op kernel_shape is 3 at axis 1, but the weight has 1}}
  %0 = nn.conv %x, %w {kernel_shape = array<i64: 1, 3>} : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @conv_kernel_rank(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x1x1xf32>) {
  // expected-error @below {{'nn.conv' op attribute kernel_shape has 1 values, expected 2}}
  %0 = nn.conv %x, %w {kernel_shape = array<i64: 1>} : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @conv_bias(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x1x1xf32>, %b: tensor<3xf32>) {
  // expected-error @below {{'nn.conv' op needs a bias of rank 1 with one element for each of 4 filters}}
  %0 = nn.conv %x, %w B(%b) : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>, tensor<3xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @conv_window(%x: tensor<1x3x8x2xf32>, %w: tensor<4x3x3x3xf32>) {
  // expected-error @below {{'nn.conv' op its window of 3 does not fit into axis 3 of size 2 with its padding}}
  %0 = nn.conv %x, %w : (tensor<1x3x8x2xf32>, tensor<4x3x3x3xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @conv_transpose_channels(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x1x1xf32>) {
  // expected-error @below {{'nn.conv_transpose' op input has 3 channels, but the weight has 4}}
  %0 = nn.conv_transpose %x, %w : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @conv_transpose_output_shape(%x: tensor<1x4x8x8xf32>, %w: tensor<4x3x1x1xf32>) {
  // expected-error @below {{'nn.conv_transpose' op attribute output_shape has 4 values, expected 2}}
  %0 = nn.conv_transpose %x, %w {output_shape = array<i64: 1, 3, 8, 8>} : (tensor<1x4x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @conv_transpose_padding(%x: tensor<1x4x1x1xf32>, %w: tensor<4x3x1x1xf32>) {
  // expected-error @below {{'nn.conv_transpose' op padding leaves a size of -1 at axis 2}}
  %0 = nn.conv_transpose %x, %w {pads = array<i64: 1, 1, 1, 1>} : (tensor<1x4x1x1xf32>, tensor<4x3x1x1xf32>) -> tensor<*xf32>
  return
}

// -----

// Pooling and resampling.

func.func @pool_rank(%x: tensor<8x8xf32>) {
  // expected-error @below {{'nn.max_pool' op needs an input of rank 3 or more, got rank 2}}
  %0 = nn.max_pool %x {kernel_shape = array<i64: 2, 2>} : (tensor<8x8xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @pool_kernel(%x: tensor<1x3x8x8xf32>) {
  // expected-error @below {{'nn.average_pool' op attribute kernel_shape has the value 0, expected at least 1}}
  %0 = nn.average_pool %x {kernel_shape = array<i64: 2, 0>} : (tensor<1x3x8x8xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @pool_kernel_rank(%x: tensor<1x3x8x8xf32>) {
  // expected-error @below {{'nn.lp_pool' op has a kernel of 1 dimensions for 2 spatial dimensions}}
  %0 = nn.lp_pool %x {kernel_shape = array<i64: 2>} : (tensor<1x3x8x8xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @global_pool(%x: tensor<8xf32>) {
  // expected-error @below {{'nn.global_average_pool' op needs an input of rank 2 or more, got rank 1}}
  %0 = nn.global_average_pool %x : (tensor<8xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @roi_pool(%x: tensor<1x3x8x8xf32>, %r: tensor<2x5xf32>) {
  // expected-error @below {{'nn.max_roi_pool' op attribute pooled_shape has 1 values, expected 2}}
  %0 = nn.max_roi_pool %x, %r {pooled_shape = array<i64: 2>} : (tensor<1x3x8x8xf32>, tensor<2x5xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @grid(%x: tensor<1x3x8x8xf32>, %g: tensor<1x4x4x3xf32>) {
  // expected-error @below {{'nn.grid_sample' op needs a grid of 2 coordinates}}
  %0 = nn.grid_sample %x, %g : (tensor<1x3x8x8xf32>, tensor<1x4x4x3xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @resize_neither(%x: tensor<1x3x8x8xf32>) {
  // expected-error @below {{'nn.resize' op needs either sizes or scales}}
  %0 = nn.resize %x : (tensor<1x3x8x8xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @resize_sizes(%x: tensor<1x3x8x8xf32>) {
  %s = nn.constant dense<[4, 4]> : tensor<2xi64>
  // expected-error @below {{'nn.resize' op has 2 sizes for 4 axes}}
  %0 = nn.resize %x sizes(%s) : (tensor<1x3x8x8xf32>, tensor<2xi64>) -> tensor<*xf32>
  return
}

// -----

// Matrix products.

func.func @gemm_rank(%a: tensor<2x3x4xf32>, %b: tensor<4x5xf32>) {
  // expected-error @below {{'nn.gemm' op needs matrices of rank 2}}
  %0 = nn.gemm %a, %b : (tensor<2x3x4xf32>, tensor<4x5xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @gemm_inner(%a: tensor<2x3xf32>, %b: tensor<4x3xf32>) {
  // expected-error @below {{'nn.gemm' op the inner sizes do not match: 3 and 4}}
  %0 = nn.gemm %a, %b : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @gemm_bias(%a: tensor<2x3xf32>, %b: tensor<4x3xf32>, %c: tensor<5xf32>) {
  // expected-error @below {{'nn.gemm' op C and the product do not match: 5 and 4}}
  %0 = nn.gemm %a, %b C(%c) {transB = 1 : i64} : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<5xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @matmul_inner(%a: tensor<7x2x3xf32>, %b: tensor<4x3xf32>) {
  // expected-error @below {{'nn.matmul' op the inner sizes do not match: 3 and 4}}
  %0 = nn.matmul %a, %b : (tensor<7x2x3xf32>, tensor<4x3xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @matmul_batch(%a: tensor<7x2x3xf32>, %b: tensor<6x3x3xf32>) {
  // expected-error @below {{'nn.matmul' op cannot broadcast its operands: sizes 7 and 6 at axis 0 are neither equal nor 1}}
  %0 = nn.matmul %a, %b : (tensor<7x2x3xf32>, tensor<6x3x3xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @matmul_scalar(%a: tensor<f32>, %b: tensor<6x3x3xf32>) {
  // expected-error @below {{'nn.matmul' op cannot multiply scalars}}
  %0 = nn.matmul %a, %b : (tensor<f32>, tensor<6x3x3xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @einsum_terms(%a: tensor<2x3xf32>) {
  // expected-error @below {{'nn.einsum' op equation 'ij,jk': has 2 terms for 1 inputs}}
  %0 = nn.einsum %a {equation = "ij,jk"} : (tensor<2x3xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @einsum_rank(%a: tensor<2x3xf32>) {
  // expected-error @below {{'nn.einsum' op equation 'ijk->i': term 'ijk' does not fit a tensor of rank 2}}
  %0 = nn.einsum %a {equation = "ijk->i"} : (tensor<2x3xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @einsum_output(%a: tensor<2x3xf32>) {
  // expected-error @below {{'nn.einsum' op equation 'ij->k': output label 'k' is repeated or not in any input}}
  %0 = nn.einsum %a {equation = "ij->k"} : (tensor<2x3xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @einsum_character(%a: tensor<2x3xf32>) {
  // expected-error @below {{'nn.einsum' op equation 'i+j->i': unexpected '+'}}
  %0 = nn.einsum %a {equation = "i+j->i"} : (tensor<2x3xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @einsum_sizes(%a: tensor<2x3xf32>, %b: tensor<4x5xf32>) {
  // expected-error @below {{'nn.einsum' op the sizes of one label do not match: 3 and 4}}
  %0 = nn.einsum %a, %b {equation = "ij,jk->ik"} : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @lstm_direction(%x: tensor<5x1x3xf32>, %w: tensor<1x16x3xf32>, %r: tensor<1x16x4xf32>) {
  // expected-error @below {{'nn.lstm' op direction 'bidirectional' needs 2 sets of weights}}
  %0 = "nn.lstm"(%x, %w, %r) {direction = "bidirectional", operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0>} : (tensor<5x1x3xf32>, tensor<1x16x3xf32>, tensor<1x16x4xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @gru_gates(%x: tensor<5x1x3xf32>, %w: tensor<1x16x3xf32>, %r: tensor<1x16x4xf32>) {
  // expected-error @below {{'nn.gru' op the sizes of R and its gates do not match: 16 and 12}}
  %0 = "nn.gru"(%x, %w, %r) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0>} : (tensor<5x1x3xf32>, tensor<1x16x3xf32>, tensor<1x16x4xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @attention_heads(%q: tensor<1x5x8xf32>, %k: tensor<1x6x8xf32>) {
  // expected-error @below {{'nn.attention' op 3 heads do not divide the size 8 of Q}}
  %0 = "nn.attention"(%q, %k, %k) {q_num_heads = 3 : i64, kv_num_heads = 2 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<1x5x8xf32>, tensor<1x6x8xf32>, tensor<1x6x8xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @counts_less_than_there_is(%x: tensor<2x4xf32>, %s: tensor<4xf32>) {
  // expected-error @below {{'nn.rms_normalization' op counts 3 positions where there are 4}}
  %0 = nn.rms_normalization %x, %s {count = 3 : i64} : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @counts_nothing(%x: tensor<2x?xf32>, %s: tensor<?xf32>) {
  // expected-error @below {{attribute 'count' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
  %0 = nn.rms_normalization %x, %s {count = 0 : i64} : (tensor<2x?xf32>, tensor<?xf32>) -> tensor<2x?xf32>
  return
}
