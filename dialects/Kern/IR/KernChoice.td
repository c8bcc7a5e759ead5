//===- KernChoice.td - Which kernel, and with which tile -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Included by KernOps.td.

#ifndef SECATEUR_DIALECTS_KERN_IR_KERNCHOICE
#define SECATEUR_DIALECTS_KERN_IR_KERNCHOICE

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def Kern_KernelKind : I32Enum<"KernelKind", "which kernel computes a product",
    [I32EnumCase<"Matrix", 0, "matrix">, I32EnumCase<"Grouped", 1, "grouped">,
     I32EnumCase<"Depthwise", 2, "depthwise">, I32EnumCase<"Winograd", 3, "winograd">]> {
  let cppNamespace = "::secateur::kern";
}

def Kern_ChoiceAttr : AttrDef<Kern_Dialect, "Choice"> {
  let mnemonic = "choice";
  let summary = "How a product is computed, instead of what the model of its cost says";
  let description = [{
    What `compile-model --tune` sets after it has measured. A tile is rows x panels of 16
    columns for the matrix kernel, rows x columns of output pixels for the grouped and the
    depthwise one, and the extent of an output tile for Winograd's. `task` is the number
    of rows of a task of the matrix kernel. The grouped kernel copies a tile's inputs to
    the stack with `copied`, and with `by_row` computes all channels of a row of the image
    before the next row.

    ```mlir
    #kern.choice<matrix 6x4 task 96>
    #kern.choice<grouped 2x7 copied by_row>
    #kern.choice<depthwise 2x7>
    #kern.choice<winograd 4>
    ```

    That a tile fits the registers of the target is checked by `kern-lower`.
  }];
  let parameters = (ins "::secateur::kern::KernelKind":$kernel, ArrayRefParameter<"int64_t">:$tile,
                        "int64_t":$task, "bool":$copied, "bool":$byRow);
  let builders = [
    AttrBuilder<(ins "::secateur::kern::KernelKind":$kernel, "::llvm::ArrayRef<int64_t>":$tile), [{
      return $_get($_ctxt, kernel, tile, 0, false, false);
    }]>,
    AttrBuilder<(ins "::secateur::kern::KernelKind":$kernel, "::llvm::ArrayRef<int64_t>":$tile, "int64_t":$task), [{
      return $_get($_ctxt, kernel, tile, task, false, false);
    }]>
  ];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

#endif // SECATEUR_DIALECTS_KERN_IR_KERNCHOICE
