"""ONNX's own models of its operators, more than 1,400, go through nn and come out
with the same nodes at the same opset."""

import concurrent.futures
import warnings

import numpy as np
import onnx
import onnx.checker
from onnx import numpy_helper

import tools

# What is refused, and why.
REFUSED = {
    "test_not_2d": "older than the oldest supported",
    "test_not_3d": "older than the oldest supported",
    "test_not_4d": "older than the oldest supported",
    "test_scan_sum": "the Scan of opset 8 is not supported",
}
FLOATS = ("value_float", "value_floats")


def trimmed(names):
    names = list(names)
    while names and not names[-1]:
        names.pop()
    return names


def describe_tensor(tensor):
    array = numpy_helper.to_array(tensor)
    return tensor.data_type, array.shape, array.tobytes() if array.dtype != object else array.tolist()


def describe_attribute(attribute):
    if attribute.type == onnx.AttributeProto.GRAPH:
        return describe_graph(attribute.g)
    if attribute.type == onnx.AttributeProto.TENSOR:
        return describe_tensor(attribute.t)
    return str(onnx.helper.get_attribute_value(attribute))


def describe_constant(node):
    """Constants come out as tensors, whatever they were."""
    (attribute,) = node.attribute
    if attribute.type == onnx.AttributeProto.TENSOR:
        return node.output[0], describe_tensor(attribute.t)
    value = onnx.helper.get_attribute_value(attribute)
    if attribute.type == onnx.AttributeProto.SPARSE_TENSOR:
        return node.output[0], None
    if "string" in attribute.name:
        array = np.array(value, dtype=object)
    else:
        array = np.array(value, dtype=np.float32 if attribute.name in FLOATS else np.int64)
    return node.output[0], describe_tensor(numpy_helper.from_array(array))


def describe_node(node):
    if node.op_type == "Constant" and not node.domain:
        return describe_constant(node)
    return (node.op_type, node.domain, node.name, trimmed(node.input), trimmed(node.output),
            {a.name: describe_attribute(a) for a in node.attribute})


def describe_graph(graph):
    return ([describe_node(node) for node in graph.node], [i.name for i in graph.input], [o.name for o in graph.output])


def check(case, folder):
    """What is wrong with one case; None where nothing is."""
    source, target = folder / f"{case.name}.onnx", folder / f"{case.name}.out.onnx"
    onnx.save(case.model, source)
    result = tools.run("secateur-translate", "--import-onnx", "--export-onnx", source, "-o", target)
    if case.name in REFUSED:
        told = result.returncode == 1 and REFUSED[case.name] in result.stderr
        return None if told else f"not refused: {result.stderr}"
    if result.returncode:
        return result.stderr
    model = onnx.load(target)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        return str(error)
    if sorted((o.domain, o.version) for o in case.model.opset_import) != sorted((o.domain, o.version) for o in model.opset_import):
        return "other opsets"
    return None if describe_graph(case.model.graph) == describe_graph(model.graph) else "other nodes"


def test_node_models(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases  # pylint: disable=import-outside-toplevel
        # Those whose operator is expanded have none that the others do not have.
        cases = [case for case in collect_testcases(None) if case.model is not None and not case.name.endswith("_expanded")]
    assert len(cases) > 1400
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        problems = list(pool.map(lambda case: check(case, tmp_path), cases))
    assert {case.name: problem for case, problem in zip(cases, problems) if problem} == {}
