// RUN: secateur-opt %s --nn-fold-batch-norm --split-input-file | FileCheck %s

// Scale 3 / sqrt(4) = 1.5 on weights of 2; shift 5 - 1 * 1.5.
// CHECK-LABEL: @batch_norm
func.func @batch_norm(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32> {
  // CHECK-DAG: %[[W:.*]] = nn.constant dense<3.000000e+00> : tensor<2x1x1x1xf32>
  // CHECK-DAG: %[[B:.*]] = nn.constant dense<3.500000e+00> : tensor<2xf32>
  // CHECK: %[[Y:.*]] = nn.conv %{{.*}}, %[[W]] B(%[[B]])
  // CHECK: return %[[Y]]
  %w = nn.constant dense<2.0> : tensor<2x1x1x1xf32>
  %scale = nn.constant dense<3.0> : tensor<2xf32>
  %shift = nn.constant dense<5.0> : tensor<2xf32>
  %mean = nn.constant dense<1.0> : tensor<2xf32>
  %variance = nn.constant dense<4.0> : tensor<2xf32>
  %0 = nn.conv %x, %w : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.batch_normalization %0, %scale, %shift, %mean, %variance {epsilon = 0.0 : f32, resultSegmentSizes = array<i32: 1, 0, 0>} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  return %1 : tensor<1x2x4x4xf32>
}

// -----

// Channels of a transposed convolution lie on axis 1, in groups: channel 2 is
// column 0 of the second half of the rows.
// CHECK-LABEL: @transposed_groups
func.func @transposed_groups(%x: tensor<1x2x2x2xf32>) -> tensor<1x4x2x2xf32> {
  // CHECK: nn.constant dense<{{\[\[\[\[}}1.000000e+00]], {{\[\[}}2.000000e+00]]], {{\[\[\[}}3.000000e+00]], {{\[\[}}4.000000e+00]]]]> : tensor<2x2x1x1xf32>
  %w = nn.constant dense<1.0> : tensor<2x2x1x1xf32>
  %s = nn.constant dense<[[[1.0]], [[2.0]], [[3.0]], [[4.0]]]> : tensor<4x1x1xf32>
  %0 = nn.conv_transpose %x, %w {group = 2 : i64} : (tensor<1x2x2x2xf32>, tensor<2x2x1x1xf32>) -> tensor<1x4x2x2xf32>
  %1 = nn.mul %0, %s : (tensor<1x4x2x2xf32>, tensor<4x1x1xf32>) -> tensor<1x4x2x2xf32>
  return %1 : tensor<1x4x2x2xf32>
}

// -----

// Somebody else reads the convolution.
// CHECK-LABEL: @keep_when_shared
func.func @keep_when_shared(%x: tensor<1x1x4x4xf32>) -> (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) {
  // CHECK: nn.add
  %w = nn.constant dense<2.0> : tensor<2x1x1x1xf32>
  %s = nn.constant dense<3.0> : tensor<1x2x1x1xf32>
  %0 = nn.conv %x, %w : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.add %0, %s : (tensor<1x2x4x4xf32>, tensor<1x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  return %0, %1 : tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>
}

// -----

// The constant varies along the columns, not along the channels.
// CHECK-LABEL: @keep_spatial_scale
func.func @keep_spatial_scale(%x: tensor<1x1x4x2xf32>) -> tensor<1x2x4x2xf32> {
  // CHECK: nn.mul
  %w = nn.constant dense<2.0> : tensor<2x1x1x1xf32>
  %s = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %0 = nn.conv %x, %w : (tensor<1x1x4x2xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x2xf32>
  %1 = nn.mul %0, %s : (tensor<1x2x4x2xf32>, tensor<2xf32>) -> tensor<1x2x4x2xf32>
  return %1 : tensor<1x2x4x2xf32>
}

// -----

// constant / conv is not an affine map of conv.
// CHECK-LABEL: @keep_reversed_division
func.func @keep_reversed_division(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32> {
  // CHECK: nn.div
  %w = nn.constant dense<2.0> : tensor<2x1x1x1xf32>
  %s = nn.constant dense<3.0> : tensor<f32>
  %0 = nn.conv %x, %w : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.div %s, %0 : (tensor<f32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  return %1 : tensor<1x2x4x4xf32>
}
