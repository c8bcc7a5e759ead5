# SPDX-License-Identifier: Apache-2.0
"""The rows that a random graph counts, the register of its steps, and what all steps build with."""

import collections

import numpy as np
from onnx import helper, numpy_helper

# The rows, in the order in which they are reported.
ROWS = ["elementwise", "where", "conv", "grouped conv", "depthwise conv", "conv transpose", "gemm", "matmul", "matmul of two activations",
        "einsum", "channel norm and scale", "layer norm", "group norm", "along an axis", "sum", "mean", "extremum", "lrn", "concat", "split",
        "slice", "strided slice", "reshape", "squeeze and unsqueeze", "transpose", "expand", "tile", "gather", "gather by the input",
        "embedding", "depth to space", "space to depth", "pad", "pool", "resize", "recurrent", "attention", "grouped queries", "rotary",
        "fused attention", "shape arithmetic", "shared weight", "shared small constant", "transposed weight", "residual", "gate", "quantised",
        "captured by a branch", "unknown operator"]

IMAGE, SEQUENCE, MATRIX = 4, 3, 2
STEPS = {IMAGE: [], SEQUENCE: [], MATRIX: []}


def step(*ranks, weight=1):
    """Registers a step for tensors of these ranks."""

    def register(function):
        for rank in ranks:
            STEPS[rank] += [function.__name__] * weight
        return function

    return register

class Builder:
    """A graph under construction: nodes, constants, and the shape of each tensor at the sizes of a run."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.constants, self.rows = [], [], collections.Counter()
        self.shapes, self.inputs, self.small = {}, {}, {}

    # Making things.

    def mark(self, *rows):
        for row in rows:
            assert row in ROWS, row
            self.rows[row] += 1

    def pick(self, *options):
        return options[self.rng.integers(len(options))]

    def chance(self, share):
        return self.rng.random() < share

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(array, order="C"), name))
        return name

    def weight(self, *shape, fan=None):
        fan = fan or int(np.prod(shape[1:])) or 1
        return self.constant((self.rng.standard_normal(shape) / np.sqrt(fan)).astype(np.float32))

    def vector(self, size, low=0.5, high=1.5):
        """Positive numbers; vectors of one size may be one, as exporters merge them."""
        if size in self.small and self.chance(0.15):
            self.mark("shared small constant")
            return self.small[size]
        self.small[size] = self.constant(self.rng.uniform(low, high, size).astype(np.float32))
        return self.small[size]

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def scalar(self, value, kind=np.float32):
        return self.constant(np.array(value, kind))

    def add(self, op, inputs, *shapes, domain="", **attributes):
        """A node; one name comes back for one shape, else a list."""
        names = [f"t{len(self.nodes)}" + "abc"[i] * bool(i) for i in range(len(shapes))]
        self.nodes.append(helper.make_node(op, inputs, names, f"{op}_{names[0]}", domain=domain, **attributes))
        for name, shape in zip(names, shapes):
            self.shapes[name] = [int(size) for size in shape]
        return names[0] if len(names) == 1 else names

    def hide(self, *names):
        """These are not worked on any further."""
        self.hidden |= set(names)

    def channel(self, x):
        return 1 if len(self.shapes[x]) == IMAGE else len(self.shapes[x]) - 1

    def reshape(self, x, *target):
        """Reshapes to sizes at a run. The first one, and the second of a sequence, may be dynamic: they are spelled 0,
        -1, or read off a tensor."""
        shape = self.shapes[x]
        result = [int(size) for size in target]
        self.mark("reshape")
        if self.sequential and len(shape) >= 3 and result[:2] == shape[:2] and self.chance(0.5):
            self.mark("shape arithmetic")
            sizes = self.add("Shape", [x], [len(shape)])
            parts = []
            for position in range(2):
                one = self.add("Gather", [sizes, self.scalar(position, np.int64)], [])
                parts.append(self.add("Unsqueeze", [one, self.ints(0)], [1]))
                self.hide(one, parts[-1])
            spelled = self.add("Concat", parts + [self.ints(*result[2:])], [len(result)], axis=0)
            self.hide(sizes, spelled)
        else:
            dynamic = 2 if self.sequential and len(shape) >= 3 and result[:2] == shape[:2] else 1
            spelled = [0] * dynamic + result[dynamic:]
            if self.chance(0.3) and len(result) > dynamic:
                spelled[-1] = -1
            spelled = self.ints(*spelled)
        return self.add("Reshape", [x, spelled], result)

    def transpose(self, x, *perm):
        self.mark("transpose")
        return self.add("Transpose", [x], [self.shapes[x][p] for p in perm], perm=perm)

    def divisor(self, number, least=1):
        options = [d for d in range(least, number + 1) if number % d == 0]
        return int(self.pick(*options)) if options else number
