//===- DimAlgebraTest.cpp - The normal form of sizes ------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Analysis/DimAlgebra.h"
#include "secateur/Analysis/Einsum.h"

#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

#include <random>

using namespace mlir;
using namespace secateur;
using namespace secateur::analysis;

namespace {

struct DimAlgebraTest : testing::Test {
  /// All symbols are sizes of inputs.
  static Bounds bounds(unsigned) { return {1, std::nullopt}; }
  AffineExpr normal(AffineExpr expression) { return normalize(expression, bounds); }
  AffineExpr symbol(unsigned position) { return getAffineSymbolExpr(position, &context); }
  AffineExpr constant(int64_t value) { return getAffineConstantExpr(value, &context); }

  MLIRContext context{MLIRContext::Threading::DISABLED};
  AffineExpr a = symbol(0), b = symbol(1), c = symbol(2);
};

TEST_F(DimAlgebraTest, EqualPolynomialsAreOneExpression) {
  EXPECT_EQ(normal((a + b) * c), normal(c * b + a * c));
  EXPECT_EQ(normal((a + 1) * (a - 1)), normal(a * a - 1));
  EXPECT_EQ(normal(a * b - b * a), constant(0));
  EXPECT_NE(normal(a * b), normal(a + b));
}

TEST_F(DimAlgebraTest, DivisionsResolve) {
  EXPECT_EQ(normal((a * 6 + 4).floorDiv(2)), normal(a * 3 + 2));
  EXPECT_EQ(normal((a * b * 64).floorDiv(b * 64)), a);
  EXPECT_EQ(normal(((a + 1) * (b + 2)).floorDiv(b + 2)), normal(a + 1));
  EXPECT_EQ(normal(((a - 1).floorDiv(2) + 1 - 1).floorDiv(2) + 1), normal((a - 1).floorDiv(4) + 1));
  EXPECT_EQ(normal(a.ceilDiv(2)), normal((a + 1).floorDiv(2)));
  EXPECT_EQ(normal((a * 4) % 4), constant(0));
  // Near misses.
  EXPECT_NE(normal((a * 6 + 3).floorDiv(2)), normal(a * 3 + 2));
  EXPECT_NE(normal((a * b + 1).floorDiv(b)), a);
}

TEST_F(DimAlgebraTest, BoundsHold) {
  EXPECT_EQ(getBounds(a * 2 - 1, bounds).lower, 1);
  EXPECT_EQ(getBounds((a - 1).floorDiv(2), bounds).lower, 0);
  EXPECT_FALSE(getBounds(a - b, bounds).lower.has_value());
}

TEST_F(DimAlgebraTest, OverflowIsNoCrash) {
  AffineExpr huge = a * INT64_MAX;
  EXPECT_EQ(normal(huge * 4), huge * 4);
  EXPECT_FALSE(evaluate(huge, [](unsigned) { return std::optional<int64_t>(4); }).has_value());
  EXPECT_FALSE(
      evaluate(a.floorDiv(b), [](unsigned) { return std::optional<int64_t>(0); }).has_value());
}

/// Random expressions keep their value.
TEST_F(DimAlgebraTest, NormalFormKeepsTheValue) {
  std::mt19937 random(7);
  auto pick = [&](int limit) { return int(random() % limit); };
  for (int round = 0; round < 2000; ++round) {
    SmallVector<AffineExpr> pool{a, b, c, constant(pick(7) + 1)};
    for (int step = 0; step < 6; ++step) {
      AffineExpr left = pool[pick(pool.size())], right = pool[pick(pool.size())];
      switch (pick(5)) {
      case 0:
        pool.push_back(left + right);
        break;
      case 1:
        pool.push_back(left * right);
        break;
      case 2:
        pool.push_back(left - right);
        break;
      case 3:
        pool.push_back(left.floorDiv(pick(6) + 1));
        break;
      default:
        pool.push_back(left.ceilDiv(pick(6) + 1));
      }
    }
    AffineExpr expression = pool.back(), normalized = normal(expression);
    EXPECT_EQ(normal(normalized), normalized);
    for (int trial = 0; trial < 4; ++trial) {
      int64_t values[] = {pick(30) + 1, pick(30) + 1, pick(30) + 1};
      auto valueOf = [&](unsigned position) { return std::optional<int64_t>(values[position]); };
      EXPECT_EQ(evaluate(expression, valueOf), evaluate(normalized, valueOf));
      Bounds range = getBounds(expression, bounds);
      if (std::optional<int64_t> value = evaluate(expression, valueOf)) {
        EXPECT_TRUE(!range.lower || *range.lower <= *value);
        EXPECT_TRUE(!range.upper || *range.upper >= *value);
      }
    }
  }
}

TEST(EinsumTest, ImplicitOutputIsAlphabetical) {
  std::string reason;
  std::optional<Einsum> einsum = parseEinsum("...ji, jk", {3, 2}, reason);
  ASSERT_TRUE(einsum.has_value()) << reason;
  EXPECT_EQ(einsum->inputs[0], (SmallVector<int64_t>{-1, 'j', 'i'}));
  EXPECT_EQ(einsum->output, (SmallVector<int64_t>{-1, 'i', 'k'}));
}

} // namespace
