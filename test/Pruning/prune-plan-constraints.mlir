// RUN: secateur-opt %s -prune-plan=budgets=params=50%% | FileCheck %s

// As many leave each slot, and what stays is a multiple of 4: 8 units of 2 slots,
// 4 leave, 2 of each slot, though the worst 4 are in one.
// CHECK-LABEL: @balanced
func.func @balanced(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = nn.constant dense<1.0> : tensor<2x8xf32> initializer
  %v = nn.constant dense<1.0> : tensor<8x2xf32> initializer
  %a = nn.matmul %x, %w : (tensor<1x2xf32>, tensor<2x8xf32>) -> tensor<1x8xf32>
  %b = nn.matmul %a, %v : (tensor<1x8xf32>, tensor<8x2xf32>) -> tensor<1x2xf32>
  // CHECK: prune.group "w:1"
  // CHECK-SAME: prune.removed = array<i64: 2, 3, 6, 7>
  prune.group "w:1" units(8) multiple_of(4) balanced(2) (%w[1: 0 by 1], %v[0: 0 by 1], %a[1: 0 by 1])
    {prune.scores = array<f64: 2.0, 2.0, 1.0, 1.0, 9.0, 9.0, 8.0, 8.0>} : tensor<2x8xf32>, tensor<8x2xf32>, tensor<1x8xf32>
  return %b : tensor<1x2xf32>
}
