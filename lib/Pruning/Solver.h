//===- Solver.h - Which positions leave together ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Asks every operation of a function for its coupling, in order, and keeps the
// equalities in a DigitGraph. It names no operation. One pass is enough: an axis
// of a result is made of axes of operands, and refining a digit refines it
// wherever it stands.
//
// Afterwards each digit that is not pinned is removable: `erased values`, a second
// pass over the function, has pinned those whose removal is not the same as
// zeroing them.

#ifndef SECATEUR_LIB_PRUNING_SOLVER_H
#define SECATEUR_LIB_PRUNING_SOLVER_H

#include "Digits.h"
#include "Shuffles.h"
#include "dialects/NN/IR/Coupling.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringSet.h"

namespace secateur::pruning {

class Solver : public nn::CouplingBuilder {
public:
  /// `interface` names the graph inputs and outputs whose dimensions may shrink;
  /// `shuffles` are not asked, but taken for the lists of positions that they are.
  Solver(mlir::func::FuncOp func, nn::ShapeEvaluator &shapes, const llvm::StringSet<> &interface,
         llvm::ArrayRef<Shuffle> shuffles = {})
      : func(func), shapes(shapes), interface(interface) {
    for (const Shuffle &shuffle : shuffles)
      for (mlir::Operation *op : {shuffle.split, shuffle.reorder, shuffle.join})
        shuffleOf[op] = &shuffle;
  }

  void run();

  DigitGraph &getDigits() { return digits; }
  /// The axes of a value, or of one use of a constant that is untied.
  llvm::ArrayRef<nn::Axis> axesOf(mlir::Value value);
  llvm::ArrayRef<nn::Axis> axesOf(mlir::OpOperand &use) { return axes(use); }
  /// Small constants that several operations use: each use is one of its own.
  bool isUntied(mlir::Value value) const { return untied.contains(value); }
  /// Whether the removed elements of a constant keep their values. Uses of a tied
  /// constant agree.
  bool keepsItsValue(mlir::OpOperand &use) const;
  /// What they count as, where they do not.
  int64_t fillOf(mlir::OpOperand &use) const;

  // What operations use.
  llvm::ArrayRef<nn::Axis> axes(mlir::OpOperand &operand) override;
  std::optional<llvm::ArrayRef<nn::Dim>> shape(mlir::Value value) override;
  std::optional<llvm::SmallVector<int64_t>> integers(mlir::Value value) override;
  std::optional<llvm::SmallVector<std::optional<int64_t>>> someIntegers(mlir::Value value) override;
  bool isNonNegative(mlir::Value value) override { return nonNegative.contains(value); }
  std::optional<int64_t> extent(nn::Axis axis) override;
  nn::Axis fresh(nn::Dim extent) override;
  nn::Axis padding(int64_t size) override;
  nn::Axis rigid(nn::Dim extent, llvm::StringRef what) override;
  nn::Axis product(llvm::ArrayRef<nn::Axis> factors) override;
  nn::Axis concat(llvm::ArrayRef<nn::Axis> pieces) override;
  nn::Axis slice(nn::Axis axis, int64_t begin, int64_t end) override;
  llvm::SmallVector<nn::Axis> regroup(llvm::ArrayRef<nn::Axis> from,
                                      llvm::ArrayRef<nn::Dim> to) override;
  void unify(nn::Axis left, nn::Axis right) override;
  void pin(nn::Axis axis, llvm::StringRef reason) override;
  void needZero(mlir::OpOperand &operand, unsigned axis, llvm::StringRef reason) override;
  void needZero(mlir::OpOperand &operand, nn::Axis part, llvm::StringRef reason) override;
  void needNumber(mlir::OpOperand &operand, unsigned axis, double number,
                  llvm::StringRef reason) override;
  void needFinite(mlir::OpOperand &operand, unsigned axis, llvm::StringRef reason) override;
  void needZeroProduct(mlir::OpOperand &left, mlir::OpOperand &right, unsigned axis,
                       llvm::StringRef reason, std::optional<int64_t> leftZero,
                       std::optional<int64_t> rightZero) override;
  void keepsValue(mlir::OpOperand &operand) override;
  void countsAs(mlir::OpOperand &operand, int64_t number) override;
  void holdsNumbers(mlir::OpOperand &operand) override;
  void readsExtents(mlir::OpOperand &operand, unsigned result,
                    llvm::ArrayRef<nn::Axis> axes) override;
  void setResult(unsigned result, llvm::ArrayRef<nn::Axis> axes) override;

private:
  /// What the erased positions of `left` (and `right`) must hold in the digits of
  /// `positions`.
  struct Need {
    enum class Kind { Number, Finite, ZeroProduct } kind;
    mlir::OpOperand *left, *right;
    nn::Axis positions;
    unsigned reason;
    double number = 0;
    /// What stands for zero on either side of a product.
    std::optional<int64_t> leftZero = 0, rightZero = 0;
  };
  using Erased = llvm::SmallVector<std::pair<NodeId, nn::ErasedValue>, 2>;

  unsigned reasonOf(llvm::StringRef rule, bool silent = false);
  void chooseUntied();
  void makeArguments();
  void makeConstant(mlir::Operation *op);
  void pinOperation(mlir::Operation *op, llvm::StringRef rule);
  void declare(mlir::Operation *op, nn::CouplingOpInterface coupling);
  void completeResults(mlir::Operation *op);
  void visit(mlir::Block &block);
  void visit(mlir::Operation *op);
  void visitChoice(mlir::Operation *op);
  void visitShuffle(const Shuffle &shuffle);
  /// Whether the results are what one of the regions yields, and nothing is handed to
  /// the regions: their operations are then like others that run at times.
  static bool isChoice(mlir::Operation *op);
  bool isReached(mlir::Operation *op);
  void findSigns(mlir::Operation *op);
  void followExtents();
  void checkErasedValues(mlir::Block &block);
  nn::ErasedValue erasedResult(mlir::OpResult result, NodeId digit);
  nn::ErasedValue erasedAt(mlir::OpOperand &use, NodeId digit);
  void checkNeed(const Need &need);

  mlir::func::FuncOp func;
  nn::ShapeEvaluator &shapes;
  const llvm::StringSet<> &interface;
  DigitGraph digits;
  mlir::Operation *current = nullptr;
  llvm::DenseMap<mlir::Operation *, const Shuffle *> shuffleOf;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<nn::Axis>> valueAxes;
  llvm::DenseMap<mlir::OpOperand *, llvm::SmallVector<nn::Axis>> useAxes;
  llvm::DenseSet<mlir::Value> untied;
  /// Uses of untied constants, and all other values, that keep their values.
  llvm::DenseSet<mlir::OpOperand *> keepingUses;
  llvm::DenseSet<mlir::Value> keepingValues, numbers, nonNegative;
  /// What else than 0 the removed elements count as, likewise.
  llvm::DenseMap<mlir::OpOperand *, int64_t> fillsOfUses;
  llvm::DenseMap<mlir::Value, int64_t> fillsOfValues;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<Need, 1>> needs;
  llvm::DenseMap<mlir::Value, Erased> erased;
  /// Values that hold sizes, in order: the axes whose sizes they hold, element by
  /// element where `exact`.
  struct Sizes {
    mlir::Value value;
    llvm::SmallVector<nn::Axis> axes;
    bool exact = true;
  };
  llvm::SmallVector<Sizes> sizes;
};

} // namespace secateur::pruning

#endif // SECATEUR_LIB_PRUNING_SOLVER_H
