//===- NNErasure.h - What an operation needs when tensors shrink -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// ErasureOpInterface and the context that its methods talk to. Shapes here are
// concrete: those at the model's nominal input sizes. A dimension that is not
// known even there is ShapedType::kDynamic.

#ifndef SECATEUR_DIALECTS_NN_IR_NNERASURE_H
#define SECATEUR_DIALECTS_NN_IR_NNERASURE_H

#include "dialects/NN/IR/NNOps.h"

#include <optional>

namespace secateur::nn {

/// On a constant that the model's file lacks: plans account for it.
inline constexpr llvm::StringLiteral kAddedAttr = "nn.added";

/// Element `index` of operand `operand` is to have `value` in the erased graph.
struct ElementDemand {
  unsigned operand = 0;
  int64_t index = 0;
  int64_t value = 0;
};

class ErasureContext {
public:
  virtual ~ErasureContext() = default;

  virtual llvm::ArrayRef<int64_t> getDenseShape(mlir::Value value) = 0;
  virtual llvm::ArrayRef<int64_t> getPrunedShape(mlir::Value value) = 0;
  /// Sorted positions of `axis` that are kept; all of them where nothing is
  /// removed.
  virtual llvm::SmallVector<int64_t> getKept(mlir::Value value, int64_t axis) = 0;

  /// The elements of a small integer tensor at the nominal sizes, in the dense
  /// graph and in the erased graph as it stands without any rewriting; nullopt
  /// where they depend on data.
  virtual std::optional<llvm::SmallVector<int64_t>> getDenseElements(mlir::Value value) = 0;
  virtual std::optional<llvm::SmallVector<int64_t>> getPrunedElements(mlir::Value value) = 0;

  /// Whether statistics go on counting what is erased, which is exact, or count
  /// what is left.
  virtual bool keepsCounts() const = 0;
  /// The erased operation is not the same as the zeroed one; `reason` is a clause.
  virtual void approximates(mlir::Operation *op, llvm::StringRef reason) = 0;

  /// Demands an element of an integer operand.
  virtual void demand(mlir::OpOperand &operand, int64_t index, int64_t value) = 0;
  /// Replaces an integer operand that no input changes as a whole, shape included; fails with an
  /// error on its owner where it is none.
  virtual llvm::LogicalResult replaceIntegers(mlir::OpOperand &operand,
                                              llvm::ArrayRef<int64_t> shape,
                                              llvm::ArrayRef<int64_t> values) = 0;
  /// A new 1-D int64 constant before `op`, named after `op`'s first output and `role`.
  virtual mlir::Value createIntegers(mlir::Operation *op, llvm::StringRef role,
                                     llvm::ArrayRef<int64_t> values) = 0;
};

} // namespace secateur::nn

#include "dialects/NN/IR/NNErasure.h.inc"

#endif // SECATEUR_DIALECTS_NN_IR_NNERASURE_H
