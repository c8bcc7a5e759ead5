// RUN: secateur-opt %s -verify-roundtrip | FileCheck %s

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
#rows = affine_map<(m, n) -> (n)>
#all = affine_map<(m, n) -> (m, n)>

// CHECK-LABEL: @linear
func.func @linear(%a: tensor<?x64xf32>, %bias: tensor<24xf32>, %r: tensor<?x24xf32>, %c: tensor<?x24xf32>) -> tensor<?x24xf32> {
  // A layer stored [N, K]: transposed, then two panels of 16 columns.
  // CHECK: %[[W:.*]] = kern.weight dense<1.000000e+00> : tensor<24x64xf32> permutation [1, 0] panel 16 : tensor<2x64x16xf32>
  %w = kern.weight dense<1.0> : tensor<24x64xf32> permutation [1, 0] panel 16 : tensor<2x64x16xf32>
  // CHECK: kern.contract indexing_maps = [{{.*}}] ins(%{{.*}}, %[[W]] : tensor<?x64xf32>, tensor<2x64x16xf32>) packed epilogue(%{{.*}}, %{{.*}} : tensor<24xf32>, tensor<?x24xf32>) maps [{{.*}}] outs(%{{.*}} : tensor<?x24xf32>) {
  // CHECK-NEXT: ^bb0(%[[ACC:.*]]: f32, %[[BIAS:.*]]: f32, %[[RES:.*]]: f32):
  // CHECK: kern.yield %{{.*}} : f32
  // CHECK-NEXT: } -> tensor<?x24xf32>
  %y = kern.contract indexing_maps = [#a, #b, #c] ins(%a, %w : tensor<?x64xf32>, tensor<2x64x16xf32>) packed
         epilogue(%bias, %r : tensor<24xf32>, tensor<?x24xf32>) maps [#rows, #all] outs(%c : tensor<?x24xf32>) {
  ^bb0(%acc: f32, %x: f32, %res: f32):
    %s = arith.addf %acc, %x : f32
    %t = arith.addf %s, %res : f32
    kern.yield %t : f32
  } -> tensor<?x24xf32>
  return %y : tensor<?x24xf32>
}

// CHECK-LABEL: @contract_buffers
func.func @contract_buffers(%a: memref<4x8x32xf32>, %b: memref<8x?x32xf32>, %c: memref<8x4x?xf32>) {
  // Heads in the second dimension of A; B transposed.
  // CHECK: kern.contract indexing_maps = [{{.*}}] ins(%{{.*}}, %{{.*}} : memref<4x8x32xf32>, memref<8x?x32xf32>) outs(%{{.*}} : memref<8x4x?xf32>)
  kern.contract indexing_maps = [affine_map<(h, m, n, k) -> (m, h, k)>, affine_map<(h, m, n, k) -> (h, n, k)>,
                                 affine_map<(h, m, n, k) -> (h, m, n)>]
    ins(%a, %b : memref<4x8x32xf32>, memref<8x?x32xf32>) outs(%c : memref<8x4x?xf32>)
  return
}

// CHECK-LABEL: @convolutions
func.func @convolutions(%x: tensor<1x9x9x16xf32>, %e: tensor<1x5x9x48xf32>, %d: tensor<1x9x9x16xf32>) {
  // CHECK: %[[W:.*]] = kern.weight {{.*}} shape [2, 24, 8, 3, 3] permutation [0, 3, 4, 2, 1] batch 1 panel 16 : tensor<2x2x3x3x8x16xf32>
  %w = kern.weight dense<1.0> : tensor<48x8x3x3xf32> shape [2, 24, 8, 3, 3] permutation [0, 3, 4, 2, 1] batch 1 panel 16 : tensor<2x2x3x3x8x16xf32>
  // CHECK: kern.conv ins(%{{.*}}, %[[W]] : tensor<1x9x9x16xf32>, tensor<2x2x3x3x8x16xf32>) outs(%{{.*}} : tensor<1x5x9x48xf32>) strides [2, 1] pads [1, 1, 1, 1] groups 2 -> tensor<1x5x9x48xf32>
  %y = kern.conv ins(%x, %w : tensor<1x9x9x16xf32>, tensor<2x2x3x3x8x16xf32>) outs(%e : tensor<1x5x9x48xf32>)
         strides [2, 1] pads [1, 1, 1, 1] groups 2 -> tensor<1x5x9x48xf32>
  // CHECK: kern.conv {{.*}} groups 4 bundle 3 -> tensor<1x9x9x16xf32>
  %u = kern.weight dense<1.0> : tensor<24x4x3x3xf32> shape [2, 12, 4, 3, 3] permutation [0, 3, 4, 2, 1] batch 1 panel 16 : tensor<2x1x3x3x4x16xf32>
  %b = kern.conv ins(%x, %u : tensor<1x9x9x16xf32>, tensor<2x1x3x3x4x16xf32>) outs(%d : tensor<1x9x9x16xf32>)
         pads [1, 1, 1, 1] groups 4 bundle 3 -> tensor<1x9x9x16xf32>
  %v = kern.weight dense<1.0> : tensor<16x1x3x3xf32> shape [16, 3, 3] permutation [1, 2, 0] : tensor<3x3x16xf32>
  // An epilogue without operands.
  // CHECK: kern.depthwise_conv ins({{.*}}) outs({{.*}}) pads [1, 1, 1, 1] {
  // CHECK-NEXT: ^bb0(%{{.*}}: f32):
  %z = kern.depthwise_conv ins(%x, %v : tensor<1x9x9x16xf32>, tensor<3x3x16xf32>) outs(%d : tensor<1x9x9x16xf32>)
         pads [1, 1, 1, 1] {
  ^bb0(%acc: f32):
    %t = math.tanh %acc : f32
    kern.yield %t : f32
  } -> tensor<1x9x9x16xf32>
  return
}

// CHECK-LABEL: @rows
func.func @rows(%x: tensor<2x?x64xf32>, %s: tensor<64xf32>, %k: tensor<12x?x64xf32>, %p: tensor<12x?x64x16xf32>,
                %i: memref<1x8x8x3xf32>, %o: memref<1x4x4x3xf32>) {
  // CHECK: kern.softmax ins(
  %0 = kern.softmax ins(%x : tensor<2x?x64xf32>) outs(%x : tensor<2x?x64xf32>) -> tensor<2x?x64xf32>
  // CHECK: kern.softmax zero_empty ins(
  %5 = kern.softmax zero_empty ins(%x : tensor<2x?x64xf32>) outs(%x : tensor<2x?x64xf32>) -> tensor<2x?x64xf32>
  // CHECK: kern.softmax log ins(
  %1 = kern.softmax log ins(%x : tensor<2x?x64xf32>) outs(%x : tensor<2x?x64xf32>) -> tensor<2x?x64xf32>
  // CHECK: kern.norm layer epsilon 1.000000e-05 ins({{.*}}) scale(%{{.*}} : tensor<64xf32>) bias(%{{.*}} : tensor<64xf32>) outs(
  %2 = kern.norm layer epsilon 1.0e-5 ins(%x : tensor<2x?x64xf32>) scale(%s : tensor<64xf32>) bias(%s : tensor<64xf32>)
         outs(%x : tensor<2x?x64xf32>) -> tensor<2x?x64xf32>
  // CHECK: kern.norm rms epsilon 1.000000e-05 count 96 ins(
  %3 = kern.norm rms epsilon 1.0e-5 count 96 ins(%x : tensor<2x?x64xf32>) outs(%x : tensor<2x?x64xf32>) -> tensor<2x?x64xf32>
  // CHECK: kern.pack ins(%{{.*}} : tensor<12x?x64xf32>) permutation [0, 2, 1] batch 1 outs(
  %4 = kern.pack ins(%k : tensor<12x?x64xf32>) permutation [0, 2, 1] batch 1 outs(%p : tensor<12x?x64x16xf32>) -> tensor<12x?x64x16xf32>
  // CHECK: kern.pool average ins({{.*}}) outs({{.*}}) kernel [3, 3] strides [2, 2] pads [1, 1, 1, 1] count_include_pad
  kern.pool average ins(%i : memref<1x8x8x3xf32>) outs(%o : memref<1x4x4x3xf32>) kernel [3, 3] strides [2, 2] pads [1, 1, 1, 1] count_include_pad
  // CHECK: kern.pool max
  kern.pool max ins(%i : memref<1x8x8x3xf32>) outs(%o : memref<1x4x4x3xf32>) kernel [2, 2] strides [2, 2]
  return
}

// CHECK-LABEL: @parallel
func.func @parallel(%m: memref<?xf32>, %count: index) {
  %c1 = arith.constant 1 : index
  %f = arith.constant 0.0 : f32
  // CHECK: kern.parallel(%{{.*}}) grain(%{{.*}}) {
  // CHECK-NEXT: ^bb0(%[[B:.*]]: index, %[[E:.*]]: index):
  // CHECK-NEXT: scf.for %{{.*}} = %[[B]] to %[[E]]
  kern.parallel(%count) grain(%c1) {
  ^bb0(%begin: index, %end: index):
    scf.for %i = %begin to %end step %c1 {
      memref.store %f, %m[%i] : memref<?xf32>
    }
  }
  return
}

// CHECK-LABEL: @winograd
func.func @winograd(%x: tensor<1x?x?x20xf32>, %bias: tensor<24xf32>, %e: tensor<1x?x?x24xf32>) -> tensor<1x?x?x24xf32> {
  // CHECK: kern.weight dense<1.000000e+00> : tensor<24x20x3x3xf32> panel 16 winograd 4 : tensor<2x36x20x16xf32>
  %w = kern.weight dense<1.0> : tensor<24x20x3x3xf32> panel 16 winograd 4 : tensor<2x36x20x16xf32>
  // CHECK: kern.winograd_conv tile 4 ins({{.*}}) epilogue({{.*}}) maps [{{.*}}] outs({{.*}}) pads [1, 1, 1, 1] {
  %y = kern.winograd_conv tile 4 ins(%x, %w : tensor<1x?x?x20xf32>, tensor<2x36x20x16xf32>)
         epilogue(%bias : tensor<24xf32>) maps [affine_map<(n, h, w, c) -> (c)>] outs(%e : tensor<1x?x?x24xf32>) pads [1, 1, 1, 1] {
  ^bb0(%acc: f32, %b: f32):
    %s = arith.addf %acc, %b : f32
    kern.yield %s : f32
  } -> tensor<1x?x?x24xf32>
  return %y : tensor<1x?x?x24xf32>
}

// CHECK-LABEL: @attention
func.func @attention(%q: tensor<12x?x64xf32>, %k: tensor<12x?x64x16xf32>, %v: tensor<12x?x64xf32>, %mask: tensor<?x?xf32>,
                     %e: tensor<12x?x64xf32>) -> tensor<12x?x64xf32> {
  // CHECK: kern.attention indexing_maps = [{{.*}}] ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<12x?x64xf32>, tensor<12x?x64x16xf32>, tensor<12x?x64xf32>) packed scores(%{{.*}} : tensor<?x?xf32>) maps [{{.*}}] outs(%{{.*}} : tensor<12x?x64xf32>) zero_empty {
  // CHECK: kern.yield
  %y = kern.attention indexing_maps = [affine_map<(h, m, n, d, e) -> (h, m, d)>, affine_map<(h, m, n, d, e) -> (h, d, n)>,
                                       affine_map<(h, m, n, d, e) -> (h, n, e)>, affine_map<(h, m, n, d, e) -> (h, m, e)>]
    ins(%q, %k, %v : tensor<12x?x64xf32>, tensor<12x?x64x16xf32>, tensor<12x?x64xf32>) packed
    scores(%mask : tensor<?x?xf32>) maps [affine_map<(h, m, n) -> (m, n)>] outs(%e : tensor<12x?x64xf32>) zero_empty {
  ^bb0(%score: f32, %bias: f32):
    %s = arith.addf %score, %bias : f32
    kern.yield %s : f32
  } -> tensor<12x?x64xf32>
  return %y : tensor<12x?x64xf32>
}

// CHECK-LABEL: func.func @choices
// CHECK: choice = #kern.choice<matrix 6x4 task 96>
// CHECK: choice = #kern.choice<grouped 2x7 copied by_row>
// CHECK: choice = #kern.choice<grouped 1x7 by_row>
// CHECK: choice = #kern.choice<winograd 4>
// CHECK: choice = #kern.choice<depthwise 2x7>
func.func @choices(%x: memref<1x5x5x8xf32>, %w: memref<2x1x3x3x4x16xf32>, %v: memref<1x1x3x3x8x16xf32>, %d: memref<3x3x8xf32>, %y: memref<1x5x5x8xf32>) {
  kern.conv ins(%x, %w : memref<1x5x5x8xf32>, memref<2x1x3x3x4x16xf32>) outs(%y : memref<1x5x5x8xf32>) pads [1, 1, 1, 1] groups 2 attributes {choice = #kern.choice<matrix 6x4 task 96>}
  kern.conv ins(%x, %w : memref<1x5x5x8xf32>, memref<2x1x3x3x4x16xf32>) outs(%y : memref<1x5x5x8xf32>) pads [1, 1, 1, 1] groups 2 attributes {choice = #kern.choice<grouped 2x7 copied by_row>}
  kern.conv ins(%x, %w : memref<1x5x5x8xf32>, memref<2x1x3x3x4x16xf32>) outs(%y : memref<1x5x5x8xf32>) pads [1, 1, 1, 1] groups 2 attributes {choice = #kern.choice<grouped 1x7 by_row>}
  kern.conv ins(%x, %v : memref<1x5x5x8xf32>, memref<1x1x3x3x8x16xf32>) outs(%y : memref<1x5x5x8xf32>) pads [1, 1, 1, 1] attributes {choice = #kern.choice<winograd 4>}
  kern.depthwise_conv ins(%x, %d : memref<1x5x5x8xf32>, memref<3x3x8xf32>) outs(%y : memref<1x5x5x8xf32>) pads [1, 1, 1, 1] attributes {choice = #kern.choice<depthwise 2x7>}
  return
}
