//===- PruneLayout.cpp - Where the units of a group lie in a member --------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "dialects/Prune/IR/PruneLayout.h"

#include "llvm/ADT/STLExtras.h"

using namespace llvm;
using namespace secateur::prune;

SmallVector<int64_t> AxisPart::positions(int64_t unit) const {
  if (!lists.empty())
    return unit < static_cast<int64_t>(lists.size()) ? lists[unit] : SmallVector<int64_t>();
  int64_t digit = extent ? (unit / div) % extent : unit / div;
  SmallVector<int64_t> starts = {offset + digit * block};
  for (const Loop &loop : outer) {
    SmallVector<int64_t> repeated;
    repeated.reserve(starts.size() * std::max<int64_t>(loop.count, 1));
    for (int64_t start : starts)
      for (int64_t i = 0, count = std::max<int64_t>(loop.count, 1); i < count; ++i)
        repeated.push_back(start + i * loop.stride);
    starts = std::move(repeated);
  }
  llvm::sort(starts);
  SmallVector<int64_t> result;
  result.reserve(starts.size() * block);
  for (int64_t start : starts)
    for (int64_t i = 0; i < block; ++i)
      result.push_back(start + i);
  return result;
}

// Code: keepsValue, fill, number of boxes; each box: number of parts; each part: axis,
// offset, block, div, extent, number of loops, (count, stride)..., number of
// lists, (size, positions...)...
SmallVector<int64_t> secateur::prune::encode(const MemberLayout &layout) {
  SmallVector<int64_t> code = {layout.keepsValue, layout.fill,
                               static_cast<int64_t>(layout.boxes.size())};
  for (const BoxLayout &box : layout.boxes) {
    code.push_back(box.parts.size());
    for (const AxisPart &part : box.parts) {
      code.append({part.axis, part.offset, part.block, part.div, part.extent,
                   static_cast<int64_t>(part.outer.size())});
      for (const AxisPart::Loop &loop : part.outer)
        code.append({loop.count, loop.stride});
      code.push_back(part.lists.size());
      for (ArrayRef<int64_t> list : part.lists) {
        code.push_back(list.size());
        llvm::append_range(code, list);
      }
    }
  }
  return code;
}

namespace {
/// Takes numbers off the front; once it runs short it only gives zeros.
struct Reader {
  ArrayRef<int64_t> rest;
  bool short_ = false;
  int64_t take() {
    if (rest.empty()) {
      short_ = true;
      return 0;
    }
    int64_t value = rest.front();
    rest = rest.drop_front();
    return value;
  }
  /// A length: never more than what is left.
  int64_t takeCount() {
    int64_t count = take();
    if (count < 0 || count > static_cast<int64_t>(rest.size())) {
      short_ = true;
      return 0;
    }
    return count;
  }
};
} // namespace

std::optional<MemberLayout> secateur::prune::decode(ArrayRef<int64_t> code) {
  Reader reader{code};
  MemberLayout layout;
  layout.keepsValue = reader.take();
  layout.fill = reader.take();
  layout.boxes.resize(reader.takeCount());
  for (BoxLayout &box : layout.boxes) {
    box.parts.resize(reader.takeCount());
    for (AxisPart &part : box.parts) {
      part.axis = reader.take();
      part.offset = reader.take();
      part.block = reader.take();
      part.div = reader.take();
      part.extent = reader.take();
      part.outer.resize(reader.takeCount());
      for (AxisPart::Loop &loop : part.outer) {
        loop.count = reader.take();
        loop.stride = reader.take();
      }
      part.lists.resize(reader.takeCount());
      for (SmallVector<int64_t> &list : part.lists) {
        list.resize(reader.takeCount());
        for (int64_t &position : list)
          position = reader.take();
      }
      if (part.axis < 0 || part.offset < 0 || part.block < 1 || part.div < 1 || part.extent < 0)
        return std::nullopt;
    }
  }
  if (reader.short_ || !reader.rest.empty())
    return std::nullopt;
  return layout;
}
