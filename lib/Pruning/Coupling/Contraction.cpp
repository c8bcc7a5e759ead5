//===- Contraction.cpp - Coupling of convolutions and matrix products -------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// What is summed over is one axis on both sides, what is not passes to the
// result. Groups of a convolution are a digit: channels are [group][channel], so
// a channel inside the groups, and a whole group, can leave.

#include "Coupling.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

static constexpr StringLiteral kSummed = "erased positions that are summed over do not hold zero";
static constexpr StringLiteral kSpatial = "positions in space stay";

/// The channels of a convolution's groups: `axis` as [group][inner], both of
/// which other axes can be unified with.
static std::pair<Axis, Axis> splitGroups(CouplingBuilder &builder, Axis axis, int64_t groups,
                                         Dim one) {
  int64_t size = *builder.extent(axis);
  MLIRContext *context = one.getContext();
  Dim outer = getAffineConstantExpr(groups, context),
      inner = getAffineConstantExpr(size / groups, context);
  if (groups == 1)
    return {builder.rigid(one, ""), axis};
  if (size == groups)
    return {axis, builder.rigid(one, "")};
  Axis group = builder.fresh(outer), channel = builder.fresh(inner);
  builder.unify(axis, builder.product({group, channel}));
  return {group, channel};
}

std::optional<SmallVector<Axis>>
pruning::declareConvolution(Operation *op, CouplingBuilder &builder, OpOperand &input,
                            OpOperand &weight, int64_t groups, bool transposed, Zeros zeros) {
  SmallVector<Axis> x(builder.axes(input)), w(builder.axes(weight));
  std::optional<ArrayRef<Dim>> shape = builder.shape(op->getResult(0));
  bool known = x.size() > 2 && w.size() == x.size() && shape && builder.extent(x[1]) &&
               builder.extent(w[0]) && builder.extent(w[1]) && groups > 0 &&
               *builder.extent(x[1]) % groups == 0 && *builder.extent(w[0]) % groups == 0;
  if (!known) {
    for (OpOperand &operand : op->getOpOperands())
      for (Axis axis : builder.axes(operand))
        builder.pin(axis, "the number of its channels is not constant");
    return std::nullopt;
  }
  Dim one = getAffineConstantExpr(1, op->getContext());
  Axis channels = x[1];
  // The axis of W that has the groups outermost, and the other one.
  Axis grouped = w[0], plain = w[1];
  Axis out;
  if (groups == 1) {
    Axis in = transposed ? grouped : plain;
    out = transposed ? plain : grouped;
    builder.unify(channels, in);
  } else {
    auto [group, inside] = splitGroups(builder, transposed ? grouped : channels, groups, one);
    if (transposed) {
      builder.unify(channels, grouped);
      out = builder.product({group, plain});
    } else {
      auto [outGroup, outInside] = splitGroups(builder, grouped, groups, one);
      builder.unify(group, outGroup);
      if (builder.extent(inside) != 1 || builder.extent(plain) != 1)
        builder.unify(inside, plain);
      out = grouped;
    }
  }
  builder.needZeroProduct(input, weight, 1, kSummed, zeros.left, zeros.right);
  SmallVector<Axis> result = {x[0], out};
  for (size_t i = 2; i < x.size(); ++i) {
    builder.pin(x[i], kSpatial);
    builder.pin(w[i], "");
    result.push_back(builder.rigid((*shape)[i], kSpatial));
  }
  return result;
}

std::optional<SmallVector<Axis>> pruning::declareProduct(Operation *op, CouplingBuilder &builder,
                                                         OpOperand &left, OpOperand &right,
                                                         bool transLeft, bool transRight,
                                                         Zeros zeros) {
  SmallVector<Axis> a(builder.axes(left)), b(builder.axes(right));
  std::optional<ArrayRef<Dim>> shape = builder.shape(op->getResult(0));
  if (a.empty() || b.empty() || !shape)
    return std::nullopt;
  // The summed axis of each, and the one that is kept where there are two.
  size_t inA = a.size() == 1 ? 0 : a.size() - (transLeft ? 2 : 1);
  size_t inB = b.size() == 1 ? 0 : b.size() - (transRight ? 1 : 2);
  builder.unify(a[inA], b[inB]);
  builder.needZeroProduct(left, right, inA, kSummed, zeros.left, zeros.right);
  unsigned kept = (a.size() > 1) + (b.size() > 1);
  ArrayRef<Axis> aBatch = ArrayRef(a).drop_back(std::min<size_t>(a.size(), 2));
  ArrayRef<Axis> bBatch = ArrayRef(b).drop_back(std::min<size_t>(b.size(), 2));
  if (shape->size() < kept)
    return std::nullopt;
  SmallVector<Axis> result = broadcast(builder, {aBatch, bBatch}, shape->drop_back(kept));
  if (a.size() > 1)
    result.push_back(a[a.size() - (transLeft ? 1 : 2)]);
  if (b.size() > 1)
    result.push_back(b[b.size() - (transRight ? 2 : 1)]);
  return result;
}

void pruning::unifyVector(CouplingBuilder &builder, OpOperand *vector, Axis axis) {
  if (!vector)
    return;
  SmallVector<Axis> axes(builder.axes(*vector));
  if (axes.size() == 1 && builder.extent(axes[0]) != 1)
    builder.unify(axes[0], axis);
}

namespace {

/// X [N, g*c, space], W [g*m, c, taps] (transposed: [g*c, m, taps]), B [g*m].
template <typename Op, bool transposed>
struct ConvCoupling : nn::CouplingOpInterface::ExternalModel<ConvCoupling<Op, transposed>, Op> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    std::optional<SmallVector<Axis>> result = declareConvolution(
        op, builder, op->getOpOperand(0), op->getOpOperand(1), cast<Op>(op).getGroup(), transposed);
    if (!result)
      return;
    unifyVector(builder, operandOf(cast<Op>(op), 2), (*result)[1]);
    builder.setResult(0, *result);
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return contractionOf(operands);
  }
};

struct GemmCoupling : nn::CouplingOpInterface::ExternalModel<GemmCoupling, nn::GemmOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    auto gemm = cast<nn::GemmOp>(op);
    std::optional<SmallVector<Axis>> result = declareProduct(
        op, builder, op->getOpOperand(0), op->getOpOperand(1), gemm.getTransA(), gemm.getTransB());
    if (!result)
      return;
    if (op->getNumOperands() > 2)
      result = broadcast(builder, {*result, builder.axes(op->getOpOperand(2))},
                         *builder.shape(op->getResult(0)));
    builder.setResult(0, *result);
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return contractionOf(operands);
  }
};

struct MatmulCoupling : nn::CouplingOpInterface::ExternalModel<MatmulCoupling, nn::MatmulOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    if (std::optional<SmallVector<Axis>> result =
            declareProduct(op, builder, op->getOpOperand(0), op->getOpOperand(1)))
      builder.setResult(0, *result);
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    return contractionOf(operands);
  }
};

/// One axis a letter; letters that the result lacks are summed over.
struct EinsumCoupling : nn::CouplingOpInterface::ExternalModel<EinsumCoupling, nn::EinsumOp> {
  void declareCoupling(Operation *op, CouplingBuilder &builder) const {
    std::string equation;
    for (char c : cast<nn::EinsumOp>(op).getEquation())
      if (!isspace(static_cast<unsigned char>(c)))
        equation += c;
    auto [left, right] = StringRef(equation).split("->");
    SmallVector<StringRef> terms;
    left.split(terms, ',');
    bool plain = StringRef(equation).contains("->") && !StringRef(equation).contains('.') &&
                 terms.size() == op->getNumOperands();
    for (auto [term, operand] : llvm::zip(terms, op->getOpOperands()))
      plain &= plain && term.size() == builder.axes(operand).size();
    if (!plain) {
      for (OpOperand &operand : op->getOpOperands())
        for (Axis axis : builder.axes(operand))
          builder.pin(axis, "the equation has no explicit result or an ellipsis");
      return;
    }
    llvm::SmallDenseMap<char, Axis> letters;
    for (auto [term, operand] : llvm::zip(terms, op->getOpOperands())) {
      SmallVector<Axis> axes(builder.axes(operand));
      for (auto [letter, axis] : llvm::zip(term, axes)) {
        auto [found, isNew] = letters.try_emplace(letter, axis);
        if (isNew)
          continue;
        // A size of 1 broadcasts.
        if (builder.extent(found->second) == 1)
          found->second = axis;
        else if (builder.extent(axis) != 1)
          builder.unify(found->second, axis);
      }
    }
    for (auto [index, term] : llvm::enumerate(terms)) {
      for (auto [axis, letter] : llvm::enumerate(term)) {
        if (right.contains(letter))
          continue;
        OpOperand &operand = op->getOpOperand(index);
        OpOperand *other = nullptr;
        for (auto [otherIndex, otherTerm] : llvm::enumerate(terms))
          if (otherIndex != index && otherTerm.contains(letter))
            other = &op->getOpOperand(otherIndex);
        if (other)
          builder.needZeroProduct(operand, *other, axis, kSummed);
        else
          builder.needZero(operand, axis, kSummed);
      }
    }
    SmallVector<Axis> result;
    for (char letter : right)
      result.push_back(letters.lookup(letter));
    builder.setResult(0, result);
  }
  ErasedValue erasedValue(Operation *, ArrayRef<ErasedValue> operands, unsigned) const {
    if (llvm::any_of(operands, [](ErasedValue operand) { return !operand.isFinite(); }))
      return ErasedValue::unknown();
    bool zero = llvm::any_of(operands, [](ErasedValue operand) { return operand.isZero(); });
    return zero ? ErasedValue::zero() : ErasedValue::finite();
  }
};

} // namespace

void pruning::attachContractionCoupling(MLIRContext &context) {
  nn::ConvOp::attachInterface<ConvCoupling<nn::ConvOp, false>>(context);
  nn::ConvTransposeOp::attachInterface<ConvCoupling<nn::ConvTransposeOp, true>>(context);
  nn::EinsumOp::attachInterface<EinsumCoupling>(context);
  nn::GemmOp::attachInterface<GemmCoupling>(context);
  nn::MatmulOp::attachInterface<MatmulCoupling>(context);
}
