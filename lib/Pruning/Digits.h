//===- Digits.h - Index sets and their equalities ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The algebra under group discovery. An index set is
//
//   a digit    e positions that vary by themselves;
//   a product  mixed radix, outermost factor first;
//   a sum      one after the other.
//
// `unify` says that two sets of the same size are the same set. Where their
// structure differs, digits are refined: a digit becomes a product or a sum of
// finer digits, everywhere at once (a digit is a union-find node that forwards to
// what it became). The finest refinement of a digit is the sum of its positions,
// one digit each: the explicit form, so there is no index map by cuts that this
// cannot hold. Where two mixed radixes have no common refinement, what they have in
// common at either end is split off, and what is between is pinned: of [6][4] and
// [4][6], which are [2][6][2] then, the outer and the inner two are free.
//
// A pinned digit keeps all its values. Pinning absorbs: it needs no structure.

#ifndef SECATEUR_LIB_PRUNING_DIGITS_H
#define SECATEUR_LIB_PRUNING_DIGITS_H

#include "dialects/NN/IR/ShapeEvaluator.h"
#include "dialects/Prune/IR/PruneLayout.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <string>
#include <vector>

namespace secateur::pruning {

using NodeId = unsigned;

/// A size: a constant times symbols and other things that are not constant.
struct Extent {
  int64_t factor = 1;
  llvm::SmallVector<nn::Dim, 1> symbols;

  Extent() = default;
  Extent(int64_t factor) : factor(factor) {}
  explicit Extent(nn::Dim dim);
  bool isStatic() const { return symbols.empty(); }
  bool isOne() const { return isStatic() && factor == 1; }
  bool operator==(const Extent &other) const {
    return factor == other.factor && symbols == other.symbols;
  }
  Extent operator*(const Extent &other) const;
  /// This / other, where that is known to leave nothing over.
  std::optional<Extent> dividedBy(const Extent &other) const;
};

/// Why positions stay.
struct Reason {
  mlir::Operation *op = nullptr;
  std::string rule;
  /// Not worth a word: the positions are no units of anything (a kernel's taps).
  bool silent = false;
};

/// Where a digit lies on an axis: value v owns the `block` positions from
/// offset + v * block, again along each loop.
struct Occurrence {
  NodeId digit;
  int64_t offset, block;
  llvm::SmallVector<prune::AxisPart::Loop, 1> outer;
};

/// Puts `loop` inside `loops`. A loop whose every round is followed by the next of the
/// loop outside is one with it.
void addLoop(llvm::SmallVectorImpl<prune::AxisPart::Loop> &loops, prune::AxisPart::Loop loop);

class DigitGraph {
public:
  NodeId digit(Extent extent);
  NodeId pinned(Extent extent, unsigned reason);
  NodeId product(llvm::ArrayRef<NodeId> factors);
  NodeId sum(llvm::ArrayRef<NodeId> pieces);

  /// The two parts of a set of constant size, 0 < position < size.
  std::pair<NodeId, NodeId> cut(NodeId node, int64_t position);
  NodeId slice(NodeId node, int64_t begin, int64_t end);
  /// Groups the product of `from` anew, into sets of the sizes `to`.
  llvm::SmallVector<NodeId> regroup(llvm::ArrayRef<NodeId> from, llvm::ArrayRef<Extent> to,
                                    unsigned reason);
  /// The two sets are one. `reason` is for what has no common refinement.
  void unify(NodeId left, NodeId right, unsigned reason);
  void pin(NodeId node, unsigned reason);

  unsigned addReason(Reason reason);
  const Reason &getReason(unsigned reason) const { return reasons[reason]; }

  NodeId find(NodeId node);
  const Extent &extent(NodeId node) { return nodes[find(node)].extent; }
  /// Whether all of the set is known to be pinned, and why.
  std::optional<unsigned> pinOf(NodeId node);
  bool isDigit(NodeId node) { return nodes[find(node)].kind == Kind::Digit; }
  bool isSum(NodeId node) { return nodes[find(node)].kind == Kind::Sum; }
  /// The pieces of a sum, the factors of a product; empty for a digit.
  llvm::ArrayRef<NodeId> childrenOf(NodeId node) { return nodes[find(node)].children; }
  /// All digits of a set, pinned ones included, in order of position.
  void forEachDigit(NodeId node, llvm::function_ref<void(const Occurrence &)> visit);
  /// The runs of positions none of which can leave, and why.
  void
  forEachPinnedRun(NodeId node,
                   llvm::function_ref<void(int64_t first, int64_t count, unsigned reason)> visit);

private:
  enum class Kind { Digit, Product, Sum, Forward };
  static constexpr unsigned kFree = ~0u;
  struct Node {
    Kind kind;
    Extent extent;
    unsigned pin = kFree;
    /// Of a product or sum; of a forward, the one that it became.
    llvm::SmallVector<NodeId, 2> children;
  };

  NodeId make(Kind kind, Extent extent, llvm::ArrayRef<NodeId> children = {});
  void forward(NodeId from, NodeId to);
  bool contains(NodeId node, NodeId digit);
  void unifySum(NodeId sum, NodeId other, unsigned reason);
  void unifyProducts(NodeId left, NodeId right, unsigned reason);
  void separateOnes(llvm::SmallVectorImpl<NodeId> &left, llvm::SmallVectorImpl<NodeId> &right,
                    unsigned reason);
  void flatten(NodeId node, llvm::SmallVectorImpl<NodeId> &factors);
  std::pair<NodeId, NodeId> cutProduct(NodeId node, int64_t position);
  std::pair<NodeId, NodeId> split(NodeId node, const Extent &outer, const Extent &inner,
                                  unsigned reason);
  NodeId takeFrom(llvm::SmallVectorImpl<NodeId> &factors, const Extent &size, bool back,
                  unsigned reason, bool &partial);
  std::optional<unsigned> pinOfAll(NodeId node);
  void walk(NodeId node, Occurrence &at, llvm::function_ref<void(const Occurrence &)> visit);

  std::vector<Node> nodes;
  std::vector<Reason> reasons;
};

} // namespace secateur::pruning

#endif // SECATEUR_LIB_PRUNING_DIGITS_H
