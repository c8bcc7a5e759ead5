# SPDX-License-Identifier: Apache-2.0
"""Weights that are used more than once, and what subgraphs and unknown operators touch."""

from .case import Case

CASES = [
    Case("25a embedding tied to the last matrix", """(int64[N,L] ids) => (float[N,L,9] y) {
        e = Gather(table, ids)
        a = MatMul(e, w1)
        r = Relu(a)
        b = MatMul(r, w2)
        s = Add(e, b)
        t = Transpose <perm=[1,0]> (table)
        y = MatMul(s, t)
    }""", dict(table=(9, 8), w1=(8, 5), w2=(5, 8)),
         groups=["8: table[1] w1[0] w2[1]", "5: w1[1] w2[0]"], pins=["table[0]: "]),
    Case("25b two inputs through one convolution", """(float[N,3,4,4] x, float[N,3,4,4] z) => (float[N,2,4,4] y) {
        a = Conv(x, w1)
        b = Conv(z, w1)
        d = Sub(a, b)
        e = Conv(a, w3)
        f = Conv(d, w2)
        y = Add(e, f)
    }""", dict(w1=(8, 3, 1, 1), w2=(2, 8, 1, 1), w3=(2, 8, 1, 1)),
         groups=["8: w1[0] w2[1] w3[1]"], pins=["w1[1]: input 'x'", "w2[0]: output 'y'", "w3[0]: output 'y'"]),
    Case("25c a matrix and its transpose", """(float[N,6] x) => (float[N,6] y) {
        a = MatMul(x, w1)
        b = Gemm(a, w)
        r = Relu(b)
        c = Gemm <transB=1> (r, w)
        y = MatMul(c, w2)
    }""", dict(w1=(6, 8), w=(8, 5), w2=(8, 6)),
         groups=["8: w1[1] w2[0] w[0]", "5: w[1]"], pins=["w1[0]: input 'x'", "w2[1]: output 'y'"]),
    Case("41 captured by a branch", """(float[N,3,4,4] x, bool flag) => (float[N,2,4,4] y) {
        a = Conv(x, w1)
        b = Conv(a, w2)
        c = If(flag) <then_branch = then () => (float[N,5,4,4] t) { t = Relu(b) }, else_branch = other () => (float[N,5,4,4] u) { u = Neg(b) }>
        y = Conv(c, w3)
    }""", dict(w1=(8, 3, 1, 1), w2=(5, 8, 1, 1), w3=(2, 5, 1, 1)),
         groups=["8: w1[0] w2[1]", "5: w2[0] w3[1]"], pins=["w1[1]: input 'x'", "w3[0]: output 'y'"]),
    Case("41 computed in a branch, with weights from outside", """(float[N,3,4,4] x, bool flag) => (float[N,2,4,4] y) {
        a = Conv(x, w1)
        c = If(flag) <
            then_branch = then () => (float[N,8,4,4] t) { p = Conv(a, w2) q = Relu(p) t = Conv(q, w3) },
            else_branch = other () => (float[N,8,4,4] u) { u = Relu(a) }>
        y = Conv(c, w4)
    }""", dict(w1=(8, 3, 1, 1), w2=(5, 8, 1, 1), w3=(8, 5, 1, 1), w4=(2, 8, 1, 1)),
         groups=["8: w1[0] w2[1] w3[0] w4[1]", "5: w2[0] w3[1]"], pins=["w1[1]: input 'x'", "w4[0]: output 'y'"]),
    Case("41 weights that branches hold, of one name", """(float[N,3,4,4] x, bool flag) => (float[N,2,4,4] y) {
        a = Conv(x, w1)
        c = If(flag) <
            then_branch = then () => (float[N,4,4,4] t) { s = Constant <value = float[4,1,1] {0.5, 2, 1, 3}> () t = Mul(a, s) },
            else_branch = other () => (float[N,4,4,4] u) { s = Constant <value = float[4,4,1,1] {1, 2, 3, 4, 0.5, 2, 1, 3, 7, 8, 9, 1, 2, 4, 3, 1}> () u = Conv(a, s) }>
        y = Conv(c, w4)
    }""", dict(w1=(4, 3, 1, 1), w4=(2, 4, 1, 1)),
         # The branches' channels are one, so that the convolution's two sides are.
         groups=["4: c/else_branch/s[0] c/else_branch/s[1] c/then_branch/s[0] w1[0] w4[1]"],
         pins=["w1[1]: input 'x'", "w4[0]: output 'y'"]),
    Case("41 captured by a loop", """(float[N,3,4,4] x, float[N,2,4,4] s, bool go) => (float[N,2,4,4] y) {
        trips = Constant <value = int64 {3}> ()
        a = Conv(x, w1)
        b = Conv(a, w2)
        y = Loop(trips, go, s) <body = step (int64 i, bool again, float[N,2,4,4] before) => (bool more, float[N,2,4,4] after) {
            more = Identity(again)
            c = Conv(b, w3)
            after = Add(before, c)
        }>
    }""", dict(w1=(8, 3, 1, 1), w2=(5, 8, 1, 1), w3=(2, 5, 1, 1)),
         groups=["8: w1[0] w2[1]"],
         pins=["w1[1]: input 'x'", "w2[0]: subgraph", "w3[1]: subgraph", "w3[0]: subgraph"]),
    Case("42 an operator that nobody knows", """(float[N,3,4,4] x) => (float[N,2,4,4] y) {
        a = Conv(x, w1)
        b = Conv(a, w2)
        c = test.Mystery(b)
        y = Conv(c, w3)
    }""", dict(w1=(8, 3, 1, 1), w2=(5, 8, 1, 1), w3=(2, 5, 1, 1)),
         groups=["8: w1[0] w2[1]"],
         pins=["w1[1]: input 'x'", "w2[0]: nothing is known", "w3[1]: rank", "w3[0]: rank"]),
]
