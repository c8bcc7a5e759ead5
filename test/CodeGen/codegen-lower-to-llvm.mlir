// RUN: secateur-opt %s -codegen-lower-to-llvm | FileCheck %s

// The launcher stores the arguments and hands the task to the runtime.
// CHECK: llvm.func @secateur_parallel_for(!llvm.ptr, !llvm.ptr, !llvm.ptr, i64, i64)
// CHECK-LABEL: llvm.func internal @task_0_entry(
// CHECK-SAME: %[[ARGS:.*]]: !llvm.ptr, %[[LO:.*]]: i64, %[[HI:.*]]: i64)
// CHECK: %[[N:.*]] = llvm.load %{{.*}} : !llvm.ptr -> i64
// CHECK: llvm.call @task_0(%[[LO]], %[[HI]], %[[N]])
func.func private @task_0(%lo: index, %hi: index, %n: index) {
  return
}

// CHECK-LABEL: llvm.func internal @launch_0(
// CHECK-SAME: %[[CTX:.*]]: !llvm.ptr, %[[COUNT:.*]]: i64, %[[GRAIN:.*]]: i64, %[[X:.*]]: i64)
// CHECK: %[[MEM:.*]] = llvm.alloca
// CHECK: llvm.store %[[X]]
// CHECK: %[[TASK:.*]] = llvm.mlir.addressof @task_0_entry
// CHECK: llvm.call @secateur_parallel_for(%[[CTX]], %[[TASK]], %[[MEM]], %[[COUNT]], %[[GRAIN]])
func.func private @launch_0(!llvm.ptr, index, index, index) attributes {secateur.task = @task_0}

// Two sizes of one group are known only at run time.
// CHECK-LABEL: llvm.func internal @expand(
// CHECK-NOT: unrealized_conversion_cast
// CHECK: llvm.return
func.func private @expand(%m: memref<?x8xf32>, %a: index, %b: index, %i: index) -> f32 {
  %e = memref.expand_shape %m [[0, 1], [2]] output_shape [%a, %b, 8] : memref<?x8xf32> into memref<?x?x8xf32>
  %v = memref.load %e[%i, %i, %i] : memref<?x?x8xf32>
  return %v : f32
}
