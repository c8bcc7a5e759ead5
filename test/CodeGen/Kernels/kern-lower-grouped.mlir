// RUN: secateur-opt %s -kern-lower="vector-bits=512" -split-input-file | FileCheck %s
// RUN: secateur-opt %s -kern-lower="cpu=x86-64-v2" -split-input-file | FileCheck %s --check-prefix=SSE

// Four groups in a vector: each input is loaded once, under a mask that ends with the last group, and shuffled.
// CHECK-LABEL: func.func @narrow(
// CHECK: call @kern_grouped_
// CHECK-LABEL: func.func private @kern_grouped_tiles_
// CHECK: scf.for {{.*}} -> (vector<16xf32>, {{.*}}) : i64 {
// CHECK: llvm.intr.masked.load
// CHECK: vector.shuffle {{.*}} [0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12] : vector<16xf32>, vector<16xf32>
// CHECK-NOT: masked.store
// CHECK: return
// One group in a vector.
// SSE-LABEL: func.func @narrow(
// SSE-NOT: vector.shuffle
// SSE-NOT: masked.load
func.func @narrow(%x: memref<1x8x14x32xf32>, %w: memref<2x1x3x3x4x16xf32>, %y: memref<1x8x14x32xf32>) {
  kern.conv ins(%x, %w : memref<1x8x14x32xf32>, memref<2x1x3x3x4x16xf32>) outs(%y : memref<1x8x14x32xf32>) pads [1, 1, 1, 1] groups 8 bundle 4
  return
}

// -----

// Three lanes of each vector and a group of the last are empty: stores are masked.
// CHECK-LABEL: func.func @odd(
// CHECK-LABEL: func.func private @kern_grouped_tiles_
// CHECK: vector.shuffle {{.*}} [0, 0, 0, 0, 0, 5, 5, 5, 5, 5, 10, 10, 10, 10, 10, 0]
// CHECK: llvm.intr.masked.store
func.func @odd(%x: memref<1x8x14x35xf32>, %w: memref<3x1x3x3x5x16xf32>, %y: memref<1x8x14x35xf32>) {
  kern.conv ins(%x, %w : memref<1x8x14x35xf32>, memref<3x1x3x3x5x16xf32>) outs(%y : memref<1x8x14x35xf32>) pads [1, 1, 1, 1] groups 7 bundle 3
  return
}

// -----

// A group fills vectors of its own: inputs are copied to the stack and broadcast from there.
// CHECK-LABEL: func.func @wide(
// CHECK-LABEL: func.func private @kern_grouped_tiles_
// CHECK: llvm.alloca
// CHECK-NOT: vector.shuffle
// CHECK: vector.broadcast {{.*}} : f32 to vector<16xf32>
func.func @wide(%x: memref<1x8x14x64xf32>, %w: memref<2x2x3x3x32x16xf32>, %y: memref<1x8x14x64xf32>) {
  kern.conv ins(%x, %w : memref<1x8x14x64xf32>, memref<2x2x3x3x32x16xf32>) outs(%y : memref<1x8x14x64xf32>) pads [1, 1, 1, 1] groups 2
  return
}

// -----

// No groups, groups of many channels, one tap: the matrix kernel. Channels that are apart: loops.
// CHECK-LABEL: func.func @others(
// CHECK: call @kern_conv_
// CHECK: call @kern_conv_
// CHECK: call @kern_conv_
// CHECK-NOT: call
// CHECK: scf.for
// CHECK-NOT: kern_grouped
func.func @others(%x: memref<1x8x14x128xf32>, %a: memref<1x8x3x3x128x16xf32>, %b: memref<2x4x3x3x64x16xf32>, %c: memref<8x1x1x1x16x16xf32>,
                  %d: memref<8x1x3x3x16x16xf32>, %y: memref<1x8x14x128xf32>, %z: memref<1x8x14x128xf32, strided<[28672, 3584, 256, 2]>>) {
  kern.conv ins(%x, %a : memref<1x8x14x128xf32>, memref<1x8x3x3x128x16xf32>) outs(%y : memref<1x8x14x128xf32>) pads [1, 1, 1, 1]
  kern.conv ins(%x, %b : memref<1x8x14x128xf32>, memref<2x4x3x3x64x16xf32>) outs(%y : memref<1x8x14x128xf32>) pads [1, 1, 1, 1] groups 2
  kern.conv ins(%x, %c : memref<1x8x14x128xf32>, memref<8x1x1x1x16x16xf32>) outs(%y : memref<1x8x14x128xf32>) groups 8
  kern.conv ins(%x, %d : memref<1x8x14x128xf32>, memref<8x1x3x3x16x16xf32>) outs(%z : memref<1x8x14x128xf32, strided<[28672, 3584, 256, 2]>>)
      pads [1, 1, 1, 1] groups 8
  return
}
