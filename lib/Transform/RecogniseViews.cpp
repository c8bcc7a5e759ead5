//===- RecogniseViews.cpp - Gathers that only reshape and reorder -----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// An exporter writes a view of a tensor (sizes and strides over its elements) as a
// gather from the flattened tensor, whose indices it computes as a sum of terms,
// one for each axis. Where the strides are those of a mixed radix that counts
// every element once, the view is a reshape, with a transpose where its axes are in
// another order.

#include "dialects/NN/IR/NNErasure.h"
#include "dialects/NN/IR/NNOps.h"
#include "secateur/Analysis/Constants.h"
#include "secateur/Analysis/SymbolicShapes.h"
#include "secateur/Support/EraseIfDead.h"
#include "secateur/Support/Names.h"
#include "secateur/Transform/Passes.h"

#include "llvm/ADT/StringSet.h"

namespace secateur::transform {
#define GEN_PASS_DEF_NNRECOGNISEVIEWS
#include "secateur/Transform/Passes.h.inc"
} // namespace secateur::transform

using namespace mlir;
using namespace secateur;
using namespace secateur::nn;
using namespace secateur::transform;

namespace {

/// Integers that are offset + the sum of stride x position over the axes, modulo the
/// integers of the model.
struct Steps {
  int64_t offset = 0;
  SmallVector<int64_t> strides;
};

class ViewFinder {
public:
  explicit ViewFinder(analysis::SymbolicShapes &shapes) : shapes(shapes) {}

  /// The axes of a gather's result that is a view of all of its data, outermost of
  /// the data first, and those of one position last; nullopt for any other gather.
  std::optional<SmallVector<int64_t>> orderOf(GatherOp op);

private:
  std::optional<Steps> stepsOf(Value value);
  std::optional<Steps> compute(Value value);
  std::optional<Steps> constantSteps(Value value);
  std::optional<Steps> rangeSteps(RangeOp op);
  std::optional<Steps> regroupedSteps(Value from, Value to);
  /// The steps of an operand as it is broadcast to the shape of `result`.
  std::optional<Steps> broadcastSteps(Value operand, Value result);
  std::optional<int64_t> single(Value value);
  bool isOne(Dim size) { return size == shapes.constant(1); }

  analysis::SymbolicShapes &shapes;
  llvm::DenseMap<Value, std::optional<Steps>> known;
};

} // namespace

// As integers of the model wrap.
static int64_t add(int64_t left, int64_t right) { return uint64_t(left) + uint64_t(right); }
static int64_t multiply(int64_t left, int64_t right) { return uint64_t(left) * uint64_t(right); }

std::optional<int64_t> ViewFinder::single(Value value) {
  std::optional<SmallVector<int64_t>> elements = shapes.getConstantElements(value);
  return elements && elements->size() == 1 ? std::optional(elements->front()) : std::nullopt;
}

std::optional<Steps> ViewFinder::constantSteps(Value value) {
  std::optional<SmallVector<int64_t>> elements = analysis::getConstantIntegers(value);
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!elements || elements->empty() || !type)
    return std::nullopt;
  Steps steps{elements->front(), SmallVector<int64_t>(type.getRank(), 0)};
  // The innermost axis first: `block` elements are one step of an axis.
  int64_t block = 1;
  for (int64_t axis = type.getRank() - 1; axis >= 0; --axis) {
    if (type.getDimSize(axis) > 1)
      steps.strides[axis] = add((*elements)[block], multiply(-1, elements->front()));
    block *= type.getDimSize(axis);
  }
  for (auto [position, element] : llvm::enumerate(*elements)) {
    int64_t expected = steps.offset, rest = position;
    for (int64_t axis = type.getRank() - 1; axis >= 0; --axis) {
      expected = add(expected, multiply(steps.strides[axis], rest % type.getDimSize(axis)));
      rest /= type.getDimSize(axis);
    }
    if (element != expected)
      return std::nullopt;
  }
  return steps;
}

std::optional<Steps> ViewFinder::rangeSteps(RangeOp op) {
  std::optional<int64_t> start = single(op.getStart()), delta = single(op.getDelta());
  return start && delta ? std::optional(Steps{*start, {*delta}}) : std::nullopt;
}

/// The same elements, where only axes of one position come and go.
std::optional<Steps> ViewFinder::regroupedSteps(Value from, Value to) {
  std::optional<Steps> steps = stepsOf(from);
  std::optional<ArrayRef<Dim>> source = shapes.getShape(from), target = shapes.getShape(to);
  if (!steps || !source || !target)
    return std::nullopt;
  Steps result{steps->offset, {}};
  size_t next = 0;
  auto skipOnes = [&] {
    while (next < source->size() && isOne((*source)[next]))
      ++next;
  };
  for (Dim size : *target) {
    if (isOne(size)) {
      result.strides.push_back(0);
      continue;
    }
    skipOnes();
    if (next == source->size() || (*source)[next] != size)
      return std::nullopt;
    result.strides.push_back(steps->strides[next++]);
  }
  skipOnes();
  return next == source->size() ? std::optional(result) : std::nullopt;
}

std::optional<Steps> ViewFinder::broadcastSteps(Value operand, Value result) {
  std::optional<Steps> steps = stepsOf(operand);
  std::optional<ArrayRef<Dim>> source = shapes.getShape(operand), target = shapes.getShape(result);
  if (!steps || !source || !target || source->size() > target->size())
    return std::nullopt;
  size_t added = target->size() - source->size();
  Steps wide{steps->offset, SmallVector<int64_t>(target->size(), 0)};
  for (size_t axis = 0; axis < source->size(); ++axis) {
    if (isOne((*source)[axis]))
      continue;
    if ((*source)[axis] != (*target)[added + axis])
      return std::nullopt;
    wide.strides[added + axis] = steps->strides[axis];
  }
  return wide;
}

std::optional<Steps> ViewFinder::compute(Value value) {
  Operation *op = value.getDefiningOp();
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!op || !type || !type.getElementType().isSignlessInteger() ||
      type.getElementTypeBitWidth() < 32)
    return std::nullopt;
  if (isa<ConstantOp>(op))
    return constantSteps(value);
  if (auto range = dyn_cast<RangeOp>(op))
    return rangeSteps(range);
  if (isa<IdentityOp>(op))
    return stepsOf(op->getOperand(0));
  if (isa<ReshapeOp, UnsqueezeOp, SqueezeOp>(op))
    return regroupedSteps(op->getOperand(0), value);
  if (isa<ExpandOp>(op))
    return broadcastSteps(op->getOperand(0), value);
  if (!isa<AddOp, MulOp>(op))
    return std::nullopt;
  std::optional<Steps> left = broadcastSteps(op->getOperand(0), value),
                       right = broadcastSteps(op->getOperand(1), value);
  if (!left || !right)
    return std::nullopt;
  if (isa<MulOp>(op)) {
    auto isUniform = [](const Steps &steps) {
      return llvm::all_of(steps.strides, [](int64_t stride) { return stride == 0; });
    };
    if (!isUniform(*right))
      std::swap(left, right);
    if (!isUniform(*right))
      return std::nullopt;
    left->offset = multiply(left->offset, right->offset);
    for (int64_t &stride : left->strides)
      stride = multiply(stride, right->offset);
    return left;
  }
  left->offset = add(left->offset, right->offset);
  for (auto [stride, other] : llvm::zip_equal(left->strides, right->strides))
    stride = add(stride, other);
  return left;
}

std::optional<Steps> ViewFinder::stepsOf(Value value) {
  auto found = known.find(value);
  if (found != known.end())
    return found->second;
  std::optional<Steps> steps = compute(value);
  known[value] = steps;
  return steps;
}

std::optional<SmallVector<int64_t>> ViewFinder::orderOf(GatherOp op) {
  std::optional<ArrayRef<Dim>> data = shapes.getShape(op.getData()),
                               view = shapes.getShape(op.getIndices());
  if (!data || data->size() != 1 || !view || view->size() < 2)
    return std::nullopt;
  std::optional<Steps> steps = stepsOf(op.getIndices());
  if (!steps || steps->offset != 0)
    return std::nullopt;
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, view->size()));
  llvm::sort(order, [&](int64_t left, int64_t right) {
    auto key = [&](int64_t axis) {
      bool one = isOne((*view)[axis]);
      return std::tuple(one, one ? 0 : ~steps->strides[axis], axis);
    };
    return key(left) < key(right);
  });
  // From the innermost axis on, each stride is the number of elements inside of it.
  Dim inside = shapes.constant(1);
  bool hasDynamic = false;
  for (int64_t axis : llvm::reverse(order)) {
    Dim size = (*view)[axis];
    if (isOne(size))
      continue;
    auto constant = dyn_cast<AffineConstantExpr>(size);
    if (hasDynamic || (constant && constant.getValue() < 1) ||
        inside != shapes.constant(steps->strides[axis]))
      return std::nullopt;
    hasDynamic |= !constant;
    inside = shapes.simplify(inside * size);
  }
  return shapes.areEqual(inside, data->front()) ? std::optional(order) : std::nullopt;
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

namespace {

class ViewRewriter {
public:
  explicit ViewRewriter(func::FuncOp func) {
    func.walk([&](Operation *op) {
      for (Value result : op->getResults())
        names.insert(getValueName(result));
    });
  }
  void rewrite(GatherOp op, ArrayRef<int64_t> order);

private:
  /// A location with a name of its own; none where `base` has no name, either.
  Location named(Value base, StringRef role);

  llvm::StringSet<> names;
};

} // namespace

Location ViewRewriter::named(Value base, StringRef role) {
  StringRef given = getValueName(base);
  if (given.empty())
    return base.getLoc();
  std::string name = (given + "." + role).str();
  for (unsigned number = 2; !names.insert(name).second; ++number)
    name = (given + "." + role + llvm::Twine(number)).str();
  return getNodeLocation(base.getContext(), name, {name});
}

void ViewRewriter::rewrite(GatherOp op, ArrayRef<int64_t> order) {
  Value view = op.getOutput();
  auto type = cast<RankedTensorType>(view.getType());
  // Axes of one position stand wherever the result has them.
  SmallVector<int64_t> sorted(order);
  auto isOne = [&](int64_t axis) { return type.getDimSize(axis) == 1; };
  SmallVector<int64_t> plain = llvm::filter_to_vector(order, [&](int64_t a) { return !isOne(a); });
  bool inOrder = llvm::is_sorted(plain);
  if (inOrder)
    llvm::sort(sorted);
  SmallVector<int64_t> shape =
      llvm::map_to_vector(sorted, [&](int64_t axis) { return type.getDimSize(axis); });
  SmallVector<int64_t> target = shape;
  llvm::replace(target, ShapedType::kDynamic, int64_t(-1));

  OpBuilder builder(op);
  auto targetType = RankedTensorType::get({type.getRank()}, builder.getI64Type());
  auto constant = ConstantOp::create(builder, named(view, "shape"),
                                     DenseElementsAttr::get(targetType, ArrayRef<int64_t>(target)),
                                     /*initializer=*/true);
  constant->setAttr(kAddedAttr, builder.getUnitAttr());
  auto reshapedType = RankedTensorType::get(shape, type.getElementType());
  Value result = ReshapeOp::create(builder, inOrder ? op.getLoc() : named(view, "reshaped"),
                                   reshapedType, op.getData(), constant.getOutput());
  if (!inOrder) {
    SmallVector<int64_t> permutation(sorted.size());
    for (auto [position, axis] : llvm::enumerate(sorted))
      permutation[axis] = position;
    result = TransposeOp::create(builder, op.getLoc(), type, result,
                                 builder.getDenseI64ArrayAttr(permutation));
  }
  view.replaceAllUsesWith(result);
  eraseIfDead(op);
}

namespace {
struct NNRecogniseViewsPass : transform::impl::NNRecogniseViewsBase<NNRecogniseViewsPass> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    SmallVector<GatherOp> gathers;
    func.walk([&](GatherOp op) {
      auto data = dyn_cast<RankedTensorType>(op.getData().getType()),
           view = dyn_cast<RankedTensorType>(op.getType());
      // A plan accounts for what is added to the graph, not to a branch.
      bool isCandidate = op->getParentOp() == func && data && view && data.getRank() == 1 &&
                         view.getRank() > 1 &&
                         llvm::count(view.getShape(), ShapedType::kDynamic) < 2;
      if (isCandidate)
        gathers.push_back(op);
    });
    if (gathers.empty())
      return;
    FailureOr<std::unique_ptr<analysis::SymbolicShapes>> shapes =
        analysis::SymbolicShapes::compute(func);
    if (failed(shapes))
      return signalPassFailure();
    ViewFinder finder(**shapes);
    SmallVector<std::pair<GatherOp, SmallVector<int64_t>>> views;
    for (GatherOp op : gathers)
      if (std::optional<SmallVector<int64_t>> order = finder.orderOf(op))
        views.emplace_back(op, *order);
    ViewRewriter rewriter(func);
    for (auto &[op, order] : views)
      rewriter.rewrite(op, order);
  }
};
} // namespace
