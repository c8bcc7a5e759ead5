// RUN: secateur-opt %s -lower-nn -split-input-file | FileCheck %s

// A row is read along its axis, a constant scalar becomes part of the loop.
// CHECK: #[[$ROW:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func.func @broadcast
// CHECK-SAME:    %[[X:[^:]*]]: tensor<?x3xf32>{{.*}}%[[ROWS:.*]]: tensor<1x3xf32>
// CHECK:         %[[R:.*]] = tensor.collapse_shape %[[ROWS]] {{.*}} into tensor<3xf32>
// CHECK:         linalg.generic {indexing_maps = [#{{.*}}, #[[$ROW]], #{{.*}}]{{.*}} ins(%[[X]], %[[R]]
// CHECK:         linalg.generic {{.*}} ins(%{{[^,]*}} : tensor<?x3xf32>)
// CHECK:           %[[TWO:.*]] = arith.constant 2.0
// CHECK:           arith.mulf %{{.*}}, %[[TWO]]
func.func @broadcast(%x: tensor<?x3xf32>, %r: tensor<1x3xf32>) -> tensor<?x3xf32> {
  %two = nn.constant dense<2.0> : tensor<f32>
  %0 = nn.add %x, %r : (tensor<?x3xf32>, tensor<1x3xf32>) -> tensor<?x3xf32>
  %1 = nn.mul %0, %two : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
  return %1 : tensor<?x3xf32>
}

// -----

// bool and uint8 are stored as i8; comparisons see i1, unsigned division is unsigned.
// CHECK-LABEL: func.func @types
// CHECK-SAME:    tensor<4xi8> {nn.type = ui8}, {{.*}} tensor<4xf16> {nn.type = f16}) -> (tensor<4xi8> {nn.type = i1}, tensor<4xi8> {nn.type = ui8}, tensor<4xf16> {nn.type = f16})
// CHECK:         arith.extf {{.*}} f16 to f32
// CHECK:         arith.cmpi ult
// CHECK:         arith.extui {{.*}} i1 to i8
// CHECK:         arith.divui
// CHECK:         arith.truncf {{.*}} f32 to f16
func.func @types(%x: tensor<4xui8>, %h: tensor<4xf16>) -> (tensor<4xi1>, tensor<4xui8>, tensor<4xf16>) {
  %c = nn.constant dense<[1, 2, 3, 200]> : tensor<4xui8>
  %0 = nn.less %x, %c : (tensor<4xui8>, tensor<4xui8>) -> tensor<4xi1>
  %1 = nn.div %x, %c : (tensor<4xui8>, tensor<4xui8>) -> tensor<4xui8>
  %2 = nn.relu %h : (tensor<4xf16>) -> tensor<4xf16>
  return %0, %1, %2 : tensor<4xi1>, tensor<4xui8>, tensor<4xf16>
}

// -----

// Shape arithmetic leaves nothing behind: sizes come from the arguments.
// CHECK-LABEL: func.func @shape_arithmetic
// CHECK-NOT:     linalg
// CHECK:         tensor.expand_shape
// CHECK-NOT:     linalg
func.func @shape_arithmetic(%x: tensor<?x6xf32> {nn.dims = ["n", ""]}) -> tensor<?x2x3xf32> {
  %shape = nn.shape %x {end = 1 : i64} : (tensor<?x6xf32>) -> tensor<1xi64>
  %rest = nn.constant dense<[2, 3]> : tensor<2xi64>
  %all = nn.concat %shape, %rest {axis = 0 : i64} : (tensor<1xi64>, tensor<2xi64>) -> tensor<3xi64>
  %0 = nn.reshape %x, %all : (tensor<?x6xf32>, tensor<3xi64>) -> tensor<?x2x3xf32>
  return %0 : tensor<?x2x3xf32>
}

// -----

// The same shape as a result of the model is built from the sizes.
// CHECK-LABEL: func.func @shape_result
// CHECK-SAME:    %[[X:.*]]: tensor<?x6xf32>
// CHECK:         %[[N:.*]] = tensor.dim %[[X]]
// CHECK:         %[[I:.*]] = arith.index_cast %[[N]] : index to i64
// CHECK:         tensor.from_elements %[[I]], %{{.*}} : tensor<2xi64>
func.func @shape_result(%x: tensor<?x6xf32> {nn.dims = ["n", ""]}) -> tensor<2xi64> {
  %shape = nn.shape %x : (tensor<?x6xf32>) -> tensor<2xi64>
  return %shape : tensor<2xi64>
}
