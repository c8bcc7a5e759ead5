//===- Planner.h - The greedy choice of units -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Groups that keep equally many form a cluster. A cluster's candidate is the
// least that can leave next without hurting a constraint: a unit, or one of each
// slot, or as many as the multiple asks for. The planner takes the candidate that
// loses least for what it saves, until all targets are met.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_PRUNING_PLANNER_H
#define SECATEUR_LIB_PRUNING_PLANNER_H

#include "secateur/Pruning/Extents.h"

namespace secateur::pruning {

struct PlanTarget {
  bool flops = true;
  double atMost = 0;
};

class Planner {
public:
  Planner(ModelExtents &extents, const std::vector<Group> &groups,
          const std::vector<std::vector<double>> &scores, llvm::ArrayRef<PlanTarget> targets);

  /// Goes on removing until the targets are met; false where nothing more can
  /// leave. At least `minShare` of each group's units stays.
  bool run(double minShare);
  /// An error has been emitted.
  bool hasFailed() const { return failed; }
  /// The sorted units of a group that leave.
  llvm::SmallVector<int64_t> getRemoved(size_t group) const;

private:
  struct GroupState {
    /// By slot, the units that stay, the least important last.
    std::vector<std::vector<int64_t>> kept;
    int64_t keptCount = 0;
    double energy = 0;
    /// How many stored tensors its units are part of.
    double tensors = 1;
  };
  struct Candidate {
    bool valid = false;
    /// Units by position in the cluster's list of groups.
    std::vector<std::vector<int64_t>> units;
    double loss = 0, flops = 0, parameters = 0;
  };
  struct Cluster {
    std::vector<size_t> groups;
    llvm::SmallVector<mlir::Operation *, 0> ops;
    llvm::SmallVector<mlir::Value, 0> tensors;
    /// Clusters whose cost this one changes, itself among them.
    llvm::SmallVector<size_t, 0> neighbours;
    Candidate candidate;
    bool dirty = true;
  };

  void makeClusters();
  void findNeighbours();
  void updateCandidate(Cluster &cluster);
  /// How many units of a group leave next; 0 if none may.
  int64_t nextCount(size_t group) const;
  void measure(Cluster &cluster);
  int64_t currentFlops(mlir::Operation *op);
  void commit(Cluster &cluster);
  /// The share of what is still to be saved that a candidate saves.
  double gainOf(const Candidate &candidate) const;
  bool finishes(const Candidate &candidate) const;
  bool met() const;

  ModelExtents &extents;
  const std::vector<Group> &groups;
  const std::vector<std::vector<double>> &scores;
  llvm::SmallVector<PlanTarget> targets;
  std::vector<GroupState> states;
  std::vector<Cluster> clusters;
  llvm::DenseMap<mlir::Operation *, int64_t> flopsOf;
  double flops = 0, parameters = 0;
  double minShare = 0;
  bool failed = false;
};

} // namespace secateur::pruning

#endif // SECATEUR_LIB_PRUNING_PLANNER_H
