//===- Analyze.cpp - Write the groups of a function --------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Reads the solver's digits off the values: the groups that Gathering makes of those that
// are not pinned, with all that their units own, and the pins of the weights.

#include "Gathering.h"
#include "Shuffles.h"
#include "Solver.h"
#include "dialects/NN/IR/NNOps.h"
#include "secateur/Analysis/SymbolicShapes.h"
#include "secateur/Pruning/Extents.h"
#include "secateur/Pruning/Groups.h"
#include "secateur/Pruning/Passes.h"

#include "llvm/Support/FormatVariadic.h"

namespace secateur::pruning {
#define GEN_PASS_DEF_PRUNEANALYZE
#include "secateur/Pruning/Passes.h.inc"
} // namespace secateur::pruning

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;
using nn::Axis;

namespace {

class Writer {
public:
  Writer(func::FuncOp func, Solver &solver, ArrayRef<std::string> explained)
      : func(func), solver(solver), digits(solver.getDigits()) {
    for (const std::string &name : explained)
      this->explained.insert(name);
  }
  void write();

private:
  void untie(nn::ConstantOp constant);
  void collect(Value value, ArrayRef<Axis> axes, bool keepsValue = false, int64_t fill = 0);
  void collectPins(Value value, ArrayRef<Axis> axes);
  void addPins(Value value, ArrayRef<Axis> axes, bool silentToo);
  void addFactorPins(Value value, unsigned axis, NodeId node, ArrayRef<Pin> ofAxis);
  bool isExplained(Value value) const;
  void explain(Value value, ArrayRef<Axis> axes);
  Group makeGroup(NodeId id, const Slots &slots);
  Group makeGathered(ArrayRef<NodeId> ids, int64_t keptUnits);
  Group startGroup(const Places &places);
  std::string uniqueName(const Places &places);

  func::FuncOp func;
  Solver &solver;
  DigitGraph &digits;
  PlacesOf placesOf;
  /// The axes that are not pinned as a whole.
  SmallVector<NodeId> axes;
  /// The digits of all groups.
  llvm::DenseSet<NodeId> grouped;
  llvm::StringMap<unsigned> names;
  llvm::StringSet<> valueNames;
  std::vector<Pin> pins;
  llvm::StringSet<> explained;
  SmallVector<std::pair<Value, SmallVector<Axis>>> explainedValues;
};

} // namespace

/// One copy of a shared constant for each way in which its uses are coupled. The
/// first way keeps the original.
void Writer::untie(nn::ConstantOp constant) {
  Value value = constant.getOutput();
  using Key = SmallVector<std::tuple<int64_t, NodeId, int64_t, int64_t>>;
  SmallVector<std::pair<Key, SmallVector<OpOperand *>>> classes;
  for (OpOperand &use : value.getUses()) {
    Key key;
    for (auto [index, axis] : llvm::enumerate(solver.axesOf(use)))
      digits.forEachDigit(axis.id, [&](const Occurrence &at) {
        if (!digits.pinOf(at.digit))
          key.emplace_back(index, at.digit, at.offset, at.block);
      });
    if (!key.empty())
      key.emplace_back(solver.keepsItsValue(use), 0, solver.fillOf(use), 0);
    auto *found = llvm::find_if(classes, [&](auto &entry) { return entry.first == key; });
    if (found == classes.end()) {
      classes.push_back({key, {}});
      found = classes.end() - 1;
    }
    found->second.push_back(&use);
  }
  // Uses are listed from the last one; classes in the order of the graph.
  std::reverse(classes.begin(), classes.end());
  std::string name = valueName(value);
  for (auto [number, entry] : llvm::enumerate(classes)) {
    auto &[key, uses] = entry;
    Value member = value;
    if (number > 0) {
      OpBuilder builder(constant->getContext());
      builder.setInsertionPointAfter(constant);
      auto copy = cast<nn::ConstantOp>(builder.clone(*constant));
      copy->setAttr(kCopyOfAttr, builder.getStringAttr(name));
      std::string copyName;
      for (unsigned suffix = number; copyName.empty() || valueNames.contains(copyName); ++suffix)
        copyName = name + "_copy" + std::to_string(suffix);
      valueNames.insert(copyName);
      copy->setLoc(FusedLoc::get(builder.getContext(),
                                 {NameLoc::get(builder.getStringAttr(copyName))},
                                 builder.getStrArrayAttr({copyName})));
      member = copy.getOutput();
    }
    SmallVector<Axis> axes(solver.axesOf(*uses.front()));
    bool keeps = solver.keepsItsValue(*uses.front());
    int64_t fill = solver.fillOf(*uses.front());
    for (OpOperand *use : uses)
      use->set(member);
    collect(member, axes, keeps, fill);
    collectPins(member, axes);
  }
}

void Writer::collect(Value value, ArrayRef<Axis> axes, bool keepsValue, int64_t fill) {
  for (auto [index, axis] : llvm::enumerate(axes)) {
    if (digits.pinOf(axis.id))
      continue;
    this->axes.push_back(axis.id);
    digits.forEachDigit(axis.id, [&, index = index](const Occurrence &at) {
      // Only the outermost loop may depend on the input's size.
      bool known =
          at.block > 0 && llvm::none_of(llvm::drop_begin(at.outer, at.outer.empty() ? 0 : 1),
                                        [](auto &loop) { return loop.count < 0; });
      if (known && !digits.pinOf(at.digit))
        placesOf[at.digit].push_back(
            {value, static_cast<int64_t>(index), at.offset, at.block, at.outer, keepsValue, fill});
    });
  }
}

/// The pins of a weight. What is explained gets its pins when the groups are known.
void Writer::collectPins(Value value, ArrayRef<Axis> axes) {
  if (isExplained(value))
    explainedValues.emplace_back(value, SmallVector<Axis>(axes));
  else if (isWeight(value))
    addPins(value, axes, /*silentToo=*/false);
}

bool Writer::isExplained(Value value) const {
  if (explained.empty())
    return false;
  Operation *op = value.getDefiningOp();
  auto original = op ? op->getAttrOfType<StringAttr>(kCopyOfAttr) : StringAttr();
  return explained.contains(original ? original.str() : valueName(value));
}

/// All pins of a value. A digit that no group has is pinned, too: nothing is asked of
/// the digits any more.
void Writer::explain(Value value, ArrayRef<Axis> axes) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return;
  Operation *op = value.getDefiningOp();
  Operation *blamed = op ? op : func;
  if (static_cast<int64_t>(axes.size()) != type.getRank()) {
    Operation *parent = value.getParentBlock()->getParentOp();
    bool isInner = parent != func;
    StringRef rule = isInner ? "it is inside a subgraph" : "nothing uses it";
    for (int64_t axis = 0; axis < type.getRank(); ++axis)
      pins.push_back({value, axis, rule.str(), nodeName(isInner ? parent : blamed), 0, 0});
    return;
  }
  SmallVector<std::pair<NodeId, bool>> others;
  for (Axis axis : axes)
    digits.forEachDigit(axis.id, [&](const Occurrence &at) {
      auto isStored = [](const Place &place) { return isWeight(place.value); };
      if (!digits.pinOf(at.digit) && !grouped.contains(at.digit))
        others.emplace_back(at.digit, llvm::any_of(placesOf[at.digit], isStored));
    });
  for (auto [digit, isTakenOut] : others)
    digits.pin(digit,
               digits.addReason(isTakenOut ? Reason{func, "something of an axis has to stay"}
                                           : Reason{blamed, "no weight has these positions"}));
  addPins(value, axes, /*silentToo=*/true);
}

static std::string ruleOf(const Reason &reason, const Extent &axis) {
  if (axis.isOne())
    return "it has one position";
  return reason.rule.empty() ? "its positions are no units" : reason.rule;
}

/// Runs that are next to each other and have one reason are one pin.
void Writer::addPins(Value value, ArrayRef<Axis> axes, bool silentToo) {
  for (auto [index, axis] : llvm::enumerate(axes)) {
    std::optional<unsigned> last;
    size_t before = pins.size();
    digits.forEachPinnedRun(axis.id, [&, index = index](int64_t first, int64_t count,
                                                        unsigned number) {
      const Reason &reason = digits.getReason(number);
      if (reason.silent && !silentToo)
        return;
      bool joins = last == number && pins.back().first + pins.back().count == first;
      if (joins)
        pins.back().count += count;
      else
        pins.push_back({value, static_cast<int64_t>(index), ruleOf(reason, digits.extent(axis.id)),
                        nodeName(reason.op), first, count});
      last = number;
    });
    if (silentToo)
      addFactorPins(value, index, axis.id, SmallVector<Pin>(llvm::drop_begin(pins, before)));
    // A pin of the whole axis needs no numbers.
    if (pins.size() == before + 1 && pins.back().count == digits.extent(axis.id).factor)
      pins.back().first = pins.back().count = 0;
  }
}

/// The digits that stay of positions that leave by another of their digits, `ofAxis` being
/// the pins of whole positions.
void Writer::addFactorPins(Value value, unsigned axis, NodeId node, ArrayRef<Pin> ofAxis) {
  llvm::DenseSet<NodeId> seen;
  digits.forEachDigit(node, [&](const Occurrence &at) {
    std::optional<unsigned> number = digits.pinOf(at.digit);
    const Extent &size = digits.extent(at.digit);
    bool isWhole = llvm::any_of(ofAxis, [&](const Pin &pin) {
      return pin.first <= at.offset && at.offset < pin.first + pin.count;
    });
    if (!number || isWhole || size.isOne() || !seen.insert(at.digit).second)
      return;
    const Reason &reason = digits.getReason(*number);
    std::string which = " (a digit whose size depends on the input)";
    if (size.isStatic() && at.block > 0)
      which = llvm::formatv(" (the digit of {0} values, in runs of {1})", size.factor, at.block);
    pins.push_back({value, axis, ruleOf(reason, size) + which, nodeName(reason.op), 0, 0});
  });
}

std::string Writer::uniqueName(const Places &places) {
  auto weight = llvm::find_if(places, [](const Place &place) { return isWeight(place.value); });
  std::string name = planName(weight->value) + ":" + std::to_string(weight->axis);
  unsigned number = names[name]++;
  return number ? name + "#" + std::to_string(number) : name;
}

/// A group with a member for each value among the places.
Group Writer::startGroup(const Places &places) {
  Group group;
  group.name = uniqueName(places);
  for (const Place &place : places) {
    auto found = llvm::find(group.members, place.value);
    size_t member = found - group.members.begin();
    if (found == group.members.end()) {
      group.members.push_back(place.value);
      group.layouts.emplace_back();
    }
    group.layouts[member].keepsValue |= place.keepsValue;
    group.layouts[member].fill = place.fill;
  }
  return group;
}

Group Writer::makeGroup(NodeId id, const Slots &slots) {
  const Places &places = placesOf[id];
  Group group = startGroup(places);
  int64_t values = digits.extent(id).factor;
  std::optional<NodeId> outer = slots.slotsOf(id);
  group.constraints.balanced = outer ? digits.extent(*outer).factor : 1;
  group.units = values * group.constraints.balanced;
  for (const Place &place : places) {
    prune::MemberLayout &layout =
        group.layouts[llvm::find(group.members, place.value) - group.members.begin()];
    if (outer)
      layout.boxes.push_back(slots.jointBox(place, values, *outer));
    else
      layout.boxes.emplace_back().parts.push_back(place.part());
  }
  return group;
}

/// One box for each axis, with a list of positions for each digit; empty where a digit does
/// not lie on that axis.
Group Writer::makeGathered(ArrayRef<NodeId> ids, int64_t keptUnits) {
  Places all;
  for (NodeId id : ids)
    llvm::append_range(all, placesOf[id]);
  Group group = startGroup(all);
  group.units = ids.size();
  group.constraints.minKeep = keptUnits;
  for (auto [unit, id] : llvm::enumerate(ids)) {
    for (const Place &place : placesOf[id]) {
      prune::MemberLayout &layout =
          group.layouts[llvm::find(group.members, place.value) - group.members.begin()];
      auto *box = llvm::find_if(layout.boxes,
                                [&](auto &box) { return box.parts.front().axis == place.axis; });
      if (box == layout.boxes.end()) {
        layout.boxes.emplace_back().parts.push_back({place.axis, 0, 1, {}, 1, 0, {}});
        box = &layout.boxes.back();
        box->parts.front().lists.resize(ids.size());
      }
      SmallVector<int64_t> &list = box->parts.front().lists[unit];
      llvm::append_range(list, place.part().positions(0));
      llvm::sort(list);
      list.erase(llvm::unique(list), list.end());
    }
  }
  return group;
}

void Writer::write() {
  SmallVector<Value> stored;
  func.walk([&](Operation *op) {
    if (op->getNumResults() == 1 && isStoredTensor(op->getResult(0)))
      stored.push_back(op->getResult(0));
    for (Value result : op->getResults())
      valueNames.insert(valueName(result));
  });
  for (Value value : stored) {
    if (solver.isUntied(value)) {
      untie(value.getDefiningOp<nn::ConstantOp>());
      continue;
    }
    bool keeps =
        llvm::any_of(value.getUses(), [&](OpOperand &use) { return solver.keepsItsValue(use); });
    int64_t fill = value.use_empty() ? 0 : solver.fillOf(*value.use_begin());
    collect(value, solver.axesOf(value), keeps, fill);
    collectPins(value, solver.axesOf(value));
  }
  for (BlockArgument argument : func.getArguments())
    collect(argument, solver.axesOf(argument));
  func.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (op->getNumResults() != 1 || !isStoredTensor(op->getResult(0)))
      for (Value result : op->getResults())
        collect(result, solver.axesOf(result));
  });

  OpBuilder builder = OpBuilder::atBlockTerminator(&func.getBody().front());
  Gathering gathering(digits, placesOf, axes);
  Slots slots(placesOf, digits);
  for (ArrayRef<NodeId> ids : gathering.getGroups()) {
    if (ids.empty())
      continue;
    grouped.insert_range(ids);
    NodeId first = ids.front();
    buildGroup(builder, func.getLoc(),
               gathering.isGathered(first) ? makeGathered(ids, gathering.keptUnits(first))
                                           : makeGroup(first, slots));
  }
  func.walk([&](Operation *op) {
    for (Value result : op->getResults())
      if (!isStoredTensor(result) && isExplained(result))
        explainedValues.emplace_back(result, solver.axesOf(result));
    for (Region &region : op->getRegions())
      for (BlockArgument argument : region.getArguments())
        if (isExplained(argument))
          explainedValues.emplace_back(argument, solver.axesOf(argument));
  });
  for (auto &[value, axes] : explainedValues)
    explain(value, axes);
  for (Pin &pin : pins) {
    bool isInner = pin.value.getParentBlock() != builder.getInsertionBlock();
    OpBuilder inner = OpBuilder::atBlockTerminator(pin.value.getParentBlock());
    buildPin(isInner ? inner : builder, func.getLoc(), pin);
  }
}

LogicalResult pruning::analyze(func::FuncOp func, const AnalyzeOptions &options) {
  func.getContext()->loadDialect<prune::PruneDialect>();
  stripGroups(func);
  if (!llvm::hasSingleElement(func.getBody()))
    return func.emitError("expected a function of one block");
  FailureOr<std::unique_ptr<analysis::SymbolicShapes>> shapes =
      analysis::SymbolicShapes::compute(func);
  if (failed(shapes))
    return failure();
  llvm::StringSet<> names;
  for (const std::string &name : options.interface)
    names.insert(name);
  std::vector<Shuffle> shuffles = findShuffles(func, **shapes, options);
  Solver solver(func, **shapes, names, shuffles);
  solver.run();
  Writer(func, solver, options.explained).write();
  llvm::for_each(shuffles, markGathered);
  return success();
}

namespace {
struct PruneAnalyze : pruning::impl::PruneAnalyzeBase<PruneAnalyze> {
  using Base::Base;
  void runOnOperation() override {
    AnalyzeOptions options;
    options.interface.assign(allowInterface.begin(), allowInterface.end());
    options.explained.assign(explain.begin(), explain.end());
    options.gatherShuffles = gatherShuffles;
    if (failed(pruning::analyze(getOperation(), options)))
      signalPassFailure();
  }
};
} // namespace
