//===- Sha256.h - SHA-256 of any length -------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// LLVM's counts bits in 32 bits and is wrong from 512 MiB on.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_SUPPORT_SHA256_H
#define SECATEUR_SUPPORT_SHA256_H

#include "llvm/ADT/ArrayRef.h"

#include <array>
#include <cstdint>

namespace secateur {

class Sha256 {
public:
  void update(llvm::ArrayRef<uint8_t> data);
  /// The digest; nothing may be added afterwards.
  std::array<uint8_t, 32> finish();

private:
  void addBlock(const uint8_t *block);

  std::array<uint32_t, 8> state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, 64> pending = {};
  uint64_t length = 0;
};

} // namespace secateur

#endif // SECATEUR_SUPPORT_SHA256_H
