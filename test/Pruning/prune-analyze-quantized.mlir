// RUN: secateur-opt %s -prune-analyze -mlir-use-nameloc-as-prefix | FileCheck %s
// RUN: secateur-opt %s -prune-analyze -prune-score -prune-plan="budgets=params=95%% best-effort=1" -prune-apply=zero=1 -mlir-use-nameloc-as-prefix | FileCheck %s --check-prefix=ZERO

// The zero of a weight is its zero point: what is removed counts as that, and the
// least column is the one that is nearest to it.
// CHECK-LABEL: @unsigned_weights
// ZERO-LABEL: @unsigned_weights
func.func @unsigned_weights(%x: tensor<?x2xui8> {nn.name = "x"}) -> tensor<?x2xi32> {
  // ZERO: %w = nn.constant dense<{{\[}}[1, 128, 200], [1, 128, 200]]> : tensor<2x3xui8>
  // ZERO: %v = nn.constant dense<{{\[}}[1, 1], [130, 130], [200, 200]]> : tensor<3x2xui8>
  %w = nn.constant dense<[[1, 129, 200], [1, 129, 200]]> : tensor<2x3xui8> loc("w")
  %v = nn.constant dense<[[1, 1], [129, 129], [200, 200]]> : tensor<3x2xui8> loc("v")
  %zero = nn.constant dense<128> : tensor<ui8> loc("zero")
  %other = nn.constant dense<130> : tensor<ui8> loc("other")
  %s = nn.constant dense<0.5> : tensor<f32> loc("s")
  %z = nn.constant dense<7> : tensor<ui8> loc("z")
  %0 = nn.matmul_integer %x, %w b_zero_point(%zero) : (tensor<?x2xui8>, tensor<2x3xui8>, tensor<ui8>) -> tensor<?x3xi32> loc("r0")
  %1 = nn.cast %0 {to = 1 : i64} : (tensor<?x3xi32>) -> tensor<?x3xf32> loc("r1")
  %2 = nn.quantize_linear %1, %s y_zero_point(%z) : (tensor<?x3xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x3xui8> loc("r2")
  %3 = nn.matmul_integer %2, %v a_zero_point(%zero) b_zero_point(%other) : (tensor<?x3xui8>, tensor<3x2xui8>, tensor<ui8>, tensor<ui8>) -> tensor<?x2xi32> loc("r3")
  // CHECK: prune.group "w:1" units(3) (%w[1: 0 by 1] counts_as 128, %v[0: 0 by 1] counts_as 130,
  return %3 : tensor<?x2xi32>
}

// One zero point for each column: both leave as 0, but what is summed over stays
// unless the other side is its zero.
// CHECK-LABEL: @zero_points_of_columns
func.func @zero_points_of_columns(%x: tensor<?x2xui8> {nn.name = "x"}) -> (tensor<?x2xi32>, tensor<?x2xi32>) {
  %w = nn.constant dense<1> : tensor<2x3xui8> loc("w")
  %wz = nn.constant dense<[1, 2, 3]> : tensor<3xui8> loc("wz")
  %t = nn.constant dense<1> : tensor<2x5xui8> loc("t")
  %tz = nn.constant dense<[1, 2, 3, 4, 5]> : tensor<5xui8> loc("tz")
  %v = nn.constant dense<1> : tensor<3x2xui8> loc("v")
  %u = nn.constant dense<1> : tensor<5x2xui8> loc("u")
  %vz = nn.constant dense<[1, 2]> : tensor<2xui8> loc("vz")
  %uz = nn.constant dense<[1, 2]> : tensor<2xui8> loc("uz")
  %s = nn.constant dense<0.5> : tensor<f32> loc("s")
  %z = nn.constant dense<7> : tensor<ui8> loc("z")
  %other = nn.constant dense<8> : tensor<ui8> loc("other")
  %0 = nn.matmul_integer %x, %w b_zero_point(%wz) : (tensor<?x2xui8>, tensor<2x3xui8>, tensor<3xui8>) -> tensor<?x3xi32> loc("r0")
  %1 = nn.cast %0 {to = 1 : i64} : (tensor<?x3xi32>) -> tensor<?x3xf32> loc("r1")
  %2 = nn.quantize_linear %1, %s y_zero_point(%z) : (tensor<?x3xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x3xui8> loc("r2")
  %3 = nn.matmul_integer %2, %v a_zero_point(%z) b_zero_point(%vz) : (tensor<?x3xui8>, tensor<3x2xui8>, tensor<ui8>, tensor<2xui8>) -> tensor<?x2xi32> loc("r3")
  %4 = nn.matmul_integer %x, %t b_zero_point(%tz) : (tensor<?x2xui8>, tensor<2x5xui8>, tensor<5xui8>) -> tensor<?x5xi32> loc("r4")
  %5 = nn.cast %4 {to = 1 : i64} : (tensor<?x5xi32>) -> tensor<?x5xf32> loc("r5")
  %6 = nn.quantize_linear %5, %s y_zero_point(%z) : (tensor<?x5xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x5xui8> loc("r6")
  %7 = nn.matmul_integer %6, %u a_zero_point(%other) b_zero_point(%uz) : (tensor<?x5xui8>, tensor<5x2xui8>, tensor<ui8>, tensor<2xui8>) -> tensor<?x2xi32> loc("r7")
  // CHECK: prune.group "w:1" units(3) (%w[1: 0 by 1], %wz[0: 0 by 1], %v[0: 0 by 1],
  // CHECK-NOT: prune.group
  // CHECK: prune.pin %t axis 1 "erased positions that are summed over do not hold zero" by "MatMulInteger 'r7'"
  return %3, %7 : tensor<?x2xi32>, tensor<?x2xi32>
}
