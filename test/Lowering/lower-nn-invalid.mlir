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

// Of what nobody knows, not even the type of the result.
// expected-error @below {{cannot compile 1 operator: ai.onnx.ml::Scaler 's': Secateur does not know this operator}}
func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %0 = nn.custom "ai.onnx.ml" : "Scaler" (%x) {} : (tensor<1x4xf32>) -> !nn.opaque<""> loc("s")
  %1 = nn.identity %0 : (!nn.opaque<"">) -> !nn.opaque<""> loc("user")
  %2 = nn.cast %1 {to = 1 : i64} : (!nn.opaque<"">) -> tensor<1x4xf32> loc("other user")
  return %2 : tensor<1x4xf32>
}

// -----

// expected-error @below {{input 0 has the type 'tensor<2x!nn.string>', which code cannot be generated for}}
func.func @strings(%x: tensor<2x!nn.string>) -> tensor<2x!nn.string> {
  return %x : tensor<2x!nn.string>
}
