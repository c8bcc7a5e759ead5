//===- Choices.cpp - What there is to choose for a product ------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Candidates are few, because each is compiled and measured: kernels and tiles that
// have been the fastest of some shape, and for the rest one change of the model's choice.
//===----------------------------------------------------------------------===//

#include "Choices.h"

#include "MatrixKernel.h"
#include "secateur/CodeGen/Kernels/Tunable.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;
using kern::ChoiceAttr;
using kern::KernelKind;

#include "secateur/CodeGen/Kernels/TunableInterface.cpp.inc"

/// Vector registers beside the sums of a matrix tile; rows of a tile; panels of one.
static constexpr int64_t otherRegisters = 4, mostRows = 16, mostPanels = 8;
/// Bytes of inputs that the grouped kernel may copy to the stack.
static constexpr int64_t mostCopiedBytes = 256 << 10;

ChoiceAttr secateur::codegen::usualMatrix(MLIRContext *context, const ProductExtents &extents,
                                          const TargetFacts &target) {
  MatrixForm form;
  form.isShallow = extents.isShallow;
  form.choose(nullptr, extents, target);
  int64_t panels = ColumnPlan::get(extents.columns, form.tilePanels(target)).panels;
  panels = panels ? panels : form.tilePanels(target);
  int64_t rows = form.tileRows(target, panels * (kern::panelWidth / target.lanes()));
  return ChoiceAttr::get(context, KernelKind::Matrix, {rows, panels}, form.taskRows());
}

/// Tiles of the matrix kernel, the model's first.
static SmallVector<ChoiceAttr> matrixCandidates(MLIRContext *context, const ProductExtents &extents,
                                                const TargetFacts &target) {
  ChoiceAttr usual = usualMatrix(context, extents, target);
  llvm::SetVector<ChoiceAttr> found;
  found.insert(usual);
  int64_t perPanel = kern::panelWidth / target.lanes(), task = usual.getTask();
  int64_t rows = extents.rows, columns = extents.columns;
  auto add = [&](int64_t tileRows, int64_t panels, int64_t taskRows) {
    if (tileRows > 0 && (rows <= 0 || tileRows < rows + 4))
      found.insert(ChoiceAttr::get(context, KernelKind::Matrix, {tileRows, panels}, taskRows));
  };
  int64_t sums = target.tileRows() * target.tilePanels() * perPanel;
  for (int64_t panels = rows > 0 && rows < 4 ? mostPanels : 4; panels >= 1; --panels) {
    // Panels that blocks of nearly equal size have anyway.
    if (ColumnPlan::get(columns, panels).panels < panels && columns > 0)
      continue;
    int64_t tileRows = sums / (panels * perPanel);
    if (rows > 0 && rows < 4)
      tileRows = std::min(tileRows, rows);
    add(std::min<int64_t>(tileRows, 12), panels, task);
  }
  // Rows that leave no rest; more sums than the usual tile has, where all fit registers.
  int64_t panels = usual.getTile()[1];
  for (int64_t tileRows = (target.vectorRegisters - otherRegisters) / (panels * perPanel);
       tileRows > 1; --tileRows)
    if (rows > 0 && tileRows <= mostRows && rows % tileRows == 0) {
      add(tileRows, panels, task);
      break;
    }
  // Where it makes a difference to the number of tasks.
  for (int64_t taskRows : {task / 2, task * 2})
    if (rows <= 0 || rows > std::min(taskRows, task))
      add(usual.getTile()[0], panels, taskRows);
  return found.takeVector();
}

static LogicalResult checkMatrix(Operation *op, ChoiceAttr choice, const TargetFacts &target) {
  int64_t rows = choice.getTile()[0], panels = choice.getTile()[1];
  int64_t sums = rows * panels * (kern::panelWidth / target.lanes()),
          most = target.vectorRegisters - otherRegisters;
  if (sums > most || rows > mostRows)
    return op->emitError("a tile of ")
           << rows << "x" << panels << " does not fit the registers of " << target.name
           << ": it has " << sums << " vectors of sums and " << rows << " rows, where " << most
           << " and " << mostRows << " are the most";
  return success();
}

/// Checks a tile of output pixels with that many vectors of sums at a time.
static LogicalResult checkPixels(Operation *op, ChoiceAttr choice, int64_t sums,
                                 const TargetFacts &target) {
  int64_t rows = choice.getTile()[0], columns = choice.getTile()[1];
  if (rows > 2)
    return op->emitError("a tile of ") << rows << "x" << columns << " has more than two rows";
  if (sums + 3 > target.vectorRegisters || columns > mostRows)
    return op->emitError("a tile of ")
           << rows << "x" << columns << " does not fit the registers of " << target.name
           << ": it has " << sums << " vectors of sums";
  return success();
}

/// Multiplies an extent, which is -1 as soon as one is not known.
static void multiply(int64_t &product, int64_t extent) {
  product = ShapedType::isDynamic(extent) || product < 0 ? -1 : product * extent;
}

ProductExtents secateur::codegen::extentsOf(kern::ConvOp op) {
  auto shape = cast<ShapedType>(op.getInit().getType()).getShape();
  auto filter = cast<ShapedType>(op.getFilter().getType());
  int64_t rows = 1, channels = filter.getDimSize(4);
  for (int64_t extent : shape.drop_back())
    multiply(rows, extent);
  return {rows, shape.back() / static_cast<int64_t>(op.getGroups()),
          filter.getDimSize(2) * filter.getDimSize(3) * channels,
          channels * op.getStrides()[0] * op.getStrides()[1], isShallowWindow(filter)};
}

static bool holdsF32(Value value) { return getElementTypeOrSelf(value).isF32(); }

/// Whether inputs and sums are of the type that kernels have.
static bool hasKernelTypes(kern::EpilogueOpInterface op) {
  return holdsF32(op->getOperand(0)) && holdsF32(op->getOperand(1)) &&
         op.getAccumulatorType().isF32();
}

namespace {

/// What all models share.
template <typename Model, typename OpTy>
struct TunableModel : TunableOpInterface::ExternalModel<Model, OpTy> {
  void choose(Operation *op, ChoiceAttr choice) const { cast<OpTy>(op).setChoiceAttr(choice); }
  ChoiceAttr getChosen(Operation *op) const { return cast<OpTy>(op).getChoiceAttr(); }
};

struct ContractModel : TunableModel<ContractModel, kern::ContractOp> {
  SmallVector<ChoiceAttr> getCandidates(Operation *op, const TargetFacts &target, bool) const {
    auto contract = cast<kern::ContractOp>(op);
    if (!hasKernelTypes(contract))
      return {};
    AffineMap init = contract.getInitMap(), rhs = contract.getRhsMap();
    auto shape = cast<ShapedType>(contract.getInit().getType()).getShape();
    auto isIn = [](AffineMap map, AffineExpr expr) {
      return map.getResultPosition(expr).has_value();
    };
    AffineExpr last = init.getNumResults() ? init.getResults().back() : AffineExpr();
    bool hasColumns = last && isIn(rhs, last) && !isIn(contract.getLhsMap(), last);
    // Others are scalar loops.
    if (!hasColumns || (!contract.getPacked() && rhs.getResults().back() != last))
      return {};
    ProductExtents extents{1, shape.back(), 1, 1};
    for (auto [extent, expr] : llvm::zip(shape.drop_back(), init.getResults().drop_back()))
      if (!isIn(rhs, expr))
        multiply(extents.rows, extent);
    auto lhs = cast<ShapedType>(contract.getLhs().getType()).getShape();
    for (auto [extent, expr] : llvm::zip(lhs, contract.getLhsMap().getResults()))
      if (!isIn(init, expr))
        multiply(extents.depth, extent);
    extents.inputs = extents.depth;
    return matrixCandidates(op->getContext(), extents, target);
  }

  LogicalResult checkChoice(Operation *op, const TargetFacts &target) const {
    ChoiceAttr choice = getChosen(op);
    return choice ? checkMatrix(op, choice, target) : success();
  }
};

struct ConvModel : TunableModel<ConvModel, kern::ConvOp> {
  static SmallVector<ChoiceAttr> matrix(kern::ConvOp conv, const TargetFacts &target) {
    return matrixCandidates(conv.getContext(), extentsOf(conv), target);
  }

  /// One change of the usual choice each.
  static SmallVector<ChoiceAttr> grouped(kern::ConvOp conv, const TargetFacts &target) {
    ChoiceAttr usual = usualGrouped(conv, target);
    SmallVector<ChoiceAttr> found{usual};
    auto add = [&](int64_t rows, int64_t columns, bool copied, bool byRow) {
      auto choice = ChoiceAttr::get(conv.getContext(), KernelKind::Grouped, {rows, columns},
                                    /*task=*/0, copied, byRow);
      if (fits(conv, choice, target))
        found.push_back(choice);
    };
    int64_t rows = usual.getTile()[0], columns = usual.getTile()[1];
    bool copied = usual.getCopied(), byRow = usual.getByRow();
    add(3 - rows, columns, copied, byRow);
    add(rows, columns, !copied, byRow);
    add(rows, columns, copied, !byRow);
    return found;
  }

  SmallVector<ChoiceAttr> getCandidates(Operation *op, const TargetFacts &target,
                                        bool fastMath) const {
    auto conv = cast<kern::ConvOp>(op);
    if (!hasKernelTypes(conv))
      return {};
    SmallVector<ChoiceAttr> found;
    bool isGrouped = isUsuallyGrouped(conv);
    if (isGrouped)
      found = grouped(conv, target);
    if (conv.getBundle() == 1)
      found.append(matrix(conv, target));
    if (!isGrouped && hasGroupedKernel(conv))
      found.append(grouped(conv, target));
    if (!fastMath || !hasWinograd(conv))
      return found;
    int64_t usual = usualWinogradTile(conv);
    for (int64_t tile : {2, 4}) {
      auto choice = ChoiceAttr::get(op->getContext(), KernelKind::Winograd, {tile});
      found.insert(tile == usual ? found.begin() : found.end(), choice);
    }
    return found;
  }

  static bool copiesFit(kern::ConvOp conv, ChoiceAttr choice) {
    auto filter = cast<ShapedType>(conv.getFilter().getType());
    auto along = [&](int axis) {
      return (choice.getTile()[axis] - 1) * conv.getStrides()[axis] +
             (filter.getDimSize(2 + axis) - 1) * conv.getDilations()[axis] + 1;
    };
    int64_t channels = llvm::alignTo(conv.getBundle() * filter.getDimSize(4), kern::panelWidth);
    return along(0) * along(1) * channels * 4 <= mostCopiedBytes;
  }

  static bool fits(kern::ConvOp conv, ChoiceAttr choice, const TargetFacts &target) {
    int64_t sums = choice.getTile()[0] * choice.getTile()[1];
    return choice.getTile()[0] <= 2 && sums + 3 <= target.vectorRegisters &&
           (!choice.getCopied() || (copiesFit(conv, choice) && target.vectorBits >= 256));
  }

  LogicalResult checkChoice(Operation *op, const TargetFacts &target) const {
    auto conv = cast<kern::ConvOp>(op);
    ChoiceAttr choice = getChosen(op);
    if (!choice)
      return success();
    switch (choice.getKernel()) {
    case KernelKind::Matrix:
      return checkMatrix(op, choice, target);
    case KernelKind::Winograd:
      return op->emitError("winograd is chosen on tensors: run kern-choose-winograd before");
    default:
      break;
    }
    if (!hasGroupedKernel(conv))
      return op->emitError("its window has too many taps for the grouped kernel");
    if (choice.getCopied() && target.vectorBits < 256)
      return op->emitError("the grouped kernel copies inputs with AVX only");
    if (choice.getCopied() && !copiesFit(conv, choice))
      return op->emitError("the inputs of a tile are too large to be copied to the stack");
    return checkPixels(op, choice, choice.getTile()[0] * choice.getTile()[1], target);
  }
};

struct DepthwiseModel : TunableModel<DepthwiseModel, kern::DepthwiseConvOp> {
  /// Vectors of sums of output columns that are not complete yet.
  static int64_t sumsOf(kern::DepthwiseConvOp conv, ChoiceAttr choice) {
    auto filter = cast<ShapedType>(conv.getFilter().getType());
    int64_t span = (filter.getDimSize(1) - 1) * conv.getDilations()[1] + 1;
    return choice.getTile()[0] *
           std::min<int64_t>(llvm::divideCeil(span, conv.getStrides()[1]), choice.getTile()[1]);
  }

  SmallVector<ChoiceAttr> getCandidates(Operation *op, const TargetFacts &target, bool) const {
    auto conv = cast<kern::DepthwiseConvOp>(op);
    if (!hasKernelTypes(conv))
      return {};
    ChoiceAttr usual = usualDepthwise(conv);
    int64_t rows = usual.getTile()[0], columns = usual.getTile()[1];
    llvm::SetVector<ChoiceAttr> found;
    auto add = [&](int64_t tileRows, int64_t tileColumns) {
      auto choice =
          ChoiceAttr::get(op->getContext(), KernelKind::Depthwise, {tileRows, tileColumns});
      if (sumsOf(conv, choice) + 3 <= target.vectorRegisters)
        found.insert(choice);
    };
    found.insert(usual);
    add(3 - rows, columns);
    add(rows, 4);
    // Tiles of equal width.
    int64_t width = cast<ShapedType>(conv.getInit().getType()).getDimSize(2);
    if (width > 0)
      add(rows, llvm::divideCeil(width, llvm::divideCeil(width, columns)));
    return found.takeVector();
  }

  LogicalResult checkChoice(Operation *op, const TargetFacts &target) const {
    ChoiceAttr choice = getChosen(op);
    if (!choice)
      return success();
    return checkPixels(op, choice, sumsOf(cast<kern::DepthwiseConvOp>(op), choice), target);
  }
};

} // namespace

void secateur::codegen::registerTunableModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, kern::KernDialect *) {
    kern::ContractOp::attachInterface<ContractModel>(*context);
    kern::ConvOp::attachInterface<ConvModel>(*context);
    kern::DepthwiseConvOp::attachInterface<DepthwiseModel>(*context);
  });
}
