//===- WindowRules.h - Sizes of convolutions and pooling --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_ANALYSIS_SHAPE_WINDOWRULES_H
#define SECATEUR_LIB_ANALYSIS_SHAPE_WINDOWRULES_H

#include "ShapeRules.h"

namespace secateur::analysis {

/// The sliding window of a convolution or of pooling, attributes as ONNX has
/// them: what is absent has its default.
struct Window {
  llvm::SmallVector<Dim> kernel;
  std::optional<llvm::ArrayRef<int64_t>> strides, dilations, pads;
  llvm::StringRef autoPad = "NOTSET";
  bool ceilMode = false;

  int64_t stride(size_t axis) const { return strides ? (*strides)[axis] : 1; }
  int64_t dilation(size_t axis) const { return dilations ? (*dilations)[axis] : 1; }
  /// All padding along an axis, before and after.
  int64_t padding(size_t axis) const {
    return pads ? (*pads)[axis] + (*pads)[axis + kernel.size()] : 0;
  }
  int64_t paddingBefore(size_t axis) const { return pads ? (*pads)[axis] : 0; }
};

/// The attributes of an operation that has them all.
template <typename OpTy>
Window getWindow(OpTy op, llvm::ArrayRef<Dim> kernel) {
  return Window{llvm::SmallVector<Dim>(kernel),
                op.getStrides(),
                op.getDilations(),
                op.getPads(),
                op.getAutoPad(),
                false};
}

/// Checks the lengths of the attributes against `spatialRank` and that no stride
/// or dilation is below 1.
LogicalResult checkWindow(Operation *op, const Window &window, size_t spatialRank);

/// How often the window fits along each axis of `input` (spatial sizes only).
FailureOr<Shape> countWindows(Operation *op, ShapeEvaluator &evaluator, const Window &window,
                              ShapeRef input);

/// The shape of `x` [N, C, spatial...] pooled by `kernel`; `window` has the other
/// attributes.
FailureOr<Shape> inferPooled(Operation *op, ShapeEvaluator &evaluator, Window window,
                             llvm::ArrayRef<int64_t> kernel, ShapeRef x);

} // namespace secateur::analysis

#endif // SECATEUR_LIB_ANALYSIS_SHAPE_WINDOWRULES_H
