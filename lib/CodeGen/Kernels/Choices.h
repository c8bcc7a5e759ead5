//===- Choices.h - What kernels choose by a model of their cost -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Each family of kernels says what it does where an op has no choice of its own.
// Shapes are those of tensors or memrefs.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_KERNELS_CHOICES_H
#define SECATEUR_LIB_CODEGEN_KERNELS_CHOICES_H

#include "secateur/CodeGen/Kernels/Target.h"

#include "dialects/Kern/IR/KernOps.h"

namespace secateur::codegen {

kern::ChoiceAttr usualDepthwise(kern::DepthwiseConvOp op);
kern::ChoiceAttr usualGrouped(kern::ConvOp op, const TargetFacts &target);
/// Extents of a product, per batch; 0 or less where they are not known.
struct ProductExtents {
  int64_t rows, columns;
  /// Multiplications of an element, and elements of A that a row has for itself.
  int64_t depth, inputs;
  bool isShallow = false;
};
kern::ChoiceAttr usualMatrix(mlir::MLIRContext *context, const ProductExtents &extents,
                             const TargetFacts &target);

/// Whether the grouped kernel can take a convolution, and whether it does without a choice.
bool hasGroupedKernel(kern::ConvOp op);
bool isUsuallyGrouped(kern::ConvOp op);

/// Whether a row of a packed filter's window is short.
bool isShallowWindow(mlir::ShapedType filter);

/// The product that a convolution with a packed filter is, per group.
ProductExtents extentsOf(kern::ConvOp op);

/// Whether Winograd's form can take a convolution on tensors, and the tile for which the
/// model says that it is fastest: 0 where the convolution stays.
bool hasWinograd(kern::ConvOp op);
int64_t usualWinogradTile(kern::ConvOp op);

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_KERNELS_CHOICES_H
