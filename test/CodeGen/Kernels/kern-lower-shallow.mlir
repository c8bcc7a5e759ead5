// RUN: secateur-opt %s -kern-lower="vector-bits=512" | FileCheck %s

// Window rows of up to 32 elements are shallow (3 and 10 channels share a kernel); 11 channels are not.
// CHECK-LABEL: func.func @stems(
// CHECK: call @[[SHALLOW:kern_conv_[0-9]+]](
// CHECK: call @[[SHALLOW]](
// CHECK-NOT: call @[[SHALLOW]](
// CHECK: call @kern_conv_[[$DEEP:[0-9]+]](
func.func @stems(%a: memref<1x64x64x3xf32>, %v: memref<1x1x3x3x3x16xf32>, %b: memref<1x64x64x10xf32>, %w: memref<1x1x3x3x10x16xf32>,
                 %c: memref<1x64x64x11xf32>, %x: memref<1x1x3x3x11x16xf32>, %y: memref<1x64x64x16xf32>) {
  kern.conv ins(%a, %v : memref<1x64x64x3xf32>, memref<1x1x3x3x3x16xf32>) outs(%y : memref<1x64x64x16xf32>) pads [1, 1, 1, 1]
  kern.conv ins(%b, %w : memref<1x64x64x10xf32>, memref<1x1x3x3x10x16xf32>) outs(%y : memref<1x64x64x16xf32>) pads [1, 1, 1, 1]
  kern.conv ins(%c, %x : memref<1x64x64x11xf32>, memref<1x1x3x3x11x16xf32>) outs(%y : memref<1x64x64x16xf32>) pads [1, 1, 1, 1]
  return
}

// Shallow: a tile inside the image has code that looks at no edge, with twelve rows of one panel.
// CHECK-LABEL: func.func private @kern_conv_rows_1(
// CHECK: scf.if
// CHECK-NOT: @kern_zeros
// CHECK: } else {
// CHECK: @kern_zeros
// CHECK: return

// CHECK: func.func private @kern_conv_[[$DEEP]](
// CHECK: func.func private @kern_conv_rows_
// CHECK-NOT: } else {
// CHECK: @kern_zeros
