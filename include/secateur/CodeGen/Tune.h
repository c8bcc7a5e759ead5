//===- Tune.h - Kernels chosen by measurement -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// `compile-model --tune FILE`: for each product of a model, by its form and shape, the
// candidates of TunableOpInterface are compiled on their own, run, and the fastest is
// set on the op. What was measured is kept in FILE, which serves any number of models
// and machines.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_CODEGEN_TUNE_H
#define SECATEUR_CODEGEN_TUNE_H

#include "secateur/CodeGen/CodeGen.h"

#include <functional>

namespace secateur::codegen {

struct TuneOptions {
  std::string file;
  CodeGenOptions code;
  /// Threads that a measured kernel runs on.
  unsigned threads = 1;
  /// Told before each measurement; `form` from 1.
  std::function<void(unsigned form, unsigned count)> progress;
};

/// Products of one form.
struct TunedForm {
  std::string form;
  /// The nodes that they come from.
  std::vector<std::string> nodes;
  /// What the model of the cost says, what is used instead, and the time of each.
  std::string usual, chosen;
  double usualMilliseconds = 0, chosenMilliseconds = 0;
};

struct TuneOutcome {
  /// Forms with a choice, and those that were not in the file.
  unsigned forms = 0, measured = 0;
  /// Products whose sizes are not known: left to the model.
  unsigned dynamic = 0;
  /// Where something else was chosen than the model would.
  std::vector<TunedForm> changed;
};

/// Chooses kernels for the products of `module`, which is lowered to tensors. Sizes that it
/// does not know are taken from `sized`, the same model at other shapes, which may be null.
/// Emits an error where the file cannot be read or written, or the target is not this
/// machine; a candidate that fails is not chosen.
mlir::FailureOr<TuneOutcome> tune(mlir::ModuleOp module, mlir::ModuleOp sized,
                                  const TuneOptions &options);

} // namespace secateur::codegen

#endif // SECATEUR_CODEGEN_TUNE_H
