"""Convolutions, products and what is made of them against ONNX Runtime, through the compiled library.

Each test puts the variants of a family into one model, one output a variant, so
that a family costs one compilation; a failure names the output.
"""

import itertools

import numpy as np
import onnx
import pytest
from operator_graph import Graph, normal, rng, run_library, sh


# --- Convolutions, pools, resizes ---


def conv_variants():
    """(channels, filters, kernel, attributes)"""
    return [
        (3, 8, (3, 3), {"pads": [1, 1, 1, 1]}),
        (3, 20, (3, 3), {"strides": [2, 2], "pads": [0, 1, 1, 0]}),
        (16, 33, (1, 1), {}),
        (16, 8, (1, 1), {"strides": [2, 2]}),
        (16, 16, (3, 3), {"group": 16, "pads": [1, 1, 1, 1]}),
        (17, 17, (5, 5), {"group": 17, "pads": [2, 2, 2, 2], "strides": [2, 2]}),
        (16, 32, (3, 3), {"group": 16}),
        (12, 18, (3, 2), {"group": 3, "pads": [1, 0, 1, 1]}),
        (4, 6, (3, 3), {"dilations": [2, 2], "pads": [2, 2, 2, 2]}),
        (4, 6, (2, 5), {"auto_pad": "SAME_UPPER", "strides": [1, 1]}),
        (4, 6, (3, 3), {"auto_pad": "SAME_LOWER"}),
        (4, 6, (3, 3), {"auto_pad": "VALID"}),
        (1, 1, (3, 3), {}),
    ]


def test_convolutions(tmp_path):
    graph, more = Graph(), {}
    for index, (channels, filters, kernel, attributes) in enumerate(conv_variants()):
        x = graph.input(normal(2, channels, 9, 11), ["n", channels, "h", "w"], name=f"x{index}")
        more[x] = normal(1, channels, 7, 6)
        weights = graph.constant(normal(filters, channels // attributes.get("group", 1), *kernel), np.float32)
        bias = graph.constant(normal(filters), np.float32)
        y = graph.op("Conv", x, weights, bias, **attributes)
        graph.op("Relu", y)
        graph.op("Conv", x, weights, **attributes)
    graph.check(tmp_path, more_feeds=[more])


@pytest.mark.parametrize("options", [[], ["--march", "x86-64-v3"], ["--march", "x86-64-v2"]], ids=["native", "avx2", "sse"])
@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
def test_grouped_convolutions(tmp_path, dynamic, options):
    """Groups of few channels, also odd and unequal numbers of them, with residual and activation."""
    graph, more = Graph(), {}
    for index, (groups, inputs, outputs, stride) in enumerate(
            [(8, 4, 4, 1), (7, 5, 5, 1), (5, 8, 8, 2), (3, 7, 2, 1), (9, 1, 3, 2), (2, 33, 21, 1)] +
            [(int(rng.integers(2, 12)), int(rng.integers(1, 20)), int(rng.integers(1, 20)), 1) for _ in range(3)]):
        channels, filters = groups * inputs, groups * outputs
        x = graph.input(normal(2, channels, 15, 18), ["n", channels, "h", "w"] if dynamic else None, name=f"x{index}")
        more[x] = normal(1, channels, 8, 11)
        weights = graph.constant(normal(filters, inputs, 3, 3) / inputs ** 0.5, np.float32)
        y = graph.op("Conv", x, weights, graph.constant(normal(filters), np.float32), group=groups, pads=[1, 1, 1, 1], strides=[stride, stride],
                     hidden=True)
        graph.op("Relu", graph.op("Add", y, graph.op("Sigmoid", y, hidden=True), hidden=True))
    graph.check(tmp_path, tolerance=1e-5, more_feeds=[more] if dynamic else [], options=options)


@pytest.mark.parametrize("options", [[], ["--march", "x86-64-v3"]], ids=["native", "avx2"])
@pytest.mark.parametrize("sizes", [(21, 18), (None, None)], ids=["static", "dynamic"])
def test_fast_convolutions(tmp_path, sizes, options):
    """Winograd's convolutions: odd channels, sizes and pads, residual and activation."""
    graph, more = Graph(), {}
    for index, (channels, filters, pads) in enumerate(
            [(16, 16, [1, 1, 1, 1]), (37, 59, [1, 1, 1, 1]), (20, 115, [0, 1, 2, 0]), (64, 24, [0, 0, 0, 0])]):
        dims = ["n", channels, "h", "w"] if sizes[0] is None else None
        x = graph.input(normal(2, channels, 21, 18), dims, name=f"x{index}")
        more[x] = normal(1, channels, 10, 13)
        weights = graph.constant(normal(filters, channels, 3, 3) / channels ** 0.5, np.float32)
        y = graph.op("Conv", x, weights, graph.constant(normal(filters), np.float32), pads=pads, hidden=True)
        y = graph.op("Relu", y)
        square = graph.constant(normal(filters, filters, 3, 3) / filters ** 0.5, np.float32)
        z = graph.op("Conv", y, square, pads=[1, 1, 1, 1], hidden=True)
        graph.op("Relu", graph.op("Add", z, y, hidden=True))
    graph.check(tmp_path, tolerance=1e-5, more_feeds=[more] if sizes[0] is None else [], options=["--math", "fast", *options])
    if sizes[0] and not options:
        sh("compile-model", tmp_path / "model.onnx", "-o", tmp_path / "fast.ll", "--math", "fast")
        assert "kern_winograd" in (tmp_path / "fast.ll").read_text()


def test_convolutions_of_other_ranks(tmp_path):
    graph = Graph()
    line = graph.input(normal(2, 4, 13), ["n", 4, "w"], name="x")
    for attributes in ({}, {"pads": [1, 2]}, {"strides": [3]}, {"dilations": [2], "pads": [2, 2]}):
        graph.op("Conv", line, graph.constant(normal(6, 4, 3), np.float32), graph.constant(normal(6), np.float32), **attributes)
    graph.op("Conv", line, graph.constant(normal(4, 1, 3), np.float32), group=4)
    graph.op("Conv", line, graph.constant(normal(5, 4, 1), np.float32))
    graph.op("ConvTranspose", line, graph.constant(normal(4, 3, 3), np.float32), strides=[2])
    graph.op("MaxPool", line, kernel_shape=[3], strides=[2])
    graph.op("AveragePool", line, kernel_shape=[3], pads=[1, 1])
    volume = graph.input(normal(1, 2, 5, 6, 4))
    graph.op("Conv", volume, graph.constant(normal(3, 2, 3, 2, 2), np.float32), graph.constant(normal(3), np.float32), pads=[1, 0, 0, 1, 1, 0])
    graph.op("MaxPool", volume, kernel_shape=[2, 2, 2])
    graph.op("Conv", graph.input(normal(1, 3, 6, 6)), graph.input(normal(4, 3, 3, 3)), pads=[1, 1, 1, 1], label="ComputedFilter")
    graph.check(tmp_path)


def test_tall_windows(tmp_path):
    """Windows that see more rows than a kernel has registers for; columns of single pixels."""
    graph = Graph()
    x = graph.input(normal(2, 18, 40, 9), ["n", 18, "h", "w"], name="x")
    for kernel, attributes in [((20, 1), {}), ((16, 3), {"strides": [2, 1]}), ((3, 3), {"dilations": [12, 12], "pads": [12] * 4}),
                               ((3, 3), {"dilations": [7, 1], "strides": [3, 1]}), ((11, 2), {})]:
        for group in (18, 1):
            y = graph.op("Conv", x, graph.constant(normal(18, 18 // group, *kernel) / 10, np.float32), graph.constant(normal(18), np.float32),
                         group=group, hidden=True, **attributes)
            graph.op("Relu", y)
    graph.op("ConvTranspose", x, graph.constant(normal(18, 1, 3, 3), np.float32), group=18, dilations=[9, 1])
    line = graph.input(normal(1, 6, 40, 1), ["m", 6, "t", 1], name="line")
    for kernel, attributes in [((20, 1), {}), ((3, 1), {"dilations": [9, 1], "pads": [18, 0, 0, 0]}), ((5, 1), {"strides": [2, 1]}),
                               ((5, 1), {"pads": [0, 1, 0, 1]}), ((2, 1), {"auto_pad": "SAME_UPPER"})]:
        for group in (6, 3, 1):
            graph.op("Conv", line, graph.constant(normal(12 if group == 3 else 6, 6 // group, *kernel), np.float32), group=group, **attributes)
    graph.check(tmp_path, more_feeds=[{"x": normal(1, 18, 29, 4), "line": normal(3, 6, 33, 1)}])


def test_same_pads_of_unknown_sizes(tmp_path):
    """Strides and automatic pads of images whose size the input tells: as many pads as that size needs."""
    graph = Graph()
    x = graph.input(normal(2, 6, 13, 12), ["n", 6, "h", "w"], name="x")
    line = graph.input(normal(1, 6, 12), ["m", 6, "t"], name="line")
    half = graph.input(normal(1, 6, 11, 14), ["k", 6, "r", 14], name="half")
    for automatic in ("SAME_UPPER", "SAME_LOWER"):
        for source, kernel, attributes in [(x, (3, 3), {"strides": [2, 2]}), (x, (2, 5), {"strides": [3, 2]}), (x, (1, 1), {"strides": [2, 2]}),
                                           (line, (4,), {"strides": [3]}), (half, (3, 4), {"strides": [2, 3]})]:
            for group in (1, 6):
                graph.op("Conv", source, graph.constant(normal(12, 6 // group, *kernel), np.float32), graph.constant(normal(12), np.float32), group=group,
                         auto_pad=automatic, **attributes)
            if all(extent >= stride for extent, stride in zip(kernel, attributes["strides"])):  # else ONNX Runtime refuses some sizes
                below = graph.op("Neg", graph.op("Abs", source, hidden=True), hidden=True)
                graph.op("MaxPool", below, kernel_shape=kernel, auto_pad=automatic, **attributes)
                graph.op("AveragePool", source, kernel_shape=kernel, auto_pad=automatic, count_include_pad=1, **attributes)
    graph.check(tmp_path, more_feeds=[{"x": normal(1, 6, h, w), "line": normal(2, 6, h), "half": normal(1, 6, w, 14)} for h, w in ((8, 9), (7, 11), (3, 2))])


def test_transposed_convolutions(tmp_path):
    graph = Graph()
    x = graph.input(normal(2, 6, 4, 5), ["n", 6, "h", "w"], name="x")
    for filters, kernel, attributes in [
        (5, (2, 2), {"strides": [2, 2]}), (20, (3, 3), {"strides": [3, 3]}), (5, (3, 3), {}),
        (5, (3, 3), {"strides": [2, 2], "pads": [1, 1, 1, 1]}), (5, (3, 3), {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]}),
        (5, (4, 4), {"strides": [2, 2], "pads": [1, 1, 1, 1]}), (2, (3, 3), {"group": 3}), (1, (3, 3), {"group": 6, "strides": [2, 2]}),
        (3, (3, 2), {"dilations": [2, 2]}), (5, (3, 4), {"strides": [2, 2], "auto_pad": "SAME_UPPER"}), (2, (4, 3), {"strides": [2, 1], "auto_pad": "SAME_LOWER"}),
        (4, (3, 3), {"strides": [2, 2], "output_shape": [8, 10]}), (4, (3, 3), {"strides": [3, 2], "output_shape": [13, 12]})]:
        if "output_shape" in attributes:
            source = graph.input(normal(1, 6, 4, 5))
        else:
            source = x
        bias = graph.constant(normal(filters * attributes.get("group", 1)), np.float32)
        graph.op("ConvTranspose", source, graph.constant(normal(6, filters, *kernel), np.float32), bias, **attributes)
    graph.check(tmp_path, more_feeds=[graph.feeds | {"x": normal(1, 6, 3, 7)}])


def test_pools(tmp_path):
    graph = Graph()
    x = graph.input(normal(2, 5, 9, 10), ["n", 5, "h", "w"], name="x")
    for attributes in ({}, {"strides": [2, 2]}, {"pads": [1, 0, 1, 1]}, {"strides": [2, 3], "pads": [1, 1, 1, 1]}, {"strides": [2, 2], "ceil_mode": 1},
                       {"dilations": [2, 1]}):
        graph.op("MaxPool", x, kernel_shape=[3, 2], **attributes)
        graph.op("AveragePool", x, kernel_shape=[3, 2], **attributes)
        graph.op("AveragePool", x, kernel_shape=[3, 2], count_include_pad=1, **(attributes | {"ceil_mode": 0}))
    graph.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], count=2)
    graph.op("LpPool", x, kernel_shape=[2, 3], p=2)
    for kind in ("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"):
        graph.op(kind, x)
    graph.check(tmp_path, more_feeds=[{"x": normal(1, 5, 6, 13)}])


def test_resize(tmp_path):
    graph = Graph()
    x = graph.input(normal(2, 3, 5, 6))
    c = graph.constant
    coordinates = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric")
    for mode, coordinate, scale in itertools.product(("nearest", "linear", "cubic"), coordinates, ((2.0, 2.0), (1.7, 0.6), (3.0, 1.0))):
        graph.op("Resize", x, "", c([1, 1, *scale], np.float32), mode=mode, coordinate_transformation_mode=coordinate)
    for nearest in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
        graph.op("Resize", x, "", c([1, 1, 2.0, 2.0], np.float32), nearest_mode=nearest, coordinate_transformation_mode="asymmetric")
        graph.op("Resize", x, "", c([1, 1, 1.5, 2.5], np.float32), nearest_mode=nearest)
    for mode in ("nearest", "linear", "cubic"):
        graph.op("Resize", x, "", "", c([2, 3, 8, 4]), mode=mode)
    graph.op("Resize", x, "", c([1, 1, 1.5, 1.5], np.float32), mode="cubic", exclude_outside=1, cubic_coeff_a=-0.5)
    graph.op("Resize", x, "", c([2.0, 3.0], np.float32), mode="linear", axes=[2, 3])
    graph.op("Resize", x, c([0, 0, 0.2, 0.1, 1, 1, 0.9, 1.2], np.float32), "", c([2, 3, 4, 5]), mode="linear",
             coordinate_transformation_mode="tf_crop_and_resize", extrapolation_value=2.0)
    graph.check(tmp_path)


# --- Products ---


def test_matmul(tmp_path):
    graph = Graph()
    x = graph.input(normal(2, 7, 12), ["n", "t", 12], name="x")
    for width in (1, 5, 16, 33, 64):
        graph.op("Relu", graph.op("Add", graph.op("MatMul", x, graph.constant(normal(12, width), np.float32)), graph.constant(normal(width), np.float32)))
    graph.op("MatMul", graph.constant(normal(4, 7), np.float32), graph.input(normal(7, 3)))
    graph.op("MatMul", graph.input(normal(3, 1, 4, 6)), graph.input(normal(2, 6, 5)))
    graph.op("MatMul", graph.input(normal(6)), graph.input(normal(2, 6, 5)))
    graph.op("MatMul", graph.input(normal(2, 5, 6)), graph.input(normal(6)))
    graph.op("MatMul", graph.input(normal(6)), graph.input(normal(6)))
    graph.op("MatMul", x, graph.constant(normal(2, 12, 9), np.float32), label="BatchedWeight")
    y = graph.op("Transpose", x, perm=[0, 2, 1], hidden=True)
    graph.op("MatMul", x, y, label="Scores")
    a, b = graph.input(rng.integers(-9, 9, (3, 4)).astype(np.int32)), graph.input(rng.integers(-9, 9, (4, 5)).astype(np.int32))
    graph.op("MatMul", a, b, label="Integers")
    graph.op("MatMul", graph.input(normal(3, 4, dtype=np.float64)), graph.input(normal(4, 5, dtype=np.float64)), label="Doubles")
    graph.check(tmp_path, more_feeds=[graph.feeds | {"x": normal(2, 1, 12)}])


def test_gemm(tmp_path):
    graph = Graph()
    c = graph.constant
    for trans_a, trans_b, shape in itertools.product((0, 1), (0, 1), ((), (9,), (1, 9), (5, 1), (5, 9))):
        a = graph.input(normal(*((7, 5) if trans_a else (5, 7))))
        b = normal(*((9, 7) if trans_b else (7, 9)))
        graph.op("Gemm", a, c(b, np.float32), c(normal(*shape), np.float32), transA=trans_a, transB=trans_b)
        graph.op("Gemm", a, graph.input(b), transA=trans_a, transB=trans_b, alpha=0.5)
    graph.op("Gemm", a, graph.input(b), graph.input(normal(9)), transA=1, transB=1, alpha=2.0, beta=0.5)
    graph.check(tmp_path)


def test_einsum(tmp_path):
    graph = Graph()
    x, y = graph.input(normal(2, 3, 4)), graph.input(normal(2, 4, 5))
    graph.op("Einsum", x, y, equation="bij,bjk->bik")
    graph.op("Einsum", x, equation="bij->jb")
    graph.op("Einsum", x, equation="bij->i")
    graph.op("Einsum", x, y, equation="bij,ajk->abik")
    graph.op("Einsum", graph.input(normal(4, 4)), equation="ii->i")
    graph.op("Einsum", x, y, equation="...ij,...jk->...ik")
    graph.check(tmp_path)


def test_recurrent(tmp_path):
    graph = Graph()
    steps, batch, width, hidden = 5, 3, 7, 10
    x = graph.input(normal(steps, batch, width), ["t", "n", width], name="x")
    h = graph.input(normal(1, batch, hidden), [1, "n", hidden], name="h")
    both = graph.input(normal(2, batch, hidden), [2, "n", hidden], name="both")
    for kind, gates, states in (("LSTM", 4, 2), ("GRU", 3, 1), ("RNN", 1, 1)):
        for direction in ("forward", "reverse", "bidirectional"):
            d = 2 if direction == "bidirectional" else 1
            w, r = (graph.constant(0.4 * normal(d, gates * hidden, n), np.float32) for n in (width, hidden))
            bias = graph.constant(normal(d, 2 * gates * hidden), np.float32)
            state = both if d == 2 else h
            graph.op(kind, x, w, r, bias, hidden_size=hidden, direction=direction, count=1 + states)
            graph.op(kind, x, w, r, bias, "", *[state] * states, hidden_size=hidden, direction=direction, count=1 + states)
            if kind == "GRU":
                graph.op(kind, x, w, r, bias, "", state, hidden_size=hidden, direction=direction, linear_before_reset=1, count=2)
            if kind == "LSTM":
                peephole = graph.constant(normal(d, 3 * hidden), np.float32)
                graph.op(kind, x, w, r, bias, "", state, state, peephole, hidden_size=hidden, direction=direction, count=3)
    more = {"x": normal(2, 1, width), "h": normal(1, 1, hidden), "both": normal(2, 1, hidden)}
    graph.check(tmp_path, 2e-5, more_feeds=[more])


def test_sequence_lengths(tmp_path):
    graph = Graph()
    x = graph.input(normal(5, 3, 4))
    for kind, gates, states in (("LSTM", 4, 2), ("GRU", 3, 1), ("RNN", 1, 1)):
        w, r = (graph.constant(0.4 * normal(1, gates * 6, n), np.float32) for n in (4, 6))
        lengths = graph.constant([5, 2, 3], np.int32)
        graph.op(kind, x, w, r, "", lengths, hidden_size=6, count=1 + states)
    graph.check(tmp_path, 2e-5)


def test_attention(tmp_path):
    graph = Graph(opset=23)
    q, k, v = (graph.input(normal(2, 4, n, 8)) for n in (5, 6, 6))
    graph.op("Attention", q, k, v)
    graph.op("Attention", q, k, v, scale=0.2, is_causal=1)
    graph.op("Attention", q, k, v, graph.input(normal(5, 6)))
    graph.op("Attention", q, k, v, graph.input(rng.integers(0, 2, (2, 1, 5, 6)).astype(bool) | np.eye(5, 6, dtype=bool)))
    rows = [graph.input(normal(2, n, width)) for n, width in ((5, 32), (6, 16), (6, 16))]
    graph.op("Attention", *rows, q_num_heads=4, kv_num_heads=2)
    graph.op("Attention", *rows, q_num_heads=4, kv_num_heads=2, is_causal=1, softcap=3.0)
    # A query that sees no key: zeros.
    hidden = rng.integers(0, 2, (1, 4, 5, 6)).astype(bool)
    hidden[..., 2, :] = False
    graph.op("Attention", q, k, v, graph.input(hidden))
    graph.check(tmp_path)


def test_attention_of_operators(tmp_path):
    """Attention as exporters write it: one kernel, however masks and transpositions come."""
    graph = Graph(opset=17)
    q, k, v = (graph.input(normal(2, n, 32), [2, "n" if n == 5 else "m", 32]) for n in (5, 7, 7))
    mask = graph.input(np.where(rng.integers(0, 3, (2, 1, 1, 7)) > 0, 0.0, -np.inf).astype(np.float32), [2, 1, 1, "m"])
    split = graph.constant([0, 0, 4, 8], np.int64)

    def heads(x, order):
        return graph.op("Transpose", graph.op("Reshape", x, split, hidden=True), perm=order, hidden=True)

    for masks in ([], [mask]):
        scores = graph.op("MatMul", heads(q, [0, 2, 1, 3]), heads(k, [0, 2, 3, 1]), hidden=True)
        scores = graph.op("Mul", scores, graph.constant(0.35, np.float32), hidden=True)
        for operand in masks:
            scores = graph.op("Add", scores, operand, hidden=True)
        share = graph.op("Softmax", scores, axis=-1, hidden=True)
        mixed = graph.op("MatMul", share, heads(v, [0, 2, 1, 3]), hidden=True)
        mixed = graph.op("Transpose", mixed, perm=[0, 2, 1, 3], hidden=True)
        graph.op("Reshape", mixed, graph.constant([0, 0, 32], np.int64))
    hidden = np.tile(np.where(np.arange(601) % 5, 0.0, -1e9).astype(np.float32), (2, 1, 1, 1))
    feeds = {q: normal(2, 70, 32), k: normal(2, 601, 32), v: normal(2, 601, 32), mask: hidden}
    graph.check(tmp_path, more_feeds=[feeds])


def test_quantized(tmp_path):
    graph = Graph()
    x = graph.input(normal(3, 8))
    c = graph.constant
    quantized = graph.op("QuantizeLinear", x, c(0.05, np.float32), c(3, np.int8))
    graph.op("DequantizeLinear", quantized, c(0.05, np.float32), c(3, np.int8))
    graph.op("QuantizeLinear", x, c([0.02, 0.03, 0.05], np.float32), c([128, 100, 0], np.uint8), axis=0)
    graph.op("DynamicQuantizeLinear", x, count=3)
    graph.op("QuantizeLinear", graph.input(normal(6)), c(0.05, np.float32), c(3, np.uint8))
    # Small weights: without VNNI, ONNX Runtime's sums of two products saturate at 16 bits.
    a, b = graph.input(rng.integers(0, 255, (3, 8)).astype(np.uint8)), c(rng.integers(-64, 64, (8, 5)), np.int8)
    graph.op("MatMulInteger", a, b, c(7, np.uint8), c(-2, np.int8))
    graph.check(tmp_path)


def test_integer_products_are_exact(tmp_path):
    graph = Graph()
    a, b = rng.integers(0, 256, (5, 40)).astype(np.uint8), rng.integers(-128, 128, (40, 7)).astype(np.int8)
    a[:3], b[:, :3] = 255, -128
    output = graph.op("MatMulInteger", graph.input(a), graph.constant(b, np.int8), graph.constant(7, np.uint8), graph.constant(-2, np.int8))
    onnx.save(graph.model(), tmp_path / "model.onnx")
    sh("compile-model", tmp_path / "model.onnx", "-o", tmp_path / "model.so")
    np.testing.assert_array_equal(run_library(tmp_path / "model.so", graph.feeds)[output], (a.astype(np.int32) - 7) @ (b.astype(np.int32) + 2))
