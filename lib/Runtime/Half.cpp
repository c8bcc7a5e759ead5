//===- Half.cpp - Conversions that code without the instructions calls ------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
//
// LLVM calls these by name for f16 and bf16 on CPUs that cannot convert. They are
// commonly found in a compiler's support library, which a model must not need.
// Arguments and results of these types travel in the low bits of an SSE register.
//
//===----------------------------------------------------------------------===//

#include <stdint.h>

namespace {
template <typename To, typename From>
To bitsAs(From value) {
  return __builtin_bit_cast(To, value);
}
} // namespace

static float halfToFloat(uint16_t half) {
  uint32_t sign = uint32_t(half & 0x8000) << 16, exponent = half >> 10 & 31, mantissa = half & 1023;
  if (exponent == 31) // Infinity, or NaN made quiet.
    return bitsAs<float>(sign | 0x7f800000 | mantissa << 13 | (mantissa ? 0x400000 : 0));
  if (exponent == 0) { // Zero and subnormal: mantissa * 2^-24 is exact.
    float value = static_cast<float>(mantissa) * 0x1p-24f;
    return bitsAs<float>(bitsAs<uint32_t>(value) | sign);
  }
  return bitsAs<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

/// Rounds a double to the nearest value with `mantissaBits` and `exponentBits`,
/// ties to even. A float converts to double without loss, so that both start here.
static uint16_t narrow(double value, int mantissaBits, int exponentBits) {
  uint64_t bits = bitsAs<uint64_t>(value);
  uint16_t sign = static_cast<uint16_t>(bits >> 48 & 0x8000);
  int32_t top = (1 << exponentBits) - 1, bias = top >> 1;
  int32_t exponent = static_cast<int32_t>(bits >> 52 & 0x7ff);
  uint64_t mantissa = bits & ((uint64_t(1) << 52) - 1);
  uint16_t infinity = static_cast<uint16_t>(top << mantissaBits);
  if (exponent == 0x7ff)
    return sign | infinity |
           (mantissa
                ? static_cast<uint16_t>(1 << (mantissaBits - 1) | mantissa >> (52 - mantissaBits))
                : 0);
  int32_t target = exponent - 1023 + bias;
  if (exponent)
    mantissa |= uint64_t(1) << 52;
  int32_t shift = 52 - mantissaBits;
  if (target < 1) { // Subnormal result.
    shift += 1 - target;
    target = 1;
  }
  if (shift > 54)
    return sign;
  uint64_t kept = mantissa >> shift, rest = mantissa & ((uint64_t(1) << shift) - 1);
  uint64_t halfway = uint64_t(1) << (shift - 1);
  kept += rest > halfway || (rest == halfway && (kept & 1));
  // A carry out of the mantissa raises the exponent by itself.
  int64_t result = (int64_t(target - 1) << mantissaBits) + static_cast<int64_t>(kept);
  return sign | (result >= infinity ? infinity : static_cast<uint16_t>(result));
}

// The names are the compiler's.
// NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {
#pragma GCC visibility push(hidden)
float __extendhfsf2(_Float16 value) { return halfToFloat(bitsAs<uint16_t>(value)); }
double __extendhfdf2(_Float16 value) { return halfToFloat(bitsAs<uint16_t>(value)); }
_Float16 __truncsfhf2(float value) { return bitsAs<_Float16>(narrow(value, 10, 5)); }
_Float16 __truncdfhf2(double value) { return bitsAs<_Float16>(narrow(value, 10, 5)); }
__bf16 __truncsfbf2(float value) { return bitsAs<__bf16>(narrow(value, 7, 8)); }
__bf16 __truncdfbf2(double value) { return bitsAs<__bf16>(narrow(value, 7, 8)); }
#pragma GCC visibility pop
}
// NOLINTEND(bugprone-reserved-identifier)
