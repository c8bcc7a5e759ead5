//===- Verify.h - Two libraries on the same random input --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The run-time half of --verify: the dense model with the removed elements
// zeroed and the pruned model, both as emitted libraries, must agree.

#ifndef SECATEUR_PIPELINE_VERIFY_H
#define SECATEUR_PIPELINE_VERIFY_H

#include "secateur/Pruning/Extents.h"
#include "secateur/Pruning/PlanFile.h"

#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace secateur {

/// How far one output of two libraries is apart.
struct OutputDifference {
  std::string name;
  /// Largest absolute difference over the largest absolute value, over all runs;
  /// infinite where shapes differ or a value is not finite.
  double relative = 0;
  /// The largest absolute value seen.
  double magnitude = 0;
};

/// Runs both libraries on the same random input `seeds` times. Floats are standard
/// normal; integers are 0 or 1 and masks all ones, as scripts/prove.py has them.
/// Free dimensions are taken from `shapes` (by input name), or else are 1 for the
/// first axis and 224 for others. What `interface` says that inputs and outputs have lost
/// is zero in the first library's inputs, and left out for the second. Fails where a library does
/// not load or run.
llvm::Expected<std::vector<OutputDifference>>
compareLibraries(llvm::StringRef first, llvm::StringRef second,
                 const pruning::NominalShapes &shapes,
                 llvm::ArrayRef<pruning::PlanInterface> interface, unsigned seeds);

} // namespace secateur

#endif // SECATEUR_PIPELINE_VERIFY_H
