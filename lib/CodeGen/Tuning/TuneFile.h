//===- TuneFile.h - What was measured, as a file ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// {"format": "secateur-tune", "version": 1, "hosts": [
//   {"cpu": "znver4", "features": "+avx2,..", "threads": 2, "optimization": 2,
//    "forms": {"conv ..": {"matrix 6x4 task 96": 0.81, "winograd 4": 0.32}}}]}
//
// Times are milliseconds; null where a candidate failed. What other machines and other
// versions of the compiler have measured stays as it is.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_TUNING_TUNEFILE_H
#define SECATEUR_LIB_CODEGEN_TUNING_TUNEFILE_H

#include "secateur/Support/Files.h"

#include "llvm/Support/JSON.h"

namespace secateur::codegen {

/// Whose times are asked for.
struct TuneHost {
  std::string cpu, features;
  int64_t threads, optimization;
};

/// Milliseconds of each candidate; null where it failed.
using CandidateTimes = llvm::json::Object;

class TuneFile {
public:
  TuneFile(TuneFile &&) = default;
  TuneFile &operator=(TuneFile &&) = default;

  /// A file that does not exist is empty.
  static mlir::FailureOr<TuneFile> read(llvm::StringRef path, const TuneHost &host,
                                        EmitError emitError);
  /// Whole or not at all.
  mlir::LogicalResult write(llvm::StringRef path, EmitError emitError) const;

  /// What is known of a form; null where nothing is.
  const CandidateTimes *find(llvm::StringRef form) const;
  void set(llvm::StringRef form, CandidateTimes times);

private:
  TuneFile() = default;

  llvm::json::Object root;
  /// The host's, in `root`.
  llvm::json::Object *forms = nullptr;
};

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_TUNING_TUNEFILE_H
