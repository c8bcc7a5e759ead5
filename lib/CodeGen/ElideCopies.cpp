//===- ElideCopies.cpp - Values computed where they are copied to -----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A buffer that is copied into a part of another one (a concatenation, a padded
// tensor, an output) can be that part from the start. It can when, from its first
// use to the copy, nothing else touches the part, and when, after the copy, nothing
// overwrites the part as long as the buffer is read.
//
// Only the operations of a function's own block are looked at; what is done in a
// region counts as done by the operation that has the region. Copies are taken
// from the last to the first, so that a part of a part ends up in the whole.
//===----------------------------------------------------------------------===//

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
  Operation *op;       // in the function's block
  OpOperand *operand;  // the use itself
  Box box;
};

class CopyElision {
public:
  explicit CopyElision(Block &block) : block(block) {}

  bool tryElide(linalg::CopyOp copy);

private:
  bool collectUses(Value value, const Box &box, SmallVectorImpl<BufferUse> &uses);
  bool canRetarget(Value value, Value source, MemRefType target, ArrayRef<bool> full);
  void retarget(OpBuilder &builder, Value value, Value source, Value target,
                Value replacement);
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
    SmallVector<linalg::CopyOp> copies(block.getOps<linalg::CopyOp>());
    CopyElision elision(block);
    for (linalg::CopyOp copy : llvm::reverse(copies))
      elision.tryElide(copy);
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
    bool plain = isa<DestinationStyleOpInterface>(user) || isa<memref::LoadOp, memref::StoreOp>(user);
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
/// is the view of it that is copied; it gets the target itself, of type `target`,
/// whose axes are whole in its buffer where `full` says so.
bool CopyElision::canRetarget(Value value, Value source, MemRefType target, ArrayRef<bool> full) {
  for (Operation *user : value.getUsers()) {
    if (isa<memref::DimOp, DestinationStyleOpInterface, memref::LoadOp, memref::StoreOp>(user))
      continue;
    if (user->getNumResults() == 1 && user->getResult(0) == source) {
      if (!canRetarget(source, source, target, full))
        return false;
      continue;
    }
    // Other reshapes would need the strides of the other shape.
    auto collapse = dyn_cast<memref::CollapseShapeOp>(user);
    if (collapse && value == source &&
        groupsAreContiguous(collapse.getReassociationIndices(), full)) {
      if (!canRetarget(collapse, Value(), target, full))
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
    if (auto collapse = dyn_cast<memref::CollapseShapeOp>(user)) {
      Value collapsed = collapseStrided(builder, collapse.getLoc(), target,
                                        collapse.getReassociationIndices(),
                                        collapse.getResultType().getShape());
      retarget(builder, collapse, Value(), Value(), collapsed);
      user->erase();
      continue;
    }
    use.set(replacement);
  }
}

bool CopyElision::tryElide(linalg::CopyOp copy) {
  Value source = copy.getInputs()[0], target = copy.getOutputs()[0];
  // The source is a whole allocation, as it is or in another shape.
  Value buffer = source;
  auto expand = source.getDefiningOp<memref::ExpandShapeOp>();
  if (expand)
    buffer = expand.getSrc();
  auto alloc = buffer.getDefiningOp<memref::AllocOp>();
  Value targetRoot = rootOf(target);
  if (!alloc || alloc->getBlock() != &block || targetRoot == buffer)
    return false;
  // The target is a part of a dense buffer, or all of one.
  auto subview = target.getDefiningOp<memref::SubViewOp>();
  auto targetType = cast<MemRefType>(target.getType());
  SmallVector<bool> full(targetType.getRank(), true);
  Box targetBox;
  if (subview) {
    auto baseType = cast<MemRefType>(subview.getSource().getType());
    if (!baseType.getLayout().isIdentity() || subview.getSource() != targetRoot ||
        subview.getDroppedDims().any() ||
        llvm::any_of(subview.getStaticStrides(), [](int64_t stride) { return stride != 1; }))
      return false;
    targetBox = boxOf(subview);
    SmallVector<OpFoldResult> sizes = subview.getMixedSizes();
    for (int64_t axis = 0; axis < targetType.getRank(); ++axis)
      full[axis] = getConstantIntValue(subview.getMixedOffsets()[axis]) == 0 &&
                   (!baseType.isDynamicDim(axis)
                        ? getConstantIntValue(sizes[axis]) == baseType.getDimSize(axis)
                        : false);
    // An axis of unknown size is whole when no other part begins inside it; that
    // is known of all axes but one in a concatenation.
    for (int64_t axis = 0; axis < targetType.getRank(); ++axis)
      if (!full[axis] && baseType.isDynamicDim(axis))
        if (auto size = dyn_cast<Value>(sizes[axis]))
          if (auto dim = size.getDefiningOp<memref::DimOp>())
            full[axis] = getConstantIntValue(subview.getMixedOffsets()[axis]) == 0 &&
                         dim.getSource() == targetRoot && dim.getConstantIndex() == axis;
    if (auto base = targetRoot.getDefiningOp<memref::AllocOp>()) {
      unsigned next = 0;
      for (int64_t axis = 0; axis < targetType.getRank(); ++axis) {
        if (!baseType.isDynamicDim(axis))
          continue;
        Value extent = base.getDynamicSizes()[next++];
        full[axis] = full[axis] ||
                     (getConstantIntValue(subview.getMixedOffsets()[axis]) == 0 &&
                      dyn_cast<Value>(sizes[axis]) == extent);
      }
    }
  } else if (target != targetRoot) {
    return false;
  }
  if (expand && !groupsAreContiguous(expand.getReassociationIndices(), full))
    return false;

  SmallVector<BufferUse> bufferUses, targetUses;
  if (!collectUses(buffer, {}, bufferUses) || !collectUses(targetRoot, {}, targetUses))
    return false;
  if (!canRetarget(buffer, source, targetType, full))
    return false;
  Operation *first = copy, *last = copy;
  for (BufferUse &use : bufferUses) {
    if (use.op->isBeforeInBlock(first))
      first = use.op;
    if (last->isBeforeInBlock(use.op))
      last = use.op;
  }
  if (first == copy)
    return false; // copies what nobody wrote
  for (BufferUse &use : targetUses) {
    if (use.op == copy || use.op->isBeforeInBlock(first) || areDisjoint(use.box, targetBox))
      continue;
    bool afterCopy = copy->isBeforeInBlock(use.op);
    bool afterAll = last->isBeforeInBlock(use.op);
    if (!afterAll && !(afterCopy && isReadOnly(*use.operand)))
      return false;
  }
  // The target has to exist at the first use.
  if (!canHoist(target.getDefiningOp(), first))
    return false;
  hoist(target.getDefiningOp(), first);

  OpBuilder builder(first);
  Value replacement = target;
  if (expand)
    replacement = collapseStrided(builder, copy.getLoc(), target, expand.getReassociationIndices(),
                                  cast<MemRefType>(buffer.getType()).getShape());
  copy.erase();
  retarget(builder, buffer, source, target, replacement);
  alloc.erase();
  return true;
}
