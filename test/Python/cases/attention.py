# SPDX-License-Identifier: Apache-2.0
"""Heads, grouped queries, rotary embeddings: nothing is said about attention, it follows from the indices."""

from .case import Case


def heads(q="", k="", v="", scores="", inputs="float[2,L,6] x", nodes="", constants="", names=("q", "k", "v")):
    """Attention of 2 sequences; q, k, v are nodes that make [2, heads, L, size] of x."""
    a, b, c = names
    return f"""({inputs}) => (float[2,L,3] y) <int64[3] together = {{0, 0, -1}}{constants}> {{
        {nodes}
        {q}
        {k}
        {v}
        kt = Transpose <perm=[0,1,3,2]> ({b})
        s0 = MatMul({a}, kt)
        {scores}
        s = Softmax <axis=-1> (s0)
        o = MatMul(s, {c})
        ot = Transpose <perm=[0,2,1,3]> (o)
        oc = Reshape(ot, together)
        y = MatMul(oc, wo)
    }}"""


def project(name, weight, shape):
    """name = heads of x times a weight."""
    return f"""{name}0 = MatMul(x, {weight})
        {name}1 = Reshape({name}0, {shape})
        {name} = Transpose <perm=[0,2,1,3]> ({name}1)"""


def grouped(repeat):
    """Keys and values of fewer heads, each of which serves several queries."""
    return "\n".join(f"""{n}0 = MatMul(x, w{n})
        {n}1 = Reshape({n}0, few)
        {n}2 = Transpose <perm=[0,2,1,3]> ({n}1)
        """ + repeat.replace("@", n) for n in "kv")


EXPAND = """@3 = Unsqueeze(@2, axis)
        @4 = Expand(@3, times)
        @ = Reshape(@4, many)"""
TILE = """@3 = Unsqueeze(@2, axis)
        @4 = Tile(@3, times)
        @ = Reshape(@4, many)"""
GATHER = "@ = Gather <axis=1> (@2, order)"

FOUR = ", int64[4] apart = {0, 0, 4, 2}"
SIDES = ["wq[0]: input 'x'", "wk[0]: input 'x'", "wv[0]: input 'x'", "wo[1]: output 'y'"]


def gqa(kv, times, size, repeat):
    h = kv * times
    spelled = {EXPAND: f", int64[1] axis = {{2}}, int64[5] times = {{1, 1, {times}, 1, 1}}, int64[4] many = {{2, {h}, -1, {size}}}",
               TILE: f", int64[1] axis = {{2}}, int64[5] times = {{1, 1, {times}, 1, 1}}, int64[4] many = {{2, {h}, -1, {size}}}",
               GATHER: f", int64[{h}] order = {{{', '.join(str(i // times) for i in range(h))}}}"}[repeat]
    return heads(q=project("q", "wq", "apart"), k=grouped(repeat),
                 constants=f", int64[4] apart = {{0, 0, {h}, {size}}}, int64[4] few = {{0, 0, {kv}, {size}}}" + spelled)


def gqa_weights(kv, times, size):
    return dict(wq=(6, kv * times * size), wk=(6, kv * size), wv=(6, kv * size), wo=(kv * times * size, 3))


CASES = [
    Case("22a separate projections", heads(*[project(n, "w" + n, "apart") for n in "qkv"], constants=FOUR),
         dict(wq=(6, 8), wk=(6, 8), wv=(6, 8), wo=(8, 3)),
         groups=["4: wk[1 0 by 2] wo[0 0 by 2] wq[1 0 by 2] wv[1 0 by 2]", "8 balanced 4: wk[1] wq[1]",
                 "8 balanced 4: wo[0] wv[1]"], pins=SIDES),
    Case("22b packed, [3][heads][size]", heads(nodes="""p0 = MatMul(x, w)
        p1 = Reshape(p0, packed)
        p = Transpose <perm=[2,0,3,1,4]> (p1)
        q = Gather <axis=0> (p, i0)
        k = Gather <axis=0> (p, i1)
        v = Gather <axis=0> (p, i2)""", constants=", int64[5] packed = {0, 0, 3, 4, 2}, int64 i0 = {0}, int64 i1 = {1}, int64 i2 = {2}"),
         dict(w=(6, 24), wo=(8, 3)),
         # Queries, keys and values have one size of a head: it is one axis of the reshaped tensor.
         groups=["4: w[1 0 by 2 x 3 step 8] wo[0 0 by 2]", "8 balanced 4: w[1 0 by 1 x 3 step 8] wo[0]"],
         pins=["w[0]: input 'x'", "wo[1]: output 'y'"]),
    Case("22c packed, [heads][3][size]", heads(nodes="""p0 = MatMul(x, w)
        p1 = Reshape(p0, packed)
        p = Transpose <perm=[3,0,2,1,4]> (p1)
        q3, k3, v3 = Split <axis=0> (p, sizes)
        q = Squeeze(q3, axis)
        k = Squeeze(k3, axis)
        v = Squeeze(v3, axis)""", constants=", int64[5] packed = {0, 0, 4, 3, 2}, int64[3] sizes = {1, 1, 1}, int64[1] axis = {0}"),
         dict(w=(6, 24), wo=(8, 3)),
         groups=["4: w[1 0 by 6] wo[0 0 by 2]", "8 balanced 4: w[1 [[0, 2, 4], [1, 3, 5], [6, 8, 10], [7, 9, 11], [12, 14, 16], [13, 15, 17], [18, 20, 22], [19, 21, 23]]] wo[0]"],
         pins=["w[0]: input 'x'", "wo[1]: output 'y'"]),
    Case("22d packed, [heads][size][3]", heads(nodes="""p0 = MatMul(x, w)
        p1 = Reshape(p0, packed)
        p = Transpose <perm=[0,2,1,3,4]> (p1)
        q3, k3, v3 = Split <axis=4> (p, sizes)
        q = Squeeze(q3, axis)
        k = Squeeze(k3, axis)
        v = Squeeze(v3, axis)""", constants=", int64[5] packed = {0, 0, 4, 2, 3}, int64[3] sizes = {1, 1, 1}, int64[1] axis = {4}"),
         dict(w=(6, 24), wo=(8, 3)),
         groups=["4: w[1 0 by 6] wo[0 0 by 2]", "8 balanced 4: w[1 0 by 3] wo[0]"],
         pins=["w[0]: input 'x'", "wo[1]: output 'y'"]),
    Case("23a grouped queries 4/2 by Expand", gqa(2, 2, 4, EXPAND), gqa_weights(2, 2, 4),
         groups=["2: wk[1 0 by 4] wo[0 0 by 8] wq[1 0 by 8] wv[1 0 by 4]", "4 balanced 2: wo[0 0 by 4] wq[1 0 by 4]",
                 "4: wk[1 0 by 1 x 2 step 4] wq[1 0 by 1 x 4 step 4]", "4: wo[0 0 by 1 x 4 step 4] wv[1 0 by 1 x 2 step 4]"], pins=SIDES),
    Case("23b grouped queries 14/2 by Tile", gqa(2, 7, 2, TILE), gqa_weights(2, 7, 2),
         groups=["2: wk[1 0 by 2] wo[0 0 by 14] wq[1 0 by 14] wv[1 0 by 2]", "14 balanced 2: wo[0 0 by 2] wq[1 0 by 2]",
                 "2: wk[1 0 by 1 x 2 step 2] wq[1 0 by 1 x 14 step 2]", "2: wo[0 0 by 1 x 14 step 2] wv[1 0 by 1 x 2 step 2]"], pins=SIDES),
    Case("23c one key for 8 queries by Expand", gqa(1, 8, 2, EXPAND), gqa_weights(1, 8, 2),
         groups=["8: wo[0 0 by 2] wq[1 0 by 2]", "2: wk[1] wq[1 0 by 1 x 8 step 2]", "2: wo[0 0 by 1 x 8 step 2] wv[1]"], pins=SIDES),
    Case("23d grouped queries 4/2 by Gather", gqa(2, 2, 4, GATHER), gqa_weights(2, 2, 4),
         # A query by itself cannot leave: which keys it is for is a list that may name any number of them.
         groups=["2: wk[1 [[0, 1, 2, 3], [4, 5, 6, 7]]] wo[0 [[0, 1, 2, 3, 4, 5, 6, 7], [8, 9, 10, 11, 12, 13, 14, 15]]] "
                 "wq[1 [[0, 1, 2, 3, 4, 5, 6, 7], [8, 9, 10, 11, 12, 13, 14, 15]]] wv[1 [[0, 1, 2, 3], [4, 5, 6, 7]]]",
                 "4: wk[1 0 by 1 x 2 step 4] wq[1 0 by 1 x 4 step 4]", "4: wo[0 0 by 1 x 4 step 4] wv[1 0 by 1 x 2 step 4]"], pins=SIDES),
    Case("24a rotary halves", heads(q=project("qq", "wq", "apart") + """
        qa, qb = Split <axis=3> (qq, halves)
        qn = Neg(qb)
        qr = Concat <axis=3> (qn, qa)
        qc = Mul(qq, cos)
        qs = Mul(qr, sin)
        q = Add(qc, qs)""", k=project("kk", "wk", "apart") + """
        ka, kb = Split <axis=3> (kk, halves)
        kn = Neg(kb)
        kr = Concat <axis=3> (kn, ka)
        kc = Mul(kk, cos)
        ks = Mul(kr, sin)
        k = Add(kc, ks)""", v=project("v", "wv", "apart"), inputs="float[2,5,6] x",
        constants=", int64[4] apart = {0, 0, 2, 8}, int64[2] halves = {4, 4}").replace("float[2,L,3]", "float[2,5,3]"),
         dict(wq=(6, 16), wk=(6, 16), wv=(6, 16), wo=(16, 3), cos=(5, 8), sin=(5, 8)),
         groups=["2: wk[1 0 by 8] wo[0 0 by 8] wq[1 0 by 8] wv[1 0 by 8]", "16 balanced 2: wo[0] wv[1]",
                 "4: cos[1 4 by 1] cos[1] sin[1 4 by 1] sin[1] wk[1 0 by 1 x 2 step 8] wk[1 4 by 1 x 2 step 8] "
                 "wq[1 0 by 1 x 2 step 8] wq[1 4 by 1 x 2 step 8]"], pins=SIDES + ["cos[0]: input 'x'", "sin[0]: input 'x'"]),
    Case("24b rotary pairs side by side", heads(q=project("qq", "wq", "apart") + """
        qp = Reshape(qq, pairs)
        qa, qb = Split <axis=4> (qp, halves)
        qn = Neg(qb)
        qt = Concat <axis=4> (qn, qa)
        qr = Reshape(qt, flat)
        qc = Mul(qq, cos)
        qs = Mul(qr, sin)
        q = Add(qc, qs)""", k=project("kk", "wk", "apart") + """
        kp = Reshape(kk, pairs)
        ka, kb = Split <axis=4> (kp, halves)
        kn = Neg(kb)
        kt0 = Concat <axis=4> (kn, ka)
        kr = Reshape(kt0, flat)
        kc = Mul(kk, cos)
        ks = Mul(kr, sin)
        k = Add(kc, ks)""", v=project("v", "wv", "apart"), inputs="float[2,5,6] x",
        constants=", int64[4] apart = {0, 0, 2, 8}, int64[5] pairs = {0, 0, 0, 4, 2}, int64[4] flat = {0, 0, 0, 8}, int64[2] halves = {1, 1}").replace("float[2,L,3]", "float[2,5,3]"),
         dict(wq=(6, 16), wk=(6, 16), wv=(6, 16), wo=(16, 3), cos=(5, 8), sin=(5, 8)),
         groups=["2: wk[1 0 by 8] wo[0 0 by 8] wq[1 0 by 8] wv[1 0 by 8]", "16 balanced 2: wo[0] wv[1]",
                 "4: cos[1 0 by 2] sin[1 0 by 2] wk[1 0 by 2 x 2 step 8] wq[1 0 by 2 x 2 step 8]"],
         pins=SIDES + ["cos[0]: input 'x'", "sin[0]: input 'x'"]),
    Case("24c a scale of queries and keys that heads share", heads(q=project("qq", "wq", "apart") + "\n q = Mul(qq, qnorm)",
                                                                    k=project("kk", "wk", "apart") + "\n k = Mul(kk, knorm)",
                                                                    v=project("v", "wv", "apart"), constants=FOUR),
         dict(wq=(6, 8), wk=(6, 8), wv=(6, 8), wo=(8, 3), qnorm=2, knorm=2),
         groups=["4: wk[1 0 by 2] wo[0 0 by 2] wq[1 0 by 2] wv[1 0 by 2]", "2: knorm[0] qnorm[0] wk[1 0 by 1 x 4 step 2] wq[1 0 by 1 x 4 step 2]",
                 "8 balanced 4: wo[0] wv[1]"], pins=SIDES),
    Case("32 attention by Einsum", """(float[N,L,6] x) => (float[N,L,3] y) {
        q = Einsum <equation="nld,dhe->nhle"> (x, wq)
        k = Einsum <equation="nld,dhe->nhle"> (x, wk)
        v = Einsum <equation="nld,dhe->nhle"> (x, wv)
        s0 = Einsum <equation="nhle,nhme->nhlm"> (q, k)
        s = Softmax <axis=-1> (s0)
        o = Einsum <equation="nhlm,nhme->nlhe"> (s, v)
        y = Einsum <equation="nlhe,hed->nld"> (o, wo)
    }""", dict(wq=(6, 4, 2), wk=(6, 4, 2), wv=(6, 4, 2), wo=(4, 2, 3)),
         groups=["4: wk[1] wo[0] wq[1] wv[1]", "8 balanced 4: wk[1 0 by 1 digit 2 of 4, 2 0 by 1 digit 1 of 2] wq[1 0 by 1 digit 2 of 4, 2 0 by 1 digit 1 of 2]", "8 balanced 4: wo[0 0 by 1 digit 2 of 4, 1 0 by 1 digit 1 of 2] wv[1 0 by 1 digit 2 of 4, 2 0 by 1 digit 1 of 2]"],
         pins=SIDES[:3] + ["wo[2]: output 'y'"]),
]
