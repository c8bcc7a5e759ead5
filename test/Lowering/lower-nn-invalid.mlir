// RUN: secateur-opt %s -lower-nn -split-input-file -verify-diagnostics

// All that cannot be compiled is named at once, and what only depends on it is not.
// expected-error @below {{cannot compile 2 operators: com.example::Mystery 'm': Secateur does not know this operator; Resize (opset 19) 'r': antialias = 1 is not supported}}
func.func @main(%x: tensor<1x4x4x4xf32>) -> (tensor<1x4x4x4xf32>, tensor<1x4x8x8xf32>) {
  %0 = nn.custom "com.example" : "Mystery" (%x) {} : (tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32> loc("m")
  %1 = nn.relu %0 : (tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32> loc("user")
  %scales = nn.constant dense<[1.0, 1.0, 2.0, 2.0]> : tensor<4xf32>
  %2 = nn.resize %x scales(%scales) {antialias = 1 : i64, mode = "linear"} : (tensor<1x4x4x4xf32>, tensor<4xf32>) -> tensor<1x4x8x8xf32> loc("r")
  return %1, %2 : tensor<1x4x4x4xf32>, tensor<1x4x8x8xf32>
}

// -----

// expected-error @below {{input 0 has the type 'tensor<2x!nn.string>', which code cannot be generated for}}
func.func @strings(%x: tensor<2x!nn.string>) -> tensor<2x!nn.string> {
  return %x : tensor<2x!nn.string>
}
