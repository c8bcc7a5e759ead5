// RUN: secateur-opt %s -prune-analyze -split-input-file | FileCheck %s

// The stream of a norm can leave: scale and bias zero what the norm makes of it.
// CHECK-LABEL: @layer_norm
func.func @layer_norm(%x: tensor<?x3xf32> {nn.name = "x", nn.dims = ["n", ""]}) -> (tensor<?x2xf32> {nn.name = "y"}) {
  %w = nn.constant dense<1.0> : tensor<3x8xf32> initializer loc("w")
  %s = nn.constant dense<2.0> : tensor<8xf32> initializer loc("s")
  %b = nn.constant dense<3.0> : tensor<8xf32> initializer loc("b")
  %v = nn.constant dense<1.0> : tensor<8x2xf32> initializer loc("v")
  %0 = nn.matmul %x, %w : (tensor<?x3xf32>, tensor<3x8xf32>) -> tensor<?x8xf32>
  %1 = nn.layer_normalization %0, %s B(%b) {resultSegmentSizes = array<i32: 1, 0, 0>} : (tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %2 = nn.matmul %1, %v : (tensor<?x8xf32>, tensor<8x2xf32>) -> tensor<?x2xf32>
  // CHECK: prune.group "w:1" units(8) (%{{.*}}[1: 0 by 1], %{{.*}}[0: 0 by 1], %{{.*}}[0: 0 by 1], %{{.*}}[0: 0 by 1],
  return %2 : tensor<?x2xf32>
}

// -----

// Near miss: the exponential of an erased zero is one, which the norm counts.
// CHECK-LABEL: @layer_norm_of_ones
func.func @layer_norm_of_ones(%x: tensor<?x3xf32> {nn.name = "x", nn.dims = ["n", ""]}) -> (tensor<?x2xf32> {nn.name = "y"}) {
  %w = nn.constant dense<1.0> : tensor<3x8xf32> initializer loc("w")
  %s = nn.constant dense<2.0> : tensor<8xf32> initializer loc("s")
  %v = nn.constant dense<1.0> : tensor<8x2xf32> initializer loc("v")
  %0 = nn.matmul %x, %w : (tensor<?x3xf32>, tensor<3x8xf32>) -> tensor<?x8xf32>
  %1 = nn.exp %0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %2 = nn.layer_normalization %1, %s {resultSegmentSizes = array<i32: 1, 0, 0>} : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32> loc("norm")
  %3 = nn.matmul %2, %v : (tensor<?x8xf32>, tensor<8x2xf32>) -> tensor<?x2xf32>
  // CHECK: prune.pin %{{.*}} axis 1 "erased positions that the norm counts do not hold zero" by "LayerNormalization 'norm'"
  return %3 : tensor<?x2xf32>
}

// -----

// Near miss: what is counted beside the channels depends on the input.
// CHECK-LABEL: @mean_over_space
func.func @mean_over_space(%x: tensor<1x3x?x?xf32> {nn.name = "x", nn.dims = ["", "", "h", "w"]}) -> (tensor<1xf32> {nn.name = "y"}) {
  %w = nn.constant dense<1.0> : tensor<8x3x1x1xf32> initializer loc("w")
  %axes = nn.constant dense<[1, 2, 3]> : tensor<3xi64>
  %0 = nn.conv %x, %w : (tensor<1x3x?x?xf32>, tensor<8x3x1x1xf32>) -> tensor<1x8x?x?xf32>
  %1 = nn.reduce_mean %0 axes(%axes) {keepdims = 0 : i64} : (tensor<1x8x?x?xf32>, tensor<3xi64>) -> tensor<1xf32> loc("mean")
  // CHECK: prune.pin %{{.*}} axis 0 "the mean counts positions whose number depends on the input" by "ReduceMean 'mean'"
  return %1 : tensor<1xf32>
}

// -----

// Groups, and a channel of each group.
// CHECK-LABEL: @group_norm
func.func @group_norm(%x: tensor<1x3x4x4xf32> {nn.name = "x"}) -> (tensor<1x2x4x4xf32> {nn.name = "y"}) {
  %w = nn.constant dense<1.0> : tensor<8x3x1x1xf32> initializer loc("w")
  %s = nn.constant dense<2.0> : tensor<8xf32> initializer loc("s")
  %b = nn.constant dense<3.0> : tensor<8xf32> initializer loc("b")
  %v = nn.constant dense<1.0> : tensor<2x8x1x1xf32> initializer loc("v")
  %0 = nn.conv %x, %w : (tensor<1x3x4x4xf32>, tensor<8x3x1x1xf32>) -> tensor<1x8x4x4xf32>
  %1 = nn.group_normalization %0, %s, %b {num_groups = 2 : i64} : (tensor<1x8x4x4xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<1x8x4x4xf32>
  %2 = nn.conv %1, %v : (tensor<1x8x4x4xf32>, tensor<2x8x1x1xf32>) -> tensor<1x2x4x4xf32>
  // CHECK-DAG: prune.group "w:0" units(2) (%{{.*}}[0: 0 by 4]
  // CHECK-DAG: prune.group "w:0#1" units(8) balanced(2) (%{{.*}}[0: 0 by 1]
  return %2 : tensor<1x2x4x4xf32>
}

// -----

// No element is negative, so that zeros are no maximum of their own.
// CHECK-LABEL: @maximum_of_relu
func.func @maximum_of_relu(%x: tensor<1x3x4x4xf32> {nn.name = "x"}) -> (tensor<1x1x4x4xf32> {nn.name = "y"}) {
  %w = nn.constant dense<1.0> : tensor<8x3x1x1xf32> initializer loc("w")
  %axes = nn.constant dense<1> : tensor<1xi64>
  %0 = nn.conv %x, %w : (tensor<1x3x4x4xf32>, tensor<8x3x1x1xf32>) -> tensor<1x8x4x4xf32>
  %1 = nn.relu %0 : (tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32>
  %2 = nn.reduce_max %1 axes(%axes) : (tensor<1x8x4x4xf32>, tensor<1xi64>) -> tensor<1x1x4x4xf32> loc("max")
  // CHECK: prune.group "w:0" units(8)
  return %2 : tensor<1x1x4x4xf32>
}

// -----

// What a choice takes where it is more than zero, and zero elsewhere.
// CHECK-LABEL: @maximum_of_chosen
func.func @maximum_of_chosen(%x: tensor<1x3x4x4xf32> {nn.name = "x"}) -> (tensor<1x1x4x4xf32> {nn.name = "y"}) {
  %w = nn.constant dense<1.0> : tensor<8x3x1x1xf32> initializer loc("w")
  %axes = nn.constant dense<1> : tensor<1xi64>
  %zero = nn.constant dense<0.0> : tensor<f32>
  %0 = nn.conv %x, %w : (tensor<1x3x4x4xf32>, tensor<8x3x1x1xf32>) -> tensor<1x8x4x4xf32>
  %more = nn.greater %0, %zero : (tensor<1x8x4x4xf32>, tensor<f32>) -> tensor<1x8x4x4xi1>
  %1 = nn.where %more, %0, %zero : (tensor<1x8x4x4xi1>, tensor<1x8x4x4xf32>, tensor<f32>) -> tensor<1x8x4x4xf32>
  %2 = nn.reduce_max %1 axes(%axes) : (tensor<1x8x4x4xf32>, tensor<1xi64>) -> tensor<1x1x4x4xf32> loc("max")
  // CHECK: prune.group "w:0" units(8)
  return %2 : tensor<1x1x4x4xf32>
}

// -----

// Near miss: more than something negative.
// CHECK-LABEL: @maximum_of_more
func.func @maximum_of_more(%x: tensor<1x3x4x4xf32> {nn.name = "x"}) -> (tensor<1x1x4x4xf32> {nn.name = "y"}) {
  %w = nn.constant dense<1.0> : tensor<8x3x1x1xf32> initializer loc("w")
  %axes = nn.constant dense<1> : tensor<1xi64>
  %zero = nn.constant dense<0.0> : tensor<f32>
  %low = nn.constant dense<-1.0> : tensor<f32>
  %0 = nn.conv %x, %w : (tensor<1x3x4x4xf32>, tensor<8x3x1x1xf32>) -> tensor<1x8x4x4xf32>
  %more = nn.greater %0, %low : (tensor<1x8x4x4xf32>, tensor<f32>) -> tensor<1x8x4x4xi1>
  %1 = nn.where %more, %0, %zero : (tensor<1x8x4x4xi1>, tensor<1x8x4x4xf32>, tensor<f32>) -> tensor<1x8x4x4xf32>
  %2 = nn.reduce_max %1 axes(%axes) : (tensor<1x8x4x4xf32>, tensor<1xi64>) -> tensor<1x1x4x4xf32> loc("max")
  // CHECK: prune.pin %{{.*}} axis 0 "the value of a removed position may be the result" by "ReduceMax 'max'"
  return %2 : tensor<1x1x4x4xf32>
}

// -----

// Near miss: tanh keeps zero, and may be negative.
// CHECK-LABEL: @maximum_of_tanh
func.func @maximum_of_tanh(%x: tensor<1x3x4x4xf32> {nn.name = "x"}) -> (tensor<1x1x4x4xf32> {nn.name = "y"}) {
  %w = nn.constant dense<1.0> : tensor<8x3x1x1xf32> initializer loc("w")
  %axes = nn.constant dense<1> : tensor<1xi64>
  %0 = nn.conv %x, %w : (tensor<1x3x4x4xf32>, tensor<8x3x1x1xf32>) -> tensor<1x8x4x4xf32>
  %1 = nn.tanh %0 : (tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32>
  %2 = nn.reduce_max %1 axes(%axes) : (tensor<1x8x4x4xf32>, tensor<1xi64>) -> tensor<1x1x4x4xf32> loc("max")
  // CHECK: prune.pin %{{.*}} axis 0 "the value of a removed position may be the result" by "ReduceMax 'max'"
  return %2 : tensor<1x1x4x4xf32>
}

// -----

// exp(0) is one, and multiplying by it changes nothing.
// CHECK-LABEL: @product_of_ones
func.func @product_of_ones(%x: tensor<?x3xf32> {nn.name = "x", nn.dims = ["n", ""]}) -> (tensor<?x1xf32> {nn.name = "y"}) {
  %w = nn.constant dense<1.0> : tensor<3x8xf32> initializer loc("w")
  %axes = nn.constant dense<1> : tensor<1xi64>
  %0 = nn.matmul %x, %w : (tensor<?x3xf32>, tensor<3x8xf32>) -> tensor<?x8xf32>
  %1 = nn.exp %0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %2 = nn.reduce_prod %1 axes(%axes) : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  // CHECK: prune.group "w:1" units(8)
  return %2 : tensor<?x1xf32>
}

// -----

// Near miss: zeros would make the product zero.
// CHECK-LABEL: @product_of_zeros
func.func @product_of_zeros(%x: tensor<?x3xf32> {nn.name = "x", nn.dims = ["n", ""]}) -> (tensor<?x1xf32> {nn.name = "y"}) {
  %w = nn.constant dense<1.0> : tensor<3x8xf32> initializer loc("w")
  %axes = nn.constant dense<1> : tensor<1xi64>
  %0 = nn.matmul %x, %w : (tensor<?x3xf32>, tensor<3x8xf32>) -> tensor<?x8xf32>
  %1 = nn.reduce_prod %0 axes(%axes) : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1xf32> loc("product")
  // CHECK: prune.pin %{{.*}} axis 1 "erased positions that are multiplied do not hold one" by "ReduceProd 'product'"
  return %1 : tensor<?x1xf32>
}
