//===- Options.td - Command line of compile-model ----------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

include "llvm/Option/OptParser.td"

/// A switch: --name.
class Switch<string name, string help> : Option<["--"], name, KIND_FLAG>, HelpText<help>;

/// A value: --name=VALUE or --name VALUE.
multiclass Valued<string name, string meta, string help> {
  def NAME : Option<["--"], name, KIND_SEPARATE>;
  def NAME #_EQ : Option<["--"], name #"=", KIND_JOINED>, Alias<!cast<Option>(NAME)>,
                  HelpText<help>, MetaVarName<meta>;
}

def artefact_group : OptionGroup<"artefact">, HelpText<"THE ARTEFACT">;
def pruning_group : OptionGroup<"pruning">, HelpText<"PRUNING">;
def code_group : OptionGroup<"code">, HelpText<"CODE">;
def other_group : OptionGroup<"other">, HelpText<"OTHER">;

let Group = artefact_group in {
def output : Option<["-"], "o", KIND_SEPARATE>, MetaVarName<"OUT">,
    HelpText<"Where the artefact goes; its kind follows from the suffix (.so .o .ll .mlir .onnx)">;
defm emit : Valued<"emit", "KIND", "Kind of artefact: lib, object, llvm, mlir or onnx">;
defm shape : Valued<"shape", "NAME=DIMS", "Specialise an input to a shape, as image=1x3x224x224; ? leaves a dimension free">;
defm opset : Valued<"opset", "N", "Opset of a written ONNX file; default: the lowest, not below the model's, that expresses it">;
}

let Group = pruning_group in {
defm budget : Valued<"budget", "KIND=AMOUNT", "Prune until at most this is left: flops=50%, params=50%, params=3M">;
defm nominal_shape : Valued<"nominal-shape", "NAME=DIMS", "Count FLOPs at this shape; the artefact stays dynamic">;
def best_effort : Switch<"best-effort", "Take the nearest that can be had where the budget is out of reach">;
defm keep : Valued<"keep", "PATTERN", "Leave tensors and nodes whose names match this glob as they are">;
defm norm_statistics : Valued<"norm-statistics", "dense|kept", "What norms count once channels are erased: dense: as many as before, which is exact (default); kept: those that are left, an approximation that keeps ONNX's fused norms">;
def dry_run : Switch<"dry-run", "Show what would be cut; write no artefact">;
defm explain : Valued<"explain", "NAME", "Say which groups own the dimensions of a tensor, or why they stay; write no artefact">;
defm save_groups : Valued<"save-groups", "FILE.json", "Save everything that can leave, and why the rest stays; write no artefact">;
defm allow_interface : Valued<"allow-interface", "NAME", "Let the dimensions of this input or output of the model shrink">;
def gather_shuffles : Switch<"gather-shuffles", "Let any channel leave a channel shuffle, which becomes a Gather, instead of whole slabs">;
def verify : Switch<"verify", "Prove on random input that zeroing and erasing give the same outputs">;
defm report : Valued<"report", "FILE.json|FILE.html", "Write what was cut, what stayed and why">;
defm save_plan : Valued<"save-plan", "FILE.json", "Save every cut in the numbering of the model's file; scripts/prove.py checks it">;
defm plan : Valued<"plan", "FILE.json", "Replay a saved plan">;
}

let Group = code_group in {
def optimization : Option<["-"], "O", KIND_JOINED>, MetaVarName<"<0..3>">, HelpText<"Optimisation level; default 2">;
defm math : Valued<"math", "strict|fast", "strict: within 1e-4 of ONNX Runtime (default up to -O2); fast: within 1e-3 (default at -O3)">;
defm march : Valued<"march", "CPU", "CPU to compile for: x86-64-v2, x86-64-v3, x86-64-v4, a CPU's name; default: this machine's">;
defm tune : Valued<"tune", "FILE.json", "Measure the kernels that each product of the model can have on this machine, and take the fastest; FILE keeps what was measured, for any number of models">;
defm sanitize : Valued<"sanitize", "address|thread", "Check memory accesses or races in the compiled code; load it with the sanitizer's runtime">;
defm threads : Valued<"threads", "N", "Threads that compile, and on which --tune measures; default: all cores">;
}

let Group = other_group in {
def no_cache : Switch<"no-cache", "Compile anew; the cache is in $SECATEUR_CACHE (\"off\" for none), or secateur in the user's folder for caches">;
def verbose : Option<["-"], "v", KIND_FLAG>, HelpText<"Print the phases also where standard error is no terminal">;
def help : Switch<"help", "Print this">;
def help_short : Option<["-"], "h", KIND_FLAG>, Alias<help>;
def version : Switch<"version", "Print the version">;
}
