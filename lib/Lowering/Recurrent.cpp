//===- Recurrent.cpp - Lowering of RNN, GRU and LSTM ---------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The products with the input are one contraction for all steps; a loop over
// time then multiplies the state and applies the gates. Sizes: T steps, N
// sequences, H hidden units, G gates.

#include "Kernels.h"
#include "Models.h"
#include "RecurrentCells.h"

#include "secateur/Analysis/SymbolicShapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

/// The activations of all directions, `perDirection` each.
template <typename OpTy>
static FailureOr<SmallVector<Activation>> readActivations(OpTy op, LoweringContext &context,
                                                          ArrayRef<StringRef> defaults,
                                                          int64_t directions) {
  SmallVector<Activation> result;
  size_t nextAlpha = 0, nextBeta = 0;
  for (size_t i = 0; i < defaults.size() * directions; ++i) {
    StringRef name = defaults[i % defaults.size()];
    if (std::optional<ArrayAttr> given = op.getActivations(); given && !given->empty()) {
      if (given->size() != defaults.size() * directions)
        return context.unsupported(op, "it does not have one activation per gate and direction");
      name = cast<StringAttr>((*given)[i]).getValue();
    }
    Activation activation;
    activation.name = name.lower();
    struct {
      StringRef name;
      bool alpha, beta;
      double alphaDefault, betaDefault;
    } known[] = {{"sigmoid", false, false, 0, 0},     {"tanh", false, false, 0, 0},
                 {"relu", false, false, 0, 0},        {"softsign", false, false, 0, 0},
                 {"softplus", false, false, 0, 0},    {"hardsigmoid", true, true, 0.2, 0.5},
                 {"leakyrelu", true, false, 0.01, 0}, {"thresholdedrelu", true, false, 1, 0},
                 {"affine", true, true, 1, 0},        {"scaledtanh", true, true, 1, 1},
                 {"elu", true, false, 1, 0}};
    auto *entry = llvm::find_if(known, [&](auto &one) { return one.name == activation.name; });
    if (entry == std::end(known))
      return context.unsupported(op, "activation '" + name + "' is not known");
    auto take = [](std::optional<ArrayRef<float>> list, size_t &next, double otherwise) {
      return list && next < list->size() ? double((*list)[next++]) : otherwise;
    };
    if (entry->alpha)
      activation.alpha = take(op.getActivationAlpha(), nextAlpha, entry->alphaDefault);
    if (entry->beta)
      activation.beta = take(op.getActivationBeta(), nextBeta, entry->betaDefault);
    result.push_back(activation);
  }
  return result;
}

/// Direction d of a constant [D, ...], as a constant without that axis.
static FailureOr<ElementsAttr> constantOfDirection(LoweringContext &context, Value value,
                                                   int64_t d) {
  ElementsAttr constant = context.constant(value);
  if (!constant)
    return failure();
  FailureOr<std::vector<float>> numbers = readConstant(constant);
  if (failed(numbers))
    return failure();
  ArrayRef<int64_t> shape = constant.getShapedType().getShape();
  int64_t count = numbers->size() / std::max<int64_t>(shape[0], 1);
  return floatConstant(value.getContext(), shape.drop_front(),
                       ArrayRef<float>(*numbers).slice(d * count, count));
}

/// Direction d of a tensor [D, ...], without that axis.
static Value sliceOfDirection(LoweringContext &context, Value value, int64_t d) {
  if (FailureOr<ElementsAttr> constant = constantOfDirection(context, value, d);
      succeeded(constant))
    return context.weight(*constant, {}, {});
  ImplicitLocOpBuilder &b = context.b;
  SmallVector<Dim> dims(context.shape(value));
  SmallVector<OpFoldResult> offsets(dims.size(), b.getIndexAttr(0)),
      ones(dims.size(), b.getIndexAttr(1));
  offsets[0] = b.getIndexAttr(d);
  SmallVector<Dim> part = dims;
  part[0] = context.constantDim(1);
  Value slice =
      tensor::ExtractSliceOp::create(b, context.get(value), offsets, context.sizes(part), ones);
  return context.reshape(slice, part, ArrayRef<Dim>(part).drop_front());
}

/// The transpose of direction d of a matrix [D, rows, columns], packed.
static Value packedMatrix(LoweringContext &context, Value value, int64_t d) {
  if (FailureOr<ElementsAttr> constant = constantOfDirection(context, value, d);
      succeeded(constant))
    return context.weight(*constant, {}, {1, 0}, 0, /*panel=*/16);
  return pack(context, sliceOfDirection(context, value, d), context.shape(value).drop_front(),
              {1, 0}, 0);
}

//===----------------------------------------------------------------------===//
// All steps
//===----------------------------------------------------------------------===//

/// Wb + Rb of direction d, [G H]; for a GRU whose third gate multiplies before it
/// resets, that gate's Rb is left to the step.
static FailureOr<Value> inputBias(LoweringContext &context, const Cell &cell, int64_t d,
                                  bool withoutThird, Value &thirdBias) {
  if (!cell.bias)
    return Value();
  ElementsAttr constant = context.constant(cell.bias);
  FailureOr<std::vector<float>> numbers =
      constant ? readConstant(constant) : FailureOr<std::vector<float>>(failure());
  if (failed(numbers))
    return failure();
  int64_t width = cell.gates * cell.hidden;
  if (int64_t(numbers->size()) != cell.directions * 2 * width)
    return failure();
  std::vector<float> sum(width);
  for (int64_t i = 0; i < width; ++i) {
    float w = (*numbers)[d * 2 * width + i], r = (*numbers)[d * 2 * width + width + i];
    sum[i] = withoutThird && i >= 2 * cell.hidden ? w : w + r;
  }
  MLIRContext *mlir = context.b.getContext();
  if (withoutThird)
    thirdBias =
        context.weight(floatConstant(mlir, cell.hidden,
                                     ArrayRef<float>(*numbers).slice(
                                         d * 2 * width + width + 2 * cell.hidden, cell.hidden)),
                       {}, {});
  return context.weight(floatConstant(mlir, width, sum), {}, {});
}

/// Rows [first, first + count) of direction d of R [D, G H, H], transposed and packed.
static FailureOr<Value> packedRows(LoweringContext &context, Value r, int64_t d, int64_t first,
                                   int64_t count) {
  FailureOr<ElementsAttr> constant = constantOfDirection(context, r, d);
  if (failed(constant))
    return failure();
  FailureOr<std::vector<float>> numbers = readConstant(*constant);
  if (failed(numbers))
    return failure();
  int64_t hidden = (*constant).getShapedType().getDimSize(1);
  ElementsAttr part =
      floatConstant(context.b.getContext(), {count, hidden},
                    ArrayRef<float>(*numbers).slice(first * hidden, count * hidden));
  return context.weight(part, {}, {1, 0}, 0, /*panel=*/16);
}

static LogicalResult lowerCell(LoweringContext &context, Cell &cell, bool isLstm, bool isGru,
                               bool inputForget, bool linearBeforeReset) {
  ImplicitLocOpBuilder &b = context.b;
  if (!LoweringContext::storageType(LoweringContext::elementType(cell.x)).isF32())
    return context.unsupported(cell.op, "it is supported on f32 and 16-bit floats only");
  // Time first.
  SmallVector<Dim> xDims(context.shape(cell.x));
  Value x = context.get(cell.x);
  if (cell.batchFirst) {
    x = context.transpose(x, {1, 0, 2}, xDims);
    std::swap(xDims[0], xDims[1]);
  }
  Dim steps = xDims[0], rows = xDims[1], hiddenDim = context.constantDim(cell.hidden);
  int64_t width = cell.gates * cell.hidden;
  Dim widthDim = context.constantDim(width);
  Type type = b.getF32Type();
  Value zeroScalar = arith::ConstantOp::create(b, b.getF32FloatAttr(0));
  // Y is built as [T, D, N, H].
  Dim directionsDim = context.constantDim(cell.directions);
  bool wantsY = cell.y && !cell.y.use_empty();
  Value y;
  if (wantsY)
    y = context.empty({steps, directionsDim, rows, hiddenDim}, type);
  SmallVector<Value> lastH, lastC;
  Value lengths = cell.lengths ? context.get(cell.lengths) : Value();
  for (int64_t d = 0; d < cell.directions; ++d) {
    bool backward = cell.reverse || d == 1;
    if (backward && lengths)
      return context.unsupported(cell.op,
                                 "sequence_lens with a backward direction is not supported");
    Value thirdBias;
    FailureOr<Value> bias = inputBias(context, cell, d, isGru && linearBeforeReset, thirdBias);
    if (failed(bias))
      return context.unsupported(cell.op, "its bias is not constant");
    if (isGru && linearBeforeReset && !thirdBias)
      thirdBias = context.filled(hiddenDim, zeroScalar);
    // x W for all steps.
    Epilogue epilogue;
    if (*bias) {
      epilogue.operands.push_back(*bias);
      epilogue.maps.push_back(AffineMap::getMultiDimMapWithTargets(3, {2}, b.getContext()));
    }
    Value projected =
        contract(context,
                 {AffineMap::getMultiDimMapWithTargets(4, {0, 1, 3}, b.getContext()),
                  AffineMap::getMultiDimMapWithTargets(4, {3, 2}, b.getContext()),
                  AffineMap::getMultiDimMapWithTargets(4, {0, 1, 2}, b.getContext())},
                 x, packedMatrix(context, cell.w, d), true,
                 context.empty({steps, rows, widthDim}, type), ScalarKind::Float, epilogue);
    StepInputs in{cell,
                  ArrayRef<Activation>(cell.activations)
                      .slice(d * cell.activations.size() / cell.directions,
                             cell.activations.size() / cell.directions),
                  rows,
                  {},
                  {},
                  {},
                  thirdBias,
                  {},
                  inputForget,
                  linearBeforeReset};
    if (isGru) {
      FailureOr<Value> first = packedRows(context, cell.r, d, 0, 2 * cell.hidden);
      FailureOr<Value> third = packedRows(context, cell.r, d, 2 * cell.hidden, cell.hidden);
      if (failed(first) || failed(third))
        return context.unsupported(cell.op, "its recurrence weights are not constant");
      in.recurrence = *first;
      in.third = *third;
    } else {
      in.recurrence = packedMatrix(context, cell.r, d);
    }
    if (cell.peephole)
      in.peephole = sliceOfDirection(context, cell.peephole, d);
    auto initial = [&](Value value) -> Value {
      if (!value)
        return context.filled({rows, hiddenDim}, zeroScalar);
      if (!cell.batchFirst)
        return context.castTo(sliceOfDirection(context, value, d), {rows, hiddenDim});
      // [N, D, H]
      SmallVector<Dim> part = {rows, context.constantDim(1), hiddenDim};
      SmallVector<OpFoldResult> offsets = {b.getIndexAttr(0), b.getIndexAttr(d), b.getIndexAttr(0)},
                                ones(3, b.getIndexAttr(1));
      Value slice =
          tensor::ExtractSliceOp::create(b, context.get(value), offsets, context.sizes(part), ones);
      return context.reshape(slice, part, {rows, hiddenDim});
    };
    SmallVector<Value> carried = {initial(cell.initialH)};
    if (isLstm)
      carried.push_back(initial(cell.initialC));
    if (wantsY)
      carried.push_back(y);
    // Sizes are needed outside of the loop.
    Value count = context.index(steps), zero = context.index(0), one = context.index(1);
    (void)context.size(rows);
    Value last = arith::SubIOp::create(b, count, one);
    auto loop = scf::ForOp::create(b, zero, count, one, carried);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      Value step = loop.getInductionVar();
      if (backward)
        step = arith::SubIOp::create(b, last, step);
      SmallVector<OpFoldResult> ones(3, b.getIndexAttr(1)),
          offsets = {step, b.getIndexAttr(0), b.getIndexAttr(0)};
      SmallVector<Dim> part = {context.constantDim(1), rows, widthDim};
      Value slice =
          tensor::ExtractSliceOp::create(b, projected, offsets, context.sizes(part), ones);
      in.fromInput = context.reshape(slice, part, {rows, widthDim});
      State state{loop.getRegionIterArg(0), isLstm ? loop.getRegionIterArg(1) : Value()};
      State next = isLstm  ? stepLstm(context, in, state)
                   : isGru ? stepGru(context, in, state)
                           : stepRnn(context, in, state);
      Value shown = next.h;
      if (lengths) {
        // Past its end a sequence keeps its state and shows zeros.
        auto keep = [&](Value fresh, Value old) {
          SmallVector<PlacedTensor> operands = {{lengths, {0}}, {fresh, {0, 1}}};
          if (old)
            operands.push_back({old, {0, 1}});
          return context.pointwise(
              {rows, hiddenDim}, type, Layout::RowMajor, operands,
              [&](ImplicitLocOpBuilder &builder, ValueRange e) {
                Value length = arith::IndexCastOp::create(builder, builder.getIndexType(), e[0]);
                Value runs =
                    arith::CmpIOp::create(builder, arith::CmpIPredicate::slt, step, length);
                Value otherwise = e.size() > 2
                                      ? Value(e[2])
                                      : Scalars(builder, type, ScalarKind::Float).number(0);
                return arith::SelectOp::create(builder, runs, e[1], otherwise);
              });
        };
        shown = keep(next.h, {});
        next.h = keep(next.h, state.h);
        if (isLstm)
          next.c = keep(next.c, state.c);
      }
      SmallVector<Value> yields = {next.h};
      if (isLstm)
        yields.push_back(next.c);
      if (wantsY) {
        SmallVector<OpFoldResult> place = {step, b.getIndexAttr(d), b.getIndexAttr(0),
                                           b.getIndexAttr(0)},
                                  unit(4, b.getIndexAttr(1));
        SmallVector<OpFoldResult> extents = {b.getIndexAttr(1), b.getIndexAttr(1),
                                             context.size(rows), b.getIndexAttr(cell.hidden)};
        yields.push_back(tensor::InsertSliceOp::create(b, shown, loop.getRegionIterArgs().back(),
                                                       place, extents, unit));
      }
      scf::YieldOp::create(b, yields);
    }
    lastH.push_back(loop.getResult(0));
    if (isLstm)
      lastC.push_back(loop.getResult(1));
    if (wantsY)
      y = loop.getResults().back();
  }
  if (wantsY) {
    // [T, D, N, H], or [N, T, D, H] where the batch comes first.
    if (cell.batchFirst)
      y = context.transpose(y, {2, 0, 1, 3}, {steps, directionsDim, rows, hiddenDim});
    context.set(cell.y, y);
  }
  auto stack = [&](Value result, ArrayRef<Value> parts) {
    if (!result || result.use_empty())
      return;
    Value whole;
    SmallVector<Dim> dims = {directionsDim, rows, hiddenDim};
    if (parts.size() == 1) {
      whole = context.reshape(parts[0], {rows, hiddenDim}, dims);
    } else {
      whole = context.empty(dims, type);
      SmallVector<OpFoldResult> ones(3, b.getIndexAttr(1));
      for (auto [d, part] : llvm::enumerate(parts)) {
        SmallVector<OpFoldResult> offsets = {b.getIndexAttr(d), b.getIndexAttr(0),
                                             b.getIndexAttr(0)};
        SmallVector<OpFoldResult> extents = {b.getIndexAttr(1), context.size(rows),
                                             b.getIndexAttr(cell.hidden)};
        whole = tensor::InsertSliceOp::create(b, part, whole, offsets, extents, ones);
      }
    }
    context.set(result, cell.batchFirst ? context.transpose(whole, {1, 0, 2}, dims) : whole);
  };
  stack(cell.lastH, lastH);
  if (isLstm)
    stack(cell.lastC, lastC);
  return success();
}

/// Fills in what all three operators have.
template <typename OpTy>
static FailureOr<Cell> readCell(OpTy op, LoweringContext &context, int64_t gates,
                                ArrayRef<StringRef> activations) {
  Cell cell;
  cell.op = op;
  cell.x = op.getX();
  cell.w = op.getW();
  cell.r = op.getR();
  cell.bias = op.getB();
  cell.initialH = op.getInitialH();
  cell.y = op.getY();
  cell.lastH = op.getYH();
  cell.gates = gates;
  cell.batchFirst = op.getLayout() != 0;
  cell.reverse = op.getDirection() == "reverse";
  cell.directions = op.getDirection() == "bidirectional" ? 2 : 1;
  if (std::optional<llvm::APFloat> clip = op.getClip())
    cell.clip = clip->convertToDouble();
  ArrayRef<Dim> r = context.shape(cell.r);
  std::optional<int64_t> hidden = r.size() == 3 ? LoweringContext::constantOf(r[2]) : std::nullopt;
  if (!hidden || context.rank(cell.x) != 3)
    return context.unsupported(op, "its hidden size is not constant");
  cell.hidden = *hidden;
  if (Value lengths = op.getSequenceLens()) {
    // Lengths that are all T say nothing.
    std::optional<SmallVector<int64_t>> constant = context.constantInts(lengths);
    std::optional<int64_t> steps =
        LoweringContext::constantOf(context.dim(cell.x, cell.batchFirst ? 1 : 0));
    if (!constant || !steps ||
        !llvm::all_of(*constant, [&](int64_t length) { return length == *steps; }))
      cell.lengths = lengths;
  }
  FailureOr<SmallVector<Activation>> read =
      readActivations(op, context, activations, cell.directions);
  if (failed(read))
    return failure();
  cell.activations = *read;
  return cell;
}

static LogicalResult lowerLstm(nn::LstmOp op, LoweringContext &context) {
  FailureOr<Cell> cell = readCell(op, context, 4, {"Sigmoid", "Tanh", "Tanh"});
  if (failed(cell))
    return failure();
  cell->initialC = op.getInitialC();
  cell->peephole = op.getP();
  cell->lastC = op.getYC();
  return lowerCell(context, *cell, true, false, op.getInputForget() != 0, false);
}

static LogicalResult lowerGru(nn::GruOp op, LoweringContext &context) {
  FailureOr<Cell> cell = readCell(op, context, 3, {"Sigmoid", "Tanh"});
  if (failed(cell))
    return failure();
  return lowerCell(context, *cell, false, true, false, op.getLinearBeforeReset() != 0);
}

static LogicalResult lowerRnn(nn::RnnOp op, LoweringContext &context) {
  FailureOr<Cell> cell = readCell(op, context, 1, {"Tanh"});
  if (failed(cell))
    return failure();
  return lowerCell(context, *cell, false, false, false, false);
}

void secateur::lowering::attachRecurrentModels(MLIRContext *context) {
  attachLowering<nn::LstmOp, lowerLstm>(context);
  attachLowering<nn::GruOp, lowerGru>(context);
  attachLowering<nn::RnnOp, lowerRnn>(context);
}
