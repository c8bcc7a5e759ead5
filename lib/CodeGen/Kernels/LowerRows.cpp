//===- LowerRows.cpp - The kernels of softmax, norms and packing ------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Softmax and norms work on one row after the other, in passes over its vectors with
// a masked tail; tasks are ranges of rows. Sums have an order that depends on the
// row's length alone. A row may be overwritten by its result.
//===----------------------------------------------------------------------===//

#include "Epilogue.h"
#include "Lowerings.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

//===----------------------------------------------------------------------===//
// Passes over a row
//===----------------------------------------------------------------------===//

using Combine = llvm::function_ref<Value(Value, Value)>;

/// Folds the lanes of a vector, half against half.
static Value foldLanes(KernelBuilder &k, Value vector, Combine combine) {
  for (int64_t lanes = k.target.lanes(); lanes > 1; lanes /= 2) {
    SmallVector<int64_t> low = llvm::to_vector(llvm::seq<int64_t>(0, lanes / 2));
    SmallVector<int64_t> high = llvm::to_vector(llvm::seq<int64_t>(lanes / 2, lanes));
    Value a = vector::ShuffleOp::create(k.builder, k.loc, vector, vector, low);
    Value b = vector::ShuffleOp::create(k.builder, k.loc, vector, vector, high);
    vector = combine(a, b);
  }
  return vector::ExtractOp::create(k.builder, k.loc, vector, 0);
}

/// Calls `body` for the vectors of a row of `width`: whole ones with a null mask, then
/// the rest with one. It folds into an accumulator where `init` is one.
static Value forRow(KernelBuilder &k, Value width, Value init,
                    function_ref<Value(Value at, Value mask, Value sum)> body) {
  int64_t lanes = k.target.lanes();
  Value mainEnd = k.sub(width, k.rem(width, k.constant(lanes)));
  SmallVector<Value> start;
  if (init)
    start.push_back(init);
  auto step = [&](Value mask) {
    return [&, mask](Value at, ValueRange sums) {
      Value actual = mask ? k.maskBelow(k.sub(width, at)) : Value();
      Value sum = body(at, actual, init ? sums[0] : Value());
      return init ? SmallVector<Value>{sum} : SmallVector<Value>();
    };
  };
  SmallVector<Value> sums = k.loop(k.constant(0), mainEnd, lanes, start, step({}));
  sums = k.loop(mainEnd, width, lanes, sums, step(width));
  return init ? sums[0] : Value();
}

static Value loadRow(KernelBuilder &k, Value row, Value at, Value mask) {
  Value pointer = k.offset(row, at, k.f32());
  VectorType type = k.vectorOf(k.f32());
  return mask ? k.loadMasked(type, pointer, mask) : k.load(type, pointer);
}

static void storeRow(KernelBuilder &k, Value value, Value row, Value at, Value mask) {
  Value pointer = k.offset(row, at, k.f32());
  if (mask)
    k.storeMasked(value, pointer, mask);
  else
    k.store(value, pointer);
}

/// Lanes outside the mask become `other`.
static Value orElse(KernelBuilder &k, Value value, Value mask, double other) {
  return mask ? k.select(mask, value, k.splat(other)) : value;
}

static Value scalar(KernelBuilder &k, double value) {
  return arith::ConstantOp::create(k.builder, k.loc, k.builder.getF32FloatAttr(value));
}

//===----------------------------------------------------------------------===//
// The rows of an op
//===----------------------------------------------------------------------===//

/// Calls `kernel(x, y, operands.., width, extents.., x strides.., y strides.., begin,
/// end)` in parallel over rows; its body gets the two row pointers.
static void callRowKernel(
    KernelModule &kernels, Operation *op, Value input, Value init, ArrayRef<Value> operands,
    StringRef stem, StringRef key, int64_t workPerElement,
    function_ref<void(KernelBuilder &, Value x, Value y, ValueRange operands, Value width)> emit) {
  OpBuilder builder(op);
  KernelBuilder k(builder, op->getLoc(), kernels.target);
  SmallVector<Value> sizes = sizesOf(k, init);
  Value width = sizes.pop_back_val(), rows = k.constant(1);
  for (Value size : sizes)
    rows = k.mul(rows, size);
  auto isIdentity = [](Value value) {
    return cast<MemRefType>(value.getType()).getLayout().isIdentity();
  };
  // Rows that follow one another are one dimension.
  bool isFlat = isIdentity(input) && isIdentity(init);
  size_t dims = isFlat ? 1 : sizes.size();
  parallelOver(k, rows, k.mul(width, workPerElement), [&](Value begin, Value end) {
    BufferView x = viewOf(k, input), y = viewOf(k, init);
    SmallVector<Value> values{x.pointer, y.pointer};
    for (Value operand : operands)
      values.push_back(viewOf(k, operand).pointer);
    values.push_back(width);
    if (isFlat) {
      values.append({rows, width, width});
    } else {
      values.append(sizes);
      values.append(x.strides.begin(), x.strides.begin() + dims);
      values.append(y.strides.begin(), y.strides.begin() + dims);
    }
    values.append({begin, end});
    auto kernel = kernels.get(
        stem, llvm::formatv("{0}r{1}", key, dims).str(), ValueRange(values).getTypes(), k.loc,
        [&](KernelBuilder &inner, ValueRange own) {
          size_t first = 2 + operands.size();
          ValueRange extents = own.slice(first + 1, dims);
          inner.loop(own[own.size() - 2], own.back(), 1, [&](Value number) {
            SmallVector<Value> at = inner.decompose(number, extents);
            Value xRow =
                inner.offset(own[0], inner.dot(at, own.slice(first + 1 + dims, dims)), inner.f32());
            Value yRow = inner.offset(own[1], inner.dot(at, own.slice(first + 1 + 2 * dims, dims)),
                                      inner.f32());
            emit(inner, xRow, yRow, own.slice(2, operands.size()), own[first]);
          });
        });
    func::CallOp::create(k.builder, k.loc, kernel, values);
  });
}

static LogicalResult checkRows(Operation *op, ArrayRef<Value> values) {
  for (Value value : values)
    if (!cast<MemRefType>(value.getType()).getElementType().isF32() || !hasUnitInnerStride(value))
      return op->emitError() << op->getName()
                             << " has kernels for f32 with contiguous rows only, got "
                             << value.getType();
  return success();
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

static void emitSoftmax(KernelBuilder &k, Value x, Value y, Value width, bool isLog,
                        bool zeroEmpty) {
  auto add = [&](Value a, Value b) { return k.addf(a, b); };
  auto maximum = [&](Value a, Value b) { return k.maxf(a, b); };
  double lowest = -std::numeric_limits<double>::infinity();
  Value largest = forRow(k, width, k.splat(lowest), [&](Value at, Value mask, Value sum) {
    return k.maxf(orElse(k, loadRow(k, x, at, mask), mask, lowest), sum);
  });
  if (zeroEmpty) // -infinity minus this is still -infinity.
    largest = k.maxf(largest, k.splat(-std::numeric_limits<float>::max()));
  largest = k.splat(foldLanes(k, largest, maximum));
  Value sum = forRow(k, width, k.splat(0.0), [&](Value at, Value mask, Value sum) {
    Value power = k.exp(k.subf(loadRow(k, x, at, mask), largest));
    if (!isLog)
      storeRow(k, power, y, at, mask);
    return k.addf(sum, orElse(k, power, mask, 0.0));
  });
  Value total = foldLanes(k, sum, add);
  if (isLog) {
    Value shift = k.splat(math::LogOp::create(k.builder, k.loc, total));
    forRow(k, width, {}, [&](Value at, Value mask, Value) {
      storeRow(k, k.subf(k.subf(loadRow(k, x, at, mask), largest), shift), y, at, mask);
      return Value();
    });
    return;
  }
  Value inverse = arith::DivFOp::create(k.builder, k.loc, scalar(k, 1.0), total);
  if (zeroEmpty)
    inverse = k.select(
        arith::CmpFOp::create(k.builder, k.loc, arith::CmpFPredicate::OEQ, total, scalar(k, 0.0)),
        total, inverse);
  Value factor = k.splat(inverse);
  forRow(k, width, {}, [&](Value at, Value mask, Value) {
    storeRow(k, k.mulf(loadRow(k, y, at, mask), factor), y, at, mask);
    return Value();
  });
}

LogicalResult secateur::codegen::lowerSoftmax(KernelModule &kernels, kern::SoftmaxOp op) {
  if (failed(checkRows(op, {op.getInput(), op.getInit()})))
    return failure();
  bool isLog = op.getLog(), zeroEmpty = op.getZeroEmpty();
  callRowKernel(kernels, op, op.getInput(), op.getInit(), {}, "softmax",
                isLog       ? "log"
                : zeroEmpty ? "zero"
                            : "",
                16, [&](KernelBuilder &k, Value x, Value y, ValueRange, Value width) {
                  emitSoftmax(k, x, y, width, isLog, zeroEmpty);
                });
  return success();
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

namespace {
struct NormForm {
  kern::NormKind kind;
  bool hasScale, hasBias;
  double epsilon;
  std::optional<int64_t> count;
};
} // namespace

static void emitNorm(KernelBuilder &k, const NormForm &form, Value x, Value y, ValueRange operands,
                     Value width) {
  auto add = [&](Value a, Value b) { return k.addf(a, b); };
  auto toFloat = [&](Value value) {
    return arith::SIToFPOp::create(k.builder, k.loc, k.f32(), value).getResult();
  };
  auto divide = [&](Value a, Value b) {
    return arith::DivFOp::create(k.builder, k.loc, a, b).getResult();
  };
  bool isLayer = form.kind == kern::NormKind::Layer;
  Value count = toFloat(form.count ? k.constant(*form.count) : width);
  Value mean = scalar(k, 0.0);
  if (isLayer) {
    Value sum = forRow(k, width, k.splat(0.0), [&](Value at, Value mask, Value sum) {
      return k.addf(sum, loadRow(k, x, at, mask));
    });
    mean = divide(foldLanes(k, sum, add), count);
  }
  Value center = k.splat(mean);
  Value squares = forRow(k, width, k.splat(0.0), [&](Value at, Value mask, Value sum) {
    Value value = loadRow(k, x, at, mask);
    if (isLayer)
      value = orElse(k, k.subf(value, center), mask, 0.0);
    return k.fma(value, value, sum);
  });
  Value total = foldLanes(k, squares, add);
  if (isLayer && form.count) {
    // The missing positions hold zero: each is `mean` away from the mean.
    Value missing = toFloat(k.sub(k.constant(*form.count), width));
    total = k.addf(total, k.mulf(missing, k.mulf(mean, mean)));
  }
  Value variance = k.addf(divide(total, count), scalar(k, form.epsilon));
  Value factor = k.splat(divide(scalar(k, 1.0), math::SqrtOp::create(k.builder, k.loc, variance)));
  forRow(k, width, {}, [&](Value at, Value mask, Value) {
    Value value = loadRow(k, x, at, mask);
    if (isLayer)
      value = k.subf(value, center);
    value = k.mulf(value, factor);
    if (form.hasScale)
      value = k.mulf(value, loadRow(k, operands[0], at, mask));
    if (form.hasBias)
      value = k.addf(value, loadRow(k, operands[form.hasScale ? 1 : 0], at, mask));
    storeRow(k, value, y, at, mask);
    return Value();
  });
}

LogicalResult secateur::codegen::lowerNorm(KernelModule &kernels, kern::NormOp op) {
  SmallVector<Value> operands;
  for (Value operand : {op.getScale(), op.getBias()})
    if (operand)
      operands.push_back(operand);
  SmallVector<Value> all = operands;
  all.append({op.getInput(), op.getInit()});
  if (failed(checkRows(op, all)))
    return failure();
  NormForm form{op.getKind(), op.getScale() != nullptr, op.getBias() != nullptr,
                op.getEpsilon().convertToDouble(), op.getCount()};
  std::string key =
      llvm::formatv("{0}{1}{2}e{3:e}c{4}", stringifyNormKind(form.kind), form.hasScale ? "s" : "",
                    form.hasBias ? "b" : "", form.epsilon, form.count.value_or(0));
  callRowKernel(kernels, op, op.getInput(), op.getInit(), operands, "norm", key, 4,
                [&](KernelBuilder &k, Value x, Value y, ValueRange own, Value width) {
                  emitNorm(k, form, x, y, own, width);
                });
  return success();
}

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

LogicalResult secateur::codegen::lowerPack(KernelModule &kernels, kern::PackOp op) {
  auto input = cast<MemRefType>(op.getInput().getType()),
       init = cast<MemRefType>(op.getInit().getType());
  int64_t rank = input.getRank(), batch = op.getBatch();
  if (op.getPanel() == 0 || !init.getLayout().isIdentity() ||
      !input.getElementType().isIntOrFloat())
    return op.emitError("kern.pack needs panels and a contiguous destination");
  SmallVector<int64_t> order = op.getPermutation() ? llvm::to_vector(*op.getPermutation())
                                                   : llvm::to_vector(llvm::seq<int64_t>(0, rank));
  // One operand of an epilogue reads 16 columns just as we do here.
  EpilogueOperand columns;
  columns.element = input.getElementType();
  columns.columns = input.getStridesAndOffset().first[order.back()] == 1 ? ColumnAccess::Contiguous
                                                                         : ColumnAccess::Strided;
  int64_t lanes = kernels.target.lanes();
  OpBuilder builder(op);
  KernelBuilder k(builder, op.getLoc(), kernels.target);
  SmallVector<Value> sizes;
  for (int64_t dim : order)
    sizes.push_back(sizesOf(k, op.getInput())[dim]);
  Value panels = k.ceilDiv(sizes.back(), k.constant(kern::panelWidth)), count = panels,
        depth = k.constant(1);
  for (int64_t i = 0; i < rank - 1; ++i)
    (i < batch ? count : depth) = k.mul(i < batch ? count : depth, sizes[i]);
  parallelOver(k, count, k.mul(depth, kern::panelWidth), [&](Value begin, Value end) {
    BufferView from = viewOf(k, op.getInput()), to = viewOf(k, op.getInit());
    SmallVector<Value> values{from.pointer, to.pointer, depth, panels};
    values.append(sizes);
    for (int64_t dim : order)
      values.push_back(from.strides[dim]);
    values.append({begin, end});
    std::string key =
        llvm::formatv("{0}r{1}b{2}c{3}", columns.element, rank, batch, int(columns.columns));
    auto kernel = kernels.get(
        "pack", key, ValueRange(values).getTypes(), k.loc, [&](KernelBuilder &in, ValueRange own) {
          ValueRange extents = own.slice(4, rank), strides = own.slice(4 + rank, rank);
          SmallVector<Value> outer(extents.take_front(batch));
          outer.push_back(own[3]);
          in.loop(own[own.size() - 2], own.back(), 1, [&](Value task) {
            SmallVector<Value> at = in.decompose(task, outer);
            Value first = in.mul(at.pop_back_val(), kern::panelWidth);
            Value left = in.sub(extents.back(), first);
            Value base =
                in.add(in.dot(at, strides.take_front(batch)), in.mul(first, strides.back()));
            Value out =
                in.offset(own[1], in.mul(in.mul(task, own[2]), kern::panelWidth), columns.element);
            in.loop(in.constant(0), own[2], 1, [&](Value number) {
              SmallVector<Value> inner =
                  in.decompose(number, extents.slice(batch, rank - 1 - batch));
              Value elements = in.add(base, in.dot(inner, strides.slice(batch, rank - 1 - batch)));
              for (int64_t v = 0; v < kern::panelWidth / lanes; ++v) {
                Value mask = in.maskBelow(in.add(left, -v * lanes));
                Value at = in.add(elements, in.mul(in.constant(v * lanes), strides.back()));
                Value value = loadOperand(in, columns, in.offset(own[0], at, columns.element),
                                          strides.back(), mask);
                Value zero = arith::ConstantOp::create(in.builder, in.loc,
                                                       in.builder.getZeroAttr(value.getType()));
                Value to =
                    in.offset(in.offset(out, in.mul(number, kern::panelWidth), columns.element),
                              v * lanes, columns.element);
                in.store(in.select(mask, value, zero), to);
              }
            });
          });
        });
    func::CallOp::create(k.builder, k.loc, kernel, values);
  });
  return success();
}
