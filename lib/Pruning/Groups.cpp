//===- Groups.cpp - Pruning groups as C++ values ----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Pruning/Groups.h"

#include "dialects/NN/IR/NNOps.h"
#include "dialects/NN/IR/Subgraphs.h"
#include "secateur/Pruning/Extents.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;

SmallVector<Slab> Group::slabs(int64_t unit, unsigned member) const {
  SmallVector<Slab> result;
  for (const prune::BoxLayout &box : layouts[member].boxes) {
    Slab slab;
    slab.member = member;
    for (const prune::AxisPart &part : box.parts)
      slab.axes.emplace_back(part.axis, part.positions(unit));
    // Lists say of other units that they have nothing there.
    if (llvm::none_of(slab.axes, [](const auto &axis) { return axis.second.empty(); }))
      result.push_back(std::move(slab));
  }
  return result;
}

SmallVector<Slab> Group::slabs(int64_t unit) const {
  SmallVector<Slab> result;
  for (unsigned member = 0; member < members.size(); ++member)
    llvm::append_range(result, slabs(unit, member));
  return result;
}

bool Group::isWeight(unsigned member) const {
  return members[member].getDefiningOp<nn::ConstantOp>() != nullptr;
}

static void addMembers(Group &group, ValueRange members, ArrayAttr layouts) {
  llvm::append_range(group.members, members);
  for (Attribute attribute : layouts) {
    std::optional<prune::MemberLayout> layout = prune::decode(cast<DenseI64ArrayAttr>(attribute));
    group.layouts.push_back(layout.value_or(prune::MemberLayout()));
  }
}

static Group readGroup(prune::GroupOp op) {
  Group group;
  group.name = op.getName().str();
  group.units = op.getUnits();
  addMembers(group, op.getMembers(), op.getLayouts());
  group.constraints.minKeep = op.getMinKeep();
  group.constraints.multipleOf = op.getMultipleOf();
  group.constraints.balanced = op.getBalanced();
  group.constraints.uniform = op.getUniform().value_or("").str();
  group.op = op;
  return group;
}

prune::GroupOp pruning::buildGroup(OpBuilder &builder, Location loc, const Group &group) {
  struct Members {
    SmallVector<Value> values;
    SmallVector<Attribute> layouts;
  };
  llvm::MapVector<Block *, Members> membersIn;
  Block *here = builder.getInsertionBlock();
  membersIn[here];
  for (auto [member, layout] : llvm::zip_equal(group.members, group.layouts)) {
    Value value = member;
    bool isInner = isa<OpResult>(value) && value.getParentBlock() != here;
    Members &members = membersIn[isInner ? value.getParentBlock() : here];
    members.values.push_back(value);
    members.layouts.push_back(builder.getDenseI64ArrayAttr(prune::encode(layout)));
  }
  StringAttr name = builder.getStringAttr(group.name);
  for (auto &[block, members] : llvm::drop_begin(membersIn)) {
    OpBuilder inner = OpBuilder::atBlockTerminator(block);
    prune::MembersOp::create(inner, loc, name, members.values,
                             builder.getArrayAttr(members.layouts));
  }
  const Constraints &c = group.constraints;
  return prune::GroupOp::create(
      builder, loc, name, builder.getI64IntegerAttr(group.units), membersIn[here].values,
      builder.getArrayAttr(membersIn[here].layouts), builder.getI64IntegerAttr(c.minKeep),
      builder.getI64IntegerAttr(c.multipleOf), builder.getI64IntegerAttr(c.balanced),
      c.uniform.empty() ? StringAttr() : builder.getStringAttr(c.uniform));
}

prune::PinOp pruning::buildPin(OpBuilder &builder, Location loc, const Pin &pin) {
  IntegerAttr first, count;
  if (pin.count) {
    first = builder.getI64IntegerAttr(pin.first);
    count = builder.getI64IntegerAttr(pin.count);
  }
  return prune::PinOp::create(builder, loc, pin.value, builder.getI64IntegerAttr(pin.axis),
                              builder.getStringAttr(pin.reason), builder.getStringAttr(pin.op),
                              first, count);
}

std::vector<Group> pruning::collectGroups(func::FuncOp func) {
  std::vector<Group> groups;
  llvm::StringMap<size_t> indices;
  func.walk([&](prune::GroupOp op) {
    indices.try_emplace(op.getName(), groups.size());
    groups.push_back(readGroup(op));
  });
  func.walk([&](prune::MembersOp op) {
    if (auto found = indices.find(op.getName()); found != indices.end())
      addMembers(groups[found->second], op.getMembers(), op.getLayouts());
  });
  return groups;
}

std::vector<Pin> pruning::collectPins(func::FuncOp func) {
  std::vector<Pin> pins;
  func.walk([&](prune::PinOp op) {
    Pin pin{op.getValue(),
            static_cast<int64_t>(op.getAxis()),
            op.getReason().str(),
            op.getOp().str(),
            0,
            0};
    if (op.getCount()) {
      pin.first = op.getFirst().value_or(0);
      pin.count = *op.getCount();
    }
    pins.push_back(std::move(pin));
  });
  return pins;
}

bool pruning::isPruneOp(Operation *op) { return isa<prune::PruneDialect>(op->getDialect()); }

void pruning::stripGroups(func::FuncOp func) {
  SmallVector<Operation *> ops;
  func.walk([&](Operation *op) {
    op->removeAttr(kGatheredAttr);
    if (isPruneOp(op))
      ops.push_back(op);
  });
  for (Operation *op : ops)
    op->erase();
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

static StringRef nodeNameOf(Location loc) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return name.getName();
  if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location inner : fused.getLocations())
      if (StringRef name = nodeNameOf(inner); !name.empty())
        return name;
  return "";
}

std::string pruning::valueName(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (auto func = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp()))
      if (auto name =
              func.getArgAttrOfType<StringAttr>(argument.getArgNumber(), nn::NNDialect::kNameAttr))
        return name.str();
    return "";
  }
  auto result = cast<OpResult>(value);
  Location loc = result.getOwner()->getLoc();
  if (auto fused = dyn_cast<FusedLoc>(loc))
    if (auto names = dyn_cast_or_null<ArrayAttr>(fused.getMetadata()))
      if (result.getResultNumber() < names.size())
        if (auto name = dyn_cast<StringAttr>(names[result.getResultNumber()]))
          return name.str();
  return nodeNameOf(loc).str();
}

std::string pruning::subgraphPath(Operation *op) {
  Operation *parent = op->getParentOp();
  if (!parent || isa<func::FuncOp>(parent) || !parent->getNumResults())
    return "";
  return subgraphPath(parent) + valueName(parent->getResult(0)) + "/" +
         nn::getAttributeName(*op->getParentRegion()).str() + "/";
}

std::string pruning::planName(Value value) {
  return (isStoredTensor(value) ? subgraphPath(value.getDefiningOp()) : "") + valueName(value);
}

std::string pruning::nodeName(Operation *op) {
  if (isa<func::FuncOp>(op))
    return "the graph";
  auto onnx = dyn_cast<nn::OnnxOpInterface>(op);
  std::string name = onnx ? onnx.getOnnxName().str() : op->getName().stripDialect().str();
  if (auto custom = dyn_cast<nn::CustomOp>(op))
    name = custom.getName().str();
  StringRef node = nodeNameOf(op->getLoc());
  std::string value = op->getNumResults() ? valueName(op->getResult(0)) : "";
  if (node.empty())
    node = value;
  return node.empty() ? name : name + " '" + node.str() + "'";
}
