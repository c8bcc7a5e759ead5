//===- ArithmeticShapes.cpp - Elementwise operations on sizes ---------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Shapes as for any elementwise operation; where all operands are small tensors
// whose elements are known, the elements of the result too. Integers are
// expressions, floats exact rationals. An element that no expression gives is a
// symbol for itself, so that one of them does not hide its neighbours.

#include "ShapeRules.h"

#include <cmath>

using namespace mlir;
using namespace secateur;
using namespace secateur::analysis;
using namespace secateur::nn;

namespace {

/// What a rule for one element needs.
struct Element {
  ShapeEvaluator &evaluator;
  Operation *op;

  Dim constant(int64_t value) const { return evaluator.constant(value); }
  bool isNonNegative(Dim value) const { return analysis::isNonNegative(evaluator, value); }
  /// 1, 0, or null where it cannot be told whether `difference` < 0.
  Dim isNegative(Dim difference) const {
    std::optional<int64_t> upper = evaluator.getUpperBound(difference);
    if (upper && *upper < 0)
      return constant(1);
    return isNonNegative(difference) ? constant(0) : Dim();
  }
  Dim negate(Dim truth) const {
    std::optional<int64_t> value = asConstant(truth);
    return value ? constant(*value == 0) : Dim();
  }
};

/// The element of a result from those of the operands; null where it cannot be
/// told.
using IntegerRule = Dim (*)(const Element &, ArrayRef<Dim>);
/// Likewise for floats; a null numerator where it cannot be told.
using NumberRule = Number (*)(const Element &, ArrayRef<Number>);

} // namespace

/// Position of each operand's element for each element of the broadcast result.
/// Fails where a shape is not constant.
static std::optional<SmallVector<SmallVector<int64_t>>>
matchElements(ShapeEvaluator &evaluator, Operation *op, int64_t &count) {
  std::optional<ShapeRef> outputShape = evaluator.getShape(op->getResult(0));
  if (!outputShape)
    return std::nullopt;
  std::optional<int64_t> elements = countElements(*outputShape);
  if (!elements)
    return std::nullopt;
  count = *elements;
  SmallVector<int64_t> output = *asConstants(*outputShape);
  SmallVector<SmallVector<int64_t>> positions;
  for (Value operand : op->getOperands()) {
    std::optional<ShapeRef> shape = evaluator.getShape(operand);
    std::optional<SmallVector<int64_t>> sizes = shape ? asConstants(*shape) : std::nullopt;
    if (!sizes || sizes->size() > output.size())
      return std::nullopt;
    SmallVector<int64_t> strides = rowMajor(*sizes), steps(output.size(), 0);
    size_t offset = output.size() - sizes->size();
    for (size_t axis = 0; axis < sizes->size(); ++axis)
      if ((*sizes)[axis] != 1)
        steps[offset + axis] = strides[axis];
    SmallVector<int64_t> &list = positions.emplace_back();
    forEachElement(output, steps, 0, [&](int64_t, int64_t input) { list.push_back(input); });
  }
  return positions;
}

static void evaluateIntegers(Operation *op, ShapeEvaluator &evaluator, IntegerRule rule) {
  SmallVector<ShapeRef> operands;
  for (Value operand : op->getOperands()) {
    std::optional<ShapeRef> elements = evaluator.getElements(operand);
    if (!elements)
      return;
    operands.push_back(*elements);
  }
  int64_t count = 0;
  auto positions = matchElements(evaluator, op, count);
  if (!positions)
    return;
  Element element{evaluator, op};
  Value result = op->getResult(0);
  SmallVector<Dim> values, arguments(operands.size());
  for (int64_t i = 0; i < count; ++i) {
    for (size_t k = 0; k < operands.size(); ++k)
      arguments[k] = operands[k][(*positions)[k][i]];
    Dim value = rule(element, arguments);
    values.push_back(value ? value : evaluator.unknownElement(result, i));
  }
  evaluator.setElements(result, values);
}

static void evaluateNumbers(Operation *op, ShapeEvaluator &evaluator, NumberRule rule) {
  SmallVector<ArrayRef<Number>> operands;
  for (Value operand : op->getOperands()) {
    std::optional<ArrayRef<Number>> elements = evaluator.getNumbers(operand);
    if (!elements)
      return;
    operands.push_back(*elements);
  }
  int64_t count = 0;
  auto positions = matchElements(evaluator, op, count);
  if (!positions)
    return;
  Element element{evaluator, op};
  SmallVector<Number> values, arguments(operands.size());
  for (int64_t i = 0; i < count; ++i) {
    bool known = true;
    for (size_t k = 0; k < operands.size(); ++k) {
      arguments[k] = operands[k][(*positions)[k][i]];
      known &= bool(arguments[k].numerator);
    }
    values.push_back(known ? rule(element, arguments) : Number());
  }
  evaluator.setNumbers(op->getResult(0), values);
}

namespace {
/// The model of an elementwise operation with rules for its elements.
template <typename OpTy, IntegerRule integers, NumberRule numbers = nullptr>
struct ArithmeticModel : ShapeModelBase<ArithmeticModel<OpTy, integers, numbers>, OpTy> {
  LogicalResult inferShapes(Operation *op, ShapeEvaluator &evaluator) const {
    if (failed(inferBroadcast(op, evaluator)))
      return failure();
    if constexpr (integers != nullptr)
      evaluateIntegers(op, evaluator, integers);
    if constexpr (numbers != nullptr)
      evaluateNumbers(op, evaluator, numbers);
    return success();
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

static Dim addIntegers(const Element &, ArrayRef<Dim> args) {
  Dim result = args.front();
  for (Dim arg : args.drop_front())
    result = result + arg;
  return result;
}
static Dim subtractIntegers(const Element &, ArrayRef<Dim> args) { return args[0] - args[1]; }
static Dim multiplyIntegers(const Element &, ArrayRef<Dim> args) { return args[0] * args[1]; }
static Dim negateInteger(const Element &, ArrayRef<Dim> args) { return args[0] * -1; }

/// Division rounds towards zero: floor division only of what is not negative.
static Dim divideIntegers(const Element &element, ArrayRef<Dim> args) {
  std::optional<int64_t> a = asConstant(args[0]), b = asConstant(args[1]);
  if (a && b)
    return *b == 0 || (*b == -1 && *a == INT64_MIN) ? Dim() : element.constant(*a / *b);
  std::optional<int64_t> divisor = element.evaluator.getLowerBound(args[1]);
  if (!divisor || *divisor < 1 || !element.isNonNegative(args[0]))
    return Dim();
  return args[0].floorDiv(args[1]);
}

/// The remainder has the sign of the divisor, or of the dividend with fmod: the
/// same for what is not negative.
static Dim remainder(const Element &element, ArrayRef<Dim> args) {
  std::optional<int64_t> a = asConstant(args[0]), b = asConstant(args[1]);
  bool truncates = cast<ModOp>(element.op).getFmod() != 0;
  if (a && b) {
    if (*b == 0 || *b == -1)
      return *b == 0 ? Dim() : element.constant(0);
    int64_t result = *a % *b;
    if (!truncates && result != 0 && (result < 0) != (*b < 0))
      result += *b;
    return element.constant(result);
  }
  std::optional<int64_t> divisor = element.evaluator.getLowerBound(args[1]);
  if (!divisor || *divisor < 1 || (truncates && !element.isNonNegative(args[0])))
    return Dim();
  return args[0] - args[0].floorDiv(args[1]) * args[1];
}

static Dim minimumOf(const Element &element, ArrayRef<Dim> args) {
  Dim result = args.front();
  for (Dim arg : args.drop_front())
    result = element.evaluator.minimum(result, arg);
  return result;
}
static Dim maximumOf(const Element &element, ArrayRef<Dim> args) {
  Dim result = args.front();
  for (Dim arg : args.drop_front())
    result = element.evaluator.maximum(result, arg);
  return result;
}
static Dim absolute(const Element &element, ArrayRef<Dim> args) {
  return element.evaluator.maximum(args[0], element.evaluator.simplify(args[0] * -1));
}

static Dim power(const Element &element, ArrayRef<Dim> args) {
  std::optional<int64_t> exponent = asConstant(args[1]);
  if (!exponent || *exponent < 0 || *exponent > 8)
    return Dim();
  Dim result = element.constant(1);
  for (int64_t i = 0; i < *exponent; ++i)
    result = result * args[0];
  return result;
}

static Dim lessThan(const Element &element, ArrayRef<Dim> args) {
  return element.isNegative(element.evaluator.simplify(args[0] - args[1]));
}
static Dim greaterThan(const Element &element, ArrayRef<Dim> args) {
  return lessThan(element, {args[1], args[0]});
}
static Dim lessOrEqual(const Element &element, ArrayRef<Dim> args) {
  return element.negate(lessThan(element, {args[1], args[0]}));
}
static Dim greaterOrEqual(const Element &element, ArrayRef<Dim> args) {
  return element.negate(lessThan(element, args));
}
static Dim equal(const Element &element, ArrayRef<Dim> args) {
  Dim difference = element.evaluator.simplify(args[0] - args[1]);
  if (std::optional<int64_t> value = asConstant(difference))
    return element.constant(*value == 0);
  std::optional<int64_t> lower = element.evaluator.getLowerBound(difference);
  std::optional<int64_t> upper = element.evaluator.getUpperBound(difference);
  return (lower && *lower > 0) || (upper && *upper < 0) ? element.constant(0) : Dim();
}
static Dim logicalNot(const Element &element, ArrayRef<Dim> args) {
  return element.negate(args[0]);
}
static Dim logicalAnd(const Element &element, ArrayRef<Dim> args) {
  std::optional<int64_t> a = asConstant(args[0]), b = asConstant(args[1]);
  if ((a && *a == 0) || (b && *b == 0))
    return element.constant(0);
  return a && b ? element.constant(1) : (a ? args[1] : b ? args[0] : Dim());
}
static Dim logicalOr(const Element &element, ArrayRef<Dim> args) {
  std::optional<int64_t> a = asConstant(args[0]), b = asConstant(args[1]);
  if ((a && *a != 0) || (b && *b != 0))
    return element.constant(1);
  return a && b ? element.constant(0) : (a ? args[1] : b ? args[0] : Dim());
}
static Dim logicalXor(const Element &element, ArrayRef<Dim> args) {
  std::optional<int64_t> a = asConstant(args[0]), b = asConstant(args[1]);
  return a && b ? element.constant((*a != 0) != (*b != 0)) : Dim();
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

/// The value as a double, if it is constant.
static std::optional<double> asDouble(const Number &number) {
  std::optional<int64_t> numerator = asConstant(number.numerator);
  return numerator ? std::optional(double(*numerator) / double(number.denominator)) : std::nullopt;
}

/// A constant, rounded to the element type of `result` as the operation does.
static Number roundedConstant(const Element &element, double value) {
  Type type = getElementTypeOrSelf(element.op->getResult(0).getType());
  if (type.isF32())
    value = float(value);
  else if (!type.isF64())
    return {};
  int exponent = 0;
  double mantissa = std::frexp(value, &exponent);
  if (!std::isfinite(value))
    return {};
  // 2^-40 is finer than any scale in use.
  double scaled = std::ldexp(mantissa, exponent + 40);
  int64_t denominator = int64_t(1) << 40;
  if (scaled != std::trunc(scaled) || std::fabs(scaled) >= 0x1p62)
    return {};
  int64_t numerator = int64_t(scaled);
  while (denominator > 1 && numerator % 2 == 0) {
    numerator /= 2;
    denominator /= 2;
  }
  return {element.constant(numerator), denominator};
}

/// Sizes stay far below 2^24, so that arithmetic with small factors is exact in
/// f32 and rationals tell what the model computes. Other factors are refused.
static bool isSmall(int64_t factor) { return factor >= -4096 && factor <= 4096; }

static Number scale(const Element &element, const Number &number, int64_t numerator,
                    int64_t denominator) {
  if (denominator < 0) {
    numerator = -numerator;
    denominator = -denominator;
  }
  if (!isSmall(numerator) || !isSmall(denominator) || denominator == 0 ||
      !isSmall(number.denominator))
    return {};
  return {number.numerator * numerator, number.denominator * denominator};
}

static Number addScaled(const Element &element, const Number &a, const Number &b, int64_t sign) {
  if (auto x = asDouble(a), y = asDouble(b); x && y)
    return roundedConstant(element, *x + double(sign) * *y);
  if (!isSmall(a.denominator) || !isSmall(b.denominator))
    return {};
  if (a.denominator == b.denominator)
    return {a.numerator + b.numerator * sign, a.denominator};
  return {a.numerator * b.denominator + b.numerator * (sign * a.denominator),
          a.denominator * b.denominator};
}
static Number addNumbers(const Element &element, ArrayRef<Number> args) {
  Number result = args.front();
  for (const Number &arg : args.drop_front())
    result = result.numerator ? addScaled(element, result, arg, 1) : result;
  return result;
}
static Number subtractNumbers(const Element &element, ArrayRef<Number> args) {
  return addScaled(element, args[0], args[1], -1);
}
static Number multiplyNumbers(const Element &element, ArrayRef<Number> args) {
  std::optional<double> x = asDouble(args[0]), y = asDouble(args[1]);
  if (x && y)
    return roundedConstant(element, *x * *y);
  if (!x && !y)
    return args[0].denominator == 1 && args[1].denominator == 1
               ? Number{args[0].numerator * args[1].numerator, 1}
               : Number();
  const Number &factor = x ? args[0] : args[1], &other = x ? args[1] : args[0];
  return scale(element, other, *asConstant(factor.numerator), factor.denominator);
}
static Number divideNumbers(const Element &element, ArrayRef<Number> args) {
  std::optional<double> x = asDouble(args[0]), y = asDouble(args[1]);
  if (x && y)
    return *y == 0 ? Number() : roundedConstant(element, *x / *y);
  if (y && *y != 0)
    return scale(element, args[0], args[1].denominator, *asConstant(args[1].numerator));
  // A size over itself.
  if (args[0].numerator == args[1].numerator && args[0].denominator == args[1].denominator)
    return {element.constant(1), 1};
  return {};
}
static Number negateNumber(const Element &, ArrayRef<Number> args) {
  return {args[0].numerator * -1, args[0].denominator};
}
static Number floorNumber(const Element &, ArrayRef<Number> args) {
  return {args[0].numerator.floorDiv(args[0].denominator), 1};
}
static Number ceilNumber(const Element &, ArrayRef<Number> args) {
  return {(args[0].numerator + (args[0].denominator - 1)).floorDiv(args[0].denominator), 1};
}
/// Halves go to the even neighbour: only what has no halves, or is constant.
static Number roundNumber(const Element &element, ArrayRef<Number> args) {
  if (args[0].denominator == 1)
    return args[0];
  std::optional<double> value = asDouble(args[0]);
  return value ? roundedConstant(element, std::nearbyint(*value)) : Number();
}
static Number squareRoot(const Element &element, ArrayRef<Number> args) {
  std::optional<double> value = asDouble(args[0]);
  return value && *value >= 0 ? roundedConstant(element, std::sqrt(*value)) : Number();
}
template <bool isMaximum>
static Number extremumOfNumbers(const Element &element, ArrayRef<Number> args) {
  Number result = args.front();
  for (const Number &arg : args.drop_front()) {
    if (arg.denominator != result.denominator)
      return {};
    result.numerator = isMaximum ? element.evaluator.maximum(result.numerator, arg.numerator)
                                 : element.evaluator.minimum(result.numerator, arg.numerator);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Conversions and choices
//===----------------------------------------------------------------------===//

/// Truncation towards zero.
static Dim truncate(const Element &element, const Number &number) {
  if (!number.numerator)
    return Dim();
  if (number.denominator == 1)
    return number.numerator;
  if (std::optional<int64_t> numerator = asConstant(number.numerator))
    return element.constant(*numerator / number.denominator);
  return element.isNonNegative(number.numerator) ? number.numerator.floorDiv(number.denominator)
                                                 : Dim();
}

/// An integer that becomes one of another type.
static Dim convert(const Element &element, Dim value, IntegerType to) {
  std::optional<int64_t> constant = asConstant(value);
  if (to.getWidth() == 1) {
    if (constant)
      return element.constant(*constant != 0);
    std::optional<int64_t> lower = element.evaluator.getLowerBound(value);
    return lower && *lower > 0 ? element.constant(1) : Dim();
  }
  if (to.getWidth() >= 32)
    return value;
  // Narrow types wrap: only what surely fits.
  return constant && *constant >= 0 && *constant < (int64_t(1) << (to.getWidth() - 1)) ? value
                                                                                       : Dim();
}

static void evaluateCast(Operation *op, ShapeEvaluator &evaluator) {
  Value input = op->getOperand(0), result = op->getResult(0);
  Element element{evaluator, op};
  Type to = getElementTypeOrSelf(result.getType());
  auto integer = dyn_cast<IntegerType>(to);
  if (std::optional<ShapeRef> elements = evaluator.getElements(input)) {
    SmallVector<Dim> integers;
    SmallVector<Number> floats;
    for (auto [i, value] : llvm::enumerate(*elements)) {
      Dim converted = integer ? convert(element, value, integer) : value;
      integers.push_back(converted ? converted : evaluator.unknownElement(result, i));
      floats.push_back({value, 1});
    }
    if (integer)
      evaluator.setElements(result, integers);
    else if (to.isF32() || to.isF64())
      evaluator.setNumbers(result, floats);
    return;
  }
  std::optional<ArrayRef<Number>> numbers = evaluator.getNumbers(input);
  if (!numbers)
    return;
  if (integer && integer.getWidth() >= 32) {
    SmallVector<Dim> integers;
    for (auto [i, number] : llvm::enumerate(*numbers)) {
      Dim value = truncate(element, number);
      integers.push_back(value ? value : evaluator.unknownElement(result, i));
    }
    evaluator.setElements(result, integers);
  } else if (to.isF64() || (to.isF32() && !getElementTypeOrSelf(input.getType()).isF64())) {
    evaluator.setNumbers(result, *numbers);
  }
}

static LogicalResult inferCast(Operation *op, ShapeEvaluator &evaluator) {
  copyShape(evaluator, op->getOperand(0), op->getResult(0));
  evaluateCast(op, evaluator);
  return success();
}

static LogicalResult inferIdentity(IdentityOp op, ShapeEvaluator &evaluator) {
  copyShape(evaluator, op.getInput(), op.getOutput());
  copyElements(evaluator, op.getInput(), op.getOutput());
  return success();
}

static LogicalResult inferWhere(WhereOp op, ShapeEvaluator &evaluator) {
  if (failed(inferBroadcast(op, evaluator)))
    return failure();
  std::optional<ShapeRef> condition = evaluator.getElements(op.getCondition());
  int64_t count = 0;
  auto positions = condition ? matchElements(evaluator, op, count) : std::nullopt;
  if (!positions)
    return success();
  if (auto x = evaluator.getElements(op.getX()), y = evaluator.getElements(op.getY()); x && y) {
    SmallVector<Dim> values;
    for (int64_t i = 0; i < count; ++i) {
      std::optional<int64_t> truth = asConstant((*condition)[(*positions)[0][i]]);
      Dim a = (*x)[(*positions)[1][i]], b = (*y)[(*positions)[2][i]];
      values.push_back(truth    ? (*truth ? a : b)
                       : a == b ? a
                                : evaluator.unknownElement(op.getOutput(), i));
    }
    evaluator.setElements(op.getOutput(), values);
  }
  if (auto x = evaluator.getNumbers(op.getX()), y = evaluator.getNumbers(op.getY()); x && y) {
    SmallVector<Number> values;
    for (int64_t i = 0; i < count; ++i) {
      std::optional<int64_t> truth = asConstant((*condition)[(*positions)[0][i]]);
      values.push_back(!truth   ? Number()
                       : *truth ? (*x)[(*positions)[1][i]]
                                : (*y)[(*positions)[2][i]]);
    }
    evaluator.setNumbers(op.getOutput(), values);
  }
  return success();
}

template <typename OpTy, IntegerRule integers, NumberRule numbers = nullptr>
static void attachArithmetic(MLIRContext *context) {
  OpTy::template attachInterface<ArithmeticModel<OpTy, integers, numbers>>(*context);
}

void analysis::attachArithmeticShapes(MLIRContext *context) {
  attachArithmetic<AbsOp, absolute>(context);
  attachArithmetic<AddOp, addIntegers, addNumbers>(context);
  attachArithmetic<AndOp, logicalAnd>(context);
  attachArithmetic<CeilOp, nullptr, ceilNumber>(context);
  attachArithmetic<DivOp, divideIntegers, divideNumbers>(context);
  attachArithmetic<EqualOp, equal>(context);
  attachArithmetic<FloorOp, nullptr, floorNumber>(context);
  attachArithmetic<GreaterOp, greaterThan>(context);
  attachArithmetic<GreaterOrEqualOp, greaterOrEqual>(context);
  attachArithmetic<LessOp, lessThan>(context);
  attachArithmetic<LessOrEqualOp, lessOrEqual>(context);
  attachArithmetic<MaxOp, maximumOf, extremumOfNumbers<true>>(context);
  attachArithmetic<MinOp, minimumOf, extremumOfNumbers<false>>(context);
  attachArithmetic<ModOp, remainder>(context);
  attachArithmetic<MulOp, multiplyIntegers, multiplyNumbers>(context);
  attachArithmetic<NegOp, negateInteger, negateNumber>(context);
  attachArithmetic<NotOp, logicalNot>(context);
  attachArithmetic<OrOp, logicalOr>(context);
  attachArithmetic<PowOp, power>(context);
  attachArithmetic<RoundOp, nullptr, roundNumber>(context);
  attachArithmetic<SqrtOp, nullptr, squareRoot>(context);
  attachArithmetic<SubOp, subtractIntegers, subtractNumbers>(context);
  attachArithmetic<SumOp, addIntegers, addNumbers>(context);
  attachArithmetic<XorOp, logicalXor>(context);
  attachAll<inferCast, CastOp, CastLikeOp>(context);
  attach<IdentityOp, inferIdentity>(context);
  attach<WhereOp, inferWhere>(context);
}
