//===- Shuffles.cpp - Channel shuffles as lists of positions ----------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Shuffles.h"

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Support/EraseIfDead.h"
#include "secateur/Support/Names.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"

#include <numeric>

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;
using analysis::SymbolicShapes;
using nn::Dim;

/// Longer axes are no channels.
static constexpr int64_t kMostPositions = 1 << 12;

/// The positions of an axis that was split into `parts`, in the order that `order` (of
/// the parts) gives them.
static SmallVector<int64_t> reordered(ArrayRef<int64_t> parts, ArrayRef<int64_t> order) {
  SmallVector<int64_t> strides(parts.size(), 1), positions = {0};
  for (size_t part = parts.size() - 1; part-- > 0;)
    strides[part] = strides[part + 1] * parts[part + 1];
  for (int64_t part : order) {
    SmallVector<int64_t> longer;
    for (int64_t outer : positions)
      for (int64_t index = 0; index < parts[part]; ++index)
        longer.push_back(outer + index * strides[part]);
    positions = std::move(longer);
  }
  return positions;
}

/// Fills in axis and positions, if `from`, split to `split` and reordered by `perm`, is
/// itself again but for the order on one axis.
static bool describe(ArrayRef<Dim> from, ArrayRef<Dim> split, ArrayRef<int64_t> perm,
                     Shuffle &shuffle) {
  if (split.size() <= from.size() || perm.size() != split.size())
    return false;
  size_t count = split.size() - from.size() + 1;
  for (size_t axis = 0; axis < from.size(); ++axis) {
    bool otherAxesStay = split.take_front(axis) == from.take_front(axis) &&
                         split.drop_front(axis + count) == from.drop_front(axis + 1);
    SmallVector<int64_t> parts, order;
    for (auto [to, source] : llvm::enumerate(perm)) {
      if (to < axis || to >= axis + count) {
        otherAxesStay &= source == static_cast<int64_t>(to);
        continue;
      }
      order.push_back(source - static_cast<int64_t>(axis));
      if (auto size = dyn_cast<AffineConstantExpr>(split[to]))
        parts.push_back(size.getValue());
    }
    auto size = dyn_cast<AffineConstantExpr>(from[axis]);
    bool known = size && parts.size() == count && size.getValue() <= kMostPositions &&
                 llvm::all_of(parts, [](int64_t part) { return part > 0; }) &&
                 std::accumulate(parts.begin(), parts.end(), int64_t(1),
                                 std::multiplies<int64_t>()) == size.getValue();
    if (!otherAxesStay || !known)
      continue;
    shuffle.axis = axis;
    shuffle.positions = reordered(parts, order);
    return !llvm::is_sorted(shuffle.positions);
  }
  return false;
}

static std::optional<Shuffle> shuffleAt(nn::ReshapeOp join, SymbolicShapes &shapes) {
  auto reorder = join.getData().getDefiningOp<nn::TransposeOp>();
  auto split = reorder ? reorder.getData().getDefiningOp<nn::ReshapeOp>() : nn::ReshapeOp();
  if (!split || !reorder.getPerm() || !reorder->hasOneUse() || !split->hasOneUse())
    return std::nullopt;
  std::optional<ArrayRef<Dim>> from = shapes.getShape(split.getData()),
                               parts = shapes.getShape(split.getReshaped()),
                               to = shapes.getShape(join.getReshaped());
  Shuffle shuffle{split, reorder, join, 0, {}};
  if (!from || !parts || !to || *from != *to ||
      !describe(*from, *parts, *reorder.getPerm(), shuffle))
    return std::nullopt;
  return shuffle;
}

std::vector<Shuffle> pruning::findShuffles(func::FuncOp func, SymbolicShapes &shapes,
                                           const AnalyzeOptions &options) {
  std::vector<Shuffle> found;
  if (!options.gatherShuffles && options.gathered.empty())
    return found;
  for (auto join : func.getBody().front().getOps<nn::ReshapeOp>())
    if (options.gatherShuffles ||
        llvm::is_contained(options.gathered, valueName(join.getReshaped())))
      if (std::optional<Shuffle> shuffle = shuffleAt(join, shapes))
        found.push_back(std::move(*shuffle));
  return found;
}

void pruning::markGathered(const Shuffle &shuffle) {
  SmallVector<int64_t> numbers = {shuffle.axis};
  llvm::append_range(numbers, shuffle.positions);
  shuffle.join->setAttr(kGatheredAttr, DenseI64ArrayAttr::get(shuffle.join->getContext(), numbers));
}

static SmallVector<nn::ReshapeOp> markedIn(func::FuncOp func) {
  return llvm::filter_to_vector(func.getBody().front().getOps<nn::ReshapeOp>(),
                                [](nn::ReshapeOp op) { return op->hasAttr(kGatheredAttr); });
}

std::vector<std::string> pruning::getGathered(func::FuncOp func) {
  std::vector<std::string> names;
  for (nn::ReshapeOp join : markedIn(func))
    names.push_back(valueName(join.getReshaped()));
  return names;
}

//===----------------------------------------------------------------------===//
// Replacing
//===----------------------------------------------------------------------===//

std::vector<std::string> pruning::replaceGathered(func::FuncOp func,
                                                  const llvm::DenseSet<Value> &cut) {
  llvm::StringSet<> names;
  func.walk([&](Operation *op) {
    for (Value result : op->getResults())
      names.insert(valueName(result));
  });
  std::vector<std::string> lists;
  for (nn::ReshapeOp join : markedIn(func)) {
    ArrayRef<int64_t> numbers = join->getAttrOfType<DenseI64ArrayAttr>(kGatheredAttr).asArrayRef();
    auto reorder = join.getData().getDefiningOp<nn::TransposeOp>();
    auto split = reorder ? reorder.getData().getDefiningOp<nn::ReshapeOp>() : nn::ReshapeOp();
    if (!split || numbers.empty() || !cut.contains(join.getReshaped()))
      continue;
    std::string base = valueName(join.getReshaped()) + ".positions", name = base;
    for (int number = 2; !names.insert(name).second; ++number)
      name = base + std::to_string(number);
    OpBuilder builder(join);
    ArrayRef<int64_t> positions = numbers.drop_front();
    auto type =
        RankedTensorType::get({static_cast<int64_t>(positions.size())}, builder.getI64Type());
    auto list = nn::ConstantOp::create(builder, getNodeLocation(func.getContext(), name, {name}),
                                       DenseElementsAttr::get(type, positions),
                                       /*initializer=*/true);
    auto gather = nn::GatherOp::create(builder, join.getLoc(), join.getReshaped().getType(),
                                       split.getData(), list.getOutput(), numbers.front());
    join.getReshaped().replaceAllUsesWith(gather.getOutput());
    eraseIfDead(join);
    lists.push_back(std::move(name));
  }
  return lists;
}
