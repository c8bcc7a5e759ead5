//===- Models.cpp - Registration of the operators that can be lowered ---------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Models.h"

#include "dialects/NN/IR/NNDialect.h"
#include "secateur/Lowering/Passes.h"

#include "mlir/IR/DialectRegistry.h"

using namespace mlir;
using namespace secateur;

void secateur::lowering::registerLoweringModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, nn::NNDialect *) {
    attachActivationModels(context);
    attachAttentionModels(context);
    attachContractionModels(context);
    attachControlModels(context);
    attachControlLoopModels(context);
    attachConvolutionModels(context);
    attachEinsumModels(context);
    attachElementwiseModels(context);
    attachIndexingModels(context);
    attachMovementModels(context);
    attachNormalizationModels(context);
    attachPoolingModels(context);
    attachQuantizationModels(context);
    attachRecurrentModels(context);
    attachReductionModels(context);
    attachReshapingModels(context);
    attachResizeModels(context);
    attachSamplingModels(context);
    attachSelectionModels(context);
    attachSortingModels(context);
  });
}
