//===- LowerDepthwise.cpp - The kernel of depthwise convolutions ------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A tile is a few output pixels of one vector of channels. Each input vector is loaded
// once and goes to all the pixels that it touches. Taps, strides and dilations are in
// the kernel's form. A tile on an edge of the image is the same code with addresses
// that go to a buffer of zeros for what lies outside.
//===----------------------------------------------------------------------===//

#include "Epilogue.h"
#include "Lowerings.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

namespace {

struct DepthwiseForm {
  int64_t tapsY, tapsX, strideY, strideX, dilationY, dilationX;
  EpilogueForm epilogue;

  std::string key() const {
    return llvm::formatv("{0}x{1}s{2}x{3}d{4}x{5}|{6}", tapsY, tapsX, strideY, strideX, dilationY,
                         dilationX, epilogue.key());
  }
};

struct DepthwiseArguments {
  explicit DepthwiseArguments(const DepthwiseForm &form) {
    size_t count = form.epilogue.operands.size();
    extras.resize(count);
    extraChannel.resize(count);
    extraStrides.assign(count, SmallVector<Value>(3));
  }

  Value x, w, y;
  SmallVector<Value> extras;
  Value channels, height, width, outHeight, outWidth, padTop, padLeft;
  /// Strides of image, row and column.
  SmallVector<Value> xStrides = SmallVector<Value>(3), yStrides = SmallVector<Value>(3);
  SmallVector<SmallVector<Value>> extraStrides;
  SmallVector<Value> extraChannel;
  Value begin, end;

  void forEach(function_ref<void(Value &)> visit) {
    for (Value *value : {&x, &w, &y})
      visit(*value);
    for (Value &value : extras)
      visit(value);
    for (Value *value : {&channels, &height, &width, &outHeight, &outWidth, &padTop, &padLeft})
      visit(*value);
    for (SmallVector<Value> *list : {&xStrides, &yStrides})
      for (Value &value : *list)
        visit(value);
    for (SmallVector<Value> &list : extraStrides)
      for (Value &value : list)
        visit(value);
    for (Value &value : extraChannel)
      visit(value);
    visit(begin);
    visit(end);
  }
};

class DepthwiseKernel {
public:
  DepthwiseKernel(KernelModule &kernels, KernelBuilder &k, const DepthwiseForm &form,
                  ValueRange values)
      : kernels(kernels), k(k), form(form), arg(form), f32(k.f32()), vectorType(k.vectorOf(f32)),
        // Few accumulators: LLVM schedules larger tiles into spills.
        tileRows(rowsOf(form)), tileColumns(form.tapsY * form.tapsX <= 9 ? 4 : 3) {
    size_t next = 0;
    arg.forEach([&](Value &value) { value = values[next++]; });
  }

  /// Output rows of a tile. With a stride, rows share too few inputs to pay.
  static int64_t rowsOf(const DepthwiseForm &form) {
    return form.strideY == 1 && form.tapsY > 1 ? 2 : 1;
  }

  void emit() {
    scratch = k.scratch();
    k.loop(arg.begin, arg.end, 1, [&](Value task) { emitTask(task); });
  }

private:
  /// Where a tile lies: inside the image, at an edge, or at an edge with channels that
  /// do not fill a vector.
  enum class Place { Inside, Edge, Tail };

  void emitTask(Value task);
  void emitChannels(Value channel);
  void emitTile(Value column, Place place);
  void store(int64_t row, Value column, Value accumulator, Place place);
  int64_t inputRows() const {
    return (tileRows - 1) * form.strideY + (form.tapsY - 1) * form.dilationY + 1;
  }
  int64_t inputColumns() const {
    return (tileColumns - 1) * form.strideX + (form.tapsX - 1) * form.dilationX + 1;
  }

  KernelModule &kernels;
  KernelBuilder &k;
  const DepthwiseForm &form;
  DepthwiseArguments arg;
  Type f32;
  VectorType vectorType;
  int64_t tileRows, tileColumns;
  Value zeros, scratch;
  // Of the task at hand; masks say which input and output rows exist.
  Value image, row, top, rowsInside;
  SmallVector<Value> inputRowMasks, outputRowMasks;
  // Of the channels at hand.
  Value channel, mask, isWhole;
  SmallVector<Value> weights;
};

} // namespace

void DepthwiseKernel::emitTask(Value task) {
  zeros = kernels.zeros(k);
  Value groups = k.ceilDiv(arg.outHeight, k.constant(tileRows));
  SmallVector<Value> at = k.decompose(task, {groups, groups});
  image = k.opaque(at[0]);
  row = k.mul(k.opaque(at[1]), tileRows);
  top = k.sub(k.mul(row, form.strideY), arg.padTop);
  inputRowMasks.clear();
  outputRowMasks.clear();
  for (int64_t r = 0; r < inputRows(); ++r)
    inputRowMasks.push_back(k.maskOf(k.below(k.add(top, r), arg.height)));
  for (int64_t r = 0; r < tileRows; ++r)
    outputRowMasks.push_back(k.maskOf(k.less(k.add(row, r), arg.outHeight)));
  rowsInside =
      k.land(k.lessEqual(k.constant(0), top), k.lessEqual(k.add(top, inputRows()), arg.height));
  rowsInside = k.land(rowsInside, k.lessEqual(k.add(row, tileRows), arg.outHeight));
  k.loop(k.constant(0), arg.channels, k.target.lanes(), [&](Value c) { emitChannels(c); });
}

void DepthwiseKernel::emitChannels(Value c) {
  int64_t lanes = k.target.lanes();
  channel = c;
  Value left = k.sub(arg.channels, c);
  mask = k.maskBelow(left);
  isWhole = k.lessEqual(k.constant(lanes), left);
  weights.clear();
  for (int64_t tap = 0; tap < form.tapsY * form.tapsX; ++tap) {
    Value pointer = k.offset(arg.w, k.add(k.mul(arg.channels, tap), c), f32);
    weights.push_back(k.loadMasked(vectorType, pointer, mask));
  }
  k.loop(k.constant(0), arg.outWidth, tileColumns, [&](Value column) {
    Value first = k.sub(k.mul(column, form.strideX), arg.padLeft);
    Value isInside = k.land(k.lessEqual(k.constant(0), first),
                            k.lessEqual(k.add(first, inputColumns()), arg.width));
    isInside = k.land(isInside, k.lessEqual(k.add(column, tileColumns), arg.outWidth));
    isInside = k.land(isInside, rowsInside);
    auto emitEdge = [&] {
      k.ifThen(
          isWhole, [&] { emitTile(column, Place::Edge); }, [&] { emitTile(column, Place::Tail); });
    };
    k.ifThen(k.land(isInside, isWhole), [&] { emitTile(column, Place::Inside); }, emitEdge);
  });
}

void DepthwiseKernel::emitTile(Value column, Place place) {
  Value left = k.sub(k.mul(column, form.strideX), arg.padLeft);
  Value origin = k.add(k.dot({image, top, left}, arg.xStrides), channel);
  SmallVector<Value> accumulators(tileRows * tileColumns, k.splat(0.0));
  // Input rows that any tap of any output row needs; `across` moves from column to
  // column, opaque so that it stays the one thing that moves.
  Type byte = k.builder.getI8Type();
  Value step = k.mul(arg.xStrides[2], 4), across = k.constant(0);
  SmallVector<Value> pointers;
  for (int64_t r = 0; r < inputRows(); ++r)
    pointers.push_back(k.opaque(k.offset(arg.x, k.add(origin, k.mul(arg.xStrides[1], r)), f32)));
  // The tap that leads from output `out` to input `in`, or -1.
  auto tapOf = [](int64_t in, int64_t out, int64_t stride, int64_t dilation, int64_t taps) {
    int64_t distance = in - out * stride;
    bool isTap = distance >= 0 && distance % dilation == 0 && distance / dilation < taps;
    return isTap ? distance / dilation : -1;
  };
  for (int64_t q = 0; q < inputColumns(); ++q) {
    Value columnMask;
    if (place != Place::Inside)
      columnMask = k.maskOf(k.below(k.add(left, q), arg.width));
    for (int64_t r = 0; r < inputRows(); ++r) {
      Value input;
      for (int64_t i = 0; i < tileRows; ++i)
        for (int64_t j = 0; j < tileColumns; ++j) {
          int64_t y = tapOf(r, i, form.strideY, form.dilationY, form.tapsY);
          int64_t x = tapOf(q, j, form.strideX, form.dilationX, form.tapsX);
          if (y < 0 || x < 0)
            continue;
          if (!input) {
            Value pointer = k.offset(pointers[r], across, byte);
            if (place != Place::Inside)
              pointer = k.guarded(pointer, zeros, k.land(inputRowMasks[r], columnMask));
            input = place == Place::Tail ? k.loadMasked(vectorType, pointer, mask)
                                         : k.load(vectorType, pointer);
          }
          Value &sum = accumulators[i * tileColumns + j];
          sum = k.fma(input, weights[y * form.tapsX + x], sum);
        }
    }
    across = k.opaque(k.add(across, step));
  }
  for (int64_t i = 0; i < tileRows; ++i)
    for (int64_t j = 0; j < tileColumns; ++j)
      store(i, k.add(column, j), accumulators[i * tileColumns + j], place);
}

/// At an edge, what does not exist is read from the zeros and stored to the scratch: no
/// branches, behind which LLVM would sink the sums.
void DepthwiseKernel::store(int64_t r, Value column, Value accumulator, Place place) {
  Value outRow = k.add(row, r), exists;
  if (place != Place::Inside)
    exists = k.land(outputRowMasks[r], k.maskOf(k.less(column, arg.outWidth)));
  SmallVector<Value> values{accumulator};
  for (auto [i, operand] : llvm::enumerate(form.epilogue.operands)) {
    Value elements = k.dot({image, outRow, column}, arg.extraStrides[i]);
    if (operand.columns != ColumnAccess::None)
      elements = k.add(elements, k.mul(channel, arg.extraChannel[i]));
    Value pointer = k.offset(arg.extras[i], elements, operand.element),
          stride = arg.extraChannel[i];
    if (exists && operand.variesByRow) {
      pointer = k.guarded(pointer, zeros, exists);
      stride = k.land(stride, exists);
    }
    values.push_back(
        loadOperand(k, operand, pointer, stride, place == Place::Tail ? mask : Value()));
  }
  Value result = form.epilogue.emit(k, values);
  Value elements = k.add(k.dot({image, outRow, column}, arg.yStrides), channel);
  Value pointer = k.offset(arg.y, elements, form.epilogue.stored);
  if (exists)
    pointer = k.guarded(pointer, scratch, exists);
  if (place == Place::Tail)
    k.storeMasked(result, pointer, mask);
  else
    k.store(result, pointer);
}

LogicalResult secateur::codegen::lowerDepthwiseConv(KernelModule &kernels,
                                                    kern::DepthwiseConvOp op) {
  auto interface = cast<kern::EpilogueOpInterface>(op.getOperation());
  auto filter = cast<MemRefType>(op.getFilter().getType());
  auto isF32 = [](Value value) {
    return cast<MemRefType>(value.getType()).getElementType().isF32();
  };
  // Beyond some forty taps the unrolled code is larger than it is fast.
  if (!isF32(op.getInput()) || !isF32(op.getFilter()) || !interface.getAccumulatorType().isF32() ||
      !filter.getLayout().isIdentity() || !hasUnitInnerStride(op.getInput()) ||
      !hasUnitInnerStride(op.getInit()) || filter.getDimSize(0) * filter.getDimSize(1) > 121)
    return failure();
  FailureOr<EpilogueForm> epilogue = analyzeEpilogue(interface, /*columnDim=*/3);
  if (failed(epilogue))
    return failure();
  DepthwiseForm form{
      filter.getDimSize(0), filter.getDimSize(1), op.getStrides()[0], op.getStrides()[1],
      op.getDilations()[0], op.getDilations()[1], *epilogue};
  kernels.needZeros(kern::panelWidth);
  OpBuilder builder(op);
  KernelBuilder k(builder, op.getLoc(), kernels.target);
  SmallVector<Value> sizes = sizesOf(k, op.getInit());
  Value count = k.mul(sizes[0], k.ceilDiv(sizes[1], k.constant(DepthwiseKernel::rowsOf(form))));
  Value work =
      k.mul(k.mul(sizes[2], sizes[3]), form.tapsY * form.tapsX * DepthwiseKernel::rowsOf(form));
  parallelOver(k, count, work, [&](Value begin, Value end) {
    DepthwiseArguments arg(form);
    BufferView x = viewOf(k, op.getInput()), w = viewOf(k, op.getFilter()),
               y = viewOf(k, op.getInit());
    arg.x = x.pointer, arg.w = w.pointer, arg.y = y.pointer;
    arg.channels = k.constant(filter.getDimSize(2));
    arg.height = x.sizes[1], arg.width = x.sizes[2];
    arg.outHeight = y.sizes[1], arg.outWidth = y.sizes[2];
    arg.padTop = k.constant(op.getPads()[0]), arg.padLeft = k.constant(op.getPads()[1]);
    arg.xStrides.assign(x.strides.begin(), x.strides.begin() + 3);
    arg.yStrides.assign(y.strides.begin(), y.strides.begin() + 3);
    for (auto [i, operand] : llvm::enumerate(form.epilogue.operands)) {
      BufferView view = viewOf(k, operand.memref);
      arg.extras[i] = view.pointer;
      arg.extraStrides[i] = stridesAlong(k, operand, view, {0, 1, 2});
      arg.extraChannel[i] = stridesAlong(k, operand, view, {3})[0];
    }
    arg.begin = begin, arg.end = end;
    SmallVector<Value> values;
    arg.forEach([&](Value &value) { values.push_back(value); });
    auto kernel = kernels.get("depthwise", form.key(), ValueRange(values).getTypes(), k.loc,
                              [&](KernelBuilder &inner, ValueRange own) {
                                DepthwiseKernel(kernels, inner, form, own).emit();
                              });
    func::CallOp::create(k.builder, k.loc, kernel, values);
  });
  return success();
}
