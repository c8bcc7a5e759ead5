//===- Target.cpp - What the target machine has -----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "TargetMachines.h"

#include "secateur/Runtime/CpuFeatures.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/TargetParser/X86TargetParser.h"

using namespace mlir;
using namespace secateur::codegen;

static const char *const kTriple = "x86_64-unknown-linux-gnu";

static const llvm::Target *lookUpX86(std::string &error) {
  // Idempotent; LLVM keeps its registry for the process.
  static const bool registered = [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    return true;
  }();
  (void)registered;
  return llvm::TargetRegistry::lookupTarget(llvm::Triple(kTriple), error);
}

std::unique_ptr<llvm::TargetMachine> secateur::codegen::createTargetMachine(const TargetInfo &info,
                                                                            unsigned optLevel) {
  std::string error;
  const llvm::Target *target = lookUpX86(error);
  if (!target)
    return nullptr;
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Fast;
  auto level = static_cast<llvm::CodeGenOptLevel>(std::min(optLevel, 3u));
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(llvm::Triple(info.triple), info.cpu, info.features, options,
                                  llvm::Reloc::PIC_, std::nullopt, level));
}

FailureOr<TargetInfo> secateur::codegen::lookUpTarget(StringRef cpu, Location location) {
  TargetInfo info;
  info.triple = kTriple;
  bool native = cpu.empty() || cpu == "native";
  info.cpu = native ? llvm::sys::getHostCPUName().str() : cpu.str();
  if (native) {
    llvm::SubtargetFeatures features;
    for (const auto &feature : llvm::sys::getHostCPUFeatures())
      features.AddFeature(feature.first(), feature.second);
    info.features = features.getString();
  } else {
    SmallVector<StringRef> names;
    llvm::X86::fillValidCPUArchList(names, /*Only64Bit=*/true);
    if (!llvm::is_contained(names, cpu)) {
      emitError(location) << "CPU '" << cpu
                          << "' is not known to LLVM; 'llc -mcpu=help' lists them";
      return failure();
    }
    // What the CPU is known to have, so that the runtime can check for it.
    SmallVector<StringRef> enabled;
    llvm::X86::getFeaturesForCPU(cpu, enabled, /*NeedPlus=*/true);
    info.features = llvm::join(enabled, ",");
  }
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(info, 2);
  if (!machine) {
    emitError(location) << "LLVM has no back end for " << info.triple;
    return failure();
  }
  const llvm::MCSubtargetInfo &subtarget = *machine->getMCSubtargetInfo();
  if (!subtarget.checkFeatures("+sse4.2")) {
    emitError(location) << "CPU '" << info.cpu
                        << "' lacks SSE4.2, which generated code needs; choose a newer one with "
                           "--march, x86-64-v2 or later";
    return failure();
  }
  bool hasAvx2 = subtarget.checkFeatures("+avx2") && subtarget.checkFeatures("+fma");
  bool wide = subtarget.checkFeatures("+avx512f") && subtarget.checkFeatures("+avx512bw") &&
              subtarget.checkFeatures("+avx512vl") && subtarget.checkFeatures("+avx512dq");
  info.vectorBits = wide ? 512 : hasAvx2 ? 256 : 128;
  info.cpuFeatures = runtime::cpuFeatureBits(info.features);
  return info;
}
