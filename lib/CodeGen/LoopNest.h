//===- LoopNest.h - A linalg operation on memrefs as strided loops ----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The loops of a linalg.generic on memrefs and, for each operand, the element
// that an iteration touches as a linear function of the loops. Loops of extent 1
// are dropped and neighbours that all operands walk contiguously are merged, so
// that an elementwise operation on whole tensors becomes one loop whatever its
// rank.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_LOOPNEST_H
#define SECATEUR_LIB_CODEGEN_LOOPNEST_H

#include "VectorBody.h"

namespace secateur::codegen {

struct Loop {
  mlir::OpFoldResult extent;
  bool parallel = true;
  bool dropped = false; // extent 1, or merged into another
  bool indexUsed = false;
  bool live() const { return !dropped; }
  /// The extent, if it is a constant.
  std::optional<int64_t> constantExtent() const { return mlir::getConstantIntValue(extent); }
};

/// One result of an operand's indexing map, with the memref's stride there.
struct AccessTerm {
  mlir::AffineExpr expr;
  mlir::OpFoldResult stride;
  bool contiguousWithNext = false;
  bool unitAxis = false; // the memref's size is 1 there
};

struct Access {
  FlatBuffer buffer;
  llvm::SmallVector<AccessTerm> terms;

  /// Distance in elements between neighbouring iterations of `dim`; nothing when
  /// the map is not linear in it.
  std::optional<mlir::OpFoldResult> strideAlong(mlir::OpBuilder &builder, mlir::Location loc,
                                                unsigned dim) const;
  /// True when that distance is the constant `value`.
  bool hasStride(mlir::OpBuilder &builder, unsigned dim, int64_t value) const;
  /// The element touched by the iteration `ivs`.
  mlir::Value elementAt(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::ArrayRef<mlir::OpFoldResult> ivs) const;
  bool uses(unsigned dim) const;
};

class LoopNest {
public:
  /// Builds the nest at the builder's position.
  LoopNest(mlir::OpBuilder &builder, mlir::linalg::GenericOp op);

  llvm::SmallVector<Loop> loops;
  llvm::SmallVector<Access> accesses; // all operands, inputs first
  unsigned inputCount = 0;

  llvm::MutableArrayRef<Access> outputs() {
    return llvm::MutableArrayRef<Access>(accesses).drop_front(inputCount);
  }
  llvm::ArrayRef<Access> inputs() const {
    return llvm::ArrayRef<Access>(accesses).take_front(inputCount);
  }

private:
  void dropUnitLoops(mlir::OpBuilder &builder);
  bool mergeOnce(mlir::OpBuilder &builder, mlir::Location loc);
  bool canMerge(unsigned outer, unsigned inner) const;
};

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_LOOPNEST_H
