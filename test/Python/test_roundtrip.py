"""ONNX -> nn -> ONNX: every real model keeps its names, passes onnx.checker, and
gives the same outputs in ONNX Runtime."""

import collections

import onnx
import onnx.checker
import pytest

import models
import tools

# Hundreds of megabytes of weights, and nothing that the others do not have.
BIG = {"random/bvlc_alexnet", "random/vgg19", "random/zfnet512"}
NAMES = [name for name in models.MODELS if name not in BIG]


def graphs(graph):
    """A graph and all subgraphs, in order."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from graphs(attribute.g)


def interface(values):
    result = []
    for value in values:
        # Some exporters write -1 or "?" for a dynamic dimension without a name.
        for dim in value.type.tensor_type.shape.dim:
            if dim.HasField("dim_value") and dim.dim_value < 0 or dim.dim_param == "?":
                dim.ClearField("value")
        result.append((value.name, value.type.SerializeToString()))
    return result


def describe(model):
    """What must not change."""
    all_graphs = list(graphs(model.graph))
    initializers = {i.name for i in model.graph.initializer}
    return {
        "inputs": interface(i for i in model.graph.input if i.name not in initializers),
        # Listed as inputs before IR version 4, in any order.
        "initializer inputs": sorted(interface(i for i in model.graph.input if i.name in initializers)),
        "outputs": interface(model.graph.output),
        "subgraph inputs": [[i.name for i in g.input] for g in all_graphs[1:]],
        "initializers": sorted(i.name for g in all_graphs for i in g.initializer),
        "node names": collections.Counter(n.name for g in all_graphs for n in g.node),
        "operators": collections.Counter(n.op_type for g in all_graphs for n in g.node),
        "values read": {i for g in all_graphs for n in g.node for i in n.input},
        "metadata": sorted((m.key, m.value) for m in model.metadata_props),
        "node documentation": sorted((n.name, n.doc_string, [(m.key, m.value) for m in n.metadata_props])
                                     for g in all_graphs for n in g.node),
        "producer": (model.producer_name, model.producer_version, model.domain, model.model_version),
        "versions": (model.ir_version, sorted((o.domain, o.version) for o in model.opset_import)),
        "documentation": (model.doc_string, model.graph.doc_string, model.graph.name),
    }


@pytest.mark.parametrize("name", NAMES)
def test_roundtrip(name, tmp_path):
    source, runs = models.path(name), models.MODELS[name][1]
    target = tools.translate(source, tmp_path / "out.onnx")
    onnx.checker.check_model(str(target))
    before, after = describe(onnx.load(source)), describe(onnx.load(target))
    for what in before:
        assert before[what] == after[what], what
    # Once more: nothing drifts.
    again = tools.translate(target, tmp_path / "again.onnx")
    assert target.read_bytes() == again.read_bytes()
    for shapes in runs:
        feeds = models.feeds(source, shapes)
        assert tools.largest_difference(tools.outputs(source, feeds), tools.outputs(target, feeds)) <= 1e-6


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("light/")])
def test_newer_opset(name, tmp_path):
    """In the forms of a newer opset, a model computes the same."""
    source, runs = models.path(name), models.MODELS[name][1]
    target = tools.translate(source, tmp_path / "out.onnx", "--opset", 21)
    model = onnx.load(target)
    assert model.opset_import[0].version == 21
    onnx.checker.check_model(model)
    feeds = models.feeds(source, runs[0])
    # Fusions of ONNX Runtime depend on the opset: rounding may differ.
    assert tools.largest_difference(tools.outputs(source, feeds), tools.outputs(target, feeds)) <= 1e-5
