//===- Coupling.h - What the families of coupling models share --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_PRUNING_COUPLING_COUPLING_H
#define SECATEUR_LIB_PRUNING_COUPLING_COUPLING_H

#include "dialects/NN/IR/Coupling.h"
#include "dialects/NN/IR/NNOps.h"

#include "mlir/IR/DialectRegistry.h"

namespace secateur::pruning {

using nn::Axis;
using nn::CouplingBuilder;
using nn::Dim;
using nn::ErasedValue;
using nn::SizeUse;

/// The use that is formal operand `index` of `op`; null where it is left out.
template <typename Op>
mlir::OpOperand *operandOf(Op op, unsigned index) {
  auto [start, length] = op.getODSOperandIndexAndLength(index);
  return length ? &op->getOpOperand(start) : nullptr;
}

/// `axis` counted from the front; nullopt where there is none such.
std::optional<unsigned> normalizeAxis(int64_t axis, size_t rank);

/// The axes of a result that broadcasts `operands` (right-aligned) to `shape`:
/// those that are not 1 are one axis.
llvm::SmallVector<Axis> broadcast(CouplingBuilder &builder,
                                  llvm::ArrayRef<llvm::ArrayRef<Axis>> operands,
                                  llvm::ArrayRef<Dim> shape);
/// All operands of `op` broadcast to each of its results.
void declareBroadcast(mlir::Operation *op, CouplingBuilder &builder);

/// Result 0 has the axes of operand 0, but those for which `passes` is false are
/// positions of their own, and those of the operand stay.
void declarePassing(mlir::Operation *op, CouplingBuilder &builder,
                    llvm::function_ref<bool(unsigned)> passes, llvm::StringRef what);

/// What stands for zero in the two factors of a product; nullopt: no one number does.
struct Zeros {
  std::optional<int64_t> left = 0, right = 0;
};

/// The axes of the result of a convolution over `input` [N, g*c, space] with `weight`
/// [g*m, c, taps] (transposed: [g*c, m, taps]); nullopt, with all pinned, where its
/// channels are not known.
std::optional<llvm::SmallVector<Axis>>
declareConvolution(mlir::Operation *op, CouplingBuilder &builder, mlir::OpOperand &input,
                   mlir::OpOperand &weight, int64_t groups, bool transposed = false,
                   Zeros zeros = {});
/// The axes of the product of matrices or stacks of them, of which the last two axes
/// may be swapped; nullopt where a rank is not known.
std::optional<llvm::SmallVector<Axis>> declareProduct(mlir::Operation *op, CouplingBuilder &builder,
                                                      mlir::OpOperand &left, mlir::OpOperand &right,
                                                      bool transLeft = false,
                                                      bool transRight = false, Zeros zeros = {});
/// The positions `positions` of an axis of constant size, one after the other, runs in
/// one piece.
Axis pickPositions(CouplingBuilder &builder, Axis axis, llvm::ArrayRef<int64_t> positions);
/// A vector, where there is one, has one element for each position of `axis`, or one
/// for all.
void unifyVector(CouplingBuilder &builder, mlir::OpOperand *vector, Axis axis);
/// What all positions of a constant hold: a number where they hold the same one.
ErasedValue heldBy(mlir::ElementsAttr constant);
/// All axes of all operands stay.
void pinAll(mlir::Operation *op, CouplingBuilder &builder, llvm::StringRef reason);

/// One of queries, keys and values: its axes.
struct HeadAxes {
  Axis batch, heads, sequence, inside;
};
/// Of [batch, heads, sequence, inside], or packed as [batch, sequence, heads * inside];
/// nullopt where the number of heads is not known.
std::optional<HeadAxes> readHeads(CouplingBuilder &builder, mlir::OpOperand &operand,
                                  std::optional<int64_t> heads);
/// `axis` as [heads][inside].
std::optional<std::pair<Axis, Axis>> splitHeads(CouplingBuilder &builder, Axis axis, int64_t heads,
                                                mlir::MLIRContext *context);
/// A mask of up to four axes, the last but two of which are heads or 1.
void declareMask(CouplingBuilder &builder, mlir::OpOperand *mask, Axis heads);
/// A cache of keys or values, [batch, heads, sequence, inside].
void declareCache(CouplingBuilder &builder, mlir::OpOperand *past, mlir::Value present,
                  const HeadAxes &axes);

/// The zero point: 0 where it is left out, nullopt where it is not one number.
std::optional<int64_t> zeroPointOf(mlir::Value value);
/// What is removed of a quantised weight counts as the zero point, which keeps its value.
void countAsZeroPoint(CouplingBuilder &builder, mlir::OpOperand &weight,
                      mlir::OpOperand *zeroPoint);

/// The number that a constant is made of.
std::optional<double> splatOf(mlir::Value value);
/// `operands`, where constants of one number count as such although they have no
/// erased positions.
llvm::SmallVector<ErasedValue> withConstants(mlir::Operation *op,
                                             llvm::ArrayRef<ErasedValue> operands);
/// The weakest of all operands that have erased positions.
ErasedValue joinOf(llvm::ArrayRef<ErasedValue> operands);
/// Operands 0 and 1 are multiplied, the others are added.
ErasedValue contractionOf(llvm::ArrayRef<ErasedValue> operands);

/// Attaches the models of one family to the operations of `context`.
void attachAttentionCoupling(mlir::MLIRContext &context);
void attachContractionCoupling(mlir::MLIRContext &context);
void attachElementwiseCoupling(mlir::MLIRContext &context);
void attachFusedNormCoupling(mlir::MLIRContext &context);
void attachMicrosoftCoupling(mlir::MLIRContext &context);
void attachMovementCoupling(mlir::MLIRContext &context);
void attachIndexingCoupling(mlir::MLIRContext &context);
void attachNormalizationCoupling(mlir::MLIRContext &context);
void attachPoolingCoupling(mlir::MLIRContext &context);
void attachQuantizationCoupling(mlir::MLIRContext &context);
void attachQuantizedContractionCoupling(mlir::MLIRContext &context);
void attachRecurrentCoupling(mlir::MLIRContext &context);
void attachReductionCoupling(mlir::MLIRContext &context);
void attachSigns(mlir::MLIRContext &context);

} // namespace secateur::pruning

#endif // SECATEUR_LIB_PRUNING_COUPLING_COUPLING_H
