// RUN: secateur-opt %s -split-input-file -verify-diagnostics

func.func @weight_shape() {
  // expected-error @below {{expected a shape of 6 elements}}
  %w = kern.weight dense<1.0> : tensor<2x3xf32> shape [7] : tensor<7xf32>
  return
}

// -----

func.func @weight_permutation() {
  // expected-error @below {{expected a permutation of 2 dimensions}}
  %w = kern.weight dense<1.0> : tensor<2x3xf32> permutation [0, 0] : tensor<2x2xf32>
  return
}

// -----

func.func @weight_batch() {
  // expected-error @below {{expected fewer batch dimensions than the rank 2}}
  %w = kern.weight dense<1.0> : tensor<2x3xf32> batch 2 panel 16 : tensor<2x1x16xf32>
  return
}

// -----

func.func @weight_panel() {
  // expected-error @below {{expected panel 0 or 16, got 8}}
  %w = kern.weight dense<1.0> : tensor<2x3xf32> panel 8 : tensor<1x2x8xf32>
  return
}

// -----

func.func @weight_result() {
  // expected-error @below {{expected the result to be 'tensor<1x2x16xf32>'}}
  %w = kern.weight dense<1.0> : tensor<2x3xf32> panel 16 : tensor<2x3xf32>
  return
}

// -----

func.func @pack_result(%k: tensor<?x64xf32>, %e: tensor<?x32x16xf32>) {
  // expected-error @below {{expected the output to be 'tensor<?x64x16xf32>'}}
  %p = kern.pack ins(%k : tensor<?x64xf32>) permutation [1, 0] outs(%e : tensor<?x32x16xf32>) -> tensor<?x32x16xf32>
  return
}

// -----

func.func @contract_maps(%a: tensor<2x3xf32>) {
  // expected-error @below {{expected three indexing maps, got 1}}
  %y = kern.contract indexing_maps = [affine_map<(m, k) -> (m, k)>] ins(%a, %a : tensor<2x3xf32>, tensor<2x3xf32>)
         outs(%a : tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @contract_not_permutation(%a: tensor<2x3xf32>) {
  // expected-error @below {{expected indexing map 0 to be a projected permutation of 3 dimensions}}
  %y = kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, m)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
         ins(%a, %a : tensor<2x3xf32>, tensor<2x3xf32>) outs(%a : tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @contract_rank(%a: tensor<2x3xf32>, %b: tensor<3xf32>) {
  // expected-error @below {{expected operand 1 to have rank 2}}
  %y = kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
         ins(%a, %b : tensor<2x3xf32>, tensor<3xf32>) outs(%a : tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @contract_output_only(%a: tensor<2x3xf32>, %c: tensor<2x4xf32>) {
  // expected-error @below {{dimension d1 is in neither input}}
  %y = kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (m, n)>]
         ins(%a, %a : tensor<2x3xf32>, tensor<2x3xf32>) outs(%c : tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @contract_reduce_one(%a: tensor<2x3xf32>, %b: tensor<4xf32>, %c: tensor<2x4xf32>) {
  // expected-error @below {{dimension d2 is reduced but not in both inputs}}
  %y = kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n)>, affine_map<(m, n, k) -> (m, n)>]
         ins(%a, %b : tensor<2x3xf32>, tensor<4xf32>) outs(%c : tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @contract_extents(%a: tensor<2x3xf32>, %b: tensor<5x4xf32>, %c: tensor<2x4xf32>) {
  // expected-error @below {{dimension d2 has extents 3 and 5}}
  %y = kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
         ins(%a, %b : tensor<2x3xf32>, tensor<5x4xf32>) outs(%c : tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @contract_packed(%a: tensor<2x3xf32>, %b: tensor<2x3x16xf32>, %c: tensor<2x4xf32>) {
  // expected-error @below {{expected the packed operand to be 'tensor<1x3x16xf32>'}}
  %y = kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
         ins(%a, %b : tensor<2x3xf32>, tensor<2x3x16xf32>) packed outs(%c : tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @contract_packed_reduced(%a: tensor<2x3xf32>, %b: tensor<1x4x16xf32>, %c: tensor<2x4xf32>) {
  // expected-error @below {{expected the last dimension of the packed operand to be in the output}}
  %y = kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
         ins(%a, %b : tensor<2x3xf32>, tensor<1x4x16xf32>) packed outs(%c : tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

#maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]

func.func @epilogue_arguments(%a: tensor<2x2xf32>, %b: tensor<2xf32>) {
  // expected-error @below {{expected an epilogue with 2 arguments, got 1}}
  %y = kern.contract indexing_maps = #maps ins(%a, %a : tensor<2x2xf32>, tensor<2x2xf32>)
         epilogue(%b : tensor<2xf32>) maps [affine_map<(m, n) -> (n)>] outs(%a : tensor<2x2xf32>) {
  ^bb0(%acc: f32):
    kern.yield %acc : f32
  } -> tensor<2x2xf32>
  return
}

// -----

#maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]

func.func @epilogue_type(%a: tensor<2x2xf32>, %b: tensor<2xf32>) {
  // expected-error @below {{expected epilogue argument 1 to have type 'f32'}}
  %y = kern.contract indexing_maps = #maps ins(%a, %a : tensor<2x2xf32>, tensor<2x2xf32>)
         epilogue(%b : tensor<2xf32>) maps [affine_map<(m, n) -> (n)>] outs(%a : tensor<2x2xf32>) {
  ^bb0(%acc: f32, %x: f64):
    kern.yield %acc : f32
  } -> tensor<2x2xf32>
  return
}

// -----

#maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]

func.func @epilogue_map(%a: tensor<2x2xf32>, %b: tensor<2xf32>) {
  // expected-error @below {{expected epilogue map 0 to be a projected permutation from the output's dimensions to the operand's}}
  %y = kern.contract indexing_maps = #maps ins(%a, %a : tensor<2x2xf32>, tensor<2x2xf32>)
         epilogue(%b : tensor<2xf32>) maps [affine_map<(m, n) -> (m, n)>] outs(%a : tensor<2x2xf32>) {
  ^bb0(%acc: f32, %x: f32):
    kern.yield %acc : f32
  } -> tensor<2x2xf32>
  return
}

// -----

#maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]

func.func @epilogue_yield(%a: tensor<2x2xf32>) {
  // expected-error @below {{expected the epilogue to yield 'f32'}}
  %y = kern.contract indexing_maps = #maps ins(%a, %a : tensor<2x2xf32>, tensor<2x2xf32>) outs(%a : tensor<2x2xf32>) {
  ^bb0(%acc: f32):
    %x = arith.extf %acc : f32 to f64
    kern.yield %x : f64
  } -> tensor<2x2xf32>
  return
}

// -----

#maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]

func.func @epilogue_effects(%a: tensor<2x2xf32>, %m: memref<f32>) {
  // expected-error @below {{expected scalar operations without side effects in the epilogue, got 'memref.load'}}
  %y = kern.contract indexing_maps = #maps ins(%a, %a : tensor<2x2xf32>, tensor<2x2xf32>) outs(%a : tensor<2x2xf32>) {
  ^bb0(%acc: f32):
    %x = memref.load %m[] : memref<f32>
    kern.yield %x : f32
  } -> tensor<2x2xf32>
  return
}

// -----

#maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]

func.func @epilogue_missing(%a: tensor<2x2xf32>) {
  // expected-error @below {{expected a region for its epilogue operands}}
  %y = kern.contract indexing_maps = #maps ins(%a, %a : tensor<2x2xf32>, tensor<2x2xf32>)
         epilogue(%a : tensor<2x2xf32>) maps [affine_map<(m, n) -> (m, n)>] outs(%a : tensor<2x2xf32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @conv_rank(%x: tensor<9x9x16xf32>, %w: tensor<1x1x3x3x16x16xf32>) {
  // expected-error @below {{expected input and output of rank 4 (N, H, W, C)}}
  %y = kern.conv ins(%x, %w : tensor<9x9x16xf32>, tensor<1x1x3x3x16x16xf32>) outs(%x : tensor<9x9x16xf32>) -> tensor<9x9x16xf32>
  return
}

// -----

func.func @conv_strides(%x: tensor<1x9x9x16xf32>, %w: tensor<1x1x3x3x16x16xf32>) {
  // expected-error @below {{expected two positive strides}}
  %y = kern.conv ins(%x, %w : tensor<1x9x9x16xf32>, tensor<1x1x3x3x16x16xf32>) outs(%x : tensor<1x9x9x16xf32>) strides [0, 1] -> tensor<1x9x9x16xf32>
  return
}

// -----

func.func @conv_dilations(%x: tensor<1x9x9x16xf32>, %w: tensor<1x1x3x3x16x16xf32>) {
  // expected-error @below {{expected two positive dilations}}
  %y = kern.conv ins(%x, %w : tensor<1x9x9x16xf32>, tensor<1x1x3x3x16x16xf32>) outs(%x : tensor<1x9x9x16xf32>) dilations [1] -> tensor<1x9x9x16xf32>
  return
}

// -----

func.func @conv_pads(%x: tensor<1x9x9x16xf32>, %w: tensor<1x1x3x3x16x16xf32>) {
  // expected-error @below {{expected four pads (top, left, bottom, right) that are not negative}}
  %y = kern.conv ins(%x, %w : tensor<1x9x9x16xf32>, tensor<1x1x3x3x16x16xf32>) outs(%x : tensor<1x9x9x16xf32>) pads [1, 1] -> tensor<1x9x9x16xf32>
  return
}

// -----

func.func @conv_batch(%x: tensor<1x9x9x16xf32>, %y: tensor<2x9x9x16xf32>, %w: tensor<1x1x3x3x16x16xf32>) {
  // expected-error @below {{expected input and output to have the same batch extent}}
  %z = kern.conv ins(%x, %w : tensor<1x9x9x16xf32>, tensor<1x1x3x3x16x16xf32>) outs(%y : tensor<2x9x9x16xf32>) -> tensor<2x9x9x16xf32>
  return
}

// -----

func.func @conv_filter(%x: tensor<1x9x9x16xf32>, %w: tensor<16x16x3x3xf32>) {
  // expected-error @below {{expected a static filter [G, ceil(Mg/16), KH, KW, Cg, 16]}}
  %y = kern.conv ins(%x, %w : tensor<1x9x9x16xf32>, tensor<16x16x3x3xf32>) outs(%x : tensor<1x9x9x16xf32>) -> tensor<1x9x9x16xf32>
  return
}

// -----

func.func @conv_groups(%x: tensor<1x9x9x16xf32>, %w: tensor<1x1x3x3x16x16xf32>) {
  // expected-error @below {{expected a filter for 2 bundles of groups, got 1}}
  %y = kern.conv ins(%x, %w : tensor<1x9x9x16xf32>, tensor<1x1x3x3x16x16xf32>) outs(%x : tensor<1x9x9x16xf32>) groups 2 -> tensor<1x9x9x16xf32>
  return
}

// -----

func.func @conv_channels(%x: tensor<1x9x9x16xf32>, %w: tensor<1x1x3x3x8x16xf32>) {
  // expected-error @below {{expected 8 input channels, got 16}}
  %y = kern.conv ins(%x, %w : tensor<1x9x9x16xf32>, tensor<1x1x3x3x8x16xf32>) outs(%x : tensor<1x9x9x16xf32>) -> tensor<1x9x9x16xf32>
  return
}

// -----

func.func @conv_outputs(%x: tensor<1x9x9x16xf32>, %y: tensor<1x9x9x17xf32>, %w: tensor<1x1x3x3x16x16xf32>) {
  // expected-error @below {{expected output channels that fill 1 panels in each of 1 groups, got 17}}
  %z = kern.conv ins(%x, %w : tensor<1x9x9x16xf32>, tensor<1x1x3x3x16x16xf32>) outs(%y : tensor<1x9x9x17xf32>) -> tensor<1x9x9x17xf32>
  return
}

// -----

func.func @depthwise_filter(%x: tensor<1x9x9x16xf32>, %w: tensor<3x3x16x1xf32>) {
  // expected-error @below {{expected a static filter [KH, KW, C]}}
  %y = kern.depthwise_conv ins(%x, %w : tensor<1x9x9x16xf32>, tensor<3x3x16x1xf32>) outs(%x : tensor<1x9x9x16xf32>) -> tensor<1x9x9x16xf32>
  return
}

// -----

func.func @depthwise_channels(%x: tensor<1x9x9x16xf32>, %w: tensor<3x3x8xf32>) {
  // expected-error @below {{expected 8 channels in input and output}}
  %y = kern.depthwise_conv ins(%x, %w : tensor<1x9x9x16xf32>, tensor<3x3x8xf32>) outs(%x : tensor<1x9x9x16xf32>) -> tensor<1x9x9x16xf32>
  return
}

// -----

func.func @pool_kernel(%x: tensor<1x9x9x16xf32>) {
  // expected-error @below {{expected two positive kernel extents}}
  %y = kern.pool max ins(%x : tensor<1x9x9x16xf32>) outs(%x : tensor<1x9x9x16xf32>) kernel [0, 1] -> tensor<1x9x9x16xf32>
  return
}

// -----

func.func @pool_channels(%x: tensor<1x9x9x16xf32>, %y: tensor<1x9x9x8xf32>) {
  // expected-error @below {{expected input and output to have the same channels}}
  %z = kern.pool max ins(%x : tensor<1x9x9x16xf32>) outs(%y : tensor<1x9x9x8xf32>) kernel [1, 1] -> tensor<1x9x9x8xf32>
  return
}

// -----

func.func @softmax_shape(%x: tensor<2x9xf32>, %y: tensor<2x8xf32>) {
  // expected-error @below {{expected input and output of the same shape, with at least one dimension}}
  %z = kern.softmax ins(%x : tensor<2x9xf32>) outs(%y : tensor<2x8xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @norm_scale(%x: tensor<2x9xf32>, %s: tensor<2xf32>) {
  // expected-error @below {{expected scale and bias of rank 1 with the extent of the last dimension}}
  %z = kern.norm layer epsilon 1.0e-5 ins(%x : tensor<2x9xf32>) scale(%s : tensor<2xf32>) outs(%x : tensor<2x9xf32>) -> tensor<2x9xf32>
  return
}

// -----

func.func @norm_count(%x: tensor<2x9xf32>) {
  // expected-error @below {{expected a positive count}}
  %z = kern.norm layer epsilon 1.0e-5 count 0 ins(%x : tensor<2x9xf32>) outs(%x : tensor<2x9xf32>) -> tensor<2x9xf32>
  return
}

// -----

func.func @parallel_arguments(%n: index) {
  // expected-error @below {{expected a body with two arguments of type index}}
  kern.parallel(%n) grain(%n) {
  ^bb0(%begin: index):
  }
  return
}

// -----

func.func @weight_winograd_tile() {
  // expected-error @below {{expected winograd 2 or 4, got 3}}
  %w = kern.weight dense<1.0> : tensor<24x20x3x3xf32> panel 16 winograd 3 : tensor<2x25x20x16xf32>
  return
}

// -----

func.func @weight_winograd_filter() {
  // expected-error @below {{expected a filter [M, C, 3, 3] of f32 with panel 16 for winograd}}
  %w = kern.weight dense<1.0> : tensor<24x20x3x5xf32> panel 16 winograd 4 : tensor<2x36x20x16xf32>
  return
}

// -----

func.func @winograd_filter(%x: memref<1x8x8x20xf32>, %w: memref<2x16x20x16xf32>, %y: memref<1x8x8x24xf32>) {
  // expected-error @below {{expected a static filter [ceil(M/16), 36, C, 16]}}
  kern.winograd_conv tile 4 ins(%x, %w : memref<1x8x8x20xf32>, memref<2x16x20x16xf32>) outs(%y : memref<1x8x8x24xf32>)
  return
}

// -----

func.func @winograd_channels(%x: memref<1x8x8x21xf32>, %w: memref<2x16x20x16xf32>, %y: memref<1x8x8x24xf32>) {
  // expected-error @below {{expected 20 input channels, got 21}}
  kern.winograd_conv tile 2 ins(%x, %w : memref<1x8x8x21xf32>, memref<2x16x20x16xf32>) outs(%y : memref<1x8x8x24xf32>)
  return
}

// -----

func.func @attention_maps(%q: tensor<5x4xf32>, %k: tensor<4x7xf32>, %v: tensor<7x8xf32>, %y: tensor<5x8xf32>) {
  // expected-error @below {{expected dimension d0 not to be in indexing map 1}}
  %0 = kern.attention indexing_maps = [affine_map<(m, n, d, e) -> (m, d)>, affine_map<(m, n, d, e) -> (m, n)>,
                                       affine_map<(m, n, d, e) -> (n, e)>, affine_map<(m, n, d, e) -> (m, e)>]
    ins(%q, %k, %v : tensor<5x4xf32>, tensor<4x7xf32>, tensor<7x8xf32>) outs(%y : tensor<5x8xf32>) -> tensor<5x8xf32>
  return
}

// -----

func.func @attention_extents(%q: tensor<5x4xf32>, %k: tensor<3x7xf32>, %v: tensor<7x8xf32>, %y: tensor<5x8xf32>) {
  // expected-error @below {{dimension d2 is 4 and 3}}
  %0 = kern.attention indexing_maps = [affine_map<(m, n, d, e) -> (m, d)>, affine_map<(m, n, d, e) -> (d, n)>,
                                       affine_map<(m, n, d, e) -> (n, e)>, affine_map<(m, n, d, e) -> (m, e)>]
    ins(%q, %k, %v : tensor<5x4xf32>, tensor<3x7xf32>, tensor<7x8xf32>) outs(%y : tensor<5x8xf32>) -> tensor<5x8xf32>
  return
}

// -----

func.func @attention_packed(%q: tensor<5x4xf32>, %k: tensor<1x4x8xf32>, %v: tensor<7x8xf32>, %y: tensor<5x8xf32>) {
  // expected-error @below {{expected packed keys [s.., ceil(n/16), d, 16] with a map that ends in d, n}}
  %0 = kern.attention indexing_maps = [affine_map<(m, n, d, e) -> (m, d)>, affine_map<(m, n, d, e) -> (d, n)>,
                                       affine_map<(m, n, d, e) -> (n, e)>, affine_map<(m, n, d, e) -> (m, e)>]
    ins(%q, %k, %v : tensor<5x4xf32>, tensor<1x4x8xf32>, tensor<7x8xf32>) packed outs(%y : tensor<5x8xf32>) -> tensor<5x8xf32>
  return
}

// -----

func.func @attention_score_map(%q: tensor<5x4xf32>, %k: tensor<4x7xf32>, %v: tensor<7x8xf32>, %s: tensor<5xf32>, %y: tensor<5x8xf32>) {
  // expected-error @below {{expected score map 0 to be a projected permutation from the scores' dimensions to the operand's}}
  %0 = kern.attention indexing_maps = [affine_map<(m, n, d, e) -> (m, d)>, affine_map<(m, n, d, e) -> (d, n)>,
                                       affine_map<(m, n, d, e) -> (n, e)>, affine_map<(m, n, d, e) -> (m, e)>]
    ins(%q, %k, %v : tensor<5x4xf32>, tensor<4x7xf32>, tensor<7x8xf32>)
    scores(%s : tensor<5xf32>) maps [affine_map<(m, n) -> (m, n)>] outs(%y : tensor<5x8xf32>) {
  ^bb0(%a: f32, %b: f32):
    kern.yield %a : f32
  } -> tensor<5x8xf32>
  return
}

// -----

func.func @conv_bundle_positive(%x: tensor<1x9x9x12xf32>, %w: tensor<3x1x3x3x4x16xf32>) -> tensor<1x9x9x12xf32> {
  // expected-error @below {{'kern.conv' op expected a positive bundle, got 0}}
  %y = kern.conv ins(%x, %w : tensor<1x9x9x12xf32>, tensor<3x1x3x3x4x16xf32>) outs(%x : tensor<1x9x9x12xf32>) groups 3 bundle 0 -> tensor<1x9x9x12xf32>
  return %y : tensor<1x9x9x12xf32>
}

// -----

// Three groups in bundles of two are two panels.
func.func @conv_bundle_filter(%x: tensor<1x9x9x12xf32>, %w: tensor<3x1x3x3x4x16xf32>) -> tensor<1x9x9x12xf32> {
  // expected-error @below {{'kern.conv' op expected a filter for 2 bundles of groups, got 3}}
  %y = kern.conv ins(%x, %w : tensor<1x9x9x12xf32>, tensor<3x1x3x3x4x16xf32>) outs(%x : tensor<1x9x9x12xf32>) groups 3 bundle 2 -> tensor<1x9x9x12xf32>
  return %y : tensor<1x9x9x12xf32>
}

// -----

func.func @conv_bundle_too_wide(%x: tensor<1x9x9x12xf32>, %y: tensor<1x9x9x27xf32>, %w: tensor<2x1x3x3x4x16xf32>) -> tensor<1x9x9x27xf32> {
  // expected-error @below {{'kern.conv' op expected 2 groups to fit a panel of 16}}
  %z = kern.conv ins(%x, %w : tensor<1x9x9x12xf32>, tensor<2x1x3x3x4x16xf32>) outs(%y : tensor<1x9x9x27xf32>) groups 3 bundle 2 -> tensor<1x9x9x27xf32>
  return %z : tensor<1x9x9x27xf32>
}

// -----

func.func @choice_kernel(%x: tensor<1x5x5x8xf32>, %w: tensor<3x3x8xf32>, %e: tensor<1x5x5x8xf32>) {
  // expected-error @below {{has no kernel 'matrix'}}
  %y = kern.depthwise_conv ins(%x, %w : tensor<1x5x5x8xf32>, tensor<3x3x8xf32>) outs(%e : tensor<1x5x5x8xf32>) pads [1, 1, 1, 1]
    attributes {choice = #kern.choice<matrix 6x4 task 96>} -> tensor<1x5x5x8xf32>
  return
}

// -----

// Two groups in a panel are nothing for the matrix kernel.
func.func @choice_bundle(%x: tensor<1x5x5x8xf32>, %w: tensor<1x1x3x3x4x16xf32>, %e: tensor<1x5x5x8xf32>) {
  // expected-error @below {{has no kernel 'matrix'}}
  %y = kern.conv ins(%x, %w : tensor<1x5x5x8xf32>, tensor<1x1x3x3x4x16xf32>) outs(%e : tensor<1x5x5x8xf32>) pads [1, 1, 1, 1] groups 2 bundle 2
    attributes {choice = #kern.choice<matrix 12x1 task 96>} -> tensor<1x5x5x8xf32>
  return
}

// -----

// expected-error @below {{expected a tile of two extents for matrix}}
func.func private @choice_extents() attributes {choice = #kern.choice<matrix 6 task 96>}

// -----

// expected-error @below {{expected a tile of 2 or 4 for winograd, got 3}}
func.func private @choice_winograd() attributes {choice = #kern.choice<winograd 3>}

// -----

// expected-error @below {{expected a positive task for matrix, and none for others}}
func.func private @choice_task() attributes {choice = #kern.choice<matrix 6x4>}

// -----

// expected-error @below {{expected 'copied' and 'by_row' for grouped only}}
func.func private @choice_copied() attributes {choice = #kern.choice<depthwise 2x7 copied>}
