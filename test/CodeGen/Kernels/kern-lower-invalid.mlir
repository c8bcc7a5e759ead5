// RUN: secateur-opt %s -kern-lower="vector-bits=256" -split-input-file -verify-diagnostics

func.func @tensors(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @below {{expected memrefs: bufferize before kern-lower}}
  %y = kern.softmax ins(%x : tensor<4x4xf32>) outs(%x : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}

// -----

func.func @half(%x: memref<4x4xf16>) {
  // expected-error @below {{kern.softmax has kernels for f32 with contiguous rows only, got 'memref<4x4xf16>'}}
  kern.softmax ins(%x : memref<4x4xf16>) outs(%x : memref<4x4xf16>)
  return
}

// -----

func.func @mixed(%a: memref<4x4xi8>, %c: memref<4x4xf32>) {
  // expected-error @below {{cannot multiply elements of type 'i8' in 'f32'}}
  kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %a : memref<4x4xi8>, memref<4x4xi8>) outs(%c : memref<4x4xf32>)
  return
}

// -----

// What fits: 12 vectors of sums, two in a panel.
func.func @tile(%a: memref<40x8xf32>, %w: memref<2x8x16xf32>, %c: memref<40x32xf32>) {
  kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %w : memref<40x8xf32>, memref<2x8x16xf32>) packed outs(%c : memref<40x32xf32>) attributes {choice = #kern.choice<matrix 3x2 task 96>}
  // expected-error @below {{a tile of 4x2 does not fit the registers of x86-64-v3: it has 16 vectors of sums and 4 rows, where 12 and 16 are the most}}
  kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %w : memref<40x8xf32>, memref<2x8x16xf32>) packed outs(%c : memref<40x32xf32>) attributes {choice = #kern.choice<matrix 4x2 task 96>}
  return
}

// -----

func.func @grouped_tile(%x: memref<1x8x14x32xf32>, %w: memref<2x1x3x3x16x16xf32>, %y: memref<1x8x14x32xf32>) {
  kern.conv ins(%x, %w : memref<1x8x14x32xf32>, memref<2x1x3x3x16x16xf32>) outs(%y : memref<1x8x14x32xf32>) pads [1, 1, 1, 1] groups 2
    attributes {choice = #kern.choice<grouped 2x6>}
  // expected-error @below {{a tile of 2x7 does not fit the registers of x86-64-v3: it has 14 vectors of sums}}
  kern.conv ins(%x, %w : memref<1x8x14x32xf32>, memref<2x1x3x3x16x16xf32>) outs(%y : memref<1x8x14x32xf32>) pads [1, 1, 1, 1] groups 2
    attributes {choice = #kern.choice<grouped 2x7>}
  return
}

// -----

func.func @grouped_rows(%x: memref<1x8x14x32xf32>, %w: memref<2x1x3x3x16x16xf32>, %y: memref<1x8x14x32xf32>) {
  // expected-error @below {{a tile of 3x2 has more than two rows}}
  kern.conv ins(%x, %w : memref<1x8x14x32xf32>, memref<2x1x3x3x16x16xf32>) outs(%y : memref<1x8x14x32xf32>) pads [1, 1, 1, 1] groups 2
    attributes {choice = #kern.choice<grouped 3x2>}
  return
}

// -----

func.func @grouped_taps(%x: memref<1x8x14x32xf32>, %w: memref<2x1x8x8x16x16xf32>, %y: memref<1x1x7x32xf32>) {
  // expected-error @below {{its window has too many taps for the grouped kernel}}
  kern.conv ins(%x, %w : memref<1x8x14x32xf32>, memref<2x1x8x8x16x16xf32>) outs(%y : memref<1x1x7x32xf32>) groups 2
    attributes {choice = #kern.choice<grouped 1x7>}
  return
}

// -----

func.func @grouped_copies(%x: memref<1x8x14x8192xf32>, %w: memref<2x1x3x3x4096x16xf32>, %y: memref<1x8x14x32xf32>) {
  // expected-error @below {{the inputs of a tile are too large to be copied to the stack}}
  kern.conv ins(%x, %w : memref<1x8x14x8192xf32>, memref<2x1x3x3x4096x16xf32>) outs(%y : memref<1x8x14x32xf32>) pads [1, 1, 1, 1] groups 2
    attributes {choice = #kern.choice<grouped 1x7 copied>}
  return
}

// -----

// 7 sums in flight a row fit, 14 do not.
func.func @depthwise_tile(%x: memref<1x8x14x32xf32>, %w: memref<7x7x32xf32>, %y: memref<1x8x14x32xf32>) {
  kern.depthwise_conv ins(%x, %w : memref<1x8x14x32xf32>, memref<7x7x32xf32>) outs(%y : memref<1x8x14x32xf32>) pads [3, 3, 3, 3]
    attributes {choice = #kern.choice<depthwise 1x14>}
  // expected-error @below {{a tile of 2x14 does not fit the registers of x86-64-v3: it has 14 vectors of sums}}
  kern.depthwise_conv ins(%x, %w : memref<1x8x14x32xf32>, memref<7x7x32xf32>) outs(%y : memref<1x8x14x32xf32>) pads [3, 3, 3, 3]
    attributes {choice = #kern.choice<depthwise 2x14>}
  return
}

// -----

func.func @winograd(%x: memref<1x8x14x16xf32>, %w: memref<1x1x3x3x16x16xf32>, %y: memref<1x8x14x16xf32>) {
  // expected-error @below {{winograd is chosen on tensors: run kern-choose-winograd before}}
  kern.conv ins(%x, %w : memref<1x8x14x16xf32>, memref<1x1x3x3x16x16xf32>) outs(%y : memref<1x8x14x16xf32>) pads [1, 1, 1, 1]
    attributes {choice = #kern.choice<winograd 2>}
  return
}
