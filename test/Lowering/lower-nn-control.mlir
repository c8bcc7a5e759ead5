// RUN: secateur-opt %s -lower-nn -split-input-file | FileCheck %s

// CHECK-LABEL: func.func @branch
// CHECK-SAME:    %[[X:.*]]: tensor<4xf32>{{.*}}, %[[C:.*]]: tensor<i8>
// CHECK:         %[[E:.*]] = tensor.extract %[[C]][]
// CHECK:         %[[B:.*]] = arith.cmpi ne, %[[E]]
// CHECK:         scf.if %[[B]] -> (tensor<4xf32>)
// CHECK:           math.exp
// CHECK:         } else {
// CHECK:           scf.yield %[[X]]
func.func @branch(%x: tensor<4xf32>, %c: tensor<i1>) -> tensor<4xf32> {
  %0 = nn.if %c : (tensor<i1>) -> tensor<4xf32> else_branch {
    nn.yield %x : tensor<4xf32>
  } then_branch {
    %1 = nn.exp %x : (tensor<4xf32>) -> tensor<4xf32>
    nn.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

// Removing a size if it is 1: what follows has one rank, so that it is 1.
// CHECK-LABEL: func.func @conditional_squeeze
// CHECK-NOT:     scf.if
// CHECK:         tensor.collapse_shape
// CHECK-NOT:     scf.if
func.func @conditional_squeeze(%x: tensor<4x?xf32> {nn.dims = ["", "n"]}) -> tensor<*xf32> {
  %one = nn.constant dense<1> : tensor<1xi64>
  %shape = nn.shape %x {start = 1 : i64} : (tensor<4x?xf32>) -> tensor<1xi64>
  %c = nn.equal %shape, %one : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi1>
  %0 = nn.if %c : (tensor<1xi1>) -> tensor<*xf32> else_branch {
    nn.yield %x : tensor<4x?xf32>
  } then_branch {
    %1 = nn.squeeze %x axes(%one) : (tensor<4x?xf32>, tensor<1xi64>) -> tensor<4xf32>
    nn.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<*xf32>
}

// -----

// A reshape whose sizes are data: 0 copies a size, -1 is the rest.
// CHECK-LABEL: func.func @data_reshape
// CHECK-SAME:    %{{.*}}: tensor<6x4xf32>{{.*}}, %[[S:.*]]: tensor<2xi64>
// CHECK:         tensor.extract %[[S]]
// CHECK:         tensor.expand_shape {{.*}} : tensor<?xf32> into tensor<?x?xf32>
func.func @data_reshape(%x: tensor<6x4xf32>, %s: tensor<2xi64>) -> tensor<?x?xf32> {
  %0 = nn.reshape %x, %s : (tensor<6x4xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}
