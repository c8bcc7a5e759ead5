//===- Passes.td - Passes from nn to nn on the native path -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// They run after the point where a pruned ONNX file is written: the user's
// graph never sees them. The exceptions are what an exporter spelled out and pruning
// has to recognise: norms, which the Export stage spells out again, and views.

#ifndef SECATEUR_TRANSFORM_PASSES
#define SECATEUR_TRANSFORM_PASSES

include "mlir/Pass/PassBase.td"

def NNDecompose : Pass<"nn-decompose", "::mlir::func::FuncOp"> {
  let summary = "Replace operators that stand for several others";
  let description = [{
    Operators of com.microsoft, and quantised ones of ai.onnx, become the operators
    of ai.onnx that they stand for (`DecompositionOpInterface`). Where the form of one
    is not known how to build, it stays, and `nn.refused` says why.

    ```mlir
    %0 = nn.ms.bias_gelu %x, %bias : ...
    // becomes
    %1 = nn.add %x, %bias : ...
    %0 = nn.gelu %1 : ...
    ```
  }];
  let dependentDialects = ["::secateur::nn::NNDialect"];
}

def NNFoldBatchNorm : Pass<"nn-fold-batch-norm", "::mlir::func::FuncOp"> {
  let summary = "Fold per-channel scales and shifts into the convolution before them";
  let description = [{
    A batch normalisation, or a multiplication by or an addition of a constant per
    channel, whose input is a convolution that nothing else reads, becomes part of
    the convolution's weights and bias.

    ```mlir
    %0 = nn.conv %x, %w : ...
    %1 = nn.batch_normalization %0, %scale, %B, %mean, %var : ...
    // becomes
    %1 = nn.conv %x, %scaled B(%shifted) : ...
    ```
  }];
  let dependentDialects = ["::secateur::nn::NNDialect"];
}

def NNFoldConstants : Pass<"nn-fold-constants", "::mlir::func::FuncOp"> {
  let summary = "Evaluate operations whose operands are constants";
  let description = [{
    Also replaces integer tensors that symbolic shape evaluation knows entirely
    (`Shape` of a static tensor and what is computed from it), and inlines the taken
    branch of an `If` whose condition is constant. A result that is large and not
    uniform, and has more elements than its operands, is left to be computed at run time.
  }];
  let dependentDialects = ["::secateur::nn::NNDialect"];
  let options = [
    Option<"maxGrowth", "max-growth", "int64_t", "1048576",
           "Bytes by which a result may exceed its operands">,
  ];
}

def NNFuseNormalizations : Pass<"nn-fuse-normalizations", "::mlir::func::FuncOp"> {
  let summary = "Recognise layer normalisations that an exporter spelled out";
  let description = [{
    (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon), with or without scale and
    bias, over the last axis, becomes `nn.layer_normalization`. Marked
    `nn.spelled_out`, so that an ONNX file has no operator that was not there.
  }];
  let dependentDialects = ["::secateur::nn::NNDialect"];
  let options = [
    Option<"onlyScaled", "only-scaled", "bool", "false",
           "Not those without a scale, for which a constant would have to be made">,
  ];
}

def NNRecogniseViews : Pass<"nn-recognise-views", "::mlir::func::FuncOp"> {
  let summary = "Write gathers of computed indices that only reshape as what they are";
  let description = [{
    An exporter writes a view as a gather from the flattened tensor, with indices that
    are a sum of position x stride over the axes. Where that is a mixed radix that
    counts every element once, the gather becomes a reshape, and a transpose where
    the view's axes are in another order. The shape is a constant that the model's file
    lacks, marked `nn.added`.

    ```mlir
    %n = nn.range %zero, %batch, %one ...
    %i = nn.mul %n, %stride ...              // %stride is 8
    %u = nn.unsqueeze %i, ...
    %j = nn.add %u, %table ...               // %table is 0 to 7
    %v = nn.gather %flat, %j ...
    // becomes
    %v = nn.reshape %flat, %shape ...        // [-1, 8]
    ```
  }];
  let dependentDialects = ["::secateur::nn::NNDialect"];
}

def NNSimplify : Pass<"nn-simplify", "::mlir::func::FuncOp"> {
  let summary = "Remove operations that do nothing";
  let description = [{
    Identity, Dropout without training, casts to the same type, transposes that
    cancel, reshapes of reshapes, a Sum or Mean of one, Concat of one.
  }];
  let dependentDialects = ["::secateur::nn::NNDialect"];
}

#endif // SECATEUR_TRANSFORM_PASSES
