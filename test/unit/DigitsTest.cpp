//===- DigitsTest.cpp - The algebra of index sets, by brute force -----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// What a digit owns is computed for both sides of an equality, position by
// position, and has to be the same.

#include "lib/Pruning/Digits.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

using namespace llvm;
using namespace secateur;
using namespace secateur::pruning;

namespace {

/// Of each free digit and value of it: the positions that it owns on `node`.
using Owned = std::map<std::pair<NodeId, int64_t>, std::set<int64_t>>;

Owned ownedBy(DigitGraph &digits, NodeId node) {
  Owned owned;
  digits.forEachDigit(node, [&](const Occurrence &at) {
    if (digits.pinOf(at.digit))
      return;
    prune::AxisPart part{0, at.offset, at.block, at.outer, 1, 0, {}};
    for (int64_t value = 0; value < digits.extent(at.digit).factor; ++value)
      for (int64_t position : part.positions(value))
        owned[{at.digit, value}].insert(position);
  });
  return owned;
}

/// All ways of writing `size` as a product of numbers above 1, in order.
std::vector<std::vector<int64_t>> factorizations(int64_t size) {
  if (size == 1)
    return {{}};
  std::vector<std::vector<int64_t>> result;
  for (int64_t first = 2; first <= size; ++first) {
    if (size % first)
      continue;
    for (std::vector<int64_t> rest : factorizations(size / first)) {
      rest.insert(rest.begin(), first);
      result.push_back(std::move(rest));
    }
  }
  return result;
}

/// Whether the strides of both shapes, in order, divide one another.
bool haveCommonRefinement(const std::vector<int64_t> &left, const std::vector<int64_t> &right) {
  std::set<int64_t> strides = {1};
  for (const std::vector<int64_t> *shape : {&left, &right}) {
    int64_t stride = 1;
    for (size_t i = shape->size(); i-- > 0;)
      strides.insert(stride *= (*shape)[i]);
  }
  int64_t last = 1;
  for (int64_t stride : strides) {
    if (stride % last)
      return false;
    last = stride;
  }
  return true;
}

TEST(Digits, ReshapesAreMappedExactlyWhereTheyCanBe) {
  int pairs = 0, refused = 0;
  for (int64_t size : {12, 24, 36, 48}) {
    std::vector<std::vector<int64_t>> shapes = factorizations(size);
    for (const std::vector<int64_t> &from : shapes) {
      for (const std::vector<int64_t> &to : shapes) {
        DigitGraph digits;
        unsigned reason = digits.addReason({});
        SmallVector<NodeId> axes;
        SmallVector<Extent> sizes(to.begin(), to.end());
        for (int64_t extent : from)
          axes.push_back(digits.digit(extent));
        SmallVector<NodeId> result = digits.regroup(axes, sizes, reason);
        NodeId left = digits.product(axes), right = digits.product(result);
        EXPECT_EQ(ownedBy(digits, left), ownedBy(digits, right));
        bool pinned = false;
        digits.forEachDigit(
            left, [&](const Occurrence &at) { pinned |= digits.pinOf(at.digit).has_value(); });
        EXPECT_EQ(pinned, !haveCommonRefinement(from, to));
        ++pairs;
        refused += pinned;
      }
    }
  }
  EXPECT_GT(pairs, 3000);
  EXPECT_GT(refused, 100);
}

/// A random set of `size` positions over fresh digits.
NodeId randomSet(DigitGraph &digits, int64_t size, int depth, std::mt19937 &random) {
  std::vector<int64_t> divisors;
  for (int64_t d = 2; d < size; ++d)
    if (size % d == 0)
      divisors.push_back(d);
  int kind = depth ? static_cast<int>(random() % 3) : 0;
  if (kind == 1 && size > 1) {
    int64_t at = 1 + static_cast<int64_t>(random() % (size - 1));
    NodeId head = randomSet(digits, at, depth - 1, random);
    return digits.sum({head, randomSet(digits, size - at, depth - 1, random)});
  }
  if (kind == 2 && !divisors.empty()) {
    int64_t outer = divisors[random() % divisors.size()];
    NodeId first = randomSet(digits, outer, depth - 1, random);
    return digits.product({first, randomSet(digits, size / outer, depth - 1, random)});
  }
  return digits.digit(size);
}

TEST(Digits, UnifiedSetsAgreeOnEveryPosition) {
  std::mt19937 random(7);
  int free = 0;
  for (int round = 0; round < 3000; ++round) {
    DigitGraph digits;
    unsigned reason = digits.addReason({});
    int64_t size = std::vector<int64_t>{6, 12, 16, 24, 30}[random() % 5];
    SmallVector<NodeId> sets;
    for (int i = 0; i < 3; ++i)
      sets.push_back(randomSet(digits, size, 3, random));
    // A part of one of them stands elsewhere too, as a slice does.
    int64_t begin = static_cast<int64_t>(random() % (size - 1));
    int64_t end = begin + 1 + static_cast<int64_t>(random() % (size - begin));
    NodeId part = digits.slice(sets[1], begin, end);
    digits.unify(sets[0], sets[1], reason);
    digits.unify(sets[1], sets[2], reason);
    Owned first = ownedBy(digits, sets[0]);
    EXPECT_EQ(first, ownedBy(digits, sets[1])) << "round " << round;
    EXPECT_EQ(first, ownedBy(digits, sets[2])) << "round " << round;
    for (const auto &[atom, positions] : ownedBy(digits, part))
      for (int64_t position : positions)
        EXPECT_TRUE(first[atom].count(position + begin)) << "round " << round;
    free += !first.empty();
  }
  EXPECT_GT(free, 1500);
}

TEST(Digits, PinsReachWhatIsUnified) {
  DigitGraph digits;
  unsigned reason = digits.addReason({nullptr, "because", false});
  NodeId channels = digits.digit(12), same = digits.digit(12);
  NodeId heads = digits.digit(3), inside = digits.digit(4);
  digits.unify(channels, same, reason);
  digits.unify(same, digits.product({heads, inside}), reason);
  digits.pin(heads, reason);
  EXPECT_FALSE(digits.pinOf(inside));
  int pinned = 0, all = 0;
  digits.forEachDigit(channels, [&](const Occurrence &at) {
    pinned += digits.pinOf(at.digit).has_value();
    ++all;
  });
  EXPECT_EQ(pinned, 1);
  EXPECT_EQ(all, 2);
  // Nothing of it is pinned as a whole: what is inside the heads can leave.
  digits.forEachPinnedRun(channels, [](int64_t, int64_t, unsigned) { FAIL(); });
  digits.pin(inside, reason);
  int64_t positions = 0;
  digits.forEachPinnedRun(channels, [&](int64_t, int64_t count, unsigned) { positions += count; });
  EXPECT_EQ(positions, 12);
}

} // namespace
