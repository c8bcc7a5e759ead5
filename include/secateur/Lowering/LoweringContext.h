//===- LoweringContext.h - What operators lower themselves with -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The lowered tensor of every value of the graph, in each layout that somebody
// asked for, and builders for what operators have in common. "Logical" is
// ONNX's order of axes; "stored" is the order in the tensor, which differs for
// Layout::ChannelsLast.
//
// Element types: bool and uint8 are stored as i8, f16 and bf16 as f32. `scalar`
// types are those that computations see: i1 for bool.

#ifndef SECATEUR_LOWERING_LOWERINGCONTEXT_H
#define SECATEUR_LOWERING_LOWERINGCONTEXT_H

#include "dialects/NN/IR/NNOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/OpDefinition.h"

namespace secateur::analysis {
struct Symbol;
class SymbolicShapes;
} // namespace secateur::analysis

namespace secateur::lowering {

using nn::Dim;

/// How the axes of a value are stored. ChannelsLast moves axis 1 to the end and
/// exists for ranks of 3 and more.
enum class Layout { RowMajor, ChannelsLast };

/// Numbers as computations see them.
enum class ScalarKind { Float, Signed, Unsigned, Bool };

/// A tensor among the loops of an elementwise operation: for each of its axes the
/// logical axis of the result that it runs along.
struct PlacedTensor {
  mlir::Value tensor;
  llvm::SmallVector<int64_t> axes;
};

class LoweringContext {
public:
  using Body = llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &, mlir::ValueRange)>;

  LoweringContext(mlir::func::FuncOp source, mlir::func::FuncOp target,
                  analysis::SymbolicShapes &shapes);

  /// Where code is added, at the location of the operator being lowered.
  mlir::ImplicitLocOpBuilder b;

  //===--- Values ---------------------------------------------------------===//
  /// The tensor of `value`, transposed on demand.
  mlir::Value get(mlir::Value value, Layout layout = Layout::RowMajor);
  /// The layout that `value` is stored in already; RowMajor for constants.
  Layout layoutOf(mlir::Value value);
  bool isLowered(mlir::Value value) const { return lowered.count(value); }
  /// Gives `value` its tensor, stored in `layout`; casts it to the type that the
  /// analysis knows, and learns sizes that only the data tells.
  void set(mlir::Value value, mlir::Value tensor, Layout layout = Layout::RowMajor);
  /// `result` is `source` under another name.
  void alias(mlir::Value result, mlir::Value source);
  /// The constant behind `value`, with elements in their stored type; null where
  /// it is none.
  mlir::ElementsAttr constant(mlir::Value value);
  /// The elements of a small integer or bool constant.
  std::optional<llvm::SmallVector<int64_t>> constantInts(mlir::Value value);
  /// The elements of a small constant of numbers.
  std::optional<llvm::SmallVector<double>> constantFloats(mlir::Value value);
  /// The value of a floating point splat, as the only element.
  static std::optional<llvm::SmallVector<double>> constantSplat(mlir::ElementsAttr constant);
  /// A constant weight: pack(transpose(reshape(value, shape), permutation)), as
  /// kern.weight has it. An empty `shape` or `permutation` leaves things as they are.
  mlir::Value weight(mlir::ElementsAttr value, llvm::ArrayRef<int64_t> shape,
                     llvm::ArrayRef<int64_t> permutation, int64_t batch = 0, int64_t panel = 0);

  //===--- Shapes and sizes -----------------------------------------------===//
  bool hasShape(mlir::Value value);
  llvm::ArrayRef<Dim> shape(mlir::Value value);
  int64_t rank(mlir::Value value) { return shape(value).size(); }
  Dim dim(mlir::Value value, int64_t axis) { return shape(value)[axis]; }
  /// The elements of an integer tensor, where the analysis knows them.
  std::optional<llvm::SmallVector<Dim>> elements(mlir::Value value);
  /// The same as index values; reads the tensor where the analysis knows nothing.
  /// Fails only where the number of elements is not a constant.
  llvm::FailureOr<llvm::SmallVector<mlir::OpFoldResult>> integers(mlir::Value value);
  Dim constantDim(int64_t value);
  static std::optional<int64_t> constantOf(Dim dim);
  /// Whether two sizes are the same for every input.
  bool same(Dim left, Dim right);
  /// Whether `dim` can be computed here.
  bool known(Dim dim);
  /// Notes `op` as unsupported where a size of `result` is not known.
  llvm::LogicalResult requireSizes(mlir::Operation *op, mlir::Value result);
  /// `dim` as an index attribute or value; values that depend on the arguments
  /// alone are computed at the top of the function.
  mlir::OpFoldResult size(Dim dim);
  mlir::Value index(Dim dim);
  mlir::Value index(int64_t value);
  mlir::Value index(mlir::OpFoldResult value);
  llvm::SmallVector<mlir::OpFoldResult> sizes(llvm::ArrayRef<Dim> dims);

  //===--- Types ----------------------------------------------------------===//
  static ScalarKind scalarKind(mlir::Type elementType);
  static ScalarKind kindOf(mlir::Value value);
  static mlir::Type storageType(mlir::Type elementType);
  static mlir::Type elementType(mlir::Value value);
  static mlir::Type storedType(mlir::Value value) { return storageType(elementType(value)); }
  mlir::RankedTensorType tensorType(llvm::ArrayRef<Dim> dims, mlir::Type elementType);
  mlir::RankedTensorType tensorType(mlir::Value value, Layout layout);

  //===--- Building -------------------------------------------------------===//
  mlir::Value empty(llvm::ArrayRef<Dim> dims, mlir::Type storedElementType);
  mlir::Value empty(mlir::Value like, Layout layout);
  /// A tensor of `dims` with every element `scalar`.
  mlir::Value filled(llvm::ArrayRef<Dim> dims, mlir::Value scalar);
  /// Reinterprets a row-major tensor; moves nothing.
  mlir::Value reshape(mlir::Value tensor, llvm::ArrayRef<Dim> from, llvm::ArrayRef<Dim> to);
  /// `dims` are those of the operand.
  mlir::Value transpose(mlir::Value tensor, llvm::ArrayRef<int64_t> permutation,
                        llvm::ArrayRef<Dim> dims);
  /// Casts `tensor` where its static type differs from `type`.
  mlir::Value cast(mlir::Value tensor, mlir::RankedTensorType type);
  mlir::Value castTo(mlir::Value tensor, llvm::ArrayRef<Dim> dims);

  /// result[i] = body(operands[i]...) with ONNX's broadcasting. The body sees and
  /// returns scalars.
  llvm::LogicalResult elementwise(mlir::Operation *op, mlir::ValueRange operands,
                                  mlir::Value result, Body body);
  /// A tensor of logical `dims` stored in `layout`: body(elements of `operands`),
  /// all in their stored types.
  mlir::Value pointwise(llvm::ArrayRef<Dim> dims, mlir::Type storedElementType, Layout layout,
                        llvm::ArrayRef<PlacedTensor> operands, Body body);
  /// All of `value`, in `layout`, as an operand of the above.
  PlacedTensor whole(mlir::Value value, Layout layout);
  /// A tensor of logical `dims` stored in `layout`, each element computed from its
  /// logical indices. The body returns an element in its stored type.
  mlir::Value generate(llvm::ArrayRef<Dim> dims, mlir::Type storedElementType, Layout layout,
                       Body body);
  /// The element of `value` at logical indices, in its stored type.
  mlir::Value read(mlir::ImplicitLocOpBuilder &builder, mlir::Value value,
                   mlir::ValueRange indices);
  /// The same of a tensor that was fetched with `get` before, outside of a body.
  static mlir::Value read(mlir::ImplicitLocOpBuilder &builder, mlir::Value tensor, Layout layout,
                          mlir::ValueRange indices);
  /// Between stored elements and the scalars of computations.
  static mlir::Value toScalar(mlir::ImplicitLocOpBuilder &builder, mlir::Value stored,
                              ScalarKind kind);
  static mlir::Value fromScalar(mlir::ImplicitLocOpBuilder &builder, mlir::Value scalar,
                                ScalarKind kind);

  //===--- Regions and errors ---------------------------------------------===//
  /// Lowers the operations of `block` at the insertion point; what they define is
  /// forgotten when `finish`, which sees their values, has returned.
  llvm::LogicalResult lowerBlock(mlir::Block &block,
                                 llvm::function_ref<llvm::LogicalResult()> finish);
  /// Notes that `op` cannot be compiled; all that were noted make one error.
  llvm::LogicalResult unsupported(mlir::Operation *op, const llvm::Twine &reason);
  /// What an operator that cannot be compiled would have made; whoever needs it
  /// is left out without another error.
  bool isPoisoned(mlir::Value value) const { return poisoned.contains(value); }
  void poison(mlir::Value value) { poisoned.insert(value); }
  llvm::LogicalResult lowerOperation(mlir::Operation *op);
  /// Emits the one error, where anything was noted.
  llvm::LogicalResult reportUnsupported();

  analysis::SymbolicShapes &symbols;

private:
  struct Lowered {
    mlir::Value tensors[2];
    Layout primary;
  };
  mlir::Value lowerConstant(mlir::Value value, Layout layout);
  mlir::Value lowerElements(mlir::Value value);
  mlir::Value materialize(Dim dim);
  mlir::Value materializeSymbol(const analysis::Symbol &symbol, mlir::Value left,
                                mlir::Value right);
  mlir::Value materializeElement(mlir::Value owner, unsigned element);
  bool argumentsOnly(Dim dim);
  mlir::Value relayout(mlir::Value tensor, mlir::Value value, Layout from, Layout to);

  mlir::func::FuncOp source, target;
  /// Constants and sizes that depend on the arguments alone are built before it.
  mlir::Operation *top = nullptr;
  llvm::DenseMap<mlir::Value, Lowered> lowered;
  llvm::DenseMap<mlir::Value, Lowered> constants;
  llvm::DenseMap<Dim, mlir::Value> topSizes;
  /// Sizes that depend on data, and what was computed with them.
  llvm::DenseMap<Dim, mlir::Value> dataSizes;
  llvm::DenseSet<mlir::Value> poisoned;
  llvm::DenseSet<mlir::Operation *> blamed;
  std::vector<std::string> problems;
  /// The operator being lowered, for errors found on the way.
  mlir::Operation *current = nullptr;
};

/// The dimensions of `dims` in the order in which they are stored.
template <typename T>
llvm::SmallVector<T> storedOrder(llvm::ArrayRef<T> logical, Layout layout) {
  llvm::SmallVector<T> stored(logical);
  if (layout == Layout::ChannelsLast && stored.size() >= 3)
    std::rotate(stored.begin() + 1, stored.begin() + 2, stored.end());
  return stored;
}
template <typename T>
llvm::SmallVector<T> logicalOrder(llvm::ArrayRef<T> stored, Layout layout) {
  llvm::SmallVector<T> logical(stored);
  if (layout == Layout::ChannelsLast && logical.size() >= 3)
    std::rotate(logical.begin() + 1, logical.end() - 1, logical.end());
  return logical;
}
/// An axis that may be counted from the end, from the front.
inline int64_t frontAxis(int64_t axis, int64_t rank) { return axis < 0 ? axis + rank : axis; }
/// The stored position of a logical axis.
inline int64_t storedAxis(int64_t axis, int64_t rank, Layout layout) {
  if (layout == Layout::RowMajor || rank < 3 || axis == 0)
    return axis;
  return axis == 1 ? rank - 1 : axis - 1;
}

} // namespace secateur::lowering

#include "secateur/Lowering/LoweringInterfaces.h.inc"

namespace secateur::lowering {

/// LoweringOpInterface of `OpTy` by a function.
template <typename OpTy, llvm::LogicalResult (*lowerOp)(OpTy, LoweringContext &)>
struct LoweringModel : LoweringOpInterface::ExternalModel<LoweringModel<OpTy, lowerOp>, OpTy> {
  llvm::LogicalResult lower(mlir::Operation *op, LoweringContext &context) const {
    return lowerOp(llvm::cast<OpTy>(op), context);
  }
};

template <typename OpTy, llvm::LogicalResult (*lowerOp)(OpTy, LoweringContext &)>
void attachLowering(mlir::MLIRContext *context) {
  OpTy::template attachInterface<LoweringModel<OpTy, lowerOp>>(*context);
}

} // namespace secateur::lowering

#endif // SECATEUR_LOWERING_LOWERINGCONTEXT_H
