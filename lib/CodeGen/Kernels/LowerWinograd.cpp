//===- LowerWinograd.cpp - The kernel of Winograd's convolution -------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// F(w x w, 3x3) of Lavin and Gray, "Fast Algorithms for Convolutional Neural
// Networks", CVPR 2016, for w = 2 and 4:
//   Y = A^T ((G g G^T) * (B^T d B)) A,
// where d is the part of the input, of extent w + 2, that a tile of the output needs.
// G g G^T is made at compile time (kern.weight).
//
// A task takes a block of tiles and 64 output channels. It transforms the block's
// inputs to V[place][tile][channel], multiplies by the filter for each of the (w + 2)^2
// places with the rows of the matrix kernel, and transforms the products
// M[place][tile][64] to output pixels, through the epilogue. V and M are on the stack:
// sizes are chosen so that they stay in the second-level cache. Tasks that follow one
// another on a thread share V where the block is the same.
//===----------------------------------------------------------------------===//

#include "ImageArguments.h"
#include "Lowerings.h"
#include "MatrixKernel.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

/// Panels of output channels of a task.
static constexpr int64_t groupPanels = 4, groupWidth = groupPanels * panel;
/// Bytes of V and M together, at most; and tiles of a block.
static constexpr int64_t blockBytes = 768 << 10, mostTiles = 30;

namespace {

struct WinogradForm {
  /// Extent of a tile; input and output channels; tiles of a block.
  int64_t tile, channels, outputs, block;
  EpilogueForm epilogue;

  int64_t points() const { return tile + 2; }
  int64_t places() const { return points() * points(); }
  /// From tile to tile in V.
  int64_t pitch() const { return llvm::alignTo(channels, panel); }
  std::string key() const {
    return llvm::formatv("{0}c{1}m{2}b{3}|{4}", tile, channels, outputs, block, epilogue.key());
  }
};

class WinogradKernel {
public:
  /// The kernel's own arguments: the range of tasks; for the transforms the range of
  /// tiles, the first output channel, the scratch memory, and how far apart its places and
  /// tiles are.
  enum Own : size_t { Begin, End, Channel, Scratch, PlaceStride, OwnCount };

  WinogradKernel(KernelModule &kernels, KernelBuilder &k, const WinogradForm &form,
                 ValueRange values)
      : kernels(kernels), k(k), form(form), arg(form.epilogue, OwnCount, values), f32(k.f32()) {}

  /// The kernel: a task is (block, group of output channels).
  void emit();
  /// What it calls: V of a range of tiles, and outputs from M.
  void emitInput();
  void emitOutput(int64_t columns);

private:
  struct Position {
    /// Tile in the block; first output row and column.
    Value tile, row, column;
    ImageArguments at;
  };

  Value tilesAlong(Value extent) { return k.ceilDiv(extent, k.constant(form.tile)); }
  Value allocate(int64_t elements);
  void call(StringRef stem, const std::string &key, ImageArguments &values,
            llvm::function_ref<void(WinogradKernel &)> build);
  void multiply(Value v, Value m, Value group, Value count);
  void forEachTile(llvm::function_ref<void(Position &)> body);
  void transformInput(Position &at, ChannelVector &vector, Value channel, bool guarded);
  void transformOutput(Position &at, ChannelVector &vector, int64_t channel, bool guarded);

  KernelModule &kernels;
  KernelBuilder &k;
  const WinogradForm &form;
  ImageArguments arg;
  Type f32;
  Value zeros, scratch;
};

} // namespace

//===----------------------------------------------------------------------===//
// Tasks
//===----------------------------------------------------------------------===//

Value WinogradKernel::allocate(int64_t elements) {
  return LLVM::AllocaOp::create(k.builder, k.loc, k.pointerType(), f32, k.constant(elements),
                                /*alignment=*/64);
}

void WinogradKernel::call(StringRef stem, const std::string &key, ImageArguments &values,
                          function_ref<void(WinogradKernel &)> build) {
  SmallVector<Value> list = values.list();
  auto callee = kernels.get(stem, key, ValueRange(list).getTypes(), k.loc,
                            [&](KernelBuilder &inner, ValueRange own) {
                              WinogradKernel kernel(kernels, inner, form, own);
                              build(kernel);
                            });
  func::CallOp::create(k.builder, k.loc, callee, list);
}

void WinogradKernel::emit() {
  Value v = allocate(form.places() * form.block * form.pitch());
  Value m = allocate(form.places() * form.block * groupWidth);
  Value groups = k.constant(llvm::divideCeil(form.outputs, groupWidth));
  Value total = k.mul(arg.images, k.mul(tilesAlong(arg.outHeight), tilesAlong(arg.outWidth)));
  auto noBlock = k.constant(-1);
  k.loop(arg.own[Begin], arg.own[End], 1, noBlock, [&](Value task, ValueRange current) {
    SmallVector<Value> digits = k.decompose(task, {groups, groups});
    Value block = digits[0], group = digits[1];
    ImageArguments own = arg;
    own.own[Begin] = k.mul(block, form.block);
    own.own[End] = k.min(k.add(own.own[Begin], form.block), total);
    own.own[Channel] = k.mul(group, groupWidth);
    Value count = k.sub(own.own[End], own.own[Begin]);
    own.own[Scratch] = v;
    own.own[PlaceStride] = k.constant(form.block * form.pitch());
    Value isOld = k.equal(block, current[0]);
    k.ifThen(
        isOld, [] {},
        [&] {
          // Of the epilogue it sees the number of its operands only.
          std::string key =
              llvm::formatv("{0}c{1}e{2}", form.tile, form.channels, arg.extras.size());
          call("winograd_input", key, own, [](WinogradKernel &kernel) { kernel.emitInput(); });
        });
    multiply(v, m, group, count);
    own.own[Scratch] = m;
    own.own[PlaceStride] = k.constant(form.block * groupWidth);
    auto output = [&](int64_t columns) {
      std::string key = llvm::formatv("{0}m{1}|{2}", form.tile, columns, form.epilogue.key());
      call("winograd_output", key, own,
           [&](WinogradKernel &kernel) { kernel.emitOutput(columns); });
    };
    int64_t left = form.outputs % groupWidth;
    if (left == 0) {
      output(groupWidth);
    } else if (form.outputs < groupWidth) {
      output(left);
    } else {
      Value isLast = k.equal(k.add(group, 1), groups);
      k.ifThen(isLast, [&] { output(left); }, [&] { output(groupWidth); });
    }
    return SmallVector<Value>{block};
  });
}

/// M[place] = V[place] * U[place] for each place, in whole panels.
void WinogradKernel::multiply(Value v, Value m, Value group, Value count) {
  MatrixForm matrix;
  matrix.epilogue.stored = f32;
  MatrixArguments rows(matrix);
  Value one = k.constant(1), zero = k.constant(0);
  Value panelStride = k.constant(form.places() * form.channels * panel);
  rows.m = count, rows.k = k.constant(form.channels);
  rows.rowExtents[0] = count;
  rows.aRow[0] = k.constant(form.pitch()), rows.cRow[0] = k.constant(groupWidth);
  rows.aStep = one, rows.bStep = k.constant(panel), rows.bPanel = panelStride;
  rows.begin = zero, rows.end = count;
  Value filter = k.offset(arg.w, k.mul(k.mul(group, groupPanels), panelStride), f32);
  // As many panels at once as a tile has.
  int64_t atOnce = k.target.tilePanels();
  auto multiplyBy = [&](int64_t panels) {
    rows.n = k.constant(panels * panel);
    k.loop(zero, k.constant(form.places()), 1, [&](Value place) {
      rows.a = k.offset(v, k.mul(place, form.block * form.pitch()), f32);
      rows.b = k.offset(filter, k.mul(place, form.channels * panel), f32);
      rows.c = k.offset(m, k.mul(place, form.block * groupWidth), f32);
      for (int64_t p = 0; p < panels; p += atOnce) {
        rows.rowBlock = k.constant(p);
        callMatrixRows(kernels, k, matrix, rows, {std::min(atOnce, panels - p)});
      }
    });
  };
  int64_t panels = llvm::divideCeil(form.outputs, panel), left = panels % groupPanels;
  if (left == 0)
    return multiplyBy(groupPanels);
  if (panels < groupPanels)
    return multiplyBy(left);
  Value isLast = k.equal(group, k.constant(panels / groupPanels));
  k.ifThen(isLast, [&] { multiplyBy(left); }, [&] { multiplyBy(groupPanels); });
}

void WinogradKernel::forEachTile(function_ref<void(Position &)> body) {
  zeros = kernels.zeros(k);
  Value across = tilesAlong(arg.outWidth), down = tilesAlong(arg.outHeight);
  k.loop(arg.own[Begin], arg.own[End], 1, [&](Value tile) {
    SmallVector<Value> digits = k.decompose(tile, {down, down, across});
    Position at{k.sub(tile, arg.own[Begin]), k.mul(k.opaque(digits[1]), form.tile),
                k.mul(k.opaque(digits[2]), form.tile), arg};
    at.at.moveToImage(k, form.epilogue, k.opaque(digits[0]));
    body(at);
  });
}

//===----------------------------------------------------------------------===//
// Transforms
//===----------------------------------------------------------------------===//

/// B^T d, of w + 2 vectors.
static SmallVector<Value> transformPart(KernelBuilder &k, ArrayRef<Value> d) {
  if (d.size() == 4)
    return {k.subf(d[0], d[2]), k.addf(d[1], d[2]), k.subf(d[2], d[1]), k.subf(d[1], d[3])};
  auto fma = [&](double a, Value x, Value y) { return k.fma(k.splat(a), x, y); };
  Value even = fma(-4, d[2], d[4]), odd = fma(-4, d[1], d[3]);
  Value even2 = k.subf(d[4], d[2]), odd2 = k.subf(d[3], d[1]);
  return {fma(4, d[0], fma(-5, d[2], d[4])),
          k.addf(even, odd),
          k.subf(even, odd),
          fma(2, odd2, even2),
          fma(-2, odd2, even2),
          fma(4, d[1], fma(-5, d[3], d[5]))};
}

/// A^T m, of w + 2 vectors.
static SmallVector<Value> collectPart(KernelBuilder &k, ArrayRef<Value> m) {
  Value sum = k.addf(m[1], m[2]), difference = k.subf(m[1], m[2]);
  if (m.size() == 4)
    return {k.addf(m[0], sum), k.subf(difference, m[3])};
  auto fma = [&](double a, Value x, Value y) { return k.fma(k.splat(a), x, y); };
  Value sum2 = k.addf(m[3], m[4]), difference2 = k.subf(m[3], m[4]);
  return {k.addf(m[0], k.addf(sum, sum2)), fma(2, difference2, difference), fma(4, sum2, sum),
          k.addf(fma(8, difference2, difference), m[5])};
}

void WinogradKernel::emitInput() {
  forEachTile([&](Position &at) {
    Value top = k.sub(at.row, arg.padTop), left = k.sub(at.column, arg.padLeft);
    Value zero = k.constant(0);
    Value isInside = k.land(k.land(k.lessEqual(zero, top), k.lessEqual(zero, left)),
                            k.land(k.lessEqual(k.add(top, form.points()), arg.height),
                                   k.lessEqual(k.add(left, form.points()), arg.width)));
    auto emitChannels = [&](bool guarded) {
      int64_t rest = form.channels % k.target.lanes(), whole = form.channels - rest;
      k.loop(zero, k.constant(whole), k.target.lanes(), [&](Value channel) {
        ChannelVector vector(k);
        transformInput(at, vector, channel, guarded);
      });
      if (rest) {
        ChannelVector vector(k, rest);
        transformInput(at, vector, k.constant(whole), guarded);
      }
    };
    k.ifThen(isInside, [&] { emitChannels(false); }, [&] { emitChannels(true); });
  });
}

void WinogradKernel::transformInput(Position &at, ChannelVector &vector, Value channel,
                                    bool guarded) {
  int64_t points = form.points();
  Value top = k.sub(at.row, arg.padTop), left = k.sub(at.column, arg.padLeft);
  SmallVector<Value> rowMasks, columnMasks;
  for (int64_t p = 0; p < points && guarded; ++p) {
    rowMasks.push_back(k.maskOf(k.below(k.add(top, p), arg.height)));
    columnMasks.push_back(k.maskOf(k.below(k.add(left, p), arg.width)));
  }
  Value origin = k.add(k.dot({top, left}, {arg.xStrides[1], arg.xStrides[2]}), channel);
  SmallVector<SmallVector<Value>> half(points);
  for (int64_t q = 0; q < points; ++q) {
    SmallVector<Value> column;
    for (int64_t p = 0; p < points; ++p) {
      Value elements = k.add(origin, k.add(k.mul(arg.xStrides[1], p), k.mul(arg.xStrides[2], q)));
      Value pointer = k.offset(at.at.x, elements, f32);
      if (guarded)
        pointer = k.guarded(pointer, zeros, k.land(rowMasks[p], columnMasks[q]));
      column.push_back(vector.load(pointer));
    }
    half[q] = transformPart(vector.k, column);
  }
  Value out = k.offset(arg.own[Scratch], k.add(k.mul(at.tile, form.pitch()), channel), f32);
  for (int64_t p = 0; p < points; ++p) {
    SmallVector<Value> row;
    for (int64_t q = 0; q < points; ++q)
      row.push_back(half[q][p]);
    for (auto [q, value] : llvm::enumerate(transformPart(vector.k, row))) {
      Value place = k.mul(arg.own[PlaceStride], p * points + q);
      vector.k.store(value, k.offset(out, place, f32));
    }
  }
}

void WinogradKernel::emitOutput(int64_t columns) {
  scratch = k.scratch();
  forEachTile([&](Position &at) {
    Value isWhole = k.land(k.lessEqual(k.add(at.row, form.tile), arg.outHeight),
                           k.lessEqual(k.add(at.column, form.tile), arg.outWidth));
    auto emitChannels = [&](bool guarded) {
      int64_t lanes = k.target.lanes();
      for (int64_t channel = 0; channel < columns; channel += lanes) {
        if (channel + lanes <= columns) {
          ChannelVector vector(k);
          transformOutput(at, vector, channel, guarded);
        } else {
          ChannelVector vector(k, columns - channel);
          transformOutput(at, vector, channel, guarded);
        }
      }
    };
    k.ifThen(isWhole, [&] { emitChannels(false); }, [&] { emitChannels(true); });
  });
}

void WinogradKernel::transformOutput(Position &at, ChannelVector &vector, int64_t lane,
                                     bool guarded) {
  int64_t points = form.points(), tile = form.tile;
  KernelBuilder &kv = vector.k;
  Value in = k.offset(arg.own[Scratch], k.add(k.mul(at.tile, groupWidth), lane), f32);
  SmallVector<SmallVector<Value>> half(points);
  for (int64_t p = 0; p < points; ++p) {
    SmallVector<Value> row;
    for (int64_t q = 0; q < points; ++q)
      row.push_back(kv.load(kv.vectorOf(f32),
                            k.offset(in, k.mul(arg.own[PlaceStride], p * points + q), f32)));
    half[p] = collectPart(kv, row);
  }
  Value channel = k.add(arg.own[Channel], lane);
  SmallVector<Value> shared(form.epilogue.operands.size()), rowMasks, columnMasks;
  for (auto [e, operand] : llvm::enumerate(form.epilogue.operands))
    if (!operand.variesByRow)
      shared[e] =
          loadOperand(kv, operand, arg.atChannel(k, form.epilogue, e, at.at.extras[e], channel),
                      arg.extraChannel[e], vector.mask);
  for (int64_t i = 0; i < tile && guarded; ++i) {
    rowMasks.push_back(k.maskOf(k.less(k.add(at.row, i), arg.outHeight)));
    columnMasks.push_back(k.maskOf(k.less(k.add(at.column, i), arg.outWidth)));
  }
  for (int64_t j = 0; j < tile; ++j) {
    SmallVector<Value> column;
    for (int64_t p = 0; p < points; ++p)
      column.push_back(half[p][j]);
    for (auto [i, sum] : llvm::enumerate(collectPart(kv, column))) {
      SmallVector<Value> pixel{k.add(at.row, i), k.add(at.column, j)}, values{sum};
      Value exists = guarded ? k.land(rowMasks[i], columnMasks[j]) : Value();
      for (auto [e, operand] : llvm::enumerate(form.epilogue.operands)) {
        if (!operand.variesByRow) {
          values.push_back(shared[e]);
          continue;
        }
        Value elements = k.dot(pixel, {arg.extraStrides[e][1], arg.extraStrides[e][2]});
        Value pointer = arg.atChannel(
            k, form.epilogue, e, k.offset(at.at.extras[e], elements, operand.element), channel);
        Value stride = arg.extraChannel[e];
        if (guarded) {
          pointer = k.guarded(pointer, zeros, exists);
          stride = k.land(stride, exists);
        }
        values.push_back(loadOperand(kv, operand, pointer, stride, vector.mask));
      }
      Value result = form.epilogue.emit(kv, values);
      Value elements = k.add(k.dot(pixel, {arg.yStrides[1], arg.yStrides[2]}), channel);
      Value pointer = k.offset(at.at.y, elements, form.epilogue.stored);
      vector.store(result, guarded ? k.guarded(pointer, scratch, exists) : pointer);
    }
  }
}

//===----------------------------------------------------------------------===//
// The call
//===----------------------------------------------------------------------===//

/// Tiles of a block: as many as the cache takes, in blocks of nearly equal size where
/// the image's size is known.
static int64_t blockOf(const WinogradForm &form, MemRefType output) {
  int64_t bytes = form.places() * (form.pitch() + groupWidth) * sizeof(float);
  int64_t most = std::clamp<int64_t>(blockBytes / bytes, 1, mostTiles);
  if (ShapedType::isDynamic(output.getDimSize(1)) || ShapedType::isDynamic(output.getDimSize(2)))
    return most;
  int64_t tiles = llvm::divideCeil(output.getDimSize(1), form.tile) *
                  llvm::divideCeil(output.getDimSize(2), form.tile);
  if (!ShapedType::isDynamic(output.getDimSize(0)))
    tiles *= output.getDimSize(0);
  tiles = std::max<int64_t>(tiles, 1);
  // An even number of tasks, so that two threads have the same work.
  int64_t blocks = llvm::divideCeil(tiles, most);
  if (blocks > 1 && blocks * llvm::divideCeil(form.outputs, groupWidth) % 2)
    ++blocks;
  return llvm::divideCeil(tiles, blocks);
}

LogicalResult secateur::codegen::lowerWinogradConv(KernelModule &kernels, kern::WinogradConvOp op) {
  auto interface = cast<kern::EpilogueOpInterface>(op.getOperation());
  auto filter = cast<MemRefType>(op.getFilter().getType()),
       output = cast<MemRefType>(op.getInit().getType());
  FailureOr<EpilogueForm> epilogue = analyzeEpilogue(interface, /*columnDim=*/3);
  auto isF32 = [](Value value) {
    return cast<MemRefType>(value.getType()).getElementType().isF32();
  };
  if (filter.getDimSize(2) > kern::mostWinogradChannels)
    return op.emitError("expected at most ")
           << kern::mostWinogradChannels << " input channels: a tile has to fit a thread's stack";
  if (failed(epilogue) || !isF32(op.getInput()) || !isF32(op.getFilter()) ||
      !interface.getAccumulatorType().isF32() || !filter.getLayout().isIdentity() ||
      !hasUnitInnerStride(op.getInput()) || !hasUnitInnerStride(op.getInit()))
    return op.emitError("no kernel for this element type, layout or epilogue");
  WinogradForm form{static_cast<int64_t>(op.getTile()), filter.getDimSize(2), output.getDimSize(3),
                    0, *epilogue};
  form.block = blockOf(form, output);

  OpBuilder builder(op);
  KernelBuilder k(builder, op.getLoc(), kernels.target);
  SmallVector<Value> sizes = sizesOf(k, op.getInit());
  auto tilesAlong = [&](Value extent) { return k.ceilDiv(extent, k.constant(form.tile)); };
  Value tiles = k.mul(sizes[0], k.mul(tilesAlong(sizes[1]), tilesAlong(sizes[2])));
  Value count =
      k.mul(k.ceilDiv(tiles, k.constant(form.block)), llvm::divideCeil(form.outputs, groupWidth));
  Value work = k.constant(form.places() * form.block * form.channels * groupWidth / 4);
  parallelOver(k, count, work, [&](Value begin, Value end) {
    ImageArguments arg(form.epilogue, WinogradKernel::OwnCount);
    arg.fill(k, form.epilogue, op.getInput(), op.getFilter(), op.getInit(), op.getPads());
    Value zero = k.constant(0);
    Value nowhere = LLVM::ZeroOp::create(k.builder, k.loc, k.pointerType());
    arg.own = {begin, end, zero, nowhere, zero};
    SmallVector<Value> values = arg.list();
    auto kernel = kernels.get("winograd", form.key(), ValueRange(values).getTypes(), k.loc,
                              [&](KernelBuilder &inner, ValueRange own) {
                                WinogradKernel(kernels, inner, form, own).emit();
                              });
    // Its block of scratch memory is larger than the page that guards a stack.
    kernel->setAttr("passthrough",
                    builder.getArrayAttr({builder.getStringAttr("noinline"),
                                          builder.getStrArrayAttr({"probe-stack", "inline-asm"})}));
    func::CallOp::create(k.builder, k.loc, kernel, values);
  });
  return success();
}
