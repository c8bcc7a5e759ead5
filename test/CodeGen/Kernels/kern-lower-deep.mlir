// RUN: secateur-opt %s -kern-lower="vector-bits=512" | FileCheck %s

// 64 columns of 4096 rows take 1 MiB: two blocks of half of them stay in the cache from tile to tile. 2048 rows do so
// anyway; a single tile reads them once; a choice stands.
// CHECK-LABEL: func.func @deep(
// CHECK: kern.parallel(%c2
// CHECK: kern.parallel(%c1
// CHECK: kern.parallel(%c1
// CHECK: kern.parallel(%c1
// CHECK: kern.parallel(%c2
// CHECK: return
func.func @deep(%a: memref<96x4096xf32>, %b: memref<96x2048xf32>, %c: memref<6x4096xf32>, %w: memref<4x4096x16xf32>, %v: memref<4x2048x16xf32>,
                %y: memref<96x64xf32>, %z: memref<6x64xf32>, %x: memref<1x8x12x512xf32>, %u: memref<1x4x3x3x512x16xf32>, %t: memref<1x8x12x64xf32>) {
  kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %w : memref<96x4096xf32>, memref<4x4096x16xf32>) packed outs(%y : memref<96x64xf32>)
  kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%b, %v : memref<96x2048xf32>, memref<4x2048x16xf32>) packed outs(%y : memref<96x64xf32>)
  kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%c, %w : memref<6x4096xf32>, memref<4x4096x16xf32>) packed outs(%z : memref<6x64xf32>)
  kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %w : memref<96x4096xf32>, memref<4x4096x16xf32>) packed outs(%y : memref<96x64xf32>) attributes {choice = #kern.choice<matrix 6x4 task 96>}
  // 9 taps of 512 channels.
  kern.conv ins(%x, %u : memref<1x8x12x512xf32>, memref<1x4x3x3x512x16xf32>) outs(%t : memref<1x8x12x64xf32>) pads [1, 1, 1, 1]
  return
}
