//===- NNVerifiers.cpp - What every operator of ONNX has to meet ------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Tables of the ONNX schema: element types and the values of string attributes.
// Shapes are checked by the rules that infer them (ShapeOpInterface), applied to
// the static types of the operands, so that each relation is stated once. Result
// shapes are not checked: shape inference sets them.

#include "dialects/NN/IR/NNOps.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::nn;

//===----------------------------------------------------------------------===//
// Element types
//===----------------------------------------------------------------------===//

namespace {
/// One letter for each formal input and output. Capitals are type variables:
/// one letter is one element type within an operation. Small letters are types: l i64, i i32, u
/// ui8, b i1, f f32. A dot is any type.
struct ElementTypes {
  StringLiteral inputs, outputs, operators;
};
} // namespace

static constexpr ElementTypes kElementTypes[] = {
    {".", ".", "Scan"},
    {"A", "A",
     "Abs Acos Acosh Asin Asinh Atan Atanh AveragePool BitwiseNot Ceil Celu Concat Cos Cosh "
     "DepthToSpace Einsum Elu Erf Exp Flatten Floor Gelu GlobalAveragePool GlobalLpPool "
     "GlobalMaxPool "
     "HardSigmoid HardSwish Hardmax Identity LRN LeakyRelu Log LogSoftmax LpNormalization LpPool "
     "Max "
     "Mean MeanVarianceNormalization Min Mish Neg Reciprocal Relu Round Selu Shrink Sigmoid Sign "
     "Sin "
     "Sinh Softmax Softplus Softsign SpaceToDepth Sqrt Sum Swish Tan Tanh ThresholdedRelu "
     "Transpose"},
    {"A", "Al", "MaxPool"},
    {"A", "Alll", "Unique"},
    {"A", "B", "Cast EyeLike"},
    {"A", "b", "IsInf IsNaN"},
    {"A", "l", "ArgMax ArgMin NonZero Shape Size"},
    {"AA", "A",
     "Add BitShift BitwiseAnd BitwiseOr BitwiseXor Div MatMul MaxRoiPool Mod Mul PRelu Sub"},
    {"AA", "b", "Equal Greater GreaterOrEqual Less LessOrEqual"},
    {"AAA", "A", "Clip Conv ConvTranspose Gemm GroupNormalization InstanceNormalization Range"},
    {"AAA", "ABB", "LayerNormalization"},
    {"AAAAiA", "AA", "GRU RNN"},
    {"AAAAiAAA", "AAA", "LSTM"},
    {"AAAl", "A", "RotaryEmbedding"},
    {"AABCABl", "AABA", "Attention"},
    {"AAl", "A", "RoiAlign"},
    {"AB", "A", "CumSum Gather GatherElements GridSample Pow"},
    {"AB", "B", "CastLike RMSNormalization"},
    {"ABA", "A", "ScatterElements"},
    {"ABA", "C", "DequantizeLinear"},
    {"ABAB", "i", "ConvInteger MatMulInteger"},
    {"ABACBCBD", "D", "QLinearMatMul"},
    {"ABBBB", "A", "Slice"},
    {"ABBCC", "ACC", "BatchNormalization"},
    {"ABC", "C", "OneHot QuantizeLinear"},
    {"ABb", "Ab", "Dropout"},
    {"ABfl", "A", "Resize"},
    {"Ab", "A", "Compress"},
    {"AfABfBfCi", "C", "QLinearConv"},
    {"Al", "A",
     "Expand GatherND ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean "
     "ReduceMin "
     "ReduceProd ReduceSum ReduceSumSquare Reshape ReverseSequence Split Squeeze Tile Trilu "
     "Unsqueeze"},
    {"Al", "Al", "TopK"},
    {"AlA", "A", "ScatterND"},
    {"AlAB", "A", "Pad"},
    {"b", ".", "If"},
    {"b", "b", "Not"},
    {"bAA", "A", "Where"},
    {"bb", "b", "And Or Xor"},
    {"f", "ufu", "DynamicQuantizeLinear"},
    {"fflff", "l", "NonMaxSuppression"},
    {"l", "A", "ConstantOfShape"},
    {"lb.", ".", "Loop"},
};

static const ElementTypes *findElementTypes(StringRef onnxName) {
  static const llvm::StringMap<const ElementTypes *> byName = [] {
    llvm::StringMap<const ElementTypes *> map;
    for (const ElementTypes &row : kElementTypes) {
      SmallVector<StringRef> names;
      row.operators.split(names, ' ');
      for (StringRef name : names)
        map[name] = &row;
    }
    return map;
  }();
  return byName.lookup(onnxName);
}

/// The values of each formal input or output: `kinds` has a letter for each,
/// `segments` names the attribute that holds how many each has, where more than
/// one may be absent.
static SmallVector<ValueRange> groupByFormal(Operation *op, ValueRange values, StringRef kinds,
                                             StringRef segments) {
  SmallVector<ValueRange> groups;
  if (auto sizes = dyn_cast_or_null<DenseI32ArrayAttr>(
          op->getPropertiesAsAttribute()
              ? cast<DictionaryAttr>(op->getPropertiesAsAttribute()).get(segments)
              : Attribute())) {
    size_t first = 0;
    for (int32_t size : sizes.asArrayRef()) {
      groups.push_back(values.slice(first, size));
      first += size;
    }
    return groups;
  }
  // At most one formal has not exactly one value.
  size_t required = llvm::count(kinds, 'r'), first = 0;
  for (char kind : kinds) {
    size_t size = kind == 'r' ? 1 : values.size() - required;
    if (first + size > values.size())
      break;
    groups.push_back(values.slice(first, size));
    first += size;
  }
  return groups;
}

/// The type that a small letter names; null for a dot.
static Type namedType(char letter, MLIRContext *context) {
  switch (letter) {
  case 'l':
    return IntegerType::get(context, 64);
  case 'i':
    return IntegerType::get(context, 32);
  case 'u':
    return IntegerType::get(context, 8, IntegerType::Unsigned);
  case 'b':
    return IntegerType::get(context, 1);
  case 'f':
    return Float32Type::get(context);
  default:
    return {};
  }
}

static LogicalResult verifyElementTypes(OnnxOpInterface node) {
  if (!node.getOnnxDomain().empty())
    return success();
  const ElementTypes *row = findElementTypes(node.getOnnxName());
  if (!row)
    return success();
  Type variables[26] = {};
  auto check = [&](ValueRange values, StringRef kinds, StringRef letters, StringRef segments,
                   StringRef what) -> LogicalResult {
    for (auto [formal, group] : llvm::enumerate(groupByFormal(node, values, kinds, segments)))
      for (Value value : group) {
        char letter = formal < letters.size() ? letters[formal] : '.';
        auto tensor = dyn_cast<TensorType>(value.getType());
        if (!tensor || letter == '.')
          continue;
        bool isVariable = letter >= 'A' && letter <= 'Z';
        Type &variable = variables[isVariable ? letter - 'A' : 0];
        Type expected = isVariable ? variable : namedType(letter, node.getContext());
        if (isVariable && !variable)
          variable = expected = tensor.getElementType();
        if (tensor.getElementType() != expected)
          return node->emitOpError() << what << " " << formal << " has elements of type "
                                     << tensor.getElementType() << ", expected " << expected;
      }
    return success();
  };
  if (failed(check(node->getOperands(), node.getInputKinds(), row->inputs, "operandSegmentSizes",
                   "input")))
    return failure();
  return check(node->getResults(), node.getOutputKinds(), row->outputs, "resultSegmentSizes",
               "output");
}

//===----------------------------------------------------------------------===//
// String attributes
//===----------------------------------------------------------------------===//

namespace {
/// The values that ONNX knows for a string attribute; `operators` is empty where
/// all operators that have the attribute agree.
struct Choices {
  StringLiteral attribute, operators, values;
};
} // namespace

static constexpr Choices kChoices[] = {
    {"auto_pad", "", "NOTSET SAME_UPPER SAME_LOWER VALID"},
    {"approximate", "Gelu", "none tanh"},
    {"direction", "BitShift", "LEFT RIGHT"},
    {"direction", "GRU LSTM RNN", "forward reverse bidirectional"},
    {"mode", "DepthToSpace SpaceToDepth", "DCR CRD"},
    {"mode", "GridSample", "linear nearest cubic"},
    {"mode", "Pad", "constant reflect edge wrap"},
    {"mode", "Resize", "nearest linear cubic"},
    {"mode", "RoiAlign", "avg max"},
    {"padding_mode", "GridSample", "zeros border reflection"},
    {"reduction", "ScatterElements ScatterND", "none add mul max min"},
    {"coordinate_transformation_mode", "Resize",
     "half_pixel half_pixel_symmetric pytorch_half_pixel align_corners asymmetric "
     "tf_crop_and_resize"},
    {"coordinate_transformation_mode", "RoiAlign", "half_pixel output_half_pixel"},
    {"keep_aspect_ratio_policy", "Resize", "stretch not_larger not_smaller"},
    {"nearest_mode", "Resize", "round_prefer_floor round_prefer_ceil floor ceil"},
};

/// Whether `word` is one of the words of `list`.
static bool hasWord(StringRef list, StringRef word) {
  SmallVector<StringRef> words;
  list.split(words, ' ');
  return llvm::is_contained(words, word);
}

static LogicalResult verifyChoices(OnnxOpInterface node) {
  auto attributes = dyn_cast_or_null<DictionaryAttr>(node->getPropertiesAsAttribute());
  if (!attributes)
    return success();
  for (const Choices &row : kChoices) {
    if (!row.operators.empty() && !hasWord(row.operators, node.getOnnxName()))
      continue;
    auto value = attributes.getAs<StringAttr>(row.attribute);
    if (value && !hasWord(row.values, value))
      return node->emitOpError() << "attribute " << row.attribute << " is '" << value.getValue()
                                 << "', expected one of: " << row.values;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Subgraphs
//===----------------------------------------------------------------------===//

/// One block of `inputs` arguments that ends with a yield of `outputs` values.
static LogicalResult verifySubgraph(Operation *op, Region &region, StringRef name, size_t inputs,
                                    size_t outputs) {
  if (!region.hasOneBlock())
    return op->emitOpError() << name << " needs exactly one block";
  Block &block = region.front();
  if (block.getNumArguments() != inputs)
    return op->emitOpError() << name << " has " << block.getNumArguments() << " inputs, expected "
                             << inputs;
  auto yield = block.empty() ? YieldOp() : dyn_cast<YieldOp>(block.back());
  if (!yield)
    return op->emitOpError() << name << " does not end with nn.yield";
  if (yield.getValues().size() != outputs)
    return op->emitOpError() << name << " yields " << yield.getValues().size()
                             << " values, expected " << outputs;
  return success();
}

/// Values that one another's place take: of one element type.
static LogicalResult verifySameElements(Operation *op, StringRef what, ValueRange left,
                                        ValueRange right) {
  for (auto [index, pair] : llvm::enumerate(llvm::zip(left, right))) {
    Type a = getElementTypeOrSelf(std::get<0>(pair).getType()),
         b = getElementTypeOrSelf(std::get<1>(pair).getType());
    // Sequences and values of unknown type: nothing to compare.
    if (isa<nn::OpaqueType>(a) || isa<nn::OpaqueType>(b))
      continue;
    if (a != b)
      return op->emitOpError() << what << " " << index << " is of type " << b << ", expected " << a;
  }
  return success();
}

static LogicalResult verifySubgraphs(Operation *op) {
  if (auto branch = dyn_cast<IfOp>(op)) {
    for (auto [name, region] : {std::pair("else_branch", &branch.getElseBranch()),
                                std::pair("then_branch", &branch.getThenBranch())})
      if (failed(verifySubgraph(op, *region, name, 0, op->getNumResults())) ||
          failed(verifySameElements(op, (Twine(name) + ": output").str(), op->getResults(),
                                    region->front().back().getOperands())))
        return failure();
    return success();
  }
  if (auto loop = dyn_cast<LoopOp>(op)) {
    size_t carried = loop.getVInitial().size();
    if (op->getNumResults() < carried)
      return op->emitOpError() << "has " << op->getNumResults() << " outputs for " << carried
                               << " carried values";
    Region &body = loop.getBody();
    if (failed(verifySubgraph(op, body, "body", carried + 2, op->getNumResults() + 1)))
      return failure();
    ValueRange yielded = body.front().back().getOperands();
    if (failed(verifySameElements(op, "body: input", loop.getVInitial(),
                                  body.getArguments().drop_front(2))))
      return failure();
    return verifySameElements(op, "body: output", op->getResults(), yielded.drop_front());
  }
  if (auto scan = dyn_cast<ScanOp>(op)) {
    int64_t scanned = scan.getNumScanInputs(), inputs = op->getNumOperands();
    if (scanned < 1 || scanned > inputs)
      return op->emitOpError() << "num_scan_inputs is " << scanned << " for " << inputs
                               << " inputs";
    if (failed(verifySubgraph(op, scan.getBody(), "body", inputs, op->getNumResults())))
      return failure();
    if (failed(verifySameElements(op, "body: input", op->getOperands(),
                                  scan.getBody().getArguments())))
      return failure();
    return verifySameElements(op, "body: output", op->getResults(),
                              scan.getBody().front().back().getOperands());
  }
  return success();
}

LogicalResult nn::verifyNode(Operation *op) {
  auto node = cast<OnnxOpInterface>(op);
  if (failed(verifyElementTypes(node)) || failed(verifyChoices(node)) ||
      failed(verifySubgraphs(op)))
    return failure();
  // A branch that is never taken may contradict what is known outside it.
  if (op->getParentOp() && isa<OnnxOpInterface>(op->getParentOp()))
    return success();
  auto shapeOp = dyn_cast<ShapeOpInterface>(op);
  return shapeOp ? shapeOp.verifyShapes() : success();
}
