// RUN: secateur-opt %s -kern-lower="vector-bits=256" -split-input-file | FileCheck %s
// RUN: secateur-opt %s -kern-lower="vector-bits=128" -split-input-file | FileCheck %s --check-prefix=NARROW

// With AVX2 half a panel is one vector, which joins the panel before it: 24 columns are tiles of 4x3 vectors,
// all of them. With SSE it is two vectors, which are a block of their own.
// CHECK-LABEL: func.func private @kern_contract_0
// CHECK-COUNT-1: func.call @kern_contract_rows
// CHECK-NOT: func.call
// CHECK: func.func private @kern_contract_rows
// CHECK: scf.for {{.*}} -> ({{(vector<8xf32>, ){11}vector<8xf32>\)}}
// NARROW-LABEL: func.func private @kern_contract_0
// NARROW-COUNT-2: func.call @kern_contract_rows
func.func @joins(%a: memref<48x32xf32>, %w: memref<2x32x16xf32>, %c: memref<48x24xf32>) {
  kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %w : memref<48x32xf32>, memref<2x32x16xf32>) packed outs(%c : memref<48x24xf32>)
  return
}

// -----

// 40 columns are a panel, and one with half of one.
// CHECK-LABEL: func.func private @kern_contract_0
// CHECK-COUNT-2: func.call @kern_contract_rows
// CHECK-NOT: func.call
// CHECK: func.func private @kern_contract_rows
func.func @last(%a: memref<48x32xf32>, %w: memref<3x32x16xf32>, %c: memref<48x40xf32>) {
  kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %w : memref<48x32xf32>, memref<3x32x16xf32>) packed outs(%c : memref<48x40xf32>)
  return
}

// -----

// More than half a panel is two vectors: a block of its own, with a mask.
// CHECK-LABEL: func.func private @kern_contract_0
// CHECK-COUNT-2: func.call @kern_contract_rows
// CHECK-NOT: func.call
// CHECK: func.func private @kern_contract_rows
func.func @more(%a: memref<48x32xf32>, %w: memref<2x32x16xf32>, %c: memref<48x27xf32>) {
  kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %w : memref<48x32xf32>, memref<2x32x16xf32>) packed outs(%c : memref<48x27xf32>)
  return
}

// -----

// One vector alone: 8 rows, whose addresses fit the registers.
// CHECK-LABEL: func.func @alone
// CHECK: func.func private @kern_contract_rows
// CHECK: scf.for {{.*}} -> ({{(vector<8xf32>, ){7}vector<8xf32>\)}}
func.func @alone(%a: memref<48x32xf32>, %w: memref<1x32x16xf32>, %c: memref<48x8xf32>) {
  kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %w : memref<48x32xf32>, memref<1x32x16xf32>) packed outs(%c : memref<48x8xf32>)
  return
}
