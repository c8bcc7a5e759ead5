# SPDX-License-Identifier: Apache-2.0
"""Steps on sequences [N, L, C] and matrices [N, C]."""

import numpy as np

from .base import MATRIX, SEQUENCE, Builder, step


class SequenceSteps(Builder):
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
        if self.chance(0.3):
            batch = self.add("Shape", [turned], [1], start=1, end=2)
            sizes = self.add("Concat", [self.ints(both), batch, self.ints(hidden)], [3], axis=0)
            zeros = self.add("ConstantOfShape", [sizes], [both, n, hidden])
            self.hide(batch, sizes, zeros)
            weights += ["", zeros]
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

    # Matrices.

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
