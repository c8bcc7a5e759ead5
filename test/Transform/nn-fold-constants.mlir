// RUN: secateur-opt %s --nn-fold-constants --split-input-file | FileCheck %s
// RUN: secateur-opt %s -nn-fold-constants=max-growth=0 -split-input-file | FileCheck %s --check-prefix=TIGHT

// CHECK-LABEL: @arithmetic
func.func @arithmetic() -> tensor<2xf32> {
  // CHECK-NEXT: %[[C:.*]] = nn.constant dense<[5.000000e-01, 2.000000e+00]> : tensor<2xf32>
  // CHECK-NEXT: return %[[C]]
  %a = nn.constant dense<[1.0, 4.0]> : tensor<2xf32>
  %b = nn.constant dense<2.0> : tensor<f32>
  %0 = nn.div %a, %b : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// Integer division truncates toward zero.
// CHECK-LABEL: @integer_division
func.func @integer_division() -> tensor<2xi64> {
  // CHECK: nn.constant dense<[-3, 3]> : tensor<2xi64>
  %a = nn.constant dense<[-7, 7]> : tensor<2xi64>
  %b = nn.constant dense<2> : tensor<i64>
  %0 = nn.div %a, %b : (tensor<2xi64>, tensor<i64>) -> tensor<2xi64>
  return %0 : tensor<2xi64>
}

// -----

// CHECK-LABEL: @movement
func.func @movement() -> (tensor<2x3xf32>, tensor<1x2xf32>, tensor<2x2xf32>) {
  // CHECK-DAG: nn.constant dense<{{\[\[}}1.000000e+00, 3.000000e+00, 5.000000e+00], [2.000000e+00, 4.000000e+00, 6.000000e+00]]>
  // CHECK-DAG: nn.constant dense<{{\[\[}}5.000000e+00, 6.000000e+00]]>
  // CHECK-DAG: nn.constant dense<{{\[\[}}5.000000e+00, 6.000000e+00], [1.000000e+00, 2.000000e+00]]>
  %x = nn.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %0 = nn.transpose %x {perm = array<i64: 1, 0>} : (tensor<3x2xf32>) -> tensor<2x3xf32>
  %i = nn.constant dense<[-1]> : tensor<1xi64>
  %1 = nn.gather %x, %i : (tensor<3x2xf32>, tensor<1xi64>) -> tensor<1x2xf32>
  %start = nn.constant dense<[2]> : tensor<1xi64>
  %end = nn.constant dense<[-9223372036854775807]> : tensor<1xi64>
  %axis = nn.constant dense<[0]> : tensor<1xi64>
  %step = nn.constant dense<[-2]> : tensor<1xi64>
  %2 = nn.slice %x, %start, %end axes(%axis) steps(%step) : (tensor<3x2xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<2x2xf32>
  return %0, %1, %2 : tensor<2x3xf32>, tensor<1x2xf32>, tensor<2x2xf32>
}

// -----

// A uniform tensor stays one number, however large.
// CHECK-LABEL: @uniform
func.func @uniform() -> tensor<4096x25088xf32> {
  // CHECK-NEXT: nn.constant dense<2.000000e-02> : tensor<4096x25088xf32>
  %s = nn.constant dense<[4096, 25088]> : tensor<2xi64>
  %0 = nn.constant_of_shape %s {value = dense<0.02> : tensor<1xf32>} : (tensor<2xi64>) -> tensor<4096x25088xf32>
  return %0 : tensor<4096x25088xf32>
}

// -----

// The shape of a static tensor is known, and what is computed from it.
// CHECK-LABEL: @shape_of_static
func.func @shape_of_static(%x: tensor<2x3xf32>) -> tensor<6xf32> {
  // CHECK: %[[S:.*]] = nn.constant dense<6> : tensor<1xi64>
  // CHECK: nn.reshape %{{.*}}, %[[S]]
  %0 = nn.shape %x : (tensor<2x3xf32>) -> tensor<2xi64>
  %axis = nn.constant dense<0> : tensor<1xi64>
  %1 = nn.reduce_prod %0 axes(%axis) : (tensor<2xi64>, tensor<1xi64>) -> tensor<1xi64>
  %2 = nn.reshape %x, %1 : (tensor<2x3xf32>, tensor<1xi64>) -> tensor<6xf32>
  return %2 : tensor<6xf32>
}

// -----

// CHECK-LABEL: @branch
func.func @branch(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-NOT: nn.if
  // CHECK: nn.relu
  %c = nn.constant dense<true> : tensor<i1>
  %0 = nn.if %c : (tensor<i1>) -> tensor<4xf32> else_branch {
    nn.yield %x : tensor<4xf32>
  } then_branch {
    %1 = nn.relu %x : (tensor<4xf32>) -> tensor<4xf32>
    nn.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

// A condition that the input decides.
// CHECK-LABEL: @keep_branch
func.func @keep_branch(%c: tensor<i1>, %x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: nn.if
  %0 = nn.if %c : (tensor<i1>) -> tensor<4xf32> else_branch {
    nn.yield %x : tensor<4xf32>
  } then_branch {
    %1 = nn.relu %x : (tensor<4xf32>) -> tensor<4xf32>
    nn.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

// A large result that is not uniform is left to the run time.
// CHECK-LABEL: @keep_large
func.func @keep_large() -> tensor<1024x1024x2xf32> {
  // CHECK: nn.expand
  %x = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %s = nn.constant dense<[1024, 1024, 2]> : tensor<3xi64>
  %0 = nn.expand %x, %s : (tensor<2xf32>, tensor<3xi64>) -> tensor<1024x1024x2xf32>
  return %0 : tensor<1024x1024x2xf32>
}

// -----

// Division by zero is the run time's matter.
// CHECK-LABEL: @keep_division_by_zero
func.func @keep_division_by_zero() -> tensor<i64> {
  // CHECK: nn.div
  %a = nn.constant dense<1> : tensor<i64>
  %b = nn.constant dense<0> : tensor<i64>
  %0 = nn.div %a, %b : (tensor<i64>, tensor<i64>) -> tensor<i64>
  return %0 : tensor<i64>
}

// -----

// Weights that are stored as bytes are widened here, however large, and not in each run;
// what has more elements than its operands is not made.
// TIGHT-LABEL: @widen
func.func @widen(%x: tensor<1x6xf32>) -> (tensor<6x2xf32>, tensor<4x6x2xf32>) {
  // TIGHT-DAG: %[[W:.*]] = nn.constant dense<{{.*}}5.000000e-01, 2.000000e+00{{.*}}> : tensor<6x2xf32>
  // TIGHT-DAG: %[[E:.*]] = nn.expand %[[W]]
  // TIGHT: return %[[W]], %[[E]]
  %w = nn.constant dense<[[1, 2], [3, 4], [5, 6], [7, 8], [9, 10], [11, 12]]> : tensor<6x2xi8>
  %s = nn.constant dense<[0.5, 1.0]> : tensor<2xf32>
  %shape = nn.constant dense<[4, 6, 2]> : tensor<3xi64>
  %0 = nn.cast %w {to = 1 : i64} : (tensor<6x2xi8>) -> tensor<6x2xf32>
  %1 = nn.mul %0, %s : (tensor<6x2xf32>, tensor<2xf32>) -> tensor<6x2xf32>
  %2 = nn.expand %1, %shape : (tensor<6x2xf32>, tensor<3xi64>) -> tensor<4x6x2xf32>
  return %1, %2 : tensor<6x2xf32>, tensor<4x6x2xf32>
}
