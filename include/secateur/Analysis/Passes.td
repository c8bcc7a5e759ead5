//===- Passes.td - Passes of the Analysis stage -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_ANALYSIS_PASSES
#define SECATEUR_ANALYSIS_PASSES

include "mlir/Pass/PassBase.td"

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
  ];
}

#endif // SECATEUR_ANALYSIS_PASSES
