//===- Extents.cpp - Sizes and costs of a model while units leave it --------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Pruning/Extents.h"

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Analysis/Constants.h"
#include "secateur/Support/TensorBytes.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"

#include <numeric>

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

/// Where the user says nothing: first what vision models take.
static constexpr int64_t kDefaultExtents[] = {224, 64, 48, 32, 128, 16, 1};

bool pruning::isStoredTensor(Value value) {
  if (value.getDefiningOp<nn::ConstantOp>())
    return true;
  auto filled = value.getDefiningOp<nn::ConstantOfShapeOp>();
  return filled && filled.getInput().getDefiningOp<nn::ConstantOp>();
}

FailureOr<std::unique_ptr<ModelExtents>> ModelExtents::compute(func::FuncOp func,
                                                               const NominalShapes &nominal) {
  auto extents = std::make_unique<ModelExtents>();
  extents->func = func;
  FailureOr<std::unique_ptr<analysis::SymbolicShapes>> symbolic =
      analysis::SymbolicShapes::compute(func);
  if (failed(symbolic))
    return failure();
  extents->symbolic = std::move(*symbolic);
  if (failed(extents->bind(nominal)))
    return failure();
  return extents;
}

/// The shapes that the user gives, by argument; null where there is none.
static FailureOr<SmallVector<const SmallVector<int64_t> *>>
givenShapes(func::FuncOp func, const NominalShapes &nominal) {
  SmallVector<const SmallVector<int64_t> *> given(func.getNumArguments());
  for (const auto &[name, shape] : nominal) {
    auto argument =
        llvm::find_if(func.getArguments(), [&](BlockArgument a) { return valueName(a) == name; });
    if (argument == func.getArguments().end())
      return func.emitError("no input is named '")
             << name << "', for which a nominal shape is given";
    auto type = dyn_cast<RankedTensorType>(argument->getType());
    if (type && type.getRank() != int64_t(shape.size()))
      return func.emitError("the nominal shape of input '")
             << name << "' has " << shape.size() << " dimensions, the input has " << type.getRank();
    given[argument->getArgNumber()] = &shape;
  }
  return given;
}

LogicalResult ModelExtents::bind(const NominalShapes &nominal) {
  FailureOr<SmallVector<const SmallVector<int64_t> *>> given = givenShapes(func, nominal);
  if (failed(given))
    return failure();
  // What is given counts first, so that inputs which share a symbol agree.
  llvm::DenseMap<nn::Dim, int64_t> chosen;
  auto forEachDim = [&](llvm::function_ref<void(BlockArgument, size_t, nn::Dim)> visit) {
    for (BlockArgument argument : func.getArguments())
      if (std::optional<ArrayRef<nn::Dim>> dims = symbolic->getShape(argument))
        for (auto [axis, dim] : llvm::enumerate(*dims))
          visit(argument, axis, dim);
  };
  auto givenDim = [&](BlockArgument argument, size_t axis) -> int64_t {
    const SmallVector<int64_t> *shape = (*given)[argument.getArgNumber()];
    return shape ? (*shape)[axis] : -1;
  };
  forEachDim([&](BlockArgument argument, size_t axis, nn::Dim dim) {
    if (int64_t size = givenDim(argument, axis); size >= 0)
      chosen.try_emplace(dim, size);
  });
  llvm::SetVector<nn::Dim> open;
  forEachDim([&](BlockArgument, size_t axis, nn::Dim dim) {
    if (isa<AffineConstantExpr>(dim) || chosen.contains(dim))
      return;
    if (axis == 0)
      chosen[dim] = 1;
    else
      open.insert(dim);
  });

  std::string reason;
  auto attempt = [&](ArrayRef<int64_t> sizes) {
    for (auto [dim, size] : llvm::zip_equal(open, sizes))
      chosen[dim] = size;
    SmallVector<SmallVector<int64_t>> shapes(func.getNumArguments());
    forEachDim([&](BlockArgument argument, size_t axis, nn::Dim dim) {
      auto constant = dyn_cast<AffineConstantExpr>(dim);
      int64_t size = givenDim(argument, axis);
      if (size < 0)
        size = constant ? constant.getValue() : chosen.lookup(dim);
      shapes[argument.getArgNumber()].push_back(size);
    });
    std::string found;
    FailureOr<analysis::Bindings> bound =
        symbolic->bind(shapes, [&](const llvm::Twine &text) { found = text.str(); });
    if (reason.empty())
      reason = found;
    if (succeeded(bound))
      bindings = std::move(*bound);
    return succeeded(bound);
  };
  // Some models take few sizes: the usual ones first, all alike, then mixed.
  SmallVector<int64_t> sizes(open.size());
  for (int64_t size : kDefaultExtents) {
    llvm::fill(sizes, size);
    if (attempt(sizes))
      return success();
    if (open.empty())
      break;
  }
  int64_t combinations = 1;
  for (size_t i = 0; i < open.size() && combinations < 5000; ++i)
    combinations *= int64_t(std::size(kDefaultExtents));
  for (int64_t number = 0; number < combinations && combinations < 5000 && !open.empty();
       ++number) {
    for (int64_t rest = number; int64_t &size : sizes) {
      size = kDefaultExtents[rest % std::size(kDefaultExtents)];
      rest /= std::size(kDefaultExtents);
    }
    if (attempt(sizes))
      return success();
  }
  return func.emitError("nominal shapes do not fit the model: ")
         << reason << (open.empty() ? "" : "; give the sizes to count with by --nominal-shape");
}

Location pruning::locationOf(const Group &group) {
  Operation *op = group.op;
  return op->getLoc();
}

ModelExtents::State &ModelExtents::stateOf(Value value) {
  std::unique_ptr<State> &state = states[value];
  if (!state) {
    state = std::make_unique<State>();
    if (std::optional<SmallVector<int64_t>> shape = symbolic->evaluate(value, bindings))
      state->dense = *shape;
    for (int64_t &extent : state->dense)
      if (extent < 0)
        extent = ShapedType::kDynamic;
    state->pruned = state->dense;
  }
  return *state;
}

ArrayRef<int64_t> ModelExtents::getDenseShape(Value value) { return stateOf(value).dense; }
ArrayRef<int64_t> ModelExtents::getPrunedShape(Value value) { return stateOf(value).pruned; }

SmallVector<int64_t> ModelExtents::getKept(Value value, int64_t axis) {
  State &state = stateOf(value);
  SmallVector<int64_t> kept;
  int64_t extent = axis < int64_t(state.dense.size()) ? state.dense[axis] : 0;
  for (int64_t index = 0; index < extent; ++index)
    if (!state.removed || !state.removed->slab(axis).test(index))
      kept.push_back(index);
  return kept;
}

std::optional<SmallVector<int64_t>> ModelExtents::getDenseElements(Value value) {
  std::optional<ArrayRef<nn::Dim>> elements = symbolic->getElements(value);
  if (!elements)
    return analysis::getConstantIntegers(value);
  SmallVector<int64_t> result;
  for (nn::Dim element : *elements) {
    std::optional<int64_t> number = symbolic->evaluate(element, bindings);
    if (!number)
      return std::nullopt;
    result.push_back(*number);
  }
  return result;
}

std::vector<Group> ModelExtents::collectGroups() {
  std::vector<Group> groups = pruning::collectGroups(func);
  for (Group &group : groups)
    for (auto [member, layout] : llvm::zip_equal(group.members, group.layouts))
      for (prune::BoxLayout &box : layout.boxes)
        for (prune::AxisPart &part : box.parts)
          if (!part.outer.empty() && part.outer.front().count < 0) {
            ArrayRef<int64_t> shape = getDenseShape(member);
            int64_t extent = part.axis < int64_t(shape.size()) ? shape[part.axis] : 0;
            prune::AxisPart::Loop &loop = part.outer.front();
            loop.count = std::max<int64_t>(loop.stride > 0 ? extent / loop.stride : 1, 1);
          }
  return groups;
}

static IndexBox toBox(const Slab &slab) {
  IndexBox box;
  for (const auto &[axis, positions] : slab.axes)
    box[axis].assign(positions.begin(), positions.end());
  return box;
}

LogicalResult ModelExtents::remove(const Group &group, int64_t unit) {
  llvm::SetVector<Value> touched;
  for (const Slab &slab : group.slabs(unit)) {
    Value member = group.members[slab.member];
    State &state = stateOf(member);
    if (!state.removed)
      state.removed.emplace(state.dense);
    IndexBox box = toBox(slab);
    if (!state.removed->contains(box))
      return emitError(locationOf(group)) << "unit " << unit << " of group '" << group.name
                                          << "' lies outside '" << valueName(member) << "'";
    state.removed->add(box);
    touched.insert(member);
  }
  for (Value member : touched) {
    State &state = stateOf(member);
    if (std::optional<SmallVector<int64_t>> packed = state.removed->packedShape())
      state.pruned = *packed;
  }
  return success();
}

bool ModelExtents::isCut(Value value) const {
  const RemovedElements *removed = getRemoved(value);
  return removed && !removed->empty();
}

const RemovedElements *ModelExtents::getRemoved(Value value) const {
  auto found = states.find(value);
  return found != states.end() && found->second->removed ? &*found->second->removed : nullptr;
}

SmallVector<Value> ModelExtents::getCutValues() const {
  SmallVector<Value> values;
  for (const auto &[value, state] : states)
    if (state->removed && !state->removed->empty())
      values.push_back(value);
  return values;
}

Value ModelExtents::findRagged() const {
  for (const auto &[value, state] : states)
    if (state->removed && !state->removed->packedShape())
      return value;
  return {};
}

void ModelExtents::tryRemove(const Group &group, ArrayRef<int64_t> units,
                             llvm::DenseMap<Value, SmallVector<int64_t>> &shapes) {
  for (unsigned member = 0; member < group.members.size(); ++member) {
    Value value = group.members[member];
    State &state = stateOf(value);
    if (!state.removed)
      state.removed.emplace(state.dense);
    std::vector<IndexBox> boxes;
    for (int64_t unit : units)
      for (const Slab &slab : group.slabs(unit, member))
        boxes.push_back(toBox(slab));
    if (!llvm::all_of(boxes, [&](const IndexBox &box) { return state.removed->contains(box); }))
      continue; // `remove` says so.
    if (std::optional<SmallVector<int64_t>> packed = state.removed->packedShapeWith(boxes))
      if (ArrayRef(*packed) != ArrayRef(state.pruned))
        shapes[value] = *packed;
  }
}

int64_t ModelExtents::getFlops(Operation *op, ShapeOf shapeOf) {
  auto cost = dyn_cast<nn::CostOpInterface>(op);
  if (!cost)
    return 0;
  return cost.getFlops([&](Value value) {
    SmallVector<int64_t> shape = shapeOf(value);
    for (int64_t &extent : shape)
      if (ShapedType::isDynamic(extent))
        extent = 1;
    return shape;
  });
}

ModelCost ModelExtents::getTensorCost(Value value, ArrayRef<int64_t> shape) {
  auto type = dyn_cast<ShapedType>(value.getType());
  ModelCost cost;
  if (!type)
    return cost;
  int64_t count =
      std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<int64_t>());
  Type element = type.getElementType();
  if (isa<FloatType>(element) || (element.isInteger() && element.getIntOrFloatBitWidth() <= 8 &&
                                  !element.isInteger(1) && !shape.empty()))
    cost.parameters = count;
  cost.weightBytes = count * getElementBytes(element);
  return cost;
}

ModelCost ModelExtents::sumCost(ShapeOf shapeOf) {
  ModelCost sum;
  func.walk([&](Operation *op) {
    sum.flops += getFlops(op, shapeOf);
    if (op->getNumResults() != 1 || !isStoredTensor(op->getResult(0)))
      return;
    ModelCost tensor = getTensorCost(op->getResult(0), shapeOf(op->getResult(0)));
    sum.parameters += tensor.parameters;
    sum.weightBytes += tensor.weightBytes;
  });
  return sum;
}

ModelCost ModelExtents::getDenseCost() {
  return sumCost([&](Value value) { return SmallVector<int64_t>(getDenseShape(value)); });
}
ModelCost ModelExtents::getCost() {
  return sumCost([&](Value value) { return SmallVector<int64_t>(getPrunedShape(value)); });
}
