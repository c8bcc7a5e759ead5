// RUN: secateur-opt %s -prune-analyze -mlir-use-nameloc-as-prefix | FileCheck %s

// Reshapes factor axes into digits.

// Attention: heads, and what is inside a head for queries and keys, and for
// values. Batch and sequence are dynamic.
// CHECK-LABEL: @attention
func.func @attention(%x: tensor<?x?x6xf32> {nn.name = "x", nn.dims = ["b", "s", ""]}) -> tensor<?x?x6xf32> {
  %wq = nn.constant dense<1.0> : tensor<6x12xf32> loc("wq")
  %wk = nn.constant dense<1.0> : tensor<6x12xf32> loc("wk")
  %wv = nn.constant dense<1.0> : tensor<6x15xf32> loc("wv")
  %wo = nn.constant dense<1.0> : tensor<15x6xf32> loc("wo")
  %heads4 = nn.constant dense<[0, 0, 3, 4]> : tensor<4xi64>
  %heads5 = nn.constant dense<[0, 0, 3, 5]> : tensor<4xi64>
  %merged = nn.constant dense<[0, 0, 15]> : tensor<3xi64>
  %scale = nn.constant dense<0.5> : tensor<f32>
  %q0 = nn.matmul %x, %wq : (tensor<?x?x6xf32>, tensor<6x12xf32>) -> tensor<?x?x12xf32>
  %k0 = nn.matmul %x, %wk : (tensor<?x?x6xf32>, tensor<6x12xf32>) -> tensor<?x?x12xf32>
  %v0 = nn.matmul %x, %wv : (tensor<?x?x6xf32>, tensor<6x15xf32>) -> tensor<?x?x15xf32>
  %q1 = nn.reshape %q0, %heads4 : (tensor<?x?x12xf32>, tensor<4xi64>) -> tensor<?x?x3x4xf32>
  %k1 = nn.reshape %k0, %heads4 : (tensor<?x?x12xf32>, tensor<4xi64>) -> tensor<?x?x3x4xf32>
  %v1 = nn.reshape %v0, %heads5 : (tensor<?x?x15xf32>, tensor<4xi64>) -> tensor<?x?x3x5xf32>
  %q = nn.transpose %q1 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x?x3x4xf32>) -> tensor<?x3x?x4xf32>
  %k = nn.transpose %k1 {perm = array<i64: 0, 2, 3, 1>} : (tensor<?x?x3x4xf32>) -> tensor<?x3x4x?xf32>
  %v = nn.transpose %v1 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x?x3x5xf32>) -> tensor<?x3x?x5xf32>
  %s0 = nn.matmul %q, %k : (tensor<?x3x?x4xf32>, tensor<?x3x4x?xf32>) -> tensor<?x3x?x?xf32>
  %s1 = nn.mul %s0, %scale : (tensor<?x3x?x?xf32>, tensor<f32>) -> tensor<?x3x?x?xf32>
  %s2 = nn.softmax %s1 : (tensor<?x3x?x?xf32>) -> tensor<?x3x?x?xf32>
  %o0 = nn.matmul %s2, %v : (tensor<?x3x?x?xf32>, tensor<?x3x?x5xf32>) -> tensor<?x3x?x5xf32>
  %o1 = nn.transpose %o0 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x3x?x5xf32>) -> tensor<?x?x3x5xf32>
  %o2 = nn.reshape %o1, %merged : (tensor<?x?x3x5xf32>, tensor<3xi64>) -> tensor<?x?x15xf32>
  %o3 = nn.matmul %o2, %wo : (tensor<?x?x15xf32>, tensor<15x6xf32>) -> tensor<?x?x6xf32>
  // CHECK: prune.group "wq:1" units(3) (%wq[1: 0 by 4], %wk[1: 0 by 4], %wv[1: 0 by 5], %wo[0: 0 by 5],
  // CHECK: prune.group "wq:1#1" units(12) balanced(3) (%wq[1: 0 by 1], %wk[1: 0 by 1],
  // CHECK: prune.group "wv:1" units(15) balanced(3) (%wv[1: 0 by 1], %wo[0: 0 by 1],
  // CHECK-NOT: prune.group
  return %o3 : tensor<?x?x6xf32>
}

// Packed projections: [3][h][d] (ViT) and [h][3][d] (GPT-NeoX) differ in the order
// of the digits only. The 3 are told apart by gathers, so that they stay.
// CHECK-LABEL: @packed
func.func @packed(%x: tensor<?x7x6xf32> {nn.name = "x"}) -> tensor<?x7x6xf32> {
  %w = nn.constant dense<1.0> : tensor<6x24xf32> loc("w")
  %r = nn.constant dense<1.0> : tensor<6x24xf32> loc("r")
  %wo = nn.constant dense<1.0> : tensor<8x6xf32> loc("wo")
  %p3hd = nn.constant dense<[0, 0, 3, 2, 4]> : tensor<5xi64>
  %ph3d = nn.constant dense<[0, 0, 2, 3, 4]> : tensor<5xi64>
  %merged = nn.constant dense<[0, 0, 8]> : tensor<3xi64>
  %c0 = nn.constant dense<0> : tensor<i64>
  %c1 = nn.constant dense<1> : tensor<i64>
  %c2 = nn.constant dense<2> : tensor<i64>
  %0 = nn.matmul %x, %w : (tensor<?x7x6xf32>, tensor<6x24xf32>) -> tensor<?x7x24xf32>
  %1 = nn.reshape %0, %p3hd : (tensor<?x7x24xf32>, tensor<5xi64>) -> tensor<?x7x3x2x4xf32>
  %2 = nn.gather %1, %c0 {axis = 2 : i64} : (tensor<?x7x3x2x4xf32>, tensor<i64>) -> tensor<?x7x2x4xf32> loc("pick0")
  %3 = nn.gather %1, %c1 {axis = 2 : i64} : (tensor<?x7x3x2x4xf32>, tensor<i64>) -> tensor<?x7x2x4xf32>
  %4 = nn.matmul %x, %r : (tensor<?x7x6xf32>, tensor<6x24xf32>) -> tensor<?x7x24xf32>
  %5 = nn.reshape %4, %ph3d : (tensor<?x7x24xf32>, tensor<5xi64>) -> tensor<?x7x2x3x4xf32>
  %6 = nn.gather %5, %c2 {axis = 3 : i64} : (tensor<?x7x2x3x4xf32>, tensor<i64>) -> tensor<?x7x2x4xf32>
  %7 = nn.transpose %2 {perm = array<i64: 0, 2, 3, 1>} : (tensor<?x7x2x4xf32>) -> tensor<?x2x4x7xf32>
  %8 = nn.transpose %3 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x7x2x4xf32>) -> tensor<?x2x7x4xf32>
  %9 = nn.transpose %6 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x7x2x4xf32>) -> tensor<?x2x7x4xf32>
  %10 = nn.matmul %8, %7 : (tensor<?x2x7x4xf32>, tensor<?x2x4x7xf32>) -> tensor<?x2x7x7xf32>
  %11 = nn.softmax %10 : (tensor<?x2x7x7xf32>) -> tensor<?x2x7x7xf32>
  %12 = nn.matmul %11, %9 : (tensor<?x2x7x7xf32>, tensor<?x2x7x4xf32>) -> tensor<?x2x7x4xf32>
  %13 = nn.transpose %12 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x2x7x4xf32>) -> tensor<?x7x2x4xf32>
  %14 = nn.reshape %13, %merged : (tensor<?x7x2x4xf32>, tensor<3xi64>) -> tensor<?x7x8xf32>
  %15 = nn.matmul %14, %wo : (tensor<?x7x8xf32>, tensor<8x6xf32>) -> tensor<?x7x6xf32>
  // The third of the three of %w is never looked at, and may leave.
  // CHECK: prune.group "w:1" units(1) min_keep(0) (%w[1: {[16, 17, 18, 19, 20, 21, 22, 23]}],
  // CHECK: prune.group "w:1#1" units(2) (%w[1: 0 by 4 x 3 step 8], %r[1: 0 by 12], %wo[0: 0 by 4],
  // CHECK: prune.group "w:1#2" units(8) balanced(2) (%w[1: 0 by 1 x 3 step 8],
  // Two of the three of %r are never looked at.
  // CHECK: prune.group "r:1" units(2) (%r[1: 0 by 4 x 2 step 12],
  // CHECK: prune.group "r:1#1" units(8) balanced(2) (%r[1: {{\{\[}}0, 4, 8], [1, 5, 9], [2, 6, 10], [3, 7, 11], [12, 16, 20],{{.*}}], %wo[0: 0 by 1],
  // CHECK-NOT: prune.group
  return %15 : tensor<?x7x6xf32>
}

// Grouped queries: a key and value head takes its queries along; the first of the
// queries of each can leave alone.
// CHECK-LABEL: @grouped_queries
func.func @grouped_queries(%x: tensor<?x7x6xf32> {nn.name = "x"}) -> tensor<?x7x6xf32> {
  %wq = nn.constant dense<1.0> : tensor<6x24xf32> loc("wq")
  %wk = nn.constant dense<1.0> : tensor<6x8xf32> loc("wk")
  %wv = nn.constant dense<1.0> : tensor<6x8xf32> loc("wv")
  %wo = nn.constant dense<1.0> : tensor<24x6xf32> loc("wo")
  %q_heads = nn.constant dense<[0, 7, 6, 4]> : tensor<4xi64>
  %kv_heads = nn.constant dense<[0, 7, 2, 1, 4]> : tensor<5xi64>
  %expanded = nn.constant dense<[1, 7, 2, 3, 4]> : tensor<5xi64>
  %all_heads = nn.constant dense<[0, 7, 6, 4]> : tensor<4xi64>
  %merged = nn.constant dense<[0, 7, 24]> : tensor<3xi64>
  %q0 = nn.matmul %x, %wq : (tensor<?x7x6xf32>, tensor<6x24xf32>) -> tensor<?x7x24xf32>
  %k0 = nn.matmul %x, %wk : (tensor<?x7x6xf32>, tensor<6x8xf32>) -> tensor<?x7x8xf32>
  %v0 = nn.matmul %x, %wv : (tensor<?x7x6xf32>, tensor<6x8xf32>) -> tensor<?x7x8xf32>
  %q1 = nn.reshape %q0, %q_heads : (tensor<?x7x24xf32>, tensor<4xi64>) -> tensor<?x7x6x4xf32>
  %k1 = nn.reshape %k0, %kv_heads : (tensor<?x7x8xf32>, tensor<5xi64>) -> tensor<?x7x2x1x4xf32>
  %v1 = nn.reshape %v0, %kv_heads : (tensor<?x7x8xf32>, tensor<5xi64>) -> tensor<?x7x2x1x4xf32>
  %k2 = nn.expand %k1, %expanded : (tensor<?x7x2x1x4xf32>, tensor<5xi64>) -> tensor<?x7x2x3x4xf32>
  %v2 = nn.expand %v1, %expanded : (tensor<?x7x2x1x4xf32>, tensor<5xi64>) -> tensor<?x7x2x3x4xf32>
  %k3 = nn.reshape %k2, %all_heads : (tensor<?x7x2x3x4xf32>, tensor<4xi64>) -> tensor<?x7x6x4xf32>
  %v3 = nn.reshape %v2, %all_heads : (tensor<?x7x2x3x4xf32>, tensor<4xi64>) -> tensor<?x7x6x4xf32>
  %q = nn.transpose %q1 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x7x6x4xf32>) -> tensor<?x6x7x4xf32>
  %k = nn.transpose %k3 {perm = array<i64: 0, 2, 3, 1>} : (tensor<?x7x6x4xf32>) -> tensor<?x6x4x7xf32>
  %v = nn.transpose %v3 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x7x6x4xf32>) -> tensor<?x6x7x4xf32>
  %s0 = nn.matmul %q, %k : (tensor<?x6x7x4xf32>, tensor<?x6x4x7xf32>) -> tensor<?x6x7x7xf32>
  %s1 = nn.softmax %s0 : (tensor<?x6x7x7xf32>) -> tensor<?x6x7x7xf32>
  %o0 = nn.matmul %s1, %v : (tensor<?x6x7x7xf32>, tensor<?x6x7x4xf32>) -> tensor<?x6x7x4xf32>
  %o1 = nn.transpose %o0 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x6x7x4xf32>) -> tensor<?x7x6x4xf32>
  %o2 = nn.reshape %o1, %merged : (tensor<?x7x6x4xf32>, tensor<3xi64>) -> tensor<?x7x24xf32>
  %o3 = nn.matmul %o2, %wo : (tensor<?x7x24xf32>, tensor<24x6xf32>) -> tensor<?x7x6xf32>
  // CHECK: prune.group "wq:1" units(2) (%wq[1: 0 by 12], %wk[1: 0 by 4], %wv[1: 0 by 4], %wo[0: 0 by 12],
  // CHECK: prune.group "wq:1#1" units(6) balanced(2) (%wq[1: 0 by 4], %wo[0: 0 by 4],
  // CHECK: prune.group "wq:1#2" units(4) (%wq[1: 0 by 1 x 6 step 4], %wk[1: 0 by 1 x 2 step 4],
  // CHECK: prune.group "wv:1" units(4) (%wv[1: 0 by 1 x 2 step 4], %wo[0: 0 by 1 x 6 step 4],
  // CHECK-NOT: prune.group
  return %o3 : tensor<?x7x6xf32>
}

// Rotary embeddings turn pairs: of halves (i, i + d / 2) or of neighbours; both of
// a pair leave together, and the tables with them. Gate and value of a packed
// SwiGLU likewise.
// CHECK-LABEL: @pairs
func.func @pairs(%x: tensor<?x7x6xf32> {nn.name = "x"}) -> (tensor<?x7x2xf32>, tensor<?x7x2xf32>, tensor<?x7x2xf32>) {
  %half = nn.constant dense<1.0> : tensor<6x8xf32> loc("half")
  %next = nn.constant dense<1.0> : tensor<6x8xf32> loc("next")
  %packed = nn.constant dense<1.0> : tensor<6x8xf32> loc("packed")
  %cos = nn.constant dense<1.0> : tensor<7x8xf32> loc("cos")
  %a = nn.constant dense<1.0> : tensor<8x2xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<8x2xf32> loc("b")
  %c = nn.constant dense<1.0> : tensor<4x2xf32> loc("c")
  %zero = nn.constant dense<0> : tensor<1xi64>
  %four = nn.constant dense<4> : tensor<1xi64>
  %eight = nn.constant dense<8> : tensor<1xi64>
  %last = nn.constant dense<2> : tensor<1xi64>
  %pairs = nn.constant dense<[0, 7, 4, 2]> : tensor<4xi64>
  %flat = nn.constant dense<[0, 7, 8]> : tensor<3xi64>
  %swap = nn.constant dense<[1, 0]> : tensor<2xi64>
  %0 = nn.matmul %x, %half : (tensor<?x7x6xf32>, tensor<6x8xf32>) -> tensor<?x7x8xf32>
  %1 = nn.slice %0, %zero, %four axes(%last) : (tensor<?x7x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x7x4xf32>
  %2 = nn.slice %0, %four, %eight axes(%last) : (tensor<?x7x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x7x4xf32>
  %3 = nn.concat %2, %1 {axis = 2 : i64} : (tensor<?x7x4xf32>, tensor<?x7x4xf32>) -> tensor<?x7x8xf32>
  %4 = nn.mul %3, %cos : (tensor<?x7x8xf32>, tensor<7x8xf32>) -> tensor<?x7x8xf32>
  %5 = nn.add %0, %4 : (tensor<?x7x8xf32>, tensor<?x7x8xf32>) -> tensor<?x7x8xf32>
  %6 = nn.matmul %5, %a : (tensor<?x7x8xf32>, tensor<8x2xf32>) -> tensor<?x7x2xf32>
  %7 = nn.matmul %x, %next : (tensor<?x7x6xf32>, tensor<6x8xf32>) -> tensor<?x7x8xf32>
  %8 = nn.reshape %7, %pairs : (tensor<?x7x8xf32>, tensor<4xi64>) -> tensor<?x7x4x2xf32>
  %9 = nn.gather %8, %swap {axis = 3 : i64} : (tensor<?x7x4x2xf32>, tensor<2xi64>) -> tensor<?x7x4x2xf32>
  %10 = nn.add %8, %9 : (tensor<?x7x4x2xf32>, tensor<?x7x4x2xf32>) -> tensor<?x7x4x2xf32>
  %11 = nn.reshape %10, %flat : (tensor<?x7x4x2xf32>, tensor<3xi64>) -> tensor<?x7x8xf32>
  %12 = nn.matmul %11, %b : (tensor<?x7x8xf32>, tensor<8x2xf32>) -> tensor<?x7x2xf32>
  %13 = nn.matmul %x, %packed : (tensor<?x7x6xf32>, tensor<6x8xf32>) -> tensor<?x7x8xf32>
  %14:2 = nn.split %13 {axis = 2 : i64, num_outputs = 2 : i64} : (tensor<?x7x8xf32>) -> (tensor<?x7x4xf32>, tensor<?x7x4xf32>)
  %15 = nn.mul %14#0, %14#1 : (tensor<?x7x4xf32>, tensor<?x7x4xf32>) -> tensor<?x7x4xf32>
  %16 = nn.matmul %15, %c : (tensor<?x7x4xf32>, tensor<4x2xf32>) -> tensor<?x7x2xf32>
  // CHECK: prune.group "half:1" units(4) (%half[1: 0 by 1][1: 4 by 1], %cos[1: 0 by 1][1: 4 by 1], %a[0: 0 by 1][0: 4 by 1],
  // CHECK: prune.group "next:1" units(4) (%next[1: 0 by 2], %b[0: 0 by 2],
  // CHECK: prune.group "packed:1" units(4) (%packed[1: 0 by 1][1: 4 by 1], %c[0: 0 by 1],
  // CHECK-NOT: prune.group
  return %6, %12, %16 : tensor<?x7x2xf32>, tensor<?x7x2xf32>, tensor<?x7x2xf32>
}

// A channel shuffle and a grouped convolution after it.
// CHECK-LABEL: @shuffle
func.func @shuffle(%x: tensor<?x3x8x8xf32> {nn.name = "x"}) -> tensor<?x2x8x8xf32> {
  %a = nn.constant dense<1.0> : tensor<8x3x1x1xf32> loc("a")
  %g = nn.constant dense<1.0> : tensor<6x4x1x1xf32> loc("g")
  %c = nn.constant dense<1.0> : tensor<2x6x1x1xf32> loc("c")
  %apart = nn.constant dense<[0, 2, 4, 8, 8]> : tensor<5xi64>
  %together = nn.constant dense<[0, 8, 8, 8]> : tensor<4xi64>
  %0 = nn.conv %x, %a : (tensor<?x3x8x8xf32>, tensor<8x3x1x1xf32>) -> tensor<?x8x8x8xf32>
  %1 = nn.reshape %0, %apart : (tensor<?x8x8x8xf32>, tensor<5xi64>) -> tensor<?x2x4x8x8xf32>
  %2 = nn.transpose %1 {perm = array<i64: 0, 2, 1, 3, 4>} : (tensor<?x2x4x8x8xf32>) -> tensor<?x4x2x8x8xf32>
  %3 = nn.reshape %2, %together : (tensor<?x4x2x8x8xf32>, tensor<4xi64>) -> tensor<?x8x8x8xf32>
  %4 = nn.conv %3, %g {group = 2 : i64} : (tensor<?x8x8x8xf32>, tensor<6x4x1x1xf32>) -> tensor<?x6x8x8xf32>
  %5 = nn.conv %4, %c : (tensor<?x6x8x8xf32>, tensor<2x6x1x1xf32>) -> tensor<?x2x8x8xf32>
  // The axis of %a is [2][2][2]: of the shuffle's two, the group, and what is
  // beside the first inside a group.
  // CHECK: prune.group "a:0" units(2) (%a[0: 0 by 4], %g[1: 0 by 1 x 2 step 2],
  // CHECK: prune.group "a:0#1" units(2) (%a[0: 0 by 2 x 2 step 4], %g[0: 0 by 3], %c[1: 0 by 3],
  // CHECK: prune.group "a:0#2" units(4) balanced(2) (%a[0: 0 by 1 x 2 step 4], %g[0: (u / 2 mod 2) 0 by 3, 1: (u / 1 mod 2) 0 by 2],
  // CHECK: prune.group "g:0" units(6) balanced(2) (%g[0: 0 by 1], %c[1: 0 by 1],
  // CHECK-NOT: prune.group
  return %5 : tensor<?x2x8x8xf32>
}

// [6][4] and [4][6] have no common refinement, but ends: [2][6][2]. The outer one is
// part of the output's rows here, the inner one may leave.
// CHECK-LABEL: @common_ends
func.func @common_ends(%x: tensor<?x3xf32> {nn.name = "x"}) -> (tensor<?x4x2xf32>) {
  %a = nn.constant dense<1.0> : tensor<3x24xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<6x2xf32> loc("b")
  %bias = nn.constant dense<1.0> : tensor<6x4xf32> loc("bias")
  %six = nn.constant dense<[-1, 6, 4]> : tensor<3xi64>
  %four = nn.constant dense<[-1, 4, 6]> : tensor<3xi64>
  %0 = nn.matmul %x, %a : (tensor<?x3xf32>, tensor<3x24xf32>) -> tensor<?x24xf32>
  %1 = nn.reshape %0, %six : (tensor<?x24xf32>, tensor<3xi64>) -> tensor<?x6x4xf32>
  %2 = nn.add %1, %bias : (tensor<?x6x4xf32>, tensor<6x4xf32>) -> tensor<?x6x4xf32>
  %3 = nn.reshape %2, %four : (tensor<?x6x4xf32>, tensor<3xi64>) -> tensor<?x4x6xf32> loc("odd")
  %4 = nn.matmul %3, %b : (tensor<?x4x6xf32>, tensor<6x2xf32>) -> tensor<?x4x2xf32>
  // CHECK: prune.group "a:1" units(2) (%a[1: 0 by 1 x 12 step 2], %b[0: 0 by 1 x 3 step 2], %bias[1: 0 by 1 x 2 step 2],
  // CHECK-NOT: prune.group
  return %4 : tensor<?x4x2xf32>
}

// [5][4] and [4][5] share nothing: all or none of it is a slab of both.
// CHECK-LABEL: @no_common_factors
func.func @no_common_factors(%x: tensor<?x3xf32> {nn.name = "x"}) -> (tensor<?x4x2xf32>) {
  %a = nn.constant dense<1.0> : tensor<3x20xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<5x2xf32> loc("b")
  %five = nn.constant dense<[-1, 5, 4]> : tensor<3xi64>
  %four = nn.constant dense<[-1, 4, 5]> : tensor<3xi64>
  %0 = nn.matmul %x, %a : (tensor<?x3xf32>, tensor<3x20xf32>) -> tensor<?x20xf32>
  %1 = nn.reshape %0, %five : (tensor<?x20xf32>, tensor<3xi64>) -> tensor<?x5x4xf32>
  %2 = nn.reshape %1, %four : (tensor<?x5x4xf32>, tensor<3xi64>) -> tensor<?x4x5xf32> loc("odd")
  %3 = nn.matmul %2, %b : (tensor<?x4x5xf32>, tensor<5x2xf32>) -> tensor<?x4x2xf32>
  // CHECK-NOT: prune.group
  // CHECK: prune.pin %a axis 1 "the old and the new shape have no common factors" by "Reshape 'odd'"
  return %3 : tensor<?x4x2xf32>
}

// Pixel shuffle: the channels of a block become positions in space.
// CHECK-LABEL: @depth_to_space
func.func @depth_to_space(%x: tensor<?x3x4x4xf32> {nn.name = "x"}) -> (tensor<?x2x8x8xf32>) {
  %a = nn.constant dense<1.0> : tensor<12x3x1x1xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<12x3x1x1xf32> loc("b")
  %c = nn.constant dense<1.0> : tensor<2x3x1x1xf32> loc("c")
  %d = nn.constant dense<1.0> : tensor<2x3x1x1xf32> loc("d")
  %0 = nn.conv %x, %a : (tensor<?x3x4x4xf32>, tensor<12x3x1x1xf32>) -> tensor<?x12x4x4xf32>
  %1 = nn.depth_to_space %0 {blocksize = 2 : i64} : (tensor<?x12x4x4xf32>) -> tensor<?x3x8x8xf32>
  %2 = nn.conv %1, %c : (tensor<?x3x8x8xf32>, tensor<2x3x1x1xf32>) -> tensor<?x2x8x8xf32>
  %3 = nn.conv %x, %b : (tensor<?x3x4x4xf32>, tensor<12x3x1x1xf32>) -> tensor<?x12x4x4xf32>
  %4 = nn.depth_to_space %3 {blocksize = 2 : i64, mode = "CRD"} : (tensor<?x12x4x4xf32>) -> tensor<?x3x8x8xf32>
  %5 = nn.conv %4, %d : (tensor<?x3x8x8xf32>, tensor<2x3x1x1xf32>) -> tensor<?x2x8x8xf32>
  %6 = nn.add %2, %5 : (tensor<?x2x8x8xf32>, tensor<?x2x8x8xf32>) -> tensor<?x2x8x8xf32>
  // CHECK: prune.group "a:0" units(3) (%a[0: 0 by 1 x 4 step 3], %c[1: 0 by 1],
  // CHECK: prune.group "b:0" units(3) (%b[0: 0 by 4], %d[1: 0 by 1],
  // CHECK-NOT: prune.group
  return %6 : tensor<?x2x8x8xf32>
}

// Grouped and depthwise convolutions. One input channel and one group is not
// depthwise.
// CHECK-LABEL: @groups
func.func @groups(%x: tensor<?x1x8x8xf32> {nn.name = "x"}) -> tensor<?x2x8x8xf32> {
  %a = nn.constant dense<1.0> : tensor<4x1x1x1xf32> loc("a")
  %m = nn.constant dense<1.0> : tensor<8x1x1x1xf32> loc("m")
  %g = nn.constant dense<1.0> : tensor<6x4x1x1xf32> loc("g")
  %c = nn.constant dense<1.0> : tensor<2x6x1x1xf32> loc("c")
  %0 = nn.conv %x, %a : (tensor<?x1x8x8xf32>, tensor<4x1x1x1xf32>) -> tensor<?x4x8x8xf32>
  // Depthwise with two images of each channel.
  %1 = nn.conv %0, %m {group = 4 : i64} : (tensor<?x4x8x8xf32>, tensor<8x1x1x1xf32>) -> tensor<?x8x8x8xf32>
  %2 = nn.conv %1, %g {group = 2 : i64} : (tensor<?x8x8x8xf32>, tensor<6x4x1x1xf32>) -> tensor<?x6x8x8xf32>
  %3 = nn.conv %2, %c : (tensor<?x6x8x8xf32>, tensor<2x6x1x1xf32>) -> tensor<?x2x8x8xf32>
  // CHECK: prune.group "a:0" units(2) (%a[0: 0 by 2], %m[0: 0 by 4], %g[0: 0 by 3], %c[1: 0 by 3],
  // CHECK: prune.group "a:0#1" units(4) balanced(2) (%a[0: 0 by 1], %m[0: 0 by 2], %g[0: (u / 2 mod 2) 0 by 3, 1: (u / 1 mod 2) 0 by 2],
  // CHECK: prune.group "m:0" units(4) balanced(2) (%m[0: 0 by 1 x 2 step 4], %g[1: 0 by 1],
  // CHECK: prune.group "g:0" units(6) balanced(2) (%g[0: 0 by 1], %c[1: 0 by 1],
  // CHECK-NOT: prune.group
  return %3 : tensor<?x2x8x8xf32>
}
