//===- Decompose.cpp - Operators that stand for several others ---------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Decompose.h"

#include "secateur/Transform/HostTensor.h"
#include "secateur/Transform/Passes.h"

namespace secateur::transform {
#define GEN_PASS_DEF_NNDECOMPOSE
#include "secateur/Transform/Passes.h.inc"
} // namespace secateur::transform

using namespace mlir;
using namespace secateur;
using namespace secateur::transform;

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

std::optional<ArrayRef<int64_t>> Nodes::shapeOf(Value value) {
  auto type = value ? dyn_cast<RankedTensorType>(value.getType()) : RankedTensorType();
  return type ? std::optional(type.getShape()) : std::nullopt;
}

std::optional<int64_t> Nodes::rankOf(Value value) {
  std::optional<ArrayRef<int64_t>> shape = shapeOf(value);
  return shape ? std::optional<int64_t>(shape->size()) : std::nullopt;
}

std::optional<int64_t> Nodes::sizeOf(Value value, int64_t axis) {
  std::optional<ArrayRef<int64_t>> shape = shapeOf(value);
  int64_t rank = shape ? shape->size() : 0;
  axis += axis < 0 ? rank : 0;
  if (axis < 0 || axis >= rank || ShapedType::isDynamic((*shape)[axis]))
    return std::nullopt;
  return (*shape)[axis];
}

Value Nodes::integers(ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, builder.getI64Type());
  return nn::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, values));
}

Value Nodes::number(double value, Type element) {
  HostTensor tensor;
  tensor.type = RankedTensorType::get({}, element);
  if (isa<FloatType>(element))
    tensor.floats = {value};
  else
    tensor.integers = {static_cast<int64_t>(value)};
  return nn::ConstantOp::create(builder, loc, tensor.write());
}

/// What nn.cast names a type by: onnx.TensorProto.DataType.
static int64_t dataTypeOf(Type element) {
  if (element.isF32())
    return 1;
  if (element.isF16())
    return 10;
  if (element.isBF16())
    return 16;
  if (element.isF64())
    return 11;
  if (element.isSignlessInteger(1))
    return 9;
  if (element.isSignlessInteger(32))
    return 6;
  if (element.isSignlessInteger(64))
    return 7;
  return element.isSignlessInteger(8) ? 3 : 2;
}

Value Nodes::cast(Value value, Type element) {
  if (elementOf(value) == element)
    return value;
  return make<nn::CastOp>({value}, attribute("to", dataTypeOf(element)), element);
}

Value Nodes::reshape(Value value, ArrayRef<int64_t> shape) {
  return make<nn::ReshapeOp>({value, integers(shape)});
}

Value Nodes::transpose(Value value, ArrayRef<int64_t> permutation) {
  return make<nn::TransposeOp>(
      {value}, builder.getNamedAttr("perm", builder.getDenseI64ArrayAttr(permutation)));
}

Value Nodes::unsqueeze(Value value, ArrayRef<int64_t> axes) {
  return make<nn::UnsqueezeOp>({value, integers(axes)});
}

Value Nodes::squeeze(Value value, ArrayRef<int64_t> axes) {
  return make<nn::SqueezeOp>({value, integers(axes)});
}

Value Nodes::slice(Value value, int64_t axis, int64_t begin, int64_t end) {
  return make<nn::SliceOp>({value, integers({begin}), integers({end}), integers({axis})});
}

Value Nodes::concat(ArrayRef<Value> values, int64_t axis) {
  return make<nn::ConcatOp>(values, attribute("axis", axis));
}

Value Nodes::size(Value value, int64_t axis) {
  Value shape = make<nn::ShapeOp>({value}, {}, builder.getI64Type());
  return make<nn::GatherOp>({shape, number(axis, builder.getI64Type())}, attribute("axis", 0));
}

Value Nodes::range(Value count) {
  Type i64 = builder.getI64Type();
  return make<nn::RangeOp>({number(0, i64), count, number(1, i64)});
}

SmallVector<NamedAttribute> Nodes::taken(ArrayRef<StringRef> names) {
  SmallVector<NamedAttribute> attributes;
  for (StringRef name : names)
    if (Attribute value = op->getAttr(name))
      attributes.push_back(builder.getNamedAttr(name, value));
  return attributes;
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

void transform::registerDecompositionModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, nn::NNDialect *) {
    attachFusedDecompositions(context);
    attachAttentionDecompositions(context);
    attachExpertDecompositions(context);
    attachQuantizedDecompositions(context);
  });
}

/// Replaces `op`, or says on it why not.
static void decompose(nn::DecompositionOpInterface op) {
  OpBuilder builder(op);
  std::string reason;
  FailureOr<SmallVector<Value>> values = op.decompose(builder, reason);
  if (failed(values)) {
    op->setAttr(kRefusedAttr, builder.getStringAttr(reason));
    return;
  }
  for (auto [result, value] : llvm::zip_equal(op->getResults(), *values)) {
    if (!value)
      continue;
    // What is known of the result is known of its stand-in.
    if (isa<RankedTensorType>(result.getType()) && value.getDefiningOp() &&
        !isa<nn::ConstantOp>(value.getDefiningOp()) && isa<UnrankedTensorType>(value.getType()))
      value.setType(result.getType());
    result.replaceAllUsesWith(value);
  }
  op->erase();
}

namespace {
struct NNDecomposePass : transform::impl::NNDecomposeBase<NNDecomposePass> {
  void runOnOperation() override {
    // What comes out may again be operators that stand for others.
    for (bool changed = true; changed;) {
      SmallVector<nn::DecompositionOpInterface> found;
      getOperation().walk([&](nn::DecompositionOpInterface op) {
        if (!op->hasAttr(kRefusedAttr))
          found.push_back(op);
      });
      changed = !found.empty();
      llvm::for_each(found, decompose);
    }
  }
};
} // namespace
