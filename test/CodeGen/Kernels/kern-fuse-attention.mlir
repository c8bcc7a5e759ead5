// RUN: secateur-opt %s -kern-fuse-attention -split-input-file | FileCheck %s

// Heads of queries share those of keys; the mask is the scores'; what was transposed
// or packed around it is read and written where it is.
// CHECK-DAG: #[[$Q:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d1, d0, d3)>
// CHECK-DAG: #[[$K:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d3, d2)>
// CHECK-DAG: #[[$V:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d2, d0, d4)>
// CHECK-DAG: #[[$Y:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d1, d0, d4)>
// CHECK-DAG: #[[$MASK:.*]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-LABEL: func.func @heads
// CHECK-SAME: (%[[Q0:[a-z0-9]*]]: tensor<?x12x64xf32>, %[[K0:[a-z0-9]*]]: tensor<12x?x64x16xf32>, %[[V0:[a-z0-9]*]]: tensor<?x12x64xf32>, %[[M0:[a-z0-9]*]]: tensor<?x?xf32>
// CHECK-NOT: linalg.generic
// CHECK: %[[R:.*]] = kern.attention indexing_maps = [#[[$Q]], #[[$K]], #[[$V]], #[[$Y]]] ins(%[[Q0]], %[[K0]], %[[V0]] : tensor<?x12x64xf32>, tensor<12x?x64x16xf32>, tensor<?x12x64xf32>) packed scores(%[[M0]] : tensor<?x?xf32>) maps [#[[$MASK]]] outs({{.*}} : tensor<?x12x64xf32>) {
// CHECK-NEXT: ^bb0(%[[S:.*]]: f32, %[[B:.*]]: f32):
// CHECK-NEXT: %[[T:.*]] = arith.addf %[[S]], %[[B]]
// CHECK-NEXT: kern.yield %[[T]]
// CHECK: return %[[R]]
#id = affine_map<(a, b, c) -> (a, b, c)>
#swap = affine_map<(a, b, c) -> (b, a, c)>
func.func @heads(%q: tensor<?x12x64xf32>, %k: tensor<12x?x64x16xf32>, %v: tensor<?x12x64xf32>, %mask: tensor<?x?xf32>,
                 %e: tensor<12x?x64xf32>, %s: tensor<12x?x?xf32>, %p: tensor<12x4x?x16xf32>, %y: tensor<?x12x64xf32>) -> tensor<?x12x64xf32> {
  %0 = linalg.generic {indexing_maps = [#swap, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%q : tensor<?x12x64xf32>) outs(%e : tensor<12x?x64xf32>) {
  ^bb0(%x: f32, %o: f32):
    linalg.yield %x : f32
  } -> tensor<12x?x64xf32>
  %1 = kern.contract indexing_maps = [affine_map<(h, m, n, k) -> (h, m, k)>, affine_map<(h, m, n, k) -> (h, k, n)>, affine_map<(h, m, n, k) -> (h, m, n)>]
      ins(%0, %k : tensor<12x?x64xf32>, tensor<12x?x64x16xf32>) packed
      epilogue(%mask : tensor<?x?xf32>) maps [affine_map<(h, m, n) -> (m, n)>] outs(%s : tensor<12x?x?xf32>) {
  ^bb0(%a: f32, %b: f32):
    %t = arith.addf %a, %b : f32
    kern.yield %t : f32
  } -> tensor<12x?x?xf32>
  %2 = kern.softmax ins(%1 : tensor<12x?x?xf32>) outs(%s : tensor<12x?x?xf32>) -> tensor<12x?x?xf32>
  %3 = kern.pack ins(%v : tensor<?x12x64xf32>) permutation [1, 0, 2] batch 1 outs(%p : tensor<12x4x?x16xf32>) -> tensor<12x4x?x16xf32>
  %4 = kern.contract indexing_maps = [affine_map<(h, m, n, k) -> (h, m, k)>, affine_map<(h, m, n, k) -> (h, k, n)>, affine_map<(h, m, n, k) -> (h, m, n)>]
      ins(%2, %3 : tensor<12x?x?xf32>, tensor<12x4x?x16xf32>) packed outs(%e : tensor<12x?x64xf32>) -> tensor<12x?x64xf32>
  %5 = linalg.generic {indexing_maps = [#swap, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%4 : tensor<12x?x64xf32>) outs(%y : tensor<?x12x64xf32>) {
  ^bb0(%x: f32, %o: f32):
    linalg.yield %x : f32
  } -> tensor<?x12x64xf32>
  return %5 : tensor<?x12x64xf32>
}

// -----

// Rows that are empty stay what the softmax made of them. A transposition of the last
// dimension is not the kernel's.
// CHECK-LABEL: func.func @zero_empty
// CHECK: %[[R:.*]] = kern.attention {{.*}} zero_empty -> tensor<5x8xf32>
// CHECK: linalg.generic {{.*}} ins(%[[R]]
#mm = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
func.func @zero_empty(%q: tensor<5x4xf32>, %k: tensor<4x7xf32>, %v: tensor<7x8xf32>, %s: tensor<5x7xf32>, %e: tensor<5x8xf32>, %t: tensor<8x5xf32>) -> tensor<8x5xf32> {
  %0 = kern.contract indexing_maps = #mm ins(%q, %k : tensor<5x4xf32>, tensor<4x7xf32>) outs(%s : tensor<5x7xf32>) -> tensor<5x7xf32>
  %1 = kern.softmax zero_empty ins(%0 : tensor<5x7xf32>) outs(%s : tensor<5x7xf32>) -> tensor<5x7xf32>
  %2 = kern.contract indexing_maps = #mm ins(%1, %v : tensor<5x7xf32>, tensor<7x8xf32>) outs(%e : tensor<5x8xf32>) -> tensor<5x8xf32>
  %3 = linalg.generic {indexing_maps = [affine_map<(a, b) -> (b, a)>, affine_map<(a, b) -> (a, b)>], iterator_types = ["parallel", "parallel"]}
      ins(%2 : tensor<5x8xf32>) outs(%t : tensor<8x5xf32>) {
  ^bb0(%x: f32, %o: f32):
    linalg.yield %x : f32
  } -> tensor<8x5xf32>
  return %3 : tensor<8x5xf32>
}

// -----

// The probabilities are an output as well.
// CHECK-LABEL: func.func @probabilities_used
// CHECK-NOT: kern.attention
#mm = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
func.func @probabilities_used(%q: tensor<5x4xf32>, %k: tensor<4x7xf32>, %v: tensor<7x8xf32>, %s: tensor<5x7xf32>, %e: tensor<5x8xf32>) -> (tensor<5x8xf32>, tensor<5x7xf32>) {
  %0 = kern.contract indexing_maps = #mm ins(%q, %k : tensor<5x4xf32>, tensor<4x7xf32>) outs(%s : tensor<5x7xf32>) -> tensor<5x7xf32>
  %1 = kern.softmax ins(%0 : tensor<5x7xf32>) outs(%s : tensor<5x7xf32>) -> tensor<5x7xf32>
  %2 = kern.contract indexing_maps = #mm ins(%1, %v : tensor<5x7xf32>, tensor<7x8xf32>) outs(%e : tensor<5x8xf32>) -> tensor<5x8xf32>
  return %2, %1 : tensor<5x8xf32>, tensor<5x7xf32>
}

// -----

// The softmax is over what the second product keeps; and a logarithm of one.
// CHECK-LABEL: func.func @other_products
// CHECK-NOT: kern.attention
#mm = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
func.func @other_products(%q: tensor<5x4xf32>, %k: tensor<4x5xf32>, %v: tensor<5x8xf32>, %s: tensor<5x5xf32>, %e: tensor<5x8xf32>) -> (tensor<5x8xf32>, tensor<5x8xf32>) {
  %0 = kern.contract indexing_maps = #mm ins(%q, %k : tensor<5x4xf32>, tensor<4x5xf32>) outs(%s : tensor<5x5xf32>) -> tensor<5x5xf32>
  %1 = kern.softmax ins(%0 : tensor<5x5xf32>) outs(%s : tensor<5x5xf32>) -> tensor<5x5xf32>
  %2 = kern.contract indexing_maps = [affine_map<(m, n, k) -> (k, m)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
      ins(%1, %v : tensor<5x5xf32>, tensor<5x8xf32>) outs(%e : tensor<5x8xf32>) -> tensor<5x8xf32>
  %3 = kern.contract indexing_maps = #mm ins(%q, %k : tensor<5x4xf32>, tensor<4x5xf32>) outs(%s : tensor<5x5xf32>) -> tensor<5x5xf32>
  %4 = kern.softmax log ins(%3 : tensor<5x5xf32>) outs(%s : tensor<5x5xf32>) -> tensor<5x5xf32>
  %5 = kern.contract indexing_maps = #mm ins(%4, %v : tensor<5x5xf32>, tensor<5x8xf32>) outs(%e : tensor<5x8xf32>) -> tensor<5x8xf32>
  return %2, %5 : tensor<5x8xf32>, tensor<5x8xf32>
}
