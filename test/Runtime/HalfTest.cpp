//===- HalfTest.cpp - f16 and bf16 conversions against the hardware's -------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <immintrin.h>

// The names are the compiler's.
// NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {
float __extendhfsf2(_Float16);
_Float16 __truncsfhf2(float);
_Float16 __truncdfhf2(double);
__bf16 __truncsfbf2(float);
}
// NOLINTEND(bugprone-reserved-identifier)

template <typename To, typename From>
static To bitsAs(From value) {
  To result;
  static_assert(sizeof(To) == sizeof(From));
  std::memcpy(&result, &value, sizeof(To));
  return result;
}

__attribute__((target("f16c"))) static float hardwareExtend(uint16_t half) {
  return _cvtsh_ss(half);
}
__attribute__((target("f16c"))) static uint16_t hardwareTruncate(float value) {
  return _cvtss_sh(value, _MM_FROUND_TO_NEAREST_INT);
}

TEST(Half, ExtendsEveryValue) {
  if (!__builtin_cpu_supports("f16c"))
    GTEST_SKIP();
  for (uint32_t half = 0; half < 65536; ++half) {
    float got = __extendhfsf2(bitsAs<_Float16>(static_cast<uint16_t>(half)));
    EXPECT_EQ(bitsAs<uint32_t>(got), bitsAs<uint32_t>(hardwareExtend(half))) << half;
  }
}

TEST(Half, TruncatesLikeTheHardware) {
  if (!__builtin_cpu_supports("f16c"))
    GTEST_SKIP();
  for (uint64_t bits = 0; bits < (uint64_t(1) << 32); bits += 4099) { // A prime.
    float value = bitsAs<float>(static_cast<uint32_t>(bits));
    uint16_t got = bitsAs<uint16_t>(__truncsfhf2(value));
    ASSERT_EQ(got, hardwareTruncate(value)) << value;
    ASSERT_EQ(bitsAs<uint16_t>(__truncdfhf2(value)), got) << value;
  }
  for (uint32_t half = 0; half < 0x7bff; ++half) { // Ties between neighbours.
    float low = hardwareExtend(half), high = hardwareExtend(half + 1);
    float middle = (low + high) / 2;
    ASSERT_EQ(bitsAs<uint16_t>(__truncsfhf2(middle)), hardwareTruncate(middle)) << half;
  }
}

TEST(BFloat16, RoundsToNearestEven) {
  auto truncate = [](uint32_t bits) { return bitsAs<uint16_t>(__truncsfbf2(bitsAs<float>(bits))); };
  EXPECT_EQ(truncate(0x3f800000), 0x3f80);
  EXPECT_EQ(truncate(0x3f808000), 0x3f80); // Tie, to even.
  EXPECT_EQ(truncate(0x3f818000), 0x3f82);
  EXPECT_EQ(truncate(0x3f808001), 0x3f81);
  EXPECT_EQ(truncate(0x7f7fffff), 0x7f80); // Rounds to infinity.
  EXPECT_EQ(truncate(0xff800000), 0xff80);
  EXPECT_EQ(truncate(0x7fc00000), 0x7fc0);
  EXPECT_EQ(truncate(0x00000001), 0x0000);
  for (uint64_t bits = 0; bits < 0x7f800000; bits += 4099) {
    uint32_t b = static_cast<uint32_t>(bits);
    ASSERT_EQ(truncate(b), (b + 0x7fff + (b >> 16 & 1)) >> 16) << bits;
  }
}
