// RUN: secateur-opt %s -kern-fuse-epilogues -split-input-file | FileCheck %s

#mm = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
#id = affine_map<(m, n) -> (m, n)>
#column = affine_map<(m, n) -> (n)>

// Bias and activation, then a residual: into one epilogue.
// CHECK-LABEL: func.func @chain
// CHECK-SAME: (%[[A:.*]]: tensor<?x8xf32>, %[[W:.*]]: tensor<2x8x16xf32>, %[[BIAS:.*]]: tensor<24xf32>, %[[R:.*]]: tensor<?x24xf32>, %[[E:.*]]: tensor<?x24xf32>, %[[F:.*]]: tensor<?x24xf32>)
// CHECK-NOT: linalg.generic
// CHECK: %[[Y:.*]] = kern.contract {{.*}} ins(%[[A]], %[[W]] : {{.*}}) packed epilogue(%[[BIAS]], %[[R]] : tensor<24xf32>, tensor<?x24xf32>) maps [{{.*}}] outs(%[[F]] : tensor<?x24xf32>)
// CHECK-NEXT: ^bb0(%[[ACC:.*]]: f32, %[[B:.*]]: f32, %[[X:.*]]: f32):
// CHECK: %[[S:.*]] = arith.addf %[[ACC]], %[[B]]
// CHECK: %[[T:.*]] = math.tanh %[[S]]
// CHECK: %[[U:.*]] = arith.mulf %[[T]], %[[X]]
// CHECK: kern.yield %[[U]]
// CHECK: return %[[Y]]
func.func @chain(%a: tensor<?x8xf32>, %w: tensor<2x8x16xf32>, %bias: tensor<24xf32>, %r: tensor<?x24xf32>,
                 %e: tensor<?x24xf32>, %f: tensor<?x24xf32>) -> tensor<?x24xf32> {
  %c = kern.contract indexing_maps = #mm ins(%a, %w : tensor<?x8xf32>, tensor<2x8x16xf32>) packed outs(%e : tensor<?x24xf32>) -> tensor<?x24xf32>
  %0 = linalg.generic {indexing_maps = [#id, #column, #id], iterator_types = ["parallel", "parallel"]}
      ins(%c, %bias : tensor<?x24xf32>, tensor<24xf32>) outs(%e : tensor<?x24xf32>) {
  ^bb0(%x: f32, %b: f32, %o: f32):
    %s = arith.addf %x, %b : f32
    %t = math.tanh %s : f32
    linalg.yield %t : f32
  } -> tensor<?x24xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%0, %r : tensor<?x24xf32>, tensor<?x24xf32>) outs(%f : tensor<?x24xf32>) {
  ^bb0(%x: f32, %b: f32, %o: f32):
    %s = arith.mulf %x, %b : f32
    linalg.yield %s : f32
  } -> tensor<?x24xf32>
  return %1 : tensor<?x24xf32>
}

// The result twice in one consumer; the element type changes; a convolution.
// CHECK-LABEL: func.func @twice
// CHECK: kern.conv {{.*}} outs(%{{.*}} : tensor<1x4x4x16xf64>) {
// CHECK-NEXT: ^bb0(%[[ACC:.*]]: f32):
// CHECK-NEXT: %[[P:.*]] = arith.mulf %[[ACC]], %[[ACC]] : f32
// CHECK-NEXT: %[[X:.*]] = arith.extf %[[P]]
// CHECK-NEXT: kern.yield %[[X]] : f64
#id4 = affine_map<(a, b, c, d) -> (a, b, c, d)>
func.func @twice(%x: tensor<1x4x4x16xf32>, %w: tensor<1x1x1x1x16x16xf32>, %e: tensor<1x4x4x16xf32>, %f: tensor<1x4x4x16xf64>) -> tensor<1x4x4x16xf64> {
  %c = kern.conv ins(%x, %w : tensor<1x4x4x16xf32>, tensor<1x1x1x1x16x16xf32>) outs(%e : tensor<1x4x4x16xf32>) -> tensor<1x4x4x16xf32>
  %0 = linalg.generic {indexing_maps = [#id4, #id4, #id4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%c, %c : tensor<1x4x4x16xf32>, tensor<1x4x4x16xf32>) outs(%f : tensor<1x4x4x16xf64>) {
  ^bb0(%a: f32, %b: f32, %o: f64):
    %p = arith.mulf %a, %b : f32
    %y = arith.extf %p : f32 to f64
    linalg.yield %y : f64
  } -> tensor<1x4x4x16xf64>
  return %0 : tensor<1x4x4x16xf64>
}

// -----

#mm = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
#id = affine_map<(m, n) -> (m, n)>
#t = affine_map<(m, n) -> (n, m)>

// Somebody else reads the result.
// CHECK-LABEL: func.func @keep_when_shared
// CHECK: kern.contract
// CHECK: linalg.generic
func.func @keep_when_shared(%a: tensor<8x8xf32>, %e: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %c = kern.contract indexing_maps = #mm ins(%a, %a : tensor<8x8xf32>, tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) -> tensor<8x8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%c : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%x: f32, %o: f32):
    %s = arith.negf %x : f32
    linalg.yield %s : f32
  } -> tensor<8x8xf32>
  return %c, %0 : tensor<8x8xf32>, tensor<8x8xf32>
}

// CHECK-LABEL: func.func @keep_transposed_result
// CHECK: kern.contract
// CHECK: linalg.generic
func.func @keep_transposed_result(%a: tensor<8x8xf32>, %e: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %c = kern.contract indexing_maps = #mm ins(%a, %a : tensor<8x8xf32>, tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) -> tensor<8x8xf32>
  %0 = linalg.generic {indexing_maps = [#t, #id], iterator_types = ["parallel", "parallel"]} ins(%c : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%x: f32, %o: f32):
    %s = arith.negf %x : f32
    linalg.yield %s : f32
  } -> tensor<8x8xf32>
  return %0 : tensor<8x8xf32>
}

// CHECK-LABEL: func.func @keep_transposed_operand
// CHECK: kern.contract
// CHECK: linalg.generic
func.func @keep_transposed_operand(%a: tensor<8x8xf32>, %e: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %c = kern.contract indexing_maps = #mm ins(%a, %a : tensor<8x8xf32>, tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) -> tensor<8x8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #t, #id], iterator_types = ["parallel", "parallel"]} ins(%c, %a : tensor<8x8xf32>, tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %s = arith.addf %x, %y : f32
    linalg.yield %s : f32
  } -> tensor<8x8xf32>
  return %0 : tensor<8x8xf32>
}

// CHECK-LABEL: func.func @keep_reduction
// CHECK: kern.contract
// CHECK: linalg.generic
func.func @keep_reduction(%a: tensor<8x8xf32>, %e: tensor<8x8xf32>, %v: tensor<8xf32>) -> tensor<8xf32> {
  %c = kern.contract indexing_maps = #mm ins(%a, %a : tensor<8x8xf32>, tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) -> tensor<8x8xf32>
  %0 = linalg.generic {indexing_maps = [#id, affine_map<(m, n) -> (m)>], iterator_types = ["parallel", "reduction"]} ins(%c : tensor<8x8xf32>) outs(%v : tensor<8xf32>) {
  ^bb0(%x: f32, %o: f32):
    %s = arith.addf %x, %o : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// The output is larger than the kernel's result.
// CHECK-LABEL: func.func @keep_broadcast
// CHECK: kern.contract
// CHECK: linalg.generic
func.func @keep_broadcast(%a: tensor<8x8xf32>, %e: tensor<8x8xf32>, %v: tensor<3x8x8xf32>) -> tensor<3x8x8xf32> {
  %c = kern.contract indexing_maps = #mm ins(%a, %a : tensor<8x8xf32>, tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) -> tensor<8x8xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%c : tensor<8x8xf32>) outs(%v : tensor<3x8x8xf32>) {
  ^bb0(%x: f32, %o: f32):
    linalg.yield %x : f32
  } -> tensor<3x8x8xf32>
  return %0 : tensor<3x8x8xf32>
}

// The body uses its position, or a value that is no constant.
// CHECK-LABEL: func.func @keep_index_and_captures
// CHECK: kern.contract
// CHECK: linalg.generic
// CHECK: kern.contract
// CHECK: linalg.generic
func.func @keep_index_and_captures(%a: tensor<8x8xf32>, %e: tensor<8x8xf32>, %v: f32) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %c = kern.contract indexing_maps = #mm ins(%a, %a : tensor<8x8xf32>, tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) -> tensor<8x8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%c : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%x: f32, %o: f32):
    %i = linalg.index 0 : index
    %j = arith.index_cast %i : index to i32
    %f = arith.sitofp %j : i32 to f32
    %s = arith.addf %x, %f : f32
    linalg.yield %s : f32
  } -> tensor<8x8xf32>
  %d = kern.contract indexing_maps = #mm ins(%a, %a : tensor<8x8xf32>, tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%d : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%x: f32, %o: f32):
    %s = arith.addf %x, %v : f32
    linalg.yield %s : f32
  } -> tensor<8x8xf32>
  return %0, %1 : tensor<8x8xf32>, tensor<8x8xf32>
}
