// RUN: secateur-opt %s -split-input-file -verify-diagnostics

func.func @concat_ranks(%x: tensor<4xf32>, %y: tensor<4x1xf32>) {
  // expected-error @below {{'nn.concat' op input 1 has rank 2, but input 0 has rank 1}}
  %0 = nn.concat %x, %y {axis = 0 : i64} : (tensor<4xf32>, tensor<4x1xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @concat_axis(%x: tensor<4xf32>) {
  // expected-error @below {{'nn.concat' op axis 1 is out of range for a tensor of rank 1}}
  %0 = nn.concat %x, %x {axis = 1 : i64} : (tensor<4xf32>, tensor<4xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @concat_sizes(%x: tensor<4x2xf32>, %y: tensor<4x3xf32>) {
  // expected-error @below {{'nn.concat' op size of axis 1 is 3 in input 1, but 2 before it}}
  %0 = nn.concat %x, %y {axis = 0 : i64} : (tensor<4x2xf32>, tensor<4x3xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @reshape_two_inferred(%x: tensor<4xf32>) {
  %s = nn.constant dense<[-1, -1]> : tensor<2xi64>
  // expected-error @below {{'nn.reshape' op has two sizes of -1}}
  %0 = nn.reshape %x, %s : (tensor<4xf32>, tensor<2xi64>) -> tensor<*xf32>
  return
}

// -----

func.func @reshape_elements(%x: tensor<4xf32>) {
  %s = nn.constant dense<[2, 3]> : tensor<2xi64>
  // expected-error @below {{'nn.reshape' op cannot give 4 elements a shape of 6}}
  %0 = nn.reshape %x, %s : (tensor<4xf32>, tensor<2xi64>) -> tensor<*xf32>
  return
}

// -----

func.func @reshape_remainder(%x: tensor<4xf32>) {
  %s = nn.constant dense<[-1, 3]> : tensor<2xi64>
  // expected-error @below {{'nn.reshape' op cannot divide 4 elements among sizes whose product is 3}}
  %0 = nn.reshape %x, %s : (tensor<4xf32>, tensor<2xi64>) -> tensor<*xf32>
  return
}

// -----

func.func @reshape_negative(%x: tensor<4xf32>) {
  %s = nn.constant dense<[-2, 3]> : tensor<2xi64>
  // expected-error @below {{'nn.reshape' op size -2 at axis 0 is negative}}
  %0 = nn.reshape %x, %s : (tensor<4xf32>, tensor<2xi64>) -> tensor<*xf32>
  return
}

// -----

func.func @reshape_copy(%x: tensor<4xf32>) {
  %s = nn.constant dense<[4, 0]> : tensor<2xi64>
  // expected-error @below {{'nn.reshape' op size 0 at axis 1 copies a size that its input of rank 1 lacks}}
  %0 = nn.reshape %x, %s : (tensor<4xf32>, tensor<2xi64>) -> tensor<*xf32>
  return
}

// -----

func.func @transpose(%x: tensor<4x3xf32>) {
  // expected-error @below {{'nn.transpose' op perm is not a permutation of the axes of a tensor of rank 2}}
  %0 = nn.transpose %x {perm = array<i64: 0, 0>} : (tensor<4x3xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @squeeze(%x: tensor<4x1xf32>) {
  %a = nn.constant dense<0> : tensor<1xi64>
  // expected-error @below {{'nn.squeeze' op cannot remove axis 0, whose size is 4}}
  %0 = nn.squeeze %x axes(%a) : (tensor<4x1xf32>, tensor<1xi64>) -> tensor<*xf32>
  return
}

// -----

func.func @unsqueeze_twice(%x: tensor<4xf32>) {
  %a = nn.constant dense<[0, -3]> : tensor<2xi64>
  // expected-error @below {{'nn.unsqueeze' op axis -3 is given twice}}
  %0 = nn.unsqueeze %x, %a : (tensor<4xf32>, tensor<2xi64>) -> tensor<*xf32>
  return
}

// -----

func.func @flatten(%x: tensor<4x3xf32>) {
  // expected-error @below {{'nn.flatten' op axis 3 is out of range for a tensor of rank 2}}
  %0 = nn.flatten %x {axis = 3 : i64} : (tensor<4x3xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @expand(%x: tensor<4x3xf32>) {
  %s = nn.constant dense<2> : tensor<1xi64>
  // expected-error @below {{'nn.expand' op cannot broadcast its operands: sizes 3 and 2 at axis 1 are neither equal nor 1}}
  %0 = nn.expand %x, %s : (tensor<4x3xf32>, tensor<1xi64>) -> tensor<*xf32>
  return
}

// -----

func.func @tile(%x: tensor<4x3xf32>) {
  %s = nn.constant dense<2> : tensor<1xi64>
  // expected-error @below {{'nn.tile' op has 1 repeats for an input of rank 2}}
  %0 = nn.tile %x, %s : (tensor<4x3xf32>, tensor<1xi64>) -> tensor<*xf32>
  return
}

// -----

func.func @split_sum(%x: tensor<4xf32>) {
  %s = nn.constant dense<[1, 2]> : tensor<2xi64>
  // expected-error @below {{'nn.split' op split sizes add up to 3, but the axis has 4}}
  %0:2 = nn.split %x split(%s) : (tensor<4xf32>, tensor<2xi64>) -> (tensor<*xf32>, tensor<*xf32>)
  return
}

// -----

func.func @split_count(%x: tensor<4xf32>) {
  %s = nn.constant dense<[1, 2, 1]> : tensor<3xi64>
  // expected-error @below {{'nn.split' op has 3 split sizes, but 2 outputs}}
  %0:2 = nn.split %x split(%s) : (tensor<4xf32>, tensor<3xi64>) -> (tensor<*xf32>, tensor<*xf32>)
  return
}

// -----

func.func @split_parts(%x: tensor<4xf32>) {
  // expected-error @below {{'nn.split' op cannot split an axis of 4 into 6 parts}}
  %0:6 = nn.split %x {num_outputs = 6 : i64} : (tensor<4xf32>) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>)
  return
}

// -----

func.func @pad_count(%x: tensor<4x3xf32>) {
  %p = nn.constant dense<1> : tensor<2xi64>
  // expected-error @below {{'nn.pad' op has 2 pads for 2 axes: expected two for each}}
  %0 = nn.pad %x, %p : (tensor<4x3xf32>, tensor<2xi64>) -> tensor<*xf32>
  return
}

// -----

func.func @pad_crop(%x: tensor<4xf32>) {
  %p = nn.constant dense<-3> : tensor<2xi64>
  // expected-error @below {{'nn.pad' op crops axis 0 to a size of -2}}
  %0 = nn.pad %x, %p : (tensor<4xf32>, tensor<2xi64>) -> tensor<*xf32>
  return
}

// -----

func.func @slice_step(%x: tensor<4xf32>) {
  %a = nn.constant dense<0> : tensor<1xi64>
  // expected-error @below {{'nn.slice' op has a step of 0 at axis 0}}
  %0 = nn.slice %x, %a, %a axes(%a) steps(%a) : (tensor<4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<*xf32>
  return
}

// -----

func.func @slice_counts(%x: tensor<4xf32>) {
  %a = nn.constant dense<0> : tensor<1xi64>
  %b = nn.constant dense<0> : tensor<2xi64>
  // expected-error @below {{'nn.slice' op has 2 ends for 1 axes}}
  %0 = nn.slice %x, %a, %b : (tensor<4xf32>, tensor<1xi64>, tensor<2xi64>) -> tensor<*xf32>
  return
}

// -----

func.func @gather_index(%x: tensor<4xf32>) {
  %i = nn.constant dense<4> : tensor<i64>
  // expected-error @below {{'nn.gather' op index 4 is out of range for axis 0 of size 4}}
  %0 = nn.gather %x, %i : (tensor<4xf32>, tensor<i64>) -> tensor<*xf32>
  return
}

// -----

func.func @gather_nd(%x: tensor<4xf32>, %i: tensor<5x2xi64>) {
  // expected-error @below {{'nn.gather_nd' op cannot index a tensor of rank 1 with tuples of 2 and batch_dims 0}}
  %0 = nn.gather_nd %x, %i : (tensor<4xf32>, tensor<5x2xi64>) -> tensor<*xf32>
  return
}

// -----

func.func @topk(%x: tensor<4xf32>) {
  %k = nn.constant dense<5> : tensor<1xi64>
  // expected-error @below {{'nn.topk' op cannot pick 5 of 4 elements}}
  %0:2 = nn.topk %x, %k : (tensor<4xf32>, tensor<1xi64>) -> (tensor<*xf32>, tensor<*xi64>)
  return
}

// -----

func.func @depth_to_space(%x: tensor<1x6x2x2xf32>) {
  // expected-error @below {{'nn.depth_to_space' op has 6 channels, which blocks of 2 x 2 do not divide}}
  %0 = nn.depth_to_space %x {blocksize = 2 : i64} : (tensor<1x6x2x2xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @space_to_depth(%x: tensor<1x6x3x2xf32>) {
  // expected-error @below {{'nn.space_to_depth' op blocks of 2 do not divide its spatial sizes}}
  %0 = nn.space_to_depth %x {blocksize = 2 : i64} : (tensor<1x6x3x2xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @constant_of_shape() {
  %s = nn.constant dense<[2, -1]> : tensor<2xi64>
  // expected-error @below {{'nn.constant_of_shape' op size -1 at axis 1 is negative}}
  %0 = nn.constant_of_shape %s : (tensor<2xi64>) -> tensor<*xf32>
  return
}

// -----

func.func @range(%x: tensor<i64>) {
  %z = nn.constant dense<0> : tensor<i64>
  // expected-error @below {{'nn.range' op has a delta of 0}}
  %0 = nn.range %x, %x, %z : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  return
}

// -----

func.func @reduce_axis(%x: tensor<4x3xf32>) {
  %a = nn.constant dense<2> : tensor<1xi64>
  // expected-error @below {{'nn.reduce_mean' op axis 2 is out of range for a tensor of rank 2}}
  %0 = nn.reduce_mean %x axes(%a) : (tensor<4x3xf32>, tensor<1xi64>) -> tensor<*xf32>
  return
}

// -----

func.func @softmax_axis(%x: tensor<4x3xf32>) {
  // expected-error @below {{'nn.softmax' op axis -3 is out of range for a tensor of rank 2}}
  %0 = nn.softmax %x {axis = -3 : i64} : (tensor<4x3xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @batch_norm(%x: tensor<4x3xf32>, %p: tensor<4xf32>) {
  // expected-error @below {{'nn.batch_normalization' op needs parameters of rank 1 with one element for each of 3 channels}}
  %0 = nn.batch_normalization %x, %p, %p, %p, %p {resultSegmentSizes = array<i32: 1, 0, 0>} : (tensor<4x3xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @group_norm(%x: tensor<4x3xf32>, %p: tensor<3xf32>) {
  // expected-error @below {{'nn.group_normalization' op has 3 channels, which 2 groups do not divide}}
  %0 = nn.group_normalization %x, %p, %p {num_groups = 2 : i64} : (tensor<4x3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<*xf32>
  return
}

// -----

// Subgraphs.

func.func @if_count(%c: tensor<i1>, %x: tensor<4xf32>) {
  // expected-error @below {{'nn.if' op then_branch yields 0 values, expected 1}}
  %0 = nn.if %c : (tensor<i1>) -> tensor<4xf32> else_branch {
    nn.yield %x : tensor<4xf32>
  } then_branch {
    nn.yield
  }
  return
}

// -----

func.func @if_type(%c: tensor<i1>, %x: tensor<4xf32>) {
  // expected-error @below {{'nn.if' op else_branch: output 0 is of type 'f32', expected 'i64'}}
  %0 = nn.if %c : (tensor<i1>) -> tensor<4xi64> else_branch {
    nn.yield %x : tensor<4xf32>
  } then_branch {
    nn.yield %x : tensor<4xf32>
  }
  return
}

// -----

func.func @loop_inputs(%n: tensor<i64>, %x: tensor<4xf32>) {
  // expected-error @below {{'nn.loop' op body has 1 inputs, expected 3}}
  %0 = nn.loop M(%n) v_initial(%x) : (tensor<i64>, tensor<4xf32>) -> tensor<4xf32> body {
  ^bb0(%i: tensor<i64>):
    nn.yield %x : tensor<4xf32>
  }
  return
}
