//===- VectorBody.h - Vectorises the scalar body of a loop nest -------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A body of scalar operations is cloned for a run of consecutive iterations of
// one loop (the lanes). Values that are equal in all lanes stay scalars, so that
// what depends on the outer loops alone is computed once; indices that grow by
// one from lane to lane keep their scalar base, so that a load through them is a
// contiguous vector load; everything else becomes a vector.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_VECTORBODY_H
#define SECATEUR_LIB_CODEGEN_VECTORBODY_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Builders.h"

namespace secateur::codegen {

/// A value of the scalar body in the vectorised code.
struct LaneValue {
  enum class Kind { Uniform, Linear, Varying };
  Kind kind = Kind::Uniform;
  /// Uniform: the scalar. Linear: the scalar of lane 0. Varying: the vector.
  mlir::Value value;
};

/// A memref seen as a one-dimensional buffer, with the strides of the original.
struct FlatBuffer {
  /// memref<?xT, strided<[1], offset: ?>>; i1 elements are seen as i8.
  mlir::Value buffer;
  /// The element type of the original memref.
  mlir::Type elementType;
  llvm::SmallVector<mlir::OpFoldResult> strides;
};

/// Makes the flat view of `memref` at the builder's position.
FlatBuffer makeFlatBuffer(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value memref);

/// Index arithmetic that folds constants.
mlir::OpFoldResult addIndex(mlir::OpBuilder &builder, mlir::Location loc, mlir::OpFoldResult lhs,
                            mlir::OpFoldResult rhs);
mlir::OpFoldResult mulIndex(mlir::OpBuilder &builder, mlir::Location loc, mlir::OpFoldResult lhs,
                            mlir::OpFoldResult rhs);

/// Clones bodies lane-wise. `lanes` = 0 clones the scalar body as it is.
class VectorBody {
public:
  VectorBody(mlir::linalg::GenericOp op, unsigned lanes) : op(op), lanes(lanes) {}

  /// True when every operation of the body has a lane-wise form.
  static bool isSupported(mlir::linalg::GenericOp op);

  /// Buffers that the body itself loads from; their flat views are made at the
  /// builder's position, which must dominate the nest.
  void prepare(mlir::OpBuilder &builder);

  /// Clones the body. `arguments` are the values of the block arguments,
  /// `indices` those of the loops (per dimension of the operation), `mask` the
  /// active lanes or null when all are. Returns the yielded values.
  llvm::SmallVector<LaneValue> clone(mlir::OpBuilder &builder, mlir::Location loc,
                                     llvm::ArrayRef<LaneValue> arguments,
                                     llvm::ArrayRef<LaneValue> indices, mlir::Value mask);

  /// Loads lanes from `buffer` at element `offset`; `stride` is the distance of
  /// neighbouring lanes: 0 gives a uniform value, 1 a contiguous load.
  LaneValue load(mlir::OpBuilder &builder, mlir::Location loc, const FlatBuffer &buffer,
                 mlir::Value offset, mlir::OpFoldResult stride, mlir::Value mask);

  /// Stores lanes at the distance `stride`, or one scalar when `lanes` is 0.
  void store(mlir::OpBuilder &builder, mlir::Location loc, LaneValue value,
             const FlatBuffer &buffer, mlir::Value offset, mlir::OpFoldResult stride,
             mlir::Value mask);

  /// The vector of a value: broadcasts uniform ones.
  mlir::Value materialize(mlir::OpBuilder &builder, mlir::Location loc, LaneValue value);

private:
  llvm::SmallVector<LaneValue> cloneScalar(mlir::OpBuilder &builder,
                                           llvm::ArrayRef<LaneValue> arguments,
                                           llvm::ArrayRef<LaneValue> indices);
  LaneValue cloneLoad(mlir::OpBuilder &builder, mlir::memref::LoadOp load,
                      llvm::ArrayRef<LaneValue> indices, mlir::Value mask);
  LaneValue cloneOp(mlir::OpBuilder &builder, mlir::Operation &bodyOp,
                    llvm::ArrayRef<LaneValue> operands, mlir::Value mask);
  mlir::Value gather(mlir::OpBuilder &builder, mlir::Location loc, const FlatBuffer &buffer,
                     mlir::Value offset, mlir::Value laneOffsets, mlir::Value mask);
  mlir::VectorType laneType(mlir::Type scalar) const;
  mlir::Value laneOffsets(mlir::OpBuilder &builder, mlir::Location loc, mlir::OpFoldResult stride);
  mlir::Value allLanes(mlir::OpBuilder &builder, mlir::Location loc);

  mlir::linalg::GenericOp op;
  unsigned lanes;
  llvm::DenseMap<mlir::Value, FlatBuffer> loadedBuffers;
};

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_VECTORBODY_H
