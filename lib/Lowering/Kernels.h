//===- Kernels.h - Building kern operations ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_LOWERING_KERNELS_H
#define SECATEUR_LIB_LOWERING_KERNELS_H

#include "secateur/Lowering/LoweringContext.h"

namespace secateur::lowering {

/// What follows a contraction or convolution: operands beside the accumulator and
/// the scalar that is stored.
struct Epilogue {
  llvm::SmallVector<mlir::Value> operands;
  /// Over the dimensions of the output.
  llvm::SmallVector<mlir::AffineMap> maps;
  /// (builder, [accumulator, operands...]) -> scalar; the sum of all where absent.
  std::function<mlir::Value(mlir::ImplicitLocOpBuilder &, mlir::ValueRange)> body;
};

/// A contraction: `maps` are those of lhs, rhs and init. Types that kernels do not
/// compute with become a linalg.generic.
mlir::Value contract(LoweringContext &context, llvm::ArrayRef<mlir::AffineMap> maps,
                     mlir::Value lhs, mlir::Value rhs, bool packed, mlir::Value init,
                     ScalarKind kind, const Epilogue &epilogue = {});

/// A two-dimensional window, moved over an image.
struct Window {
  llvm::SmallVector<int64_t, 2> kernel, strides, dilations;
  /// top, left, bottom, right
  llvm::SmallVector<int64_t, 4> pads;
};

/// [N, H, W, C] with a filter [G, ceil(Mg/16), KH, KW, Cg, 16] into `init`.
mlir::Value convolve(LoweringContext &context, mlir::Value input, mlir::Value filter,
                     mlir::Value init, const Window &window, int64_t groups, int64_t bundle,
                     const Epilogue &epilogue);
/// [N, H, W, C] with a filter [KH, KW, C] into `init`.
mlir::Value convolveDepthwise(LoweringContext &context, mlir::Value input, mlir::Value filter,
                              mlir::Value init, const Window &window, const Epilogue &epilogue);
mlir::Value pool(LoweringContext &context, bool maximum, mlir::Value input, mlir::Value init,
                 const Window &window, bool countsPads);
/// Softmax over the last dimension, by a kernel; `softmaxRows` of any type. With
/// `zeroEmpty`, a row of -infinity becomes zeros instead of NaN.
mlir::Value softmax(LoweringContext &context, mlir::Value input, llvm::ArrayRef<Dim> dims,
                    bool logarithm, bool zeroEmpty = false);
mlir::Value softmaxRows(LoweringContext &context, mlir::Value input, llvm::ArrayRef<Dim> dims,
                        bool logarithm, bool zeroEmpty = false);
/// Over the last dimension; scale and bias may be null. `count` positions are counted
/// where it is given: what is missing is zero.
mlir::Value normalize(LoweringContext &context, bool rms, double epsilon, mlir::Value input,
                      llvm::ArrayRef<Dim> dims, mlir::Value scale, mlir::Value bias,
                      std::optional<int64_t> count);
/// Transposes by `permutation` and packs into panels of 16; `dims` are those of
/// the operand.
mlir::Value pack(LoweringContext &context, mlir::Value input, llvm::ArrayRef<Dim> dims,
                 llvm::ArrayRef<int64_t> permutation, int64_t batch);

/// Whether kernels compute with tensors of this type.
bool hasKernels(mlir::Value tensor);

/// A constant of f32 numbers.
mlir::ElementsAttr floatConstant(mlir::MLIRContext *context, llvm::ArrayRef<int64_t> shape,
                                 llvm::ArrayRef<float> numbers);
/// The f32 numbers of a constant; fails where they cannot be read.
mlir::FailureOr<std::vector<float>> readConstant(mlir::ElementsAttr constant);

} // namespace secateur::lowering

#endif // SECATEUR_LIB_LOWERING_KERNELS_H
