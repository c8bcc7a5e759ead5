//===- Groups.h - Pruning groups as C++ values ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// `prune.group` and `prune.pin` operations of a function, read into values that
// scoring, planning and erasing work with, and written back.
//
// A unit is what is removed at once. What it owns is a list of slabs: of one
// member, the elements whose index lies in the listed positions on every axis
// listed; other axes are whole. Units of different groups may share elements (a
// head and a channel inside every head), and one member may occur in many groups
// (a weight's rows in one, its columns in another). Positions are those of the
// model as it stands when the groups were written.
//
// A weight that is a member is an `nn.constant`. Where analysis untied a small
// shared constant, the copy is a new `nn.constant` with the attribute
// `kCopyOfAttr` = name of the original; copies that are still equal after erasing
// can be merged again.
//
// Integer constants (reshape targets, split sizes) and attributes are never
// members: the extents that they name follow from the activations, which are.

#ifndef SECATEUR_PRUNING_GROUPS_H
#define SECATEUR_PRUNING_GROUPS_H

#include "dialects/Prune/IR/PruneOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <optional>
#include <string>
#include <vector>

namespace secateur::pruning {

/// On an `nn.constant` that analysis made: the name of the constant that it copies.
inline constexpr llvm::StringLiteral kCopyOfAttr = "prune.copy_of";

/// On the last operation of a channel shuffle that analysis took for a list of
/// positions: the axis, and where each position of the result comes from.
inline constexpr llvm::StringLiteral kGatheredAttr = "prune.gathered";

struct Constraints {
  /// Units that must stay. 0 where the axes have other positions as well.
  int64_t minKeep = 1;
  /// How many stay is a multiple of this.
  int64_t multipleOf = 1;
  /// The units are so many equal consecutive slots; as many leave each slot.
  int64_t balanced = 1;
  /// Groups of the same non-empty name keep equally many.
  std::string uniform;
};

/// The elements of one member that a unit owns: sorted positions by axis.
struct Slab {
  unsigned member = 0;
  llvm::SmallVector<std::pair<int64_t, llvm::SmallVector<int64_t>>, 1> axes;
};

struct Group {
  /// Unique in the function: `<weight>:<axis>`, or with `#n` where that repeats.
  std::string name;
  int64_t units = 0;
  llvm::SmallVector<mlir::Value> members;
  /// One for each member.
  llvm::SmallVector<prune::MemberLayout> layouts;
  Constraints constraints;
  /// The operation that it was read from; null before it is written.
  prune::GroupOp op;

  /// What `unit` owns of all members.
  llvm::SmallVector<Slab> slabs(int64_t unit) const;
  /// What `unit` owns of member `member`.
  llvm::SmallVector<Slab> slabs(int64_t unit, unsigned member) const;
  /// Whether the member is a weight (an `nn.constant` of floating-point or
  /// quantised elements).
  bool isWeight(unsigned member) const;
};

/// A dimension that stays, and the rule to blame.
struct Pin {
  mlir::Value value;
  int64_t axis = 0;
  std::string reason;
  /// Operator and name of the node.
  std::string op;
  /// Positions [first, first + count) of the axis; all where count is 0.
  int64_t first = 0;
  int64_t count = 0;
};

struct AnalyzeOptions {
  /// Inputs and outputs of the graph whose dimensions may shrink.
  std::vector<std::string> interface;
  /// Tensors, activations too, of which all pins are written.
  std::vector<std::string> explained;
  /// Channel shuffles are lists of positions, any of which can leave: all of them, or
  /// those whose results are named.
  bool gatherShuffles = false;
  std::vector<std::string> gathered;
};

/// Finds the groups and pins of `func` and writes them at its end (pass
/// `prune-analyze`). Fails with an error where shapes contradict each other.
llvm::LogicalResult analyze(mlir::func::FuncOp func, const AnalyzeOptions &options = {});

/// Writes `group` at the builder's insertion point, and the members that a subgraph
/// computes at the end of that.
prune::GroupOp buildGroup(mlir::OpBuilder &builder, mlir::Location loc, const Group &group);
prune::PinOp buildPin(mlir::OpBuilder &builder, mlir::Location loc, const Pin &pin);

/// All groups and pins of a function, in order.
std::vector<Group> collectGroups(mlir::func::FuncOp func);
std::vector<Pin> collectPins(mlir::func::FuncOp func);
/// Whether `op` says something of the model, and is not part of it.
bool isPruneOp(mlir::Operation *op);
/// Removes all `prune` operations, and what analysis said on others.
void stripGroups(mlir::func::FuncOp func);

/// The name of a value in the ONNX file: of an argument its `nn.name`, of a result
/// or constant what its location says; empty where there is none.
std::string valueName(mlir::Value value);
/// Where `op` stands, for names in a plan: `NODE/attribute/` for each subgraph around it, NODE
/// being the node's first output.
std::string subgraphPath(mlir::Operation *op);
/// What a plan calls a value: a stored tensor by its path and name, others by their name.
std::string planName(mlir::Value value);
/// `Conv 'layer1.0.conv1'`: the operator and name of a node.
std::string nodeName(mlir::Operation *op);

/// All groups, pins and untied copies of `func` as JSON, in the names and numbering
/// of the user's file; docs/pruning-plans.md tells the form.
void printGroups(mlir::func::FuncOp func, llvm::raw_ostream &stream);

} // namespace secateur::pruning

#endif // SECATEUR_PRUNING_GROUPS_H
