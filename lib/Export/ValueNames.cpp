//===- ValueNames.cpp - One name for each value of a model ------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "ValueNames.h"

#include "dialects/NN/IR/NNOps.h"
#include "secateur/Support/Names.h"

using namespace mlir;
using namespace secateur;

/// Calls `isFree` with `wanted`, `wanted_1`, `wanted_2`...
static std::string findFreeName(StringRef wanted, function_ref<bool(StringRef)> isFree) {
  std::string name = wanted.str();
  for (unsigned number = 1; !isFree(name); ++number)
    name = (wanted + "_" + Twine(number)).str();
  return name;
}

std::string ValueNames::makeUnique(StringRef wanted) {
  std::string name = findFreeName(wanted, [&](StringRef name) { return !all.contains(name); });
  all.insert(name);
  return name;
}

StringRef ValueNames::read(Value value) {
  readValues.insert(value);
  return get(value);
}

void ValueNames::assign(Value value, StringRef wanted, Scopes &scopes) {
  std::string name = findFreeName(wanted, [&](StringRef name) {
    return llvm::none_of(scopes, [&](llvm::StringSet<> *scope) { return scope->contains(name); });
  });
  scopes.back()->insert(name);
  all.insert(name);
  names[value] = std::move(name);
}

/// What a value without a name is called: after its operator.
static std::string getPlainName(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return "argument";
  if (auto custom = dyn_cast<nn::CustomOp>(op))
    return custom.getName().str();
  if (auto mirror = dyn_cast<nn::OnnxOpInterface>(op))
    return mirror.getOnnxName().str();
  return "constant";
}

void ValueNames::nameBlock(Block &block, Scopes &scopes) {
  // Names from the file first: a made-up one must not take theirs.
  auto nameAll = [&](bool fromFile) {
    auto nameValue = [&](Value value) {
      StringRef wanted = getValueName(value);
      if (names.contains(value) || wanted.empty() == fromFile)
        return;
      assign(value, fromFile ? wanted.str() : getPlainName(value), scopes);
    };
    llvm::for_each(block.getArguments(), nameValue);
    for (Operation &op : block)
      llvm::for_each(op.getResults(), nameValue);
  };
  nameAll(true);
  nameAll(false);
  for (Operation &op : block)
    for (Region &region : op.getRegions())
      for (Block &inner : region) {
        llvm::StringSet<> scope;
        scopes.push_back(&scope);
        nameBlock(inner, scopes);
        scopes.pop_back();
      }
}

ValueNames::ValueNames(func::FuncOp function) {
  llvm::StringSet<> scope;
  SmallVector<llvm::StringSet<> *> scopes = {&scope};
  Block &block = function.getBody().front();
  for (BlockArgument argument : block.getArguments())
    if (auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "nn.name"))
      assign(argument, name.getValue(), scopes);
  // The outputs are the model's interface: their names come before all others.
  for (auto [index, value] : llvm::enumerate(block.getTerminator()->getOperands())) {
    auto name = function.getResultAttrOfType<StringAttr>(index, "nn.name");
    if (!name || scope.contains(name.getValue()))
      continue;
    if (names.contains(value))
      scope.insert(name.getValue());
    else
      assign(value, name.getValue(), scopes);
  }
  nameBlock(block, scopes);
}
