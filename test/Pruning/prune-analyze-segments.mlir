// RUN: secateur-opt %s -prune-analyze -mlir-use-nameloc-as-prefix | FileCheck %s

// Concat, split, slice, pad and gather: where one axis is cut, so are all that
// are one with it.

// DenseNet: what is appended keeps its place behind what was there.
// CHECK-LABEL: @dense_block
func.func @dense_block(%x: tensor<?x3x8x8xf32> {nn.name = "x"}) -> tensor<?x2x8x8xf32> {
  %a = nn.constant dense<1.0> : tensor<4x3x1x1xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<5x4x1x1xf32> loc("b")
  %c = nn.constant dense<1.0> : tensor<6x9x1x1xf32> loc("c")
  %d = nn.constant dense<1.0> : tensor<2x15x1x1xf32> loc("d")
  %0 = nn.conv %x, %a : (tensor<?x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<?x4x8x8xf32> loc("r0")
  %1 = nn.conv %0, %b : (tensor<?x4x8x8xf32>, tensor<5x4x1x1xf32>) -> tensor<?x5x8x8xf32> loc("r1")
  %2 = nn.concat %0, %1 {axis = 1 : i64} : (tensor<?x4x8x8xf32>, tensor<?x5x8x8xf32>) -> tensor<?x9x8x8xf32> loc("r2")
  %3 = nn.conv %2, %c : (tensor<?x9x8x8xf32>, tensor<6x9x1x1xf32>) -> tensor<?x6x8x8xf32> loc("r3")
  %4 = nn.concat %2, %3 {axis = 1 : i64} : (tensor<?x9x8x8xf32>, tensor<?x6x8x8xf32>) -> tensor<?x15x8x8xf32> loc("r4")
  %5 = nn.conv %4, %d : (tensor<?x15x8x8xf32>, tensor<2x15x1x1xf32>) -> tensor<?x2x8x8xf32> loc("r5")
  // CHECK: prune.group "a:0" units(4) (%a[0: 0 by 1], %b[1: 0 by 1], %c[1: 0 by 1], %d[1: 0 by 1], %r0[1: 0 by 1], %r2[1: 0 by 1], %r4[1: 0 by 1])
  // CHECK: prune.group "b:0" units(5) (%b[0: 0 by 1], %c[1: 4 by 1], %d[1: 4 by 1], %r1[1: 0 by 1], %r2[1: 4 by 1], %r4[1: 4 by 1])
  // CHECK: prune.group "c:0" units(6) (%c[0: 0 by 1], %d[1: 9 by 1], %r3[1: 0 by 1], %r4[1: 9 by 1])
  // CHECK-NOT: prune.group
  return %5 : tensor<?x2x8x8xf32>
}

// A tensor beside itself: a unit has two boxes. Beside a depthwise image of
// itself likewise (Ghost).
// CHECK-LABEL: @twice
func.func @twice(%x: tensor<?x3x8x8xf32> {nn.name = "x"}) -> tensor<?x2x8x8xf32> {
  %a = nn.constant dense<1.0> : tensor<4x3x1x1xf32> loc("a")
  %dw = nn.constant dense<1.0> : tensor<4x1x1x1xf32> loc("dw")
  %d = nn.constant dense<1.0> : tensor<2x12x1x1xf32> loc("d")
  %0 = nn.conv %x, %a : (tensor<?x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<?x4x8x8xf32> loc("r0")
  %1 = nn.conv %0, %dw {group = 4 : i64} : (tensor<?x4x8x8xf32>, tensor<4x1x1x1xf32>) -> tensor<?x4x8x8xf32> loc("r1")
  %2 = nn.concat %0, %0, %1 {axis = 1 : i64} : (tensor<?x4x8x8xf32>, tensor<?x4x8x8xf32>, tensor<?x4x8x8xf32>) -> tensor<?x12x8x8xf32> loc("r2")
  %3 = nn.conv %2, %d : (tensor<?x12x8x8xf32>, tensor<2x12x1x1xf32>) -> tensor<?x2x8x8xf32> loc("r3")
  // CHECK: prune.group "a:0" units(4) (%a[0: 0 by 1], %dw[0: 0 by 1], %d[1: 0 by 1][1: 4 by 1][1: 8 by 1], %r0[1: 0 by 1], %r1[1: 0 by 1], %r2[1: 0 by 1][1: 4 by 1][1: 8 by 1])
  // CHECK-NOT: prune.group
  return %3 : tensor<?x2x8x8xf32>
}

// C2f: both halves of a split go into the concatenation, one of them through a
// block with a residual.
// CHECK-LABEL: @split_and_reuse
func.func @split_and_reuse(%x: tensor<?x3x8x8xf32> {nn.name = "x"}) -> tensor<?x2x8x8xf32> {
  %a = nn.constant dense<1.0> : tensor<8x3x1x1xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<4x4x1x1xf32> loc("b")
  %d = nn.constant dense<1.0> : tensor<2x12x1x1xf32> loc("d")
  %sizes = nn.constant dense<4> : tensor<2xi64>
  %0 = nn.conv %x, %a : (tensor<?x3x8x8xf32>, tensor<8x3x1x1xf32>) -> tensor<?x8x8x8xf32> loc("r0")
  %1:2 = nn.split %0 split(%sizes) {axis = 1 : i64} : (tensor<?x8x8x8xf32>, tensor<2xi64>) -> (tensor<?x4x8x8xf32>, tensor<?x4x8x8xf32>) loc("s")
  %2 = nn.conv %1#1, %b : (tensor<?x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<?x4x8x8xf32> loc("r2")
  %3 = nn.add %1#1, %2 : (tensor<?x4x8x8xf32>, tensor<?x4x8x8xf32>) -> tensor<?x4x8x8xf32> loc("r3")
  %4 = nn.concat %1#0, %1#1, %3 {axis = 1 : i64} : (tensor<?x4x8x8xf32>, tensor<?x4x8x8xf32>, tensor<?x4x8x8xf32>) -> tensor<?x12x8x8xf32> loc("r4")
  %5 = nn.conv %4, %d : (tensor<?x12x8x8xf32>, tensor<2x12x1x1xf32>) -> tensor<?x2x8x8xf32> loc("r5")
  // CHECK: prune.group "a:0" units(4) (%a[0: 0 by 1], %d[1: 0 by 1], %r0[1: 0 by 1], %{{.*}}#0[1: 0 by 1], %r4[1: 0 by 1])
  // CHECK: prune.group "a:0#1" units(4) (%a[0: 4 by 1], %b[0: 0 by 1][1: 0 by 1], %d[1: 4 by 1][1: 8 by 1], %r0[1: 4 by 1],
  // CHECK-NOT: prune.group
  return %5 : tensor<?x2x8x8xf32>
}

// A cut inside a residual stream cuts all that is added to it.
// CHECK-LABEL: @cut_points_spread
func.func @cut_points_spread(%x: tensor<?x3x8x8xf32> {nn.name = "x"}) -> (tensor<?x2x8x8xf32>, tensor<?x2x8x8xf32>) {
  %a = nn.constant dense<1.0> : tensor<6x3x1x1xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<6x3x1x1xf32> loc("b")
  %c = nn.constant dense<1.0> : tensor<2x6x1x1xf32> loc("c")
  %d = nn.constant dense<1.0> : tensor<2x4x1x1xf32> loc("d")
  %starts = nn.constant dense<2> : tensor<1xi64>
  %ends = nn.constant dense<6> : tensor<1xi64>
  %axes = nn.constant dense<1> : tensor<1xi64>
  %0 = nn.conv %x, %a : (tensor<?x3x8x8xf32>, tensor<6x3x1x1xf32>) -> tensor<?x6x8x8xf32>
  %1 = nn.conv %x, %b : (tensor<?x3x8x8xf32>, tensor<6x3x1x1xf32>) -> tensor<?x6x8x8xf32>
  %2 = nn.add %0, %1 : (tensor<?x6x8x8xf32>, tensor<?x6x8x8xf32>) -> tensor<?x6x8x8xf32>
  %3 = nn.conv %2, %c : (tensor<?x6x8x8xf32>, tensor<2x6x1x1xf32>) -> tensor<?x2x8x8xf32>
  %4 = nn.slice %1, %starts, %ends axes(%axes) : (tensor<?x6x8x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x4x8x8xf32>
  %5 = nn.conv %4, %d : (tensor<?x4x8x8xf32>, tensor<2x4x1x1xf32>) -> tensor<?x2x8x8xf32>
  // CHECK: prune.group "a:0" units(2) (%a[0: 0 by 1], %b[0: 0 by 1], %c[1: 0 by 1],
  // CHECK: prune.group "a:0#1" units(4) (%a[0: 2 by 1], %b[0: 2 by 1], %c[1: 2 by 1], %d[1: 0 by 1],
  // CHECK-NOT: prune.group
  return %3, %5 : tensor<?x2x8x8xf32>, tensor<?x2x8x8xf32>
}

// ResNet's parameter-free shortcut: every other position in space, channels
// padded. The padding goes with the channels that are added to it.
// CHECK-LABEL: @padded_shortcut
func.func @padded_shortcut(%x: tensor<?x3x8x8xf32> {nn.name = "x"}) -> tensor<?x2x4x4xf32> {
  %a = nn.constant dense<1.0> : tensor<4x3x1x1xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<8x4x1x1xf32> loc("b")
  %c = nn.constant dense<1.0> : tensor<2x8x1x1xf32> loc("c")
  %starts = nn.constant dense<0> : tensor<2xi64>
  %ends = nn.constant dense<8> : tensor<2xi64>
  %axes = nn.constant dense<[2, 3]> : tensor<2xi64>
  %steps = nn.constant dense<2> : tensor<2xi64>
  %pads = nn.constant dense<[0, 2, 0, 0, 0, 2, 0, 0]> : tensor<8xi64>
  %0 = nn.conv %x, %a : (tensor<?x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<?x4x8x8xf32>
  %1 = nn.conv %0, %b {strides = array<i64: 2, 2>} : (tensor<?x4x8x8xf32>, tensor<8x4x1x1xf32>) -> tensor<?x8x4x4xf32>
  %2 = nn.slice %0, %starts, %ends axes(%axes) steps(%steps) : (tensor<?x4x8x8xf32>, tensor<2xi64>, tensor<2xi64>, tensor<2xi64>, tensor<2xi64>) -> tensor<?x4x4x4xf32>
  %3 = nn.pad %2, %pads : (tensor<?x4x4x4xf32>, tensor<8xi64>) -> tensor<?x8x4x4xf32>
  %4 = nn.add %1, %3 : (tensor<?x8x4x4xf32>, tensor<?x8x4x4xf32>) -> tensor<?x8x4x4xf32>
  %5 = nn.conv %4, %c : (tensor<?x8x4x4xf32>, tensor<2x8x1x1xf32>) -> tensor<?x2x4x4xf32>
  // CHECK: prune.group "a:0" units(4) (%a[0: 0 by 1], %b[0: 2 by 1][1: 0 by 1], %c[1: 2 by 1],
  // CHECK: prune.group "b:0" units(2) (%b[0: 0 by 1], %c[1: 0 by 1],
  // CHECK: prune.group "b:0#1" units(2) (%b[0: 6 by 1], %c[1: 6 by 1],
  // CHECK-NOT: prune.group
  return %5 : tensor<?x2x4x4xf32>
}

// A permutation moves digits; positions taken twice leave twice; positions that
// the input picks stay.
// CHECK-LABEL: @gather
func.func @gather(%x: tensor<?x3xf32> {nn.name = "x"}, %any: tensor<4xi64> {nn.name = "any"}) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %a = nn.constant dense<1.0> : tensor<3x4xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<3x4xf32> loc("b")
  %c = nn.constant dense<1.0> : tensor<5x2xf32> loc("c")
  %d = nn.constant dense<1.0> : tensor<4x2xf32> loc("d")
  %order = nn.constant dense<[3, 0, 1, 2, 3]> : tensor<5xi64>
  %0 = nn.matmul %x, %a : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = nn.gather %0, %order {axis = 1 : i64} : (tensor<?x4xf32>, tensor<5xi64>) -> tensor<?x5xf32>
  %2 = nn.matmul %1, %c : (tensor<?x5xf32>, tensor<5x2xf32>) -> tensor<?x2xf32>
  %3 = nn.matmul %x, %b : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %4 = nn.gather %3, %any {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xi64>) -> tensor<?x4xf32> loc("picked")
  %5 = nn.matmul %4, %d : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  // CHECK: prune.group "a:1" units(3) (%a[1: 0 by 1], %c[0: 1 by 1],
  // CHECK: prune.group "a:1#1" units(1) min_keep(0) (%a[1: {[3]}], %c[0: {[0, 4]}],
  // CHECK-NOT: prune.group
  // CHECK: prune.pin %b axis 1 "positions are picked by what the input holds" by "Gather 'picked'"
  return %2, %5 : tensor<?x2xf32>, tensor<?x2xf32>
}

// The slice takes the second of the first pair and the first of the second. Something
// must stay of it, so that of the two pairs and the two places in each one can leave.
// CHECK-LABEL: @slice_across_pairs
func.func @slice_across_pairs(%x: tensor<?x3xf32> {nn.name = "x"}) -> (tensor<?x2xf32>, tensor<?x2x2xf32>) {
  %a = nn.constant dense<1.0> : tensor<3x6xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<2x2xf32> loc("b")
  %c = nn.constant dense<1.0> : tensor<2x2xf32> loc("c")
  %d = nn.constant dense<1.0> : tensor<3x2xf32> loc("d")
  %starts = nn.constant dense<1> : tensor<1xi64>
  %ends = nn.constant dense<3> : tensor<1xi64>
  %axes = nn.constant dense<1> : tensor<1xi64>
  %pairs = nn.constant dense<[-1, 3, 2]> : tensor<3xi64>
  %0 = nn.matmul %x, %a : (tensor<?x3xf32>, tensor<3x6xf32>) -> tensor<?x6xf32>
  %1 = nn.slice %0, %starts, %ends axes(%axes) : (tensor<?x6xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x2xf32>
  %2 = nn.matmul %1, %b : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %3 = nn.reshape %0, %pairs : (tensor<?x6xf32>, tensor<3xi64>) -> tensor<?x3x2xf32>
  %4 = nn.matmul %3, %c : (tensor<?x3x2xf32>, tensor<2x2xf32>) -> tensor<?x3x2xf32>
  %5 = nn.transpose %4 {perm = array<i64: 0, 2, 1>} : (tensor<?x3x2xf32>) -> tensor<?x2x3xf32>
  %6 = nn.matmul %5, %d : (tensor<?x2x3xf32>, tensor<3x2xf32>) -> tensor<?x2x2xf32>
  // CHECK: prune.group "a:1" units(1) min_keep(0) (%a[1: {[4, 5]}], %d[0: {[2]}],
  // CHECK: prune.group "a:1#1" units(4) min_keep(3) (%a[1: {[0, 1], [2, 3], [0, 2, 4], [1, 3, 5]}], %b[0: {[0], [1], [1], [0]}],
  // CHECK-NOT: prune.group
  return %2, %6 : tensor<?x2xf32>, tensor<?x2x2xf32>
}

// With the pairs kept, one of the two places in each can leave: the slice loses
// one of its two positions, whichever that is.
// CHECK-LABEL: @slice_across_kept_pairs
func.func @slice_across_kept_pairs(%x: tensor<?x3xf32> {nn.name = "x"}) -> (tensor<?x2xf32>, tensor<?x3x2xf32>) {
  %a = nn.constant dense<1.0> : tensor<3x6xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<2x2xf32> loc("b")
  %c = nn.constant dense<1.0> : tensor<2x2xf32> loc("c")
  %starts = nn.constant dense<1> : tensor<1xi64>
  %ends = nn.constant dense<3> : tensor<1xi64>
  %axes = nn.constant dense<1> : tensor<1xi64>
  %pairs = nn.constant dense<[-1, 3, 2]> : tensor<3xi64>
  %0 = nn.matmul %x, %a : (tensor<?x3xf32>, tensor<3x6xf32>) -> tensor<?x6xf32>
  %1 = nn.slice %0, %starts, %ends axes(%axes) : (tensor<?x6xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x2xf32>
  %2 = nn.matmul %1, %b : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %3 = nn.reshape %0, %pairs : (tensor<?x6xf32>, tensor<3xi64>) -> tensor<?x3x2xf32>
  %4 = nn.matmul %3, %c : (tensor<?x3x2xf32>, tensor<2x2xf32>) -> tensor<?x3x2xf32>
  // CHECK: prune.group "a:1" units(2) (%a[1: {[0, 2, 4], [1, 3, 5]}], %b[0: {[1], [0]}], %c[0: {[0], [1]}],
  // CHECK-NOT: prune.group
  return %2, %4 : tensor<?x2xf32>, tensor<?x3x2xf32>
}

// All of a permuted axis may leave but one; a position that nobody takes may, too.
// CHECK-LABEL: @permutation
func.func @permutation(%x: tensor<?x3xf32> {nn.name = "x"}) -> tensor<?x2xf32> {
  %a = nn.constant dense<1.0> : tensor<3x4xf32> loc("a")
  %c = nn.constant dense<1.0> : tensor<3x2xf32> loc("c")
  %order = nn.constant dense<[3, 0, 1]> : tensor<3xi64>
  %0 = nn.matmul %x, %a : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = nn.gather %0, %order {axis = 1 : i64} : (tensor<?x4xf32>, tensor<3xi64>) -> tensor<?x3xf32>
  %2 = nn.matmul %1, %c : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
  // CHECK: prune.group "a:1" units(2) (%a[1: 0 by 1], %c[0: 1 by 1],
  // CHECK: prune.group "a:1#1" units(1) min_keep(0) (%a[1: {[2]}], %{{.*}}[1: {[2]}])
  // CHECK: prune.group "a:1#2" units(1) min_keep(0) (%a[1: {[3]}], %c[0: {[0]}],
  // CHECK-NOT: prune.group
  return %2 : tensor<?x2xf32>
}

// Every second of seven: [3][2], of which the two stay, and the last one.
// CHECK-LABEL: @every_second_of_seven
func.func @every_second_of_seven(%x: tensor<?x3xf32> {nn.name = "x"}) -> tensor<?x2xf32> {
  %a = nn.constant dense<1.0> : tensor<3x7xf32> loc("a")
  %c = nn.constant dense<1.0> : tensor<4x2xf32> loc("c")
  %starts = nn.constant dense<0> : tensor<1xi64>
  %ends = nn.constant dense<7> : tensor<1xi64>
  %axes = nn.constant dense<1> : tensor<1xi64>
  %steps = nn.constant dense<2> : tensor<1xi64>
  %0 = nn.matmul %x, %a : (tensor<?x3xf32>, tensor<3x7xf32>) -> tensor<?x7xf32>
  %1 = nn.slice %0, %starts, %ends axes(%axes) steps(%steps) : (tensor<?x7xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x4xf32>
  %2 = nn.matmul %1, %c : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  // CHECK: prune.group "a:1" units(3) (%a[1: 0 by 2], %c[0: 0 by 1],
  // CHECK: prune.group "a:1#1" units(1) min_keep(0) (%a[1: {[6]}], %c[0: {[3]}],
  // CHECK-NOT: prune.group
  return %2 : tensor<?x2xf32>
}

// A single position of padding may leave beside others.
// CHECK-LABEL: @padding
func.func @padding(%x: tensor<?x3xf32> {nn.name = "x"}) -> tensor<?x2xf32> {
  %a = nn.constant dense<1.0> : tensor<3x4xf32> loc("a")
  %c = nn.constant dense<1.0> : tensor<5x2xf32> loc("c")
  %pads = nn.constant dense<[0, 1, 0, 0]> : tensor<4xi64>
  %0 = nn.matmul %x, %a : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = nn.pad %0, %pads : (tensor<?x4xf32>, tensor<4xi64>) -> tensor<?x5xf32>
  %2 = nn.matmul %1, %c : (tensor<?x5xf32>, tensor<5x2xf32>) -> tensor<?x2xf32>
  // CHECK: prune.group "a:1" units(4) (%a[1: 0 by 1], %c[0: 1 by 1],
  // CHECK: prune.group "c:0" units(1) min_keep(0) (%c[0: {[0]}],
  // CHECK-NOT: prune.group
  return %2 : tensor<?x2xf32>
}

// Every pair of a head and a position inside it, in another order: as each group
// keeps a unit, something is left of the axis, and all of them may leave.
// CHECK-LABEL: @permuted_heads
func.func @permuted_heads(%x: tensor<?x3xf32> {nn.name = "x"}) -> tensor<?x2xf32> {
  %a = nn.constant dense<1.0> : tensor<3x4xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<4x2xf32> loc("b")
  %c = nn.constant dense<1.0> : tensor<2x2xf32> loc("c")
  %order = nn.constant dense<[2, 1, 3, 0]> : tensor<4xi64>
  %heads = nn.constant dense<[-1, 2, 2]> : tensor<3xi64>
  %flat = nn.constant dense<[-1, 4]> : tensor<2xi64>
  %0 = nn.matmul %x, %a : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = nn.reshape %0, %heads : (tensor<?x4xf32>, tensor<3xi64>) -> tensor<?x2x2xf32>
  %2 = nn.relu %1 : (tensor<?x2x2xf32>) -> tensor<?x2x2xf32>
  %3 = nn.reshape %2, %flat : (tensor<?x2x2xf32>, tensor<2xi64>) -> tensor<?x4xf32>
  %4 = nn.gather %3, %order {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xi64>) -> tensor<?x4xf32>
  %5 = nn.matmul %4, %b : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  %6 = nn.reshape %0, %heads : (tensor<?x4xf32>, tensor<3xi64>) -> tensor<?x2x2xf32>
  %7 = nn.matmul %6, %c : (tensor<?x2x2xf32>, tensor<2x2xf32>) -> tensor<?x2x2xf32>
  %8 = nn.reduce_sum %7 {keepdims = 0 : i64} : (tensor<?x2x2xf32>) -> tensor<f32>
  %9 = nn.add %5, %8 : (tensor<?x2xf32>, tensor<f32>) -> tensor<?x2xf32>
  // CHECK: prune.group "a:1" units(2) (%a[1: {[0, 1], [2, 3]}], %b[0: {[1, 3], [0, 2]}],
  // CHECK: prune.group "a:1#1" units(2) (%a[1: {[0, 2], [1, 3]}], %b[0: {[0, 3], [1, 2]}], %c[0: {[0], [1]}],
  return %9 : tensor<?x2xf32>
}
