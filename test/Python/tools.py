"""Running our tools, and ONNX Runtime beside them."""

import os
import pathlib
import shutil
import subprocess

import numpy as np
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parents[2]


def find(tool):
    """The path of one of our tools: on the PATH, or in build/bin."""
    path = shutil.which(tool) or ROOT / "build" / "bin" / tool
    assert os.path.exists(path), f"{tool} is neither on the PATH nor in build/bin"
    return str(path)


def run(tool, *arguments, timeout=600):
    """Runs a tool; the result has returncode, stdout and stderr."""
    return subprocess.run([find(tool), *map(str, arguments)], capture_output=True, text=True, errors="replace",
                          timeout=timeout, check=False)


def translate(source, target, *options):
    """Takes an ONNX file through nn to another one."""
    result = run("secateur-translate", "--import-onnx", "--export-onnx", source, "-o", target, *options)
    assert result.returncode == 0, result.stderr
    return target


def session(path, optimize=True):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def outputs(path, feeds, optimize=True):
    return session(path, optimize).run(None, feeds)


def largest_difference(expected, actual):
    """Relative to the largest element of `expected`; infinite where shapes, types or NaNs differ."""
    if isinstance(expected, list):
        if len(expected) != len(actual):
            return float("inf")
        return max((largest_difference(a, b) for a, b in zip(expected, actual)), default=0.0)
    expected, actual = np.asarray(expected), np.asarray(actual)
    if expected.shape != actual.shape or expected.dtype != actual.dtype:
        return float("inf")
    if expected.size == 0 or expected.dtype.kind in "OUS":
        return 0.0 if np.array_equal(expected, actual) else float("inf")
    a, b = expected.astype(np.float64), actual.astype(np.float64)
    if not np.array_equal(np.isnan(a), np.isnan(b)):
        return float("inf")
    finite = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~finite & ~np.isnan(a)], b[~finite & ~np.isnan(b)]):
        return float("inf")
    scale = np.max(np.abs(a[finite]), initial=0.0)
    return float(np.max(np.abs(a[finite] - b[finite]), initial=0.0)) / (scale or 1.0)
