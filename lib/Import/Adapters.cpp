//===- Adapters.cpp - Old forms of operators to the newest one --------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// One adapter per operator and opset at which its form or its meaning changed.
// Changes that only add types, or attributes whose default is the old meaning,
// need none. Export/Downgrade.cpp is the way back.

#include "NodeForm.h"

#include "dialects/NN/IR/NNOps.h"

#include "llvm/ADT/APFloat.h"

using namespace mlir;
using namespace secateur;

using AdapterFn = LogicalResult (*)(NodeForm &, EmitError);

/// A constant that a node had as an attribute. It has no name: the exporter
/// makes it an attribute again, or finds it one.
static Value makeConstant(NodeForm &form, ElementsAttr value) {
  return nn::ConstantOp::create(form.builder, form.builder.getUnknownLoc(), value);
}

static Value makeInts(NodeForm &form, ArrayRef<int64_t> values) {
  auto type =
      RankedTensorType::get({static_cast<int64_t>(values.size())}, form.builder.getI64Type());
  return makeConstant(form, DenseElementsAttr::get(type, values));
}

/// A scalar of the element type of the first input (f32 where that is unknown).
static Value makeScalarLike(NodeForm &form, float value) {
  Type type = getElementTypeOf(form.getInput(0));
  if (!type || !type.isIntOrFloat())
    type = form.builder.getF32Type();
  auto scalar = RankedTensorType::get({}, type);
  if (auto floatType = dyn_cast<FloatType>(type)) {
    llvm::APFloat element(value);
    bool lost = false;
    element.convert(floatType.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &lost);
    return makeConstant(form, DenseElementsAttr::get(scalar, element));
  }
  return makeConstant(form,
                      DenseElementsAttr::get(scalar, form.builder.getIntegerAttr(type, value)));
}

/// Makes input `index` of list attribute `name`, where the node has it.
static void moveIntsToInput(NodeForm &form, StringRef name, unsigned index) {
  if (auto ints = dyn_cast_or_null<DenseI64ArrayAttr>(form.attributes.erase(name)))
    form.setInput(index, makeInts(form, ints));
}

static void moveFloatToInput(NodeForm &form, StringRef name, unsigned index) {
  if (auto value = dyn_cast_or_null<FloatAttr>(form.attributes.erase(name)))
    form.setInput(index, makeScalarLike(form, value.getValue().convertToFloat()));
}

template <unsigned index = 1>
static LogicalResult axesToInput(NodeForm &form, EmitError) {
  moveIntsToInput(form, "axes", index);
  return success();
}

static LogicalResult batchNormTo9(NodeForm &form, EmitError emitError) {
  auto spatial = dyn_cast_or_null<IntegerAttr>(form.attributes.erase("spatial"));
  if (spatial && spatial.getInt() == 0)
    return emitError() << "spatial=0 has no newer form; export the model with opset 9 or later";
  return success();
}

static LogicalResult batchNormTo14(NodeForm &form, EmitError emitError) {
  while (form.outputs.size() > 1 && !form.isUsed(form.outputs.back()))
    form.outputs.pop_back();
  if (form.outputs.size() > 1)
    return emitError()
           << "the outputs of training mode are used; export the model in inference mode";
  return success();
}

static LogicalResult clipTo11(NodeForm &form, EmitError) {
  moveFloatToInput(form, "min", 1);
  moveFloatToInput(form, "max", 2);
  return success();
}

/// What the mask holds in inference mode was left open.
static LogicalResult dropoutTo12(NodeForm &form, EmitError emitError) {
  auto ratio = dyn_cast_or_null<FloatAttr>(form.attributes.erase("ratio"));
  if (form.outputs.size() > 1) {
    if (form.isUsed(form.outputs[1]))
      return emitError() << "its mask is used, which opset 12 defined anew; export the model with "
                            "opset 12 or later";
    form.outputs.resize(1);
  }
  if (ratio)
    form.setInput(1, makeConstant(form, DenseElementsAttr::get(
                                            RankedTensorType::get({}, form.builder.getF32Type()),
                                            ratio.getValue())));
  return success();
}

static LogicalResult gridSampleTo20(NodeForm &form, EmitError) {
  auto mode = dyn_cast_or_null<StringAttr>(form.attributes.get("mode"));
  if (mode && mode == "bilinear")
    form.attributes.set("mode", form.builder.getStringAttr("linear"));
  if (mode && mode == "bicubic")
    form.attributes.set("mode", form.builder.getStringAttr("cubic"));
  return success();
}

/// Scale and bias were one a group; now they are one a channel.
static LogicalResult groupNormTo21(NodeForm &form, EmitError emitError) {
  auto groups = dyn_cast_or_null<IntegerAttr>(form.attributes.get("num_groups"));
  if (!groups || form.inputs.size() < 3 || !form.inputs[1] || !form.inputs[2])
    return emitError() << "expected num_groups, a scale and a bias";
  OpBuilder &builder = form.builder;
  Location loc = builder.getUnknownLoc();
  Type index = builder.getI64Type();
  auto vectorOf = [](int64_t size, Type type) { return RankedTensorType::get({size}, type); };
  Value channels = nn::ShapeOp::create(
      builder, loc, TypeRange{vectorOf(1, index)}, ValueRange{form.inputs[0]},
      ArrayRef<NamedAttribute>{builder.getNamedAttr("end", builder.getI64IntegerAttr(2)),
                               builder.getNamedAttr("start", builder.getI64IntegerAttr(1))});
  Value groupCount = makeInts(form, {groups.getInt()});
  Value perGroup = nn::DivOp::create(builder, loc, TypeRange{vectorOf(1, index)},
                                     ValueRange{channels, groupCount});
  Value shape = nn::ConcatOp::create(
      builder, loc, TypeRange{vectorOf(2, index)}, ValueRange{groupCount, perGroup},
      ArrayRef<NamedAttribute>{builder.getNamedAttr("axis", builder.getI64IntegerAttr(0))});
  Value column = makeInts(form, {-1, 1}), flat = makeInts(form, {-1});
  for (Value &input : MutableArrayRef<Value>(form.inputs).slice(1, 2)) {
    Type type = getElementTypeOf(input);
    Type matrix = getDynamicType(builder.getContext(), type, 2);
    Value asColumn =
        nn::ReshapeOp::create(builder, loc, TypeRange{matrix}, ValueRange{input, column});
    Value expanded =
        nn::ExpandOp::create(builder, loc, TypeRange{matrix}, ValueRange{asColumn, shape});
    input = nn::ReshapeOp::create(builder, loc,
                                  TypeRange{getDynamicType(builder.getContext(), type, 1)},
                                  ValueRange{expanded, flat});
  }
  return success();
}

static LogicalResult padTo11(NodeForm &form, EmitError) {
  moveIntsToInput(form, "pads", 1);
  moveFloatToInput(form, "value", 2);
  return success();
}

/// The scales of an Upsample or of a Resize of opset 10, where constant.
static SmallVector<float> getConstantScales(Value scales) {
  SmallVector<float> values;
  auto constant = scales ? scales.getDefiningOp<nn::ConstantOp>() : nn::ConstantOp();
  auto dense = constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : DenseElementsAttr();
  if (dense && dense.getElementType().isF32())
    llvm::append_range(values, dense.getValues<float>());
  return values;
}

/// (X, scales) -> (X, roi, scales). Before opset 11 the coordinates were those
/// of `asymmetric`, and ONNX Runtime rounds up where it shrinks.
static LogicalResult resizeTo11(NodeForm &form, EmitError emitError) {
  if (form.inputs.size() != 2)
    return emitError() << "expected an input and scales";
  Value scales = form.inputs[1];
  form.inputs.resize(1);
  form.setInput(2, scales);
  SmallVector<float> factors = getConstantScales(scales);
  bool shrinks = !factors.empty() &&
                 llvm::all_of(factors, [](float factor) { return factor <= 1; }) &&
                 llvm::any_of(factors, [](float factor) { return factor < 1; });
  form.attributes.set("coordinate_transformation_mode", form.builder.getStringAttr("asymmetric"));
  auto mode = dyn_cast_or_null<StringAttr>(form.attributes.get("mode"));
  if (!mode || mode == "nearest")
    form.attributes.set("nearest_mode", form.builder.getStringAttr(shrinks ? "ceil" : "floor"));
  return success();
}

/// Empty tensors stood for inputs that could not be left out.
static LogicalResult resizeTo13(NodeForm &form, EmitError) {
  for (Value &input : llvm::drop_begin(form.inputs))
    if (auto type = input ? dyn_cast<RankedTensorType>(input.getType()) : RankedTensorType())
      if (type.hasStaticShape() && type.getNumElements() == 0)
        input = {};
  return success();
}

static LogicalResult upsampleTo9(NodeForm &form, EmitError emitError) {
  auto scales = dyn_cast_or_null<DenseF32ArrayAttr>(form.attributes.erase("scales"));
  if (!scales)
    return emitError() << "expected scales";
  auto type = RankedTensorType::get({scales.size()}, form.builder.getF32Type());
  form.setInput(1, makeConstant(form, DenseElementsAttr::get(type, scales.asArrayRef())));
  return success();
}

static LogicalResult upsampleTo10(NodeForm &form, EmitError) {
  form.opType = "Resize";
  return success();
}

static LogicalResult scatterTo11(NodeForm &form, EmitError) {
  form.opType = "ScatterElements";
  return success();
}

static LogicalResult roiAlignTo16(NodeForm &form, EmitError) {
  form.attributes.set("coordinate_transformation_mode",
                      form.builder.getStringAttr("output_half_pixel"));
  return success();
}

static LogicalResult scanTo9(NodeForm &, EmitError emitError) {
  return emitError()
         << "the Scan of opset 8 is not supported; export the model with opset 9 or later";
}

static LogicalResult sliceTo10(NodeForm &form, EmitError) {
  moveIntsToInput(form, "starts", 1);
  moveIntsToInput(form, "ends", 2);
  moveIntsToInput(form, "axes", 3);
  return success();
}

static LogicalResult splitTo13(NodeForm &form, EmitError) {
  moveIntsToInput(form, "split", 1);
  return success();
}

static LogicalResult splitTo18(NodeForm &form, EmitError) {
  if (!form.getInput(1))
    form.attributes.set("num_outputs", form.builder.getI64IntegerAttr(form.outputs.size()));
  return success();
}

static LogicalResult topkTo10(NodeForm &form, EmitError emitError) {
  auto k = dyn_cast_or_null<IntegerAttr>(form.attributes.erase("k"));
  if (!k)
    return emitError() << "expected k";
  form.setInput(1, makeInts(form, {k.getInt()}));
  return success();
}

/// Softmax, LogSoftmax and Hardmax worked on the matrix that flattening at
/// `axis` gives; now they work along `axis`. The same where it is the last one.
static LogicalResult softmaxTo13(NodeForm &form, EmitError emitError) {
  Value input = form.getInput(0);
  auto axisAttr = dyn_cast_or_null<IntegerAttr>(form.attributes.get("axis"));
  int64_t axis = axisAttr ? axisAttr.getInt() : 1;
  std::optional<int64_t> rank = getRankOf(input);
  if (!input)
    return emitError() << "expected an input";
  OpBuilder &builder = form.builder;
  form.attributes.set("axis", builder.getI64IntegerAttr(axis));
  if (axis == -1 || (rank && axis == *rank - 1))
    return success();

  Type matrix = getDynamicType(builder.getContext(), getElementTypeOf(input), 2);
  Type shapeType = getDynamicType(builder.getContext(), builder.getI64Type(), 1);
  Location loc = builder.getUnknownLoc();
  auto axisOf = [&](int64_t value) {
    return builder.getNamedAttr("axis", builder.getI64IntegerAttr(value));
  };
  Value flat = nn::FlattenOp::create(builder, loc, TypeRange{matrix}, ValueRange{input},
                                     ArrayRef<NamedAttribute>{axisOf(axis)});
  form.inputs[0] = flat;
  form.attributes.set("axis", builder.getI64IntegerAttr(-1));
  form.finish = [&builder, input, shapeType](Value result, Location outputLoc) -> Value {
    Value shape = nn::ShapeOp::create(builder, builder.getUnknownLoc(), TypeRange{shapeType},
                                      ValueRange{input});
    return nn::ReshapeOp::create(builder, outputLoc, TypeRange{input.getType()},
                                 ValueRange{result, shape});
  };
  return success();
}

namespace {
struct Adapter {
  StringLiteral opType;
  /// Takes nodes of older versions to this one.
  int64_t version;
  AdapterFn apply;
};
} // namespace

/// Of one operator, older versions first.
static constexpr Adapter kAdapters[] = {
    {"BatchNormalization", 9, batchNormTo9},
    {"BatchNormalization", 14, batchNormTo14},
    {"Clip", 11, clipTo11},
    {"Dropout", 12, dropoutTo12},
    {"GridSample", 20, gridSampleTo20},
    {"GroupNormalization", 21, groupNormTo21},
    {"Hardmax", 13, softmaxTo13},
    {"LogSoftmax", 13, softmaxTo13},
    {"Pad", 11, padTo11},
    {"ReduceL1", 18, axesToInput},
    {"ReduceL2", 18, axesToInput},
    {"ReduceLogSum", 18, axesToInput},
    {"ReduceLogSumExp", 18, axesToInput},
    {"ReduceMax", 18, axesToInput},
    {"ReduceMean", 18, axesToInput},
    {"ReduceMin", 18, axesToInput},
    {"ReduceProd", 18, axesToInput},
    {"ReduceSum", 13, axesToInput},
    {"ReduceSumSquare", 18, axesToInput},
    {"Resize", 11, resizeTo11},
    // Empty tensors are tolerated at later opsets, too.
    {"Resize", 100, resizeTo13},
    {"RoiAlign", 16, roiAlignTo16},
    {"Scan", 9, scanTo9},
    {"Scatter", 11, scatterTo11},
    {"Slice", 10, sliceTo10},
    {"Softmax", 13, softmaxTo13},
    {"Split", 13, splitTo13},
    {"Split", 18, splitTo18},
    {"Squeeze", 13, axesToInput},
    {"TopK", 10, topkTo10},
    {"Unsqueeze", 13, axesToInput},
    {"Upsample", 9, upsampleTo9},
    {"Upsample", 10, upsampleTo10},
};

LogicalResult secateur::upgradeNode(NodeForm &form, EmitError emitError) {
  while (true) {
    const Adapter *next = llvm::find_if(kAdapters, [&](const Adapter &adapter) {
      return adapter.opType == form.opType && form.version < adapter.version;
    });
    if (next == std::end(kAdapters))
      return success();
    if (failed(next->apply(form, emitError)))
      return failure();
    form.version = next->version;
  }
}
