//===- LoweringContext.cpp - Values of a model being lowered -----------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Lowering/LoweringContext.h"

#include "secateur/Analysis/Constants.h"
#include "secateur/Analysis/SymbolicShapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

#include "secateur/Lowering/LoweringInterfaces.cpp.inc"

LoweringContext::LoweringContext(func::FuncOp source, func::FuncOp target,
                                 analysis::SymbolicShapes &shapes)
    : b(target.getLoc(), target.getContext()), symbols(shapes), source(source), target(target) {
  b.setInsertionPointToStart(&target.getBody().front());
  // A marker, of no use itself: what is built before it is visible everywhere.
  top = arith::ConstantIndexOp::create(b, 0);
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

Type LoweringContext::elementType(Value value) {
  auto shaped = dyn_cast<ShapedType>(value.getType());
  return shaped ? shaped.getElementType() : Type();
}

ScalarKind LoweringContext::scalarKind(Type type) {
  if (isa<FloatType>(type))
    return ScalarKind::Float;
  if (type.isInteger(1))
    return ScalarKind::Bool;
  return type.isUnsignedInteger() ? ScalarKind::Unsigned : ScalarKind::Signed;
}

ScalarKind LoweringContext::kindOf(Value value) { return scalarKind(elementType(value)); }

Type LoweringContext::storageType(Type type) {
  MLIRContext *context = type.getContext();
  if (isa<Float16Type, BFloat16Type>(type))
    return Float32Type::get(context);
  if (auto integer = dyn_cast<IntegerType>(type))
    return IntegerType::get(context, std::max(8u, integer.getWidth()));
  return type;
}

RankedTensorType LoweringContext::tensorType(ArrayRef<Dim> dims, Type elementType) {
  SmallVector<int64_t> extents = llvm::map_to_vector(
      dims, [](Dim dim) { return constantOf(dim).value_or(ShapedType::kDynamic); });
  return RankedTensorType::get(extents, storageType(elementType));
}

RankedTensorType LoweringContext::tensorType(Value value, Layout layout) {
  return tensorType(storedOrder(shape(value), layout), elementType(value));
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Layout LoweringContext::layoutOf(Value value) {
  auto found = lowered.find(value);
  return found == lowered.end() ? Layout::RowMajor : found->second.primary;
}

ElementsAttr LoweringContext::constant(Value value) { return analysis::getConstant(value); }

std::optional<SmallVector<int64_t>> LoweringContext::constantInts(Value value) {
  if (std::optional<SmallVector<Dim>> known = elements(value)) {
    SmallVector<int64_t> result;
    for (Dim dim : *known) {
      std::optional<int64_t> element = dim ? constantOf(dim) : std::nullopt;
      if (!element)
        return std::nullopt;
      result.push_back(*element);
    }
    return result;
  }
  return analysis::getConstantIntegers(value);
}

std::optional<SmallVector<double>> LoweringContext::constantFloats(Value value) {
  return analysis::getConstantFloats(value);
}

Value LoweringContext::get(Value value, Layout layout) {
  if (rank(value) < 3)
    layout = Layout::RowMajor;
  auto found = lowered.find(value);
  if (found == lowered.end()) {
    if (constant(value))
      return lowerConstant(value, layout);
    if (elements(value)) {
      Value tensor = lowerElements(value);
      set(value, tensor);
    } else {
      (void)unsupported(current, "an operand has no value here");
      set(value, empty(value, Layout::RowMajor));
    }
    found = lowered.find(value);
  }
  Lowered &entry = found->second;
  Value &tensor = entry.tensors[int(layout)];
  if (!tensor) {
    Layout other = layout == Layout::RowMajor ? Layout::ChannelsLast : Layout::RowMajor;
    tensor = relayout(entry.tensors[int(other)], value, other, layout);
  }
  return tensor;
}

/// Whether moving axis 1 to the end leaves the elements where they are: either it
/// or all axes after it have one element.
static bool movesNothing(ArrayRef<Dim> dims) {
  auto isOne = [](Dim dim) { return LoweringContext::constantOf(dim) == 1; };
  return isOne(dims[1]) || llvm::all_of(dims.drop_front(2), isOne);
}

Value LoweringContext::relayout(Value tensor, Value value, Layout from, Layout to) {
  ArrayRef<Dim> dims = shape(value);
  SmallVector<Dim> fromDims = storedOrder(dims, from), toDims = storedOrder(dims, to);
  if (movesNothing(dims))
    return reshape(tensor, fromDims, toDims);
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, dims.size()));
  SmallVector<int64_t> permutation = to == Layout::ChannelsLast
                                         ? storedOrder<int64_t>(axes, Layout::ChannelsLast)
                                         : logicalOrder<int64_t>(axes, Layout::ChannelsLast);
  return transpose(tensor, permutation, fromDims);
}

void LoweringContext::set(Value value, Value tensor, Layout layout) {
  if (rank(value) < 3)
    layout = Layout::RowMajor;
  Lowered entry;
  entry.primary = layout;
  entry.tensors[int(layout)] = cast(tensor, tensorType(value, layout));
  lowered[value] = entry;
}

void LoweringContext::alias(Value result, Value source) {
  if (constant(source) && !lowered.count(source)) {
    set(result, get(source));
    return;
  }
  Layout layout = layoutOf(source);
  set(result, get(source, layout), layout);
}

Value LoweringContext::cast(Value tensor, RankedTensorType type) {
  if (tensor.getType() == type)
    return tensor;
  return tensor::CastOp::create(b, type, tensor);
}

Value LoweringContext::castTo(Value tensor, ArrayRef<Dim> dims) {
  return cast(tensor, tensorType(dims, getElementTypeOrSelf(tensor.getType())));
}

//===----------------------------------------------------------------------===//
// Reading elements
//===----------------------------------------------------------------------===//

Value LoweringContext::toScalar(ImplicitLocOpBuilder &builder, Value stored, ScalarKind kind) {
  if (kind != ScalarKind::Bool)
    return stored;
  Value zero = arith::ConstantOp::create(builder, builder.getZeroAttr(stored.getType()));
  return arith::CmpIOp::create(builder, arith::CmpIPredicate::ne, stored, zero);
}

Value LoweringContext::fromScalar(ImplicitLocOpBuilder &builder, Value scalar, ScalarKind kind) {
  if (kind != ScalarKind::Bool)
    return scalar;
  return arith::ExtUIOp::create(builder, builder.getI8Type(), scalar);
}

Value LoweringContext::read(ImplicitLocOpBuilder &builder, Value tensor, Layout layout,
                            ValueRange indices) {
  SmallVector<Value> logical(indices);
  return tensor::ExtractOp::create(builder, tensor, storedOrder<Value>(logical, layout));
}

Value LoweringContext::read(ImplicitLocOpBuilder &builder, Value value, ValueRange indices) {
  Layout layout = layoutOf(value);
  return read(builder, get(value, layout), layout, indices);
}

//===----------------------------------------------------------------------===//
// Regions and errors
//===----------------------------------------------------------------------===//

LogicalResult LoweringContext::unsupported(Operation *op, const Twine &reason) {
  for (Value result : op->getResults())
    poisoned.insert(result);
  if (!blamed.insert(op).second)
    return failure();
  std::string text;
  llvm::raw_string_ostream stream(text);
  std::string name = op->getName().getStringRef().str();
  int64_t opset = 0;
  if (auto onnx = dyn_cast<nn::OnnxOpInterface>(op)) {
    name = onnx.getOnnxName().str();
    opset = onnx.getSinceVersion();
  } else if (auto custom = dyn_cast<nn::CustomOp>(op)) {
    name = (custom.getDomain().empty() ? "" : custom.getDomain() + "::").str() +
           custom.getName().str();
  }
  stream << name;
  if (opset)
    stream << " (opset " << opset << ")";
  op->getLoc()->walk([&](Location location) {
    if (auto named = dyn_cast<NameLoc>(location)) {
      stream << " '" << named.getName().getValue() << "'";
      return WalkResult::interrupt();
    }
    if (auto fused = dyn_cast<FusedLoc>(location))
      if (auto outputs = dyn_cast_or_null<ArrayAttr>(fused.getMetadata()))
        if (!outputs.empty() && isa<StringAttr>(outputs[0]) &&
            llvm::none_of(fused.getLocations(),
                          [](Location inner) { return isa<NameLoc>(inner); })) {
          stream << " making '" << cast<StringAttr>(outputs[0]).getValue() << "'";
          return WalkResult::interrupt();
        }
    return WalkResult::advance();
  });
  stream << ": " << reason;
  problems.push_back(text);
  return failure();
}

LogicalResult LoweringContext::reportUnsupported() {
  if (problems.empty())
    return success();
  InFlightDiagnostic error = source.emitError("cannot compile ");
  error << problems.size() << (problems.size() == 1 ? " operator: " : " operators: ");
  llvm::interleave(
      problems, [&](const std::string &problem) { error << problem; }, [&] { error << "; "; });
  return error;
}

LogicalResult LoweringContext::lowerOperation(Operation *op) {
  if (isa<nn::ConstantOp, nn::NoneOp>(op) || (op->use_empty() && isMemoryEffectFree(op)))
    return success();
  // Shape arithmetic: whoever wants its elements asks for them.
  bool needed = op->getNumResults() == 0;
  for (Value result : op->getResults())
    needed |=
        !result.use_empty() &&
        !(elements(result) && llvm::all_of(*elements(result), [&](Dim dim) { return known(dim); }));
  if (!needed)
    return success();
  bool poisonedOperand = false;
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      poisonedOperand |= poisoned.contains(operand);
  });
  if (poisonedOperand) {
    for (Value result : op->getResults())
      poisoned.insert(result);
    return success();
  }
  auto lowerable = dyn_cast<LoweringOpInterface>(op);
  if (!lowerable) {
    auto refused = op->getAttrOfType<StringAttr>("nn.refused");
    (void)unsupported(op, refused                 ? refused.getValue()
                          : isa<nn::CustomOp>(op) ? "Secateur does not know this operator"
                                                  : "no code can be generated for it yet");
    return success();
  }
  for (Value value : llvm::concat<Value>(SmallVector<Value>(op->getOperands()),
                                         SmallVector<Value>(op->getResults())))
    if (isa<TensorType>(value.getType()) && !hasShape(value)) {
      (void)unsupported(op, "the rank of an operand or result is not known");
      return success();
    }
  // Tensors of no elements need no computing.
  auto isEmpty = [&](Value result) {
    return isa<TensorType>(result.getType()) &&
           llvm::any_of(shape(result), [](Dim dim) { return constantOf(dim) == 0; }) &&
           llvm::all_of(shape(result), [&](Dim dim) { return known(dim); });
  };
  if (op->getNumResults() && op->getNumRegions() == 0 && llvm::all_of(op->getResults(), isEmpty)) {
    for (Value result : op->getResults())
      set(result, empty(result, Layout::RowMajor));
    return success();
  }
  Operation *outer = std::exchange(current, op);
  Location location = b.getLoc();
  b.setLoc(op->getLoc());
  if (failed(lowerable.lower(*this)))
    (void)unsupported(op, "no code can be generated for it");
  b.setLoc(location);
  current = outer;
  for (Value result : op->getResults())
    if (!result.use_empty() && !lowered.count(result) && !poisoned.contains(result))
      (void)unsupported(op, "no code can be generated for one of its results");
  return success();
}

LogicalResult LoweringContext::lowerBlock(Block &block, function_ref<LogicalResult()> finish) {
  auto savedValues = lowered;
  auto savedSizes = dataSizes;
  for (Operation &op : block.without_terminator())
    if (failed(lowerOperation(&op)))
      return failure();
  LogicalResult result = finish();
  lowered = std::move(savedValues);
  dataSizes = std::move(savedSizes);
  return result;
}
