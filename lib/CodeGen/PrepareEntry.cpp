//===- PrepareEntry.cpp - Gives @main its outputs as destinations -----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The caller supplies memory for outputs, so that the last operation can write
// there. That works when the sizes are known beforehand: they must follow from
// the arguments' dimensions. Their computation is kept alive as index results,
// which codegen-build-entry moves into the function `sizes`.
//===----------------------------------------------------------------------===//

#include "DimSlice.h"

#include "secateur/CodeGen/Passes.h"

#include "dialects/Kern/IR/KernOps.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace secateur::codegen {
#define GEN_PASS_DEF_CODEGENPREPAREENTRY
#include "secateur/CodeGen/Passes.h.inc"
} // namespace secateur::codegen

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

/// Adds the dynamic dimensions of all results to the returned values and
/// expresses them by the arguments' dimensions where possible.
static LogicalResult addDimensions(func::FuncOp main, func::ReturnOp ret, unsigned resultCount) {
  OpBuilder builder(ret);
  SmallVector<Value> operands(ret.getOperands());
  for (unsigned index = 0; index < resultCount; ++index) {
    auto type = cast<RankedTensorType>(operands[index].getType());
    for (int64_t axis = 0; axis < type.getRank(); ++axis)
      if (type.isDynamicDim(axis))
        operands.push_back(
            builder.createOrFold<tensor::DimOp>(ret.getLoc(), operands[index], axis));
  }
  ret->setOperands(operands);
  RewritePatternSet patterns(main.getContext());
  memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
  memref::populateResolveShapedTypeResultDimsPatterns(patterns);
  tensor::DimOp::getCanonicalizationPatterns(patterns, main.getContext());
  return applyPatternsGreedily(main, std::move(patterns));
}

/// Constant tensors are weights: their bytes do not belong into the code.
static void moveConstantsToWeights(func::FuncOp main) {
  main.walk([&](arith::ConstantOp constant) {
    auto value = dyn_cast<ElementsAttr>(constant.getValue());
    auto type = dyn_cast<RankedTensorType>(constant.getType());
    if (!value || !type || type.getRank() == 0 || type.getElementType().isIndex())
      return;
    OpBuilder builder(constant);
    Value weight = kern::WeightOp::create(builder, constant.getLoc(), value);
    constant.getResult().replaceAllUsesWith(weight);
    constant.erase();
  });
}

namespace {

struct CodegenPrepareEntryPass
    : secateur::codegen::impl::CodegenPrepareEntryBase<CodegenPrepareEntryPass> {
  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main)
      return;
    for (Type type : llvm::concat<const Type>(main.getArgumentTypes(), main.getResultTypes()))
      if (!isa<RankedTensorType>(type)) {
        main.emitError() << "@main has an argument or result of type " << type
                         << ", but only ranked tensors can be compiled";
        return signalPassFailure();
      }
    if (!main.getBody().hasOneBlock()) {
      main.emitError("@main has more than one block");
      return signalPassFailure();
    }
    moveConstantsToWeights(main);
    auto ret = cast<func::ReturnOp>(main.getBody().front().getTerminator());
    unsigned resultCount = main.getNumResults();
    if (failed(addDimensions(main, ret, resultCount))) {
      main.emitError("sizes of the results do not simplify");
      return signalPassFailure();
    }
    materialize(main, ret, resultCount);
  }

  void materialize(func::FuncOp main, func::ReturnOp ret, unsigned resultCount) {
    OpBuilder builder(ret);
    DimSlice slice;
    SmallVector<Value> tensors(ret.getOperands().take_front(resultCount));
    SmallVector<Value> dimensions(ret.getOperands().drop_front(resultCount));
    SmallVector<Value> keptTensors, keptDimensions;
    SmallVector<Attribute> outputs;
    unsigned next = 0;
    for (auto [index, tensor] : llvm::enumerate(tensors)) {
      auto type = cast<RankedTensorType>(tensor.getType());
      ArrayRef<Value> own = ArrayRef(dimensions).slice(next, type.getNumDynamicDims());
      next += own.size();
      NamedAttrList output(main.getResultAttrDict(index));
      output.set("secateur.type", TypeAttr::get(type));
      if (!llvm::all_of(own, [&](Value dim) { return slice.isFromArguments(dim); })) {
        output.set("secateur.data_dependent", builder.getUnitAttr());
        keptTensors.push_back(tensor);
      } else {
        auto memrefType = MemRefType::get(type.getShape(), type.getElementType());
        Value destination = main.getBody().front().addArgument(memrefType, tensor.getLoc());
        bufferization::MaterializeInDestinationOp::create(builder, tensor.getLoc(), tensor,
                                                          destination)
            ->setAttrs({builder.getNamedAttr("restrict", builder.getUnitAttr()),
                        builder.getNamedAttr("writable", builder.getUnitAttr())});
        llvm::append_range(keptDimensions, own);
      }
      outputs.push_back(output.getDictionary(builder.getContext()));
    }
    SmallVector<Attribute> inputs;
    for (auto [index, type] : llvm::enumerate(main.getArgumentTypes())) {
      NamedAttrList input(main.getArgAttrDict(index));
      input.set("secateur.type", TypeAttr::get(type));
      inputs.push_back(input.getDictionary(builder.getContext()));
    }
    getOperation()->setAttr("secateur.inputs", builder.getArrayAttr(inputs));
    getOperation()->setAttr("secateur.outputs", builder.getArrayAttr(outputs));

    llvm::append_range(keptTensors, keptDimensions);
    ret->setOperands(keptTensors);
    // The names are in the module's attributes from here on.
    main.setArgAttrsAttr(ArrayAttr());
    main.setResAttrsAttr(ArrayAttr());
    main.setType(builder.getFunctionType(main.getBody().front().getArgumentTypes(),
                                         ValueRange(keptTensors).getTypes()));
    for (auto [index, argument] : llvm::enumerate(main.getArguments()))
      if (isa<TensorType>(argument.getType()))
        main.setArgAttr(index, bufferization::BufferizationDialect::kWritableAttrName,
                        builder.getBoolAttr(false));
  }
};

} // namespace
