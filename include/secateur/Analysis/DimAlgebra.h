//===- DimAlgebra.h - A normal form of size expressions ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Sizes are polynomials over the symbols of a model with integer coefficients,
// and floor divisions of those. The normal form is the sum of products in a
// fixed order, so that equal polynomials are the same AffineExpr. All symbols
// stand for integers; none is a dimension (AffineDimExpr) in MLIR's sense.

#ifndef SECATEUR_ANALYSIS_DIMALGEBRA_H
#define SECATEUR_ANALYSIS_DIMALGEBRA_H

#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <optional>

namespace secateur::analysis {

/// What is known of an integer for every input; a side that is missing is
/// unbounded.
struct Bounds {
  std::optional<int64_t> lower, upper;
};

/// The bounds of the symbol at a position.
using SymbolBounds = llvm::function_ref<Bounds(unsigned)>;

/// The normal form of `expression`. Expressions that would overflow 64 bits, or
/// have more than 256 terms, come back as they are.
mlir::AffineExpr normalize(mlir::AffineExpr expression, SymbolBounds symbols);

/// Bounds of an expression, from those of its symbols. Not tight.
Bounds getBounds(mlir::AffineExpr expression, SymbolBounds symbols);

/// Negative, zero or positive: an order of expressions by their structure, the
/// same in every run (pointers are not).
int compare(mlir::AffineExpr left, mlir::AffineExpr right);

/// The value of an expression; nullopt where a symbol has none (`valueOf` gives
/// nullopt), a divisor is not positive, or 64 bits overflow.
std::optional<int64_t> evaluate(mlir::AffineExpr expression,
                                llvm::function_ref<std::optional<int64_t>(unsigned)> valueOf);

} // namespace secateur::analysis

#endif // SECATEUR_ANALYSIS_DIMALGEBRA_H
