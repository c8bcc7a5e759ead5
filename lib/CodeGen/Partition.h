//===- Partition.h - One LLVM module as several ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_PARTITION_H
#define SECATEUR_LIB_CODEGEN_PARTITION_H

#include <memory>
#include <vector>

namespace llvm {
class Module;
} // namespace llvm

namespace secateur::codegen {

/// Splits `module` into modules of nearly equal size, in its context, that link to
/// what it was; what one uses of another becomes hidden instead of internal. How
/// many there are depends on the module alone. Functions that may be inlined stay
/// with their callers. `module` is changed, and of no use afterwards.
std::vector<std::unique_ptr<llvm::Module>> partition(llvm::Module &module);

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_PARTITION_H
