"""Shapes and elements that nn-infer-shapes finds for ONNX's own models of its
operators are those of the reference outputs that come with them."""

import concurrent.futures
import json
import warnings

import numpy as np
import onnx
from onnx import numpy_helper

import tools

# Values that the reference makes by chance.
RANDOM = ("bernoulli", "dropout", "random", "multinomial")


def with_constants(model, inputs, keep):
    """`model` with all inputs but the first `keep` as initialisers: so that shape
    arithmetic has something to compute with."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    kept = list(graph.input[:keep])
    for value, array in zip(graph.input[keep:], inputs[keep:]):
        if not isinstance(array, np.ndarray) or array.dtype == object:
            return None
        graph.initializer.append(numpy_helper.from_array(array, value.name))
    del graph.input[:]
    graph.input.extend(kept)
    return model


def infer(model, path):
    onnx.save(model, path)
    ir, report = path.with_suffix(".mlir"), path.with_suffix(".json")
    result = tools.run("secateur-translate", "--import-onnx", path, "-o", ir)
    if result.returncode:
        return None  # Refused; other tests look into that.
    result = tools.run("secateur-opt", ir, f"--nn-infer-shapes=report={report}", "-o", "/dev/null")
    assert result.returncode == 0, result.stderr[:2000]
    return json.loads(report.read_text())


def compare(name, found, expected):
    """What is wrong with one value, and whether its shape is known."""
    shape = found.get("shape")
    if shape is None:
        return None, False
    if len(shape) != expected.ndim or any(s is not None and s != e for s, e in zip(shape, expected.shape)):
        return f"{name}: shape {shape}, expected {list(expected.shape)}", True
    elements = found.get("elements")
    if elements is not None and not any(word in name for word in RANDOM):
        flat = expected.ravel().tolist()
        if len(elements) != len(flat):
            return f"{name}: {len(elements)} elements, expected {len(flat)}", True
        for element, value in zip(elements, flat):
            if element is not None and not np.isclose(element, float(value), rtol=1e-6, atol=1e-9):
                return f"{name}: elements {elements[:16]}, expected {flat[:16]}", True
    return None, None not in shape


def check(case, folder):
    """Problems, number of values, number of those whose shape is known."""
    problems, values, known = [], 0, 0
    inputs, outputs = case.data_sets[0]
    # Small first inputs may be what is computed with: Equal, Not, NonZero.
    keep = 0 if inputs and isinstance(inputs[0], np.ndarray) and inputs[0].size <= 64 else 1
    model = with_constants(case.model, inputs, keep)
    if model is None:
        return problems, values, known
    try:
        report = infer(model, folder / f"{case.name}.onnx")
    except AssertionError as error:
        return [f"{case.name}: {error}"], values, known
    for value, expected in zip(model.graph.output, outputs):
        if report is None or value.name not in report or not isinstance(expected, np.ndarray):
            continue
        problem, whole = compare(value.name, report[value.name], expected)
        values += 1
        known += whole
        if problem:
            problems.append(f"{case.name}: {problem}")
    return problems, values, known


def test_node_shapes(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases
        cases = [case for case in collect_testcases(None) if case.model and case.data_sets and not case.name.endswith("_expanded")]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda case: check(case, tmp_path), cases))
    problems = [problem for found, _, _ in results for problem in found]
    assert not problems, "\n".join([f"{len(problems)} problems", *problems[:40]])
    values, known = sum(r[1] for r in results), sum(r[2] for r in results)
    assert values > 1200 and known > 0.9 * values, (values, known)
