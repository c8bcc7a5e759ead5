//===- KernOps.td - Kernels that are generated, not called -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_DIALECTS_KERN_IR_KERNOPS
#define SECATEUR_DIALECTS_KERN_IR_KERNOPS

include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/Kern/IR/KernInterfaces.td"

def Kern_Dialect : Dialect {
  let name = "kern";
  let cppNamespace = "::secateur::kern";
  let useDefaultAttributePrinterParser = 1;
  let summary = "Kernels for which we write the vector code ourselves";
  let description = [{
    Contractions, convolutions, pooling, softmax and norms, where the last factor of
    two of speed lies in register tiles, packed weights and tails. Everything else is
    `linalg`. Ops are in destination style; each exists on tensors (before
    bufferization) and on memrefs (after), with the same operands and attributes.
    Activations are channels-last or row-major, the innermost dimension contiguous.

    The destination's former contents are never read, unless it is also an epilogue
    operand. Accumulation starts from zero; what follows it (bias, residual,
    activation) is the epilogue, see `EpilogueOpInterface`:

    ```mlir
    // out[m, n] = max(sum_k a[m, k] * w[k, n] + bias[n], 0)
    %r = kern.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>,
                                        affine_map<(m, n, k) -> (k, n)>,
                                        affine_map<(m, n, k) -> (m, n)>]
           ins(%a, %w : tensor<?x64xf32>, tensor<2x64x16xf32>) packed
           epilogue(%bias : tensor<24xf32>) maps [affine_map<(m, n) -> (n)>]
           outs(%c : tensor<?x24xf32>) {
         ^bb0(%acc: f32, %b: f32):
           %zero = arith.constant 0.0 : f32
           %s = arith.addf %acc, %b : f32
           %y = arith.maximumf %s, %zero : f32
           kern.yield %y : f32
         } -> tensor<?x24xf32>
    ```

    It does not describe tiles, threads or targets: `kern-lower` chooses those, by a model
    of the cost, except where a `choice` (`#kern.choice`) says which kernel and which tile.
  }];
}

include "dialects/Kern/IR/KernChoice.td"

class Kern_Op<string mnemonic, list<Trait> traits = []> : Op<Kern_Dialect, mnemonic, traits>;

def Kern_Shaped : AnyTypeOf<[AnyRankedTensor, AnyMemRef], "ranked tensor or memref">;

/// Destination style with one init; on tensors one result of the init's type.
class Kern_DpsOp<string mnemonic, list<Trait> traits = []>
    : Kern_Op<mnemonic, !listconcat([DestinationStyleOpInterface,
                                     DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
                                     DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface,
                                                               ["reifyResultShapes"]>], traits)> {
  code dpsDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
  let extraClassDeclaration = dpsDeclaration;
}

/// Answers what it multiplies.
def Kern_Product : DeclareOpInterfaceMethods<ProductOpInterface>;

class Kern_EpilogueOp<string mnemonic, list<Trait> traits = []>
    : Kern_DpsOp<mnemonic, !listconcat([EpilogueOpInterface], traits)> {
  let regions = (region AnyRegion:$epilogue);
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

def Kern_WeightOp : Kern_Op<"weight", [Pure]> {
  let summary = "A constant in the layout that a kernel reads";
  let description = [{
    `value`, reshaped to `shape`, transposed by `permutation` (result dimension i is
    dimension permutation[i] of the reshaped value) and packed. Without panel the
    result is row-major. With panel p the last dimension N is padded with zeros to a
    multiple of p and split, and the panel's number goes before the dimensions K that
    are neither it nor one of the `batch` leading ones:
    `[batch.., K.., N]` becomes `[batch.., ceil(N/p), K.., p]`.

    With `winograd` w (2 or 4) the value is a 3x3 filter [M, C, 3, 3], each of whose
    windows g is replaced by G g G^T, of extent w + 2 (`kern.winograd_conv`), and packed
    over M: `[ceil(M/16), (w + 2)^2, C, 16]`.

    The bytes live in the weights blob, never in LLVM IR.

    ```mlir
    // A linear layer stored [N, K] = [24, 64], and a convolution [M, C/g, KH, KW] with 2 groups.
    %w = kern.weight dense<1.0> : tensor<24x64xf32> permutation [1, 0] panel 16 : tensor<2x64x16xf32>
    %v = kern.weight dense<1.0> : tensor<48x8x3x3xf32> shape [2, 24, 8, 3, 3] permutation [0, 3, 4, 2, 1]
           batch 1 panel 16 : tensor<2x2x3x3x8x16xf32>
    ```
  }];
  let arguments = (ins ElementsAttr:$value, OptionalAttr<DenseI64ArrayAttr>:$shape,
                       OptionalAttr<DenseI64ArrayAttr>:$permutation,
                       DefaultValuedAttr<I64Attr, "0">:$batch, DefaultValuedAttr<I64Attr, "0">:$panel,
                       DefaultValuedAttr<I64Attr, "0">:$winograd);
  let results = (outs Kern_Shaped:$result);
  let assemblyFormat = [{
    $value (`shape` $shape^)? (`permutation` $permutation^)? (`batch` $batch^)? (`panel` $panel^)?
    (`winograd` $winograd^)? attr-dict `:` type($result)
  }];
  let builders = [
    // Infers the result, a tensor.
    OpBuilder<(ins "::mlir::ElementsAttr":$value, CArg<"::llvm::ArrayRef<int64_t>", "{}">:$shape,
                   CArg<"::llvm::ArrayRef<int64_t>", "{}">:$permutation, CArg<"int64_t", "0">:$batch,
                   CArg<"int64_t", "0">:$panel, CArg<"int64_t", "0">:$winograd)>
  ];
  let extraClassDeclaration = [{
    /// Extents of the value after reshape and transpose, before packing.
    ::llvm::SmallVector<int64_t> getLogicalShape();
    /// Packs logical extents: [batch.., K.., N] -> [batch.., ceil(N/panel), K.., panel].
    static ::llvm::SmallVector<int64_t> packShape(::llvm::ArrayRef<int64_t> logical, int64_t batch, int64_t panel);
    /// Extents of a transformed filter [M, C, 3, 3], packed.
    static ::llvm::SmallVector<int64_t> winogradShape(::llvm::ArrayRef<int64_t> filter, int64_t winograd);
  }];
  let hasVerifier = 1;
}

def Kern_PackOp : Kern_DpsOp<"pack"> {
  let summary = "Pack an operand that is only known at run time";
  let description = [{
    The transposition and packing of `kern.weight`, done when the model runs, for
    right-hand sides that are activations (attention scores).

    ```mlir
    %p = kern.pack ins(%k : tensor<12x?x64xf32>) permutation [0, 2, 1] batch 1 panel 16
           outs(%e : tensor<12x?x64x16xf32>) -> tensor<12x?x64x16xf32>
    ```
  }];
  let arguments = (ins Kern_Shaped:$input, Kern_Shaped:$init, OptionalAttr<DenseI64ArrayAttr>:$permutation,
                       DefaultValuedAttr<I64Attr, "0">:$batch, DefaultValuedAttr<I64Attr, "16">:$panel);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    `ins` `(` $input `:` type($input) `)` (`permutation` $permutation^)? (`batch` $batch^)? (`panel` $panel^)?
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($result)^)?
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Contraction and convolution
//===----------------------------------------------------------------------===//

def Kern_ContractOp : Kern_EpilogueOp<"contract", [Kern_Product]> {
  let summary = "A contraction of two operands";
  let description = [{
    `indexing_maps` are three projected permutations, of A, B and the output, over
    dimensions that are batch (in all three, or in the output and one operand when
    the other is broadcast), rows (A and output), columns (B and output) and
    reduction (A and B); `linalg.contract` has the same convention.

    With `packed`, B is what `kern.weight` or `kern.pack` make with panel 16: B's map
    names its logical dimensions (batch.., k.., n) and n is the last of them; the
    operand has one dimension more.

    Fast when the reduction dimensions are innermost in A and the columns innermost in
    the output; correct for every other map.
  }];
  let arguments = (ins AffineMapArrayAttr:$indexing_maps, Kern_Shaped:$lhs, Kern_Shaped:$rhs, UnitAttr:$packed,
                       Variadic<Kern_Shaped>:$epilogue_operands, Kern_Shaped:$init,
                       DefaultValuedAttr<AffineMapArrayAttr, "{}">:$epilogue_maps,
                       OptionalAttr<Kern_ChoiceAttr>:$choice);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    `indexing_maps` `=` $indexing_maps `ins` `(` $lhs `,` $rhs `:` type($lhs) `,` type($rhs) `)` (`packed` $packed^)?
    (`epilogue` `(` $epilogue_operands^ `:` type($epilogue_operands) `)` `maps` $epilogue_maps)?
    `outs` `(` $init `:` type($init) `)` attr-dict-with-keyword ($epilogue^)? (`->` type($result)^)?
  }];
  let extraClassDeclaration = dpsDeclaration # [{
    ::mlir::AffineMap getLhsMap() { return ::mlir::cast<::mlir::AffineMapAttr>(getIndexingMaps()[0]).getValue(); }
    ::mlir::AffineMap getRhsMap() { return ::mlir::cast<::mlir::AffineMapAttr>(getIndexingMaps()[1]).getValue(); }
    ::mlir::AffineMap getInitMap() { return ::mlir::cast<::mlir::AffineMapAttr>(getIndexingMaps()[2]).getValue(); }
  }];
  let hasVerifier = 1;
}

def Kern_ConvOp : Kern_EpilogueOp<"conv", [Kern_Product]> {
  let summary = "A two-dimensional convolution, channels last";
  let description = [{
    `X[N, H, W, C]` with weights packed as `[G, ceil(Mg/16), KH, KW, Cg, 16]`
    (`kern.weight`, batch 1, panel 16) makes `Y[N, OH, OW, M]`, where C = G * Cg and
    M = G * Mg. With a `bundle` B of more than one, B groups share a panel, one after the
    other, and weights are `[ceil(G/B), 1, KH, KW, Cg, 16]` where B * Mg is at most 16. `pads` are top, left, bottom, right; positions outside X count as zero.
    The output's extents are the op's: rows beyond them are not computed.

    ```mlir
    %y = kern.conv ins(%x, %w : tensor<1x56x56x64xf32>, tensor<1x4x3x3x64x16xf32>)
           outs(%e : tensor<1x56x56x64xf32>) strides [1, 1] pads [1, 1, 1, 1] -> tensor<1x56x56x64xf32>
    ```
  }];
  let arguments = (ins Kern_Shaped:$input, Kern_Shaped:$filter, Variadic<Kern_Shaped>:$epilogue_operands,
                       Kern_Shaped:$init, DefaultValuedAttr<AffineMapArrayAttr, "{}">:$epilogue_maps,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$strides,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$dilations,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{0, 0, 0, 0}">:$pads,
                       DefaultValuedAttr<I64Attr, "1">:$groups, DefaultValuedAttr<I64Attr, "1">:$bundle,
                       OptionalAttr<Kern_ChoiceAttr>:$choice);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    `ins` `(` $input `,` $filter `:` type($input) `,` type($filter) `)`
    (`epilogue` `(` $epilogue_operands^ `:` type($epilogue_operands) `)` `maps` $epilogue_maps)?
    `outs` `(` $init `:` type($init) `)`
    (`strides` $strides^)? (`dilations` $dilations^)? (`pads` $pads^)? (`groups` $groups^)? (`bundle` $bundle^)?
    attr-dict-with-keyword ($epilogue^)? (`->` type($result)^)?
  }];
  let hasVerifier = 1;
}

def Kern_WinogradConvOp : Kern_EpilogueOp<"winograd_conv", [Kern_Product]> {
  let summary = "A 3x3 convolution of stride 1 with fewer multiplications";
  let description = [{
    Winograd's minimal filtering, F(tile x tile, 3x3), of `X[N, H, W, C]` with a
    transformed filter (`kern.weight` with `winograd` tile) makes `Y[N, OH, OW, M]`. For
    each tile of the output, of extent 2 or 4, (tile + 2)^2 products of channels take the
    place of 9 tile^2. It rounds differently from `kern.conv`, and worse: `--math=fast`.

    ```mlir
    %u = kern.weight dense<1.0> : tensor<64x64x3x3xf32> panel 16 winograd 4 : tensor<4x36x64x16xf32>
    %y = kern.winograd_conv tile 4 ins(%x, %u : tensor<1x56x56x64xf32>, tensor<4x36x64x16xf32>)
           outs(%e : tensor<1x56x56x64xf32>) pads [1, 1, 1, 1] -> tensor<1x56x56x64xf32>
    ```
  }];
  let arguments = (ins I64Attr:$tile, Kern_Shaped:$input, Kern_Shaped:$filter, Variadic<Kern_Shaped>:$epilogue_operands,
                       Kern_Shaped:$init, DefaultValuedAttr<AffineMapArrayAttr, "{}">:$epilogue_maps,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{0, 0, 0, 0}">:$pads);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    `tile` $tile `ins` `(` $input `,` $filter `:` type($input) `,` type($filter) `)`
    (`epilogue` `(` $epilogue_operands^ `:` type($epilogue_operands) `)` `maps` $epilogue_maps)?
    `outs` `(` $init `:` type($init) `)` (`pads` $pads^)?
    attr-dict-with-keyword ($epilogue^)? (`->` type($result)^)?
  }];
  let hasVerifier = 1;
}

def Kern_DepthwiseConvOp : Kern_EpilogueOp<"depthwise_conv", [Kern_Product]> {
  let summary = "A convolution of each channel by itself, channels last";
  let description = [{
    `X[N, H, W, C]` with weights `[KH, KW, C]` (`kern.weight` without panel) makes
    `Y[N, OH, OW, C]`. Attributes as for `kern.conv`.
  }];
  let arguments = (ins Kern_Shaped:$input, Kern_Shaped:$filter, Variadic<Kern_Shaped>:$epilogue_operands,
                       Kern_Shaped:$init, DefaultValuedAttr<AffineMapArrayAttr, "{}">:$epilogue_maps,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$strides,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$dilations,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{0, 0, 0, 0}">:$pads,
                       OptionalAttr<Kern_ChoiceAttr>:$choice);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    `ins` `(` $input `,` $filter `:` type($input) `,` type($filter) `)`
    (`epilogue` `(` $epilogue_operands^ `:` type($epilogue_operands) `)` `maps` $epilogue_maps)?
    `outs` `(` $init `:` type($init) `)`
    (`strides` $strides^)? (`dilations` $dilations^)? (`pads` $pads^)?
    attr-dict-with-keyword ($epilogue^)? (`->` type($result)^)?
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Pooling and rows
//===----------------------------------------------------------------------===//

def Kern_PoolKind : I32Enum<"PoolKind", "what a window becomes",
    [I32EnumCase<"Max", 0, "max">, I32EnumCase<"Average", 1, "average">]> {
  let cppNamespace = "::secateur::kern";
}

def Kern_PoolOp : Kern_DpsOp<"pool"> {
  let summary = "The maximum or average of windows, channels last";
  let description = [{
    `X[N, H, W, C]` makes `Y[N, OH, OW, C]`. Positions outside X never win a maximum
    and add nothing to an average. The divisor counts the positions inside X, or
    with `count_include_pad` those inside X and its pads.
    `ceil_mode` of ONNX is only a larger output extent here.

    ```mlir
    kern.pool max ins(%x : memref<1x112x112x64xf32>) outs(%y : memref<1x56x56x64xf32>)
      kernel [3, 3] strides [2, 2] pads [1, 1, 1, 1]
    ```
  }];
  let arguments = (ins EnumAttr<Kern_Dialect, Kern_PoolKind, "pool_kind">:$kind, Kern_Shaped:$input, Kern_Shaped:$init,
                       DenseI64ArrayAttr:$kernel,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$strides,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$dilations,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{0, 0, 0, 0}">:$pads, UnitAttr:$count_include_pad);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    $kind `ins` `(` $input `:` type($input) `)` `outs` `(` $init `:` type($init) `)` `kernel` $kernel
    (`strides` $strides^)? (`dilations` $dilations^)? (`pads` $pads^)? (`count_include_pad` $count_include_pad^)?
    attr-dict (`->` type($result)^)?
  }];
  let hasVerifier = 1;
}

def Kern_SoftmaxOp : Kern_DpsOp<"softmax"> {
  let summary = "Softmax, or its logarithm, over the last dimension";
  let description = [{
    A row of -infinity alone becomes NaN, or zeros with `zero_empty`.

    ```mlir
    %y = kern.softmax ins(%x : tensor<12x?x128xf32>) outs(%e : tensor<12x?x128xf32>) -> tensor<12x?x128xf32>
    ```
  }];
  let arguments = (ins Kern_Shaped:$input, Kern_Shaped:$init, UnitAttr:$log, UnitAttr:$zero_empty);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    (`log` $log^)? (`zero_empty` $zero_empty^)? `ins` `(` $input `:` type($input) `)` `outs` `(` $init `:` type($init) `)` attr-dict
    (`->` type($result)^)?
  }];
  let hasVerifier = 1;
}

def Kern_NormKind : I32Enum<"NormKind", "which statistics a row is divided by",
    [I32EnumCase<"Layer", 0, "layer">, I32EnumCase<"Rms", 1, "rms">]> {
  let cppNamespace = "::secateur::kern";
}

def Kern_NormOp : Kern_DpsOp<"norm", [AttrSizedOperandSegments]> {
  let summary = "Layer or RMS normalisation over the last dimension";
  let description = [{
    `(x - mean) / sqrt(variance + epsilon) * scale + bias`, or for `rms`
    `x / sqrt(mean(x^2) + epsilon) * scale + bias`; scale and bias have one element for
    each position of the last dimension, and may be absent. With `count`, means divide
    by that count: the positions that are missing from the row count as zeros.

    ```mlir
    %y = kern.norm layer epsilon 1.0e-5 ins(%x : tensor<?x768xf32>) scale(%s : tensor<768xf32>)
           bias(%b : tensor<768xf32>) outs(%e : tensor<?x768xf32>) -> tensor<?x768xf32>
    ```
  }];
  let arguments = (ins EnumAttr<Kern_Dialect, Kern_NormKind, "norm_kind">:$kind, F64Attr:$epsilon, Kern_Shaped:$input,
                       Optional<Kern_Shaped>:$scale, Optional<Kern_Shaped>:$bias, Kern_Shaped:$init,
                       OptionalAttr<I64Attr>:$count);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    $kind `epsilon` $epsilon (`count` $count^)? `ins` `(` $input `:` type($input) `)`
    (`scale` `(` $scale^ `:` type($scale) `)`)? (`bias` `(` $bias^ `:` type($bias) `)`)?
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($result)^)?
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Structure
//===----------------------------------------------------------------------===//

def Kern_ParallelOp : Kern_Op<"parallel", [RecursiveMemoryEffects, SingleBlock, NoTerminator]> {
  let summary = "A range that may be worked on by several threads";
  let description = [{
    The body runs on disjoint subranges `[begin, end)` that together cover
    `[0, count)`, possibly at the same time, in any order, none shorter than `grain`
    except the last. Subranges must not communicate.

    ```mlir
    kern.parallel(%count) grain(%grain) {
    ^bb0(%begin: index, %end: index):
      scf.for %i = %begin to %end step %one { ... }
    }
    ```
  }];
  let arguments = (ins Index:$count, Index:$grain);
  let regions = (region SizedRegion<1>:$region);
  let builders = [
    // With a body of two arguments that is empty.
    OpBuilder<(ins "::mlir::Value":$count, "::mlir::Value":$grain)>
  ];
  let skipDefaultBuilders = 1;
  let assemblyFormat = "`(` $count `)` `grain` `(` $grain `)` $region attr-dict";
  let extraClassDeclaration = [{
    ::mlir::Block *getBody() { return &getRegion().front(); }
    ::mlir::Value getBegin() { return getBody()->getArgument(0); }
    ::mlir::Value getEnd() { return getBody()->getArgument(1); }
  }];
  let hasVerifier = 1;
}

def Kern_YieldOp : Kern_Op<"yield", [Pure, Terminator, ReturnLike]> {
  let summary = "The scalar that an epilogue stores";
  let arguments = (ins AnyType:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

include "dialects/Kern/IR/KernAttention.td"

#endif // SECATEUR_DIALECTS_KERN_IR_KERNOPS
