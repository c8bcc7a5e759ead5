//===- Target.cpp - What kernel emitters ask of a target --------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/CodeGen/Kernels/Target.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/X86TargetParser.h"

using namespace llvm;
using namespace secateur;
using namespace secateur::codegen;

TargetFacts secateur::codegen::getTargetFacts(unsigned vectorBits) {
  if (vectorBits >= 512)
    return {"x86-64-v4", 512, 32, true, true};
  if (vectorBits >= 256)
    return {"x86-64-v3", 256, 16, true, false};
  return {"x86-64-v2", 128, 16, false, false};
}

Expected<TargetFacts> secateur::codegen::getTargetFacts(StringRef cpu) {
  llvm::StringSet<> features;
  if (cpu.empty() || cpu == "native") {
    for (auto &feature : sys::getHostCPUFeatures())
      if (feature.getValue())
        features.insert(feature.getKey());
  } else {
    if (X86::parseArchX86(cpu) == X86::CK_None)
      return createStringError("unknown CPU '" + cpu +
                               "': use a name that LLVM knows, such as x86-64-v3");
    SmallVector<StringRef> names;
    X86::getFeaturesForCPU(cpu, names);
    for (StringRef name : names)
      features.insert(name);
  }
  auto hasAll = [&](std::initializer_list<StringRef> names) {
    return all_of(names, [&](StringRef name) { return features.contains(name); });
  };
  if (hasAll({"avx512f", "avx512vl", "avx512bw", "avx512dq"}))
    return getTargetFacts(512u);
  if (hasAll({"avx2", "fma"}))
    return getTargetFacts(256u);
  if (hasAll({"sse4.2"}))
    return getTargetFacts(128u);
  return createStringError("CPU '" + cpu + "' is below x86-64-v2: SSE4.2 is needed");
}
