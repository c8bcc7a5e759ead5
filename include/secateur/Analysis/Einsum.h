//===- Einsum.h - The equation of an Einsum ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_ANALYSIS_EINSUM_H
#define SECATEUR_ANALYSIS_EINSUM_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace secateur::analysis {

/// One label per axis: a letter's character code, or a negative number for an
/// axis of the ellipsis, -1 being its last. A label that is not in `output` is summed over; axes of
/// one label have one size, or size 1.
struct Einsum {
  llvm::SmallVector<llvm::SmallVector<int64_t>> inputs;
  llvm::SmallVector<int64_t> output;
};

/// Parses `equation` for inputs of the given ranks; without an arrow the output
/// is the ellipsis and the labels that occur once, in alphabetical order. nullopt with a
/// `reason` where it is malformed.
std::optional<Einsum> parseEinsum(llvm::StringRef equation, llvm::ArrayRef<int64_t> ranks,
                                  std::string &reason);

} // namespace secateur::analysis

#endif // SECATEUR_ANALYSIS_EINSUM_H
