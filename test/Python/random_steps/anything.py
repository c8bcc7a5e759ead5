# SPDX-License-Identifier: Apache-2.0
"""Steps on tensors of any rank."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from .base import IMAGE, MATRIX, SEQUENCE, Builder, step


class OtherSteps(Builder):
    @step(IMAGE, SEQUENCE, MATRIX)
    def activation(self, x):
        self.mark("elementwise")
        if self.chance(0.2):
            self.mark("channel norm and scale")
            shape = [self.shapes[x][1]] + [1] * (len(self.shapes[x]) - 2) if self.channel(x) == 1 else [self.shapes[x][-1]]
            return self.add("PRelu", [x, self.weight(*shape, fan=1)], self.shapes[x])
        return self.add(self.pick("Relu", "Sigmoid", "Tanh", "HardSigmoid", "Softplus", "Abs", "Elu", "Erf"), [x], self.shapes[x])

    @step(IMAGE, SEQUENCE, MATRIX)
    def scale(self, x):
        shape = self.shapes[x]
        self.mark("channel norm and scale")
        vector = self.vector(shape[self.channel(x)]) if self.channel(x) > 1 else self.constant(self.rng.uniform(0.5, 1.5, (shape[1],) + (1,) * (len(shape) - 2)).astype(np.float32))
        return self.add(self.pick("Add", "Mul", "Sub", "Div"), [x, vector], shape)

    @step(IMAGE, SEQUENCE, MATRIX)
    def where(self, x):
        self.mark("where", "elementwise")
        condition = self.add("Greater", [x, self.scalar(0)], self.shapes[x])
        self.hide(condition)
        return self.add("Where", [condition, x, self.pick(self.scalar(0), self.scalar(0.5))], self.shapes[x])

    @step(IMAGE, SEQUENCE, MATRIX, weight=2)
    def residual(self, x):
        shape = self.shapes[x]
        same = [t for t in self.usable() if self.shapes[t] == shape and t not in self.inputs]
        self.mark("residual")
        if same and self.chance(0.7):
            other = self.pick(*same)
        else:
            other = self.conv(x, shape[1]) if len(shape) == IMAGE else self.linear(x, shape[-1])
        return self.add(self.pick("Add", "Add", "Mul", "Max"), [x, other], shape)

    @step(IMAGE, SEQUENCE, MATRIX, weight=2)
    def concat(self, x):
        shape, axis = self.shapes[x], self.channel(x)
        fits = [t for t in self.usable() if len(self.shapes[t]) == len(shape) and all(
            a == b for i, (a, b) in enumerate(zip(self.shapes[t], shape)) if i != axis)]
        parts = [x] + [self.pick(*fits) for _ in range(self.rng.integers(1, 3))]
        total = sum(self.shapes[p][axis] for p in parts)
        if total > 32:
            return x
        self.mark("concat")
        return self.add("Concat", parts, [total if i == axis else s for i, s in enumerate(shape)], axis=axis)

    def cut(self, shape, axis, size):
        return [size if i == axis else s for i, s in enumerate(shape)]

    @step(IMAGE, SEQUENCE, MATRIX)
    def split(self, x):
        shape, axis = self.shapes[x], self.channel(x)
        if shape[axis] < 2:
            return x
        self.mark("split")
        first = int(self.rng.integers(1, shape[axis]))
        return self.add("Split", [x, self.ints(first, shape[axis] - first)], self.cut(shape, axis, first), self.cut(shape, axis, shape[axis] - first), axis=axis)

    @step(IMAGE, SEQUENCE, MATRIX)
    def slice(self, x):
        shape, axis = self.shapes[x], self.channel(x)
        start = int(self.rng.integers(0, shape[axis]))
        end = int(self.rng.integers(start + 1, shape[axis] + 1))
        self.mark("slice")
        return self.add("Slice", [x, self.ints(start), self.ints(end), self.ints(axis)], self.cut(shape, axis, end - start))

    @step(IMAGE, SEQUENCE, MATRIX)
    def strided(self, x):
        shape, axis = self.shapes[x], self.channel(x)
        start = int(self.rng.integers(0, min(2, shape[axis])))
        self.mark("strided slice")
        return self.add("Slice", [x, self.ints(start), self.ints(shape[axis]), self.ints(axis), self.ints(2)], self.cut(shape, axis, (shape[axis] - start + 1) // 2))

    @step(IMAGE, SEQUENCE, MATRIX)
    def gather(self, x):
        shape, axis = self.shapes[x], self.channel(x)
        c = shape[axis]
        if c > 32:
            return x
        self.mark("gather")
        indices = self.rng.permutation(c) if self.chance(0.5) else self.rng.integers(0, c, int(self.rng.integers(1, c + 2)))
        return self.add("Gather", [x, self.ints(*map(int, indices))], self.cut(shape, axis, len(indices)), axis=axis)

    @step(IMAGE, SEQUENCE, MATRIX)
    def gather_any(self, x):
        if not self.chance(0.5):
            return x
        self.mark("gather by the input")
        if "any" not in self.inputs:
            self.inputs["any"] = (TensorProto.INT64, [3])
        return self.add("Gather", [x, "any"], self.cut(self.shapes[x], self.channel(x), 3), axis=self.channel(x))

    @step(IMAGE, SEQUENCE, MATRIX)
    def pad(self, x):
        shape, axis = self.shapes[x], self.channel(x)
        before, after = (int(v) for v in self.rng.integers(0, 3, 2))
        pads = [0] * (2 * len(shape))
        pads[axis], pads[axis + len(shape)] = before, after
        self.mark("pad")
        return self.add("Pad", [x, self.ints(*pads)], self.cut(shape, axis, shape[axis] + before + after))

    @step(IMAGE, SEQUENCE, MATRIX)
    def tile(self, x):
        shape, axis = self.shapes[x], self.channel(x)
        if shape[axis] > 8:
            return x
        self.mark("tile")
        return self.add("Tile", [x, self.ints(*[2 if i == axis else 1 for i in range(len(shape))])], self.cut(shape, axis, 2 * shape[axis]))

    @step(IMAGE, SEQUENCE, MATRIX, weight=2)
    def reduce(self, x):
        shape, axis = self.shapes[x], self.channel(x)
        op = self.pick("ReduceSum", "ReduceMean", "ReduceMax", "ReduceL2", "ReduceL1", "ReduceSumSquare", "ReduceMin", "ReduceLogSumExp")
        self.mark({"ReduceMean": "mean", "ReduceMax": "extremum", "ReduceMin": "extremum", "ReduceLogSumExp": "extremum"}.get(op, "sum"))
        y = self.add(op, [x, self.ints(axis)], self.cut(shape, axis, 1))
        if op == "ReduceSumSquare":
            y = self.add("Tanh", [y], self.shapes[y])
        return self.add(self.pick("Mul", "Add"), [x, y], shape)

    @step(IMAGE, SEQUENCE, MATRIX)
    def along(self, x):
        shape, axis = self.shapes[x], self.channel(x)
        self.mark("along an axis")
        op = self.pick("Softmax", "LogSoftmax", "CumSum", "TopK")
        if op == "CumSum":
            return self.add("CumSum", [x, self.scalar(axis, np.int64)], shape)
        if op == "TopK":
            values, numbers = self.add("TopK", [x, self.ints(1)], self.cut(shape, axis, 1), self.cut(shape, axis, 1), axis=axis)
            self.hide(numbers, values)
            return self.add("Add", [x, values], shape)
        return self.add(op, [x], shape, axis=self.pick(axis, axis, len(shape) - 1))

    @step(SEQUENCE, MATRIX)
    def turned(self, x):
        """A matrix, and then its transpose."""
        shape = self.shapes[x]
        out = self.pick(4, 6)
        self.mark("transposed weight", "shared weight", "transpose")
        weight = self.weight(shape[-1], out, fan=shape[-1])
        y = self.add("Relu", [self.add("MatMul", [x, weight], shape[:-1] + [out])], shape[:-1] + [out])
        back = self.add("Transpose", [weight], [out, shape[-1]], perm=[1, 0])
        self.hide(back)
        return self.add("MatMul", [y, back], shape)

    @step(IMAGE, SEQUENCE, MATRIX)
    def branch(self, x):
        if not self.chance(0.6):
            return x
        self.mark("captured by a branch")
        self.inputs.setdefault("flag", (TensorProto.BOOL, []))
        result = f"t{len(self.nodes)}"
        branches = {}
        for name, op in (("then_branch", "Relu"), ("else_branch", "Neg")):
            inner, nodes, held, taken = f"{result}_{op}", [], [], x
            if self.chance(0.5) and self.channel(x) > 1:  # a weight from outside, or one that the branch holds
                taken = f"{inner}_scaled"
                scale_op, size, scale = self.pick("Mul", "Add"), self.shapes[x][-1], "held"
                if len(self.nodes) % 2:
                    held.append(numpy_helper.from_array(self.rng.uniform(0.5, 1.5, size).astype(np.float32), scale))
                else:
                    scale = self.vector(size)
                nodes.append(helper.make_node(scale_op, [x, scale], [taken]))
            nodes.append(helper.make_node(op, [taken], [inner]))
            value = helper.make_tensor_value_info(inner, TensorProto.FLOAT, None)
            branches[name] = helper.make_graph(nodes, name, [], [value], held)
        return self.add("If", ["flag"], self.shapes[x], **branches)

    @step(IMAGE, SEQUENCE, MATRIX)
    def unknown(self, x):
        if not self.chance(0.6):
            return x
        self.mark("unknown operator")
        return self.add("Mystery", [x], self.shapes[x], domain="test")
