# SPDX-License-Identifier: Apache-2.0
"""compile-model --explain: every tensor of a file, axis by axis.

What is said is held against the groups file: an axis that has a group there names it, and each axis says something.
"""

import json
import re

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tools import ROOT, run


def weight(name, *shape, seed=0):
    data = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return numpy_helper.from_array(data, name)


def spelled_norm_model():
    """A linear layer, a norm spelled out, an If and a concatenation of halves that different weights own."""
    f32 = TensorProto.FLOAT
    branch = lambda name, scale: helper.make_graph(
        [helper.make_node("Mul", ["wide", scale], [name + "_inner"]), helper.make_node("Abs", [name + "_inner"], [name])],
        name, [], [helper.make_tensor_value_info(name, f32, ["n", 9])])
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["h"]),
        helper.make_node("ReduceMean", ["h"], ["mean"], axes=[-1], keepdims=1),
        helper.make_node("Sub", ["h", "mean"], ["centred"]),
        helper.make_node("Pow", ["centred", "two"], ["squares"]),
        helper.make_node("ReduceMean", ["squares"], ["variance"], axes=[-1], keepdims=1),
        helper.make_node("Add", ["variance", "eps"], ["guarded"]),
        helper.make_node("Sqrt", ["guarded"], ["deviation"]),
        helper.make_node("Div", ["centred", "deviation"], ["unit"]),
        helper.make_node("Mul", ["unit", "gamma"], ["scaled"]),
        helper.make_node("Add", ["scaled", "beta"], ["normed"]),
        helper.make_node("MatMul", ["x", "w2"], ["side"]),
        helper.make_node("Concat", ["normed", "side"], ["both"], axis=1),
        helper.make_node("MatMul", ["both", "w3"], ["wide"]),
        helper.make_node("If", ["flag"], ["y"], then_branch=branch("yes", "s1"), else_branch=branch("no", "s2")),
    ]
    constants = [weight("w1", 6, 8), weight("w2", 6, 4), weight("w3", 12, 9), weight("gamma", 8), weight("beta", 8),
                 weight("s1", 9), weight("s2", 9), numpy_helper.from_array(np.float32(2), "two"),
                 numpy_helper.from_array(np.float32(1e-5), "eps")]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", f32, ["n", 6]),
                                           helper.make_tensor_value_info("flag", TensorProto.BOOL, [])],
                              [helper.make_tensor_value_info("y", f32, ["n", 9])], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def explain(path, names):
    """What is said of each tensor: {name: {axis: text}}."""
    arguments = [argument for name in names for argument in ("--explain", name)]
    result = run("compile-model", path, *arguments)
    assert result.returncode == 0, result.stderr
    said, current = {}, None
    for line in result.stdout.splitlines():
        if axis := re.match(r"  axis (\d+): (.*)", line):
            said[current][int(axis[1])] = axis[2]
        elif header := re.match(r"(\S+)(?: \(.*\))? : ", line):
            current = header[1]
            said.setdefault(current, {})
    return said, result.stdout


def tensor_names(graph):
    yield from (tensor.name for tensor in graph.initializer)
    yield from (value.name for value in graph.input)
    for node in graph.node:
        yield from (name for name in node.output if name)
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from tensor_names(attribute.g)


@pytest.mark.parametrize("name", ["spelled", "mnist_cnn", "mnist_vit"])
def test_every_tensor_is_explained(name, tmp_path):
    path = ROOT / "samples" / f"{name}.onnx"
    if name == "spelled":
        path = tmp_path / "spelled.onnx"
        onnx.save(spelled_norm_model(), path)
    names = list(dict.fromkeys(tensor_names(onnx.load(path).graph)))
    said, text = explain(path, names)
    for tensor in names:
        assert tensor in said or f"{tensor}: " in text, tensor
    for tensor, axes in said.items():
        for axis, rule in axes.items():
            assert re.match(r"group '|pinned by ", rule), (tensor, axis, rule)
    groups = tmp_path / "groups.json"
    result = run("compile-model", path, "--save-groups", groups)
    assert result.returncode == 0, result.stderr
    owners = {}
    for group in json.loads(groups.read_text())["groups"]:
        for member in group["members"]:
            for part in (part for box in member["boxes"] for part in box):
                owners.setdefault((member["value"], part["axis"]), set()).add(group["name"])
    for tensor, axes in said.items():
        for axis, rule in axes.items():
            assert owners.get((tensor, axis), set()) <= set(re.findall(r"group '(.*?)'", rule)), (tensor, axis)
    assert owners


def test_what_is_said(tmp_path):
    path = tmp_path / "spelled.onnx"
    onnx.save(spelled_norm_model(), path)
    said, text = explain(path, ["both", "wide", "yes_inner", "centred", "two"])
    assert re.search(r"group 'w1:1' \(.*, positions 0 to 7\), group 'w2:1' \(.*, positions 8 to 11\)", said["both"][1])
    assert "output 'y' of the graph" in said["wide"][1]
    assert "output 'y' of the graph" in said["yes_inner"][1]
    assert "centred: computed inside of what is treated as one operation" in text and "group 'w1:1'" in said["normed"][1]


def test_a_digit_that_stays(tmp_path):
    """Of [3][4] columns the three stay, for a softmax runs over them: the four leave, and both are said."""
    f32 = TensorProto.FLOAT
    nodes = [helper.make_node("MatMul", ["x", "w1"], ["h"]), helper.make_node("Reshape", ["h", "apart"], ["parts"]),
             helper.make_node("Softmax", ["parts"], ["shares"], axis=1), helper.make_node("Reshape", ["shares", "flat"], ["wide"]),
             helper.make_node("MatMul", ["wide", "w2"], ["y"])]
    constants = [weight("w1", 6, 12), weight("w2", 12, 2), numpy_helper.from_array(np.array([0, 3, 4], np.int64), "apart"),
                 numpy_helper.from_array(np.array([0, 12], np.int64), "flat")]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", f32, ["n", 6])], [helper.make_tensor_value_info("y", f32, ["n", 2])], constants)
    path = tmp_path / "digits.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    said, _ = explain(path, ["w1", "parts"])
    assert re.search(r"^group 'w1:1' \(4 units, .*\), pinned by Softmax '.*': the operator computes along this axis "
                     r"\(the digit of 3 values, in runs of 4\)$", said["w1"][1]), said["w1"]
    assert "digit" not in said["parts"][1] and "pinned by Softmax" in said["parts"][1]
    assert said["parts"][2].startswith("group 'w1:1'") and "pinned" not in said["parts"][2]
