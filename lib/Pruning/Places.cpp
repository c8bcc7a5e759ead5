//===- Places.cpp - Where the digits of a model lie ---------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Places.h"

#include "secateur/Pruning/Extents.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

bool pruning::isWeight(Value value) {
  if (!isStoredTensor(value))
    return false;
  Type element = cast<ShapedType>(value.getType()).getElementType();
  return isa<FloatType>(element) || element.isInteger(8) || element.isInteger(4);
}

Slots::Slots(const PlacesOf &places, DigitGraph &digits) : places(places), digits(digits) {
  for (auto &[digit, at] : places)
    for (const Place &place : at)
      if (SmallVector<NodeId, 4> &known = digitsIn[place.value]; !llvm::is_contained(known, digit))
        known.push_back(digit);
  for (auto &[digit, at] : places)
    choose(digit);
}

std::optional<NodeId> Slots::slotsOf(NodeId inner) const {
  auto found = chosen.find(inner);
  return found == chosen.end() ? std::nullopt : std::optional<NodeId>(found->second);
}

/// Whether slots at `outer` hold the runs of `inner` right inside them.
static bool isAdjacent(const Place &outer, int64_t slots, const Place &inner, int64_t units) {
  SmallVector<prune::AxisPart::Loop, 1> loops = outer.outer;
  addLoop(loops, {slots, outer.block});
  return outer.offset == inner.offset && outer.block == units * inner.block && loops == inner.outer;
}

static bool isStatic(const Place &place) {
  return llvm::none_of(place.outer, [](auto &loop) { return loop.count < 0; });
}

/// Whether the positions of each slot hold as many of each unit's as the others, and
/// all of one run of the units.
static bool encloses(const Place &outer, int64_t slots, const Place &inner, int64_t units) {
  if (isAdjacent(outer, slots, inner, units))
    return true;
  if (!isStatic(outer) || !isStatic(inner) || outer.block % (units * inner.block))
    return false;
  for (int64_t unit : {int64_t(0), units - 1}) {
    SmallVector<int64_t> own = inner.part().positions(unit);
    for (int64_t slot = 0; slot < slots; ++slot) {
      SmallVector<int64_t> range = outer.part().positions(slot);
      int64_t inside = llvm::count_if(own, [&](int64_t position) {
        return std::binary_search(range.begin(), range.end(), position);
      });
      if (inside * slots != static_cast<int64_t>(own.size()))
        return false;
    }
  }
  return true;
}

/// Of an input or output, plans say which indices of an axis are gone.
static bool isInterface(Value value) {
  return isa<BlockArgument>(value) || llvm::any_of(value.getUsers(), [](Operation *user) {
           return user->hasTrait<OpTrait::IsTerminator>();
         });
}

/// Whether the slots are all of their axis: nothing stands beside them that would keep
/// what leaves a slot.
static bool coversAxis(const Place &outer, int64_t slots) {
  int64_t size = slots * outer.block;
  bool dynamic = false;
  for (const prune::AxisPart::Loop &loop : outer.outer) {
    dynamic |= loop.count < 0;
    size *= std::max<int64_t>(loop.count, 1);
  }
  auto type = dyn_cast<RankedTensorType>(outer.value.getType());
  if (!type || outer.offset != 0)
    return false;
  if (dynamic) // Rounds without a gap, as many as there is room for.
    return outer.outer.front().stride == size;
  return type.getDimSize(outer.axis) == size;
}

const Place *Slots::match(const Place &inner, int64_t units, NodeId slots) const {
  int64_t count = digits.extent(slots).factor;
  const Place *beside = nullptr;
  bool severalBeside = false;
  for (const Place &place : places.find(slots)->second) {
    if (place.value != inner.value)
      continue;
    // On the same axis they are one product, or not in slots at all.
    if (place.axis == inner.axis)
      return encloses(place, count, inner, units) ? &place : nullptr;
    severalBeside |= beside != nullptr;
    beside = &place;
  }
  bool fits = beside && !severalBeside && coversAxis(*beside, count) && coversAxis(inner, units) &&
              !isInterface(inner.value);
  return fits ? beside : nullptr;
}

void Slots::choose(NodeId inner) {
  const Places &own = places.find(inner)->second;
  const Extent &size = digits.extent(inner);
  if (!size.isStatic() || size.factor < 2)
    return;
  std::optional<NodeId> best;
  for (NodeId candidate : digitsIn.lookup(own.front().value)) {
    const Extent &slots = digits.extent(candidate);
    if (candidate == inner || !slots.isStatic() || slots.factor < 2 ||
        (best && digits.extent(*best).factor >= slots.factor))
      continue;
    bool everywhere = llvm::all_of(own, [&](const Place &place) {
      const Place *outer = match(place, size.factor, candidate);
      return outer && (outer->axis == place.axis || !boxed.contains(place.value));
    });
    if (everywhere)
      best = candidate;
  }
  if (!best)
    return;
  chosen[inner] = *best;
  for (const Place &place : own)
    if (match(place, size.factor, *best)->axis != place.axis)
      boxed.insert(place.value);
}

prune::BoxLayout Slots::jointBox(const Place &inner, int64_t units, NodeId slots) const {
  const Place &outer = *match(inner, units, slots);
  int64_t count = digits.extent(slots).factor;
  prune::BoxLayout box;
  prune::AxisPart part = inner.part();
  if (outer.axis != inner.axis) {
    prune::AxisPart slot = outer.part();
    slot.div = units;
    slot.extent = count;
    part.extent = units;
    box.parts = {slot, part};
    llvm::sort(box.parts, [](auto &a, auto &b) { return a.axis < b.axis; });
    return box;
  }
  if (isAdjacent(outer, count, inner, units)) {
    part.outer = outer.outer;
    box.parts = {part};
    return box;
  }
  for (int64_t slot = 0; slot < count; ++slot) {
    SmallVector<int64_t> range = outer.part().positions(slot);
    for (int64_t unit = 0; unit < units; ++unit) {
      SmallVector<int64_t> &list = part.lists.emplace_back();
      SmallVector<int64_t> own = inner.part().positions(unit);
      std::set_intersection(range.begin(), range.end(), own.begin(), own.end(),
                            std::back_inserter(list));
    }
  }
  box.parts = {{inner.axis, 0, 1, {}, 1, 0, part.lists}};
  return box;
}
