// RUN: secateur-opt %s -lower-nn -split-input-file | FileCheck %s

// A constant right side is packed; what is stored by rows is transposed for it.
// CHECK-LABEL: func.func @gemm
// CHECK-SAME:    %[[X:.*]]: tensor<?x5xf32>
// CHECK:         %[[W:.*]] = kern.weight {{.*}} permutation [1, 0] panel 16 : tensor<1x5x16xf32>
// CHECK:         kern.contract {{.*}} ins(%[[X]], %[[W]] {{.*}} packed epilogue(%{{.*}} : tensor<7xf32>)
// CHECK:           arith.addf
func.func @gemm(%x: tensor<?x5xf32> {nn.dims = ["n", ""]}) -> tensor<?x7xf32> {
  %w = nn.constant dense<2.0> : tensor<7x5xf32>
  %c = nn.constant dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]> : tensor<7xf32>
  %0 = nn.gemm %x, %w C(%c) {transB = 1 : i64} : (tensor<?x5xf32>, tensor<7x5xf32>, tensor<7xf32>) -> tensor<?x7xf32>
  return %0 : tensor<?x7xf32>
}

// -----

// What was transposed for a product is packed from its source.
// CHECK-LABEL: func.func @scores
// CHECK-SAME:    %[[Q:.*]]: tensor<2x6x8xf32>{{.*}}, %[[K:.*]]: tensor<2x9x8xf32>
// CHECK:         %[[P:.*]] = kern.pack ins(%[[K]] {{.*}} permutation [0, 2, 1] batch 1
// CHECK:         kern.contract {{.*}} ins(%[[Q]], %[[P]] {{.*}} packed
// CHECK-NOT:     linalg.transpose
func.func @scores(%q: tensor<2x6x8xf32>, %k: tensor<2x9x8xf32>) -> tensor<2x6x9xf32> {
  %t = nn.transpose %k {perm = array<i64: 0, 2, 1>} : (tensor<2x9x8xf32>) -> tensor<2x8x9xf32>
  %0 = nn.matmul %q, %t : (tensor<2x6x8xf32>, tensor<2x8x9xf32>) -> tensor<2x6x9xf32>
  return %0 : tensor<2x6x9xf32>
}

// -----

// There are no kernels for integers.
// CHECK-LABEL: func.func @integers
// CHECK-NOT:     kern.contract
// CHECK:         linalg.generic
// CHECK:           arith.muli
func.func @integers(%a: tensor<2x3xi32>, %b: tensor<3x4xi32>) -> tensor<2x4xi32> {
  %0 = nn.matmul %a, %b : (tensor<2x3xi32>, tensor<3x4xi32>) -> tensor<2x4xi32>
  return %0 : tensor<2x4xi32>
}

// -----

// Softmax over the last axis, or over the channels where they are stored last.
// CHECK-LABEL: func.func @softmax
// CHECK-NOT:     linalg.transpose
// CHECK:         kern.softmax
func.func @softmax(%x: tensor<2x6xf32>) -> tensor<2x6xf32> {
  %0 = nn.softmax %x : (tensor<2x6xf32>) -> tensor<2x6xf32>
  return %0 : tensor<2x6xf32>
}

// -----

// CHECK-LABEL: func.func @softmax_of_another_axis
// CHECK:         linalg.transpose
// CHECK:         kern.softmax
// CHECK:         linalg.transpose
func.func @softmax_of_another_axis(%x: tensor<3x4x6xf32>) -> tensor<3x4x6xf32> {
  %0 = nn.softmax %x {axis = 1 : i64} : (tensor<3x4x6xf32>) -> tensor<3x4x6xf32>
  return %0 : tensor<3x4x6xf32>
}

// -----

// One product for all steps, and one per step.
// CHECK-LABEL: func.func @lstm
// CHECK:         kern.contract {{.*}} outs({{.*}} : tensor<5x2x16xf32>)
// CHECK:         scf.for
// CHECK:           kern.contract {{.*}} outs({{.*}} : tensor<2x16xf32>)
// CHECK:           scf.yield
func.func @lstm(%x: tensor<5x2x3xf32>) -> tensor<1x2x4xf32> {
  %w = nn.constant dense<0.5> : tensor<1x16x3xf32>
  %r = nn.constant dense<0.5> : tensor<1x16x4xf32>
  %y, %h, %c = nn.lstm %x, %w, %r {hidden_size = 4 : i64, resultSegmentSizes = array<i32: 1, 1, 1>} : (tensor<5x2x3xf32>, tensor<1x16x3xf32>, tensor<1x16x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return %h : tensor<1x2x4xf32>
}
