"""Timing a compiled library against ONNX Runtime on the same input, in alternating rounds."""

import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy as np
import onnxruntime as ort


def sh(*command):
    """Standard output of a command; ends the program with its error output where it fails."""
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit status {result.returncode}\n{result.stderr.strip()}")
    return result.stdout


def session(path, threads):
    """ONNX Runtime at its best documented settings for latency on this many threads."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def save_feeds(feeds, folder):
    """`--input NAME=FILE.npy` arguments for run-model."""
    arguments = []
    for index, (name, value) in enumerate(feeds.items()):
        path = pathlib.Path(folder) / f"input{index}.npy"
        np.save(path, value)
        arguments += ["--input", f"{name}={path}"]
    return arguments


def run_library(library, feeds, threads=1):
    """The outputs of a compiled library, by file name (see run-model --output)."""
    with tempfile.TemporaryDirectory() as folder:
        inputs = save_feeds(feeds, folder)
        output = pathlib.Path(folder) / "out"
        output.mkdir()
        sh("run-model", library, *inputs, "--output", output, "--threads", threads)
        return {path.stem: np.load(path) for path in output.glob("*.npy")}


def time_runtime(runtime, feeds, seconds):
    samples, end = [], time.perf_counter() + seconds
    while not samples or time.perf_counter() < end:
        start = time.perf_counter()
        runtime.run(None, feeds)
        samples.append(1e3 * (time.perf_counter() - start))
    return statistics.median(samples)


def latencies(library, model, feeds, threads, rounds=5, seconds=1.0):
    """Milliseconds of each round, (ours, ONNX Runtime's): each the median of a round's runs."""
    runtime = session(model, threads)
    runtime.run(None, feeds)
    mine, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        inputs = save_feeds(feeds, folder)
        for _ in range(rounds):
            text = sh("run-model", library, *inputs, "--threads", threads, "--benchmark", "--json")
            mine.append(json.loads(text)["median_ms"])
            theirs.append(time_runtime(runtime, feeds, seconds))
    return mine, theirs
