// RUN: secateur-opt %s -prune-score | FileCheck %s

// The norm over rows of w and columns of v; activations and what keeps its value do not count.
// CHECK-LABEL: @rows_and_columns
func.func @rows_and_columns(%x: tensor<1x1xf32>, %y: tensor<1x2xf32>) {
  %w = nn.constant dense<[[3.0], [1.0]]> : tensor<2x1xf32> initializer
  %v = nn.constant dense<[[4.0, 0.0]]> : tensor<1x2xf32> initializer
  %variance = nn.constant dense<[7.0, 7.0]> : tensor<2xf32> initializer
  // CHECK: prune.group "w:0"
  // CHECK-SAME: prune.scores = array<f64: 5.000000e+00, 1.000000e+00>
  prune.group "w:0" units(2) (%w[0: 0 by 1], %v[1: 0 by 1], %y[1: 0 by 1], %variance[0: 0 by 1] keeps_value)
    : tensor<2x1xf32>, tensor<1x2xf32>, tensor<1x2xf32>, tensor<2xf32>
  return
}

// Boxes over two axes; splats; 16-bit floats.
// CHECK-LABEL: @boxes
func.func @boxes() {
  %w = nn.constant dense<[[1.0, 2.0], [1.0, 2.0], [3.0, 4.0], [0.0, 0.0]]> : tensor<4x2xf16> initializer
  %s = nn.constant dense<2.0> : tensor<4xbf16> initializer
  // Unit 2 is rows 2 and 3 of column 0, and element 2 of the splat: 9 + 0 + 4.
  // CHECK: prune.scores = array<f64: 2.4494897427831779, 3.4641016151377544, 3.6055512754639891, 4.4721359549995796>
  prune.group "w:1" units(4) balanced(2) (%w[0: (u / 2 mod 2) 0 by 2, 1: (u / 1 mod 2) 0 by 1], %s[0: 0 by 1])
    : tensor<4x2xf16>, tensor<4xbf16>
  return
}

// Weights that a shape and a value make are read too.
// CHECK-LABEL: @constant_of_shape
func.func @constant_of_shape() {
  %shape = nn.constant dense<[2, 4]> : tensor<2xi64> initializer
  %w = nn.constant_of_shape %shape {value = dense<0.5> : tensor<1xf32>} : (tensor<2xi64>) -> tensor<2x4xf32>
  // CHECK: prune.scores = array<f64: 1.000000e+00, 1.000000e+00>
  prune.group "w:0" units(2) (%w[0: 0 by 1]) : tensor<2x4xf32>
  return
}
