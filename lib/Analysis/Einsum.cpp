//===- Einsum.cpp - The equation of an Einsum -------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Analysis/Einsum.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <map>

using namespace llvm;
using namespace secateur::analysis;

/// The labels of one term; `ellipsis` is the number of axes that dots stand for,
/// or -1 where it follows from `rank`.
static std::optional<SmallVector<int64_t>> parseTerm(StringRef term, int64_t rank, int64_t ellipsis,
                                                     std::string &reason) {
  int64_t letters = count_if(term, [](char c) { return isAlpha(c); });
  if (ellipsis < 0)
    ellipsis = rank - letters;
  SmallVector<int64_t> labels;
  bool dots = false;
  for (size_t i = 0; i < term.size(); ++i) {
    if (isAlpha(term[i])) {
      labels.push_back(term[i]);
      continue;
    }
    if (term.substr(i, 3) != "..." || dots) {
      reason = "unexpected '" + term.substr(i, 1).str() + "'";
      return std::nullopt;
    }
    dots = true;
    for (int64_t axis = ellipsis; axis > 0; --axis)
      labels.push_back(-axis);
    i += 2;
  }
  if (rank >= 0 && (int64_t(labels.size()) != rank || ellipsis < 0)) {
    reason = "term '" + term.str() + "' does not fit a tensor of rank " + std::to_string(rank);
    return std::nullopt;
  }
  return labels;
}

std::optional<Einsum> secateur::analysis::parseEinsum(StringRef equation, ArrayRef<int64_t> ranks,
                                                      std::string &reason) {
  std::string compact;
  for (char c : equation)
    if (!isSpace(c))
      compact += c;
  auto [left, right] = StringRef(compact).split("->");
  bool hasArrow = compact.find("->") != std::string::npos;
  SmallVector<StringRef> terms;
  left.split(terms, ',');
  if (terms.size() != ranks.size()) {
    reason = "has " + std::to_string(terms.size()) + " terms for " + std::to_string(ranks.size()) +
             " inputs";
    return std::nullopt;
  }
  Einsum result;
  int64_t ellipsis = 0;
  std::map<int64_t, int64_t> uses;
  for (auto [term, rank] : zip(terms, ranks)) {
    std::optional<SmallVector<int64_t>> labels = parseTerm(term, rank, -1, reason);
    if (!labels)
      return std::nullopt;
    for (int64_t label : *labels) {
      ++uses[label];
      ellipsis = std::max(ellipsis, -label);
    }
    result.inputs.push_back(std::move(*labels));
  }
  if (hasArrow) {
    std::optional<SmallVector<int64_t>> labels = parseTerm(right, -1, ellipsis, reason);
    if (!labels)
      return std::nullopt;
    for (auto [position, label] : enumerate(*labels))
      if (!uses.count(label) || is_contained(ArrayRef(*labels).take_front(position), label)) {
        reason =
            "output label '" + std::string(1, char(label)) + "' is repeated or not in any input";
        return std::nullopt;
      }
    result.output = std::move(*labels);
    return result;
  }
  for (int64_t axis = ellipsis; axis > 0; --axis)
    result.output.push_back(-axis);
  for (auto [label, count] : uses)
    if (label > 0 && count == 1)
      result.output.push_back(label);
  return result;
}
