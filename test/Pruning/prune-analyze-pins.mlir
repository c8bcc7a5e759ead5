// RUN: secateur-opt %s -prune-analyze -mlir-use-nameloc-as-prefix | FileCheck %s

// What stays, and why; beside each case the near miss that may leave.

// CHECK-LABEL: @softmax
func.func @softmax(%x: tensor<?x3xf32> {nn.name = "x"}) -> tensor<?x2xf32> {
  %a = nn.constant dense<1.0> : tensor<3x4xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<4x2xf32> loc("b")
  %0 = nn.matmul %x, %a : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = nn.softmax %0 : (tensor<?x4xf32>) -> tensor<?x4xf32> loc("s")
  %2 = nn.matmul %1, %b : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  // CHECK-NOT: prune.group
  // CHECK: prune.pin %a axis 1 "the operator computes along this axis" by "Softmax 's'"
  return %2 : tensor<?x2xf32>
}

// A sum is exact where what is erased is zero; a sigmoid of it is not zero.
// CHECK-LABEL: @sums
func.func @sums(%x: tensor<?x3xf32> {nn.name = "x"}) -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) {
  %a = nn.constant dense<1.0> : tensor<3x4xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<3x5xf32> loc("b")
  %c = nn.constant dense<1.0> : tensor<3x6xf32> loc("c")
  %d = nn.constant dense<1.0> : tensor<3x7xf32> loc("d")
  %axes = nn.constant dense<1> : tensor<1xi64>
  %one = nn.constant dense<1.0> : tensor<f32>
  %0 = nn.matmul %x, %a : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = nn.relu %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = nn.reduce_sum %1 axes(%axes) {keepdims = 0 : i64} : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?xf32>
  %3 = nn.matmul %x, %b : (tensor<?x3xf32>, tensor<3x5xf32>) -> tensor<?x5xf32>
  %4 = nn.sigmoid %3 : (tensor<?x5xf32>) -> tensor<?x5xf32>
  %5 = nn.reduce_sum %4 axes(%axes) {keepdims = 0 : i64} : (tensor<?x5xf32>, tensor<1xi64>) -> tensor<?xf32> loc("sum")
  %6 = nn.matmul %x, %c : (tensor<?x3xf32>, tensor<3x6xf32>) -> tensor<?x6xf32>
  %7 = nn.reduce_mean %6 axes(%axes) {keepdims = 0 : i64} : (tensor<?x6xf32>, tensor<1xi64>) -> tensor<?xf32> loc("mean")
  // exp(0) - 1 is zero again.
  %8 = nn.matmul %x, %d : (tensor<?x3xf32>, tensor<3x7xf32>) -> tensor<?x7xf32>
  %9 = nn.exp %8 : (tensor<?x7xf32>) -> tensor<?x7xf32>
  %10 = nn.sub %9, %one : (tensor<?x7xf32>, tensor<f32>) -> tensor<?x7xf32>
  %11 = nn.reduce_sum_square %10 axes(%axes) {keepdims = 0 : i64} : (tensor<?x7xf32>, tensor<1xi64>) -> tensor<?xf32>
  // CHECK: prune.group "a:1" units(4)
  // A mean goes on counting what is erased.
  // CHECK: prune.group "c:1" units(6)
  // CHECK: prune.group "d:1" units(7)
  // CHECK-NOT: prune.group
  // CHECK: prune.pin %b axis 1 "erased positions that are summed do not hold zero" by "ReduceSum 'sum'"
  return %2, %5, %7, %11 : tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>
}

// Zeros times infinity: the reciprocal of an erased position is no number.
// CHECK-LABEL: @reciprocal
func.func @reciprocal(%x: tensor<?x3xf32> {nn.name = "x"}) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %a = nn.constant dense<1.0> : tensor<3x4xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<4x2xf32> loc("b")
  %c = nn.constant dense<1.0> : tensor<3x5xf32> loc("c")
  %d = nn.constant dense<1.0> : tensor<5x2xf32> loc("d")
  %epsilon = nn.constant dense<0.1> : tensor<f32>
  %0 = nn.matmul %x, %a : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = nn.reciprocal %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = nn.matmul %1, %b : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32> loc("product")
  // Not with something added.
  %3 = nn.matmul %x, %c : (tensor<?x3xf32>, tensor<3x5xf32>) -> tensor<?x5xf32>
  %4 = nn.add %3, %epsilon : (tensor<?x5xf32>, tensor<f32>) -> tensor<?x5xf32>
  %5 = nn.reciprocal %4 : (tensor<?x5xf32>) -> tensor<?x5xf32>
  %6 = nn.matmul %5, %d : (tensor<?x5xf32>, tensor<5x2xf32>) -> tensor<?x2xf32>
  // CHECK: prune.group "c:1" units(5)
  // CHECK-NOT: prune.group
  // CHECK: prune.pin %a axis 1 "erased positions that are summed over do not hold zero" by "MatMul 'product'"
  return %2, %6 : tensor<?x2xf32>, tensor<?x2xf32>
}

// An operator that nothing is known of pins what it touches, and nothing that
// lies behind the next weight.
// CHECK-LABEL: @unknown_operator
func.func @unknown_operator(%x: tensor<?x3xf32> {nn.name = "x"}) -> tensor<?x2xf32> {
  %a = nn.constant dense<1.0> : tensor<3x4xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<4x5xf32> loc("b")
  %c = nn.constant dense<1.0> : tensor<5x2xf32> loc("c")
  %0 = nn.matmul %x, %a : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = nn.matmul %0, %b : (tensor<?x4xf32>, tensor<4x5xf32>) -> tensor<?x5xf32>
  %2 = nn.custom "com.example" : "Mystery" (%1) {} : (tensor<?x5xf32>) -> tensor<?x5xf32> loc("what")
  %3 = nn.matmul %2, %c : (tensor<?x5xf32>, tensor<5x2xf32>) -> tensor<?x2xf32>
  // CHECK: prune.group "a:1" units(4)
  // CHECK-NOT: prune.group
  // CHECK: prune.pin %b axis 1 "nothing is known of how the operator treats its dimensions" by "Mystery 'what'"
  return %3 : tensor<?x2xf32>
}

// A branch is followed; a loop runs its operations more than once, and is not.
// CHECK-LABEL: @branch
func.func @branch(%x: tensor<?x3xf32> {nn.name = "x"}, %c: tensor<i1> {nn.name = "c"}) -> (tensor<?x2xf32>) {
  %a = nn.constant dense<1.0> : tensor<3x4xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<4x2xf32> loc("b")
  %0 = nn.matmul %x, %a : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = nn.if %c : (tensor<i1>) -> tensor<?x4xf32> else_branch {
    nn.yield %0 : tensor<?x4xf32>
  } then_branch {
    %2 = nn.relu %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
    nn.yield %2 : tensor<?x4xf32>
  } loc("branch")
  %3 = nn.matmul %1, %b : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  // CHECK: nn.if
  // CHECK: %[[inner:.*]] = nn.relu
  // CHECK: prune.members "a:1" (%[[inner]][1: 0 by 1])
  // CHECK: prune.group "a:1" units(4) (%a[1: 0 by 1], %b[0: 0 by 1],
  // CHECK-NOT: prune.pin %a axis 1
  return %3 : tensor<?x2xf32>
}

// What a branch holds itself leaves with what it is added to.
// CHECK-LABEL: @branch_with_a_weight
func.func @branch_with_a_weight(%x: tensor<?x3xf32> {nn.name = "x"}, %c: tensor<i1> {nn.name = "c"}) -> (tensor<?x2xf32>) {
  %a = nn.constant dense<1.0> : tensor<3x4xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<4x2xf32> loc("b")
  %0 = nn.matmul %x, %a : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = nn.if %c : (tensor<i1>) -> tensor<?x4xf32> else_branch {
    nn.yield %0 : tensor<?x4xf32>
  } then_branch {
    %d = nn.constant dense<1.0> : tensor<4xf32> loc("d")
    %2 = nn.mul %0, %d : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    nn.yield %2 : tensor<?x4xf32>
  } loc("branch")
  %3 = nn.matmul %1, %b : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  // CHECK: prune.members "a:1" (%d[0: 0 by 1], %{{.*}}[1: 0 by 1])
  // CHECK: prune.group "a:1" units(4) (%a[1: 0 by 1], %b[0: 0 by 1],
  return %3 : tensor<?x2xf32>
}

// Unless the other branch yields what stays.
// CHECK-LABEL: @branch_with_a_weight_beside_an_input
func.func @branch_with_a_weight_beside_an_input(%x: tensor<?x4xf32> {nn.name = "x"}, %c: tensor<i1> {nn.name = "c"}) -> (tensor<?x2xf32>) {
  %b = nn.constant dense<1.0> : tensor<4x2xf32> loc("b")
  %1 = nn.if %c : (tensor<i1>) -> tensor<?x4xf32> else_branch {
    nn.yield %x : tensor<?x4xf32>
  } then_branch {
    %d = nn.constant dense<1.0> : tensor<4x4xf32> loc("d")
    %2 = nn.matmul %x, %d : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
    nn.yield %2 : tensor<?x4xf32>
  } loc("branch")
  %3 = nn.matmul %1, %b : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  // CHECK: prune.pin %d axis 1 "input 'x' of the graph keeps its size"
  // CHECK-NOT: prune.group
  // CHECK: prune.pin %b axis 0 "input 'x' of the graph keeps its size"
  return %3 : tensor<?x2xf32>
}

// One branch adds what erased positions would not hold.
// CHECK-LABEL: @branches_hold_other_values
func.func @branches_hold_other_values(%x: tensor<?x3xf32> {nn.name = "x"}, %c: tensor<i1> {nn.name = "c"}) -> (tensor<?x2xf32>) {
  %a = nn.constant dense<1.0> : tensor<3x4xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<4x2xf32> loc("b")
  %0 = nn.matmul %x, %a : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = nn.if %c : (tensor<i1>) -> tensor<?x4xf32> else_branch {
    nn.yield %0 : tensor<?x4xf32>
  } then_branch {
    %2 = nn.log %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
    nn.yield %2 : tensor<?x4xf32>
  } loc("branch")
  %3 = nn.matmul %1, %b : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32> loc("last")
  // CHECK-NOT: prune.group
  // CHECK: prune.pin %a axis 1 {{.*}} by "MatMul 'last'"
  return %3 : tensor<?x2xf32>
}

// Positions of an input stay because of it, however they are regrouped, and the one position of a token
// beside them is no reason of its own.
// CHECK-LABEL: @beside_and_regrouped
func.func @beside_and_regrouped(%x: tensor<6x4xf32> {nn.name = "x"}) -> (tensor<7x2xf32>, tensor<4x6xf32>) {
  %token = nn.constant dense<1.0> : tensor<4xf32> loc("token")
  %table = nn.constant dense<1.0> : tensor<7x4xf32> loc("table")
  %other = nn.constant dense<1.0> : tensor<4x6xf32> loc("other")
  %w = nn.constant dense<1.0> : tensor<4x2xf32> loc("w")
  %front = nn.constant dense<0> : tensor<1xi64>
  %turned = nn.constant dense<[4, 6]> : tensor<2xi64>
  %0 = nn.unsqueeze %token, %front : (tensor<4xf32>, tensor<1xi64>) -> tensor<1x4xf32>
  %1 = nn.concat %0, %x {axis = 0 : i64} : (tensor<1x4xf32>, tensor<6x4xf32>) -> tensor<7x4xf32>
  %2 = nn.add %1, %table : (tensor<7x4xf32>, tensor<7x4xf32>) -> tensor<7x4xf32>
  %3 = nn.matmul %2, %w : (tensor<7x4xf32>, tensor<4x2xf32>) -> tensor<7x2xf32>
  %4 = nn.reshape %x, %turned : (tensor<6x4xf32>, tensor<2xi64>) -> tensor<4x6xf32>
  %5 = nn.add %4, %other : (tensor<4x6xf32>, tensor<4x6xf32>) -> tensor<4x6xf32>
  // CHECK: prune.pin %table axis 0 "input 'x' of the graph keeps its size"
  // CHECK: prune.pin %other axis 0 "input 'x' of the graph keeps its size"
  // CHECK: prune.pin %other axis 1 "input 'x' of the graph keeps its size"
  return %3, %5 : tensor<7x2xf32>, tensor<4x6xf32>
}

// The size of a head is computed with, the number of heads is not.
// CHECK-LABEL: @size_as_number
func.func @size_as_number(%x: tensor<2x7x6xf32> {nn.name = "x"}) -> tensor<2x7x6xf32> {
  %w = nn.constant dense<1.0> : tensor<6x12xf32> loc("w")
  %wo = nn.constant dense<1.0> : tensor<12x6xf32> loc("wo")
  %heads = nn.constant dense<[2, 7, 3, 4]> : tensor<4xi64>
  %merged = nn.constant dense<[2, 7, 12]> : tensor<3xi64>
  %last = nn.constant dense<-1> : tensor<i64>
  %0 = nn.matmul %x, %w : (tensor<2x7x6xf32>, tensor<6x12xf32>) -> tensor<2x7x12xf32>
  %1 = nn.reshape %0, %heads : (tensor<2x7x12xf32>, tensor<4xi64>) -> tensor<2x7x3x4xf32>
  %2 = nn.shape %1 : (tensor<2x7x3x4xf32>) -> tensor<4xi64>
  %3 = nn.gather %2, %last : (tensor<4xi64>, tensor<i64>) -> tensor<i64>
  %4 = nn.cast %3 {to = 1 : i64} : (tensor<i64>) -> tensor<f32>
  %5 = nn.div %1, %4 : (tensor<2x7x3x4xf32>, tensor<f32>) -> tensor<2x7x3x4xf32> loc("scaled")
  %6 = nn.reshape %5, %merged : (tensor<2x7x3x4xf32>, tensor<3xi64>) -> tensor<2x7x12xf32>
  %7 = nn.matmul %6, %wo : (tensor<2x7x12xf32>, tensor<12x6xf32>) -> tensor<2x7x6xf32>
  // CHECK: prune.group "w:1" units(3) (%w[1: 0 by 4], %wo[0: 0 by 4],
  // CHECK-NOT: prune.group
  return %7 : tensor<2x7x6xf32>
}

// A matrix is one value, however often it is used: a unit has rows and columns.
// Vectors that exporters merged are told apart.
// CHECK-LABEL: @shared
func.func @shared(%x: tensor<?x4xf32> {nn.name = "x"}) -> (tensor<?x4xf32>) {
  %a = nn.constant dense<1.0> : tensor<100x100xf32> loc("a")
  %in = nn.constant dense<1.0> : tensor<4x100xf32> loc("in")
  %out = nn.constant dense<1.0> : tensor<100x4xf32> loc("out")
  %in2 = nn.constant dense<1.0> : tensor<4x100xf32> loc("in2")
  %out2 = nn.constant dense<1.0> : tensor<100x4xf32> loc("out2")
  // CHECK: %v = nn.constant dense<5.000000e+00> : tensor<100xf32>{{$}}
  // CHECK-NEXT: nn.constant dense<5.000000e+00> : tensor<100xf32> {prune.copy_of = "v"}
  %v = nn.constant dense<5.0> : tensor<100xf32> loc("v")
  %0 = nn.matmul %x, %in : (tensor<?x4xf32>, tensor<4x100xf32>) -> tensor<?x100xf32>
  %1 = nn.add %0, %v : (tensor<?x100xf32>, tensor<100xf32>) -> tensor<?x100xf32>
  %2 = nn.matmul %1, %a : (tensor<?x100xf32>, tensor<100x100xf32>) -> tensor<?x100xf32>
  %3 = nn.matmul %2, %a : (tensor<?x100xf32>, tensor<100x100xf32>) -> tensor<?x100xf32>
  %4 = nn.matmul %3, %out : (tensor<?x100xf32>, tensor<100x4xf32>) -> tensor<?x4xf32>
  %5 = nn.matmul %4, %in2 : (tensor<?x4xf32>, tensor<4x100xf32>) -> tensor<?x100xf32>
  %6 = nn.add %5, %v : (tensor<?x100xf32>, tensor<100xf32>) -> tensor<?x100xf32>
  %7 = nn.matmul %6, %out2 : (tensor<?x100xf32>, tensor<100x4xf32>) -> tensor<?x4xf32>
  // CHECK: prune.group "a:0" units(100) (%a[0: 0 by 1][1: 0 by 1], %in[1: 0 by 1], %out[0: 0 by 1], %v[0: 0 by 1],
  // CHECK: prune.group "out:1" units(4)
  // CHECK: prune.group "in2:1" units(100) (%in2[1: 0 by 1], %out2[0: 0 by 1],
  // CHECK-NOT: prune.group
  return %7 : tensor<?x4xf32>
}

// The hidden state of a recurrent layer, in every gate; not where the state that
// it starts with comes from outside.
// CHECK-LABEL: @lstm
func.func @lstm(%x: tensor<7x?x3xf32> {nn.name = "x"}, %h: tensor<1x?x4xf32> {nn.name = "h"}) -> (tensor<7x1x?x2xf32>, tensor<7x1x?x2xf32>) {
  %w = nn.constant dense<1.0> : tensor<1x16x3xf32> loc("w")
  %r = nn.constant dense<1.0> : tensor<1x16x4xf32> loc("r")
  %b = nn.constant dense<1.0> : tensor<1x32xf32> loc("b")
  %out = nn.constant dense<1.0> : tensor<4x2xf32> loc("out")
  %w2 = nn.constant dense<1.0> : tensor<1x12x3xf32> loc("w2")
  %r2 = nn.constant dense<1.0> : tensor<1x12x4xf32> loc("r2")
  %out2 = nn.constant dense<1.0> : tensor<4x2xf32> loc("out2")
  %0 = nn.lstm %x, %w, %r B(%b) {hidden_size = 4 : i64, resultSegmentSizes = array<i32: 1, 0, 0>} : (tensor<7x?x3xf32>, tensor<1x16x3xf32>, tensor<1x16x4xf32>, tensor<1x32xf32>) -> tensor<7x1x?x4xf32>
  %1 = nn.matmul %0, %out : (tensor<7x1x?x4xf32>, tensor<4x2xf32>) -> tensor<7x1x?x2xf32>
  %2 = nn.gru %x, %w2, %r2 initial_h(%h) {hidden_size = 4 : i64, resultSegmentSizes = array<i32: 1, 0>} : (tensor<7x?x3xf32>, tensor<1x12x3xf32>, tensor<1x12x4xf32>, tensor<1x?x4xf32>) -> tensor<7x1x?x4xf32>
  %3 = nn.matmul %2, %out2 : (tensor<7x1x?x4xf32>, tensor<4x2xf32>) -> tensor<7x1x?x2xf32>
  // CHECK: prune.group "w:1" units(4) (%w[1: 0 by 1 x 4 step 4], %r[1: 0 by 1 x 4 step 4][2: 0 by 1], %b[1: 0 by 1 x 8 step 4], %out[0: 0 by 1],
  // CHECK-NOT: prune.group
  // CHECK: prune.pin %r2 axis 2 "input 'h' of the graph keeps its size" by "the graph"
  return %1, %3 : tensor<7x1x?x2xf32>, tensor<7x1x?x2xf32>
}

// A quantised weight and its scales, one for each channel.
// CHECK-LABEL: @quantized
func.func @quantized(%x: tensor<?x3xf32> {nn.name = "x"}) -> tensor<?x2xf32> {
  %q = nn.constant dense<1> : tensor<4x3xi8> loc("q")
  %s = nn.constant dense<0.5> : tensor<4xf32> loc("s")
  %z = nn.constant dense<0> : tensor<4xi8> loc("z")
  %b = nn.constant dense<1.0> : tensor<4x2xf32> loc("b")
  %0 = nn.dequantize_linear %q, %s x_zero_point(%z) {axis = 0 : i64} : (tensor<4x3xi8>, tensor<4xf32>, tensor<4xi8>) -> tensor<4x3xf32>
  %1 = nn.gemm %x, %0 {transB = 1 : i64} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  %2 = nn.matmul %1, %b : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  // CHECK: prune.group "q:0" units(4) (%q[0: 0 by 1], %s[0: 0 by 1], %z[0: 0 by 1], %b[0: 0 by 1],
  // CHECK-NOT: prune.group
  return %2 : tensor<?x2xf32>
}

// One number for each axis is no channel, and a norm whose channels depend on the
// input keeps its parameters.
// CHECK-LABEL: @what_no_model_covers
func.func @what_no_model_covers(%x: tensor<2x?x4x4xf32> {nn.name = "x"}) -> (tensor<2x?x8x8xf32>) {
  %scales = nn.constant dense<[1.0, 1.0, 2.0, 2.0]> : tensor<4xf32> loc("scales")
  %g = nn.constant dense<1.0> : tensor<6xf32> loc("g")
  %b = nn.constant dense<1.0> : tensor<6xf32> loc("b")
  %0 = nn.group_normalization %x, %g, %b {num_groups = 2 : i64} : (tensor<2x?x4x4xf32>, tensor<6xf32>, tensor<6xf32>) -> tensor<2x?x4x4xf32> loc("norm")
  %1 = nn.resize %0 scales(%scales) : (tensor<2x?x4x4xf32>, tensor<4xf32>) -> tensor<2x?x8x8xf32> loc("larger")
  // CHECK-NOT: prune.group
  // CHECK: prune.pin %scales axis 0 "one number for each axis"
  // CHECK: prune.pin %g axis 0 "this form of the operator is not modelled"
  return %1 : tensor<2x?x8x8xf32>
}

// What stands where height and width are is space.
// CHECK-LABEL: @channels_as_space
func.func @channels_as_space(%x: tensor<2x3x4x4xf32> {nn.name = "x"}) -> tensor<2x16x2x3xf32> {
  %a = nn.constant dense<1.0> : tensor<6x3x1x1xf32> loc("a")
  %0 = nn.conv %x, %a : (tensor<2x3x4x4xf32>, tensor<6x3x1x1xf32>) -> tensor<2x6x4x4xf32>
  %1 = nn.transpose %0 {perm = array<i64: 0, 2, 3, 1>} : (tensor<2x6x4x4xf32>) -> tensor<2x4x4x6xf32>
  %2 = nn.space_to_depth %1 {blocksize = 2 : i64} : (tensor<2x4x4x6xf32>) -> tensor<2x16x2x3xf32> loc("blocks")
  // CHECK-NOT: prune.group
  // CHECK: prune.pin %a axis 0 "positions in space stay" by "SpaceToDepth 'blocks'"
  return %2 : tensor<2x16x2x3xf32>
}
