//===- ImageArguments.h - What kernels on images are given ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The arguments of kernels that go over images with channels last: depthwise and
// Winograd's convolutions.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_KERNELS_IMAGEARGUMENTS_H
#define SECATEUR_LIB_CODEGEN_KERNELS_IMAGEARGUMENTS_H

#include "Epilogue.h"

namespace secateur::codegen {

/// Values in the caller, or the kernel's own arguments. Strides count elements.
struct ImageArguments {
  /// `own` is how many values the kernel has beside these.
  ImageArguments(const EpilogueForm &epilogue, size_t own);
  ImageArguments(const EpilogueForm &epilogue, size_t own, mlir::ValueRange values);

  mlir::Value x, w, y;
  llvm::SmallVector<mlir::Value> extras;
  mlir::Value images, height, width, outHeight, outWidth, padTop, padLeft;
  /// Of image, row and column.
  llvm::SmallVector<mlir::Value> xStrides, yStrides;
  llvm::SmallVector<llvm::SmallVector<mlir::Value>> extraStrides;
  llvm::SmallVector<mlir::Value> extraChannel;
  llvm::SmallVector<mlir::Value> own;

  /// All of the above in the order of the kernel's signature.
  void forEach(llvm::function_ref<void(mlir::Value &)> visit);
  llvm::SmallVector<mlir::Value> list();

  /// Fills all but `own` from the operands of a convolution.
  void fill(KernelBuilder &k, const EpilogueForm &epilogue, mlir::Value input, mlir::Value filter,
            mlir::Value output, llvm::ArrayRef<int64_t> pads);
  /// Moves all pointers but the weights' to an image.
  void moveToImage(KernelBuilder &k, const EpilogueForm &epilogue, mlir::Value image);
  /// Where epilogue operand `e` is for a channel, from where it is for channel 0.
  mlir::Value atChannel(KernelBuilder &k, const EpilogueForm &epilogue, size_t e,
                        mlir::Value pointer, mlir::Value channel);
};

/// A vector of neighbouring channels.
class ChannelVector {
  TargetFacts facts;

public:
  /// A whole one.
  ChannelVector(KernelBuilder &k) : facts(k.target), k(k.builder, k.loc, facts, k.entry) {}
  /// The last `left` channels, in half a vector where that does.
  ChannelVector(KernelBuilder &whole, int64_t left);
  ChannelVector(const ChannelVector &) = delete;

  KernelBuilder k;
  /// Which lanes count; null where all do.
  mlir::Value mask;

  mlir::Value load(mlir::Value pointer);
  void store(mlir::Value value, mlir::Value pointer);
};

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_KERNELS_IMAGEARGUMENTS_H
