// RUN: secateur-opt %s -nn-infer-shapes -prune-analyze | FileCheck %s

// A head of keys owns two heads of queries; one of the two can leave for all heads of
// keys. The size of a head stays, which is no group.
// CHECK-LABEL: func.func @grouped
// CHECK-DAG: %[[Q:.*]] = nn.constant dense<1.0
// CHECK-DAG: %[[K:.*]] = nn.constant dense<2.0
// CHECK-DAG: %[[O:.*]] = nn.constant dense<4.0
// CHECK: prune.group {{.*}} units(2) (%[[Q]][1: 0 by 32], %[[K]][1: 0 by 16], {{.*}}%[[O]][0: 0 by 32]
// CHECK: prune.group {{.*}} units(4) balanced(2) (%[[Q]][1: 0 by 16], %[[O]][0: 0 by 16]
// CHECK-NOT: prune.group
func.func @grouped(%x: tensor<1x3x8xf32>, %lengths: tensor<1xi32>, %total: tensor<i32>) -> tensor<1x3x8xf32> {
  %wq = nn.constant dense<1.0> : tensor<8x64xf32> initializer loc("wq")
  %wk = nn.constant dense<2.0> : tensor<8x32xf32> initializer loc("wk")
  %wv = nn.constant dense<3.0> : tensor<8x32xf32> initializer loc("wv")
  %wo = nn.constant dense<4.0> : tensor<64x8xf32> initializer loc("wo")
  %q = nn.matmul %x, %wq : (tensor<1x3x8xf32>, tensor<8x64xf32>) -> tensor<1x3x64xf32>
  %k = nn.matmul %x, %wk : (tensor<1x3x8xf32>, tensor<8x32xf32>) -> tensor<1x3x32xf32>
  %v = nn.matmul %x, %wv : (tensor<1x3x8xf32>, tensor<8x32xf32>) -> tensor<1x3x32xf32>
  %y = nn.ms.group_query_attention %q key(%k) value(%v), %lengths, %total {num_heads = 4 : i64, kv_num_heads = 2 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<1x3x64xf32>, tensor<1x3x32xf32>, tensor<1x3x32xf32>, tensor<1xi32>, tensor<i32>) -> tensor<1x3x64xf32>
  %z = nn.matmul %y, %wo : (tensor<1x3x64xf32>, tensor<64x8xf32>) -> tensor<1x3x8xf32>
  return %z : tensor<1x3x8xf32>
}
