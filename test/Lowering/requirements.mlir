// RUN: secateur-opt %s --lower-nn | FileCheck %s

// A size that two inputs share is the same in both. It may be 0.
// CHECK-LABEL: @shared
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32> {{.*}}, %[[Y:.*]]: tensor<?x4xf32>
// CHECK-DAG: %[[N:.*]] = tensor.dim %[[X]], %{{.*}}
// CHECK-DAG: %[[M:.*]] = tensor.dim %[[Y]], %{{.*}}
// CHECK: %[[EQUAL:.*]] = arith.cmpi eq, %[[M]], %{{.*}}
// CHECK: cf.assert %[[EQUAL]], "dimension 0 of input 'y' has to be that of input 'x': both are called 'n'"
func.func @shared(%x: tensor<?x4xf32> {nn.name = "x", nn.dims = ["n", ""]},
                  %y: tensor<?x4xf32> {nn.name = "y", nn.dims = ["n", ""]}) -> tensor<?x4xf32> {
  %0 = nn.add %x, %y : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// A window has to fit.
// CHECK-LABEL: @window
// CHECK: cf.assert %{{.*}}, "{{.*}}nn.max_pool would have a size of l + -4, which has to be at least 1"
func.func @window(%x: tensor<1x4x?xf32> {nn.name = "x", nn.dims = ["", "", "l"]}) -> tensor<1x4x?xf32> {
  %0 = nn.max_pool %x {kernel_shape = array<i64: 5>, strides = array<i64: 1>} : (tensor<1x4x?xf32>) -> tensor<1x4x?xf32>
  return %0 : tensor<1x4x?xf32>
}

// Both ways round to the same size only for even lengths.
// CHECK-LABEL: @concat
// CHECK: cf.assert %{{.*}}, "nn.concat needs {{.*}} to equal
func.func @concat(%x: tensor<1x4x?xf32> {nn.name = "x", nn.dims = ["", "", "l"]}) -> tensor<1x8x?xf32> {
  %s = nn.constant dense<[1.0, 1.0, 2.0]> : tensor<3xf32>
  %0 = nn.max_pool %x {kernel_shape = array<i64: 2>, strides = array<i64: 2>} : (tensor<1x4x?xf32>) -> tensor<1x4x?xf32>
  %1 = nn.resize %0 scales(%s) {mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"} : (tensor<1x4x?xf32>, tensor<3xf32>) -> tensor<1x4x?xf32>
  %2 = nn.concat %x, %1 {axis = 1 : i64} : (tensor<1x4x?xf32>, tensor<1x4x?xf32>) -> tensor<1x8x?xf32>
  return %2 : tensor<1x8x?xf32>
}

// Static shapes need no checks.
// CHECK-LABEL: @static
// CHECK-NOT: cf.assert
// CHECK: return
func.func @static(%x: tensor<1x4x8xf32>) -> tensor<1x4x4xf32> {
  %0 = nn.max_pool %x {kernel_shape = array<i64: 5>, strides = array<i64: 1>} : (tensor<1x4x8xf32>) -> tensor<1x4x4xf32>
  return %0 : tensor<1x4x4xf32>
}

// A slice of one position has one only where there is any.
// CHECK-LABEL: func.func @relied
// CHECK: cf.assert %{{.*}}, "dimension 0 of input 'x' has to be at least 1"
func.func @relied(%x: tensor<?x4xf32> {nn.name = "x", nn.dims = ["n", ""]}) -> tensor<1x4xf32> {
  %zero = nn.constant dense<0> : tensor<1xi64>
  %one = nn.constant dense<1> : tensor<1xi64>
  %0 = nn.slice %x, %zero, %one axes(%zero) : (tensor<?x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x4xf32>
  return %0 : tensor<1x4xf32>
}
