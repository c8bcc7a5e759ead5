//===- Passes.td - Passes of the Lowering stage -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LOWERING_PASSES
#define SECATEUR_LOWERING_PASSES

include "mlir/Pass/PassBase.td"

def LowerNN : Pass<"lower-nn", "::mlir::ModuleOp"> {
  let summary = "Build the model from kernels and loops on tensors";
  let description = [{
    Replaces each function of `nn` operations by one of `kern`, `linalg`, `tensor`,
    `scf`, `arith` and `math` operations on tensors. The layout of each value is
    chosen here: what convolutions and pools make has the channels last, and
    elementwise operators keep the layout of their operands. Weights are permuted
    while compiling, never at run time. Sizes are computed at the top of the
    function from the sizes of its arguments alone.

    Types of elements: bool and uint8 are stored as `i8`, f16 and bf16 are computed
    and kept in `f32` and converted where they enter and leave. Arguments and
    results carry `nn.type`, the element type in the model.

    ```mlir
    %0 = nn.relu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    // becomes
    %n = tensor.dim %x, %c0 : tensor<?x4xf32>
    %1 = tensor.empty(%n) : tensor<?x4xf32>
    %2 = linalg.generic ... ins(%x) outs(%1) {
    ^bb0(%in: f32, %out: f32):
      %3 = arith.maximumf %in, %zero : f32
      linalg.yield %3 : f32
    }
    ```

    What the sizes of the arguments have to meet (a window that fits, two sizes
    that agree) is asserted with `cf.assert` before the return.

    All operators that cannot be lowered are named in one error.
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect", "::secateur::kern::KernDialect",
  ];
}

#endif // SECATEUR_LOWERING_PASSES
