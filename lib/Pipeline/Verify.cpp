//===- Verify.cpp - Two libraries on the same random input ------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Pipeline/Verify.h"

#include "secateur.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

#include <cmath>
#include <cstring>
#include <dlfcn.h>
#include <random>

using namespace llvm;
using namespace secateur;

namespace {

Error makeError(const Twine &message) { return createStringError(message.str()); }

/// A loaded library and one context of it.
class Library {
public:
  Library() = default;
  Library(const Library &) = delete;
  ~Library() {
    if (context)
      api->destroy(context);
    if (handle)
      dlclose(handle);
  }

  Error load(StringRef path) {
    SmallString<128> absolute(path);
    sys::path::remove_dots(absolute);
    if (!StringRef(absolute).contains('/'))
      absolute.insert(absolute.begin(), {'.', '/'});
    handle = dlopen(absolute.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      return makeError(Twine("cannot load the emitted library: ") + dlerror());
    auto get = reinterpret_cast<const SecateurApi *(*)()>(dlsym(handle, "secateur_api"));
    if (!get)
      return makeError("the emitted library has no secateur_api");
    api = get();
    SecateurStatus status = api->create(nullptr, &context);
    if (status != SECATEUR_OK)
      return makeError(Twine("cannot start the emitted library: ") + api->lastError(context));
    return Error::success();
  }

  Error check(SecateurStatus status) const {
    return status == SECATEUR_OK ? Error::success() : makeError(api->lastError(context));
  }

  const SecateurApi *api = nullptr;
  SecateurContext *context = nullptr;

private:
  void *handle = nullptr;
};

/// A tensor and the memory that it lies in.
struct Buffer {
  SecateurTensor tensor = {};
  std::vector<char> bytes;
  std::string name;
};

int64_t elementsOf(const SecateurTensor &tensor) {
  int64_t count = 1;
  for (int32_t axis = 0; axis < tensor.rank; ++axis)
    count *= tensor.dims[axis];
  return count;
}

const fltSemantics &halfSemantics(int32_t dtype) {
  return dtype == SECATEUR_F16 ? APFloat::IEEEhalf() : APFloat::BFloat();
}

void storeFloat(int32_t dtype, double number, char *target) {
  if (dtype == SECATEUR_F64) {
    std::memcpy(target, &number, 8);
  } else if (dtype == SECATEUR_F32) {
    auto value = static_cast<float>(number);
    std::memcpy(target, &value, 4);
  } else {
    APFloat value(number);
    bool lost;
    value.convert(halfSemantics(dtype), APFloat::rmNearestTiesToEven, &lost);
    auto bits = static_cast<uint16_t>(value.bitcastToAPInt().getZExtValue());
    std::memcpy(target, &bits, 2);
  }
}

template <typename T>
double readAs(const char *bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return static_cast<double>(value);
}

double loadNumber(int32_t dtype, const char *source) {
  switch (dtype) {
  case SECATEUR_F32:
    return readAs<float>(source);
  case SECATEUR_F64:
    return readAs<double>(source);
  case SECATEUR_I64:
  case SECATEUR_U64:
    return readAs<int64_t>(source);
  case SECATEUR_I32:
    return readAs<int32_t>(source);
  case SECATEUR_U32:
    return readAs<uint32_t>(source);
  case SECATEUR_I16:
    return readAs<int16_t>(source);
  case SECATEUR_U16:
    return readAs<uint16_t>(source);
  case SECATEUR_I8:
    return readAs<int8_t>(source);
  case SECATEUR_F16:
  case SECATEUR_BF16: {
    uint16_t bits;
    std::memcpy(&bits, source, 2);
    return APFloat(halfSemantics(dtype), APInt(16, bits)).convertToDouble();
  }
  default: // bool, u8
    return readAs<uint8_t>(source);
  }
}

bool isFloat(int32_t dtype) {
  return dtype == SECATEUR_F32 || dtype == SECATEUR_F64 || dtype == SECATEUR_F16 ||
         dtype == SECATEUR_BF16;
}

/// Random values for each input, at the shapes asked for.
Expected<std::vector<Buffer>> makeInputs(Library &library, const pruning::NominalShapes &shapes,
                                         unsigned seed) {
  std::mt19937_64 engine(seed + 1);
  std::normal_distribution<double> normal;
  std::vector<Buffer> inputs(library.api->inputCount(library.context));
  for (auto [index, input] : enumerate(inputs)) {
    SecateurValueInfo info = {};
    if (Error error = library.check(library.api->inputInfo(library.context, index, &info)))
      return error;
    input.name = info.name;
    input.tensor.name = input.name.c_str();
    input.tensor.dtype = info.dtype;
    input.tensor.rank = info.rank;
    auto given = find_if(shapes, [&](const auto &entry) { return entry.first == info.name; });
    if (given != shapes.end() && static_cast<int32_t>(given->second.size()) != info.rank)
      return makeError(Twine("input '") + info.name + "' has rank " + Twine(info.rank));
    for (int32_t axis = 0; axis < info.rank; ++axis) {
      int64_t free = given != shapes.end() ? given->second[axis] : -1;
      free = free > 0 ? free : (axis == 0 ? 1 : 224);
      input.tensor.dims[axis] = info.dims[axis] == SECATEUR_DYNAMIC ? free : info.dims[axis];
    }
    size_t width = library.api->dtypeSize(info.dtype);
    int64_t count = elementsOf(input.tensor);
    input.bytes.assign(count * width, 0);
    bool mask = info.dtype == SECATEUR_BOOL || StringRef(info.name).contains("mask");
    for (int64_t i = 0; i < count; ++i) {
      char *target = input.bytes.data() + i * width;
      if (isFloat(info.dtype))
        storeFloat(info.dtype, normal(engine), target);
      else
        *target = mask ? 1 : static_cast<char>(engine() & 1); // little endian
    }
    input.tensor.data = input.bytes.data();
    input.tensor.bytes = input.bytes.size();
  }
  return inputs;
}

/// Calls `visit(position on `axis`, offset in bytes)` for each element.
void forEachElement(const Buffer &buffer, int64_t axis, size_t width,
                    llvm::function_ref<void(int64_t, size_t)> visit) {
  int64_t inner = 1;
  for (int32_t i = axis + 1; i < buffer.tensor.rank; ++i)
    inner *= buffer.tensor.dims[i];
  for (int64_t i = 0, e = elementsOf(buffer.tensor); i < e; ++i)
    visit(i / inner % buffer.tensor.dims[axis], i * width);
}

/// Sets what `cut` names to zero.
void zeroPositions(Buffer &buffer, const pruning::PlanInterface &cut, size_t width) {
  forEachElement(buffer, cut.axis, width, [&](int64_t position, size_t offset) {
    if (llvm::is_contained(cut.indices, position))
      std::memset(buffer.bytes.data() + offset, 0, width);
  });
  buffer.tensor.data = buffer.bytes.data();
}

/// Leaves out what `cut` names.
void erasePositions(Buffer &buffer, const pruning::PlanInterface &cut, size_t width) {
  std::vector<char> kept;
  forEachElement(buffer, cut.axis, width, [&](int64_t position, size_t offset) {
    if (!llvm::is_contained(cut.indices, position))
      kept.insert(kept.end(), buffer.bytes.data() + offset, buffer.bytes.data() + offset + width);
  });
  buffer.bytes = std::move(kept);
  buffer.tensor.dims[cut.axis] -= cut.indices.size();
  buffer.tensor.data = buffer.bytes.data();
  buffer.tensor.bytes = buffer.bytes.size();
}

/// Runs `library`; inputs are given by position.
Expected<std::vector<Buffer>> run(Library &library, ArrayRef<Buffer> inputs) {
  std::vector<SecateurTensor> tensors;
  for (const Buffer &input : inputs) {
    tensors.push_back(input.tensor);
    tensors.back().name = nullptr;
  }
  const SecateurApi *api = library.api;
  SecateurContext *context = library.context;
  if (Error error = library.check(api->prepare(context, tensors.data(), tensors.size())))
    return error;
  std::vector<Buffer> outputs(api->outputCount(context));
  std::vector<SecateurTensor> given;
  std::vector<bool> fetched;
  for (auto [index, output] : enumerate(outputs)) {
    SecateurValueInfo info = {};
    if (Error error = library.check(api->outputInfo(context, index, &info)))
      return error;
    output.name = info.name;
    output.tensor.dtype = info.dtype;
    output.tensor.name = output.name.c_str();
    fetched.push_back(info.flags & SECATEUR_DATA_DEPENDENT);
    if (fetched.back()) { // without memory: asked for after the run
      given.push_back(output.tensor);
      continue;
    }
    size_t bytes = 0;
    if (Error error = library.check(api->outputBytes(context, index, &bytes)))
      return error;
    if (Error error = library.check(
            api->outputShape(context, index, &output.tensor.rank, output.tensor.dims)))
      return error;
    output.bytes.resize(bytes);
    output.tensor.data = output.bytes.data();
    output.tensor.bytes = bytes;
    given.push_back(output.tensor);
  }
  if (Error error = library.check(
          api->run(context, tensors.data(), tensors.size(), given.data(), given.size())))
    return error;
  for (auto [index, output] : enumerate(outputs)) {
    if (!fetched[index])
      continue;
    SecateurTensor value = {};
    if (Error error = library.check(api->outputData(context, index, &value)))
      return error;
    size_t bytes = elementsOf(value) * api->dtypeSize(value.dtype);
    const char *data = static_cast<const char *>(value.data);
    output.bytes.assign(data, data + bytes);
    output.tensor = value;
    output.tensor.data = output.bytes.data();
  }
  return outputs;
}

/// Raises `difference` to what these two values of an output are apart.
void compare(const Library &library, const Buffer &left, const Buffer &right,
             OutputDifference &difference) {
  bool sameShape =
      left.tensor.rank == right.tensor.rank && left.tensor.dtype == right.tensor.dtype &&
      std::equal(left.tensor.dims, left.tensor.dims + left.tensor.rank, right.tensor.dims);
  if (!sameShape) {
    difference.relative = INFINITY;
    return;
  }
  size_t width = library.api->dtypeSize(left.tensor.dtype);
  double apart = 0, largest = 0;
  for (int64_t i = 0, e = elementsOf(left.tensor); i < e; ++i) {
    double a = loadNumber(left.tensor.dtype, left.bytes.data() + i * width);
    double b = loadNumber(right.tensor.dtype, right.bytes.data() + i * width);
    if (!std::isfinite(a) || !std::isfinite(b)) {
      difference.relative = INFINITY;
      return;
    }
    apart = std::max(apart, std::fabs(a - b));
    largest = std::max(largest, std::fabs(a));
  }
  difference.relative = std::max(difference.relative, apart / (largest + 1e-12));
  difference.magnitude = std::max(difference.magnitude, largest);
}

} // namespace

Expected<std::vector<OutputDifference>>
secateur::compareLibraries(StringRef first, StringRef second, const pruning::NominalShapes &shapes,
                           ArrayRef<pruning::PlanInterface> interface, unsigned seeds) {
  Library left, right;
  if (Error error = left.load(first))
    return error;
  if (Error error = right.load(second))
    return error;
  std::vector<OutputDifference> differences;
  for (unsigned seed = 0; seed < seeds; ++seed) {
    Expected<std::vector<Buffer>> inputs = makeInputs(left, shapes, seed);
    if (!inputs)
      return inputs.takeError();
    auto forEachCut = [&](std::vector<Buffer> &buffers, auto apply) {
      for (Buffer &buffer : buffers)
        for (const pruning::PlanInterface &cut : interface)
          if (cut.value == buffer.name && cut.axis < buffer.tensor.rank)
            apply(buffer, cut, left.api->dtypeSize(buffer.tensor.dtype));
    };
    forEachCut(*inputs, zeroPositions);
    Expected<std::vector<Buffer>> expected = run(left, *inputs);
    if (!expected)
      return expected.takeError();
    forEachCut(*inputs, erasePositions);
    forEachCut(*expected, erasePositions);
    Expected<std::vector<Buffer>> found = run(right, *inputs);
    if (!found)
      return found.takeError();
    if (expected->size() != found->size())
      return makeError("the two libraries have different outputs");
    differences.resize(expected->size());
    for (size_t i = 0; i < expected->size(); ++i) {
      differences[i].name = (*expected)[i].name;
      compare(left, (*expected)[i], (*found)[i], differences[i]);
    }
  }
  return differences;
}
