//===- Replay.cpp - A plan file on a model ----------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Pruning/Apply.h"
#include "secateur/Pruning/Passes.h"
#include "secateur/Pruning/Plan.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace secateur::pruning {
#define GEN_PASS_DEF_PRUNEREPLAY
#include "secateur/Pruning/Passes.h.inc"
} // namespace secateur::pruning

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

/// The same text for the same set of elements, whatever the order of slices.
static std::string canonicalText(const std::vector<PlanSlice> &slices) {
  std::vector<std::string> lines;
  for (const PlanSlice &slice : slices) {
    std::string &line = lines.emplace_back(slice.initializer);
    for (const auto &[axis, indices] : slice.box) {
      line += "|" + std::to_string(axis) + ":";
      for (int64_t index : indices)
        line += std::to_string(index) + ",";
    }
  }
  llvm::sort(lines);
  return llvm::join(lines, "\n");
}

namespace {

/// Finds the units of a model that a plan's steps are.
class PlanMatcher {
public:
  explicit PlanMatcher(func::FuncOp func)
      : func(func), groups(collectGroups(func)), removed(groups.size()) {
    for (auto [index, group] : llvm::enumerate(groups))
      byName[group.name] = index;
  }

  void match(const PlanFile &plan) {
    for (auto [number, step] : llvm::enumerate(plan.steps)) {
      std::optional<std::pair<size_t, int64_t>> unit = find(step);
      if (!unit)
        explainMisfit(number, step);
      else if (!removed[unit->first].insert(unit->second).second)
        misfit("step " + std::to_string(number) + " erases unit " + std::to_string(step.unit) +
               " of group '" + step.group + "' again");
    }
    if (misfits.empty())
      checkConstraints();
  }

  LogicalResult finish() {
    if (!misfits.empty()) {
      InFlightDiagnostic diagnostic = func.emitError("the plan does not fit this model");
      for (const std::string &text : llvm::ArrayRef(misfits).take_front(kShown))
        diagnostic.attachNote(func.getLoc()) << text;
      if (misfits.size() > kShown)
        diagnostic.attachNote(func.getLoc()) << "and " << misfits.size() - kShown << " more";
      return diagnostic;
    }
    for (auto [group, units] : llvm::zip_equal(groups, removed))
      setRemovedUnits(group.op, SmallVector<int64_t>(units.begin(), units.end()));
    return success();
  }

  void misfit(std::string text) { misfits.push_back(std::move(text)); }

private:
  static constexpr size_t kShown = 20;

  std::optional<std::pair<size_t, int64_t>> find(const PlanStep &step) {
    std::string wanted = canonicalText(step.slices);
    // The names are those of the analysis that made the plan; the slices decide.
    auto named = byName.find(step.group);
    if (named != byName.end()) {
      const Group &group = groups[named->second];
      if (step.unit >= 0 && step.unit < group.units &&
          canonicalText(makeSlices(group, step.unit)) == wanted)
        return std::pair(named->second, step.unit);
    }
    if (bySlices.empty())
      for (auto [index, group] : llvm::enumerate(groups))
        for (int64_t unit = 0; unit < group.units; ++unit)
          bySlices.try_emplace(canonicalText(makeSlices(group, unit)), index, unit);
    auto found = bySlices.find(wanted);
    return found == bySlices.end() ? std::nullopt : std::optional(found->second);
  }

  /// Says what of a step is not in the model.
  void explainMisfit(size_t number, const PlanStep &step) {
    if (tensors.empty())
      func.walk([&](Operation *op) {
        for (Value result : op->getResults())
          if (isStoredTensor(result))
            tensors.try_emplace(planName(result), cast<RankedTensorType>(result.getType()));
      });
    std::string where = "step " + std::to_string(number) + ": ";
    for (const PlanSlice &slice : step.slices) {
      auto tensor = tensors.find(slice.initializer);
      if (tensor == tensors.end())
        return misfit(where + "the model has no tensor '" + slice.initializer + "'");
      RankedTensorType type = tensor->second;
      for (const auto &[axis, indices] : slice.box) {
        if (axis >= type.getRank())
          return misfit(where + "'" + slice.initializer + "' has no axis " + std::to_string(axis));
        if (indices.back() >= type.getDimSize(axis))
          return misfit(where + "'" + slice.initializer + "' has " +
                        std::to_string(type.getDimSize(axis)) + " positions on axis " +
                        std::to_string(axis) + ", the plan cuts position " +
                        std::to_string(indices.back()));
      }
    }
    misfit(where + "what it cuts (group '" + step.group + "', unit " + std::to_string(step.unit) +
           ") is no unit of this model");
  }

  void checkConstraints() {
    for (auto [group, units] : llvm::zip_equal(groups, removed)) {
      int64_t kept = group.units - int64_t(units.size());
      if (kept < group.constraints.minKeep)
        misfit("group '" + group.name + "' would keep " + std::to_string(kept) +
               " units and needs " + std::to_string(group.constraints.minKeep));
      if (group.constraints.multipleOf > 1 && !units.empty() && kept % group.constraints.multipleOf)
        misfit("group '" + group.name + "' would keep " + std::to_string(kept) +
               " units, which is no multiple of " + std::to_string(group.constraints.multipleOf));
    }
  }

  func::FuncOp func;
  std::vector<Group> groups;
  std::vector<std::set<int64_t>> removed;
  llvm::StringMap<size_t> byName;
  llvm::StringMap<std::pair<size_t, int64_t>> bySlices;
  llvm::StringMap<RankedTensorType> tensors;
  std::vector<std::string> misfits;
};

} // namespace

LogicalResult pruning::replayPlan(func::FuncOp func, const PlanFile &plan, StringRef sha256) {
  PlanMatcher matcher(func);
  if (!sha256.empty() && !plan.sha256.empty() && sha256 != plan.sha256)
    matcher.misfit("it was made for a file with SHA-256 " + plan.sha256 + ", this one has " +
                   sha256.str());
  else
    matcher.match(plan);
  return matcher.finish();
}

namespace {
struct PruneReplay : pruning::impl::PruneReplayBase<PruneReplay> {
  using Base::Base;
  void runOnOperation() override {
    FailureOr<PlanFile> plan = readPlanFile(planFile, &getContext());
    if (failed(plan) || failed(replayPlan(getOperation(), *plan, "")))
      signalPassFailure();
  }
};
} // namespace
