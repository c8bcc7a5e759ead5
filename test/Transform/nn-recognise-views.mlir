// RUN: secateur-opt %s --nn-recognise-views --split-input-file | FileCheck %s

// Rows of 8 elements, one after the other, whatever the batch is.
// CHECK-LABEL: @rows
func.func @rows(%x: tensor<?x8xf32> {nn.dims = ["N", ""]}, %n: tensor<?xf32> {nn.dims = ["N"]}) -> tensor<?x8x1xf32> {
  // CHECK: %[[SHAPE:.*]] = nn.constant dense<[-1, 8, 1]> : tensor<3xi64> initializer {nn.added}
  // CHECK-NOT: nn.gather
  // CHECK: %[[Y:.*]] = nn.reshape %{{.*}}, %[[SHAPE]]
  // CHECK: return %[[Y]]
  %flat = nn.constant dense<-1> : tensor<1xi64>
  %zero = nn.constant dense<0> : tensor<i64>
  %one = nn.constant dense<1> : tensor<i64>
  %stride = nn.constant dense<8> : tensor<i64>
  %back = nn.constant dense<[1, 2]> : tensor<2xi64>
  %table = nn.constant dense<[[[0], [1], [2], [3], [4], [5], [6], [7]]]> : tensor<1x8x1xi64>
  %shape = nn.shape %n : (tensor<?xf32>) -> tensor<1xi64>
  %size = nn.squeeze %shape : (tensor<1xi64>) -> tensor<i64>
  %elements = nn.reshape %x, %flat : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?xf32>
  %range = nn.range %zero, %size, %one : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %scaled = nn.mul %range, %stride : (tensor<?xi64>, tensor<i64>) -> tensor<?xi64>
  %column = nn.unsqueeze %scaled, %back : (tensor<?xi64>, tensor<2xi64>) -> tensor<?x1x1xi64>
  %indices = nn.add %column, %table : (tensor<?x1x1xi64>, tensor<1x8x1xi64>) -> tensor<?x8x1xi64>
  %y = nn.gather %elements, %indices : (tensor<?xf32>, tensor<?x8x1xi64>) -> tensor<?x8x1xf32>
  return %y : tensor<?x8x1xf32>
}

// -----

// The axes of the view are in another order than those of the data.
// CHECK-LABEL: @transposed
func.func @transposed(%x: tensor<6xf32>) -> tensor<2x3xf32> {
  // CHECK: %[[SHAPE:.*]] = nn.constant dense<[3, 2]> : tensor<2xi64>
  // CHECK: %[[R:.*]] = nn.reshape %{{.*}}, %[[SHAPE]] : (tensor<6xf32>, tensor<2xi64>) -> tensor<3x2xf32>
  // CHECK: nn.transpose %[[R]] {{.*}}1, 0{{.*}} -> tensor<2x3xf32>
  %indices = nn.constant dense<[[0, 2, 4], [1, 3, 5]]> : tensor<2x3xi64>
  %y = nn.gather %x, %indices : (tensor<6xf32>, tensor<2x3xi64>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// -----

// Windows overlap: positions 2 and 3 are in both.
// CHECK-LABEL: @keep_overlapping
func.func @keep_overlapping(%x: tensor<8xf32>) -> tensor<2x4xf32> {
  // CHECK: nn.gather
  %indices = nn.constant dense<[[0, 1, 2, 3], [2, 3, 4, 5]]> : tensor<2x4xi64>
  %y = nn.gather %x, %indices : (tensor<8xf32>, tensor<2x4xi64>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// -----

// The first six of eight.
// CHECK-LABEL: @keep_part
func.func @keep_part(%x: tensor<8xf32>) -> tensor<2x3xf32> {
  // CHECK: nn.gather
  %indices = nn.constant dense<[[0, 1, 2], [3, 4, 5]]> : tensor<2x3xi64>
  %y = nn.gather %x, %indices : (tensor<8xf32>, tensor<2x3xi64>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// -----

// Not in equal steps.
// CHECK-LABEL: @keep_shuffled
func.func @keep_shuffled(%x: tensor<6xf32>) -> tensor<2x3xf32> {
  // CHECK: nn.gather
  %indices = nn.constant dense<[[0, 1, 2], [3, 5, 4]]> : tensor<2x3xi64>
  %y = nn.gather %x, %indices : (tensor<6xf32>, tensor<2x3xi64>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// -----

// The number of rows is that of another input.
// CHECK-LABEL: @keep_other_batch
func.func @keep_other_batch(%x: tensor<?x2xf32> {nn.dims = ["N", ""]}, %n: tensor<?xf32> {nn.dims = ["M"]}) -> tensor<?x2xf32> {
  // CHECK: nn.gather
  %flat = nn.constant dense<-1> : tensor<1xi64>
  %zero = nn.constant dense<0> : tensor<i64>
  %one = nn.constant dense<1> : tensor<i64>
  %stride = nn.constant dense<2> : tensor<i64>
  %back = nn.constant dense<1> : tensor<1xi64>
  %table = nn.constant dense<[[0, 1]]> : tensor<1x2xi64>
  %shape = nn.shape %n : (tensor<?xf32>) -> tensor<1xi64>
  %size = nn.squeeze %shape : (tensor<1xi64>) -> tensor<i64>
  %elements = nn.reshape %x, %flat : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?xf32>
  %range = nn.range %zero, %size, %one : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %scaled = nn.mul %range, %stride : (tensor<?xi64>, tensor<i64>) -> tensor<?xi64>
  %column = nn.unsqueeze %scaled, %back : (tensor<?xi64>, tensor<1xi64>) -> tensor<?x1xi64>
  %indices = nn.add %column, %table : (tensor<?x1xi64>, tensor<1x2xi64>) -> tensor<?x2xi64>
  %y = nn.gather %elements, %indices : (tensor<?xf32>, tensor<?x2xi64>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
