//===- Apply.cpp - Erasing what a plan says ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Pruning/Apply.h"

#include "ExtentRewriter.h"
#include "Shuffles.h"
#include "dialects/NN/IR/NNErasure.h"
#include "dialects/NN/IR/NNOps.h"
#include "secateur/Analysis/Constants.h"
#include "secateur/Pruning/Passes.h"
#include "secateur/Pruning/Plan.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"

namespace secateur::pruning {
#define GEN_PASS_DEF_PRUNEAPPLY
#include "secateur/Pruning/Passes.h.inc"
} // namespace secateur::pruning

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

//===----------------------------------------------------------------------===//
// The plan in words
//===----------------------------------------------------------------------===//

std::vector<PlanSlice> pruning::makeSlices(const Group &group, int64_t unit) {
  std::vector<PlanSlice> slices;
  for (auto [member, value] : llvm::enumerate(group.members)) {
    if (!isStoredTensor(value))
      continue;
    for (const Slab &slab : group.slabs(unit, member)) {
      PlanSlice &slice = slices.emplace_back();
      slice.initializer = planName(value);
      for (const auto &[axis, positions] : slab.axes)
        slice.box[axis].assign(positions.begin(), positions.end());
      slice.fill = group.layouts[member].fill;
      if (group.layouts[member].keepsValue)
        slice.fill = std::nullopt;
    }
  }
  return slices;
}

/// The number of an input of the ONNX node: inputs that were left out count.
static int64_t inputNumber(OpOperand &operand) {
  Operation *op = operand.getOwner();
  auto onnx = dyn_cast<nn::OnnxOpInterface>(op);
  auto segments = op->getAttrOfType<DenseI32ArrayAttr>("operandSegmentSizes");
  int64_t number = operand.getOperandNumber();
  if (!onnx || !segments)
    return number;
  int64_t operands = 0, inputs = 0;
  for (auto [kind, size] : llvm::zip(onnx.getInputKinds(), segments.asArrayRef())) {
    if (number < operands + size)
      return inputs + number - operands;
    operands += size;
    inputs += kind == 'v' ? size : 1;
  }
  return number;
}

std::vector<PlanCopy> pruning::collectCopies(func::FuncOp func) {
  std::vector<PlanCopy> copies;
  func.walk([&](nn::ConstantOp constant) {
    auto original = constant->getAttrOfType<StringAttr>(kCopyOfAttr);
    if (!original)
      return;
    PlanCopy copy{valueName(constant.getOutput()), original.str(), {}};
    for (OpOperand &use : constant.getOutput().getUses())
      if (!isPruneOp(use.getOwner()) && use.getOwner()->getNumResults())
        copy.uses.push_back({valueName(use.getOwner()->getResult(0)), inputNumber(use)});
    llvm::sort(copy.uses, [](const PlanUse &a, const PlanUse &b) {
      return std::tie(a.node, a.input) < std::tie(b.node, b.input);
    });
    copies.push_back(std::move(copy));
  });
  return copies;
}

static void describeInterface(func::FuncOp func, ModelExtents &extents, PlanFile &plan) {
  auto describe = [&](Value value, StringRef name) {
    const RemovedElements *removed = extents.getRemoved(value);
    for (int64_t axis = 0, rank = extents.getDenseShape(value).size(); removed && axis < rank;
         ++axis) {
      PlanInterface cut{name.str(), axis, {}};
      for (unsigned index : removed->slab(axis).set_bits())
        cut.indices.push_back(index);
      if (!cut.indices.empty())
        plan.interface.push_back(std::move(cut));
    }
  };
  for (BlockArgument argument : func.getArguments())
    describe(argument, valueName(argument));
  for (auto [index, result] :
       llvm::enumerate(func.getBody().front().getTerminator()->getOperands()))
    if (auto name = func.getResultAttrOfType<StringAttr>(index, nn::NNDialect::kNameAttr))
      describe(result, name);
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

/// Copies of shared constants that lost nothing, as their originals, are not
/// needed.
static SmallVector<nn::ConstantOp> mergeUncutCopies(func::FuncOp func, ModelExtents &extents) {
  llvm::StringMap<nn::ConstantOp> originals;
  SmallVector<nn::ConstantOp> copies, merged;
  func.walk([&](nn::ConstantOp constant) {
    if (constant->hasAttr(kCopyOfAttr))
      copies.push_back(constant);
    else
      originals.try_emplace(valueName(constant.getOutput()), constant);
  });
  for (nn::ConstantOp copy : copies) {
    nn::ConstantOp original =
        originals.lookup(copy->getAttrOfType<StringAttr>(kCopyOfAttr).getValue());
    if (!original || extents.isCut(copy.getOutput()) || extents.isCut(original.getOutput()) ||
        original->getBlock() != copy->getBlock() || !original->isBeforeInBlock(copy))
      continue;
    copy.getOutput().replaceUsesWithIf(original.getOutput(),
                                       [](OpOperand &use) { return !isPruneOp(use.getOwner()); });
    copy->removeAttr(kCopyOfAttr);
    merged.push_back(copy);
  }
  return merged;
}

//===----------------------------------------------------------------------===//
// Tensors and types
//===----------------------------------------------------------------------===//

static LogicalResult cannotRead(Value tensor) {
  return emitError(tensor.getLoc()) << "tensor '" << valueName(tensor) << "' of type "
                                    << tensor.getType() << " cannot be read to cut it";
}

static LogicalResult eraseWeights(ModelExtents &extents) {
  for (Value value : extents.getCutValues()) {
    auto constant = value.getDefiningOp<nn::ConstantOp>();
    if (!constant)
      continue;
    ElementsAttr cut = extents.getRemoved(value)->erase(constant.getValue(), valueName(value));
    if (!cut)
      return cannotRead(value);
    constant.setValueAttr(cut);
    value.setType(cast<TensorType>(cut.getType()));
  }
  return success();
}

/// Fills what the groups' units own, in place.
static LogicalResult zeroWeights(func::FuncOp func, const std::vector<Group> &groups) {
  llvm::MapVector<Value, std::vector<Filling>> fillings;
  for (const Group &group : groups)
    for (auto [member, value] : llvm::enumerate(group.members)) {
      if (!isStoredTensor(value) || group.layouts[member].keepsValue)
        continue;
      for (int64_t unit : getRemovedUnits(group.op))
        for (const Slab &slab : group.slabs(unit, member)) {
          Filling &filling = fillings[value].emplace_back();
          filling.value = static_cast<double>(group.layouts[member].fill);
          for (const auto &[axis, positions] : slab.axes)
            filling.box[axis].assign(positions.begin(), positions.end());
        }
    }
  for (auto &[value, boxes] : fillings) {
    ElementsAttr dense = analysis::getConstant(value);
    if (auto filled = value.getDefiningOp<nn::ConstantOfShapeOp>()) {
      // Not all elements are the same any more: it becomes a constant.
      auto type = cast<RankedTensorType>(value.getType());
      Attribute element = filled.getValue() ? *filled.getValue()->getValues<Attribute>().begin()
                                            : Attribute(FloatAttr::get(type.getElementType(), 0.0));
      dense = DenseElementsAttr::get(type, element);
    }
    ElementsAttr zeroed = dense ? fillElements(dense, boxes, valueName(value)) : ElementsAttr();
    if (!zeroed)
      return cannotRead(value);
    if (auto constant = value.getDefiningOp<nn::ConstantOp>()) {
      constant.setValueAttr(zeroed);
      continue;
    }
    Operation *op = value.getDefiningOp();
    OpBuilder builder(op);
    value.replaceAllUsesWith(nn::ConstantOp::create(builder, op->getLoc(), zeroed).getOutput());
    op->erase();
  }
  return success();
}

/// Sets the types of activations, arguments and the function.
static void shrinkTypes(func::FuncOp func, ModelExtents &extents) {
  for (Value value : extents.getCutValues()) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type || value.getDefiningOp<nn::ConstantOp>())
      continue;
    SmallVector<int64_t> shape(type.getShape());
    for (auto [axis, extent] : llvm::enumerate(extents.getPrunedShape(value)))
      if (!ShapedType::isDynamic(shape[axis]))
        shape[axis] = extent;
    value.setType(RankedTensorType::get(shape, type.getElementType(), type.getEncoding()));
  }
  // The file declares another type of an output that has shrunk.
  for (auto [index, result] :
       llvm::enumerate(func.getBody().front().getTerminator()->getOperands()))
    if (extents.getRemoved(result))
      func.removeResultAttr(index, StringAttr::get(func.getContext(), "nn.declared"));
  func.setType(FunctionType::get(func.getContext(), func.getBody().front().getArgumentTypes(),
                                 func.getBody().front().getTerminator()->getOperandTypes()));
}

/// Compares what shape inference says of the erased model with what was planned.
static LogicalResult checkShapes(func::FuncOp func, ModelExtents &planned,
                                 const NominalShapes &nominal) {
  // Inputs may have shrunk.
  NominalShapes shapes = nominal;
  for (BlockArgument argument : func.getArguments())
    for (auto &[name, dims] : shapes)
      if (name == valueName(argument))
        dims.assign(planned.getPrunedShape(argument));
  FailureOr<std::unique_ptr<ModelExtents>> inferred = ModelExtents::compute(func, shapes);
  if (failed(inferred))
    return failure();
  for (Value value : planned.getCutValues()) {
    ArrayRef<int64_t> found = (*inferred)->getDenseShape(value),
                      wanted = planned.getPrunedShape(value);
    if (found == wanted)
      continue;
    InFlightDiagnostic diagnostic = emitError(value.getLoc());
    auto print = [&](ArrayRef<int64_t> shape) {
      diagnostic << "[";
      llvm::interleaveComma(shape, diagnostic);
      diagnostic << "]";
    };
    diagnostic << "'" << valueName(value) << "' has shape ";
    print(found);
    diagnostic << " after erasing, where the plan says ";
    print(wanted);
    return diagnostic;
  }
  return success();
}

/// Everything that some removed unit owns a part of.
static llvm::DenseSet<Value> collectCut(func::FuncOp func) {
  llvm::DenseSet<Value> cut;
  for (const Group &group : collectGroups(func))
    if (!getRemovedUnits(group.op).empty())
      cut.insert_range(group.members);
  return cut;
}

/// The constants that the model's file lacks.
static std::vector<std::string> namesOfAdded(func::FuncOp func) {
  std::vector<std::string> names;
  func.walk([&](nn::ConstantOp constant) {
    if (constant->hasAttr(nn::kAddedAttr))
      names.push_back(valueName(constant.getOutput()));
  });
  return names;
}

FailureOr<PlanFile> pruning::applyPlan(func::FuncOp func, const ApplyOptions &options) {
  std::vector<std::string> gathered = getGathered(func), positions;
  if (!options.zero)
    positions = replaceGathered(func, collectCut(func));
  FailureOr<std::unique_ptr<ModelExtents>> computed = ModelExtents::compute(func, options.nominal);
  if (failed(computed))
    return failure();
  ModelExtents &extents = **computed;
  std::vector<Group> groups = extents.collectGroups();
  PlanFile plan;
  plan.gathered = std::move(gathered);
  for (const std::string &name : positions)
    plan.rewritten.push_back({name, "shape", "a channel shuffle is a Gather of what is left"});
  for (const Group &group : groups)
    for (int64_t unit : getRemovedUnits(group.op)) {
      if (unit < 0 || unit >= group.units)
        return emitError(locationOf(group)) << "group '" << group.name << "' has no unit " << unit;
      if (failed(extents.remove(group, unit)))
        return failure();
      plan.steps.push_back({group.name, unit, makeSlices(group, unit)});
    }
  if (Value ragged = extents.findRagged())
    return emitError(ragged.getLoc()) << "what the plan leaves of '" << valueName(ragged)
                                      << "' is ragged: as many units must leave each slot";
  SmallVector<nn::ConstantOp> merged = mergeUncutCopies(func, extents);
  plan.copies = collectCopies(func);
  describeInterface(func, extents, plan);

  if (options.zero) {
    if (failed(zeroWeights(func, groups)))
      return failure();
    stripGroups(func);
    for (nn::ConstantOp copy : merged)
      copy.erase();
    return plan;
  }
  stripGroups(func);
  for (nn::ConstantOp copy : merged)
    copy.erase();
  ExtentRewriter rewriter(extents, options.statistics);
  if (failed(rewriter.run()) || failed(eraseWeights(extents)))
    return failure();
  std::vector<std::string> added = namesOfAdded(func);
  for (const auto &[name, reason] : rewriter.getRewritten())
    if (!llvm::is_contained(positions, name) && !llvm::is_contained(added, name))
      plan.rewritten.push_back({name, "shape", reason});
  for (const std::string &name : added)
    plan.rewritten.push_back({name, "shape", "an exporter spelled out a view of this shape"});
  for (const auto &[node, reason] : rewriter.getApproximations())
    plan.approximations.push_back({node, reason});
  shrinkTypes(func, extents);
  if (failed(checkShapes(func, extents, options.nominal)))
    return failure();
  return plan;
}

namespace {
struct PruneApply : pruning::impl::PruneApplyBase<PruneApply> {
  using Base::Base;
  void runOnOperation() override {
    ApplyOptions options;
    options.zero = zero;
    options.statistics = normStatistics;
    FailureOr<PlanFile> plan = applyPlan(getOperation(), options);
    if (failed(plan) ||
        (!planFile.empty() && failed(writePlanFile(*plan, planFile, &getContext()))))
      signalPassFailure();
  }
};
} // namespace
