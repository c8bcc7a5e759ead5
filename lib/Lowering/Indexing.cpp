//===- Indexing.cpp - Lowering of gathers and scatters -----------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Indices come from the model's user: negative ones count from the end, and
// ones out of range are moved into it, so that nothing is read or written
// outside of a tensor.

#include "Loops.h"
#include "Models.h"
#include "Scalars.h"

#include "secateur/Analysis/SymbolicShapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

/// An element of an index tensor as a position in [0, extent).
static Value position(ImplicitLocOpBuilder &b, Value element, Value extent) {
  Value zero = arith::ConstantIndexOp::create(b, 0), one = arith::ConstantIndexOp::create(b, 1);
  Value index = arith::IndexCastOp::create(b, b.getIndexType(), element);
  Value isNegative = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, index, zero);
  index = arith::SelectOp::create(b, isNegative, arith::AddIOp::create(b, index, extent), index);
  Value last = arith::SubIOp::create(b, extent, one);
  return arith::MinSIOp::create(b, arith::MaxSIOp::create(b, index, zero), last);
}

static SmallVector<Value> extentsOf(LoweringContext &context, Value value) {
  return llvm::map_to_vector(context.shape(value), [&](Dim dim) { return context.index(dim); });
}

//===----------------------------------------------------------------------===//
// Gathers
//===----------------------------------------------------------------------===//

/// A gather with one constant index is a slice.
static bool gatherSlice(nn::GatherOp op, LoweringContext &context, int64_t axis) {
  std::optional<SmallVector<int64_t>> constant = context.constantInts(op.getIndices());
  std::optional<int64_t> extent = LoweringContext::constantOf(context.dim(op.getData(), axis));
  if (!constant || constant->size() != 1 || (constant->front() < 0 && !extent))
    return false;
  int64_t index = constant->front() < 0 ? constant->front() + *extent : constant->front();
  if (index < 0 || (extent && index >= *extent))
    return false;
  Value input = op.getData();
  Layout layout = context.layoutOf(input);
  SmallVector<Dim> dims(context.shape(input));
  dims[axis] = context.constantDim(1);
  SmallVector<OpFoldResult> offsets(dims.size(), context.b.getIndexAttr(0));
  offsets[axis] = context.b.getIndexAttr(index);
  SmallVector<OpFoldResult> ones(dims.size(), context.b.getIndexAttr(1));
  Value slice = tensor::ExtractSliceOp::create(context.b, context.get(input, layout),
                                               storedOrder<OpFoldResult>(offsets, layout),
                                               context.sizes(storedOrder<Dim>(dims, layout)), ones);
  if (layout == Layout::ChannelsLast && axis != 1) {
    SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, dims.size()));
    slice = context.transpose(slice, logicalOrder<int64_t>(axes, layout),
                              storedOrder<Dim>(dims, layout));
    layout = Layout::RowMajor;
  }
  // Axis 1 of channels-last data is the last one: dropping it leaves row-major.
  context.set(op.getOutput(), context.reshape(slice, storedOrder<Dim>(dims, layout),
                                              context.shape(op.getOutput())));
  return true;
}

static LogicalResult lowerGather(nn::GatherOp op, LoweringContext &context) {
  Value data = op.getData(), indices = op.getIndices(), result = op.getOutput();
  int64_t rank = context.rank(data), indexRank = context.rank(indices);
  int64_t axis = frontAxis(op.getAxis(), rank);
  if (failed(context.requireSizes(op, result)))
    return failure();
  if (gatherSlice(op, context, axis))
    return success();
  Layout layout = context.layoutOf(data);
  Value tensor = context.get(data, layout), positions = context.get(indices);
  Value extent = context.index(context.dim(data, axis));
  context.set(result,
              context.generate(context.shape(result), LoweringContext::storedType(result),
                               Layout::RowMajor, [&](ImplicitLocOpBuilder &b, ValueRange at) {
                                 Value element = tensor::ExtractOp::create(
                                     b, positions, at.slice(axis, indexRank));
                                 SmallVector<Value> from(at.take_front(axis));
                                 from.push_back(position(b, element, extent));
                                 llvm::append_range(from, at.drop_front(axis + indexRank));
                                 return LoweringContext::read(b, tensor, layout, from);
                               }));
  return success();
}

static LogicalResult lowerGatherElements(nn::GatherElementsOp op, LoweringContext &context) {
  Value data = op.getData(), result = op.getOutput();
  int64_t rank = context.rank(data), axis = frontAxis(op.getAxis(), rank);
  Layout layout = context.layoutOf(data);
  Value tensor = context.get(data, layout), positions = context.get(op.getIndices());
  Value extent = context.index(context.dim(data, axis));
  context.set(result,
              context.generate(context.shape(result), LoweringContext::storedType(result),
                               Layout::RowMajor, [&](ImplicitLocOpBuilder &b, ValueRange at) {
                                 SmallVector<Value> from(at);
                                 from[axis] = position(
                                     b, tensor::ExtractOp::create(b, positions, at), extent);
                                 return LoweringContext::read(b, tensor, layout, from);
                               }));
  return success();
}

static LogicalResult lowerGatherNd(nn::GatherNdOp op, LoweringContext &context) {
  Value data = op.getData(), indices = op.getIndices(), result = op.getOutput();
  int64_t indexRank = context.rank(indices), batch = op.getBatchDims();
  std::optional<int64_t> depth = LoweringContext::constantOf(context.dim(indices, indexRank - 1));
  if (!depth)
    return context.unsupported(op, "the last size of its indices is not a constant");
  if (failed(context.requireSizes(op, result)))
    return failure();
  Layout layout = context.layoutOf(data);
  Value tensor = context.get(data, layout), positions = context.get(indices);
  SmallVector<Value> extents = extentsOf(context, data);
  SmallVector<Value> components = llvm::map_to_vector(llvm::seq<int64_t>(0, *depth),
                                                      [&](int64_t i) { return context.index(i); });
  context.set(result,
              context.generate(context.shape(result), LoweringContext::storedType(result),
                               Layout::RowMajor, [&](ImplicitLocOpBuilder &b, ValueRange at) {
                                 SmallVector<Value> from(at.take_front(batch));
                                 for (int64_t i = 0; i < *depth; ++i) {
                                   SmallVector<Value> which(at.take_front(indexRank - 1));
                                   which.push_back(components[i]);
                                   Value element = tensor::ExtractOp::create(b, positions, which);
                                   from.push_back(position(b, element, extents[batch + i]));
                                 }
                                 llvm::append_range(from, at.drop_front(indexRank - 1));
                                 return LoweringContext::read(b, tensor, layout, from);
                               }));
  return success();
}

static LogicalResult lowerOneHot(nn::OneHotOp op, LoweringContext &context) {
  Value indices = op.getIndices(), result = op.getOutput();
  int64_t rank = context.rank(result), axis = frontAxis(op.getAxis(), rank);
  if (failed(context.requireSizes(op, result)))
    return failure();
  Value positions = context.get(indices), values = context.get(op.getValues());
  Value extent = context.index(context.dim(result, axis));
  Value zero = context.index(0), one = context.index(1);
  Value off = context.b.createOrFold<tensor::ExtractOp>(values, ValueRange{zero});
  Value on = context.b.createOrFold<tensor::ExtractOp>(values, ValueRange{one});
  ScalarKind kind = LoweringContext::kindOf(indices);
  context.set(result,
              context.generate(
                  context.shape(result), LoweringContext::storedType(result), Layout::RowMajor,
                  [&](ImplicitLocOpBuilder &b, ValueRange at) {
                    SmallVector<Value> where(at);
                    where.erase(where.begin() + axis);
                    Value element = tensor::ExtractOp::create(b, positions, where);
                    if (kind == ScalarKind::Float)
                      element = convertScalar(b, element, kind, b.getI64Type(), ScalarKind::Signed);
                    Value index = arith::IndexCastOp::create(b, b.getIndexType(), element);
                    Value isNegative =
                        arith::CmpIOp::create(b, arith::CmpIPredicate::slt, index, zero);
                    index = arith::SelectOp::create(b, isNegative,
                                                    arith::AddIOp::create(b, index, extent), index);
                    Value hot = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, index, at[axis]);
                    return arith::SelectOp::create(b, hot, on, off);
                  }));
  return success();
}

static LogicalResult lowerReverseSequence(nn::ReverseSequenceOp op, LoweringContext &context) {
  Value input = op.getInput(), result = op.getY();
  int64_t batch = op.getBatchAxis(), time = op.getTimeAxis();
  Layout layout = context.layoutOf(input);
  Value tensor = context.get(input, layout), lengths = context.get(op.getSequenceLens());
  Value extent = context.index(context.dim(input, time)), one = context.index(1);
  Value zero = context.index(0);
  context.set(result,
              context.generate(
                  context.shape(result), LoweringContext::storedType(result), layout,
                  [&](ImplicitLocOpBuilder &b, ValueRange at) {
                    Value length = arith::IndexCastOp::create(
                        b, b.getIndexType(), tensor::ExtractOp::create(b, lengths, at[batch]));
                    length = arith::MinSIOp::create(b, length, extent);
                    Value mirrored =
                        arith::SubIOp::create(b, arith::SubIOp::create(b, length, one), at[time]);
                    Value inside =
                        arith::CmpIOp::create(b, arith::CmpIPredicate::sge, mirrored, zero);
                    SmallVector<Value> from(at);
                    from[time] = arith::SelectOp::create(b, inside, mirrored, at[time]);
                    return LoweringContext::read(b, tensor, layout, from);
                  }),
              layout);
  return success();
}

//===----------------------------------------------------------------------===//
// Scatters
//===----------------------------------------------------------------------===//

/// What a scatter stores where `old` is and `update` comes.
static FailureOr<Value> combine(ImplicitLocOpBuilder &b, StringRef reduction, Value old,
                                Value update, ScalarKind kind) {
  Value left = LoweringContext::toScalar(b, old, kind),
        right = LoweringContext::toScalar(b, update, kind);
  Scalars s(b, left.getType(), kind);
  Value result;
  if (reduction == "none")
    return update;
  if (reduction == "add")
    result = s.add(left, right);
  else if (reduction == "mul")
    result = s.mul(left, right);
  else if (reduction == "max")
    result = s.max(left, right);
  else if (reduction == "min")
    result = s.min(left, right);
  else
    return failure();
  return LoweringContext::fromScalar(b, result, kind);
}

/// Scatters `updates` into a copy of `data`; `target` gives the indices of each.
static LogicalResult
scatter(Operation *op, LoweringContext &context, Value data, Value updates, Value result,
        StringRef reduction,
        function_ref<SmallVector<Value>(ImplicitLocOpBuilder &, ValueRange)> target) {
  if (!llvm::is_contained({"none", "add", "mul", "max", "min"}, reduction))
    return context.unsupported(op, "reduction '" + reduction + "' is not known");
  Value source = context.get(updates), start = context.get(data);
  ScalarKind kind = LoweringContext::kindOf(data);
  Value scattered = loopNest(context.b, extentsOf(context, updates), start,
                             [&](ImplicitLocOpBuilder &b, ValueRange at, Value tensor) -> Value {
                               SmallVector<Value> to = target(b, at);
                               Value update = tensor::ExtractOp::create(b, source, at);
                               Value old = reduction == "none"
                                               ? update
                                               : Value(tensor::ExtractOp::create(b, tensor, to));
                               Value value = *combine(b, reduction, old, update, kind);
                               return tensor::InsertOp::create(b, value, tensor, to);
                             });
  context.set(result, scattered);
  return success();
}

static LogicalResult lowerScatterElements(nn::ScatterElementsOp op, LoweringContext &context) {
  int64_t rank = context.rank(op.getData()), axis = frontAxis(op.getAxis(), rank);
  Value positions = context.get(op.getIndices());
  Value extent = context.index(context.dim(op.getData(), axis));
  return scatter(op, context, op.getData(), op.getUpdates(), op.getOutput(), op.getReduction(),
                 [&](ImplicitLocOpBuilder &b, ValueRange at) {
                   SmallVector<Value> to(at);
                   to[axis] = position(b, tensor::ExtractOp::create(b, positions, at), extent);
                   return to;
                 });
}

static LogicalResult lowerScatterNd(nn::ScatterNdOp op, LoweringContext &context) {
  int64_t indexRank = context.rank(op.getIndices());
  std::optional<int64_t> depth =
      LoweringContext::constantOf(context.dim(op.getIndices(), indexRank - 1));
  if (!depth)
    return context.unsupported(op, "the last size of its indices is not a constant");
  Value positions = context.get(op.getIndices());
  SmallVector<Value> extents = extentsOf(context, op.getData());
  return scatter(op, context, op.getData(), op.getUpdates(), op.getOutput(), op.getReduction(),
                 [&](ImplicitLocOpBuilder &b, ValueRange at) {
                   SmallVector<Value> to;
                   for (int64_t i = 0; i < *depth; ++i) {
                     SmallVector<Value> which(at.take_front(indexRank - 1));
                     which.push_back(arith::ConstantIndexOp::create(b, i));
                     to.push_back(
                         position(b, tensor::ExtractOp::create(b, positions, which), extents[i]));
                   }
                   llvm::append_range(to, at.drop_front(indexRank - 1));
                   return to;
                 });
}

//===----------------------------------------------------------------------===//
// Selections of a size that depends on data
//===----------------------------------------------------------------------===//

/// The number of elements of a bool tensor that are true.
static Value countTrue(LoweringContext &context, Value mask, ArrayRef<Value> extents) {
  ImplicitLocOpBuilder &b = context.b;
  Value zero = context.index(0);
  Value counter = tensor::FromElementsOp::create(b, RankedTensorType::get({}, b.getIndexType()),
                                                 ValueRange{zero});
  Value counted =
      loopNest(b, extents, counter,
               [&](ImplicitLocOpBuilder &builder, ValueRange at, Value tensor) -> Value {
                 Value element = tensor::ExtractOp::create(builder, mask, at);
                 Value isTrue = LoweringContext::toScalar(builder, element, ScalarKind::Bool);
                 Value one = arith::IndexCastUIOp::create(builder, builder.getIndexType(), isTrue);
                 Value old = tensor::ExtractOp::create(builder, tensor, ValueRange{});
                 return tensor::InsertOp::create(builder, arith::AddIOp::create(builder, old, one),
                                                 tensor, ValueRange{});
               });
  return tensor::ExtractOp::create(b, counted, ValueRange{});
}

/// NonZero: [rank, count] indices of the elements that are not zero.
static LogicalResult lowerNonZero(nn::NonZeroOp op, LoweringContext &context) {
  ImplicitLocOpBuilder &b = context.b;
  Value input = op.getX();
  int64_t rank = context.rank(input);
  if (rank == 0)
    return context.unsupported(op, "its operand is a scalar");
  ScalarKind kind = LoweringContext::kindOf(input);
  Value tensor = context.get(input);
  SmallVector<Value> extents = extentsOf(context, input);
  Value mask = context.generate(
      context.shape(input), b.getI8Type(), Layout::RowMajor,
      [&](ImplicitLocOpBuilder &builder, ValueRange at) {
        Value element = LoweringContext::toScalar(
            builder, LoweringContext::read(builder, tensor, Layout::RowMajor, at), kind);
        Value isTrue = convertScalar(builder, element, kind, builder.getI1Type(), ScalarKind::Bool);
        return LoweringContext::fromScalar(builder, isTrue, ScalarKind::Bool);
      });
  Value count = countTrue(context, mask, extents);
  // The last column of the table is a scratch place for elements that are zero.
  Value one = context.index(1);
  Value width = arith::AddIOp::create(b, count, one);
  Value table = tensor::EmptyOp::create(
      b, RankedTensorType::get({rank + 1, ShapedType::kDynamic}, b.getI64Type()),
      ValueRange{width});
  Value zero64 = arith::ConstantOp::create(b, b.getI64IntegerAttr(0));
  table = linalg::FillOp::create(b, zero64, table).getResult(0);
  Value counterRow = context.index(rank), first = context.index(0);
  Value filled = loopNest(
      b, extents, table, [&](ImplicitLocOpBuilder &builder, ValueRange at, Value current) -> Value {
        Value isTrue = LoweringContext::toScalar(
            builder, tensor::ExtractOp::create(builder, mask, at), ScalarKind::Bool);
        Value next64 = tensor::ExtractOp::create(builder, current, ValueRange{counterRow, first});
        Value next = arith::IndexCastOp::create(builder, builder.getIndexType(), next64);
        Value column = arith::SelectOp::create(builder, isTrue, next, count);
        for (int64_t axis = 0; axis < rank; ++axis) {
          Value index64 = arith::IndexCastOp::create(builder, builder.getI64Type(), at[axis]);
          Value row = arith::ConstantIndexOp::create(builder, axis);
          current = tensor::InsertOp::create(builder, index64, current, ValueRange{row, column});
        }
        Value step = arith::ExtUIOp::create(builder, builder.getI64Type(), isTrue);
        Value after = arith::AddIOp::create(builder, next64, step);
        return tensor::InsertOp::create(builder, after, current, ValueRange{counterRow, first});
      });
  SmallVector<OpFoldResult> offsets(2, b.getIndexAttr(0)), steps(2, b.getIndexAttr(1));
  Value result = tensor::ExtractSliceOp::create(
      b, filled, offsets, ArrayRef<OpFoldResult>{b.getIndexAttr(rank), count}, steps);
  context.set(op.getY(), result);
  return success();
}

void secateur::lowering::attachIndexingModels(MLIRContext *context) {
  attachLowering<nn::GatherOp, lowerGather>(context);
  attachLowering<nn::GatherElementsOp, lowerGatherElements>(context);
  attachLowering<nn::GatherNdOp, lowerGatherNd>(context);
  attachLowering<nn::OneHotOp, lowerOneHot>(context);
  attachLowering<nn::ReverseSequenceOp, lowerReverseSequence>(context);
  attachLowering<nn::ScatterElementsOp, lowerScatterElements>(context);
  attachLowering<nn::ScatterNdOp, lowerScatterNd>(context);
  attachLowering<nn::NonZeroOp, lowerNonZero>(context);
}
