// RUN: secateur-opt %s --nn-simplify --split-input-file | FileCheck %s

// CHECK-LABEL: @identity
func.func @identity(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-NEXT: return %arg0
  %0 = nn.identity %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = nn.cast %0 {to = 1 : i64} : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

// CHECK-LABEL: @keep_cast
func.func @keep_cast(%x: tensor<4xf32>) -> tensor<4xf16> {
  // CHECK: nn.cast
  %0 = nn.cast %x {to = 10 : i64} : (tensor<4xf32>) -> tensor<4xf16>
  return %0 : tensor<4xf16>
}

// -----

// CHECK-LABEL: @cancelling_transposes
func.func @cancelling_transposes(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  // CHECK-NEXT: return %arg0
  %0 = nn.transpose %x {perm = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %1 = nn.transpose %0 {perm = array<i64: 2, 0, 1>} : (tensor<3x4x2xf32>) -> tensor<2x3x4xf32>
  return %1 : tensor<2x3x4xf32>
}

// -----

// CHECK-LABEL: @merged_transposes
func.func @merged_transposes(%x: tensor<2x3x4xf32>) -> tensor<4x2x3xf32> {
  // CHECK-NEXT: nn.transpose %arg0 {perm = array<i64: 2, 0, 1>}
  %0 = nn.transpose %x {perm = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %1 = nn.transpose %0 {perm = array<i64: 1, 2, 0>} : (tensor<3x4x2xf32>) -> tensor<4x2x3xf32>
  return %1 : tensor<4x2x3xf32>
}

// -----

// CHECK-LABEL: @merged_reshapes
func.func @merged_reshapes(%x: tensor<2x6xf32>) -> tensor<4x3xf32> {
  // CHECK: nn.reshape %arg0
  %s = nn.constant dense<[4, 3]> : tensor<2xi64>
  %0 = nn.flatten %x {axis = 0 : i64} : (tensor<2x6xf32>) -> tensor<1x12xf32>
  %1 = nn.reshape %0, %s : (tensor<1x12xf32>, tensor<2xi64>) -> tensor<4x3xf32>
  return %1 : tensor<4x3xf32>
}

// -----

// The 0 copies a dimension of what it is given.
// CHECK-LABEL: @keep_copied_dimension
func.func @keep_copied_dimension(%x: tensor<2x6xf32>) -> tensor<1x3x4xf32> {
  // CHECK: nn.flatten
  %s = nn.constant dense<[0, 3, 4]> : tensor<3xi64>
  %0 = nn.flatten %x {axis = 0 : i64} : (tensor<2x6xf32>) -> tensor<1x12xf32>
  %1 = nn.reshape %0, %s : (tensor<1x12xf32>, tensor<3xi64>) -> tensor<1x3x4xf32>
  return %1 : tensor<1x3x4xf32>
}
