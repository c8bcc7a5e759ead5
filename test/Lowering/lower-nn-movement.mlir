// RUN: secateur-opt %s -lower-nn -split-input-file | FileCheck %s

// Channels-last data is row-major data of another order: transposing it so moves nothing.
// CHECK-LABEL: func.func @into_tokens
// CHECK:         kern.conv
// CHECK-NOT:     linalg.transpose
// CHECK:         tensor.collapse_shape {{.*}} : tensor<1x4x5x16xf32> into tensor<1x20x16xf32>
// CHECK-NOT:     linalg.transpose
// CHECK:         return
func.func @into_tokens(%x: tensor<1x3x8x10xf32>) -> tensor<1x20x16xf32> {
  %w = nn.constant dense<1.0> : tensor<16x3x2x2xf32>
  %shape = nn.constant dense<[1, 16, 20]> : tensor<3xi64>
  %0 = nn.conv %x, %w {strides = array<i64: 2, 2>} : (tensor<1x3x8x10xf32>, tensor<16x3x2x2xf32>) -> tensor<1x16x4x5xf32>
  %1 = nn.reshape %0, %shape : (tensor<1x16x4x5xf32>, tensor<3xi64>) -> tensor<1x16x20xf32>
  %2 = nn.transpose %1 {perm = array<i64: 0, 2, 1>} : (tensor<1x16x20xf32>) -> tensor<1x20x16xf32>
  return %2 : tensor<1x20x16xf32>
}

// -----

// Another order does move.
// CHECK-LABEL: func.func @other_order
// CHECK:         kern.conv
// CHECK:         linalg.transpose
func.func @other_order(%x: tensor<1x3x8x10xf32>) -> tensor<1x5x16x4xf32> {
  %w = nn.constant dense<1.0> : tensor<16x3x2x2xf32>
  %0 = nn.conv %x, %w {strides = array<i64: 2, 2>} : (tensor<1x3x8x10xf32>, tensor<16x3x2x2xf32>) -> tensor<1x16x4x5xf32>
  %1 = nn.transpose %0 {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x16x4x5xf32>) -> tensor<1x5x16x4xf32>
  return %1 : tensor<1x5x16x4xf32>
}

// -----

// Parts are written where they belong.
// CHECK-LABEL: func.func @concat
// CHECK-SAME:    %[[X:.*]]: tensor<2x3xf32>{{.*}}, %[[Y:.*]]: tensor<2x4xf32>
// CHECK:         %[[E:.*]] = tensor.empty() : tensor<2x7xf32>
// CHECK:         %[[A:.*]] = tensor.insert_slice %[[X]] into %[[E]][0, 0] [2, 3] [1, 1]
// CHECK:         tensor.insert_slice %[[Y]] into %[[A]][0, 3] [2, 4] [1, 1]
func.func @concat(%x: tensor<2x3xf32>, %y: tensor<2x4xf32>) -> tensor<2x7xf32> {
  %0 = nn.concat %x, %y {axis = 1 : i64} : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<2x7xf32>
  return %0 : tensor<2x7xf32>
}

// -----

// CHECK-LABEL: func.func @forward_slice
// CHECK:         tensor.extract_slice %{{.*}}[0, 1] [2, 2] [1, 2]
func.func @forward_slice(%x: tensor<2x6xf32>) -> tensor<2x2xf32> {
  %starts = nn.constant dense<1> : tensor<1xi64>
  %ends = nn.constant dense<5> : tensor<1xi64>
  %steps = nn.constant dense<2> : tensor<1xi64>
  %0 = nn.slice %x, %starts, %ends axes(%starts) steps(%steps) : (tensor<2x6xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// -----

// Backwards every element is read by itself.
// CHECK-LABEL: func.func @backward_slice
// CHECK-NOT:     tensor.extract_slice
// CHECK:         linalg.generic
// CHECK:           tensor.extract
func.func @backward_slice(%x: tensor<2x6xf32>) -> tensor<2x6xf32> {
  %axes = nn.constant dense<1> : tensor<1xi64>
  %starts = nn.constant dense<-1> : tensor<1xi64>
  %ends = nn.constant dense<-100> : tensor<1xi64>
  %0 = nn.slice %x, %starts, %ends axes(%axes) steps(%starts) : (tensor<2x6xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<2x6xf32>
  return %0 : tensor<2x6xf32>
}

// -----

// A whole factor repeats elements, without an index being computed.
// CHECK-LABEL: func.func @upsample
// CHECK:         linalg.generic {{.*}} outs(%{{.*}} : tensor<1x4x2x5x2x3xf32>)
// CHECK-NOT:     tensor.extract %
// CHECK:         tensor.collapse_shape {{.*}} into tensor<1x8x10x3xf32>
func.func @upsample(%x: tensor<1x3x4x5xf32>) -> tensor<1x3x8x10xf32> {
  %scales = nn.constant dense<[1.0, 1.0, 2.0, 2.0]> : tensor<4xf32>
  %0 = nn.resize %x scales(%scales) {coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"} : (tensor<1x3x4x5xf32>, tensor<4xf32>) -> tensor<1x3x8x10xf32>
  return %0 : tensor<1x3x8x10xf32>
}

// -----

// Rounding otherwise takes other elements.
// CHECK-LABEL: func.func @upsample_by_table
// CHECK:         tensor.extract %
func.func @upsample_by_table(%x: tensor<1x3x4x5xf32>) -> tensor<1x3x8x10xf32> {
  %scales = nn.constant dense<[1.0, 1.0, 2.0, 2.0]> : tensor<4xf32>
  %0 = nn.resize %x scales(%scales) {coordinate_transformation_mode = "asymmetric", nearest_mode = "ceil"} : (tensor<1x3x4x5xf32>, tensor<4xf32>) -> tensor<1x3x8x10xf32>
  return %0 : tensor<1x3x8x10xf32>
}
