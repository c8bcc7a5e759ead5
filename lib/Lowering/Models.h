//===- Models.h - The families of operators that can be lowered -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_LOWERING_MODELS_H
#define SECATEUR_LIB_LOWERING_MODELS_H

namespace mlir {
class MLIRContext;
} // namespace mlir

namespace secateur::lowering {

void attachActivationModels(mlir::MLIRContext *context);
void attachAttentionModels(mlir::MLIRContext *context);
void attachContractionModels(mlir::MLIRContext *context);
void attachControlModels(mlir::MLIRContext *context);
void attachControlLoopModels(mlir::MLIRContext *context);
void attachConvolutionModels(mlir::MLIRContext *context);
void attachEinsumModels(mlir::MLIRContext *context);
void attachElementwiseModels(mlir::MLIRContext *context);
void attachIndexingModels(mlir::MLIRContext *context);
void attachMovementModels(mlir::MLIRContext *context);
void attachNormalizationModels(mlir::MLIRContext *context);
void attachPoolingModels(mlir::MLIRContext *context);
void attachQuantizationModels(mlir::MLIRContext *context);
void attachRecurrentModels(mlir::MLIRContext *context);
void attachReductionModels(mlir::MLIRContext *context);
void attachReshapingModels(mlir::MLIRContext *context);
void attachResizeModels(mlir::MLIRContext *context);
void attachSamplingModels(mlir::MLIRContext *context);
void attachSelectionModels(mlir::MLIRContext *context);
void attachSortingModels(mlir::MLIRContext *context);

} // namespace secateur::lowering

#endif // SECATEUR_LIB_LOWERING_MODELS_H
