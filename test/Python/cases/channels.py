# SPDX-License-Identifier: Apache-2.0
"""Convolutions, residuals, concatenation, splits."""

from .case import Case

CASES = [
    Case("01 conv-relu-conv", """(float[N,3,8,8] x) => (float[N,2,8,8] y) {
        a = Conv <pads=[1,1,1,1]> (x, w1, b1)
        r = Relu(a)
        y = Conv <pads=[1,1,1,1]> (r, w2, b2)
    }""", dict(w1=(8, 3, 3, 3), b1=8, w2=(2, 8, 3, 3), b2=2),
         groups=["8: b1[0] w1[0] w2[1]"],
         pins=["w1[1]: input 'x'", "w2[0]: output 'y'", "b2[0]: output 'y'"]),
    Case("02 residual stages with downsampling", """(float[N,3,8,8] x) => (float[N,2,4,4] y) {
        s = Conv <pads=[1,1,1,1]> (x, stem)
        a1 = Conv <pads=[1,1,1,1]> (s, wa1)
        a2 = Relu(a1)
        a3 = Conv <pads=[1,1,1,1]> (a2, wa2)
        a = Add(s, a3)
        b1 = Conv <pads=[1,1,1,1], strides=[2,2]> (a, wb1)
        b2 = Relu(b1)
        b3 = Conv <pads=[1,1,1,1]> (b2, wb2)
        d = Conv <strides=[2,2]> (a, wd)
        b = Add(b3, d)
        c1 = Conv <pads=[1,1,1,1]> (b, wc1)
        c2 = Conv <pads=[1,1,1,1]> (c1, wc2)
        c = Add(b, c2)
        y = Conv (c, head)
    }""", dict(stem=(8, 3, 3, 3), wa1=(6, 8, 3, 3), wa2=(8, 6, 3, 3), wb1=(10, 8, 3, 3), wb2=(12, 10, 3, 3), wd=(12, 8, 1, 1),
               wc1=(7, 12, 3, 3), wc2=(12, 7, 3, 3), head=(2, 12, 1, 1)),
         groups=["8: stem[0] wa1[1] wa2[0] wb1[1] wd[1]", "6: wa1[0] wa2[1]", "10: wb1[0] wb2[1]",
                 "12: head[1] wb2[0] wc1[1] wc2[0] wd[0]", "7: wc1[0] wc2[1]"],
         pins=["stem[1]: input 'x'", "head[0]: output 'y'"]),
    Case("03 shortcut of a strided slice and padded channels", """(float[N,3,8,8] x) => (float[N,2,4,4] y)
        <int64[2] starts = {0, 0}, int64[2] ends = {8, 8}, int64[2] axes = {2, 3}, int64[2] steps = {2, 2},
         int64[8] pads = {0, 2, 0, 0, 0, 3, 0, 0}> {
        s = Conv <pads=[1,1,1,1]> (x, stem)
        a = Conv <pads=[1,1,1,1], strides=[2,2]> (s, w1)
        cut = Slice(s, starts, ends, axes, steps)
        short = Pad(cut, pads)
        t = Add(a, short)
        y = Conv(t, head)
    }""", dict(stem=(4, 3, 3, 3), w1=(9, 4, 3, 3), head=(2, 9, 1, 1)),
         groups=["4: head[1 2 by 1] stem[0] w1[0 2 by 1] w1[1]", "2: head[1] w1[0]", "3: head[1 6 by 1] w1[0 6 by 1]"],
         pins=["stem[1]: input 'x'", "head[0]: output 'y'"]),
    Case("04 cascade of concatenations", """(float[N,3,6,6] x) => (float[N,2,6,6] y) {
        c1 = Conv <pads=[1,1,1,1]> (x, w1)
        c2 = Conv <pads=[1,1,1,1]> (c1, w2)
        d2 = Concat <axis=1> (c1, c2)
        c3 = Conv <pads=[1,1,1,1]> (d2, w3)
        d3 = Concat <axis=1> (d2, c3)
        y = Conv (d3, head)
    }""", dict(w1=(4, 3, 3, 3), w2=(5, 4, 3, 3), w3=(6, 9, 3, 3), head=(2, 15, 1, 1)),
         groups=["4: head[1] w1[0] w2[1] w3[1]", "5: head[1 4 by 1] w2[0] w3[1 4 by 1]", "6: head[1 9 by 1] w3[0]"],
         pins=["w1[1]: input 'x'", "head[0]: output 'y'"]),
    Case("05 a tensor beside itself", """(float[N,3,6,6] x) => (float[N,2,6,6] y) {
        a = Conv(x, w1)
        c = Concat <axis=1> (a, a)
        y = Conv(c, w2)
    }""", dict(w1=(4, 3, 1, 1), w2=(2, 8, 1, 1)),
         groups=["4: w1[0] w2[1 4 by 1] w2[1]"],
         pins=["w1[1]: input 'x'", "w2[0]: output 'y'"]),
    Case("06 a tensor beside its depthwise convolution", """(float[N,3,6,6] x) => (float[N,2,6,6] y) {
        a = Conv(x, w1)
        d = Conv <group=4, pads=[1,1,1,1]> (a, w2)
        c = Concat <axis=1> (a, d)
        y = Conv(c, w3)
    }""", dict(w1=(4, 3, 1, 1), w2=(4, 1, 3, 3), w3=(2, 8, 1, 1)),
         groups=["4: w1[0] w2[0] w3[1 4 by 1] w3[1]"],
         pins=["w1[1]: input 'x'", "w3[0]: output 'y'"]),
    Case("07 skip concatenation of a U-Net", """(float[N,3,8,8] x) => (float[N,2,8,8] y) <float[4] scales = {1, 1, 2, 2}> {
        e1 = Conv <pads=[1,1,1,1]> (x, w1)
        p = MaxPool <kernel_shape=[2,2], strides=[2,2]> (e1)
        e2 = Conv <pads=[1,1,1,1]> (p, w2)
        u = Resize <mode="nearest"> (e2, , scales)
        t = ConvTranspose <strides=[2,2]> (e2, wt)
        c = Concat <axis=1> (e1, u, t)
        y = Conv(c, head)
    }""", dict(w1=(4, 3, 3, 3), w2=(5, 4, 3, 3), wt=(5, 6, 2, 2), head=(2, 15, 1, 1)),
         groups=["4: head[1] w1[0] w2[1]", "5: head[1 4 by 1] w2[0] wt[0]", "6: head[1 9 by 1] wt[1]"],
         pins=["w1[1]: input 'x'", "head[0]: output 'y'", "scales[0]: one number for each axis"]),
    Case("08 split, a bottleneck on one half, concatenation", """(float[N,3,6,6] x) => (float[N,2,6,6] y) <int64[2] sizes = {4, 4}> {
        a = Conv(x, w1)
        l, r = Split <axis=1> (a, sizes)
        m1 = Conv <pads=[1,1,1,1]> (r, w2)
        m2 = Conv <pads=[1,1,1,1]> (m1, w3)
        m = Add(r, m2)
        c = Concat <axis=1> (l, r, m)
        y = Conv(c, head)
    }""", dict(w1=(8, 3, 1, 1), w2=(3, 4, 3, 3), w3=(4, 3, 3, 3), head=(2, 12, 1, 1)),
         groups=["4: head[1] w1[0]", "4: head[1 4 by 1] head[1 8 by 1] w1[0 4 by 1] w2[1] w3[0]", "3: w2[0] w3[1]"],
         pins=["w1[1]: input 'x'", "head[0]: output 'y'"]),
    Case("09 unequal split of a residual stream", """(float[N,3,6,6] x) => (float[N,2,6,6] y, float[N,2,6,6] z) <int64[2] sizes = {3, 5}> {
        a = Conv(x, w1)
        b = Conv(x, w2)
        s = Add(a, b)
        l, r = Split <axis=1> (s, sizes)
        y = Conv(l, w3)
        z = Conv(r, w4)
    }""", dict(w1=(8, 3, 1, 1), w2=(8, 3, 1, 1), w3=(2, 3, 1, 1), w4=(2, 5, 1, 1)),
         groups=["3: w1[0] w2[0] w3[1]", "5: w1[0 3 by 1] w2[0 3 by 1] w4[1]"],
         pins=["w1[1]: input 'x'", "w2[1]: input 'x'", "w3[0]: output 'y'", "w4[0]: output 'z'"]),
    Case("10 concatenation added to what is not cut", """(float[N,3,6,6] x) => (float[N,2,6,6] y) {
        a = Conv(x, w1)
        b = Conv(x, w2)
        ab = Concat <axis=1> (a, b)
        c = Conv(x, w3)
        s = Add(ab, c)
        y = Conv(s, w4)
    }""", dict(w1=(3, 3, 1, 1), w2=(5, 3, 1, 1), w3=(8, 3, 1, 1), w4=(2, 8, 1, 1)),
         groups=["3: w1[0] w3[0] w4[1]", "5: w2[0] w3[0 3 by 1] w4[1 3 by 1]"],
         pins=["w1[1]: input 'x'", "w2[1]: input 'x'", "w3[1]: input 'x'", "w4[0]: output 'y'"]),
    Case("11 class token and position embedding", """(float[2,5,6] x) => (float[2,6,3] y) <int64[3] shape = {2, 1, 8}> {
        a = MatMul(x, w1)
        t = Expand(cls, shape)
        c = Concat <axis=1> (t, a)
        p = Add(c, pos)
        y = MatMul(p, w2)
    }""", dict(w1=(6, 8), cls=(1, 1, 8), pos=(1, 6, 8), w2=(8, 3)),
         groups=["8: cls[2] pos[2] w1[1] w2[0]"],
         pins=["w1[0]: input 'x'", "w2[1]: output 'y'", "pos[1]: input 'x'"]),
    Case("20 depthwise, with a multiplier, and a single channel", """(float[N,3,6,6] x, float[N,1,6,6] m) => (float[N,2,6,6] y) {
        a = Conv(x, w1)
        d = Conv <group=4, pads=[1,1,1,1]> (a, w2)
        e = Conv <group=4, pads=[1,1,1,1]> (d, w3)
        f = Conv <group=1, pads=[1,1,1,1]> (m, w4)
        g = Add(e, f)
        y = Conv(g, w5)
    }""", dict(w1=(4, 3, 1, 1), w2=(4, 1, 3, 3), w3=(8, 1, 3, 3), w4=(8, 1, 3, 3), w5=(2, 8, 1, 1)),
         groups=["4: w1[0] w2[0] w3[0 0 by 2] w4[0 0 by 2] w5[1 0 by 2]",
                 "8 balanced 4: w3[0] w4[0] w5[1]"],
         pins=["w1[1]: input 'x'", "w5[0]: output 'y'"]),
    Case("21 squeeze and excite, a gate for each pixel, a scale", """(float[N,3,6,6] x) => (float[N,2,6,6] y) {
        a = Conv(x, w1)
        p = GlobalAveragePool(a)
        s1 = Conv(p, w2)
        s2 = Relu(s1)
        s3 = Conv(s2, w3)
        s = Sigmoid(s3)
        b = Mul(a, s)
        g1 = Conv(x, w4)
        g = Sigmoid(g1)
        c = Mul(b, g)
        d = Mul(c, scale)
        y = Conv(d, w5)
    }""", dict(w1=(8, 3, 1, 1), w2=(4, 8, 1, 1), w3=(8, 4, 1, 1), w4=(1, 3, 1, 1), scale=(8, 1, 1), w5=(2, 8, 1, 1)),
         groups=["8: scale[0] w1[0] w2[1] w3[0] w5[1]", "4: w2[0] w3[1]"],
         pins=["w1[1]: input 'x'", "w4[1]: input 'x'", "w5[0]: output 'y'"]),
    Case("30 one of two outputs pins the trunk", """(float[N,3,6,6] x) => (float[N,8,6,6] y, float[N,2,6,6] z) {
        a = Conv(x, w1)
        y = Relu(a)
        b = Conv(a, w2)
        z = Conv(b, w3)
    }""", dict(w1=(8, 3, 1, 1), w2=(5, 8, 1, 1), w3=(2, 5, 1, 1)),
         groups=["5: w2[0] w3[1]"],
         pins=["w1[0]: output 'y'", "w1[1]: input 'x'", "w2[1]: output 'y'", "w3[0]: output 'z'"]),
]
