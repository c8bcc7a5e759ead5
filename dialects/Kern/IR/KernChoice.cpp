//===- KernChoice.cpp - Which kernel, and with which tile -------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// #kern.choice<KERNEL RxC (task N)? (copied)? (by_row)?>

#include "dialects/Kern/IR/KernOps.h"

#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace secateur::kern;

Attribute ChoiceAttr::parse(AsmParser &parser, Type) {
  FailureOr<KernelKind> kernel = failure();
  SmallVector<int64_t> tile;
  int64_t task = 0;
  if (parser.parseLess() || failed(kernel = FieldParser<KernelKind>::parse(parser)) ||
      parser.parseDimensionList(tile, /*allowDynamic=*/false, /*withTrailingX=*/false))
    return {};
  if (succeeded(parser.parseOptionalKeyword("task")) && parser.parseInteger(task))
    return {};
  bool copied = succeeded(parser.parseOptionalKeyword("copied"));
  bool byRow = succeeded(parser.parseOptionalKeyword("by_row"));
  if (parser.parseGreater())
    return {};
  return parser.getChecked<ChoiceAttr>(parser.getContext(), *kernel, tile, task, copied, byRow);
}

void ChoiceAttr::print(AsmPrinter &printer) const {
  printer << '<' << stringifyKernelKind(getKernel()) << ' ';
  llvm::interleave(getTile(), printer.getStream(), "x");
  if (getTask())
    printer << " task " << getTask();
  if (getCopied())
    printer << " copied";
  if (getByRow())
    printer << " by_row";
  printer << '>';
}

LogicalResult ChoiceAttr::verify(function_ref<InFlightDiagnostic()> emitError, KernelKind kernel,
                                 ArrayRef<int64_t> tile, int64_t task, bool copied, bool byRow) {
  bool isWinograd = kernel == KernelKind::Winograd;
  if (tile.size() != (isWinograd ? 1 : 2) || llvm::any_of(tile, [](int64_t n) { return n < 1; }))
    return emitError() << "expected a tile of " << (isWinograd ? "one extent" : "two extents")
                       << " for " << stringifyKernelKind(kernel);
  if (isWinograd && tile[0] != 2 && tile[0] != 4)
    return emitError() << "expected a tile of 2 or 4 for winograd, got " << tile[0];
  if ((kernel == KernelKind::Matrix) != (task > 0))
    return emitError() << "expected a positive task for matrix, and none for others";
  if (kernel != KernelKind::Grouped && (copied || byRow))
    return emitError() << "expected 'copied' and 'by_row' for grouped only";
  return success();
}

LogicalResult secateur::kern::verifyChoice(Operation *op, ChoiceAttr choice,
                                           ArrayRef<KernelKind> kernels) {
  if (!choice || llvm::is_contained(kernels, choice.getKernel()))
    return success();
  return op->emitOpError("has no kernel '") << stringifyKernelKind(choice.getKernel()) << "'";
}
