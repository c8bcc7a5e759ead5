// RUN: secateur-opt %s -lower-nn -split-input-file | FileCheck %s

// A convolution packs its filter, adds its bias as it stores, and leaves the
// channels last for what follows; only the boundary of the model transposes.
// CHECK-LABEL: func.func @conv(
// CHECK-SAME:    %[[X:.*]]: tensor<?x3x8x9xf32> {{{.*}}nn.type = f32}) -> (tensor<?x4x8x9xf32> {nn.type = f32})
// CHECK:         %[[N:.*]] = tensor.dim %[[X]]
// CHECK:         %[[B:.*]] = arith.constant dense<[1.0{{.*}}]> : tensor<4xf32>
// CHECK:         %[[W:.*]] = kern.weight {{.*}} shape [1, 4, 3, 3, 3] permutation [0, 3, 4, 2, 1] batch 1 panel 16
// CHECK:         %[[T:.*]] = linalg.transpose ins(%[[X]] {{.*}} permutation = [0, 2, 3, 1]
// CHECK:         %[[E:.*]] = tensor.empty(%[[N]]) : tensor<?x8x9x4xf32>
// CHECK:         %[[Y:.*]] = kern.conv ins(%[[T]], %[[W]] {{.*}} epilogue(%[[B]] {{.*}} outs(%[[E]] {{.*}} pads [1, 1, 1, 1]
// CHECK:         linalg.generic {{.*}} ins(%[[Y]] : tensor<?x8x9x4xf32>)
// CHECK:           arith.maximumf
// CHECK:         linalg.transpose {{.*}} permutation = [0, 3, 1, 2]
func.func @conv(%x: tensor<?x3x8x9xf32> {nn.dims = ["n", "", "", ""]}) -> tensor<?x4x8x9xf32> {
  %w = nn.constant dense<2.0> : tensor<4x3x3x3xf32>
  %b = nn.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %0 = nn.conv %x, %w B(%b) {pads = array<i64: 1, 1, 1, 1>} : (tensor<?x3x8x9xf32>, tensor<4x3x3x3xf32>, tensor<4xf32>) -> tensor<?x4x8x9xf32>
  %1 = nn.relu %0 : (tensor<?x4x8x9xf32>) -> tensor<?x4x8x9xf32>
  return %1 : tensor<?x4x8x9xf32>
}

// -----

// CHECK-LABEL: func.func @pointwise_kernel
// CHECK:         kern.weight {{.*}} shape [4, 3] permutation [1, 0] panel 16
// CHECK:         kern.contract
// CHECK-NOT:     kern.conv
func.func @pointwise_kernel(%x: tensor<1x3x5x6xf32>) -> tensor<1x4x5x6xf32> {
  %w = nn.constant dense<2.0> : tensor<4x3x1x1xf32>
  %0 = nn.conv %x, %w : (tensor<1x3x5x6xf32>, tensor<4x3x1x1xf32>) -> tensor<1x4x5x6xf32>
  return %0 : tensor<1x4x5x6xf32>
}

// -----

// A stride makes it a convolution again.
// CHECK-LABEL: func.func @strided_pointwise_kernel
// CHECK-NOT:     kern.contract
// CHECK:         kern.conv {{.*}} strides [2, 2]
func.func @strided_pointwise_kernel(%x: tensor<1x3x5x6xf32>) -> tensor<1x4x3x3xf32> {
  %w = nn.constant dense<2.0> : tensor<4x3x1x1xf32>
  %0 = nn.conv %x, %w {strides = array<i64: 2, 2>} : (tensor<1x3x5x6xf32>, tensor<4x3x1x1xf32>) -> tensor<1x4x3x3xf32>
  return %0 : tensor<1x4x3x3xf32>
}

// -----

// CHECK-LABEL: func.func @depthwise
// CHECK:         kern.weight {{.*}} shape [6, 3, 3] permutation [1, 2, 0] : tensor<3x3x6xf32>
// CHECK:         kern.depthwise_conv
func.func @depthwise(%x: tensor<1x6x5x5xf32>) -> tensor<1x6x3x3xf32> {
  %w = nn.constant dense<2.0> : tensor<6x1x3x3xf32>
  %0 = nn.conv %x, %w {group = 6 : i64} : (tensor<1x6x5x5xf32>, tensor<6x1x3x3xf32>) -> tensor<1x6x3x3xf32>
  return %0 : tensor<1x6x3x3xf32>
}

// -----

// Two filters per channel are no depthwise convolution; all six groups fit a panel.
// CHECK-LABEL: func.func @grouped
// CHECK-NOT:     kern.depthwise_conv
// CHECK:         kern.weight {{.*}} shape [1, 12, 1, 3, 3] permutation [0, 3, 4, 2, 1] batch 1 panel 16 : tensor<1x1x3x3x1x16xf32>
// CHECK:         kern.conv {{.*}} groups 6 bundle 6
func.func @grouped(%x: tensor<1x6x5x5xf32>) -> tensor<1x12x3x3xf32> {
  %w = nn.constant dense<2.0> : tensor<12x1x3x3xf32>
  %0 = nn.conv %x, %w {group = 6 : i64} : (tensor<1x6x5x5xf32>, tensor<12x1x3x3xf32>) -> tensor<1x12x3x3xf32>
  return %0 : tensor<1x12x3x3xf32>
}

// -----

// Five groups of three outputs fit: the last bundle is filled up.
// CHECK-LABEL: func.func @bundles
// CHECK:         kern.weight {{.*}} : tensor<30x2x3x3xf32> shape [2, 15, 2, 3, 3] {{.*}} : tensor<2x1x3x3x2x16xf32>
// CHECK:         kern.conv {{.*}} groups 7 bundle 5
func.func @bundles(%x: tensor<1x14x5x5xf32>) -> tensor<1x21x3x3xf32> {
  %w = nn.constant dense<2.0> : tensor<21x2x3x3xf32>
  %0 = nn.conv %x, %w {group = 7 : i64} : (tensor<1x14x5x5xf32>, tensor<21x2x3x3xf32>) -> tensor<1x21x3x3xf32>
  return %0 : tensor<1x21x3x3xf32>
}

// -----

// One tap, filters that are computed, or wide groups: a panel for each group.
// CHECK-LABEL: func.func @no_bundles
// CHECK-COUNT-3: kern.conv
// CHECK-NOT:     bundle
func.func @no_bundles(%x: tensor<1x14x5x5xf32>, %w: tensor<14x2x3x3xf32>) -> (tensor<1x14x5x5xf32>, tensor<1x14x3x3xf32>, tensor<1x18x3x3xf32>) {
  %v = nn.constant dense<2.0> : tensor<14x2x1x1xf32>
  %u = nn.constant dense<2.0> : tensor<18x7x3x3xf32>
  %0 = nn.conv %x, %v {group = 7 : i64} : (tensor<1x14x5x5xf32>, tensor<14x2x1x1xf32>) -> tensor<1x14x5x5xf32>
  %1 = nn.conv %x, %w {group = 7 : i64} : (tensor<1x14x5x5xf32>, tensor<14x2x3x3xf32>) -> tensor<1x14x3x3xf32>
  %2 = nn.conv %x, %u {group = 2 : i64} : (tensor<1x14x5x5xf32>, tensor<18x7x3x3xf32>) -> tensor<1x18x3x3xf32>
  return %0, %1, %2 : tensor<1x14x5x5xf32>, tensor<1x14x3x3xf32>, tensor<1x18x3x3xf32>
}

// -----

// Windows that do not overlap make blocks of the result.
// CHECK-LABEL: func.func @transposed_blocks
// CHECK:         kern.contract {{.*}} tensor<2x2x1x3x16xf32>) packed outs({{.*}} : tensor<1x4x2x5x2x4xf32>)
// CHECK:         tensor.collapse_shape {{.*}} into tensor<1x8x10x4xf32>
func.func @transposed_blocks(%x: tensor<1x3x4x5xf32>) -> tensor<1x4x8x10xf32> {
  %w = nn.constant dense<2.0> : tensor<3x4x2x2xf32>
  %0 = nn.conv_transpose %x, %w {strides = array<i64: 2, 2>} : (tensor<1x3x4x5xf32>, tensor<3x4x2x2xf32>) -> tensor<1x4x8x10xf32>
  return %0 : tensor<1x4x8x10xf32>
}

// -----

// Windows that do are a convolution of the operand with zeros in between.
// CHECK-LABEL: func.func @transposed_windows
// CHECK:         tensor.insert_slice {{.*}}[0, 0, 0, 0] [1, 4, 5, 3] [1, 2, 2, 1] : tensor<1x4x5x3xf32> into tensor<1x7x9x3xf32>
// CHECK:         kern.conv {{.*}} pads [1, 1, 1, 1]
func.func @transposed_windows(%x: tensor<1x3x4x5xf32>) -> tensor<1x4x7x9xf32> {
  %w = nn.constant dense<2.0> : tensor<3x4x3x3xf32>
  %0 = nn.conv_transpose %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>} : (tensor<1x3x4x5xf32>, tensor<3x4x3x3xf32>) -> tensor<1x4x7x9xf32>
  return %0 : tensor<1x4x7x9xf32>
}

// -----

// A column of one pixel a row is laid down as a row, and so are its window and its result; a
// window that sees the border of a column is not, nor one of an image that is wider.
// CHECK-LABEL: func.func @column
// CHECK:         kern.weight {{.*}} shape [3, 1, 5]
// CHECK:         kern.depthwise_conv {{.*}} tensor<1x1x9x3xf32>, tensor<1x5x3xf32>) {{.*}} strides [1, 2] pads [0, 1, 0, 0]
// CHECK:         kern.depthwise_conv {{.*}} tensor<1x9x1x3xf32>, tensor<5x1x3xf32>)
// CHECK:         kern.depthwise_conv {{.*}} tensor<1x9x2x3xf32>, tensor<5x1x3xf32>)
func.func @column(%x: tensor<1x3x9x1xf32>, %wide: tensor<1x3x9x2xf32>) -> (tensor<1x3x3x1xf32>, tensor<1x3x5x3xf32>, tensor<1x3x5x2xf32>) {
  %w = nn.constant dense<2.0> : tensor<3x1x5x1xf32>
  %0 = nn.conv %x, %w {group = 3 : i64, strides = array<i64: 2, 1>, pads = array<i64: 1, 0, 0, 0>} : (tensor<1x3x9x1xf32>, tensor<3x1x5x1xf32>) -> tensor<1x3x3x1xf32>
  %1 = nn.conv %x, %w {group = 3 : i64, pads = array<i64: 0, 1, 0, 1>} : (tensor<1x3x9x1xf32>, tensor<3x1x5x1xf32>) -> tensor<1x3x5x3xf32>
  %2 = nn.conv %wide, %w {group = 3 : i64} : (tensor<1x3x9x2xf32>, tensor<3x1x5x1xf32>) -> tensor<1x3x5x2xf32>
  return %0, %1, %2 : tensor<1x3x3x1xf32>, tensor<1x3x5x3xf32>, tensor<1x3x5x2xf32>
}

// -----

// More rows than the depthwise kernel has registers for: groups of channels.
// CHECK-LABEL: func.func @far_rows
// CHECK:         kern.depthwise_conv {{.*}} dilations [6, 6]
// CHECK:         kern.conv {{.*}} dilations [7, 7]
func.func @far_rows(%x: tensor<1x16x20x20xf32>) -> (tensor<1x16x8x8xf32>, tensor<1x16x6x6xf32>) {
  %w = nn.constant dense<2.0> : tensor<16x1x3x3xf32>
  %0 = nn.conv %x, %w {group = 16 : i64, dilations = array<i64: 6, 6>} : (tensor<1x16x20x20xf32>, tensor<16x1x3x3xf32>) -> tensor<1x16x8x8xf32>
  %1 = nn.conv %x, %w {group = 16 : i64, dilations = array<i64: 7, 7>} : (tensor<1x16x20x20xf32>, tensor<16x1x3x3xf32>) -> tensor<1x16x6x6xf32>
  return %0, %1 : tensor<1x16x8x8xf32>, tensor<1x16x6x6xf32>
}
