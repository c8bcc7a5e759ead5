//===- KernelBuilder.cpp - Short words for kernel code ----------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

#include "dialects/Kern/IR/KernOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

/// Scalar operations that are worth waking a thread for: some ten microseconds.
static constexpr int64_t workWorthATask = 1 << 18;

Type KernelBuilder::pointerType() { return LLVM::LLVMPointerType::get(builder.getContext()); }

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

Value KernelBuilder::constant(int64_t value) {
  return arith::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(value));
}
Value KernelBuilder::add(Value a, Value b) {
  return builder.createOrFold<arith::AddIOp>(loc, a, b);
}
Value KernelBuilder::add(Value a, int64_t b) { return b == 0 ? a : add(a, constant(b)); }
Value KernelBuilder::sub(Value a, Value b) {
  return builder.createOrFold<arith::SubIOp>(loc, a, b);
}
Value KernelBuilder::mul(Value a, Value b) {
  return builder.createOrFold<arith::MulIOp>(loc, a, b);
}
Value KernelBuilder::mul(Value a, int64_t b) { return b == 1 ? a : mul(a, constant(b)); }
Value KernelBuilder::div(Value a, Value b) {
  return builder.createOrFold<arith::DivUIOp>(loc, a, b);
}
Value KernelBuilder::rem(Value a, Value b) {
  return builder.createOrFold<arith::RemUIOp>(loc, a, b);
}
Value KernelBuilder::ceilDiv(Value a, Value b) { return div(add(a, sub(b, constant(1))), b); }
Value KernelBuilder::min(Value a, Value b) {
  return builder.createOrFold<arith::MinSIOp>(loc, a, b);
}
Value KernelBuilder::max(Value a, Value b) {
  return builder.createOrFold<arith::MaxSIOp>(loc, a, b);
}
Value KernelBuilder::land(Value a, Value b) {
  return builder.createOrFold<arith::AndIOp>(loc, a, b);
}
Value KernelBuilder::lor(Value a, Value b) { return builder.createOrFold<arith::OrIOp>(loc, a, b); }

static Value compare(KernelBuilder &k, arith::CmpIPredicate predicate, Value a, Value b) {
  return k.builder.createOrFold<arith::CmpIOp>(k.loc, predicate, a, b);
}
Value KernelBuilder::less(Value a, Value b) {
  return compare(*this, arith::CmpIPredicate::slt, a, b);
}
Value KernelBuilder::lessEqual(Value a, Value b) {
  return compare(*this, arith::CmpIPredicate::sle, a, b);
}
Value KernelBuilder::below(Value a, Value b) {
  return compare(*this, arith::CmpIPredicate::ult, a, b);
}
Value KernelBuilder::equal(Value a, Value b) {
  return compare(*this, arith::CmpIPredicate::eq, a, b);
}
Value KernelBuilder::select(Value condition, Value a, Value b) {
  return builder.createOrFold<arith::SelectOp>(loc, condition, a, b);
}

Value KernelBuilder::opaque(Value value) {
  // An empty assembly whose result is in the register of its operand.
  return LLVM::InlineAsmOp::create(builder, loc, value.getType(), value, "", "=r,0",
                                   /*has_side_effects=*/false, /*is_align_stack=*/false,
                                   LLVM::tailcallkind::TailCallKind::None, LLVM::AsmDialectAttr(),
                                   ArrayAttr())
      .getResult(0);
}

SmallVector<Value> KernelBuilder::fence(ValueRange values) {
  if (values.empty())
    return {};
  std::string results, operands;
  for (auto [i, value] : llvm::enumerate(values)) {
    bool isVector = isa<VectorType>(value.getType());
    results += isVector ? (target.vectorBits == 512 ? "=v," : "=x,") : "=r,";
    operands += llvm::formatv("{0}{1}", i ? "," : "", i).str();
  }
  SmallVector<Type> types(values.getTypes());
  Type type =
      types.size() == 1 ? types[0] : LLVM::LLVMStructType::getLiteral(builder.getContext(), types);
  Value all = LLVM::InlineAsmOp::create(builder, loc, type, values, "", results + operands,
                                        /*has_side_effects=*/false, /*is_align_stack=*/false,
                                        LLVM::tailcallkind::TailCallKind::None,
                                        LLVM::AsmDialectAttr(), ArrayAttr())
                  .getResult(0);
  if (types.size() == 1)
    return {all};
  SmallVector<Value> fenced;
  for (size_t i = 0; i < types.size(); ++i)
    fenced.push_back(LLVM::ExtractValueOp::create(builder, loc, all, i));
  return fenced;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value KernelBuilder::offset(Value pointer, Value elements, Type element) {
  return LLVM::GEPOp::create(builder, loc, pointer.getType(), element, pointer,
                             ValueRange{elements});
}

Value KernelBuilder::offset(Value pointer, int64_t elements, Type element) {
  if (elements == 0)
    return pointer;
  return LLVM::GEPOp::create(builder, loc, pointer.getType(), element, pointer,
                             ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(elements)});
}

Value KernelBuilder::guarded(Value pointer, Value safe, Value mask) {
  Value distance = sub(LLVM::PtrToIntOp::create(builder, loc, i64(), pointer),
                       LLVM::PtrToIntOp::create(builder, loc, i64(), safe));
  return offset(safe, land(distance, mask), builder.getI8Type());
}

Value KernelBuilder::maskOf(Value condition) {
  return opaque(arith::ExtSIOp::create(builder, loc, i64(), condition));
}

Value KernelBuilder::scratch() {
  return LLVM::AllocaOp::create(builder, loc, pointerType(), vectorOf(builder.getF64Type()),
                                constant(1), /*alignment=*/64);
}

Value KernelBuilder::scratch(int64_t elements) {
  return LLVM::AllocaOp::create(builder, loc, pointerType(), f32(), constant(elements),
                                /*alignment=*/64);
}

/// Buffers are aligned to their elements; vectors need not be.
static unsigned alignmentOf(Type type) {
  return std::max(1u, getElementTypeOrSelf(type).getIntOrFloatBitWidth() / 8);
}

Value KernelBuilder::load(Type type, Value pointer) {
  return LLVM::LoadOp::create(builder, loc, type, pointer, alignmentOf(type));
}

Value KernelBuilder::loadMasked(VectorType type, Value pointer, Value mask) {
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
  return LLVM::MaskedLoadOp::create(builder, loc, type, pointer, mask, zero,
                                    builder.getI32IntegerAttr(alignmentOf(type)));
}

void KernelBuilder::store(Value value, Value pointer) {
  LLVM::StoreOp::create(builder, loc, value, pointer, alignmentOf(value.getType()));
}

/// Copies `count` elements, of which there are at most twice `width`: as a part of `width` at
/// either end, or of half of that where there are fewer.
static void copyEnds(KernelBuilder &k, Value from, Value to, Value count, int64_t width) {
  k.ifThen(
      k.lessEqual(k.constant(width), count),
      [&] {
        Type part = width == 1 ? k.f32() : VectorType::get(width, k.f32());
        k.store(k.load(part, from), to);
        if (width == 1)
          return;
        Value last = k.add(count, -width);
        k.store(k.load(part, k.offset(from, last, k.f32())), k.offset(to, last, k.f32()));
      },
      width == 1 ? nullptr
                 : llvm::function_ref<void()>([&] { copyEnds(k, from, to, count, width / 2); }));
}

void KernelBuilder::storeMasked(Value value, Value pointer, Value mask) {
  auto type = cast<VectorType>(value.getType());
  if (target.hasMaskRegisters || !entry || !type.getElementType().isF32()) {
    LLVM::MaskedStoreOp::create(builder, loc, value, pointer, mask,
                                builder.getI32IntegerAttr(alignmentOf(type)));
    return;
  }
  int64_t lanes = type.getNumElements();
  Value bits = LLVM::BitcastOp::create(builder, loc, builder.getIntegerType(lanes), mask);
  Value wide = arith::ExtUIOp::create(builder, loc, i64(), bits);
  if (!unstored) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(entry);
    unstored = scratch();
  }
  store(value, unstored);
  copyEnds(*this, unstored, pointer, LLVM::CtPopOp::create(builder, loc, i64(), wide), lanes / 2);
}

void KernelBuilder::prefetch(Value pointer, Fetch use) {
  // LLVM's hints: 3 is the first level of the cache, 2 the second.
  LLVM::Prefetch::create(builder, loc, pointer, /*rw=*/use == Fetch::Write,
                         /*hint=*/use == Fetch::Later ? 2 : 3, /*cache=*/1);
}

Value KernelBuilder::maskBelow(Value count) {
  // Compared in 32 bits, which is what vectors of this many lanes compare best.
  Value clamped = max(constant(0), min(count, constant(target.lanes())));
  Value narrow = arith::TruncIOp::create(builder, loc, builder.getI32Type(), clamped);
  VectorType type = vectorOf(builder.getI32Type());
  SmallVector<int32_t> numbers = llvm::to_vector(llvm::seq<int32_t>(0, target.lanes()));
  Value lanes =
      arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, ArrayRef(numbers)));
  Value limit = vector::BroadcastOp::create(builder, loc, type, narrow);
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, lanes, limit);
}

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

Value KernelBuilder::splat(Value scalar) {
  return vector::BroadcastOp::create(builder, loc, vectorOf(scalar.getType()), scalar);
}
Value KernelBuilder::splat(double value) {
  return arith::ConstantOp::create(
      builder, loc, DenseElementsAttr::get(vectorOf(f32()), static_cast<float>(value)));
}
Value KernelBuilder::fma(Value a, Value b, Value c) {
  if (!target.hasFma)
    return addf(mulf(a, b), c);
  return vector::FMAOp::create(builder, loc, a, b, c);
}
Value KernelBuilder::addf(Value a, Value b) { return arith::AddFOp::create(builder, loc, a, b); }
Value KernelBuilder::subf(Value a, Value b) { return arith::SubFOp::create(builder, loc, a, b); }
Value KernelBuilder::mulf(Value a, Value b) { return arith::MulFOp::create(builder, loc, a, b); }
Value KernelBuilder::maxf(Value a, Value b) {
  // One instruction; maximumf takes four for the sake of NaN and -0.
  return select(arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGT, a, b), a, b);
}

Value KernelBuilder::exp(Value x) {
  // x = n ln 2 + r with |r| <= ln 2 / 2, exp(r) by a polynomial. Adding and taking
  // away 1.5 * 2^23 rounds to the nearest integer, which is then in the low bits.
  VectorType integers = vectorOf(builder.getI32Type());
  auto bitsOf = [&](Value value) {
    return arith::BitcastOp::create(builder, loc, integers, value).getResult();
  };
  auto integer = [&](int32_t value) {
    return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(integers, value))
        .getResult();
  };
  // Written so that NaN stays NaN.
  Value low = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, x, splat(-104.0));
  Value clamped = select(low, splat(-104.0), x);
  Value magic = splat(12582912.0);
  Value rounded = addf(mulf(clamped, splat(1.44269504088896341)), magic);
  Value n = subf(rounded, magic);
  Value r = fma(n, splat(-0.693145751953125), clamped);
  r = fma(n, splat(-1.42860682030941723212e-6), r);
  Value p = splat(1.9875691500e-4);
  for (double c :
       {1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1})
    p = fma(p, r, splat(c));
  p = addf(fma(mulf(r, r), p, r), splat(1.0));
  // 2^n in two factors, so that subnormal results come out right.
  Value exponent = arith::SubIOp::create(builder, loc, bitsOf(rounded), bitsOf(magic));
  Value half = arith::ShRSIOp::create(builder, loc, exponent, integer(1));
  Value rest = arith::SubIOp::create(builder, loc, exponent, half);
  auto power = [&](Value e) {
    Value biased = arith::ShLIOp::create(
        builder, loc, arith::AddIOp::create(builder, loc, e, integer(127)), integer(23));
    return arith::BitcastOp::create(builder, loc, vectorOf(f32()), biased).getResult();
  };
  return mulf(mulf(p, power(half)), power(rest));
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

SmallVector<Value> KernelBuilder::loop(Value lo, Value hi, int64_t step, ValueRange init,
                                       LoopBody body) {
  auto forOp = scf::ForOp::create(builder, loc, lo, hi, constant(step), init,
                                  [&](OpBuilder &, Location, Value iv, ValueRange arguments) {
                                    SmallVector<Value> results;
                                    OpBuilder::InsertionGuard guard(builder);
                                    builder.setInsertionPointToEnd(iv.getParentBlock());
                                    results = body(iv, arguments);
                                    scf::YieldOp::create(builder, loc, results);
                                  });
  return forOp.getResults();
}

void KernelBuilder::loop(Value lo, Value hi, int64_t step, function_ref<void(Value)> body) {
  loop(lo, hi, step, ValueRange{}, [&](Value iv, ValueRange) {
    body(iv);
    return SmallVector<Value>();
  });
}

void KernelBuilder::ifThen(Value condition, function_ref<void()> then,
                           function_ref<void()> otherwise) {
  auto ifOp =
      scf::IfOp::create(builder, loc, condition, /*withElseRegion=*/static_cast<bool>(otherwise));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(ifOp.thenBlock()->getTerminator());
  then();
  if (!otherwise)
    return;
  builder.setInsertionPoint(ifOp.elseBlock()->getTerminator());
  otherwise();
}

SmallVector<Value> KernelBuilder::decompose(Value value, ValueRange extents) {
  SmallVector<Value> digits(extents.size());
  for (size_t i = extents.size(); i-- > 0;) {
    digits[i] = i == 0 ? value : rem(value, extents[i]);
    if (i > 0)
      value = div(value, extents[i]);
  }
  return digits;
}

Value KernelBuilder::dot(ValueRange a, ValueRange b) {
  Value sum = constant(0);
  for (auto [x, y] : llvm::zip(a, b))
    if (y)
      sum = add(sum, mul(x, y));
  return sum;
}

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

static Value toI64(KernelBuilder &k, Value index) {
  return k.builder.createOrFold<arith::IndexCastOp>(k.loc, k.i64(), index);
}

SmallVector<Value> secateur::codegen::sizesOf(KernelBuilder &k, Value memref) {
  SmallVector<Value> sizes;
  auto type = cast<MemRefType>(memref.getType());
  for (int64_t i = 0; i < type.getRank(); ++i)
    sizes.push_back(type.isDynamicDim(i)
                        ? toI64(k, memref::DimOp::create(k.builder, k.loc, memref, i))
                        : k.constant(type.getDimSize(i)));
  return sizes;
}

BufferView secateur::codegen::viewOf(KernelBuilder &k, Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  BufferView view;
  view.sizes = sizesOf(k, memref);
  auto [strides, offset] = type.getStridesAndOffset();
  memref::ExtractStridedMetadataOp metadata;
  if (ShapedType::isDynamic(offset) || llvm::any_of(strides, ShapedType::isDynamic))
    metadata = memref::ExtractStridedMetadataOp::create(k.builder, k.loc, memref);
  for (auto [i, stride] : llvm::enumerate(strides))
    view.strides.push_back(ShapedType::isDynamic(stride) ? toI64(k, metadata.getStrides()[i])
                                                         : k.constant(stride));
  Value elements =
      ShapedType::isDynamic(offset) ? toI64(k, metadata.getOffset()) : k.constant(offset);
  Value address =
      toI64(k, memref::ExtractAlignedPointerAsIndexOp::create(k.builder, k.loc, memref));
  Value base = LLVM::IntToPtrOp::create(k.builder, k.loc, k.pointerType(), address);
  view.pointer = offset == 0 ? base : k.offset(base, elements, type.getElementType());
  return view;
}

void secateur::codegen::parallelOver(KernelBuilder &k, Value count, Value workPerTask,
                                     function_ref<void(Value, Value)> body) {
  auto toIndex = [&](Value value) {
    return k.builder.createOrFold<arith::IndexCastOp>(k.loc, k.builder.getIndexType(), value);
  };
  Value grain = k.ceilDiv(k.constant(workWorthATask), k.max(workPerTask, k.constant(1)));
  auto parallel = kern::ParallelOp::create(k.builder, k.loc, toIndex(count), toIndex(grain));
  OpBuilder::InsertionGuard guard(k.builder);
  k.builder.setInsertionPointToStart(parallel.getBody());
  body(toI64(k, parallel.getBegin()), toI64(k, parallel.getEnd()));
}

//===----------------------------------------------------------------------===//
// Kernels of a module
//===----------------------------------------------------------------------===//

func::FuncOp KernelModule::get(StringRef stem, StringRef key, TypeRange arguments, Location loc,
                               function_ref<void(KernelBuilder &, ValueRange)> build) {
  auto [entry, isNew] = kernels.try_emplace((stem + ":" + key).str());
  if (!isNew)
    return entry->second;
  // Names are of the form, not of the layer that came first: locations too.
  Location unknown = UnknownLoc::get(module.getContext());
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  std::string name;
  unsigned number = kernels.size() - 1;
  do
    name = llvm::formatv("kern_{0}_{1}", stem, number++).str();
  while (module.lookupSymbol(name));
  auto func = func::FuncOp::create(builder, unknown, name, builder.getFunctionType(arguments, {}));
  func.setPrivate();
  // A call is rare beside the work that it does; a copy for each layer would be code.
  func->setAttr("passthrough", builder.getStrArrayAttr({"noinline"}));
  entry->second = func;
  builder.setInsertionPointToStart(func.addEntryBlock());
  KernelBuilder k(builder, unknown, target, &func.getBody().front());
  build(k, func.getArguments());
  builder.setInsertionPointToEnd(&func.getBody().front());
  func::ReturnOp::create(builder, unknown);
  return func;
}

static constexpr StringLiteral zerosName = "kern_zeros";

void KernelModule::needZeros(int64_t elements) {
  elements = std::max<int64_t>(elements, 64);
  if (elements <= zeroElements)
    return;
  zeroElements = elements;
  if (auto old = module.lookupSymbol<LLVM::GlobalOp>(zerosName))
    old.erase();
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  Location loc = UnknownLoc::get(module.getContext());
  auto type = LLVM::LLVMArrayType::get(builder.getF32Type(), elements);
  auto global =
      LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/false, LLVM::Linkage::Internal,
                             zerosName, Attribute(), /*alignment=*/64);
  builder.createBlock(&global.getInitializerRegion());
  LLVM::ReturnOp::create(builder, loc, LLVM::ZeroOp::create(builder, loc, type).getResult());
}

Value KernelModule::zeros(KernelBuilder &k) {
  needZeros(1);
  return LLVM::AddressOfOp::create(k.builder, k.loc, k.pointerType(), zerosName);
}
