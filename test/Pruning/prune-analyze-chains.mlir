// RUN: secateur-opt %s -prune-analyze | FileCheck %s

// Rows of the first convolution, its bias and batch norm, columns of the second.
// A vector that serves as scale and as variance is copied: removed variances keep
// their values in the proof, scales do not.
// CHECK-LABEL: @conv_norm_conv
func.func @conv_norm_conv(%x: tensor<?x3x8x8xf32> {nn.name = "x", nn.dims = ["n", "", "", ""]}) -> (tensor<?x5x6x6xf32> {nn.name = "y"}) {
  // CHECK-DAG: %[[W1:.*]] = nn.constant dense<1.000000e+00> : tensor<4x3x3x3xf32>
  // CHECK-DAG: %[[B1:.*]] = nn.constant dense<2.000000e+00> : tensor<4xf32> initializer
  // CHECK-DAG: %[[S:.*]] = nn.constant dense<3.000000e+00> : tensor<4xf32> initializer{{$}}
  // CHECK-DAG: %[[V:.*]] = nn.constant dense<3.000000e+00> : tensor<4xf32> initializer {prune.copy_of = "s"}
  // CHECK-DAG: %[[W2:.*]] = nn.constant dense<1.000000e+00> : tensor<5x4x1x1xf32>
  %w1 = nn.constant dense<1.0> : tensor<4x3x3x3xf32> initializer loc(fused<["w1"]>["w1"])
  %b1 = nn.constant dense<2.0> : tensor<4xf32> initializer loc(fused<["b1"]>["b1"])
  %s = nn.constant dense<3.0> : tensor<4xf32> initializer loc(fused<["s"]>["s"])
  %w2 = nn.constant dense<1.0> : tensor<5x4x1x1xf32> initializer loc(fused<["w2"]>["w2"])
  %big = nn.constant dense<1.0> : tensor<10000xf32> initializer
  // CHECK: %[[C:.*]] = nn.conv
  %0 = nn.conv %x, %w1 B(%b1) : (tensor<?x3x8x8xf32>, tensor<4x3x3x3xf32>, tensor<4xf32>) -> tensor<?x4x6x6xf32>
  // CHECK: %[[N:.*]] = nn.batch_normalization %[[C]], %[[S]], %[[S]], %[[S]], %[[V]]
  %1 = nn.batch_normalization %0, %s, %s, %s, %s {resultSegmentSizes = array<i32: 1, 0, 0>} : (tensor<?x4x6x6xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4x6x6xf32>
  // CHECK: %[[R:.*]] = nn.relu
  %2 = nn.relu %1 : (tensor<?x4x6x6xf32>) -> tensor<?x4x6x6xf32>
  %3 = nn.conv %2, %w2 : (tensor<?x4x6x6xf32>, tensor<5x4x1x1xf32>) -> tensor<?x5x6x6xf32> loc(fused<["y"]>["conv2"])
  // CHECK: prune.group "w1:0" units(4) (%[[W1]][0: 0 by 1], %[[B1]][0: 0 by 1], %[[S]][0: 0 by 1], %[[V]][0: 0 by 1] keeps_value, %[[W2]][1: 0 by 1], %[[C]][1: 0 by 1], %[[N]][1: 0 by 1], %[[R]][1: 0 by 1])
  // CHECK-NOT: prune.group
  // CHECK: prune.pin %[[W1]] axis 1 "input 'x' of the graph keeps its size" by "the graph"
  // CHECK: prune.pin %[[W2]] axis 0 "output 'y' of the graph keeps its size" by "return"
  // CHECK-NOT: prune.pin
  return %3 : tensor<?x5x6x6xf32>
}

// A channel of NCHW is a run of the flattened axis; of NHWC it is every third.
// CHECK-LABEL: @flatten
func.func @flatten(%x: tensor<?x2x4x4xf32> {nn.name = "x"}) -> (tensor<?x5xf32> {nn.name = "y"}) {
  // CHECK-DAG: %[[FC:.*]] = nn.constant dense<1.000000e+00> : tensor<5x48xf32>
  // CHECK-DAG: %[[LAST:.*]] = nn.constant dense<2.000000e+00> : tensor<48x5xf32>
  %w = nn.constant dense<1.0> : tensor<3x2x1x1xf32> initializer loc(fused<["w"]>["w"])
  %fc = nn.constant dense<1.0> : tensor<5x48xf32> initializer loc(fused<["fc"]>["fc"])
  %last = nn.constant dense<2.0> : tensor<48x5xf32> initializer loc(fused<["last"]>["last"])
  %0 = nn.conv %x, %w : (tensor<?x2x4x4xf32>, tensor<3x2x1x1xf32>) -> tensor<?x3x4x4xf32>
  %1 = nn.flatten %0 : (tensor<?x3x4x4xf32>) -> tensor<?x48xf32>
  %2 = nn.gemm %1, %fc {transB = 1 : i64} : (tensor<?x48xf32>, tensor<5x48xf32>) -> tensor<?x5xf32>
  %3 = nn.transpose %0 {perm = array<i64: 0, 2, 3, 1>} : (tensor<?x3x4x4xf32>) -> tensor<?x4x4x3xf32>
  %4 = nn.flatten %3 : (tensor<?x4x4x3xf32>) -> tensor<?x48xf32>
  %5 = nn.gemm %4, %last : (tensor<?x48xf32>, tensor<48x5xf32>) -> tensor<?x5xf32>
  %6 = nn.add %2, %5 : (tensor<?x5xf32>, tensor<?x5xf32>) -> tensor<?x5xf32>
  // CHECK: prune.group "w:0" units(3) ({{.*}}%[[FC]][1: 0 by 16], %[[LAST]][0: 0 by 1 x 16 step 3],
  // CHECK-NOT: prune.group
  return %6 : tensor<?x5xf32>
}

// The residual stream is one group; what is inside the block another.
// CHECK-LABEL: @residual
func.func @residual(%x: tensor<?x3x8x8xf32> {nn.name = "x"}) -> (tensor<?x5x1x1xf32> {nn.name = "y"}) {
  %stem = nn.constant dense<1.0> : tensor<4x3x1x1xf32> initializer loc(fused<["stem"]>["stem"])
  %w1 = nn.constant dense<1.0> : tensor<6x4x1x1xf32> initializer loc(fused<["w1"]>["w1"])
  // CHECK-DAG: %[[W2:.*]] = nn.constant dense<1.000000e+00> : tensor<4x6x1x1xf32>
  %w2 = nn.constant dense<1.0> : tensor<4x6x1x1xf32> initializer loc(fused<["w2"]>["w2"])
  // CHECK-DAG: %[[SQUARE:.*]] = nn.constant dense<1.000000e+00> : tensor<4x4x1x1xf32>
  %square = nn.constant dense<1.0> : tensor<4x4x1x1xf32> initializer loc(fused<["square"]>["square"])
  %head = nn.constant dense<1.0> : tensor<5x4x1x1xf32> initializer loc(fused<["head"]>["head"])
  %0 = nn.conv %x, %stem : (tensor<?x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<?x4x8x8xf32>
  %1 = nn.conv %0, %w1 : (tensor<?x4x8x8xf32>, tensor<6x4x1x1xf32>) -> tensor<?x6x8x8xf32>
  %2 = nn.conv %1, %w2 : (tensor<?x6x8x8xf32>, tensor<4x6x1x1xf32>) -> tensor<?x4x8x8xf32>
  %3 = nn.add %0, %2 : (tensor<?x4x8x8xf32>, tensor<?x4x8x8xf32>) -> tensor<?x4x8x8xf32>
  // Rows and columns of one weight.
  %4 = nn.conv %3, %square : (tensor<?x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<?x4x8x8xf32>
  %5 = nn.add %3, %4 : (tensor<?x4x8x8xf32>, tensor<?x4x8x8xf32>) -> tensor<?x4x8x8xf32>
  %6 = nn.global_average_pool %5 : (tensor<?x4x8x8xf32>) -> tensor<?x4x1x1xf32>
  %7 = nn.conv %6, %head : (tensor<?x4x1x1xf32>, tensor<5x4x1x1xf32>) -> tensor<?x5x1x1xf32>
  // CHECK: prune.group "stem:0" units(4) ({{.*}}%[[W2]][0: 0 by 1], %[[SQUARE]][0: 0 by 1][1: 0 by 1],
  // CHECK: prune.group "w1:0" units(6) (
  // CHECK-SAME: %[[W2]][1: 0 by 1],
  // CHECK-NOT: prune.group
  return %7 : tensor<?x5x1x1xf32>
}

// Squeeze and excite: a vector of gates shares the channels, a per-pixel gate does not.
// CHECK-LABEL: @gates
func.func @gates(%x: tensor<?x3x8x8xf32> {nn.name = "x"}) -> (tensor<?x5x8x8xf32> {nn.name = "y"}) {
  %w = nn.constant dense<1.0> : tensor<4x3x1x1xf32> initializer loc(fused<["w"]>["w"])
  %down = nn.constant dense<1.0> : tensor<2x4x1x1xf32> initializer loc(fused<["down"]>["down"])
  %up = nn.constant dense<1.0> : tensor<4x2x1x1xf32> initializer loc(fused<["up"]>["up"])
  %pixel = nn.constant dense<1.0> : tensor<1x4x1x1xf32> initializer loc(fused<["pixel"]>["pixel"])
  %vector = nn.constant dense<1.0> : tensor<4x1x1xf32> initializer loc(fused<["vector"]>["vector"])
  %head = nn.constant dense<1.0> : tensor<5x4x1x1xf32> initializer loc(fused<["head"]>["head"])
  %0 = nn.conv %x, %w : (tensor<?x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<?x4x8x8xf32>
  %1 = nn.global_average_pool %0 : (tensor<?x4x8x8xf32>) -> tensor<?x4x1x1xf32>
  %2 = nn.conv %1, %down : (tensor<?x4x1x1xf32>, tensor<2x4x1x1xf32>) -> tensor<?x2x1x1xf32>
  %3 = nn.relu %2 : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
  %4 = nn.conv %3, %up : (tensor<?x2x1x1xf32>, tensor<4x2x1x1xf32>) -> tensor<?x4x1x1xf32>
  %5 = nn.hard_sigmoid %4 : (tensor<?x4x1x1xf32>) -> tensor<?x4x1x1xf32>
  %6 = nn.mul %0, %5 : (tensor<?x4x8x8xf32>, tensor<?x4x1x1xf32>) -> tensor<?x4x8x8xf32>
  %7 = nn.conv %6, %pixel : (tensor<?x4x8x8xf32>, tensor<1x4x1x1xf32>) -> tensor<?x1x8x8xf32>
  %8 = nn.mul %6, %7 : (tensor<?x4x8x8xf32>, tensor<?x1x8x8xf32>) -> tensor<?x4x8x8xf32>
  %9 = nn.add %8, %vector : (tensor<?x4x8x8xf32>, tensor<4x1x1xf32>) -> tensor<?x4x8x8xf32>
  %10 = nn.conv %9, %head : (tensor<?x4x8x8xf32>, tensor<5x4x1x1xf32>) -> tensor<?x5x8x8xf32>
  // CHECK: prune.group "w:0" units(4)
  // CHECK-SAME: : tensor<4x3x1x1xf32>, tensor<2x4x1x1xf32>, tensor<4x2x1x1xf32>, tensor<1x4x1x1xf32>, tensor<4x1x1xf32>, tensor<5x4x1x1xf32>,
  // CHECK-NEXT: prune.group "down:0" units(2)
  // CHECK-NOT: prune.group
  return %10 : tensor<?x5x8x8xf32>
}
