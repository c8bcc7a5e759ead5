//===- FoldConstants.cpp - Evaluate operations on constants -----------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Analysis/Constants.h"
#include "secateur/Analysis/SymbolicShapes.h"
#include "secateur/Transform/HostTensor.h"
#include "secateur/Transform/Passes.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace secateur::transform {
#define GEN_PASS_DEF_NNFOLDCONSTANTS
#include "secateur/Transform/Passes.h.inc"
} // namespace secateur::transform

using namespace mlir;
using namespace secateur;
using namespace secateur::transform;

/// The constants behind the formal inputs of `op`, null for one that was left out;
/// none where an operand is not constant.
static std::optional<SmallVector<ElementsAttr>> constantOperands(Operation *op) {
  SmallVector<ElementsAttr> result;
  auto segments = op->getAttrOfType<DenseI32ArrayAttr>("operandSegmentSizes");
  unsigned next = 0;
  auto append = [&]() {
    auto constant = op->getOperand(next++).getDefiningOp<nn::ConstantOp>();
    if (constant)
      result.push_back(constant.getValue());
    return static_cast<bool>(constant);
  };
  if (!segments) {
    while (next < op->getNumOperands())
      if (!append())
        return std::nullopt;
    return result;
  }
  for (int32_t size : segments.asArrayRef()) {
    if (size == 0)
      result.push_back({});
    for (int32_t i = 0; i < size; ++i)
      if (!append())
        return std::nullopt;
  }
  return result;
}

/// Bytes that a constant takes: a uniform one takes those of an element.
static int64_t storedBytes(ElementsAttr value) {
  auto bytes = analysis::getConstantBytes(value);
  return bytes ? bytes->bytes.size() : value.getNumElements();
}

static int64_t bytesOf(RankedTensorType type) {
  return type.getNumElements() * ((type.getElementTypeBitWidth() + 7) / 8);
}

/// Replaces `op` by constants where its operands are; true if it did.
static bool foldOperation(Operation *op, int64_t maxGrowth) {
  auto foldable = dyn_cast<nn::ConstantFoldOpInterface>(op);
  if (!foldable || op->getNumResults() != 1)
    return false;
  auto operands = constantOperands(op);
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!operands || !type || !type.hasStaticShape())
    return false;
  int64_t given = 0, mostElements = 0;
  bool uniform = true;
  for (ElementsAttr operand : *operands) {
    given += operand ? storedBytes(operand) : 0;
    // Weights that are stored as small integers have as many elements as what they stand
    // for: to widen them anew in each run costs more than their bytes.
    if (operand && !operand.isSplat())
      mostElements = std::max(mostElements, operand.getNumElements());
    uniform &= !operand || operand.isSplat() || operand.getElementType().isInteger(64);
  }
  if (!uniform && type.getNumElements() > mostElements && bytesOf(type) > given + maxGrowth)
    return false;
  SmallVector<ElementsAttr> values = foldable.evaluate(*operands);
  if (values.empty())
    return false;
  OpBuilder builder(op);
  auto constant = nn::ConstantOp::create(builder, op->getLoc(), values.front());
  op->getResult(0).replaceAllUsesWith(constant.getOutput());
  op->erase();
  return true;
}

/// Replaces integer results whose elements symbolic evaluation knows by constants.
static void foldKnownElements(func::FuncOp function, analysis::SymbolicShapes &shapes) {
  function.walk([&](Operation *op) {
    if (isa<nn::ConstantOp>(op) || op->getNumRegions() != 0)
      return;
    for (OpResult result : op->getResults()) {
      auto type = dyn_cast<RankedTensorType>(result.getType());
      if (!type || !type.hasStaticShape() || !type.getElementType().isSignlessInteger() ||
          result.use_empty())
        continue;
      std::optional<SmallVector<int64_t>> elements = shapes.getConstantElements(result);
      if (!elements || static_cast<int64_t>(elements->size()) != type.getNumElements())
        continue;
      HostTensor tensor;
      tensor.type = type;
      tensor.integers.assign(elements->begin(), elements->end());
      OpBuilder builder(op);
      auto constant = nn::ConstantOp::create(builder, op->getLoc(), tensor.write());
      result.replaceAllUsesWith(constant.getOutput());
    }
  });
}

/// Inlines the taken branch where the condition is constant.
static bool foldBranch(nn::IfOp branch) {
  auto condition = branch.getCond().getDefiningOp<nn::ConstantOp>();
  if (!condition)
    return false;
  std::optional<HostTensor> value = HostTensor::read(condition.getValue());
  if (!value || value->size() != 1)
    return false;
  Region &taken = value->getInteger(0) ? branch.getThenBranch() : branch.getElseBranch();
  Block &block = taken.front();
  Operation *terminator = block.getTerminator();
  for (auto [result, yielded] : llvm::zip(branch.getResults(), terminator->getOperands()))
    result.replaceAllUsesWith(yielded);
  terminator->erase();
  Block *parent = branch->getBlock();
  parent->getOperations().splice(Block::iterator(branch), block.getOperations());
  branch.erase();
  return true;
}

namespace {
struct NNFoldConstantsPass : transform::impl::NNFoldConstantsBase<NNFoldConstantsPass> {
  using Base::Base;
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    // A folded branch can make more foldable, shape evaluation as well.
    for (bool changed = true; changed;) {
      changed = false;
      FailureOr<std::unique_ptr<analysis::SymbolicShapes>> shapes =
          analysis::SymbolicShapes::compute(function);
      if (failed(shapes))
        return signalPassFailure();
      analysis::refineTypes(function, **shapes);
      foldKnownElements(function, **shapes);
      SmallVector<Operation *> operations;
      function.walk<WalkOrder::PreOrder>([&](Operation *op) { operations.push_back(op); });
      for (Operation *op : operations)
        foldOperation(op, maxGrowth);
      SmallVector<nn::IfOp> branches;
      function.walk([&](nn::IfOp op) { branches.push_back(op); });
      for (nn::IfOp branch : branches)
        changed |= foldBranch(branch);
      operations.clear();
      function.walk([&](Operation *op) { operations.push_back(op); });
      for (Operation *op : llvm::reverse(operations))
        if (isOpTriviallyDead(op))
          op->erase();
    }
  }
};
} // namespace
