//===- ElideCopies.cpp - Values computed where they are copied to -----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A buffer that is copied into a part of another one (a concatenation, a padded
// tensor, an output) can be that part from the start. It can when, from its first
// use to the copy, nothing else touches the part, and when, after the copy, nothing
// overwrites the part as long as the buffer is read, nor what is written to the buffer
// shows where the part is read.
//
// Only the operations of a function's own block are looked at; what is done in a
// region counts as done by the operation that has the region. Copies are taken
// from the last to the first, so that a part of a part ends up in the whole.
//===----------------------------------------------------------------------===//

#include "VectorBody.h"

#include "secateur/CodeGen/Passes.h"

#include "dialects/Kern/IR/KernOps.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

namespace secateur::codegen {
#define GEN_PASS_DEF_CODEGENELIDECOPIES
#include "secateur/CodeGen/Passes.h.inc"
} // namespace secateur::codegen

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

namespace {

/// The part of a root buffer that a value may touch: a box where it is known.
struct Box {
  bool known = false;
  SmallVector<int64_t> offsets, sizes;
};

struct BufferUse {
  Operation *op;      // in the function's block
  OpOperand *operand; // the use itself
  Box box;
};

class CopyElision {
public:
  explicit CopyElision(Block &block) : block(block) {}

  bool tryElide(linalg::CopyOp copy);

private:
  struct Move;
  bool match(linalg::CopyOp copy, Move &move);
  bool isSelfCopy(Operation *op, Move &move);
  bool showsIn(const BufferUse &write, const BufferUse &use, ArrayRef<Operation *> selfCopies,
               const Move &move);
  bool collectUses(Value value, const Box &box, SmallVectorImpl<BufferUse> &uses);
  bool canRetarget(Value value, Value source, ArrayRef<bool> full);
  void retarget(OpBuilder &builder, Value value, Value source, Value target, Value replacement);
  bool canHoist(Operation *op, Operation *point);
  void hoist(Operation *op, Operation *point);

  Block &block;
};

struct CodegenElideCopiesPass
    : secateur::codegen::impl::CodegenElideCopiesBase<CodegenElideCopiesPass> {
  void runOnOperation() override {
    if (getOperation().isExternal() || !getOperation().getBody().hasOneBlock())
      return;
    Block &block = getOperation().getBody().front();
    CopyElision elision(block);
    // A copy that goes may take others with it.
    Operation *next = block.empty() ? nullptr : &block.back();
    while (next) {
      Operation *op = next;
      auto copy = dyn_cast<linalg::CopyOp>(op);
      if (copy && elision.tryElide(copy)) {
        next = &block.back();
        continue;
      }
      next = op->getPrevNode();
    }
  }
};

} // namespace

/// The buffer that a view is made of.
static Value rootOf(Value value) {
  while (auto view = value.getDefiningOp<ViewLikeOpInterface>())
    value = view.getViewSource();
  return value;
}

/// The static box of a subview.
static Box boxOf(memref::SubViewOp subview) {
  Box box;
  box.known = llvm::none_of(subview.getStaticOffsets(), ShapedType::isDynamic) &&
              llvm::all_of(subview.getStaticStrides(), [](int64_t s) { return s == 1; });
  if (!box.known)
    return box;
  box.offsets.assign(subview.getStaticOffsets().begin(), subview.getStaticOffsets().end());
  box.sizes.assign(subview.getStaticSizes().begin(), subview.getStaticSizes().end());
  return box;
}

static bool areDisjoint(const Box &left, const Box &right) {
  if (!left.known || !right.known || left.offsets.size() != right.offsets.size())
    return false;
  auto before = [](const Box &first, const Box &second, unsigned axis) {
    return !ShapedType::isDynamic(first.sizes[axis]) &&
           first.offsets[axis] + first.sizes[axis] <= second.offsets[axis];
  };
  for (unsigned axis = 0; axis < left.offsets.size(); ++axis)
    if (before(left, right, axis) || before(right, left, axis))
      return true;
  return false;
}

/// Whether the use reads the buffer but does not write it.
static bool isReadOnly(OpOperand &use) {
  if (auto dps = dyn_cast<DestinationStyleOpInterface>(use.getOwner()))
    return dps.isDpsInput(&use) || !dps.isDpsInit(&use);
  return isa<memref::LoadOp>(use.getOwner());
}

/// All uses of a buffer through views. Fails where the buffer gets another name
/// (a region's result, a call) or an unknown operation uses it.
bool CopyElision::collectUses(Value value, const Box &box, SmallVectorImpl<BufferUse> &uses) {
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    if (isa<memref::DimOp, memref::ExtractStridedMetadataOp>(user))
      continue;
    if (auto subview = dyn_cast<memref::SubViewOp>(user)) {
      // A part of a known part is taken for all of it; a part of the whole is known.
      bool whole = !box.known && value == rootOf(value);
      if (!collectUses(subview, whole ? boxOf(subview) : box, uses))
        return false;
      continue;
    }
    if (isa<memref::ExpandShapeOp, memref::CollapseShapeOp, memref::CastOp>(user)) {
      if (!collectUses(user->getResult(0), box, uses))
        return false;
      continue;
    }
    bool plain =
        isa<DestinationStyleOpInterface>(user) || isa<memref::LoadOp, memref::StoreOp>(user);
    Operation *ancestor = block.findAncestorOpInBlock(*user);
    if (!plain || !ancestor)
      return false;
    // The body of a linalg operation reads: count the operation.
    uses.push_back({ancestor, &use, box});
  }
  return true;
}

bool CopyElision::canHoist(Operation *op, Operation *point) {
  if (!op || op->getBlock() != &block || op->isBeforeInBlock(point))
    return true;
  if (op == point || !(isPure(op) || isa<memref::AllocOp>(op)) || op->getNumRegions() != 0)
    return false;
  return llvm::all_of(op->getOperands(),
                      [&](Value operand) { return canHoist(operand.getDefiningOp(), point); });
}

void CopyElision::hoist(Operation *op, Operation *point) {
  if (!op || op->getBlock() != &block || op->isBeforeInBlock(point))
    return;
  for (Value operand : op->getOperands())
    hoist(operand.getDefiningOp(), point);
  op->moveBefore(point);
}

/// The reassociation of a reshape that keeps the groups of `full`: all axes of a
/// group but its first are whole in the underlying buffer.
static bool groupsAreContiguous(ArrayRef<ReassociationIndices> groups, ArrayRef<bool> full) {
  for (const ReassociationIndices &group : groups)
    for (int64_t axis : ArrayRef(group).drop_front())
      if (!full[axis])
        return false;
  return true;
}

/// Whether the users of `value` can take a strided buffer in its place. `source`
/// is the view of it that is copied; it gets the target itself, whose axes are
/// whole in its buffer where `full` says so.
bool CopyElision::canRetarget(Value value, Value source, ArrayRef<bool> full) {
  for (Operation *user : value.getUsers()) {
    if (isa<memref::DimOp, DestinationStyleOpInterface, memref::LoadOp, memref::StoreOp>(user))
      continue;
    if (user->getNumResults() == 1 && user->getResult(0) == source) {
      if (!canRetarget(source, source, full))
        return false;
      continue;
    }
    if (isa<memref::SubViewOp>(user)) {
      if (!canRetarget(user->getResult(0), Value(), full))
        return false;
      continue;
    }
    // Other reshapes would need the strides of the other shape.
    auto collapse = dyn_cast<memref::CollapseShapeOp>(user);
    if (collapse && value == source &&
        groupsAreContiguous(collapse.getReassociationIndices(), full)) {
      if (!canRetarget(collapse, Value(), full))
        return false;
      continue;
    }
    return false;
  }
  return true;
}

/// `strided` with its axes collapsed in groups that are contiguous.
static Value collapseStrided(OpBuilder &builder, Location loc, Value strided,
                             ArrayRef<ReassociationIndices> groups, ArrayRef<int64_t> shape) {
  auto type = cast<MemRefType>(strided.getType());
  auto [strides, offset] = type.getStridesAndOffset();
  auto metadata = memref::ExtractStridedMetadataOp::create(builder, loc, strided);
  SmallVector<OpFoldResult> newSizes, newStrides;
  SmallVector<int64_t> staticStrides;
  for (auto [group, extent] : llvm::zip_equal(groups, shape)) {
    if (!ShapedType::isDynamic(extent)) {
      newSizes.push_back(builder.getIndexAttr(extent));
    } else {
      Value size;
      for (int64_t axis : group) {
        Value part = metadata.getSizes()[axis];
        size = size ? arith::MulIOp::create(builder, loc, size, part).getResult() : part;
      }
      newSizes.push_back(size);
    }
    int64_t stride = strides[group.back()];
    staticStrides.push_back(stride);
    newStrides.push_back(ShapedType::isDynamic(stride)
                             ? OpFoldResult(metadata.getStrides()[group.back()])
                             : builder.getIndexAttr(stride));
  }
  OpFoldResult newOffset = ShapedType::isDynamic(offset) ? OpFoldResult(metadata.getOffset())
                                                         : builder.getIndexAttr(offset);
  auto layout = StridedLayoutAttr::get(builder.getContext(), offset, staticStrides);
  auto newType = MemRefType::get(shape, type.getElementType(), layout, type.getMemorySpace());
  return memref::ReinterpretCastOp::create(builder, loc, newType, metadata.getBaseBuffer(),
                                           newOffset, newSizes, newStrides);
}

/// The slice `subview` of `buffer` instead of its source. A slice of a slice is
/// written as one of the whole, so that it is seen to be disjoint from others.
static Value slicePart(OpBuilder &builder, memref::SubViewOp subview, Value buffer) {
  Location loc = subview.getLoc();
  SmallVector<OpFoldResult> offsets = subview.getMixedOffsets();
  auto outer = buffer.getDefiningOp<memref::SubViewOp>();
  if (outer && outer.getDroppedDims().none() &&
      llvm::all_of(outer.getStaticStrides(), [](int64_t stride) { return stride == 1; })) {
    for (auto [offset, begin] : llvm::zip_equal(offsets, outer.getMixedOffsets()))
      offset = addIndex(builder, loc, offset, begin);
    buffer = outer.getSource();
  }
  auto type = memref::SubViewOp::inferRankReducedResultType(
      subview.getType().getShape(), cast<MemRefType>(buffer.getType()), offsets,
      subview.getMixedSizes(), subview.getMixedStrides());
  return memref::SubViewOp::create(builder, loc, type, buffer, offsets, subview.getMixedSizes(),
                                   subview.getMixedStrides());
}

/// Gives the users of `value` `replacement`, and those of its view `source`
/// `target`.
void CopyElision::retarget(OpBuilder &builder, Value value, Value source, Value target,
                           Value replacement) {
  for (OpOperand &use : llvm::make_early_inc_range(value.getUses())) {
    Operation *user = use.getOwner();
    if (value != source && user->getNumResults() == 1 && user->getResult(0) == source) {
      retarget(builder, source, source, target, target);
      user->erase();
      continue;
    }
    if (auto subview = dyn_cast<memref::SubViewOp>(user)) {
      builder.setInsertionPoint(subview);
      Value part = slicePart(builder, subview, replacement);
      retarget(builder, subview, Value(), Value(), part);
      subview.erase();
      continue;
    }
    if (auto collapse = dyn_cast<memref::CollapseShapeOp>(user)) {
      Value collapsed =
          collapseStrided(builder, collapse.getLoc(), target, collapse.getReassociationIndices(),
                          collapse.getResultType().getShape());
      retarget(builder, collapse, Value(), Value(), collapsed);
      user->erase();
      continue;
    }
    use.set(replacement);
  }
}

/// Axes of `part` that are whole in `base`: its offset is 0 and its size the same.
static SmallVector<bool> wholeAxes(memref::SubViewOp part, Value base) {
  auto type = cast<MemRefType>(base.getType());
  SmallVector<OpFoldResult> sizes = part.getMixedSizes(), offsets = part.getMixedOffsets();
  auto alloc = base.getDefiningOp<memref::AllocOp>();
  SmallVector<bool> whole;
  unsigned dynamicAxis = 0;
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    bool same = false;
    if (!type.isDynamicDim(axis)) {
      same = getConstantIntValue(sizes[axis]) == type.getDimSize(axis);
    } else if (auto size = dyn_cast<Value>(sizes[axis])) {
      auto dim = size.getDefiningOp<memref::DimOp>();
      same = (alloc && alloc.getDynamicSizes()[dynamicAxis] == size) ||
             (dim && dim.getSource() == base && dim.getConstantIndex() == axis);
    }
    dynamicAxis += type.isDynamicDim(axis);
    whole.push_back(same && getConstantIntValue(offsets[axis]) == 0);
  }
  return whole;
}

static bool isUnitStrided(memref::SubViewOp subview) {
  return llvm::all_of(subview.getStaticStrides(), [](int64_t stride) { return stride == 1; }) &&
         subview.getDroppedDims().none();
}

/// What copying a buffer to a part of another one asks for.
struct CopyElision::Move {
  memref::AllocOp buffer;
  Value source;               // the view of the buffer that takes the target's place, or it
  Value targetRoot;           // the other buffer
  memref::SubViewOp part;     // the target; null for all of it
  SmallVector<int64_t> shift; // where the buffer begins in the target's buffer
  SmallVector<bool> full;     // the axes along which the target is whole
  Box box;                    // the place of the buffer in the target's
};

/// Checks the form of the copy: a buffer, or a slice of one, goes to a slice of a
/// dense buffer, or all of one.
bool CopyElision::match(linalg::CopyOp copy, Move &move) {
  Value source = copy.getInputs()[0], target = copy.getOutputs()[0];
  auto slice = source.getDefiningOp<memref::SubViewOp>();
  auto expand = source.getDefiningOp<memref::ExpandShapeOp>();
  auto collapse = source.getDefiningOp<memref::CollapseShapeOp>();
  Value buffer = slice      ? slice.getSource()
                 : expand   ? expand.getSrc()
                 : collapse ? collapse.getSrc()
                            : source;
  move.buffer = buffer.getDefiningOp<memref::AllocOp>();
  move.source = slice ? buffer : source;
  move.targetRoot = rootOf(target);
  move.part = target.getDefiningOp<memref::SubViewOp>();
  if (!move.buffer || move.buffer->getBlock() != &block || move.targetRoot == buffer)
    return false;
  if (!move.part) {
    move.full.assign(cast<MemRefType>(target.getType()).getRank(), true);
    return !slice && target == move.targetRoot;
  }
  auto baseType = cast<MemRefType>(move.targetRoot.getType());
  if (move.part.getSource() != move.targetRoot || !baseType.getLayout().isIdentity() ||
      !isUnitStrided(move.part))
    return false;
  move.full = wholeAxes(move.part, move.targetRoot);
  move.box = boxOf(move.part);
  if (expand)
    return groupsAreContiguous(expand.getReassociationIndices(), move.full);
  if (!slice)
    return true;
  // The rest of the buffer lies around the slice.
  if (!isUnitStrided(slice) || !move.box.known || !boxOf(slice).known)
    return false;
  SmallVector<bool> sliceFull = wholeAxes(slice, buffer);
  auto bufferType = cast<MemRefType>(buffer.getType());
  move.box.offsets.clear();
  move.box.sizes.clear();
  for (int64_t axis = 0; axis < bufferType.getRank(); ++axis) {
    int64_t begin = move.part.getStaticOffset(axis) - slice.getStaticOffset(axis);
    bool inside = sliceFull[axis] ||
                  (!bufferType.isDynamicDim(axis) && !baseType.isDynamicDim(axis) && begin >= 0 &&
                   begin + bufferType.getDimSize(axis) <= baseType.getDimSize(axis));
    if (!inside)
      return false;
    move.shift.push_back(begin);
    move.box.offsets.push_back(begin);
    move.box.sizes.push_back(bufferType.getDimSize(axis));
  }
  return true;
}

/// Whether `op` copies a slice of the buffer to where it will lie anyway.
bool CopyElision::isSelfCopy(Operation *op, Move &move) {
  auto copy = dyn_cast<linalg::CopyOp>(op);
  if (!copy || move.shift.empty())
    return false;
  auto slice = copy.getInputs()[0].getDefiningOp<memref::SubViewOp>();
  auto part = copy.getOutputs()[0].getDefiningOp<memref::SubViewOp>();
  if (!slice || !part || slice.getSource() != move.buffer.getResult() ||
      part.getSource() != move.targetRoot || !isUnitStrided(slice) || !isUnitStrided(part) ||
      !boxOf(slice).known || !boxOf(part).known)
    return false;
  for (auto [from, to, shift] :
       llvm::zip_equal(slice.getStaticOffsets(), part.getStaticOffsets(), move.shift))
    if (from + shift != to)
      return false;
  return true;
}

static bool contains(const Box &outer, const Box &inner) {
  if (!outer.known || !inner.known)
    return false;
  for (auto [begin, size, innerBegin, innerSize] :
       llvm::zip_equal(outer.offsets, outer.sizes, inner.offsets, inner.sizes))
    if (ShapedType::isDynamic(size) || ShapedType::isDynamic(innerSize) || innerBegin < begin ||
        innerBegin + innerSize > begin + size)
      return false;
  return true;
}

/// Whether a use of the target would see what `write` puts into the buffer, and did not
/// because it had not been copied.
bool CopyElision::showsIn(const BufferUse &write, const BufferUse &use,
                          ArrayRef<Operation *> selfCopies, const Move &move) {
  if (use.op->isBeforeInBlock(write.op))
    return false;
  for (Operation *copy : selfCopies) {
    auto slice = cast<linalg::CopyOp>(copy).getInputs()[0].getDefiningOp<memref::SubViewOp>();
    if (write.op->isBeforeInBlock(copy) && (!slice || contains(boxOf(slice), write.box)))
      return false;
  }
  if (move.shift.empty() || !write.box.known)
    return true;
  Box there = write.box;
  for (auto [offset, shift] : llvm::zip_equal(there.offsets, move.shift))
    offset += shift;
  return !areDisjoint(use.box, there);
}

bool CopyElision::tryElide(linalg::CopyOp copy) {
  Move move;
  if (!match(copy, move))
    return false;
  Value buffer = move.buffer;
  SmallVector<BufferUse> bufferUses, targetUses;
  if (!collectUses(buffer, {}, bufferUses) || !collectUses(move.targetRoot, {}, targetUses) ||
      !canRetarget(buffer, move.source, move.full))
    return false;
  Operation *first = copy, *last = copy;
  SmallVector<Operation *> selfCopies{copy};
  for (BufferUse &use : bufferUses) {
    if (use.op->isBeforeInBlock(first))
      first = use.op;
    if (last->isBeforeInBlock(use.op))
      last = use.op;
    if (use.op != copy && isSelfCopy(use.op, move))
      selfCopies.push_back(use.op);
  }
  if (first == copy)
    return false; // copies what nobody wrote
  for (BufferUse &use : targetUses) {
    if (llvm::is_contained(selfCopies, use.op) || use.op->isBeforeInBlock(first) ||
        areDisjoint(use.box, move.box))
      continue;
    bool afterCopy = copy->isBeforeInBlock(use.op);
    bool afterAll = last->isBeforeInBlock(use.op);
    if (!afterAll && !(afterCopy && isReadOnly(*use.operand)))
      return false;
    for (BufferUse &write : bufferUses)
      if (!isReadOnly(*write.operand) && showsIn(write, use, selfCopies, move))
        return false;
  }
  // The target has to exist where the buffer is first named.
  for (Operation *user : buffer.getUsers()) {
    Operation *ancestor = block.findAncestorOpInBlock(*user);
    if (ancestor->isBeforeInBlock(first))
      first = ancestor;
  }
  Value target = copy.getOutputs()[0];
  if (!canHoist(target.getDefiningOp(), first) ||
      (!move.shift.empty() && !canHoist(move.targetRoot.getDefiningOp(), first)))
    return false;

  OpBuilder builder(first);
  for (Value size : move.buffer.getDynamicSizes())
    hoist(size.getDefiningOp(), first);
  if (move.shift.empty()) {
    hoist(target.getDefiningOp(), first);
  } else {
    hoist(move.targetRoot.getDefiningOp(), first);
    SmallVector<OpFoldResult> offsets, strides(move.shift.size(), builder.getIndexAttr(1));
    for (int64_t shift : move.shift)
      offsets.push_back(builder.getIndexAttr(shift));
    target = memref::SubViewOp::create(builder, copy.getLoc(), move.targetRoot, offsets,
                                       move.buffer.getMixedSizes(), strides);
  }
  Value replacement = target;
  if (auto expand = move.source.getDefiningOp<memref::ExpandShapeOp>())
    replacement = collapseStrided(builder, copy.getLoc(), target, expand.getReassociationIndices(),
                                  cast<MemRefType>(buffer.getType()).getShape());
  if (auto collapse = move.source.getDefiningOp<memref::CollapseShapeOp>())
    replacement = memref::ExpandShapeOp::create(
        builder, copy.getLoc(), cast<MemRefType>(buffer.getType()).getShape(), target,
        collapse.getReassociationIndices(), move.buffer.getMixedSizes());
  for (Operation *selfCopy : selfCopies)
    selfCopy->erase();
  retarget(builder, buffer, move.source, target, replacement);
  move.buffer.erase();
  return true;
}
