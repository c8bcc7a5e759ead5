# SPDX-License-Identifier: Apache-2.0
"""Random graphs out of steps, each of which stands for a row of what a dimension can meet.

Images are [N, C, H, W], sequences [N, L, C], matrices [N, C]; N and L are dynamic. `rows` counts what a graph has.
Which graph a seed makes depends on the order in which the steps are registered: images, sequences, anything."""

import numpy as np
import onnx
from onnx import TensorProto, helper

from .base import IMAGE, ROWS, SEQUENCE, STEPS
from .images import ImageSteps
from .sequences import SequenceSteps
from .anything import OtherSteps

__all__ = ["IMAGE", "ROWS", "Graph", "feeds_of"]


class Graph(ImageSteps, SequenceSteps, OtherSteps):
    """A whole graph, and the inputs of a run."""

    def usable(self):
        return [name for name, shape in self.shapes.items() if name not in self.hidden and len(shape) in STEPS]

    def start(self):
        """The input, and a first layer: an image, a sequence or numbers of words."""
        self.hidden, self.fixed = set(), False
        kind = self.rng.choice(["image", "sequence", "words"], p=[0.45, 0.45, 0.1])
        self.sequential = kind != "image"
        if kind == "image":
            self.inputs["x"], self.shapes["x"] = (TensorProto.FLOAT, [2, 3, 4, 4]), [2, 3, 4, 4]
            self.conv("x")
        elif kind == "sequence":
            self.inputs["x"], self.shapes["x"] = (TensorProto.FLOAT, [2, 5, 6]), [2, 5, 6]
            self.linear("x")
        else:
            self.inputs["x"] = (TensorProto.INT64, [2, 5])
            self.mark("embedding")
            self.add("Gather", [self.weight(7, 8), "x"], [2, 5, 8])
        self.hide("x")

    def build(self):
        self.start()
        for _ in range(int(self.rng.integers(3, 13))):
            recent = self.usable()[-8:]
            x = self.pick(*recent)
            if np.prod(self.shapes[x]) < 2000:
                before = set(self.shapes)
                y = getattr(self, self.pick(*STEPS[len(self.shapes[x])]))(x)
                # Heads of a sequence are no images.
                if len(self.shapes[x]) == SEQUENCE:
                    self.hide(*(t for t in self.shapes.keys() - before if len(self.shapes[t]) == IMAGE and t != y))
        # Loose ends go through a layer that keeps the outputs' sizes.
        used = {i for node in self.nodes for i in node.input}
        ends = [t for t in self.usable() if t not in used]
        outputs = [self.conv(t, 2, kernel=1) if len(self.shapes[t]) == IMAGE else self.linear(t, 2) for t in ends]

        def value(name, kind, shape):
            names = ["N", "L"] if self.sequential else ["N"]
            dynamic = 0 if self.fixed or name in ("any", "flag") else min(len(names), len(shape) - 1)
            return helper.make_tensor_value_info(name, kind, [names[i] if i < dynamic else s for i, s in enumerate(shape)])

        inputs = [value(name, kind, shape) for name, (kind, shape) in self.inputs.items()]
        results = [helper.make_tensor_value_info(o, TensorProto.FLOAT, [f"{o}_{i}" for i in range(len(self.shapes[o]) - 1)] + [self.shapes[o][-1]]
                                                 if len(self.shapes[o]) != IMAGE else [f"{o}_0", 2, f"{o}_2", f"{o}_3"]) for o in outputs]
        # Exporters write down the shapes of what they alone know.
        infos = [value(node.output[0], TensorProto.FLOAT, self.shapes[node.output[0]]) for node in self.nodes if node.domain == "test"]
        graph = helper.make_graph(self.nodes, "random", inputs, results, self.constants, value_info=infos)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23), helper.make_opsetid("test", 1)], ir_version=10)
        onnx.checker.check_model(model)
        return model

    def feeds(self, seed=0):
        rng, feeds = np.random.default_rng(seed), {}
        for name, (kind, shape) in self.inputs.items():
            numbers = rng.standard_normal(shape) if kind == TensorProto.FLOAT else rng.integers(0, 1 if name == "any" else 2, shape)
            feeds[name] = np.asarray(numbers, helper.tensor_dtype_to_np_dtype(kind))
        return feeds


def feeds_of(seed):
    """The inputs of the graph of a seed."""
    graph = Graph(seed)
    graph.build()
    return graph.feeds(seed)
