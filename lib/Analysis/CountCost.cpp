//===- CountCost.cpp - Count what a model costs -----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Analysis/Cost.h"
#include "secateur/Analysis/Passes.h"

#include "mlir/IR/Builders.h"

namespace secateur::analysis {
#define GEN_PASS_DEF_NNCOUNTCOST
#include "secateur/Analysis/Passes.h.inc"
} // namespace secateur::analysis

using namespace mlir;
using namespace secateur;
using namespace secateur::analysis;

namespace {
struct NNCountCost : analysis::impl::NNCountCostBase<NNCountCost> {
  using NNCountCostBase::NNCountCostBase;

  void runOnOperation() override {
    func::FuncOp func = getOperation();
    FailureOr<NamedShapes> given = parseNamedShapes(func, shapes);
    if (failed(given))
      return signalPassFailure();
    FailureOr<NominalCost> cost = countCost(func, *given);
    if (failed(cost))
      return signalPassFailure();
    Builder builder(&getContext());
    SmallVector<StringRef> assumed(cost->assumed.begin(), cost->assumed.end());
    func->setAttr("nn.flops", builder.getI64IntegerAttr(cost->flops));
    func->setAttr("nn.parameters", builder.getI64IntegerAttr(cost->parameters));
    func->setAttr("nn.weight_bytes", builder.getI64IntegerAttr(cost->weightBytes));
    func->setAttr("nn.assumed", builder.getStrArrayAttr(assumed));
  }
};
} // namespace
