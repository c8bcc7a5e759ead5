// RUN: secateur-opt %s -prune-apply -mlir-use-nameloc-as-prefix | FileCheck %s

// The heads are joined to a size that was read off the stream beside them, which
// keeps its six channels: a constant takes its place, there alone.
// CHECK-LABEL: @joined_to_the_size_of_another
func.func @joined_to_the_size_of_another(%x: tensor<2x7x6xf32> {nn.name = "x"}) -> (tensor<2x7x6xf32>, tensor<1xi64>) {
  // CHECK: %w = nn.constant dense<1.000000e+00> : tensor<6x4xf32>
  %w = nn.constant dense<1.0> : tensor<6x6xf32> loc("w")
  %wo = nn.constant dense<1.0> : tensor<6x6xf32> loc("wo")
  %heads = nn.constant dense<[2, 7, 3, 2]> : tensor<4xi64> loc("heads")
  %front = nn.constant dense<[2, 7]> : tensor<2xi64> loc("front")
  %two = nn.constant dense<2> : tensor<1xi64> loc("two")
  %0 = nn.matmul %x, %w : (tensor<2x7x6xf32>, tensor<6x6xf32>) -> tensor<2x7x6xf32>
  %1 = nn.reshape %0, %heads : (tensor<2x7x6xf32>, tensor<4xi64>) -> tensor<2x7x3x2xf32>
  %2 = nn.relu %1 : (tensor<2x7x3x2xf32>) -> tensor<2x7x3x2xf32>
  // CHECK: %[[SIZE:.*]] = nn.gather
  %3 = nn.shape %x : (tensor<2x7x6xf32>) -> tensor<3xi64> loc("shape")
  %4 = nn.gather %3, %two : (tensor<3xi64>, tensor<1xi64>) -> tensor<1xi64> loc("size")
  // CHECK: %[[FOUR:.*]] = nn.constant dense<4> : tensor<1xi64> initializer
  // CHECK: nn.concat %front, %[[FOUR]]
  %5 = nn.concat %front, %4 {axis = 0 : i64} : (tensor<2xi64>, tensor<1xi64>) -> tensor<3xi64> loc("target")
  %6 = nn.reshape %2, %5 : (tensor<2x7x3x2xf32>, tensor<3xi64>) -> tensor<2x7x6xf32>
  %7 = nn.matmul %6, %wo : (tensor<2x7x6xf32>, tensor<6x6xf32>) -> tensor<2x7x6xf32>
  prune.group "w:1" units(3) (%w[1: 0 by 2], %wo[0: 0 by 2], %0[2: 0 by 2], %1[2: 0 by 1], %2[2: 0 by 1], %6[2: 0 by 2]) {prune.removed = array<i64: 1>}
    : tensor<6x6xf32>, tensor<6x6xf32>, tensor<2x7x6xf32>, tensor<2x7x3x2xf32>, tensor<2x7x3x2xf32>, tensor<2x7x6xf32>
  // CHECK: return %{{.*}}, %[[SIZE]]
  return %7, %4 : tensor<2x7x6xf32>, tensor<1xi64>
}
