// RUN: secateur-opt %s -kern-choose-winograd -split-input-file -verify-diagnostics | FileCheck %s

// Large images take tiles of 4; the epilogue stays.
// CHECK-LABEL: func.func @large
// CHECK: %[[W:.*]] = kern.weight dense<1.000000e+00> : tensor<64x64x3x3xf32> shape [64, 64, 3, 3] panel 16 winograd 4 : tensor<4x36x64x16xf32>
// CHECK-NOT: kern.weight
// CHECK: kern.winograd_conv tile 4 ins(%{{.*}}, %[[W]] : {{.*}}) epilogue(%{{.*}} : tensor<64xf32>) maps [#{{.*}}] outs({{.*}}) pads [1, 1, 1, 1]
// CHECK: arith.addf
func.func @large(%x: tensor<1x56x56x64xf32>, %bias: tensor<64xf32>, %e: tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32> {
  %w = kern.weight dense<1.0> : tensor<64x64x3x3xf32> shape [1, 64, 64, 3, 3] permutation [0, 3, 4, 2, 1] batch 1 panel 16 : tensor<1x4x3x3x64x16xf32>
  %y = kern.conv ins(%x, %w : tensor<1x56x56x64xf32>, tensor<1x4x3x3x64x16xf32>)
         epilogue(%bias : tensor<64xf32>) maps [affine_map<(n, h, w, c) -> (c)>] outs(%e : tensor<1x56x56x64xf32>) pads [1, 1, 1, 1] {
  ^bb0(%acc: f32, %b: f32):
    %s = arith.addf %acc, %b : f32
    kern.yield %s : f32
  } -> tensor<1x56x56x64xf32>
  return %y : tensor<1x56x56x64xf32>
}

// Small images with many channels read too many weights for tiles of 4.
// CHECK-LABEL: func.func @small
// CHECK: kern.winograd_conv tile 2
func.func @small(%x: tensor<1x7x7x512xf32>, %e: tensor<1x7x7x512xf32>) -> tensor<1x7x7x512xf32> {
  %w = kern.weight dense<1.0> : tensor<512x512x3x3xf32> shape [1, 512, 512, 3, 3] permutation [0, 3, 4, 2, 1] batch 1 panel 16 : tensor<1x32x3x3x512x16xf32>
  %y = kern.conv ins(%x, %w : tensor<1x7x7x512xf32>, tensor<1x32x3x3x512x16xf32>) outs(%e : tensor<1x7x7x512xf32>) pads [1, 1, 1, 1] -> tensor<1x7x7x512xf32>
  return %y : tensor<1x7x7x512xf32>
}

// Sizes that are not known are taken to be of middle size.
// CHECK-LABEL: func.func @dynamic
// CHECK: kern.winograd_conv tile 4
func.func @dynamic(%x: tensor<?x?x?x64xf32>, %e: tensor<?x?x?x64xf32>) -> tensor<?x?x?x64xf32> {
  %w = kern.weight dense<1.0> : tensor<64x64x3x3xf32> shape [1, 64, 64, 3, 3] permutation [0, 3, 4, 2, 1] batch 1 panel 16 : tensor<1x4x3x3x64x16xf32>
  %y = kern.conv ins(%x, %w : tensor<?x?x?x64xf32>, tensor<1x4x3x3x64x16xf32>) outs(%e : tensor<?x?x?x64xf32>) pads [1, 1, 1, 1] -> tensor<?x?x?x64xf32>
  return %y : tensor<?x?x?x64xf32>
}

// One pixel, a stride, a dilation, groups, other taps, a filter that is computed: they stay.
// CHECK-LABEL: func.func @others
// CHECK-NOT: kern.winograd_conv
// CHECK-COUNT-6: kern.conv
// CHECK-NOT: kern.winograd_conv
// CHECK: return
func.func @others(%x: tensor<1x56x56x64xf32>, %p: tensor<1x1x1x64xf32>, %v: tensor<1x4x3x3x64x16xf32>,
                  %e: tensor<1x56x56x64xf32>, %h: tensor<1x28x28x64xf32>, %q: tensor<1x1x1x64xf32>)
    -> (tensor<1x1x1x64xf32>, tensor<1x28x28x64xf32>, tensor<1x56x56x64xf32>, tensor<1x56x56x64xf32>, tensor<1x56x56x64xf32>, tensor<1x56x56x64xf32>) {
  %w = kern.weight dense<1.0> : tensor<64x64x3x3xf32> shape [1, 64, 64, 3, 3] permutation [0, 3, 4, 2, 1] batch 1 panel 16 : tensor<1x4x3x3x64x16xf32>
  %g = kern.weight dense<1.0> : tensor<64x32x3x3xf32> shape [2, 32, 32, 3, 3] permutation [0, 3, 4, 2, 1] batch 1 panel 16 : tensor<2x2x3x3x32x16xf32>
  %t = kern.weight dense<1.0> : tensor<64x64x3x1xf32> shape [1, 64, 64, 3, 1] permutation [0, 3, 4, 2, 1] batch 1 panel 16 : tensor<1x4x3x1x64x16xf32>
  %0 = kern.conv ins(%p, %w : tensor<1x1x1x64xf32>, tensor<1x4x3x3x64x16xf32>) outs(%q : tensor<1x1x1x64xf32>) pads [1, 1, 1, 1] -> tensor<1x1x1x64xf32>
  %1 = kern.conv ins(%x, %w : tensor<1x56x56x64xf32>, tensor<1x4x3x3x64x16xf32>) outs(%h : tensor<1x28x28x64xf32>) strides [2, 2] pads [1, 1, 1, 1] -> tensor<1x28x28x64xf32>
  %2 = kern.conv ins(%x, %w : tensor<1x56x56x64xf32>, tensor<1x4x3x3x64x16xf32>) outs(%e : tensor<1x56x56x64xf32>) dilations [2, 2] pads [2, 2, 2, 2] -> tensor<1x56x56x64xf32>
  %3 = kern.conv ins(%x, %g : tensor<1x56x56x64xf32>, tensor<2x2x3x3x32x16xf32>) outs(%e : tensor<1x56x56x64xf32>) pads [1, 1, 1, 1] groups 2 -> tensor<1x56x56x64xf32>
  %4 = kern.conv ins(%x, %t : tensor<1x56x56x64xf32>, tensor<1x4x3x1x64x16xf32>) outs(%e : tensor<1x56x56x64xf32>) pads [1, 0, 1, 0] -> tensor<1x56x56x64xf32>
  %5 = kern.conv ins(%x, %v : tensor<1x56x56x64xf32>, tensor<1x4x3x3x64x16xf32>) outs(%e : tensor<1x56x56x64xf32>) pads [1, 1, 1, 1] -> tensor<1x56x56x64xf32>
  return %0, %1, %2, %3, %4, %5 : tensor<1x1x1x64xf32>, tensor<1x28x28x64xf32>, tensor<1x56x56x64xf32>, tensor<1x56x56x64xf32>, tensor<1x56x56x64xf32>, tensor<1x56x56x64xf32>
}

// Too many channels for a stack.
// CHECK-LABEL: func.func @wide
// CHECK-NOT: kern.winograd_conv
// CHECK: return
func.func @wide(%x: tensor<1x56x56x4097xf32>, %e: tensor<1x56x56x16xf32>) -> tensor<1x56x56x16xf32> {
  %w = kern.weight dense<1.0> : tensor<16x4097x3x3xf32> shape [1, 16, 4097, 3, 3] permutation [0, 3, 4, 2, 1] batch 1 panel 16 : tensor<1x1x3x3x4097x16xf32>
  %y = kern.conv ins(%x, %w : tensor<1x56x56x4097xf32>, tensor<1x1x3x3x4097x16xf32>) outs(%e : tensor<1x56x56x16xf32>) pads [1, 1, 1, 1] -> tensor<1x56x56x16xf32>
  return %y : tensor<1x56x56x16xf32>
}

// A choice goes before the model, which would take tiles of 4 for both.
// CHECK-LABEL: func.func @chosen
// CHECK: kern.winograd_conv tile 2
// CHECK: kern.conv {{.*}} attributes {choice = #kern.choice<matrix 6x4 task 96>}
func.func @chosen(%x: tensor<1x56x56x64xf32>, %e: tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32> {
  %w = kern.weight dense<1.0> : tensor<64x64x3x3xf32> shape [1, 64, 64, 3, 3] permutation [0, 3, 4, 2, 1] batch 1 panel 16 : tensor<1x4x3x3x64x16xf32>
  %y = kern.conv ins(%x, %w : tensor<1x56x56x64xf32>, tensor<1x4x3x3x64x16xf32>) outs(%e : tensor<1x56x56x64xf32>) pads [1, 1, 1, 1]
    attributes {choice = #kern.choice<winograd 2>} -> tensor<1x56x56x64xf32>
  %z = kern.conv ins(%y, %w : tensor<1x56x56x64xf32>, tensor<1x4x3x3x64x16xf32>) outs(%e : tensor<1x56x56x64xf32>) pads [1, 1, 1, 1]
    attributes {choice = #kern.choice<matrix 6x4 task 96>} -> tensor<1x56x56x64xf32>
  return %z : tensor<1x56x56x64xf32>
}

// -----

func.func @stride(%x: tensor<1x56x56x64xf32>, %e: tensor<1x28x28x64xf32>) -> tensor<1x28x28x64xf32> {
  %w = kern.weight dense<1.0> : tensor<64x64x3x3xf32> shape [1, 64, 64, 3, 3] permutation [0, 3, 4, 2, 1] batch 1 panel 16 : tensor<1x4x3x3x64x16xf32>
  // expected-error @below {{winograd takes constant 3x3 filters of f32, stride 1 and one group}}
  %y = kern.conv ins(%x, %w : tensor<1x56x56x64xf32>, tensor<1x4x3x3x64x16xf32>) outs(%e : tensor<1x28x28x64xf32>) strides [2, 2] pads [1, 1, 1, 1]
    attributes {choice = #kern.choice<winograd 2>} -> tensor<1x28x28x64xf32>
  return %y : tensor<1x28x28x64xf32>
}
