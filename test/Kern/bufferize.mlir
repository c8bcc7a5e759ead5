// RUN: secateur-opt %s -one-shot-bufferize="bufferize-function-boundaries" -split-input-file | FileCheck %s

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>

// The destination is written in place and never copied: its contents are not read.
// CHECK-LABEL: @in_place
// CHECK-NOT: memref.copy
// CHECK: %[[W:.*]] = kern.weight {{.*}} : memref<2x8x16xf32>
// CHECK: %[[C:.*]] = memref.alloc
// CHECK: kern.contract {{.*}} ins(%{{.*}}, %[[W]] : memref<4x8xf32{{.*}}>, memref<2x8x16xf32>) packed outs(%[[C]] : memref<4x24xf32>)
// CHECK: return %[[C]]
func.func @in_place(%a: tensor<4x8xf32>) -> tensor<4x24xf32> {
  %w = kern.weight dense<1.0> : tensor<8x24xf32> panel 16 : tensor<2x8x16xf32>
  %e = tensor.empty() : tensor<4x24xf32>
  %y = kern.contract indexing_maps = [#a, #b, #c] ins(%a, %w : tensor<4x8xf32>, tensor<2x8x16xf32>) packed
         outs(%e : tensor<4x24xf32>) -> tensor<4x24xf32>
  return %y : tensor<4x24xf32>
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>

// The residual may be the destination: it is read and then written, element by element.
// CHECK-LABEL: @residual_in_place
// CHECK-SAME: (%{{.*}}: memref<4x4xf32{{.*}}>, %{{.*}}: memref<4x4xf32{{.*}}>, %[[R:.*]]: memref<4x4xf32{{.*}}>)
// CHECK-NOT: memref.alloc
// CHECK-NOT: memref.copy
// CHECK: kern.contract {{.*}} epilogue(%[[R]] : {{.*}}) {{.*}} outs(%[[R]] :
func.func @residual_in_place(%a: tensor<4x4xf32>, %b: tensor<4x4xf32>, %r: tensor<4x4xf32> {bufferization.writable = true}) -> tensor<4x4xf32> {
  %y = kern.contract indexing_maps = [#a, #b, #c] ins(%a, %b : tensor<4x4xf32>, tensor<4x4xf32>)
         epilogue(%r : tensor<4x4xf32>) maps [#id] outs(%r : tensor<4x4xf32>) {
  ^bb0(%acc: f32, %res: f32):
    %s = arith.addf %acc, %res : f32
    kern.yield %s : f32
  } -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>

// The left operand is read many times: it needs another buffer than the destination.
// CHECK-LABEL: @input_not_in_place
// CHECK: %[[NEW:.*]] = memref.alloc
// CHECK: kern.contract {{.*}} outs(%[[NEW]] :
func.func @input_not_in_place(%a: tensor<4x4xf32> {bufferization.writable = true}, %b: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %y = kern.contract indexing_maps = [#a, #b, #c] ins(%a, %b : tensor<4x4xf32>, tensor<4x4xf32>)
         outs(%a : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}
