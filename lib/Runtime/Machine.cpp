//===- Machine.cpp - What the machine offers --------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
//
// CPU features (by CPUID and XGETBV) and the number of threads that pay: physical
// cores within the process's affinity mask, cut by the CPU quota of its cgroups.
// Hyperthreads share their core's multipliers and are not counted.
//
//===----------------------------------------------------------------------===//

#include "Internal.h"

#include <cpuid.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

using namespace secateur::runtime;

//===--- CPU features -----------------------------------------------------===//

namespace {
enum Register { EAX, EBX, ECX, EDX };

struct Feature {
  int32_t bit;
  const char *name;
  uint32_t leaf, subleaf;
  Register reg;
  int32_t regBit;
};
} // namespace

static const Feature features[] = {
#define SECATEUR_CPU_FEATURE(bit, name, leaf, subleaf, reg, regBit)                                \
  {bit, name, leaf, subleaf, reg, regBit},
#include "secateur/Runtime/CpuFeatures.def"
};

static uint64_t readXcr0() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t(high) << 32 | low;
}

/// State components (bits of XCR0) that the system must save for the feature.
static uint64_t requiredState(const char *name) {
  if (!strncmp(name, "amx", 3))
    return 0x60000;
  if (!strncmp(name, "avx512", 6))
    return 0xe6;
  static const char *const vector[] = {"avx", "f16c", "fma", "xop", "fma4", "vaes", "vpclmulqdq"};
  for (const char *prefix : vector)
    if (!strncmp(name, prefix, strlen(prefix)))
      return 0x6;
  return 0;
}

static bool hasFeature(const Feature &feature, uint64_t state) {
  uint32_t regs[4];
  if (!__get_cpuid_count(feature.leaf, feature.subleaf, &regs[EAX], &regs[EBX], &regs[ECX],
                         &regs[EDX]))
    return false;
  uint64_t needed = requiredState(feature.name);
  return (regs[feature.reg] >> feature.regBit & 1) && (state & needed) == needed;
}

bool secateur::runtime::checkCpu(uint64_t required, char *missing, size_t size) {
  uint32_t regs[4];
  uint64_t state = 0;
  // Bit 27 of ECX: the system uses XSAVE, so XGETBV exists.
  if (__get_cpuid(1, &regs[EAX], &regs[EBX], &regs[ECX], &regs[EDX]) && (regs[ECX] >> 27 & 1))
    state = readXcr0();
  size_t length = 0;
  uint64_t known = 0;
  missing[0] = 0;
  for (const Feature &feature : features) {
    known |= uint64_t(1) << feature.bit;
    if (!(required >> feature.bit & 1) || hasFeature(feature, state))
      continue;
    length += snprintf(missing + length, size - length, "%s%s", length ? ", " : "", feature.name);
    if (length + 1 >= size)
      length = size - 1;
  }
  if (required & ~known && length + 1 < size)
    length += snprintf(missing + length, size - length, "%sfeatures newer than this runtime",
                       length ? ", " : "");
  return length == 0;
}

//===--- Threads ----------------------------------------------------------===//

/// Reads a small file; false when it cannot be read.
static bool readText(const char *path, char *text, size_t size) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return false;
  ssize_t length = read(file, text, size - 1);
  close(file);
  if (length <= 0)
    return false;
  text[length] = 0;
  return true;
}

/// The first CPU of the core that `cpu` belongs to.
static int firstSibling(int cpu) {
  char path[96], text[64];
  snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
  return readText(path, text, sizeof(text)) ? static_cast<int>(strtol(text, nullptr, 10)) : cpu;
}

static int32_t countCores() {
  constexpr int kCpus = 4096;
  static_assert(kCpus % 64 == 0);
  uint64_t allowed[kCpus / 64] = {}, seen[kCpus / 64] = {};
  if (sched_getaffinity(0, sizeof(allowed), reinterpret_cast<cpu_set_t *>(allowed)) < 0)
    return 1;
  int32_t cores = 0;
  for (int cpu = 0; cpu < kCpus; ++cpu) {
    if (!(allowed[cpu / 64] >> cpu % 64 & 1))
      continue;
    int core = firstSibling(cpu);
    if (core < 0 || core >= kCpus)
      core = cpu;
    if (!(seen[core / 64] >> core % 64 & 1))
      ++cores;
    seen[core / 64] |= uint64_t(1) << core % 64;
  }
  return cores > 0 ? cores : 1;
}

static int32_t quotaThreads(long long quota, long long period) {
  if (quota <= 0 || period <= 0)
    return INT32_MAX;
  long long threads = (quota + period - 1) / period;
  return threads < INT32_MAX ? static_cast<int32_t>(threads) : INT32_MAX;
}

/// The limit that one cgroup folder states; INT32_MAX for none.
static int32_t readQuota(const char *folder) {
  char path[1200], text[64];
  long long quota, period;
  snprintf(path, sizeof(path), "%s/cpu.max", folder); // Version 2.
  if (readText(path, text, sizeof(text)))
    // It is the kernel that writes it.
    // NOLINTNEXTLINE(bugprone-unchecked-string-to-number-conversion)
    return sscanf(text, "%lld %lld", &quota, &period) == 2 ? quotaThreads(quota, period)
                                                           : INT32_MAX;
  snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", folder); // Version 1.
  if (!readText(path, text, sizeof(text)))
    return INT32_MAX;
  quota = strtoll(text, nullptr, 10);
  snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", folder);
  return readText(path, text, sizeof(text)) ? quotaThreads(quota, strtoll(text, nullptr, 10))
                                            : INT32_MAX;
}

/// The smallest limit on the way from the cgroup at root + path up to root.
static int32_t quotaAlong(const char *root, const char *path) {
  char folder[1100];
  int length = snprintf(folder, sizeof(folder), "%s%s", root, path);
  if (length < 0 || length >= static_cast<int>(sizeof(folder)))
    return readQuota(root);
  int32_t limit = INT32_MAX;
  size_t rootLength = strlen(root);
  for (;;) {
    int32_t here = readQuota(folder);
    limit = here < limit ? here : limit;
    char *slash = strrchr(folder + rootLength, '/');
    if (!slash)
      return limit;
    *slash = 0;
  }
}

static int32_t cgroupLimit() {
  char text[4096];
  if (!readText("/proc/self/cgroup", text, sizeof(text)))
    return INT32_MAX;
  int32_t limit = INT32_MAX;
  char *rest = nullptr;
  // Lines are "0::/path" (version 2) or "4:cpu,cpuacct:/path" (version 1).
  for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(nullptr, "\n", &rest)) {
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : nullptr;
    if (!path)
      continue;
    *path++ = 0;
    ++controllers;
    int32_t here = INT32_MAX;
    if (!*controllers)
      here = quotaAlong("/sys/fs/cgroup", path);
    else if (!strncmp(controllers, "cpu", 3) && (!controllers[3] || controllers[3] == ','))
      here = quotaAlong("/sys/fs/cgroup/cpu", path);
    limit = here < limit ? here : limit;
  }
  return limit;
}

int32_t secateur::runtime::detectThreads() {
  int32_t cores = countCores(), limit = cgroupLimit();
  int32_t threads = cores < limit ? cores : limit;
  return threads > 0 ? threads : 1;
}
