//===- ContractionShapes.cpp - Matrix products, recurrences, attention ------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "ShapeRules.h"
#include "secateur/Analysis/Einsum.h"

#include <map>

using namespace mlir;
using namespace secateur;
using namespace secateur::analysis;
using namespace secateur::nn;

static LogicalResult mismatch(Operation *op, ShapeEvaluator &evaluator, StringRef what, Dim left,
                              Dim right) {
  return op->emitOpError() << what << " do not match: " << evaluator.toString(left) << " and "
                           << evaluator.toString(right);
}

template <typename OpTy>
static LogicalResult inferGemm(OpTy op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> a = evaluator.getShape(op.getA()), b = evaluator.getShape(op.getB());
  if ((a && a->size() != 2) || (b && b->size() != 2))
    return op->emitOpError("needs matrices of rank 2");
  bool transA = op.getTransA() != 0, transB = op.getTransB() != 0;
  Value result = op.getY();
  if (a && b) {
    Dim left = (*a)[transA ? 0 : 1], right = (*b)[transB ? 1 : 0];
    if (!evaluator.requireEqual(left, right, op))
      return mismatch(op, evaluator, "the inner sizes", left, right);
  }
  Shape shape{a ? (*a)[transA ? 1 : 0] : evaluator.unknownDim(result, 0),
              b ? (*b)[transB ? 0 : 1] : evaluator.unknownDim(result, 1)};
  if (std::optional<ShapeRef> c = op.getC() ? evaluator.getShape(op.getC()) : std::nullopt) {
    if (c->size() > 2)
      return op->emitOpError() << "needs C of rank 2 at most, got rank " << c->size();
    for (auto [i, size] : llvm::enumerate(llvm::reverse(*c)))
      if (asConstant(size) != 1 && !evaluator.requireEqual(size, shape[1 - i], op))
        return mismatch(op, evaluator, "C and the product", size, shape[1 - i]);
  }
  evaluator.setShape(result, shape);
  return success();
}

LogicalResult analysis::inferProduct(Operation *op, ShapeEvaluator &evaluator,
                                     std::optional<ShapeRef> leftShape,
                                     std::optional<ShapeRef> rightShape, Value result) {
  if (!leftShape || !rightShape)
    return evaluator.setUnranked(result), success();
  Shape a(leftShape->begin(), leftShape->end()), b(rightShape->begin(), rightShape->end());
  if (a.empty() || b.empty())
    return op->emitOpError("cannot multiply scalars");
  bool vectorA = a.size() == 1, vectorB = b.size() == 1;
  if (vectorA)
    a.insert(a.begin(), evaluator.constant(1));
  if (vectorB)
    b.push_back(evaluator.constant(1));
  if (!evaluator.requireEqual(a.back(), b[b.size() - 2], op))
    return mismatch(op, evaluator, "the inner sizes", a.back(), b[b.size() - 2]);
  FailureOr<Shape> shape =
      broadcast(op, evaluator, {ShapeRef(a).drop_back(2), ShapeRef(b).drop_back(2)});
  if (failed(shape))
    return failure();
  if (!vectorA)
    shape->push_back(a[a.size() - 2]);
  if (!vectorB)
    shape->push_back(b.back());
  evaluator.setShape(result, *shape);
  return success();
}

template <typename OpTy>
static LogicalResult inferMatmul(OpTy op, ShapeEvaluator &evaluator) {
  return inferProduct(op, evaluator, evaluator.getShape(op.getA()), evaluator.getShape(op.getB()),
                      op.getY());
}

static LogicalResult inferEinsum(EinsumOp op, ShapeEvaluator &evaluator) {
  SmallVector<ShapeRef> shapes;
  SmallVector<int64_t> ranks;
  for (Value input : op.getInputs()) {
    std::optional<ShapeRef> shape = evaluator.getShape(input);
    if (!shape)
      return evaluator.setUnranked(op.getOutput()), success();
    shapes.push_back(*shape);
    ranks.push_back(shape->size());
  }
  std::string reason;
  std::optional<Einsum> einsum = parseEinsum(op.getEquation(), ranks, reason);
  if (!einsum)
    return op.emitOpError() << "equation '" << op.getEquation() << "': " << reason;
  std::map<int64_t, Dim> sizes;
  for (auto [shape, labels] : llvm::zip(shapes, einsum->inputs))
    for (auto [size, label] : llvm::zip(shape, labels)) {
      auto [known, inserted] = sizes.try_emplace(label, size);
      if (inserted || asConstant(size) == 1)
        continue;
      if (asConstant(known->second) == 1)
        known->second = size;
      else if (!evaluator.requireEqual(known->second, size, op))
        return mismatch(op, evaluator, "the sizes of one label", known->second, size);
    }
  Shape shape;
  for (int64_t label : einsum->output)
    shape.push_back(sizes.at(label));
  evaluator.setShape(op.getOutput(), shape);
  return success();
}

//===----------------------------------------------------------------------===//
// Recurrences
//===----------------------------------------------------------------------===//

/// Results: Y, then the last states. `gates` weights stand in one matrix.
template <typename OpTy>
static LogicalResult inferRecurrence(OpTy op, ShapeEvaluator &evaluator, int64_t gates,
                                     ArrayRef<Value> states) {
  std::optional<ShapeRef> x = evaluator.getShape(op.getX()), w = evaluator.getShape(op.getW()),
                          r = evaluator.getShape(op.getR());
  for (auto [name, shape] : {std::pair("X", x), std::pair("W", w), std::pair("R", r)})
    if (shape && shape->size() != 3)
      return op.emitOpError() << "needs " << name << " of rank 3, got rank " << shape->size();
  if (!x || !r)
    return success();
  int64_t directions = op.getDirection() == "bidirectional" ? 2 : 1;
  Dim hidden = (*r)[2], batch = (*x)[op.getLayout() ? 0 : 1], length = (*x)[op.getLayout() ? 1 : 0];
  if (!evaluator.requireEqual((*r)[0], evaluator.constant(directions), op))
    return op.emitOpError() << "direction '" << op.getDirection() << "' needs " << directions
                            << " sets of weights";
  if (!evaluator.requireEqual((*r)[1], hidden * gates, op))
    return mismatch(op, evaluator, "the sizes of R and its gates", (*r)[1],
                    evaluator.simplify(hidden * gates));
  if (w) {
    if (!evaluator.requireEqual((*w)[1], hidden * gates, op))
      return mismatch(op, evaluator, "the sizes of W and R", (*w)[1],
                      evaluator.simplify(hidden * gates));
    if (!evaluator.requireEqual((*w)[2], (*x)[2], op))
      return mismatch(op, evaluator, "the sizes of X and W", (*x)[2], (*w)[2]);
  }
  Dim sets = evaluator.constant(directions);
  if (op.getLayout())
    evaluator.setShape(op.getY(), {batch, length, sets, hidden});
  else
    evaluator.setShape(op.getY(), {length, sets, batch, hidden});
  for (Value state : states) {
    if (op.getLayout())
      evaluator.setShape(state, {batch, sets, hidden});
    else
      evaluator.setShape(state, {sets, batch, hidden});
  }
  return success();
}

static LogicalResult inferLstm(LstmOp op, ShapeEvaluator &evaluator) {
  return inferRecurrence(op, evaluator, 4, {op.getYH(), op.getYC()});
}
static LogicalResult inferGru(GruOp op, ShapeEvaluator &evaluator) {
  return inferRecurrence(op, evaluator, 3, {op.getYH()});
}
static LogicalResult inferRnn(RnnOp op, ShapeEvaluator &evaluator) {
  return inferRecurrence(op, evaluator, 1, {op.getYH()});
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

namespace {
/// Batch, heads, length and width of one operand of attention.
struct Heads {
  Dim batch, heads, length, width;
};
} // namespace

/// Rank 4: [batch, heads, length, width]; rank 3: [batch, length, heads * width].
static FailureOr<Heads> splitHeads(AttentionOp op, ShapeEvaluator &evaluator, ShapeRef shape,
                                   std::optional<int64_t> count, StringRef name) {
  if (shape.size() == 4)
    return Heads{shape[0], shape[1], shape[2], shape[3]};
  if (shape.size() != 3)
    return op.emitOpError() << "needs " << name << " of rank 3 or 4, got rank " << shape.size();
  if (!count || *count < 1)
    return op.emitOpError() << "needs q_num_heads and kv_num_heads where its operands have rank 3";
  if (std::optional<int64_t> width = asConstant(shape[2]); width && *width % *count != 0)
    return op.emitOpError() << *count << " heads do not divide the size " << *width << " of "
                            << name;
  return Heads{shape[0], evaluator.constant(*count), shape[1],
               evaluator.simplify(shape[2].floorDiv(*count))};
}

static LogicalResult inferAttention(AttentionOp op, ShapeEvaluator &evaluator) {
  std::optional<ShapeRef> q = evaluator.getShape(op.getQ()), k = evaluator.getShape(op.getK()),
                          v = evaluator.getShape(op.getV());
  if (!q || !k || !v) {
    for (Value result : op->getResults())
      evaluator.setUnranked(result);
    return success();
  }
  auto attribute = [](auto value) { return value ? std::optional<int64_t>(*value) : std::nullopt; };
  FailureOr<Heads> query = splitHeads(op, evaluator, *q, attribute(op.getQNumHeads()), "Q");
  FailureOr<Heads> key = splitHeads(op, evaluator, *k, attribute(op.getKvNumHeads()), "K");
  FailureOr<Heads> value = splitHeads(op, evaluator, *v, attribute(op.getKvNumHeads()), "V");
  if (failed(query) || failed(key) || failed(value))
    return failure();
  if (!evaluator.requireEqual(query->width, key->width, op))
    return mismatch(op, evaluator, "the head sizes of Q and K", query->width, key->width);
  if (!evaluator.requireEqual(key->length, value->length, op))
    return mismatch(op, evaluator, "the lengths of K and V", key->length, value->length);
  Dim total = key->length;
  if (op.getPastKey()) {
    std::optional<ShapeRef> past = evaluator.getShape(op.getPastKey());
    if (past && past->size() == 4)
      total = total + (*past)[2];
    else if (op.getPresentKey())
      total = evaluator.unknownDim(op.getPresentKey(), 2);
    else
      total = evaluator.unknownDim(op.getY(), 0);
  }
  if (q->size() == 4)
    evaluator.setShape(op.getY(), {query->batch, query->heads, query->length, value->width});
  else
    evaluator.setShape(op.getY(), {query->batch, query->length, query->heads * value->width});
  evaluator.setShape(op.getPresentKey(), {key->batch, key->heads, total, key->width});
  evaluator.setShape(op.getPresentValue(), {value->batch, value->heads, total, value->width});
  evaluator.setShape(op.getQkMatmulOutput(), {query->batch, query->heads, query->length, total});
  return success();
}

void analysis::attachContractionShapes(MLIRContext *context) {
  attach<GemmOp, inferGemm<GemmOp>>(context);
  attach<MsFusedGemmOp, inferGemm<MsFusedGemmOp>>(context);
  attach<MsQgemmOp, inferGemm<MsQgemmOp>>(context);
  attach<MatmulOp, inferMatmul<MatmulOp>>(context);
  attach<MatmulIntegerOp, inferMatmul<MatmulIntegerOp>>(context);
  attach<QlinearMatmulOp, inferMatmul<QlinearMatmulOp>>(context);
  attach<MsDynamicQuantizeMatmulOp, inferMatmul<MsDynamicQuantizeMatmulOp>>(context);
  attach<MsMatmulIntegerToFloatOp, inferMatmul<MsMatmulIntegerToFloatOp>>(context);
  attach<EinsumOp, inferEinsum>(context);
  attach<LstmOp, inferLstm>(context);
  attach<GruOp, inferGru>(context);
  attach<RnnOp, inferRnn>(context);
  attach<AttentionOp, inferAttention>(context);
}
