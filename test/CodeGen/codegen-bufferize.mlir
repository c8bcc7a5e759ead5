// RUN: secateur-opt %s -codegen-bufferize -split-input-file | FileCheck %s

// The last operation writes the destination of the function.
// CHECK-LABEL: func @result_in_place(
// CHECK-SAME: %[[X:.*]]: memref<2x3xf32>, %[[OUT:.*]]: memref<2x3xf32>)
func.func @result_in_place(%x: tensor<2x3xf32> {bufferization.writable = false}, %out: memref<2x3xf32>) {
  // CHECK-NOT: memref.alloc
  // CHECK: linalg.exp ins(%[[X]] {{.*}}) outs(%[[OUT]]
  %e = tensor.empty() : tensor<2x3xf32>
  %a = linalg.exp ins(%x : tensor<2x3xf32>) outs(%e : tensor<2x3xf32>) -> tensor<2x3xf32>
  bufferization.materialize_in_destination %a in restrict writable %out : (tensor<2x3xf32>, memref<2x3xf32>) -> ()
  return
}

// -----

#id = affine_map<(i) -> (i)>
// The second operation overwrites what nothing else reads.
// CHECK-LABEL: func @reuse_input(
func.func @reuse_input(%x: tensor<8xf32> {bufferization.writable = false}, %w: tensor<4x8xf32> {bufferization.writable = false}) -> tensor<4xf32> {
  // CHECK: %[[M:.*]] = memref.alloc() {{.*}} : memref<8xf32>
  // CHECK: linalg.exp {{.*}} outs(%[[M]]
  // CHECK-NOT: memref.alloc() {{.*}} : memref<8xf32>
  // CHECK: linalg.generic {{.*}} ins(%[[M]], %{{.*}} : {{.*}}) outs(%[[M]]
  %e = tensor.empty() : tensor<8xf32>
  %a = linalg.exp ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  %e2 = tensor.empty() : tensor<8xf32>
  %b = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%a, %x : tensor<8xf32>, tensor<8xf32>) outs(%e2 : tensor<8xf32>) {
    ^bb0(%p: f32, %q: f32, %o: f32):
      %s = arith.addf %p, %q : f32
      linalg.yield %s : f32
  } -> tensor<8xf32>
  %e3 = tensor.empty() : tensor<4xf32>
  %r = linalg.matvec ins(%w, %b : tensor<4x8xf32>, tensor<8xf32>) outs(%e3 : tensor<4xf32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

#id = affine_map<(i) -> (i)>
// Here the input is needed again.
// CHECK-LABEL: func @keep_input(
func.func @keep_input(%x: tensor<8xf32> {bufferization.writable = false}, %o1: memref<8xf32>, %o2: memref<8xf32>) {
  // CHECK: linalg.exp {{.*}} outs(%[[A:.*]] : memref<8xf32>
  // CHECK: linalg.generic {{.*}} ins(%[[A]] : memref<8xf32>) outs(%[[B:.*]] : memref<8xf32>)
  // CHECK-NOT: linalg.copy ins(%[[A]] : memref<8xf32>) outs(%[[B]]
  %e = tensor.empty() : tensor<8xf32>
  %a = linalg.exp ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  %e2 = tensor.empty() : tensor<8xf32>
  %b = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%a : tensor<8xf32>) outs(%e2 : tensor<8xf32>) {
    ^bb0(%p: f32, %o: f32):
      %s = arith.negf %p : f32
      linalg.yield %s : f32
  } -> tensor<8xf32>
  bufferization.materialize_in_destination %a in restrict writable %o1 : (tensor<8xf32>, memref<8xf32>) -> ()
  bufferization.materialize_in_destination %b in restrict writable %o2 : (tensor<8xf32>, memref<8xf32>) -> ()
  return
}

// -----

#id2 = affine_map<(i) -> (i)>
// Two operations start from the same numbers and end in two outputs: each is
// filled in place.
// CHECK-LABEL: func @shared_fill(
// CHECK-SAME: %{{.*}}: memref<4xi64>, %[[A:.*]]: memref<4xi64>, %[[B:.*]]: memref<4xi64>)
func.func @shared_fill(%x: tensor<4xi64> {bufferization.writable = false}, %a: memref<4xi64>, %b: memref<4xi64>) {
  // CHECK: linalg.fill {{.*}} outs(%[[A]]
  // CHECK: linalg.generic {{.*}} outs(%[[A]]
  // CHECK: linalg.fill {{.*}} outs(%[[B]]
  // CHECK: linalg.generic {{.*}} outs(%[[B]]
  %one = arith.constant 1 : i64
  %e = tensor.empty() : tensor<4xi64>
  %f = linalg.fill ins(%one : i64) outs(%e : tensor<4xi64>) -> tensor<4xi64>
  %0 = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel"]} ins(%x : tensor<4xi64>) outs(%f : tensor<4xi64>) {
  ^bb0(%in: i64, %out: i64):
    %s = arith.addi %in, %out : i64
    linalg.yield %s : i64
  } -> tensor<4xi64>
  %1 = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel"]} ins(%x : tensor<4xi64>) outs(%f : tensor<4xi64>) {
  ^bb0(%in: i64, %out: i64):
    %s = arith.subi %in, %out : i64
    linalg.yield %s : i64
  } -> tensor<4xi64>
  bufferization.materialize_in_destination %0 in restrict writable %a : (tensor<4xi64>, memref<4xi64>) -> ()
  bufferization.materialize_in_destination %1 in restrict writable %b : (tensor<4xi64>, memref<4xi64>) -> ()
  return
}
