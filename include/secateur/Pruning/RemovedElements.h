//===- RemovedElements.h - Cutting boxes out of a tensor ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// What is left of a tensor when boxes of its elements are removed: first the
// slabs that are removed as a whole, then, where every run along an axis has
// lost as many elements as the others, those (the in-side of a grouped
// convolution). The order is that of the plan file's reference checker.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_PRUNING_REMOVEDELEMENTS_H
#define SECATEUR_PRUNING_REMOVEDELEMENTS_H

#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/SmallVector.h"

#include <map>
#include <optional>
#include <vector>

namespace secateur::pruning {

/// Sorted indices by axis; an axis that is not named is whole.
using IndexBox = std::map<int64_t, std::vector<int64_t>>;

/// The removed elements of one tensor.
class RemovedElements {
public:
  RemovedElements() = default;
  explicit RemovedElements(llvm::ArrayRef<int64_t> shape);

  /// False where the box does not lie within the tensor.
  bool contains(const IndexBox &box) const;
  /// `box` must lie within the tensor.
  void add(const IndexBox &box);

  /// The shape that would be left if `extra` left too; nullopt where it is ragged.
  std::optional<llvm::SmallVector<int64_t>> packedShapeWith(llvm::ArrayRef<IndexBox> extra) const;

  bool empty() const { return !anySlab && boxes.empty(); }
  /// Indices of `axis` of which every element is removed by slabs.
  const llvm::BitVector &slab(int64_t axis) const { return slabs[axis]; }
  llvm::ArrayRef<int64_t> denseShape() const { return shape; }
  /// The shape of what is left; nullopt where it is ragged.
  std::optional<llvm::SmallVector<int64_t>> packedShape() const;

  /// The kept part of `value`, packed; null where it is ragged or the elements
  /// cannot be read. A resource gives a resource under a name made from
  /// `name`, anything else a dense attribute.
  mlir::ElementsAttr erase(mlir::ElementsAttr value, llvm::StringRef name) const;

private:
  friend class Packing;
  /// Elements over the axes that some box names (others count as one position), by
  /// whether boxes remove them. A planner asks for shapes far more often than it
  /// removes.
  struct Mask {
    llvm::SmallVector<int64_t> extents;
    std::vector<char> removed;
    void add(const IndexBox &box);
  };
  bool covers(const IndexBox &box) const;
  std::optional<llvm::SmallVector<int64_t>> packedShapeOf(Mask boxed) const;

  llvm::SmallVector<int64_t> shape;
  llvm::SmallVector<llvm::BitVector> slabs;
  bool anySlab = false;
  std::vector<IndexBox> boxes;
  Mask mask;
};

/// A box and what its elements are filled with.
struct Filling {
  IndexBox box;
  double value = 0;
};

/// `value` with boxes filled; null where the elements cannot be read or the type
/// cannot hold a filling.
mlir::ElementsAttr fillElements(mlir::ElementsAttr value, llvm::ArrayRef<Filling> fillings,
                                llvm::StringRef name);

/// An attribute like `like` (a resource or dense) that owns `bytes`.
mlir::ElementsAttr makeElements(mlir::ShapedType type, const std::vector<char> &bytes,
                                mlir::ElementsAttr like, llvm::StringRef name);

} // namespace secateur::pruning

#endif // SECATEUR_PRUNING_REMOVEDELEMENTS_H
