//===- Passes.td - Passes that make kernels -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_CODEGEN_KERNELS_PASSES
#define SECATEUR_CODEGEN_KERNELS_PASSES

include "mlir/Pass/PassBase.td"

def KernFuseAttention : Pass<"kern-fuse-attention"> {
  let summary = "Make one kernel of two contractions with a softmax between them";
  let description = [{
    Scores that only a softmax reads, whose result only a contraction reads, need not
    be in memory. Scale and masks must be in the first contraction's epilogue: run it
    after kern-fuse-epilogues. Transpositions of queries, values and result, and the
    packing of values, become part of the kernel's indexing maps.

    ```mlir
    %s = kern.contract ... ins(%q, %k) packed epilogue(%mask) ... -> tensor<12x?x?xf32>
    %p = kern.softmax ins(%s) ... -> tensor<12x?x?xf32>
    %y = kern.contract ... ins(%p, %v) ... -> tensor<12x?x64xf32>
    // becomes
    %y = kern.attention ... ins(%q, %k, %v) packed scores(%mask) ... -> tensor<12x?x64xf32>
    ```
  }];
  let dependentDialects = ["kern::KernDialect"];
}

def KernFuseEpilogues : Pass<"kern-fuse-epilogues"> {
  let summary = "Move elementwise consumers into the epilogue of kern ops";
  let description = [{
    A linalg.generic on tensors that works element by element on a kern op's result and
    is its only user becomes part of that op's epilogue; its other inputs become
    epilogue operands. Reductions, transposed or bit-wide operands, a body without a
    vector form, and results with other users stay as they are.

    ```mlir
    %c = kern.contract ... ins(%a, %w) outs(%e) -> tensor<?x24xf32>
    %y = linalg.generic ... ins(%c, %bias) outs(%e) { arith.addf, arith.maximumf }
    // becomes
    %y = kern.contract ... ins(%a, %w) epilogue(%bias) maps [affine_map<(m, n) -> (n)>] outs(%e) {
      arith.addf, arith.maximumf }
    ```

    Run it after elementwise operations have been fused with one another.
  }];
  let dependentDialects = ["kern::KernDialect"];
}

def KernChooseWinograd : Pass<"kern-choose-winograd"> {
  let summary = "Replace 3x3 convolutions by ones with fewer multiplications";
  let description = [{
    A kern.conv on tensors with a constant 3x3 filter of f32, strides and dilations of 1
    and one group becomes a kern.winograd_conv with tiles of 2 or 4 where that is faster
    by a model of its cost: the products, the transforms, and the larger weights, which
    come from memory. It is less exact: within 1e-3 of the largest output over a whole
    model (`--math=fast`).

    ```mlir
    %y = kern.conv ins(%x, %w : tensor<1x56x56x64xf32>, tensor<1x4x3x3x64x16xf32>) outs(%e) pads [1, 1, 1, 1]
    // becomes
    %y = kern.winograd_conv tile 4 ins(%x, %u : tensor<1x56x56x64xf32>, tensor<4x36x64x16xf32>)
           outs(%e) pads [1, 1, 1, 1]
    ```
  }];
  let dependentDialects = ["kern::KernDialect"];
}

def KernLower : Pass<"kern-lower", "mlir::ModuleOp"> {
  let summary = "Replace kern ops on memrefs by calls of generated kernels";
  let description = [{
    A kernel is a private function keyed by the op's form: which loads and stores it
    has, its epilogue, its taps where they are unrolled, and the target. Extents,
    strides and panel counts are arguments, so that layers share kernels.

    ```mlir
    kern.contract indexing_maps = [...] ins(%a, %w : memref<?x64xf32>, memref<2x64x16xf32>) packed
      outs(%c : memref<?x24xf32>)
    // becomes
    kern.parallel(%tasks) grain(%g) {
    ^bb0(%begin: index, %end: index):
      ... pointers and strides of %a, %w and %c
      func.call @kern_contract_0(%pa, %pw, %pc, ..., %lo, %hi)
    }
    ```

    Runs after bufferization and never allocates. Functions of `math` on vectors are
    left to codegen-approximate-math.
  }];
  let options = [
    Option<"cpu", "cpu", "std::string", "\"\"",
           "CPU or architecture level, as LLVM spells it; empty for this machine">,
    Option<"vectorBits", "vector-bits", "unsigned", "0",
           "Width of a vector register in bits, instead of a CPU: 128, 256 or 512">,
  ];
  let dependentDialects = ["kern::KernDialect", "mlir::arith::ArithDialect", "mlir::func::FuncDialect",
                           "mlir::LLVM::LLVMDialect", "mlir::math::MathDialect", "mlir::memref::MemRefDialect",
                           "mlir::scf::SCFDialect", "mlir::vector::VectorDialect"];
}

#endif // SECATEUR_CODEGEN_KERNELS_PASSES
