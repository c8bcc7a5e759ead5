//===- Partition.cpp - One LLVM module as several ---------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Functions that may be inlined into one another form a component. Components go,
// the largest first, to the part that is smallest so far. Constants of internal
// linkage are copied to every part that uses them.
//===----------------------------------------------------------------------===//

#include "Partition.h"

#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace llvm;

/// Below that many instructions a part is not worth its overhead.
static constexpr size_t kInstructionsOfPart = 4000;
static constexpr size_t kMostParts = 16;

/// Calls `visit` for the functions and variables that use `value`, through constants.
static void forEachUser(const Value &value, function_ref<void(const GlobalObject &)> visit) {
  for (const User *user : value.users()) {
    if (auto *instruction = dyn_cast<Instruction>(user))
      visit(*instruction->getFunction());
    else if (auto *object = dyn_cast<GlobalObject>(user))
      visit(*object);
    else
      forEachUser(*user, visit);
  }
}

static bool isCopied(const GlobalValue &value) {
  auto *variable = dyn_cast<GlobalVariable>(&value);
  return variable && variable->isConstant() && variable->hasLocalLinkage() &&
         variable->hasInitializer() && variable->hasAtLeastLocalUnnamedAddr();
}

namespace {

class Partitioner {
public:
  explicit Partitioner(Module &module) : module(module) {}

  std::vector<std::unique_ptr<Module>> run();

private:
  void assignFunctions();
  void assignVariables();
  void publish();
  std::unique_ptr<Module> extract(size_t part);

  Module &module;
  size_t count = 1;
  DenseMap<const GlobalValue *, size_t> partOf;
};

} // namespace

void Partitioner::assignFunctions() {
  EquivalenceClasses<const Function *> components;
  size_t total = 0;
  for (const Function &function : module) {
    if (function.isDeclaration())
      continue;
    components.insert(&function);
    total += function.getInstructionCount();
    if (function.hasFnAttribute(Attribute::NoInline))
      continue;
    forEachUser(function, [&](const GlobalObject &user) {
      if (auto *caller = dyn_cast<Function>(&user))
        components.unionSets(&function, caller);
    });
  }
  count = std::clamp<size_t>(total / kInstructionsOfPart, 1, kMostParts);

  struct Component {
    size_t size = 0, index = 0;
    SmallVector<const Function *> members;
  };
  MapVector<const Function *, Component> found;
  for (const Function &function : module) {
    if (function.isDeclaration())
      continue;
    Component &component =
        found.try_emplace(components.getLeaderValue(&function), Component{0, found.size(), {}})
            .first->second;
    component.size += function.getInstructionCount();
    component.members.push_back(&function);
  }
  auto order = found.takeVector();
  sort(order, [](const auto &a, const auto &b) {
    return std::pair(b.second.size, a.second.index) < std::pair(a.second.size, b.second.index);
  });
  std::vector<size_t> load(count);
  for (const auto &component : order) {
    size_t part = std::min_element(load.begin(), load.end()) - load.begin();
    load[part] += component.second.size;
    for (const Function *function : component.second.members)
      partOf[function] = part;
  }
}

/// A variable lies with a function that uses it, or in the first part.
void Partitioner::assignVariables() {
  for (const GlobalVariable &variable : module.globals()) {
    if (variable.isDeclaration() || isCopied(variable))
      continue;
    size_t part = 0;
    forEachUser(variable, [&](const GlobalObject &user) {
      if (isa<Function>(user))
        part = partOf.lookup(&user);
    });
    partOf[&variable] = part;
  }
}

/// What other parts use gets a name that they can link to.
void Partitioner::publish() {
  // Where copies of constants are used, so are the things that they point to.
  std::function<bool(const GlobalValue &, size_t)> isUsedElsewhere = [&](const GlobalValue &value,
                                                                         size_t part) {
    bool elsewhere = false;
    forEachUser(value, [&](const GlobalObject &user) {
      elsewhere |= isCopied(user) ? isUsedElsewhere(user, part) : partOf.lookup(&user) != part;
    });
    return elsewhere;
  };
  for (GlobalObject &object : module.global_objects()) {
    auto part = partOf.find(&object);
    if (part == partOf.end() || !object.hasLocalLinkage() || !isUsedElsewhere(object, part->second))
      continue;
    object.setName("secateur." + object.getName());
    object.setLinkage(GlobalValue::ExternalLinkage);
    object.setVisibility(GlobalValue::HiddenVisibility);
    object.setDSOLocal(true);
  }
}

std::unique_ptr<Module> Partitioner::extract(size_t part) {
  ValueToValueMapTy mapping;
  std::unique_ptr<Module> result = CloneModule(module, mapping, [&](const GlobalValue *value) {
    auto found = partOf.find(value);
    return isCopied(*value) || (found != partOf.end() && found->second == part);
  });
  bool changed = true;
  while (changed) {
    changed = false;
    for (GlobalVariable &variable : make_early_inc_range(result->globals()))
      if (variable.use_empty() && (variable.isDeclaration() || isCopied(variable))) {
        variable.eraseFromParent();
        changed = true;
      }
  }
  for (Function &function : make_early_inc_range(*result))
    if (function.use_empty() && function.isDeclaration())
      function.eraseFromParent();
  return result;
}

std::vector<std::unique_ptr<Module>> Partitioner::run() {
  assignFunctions();
  assignVariables();
  publish();
  std::vector<std::unique_ptr<Module>> parts;
  parts.reserve(count);
  for (size_t part = 0; part < count; ++part)
    parts.push_back(extract(part));
  return parts;
}

std::vector<std::unique_ptr<Module>> secateur::codegen::partition(Module &module) {
  return Partitioner(module).run();
}
