// RUN: secateur-opt %s -nn-decompose | FileCheck %s

// CHECK-LABEL: func.func @bias_gelu
// CHECK: %[[SUM:.*]] = nn.add %arg0, %arg1
// CHECK: %[[GELU:.*]] = nn.gelu %[[SUM]] :
// CHECK: return %[[GELU]]
func.func @bias_gelu(%x: tensor<2x4xf32>, %bias: tensor<4xf32>) -> tensor<2x4xf32> {
  %0 = nn.ms.bias_gelu %x, %bias : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// The sum is a result as well; the statistics between them are left out.
// CHECK-LABEL: func.func @skip_norm
// CHECK: %[[SUM:.*]] = nn.add %arg0, %arg1
// CHECK: %[[NORM:.*]] = nn.rms_normalization %[[SUM]], %arg2
// CHECK: return %[[NORM]], %[[SUM]]
func.func @skip_norm(%x: tensor<2x4xf32>, %skip: tensor<2x4xf32>, %gamma: tensor<4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %0, %sum = nn.ms.skip_simplified_layer_normalization %x, %skip, %gamma {resultSegmentSizes = array<i32: 1, 0, 0, 1>} : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>)
  return %0, %sum : tensor<2x4xf32>, tensor<2x4xf32>
}

// Weights of 4 bits become numbers: (3 - 8) * 0.5 and (12 - 8) * 0.5, low ends first.
// CHECK-LABEL: func.func @packed
// CHECK: %[[W:.*]] = nn.constant dense<{{\[\[}}-2.500000e+00], [2.000000e+00]]> : tensor<2x1xf32>
// CHECK: nn.matmul %arg0, %[[W]]
func.func @packed(%x: tensor<3x2xf32>) -> tensor<3x1xf32> {
  %w = nn.constant dense<[[[0xC3]]]> : tensor<1x1x1xui8>
  %s = nn.constant dense<0.5> : tensor<1xf32>
  %0 = nn.ms.matmul_nbits %x, %w, %s {K = 2 : i64, N = 1 : i64, bits = 4 : i64, block_size = 2 : i64} : (tensor<3x2xf32>, tensor<1x1x1xui8>, tensor<1xf32>) -> tensor<3x1xf32>
  return %0 : tensor<3x1xf32>
}

// A form that is not known stays, with the reason.
// CHECK-LABEL: func.func @refused
// CHECK: nn.ms.fused_gemm
// CHECK-SAME: nn.refused = "activation 'Softplus' is not supported"
func.func @refused(%x: tensor<2x3xf32>, %w: tensor<3x4xf32>) -> tensor<2x4xf32> {
  %0 = nn.ms.fused_gemm %x, %w {activation = "Softplus"} : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}
