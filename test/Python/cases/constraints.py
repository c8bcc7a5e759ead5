# SPDX-License-Identifier: Apache-2.0
"""Grouped convolutions, experts, gates: units that leave under conditions."""

from .case import Case

IN, OUT = "w1[1]: input 'x'", "w2[0]: output 'y'"

CASES = [
    Case("19a grouped convolution", """(float[N,3,4,4] x) => (float[N,2,4,4] y) {
        a = Conv(x, w1)
        b = Conv <group=4> (a, w)
        y = Conv(b, w2)
    }""", dict(w1=(8, 3, 1, 1), w=(12, 2, 1, 1), w2=(2, 12, 1, 1)),
         groups=["4: w1[0 0 by 2] w2[1 0 by 3] w[0 0 by 3]", "8 balanced 4: w1[0] w[0 0 by 3 digit 2 of 4, 1 0 by 1 digit 1 of 2]", "12 balanced 4: w2[1] w[0]"], pins=[IN, OUT]),
    Case("19b two grouped convolutions whose groups do not divide", """(float[N,3,4,4] x) => (float[N,2,4,4] y) {
        a = Conv(x, w1)
        b = Conv <group=4> (a, w)
        r = Relu(b)
        c = Conv <group=6> (r, v)
        y = Conv(c, w2)
    }""", dict(w1=(8, 3, 1, 1), w=(12, 2, 1, 1), v=(6, 2, 1, 1), w2=(2, 6, 1, 1)),
         groups=["2: v[0 0 by 3] w1[0 0 by 4] w2[1 0 by 3] w[0 0 by 6]",
                 "4 balanced 2: w1[0 [[0, 2], [1, 3], [4, 6], [5, 7]]] w[0 0 by 6 digit 2 of 2, 1 0 by 1 digit 1 of 2]"],
         pins=[IN, OUT, "v[1]: no common factors"]),
    Case("35a mixture of experts", """(float[N,6] x) => (float[N,3] y) {
        h = MatMul(x, w1)
        l = MatMul(h, router)
        p = Softmax <axis=-1> (l)
        a = Einsum <equation="nh,ehf->nef"> (h, up)
        g = Relu(a)
        o = Einsum <equation="nef,efh->neh"> (g, down)
        m = Einsum <equation="neh,ne->nh"> (o, p)
        y = MatMul(m, w2)
    }""", dict(w1=(6, 8), router=(8, 4), up=(4, 8, 5), down=(4, 5, 7), w2=(7, 3)),
         groups=["8: router[0] up[1] w1[1]", "5: down[1] up[2]", "7: down[2] w2[0]"],
         pins=["w1[0]: input 'x'", "router[1]: along this axis", "up[0]: along this axis", "down[0]: along this axis", "w2[1]: output 'y'"]),
    Case("35b gate and value packed", """(float[N,6] x) => (float[N,3] y) <int64[2] sizes = {5, 5}> {
        h = MatMul(x, w1)
        g, u = Split <axis=1> (h, sizes)
        s = Sigmoid(g)
        m = Mul(s, u)
        y = MatMul(m, w2)
    }""", dict(w1=(6, 10), w2=(5, 3)),
         groups=["5: w1[1 5 by 1] w1[1] w2[0]"], pins=["w1[0]: input 'x'", "w2[1]: output 'y'"]),
    Case("35c gate and value apart", """(float[N,6] x) => (float[N,3] y) {
        g = MatMul(x, wg)
        u = MatMul(x, wu)
        s = Sigmoid(g)
        m = Mul(s, u)
        y = MatMul(m, w2)
    }""", dict(wg=(6, 5), wu=(6, 5), w2=(5, 3)),
         groups=["5: w2[0] wg[1] wu[1]"], pins=["wg[0]: input 'x'", "wu[0]: input 'x'", "w2[1]: output 'y'"]),
]
