"""Units that are joint values of two digits: a channel of one group of a convolution, a position of one head.

As many leave each group, not the same ones; scripts/prove.py holds what is left against the zeroed original."""

import collections
import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import tools


class Graph:
    def __init__(self, opset=17):
        self.nodes, self.constants, self.opset = [], [], opset
        self.rng = np.random.default_rng(3)

    def constant(self, array, name):
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def weight(self, name, *shape):
        fan = np.prod(shape[1:]) if len(shape) > 2 else shape[0]
        return self.constant((self.rng.standard_normal(shape) / np.sqrt(fan)).astype(np.float32), name)

    def node(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], output, **attributes))
        return output

    def conv(self, x, name, out, inside, groups=1):
        return self.node("Conv", [x, self.weight(name + "_weight", out, inside, 3, 3)], name, group=groups, pads=[1, 1, 1, 1])

    def model(self, x, y):
        graph = helper.make_graph(self.nodes, "balanced", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x)],
                                  [helper.make_tensor_value_info("y", TensorProto.FLOAT, y)], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)


def grouped(g):
    """In-side, out-side and groups of one convolution."""
    y = g.node("Relu", [g.conv("x", "first", 24, 3)], "a")
    y = g.node("Relu", [g.conv(y, "grouped", 32, 6, groups=4)], "b")
    g.conv(y, "y", 5, 32)
    return g.model([1, 3, 9, 9], [1, 5, 9, 9]), {"first_weight": 4, "grouped_weight": 4}


def transposed(g):
    y = g.node("Relu", [g.conv("x", "first", 24, 3)], "a")
    g.node("ConvTranspose", [y, g.weight("grouped_weight", 24, 5, 2, 2)], "b", group=4)
    g.conv("b", "y", 5, 20)
    return g.model([1, 3, 9, 9], [1, 5, 10, 10]), {"first_weight": 4}


def chained(g):
    """4 groups of 6 channels, then 6 groups of 4: half of each group can leave both."""
    y = g.conv("x", "first", 24, 3)
    y = g.conv(y, "four", 24, 6, groups=4)
    y = g.conv(y, "six", 24, 4, groups=6)
    g.conv(y, "y", 5, 24)
    return g.model([1, 3, 9, 9], [1, 5, 9, 9]), {"four_weight": 2}


def heads(g):
    """Four heads of eight: queries and keys, and values, lose other positions in each head."""
    shape = g.constant(np.array([0, 0, 4, 8]), "split")
    joined = g.constant(np.array([0, 0, 32]), "join")
    parts = {}
    for name in "qkv":
        y = g.node("MatMul", ["x", g.weight(name, 12, 32)], name + "_all")
        y = g.node("Reshape", [y, shape], name + "_split")
        parts[name] = g.node("Transpose", [y], name + "_heads", perm=[0, 2, 3, 1] if name == "k" else [0, 2, 1, 3])
    scores = g.node("Mul", [g.node("MatMul", [parts["q"], parts["k"]], "scores"), g.constant(np.float32(0.35), "scale")], "scaled")
    y = g.node("MatMul", [g.node("Softmax", [scores], "p", axis=-1), parts["v"]], "mixed")
    y = g.node("Reshape", [g.node("Transpose", [y], "back", perm=[0, 2, 1, 3]), joined], "joined")
    g.node("MatMul", [y, g.weight("o", 32, 12)], "y")
    return g.model([1, 7, 12], [1, 7, 12]), {"q": 4, "v": 4}


def group_norm(g):
    """The norm's groups lose as many channels each, and go on counting them."""
    g.opset = 21
    y = g.conv("x", "first", 24, 3)
    y = g.node("GroupNormalization", [y, g.constant(g.rng.uniform(0.5, 1.5, 24).astype(np.float32), "scale"),
                                      g.constant(g.rng.uniform(-1, 1, 24).astype(np.float32), "shift")], "normal", num_groups=4)
    g.conv(y, "y", 5, 24)
    model = g.model([1, 3, 9, 9], [1, 5, 9, 9])
    model.ir_version = 10
    return model, {"first_weight": 4}


@pytest.mark.parametrize("build", [grouped, transposed, chained, heads, group_norm], ids=lambda f: f.__name__)
def test_slots_lose_as_many_and_not_the_same(tmp_path, build):
    model, slots = build(Graph())
    onnx.checker.check_model(model)
    onnx.save(model, tmp_path / "dense.onnx")
    result = tools.run("compile-model", tmp_path / "dense.onnx", "-o", tmp_path / "pruned.onnx", "--budget", "params=40%", "--verify", "--save-plan",
                       tmp_path / "plan.json", "--report", tmp_path / "report.json")
    assert result.returncode == 0, result.stderr
    proof = subprocess.run([sys.executable, str(tools.ROOT / "scripts" / "prove.py"), "dense.onnx", "pruned.onnx", "plan.json"], cwd=tmp_path,
                           capture_output=True, text=True, check=False)
    assert proof.returncode == 0, proof.stdout + proof.stderr
    # Joint units: as many in each slot, and somewhere not the same in all.
    units = collections.defaultdict(list)
    groups = {group["name"]: group for group in json.loads((tmp_path / "report.json").read_text())["groups"]}
    for step in json.loads((tmp_path / "plan.json").read_text())["steps"]:
        units[step["group"]].append(step["unit"])
    uneven = 0
    for name, slot_count in slots.items():
        found = [(group, removed) for group, removed in units.items() if name in groups[group]["members"] and groups[group]["units"] > slot_count]
        for group, removed in found:
            size = groups[group]["units"] // slot_count
            by_slot = collections.defaultdict(list)
            for unit in removed:
                by_slot[unit // size].append(unit % size)
            assert len({len(each) for each in by_slot.values()}) == 1 and len(by_slot) in (0, slot_count)
            uneven += len({tuple(sorted(each)) for each in by_slot.values()}) > 1
    assert uneven, "no group lost other positions in one slot than in another"
