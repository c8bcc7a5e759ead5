//===- Downgrade.cpp - Operations of nn in the form of an opset -------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The way back of Import/Adapters.cpp. An adapter only changes the form; whether
// the opset knows the result is checked against its schema afterwards.

#include "Downgrade.h"

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Support/OnnxSchema.h"
#include "secateur/Support/TensorBytes.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace secateur;

/// Changes `form`; false, with a reason, where it has no older form.
using DowngradeFn = bool (*)(ExportForm &form, std::string &reason);

//===----------------------------------------------------------------------===//
// Constants that become attributes again
//===----------------------------------------------------------------------===//

static ElementsAttr getConstant(Value value) {
  auto constant = value ? value.getDefiningOp<nn::ConstantOp>() : nn::ConstantOp();
  return constant ? constant.getValue() : ElementsAttr();
}

template <typename T>
static void readAs(ArrayRef<char> bytes, SmallVectorImpl<int64_t> &values) {
  for (size_t offset = 0; offset + sizeof(T) <= bytes.size(); offset += sizeof(T)) {
    T element;
    std::memcpy(&element, bytes.data() + offset, sizeof(T));
    values.push_back(element);
  }
}

static std::optional<SmallVector<int64_t>> getInts(Value value) {
  ElementsAttr constant = getConstant(value);
  SmallVector<char> storage;
  std::optional<ArrayRef<char>> bytes = constant ? getTensorBytes(constant, storage) : std::nullopt;
  if (!bytes)
    return std::nullopt;
  SmallVector<int64_t> values;
  Type type = constant.getShapedType().getElementType();
  if (type.isSignlessInteger(64))
    readAs<int64_t>(*bytes, values);
  else if (type.isSignlessInteger(32))
    readAs<int32_t>(*bytes, values);
  else
    return std::nullopt;
  return values;
}

/// The elements of a constant of f32, f16, bf16, f64 or integers.
static std::optional<SmallVector<float>> getFloats(Value value) {
  SmallVector<float> values;
  if (auto dense = dyn_cast_or_null<DenseFPElementsAttr>(getConstant(value))) {
    for (APFloat element : dense.getValues<APFloat>()) {
      bool lost = false;
      element.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &lost);
      if (lost)
        return std::nullopt;
      values.push_back(element.convertToFloat());
    }
    return values;
  }
  std::optional<SmallVector<int64_t>> ints = getInts(value);
  if (!ints)
    return std::nullopt;
  llvm::append_range(values, *ints);
  return values;
}

static bool moveIntsToAttribute(ExportForm &form, unsigned index, StringRef name,
                                std::string &reason) {
  if (index >= form.inputs.size() || !form.inputs[index])
    return true;
  std::optional<SmallVector<int64_t>> ints = getInts(form.inputs[index]);
  if (!ints) {
    reason = (name + " is not a constant").str();
    return false;
  }
  form.attributes.set(name, DenseI64ArrayAttr::get(form.op->getContext(), *ints));
  form.inputs[index] = {};
  return true;
}

static bool moveFloatToAttribute(ExportForm &form, unsigned index, StringRef name,
                                 std::string &reason) {
  if (index >= form.inputs.size() || !form.inputs[index])
    return true;
  std::optional<SmallVector<float>> floats = getFloats(form.inputs[index]);
  if (!floats || floats->size() != 1) {
    reason = (name + " is not a constant").str();
    return false;
  }
  form.attributes.set(name, Builder(form.op->getContext()).getF32FloatAttr(floats->front()));
  form.inputs[index] = {};
  return true;
}

static int64_t getInt(const ExportForm &form, StringRef name, int64_t defaultValue) {
  auto attribute = dyn_cast_or_null<IntegerAttr>(form.attributes.get(name));
  return attribute ? attribute.getInt() : defaultValue;
}

static StringRef getString(const ExportForm &form, StringRef name, StringRef defaultValue) {
  auto attribute = dyn_cast_or_null<StringAttr>(form.attributes.get(name));
  return attribute ? attribute.getValue() : defaultValue;
}

//===----------------------------------------------------------------------===//
// Adapters
//===----------------------------------------------------------------------===//

static bool axesToAttribute(ExportForm &form, std::string &reason) {
  if (!moveIntsToAttribute(form, 1, "axes", reason))
    return false;
  // No axes is all of them, unless that is a no-op.
  auto axes = dyn_cast_or_null<DenseI64ArrayAttr>(form.attributes.get("axes"));
  if (axes && axes.empty() && !getInt(form, "noop_with_empty_axes", 0))
    form.attributes.erase("axes");
  if (axes && !axes.empty())
    form.attributes.erase("noop_with_empty_axes");
  return true;
}

static bool clipTo6(ExportForm &form, std::string &reason) {
  return moveFloatToAttribute(form, 1, "min", reason) &&
         moveFloatToAttribute(form, 2, "max", reason);
}

static bool dropoutTo10(ExportForm &form, std::string &reason) {
  return moveFloatToAttribute(form, 1, "ratio", reason);
}

static bool gridSampleTo16(ExportForm &form, std::string &) {
  Builder builder(form.op->getContext());
  StringRef mode = getString(form, "mode", "linear");
  if (mode == "cubic")
    form.attributes.set("mode", builder.getStringAttr("bicubic"));
  else if (mode == "linear")
    form.attributes.set("mode", builder.getStringAttr("bilinear"));
  return true;
}

static bool groupNormTo18(ExportForm &, std::string &reason) {
  reason = "scale and bias are one per channel";
  return false;
}

static bool padTo2(ExportForm &form, std::string &reason) {
  return moveIntsToAttribute(form, 1, "pads", reason) &&
         moveFloatToAttribute(form, 2, "value", reason);
}

static bool resizeTo11(ExportForm &form, std::string &) {
  form.inputs.resize(4);
  for (unsigned index : {1, 2})
    if (!form.inputs[index])
      form.emptyInputs.push_back(index);
  return true;
}

/// Whether every scale is at least 1 (or at most 1, where `shrinks`). Scales that
/// are computed count as those of an upsampling, at import, too.
static bool allScales(Value scales, bool shrinks) {
  std::optional<SmallVector<float>> factors = getFloats(scales);
  if (!factors)
    return !shrinks;
  return llvm::all_of(*factors, [&](float factor) { return shrinks ? factor <= 1 : factor >= 1; });
}

static bool resizeTo10(ExportForm &form, std::string &reason) {
  form.inputs.resize(4);
  Value scales = form.inputs[2];
  StringRef mode = getString(form, "mode", "nearest");
  StringRef nearest = getString(form, "nearest_mode", "round_prefer_floor");
  bool sameRounding = mode != "nearest" || (nearest == "floor" && allScales(scales, false)) ||
                      (nearest == "ceil" && allScales(scales, true));
  if (form.inputs[1] || form.inputs[3] || !scales || !sameRounding ||
      getString(form, "coordinate_transformation_mode", "half_pixel") != "asymmetric") {
    reason = "its coordinates or its rounding";
    return false;
  }
  form.attributes.erase("coordinate_transformation_mode");
  form.attributes.erase("nearest_mode");
  form.inputs = {form.inputs[0], scales};
  form.emptyInputs.clear();
  return true;
}

static bool resizeToUpsample9(ExportForm &form, std::string &) {
  form.opType = "Upsample";
  return true;
}

static bool upsampleTo7(ExportForm &form, std::string &reason) {
  std::optional<SmallVector<float>> scales = getFloats(form.inputs[1]);
  if (!scales) {
    reason = "scales are not a constant";
    return false;
  }
  form.attributes.set("scales", DenseF32ArrayAttr::get(form.op->getContext(), *scales));
  form.inputs.resize(1);
  return true;
}

static bool roiAlignTo10(ExportForm &form, std::string &reason) {
  if (getString(form, "coordinate_transformation_mode", "half_pixel") != "output_half_pixel") {
    reason = "coordinate_transformation_mode";
    return false;
  }
  form.attributes.erase("coordinate_transformation_mode");
  return true;
}

static bool scatterTo9(ExportForm &form, std::string &) {
  form.opType = "Scatter";
  return true;
}

static bool sliceTo1(ExportForm &form, std::string &reason) {
  form.inputs.resize(5);
  if (form.inputs[4]) {
    std::optional<SmallVector<int64_t>> steps = getInts(form.inputs[4]);
    if (!steps || llvm::any_of(*steps, [](int64_t step) { return step != 1; })) {
      reason = "steps other than 1";
      return false;
    }
    form.inputs[4] = {};
  }
  return moveIntsToAttribute(form, 1, "starts", reason) &&
         moveIntsToAttribute(form, 2, "ends", reason) &&
         moveIntsToAttribute(form, 3, "axes", reason);
}

static bool softmaxTo11(ExportForm &form, std::string &reason) {
  auto type = dyn_cast<RankedTensorType>(form.inputs[0].getType());
  int64_t axis = getInt(form, "axis", -1);
  if (axis != -1 && (!type || axis != type.getRank() - 1)) {
    reason = "an axis that is not the last one";
    return false;
  }
  // Negative axes came with opset 11.
  if (form.opset < 11 && axis == -1 && type)
    axis = type.getRank() - 1;
  form.attributes.set("axis", Builder(form.op->getContext()).getI64IntegerAttr(axis));
  return true;
}

static bool splitTo13(ExportForm &form, std::string &reason) {
  if (form.attributes.erase("num_outputs")) {
    // Earlier opsets split evenly, later ones make the last part smaller.
    auto type = dyn_cast<RankedTensorType>(form.inputs[0].getType());
    int64_t axis = getInt(form, "axis", 0);
    if (type && axis < 0)
      axis += type.getRank();
    if (type && axis >= 0 && axis < type.getRank() && !type.isDynamicDim(axis) &&
        type.getDimSize(axis) % form.outputs.size() != 0) {
      reason = "an uneven split";
      return false;
    }
  }
  return true;
}

static bool splitTo11(ExportForm &form, std::string &reason) {
  return moveIntsToAttribute(form, 1, "split", reason);
}

static bool topkTo1(ExportForm &form, std::string &reason) {
  std::optional<SmallVector<int64_t>> k = getInts(form.inputs[1]);
  if (!k || k->size() != 1) {
    reason = "K is not a constant";
    return false;
  }
  form.attributes.set("k", Builder(form.op->getContext()).getI64IntegerAttr(k->front()));
  form.inputs.resize(1);
  return true;
}

namespace {
struct Downgrade {
  StringLiteral opType;
  /// Applies to opsets below this one.
  int64_t version;
  DowngradeFn apply;
};
} // namespace

/// Of one operator, newer versions first.
static constexpr Downgrade kDowngrades[] = {
    {"Clip", 11, clipTo6},
    {"Dropout", 12, dropoutTo10},
    {"GridSample", 20, gridSampleTo16},
    {"GroupNormalization", 21, groupNormTo18},
    {"Hardmax", 13, softmaxTo11},
    {"LogSoftmax", 13, softmaxTo11},
    {"Pad", 11, padTo2},
    {"ReduceL1", 18, axesToAttribute},
    {"ReduceL2", 18, axesToAttribute},
    {"ReduceLogSum", 18, axesToAttribute},
    {"ReduceLogSumExp", 18, axesToAttribute},
    {"ReduceMax", 18, axesToAttribute},
    {"ReduceMean", 18, axesToAttribute},
    {"ReduceMin", 18, axesToAttribute},
    {"ReduceProd", 18, axesToAttribute},
    {"ReduceSum", 13, axesToAttribute},
    {"ReduceSumSquare", 18, axesToAttribute},
    {"Resize", 13, resizeTo11},
    {"Resize", 11, resizeTo10},
    {"Resize", 10, resizeToUpsample9},
    {"RoiAlign", 16, roiAlignTo10},
    {"ScatterElements", 11, scatterTo9},
    {"Slice", 10, sliceTo1},
    {"Softmax", 13, softmaxTo11},
    {"Split", 18, splitTo13},
    {"Split", 13, splitTo11},
    {"Squeeze", 13, axesToAttribute},
    {"TopK", 10, topkTo1},
    {"Unsqueeze", 13, axesToAttribute},
    {"Upsample", 9, upsampleTo7},
};

//===----------------------------------------------------------------------===//
// The form of an opset
//===----------------------------------------------------------------------===//

/// Whether `value` is what `attribute`, of the newest opset, is without it.
static bool isDefault(Attribute value, const OnnxAttribute &attribute) {
  if (!attribute.defaultValue)
    return false;
  StringRef text = *attribute.defaultValue;
  if (auto integer = dyn_cast<IntegerAttr>(value)) {
    int64_t number;
    return !text.getAsInteger(10, number) && number == integer.getInt();
  }
  if (auto real = dyn_cast<FloatAttr>(value)) {
    double number;
    return llvm::to_float(text, number) &&
           static_cast<float>(number) == real.getValue().convertToFloat();
  }
  if (auto string = dyn_cast<StringAttr>(value))
    return string.getValue() == text;
  return false;
}

/// Values per formal: `segments` of them where the operation has sizes, one each
/// where it has none.
template <typename Range>
static SmallVector<Value> getFormals(Operation *op, Range values, StringRef kinds,
                                     StringRef segmentsName) {
  SmallVector<Value> formals;
  auto segments = op->getAttrOfType<DenseI32ArrayAttr>(segmentsName);
  if (!segments) {
    // At most one formal is optional.
    llvm::append_range(formals, values);
    if (size_t optional = kinds.find('o');
        optional < formals.size() && formals.size() < kinds.size())
      formals.insert(formals.begin() + optional, Value());
    return formals;
  }
  auto next = values.begin();
  for (auto [kind, size] : llvm::zip(kinds, segments.asArrayRef())) {
    if (size == 0 && kind != 'v')
      formals.push_back({});
    for (int32_t i = 0; i < size && next != values.end(); ++i)
      formals.push_back(*next++);
  }
  return formals;
}

static ExportForm makeForm(Operation *op, int64_t opset) {
  auto mirror = cast<nn::OnnxOpInterface>(op);
  ExportForm form{op, opset, mirror.getOnnxName().str(), mirror.getOnnxDomain().str(), {}, {},
                  {}, {}};
  form.inputs = getFormals(op, op->getOperands(), mirror.getInputKinds(), "operandSegmentSizes");
  form.outputs = getFormals(op, op->getResults(), mirror.getOutputKinds(), "resultSegmentSizes");
  ArrayRef<StringAttr> inherent = op->getName().getAttributeNames();
  for (NamedAttribute attribute : op->getAttrs())
    if (llvm::is_contained(inherent, attribute.getName()) &&
        !attribute.getName().getValue().ends_with("SegmentSizes"))
      form.attributes.append(attribute);
  return form;
}

static void trim(SmallVectorImpl<Value> &values) {
  while (!values.empty() && !values.back())
    values.pop_back();
}

/// Checks `form` against its opset, and drops attributes that the opset lacks
/// where they have their default.
static bool fitsSchema(ExportForm &form, std::string &reason) {
  const OnnxSchema *schema = findOnnxSchema(form.opType, form.opset, form.domain);
  if (!schema || schema->deprecated) {
    const OnnxSchema *oldest = findOldestOnnxSchema(form.opType);
    reason = "the operator came with opset " + (oldest ? std::to_string(oldest->since) : "?");
    return false;
  }
  const OnnxSchema *newest = findOnnxSchema(form.opType, kNewestOpset, form.domain);
  SmallVector<NamedAttribute> attributes(form.attributes.getAttrs());
  for (NamedAttribute attribute : attributes) {
    StringRef name = attribute.getName().getValue();
    if (schema->findAttribute(name))
      continue;
    std::optional<OnnxAttribute> known = newest ? newest->findAttribute(name) : std::nullopt;
    if (!known || !isDefault(attribute.getValue(), *known)) {
      reason = ("attribute '" + name + "'").str();
      return false;
    }
    form.attributes.erase(name);
  }
  trim(form.inputs);
  trim(form.outputs);
  if (form.inputs.size() > schema->inputs.size() && !schema->inputs.ends_with("v")) {
    reason = "input " + std::to_string(schema->inputs.size());
    return false;
  }
  for (unsigned i = 0, e = std::min(schema->inputs.size(), form.inputs.size()); i < e; ++i)
    if (schema->inputs[i] == 'r' && !form.inputs[i] && !llvm::is_contained(form.emptyInputs, i)) {
      reason = "input " + std::to_string(i) + " is left out";
      return false;
    }
  if (std::max<size_t>(form.inputs.size(),
                       form.emptyInputs.empty() ? 0 : form.emptyInputs.back() + 1) <
      schema->minInputs) {
    reason = "input " + std::to_string(form.inputs.size()) + " is left out";
    return false;
  }
  if (form.outputs.size() > schema->outputs.size() && !schema->outputs.ends_with("v")) {
    reason = "output " + std::to_string(schema->outputs.size());
    return false;
  }
  return true;
}

static std::optional<ExportForm> finish(ExportForm form, std::string &reason) {
  int64_t applied = std::numeric_limits<int64_t>::max();
  while (form.domain.empty()) {
    const Downgrade *next = llvm::find_if(kDowngrades, [&](const Downgrade &downgrade) {
      return downgrade.opType == form.opType && form.opset < downgrade.version &&
             downgrade.version < applied;
    });
    if (next == std::end(kDowngrades))
      break;
    if (!next->apply(form, reason))
      return std::nullopt;
    applied = next->version;
  }
  if (!fitsSchema(form, reason))
    return std::nullopt;
  return form;
}

std::optional<ExportForm> secateur::expressAtOpset(Operation *op, int64_t opset,
                                                   std::string &reason) {
  return finish(makeForm(op, opset), reason);
}

std::optional<std::array<Operation *, 3>> secateur::matchFlattenedSoftmax(Operation *op) {
  auto reshape = dyn_cast<nn::ReshapeOp>(op);
  if (!reshape || reshape.getAllowzero())
    return std::nullopt;
  Operation *softmax = reshape.getData().getDefiningOp();
  auto shape = reshape.getShape().getDefiningOp<nn::ShapeOp>();
  if (!isa_and_nonnull<nn::SoftmaxOp, nn::LogSoftmaxOp, nn::HardmaxOp>(softmax) || !shape ||
      shape.getStart() != 0 || shape.getEnd())
    return std::nullopt;
  auto flatten = softmax->getOperand(0).getDefiningOp<nn::FlattenOp>();
  auto axis = softmax->getAttrOfType<IntegerAttr>("axis");
  if (!flatten || flatten.getInput() != shape.getData() || (axis && axis.getInt() != -1) ||
      !softmax->hasOneUse() || !shape->hasOneUse() || !flatten->hasOneUse())
    return std::nullopt;
  return std::array<Operation *, 3>{flatten, softmax, shape};
}

std::optional<ExportForm> secateur::expressFlattenedSoftmax(Operation *reshape, int64_t opset,
                                                            std::string &reason) {
  auto [flatten, softmax, shape] = *matchFlattenedSoftmax(reshape);
  ExportForm form = makeForm(softmax, opset);
  form.inputs = {flatten->getOperand(0)};
  form.outputs = {reshape->getResult(0)};
  form.attributes.set(
      "axis",
      Builder(reshape->getContext()).getI64IntegerAttr(cast<nn::FlattenOp>(flatten).getAxis()));
  if (!fitsSchema(form, reason))
    return std::nullopt;
  return form;
}
