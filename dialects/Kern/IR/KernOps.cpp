//===- KernOps.cpp - Operations of the kern dialect -------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "dialects/Kern/IR/KernOps.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace secateur::kern;

#include "dialects/Kern/IR/KernInterfaces.cpp.inc"
#include "dialects/Kern/IR/KernOpsDialect.cpp.inc"
#include "dialects/Kern/IR/KernOpsEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Kern/IR/KernOpsAttributes.cpp.inc"

void KernDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Kern/IR/KernOpsAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Kern/IR/KernOps.cpp.inc"
      >();
}

static ShapedType shaped(Value value) { return cast<ShapedType>(value.getType()); }

/// Two extents that cannot both be right.
static bool differ(int64_t a, int64_t b) {
  return !ShapedType::isDynamic(a) && !ShapedType::isDynamic(b) && a != b;
}

//===----------------------------------------------------------------------===//
// Epilogues
//===----------------------------------------------------------------------===//

Type EpilogueOpInterface::getAccumulatorType() {
  Region &region = getEpilogue();
  if (region.empty())
    return shaped(getInit()).getElementType();
  return region.front().getArgument(0).getType();
}

Block &EpilogueOpInterface::getOrCreateEpilogueBlock() {
  Region &region = getEpilogue();
  if (!region.empty())
    return region.front();
  Location loc = (*this)->getLoc();
  Block &block = region.emplaceBlock();
  block.addArgument(shaped(getInit()).getElementType(), loc);
  for (OpOperand &operand : getEpilogueOperandsMutable())
    block.addArgument(shaped(operand.get()).getElementType(), loc);
  OpBuilder builder = OpBuilder::atBlockEnd(&block);
  YieldOp::create(builder, loc, block.getArgument(0));
  return block;
}

static LogicalResult verifyEpilogueBlock(Operation *op, Block &block, EpilogueOpInterface iface) {
  MutableOperandRange operands = iface.getEpilogueOperandsMutable();
  if (block.getNumArguments() != operands.size() + 1)
    return op->emitOpError("expected an epilogue with ")
           << operands.size() + 1 << " arguments, got " << block.getNumArguments();
  for (auto [index, operand] : llvm::enumerate(operands)) {
    Type element = shaped(operand.get()).getElementType();
    if (block.getArgument(index + 1).getType() != element)
      return op->emitOpError("expected epilogue argument ")
             << index + 1 << " to have type " << element;
  }
  auto yield = dyn_cast<YieldOp>(block.empty() ? nullptr : &block.back());
  Type element = shaped(iface.getInit()).getElementType();
  if (!yield || yield.getValue().getType() != element)
    return op->emitOpError("expected the epilogue to yield ") << element;
  for (Operation &inner : block.without_terminator())
    if (inner.getNumRegions() || !isMemoryEffectFree(&inner))
      return op->emitOpError(
                 "expected scalar operations without side effects in the epilogue, got '")
             << inner.getName() << "'";
  return success();
}

LogicalResult secateur::kern::verifyEpilogue(Operation *op) {
  auto iface = cast<EpilogueOpInterface>(op);
  MutableOperandRange operands = iface.getEpilogueOperandsMutable();
  ArrayAttr maps = iface.getEpilogueMaps();
  if (maps.size() != operands.size())
    return op->emitOpError("expected ") << operands.size() << " epilogue maps, got " << maps.size();
  int64_t rank = shaped(iface.getInit()).getRank();
  for (auto [index, attribute, operand] : llvm::enumerate(maps, operands)) {
    AffineMap map = cast<AffineMapAttr>(attribute).getValue();
    if (map.getNumDims() != rank || map.getNumSymbols() ||
        !map.isProjectedPermutation(/*allowZeroInResults=*/true) ||
        static_cast<int64_t>(map.getNumResults()) != shaped(operand.get()).getRank())
      return op->emitOpError("expected epilogue map ")
             << index
             << " to be a projected permutation from the output's dimensions to the operand's";
  }
  Region &region = iface.getEpilogue();
  if (region.empty())
    return operands.empty() ? success()
                            : op->emitOpError("expected a region for its epilogue operands");
  if (!llvm::hasSingleElement(region))
    return op->emitOpError("expected one block in the epilogue");
  return verifyEpilogueBlock(op, region.front(), iface);
}

//===----------------------------------------------------------------------===//
// Destination style
//===----------------------------------------------------------------------===//

/// Memref operands are read, the init is written.
static void
addEffects(DestinationStyleOpInterface op,
           SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    if (op.isDpsInit(&operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand, /*stage=*/0,
                           /*effectOnFullRegion=*/true, SideEffects::DefaultResource::get());
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand, /*stage=*/0,
                           /*effectOnFullRegion=*/true, SideEffects::DefaultResource::get());
  }
}

/// The result has the shape of the init.
static LogicalResult reifyInit(OpBuilder &builder, Operation *op, Value init,
                               ReifiedRankedShapedTypeDims &shapes) {
  if (!isa<RankedTensorType>(init.getType()))
    return failure();
  shapes.assign(1, tensor::getMixedSizes(builder, op->getLoc(), init));
  return success();
}

#define DEFINE_DPS(Op)                                                                             \
  void Op::getEffects(                                                                             \
      SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {              \
    addEffects(cast<DestinationStyleOpInterface>(getOperation()), effects);                        \
  }                                                                                                \
  LogicalResult Op::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {   \
    return reifyInit(builder, getOperation(), getInit(), shapes);                                  \
  }
DEFINE_DPS(AttentionOp)
DEFINE_DPS(PackOp)
DEFINE_DPS(ContractOp)
DEFINE_DPS(ConvOp)
DEFINE_DPS(DepthwiseConvOp)
DEFINE_DPS(WinogradConvOp)
DEFINE_DPS(PoolOp)
DEFINE_DPS(SoftmaxOp)
DEFINE_DPS(NormOp)
#undef DEFINE_DPS

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

static bool isPermutation(ArrayRef<int64_t> permutation, int64_t rank) {
  return static_cast<int64_t>(permutation.size()) == rank && mlir::isPermutationVector(permutation);
}

SmallVector<int64_t> WeightOp::packShape(ArrayRef<int64_t> logical, int64_t batch, int64_t panel) {
  SmallVector<int64_t> packed(logical);
  if (panel == 0)
    return packed;
  int64_t last = packed.pop_back_val();
  packed.insert(packed.begin() + batch,
                ShapedType::isDynamic(last) ? last : llvm::divideCeil(last, panel));
  packed.push_back(panel);
  return packed;
}

SmallVector<int64_t> WeightOp::winogradShape(ArrayRef<int64_t> filter, int64_t winograd) {
  return {static_cast<int64_t>(llvm::divideCeil(filter[0], panelWidth)),
          (winograd + 2) * (winograd + 2), filter[1], panelWidth};
}

static SmallVector<int64_t> transposed(ArrayRef<int64_t> shape,
                                       std::optional<ArrayRef<int64_t>> permutation) {
  if (!permutation || permutation->empty())
    return SmallVector<int64_t>(shape);
  return llvm::map_to_vector(*permutation, [&](int64_t dim) { return shape[dim]; });
}

SmallVector<int64_t> WeightOp::getLogicalShape() {
  ArrayRef<int64_t> shape = getShape().value_or(cast<ShapedType>(getValue().getType()).getShape());
  return transposed(shape, getPermutation());
}

void WeightOp::build(OpBuilder &builder, OperationState &state, ElementsAttr value,
                     ArrayRef<int64_t> shape, ArrayRef<int64_t> permutation, int64_t batch,
                     int64_t panel, int64_t winograd) {
  auto type = cast<ShapedType>(value.getType());
  SmallVector<int64_t> logical =
      transposed(shape.empty() ? type.getShape() : shape,
                 permutation.empty() ? std::nullopt : std::optional(permutation));
  SmallVector<int64_t> packed =
      winograd ? winogradShape(logical, winograd) : packShape(logical, batch, panel);
  build(builder, state, RankedTensorType::get(packed, type.getElementType()), value,
        shape.empty() ? nullptr : builder.getDenseI64ArrayAttr(shape),
        permutation.empty() ? nullptr : builder.getDenseI64ArrayAttr(permutation), batch, panel,
        winograd);
}

/// Checks permutation, batch and panel for a value of this rank.
static LogicalResult verifyPacking(Operation *op, int64_t rank,
                                   std::optional<ArrayRef<int64_t>> permutation, int64_t batch,
                                   int64_t panel) {
  if (permutation && !isPermutation(*permutation, rank))
    return op->emitOpError("expected a permutation of ") << rank << " dimensions";
  if (batch < 0 || batch >= std::max<int64_t>(rank, 1))
    return op->emitOpError("expected fewer batch dimensions than the rank ") << rank;
  if (panel != 0 && panel != panelWidth)
    return op->emitOpError("expected panel 0 or ") << panelWidth << ", got " << panel;
  if (panel != 0 && rank == 0)
    return op->emitOpError("expected a dimension to split into panels");
  return success();
}

LogicalResult WeightOp::verify() {
  auto valueType = cast<ShapedType>(getValue().getType());
  auto type = cast<ShapedType>(getResult().getType());
  ArrayRef<int64_t> shape = getShape().value_or(valueType.getShape());
  if (llvm::any_of(shape, [](int64_t extent) { return extent < 0; }) ||
      ShapedType::getNumElements(shape) != valueType.getNumElements())
    return emitOpError("expected a shape of ") << valueType.getNumElements() << " elements";
  if (failed(verifyPacking(*this, shape.size(), getPermutation(), getBatch(), getPanel())))
    return failure();
  SmallVector<int64_t> packed = packShape(getLogicalShape(), getBatch(), getPanel());
  if (int64_t tile = getWinograd()) {
    if (tile != 2 && tile != 4)
      return emitOpError("expected winograd 2 or 4, got ") << tile;
    if (shape.size() != 4 || shape[2] != 3 || shape[3] != 3 || getPermutation() || getBatch() ||
        getPanel() != panelWidth || !type.getElementType().isF32())
      return emitOpError("expected a filter [M, C, 3, 3] of f32 with panel ")
             << panelWidth << " for winograd";
    packed = winogradShape(shape, tile);
  }
  if (type.getElementType() != valueType.getElementType() || type.getShape() != ArrayRef(packed))
    return emitOpError("expected the result to be ")
           << RankedTensorType::get(packed, valueType.getElementType());
  return success();
}

LogicalResult PackOp::verify() {
  ShapedType input = shaped(getInput()), init = shaped(getInit());
  if (failed(verifyPacking(*this, input.getRank(), getPermutation(), getBatch(), getPanel())))
    return failure();
  SmallVector<int64_t> packed =
      WeightOp::packShape(transposed(input.getShape(), getPermutation()), getBatch(), getPanel());
  if (init.getElementType() != input.getElementType() ||
      init.getRank() != static_cast<int64_t>(packed.size()) ||
      llvm::any_of(llvm::zip(packed, init.getShape()),
                   [](auto pair) { return differ(get<0>(pair), get<1>(pair)); }))
    return emitOpError("expected the output to be ")
           << RankedTensorType::get(packed, input.getElementType());
  return success();
}

//===----------------------------------------------------------------------===//
// Contraction and convolution
//===----------------------------------------------------------------------===//

/// Each dimension must have one extent in all operands that name it.
static LogicalResult verifyExtents(ContractOp op, ArrayRef<std::pair<AffineMap, Value>> operands) {
  SmallVector<int64_t> extents(op.getInitMap().getNumDims(), ShapedType::kDynamic);
  for (auto &[map, value] : operands) {
    SmallVector<int64_t> shape(shaped(value).getShape());
    bool packed = op.getPacked() && value == op.getRhs() && map == op.getRhsMap();
    if (packed)
      shape.resize(map.getNumResults(), ShapedType::kDynamic);
    if (packed)
      continue; // Checked below: panels stand elsewhere.
    for (unsigned i = 0; i < map.getNumResults(); ++i) {
      unsigned dim = map.getDimPosition(i);
      if (differ(extents[dim], shape[i]))
        return op.emitOpError("dimension d")
               << dim << " has extents " << extents[dim] << " and " << shape[i];
      if (ShapedType::isDynamic(extents[dim]))
        extents[dim] = shape[i];
    }
  }
  if (!op.getPacked())
    return success();
  // Batch dimensions keep their place, n becomes panels, the rest are k.
  AffineMap map = op.getRhsMap();
  SmallVector<int64_t> logical;
  for (unsigned i = 0; i < map.getNumResults(); ++i)
    logical.push_back(extents[map.getDimPosition(i)]);
  int64_t batch = 0;
  while (batch + 1 < static_cast<int64_t>(logical.size()) &&
         op.getInitMap().getResultPosition(map.getResult(batch)).has_value())
    ++batch;
  SmallVector<int64_t> expected = WeightOp::packShape(logical, batch, panelWidth);
  if (llvm::any_of(llvm::zip(expected, shaped(op.getRhs()).getShape()),
                   [](auto pair) { return differ(get<0>(pair), get<1>(pair)); }))
    return op.emitOpError("expected the packed operand to be ")
           << RankedTensorType::get(expected, shaped(op.getRhs()).getElementType());
  return success();
}

LogicalResult ContractOp::verify() {
  if (getIndexingMaps().size() != 3)
    return emitOpError("expected three indexing maps, got ") << getIndexingMaps().size();
  std::pair<AffineMap, Value> operands[] = {
      {getLhsMap(), getLhs()}, {getRhsMap(), getRhs()}, {getInitMap(), getInit()}};
  unsigned dims = getInitMap().getNumDims();
  for (auto [index, operand] : llvm::enumerate(operands)) {
    int64_t extra = index == 1 && getPacked() ? 1 : 0;
    if (operand.first.getNumDims() != dims || operand.first.getNumSymbols() ||
        !operand.first.isProjectedPermutation())
      return emitOpError("expected indexing map ")
             << index << " to be a projected permutation of " << dims << " dimensions";
    if (shaped(operand.second).getRank() != operand.first.getNumResults() + extra)
      return emitOpError("expected operand ")
             << index << " to have rank " << operand.first.getNumResults() + extra;
  }
  for (unsigned dim = 0; dim < dims; ++dim) {
    AffineExpr expr = getAffineDimExpr(dim, getContext());
    bool inLhs = getLhsMap().getResultPosition(expr).has_value(),
         inRhs = getRhsMap().getResultPosition(expr).has_value();
    bool inInit = getInitMap().getResultPosition(expr).has_value();
    if (!inLhs && !inRhs)
      return emitOpError("dimension d") << dim << " is in neither input";
    if (!inInit && !(inLhs && inRhs))
      return emitOpError("dimension d") << dim << " is reduced but not in both inputs";
  }
  if (getPacked()) {
    AffineMap map = getRhsMap();
    if (map.getNumResults() == 0 ||
        !getInitMap().getResultPosition(map.getResult(map.getNumResults() - 1)))
      return emitOpError("expected the last dimension of the packed operand to be in the output");
  }
  if (failed(verifyChoice(*this, getChoiceAttr(), KernelKind::Matrix)))
    return failure();
  return verifyExtents(*this, operands);
}

/// Checks what all windowed ops share; `taps` are the window's extents.
static LogicalResult verifyWindow(Operation *op, ShapedType input, ShapedType init,
                                  ArrayRef<int64_t> strides, ArrayRef<int64_t> dilations,
                                  ArrayRef<int64_t> pads) {
  if (input.getRank() != 4 || init.getRank() != 4)
    return op->emitOpError("expected input and output of rank 4 (N, H, W, C)");
  auto positive = [](ArrayRef<int64_t> values) {
    return llvm::all_of(values, [](int64_t v) { return v > 0; });
  };
  if (strides.size() != 2 || !positive(strides))
    return op->emitOpError("expected two positive strides");
  if (dilations.size() != 2 || !positive(dilations))
    return op->emitOpError("expected two positive dilations");
  if (pads.size() != 4 || llvm::any_of(pads, [](int64_t pad) { return pad < 0; }))
    return op->emitOpError("expected four pads (top, left, bottom, right) that are not negative");
  if (differ(input.getDimSize(0), init.getDimSize(0)))
    return op->emitOpError("expected input and output to have the same batch extent");
  return success();
}

LogicalResult ConvOp::verify() {
  ShapedType input = shaped(getInput()), filter = shaped(getFilter()), init = shaped(getInit());
  if (failed(verifyWindow(*this, input, init, getStrides(), getDilations(), getPads())))
    return failure();
  if (filter.getRank() != 6 || !filter.hasStaticShape() || filter.getDimSize(5) != panelWidth)
    return emitOpError("expected a static filter [G, ceil(Mg/16), KH, KW, Cg, 16]");
  int64_t groups = getGroups();
  int64_t bundle = getBundle();
  if (bundle < 1)
    return emitOpError("expected a positive bundle, got ") << bundle;
  if (groups < 1 || filter.getDimSize(0) != static_cast<int64_t>(llvm::divideCeil(groups, bundle)))
    return emitOpError("expected a filter for ")
           << llvm::divideCeil(groups, bundle) << " bundles of groups, got "
           << filter.getDimSize(0);
  if (differ(input.getDimSize(3), groups * filter.getDimSize(4)))
    return emitOpError("expected ")
           << groups * filter.getDimSize(4) << " input channels, got " << input.getDimSize(3);
  int64_t outputs = init.getDimSize(3);
  if (ShapedType::isDynamic(outputs) || outputs % groups != 0 ||
      static_cast<int64_t>(llvm::divideCeil(outputs / groups, panelWidth)) != filter.getDimSize(1))
    return emitOpError("expected output channels that fill ")
           << filter.getDimSize(1) << " panels in each of " << groups << " groups, got " << outputs;
  if (bundle > 1 && bundle * (outputs / groups) > panelWidth)
    return emitOpError("expected ") << bundle << " groups to fit a panel of " << panelWidth;
  SmallVector<KernelKind> kernels;
  if (bundle == 1)
    kernels.push_back(KernelKind::Matrix);
  kernels.push_back(groups > 1 ? KernelKind::Grouped : KernelKind::Winograd);
  return verifyChoice(*this, getChoiceAttr(), kernels);
}

LogicalResult WinogradConvOp::verify() {
  ShapedType input = shaped(getInput()), filter = shaped(getFilter()), init = shaped(getInit());
  if (getTile() != 2 && getTile() != 4)
    return emitOpError("expected tile 2 or 4, got ") << getTile();
  if (failed(verifyWindow(*this, input, init, {1, 1}, {1, 1}, getPads())))
    return failure();
  int64_t outputs = init.getDimSize(3), points = (getTile() + 2) * (getTile() + 2);
  if (filter.getRank() != 4 || !filter.hasStaticShape() || filter.getDimSize(3) != panelWidth ||
      filter.getDimSize(1) != points)
    return emitOpError("expected a static filter [ceil(M/16), ") << points << ", C, 16]";
  if (differ(input.getDimSize(3), filter.getDimSize(2)))
    return emitOpError("expected ")
           << filter.getDimSize(2) << " input channels, got " << input.getDimSize(3);
  if (ShapedType::isDynamic(outputs) ||
      static_cast<int64_t>(llvm::divideCeil(outputs, panelWidth)) != filter.getDimSize(0))
    return emitOpError("expected output channels that fill ")
           << filter.getDimSize(0) << " panels, got " << outputs;
  return success();
}

LogicalResult DepthwiseConvOp::verify() {
  ShapedType input = shaped(getInput()), filter = shaped(getFilter()), init = shaped(getInit());
  if (failed(verifyWindow(*this, input, init, getStrides(), getDilations(), getPads())))
    return failure();
  if (filter.getRank() != 3 || !filter.hasStaticShape())
    return emitOpError("expected a static filter [KH, KW, C]");
  if (differ(input.getDimSize(3), filter.getDimSize(2)) ||
      differ(init.getDimSize(3), filter.getDimSize(2)))
    return emitOpError("expected ") << filter.getDimSize(2) << " channels in input and output";
  return verifyChoice(*this, getChoiceAttr(), KernelKind::Depthwise);
}

LogicalResult PoolOp::verify() {
  ShapedType input = shaped(getInput()), init = shaped(getInit());
  if (failed(verifyWindow(*this, input, init, getStrides(), getDilations(), getPads())))
    return failure();
  if (getKernel().size() != 2 || llvm::any_of(getKernel(), [](int64_t k) { return k < 1; }))
    return emitOpError("expected two positive kernel extents");
  if (differ(input.getDimSize(3), init.getDimSize(3)))
    return emitOpError("expected input and output to have the same channels");
  return success();
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

static LogicalResult verifySameShape(Operation *op, ShapedType input, ShapedType init) {
  if (input.getRank() != init.getRank() || input.getRank() == 0 ||
      llvm::any_of(llvm::zip(input.getShape(), init.getShape()),
                   [](auto pair) { return differ(get<0>(pair), get<1>(pair)); }))
    return op->emitOpError(
        "expected input and output of the same shape, with at least one dimension");
  return success();
}

LogicalResult SoftmaxOp::verify() {
  return verifySameShape(*this, shaped(getInput()), shaped(getInit()));
}

LogicalResult NormOp::verify() {
  ShapedType input = shaped(getInput());
  if (failed(verifySameShape(*this, input, shaped(getInit()))))
    return failure();
  int64_t width = input.getShape().back();
  for (Value operand : {getScale(), getBias()})
    if (operand && (shaped(operand).getRank() != 1 || differ(shaped(operand).getDimSize(0), width)))
      return emitOpError("expected scale and bias of rank 1 with the extent of the last dimension");
  if (getCount() && *getCount() < 1)
    return emitOpError("expected a positive count");
  return success();
}

//===----------------------------------------------------------------------===//
// kern.parallel
//===----------------------------------------------------------------------===//

void ParallelOp::build(OpBuilder &builder, OperationState &state, Value count, Value grain) {
  state.addOperands({count, grain});
  Block &block = state.addRegion()->emplaceBlock();
  block.addArguments({builder.getIndexType(), builder.getIndexType()},
                     {state.location, state.location});
}

LogicalResult ParallelOp::verify() {
  if (getBody()->getNumArguments() != 2 ||
      !llvm::all_of(getBody()->getArgumentTypes(), [](Type type) { return type.isIndex(); }))
    return emitOpError("expected a body with two arguments of type index");
  return success();
}

#define GET_OP_CLASSES
#include "dialects/Kern/IR/KernOps.cpp.inc"
