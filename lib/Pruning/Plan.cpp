//===- Plan.cpp - Which units leave under a budget --------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Pruning/Plan.h"

#include "Planner.h"
#include "secateur/Pruning/Passes.h"
#include "secateur/Pruning/Score.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/GlobPattern.h"

namespace secateur::pruning {
#define GEN_PASS_DEF_PRUNEPLAN
#include "secateur/Pruning/Passes.h.inc"
} // namespace secateur::pruning

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

ArrayRef<int64_t> pruning::getRemovedUnits(prune::GroupOp group) {
  auto removed = group->getAttrOfType<DenseI64ArrayAttr>(kRemovedAttr);
  return removed ? removed.asArrayRef() : ArrayRef<int64_t>();
}

void pruning::setRemovedUnits(prune::GroupOp group, ArrayRef<int64_t> units) {
  group->setAttr(kRemovedAttr, DenseI64ArrayAttr::get(group.getContext(), units));
}

//===----------------------------------------------------------------------===//
// Budgets
//===----------------------------------------------------------------------===//

std::optional<Budget> pruning::parseBudget(StringRef text, std::string &error) {
  auto [kind, amount] = text.split('=');
  Budget budget;
  budget.text = text.str();
  if (kind == "flops") {
    budget.kind = Budget::Kind::Flops;
  } else if (kind == "params") {
    budget.kind = Budget::Kind::Parameters;
  } else {
    error = ("budget '" + text + "' is of no known kind; known: flops, params").str();
    return std::nullopt;
  }
  budget.relative = amount.consume_back("%");
  double scale = budget.relative ? 0.01 : 1;
  if (!budget.relative)
    for (auto [suffix, factor] :
         {std::pair("K", 1e3), std::pair("M", 1e6), std::pair("G", 1e9), std::pair("T", 1e12)})
      if (amount.consume_back(suffix))
        scale = factor;
  if (amount.getAsDouble(budget.amount) || !(budget.amount > 0) ||
      (budget.relative && budget.amount > 100)) {
    error = ("budget '" + text + "' has no amount; write a share like 50%, or a number like 1.2G")
                .str();
    return std::nullopt;
  }
  budget.amount *= scale;
  return budget;
}

static double costOf(const ModelCost &cost, Budget::Kind kind) {
  return kind == Budget::Kind::Flops ? double(cost.flops) : double(cost.parameters);
}

/// What at most may be left.
static double targetOf(const Budget &budget, const ModelCost &dense) {
  return budget.relative ? budget.amount * costOf(dense, budget.kind) : budget.amount;
}

//===----------------------------------------------------------------------===//
// Planning
//===----------------------------------------------------------------------===//

/// `62.3%` of the dense model.
static std::string percent(double part, double whole) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.1f%%", whole > 0 ? 100 * part / whole : 100.0);
  return text;
}

/// Notes that name what is pinned, the rules with most dimensions first.
static void explainPins(InFlightDiagnostic &diagnostic, func::FuncOp func) {
  llvm::MapVector<StringRef, std::vector<const Pin *>> byReason;
  std::vector<Pin> pins = collectPins(func);
  for (const Pin &pin : pins)
    byReason[pin.reason].push_back(&pin);
  auto reasons = byReason.takeVector();
  llvm::sort(reasons, [](const auto &a, const auto &b) {
    return std::pair(b.second.size(), a.first) < std::pair(a.second.size(), b.first);
  });
  for (const auto &[reason, all] : llvm::ArrayRef(reasons).take_front(8)) {
    Diagnostic &note = diagnostic.attachNote(all.front()->value.getLoc());
    note << "pinned: " << reason << " (" << all.size()
         << (all.size() == 1 ? " dimension: " : " dimensions: ");
    for (const auto &[index, pin] : llvm::enumerate(llvm::ArrayRef(all).take_front(4)))
      note << (index ? ", '" : "'") << planName(pin->value) << "' axis " << pin->axis << " by "
           << pin->op;
    note << (all.size() > 4 ? ", ...)" : ")");
  }
}

static LogicalResult reportUnreachable(func::FuncOp func, const PlanOptions &options,
                                       const PlanOutcome &outcome) {
  for (const Budget &budget : options.budgets) {
    double left = costOf(outcome.pruned, budget.kind), dense = costOf(outcome.dense, budget.kind);
    if (left <= targetOf(budget, outcome.dense))
      continue;
    InFlightDiagnostic diagnostic =
        func.emitError("budget ") << budget.text
                                  << " is out of reach: the least that can be left is "
                                  << percent(left, dense) << " (" << int64_t(left)
                                  << (budget.kind == Budget::Kind::Flops ? " FLOPs" : " parameters")
                                  << "); --best-effort takes that";
    explainPins(diagnostic, func);
    return diagnostic;
  }
  return success();
}

FailureOr<PlanOutcome> pruning::planPruning(func::FuncOp func, const PlanOptions &options) {
  FailureOr<std::unique_ptr<ModelExtents>> extents = ModelExtents::compute(func, options.nominal);
  if (failed(extents))
    return failure();
  std::vector<Group> groups = (*extents)->collectGroups();
  std::vector<std::vector<double>> scores;
  for (const Group &group : groups) {
    ArrayRef<double> given = getScores(group.op);
    if (given.empty() && group.units)
      return emitError(locationOf(group))
             << "group '" << group.name << "' has no scores: run prune-score first";
    scores.emplace_back(given.begin(), given.end());
  }
  PlanOutcome outcome;
  outcome.dense = (*extents)->getDenseCost();
  SmallVector<PlanTarget> targets;
  for (const Budget &budget : options.budgets)
    targets.push_back({budget.kind == Budget::Kind::Flops, targetOf(budget, outcome.dense)});

  Planner planner(**extents, groups, scores, targets);
  outcome.reached = planner.run(options.minShare) || planner.run(0);
  if (planner.hasFailed())
    return failure();
  outcome.pruned = (*extents)->getCost();
  if (!outcome.reached && !options.bestEffort && failed(reportUnreachable(func, options, outcome)))
    return failure();
  for (auto [index, group] : llvm::enumerate(groups))
    setRemovedUnits(group.op, planner.getRemoved(index));
  return outcome;
}

//===----------------------------------------------------------------------===//
// What the user wants kept
//===----------------------------------------------------------------------===//

/// The names that a pattern can match: of the members, and of the nodes at the
/// stored ones.
static SmallVector<std::string> namesOf(const Group &group) {
  SmallVector<std::string> names;
  for (Value member : group.members) {
    names.push_back(valueName(member));
    if (!isStoredTensor(member))
      continue;
    for (Operation *user : member.getUsers())
      if (auto fused = dyn_cast<FusedLoc>(user->getLoc()))
        for (Location inner : fused.getLocations())
          if (auto name = dyn_cast<NameLoc>(inner))
            names.push_back(name.getName().str());
  }
  return names;
}

LogicalResult pruning::keepGroups(func::FuncOp func, ArrayRef<std::string> patterns) {
  std::vector<Group> groups = collectGroups(func);
  SmallVector<SmallVector<std::string>> names;
  for (const Group &group : groups)
    names.push_back(namesOf(group));
  llvm::BitVector kept(groups.size());
  for (const std::string &pattern : patterns) {
    llvm::Expected<llvm::GlobPattern> glob = llvm::GlobPattern::create(pattern);
    if (!glob)
      return func.emitError("pattern '")
             << pattern << "' is malformed: " << llvm::toString(glob.takeError());
    bool any = false;
    for (size_t index = 0; index < groups.size(); ++index)
      if (llvm::any_of(names[index], [&](const std::string &name) { return glob->match(name); })) {
        kept.set(index);
        any = true;
      }
    if (!any)
      return func.emitError("pattern '")
             << pattern << "' matches no tensor or node that could be pruned";
  }
  for (size_t index : kept.set_bits()) {
    const Group &group = groups[index];
    OpBuilder builder(group.op);
    for (auto [member, layout] : llvm::zip_equal(group.members, group.layouts)) {
      llvm::SmallSetVector<int64_t, 4> axes;
      for (const prune::BoxLayout &box : layout.boxes)
        for (const prune::AxisPart &part : box.parts)
          axes.insert(part.axis);
      for (int64_t axis : axes)
        if (isStoredTensor(member))
          buildPin(builder, locationOf(group), {member, axis, "kept by request", "--keep", 0, 0});
    }
    Operation *op = group.op;
    op->erase();
  }
  return success();
}

namespace {
struct PrunePlan : pruning::impl::PrunePlanBase<PrunePlan> {
  using Base::Base;
  void runOnOperation() override {
    PlanOptions options;
    options.bestEffort = bestEffort;
    options.minShare = minShare;
    for (const std::string &text : budgets) {
      std::string error;
      std::optional<Budget> budget = parseBudget(text, error);
      if (!budget) {
        getOperation().emitError(error);
        return signalPassFailure();
      }
      options.budgets.push_back(*budget);
    }
    std::vector<std::string> patterns(keep.begin(), keep.end());
    if (failed(keepGroups(getOperation(), patterns)) ||
        failed(planPruning(getOperation(), options)))
      signalPassFailure();
  }
};
} // namespace
