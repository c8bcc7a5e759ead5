//===- Names.cpp - The names of nodes and values, kept as locations ---------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Support/Names.h"

#include "secateur/Support/Diagnostics.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Operation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace secateur;

Location secateur::getNodeLocation(MLIRContext *context, StringRef nodeName,
                                   ArrayRef<StringRef> outputNames) {
  Location node = UnknownLoc::get(context);
  if (!nodeName.empty())
    node = NameLoc::get(StringAttr::get(context, nodeName));
  return FusedLoc::get(context, {node}, Builder(context).getStrArrayAttr(outputNames));
}

StringRef secateur::getNodeName(Location loc) {
  if (auto fused = dyn_cast<FusedLoc>(loc)) {
    for (Location part : fused.getLocations())
      if (StringRef name = getNodeName(part); !name.empty())
        return name;
    return {};
  }
  if (auto named = dyn_cast<NameLoc>(loc))
    return named.getName().getValue();
  return {};
}

SmallVector<StringRef> secateur::getOutputNames(Location loc) {
  SmallVector<StringRef> names;
  auto fused = dyn_cast<FusedLoc>(loc);
  if (!fused)
    return names;
  if (auto outputs = dyn_cast_or_null<ArrayAttr>(fused.getMetadata())) {
    for (Attribute name : outputs)
      if (auto string = dyn_cast<StringAttr>(name))
        names.push_back(string.getValue());
    return names;
  }
  // Rewrites fuse the locations of what they replace: the last has the value.
  for (Location part : llvm::reverse(fused.getLocations()))
    if (names = getOutputNames(part); !names.empty())
      break;
  return names;
}

StringRef secateur::getValueName(Value value) {
  if (auto result = dyn_cast<OpResult>(value)) {
    SmallVector<StringRef> names = getOutputNames(result.getOwner()->getLoc());
    return result.getResultNumber() < names.size() ? names[result.getResultNumber()] : StringRef();
  }
  auto argument = cast<BlockArgument>(value);
  auto function = dyn_cast_or_null<FunctionOpInterface>(argument.getOwner()->getParentOp());
  if (function && argument.getOwner() == &function.getFunctionBody().front())
    if (auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "nn.name"))
      return name.getValue();
  return getNodeName(argument.getLoc());
}

std::string secateur::describeValue(Value value) {
  if (StringRef name = getValueName(value); !name.empty())
    return "value '" + printable(name) + "'";
  return describeLocation(value.getLoc());
}
