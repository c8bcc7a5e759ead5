//===- Target.h - What kernel emitters ask of a target ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The facts about a CPU on which the shape of a kernel depends. Weight panels are
// 16 columns wide on every target; a panel is one, two or four vectors.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_CODEGEN_KERNELS_TARGET_H
#define SECATEUR_CODEGEN_KERNELS_TARGET_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>

namespace secateur::codegen {

struct TargetFacts {
  /// One of "x86-64-v2", "x86-64-v3", "x86-64-v4".
  std::string name;
  /// Width of a vector register, in bits, and how many there are.
  unsigned vectorBits = 256;
  unsigned vectorRegisters = 16;
  /// Whether a multiplication and an addition can be one rounding.
  bool hasFma = true;
  /// Whether a store takes a mask from a register of its own. AVX's masked stores are some
  /// forty micro-operations on AMD's cores.
  bool hasMaskRegisters = false;

  /// Lanes of 32 bits.
  int64_t lanes() const { return vectorBits / 32; }
  /// Register tile of a contraction: rows, and panels of 16 columns.
  int64_t tileRows() const { return vectorBits == 128 ? 3 : 6; }
  int64_t tilePanels() const { return vectorBits == 512 ? 4 : 1; }
};

/// Facts about an architecture level ("x86-64-v3") or a CPU as LLVM spells it
/// ("znver4"); "" and "native" are this machine. An error where the CPU is unknown
/// or is below x86-64-v2.
llvm::Expected<TargetFacts> getTargetFacts(llvm::StringRef cpu);

/// Facts about the level whose vectors have this width: 128, 256 or 512.
TargetFacts getTargetFacts(unsigned vectorBits);

} // namespace secateur::codegen

#endif // SECATEUR_CODEGEN_KERNELS_TARGET_H
