//===- PlanFile.h - What was cut, in the numbering of the user's file -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A plan as it stands on disk: JSON, version 1, as scripts/prove.py reads it.
// Tensors are named by the names of their values in the ONNX file, and indices
// are those of that file's tensors, so that a plan can be checked, edited and
// replayed without anything of ours.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_PRUNING_PLANFILE_H
#define SECATEUR_PRUNING_PLANFILE_H

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/LogicalResult.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace llvm::json {
class OStream;
} // namespace llvm::json

namespace secateur::pruning {

/// Part of one tensor that is removed: an axis that `box` does not name is whole.
/// With one axis it is a slab.
struct PlanSlice {
  std::string initializer;
  /// Sorted indices by axis. Never empty.
  std::map<int64_t, std::vector<int64_t>> box;
  /// What a removed element counts as; nullopt: its value plays no part (a
  /// variance, a scale, a divisor), so that it is left alone when zeroing.
  std::optional<double> fill = 0.0;

  bool operator==(const PlanSlice &) const = default;
};

/// One unit that is erased.
struct PlanStep {
  std::string group;
  int64_t unit = 0;
  std::vector<PlanSlice> slices;
};

/// Input `input` of the node whose first output is named `node`.
struct PlanUse {
  std::string node;
  int64_t input = 0;
};

/// A tensor that stands for another one at some of its uses.
struct PlanCopy {
  std::string initializer;
  std::string of;
  std::vector<PlanUse> uses;
};

/// A tensor whose values are new. `kind` is shape, equivalent or repair.
struct PlanRewrite {
  std::string initializer;
  std::string kind;
  std::string reason;
};

/// An input or output of the model that got smaller.
struct PlanInterface {
  std::string value;
  int64_t axis = 0;
  std::vector<int64_t> indices;
};

/// A node that is not the same in the erased and the zeroed model.
struct PlanApproximation {
  std::string node;
  std::string reason;
};

struct PlanFile {
  /// Hexadecimal SHA-256 of the dense model's file; empty where it is not known.
  std::string sha256;
  std::vector<PlanStep> steps;
  std::vector<PlanCopy> copies;
  std::vector<PlanRewrite> rewritten;
  std::vector<PlanInterface> interface;
  std::vector<PlanApproximation> approximations;
  /// The results of channel shuffles that were lists of positions to the analysis.
  std::vector<std::string> gathered;
};

/// Reads a plan. Errors name the file and the JSON path that is wrong.
llvm::FailureOr<PlanFile> readPlanFile(llvm::StringRef path, mlir::MLIRContext *context);

/// As readPlanFile, from text; `name` stands for the file in errors.
llvm::FailureOr<PlanFile> parsePlan(llvm::StringRef text, llvm::StringRef name,
                                    mlir::MLIRContext *context);

/// Writes a plan beside `path` and renames it into place.
llvm::LogicalResult writePlanFile(const PlanFile &plan, llvm::StringRef path,
                                  mlir::MLIRContext *context);

/// The plan as JSON text.
std::string printPlan(const PlanFile &plan);

/// Writes one copy, as plans and lists of groups have it.
void printCopy(llvm::json::OStream &out, const PlanCopy &copy);

/// Hexadecimal SHA-256 of a file, read in blocks.
llvm::FailureOr<std::string> hashFile(llvm::StringRef path, mlir::MLIRContext *context);

} // namespace secateur::pruning

#endif // SECATEUR_PRUNING_PLANFILE_H
