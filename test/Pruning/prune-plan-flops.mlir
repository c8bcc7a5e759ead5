// RUN: secateur-opt %s -prune-plan=budgets=flops=50%% -split-input-file | FileCheck %s
// RUN: not secateur-opt %s -prune-plan=budgets=flops=3 -split-input-file 2>&1 | FileCheck %s --check-prefix=LEAST

// The convolution's 4 units cost 2 * 16 * (9 + 1) each, of 1280 in all; the small
// layer's scores are lower, but it saves next to nothing.
// CHECK-LABEL: @cost_decides
// LEAST: the least that can be left is 25.{{[0-9]}}% (32{{[0-9]}} FLOPs)
func.func @cost_decides(%x: tensor<1x1x4x4xf32>, %z: tensor<1x1xf32>) -> (tensor<1x1x4x4xf32>, tensor<1x1xf32>) {
  %w = nn.constant dense<1.0> : tensor<4x1x3x3xf32> initializer
  %v = nn.constant dense<1.0> : tensor<1x4x1x1xf32> initializer
  %p = nn.constant dense<1.0> : tensor<1x2xf32> initializer
  %q = nn.constant dense<1.0> : tensor<2x1xf32> initializer
  %a = nn.conv %x, %w {pads = array<i64: 1, 1, 1, 1>} : (tensor<1x1x4x4xf32>, tensor<4x1x3x3xf32>) -> tensor<1x4x4x4xf32>
  %b = nn.conv %a, %v : (tensor<1x4x4x4xf32>, tensor<1x4x1x1xf32>) -> tensor<1x1x4x4xf32>
  %c = nn.gemm %z, %p : (tensor<1x1xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %d = nn.matmul %c, %q : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  // 2 units leave 640 of the convolutions and 8 of the rest: more than half.
  // CHECK: prune.group "w:0"
  // CHECK-SAME: prune.removed = array<i64: 2, 3>
  prune.group "w:0" units(4) (%w[0: 0 by 1], %v[1: 0 by 1], %a[1: 0 by 1]) {prune.scores = array<f64: 4.0, 4.0, 4.0, 4.0>}
    : tensor<4x1x3x3xf32>, tensor<1x4x1x1xf32>, tensor<1x4x4x4xf32>
  // CHECK: prune.group "p:1"
  // CHECK-SAME: prune.removed = array<i64: 1>
  prune.group "p:1" units(2) (%p[1: 0 by 1], %q[0: 0 by 1], %c[1: 0 by 1]) {prune.scores = array<f64: 9.0, 0.1>}
    : tensor<1x2xf32>, tensor<2x1xf32>, tensor<1x2xf32>
  return %b, %d : tensor<1x1x4x4xf32>, tensor<1x1xf32>
}

// -----

// Dynamic sizes are counted at usual ones. Of 8 multiply-accumulates a pixel, one
// unit less leaves 5: both layers lose one.
// CHECK-LABEL: @dynamic
func.func @dynamic(%x: tensor<?x1x?x?xf32> {nn.name = "x", nn.dims = ["n", "", "?", "?"]}) -> tensor<?x1x?x?xf32> {
  %w = nn.constant dense<1.0> : tensor<2x1x1x1xf32> initializer
  %v = nn.constant dense<1.0> : tensor<2x2x1x1xf32> initializer
  %u = nn.constant dense<1.0> : tensor<1x2x1x1xf32> initializer
  %a = nn.conv %x, %w : (tensor<?x1x?x?xf32>, tensor<2x1x1x1xf32>) -> tensor<?x2x?x?xf32>
  %b = nn.conv %a, %v : (tensor<?x2x?x?xf32>, tensor<2x2x1x1xf32>) -> tensor<?x2x?x?xf32>
  %c = nn.conv %b, %u : (tensor<?x2x?x?xf32>, tensor<1x2x1x1xf32>) -> tensor<?x1x?x?xf32>
  // CHECK: prune.group "w:0"
  // CHECK-SAME: prune.removed = array<i64: 1>
  prune.group "w:0" units(2) (%w[0: 0 by 1], %v[1: 0 by 1], %a[1: 0 by 1]) {prune.scores = array<f64: 5.0, 4.0>}
    : tensor<2x1x1x1xf32>, tensor<2x2x1x1xf32>, tensor<?x2x?x?xf32>
  // CHECK: prune.group "v:0"
  // CHECK-SAME: prune.removed = array<i64: 0>
  prune.group "v:0" units(2) (%v[0: 0 by 1], %u[1: 0 by 1], %b[1: 0 by 1]) {prune.scores = array<f64: 1.0, 4.0>}
    : tensor<2x2x1x1xf32>, tensor<1x2x1x1xf32>, tensor<?x2x?x?xf32>
  return %c : tensor<?x1x?x?xf32>
}
