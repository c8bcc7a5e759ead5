//===- Tensors.cpp - Values of run-model ------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "RunModel.h"

#include <cmath>
#include <cstdio>
#include <cstring>

using namespace secateur::run;

void Tensor::resize(size_t count) {
  bytes = count;
  storage.assign(count + 63, 0);
  offset = (64 - reinterpret_cast<uintptr_t>(storage.data()) % 64) % 64;
}

std::string secateur::run::shapeText(const std::vector<int64_t> &shape) {
  std::string text;
  for (int64_t dim : shape)
    text += (text.empty() ? "" : "x") + (dim < 0 ? std::string("?") : std::to_string(dim));
  return shape.empty() ? "scalar" : text;
}

size_t secateur::run::tensorBytes(const SecateurApi &api, int32_t dtype,
                                  const std::vector<int64_t> &shape) {
  size_t bytes = api.dtypeSize(dtype);
  for (int64_t dim : shape)
    if (__builtin_mul_overflow(bytes, static_cast<size_t>(dim), &bytes) || bytes >> 47)
      fail("a tensor of shape " + shapeText(shape) + " is too large");
  return bytes;
}

/// SplitMix64: the same numbers on every machine.
static uint64_t nextRandom(uint64_t &state) {
  uint64_t z = state += 0x9e3779b97f4a7c15ull;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ z >> 27) * 0x94d049bb133111ebull;
  return z ^ z >> 31;
}

/// The bits of a float in [-1, 1) as half; few mantissa bits, so exact.
static uint16_t randomHalf(uint64_t random) {
  float value = static_cast<float>(static_cast<int>(random & 2047) - 1024) / 1024.0f;
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  if (value == 0)
    return 0;
  return static_cast<uint16_t>((bits >> 16 & 0x8000) | ((bits >> 23 & 255) - 112) << 10 |
                               (bits >> 13 & 1023));
}

template <typename Element>
static void fill(Tensor &tensor, uint64_t seed, Element (*make)(uint64_t)) {
  for (size_t i = 0; i < tensor.size() / sizeof(Element); ++i) {
    Element element = make(nextRandom(seed));
    std::memcpy(tensor.data() + i * sizeof(Element), &element, sizeof(Element));
  }
}

void secateur::run::fillRandom(Tensor &tensor, uint64_t seed) {
  switch (tensor.dtype) {
  case SECATEUR_F32:
    return fill<float>(tensor, seed, [](uint64_t random) {
      return static_cast<float>(random >> 40) * 0x1p-23f - 1;
    });
  case SECATEUR_F64:
    return fill<double>(tensor, seed, [](uint64_t random) {
      return static_cast<double>(random >> 11) * 0x1p-52 - 1;
    });
  case SECATEUR_F16:
    return fill<uint16_t>(tensor, seed, randomHalf);
  case SECATEUR_BF16:
    return fill<uint16_t>(tensor, seed, [](uint64_t random) {
      float value = static_cast<float>(random >> 56) / 128 - 1; // Exact in bfloat16.
      uint32_t bits;
      std::memcpy(&bits, &value, 4);
      return static_cast<uint16_t>(bits >> 16);
    });
  case SECATEUR_U8:
  case SECATEUR_I8:
    return fill<uint8_t>(tensor, seed, [](uint64_t r) { return static_cast<uint8_t>(r >> 56); });
  case SECATEUR_BOOL:
    return fill<uint8_t>(tensor, seed, [](uint64_t r) { return static_cast<uint8_t>(r >> 63); });
  case SECATEUR_U16:
  case SECATEUR_I16:
    return fill<uint16_t>(tensor, seed, [](uint64_t r) { return static_cast<uint16_t>(r >> 63); });
  case SECATEUR_U32:
  case SECATEUR_I32:
    return fill<uint32_t>(tensor, seed, [](uint64_t r) { return static_cast<uint32_t>(r >> 63); });
  default:
    return fill<uint64_t>(tensor, seed, [](uint64_t r) { return r >> 63; });
  }
}

void secateur::run::convertToBFloat16(Tensor &tensor) {
  Tensor result;
  result.dtype = SECATEUR_BF16;
  result.shape = tensor.shape;
  result.resize(tensor.size() / 2);
  for (size_t i = 0; i < tensor.size() / 4; ++i) {
    uint32_t bits;
    std::memcpy(&bits, tensor.data() + 4 * i, 4);
    bool isNan = (bits & 0x7fffffff) > 0x7f800000;
    bits = isNan ? bits | 0x400000 : bits + 0x7fff + (bits >> 16 & 1);
    uint16_t half = static_cast<uint16_t>(bits >> 16);
    std::memcpy(result.data() + 2 * i, &half, 2);
  }
  tensor = std::move(result);
}

static double halfValue(uint16_t half) {
  int exponent = half >> 10 & 31, mantissa = half & 1023;
  double value = exponent == 31 ? (mantissa ? NAN : INFINITY)
                 : exponent     ? std::ldexp(1024 + mantissa, exponent - 25)
                                : std::ldexp(mantissa, -24);
  return half & 0x8000 ? -value : value;
}

template <typename Element>
static double load(const void *data, size_t index) {
  Element element;
  std::memcpy(&element, static_cast<const char *>(data) + index * sizeof(Element), sizeof(Element));
  return static_cast<double>(element);
}

static double elementValue(int32_t dtype, const void *data, size_t index) {
  switch (dtype) {
  case SECATEUR_F32:
    return load<float>(data, index);
  case SECATEUR_F64:
    return load<double>(data, index);
  case SECATEUR_F16:
    return halfValue(static_cast<uint16_t>(load<uint16_t>(data, index)));
  case SECATEUR_BF16: {
    uint32_t bits = static_cast<uint32_t>(load<uint16_t>(data, index)) << 16;
    return load<float>(&bits, 0);
  }
  case SECATEUR_I8:
    return load<int8_t>(data, index);
  case SECATEUR_U8:
  case SECATEUR_BOOL:
    return load<uint8_t>(data, index);
  case SECATEUR_I16:
    return load<int16_t>(data, index);
  case SECATEUR_U16:
    return load<uint16_t>(data, index);
  case SECATEUR_I32:
    return load<int32_t>(data, index);
  case SECATEUR_U32:
    return load<uint32_t>(data, index);
  case SECATEUR_I64:
    return static_cast<double>(load<int64_t>(data, index));
  default:
    return static_cast<double>(load<uint64_t>(data, index));
  }
}

std::string secateur::run::summarize(const SecateurApi &api, int32_t dtype,
                                     const std::vector<int64_t> &shape, const void *data) {
  size_t count = 1, nans = 0;
  for (int64_t dim : shape)
    count *= dim;
  double least = INFINITY, most = -INFINITY, sum = 0;
  for (size_t i = 0; i < count; ++i) {
    double value = elementValue(dtype, data, i);
    if (std::isnan(value)) {
      ++nans;
      continue;
    }
    least = std::min(least, value);
    most = std::max(most, value);
    sum += value;
  }
  std::string text = std::string(api.dtypeName(dtype)) + " " + shapeText(shape);
  if (count == nans)
    return text + (count ? ", all NaN" : ", empty");
  char numbers[128];
  std::snprintf(numbers, sizeof(numbers), ", min %.6g, max %.6g, mean %.6g", least, most,
                sum / static_cast<double>(count - nans));
  text += numbers;
  return nans ? text + ", " + std::to_string(nans) + " NaN" : text;
}
