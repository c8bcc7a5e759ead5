//===- Profile.cpp - Time by node of a compiled model -----------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "RunModel.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include <immintrin.h>

using namespace secateur::run;

using Clock = std::chrono::steady_clock;

static double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

//===----------------------------------------------------------------------===//
// What the machine can do
//===----------------------------------------------------------------------===//

// Twelve chains hide the latency of every x86 core so far. Each returns the FLOPs of
// its rounds; `sink` keeps the results alive.
static constexpr int kChains = 12;

__attribute__((target("avx512f"))) static double multiply512(long rounds, volatile float &sink) {
  __m512 x[kChains], a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(1e-3f);
  for (int i = 0; i < kChains; ++i)
    x[i] = _mm512_set1_ps(0.1f * static_cast<float>(i));
  for (long round = 0; round < rounds; ++round)
    for (int i = 0; i < kChains; ++i)
      x[i] = _mm512_fmadd_ps(x[i], a, b);
  for (int i = 1; i < kChains; ++i)
    x[0] = _mm512_add_ps(x[0], x[i]);
  sink = _mm512_cvtss_f32(x[0]);
  return 2.0 * 16 * kChains * static_cast<double>(rounds);
}

__attribute__((target("avx2,fma"))) static double multiply256(long rounds, volatile float &sink) {
  __m256 x[kChains], a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(1e-3f);
  for (int i = 0; i < kChains; ++i)
    x[i] = _mm256_set1_ps(0.1f * static_cast<float>(i));
  for (long round = 0; round < rounds; ++round)
    for (int i = 0; i < kChains; ++i)
      x[i] = _mm256_fmadd_ps(x[i], a, b);
  for (int i = 1; i < kChains; ++i)
    x[0] = _mm256_add_ps(x[0], x[i]);
  sink = _mm256_cvtss_f32(x[0]);
  return 2.0 * 8 * kChains * static_cast<double>(rounds);
}

static double multiply128(long rounds, volatile float &sink) {
  __m128 x[kChains], a = _mm_set1_ps(0.999f), b = _mm_set1_ps(1e-3f);
  for (int i = 0; i < kChains; ++i)
    x[i] = _mm_set1_ps(0.1f * static_cast<float>(i));
  for (long round = 0; round < rounds; ++round)
    for (int i = 0; i < kChains; ++i)
      x[i] = _mm_add_ps(_mm_mul_ps(x[i], a), b);
  for (int i = 1; i < kChains; ++i)
    x[0] = _mm_add_ps(x[0], x[i]);
  sink = _mm_cvtss_f32(x[0]);
  return 2.0 * 4 * kChains * static_cast<double>(rounds);
}

static double medianOf(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

/// `work(thread, trial)` on that many threads at once; its results are amounts. The sum
/// over threads of `choose` of their rates per second. Trials are short, so that other
/// work on the machine disturbs some of them only.
template <typename Work, typename Choose>
static double measureRate(int threads, int trials, Work work, Choose choose) {
  std::vector<double> rates(threads);
  auto measure = [&](int thread) {
    std::vector<double> own(trials);
    for (int trial = 0; trial < trials; ++trial) {
      auto start = Clock::now();
      double amount = work(thread, trial);
      own[trial] = amount / secondsSince(start);
    }
    rates[thread] = choose(own);
  };
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i)
    others.emplace_back(measure, i);
  measure(0);
  for (std::thread &thread : others)
    thread.join();
  double sum = 0;
  for (double rate : rates)
    sum += rate;
  return sum;
}

namespace {
struct Machine {
  double flops, bytes; // A second.
};
} // namespace

static Machine measureMachine(int threads) {
  auto multiply = __builtin_cpu_supports("avx512f")                                 ? multiply512
                  : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? multiply256
                                                                                    : multiply128;
  Machine machine;
  machine.flops = measureRate(
      threads, 300,
      [&](int, int) {
        volatile float sink;
        return multiply(100000, sink);
      },
      [](const std::vector<double> &rates) {
        return *std::max_element(rates.begin(), rates.end());
      });
  // Arrays that no cache holds, read and written piece by piece.
  constexpr size_t kPieces = 32, kPiece = size_t(1) << 19;
  std::vector<std::vector<float>> from(threads), to(threads);
  for (int i = 0; i < threads; ++i) {
    from[i].assign(kPieces * kPiece, 1.0f);
    to[i].assign(kPieces * kPiece, 0.0f);
  }
  machine.bytes = measureRate(
      threads, 3 * kPieces,
      [&](int thread, int trial) {
        const float *x = from[thread].data() + trial % kPieces * kPiece;
        float *y = to[thread].data() + trial % kPieces * kPiece;
        for (size_t at = 0; at < kPiece; at += 4)
          _mm_storeu_ps(y + at, _mm_mul_ps(_mm_loadu_ps(x + at), _mm_set1_ps(0.5f)));
        return static_cast<double>(2 * sizeof(float) * kPiece);
      },
      medianOf);
  return machine;
}

//===----------------------------------------------------------------------===//
// The profile
//===----------------------------------------------------------------------===//

namespace {
/// A line: time and work of one run.
struct Line {
  std::string name;
  double seconds, flops, bytes;
};
} // namespace

static std::string quoted(const std::string &text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      result += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof(code), "\\u%04x", c);
      result += code;
    } else {
      result += c;
    }
  }
  return result + "\"";
}

static void printJson(const std::vector<Line> &lines, double total, size_t runs, int threads,
                      const Machine &machine) {
  std::printf("{\"total_ms\": %.6g, \"runs\": %zu, \"threads\": %d, \"peak_gflops\": %.6g, "
              "\"peak_gbytes\": %.6g, \"steps\": [",
              total * 1e3, runs, threads, machine.flops * 1e-9, machine.bytes * 1e-9);
  const char *separator = "";
  for (const Line &line : lines) {
    double time = std::max(line.seconds, 1e-12);
    std::printf("%s{\"node\": %s, \"ms\": %.6g, \"share\": %.6g, \"flops\": %.0f, \"bytes\": %.0f, "
                "\"gflops\": %.6g, \"share_of_peak\": %.6g, \"gbytes\": %.6g}",
                separator, quoted(line.name).c_str(), line.seconds * 1e3, line.seconds / total,
                line.flops, line.bytes, line.flops / time * 1e-9, line.flops / time / machine.flops,
                line.bytes / time * 1e-9);
    separator = ", ";
  }
  std::puts("]}");
}

static void printTable(const std::vector<Line> &lines, double total, size_t runs, int threads,
                       const Machine &machine) {
  std::puts("      ms   share   GFLOP/s  of peak    GB/s  of peak  node");
  double flops = 0;
  for (const Line &line : lines) {
    flops += line.flops;
    double time = std::max(line.seconds, 1e-12);
    std::printf("%8.4f  %5.1f%%", line.seconds * 1e3, 100 * line.seconds / total);
    if (line.flops > 0)
      std::printf("  %8.1f   %5.1f%%", line.flops / time * 1e-9,
                  100 * line.flops / time / machine.flops);
    else
      std::printf("  %8s   %6s", "", "");
    if (line.bytes > 0)
      std::printf("  %6.1f   %5.1f%%", line.bytes / time * 1e-9,
                  100 * line.bytes / time / machine.bytes);
    else
      std::printf("  %6s   %6s", "", "");
    std::printf("  %s\n", line.name.c_str());
  }
  std::printf("%8.4f  100.0%%  %8.1f   %5.1f%%                    all, median of %zu runs on %d "
              "threads\npeak of this machine as measured: %.1f GFLOP/s, %.1f GB/s\n",
              total * 1e3, flops / total * 1e-9, 100 * flops / total / machine.flops, runs, threads,
              machine.flops * 1e-9, machine.bytes * 1e-9);
}

void secateur::run::profile(const SecateurApi &api, SecateurContext *context,
                            const Arguments &arguments, const std::function<void()> &runOnce) {
  constexpr size_t kWithProfile = offsetof(SecateurApi, stepInfo) + sizeof(api.stepInfo);
  if (api.structSize < kWithProfile)
    fail("'" + arguments.library + "' has no profile: compile it again");
  auto check = [&](SecateurStatus status) {
    if (status != SECATEUR_OK)
      fail(api.lastError(context));
  };
  for (int i = 0; i < 3; ++i)
    runOnce(); // Warms up caches, pages and clock.
  check(api.profile(context, 1));
  auto readSteps = [&] {
    std::vector<SecateurStep> steps(api.stepCount(context));
    for (size_t i = 0; i < steps.size(); ++i)
      check(api.stepInfo(context, static_cast<int32_t>(i), &steps[i]));
    return steps;
  };
  // Medians over runs, of the whole and of each step.
  std::vector<SecateurStep> before = readSteps();
  std::vector<std::vector<double>> times(before.size());
  std::vector<double> totals;
  auto start = Clock::now();
  while (arguments.runs ? totals.size() < static_cast<size_t>(arguments.runs)
                        : totals.size() < 5 || secondsSince(start) < arguments.minSeconds) {
    auto begin = Clock::now();
    runOnce();
    totals.push_back(secondsSince(begin));
    std::vector<SecateurStep> after = readSteps();
    for (size_t i = 0; i < after.size(); ++i)
      times[i].push_back(after[i].seconds - before[i].seconds);
    before = std::move(after);
  }
  check(api.profile(context, 0));
  size_t runs = totals.size();
  double total = medianOf(totals), known = 0, scale = 1.0 / static_cast<double>(runs);
  std::vector<Line> lines;
  for (size_t i = 0; i < before.size(); ++i) {
    const SecateurStep &step = before[i];
    double seconds = medianOf(times[i]);
    known += seconds;
    if (step.calls)
      lines.push_back({step.name, seconds, static_cast<double>(step.flops) * scale,
                       static_cast<double>(step.bytes) * scale});
  }
  lines.push_back({"(outside of steps)", std::max(total - known, 0.0), 0, 0});
  std::sort(lines.begin(), lines.end(), [](const Line &a, const Line &b) {
    return a.seconds != b.seconds ? a.seconds > b.seconds : a.name < b.name;
  });
  int threads = api.threads(context);
  Machine machine = measureMachine(threads);
  (arguments.json ? printJson : printTable)(lines, total, runs, threads, machine);
}
