// RUN: secateur-opt %s -verify-roundtrip | FileCheck %s

// CHECK-LABEL: @conv
func.func @conv(%x: tensor<?x3x8x8xf32> {nn.name = "x", nn.dims = ["n", "", "", ""]}) -> tensor<?x4x8x8xf32> {
  %w = nn.constant dense<1.0> : tensor<4x3x1x1xf32> initializer
  // CHECK: nn.conv %{{.*}}, %{{.*}} {strides = array<i64: 1, 1>}
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>} : (tensor<?x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<?x4x8x8xf32>
  return %0 : tensor<?x4x8x8xf32>
}

// Optional operands are named, so that each may be left out.
// CHECK-LABEL: @optional_operands
func.func @optional_operands(%x: tensor<4xf32>, %high: tensor<f32>) -> tensor<4xf32> {
  // CHECK: nn.clip %{{.*}} max(%{{.*}}) :
  %0 = nn.clip %x max(%high) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: @custom
func.func @custom(%x: tensor<4xf32>) -> tensor<?xf32> {
  // CHECK: nn.custom "com.example" : "Mystery"(%{{.*}}) {alpha = 1.0{{.*}} : f32} : (tensor<4xf32>) -> tensor<?xf32>
  %0 = nn.custom "com.example" : "Mystery" (%x) {alpha = 1.0 : f32} : (tensor<4xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// CHECK-LABEL: @branch
func.func @branch(%c: tensor<i1>, %x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: nn.if %{{.*}} else_branch {
  %0 = nn.if %c : (tensor<i1>) -> tensor<4xf32> else_branch {
    nn.yield %x : tensor<4xf32>
  } then_branch {
    %1 = nn.relu %x : (tensor<4xf32>) -> tensor<4xf32>
    nn.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}
