//===- Coupling.h - How an operation declares its coupling ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// An axis is an ordered set of positions. It is one digit (an index that varies
// by itself), a product of axes (mixed radix, outermost first) or a sum of axes
// (one after the other). An operation composes the axes of its results from those
// of its operands with the builder's functions, and says which axes are the same.
// The solver keeps the equalities; removing one value of a digit then removes all
// positions, anywhere, whose index has that value.

#ifndef SECATEUR_DIALECTS_NN_IR_COUPLING_H
#define SECATEUR_DIALECTS_NN_IR_COUPLING_H

#include "dialects/NN/IR/ShapeEvaluator.h"

#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/Operation.h"

namespace secateur::nn {

/// What the erased positions of a value hold in the model whose removed weights
/// are zeroed: the same number in all of them, or something less certain.
struct ErasedValue {
  enum class Kind {
    /// There are no erased positions.
    Absent,
    /// `number`, everywhere.
    Constant,
    /// Some finite number.
    Finite,
    /// Anything, infinities and NaN included.
    Unknown,
  };
  Kind kind = Kind::Absent;
  double number = 0;

  static ErasedValue absent() { return {}; }
  static ErasedValue zero() { return {Kind::Constant, 0}; }
  static ErasedValue finite() { return {Kind::Finite, 0}; }
  static ErasedValue unknown() { return {Kind::Unknown, 0}; }
  /// Unknown where `number` is not finite.
  static ErasedValue constant(double number);

  bool isAbsent() const { return kind == Kind::Absent; }
  bool isConstant() const { return kind == Kind::Constant; }
  bool isZero() const { return kind == Kind::Constant && number == 0; }
  /// Absent positions are as finite as the model is.
  bool isFinite() const { return kind != Kind::Unknown; }
};

/// What holds of both; `Absent` says nothing.
ErasedValue join(ErasedValue left, ErasedValue right);

/// What an operation makes of an operand that holds sizes of other tensors.
struct SizeUse {
  enum class Kind {
    /// They are the shape of something, and nothing else.
    Shape,
    /// The results hold sizes again.
    Passes,
    /// They are numbers to compute with: the sizes must not change.
    Value,
  };
  Kind kind = Kind::Value;
  /// Passes: the elements that go on; all where this is not known.
  std::optional<llvm::SmallVector<int64_t>> elements;
};

/// An axis of the solver; only the builder makes sense of it.
struct Axis {
  unsigned id = 0;
};

class CouplingBuilder {
public:
  virtual ~CouplingBuilder() = default;

  // What there is.
  /// The axes of an operand (of this use of it). Empty for a scalar and where
  /// the rank is unknown, which `shape` tells apart.
  virtual llvm::ArrayRef<Axis> axes(mlir::OpOperand &operand) = 0;
  virtual std::optional<llvm::ArrayRef<Dim>> shape(mlir::Value value) = 0;
  /// The elements of an integer tensor that no input changes.
  virtual std::optional<llvm::SmallVector<int64_t>> integers(mlir::Value value) = 0;
  /// Likewise where some elements depend on the input: those are missing. nullopt
  /// where their number does.
  virtual std::optional<llvm::SmallVector<std::optional<int64_t>>>
  someIntegers(mlir::Value value) = 0;
  /// Whether no element of an operand is negative.
  virtual bool isNonNegative(mlir::Value value) = 0;
  /// The size of an axis, where it is the same for every input.
  virtual std::optional<int64_t> extent(Axis axis) = 0;

  // Making axes.
  /// A digit of its own.
  virtual Axis fresh(Dim extent) = 0;
  /// So many positions beside others of their axis: even a single one may leave.
  virtual Axis padding(int64_t size) = 0;
  /// Positions that never leave: batch, space, sequence.
  virtual Axis rigid(Dim extent, llvm::StringRef what) = 0;
  virtual Axis product(llvm::ArrayRef<Axis> factors) = 0;
  virtual Axis concat(llvm::ArrayRef<Axis> pieces) = 0;
  /// Positions [begin, end) of an axis of constant size.
  virtual Axis slice(Axis axis, int64_t begin, int64_t end) = 0;
  /// The axes of a tensor of shape `to` that has the elements of one with the
  /// axes `from` in the same order. What has no common factors is pinned.
  virtual llvm::SmallVector<Axis> regroup(llvm::ArrayRef<Axis> from, llvm::ArrayRef<Dim> to) = 0;

  // Saying something about them.
  virtual void unify(Axis left, Axis right) = 0;
  /// The positions of `axis` stay; `reason` is a clause for people.
  virtual void pin(Axis axis, llvm::StringRef reason) = 0;
  /// Erased positions of this operand's axis must hold zero (or be finite), else
  /// the axis is pinned for `reason`.
  virtual void needZero(mlir::OpOperand &operand, unsigned axis, llvm::StringRef reason) = 0;
  /// Likewise, but only for the digits of `part`, a part of one of its axes.
  virtual void needZero(mlir::OpOperand &operand, Axis part, llvm::StringRef reason) = 0;
  /// Likewise, but what they must hold is `number`.
  virtual void needNumber(mlir::OpOperand &operand, unsigned axis, double number,
                          llvm::StringRef reason) = 0;
  virtual void needFinite(mlir::OpOperand &operand, unsigned axis, llvm::StringRef reason) = 0;
  /// `left` and `right` are multiplied, and summed over `axis` of `left`: in each
  /// erased position one of them must hold zero and the other be finite.
  void needZeroProduct(mlir::OpOperand &left, mlir::OpOperand &right, unsigned axis,
                       llvm::StringRef reason) {
    needZeroProduct(left, right, axis, reason, 0, 0);
  }
  /// Likewise, of tensors in which other numbers stand for zero; nullopt: none does.
  virtual void needZeroProduct(mlir::OpOperand &left, mlir::OpOperand &right, unsigned axis,
                               llvm::StringRef reason, std::optional<int64_t> leftZero,
                               std::optional<int64_t> rightZero) = 0;
  /// Where this operand is a weight, its removed elements keep their values in
  /// the proof: zero would not do (a divisor).
  virtual void keepsValue(mlir::OpOperand &operand) = 0;
  /// Where this operand is a weight, its removed elements count as `number` in the
  /// proof: a quantised zero.
  virtual void countsAs(mlir::OpOperand &operand, int64_t number) = 0;
  /// The 32-bit integers of this operand are quantised numbers, so that removed
  /// elements can count as zero: others are positions, sizes or masks.
  virtual void holdsNumbers(mlir::OpOperand &operand) = 0;
  /// Element i of result `result` is the size of axes[i]: where that reaches
  /// anything but the shape of something, the axis is pinned.
  virtual void readsExtents(mlir::OpOperand &operand, unsigned result,
                            llvm::ArrayRef<Axis> axes) = 0;

  virtual void setResult(unsigned result, llvm::ArrayRef<Axis> axes) = 0;
};

} // namespace secateur::nn

#include "dialects/NN/IR/NNCoupling.h.inc"

#endif // SECATEUR_DIALECTS_NN_IR_COUPLING_H
