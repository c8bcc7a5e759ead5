// RUN: secateur-opt %s -prune-analyze=gather-shuffles=1 -mlir-use-nameloc-as-prefix | FileCheck %s
// RUN: secateur-opt %s -prune-analyze -mlir-use-nameloc-as-prefix | FileCheck %s --check-prefix=WHOLE
// RUN: secateur-opt %s -prune-analyze=gather-shuffles=1 -prune-score -prune-plan="budgets=params=90%%" -prune-apply -mlir-use-nameloc-as-prefix | FileCheck %s --check-prefix=CUT
// RUN: secateur-opt %s -prune-analyze=gather-shuffles=1 -prune-score -prune-plan="budgets=params=90%%" -prune-apply=zero -mlir-use-nameloc-as-prefix | FileCheck %s --check-prefix=ZERO

// The six channels become [2][3], [3][2], and six again. As a list of positions each
// of them is a unit; as a shuffle, pairs and triples are. The least channel is the
// fifth, which is taken third; what stays behind it moves up.
// CHECK-LABEL: @shuffle
// CHECK: prune.group "a:0" units(6) {{.*}}%b[1: {[0], [2], [4], [1], [3], [5]}]
// CHECK-NOT: prune.group
// WHOLE-LABEL: @shuffle
// WHOLE-DAG: units(3)
// WHOLE-DAG: units(2)
// CUT-LABEL: @shuffle
// CUT: %r3.positions = nn.constant dense<[0, 3, 1, 2, 4]> {{.*}}tensor<5xi64>
// CUT-NEXT: nn.gather %r0, %r3.positions {axis = 1 : i64} : (tensor<?x5x8x8xf32>, tensor<5xi64>) -> tensor<?x5x8x8xf32>
// CUT-NOT: nn.transpose
// CUT: return
// ZERO-LABEL: @shuffle
// ZERO: nn.transpose
// ZERO-NOT: prune.gathered
// ZERO-NOT: nn.gather
// ZERO: return
func.func @shuffle(%x: tensor<?x3x8x8xf32> {nn.name = "x"}) -> tensor<?x2x8x8xf32> {
  %a = nn.constant dense<[[[[1.0]], [[1.0]], [[1.0]]], [[[1.1]], [[1.1]], [[1.1]]], [[[1.2]], [[1.2]], [[1.2]]],
                          [[[1.3]], [[1.3]], [[1.3]]], [[[0.1]], [[0.1]], [[0.1]]], [[[1.4]], [[1.4]], [[1.4]]]]> : tensor<6x3x1x1xf32> loc("a")
  %b = nn.constant dense<0.1> : tensor<2x6x1x1xf32> loc("b")
  %apart = nn.constant dense<[0, 2, 3, 8, 8]> : tensor<5xi64>
  %together = nn.constant dense<[0, 6, 8, 8]> : tensor<4xi64>
  %0 = nn.conv %x, %a : (tensor<?x3x8x8xf32>, tensor<6x3x1x1xf32>) -> tensor<?x6x8x8xf32> loc("r0")
  %1 = nn.reshape %0, %apart : (tensor<?x6x8x8xf32>, tensor<5xi64>) -> tensor<?x2x3x8x8xf32> loc("r1")
  %2 = nn.transpose %1 {perm = array<i64: 0, 2, 1, 3, 4>} : (tensor<?x2x3x8x8xf32>) -> tensor<?x3x2x8x8xf32> loc("r2")
  %3 = nn.reshape %2, %together : (tensor<?x3x2x8x8xf32>, tensor<4xi64>) -> tensor<?x6x8x8xf32> loc("r3")
  %4 = nn.conv %3, %b : (tensor<?x6x8x8xf32>, tensor<2x6x1x1xf32>) -> tensor<?x2x8x8xf32> loc("r4")
  return %4 : tensor<?x2x8x8xf32>
}

// No shuffles: what was split is used as such, and rows change places with columns.
// CHECK-LABEL: @split_is_used
// CHECK-NOT: prune.gathered
// CHECK: return
func.func @split_is_used(%x: tensor<?x3x8x8xf32> {nn.name = "x"}) -> (tensor<?x2x8x8xf32>, tensor<?x2x8x8xf32>) {
  %a = nn.constant dense<1.0> : tensor<6x3x1x1xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<2x6x1x1xf32> loc("b")
  %c = nn.constant dense<1.0> : tensor<2x6x1x1xf32> loc("c")
  %apart = nn.constant dense<[0, 2, 3, 8, 8]> : tensor<5xi64>
  %together = nn.constant dense<[0, 6, 8, 8]> : tensor<4xi64>
  %0 = nn.conv %x, %a : (tensor<?x3x8x8xf32>, tensor<6x3x1x1xf32>) -> tensor<?x6x8x8xf32> loc("r0")
  %1 = nn.reshape %0, %apart : (tensor<?x6x8x8xf32>, tensor<5xi64>) -> tensor<?x2x3x8x8xf32> loc("r1")
  %2 = nn.transpose %1 {perm = array<i64: 0, 2, 1, 3, 4>} : (tensor<?x2x3x8x8xf32>) -> tensor<?x3x2x8x8xf32> loc("r2")
  %3 = nn.reshape %2, %together : (tensor<?x3x2x8x8xf32>, tensor<4xi64>) -> tensor<?x6x8x8xf32> loc("r3")
  %4 = nn.conv %3, %b : (tensor<?x6x8x8xf32>, tensor<2x6x1x1xf32>) -> tensor<?x2x8x8xf32> loc("r4")
  %5 = nn.reshape %1, %together : (tensor<?x2x3x8x8xf32>, tensor<4xi64>) -> tensor<?x6x8x8xf32> loc("r5")
  %6 = nn.conv %5, %c : (tensor<?x6x8x8xf32>, tensor<2x6x1x1xf32>) -> tensor<?x2x8x8xf32> loc("r6")
  return %4, %6 : tensor<?x2x8x8xf32>, tensor<?x2x8x8xf32>
}

// CHECK-LABEL: @space_moves
// CHECK-NOT: prune.gathered
// CHECK: return
// CUT-LABEL: @space_moves
// CUT: nn.transpose
func.func @space_moves(%x: tensor<?x3x8x8xf32> {nn.name = "x"}) -> tensor<?x2x8x8xf32> {
  %a = nn.constant dense<1.0> : tensor<8x3x1x1xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<2x8x1x1xf32> loc("b")
  %apart = nn.constant dense<[0, 2, 4, 8, 8]> : tensor<5xi64>
  %together = nn.constant dense<[0, 8, 8, 8]> : tensor<4xi64>
  %0 = nn.conv %x, %a : (tensor<?x3x8x8xf32>, tensor<8x3x1x1xf32>) -> tensor<?x8x8x8xf32> loc("r0")
  %1 = nn.reshape %0, %apart : (tensor<?x8x8x8xf32>, tensor<5xi64>) -> tensor<?x2x4x8x8xf32> loc("r1")
  %2 = nn.transpose %1 {perm = array<i64: 0, 2, 1, 4, 3>} : (tensor<?x2x4x8x8xf32>) -> tensor<?x4x2x8x8xf32> loc("r2")
  %3 = nn.reshape %2, %together : (tensor<?x4x2x8x8xf32>, tensor<4xi64>) -> tensor<?x8x8x8xf32> loc("r3")
  %4 = nn.conv %3, %b : (tensor<?x8x8x8xf32>, tensor<2x8x1x1xf32>) -> tensor<?x2x8x8xf32> loc("r4")
  return %4 : tensor<?x2x8x8xf32>
}

// A size that is there twice goes once.
// CUT-LABEL: @square
// CUT: nn.gather
// CUT-NOT: nn.concat
// CUT: return
func.func @square(%x: tensor<?x3x8x8xf32> {nn.name = "x"}) -> tensor<?x2x8x8xf32> {
  %a = nn.constant dense<1.0> : tensor<4x3x1x1xf32> loc("a")
  %b = nn.constant dense<1.0> : tensor<2x4x1x1xf32> loc("b")
  %batch = nn.constant dense<0> : tensor<1xi64>
  %two = nn.constant dense<2> : tensor<1xi64>
  %space = nn.constant dense<8> : tensor<2xi64>
  %apart = nn.concat %batch, %two, %two, %space {axis = 0 : i64} : (tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<2xi64>) -> tensor<5xi64>
  %together = nn.constant dense<[0, 4, 8, 8]> : tensor<4xi64>
  %0 = nn.conv %x, %a : (tensor<?x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<?x4x8x8xf32> loc("q0")
  %1 = nn.reshape %0, %apart : (tensor<?x4x8x8xf32>, tensor<5xi64>) -> tensor<?x2x2x8x8xf32> loc("q1")
  %2 = nn.transpose %1 {perm = array<i64: 0, 2, 1, 3, 4>} : (tensor<?x2x2x8x8xf32>) -> tensor<?x2x2x8x8xf32> loc("q2")
  %3 = nn.reshape %2, %together : (tensor<?x2x2x8x8xf32>, tensor<4xi64>) -> tensor<?x4x8x8xf32> loc("q3")
  %4 = nn.conv %3, %b : (tensor<?x4x8x8xf32>, tensor<2x4x1x1xf32>) -> tensor<?x2x8x8xf32> loc("q4")
  return %4 : tensor<?x2x8x8xf32>
}
