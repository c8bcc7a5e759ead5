// RUN: secateur-opt %s -kern-lower="vector-bits=512" -split-input-file | FileCheck %s

// By the model 6 rows of 4 panels, 96 rows a task; then 14 rows of 2 panels, all rows in a task, and 9 of 3: of 4 panels,
// two blocks of 2, in which as many sums are 12 rows, the most that are not chosen.
// CHECK-LABEL: func.func @matrix(
// CHECK: kern.parallel(%c3
// CHECK: call @kern_contract_[[USUAL:[0-9]+]](
// CHECK: kern.parallel(%c2
// CHECK-NOT: call @kern_contract_[[USUAL]](
// CHECK: call @kern_contract_
// CHECK: kern.parallel(%c6
// CHECK-NOT: call @kern_contract_[[USUAL]](
// CHECK: call @kern_contract_
// CHECK: func.func private @kern_contract_rows
// CHECK: scf.for {{.*}} -> ({{(vector<16xf32>, ){23}vector<16xf32>\)}}
// CHECK: func.func private @kern_contract_rows
// CHECK: scf.for {{.*}} -> ({{(vector<16xf32>, ){27}vector<16xf32>\)}}
// CHECK: func.func private @kern_contract_rows
// CHECK: scf.for {{.*}} -> ({{(vector<16xf32>, ){23}vector<16xf32>\)}}
func.func @matrix(%a: memref<200x32xf32>, %w: memref<4x32x16xf32>, %c: memref<200x64xf32>) {
  kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %w : memref<200x32xf32>, memref<4x32x16xf32>) packed outs(%c : memref<200x64xf32>)
  kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %w : memref<200x32xf32>, memref<4x32x16xf32>) packed outs(%c : memref<200x64xf32>) attributes {choice = #kern.choice<matrix 14x2 task 200>}
  kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %w : memref<200x32xf32>, memref<4x32x16xf32>) packed outs(%c : memref<200x64xf32>) attributes {choice = #kern.choice<matrix 9x3 task 96>}
  return
}

// -----

// Groups of 8 outputs go to the grouped kernel, which does not copy few inputs, unless something else is chosen; so do
// those of 64, which are the matrix kernel's.
// CHECK-LABEL: func.func @groups(
// CHECK: call @kern_grouped_
// CHECK: call @kern_conv_
// CHECK: call @kern_conv_
// CHECK: call @kern_grouped_
// CHECK: func.func private @kern_grouped_tiles_{{[0-9]+}}
// CHECK-NOT: llvm.alloca
// CHECK: func.func private @kern_grouped_tiles_{{[0-9]+}}
// CHECK: llvm.alloca
func.func @groups(%x: memref<1x8x14x32xf32>, %w: memref<8x1x3x3x4x16xf32>, %y: memref<1x8x14x64xf32>,
                  %v: memref<2x4x3x3x16x16xf32>, %z: memref<1x8x14x128xf32>) {
  kern.conv ins(%x, %w : memref<1x8x14x32xf32>, memref<8x1x3x3x4x16xf32>) outs(%y : memref<1x8x14x64xf32>) pads [1, 1, 1, 1] groups 8
  kern.conv ins(%x, %w : memref<1x8x14x32xf32>, memref<8x1x3x3x4x16xf32>) outs(%y : memref<1x8x14x64xf32>) pads [1, 1, 1, 1] groups 8
    attributes {choice = #kern.choice<matrix 12x1 task 96>}
  kern.conv ins(%x, %v : memref<1x8x14x32xf32>, memref<2x4x3x3x16x16xf32>) outs(%z : memref<1x8x14x128xf32>) pads [1, 1, 1, 1] groups 2
  kern.conv ins(%x, %v : memref<1x8x14x32xf32>, memref<2x4x3x3x16x16xf32>) outs(%z : memref<1x8x14x128xf32>) pads [1, 1, 1, 1] groups 2
    attributes {choice = #kern.choice<grouped 1x7 copied by_row>}
  return
}

// -----

// 8 rows of the image: 4 tasks of 2 rows, or 8 of one.
// CHECK-LABEL: func.func @depthwise(
// CHECK: kern.parallel(%c4
// CHECK: kern.parallel(%c8
func.func @depthwise(%x: memref<1x8x14x32xf32>, %w: memref<3x3x32xf32>, %y: memref<1x8x14x32xf32>) {
  kern.depthwise_conv ins(%x, %w : memref<1x8x14x32xf32>, memref<3x3x32xf32>) outs(%y : memref<1x8x14x32xf32>) pads [1, 1, 1, 1]
  kern.depthwise_conv ins(%x, %w : memref<1x8x14x32xf32>, memref<3x3x32xf32>) outs(%y : memref<1x8x14x32xf32>) pads [1, 1, 1, 1]
    attributes {choice = #kern.choice<depthwise 1x5>}
  return
}
