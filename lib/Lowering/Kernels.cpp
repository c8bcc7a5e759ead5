//===- Kernels.cpp - Building kern operations ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Kernels.h"

#include "Scalars.h"

#include "dialects/Kern/IR/KernOps.h"
#include "secateur/Analysis/Constants.h"
#include "secateur/Analysis/SymbolicShapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

/// The panel width of packed right-hand sides.
static constexpr int64_t kPanel = 16;

bool secateur::lowering::hasKernels(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getElementType().isF32();
}

FailureOr<std::vector<float>> secateur::lowering::readConstant(ElementsAttr constant) {
  std::optional<SmallVector<double>> numbers = analysis::readFloats(constant, INT64_C(1) << 31);
  if (!numbers)
    return failure();
  return std::vector<float>(numbers->begin(), numbers->end());
}

ElementsAttr secateur::lowering::floatConstant(MLIRContext *context, ArrayRef<int64_t> shape,
                                               ArrayRef<float> numbers) {
  return DenseElementsAttr::get<float>(RankedTensorType::get(shape, Float32Type::get(context)),
                                       numbers);
}

Value LoweringContext::weight(ElementsAttr value, ArrayRef<int64_t> shape,
                              ArrayRef<int64_t> permutation, int64_t batch, int64_t panel) {
  // Weights of 16-bit floats are widened here, once.
  if (!value.getElementType().isF32())
    if (FailureOr<std::vector<float>> numbers = readConstant(value); succeeded(numbers))
      value = floatConstant(b.getContext(), value.getShapedType().getShape(), *numbers);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(top);
  return kern::WeightOp::create(b, value, shape, permutation, batch, panel);
}

//===----------------------------------------------------------------------===//
// Epilogues
//===----------------------------------------------------------------------===//

static Value applyEpilogue(ImplicitLocOpBuilder &b, const Epilogue &epilogue, ValueRange arguments,
                           ScalarKind kind) {
  if (epilogue.body)
    return epilogue.body(b, arguments);
  Value sum = arguments.front();
  Scalars s(b, sum.getType(), kind);
  for (Value operand : arguments.drop_front())
    sum = s.add(sum, operand);
  return sum;
}

/// Fills the epilogue region of `op`, where there is anything to do.
template <typename OpTy>
static Value finish(LoweringContext &context, OpTy op, const Epilogue &epilogue) {
  ImplicitLocOpBuilder &b = context.b;
  if (!epilogue.operands.empty() || epilogue.body) {
    OpBuilder::InsertionGuard guard(b);
    Type element = cast<RankedTensorType>(op.getInit().getType()).getElementType();
    SmallVector<Type> types(epilogue.operands.size() + 1, element);
    SmallVector<Location> locations(types.size(), b.getLoc());
    Block *block = b.createBlock(&op.getEpilogue(), {}, types, locations);
    kern::YieldOp::create(b, applyEpilogue(b, epilogue, block->getArguments(), ScalarKind::Float));
  }
  return op->getResult(0);
}

static ArrayAttr mapsAttribute(LoweringContext &context, ArrayRef<AffineMap> maps) {
  return context.b.getAffineMapArrayAttr(maps);
}

//===----------------------------------------------------------------------===//
// Contractions
//===----------------------------------------------------------------------===//

/// The same as a loop nest, for types without kernels.
static Value contractGeneric(LoweringContext &context, ArrayRef<AffineMap> maps, Value lhs,
                             Value rhs, Value init, ScalarKind kind, const Epilogue &epilogue) {
  ImplicitLocOpBuilder &b = context.b;
  Type element = cast<RankedTensorType>(init.getType()).getElementType();
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element));
  Value cleared = linalg::FillOp::create(b, zero, init).getResult(0);
  int64_t loops = maps[0].getNumDims();
  SmallVector<utils::IteratorType> iterators(loops, utils::IteratorType::reduction);
  for (AffineExpr expr : maps[2].getResults())
    iterators[cast<AffineDimExpr>(expr).getPosition()] = utils::IteratorType::parallel;
  Value product =
      linalg::GenericOp::create(b, TypeRange{init.getType()}, ValueRange{lhs, rhs},
                                ValueRange{cleared}, maps, iterators,
                                [&](OpBuilder &nested, Location location, ValueRange x) {
                                  ImplicitLocOpBuilder builder(location, nested);
                                  Scalars s(builder, element, kind);
                                  linalg::YieldOp::create(builder, s.add(x[2], s.mul(x[0], x[1])));
                                })
          .getResult(0);
  if (epilogue.operands.empty() && !epilogue.body)
    return product;
  int64_t rank = maps[2].getNumResults();
  SmallVector<Value> operands = {product};
  SmallVector<AffineMap> operandMaps = {b.getMultiDimIdentityMap(rank)};
  llvm::append_range(operands, epilogue.operands);
  llvm::append_range(operandMaps, epilogue.maps);
  operandMaps.push_back(b.getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> parallel(rank, utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             b, TypeRange{init.getType()}, operands, ValueRange{init}, operandMaps, parallel,
             [&](OpBuilder &nested, Location location, ValueRange x) {
               ImplicitLocOpBuilder builder(location, nested);
               linalg::YieldOp::create(builder,
                                       applyEpilogue(builder, epilogue, x.drop_back(), kind));
             })
      .getResult(0);
}

Value secateur::lowering::contract(LoweringContext &context, ArrayRef<AffineMap> maps, Value lhs,
                                   Value rhs, bool packed, Value init, ScalarKind kind,
                                   const Epilogue &epilogue) {
  if (!hasKernels(lhs))
    return contractGeneric(context, maps, lhs, rhs, init, kind, epilogue);
  ImplicitLocOpBuilder &b = context.b;
  auto op =
      kern::ContractOp::create(b, TypeRange{init.getType()}, mapsAttribute(context, maps), lhs, rhs,
                               packed ? b.getUnitAttr() : UnitAttr(), epilogue.operands, init,
                               mapsAttribute(context, epilogue.maps), kern::ChoiceAttr());
  return finish(context, op, epilogue);
}

Value secateur::lowering::pack(LoweringContext &context, Value input, ArrayRef<Dim> dims,
                               ArrayRef<int64_t> permutation, int64_t batch) {
  SmallVector<Dim> packed;
  for (int64_t axis : permutation)
    packed.push_back(dims[axis]);
  Dim columns = packed.back();
  packed.back() = context.constantDim(kPanel);
  packed.insert(packed.begin() + batch, context.symbols.simplify(columns.ceilDiv(kPanel)));
  Value init = context.empty(packed, cast<RankedTensorType>(input.getType()).getElementType());
  ImplicitLocOpBuilder &b = context.b;
  auto op = kern::PackOp::create(b, TypeRange{init.getType()}, input, init,
                                 b.getDenseI64ArrayAttr(permutation), batch, kPanel);
  return op->getResult(0);
}

//===----------------------------------------------------------------------===//
// Windows and rows
//===----------------------------------------------------------------------===//

Value secateur::lowering::convolve(LoweringContext &context, Value input, Value filter, Value init,
                                   const Window &window, int64_t groups, int64_t bundle,
                                   const Epilogue &epilogue) {
  ImplicitLocOpBuilder &b = context.b;

  auto op = kern::ConvOp::create(b, TypeRange{init.getType()}, input, filter, epilogue.operands,
                                 init, mapsAttribute(context, epilogue.maps), window.strides,
                                 window.dilations, window.pads, groups, bundle, kern::ChoiceAttr());
  return finish(context, op, epilogue);
}

Value secateur::lowering::convolveDepthwise(LoweringContext &context, Value input, Value filter,
                                            Value init, const Window &window,
                                            const Epilogue &epilogue) {
  ImplicitLocOpBuilder &b = context.b;
  auto op =
      kern::DepthwiseConvOp::create(b, TypeRange{init.getType()}, input, filter, epilogue.operands,
                                    init, mapsAttribute(context, epilogue.maps), window.strides,
                                    window.dilations, window.pads, kern::ChoiceAttr());
  return finish(context, op, epilogue);
}

Value secateur::lowering::pool(LoweringContext &context, bool maximum, Value input, Value init,
                               const Window &window, bool countsPads) {
  ImplicitLocOpBuilder &b = context.b;
  auto op = kern::PoolOp::create(
      b, TypeRange{init.getType()}, maximum ? kern::PoolKind::Max : kern::PoolKind::Average, input,
      init, window.kernel, window.strides, window.dilations, window.pads, countsPads);
  return op->getResult(0);
}

Value secateur::lowering::softmax(LoweringContext &context, Value input, ArrayRef<Dim> dims,
                                  bool logarithm, bool zeroEmpty) {
  Value init = context.empty(dims, cast<RankedTensorType>(input.getType()).getElementType());
  return kern::SoftmaxOp::create(context.b, TypeRange{init.getType()}, input, init, logarithm,
                                 zeroEmpty)
      ->getResult(0);
}

Value secateur::lowering::normalize(LoweringContext &context, bool rms, double epsilon, Value input,
                                    ArrayRef<Dim> dims, Value scale, Value bias,
                                    std::optional<int64_t> count) {
  Value init = context.empty(dims, cast<RankedTensorType>(input.getType()).getElementType());
  auto op = kern::NormOp::create(context.b, init.getType(),
                                 rms ? kern::NormKind::Rms : kern::NormKind::Layer,
                                 APFloat(epsilon), input, scale, bias, init,
                                 count ? context.b.getI64IntegerAttr(*count) : IntegerAttr());
  return op->getResult(0);
}
