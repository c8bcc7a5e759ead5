// RUN: secateur-opt %s -prune-analyze -mlir-use-nameloc-as-prefix | FileCheck %s

// Six query heads over two of keys and values, packed. The size of a head of
// queries and keys stays: the default scale follows it.
// CHECK-LABEL: @packed
func.func @packed(%x: tensor<?x7x6xf32> {nn.name = "x"}) -> tensor<?x7x6xf32> {
  %wq = nn.constant dense<1.0> : tensor<6x24xf32> loc("wq")
  %wk = nn.constant dense<1.0> : tensor<6x8xf32> loc("wk")
  %wv = nn.constant dense<1.0> : tensor<6x10xf32> loc("wv")
  %wo = nn.constant dense<1.0> : tensor<30x6xf32> loc("wo")
  %q = nn.matmul %x, %wq : (tensor<?x7x6xf32>, tensor<6x24xf32>) -> tensor<?x7x24xf32>
  %k = nn.matmul %x, %wk : (tensor<?x7x6xf32>, tensor<6x8xf32>) -> tensor<?x7x8xf32>
  %v = nn.matmul %x, %wv : (tensor<?x7x6xf32>, tensor<6x10xf32>) -> tensor<?x7x10xf32>
  %0 = nn.attention %q, %k, %v {q_num_heads = 6 : i64, kv_num_heads = 2 : i64, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<?x7x24xf32>, tensor<?x7x8xf32>, tensor<?x7x10xf32>) -> tensor<?x7x30xf32> loc("attn")
  %1 = nn.matmul %0, %wo : (tensor<?x7x30xf32>, tensor<30x6xf32>) -> tensor<?x7x6xf32>
  // CHECK: prune.group "wq:1" units(2) (%wq[1: 0 by 12], %wk[1: 0 by 4], %wv[1: 0 by 5], %wo[0: 0 by 15],
  // CHECK: prune.group "wq:1#1" units(6) balanced(2) (%wq[1: 0 by 4], %wo[0: 0 by 5],
  // CHECK: prune.group "wv:1" units(10) balanced(2) (%wv[1: 0 by 1], %wo[0: {{\{\[}}0, 5, 10], [1, 6, 11],{{.*}}],
  // CHECK-NOT: prune.group
  return %1 : tensor<?x7x6xf32>
}
