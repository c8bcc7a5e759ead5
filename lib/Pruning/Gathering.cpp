//===- Gathering.cpp - Which digits become groups ---------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Gathering.h"

#include "secateur/Pruning/Groups.h"

#include "mlir/IR/BuiltinTypes.h"

#include <algorithm>
#include <map>
#include <utility>

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

/// More choices of what groups keep are not tried: then a position is kept.
static constexpr size_t kMostChoices = 1 << 10;
/// More positions do not become one group for the sake of an axis that needs several.
static constexpr size_t kMostTogether = 8;

Gathering::Gathering(DigitGraph &digits, const PlacesOf &places, ArrayRef<NodeId> axes)
    : digits(digits), placesOf(places) {
  gather();
  keepAxes(axes);
}

/// Digits with weights become groups; those of one position by the axes on which
/// they lie.
void Gathering::gather() {
  using Signature = SmallVector<std::pair<void *, int64_t>>;
  std::map<Signature, size_t> known;
  for (auto &[id, places] : placesOf) {
    if (llvm::none_of(places, [](const Place &place) { return isWeight(place.value); }))
      continue;
    if (!digits.extent(id).isOne()) {
      state.groups.push_back({id});
      continue;
    }
    Signature signature;
    for (const Place &place : places)
      signature.emplace_back(place.value.getAsOpaquePointer(), place.axis);
    llvm::sort(signature);
    signature.erase(llvm::unique(signature), signature.end());
    auto [found, isNew] = known.try_emplace(signature, state.groups.size());
    if (isNew)
      state.groups.emplace_back();
    state.groups[found->second].push_back(id);
    state.gatheredIn[id] = found->second;
  }
}

/// Keeps something of each axis.
void Gathering::keepAxes(ArrayRef<NodeId> axes) {
  llvm::SmallSetVector<NodeId, 16> distinct;
  for (NodeId axis : axes)
    distinct.insert(digits.find(axis));
  // What an axis cannot be without is of no group, whatever else it keeps.
  for (NodeId axis : distinct)
    for (NodeId needed : neededFor(axis))
      takeOut(needed);
  // Short axes first, which have the least choice. What one axis is given may be what
  // another one was kept by.
  SmallVector<std::pair<int64_t, size_t>> order;
  for (auto [index, axis] : llvm::enumerate(distinct))
    order.emplace_back(digits.extent(axis).factor, index);
  llvm::sort(order);
  for (bool changed = true; changed;) {
    changed = false;
    for (auto [size, index] : order)
      if (canVanish(distinct[index])) {
        keepSome(distinct[index]);
        changed |= !canVanish(distinct[index]); // Without progress there is no end.
      }
  }
}

/// The groups of single positions that a set is made of.
void Gathering::collectGroups(NodeId node, llvm::SmallSetVector<size_t, 4> &found) {
  node = digits.find(node);
  if (auto group = state.gatheredIn.find(node);
      group != state.gatheredIn.end() && !digits.pinOf(node))
    found.insert(group->second);
  for (NodeId child : digits.childrenOf(node))
    collectGroups(child, found);
}

/// Whether something of a set is left where, of all single positions, only `kept` are.
bool Gathering::survives(NodeId node, const Units &kept) {
  node = digits.find(node);
  auto survives = [&](NodeId child) { return this->survives(child, kept); };
  ArrayRef<NodeId> children = digits.childrenOf(node);
  if (digits.pinOf(node) || children.empty())
    return digits.pinOf(node) || !state.gatheredIn.contains(node) || kept.contains(node);
  return digits.isSum(node) ? llvm::any_of(children, survives) : llvm::all_of(children, survives);
}

/// Whether all of a set may be gone, whichever units the groups keep that keep some.
bool Gathering::canVanish(NodeId node) {
  if (survives(node, {}))
    return false;
  llvm::SmallSetVector<size_t, 4> found;
  collectGroups(node, found);
  found.remove_if([&](size_t group) { return !state.kept.contains(group); });
  size_t choices = 1;
  for (size_t group : found) {
    size_t size = state.groups[group].size();
    for (size_t unit = 0; unit < state.kept.lookup(group) && choices <= kMostChoices; ++unit)
      choices = choices * (size - unit) / (unit + 1);
  }
  return choices > kMostChoices || canVanish(node, found.getArrayRef(), {});
}

/// Whether that is so with `kept` and some choice of what the groups `keeping` keep.
bool Gathering::canVanish(NodeId node, ArrayRef<size_t> keeping, const Units &kept) {
  if (keeping.empty())
    return !survives(node, kept);
  ArrayRef<NodeId> ids = state.groups[keeping.front()];
  SmallVector<bool> stays(ids.size(), false);
  std::fill_n(stays.begin(), state.kept.lookup(keeping.front()), true);
  do {
    Units chosen = kept;
    for (auto [id, stay] : llvm::zip(ids, stays))
      if (stay)
        chosen.insert(id);
    if (canVanish(node, keeping.drop_front(), chosen))
      return true;
  } while (std::prev_permutation(stays.begin(), stays.end()));
  return false;
}

/// The single positions without any of which nothing of a set is left.
Gathering::Positions Gathering::neededFor(NodeId node) {
  node = digits.find(node);
  Positions needed;
  if (survives(node, {}))
    return needed;
  ArrayRef<NodeId> children = digits.childrenOf(node);
  if (children.empty())
    needed.insert(node);
  for (auto [index, child] : llvm::enumerate(children)) {
    Positions ofChild = neededFor(child);
    if (index == 0 || !digits.isSum(node))
      needed.insert_range(ofChild);
    else
      needed.remove_if([&](NodeId id) { return !ofChild.contains(id); });
  }
  return needed;
}

/// Keeps something of a set: by a unit of each group that it is made of. Where that is not
/// enough, by a group that is made anew, or by single positions, which are taken out of their
/// groups; or by more units, so that each may leave, where as many but one still can at once.
void Gathering::keepSome(NodeId node) {
  llvm::SmallSetVector<size_t, 4> found;
  collectGroups(node, found);
  for (size_t group : found)
    if (state.groups[group].size() > 1)
      state.kept.try_emplace(group, 1);
  if (!canVanish(node) || regather(node))
    return;
  State before = state;
  takeOut(node);
  State without = std::exchange(state, std::move(before));
  if (!keepMore(node) || state.mostRemoved() + 1 < without.mostRemoved())
    state = std::move(without);
}

/// Keeps one unit more of one of the groups that a set is made of, or makes all of them one
/// group, of which as few stay as have to. False where they are many, or where all have to.
bool Gathering::keepMore(NodeId node) {
  llvm::SmallSetVector<size_t, 4> found;
  collectGroups(node, found);
  SmallVector<NodeId> all;
  for (size_t group : found)
    llvm::append_range(all, state.groups[group]);
  if (all.size() > kMostTogether)
    return false;
  for (size_t group : found) {
    size_t kept = state.kept.lookup(group);
    if (kept + 1 >= state.groups[group].size())
      continue;
    state.kept[group] = kept + 1;
    if (!canVanish(node))
      return true;
    state.kept[group] = kept;
  }
  size_t group = makeTogether(all);
  for (size_t kept = 1; kept < all.size(); ++kept) {
    state.kept[group] = kept;
    if (!canVanish(node))
      return true;
  }
  return false;
}

/// Makes one group of positions, whatever axes they lie on.
size_t Gathering::makeTogether(ArrayRef<NodeId> ids) {
  size_t group = state.groups.size();
  state.groups.emplace_back();
  for (NodeId id : ids) {
    size_t old = state.gatheredIn.lookup(id);
    llvm::erase(state.groups[old], id);
    if (state.groups[old].size() < 2)
      state.kept.erase(old);
    state.groups[group].push_back(id);
    state.gatheredIn[id] = group;
  }
  state.kept[group] = 1;
  state.together.insert(group);
  return group;
}

/// How many units may leave at once.
size_t Gathering::State::mostRemoved() const {
  size_t units = 0;
  for (auto [index, group] : llvm::enumerate(groups))
    units += group.size() - kept.lookup(index);
  return units;
}

/// Makes one group of positions any of which is enough for a set, so that all of them but any
/// one may leave. False where there are none such, or where a group that was made in this way
/// would have to be torn apart.
bool Gathering::regather(NodeId node) {
  Positions enough;
  if (!collectEnough(node, enough) || enough.size() < 2 || enough.size() > kMostChoices ||
      llvm::any_of(enough,
                   [&](NodeId id) { return state.together.contains(state.gatheredIn.lookup(id)); }))
    return false;
  makeTogether(enough.getArrayRef());
  return true;
}

/// Collects single positions any of which, if it stays, keeps something of a set. False
/// where a set needs several of them at once.
bool Gathering::collectEnough(NodeId node, Positions &enough) {
  node = digits.find(node);
  SmallVector<NodeId> children(digits.childrenOf(node));
  if (children.empty()) {
    enough.insert(node);
    return state.gatheredIn.contains(node) && !digits.pinOf(node);
  }
  // What cannot vanish takes no part in a product.
  if (!digits.isSum(node))
    llvm::erase_if(children, [&](NodeId child) { return !canVanish(child); });
  return (digits.isSum(node) || children.size() == 1) &&
         llvm::all_of(children, [&](NodeId child) { return collectEnough(child, enough); });
}

/// Takes positions out of their groups, so that something of a set stays: those that
/// cost least.
void Gathering::takeOut(NodeId node) {
  node = digits.find(node);
  SmallVector<NodeId> children(digits.childrenOf(node));
  if (children.empty()) {
    // What the group's unit was kept for has this position now.
    size_t group = state.gatheredIn.lookup(node);
    state.kept.erase(group);
    llvm::erase(state.groups[group], node);
    state.gatheredIn.erase(node);
  } else if (digits.isSum(node)) {
    takeOut(*llvm::min_element(
        children, [&](NodeId a, NodeId b) { return costOfKeeping(a) < costOfKeeping(b); }));
  } else {
    for (NodeId child : children)
      if (canVanish(child))
        takeOut(child);
  }
}

/// How many elements of weights stay where something of a set has to.
double Gathering::costOfKeeping(NodeId node) {
  node = digits.find(node);
  ArrayRef<NodeId> children = digits.childrenOf(node);
  if (!children.empty()) {
    bool isSum = digits.isSum(node);
    double cost = isSum ? std::numeric_limits<double>::infinity() : 0;
    for (NodeId child : children) {
      if (isSum)
        cost = std::min(cost, costOfKeeping(child));
      else if (canVanish(child))
        cost += costOfKeeping(child);
    }
    return cost;
  }
  double elements = 0;
  auto places = placesOf.find(node);
  if (places == placesOf.end())
    return 0;
  for (const Place &place : places->second) {
    if (!isWeight(place.value))
      continue;
    auto type = cast<ShapedType>(place.value.getType());
    double positions = place.block;
    for (const prune::AxisPart::Loop &loop : place.outer)
      positions *= loop.count;
    elements += positions * type.getNumElements() / type.getDimSize(place.axis);
  }
  return elements;
}
