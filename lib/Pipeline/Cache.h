//===- Cache.h - Compiled models, kept for the next time --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
//
// A folder with what was compiled before, each under a hash of all that it depends on:
// the compiler, the model with its external data, a replayed plan, the options and
// the machine. Entries are files that appear whole or not at all, so that any number
// of processes may share the folder; where it cannot be used, nothing is cached and
// nothing is said. The entries that were used least recently go when it grows too
// large.
//
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_PIPELINE_CACHE_H
#define SECATEUR_LIB_PIPELINE_CACHE_H

#include "secateur/Pipeline/Pipeline.h"

namespace secateur {

class Cache {
public:
  /// Works out the key. Without a folder, and for models that cannot be read, there is
  /// none.
  explicit Cache(const CompileOptions &options);

  /// Whether there is an entry; another process may still take it away.
  bool has() const;
  /// Copies the entry to the options' output; false where there is none.
  bool fetch() const;
  /// Keeps the options' output, and its weights where they lie in a file beside it.
  void store(llvm::StringRef weights) const;

private:
  std::string entry(llvm::StringRef suffix) const;
  void shrink() const;

  const CompileOptions &options;
  std::string key;
};

} // namespace secateur

#endif // SECATEUR_LIB_PIPELINE_CACHE_H
