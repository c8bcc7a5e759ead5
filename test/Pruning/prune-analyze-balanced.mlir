// RUN: secateur-opt %s -prune-analyze -split-input-file | FileCheck %s

// The in-side of each of 2 groups of a convolution loses any of its 3 channels, as
// many as the other; so does the out-side with its 4. A whole group is a unit too.
// CHECK-LABEL: @grouped
func.func @grouped(%x: tensor<1x3x4x4xf32> {nn.name = "x"}) -> (tensor<1x2x4x4xf32> {nn.name = "y"}) {
  // CHECK: %[[A:.*]] = nn.constant {{.*}} : tensor<6x3x1x1xf32>
  %a = nn.constant dense<1.0> : tensor<6x3x1x1xf32> initializer loc("a")
  // CHECK: %[[B:.*]] = nn.constant {{.*}} : tensor<8x3x1x1xf32>
  %b = nn.constant dense<2.0> : tensor<8x3x1x1xf32> initializer loc("b")
  // CHECK: %[[C:.*]] = nn.constant {{.*}} : tensor<2x8x1x1xf32>
  %c = nn.constant dense<3.0> : tensor<2x8x1x1xf32> initializer loc("c")
  // CHECK: %[[P:.*]] = nn.conv
  %0 = nn.conv %x, %a : (tensor<1x3x4x4xf32>, tensor<6x3x1x1xf32>) -> tensor<1x6x4x4xf32>
  // CHECK: %[[Q:.*]] = nn.conv
  %1 = nn.conv %0, %b {group = 2 : i64} : (tensor<1x6x4x4xf32>, tensor<8x3x1x1xf32>) -> tensor<1x8x4x4xf32>
  %2 = nn.conv %1, %c : (tensor<1x8x4x4xf32>, tensor<2x8x1x1xf32>) -> tensor<1x2x4x4xf32>
  // CHECK: prune.group "a:0" units(2) (%[[A]][0: 0 by 3], %[[B]][0: 0 by 4], %[[C]][1: 0 by 4], %[[P]][1: 0 by 3], %[[Q]][1: 0 by 4])
  // CHECK: prune.group "a:0#1" units(6) balanced(2) (%[[A]][0: 0 by 1], %[[B]][0: (u / 3 mod 2) 0 by 4, 1: (u / 1 mod 3) 0 by 1], %[[P]][1: 0 by 1])
  // CHECK: prune.group "b:0" units(8) balanced(2) (%[[B]][0: 0 by 1], %[[C]][1: 0 by 1], %[[Q]][1: 0 by 1])
  return %2 : tensor<1x2x4x4xf32>
}

// -----

// Near miss: one scale for the channels of both groups, so that they lose the same.
// CHECK-LABEL: @shared_scale
func.func @shared_scale(%x: tensor<1x3x4x4xf32> {nn.name = "x"}) -> (tensor<1x2x4x4xf32> {nn.name = "y"}) {
  %a = nn.constant dense<1.0> : tensor<6x3x1x1xf32> initializer loc("a")
  // CHECK: %[[S:.*]] = nn.constant {{.*}} : tensor<3x1x1xf32>
  %s = nn.constant dense<2.0> : tensor<3x1x1xf32> initializer loc("s")
  %c = nn.constant dense<3.0> : tensor<2x6x1x1xf32> initializer loc("c")
  %split = nn.constant dense<[1, 2, 3, 4, 4]> : tensor<5xi64>
  %join = nn.constant dense<[1, 6, 4, 4]> : tensor<4xi64>
  %0 = nn.conv %x, %a : (tensor<1x3x4x4xf32>, tensor<6x3x1x1xf32>) -> tensor<1x6x4x4xf32>
  %1 = nn.reshape %0, %split : (tensor<1x6x4x4xf32>, tensor<5xi64>) -> tensor<1x2x3x4x4xf32>
  %2 = nn.mul %1, %s : (tensor<1x2x3x4x4xf32>, tensor<3x1x1xf32>) -> tensor<1x2x3x4x4xf32>
  %3 = nn.reshape %2, %join : (tensor<1x2x3x4x4xf32>, tensor<4xi64>) -> tensor<1x6x4x4xf32>
  %4 = nn.conv %3, %c : (tensor<1x6x4x4xf32>, tensor<2x6x1x1xf32>) -> tensor<1x2x4x4xf32>
  // CHECK: prune.group "a:0" units(2) (
  // CHECK: prune.group "a:0#1" units(3) (%{{.*}}[0: 0 by 1 x 2 step 3], %[[S]][0: 0 by 1],
  return %4 : tensor<1x2x4x4xf32>
}

// -----

// Near miss: behind a shuffle the channels of a group do not stand together, and
// those that are left would change places.
// CHECK-LABEL: @shuffled
func.func @shuffled(%x: tensor<1x3x4x4xf32> {nn.name = "x"}) -> (tensor<1x2x4x4xf32> {nn.name = "y"}) {
  %a = nn.constant dense<1.0> : tensor<6x3x1x1xf32> initializer loc("a")
  %c = nn.constant dense<3.0> : tensor<2x6x1x1xf32> initializer loc("c")
  %split = nn.constant dense<[1, 2, 3, 4, 4]> : tensor<5xi64>
  %join = nn.constant dense<[1, 6, 4, 4]> : tensor<4xi64>
  %0 = nn.conv %x, %a : (tensor<1x3x4x4xf32>, tensor<6x3x1x1xf32>) -> tensor<1x6x4x4xf32>
  %1 = nn.reshape %0, %split : (tensor<1x6x4x4xf32>, tensor<5xi64>) -> tensor<1x2x3x4x4xf32>
  %2 = nn.transpose %1 {perm = array<i64: 0, 2, 1, 3, 4>} : (tensor<1x2x3x4x4xf32>) -> tensor<1x3x2x4x4xf32>
  %3 = nn.reshape %2, %join : (tensor<1x3x2x4x4xf32>, tensor<4xi64>) -> tensor<1x6x4x4xf32>
  %4 = nn.conv %3, %c : (tensor<1x6x4x4xf32>, tensor<2x6x1x1xf32>) -> tensor<1x2x4x4xf32>
  // CHECK: prune.group "a:0" units(2) (
  // CHECK-NOT: balanced
  // CHECK: prune.group "a:0#1" units(3) (%{{.*}}[0: 0 by 1 x 2 step 3], %{{.*}}[1: 0 by 2],
  return %4 : tensor<1x2x4x4xf32>
}

// -----

// 4 groups of 6 channels, then 6 groups of 4: half of the groups leave both, or half
// of each group.
// CHECK-LABEL: @chained
func.func @chained(%x: tensor<1x24x4x4xf32> {nn.name = "x"}) -> (tensor<1x24x4x4xf32> {nn.name = "y"}) {
  %a = nn.constant dense<1.0> : tensor<24x6x1x1xf32> initializer loc("a")
  %b = nn.constant dense<2.0> : tensor<24x4x1x1xf32> initializer loc("b")
  %c = nn.constant dense<2.0> : tensor<24x24x1x1xf32> initializer loc("c")
  %i = nn.constant dense<2.0> : tensor<24x24x1x1xf32> initializer loc("i")
  %0 = nn.conv %x, %i : (tensor<1x24x4x4xf32>, tensor<24x24x1x1xf32>) -> tensor<1x24x4x4xf32>
  %1 = nn.conv %0, %a {group = 4 : i64} : (tensor<1x24x4x4xf32>, tensor<24x6x1x1xf32>) -> tensor<1x24x4x4xf32>
  %2 = nn.conv %1, %b {group = 6 : i64} : (tensor<1x24x4x4xf32>, tensor<24x4x1x1xf32>) -> tensor<1x24x4x4xf32>
  %3 = nn.conv %2, %c : (tensor<1x24x4x4xf32>, tensor<24x24x1x1xf32>) -> tensor<1x24x4x4xf32>
  // CHECK: prune.group "a:0" units(2) (%{{.*}}[0: 0 by 12], %{{.*}}[0: 0 by 12],
  // CHECK: prune.group "a:0#1" units(4) balanced(2) (%{{.*}}[0: {{\{\[}}0, 2, 4, 6, 8, 10], [1, 3, 5, 7, 9, 11], [12, 14, 16, 18, 20, 22], [13, 15, 17, 19, 21, 23]}]
  return %3 : tensor<1x24x4x4xf32>
}

// -----

// Near miss: beside the two rows of channels stands a third, of the same channels.
// CHECK-LABEL: @row_beside
func.func @row_beside(%x: tensor<1x3xf32> {nn.name = "x"}) -> (tensor<1x3x2xf32> {nn.name = "y"}) {
  %a = nn.constant dense<1.0> : tensor<3x10xf32> initializer loc("a")
  %b = nn.constant dense<1.0> : tensor<3x5xf32> initializer loc("b")
  %two = nn.constant dense<[1, 2, 5]> : tensor<3xi64>
  %one = nn.constant dense<[1, 1, 5]> : tensor<3xi64>
  %0 = nn.matmul %x, %a : (tensor<1x3xf32>, tensor<3x10xf32>) -> tensor<1x10xf32>
  %1 = nn.reshape %0, %two : (tensor<1x10xf32>, tensor<3xi64>) -> tensor<1x2x5xf32>
  %2 = nn.matmul %x, %b : (tensor<1x3xf32>, tensor<3x5xf32>) -> tensor<1x5xf32>
  %3 = nn.reshape %2, %one : (tensor<1x5xf32>, tensor<3xi64>) -> tensor<1x1x5xf32>
  %4 = nn.concat %1, %3 {axis = 1 : i64} : (tensor<1x2x5xf32>, tensor<1x1x5xf32>) -> tensor<1x3x5xf32>
  %5 = nn.relu %4 : (tensor<1x3x5xf32>) -> tensor<1x3x5xf32>
  %axes = nn.constant dense<2> : tensor<1xi64>
  %6 = nn.reduce_sum %5 axes(%axes) : (tensor<1x3x5xf32>, tensor<1xi64>) -> tensor<1x3x1xf32>
  %w = nn.constant dense<1.0> : tensor<1x2xf32> initializer loc("w")
  %7 = nn.matmul %6, %w : (tensor<1x3x1xf32>, tensor<1x2xf32>) -> tensor<1x3x2xf32>
  // CHECK-NOT: balanced
  // CHECK: prune.group "a:1" units(5) (%{{.*}}[1: 0 by 1 x 2 step 5], %{{.*}}[1: 0 by 1],
  // CHECK-NOT: balanced
  return %7 : tensor<1x3x2xf32>
}
