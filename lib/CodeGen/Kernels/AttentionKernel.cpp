//===- AttentionKernel.cpp - The kernel of attention ------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A tile is a few queries. It goes over the keys in blocks whose scores lie in a
// buffer on the stack: a register-tiled product makes them, their exponentials take
// their place, and a second product adds them, times the values, to the output. The
// largest score so far and the sum of exponentials are kept with each query; where a
// block has a larger score, what was summed up before is scaled down to it (Milakov
// and Gimelshein, 2018; Dao et al., 2022). Most models have one block: then the
// output is written once.
//===----------------------------------------------------------------------===//

#include "AttentionKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

static constexpr int64_t panel = kern::panelWidth;
static constexpr int64_t unroll = 4;
/// Keys of a block, a multiple of a panel: six queries' scores are 12 KiB.
static constexpr int64_t keysPerBlock = 512;
/// Queries of a task: enough to use keys and values from the cache again and again.
static constexpr int64_t rowsPerTask = 96;

std::string AttentionForm::key() const {
  return llvm::formatv("{0}{1}{2}{3}{4}{5}{6}|{7}", outerDims, packed ? "p" : "r",
                       int(queryColumns), int(keyColumns), int(valueColumns), int(outColumns),
                       zeroEmpty ? "z" : "", scores.key());
}

AttentionArguments::AttentionArguments(const AttentionForm &form) {
  size_t count = form.scores.operands.size();
  for (SmallVector<Value> *list : {&extras, &extraRow, &extraColumn})
    list->resize(count);
  extraOuter.assign(count, SmallVector<Value>(form.outerDims));
  for (SmallVector<Value> *list : {&outerExtents, &queryOuter, &keyOuter, &valueOuter, &outOuter})
    list->resize(form.outerDims);
}

void AttentionArguments::forEach(function_ref<void(Value &)> visit) {
  auto all = [&](SmallVector<Value> &list) {
    for (Value &value : list)
      visit(value);
  };
  for (Value *value : {&query, &keys, &values, &out})
    visit(*value);
  all(extras);
  for (Value *value : {&m, &n, &d, &e})
    visit(*value);
  for (SmallVector<Value> *list : {&outerExtents, &queryOuter, &keyOuter, &valueOuter, &outOuter})
    all(*list);
  for (Value *value : {&queryRow, &queryStep, &keyPanel, &keyStep, &keyColumn, &valueStep,
                       &valueColumn, &outRow, &outColumn})
    visit(*value);
  for (SmallVector<Value> &list : extraOuter)
    all(list);
  all(extraRow);
  all(extraColumn);
  for (Value *value : {&rowBlock, &begin, &end})
    visit(*value);
}

namespace {

class AttentionKernel {
public:
  AttentionKernel(KernelModule &kernels, KernelBuilder &k, const AttentionForm &form,
                  ValueRange values)
      : kernels(kernels), k(k), form(form), arg(form), f32(k.f32()), lanes(k.target.lanes()),
        vectorsPerPanel(panel / lanes) {
    size_t next = 0;
    arg.forEach([&](Value &value) { value = values[next++]; });
  }

  /// The kernel: shares out tasks.
  void emit();
  /// What it calls, with pointers at the outer position and `begin` and `end` the
  /// range of queries.
  void emitRows();

private:
  /// Queries from `m` on, and where their rows begin.
  struct Tile {
    int64_t rows;
    Value m;
    SmallVector<Value> query, out;
  };
  /// Of each query: the largest score in all lanes, and partial sums.
  struct State {
    SmallVector<Value> largest, sums;
  };

  void emitTask(Value task);
  void emitTile(int64_t rows, Value m);
  void computeScores(const Tile &tile, Value first, Value end);
  void scorePanels(const Tile &tile, Value first, Value column, int64_t panels, Value left);
  SmallVector<Value> exponentiate(const Tile &tile, Value width, State &state);
  void addValues(const Tile &tile, Value first, Value end, ArrayRef<Value> scales,
                 ArrayRef<Value> factors);
  void addValuePanels(const Tile &tile, Value first, Value end, ArrayRef<Value> scales,
                      ArrayRef<Value> factors, Value column, int64_t panels, bool masked);
  SmallVector<Value> multiply(ArrayRef<Value> rows, Value rowStep, Value length, int64_t vectors,
                              function_ref<Value(Value at, int64_t vector)> load,
                              SmallVector<Value> sums);

  Value scoreAt(int64_t row, Value column) {
    return k.offset(k.offset(scratch, row * keysPerBlock, f32), column, f32);
  }
  Value maskFor(Value left, int64_t vector) { return k.maskBelow(k.add(left, -vector * lanes)); }
  Value loadColumns(ColumnAccess access, Value pointer, Value stride, Value mask) {
    EpilogueOperand operand;
    operand.element = f32;
    operand.columns = access;
    return loadOperand(k, operand, pointer, stride, mask);
  }
  void storeColumns(Value value, Value pointer, Value mask);
  Value expBelowZero(Value x);
  Value foldMaximum(Value vector);

  KernelModule &kernels;
  KernelBuilder &k;
  const AttentionForm &form;
  AttentionArguments arg;
  Type f32;
  int64_t lanes, vectorsPerPanel;
  Value scratch;
};

} // namespace

//===----------------------------------------------------------------------===//
// Tasks and tiles
//===----------------------------------------------------------------------===//

void AttentionKernel::emit() {
  k.loop(arg.begin, arg.end, 1, [&](Value task) { emitTask(task); });
}

void AttentionKernel::emitTask(Value task) {
  AttentionArguments rows = arg;
  SmallVector<Value> extents = arg.outerExtents;
  extents.push_back(k.ceilDiv(arg.m, arg.rowBlock));
  SmallVector<Value> at = k.decompose(task, extents);
  rows.begin = k.mul(at.pop_back_val(), arg.rowBlock);
  rows.end = k.min(k.add(rows.begin, arg.rowBlock), arg.m);
  rows.query = k.offset(arg.query, k.dot(at, arg.queryOuter), f32);
  rows.keys = k.offset(arg.keys, k.dot(at, arg.keyOuter), f32);
  rows.values = k.offset(arg.values, k.dot(at, arg.valueOuter), f32);
  rows.out = k.offset(arg.out, k.dot(at, arg.outOuter), f32);
  for (auto [i, operand] : llvm::enumerate(form.scores.operands))
    rows.extras[i] = k.offset(arg.extras[i], k.dot(at, arg.extraOuter[i]), operand.element);
  SmallVector<Value> values;
  rows.forEach([&](Value &value) { values.push_back(value); });
  // A function of its own, as divisions lead to its arguments.
  auto kernel = kernels.get("attention_rows", form.key(), ValueRange(values).getTypes(), k.loc,
                            [&](KernelBuilder &inner, ValueRange own) {
                              AttentionKernel(kernels, inner, form, own).emitRows();
                            });
  func::CallOp::create(k.builder, k.loc, kernel, values);
}

void AttentionKernel::emitRows() {
  int64_t rows = k.target.tileRows();
  scratch = LLVM::AllocaOp::create(k.builder, k.loc, k.pointerType(), f32,
                                   k.constant(rows * keysPerBlock), /*alignment=*/64);
  Value rest = k.rem(k.sub(arg.end, arg.begin), k.constant(rows));
  Value mainEnd = k.sub(arg.end, rest);
  k.loop(arg.begin, mainEnd, rows, [&](Value m) { emitTile(rows, m); });
  // The rest in powers of two, by the bits of its number.
  for (int64_t size = llvm::PowerOf2Ceil(rows) / 2; size >= 1; size /= 2) {
    Value isSet = k.less(k.constant(0), k.land(rest, k.constant(size)));
    k.ifThen(isSet,
             [&] { emitTile(size, k.add(mainEnd, k.land(rest, k.constant(~(2 * size - 1))))); });
  }
}

void AttentionKernel::emitTile(int64_t rows, Value m) {
  Tile tile{rows, m, {}, {}};
  for (int64_t row = 0; row < rows; ++row) {
    Value number = k.add(m, row);
    tile.query.push_back(k.opaque(k.offset(arg.query, k.mul(number, arg.queryRow), f32)));
    tile.out.push_back(k.offset(arg.out, k.mul(number, arg.outRow), f32));
  }
  // No score is below this, but -infinity: its exponential is zero all the same.
  SmallVector<Value> state(rows, k.splat(-std::numeric_limits<float>::max()));
  state.append(rows, k.splat(0.0));
  // Without keys, one empty block still writes the output.
  Value blocksEnd = k.max(arg.n, k.constant(1));
  k.loop(k.constant(0), blocksEnd, keysPerBlock, state, [&](Value first, ValueRange values) {
    State now{SmallVector<Value>(values.take_front(rows)),
              SmallVector<Value>(values.take_back(rows))};
    Value end = k.min(k.add(first, keysPerBlock), arg.n);
    computeScores(tile, first, end);
    SmallVector<Value> scales = exponentiate(tile, k.sub(end, first), now);
    // The last block divides by the sum.
    Value isLast = k.lessEqual(blocksEnd, k.add(first, keysPerBlock));
    Value one = arith::ConstantOp::create(k.builder, k.loc, k.builder.getF32FloatAttr(1.0));
    Value zero = arith::ConstantOp::create(k.builder, k.loc, k.builder.getF32FloatAttr(0.0));
    SmallVector<Value> factors;
    for (Value sums : now.sums) {
      Value sum = vector::ReductionOp::create(k.builder, k.loc, vector::CombiningKind::ADD, sums,
                                              arith::FastMathFlags::reassoc);
      Value inverse = arith::DivFOp::create(k.builder, k.loc, one, sum);
      if (form.zeroEmpty)
        inverse =
            k.select(arith::CmpFOp::create(k.builder, k.loc, arith::CmpFPredicate::OEQ, sum, zero),
                     zero, inverse);
      inverse = k.select(k.equal(arg.n, k.constant(0)), one, inverse);
      factors.push_back(k.splat(k.select(isLast, inverse, one)));
    }
    addValues(tile, first, end, scales, factors);
    SmallVector<Value> next = now.largest;
    next.append(now.sums);
    return next;
  });
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// sums[row, vector] += rows[row][at * rowStep] * load(at, vector), for `at` below
/// `length`. Without a step, elements of rows are neighbours.
SmallVector<Value> AttentionKernel::multiply(ArrayRef<Value> rows, Value rowStep, Value length,
                                             int64_t vectors,
                                             function_ref<Value(Value, int64_t)> load,
                                             SmallVector<Value> sums) {
  auto step = [&](Value at, int64_t steps, ValueRange old) {
    SmallVector<Value> result(old);
    for (int64_t s = 0; s < steps; ++s) {
      Value position = k.add(at, s);
      SmallVector<Value> columns;
      for (int64_t v = 0; v < vectors; ++v)
        columns.push_back(load(position, v));
      for (size_t row = 0; row < rows.size(); ++row) {
        Value pointer = rowStep ? k.offset(rows[row], k.mul(position, rowStep), f32)
                                : k.offset(k.offset(rows[row], at, f32), s, f32);
        Value x = k.splat(k.load(f32, pointer));
        for (int64_t v = 0; v < vectors; ++v)
          result[row * vectors + v] = k.fma(x, columns[v], result[row * vectors + v]);
      }
    }
    return result;
  };
  Value mainEnd = k.sub(length, k.rem(length, k.constant(unroll)));
  sums = k.loop(k.constant(0), mainEnd, unroll, sums,
                [&](Value at, ValueRange old) { return step(at, unroll, old); });
  return k.loop(mainEnd, length, 1, sums,
                [&](Value at, ValueRange old) { return step(at, 1, old); });
}

/// The scores of keys [first, end) into the buffer.
void AttentionKernel::computeScores(const Tile &tile, Value first, Value end) {
  int64_t wide = k.target.tilePanels() * panel;
  Value count = k.sub(end, first);
  Value mainEnd = wide > panel ? k.sub(count, k.rem(count, k.constant(wide))) : k.constant(0);
  if (wide > panel)
    k.loop(k.constant(0), mainEnd, wide,
           [&](Value column) { scorePanels(tile, first, column, wide / panel, {}); });
  k.loop(mainEnd, count, panel,
         [&](Value column) { scorePanels(tile, first, column, 1, k.sub(count, column)); });
}

/// The scores of `panels` panels from `column` of the block that begins at key `first`.
/// With `left`, that many columns are there; the others become -infinity.
void AttentionKernel::scorePanels(const Tile &tile, Value first, Value column, int64_t panels,
                                  Value left) {
  int64_t vectors = panels * vectorsPerPanel;
  Value key = k.add(first, column);
  SmallVector<Value> masks(vectors);
  for (int64_t v = 0; v < vectors && left; ++v)
    masks[v] = maskFor(left, v);
  SmallVector<Value> bases;
  for (int64_t p = 0; p < panels; ++p) {
    Value start = form.packed ? k.mul(k.add(k.div(key, k.constant(panel)), p), arg.keyPanel)
                              : k.mul(k.add(key, p * panel), arg.keyColumn);
    bases.push_back(k.offset(arg.keys, start, f32));
  }
  auto load = [&](Value at, int64_t v) {
    Value base = bases[v / vectorsPerPanel];
    int64_t lane = v % vectorsPerPanel * lanes;
    VectorType type = k.vectorOf(f32);
    if (form.packed)
      return k.load(type, k.offset(k.offset(base, k.mul(at, panel), f32), lane, f32));
    Value pointer = k.offset(base, k.mul(at, arg.keyStep), f32);
    pointer = k.offset(pointer, k.mul(arg.keyColumn, lane), f32);
    return loadColumns(form.keyColumns, pointer, arg.keyColumn, masks[v]);
  };
  SmallVector<Value> sums(tile.rows * vectors, k.splat(0.0));
  Value step = form.queryColumns == ColumnAccess::Contiguous ? Value() : arg.queryStep;
  sums = multiply(tile.query, step, arg.d, vectors, load, sums);

  for (int64_t row = 0; row < tile.rows; ++row)
    for (int64_t v = 0; v < vectors; ++v) {
      SmallVector<Value> values{sums[row * vectors + v]};
      for (auto [i, operand] : llvm::enumerate(form.scores.operands)) {
        Value pointer =
            k.offset(arg.extras[i], k.mul(k.add(tile.m, row), arg.extraRow[i]), operand.element);
        Value at = k.mul(k.add(key, v * lanes), arg.extraColumn[i]);
        values.push_back(loadOperand(k, operand, k.offset(pointer, at, operand.element),
                                     arg.extraColumn[i], masks[v]));
      }
      Value score = form.scores.emit(k, values);
      if (masks[v])
        score = k.select(masks[v], score, k.splat(-std::numeric_limits<double>::infinity()));
      k.store(score, k.offset(scoreAt(row, column), v * lanes, f32));
    }
}

void AttentionKernel::addValues(const Tile &tile, Value first, Value end, ArrayRef<Value> scales,
                                ArrayRef<Value> factors) {
  int64_t wide = k.target.tilePanels();
  Value mainEnd = k.constant(0);
  for (; wide > 1; wide /= 2) {
    Value begin = mainEnd;
    mainEnd = k.sub(arg.e, k.rem(arg.e, k.constant(wide * panel)));
    k.loop(begin, mainEnd, wide * panel, [&](Value column) {
      addValuePanels(tile, first, end, scales, factors, column, wide, /*masked=*/false);
    });
  }
  k.loop(mainEnd, arg.e, panel, [&](Value column) {
    addValuePanels(tile, first, end, scales, factors, column, 1, /*masked=*/true);
  });
}

void AttentionKernel::addValuePanels(const Tile &tile, Value first, Value end,
                                     ArrayRef<Value> scales, ArrayRef<Value> factors, Value column,
                                     int64_t panels, bool masked) {
  int64_t vectors = panels * vectorsPerPanel;
  SmallVector<Value> masks(vectors);
  for (int64_t v = 0; v < vectors && masked; ++v)
    masks[v] = maskFor(k.sub(arg.e, column), v);
  auto columnAt = [&](Value pointer, int64_t v, Value stride) {
    return k.offset(pointer, k.mul(k.add(column, v * lanes), stride), f32);
  };
  Value isFirst = k.equal(first, k.constant(0));
  SmallVector<Value> sums, probabilities;
  for (int64_t row = 0; row < tile.rows; ++row) {
    probabilities.push_back(scoreAt(row, k.constant(0)));
    for (int64_t v = 0; v < vectors; ++v) {
      Value old = loadColumns(form.outColumns, columnAt(tile.out[row], v, arg.outColumn),
                              arg.outColumn, masks[v]);
      sums.push_back(k.select(isFirst, k.splat(0.0), k.mulf(old, scales[row])));
    }
  }
  auto load = [&](Value at, int64_t v) {
    Value pointer = k.offset(arg.values, k.mul(k.add(first, at), arg.valueStep), f32);
    return loadColumns(form.valueColumns, columnAt(pointer, v, arg.valueColumn), arg.valueColumn,
                       masks[v]);
  };
  sums = multiply(probabilities, {}, k.sub(end, first), vectors, load, sums);
  for (int64_t row = 0; row < tile.rows; ++row)
    for (int64_t v = 0; v < vectors; ++v)
      storeColumns(k.mulf(sums[row * vectors + v], factors[row]),
                   columnAt(tile.out[row], v, arg.outColumn), masks[v]);
}

void AttentionKernel::storeColumns(Value value, Value pointer, Value mask) {
  if (form.outColumns == ColumnAccess::Contiguous) {
    if (mask)
      k.storeMasked(value, pointer, mask);
    else
      k.store(value, pointer);
    return;
  }
  for (int64_t lane = 0; lane < lanes; ++lane) {
    auto store = [&] {
      Value scalar = vector::ExtractOp::create(k.builder, k.loc, value, lane);
      k.store(scalar, k.offset(pointer, k.mul(arg.outColumn, lane), f32));
    };
    if (mask)
      k.ifThen(vector::ExtractOp::create(k.builder, k.loc, mask, lane), store);
    else
      store();
  }
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

/// exp(x) for x <= 0, within 2 units in the last place; 0 below -87. NaN stays NaN.
Value AttentionKernel::expBelowZero(Value x) {
  // As KernelBuilder::exp, without the care for subnormal results.
  VectorType integers = k.vectorOf(k.builder.getI32Type());
  auto integer = [&](int32_t value) {
    return arith::ConstantOp::create(k.builder, k.loc, DenseElementsAttr::get(integers, value))
        .getResult();
  };
  Value magic = k.splat(12582912.0);
  Value rounded = k.fma(x, k.splat(1.44269504088896341), magic);
  Value n = k.subf(rounded, magic);
  Value r = k.fma(n, k.splat(-0.693145751953125), x);
  r = k.fma(n, k.splat(-1.42860682030941723212e-6), r);
  Value p = k.splat(1.9875691500e-4);
  for (double c :
       {1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1})
    p = k.fma(p, r, k.splat(c));
  p = k.addf(k.fma(k.mulf(r, r), p, r), k.splat(1.0));
  Value bits = arith::BitcastOp::create(k.builder, k.loc, integers, rounded);
  Value power = arith::ShLIOp::create(
      k.builder, k.loc, arith::AddIOp::create(k.builder, k.loc, bits, integer(127)), integer(23));
  power = arith::BitcastOp::create(k.builder, k.loc, k.vectorOf(f32), power);
  Value tiny =
      arith::CmpFOp::create(k.builder, k.loc, arith::CmpFPredicate::OLT, x, k.splat(-87.0));
  return k.select(tiny, k.splat(0.0), k.mulf(p, power));
}

/// The largest lane, in all lanes.
Value AttentionKernel::foldMaximum(Value vector) {
  for (int64_t distance = lanes / 2; distance >= 1; distance /= 2) {
    SmallVector<int64_t> order;
    for (int64_t lane = 0; lane < lanes; ++lane)
      order.push_back(lane ^ distance);
    Value other = vector::ShuffleOp::create(k.builder, k.loc, vector, vector, order);
    vector = k.maxf(vector, other);
  }
  return vector;
}

/// Puts exponentials in place of the scores and brings `state` up to date; returns
/// what the sums of earlier blocks were multiplied by.
SmallVector<Value> AttentionKernel::exponentiate(const Tile &tile, Value width, State &state) {
  SmallVector<Value> scales;
  VectorType type = k.vectorOf(f32);
  for (int64_t row = 0; row < tile.rows; ++row) {
    Value largest = k.loop(k.constant(0), width, lanes, state.largest[row],
                           [&](Value at, ValueRange values) -> SmallVector<Value> {
                             return {k.maxf(k.load(type, scoreAt(row, at)), values[0])};
                           })[0];
    largest = foldMaximum(largest);
    Value scale = expBelowZero(k.subf(state.largest[row], largest));
    scales.push_back(scale);
    state.largest[row] = largest;
    state.sums[row] = k.loop(k.constant(0), width, lanes, k.mulf(state.sums[row], scale),
                             [&](Value at, ValueRange values) -> SmallVector<Value> {
                               Value pointer = scoreAt(row, at);
                               Value power = expBelowZero(k.subf(k.load(type, pointer), largest));
                               k.store(power, pointer);
                               return {k.addf(values[0], power)};
                             })[0];
  }
  return scales;
}

//===----------------------------------------------------------------------===//
// The call
//===----------------------------------------------------------------------===//

void secateur::codegen::callAttentionKernel(KernelModule &kernels, KernelBuilder &k,
                                            const AttentionForm &form,
                                            const AttentionArguments &extents,
                                            function_ref<void(AttentionArguments &)> prepare) {
  int64_t tileRows = k.target.tileRows();
  // Blocks of nearly equal size, whole tiles.
  Value blocks = k.max(k.ceilDiv(extents.m, k.constant(rowsPerTask)), k.constant(1));
  Value rowBlock = k.mul(k.ceilDiv(k.ceilDiv(extents.m, blocks), k.constant(tileRows)), tileRows);
  rowBlock = k.max(rowBlock, k.constant(tileRows));
  Value count = k.ceilDiv(extents.m, rowBlock);
  for (Value extent : extents.outerExtents)
    count = k.mul(count, extent);
  Value depth = k.add(k.add(extents.d, extents.e), 16);
  // Counted as for the matrix kernel: four multiplications are one operation.
  Value work = k.div(k.mul(k.mul(k.min(rowBlock, extents.m), extents.n), depth), k.constant(4));
  parallelOver(k, count, work, [&](Value begin, Value end) {
    AttentionArguments arguments = extents;
    prepare(arguments);
    arguments.rowBlock = rowBlock;
    arguments.begin = begin;
    arguments.end = end;
    SmallVector<Value> values;
    arguments.forEach([&](Value &value) { values.push_back(value); });
    auto kernel = kernels.get("attention", form.key(), ValueRange(values).getTypes(), k.loc,
                              [&](KernelBuilder &inner, ValueRange own) {
                                AttentionKernel(kernels, inner, form, own).emit();
                              });
    func::CallOp::create(k.builder, k.loc, kernel, values);
  });
}
