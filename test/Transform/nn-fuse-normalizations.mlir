// RUN: secateur-opt %s --nn-fuse-normalizations --split-input-file | FileCheck %s

// CHECK-LABEL: @layer_norm
func.func @layer_norm(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK-DAG: %[[S:.*]] = nn.constant dense<2.000000e+00> : tensor<8xf32>
  // CHECK-DAG: %[[B:.*]] = nn.constant dense<3.000000e+00> : tensor<8xf32>
  // CHECK: %[[Y:.*]] = nn.layer_normalization %{{.*}}, %[[S]] B(%[[B]])
  // CHECK-SAME: epsilon = 1.000000e-01
  // CHECK: return %[[Y]]
  %axes = nn.constant dense<-1> : tensor<1xi64>
  %two = nn.constant dense<2.0> : tensor<f32>
  %epsilon = nn.constant dense<0.1> : tensor<f32>
  %scale = nn.constant dense<2.0> : tensor<8xf32>
  %bias = nn.constant dense<3.0> : tensor<8xf32>
  %mean = nn.reduce_mean %x axes(%axes) : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %d = nn.sub %x, %mean : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %q = nn.pow %d, %two : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
  %v = nn.reduce_mean %q axes(%axes) : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %a = nn.add %v, %epsilon : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
  %r = nn.sqrt %a : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %n = nn.div %d, %r : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %m = nn.mul %n, %scale : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %y = nn.add %m, %bias : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// The variance is of x itself, not of x - mean: not a layer norm.
// CHECK-LABEL: @keep_raw_second_moment
func.func @keep_raw_second_moment(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK-NOT: nn.layer_normalization
  %axes = nn.constant dense<-1> : tensor<1xi64>
  %two = nn.constant dense<2.0> : tensor<f32>
  %epsilon = nn.constant dense<0.1> : tensor<f32>
  %mean = nn.reduce_mean %x axes(%axes) : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %d = nn.sub %x, %mean : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %q = nn.pow %x, %two : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
  %v = nn.reduce_mean %q axes(%axes) : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %a = nn.add %v, %epsilon : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
  %r = nn.sqrt %a : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %n = nn.div %d, %r : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  return %n : tensor<?x8xf32>
}

// -----

// The mean is over rows.
// CHECK-LABEL: @keep_other_axis
func.func @keep_other_axis(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // CHECK-NOT: nn.layer_normalization
  %axes = nn.constant dense<0> : tensor<1xi64>
  %epsilon = nn.constant dense<0.1> : tensor<f32>
  %mean = nn.reduce_mean %x axes(%axes) : (tensor<4x8xf32>, tensor<1xi64>) -> tensor<1x8xf32>
  %d = nn.sub %x, %mean : (tensor<4x8xf32>, tensor<1x8xf32>) -> tensor<4x8xf32>
  %q = nn.mul %d, %d : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %v = nn.reduce_mean %q axes(%axes) : (tensor<4x8xf32>, tensor<1xi64>) -> tensor<1x8xf32>
  %a = nn.add %v, %epsilon : (tensor<1x8xf32>, tensor<f32>) -> tensor<1x8xf32>
  %r = nn.sqrt %a : (tensor<1x8xf32>) -> tensor<1x8xf32>
  %n = nn.div %d, %r : (tensor<4x8xf32>, tensor<1x8xf32>) -> tensor<4x8xf32>
  return %n : tensor<4x8xf32>
}
