//===- Files.cpp - Mapped input files and files written whole ---------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Support/Files.h"

#include "llvm/Support/Error.h"

using namespace mlir;
using namespace secateur;
namespace fs = llvm::sys::fs;

FailureOr<std::shared_ptr<llvm::MemoryBuffer>> secateur::mapFile(StringRef path,
                                                                 EmitError emitError) {
  // A pipe or a device has no size to map, and may never end.
  fs::file_status status;
  if (std::error_code error = fs::status(path, status)) {
    emitError() << "cannot read '" << printable(path) << "': " << error.message();
    return failure();
  }
  if (!fs::is_regular_file(status)) {
    emitError() << "cannot read '" << printable(path) << "': it is not a file";
    return failure();
  }
  auto buffer =
      llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer) {
    emitError() << "cannot read '" << printable(path) << "': " << buffer.getError().message();
    return failure();
  }
  return std::shared_ptr<llvm::MemoryBuffer>(std::move(*buffer));
}

OutputFile::OutputFile(std::string path, fs::TempFile file)
    : path(std::move(path)), temporary(std::move(file)) {
  stream = std::make_unique<llvm::raw_fd_ostream>(temporary->FD, /*shouldClose=*/false);
}

OutputFile::OutputFile(OutputFile &&other)
    : path(std::move(other.path)), temporary(std::move(other.temporary)),
      stream(std::move(other.stream)) {
  other.temporary.reset();
}

OutputFile::~OutputFile() {
  if (stream) {
    stream->flush();
    stream->clear_error();
  }
  if (temporary)
    llvm::consumeError(temporary->discard());
}

FailureOr<OutputFile> OutputFile::open(StringRef path, EmitError emitError) {
  if (fs::is_directory(path)) {
    emitError() << "cannot write '" << printable(path) << "': it is a folder";
    return failure();
  }
  // A finished file takes the place of what is there: of a device, to everyone's harm.
  if (fs::exists(path) && !fs::is_regular_file(path)) {
    emitError() << "cannot write '" << printable(path) << "': it is not a file";
    return failure();
  }
  llvm::Expected<fs::TempFile> file = fs::TempFile::create(path + ".%%%%%%%%.tmp");
  if (!file) {
    emitError() << "cannot write '" << printable(path) << "': " << llvm::toString(file.takeError());
    return failure();
  }
  return OutputFile(path.str(), std::move(*file));
}

LogicalResult OutputFile::commit(EmitError emitError) {
  stream->flush();
  if (stream->has_error()) {
    std::string reason = stream->error().message();
    stream->clear_error();
    return emitError() << "cannot write '" << printable(path) << "': " << reason;
  }
  stream.reset();
  llvm::Error error = temporary->keep(path);
  temporary.reset();
  if (error)
    return emitError() << "cannot write '" << printable(path)
                       << "': " << llvm::toString(std::move(error));
  return success();
}
