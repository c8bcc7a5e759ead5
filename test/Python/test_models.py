"""Whole models against ONNX Runtime: dense, pruned, and proved by the outsider's checker."""

import json
import subprocess
import sys

import models
import numpy as np
import pytest
from measure import run_library, sh

# Relative to the largest output; half-precision outputs carry their own rounding.
TOLERANCE = 1e-4
HALF_TOLERANCE = 5e-3


def tolerance(name):
    return HALF_TOLERANCE if name == "silero_half" else TOLERANCE


def shape_arguments(option, shapes, file):
    """`--shape NAME=DIMS` for each input that has a shape; "" stands for the only input."""
    names = [value.name for value in models.session(file).get_inputs()]
    arguments = []
    for name, shape in shapes.items():
        arguments += [option, f"{name or names[0]}={'x'.join(map(str, shape))}"]
    return arguments


@pytest.mark.parametrize("name", models.MODELS)
def test_dense(name, tmp_path):
    file, runs = models.path(name), models.MODELS[name][1]
    library = tmp_path / "model.so"
    sh("compile-model", file, "-o", library)
    for shapes in runs:
        feeds = models.feeds(file, shapes)
        assert models.difference(run_library(library, feeds), models.expected(file, feeds)) <= tolerance(name), shapes


@pytest.mark.parametrize("name", ["nudenet", "ppocr_det", "light/inception_v1", "light/squeezenet"])
def test_fast(name, tmp_path):
    """What --math=fast promises; it does much better (docs/kernels.md)."""
    file, runs = models.path(name), models.MODELS[name][1]
    library = tmp_path / "model.so"
    sh("compile-model", file, "-o", library, "--math", "fast")
    for shapes in runs:
        feeds = models.feeds(file, shapes)
        assert models.difference(run_library(library, feeds), models.expected(file, feeds)) <= 1e-3, shapes


@pytest.mark.parametrize("name", [n for n in models.MODELS if n not in models.ONLY_DENSE and not n.startswith("light/")])
def test_pruned(name, tmp_path):
    file, runs = models.path(name), models.MODELS[name][1]
    library, pruned, plan, report = (tmp_path / n for n in ("model.so", "pruned.onnx", "plan.json", "report.json"))
    nominal = shape_arguments("--nominal-shape", runs[0], file)
    sh("compile-model", file, "-o", library, "--budget", "flops=70%", "--verify", "--report", report, *nominal)
    sh("compile-model", file, "-o", pruned, "--budget", "flops=70%", "--save-plan", plan, *nominal)

    figures = json.loads(report.read_text())
    share = figures["pruned"]["flops"] / figures["dense"]["flops"]
    # Within 3 points, or one unit: half of the one class of channels that shufflenet's shuffles leave.
    assert share <= 0.70 and (share >= 0.67 or len(json.loads(plan.read_text())["steps"]) == 1), share
    assert all(output["passed"] for output in figures["verification"]["outputs"])
    for shapes in runs:
        feeds = models.feeds(file, shapes)
        assert models.difference(run_library(library, feeds), models.expected(pruned, feeds)) <= tolerance(name), shapes
    inputs = shape_arguments("--shape", runs[0], file)
    if name == "ppocr_det":
        np.save(tmp_path / "x.npy", models.feeds(file, runs[0])["x"])
        inputs = ["--input", f"x={tmp_path / 'x.npy'}"]
    proof = subprocess.run([sys.executable, models.ROOT / "scripts/prove.py", file, pruned, plan, *inputs],
                           capture_output=True, text=True)
    assert proof.returncode == 0, proof.stdout + proof.stderr


def test_specialised(tmp_path):
    """--shape gives the outputs of the dynamic library."""
    file = models.path("ppocr_det")
    shapes = {"x": (1, 3, 64, 96)}
    library = tmp_path / "model.so"
    sh("compile-model", file, "-o", library, *shape_arguments("--shape", shapes, file))
    feeds = models.feeds(file, shapes)
    assert models.difference(run_library(library, feeds), models.expected(file, feeds)) <= TOLERANCE


def test_trained_accuracy(tmp_path):
    """At half of its FLOPs the trained network loses less than a point, without fine-tuning."""
    data = np.load(models.ROOT / "samples/mnist_test.npz")
    accuracy = {}
    for label, extra in (("dense", ()), ("pruned", ("--budget", "flops=50%", "--verify", "--nominal-shape", "image=1x1x28x28"))):
        library = tmp_path / f"{label}.so"
        sh("compile-model", models.path("mnist_cnn"), "-o", library, *extra)
        scores = run_library(library, {"image": data["images"]})["scores"]
        accuracy[label] = (scores.argmax(1) == data["labels"]).mean()
    assert accuracy["dense"] >= 0.98
    assert accuracy["dense"] - accuracy["pruned"] < 0.01, accuracy
