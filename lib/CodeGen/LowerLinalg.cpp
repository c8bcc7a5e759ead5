//===- LowerLinalg.cpp - linalg on memrefs to vector loops ------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "NestEmitter.h"

#include "secateur/CodeGen/Passes.h"

#include "dialects/Kern/IR/KernOps.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace secateur::codegen {
#define GEN_PASS_DEF_CODEGENLOWERLINALG
#include "secateur/CodeGen/Passes.h.inc"
} // namespace secateur::codegen

using namespace mlir;
using namespace secateur::codegen;

namespace {

struct CodegenLowerLinalgPass
    : secateur::codegen::impl::CodegenLowerLinalgBase<CodegenLowerLinalgPass> {
  using CodegenLowerLinalgBase::CodegenLowerLinalgBase;

  void runOnOperation() override {
    NestOptions options{vectorBits, taskWork};
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    // memref.copy comes from other passes than ours.
    getOperation().walk([&](memref::CopyOp copy) {
      OpBuilder builder(copy);
      auto linalgCopy =
          linalg::CopyOp::create(builder, copy.getLoc(), copy.getSource(), copy.getTarget());
      copy.erase();
      ops.push_back(cast<linalg::LinalgOp>(linalgCopy.getOperation()));
    });
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp op : ops) {
      rewriter.setInsertionPoint(op);
      // An output that was computed in place.
      auto copy = dyn_cast<linalg::CopyOp>(op.getOperation());
      if (copy && copy.getInputs()[0] == copy.getOutputs()[0]) {
        rewriter.eraseOp(copy);
        continue;
      }
      auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
      if (!generic) {
        FailureOr<linalg::GenericOp> generalized = linalg::generalizeNamedOp(rewriter, op);
        if (failed(generalized)) {
          op->emitOpError("cannot be lowered to loops: it has no generic form");
          return signalPassFailure();
        }
        generic = *generalized;
      }
      if (!generic.hasPureBufferSemantics()) {
        generic.emitOpError("expected memrefs: run codegen-bufferize first");
        return signalPassFailure();
      }
      rewriter.setInsertionPoint(generic);
      if (failed(emitNest(rewriter, generic, options)))
        return signalPassFailure();
      rewriter.eraseOp(generic);
    }
  }
};

} // namespace
