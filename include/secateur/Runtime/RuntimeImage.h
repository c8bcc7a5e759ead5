//===- RuntimeImage.h - The runtime as bytes inside the compiler *- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
//
// What linking a model needs besides the model, so that a user needs no files of
// ours, no C library's development files, no compiler and no linker.
//
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_RUNTIME_RUNTIMEIMAGE_H
#define SECATEUR_RUNTIME_RUNTIMEIMAGE_H

#include "llvm/ADT/StringRef.h"

namespace secateur::runtime {

/// The relocatable ELF object of the runtime (x86-64, position independent).
llvm::StringRef runtimeObject();

/// Shared objects that only name, with versions, what libc.so.6 and libm.so.6
/// define.
llvm::StringRef libcStub();
llvm::StringRef libmStub();

/// Linker version script that exports the functions of secateur.h alone.
llvm::StringRef exportsScript();

} // namespace secateur::runtime

#endif // SECATEUR_RUNTIME_RUNTIMEIMAGE_H
