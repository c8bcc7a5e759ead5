//===- Convolution.cpp - Lowering of convolutions ------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Images have their channels last. Convolutions of lines are those of images of
// one row. Kernels of one element are matrix products.

#include "Models.h"
#include "Scalars.h"
#include "Windows.h"

#include "secateur/Analysis/SymbolicShapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::lowering;

/// A bias [M] is added where images have their channels.
static Epilogue biasEpilogue(LoweringContext &context, Value bias, int64_t rank) {
  Epilogue epilogue;
  if (!bias)
    return epilogue;
  epilogue.operands.push_back(context.get(bias));
  epilogue.maps.push_back(
      AffineMap::get(rank, 0, context.b.getAffineDimExpr(rank - 1), context.b.getContext()));
  return epilogue;
}

/// The constant sizes of a filter, with two spatial axes; nothing where one is
/// not constant.
static FailureOr<SmallVector<int64_t>> filterSizes(Operation *op, LoweringContext &context,
                                                   Value filter) {
  SmallVector<int64_t> sizes;
  for (Dim dim : context.shape(filter)) {
    std::optional<int64_t> extent = LoweringContext::constantOf(dim);
    if (!extent)
      return context.unsupported(op, "a size of its filter is not constant");
    sizes.push_back(*extent);
  }
  return sizes;
}

/// A filter [M, Cg, spatial..] as `shape`, transposed and packed: a weight, or
/// packed at run time where it is computed.
static Value filterOperand(LoweringContext &context, Value filter, ArrayRef<int64_t> shape,
                           ArrayRef<int64_t> permutation, int64_t batch, int64_t panel) {
  if (ElementsAttr constant = context.constant(filter))
    return context.weight(constant, shape, permutation, batch, panel);
  SmallVector<Dim> dims =
      llvm::map_to_vector(shape, [&](int64_t extent) { return context.constantDim(extent); });
  Value tensor = context.reshape(context.get(filter), context.shape(filter), dims);
  return panel ? pack(context, tensor, dims, permutation, batch)
               : context.transpose(tensor, permutation, dims);
}

/// Columns of a panel of packed weights.
static constexpr int64_t panelWidth = 16;

/// How many groups share a panel: as many as fit, where the window has several taps.
static int64_t bundleOf(int64_t groups, int64_t outputs, int64_t taps) {
  return taps > 1 ? std::clamp<int64_t>(panelWidth / outputs, 1, groups) : 1;
}

/// A constant filter [G Mg, Cg, KH, KW] in bundles of groups; the last one is filled up
/// with zeros.
static Value bundledFilter(LoweringContext &context, ElementsAttr filter, ArrayRef<int64_t> shape,
                           int64_t bundle) {
  int64_t bundles = llvm::divideCeil(shape[0], bundle), missing = bundles * bundle - shape[0];
  SmallVector<int64_t> bundled(shape), padded(shape.drop_front());
  bundled[0] = bundles;
  bundled[1] = bundle * shape[1];
  padded[0] = bundles * bundled[1];
  if (missing) {
    FailureOr<std::vector<float>> numbers = readConstant(filter);
    if (failed(numbers))
      return nullptr;
    numbers->resize(ShapedType::getNumElements(padded));
    filter = floatConstant(context.b.getContext(), padded, *numbers);
  }
  return context.weight(filter, bundled, {0, 3, 4, 2, 1}, 1, panelWidth);
}

//===----------------------------------------------------------------------===//
// Conv
//===----------------------------------------------------------------------===//

/// A convolution of any rank and type as a loop nest over a padded operand, all
/// row-major: `image` of sizes `x`, `filter` [M, Cg, spatial..] of sizes `w`.
static void convolveGeneric(LoweringContext &context, Value image, ArrayRef<Dim> x, Value filter,
                            ArrayRef<Dim> w, Value bias, Value result, const SpatialWindow &window,
                            int64_t groups) {
  ImplicitLocOpBuilder &b = context.b;
  int64_t spatial = window.rank();
  ScalarKind kind = LoweringContext::kindOf(result);
  Type stored = LoweringContext::storageType(LoweringContext::elementType(result));
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(stored));
  // Pad, row-major.
  SmallVector<Dim> padded(x);
  SmallVector<OpFoldResult> offsets(spatial + 2, b.getIndexAttr(0)),
      ones(spatial + 2, b.getIndexAttr(1));
  for (int64_t axis = 0; axis < spatial; ++axis) {
    padded[axis + 2] =
        context.symbols.simplify(padded[axis + 2] + window.before[axis] + window.after[axis]);
    offsets[axis + 2] = b.getIndexAttr(window.before[axis]);
  }
  Value source = tensor::InsertSliceOp::create(b, image, context.filled(padded, zero), offsets,
                                               context.sizes(x), ones);
  // loops: n, g, m, o.., c, k..; channels are split into groups.
  ArrayRef<Dim> y = context.shape(result);
  Dim g = context.constantDim(groups), mg = context.symbols.simplify(y[1].floorDiv(groups));
  SmallVector<Dim> sourceDims = {x[0], g, w[1]}, outDims = {y[0], g, mg}, filterDims = {g, mg};
  sourceDims.append(padded.begin() + 2, padded.end());
  outDims.append(y.begin() + 2, y.end());
  filterDims.append(w.begin() + 1, w.end());
  source = context.reshape(source, padded, sourceDims);
  filter = context.reshape(filter, w, filterDims);
  int64_t loops = 4 + 2 * spatial;
  auto loop = [&](int64_t i) { return b.getAffineDimExpr(i); };
  SmallVector<AffineExpr> sourceMap = {loop(0), loop(1), loop(3 + spatial)},
                          filterMap = {loop(1), loop(2), loop(3 + spatial)},
                          outMap = {loop(0), loop(1), loop(2)};
  SmallVector<utils::IteratorType> iterators(loops, utils::IteratorType::parallel);
  iterators[3 + spatial] = utils::IteratorType::reduction;
  for (int64_t axis = 0; axis < spatial; ++axis) {
    sourceMap.push_back(loop(3 + axis) * window.strides[axis] +
                        loop(4 + spatial + axis) * window.dilations[axis]);
    filterMap.push_back(loop(4 + spatial + axis));
    outMap.push_back(loop(3 + axis));
    iterators[4 + spatial + axis] = utils::IteratorType::reduction;
  }
  Value init = context.filled(outDims, zero);
  auto generic = linalg::GenericOp::create(
      b, TypeRange{init.getType()}, ValueRange{source, filter}, ValueRange{init},
      ArrayRef{AffineMap::get(loops, 0, sourceMap, b.getContext()),
               AffineMap::get(loops, 0, filterMap, b.getContext()),
               AffineMap::get(loops, 0, outMap, b.getContext())},
      iterators, [&](OpBuilder &nested, Location location, ValueRange e) {
        ImplicitLocOpBuilder builder(location, nested);
        Scalars s(builder, stored, kind);
        linalg::YieldOp::create(builder, s.add(e[2], s.mul(e[0], e[1])));
      });
  Value out = context.reshape(generic.getResult(0), outDims, y);
  if (bias) {
    SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, y.size()));
    out = context.pointwise(y, stored, Layout::RowMajor,
                            {PlacedTensor{out, axes}, PlacedTensor{context.get(bias), {1}}},
                            [&](ImplicitLocOpBuilder &builder, ValueRange e) {
                              return Scalars(builder, stored, kind).add(e[0], e[1]);
                            });
  }
  context.set(result, out);
}

static bool allAre(ArrayRef<int64_t> values, int64_t value) {
  return llvm::all_of(values, [&](int64_t one) { return one == value; });
}

/// True where `image` has one column and `window` sees it alone: such a column is laid
/// down as a row, along which the kernels go.
static bool isColumn(LoweringContext &context, Value image, const Window &window) {
  return context.rank(image) == 4 && window.kernel[0] > 1 && window.kernel[1] == 1 &&
         window.pads[1] == 0 && window.pads[3] == 0 &&
         LoweringContext::constantOf(context.dim(image, 3)) == 1;
}

static Window layDown(Window window) {
  for (SmallVectorImpl<int64_t> *values : {&window.kernel, &window.strides, &window.dilations})
    std::swap((*values)[0], (*values)[1]);
  std::swap(window.pads[0], window.pads[1]);
  std::swap(window.pads[2], window.pads[3]);
  return window;
}

/// The depthwise kernel holds a pointer to each row of the image that two rows of the
/// result see, in a register.
static bool fitsDepthwise(const Window &window) {
  constexpr int64_t mostRows = 14;
  return window.strides[0] + (window.kernel[0] - 1) * window.dilations[0] + 1 <= mostRows;
}

static LogicalResult lowerConv(nn::ConvOp op, LoweringContext &context) {
  ImplicitLocOpBuilder &b = context.b;
  Value result = op.getY();
  int64_t rank = context.rank(result);
  FailureOr<SmallVector<int64_t>> filter = filterSizes(op, context, op.getW());
  if (failed(filter))
    return failure();
  if (rank < 3 || int64_t(filter->size()) != rank)
    return context.unsupported(op, "its operand and filter do not have the same spatial axes");
  ArrayRef<int64_t> kernel = ArrayRef<int64_t>(*filter).drop_front(2);
  Type stored = LoweringContext::storageType(LoweringContext::elementType(result));
  bool isImage = rank <= 4 && stored.isF32();
  FailureOr<SpatialWindow> spatial =
      readWindow(op, context, op.getX(), result, kernel, op.getDilations(), /*addsPads=*/isImage);
  if (failed(spatial))
    return failure();
  if (llvm::any_of(spatial->before, [](int64_t pad) { return pad < 0; }) ||
      llvm::any_of(spatial->after, [](int64_t pad) { return pad < 0; }))
    return context.unsupported(op, "a pad is negative");
  int64_t groups = op.getGroup(), channels = (*filter)[0], perGroup = (*filter)[1];
  if (groups < 1 || channels % groups)
    return context.unsupported(op, "its group does not divide its channels");
  if (!isImage) {
    convolveGeneric(context, context.get(op.getX()), context.shape(op.getX()),
                    context.get(op.getW()), context.shape(op.getW()), op.getB(), result, *spatial,
                    groups);
    return success();
  }
  Window window = imageWindow(*spatial);
  bool column = spatial->automatic.empty() && isColumn(context, op.getX(), window);
  auto dimsOf = [&](Value value) {
    SmallVector<Dim> dims = imageDims(context, value);
    if (column)
      std::swap(dims[1], dims[2]);
    return dims;
  };
  auto finish = [&](Value image) {
    setImage(context, result, context.reshape(image, dimsOf(result), imageDims(context, result)));
    return success();
  };
  if (column)
    window = layDown(window);
  int64_t kh = window.kernel[0], kw = window.kernel[1];
  Value image = context.reshape(imageOf(context, op.getX()), imageDims(context, op.getX()),
                                dimsOf(op.getX()));
  if (!spatial->automatic.empty())
    image = padToSame(context, image, imageDims(context, op.getX()), *spatial,
                      op.getAutoPad() == "SAME_UPPER",
                      arith::ConstantOp::create(b, b.getZeroAttr(stored)));
  Value init = context.empty(dimsOf(result), stored);
  Epilogue epilogue = biasEpilogue(context, op.getB(), 4);
  if (kh == 1 && kw == 1 && groups == 1 && allAre(window.strides, 1) && allAre(window.pads, 0)) {
    Value matrix = filterOperand(context, op.getW(), {channels, perGroup}, {1, 0}, 0, /*panel=*/16);
    AffineExpr n, h, w, m, c;
    bindDims(b.getContext(), n, h, w, m, c);
    SmallVector<AffineMap> maps = AffineMap::inferFromExprList(
        ArrayRef<SmallVector<AffineExpr, 4>>{{n, h, w, c}, {c, m}, {n, h, w, m}}, b.getContext());
    return finish(contract(context, maps, image, matrix, true, init, ScalarKind::Float, epilogue));
  }
  if (groups == channels && perGroup == 1 && groups > 1 && fitsDepthwise(window)) {
    Value taps = filterOperand(context, op.getW(), {channels, kh, kw}, {1, 2, 0}, 0, 0);
    return finish(convolveDepthwise(context, image, taps, init, window, epilogue));
  }
  SmallVector<int64_t> shape = {groups, channels / groups, perGroup, kh, kw};
  int64_t bundle = bundleOf(groups, shape[1], kh * kw);
  Value packed;
  if (ElementsAttr constant = context.constant(op.getW()); constant && bundle > 1)
    packed = bundledFilter(context, constant, shape, bundle);
  if (!packed) {
    bundle = 1;
    packed = filterOperand(context, op.getW(), shape, {0, 3, 4, 2, 1}, 1, panelWidth);
  }
  return finish(convolve(context, image, packed, init, window, groups, bundle, epilogue));
}

//===----------------------------------------------------------------------===//
// ConvTranspose
//===----------------------------------------------------------------------===//

/// A filter [C, Mg, KH, KW] as that of the convolution that goes the other way:
/// [M, C / G, KH, KW], mirrored in space.
static FailureOr<ElementsAttr> mirrorFilter(ElementsAttr filter, int64_t groups, int64_t kh,
                                            int64_t kw) {
  FailureOr<std::vector<float>> numbers = readConstant(filter);
  if (failed(numbers))
    return failure();
  ArrayRef<int64_t> shape = filter.getShapedType().getShape();
  int64_t perGroup = shape[0] / groups, outPerGroup = shape[1], window = kh * kw;
  std::vector<float> mirrored(numbers->size());
  for (int64_t c = 0; c < shape[0]; ++c)
    for (int64_t m = 0; m < outPerGroup; ++m)
      for (int64_t tap = 0; tap < window; ++tap) {
        int64_t target = (c / perGroup) * outPerGroup + m;
        mirrored[(target * perGroup + c % perGroup) * window + (window - 1 - tap)] =
            (*numbers)[(c * outPerGroup + m) * window + tap];
      }
  return floatConstant(filter.getContext(), {groups * outPerGroup, perGroup, kh, kw}, mirrored);
}

/// Pads at the start and at the end, as output_shape and auto_pad give them.
static FailureOr<SpatialWindow> transposedWindow(nn::ConvTransposeOp op, LoweringContext &context,
                                                 ArrayRef<int64_t> kernel) {
  // Automatic pads follow below, of any size: the result is as many strides long as the operand.
  FailureOr<SpatialWindow> window =
      readWindow(op, context, op.getX(), op.getX(), kernel, op.getDilations(), /*addsPads=*/true);
  if (failed(window))
    return failure();
  StringRef automatic = op.getAutoPad();
  bool same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
  if (!op.getOutputShape() && !same)
    return window;
  for (size_t axis = 0; axis < kernel.size(); ++axis) {
    // total = stride (in - 1) + output_padding + extent - out
    Dim in = context.dim(op.getX(), axis + 2), out = context.dim(op.getY(), axis + 2);
    int64_t extra = op.getOutputPadding() ? (*op.getOutputPadding())[axis] : 0;
    std::optional<int64_t> total = LoweringContext::constantOf(context.symbols.simplify(
        (in - 1) * window->strides[axis] + extra + window->extent(axis) - out));
    if (!total)
      return context.unsupported(op, "its pads are not constant");
    if (*total < 0) { // more than the windows cover: at the end
      window->before[axis] = 0;
      window->after[axis] = *total;
      continue;
    }
    int64_t half = std::max<int64_t>(*total, 0) / 2, rest = std::max<int64_t>(*total, 0) - half;
    window->before[axis] = automatic == "SAME_UPPER" ? half : rest;
    window->after[axis] = automatic == "SAME_UPPER" ? rest : half;
    if (!same && automatic != "SAME_UPPER") {
      window->before[axis] = rest;
      window->after[axis] = half;
    }
  }
  return window;
}

/// Windows that do not overlap: each element makes a block of the result.
static void convolveBlocks(nn::ConvTransposeOp op, LoweringContext &context, const Window &window,
                           Value image, ElementsAttr filter) {
  ImplicitLocOpBuilder &b = context.b;
  int64_t kh = window.kernel[0], kw = window.kernel[1];
  ArrayRef<int64_t> shape = filter.getShapedType().getShape();
  Value taps =
      context.weight(filter, {shape[0], shape[1], kh, kw}, {2, 3, 0, 1}, /*batch=*/2, /*panel=*/16);
  SmallVector<Dim> in = imageDims(context, op.getX()), out = imageDims(context, op.getY());
  SmallVector<Dim> blocks = {in[0], in[1], context.constantDim(kh), in[2], context.constantDim(kw),
                             out[3]};
  AffineExpr n, h, i, w, j, m, c;
  bindDims(b.getContext(), n, h, i, w, j, m, c);
  SmallVector<AffineMap> maps = AffineMap::inferFromExprList(
      ArrayRef<SmallVector<AffineExpr, 4>>{{n, h, w, c}, {i, j, c, m}, {n, h, i, w, j, m}},
      b.getContext());
  Value init =
      context.empty(blocks, LoweringContext::storageType(LoweringContext::elementType(op.getY())));
  Value product = contract(context, maps, image, taps, true, init, ScalarKind::Float,
                           biasEpilogue(context, op.getB(), 6));
  setImage(context, op.getY(), context.reshape(product, blocks, out));
}

/// Any rank and type, and filters that are computed, as loops: zeros between the
/// elements, then a convolution with the mirrored filter.
static LogicalResult transposeGeneric(nn::ConvTransposeOp op, LoweringContext &context,
                                      SpatialWindow window) {
  ImplicitLocOpBuilder &b = context.b;
  int64_t spatial = window.rank(), groups = op.getGroup();
  SmallVector<Dim> x(context.shape(op.getX())), spread = x, w(context.shape(op.getW()));
  SmallVector<OpFoldResult> offsets(spatial + 2, b.getIndexAttr(0)),
      steps(spatial + 2, b.getIndexAttr(1));
  for (int64_t axis = 0; axis < spatial; ++axis) {
    spread[axis + 2] = context.symbols.simplify((x[axis + 2] - 1) * window.strides[axis] + 1);
    steps[axis + 2] = b.getIndexAttr(window.strides[axis]);
    int64_t reach = window.extent(axis) - 1;
    window.before[axis] = reach - window.before[axis];
    window.after[axis] =
        reach - window.after[axis] + (op.getOutputPadding() ? (*op.getOutputPadding())[axis] : 0);
    window.strides[axis] = 1;
    if (window.before[axis] < 0 || window.after[axis] < 0)
      return context.unsupported(op, "a pad is larger than its window");
  }
  Type stored = LoweringContext::storageType(LoweringContext::elementType(op.getY()));
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(stored));
  Value image = tensor::InsertSliceOp::create(
      b, context.get(op.getX()), context.filled(spread, zero), offsets, context.sizes(x), steps);
  // [C, Mg, spatial..] -> [G Mg, C / G, spatial..]
  SmallVector<Dim> mirroredDims = {context.symbols.simplify(w[1] * groups),
                                   context.symbols.simplify(w[0].floorDiv(groups))};
  mirroredDims.append(w.begin() + 2, w.end());
  Value filter = context.get(op.getW()), perGroup = context.index(w[1]),
        depth = context.index(mirroredDims[1]);
  SmallVector<Value> last;
  for (int64_t extent : window.kernel)
    last.push_back(context.index(extent - 1));
  Value mirrored = context.generate(
      mirroredDims, stored, Layout::RowMajor, [&](ImplicitLocOpBuilder &builder, ValueRange at) {
        Value group = arith::DivUIOp::create(builder, at[0], perGroup);
        SmallVector<Value> from = {
            arith::AddIOp::create(builder, arith::MulIOp::create(builder, group, depth), at[1]),
            arith::RemUIOp::create(builder, at[0], perGroup)};
        for (int64_t axis = 0; axis < spatial; ++axis)
          from.push_back(arith::SubIOp::create(builder, last[axis], at[axis + 2]));
        return tensor::ExtractOp::create(builder, filter, from);
      });
  convolveGeneric(context, image, spread, mirrored, mirroredDims, op.getB(), op.getY(), window,
                  groups);
  return success();
}

static LogicalResult lowerConvTranspose(nn::ConvTransposeOp op, LoweringContext &context) {
  ImplicitLocOpBuilder &b = context.b;
  Value result = op.getY();
  int64_t rank = context.rank(result);
  Type stored = LoweringContext::storageType(LoweringContext::elementType(result));
  if (rank < 3)
    return context.unsupported(op, "its operand has no spatial axes");
  FailureOr<SmallVector<int64_t>> filter = filterSizes(op, context, op.getW());
  if (failed(filter))
    return failure();
  FailureOr<SpatialWindow> spatial =
      transposedWindow(op, context, ArrayRef<int64_t>(*filter).drop_front(2));
  if (failed(spatial))
    return failure();
  ElementsAttr constant = context.constant(op.getW());
  if (!constant || rank > 4 || !stored.isF32())
    return transposeGeneric(op, context, *spatial);
  Window window = imageWindow(*spatial);
  int64_t groups = op.getGroup(), kh = window.kernel[0], kw = window.kernel[1];
  if (groups < 1 || (*filter)[0] % groups)
    return context.unsupported(op, "its group does not divide its channels");
  Value image = imageOf(context, op.getX());
  bool padsOutput = op.getOutputPadding() && !allAre(*op.getOutputPadding(), 0);
  if (groups == 1 && window.kernel == window.strides && allAre(window.dilations, 1) &&
      allAre(window.pads, 0) && !padsOutput) {
    convolveBlocks(op, context, window, image, constant);
    return success();
  }
  // Zeros between the elements, then a convolution with the mirrored filter.
  FailureOr<ElementsAttr> mirrored = mirrorFilter(constant, groups, kh, kw);
  if (failed(mirrored))
    return context.unsupported(op, "its filter cannot be read");
  SmallVector<Dim> in = imageDims(context, op.getX()), spread = in;
  Window inner = window;
  inner.strides = {1, 1};
  SmallVector<OpFoldResult> offsets(4, b.getIndexAttr(0)), steps(4, b.getIndexAttr(1));
  for (int64_t axis = 0; axis < 2; ++axis) {
    spread[axis + 1] = context.symbols.simplify((in[axis + 1] - 1) * window.strides[axis] + 1);
    steps[axis + 1] = b.getIndexAttr(window.strides[axis]);
    int64_t reach = (window.kernel[axis] - 1) * window.dilations[axis];
    inner.pads[axis] = reach - window.pads[axis];
    inner.pads[axis + 2] = reach - window.pads[axis + 2];
  }
  if (rank == 3)
    inner.pads[0] = inner.pads[2] = 0;
  if (llvm::any_of(inner.pads, [](int64_t pad) { return pad < 0; }))
    return context.unsupported(op, "a pad is larger than its window");
  // Rows that output_padding adds lie past the last window.
  if (std::optional<ArrayRef<int64_t>> extra = op.getOutputPadding())
    for (auto [axis, amount] : llvm::enumerate(*extra))
      inner.pads[axis + (rank == 3 ? 1 : 0) + 2] += amount;
  if (!allAre(window.strides, 1)) {
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(stored));
    image = tensor::InsertSliceOp::create(b, image, context.filled(spread, zero), offsets,
                                          context.sizes(in), steps);
  }
  int64_t outPerGroup = (*filter)[1], perGroup = (*filter)[0] / groups;
  Value init = context.empty(imageDims(context, result), stored);
  Epilogue epilogue = biasEpilogue(context, op.getB(), 4);
  if (groups > 1 && outPerGroup == 1 && perGroup == 1 && fitsDepthwise(inner)) {
    Value taps = context.weight(*mirrored, {groups, kh, kw}, {1, 2, 0});
    setImage(context, result, convolveDepthwise(context, image, taps, init, inner, epilogue));
    return success();
  }
  int64_t bundle = bundleOf(groups, outPerGroup, kh * kw);
  Value packed = bundledFilter(context, *mirrored, {groups, outPerGroup, perGroup, kh, kw}, bundle);
  if (!packed)
    return context.unsupported(op, "its filter cannot be read");
  setImage(context, result,
           convolve(context, image, packed, init, inner, groups, bundle, epilogue));
  return success();
}

void secateur::lowering::attachConvolutionModels(MLIRContext *context) {
  attachLowering<nn::ConvOp, lowerConv>(context);
  attachLowering<nn::ConvTransposeOp, lowerConvTranspose>(context);
}
