//===- Explain.cpp - Why dimensions of a tensor leave or stay ---------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Pruning/Explain.h"

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Pruning/Groups.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

/// Runs of positions that are listed for a group; of more, only their number is told.
static constexpr size_t kMostRuns = 4;

static void forEachValue(func::FuncOp func, llvm::function_ref<void(Value)> visit) {
  func->walk<WalkOrder::PreOrder>([&](Operation *op) {
    for (Region &region : op->getRegions())
      for (BlockArgument argument : region.getArguments())
        visit(argument);
    for (Value result : op->getResults())
      visit(result);
  });
}

static llvm::StringSet<> namesIn(func::FuncOp func) {
  llvm::StringSet<> names;
  forEachValue(func, [&](Value value) { names.insert(valueName(value)); });
  names.erase("");
  return names;
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

TensorNames::TensorNames(func::FuncOp func) {
  forEachValue(func, [&](Value value) {
    std::string name = valueName(value);
    if (name.empty())
      return;
    SmallVector<std::string, 1> &results = users[name];
    for (Operation *user : value.getUsers())
      for (Value result : user->getResults())
        results.push_back(valueName(result));
  });
}

std::string TensorNames::findIn(const llvm::StringSet<> &left, StringRef name) const {
  llvm::SetVector<StringRef> found;
  found.insert(name);
  for (size_t i = 0; i < found.size(); ++i) {
    if (left.contains(found[i]))
      return found[i].str();
    if (auto entry = users.find(found[i]); entry != users.end())
      for (const std::string &user : entry->second)
        found.insert(user);
  }
  return "";
}

SmallVector<std::string> TensorNames::findInside(func::FuncOp func,
                                                 ArrayRef<std::string> names) const {
  llvm::StringSet<> left = namesIn(func);
  SmallVector<std::string> found;
  for (const std::string &name : names)
    if (std::string tensor = findIn(left, name); !tensor.empty())
      found.push_back(tensor);
  return found;
}

SmallVector<std::string> TensorNames::nearest(StringRef name) const {
  unsigned most = std::max<size_t>(name.size() / 3, 2);
  std::vector<std::pair<unsigned, std::string>> found;
  for (const auto &entry : users) {
    unsigned distance = name.edit_distance(entry.first(), /*AllowReplacements=*/true, most);
    if (distance <= most)
      found.emplace_back(distance, entry.first());
  }
  llvm::sort(found);
  if (found.size() > 3)
    found.resize(3);
  return llvm::to_vector(llvm::make_second_range(found));
}

//===----------------------------------------------------------------------===//
// Explanation
//===----------------------------------------------------------------------===//

/// The values of a name: the first, and the copies of a constant.
static SmallVector<Value> findValues(func::FuncOp func, StringRef name) {
  SmallVector<Value> found;
  forEachValue(func, [&](Value value) {
    Operation *op = value.getDefiningOp();
    auto original = op ? op->getAttrOfType<StringAttr>(kCopyOfAttr) : StringAttr();
    if (original ? original == name : found.empty() && valueName(value) == name)
      found.push_back(value);
  });
  return found;
}

/// The positions of `axis` that some unit owns, as runs [first, last]; nullopt where
/// they depend on the input.
static std::optional<SmallVector<std::pair<int64_t, int64_t>>>
runsOf(const Group &group, const prune::MemberLayout &layout, int64_t axis) {
  SmallVector<int64_t> positions;
  for (const prune::BoxLayout &box : layout.boxes)
    for (const prune::AxisPart &part : box.parts) {
      if (part.axis != axis)
        continue;
      if (llvm::any_of(part.outer, [](auto &loop) { return loop.count < 0; }))
        return std::nullopt;
      for (int64_t unit = 0; unit < group.units; ++unit)
        llvm::append_range(positions, part.positions(unit));
    }
  llvm::sort(positions);
  SmallVector<std::pair<int64_t, int64_t>> runs;
  for (int64_t position : positions) {
    if (!runs.empty() && position <= runs.back().second + 1)
      runs.back().second = position;
    else
      runs.emplace_back(position, position);
  }
  return runs;
}

/// Nothing where it is all positions.
static void printRuns(llvm::raw_ostream &os, ArrayRef<std::pair<int64_t, int64_t>> runs,
                      int64_t size) {
  if (runs.empty() || (runs.size() == 1 && runs[0].first == 0 && runs[0].second == size - 1))
    return;
  os << ", positions ";
  llvm::interleaveComma(runs.take_front(kMostRuns), os, [&](auto run) {
    os << run.first;
    if (run.first != run.second)
      os << " to " << run.second;
  });
  if (runs.size() > kMostRuns)
    os << " and " << runs.size() - kMostRuns << " runs more";
}

static bool liesOn(const prune::MemberLayout &layout, int64_t axis) {
  return llvm::any_of(layout.boxes, [&](const prune::BoxLayout &box) {
    return llvm::any_of(box.parts, [&](const prune::AxisPart &part) { return part.axis == axis; });
  });
}

static void printAxis(llvm::raw_ostream &os, Value value, int64_t axis, int64_t size,
                      ArrayRef<Group> groups, ArrayRef<Pin> pins) {
  os << "  axis " << axis << ": ";
  llvm::ListSeparator separator;
  for (const Group &group : groups) {
    for (auto [member, layout] : llvm::zip(group.members, group.layouts)) {
      if (member != value || !liesOn(layout, axis))
        continue;
      os << separator << "group '" << group.name << "' (" << group.units << " units, "
         << group.members.size() << " members";
      if (group.constraints.balanced > 1)
        os << ", as many of each " << group.units / group.constraints.balanced;
      if (auto runs = runsOf(group, layout, axis))
        printRuns(os, *runs, size);
      os << ")";
    }
  }
  for (const Pin &pin : pins) {
    if (pin.value != value || pin.axis != axis)
      continue;
    os << separator << "pinned by " << pin.op << ": " << pin.reason;
    if (pin.count)
      os << " (positions " << pin.first << " to " << pin.first + pin.count - 1 << ")";
  }
  os << "\n";
}

static void printValue(llvm::raw_ostream &os, Value value, ArrayRef<Group> groups,
                       ArrayRef<Pin> pins) {
  os << " : " << value.getType() << "\n";
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    os << "  nothing of it can leave: its rank is not known\n";
  else if (type.getRank() == 0)
    os << "  it has no dimensions\n";
  else
    for (int64_t axis = 0; axis < type.getRank(); ++axis)
      printAxis(os, value, axis, type.getDimSize(axis), groups, pins);
}

std::optional<std::string> pruning::explain(func::FuncOp func, const TensorNames &tensors,
                                            StringRef name) {
  if (!tensors.has(name))
    return std::nullopt;
  std::string text;
  llvm::raw_string_ostream os(text);
  std::string left = tensors.findIn(namesIn(func), name);
  if (left.empty())
    return name.str() + ": nothing is computed from it\n";
  if (left != name)
    os << name << ": computed inside of what is treated as one operation, with the result\n";
  std::vector<Group> groups = collectGroups(func);
  std::vector<Pin> pins = collectPins(func);
  SmallVector<Value> values = findValues(func, left);
  for (auto [number, value] : llvm::enumerate(values)) {
    os << left;
    if (number)
      os << " (told apart for another use: '" << valueName(value) << "')";
    printValue(os, value, groups, pins);
  }
  return text;
}
