//===- KernLower.cpp - From kern ops to kernels -----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Each kern op on memrefs becomes a kern.parallel whose body calls the kernel of the
// op's form. Kernels are private functions on pointers, strides and extents.
//===----------------------------------------------------------------------===//

#include "Lowerings.h"

#include "secateur/CodeGen/Kernels/Passes.h"
#include "secateur/CodeGen/Kernels/Tunable.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

namespace secateur::codegen {
#define GEN_PASS_DEF_KERNLOWER
#include "secateur/CodeGen/Kernels/Passes.h.inc"
} // namespace secateur::codegen

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

static LogicalResult orLoops(LogicalResult result, KernelModule &kernels, Operation *op) {
  return succeeded(result) ? result : lowerToLoops(kernels, cast<kern::EpilogueOpInterface>(op));
}

static LogicalResult lower(KernelModule &kernels, Operation *op) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](kern::ContractOp op) { return orLoops(lowerContract(kernels, op), kernels, op); })
      .Case([&](kern::ConvOp op) {
        LogicalResult grouped = lowerGroupedConv(kernels, op);
        return succeeded(grouped) ? grouped : orLoops(lowerConv(kernels, op), kernels, op);
      })
      .Case([&](kern::DepthwiseConvOp op) {
        return orLoops(lowerDepthwiseConv(kernels, op), kernels, op);
      })
      .Case([&](kern::WinogradConvOp op) { return lowerWinogradConv(kernels, op); })
      .Case([&](kern::AttentionOp op) { return lowerAttention(kernels, op); })
      .Case([&](kern::PoolOp op) { return lowerPool(kernels, op); })
      .Case([&](kern::SoftmaxOp op) { return lowerSoftmax(kernels, op); })
      .Case([&](kern::NormOp op) { return lowerNorm(kernels, op); })
      .Case([&](kern::PackOp op) { return lowerPack(kernels, op); });
}

namespace {

struct KernLower : secateur::codegen::impl::KernLowerBase<KernLower> {
  using KernLowerBase::KernLowerBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    TargetFacts target = getTargetFacts(vectorBits);
    if (vectorBits == 0) {
      llvm::Expected<TargetFacts> found = getTargetFacts(cpu);
      if (!found) {
        module.emitError(llvm::toString(found.takeError()));
        return signalPassFailure();
      }
      target = *found;
    }
    SmallVector<Operation *> ops;
    module.walk([&](DestinationStyleOpInterface op) {
      if (isa<kern::KernDialect>(op->getDialect()))
        ops.push_back(op);
    });
    KernelModule kernels(module, target);
    for (Operation *op : ops) {
      auto dps = cast<DestinationStyleOpInterface>(op);
      if (!dps.hasPureBufferSemantics()) {
        op->emitError("expected memrefs: bufferize before kern-lower");
        return signalPassFailure();
      }
      auto tunable = dyn_cast<TunableOpInterface>(op);
      if ((tunable && failed(tunable.checkChoice(target))) || failed(lower(kernels, op)))
        return signalPassFailure();
      op->erase();
    }
  }
};

} // namespace
