//===- NestEmitter.h - Vector loops for a linalg operation ------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_NESTEMITTER_H
#define SECATEUR_LIB_CODEGEN_NESTEMITTER_H

#include "LoopNest.h"
#include "VectorBody.h"

namespace secateur::codegen {

struct NestOptions {
  /// Width of a vector register in bits; 0 makes scalar loops.
  unsigned vectorBits = 512;
  /// Work (scalar operations) that is worth a task of its own.
  int64_t taskWork = 65536;
};

/// Writes the loops of one operation.
class NestEmitter {
public:
  NestEmitter(mlir::OpBuilder &builder, mlir::linalg::GenericOp op, const NestOptions &options)
      : builder(builder), op(op), loc(op.getLoc()), options(options), nest(builder, op),
        body(op, 0) {}

  llvm::LogicalResult emit();

private:
  using Ivs = llvm::SmallVector<mlir::OpFoldResult>;

  // How the nest is walked (NestPlan.cpp).
  bool chooseLaneLoop();
  bool isLaneLoop(unsigned dim);
  bool combinersAreAssociative();
  unsigned laneCount();
  int64_t bodyCost();
  bool findTileLoop(unsigned dim);
  void orderLoops();

  // Tasks, rows and squares (NestEmitter.cpp).
  void emitOuter();
  void emitTask(Ivs ivs, llvm::ArrayRef<unsigned> dims, mlir::Value laneBegin, mlir::Value laneEnd);
  void emitRow(Ivs ivs, mlir::Value laneBegin, mlir::Value laneEnd);
  void emitRowBlock(Ivs ivs, mlir::Value laneBegin, mlir::Value laneEnd);
  void emitSquare(Ivs ivs);
  mlir::OpFoldResult iterations(unsigned dim);

  // What one run of lanes computes (NestElement.cpp).
  void emitElement(const Ivs &ivs, mlir::Value mask);
  void emitLaneReduction(Ivs ivs);
  llvm::SmallVector<mlir::Value> emitReductions(Ivs ivs, llvm::ArrayRef<unsigned> dims,
                                                const llvm::SmallVector<mlir::Value> &carried,
                                                mlir::Value mask);
  llvm::SmallVector<mlir::Value> emitLaneSteps(Ivs ivs,
                                               const llvm::SmallVector<mlir::Value> &carried);
  llvm::SmallVector<LaneValue> evaluate(const Ivs &ivs, llvm::ArrayRef<mlir::Value> carried,
                                        mlir::Value mask, llvm::ArrayRef<mlir::Value> loaded = {});
  void forLanes(mlir::Value begin, mlir::Value end,
                llvm::function_ref<void(mlir::Value, mlir::Value)> emit);
  mlir::Value value(mlir::OpFoldResult result);
  mlir::Value constant(int64_t number);

  mlir::OpBuilder &builder;
  mlir::linalg::GenericOp op;
  mlir::Location loc;
  const NestOptions &options;
  LoopNest nest;
  VectorBody body;
  std::optional<unsigned> laneLoop;
  std::optional<unsigned> tileLoop; // walked in blocks of `lanes`
  unsigned lanes = 0;
  bool laneReduces = false;
  bool maskAlways = false;
  llvm::SmallVector<unsigned> parallelLoops, reductionLoops; // without the lane loop
  llvm::SmallVector<mlir::Operation *> combiners;            // with laneReduces
};

/// Replaces `op`, which works on memrefs, by loops at the builder's position.
llvm::LogicalResult emitNest(mlir::OpBuilder &builder, mlir::linalg::GenericOp op,
                             const NestOptions &options);

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_NESTEMITTER_H
