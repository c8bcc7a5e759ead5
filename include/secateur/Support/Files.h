//===- Files.h - Mapped input files and files written whole -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_SUPPORT_FILES_H
#define SECATEUR_SUPPORT_FILES_H

#include "secateur/Support/Diagnostics.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <memory>
#include <optional>
#include <string>

namespace secateur {

/// Maps `path` for reading; small files are read. The buffer is shared by what
/// points into it. The file must not change while it is mapped.
mlir::FailureOr<std::shared_ptr<llvm::MemoryBuffer>> mapFile(llvm::StringRef path,
                                                             EmitError emitError);

/// A file that is written whole or not at all: it grows beside `path` under
/// another name, which `commit` changes. Without `commit`, and when the program
/// is interrupted, nothing remains.
class OutputFile {
public:
  static mlir::FailureOr<OutputFile> open(llvm::StringRef path, EmitError emitError);
  OutputFile(OutputFile &&other);
  ~OutputFile();

  llvm::raw_fd_ostream &os() { return *stream; }
  /// Where the file lies until it is committed, for writers that want a path.
  llvm::StringRef getTemporaryPath() const { return temporary->TmpName; }

  mlir::LogicalResult commit(EmitError emitError);

private:
  OutputFile(std::string path, llvm::sys::fs::TempFile file);

  std::string path;
  std::optional<llvm::sys::fs::TempFile> temporary;
  std::unique_ptr<llvm::raw_fd_ostream> stream;
};

} // namespace secateur

#endif // SECATEUR_SUPPORT_FILES_H
