//===- RecurrentCells.cpp - One step of an RNN, GRU or LSTM -----------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "RecurrentCells.h"

#include "Kernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

Value Activation::apply(Scalars &s, Value x) const {
  if (name == "sigmoid")
    return s.sigmoid(x);
  if (name == "tanh")
    return s.tanh(x);
  if (name == "relu")
    return s.max(x, s.number(0));
  if (name == "hardsigmoid")
    return s.clamp(s.add(s.mul(x, s.number(alpha)), s.number(beta)), 0, 1);
  if (name == "leakyrelu")
    return s.select(s.less(x, s.number(0)), s.mul(x, s.number(alpha)), x);
  if (name == "thresholdedrelu")
    return s.select(s.less(s.number(alpha), x), x, s.number(0));
  if (name == "affine")
    return s.add(s.mul(x, s.number(alpha)), s.number(beta));
  if (name == "scaledtanh")
    return s.mul(s.number(alpha), s.tanh(s.mul(s.number(beta), x)));
  if (name == "elu")
    return s.select(s.less(x, s.number(0)), s.mul(s.number(alpha), s.sub(s.exp(x), s.number(1))),
                    x);
  if (name == "softsign")
    return s.div(x, s.add(s.number(1), s.abs(x)));
  if (name == "softplus")
    return s.softplus(x);
  return {};
}

/// Columns [first, first + H) of a matrix [N, width].
static Value columns(ImplicitLocOpBuilder &b, LoweringContext &context, Value matrix, int64_t first,
                     Dim rows, int64_t hidden) {
  SmallVector<OpFoldResult> offsets = {b.getIndexAttr(0), b.getIndexAttr(first)};
  SmallVector<OpFoldResult> sizes = {context.size(rows), b.getIndexAttr(hidden)};
  SmallVector<OpFoldResult> ones(2, b.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(b, matrix, offsets, sizes, ones);
}

/// rows x columns = state [N, H] times a packed matrix, plus `added` [N, columns].
static Value multiplyState(LoweringContext &context, Value state, Value matrix, Dim rows,
                           int64_t width, Value added, ArrayRef<unsigned> addedAxes) {
  ImplicitLocOpBuilder &b = context.b;
  Epilogue epilogue;
  if (added) {
    epilogue.operands.push_back(added);
    epilogue.maps.push_back(AffineMap::getMultiDimMapWithTargets(2, addedAxes, b.getContext()));
  }
  Type type = cast<RankedTensorType>(state.getType()).getElementType();
  Value init = context.empty({rows, context.constantDim(width)}, type);
  return contract(context,
                  {AffineMap::getMultiDimMapWithTargets(3, {0, 2}, b.getContext()),
                   AffineMap::getMultiDimMapWithTargets(3, {2, 1}, b.getContext()),
                   AffineMap::getMultiDimMapWithTargets(3, {0, 1}, b.getContext())},
                  state, matrix, true, init, ScalarKind::Float, epilogue);
}

/// An elementwise function of matrices [N, H] and rows [H].
static Value gate(LoweringContext &context, Dim rows, int64_t hidden, ArrayRef<Value> operands,
                  function_ref<Value(Scalars &, ValueRange)> body) {
  SmallVector<PlacedTensor> placed;
  for (Value operand : operands) {
    bool isRow = cast<RankedTensorType>(operand.getType()).getRank() == 1;
    placed.push_back({operand, isRow ? SmallVector<int64_t>{1} : SmallVector<int64_t>{0, 1}});
  }
  Type type = cast<RankedTensorType>(operands.front().getType()).getElementType();
  return context.pointwise({rows, context.constantDim(hidden)}, type, Layout::RowMajor, placed,
                           [&](ImplicitLocOpBuilder &b, ValueRange x) {
                             Scalars s(b, type, ScalarKind::Float);
                             return body(s, x);
                           });
}

static Value clipped(const Cell &cell, Scalars &s, Value x) {
  return cell.clip ? s.clamp(x, -*cell.clip, *cell.clip) : x;
}

/// LSTM: gates i, o, f, c.
State lowering::stepLstm(LoweringContext &context, const StepInputs &in, State state) {
  ImplicitLocOpBuilder &b = context.b;
  int64_t hidden = in.cell.hidden;
  Value gates =
      multiplyState(context, state.h, in.recurrence, in.rows, 4 * hidden, in.fromInput, {0, 1});
  auto part = [&](int64_t i) { return columns(b, context, gates, i * hidden, in.rows, hidden); };
  Value input = part(0), output = part(1), forget = part(2), cellGate = part(3);
  const Activation &f = in.activations[0], &g = in.activations[1], &h = in.activations[2];
  auto peep = [&](int64_t i) -> Value {
    SmallVector<OpFoldResult> one(1, b.getIndexAttr(1));
    return tensor::ExtractSliceOp::create(b, in.peephole,
                                          ArrayRef<OpFoldResult>{b.getIndexAttr(i * hidden)},
                                          ArrayRef<OpFoldResult>{b.getIndexAttr(hidden)}, one);
  };
  SmallVector<Value> operands = {input, forget, cellGate, state.c};
  if (in.peephole)
    llvm::append_range(operands, ArrayRef<Value>{peep(0), peep(2)});
  State next;
  next.c = gate(context, in.rows, hidden, operands, [&](Scalars &s, ValueRange x) {
    Value i = x[0], forgets = x[1];
    if (in.peephole) {
      i = s.add(i, s.mul(x[4], x[3]));
      forgets = s.add(forgets, s.mul(x[5], x[3]));
    }
    i = f.apply(s, clipped(in.cell, s, i));
    forgets = in.inputForget ? s.sub(s.number(1), i) : f.apply(s, clipped(in.cell, s, forgets));
    Value candidate = g.apply(s, clipped(in.cell, s, x[2]));
    return s.add(s.mul(forgets, x[3]), s.mul(i, candidate));
  });
  operands = {output, next.c};
  if (in.peephole)
    operands.push_back(peep(1));
  next.h = gate(context, in.rows, hidden, operands, [&](Scalars &s, ValueRange x) {
    Value o = x[0];
    if (in.peephole)
      o = s.add(o, s.mul(x[2], x[1]));
    return s.mul(f.apply(s, clipped(in.cell, s, o)), h.apply(s, x[1]));
  });
  return next;
}

/// GRU: gates z, r, h.
State lowering::stepGru(LoweringContext &context, const StepInputs &in, State state) {
  ImplicitLocOpBuilder &b = context.b;
  int64_t hidden = in.cell.hidden;
  auto fromInput = [&](int64_t i) {
    return columns(b, context, in.fromInput, i * hidden, in.rows, hidden);
  };
  const Activation &f = in.activations[0], &g = in.activations[1];
  Value recurrent = multiplyState(context, state.h, in.recurrence, in.rows, 2 * hidden, {}, {});
  auto part = [&](int64_t i) {
    return columns(b, context, recurrent, i * hidden, in.rows, hidden);
  };
  Value reset =
      gate(context, in.rows, hidden, {fromInput(1), part(1)}, [&](Scalars &s, ValueRange x) {
        return f.apply(s, clipped(in.cell, s, s.add(x[0], x[1])));
      });
  Value inner;
  if (in.linearBeforeReset) {
    inner = multiplyState(context, state.h, in.third, in.rows, hidden, in.thirdBias, {1});
    inner = gate(context, in.rows, hidden, {inner, reset},
                 [&](Scalars &s, ValueRange x) { return s.mul(x[0], x[1]); });
  } else {
    Value scaled = gate(context, in.rows, hidden, {state.h, reset},
                        [&](Scalars &s, ValueRange x) { return s.mul(x[0], x[1]); });
    inner = multiplyState(context, scaled, in.third, in.rows, hidden, {}, {});
  }
  State next;
  next.h = gate(context, in.rows, hidden, {fromInput(0), part(0), fromInput(2), inner, state.h},
                [&](Scalars &s, ValueRange x) {
                  Value update = f.apply(s, clipped(in.cell, s, s.add(x[0], x[1])));
                  Value candidate = g.apply(s, clipped(in.cell, s, s.add(x[2], x[3])));
                  return s.add(s.mul(s.sub(s.number(1), update), candidate), s.mul(update, x[4]));
                });
  return next;
}

State lowering::stepRnn(LoweringContext &context, const StepInputs &in, State state) {
  int64_t hidden = in.cell.hidden;
  Value sum = multiplyState(context, state.h, in.recurrence, in.rows, hidden, in.fromInput, {0, 1});
  State next;
  next.h = gate(context, in.rows, hidden, {sum}, [&](Scalars &s, ValueRange x) {
    return in.activations[0].apply(s, clipped(in.cell, s, x[0]));
  });
  return next;
}
