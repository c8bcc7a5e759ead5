//===- CpuFeatures.h - CPU features as the descriptor's bits ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
//
// For code generation: turns LLVM's feature strings into the bits that the
// descriptor carries and that the runtime checks before it loads a model.
//
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_RUNTIME_CPUFEATURES_H
#define SECATEUR_RUNTIME_CPUFEATURES_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace secateur::runtime {

/// Bits for LLVM's feature string, as "+avx2,-sse4a,+fma". Only enabled features
/// count; those that code generation never uses have no bit.
inline uint64_t cpuFeatureBits(llvm::StringRef features) {
  uint64_t bits = 0;
  while (!features.empty()) {
    auto [feature, rest] = features.split(',');
    features = rest;
    if (!feature.consume_front("+"))
      continue;
#define SECATEUR_CPU_FEATURE(bit, name, leaf, subleaf, reg, regBit)                                \
  if (feature == name)                                                                             \
    bits |= uint64_t(1) << bit;
#include "secateur/Runtime/CpuFeatures.def"
  }
  return bits;
}

} // namespace secateur::runtime

#endif // SECATEUR_RUNTIME_CPUFEATURES_H
