"""Norms and means whose statistics run over a pruned axis.

What leaves a residual stream goes on being counted: natively (`--verify`), and in the ONNX file, which
scripts/prove.py holds against the zeroed original with ONNX Runtime."""

import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import tools

WIDTH = 24


class Stream:
    """x [2,5,6] -> a residual stream of 24 channels with a norm before each of two blocks -> y [2,5,3]."""

    def __init__(self, opset):
        self.opset, self.nodes, self.constants = opset, [], []
        self.rng = np.random.default_rng(0)

    def constant(self, array, name):
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def weight(self, name, *shape):
        return self.constant((self.rng.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32), name)

    def vector(self, name, size, low=0.5, high=1.5):
        return self.constant(self.rng.uniform(low, high, size).astype(np.float32), name)

    def node(self, op, inputs, output, others=(), **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output, *others], output, **attributes))
        return output

    def fused(self, op, inputs, output, others=()):
        return self.node(op, inputs, output, others, domain="com.microsoft", epsilon=0.1)

    def mean(self, x, output, **attributes):
        if self.opset < 18:
            return self.node("ReduceMean", [x], output, axes=[-1], **attributes)
        return self.node("ReduceMean", [x, self.constant(np.array([-1]), output + "_axes")], output, **attributes)

    def block(self, norm, x, number):
        y = norm(self, x, f"norm{number}")
        y = self.node("MatMul", [y, self.weight(f"up{number}", WIDTH, 32)], f"hidden{number}")
        y = self.node("Relu", [y], f"relu{number}")
        y = self.node("MatMul", [y, self.weight(f"down{number}", 32, WIDTH)], f"branch{number}")
        y = self.node("Add", [y, self.vector(f"bias{number}", WIDTH, -1, 1)], f"biased{number}")
        return self.node("Add", [x, y], f"stream{number}")

    def build(self, norm):
        x = self.node("MatMul", ["x", self.weight("embed", 6, WIDTH)], "stream")
        x = self.block(norm, self.block(norm, x, 0), 1)
        self.node("MatMul", [norm(self, x, "last"), self.weight("head", WIDTH, 3)], "y")
        graph = helper.make_graph(self.nodes, "stream", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 5, 6])],
                                  [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 5, 3])], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset), helper.make_opsetid("com.microsoft", 1)], ir_version=8 if self.opset < 20 else 10)


def layer_norm(g, x, name):
    return g.node("LayerNormalization", [x, g.vector(name + "_scale", WIDTH), g.vector(name + "_bias", WIDTH, -1, 1)], name, axis=-1)


def plain_layer_norm(g, x, name):
    return g.node("LayerNormalization", [x, g.vector(name + "_scale", WIDTH)], name, axis=2, epsilon=0.01)


def rms_norm(g, x, name):
    return g.node("RMSNormalization", [x, g.vector(name + "_scale", WIDTH)], name, axis=-1, epsilon=0.1)


def decomposed_rms_norm(g, x, name):
    square = g.node("Pow", [x, g.constant(np.float32(2), name + "_two")], name + "_square")
    stable = g.node("Add", [g.mean(square, name + "_mean"), g.constant(np.float32(0.1), name + "_epsilon")], name + "_stable")
    y = g.node("Div", [x, g.node("Sqrt", [stable], name + "_root")], name + "_normal")
    return g.node("Mul", [y, g.vector(name + "_scale", WIDTH)], name)


def decomposed_layer_norm(g, x, name):
    difference = g.node("Sub", [x, g.mean(x, name + "_mean")], name + "_difference")
    square = g.node("Pow", [difference, g.constant(np.float32(2), name + "_two")], name + "_square")
    stable = g.node("Add", [g.mean(square, name + "_variance"), g.constant(np.float32(0.1), name + "_epsilon")], name + "_stable")
    y = g.node("Div", [difference, g.node("Sqrt", [stable], name + "_root")], name + "_normal")
    y = g.node("Mul", [y, g.vector(name + "_scale", WIDTH)], name + "_scaled")
    return g.node("Add", [y, g.vector(name + "_bias", WIDTH, -1, 1)], name)


def scaled_by_mean(g, x, name):
    return g.node("Mul", [x, g.mean(x, name + "_mean")], name)


def group_norm(g, x, name):
    """Groups of channels stand last, so that they go to axis 1 and come back."""
    y = g.node("Transpose", [x], name + "_first", perm=[0, 2, 1])
    y = g.node("GroupNormalization", [y, g.vector(name + "_scale", WIDTH), g.vector(name + "_bias", WIDTH, -1, 1)], name + "_normal", num_groups=4)
    return g.node("Transpose", [y], name, perm=[0, 2, 1])


def simplified_norm(g, x, name):
    return g.node("SimplifiedLayerNormalization", [x, g.vector(name + "_scale", WIDTH)], name, axis=-1, epsilon=0.1)


def skip_norm(g, x, name):
    """The sum is used, too, but behind the last norm."""
    parameters = [g.vector(name + "_scale", WIDTH), g.vector(name + "_shift", WIDTH, -1, 1), g.vector(name + "_bias", WIDTH, -1, 1)]
    if name == "last":
        return g.fused("SkipLayerNormalization", [x, x, *parameters[:2]], name)
    y = g.fused("SkipLayerNormalization", [x, x, *parameters], name + "_norm", ["", "", name + "_sum"])
    return g.node("Add", [y, name + "_sum"], name)


def skip_rms_norm(g, x, name):
    scale, bias = g.vector(name + "_scale", WIDTH), g.vector(name + "_bias", WIDTH, -1, 1)
    y = g.fused("SkipSimplifiedLayerNormalization", [x, x, scale, bias], name + "_norm", ["", "", name + "_sum"])
    return g.node("Add", [y, name + "_sum"], name)


def embedding_norm(g, x, name):
    """What is looked up is added; every second time its sum, too."""
    ids = g.constant(np.arange(10, dtype=np.int32).reshape(2, 5) % 4, name + "_ids")
    tables = [g.weight(f"{name}_{table}", rows, WIDTH) for table, rows in (("words", 4), ("positions", 5), ("segments", 4))]
    parameters = [g.vector(name + "_scale", WIDTH), g.vector(name + "_bias", WIDTH, -1, 1)]
    others = [name + "_mask", name + "_sum"] if name == "norm0" else [name + "_mask"]
    y = g.fused("EmbedLayerNormalization", [ids, ids, *tables, *parameters], name + "_looked_up", others)
    if name == "norm0":
        y = g.node("Add", [y, name + "_sum"], name + "_both")
    return g.node("Add", [x, y], name)


def prune(folder, model, *options, budget="params=60%", keep=("relu0", "relu1")):
    onnx.save(model, folder / "dense.onnx")
    result = tools.run("compile-model", folder / "dense.onnx", "-o", folder / "pruned.onnx", *(f"--keep={name}" for name in keep), "--budget", budget, "--save-plan",
                       folder / "plan.json", "--report", folder / "report.json", *options)
    assert result.returncode == 0, result.stderr
    return onnx.load(folder / "pruned.onnx")


def shape_of(model, name):
    return next(list(t.dims) for t in model.graph.initializer if t.name == name)


def prove(folder):
    return subprocess.run([sys.executable, str(tools.ROOT / "scripts" / "prove.py"), "dense.onnx", "pruned.onnx", "plan.json"], cwd=folder,
                          capture_output=True, text=True, check=False)


@pytest.mark.parametrize("norm, opset", [(layer_norm, 17), (layer_norm, 20), (plain_layer_norm, 17), (rms_norm, 23), (decomposed_rms_norm, 13),
                                         (decomposed_rms_norm, 18), (decomposed_layer_norm, 13), (scaled_by_mean, 18), (group_norm, 21), (simplified_norm, 17), (skip_norm, 17),
                                         (skip_rms_norm, 17), (embedding_norm, 17)],
                         ids=lambda value: getattr(value, "__name__", value))
def test_stream_shrinks_exactly(tmp_path, norm, opset):
    pruned = prune(tmp_path, Stream(opset).build(norm), "--verify")
    assert shape_of(pruned, "embed")[1] < WIDTH, "the residual stream has to lose channels for that budget"
    assert next(entry.version for entry in pruned.opset_import if not entry.domain) == opset
    proof = prove(tmp_path)
    assert proof.returncode == 0, proof.stdout + proof.stderr
    assert not json.loads((tmp_path / "report.json").read_text())["approximations"]


def test_kept_statistics_are_reported(tmp_path):
    """The fused norm stays, over fewer channels, and is not what the zeroed model computes."""
    model = Stream(17).build(layer_norm)
    pruned = prune(tmp_path, model, "--norm-statistics=kept")
    norms = [node for node in pruned.graph.node if node.op_type == "LayerNormalization"]
    assert len(norms) == 3 and shape_of(pruned, "norm0_scale")[0] < WIDTH
    approximations = json.loads((tmp_path / "report.json").read_text())["approximations"]
    assert [entry["node"] for entry in approximations] == [f"LayerNormalization '{name}'" for name in ("norm0", "norm1", "last")]
    assert prove(tmp_path).returncode == 1
    # The page for people says so, too.
    result = tools.run("compile-model", tmp_path / "dense.onnx", "-o", tmp_path / "pruned.onnx", "--plan", tmp_path / "plan.json",
                       "--norm-statistics=kept", "--report", tmp_path / "report.html")
    assert result.returncode == 0, result.stderr
    page, data = (tmp_path / "report.html").read_text().split('<script id="data" type="application/json">')
    assert '<h2>Approximations</h2><div id="approximations">' in page
    assert [entry["node"] for entry in json.loads(data.split("</script>")[0])["approximations"]] == [entry["node"] for entry in approximations]
    assert "for (const entry of data.approximations) row(table, [entry.node, entry.reason])" in data


def test_unpruned_norms_are_as_they_were(tmp_path):
    """Near miss: hidden units alone leave, and the norms have nothing to spell out."""
    model = Stream(17).build(layer_norm)
    pruned = prune(tmp_path, model, budget="params=80%", keep=["embed"])
    assert shape_of(pruned, "embed")[1] == WIDTH
    assert [n.op_type for n in pruned.graph.node] == [n.op_type for n in model.graph.node]
