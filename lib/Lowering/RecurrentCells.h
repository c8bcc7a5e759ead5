//===- RecurrentCells.h - One step of an RNN, GRU or LSTM -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Sizes: N sequences, H hidden units, G gates.

#ifndef SECATEUR_LIB_LOWERING_RECURRENTCELLS_H
#define SECATEUR_LIB_LOWERING_RECURRENTCELLS_H

#include "Scalars.h"

#include "secateur/Lowering/LoweringContext.h"

namespace secateur::lowering {

/// An activation function with its parameters.
struct Activation {
  std::string name;
  double alpha = 0, beta = 0;
  mlir::Value apply(Scalars &s, mlir::Value x) const;
};

struct Cell {
  mlir::Operation *op;
  mlir::Value x, w, r, bias, lengths, initialH, initialC, peephole;
  mlir::Value y, lastH, lastC;
  int64_t gates, hidden, directions;
  bool batchFirst, reverse; // reverse: the only direction is backwards
  llvm::SmallVector<Activation> activations;
  std::optional<double> clip;
};

/// The state of one direction at one step.
struct State {
  mlir::Value h, c;
};

/// What a step needs of one direction.
struct StepInputs {
  const Cell &cell;
  llvm::ArrayRef<Activation> activations;
  Dim rows;              // N
  mlir::Value fromInput; // [N, G H]: x W + b of this step
  mlir::Value
      recurrence;        // packed [H, G H], for GRU the gates z and r only where the third is apart
  mlir::Value third;     // GRU: packed [H, H] of the third gate
  mlir::Value thirdBias; // GRU with linear_before_reset: [H]
  mlir::Value peephole;  // LSTM: [3 H]
  bool inputForget = false, linearBeforeReset = false;
};

/// The next state; gates are in ONNX's order: i, o, f, c of an LSTM and z, r, h of a
/// GRU.
State stepLstm(LoweringContext &context, const StepInputs &in, State state);
State stepGru(LoweringContext &context, const StepInputs &in, State state);
State stepRnn(LoweringContext &context, const StepInputs &in, State state);

} // namespace secateur::lowering

#endif // SECATEUR_LIB_LOWERING_RECURRENTCELLS_H
