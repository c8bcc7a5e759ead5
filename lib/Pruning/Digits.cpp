//===- Digits.cpp - Index sets and their equalities -------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Digits.h"

#include "llvm/ADT/STLExtras.h"

#include <numeric>

using namespace llvm;
using namespace secateur::pruning;

static constexpr NodeId kNone = ~0u;

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

static void collectFactors(secateur::nn::Dim dim, Extent &extent) {
  if (auto constant = dyn_cast<mlir::AffineConstantExpr>(dim)) {
    extent.factor *= constant.getValue();
    return;
  }
  if (dim.getKind() == mlir::AffineExprKind::Mul) {
    auto product = cast<mlir::AffineBinaryOpExpr>(dim);
    collectFactors(product.getLHS(), extent);
    collectFactors(product.getRHS(), extent);
    return;
  }
  extent.symbols.push_back(dim);
}

// The order of symbols is only for comparing two sizes, and is never shown.
static void sortSymbols(Extent &extent) {
  llvm::sort(extent.symbols, [](secateur::nn::Dim a, secateur::nn::Dim b) {
    return a.getAsOpaquePointer() < b.getAsOpaquePointer();
  });
}

Extent::Extent(nn::Dim dim) {
  collectFactors(dim, *this);
  sortSymbols(*this);
}

Extent Extent::operator*(const Extent &other) const {
  Extent result = *this;
  result.factor *= other.factor;
  append_range(result.symbols, other.symbols);
  sortSymbols(result);
  return result;
}

std::optional<Extent> Extent::dividedBy(const Extent &other) const {
  if (other.factor == 0 || factor % other.factor)
    return std::nullopt;
  Extent result = *this;
  result.factor /= other.factor;
  for (nn::Dim symbol : other.symbols) {
    auto *found = llvm::find(result.symbols, symbol);
    if (found == result.symbols.end())
      return std::nullopt;
    result.symbols.erase(found);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

NodeId DigitGraph::make(Kind kind, Extent extent, ArrayRef<NodeId> children) {
  Node &node = nodes.emplace_back();
  node.kind = kind;
  node.extent = std::move(extent);
  node.children.assign(children.begin(), children.end());
  return nodes.size() - 1;
}

unsigned DigitGraph::addReason(Reason reason) {
  reasons.push_back(std::move(reason));
  return reasons.size() - 1;
}

NodeId DigitGraph::find(NodeId node) {
  NodeId root = node;
  while (nodes[root].kind == Kind::Forward)
    root = nodes[root].children[0];
  while (nodes[node].kind == Kind::Forward) {
    NodeId next = nodes[node].children[0];
    nodes[node].children[0] = root;
    node = next;
  }
  return root;
}

NodeId DigitGraph::digit(Extent extent) { return make(Kind::Digit, std::move(extent)); }

NodeId DigitGraph::pinned(Extent extent, unsigned reason) {
  NodeId node = make(Kind::Digit, std::move(extent));
  nodes[node].pin = reason;
  return node;
}

std::optional<unsigned> DigitGraph::pinOf(NodeId node) {
  unsigned pin = nodes[find(node)].pin;
  return pin == kFree ? std::nullopt : std::optional<unsigned>(pin);
}

NodeId DigitGraph::product(ArrayRef<NodeId> factors) {
  if (factors.size() == 1)
    return find(factors[0]);
  Extent size;
  bool allPinned = true;
  for (NodeId factor : factors) {
    size = size * extent(factor);
    allPinned &= pinOf(factor).has_value();
  }
  NodeId node = make(Kind::Product, size, factors);
  if (allPinned && !factors.empty())
    pinOfAll(node);
  return node;
}

NodeId DigitGraph::sum(ArrayRef<NodeId> pieces) {
  if (pieces.size() == 1)
    return find(pieces[0]);
  Extent size(0);
  bool allPinned = true;
  for (NodeId piece : pieces) {
    size.factor += extent(piece).factor;
    allPinned &= pinOf(piece).has_value();
  }
  NodeId node = make(Kind::Sum, size, pieces);
  if (allPinned && !pieces.empty())
    pinOfAll(node);
  return node;
}

void DigitGraph::forward(NodeId from, NodeId to) {
  nodes[from].kind = Kind::Forward;
  nodes[from].children.assign(1, to);
}

void DigitGraph::pin(NodeId node, unsigned reason) {
  SmallVector<NodeId> worklist = {node};
  while (!worklist.empty()) {
    NodeId current = find(worklist.pop_back_val());
    if (nodes[current].pin != kFree)
      continue;
    nodes[current].pin = reason;
    append_range(worklist, nodes[current].children);
  }
}

/// Whether `digit` is a part of `node`, which has the same size: then all that
/// stands beside it on the way has the size 1.
bool DigitGraph::contains(NodeId node, NodeId digit) {
  node = find(node);
  if (node == digit)
    return true;
  return llvm::any_of(nodes[node].children, [&](NodeId child) {
    return extent(child) == extent(digit) && contains(child, digit);
  });
}

//===----------------------------------------------------------------------===//
// Cutting and splitting
//===----------------------------------------------------------------------===//

std::pair<NodeId, NodeId> DigitGraph::cut(NodeId node, int64_t position) {
  node = find(node);
  int64_t size = nodes[node].extent.factor;
  if (std::optional<unsigned> reason = pinOf(node)) {
    NodeId left = pinned(position, *reason);
    return {left, pinned(size - position, *reason)};
  }
  if (nodes[node].kind == Kind::Product)
    return cutProduct(node, position);
  if (nodes[node].kind == Kind::Digit) {
    NodeId left = digit(position), right = digit(size - position);
    forward(node, sum({left, right}));
    return {left, right};
  }
  SmallVector<NodeId> left, right;
  SmallVector<NodeId, 2> pieces = nodes[node].children;
  for (NodeId piece : pieces) {
    int64_t pieceSize = extent(piece).factor;
    if (position >= pieceSize) {
      left.push_back(piece);
    } else if (position <= 0) {
      right.push_back(piece);
    } else {
      auto [before, after] = cut(piece, position);
      left.push_back(before);
      right.push_back(after);
    }
    position -= pieceSize;
  }
  NodeId leftSum = sum(left);
  return {leftSum, sum(right)};
}

/// [f][rest] at q * |rest| + r: [f < q][rest] + [f = q][rest < r] and
/// [f = q][rest >= r] + [f > q][rest].
std::pair<NodeId, NodeId> DigitGraph::cutProduct(NodeId node, int64_t position) {
  SmallVector<NodeId, 2> factors = nodes[node].children;
  NodeId first = factors[0];
  NodeId rest = product(ArrayRef(factors).drop_front());
  int64_t inner = extent(rest).factor;
  int64_t quotient = position / inner, remainder = position % inner;
  if (remainder == 0) {
    auto [before, after] = cut(first, quotient);
    NodeId left = product({before, rest});
    return {left, product({after, rest})};
  }
  SmallVector<NodeId> left, right;
  if (quotient > 0) {
    auto [before, after] = cut(first, quotient);
    left.push_back(product({before, rest}));
    first = after;
  }
  NodeId after = kNone;
  if (extent(first).factor > 1)
    std::tie(first, after) = cut(first, 1);
  auto [restBefore, restAfter] = cut(rest, remainder);
  left.push_back(product({first, restBefore}));
  right.push_back(product({first, restAfter}));
  if (after != kNone)
    right.push_back(product({after, rest}));
  NodeId leftSum = sum(left);
  return {leftSum, sum(right)};
}

NodeId DigitGraph::slice(NodeId node, int64_t begin, int64_t end) {
  int64_t size = extent(node).factor;
  if (end < size)
    node = cut(node, end).first;
  return begin > 0 ? cut(node, begin).second : node;
}

std::pair<NodeId, NodeId> DigitGraph::split(NodeId node, const Extent &outer, const Extent &inner,
                                            unsigned reason) {
  if (std::optional<unsigned> pin = pinOf(node)) {
    NodeId left = pinned(outer, *pin);
    return {left, pinned(inner, *pin)};
  }
  NodeId left = digit(outer), right = digit(inner);
  unify(node, product({left, right}), reason);
  return {left, right};
}

//===----------------------------------------------------------------------===//
// Regrouping
//===----------------------------------------------------------------------===//

void DigitGraph::flatten(NodeId node, SmallVectorImpl<NodeId> &factors) {
  node = find(node);
  if (nodes[node].kind != Kind::Product) {
    factors.push_back(node);
    return;
  }
  SmallVector<NodeId, 2> children = nodes[node].children;
  for (NodeId child : children)
    flatten(child, factors);
}

/// Takes factors that together have the size `size` off one end, and splits the
/// last one where it must. Where that cannot be, what both have in common at this end
/// is taken, and the rest of `size` is pinned (`partial`); kNone, and nothing taken,
/// where that is nothing.
NodeId DigitGraph::takeFrom(SmallVectorImpl<NodeId> &factors, const Extent &size, bool back,
                            unsigned reason, bool &partial) {
  SmallVector<NodeId> rest(factors.begin(), factors.end()), taken;
  Extent missing = size;
  while (!missing.isOne()) {
    if (rest.empty())
      return kNone;
    NodeId factor = back ? rest.pop_back_val() : rest.front();
    if (!back)
      rest.erase(rest.begin());
    if (std::optional<Extent> left = missing.dividedBy(extent(factor))) {
      taken.push_back(factor);
      missing = *left;
      continue;
    }
    Extent part = missing;
    if (!extent(factor).dividedBy(missing)) {
      bool known = extent(factor).isStatic() && missing.isStatic();
      part = Extent(known ? std::gcd(extent(factor).factor, missing.factor) : 1);
      if (part.isOne() && taken.empty())
        return kNone;
      partial = true;
    }
    Extent other = *extent(factor).dividedBy(part);
    auto [outer, inner] =
        back ? split(factor, other, part, reason) : split(factor, part, other, reason);
    taken.push_back(back ? inner : outer);
    if (partial)
      taken.push_back(pinned(*missing.dividedBy(part), pinOf(factor).value_or(reason)));
    if (back)
      rest.push_back(outer);
    else
      rest.insert(rest.begin(), inner);
    break;
  }
  // A split factor may have become a product again by what it was unified with.
  factors.clear();
  for (NodeId factor : rest)
    flatten(factor, factors);
  if (back)
    std::reverse(taken.begin(), taken.end());
  return product(taken);
}

SmallVector<NodeId> DigitGraph::regroup(ArrayRef<NodeId> from, ArrayRef<Extent> to,
                                        unsigned reason) {
  SmallVector<NodeId> factors;
  for (NodeId node : from)
    flatten(node, factors);
  SmallVector<NodeId> result(to.size(), kNone);
  size_t first = 0, last = to.size();
  bool partial = false;
  auto skipOnes = [&] {
    // One position is no loss, and what stands beside it has a reason of its own.
    auto one = [&] { return pinned(1, addReason({reasons[reason].op, "", /*silent=*/true})); };
    while (first < last && to[first].isOne())
      result[first++] = one();
    while (first < last && to[last - 1].isOne())
      result[--last] = one();
  };
  for (bool back : {true, false}) {
    for (skipOnes(); first < last; skipOnes()) {
      bool isLast = false;
      NodeId node = takeFrom(factors, to[back ? last - 1 : first], back, reason, isLast);
      if (node == kNone)
        break;
      result[back ? --last : first++] = node;
      partial |= isLast;
      if (isLast)
        break;
    }
  }
  if (first == last) {
    // What is left has the size 1, or the sizes contradict each other.
    auto target =
        llvm::find_if(llvm::seq<size_t>(0, to.size()), [&](size_t i) { return !to[i].isOne(); });
    bool attach = !factors.empty() && target != llvm::seq<size_t>(0, to.size()).end() &&
                  llvm::all_of(factors, [&](NodeId factor) { return extent(factor).isOne(); });
    if (attach) {
      factors.push_back(result[*target]);
      result[*target] = product(factors);
    } else {
      for (NodeId factor : factors)
        pin(factor, reason);
    }
    return result;
  }
  // One set of an unknown size: all that is left.
  if (last - first == 1 && !factors.empty() && !to[first].isStatic() && !partial) {
    result[first] = product(factors);
    return result;
  }
  // What stays in any case does not stay because of this.
  reason = pinOf(product(factors)).value_or(reason);
  for (NodeId factor : factors)
    pin(factor, reason);
  for (size_t i = first; i < last; ++i)
    result[i] = pinned(to[i], reason);
  return result;
}

//===----------------------------------------------------------------------===//
// Equality
//===----------------------------------------------------------------------===//

void DigitGraph::unify(NodeId left, NodeId right, unsigned reason) {
  left = find(left);
  right = find(right);
  if (left == right)
    return;
  if (std::optional<unsigned> because = pinOf(left))
    return pin(right, *because);
  if (std::optional<unsigned> because = pinOf(right))
    return pin(left, *because);
  if (!(extent(left) == extent(right))) {
    pin(left, reason);
    pin(right, reason);
    return;
  }
  if (!isDigit(left) && isDigit(right))
    std::swap(left, right);
  if (isDigit(left)) {
    if (!contains(right, left))
      return forward(left, right);
    // [1][left] = left: removing the first would remove everything.
    SmallVector<NodeId> factors;
    flatten(right, factors);
    for (NodeId factor : factors)
      if (find(factor) != left)
        pin(factor, reason);
    return;
  }
  if (isSum(left) || isSum(right))
    return unifySum(left, right, reason);
  unifyProducts(left, right, reason);
}

void DigitGraph::unifySum(NodeId node, NodeId other, unsigned reason) {
  // Pieces of both from the front; the longer one is cut.
  auto piecesOf = [&](NodeId set) {
    if (nodes[set].kind != Kind::Sum)
      return SmallVector<NodeId>{set};
    SmallVector<NodeId> pieces(nodes[set].children.begin(), nodes[set].children.end());
    std::reverse(pieces.begin(), pieces.end());
    return pieces;
  };
  SmallVector<NodeId> left = piecesOf(node), right = piecesOf(other);
  while (!left.empty() && !right.empty()) {
    NodeId leftPiece = left.pop_back_val(), rightPiece = right.pop_back_val();
    int64_t leftSize = extent(leftPiece).factor, rightSize = extent(rightPiece).factor;
    if (leftSize > rightSize) {
      auto [head, tail] = cut(leftPiece, rightSize);
      left.push_back(tail);
      leftPiece = head;
    } else if (rightSize > leftSize) {
      auto [head, tail] = cut(rightPiece, leftSize);
      right.push_back(tail);
      rightPiece = head;
    }
    unify(leftPiece, rightPiece, reason);
  }
  // Next time they are one at once.
  node = find(node);
  other = find(other);
  if (!isSum(node))
    std::swap(node, other);
  if (node != other && !contains(other, node) && !contains(node, other))
    forward(node, other);
}

/// Sets of one position: without one of them nothing is left of the product. Those of the left go
/// with what the right is made of otherwise, those of the right stay.
void DigitGraph::separateOnes(SmallVectorImpl<NodeId> &left, SmallVectorImpl<NodeId> &right,
                              unsigned reason) {
  auto isOne = [&](NodeId node) { return extent(node).isOne(); };
  // What both have leaves both at once.
  for (NodeId node : SmallVector<NodeId>(llvm::make_filter_range(left, isOne)))
    if (auto *same = llvm::find(right, node); same != right.end()) {
      right.erase(same);
      left.erase(llvm::find(left, node));
    }
  size_t kept = llvm::all_of(right, isOne) && !right.empty() ? right.size() - 1 : right.size();
  SmallVector<NodeId> others;
  for (auto [index, node] : llvm::enumerate(right))
    if (index == kept || !isOne(node))
      others.push_back(node);
    else
      pin(node, reason);
  right = std::move(others);
}

void DigitGraph::unifyProducts(NodeId left, NodeId right, unsigned reason) {
  SmallVector<NodeId> leftFactors, rightFactors;
  flatten(left, leftFactors);
  flatten(right, rightFactors);
  separateOnes(leftFactors, rightFactors, reason);
  if (rightFactors.size() == 1 && !leftFactors.empty())
    return unify(product(leftFactors), rightFactors[0], reason);
  SmallVector<Extent> sizes =
      llvm::map_to_vector(rightFactors, [&](NodeId node) { return extent(node); });
  bool alike = leftFactors.size() == rightFactors.size() &&
               llvm::all_of(llvm::zip(leftFactors, sizes), [&](auto pair) {
                 return extent(std::get<0>(pair)) == std::get<1>(pair);
               });
  if (!alike)
    leftFactors = regroup(leftFactors, sizes, reason);
  for (auto [leftFactor, rightFactor] : llvm::zip(leftFactors, rightFactors))
    unify(leftFactor, rightFactor, reason);
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

void DigitGraph::forEachDigit(NodeId node, llvm::function_ref<void(const Occurrence &)> visit) {
  Occurrence at{node, 0, 1, {}};
  walk(node, at, visit);
}

/// The first reason, where all digits of a set are pinned.
std::optional<unsigned> DigitGraph::pinOfAll(NodeId node) {
  node = find(node);
  if (nodes[node].pin != kFree || nodes[node].kind == Kind::Digit)
    return pinOf(node);
  std::optional<unsigned> first;
  for (NodeId child : nodes[node].children) {
    std::optional<unsigned> reason = pinOfAll(child);
    if (!reason)
      return std::nullopt;
    // A reason that is worth a word goes before one that is not.
    if (!first || (reasons[*first].silent && !reasons[*reason].silent))
      first = reason;
  }
  nodes[node].pin = *first;
  return first;
}

void DigitGraph::forEachPinnedRun(NodeId node,
                                  llvm::function_ref<void(int64_t, int64_t, unsigned)> visit) {
  struct Piece {
    NodeId node;
    int64_t first;
  };
  SmallVector<Piece> worklist = {{node, 0}};
  while (!worklist.empty()) {
    auto [current, first] = worklist.pop_back_val();
    current = find(current);
    int64_t size = nodes[current].extent.factor;
    if (std::optional<unsigned> reason = pinOfAll(current)) {
      visit(first, size, *reason);
    } else if (nodes[current].kind == Kind::Sum) {
      // The last piece is pushed first.
      int64_t end = first + size;
      for (NodeId piece : llvm::reverse(nodes[current].children)) {
        end -= extent(piece).factor;
        worklist.push_back({piece, end});
      }
    }
  }
}

void secateur::pruning::addLoop(SmallVectorImpl<prune::AxisPart::Loop> &loops,
                                prune::AxisPart::Loop loop) {
  if (!loops.empty() && loops.back().count > 0 && loop.count > 0 &&
      loops.back().stride == loop.count * loop.stride)
    loops.back() = {loops.back().count * loop.count, loop.stride};
  else
    loops.push_back(loop);
}

void DigitGraph::walk(NodeId id, Occurrence &at,
                      llvm::function_ref<void(const Occurrence &)> visit) {
  id = find(id);
  const Node &node = nodes[id];
  int64_t offset = at.offset, block = at.block;
  if (node.kind == Kind::Digit) {
    at.digit = id;
    visit(at);
  } else if (node.kind == Kind::Sum) {
    for (NodeId piece : node.children) {
      walk(piece, at, visit);
      at.offset += extent(piece).factor * block;
    }
  } else {
    // Each factor stands inside a loop over all before it, and owns runs as long
    // as all after it.
    bool known = node.extent.isStatic() && block > 0;
    Extent outerSize, innerSize = node.extent;
    for (NodeId factor : node.children) {
      const Extent &size = extent(factor);
      innerSize = innerSize.dividedBy(size).value_or(Extent(0));
      bool innerKnown = block > 0 && innerSize.isStatic() && innerSize.factor > 0;
      at.block = innerKnown ? block * innerSize.factor : -1;
      bool looped = !outerSize.isOne();
      SmallVector<prune::AxisPart::Loop, 1> outer = at.outer;
      if (looped)
        addLoop(at.outer, {known ? outerSize.factor : -1, size.factor * at.block});
      walk(factor, at, visit);
      at.outer = std::move(outer);
      outerSize = outerSize * size;
    }
  }
  at.offset = offset;
  at.block = block;
}
