//===- PruneLayout.h - Where the units of a group lie in a member -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The compact form of "which positions does unit u own": a few numbers for each
// member, however many units there are. `prune.group` keeps a layout as an array
// of integers; `encode` and `decode` are the only readers of that coding.

#ifndef SECATEUR_DIALECTS_PRUNE_IR_PRUNELAYOUT_H
#define SECATEUR_DIALECTS_PRUNE_IR_PRUNELAYOUT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <optional>

namespace secateur::prune {

/// The positions of one axis that a unit owns: runs of `block` positions at
/// `offset + digit * block`, each repeated along all loops of `outer`, where
/// digit = (unit / div) mod extent; or, where `lists` is not empty, lists[unit].
struct AxisPart {
  struct Loop {
    /// -1: as often as the axis has room, which depends on the size of the input;
    /// outermost alone. `positions` gives those of the first round.
    int64_t count = 1;
    /// In positions.
    int64_t stride = 0;
    bool operator==(const Loop &) const = default;
  };
  int64_t axis = 0;
  int64_t offset = 0;
  int64_t block = 1;
  llvm::SmallVector<Loop, 1> outer;
  /// The digit of the unit's number: all of it where extent is 0.
  int64_t div = 1;
  int64_t extent = 0;
  /// The explicit form: one sorted list of positions a unit.
  llvm::SmallVector<llvm::SmallVector<int64_t>> lists;

  bool operator==(const AxisPart &) const = default;
  /// The positions of `unit`, in increasing order.
  llvm::SmallVector<int64_t> positions(int64_t unit) const;
};

/// All parts at once: the elements whose index lies, on every axis named, in that
/// axis' positions. Axes that are not named are whole.
struct BoxLayout {
  llvm::SmallVector<AxisPart, 1> parts;
  bool operator==(const BoxLayout &) const = default;
};

/// What a unit owns of a member: the union of its boxes.
struct MemberLayout {
  llvm::SmallVector<BoxLayout, 1> boxes;
  /// Removed elements keep their values in the proof (a divisor, a variance).
  bool keepsValue = false;
  /// What they count as otherwise (a quantised zero).
  int64_t fill = 0;
  bool operator==(const MemberLayout &) const = default;
};

llvm::SmallVector<int64_t> encode(const MemberLayout &layout);
/// nullopt where `code` is not the coding of a layout.
std::optional<MemberLayout> decode(llvm::ArrayRef<int64_t> code);

} // namespace secateur::prune

#endif // SECATEUR_DIALECTS_PRUNE_IR_PRUNELAYOUT_H
