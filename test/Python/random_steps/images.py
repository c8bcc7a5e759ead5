# SPDX-License-Identifier: Apache-2.0
"""Steps on images [N, C, H, W]."""

import numpy as np

from .base import IMAGE, Builder, step


class ImageSteps(Builder):
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
