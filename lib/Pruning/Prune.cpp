//===- Prune.cpp - All of pruning in one call -------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Pruning/Prune.h"

#include "dialects/Prune/IR/PruneDialect.h"
#include "secateur/Pruning/Passes.h"
#include "secateur/Pruning/Score.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

/// Marks the units of a plan that was made before.
static FailureOr<PlanOutcome> replay(func::FuncOp func, const PruneOptions &options) {
  if (failed(replayPlan(func, *options.replay, options.sha256)))
    return failure();
  FailureOr<std::unique_ptr<ModelExtents>> extents =
      ModelExtents::compute(func, options.plan.nominal);
  if (failed(extents))
    return failure();
  PlanOutcome outcome;
  outcome.dense = (*extents)->getDenseCost();
  for (const Group &group : (*extents)->collectGroups())
    for (int64_t unit : getRemovedUnits(group.op))
      if (failed((*extents)->remove(group, unit)))
        return failure();
  outcome.pruned = (*extents)->getCost();
  return outcome;
}

static FailureOr<PlanOutcome> choose(func::FuncOp func, const PruneOptions &options) {
  std::unique_ptr<Criterion> criterion = createCriterion(options.criterion);
  if (!criterion)
    return func.emitError("there is no criterion named '")
           << options.criterion << "'; known: magnitude";
  if (failed(keepGroups(func, options.keep)) || failed(scoreGroups(func, *criterion)))
    return failure();
  return planPruning(func, options.plan);
}

FailureOr<PruneOutcome> pruning::decidePruning(func::FuncOp func, const PruneOptions &options) {
  func.getContext()->loadDialect<prune::PruneDialect>();
  AnalyzeOptions analysis;
  analysis.interface = options.allowInterface;
  analysis.gatherShuffles = options.gatherShuffles;
  if (options.replay) {
    for (const PlanInterface &cut : options.replay->interface)
      analysis.interface.push_back(cut.value);
    analysis.gathered = options.replay->gathered;
  }
  if (failed(analyze(func, analysis)))
    return failure();
  FailureOr<PlanOutcome> planned = options.replay ? replay(func, options) : choose(func, options);
  if (failed(planned))
    return failure();
  PruneOutcome outcome;
  outcome.report = summarize(func, planned->dense, planned->pruned);
  outcome.reached = planned->reached;
  return outcome;
}

LogicalResult pruning::carryOutPruning(func::FuncOp func, const PruneOptions &options,
                                       PruneOutcome &outcome) {
  ApplyOptions apply;
  apply.nominal = options.plan.nominal;
  apply.statistics = options.statistics;
  FailureOr<PlanFile> plan = applyPlan(func, apply);
  if (failed(plan))
    return failure();
  outcome.plan = std::move(*plan);
  outcome.plan.sha256 = options.sha256;
  return success();
}
