//===- DimAlgebra.cpp - A normal form of size expressions -------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Expression -> polynomial over atoms (symbols and floor divisions that cannot
// be resolved) -> expression. Ceiling divisions and remainders are rewritten as
// floor divisions on the way in, so that there is one form of each.

#include "secateur/Analysis/DimAlgebra.h"

#include "llvm/Support/MathExtras.h"

#include <map>
#include <numeric>
#include <vector>

using namespace mlir;
using namespace secateur;
using namespace secateur::analysis;

int analysis::compare(AffineExpr left, AffineExpr right) {
  if (left == right)
    return 0;
  if (left.getKind() != right.getKind())
    return left.getKind() < right.getKind() ? -1 : 1;
  auto order = [](auto a, auto b) { return a < b ? -1 : a > b ? 1 : 0; };
  if (auto constant = dyn_cast<AffineConstantExpr>(left))
    return order(constant.getValue(), cast<AffineConstantExpr>(right).getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(left))
    return order(symbol.getPosition(), cast<AffineSymbolExpr>(right).getPosition());
  if (auto dim = dyn_cast<AffineDimExpr>(left))
    return order(dim.getPosition(), cast<AffineDimExpr>(right).getPosition());
  auto leftBinary = cast<AffineBinaryOpExpr>(left), rightBinary = cast<AffineBinaryOpExpr>(right);
  if (int result = compare(leftBinary.getLHS(), rightBinary.getLHS()))
    return result;
  return compare(leftBinary.getRHS(), rightBinary.getRHS());
}

namespace {

/// A product of atoms, sorted; with multiplicity.
using Monomial = std::vector<AffineExpr>;

/// By degree, then lexicographic: an order that multiplication respects.
struct MonomialBefore {
  bool operator()(const Monomial &left, const Monomial &right) const {
    if (left.size() != right.size())
      return left.size() > right.size();
    for (auto [a, b] : llvm::zip(left, right))
      if (int result = compare(a, b))
        return result < 0;
    return false;
  }
};

/// A sum of monomials with coefficients, none of them 0; leading term first.
using Polynomial = std::map<Monomial, int64_t, MonomialBefore>;

/// The arithmetic. `failed` is set once something overflows or gets too large;
/// results are then meaningless.
class Algebra {
public:
  Algebra(MLIRContext *context, SymbolBounds symbols) : context(context), symbols(symbols) {}

  Polynomial parse(AffineExpr expression);
  AffineExpr build(const Polynomial &polynomial);
  Bounds bounds(const Polynomial &polynomial);
  bool failed = false;

private:
  static constexpr size_t kMaxTerms = 256;

  Polynomial constant(int64_t value) {
    return value ? Polynomial{{Monomial(), value}} : Polynomial();
  }
  Polynomial atom(AffineExpr expression) { return {{Monomial{expression}, 1}}; }
  Polynomial division(const Polynomial &dividend, const Polynomial &divisor) {
    AffineExpr result =
        getAffineBinaryOpExpr(AffineExprKind::FloorDiv, build(dividend), build(divisor));
    return result.getKind() == AffineExprKind::FloorDiv ? atom(result) : parse(result);
  }
  static std::optional<int64_t> asConstant(const Polynomial &polynomial) {
    if (polynomial.empty())
      return 0;
    if (polynomial.size() == 1 && polynomial.begin()->first.empty())
      return polynomial.begin()->second;
    return std::nullopt;
  }
  int64_t multiply(int64_t a, int64_t b) {
    int64_t result = 0;
    failed |= __builtin_mul_overflow(a, b, &result);
    return result;
  }
  int64_t sum(int64_t a, int64_t b) {
    int64_t result = 0;
    failed |= __builtin_add_overflow(a, b, &result);
    return result;
  }
  void addTerm(Polynomial &to, const Monomial &monomial, int64_t coefficient) {
    auto [it, inserted] = to.try_emplace(monomial, coefficient);
    if (!inserted)
      it->second = sum(it->second, coefficient);
    // The one coefficient that has no negative is not worth the care.
    failed |= it->second == std::numeric_limits<int64_t>::min() || to.size() > kMaxTerms;
    if (it->second == 0)
      to.erase(it);
  }
  Polynomial add(Polynomial left, const Polynomial &right, int64_t factor = 1) {
    for (const auto &[monomial, coefficient] : right)
      addTerm(left, monomial, multiply(coefficient, factor));
    return left;
  }
  Polynomial multiply(const Polynomial &left, const Polynomial &right);
  static std::optional<Monomial> divide(const Monomial &dividend, const Monomial &divisor);
  std::optional<Polynomial> divideExactly(Polynomial dividend, const Polynomial &divisor);
  Polynomial floorDivide(const Polynomial &dividend, const Polynomial &divisor);
  Polynomial floorDivide(const Polynomial &dividend, int64_t divisor);
  Bounds atomBounds(AffineExpr atom);

  MLIRContext *context;
  SymbolBounds symbols;
};

} // namespace

Polynomial Algebra::multiply(const Polynomial &left, const Polynomial &right) {
  Polynomial result;
  for (const auto &[leftMonomial, leftCoefficient] : left)
    for (const auto &[rightMonomial, rightCoefficient] : right) {
      Monomial product;
      std::merge(leftMonomial.begin(), leftMonomial.end(), rightMonomial.begin(),
                 rightMonomial.end(), std::back_inserter(product),
                 [](AffineExpr a, AffineExpr b) { return compare(a, b) < 0; });
      addTerm(result, product, multiply(leftCoefficient, rightCoefficient));
      if (failed)
        return {};
    }
  return result;
}

/// dividend / divisor, if the atoms of the divisor are among the dividend's.
std::optional<Monomial> Algebra::divide(const Monomial &dividend, const Monomial &divisor) {
  Monomial quotient;
  auto it = divisor.begin();
  for (AffineExpr factor : dividend) {
    if (it != divisor.end() && *it == factor)
      ++it;
    else
      quotient.push_back(factor);
  }
  return it == divisor.end() ? std::optional(quotient) : std::nullopt;
}

/// The quotient, if polynomial division leaves no remainder.
std::optional<Polynomial> Algebra::divideExactly(Polynomial dividend, const Polynomial &divisor) {
  Polynomial quotient;
  const auto &[leading, leadingCoefficient] = *divisor.begin();
  // Each step removes the leading term of the dividend.
  for (size_t step = 0; step < kMaxTerms && !dividend.empty(); ++step) {
    auto [monomial, coefficient] = *dividend.begin();
    std::optional<Monomial> factor = divide(monomial, leading);
    if (!factor || coefficient % leadingCoefficient != 0)
      return std::nullopt;
    Polynomial term{{*factor, coefficient / leadingCoefficient}};
    quotient = add(quotient, term);
    dividend = add(dividend, multiply(term, divisor), -1);
    if (failed)
      return std::nullopt;
  }
  return dividend.empty() ? std::optional(quotient) : std::nullopt;
}

/// floor(dividend / divisor), divisor > 1.
Polynomial Algebra::floorDivide(const Polynomial &dividend, int64_t divisor) {
  // What the divisor divides leaves the division, and so does the whole part of
  // the constant.
  Polynomial quotient, rest;
  int64_t offset = 0;
  for (const auto &[monomial, coefficient] : dividend) {
    if (monomial.empty()) {
      offset = coefficient;
      continue;
    }
    if (coefficient % divisor == 0)
      addTerm(quotient, monomial, coefficient / divisor);
    else
      rest.emplace(monomial, coefficient);
  }
  int64_t whole = llvm::divideFloorSigned(offset, divisor);
  offset -= whole * divisor;
  quotient = add(quotient, constant(whole));
  if (rest.empty())
    return quotient;
  // A common factor of the rest and the divisor: the constant rounds down.
  int64_t common = divisor;
  for (const auto &[monomial, coefficient] : rest)
    common = std::gcd(common, coefficient);
  if (common > 1) {
    for (auto &[monomial, coefficient] : rest)
      coefficient /= common;
    divisor /= common;
    offset /= common;
  }
  if (divisor == 1)
    return add(add(quotient, rest), constant(offset));
  Polynomial numerator = add(rest, constant(offset));
  Bounds range = bounds(numerator);
  if (range.lower && range.upper && *range.lower >= 0 && *range.upper < divisor)
    return quotient;
  // floor((floor(x / a) + k) / b) = floor((x + k a) / (a b)).
  if (rest.size() == 1 && rest.begin()->first.size() == 1 && rest.begin()->second == 1) {
    auto inner = dyn_cast<AffineBinaryOpExpr>(rest.begin()->first.front());
    if (inner && inner.getKind() == AffineExprKind::FloorDiv)
      if (auto innerDivisor = dyn_cast<AffineConstantExpr>(inner.getRHS());
          innerDivisor && innerDivisor.getValue() > 0) {
        int64_t a = innerDivisor.getValue();
        Polynomial joined = add(parse(inner.getLHS()), constant(multiply(offset, a)));
        return add(quotient, floorDivide(joined, multiply(a, divisor)));
      }
  }
  return add(quotient, division(numerator, constant(divisor)));
}

Polynomial Algebra::floorDivide(const Polynomial &dividend, const Polynomial &divisor) {
  if (std::optional<int64_t> value = asConstant(divisor)) {
    if (*value < 0)
      return floorDivide(multiply(dividend, constant(-1)), multiply(divisor, constant(-1)));
    if (*value == 1)
      return dividend;
    if (*value > 1)
      return floorDivide(dividend, *value);
  } else if (std::optional<Polynomial> quotient = divideExactly(dividend, divisor)) {
    return *quotient;
  }
  return division(dividend, divisor);
}

Polynomial Algebra::parse(AffineExpr expression) {
  if (failed)
    return {};
  if (auto value = dyn_cast<AffineConstantExpr>(expression))
    return constant(value.getValue());
  auto binary = dyn_cast<AffineBinaryOpExpr>(expression);
  if (!binary)
    return atom(expression);
  Polynomial left = parse(binary.getLHS()), right = parse(binary.getRHS());
  if (failed)
    return {};
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return add(left, right);
  case AffineExprKind::Mul:
    return multiply(left, right);
  case AffineExprKind::FloorDiv:
    return floorDivide(left, right);
  case AffineExprKind::CeilDiv:
    return floorDivide(add(add(left, right), constant(-1)), right);
  case AffineExprKind::Mod:
    return add(left, multiply(right, floorDivide(left, right)), -1);
  default:
    return atom(expression);
  }
}

AffineExpr Algebra::build(const Polynomial &polynomial) {
  AffineExpr result;
  for (const auto &[monomial, coefficient] : polynomial) {
    AffineExpr term;
    for (AffineExpr factor : monomial)
      term = term ? term * factor : factor;
    if (!term)
      term = getAffineConstantExpr(coefficient, context);
    else if (coefficient != 1)
      term = term * coefficient;
    result = result ? result + term : term;
  }
  return result ? result : getAffineConstantExpr(0, context);
}

Bounds Algebra::atomBounds(AffineExpr atom) {
  if (auto symbol = dyn_cast<AffineSymbolExpr>(atom))
    return symbols(symbol.getPosition());
  auto binary = dyn_cast<AffineBinaryOpExpr>(atom);
  if (!binary || binary.getKind() != AffineExprKind::FloorDiv)
    return {};
  Bounds dividend = bounds(parse(binary.getLHS()));
  Bounds divisor = bounds(parse(binary.getRHS()));
  if (!divisor.lower || *divisor.lower < 1)
    return {};
  Bounds result;
  bool exact = divisor.upper && *divisor.upper == *divisor.lower;
  if (dividend.lower && (exact || *dividend.lower >= 0))
    result.lower = exact ? llvm::divideFloorSigned(*dividend.lower, *divisor.lower) : 0;
  if (dividend.upper && (exact || *dividend.upper >= 0))
    result.upper = llvm::divideFloorSigned(*dividend.upper, *divisor.lower);
  return result;
}

Bounds Algebra::bounds(const Polynomial &polynomial) {
  Bounds total{0, 0};
  auto accumulate = [](std::optional<int64_t> &into, std::optional<int64_t> bound) {
    int64_t result;
    if (!into || !bound || __builtin_add_overflow(*into, *bound, &result))
      into = std::nullopt;
    else
      into = result;
  };
  for (const auto &[monomial, coefficient] : polynomial) {
    // Products of bounds hold only for factors that are not negative.
    Bounds product{1, 1};
    auto grow = [](std::optional<int64_t> &into, std::optional<int64_t> bound) {
      int64_t result;
      if (!into || !bound || __builtin_mul_overflow(*into, *bound, &result))
        into = std::nullopt;
      else
        into = result;
    };
    for (AffineExpr factor : monomial) {
      Bounds range = atomBounds(factor);
      if (monomial.size() > 1 && (!range.lower || *range.lower < 0))
        range = {};
      grow(product.lower, range.lower);
      grow(product.upper, range.upper);
    }
    grow(product.lower, coefficient);
    grow(product.upper, coefficient);
    if (coefficient < 0)
      std::swap(product.lower, product.upper);
    accumulate(total.lower, product.lower);
    accumulate(total.upper, product.upper);
  }
  return total;
}

AffineExpr analysis::normalize(AffineExpr expression, SymbolBounds symbols) {
  if (isa<AffineConstantExpr, AffineSymbolExpr>(expression))
    return expression;
  Algebra algebra(expression.getContext(), symbols);
  Polynomial polynomial = algebra.parse(expression);
  if (algebra.failed)
    return expression;
  AffineExpr result = algebra.build(polynomial);
  return algebra.failed ? expression : result;
}

Bounds analysis::getBounds(AffineExpr expression, SymbolBounds symbols) {
  Algebra algebra(expression.getContext(), symbols);
  Polynomial polynomial = algebra.parse(expression);
  if (algebra.failed)
    return {};
  Bounds result = algebra.bounds(polynomial);
  return algebra.failed ? Bounds() : result;
}

std::optional<int64_t> analysis::evaluate(AffineExpr expression,
                                          function_ref<std::optional<int64_t>(unsigned)> valueOf) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return constant.getValue();
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expression))
    return valueOf(symbol.getPosition());
  auto binary = dyn_cast<AffineBinaryOpExpr>(expression);
  if (!binary)
    return std::nullopt;
  std::optional<int64_t> left = evaluate(binary.getLHS(), valueOf);
  std::optional<int64_t> right = evaluate(binary.getRHS(), valueOf);
  int64_t result = 0;
  if (!left || !right)
    return std::nullopt;
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return __builtin_add_overflow(*left, *right, &result) ? std::nullopt : std::optional(result);
  case AffineExprKind::Mul:
    return __builtin_mul_overflow(*left, *right, &result) ? std::nullopt : std::optional(result);
  default:
    break;
  }
  if (*right <= 0)
    return std::nullopt;
  switch (binary.getKind()) {
  case AffineExprKind::FloorDiv:
    return llvm::divideFloorSigned(*left, *right);
  case AffineExprKind::CeilDiv:
    return llvm::divideCeilSigned(*left, *right);
  case AffineExprKind::Mod:
    return *left - *right * llvm::divideFloorSigned(*left, *right);
  default:
    return std::nullopt;
  }
}
