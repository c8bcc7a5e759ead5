// RUN: secateur-opt %s --nn-count-cost=nominal-shape=x=2x4x8x8 | FileCheck %s

// 2 * (outputs) * (filter): 2 * 2*6*8*8 * 4/2*3*3; one weight and a bias, f32.
// CHECK-LABEL: @conv
// CHECK-SAME: nn.assumed = [], nn.flops = 27648 : i64, nn.parameters = 114 : i64, nn.weight_bytes = 456 : i64
func.func @conv(%x: tensor<?x4x?x?xf32> {nn.name = "x", nn.dims = ["n", "", "h", "w"]}) -> tensor<*xf32> {
  %w = nn.constant dense<1.0> : tensor<6x2x3x3xf32> initializer
  %b = nn.constant dense<1.0> : tensor<6xf32> initializer
  %0 = nn.conv %x, %w B(%b) {group = 2 : i64, pads = array<i64: 1, 1, 1, 1>} : (tensor<?x4x?x?xf32>, tensor<6x2x3x3xf32>, tensor<6xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// Each of 2*4*8*8 inputs meets 3*2*2 weights.
// CHECK-LABEL: @conv_transpose
// CHECK-SAME: nn.flops = 12288 : i64
func.func @conv_transpose(%x: tensor<?x4x?x?xf32> {nn.name = "x", nn.dims = ["n", "", "h", "w"]}) -> tensor<*xf32> {
  %w = nn.constant dense<1.0> : tensor<4x3x2x2xf32> initializer
  %0 = nn.conv_transpose %x, %w {strides = array<i64: 2, 2>} : (tensor<?x4x?x?xf32>, tensor<4x3x2x2xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// 2 * 2*4*8*5 * 8. Sizes that only shapes need are no parameters.
// CHECK-LABEL: @matmul
// CHECK-SAME: nn.flops = 5120 : i64, nn.parameters = 40 : i64, nn.weight_bytes = 192 : i64
func.func @matmul(%x: tensor<?x4x?x?xf32> {nn.name = "x", nn.dims = ["n", "", "h", "w"]}) -> tensor<*xf32> {
  %w = nn.constant dense<1.0> : tensor<8x5xf32> initializer
  %s = nn.constant dense<[0, 0, 0, 5]> : tensor<4xi64>
  %0 = nn.matmul %x, %w : (tensor<?x4x?x?xf32>, tensor<8x5xf32>) -> tensor<*xf32>
  %1 = nn.reshape %0, %s : (tensor<*xf32>, tensor<4xi64>) -> tensor<*xf32>
  return %1 : tensor<*xf32>
}

// Batch 2, rows 4 * 8, columns 8 twice: 2 * (2*4*8*8*8).
// CHECK-LABEL: @einsum
// CHECK-SAME: nn.flops = 8192 : i64
func.func @einsum(%x: tensor<?x4x?x?xf32> {nn.name = "x", nn.dims = ["n", "", "h", "w"]}) -> tensor<*xf32> {
  %0 = nn.einsum %x, %x {equation = "nchi,nchj->ncij"} : (tensor<?x4x?x?xf32>, tensor<?x4x?x?xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// A branch that does not run costs nothing: the dearer one counts. y is assumed.
// CHECK-LABEL: @branches
// CHECK-SAME: nn.assumed = ["m"], nn.flops = 16 : i64
func.func @branches(%x: tensor<?x4x?x?xf32> {nn.name = "x", nn.dims = ["n", "", "h", "w"]},
                    %y: tensor<?x4xf32> {nn.name = "y", nn.dims = ["m", ""]}, %c: tensor<i1>) -> tensor<*xf32> {
  %0 = nn.if %c : (tensor<i1>) -> tensor<*xf32> else_branch {
    %w = nn.constant dense<1.0> : tensor<4x1xf32>
    %1 = nn.gemm %y, %w : (tensor<?x4xf32>, tensor<4x1xf32>) -> tensor<*xf32>
    nn.yield %1 : tensor<*xf32>
  } then_branch {
    %w = nn.constant dense<1.0> : tensor<4x2xf32>
    %1 = nn.gemm %y, %w : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<*xf32>
    nn.yield %1 : tensor<*xf32>
  }
  return %0 : tensor<*xf32>
}

// 5 steps of 3 sequences: 2 * 5*3*(16*3 + 16*4).
// CHECK-LABEL: @lstm
// CHECK-SAME: nn.flops = 3360 : i64
func.func @lstm(%x: tensor<?x4x?x?xf32> {nn.name = "x", nn.dims = ["n", "", "h", "w"]}, %s: tensor<5x3x3xf32>) -> tensor<*xf32> {
  %w = nn.constant dense<1.0> : tensor<1x16x3xf32>
  %r = nn.constant dense<1.0> : tensor<1x16x4xf32>
  %0 = "nn.lstm"(%s, %w, %r) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0>} : (tensor<5x3x3xf32>, tensor<1x16x3xf32>, tensor<1x16x4xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}
