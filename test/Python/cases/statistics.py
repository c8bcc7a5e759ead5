# SPDX-License-Identifier: Apache-2.0
"""Norms, means, extrema, quantisation: operators that look at many positions at once."""

import numpy as np

from .case import Case

IN, OUT = "w1[1]: input 'x'", "w2[0]: output 'y'"
ROWS = ["w1[0]: input 'x'", "w2[1]: output 'y'"]

CASES = [
    Case("26a layer norm over channels", """(float[N,L,6] x) => (float[N,L,2] y) {
        a = MatMul(x, w1)
        n = LayerNormalization(a, g, b)
        y = MatMul(n, w2)
    }""", dict(w1=(6, 8), g=8, b=8, w2=(8, 2)),
         groups=["8: b[0] g[0] w1[1] w2[0]"], pins=ROWS),
    Case("26b root mean square norm over channels", """(float[N,L,6] x) => (float[N,L,2] y) {
        a = MatMul(x, w1)
        n = RMSNormalization(a, g)
        y = MatMul(n, w2)
    }""", dict(w1=(6, 8), g=8, w2=(8, 2)),
         groups=["8: g[0] w1[1] w2[0]"], pins=ROWS),
    Case("26 skip: layer norm of a sum that is used", """(float[N,L,6] x) => (float[N,L,2] y) {
        a = MatMul(x, w1)
        b = MatMul(x, w2)
        n, m, s, c = com.microsoft.SkipLayerNormalization(a, b, g, shift, bias)
        d = Add(n, c)
        y = MatMul(d, w3)
    }""", dict(w1=(6, 8), w2=(6, 8), g=8, shift=8, bias=8, w3=(8, 2)),
         groups=["8: bias[0] g[0] shift[0] w1[1] w2[1] w3[0]"], pins=["w1[0]: input 'x'", "w2[0]: input 'x'", "w3[1]: output 'y'"]),
    Case("26 skip: root mean square norm of a sum", """(float[N,L,6] x) => (float[N,L,2] y) {
        a = MatMul(x, w1)
        b = MatMul(x, w2)
        n = com.microsoft.SkipSimplifiedLayerNormalization(a, b, g, bias)
        y = MatMul(n, w3)
    }""", dict(w1=(6, 8), w2=(6, 8), g=8, bias=8, w3=(8, 2)),
         groups=["8: bias[0] g[0] w1[1] w2[1] w3[0]"], pins=["w1[0]: input 'x'", "w2[0]: input 'x'", "w3[1]: output 'y'"]),
    Case("26 skip: what is added does not hold zero", """(float[N,L,6] x) => (float[N,L,2] y) {
        a = MatMul(x, w1)
        b = Cos(a)
        n = com.microsoft.SkipLayerNormalization(a, b, g)
        y = MatMul(n, w2)
    }""", dict(w1=(6, 8), g=8, w2=(8, 2)),
         groups=[], pins=["w1[0]: input 'x'", "w1[1]: do not hold zero", "g[0]: do not hold zero", "w2[0]: do not hold zero", "w2[1]: output 'y'"]),
    Case("26c root mean square norm, decomposed", """(float[N,L,6] x) => (float[N,L,2] y) <float two = {2}, float eps = {0.00001}, int64[1] axes = {-1}> {
        a = MatMul(x, w1)
        p = Pow(a, two)
        m = ReduceMean(p, axes)
        e = Add(m, eps)
        r = Sqrt(e)
        d = Div(a, r)
        n = Mul(d, g)
        y = MatMul(n, w2)
    }""", dict(w1=(6, 8), g=8, w2=(8, 2)),
         groups=["8: g[0] w1[1] w2[0]"], pins=ROWS),
    Case("27a group norm", """(float[N,3,4,4] x) => (float[N,2,4,4] y) {
        a = Conv(x, w1)
        n = GroupNormalization <num_groups=4> (a, g, b)
        y = Conv(n, w2)
    }""", dict(w1=(8, 3, 1, 1), g=8, b=8, w2=(2, 8, 1, 1)),
         groups=["4: b[0 0 by 2] g[0 0 by 2] w1[0 0 by 2] w2[1 0 by 2]", "8 balanced 4: b[0] g[0] w1[0] w2[1]"], pins=[IN, OUT]),
    Case("26g tables that are added and normalised", """(int32[N,5] ids, int32[N,5] kind) => (float[N,5,2] y) {
        e, m = com.microsoft.EmbedLayerNormalization(ids, kind, words, places, kinds, g, b)
        y = MatMul(e, w2)
    }""", dict(words=(7, 8), places=(5, 8), kinds=(2, 8), g=8, b=8, w2=(8, 2)),
         groups=["8: b[0] g[0] kinds[1] places[1] w2[0] words[1]"],
         pins=["words[0]: a lookup", "places[0]: a lookup", "kinds[0]: a lookup", "w2[1]: output 'y'"]),
    Case("26h tables whose norm is an output", """(int32[N,5] ids, int32[N,5] kind) => (float[N,5,8] e, float[N,5,2] y) {
        e, m, s = com.microsoft.EmbedLayerNormalization(ids, kind, words, places, kinds, g, b)
        y = MatMul(s, w2)
    }""", dict(words=(7, 8), places=(5, 8), kinds=(2, 8), g=8, b=8, w2=(8, 2)),
         groups=[], pins=["words[0]: a lookup", "places[0]: a lookup", "kinds[0]: a lookup", "w2[1]: output 'y'", "w2[0]: output 'e'",
                          "words[1]: output 'e'", "places[1]: output 'e'", "kinds[1]: output 'e'", "g[0]: output 'e'", "b[0]: output 'e'"]),
    Case("26i the norm without a mean of ONNX Runtime", """(float[N,5,6] x) => (float[N,5,2] y) {
        a = MatMul(x, w1)
        n = SimplifiedLayerNormalization <axis=-1, epsilon=0.1> (a, g)
        y = MatMul(n, w2)
    }""", dict(w1=(6, 8), g=8, w2=(8, 2)), groups=["8: g[0] w1[1] w2[0]"], pins=["w1[0]: input 'x'", "w2[1]: output 'y'"], checked=False),
    Case("26j and behind an activation that makes no zero", """(float[N,5,6] x) => (float[N,5,2] y) {
        a = MatMul(x, w1)
        s = Sigmoid(a)
        n = SimplifiedLayerNormalization <axis=-1, epsilon=0.1> (s, g)
        y = MatMul(n, w2)
    }""", dict(w1=(6, 8), g=8, w2=(8, 2)), groups=[], checked=False,
         pins=["w1[0]: input 'x'", "w1[1]: do not hold zero", "g[0]: do not hold zero", "w2[0]: do not hold zero", "w2[1]: output 'y'"]),
    Case("27b instance norm", """(float[N,3,4,4] x) => (float[N,2,4,4] y) {
        a = Conv(x, w1)
        n = InstanceNormalization(a, g, b)
        y = Conv(n, w2)
    }""", dict(w1=(8, 3, 1, 1), g=8, b=8, w2=(2, 8, 1, 1)),
         groups=["8: b[0] g[0] w1[0] w2[1]"], pins=[IN, OUT]),
    Case("28 batch norm before a padded convolution", """(float[N,3,6,6] x) => (float[N,2,6,6] y) {
        a = Conv(x, w1)
        n = BatchNormalization(a, g, b, m, var)
        r = Relu(n)
        y = Conv <pads=[1,1,1,1]> (r, w2)
    }""", dict(w1=(8, 3, 1, 1), g=8, b=8, m=8, var=8, w2=(2, 8, 3, 3)),
         groups=["8: b[0] g[0] m[0] var[0] w1[0] w2[1]"], pins=[IN, OUT]),
    # An erased channel holds 0.5, and its border 0: neither reaches the result.
    Case("28b batch norm that a sigmoid follows", """(float[N,3,6,6] x) => (float[N,2,6,6] y) {
        a = Conv(x, w1, b1)
        n = BatchNormalization(a, g, b, m, var)
        r = Sigmoid(n)
        y = Conv <pads=[1,1,1,1]> (r, w2)
    }""", dict(w1=(8, 3, 1, 1), b1=8, g=8, b=8, m=8, var=8, w2=(2, 8, 3, 3)),
         groups=["8: b1[0] b[0] g[0] m[0] var[0] w1[0] w2[1]"], pins=[IN, OUT]),
    Case("33a LSTM", """(float[5,N,6] x) => (float[5,N,2] y) <int64[1] axis = {1}> {
        h = LSTM <hidden_size=4> (x, w, r, b)
        s = Squeeze(h, axis)
        y = MatMul(s, w2)
    }""", dict(w=(1, 16, 6), r=(1, 16, 4), b=(1, 32), w2=(4, 2)),
         groups=["4: b[1 0 by 1 x 8 step 4] r[1 0 by 1 x 4 step 4] r[2] w2[0] w[1 0 by 1 x 4 step 4]"],
         pins=["w[2]: input 'x'", "w2[1]: output 'y'"]),
    Case("33b GRU, both ways", """(float[5,N,6] x) => (float[5,N,2] y) <int64[3] shape = {0, 0, -1}> {
        h = GRU <hidden_size=4, direction="bidirectional"> (x, w, r, b)
        t = Transpose <perm=[0,2,1,3]> (h)
        s = Reshape(t, shape)
        y = MatMul(s, w2)
    }""", dict(w=(2, 12, 6), r=(2, 12, 4), b=(2, 24), w2=(8, 2)),
         groups=["4: b[1 0 by 1 x 6 step 4] r[1 0 by 1 x 3 step 4] r[2] w2[0 0 by 1 x 2 step 4] w[1 0 by 1 x 3 step 4]"],
         pins=["w[2]: input 'x'", "w2[1]: output 'y'"]),
    Case("36 convolution between quantisation, one scale a channel", """(float[N,3,4,4] x) => (float[N,2,4,4] y) <float s = {0.02}, int8 z = {0}> {
        xq = QuantizeLinear(x, s, z)
        xd = DequantizeLinear(xq, s, z)
        wd = DequantizeLinear <axis=0> (w1, vars, zs)
        a = Conv(xd, wd, b1)
        aq = QuantizeLinear(a, s, z)
        ad = DequantizeLinear(aq, s, z)
        r = Relu(ad)
        vd = DequantizeLinear(w2, s, z)
        y = Conv(r, vd)
    }""", dict(w1=np.arange(24, dtype=np.int8).reshape(8, 3, 1, 1), vars=8, zs=np.zeros(8, np.int8), b1=8,
               w2=(np.arange(16) % 7 - 3).astype(np.int8).reshape(2, 8, 1, 1)),
         groups=["8: b1[0] vars[0] w1[0] w2[1] zs[0]"], pins=[IN, OUT]),
    Case("36b weights whose zero is another number", """(float[N,3,4,4] x) => (float[N,2,4,4] y) <float s = {0.02}, uint8 zero = {3}> {
        wd = DequantizeLinear <axis=0> (w1, vars, zs)
        a = Conv(x, wd, b1)
        m = ReduceMean <keepdims=1> (a, axis)
        n = Sub(a, m)
        vd = DequantizeLinear(w2, s, zero)
        y = Conv(n, vd)
    }""", dict(w1=np.arange(100, 124, dtype=np.uint8).reshape(8, 3, 1, 1), vars=8, zs=np.full(8, 128, np.uint8), b1=8,
               w2=(np.arange(16) % 7).astype(np.uint8).reshape(2, 8, 1, 1), axis=[1]),
         groups=["8: b1[0] vars[0] w1[0] w2[1] zs[0]"], pins=[IN, OUT]),
]
