//===- Passes.td - Passes of the code generator ------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_CODEGEN_PASSES
#define SECATEUR_CODEGEN_PASSES

include "mlir/Pass/PassBase.td"

//===----------------------------------------------------------------------===//
// On tensors
//===----------------------------------------------------------------------===//

def CodegenBufferize : Pass<"codegen-bufferize", "mlir::ModuleOp"> {
  let summary = "Turn tensors into memrefs, writing results in place";
  let description = [{
    Removes tensor.empty where a slice of a larger tensor or a destination of the
    function is written instead, lets elementwise operations overwrite an input that
    nothing reads afterwards, and runs one-shot bufferization. Copies become
    linalg.copy. Buffers have no dealloc: codegen-build-entry plans them.
  }];
  let dependentDialects = ["mlir::bufferization::BufferizationDialect",
                           "mlir::linalg::LinalgDialect", "mlir::memref::MemRefDialect"];
}

def CodegenFuseLinalg : Pass<"codegen-fuse-linalg", "mlir::ModuleOp"> {
  let summary = "Fuse elementwise linalg operations";
  let description = [{
    Named elementwise operations become linalg.generic and are fused into their
    consumer when it is the only one, so that no intermediate tensor is written:

    ```mlir
    %a = linalg.generic ... ins(%x) { math.exp }
    %b = linalg.generic ... ins(%a, %y) { arith.mulf }
    // becomes one linalg.generic ins(%x, %y) { math.exp, arith.mulf }
    ```

    A producer with costly functions is not fused where it would be computed more
    than once for an element.
  }];
  let dependentDialects = ["mlir::linalg::LinalgDialect", "mlir::affine::AffineDialect",
                           "mlir::memref::MemRefDialect", "mlir::tensor::TensorDialect"];
}

def CodegenPrepareEntry : Pass<"codegen-prepare-entry", "mlir::ModuleOp"> {
  let summary = "Give @main its outputs as destinations";
  let description = [{
    Each result whose dimensions follow from the arguments' dimensions becomes a
    memref argument that the value is materialised in; the results are then its
    dynamic dimensions, as index. Other results (data-dependent ones) stay.

    ```mlir
    func.func @main(%x: tensor<?x4xf32>) -> tensor<?x4xf32>
    // becomes
    func.func @main(%x: tensor<?x4xf32>, %y: memref<?x4xf32>) -> index
    ```

    Constant tensors become kern.weight.
  }];
  let dependentDialects = ["mlir::bufferization::BufferizationDialect",
                           "mlir::memref::MemRefDialect", "mlir::tensor::TensorDialect",
                           "kern::KernDialect"];
}

//===----------------------------------------------------------------------===//
// On memrefs
//===----------------------------------------------------------------------===//

def CodegenBuildEntry : Pass<"codegen-build-entry", "mlir::ModuleOp"> {
  let summary = "Plan buffers and weights and build the functions `sizes` and `run`";
  let description = [{
    Buffers of @main whose sizes follow from the arguments' dimensions get a place in
    the arena: an index, a live range (positions of operations in @main's body; what
    happens inside a region happens at its parent) and a size that `sizes` computes.
    Others are allocated by the runtime. kern.weight becomes a place in the weights
    blob; identical weights share one. @main becomes the descriptor's `run`.

    What the descriptor needs is left on the module as `secateur.buffer_ranges` and
    `secateur.weights`, the signature as `secateur.inputs` and `secateur.outputs`.
  }];
  let dependentDialects = ["mlir::LLVM::LLVMDialect", "mlir::arith::ArithDialect",
                           "mlir::memref::MemRefDialect", "mlir::func::FuncDialect",
                           "mlir::linalg::LinalgDialect"];
}

def CodegenElideCopies : Pass<"codegen-elide-copies", "mlir::func::FuncOp"> {
  let summary = "Compute values in the buffer that they are copied to";
  let description = [{
    ```mlir
    %a = memref.alloc() : memref<2x3xf32>
    linalg.exp ins(%x) outs(%a)
    %part = memref.subview %whole[0, 3] [2, 3] [1, 1]
    linalg.copy ins(%a) outs(%part)
    // becomes
    %part = memref.subview %whole[0, 3] [2, 3] [1, 1]
    linalg.exp ins(%x) outs(%part)
    ```

    also where the copy reads %a in another shape, as long as the part has one.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::memref::MemRefDialect"];
}

def CodegenLowerLinalg : Pass<"codegen-lower-linalg", "mlir::func::FuncOp"> {
  let summary = "Lower linalg on memrefs to vector loops";
  let description = [{
    Every linalg operation becomes a loop nest whose best loop is vectorised, with a
    masked rest, and shared among tasks when there is work enough. Whatever has no
    vector form becomes scalar loops.
  }];
  let options = [
    Option<"vectorBits", "vector-bits", "unsigned", "512",
           "Width of a vector register in bits; 0 makes scalar loops">,
    Option<"taskWork", "task-work", "int64_t", "65536",
           "Work, in scalar operations, that is worth a task">,
  ];
  let dependentDialects = ["mlir::affine::AffineDialect", "mlir::arith::ArithDialect",
                           "mlir::memref::MemRefDialect", "mlir::scf::SCFDialect",
                           "mlir::vector::VectorDialect", "kern::KernDialect"];
}

def CodegenOutlineTasks : Pass<"codegen-outline-tasks", "mlir::ModuleOp"> {
  let summary = "Move the bodies of kern.parallel into task functions";
  let description = [{
    A kern.parallel in a function that has the run context becomes a call of a
    launcher, a declaration that names its task; codegen-lower-to-llvm gives it its
    body. Constants larger than 64 become arguments, so that tasks which differ in
    them alone are one. Anywhere else the range runs in place.

    ```mlir
    kern.parallel (%n) grain(%g) { ^bb0(%lo, %hi): ... %a ... }
    // becomes
    call @launch_0(%n, %g, %a)
    func.func private @launch_0(index, index, ...) attributes {secateur.task = @task_0}
    func.func private @task_0(%lo: index, %hi: index, %a: ...) { ... }
    ```
  }];
  let dependentDialects = ["mlir::func::FuncDialect", "mlir::arith::ArithDialect"];
}

//===----------------------------------------------------------------------===//
// On vectors and LLVM
//===----------------------------------------------------------------------===//

def CodegenApproximateMath : Pass<"codegen-approximate-math"> {
  let summary = "Replace functions on f32 vectors by polynomials";
  let description = [{
    exp, expm1, log, log1p, log2, tanh, erf, sin, cos, pow and others on vectors of
    f32, accurate to a few units in the last place; f16 and bf16 go through f32.
    Scalars are left to libm.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::math::MathDialect",
                           "mlir::vector::VectorDialect"];
}

def CodegenLowerToLLVM : Pass<"codegen-lower-to-llvm", "mlir::ModuleOp"> {
  let summary = "Lower the module to the LLVM dialect";
  let description = [{
    All that is left (vector, scf, memref, arith, math, func) becomes LLVM, and the
    launchers of codegen-outline-tasks get their bodies: the arguments are stored in a
    struct on the stack and the task is handed to secateur_parallel_for.
  }];
  let dependentDialects = ["mlir::LLVM::LLVMDialect", "mlir::cf::ControlFlowDialect"];
}

#endif // SECATEUR_CODEGEN_PASSES
