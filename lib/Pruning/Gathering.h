//===- Gathering.h - Which digits become groups -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A digit that some weight has is a group. Digits of one position (what the explicit
// form leaves) that lie on the same axes are gathered into one group.
//
// Something must stay of each axis. That each group of several positions keeps a unit is
// no help to an axis that has only a part of their product: [a0][b0] + [a0][b1] + [a1][b0]
// without a0 and b0. So of some groups of single positions a unit stays, and some positions
// are in no group.

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
  llvm::ArrayRef<Ids> getGroups() const { return groups; }
  /// Whether the digit is one of one position in a group of such.
  bool isGathered(NodeId id) const { return gatheredIn.contains(id); }
  /// Whether a unit of that group stays.
  bool keepsUnit(NodeId id) const { return keepingUnit.contains(gatheredIn.lookup(id)); }

private:
  using Units = llvm::SmallDenseSet<NodeId>;
  using Positions = llvm::SmallSetVector<NodeId, 8>;

  void gather();
  void keepAxes(llvm::ArrayRef<NodeId> axes);
  void collectGroups(NodeId node, llvm::SmallSetVector<size_t, 4> &found);
  bool survives(NodeId node, const Units &kept);
  bool canVanish(NodeId node);
  Positions neededFor(NodeId node);
  void keepSome(NodeId node);
  void takeOut(NodeId node);
  double costOfKeeping(NodeId node);
  bool regather(NodeId node);
  bool collectEnough(NodeId node, Positions &enough);

  DigitGraph &digits;
  const PlacesOf &placesOf;
  llvm::SmallVector<Ids> groups;
  /// The place of each single position in that list.
  llvm::DenseMap<NodeId, size_t> gatheredIn;
  /// Groups of single positions of which a unit stays, and those that were made for that.
  llvm::DenseSet<size_t> keepingUnit, regathered;
};

} // namespace secateur::pruning

#endif // SECATEUR_LIB_PRUNING_GATHERING_H
