// RUN: secateur-opt %s -prune-analyze -mlir-use-nameloc-as-prefix | FileCheck %s

// Positions 0 and 1 are all of what b multiplies, and 1 and 2 are all of what c multiplies: any of the three may
// leave, and so they are one group, of which two stay.
// CHECK-LABEL: @either_may_leave
func.func @either_may_leave(%x: tensor<?x3xf32> {nn.name = "x"}) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %a = nn.constant dense<1.0> : tensor<3x4xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<2x2xf32> loc("b")
  %c = nn.constant dense<1.0> : tensor<2x2xf32> loc("c")
  %first = nn.constant dense<[0, 1]> : tensor<2xi64>
  %second = nn.constant dense<[1, 2]> : tensor<2xi64>
  %0 = nn.matmul %x, %a : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = nn.gather %0, %first {axis = 1 : i64} : (tensor<?x4xf32>, tensor<2xi64>) -> tensor<?x2xf32>
  %2 = nn.gather %0, %second {axis = 1 : i64} : (tensor<?x4xf32>, tensor<2xi64>) -> tensor<?x2xf32>
  %3 = nn.matmul %1, %b : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %4 = nn.matmul %2, %c : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  // CHECK: prune.group "a:1" units(1) min_keep(0) (%a[1: {[3]}], {{.*}})
  // CHECK: prune.group "a:1#1" units(3) min_keep(2) (%a[1: {[0], [1], [2]}], %b[0: {[0], [1], []}], {{.*}}, %c[0: {[], [0], [1]}], {{.*}})
  return %3, %4 : tensor<?x2xf32>, tensor<?x2xf32>
}

// Here 0 and 2 lie in the same places, and no group has to be made.
// CHECK-LABEL: @alike
func.func @alike(%x: tensor<?x3xf32> {nn.name = "x"}) -> tensor<?x2xf32> {
  %a = nn.constant dense<1.0> : tensor<3x4xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<2x2xf32> loc("b")
  %first = nn.constant dense<[0, 2]> : tensor<2xi64>
  %0 = nn.matmul %x, %a : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = nn.gather %0, %first {axis = 1 : i64} : (tensor<?x4xf32>, tensor<2xi64>) -> tensor<?x2xf32>
  %2 = nn.matmul %1, %b : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  // CHECK: prune.group "a:1" units(2) (%a[1: {[0], [2]}], %b[0: {[0], [1]}], {{.*}})
  // CHECK: prune.group "a:1#1" units(2) min_keep(0) (%a[1: {[1], [3]}], {{.*}})
  return %2 : tensor<?x2xf32>
}

// What c multiplies is the second copy of 0, 2 and 3 alone: that copy stays for good, and any of the three may leave.
// CHECK-LABEL: @copies
func.func @copies(%x: tensor<?x3xf32> {nn.name = "x"}) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %a = nn.constant dense<1.0> : tensor<3x4xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<8x2xf32> loc("b")
  %c = nn.constant dense<1.0> : tensor<3x2xf32> loc("c")
  %twice = nn.constant dense<[1, 2]> : tensor<2xi64>
  %taken = nn.constant dense<[7, 6, 4]> : tensor<3xi64>
  %0 = nn.matmul %x, %a : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = nn.tile %0, %twice : (tensor<?x4xf32>, tensor<2xi64>) -> tensor<?x8xf32>
  %2 = nn.matmul %1, %b : (tensor<?x8xf32>, tensor<8x2xf32>) -> tensor<?x2xf32>
  %3 = nn.gather %1, %taken {axis = 1 : i64} : (tensor<?x8xf32>, tensor<3xi64>) -> tensor<?x3xf32>
  %4 = nn.matmul %3, %c : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
  // CHECK: prune.group "a:1" units(3) (%a[1: {[0], [2], [3]}], {{.*}}, %c[0: {[2], [1], [0]}], {{.*}})
  // CHECK: prune.group "b:0" units(1) min_keep(0) (%b[0: {[0, 1, 2, 3]}], {{.*}})
  return %2, %4 : tensor<?x2xf32>, tensor<?x2xf32>
}

// Each pair of neighbours among six is read somewhere. Were all six one group, only one could leave at once: 2 stays
// for good, and so two can, one on either side of it.
// CHECK-LABEL: @many_pairs
func.func @many_pairs(%x: tensor<?x3xf32> {nn.name = "x"}) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %a = nn.constant dense<1.0> : tensor<3x6xf32> loc("a")
  %p0 = nn.constant dense<[0, 1]> : tensor<2xi64>
  %p1 = nn.constant dense<[1, 2]> : tensor<2xi64>
  %p2 = nn.constant dense<[2, 3]> : tensor<2xi64>
  %p3 = nn.constant dense<[3, 4]> : tensor<2xi64>
  %p4 = nn.constant dense<[4, 5]> : tensor<2xi64>
  %b0 = nn.constant dense<1.0> : tensor<2x2xf32> loc("b0")
  %b1 = nn.constant dense<1.0> : tensor<2x2xf32> loc("b1")
  %b2 = nn.constant dense<1.0> : tensor<2x2xf32> loc("b2")
  %b3 = nn.constant dense<1.0> : tensor<2x2xf32> loc("b3")
  %b4 = nn.constant dense<1.0> : tensor<2x2xf32> loc("b4")
  %0 = nn.matmul %x, %a : (tensor<?x3xf32>, tensor<3x6xf32>) -> tensor<?x6xf32>
  %1 = nn.gather %0, %p0 {axis = 1 : i64} : (tensor<?x6xf32>, tensor<2xi64>) -> tensor<?x2xf32>
  %2 = nn.gather %0, %p1 {axis = 1 : i64} : (tensor<?x6xf32>, tensor<2xi64>) -> tensor<?x2xf32>
  %3 = nn.gather %0, %p2 {axis = 1 : i64} : (tensor<?x6xf32>, tensor<2xi64>) -> tensor<?x2xf32>
  %4 = nn.gather %0, %p3 {axis = 1 : i64} : (tensor<?x6xf32>, tensor<2xi64>) -> tensor<?x2xf32>
  %5 = nn.gather %0, %p4 {axis = 1 : i64} : (tensor<?x6xf32>, tensor<2xi64>) -> tensor<?x2xf32>
  %6 = nn.matmul %1, %b0 : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %7 = nn.matmul %2, %b1 : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %8 = nn.matmul %3, %b2 : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %9 = nn.matmul %4, %b3 : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %10 = nn.matmul %5, %b4 : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  // CHECK: prune.group "a:1" units(2) (%a[1: {[0], [1]}], {{.*}})
  // CHECK: prune.group "a:1#1" units(3) min_keep(2) (%a[1: {[3], [4], [5]}], {{.*}})
  return %6, %7, %8, %9, %10 : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}
