"""ONNX's own test cases of operators, compiled and run.

operators.txt lists the cases that pass. One case an operator is run, all of them with
SECATEUR_ALL_OPERATORS=1.
"""

import functools
import os
import pathlib
import sys
import warnings

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

ROOT = pathlib.Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "python-bindings"))
import secateur  # noqa: E402

NAMES = (pathlib.Path(__file__).parent / "operators.txt").read_text().split()


@functools.lru_cache(maxsize=None)
def cases():
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return {case.name: case for case in collect_testcases(None)}


def chosen():
    if os.environ.get("SECATEUR_ALL_OPERATORS"):
        return NAMES
    first = {}
    for name in NAMES:
        if name in cases():
            first.setdefault(cases()[name].model.graph.node[0].op_type, name)
    return sorted(first.values())


def array(value):
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)


def freeze(model, feeds):
    """Makes initialisers of small integer inputs: axes, shapes, repeats."""
    frozen = onnx.ModelProto()
    frozen.CopyFrom(model)
    del frozen.graph.input[:]
    left = {}
    for value in model.graph.input:
        data = feeds[value.name]
        if data.dtype.kind in "iub" and data.ndim <= 1 and data.size <= 16:
            frozen.graph.initializer.append(numpy_helper.from_array(data, value.name))
        else:
            frozen.graph.input.append(value)
            left[value.name] = data
    return frozen, left


@pytest.mark.parametrize("name", chosen())
def test_operator(name):
    case = cases()[name]
    inputs, outputs = case.data_sets[0]
    feeds = {value.name: array(data) for value, data in zip(case.model.graph.input, inputs)}
    try:
        model = secateur.compile(case.model, threads=1)
    except secateur.CompileError:
        frozen, feeds = freeze(case.model, feeds)
        model = secateur.compile(frozen, threads=1)
    results = model.run(feeds)
    for info, want in zip(model.outputs, map(array, outputs)):
        got = results[info.name]
        assert got.shape == want.shape
        if want.dtype.kind in "fV":
            np.testing.assert_allclose(got.astype("f8"), want.astype("f8"), rtol=1e-3, atol=1e-5)
        else:
            np.testing.assert_array_equal(got, want)
