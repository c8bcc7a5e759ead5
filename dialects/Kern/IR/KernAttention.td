//===- KernAttention.td - Attention as one kernel -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Included by KernOps.td.

#ifndef SECATEUR_DIALECTS_KERN_IR_KERNATTENTION
#define SECATEUR_DIALECTS_KERN_IR_KERNATTENTION

def Kern_AttentionOp : Kern_DpsOp<"attention", [Kern_Product]> {
  let summary = "Two contractions with a softmax between them";
  let description = [{
    Scores are a contraction of queries and keys, to which the region is applied
    element by element (scale, masks); their softmax over the last dimension is
    contracted with the values. The scores are never in memory as a whole.

    `indexing_maps` are those of query, key, value and init over the dimensions
    (s.., m, n, d, e): outer ones and queries m, which the output has too, keys n,
    and the features d and e that are in queries and keys, in values and output.
    Keys and values may lack outer dimensions (heads that share them) but never have
    m. The maps of the region's operands are over the scores' dimensions (s.., m, n).
    With `packed`, keys are what `kern.pack` makes with panel 16 of [s.., d, n].

    Where all scores of a row are -infinity, the softmax is 0/0; with `zero_empty` the
    row of the output is zero instead.

    ```mlir
    %y = kern.attention
      indexing_maps = [affine_map<(h, m, n, d, e) -> (h, m, d)>, affine_map<(h, m, n, d, e) -> (h, d, n)>,
                       affine_map<(h, m, n, d, e) -> (h, n, e)>, affine_map<(h, m, n, d, e) -> (h, m, e)>]
      ins(%q, %k, %v : tensor<12x?x64xf32>, tensor<12x?x64x16xf32>, tensor<12x?x64xf32>) packed
      scores(%mask : tensor<?x?xf32>) maps [affine_map<(h, m, n) -> (m, n)>]
      outs(%e : tensor<12x?x64xf32>) {
    ^bb0(%score: f32, %bias: f32):
      %s = arith.addf %score, %bias : f32
      kern.yield %s : f32
    } -> tensor<12x?x64xf32>
    ```
  }];
  let arguments = (ins AffineMapArrayAttr:$indexing_maps, Kern_Shaped:$query, Kern_Shaped:$key, Kern_Shaped:$value,
                       UnitAttr:$packed, Variadic<Kern_Shaped>:$score_operands, Kern_Shaped:$init,
                       DefaultValuedAttr<AffineMapArrayAttr, "{}">:$score_maps, UnitAttr:$zero_empty);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let regions = (region AnyRegion:$score_region);
  let assemblyFormat = [{
    `indexing_maps` `=` $indexing_maps
    `ins` `(` $query `,` $key `,` $value `:` type($query) `,` type($key) `,` type($value) `)` (`packed` $packed^)?
    (`scores` `(` $score_operands^ `:` type($score_operands) `)` `maps` $score_maps)?
    `outs` `(` $init `:` type($init) `)` (`zero_empty` $zero_empty^)?
    attr-dict-with-keyword ($score_region^)? (`->` type($result)^)?
  }];
  let extraClassDeclaration = dpsDeclaration # [{
    ::mlir::AffineMap getMap(unsigned operand) {
      return ::mlir::cast<::mlir::AffineMapAttr>(getIndexingMaps()[operand]).getValue();
    }
    /// Dimensions of the scores: all but the two of features.
    unsigned getScoreRank() { return getMap(0).getNumDims() - 2; }
    /// Static extents of the scores' dimensions.
    ::llvm::SmallVector<int64_t> getScoreShape();
  }];
  let hasVerifier = 1;
}

#endif // SECATEUR_DIALECTS_KERN_IR_KERNATTENTION
