//===- ExtentRewriter.cpp - Following sizes to the constants they come from -===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "ExtentRewriter.h"

#include "secateur/Analysis/Constants.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

using Integers = SmallVector<int64_t>;

/// Integers as a constant of `element`; null where one does not fit.
static DenseElementsAttr makeIntegers(ArrayRef<int64_t> shape, Type element,
                                      ArrayRef<int64_t> values) {
  auto integer = dyn_cast<IntegerType>(element);
  if (!integer)
    return {};
  SmallVector<APInt> elements;
  for (int64_t value : values) {
    APInt wide(64, value, /*isSigned=*/true);
    if (!wide.isSignedIntN(integer.getWidth()))
      return {};
    elements.push_back(wide.sextOrTrunc(integer.getWidth()));
  }
  return DenseElementsAttr::get(RankedTensorType::get(shape, element), elements);
}

LogicalResult ExtentRewriter::run() {
  func::FuncOp func = extents.getFunction();
  func.walk([&](Operation *op) {
    for (Value result : op->getResults())
      names.insert(valueName(result));
  });
  PrunedShapes shapes(extents);
  shapes.run();
  func.walk([&](Operation *op) {
    for (Value result : op->getResults())
      if (std::optional<SomeIntegers> integers = shapes.getIntegers(result))
        pruned[result] = std::move(*integers);
  });

  // Demands first, all of them: what one use wants another may not.
  SmallVector<Operation *> order;
  func.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (op != func)
      order.push_back(op);
  });
  for (Operation *op : order)
    if (auto erasable = dyn_cast<nn::ErasureOpInterface>(op);
        erasable && failed(erasable.rewriteExtents(*this)))
      return failure();
  // From the consumers back to the constants.
  for (Operation *op : llvm::reverse(order))
    for (OpResult result : op->getResults())
      if (failed(resolveResult(result)))
        return failure();
  return success();
}

std::optional<Integers> ExtentRewriter::getPrunedElements(Value value) {
  auto found = pruned.find(original(value));
  if (found == pruned.end() || llvm::is_contained(found->second, std::nullopt))
    return std::nullopt;
  return llvm::map_to_vector(found->second, [](auto element) { return *element; });
}

std::optional<int64_t> ExtentRewriter::prunedElement(Value value, int64_t index) const {
  auto found = pruned.find(original(value));
  return found != pruned.end() && index < static_cast<int64_t>(found->second.size())
             ? found->second[index]
             : std::nullopt;
}

bool ExtentRewriter::changes(Value value, const Wanted &wanted) {
  return llvm::any_of(
      wanted, [&](const auto &entry) { return prunedElement(value, entry.first) != entry.second; });
}

LogicalResult ExtentRewriter::resolveResult(OpResult result) {
  // Uses that want the same, with what they want; the first of them that wants
  // nothing new keeps the operation as it is.
  struct Party {
    SmallVector<OpOperand *> uses;
    Wanted wanted;
    bool open = true; // Only what is wanted matters to its uses.
  };
  SmallVector<Party> parties;
  auto join = [&](OpOperand &use, const Wanted &wanted, bool open) {
    for (Party &party : parties) {
      bool conflict = llvm::any_of(wanted, [&](const auto &entry) {
        auto found = party.wanted.find(entry.first);
        return found != party.wanted.end() && found->second != entry.second;
      });
      // Who states no wish wants the value as it is.
      conflict |=
          (!open && changes(result, party.wanted)) || (!party.open && changes(result, wanted));
      if (conflict)
        continue;
      party.uses.push_back(&use);
      party.wanted.insert(wanted.begin(), wanted.end());
      party.open &= open;
      return;
    }
    parties.push_back({{&use}, wanted, open});
  };
  for (OpOperand &use : result.getUses()) {
    auto found = demands.find(&use);
    if (found == demands.end())
      join(use, {}, false);
    else
      join(use, found->second, true);
  }
  llvm::erase_if(parties, [](const Party &party) { return party.wanted.empty(); });
  if (parties.empty())
    return success();

  Operation *op = result.getOwner();
  bool taken =
      llvm::any_of(result.getUses(), [&](OpOperand &use) { return !demands.contains(&use); });
  // Those who are content stay with the operation; without any, the first party does.
  std::partition(parties.begin(), parties.end(),
                 [&](const Party &party) { return !changes(result, party.wanted); });
  for (Party &party : parties) {
    Operation *target = op;
    bool changed = changes(result, party.wanted);
    if (changed && taken) {
      OpBuilder builder(op);
      builder.setInsertionPointAfter(op);
      target = builder.clone(*op);
      SmallVector<Attribute> outputs;
      for (auto [from, to] : llvm::zip_equal(op->getResults(), target->getResults())) {
        cloneOf[to] = original(from);
        outputs.push_back(builder.getStringAttr(freshName(valueName(from))));
      }
      // What has no name is an attribute in the file, and stays one.
      if (!valueName(op->getResult(0)).empty())
        target->setLoc(FusedLoc::get(op->getContext(),
                                     {NameLoc::get(cast<StringAttr>(outputs.front()))},
                                     builder.getArrayAttr(outputs)));
      for (OpOperand *use : party.uses)
        use->set(target->getResult(result.getResultNumber()));
    }
    taken = true;
    if (failed(push(target->getResult(result.getResultNumber()), party.wanted,
                    party.uses.front()->getOwner())))
      return failure();
  }
  return success();
}

bool ExtentRewriter::isFixedSize(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.hasStaticShape() && type.getNumElements() == 1 &&
         type.getElementType().isSignlessInteger() &&
         extents.getSymbolicShapes().getConstantElements(original(value));
}

bool ExtentRewriter::reachesConstant(Value value, int64_t index, int64_t wanted, bool mayReplace,
                                     unsigned depth) {
  if (prunedElement(value, index) == wanted)
    return true;
  Operation *op = value.getDefiningOp();
  if (!op || depth > 64)
    return false;
  if (isa<nn::ConstantOp>(op))
    return true;
  if (mayReplace && isFixedSize(value))
    return true;
  auto erasable = dyn_cast<nn::ErasureOpInterface>(op);
  return erasable && llvm::any_of(erasable.traceElement(cast<OpResult>(value).getResultNumber(),
                                                        index, wanted, *this),
                                  [&](const nn::ElementDemand &way) {
                                    return reachesConstant(op->getOperand(way.operand), way.index,
                                                           way.value, mayReplace, depth + 1);
                                  });
}

LogicalResult ExtentRewriter::push(OpResult result, const Wanted &wanted, Operation *asker) {
  Operation *op = result.getOwner();
  bool changed = changes(result, wanted);
  if (isa<nn::ConstantOp>(op))
    return changed ? writeConstant(op, wanted, asker) : success();
  auto erasable = dyn_cast<nn::ErasureOpInterface>(op);
  for (const auto &[index, value] : wanted) {
    std::optional<int64_t> computed = prunedElement(result, index);
    bool same = computed == value;
    SmallVector<nn::ElementDemand> ways;
    if (erasable)
      ways = erasable.traceElement(result.getResultNumber(), index, value, *this);
    auto findWay = [&](bool mayReplace) {
      return llvm::find_if(ways, [&](const nn::ElementDemand &way) {
        return reachesConstant(op->getOperand(way.operand), way.index, way.value, mayReplace);
      });
    };
    auto *way = findWay(/*mayReplace=*/false);
    if (way == ways.end() && same) // Computed from sizes, and right.
      continue;
    if (way == ways.end() && isFixedSize(result)) {
      // Read off a tensor whose size is another one now: that of a stream which
      // keeps its channels names the channels of a branch that does not.
      result.replaceAllUsesWith(createSize(op, cast<RankedTensorType>(result.getType()), value));
      return success();
    }
    if (way == ways.end())
      way = findWay(/*mayReplace=*/true);
    if (way == ways.end()) {
      return asker->emitError("needs element ")
             << index << " of '" << valueName(result) << "' to be " << value
             << " once units are erased, and " << nodeName(op)
             << " gives no constant to change for that"
             << (computed ? " (it would be " + std::to_string(*computed) + ")" : std::string());
    }
    Wanted &operandWanted = demands[&op->getOpOperand(way->operand)];
    auto [entry, isNew] = operandWanted.try_emplace(way->index, way->value);
    if (!isNew && entry->second != way->value)
      return asker->emitError("needs two values of one element of '")
             << valueName(op->getOperand(way->operand)) << "' once units are erased";
  }
  return success();
}

LogicalResult ExtentRewriter::writeConstant(Operation *op, const Wanted &wanted, Operation *asker) {
  auto constant = cast<nn::ConstantOp>(op);
  std::optional<Integers> values = analysis::getConstantIntegers(constant.getOutput());
  ShapedType type = constant.getValue().getShapedType();
  if (values)
    for (const auto &[index, value] : wanted)
      if (index < int64_t(values->size()))
        (*values)[index] = value;
  DenseElementsAttr changed =
      values ? makeIntegers(type.getShape(), type.getElementType(), *values) : nullptr;
  if (!changed)
    return asker->emitError("needs '")
           << valueName(constant.getOutput())
           << "' to change once units are erased, and it is no constant of integers";
  constant.setValueAttr(changed);
  record(planName(constant.getOutput()), asker);
  return success();
}

LogicalResult ExtentRewriter::replaceIntegers(OpOperand &operand, ArrayRef<int64_t> shape,
                                              ArrayRef<int64_t> values) {
  Value old = operand.get();
  auto constant = old.getDefiningOp<nn::ConstantOp>();
  if (!constant && !extents.getSymbolicShapes().getConstantElements(original(old)))
    return operand.getOwner()->emitError(
        "the positions it reads are no constant, so that they cannot follow");
  DenseElementsAttr changed = makeIntegers(shape, getElementTypeOrSelf(old.getType()), values);
  if (!changed)
    return operand.getOwner()->emitError("the positions it reads are no integers");
  if (!constant) {
    OpBuilder builder(operand.getOwner());
    std::string name = freshName(valueName(old));
    Location loc = named(operand.getOwner()->getLoc(), name);
    operand.set(nn::ConstantOp::create(builder, loc, changed, /*initializer=*/true));
    record(planName(operand.get()), operand.getOwner());
    return success();
  }
  if (!constant.getOutput().hasOneUse()) {
    OpBuilder builder(constant);
    auto clone = cast<nn::ConstantOp>(builder.clone(*constant));
    if (std::string name = valueName(constant.getOutput()); !name.empty())
      clone->setLoc(named(constant.getLoc(), freshName(name)));
    cloneOf[clone.getOutput()] = original(constant.getOutput());
    operand.set(clone.getOutput());
    constant = clone;
  }
  constant.setValueAttr(changed);
  constant.getOutput().setType(cast<TensorType>(changed.getType()));
  record(planName(constant.getOutput()), operand.getOwner());
  return success();
}

Value ExtentRewriter::createIntegers(Operation *op, StringRef role, ArrayRef<int64_t> values) {
  OpBuilder builder(op);
  std::string name = freshName(valueName(op->getResult(0)) + "." + role.str());
  auto type = RankedTensorType::get({int64_t(values.size())}, builder.getI64Type());
  auto constant = nn::ConstantOp::create(builder, named(op->getLoc(), name),
                                         DenseElementsAttr::get(type, values),
                                         /*initializer=*/true);
  record(planName(constant.getOutput()), op);
  return constant.getOutput();
}

Value ExtentRewriter::createSize(Operation *op, RankedTensorType type, int64_t value) {
  OpBuilder builder(op);
  std::string name = freshName(valueName(op->getResult(0)) + ".size");
  auto constant =
      nn::ConstantOp::create(builder, named(op->getLoc(), name),
                             makeIntegers(type.getShape(), type.getElementType(), {value}),
                             /*initializer=*/true);
  record(planName(constant.getOutput()), op);
  return constant.getOutput();
}

std::string ExtentRewriter::freshName(StringRef base) {
  for (int number = 1;; ++number) {
    std::string name = (base + ".pruned" + (number > 1 ? std::to_string(number) : "")).str();
    if (names.insert(name).second)
      return name;
  }
}

Location ExtentRewriter::named(Location like, StringRef name) {
  Builder builder(like.getContext());
  return FusedLoc::get(like.getContext(), {NameLoc::get(builder.getStringAttr(name))},
                       builder.getArrayAttr({builder.getStringAttr(name)}));
}

void ExtentRewriter::record(StringRef name, Operation *asker) {
  if (!name.empty() &&
      llvm::none_of(rewritten, [&](const auto &entry) { return entry.first == name; }))
    rewritten.emplace_back(name.str(), "names an extent of " + nodeName(asker));
}
