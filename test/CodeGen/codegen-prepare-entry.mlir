// RUN: secateur-opt %s -codegen-prepare-entry -split-input-file | FileCheck %s

// CHECK: module attributes {
// CHECK-SAME: secateur.inputs = [{nn.dims = ["n", ""], nn.name = "x", secateur.type = tensor<?x4xf32>}]
// CHECK-SAME: secateur.outputs = [{nn.name = "y", secateur.type = tensor<?x4xf32>}]
// CHECK-LABEL: func @main(
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32> {bufferization.writable = false}, %[[Y:.*]]: memref<?x4xf32>) -> index
func.func @main(%x: tensor<?x4xf32> {nn.name = "x", nn.dims = ["n", ""]})
    -> (tensor<?x4xf32> {nn.name = "y"}) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x4xf32>
  %e = tensor.empty(%n) : tensor<?x4xf32>
  // CHECK: %[[R:.*]] = linalg.exp
  %r = linalg.exp ins(%x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: %[[N:.*]] = tensor.dim %[[X]]
  // CHECK: bufferization.materialize_in_destination %[[R]] in restrict writable %[[Y]]
  // CHECK: return %[[N]] : index
  return %r : tensor<?x4xf32>
}

// -----

// The size is an element of an input: the caller cannot know it.
// CHECK: secateur.outputs = [{nn.name = "y", secateur.data_dependent, secateur.type = tensor<?xf32>}]
// CHECK-LABEL: func @main(
// CHECK-SAME: %{{.*}}: tensor<i64> {bufferization.writable = false}) -> tensor<?xf32>
func.func @main(%size: tensor<i64> {nn.name = "size"}) -> (tensor<?xf32> {nn.name = "y"}) {
  %s = tensor.extract %size[] : tensor<i64>
  %n = arith.index_cast %s : i64 to index
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%n) : tensor<?xf32>
  // CHECK-NOT: materialize_in_destination
  // CHECK: return
  %r = linalg.fill ins(%zero : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  return %r : tensor<?xf32>
}
