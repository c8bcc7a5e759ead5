"""Operators of com.microsoft against ONNX Runtime, which has them: through the compiled library, and pruned."""

import pathlib
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper

from operator_graph import Graph, compare, normal, rng, run_library, sh

ROOT = pathlib.Path(__file__).parent.parent.parent

MS = "com.microsoft"


class Fused(Graph):
    def __init__(self, opset=17):
        super().__init__(opset)

    def ms(self, kind, *operands, **attributes):
        return self.op(kind, *operands, domain=MS, **attributes)

    def weights(self, *shape, scale=0.3):
        return self.constant(normal(*shape) * np.float32(scale), np.float32)

    def model(self):
        outputs = [helper.make_empty_tensor_value_info(name) for name in self.outputs]
        graph = helper.make_graph(self.nodes, "fused", self.inputs, outputs, self.constants)
        imports = [helper.make_opsetid("", self.opset), helper.make_opsetid(MS, 1)]
        return helper.make_model(graph, opset_imports=imports, ir_version=10)


def test_activations(tmp_path):
    g = Fused()
    x = g.input(normal(2, 3, 8))
    g.ms("FastGelu", x)
    g.ms("FastGelu", x, g.weights(8))
    g.ms("BiasGelu", x, g.weights(8))
    g.ms("Gelu", x)
    g.ms("QuickGelu", x)
    g.ms("QuickGelu", x, alpha=1.1)
    g.check(tmp_path, 1e-4)


def test_products(tmp_path):
    g = Fused()
    a, b = g.input(normal(2, 3, 4)), g.input(normal(2, 5, 4))
    g.ms("FusedMatMul", a, b, transB=1, alpha=0.5)
    g.ms("FusedMatMul", a, g.input(normal(2, 3, 6)), transA=1)
    m = g.input(normal(3, 4))
    for activation, parameters in (("Relu", {}), ("Tanh", {}), ("LeakyRelu", {"activation_alpha": 0.3})):
        g.ms("FusedGemm", m, g.weights(6, 4), g.weights(6), transB=1, activation=activation, **parameters)
    x = g.input(normal(1, 4, 7, 7))
    w, bias = g.weights(6, 4, 3, 3), g.weights(6)
    for activation, parameters in (("Relu", []), ("LeakyRelu", [0.2]), ("Clip", [-0.5, 0.5]), ("HardSigmoid", [0.3, 0.4])):
        g.ms("FusedConv", x, w, bias, pads=[1, 1, 1, 1], activation=activation, activation_params=parameters or None)
    g.ms("FusedConv", x, w, bias, g.input(normal(1, 6, 7, 7)), pads=[1, 1, 1, 1], activation="Relu")
    g.check(tmp_path, 1e-4)


@pytest.mark.parametrize("bits", [4, 8])
def test_packed_weights(tmp_path, bits):
    g = Fused()
    k, n, block = 40, 12, 16
    blocks = -(-k // block)
    x = g.input(normal(2, 3, k))

    def packed(*shape):
        return g.constant(rng.integers(0, 256, shape), np.uint8)

    weight = packed(n, blocks, block * bits // 8)
    scales = g.constant(np.abs(normal(n, blocks)) * 0.1, np.float32)
    g.ms("MatMulNBits", x, weight, scales, K=k, N=n, bits=bits, block_size=block)
    g.ms("MatMulNBits", x, weight, scales, packed(n, -(-blocks * bits // 8)), K=k, N=n, bits=bits, block_size=block)
    g.check(tmp_path, 1e-4)


def test_norms(tmp_path):
    g = Fused()
    x, skip, gamma, beta = g.input(normal(2, 3, 16)), g.input(normal(2, 3, 16)), g.weights(16), g.weights(16)
    g.ms("SkipLayerNormalization", x, skip, gamma, beta, epsilon=1e-5)
    y = [f"skip_{i}" for i in range(2)]
    g.nodes.append(helper.make_node("SkipLayerNormalization", [x, skip, gamma, beta, g.weights(16)],
                                    [y[0], "", "", y[1]], domain=MS))
    z = ["rms_0", "rms_1"]
    g.nodes.append(helper.make_node("SkipSimplifiedLayerNormalization", [x, skip, gamma], [z[0], "", "", z[1]],
                                    domain=MS, epsilon=1e-6))
    g.outputs += y + z
    g.op("SimplifiedLayerNormalization", x, gamma, axis=-1, epsilon=1e-6)
    ids = g.input(rng.integers(0, 9, (2, 5)).astype(np.int32))
    segments = g.input(rng.integers(0, 2, (2, 5)).astype(np.int32))
    mask = g.input(np.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]], np.int32))
    g.ms("EmbedLayerNormalization", ids, segments, g.weights(9, 16), g.weights(8, 16), g.weights(2, 16), gamma, beta,
         mask, count=2)
    g.check(tmp_path, 1e-4)


def test_attention(tmp_path):
    g = Fused()
    b, s, d, heads = 2, 5, 12, 3
    x, w, bias = g.input(normal(b, s, d)), g.weights(d, 3 * d), g.weights(3 * d)
    g.ms("Attention", x, w, bias, num_heads=heads)
    g.ms("Attention", x, w, bias, num_heads=heads, unidirectional=1)
    mask = g.input(np.array([[1, 1, 1, 1, 0], [1, 1, 1, 0, 0]], np.int32))
    g.ms("Attention", x, w, bias, mask, num_heads=heads, scale=0.4)
    lengths = g.input(np.array([5, 3], np.int32))
    g.ms("Attention", x, w, bias, lengths, num_heads=heads)
    g.ms("Attention", x, w, bias, "", g.input(normal(2, b, heads, 4, d // heads)), num_heads=heads, count=2)
    g.ms("Attention", x, w, bias, "", "", g.input(normal(b, heads, s, s)), num_heads=heads)
    g.ms("Attention", x, g.weights(d, 30), g.weights(30), num_heads=heads, qkv_hidden_sizes=[12, 12, 6])
    g.check(tmp_path, 1e-4)


def test_multi_head_attention(tmp_path):
    g = Fused()
    b, s, t, d, heads = 2, 5, 7, 12, 3
    q, k, v = g.input(normal(b, s, d)), g.input(normal(b, t, d)), g.input(normal(b, t, 18))
    g.ms("MultiHeadAttention", q, k, v, num_heads=heads)
    g.ms("MultiHeadAttention", q, k, v, g.weights(42), num_heads=heads, scale=0.3)
    mask = g.input(np.array([[1] * 7, [1, 1, 1, 0, 0, 0, 0]], np.int32))
    g.ms("MultiHeadAttention", q, k, v, "", mask, num_heads=heads)
    g.ms("MultiHeadAttention", q, k, v, "", "", g.input(normal(b, heads, s, t)), num_heads=heads)
    kn, vn = g.input(normal(b, s, d)), g.input(normal(b, s, d))
    past = [g.input(normal(b, heads, 4, d // heads)) for _ in range(2)]
    g.ms("MultiHeadAttention", q, kn, vn, "", "", "", *past, num_heads=heads, unidirectional=1, count=3)
    cached = [g.input(normal(b, heads, t, 4)) for _ in range(2)]
    g.ms("MultiHeadAttention", q, *cached, num_heads=heads)
    g.check(tmp_path, 1e-4)


def grouped(g, batch, new, past, window=-1, packed=False, rotary=True, interleaved=0, heads=4, keys=2, size=16, **more):
    """A GroupQueryAttention after `past` positions."""
    total = past + new
    sizes = [(heads + 2 * keys) * size] if packed else [heads * size, keys * size, keys * size]
    operands = [g.input(normal(batch, new, width), ["batch", "new", width]) for width in sizes] + [""] * (3 - len(sizes))
    operands += [g.input(normal(batch, keys, past, size), ["batch", keys, "past", size]) for _ in range(2)]
    operands += [g.input(np.full(batch, total - 1, np.int32), ["batch"]), g.input(np.array(total, np.int32))]
    angles = np.outer(np.arange(32), 1 / 100 ** (np.arange(size // 2) / (size // 2)))
    if rotary:
        operands += [g.constant(np.cos(angles), np.float32), g.constant(np.sin(angles), np.float32)]
    return g.ms("GroupQueryAttention", *operands, num_heads=heads, kv_num_heads=keys, do_rotary=int(rotary),
                rotary_interleaved=interleaved, local_window_size=window, count=3, **more)


@pytest.mark.parametrize("options", [
    {"new": 5, "past": 3}, {"new": 1, "past": 6}, {"new": 4, "past": 0}, {"new": 4, "past": 4, "packed": True},
    {"new": 1, "past": 9, "window": 4}, {"new": 5, "past": 3, "interleaved": 1, "softcap": 2.0},
    {"new": 6, "past": 2, "rotary": False, "scale": 0.2}], ids=str)
def test_group_query_attention(tmp_path, options):
    g = Fused()
    grouped(g, batch=1 if options["new"] > 1 and options["past"] else 2, **options)
    g.check(tmp_path, 1e-4)


def test_cache_with_room(tmp_path):
    """Positions of different lengths in one batch, in a cache that has room for more."""
    g = Fused()
    q, k, v = g.input(normal(2, 1, 32)), g.input(normal(2, 1, 16)), g.input(normal(2, 1, 16))
    past = [g.input(normal(2, 2, 9, 8)) for _ in range(2)]
    g.ms("GroupQueryAttention", q, k, v, *past, g.input(np.array([4, 7], np.int32)), g.input(np.array(8, np.int32)),
         num_heads=4, kv_num_heads=2, count=3)
    g.check(tmp_path, 1e-4)


def test_rotary(tmp_path):
    g = Fused()
    angles = normal(16, 4)
    cos, sin = g.constant(np.cos(angles), np.float32), g.constant(np.sin(angles), np.float32)
    x = g.input(normal(2, 3, 24))
    positions = g.input(np.array([[2, 3, 4], [0, 1, 2]], np.int64))
    start = g.input(np.array([5], np.int64))
    g.ms("RotaryEmbedding", x, positions, cos, sin)
    g.ms("RotaryEmbedding", x, start, cos, sin, interleaved=1)
    g.ms("RotaryEmbedding", g.input(normal(2, 3, 4, 8)), g.input(np.zeros((2, 4), np.int64)), cos, sin)
    g.ms("RotaryEmbedding", x, positions, cos, sin, num_heads=2, rotary_embedding_dim=8)
    g.check(tmp_path, 1e-4)


# --- Pruned ---


def transformer(kind):
    """A block as ONNX Runtime's transformer optimiser and its exporters for generation write it."""
    g = Fused()
    d, s, heads, inner = 32, 6, 4, 48
    size = 16 if kind in ("group_query", "packed") else d // heads
    x = g.input(normal(1, s, d), name="x")

    def linear(value, width_in, width_out):
        return g.op("MatMul", value, g.weights(width_in, width_out), hidden=True)

    def ms(kind, *operands, count=1, **attributes):
        return g.op(kind, *operands, domain=MS, hidden=True, count=count, **attributes)

    if kind == "attention":
        y = ms("Attention", x, g.weights(d, 3 * d), g.weights(3 * d), num_heads=heads)
    elif kind == "multi_head":
        y = ms("MultiHeadAttention", *(linear(x, d, d) for _ in range(3)), g.weights(3 * d), num_heads=heads)
    else:
        angles = normal(16, size // 2)
        tables = g.constant(np.cos(angles), np.float32), g.constant(np.sin(angles), np.float32)
        past = [g.input(normal(1, 2, 3, size), name=f"past_{i}") for i in range(2)]
        lengths = g.constant([s + 2], np.int32), g.constant(s + 3, np.int32)
        if kind == "packed":
            y, *_ = ms("GroupQueryAttention", linear(x, d, 8 * size), "", "", *past, *lengths, *tables, num_heads=heads,
                       kv_num_heads=2, do_rotary=1, count=3)
        else:
            q, k, v = (linear(x, d, n * size) for n in (heads, 2, 2))
            y, *_ = ms("GroupQueryAttention", q, k, v, *past, *lengths, *tables, num_heads=heads, kv_num_heads=2,
                       do_rotary=1, count=3)
    y = ms("SkipLayerNormalization", linear(y, heads * size, d), x, g.weights(d), g.weights(d), g.weights(d))
    z = linear(ms("BiasGelu", linear(y, d, inner), g.weights(inner)), inner, d)
    z = ms("SkipSimplifiedLayerNormalization", z, y, g.weights(d))
    gate, up = linear(z, d, inner), linear(z, d, inner)
    z = g.op("Add", z, linear(g.op("Mul", ms("QuickGelu", gate), up, hidden=True), inner, d), hidden=True)
    g.op("MatMul", z, g.weights(d, 5))
    return g


def prove(folder, dense, budget, *options):
    """Prunes to an ONNX file and to a library; both must give what zeroing gives, as the other tools see it."""
    pruned, plan, library = folder / "pruned.onnx", folder / "plan.json", folder / "pruned.so"
    sh("compile-model", dense, "-o", pruned, "--budget", budget, "--save-plan", plan, *options)
    sh(sys.executable, ROOT / "scripts" / "prove.py", dense, pruned, plan)
    sh("compile-model", dense, "-o", library, "--plan", plan, *options)
    return pruned, library


@pytest.mark.parametrize("kind", ["attention", "multi_head", "group_query", "packed"])
def test_pruned_transformer(tmp_path, kind):
    g = transformer(kind)
    dense = tmp_path / "dense.onnx"
    onnx.save(g.model(), dense)
    options = ["--allow-interface", "past_0", "--allow-interface", "past_1"] if "past_0" in g.feeds else []
    if kind == "packed":
        options.append("--verify")
    pruned, library = prove(tmp_path, dense, "flops=60%", *options)
    counts = {a.name: a.i for n in onnx.load(pruned).graph.node for a in n.attribute if a.name.endswith("num_heads")}
    assert counts["num_heads"] <= 4
    session = ort.InferenceSession(str(pruned))
    feeds = {i.name: g.feeds[i.name][tuple(slice(0, n) for n in i.shape)] for i in session.get_inputs()}
    (wanted,), (name,) = session.run(None, feeds), [o.name for o in session.get_outputs()]
    assert compare(wanted, run_library(library, feeds)[name], 1e-4) is None


def test_pruned_projections(tmp_path):
    """Packed weights lose rows, experts what is inside of them, halves of a fused gate both their sides."""
    g = Fused()
    d, n, block = 32, 24, 16
    x = g.input(normal(3, d), name="x")
    weight = g.constant(rng.integers(0, 256, (n, d // block, block // 2)), np.uint8)
    scales = g.constant(np.abs(normal(n, d // block)), np.float32)
    y = g.op("MatMulNBits", x, weight, scales, K=d, N=n, bits=4, block_size=block, domain=MS, hidden=True)
    y = g.op("FusedGemm", y, g.weights(20, n), g.weights(20), transB=1, activation="Relu", domain=MS, hidden=True)
    y = g.op("FusedMatMul", y, g.weights(16, 20), transB=1, alpha=0.5, domain=MS, hidden=True)
    router = g.op("MatMul", y, g.weights(16, 4), hidden=True)
    y = g.op("MoE", y, router, g.weights(4, 12, 16), g.weights(4, 12), g.weights(4, 16, 12), k=2,
             activation_type="relu", domain=MS, hidden=True)
    g.op("MatMul", y, g.weights(16, 3))
    dense, pruned, plan = tmp_path / "dense.onnx", tmp_path / "pruned.onnx", tmp_path / "plan.json"
    onnx.save(g.model(), dense)
    sh("compile-model", dense, "-o", pruned, "--budget", "flops=60%", "--save-plan", plan)
    sh(sys.executable, ROOT / "scripts" / "prove.py", dense, pruned, plan)
    g.check(tmp_path, 1e-4)


def test_experts(tmp_path):
    g = Fused()
    x, router = g.input(normal(2, 5, 8)), g.input(normal(10, 4))
    weights = g.weights(4, 6, 8), g.weights(4, 6), g.weights(4, 8, 6), g.weights(4, 8)
    for activation, normalize in (("relu", 0), ("gelu", 1), ("silu", 0), ("identity", 1)):
        g.ms("MoE", x, router, *weights, k=2, activation_type=activation, normalize_routing_weights=normalize)
    g.check(tmp_path, 1e-4)


def test_refused(tmp_path):
    """What cannot be compiled goes from ONNX to ONNX as it is, and says why it has no code."""
    g = Fused()
    x = g.input(normal(2, 3, 16))
    past = [g.input(normal(2, 2, 4, 16)) for _ in range(2)]
    g.ms("GroupQueryAttention", x, x, x, *past, g.constant([6, 6], np.int32), g.constant(7, np.int32), "", "", "", "",
         g.weights(1), num_heads=1, kv_num_heads=1, count=3)
    dense = tmp_path / "dense.onnx"
    onnx.save(g.model(), dense)
    sh("compile-model", dense, "-o", tmp_path / "same.onnx")
    assert onnx.load(tmp_path / "same.onnx").graph.node[0] == g.nodes[0]
    result = subprocess.run(["compile-model", dense, "-o", tmp_path / "m.so"], capture_output=True, text=True, check=False)
    assert result.returncode == 1 and "GroupQueryAttention" in result.stderr and "softmax with a sink" in result.stderr
