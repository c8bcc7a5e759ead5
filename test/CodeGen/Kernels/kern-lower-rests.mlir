// RUN: secateur-opt %s -kern-lower="vector-bits=512" -split-input-file | FileCheck %s

// 49 rows of 3 panels are 7 tiles of 7.
// CHECK-LABEL: func.func @none(
// CHECK: func.func private @kern_contract_rows
// CHECK: scf.for {{.*}} -> ({{(vector<16xf32>, ){20}vector<16xf32>\)}}
func.func @none(%a: memref<49x32xf32>, %w: memref<3x32x16xf32>, %c: memref<49x48xf32>) {
  kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %w : memref<49x32xf32>, memref<3x32x16xf32>) packed outs(%c : memref<49x48xf32>)
  return
}

// -----

// 50 leave a rest of 7 as of 8.
// CHECK-LABEL: func.func @some(
// CHECK: func.func private @kern_contract_rows
// CHECK: scf.for {{.*}} -> ({{(vector<16xf32>, ){23}vector<16xf32>\)}}
func.func @some(%a: memref<50x32xf32>, %w: memref<3x32x16xf32>, %c: memref<50x48xf32>) {
  kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %w : memref<50x32xf32>, memref<3x32x16xf32>) packed outs(%c : memref<50x48xf32>)
  return
}

// -----

// 147 rows are several tasks, whose rests are few.
// CHECK-LABEL: func.func @many(
// CHECK: func.func private @kern_contract_rows
// CHECK: scf.for {{.*}} -> ({{(vector<16xf32>, ){23}vector<16xf32>\)}}
func.func @many(%a: memref<147x32xf32>, %w: memref<3x32x16xf32>, %c: memref<147x48xf32>) {
  kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %w : memref<147x32xf32>, memref<3x32x16xf32>) packed outs(%c : memref<147x48xf32>)
  return
}
