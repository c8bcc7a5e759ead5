// RUN: secateur-opt %s -codegen-build-entry | FileCheck %s

// %a lives from its first to its last user (through a view), %b at one operation
// alone; the first weight is used twice and stored once.
// CHECK: module attributes {
// CHECK-SAME: secateur.buffer_ranges = [array<i32: [[A0:[0-9]+]], [[A1:[0-9]+]]>, array<i32: [[B0:[0-9]+]], [[B0]]>, array<i32: {{[0-9]+, [0-9]+}}>]
// CHECK-SAME: secateur.weight_bytes = 96 : i64
// CHECK-SAME: offset = 0
// CHECK-SAME: offset = 64
// CHECK-NOT: offset = 128
module attributes {secateur.inputs = [{nn.name = "x", secateur.type = tensor<?x4xf32>}],
                   secateur.outputs = [{nn.name = "y", secateur.type = tensor<?x4xf32>}]} {
  // CHECK-LABEL: func private @secateur_sizes(
  // CHECK-SAME: %[[DIMS:.*]]: !llvm.ptr, %[[BYTES:.*]]: !llvm.ptr, %[[OUT:.*]]: !llvm.ptr) -> i32
  // CHECK: llvm.load
  // CHECK: %[[C16:.*]] = arith.constant 16 : index
  // CHECK: arith.muli %[[C16]], %{{.*}} : index
  // CHECK-LABEL: func private @secateur_run(
  // CHECK-SAME: attributes {secateur.context}
  func.func @main(%x: memref<?x4xf32>, %y: memref<?x4xf32>) -> index {
    %c0 = arith.constant 0 : index
    %n = memref.dim %x, %c0 : memref<?x4xf32>
    %w = kern.weight dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32> : memref<4xf32>
    %w2 = kern.weight dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32> : memref<4xf32>
    %v = kern.weight dense<2.0> : tensor<8xf32> : memref<8xf32>
    // CHECK-NOT: memref.alloc
    // CHECK-NOT: kern.weight
    %a = memref.alloc(%n) : memref<?x4xf32>
    %b = memref.alloc() : memref<8xf32>
    %c = memref.alloc() : memref<4xf32>
    linalg.exp ins(%x : memref<?x4xf32>) outs(%a : memref<?x4xf32>)
    linalg.exp ins(%v : memref<8xf32>) outs(%b : memref<8xf32>)
    %view = memref.cast %a : memref<?x4xf32> to memref<?x4xf32, strided<[4, 1], offset: ?>>
    linalg.copy ins(%view : memref<?x4xf32, strided<[4, 1], offset: ?>>) outs(%y : memref<?x4xf32>)
    linalg.copy ins(%w : memref<4xf32>) outs(%c : memref<4xf32>)
    linalg.copy ins(%w2 : memref<4xf32>) outs(%c : memref<4xf32>)
    return %n : index
  }
}
