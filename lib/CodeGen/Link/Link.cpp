//===- Link.cpp - Objects to a shared library, by lld -----------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
//
// lld is a library here, and works on files: they lie beside the output, are
// removed on signals and on every error, and the output is renamed into place at
// the end. libc and libm are stubs that name symbols and versions, so the result
// is the same on every machine, and a symbol that they lack is an error now instead
// of when the model is loaded.
//
//===----------------------------------------------------------------------===//

#include "secateur/CodeGen/Link.h"

#include "secateur/Runtime/RuntimeImage.h"

#include "lld/Common/Driver.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"

#include <deque>
#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;
namespace fs = llvm::sys::fs;

namespace {

/// Files that exist only while the library is being made.
class TemporaryFiles {
public:
  TemporaryFiles(StringRef output, Location location) : output(output), location(location) {}
  TemporaryFiles(const TemporaryFiles &) = delete;
  ~TemporaryFiles() {
    for (const std::string &path : paths) {
      (void)fs::remove(path);
      llvm::sys::DontRemoveFileOnSignal(path);
    }
  }

  /// An empty file beside the output; its name ends in `suffix`.
  FailureOr<StringRef> create(StringRef suffix) {
    SmallString<256> path;
    std::error_code error = fs::createUniqueFile(output + ".tmp-%%%%%%%%" + suffix, path);
    if (error)
      return emitError(location) << "cannot write beside '" << output << "': " << error.message();
    paths.push_back(path.str().str());
    llvm::sys::RemoveFileOnSignal(path);
    return StringRef(paths.back());
  }

  FailureOr<StringRef> create(StringRef suffix, StringRef contents) {
    FailureOr<StringRef> path = create(suffix);
    if (failed(path))
      return failure();
    std::error_code error;
    llvm::raw_fd_ostream os(*path, error, fs::CD_OpenExisting, fs::FA_Write, fs::OF_None);
    if (!error) {
      os << contents;
      os.close();
      error = os.error();
      os.clear_error();
    }
    if (error)
      return emitError(location) << "cannot write '" << *path << "': " << error.message();
    return path;
  }

private:
  StringRef output;
  Location location;
  std::deque<std::string> paths; // Does not move its elements.
};

} // namespace

/// Runs lld and turns what it prints into one diagnostic.
static LogicalResult runLinker(ArrayRef<std::string> arguments, Location location) {
  static std::mutex mutex; // lld keeps its state in globals.
  static bool usable = true;
  std::lock_guard<std::mutex> guard(mutex);
  if (!usable)
    return emitError(location) << "the linker failed before and cannot run again in this process";
  SmallVector<const char *> pointers;
  for (const std::string &argument : arguments)
    pointers.push_back(argument.c_str());
  std::string text, errors;
  llvm::raw_string_ostream out(text), err(errors);
  lld::Result result = lld::lldMain(pointers, out, err, {{lld::Gnu, &lld::elf::link}});
  usable = result.canRunAgain;
  if (result.retCode == 0)
    return success();
  InFlightDiagnostic diagnostic = emitError(location) << "linking failed";
  SmallVector<StringRef> lines;
  StringRef(errors).split(lines, '\n', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef line : ArrayRef(lines).take_front(8))
    diagnostic << (line == lines.front() ? ": " : "; ") << line.trim();
  return diagnostic;
}

/// Writes the weights into or beside the library; returns the object to link, and
/// in `file` the temporary weights file.
static FailureOr<StringRef> makeWeights(ArrayRef<PackedWeight> weights, uint64_t bytes,
                                        StringRef output, const LinkOptions &options,
                                        TemporaryFiles &files, StringRef &file, Location location) {
  FailureOr<StringRef> object = files.create(".weights.o");
  if (failed(object))
    return failure();
  if (bytes <= options.maxEmbeddedWeights) {
    if (failed(writeWeightsObject(weights, bytes, *object, location)))
      return failure();
    return object;
  }
  FailureOr<StringRef> path = files.create(".weights.safetensors");
  if (failed(path))
    return failure();
  file = *path;
  std::string name = (llvm::sys::path::filename(output) + ".weights.safetensors").str();
  if (failed(writeWeightsFile(weights, bytes, *path, name, *object, location)))
    return failure();
  return object;
}

static LogicalResult renameInto(StringRef from, StringRef to, Location location) {
  if (std::error_code error = fs::rename(from, to))
    return emitError(location) << "cannot write '" << to << "': " << error.message();
  return success();
}

/// Linker arguments, without inputs.
static FailureOr<std::vector<std::string>> makeArguments(StringRef output, StringRef temporary,
                                                         const LinkOptions &options,
                                                         TemporaryFiles &files) {
  std::vector<std::string> arguments = {"ld.lld", "-o", temporary.str(), "--threads=1",
                                        "--build-id=none"};
  if (options.kind == ArtifactKind::Object) {
    arguments.push_back("-r");
    return arguments;
  }
  FailureOr<StringRef> exports = files.create(".map", runtime::exportsScript());
  FailureOr<StringRef> libc = files.create(".libc.so", runtime::libcStub());
  FailureOr<StringRef> libm = files.create(".libm.so", runtime::libmStub());
  if (failed(exports) || failed(libc) || failed(libm))
    return failure();
  for (std::string argument :
       {std::string("-shared"), std::string("-soname"), llvm::sys::path::filename(output).str(),
        ("--version-script=" + *exports).str(),
        std::string(options.allowUndefined ? "-zundefs" : "--no-undefined"),
        std::string("--gc-sections"), std::string("-Bsymbolic"), std::string("--hash-style=gnu"),
        std::string("-znow"), std::string("-zrelro"), std::string("-znoexecstack"), libc->str(),
        std::string("--as-needed"), libm->str()})
    arguments.push_back(std::move(argument));
  return arguments;
}

FailureOr<LinkResult> codegen::linkModel(ArrayRef<std::string> objects,
                                         ArrayRef<PackedWeight> weights, uint64_t weightBytes,
                                         StringRef outputPath, const LinkOptions &options,
                                         Location location) {
  // A copy: lld resets the command-line options of the process, which may hold it.
  std::string pathCopy = outputPath.str();
  StringRef output = pathCopy;
  if (fs::exists(output) && !fs::is_regular_file(output))
    return emitError(location) << "cannot write '" << output << "': it is not a file";
  TemporaryFiles files(output, location);
  FailureOr<StringRef> temporary = files.create(".out");
  FailureOr<StringRef> runtime = files.create(".runtime.o", runtime::runtimeObject());
  if (failed(temporary) || failed(runtime))
    return failure();
  StringRef weightsFile;
  FailureOr<StringRef> blob =
      makeWeights(weights, weightBytes, output, options, files, weightsFile, location);
  FailureOr<std::vector<std::string>> arguments = makeArguments(output, *temporary, options, files);
  if (failed(blob) || failed(arguments))
    return failure();
  for (const std::string &object : objects) {
    FailureOr<StringRef> model = files.create(".model.o", object);
    if (failed(model))
      return failure();
    arguments->push_back(model->str());
  }
  for (StringRef input : {*runtime, *blob})
    arguments->push_back(input.str());
  if (failed(runLinker(*arguments, location)))
    return failure();

  LinkResult result;
  if (!weightsFile.empty()) {
    result.weightsFile = (output + ".weights.safetensors").str();
    if (failed(renameInto(weightsFile, result.weightsFile, location)))
      return failure();
  }
  (void)fs::file_size(*temporary, result.artifactBytes); // Only a figure to print.
  if (failed(renameInto(*temporary, output, location)))
    return failure();
  return result;
}
