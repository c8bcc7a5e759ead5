//===- LoweringBuilders.cpp - What many operators build -----------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Elementwise loops with broadcasting, tensors computed from their indices,
// transposes and reshapes.

#include "secateur/Lowering/LoweringContext.h"

#include "secateur/Analysis/SymbolicShapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

static SmallVector<utils::IteratorType> parallel(int64_t rank) {
  return SmallVector<utils::IteratorType>(rank, utils::IteratorType::parallel);
}

Value LoweringContext::empty(ArrayRef<Dim> dims, Type storedElementType) {
  RankedTensorType type = tensorType(dims, storedElementType);
  SmallVector<Value> dynamic;
  for (auto [dim, extent] : llvm::zip_equal(dims, type.getShape()))
    if (ShapedType::isDynamic(extent))
      dynamic.push_back(index(dim));
  return tensor::EmptyOp::create(b, type, dynamic);
}

Value LoweringContext::empty(Value like, Layout layout) {
  return empty(storedOrder(shape(like), layout), storageType(elementType(like)));
}

Value LoweringContext::filled(ArrayRef<Dim> dims, Value scalar) {
  Value init = empty(dims, scalar.getType());
  return linalg::FillOp::create(b, scalar, init).getResult(0);
}

Value LoweringContext::transpose(Value tensor, ArrayRef<int64_t> permutation, ArrayRef<Dim> dims) {
  if (llvm::equal(permutation, llvm::seq<int64_t>(0, permutation.size())))
    return tensor;
  SmallVector<Dim> permuted =
      llvm::map_to_vector(permutation, [&](int64_t axis) { return dims[axis]; });
  Value init = empty(permuted, cast<RankedTensorType>(tensor.getType()).getElementType());
  return linalg::TransposeOp::create(b, castTo(tensor, dims), init, permutation)->getResult(0);
}

//===----------------------------------------------------------------------===//
// Reshapes
//===----------------------------------------------------------------------===//

/// A part of a reshape: `from` axes whose product is that of the `to` axes.
struct ReshapeGroup {
  SmallVector<int64_t> from, to;
};

/// Cuts a reshape into the smallest groups of axes with equal products; what is
/// left over when sizes cannot be compared is the last group.
static SmallVector<ReshapeGroup> groupAxes(LoweringContext &context, ArrayRef<Dim> from,
                                           ArrayRef<Dim> to) {
  SmallVector<ReshapeGroup> groups;
  Dim one = context.constantDim(1);
  size_t i = 0, j = 0;
  while (i < from.size() && j < to.size()) {
    size_t firstFrom = i, firstTo = j;
    Dim left = from[i++], right = to[j++];
    // Grow the side that is smaller, where that can be told, else either: try
    // all prefixes of the other side for each one more axis of this side.
    bool found = context.same(left, right);
    for (size_t total = 1; !found && total <= (from.size() - firstFrom) + (to.size() - firstTo);
         ++total)
      for (size_t more = 0; more <= total && !found; ++more) {
        size_t endFrom = firstFrom + 1 + more, endTo = firstTo + 1 + (total - more);
        if (endFrom > from.size() || endTo > to.size())
          continue;
        left = right = one;
        for (size_t k = firstFrom; k < endFrom; ++k)
          left = left * from[k];
        for (size_t k = firstTo; k < endTo; ++k)
          right = right * to[k];
        if (context.same(context.symbols.simplify(left), context.symbols.simplify(right))) {
          i = endFrom;
          j = endTo;
          found = true;
        }
      }
    if (!found) {
      i = from.size();
      j = to.size();
    }
    ReshapeGroup group;
    llvm::append_range(group.from, llvm::seq<int64_t>(firstFrom, i));
    llvm::append_range(group.to, llvm::seq<int64_t>(firstTo, j));
    groups.push_back(group);
  }
  // Trailing ones of either side belong to the last group.
  if (i < from.size() || j < to.size()) {
    if (groups.empty())
      groups.emplace_back();
    llvm::append_range(groups.back().from, llvm::seq<int64_t>(i, from.size()));
    llvm::append_range(groups.back().to, llvm::seq<int64_t>(j, to.size()));
  }
  return groups;
}

Value LoweringContext::reshape(Value tensor, ArrayRef<Dim> from, ArrayRef<Dim> to) {
  Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
  RankedTensorType resultType = tensorType(to, element);
  if (from.size() == to.size() && llvm::all_of(llvm::zip(from, to), [&](auto pair) {
        return same(std::get<0>(pair), std::get<1>(pair));
      }))
    return cast(tensor, resultType);
  // Sizes that are known to be 1 where a scalar is on the other side.
  if (from.empty() || to.empty()) {
    SmallVector<int64_t> ones(std::max(from.size(), to.size()), 1);
    auto onesType = RankedTensorType::get(ones, element);
    if (to.empty())
      return tensor::CollapseShapeOp::create(b, resultType, cast(tensor, onesType),
                                             ArrayRef<ReassociationIndices>());
    Value expanded =
        tensor::ExpandShapeOp::create(b, onesType, tensor, ArrayRef<ReassociationIndices>());
    return cast(expanded, resultType);
  }
  SmallVector<ReshapeGroup> groups = groupAxes(*this, from, to);
  // The middle: one axis a group.
  SmallVector<ReassociationIndices> collapse, expand;
  SmallVector<int64_t> middleFrom, middleTo;
  auto fromType = cast<RankedTensorType>(tensor.getType());
  auto product = [](RankedTensorType type, ArrayRef<int64_t> axes) {
    int64_t result = 1;
    for (int64_t axis : axes) {
      if (type.isDynamicDim(axis))
        return ShapedType::kDynamic;
      result *= type.getDimSize(axis);
    }
    return result;
  };
  for (ReshapeGroup &group : groups) {
    collapse.emplace_back(group.from.begin(), group.from.end());
    expand.emplace_back(group.to.begin(), group.to.end());
    middleFrom.push_back(product(fromType, group.from));
    middleTo.push_back(product(resultType, group.to));
  }
  Value middle = tensor;
  if (groups.size() != from.size())
    middle = tensor::CollapseShapeOp::create(b, RankedTensorType::get(middleFrom, element), tensor,
                                             collapse);
  middle = cast(middle, RankedTensorType::get(middleTo, element));
  if (groups.size() == to.size())
    return cast(middle, resultType);
  return tensor::ExpandShapeOp::create(b, resultType, middle, expand, sizes(to));
}

//===----------------------------------------------------------------------===//
// Elementwise loops
//===----------------------------------------------------------------------===//

/// An operand of an elementwise loop.
struct ElementwiseOperand {
  Value tensor;              // null where `scalar` is set
  Attribute scalar;          // a constant with one value
  SmallVector<int64_t> axes; // for each axis of `tensor` the logical axis of the result
  SmallVector<int64_t>
      maybeOne; // logical axes of the result along which the operand may have size 1
};

/// The layout of an elementwise result: that of most elements of its operands.
static Layout chooseLayout(LoweringContext &context, ValueRange operands, int64_t rank) {
  int64_t weight = 0;
  for (Value operand : operands) {
    if (context.rank(operand) != rank || rank < 3 || context.constant(operand) ||
        !context.isLowered(operand))
      continue;
    // Sizes that are not known count as 64.
    int64_t count = 1;
    for (Dim dim : context.shape(operand))
      count = std::min<int64_t>(count * LoweringContext::constantOf(dim).value_or(64), INT64_C(1)
                                                                                           << 40);
    weight += context.layoutOf(operand) == Layout::ChannelsLast ? count : -count;
  }
  return weight > 0 ? Layout::ChannelsLast : Layout::RowMajor;
}

/// The one value of a constant, as an attribute of the stored type.
static Attribute splatOf(LoweringContext &context, Value value) {
  ElementsAttr constant = context.constant(value);
  if (!constant || (!constant.isSplat() && constant.getNumElements() != 1))
    return {};
  auto stored = LoweringContext::storageType(constant.getElementType());
  if (std::optional<SmallVector<double>> floats =
          isa<FloatType>(stored) ? context.constantSplat(constant) : std::nullopt)
    return FloatAttr::get(stored, floats->front());
  Operation *definition = context.get(value).getDefiningOp();
  DenseElementsAttr dense;
  if (definition && matchPattern(definition, m_Constant(&dense)) && dense.isSplat())
    return dense.getSplatValue<Attribute>();
  return {};
}

static FailureOr<ElementwiseOperand> prepareOperand(LoweringContext &context, Value operand,
                                                    ArrayRef<Dim> resultDims, Layout layout) {
  ElementwiseOperand prepared;
  if ((prepared.scalar = splatOf(context, operand)))
    return prepared;
  ArrayRef<Dim> dims = context.shape(operand);
  int64_t offset = int64_t(resultDims.size()) - int64_t(dims.size());
  if (offset < 0)
    return failure();
  // Axes of size 1 that are stretched are dropped; the rest must match.
  SmallVector<int64_t> kept;
  for (auto [axis, dim] : llvm::enumerate(dims)) {
    Dim wanted = resultDims[axis + offset];
    if (LoweringContext::constantOf(dim) == 1 && !context.same(dim, wanted))
      continue;
    if (!context.same(dim, wanted) &&
        !(LoweringContext::constantOf(dim) && LoweringContext::constantOf(wanted)))
      prepared.maybeOne.push_back(axis + offset);
    kept.push_back(axis);
  }
  bool fullSize = kept.size() == resultDims.size();
  Layout from = fullSize ? layout : context.layoutOf(operand);
  if (context.constant(operand) && !fullSize)
    from = Layout::RowMajor;
  Value tensor = context.get(operand, from);
  int64_t rank = dims.size();
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  SmallVector<int64_t> stored = storedOrder<int64_t>(axes, from);
  SmallVector<Dim> fromDims, toDims;
  for (int64_t axis : stored) {
    fromDims.push_back(dims[axis]);
    if (!llvm::is_contained(kept, axis))
      continue;
    toDims.push_back(dims[axis]);
    prepared.axes.push_back(axis + offset);
  }
  prepared.tensor = kept.size() == dims.size() ? tensor : context.reshape(tensor, fromDims, toDims);
  return prepared;
}

LogicalResult LoweringContext::elementwise(Operation *op, ValueRange operands, Value result,
                                           Body body) {
  SmallVector<Dim> dims(shape(result));
  int64_t rank = dims.size();
  Layout layout = chooseLayout(*this, operands, rank);
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  SmallVector<int64_t> loops = storedOrder<int64_t>(axes, layout); // loop -> logical axis
  SmallVector<ElementwiseOperand> prepared;
  SmallVector<Value> tensors;
  SmallVector<AffineMap> maps;
  for (Value operand : operands) {
    FailureOr<ElementwiseOperand> one = prepareOperand(*this, operand, dims, layout);
    if (failed(one))
      return unsupported(op, "an operand has more axes than the result");
    if (one->tensor && one->maybeOne.empty()) {
      SmallVector<AffineExpr> exprs;
      for (int64_t axis : one->axes)
        exprs.push_back(
            b.getAffineDimExpr(std::find(loops.begin(), loops.end(), axis) - loops.begin()));
      tensors.push_back(one->tensor);
      maps.push_back(AffineMap::get(rank, 0, exprs, b.getContext()));
    }
    prepared.push_back(*one);
  }
  Type stored = storageType(elementType(result));
  Value init = empty(storedOrder<Dim>(dims, layout), stored);
  maps.push_back(b.getMultiDimIdentityMap(rank));
  // Where a size may or may not be 1 the element is read at index 0 or i.
  Value zero = index(0), one = index(1);
  SmallVector<SmallVector<Value>> extents;
  for (ElementwiseOperand &operand : prepared) {
    SmallVector<Value> known;
    if (!operand.maybeOne.empty())
      for (int64_t position : llvm::seq<int64_t>(0, operand.axes.size()))
        known.push_back(b.createOrFold<tensor::DimOp>(operand.tensor, position));
    extents.push_back(known);
  }
  auto generic = linalg::GenericOp::create(
      b, TypeRange{init.getType()}, tensors, ValueRange{init}, maps, parallel(rank),
      [&](OpBuilder &nested, Location location, ValueRange arguments) {
        ImplicitLocOpBuilder builder(location, nested);
        SmallVector<Value> scalars;
        size_t next = 0;
        for (auto [i, operand] : llvm::enumerate(prepared)) {
          Value scalar;
          if (operand.scalar) {
            scalar = arith::ConstantOp::create(builder, cast<TypedAttr>(operand.scalar));
          } else if (operand.maybeOne.empty()) {
            scalar = arguments[next++];
          } else {
            SmallVector<Value> at;
            for (auto [position, axis] : llvm::enumerate(operand.axes)) {
              Value loop = linalg::IndexOp::create(
                  builder, int64_t(std::find(loops.begin(), loops.end(), axis) - loops.begin()));
              if (llvm::is_contained(operand.maybeOne, axis)) {
                Value isOne = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq,
                                                    extents[i][position], one);
                loop = arith::SelectOp::create(builder, isOne, zero, loop);
              }
              at.push_back(loop);
            }
            scalar = tensor::ExtractOp::create(builder, operand.tensor, at);
          }
          scalars.push_back(toScalar(builder, scalar, kindOf(operands[i])));
        }
        Value value = body(builder, scalars);
        linalg::YieldOp::create(builder, fromScalar(builder, value, kindOf(result)));
      });
  set(result, generic.getResult(0), layout);
  return success();
}

PlacedTensor LoweringContext::whole(Value value, Layout layout) {
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, rank(value)));
  return {get(value, layout), storedOrder<int64_t>(axes, layout)};
}

Value LoweringContext::pointwise(ArrayRef<Dim> dims, Type storedElementType, Layout layout,
                                 ArrayRef<PlacedTensor> operands, Body body) {
  int64_t rank = dims.size();
  if (rank < 3)
    layout = Layout::RowMajor;
  SmallVector<Value> tensors;
  SmallVector<AffineMap> maps;
  for (const PlacedTensor &operand : operands) {
    SmallVector<AffineExpr> exprs;
    for (int64_t axis : operand.axes)
      exprs.push_back(b.getAffineDimExpr(storedAxis(axis, rank, layout)));
    tensors.push_back(operand.tensor);
    maps.push_back(AffineMap::get(rank, 0, exprs, b.getContext()));
  }
  maps.push_back(b.getMultiDimIdentityMap(rank));
  Value init = empty(storedOrder<Dim>(dims, layout), storedElementType);
  auto generic = linalg::GenericOp::create(
      b, TypeRange{init.getType()}, tensors, ValueRange{init}, maps, parallel(rank),
      [&](OpBuilder &nested, Location location, ValueRange arguments) {
        ImplicitLocOpBuilder builder(location, nested);
        linalg::YieldOp::create(builder, body(builder, arguments.drop_back()));
      });
  return generic.getResult(0);
}

Value LoweringContext::generate(ArrayRef<Dim> dims, Type storedElementType, Layout layout,
                                Body body) {
  int64_t rank = dims.size();
  if (rank < 3)
    layout = Layout::RowMajor;
  Value init = empty(storedOrder<Dim>(dims, layout), storedElementType);
  auto generic = linalg::GenericOp::create(
      b, TypeRange{init.getType()}, ValueRange{}, ValueRange{init},
      ArrayRef{b.getMultiDimIdentityMap(rank)}, parallel(rank),
      [&](OpBuilder &nested, Location location, ValueRange) {
        ImplicitLocOpBuilder builder(location, nested);
        SmallVector<Value> indices;
        for (int64_t axis = 0; axis < rank; ++axis)
          indices.push_back(linalg::IndexOp::create(builder, storedAxis(axis, rank, layout)));
        linalg::YieldOp::create(builder, body(builder, indices));
      });
  return generic.getResult(0);
}
