// RUN: secateur-opt %s -codegen-elide-copies | FileCheck %s

// Both parts of a concatenation are computed in it, and the concatenation in the
// output.
// CHECK-LABEL: func @concat(
// CHECK-SAME: %[[X:.*]]: memref<2x3xf32>, %[[OUT:.*]]: memref<2x6xf32>)
func.func @concat(%x: memref<2x3xf32>, %out: memref<2x6xf32>) {
  // CHECK-NOT: memref.alloc
  // CHECK-NOT: linalg.copy
  // CHECK: %[[A:.*]] = memref.subview %[[OUT]][0, 0]
  // CHECK: linalg.exp ins(%[[X]] {{.*}}) outs(%[[A]]
  // CHECK: %[[B:.*]] = memref.subview %[[OUT]][0, 3]
  // CHECK: linalg.negf ins(%[[X]] {{.*}}) outs(%[[B]]
  // CHECK-NOT: linalg.copy
  // CHECK: return
  %a = memref.alloc() : memref<2x3xf32>
  linalg.exp ins(%x : memref<2x3xf32>) outs(%a : memref<2x3xf32>)
  %b = memref.alloc() : memref<2x3xf32>
  linalg.negf ins(%x : memref<2x3xf32>) outs(%b : memref<2x3xf32>)
  %p = memref.subview %out[0, 0] [2, 3] [1, 1] : memref<2x6xf32> to memref<2x3xf32, strided<[6, 1]>>
  linalg.copy ins(%a : memref<2x3xf32>) outs(%p : memref<2x3xf32, strided<[6, 1]>>)
  %q = memref.subview %out[0, 3] [2, 3] [1, 1] : memref<2x6xf32> to memref<2x3xf32, strided<[6, 1], offset: 3>>
  linalg.copy ins(%b : memref<2x3xf32>) outs(%q : memref<2x3xf32, strided<[6, 1], offset: 3>>)
  return
}

// The part is copied in another shape: rows of all images are one axis of the
// producer. Size and strides follow from the part.
// CHECK-LABEL: func @other_shape(
// CHECK-SAME: %[[X:.*]]: memref<?x4xf32>, %[[OUT:.*]]: memref<?x5x6xf32>, %[[N:.*]]: index)
func.func @other_shape(%x: memref<?x4xf32>, %out: memref<?x5x6xf32>, %n: index) {
  // CHECK: %[[WHOLE:.*]] = memref.alloc(%[[N]])
  // CHECK: %[[P:.*]] = memref.subview %[[WHOLE]][0, 0, 2]
  // CHECK: %[[FLAT:.*]] = memref.reinterpret_cast {{.*}} to offset: [2], {{.*}} strides: [6, 1]
  // CHECK: linalg.exp ins(%[[X]] {{.*}}) outs(%[[FLAT]]
  // CHECK-NOT: linalg.copy ins(%{{.*}}) outs(%[[P]]
  %c5 = arith.constant 5 : index
  %rows = arith.muli %n, %c5 : index
  %a = memref.alloc(%rows) : memref<?x4xf32>
  linalg.exp ins(%x : memref<?x4xf32>) outs(%a : memref<?x4xf32>)
  %e = memref.expand_shape %a [[0, 1], [2]] output_shape [%n, 5, 4] : memref<?x4xf32> into memref<?x5x4xf32>
  %whole = memref.alloc(%n) : memref<?x5x6xf32>
  %p = memref.subview %whole[0, 0, 2] [%n, 5, 4] [1, 1, 1] : memref<?x5x6xf32> to memref<?x5x4xf32, strided<[30, 6, 1], offset: 2>>
  linalg.copy ins(%e : memref<?x5x4xf32>) outs(%p : memref<?x5x4xf32, strided<[30, 6, 1], offset: 2>>)
  linalg.exp ins(%whole : memref<?x5x6xf32>) outs(%out : memref<?x5x6xf32>)
  return
}

// The part is written before the copy: what was there would be lost too early.
// CHECK-LABEL: func @keep_when_overwritten(
func.func @keep_when_overwritten(%x: memref<2x3xf32>, %out: memref<2x3xf32>, %y: memref<2x3xf32>) {
  // CHECK: linalg.copy
  %a = memref.alloc() : memref<2x3xf32>
  linalg.exp ins(%x : memref<2x3xf32>) outs(%a : memref<2x3xf32>)
  linalg.negf ins(%x : memref<2x3xf32>) outs(%out : memref<2x3xf32>)
  linalg.exp ins(%out : memref<2x3xf32>) outs(%y : memref<2x3xf32>)
  linalg.copy ins(%a : memref<2x3xf32>) outs(%out : memref<2x3xf32>)
  return
}

// After the copy the target changes, but the buffer is still read.
// CHECK-LABEL: func @keep_when_read_later(
func.func @keep_when_read_later(%x: memref<2x3xf32>, %out: memref<2x3xf32>, %y: memref<2x3xf32>) {
  // CHECK: linalg.copy
  %a = memref.alloc() : memref<2x3xf32>
  linalg.exp ins(%x : memref<2x3xf32>) outs(%a : memref<2x3xf32>)
  linalg.copy ins(%a : memref<2x3xf32>) outs(%out : memref<2x3xf32>)
  linalg.negf ins(%out : memref<2x3xf32>) outs(%out : memref<2x3xf32>)
  linalg.exp ins(%a : memref<2x3xf32>) outs(%y : memref<2x3xf32>)
  return
}

// Only read after the copy: it may be the part.
// CHECK-LABEL: func @read_later(
func.func @read_later(%x: memref<2x3xf32>, %out: memref<2x3xf32>, %y: memref<2x3xf32>) {
  // CHECK-NOT: linalg.copy
  // CHECK: return
  %a = memref.alloc() : memref<2x3xf32>
  linalg.exp ins(%x : memref<2x3xf32>) outs(%a : memref<2x3xf32>)
  linalg.copy ins(%a : memref<2x3xf32>) outs(%out : memref<2x3xf32>)
  linalg.exp ins(%a : memref<2x3xf32>) outs(%y : memref<2x3xf32>)
  return
}

// The copy's axes are merged across the part's: rows are not contiguous there.
// CHECK-LABEL: func @keep_other_axes(
func.func @keep_other_axes(%x: memref<20xf32>, %out: memref<5x6xf32>) {
  // CHECK: linalg.copy
  %a = memref.alloc() : memref<20xf32>
  linalg.exp ins(%x : memref<20xf32>) outs(%a : memref<20xf32>)
  %e = memref.expand_shape %a [[0, 1]] output_shape [5, 4] : memref<20xf32> into memref<5x4xf32>
  %p = memref.subview %out[0, 0] [5, 4] [1, 1] : memref<5x6xf32> to memref<5x4xf32, strided<[6, 1]>>
  linalg.copy ins(%e : memref<5x4xf32>) outs(%p : memref<5x4xf32, strided<[6, 1]>>)
  return
}

// Two slices of one value are the beginning of a concatenation: the value is
// computed there, and the slices are parts of it.
// CHECK-LABEL: func @slices(
// CHECK-SAME: %[[X:.*]]: memref<2x4xf32>, %[[OUT:.*]]: memref<2x6xf32>)
func.func @slices(%x: memref<2x4xf32>, %out: memref<2x6xf32>) {
  // CHECK-NOT: memref.alloc
  // CHECK: %[[A:.*]] = memref.subview %[[OUT]][0, 0] [2, 4] [1, 1]
  // CHECK: linalg.exp ins(%[[X]] {{.*}}) outs(%[[A]]
  // CHECK: %[[S:.*]] = memref.subview %[[OUT]][0, 2] [2, 2] [1, 1]
  // CHECK: linalg.negf ins(%[[S]] {{.*}}) outs(%{{.*}} : memref<2x2xf32, strided<[6, 1], offset: 4>>)
  // CHECK-NOT: linalg.copy
  // CHECK: return
  %a = memref.alloc() : memref<2x4xf32>
  linalg.exp ins(%x : memref<2x4xf32>) outs(%a : memref<2x4xf32>)
  %s = memref.subview %a[0, 0] [2, 2] [1, 1] : memref<2x4xf32> to memref<2x2xf32, strided<[4, 1]>>
  %t = memref.subview %a[0, 2] [2, 2] [1, 1] : memref<2x4xf32> to memref<2x2xf32, strided<[4, 1], offset: 2>>
  %p = memref.subview %out[0, 0] [2, 2] [1, 1] : memref<2x6xf32> to memref<2x2xf32, strided<[6, 1]>>
  linalg.copy ins(%s : memref<2x2xf32, strided<[4, 1]>>) outs(%p : memref<2x2xf32, strided<[6, 1]>>)
  %q = memref.subview %out[0, 2] [2, 2] [1, 1] : memref<2x6xf32> to memref<2x2xf32, strided<[6, 1], offset: 2>>
  linalg.copy ins(%t : memref<2x2xf32, strided<[4, 1], offset: 2>>) outs(%q : memref<2x2xf32, strided<[6, 1], offset: 2>>)
  %r = memref.subview %out[0, 4] [2, 2] [1, 1] : memref<2x6xf32> to memref<2x2xf32, strided<[6, 1], offset: 4>>
  linalg.negf ins(%t : memref<2x2xf32, strided<[4, 1], offset: 2>>) outs(%r : memref<2x2xf32, strided<[6, 1], offset: 4>>)
  return
}

// Rows and columns are doubled in a shape of their own.
// CHECK-LABEL: func @split_axes(
// CHECK-SAME: %[[X:.*]]: memref<3x4xf32>, %[[OUT:.*]]: memref<6x9xf32>)
func.func @split_axes(%x: memref<3x4xf32>, %out: memref<6x9xf32>) {
  // CHECK: %[[P:.*]] = memref.subview %[[OUT]][0, 1] [6, 4] [1, 1]
  // CHECK: %[[E:.*]] = memref.expand_shape %[[P]] {{\[}}[0, 1], [2]] output_shape [3, 2, 4]
  // CHECK: linalg.broadcast ins(%[[X]] {{.*}}) outs(%[[E]]
  // CHECK-NOT: linalg.copy
  // CHECK: return
  %a = memref.alloc() : memref<3x2x4xf32>
  linalg.broadcast ins(%x : memref<3x4xf32>) outs(%a : memref<3x2x4xf32>) dimensions = [1]
  %c = memref.collapse_shape %a [[0, 1], [2]] : memref<3x2x4xf32> into memref<6x4xf32>
  %p = memref.subview %out[0, 1] [6, 4] [1, 1] : memref<6x9xf32> to memref<6x4xf32, strided<[9, 1], offset: 1>>
  linalg.copy ins(%c : memref<6x4xf32>) outs(%p : memref<6x4xf32, strided<[9, 1], offset: 1>>)
  return
}

// The other slice of the value does not belong where it would lie.
// CHECK-LABEL: func @keep_one_slice(
func.func @keep_one_slice(%x: memref<2x4xf32>, %y: memref<2x2xf32>, %out: memref<2x6xf32>) {
  // CHECK: linalg.copy
  %a = memref.alloc() : memref<2x4xf32>
  linalg.exp ins(%x : memref<2x4xf32>) outs(%a : memref<2x4xf32>)
  %r = memref.subview %out[0, 2] [2, 4] [1, 1] : memref<2x6xf32> to memref<2x4xf32, strided<[6, 1], offset: 2>>
  linalg.negf ins(%x : memref<2x4xf32>) outs(%r : memref<2x4xf32, strided<[6, 1], offset: 2>>)
  %s = memref.subview %a[0, 0] [2, 2] [1, 1] : memref<2x4xf32> to memref<2x2xf32, strided<[4, 1]>>
  %p = memref.subview %out[0, 0] [2, 2] [1, 1] : memref<2x6xf32> to memref<2x2xf32, strided<[6, 1]>>
  linalg.copy ins(%s : memref<2x2xf32, strided<[4, 1]>>) outs(%p : memref<2x2xf32, strided<[6, 1]>>)
  return
}

// The buffer's other half is written while the target is read for its own: two
// concatenations that share a part, of which one is computed from the other.
// CHECK-LABEL: func @keep_when_the_rest_is_written(
func.func @keep_when_the_rest_is_written(%x: memref<2x3xf32>, %out: memref<2x6xf32>) {
  // CHECK: memref.alloc() : memref<2x6xf32>
  // CHECK: memref.alloc() : memref<2x6xf32>
  // CHECK: linalg.copy
  %target = memref.alloc() : memref<2x6xf32>
  %own = memref.subview %target[0, 0] [2, 3] [1, 1] : memref<2x6xf32> to memref<2x3xf32, strided<[6, 1]>>
  linalg.exp ins(%x : memref<2x3xf32>) outs(%own : memref<2x3xf32, strided<[6, 1]>>)
  %buffer = memref.alloc() : memref<2x6xf32>
  %shared = memref.subview %buffer[0, 3] [2, 3] [1, 1] : memref<2x6xf32> to memref<2x3xf32, strided<[6, 1], offset: 3>>
  linalg.negf ins(%x : memref<2x3xf32>) outs(%shared : memref<2x3xf32, strided<[6, 1], offset: 3>>)
  %part = memref.subview %target[0, 3] [2, 3] [1, 1] : memref<2x6xf32> to memref<2x3xf32, strided<[6, 1], offset: 3>>
  linalg.copy ins(%shared : memref<2x3xf32, strided<[6, 1], offset: 3>>) outs(%part : memref<2x3xf32, strided<[6, 1], offset: 3>>)
  %rest = memref.subview %buffer[0, 0] [2, 3] [1, 1] : memref<2x6xf32> to memref<2x3xf32, strided<[6, 1]>>
  linalg.negf ins(%own : memref<2x3xf32, strided<[6, 1]>>) outs(%rest : memref<2x3xf32, strided<[6, 1]>>)
  linalg.add ins(%target, %buffer : memref<2x6xf32>, memref<2x6xf32>) outs(%out : memref<2x6xf32>)
  return
}

// The buffer is written again after the copy, and
// the target is read behind that.
// CHECK-LABEL: func @keep_when_written_after_the_copy(
func.func @keep_when_written_after_the_copy(%x: memref<2x3xf32>, %out: memref<2x3xf32>) {
  // CHECK: memref.alloc() : memref<2x3xf32>
  // CHECK: memref.alloc() : memref<2x3xf32>
  // CHECK: linalg.copy
  %buffer = memref.alloc() : memref<2x3xf32>
  linalg.exp ins(%x : memref<2x3xf32>) outs(%buffer : memref<2x3xf32>)
  %target = memref.alloc() : memref<2x3xf32>
  linalg.copy ins(%buffer : memref<2x3xf32>) outs(%target : memref<2x3xf32>)
  linalg.negf ins(%x : memref<2x3xf32>) outs(%buffer : memref<2x3xf32>)
  linalg.add ins(%target, %buffer : memref<2x3xf32>, memref<2x3xf32>) outs(%out : memref<2x3xf32>)
  return
}
