// RUN: secateur-opt %s --nn-infer-shapes -split-input-file -verify-diagnostics

func.func @channels(%x: tensor<1x3x8x8xf32>) -> tensor<*xf32> {
  %w = nn.constant dense<1.0> : tensor<4x2x1x1xf32>
  // expected-error @below {{'nn.conv' op input has 3 channels, but the weight has 2 for each of 1 groups}}
  %0 = nn.conv %x, %w : (tensor<1x3x8x8xf32>, tensor<4x2x1x1xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

func.func @broadcast(%x: tensor<4xf32>, %y: tensor<3xf32>) -> tensor<*xf32> {
  // expected-error @below {{'nn.add' op cannot broadcast its operands: sizes 4 and 3 at axis 0 are neither equal nor 1}}
  %0 = nn.add %x, %y : (tensor<4xf32>, tensor<3xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}
