// RUN: secateur-opt %s --nn-infer-shapes=annotate | FileCheck %s

// Sizes are expressions over the names of the input's dimensions.
// CHECK-LABEL: @stem
func.func @stem(%x: tensor<?x3x?x?xf32> {nn.name = "x", nn.dims = ["n", "", "h", "w"]}) -> tensor<*xf32> {
  %w = nn.constant dense<1.0> : tensor<8x3x3x3xf32> initializer
  // CHECK: nn.conv {{.*}}nn.shapes = ["[n, 8, (h + 1) floordiv 2, (w + 1) floordiv 2]"]{{.*}} -> tensor<?x8x?x?xf32>
  %0 = nn.conv %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>} : (tensor<?x3x?x?xf32>, tensor<8x3x3x3xf32>) -> tensor<*xf32>
  // A stride of 2 twice is one division by 4.
  // CHECK: nn.max_pool {{.*}}["[n, 8, (h + 3) floordiv 4, (w + 3) floordiv 4]"]
  %1 = nn.max_pool %0 {kernel_shape = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>} : (tensor<*xf32>) -> tensor<*xf32>
  // CHECK: return {{.*}} : tensor<?x8x?x?xf32>
  return %1 : tensor<*xf32>
}

// A reshape to sizes that the graph computes from its input.
// CHECK-LABEL: @flatten_space
func.func @flatten_space(%x: tensor<?x4x?x?xf32> {nn.name = "x", nn.dims = ["n", "", "h", "w"]}) -> tensor<*xf32> {
  %zero = nn.constant dense<0> : tensor<1xi64>
  %rest = nn.constant dense<[4, -1]> : tensor<2xi64>
  %0 = nn.shape %x : (tensor<?x4x?x?xf32>) -> tensor<*xi64>
  // CHECK: nn.gather {{.*}}nn.elements = ["[n]"]
  %1 = nn.gather %0, %zero : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  // CHECK: nn.concat {{.*}}nn.elements = ["[n, 4, -1]"]
  %2 = nn.concat %1, %rest {axis = 0 : i64} : (tensor<*xi64>, tensor<2xi64>) -> tensor<*xi64>
  // CHECK: nn.reshape {{.*}}nn.shapes = ["[n, 4, h * w]"]{{.*}} -> tensor<?x4x?xf32>
  %3 = nn.reshape %x, %2 : (tensor<?x4x?x?xf32>, tensor<*xi64>) -> tensor<*xf32>
  return %3 : tensor<*xf32>
}

// What depends on data is unknown, its rank is not.
// CHECK-LABEL: @data_dependent
func.func @data_dependent(%x: tensor<?x?xf32> {nn.name = "x", nn.dims = ["a", "b"]}) -> tensor<*xi64> {
  // CHECK: nn.non_zero {{.*}}nn.shapes = ["[2, %{{[0-9]+}}]"]{{.*}} -> tensor<2x?xi64>
  %0 = nn.non_zero %x : (tensor<?x?xf32>) -> tensor<*xi64>
  return %0 : tensor<*xi64>
}

// Equal names share a symbol: nothing is broadcast here.
// CHECK-LABEL: @shared_symbol
func.func @shared_symbol(%x: tensor<?x4xf32> {nn.name = "x", nn.dims = ["n", ""]},
                         %y: tensor<?x4xf32> {nn.name = "y", nn.dims = ["n", ""]},
                         %z: tensor<?x4xf32> {nn.name = "z", nn.dims = ["m", ""]}) -> (tensor<*xf32>, tensor<*xf32>) {
  // CHECK: nn.add {{.*}}nn.shapes = ["[n, 4]"]
  %0 = nn.add %x, %y : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<*xf32>
  // CHECK: nn.add {{.*}}nn.shapes = ["[max(n, m), 4]"]
  %1 = nn.add %x, %z : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<*xf32>
  return %0, %1 : tensor<*xf32>, tensor<*xf32>
}

// max(n, max(n, m)) is the latter, and max(n, min(n, 5)) is n: a table of positions of which the first
// n are looked up, broadcast against what there are n of.
// CHECK-LABEL: @absorbed
func.func @absorbed(%x: tensor<?x4xf32> {nn.name = "x", nn.dims = ["n", ""]},
                    %y: tensor<?x4xf32> {nn.name = "y", nn.dims = ["m", ""]},
                    %t: tensor<5x4xf32>) -> (tensor<*xf32>, tensor<*xf32>) {
  // CHECK: nn.add {{.*}}nn.shapes = ["[max(n, m), 4]"]
  %0 = nn.add %x, %y : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<*xf32>
  // CHECK: nn.add {{.*}}nn.shapes = ["[max(n, m), 4]"]
  %1 = nn.add %x, %0 : (tensor<?x4xf32>, tensor<*xf32>) -> tensor<*xf32>
  %zero = nn.constant dense<0> : tensor<1xi64>
  %one = nn.constant dense<1> : tensor<1xi64>
  %n = nn.shape %x {end = 1 : i64} : (tensor<?x4xf32>) -> tensor<1xi64>
  %first = nn.slice %t, %zero, %n axes(%zero) steps(%one) : (tensor<5x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<*xf32>
  // CHECK: nn.slice {{.*}}nn.shapes = ["[min(5, n), 4]"]
  // CHECK: nn.add {{.*}}nn.shapes = ["[n, 4]"]
  %2 = nn.add %x, %first : (tensor<?x4xf32>, tensor<*xf32>) -> tensor<*xf32>
  return %1, %2 : tensor<*xf32>, tensor<*xf32>
}

// Padding computed in floats and clipped at 0, as TensorFlow's "same" is exported:
// max((ceil(7 / 2) - 1) * 2 + 3 - 7, 0) = 2.
// CHECK-LABEL: @clipped_floats
func.func @clipped_floats(%x: tensor<?x3x7xf32> {nn.name = "x"}) -> tensor<?x?x?xf32> {
  %axis = nn.constant dense<2> : tensor<1xi64>
  %two = nn.constant dense<2.0> : tensor<1xf32>
  %one = nn.constant dense<1.0> : tensor<1xf32>
  %three = nn.constant dense<3.0> : tensor<1xf32>
  %zero = nn.constant dense<0.0> : tensor<f32>
  %none = nn.constant dense<0> : tensor<5xi64>
  %shape = nn.shape %x : (tensor<?x3x7xf32>) -> tensor<3xi64>
  %size = nn.gather %shape, %axis : (tensor<3xi64>, tensor<1xi64>) -> tensor<1xi64>
  %float = nn.cast %size {to = 1 : i64} : (tensor<1xi64>) -> tensor<1xf32>
  %half = nn.div %float, %two : (tensor<1xf32>, tensor<1xf32>) -> tensor<1xf32>
  %windows = nn.ceil %half : (tensor<1xf32>) -> tensor<1xf32>
  %steps = nn.sub %windows, %one : (tensor<1xf32>, tensor<1xf32>) -> tensor<1xf32>
  %reach = nn.mul %steps, %two : (tensor<1xf32>, tensor<1xf32>) -> tensor<1xf32>
  %needed = nn.add %reach, %three : (tensor<1xf32>, tensor<1xf32>) -> tensor<1xf32>
  %missing = nn.sub %needed, %float : (tensor<1xf32>, tensor<1xf32>) -> tensor<1xf32>
  %clipped = nn.clip %missing min(%zero) : (tensor<1xf32>, tensor<f32>) -> tensor<1xf32>
  %after = nn.cast %clipped {to = 7 : i64} : (tensor<1xf32>) -> tensor<1xi64>
  %pads = nn.concat %none, %after {axis = 0 : i64} : (tensor<5xi64>, tensor<1xi64>) -> tensor<6xi64>
  // CHECK: nn.pad {{.*}} -> tensor<?x3x9xf32>
  %y = nn.pad %x, %pads : (tensor<?x3x7xf32>, tensor<6xi64>) -> tensor<?x?x?xf32>
  return %y : tensor<?x?x?xf32>
}
