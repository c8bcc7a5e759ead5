// RUN: secateur-opt %s -split-input-file -codegen-build-entry | FileCheck %s

// A slice of a larger buffer is copied before the runtime gets it, although
// bufferization has cast it to the dense type of the result.
module attributes {secateur.inputs = [{nn.name = "x", secateur.type = tensor<3x4xf32>}],
                   secateur.outputs = [{nn.name = "y", secateur.type = tensor<2x?xf32>, secateur.data_dependent}]} {
  // CHECK-LABEL: func private @secateur_run(
  func.func @main(%x: memref<3x4xf32>) -> memref<2x?xf32> {
    %c0 = arith.constant 0 : index
    %value = memref.load %x[%c0, %c0] : memref<3x4xf32>
    %int = arith.fptosi %value : f32 to i64
    %n = arith.index_cast %int : i64 to index
    // CHECK: %[[VIEW:.*]] = memref.subview
    // CHECK: linalg.copy ins(%[[VIEW]] : memref<2x?xf32, strided<[4, 1]>>) outs(%[[DENSE:.*]] : memref<2x?xf32>)
    // CHECK: memref.extract_aligned_pointer_as_index %[[DENSE]]
    // CHECK: llvm.call @secateur_set_output
    %view = memref.subview %x[0, 0] [2, %n] [1, 1] : memref<3x4xf32> to memref<2x?xf32, strided<[4, 1]>>
    %cast = memref.cast %view : memref<2x?xf32, strided<[4, 1]>> to memref<2x?xf32>
    return %cast : memref<2x?xf32>
  }
}

// -----

// What is dense is handed over as it is.
module attributes {secateur.inputs = [{nn.name = "x", secateur.type = tensor<?x4xf32>}],
                   secateur.outputs = [{nn.name = "y", secateur.type = tensor<?x4xf32>, secateur.data_dependent}]} {
  // CHECK-LABEL: func private @secateur_run(
  // CHECK-NOT: linalg.copy
  // CHECK: llvm.call @secateur_set_output
  func.func @main(%x: memref<?x4xf32>) -> memref<?x4xf32> {
    return %x : memref<?x4xf32>
  }
}
