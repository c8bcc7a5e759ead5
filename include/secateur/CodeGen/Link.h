//===- Link.h - Objects to a shared library ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_CODEGEN_LINK_H
#define SECATEUR_CODEGEN_LINK_H

#include "secateur/CodeGen/WeightsBlob.h"

#include <string>

namespace secateur::codegen {

enum class ArtifactKind {
  /// A shared library that needs libc.so.6 and libm.so.6 alone.
  SharedLibrary,
  /// One relocatable object: model, runtime and weights.
  Object,
};

struct LinkOptions {
  ArtifactKind kind = ArtifactKind::SharedLibrary;
  /// Larger blobs lie beside the artifact, as <output>.weights.safetensors.
  uint64_t maxEmbeddedWeights = uint64_t(256) << 20;
  /// Leaves symbols that neither libc nor libm has to whoever loads the library.
  bool allowUndefined = false;
};

struct LinkResult {
  uint64_t artifactBytes = 0;
  /// Path of the weights file; empty when the weights are inside.
  std::string weightsFile;
};

/// Merges `objects` (ELF, as compileToObject() makes them) with the runtime
/// and the weights into `output`. The artifact appears whole or not at all, also
/// after an interrupt: temporary files lie beside it and are renamed. Errors are
/// diagnostics at `location`.
llvm::FailureOr<LinkResult> linkModel(llvm::ArrayRef<std::string> objects,
                                      llvm::ArrayRef<PackedWeight> weights, uint64_t weightBytes,
                                      llvm::StringRef output, const LinkOptions &options,
                                      mlir::Location location);

} // namespace secateur::codegen

#endif // SECATEUR_CODEGEN_LINK_H
