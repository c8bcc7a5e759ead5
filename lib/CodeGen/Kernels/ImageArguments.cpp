//===- ImageArguments.cpp - What kernels on images are given ----------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "ImageArguments.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

ImageArguments::ImageArguments(const EpilogueForm &epilogue, size_t own) {
  size_t count = epilogue.operands.size();
  extras.resize(count);
  extraChannel.resize(count);
  extraStrides.assign(count, SmallVector<Value>(3));
  xStrides.resize(3);
  yStrides.resize(3);
  this->own.resize(own);
}

ImageArguments::ImageArguments(const EpilogueForm &epilogue, size_t own, ValueRange values)
    : ImageArguments(epilogue, own) {
  size_t next = 0;
  forEach([&](Value &value) { value = values[next++]; });
}

void ImageArguments::forEach(function_ref<void(Value &)> visit) {
  auto all = [&](SmallVector<Value> &list) {
    for (Value &value : list)
      visit(value);
  };
  for (Value *value : {&x, &w, &y})
    visit(*value);
  all(extras);
  for (Value *value : {&images, &height, &width, &outHeight, &outWidth, &padTop, &padLeft})
    visit(*value);
  all(xStrides);
  all(yStrides);
  for (SmallVector<Value> &list : extraStrides)
    all(list);
  all(extraChannel);
  all(own);
}

SmallVector<Value> ImageArguments::list() {
  SmallVector<Value> values;
  forEach([&](Value &value) { values.push_back(value); });
  return values;
}

void ImageArguments::fill(KernelBuilder &k, const EpilogueForm &epilogue, Value input, Value filter,
                          Value output, ArrayRef<int64_t> pads) {
  BufferView in = viewOf(k, input), out = viewOf(k, output);
  x = in.pointer, w = viewOf(k, filter).pointer, y = out.pointer;
  images = out.sizes[0];
  height = in.sizes[1], width = in.sizes[2];
  outHeight = out.sizes[1], outWidth = out.sizes[2];
  padTop = k.constant(pads[0]), padLeft = k.constant(pads[1]);
  xStrides.assign(in.strides.begin(), in.strides.begin() + 3);
  yStrides.assign(out.strides.begin(), out.strides.begin() + 3);
  for (auto [e, operand] : llvm::enumerate(epilogue.operands)) {
    BufferView view = viewOf(k, operand.memref);
    extras[e] = view.pointer;
    extraStrides[e] = stridesAlong(k, operand, view, {0, 1, 2});
    extraChannel[e] = stridesAlong(k, operand, view, {3})[0];
  }
}

void ImageArguments::moveToImage(KernelBuilder &k, const EpilogueForm &epilogue, Value image) {
  x = k.offset(x, k.mul(image, xStrides[0]), k.f32());
  y = k.offset(y, k.mul(image, yStrides[0]), epilogue.stored);
  for (auto [e, operand] : llvm::enumerate(epilogue.operands))
    extras[e] = k.offset(extras[e], k.mul(image, extraStrides[e][0]), operand.element);
}

Value ImageArguments::atChannel(KernelBuilder &k, const EpilogueForm &epilogue, size_t e,
                                Value pointer, Value channel) {
  const EpilogueOperand &operand = epilogue.operands[e];
  if (operand.columns == ColumnAccess::None)
    return pointer;
  return k.offset(pointer, k.mul(channel, extraChannel[e]), operand.element);
}

static TargetFacts narrowedFor(TargetFacts facts, int64_t left) {
  if (facts.vectorBits == 512 && left <= facts.lanes() / 2)
    facts.vectorBits = 256;
  return facts;
}

ChannelVector::ChannelVector(KernelBuilder &whole, int64_t left)
    : facts(narrowedFor(whole.target, left)), k(whole.builder, whole.loc, facts, whole.entry) {
  if (left != facts.lanes())
    mask = k.maskBelow(k.constant(left));
}

Value ChannelVector::load(Value pointer) {
  VectorType type = k.vectorOf(k.f32());
  return mask ? k.loadMasked(type, pointer, mask) : k.load(type, pointer);
}

void ChannelVector::store(Value value, Value pointer) {
  if (mask)
    k.storeMasked(value, pointer, mask);
  else
    k.store(value, pointer);
}
