// Norms that count erased positions are written as what they do; an RMS norm stays one.
// RUN: secateur-translate --export-onnx %s -o %t.onnx
// RUN: %python %print-onnx %t.onnx | FileCheck %s

// CHECK: "layer.mean" = ReduceMean (x, "statistics.integers")
// CHECK-NOT: LayerNormalization
// CHECK: [layer] layer = Mul ("layer.normalised", scale)
// CHECK: "rms.scale" = Mul (scale, "statistics.number2")
// CHECK: [rms] rms = RMSNormalization <epsilon: float = 2> (layer, "rms.scale")
// CHECK: "group.grouped" = Reshape
// CHECK-NOT: GroupNormalization
// CHECK: [group] group = Add
// CHECK: "mean.of_kept" = ReduceMean
// CHECK: [mean] mean = Mul ("mean.of_kept", "statistics.number")
module attributes {nn.opsets = {ai.onnx = 23 : i64}} {
  func.func @main(%x: tensor<2x4x3xf32> {nn.name = "x"}, %s: tensor<3xf32> {nn.name = "scale"}, %c: tensor<4xf32> {nn.name = "channels"})
      -> (tensor<2x4x1xf32> {nn.name = "mean"}) {
    %axes = nn.constant dense<-1> : tensor<1xi64>
    %0 = nn.layer_normalization %x, %s {count = 6 : i64, resultSegmentSizes = array<i32: 1, 0, 0>} : (tensor<2x4x3xf32>, tensor<3xf32>) -> tensor<2x4x3xf32> loc(fused<["layer"]>["layer"])
    %1 = nn.rms_normalization %0, %s {count = 6 : i64, epsilon = 1.0 : f32} : (tensor<2x4x3xf32>, tensor<3xf32>) -> tensor<2x4x3xf32> loc(fused<["rms"]>["rms"])
    %2 = nn.group_normalization %1, %c, %c {count = 6 : i64, num_groups = 2 : i64} : (tensor<2x4x3xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x4x3xf32> loc(fused<["group"]>["group"])
    %3 = nn.reduce_mean %2 axes(%axes) {count = 6 : i64} : (tensor<2x4x3xf32>, tensor<1xi64>) -> tensor<2x4x1xf32> loc(fused<["mean"]>["mean"])
    return %3 : tensor<2x4x1xf32>
  }
}
