# SPDX-License-Identifier: Apache-2.0
"""Reshapes, transposes, gathers: indices that move."""

import numpy as np

from .case import Case

IN, OUT = "w1[1]: input 'x'", "w2[0]: output 'y'"


def twice_shuffled(half):
    """As in ShuffleNetV2: half of the channels pass a layer by, before all of them are shuffled."""
    return f"""(float[N,3,2,2] x) => (float[N,2,2,2] y)
        <int64[5] apart = {{0, 2, {half}, 2, 2}}, int64[4] together = {{0, {2 * half}, 2, 2}}, int64[2] halves = {{{half}, {half}}}> {{
        a = Conv(x, w1)
        b = Conv(x, w2)
        c0 = Concat <axis=1> (a, b)
        p0 = Reshape(c0, apart)
        t0 = Transpose <perm=[0,2,1,3,4]> (p0)
        s1 = Reshape(t0, together)
        l1, r1 = Split <axis=1> (s1, halves)
        a1 = Conv(r1, v1)
        c1 = Concat <axis=1> (l1, a1)
        p1 = Reshape(c1, apart)
        t1 = Transpose <perm=[0,2,1,3,4]> (p1)
        s2 = Reshape(t1, together)
        l2, r2 = Split <axis=1> (s2, halves)
        a2 = Conv(r2, v2)
        c2 = Concat <axis=1> (l2, a2)
        p2 = Reshape(c2, apart)
        t2 = Transpose <perm=[0,2,1,3,4]> (p2)
        s3 = Reshape(t2, together)
        y = Conv(s3, w)
    }}"""


CASES = [
    Case("12 flatten with a size in space, channels first", """(float[N,3,4,4] x) => (float[N,2] y) {
        a = Conv(x, w1)
        f = Flatten(a)
        y = Gemm <transB=1> (f, w2, b2)
    }""", dict(w1=(8, 3, 1, 1), w2=(2, 128), b2=2),
         groups=["8: w1[0] w2[1 0 by 16]"], pins=[IN, OUT, "b2[0]: output 'y'"]),
    Case("13 flatten with a size in space, channels last", """(float[N,3,4,4] x) => (float[N,2] y) {
        a = Conv(x, w1)
        t = Transpose <perm=[0,2,3,1]> (a)
        f = Flatten(t)
        y = Gemm <transB=1> (f, w2)
    }""", dict(w1=(8, 3, 1, 1), w2=(2, 128)),
         groups=["8: w1[0] w2[1 0 by 1 x 16 step 8]"], pins=[IN, OUT]),
    Case("14 linear, reshaped to an image, transposed convolution", """(float[N,6] x) => (float[N,2,8,8] y) <int64[4] shape = {-1, 8, 4, 4}> {
        a = MatMul(x, w1)
        i = Reshape(a, shape)
        y = ConvTranspose <strides=[2,2]> (i, w2)
    }""", dict(w1=(6, 128), w2=(8, 2, 2, 2)),
         groups=["8: w1[1 0 by 16] w2[0]"], pins=["w1[0]: input 'x'", "w2[1]: output 'y'"]),
    Case("15 global pooling and three ways to a matrix", """(float[N,3,4,4] x) => (float[N,2] y, float[N,2] z, float[N,2] v)
        <int64[2] shape = {-1, 8}, int64[2] axes = {2, 3}> {
        a = Conv(x, w1)
        p = GlobalAveragePool(a)
        f = Flatten(p)
        y = Gemm(f, w2)
        r = Reshape(p, shape)
        z = MatMul(r, w3)
        s = Squeeze(p, axes)
        v = MatMul(s, w4)
    }""", dict(w1=(8, 3, 1, 1), w2=(8, 2), w3=(8, 2), w4=(8, 2)),
         groups=["8: w1[0] w2[0] w3[0] w4[0]"], pins=[IN, "w2[1]: output 'y'", "w3[1]: output 'z'", "w4[1]: output 'v'"]),
    Case("16 channel shuffle, grouped convolution behind it", """(float[N,3,4,4] x) => (float[N,2,4,4] y)
        <int64[5] apart = {0, 2, 4, 4, 4}, int64[4] together = {0, 8, 4, 4}> {
        a = Conv(x, w1)
        r = Reshape(a, apart)
        t = Transpose <perm=[0,2,1,3,4]> (r)
        s = Reshape(t, together)
        b = Conv <group=2> (s, w3)
        y = Conv(b, w2)
    }""", dict(w1=(8, 3, 1, 1), w3=(6, 4, 1, 1), w2=(2, 6, 1, 1)),
         # Channels are [2][2][2]: half of the shuffle's, the convolution's group, what is left.
         groups=["2: w1[0 0 by 4] w3[1 0 by 1 x 2 step 2]", "4 balanced 2: w1[0 0 by 1 x 2 step 4] w3[0 0 by 3 digit 2 of 2, 1 0 by 2 digit 1 of 2]",
                 "2: w1[0 0 by 2 x 2 step 4] w2[1 0 by 3] w3[0 0 by 3]", "6 balanced 2: w2[1] w3[0]"],
         pins=[IN, OUT]),
    Case("16b two shuffles, of which the second meets a pair cut in two", twice_shuffled(10),
         dict(w1=(10, 3, 1, 1), w2=(10, 3, 1, 1), v1=(10, 10, 1, 1), v2=(10, 10, 1, 1), w=(2, 20, 1, 1)),
         # Channel 2 lies on both sides of the second cut.
         groups=["2: v1[0 0 by 2] v2[0 0 by 4] w1[0] w2[0] w[1 0 by 8]",
                 "1 keep 0: v1[0 [[4, 5]]] v2[0 [[8, 9]]] v2[1 [[0, 1]]] w1[0 [[2]]] w2[0 [[2]]] w[1 [[16, 17, 18, 19]]]",
                 "2: v1[0 6 by 2] v2[1 2 by 4] w1[0 3 by 1] w2[0 3 by 1]", "5: v1[1 0 by 2] w1[0 5 by 1] w2[0 5 by 1]"],
         pins=[IN, "w2[1]: input 'x'", "w[0]: output 'y'"]),
    Case("16c and of which little is on either side", twice_shuffled(6),
         dict(w1=(6, 3, 1, 1), w2=(6, 3, 1, 1), v1=(6, 6, 1, 1), v2=(6, 6, 1, 1), w=(2, 12, 1, 1)),
         # One of 0 and 1 has to stay, and one of 1 and 2: any of the three may leave.
         groups=["3: v1[1 0 by 2] w1[0 3 by 1] w2[0 3 by 1]",
                 "3 keep 2: v1[0 [[0, 1], [2, 3], [4, 5]]] v2[0 [[0, 1, 2, 3], [4, 5], []]] v2[1 [[], [0, 1], [2, 3, 4, 5]]] w1[0 [[0], [1], [2]]] "
                 "w2[0 [[0], [1], [2]]] w[1 [[0, 1, 2, 3, 4, 5, 6, 7], [8, 9, 10, 11], []]]"],
         pins=[IN, "w2[1]: input 'x'", "w[0]: output 'y'"]),
    Case("17a depth to space, rows and columns outermost", """(float[N,3,4,4] x) => (float[N,2,8,8] y) {
        a = Conv(x, w1)
        d = DepthToSpace <blocksize=2, mode="DCR"> (a)
        y = Conv(d, w2)
    }""", dict(w1=(16, 3, 1, 1), w2=(2, 4, 1, 1)),
         groups=["4: w1[0 0 by 1 x 4 step 4] w2[1]"], pins=[IN, OUT]),
    Case("17b depth to space, channels outermost, and back", """(float[N,3,4,4] x) => (float[N,2,8,8] y, float[N,2,4,4] z) {
        a = Conv(x, w1)
        d = DepthToSpace <blocksize=2, mode="CRD"> (a)
        y = Conv(d, w2)
        s = SpaceToDepth <blocksize=2> (d)
        z = Conv(s, w3)
    }""", dict(w1=(16, 3, 1, 1), w2=(2, 4, 1, 1), w3=(2, 16, 1, 1)),
         groups=["4: w1[0 0 by 4] w2[1] w3[1 0 by 1 x 4 step 4]"], pins=[IN, OUT, "w3[0]: output 'z'"]),
    Case("17c pixel shuffle of reshapes and a transpose", """(float[N,3,4,4] x) => (float[N,2,8,8] y)
        <int64[6] apart = {0, 4, 2, 2, 4, 4}, int64[4] together = {0, 4, 8, 8}> {
        a = Conv(x, w1)
        r = Reshape(a, apart)
        t = Transpose <perm=[0,1,4,2,5,3]> (r)
        d = Reshape(t, together)
        y = Conv(d, w2)
    }""", dict(w1=(16, 3, 1, 1), w2=(2, 4, 1, 1)),
         groups=["4: w1[0 0 by 4] w2[1]"], pins=[IN, OUT]),
    Case("17d slices of every second pixel, concatenated", """(float[N,3,4,4] x) => (float[N,2,2,2] y)
        <int64[2] s00 = {0, 0}, int64[2] s10 = {1, 0}, int64[2] s01 = {0, 1}, int64[2] s11 = {1, 1},
         int64[2] ends = {4, 4}, int64[2] axes = {2, 3}, int64[2] steps = {2, 2}> {
        a = Conv(x, w1)
        a00 = Slice(a, s00, ends, axes, steps)
        a10 = Slice(a, s10, ends, axes, steps)
        a01 = Slice(a, s01, ends, axes, steps)
        a11 = Slice(a, s11, ends, axes, steps)
        c = Concat <axis=1> (a00, a10, a01, a11)
        y = Conv(c, w2)
    }""", dict(w1=(4, 3, 1, 1), w2=(2, 16, 1, 1)),
         groups=["4: w1[0] w2[1 12 by 1] w2[1 4 by 1] w2[1 8 by 1] w2[1]"], pins=[IN, OUT]),
    Case("17e patch merging", """(float[N,4,4,3] x) => (float[N,2,2,2] y)
        <int64[2] s00 = {0, 0}, int64[2] s10 = {1, 0}, int64[2] s01 = {0, 1}, int64[2] s11 = {1, 1},
         int64[2] ends = {4, 4}, int64[2] axes = {1, 2}, int64[2] steps = {2, 2}> {
        a = MatMul(x, w1)
        a00 = Slice(a, s00, ends, axes, steps)
        a10 = Slice(a, s10, ends, axes, steps)
        a01 = Slice(a, s01, ends, axes, steps)
        a11 = Slice(a, s11, ends, axes, steps)
        c = Concat <axis=-1> (a00, a10, a01, a11)
        b = MatMul(c, w2)
        y = MatMul(b, w3)
    }""", dict(w1=(3, 5), w2=(20, 8), w3=(8, 2)),
         groups=["5: w1[1] w2[0 10 by 1] w2[0 15 by 1] w2[0 5 by 1] w2[0]", "8: w2[1] w3[0]"],
         pins=["w1[0]: input 'x'", "w3[1]: output 'y'"]),
    Case("18 windows, rolled, and back", """(float[N,4,4,3] x) => (float[N,4,4,2] y)
        <int64[6] apart = {0, 2, 2, 2, 2, 8}, int64[3] windows = {-1, 4, 8}, int64[6] open = {-1, 2, 2, 2, 2, 8}, int64[4] together = {-1, 4, 4, 8},
         int64[1] zero = {0}, int64[1] one = {1}, int64[1] four = {4}, int64[1] axis = {1}> {
        a = MatMul(x, w1)
        head = Slice(a, one, four, axis)
        tail = Slice(a, zero, one, axis)
        rolled = Concat <axis=1> (head, tail)
        r = Reshape(rolled, apart)
        t = Transpose <perm=[0,1,3,2,4,5]> (r)
        w = Reshape(t, windows)
        m = MatMul(w, w2)
        o = Reshape(m, open)
        u = Transpose <perm=[0,1,3,2,4,5]> (o)
        b = Reshape(u, together)
        s = Add(a, b)
        y = MatMul(s, w3)
    }""", dict(w1=(3, 8), w2=(8, 8), w3=(8, 2)),
         groups=["8: w1[1] w2[0] w2[1] w3[0]"], pins=["w1[0]: input 'x'", "w3[1]: output 'y'"]),
    Case("29 detection head", """(float[N,3,4,4] x) => (float[N,2,5,4,4] y) <int64[5] shape = {-1, 2, 5, 4, 4}> {
        a = Conv(x, w1)
        h = Conv(a, w2)
        y = Reshape(h, shape)
    }""", dict(w1=(8, 3, 1, 1), w2=(10, 8, 1, 1)),
         groups=["8: w1[0] w2[1]"], pins=[IN, OUT]),
    Case("31a shapes computed from a dynamic batch and sequence", """(float[N,L,6] x) => (float[N,L,2] y)
        <int64 zero = {0}, int64 one = {1}, int64[1] axis = {0}, int64[1] four = {4}, int64[1] two = {2}, int64[1] minus = {-1}> {
        a = MatMul(x, w1)
        shape = Shape(a)
        n0 = Gather(shape, zero)
        l0 = Gather(shape, one)
        n = Unsqueeze(n0, axis)
        l = Unsqueeze(l0, axis)
        apart = Concat <axis=0> (n, l, four, two)
        r = Reshape(a, apart)
        t = Transpose <perm=[0,2,1,3]> (r)
        g = Relu(t)
        u = Transpose <perm=[0,2,1,3]> (g)
        together = Concat <axis=0> (n, l, minus)
        b = Reshape(u, together)
        y = MatMul(b, w2)
    }""", dict(w1=(6, 8), w2=(8, 2)),
         groups=["4: w1[1 0 by 2] w2[0 0 by 2]", "8 balanced 4: w1[1] w2[0]"],
         pins=["w1[0]: input 'x'", "w2[1]: output 'y'"]),
    Case("31b shapes that are constants", """(float[2,5,6] x) => (float[2,5,2] y) <int64[4] apart = {2, 5, 4, 2}, int64[3] together = {2, 5, 8}> {
        a = MatMul(x, w1)
        r = Reshape(a, apart)
        g = Relu(r)
        b = Reshape(g, together)
        y = MatMul(b, w2)
    }""", dict(w1=(6, 8), w2=(8, 2)),
         groups=["4: w1[1 0 by 2] w2[0 0 by 2]", "8 balanced 4: w1[1] w2[0]"],
         pins=["w1[0]: input 'x'", "w2[1]: output 'y'"]),
    Case("34a gather of a permutation", """(float[N,3,4,4] x) => (float[N,2,4,4] y) <int64[4] order = {2, 0, 3, 1}> {
        a = Conv(x, w1)
        g = Gather <axis=1> (a, order)
        y = Conv(g, w2)
    }""", dict(w1=(4, 3, 1, 1), w2=(2, 4, 1, 1)),
         groups=["4: w1[0 [[0], [1], [2], [3]]] w2[1 [[1], [3], [0], [2]]]"], pins=[IN, OUT]),
    Case("34b gather of duplicates", """(float[N,3,4,4] x) => (float[N,2,4,4] y) <int64[5] order = {0, 0, 1, 2, 2}> {
        a = Conv(x, w1)
        g = Gather <axis=1> (a, order)
        y = Conv(g, w2)
    }""", dict(w1=(4, 3, 1, 1), w2=(2, 5, 1, 1)),
         # Position 3 is not taken: it may leave, and no two positions have to.
         groups=["3: w1[0 [[0], [1], [2]]] w2[1 [[0, 1], [2], [3, 4]]]", "1 keep 0: w1[0 [[3]]]"],
         pins=[IN, OUT]),
    Case("34c gather by what the input holds", """(float[N,3,4,4] x, int64[3] i) => (float[N,2,4,4] y) {
        a = Conv(x, w1)
        g = Gather <axis=1> (a, i)
        y = Conv(g, w2)
    }""", dict(w1=(4, 3, 1, 1), w2=(2, 3, 1, 1)),
         groups=[], pins=[IN, OUT, "w1[0]: picked by what the input holds", "w2[1]: input 'i'"]),
    Case("34d a view by indices that are computed", """(float[N,3,4,4] x) => (float[N,2] y)
        <int64[2] space = {2, 3}, int64[1] flat = {-1}, int64 zero = {0}, int64 one = {1}, int64 eight = {8}, int64[3] back = {1, 2, 3}> {
        a = Conv(x, w1)
        m = ReduceMean(a, space)
        e = Reshape(m, flat)
        sizes = Shape <start=0, end=1> (x)
        n = Squeeze(sizes)
        r = Range(zero, n, one)
        s = Mul(r, eight)
        c = Unsqueeze(s, back)
        i = Add(c, table)
        v = Gather(e, i)
        f = Flatten(v)
        y = MatMul(f, w2)
    }""", dict(w1=(8, 3, 1, 1), w2=(8, 2), table=np.arange(8).reshape(1, 8, 1, 1)),
         groups=["8: w1[0] w2[0]"], pins=[IN, "w2[1]: output 'y'"]),
    Case("34e windows by a table of indices", """(float[N,6] x) => (float[N,2] y) {
        a = MatMul(x, w1)
        g = Gather <axis=1> (a, table)
        f = Flatten(g)
        y = MatMul(f, w2)
    }""", dict(w1=(6, 6), w2=(6, 2), table=np.array([[0, 1, 2], [2, 3, 4]])),
         # Columns of the windows leave: position 2 is in the first and in the last one. Position 5 is not taken. The first
         # window leaves with the first column of the other.
         groups=["2: w1[1 [[0, 2, 4], [1, 3]]] w2[0 [[0, 2, 3, 5], [1, 4]]]", "1 keep 0: w1[1 [[5]]]",
                 "1 keep 0: w1[1 [[0, 1, 2]]] w2[0 [[0, 1, 2, 3]]]"], pins=["w1[0]: input 'x'", "w2[1]: output 'y'"]),
    Case("34f slices put in places", """(float[N,5,6] x) => (float[N,5,2] y) <int64[1] one = {1}, int64[1] five = {5}, int64[1] axis = {0}> {
        a = MatMul(x, w1)
        b = MatMul(x, w3)
        t = Transpose <perm=[1,0,2]> (a)
        u = Transpose <perm=[1,0,2]> (b)
        s = Slice(u, one, five, axis)
        p = ScatterND(t, table, s)
        r = Transpose <perm=[1,0,2]> (p)
        y = MatMul(r, w2)
    }""", dict(w1=(6, 8), w3=(6, 8), w2=(8, 2), table=np.arange(1, 5).reshape(4, 1)),
         groups=["8: w1[1] w2[0] w3[1]"], pins=["w1[0]: input 'x'", "w3[0]: input 'x'", "w2[1]: output 'y'"]),
    Case("34g slices put in places of the channels", """(float[N,5,6] x, float[4,N,5] s) => (float[N,5,2] y) {
        a = MatMul(x, w1)
        t = Transpose <perm=[2,0,1]> (a)
        p = ScatterND(t, table, s)
        r = Transpose <perm=[1,2,0]> (p)
        y = MatMul(r, w2)
    }""", dict(w1=(6, 8), w2=(8, 2), table=np.arange(1, 5).reshape(4, 1)),
         # The input keeps the positions that it takes.
         groups=["1 keep 0: w1[1 [[0]]] w2[0 [[0]]]", "3: w1[1 5 by 1] w2[0 5 by 1]"],
         pins=["w1[0]: input 'x'", "w1[1]: input 's'", "w2[0]: input 's'", "w2[1]: output 'y'"]),
    Case("34i channels put in places of others", """(float[N,6] x) => (float[N,2] y) {
        a = MatMul(x, w1)
        b = MatMul(x, w3)
        t = Transpose <perm=[1,0]> (a)
        u = Transpose <perm=[1,0]> (b)
        p = ScatterND(t, table, u)
        r = Transpose <perm=[1,0]> (p)
        y = MatMul(r, w2)
    }""", dict(w1=(6, 6), w3=(6, 2), w2=(6, 2), table=np.array([[4], [-5]])),
         groups=["2 keep 0: w1[1 [[0], [5]]] w2[0 [[0], [5]]]", "2: w1[1 2 by 1] w2[0 2 by 1]", "2: w1[1 [[1], [4]]] w2[0 [[1], [4]]] w3[1 [[1], [0]]]"],
         pins=["w1[0]: input 'x'", "w3[0]: input 'x'", "w2[1]: output 'y'"]),
    Case("34j channels read by tuples", """(float[N,6] x) => (float[N,2] y) {
        a = MatMul(x, w1)
        t = Transpose <perm=[1,0]> (a)
        g = GatherND(t, table)
        r = Transpose <perm=[2,0,1]> (g)
        f = Flatten(r)
        y = MatMul(f, w2)
    }""", dict(w1=(6, 6), w2=(6, 2), table=np.array([[[0], [1], [2]], [[2], [3], [-2]]])),
         # As 34e says it with Gather.
         groups=["2: w1[1 [[0, 2, 4], [1, 3]]] w2[0 [[0, 2, 3, 5], [1, 4]]]", "1 keep 0: w1[1 [[5]]]",
                 "1 keep 0: w1[1 [[0, 1, 2]]] w2[0 [[0, 1, 2, 3]]]"], pins=["w1[0]: input 'x'", "w2[1]: output 'y'"]),
    Case("34k a table read by tuples of the input", """(float[N,3,6] x, int64[3,1] i) => (float[N,3,2] y) {
        a = MatMul(x, w1)
        rows = GatherND(w3, i)
        s = Add(a, rows)
        y = MatMul(s, w2)
    }""", dict(w1=(6, 8), w3=(5, 8), w2=(8, 2)),
         groups=["8: w1[1] w2[0] w3[1]"], pins=["w1[0]: input 'x'", "w3[0]: picked by what the input holds", "w2[1]: output 'y'"]),
    Case("34h a table read by tuples", """(float[N,3,6] x) => (float[N,3,2] y) {
        a = MatMul(x, w1)
        rows = GatherND(w3, table)
        s = Add(a, rows)
        y = MatMul(s, w2)
    }""", dict(w1=(6, 8), w3=(5, 8), w2=(8, 2), table=np.array([[4], [0], [4]])),
         # Rows that nothing reads may leave.
         groups=["8: w1[1] w2[0] w3[1]", "3: w3[0 1 by 1]"], pins=["w1[0]: input 'x'", "w3[0]: input 'x'", "w2[1]: output 'y'"]),
    Case("37a two reshapes that share only their ends", """(float[N,6] x) => (float[N,2] y) <int64[3] one = {0, 6, 4}, int64[3] two = {0, 4, 6}, int64[2] together = {0, 24}> {
        a = MatMul(x, w1)
        r = Reshape(a, one)
        s = Relu(r)
        t = Reshape(s, two)
        u = Tanh(t)
        f = Reshape(u, together)
        y = MatMul(f, w2)
    }""", dict(w1=(6, 24), w2=(24, 2)),
         # [2][6][2]: what the two have in common at either end may leave, what is between stays.
         groups=["2: w1[1 0 by 12] w2[0 0 by 12]", 
                 "4 balanced 2: w1[1 [[0, 2, 4, 6, 8, 10], [1, 3, 5, 7, 9, 11], [12, 14, 16, 18, 20, 22], [13, 15, 17, 19, 21, 23]]] "
                 "w2[0 [[0, 2, 4, 6, 8, 10], [1, 3, 5, 7, 9, 11], [12, 14, 16, 18, 20, 22], [13, 15, 17, 19, 21, 23]]]"],
         pins=["w1[0]: input 'x'", "w2[1]: output 'y'"]),
    Case("37b two reshapes without a common factor", """(float[N,6] x) => (float[N,2] y) <int64[3] one = {0, 5, 4}, int64[3] two = {0, 4, 5}, int64[2] together = {0, 20}> {
        a = MatMul(x, w1)
        r = Reshape(a, one)
        s = Relu(r)
        t = Reshape(s, two)
        u = Tanh(t)
        f = Reshape(u, together)
        y = MatMul(f, w2)
    }""", dict(w1=(6, 20), w2=(20, 2)),
         groups=[], pins=["w1[0]: input 'x'", "w1[1]: no common factors", "w2[0]: no common factors", "w2[1]: output 'y'"]),
]
