// RUN: secateur-opt %s -prune-plan=budgets=params=50%% | FileCheck %s
// RUN: secateur-opt %s -prune-plan="budgets=params=50%% keep=first*" | FileCheck %s --check-prefix=KEEP
// RUN: secateur-opt %s -prune-plan="budgets=params=1%% best-effort" | FileCheck %s --check-prefix=NEAREST
// RUN: not secateur-opt %s -prune-plan="budgets=params=1%%" 2>&1 | FileCheck %s --check-prefix=REACH
// RUN: not secateur-opt %s -prune-plan="budgets=params=half" 2>&1 | FileCheck %s --check-prefix=AMOUNT
// RUN: not secateur-opt %s -prune-plan="budgets=joules=5" 2>&1 | FileCheck %s --check-prefix=KIND
// RUN: not secateur-opt %s -prune-plan="keep=nothing*" 2>&1 | FileCheck %s --check-prefix=PATTERN

// REACH: budget params=1% is out of reach: the least that can be left is 18.8% (9 parameters); --best-effort takes that
// REACH: pinned: a graph output keeps its size (1 dimension: 'third' axis 1 by return)
// AMOUNT: budget 'params=half' has no amount; write a share like 50%, or a number like 1.2G
// KIND: budget 'joules=5' is of no known kind; known: flops, params
// PATTERN: pattern 'nothing*' matches no tensor or node that could be pruned

// Two layers of 4 units each; of 48 parameters at most 24 may be left. The units
// with low scores leave, wherever they stand, and not all of one layer.
// CHECK-LABEL: @lowest_scores_leave
func.func @lowest_scores_leave(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %w = nn.constant dense<1.0> : tensor<4x4xf32> initializer loc(fused<["first"]>["first"])
  %v = nn.constant dense<1.0> : tensor<4x4xf32> initializer loc(fused<["second"]>["second"])
  %u = nn.constant dense<1.0> : tensor<4x4xf32> initializer loc(fused<["third"]>["third"])
  %a = nn.matmul %x, %w : (tensor<1x4xf32>, tensor<4x4xf32>) -> tensor<1x4xf32>
  %b = nn.matmul %a, %v : (tensor<1x4xf32>, tensor<4x4xf32>) -> tensor<1x4xf32>
  %c = nn.matmul %b, %u : (tensor<1x4xf32>, tensor<4x4xf32>) -> tensor<1x4xf32>
  // CHECK: prune.group "first:1"
  // CHECK-SAME: prune.removed = array<i64: 1, 2>
  // KEEP: prune.pin %{{.*}} axis 1 "kept by request" by "--keep"
  // KEEP: prune.pin %{{.*}} axis 0 "kept by request" by "--keep"
  // KEEP-NOT: "first:1"
  // KEEP: prune.group "second:1"
  // NEAREST: prune.group "first:1"
  // NEAREST-SAME: prune.removed = array<i64: 1, 2, 3>
  prune.group "first:1" units(4) (%w[1: 0 by 1], %v[0: 0 by 1], %a[1: 0 by 1]) {prune.scores = array<f64: 9.0, 1.0, 2.0, 8.0>}
    : tensor<4x4xf32>, tensor<4x4xf32>, tensor<1x4xf32>
  // CHECK: prune.group "second:1"
  // CHECK-SAME: prune.removed = array<i64: 0, 3>
  prune.group "second:1" units(4) (%u[0: 0 by 1], %b[1: 0 by 1], %v[1: 0 by 1]) {prune.scores = array<f64: 1.0, 9.0, 9.0, 9.0>}
    : tensor<4x4xf32>, tensor<1x4xf32>, tensor<4x4xf32>
  prune.pin %u axis 1 "a graph output keeps its size" by "return" : tensor<4x4xf32>
  return %c : tensor<1x4xf32>
}
