//===- Einsum.cpp - Lowering of Einsum -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Two operands whose labels are those of a contraction make one; everything else
// is a loop nest over all labels.

#include "Kernels.h"
#include "Models.h"
#include "Scalars.h"

#include "secateur/Analysis/Einsum.h"
#include "secateur/Analysis/SymbolicShapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

/// Whether kern.contract can do it: no label twice in an operand, and none that
/// is summed over in one operand alone.
static bool isContraction(const analysis::Einsum &einsum) {
  if (einsum.inputs.size() != 2)
    return false;
  bool hasRow = false, hasColumn = false, hasSum = false;
  for (auto [i, labels] : llvm::enumerate(einsum.inputs))
    for (auto [position, label] : llvm::enumerate(labels)) {
      bool inOutput = llvm::is_contained(einsum.output, label),
           inOther = llvm::is_contained(einsum.inputs[1 - i], label);
      if (llvm::is_contained(ArrayRef<int64_t>(labels).take_front(position), label) ||
          (!inOutput && !inOther))
        return false;
      hasSum |= !inOutput;
      if (inOutput && !inOther)
        (i == 0 ? hasRow : hasColumn) = true;
    }
  return hasRow && hasColumn && hasSum;
}

static LogicalResult lowerEinsum(nn::EinsumOp op, LoweringContext &context) {
  ImplicitLocOpBuilder &b = context.b;
  SmallVector<int64_t> ranks =
      llvm::map_to_vector(op.getInputs(), [&](Value value) { return context.rank(value); });
  std::string reason;
  std::optional<analysis::Einsum> einsum = analysis::parseEinsum(op.getEquation(), ranks, reason);
  if (!einsum)
    return context.unsupported(op, "its equation " + reason);
  // Loops: the labels of the output, then those that are summed over.
  SmallVector<int64_t> loops(einsum->output);
  llvm::DenseMap<int64_t, Dim> sizes;
  for (auto [value, labels] : llvm::zip_equal(op.getInputs(), einsum->inputs))
    for (auto [dim, label] : llvm::zip_equal(context.shape(value), labels)) {
      if (!llvm::is_contained(loops, label))
        loops.push_back(label);
      Dim &size = sizes[label];
      if (!size || LoweringContext::constantOf(size) == 1)
        size = dim;
    }
  int64_t count = loops.size();
  SmallVector<Value> tensors;
  SmallVector<AffineMap> maps;
  bool contraction = isContraction(*einsum);
  for (auto [value, labels] : llvm::zip_equal(op.getInputs(), einsum->inputs)) {
    SmallVector<Dim> kept;
    SmallVector<AffineExpr> axes;
    for (auto [dim, label] : llvm::zip_equal(context.shape(value), labels)) {
      if (LoweringContext::constantOf(dim) == 1 && !context.same(dim, sizes[label]))
        continue;
      kept.push_back(dim);
      axes.push_back(b.getAffineDimExpr(llvm::find(loops, label) - loops.begin()));
    }
    tensors.push_back(context.reshape(context.get(value), context.shape(value), kept));
    maps.push_back(AffineMap::get(count, 0, axes, b.getContext()));
    contraction &= kept.size() == labels.size();
  }
  SmallVector<AffineExpr> outAxes;
  for (int64_t i = 0, e = einsum->output.size(); i < e; ++i)
    outAxes.push_back(b.getAffineDimExpr(i));
  maps.push_back(AffineMap::get(count, 0, outAxes, b.getContext()));
  ScalarKind kind = LoweringContext::kindOf(op.getOutput());
  Type type = LoweringContext::storageType(LoweringContext::elementType(op.getOutput()));
  ArrayRef<Dim> out = context.shape(op.getOutput());
  if (contraction) {
    context.set(op.getOutput(), contract(context, maps, tensors[0], tensors[1], false,
                                         context.empty(out, type), kind));
    return success();
  }
  // A loop needs an operand that has it: each label is in one.
  SmallVector<utils::IteratorType> iterators(count, utils::IteratorType::reduction);
  std::fill_n(iterators.begin(), einsum->output.size(), utils::IteratorType::parallel);
  Value init = context.filled(out, Scalars(b, type, kind).number(0));
  auto generic =
      linalg::GenericOp::create(b, TypeRange{init.getType()}, tensors, ValueRange{init}, maps,
                                iterators, [&](OpBuilder &nested, Location location, ValueRange x) {
                                  ImplicitLocOpBuilder builder(location, nested);
                                  Scalars s(builder, type, kind);
                                  Value product = x[0];
                                  for (Value factor : x.drop_front().drop_back())
                                    product = s.mul(product, factor);
                                  linalg::YieldOp::create(builder, s.add(x.back(), product));
                                });
  context.set(op.getOutput(), generic.getResult(0));
  return success();
}

void secateur::lowering::attachEinsumModels(MLIRContext *context) {
  attachLowering<nn::EinsumOp, lowerEinsum>(context);
}
