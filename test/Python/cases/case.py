# SPDX-License-Identifier: Apache-2.0
"""How a case is written: a graph in onnx's textual form, the shapes of its weights, and what is to be found."""

from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


@dataclass
class Case:
    """One graph.

    graph    (inputs) => (outputs) { nodes } in onnx's textual form
    weights  name -> shape (random numbers), or an array
    groups   what leaves together: "units: weight[axis] weight[axis offset by block ...] ..."
    pins     "weight[axis]: words of the reason", for all that stays although it is an axis of a weight
    """

    name: str
    graph: str
    weights: dict
    groups: list
    pins: list = field(default_factory=list)
    opset: int = 23
    allow_interface: tuple = ()
    checked: bool = True  # ONNX Runtime has operators in ONNX's own domain that the checker does not know

    def build(self):
        """The model. The same weights every time."""
        rng = np.random.default_rng(len(self.name))
        graph = onnx.parser.parse_graph("case " + self.graph)
        for name, given in self.weights.items():
            graph.initializer.append(numpy_helper.from_array(self.weight(given, name, rng), name))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset), helper.make_opsetid("test", 1),
                                                          helper.make_opsetid("com.microsoft", 1)], ir_version=10)
        if self.checked:
            onnx.checker.check_model(model)
        return model

    @staticmethod
    def weight(given, name, rng):
        if isinstance(given, np.ndarray):
            return given
        if isinstance(given, list):
            return np.array(given, np.int64)
        shape = (given,) if isinstance(given, int) else given
        if name.startswith("var"):
            return rng.uniform(0.5, 1.5, shape).astype(np.float32)
        return (rng.standard_normal(shape) / np.sqrt(max(np.prod(shape[1:]), 1))).astype(np.float32)

    def feeds(self, model, seed=0):
        """Random inputs; dimensions with a name are 2. Integers are 0 or 1."""
        rng, feeds = np.random.default_rng(seed), {}
        for value in model.graph.input:
            shape = [d.dim_value or 2 for d in value.type.tensor_type.shape.dim]
            kind = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
            isFloat = value.type.tensor_type.elem_type == TensorProto.FLOAT
            feeds[value.name] = (rng.standard_normal(shape) if isFloat else rng.integers(0, 2, shape)).astype(kind)
        return feeds


def text_of(part, offset_axis):
    """One axis of a member, as cases write it."""
    if "lists" in part:
        return f"{offset_axis} {part['lists']}"
    text, plain = f"{part['offset']} by {part['block']}", part["offset"] == 0 and part["block"] == 1
    for count, stride in part["loops"]:
        text += f" x {count} step {stride}"
        plain = False
    if "div" in part or "extent" in part:
        text += f" digit {part.get('div', 1)} of {part.get('extent', 0)}"
        plain = False
    return f"{offset_axis}" if plain else f"{offset_axis} {text}"


def describe(group):
    """A group as cases write it: units, constraints, weights in alphabetical order."""
    text = f"{group.units}"
    if group.balanced > 1:
        text += f" balanced {group.balanced}"
    if group.multiple_of > 1:
        text += f" multiple of {group.multiple_of}"
    if group.min_keep != 1:
        text += f" keep {group.min_keep}"
    members = []
    for member in group.members:
        if member.stored:
            for box in member.boxes:
                members.append(f"{member.value}[" + ", ".join(text_of(part, part["axis"]) for part in box) + "]")
    return text + ": " + " ".join(sorted(members))
