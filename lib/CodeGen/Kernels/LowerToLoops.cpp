//===- LowerToLoops.cpp - Contractions and convolutions as scalar loops -----===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The form that takes every type, indexing map and layout. Output elements are shared
// among tasks; each is one nest of loops over what is summed.
//===----------------------------------------------------------------------===//

#include "Lowerings.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

/// Reads an element and converts it to the accumulator's type.
static Value loadAs(KernelBuilder &k, Type element, Value pointer, Type wanted) {
  Type stored =
      element.isInteger() ? k.builder.getIntegerType(element.getIntOrFloatBitWidth()) : element;
  Value value = k.load(stored, pointer);
  unsigned from = stored.getIntOrFloatBitWidth(), to = wanted.getIntOrFloatBitWidth();
  if (stored == wanted)
    return value;
  if (isa<FloatType>(stored))
    return from < to ? arith::ExtFOp::create(k.builder, k.loc, wanted, value).getResult()
                     : arith::TruncFOp::create(k.builder, k.loc, wanted, value).getResult();
  if (from > to)
    return arith::TruncIOp::create(k.builder, k.loc, wanted, value);
  if (element.isUnsignedInteger())
    return arith::ExtUIOp::create(k.builder, k.loc, wanted, value);
  return arith::ExtSIOp::create(k.builder, k.loc, wanted, value);
}

static Value multiplyAdd(KernelBuilder &k, Value a, Value b, Value c) {
  if (isa<FloatType>(c.getType()))
    return k.addf(k.mulf(a, b), c);
  return arith::AddIOp::create(k.builder, k.loc, arith::MulIOp::create(k.builder, k.loc, a, b), c);
}

/// Loops over all of `extents`, innermost last, carrying one value.
static Value sumOver(KernelBuilder &k, ArrayRef<Value> extents, Value init,
                     function_ref<Value(ArrayRef<Value>, Value)> body, SmallVector<Value> at = {}) {
  if (at.size() == extents.size())
    return body(at, init);
  return k.loop(k.constant(0), extents[at.size()], 1, init, [&](Value iv, ValueRange sum) {
    SmallVector<Value> inner = at;
    inner.push_back(iv);
    return SmallVector<Value>{sumOver(k, extents, sum[0], body, inner)};
  })[0];
}

/// Applies the epilogue at `at` (coordinates in the output) and stores.
static void finish(KernelBuilder &k, kern::EpilogueOpInterface op, ArrayRef<Value> at,
                   Value accumulator) {
  Value result = accumulator;
  if (!op.getEpilogue().empty()) {
    Block &block = op.getEpilogue().front();
    IRMapping mapping;
    mapping.map(block.getArgument(0), accumulator);
    MutableOperandRange operands = op.getEpilogueOperandsMutable();
    for (auto [i, operand, attribute] : llvm::enumerate(operands, op.getEpilogueMaps())) {
      BufferView view = viewOf(k, operand.get());
      Value elements = k.constant(0);
      for (auto [result, expr] :
           llvm::enumerate(cast<AffineMapAttr>(attribute).getValue().getResults()))
        if (auto dim = dyn_cast<AffineDimExpr>(expr))
          elements = k.add(elements, k.mul(at[dim.getPosition()], view.strides[result]));
      Type element = cast<MemRefType>(operand.get().getType()).getElementType();
      mapping.map(block.getArgument(i + 1),
                  k.load(element, k.offset(view.pointer, elements, element)));
    }
    for (Operation &inner : block.without_terminator())
      k.builder.clone(inner, mapping);
    result = mapping.lookupOrDefault(cast<kern::YieldOp>(block.getTerminator()).getValue());
  }
  BufferView out = viewOf(k, op.getInit());
  k.store(result, k.offset(out.pointer, k.dot(at, out.strides), result.getType()));
}

/// `sum` computes the accumulator of the element at the given coordinates.
static void forEachOutput(KernelModule &kernels, kern::EpilogueOpInterface op, int64_t work,
                          function_ref<Value(KernelBuilder &, ArrayRef<Value>, Value)> sum) {
  OpBuilder builder(op);
  KernelBuilder k(builder, op.getLoc(), kernels.target);
  SmallVector<Value> sizes = sizesOf(k, op.getInit());
  Value count = k.constant(1);
  for (Value size : sizes)
    count = k.mul(count, size);
  parallelOver(k, count, k.constant(work), [&](Value begin, Value end) {
    k.loop(begin, end, 1, [&](Value number) {
      SmallVector<Value> at = k.decompose(number, sizes);
      Type type = op.getAccumulatorType();
      Value zero = arith::ConstantOp::create(k.builder, k.loc, k.builder.getZeroAttr(type));
      finish(k, op, at, sum(k, at, zero));
    });
  });
}

static void contractLoops(KernelModule &kernels, kern::ContractOp op) {
  AffineMap initMap = op.getInitMap();
  forEachOutput(kernels, op, 64, [&](KernelBuilder &k, ArrayRef<Value> at, Value zero) {
    BufferView a = viewOf(k, op.getLhs()), b = viewOf(k, op.getRhs());
    Type aElement = cast<MemRefType>(op.getLhs().getType()).getElementType();
    Type bElement = cast<MemRefType>(op.getRhs().getType()).getElementType();
    SmallVector<unsigned> summed;
    SmallVector<Value> extents, coordinates(initMap.getNumDims());
    for (unsigned dim = 0; dim < initMap.getNumDims(); ++dim) {
      AffineExpr expr = getAffineDimExpr(dim, op.getContext());
      if (auto position = initMap.getResultPosition(expr)) {
        coordinates[dim] = at[*position];
        continue;
      }
      summed.push_back(dim);
      extents.push_back(a.sizes[*op.getLhsMap().getResultPosition(expr)]);
    }
    return sumOver(k, extents, zero, [&](ArrayRef<Value> inner, Value sum) {
      SmallVector<Value> full = coordinates;
      for (auto [dim, value] : llvm::zip(summed, inner))
        full[dim] = value;
      auto gather = [&](AffineMap map) {
        return llvm::map_to_vector(map.getResults(), [&](AffineExpr e) {
          return full[cast<AffineDimExpr>(e).getPosition()];
        });
      };
      Value x = loadAs(k, aElement,
                       k.offset(a.pointer, k.dot(gather(op.getLhsMap()), a.strides), aElement),
                       zero.getType());
      SmallVector<Value> bAt = gather(op.getRhsMap());
      if (op.getPacked()) {
        // [batch.., k.., n] lies at [batch.., n / 16, k.., n % 16].
        Value n = bAt.pop_back_val(), width = k.constant(kern::panelWidth);
        size_t batch = 0;
        while (batch < bAt.size() && initMap.getResultPosition(op.getRhsMap().getResult(batch)))
          ++batch;
        bAt.insert(bAt.begin() + batch, k.div(n, width));
        bAt.push_back(k.rem(n, width));
      }
      Value y =
          loadAs(k, bElement, k.offset(b.pointer, k.dot(bAt, b.strides), bElement), zero.getType());
      return multiplyAdd(k, x, y, sum);
    });
  });
}

/// Sums over a window; `filterAt` makes a filter position from output channel, taps
/// and the input channel of its group.
static void windowLoops(KernelModule &kernels, kern::EpilogueOpInterface op, Value input,
                        Value filter, ArrayRef<int64_t> strides, ArrayRef<int64_t> dilations,
                        ArrayRef<int64_t> pads, ArrayRef<int64_t> taps, int64_t channelsPerGroup,
                        int64_t outputsPerGroup, int64_t bundle, bool depthwise) {
  forEachOutput(
      kernels, op, taps[0] * taps[1] * channelsPerGroup,
      [&](KernelBuilder &k, ArrayRef<Value> at, Value zero) {
        BufferView x = viewOf(k, input), w = viewOf(k, filter);
        Type xElement = cast<MemRefType>(input.getType()).getElementType();
        Type wElement = cast<MemRefType>(filter.getType()).getElementType();
        Value top = k.sub(k.mul(at[1], strides[0]), k.constant(pads[0]));
        Value left = k.sub(k.mul(at[2], strides[1]), k.constant(pads[1]));
        Value perGroup = k.constant(outputsPerGroup), width = k.constant(kern::panelWidth);
        Value group = k.div(at[3], perGroup), output = k.rem(at[3], perGroup);
        SmallVector<Value> extents{k.constant(taps[0]), k.constant(taps[1]),
                                   k.constant(channelsPerGroup)};
        return sumOver(k, extents, zero, [&](ArrayRef<Value> tap, Value sum) -> Value {
          Value y = k.add(top, k.mul(tap[0], dilations[0])),
                z = k.add(left, k.mul(tap[1], dilations[1]));
          Value isIn = k.land(k.below(y, x.sizes[1]), k.below(z, x.sizes[2]));
          Value channel = k.add(k.mul(group, channelsPerGroup), tap[2]);
          SmallVector<Value> filterAt{tap[0], tap[1], channel};
          if (!depthwise) {
            Value place = k.add(k.mul(k.rem(group, k.constant(bundle)), outputsPerGroup), output);
            filterAt = {k.div(group, k.constant(bundle)),
                        k.div(place, width),
                        tap[0],
                        tap[1],
                        tap[2],
                        k.rem(place, width)};
          }
          auto ifOp = scf::IfOp::create(
              k.builder, k.loc, isIn,
              [&](OpBuilder &, Location) {
                Value a =
                    loadAs(k, xElement,
                           k.offset(x.pointer, k.dot({at[0], y, z, channel}, x.strides), xElement),
                           zero.getType());
                Value b =
                    loadAs(k, wElement, k.offset(w.pointer, k.dot(filterAt, w.strides), wElement),
                           zero.getType());
                scf::YieldOp::create(k.builder, k.loc, multiplyAdd(k, a, b, sum));
              },
              [&](OpBuilder &, Location) { scf::YieldOp::create(k.builder, k.loc, sum); });
          return ifOp.getResult(0);
        });
      });
}

LogicalResult secateur::codegen::lowerToLoops(KernelModule &kernels, kern::EpilogueOpInterface op) {
  Type accumulator = op.getAccumulatorType();
  if (!accumulator.isSignlessIntOrFloat())
    return op.emitError() << "cannot accumulate in " << accumulator
                          << ": give the epilogue an argument of a type "
                          << "of float or signless integer";
  for (Value operand : op->getOperands().take_front(2)) {
    Type element = cast<MemRefType>(operand.getType()).getElementType();
    if (!element.isIntOrFloat() || isa<FloatType>(element) != isa<FloatType>(accumulator))
      return op.emitError() << "cannot multiply elements of type " << element << " in "
                            << accumulator;
  }
  if (auto contract = dyn_cast<kern::ContractOp>(*op)) {
    contractLoops(kernels, contract);
    return success();
  }
  if (auto conv = dyn_cast<kern::ConvOp>(*op)) {
    ArrayRef<int64_t> filter = cast<MemRefType>(conv.getFilter().getType()).getShape();
    int64_t outputs = cast<MemRefType>(conv.getInit().getType()).getDimSize(3) / conv.getGroups();
    windowLoops(kernels, op, conv.getInput(), conv.getFilter(), conv.getStrides(),
                conv.getDilations(), conv.getPads(), filter.slice(2, 2), filter[4], outputs,
                conv.getBundle(), /*depthwise=*/false);
    return success();
  }
  auto conv = cast<kern::DepthwiseConvOp>(*op);
  ArrayRef<int64_t> filter = cast<MemRefType>(conv.getFilter().getType()).getShape();
  windowLoops(kernels, op, conv.getInput(), conv.getFilter(), conv.getStrides(),
              conv.getDilations(), conv.getPads(), filter.take_front(2), 1, 1, /*bundle=*/1,
              /*depthwise=*/true);
  return success();
}
