//===- KernBufferize.cpp - From kern on tensors to kern on memrefs ----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Kernels in destination style keep operands, attributes and epilogue; the init's
// buffer stands for the result. An operand other than the init is only read. The
// init is never read, so that its former contents need no copy.
//===----------------------------------------------------------------------===//

#include "dialects/Kern/IR/KernOps.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/Transforms/BufferUtils.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace secateur;
using namespace secateur::kern;

namespace {

template <typename OpTy>
struct DpsModel : DstBufferizableOpInterfaceExternalModel<DpsModel<OpTy>, OpTy> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand, const AnalysisState &state) const {
    return !cast<DestinationStyleOpInterface>(op).isDpsInit(&operand);
  }

  /// What may share the init's buffer because each element is read before it is
  /// written: an epilogue operand with the identity map, and the input of a kernel
  /// that works on one row after the other.
  bool bufferizesToElementwiseAccess(Operation *op, const AnalysisState &state,
                                     ArrayRef<OpOperand *> operands) const {
    auto epilogue = dyn_cast<EpilogueOpInterface>(op);
    if (!epilogue) {
      auto isRow = [&](OpOperand *operand) {
        return isa<SoftmaxOp, NormOp>(op) && operand->getOperandNumber() == 0;
      };
      return llvm::all_of(operands, [&](OpOperand *operand) {
        return cast<DestinationStyleOpInterface>(op).isDpsInit(operand) || isRow(operand);
      });
    }
    auto isElementwise = [&](OpOperand *operand) {
      if (cast<DestinationStyleOpInterface>(op).isDpsInit(operand))
        return true;
      MutableOperandRange extras = epilogue.getEpilogueOperandsMutable();
      for (auto [index, extra] : llvm::enumerate(extras))
        if (extra.getOperandNumber() == operand->getOperandNumber())
          return cast<AffineMapAttr>(epilogue.getEpilogueMaps()[index]).getValue().isIdentity();
      return false;
    };
    return llvm::all_of(operands, isElementwise);
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options, BufferizationState &state) const {
    auto dps = cast<DestinationStyleOpInterface>(op);
    if (dps.hasPureBufferSemantics())
      return success();
    if (!dps.hasPureTensorSemantics())
      return op->emitError("expected operands that are all tensors");
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPoint(op);
    SmallVector<Value> operands;
    for (OpOperand &operand : op->getOpOperands()) {
      FailureOr<Value> buffer = getBuffer(rewriter, operand.get(), options, state);
      if (failed(buffer))
        return failure();
      operands.push_back(*buffer);
    }
    OperationState newState(op->getLoc(), op->getName(), operands, TypeRange(),
                            llvm::to_vector(op->getDiscardableAttrs()));
    newState.propertiesAttr = op->getPropertiesAsAttribute();
    for (Region &region : op->getRegions())
      newState.addRegion()->takeBody(region);
    Operation *newOp = rewriter.create(newState);
    Value result = cast<DestinationStyleOpInterface>(newOp).getDpsInits()[0];
    replaceOpWithBufferizedValues(rewriter, op, result);
    return success();
  }
};

/// kern.weight -> kern.weight with a memref result, which nobody writes.
struct WeightModel : BufferizableOpInterface::ExternalModel<WeightModel, WeightOp> {
  bool isWritable(Operation *, Value, const AnalysisState &) const { return false; }

  FailureOr<BufferLikeType> getBufferType(Operation *op, Value value, const BufferizationOptions &,
                                          const BufferizationState &, SmallVector<Value> &) const {
    auto type = cast<RankedTensorType>(value.getType());
    return cast<BufferLikeType>(getMemRefTypeWithStaticIdentityLayout(type));
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter, const BufferizationOptions &,
                          BufferizationState &) const {
    auto weight = cast<WeightOp>(op);
    auto type = dyn_cast<RankedTensorType>(weight.getResult().getType());
    if (!type)
      return success();
    auto newOp =
        WeightOp::create(rewriter, op->getLoc(), getMemRefTypeWithStaticIdentityLayout(type),
                         weight.getValueAttr(), weight.getShapeAttr(), weight.getPermutationAttr(),
                         weight.getBatchAttr(), weight.getPanelAttr(), weight.getWinogradAttr());
    newOp->setDiscardableAttrs(weight->getDiscardableAttrDictionary());
    replaceOpWithBufferizedValues(rewriter, op, newOp->getResults());
    return success();
  }
};

} // namespace

void secateur::kern::registerBufferizableModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, KernDialect *) {
    AttentionOp::attachInterface<DpsModel<AttentionOp>>(*context);
    ContractOp::attachInterface<DpsModel<ContractOp>>(*context);
    ConvOp::attachInterface<DpsModel<ConvOp>>(*context);
    DepthwiseConvOp::attachInterface<DpsModel<DepthwiseConvOp>>(*context);
    NormOp::attachInterface<DpsModel<NormOp>>(*context);
    PackOp::attachInterface<DpsModel<PackOp>>(*context);
    PoolOp::attachInterface<DpsModel<PoolOp>>(*context);
    SoftmaxOp::attachInterface<DpsModel<SoftmaxOp>>(*context);
    WinogradConvOp::attachInterface<DpsModel<WinogradConvOp>>(*context);
    WeightOp::attachInterface<WeightModel>(*context);
  });
}
