"""The shapes that nn-infer-shapes finds at concrete input sizes are those that ONNX
Runtime makes, for every value of every real model."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest

import models
import tools

# The weights of these differ from those of light/, their graphs do not.
NAMES = [name for name in models.MODELS if not name.startswith("random/")]


def actual_shapes(path, feeds):
    """The shape of each value of the main graph: all become outputs."""
    model = onnx.load(path)
    outputs = {o.name for o in model.graph.output}
    for node in model.graph.node:
        for name in node.output:
            if name and name not in outputs:
                model.graph.output.add().name = name
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    values = session.run(None, feeds)
    return {o.name: list(v.shape) for o, v in zip(session.get_outputs(), values) if isinstance(v, np.ndarray)}


def inferred_shapes(path, feeds, folder):
    ir, report = folder / "model.mlir", folder / "shapes.json"
    result = tools.run("secateur-translate", "--import-onnx", path, "-o", ir)
    assert result.returncode == 0, result.stderr
    shapes = ",".join(f"{name}={'x'.join(map(str, value.shape))}" for name, value in feeds.items())
    result = tools.run("secateur-opt", ir, f"--nn-infer-shapes=shape={shapes} report={report}", "-o", "/dev/null")
    assert result.returncode == 0, result.stderr
    return {name: value.get("shape") for name, value in json.loads(report.read_text()).items()}


@pytest.mark.parametrize("name", NAMES)
def test_shapes(name, tmp_path):
    path, runs = models.path(name), models.MODELS[name][1]
    for shapes in runs:
        feeds = models.feeds(path, shapes)
        actual = actual_shapes(path, feeds)
        inferred = inferred_shapes(path, feeds, tmp_path)
        wrong = {value: (inferred[value], shape) for value, shape in actual.items()
                 if value in inferred and inferred[value] != shape}
        assert not wrong, list(wrong.items())[:10]
        # Upgrades to newer forms may replace a few values, not more.
        assert len(actual.keys() - inferred.keys()) <= max(2, len(actual) // 20)
