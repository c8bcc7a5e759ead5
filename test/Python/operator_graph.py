"""Models of a few operators, compiled and compared with ONNX Runtime."""

import pathlib
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent.parent / "benchmarks"))
from measure import run_library, sh  # noqa: E402

rng = np.random.default_rng(0)


def normal(*shape, dtype=np.float32):
    return np.asarray(rng.standard_normal(shape), dtype)


class Graph:
    """A model in the making, and what to run it on."""

    def __init__(self, opset=21):
        self.opset, self.nodes, self.inputs, self.constants, self.outputs, self.feeds = opset, [], [], [], [], {}

    def input(self, array, dims=None, name=None):
        """An input; `dims` replaces sizes by symbols."""
        name = name or f"in{len(self.inputs)}"
        self.feeds[name] = array
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        self.inputs.append(helper.make_tensor_value_info(name, kind, dims or array.shape))
        return name

    def constant(self, values, dtype=np.int64):
        name = f"const{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def op(self, kind, *operands, label=None, count=1, hidden=False, domain="", **attributes):
        """A node; all of its outputs are outputs of the model unless hidden."""
        index = len(self.nodes)
        names = [f"{label or kind}_{index}" + (f"_{i}" if count > 1 else "") for i in range(count)]
        self.nodes.append(helper.make_node(kind, list(operands), names, domain=domain, **attributes))
        if not hidden:
            self.outputs += names
        return names[0] if count == 1 else names

    def model(self):
        outputs = [helper.make_empty_tensor_value_info(name) for name in self.outputs]
        graph = helper.make_graph(self.nodes, "operators", self.inputs, outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=10)
        return onnx.shape_inference.infer_shapes(model, data_prop=True)

    def check(self, folder, tolerance=1e-5, more_feeds=(), options=()):
        """Compiles, and compares for these feeds and others of other sizes."""
        file, library = folder / "model.onnx", folder / "model.so"
        onnx.save(self.model(), file)
        sh("compile-model", file, "-o", library, *options)
        options = ort.SessionOptions()
        options.log_severity_level = 3
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        runtime = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        for feeds in (self.feeds, *more_feeds):
            expected = runtime.run(self.outputs, feeds)
            found = run_library(library, feeds)
            failures = [f"{name}: {problem}" for name, wanted in zip(self.outputs, expected)
                        if (problem := compare(wanted, found[name], tolerance))]
            assert not failures, "\n".join(failures)


def compare(wanted, found, tolerance):
    """What is wrong with `found`; None where nothing is."""
    if wanted.shape != found.shape or wanted.dtype != found.dtype:
        return f"expected {wanted.dtype}{wanted.shape}, got {found.dtype}{found.shape}"
    if not wanted.size:
        return None
    if not np.issubdtype(wanted.dtype, np.floating):
        return None if (wanted == found).all() else f"expected {wanted.ravel()[:8]}, got {found.ravel()[:8]}"
    a, b = wanted.astype(np.float64), found.astype(np.float64)
    if (np.isnan(a) != np.isnan(b)).any():
        return f"NaN in other places: expected {a.ravel()[:8]}, got {b.ravel()[:8]}"
    infinite = np.isinf(a) | np.isinf(b)
    if (a[infinite] != b[infinite]).any():
        return f"infinities differ: expected {a.ravel()[:8]}, got {b.ravel()[:8]}"
    usable = np.isfinite(a)
    if not usable.any():
        return None
    scale = max(np.abs(a[usable]).max(), 1e-6)
    worst = np.abs(a - b)[usable].max() / scale
    limit = 2e-3 if wanted.dtype == np.float16 else tolerance
    return None if worst <= limit else f"differs by {worst:.2e} of the largest: expected {a.ravel()[:6]}, got {b.ravel()[:6]}"
