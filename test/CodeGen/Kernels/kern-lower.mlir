// RUN: secateur-opt %s -kern-lower="vector-bits=512" | FileCheck %s
// RUN: secateur-opt %s -kern-lower="vector-bits=256" | FileCheck %s --check-prefix=AVX2
// RUN: secateur-opt %s -kern-lower="cpu=x86-64-v2" | FileCheck %s --check-prefix=SSE

#mm = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
#column = affine_map<(m, n) -> (n)>

// Other extents, the same kernel.
// CHECK-LABEL: func.func @shared
// CHECK: kern.parallel
// CHECK: call @[[FIRST:kern_contract_[0-9]+]](
// CHECK: kern.parallel
// CHECK: call @[[FIRST]](
// CHECK-NOT: kern.contract
func.func @shared(%a: memref<5x7xf32>, %b: memref<2x7x16xf32>, %c: memref<5x30xf32>,
                  %d: memref<?x9xf32>, %e: memref<2x9x16xf32>, %f: memref<?x27xf32>) {
  kern.contract indexing_maps = #mm ins(%a, %b : memref<5x7xf32>, memref<2x7x16xf32>) packed outs(%c : memref<5x30xf32>)
  kern.contract indexing_maps = #mm ins(%d, %e : memref<?x9xf32>, memref<2x9x16xf32>) packed outs(%f : memref<?x27xf32>)
  return
}

// Another epilogue, another kernel; the constant's place does not matter.
// CHECK-LABEL: func.func @epilogues
// CHECK: call @[[RELU:kern_contract_[0-9]+]](
// CHECK: call @[[RELU]](
// CHECK: call @[[SCALE:kern_contract_[0-9]+]](
func.func @epilogues(%a: memref<5x7xf32>, %b: memref<2x7x16xf32>, %c: memref<5x30xf32>) {
  %zero = arith.constant 0.0 : f32
  kern.contract indexing_maps = #mm ins(%a, %b : memref<5x7xf32>, memref<2x7x16xf32>) packed outs(%c : memref<5x30xf32>) {
  ^bb0(%acc: f32):
    %y = arith.maximumf %acc, %zero : f32
    kern.yield %y : f32
  }
  kern.contract indexing_maps = #mm ins(%a, %b : memref<5x7xf32>, memref<2x7x16xf32>) packed outs(%c : memref<5x30xf32>) {
  ^bb0(%acc: f32):
    %inner = arith.constant 0.0 : f32
    %y = arith.maximumf %acc, %inner : f32
    kern.yield %y : f32
  }
  kern.contract indexing_maps = #mm ins(%a, %b : memref<5x7xf32>, memref<2x7x16xf32>) packed outs(%c : memref<5x30xf32>) {
  ^bb0(%acc: f32):
    %y = arith.addf %acc, %acc : f32
    kern.yield %y : f32
  }
  return
}

// No kernel for these types: loops.
// CHECK-LABEL: func.func @loops
// CHECK: kern.parallel
// CHECK-NOT: call
// CHECK: arith.extsi
// CHECK: arith.muli
// CHECK: return
func.func @loops(%a: memref<5x7xi8>, %b: memref<7x3xi8>, %c: memref<5x3xi32>) {
  kern.contract indexing_maps = #mm ins(%a, %b : memref<5x7xi8>, memref<7x3xi8>) outs(%c : memref<5x3xi32>)
  return
}

// CHECK-LABEL: func.func @others
// CHECK: call @kern_conv_
// CHECK: call @kern_depthwise_
// CHECK: call @kern_pool_
// CHECK: call @kern_softmax_
func.func @others(%x: memref<1x8x8x20xf32>, %w: memref<1x2x3x3x20x16xf32>, %y: memref<1x8x8x20xf32>, %v: memref<3x3x20xf32>) {
  kern.conv ins(%x, %w : memref<1x8x8x20xf32>, memref<1x2x3x3x20x16xf32>) outs(%y : memref<1x8x8x20xf32>) pads [1, 1, 1, 1]
  kern.depthwise_conv ins(%x, %v : memref<1x8x8x20xf32>, memref<3x3x20xf32>) outs(%y : memref<1x8x8x20xf32>) pads [1, 1, 1, 1]
  kern.pool max ins(%x : memref<1x8x8x20xf32>) outs(%y : memref<1x8x8x20xf32>) kernel [3, 3] pads [1, 1, 1, 1]
  kern.softmax ins(%x : memref<1x8x8x20xf32>) outs(%y : memref<1x8x8x20xf32>)
  return
}

// CHECK-LABEL: func.func @columns(
// CHECK: call @kern_contract_[[$C:[0-9]+]](
func.func @columns(%a: memref<5x7xf32>, %b: memref<5x7x16xf32>, %c: memref<5x70xf32>) {
  kern.contract indexing_maps = #mm ins(%a, %b : memref<5x7xf32>, memref<5x7x16xf32>) packed outs(%c : memref<5x70xf32>)
  return
}

// Fourteen columns are a tile at the left edge and one at the right: neither has masks.
// CHECK-LABEL: func.func @depthwise(
// CHECK: call @kern_depthwise_[[$N:[0-9]+]](
func.func @depthwise(%x: memref<1x14x14x32xf32>, %w: memref<3x3x32xf32>, %y: memref<1x14x14x32xf32>) {
  kern.depthwise_conv ins(%x, %w : memref<1x14x14x32xf32>, memref<3x3x32xf32>) outs(%y : memref<1x14x14x32xf32>) pads [1, 1, 1, 1]
  return
}

// Twelve rows of two panels in registers; the tail of the columns is masked.
// CHECK-LABEL: func.func private @kern_contract_rows_1
// CHECK-SAME: !llvm.ptr
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
// CHECK: vector.fma {{.*}} : vector<16xf32>
// CHECK: llvm.intr.masked.store
// Without mask registers: two parts of four lanes, of two, or one lane.
// AVX2-LABEL: func.func private @kern_contract_rows_1
// AVX2: %[[STACK:.+]] = llvm.alloca {{.*}} x vector<8xf64>
// AVX2: vector.fma {{.*}} : vector<8xf32>
// AVX2-NOT: llvm.intr.masked.store
// AVX2: llvm.intr.ctpop
// AVX2: llvm.store {{.*}}, %[[STACK]] {{.*}} : vector<8xf32>
// AVX2: scf.if
// AVX2-COUNT-2: llvm.store {{.*}} : vector<4xf32>
// AVX2: scf.if
// AVX2-COUNT-2: llvm.store {{.*}} : vector<2xf32>
// AVX2: scf.if
// AVX2-NEXT: llvm.load {{.*}} -> f32
// AVX2-NEXT: llvm.store {{.*}} : f32
// AVX2-NOT: llvm.intr.masked.store
// SSE-LABEL: func.func private @kern_contract_rows_1
// SSE-NOT: vector.fma
// SSE: arith.mulf {{.*}} : vector<4xf32>

// 70 columns are three panels and two, the last of which takes half a vector.
// CHECK: func.func private @kern_contract_[[$C]](
// CHECK: call @kern_contract_rows_[[$HALF:[0-9]+]](
// CHECK: call @kern_contract_rows_[[$WHOLE:[0-9]+]](
// CHECK-NOT: call
// CHECK: func.func private @kern_contract_rows_[[$HALF]](
// CHECK: vector.fma {{.*}} : vector<8xf32>
// CHECK: llvm.intr.masked.store {{.*}} : vector<8xf32>
// CHECK: func.func private @kern_contract_rows_[[$WHOLE]](
// CHECK-NOT: llvm.intr.masked
// CHECK: return

// CHECK: func.func private @kern_depthwise_[[$N]](
// CHECK-COUNT-2: call @kern_depthwise_tiles_
// CHECK-NOT: call
// CHECK: return
