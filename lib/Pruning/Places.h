//===- Places.h - Where the digits of a model lie ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// What the positions of a digit are on the axes of values, and which digits number
// the slots of another: positions in which each slot can lose others, as long as all
// lose as many.

#ifndef SECATEUR_LIB_PRUNING_PLACES_H
#define SECATEUR_LIB_PRUNING_PLACES_H

#include "Digits.h"

#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"

namespace secateur::pruning {

/// Whether a value is a stored tensor of numbers that a model has learned.
bool isWeight(mlir::Value value);

/// Where a digit lies: on an axis of a value.
struct Place {
  mlir::Value value;
  int64_t axis;
  int64_t offset, block;
  llvm::SmallVector<prune::AxisPart::Loop, 1> outer;
  bool keepsValue;
  int64_t fill;

  prune::AxisPart part() const { return {axis, offset, block, outer, 1, 0, {}}; }
};
using Places = llvm::SmallVector<Place, 4>;
using PlacesOf = llvm::MapVector<NodeId, Places>;

/// A group of a convolution and a channel in it, a head and a position inside it:
/// where each value that has the inner digit has the outer one too, and outside it
/// where they share an axis, the joint values of both are units. They number the
/// outer digit's values first; as many have to leave each of those, the slots.
class Slots {
public:
  /// `places` must outlive this.
  Slots(const PlacesOf &places, DigitGraph &digits);

  /// The digit that numbers the slots of `inner`; nullopt where it has none, and
  /// all that is beside it loses the same positions.
  std::optional<NodeId> slotsOf(NodeId inner) const;
  /// What the joint units of `slots` and an inner digit of `units` values own at one
  /// of the inner digit's places.
  prune::BoxLayout jointBox(const Place &inner, int64_t units, NodeId slots) const;

private:
  void choose(NodeId inner);
  /// Where `slots` lies for the sake of `inner`; null where it does not, or where
  /// that is not one place.
  const Place *match(const Place &inner, int64_t units, NodeId slots) const;

  const PlacesOf &places;
  DigitGraph &digits;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<NodeId, 4>> digitsIn;
  llvm::DenseMap<NodeId, NodeId> chosen;
  /// Values of which joint units own boxes over two axes. Those of one inner digit
  /// alone: what two leave together is no tensor.
  llvm::DenseSet<mlir::Value> boxed;
};

} // namespace secateur::pruning

#endif // SECATEUR_LIB_PRUNING_PLACES_H
