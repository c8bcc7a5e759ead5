// RUN: secateur-opt %s -prune-analyze -mlir-use-nameloc-as-prefix | FileCheck %s

// Tuples name rows: what is behind them moves with the slices that are put there.
// CHECK-LABEL: @scattered
func.func @scattered(%x: tensor<5x?x3xf32> {nn.name = "x"}, %u: tensor<2x?x3xf32> {nn.name = "u"}) -> tensor<5x?x2xf32> {
  %a = nn.constant dense<1.0> : tensor<3x4xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<3x4xf32> loc("b")
  %c = nn.constant dense<1.0> : tensor<4x2xf32> loc("c")
  %rows = nn.constant dense<[[1], [4]]> : tensor<2x1xi64>
  %0 = nn.matmul %x, %a : (tensor<5x?x3xf32>, tensor<3x4xf32>) -> tensor<5x?x4xf32>
  %1 = nn.matmul %u, %b : (tensor<2x?x3xf32>, tensor<3x4xf32>) -> tensor<2x?x4xf32>
  %2 = nn.scatter_nd %0, %rows, %1 : (tensor<5x?x4xf32>, tensor<2x1xi64>, tensor<2x?x4xf32>) -> tensor<5x?x4xf32>
  %3 = nn.matmul %2, %c : (tensor<5x?x4xf32>, tensor<4x2xf32>) -> tensor<5x?x2xf32>
  // CHECK: prune.group "a:1" units(4) (%a[1: 0 by 1], %b[1: 0 by 1], %c[0: 0 by 1], {{.*}})
  // CHECK-NOT: by "ScatterND
  return %3 : tensor<5x?x2xf32>
}

// Here they name the channels, two of which an input takes the places of.
// CHECK-LABEL: @scattered_channels
func.func @scattered_channels(%x: tensor<?x3xf32> {nn.name = "x"}, %u: tensor<2x?xf32> {nn.name = "u"}) -> tensor<?x2xf32> {
  %a = nn.constant dense<1.0> : tensor<3x4xf32> loc("a")
  %c = nn.constant dense<1.0> : tensor<4x2xf32> loc("c")
  %rows = nn.constant dense<[[1], [3]]> : tensor<2x1xi64>
  %0 = nn.matmul %x, %a : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = nn.transpose %0 {perm = array<i64: 1, 0>} : (tensor<?x4xf32>) -> tensor<4x?xf32>
  %2 = nn.scatter_nd %1, %rows, %u : (tensor<4x?xf32>, tensor<2x1xi64>, tensor<2x?xf32>) -> tensor<4x?xf32> loc("put")
  %3 = nn.transpose %2 {perm = array<i64: 1, 0>} : (tensor<4x?xf32>) -> tensor<?x4xf32>
  %4 = nn.matmul %3, %c : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  // CHECK: prune.group "a:1" units(2) {{.*}}(%a[1: {[0], [2]}], %c[0: {[0], [2]}], {{.*}})
  // CHECK: prune.pin %a axis 1 from 1 count 1 "input 'u' of the graph keeps its size"
  // CHECK: prune.pin %a axis 1 from 3 count 1 "input 'u' of the graph keeps its size"
  return %4 : tensor<?x2xf32>
}

// Pairs name single elements.
// CHECK-LABEL: @scattered_elements
func.func @scattered_elements(%x: tensor<2x3xf32> {nn.name = "x"}, %u: tensor<2xf32> {nn.name = "u"}) -> tensor<2x2xf32> {
  %a = nn.constant dense<1.0> : tensor<3x4xf32> loc("a")
  %c = nn.constant dense<1.0> : tensor<4x2xf32> loc("c")
  %cells = nn.constant dense<[[0, 1], [1, 3]]> : tensor<2x2xi64>
  %0 = nn.matmul %x, %a : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  %1 = nn.scatter_nd %0, %cells, %u : (tensor<2x4xf32>, tensor<2x2xi64>, tensor<2xf32>) -> tensor<2x4xf32> loc("put")
  %2 = nn.matmul %1, %c : (tensor<2x4xf32>, tensor<4x2xf32>) -> tensor<2x2xf32>
  // CHECK-NOT: prune.group
  // CHECK: prune.pin %a axis 1 "something is put in places that are named by position" by "ScatterND 'put'"
  return %2 : tensor<2x2xf32>
}

// A table of rows, and another of the columns.
// CHECK-LABEL: @read_by_tuples
func.func @read_by_tuples(%x: tensor<2x3xf32> {nn.name = "x"}) -> (tensor<2x2xf32>, tensor<4x3xf32>) {
  %a = nn.constant dense<1.0> : tensor<3x4xf32> loc("a")
  %t = nn.constant dense<1.0> : tensor<5x4xf32> loc("t")
  %c = nn.constant dense<1.0> : tensor<4x2xf32> loc("c")
  %rows = nn.constant dense<[[4], [0]]> : tensor<2x1xi64>
  %0 = nn.matmul %x, %a : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  %1 = nn.gather_nd %t, %rows : (tensor<5x4xf32>, tensor<2x1xi64>) -> tensor<2x4xf32> loc("read")
  %2 = nn.add %0, %1 : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %3 = nn.matmul %2, %c : (tensor<2x4xf32>, tensor<4x2xf32>) -> tensor<2x2xf32>
  // CHECK: prune.group "a:1" units(4) (%a[1: 0 by 1], %t[1: 0 by 1], %c[0: 0 by 1], {{.*}})
  // CHECK: prune.group "t:0" units(3) (%t[0: 1 by 1])
  // CHECK: prune.pin %t axis 0 from 0 count 1 "input 'x' of the graph keeps its size"
  %u = nn.constant dense<1.0> : tensor<3x4xf32> loc("u")
  %cells = nn.constant dense<[[[0, 0], [0, 1], [0, 2]], [[1, 1], [1, 2], [1, 3]], [[1, 1], [1, 2], [1, 3]], [[2, 1], [2, 2], [2, 3]]]> : tensor<4x3x2xi64>
  %4 = nn.gather_nd %u, %cells : (tensor<3x4xf32>, tensor<4x3x2xi64>) -> tensor<4x3xf32> loc("cells")
  // CHECK: prune.pin %u axis 0 "positions are picked by tuples" by "GatherND 'cells'"
  // CHECK: prune.pin %u axis 1 "positions are picked by tuples" by "GatherND 'cells'"
  return %3, %4 : tensor<2x2xf32>, tensor<4x3xf32>
}
