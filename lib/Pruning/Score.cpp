//===- Score.cpp - How much each unit matters -------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Pruning/Score.h"

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Analysis/Constants.h"
#include "secateur/Pruning/Extents.h"
#include "secateur/Pruning/Passes.h"
#include "secateur/Support/TensorBytes.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <cstring>

namespace secateur::pruning {
#define GEN_PASS_DEF_PRUNESCORE
#include "secateur/Pruning/Passes.h.inc"
} // namespace secateur::pruning

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

//===----------------------------------------------------------------------===//
// Reading weights
//===----------------------------------------------------------------------===//

template <typename T>
static double readAs(const char *bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return double(value);
}

using Reader = double (*)(const char *);

template <unsigned kind>
static double readHalf(const char *bytes) {
  uint16_t bits;
  std::memcpy(&bits, bytes, sizeof(bits));
  const llvm::fltSemantics &semantics = kind ? llvm::APFloat::BFloat() : llvm::APFloat::IEEEhalf();
  return llvm::APFloat(semantics, llvm::APInt(16, bits)).convertToDouble();
}

/// How to read one element; null for types without one.
static Reader readerOf(Type type) {
  if (type.isF32())
    return readAs<float>;
  if (type.isF64())
    return readAs<double>;
  if (type.isF16())
    return readHalf<0>;
  if (type.isBF16())
    return readHalf<1>;
  if (type.isUnsignedInteger(8) || type.isInteger(1))
    return readAs<uint8_t>;
  if (type.isInteger(8))
    return readAs<int8_t>;
  if (type.isInteger(32))
    return readAs<int32_t>;
  if (type.isInteger(64))
    return readAs<int64_t>;
  return nullptr;
}

namespace {
/// A stored tensor's elements, in place.
struct Weights {
  ArrayRef<int64_t> shape;
  analysis::ConstantBytes data;
  Reader reader = nullptr;
  int64_t width = 0;
  /// What counts as zero.
  double zero = 0;

  double square(int64_t position) const {
    double value = reader(data.bytes.data() + (data.splat ? 0 : position * width)) - zero;
    return value * value;
  }
};
} // namespace

static FailureOr<Weights> openWeights(Value weight, int64_t zero) {
  ElementsAttr value = analysis::getConstant(weight);
  auto type = dyn_cast<RankedTensorType>(weight.getType());
  std::optional<analysis::ConstantBytes> data;
  if (value) {
    data = analysis::getConstantBytes(value);
  } else if (auto filled = weight.getDefiningOp<nn::ConstantOfShapeOp>()) {
    // One element for all; 0 where there is none.
    static const char zeros[8] = {};
    data = analysis::ConstantBytes{ArrayRef<char>(zeros), true};
    if (filled.getValue()) {
      data = analysis::getConstantBytes(*filled.getValue());
      if (data)
        data->splat = true;
    }
  }
  Reader reader = type ? readerOf(type.getElementType()) : nullptr;
  if (!data || !reader || !type.hasStaticShape())
    return emitError(weight.getLoc()) << "tensor '" << valueName(weight) << "' of type "
                                      << weight.getType() << " cannot be read for scoring";
  return Weights{type.getShape(), *data, reader, getElementBytes(type.getElementType()),
                 static_cast<double>(zero)};
}

static LogicalResult checkFinite(Value weight, double sum) {
  if (std::isfinite(sum))
    return success();
  return emitError(weight.getLoc())
         << "tensor '" << valueName(weight)
         << "' holds a NaN or an infinity, so that its units cannot be scored; repair the "
            "model, or exclude the tensor with --keep";
}

FailureOr<ArrayRef<double>> WeightEnergy::alongAxis(Value weight, int64_t axis, int64_t zero) {
  auto [entry, isNew] = sums.try_emplace({weight, axis});
  if (!isNew)
    return ArrayRef<double>(entry->second);
  FailureOr<Weights> weights = openWeights(weight, zero);
  if (failed(weights))
    return failure();
  ArrayRef<int64_t> shape = weights->shape;
  int64_t extent = shape[axis], outer = 1, inner = 1;
  for (int64_t before : shape.take_front(axis))
    outer *= before;
  for (int64_t after : shape.drop_front(axis + 1))
    inner *= after;
  std::vector<double> result(extent, 0.0);
  int64_t position = 0;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t index = 0; index < extent; ++index) {
      double sum = 0;
      for (int64_t i = 0; i < inner; ++i)
        sum += weights->square(position++);
      result[index] += sum;
    }
  for (double sum : result)
    if (failed(checkFinite(weight, sum)))
      return failure();
  sums[{weight, axis}] = std::move(result);
  return ArrayRef<double>(sums[{weight, axis}]);
}

FailureOr<double> WeightEnergy::ofBox(Value weight, const Slab &slab, int64_t zero) {
  FailureOr<Weights> weights = openWeights(weight, zero);
  if (failed(weights))
    return failure();
  SmallVector<SmallVector<int64_t>> positions;
  for (auto [axis, extent] : llvm::enumerate(weights->shape)) {
    auto named =
        llvm::find_if(slab.axes, [&](const auto &entry) { return entry.first == int64_t(axis); });
    if (named != slab.axes.end()) {
      positions.push_back(named->second);
      continue;
    }
    positions.emplace_back();
    for (int64_t index = 0; index < extent; ++index)
      positions.back().push_back(index);
  }
  double sum = 0;
  std::function<void(size_t, int64_t)> visit = [&](size_t axis, int64_t offset) {
    if (axis == positions.size()) {
      sum += weights->square(offset);
      return;
    }
    for (int64_t index : positions[axis])
      visit(axis + 1, offset * weights->shape[axis] + index);
  };
  visit(0, 0);
  if (failed(checkFinite(weight, sum)))
    return failure();
  return sum;
}

FailureOr<double> WeightEnergy::get(Value weight, const Slab &slab, int64_t zero) {
  if (slab.axes.size() != 1)
    return ofBox(weight, slab, zero);
  FailureOr<ArrayRef<double>> sums = alongAxis(weight, slab.axes.front().first, zero);
  if (failed(sums))
    return failure();
  double sum = 0;
  for (int64_t index : slab.axes.front().second)
    sum += (*sums)[index];
  return sum;
}

//===----------------------------------------------------------------------===//
// Criteria
//===----------------------------------------------------------------------===//

namespace {
class MagnitudeCriterion : public Criterion {
public:
  StringRef getName() const override { return "magnitude"; }

  LogicalResult score(const Group &group, MutableArrayRef<double> scores) override {
    for (auto [member, value] : llvm::enumerate(group.members)) {
      // What is not zeroed in the proof (a variance) says nothing of magnitude.
      if (!isStoredTensor(value) || group.layouts[member].keepsValue)
        continue;
      for (auto [unit, score] : llvm::enumerate(scores))
        for (const Slab &slab : group.slabs(unit, member)) {
          FailureOr<double> sum = energy.get(value, slab, group.layouts[member].fill);
          if (failed(sum))
            return failure();
          score += *sum;
        }
    }
    for (double &score : scores)
      score = std::sqrt(score);
    return success();
  }

private:
  WeightEnergy energy;
};
} // namespace

std::unique_ptr<Criterion> pruning::createMagnitudeCriterion() {
  return std::make_unique<MagnitudeCriterion>();
}

std::unique_ptr<Criterion> pruning::createCriterion(StringRef name) {
  if (name == "magnitude")
    return createMagnitudeCriterion();
  return nullptr;
}

LogicalResult pruning::scoreGroups(func::FuncOp func, Criterion &criterion) {
  for (const Group &group : collectGroups(func)) {
    std::vector<double> scores(group.units, 0.0);
    if (failed(criterion.score(group, scores)))
      return failure();
    Operation *op = group.op;
    op->setAttr(kScoresAttr, DenseF64ArrayAttr::get(func.getContext(), scores));
  }
  return success();
}

ArrayRef<double> pruning::getScores(prune::GroupOp group) {
  auto scores = group->getAttrOfType<DenseF64ArrayAttr>(kScoresAttr);
  return scores && int64_t(scores.size()) == int64_t(group.getUnits()) ? scores.asArrayRef()
                                                                       : ArrayRef<double>();
}

namespace {
struct PruneScore : pruning::impl::PruneScoreBase<PruneScore> {
  using Base::Base;
  void runOnOperation() override {
    std::unique_ptr<Criterion> chosen = createCriterion(criterion);
    if (!chosen) {
      getOperation().emitError("there is no criterion named '")
          << criterion << "'; known: magnitude";
      return signalPassFailure();
    }
    if (failed(scoreGroups(getOperation(), *chosen)))
      signalPassFailure();
  }
};
} // namespace
