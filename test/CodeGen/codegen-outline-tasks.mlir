// RUN: secateur-opt %s -codegen-outline-tasks | FileCheck %s

// Both differ in the large constant alone: they share a task.
// CHECK-LABEL: func @share_a_task(
// CHECK-SAME: %[[CTX:.*]]: !llvm.ptr, %[[M:.*]]: memref<?xf32>)
func.func @share_a_task(%context: !llvm.ptr, %m: memref<?xf32>) attributes {secateur.context} {
  %n = arith.constant 1000 : index
  %k = arith.constant 2000 : index
  %g = arith.constant 10 : index
  %one = arith.constant 1 : index
  // CHECK: call @[[LAUNCH:.*]](%[[CTX]], %[[N:.*]], %{{.*}}, %[[M]], %[[N]])
  kern.parallel(%n) grain(%g) {
  ^bb0(%lo: index, %hi: index):
    scf.for %i = %lo to %hi step %one {
      %v = memref.load %m[%i] : memref<?xf32>
      memref.store %v, %m[%n] : memref<?xf32>
    }
  }
  // CHECK: call @[[LAUNCH]](%[[CTX]], %[[K:.*]], %{{.*}}, %[[M]], %[[K]])
  kern.parallel(%k) grain(%g) {
  ^bb0(%lo: index, %hi: index):
    scf.for %i = %lo to %hi step %one {
      %v = memref.load %m[%i] : memref<?xf32>
      memref.store %v, %m[%k] : memref<?xf32>
    }
  }
  return
}

// Without the context, nothing can be shared out.
// CHECK-LABEL: func @run_in_place(
// CHECK-SAME: %[[M:.*]]: memref<?xf32>, %[[N:.*]]: index)
func.func @run_in_place(%m: memref<?xf32>, %n: index) {
  // CHECK-NOT: call
  // CHECK: %[[ZERO:.*]] = arith.constant 0
  // CHECK: scf.for %{{.*}} = %[[ZERO]] to %[[N]]
  %g = arith.constant 10 : index
  %one = arith.constant 1 : index
  %f = arith.constant 1.0 : f32
  kern.parallel(%n) grain(%g) {
  ^bb0(%lo: index, %hi: index):
    scf.for %i = %lo to %hi step %one {
      memref.store %f, %m[%i] : memref<?xf32>
    }
  }
  return
}

// CHECK: func.func private @task_0(%{{.*}}: index, %{{.*}}: index, %{{.*}}: memref<?xf32>, %{{.*}}: index)
// CHECK: func.func private @launch_0(!llvm.ptr, index, index, memref<?xf32>, index) attributes {secateur.task = @task_0}
// CHECK-NOT: @task_1
