//===- Selection.cpp - Lowering of NonMaxSuppression and Unique ---------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// How many results there are is told by the data: they are written one after the other
// into a table that has room for all, and the rest of it is cut off.

#include "Loops.h"
#include "Models.h"
#include "Scalars.h"

#include "secateur/Analysis/SymbolicShapes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

/// Loops over 0 .. count - 1, carrying values.
static SmallVector<Value> loop(ImplicitLocOpBuilder &b, Value count, ValueRange start,
                               function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  Value zero = arith::ConstantIndexOp::create(b, 0), one = arith::ConstantIndexOp::create(b, 1);
  auto made = scf::ForOp::create(b, zero, count, one, start);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(made.getBody());
  SmallVector<Value> next = body(made.getInductionVar(), made.getRegionIterArgs());
  scf::YieldOp::create(b, next);
  return SmallVector<Value>(made.getResults());
}

static Value readIndex(ImplicitLocOpBuilder &b, Value tensor, ValueRange at) {
  return arith::IndexCastOp::create(b, b.getIndexType(), tensor::ExtractOp::create(b, tensor, at));
}

static Value asInteger(ImplicitLocOpBuilder &b, Value index) {
  return arith::IndexCastOp::create(b, b.getI64Type(), index);
}

/// The first `count` rows.
static Value firstRows(ImplicitLocOpBuilder &b, Value table, Value count) {
  auto type = cast<RankedTensorType>(table.getType());
  SmallVector<OpFoldResult> offsets(type.getRank(), b.getIndexAttr(0)),
      steps(type.getRank(), b.getIndexAttr(1)), sizes = tensor::getMixedSizes(b, b.getLoc(), table);
  sizes[0] = count;
  return tensor::ExtractSliceOp::create(b, table, offsets, sizes, steps);
}

//===----------------------------------------------------------------------===//
// NonMaxSuppression
//===----------------------------------------------------------------------===//

namespace {
/// The operands of a suppression.
struct Boxes {
  Value boxes, scores; // [B, N, 4], [B, C, N]
  bool centers;
  Value overlap, least; // f32; `least` may be null
};
} // namespace

/// Lower and upper end along x (0) or y (1) of one box.
static std::pair<Value, Value> endsOf(ImplicitLocOpBuilder &b, const Boxes &from, Value batch,
                                      Value box, int64_t axis) {
  Scalars f(b, b.getF32Type(), ScalarKind::Float);
  auto read = [&](int64_t column) {
    Value place = arith::ConstantIndexOp::create(b, column);
    return Value(tensor::ExtractOp::create(b, from.boxes, ValueRange{batch, box, place}));
  };
  if (from.centers) { // [x, y, width, height]
    Value center = read(axis), half = f.div(read(axis + 2), f.number(2));
    return {f.sub(center, half), f.add(center, half)};
  }
  Value one = read(1 - axis), other = read(3 - axis); // [y1, x1, y2, x2]
  return {f.min(one, other), f.max(one, other)};
}

/// Whether two boxes overlap by more than the threshold.
static Value overlaps(ImplicitLocOpBuilder &b, const Boxes &from, Value batch, Value left,
                      Value right) {
  Scalars f(b, b.getF32Type(), ScalarKind::Float);
  Value common = f.number(1), first = f.number(1), second = f.number(1), zero = f.number(0);
  for (int64_t axis : {0, 1}) {
    auto [low, high] = endsOf(b, from, batch, left, axis);
    auto [otherLow, otherHigh] = endsOf(b, from, batch, right, axis);
    Value shared = f.sub(f.min(high, otherHigh), f.max(low, otherLow));
    common = f.mul(common, f.max(shared, zero));
    first = f.mul(first, f.sub(high, low));
    second = f.mul(second, f.sub(otherHigh, otherLow));
  }
  Value either = f.sub(f.add(first, second), common);
  Value flat = arith::OrIOp::create(b, f.lessOrEqual(first, zero), f.lessOrEqual(second, zero));
  flat = arith::OrIOp::create(b, flat, f.lessOrEqual(either, zero));
  Value ratio = f.div(common, f.select(flat, f.number(1), either));
  Value no = arith::ConstantOp::create(b, b.getBoolAttr(false));
  return arith::SelectOp::create(b, flat, no, f.less(from.overlap, ratio));
}

/// Takes the best box that is left, and those away that overlap it, as often as allowed.
static LogicalResult lowerSuppression(nn::NonMaxSuppressionOp op, LoweringContext &context) {
  ImplicitLocOpBuilder &b = context.b;
  Scalars f(b, b.getF32Type(), ScalarKind::Float);
  if (context.rank(op.getBoxes()) != 3 || context.rank(op.getScores()) != 3)
    return context.unsupported(op, "its boxes or scores do not have 3 axes");
  auto scalar = [&](Value value) {
    SmallVector<Value> at(context.rank(value), context.index(0));
    return Value(tensor::ExtractOp::create(b, context.get(value), at));
  };
  Boxes from{context.get(op.getBoxes()), context.get(op.getScores()), op.getCenterPointBox() != 0,
             op.getIouThreshold() ? scalar(op.getIouThreshold()) : f.number(0),
             op.getScoreThreshold() ? scalar(op.getScoreThreshold()) : Value()};
  Value batches = context.index(context.dim(op.getScores(), 0)),
        classes = context.index(context.dim(op.getScores(), 1)),
        boxes = context.index(context.dim(op.getScores(), 2));
  Value zero = context.index(0), one = context.index(1), none = context.index(-1);
  Value limit = op.getMaxOutputBoxesPerClass()
                    ? Value(arith::IndexCastOp::create(b, b.getIndexType(),
                                                       scalar(op.getMaxOutputBoxesPerClass())))
                    : zero;
  limit = arith::MinSIOp::create(b, arith::MaxSIOp::create(b, limit, zero), boxes);
  Value room = arith::MulIOp::create(b, arith::MulIOp::create(b, batches, classes), limit);
  // One row more than there can be, so that something can always be written.
  room = arith::AddIOp::create(b, room, one);
  Value table =
      tensor::EmptyOp::create(b, ArrayRef<OpFoldResult>{room, b.getIndexAttr(3)}, b.getI64Type());
  Value alive = tensor::EmptyOp::create(b, ArrayRef<OpFoldResult>{boxes}, b.getI8Type());
  Value yes = arith::ConstantOp::create(b, b.getI8IntegerAttr(1)),
        no = arith::ConstantOp::create(b, b.getI8IntegerAttr(0));

  // Carried: the table, who is alive, how many were taken.
  auto takeBest = [&](Value batch, Value kind, ValueRange state) -> SmallVector<Value> {
    Value best = loop(b, boxes, {none}, [&](Value box, ValueRange carried) -> SmallVector<Value> {
      Value score = tensor::ExtractOp::create(b, from.scores, ValueRange{batch, kind, box});
      Value isAlive = LoweringContext::toScalar(
          b, tensor::ExtractOp::create(b, state[1], ValueRange{box}), ScalarKind::Bool);
      Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, carried[0], zero);
      Value holder = arith::MaxSIOp::create(b, carried[0], zero);
      Value held = tensor::ExtractOp::create(b, from.scores, ValueRange{batch, kind, holder});
      Value better = arith::OrIOp::create(b, isFirst, f.less(held, score));
      better = arith::AndIOp::create(b, better, isAlive);
      if (from.least)
        better = arith::AndIOp::create(b, better, f.less(from.least, score));
      return {arith::SelectOp::create(b, better, box, carried[0])};
    })[0];
    Value found = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, best, zero);
    Value taken = arith::MaxSIOp::create(b, best, zero), current = state[0];
    for (auto [column, value] : llvm::enumerate(ArrayRef<Value>{batch, kind, taken}))
      current = tensor::InsertOp::create(b, asInteger(b, value), current,
                                         ValueRange{state[2], context.index(int64_t(column))});
    // Nobody is left where nothing was found: later rounds have nothing to do.
    Value rest =
        loop(b, boxes, {state[1]}, [&](Value box, ValueRange carried) -> SmallVector<Value> {
          Value self = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, box, taken);
          Value gone = arith::OrIOp::create(b, self, overlaps(b, from, batch, taken, box));
          Value before = tensor::ExtractOp::create(b, carried[0], ValueRange{box});
          Value after = arith::SelectOp::create(b, gone, no, before);
          return {tensor::InsertOp::create(b, after, carried[0], ValueRange{box})};
        })[0];
    Value more = arith::AddIOp::create(b, state[2], one);
    return {current, rest, arith::SelectOp::create(b, found, more, state[2])};
  };
  SmallVector<Value> done = loop(
      b, batches, {table, alive, zero}, [&](Value batch, ValueRange outer) -> SmallVector<Value> {
        return loop(b, classes, outer, [&](Value kind, ValueRange state) -> SmallVector<Value> {
          Value all =
              loop(b, boxes, {state[1]}, [&](Value box, ValueRange carried) -> SmallVector<Value> {
                return {tensor::InsertOp::create(b, yes, carried[0], ValueRange{box})};
              })[0];
          return loop(b, limit, {state[0], all, state[2]},
                      [&](Value, ValueRange inner) { return takeBest(batch, kind, inner); });
        });
      });
  context.set(op.getSelectedIndices(), firstRows(b, done[0], done[2]));
  return success();
}

//===----------------------------------------------------------------------===//
// Unique
//===----------------------------------------------------------------------===//

/// Rows [n, m] in lexicographic order: -1, 0 or 1 as an index.
static Value compareRows(ImplicitLocOpBuilder &b, Value rows, ScalarKind kind, Value width,
                         Value left, Value right) {
  Value zero = arith::ConstantIndexOp::create(b, 0), one = arith::ConstantIndexOp::create(b, 1),
        minus = arith::ConstantIndexOp::create(b, -1);
  return loop(b, width, {zero}, [&](Value column, ValueRange carried) -> SmallVector<Value> {
    Value x = tensor::ExtractOp::create(b, rows, ValueRange{left, column}),
          y = tensor::ExtractOp::create(b, rows, ValueRange{right, column});
    Scalars s(b, x.getType(), kind == ScalarKind::Bool ? ScalarKind::Unsigned : kind);
    Value here = arith::SelectOp::create(b, s.less(x, y), minus,
                                         arith::SelectOp::create(b, s.less(y, x), one, zero));
    Value open = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, carried[0], zero);
    return {arith::SelectOp::create(b, open, here, carried[0])};
  })[0];
}

static LogicalResult lowerUnique(nn::UniqueOp op, LoweringContext &context) {
  ImplicitLocOpBuilder &b = context.b;
  Value input = op.getX();
  SmallVector<Dim> dims(context.shape(input)), rowDims;
  ScalarKind kind = LoweringContext::kindOf(input);
  // Rows are what is compared: elements, or slices along the axis.
  Value rows = context.get(input);
  int64_t rank = dims.size(), axis = 0;
  SmallVector<int64_t> toFront;
  SmallVector<Dim> moved = dims;
  if (op.getAxis()) {
    axis = frontAxis(*op.getAxis(), rank);
    toFront = llvm::to_vector(llvm::seq<int64_t>(0, rank));
    std::rotate(toFront.begin(), toFront.begin() + axis, toFront.begin() + axis + 1);
    rows = context.transpose(rows, toFront, dims);
    std::rotate(moved.begin(), moved.begin() + axis, moved.begin() + axis + 1);
  }
  Dim count = context.constantDim(1), width = count;
  for (auto [index, dim] : llvm::enumerate(moved))
    if (op.getAxis() && index > 0)
      width = width * dim;
    else
      count = count * dim;
  count = context.symbols.simplify(count);
  width = context.symbols.simplify(width);
  rows = context.reshape(rows, moved, {count, width});
  Value n = context.index(count), m = context.index(width);
  Value zero = context.index(0), one = context.index(1);
  auto compare = [&](Value left, Value right, arith::CmpIPredicate predicate) {
    return Value(
        arith::CmpIOp::create(b, predicate, compareRows(b, rows, kind, m, left, right), zero));
  };
  auto integers = [&] {
    return Value(tensor::EmptyOp::create(b, ArrayRef<OpFoldResult>{n}, b.getI64Type()));
  };
  auto put = [&](Value tensor, Value at, Value index) {
    return Value(tensor::InsertOp::create(b, asInteger(b, index), tensor, ValueRange{at}));
  };

  // The first row that equals each row, and how many of those first ones there are.
  SmallVector<Value> firsts =
      loop(b, n, {integers(), zero}, [&](Value i, ValueRange state) -> SmallVector<Value> {
        Value first = loop(b, i, {i}, [&](Value j, ValueRange carried) -> SmallVector<Value> {
          Value open = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, carried[0], i);
          Value takes = arith::AndIOp::create(b, open, compare(j, i, arith::CmpIPredicate::eq));
          return {arith::SelectOp::create(b, takes, j, carried[0])};
        })[0];
        Value isNew = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, first, i);
        Value more = arith::AddIOp::create(b, state[1], one);
        return {put(state[0], i, first), arith::SelectOp::create(b, isNew, more, state[1])};
      });
  auto isFirst = [&](Value i) {
    return Value(arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                       readIndex(b, firsts[0], ValueRange{i}), i));
  };
  // The place of each in the result: how many first ones come before its first one.
  Value places = loop(b, n, {integers()}, [&](Value i, ValueRange state) -> SmallVector<Value> {
    Value first = readIndex(b, firsts[0], ValueRange{i});
    Value place = loop(b, n, {zero}, [&](Value j, ValueRange carried) -> SmallVector<Value> {
      Value before = op.getSorted()
                         ? compare(j, first, arith::CmpIPredicate::slt)
                         : Value(arith::CmpIOp::create(b, arith::CmpIPredicate::slt, j, first));
      before = arith::AndIOp::create(b, before, isFirst(j));
      Value more = arith::AddIOp::create(b, carried[0], one);
      return {arith::SelectOp::create(b, before, more, carried[0])};
    })[0];
    return {put(state[0], i, place)};
  })[0];
  // Where each result comes from, and how often it is there.
  SmallVector<Value> found =
      loop(b, n, {integers(), integers()}, [&](Value i, ValueRange state) -> SmallVector<Value> {
        Value place = readIndex(b, places, ValueRange{i});
        Value isNew = isFirst(i);
        Value source = readIndex(b, state[0], ValueRange{place});
        Value times =
            arith::SelectOp::create(b, isNew, zero, readIndex(b, state[1], ValueRange{place}));
        return {put(state[0], place, arith::SelectOp::create(b, isNew, i, source)),
                put(state[1], place, arith::AddIOp::create(b, times, one))};
      });
  Value sources = firstRows(b, found[0], firsts[1]);

  auto used = [](Value value) { return value && !value.use_empty(); };
  // The result first: its size is that of the others.
  Type stored = cast<RankedTensorType>(rows.getType()).getElementType();
  SmallVector<OpFoldResult> sizes;
  if (op.getAxis())
    sizes = context.sizes(dims);
  else
    sizes.resize(1);
  sizes[axis] = firsts[1];
  SmallVector<Value> extents =
      llvm::map_to_vector(sizes, [&](OpFoldResult size) { return context.index(size); });
  Value values = loopNest(b, extents, tensor::EmptyOp::create(b, sizes, stored),
                          [&](ImplicitLocOpBuilder &, ValueRange at, Value current) -> Value {
                            Value column = zero;
                            for (auto [position, index] : llvm::enumerate(at))
                              if (static_cast<int64_t>(position) != axis)
                                column = arith::AddIOp::create(
                                    b, arith::MulIOp::create(b, column, extents[position]), index);
                            Value row = readIndex(b, sources, ValueRange{at[axis]});
                            Value element =
                                tensor::ExtractOp::create(b, rows, ValueRange{row, column});
                            return tensor::InsertOp::create(b, element, current, at);
                          });
  context.set(op.getY(), values);
  if (used(op.getIndices()))
    context.set(op.getIndices(), sources);
  if (used(op.getInverseIndices()))
    context.set(op.getInverseIndices(), places);
  if (used(op.getCounts()))
    context.set(op.getCounts(), firstRows(b, found[1], firsts[1]));
  return success();
}

void secateur::lowering::attachSelectionModels(MLIRContext *context) {
  attachLowering<nn::NonMaxSuppressionOp, lowerSuppression>(context);
  attachLowering<nn::UniqueOp, lowerUnique>(context);
}
