//===- SpellOutCounts.cpp - Statistics of erased positions in ONNX ------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The operators of ONNX count the positions that they see. Where n' of n are left
// and the others are zero, with s = n' / n and `mean of what is left` = m':
//
//   mean      = s m'
//   variance  = s mean'((x - mean)^2) + (1 - s) mean^2
//   rms norm  = x / sqrt(mean'(x^2) + epsilon / s) * scale / sqrt(s)
//
// so that an RMS norm stays one, and the others are written as what they do. All
// norms share their constants.
//===----------------------------------------------------------------------===//

#include "SpellOutCounts.h"

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Support/Names.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"

#include <cmath>

using namespace mlir;
using namespace secateur;

namespace {

class Speller {
public:
  explicit Speller(func::FuncOp function) : function(function), builder(function.getContext()) {
    function.walk([&](Operation *op) {
      for (Value result : op->getResults())
        names.insert(getValueName(result));
    });
  }

  template <typename... Ops>
  LogicalResult spellAll() {
    LogicalResult result = success();
    (spellEach<Ops>(result), ...);
    return result;
  }
  std::vector<std::string> takeNames() { return std::move(constantNames); }

private:
  template <typename Op>
  void spellEach(LogicalResult &result) {
    SmallVector<Op> counting;
    function.walk([&](Op op) {
      if (op.getCount() || op->hasAttr(nn::NNDialect::kSpelledOutAttr))
        counting.push_back(op);
    });
    for (Op op : counting) {
      builder.setInsertionPoint(op);
      current = op;
      if (failed(spell(op)))
        result = op->emitError("cannot be written with the count of its statistics: it is not of "
                               "floating-point numbers of which the number is constant");
    }
  }
  LogicalResult spell(nn::ReduceMeanOp op);
  LogicalResult spell(nn::RmsNormalizationOp op);
  LogicalResult spell(nn::LayerNormalizationOp op);
  LogicalResult spell(nn::GroupNormalizationOp op);
  LogicalResult spell(nn::SimplifiedLayerNormalizationOp op);
  LogicalResult spell(nn::MsSkipSimplifiedLayerNormalizationOp op);
  LogicalResult spell(nn::MsSkipLayerNormalizationOp op);
  LogicalResult spell(nn::MsEmbedLayerNormalizationOp op);
  /// Gives an RMS norm over the trailing axes of `x` from `axis` on other parameters.
  template <typename Op>
  LogicalResult spellRms(Op op, Value x, int64_t axis, OpOperand &scale);

  struct Normalized {
    Value value, mean, deviation;
  };
  /// (x - mean) / sqrt(variance + epsilon) over the trailing axes from `axis` on, of
  /// which `share` is left.
  Normalized normalize(Value x, int64_t axis, double share, double epsilon);

  struct LayerNormParts {
    Value x, scale, bias;
    double epsilon;
    std::optional<int64_t> count;
    int64_t axis = -1;
    bool stashed = true;
  };
  /// Puts a layer norm that is spelled out in the place of the result `norm`.
  FailureOr<Normalized> spellLayerNorm(Value norm, const LayerNormParts &parts);

  template <typename Op>
  Value create(StringRef role, Type type, ValueRange operands,
               ArrayRef<NamedAttribute> attributes = {});
  Value multiply(StringRef role, Value value, Value factor) {
    return create<nn::MulOp>(role, value.getType(), {value, factor});
  }
  Value castTo(StringRef role, Value value, Type element);
  Value constant(ElementsAttr value, StringRef text);
  Value number(Type element, double value);
  Value integers(ArrayRef<int64_t> values);
  /// The location of a value whose name is like `wanted`, and no other's.
  Location named(const Twine &wanted);

  func::FuncOp function;
  OpBuilder builder;
  Operation *current = nullptr;
  llvm::MapVector<Attribute, Value> constants;
  llvm::StringSet<> names;
  std::vector<std::string> constantNames;
};

} // namespace

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// The number of positions of the axes from `axis` on; nullopt where it depends on
/// the input.
static std::optional<int64_t> countTrailing(Value value, int64_t axis) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !isa<FloatType>(type.getElementType()))
    return std::nullopt;
  int64_t count = 1;
  for (int64_t size : type.getShape().drop_front(axis < 0 ? axis + type.getRank() : axis)) {
    if (ShapedType::isDynamic(size))
      return std::nullopt;
    count *= size;
  }
  return count;
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

Location Speller::named(const Twine &wanted) {
  std::string base = wanted.str(), name = base;
  for (int number = 2; !names.insert(name).second; ++number)
    name = base + std::to_string(number);
  return getNodeLocation(builder.getContext(), /*nodeName=*/{}, StringRef(name));
}

template <typename Op>
Value Speller::create(StringRef role, Type type, ValueRange operands,
                      ArrayRef<NamedAttribute> attributes) {
  OperationState state(named(getValueName(current->getResult(0)) + "." + role),
                       Op::getOperationName());
  state.addOperands(operands);
  state.addTypes(type);
  state.addAttributes(attributes);
  return builder.create(state)->getResult(0);
}

Value Speller::constant(ElementsAttr value, StringRef text) {
  Value &known = constants[value];
  if (known)
    return known;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&function.getBody().front());
  known = nn::ConstantOp::create(builder, named(text), value).getOutput();
  constantNames.push_back(getValueName(known).str());
  return known;
}

Value Speller::number(Type element, double value) {
  return constant(DenseElementsAttr::get(RankedTensorType::get({}, element),
                                         builder.getFloatAttr(element, value)),
                  "statistics.number");
}

Value Speller::integers(ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({int64_t(values.size())}, builder.getI64Type());
  return constant(DenseElementsAttr::get(type, values), "statistics.integers");
}

Value Speller::castTo(StringRef role, Value value, Type element) {
  RankedTensorType type = typeOf(value);
  if (type.getElementType() == element)
    return value;
  // nn.cast_like needs no number for the type.
  return create<nn::CastLikeOp>(role, type.clone(element), {value, number(element, 1)});
}

//===----------------------------------------------------------------------===//
// The operations
//===----------------------------------------------------------------------===//

Speller::Normalized Speller::normalize(Value x, int64_t axis, double share, double epsilon) {
  RankedTensorType type = typeOf(x);
  Type element = type.getElementType();
  int64_t rank = type.getRank();
  SmallVector<int64_t> shape(type.getShape());
  std::fill(shape.begin() + axis, shape.end(), 1);
  Type statistic = RankedTensorType::get(shape, element);
  Value axes = integers(llvm::to_vector(llvm::seq<int64_t>(axis - rank, 0)));
  bool whole = share == 1;
  auto meanOf = [&](StringRef role, Value value) {
    Value mean = create<nn::ReduceMeanOp>(role, statistic, {value, axes});
    return whole ? mean : multiply(role, mean, number(element, share));
  };
  Normalized result;
  result.mean = meanOf("mean", x);
  Value difference = create<nn::SubOp>("difference", type, {x, result.mean});
  Value variance = meanOf("variance", multiply("squares", difference, difference));
  if (!whole) {
    Value squaredMean = multiply("squared_mean", result.mean, result.mean);
    Value erased = multiply("variance_of_erased", squaredMean, number(element, 1 - share));
    variance = create<nn::AddOp>("variance", statistic, {variance, erased});
  }
  variance = create<nn::AddOp>("stabilised", statistic, {variance, number(element, epsilon)});
  result.deviation = create<nn::SqrtOp>("deviation", statistic, {variance});
  result.value = create<nn::DivOp>("normalised", type, {difference, result.deviation});
  return result;
}

LogicalResult Speller::spell(nn::ReduceMeanOp op) {
  // What is left is told by the shape of the operand and the result.
  auto data = dyn_cast<RankedTensorType>(op.getData().getType());
  auto reduced = dyn_cast<RankedTensorType>(op.getReduced().getType());
  DenseElementsAttr axes;
  if (Value operand = op.getAxes())
    if (auto constant = operand.getDefiningOp<nn::ConstantOp>())
      axes = dyn_cast<DenseElementsAttr>(constant.getValue());
  if (!data || !reduced || !isa<FloatType>(data.getElementType()) || (op.getAxes() && !axes))
    return failure();
  SmallVector<int64_t> reducedAxes;
  if (axes)
    for (const APInt &axis : axes.getValues<APInt>())
      reducedAxes.push_back(axis.getSExtValue() < 0 ? axis.getSExtValue() + data.getRank()
                                                    : axis.getSExtValue());
  if (reducedAxes.empty())
    llvm::append_range(reducedAxes, llvm::seq<int64_t>(0, data.getRank()));
  int64_t kept = 1;
  for (int64_t axis : reducedAxes) {
    if (data.isDynamicDim(axis))
      return failure();
    kept *= data.getDimSize(axis);
  }
  Value factor = number(data.getElementType(), double(kept) / double(*op.getCount()));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointAfter(op);
  // The product takes the name of the mean.
  auto product = nn::MulOp::create(builder, op.getLoc(), reduced, op.getReduced(), factor);
  op.getReduced().replaceAllUsesExcept(product->getResult(0), product);
  op->setLoc(named(getValueName(op.getReduced()) + ".of_kept"));
  op.removeCountAttr();
  return success();
}

template <typename Op>
LogicalResult Speller::spellRms(Op op, Value x, int64_t axis, OpOperand &scale) {
  std::optional<int64_t> kept = countTrailing(x, axis);
  if (!kept)
    return failure();
  double share = double(*kept) / double(*op.getCount());
  Type element = typeOf(scale.get()).getElementType();
  scale.set(multiply("scale", scale.get(), number(element, 1 / std::sqrt(share))));
  op.setEpsilonAttr(builder.getF32FloatAttr(op.getEpsilon().convertToDouble() / share));
  op.removeCountAttr();
  return success();
}

LogicalResult Speller::spell(nn::RmsNormalizationOp op) {
  return spellRms(op, op.getX(), op.getAxis(), op.getScaleMutable());
}

LogicalResult Speller::spell(nn::SimplifiedLayerNormalizationOp op) {
  return spellRms(op, op.getX(), op.getAxis(), op.getScaleMutable());
}

LogicalResult Speller::spell(nn::MsSkipSimplifiedLayerNormalizationOp op) {
  return spellRms(op, op.getInput(), -1, op.getGammaMutable());
}

FailureOr<Speller::Normalized> Speller::spellLayerNorm(Value norm, const LayerNormParts &parts) {
  std::optional<int64_t> kept = countTrailing(parts.x, parts.axis);
  if (!kept)
    return failure();
  RankedTensorType type = typeOf(parts.x);
  int64_t axis = parts.axis < 0 ? parts.axis + type.getRank() : parts.axis;
  bool stashed = parts.stashed && type.getElementTypeBitWidth() < 32;
  Type inside = stashed ? builder.getF32Type() : type.getElementType();
  Normalized normal = normalize(castTo("wide", parts.x, inside), axis,
                                double(*kept) / double(parts.count.value_or(*kept)), parts.epsilon);
  Value y = castTo("narrow", normal.value, type.getElementType());
  // The last step takes the name of the norm.
  Location loc = current->getLoc();
  if (parts.bias)
    y = nn::AddOp::create(builder, loc, type, multiply("scaled", y, parts.scale), parts.bias);
  else
    y = nn::MulOp::create(builder, loc, type, y, parts.scale);
  norm.replaceAllUsesWith(y);
  return normal;
}

LogicalResult Speller::spell(nn::LayerNormalizationOp op) {
  FailureOr<Normalized> normal = spellLayerNorm(
      op.getY(), {op.getX(), op.getScale(), op.getB(), op.getEpsilon().convertToDouble(),
                  op.getCount(), static_cast<int64_t>(op.getAxis()), op.getStashType() == 1});
  if (failed(normal))
    return failure();
  if (op.getMean())
    op.getMean().replaceAllUsesWith(normal->mean);
  if (op.getInvStdDev())
    op.getInvStdDev().replaceAllUsesWith(
        create<nn::ReciprocalOp>("inverse", normal->deviation.getType(), normal->deviation));
  op.erase();
  return success();
}

LogicalResult Speller::spell(nn::MsSkipLayerNormalizationOp op) {
  RankedTensorType type = typeOf(op.getOutput());
  Value sum = create<nn::AddOp>("sum", type, {op.getInput(), op.getSkip()});
  if (op.getBias())
    sum = create<nn::AddOp>("sum", type, {sum, op.getBias()});
  if (Value result = op.getInputSkipBiasSum()) {
    sum.setLoc(getNodeLocation(builder.getContext(), {}, getValueName(result)));
    result.replaceAllUsesWith(sum);
  }
  if (failed(spellLayerNorm(op.getOutput(), {sum, op.getGamma(), op.getBeta(),
                                             op.getEpsilon().convertToDouble(), op.getCount()})))
    return failure();
  op.erase();
  return success();
}

/// The operation stays for the sum of what it looks up, and its norm is not used.
LogicalResult Speller::spell(nn::MsEmbedLayerNormalizationOp op) {
  std::string hidden = (getValueName(op.getOutput()) + ".of_kept").str();
  std::string mask = op.getMaskIndex() ? getValueName(op.getMaskIndex()).str() : "";
  Location sumLoc = named(getValueName(op.getOutput()) + ".sum");
  std::string sumName = op.getEmbeddingSum() ? getValueName(op.getEmbeddingSum()).str()
                                             : getOutputNames(sumLoc).front().str();
  SmallVector<StringRef> names = {hidden};
  if (op.getMaskIndex())
    names.push_back(mask);
  names.push_back(sumName);
  Location loc = getNodeLocation(builder.getContext(), /*nodeName=*/{}, names);
  auto embed = nn::MsEmbedLayerNormalizationOp::create(
      builder, loc, op.getOutput().getType(),
      op.getMaskIndex() ? op.getMaskIndex().getType() : Type(), op.getOutput().getType(),
      op.getInputIds(), op.getSegmentIds(), op.getWordEmbedding(), op.getPositionEmbedding(),
      op.getSegmentEmbedding(), op.getGamma(), op.getBeta(), op.getMask(), op.getPositionIds(),
      op.getEpsilonAttr(), op.getMaskIndexTypeAttr(), IntegerAttr());
  if (op.getMaskIndex())
    op.getMaskIndex().replaceAllUsesWith(embed.getMaskIndex());
  if (op.getEmbeddingSum())
    op.getEmbeddingSum().replaceAllUsesWith(embed.getEmbeddingSum());
  if (failed(spellLayerNorm(op.getOutput(), {embed.getEmbeddingSum(), op.getGamma(), op.getBeta(),
                                             op.getEpsilon().convertToDouble(), op.getCount()})))
    return failure();
  op.erase();
  return success();
}

LogicalResult Speller::spell(nn::GroupNormalizationOp op) {
  auto type = dyn_cast<RankedTensorType>(op.getX().getType());
  if (!type || type.getRank() < 2 || type.isDynamicDim(1) || !isa<FloatType>(type.getElementType()))
    return failure();
  int64_t groups = op.getNumGroups(), rank = type.getRank();
  int64_t channels = type.getDimSize(1) / groups;
  double share = double(channels) / double(*op.getCount());
  bool stashed = op.getStashType() == 1 && type.getElementTypeBitWidth() < 32;
  Type inside = stashed ? builder.getF32Type() : type.getElementType();
  Value x = castTo("wide", op.getX(), inside);
  auto rows = RankedTensorType::get({type.getDimSize(0), groups, ShapedType::kDynamic}, inside);
  Value grouped = create<nn::ReshapeOp>("grouped", rows, {x, integers({0, groups, -1})});
  Value normal = normalize(grouped, 2, share, op.getEpsilon().convertToDouble()).value;
  Value shape =
      create<nn::ShapeOp>("shape", RankedTensorType::get({rank}, builder.getI64Type()), op.getX());
  Value y = create<nn::ReshapeOp>("ungrouped", type.clone(inside), {normal, shape});
  y = castTo("narrow", y, type.getElementType());
  // Parameters stand along axis 1.
  SmallVector<int64_t> column(rank - 1, 1), target(rank - 1, 1);
  column[0] = type.getDimSize(1);
  target[0] = -1;
  auto perChannel = [&](StringRef role, Value parameter) {
    return create<nn::ReshapeOp>(role, type.clone(column), {parameter, integers(target)});
  };
  y = multiply("scaled", y, perChannel("scale", op.getScale()));
  y = nn::AddOp::create(builder, op.getLoc(), type, y, perChannel("bias", op.getBias()));
  op.getY().replaceAllUsesWith(y);
  op.erase();
  return success();
}

FailureOr<std::vector<std::string>> secateur::spellOutCounts(func::FuncOp function) {
  Speller speller(function);
  if (failed(
          speller.spellAll<nn::ReduceMeanOp, nn::RmsNormalizationOp, nn::LayerNormalizationOp,
                           nn::GroupNormalizationOp, nn::SimplifiedLayerNormalizationOp,
                           nn::MsSkipLayerNormalizationOp, nn::MsSkipSimplifiedLayerNormalizationOp,
                           nn::MsEmbedLayerNormalizationOp>()))
    return failure();
  return speller.takeNames();
}
