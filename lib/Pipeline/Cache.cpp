//===- Cache.cpp - Compiled models, kept for the next time ------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// An entry is KEY.artefact, and KEY.weights where the weights lie beside the library.
// The weights are written first and read first: an artefact without them is none.
//===----------------------------------------------------------------------===//

#include "Cache.h"

#include "secateur/Support/Files.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/TargetParser/Host.h"

using namespace llvm;
using namespace secateur;

static constexpr StringLiteral weightsSuffix = ".weights.safetensors";

namespace {

/// A hash of parts that cannot run into one another.
class KeyHasher {
public:
  void add(StringRef part) {
    uint64_t size = part.size();
    hash.update(ArrayRef(reinterpret_cast<const uint8_t *>(&size), sizeof(size)));
    hash.update(part);
  }
  void add(int64_t number) { add(std::to_string(number)); }
  bool addFile(StringRef path) {
    auto file = MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
    if (!file)
      return false;
    add((*file)->getBuffer());
    return true;
  }
  std::string finish() {
    auto bytes = hash.final();
    return toHex(ArrayRef(bytes.data(), bytes.size()), /*LowerCase=*/true);
  }

private:
  BLAKE3 hash;
};

} // namespace

/// Adds the files that tensors of an ONNX file lie in: entries ("location", path) of
/// external_data, as protobuf writes them. False where they cannot be told.
static bool addExternalFiles(KeyHasher &hasher, StringRef model, StringRef folder) {
  constexpr StringLiteral mark("\x0a\x08location");
  std::string previous;
  for (size_t at = model.find(mark); at != StringRef::npos; at = model.find(mark, at + 1)) {
    size_t next = at + mark.size(), length = 0;
    if (next >= model.size() || model[next] != 0x12)
      return false;
    ++next;
    for (unsigned shift = 0;; shift += 7) {
      if (next >= model.size() || shift > 28)
        return false;
      auto byte = static_cast<uint8_t>(model[next++]);
      length |= size_t(byte & 0x7f) << shift;
      if (byte < 0x80)
        break;
    }
    StringRef name = model.substr(next, length);
    if (name == previous) // Tensors mostly share one file.
      continue;
    previous = name;
    hasher.add(name);
    SmallString<256> path(folder);
    sys::path::append(path, name);
    if (!hasher.addFile(path))
      return false;
  }
  return true;
}

/// What "native" means here.
static std::string describeHost() {
  std::string text = sys::getHostCPUName().str();
  std::vector<std::string> names;
  StringMap<bool> features = sys::getHostCPUFeatures();
  for (const auto &feature : features)
    if (feature.getValue())
      names.push_back(feature.getKey().str());
  llvm::sort(names);
  return text + ":" + join(names, ",");
}

Cache::Cache(const CompileOptions &options) : options(options) {
  if (options.cache.empty())
    return;
  KeyHasher hasher;
  static const std::string compiler = [] {
    KeyHasher own;
    bool found = own.addFile(sys::fs::getMainExecutable(nullptr, nullptr));
    return found ? own.finish() + LLVM_VERSION_STRING : std::string();
  }();
  auto model =
      MemoryBuffer::getFile(options.input, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (compiler.empty() || !model)
    return;
  hasher.add(compiler);
  hasher.add(describeHost());
  hasher.add(options.cacheText);
  hasher.add(sys::path::filename(options.input));  // The model's name,
  hasher.add(sys::path::filename(options.output)); // and the library's, are inside.
  hasher.add((*model)->getBuffer());
  if (!addExternalFiles(hasher, (*model)->getBuffer(), sys::path::parent_path(options.input)))
    return;
  if (!options.plan.empty() && !hasher.addFile(options.plan))
    return;
  // What was measured decides which kernels there are; on how many threads, whose times are asked
  // for.
  if (!options.tune.empty()) {
    hasher.add(options.threads);
    if (!hasher.addFile(options.tune))
      return;
  }
  key = hasher.finish();
}

std::string Cache::entry(StringRef suffix) const {
  SmallString<256> path(options.cache);
  sys::path::append(path, key + suffix);
  return path.str().str();
}

/// Copies a file, which appears whole under its new name or not at all.
static bool copyWhole(StringRef from, StringRef to) {
  SmallString<256> temporary;
  int descriptor;
  if (sys::fs::createUniqueFile(to + ".tmp-%%%%%%%%", descriptor, temporary, sys::fs::OF_None,
                                sys::fs::all_read | sys::fs::all_write))
    return false;
  sys::fs::file_t file = sys::fs::convertFDToNativeFile(descriptor);
  std::error_code error = sys::fs::copy_file(from, descriptor);
  (void)sys::fs::closeFile(file);
  auto permissions = sys::fs::getPermissions(from);
  if (!error && permissions)
    error = sys::fs::setPermissions(temporary, *permissions);
  if (!error)
    error = sys::fs::rename(temporary, to);
  if (error)
    (void)sys::fs::remove(temporary);
  return !error;
}

/// Now is when it was used last.
static void touch(StringRef path) {
  int descriptor;
  if (sys::fs::openFileForReadWrite(path, descriptor, sys::fs::CD_OpenExisting, sys::fs::OF_None))
    return;
  (void)sys::fs::setLastAccessAndModificationTime(descriptor, std::chrono::system_clock::now());
  sys::fs::file_t file = sys::fs::convertFDToNativeFile(descriptor);
  (void)sys::fs::closeFile(file);
}

bool Cache::has() const { return !key.empty() && sys::fs::exists(entry(".artefact")); }

bool Cache::fetch() const {
  std::string artefact = entry(".artefact"), weights = entry(".weights");
  if (!has())
    return false;
  if (sys::fs::exists(weights)) {
    if (!copyWhole(weights, options.output + weightsSuffix.str()))
      return false;
    touch(weights);
  }
  if (!copyWhole(artefact, options.output))
    return false;
  touch(artefact);
  return true;
}

void Cache::store(StringRef weights) const {
  if (key.empty() || sys::fs::create_directories(options.cache))
    return;
  uint64_t size = 0, weightsSize = 0;
  if (sys::fs::file_size(options.output, size) ||
      (!weights.empty() && sys::fs::file_size(weights, weightsSize)) ||
      size + weightsSize > options.cacheBytes / 2)
    return;
  if (!weights.empty() && !copyWhole(weights, entry(".weights")))
    return;
  copyWhole(options.output, entry(".artefact"));
  shrink();
}

void Cache::shrink() const {
  struct File {
    std::string path;
    sys::TimePoint<> used;
    uint64_t size;
  };
  std::vector<File> files;
  uint64_t total = 0;
  std::error_code error;
  for (sys::fs::directory_iterator at(options.cache, error), end; at != end && !error;
       at.increment(error)) {
    StringRef suffix = sys::path::extension(at->path());
    auto status = at->status();
    bool isLeftOver = suffix.starts_with(".tmp-");
    if (!status || (suffix != ".artefact" && suffix != ".weights" && !isLeftOver))
      continue;
    auto age = std::chrono::system_clock::now() - status->getLastModificationTime();
    if (isLeftOver && age > std::chrono::hours(24))
      (void)sys::fs::remove(at->path());
    else if (!isLeftOver)
      files.push_back({at->path(), status->getLastModificationTime(), status->getSize()});
    total += isLeftOver ? 0 : status->getSize();
  }
  llvm::sort(files, [](const File &a, const File &b) {
    return std::pair(a.used, a.path) < std::pair(b.used, b.path);
  });
  for (const File &file : files) {
    if (total <= options.cacheBytes)
      return;
    if (!sys::fs::remove(file.path))
      total -= file.size;
  }
}
