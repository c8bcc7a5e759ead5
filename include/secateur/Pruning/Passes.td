//===- Passes.td - Passes of the Pruning stage -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_PRUNING_PASSES
#define SECATEUR_PRUNING_PASSES

include "mlir/Pass/PassBase.td"

def PruneAnalyze : Pass<"prune-analyze", "::mlir::func::FuncOp"> {
  let summary = "Write a prune.group for each class of positions that can leave together";
  let description = [{
    Every dimension of every weight is a member of groups afterwards, or pinned for
    a reason:

    ```mlir
    %0 = nn.conv %x, %w1 : (tensor<?x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<?x4x8x8xf32>
    %1 = nn.conv %0, %w2 : (tensor<?x4x8x8xf32>, tensor<5x4x1x1xf32>) -> tensor<?x5x8x8xf32>
    return %1
    ```

    gets

    ```mlir
    prune.group "w1:0" units(4) (%w1[0: 0 by 1], %w2[1: 0 by 1], %0[1: 0 by 1]) : ...
    prune.pin %w1 axis 1 "input 'x' of the graph keeps its size" by "the graph" : ...
    prune.pin %w2 axis 0 "output 'y' of the graph keeps its size" by "return" : ...
    ```

    Shared vectors whose uses are coupled to different things are copied, one copy
    for each. Groups that are there already are replaced.
  }];
  let options = [
    ListOption<"allowInterface", "allow-interface", "std::string",
               "names of inputs and outputs of the graph whose dimensions may shrink">,
    ListOption<"explain", "explain", "std::string",
               "names of tensors, activations too, of which all pins are written">,
    Option<"gatherShuffles", "gather-shuffles", "bool", "false",
           "Let any channel leave a channel shuffle, which becomes a Gather">,
  ];
  let dependentDialects = ["::secateur::nn::NNDialect", "::secateur::prune::PruneDialect"];
}

def PruneApply : Pass<"prune-apply", "::mlir::func::FuncOp"> {
  let summary = "Erase the units that the groups mark as removed";
  let description = [{
    Cuts the units listed in `prune.removed` out of all weights, rewrites the
    attributes and integer constants that name extents, sets the types, and removes
    the groups. Shape inference then has to find the sizes that the plan says.

    ```mlir
    %w = nn.constant dense<...> : tensor<4x3x1x1xf32>
    %v = nn.constant dense<...> : tensor<2x4x1x1xf32>
    %y = nn.conv %x, %w : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<1x4x8x8xf32>
    %z = nn.conv %y, %v : (tensor<1x4x8x8xf32>, tensor<2x4x1x1xf32>) -> tensor<1x2x8x8xf32>
    prune.group "w:0" units(4) (%w[0: 0 by 1], %v[1: 0 by 1], %y[1: 0 by 1]) {prune.removed = array<i64: 1>} : ...
    // becomes
    %w = nn.constant dense<...> : tensor<3x3x1x1xf32>
    %v = nn.constant dense<...> : tensor<2x3x1x1xf32>
    %y = nn.conv %x, %w : (tensor<1x3x8x8xf32>, tensor<3x3x1x1xf32>) -> tensor<1x3x8x8xf32>
    %z = nn.conv %y, %v : (tensor<1x3x8x8xf32>, tensor<2x3x1x1xf32>) -> tensor<1x2x8x8xf32>
    ```
  }];
  let options = [
    Option<"zero", "zero", "bool", "false", "Fill the removed elements with zero instead: what erasing must equal">,
    Option<"planFile", "plan", "std::string", "\"\"", "Write what was done to this plan file">,
    Option<"normStatistics", "norm-statistics", "::secateur::pruning::NormStatistics",
           "::secateur::pruning::NormStatistics::Dense", "What the statistics of norms and means count",
           [{::llvm::cl::values(
               clEnumValN(::secateur::pruning::NormStatistics::Dense, "dense", "as many positions as before: exact"),
               clEnumValN(::secateur::pruning::NormStatistics::Kept, "kept", "those that are kept: an approximation"))}]>,
  ];
  let dependentDialects = ["::secateur::nn::NNDialect"];
}

def PrunePlan : Pass<"prune-plan", "::mlir::func::FuncOp"> {
  let summary = "Choose the units to remove under budgets";
  let description = [{
    Adds `prune.removed` to the groups, so that what is left costs at most the
    budgets: the units that lose least, by their scores, for what they save.
    Costs are counted at the sizes of the function's types, dynamic ones being 1 on
    axis 0 and 224 elsewhere.

    ```mlir
    prune.group "w:0" units(4) (...) {prune.scores = array<f64: 1.0, 9.0, 2.0, 8.0>}
    // becomes, with budgets=flops=50%
    prune.group "w:0" units(4) (...) {prune.removed = array<i64: 0, 2>, prune.scores = array<f64: 1.0, 9.0, 2.0, 8.0>}
    ```
  }];
  let options = [
    ListOption<"budgets", "budgets", "std::string", "flops=50%, params=3M: at most that may be left">,
    ListOption<"keep", "keep", "std::string", "Globs on names of tensors and nodes whose groups stay whole">,
    Option<"bestEffort", "best-effort", "bool", "false", "Take the nearest where a budget is out of reach">,
    Option<"minShare", "min-share", "double", "0.1", "Share of each group's units that stays, if the budget allows it">,
  ];
}

def PruneReplay : Pass<"prune-replay", "::mlir::func::FuncOp"> {
  let summary = "Mark the units that a plan file erases";
  let description = [{
    Adds `prune.removed` to the groups, as `prune-plan` does, from a plan file. A
    plan that does not fit is refused, with a note for each misfit.
  }];
  let options = [Option<"planFile", "plan", "std::string", "\"\"", "The plan file">];
}

def PruneScore : Pass<"prune-score", "::mlir::func::FuncOp"> {
  let summary = "Score the units of all groups";
  let description = [{
    Adds `prune.scores` to the groups: one number a unit, how much is lost with it.

    ```mlir
    %w = nn.constant dense<[[3.0], [1.0]]> : tensor<2x1xf32>
    %v = nn.constant dense<[[4.0, 0.0]]> : tensor<1x2xf32>
    prune.group "w:0" units(2) (%w[0: 0 by 1], %v[1: 0 by 1]) : ...
    // becomes
    prune.group "w:0" units(2) (%w[0: 0 by 1], %v[1: 0 by 1]) {prune.scores = array<f64: 5.0, 1.0>} : ...
    ```
  }];
  let options = [Option<"criterion", "criterion", "std::string", "\"magnitude\"", "magnitude: the norm of all weights of the unit">];
}

def PruneStrip : Pass<"prune-strip", "::mlir::func::FuncOp"> {
  let summary = "Remove the groups and pins that prune-analyze wrote";
  let description = [{
    What is left computes what the function computed before; copies of shared
    constants that analysis made stay.
  }];
}

#endif // SECATEUR_PRUNING_PASSES
