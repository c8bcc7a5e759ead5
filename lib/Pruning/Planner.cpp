//===- Planner.cpp - The greedy choice of units -----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Planner.h"

#include "dialects/NN/IR/NNOps.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

Planner::Planner(ModelExtents &extents, const std::vector<Group> &groups,
                 const std::vector<std::vector<double>> &scores, ArrayRef<PlanTarget> targets)
    : extents(extents), groups(groups), scores(scores), targets(targets) {
  for (auto [index, group] : llvm::enumerate(groups)) {
    GroupState &state = states.emplace_back();
    int64_t slots = std::max<int64_t>(group.constraints.balanced, 1),
            slotSize = group.units / slots;
    state.kept.resize(slots);
    for (int64_t unit = 0; unit < slots * slotSize; ++unit) {
      state.kept[unit / slotSize].push_back(unit);
      state.energy += scores[index][unit] * scores[index][unit];
    }
    state.keptCount = slots * slotSize;
    state.tensors = double(std::max<size_t>(1, llvm::count_if(group.members, isStoredTensor)));
    // Ties leave from the end, so that equal weights give a stable choice.
    for (std::vector<int64_t> &slot : state.kept)
      llvm::sort(slot, [&](int64_t a, int64_t b) {
        return std::pair(-scores[index][a], a) < std::pair(-scores[index][b], b);
      });
  }
  ModelCost cost = extents.getCost();
  flops = double(cost.flops);
  parameters = double(cost.parameters);
  makeClusters();
  findNeighbours();
}

void Planner::makeClusters() {
  llvm::StringMap<size_t> byName;
  for (auto [index, group] : llvm::enumerate(groups)) {
    size_t cluster = clusters.size();
    if (!group.constraints.uniform.empty())
      cluster = byName.try_emplace(group.constraints.uniform, cluster).first->second;
    if (cluster == clusters.size())
      clusters.emplace_back();
    clusters[cluster].groups.push_back(index);
  }
  for (Cluster &cluster : clusters) {
    llvm::SetVector<Operation *> ops;
    llvm::SetVector<Value> tensors;
    for (size_t index : cluster.groups)
      for (Value member : groups[index].members) {
        if (isStoredTensor(member))
          tensors.insert(member);
        if (Operation *op = member.getDefiningOp(); op && isa<nn::CostOpInterface>(op))
          ops.insert(op);
        for (Operation *user : member.getUsers())
          if (isa<nn::CostOpInterface>(user))
            ops.insert(user);
      }
    cluster.ops.assign(ops.begin(), ops.end());
    cluster.tensors.assign(tensors.begin(), tensors.end());
  }
}

void Planner::findNeighbours() {
  llvm::MapVector<void *, std::vector<size_t>> users;
  for (auto [index, cluster] : llvm::enumerate(clusters)) {
    for (Operation *op : cluster.ops)
      users[op].push_back(index);
    for (Value tensor : cluster.tensors)
      users[tensor.getAsOpaquePointer()].push_back(index);
  }
  for (auto [index, cluster] : llvm::enumerate(clusters)) {
    llvm::SetVector<size_t> found;
    found.insert(index);
    for (Operation *op : cluster.ops)
      found.insert_range(users[op]);
    for (Value tensor : cluster.tensors)
      found.insert_range(users[tensor.getAsOpaquePointer()]);
    cluster.neighbours.assign(found.begin(), found.end());
  }
}

int64_t Planner::nextCount(size_t index) const {
  const Constraints &constraints = groups[index].constraints;
  const GroupState &state = states[index];
  int64_t slots = state.kept.size(), multiple = std::max<int64_t>(constraints.multipleOf, 1);
  int64_t floor = std::max({constraints.minKeep, int64_t(1), slots,
                            int64_t(std::ceil(minShare * double(groups[index].units)))});
  if (constraints.minKeep == 0)
    floor = 0;
  for (int64_t count = slots; state.keptCount - count >= floor; count += slots)
    if ((state.keptCount - count) % multiple == 0)
      return count;
  return 0;
}

void Planner::updateCandidate(Cluster &cluster) {
  cluster.dirty = false;
  Candidate &candidate = cluster.candidate = Candidate();
  for (size_t index : cluster.groups) {
    const GroupState &state = states[index];
    int64_t count = nextCount(index);
    // Groups that keep equally many must be able to lose equally many.
    if (count == 0 ||
        (!candidate.units.empty() && int64_t(candidate.units.front().size()) != count))
      return;
    std::vector<int64_t> &units = candidate.units.emplace_back();
    double energy = 0, tiny = state.energy * 1e-9 + 1e-30;
    for (const std::vector<int64_t> &slot : state.kept)
      for (int64_t i = 0, each = count / int64_t(state.kept.size()); i < each; ++i) {
        units.push_back(slot[slot.size() - 1 - i]);
        energy += scores[index][units.back()] * scores[index][units.back()];
      }
    // -log of the kept share of the energy that is left. `tiny` spreads units
    // without any energy by their number.
    double share = double(count) / double(state.keptCount);
    candidate.loss -=
        state.tensors *
        std::log1p(-std::min((energy + tiny * share) / (state.energy + tiny), 1 - 1e-9));
  }
  candidate.valid = true;
  measure(cluster);
}

int64_t Planner::currentFlops(Operation *op) {
  auto [entry, isNew] = flopsOf.try_emplace(op, 0);
  if (isNew)
    entry->second = ModelExtents::getFlops(
        op, [&](Value value) { return SmallVector<int64_t>(extents.getPrunedShape(value)); });
  return entry->second;
}

void Planner::measure(Cluster &cluster) {
  Candidate &candidate = cluster.candidate;
  llvm::DenseMap<Value, SmallVector<int64_t>> shapes;
  for (auto [position, index] : llvm::enumerate(cluster.groups))
    extents.tryRemove(groups[index], candidate.units[position], shapes);
  auto shapeOf = [&](Value value) {
    auto found = shapes.find(value);
    return found == shapes.end() ? SmallVector<int64_t>(extents.getPrunedShape(value))
                                 : found->second;
  };
  for (Operation *op : cluster.ops)
    candidate.flops += double(currentFlops(op) - ModelExtents::getFlops(op, shapeOf));
  for (Value tensor : cluster.tensors)
    if (shapes.contains(tensor))
      candidate.parameters +=
          double(ModelExtents::getTensorCost(tensor, extents.getPrunedShape(tensor)).parameters -
                 ModelExtents::getTensorCost(tensor, shapeOf(tensor)).parameters);
}

double Planner::gainOf(const Candidate &candidate) const {
  double gain = 0;
  for (const PlanTarget &target : targets) {
    double open = (target.flops ? flops : parameters) - target.atMost;
    if (open > 0)
      gain += (target.flops ? candidate.flops : candidate.parameters) / open;
  }
  return gain;
}

bool Planner::met() const {
  return llvm::all_of(targets, [&](const PlanTarget &target) {
    return (target.flops ? flops : parameters) <= target.atMost;
  });
}

bool Planner::finishes(const Candidate &candidate) const {
  return llvm::all_of(targets, [&](const PlanTarget &target) {
    return target.flops ? flops - candidate.flops <= target.atMost
                        : parameters - candidate.parameters <= target.atMost;
  });
}

void Planner::commit(Cluster &cluster) {
  auto sum = [&](double sign) {
    for (Operation *op : cluster.ops)
      flops += sign * double(currentFlops(op));
    for (Value tensor : cluster.tensors)
      parameters +=
          sign *
          double(ModelExtents::getTensorCost(tensor, extents.getPrunedShape(tensor)).parameters);
  };
  sum(-1);
  for (auto [position, index] : llvm::enumerate(cluster.groups)) {
    GroupState &state = states[index];
    for (int64_t unit : cluster.candidate.units[position]) {
      failed |= mlir::failed(extents.remove(groups[index], unit));
      state.energy = std::max(0.0, state.energy - scores[index][unit] * scores[index][unit]);
    }
    state.keptCount -= cluster.candidate.units[position].size();
    size_t each = cluster.candidate.units[position].size() / state.kept.size();
    for (std::vector<int64_t> &slot : state.kept)
      slot.resize(slot.size() - each);
  }
  for (Operation *op : cluster.ops)
    flopsOf.erase(op);
  sum(1);
  for (size_t neighbour : cluster.neighbours)
    clusters[neighbour].dirty = true;
}

bool Planner::run(double share) {
  minShare = share;
  for (Cluster &cluster : clusters)
    cluster.dirty = true;
  while (!met() && !failed) {
    Cluster *best = nullptr, *last = nullptr;
    double bestRatio = std::numeric_limits<double>::infinity(), lastLoss = bestRatio;
    for (Cluster &cluster : clusters) {
      if (cluster.dirty)
        updateCandidate(cluster);
      double gain = cluster.candidate.valid ? gainOf(cluster.candidate) : 0;
      if (gain <= 0)
        continue;
      double ratio = cluster.candidate.loss / gain;
      if (ratio < bestRatio) {
        bestRatio = ratio;
        best = &cluster;
      }
      if (cluster.candidate.loss < lastLoss && finishes(cluster.candidate)) {
        lastLoss = cluster.candidate.loss;
        last = &cluster;
      }
    }
    if (!best)
      return false;
    // Where one more step is enough, what it saves beyond that is not needed.
    commit(finishes(best->candidate) && last ? *last : *best);
  }
  return met();
}

SmallVector<int64_t> Planner::getRemoved(size_t group) const {
  llvm::BitVector removed(groups[group].units, true);
  for (const std::vector<int64_t> &slot : states[group].kept)
    for (int64_t unit : slot)
      removed.reset(unit);
  SmallVector<int64_t> units;
  for (unsigned unit : removed.set_bits())
    units.push_back(unit);
  return units;
}
