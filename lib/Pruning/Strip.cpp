//===- Strip.cpp - Remove groups and pins ------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Pruning/Groups.h"
#include "secateur/Pruning/Passes.h"

namespace secateur::pruning {
#define GEN_PASS_DEF_PRUNESTRIP
#include "secateur/Pruning/Passes.h.inc"
} // namespace secateur::pruning

using namespace secateur;

namespace {
struct PruneStrip : pruning::impl::PruneStripBase<PruneStrip> {
  using Base::Base;
  void runOnOperation() override { pruning::stripGroups(getOperation()); }
};
} // namespace
