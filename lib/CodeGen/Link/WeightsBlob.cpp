//===- WeightsBlob.cpp - Writes the weights of a compiled model -------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
//
// The safetensors header is made in both cases: its hash identifies the layout, so
// that a library with embedded weights also accepts a file of the same layout.
// safetensors allows no gaps, so that the bytes that align a weight are tensors
// themselves, named "~pad.N".
//
//===----------------------------------------------------------------------===//

#include "secateur/CodeGen/WeightsBlob.h"

#include "secateur/Runtime/ModelDescriptor.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"

#include <cstring>

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

static constexpr uint64_t kAlignment = SECATEUR_BUFFER_ALIGNMENT;

//===--- The safetensors header -------------------------------------------===//

/// safetensors' name of an element type; null where it has none.
static const char *elementName(Type type) {
  if (type.isF32())
    return "F32";
  if (type.isF64())
    return "F64";
  if (type.isF16())
    return "F16";
  if (type.isBF16())
    return "BF16";
  bool isUnsigned = type.isUnsignedInteger();
  switch (type.getIntOrFloatBitWidth()) {
  case 1:
    return "BOOL";
  case 8:
    return isUnsigned ? "U8" : "I8";
  case 16:
    return isUnsigned ? "U16" : "I16";
  case 32:
    return isUnsigned ? "U32" : "I32";
  case 64:
    return isUnsigned ? "U64" : "I64";
  default:
    return nullptr;
  }
}

static void writeEntry(llvm::json::OStream &json, StringRef name, StringRef type,
                       ArrayRef<int64_t> shape, uint64_t begin, uint64_t end) {
  json.attributeObject(name, [&] {
    json.attribute("dtype", type);
    json.attributeArray("shape", [&] {
      for (int64_t dim : shape)
        json.value(dim);
    });
    json.attributeArray("data_offsets", [&] {
      json.value(begin);
      json.value(end);
    });
  });
}

/// The file's start: length and JSON text, padded so that the data is aligned.
static std::string safetensorsHeader(ArrayRef<PackedWeight> weights, uint64_t bytes) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::json::OStream json(os);
  llvm::StringMap<unsigned> uses;
  uint64_t position = 0, pads = 0;
  auto padTo = [&](uint64_t offset) {
    if (position < offset)
      writeEntry(json, "~pad." + std::to_string(pads++), "U8",
                 {static_cast<int64_t>(offset - position)}, position, offset);
    position = offset;
  };
  json.object([&] {
    json.attributeObject("__metadata__", [&] { json.attribute("format", "secateur-packed-1"); });
    for (const PackedWeight &weight : weights) {
      padTo(weight.offset);
      std::string name = llvm::json::fixUTF8(weight.name.empty() ? "weight" : weight.name);
      while (unsigned count = uses[name]++)
        name += "#" + std::to_string(count);
      uint64_t size = packedBytes(weight);
      writeEntry(json, name, elementName(weight.value.getElementType()), packedShape(weight),
                 position, position + size);
      position += size;
    }
    padTo(bytes);
  });
  text.append(kAlignment - 1 - (text.size() + 7) % kAlignment, ' ');
  uint64_t length = text.size();
  return std::string(reinterpret_cast<const char *>(&length), 8) + text;
}

/// FNV-1a, as lib/Runtime/Weights.cpp computes it.
static uint64_t hashBytes(StringRef bytes) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (unsigned char byte : bytes)
    hash = (hash ^ byte) * 0x100000001b3ull;
  return hash;
}

//===--- The blob ---------------------------------------------------------===//

/// Checks that offsets are aligned, increasing and inside the blob.
static LogicalResult checkLayout(ArrayRef<PackedWeight> weights, uint64_t bytes,
                                 Location location) {
  uint64_t end = 0;
  for (const PackedWeight &weight : weights) {
    if (!weight.value.getElementType().isIntOrFloat() ||
        !elementName(weight.value.getElementType()))
      return emitError(location) << "weight '" << weight.name << "': elements of type "
                                 << weight.value.getElementType() << " cannot be stored";
    if (weight.offset % kAlignment || weight.offset < end)
      return emitError(location) << "weight '" << weight.name << "': offset " << weight.offset
                                 << " is not a multiple of " << kAlignment << " at or behind "
                                 << end;
    end = weight.offset + packedBytes(weight);
  }
  if (end > bytes)
    return emitError(location) << "the weights end at byte " << end << ", behind the blob's "
                               << bytes;
  return success();
}

static LogicalResult writeBlob(ArrayRef<PackedWeight> weights, uint64_t bytes, raw_ostream &os,
                               Location location) {
  uint64_t position = 0;
  for (const PackedWeight &weight : weights) {
    os.write_zeros(weight.offset - position);
    if (failed(packWeight(weight, os, location)))
      return failure();
    position = weight.offset + packedBytes(weight);
  }
  for (; position < bytes; ++position)
    os << '\0';
  return success();
}

//===--- The object -------------------------------------------------------===//

static SecateurWeightsHeader makeHeader(uint64_t bytes, StringRef safetensors, StringRef fileName) {
  SecateurWeightsHeader header = {};
  header.version = SECATEUR_WEIGHTS_VERSION;
  header.embedded = fileName.empty();
  header.bytes = bytes;
  header.dataOffset = llvm::alignTo(sizeof(header), kAlignment);
  snprintf(header.layout, sizeof(header.layout), "%016llx",
           static_cast<unsigned long long>(hashBytes(safetensors)));
  std::memcpy(header.fileName, fileName.data(),
              std::min(fileName.size(), sizeof(header.fileName) - 1));
  return header;
}

template <typename Struct>
static void writeStruct(raw_ostream &os, const Struct &data) {
  os.write(reinterpret_cast<const char *>(&data), sizeof(data));
}

static llvm::ELF::Elf64_Ehdr elfHeader(uint64_t sectionTable, unsigned sections) {
  llvm::ELF::Elf64_Ehdr elf = {};
  std::memcpy(elf.e_ident, llvm::ELF::ElfMagic, 4);
  elf.e_ident[llvm::ELF::EI_CLASS] = llvm::ELF::ELFCLASS64;
  elf.e_ident[llvm::ELF::EI_DATA] = llvm::ELF::ELFDATA2LSB;
  elf.e_ident[llvm::ELF::EI_VERSION] = llvm::ELF::EV_CURRENT;
  elf.e_type = llvm::ELF::ET_REL;
  elf.e_machine = llvm::ELF::EM_X86_64;
  elf.e_version = llvm::ELF::EV_CURRENT;
  elf.e_shoff = sectionTable;
  elf.e_ehsize = sizeof(llvm::ELF::Elf64_Ehdr);
  elf.e_shentsize = sizeof(llvm::ELF::Elf64_Shdr);
  elf.e_shnum = sections;
  elf.e_shstrndx = sections - 1;
  return elf;
}

/// Writes an ELF object whose one section is `header` and, if it says so, the blob.
static LogicalResult writeObject(const SecateurWeightsHeader &header,
                                 ArrayRef<PackedWeight> weights, raw_ostream &os,
                                 Location location) {
  using namespace llvm::ELF;
  // Section names, also the symbol's: offsets 1, 19 and 27; 35 is the symbol.
  static const char names[] = "\0.secateur.weights\0.symtab\0.strtab\0"
                              "secateur_weights_header";
  uint64_t sectionBytes = header.dataOffset + (header.embedded ? header.bytes : 0);
  uint64_t sectionAt = kAlignment, symbolsAt = llvm::alignTo(sectionAt + sectionBytes, 8);
  uint64_t namesAt = symbolsAt + 2 * sizeof(Elf64_Sym);
  uint64_t tableAt = llvm::alignTo(namesAt + sizeof(names), 8);

  writeStruct(os, elfHeader(tableAt, 4));
  static_assert(sizeof(Elf64_Ehdr) == kAlignment);
  writeStruct(os, header);
  os.write_zeros(header.dataOffset - sizeof(header));
  if (header.embedded && failed(writeBlob(weights, header.bytes, os, location)))
    return failure();
  os.write_zeros(symbolsAt - sectionAt - sectionBytes);

  Elf64_Sym none = {}, symbol = {};
  symbol.st_name = 35;
  symbol.setBindingAndType(STB_GLOBAL, STT_OBJECT);
  symbol.st_other = STV_HIDDEN;
  symbol.st_shndx = 1;
  symbol.st_size = sectionBytes;
  writeStruct(os, none);
  writeStruct(os, symbol);
  os.write(names, sizeof(names));
  os.write_zeros(tableAt - namesAt - sizeof(names));

  Elf64_Shdr null = {}, data = {}, symbols = {}, strings = {};
  data.sh_name = 1;
  data.sh_type = SHT_PROGBITS;
  data.sh_flags = SHF_ALLOC;
  data.sh_offset = sectionAt;
  data.sh_size = sectionBytes;
  data.sh_addralign = kAlignment;
  symbols.sh_name = 19;
  symbols.sh_type = SHT_SYMTAB;
  symbols.sh_offset = symbolsAt;
  symbols.sh_size = 2 * sizeof(Elf64_Sym);
  symbols.sh_link = 3;
  symbols.sh_info = 1; // First global symbol.
  symbols.sh_addralign = 8;
  symbols.sh_entsize = sizeof(Elf64_Sym);
  strings.sh_name = 27;
  strings.sh_type = SHT_STRTAB;
  strings.sh_offset = namesAt;
  strings.sh_size = sizeof(names);
  strings.sh_addralign = 1;
  for (const Elf64_Shdr *section : {&null, &data, &symbols, &strings})
    writeStruct(os, *section);
  return success();
}

//===--- Files ------------------------------------------------------------===//

/// Opens `path`, lets `write` fill it, and reports what the system says.
static LogicalResult writeFile(StringRef path, Location location,
                               llvm::function_ref<LogicalResult(raw_ostream &)> write) {
  std::error_code error;
  llvm::raw_fd_ostream os(path, error, llvm::sys::fs::OF_None);
  if (error)
    return emitError(location) << "cannot write '" << path << "': " << error.message();
  LogicalResult result = write(os);
  os.close();
  if (os.has_error()) {
    emitError(location) << "cannot write '" << path << "': " << os.error().message();
    os.clear_error();
    return failure();
  }
  return result;
}

LogicalResult codegen::writeWeightsObject(ArrayRef<PackedWeight> weights, uint64_t bytes,
                                          StringRef path, Location location) {
  if (failed(checkLayout(weights, bytes, location)))
    return failure();
  SecateurWeightsHeader header = makeHeader(bytes, safetensorsHeader(weights, bytes), "");
  return writeFile(path, location,
                   [&](raw_ostream &os) { return writeObject(header, weights, os, location); });
}

LogicalResult codegen::writeWeightsFile(ArrayRef<PackedWeight> weights, uint64_t bytes,
                                        StringRef path, StringRef fileName, StringRef objectPath,
                                        Location location) {
  if (failed(checkLayout(weights, bytes, location)))
    return failure();
  if (fileName.size() >= sizeof(SecateurWeightsHeader::fileName))
    return emitError(location) << "the file name '" << fileName << "' is too long";
  std::string safetensors = safetensorsHeader(weights, bytes);
  LogicalResult written = writeFile(path, location, [&](raw_ostream &os) {
    os << safetensors;
    return writeBlob(weights, bytes, os, location);
  });
  if (failed(written))
    return failure();
  SecateurWeightsHeader header = makeHeader(bytes, safetensors, fileName);
  return writeFile(objectPath, location,
                   [&](raw_ostream &os) { return writeObject(header, {}, os, location); });
}
