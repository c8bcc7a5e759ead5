//===- LowerNN.cpp - Build the model from kernels and loops on tensors --------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Requirements.h"
#include "secateur/Lowering/LoweringContext.h"
#include "secateur/Lowering/Passes.h"

#include "dialects/Kern/IR/KernDialect.h"
#include "secateur/Analysis/SymbolicShapes.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/RegionUtils.h"

namespace secateur::lowering {
#define GEN_PASS_DEF_LOWERNN
#include "secateur/Lowering/Passes.h.inc"
} // namespace secateur::lowering

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

/// Attribute of arguments and results: the element type in the model.
static constexpr StringLiteral kTypeAttr = "nn.type";

/// The type that a caller hands over: stored elements, but 16-bit floats as such.
static Type boundaryType(LoweringContext &context, Value value) {
  RankedTensorType type = context.tensorType(value, Layout::RowMajor);
  Type element = LoweringContext::elementType(value);
  return isa<FloatType>(element) ? type.clone(element) : type;
}

/// Converts between 16-bit floats outside and f32 inside.
static Value convertFloats(LoweringContext &context, Value tensor, ArrayRef<Dim> dims,
                           Type element) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (type.getElementType() == element)
    return tensor;
  ImplicitLocOpBuilder &b = context.b;
  SmallVector<Value> dynamic;
  for (auto [axis, extent] : llvm::enumerate(type.getShape()))
    if (ShapedType::isDynamic(extent))
      dynamic.push_back(context.index(dims[axis]));
  Value init = tensor::EmptyOp::create(b, type.clone(element), dynamic);
  AffineMap map = b.getMultiDimIdentityMap(type.getRank());
  SmallVector<utils::IteratorType> loops(type.getRank(), utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      b, TypeRange{init.getType()}, ValueRange{tensor}, ValueRange{init}, ArrayRef{map, map}, loops,
      [&](OpBuilder &builder, Location location, ValueRange arguments) {
        Value value =
            element.isF32()
                ? Value(arith::ExtFOp::create(builder, location, element, arguments[0]))
                : Value(arith::TruncFOp::create(builder, location, element, arguments[0]));
        linalg::YieldOp::create(builder, location, value);
      });
  return generic.getResult(0);
}

/// Whether a type is one that code can be generated for.
static bool isNumber(Type element) {
  return element && (isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(element) ||
                     (element.isInteger() && element.getIntOrFloatBitWidth() <= 64 &&
                      (element.isInteger(1) || element.getIntOrFloatBitWidth() % 8 == 0)));
}

static LogicalResult checkTypes(func::FuncOp func) {
  auto check = [&](Value value) {
    return value.use_empty() || isa<NoneType>(value.getType()) ||
           isNumber(LoweringContext::elementType(value));
  };
  for (BlockArgument argument : func.getArguments())
    if (!check(argument))
      return func.emitError("input ")
             << argument.getArgNumber() << " has the type " << argument.getType()
             << ", which code cannot be generated for";
  // Of operators that nobody knows, their own error says more.
  auto isUnknown = [](Type type) { return isa<nn::OpaqueType>(getElementTypeOrSelf(type)); };
  WalkResult result = func.walk([&](Operation *op) {
    bool follows = isa<nn::CustomOp>(op) || llvm::any_of(op->getOperandTypes(), isUnknown);
    for (Value value : op->getResults())
      if (!check(value) && !(follows && isUnknown(value.getType()))) {
        op->emitError("has a result of type ")
            << value.getType() << ", which code cannot be generated for";
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

static LogicalResult lowerFunction(func::FuncOp source) {
  if (failed(checkTypes(source)))
    return failure();
  FailureOr<std::unique_ptr<analysis::SymbolicShapes>> shapes =
      analysis::SymbolicShapes::compute(source);
  if (failed(shapes))
    return failure();
  analysis::SymbolicShapes &symbols = **shapes;
  for (BlockArgument argument : source.getArguments())
    if (!symbols.getShape(argument))
      return source.emitError("input ")
             << argument.getArgNumber() << " has no rank; give it a shape";
  auto terminator = cast<func::ReturnOp>(source.getBody().front().getTerminator());

  // The new function, beside the old one until it is done.
  OpBuilder builder(source);
  auto target = func::FuncOp::create(builder, source.getLoc(), source.getName(),
                                     builder.getFunctionType({}, {}));
  Block *entry = target.addEntryBlock();
  auto fail = [&] {
    target.erase();
    return failure();
  };
  SmallVector<Type> argumentTypes, resultTypes;
  for (BlockArgument argument : source.getArguments()) {
    SmallVector<int64_t> extents = llvm::map_to_vector(*symbols.getShape(argument), [](Dim dim) {
      return LoweringContext::constantOf(dim).value_or(ShapedType::kDynamic);
    });
    Type element = LoweringContext::elementType(argument);
    if (!isa<FloatType>(element))
      element = LoweringContext::storageType(element);
    argumentTypes.push_back(RankedTensorType::get(extents, element));
    entry->addArgument(argumentTypes.back(), argument.getLoc());
  }
  LoweringContext context(source, target, symbols);
  for (auto [argument, replacement] : llvm::zip_equal(source.getArguments(), entry->getArguments()))
    context.set(argument, convertFloats(context, replacement, context.shape(argument),
                                        LoweringContext::storageType(
                                            LoweringContext::elementType(argument))));
  for (Operation &op : source.getBody().front().without_terminator())
    if (failed(context.lowerOperation(&op)))
      return fail();
  if (failed(context.reportUnsupported()))
    return fail();
  SmallVector<Value> results;
  context.b.setLoc(terminator.getLoc());
  for (Value operand : terminator.getOperands()) {
    if (!context.hasShape(operand)) {
      source.emitError("the rank of an output is not known");
      return fail();
    }
    results.push_back(
        convertFloats(context, context.get(operand), context.shape(operand),
                      cast<ShapedType>(boundaryType(context, operand)).getElementType()));
    resultTypes.push_back(results.back().getType());
  }
  emitRequirements(source, target, context);
  func::ReturnOp::create(context.b, results);
  if (failed(context.reportUnsupported()))
    return fail();

  target.setFunctionType(builder.getFunctionType(argumentTypes, resultTypes));
  target->setDiscardableAttrs(source->getDiscardableAttrDictionary());
  SmallVector<DictionaryAttr> argumentAttributes, resultAttributes;
  auto withType = [&](DictionaryAttr old, Value value) {
    NamedAttrList attributes(old);
    attributes.set(kTypeAttr, TypeAttr::get(LoweringContext::elementType(value)));
    return attributes.getDictionary(source.getContext());
  };
  for (BlockArgument argument : source.getArguments())
    argumentAttributes.push_back(
        withType(source.getArgAttrDict(argument.getArgNumber()), argument));
  for (auto [i, operand] : llvm::enumerate(terminator.getOperands()))
    resultAttributes.push_back(withType(source.getResultAttrDict(i), operand));
  target.setAllArgAttrs(argumentAttributes);
  target.setAllResultAttrs(resultAttributes);
  target.setVisibility(source.getVisibility());
  source.erase();
  return success();
}

namespace {
struct LowerNN : lowering::impl::LowerNNBase<LowerNN> {
  void runOnOperation() override {
    for (func::FuncOp func : llvm::to_vector(getOperation().getOps<func::FuncOp>()))
      if (!func.isExternal() && failed(lowerFunction(func)))
        return signalPassFailure();
    // What shape arithmetic left behind.
    IRRewriter rewriter(&getContext());
    for (func::FuncOp func : getOperation().getOps<func::FuncOp>())
      (void)runRegionDCE(rewriter, func->getRegions());
  }
};
} // namespace
