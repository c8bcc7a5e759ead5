//===- Sanitize.h - Sanitizers' checks in compiled code ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_SANITIZE_H
#define SECATEUR_LIB_CODEGEN_SANITIZE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/IR/PassManager.h"

namespace secateur::codegen {

/// Asks for the checks of `sanitizer` ("address", "thread", or "" for none) in all
/// functions of a whole module. What happens in a parallel loop happens after what
/// came before the loop, and before what follows: ThreadSanitizer is told so, as it
/// does not see the runtime's own code.
void requestSanitizer(llvm::Module &module, llvm::StringRef sanitizer);

/// Adds the passes that insert the checks.
void addSanitizerPasses(llvm::ModulePassManager &passes, llvm::StringRef sanitizer);

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_SANITIZE_H
