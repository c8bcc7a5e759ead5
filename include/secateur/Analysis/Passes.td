//===- Passes.td - Passes of the Analysis stage -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_ANALYSIS_PASSES
#define SECATEUR_ANALYSIS_PASSES

include "mlir/Pass/PassBase.td"

def NNCountCost : Pass<"nn-count-cost", "::mlir::func::FuncOp"> {
  let summary = "Count what a model costs";
  let description = [{
    Writes FLOPs, parameters and bytes of weights to attributes of the function:
    `nn.flops`, `nn.parameters`, `nn.weight_bytes`, and `nn.assumed`, the dimensions
    of inputs that counted as 1 because no size was given.
  }];
  let options = [
    Option<"shapes", "nominal-shape", "std::string", "\"\"",
           "Sizes of inputs to count with: `x=1x3x224x224,y=?x8`">,
  ];
}

def NNInferShapes : Pass<"nn-infer-shapes", "::mlir::func::FuncOp"> {
  let summary = "Infer the shapes of all values of a model";
  let description = [{
    Refines the type of every result, of block arguments in subgraphs and of the
    function: a size where it is constant, `?` elsewhere. Fails where operands
    contradict each other.

    ```mlir
    %1 = nn.shape %x : (tensor<?x8xf32>) -> tensor<*xi64>
    // becomes
    %1 = nn.shape %x : (tensor<?x8xf32>) -> tensor<2xi64>
    ```
  }];
  let options = [
    Option<"shapes", "shape", "std::string", "\"\"",
           "Sizes of inputs first given: `x=1x3x224x224,y=?x8`; `?` leaves one dynamic">,
    Option<"annotate", "annotate", "bool", "false",
           "Also write the symbolic shape and the known elements of each result to the attributes "
           "nn.shapes and nn.elements">,
    Option<"report", "report", "std::string", "\"\"",
           "Write what is known of each value that the file names to this file, as JSON: "
           "name -> {shape: [sizes], elements: [...]}, null for what is not constant">,
  ];
}

#endif // SECATEUR_ANALYSIS_PASSES
