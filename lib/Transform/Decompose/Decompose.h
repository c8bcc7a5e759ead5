//===- Decompose.h - What decompositions build with -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_TRANSFORM_DECOMPOSE_DECOMPOSE_H
#define SECATEUR_LIB_TRANSFORM_DECOMPOSE_DECOMPOSE_H

#include "dialects/NN/IR/NNOps.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectRegistry.h"

namespace secateur::transform {

using Values = llvm::SmallVector<mlir::Value>;
using Decomposed = mlir::FailureOr<Values>;

/// Builds operators of ai.onnx at the location of one operation, with types that
/// have an element type and no shape: shape inference finds those.
class Nodes {
public:
  Nodes(mlir::OpBuilder &builder, mlir::Operation *op)
      : builder(builder), loc(op->getLoc()), op(op) {}

  /// `OpTy` of `operands`, one for each formal input, null where it is left out;
  /// trailing ones may be missing. Results: one for each of `elements` that is not
  /// null, which are formal outputs.
  template <typename OpTy>
  mlir::Operation *create(llvm::ArrayRef<mlir::Value> operands,
                          llvm::ArrayRef<mlir::NamedAttribute> attributes,
                          llvm::ArrayRef<mlir::Type> elements) {
    mlir::OperationState state(loc, OpTy::getOperationName());
    llvm::SmallVector<int32_t> operandSegments, resultSegments;
    size_t next = 0;
    for (char kind : OpTy::getInputKinds()) {
      size_t count = kind == 'v'                                ? operands.size() - next
                     : next < operands.size() && operands[next] ? 1
                                                                : 0;
      operandSegments.push_back(count);
      if (count)
        state.addOperands(operands.slice(next, count));
      next += kind == 'v' ? count : 1;
    }
    for (size_t i = 0; i < OpTy::getOutputKinds().size() || i < elements.size(); ++i) {
      bool present = i < elements.size() && elements[i];
      resultSegments.push_back(present);
      if (present)
        state.addTypes(mlir::UnrankedTensorType::get(elements[i]));
    }
    state.addAttributes(attributes);
    if (OpTy::template hasTrait<mlir::OpTrait::AttrSizedOperandSegments>())
      state.addAttribute("operandSegmentSizes", builder.getDenseI32ArrayAttr(operandSegments));
    if (OpTy::template hasTrait<mlir::OpTrait::AttrSizedResultSegments>())
      state.addAttribute("resultSegmentSizes", builder.getDenseI32ArrayAttr(resultSegments));
    return builder.create(state);
  }

  /// The same of one result, with the element type of the first operand.
  template <typename OpTy>
  mlir::Value make(llvm::ArrayRef<mlir::Value> operands,
                   llvm::ArrayRef<mlir::NamedAttribute> attributes = {}, mlir::Type element = {}) {
    return create<OpTy>(operands, attributes, element ? element : elementOf(operands.front()))
        ->getResult(0);
  }

  static mlir::Type elementOf(mlir::Value value) {
    return mlir::cast<mlir::TensorType>(value.getType()).getElementType();
  }
  /// nullopt where it is not known.
  static std::optional<llvm::ArrayRef<int64_t>> shapeOf(mlir::Value value);
  static std::optional<int64_t> rankOf(mlir::Value value);
  /// The size of one axis (from the back where negative), where it is constant.
  static std::optional<int64_t> sizeOf(mlir::Value value, int64_t axis);

  /// A constant vector of int64.
  mlir::Value integers(llvm::ArrayRef<int64_t> values);
  /// A constant of rank 0.
  mlir::Value number(double value, mlir::Type element);
  mlir::Value cast(mlir::Value value, mlir::Type element);
  mlir::Value add(mlir::Value left, mlir::Value right) { return make<nn::AddOp>({left, right}); }
  mlir::Value sub(mlir::Value left, mlir::Value right) { return make<nn::SubOp>({left, right}); }
  mlir::Value mul(mlir::Value left, mlir::Value right) { return make<nn::MulOp>({left, right}); }
  mlir::Value reshape(mlir::Value value, llvm::ArrayRef<int64_t> shape);
  mlir::Value transpose(mlir::Value value, llvm::ArrayRef<int64_t> permutation);
  mlir::Value unsqueeze(mlir::Value value, llvm::ArrayRef<int64_t> axes);
  mlir::Value squeeze(mlir::Value value, llvm::ArrayRef<int64_t> axes);
  /// Positions [begin, end) of `axis`.
  mlir::Value slice(mlir::Value value, int64_t axis, int64_t begin, int64_t end);
  mlir::Value concat(llvm::ArrayRef<mlir::Value> values, int64_t axis);
  /// The size of `axis` as a scalar of int64.
  mlir::Value size(mlir::Value value, int64_t axis);
  /// 0 .. count - 1.
  mlir::Value range(mlir::Value count);

  mlir::NamedAttribute attribute(llvm::StringRef name, int64_t value) {
    return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
  }
  mlir::NamedAttribute attribute(llvm::StringRef name, const llvm::APFloat &value) {
    return builder.getNamedAttr(name, builder.getF32FloatAttr(value.convertToFloat()));
  }
  mlir::NamedAttribute attribute(llvm::StringRef name, llvm::StringRef value) {
    return builder.getNamedAttr(name, builder.getStringAttr(value));
  }
  /// The attributes of the operation with these names, where it has them.
  llvm::SmallVector<mlir::NamedAttribute> taken(llvm::ArrayRef<llvm::StringRef> names);

  mlir::OpBuilder &builder;
  mlir::Location loc;

private:
  mlir::Operation *op;
};

/// Whether anything reads the optional result `value`.
inline bool isUsed(mlir::Value value) { return value && !value.use_empty(); }

/// DecompositionOpInterface of `OpTy` by a function: a value for each result, null
/// for those that nothing reads; fails with a reason before it builds anything.
template <typename OpTy, Decomposed (*rule)(OpTy, Nodes &, std::string &)>
struct DecompositionModel
    : nn::DecompositionOpInterface::ExternalModel<DecompositionModel<OpTy, rule>, OpTy> {
  Decomposed decompose(mlir::Operation *op, mlir::OpBuilder &builder, std::string &reason) const {
    Nodes nodes(builder, op);
    return rule(mlir::cast<OpTy>(op), nodes, reason);
  }
};

template <typename OpTy, Decomposed (*rule)(OpTy, Nodes &, std::string &)>
void attachDecomposition(mlir::MLIRContext *context) {
  OpTy::template attachInterface<DecompositionModel<OpTy, rule>>(*context);
}

// The families, each in a file of its own.
void attachFusedDecompositions(mlir::MLIRContext *context);
void attachAttentionDecompositions(mlir::MLIRContext *context);
void attachExpertDecompositions(mlir::MLIRContext *context);
void attachQuantizedDecompositions(mlir::MLIRContext *context);

} // namespace secateur::transform

#endif // SECATEUR_LIB_TRANSFORM_DECOMPOSE_DECOMPOSE_H
