//===- Measure.h - The times of several libraries ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_TUNING_MEASURE_H
#define SECATEUR_LIB_CODEGEN_TUNING_MEASURE_H

#include "mlir/Support/LLVM.h"

#include <optional>
#include <string>
#include <vector>

namespace secateur::codegen {

/// Milliseconds that a run of each library takes, which all compute the same of the same
/// inputs; nothing where one does not load or run, or where its result is not that of the
/// first that does. They run by turns in a process of their own, which they may take down.
std::vector<std::optional<double>> measureLibraries(llvm::ArrayRef<std::string> paths,
                                                    unsigned threads);

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_TUNING_MEASURE_H
