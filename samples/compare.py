#!/usr/bin/env python3
"""Compiles a trained sample dense and pruned, and compares both with ONNX Runtime.

usage: python samples/compare.py samples/mnist_cnn.onnx [--budget flops=50%] [--threads 1]

Prints a row per model: accuracy on the held-out images, parameters, FLOPs, size of the
artefact, and latency (median, one image) of our library and of ONNX Runtime. Both run
on the same number of threads; their timed runs alternate.
"""

import argparse
import json
import pathlib
import statistics
import sys
import tempfile
from contextlib import closing

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "benchmarks"))
from measure import Library, Peer, interleave, run_library, sh  # noqa: E402


def compile_both(model, budget, folder):
    """Paths of (library, ONNX file, report section) for the dense and the pruned model."""
    dense, pruned, small, report = (folder / name for name in ("dense.so", "pruned.so", "pruned.onnx", "report.json"))
    nominal = ("--nominal-shape", "image=1x1x28x28")
    sh("compile-model", model, "-o", dense)
    sh("compile-model", model, "-o", pruned, "--budget", budget, "--verify", "--report", report, *nominal)
    sh("compile-model", model, "-o", small, "--budget", budget, *nominal)
    figures = json.loads(report.read_text())
    return {"dense": (dense, model, figures["dense"]), f"pruned, {budget}": (pruned, small, figures["pruned"])}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--budget", default="flops=50%")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    data = np.load(pathlib.Path(__file__).parent / "mnist_test.npz")
    images, labels = data["images"], data["labels"]

    print(f"{'':22}{'accuracy':>10}{'ORT':>8}{'parameters':>12}{'MFLOP':>9}{'KiB':>7}{'ms':>9}{'ORT ms':>9}")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for label, (library, onnx_file, figures) in compile_both(arguments.model, arguments.budget, folder).items():
            scores = run_library(library, {"image": images}, arguments.threads)["scores"]
            with closing(Peer("onnxruntime", onnx_file, {"image": images}, arguments.threads)) as runtime:
                reference = runtime.outputs()[0]
            accuracy, expected = ((s.argmax(1) == labels).mean() for s in (scores, reference))
            image = {"image": images[:1]}
            with closing(Library(library, image, arguments.threads)) as ours, closing(Peer("onnxruntime", onnx_file, image, arguments.threads)) as peer:
                rounds = interleave({"ours": ours, "peer": peer}, rounds=3, seconds=0.3)
            mine, theirs = map(statistics.median, rounds.values())
            print(f"{label:22}{accuracy:>10.1%}{expected:>8.1%}{figures['parameters']:>12,}{figures['flops'] / 1e6:>9.2f}"
                  f"{library.stat().st_size / 1024:>7.0f}{mine:>9.3f}{theirs:>9.3f}")


if __name__ == "__main__":
    main()
