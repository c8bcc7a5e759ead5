// RUN: secateur-opt %s -prune-apply -split-input-file | FileCheck %s
// RUN: secateur-opt %s -prune-apply=zero=true -split-input-file | FileCheck %s --check-prefix=ZERO

// Rows of one weight, columns of the next; types follow; groups are gone.
// CHECK-LABEL: @chain
// ZERO-LABEL: @chain
func.func @chain(%x: tensor<?x2xf32> {nn.name = "x"}) -> (tensor<?x2xf32> {nn.name = "y"}) {
  // CHECK: nn.constant dense<{{\[\[}}1.000000e+00, 3.000000e+00], [4.000000e+00, 6.000000e+00]]> : tensor<2x2xf32> initializer
  // ZERO: nn.constant dense<{{\[\[}}1.000000e+00, 0.000000e+00, 3.000000e+00], [4.000000e+00, 0.000000e+00, 6.000000e+00]]> : tensor<2x3xf32> initializer
  %w = nn.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32> initializer
  // CHECK: nn.constant dense<{{\[\[}}1.000000e+00, 2.000000e+00], [5.000000e+00, 6.000000e+00]]> : tensor<2x2xf32> initializer
  // ZERO: nn.constant dense<{{\[\[}}1.000000e+00, 2.000000e+00], [0.000000e+00, 0.000000e+00], [5.000000e+00, 6.000000e+00]]> : tensor<3x2xf32> initializer
  %v = nn.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32> initializer
  // A divisor keeps its value in the proof.
  // CHECK: nn.constant dense<[7.000000e+00, 9.000000e+00]> : tensor<2xf32> initializer
  // ZERO: nn.constant dense<[7.000000e+00, 8.000000e+00, 9.000000e+00]> : tensor<3xf32> initializer
  %d = nn.constant dense<[7.0, 8.0, 9.0]> : tensor<3xf32> initializer
  // CHECK: nn.matmul %{{.*}} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  // ZERO: nn.matmul %{{.*}} : (tensor<?x2xf32>, tensor<2x3xf32>) -> tensor<?x3xf32>
  %a = nn.matmul %x, %w : (tensor<?x2xf32>, tensor<2x3xf32>) -> tensor<?x3xf32>
  %b = nn.div %a, %d : (tensor<?x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  %y = nn.matmul %b, %v : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
  // CHECK-NOT: prune.
  // ZERO-NOT: prune.
  prune.group "w:1" units(3) (%w[1: 0 by 1], %v[0: 0 by 1], %d[0: 0 by 1] keeps_value, %a[1: 0 by 1], %b[1: 0 by 1])
    {prune.removed = array<i64: 1>}
    : tensor<2x3xf32>, tensor<3x2xf32>, tensor<3xf32>, tensor<?x3xf32>, tensor<?x3xf32>
  return %y : tensor<?x2xf32>
}

// -----

// A depthwise convolution names its channels in an attribute.
// CHECK-LABEL: @depthwise
func.func @depthwise(%x: tensor<1x3x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %p = nn.constant dense<1.0> : tensor<4x3x1x1xf32> initializer
  %w = nn.constant dense<[[[[1.0]]], [[[2.0]]], [[[3.0]]], [[[4.0]]]]> : tensor<4x1x1x1xf32> initializer
  %q = nn.constant dense<1.0> : tensor<1x4x1x1xf32> initializer
  // CHECK: nn.conv {{.*}} -> tensor<1x3x4x4xf32>
  %a = nn.conv %x, %p : (tensor<1x3x4x4xf32>, tensor<4x3x1x1xf32>) -> tensor<1x4x4x4xf32>
  // CHECK: nn.conv {{.*}} {group = 3 : i64} {{.*}} -> tensor<1x3x4x4xf32>
  %b = nn.conv %a, %w {group = 4 : i64} : (tensor<1x4x4x4xf32>, tensor<4x1x1x1xf32>) -> tensor<1x4x4x4xf32>
  %c = nn.conv %b, %q : (tensor<1x4x4x4xf32>, tensor<1x4x1x1xf32>) -> tensor<1x1x4x4xf32>
  prune.group "p:0" units(4) (%p[0: 0 by 1], %w[0: 0 by 1], %q[1: 0 by 1], %a[1: 0 by 1], %b[1: 0 by 1])
    {prune.removed = array<i64: 2>}
    : tensor<4x3x1x1xf32>, tensor<4x1x1x1xf32>, tensor<1x4x1x1xf32>, tensor<1x4x4x4xf32>, tensor<1x4x4x4xf32>
  return %c : tensor<1x1x4x4xf32>
}

// -----

// The in-side of a grouped convolution: one channel of each group, not the same
// one, and the group count stays.
// CHECK-LABEL: @grouped
func.func @grouped(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32> {
  // CHECK: nn.constant dense<{{.*}}1.000000e+00{{.*}}4.000000e+00{{.*}}> : tensor<2x1x1x1xf32>
  %p = nn.constant dense<[[[[1.0]]], [[[2.0]]], [[[3.0]]], [[[4.0]]]]> : tensor<4x1x1x1xf32> initializer
  // CHECK: nn.constant dense<{{\[\[\[\[}}1.000000e+00]]], {{\[\[\[}}4.000000e+00]]]]> : tensor<2x1x1x1xf32>
  %w = nn.constant dense<[[[[1.0]], [[2.0]]], [[[3.0]], [[4.0]]]]> : tensor<2x2x1x1xf32> initializer
  %a = nn.conv %x, %p : (tensor<1x1x4x4xf32>, tensor<4x1x1x1xf32>) -> tensor<1x4x4x4xf32>
  // CHECK: nn.conv {{.*}} {group = 2 : i64}
  %b = nn.conv %a, %w {group = 2 : i64} : (tensor<1x4x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  prune.group "p:0" units(4) balanced(2) (%p[0: 0 by 1], %a[1: 0 by 1], %w[0: (u / 2 mod 2) 0 by 1, 1: (u / 1 mod 2) 0 by 1])
    {prune.removed = array<i64: 1, 2>} : tensor<4x1x1x1xf32>, tensor<1x4x4x4xf32>, tensor<2x2x1x1xf32>
  return %b : tensor<1x2x4x4xf32>
}

// -----

// A reshape target from shape arithmetic: 6 stands for 2 heads of 3, and the same
// constant is an index elsewhere, where it stays.
// CHECK-LABEL: @shared_shape_constant
func.func @shared_shape_constant(%x: tensor<?x4xf32> {nn.name = "x", nn.dims = ["n", ""]}, %table: tensor<9xf32>)
    -> (tensor<?x4xf32>, tensor<1xf32>) {
  %w = nn.constant dense<1.0> : tensor<4x6xf32> initializer
  %v = nn.constant dense<1.0> : tensor<6x4xf32> initializer
  %zero = nn.constant dense<0> : tensor<1xi64>
  // CHECK-DAG: %[[TWO:.*]] = nn.constant dense<2> : tensor<1xi64>
  // CHECK-DAG: %[[ONE:.*]] = nn.constant dense<1> : tensor<1xi64>
  %two = nn.constant dense<2> : tensor<1xi64>
  %three = nn.constant dense<3> : tensor<1xi64>
  %a = nn.matmul %x, %w : (tensor<?x4xf32>, tensor<4x6xf32>) -> tensor<?x6xf32>
  %shape = nn.shape %a : (tensor<?x6xf32>) -> tensor<2xi64>
  %n = nn.gather %shape, %zero : (tensor<2xi64>, tensor<1xi64>) -> tensor<1xi64>
  // CHECK: nn.concat %{{.*}}, %[[ONE]], %{{.*}} {axis = 0 : i64}
  %target = nn.concat %n, %two, %three {axis = 0 : i64} : (tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<3xi64>
  // CHECK: nn.reshape %{{.*}} -> tensor<?x1x3xf32>
  %heads = nn.reshape %a, %target : (tensor<?x6xf32>, tensor<3xi64>) -> tensor<?x2x3xf32>
  %back = nn.constant dense<[0, -1]> : tensor<2xi64>
  %flat = nn.reshape %heads, %back : (tensor<?x2x3xf32>, tensor<2xi64>) -> tensor<?x6xf32>
  %y = nn.matmul %flat, %v : (tensor<?x6xf32>, tensor<6x4xf32>) -> tensor<?x4xf32>
  // CHECK: nn.gather %{{.*}}, %[[TWO]]
  %picked = nn.gather %table, %two : (tensor<9xf32>, tensor<1xi64>) -> tensor<1xf32>
  prune.group "w:1" units(2) (%w[1: 0 by 3], %v[0: 0 by 3], %a[1: 0 by 3], %heads[1: 0 by 1], %flat[1: 0 by 3])
    {prune.removed = array<i64: 1>}
    : tensor<4x6xf32>, tensor<6x4xf32>, tensor<?x6xf32>, tensor<?x2x3xf32>, tensor<?x6xf32>
  return %y, %picked : tensor<?x4xf32>, tensor<1xf32>
}

// -----

// Split sizes, and the ends of slices, of which one means the end and stays.
// CHECK-LABEL: @positions
func.func @positions(%x: tensor<1x1x4x4xf32>) -> (tensor<1x4x4x4xf32>, tensor<1x4x4x4xf32>) {
  %w = nn.constant dense<1.0> : tensor<8x1x1x1xf32> initializer
  %u = nn.constant dense<1.0> : tensor<4x3x1x1xf32> initializer
  %v = nn.constant dense<1.0> : tensor<4x5x1x1xf32> initializer
  // CHECK: nn.constant dense<[2, 4]> : tensor<2xi64>
  %sizes = nn.constant dense<[3, 5]> : tensor<2xi64>
  %one = nn.constant dense<1> : tensor<1xi64>
  %begin = nn.constant dense<0> : tensor<1xi64>
  // CHECK-DAG: %[[START:.*]] = nn.constant dense<2> : tensor<1xi64>
  // CHECK-DAG: %[[END:.*]] = nn.constant dense<9223372036854775807> : tensor<1xi64>
  %start = nn.constant dense<3> : tensor<1xi64>
  %end = nn.constant dense<9223372036854775807> : tensor<1xi64>
  %a = nn.conv %x, %w : (tensor<1x1x4x4xf32>, tensor<8x1x1x1xf32>) -> tensor<1x8x4x4xf32>
  // CHECK: nn.split {{.*}} -> (tensor<1x2x4x4xf32>, tensor<1x4x4x4xf32>)
  %b:2 = nn.split %a split(%sizes) {axis = 1 : i64} : (tensor<1x8x4x4xf32>, tensor<2xi64>) -> (tensor<1x3x4x4xf32>, tensor<1x5x4x4xf32>)
  // CHECK: nn.slice %{{.*}}, %[[START]], %[[END]] axes
  %c = nn.slice %a, %start, %end axes(%one) : (tensor<1x8x4x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x5x4x4xf32>
  %s = nn.add %b#1, %c : (tensor<1x5x4x4xf32>, tensor<1x5x4x4xf32>) -> tensor<1x5x4x4xf32>
  %y = nn.conv %b#0, %u : (tensor<1x3x4x4xf32>, tensor<4x3x1x1xf32>) -> tensor<1x4x4x4xf32>
  %z = nn.conv %s, %v : (tensor<1x5x4x4xf32>, tensor<4x5x1x1xf32>) -> tensor<1x4x4x4xf32>
  prune.group "w:0" units(3) (%w[0: 0 by 1], %u[1: 0 by 1], %a[1: 0 by 1], %b#0[1: 0 by 1]) {prune.removed = array<i64: 0>}
    : tensor<8x1x1x1xf32>, tensor<4x3x1x1xf32>, tensor<1x8x4x4xf32>, tensor<1x3x4x4xf32>
  prune.group "w:0#1" units(5) (%w[0: 3 by 1], %v[1: 0 by 1], %a[1: 3 by 1], %b#1[1: 0 by 1], %c[1: 0 by 1], %s[1: 0 by 1])
    {prune.removed = array<i64: 4>}
    : tensor<8x1x1x1xf32>, tensor<4x5x1x1xf32>, tensor<1x8x4x4xf32>, tensor<1x5x4x4xf32>, tensor<1x5x4x4xf32>, tensor<1x5x4x4xf32>
  return %y, %z : tensor<1x4x4x4xf32>, tensor<1x4x4x4xf32>
}

// -----

// A weight that ConstantOfShape makes shrinks by its shape, and only its own.
// CHECK-LABEL: @constant_of_shape
func.func @constant_of_shape(%x: tensor<1x2xf32>) -> tensor<1x4xf32> {
  // CHECK-DAG: %[[OLD:.*]] = nn.constant dense<4> : tensor<2xi64>
  // CHECK-DAG: %[[NEW:.*]] = nn.constant dense<[3, 4]> : tensor<2xi64>
  %first = nn.constant dense<[2, 4]> : tensor<2xi64> initializer
  %second = nn.constant dense<[4, 4]> : tensor<2xi64> initializer
  %w = nn.constant_of_shape %first {value = dense<0.5> : tensor<1xf32>} : (tensor<2xi64>) -> tensor<2x4xf32>
  // CHECK-DAG: nn.constant_of_shape %[[NEW]]
  // CHECK-DAG: nn.constant_of_shape %[[OLD]]
  %v = nn.constant_of_shape %second {value = dense<0.5> : tensor<1xf32>} : (tensor<2xi64>) -> tensor<4x4xf32>
  %u = nn.constant_of_shape %second {value = dense<0.5> : tensor<1xf32>} : (tensor<2xi64>) -> tensor<4x4xf32>
  %a = nn.matmul %x, %w : (tensor<1x2xf32>, tensor<2x4xf32>) -> tensor<1x4xf32>
  %b = nn.matmul %a, %v : (tensor<1x4xf32>, tensor<4x4xf32>) -> tensor<1x4xf32>
  %c = nn.matmul %b, %u : (tensor<1x4xf32>, tensor<4x4xf32>) -> tensor<1x4xf32>
  prune.group "w:1" units(4) (%w[1: 0 by 1], %v[0: 0 by 1], %a[1: 0 by 1]) {prune.removed = array<i64: 0>}
    : tensor<2x4xf32>, tensor<4x4xf32>, tensor<1x4xf32>
  return %c : tensor<1x4xf32>
}

// -----

// Nothing is removed: nothing changes but the groups.
// CHECK-LABEL: @do_nothing
func.func @do_nothing(%x: tensor<1x2xf32>) -> tensor<1x3xf32> {
  // CHECK: nn.constant dense<1.000000e+00> : tensor<2x3xf32> initializer
  %w = nn.constant dense<1.0> : tensor<2x3xf32> initializer
  %a = nn.matmul %x, %w : (tensor<1x2xf32>, tensor<2x3xf32>) -> tensor<1x3xf32>
  // CHECK-NOT: prune.
  prune.group "w:1" units(3) (%w[1: 0 by 1], %a[1: 0 by 1]) : tensor<2x3xf32>, tensor<1x3xf32>
  return %a : tensor<1x3xf32>
}

// -----

// A table of indices loses a column, and names the positions that are left.
// CHECK-LABEL: @table_of_indices
func.func @table_of_indices(%x: tensor<?x2xf32> {nn.name = "x"}) -> (tensor<?x2x1xf32> {nn.name = "y"}) {
  %w = nn.constant dense<[[0.0, 1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0, 9.0]]> : tensor<2x5xf32> initializer loc("w")
  %v = nn.constant dense<[[1.0], [2.0], [3.0]]> : tensor<3x1xf32> initializer loc("v")
  // CHECK: %[[TABLE:.*]] = nn.constant dense<{{\[\[}}0, 1], [1, 2]]> : tensor<2x2xi64>
  // ZERO: nn.constant dense<{{\[\[}}0, 1, 2], [2, 3, 4]]> : tensor<2x3xi64>
  %table = nn.constant dense<[[0, 1, 2], [2, 3, 4]]> : tensor<2x3xi64> initializer loc("table")
  %a = nn.matmul %x, %w : (tensor<?x2xf32>, tensor<2x5xf32>) -> tensor<?x5xf32>
  // CHECK: nn.gather %{{.*}}, %[[TABLE]] {axis = 1 : i64} : (tensor<?x3xf32>, tensor<2x2xi64>) -> tensor<?x2x2xf32>
  %g = nn.gather %a, %table {axis = 1 : i64} : (tensor<?x5xf32>, tensor<2x3xi64>) -> tensor<?x2x3xf32>
  %y = nn.matmul %g, %v : (tensor<?x2x3xf32>, tensor<3x1xf32>) -> tensor<?x2x1xf32>
  prune.group "w:1" units(2) (%w[1: {[0, 2, 4], [1, 3]}], %v[0: {[0, 2], [1]}], %a[1: {[0, 2, 4], [1, 3]}], %g[2: {[0, 2], [1]}])
    {prune.removed = array<i64: 1>}
    : tensor<2x5xf32>, tensor<3x1xf32>, tensor<?x5xf32>, tensor<?x2x3xf32>
  return %y : tensor<?x2x1xf32>
}
