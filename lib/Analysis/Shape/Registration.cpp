//===- Registration.cpp - ShapeOpInterface of every operation of nn ---------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Analysis/Registration.h"

#include "ShapeRules.h"
#include "mlir/IR/DialectRegistry.h"

using namespace mlir;
using namespace secateur;

void analysis::registerShapeModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, nn::NNDialect *) {
    attachArithmeticShapes(context);
    attachContractionShapes(context);
    attachControlShapes(context);
    attachConvolutionShapes(context);
    attachElementwiseShapes(context);
    attachIndexingShapes(context);
    attachMicrosoftShapes(context);
    attachMovementShapes(context);
    attachNormalizationShapes(context);
    attachPoolingShapes(context);
    attachReductionShapes(context);
    attachSourceShapes(context);
  });
}
