// The opset rises as far as an operation needs it, and no further.
// RUN: secateur-translate --export-onnx -v %s -o %t.onnx 2>&1 | FileCheck %s --check-prefix=WHY
// RUN: %python %print-onnx %t.onnx | FileCheck %s
// RUN: not secateur-translate --export-onnx --opset 11 %s -o %t.old.onnx 2>&1 | FileCheck %s --check-prefix=OLD --implicit-check-not=error:
// RUN: not ls %t.old.onnx
// RUN: not secateur-translate --export-onnx --opset 6 %s -o %t.old.onnx 2>&1 | FileCheck %s --check-prefix=RANGE

// WHY: remark: node 'soft': Softmax: needs an opset above 11: an axis that is not the last one
// WHY: remark: node 'turn': HardSwish: needs an opset above 13: the operator came with opset 14
// OLD: error: node 'soft': Softmax: cannot be written at opset 11: an axis that is not the last one
// OLD: error: node 'sum': ReduceSum: cannot be written at opset 11: axes is not a constant
// OLD: error: node 'turn': HardSwish: cannot be written at opset 11: the operator came with opset 14
// RANGE: error: opset 6 is not supported: opsets 7 to 28 are

// CHECK: opset_import: ["" : 14, "com.example" : 3]
// CHECK: [soft] p = Softmax <axis: int = 1> (x)
// CHECK: [sum] s = ReduceSum <keepdims: int = 0> (p, axes)
// CHECK: [turn] z = HardSwish (s)
// A value made from the same node gets a name of its own, and so does one without.
// CHECK: z_1 = Relu (z)
// CHECK: out = Neg (z_1)
// CHECK: copy = Identity (x)
module attributes {nn.opsets = {ai.onnx = 11 : i64, com.example = 3 : i64}, nn.ir_version = 7 : i64} {
  func.func @main(%x: tensor<2x3x4xf32> {nn.name = "x"}, %axes: tensor<?xi64> {nn.name = "axes", nn.dims = ["n"]})
      -> (tensor<*xf32> {nn.name = "out", nn.declared = tensor<?x?xf32>, nn.dims = ["a", ""]}, tensor<2x3x4xf32> {nn.name = "copy"}) {
    %p = nn.softmax %x {axis = 1 : i64} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32> loc(fused<["p"]>["soft"])
    %s = nn.reduce_sum %p axes(%axes) {keepdims = 0 : i64} : (tensor<2x3x4xf32>, tensor<?xi64>) -> tensor<*xf32> loc(fused<["s"]>["sum"])
    %z = nn.hard_swish %s : (tensor<*xf32>) -> tensor<*xf32> loc(fused<["z"]>["turn"])
    %r = nn.relu %z : (tensor<*xf32>) -> tensor<*xf32> loc(fused<["z"]>["turn"])
    %o = nn.neg %r : (tensor<*xf32>) -> tensor<*xf32>
    return %o, %x : tensor<*xf32>, tensor<2x3x4xf32>
  }
}
