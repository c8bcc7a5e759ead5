//===- Solver.cpp - Which positions leave together --------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Solver.h"

#include "Coupling/Coupling.h"
#include "dialects/NN/IR/NNOps.h"
#include "secateur/Analysis/Constants.h"
#include "secateur/Pruning/Extents.h"
#include "secateur/Pruning/Groups.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;
using nn::Axis;

/// Untying shared constants may add this share to the weights.
static constexpr double kUntiedShare = 0.01;

void Solver::run() {
  chooseUntied();
  makeArguments();
  visit(func.getBody().front());
  followExtents();
  checkErasedValues(func.getBody().front());
}

void Solver::visit(Block &block) {
  for (Operation &op : block) {
    current = &op;
    findSigns(&op);
    visit(&op);
  }
}

//===----------------------------------------------------------------------===//
// Axes of values
//===----------------------------------------------------------------------===//

static SmallVector<Axis> toAxes(ArrayRef<NodeId> nodes) {
  return llvm::map_to_vector(nodes, [](NodeId node) { return Axis{node}; });
}
static SmallVector<NodeId> toNodes(ArrayRef<Axis> axes) {
  return llvm::map_to_vector(axes, [](Axis axis) -> NodeId { return axis.id; });
}

unsigned Solver::reasonOf(StringRef rule, bool silent) {
  return digits.addReason({current, rule.str(), silent});
}

ArrayRef<Axis> Solver::axesOf(Value value) {
  auto found = valueAxes.find(value);
  return found == valueAxes.end() ? ArrayRef<Axis>() : ArrayRef<Axis>(found->second);
}

ArrayRef<Axis> Solver::axes(OpOperand &operand) {
  auto found = useAxes.find(&operand);
  return found == useAxes.end() ? axesOf(operand.get()) : ArrayRef<Axis>(found->second);
}

static int64_t countElements(Value value) {
  return cast<ShapedType>(value.getType()).getNumElements();
}

/// Exporters merge constants that are equal; vectors among them are told apart
/// again, smallest first, as long as that adds little.
void Solver::chooseUntied() {
  SmallVector<Value> candidates;
  int64_t total = 0;
  for (auto constant : func.getBody().front().getOps<nn::ConstantOp>()) {
    auto type = cast<ShapedType>(constant.getOutput().getType());
    total += type.getNumElements();
    bool vector = llvm::count_if(type.getShape(), [](int64_t size) { return size != 1; }) <= 1;
    bool captured = llvm::any_of(constant->getUsers(), [&](Operation *user) {
      return user->getBlock() != constant->getBlock();
    });
    if (vector && !captured && !constant.getOutput().use_empty() &&
        !constant.getOutput().hasOneUse())
      candidates.push_back(constant.getOutput());
  }
  auto cost = [](Value value) {
    return countElements(value) *
           (static_cast<int64_t>(std::distance(value.use_begin(), value.use_end())) - 1);
  };
  SmallVector<std::pair<int64_t, unsigned>> order;
  for (auto [index, value] : llvm::enumerate(candidates))
    order.emplace_back(cost(value), index);
  llvm::sort(order);
  double left = kUntiedShare * total;
  for (auto [added, index] : order) {
    left -= added;
    if (left < 0)
      break;
    untied.insert(candidates[index]);
  }
}

void Solver::makeArguments() {
  current = func;
  for (BlockArgument argument : func.getArguments()) {
    std::optional<ArrayRef<nn::Dim>> dims = shape(argument);
    if (!dims)
      continue;
    bool mayShrink = interface.contains(valueName(argument));
    SmallVector<Axis> axes;
    for (nn::Dim dim : *dims)
      axes.push_back(
          mayShrink && isa<AffineConstantExpr>(dim)
              ? fresh(dim)
              : rigid(dim, "input '" + valueName(argument) + "' of the graph keeps its size"));
    valueAxes[argument] = axes;
  }
}

void Solver::makeConstant(Operation *op) {
  Value value = op->getResult(0);
  std::optional<ArrayRef<nn::Dim>> dims = shape(value);
  if (!dims || value.use_empty())
    return;
  auto makeAxes = [&] {
    return llvm::map_to_vector(*dims, [&](nn::Dim dim) { return fresh(dim); });
  };
  if (!untied.contains(value)) {
    valueAxes[value] = makeAxes();
    return;
  }
  for (OpOperand &use : value.getUses())
    useAxes[&use] = makeAxes();
}

//===----------------------------------------------------------------------===//
// Walking the operations
//===----------------------------------------------------------------------===//

void Solver::pinOperation(Operation *op, StringRef rule) {
  for (OpOperand &operand : op->getOpOperands())
    for (Axis axis : axes(operand))
      pin(axis, rule);
  // What a subgraph captures.
  for (Region &region : op->getRegions()) {
    region.walk([&](Operation *inner) {
      for (OpOperand &operand : inner->getOpOperands())
        for (Axis axis : axes(operand))
          pin(axis, rule);
    });
  }
}

/// What an operator says of its axes. One that says nothing of a result that is used
/// does not know what it does in this form: then its operands stay as they are.
void Solver::declare(Operation *op, nn::CouplingOpInterface coupling) {
  coupling.declareCoupling(*this);
  bool saysAll = llvm::all_of(op->getResults(), [&](Value result) {
    return result.use_empty() || valueAxes.contains(result) || shape(result)->empty();
  });
  if (!saysAll)
    pinOperation(op, "this form of the operator is not modelled");
}

/// Results without axes get pinned ones; axes that contradict the shape are
/// pinned as well.
void Solver::completeResults(Operation *op) {
  for (Value result : op->getResults()) {
    std::optional<ArrayRef<nn::Dim>> dims = shape(result);
    SmallVector<Axis> &axes = valueAxes[result];
    if (!dims) {
      for (Axis axis : axes)
        pin(axis, "the rank of its result is not known");
      axes.clear();
      continue;
    }
    if (axes.size() != dims->size()) {
      for (Axis axis : axes)
        pin(axis, "its coupling has another rank than its result");
      axes = llvm::map_to_vector(
          *dims, [&](nn::Dim dim) { return rigid(dim, "it makes positions of its own"); });
      continue;
    }
    for (auto [axis, dim] : llvm::zip(axes, *dims)) {
      auto constant = dyn_cast<AffineConstantExpr>(dim);
      if (constant && !(digits.extent(axis.id) == Extent(constant.getValue())) &&
          !digits.pinOf(axis.id)) {
        pin(axis, "its coupling has another size than its result");
        axis = rigid(dim, "its coupling has another size than its result");
      }
    }
  }
}

void Solver::findSigns(Operation *op) {
  bool result = false;
  if (auto constant = dyn_cast<nn::ConstantOp>(op)) {
    std::optional<SmallVector<double>> numbers = analysis::getConstantFloats(constant.getOutput());
    result = numbers && llvm::all_of(*numbers, [](double number) { return number >= 0; });
  } else if (auto sign = dyn_cast<nn::SignOpInterface>(op)) {
    SmallVector<bool> operands =
        llvm::map_to_vector(op->getOperands(), [&](Value value) { return isNonNegative(value); });
    result = sign.isNonNegative(operands);
  }
  if (result)
    nonNegative.insert_range(op->getResults());
}

bool Solver::isChoice(Operation *op) {
  return op->getNumRegions() && llvm::all_of(op->getRegions(), [&](Region &region) {
           return region.hasOneBlock() && region.getNumArguments() == 0 &&
                  region.front().getTerminator()->getNumOperands() == op->getNumResults();
         });
}

/// Whether the operation stands in the function, or in a choice that does.
bool Solver::isReached(Operation *op) {
  Operation *parent = op->getParentOp();
  return parent == func || (isChoice(parent) && isReached(parent));
}

void Solver::visitChoice(Operation *op) {
  for (OpOperand &operand : op->getOpOperands())
    for (Axis axis : axes(operand))
      pin(axis, "it chooses a subgraph");
  for (Region &region : op->getRegions())
    visit(region.front());
  current = op;
  for (OpResult result : op->getResults()) {
    auto yielded = [&](Region &region) -> OpOperand & {
      return region.front().getTerminator()->getOpOperand(result.getResultNumber());
    };
    ArrayRef<Axis> first = axes(yielded(op->getRegion(0)));
    bool agree = shape(result) && llvm::all_of(op->getRegions(), [&](Region &region) {
                   return axes(yielded(region)).size() == shape(result)->size();
                 });
    for (Region &region : op->getRegions())
      for (auto [index, axis] : llvm::enumerate(axes(yielded(region))))
        if (agree)
          unify(first[index], axis);
        else
          pin(axis, "subgraphs give it different ranks");
    if (agree)
      valueAxes[result] = SmallVector<Axis>(first);
  }
}

void Solver::visitShuffle(const Shuffle &shuffle) {
  SmallVector<Axis> result(axes(shuffle.data()));
  result[shuffle.axis] = pickPositions(*this, result[shuffle.axis], shuffle.positions);
  valueAxes[shuffle.result()] = result;
}

void Solver::visit(Operation *op) {
  if (auto found = shuffleOf.find(op); found != shuffleOf.end()) {
    if (op == found->second->join)
      visitShuffle(*found->second);
    return completeResults(op);
  }
  if (op->getNumResults() == 1 && isStoredTensor(op->getResult(0)))
    return makeConstant(op);
  if (op->hasTrait<OpTrait::IsTerminator>()) {
    if (op->getParentOp() != func)
      return;
    for (OpOperand &operand : op->getOpOperands()) {
      std::string name = "output " + std::to_string(operand.getOperandNumber());
      auto attribute = func.getResultAttrOfType<StringAttr>(operand.getOperandNumber(),
                                                            nn::NNDialect::kNameAttr);
      if (attribute)
        name = "output '" + attribute.str() + "'";
      if (attribute && interface.contains(attribute.getValue()))
        continue;
      for (Axis axis : axes(operand))
        pin(axis, name + " of the graph keeps its size");
    }
    return;
  }
  auto coupling = dyn_cast<nn::CouplingOpInterface>(op);
  auto isRanked = [&](Value value) { return shape(value).has_value(); };
  if (isChoice(op))
    visitChoice(op);
  else if (op->getNumRegions())
    pinOperation(op, "a subgraph uses it");
  else if (!coupling)
    pinOperation(op, "nothing is known of how the operator treats its dimensions");
  else if (!llvm::all_of(op->getOperands(), isRanked) || !llvm::all_of(op->getResults(), isRanked))
    pinOperation(op, "the rank of an operand or result is not known");
  else
    declare(op, coupling);
  completeResults(op);
}

//===----------------------------------------------------------------------===//
// What operations use
//===----------------------------------------------------------------------===//

std::optional<ArrayRef<nn::Dim>> Solver::shape(Value value) { return shapes.getShape(value); }

std::optional<SmallVector<std::optional<int64_t>>> Solver::someIntegers(Value value) {
  std::optional<ArrayRef<nn::Dim>> elements = value ? shapes.getElements(value) : std::nullopt;
  if (!elements)
    return std::nullopt;
  return llvm::map_to_vector(*elements, [](nn::Dim element) {
    auto constant = dyn_cast_or_null<AffineConstantExpr>(element);
    return constant ? std::optional<int64_t>(constant.getValue()) : std::nullopt;
  });
}

std::optional<SmallVector<int64_t>> Solver::integers(Value value) {
  std::optional<SmallVector<std::optional<int64_t>>> elements = someIntegers(value);
  if (!elements || !llvm::all_of(*elements, [](auto &element) { return element.has_value(); }))
    return std::nullopt;
  return llvm::map_to_vector(*elements, [](auto &element) { return *element; });
}

std::optional<int64_t> Solver::extent(Axis axis) {
  const Extent &extent = digits.extent(axis.id);
  return extent.isStatic() ? std::optional<int64_t>(extent.factor) : std::nullopt;
}

Axis Solver::fresh(nn::Dim extent) {
  Extent size(extent);
  if (size.isStatic() && size.factor != 1)
    return {digits.digit(size)};
  return {digits.pinned(size, reasonOf("its size depends on the input", /*silent=*/size.isOne()))};
}

Axis Solver::padding(int64_t size) { return {digits.digit(Extent(size))}; }

Axis Solver::rigid(nn::Dim extent, StringRef what) {
  Extent size(extent);
  return {digits.pinned(size, reasonOf(what, /*silent=*/what.empty()))};
}

Axis Solver::product(ArrayRef<Axis> factors) { return {digits.product(toNodes(factors))}; }

Axis Solver::concat(ArrayRef<Axis> pieces) {
  bool allStatic = llvm::all_of(pieces, [&](Axis axis) { return extent(axis).has_value(); });
  SmallVector<NodeId> nodes;
  for (Axis piece : pieces)
    if (extent(piece) != 0)
      nodes.push_back(piece.id);
  if (allStatic && !nodes.empty())
    return {digits.sum(nodes)};
  nn::Dim size = mlir::getAffineConstantExpr(0, func.getContext());
  unsigned reason = reasonOf("it stands beside positions whose number depends on the input");
  for (Axis piece : pieces) {
    digits.pin(piece.id, reason);
    const Extent &extent = digits.extent(piece.id);
    nn::Dim term = mlir::getAffineConstantExpr(extent.factor, func.getContext());
    for (nn::Dim symbol : extent.symbols)
      term = term * symbol;
    size = size + term;
  }
  return {digits.pinned(Extent(size), reason)};
}

Axis Solver::slice(Axis axis, int64_t begin, int64_t end) {
  std::optional<int64_t> size = extent(axis);
  if (size && 0 <= begin && begin < end && end <= *size)
    return {digits.slice(axis.id, begin, end)};
  unsigned reason = reasonOf("a part of it that depends on the input is taken");
  digits.pin(axis.id, reason);
  return {digits.pinned(std::max<int64_t>(end - begin, 0), reason)};
}

SmallVector<Axis> Solver::regroup(ArrayRef<Axis> from, ArrayRef<nn::Dim> to) {
  SmallVector<Extent> sizes = llvm::map_to_vector(to, [](nn::Dim dim) { return Extent(dim); });
  SmallVector<NodeId> nodes;
  for (Axis axis : from)
    if (!digits.extent(axis.id).isOne())
      nodes.push_back(axis.id);
  return toAxes(
      digits.regroup(nodes, sizes, reasonOf("the old and the new shape have no common factors")));
}

void Solver::unify(Axis left, Axis right) {
  digits.unify(left.id, right.id,
               reasonOf("two ways of numbering the same positions have no common factors"));
}

void Solver::pin(Axis axis, StringRef reason) {
  if (!digits.pinOf(axis.id))
    digits.pin(axis.id, reasonOf(reason, reason.empty()));
}

void Solver::needZero(OpOperand &operand, unsigned axis, StringRef reason) {
  needZero(operand, axes(operand)[axis], reason);
}
void Solver::needZero(OpOperand &operand, Axis part, StringRef reason) {
  needs[current].push_back({Need::Kind::Number, &operand, nullptr, part, reasonOf(reason)});
}
void Solver::needNumber(OpOperand &operand, unsigned axis, double number, StringRef reason) {
  needs[current].push_back(
      {Need::Kind::Number, &operand, nullptr, axes(operand)[axis], reasonOf(reason), number});
}
void Solver::needFinite(OpOperand &operand, unsigned axis, StringRef reason) {
  needs[current].push_back(
      {Need::Kind::Finite, &operand, nullptr, axes(operand)[axis], reasonOf(reason)});
}
void Solver::needZeroProduct(OpOperand &left, OpOperand &right, unsigned axis, StringRef reason,
                             std::optional<int64_t> leftZero, std::optional<int64_t> rightZero) {
  needs[current].push_back({Need::Kind::ZeroProduct, &left, &right, axes(left)[axis],
                            reasonOf(reason), 0, leftZero, rightZero});
}

void Solver::keepsValue(OpOperand &operand) {
  if (untied.contains(operand.get()))
    keepingUses.insert(&operand);
  else
    keepingValues.insert(operand.get());
}

void Solver::countsAs(OpOperand &operand, int64_t number) {
  if (untied.contains(operand.get()))
    fillsOfUses[&operand] = number;
  else
    fillsOfValues[operand.get()] = number;
}

int64_t Solver::fillOf(OpOperand &use) const {
  return untied.contains(use.get()) ? fillsOfUses.lookup(&use) : fillsOfValues.lookup(use.get());
}

void Solver::holdsNumbers(OpOperand &operand) { numbers.insert(operand.get()); }

bool Solver::keepsItsValue(OpOperand &use) const {
  // Masks and tables of integers mean something else than zero.
  Type element = getElementTypeOrSelf(use.get().getType());
  bool isNumber = isa<FloatType>(element) || element.isInteger(8) || element.isInteger(4) ||
                  numbers.contains(use.get());
  return !isNumber || keepingUses.contains(&use) || keepingValues.contains(use.get());
}

void Solver::readsExtents(OpOperand &, unsigned result, ArrayRef<Axis> axes) {
  sizes.push_back({current->getResult(result), SmallVector<Axis>(axes)});
}

void Solver::setResult(unsigned result, ArrayRef<Axis> axes) {
  valueAxes[current->getResult(result)].assign(axes.begin(), axes.end());
}

//===----------------------------------------------------------------------===//
// Sizes that are computed with
//===----------------------------------------------------------------------===//

/// Follows values that hold sizes to where they are used.
void Solver::followExtents() {
  llvm::DenseSet<std::pair<Value, unsigned>> seen;
  for (size_t i = 0; i < sizes.size(); ++i) {
    Sizes source = sizes[i];
    llvm::erase_if(source.axes, [&](Axis axis) { return !source.exact && digits.pinOf(axis.id); });
    if (llvm::all_of(source.axes, [&](Axis axis) { return digits.pinOf(axis.id).has_value(); }))
      continue;
    for (OpOperand &use : source.value.getUses()) {
      Operation *user = use.getOwner();
      current = user;
      auto coupling = dyn_cast<nn::CouplingOpInterface>(user);
      nn::SizeUse next;
      if (coupling && isReached(user))
        next = coupling.useOfSizes(use.getOperandNumber());
      if (next.kind == nn::SizeUse::Kind::Shape)
        continue;
      if (next.kind == nn::SizeUse::Kind::Value) {
        for (Axis axis : source.axes)
          pin(axis, "its size is a number to compute with");
        continue;
      }
      Sizes passed{nullptr, source.axes, false};
      if (source.exact && next.elements) {
        passed.axes.clear();
        passed.exact = true;
        for (int64_t element : *next.elements) {
          int64_t index =
              element < 0 ? element + static_cast<int64_t>(source.axes.size()) : element;
          if (index >= 0 && index < static_cast<int64_t>(source.axes.size()))
            passed.axes.push_back(source.axes[index]);
        }
      }
      for (Value result : user->getResults()) {
        passed.value = result;
        bool isNew = false;
        for (Axis axis : passed.axes)
          isNew |= seen.insert({result, axis.id}).second;
        if (isNew)
          sizes.push_back(passed);
      }
    }
  }
}
