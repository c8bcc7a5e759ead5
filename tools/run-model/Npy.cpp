//===- Npy.cpp - Reads and writes NumPy's .npy files ------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "RunModel.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

using namespace secateur::run;

namespace {
struct TypeCode {
  int32_t dtype;
  const char *code;
  size_t bytes;
};

struct CloseFile {
  void operator()(std::FILE *file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;
} // namespace

static const TypeCode typeCodes[] = {
    {SECATEUR_F32, "<f4", 4}, {SECATEUR_F64, "<f8", 8}, {SECATEUR_F16, "<f2", 2},
    {SECATEUR_U8, "|u1", 1},  {SECATEUR_I8, "|i1", 1},  {SECATEUR_U16, "<u2", 2},
    {SECATEUR_I16, "<i2", 2}, {SECATEUR_I32, "<i4", 4}, {SECATEUR_I64, "<i8", 8},
    {SECATEUR_U32, "<u4", 4}, {SECATEUR_U64, "<u8", 8}, {SECATEUR_BOOL, "|b1", 1}};

/// The text after 'key': in the header's dictionary.
static std::string valueOf(const std::string &header, const std::string &key,
                           const std::string &path) {
  size_t at = header.find("'" + key + "':");
  if (at == std::string::npos)
    fail(path + ": no '" + key + "' in the header");
  at = header.find_first_not_of(' ', at + key.size() + 3);
  return at == std::string::npos ? "" : header.substr(at);
}

static std::vector<int64_t> parseShape(const std::string &text, const std::string &path) {
  std::vector<int64_t> shape;
  if (text.empty() || text[0] != '(' || text.find(')') == std::string::npos)
    fail(path + ": the shape in the header is not a tuple");
  const char *at = text.c_str() + 1;
  while (*at != ')') {
    char *end = nullptr;
    errno = 0;
    long long dim = std::strtoll(at, &end, 10);
    if (end == at || errno || dim < 0 || shape.size() == SECATEUR_MAX_RANK)
      fail(path + ": the shape in the header cannot be used");
    shape.push_back(dim);
    at = end + std::strspn(end, ", ");
  }
  return shape;
}

static std::string readHeader(std::FILE *file, const std::string &path) {
  unsigned char start[12];
  if (std::fread(start, 1, 8, file) != 8 || std::memcmp(start, "\x93NUMPY", 6))
    fail(path + ": not a .npy file");
  size_t lengthBytes = start[6] == 1 ? 2 : 4;
  if (start[6] < 1 || start[6] > 3 || std::fread(start + 8, 1, lengthBytes, file) != lengthBytes)
    fail(path + ": unknown version of .npy");
  size_t length = start[8] | start[9] << 8;
  if (lengthBytes == 4)
    length |= size_t(start[10]) << 16 | size_t(start[11]) << 24;
  if (length > (1 << 20))
    fail(path + ": the header is too long");
  std::string header(length, ' ');
  if (std::fread(header.data(), 1, length, file) != length)
    fail(path + ": the file is cut short");
  return header;
}

Tensor secateur::run::readNpy(const std::string &path) {
  File file(std::fopen(path.c_str(), "rb"));
  if (!file)
    fail("cannot open '" + path + "': " + std::strerror(errno));
  std::string header = readHeader(file.get(), path);
  std::string descr = valueOf(header, "descr", path);
  if (valueOf(header, "fortran_order", path).rfind("False", 0) != 0)
    fail(path + ": is in Fortran order; save numpy.ascontiguousarray(x)");
  std::string code = descr.size() > 4 ? descr.substr(1, 3) : "";
  if (code[0] == '=' || (code[0] == '<' && code[2] == '1'))
    code[0] = code[2] == '1' ? '|' : '<';
  const TypeCode *type = nullptr;
  for (const TypeCode &candidate : typeCodes)
    if (code == candidate.code)
      type = &candidate;
  if (!type)
    fail(path + ": elements of type " + descr.substr(0, descr.find(',')) + " are not supported");
  Tensor tensor;
  tensor.dtype = type->dtype;
  tensor.shape = parseShape(valueOf(header, "shape", path), path);
  long start = std::ftell(file.get());
  std::fseek(file.get(), 0, SEEK_END);
  size_t present = std::ftell(file.get()) - start, bytes = type->bytes;
  std::fseek(file.get(), start, SEEK_SET);
  for (int64_t dim : tensor.shape)
    if (__builtin_mul_overflow(bytes, static_cast<size_t>(dim), &bytes))
      fail(path + ": the shape in the header is too large");
  if (bytes > present)
    fail(path + ": the file is cut short: " + std::to_string(present) +
         " bytes of data instead of " + std::to_string(bytes));
  tensor.resize(bytes);
  if (bytes && std::fread(tensor.data(), 1, bytes, file.get()) != bytes)
    fail("cannot read '" + path + "'");
  return tensor;
}

static std::vector<float> widen(const void *data, size_t count) {
  std::vector<float> result(count);
  for (size_t i = 0; i < count; ++i) {
    uint16_t half;
    std::memcpy(&half, static_cast<const char *>(data) + 2 * i, 2);
    uint32_t bits = uint32_t(half) << 16;
    std::memcpy(&result[i], &bits, 4);
  }
  return result;
}

void secateur::run::writeNpy(const std::string &path, int32_t dtype,
                             const std::vector<int64_t> &shape, const void *data) {
  size_t count = 1;
  for (int64_t dim : shape)
    count *= dim;
  std::vector<float> widened;
  if (dtype == SECATEUR_BF16) {
    widened = widen(data, count);
    data = widened.data();
    dtype = SECATEUR_F32;
  }
  const TypeCode *type = nullptr;
  for (const TypeCode &candidate : typeCodes)
    if (dtype == candidate.dtype)
      type = &candidate;
  if (!type)
    fail("cannot write elements of type " + std::to_string(dtype) + " to '" + path + "'");
  std::string header =
      std::string("{'descr': '") + type->code + "', 'fortran_order': False, 'shape': (";
  for (int64_t dim : shape)
    header += std::to_string(dim) + ", ";
  if (shape.size() > 1)
    header.resize(header.size() - 2);
  else if (shape.size() == 1)
    header.pop_back();
  header += "), }";
  header.append(63 - (header.size() + 10) % 64, ' ');
  header += '\n';
  File file(std::fopen(path.c_str(), "wb"));
  if (!file)
    fail("cannot write '" + path + "': " + std::strerror(errno));
  unsigned char start[10] = {0x93,
                             'N',
                             'U',
                             'M',
                             'P',
                             'Y',
                             1,
                             0,
                             static_cast<unsigned char>(header.size() & 255),
                             static_cast<unsigned char>(header.size() >> 8)};
  size_t bytes = count * type->bytes;
  if (std::fwrite(start, 1, 10, file.get()) != 10 ||
      std::fwrite(header.data(), 1, header.size(), file.get()) != header.size() ||
      (bytes && std::fwrite(data, 1, bytes, file.get()) != bytes) || std::fflush(file.get()))
    fail("cannot write '" + path + "': " + std::strerror(errno));
}
