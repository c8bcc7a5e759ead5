#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Speed of single kernels, beside the peak that the same core reaches in the same run.

    PATH=build/bin:/usr/lib/llvm-22/bin:$PATH python benchmarks/kernel_peak.py [--bits 512] [--rounds 7] [NAME..]

One thread; FLOPs are those of the mathematics (taps in the padding count, columns that
fill a vector do not); bias and ReLU are fused; inputs stay in the caches. Thread time,
best of the rounds, which go over all kernels in turn. NAME selects by a part of the name.
"""

import argparse
import ctypes
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../test/CodeGen/Kernels/Inputs"))
from kernels import Library, memref, pack, winograd

# Independent multiply-adds in registers: what the core can do at most.
PEAK = r"""
#include <time.h>
typedef float vector __attribute__((vector_size(BYTES)));
double peak(void) {
  vector a[12], x, y;
  struct timespec begin, end;
  for (int i = 0; i < 12; ++i) a[i] = (vector){0} + (float)i;
  x = (vector){0} + 0.999f, y = (vector){0} + 0.1f;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
  for (int r = 0; r < 400000; ++r) {
    for (int i = 0; i < 12; ++i) a[i] = a[i] * x + y;
    __asm__ volatile("" : "+v"(a[0]));
  }
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
  volatile float sink = 0;
  for (int i = 0; i < 12; ++i) sink += a[i][0];
  double seconds = end.tv_sec - begin.tv_sec + 1e-9 * (end.tv_nsec - begin.tv_nsec);
  return 400000. * 12 * BYTES / 4 * 2 / seconds / 1e9;
}
"""
BIAS_RELU = """{ ^bb0(%acc: f32, %b: f32):
  %zero = arith.constant 0.0 : f32
  %s = arith.addf %acc, %b : f32
  %is = arith.cmpf ogt, %s, %zero : f32
  %y = arith.select %is, %s, %zero : f32
  kern.yield %y : f32 }"""
MM = ("affine_map<(m, n, k) -> (m, k)>", "affine_map<(m, n, k) -> (k, n)>", "affine_map<(m, n, k) -> (m, n)>")
RANDOM = np.random.default_rng(0)


def array(*shape):
    """Random numbers, aligned to cache lines."""
    size = int(np.prod(shape))
    bytes_ = np.empty(size * 4 + 64, np.uint8)
    start = -bytes_.ctypes.data % 64
    result = bytes_[start:start + size * 4].view(np.float32).reshape(shape)
    result[...] = RANDOM.standard_normal(shape) * 0.1
    return result


def copied(value):
    result = array(*value.shape)
    result[...] = value
    return result


class Case:
    def __init__(self, name, flops, body, arrays):
        self.name, self.flops, self.arrays = name, flops, arrays
        for i, one in enumerate(arrays):
            body = body.replace(f"$T{i}", memref(one))
        self.body = body


def gemm(name, m, n, k):
    return Case(name, 2 * m * n * k,
                f"kern.contract indexing_maps = [{', '.join(MM)}] ins(%a0, %a1 : $T0, $T1) packed epilogue(%a2 : $T2) "
                f"maps [affine_map<(m, n) -> (n)>] outs(%a3 : $T3) {BIAS_RELU}",
                [array(m, k), copied(pack(array(k, n), 0)), array(n), array(m, n)])


def rows(name, m, n, k):
    """B as it is: rows of columns."""
    return Case(name, 2 * m * n * k, f"kern.contract indexing_maps = [{', '.join(MM)}] ins(%a0, %a1 : $T0, $T1) outs(%a2 : $T2)",
                [array(m, k), array(k, n), array(m, n)])


def window(op, filters, name, size, channels, outputs, taps, stride, flops):
    pad = taps // 2
    out = (size + 2 * pad - taps) // stride + 1
    return Case(name, flops * out * out,
                f"{op} ins(%a0, %a1 : $T0, $T1) epilogue(%a2 : $T2) maps [affine_map<(a, b, c, d) -> (d)>] outs(%a3 : $T3) "
                f"strides [{stride}, {stride}] pads [{pad}, {pad}, {pad}, {pad}] {BIAS_RELU}",
                [array(1, size, size, channels), filters, array(outputs), array(1, out, out, outputs)])


def conv(name, size, channels, outputs, taps=3, stride=1):
    filters = copied(pack(array(1, taps, taps, channels, outputs), 1))
    return window("kern.conv", filters, name, size, channels, outputs, taps, stride, 2 * taps * taps * channels * outputs)


def fast(name, size, channels, outputs, tile=4):
    """A 3x3 convolution as --math=fast does it; its speed is that of the multiplications which it saves, too."""
    filters = copied(winograd(array(3, 3, channels, outputs), tile))
    out = size
    return Case(name, 18 * channels * outputs * out * out,
                f"kern.winograd_conv tile {tile} ins(%a0, %a1 : $T0, $T1) epilogue(%a2 : $T2) maps [affine_map<(a, b, c, d) -> (d)>] "
                f"outs(%a3 : $T3) pads [1, 1, 1, 1] {BIAS_RELU}",
                [array(1, size, size, channels), filters, array(outputs), array(1, out, out, outputs)])


def grouped(name, size, groups, channels, stride=1):
    """A 3x3 convolution in groups of `channels`, as many of them in a panel as fit."""
    bundle = max(1, 16 // channels)
    filters = copied(pack(array(-(-groups // bundle), 3, 3, channels, bundle * channels), 1))
    case = window("kern.conv", filters, name, size, groups * channels, groups * channels, 3, stride, 18 * channels * groups * channels)
    case.body = case.body.replace("pads [1, 1, 1, 1]", f"pads [1, 1, 1, 1] groups {groups} bundle {bundle}")
    return case


def depthwise(name, size, channels, taps=3, stride=1):
    return window("kern.depthwise_conv", array(taps, taps, channels), name, size, channels, channels, taps, stride,
                  2 * taps * taps * channels)


def cases():
    yield gemm("1x1 56 64->64", 3136, 64, 64)
    yield gemm("1x1 56 64->256", 3136, 256, 64)
    yield gemm("1x1 28 512->128", 784, 128, 512)
    yield gemm("1x1 14 256->1024", 196, 1024, 256)
    yield gemm("1x1 14 1024->256", 196, 256, 1024)
    yield gemm("1x1 7 512->2048", 49, 2048, 512)
    yield gemm("bert 128x768x768", 128, 768, 768)
    yield gemm("bert 128x3072x768", 128, 3072, 768)
    yield gemm("bert 128x768x3072", 128, 768, 3072)
    yield gemm("gemm 196x1000x512", 196, 1000, 512)
    for n in (8, 16, 24, 37, 40, 59, 80, 115):
        yield gemm(f"columns 784x{n}x256", 784, n, 256)
    yield gemm("1x1 56 144->24", 3136, 24, 144)
    yield gemm("1x1 28 240->40", 784, 40, 240)
    yield gemm("gemv 4096x4096", 1, 4096, 4096)
    yield gemm("gemv 2048->1000", 1, 1000, 2048)
    yield rows("values 128x64x128, B as it is", 128, 64, 128)
    yield rows("128x768x768, B as it is", 128, 768, 768)
    yield conv("3x3 56 64", 56, 64, 64)
    yield conv("3x3 28 128", 28, 128, 128)
    yield conv("3x3 14 256", 14, 256, 256)
    yield conv("3x3 7 512", 7, 512, 512)
    yield conv("3x3 s2 56 128", 56, 128, 128, stride=2)
    yield conv("3x3 s2 28 256", 28, 256, 256, stride=2)
    yield conv("3x3 28 37->59", 28, 37, 59)
    yield conv("stem 7x7 s2 224 3->64", 224, 3, 64, 7, 2)
    yield conv("stem 3x3 s2 224 3->32", 224, 3, 32, 3, 2)
    yield conv("stem 3x3 s2 224 3->64", 224, 3, 64, 3, 2)
    yield conv("stem 3x3 s2 320 3->16", 320, 3, 16, 3, 2)
    for tile in (2, 4):
        yield fast(f"winograd {tile} 112 32", 112, 32, 32, tile)
        yield fast(f"winograd {tile} 56 64", 56, 64, 64, tile)
        yield fast(f"winograd {tile} 28 128", 28, 128, 128, tile)
        yield fast(f"winograd {tile} 14 256", 14, 256, 256, tile)
        yield fast(f"winograd {tile} 7 512", 7, 512, 512, tile)
        yield fast(f"winograd {tile} 56 128->32", 56, 128, 32, tile)
    yield grouped("grouped 56 32x4", 56, 32, 4)
    yield grouped("grouped 28 32x8", 28, 32, 8)
    yield grouped("grouped 14 32x16", 14, 32, 16)
    yield grouped("grouped 7 32x32", 7, 32, 32)
    yield grouped("grouped s2 56 32x8", 56, 32, 8, 2)
    yield grouped("grouped s2 14 32x32", 14, 32, 32, 2)
    yield grouped("grouped s2 56 34x8", 56, 34, 8, 2)
    yield grouped("grouped s2 14 31x32", 14, 31, 32, 2)
    yield grouped("grouped 28 31x5", 28, 31, 5)
    yield grouped("grouped 28 27x7", 28, 27, 7)
    yield grouped("grouped 14 13x11", 14, 13, 11)
    yield depthwise("depthwise 112 32", 112, 32)
    yield depthwise("depthwise 56 144", 56, 144)
    yield depthwise("depthwise 28 192", 28, 192)
    yield depthwise("depthwise 14 384", 14, 384)
    yield depthwise("depthwise 7 960", 7, 960)
    yield depthwise("depthwise 14 59", 14, 59)
    yield depthwise("depthwise s2 112 96", 112, 96, stride=2)
    yield depthwise("depthwise s2 14 576", 14, 576, stride=2)
    yield depthwise("depthwise 5x5 28 240", 28, 240, 5)
    yield depthwise("depthwise 5x5 14 480", 14, 480, 5)
    yield depthwise("depthwise 5x5 s2 14 672", 14, 672, 5, 2)
    yield depthwise("depthwise 7x7 14 384", 14, 384, 7)


def peak_function(bits, folder):
    source, library = os.path.join(folder, "peak.c"), os.path.join(folder, "peak.so")
    with open(source, "w") as file:
        file.write(PEAK.replace("BYTES", str(bits // 8)))
    level = {128: "x86-64-v2", 256: "x86-64-v3", 512: "x86-64-v4"}[bits]
    subprocess.check_call(["clang-22", "-O2", f"-march={level}", "-ffp-contract=fast", "-shared", "-fPIC", source, "-o", library])
    function = ctypes.CDLL(library).peak
    function.restype = ctypes.c_double
    return function


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bits", type=int, default=512, choices=(128, 256, 512))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    chosen = [case for case in cases() if not options.names or any(name in case.name for name in options.names)]
    text = ""
    for number, case in enumerate(chosen):
        arguments = ", ".join(f"%a{i}: {memref(one)}" for i, one in enumerate(case.arrays))
        text += (f"func.func @f{number}({arguments}, %count: index) {{\n%c0 = arith.constant 0 : index\n%c1 = arith.constant 1 : index\n"
                 f"scf.for %i = %c0 to %count step %c1 {{\n{case.body}\n}}\nreturn\n}}\n")
    library = Library(text, options.bits)
    best, peak = [0.0] * len(chosen), 0.0
    with tempfile.TemporaryDirectory() as folder:
        measure_peak = peak_function(options.bits, folder)
        for _ in range(options.rounds):
            for number, case in enumerate(chosen):
                count = max(1, int(2e8 / case.flops))
                library(f"f{number}", *case.arrays, 1)
                peak = max(peak, measure_peak())
                start = time.thread_time()
                library(f"f{number}", *case.arrays, count)
                best[number] = max(best[number], case.flops * count / (time.thread_time() - start) / 1e9)
    print(f"Peak: {peak:.0f} GFLOP/s with vectors of {options.bits} bits.\n\n| kernel | GFLOP/s | % of peak | us |\n|---|---|---|---|")
    for case, speed in zip(chosen, best):
        print(f"| {case.name} | {speed:.1f} | {100 * speed / peak:.0f} | {case.flops / speed / 1e3:.1f} |")


main()
