// RUN: secateur-opt %s -prune-apply -split-input-file | FileCheck %s
// RUN: secateur-opt %s -prune-apply=norm-statistics=kept -split-input-file | FileCheck %s --check-prefix=KEPT

// The norm goes on counting the position that leaves.
// CHECK-LABEL: @layer_norm
// KEPT-LABEL: @layer_norm
func.func @layer_norm(%x: tensor<?x2xf32> {nn.name = "x"}) -> (tensor<?x2xf32> {nn.name = "y"}) {
  %w = nn.constant dense<1.0> : tensor<2x3xf32> initializer
  %s = nn.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32> initializer
  %v = nn.constant dense<1.0> : tensor<3x2xf32> initializer
  %0 = nn.matmul %x, %w : (tensor<?x2xf32>, tensor<2x3xf32>) -> tensor<?x3xf32>
  // CHECK: nn.layer_normalization {{.*}}count = 3 : i64{{.*}} -> tensor<?x2xf32>
  // KEPT-NOT: count
  // KEPT: nn.layer_normalization {{.*}} -> tensor<?x2xf32>
  %1 = nn.layer_normalization %0, %s {resultSegmentSizes = array<i32: 1, 0, 0>} : (tensor<?x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  %2 = nn.matmul %1, %v : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
  prune.group "w:1" units(3) (%w[1: 0 by 1], %s[0: 0 by 1], %v[0: 0 by 1], %0[1: 0 by 1], %1[1: 0 by 1])
    {prune.removed = array<i64: 1>}
    : tensor<2x3xf32>, tensor<3xf32>, tensor<3x2xf32>, tensor<?x3xf32>, tensor<?x3xf32>
  return %2 : tensor<?x2xf32>
}

// -----

// Near miss: nothing of what the norm counts leaves.
// CHECK-LABEL: @uncut
func.func @uncut(%x: tensor<?x2xf32> {nn.name = "x"}) -> (tensor<?x2xf32> {nn.name = "y"}) {
  %s = nn.constant dense<[1.0, 2.0]> : tensor<2xf32> initializer
  %w = nn.constant dense<1.0> : tensor<2x3xf32> initializer
  %v = nn.constant dense<1.0> : tensor<3x2xf32> initializer
  // CHECK-NOT: count
  %0 = nn.layer_normalization %x, %s {resultSegmentSizes = array<i32: 1, 0, 0>} : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %1 = nn.matmul %0, %w : (tensor<?x2xf32>, tensor<2x3xf32>) -> tensor<?x3xf32>
  %2 = nn.matmul %1, %v : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
  prune.group "w:1" units(3) (%w[1: 0 by 1], %v[0: 0 by 1], %1[1: 0 by 1])
    {prune.removed = array<i64: 1>} : tensor<2x3xf32>, tensor<3x2xf32>, tensor<?x3xf32>
  return %2 : tensor<?x2xf32>
}

// -----

// A whole group leaves, and a channel of each group: three groups of two, of which
// three channels were counted.
// CHECK-LABEL: @group_norm
func.func @group_norm(%x: tensor<1x1x2x2xf32> {nn.name = "x"}) -> (tensor<1x1x2x2xf32> {nn.name = "y"}) {
  %w = nn.constant dense<1.0> : tensor<12x1x1x1xf32> initializer
  %s = nn.constant dense<1.0> : tensor<12xf32> initializer
  %v = nn.constant dense<1.0> : tensor<1x12x1x1xf32> initializer
  %0 = nn.conv %x, %w : (tensor<1x1x2x2xf32>, tensor<12x1x1x1xf32>) -> tensor<1x12x2x2xf32>
  // CHECK: nn.group_normalization {{.*}}count = 3 : i64{{.*}}num_groups = 3 : i64{{.*}} -> tensor<1x6x2x2xf32>
  %1 = nn.group_normalization %0, %s, %s {num_groups = 4 : i64} : (tensor<1x12x2x2xf32>, tensor<12xf32>, tensor<12xf32>) -> tensor<1x12x2x2xf32>
  %2 = nn.conv %1, %v : (tensor<1x12x2x2xf32>, tensor<1x12x1x1xf32>) -> tensor<1x1x2x2xf32>
  prune.group "w:0" units(4) (%w[0: 0 by 3], %s[0: 0 by 3], %v[1: 0 by 3], %0[1: 0 by 3], %1[1: 0 by 3])
    {prune.removed = array<i64: 1>}
    : tensor<12x1x1x1xf32>, tensor<12xf32>, tensor<1x12x1x1xf32>, tensor<1x12x2x2xf32>, tensor<1x12x2x2xf32>
  prune.group "w:0#1" units(3) (%w[0: 0 by 1 x 4 step 3], %s[0: 0 by 1 x 4 step 3], %v[1: 0 by 1 x 4 step 3], %0[1: 0 by 1 x 4 step 3], %1[1: 0 by 1 x 4 step 3])
    {prune.removed = array<i64: 2>}
    : tensor<12x1x1x1xf32>, tensor<12xf32>, tensor<1x12x1x1xf32>, tensor<1x12x2x2xf32>, tensor<1x12x2x2xf32>
  return %2 : tensor<1x1x2x2xf32>
}

// -----

// A fused norm counts as well, over the last axis of what is added.
// CHECK-LABEL: @skip_norm
// KEPT-LABEL: @skip_norm
func.func @skip_norm(%x: tensor<?x2xf32> {nn.name = "x"}) -> (tensor<?x2xf32> {nn.name = "y"}) {
  %w = nn.constant dense<1.0> : tensor<2x3xf32> initializer
  %s = nn.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32> initializer
  %v = nn.constant dense<1.0> : tensor<3x2xf32> initializer
  %0 = nn.matmul %x, %w : (tensor<?x2xf32>, tensor<2x3xf32>) -> tensor<?x3xf32>
  // CHECK: nn.ms.skip_simplified_layer_normalization {{.*}}count = 3 : i64{{.*}} -> tensor<?x2xf32>
  // KEPT-NOT: count
  // KEPT: nn.ms.skip_simplified_layer_normalization {{.*}} -> tensor<?x2xf32>
  %1 = nn.ms.skip_simplified_layer_normalization %0, %0, %s {resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<?x3xf32>, tensor<?x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  %2 = nn.matmul %1, %v : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
  prune.group "w:1" units(3) (%w[1: 0 by 1], %s[0: 0 by 1], %v[0: 0 by 1], %0[1: 0 by 1], %1[1: 0 by 1])
    {prune.removed = array<i64: 1>}
    : tensor<2x3xf32>, tensor<3xf32>, tensor<3x2xf32>, tensor<?x3xf32>, tensor<?x3xf32>
  return %2 : tensor<?x2xf32>
}
