//===- Analyze.cpp - Write the groups of a function --------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Reads the solver's digits off the values: one group for each digit that is not
// pinned and that some weight has. Digits of one position (what the explicit form
// leaves) that lie in the same places are gathered into one group, with lists.

#include "Solver.h"
#include "dialects/NN/IR/NNOps.h"
#include "secateur/Analysis/SymbolicShapes.h"
#include "secateur/Pruning/Extents.h"
#include "secateur/Pruning/Groups.h"
#include "secateur/Pruning/Passes.h"

#include "llvm/ADT/MapVector.h"

namespace secateur::pruning {
#define GEN_PASS_DEF_PRUNEANALYZE
#include "secateur/Pruning/Passes.h.inc"
} // namespace secateur::pruning

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;
using nn::Axis;

namespace {

/// Where a digit lies: on an axis of a value.
struct Place {
  Value value;
  int64_t axis;
  int64_t offset, block;
  SmallVector<prune::AxisPart::Loop, 1> outer;
  bool keepsValue;
};

class Writer {
public:
  Writer(func::FuncOp func, Solver &solver)
      : func(func), solver(solver), digits(solver.getDigits()) {}
  void write();

private:
  using Places = SmallVector<Place, 4>;

  void untie(nn::ConstantOp constant);
  void collect(Value value, ArrayRef<Axis> axes, bool keepsValue);
  void collectPins(Value value, ArrayRef<Axis> axes);
  Group makeGroup(ArrayRef<NodeId> ids);
  std::string uniqueName(const Places &places);
  static bool isWeight(Value value);

  func::FuncOp func;
  Solver &solver;
  DigitGraph &digits;
  llvm::MapVector<NodeId, Places> placesOf;
  llvm::StringMap<unsigned> names;
  llvm::StringSet<> valueNames;
  std::vector<Pin> pins;
};

} // namespace

bool Writer::isWeight(Value value) {
  if (!isStoredTensor(value))
    return false;
  Type element = cast<ShapedType>(value.getType()).getElementType();
  return isa<FloatType>(element) || element.isInteger(8) || element.isInteger(4);
}

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
      key.emplace_back(solver.keepsItsValue(use), 0, 0, 0);
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
    for (OpOperand *use : uses)
      use->set(member);
    collect(member, axes, keeps);
    collectPins(member, axes);
  }
}

void Writer::collect(Value value, ArrayRef<Axis> axes, bool keepsValue) {
  for (auto [index, axis] : llvm::enumerate(axes)) {
    if (digits.pinOf(axis.id))
      continue;
    digits.forEachDigit(axis.id, [&, index = index](const Occurrence &at) {
      // Only the outermost loop may depend on the input's size.
      bool known =
          at.block > 0 && llvm::none_of(llvm::drop_begin(at.outer, at.outer.empty() ? 0 : 1),
                                        [](auto &loop) { return loop.count < 0; });
      if (known && !digits.pinOf(at.digit))
        placesOf[at.digit].push_back(
            {value, static_cast<int64_t>(index), at.offset, at.block, at.outer, keepsValue});
    });
  }
}

/// Runs that are next to each other and have one reason are one pin.
void Writer::collectPins(Value value, ArrayRef<Axis> axes) {
  if (!isWeight(value))
    return;
  for (auto [index, axis] : llvm::enumerate(axes)) {
    std::optional<unsigned> last;
    size_t before = pins.size();
    digits.forEachPinnedRun(
        axis.id, [&, index = index](int64_t first, int64_t count, unsigned number) {
          const Reason &reason = digits.getReason(number);
          if (reason.silent)
            return;
          bool joins = last == number && pins.back().first + pins.back().count == first;
          if (joins)
            pins.back().count += count;
          else
            pins.push_back({value, static_cast<int64_t>(index), reason.rule, nodeName(reason.op),
                            first, count});
          last = number;
        });
    // A pin of the whole axis needs no numbers.
    if (pins.size() == before + 1 && pins.back().count == digits.extent(axis.id).factor)
      pins.back().first = pins.back().count = 0;
  }
}

std::string Writer::uniqueName(const Places &places) {
  auto weight = llvm::find_if(places, [](const Place &place) { return isWeight(place.value); });
  std::string name = valueName(weight->value) + ":" + std::to_string(weight->axis);
  unsigned number = names[name]++;
  return number ? name + "#" + std::to_string(number) : name;
}

/// One digit, or digits of one position each that lie in the same places.
Group Writer::makeGroup(ArrayRef<NodeId> ids) {
  const Places &places = placesOf[ids.front()];
  Group group;
  group.name = uniqueName(places);
  group.units = ids.size() > 1 ? ids.size() : digits.extent(ids.front()).factor;
  llvm::DenseMap<Value, unsigned> memberOf;
  for (auto [number, place] : llvm::enumerate(places)) {
    auto [found, isNew] = memberOf.try_emplace(place.value, group.members.size());
    if (isNew) {
      group.members.push_back(place.value);
      group.layouts.emplace_back();
    }
    prune::MemberLayout &layout = group.layouts[found->second];
    layout.keepsValue |= place.keepsValue;
    prune::AxisPart part;
    part.axis = place.axis;
    if (ids.size() == 1) {
      part.offset = place.offset;
      part.block = place.block;
      part.outer = place.outer;
    } else {
      for (NodeId id : ids) {
        const Place &of = placesOf[id][number];
        prune::AxisPart single{place.axis, of.offset, of.block, of.outer, 1, 0, {}};
        part.lists.push_back(single.positions(0));
      }
    }
    layout.boxes.emplace_back().parts.push_back(std::move(part));
  }
  return group;
}

void Writer::write() {
  SmallVector<Value> stored;
  for (Operation &op : func.getBody().front())
    if (op.getNumResults() == 1 && isStoredTensor(op.getResult(0)))
      stored.push_back(op.getResult(0));
  func.walk([&](Operation *op) {
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
    collect(value, solver.axesOf(value), keeps);
    collectPins(value, solver.axesOf(value));
  }
  for (BlockArgument argument : func.getArguments())
    collect(argument, solver.axesOf(argument), false);
  for (Operation &op : func.getBody().front())
    if (op.getNumResults() != 1 || !isStoredTensor(op.getResult(0)))
      for (Value result : op.getResults())
        collect(result, solver.axesOf(result), false);

  OpBuilder builder = OpBuilder::atBlockTerminator(&func.getBody().front());
  // Single positions by the places where they lie.
  using Signature = SmallVector<std::tuple<void *, int64_t, int64_t, size_t>>;
  std::map<Signature, size_t> gathered;
  SmallVector<SmallVector<NodeId, 1>> groups;
  for (auto &[id, places] : placesOf) {
    if (llvm::none_of(places, [](const Place &place) { return isWeight(place.value); }))
      continue;
    if (!digits.extent(id).isOne()) {
      groups.push_back({id});
      continue;
    }
    Signature signature;
    for (const Place &place : places)
      signature.emplace_back(place.value.getAsOpaquePointer(), place.axis, place.block,
                             place.outer.size());
    auto [found, isNew] = gathered.try_emplace(signature, groups.size());
    if (isNew)
      groups.emplace_back();
    groups[found->second].push_back(id);
  }
  for (ArrayRef<NodeId> ids : groups)
    // The only position of its kind cannot leave: something must stay.
    if (ids.size() > 1 || !digits.extent(ids.front()).isOne())
      buildGroup(builder, func.getLoc(), makeGroup(ids));
  for (const Pin &pin : pins)
    buildPin(builder, func.getLoc(), pin);
}

LogicalResult pruning::analyze(func::FuncOp func, ArrayRef<std::string> interface) {
  func.getContext()->loadDialect<prune::PruneDialect>();
  stripGroups(func);
  if (!llvm::hasSingleElement(func.getBody()))
    return func.emitError("expected a function of one block");
  FailureOr<std::unique_ptr<analysis::SymbolicShapes>> shapes =
      analysis::SymbolicShapes::compute(func);
  if (failed(shapes))
    return failure();
  llvm::StringSet<> names;
  for (const std::string &name : interface)
    names.insert(name);
  Solver solver(func, **shapes, names);
  solver.run();
  Writer(func, solver).write();
  return success();
}

namespace {
struct PruneAnalyze : pruning::impl::PruneAnalyzeBase<PruneAnalyze> {
  using Base::Base;
  void runOnOperation() override {
    SmallVector<std::string> names(allowInterface.begin(), allowInterface.end());
    if (failed(pruning::analyze(getOperation(), names)))
      signalPassFailure();
  }
};
} // namespace
