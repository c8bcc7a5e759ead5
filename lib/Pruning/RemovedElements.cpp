//===- RemovedElements.cpp - Cutting boxes out of a tensor --------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Pruning/RemovedElements.h"

#include "secateur/Analysis/Constants.h"
#include "secateur/Support/TensorBytes.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"

#include <cstring>
#include <numeric>

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

static int64_t product(llvm::ArrayRef<int64_t> extents) {
  return std::accumulate(extents.begin(), extents.end(), int64_t(1), std::multiplies<int64_t>());
}

RemovedElements::RemovedElements(llvm::ArrayRef<int64_t> shape) : shape(shape) {
  for (int64_t extent : shape)
    slabs.emplace_back(std::max<int64_t>(extent, 0)); // Nothing leaves an axis of unknown extent.
}

bool RemovedElements::contains(const IndexBox &box) const {
  return llvm::all_of(box, [&](const auto &entry) {
    return entry.first >= 0 && entry.first < int64_t(shape.size()) &&
           llvm::all_of(
               entry.second,
               [&](int64_t index) { return index >= 0 && index < shape[entry.first]; });
  });
}

void RemovedElements::add(const IndexBox &box) {
  // An axis that the box covers whole need not be named.
  const std::vector<int64_t> *only = nullptr;
  int64_t axis = 0, named = 0;
  for (const auto &[boxAxis, indices] : box)
    if (int64_t(indices.size()) != shape[boxAxis] || box.size() == 1) {
      ++named;
      axis = boxAxis;
      only = &indices;
    }
  if (named > 1) {
    boxes.push_back(box);
    if (covers(box)) {
      mask.add(box);
      return;
    }
    // An axis that no box named so far.
    mask.extents.resize(shape.size(), 1);
    for (const auto &[boxAxis, indices] : box)
      mask.extents[boxAxis] = shape[boxAxis];
    mask.removed.assign(product(mask.extents), 0);
    for (const IndexBox &each : boxes)
      mask.add(each);
    return;
  }
  if (!only) { // The whole tensor.
    axis = box.empty() ? 0 : box.begin()->first;
    slabs[axis].set();
  } else {
    for (int64_t index : *only)
      slabs[axis].set(index);
  }
  anySlab = true;
}

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

namespace {

/// Walks the elements of a box over an array of `extents`, row-major.
void forEachInBox(llvm::ArrayRef<int64_t> extents, const IndexBox &box,
                  llvm::function_ref<void(int64_t)> visit, size_t axis = 0, int64_t offset = 0) {
  if (axis == extents.size())
    return visit(offset);
  auto named = box.find(axis);
  if (named != box.end()) {
    for (int64_t index : named->second)
      forEachInBox(extents, box, visit, axis + 1, offset * extents[axis] + index);
    return;
  }
  for (int64_t index = 0; index < extents[axis]; ++index)
    forEachInBox(extents, box, visit, axis + 1, offset * extents[axis] + index);
}

/// An array of element numbers (none where only its shape matters) and whether each is
/// removed.
struct Grid {
  llvm::SmallVector<int64_t> extents;
  std::vector<int64_t> positions;
  std::vector<char> removed;

  int64_t outer(size_t axis) const { return product(llvm::ArrayRef(extents).take_front(axis)); }
  int64_t inner(size_t axis) const { return product(llvm::ArrayRef(extents).drop_front(axis + 1)); }

  /// Drops the indices of `axis` of which all elements are removed.
  void dropWhole(size_t axis);
  /// Drops the removed elements of each run along `axis`, if each run has as
  /// many of them.
  void dropFromRuns(size_t axis);
  /// Keeps `kept(outer, inner)` of each run, which has `count` entries.
  void gather(size_t axis, int64_t count,
              llvm::function_ref<llvm::ArrayRef<int64_t>(int64_t, int64_t)> kept);
  void pack();
};

void Grid::gather(size_t axis, int64_t count,
                  llvm::function_ref<llvm::ArrayRef<int64_t>(int64_t, int64_t)> kept) {
  int64_t outerCount = outer(axis), innerCount = inner(axis), extent = extents[axis];
  std::vector<char> newRemoved(outerCount * count * innerCount);
  std::vector<int64_t> newPositions(positions.empty() ? 0 : newRemoved.size());
  for (int64_t o = 0; o < outerCount; ++o)
    for (int64_t i = 0; i < innerCount; ++i)
      for (auto [to, from] : llvm::enumerate(kept(o, i))) {
        int64_t source = (o * extent + from) * innerCount + i,
                target = (o * count + to) * innerCount + i;
        if (!positions.empty())
          newPositions[target] = positions[source];
        newRemoved[target] = removed[source];
      }
  extents[axis] = count;
  positions = std::move(newPositions);
  removed = std::move(newRemoved);
}

void Grid::dropWhole(size_t axis) {
  int64_t outerCount = outer(axis), innerCount = inner(axis), extent = extents[axis];
  llvm::SmallVector<int64_t> kept;
  for (int64_t index = 0; index < extent; ++index) {
    bool whole = true;
    for (int64_t o = 0; o < outerCount && whole; ++o)
      for (int64_t i = 0; i < innerCount && whole; ++i)
        whole = removed[(o * extent + index) * innerCount + i];
    if (!whole)
      kept.push_back(index);
  }
  if (int64_t(kept.size()) != extent)
    gather(axis, kept.size(), [&](int64_t, int64_t) { return llvm::ArrayRef<int64_t>(kept); });
}

void Grid::dropFromRuns(size_t axis) {
  int64_t outerCount = outer(axis), innerCount = inner(axis), extent = extents[axis];
  std::vector<llvm::SmallVector<int64_t, 4>> kept(outerCount * innerCount);
  for (int64_t o = 0; o < outerCount; ++o)
    for (int64_t i = 0; i < innerCount; ++i)
      for (int64_t index = 0; index < extent; ++index)
        if (!removed[(o * extent + index) * innerCount + i])
          kept[o * innerCount + i].push_back(index);
  if (kept.empty())
    return;
  size_t count = kept.front().size();
  if (int64_t(count) == extent ||
      llvm::any_of(kept, [&](const auto &run) { return run.size() != count; }))
    return;
  gather(axis, count,
         [&](int64_t o, int64_t i) { return llvm::ArrayRef<int64_t>(kept[o * innerCount + i]); });
}

void Grid::pack() {
  for (size_t axis = 0; axis < extents.size(); ++axis)
    dropWhole(axis);
  // The last axis first: a box names the slots before what is removed in each.
  for (size_t axis = extents.size(); axis-- > 0;)
    dropFromRuns(axis);
}

} // namespace

namespace secateur::pruning {

/// What is kept of a tensor, over its first axes (those that a box names).
class Packing {
public:
  explicit Packing(const RemovedElements &elements) : elements(elements) {
    size_t axes = 0;
    for (auto [axis, slab] : llvm::enumerate(elements.slabs))
      if (slab.any())
        axes = axis + 1;
    for (const IndexBox &box : elements.boxes)
      axes = std::max<size_t>(axes, box.rbegin()->first + 1);
    llvm::ArrayRef<int64_t> shape = elements.shape;
    tail = shape.drop_front(axes);
    grid.extents.assign(shape.begin(), shape.begin() + axes);
  }

  /// Computes `grid`. Only for tensors with boxes: it has an entry per element.
  void pack() {
    llvm::SmallVector<int64_t> full = grid.extents;
    grid.positions.resize(product(full));
    std::iota(grid.positions.begin(), grid.positions.end(), 0);
    grid.removed.assign(grid.positions.size(), 0);
    auto remove = [&](int64_t position) { grid.removed[position] = 1; };
    for (int64_t axis = 0, rank = full.size(); axis < rank; ++axis)
      for (int64_t index : elements.slabs[axis].set_bits())
        forEachInBox(full, {{axis, {index}}}, remove);
    for (const IndexBox &box : elements.boxes)
      forEachInBox(full, box, remove);
    grid.pack();
  }

  bool ragged() const { return llvm::is_contained(grid.removed, 1); }
  llvm::SmallVector<int64_t> shape() const {
    llvm::SmallVector<int64_t> result = grid.extents;
    result.append(tail.begin(), tail.end());
    return result;
  }

  const RemovedElements &elements;
  Grid grid;
  llvm::ArrayRef<int64_t> tail;
};

} // namespace secateur::pruning

bool RemovedElements::covers(const IndexBox &box) const {
  return !mask.extents.empty() && llvm::all_of(box, [&](const auto &entry) {
    return mask.extents[entry.first] == shape[entry.first];
  });
}

void RemovedElements::Mask::add(const IndexBox &box) {
  forEachInBox(extents, box, [&](int64_t position) { removed[position] = 1; });
}

std::optional<llvm::SmallVector<int64_t>> RemovedElements::packedShape() const {
  if (!boxes.empty())
    return packedShapeOf(mask);
  llvm::SmallVector<int64_t> result = shape;
  for (auto [extent, slab] : llvm::zip_equal(result, slabs))
    extent -= slab.count();
  return result;
}

std::optional<llvm::SmallVector<int64_t>> RemovedElements::packedShapeOf(Mask boxed) const {
  // Axes on which nothing but slabs is removed play no part in the packing.
  for (auto [axis, extent] : llvm::enumerate(boxed.extents))
    if (extent == shape[axis])
      for (unsigned index : slabs[axis].set_bits())
        boxed.add({{int64_t(axis), {int64_t(index)}}});
  Grid grid{boxed.extents, {}, std::move(boxed.removed)};
  grid.pack();
  if (llvm::is_contained(grid.removed, 1))
    return std::nullopt;
  llvm::SmallVector<int64_t> result = grid.extents;
  for (auto [axis, extent] : llvm::enumerate(boxed.extents))
    if (extent != shape[axis])
      result[axis] = shape[axis] - slabs[axis].count();
  return result;
}

std::optional<llvm::SmallVector<int64_t>>
RemovedElements::packedShapeWith(llvm::ArrayRef<IndexBox> extra) const {
  bool fits =
      llvm::all_of(extra, [&](const IndexBox &box) { return box.size() == 1 || covers(box); });
  if (!fits) {
    RemovedElements copy = *this;
    for (const IndexBox &box : extra)
      copy.add(box);
    return copy.packedShape();
  }
  // Slabs of axes that no box names only take off that axis.
  Mask boxed = mask;
  llvm::SmallVector<int64_t> slabsOf(shape.size(), 0);
  llvm::DenseSet<std::pair<int64_t, int64_t>> seen;
  for (const IndexBox &box : extra) {
    if (covers(box)) {
      boxed.add(box);
      continue;
    }
    const auto &[axis, indices] = *box.begin();
    for (int64_t index : indices)
      if (!slabs[axis].test(index) && seen.insert({axis, index}).second)
        ++slabsOf[axis];
  }
  std::optional<llvm::SmallVector<int64_t>> result =
      boxes.empty() ? packedShape() : packedShapeOf(std::move(boxed));
  if (result)
    for (auto [extent, removed] : llvm::zip_equal(*result, slabsOf))
      extent -= removed;
  return result;
}

//===----------------------------------------------------------------------===//
// Bytes
//===----------------------------------------------------------------------===//

ElementsAttr secateur::pruning::makeElements(ShapedType type, const std::vector<char> &bytes,
                                             ElementsAttr like, llvm::StringRef name) {
  if (!isa<DenseResourceElementsAttr>(like))
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  AsmResourceBlob blob =
      HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, 64, /*dataIsMutable=*/false);
  return DenseResourceElementsAttr::get(type, name, std::move(blob));
}

/// Appends the kept elements of slabs to `out`: one copy per run.
static void copyKept(llvm::ArrayRef<char> bytes, int64_t width, llvm::ArrayRef<int64_t> shape,
                     llvm::ArrayRef<llvm::SmallVector<int64_t>> kept, size_t lastCut,
                     std::vector<char> &out, size_t axis = 0, int64_t offset = 0) {
  if (axis < lastCut) {
    for (int64_t index : kept[axis])
      copyKept(bytes, width, shape, kept, lastCut, out, axis + 1, offset * shape[axis] + index);
    return;
  }
  int64_t block = product(shape.drop_front(axis + 1)) * width;
  const char *base = bytes.data() + offset * shape[axis] * block;
  llvm::ArrayRef<int64_t> indices = kept[axis];
  for (size_t begin = 0; begin < indices.size();) {
    size_t end = begin + 1;
    while (end < indices.size() && indices[end] == indices[end - 1] + 1)
      ++end;
    out.insert(out.end(), base + indices[begin] * block, base + (indices[end - 1] + 1) * block);
    begin = end;
  }
}

/// The bytes of the kept part, for a tensor without ragged boxes.
static std::vector<char> copySlabs(llvm::ArrayRef<char> bytes, int64_t width,
                                   llvm::ArrayRef<int64_t> shape,
                                   llvm::ArrayRef<llvm::BitVector> slabs, int64_t keptCount) {
  llvm::SmallVector<llvm::SmallVector<int64_t>> kept(shape.size());
  size_t lastCut = 0;
  for (auto [axis, extent] : llvm::enumerate(shape)) {
    for (int64_t index = 0; index < extent; ++index)
      if (!slabs[axis].test(index))
        kept[axis].push_back(index);
    if (int64_t(kept[axis].size()) != extent)
      lastCut = axis;
  }
  std::vector<char> out;
  out.reserve(keptCount * width);
  copyKept(bytes, width, shape, kept, lastCut, out);
  return out;
}

ElementsAttr RemovedElements::erase(ElementsAttr value, llvm::StringRef name) const {
  std::optional<analysis::ConstantBytes> data = analysis::getConstantBytes(value);
  if (!data || value.getShapedType().getShape() != llvm::ArrayRef(shape))
    return {};
  ShapedType type = value.getShapedType();
  int64_t width = getElementBytes(type.getElementType());
  std::optional<llvm::SmallVector<int64_t>> packed = packedShape();
  if (!packed || !width)
    return {};
  ShapedType newType = type.clone(*packed);
  if (data->splat || empty()) {
    if (auto dense = dyn_cast<DenseElementsAttr>(value); dense && data->splat)
      return dense.resizeSplat(newType);
    return empty() ? value : ElementsAttr();
  }
  if (boxes.empty())
    return makeElements(newType, copySlabs(data->bytes, width, shape, slabs, product(*packed)),
                        value, name);
  Packing packing(*this);
  packing.pack();
  int64_t block = product(packing.tail) * width;
  std::vector<char> out(packing.grid.positions.size() * block);
  for (auto [to, from] : llvm::enumerate(packing.grid.positions))
    std::memcpy(out.data() + to * block, data->bytes.data() + from * block, block);
  return makeElements(newType, out, value, name);
}

/// The bytes of `value` as an element; empty where the type cannot hold it.
static llvm::SmallVector<char> encode(double value, Type type) {
  llvm::APInt bits;
  if (auto floating = dyn_cast<FloatType>(type)) {
    llvm::APFloat number(value);
    bool inexact;
    number.convert(floating.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &inexact);
    bits = number.bitcastToAPInt();
  } else if (auto integer = dyn_cast<IntegerType>(type)) {
    if (value != double(int64_t(value)))
      return {};
    bits =
        llvm::APInt(64, int64_t(value), /*isSigned=*/true).trunc(std::min(64u, integer.getWidth()));
  } else {
    return {};
  }
  int64_t width = getElementBytes(type);
  bits = bits.zext(std::max<unsigned>(bits.getBitWidth(), width * 8));
  llvm::SmallVector<char> bytes;
  for (int64_t i = 0; i < width; ++i)
    bytes.push_back(char(bits.extractBitsAsZExtValue(8, i * 8)));
  return bytes;
}

ElementsAttr secateur::pruning::fillElements(ElementsAttr value, llvm::ArrayRef<Filling> fillings,
                                             llvm::StringRef name) {
  std::optional<analysis::ConstantBytes> data = analysis::getConstantBytes(value);
  if (!data)
    return {};
  ShapedType type = value.getShapedType();
  int64_t width = getElementBytes(type.getElementType()), count = type.getNumElements();
  std::vector<char> out;
  if (data->splat)
    for (int64_t i = 0; i < count; ++i)
      out.insert(out.end(), data->bytes.begin(), data->bytes.end());
  else
    out.assign(data->bytes.begin(), data->bytes.end());
  for (const Filling &filling : fillings) {
    llvm::SmallVector<char> element = encode(filling.value, type.getElementType());
    if (element.empty())
      return {};
    forEachInBox(type.getShape(), filling.box, [&](int64_t position) {
      std::memcpy(out.data() + position * width, element.data(), width);
    });
  }
  return makeElements(type, out, value, name);
}
