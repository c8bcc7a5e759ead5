//===- Report.cpp - What was cut, in words and in JSON ----------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Pruning/Report.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;
namespace json = llvm::json;

PruningReport pruning::summarize(func::FuncOp func, const ModelCost &dense,
                                 const ModelCost &pruned) {
  PruningReport report{dense, pruned, {}, {}, {}};
  for (const Group &group : collectGroups(func)) {
    GroupSummary &summary = report.groups.emplace_back();
    summary.name = group.name;
    summary.units = group.units;
    summary.kept = group.units - int64_t(getRemovedUnits(group.op).size());
    for (Value member : group.members)
      if (isStoredTensor(member))
        summary.members.push_back(planName(member));
  }
  for (const Pin &pin : collectPins(func))
    report.pins.push_back({planName(pin.value), pin.axis, pin.reason, pin.op});
  return report;
}

/// JSON is UTF-8; names of a file need not be.
static std::string text(StringRef name) {
  return json::isUTF8(name) ? name.str() : json::fixUTF8(name);
}

json::Object pruning::toJson(const ModelCost &cost) {
  return json::Object{
      {"parameters", cost.parameters}, {"flops", cost.flops}, {"weight_bytes", cost.weightBytes}};
}

json::Object pruning::toJson(const PruningReport &report) {
  json::Array groups, pins;
  for (const GroupSummary &group : report.groups) {
    json::Array members;
    for (const std::string &member : group.members)
      members.push_back(text(member));
    groups.push_back(json::Object{{"name", text(group.name)},
                                  {"units", group.units},
                                  {"kept", group.kept},
                                  {"members", std::move(members)}});
  }
  for (const PinSummary &pin : report.pins)
    pins.push_back(json::Object{{"tensor", text(pin.tensor)},
                                {"axis", pin.axis},
                                {"reason", text(pin.reason)},
                                {"node", text(pin.node)}});
  json::Array approximations;
  for (const PlanApproximation &approximation : report.approximations)
    approximations.push_back(
        json::Object{{"node", text(approximation.node)}, {"reason", approximation.reason}});
  return json::Object{{"dense", toJson(report.dense)},
                      {"pruned", toJson(report.pruned)},
                      {"groups", std::move(groups)},
                      {"pins", std::move(pins)},
                      {"approximations", std::move(approximations)}};
}

static void printCost(llvm::raw_ostream &out, StringRef name, int64_t dense, int64_t pruned) {
  out << llvm::format("  %-13s %16lld -> %16lld  (%5.1f%%)\n", name.str().c_str(), (long long)dense,
                      (long long)pruned, dense ? 100.0 * double(pruned) / double(dense) : 100.0);
}

void pruning::printTable(const PruningReport &report, llvm::raw_ostream &out) {
  printCost(out, "FLOPs", report.dense.flops, report.pruned.flops);
  printCost(out, "parameters", report.dense.parameters, report.pruned.parameters);
  printCost(out, "weight bytes", report.dense.weightBytes, report.pruned.weightBytes);
  out << "\n  units   kept  tensors  group\n";
  int64_t whole = 0;
  for (const GroupSummary &group : report.groups) {
    if (group.kept == group.units) {
      ++whole;
      continue;
    }
    out << llvm::format("  %5lld  %5lld  %7zu  ", (long long)group.units, (long long)group.kept,
                        group.members.size())
        << group.name << "\n";
  }
  if (whole)
    out << "  " << whole << " more groups stay whole\n";
  llvm::MapVector<StringRef, int64_t> reasons;
  for (const PinSummary &pin : report.pins)
    ++reasons[pin.reason];
  if (!reasons.empty())
    out << "\n  dimensions pinned, by rule\n";
  for (const auto &[reason, count] : reasons)
    out << llvm::format("  %5lld  ", (long long)count) << reason << "\n";
}
