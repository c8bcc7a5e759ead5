//===- ConstantFoldModels.cpp - The values of operations on constants -------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// ConstantFoldOpInterface for what exporters compute with weights and shapes:
// elementwise arithmetic and data movement.

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Transform/HostTensor.h"
#include "secateur/Transform/Passes.h"

#include <cmath>

using namespace mlir;
using namespace secateur;
using namespace secateur::nn;
using namespace secateur::transform;

namespace {

using Folded = SmallVector<ElementsAttr>;

/// The static type of the first result, null where shape inference could not tell.
RankedTensorType resultType(Operation *op) {
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  return type && type.hasStaticShape() ? type : RankedTensorType();
}

std::optional<SmallVector<HostTensor>> readAll(ArrayRef<ElementsAttr> operands) {
  SmallVector<HostTensor> tensors;
  for (ElementsAttr operand : operands) {
    std::optional<HostTensor> tensor = operand ? HostTensor::read(operand) : std::nullopt;
    if (!tensor)
      return std::nullopt;
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

SmallVector<int64_t> stridesOf(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t i = static_cast<int64_t>(shape.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

/// Calls `visit(linear, index)` for each position of `shape`, row-major.
template <typename Visit>
void forEachIndex(ArrayRef<int64_t> shape, Visit visit) {
  int64_t count = ShapedType::getNumElements(shape);
  SmallVector<int64_t> index(shape.size(), 0);
  for (int64_t linear = 0; linear < count; ++linear) {
    visit(linear, ArrayRef<int64_t>(index));
    for (int64_t axis = static_cast<int64_t>(shape.size()) - 1; axis >= 0; --axis) {
      if (++index[axis] < shape[axis])
        break;
      index[axis] = 0;
    }
  }
}

/// Position in `tensor` of `index` of a result that it is broadcast to.
int64_t broadcastPosition(const HostTensor &tensor, ArrayRef<int64_t> strides,
                          ArrayRef<int64_t> index) {
  ArrayRef<int64_t> shape = tensor.type.getShape();
  int64_t position = 0,
          skip = static_cast<int64_t>(index.size()) - static_cast<int64_t>(shape.size());
  for (size_t axis = 0; axis < shape.size(); ++axis)
    if (shape[axis] != 1)
      position += index[axis + skip] * strides[axis];
  return position;
}

HostTensor emptyLike(RankedTensorType type, bool uniform) {
  HostTensor result;
  result.type = type;
  result.uniform = uniform;
  int64_t count = uniform ? 1 : type.getNumElements();
  if (result.isFloat())
    result.floats.resize(count);
  else
    result.integers.resize(count);
  return result;
}

/// result[linear] = source[position].
void copyElement(HostTensor &result, int64_t linear, const HostTensor &source, int64_t position) {
  if (result.isFloat())
    result.floats[linear] = source.getFloat(position);
  else
    result.integers[linear] = source.getInteger(position);
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

using FloatFn = double (*)(ArrayRef<double>);
/// None where the integer operation is undefined (division by zero).
using IntegerFn = std::optional<int64_t> (*)(ArrayRef<int64_t>);

template <typename Fn>
bool isGiven(Fn function) {
  return function != nullptr;
}

template <typename Op, FloatFn floatFn, IntegerFn integerFn>
struct ElementwiseFold
    : ConstantFoldOpInterface::ExternalModel<ElementwiseFold<Op, floatFn, integerFn>, Op> {
  Folded evaluate(Operation *op, ArrayRef<ElementsAttr> operands) const {
    RankedTensorType type = resultType(op);
    auto inputs = readAll(operands);
    if (!type || !inputs || inputs->empty())
      return {};
    bool isFloat = inputs->front().isFloat();
    if (isFloat ? !isGiven(floatFn) : !isGiven(integerFn))
      return {};
    HostTensor result =
        emptyLike(type, llvm::all_of(*inputs, [](const HostTensor &t) { return t.uniform; }));
    SmallVector<SmallVector<int64_t>> strides;
    for (HostTensor &input : *inputs)
      strides.push_back(stridesOf(input.type.getShape()));
    bool defined = true;
    auto compute = [&](int64_t linear, ArrayRef<int64_t> index) {
      SmallVector<double, 4> floats;
      SmallVector<int64_t, 4> integers;
      for (auto [input, stride] : llvm::zip(*inputs, strides)) {
        int64_t position = input.uniform ? 0 : broadcastPosition(input, stride, index);
        isFloat ? floats.push_back(input.getFloat(position))
                : integers.push_back(input.getInteger(position));
      }
      if (isFloat) {
        double value = floatFn(floats);
        result.isFloat() ? result.floats[linear] = value
                         : result.integers[linear] = static_cast<int64_t>(value);
        return;
      }
      std::optional<int64_t> value = integerFn(integers);
      defined &= value.has_value();
      result.isFloat() ? result.floats[linear] = static_cast<double>(value.value_or(0))
                       : result.integers[linear] = value.value_or(0);
    };
    if (result.uniform)
      compute(0, SmallVector<int64_t>(type.getRank(), 0));
    else
      forEachIndex(type.getShape(), compute);
    return defined ? Folded{result.write()} : Folded{};
  }
};

std::optional<int64_t> addInteger(ArrayRef<int64_t> x) { return x[0] + x[1]; }
std::optional<int64_t> subInteger(ArrayRef<int64_t> x) { return x[0] - x[1]; }
std::optional<int64_t> mulInteger(ArrayRef<int64_t> x) { return x[0] * x[1]; }
std::optional<int64_t> divInteger(ArrayRef<int64_t> x) {
  if (x[1] == 0 || (x[1] == -1 && x[0] == INT64_MIN))
    return std::nullopt;
  return x[0] / x[1];
}
double addFloat(ArrayRef<double> x) { return x[0] + x[1]; }
double subFloat(ArrayRef<double> x) { return x[0] - x[1]; }
double mulFloat(ArrayRef<double> x) { return x[0] * x[1]; }
double divFloat(ArrayRef<double> x) { return x[0] / x[1]; }
double powFloat(ArrayRef<double> x) { return std::pow(x[0], x[1]); }
double sqrtFloat(ArrayRef<double> x) { return std::sqrt(x[0]); }
double reciprocalFloat(ArrayRef<double> x) { return 1 / x[0]; }
double negFloat(ArrayRef<double> x) { return -x[0]; }
double absFloat(ArrayRef<double> x) { return std::fabs(x[0]); }
double expFloat(ArrayRef<double> x) { return std::exp(x[0]); }
double logFloat(ArrayRef<double> x) { return std::log(x[0]); }
double floorFloat(ArrayRef<double> x) { return std::floor(x[0]); }
double ceilFloat(ArrayRef<double> x) { return std::ceil(x[0]); }
double sumFloat(ArrayRef<double> x) { return std::accumulate(x.begin(), x.end(), 0.0); }
std::optional<int64_t> negInteger(ArrayRef<int64_t> x) { return -x[0]; }
std::optional<int64_t> absInteger(ArrayRef<int64_t> x) { return x[0] < 0 ? -x[0] : x[0]; }
std::optional<int64_t> minInteger(ArrayRef<int64_t> x) { return *llvm::min_element(x); }
std::optional<int64_t> maxInteger(ArrayRef<int64_t> x) { return *llvm::max_element(x); }
std::optional<int64_t> notInteger(ArrayRef<int64_t> x) { return !x[0]; }
std::optional<int64_t> andInteger(ArrayRef<int64_t> x) { return x[0] && x[1]; }
std::optional<int64_t> orInteger(ArrayRef<int64_t> x) { return x[0] || x[1]; }
std::optional<int64_t> equalInteger(ArrayRef<int64_t> x) { return x[0] == x[1]; }
std::optional<int64_t> lessInteger(ArrayRef<int64_t> x) { return x[0] < x[1]; }
std::optional<int64_t> greaterInteger(ArrayRef<int64_t> x) { return x[0] > x[1]; }

//===----------------------------------------------------------------------===//
// Data movement
//===----------------------------------------------------------------------===//

/// Operations that keep the elements and their order.
template <typename Op>
struct ReshapeFold : ConstantFoldOpInterface::ExternalModel<ReshapeFold<Op>, Op> {
  Folded evaluate(Operation *op, ArrayRef<ElementsAttr> operands) const {
    RankedTensorType type = resultType(op);
    if (!type || !operands[0] || operands[0].getNumElements() != type.getNumElements())
      return {};
    if (auto dense = dyn_cast<DenseElementsAttr>(operands[0]))
      return {dense.reshape(type)};
    if (auto resource = dyn_cast<DenseResourceElementsAttr>(operands[0]))
      return {DenseResourceElementsAttr::get(type, resource.getRawHandle())};
    return {};
  }
};

/// Operations whose result's element at an index is operand 0's at another.
template <typename Model, typename Op>
struct MovementFold : ConstantFoldOpInterface::ExternalModel<Model, Op> {
  Folded evaluate(Operation *op, ArrayRef<ElementsAttr> operands) const {
    RankedTensorType type = resultType(op);
    std::optional<HostTensor> input = HostTensor::read(operands[0]);
    if (!type || !input)
      return {};
    HostTensor result = emptyLike(type, input->uniform);
    if (input->uniform) {
      copyElement(result, 0, *input, 0);
      return {result.write()};
    }
    auto source = static_cast<const Model *>(this)->sourceOf(cast<Op>(op), *input, operands);
    if (!source)
      return {};
    forEachIndex(type.getShape(), [&](int64_t linear, ArrayRef<int64_t> index) {
      copyElement(result, linear, *input, source(index));
    });
    return {result.write()};
  }
};

using Source = std::function<int64_t(ArrayRef<int64_t>)>;

struct TransposeFold : MovementFold<TransposeFold, TransposeOp> {
  Source sourceOf(TransposeOp op, const HostTensor &input, ArrayRef<ElementsAttr>) const {
    int64_t rank = input.type.getRank();
    SmallVector<int64_t> permutation;
    if (op.getPerm())
      permutation.assign(op.getPerm()->begin(), op.getPerm()->end());
    else
      for (int64_t axis = rank - 1; axis >= 0; --axis)
        permutation.push_back(axis);
    if (static_cast<int64_t>(permutation.size()) != rank)
      return {};
    return [permutation, strides = stridesOf(input.type.getShape())](ArrayRef<int64_t> index) {
      int64_t position = 0;
      for (size_t axis = 0; axis < index.size(); ++axis)
        position += index[axis] * strides[permutation[axis]];
      return position;
    };
  }
};

struct ExpandFold : MovementFold<ExpandFold, ExpandOp> {
  Source sourceOf(ExpandOp, const HostTensor &input, ArrayRef<ElementsAttr>) const {
    return [&input, strides = stridesOf(input.type.getShape())](ArrayRef<int64_t> index) {
      return broadcastPosition(input, strides, index);
    };
  }
};

struct TileFold : MovementFold<TileFold, TileOp> {
  Source sourceOf(TileOp, const HostTensor &input, ArrayRef<ElementsAttr>) const {
    return [&input, strides = stridesOf(input.type.getShape())](ArrayRef<int64_t> index) {
      int64_t position = 0;
      for (auto [i, size, stride] : llvm::zip(index, input.type.getShape(), strides))
        position += i % size * stride;
      return position;
    };
  }
};

struct GatherFold : MovementFold<GatherFold, GatherOp> {
  Source sourceOf(GatherOp op, const HostTensor &input, ArrayRef<ElementsAttr> operands) const {
    std::optional<HostTensor> indices = HostTensor::read(operands[1]);
    int64_t rank = input.type.getRank(),
            axis = op.getAxis() < 0 ? op.getAxis() + rank : op.getAxis();
    if (!indices || axis < 0 || axis >= rank)
      return {};
    int64_t extent = input.type.getDimSize(axis), inner = indices->type.getRank();
    for (int64_t value : indices->integers)
      if (value < -extent || value >= extent)
        return {};
    return [=, indices = std::move(*indices), strides = stridesOf(input.type.getShape()),
            indexStrides = stridesOf(indices->type.getShape())](ArrayRef<int64_t> index) {
      int64_t row = 0, position = 0;
      for (int64_t i = 0; i < inner; ++i)
        row += index[axis + i] * indexStrides[i];
      int64_t picked = indices.getInteger(row);
      for (int64_t i = 0; i < rank; ++i)
        position += strides[i] * (i == axis ? (picked < 0 ? picked + extent : picked)
                                            : index[i < axis ? i : i + inner - 1]);
      return position;
    };
  }
};

struct SliceFold : MovementFold<SliceFold, SliceOp> {
  Source sourceOf(SliceOp op, const HostTensor &input, ArrayRef<ElementsAttr> operands) const {
    int64_t rank = input.type.getRank();
    std::optional<HostTensor> starts = HostTensor::read(operands[1]);
    std::optional<HostTensor> axes = operands[3] ? HostTensor::read(operands[3]) : std::nullopt;
    std::optional<HostTensor> steps = operands[4] ? HostTensor::read(operands[4]) : std::nullopt;
    if (!starts || (operands[3] && !axes) || (operands[4] && !steps))
      return {};
    SmallVector<int64_t> begin(rank, 0), step(rank, 1);
    for (int64_t i = 0; i < starts->size(); ++i) {
      int64_t axis = axes ? axes->getInteger(i) : i;
      axis = axis < 0 ? axis + rank : axis;
      if (axis < 0 || axis >= rank)
        return {};
      int64_t extent = input.type.getDimSize(axis), start = starts->getInteger(i);
      step[axis] = steps ? steps->getInteger(i) : 1;
      start = start < 0 ? start + extent : start;
      begin[axis] = std::clamp<int64_t>(start, 0, step[axis] < 0 ? extent - 1 : extent);
    }
    return [begin, step, strides = stridesOf(input.type.getShape())](ArrayRef<int64_t> index) {
      int64_t position = 0;
      for (size_t axis = 0; axis < index.size(); ++axis)
        position += (begin[axis] + index[axis] * step[axis]) * strides[axis];
      return position;
    };
  }
};

struct ConcatFold : ConstantFoldOpInterface::ExternalModel<ConcatFold, ConcatOp> {
  Folded evaluate(Operation *op, ArrayRef<ElementsAttr> operands) const {
    RankedTensorType type = resultType(op);
    auto inputs = readAll(operands);
    if (!type || !inputs || inputs->empty())
      return {};
    int64_t axis = cast<ConcatOp>(op).getAxis();
    axis = axis < 0 ? axis + type.getRank() : axis;
    if (axis < 0 || axis >= type.getRank())
      return {};
    HostTensor result = emptyLike(type, false);
    SmallVector<int64_t> strides = stridesOf(type.getShape());
    int64_t offset = 0;
    for (HostTensor &input : *inputs) {
      forEachIndex(input.type.getShape(), [&](int64_t linear, ArrayRef<int64_t> index) {
        int64_t position = offset * strides[axis];
        for (int64_t i = 0; i < type.getRank(); ++i)
          position += index[i] * strides[i];
        copyElement(result, position, input, linear);
      });
      offset += input.type.getDimSize(axis);
    }
    return {result.write()};
  }
};

struct CastFold : ConstantFoldOpInterface::ExternalModel<CastFold, CastOp> {
  Folded evaluate(Operation *op, ArrayRef<ElementsAttr> operands) const {
    RankedTensorType type = resultType(op);
    std::optional<HostTensor> input = HostTensor::read(operands[0]);
    if (!type || !input || !type.getElementType().isIntOrFloat())
      return {};
    HostTensor result = emptyLike(type, input->uniform);
    bool toBool = type.getElementType().isInteger(1);
    for (int64_t i = 0, e = input->uniform ? 1 : input->size(); i < e; ++i) {
      double number = input->isFloat() ? input->getFloat(i) : 0;
      if (result.isFloat())
        result.floats[i] = input->isFloat() ? number : static_cast<double>(input->getInteger(i));
      else if (input->isFloat() && !(std::fabs(number) < 9e18))
        return {}; // what the run time makes of it is the run time's matter
      else
        result.integers[i] =
            toBool ? (input->isFloat() ? number != 0 : input->getInteger(i) != 0)
                   : (input->isFloat() ? static_cast<int64_t>(number) : input->getInteger(i));
    }
    return {result.write()};
  }
};

struct ConstantOfShapeFold
    : ConstantFoldOpInterface::ExternalModel<ConstantOfShapeFold, ConstantOfShapeOp> {
  Folded evaluate(Operation *op, ArrayRef<ElementsAttr> operands) const {
    RankedTensorType type = resultType(op);
    if (!type)
      return {};
    std::optional<ElementsAttr> given = cast<ConstantOfShapeOp>(op).getValue();
    if (!given)
      return {DenseElementsAttr::get(type, FloatAttr::get(type.getElementType(), 0.0))};
    std::optional<HostTensor> value = HostTensor::read(*given);
    if (!value || value->size() != 1)
      return {};
    value->uniform = true;
    value->type = type;
    return {value->write()};
  }
};

struct WhereFold : ConstantFoldOpInterface::ExternalModel<WhereFold, WhereOp> {
  Folded evaluate(Operation *op, ArrayRef<ElementsAttr> operands) const {
    RankedTensorType type = resultType(op);
    auto inputs = readAll(operands);
    if (!type || !inputs)
      return {};
    SmallVector<SmallVector<int64_t>> strides;
    for (HostTensor &input : *inputs)
      strides.push_back(stridesOf(input.type.getShape()));
    HostTensor result = emptyLike(type, false);
    forEachIndex(type.getShape(), [&](int64_t linear, ArrayRef<int64_t> index) {
      int64_t chosen =
          (*inputs)[0].getInteger(broadcastPosition((*inputs)[0], strides[0], index)) ? 1 : 2;
      copyElement(result, linear, (*inputs)[chosen],
                  broadcastPosition((*inputs)[chosen], strides[chosen], index));
    });
    return {result.write()};
  }
};

template <typename Op, FloatFn floatFn, IntegerFn integerFn>
void attachElementwise(MLIRContext *context) {
  Op::template attachInterface<ElementwiseFold<Op, floatFn, integerFn>>(*context);
}

} // namespace

void secateur::transform::registerConstantFoldModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, NNDialect *) {
    attachElementwise<AddOp, addFloat, addInteger>(context);
    attachElementwise<SubOp, subFloat, subInteger>(context);
    attachElementwise<MulOp, mulFloat, mulInteger>(context);
    attachElementwise<DivOp, divFloat, divInteger>(context);
    attachElementwise<PowOp, powFloat, nullptr>(context);
    attachElementwise<SqrtOp, sqrtFloat, nullptr>(context);
    attachElementwise<ReciprocalOp, reciprocalFloat, nullptr>(context);
    attachElementwise<NegOp, negFloat, negInteger>(context);
    attachElementwise<AbsOp, absFloat, absInteger>(context);
    attachElementwise<ExpOp, expFloat, nullptr>(context);
    attachElementwise<LogOp, logFloat, nullptr>(context);
    attachElementwise<FloorOp, floorFloat, nullptr>(context);
    attachElementwise<CeilOp, ceilFloat, nullptr>(context);
    attachElementwise<SumOp, sumFloat, nullptr>(context);
    attachElementwise<MinOp, nullptr, minInteger>(context);
    attachElementwise<MaxOp, nullptr, maxInteger>(context);
    attachElementwise<NotOp, nullptr, notInteger>(context);
    attachElementwise<AndOp, nullptr, andInteger>(context);
    attachElementwise<OrOp, nullptr, orInteger>(context);
    attachElementwise<EqualOp, nullptr, equalInteger>(context);
    attachElementwise<LessOp, nullptr, lessInteger>(context);
    attachElementwise<GreaterOp, nullptr, greaterInteger>(context);
    ReshapeOp::attachInterface<ReshapeFold<ReshapeOp>>(*context);
    FlattenOp::attachInterface<ReshapeFold<FlattenOp>>(*context);
    SqueezeOp::attachInterface<ReshapeFold<SqueezeOp>>(*context);
    UnsqueezeOp::attachInterface<ReshapeFold<UnsqueezeOp>>(*context);
    IdentityOp::attachInterface<ReshapeFold<IdentityOp>>(*context);
    TransposeOp::attachInterface<TransposeFold>(*context);
    ExpandOp::attachInterface<ExpandFold>(*context);
    TileOp::attachInterface<TileFold>(*context);
    GatherOp::attachInterface<GatherFold>(*context);
    SliceOp::attachInterface<SliceFold>(*context);
    ConcatOp::attachInterface<ConcatFold>(*context);
    CastOp::attachInterface<CastFold>(*context);
    ConstantOfShapeOp::attachInterface<ConstantOfShapeFold>(*context);
    WhereOp::attachInterface<WhereFold>(*context);
  });
}
