//===- Windows.h - Windows of convolutions and pools ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_LOWERING_WINDOWS_H
#define SECATEUR_LIB_LOWERING_WINDOWS_H

#include "Kernels.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace secateur::lowering {

/// Kernel, strides, dilations and pads of any number of spatial axes.
struct SpatialWindow {
  llvm::SmallVector<int64_t> kernel, strides, dilations, before, after;
  /// The axes whose automatic pads depend on the size of the input: `padToSame` adds those.
  llvm::SmallVector<size_t> automatic;
  size_t rank() const { return kernel.size(); }
  /// The distance from the first to one past the last element that is touched.
  int64_t extent(size_t axis) const { return (kernel[axis] - 1) * dilations[axis] + 1; }
};

/// Reads the attributes that convolutions and pools share. `kernel` are the
/// extents; fails with the reason noted where automatic pads are not constant, unless the
/// caller `addsPads`.
template <typename OpTy>
llvm::FailureOr<SpatialWindow> readWindow(OpTy op, LoweringContext &context, mlir::Value input,
                                          mlir::Value result, llvm::ArrayRef<int64_t> kernel,
                                          std::optional<llvm::ArrayRef<int64_t>> dilations,
                                          bool addsPads = false) {
  size_t rank = kernel.size();
  auto orOnes = [&](std::optional<llvm::ArrayRef<int64_t>> given) {
    return given ? llvm::SmallVector<int64_t>(*given) : llvm::SmallVector<int64_t>(rank, 1);
  };
  SpatialWindow window;
  window.kernel.assign(kernel.begin(), kernel.end());
  window.strides = orOnes(op.getStrides());
  window.dilations = orOnes(dilations);
  window.before.assign(rank, 0);
  window.after.assign(rank, 0);
  if (window.strides.size() != rank || window.dilations.size() != rank)
    return context.unsupported(op, "its strides or dilations do not fit its kernel");
  llvm::StringRef automatic = op.getAutoPad();
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
    for (size_t axis = 0; axis < rank; ++axis) {
      std::optional<int64_t> in = LoweringContext::constantOf(context.dim(input, axis + 2));
      std::optional<int64_t> out = LoweringContext::constantOf(context.dim(result, axis + 2));
      int64_t total = 0;
      if (in && out)
        total = std::max<int64_t>((*out - 1) * window.strides[axis] + window.extent(axis) - *in, 0);
      else if (window.strides[axis] == 1)
        total = window.extent(axis) - 1;
      else if (addsPads)
        window.automatic.push_back(axis);
      else
        return context.unsupported(op, "auto_pad is '" + automatic +
                                           "' with a stride and a size that is not constant");
      window.before[axis] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
      window.after[axis] = total - window.before[axis];
    }
  } else if (std::optional<llvm::ArrayRef<int64_t>> pads = op.getPads();
             pads && automatic != "VALID") {
    if (pads->size() != 2 * rank)
      return context.unsupported(op, "it does not have two pads per axis");
    for (size_t axis = 0; axis < rank; ++axis) {
      window.before[axis] = (*pads)[axis];
      window.after[axis] = (*pads)[axis + rank];
    }
  }
  return window;
}

/// The window of a kernel on images; one spatial axis becomes the second of two.
inline Window imageWindow(const SpatialWindow &window) {
  Window image;
  bool isLine = window.rank() == 1;
  auto lift = [&](llvm::ArrayRef<int64_t> values, int64_t first) {
    llvm::SmallVector<int64_t, 2> lifted;
    if (isLine)
      lifted.push_back(first);
    lifted.append(values.begin(), values.end());
    return lifted;
  };
  image.kernel = lift(window.kernel, 1);
  image.strides = lift(window.strides, 1);
  image.dilations = lift(window.dilations, 1);
  llvm::SmallVector<int64_t, 2> before = lift(window.before, 0), after = lift(window.after, 0);
  image.pads.assign({before[0], before[1], after[0], after[1]});
  return image;
}

/// The stored sizes [N, H, W, C] of a value with one or two spatial axes.
inline llvm::SmallVector<Dim> imageDims(LoweringContext &context, mlir::Value value) {
  llvm::SmallVector<Dim> dims = storedOrder(context.shape(value), Layout::ChannelsLast);
  if (dims.size() == 3)
    dims.insert(dims.begin() + 1, context.constantDim(1));
  return dims;
}

/// `value` as an image [N, H, W, C].
inline mlir::Value imageOf(LoweringContext &context, mlir::Value value) {
  return context.reshape(context.get(value, Layout::ChannelsLast),
                         storedOrder(context.shape(value), Layout::ChannelsLast),
                         imageDims(context, value));
}

/// `image`, of sizes `dims`, with `fill` around it, where its size decides how much of it the
/// windows need so that there is one for each stride.
inline mlir::Value padToSame(LoweringContext &context, mlir::Value image,
                             llvm::SmallVector<Dim> dims, const SpatialWindow &window,
                             bool moreAtEnd, mlir::Value fill) {
  if (window.automatic.empty())
    return image;
  llvm::SmallVector<Dim> padded(dims);
  llvm::SmallVector<mlir::OpFoldResult> offsets(dims.size(), context.b.getIndexAttr(0)),
      ones(dims.size(), context.b.getIndexAttr(1));
  for (size_t axis : window.automatic) {
    size_t at = dims.size() - 1 - window.rank() + axis;
    int64_t stride = window.strides[axis];
    Dim last = ((dims[at] + (stride - 1)).floorDiv(stride) - 1) * stride;
    Dim total = context.symbols.maximum(
        context.symbols.simplify(last + window.extent(axis) - dims[at]), context.constantDim(0));
    Dim before = context.symbols.simplify((moreAtEnd ? total : total + 1).floorDiv(2));
    padded[at] = context.symbols.simplify(dims[at] + total);
    offsets[at] = context.index(before);
  }
  return mlir::tensor::InsertSliceOp::create(context.b, image, context.filled(padded, fill),
                                             offsets, context.sizes(dims), ones);
}

/// Gives `result` an image.
inline void setImage(LoweringContext &context, mlir::Value result, mlir::Value image) {
  context.set(result,
              context.reshape(image, imageDims(context, result),
                              storedOrder(context.shape(result), Layout::ChannelsLast)),
              Layout::ChannelsLast);
}

} // namespace secateur::lowering

#endif // SECATEUR_LIB_LOWERING_WINDOWS_H
