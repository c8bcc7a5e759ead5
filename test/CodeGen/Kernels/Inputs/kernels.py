# SPDX-License-Identifier: Apache-2.0
"""Builds functions on memrefs with kern-lower and calls them with numpy arrays."""

import ctypes
import os
import subprocess
import sys
import tempfile

import numpy as np

TYPES = {np.dtype("float32"): "f32", np.dtype("int8"): "i8", np.dtype("int32"): "i32", np.dtype("float64"): "f64"}
LEVEL = {128: "x86-64-v2", 256: "x86-64-v3", 512: "x86-64-v4"}
ALLOW_512 = "avx512vl" in open("/proc/cpuinfo").read()


def run(command, text=None):
    result = subprocess.run(command, input=text, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(command)}\n{result.stderr[:4000]}")
    return result.stdout


class Library:
    """Functions of one module, compiled for vectors of `bits`."""

    def __init__(self, text, bits, opt="-O3"):
        self.folder = tempfile.TemporaryDirectory()
        base = os.path.join(self.folder.name, "k")
        keep = os.environ.get("KEEP_KERNELS")
        if keep:
            base = keep
        run(["secateur-opt", "-", f"-kern-lower=vector-bits={bits}", "-cse", "-codegen-outline-tasks", "-canonicalize",
             "-cse", "-codegen-approximate-math", "-codegen-lower-to-llvm", "-canonicalize", "-o", base + ".mlir"], text)
        run(["mlir-translate", "--mlir-to-llvmir", base + ".mlir", "-o", base + ".ll"])
        # Only what the descriptor names is visible: here that is every test function.
        code = open(base + ".ll").read()
        open(base + ".ll", "w").write(code.replace("define internal void @f", "define void @f"))
        cpu = ["-mtriple=x86_64-pc-linux-gnu", "-mcpu=" + LEVEL[bits]]
        if bits == 512:
            cpu += ["-mattr=-prefer-256-bit"]
        run(["opt", opt, *cpu, base + ".ll", "-o", base + ".bc"])
        run(["llc", "-O3", *cpu, "--relocation-model=pic", "-filetype=obj", base + ".bc", "-o", base + ".o"])
        if keep:
            run(["llc", "-O3", *cpu, "--relocation-model=pic", base + ".bc", "-o", base + ".s"])
        run(["clang-22", "-shared", base + ".o", "-o", base + ".so", "-lm"])
        self.library = ctypes.CDLL(base + ".so")

    def __call__(self, name, *arrays):
        arguments = []
        for array in arrays:
            if isinstance(array, int):
                arguments.append(ctypes.c_int64(array))
                continue
            arguments += [ctypes.c_void_p(array.ctypes.data)] * 2 + [ctypes.c_int64(0)]
            arguments += [ctypes.c_int64(n) for n in array.shape]
            arguments += [ctypes.c_int64(n // array.itemsize) for n in array.strides]
        function = getattr(self.library, name)
        function.restype = None
        function(*arguments)


def memref(array, dynamic=False):
    """The type of an array; with `dynamic`, no extent is known. A view of another
    array gets strides, known unless dynamic."""
    dims = "x".join("?" if dynamic else str(n) for n in array.shape)
    element = TYPES[array.dtype]
    if array.flags.c_contiguous:
        return f"memref<{dims}x{element}>"
    strides = [n // array.itemsize for n in array.strides]
    text = ", ".join("?" if dynamic and n != 1 else str(n) for n in strides)
    return f"memref<{dims}x{element}, strided<[{text}]>>"


def pack(logical, batch):
    """[batch.., K.., N] -> [batch.., ceil(N/16), K.., 16], as kern.weight does."""
    n = logical.shape[-1]
    panels = -(-n // 16)
    padded = np.zeros(logical.shape[:-1] + (panels * 16,), logical.dtype)
    padded[..., :n] = logical
    split = padded.reshape(logical.shape[:-1] + (panels, 16))
    return np.ascontiguousarray(np.moveaxis(split, -2, batch))


POINTS = {2: [[1, 0, 0], [.5, .5, .5], [.5, -.5, .5], [0, 0, 1]],
          4: [[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]]}


def winograd(filters, tile):
    """[3, 3, C, M] -> [ceil(M/16), (tile + 2)^2, C, 16], as kern.weight does."""
    g = np.array(POINTS[tile])
    places = np.einsum("iy,jx,yxcm->ijcm", g, g, filters.astype(np.float64))
    return pack(places.reshape(-1, *filters.shape[2:]).astype(np.float32), 0)


class Suite:
    """Collects cases, compiles them together and compares the results."""

    def __init__(self, bits, seed=0):
        self.bits = bits
        self.random = np.random.default_rng(seed)
        self.cases = []

    def array(self, *shape, scale=1.0):
        return (self.random.standard_normal(shape) * scale).astype(np.float32)

    def add(self, name, body, arrays, expected, dynamic=False, tolerance=2e-5, types=None):
        """`body` uses %0, %1, .. for the arrays, the last of which is the output."""
        self.cases.append((name, body, arrays, expected, dynamic, tolerance, types))

    def check(self):
        bits, text = self.bits, ""
        for number, (name, body, arrays, _, dynamic, _, types) in enumerate(self.cases):
            types = types or [memref(a, dynamic) for a in arrays]
            for i, type_ in enumerate(types):
                body = body.replace(f"$T{i}", type_)
            arguments = ", ".join(f"%a{i}: {t}" for i, t in enumerate(types))
            text += f"func.func @f{number}({arguments}) {{\n{body}\nreturn\n}}\n"
        library = Library(text, bits)
        failures = 0
        for number, (name, _, arrays, expected, _, tolerance, _) in enumerate(self.cases):
            out = arrays[-1]
            start = out.copy()
            library(f"f{number}", *arrays)
            error = np.abs(out.astype(np.float64) - expected)
            error[np.isnan(out) & np.isnan(expected)] = 0.0
            worst = (error / (np.nan_to_num(np.abs(expected)) + 1)).max() if expected.size else 0.0
            if not worst <= tolerance:
                failures += 1
                where = np.unravel_index(np.nanargmax(error), error.shape) if not np.isnan(error).all() else None
                print(f"FAIL {name} ({bits} bits): error {worst:.3g} at {where}, wrong {(error > tolerance).sum()} of {error.size}")
            out[...] = start
        print(f"{bits} bits: {len(self.cases) - failures} of {len(self.cases)} cases agree")
        return failures
