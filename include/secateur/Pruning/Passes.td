//===- Passes.td - Passes of the Pruning stage -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_PRUNING_PASSES
#define SECATEUR_PRUNING_PASSES

include "mlir/Pass/PassBase.td"

def PruneStrip : Pass<"prune-strip", "::mlir::func::FuncOp"> {
  let summary = "Remove the groups and pins that prune-analyze wrote";
  let description = [{
    What is left computes what the function computed before; copies of shared
    constants that analysis made stay.
  }];
}

#endif // SECATEUR_PRUNING_PASSES
