//===- RuntimeImage.cpp - The runtime as bytes inside the compiler ----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Runtime/RuntimeImage.h"

// Embeds a file between two symbols.
#define EMBED(name, file)                                                                          \
  __asm__(".pushsection .rodata,\"a\",@progbits\n"                                                 \
          ".balign 16\n" name "Begin:\n"                                                           \
          ".incbin \"" file "\"\n" name "End:\n"                                                   \
          ".byte 0\n"                                                                              \
          ".popsection\n")

EMBED("secateurRuntimeObject", SECATEUR_RUNTIME_OBJECT);
EMBED("secateurLibcStub", SECATEUR_LIBC_STUB);
EMBED("secateurLibmStub", SECATEUR_LIBM_STUB);
EMBED("secateurExports", SECATEUR_EXPORTS);

extern "C" {
extern const char secateurRuntimeObjectBegin[], secateurRuntimeObjectEnd[];
extern const char secateurLibcStubBegin[], secateurLibcStubEnd[];
extern const char secateurLibmStubBegin[], secateurLibmStubEnd[];
extern const char secateurExportsBegin[], secateurExportsEnd[];
}

using namespace secateur;

static llvm::StringRef between(const char *begin, const char *end) {
  return {begin, static_cast<size_t>(end - begin)};
}

llvm::StringRef runtime::runtimeObject() {
  return between(secateurRuntimeObjectBegin, secateurRuntimeObjectEnd);
}

llvm::StringRef runtime::libcStub() { return between(secateurLibcStubBegin, secateurLibcStubEnd); }

llvm::StringRef runtime::libmStub() { return between(secateurLibmStubBegin, secateurLibmStubEnd); }

llvm::StringRef runtime::exportsScript() {
  return between(secateurExportsBegin, secateurExportsEnd);
}
