//===- Gathering.h - Which digits become groups -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A digit that some weight has is a group. Digits of one position (what the explicit
// form leaves) that lie on the same axes are gathered into one group.
//
// Something must stay of each axis. That each group of several positions keeps a unit is
// no help to an axis that has only a part of their product: [a0][b0] + [a0][b1] + [a1][b0]
// without a0 and b0. So of some groups of single positions one unit stays, or more, and some
// positions are in no group.

#ifndef SECATEUR_LIB_PRUNING_GATHERING_H
#define SECATEUR_LIB_PRUNING_GATHERING_H

#include "Places.h"

#include "llvm/ADT/SetVector.h"

namespace secateur::pruning {

class Gathering {
public:
  using Ids = llvm::SmallVector<NodeId, 1>;

  /// `axes` are those that are not pinned as a whole. `places` must outlive this.
  Gathering(DigitGraph &digits, const PlacesOf &places, llvm::ArrayRef<NodeId> axes);

  /// Each is one digit, or digits of one position; empty where all of those stay.
  llvm::ArrayRef<Ids> getGroups() const { return state.groups; }
  /// Whether the digit is one of one position in a group of such.
  bool isGathered(NodeId id) const { return state.gatheredIn.contains(id); }
  /// How many units of that group stay.
  size_t keptUnits(NodeId id) const { return state.kept.lookup(state.gatheredIn.lookup(id)); }

private:
  using Units = llvm::SmallDenseSet<NodeId>;
  using Positions = llvm::SmallSetVector<NodeId, 8>;

  void gather();
  void keepAxes(llvm::ArrayRef<NodeId> axes);
  void collectGroups(NodeId node, llvm::SmallSetVector<size_t, 4> &found);
  size_t makeTogether(llvm::ArrayRef<NodeId> ids);
  bool survives(NodeId node, const Units &kept);
  bool canVanish(NodeId node);
  bool canVanish(NodeId node, llvm::ArrayRef<size_t> keeping, const Units &kept);
  Positions neededFor(NodeId node);
  void keepSome(NodeId node);
  bool keepMore(NodeId node);
  void takeOut(NodeId node);
  double costOfKeeping(NodeId node);
  bool regather(NodeId node);
  bool collectEnough(NodeId node, Positions &enough);

  DigitGraph &digits;
  const PlacesOf &placesOf;
  struct State {
    llvm::SmallVector<Ids> groups;
    /// The place of each single position in that list.
    llvm::DenseMap<NodeId, size_t> gatheredIn;
    /// How many units stay of a group of single positions, where some do.
    llvm::DenseMap<size_t, size_t> kept;
    /// Those that were made for that.
    llvm::DenseSet<size_t> together;

    size_t mostRemoved() const;
  } state;
};

} // namespace secateur::pruning

#endif // SECATEUR_LIB_PRUNING_GATHERING_H
