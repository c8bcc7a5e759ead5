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
