//===- LowerPool.cpp - The kernels of pooling -------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A task is a row of output pixels. For each pixel, and each few vectors of channels,
// the positions of the window that lie inside the image are folded in order. Window,
// strides, dilations and pads are arguments: there are three kernels in all.
//===----------------------------------------------------------------------===//

#include "Lowerings.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

namespace {

/// The arguments of a pooling kernel, in order.
struct PoolArguments {
  Value x, y, channels, outHeight, outWidth;
  Value height, width, tapsY, tapsX, strideY, strideX, dilationY, dilationX, padTop, padLeft,
      padBottom, padRight;
  Value xImage, xRow, xColumn, yImage, yRow, yColumn, begin, end;

  void forEach(function_ref<void(Value &)> visit) {
    for (Value *value :
         {&x,       &y,         &channels, &outHeight, &outWidth,  &height,    &width,
          &tapsY,   &tapsX,     &strideY,  &strideX,   &dilationY, &dilationX, &padTop,
          &padLeft, &padBottom, &padRight, &xImage,    &xRow,      &xColumn,   &yImage,
          &yRow,    &yColumn,   &begin,    &end})
      visit(*value);
  }
};

class PoolKernel {
public:
  PoolKernel(KernelBuilder &k, kern::PoolKind kind, bool countsPads, ValueRange values)
      : k(k), kind(kind), countsPads(countsPads), f32(k.f32()), vectorType(k.vectorOf(f32)) {
    size_t next = 0;
    arg.forEach([&](Value &value) { value = values[next++]; });
  }

  void emit();

private:
  /// First and last tap along one axis whose position is inside, and how many count.
  struct Range {
    Value begin, end, counted;
  };
  Range rangeOf(Value first, Value extent, Value padAfter, Value taps, Value dilation);
  void emitVectors(int64_t count, Value channel, Value mask);

  KernelBuilder &k;
  kern::PoolKind kind;
  bool countsPads;
  Type f32;
  VectorType vectorType;
  PoolArguments arg;
  Value source, target, divisor;
  Range rows, columns;
};

} // namespace

PoolKernel::Range PoolKernel::rangeOf(Value first, Value extent, Value padAfter, Value taps,
                                      Value dilation) {
  Value zero = k.constant(0);
  auto tapsBefore = [&](Value position) {
    // Taps whose position is below `position`: at least none, at most all.
    return k.min(taps, k.ceilDiv(k.max(zero, k.sub(position, first)), dilation));
  };
  Range range;
  range.begin = tapsBefore(zero);
  range.end = k.max(range.begin, tapsBefore(extent));
  range.counted = countsPads ? tapsBefore(k.add(extent, padAfter)) : k.sub(range.end, range.begin);
  return range;
}

void PoolKernel::emit() {
  int64_t lanes = k.target.lanes();
  k.loop(arg.begin, arg.end, 1, [&](Value task) {
    SmallVector<Value> at = k.decompose(task, {arg.outHeight, arg.outHeight});
    Value top = k.sub(k.mul(at[1], arg.strideY), arg.padTop);
    rows = rangeOf(top, arg.height, arg.padBottom, arg.tapsY, arg.dilationY);
    k.loop(k.constant(0), arg.outWidth, 1, [&](Value column) {
      Value left = k.sub(k.mul(column, arg.strideX), arg.padLeft);
      columns = rangeOf(left, arg.width, arg.padRight, arg.tapsX, arg.dilationX);
      source = k.offset(arg.x, k.dot({at[0], top, left}, {arg.xImage, arg.xRow, arg.xColumn}), f32);
      target =
          k.offset(arg.y, k.dot({at[0], at[1], column}, {arg.yImage, arg.yRow, arg.yColumn}), f32);
      if (kind == kern::PoolKind::Average) {
        Value count = k.max(k.mul(rows.counted, columns.counted), k.constant(1));
        divisor = k.splat(arith::SIToFPOp::create(k.builder, k.loc, f32, count));
      }
      Value mainEnd = k.sub(arg.channels, k.rem(arg.channels, k.constant(4 * lanes)));
      k.loop(k.constant(0), mainEnd, 4 * lanes,
             [&](Value channel) { emitVectors(4, channel, {}); });
      k.loop(mainEnd, arg.channels, lanes, [&](Value channel) {
        emitVectors(1, channel, k.maskBelow(k.sub(arg.channels, channel)));
      });
    });
  });
}

void PoolKernel::emitVectors(int64_t count, Value channel, Value mask) {
  int64_t lanes = k.target.lanes();
  bool isMax = kind == kern::PoolKind::Max;
  SmallVector<Value> init(count, k.splat(isMax ? -std::numeric_limits<double>::infinity() : 0.0));
  SmallVector<Value> results =
      k.loop(rows.begin, rows.end, 1, init, [&](Value tapY, ValueRange outer) {
        Value down = k.mul(k.mul(tapY, arg.dilationY), arg.xRow);
        return k.loop(columns.begin, columns.end, 1, outer, [&](Value tapX, ValueRange inner) {
          Value across = k.mul(k.mul(tapX, arg.dilationX), arg.xColumn);
          Value pointer = k.offset(source, k.add(k.add(down, across), channel), f32);
          SmallVector<Value> folded;
          for (int64_t v = 0; v < count; ++v) {
            Value at = k.offset(pointer, v * lanes, f32);
            Value input = mask ? k.loadMasked(vectorType, at, mask) : k.load(vectorType, at);
            folded.push_back(isMax ? k.maxf(input, inner[v]) : k.addf(inner[v], input));
          }
          return folded;
        });
      });
  for (int64_t v = 0; v < count; ++v) {
    Value result = isMax ? results[v]
                         : arith::DivFOp::create(k.builder, k.loc, results[v], divisor).getResult();
    Value pointer = k.offset(k.offset(target, channel, f32), v * lanes, f32);
    if (mask)
      k.storeMasked(result, pointer, mask);
    else
      k.store(result, pointer);
  }
}

LogicalResult secateur::codegen::lowerPool(KernelModule &kernels, kern::PoolOp op) {
  auto input = cast<MemRefType>(op.getInput().getType());
  if (!input.getElementType().isF32() || !hasUnitInnerStride(op.getInput()) ||
      !hasUnitInnerStride(op.getInit()))
    return op.emitError("kern.pool has kernels for f32 with contiguous channels only");
  OpBuilder builder(op);
  KernelBuilder k(builder, op.getLoc(), kernels.target);
  SmallVector<Value> sizes = sizesOf(k, op.getInit());
  Value work = k.mul(k.mul(sizes[2], sizes[3]), op.getKernel()[0] * op.getKernel()[1]);
  parallelOver(k, k.mul(sizes[0], sizes[1]), work, [&](Value begin, Value end) {
    BufferView x = viewOf(k, op.getInput()), y = viewOf(k, op.getInit());
    auto at = [&](ArrayRef<int64_t> values, size_t i) { return k.constant(values[i]); };
    PoolArguments arg;
    arg.x = x.pointer, arg.y = y.pointer;
    arg.channels = y.sizes[3], arg.outHeight = y.sizes[1], arg.outWidth = y.sizes[2];
    arg.height = x.sizes[1], arg.width = x.sizes[2];
    arg.tapsY = at(op.getKernel(), 0), arg.tapsX = at(op.getKernel(), 1);
    arg.strideY = at(op.getStrides(), 0), arg.strideX = at(op.getStrides(), 1);
    arg.dilationY = at(op.getDilations(), 0), arg.dilationX = at(op.getDilations(), 1);
    arg.padTop = at(op.getPads(), 0), arg.padLeft = at(op.getPads(), 1);
    arg.padBottom = at(op.getPads(), 2), arg.padRight = at(op.getPads(), 3);
    arg.xImage = x.strides[0], arg.xRow = x.strides[1], arg.xColumn = x.strides[2];
    arg.yImage = y.strides[0], arg.yRow = y.strides[1], arg.yColumn = y.strides[2];
    arg.begin = begin, arg.end = end;
    SmallVector<Value> values;
    arg.forEach([&](Value &value) { values.push_back(value); });
    std::string key = stringifyPoolKind(op.getKind()).str() + (op.getCountIncludePad() ? "p" : "");
    auto kernel =
        kernels.get("pool", key, ValueRange(values).getTypes(), k.loc,
                    [&](KernelBuilder &inner, ValueRange own) {
                      PoolKernel(inner, op.getKind(), op.getCountIncludePad(), own).emit();
                    });
    func::CallOp::create(k.builder, k.loc, kernel, values);
  });
  return success();
}
