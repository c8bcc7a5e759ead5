//===- SymbolicShapes.h - Every size as an expression -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Gives each value of a model its shape as expressions over symbols, and small
// integer tensors (shape arithmetic) their elements. Recomputable, never stored
// in types. Sizes of inputs are assumed to be at least 1: whoever runs a model
// refuses empty inputs, and checks `assumptions()`.
//
// A symbol is one of
//   - a dynamic size of an argument: `nn.dims` names it, and arguments that use
//     one name share one symbol;
//   - the minimum or maximum of two expressions;
//   - a size of a value, or an element of an integer tensor, that depends on
//     data: it can be read off that value once it is computed.
//
// Expressions are in the normal form of DimAlgebra.h: sizes that are equal as
// polynomials are the same AffineExpr. `areEqual` also knows what operations
// took for granted (the two sides of a residual Add).

#ifndef SECATEUR_ANALYSIS_SYMBOLICSHAPES_H
#define SECATEUR_ANALYSIS_SYMBOLICSHAPES_H

#include "dialects/NN/IR/ShapeEvaluator.h"
#include "secateur/Analysis/DimAlgebra.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Allocator.h"

#include <memory>
#include <string>

namespace secateur::analysis {

using nn::Dim;

struct Symbol {
  enum class Kind { Input, Minimum, Maximum, DataDim, DataElement };
  Kind kind;
  /// For people: the name in `nn.dims`, else `<input>.<axis>` or `%N`.
  std::string name;
  /// Input: the sizes that it stands for, as (argument, axis); the first is
  /// where to read it.
  llvm::SmallVector<std::pair<unsigned, unsigned>, 2> sources;
  /// Minimum, Maximum: over symbols of lower positions.
  Dim left, right;
  /// DataDim, DataElement: where to read it: axis, or row-major element.
  mlir::Value owner;
  unsigned index = 0;
  /// Input: the analysis relied on its being at least 1, so that 0 must be refused.
  bool positive = false;
};

/// left == right, which `op` needs and the analysis cannot tell.
struct Assumption {
  Dim left, right;
  mlir::Operation *op;
};

/// The value of each symbol, by position; nullopt where it depends on data.
using Bindings = llvm::SmallVector<std::optional<int64_t>>;

class SymbolicShapes : public nn::ShapeEvaluator {
public:
  /// Infers all of `func`. Fails with an error at the operation whose operands
  /// contradict each other.
  static mlir::FailureOr<std::unique_ptr<SymbolicShapes>> compute(mlir::func::FuncOp func);

  std::optional<llvm::ArrayRef<Dim>> getShape(mlir::Value value) override;
  std::optional<llvm::ArrayRef<Dim>> getElements(mlir::Value value) override;
  std::optional<llvm::ArrayRef<nn::Number>> getNumbers(mlir::Value value) override;
  /// The elements, if all of them are integers that no input changes.
  std::optional<llvm::SmallVector<int64_t>> getConstantElements(mlir::Value value);

  llvm::ArrayRef<Symbol> getSymbols() const { return symbols; }
  const Symbol &getSymbol(Dim symbol) const {
    return symbols[llvm::cast<mlir::AffineSymbolExpr>(symbol).getPosition()];
  }
  /// Whether an expression needs more than the sizes of the inputs.
  bool dependsOnData(Dim expression) const;
  /// Equal for every input that meets the assumptions.
  bool areEqual(Dim left, Dim right);
  llvm::ArrayRef<Assumption> getAssumptions() const { return assumptions; }
  /// The expression in words: symbols by name, `min(a, b)`, `data(%x)`.
  std::string toString(Dim expression) const override;

  /// The symbols' values where argument i has shape `argumentShapes[i]`; errors
  /// go to `onError` (rank, a static size that differs, one name with two
  /// values, a size below 1, an assumption that does not hold).
  mlir::FailureOr<Bindings> bind(llvm::ArrayRef<llvm::SmallVector<int64_t>> argumentShapes,
                                 llvm::function_ref<void(const llvm::Twine &)> onError);
  std::optional<int64_t> evaluate(Dim expression, const Bindings &bindings) const;
  /// The concrete shape; -1 where it depends on data, nullopt where even the
  /// rank is unknown.
  std::optional<llvm::SmallVector<int64_t>> evaluate(mlir::Value value, const Bindings &bindings);

  // What operations use while shapes are inferred.
  void setShape(mlir::Value result, llvm::ArrayRef<Dim> shape) override;
  void setUnranked(mlir::Value result) override;
  void setElements(mlir::Value result, llvm::ArrayRef<Dim> elements) override;
  void setNumbers(mlir::Value result, llvm::ArrayRef<nn::Number> elements) override;
  mlir::MLIRContext *getContext() override { return context; }
  Dim unknownDim(mlir::Value owner, unsigned axis) override;
  Dim unknownElement(mlir::Value owner, unsigned index) override;
  Dim minimum(Dim left, Dim right) override { return extremum(Symbol::Kind::Minimum, left, right); }
  Dim maximum(Dim left, Dim right) override { return extremum(Symbol::Kind::Maximum, left, right); }
  Dim simplify(Dim expression) override;
  std::optional<int64_t> getLowerBound(Dim expression) override;
  std::optional<int64_t> getUpperBound(Dim expression) override;
  bool requireEqual(Dim left, Dim right, mlir::Operation *op) override;
  llvm::LogicalResult inferRegion(mlir::Region &region) override;

private:
  explicit SymbolicShapes(mlir::func::FuncOp func) : func(func), context(func.getContext()) {}

  llvm::LogicalResult inferOperation(mlir::Operation *op);
  void setArgumentShapes();
  /// `safe` holds also where sizes of inputs are 0.
  Dim addSymbol(Symbol symbol, Bounds bounds, Bounds safe);
  Dim extremum(Symbol::Kind kind, Dim left, Dim right);
  /// Sizes of inputs are at least 1, but for `safeBoundsOf` at least 0.
  Bounds boundsOf(Dim expression);
  Bounds safeBoundsOf(Dim expression);
  /// What was concluded holds only where these sizes of inputs are at least 1.
  void rely(Dim expression);
  Dim representative(Dim expression);

  mlir::func::FuncOp func;
  mlir::MLIRContext *context;
  llvm::SmallVector<Symbol> symbols;
  llvm::SmallVector<Bounds> symbolBounds, safeBounds;
  llvm::SmallVector<Assumption> assumptions;
  /// A value that is absent has not been inferred; an empty optional is unranked.
  llvm::DenseMap<mlir::Value, std::optional<llvm::ArrayRef<Dim>>> shapes;
  llvm::DenseMap<mlir::Value, llvm::ArrayRef<Dim>> elements;
  llvm::DenseMap<mlir::Value, llvm::ArrayRef<nn::Number>> numbers;
  /// Owns the arrays, so that they stay where they are.
  llvm::BumpPtrAllocator storage;
  llvm::DenseMap<std::pair<mlir::Value, unsigned>, Dim> dataDims, dataElements;
  llvm::DenseMap<std::pair<Dim, Dim>, Dim> minima, maxima;
  /// Union-find over expressions that are assumed to be equal.
  llvm::DenseMap<Dim, Dim> parents;
};

/// Gives the arguments of `func` named in `argumentShapes` (by `nn.name`) these
/// sizes, -1 leaving one dynamic; other arguments that share a symbol follow.
/// Only types change: `nn-infer-shapes` does the rest. Fails with an error where a name or rank is
/// wrong or a static size contradicts.
llvm::LogicalResult specializeArguments(
    mlir::func::FuncOp func,
    llvm::ArrayRef<std::pair<std::string, llvm::SmallVector<int64_t>>> argumentShapes);

/// Refines the types of all results, block arguments and of `func` itself to
/// what `shapes` knows: a size where it is constant, `?` elsewhere.
void refineTypes(mlir::func::FuncOp func, SymbolicShapes &shapes);

} // namespace secateur::analysis

#endif // SECATEUR_ANALYSIS_SYMBOLICSHAPES_H
