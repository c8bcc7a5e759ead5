// RUN: secateur-opt %s -prune-analyze -mlir-use-nameloc-as-prefix | FileCheck %s

// Positions 0 and 1 are all of what b multiplies: either may leave, and so they are one group, of
// which one stays. Of 1 and 2, all of what c multiplies, 2 stays for good.
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
  // CHECK: prune.group "a:1#1" units(2) (%a[1: {[0], [1]}], %b[0: {[0], [1]}], {{.*}}, %c[0: {[], [0]}], {{.*}})
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
