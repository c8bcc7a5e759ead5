// RUN: secateur-opt %s -codegen-lower-linalg='vector-bits=512 task-work=1000' | FileCheck %s
// RUN: secateur-opt %s -codegen-lower-linalg='vector-bits=0' | FileCheck %s --check-prefix=SCALAR

#id2 = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (j)>
#col = affine_map<(i, j) -> (i)>
#swap = affine_map<(i, j) -> (j, i)>

// Whole tensors are one loop of any rank; 20 elements are one vector and a masked
// rest, and too little work for a task.
// CHECK-LABEL: func @merge_loops(
// SCALAR-LABEL: func @merge_loops(
func.func @merge_loops(%x: memref<4x5xf32>, %y: memref<4x5xf32>) {
  // CHECK-NOT: kern.parallel
  // CHECK-DAG: %[[C16:.*]] = arith.constant 16 : index
  // CHECK: scf.for %[[I:.*]] = %{{.*}} to %{{.*}} step %{{.*}} {
  // CHECK-NEXT: %[[X:.*]] = vector.load %[[XF:.*]][%[[I]]] : {{.*}}, vector<16xf32>
  // CHECK-NEXT: %[[A:.*]] = math.absf %[[X]] : vector<16xf32>
  // CHECK-NEXT: vector.store %[[A]], %[[YF:.*]][%[[I]]]
  // CHECK: %[[MASK:.*]] = vector.create_mask %{{.*}} : vector<16xi1>
  // CHECK: %[[T:.*]] = vector.maskedload %[[XF]]{{.*}}, %[[MASK]]
  // CHECK: vector.maskedstore %[[YF]]{{.*}}, %[[MASK]]
  // CHECK: return
  // SCALAR-NOT: vector
  // SCALAR: math.absf %{{.*}} : f32
  linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<4x5xf32>) outs(%y : memref<4x5xf32>) {
    ^bb0(%a: f32, %b: f32):
      %c = math.absf %a : f32
      linalg.yield %c : f32
  }
  return
}

// The bias is loaded with the lanes, so that the rows stay a loop of their own.
// CHECK-LABEL: func @broadcast_row(
func.func @broadcast_row(%x: memref<?x64xf32>, %bias: memref<64xf32>, %y: memref<?x64xf32>) {
  // CHECK: kern.parallel
  // CHECK: %[[LO:.*]]: index, %[[HI:.*]]: index
  // CHECK: scf.for %[[ROW:.*]] = %[[LO]] to %[[HI]]
  // CHECK: scf.for %[[LANE:.*]] =
  // CHECK: vector.load
  // CHECK: vector.load %{{.*}}[%[[LANE]]]
  linalg.generic {indexing_maps = [#id2, #row, #id2], iterator_types = ["parallel", "parallel"]}
      ins(%x, %bias : memref<?x64xf32>, memref<64xf32>) outs(%y : memref<?x64xf32>) {
    ^bb0(%a: f32, %b: f32, %o: f32):
      %c = arith.addf %a, %b : f32
      linalg.yield %c : f32
  }
  return
}

// What depends on the row alone is computed once, as a scalar.
// CHECK-LABEL: func @uniform_stays_scalar(
func.func @uniform_stays_scalar(%x: memref<8x32xf32>, %s: memref<8xf32>, %y: memref<8x32xf32>) {
  // CHECK: %[[S:.*]] = memref.load
  // CHECK: %[[E:.*]] = arith.negf %[[S]] : f32
  // CHECK: %[[V:.*]] = vector.broadcast %[[E]] : f32 to vector<16xf32>
  // CHECK: arith.mulf %{{.*}}, %[[V]] : vector<16xf32>
  linalg.generic {indexing_maps = [#id2, #col, #id2], iterator_types = ["parallel", "parallel"]}
      ins(%x, %s : memref<8x32xf32>, memref<8xf32>) outs(%y : memref<8x32xf32>) {
    ^bb0(%a: f32, %b: f32, %o: f32):
      %e = arith.negf %b : f32
      %c = arith.mulf %a, %e : f32
      linalg.yield %c : f32
  }
  return
}

// The sum of a row: partial sums in lanes. Lanes beyond the end keep theirs.
// CHECK-LABEL: func @reduce_lanes(
func.func @reduce_lanes(%x: memref<3x40xf32>, %y: memref<3xf32>) {
  // CHECK: %[[SUM:.*]] = scf.for {{.*}} iter_args(%[[ACC:.*]] = %{{.*}}) -> (vector<16xf32>)
  // CHECK: arith.addf %{{.*}}, %[[ACC]] : vector<16xf32>
  // CHECK: %[[REST:.*]] = arith.addf %{{.*}}, %[[SUM]] : vector<16xf32>
  // CHECK: %[[KEEP:.*]] = arith.select %{{.*}}, %[[REST]], %[[SUM]]
  // CHECK: vector.reduction <add>, %[[KEEP]]
  linalg.generic {indexing_maps = [#id2, #col], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<3x40xf32>) outs(%y : memref<3xf32>) {
    ^bb0(%a: f32, %o: f32):
      %c = arith.addf %a, %o : f32
      linalg.yield %c : f32
  }
  return
}

// The sum of columns: the lanes are columns, no lane is combined with another.
// CHECK-LABEL: func @reduce_outer(
func.func @reduce_outer(%x: memref<40x32xf32>, %y: memref<32xf32>) {
  // CHECK: scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}) -> (vector<16xf32>)
  // CHECK-NOT: vector.reduction
  // CHECK: return
  linalg.generic {indexing_maps = [#id2, #row], iterator_types = ["reduction", "parallel"]}
      ins(%x : memref<40x32xf32>) outs(%y : memref<32xf32>) {
    ^bb0(%a: f32, %o: f32):
      %c = arith.addf %a, %o : f32
      linalg.yield %c : f32
  }
  return
}

// A combination that is not associative stays in order.
// CHECK-LABEL: func @do_not_reorder(
func.func @do_not_reorder(%x: memref<3x40xf32>, %y: memref<3xf32>) {
  // CHECK-NOT: vector.reduction
  // CHECK: arith.subf %{{.*}}, %{{.*}} : f32
  // CHECK: return
  linalg.generic {indexing_maps = [#id2, #col], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<3x40xf32>) outs(%y : memref<3xf32>) {
    ^bb0(%a: f32, %o: f32):
      %c = arith.subf %a, %o : f32
      linalg.yield %c : f32
  }
  return
}

// Squares of 16 x 16 are transposed in registers: 4 steps of 16 shuffles.
// CHECK-LABEL: func @transpose(
func.func @transpose(%x: memref<48x33xf32>, %y: memref<33x48xf32>) {
  // CHECK-COUNT-64: vector.shuffle
  // CHECK-COUNT-16: vector.store
  // CHECK: vector.gather
  // CHECK: return
  linalg.generic {indexing_maps = [#swap, #id2], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<48x33xf32>) outs(%y : memref<33x48xf32>) {
    ^bb0(%a: f32, %o: f32):
      linalg.yield %a : f32
  }
  return
}

// Division may trap in lanes beyond the end.
// CHECK-LABEL: func @keep_division_scalar(
func.func @keep_division_scalar(%x: memref<40xi32>, %d: memref<40xi32>, %y: memref<40xi32>) {
  // CHECK-NOT: vector
  // CHECK: arith.divsi %{{.*}}, %{{.*}} : i32
  // CHECK: return
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>,
                                   affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x, %d : memref<40xi32>, memref<40xi32>) outs(%y : memref<40xi32>) {
    ^bb0(%a: i32, %b: i32, %o: i32):
      %c = arith.divsi %a, %b : i32
      linalg.yield %c : i32
  }
  return
}

// Rows of a table: the row is uniform, the column runs with the lanes.
// CHECK-LABEL: func @gather_rows(
func.func @gather_rows(%table: memref<100x32xf32>, %rows: memref<7xi64>, %y: memref<7x32xf32>) {
  // CHECK: %[[R:.*]] = arith.index_cast %{{.*}} : i64 to index
  // CHECK-NOT: vector.gather
  // CHECK: vector.load %{{.*}}[%{{.*}}] : {{.*}}, vector<16xf32>
  // CHECK: return
  linalg.generic {indexing_maps = [#col, #id2], iterator_types = ["parallel", "parallel"]}
      ins(%rows : memref<7xi64>) outs(%y : memref<7x32xf32>) {
    ^bb0(%r: i64, %o: f32):
      %row = arith.index_cast %r : i64 to index
      %column = linalg.index 1 : index
      %v = memref.load %table[%row, %column] : memref<100x32xf32>
      linalg.yield %v : f32
  }
  return
}

// An output computed in place has no copy left.
// CHECK-LABEL: func @drop_self_copy(
func.func @drop_self_copy(%x: memref<4xf32>) {
  // CHECK-NEXT: return
  linalg.copy ins(%x : memref<4xf32>) outs(%x : memref<4xf32>)
  return
}

// A body with a loop of its own stays scalar; the loop captures the index.
// CHECK-LABEL: func.func @loop_in_body
func.func @loop_in_body(%x: memref<8x5xf32>, %y: memref<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c5 = arith.constant 5 : index
  %zero = arith.constant 0.0 : f32
  // CHECK: scf.for %[[ROW:.*]] = %{{.*}} to %{{.*}} step %{{.*}} {
  // CHECK: scf.for %[[K:.*]] = %{{.*}} iter_args(%{{.*}}, %{{.*}}) -> (f32, index)
  // CHECK: memref.load %{{.*}}[%[[ROW]], %[[K]]]
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%y : memref<8xf32>) {
  ^bb0(%out: f32):
    %i = linalg.index 0 : index
    %sum:2 = scf.for %k = %c0 to %c5 step %c1 iter_args(%s = %zero, %n = %c0) -> (f32, index) {
      %v = memref.load %x[%i, %k] : memref<8x5xf32>
      %t = arith.addf %s, %v : f32
      %m = arith.addi %n, %i : index
      scf.yield %t, %m : f32, index
    }
    linalg.yield %sum#0 : f32
  }
  return
}

// Operations without properties are vectorised like others.
// CHECK-LABEL: func.func @widen
func.func @widen(%x: memref<32xf32>, %y: memref<32xf64>) {
  // CHECK: arith.extf %{{.*}} : vector<[[LANES:[0-9]+]]xf32> to vector<[[LANES]]xf64>
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : memref<32xf32>) outs(%y : memref<32xf64>) {
  ^bb0(%a: f32, %out: f64):
    %w = arith.extf %a : f32 to f64
    linalg.yield %w : f64
  }
  return
}
