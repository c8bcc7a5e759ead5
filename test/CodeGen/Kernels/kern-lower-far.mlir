// RUN: secateur-opt %s -split-input-file -kern-lower="vector-bits=256" | FileCheck %s
// RUN: secateur-opt %s -split-input-file -kern-lower="vector-bits=512" | FileCheck %s --check-prefix=WIDE

// A large B comes from memory for each row of tasks: tasks have 132 rows instead of 90, and their tiles
// fetch the next panel into the second-level cache. Tiles of several panels leave no register for that.
// CHECK-LABEL: func.func @large
// CHECK: call @kern_contract_0({{.*}}, %c132_i64{{[_0-9]*}}, %{{[0-9]+}}, %{{[0-9]+}})
// CHECK: func.func private @kern_contract_rows
// CHECK: llvm.intr.prefetch{{.*}} hint = 2 : i32, rw = 0
// WIDE-LABEL: func.func @large
// WIDE: call @kern_contract_0({{.*}}, %c90_i64{{[_0-9]*}}, %{{[0-9]+}}, %{{[0-9]+}})
// WIDE-NOT: hint = 2
func.func @large(%a: memref<512x512xf32>, %w: memref<32x512x16xf32>, %y: memref<512x512xf32>) {
  kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %w : memref<512x512xf32>, memref<32x512x16xf32>) packed outs(%y : memref<512x512xf32>)
  return
}

// -----

// A B of 256 KiB stays near.
// CHECK-LABEL: func.func @small
// CHECK: call @kern_contract_0({{.*}}, %c90_i64{{[_0-9]*}}, %{{[0-9]+}}, %{{[0-9]+}})
func.func @small(%a: memref<512x512xf32>, %w: memref<8x512x16xf32>, %y: memref<512x128xf32>) {
  kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %w : memref<512x512xf32>, memref<8x512x16xf32>) packed outs(%y : memref<512x128xf32>)
  return
}

// -----

// B as it is has no panels, and rows of which A is unknown are as many as usual.
// CHECK-LABEL: func.func @unpacked
// CHECK-NOT: hint = 2
func.func @unpacked(%a: memref<512x?xf32>, %w: memref<?x512xf32>, %y: memref<512x512xf32>) {
  kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %w : memref<512x?xf32>, memref<?x512xf32>) outs(%y : memref<512x512xf32>)
  return
}

// -----

// A convolution's rows share most of what they read: 3x3 windows of 64 channels bring 64 numbers each, of
// 512 columns 1.1 MiB of B. A task has all 400 rows, in tiles of 6.
// CHECK-LABEL: func.func @window
// CHECK: call @kern_conv_0({{.*}}, %c402_i64{{[_0-9]*}}, %{{[0-9]+}}, %{{[0-9]+}})
func.func @window(%x: memref<1x20x20x64xf32>, %w: memref<1x32x3x3x64x16xf32>, %y: memref<1x20x20x512xf32>) {
  kern.conv ins(%x, %w : memref<1x20x20x64xf32>, memref<1x32x3x3x64x16xf32>) outs(%y : memref<1x20x20x512xf32>) pads [1, 1, 1, 1]
  return
}

// -----

// The next panel of a chosen tile of two is in the tile.
// CHECK-LABEL: func.func @chosen
// CHECK-NOT: hint = 2
func.func @chosen(%a: memref<512x512xf32>, %w: memref<32x512x16xf32>, %y: memref<512x512xf32>) {
  kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %w : memref<512x512xf32>, memref<32x512x16xf32>) packed outs(%y : memref<512x512xf32>) attributes {choice = #kern.choice<matrix 3x2 task 96>}
  return
}
