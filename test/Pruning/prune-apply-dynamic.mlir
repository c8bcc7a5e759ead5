// RUN: secateur-opt %s -prune-analyze | FileCheck %s --check-prefix=GROUPS
// RUN: secateur-opt %s -prune-analyze -prune-score -prune-plan=budgets=params=75%% -prune-apply | FileCheck %s

// Two heads of 3 lie along an axis of [batch][head]: how often depends on the
// input. The constant that multiplies the batch is found and changed; the batch is
// never made a constant.
// GROUPS: prune.group "w:1" units(2)
// GROUPS-SAME: [1: 0 by 1 x -1 step 2]
// CHECK-LABEL: @heads_times_batch
func.func @heads_times_batch(%x: tensor<4x?x6xf32> {nn.name = "x", nn.dims = ["", "batch", ""]}) -> (tensor<4x?x6xf32> {nn.name = "y"}) {
  %w = nn.constant dense<[[1.0, 1.0, 1.0, 2.0, 2.0, 2.0], [1.0, 1.0, 1.0, 2.0, 2.0, 2.0], [1.0, 1.0, 1.0, 2.0, 2.0, 2.0], [1.0, 1.0, 1.0, 2.0, 2.0, 2.0], [1.0, 1.0, 1.0, 2.0, 2.0, 2.0], [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]]> : tensor<6x6xf32> initializer loc(fused<["w"]>["w"])
  %v = nn.constant dense<1.0> : tensor<6x6xf32> initializer loc(fused<["v"]>["v"])
  %scale = nn.constant dense<[[[1.0, 2.0, 3.0]]]> : tensor<1x1x3xf32> initializer loc(fused<["scale"]>["scale"])
  %one = nn.constant dense<1> : tensor<1xi64>
  // CHECK: %[[HEADS:.*]] = nn.constant dense<1> : tensor<1xi64> initializer
  %heads = nn.constant dense<2> : tensor<1xi64> initializer
  %four = nn.constant dense<4> : tensor<1xi64>
  %rest = nn.constant dense<-1> : tensor<1xi64>
  %three = nn.constant dense<3> : tensor<1xi64>
  %back = nn.constant dense<[0, 0, -1]> : tensor<3xi64>
  %a = nn.matmul %x, %w : (tensor<4x?x6xf32>, tensor<6x6xf32>) -> tensor<4x?x6xf32>
  %shape = nn.shape %x : (tensor<4x?x6xf32>) -> tensor<3xi64>
  // CHECK: %[[BATCH:.*]] = nn.gather
  %batch = nn.gather %shape, %one : (tensor<3xi64>, tensor<1xi64>) -> tensor<1xi64>
  // CHECK: %[[ROWS:.*]] = nn.mul %[[BATCH]], %[[HEADS]]
  %rows = nn.mul %batch, %heads : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  // CHECK: nn.concat %{{.*}}, %[[ROWS]], %{{.*}}
  %target = nn.concat %four, %rows, %three {axis = 0 : i64} : (tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<3xi64>
  %split = nn.reshape %a, %target : (tensor<4x?x6xf32>, tensor<3xi64>) -> tensor<4x?x3xf32>
  %scaled = nn.mul %split, %scale : (tensor<4x?x3xf32>, tensor<1x1x3xf32>) -> tensor<4x?x3xf32>
  // CHECK: %[[WIDTH:.*]] = nn.constant dense<3> : tensor<1xi64> initializer
  %width = nn.constant dense<6> : tensor<1xi64> initializer
  // CHECK: nn.concat %{{.*}}, %[[BATCH]], %[[WIDTH]]
  %joined = nn.concat %four, %batch, %width {axis = 0 : i64} : (tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<3xi64>
  // CHECK: nn.reshape {{.*}} -> tensor<4x?x3xf32>
  %merged = nn.reshape %scaled, %joined : (tensor<4x?x3xf32>, tensor<3xi64>) -> tensor<4x?x6xf32>
  %y = nn.matmul %merged, %v : (tensor<4x?x6xf32>, tensor<6x6xf32>) -> tensor<4x?x6xf32>
  return %y : tensor<4x?x6xf32>
}

// Positions of the input are picked by indices that are computed: they stay. What they are
// computed from can lose positions, and with them what is picked.
// GROUPS: prune.group "w:0" units(4)
// CHECK-LABEL: @computed_indices
func.func @computed_indices(%x: tensor<5x3xf32> {nn.name = "x"}, %first: tensor<5x1xi64> {nn.name = "first"}) -> (tensor<5x2xf32> {nn.name = "y"}) {
  // CHECK: %[[OFFSETS:.*]] = nn.constant dense<{{\[\[}}1, 2, 3]]> : tensor<1x3xi64> initializer
  %offsets = nn.constant dense<[[0, 1, 2, 3]]> : tensor<1x4xi64> initializer loc(fused<["offsets"]>["offsets"])
  %w = nn.constant dense<[[1.0, 1.0], [9.0, 9.0], [2.0, 2.0], [8.0, 8.0]]> : tensor<4x2xf32> initializer loc(fused<["w"]>["w"])
  %all = nn.constant dense<-1> : tensor<1xi64>
  %flat = nn.reshape %x, %all : (tensor<5x3xf32>, tensor<1xi64>) -> tensor<15xf32>
  // CHECK: %[[INDICES:.*]] = nn.add %{{.*}}, %[[OFFSETS]] : (tensor<5x1xi64>, tensor<1x3xi64>) -> tensor<5x3xi64>
  %indices = nn.add %first, %offsets : (tensor<5x1xi64>, tensor<1x4xi64>) -> tensor<5x4xi64>
  // CHECK: nn.gather %{{.*}}, %[[INDICES]] : (tensor<15xf32>, tensor<5x3xi64>) -> tensor<5x3xf32>
  %picked = nn.gather %flat, %indices : (tensor<15xf32>, tensor<5x4xi64>) -> tensor<5x4xf32>
  %y = nn.matmul %picked, %w : (tensor<5x4xf32>, tensor<4x2xf32>) -> tensor<5x2xf32>
  return %y : tensor<5x2xf32>
}

// A size that is read and has shrunk stands beside one that nobody knows.
// GROUPS: prune.group "kernel:0" units(4)
// CHECK-LABEL: @beside_an_unknown_size
func.func @beside_an_unknown_size(%x: tensor<?x3x4x4xf32> {nn.name = "x"}) -> (tensor<?x2x8x8xf32> {nn.name = "y"}) {
  // CHECK: nn.constant {{.*}} : tensor<3x3x1x1xf32> initializer
  %kernel = nn.constant dense<[[[[1.0]], [[1.0]], [[1.0]]], [[[9.0]], [[9.0]], [[9.0]]], [[[2.0]], [[2.0]], [[2.0]]], [[[8.0]], [[8.0]], [[8.0]]]]> : tensor<4x3x1x1xf32> initializer loc(fused<["kernel"]>["kernel"])
  %last = nn.constant dense<1.0> : tensor<2x4x1x1xf32> initializer loc(fused<["last"]>["last"])
  %space = nn.constant dense<8> : tensor<2xi64>
  %unknown = nn.custom "com.example" : "Mystery" (%x) {} : (tensor<?x3x4x4xf32>) -> tensor<?x3x4x4xf32>
  %a = nn.conv %unknown, %kernel : (tensor<?x3x4x4xf32>, tensor<4x3x1x1xf32>) -> tensor<?x4x4x4xf32>
  %shape = nn.shape %a {end = 2 : i64} : (tensor<?x4x4x4xf32>) -> tensor<2xi64>
  // CHECK: %[[SIZES:.*]] = nn.concat
  %sizes = nn.concat %shape, %space {axis = 0 : i64} : (tensor<2xi64>, tensor<2xi64>) -> tensor<4xi64>
  // CHECK: nn.resize {{.*}} sizes(%[[SIZES]]) {{.*}} -> tensor<?x3x8x8xf32>
  %r = nn.resize %a sizes(%sizes) : (tensor<?x4x4x4xf32>, tensor<4xi64>) -> tensor<?x4x8x8xf32>
  %y = nn.conv %r, %last : (tensor<?x4x8x8xf32>, tensor<2x4x1x1xf32>) -> tensor<?x2x8x8xf32>
  return %y : tensor<?x2x8x8xf32>
}

// The state that a recurrent layer starts with is made of zeros, as many as the input and the
// layer's size say: it loses what the layer loses. It may not where it is made of ones.
// GROUPS-LABEL: @zero_state
// GROUPS: prune.group "w:1" units(4)
// GROUPS: prune.group "v:1" units(4)
// GROUPS-NOT: prune.group
// GROUPS: prune.pin %{{.*}} "the state that it starts with does not hold zero"
// CHECK-LABEL: @zero_state
func.func @zero_state(%x: tensor<7x?x3xf32> {nn.name = "x", nn.dims = ["", "n", ""]}) -> (tensor<1x?x4xf32> {nn.name = "a"}, tensor<1x?x4xf32> {nn.name = "b"}, tensor<1x?x4xf32> {nn.name = "c"}) {
  %w = nn.constant dense<1.0> : tensor<1x4x3xf32> initializer loc(fused<["w"]>["w"])
  %v = nn.constant dense<1.0> : tensor<1x4x3xf32> initializer loc(fused<["v"]>["v"])
  %u = nn.constant dense<1.0> : tensor<1x4x3xf32> initializer loc(fused<["u"]>["u"])
  %r = nn.constant dense<0.5> : tensor<1x4x4xf32> initializer loc(fused<["r"]>["r"])
  %q = nn.constant dense<0.5> : tensor<1x4x4xf32> initializer loc(fused<["q"]>["q"])
  %p = nn.constant dense<0.5> : tensor<1x4x4xf32> initializer loc(fused<["p"]>["p"])
  %out = nn.constant dense<1.0> : tensor<4x4xf32> initializer loc(fused<["out"]>["out"])
  %out2 = nn.constant dense<1.0> : tensor<4x4xf32> initializer loc(fused<["out2"]>["out2"])
  %out3 = nn.constant dense<1.0> : tensor<4x4xf32> initializer loc(fused<["out3"]>["out3"])
  %zero = nn.constant dense<0.0> : tensor<f32> initializer loc(fused<["zero"]>["zero"])
  %one = nn.constant dense<1> : tensor<1xi64> initializer loc(fused<["one"]>["one"])
  %size = nn.constant dense<4> : tensor<1xi64> initializer loc(fused<["size"]>["size"])
  %batch = nn.shape %x {start = 1 : i64, end = 2 : i64} : (tensor<7x?x3xf32>) -> tensor<1xi64>
  %shape = nn.concat %one, %batch, %size {axis = 0 : i64} : (tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<3xi64>
  // CHECK: nn.constant_of_shape {{.*}} -> tensor<1x?x2xf32>
  // CHECK: nn.expand {{.*}} -> tensor<1x?x3xf32>
  // CHECK: nn.constant_of_shape {{.*}} -> tensor<1x?x4xf32>
  %h = nn.constant_of_shape %shape : (tensor<3xi64>) -> tensor<1x?x4xf32>
  %g = nn.expand %zero, %shape : (tensor<f32>, tensor<3xi64>) -> tensor<1x?x4xf32>
  %f = nn.constant_of_shape %shape {value = dense<1.0> : tensor<1xf32>} : (tensor<3xi64>) -> tensor<1x?x4xf32>
  %0 = nn.rnn %x, %w, %r initial_h(%h) {hidden_size = 4 : i64, resultSegmentSizes = array<i32: 0, 1>} : (tensor<7x?x3xf32>, tensor<1x4x3xf32>, tensor<1x4x4xf32>, tensor<1x?x4xf32>) -> tensor<1x?x4xf32>
  %1 = nn.rnn %x, %v, %q initial_h(%g) {hidden_size = 4 : i64, resultSegmentSizes = array<i32: 0, 1>} : (tensor<7x?x3xf32>, tensor<1x4x3xf32>, tensor<1x4x4xf32>, tensor<1x?x4xf32>) -> tensor<1x?x4xf32>
  %2 = nn.rnn %x, %u, %p initial_h(%f) {hidden_size = 4 : i64, resultSegmentSizes = array<i32: 0, 1>} : (tensor<7x?x3xf32>, tensor<1x4x3xf32>, tensor<1x4x4xf32>, tensor<1x?x4xf32>) -> tensor<1x?x4xf32>
  %a = nn.matmul %0, %out : (tensor<1x?x4xf32>, tensor<4x4xf32>) -> tensor<1x?x4xf32>
  %b = nn.matmul %1, %out2 : (tensor<1x?x4xf32>, tensor<4x4xf32>) -> tensor<1x?x4xf32>
  %c = nn.matmul %2, %out3 : (tensor<1x?x4xf32>, tensor<4x4xf32>) -> tensor<1x?x4xf32>
  return %a, %b, %c : tensor<1x?x4xf32>, tensor<1x?x4xf32>, tensor<1x?x4xf32>
}

// A number of the input's size that is too large to follow is not known.
// CHECK-LABEL: @unknown_number
func.func @unknown_number(%x: tensor<?x3xf32> {nn.name = "x"}) -> (tensor<?x2xf32> {nn.name = "y"}) {
  // CHECK: nn.constant {{.*}} : tensor<3x2xf32> initializer
  %k = nn.constant dense<[[9.0, 1.0, 2.0, 8.0], [9.0, 1.0, 2.0, 8.0], [9.0, 1.0, 2.0, 8.0]]> : tensor<3x4xf32> initializer loc(fused<["k"]>["k"])
  %w = nn.constant dense<[[1.0, 1.0], [9.0, 9.0], [2.0, 2.0], [8.0, 8.0]]> : tensor<4x2xf32> initializer loc(fused<["w"]>["w"])
  %far = nn.constant dense<-1.0e9> : tensor<f32>
  %shape = nn.shape %x {end = 1 : i64} : (tensor<?x3xf32>) -> tensor<1xi64>
  %size = nn.cast %shape {to = 1 : i64} : (tensor<1xi64>) -> tensor<1xf32>
  // CHECK: nn.mul {{.*}} : (tensor<1xf32>, tensor<f32>) -> tensor<1xf32>
  %mask = nn.mul %size, %far : (tensor<1xf32>, tensor<f32>) -> tensor<1xf32>
  %0 = nn.matmul %x, %k : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = nn.matmul %0, %w : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  %y = nn.mul %1, %mask : (tensor<?x2xf32>, tensor<1xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
