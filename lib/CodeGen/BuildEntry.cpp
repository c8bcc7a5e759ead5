//===- BuildEntry.cpp - Plans buffers and builds `sizes` and `run` ----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Runs after everything that allocates, and before linalg and kern operations are
// lowered, so that uses of a buffer are seen as such. A buffer's life is counted in positions
// of @main's own operations; what is done in a region is done at the position of
// the operation of @main that has the region. Two allocations inside one loop are
// therefore alive together, which is safe. A buffer that a loop carries to its
// next iteration cannot have one place and comes from the runtime.
//===----------------------------------------------------------------------===//

#include "DimSlice.h"
#include "RuntimeCalls.h"
#include "Steps.h"

#include "secateur/CodeGen/Passes.h"
#include "secateur/Support/TensorBytes.h"

#include "dialects/Kern/IR/KernOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

namespace secateur::codegen {
#define GEN_PASS_DEF_CODEGENBUILDENTRY
#include "secateur/CodeGen/Passes.h.inc"
} // namespace secateur::codegen

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

namespace {

/// The largest buffer of a task that lies on its stack.
constexpr int64_t kMaxStackBytes = 16384;

struct PlannedBuffer {
  memref::AllocOp alloc;
  int32_t first = INT32_MAX, last = -1;
};

class EntryBuilder {
public:
  explicit EntryBuilder(func::FuncOp main)
      : main(main), module(main->getParentOfType<ModuleOp>()), loc(main.getLoc()),
        builder(main.getContext()), pointerType(LLVM::LLVMPointerType::get(main.getContext())),
        i64(builder.getI64Type()) {}

  void build();

private:
  void makeResultsDense();
  void planBuffers();
  bool isCarriedByLoop(memref::AllocOp alloc, const BufferViewFlowAnalysis &aliases);
  void buildSizes();
  Value checkRequirements(OpBuilder &at, IRMapping &mapping,
                          llvm::function_ref<Value(unsigned, int64_t)> dimension);
  void bindArguments();
  void bindBuffers();
  void bindWeights();
  void bindResults();
  Value inputDimension(OpBuilder &at, Value inputDims, unsigned argument, int64_t axis);

  Block &body() { return main.getBody().front(); }
  func::ReturnOp ret() { return cast<func::ReturnOp>(body().getTerminator()); }

  func::FuncOp main;
  ModuleOp module;
  Location loc;
  OpBuilder builder;
  Type pointerType, i64;
  DimSlice slice;
  SmallVector<PlannedBuffer> planned;
  SmallVector<memref::AllocOp> unplanned;
  // Arguments of `run`.
  Value context, inputs, inputDims, outputs, arena, offsets, weights;
};

struct CodegenBuildEntryPass
    : secateur::codegen::impl::CodegenBuildEntryBase<CodegenBuildEntryPass> {
  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main)
      return;
    if (!getOperation()->hasAttr("secateur.outputs")) {
      main.emitError("run codegen-prepare-entry before bufferization");
      return signalPassFailure();
    }
    EntryBuilder(main).build();
  }
};

} // namespace

/// The operation of `block` at or around `op`.
static Operation *ancestorIn(Block &block, Operation *op) {
  return block.findAncestorOpInBlock(*op);
}

bool EntryBuilder::isCarriedByLoop(memref::AllocOp alloc, const BufferViewFlowAnalysis &aliases) {
  for (Value alias : aliases.resolve(alloc)) {
    Operation *owner = nullptr;
    if (auto argument = dyn_cast<BlockArgument>(alias))
      owner = argument.getOwner()->getParentOp();
    else
      owner = alias.getDefiningOp();
    if (isa<LoopLikeOpInterface>(owner) && owner->isProperAncestor(alloc))
      return true;
  }
  return false;
}

void EntryBuilder::planBuffers() {
  BufferViewFlowAnalysis aliases(main);
  DenseMap<Operation *, int32_t> positions;
  for (auto [index, op] : llvm::enumerate(body()))
    positions[&op] = index;
  main.walk([&](memref::AllocOp alloc) {
    bool inTask = alloc->getParentOfType<kern::ParallelOp>() != nullptr;
    bool knownSize = llvm::all_of(alloc.getDynamicSizes(),
                                  [&](Value size) { return slice.isFromArguments(size); });
    bool returned = false;
    PlannedBuffer buffer{alloc};
    for (Value alias : aliases.resolve(alloc)) {
      for (Operation *user : alias.getUsers()) {
        returned |= isa<func::ReturnOp>(user);
        if (isPure(user))
          continue;
        int32_t position = positions[ancestorIn(body(), user)];
        buffer.first = std::min(buffer.first, position);
        buffer.last = std::max(buffer.last, position);
      }
    }
    // What is handed out as an output must outlive the run.
    if (inTask || returned || !knownSize || isCarriedByLoop(alloc, aliases))
      unplanned.push_back(alloc);
    else if (buffer.last < 0)
      buffer.first = buffer.last = positions[ancestorIn(body(), alloc)], planned.push_back(buffer);
    else
      planned.push_back(buffer);
  });
}

/// The position of dimension `axis` of input `argument` in the list of all
/// inputs' dimensions.
static int64_t dimensionIndex(func::FuncOp main, unsigned argument, int64_t axis) {
  int64_t index = axis;
  for (unsigned earlier = 0; earlier < argument; ++earlier)
    index += cast<ShapedType>(main.getArgument(earlier).getType()).getRank();
  return index;
}

Value EntryBuilder::inputDimension(OpBuilder &at, Value dims, unsigned argument, int64_t axis) {
  auto type = cast<ShapedType>(main.getArgument(argument).getType());
  if (!type.isDynamicDim(axis))
    return arith::ConstantIndexOp::create(at, loc, type.getDimSize(axis));
  Value dim = loadElement(at, loc, dims, i64, dimensionIndex(main, argument, axis));
  return arith::IndexCastOp::create(at, loc, at.getIndexType(), dim);
}

/// 0, or 1 + the index of the first assertion of @main that does not hold; takes
/// the assertions out. Those that need more than dimensions stay, for others to
/// judge.
Value EntryBuilder::checkRequirements(OpBuilder &at, IRMapping &mapping,
                                      llvm::function_ref<Value(unsigned, int64_t)> dimension) {
  SmallVector<Attribute> messages;
  SmallVector<Value> conditions;
  for (auto requirement : llvm::make_early_inc_range(body().getOps<cf::AssertOp>())) {
    if (!slice.isFromArguments(requirement.getArg()))
      continue;
    conditions.push_back(DimSlice::clone(at, requirement.getArg(), mapping, dimension));
    messages.push_back(requirement.getMsgAttr());
    requirement.erase();
  }
  module->setAttr("secateur.messages", builder.getArrayAttr(messages));
  Value code = arith::ConstantIntOp::create(at, loc, 0, 32);
  for (size_t index = conditions.size(); index > 0; --index) {
    Value failure = arith::ConstantIntOp::create(at, loc, index, 32);
    code = arith::SelectOp::create(at, loc, conditions[index - 1], code, failure);
  }
  return code;
}

void EntryBuilder::buildSizes() {
  builder.setInsertionPoint(main);
  auto type =
      builder.getFunctionType({pointerType, pointerType, pointerType}, {builder.getI32Type()});
  auto sizes = func::FuncOp::create(builder, loc, "secateur_sizes", type);
  sizes.setPrivate();
  Block *block = sizes.addEntryBlock();
  OpBuilder at = OpBuilder::atBlockBegin(block);
  IRMapping mapping;
  auto dimension = [&](unsigned argument, int64_t axis) {
    return inputDimension(at, block->getArgument(0), argument, axis);
  };
  for (auto [index, buffer] : llvm::enumerate(planned)) {
    SmallVector<Value> dynamicSizes;
    for (Value size : buffer.alloc.getDynamicSizes())
      dynamicSizes.push_back(DimSlice::clone(at, size, mapping, dimension));
    Value bytes = sizeInBytes(at, loc, buffer.alloc.getType(), dynamicSizes);
    storeElement(at, loc, arith::IndexCastOp::create(at, loc, i64, bytes), block->getArgument(1),
                 index);
  }
  // Dimensions of the outputs: those of known shape come last in the return.
  unsigned returned =
      llvm::count_if(ret().getOperandTypes(), [](Type type) { return isa<MemRefType>(type); });
  int64_t position = 0;
  for (auto output :
       module->getAttrOfType<ArrayAttr>("secateur.outputs").getAsRange<DictionaryAttr>()) {
    auto type = cast<ShapedType>(output.getAs<TypeAttr>("secateur.type").getValue());
    for (int64_t size : type.getShape()) {
      Value dim;
      if (output.contains("secateur.data_dependent"))
        dim = arith::ConstantIndexOp::create(at, loc, -1);
      else if (ShapedType::isDynamic(size))
        dim = DimSlice::clone(at, ret().getOperand(returned++), mapping, dimension);
      else
        dim = arith::ConstantIndexOp::create(at, loc, size);
      storeElement(at, loc, arith::IndexCastOp::create(at, loc, i64, dim), block->getArgument(2),
                   position++);
    }
  }
  func::ReturnOp::create(at, loc, checkRequirements(at, mapping, dimension));
}

/// Makes memrefs of what the caller passed.
void EntryBuilder::bindArguments() {
  auto inputAttrs = module->getAttrOfType<ArrayAttr>("secateur.inputs");
  auto outputAttrs = module->getAttrOfType<ArrayAttr>("secateur.outputs");
  SmallVector<Value> arguments(main.getArguments());
  auto add = [&]() { return body().addArgument(pointerType, loc); };
  context = add();
  inputs = add();
  inputDims = add();
  outputs = add();
  arena = add();
  offsets = add();
  weights = add();
  builder.setInsertionPointToStart(&body());
  Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
  DenseMap<std::pair<unsigned, int64_t>, Value> dims;
  auto dimension = [&](unsigned argument, int64_t axis) {
    Value &dim = dims[{argument, axis}];
    if (!dim)
      dim = inputDimension(builder, inputDims, argument, axis);
    return dim;
  };
  // Outputs of known shape are the arguments after the inputs, in order. They
  // come first: their sizes are found from the dimensions of the arguments.
  unsigned next = inputAttrs.size();
  unsigned returned =
      llvm::count_if(ret().getOperandTypes(), [](Type type) { return isa<MemRefType>(type); });
  for (auto [index, output] : llvm::enumerate(outputAttrs.getAsRange<DictionaryAttr>())) {
    if (output.contains("secateur.data_dependent"))
      continue;
    auto type = cast<MemRefType>(arguments[next].getType());
    IRMapping mapping;
    SmallVector<Value> dynamicSizes;
    for (int64_t axis = 0; axis < type.getRank(); ++axis)
      if (type.isDynamicDim(axis))
        dynamicSizes.push_back(ret().getOperand(returned++));
    // The dimensions are computed at the return: repeat that here.
    for (Value &size : dynamicSizes)
      size = DimSlice::clone(builder, size, mapping, dimension);
    Value pointer = loadElement(builder, loc, outputs, pointerType, index);
    Value view = viewAt(builder, loc, bytesAt(builder, loc, pointer), zero, type, dynamicSizes);
    arguments[next++].replaceAllUsesWith(view);
  }
  for (unsigned index = 0; index < inputAttrs.size(); ++index) {
    auto type = cast<MemRefType>(arguments[index].getType());
    SmallVector<Value> dynamicSizes;
    for (int64_t axis = 0; axis < type.getRank(); ++axis)
      if (type.isDynamicDim(axis))
        dynamicSizes.push_back(dimension(index, axis));
    Value pointer = loadElement(builder, loc, inputs, pointerType, index);
    Value view = viewAt(builder, loc, bytesAt(builder, loc, pointer), zero, type, dynamicSizes);
    arguments[index].replaceAllUsesWith(view);
  }
}

void EntryBuilder::bindBuffers() {
  builder.setInsertionPointToStart(&body());
  Value arenaBytes = bytesAt(builder, loc, arena);
  SmallVector<Attribute> ranges;
  for (auto [index, buffer] : llvm::enumerate(planned)) {
    ranges.push_back(builder.getDenseI32ArrayAttr({buffer.first, buffer.last}));
    builder.setInsertionPoint(buffer.alloc);
    Value offset = loadElement(builder, loc, offsets, i64, index);
    offset = arith::IndexCastOp::create(builder, loc, builder.getIndexType(), offset);
    Value view = viewAt(builder, loc, arenaBytes, offset, buffer.alloc.getType(),
                        buffer.alloc.getDynamicSizes());
    buffer.alloc.replaceAllUsesWith(view);
    buffer.alloc.erase();
  }
  module->setAttr("secateur.buffer_ranges", builder.getArrayAttr(ranges));
  for (memref::AllocOp alloc : unplanned) {
    builder.setInsertionPoint(alloc);
    MemRefType type = alloc.getType();
    bool inTask = alloc->getParentOfType<kern::ParallelOp>() != nullptr;
    Value memory;
    if (inTask && type.hasStaticShape() &&
        type.getNumElements() * getElementBytes(type.getElementType()) <= kMaxStackBytes) {
      memory =
          memref::AllocaOp::create(builder, alloc.getLoc(), type, builder.getI64IntegerAttr(64));
    } else {
      memory = allocate(builder, alloc.getLoc(), context, type, alloc.getDynamicSizes());
      if (inTask) {
        builder.setInsertionPoint(alloc->getBlock()->getTerminator());
        LLVM::LLVMFuncOp callee =
            runtimeFunction(module, "secateur_free", LLVM::LLVMVoidType::get(module.getContext()),
                            {pointerType, pointerType});
        LLVM::CallOp::create(builder, loc, callee,
                             ValueRange{context, pointerTo(builder, loc, memory)});
      }
    }
    alloc.replaceAllUsesWith(memory);
    alloc.erase();
  }
  SmallVector<memref::DeallocOp> deallocs;
  main.walk([&](memref::DeallocOp dealloc) { deallocs.push_back(dealloc); });
  for (memref::DeallocOp dealloc : deallocs)
    dealloc.erase();
}

/// The first name in a location; "" without one.
static StringRef nameOf(Location location) {
  StringRef name;
  location->walk([&](Location inner) {
    if (auto named = dyn_cast<NameLoc>(inner)) {
      name = named.getName();
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return name;
}

/// kern.weight -> a view of the blob.
void EntryBuilder::bindWeights() {
  SmallVector<kern::WeightOp> ops;
  main.walk([&](kern::WeightOp weight) { ops.push_back(weight); });
  builder.setInsertionPointToStart(&body());
  Value blob = bytesAt(builder, loc, weights);
  DenseMap<std::pair<Attribute, Type>, int64_t> places;
  SmallVector<Attribute> entries;
  int64_t end = 0;
  for (kern::WeightOp weight : ops) {
    auto type = cast<MemRefType>(weight.getResult().getType());
    DictionaryAttr source = weight->getAttrDictionary();
    auto [place, isNew] = places.try_emplace({source, type}, llvm::alignTo(end, 64));
    if (isNew) {
      int64_t bytes = type.getNumElements() * getElementBytes(type.getElementType());
      end = place->second + bytes;
      entries.push_back(builder.getDictionaryAttr(
          {builder.getNamedAttr("source", source),
           builder.getNamedAttr("name", builder.getStringAttr(nameOf(weight.getLoc()))),
           builder.getNamedAttr("offset", builder.getI64IntegerAttr(place->second)),
           builder.getNamedAttr("bytes", builder.getI64IntegerAttr(bytes))}));
    }
    builder.setInsertionPoint(weight);
    Value offset = arith::ConstantIndexOp::create(builder, loc, place->second);
    Value view = viewAt(builder, weight.getLoc(), blob, offset, type, {});
    weight.getResult().replaceAllUsesWith(view);
    weight.erase();
  }
  module->setAttr("secateur.weights", builder.getArrayAttr(entries));
  module->setAttr("secateur.weight_bytes", builder.getI64IntegerAttr(end));
}

/// Hands the outputs of data-dependent shape to the runtime and returns 0.
void EntryBuilder::bindResults() {
  func::ReturnOp terminator = ret();
  builder.setInsertionPoint(terminator);
  Type i32 = builder.getI32Type();
  unsigned next = 0;
  auto outputAttrs = module->getAttrOfType<ArrayAttr>("secateur.outputs");
  for (auto [index, output] : llvm::enumerate(outputAttrs.getAsRange<DictionaryAttr>())) {
    if (!output.contains("secateur.data_dependent"))
      continue;
    Value memref = terminator.getOperand(next++);
    auto type = cast<MemRefType>(memref.getType());
    Value rank = LLVM::ConstantOp::create(
        builder, loc, i64, builder.getI64IntegerAttr(std::max<int64_t>(type.getRank(), 1)));
    Value dims = LLVM::AllocaOp::create(builder, loc, pointerType, i64, rank);
    for (int64_t axis = 0; axis < type.getRank(); ++axis) {
      Value dim = memref::DimOp::create(builder, loc, memref, axis);
      storeElement(builder, loc, arith::IndexCastOp::create(builder, loc, i64, dim), dims, axis);
    }
    Value number = LLVM::ConstantOp::create(builder, loc, i32, builder.getI32IntegerAttr(index));
    LLVM::LLVMFuncOp callee =
        runtimeFunction(module, "secateur_set_output", LLVM::LLVMVoidType::get(module.getContext()),
                        {pointerType, i32, pointerType, pointerType});
    LLVM::CallOp::create(builder, loc, callee,
                         ValueRange{context, number, dims, pointerTo(builder, loc, memref)});
  }
  Value zero = arith::ConstantIntOp::create(builder, loc, 0, 32);
  terminator->setOperands(zero);
}

/// The runtime takes results of data-dependent shape as dense: views that are not
/// (a slice of a larger buffer) are copied. Bufferization casts them to the dense
/// type of the function's results, so that casts are looked through.
void EntryBuilder::makeResultsDense() {
  func::ReturnOp terminator = ret();
  builder.setInsertionPoint(terminator);
  for (OpOperand &operand : terminator->getOpOperands()) {
    Value view = operand.get();
    while (auto cast = view.getDefiningOp<memref::CastOp>())
      view = cast.getSource();
    auto type = dyn_cast<MemRefType>(view.getType());
    if (!type || type.getLayout().isIdentity())
      continue;
    SmallVector<Value> sizes;
    for (int64_t axis = 0; axis < type.getRank(); ++axis)
      if (type.isDynamicDim(axis))
        sizes.push_back(memref::DimOp::create(builder, loc, view, axis));
    auto dense = MemRefType::get(type.getShape(), type.getElementType());
    Value copy = memref::AllocOp::create(builder, loc, dense, sizes);
    linalg::CopyOp::create(builder, loc, view, copy);
    operand.set(copy);
  }
}

void EntryBuilder::build() {
  makeResultsDense();
  planBuffers();
  buildSizes();
  unsigned oldArguments = main.getNumArguments();
  bindArguments();
  bindBuffers();
  bindWeights();
  bindResults();
  body().eraseArguments(0, oldArguments);
  main.setArgAttrsAttr(ArrayAttr());
  main.setResAttrsAttr(ArrayAttr());
  main.setType(builder.getFunctionType(body().getArgumentTypes(), {builder.getI32Type()}));
  main->setAttr("secateur.context", builder.getUnitAttr());
  markSteps(main, context);
  main.setSymName("secateur_run");
  main.setPrivate();
}
