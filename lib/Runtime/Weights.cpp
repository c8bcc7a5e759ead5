//===- Weights.cpp - Finds and maps a model's weights -----------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
//
// Weights are part of the library, or lie beside it in a safetensors file that
// compile-model wrote: 8 bytes length of a JSON header, the header, the data. The
// data starts at a multiple of 64, so that it is used where it is mapped. The
// hash of the header is part of the library: a file with other tensors, types,
// shapes or places is refused; one with other values is fine. Contexts share
// the mapping of a file.
//
//===----------------------------------------------------------------------===//

#include "Internal.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace secateur::runtime;

namespace {
struct Mapping {
  Mapping *next;
  dev_t device;
  ino_t inode;
  int64_t modified; // Nanoseconds, so that a rewritten file is mapped anew.
  int64_t size;
  void *memory;
  uint32_t references;
};
} // namespace

static pthread_mutex_t mappingsLock = PTHREAD_MUTEX_INITIALIZER;
static Mapping *mappings;

//===--- Finding the file -------------------------------------------------===//

namespace {
struct OwnPath {
  char text[4096];
};
} // namespace

/// Keeps the path of the object that contains this code.
static int findOwnObject(dl_phdr_info *info, size_t, void *data) {
  uintptr_t here = reinterpret_cast<uintptr_t>(&secateur_weights_header);
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr) &segment = info->dlpi_phdr[i];
    uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
    if (segment.p_type != PT_LOAD || here < begin || here - begin >= segment.p_memsz)
      continue;
    char *text = static_cast<OwnPath *>(data)->text;
    if (info->dlpi_name && *info->dlpi_name) {
      snprintf(text, sizeof(OwnPath::text), "%s", info->dlpi_name);
    } else { // Linked into the program itself.
      ssize_t length = readlink("/proc/self/exe", text, sizeof(OwnPath::text) - 1);
      text[length > 0 ? length : 0] = 0;
    }
    return 1;
  }
  return 0;
}

/// Opens the file that belongs to the library at `library`: beside it, under its
/// present name or the one that it was written with.
static int openFor(const char *library, char *path, size_t size) {
  snprintf(path, size, "%s.weights.safetensors", library);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file >= 0)
    return file;
  const char *slash = strrchr(library, '/');
  int length = slash ? static_cast<int>(slash - library) + 1 : 0;
  snprintf(path, size, "%.*s%s", length, library, secateur_weights_header.fileName);
  return open(path, O_RDONLY | O_CLOEXEC);
}

/// Opens the file beside the library, or beside what a link to the library names.
static int openBeside(char *path, size_t size) {
  OwnPath own = {};
  dl_iterate_phdr(findOwnObject, &own);
  int file = openFor(own.text, path, size);
  char *real = file < 0 ? realpath(own.text, nullptr) : nullptr;
  if (real && strcmp(real, own.text))
    file = openFor(real, path, size);
  free(real);
  return file;
}

//===--- Mapping ----------------------------------------------------------===//

/// The mapping of an open file, shared; null with errno when that fails.
static Mapping *mapFile(int file, const struct stat &status) {
  int64_t modified = status.st_mtim.tv_sec * 1000000000ll + status.st_mtim.tv_nsec;
  for (Mapping *entry = mappings; entry; entry = entry->next)
    if (entry->device == status.st_dev && entry->inode == status.st_ino &&
        entry->modified == modified && entry->size == status.st_size) {
      ++entry->references;
      return entry;
    }
  void *memory = mmap(nullptr, status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
  if (memory == MAP_FAILED)
    return nullptr;
  Mapping *entry = static_cast<Mapping *>(malloc(sizeof(Mapping)));
  if (!entry) {
    munmap(memory, status.st_size);
    errno = ENOMEM;
    return nullptr;
  }
  *entry = {mappings, status.st_dev, status.st_ino, modified, status.st_size, memory, 1};
  mappings = entry;
  return entry;
}

static void unmapFile(Mapping *entry) {
  if (--entry->references)
    return;
  Mapping **link = &mappings;
  while (*link != entry)
    link = &(*link)->next;
  *link = entry->next;
  munmap(entry->memory, entry->size);
  free(entry);
}

/// FNV-1a, as lib/CodeGen/WeightsBlob.cpp computes it.
static uint64_t hashBytes(const char *bytes, uint64_t count) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (uint64_t i = 0; i < count; ++i)
    hash = (hash ^ static_cast<unsigned char>(bytes[i])) * 0x100000001b3ull;
  return hash;
}

/// Where the tensors' bytes start in a mapped file of ours; null if it is not.
static const char *findData(const Mapping &mapping) {
  const char *bytes = static_cast<const char *>(mapping.memory);
  uint64_t headerSize;
  memcpy(&headerSize, bytes, 8);
  uint64_t size = mapping.size;
  if (headerSize > size - 8 || size - 8 - headerSize != secateur_weights_header.bytes ||
      (headerSize + 8) % kAlignment)
    return nullptr;
  char layout[sizeof(secateur_weights_header.layout)];
  snprintf(layout, sizeof(layout), "%016llx",
           static_cast<unsigned long long>(hashBytes(bytes, 8 + headerSize)));
  return strcmp(layout, secateur_weights_header.layout) ? nullptr : bytes + 8 + headerSize;
}

SecateurStatus secateur::runtime::openWeights(const char *path, Weights &weights, char *message,
                                              size_t size) {
  if (!path && secateur_weights_header.embedded) {
    const char *start = reinterpret_cast<const char *>(&secateur_weights_header);
    weights = {start + secateur_weights_header.dataOffset, nullptr};
    return SECATEUR_OK;
  }
  char found[4096 + 32];
  snprintf(found, sizeof(found), "%s", path ? path : "");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : openBeside(found, sizeof(found));
  struct stat status;
  if (file < 0 || fstat(file, &status)) {
    snprintf(message, size,
             "cannot open the weights file '%.400s': %s; it belongs beside the "
             "library, or set weightsPath",
             found, strerror(errno));
    if (file >= 0)
      close(file);
    return SECATEUR_BAD_WEIGHTS;
  }
  const char *data = nullptr;
  Mapping *mapping = nullptr;
  const char *reason = "is not the one written for this model (other tensors or places)";
  pthread_mutex_lock(&mappingsLock);
  if (S_ISREG(status.st_mode) && status.st_size >= 8) {
    mapping = mapFile(file, status);
    if (!mapping)
      reason = "cannot be mapped";
    else if (!(data = findData(*mapping)))
      unmapFile(mapping);
  }
  pthread_mutex_unlock(&mappingsLock);
  close(file);
  if (!data) {
    snprintf(message, size, "the weights file '%.400s' %s", found, reason);
    return SECATEUR_BAD_WEIGHTS;
  }
  weights = {data, mapping};
  return SECATEUR_OK;
}

void secateur::runtime::closeWeights(Weights &weights) {
  if (!weights.mapping)
    return;
  pthread_mutex_lock(&mappingsLock);
  unmapFile(static_cast<Mapping *>(weights.mapping));
  pthread_mutex_unlock(&mappingsLock);
  weights = {};
}
