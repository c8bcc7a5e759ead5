# SPDX-License-Identifier: Apache-2.0
"""What there is of dropping layers and of low rank, both of which are later work: that nothing stands in their way.

A layer is dropped, and a matrix factorised, by steps of a plan that do not exist yet (docs/pruning-plans.md). The
units inside of such layers leave as everywhere."""

from .case import Case

# Attention whose keys are the values, too, and leave as a cache.
CACHED = """(float[2,L,6] x, float[2,P,2,4] past) => (float[2,L,3] y, float[2,T,2,4] present) <int64[4] apart = {0, 0, 2, 4}, int64[3] together = {0, 0, -1}> {
        k0 = MatMul(x, wk)
        k1 = Reshape(k0, apart)
        present = Concat <axis=1> (past, k1)
        q0 = MatMul(x, wq)
        q1 = Reshape(q0, apart)
        q = Transpose <perm=[0,2,1,3]> (q1)
        k = Transpose <perm=[0,2,3,1]> (present)
        s0 = MatMul(q, k)
        s = Softmax <axis=-1> (s0)
        v = Transpose <perm=[0,2,1,3]> (present)
        o0 = MatMul(s, v)
        o1 = Transpose <perm=[0,2,1,3]> (o0)
        o = Reshape(o1, together)
        a = MatMul(o, wo)
        r = Relu(a)
        y = MatMul(r, w2)
    }"""
CACHED_WEIGHTS = dict(wk=(6, 8), wq=(6, 8), wo=(8, 5), w2=(5, 3))

CASES = [
    Case("39a attention and feed-forward side by side", """(float[2,L,6] x) => (float[2,L,3] y) <int64[4] apart = {0, 0, 2, 2}, int64[3] together = {0, 0, -1}> {
        h = MatMul(x, w1)
        q0 = MatMul(h, wq)
        q1 = Reshape(q0, apart)
        q = Transpose <perm=[0,2,1,3]> (q1)
        k0 = MatMul(h, wk)
        k1 = Reshape(k0, apart)
        k = Transpose <perm=[0,2,3,1]> (k1)
        v0 = MatMul(h, wv)
        v1 = Reshape(v0, apart)
        v = Transpose <perm=[0,2,1,3]> (v1)
        s0 = MatMul(q, k)
        s = Softmax <axis=-1> (s0)
        o0 = MatMul(s, v)
        o1 = Transpose <perm=[0,2,1,3]> (o0)
        o2 = Reshape(o1, together)
        o = MatMul(o2, wo)
        f0 = MatMul(h, up)
        f1 = Gelu(f0)
        f = MatMul(f1, down)
        r = Add(h, o)
        z = Add(r, f)
        y = MatMul(z, w2)
    }""", dict(w1=(6, 8), wq=(8, 4), wk=(8, 4), wv=(8, 4), wo=(4, 8), up=(8, 7), down=(7, 8), w2=(8, 3)),
         groups=["8: down[1] up[0] w1[1] w2[0] wk[0] wo[1] wq[0] wv[0]", "7: down[0] up[1]",
                 "2: wk[1 0 by 2] wo[0 0 by 2] wq[1 0 by 2] wv[1 0 by 2]", "4 balanced 2: wk[1] wq[1]",
                 "4 balanced 2: wo[0] wv[1]"],
         pins=["w1[0]: input 'x'", "w2[1]: output 'y'"]),
    Case("39b keys that leave as a cache", CACHED, CACHED_WEIGHTS,
         groups=["5: w2[0] wo[1]"],
         pins=["wk[0]: input 'x'", "wk[1]: input 'past'", "wq[0]: input 'x'", "wq[1]: input 'past'", "wo[0]: input 'past'", "w2[1]: output 'y'"]),
    Case("39c keys that leave as a cache, which may shrink", CACHED, CACHED_WEIGHTS, allow_interface=("past", "present"),
         groups=["5: w2[0] wo[1]", "2: wk[1 0 by 4] wo[0 0 by 4] wq[1 0 by 4]", "4: wk[1 0 by 1 x 2 step 4] wo[0 0 by 1 x 2 step 4] wq[1 0 by 1 x 2 step 4]"],
         pins=["wk[0]: input 'x'", "wq[0]: input 'x'", "w2[1]: output 'y'"]),
]
