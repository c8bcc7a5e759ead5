// RUN: secateur-opt %s -verify-roundtrip | FileCheck %s
// RUN: secateur-opt %s -prune-strip | FileCheck %s --check-prefix=STRIP

// CHECK-LABEL: @forms
// STRIP-LABEL: @forms
// STRIP-NOT: prune.
func.func @forms(%w: tensor<8x8x3x3xf32>, %flat: tensor<?x392xf32>, %v: tensor<8xf32>) {
  // Rows and columns of one weight; runs of 49; a divisor that keeps its value.
  // CHECK: prune.group "w:0" units(8) (%{{.*}}[0: 0 by 1][1: 0 by 1], %{{.*}}[1: 0 by 49], %{{.*}}[0: 0 by 1] keeps_value, %{{.*}}[0: 0 by 1] counts_as -3)
  prune.group "w:0" units(8) (%w[0: 0 by 1][1: 0 by 1], %flat[1: 0 by 49], %v[0: 0 by 1] keeps_value, %v[0: 0 by 1] counts_as -3)
    : tensor<8x8x3x3xf32>, tensor<?x392xf32>, tensor<8xf32>, tensor<8xf32>
  // CHECK: prune.group "w:1" units(4) min_keep(2) multiple_of(2) balanced(2) uniform("kv") (%{{.*}}[1: 0 by 1 x 49 step 8], %{{.*}}[0: {[0, 4], [1, 5], [2, 6], [3, 7]}])
  prune.group "w:1" units(4) min_keep(2) multiple_of(2) balanced(2) uniform("kv")
    (%flat[1: 0 by 1 x 49 step 8], %v[0: {[0, 4], [1, 5], [2, 6], [3, 7]}]) {score = 1.0 : f32} : tensor<?x392xf32>, tensor<8xf32>
  // One joint value of two digits: the rows of a group, a column inside it.
  // CHECK: prune.group "w:2" units(8) (%{{.*}}[0: (u / 4 mod 2) 0 by 4, 1: (u / 1 mod 4) 0 by 1])
  prune.group "w:2" units(8) (%w[0: (u / 4 mod 2) 0 by 4, 1: (u / 1 mod 4) 0 by 1]) : tensor<8x8x3x3xf32>
  // CHECK: prune.pin %{{.*}} axis 1 from 2 count 3 "a graph output keeps its size" by "return" : tensor<8x8x3x3xf32>
  prune.pin %w axis 1 from 2 count 3 "a graph output keeps its size" by "return" : tensor<8x8x3x3xf32>
  // CHECK: prune.pin %{{.*}} axis 0 "softmax" by "Softmax 's'" : tensor<8xf32>
  prune.pin %v axis 0 "softmax" by "Softmax 's'" : tensor<8xf32>
  // STRIP: return
  return
}
