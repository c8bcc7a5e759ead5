# SPDX-License-Identifier: Apache-2.0
"""Random graphs out of steps, each of which stands for a row of what a dimension can meet.

Images are [N, C, H, W], sequences [N, L, C], matrices [N, C]; N and L are dynamic. `rows` counts what a graph has."""

import collections

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

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


class Graph:
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

    # Steps on images.

    def conv(self, x, out=None, groups=1, kernel=None, stride=1):
        n, c, h, w = self.shapes[x]
        out, kernel = out or int(self.pick(4, 6, 8, 12)), kernel or self.pick(1, 3)
        inputs = [x, self.weight(out, c // groups, kernel, kernel)] + ([self.weight(out)] if self.chance(0.5) else [])
        if groups == 1:
            self.mark("conv")
        size = lambda s: (s + 2 * (kernel // 2) - kernel) // stride + 1
        return self.add("Conv", inputs, [n, out, size(h), size(w)], group=groups, pads=[kernel // 2] * 4, strides=[stride] * 2)

    @step(IMAGE, weight=4)
    def some_conv(self, x):
        y = self.conv(x, stride=2 if self.chance(0.15) and self.shapes[x][2] % 2 == 0 else 1)
        return self.norm(y) if self.chance(0.3) else y

    @step(IMAGE, weight=2)
    def grouped(self, x):
        c = self.shapes[x][1]
        groups = self.divisor(c, 2)
        if groups < 2:
            return x
        times = int(self.pick(*[t for t in (1, 2, 3) if t * groups <= 24] or [1]))
        self.mark("depthwise conv" if groups == c else "grouped conv")
        return self.conv(x, groups * times, groups)

    @step(IMAGE)
    def depthwise(self, x):
        c = self.shapes[x][1]
        if c < 2 or c > 12:
            return x
        self.mark("depthwise conv")
        return self.conv(x, c * self.pick(1, 1, 2), c, 3)

    @step(IMAGE)
    def conv_transpose(self, x):
        n, c, h, w = self.shapes[x]
        groups = self.pick(1, self.divisor(c))
        if h > 4:
            return x
        self.mark("conv transpose")
        each = self.pick(2, 3, 4)
        return self.add("ConvTranspose", [x, self.weight(c, each, 2, 2)], [n, each * groups, 2 * h, 2 * w], group=groups, strides=[2, 2])

    @step(IMAGE)
    def norm(self, x):
        c = self.shapes[x][1]
        self.mark("channel norm and scale")
        if self.chance(0.3):
            return self.add("InstanceNormalization", [x, self.vector(c), self.weight(c, fan=1)], self.shapes[x], epsilon=1e-2)
        return self.add("BatchNormalization", [x, self.vector(c), self.weight(c, fan=1), self.weight(c, fan=1), self.vector(c)], self.shapes[x])

    @step(IMAGE)
    def group_norm(self, x):
        c = self.shapes[x][1]
        self.mark("group norm")
        return self.add("GroupNormalization", [x, self.vector(c), self.weight(c, fan=1)], self.shapes[x], num_groups=self.divisor(c), epsilon=1e-2)

    @step(IMAGE)
    def lrn(self, x):
        self.mark("lrn")
        return self.add("LRN", [x], self.shapes[x], size=3)

    @step(IMAGE)
    def pool(self, x):
        n, c, h, w = self.shapes[x]
        self.mark("pool")
        if h % 2 or w % 2 or self.chance(0.5):
            return self.add(self.pick("AveragePool", "MaxPool"), [x], [n, c, h, w], kernel_shape=[3, 3], pads=[1] * 4)
        return self.add(self.pick("AveragePool", "MaxPool"), [x], [n, c, h // 2, w // 2], kernel_shape=[2, 2], strides=[2, 2])

    @step(IMAGE)
    def resize(self, x):
        n, c, h, w = self.shapes[x]
        if h > 4:
            return x
        self.mark("resize")
        if self.chance(0.5):
            scales = self.constant(np.array([1, 1, 2, 2], np.float32))
            return self.add("Resize", [x, "", scales], [n, c, 2 * h, 2 * w], mode=self.pick("nearest", "linear"))
        # Sizes that are read off the tensor.
        self.mark("shape arithmetic")
        sizes = self.add("Shape", [x], [2], start=0, end=2)
        whole = self.add("Concat", [sizes, self.ints(2 * h, 2 * w)], [4], axis=0)
        self.hide(sizes, whole)
        return self.add("Resize", [x, "", "", whole], [n, c, 2 * h, 2 * w])

    @step(IMAGE)
    def excite(self, x):
        n, c, h, w = self.shapes[x]
        self.mark("gate", "pool")
        y = self.add("GlobalAveragePool", [x], [n, c, 1, 1])
        y = self.add("Relu", [self.conv(y, 4, kernel=1)], [n, 4, 1, 1])
        y = self.add("Sigmoid", [self.conv(y, c, kernel=1)], [n, c, 1, 1])
        return self.add("Mul", [x, y], self.shapes[x])

    @step(IMAGE)
    def pixel_gate(self, x):
        n, c, h, w = self.shapes[x]
        self.mark("gate")
        y = self.add("Sigmoid", [self.conv(x, 1)], [n, 1, h, w])
        return self.add("Mul", [x, y], self.shapes[x])

    @step(IMAGE)
    def shuffle(self, x):
        n, c, h, w = self.shapes[x]
        g = self.divisor(c)
        y = self.transpose(self.reshape(x, n, g, c // g, h, w), 0, 2, 1, 3, 4)
        return self.reshape(y, n, c, h, w)

    @step(IMAGE, weight=2)
    def to_space(self, x):
        n, c, h, w = self.shapes[x]
        if c % 4 or h > 4:
            return x
        self.mark("depth to space")
        if self.chance(0.3):
            y = self.transpose(self.reshape(x, n, c // 4, 2, 2, h, w), 0, 1, 4, 2, 5, 3)
            return self.reshape(y, n, c // 4, 2 * h, 2 * w)
        return self.add("DepthToSpace", [x], [n, c // 4, 2 * h, 2 * w], blocksize=2, mode=self.pick("DCR", "CRD"))

    @step(IMAGE)
    def to_depth(self, x):
        n, c, h, w = self.shapes[x]
        if h % 2 or w % 2 or c > 8:
            return x
        self.mark("space to depth")
        return self.add("SpaceToDepth", [x], [n, 4 * c, h // 2, w // 2], blocksize=2)

    @step(IMAGE)
    def focus(self, x):
        n, c, h, w = self.shapes[x]
        if h % 2 or w % 2 or c > 6:
            return x
        self.mark("strided slice", "concat")
        parts = [self.add("Slice", [x, self.ints(a, b), self.ints(h, w), self.ints(2, 3), self.ints(2, 2)], [n, c, h // 2, w // 2])
                 for a in (0, 1) for b in (0, 1)]
        return self.add("Concat", parts, [n, 4 * c, h // 2, w // 2], axis=1)

    @step(IMAGE)
    def shared(self, x):
        n, c, h, w = self.shapes[x]
        self.mark("shared weight", "conv")
        weight = self.weight(c, c, 1, 1)
        y = self.add("Relu", [self.add("Conv", [x, weight], self.shapes[x])], self.shapes[x])
        return self.add("Conv", [y, weight], self.shapes[x])

    @step(IMAGE)
    def to_sequence(self, x):
        n, c, h, w = self.shapes[x]
        if self.chance(0.3):
            self.mark("mean", "squeeze and unsqueeze")
            y = self.add("ReduceMean", [x, self.ints(3)], [n, c, h, 1])
            return self.transpose(self.add("Squeeze", [y, self.ints(3)], [n, c, h]), 0, 2, 1)
        return self.transpose(self.reshape(x, n, c, h * w), 0, 2, 1)

    @step(IMAGE, weight=2)
    def to_matrix(self, x):
        n, c, h, w = self.shapes[x]
        way = self.rng.integers(3)
        self.mark("reshape" if way else "pool")
        if way == 0:
            y = self.add("GlobalAveragePool", [x], [n, c, 1, 1])
            self.mark("squeeze and unsqueeze")
            return self.add("Squeeze", [y, self.ints(2, 3)], [n, c])
        y = x if way == 1 else self.transpose(x, 0, 2, 3, 1)
        return self.add("Flatten", [y], [n, c * h * w])

    @step(IMAGE)
    def quantised(self, x):
        n, c, h, w = self.shapes[x]
        self.mark("quantised", "conv")
        out, scale, zero = self.pick(4, 6), self.scalar(0.05), self.scalar(0, np.int8)
        y = self.add("DequantizeLinear", [self.add("QuantizeLinear", [x, scale, zero], self.shapes[x]), scale, zero], self.shapes[x])
        numbers = self.constant(self.rng.integers(-20, 20, (out, c, 1, 1)).astype(np.int8))
        weight = self.add("DequantizeLinear", [numbers, self.vector(out, 0.01, 0.05), self.constant(np.zeros(out, np.int8))], [out, c, 1, 1], axis=0)
        self.hide(weight, self.nodes[-3].output[0])
        return self.add("Conv", [y, weight], [n, out, h, w])

    # Steps on sequences.

    def linear(self, x, out=None):
        shape, out = self.shapes[x], out or int(self.pick(4, 6, 8, 12))
        self.mark("matmul")
        y = self.add("MatMul", [x, self.weight(shape[-1], out, fan=shape[-1])], shape[:-1] + [out])
        return self.add("Add", [y, self.weight(out)], self.shapes[y]) if self.chance(0.5) else y

    @step(SEQUENCE, MATRIX, weight=2)
    def some_linear(self, x):
        return self.linear(x)

    def heads(self, x, heads, size, perm=(0, 2, 1, 3)):
        n, l, _ = self.shapes[x]
        return self.transpose(self.reshape(x, n, l, heads, size), *perm)

    def scores(self, q, k, v, x):
        """Attention of [N, heads, L, size]; the result goes through a projection to the channels of x."""
        (n, heads, l, _), size = self.shapes[q], self.shapes[v][3]
        self.mark("matmul of two activations", "along an axis")
        s = self.add("MatMul", [q, self.transpose(k, 0, 1, 3, 2)], [n, heads, l, l])
        if self.chance(0.3):
            self.mark("where")
            s = self.add("Where", [self.constant(np.tri(l, dtype=bool)) if not self.sequential else self.constant(np.ones((1, 1), bool)), s,
                                   self.scalar(-1e4)], self.shapes[s])
        o = self.add("MatMul", [self.add("Softmax", [s], [n, heads, l, l], axis=-1), v], [n, heads, l, size])
        o = self.reshape(self.transpose(o, 0, 2, 1, 3), n, l, heads * size)
        return self.linear(o, self.shapes[x][-1])

    @step(SEQUENCE)
    def attention(self, x):
        heads, size, value = self.pick(2, 3, 4), self.pick(2, 4), self.pick(2, 3)
        self.mark("attention")
        return self.scores(self.heads(self.linear(x, heads * size), heads, size), self.heads(self.linear(x, heads * size), heads, size),
                           self.heads(self.linear(x, heads * value), heads, value), x)

    @step(SEQUENCE)
    def packed(self, x):
        n, l, _ = self.shapes[x]
        heads, size = self.pick(2, 3), self.pick(2, 4)
        self.mark("attention")
        y = self.linear(x, 3 * heads * size)
        if self.chance(0.5):
            self.mark("gather")
            y = self.transpose(self.reshape(y, n, l, 3, heads, size), 2, 0, 3, 1, 4)
            parts = [self.add("Gather", [y, self.scalar(i, np.int64)], [n, heads, l, size], axis=0) for i in range(3)]
        else:
            self.mark("split", "squeeze and unsqueeze")
            y = self.transpose(self.reshape(y, n, l, heads, 3, size), 3, 0, 2, 1, 4)
            threes = self.add("Split", [y, self.ints(1, 1, 1)], *[[1, n, heads, l, size]] * 3, axis=0)
            parts = [self.add("Squeeze", [t, self.ints(0)], [n, heads, l, size]) for t in threes]
        return self.scores(*parts, x)

    @step(SEQUENCE)
    def queries(self, x):
        n, l, _ = self.shapes[x]
        kv, times, size = self.pick(1, 2), self.pick(2, 3), 4
        many = kv * times
        self.mark("grouped queries", "attention")
        q = self.heads(self.linear(x, many * size), many, size)
        shared = []
        way = self.rng.integers(3)
        for _ in range(2):
            k = self.heads(self.linear(x, kv * size), kv, size)
            if way == 2:
                self.mark("gather")
                k = self.add("Gather", [k, self.ints(*[i // times for i in range(many)])], [n, many, l, size], axis=1)
            else:
                self.mark("squeeze and unsqueeze", "expand" if way else "tile")
                k = self.add("Unsqueeze", [k, self.ints(2)], [n, kv, 1, l, size])
                k = self.add("Expand" if way else "Tile", [k, self.ints(1, 1, times, 1, 1)], [n, kv, times, l, size])
                # The sequence is in the middle here.
                self.mark("reshape")
                k = self.add("Reshape", [k, self.ints(0, many, -1, size)], [n, many, l, size])
            shared.append(k)
        return self.scores(q, *shared, x)

    @step(SEQUENCE)
    def rotary(self, x):
        n, l, _ = self.shapes[x]
        heads, size = 2, self.pick(4, 8)
        self.mark("rotary", "attention", "split", "concat")
        turned = []
        for _ in range(2):
            q = self.heads(self.linear(x, heads * size), heads, size)
            a, b = self.add("Split", [q, self.ints(size // 2, size // 2)], *[[n, heads, l, size // 2]] * 2, axis=3)
            r = self.add("Concat", [self.add("Neg", [b], self.shapes[b]), a], [n, heads, l, size], axis=3)
            c = self.add("Mul", [q, self.vector(size)], self.shapes[q])
            turned.append(self.add("Add", [c, self.add("Mul", [r, self.vector(size)], self.shapes[q])], self.shapes[q]))
        return self.scores(*turned, self.heads(self.linear(x, heads * 3), heads, 3), x)

    @step(SEQUENCE)
    def fused(self, x):
        n, l, c = self.shapes[x]
        kv, times, size, value = 2, self.pick(1, 3), self.pick(2, 4), self.pick(2, 3)
        self.mark("fused attention")
        inputs = [self.linear(x, kv * times * size), self.linear(x, kv * size), self.linear(x, kv * value)]
        if self.chance(0.5):
            y = self.add("Attention", inputs, [n, l, kv * times * value], q_num_heads=kv * times, kv_num_heads=kv)
        else:
            sizes = [(kv * times, size), (kv, size), (kv, value)]
            inputs = [self.heads(t, h, s) for t, (h, s) in zip(inputs, sizes)]
            y = self.add("Attention", inputs, [n, kv * times, l, value], scale=0.5)
            y = self.reshape(self.transpose(y, 0, 2, 1, 3), n, l, kv * times * value)
        return self.linear(y, c)

    @step(SEQUENCE)
    def layer_norm(self, x):
        c = self.shapes[x][-1]
        self.mark("layer norm")
        way = self.rng.integers(3)
        if way == 0:
            return self.add("LayerNormalization", [x, self.vector(c), self.weight(c, fan=1)], self.shapes[x], axis=-1, epsilon=1e-2)
        if way == 1:
            return self.add("RMSNormalization", [x, self.vector(c)], self.shapes[x], axis=-1, epsilon=1e-2)
        self.mark("mean")
        square = self.add("Pow", [x, self.scalar(2)], self.shapes[x])
        mean = self.add("ReduceMean", [square, self.ints(-1)], self.shapes[x][:-1] + [1])
        root = self.add("Sqrt", [self.add("Add", [mean, self.scalar(0.01)], self.shapes[mean])], self.shapes[mean])
        y = self.add("Div", [x, root], self.shapes[x])
        self.hide(mean, root, self.nodes[-3].output[0])
        return self.add("Mul", [y, self.vector(c)], self.shapes[x])

    @step(SEQUENCE, MATRIX)
    def feed_forward(self, x):
        self.mark("residual", "elementwise")
        y = self.add("Gelu", [self.linear(x, 12)], self.shapes[x][:-1] + [12])
        return self.add("Add", [x, self.linear(y, self.shapes[x][-1])], self.shapes[x])

    @step(SEQUENCE, MATRIX)
    def swiglu(self, x):
        shape = self.shapes[x]
        both, half = self.linear(x, 12), shape[:-1] + [6]
        self.mark("split", "gate")
        gate, up = self.add("Split", [both, self.ints(6, 6)], half, half, axis=-1)
        return self.linear(self.add("Mul", [self.add("Sigmoid", [gate], half), up], half), shape[-1])

    @step(SEQUENCE, weight=2)
    def recurrent(self, x):
        n, l, c = self.shapes[x]
        hidden, (gates, op), both = 4, self.pick((4, "LSTM"), (3, "GRU"), (1, "RNN")), self.pick(1, 2)
        if c > 24:
            return x
        self.mark("recurrent", "squeeze and unsqueeze")
        turned = self.transpose(x, 1, 0, 2)
        weights = [self.weight(both, gates * hidden, c), self.weight(both, gates * hidden, hidden), self.weight(both, 2 * gates * hidden)]
        y = self.add(op, [turned] + weights, [l, both, n, hidden], hidden_size=hidden, direction="bidirectional" if both == 2 else "forward")
        self.hide(turned, y)
        if both == 1:
            squeezed = self.add("Squeeze", [y, self.ints(1)], [l, n, hidden])
            self.hide(squeezed)
            return self.transpose(squeezed, 1, 0, 2)
        apart = self.transpose(y, 2, 0, 1, 3)
        self.hide(apart)
        return self.reshape(apart, n, l, 2 * hidden)

    @step(SEQUENCE, weight=2)
    def regroup(self, x):
        n, l, c = self.shapes[x]
        a = self.divisor(c)
        y = self.reshape(x, n, l, a, c // a)
        if self.chance(0.5):
            y = self.transpose(y, 0, 1, 3, 2)
        elif self.chance(0.5):
            b = self.divisor(c)
            y = self.add("Relu", [y], self.shapes[y])
            y = self.reshape(y, n, l, b, c // b)
        return self.reshape(y, n, l, c)

    @step(SEQUENCE)
    def einsum(self, x):
        n, l, c = self.shapes[x]
        self.mark("einsum")
        if self.chance(0.5):
            return self.add("Einsum", [x, self.weight(6, c)], [n, l, 6], equation="nlc,oc->nlo")
        y = self.add("Einsum", [x, self.weight(c, 2, 3)], [n, l, 2, 3], equation="nlc,che->nlhe")
        return self.add("Einsum", [y, self.weight(2, 3, 4)], [n, l, 4], equation="nlhe,hed->nld")

    @step(SEQUENCE)
    def token(self, x):
        n, l, c = self.shapes[x]
        if self.sequential:
            return x
        self.mark("expand", "concat")
        t = self.add("Expand", [self.weight(1, 1, c), self.ints(n, 1, c)], [n, 1, c])
        # The batch is what it is at the run: such graphs have a fixed one.
        self.fixed = True
        return self.add("Concat", [t, x], [n, l + 1, c], axis=1)

    @step(SEQUENCE, weight=2)
    def to_vector(self, x):
        n, l, c = self.shapes[x]
        self.mark("mean")
        return self.add("ReduceMean", [x, self.ints(1)], [n, c], keepdims=0)

    # Steps on matrices.

    @step(MATRIX, weight=3)
    def gemm(self, x):
        n, c = self.shapes[x]
        out, turned = self.pick(4, 6, 8, 12), self.pick(0, 1)
        self.mark("gemm")
        weight = self.weight(out, c) if turned else self.weight(c, out, fan=c)
        return self.add("Gemm", [x, weight, self.weight(out)], [n, out], transB=turned)

    @step(MATRIX)
    def to_image(self, x):
        n, c = self.shapes[x]
        if c % 4:
            return x
        return self.reshape(x, n, c // 4, 2, 2)

    @step(MATRIX)
    def reorder(self, x):
        n, c = self.shapes[x]
        a, b = self.divisor(c), self.divisor(c)
        y = self.add("Tanh", [self.reshape(x, n, a, c // a)], [n, a, c // a])
        y = self.reshape(y, n, b, c // b)
        return self.reshape(self.transpose(y, 0, 2, 1) if self.chance(0.5) else y, n, c)

    # Steps on anything.

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
            inner = f"{result}_{op}"
            value = helper.make_tensor_value_info(inner, TensorProto.FLOAT, None)
            branches[name] = helper.make_graph([helper.make_node(op, [x], [inner])], name, [], [value])
        return self.add("If", ["flag"], self.shapes[x], **branches)

    @step(IMAGE, SEQUENCE, MATRIX)
    def unknown(self, x):
        if not self.chance(0.6):
            return x
        self.mark("unknown operator")
        return self.add("Mystery", [x], self.shapes[x], domain="test")

    # A whole graph.

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
