// RUN: secateur-opt %s -kern-lower="vector-bits=512" | FileCheck %s

// k goes in blocks: the sums of 96 + 6 rows and 64 columns wait on the stack.
// CHECK-LABEL: func.func private @kern_contract_rows
// CHECK: llvm.alloca %{{.*}} x f32 {alignment = 64
// What the epilogue overwrites, and B 16 steps ahead.
// CHECK: llvm.intr.prefetch{{.*}}rw = 1
// CHECK: llvm.intr.prefetch{{.*}}hint = 3 : i32, rw = 0
// The rows of a shallow window are short: there is nothing to keep.
// CHECK-LABEL: func.func private @kern_conv_rows
// CHECK-NOT: llvm.alloca
func.func @products(%a: memref<96x4096xf32>, %w: memref<4x4096x16xf32>, %y: memref<96x64xf32>,
                    %x: memref<1x8x12x3xf32>, %u: memref<1x4x3x3x3x16xf32>, %z: memref<1x8x12x64xf32>) {
  kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %w : memref<96x4096xf32>, memref<4x4096x16xf32>) packed outs(%y : memref<96x64xf32>)
  kern.conv ins(%x, %u : memref<1x8x12x3xf32>, memref<1x4x3x3x3x16xf32>) outs(%z : memref<1x8x12x64xf32>) pads [1, 1, 1, 1]
  return
}
