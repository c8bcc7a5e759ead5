"""Single operators against ONNX Runtime, through the compiled library.

Each test puts the variants of a family into one model, one output a variant, so
that a family costs one compilation; a failure names the output.
"""

import itertools
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent.parent / "benchmarks"))
from measure import run_library, sh  # noqa: E402

rng = np.random.default_rng(0)


def normal(*shape, dtype=np.float32):
    return np.asarray(rng.standard_normal(shape), dtype)


class Graph:
    """A model in the making, and what to run it on."""

    def __init__(self, opset=21):
        self.opset, self.nodes, self.inputs, self.constants, self.outputs, self.feeds = opset, [], [], [], [], {}

    def input(self, array, dims=None, name=None):
        """An input; `dims` replaces sizes by symbols."""
        name = name or f"in{len(self.inputs)}"
        self.feeds[name] = array
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        self.inputs.append(helper.make_tensor_value_info(name, kind, dims or array.shape))
        return name

    def constant(self, values, dtype=np.int64):
        name = f"const{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def op(self, kind, *operands, label=None, count=1, hidden=False, domain="", **attributes):
        """A node; all of its outputs are outputs of the model unless hidden."""
        index = len(self.nodes)
        names = [f"{label or kind}_{index}" + (f"_{i}" if count > 1 else "") for i in range(count)]
        self.nodes.append(helper.make_node(kind, list(operands), names, domain=domain, **attributes))
        if not hidden:
            self.outputs += names
        return names[0] if count == 1 else names

    def model(self):
        outputs = [helper.make_empty_tensor_value_info(name) for name in self.outputs]
        graph = helper.make_graph(self.nodes, "operators", self.inputs, outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=10)
        return onnx.shape_inference.infer_shapes(model, data_prop=True)

    def check(self, folder, tolerance=1e-5, more_feeds=(), options=()):
        """Compiles, and compares for these feeds and others of other sizes."""
        file, library = folder / "model.onnx", folder / "model.so"
        onnx.save(self.model(), file)
        sh("compile-model", file, "-o", library, *options)
        options = ort.SessionOptions()
        options.log_severity_level = 3
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        runtime = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        for feeds in (self.feeds, *more_feeds):
            expected = runtime.run(self.outputs, feeds)
            found = run_library(library, feeds)
            failures = [f"{name}: {problem}" for name, wanted in zip(self.outputs, expected)
                        if (problem := compare(wanted, found[name], tolerance))]
            assert not failures, "\n".join(failures)


def compare(wanted, found, tolerance):
    """What is wrong with `found`; None where nothing is."""
    if wanted.shape != found.shape or wanted.dtype != found.dtype:
        return f"expected {wanted.dtype}{wanted.shape}, got {found.dtype}{found.shape}"
    if not wanted.size:
        return None
    if not np.issubdtype(wanted.dtype, np.floating):
        return None if (wanted == found).all() else f"expected {wanted.ravel()[:8]}, got {found.ravel()[:8]}"
    a, b = wanted.astype(np.float64), found.astype(np.float64)
    if (np.isnan(a) != np.isnan(b)).any():
        return f"NaN in other places: expected {a.ravel()[:8]}, got {b.ravel()[:8]}"
    infinite = np.isinf(a) | np.isinf(b)
    if (a[infinite] != b[infinite]).any():
        return f"infinities differ: expected {a.ravel()[:8]}, got {b.ravel()[:8]}"
    usable = np.isfinite(a)
    if not usable.any():
        return None
    scale = max(np.abs(a[usable]).max(), 1e-6)
    worst = np.abs(a - b)[usable].max() / scale
    limit = 2e-3 if wanted.dtype == np.float16 else tolerance
    return None if worst <= limit else f"differs by {worst:.2e} of the largest: expected {a.ravel()[:6]}, got {b.ravel()[:6]}"


# --- Elementwise ---

UNARY = """Abs Acos Acosh Asin Asinh Atan Atanh Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid HardSwish
Identity IsNaN LeakyRelu Log Mish Neg Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign
Sqrt Tan Tanh ThresholdedRelu""".split()


def test_unary(tmp_path):
    graph = Graph()
    unit = graph.input(np.linspace(-0.95, 0.95, 40, dtype=np.float32).reshape(4, 10))
    above = graph.input(1 + np.abs(normal(4, 10)))
    any_value = graph.input(np.concatenate([3 * normal(50), [0, -0.0, 0.5, -0.5, 1.5, 2.5, 20, -20]]).astype(np.float32))
    for kind in UNARY:
        x = {"Acosh": above, "Log": above, "Sqrt": above}.get(kind, unit if kind in ("Acos", "Asin", "Atanh") else any_value)
        graph.op(kind, x)
    graph.op("Gelu", any_value, approximate="tanh")
    graph.op("Elu", any_value, alpha=0.5)
    graph.op("Celu", any_value, alpha=2.0)
    graph.op("HardSigmoid", any_value, alpha=1 / 6, beta=0.4)
    graph.op("LeakyRelu", any_value, alpha=0.3)
    graph.op("Selu", any_value, alpha=2.0, gamma=3.0)
    graph.op("Shrink", any_value, bias=0.5, lambd=1.0)
    graph.op("ThresholdedRelu", any_value, alpha=0.7)
    graph.op("IsInf", any_value)
    graph.op("Dropout", any_value)
    graph.check(tmp_path, 5e-6)


def test_special_values(tmp_path):
    """NaN and infinities go through maxima, minima and activations as in ONNX Runtime."""
    graph = Graph()
    x = graph.input(np.array([np.nan, np.inf, -np.inf, 0, 1, -1], np.float32))
    y = graph.input(np.array([0, np.nan, 1, 2, np.nan, -3], np.float32))
    for kind in ("Relu", "Sigmoid", "Tanh", "Exp", "Abs", "IsNaN", "IsInf", "Softplus"):
        graph.op(kind, x)
    graph.op("IsInf", x, detect_negative=0)
    graph.op("Max", x, y)
    graph.op("Min", x, y)
    graph.op("Equal", x, y)
    graph.op("Less", x, y)
    graph.check(tmp_path)


def test_binary_broadcast(tmp_path):
    graph = Graph()
    shapes = [(2, 3, 4, 5), (1,), (), (5,), (4, 1), (3, 1, 1), (2, 1, 4, 1), (1, 3, 1, 5)]
    x = graph.input(normal(*shapes[0]))
    for shape in shapes:
        y = graph.input(np.asarray(normal(*shape) + 3))
        for kind in ("Add", "Sub", "Mul", "Div"):
            graph.op(kind, x, y)
        graph.op("Sub", y, x)
        graph.op("PRelu", x, y) if len(shape) <= 4 else None
    small = graph.input(np.abs(normal(4, 5)) + 0.5)
    for exponent in (0.5, 1.0, 2.0, 3.0, -1.0, 1.7, 0.0):
        graph.op("Pow", small, graph.constant(exponent, np.float32))
    graph.op("Pow", small, graph.input(normal(5)))
    whole = graph.input(np.array([-3, -1, 0, 1, 2, 7], np.int64))
    for exponent in (0, 1, 2, 5):
        graph.op("Pow", whole, graph.constant(exponent))
    graph.op("Mod", x, graph.constant(1.3, np.float32), fmod=1)
    for kind in ("Max", "Min", "Sum", "Mean"):
        graph.op(kind, x, small, graph.constant([0.1, 0.2, 0.3, 0.4, 0.5], np.float32))
        graph.op(kind, x)
    graph.op("Clip", x, graph.constant(-0.5, np.float32), graph.constant(0.7, np.float32))
    graph.op("Clip", x, "", graph.constant(0.7, np.float32))
    graph.op("Clip", x, graph.input(np.array(-0.2, np.float32)))
    graph.check(tmp_path)


def test_dynamic_broadcast(tmp_path):
    """Sizes that are 1 or not only when the model runs."""
    graph = Graph()
    a = graph.input(normal(3, 4), ["n", "k"], name="a")
    b = graph.input(normal(3, 4), ["m", "k"], name="b")
    graph.op("Add", a, b)
    graph.op("Relu", a)
    more = [{"a": normal(3, 4), "b": normal(1, 4)}, {"a": normal(7, 2), "b": normal(7, 2)}]
    graph.check(tmp_path, more_feeds=more)


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.uint8])
def test_integers(tmp_path, dtype):
    graph = Graph()
    low, high = (0, 200) if np.issubdtype(dtype, np.unsignedinteger) else (-100, 100)
    x = graph.input(rng.integers(low, high, (3, 8)).astype(dtype))
    y = graph.input(rng.integers(1, 20, (3, 8)).astype(dtype))
    wide = dtype in (np.int32, np.int64)
    for kind in ("Add", "Sub", "Mul", "Div") if wide else ():
        graph.op(kind, x, y)
    graph.op("Mod", x, y)
    graph.op("BitwiseAnd", x, y)
    graph.op("BitwiseOr", x, y)
    graph.op("BitwiseXor", x, y)
    graph.op("BitwiseNot", x)
    if wide:
        for kind in ("Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Max", "Min"):
            graph.op(kind, x, y)
        graph.op("Abs", x)
        graph.op("Neg", x)
        graph.op("Sign", x)
        graph.op("Mod", x, y, fmod=1)
        graph.op("ReduceSum", x, graph.constant([1]))
        graph.op("ArgMax", x, axis=1)
    graph.op("Cast", x, to=TensorProto.FLOAT)
    graph.op("Where", graph.constant(rng.integers(0, 2, (3, 8)), np.bool_), x, y)
    graph.check(tmp_path)


def test_logic_and_casts(tmp_path):
    graph = Graph()
    p, q = (graph.input(rng.integers(0, 2, (3, 5)).astype(bool)) for _ in range(2))
    for kind in ("And", "Or", "Xor", "Equal"):
        graph.op(kind, p, q)
    graph.op("Not", p)
    sources = [
        graph.input(np.array([0, 1.5, -1.5, 2.5, 100.7, -100.7, 1e9, 3e-5], np.float32)),
        graph.input(np.array([0, 1.5, -2.5, 1e9], np.float64)),
        graph.input(np.array([0, 1.5, -2.5, 1000], np.float16)),
        graph.input(np.array([0, 1, -2, 1 << 20], np.int32)),
        graph.input(np.array([0, 1, 2, 255], np.uint8)),
        graph.input(np.array([0, 1, -128, 127], np.int8)),
        graph.input(np.array([True, False])),
    ]
    targets = [TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL]
    for source, target in itertools.product(sources, targets):
        if source == sources[0] and target == TensorProto.INT32:
            continue  # 1e9 fits, and what does not is undefined
        graph.op("Cast", source, to=target)
    for source in sources[3:]:
        graph.op("Cast", source, to=TensorProto.UINT8)
        graph.op("Cast", source, to=TensorProto.INT8)
    graph.check(tmp_path)


def test_half(tmp_path):
    graph = Graph()
    x = graph.input(normal(2, 3, 4, dtype=np.float16))
    graph.op("Add", x, graph.constant(rng.standard_normal(4), np.float16))
    graph.op("MatMul", x, graph.constant(rng.standard_normal((4, 5)), np.float16))
    graph.op("Softmax", x)
    graph.op("Sigmoid", x)
    graph.op("ReduceMean", x, graph.constant([1]))
    graph.check(tmp_path)


# --- Movement ---


def test_reshapes(tmp_path):
    graph = Graph()
    x = graph.input(normal(2, 3, 4, 5), ["n", 3, "h", 5], name="x")
    for shape in ([0, -1], [-1, 15], [0, 3, -1], [-1], [0, 0, 0, 5, 1], [1, -1, 1]):
        graph.op("Reshape", x, graph.constant(shape))
    graph.op("Flatten", x, axis=2)
    graph.op("Flatten", x, axis=0)
    graph.op("Unsqueeze", x, graph.constant([0, -1]))
    y = graph.op("Unsqueeze", x, graph.constant([2]), hidden=True)
    graph.op("Squeeze", y, graph.constant([2]))
    for permutation in itertools.permutations(range(4)):
        graph.op("Transpose", x, perm=list(permutation))
    shape = graph.op("Shape", x)
    graph.op("Shape", x, start=1, end=3)
    graph.op("Size", x)
    graph.op("Gather", shape, graph.constant(2))
    graph.op("DepthToSpace", graph.input(normal(2, 12, 3, 4)), blocksize=2)
    graph.op("DepthToSpace", graph.input(normal(2, 12, 3, 4)), blocksize=2, mode="CRD")
    graph.op("SpaceToDepth", graph.input(normal(2, 3, 4, 6)), blocksize=2)
    graph.check(tmp_path, more_feeds=[graph.feeds | {"x": normal(1, 3, 7, 5)}])


def test_slices(tmp_path):
    graph = Graph()
    x = graph.input(normal(3, 8, 9), ["n", 8, "w"], name="x")
    c = graph.constant
    for starts, ends, axes, steps in [
        ([1], [3], [1], [1]), ([0], [1 << 40], [2], [2]), ([-3], [-1], [1], [1]), ([-1], [-(1 << 40)], [1], [-1]),
        ([7], [1], [1], [-2]), ([2, 1], [6, 2], [1, 0], [1, 1]), ([20], [30], [1], [1]), ([0], [-2], [2], [1]), ([-1], [-5], [-1], [-1])]:
        graph.op("Slice", x, c(starts), c(ends), c(axes), c(steps))
    graph.op("Slice", x, graph.input(np.array([1])), graph.input(np.array([5])), c([1]))
    graph.op("Split", x, c([3, 5]), axis=1, count=2)
    graph.op("Split", x, axis=1, num_outputs=3, count=3)
    y = graph.op("Relu", x, hidden=True)
    graph.op("Concat", x, y, axis=0)
    graph.op("Concat", x, y, x, axis=1)
    graph.op("Concat", x, y, axis=-1)
    graph.op("Concat", x, c(np.ones((3, 8, 2)), np.float32), axis=2)
    graph.check(tmp_path, more_feeds=[graph.feeds | {"x": normal(3, 8, 5)}])


def test_pads(tmp_path):
    graph = Graph()
    x = graph.input(normal(2, 3, 5, 6))
    c = graph.constant
    for mode in ("constant", "reflect", "edge", "wrap"):
        graph.op("Pad", x, c([0, 1, 2, 0, 1, 0, 1, 3]), mode=mode)
        graph.op("Pad", x, c([2, 1, 1, 2]), "", c([2, 3]), mode=mode)
    graph.op("Pad", x, c([0, 0, 1, 1, 0, 0, 1, 1]), c(3.5, np.float32))
    graph.op("Pad", x, c([0, 0, -1, 1, 0, 0, 2, -2]), c(1.0, np.float32))
    graph.op("Pad", x, graph.input(np.array([0, 0, 1, 1, 0, 0, 1, 2])), mode="edge")
    graph.check(tmp_path)


def test_repetition(tmp_path):
    graph = Graph()
    x = graph.input(normal(3, 1, 4), ["n", 1, 4], name="x")
    c = graph.constant
    graph.op("Expand", x, c([2, 1, 5, 1]))
    graph.op("Expand", x, c([3, 5, 4]))
    graph.op("Tile", x, c([1, 3, 2]))
    graph.op("ConstantOfShape", c([2, 3]), value=numpy_helper.from_array(np.array([7], np.int64)))
    graph.op("ConstantOfShape", graph.op("Shape", x, hidden=True), value=numpy_helper.from_array(np.array([0.5], np.float32)))
    graph.op("Range", c(2), c(11), c(3))
    graph.op("Range", c(1.0, np.float32), c(0.0, np.float32), c(-0.3, np.float32))
    graph.op("Range", graph.input(np.array(1)), graph.input(np.array(8)), c(2))
    graph.op("EyeLike", graph.input(normal(4, 5)), k=1)
    square = graph.input(normal(2, 5, 4))
    for upper, k in itertools.product((0, 1), (-1, 0, 2)):
        graph.op("Trilu", square, c(k), upper=upper)
    graph.check(tmp_path)


def test_gather_and_scatter(tmp_path):
    graph = Graph()
    x = graph.input(normal(4, 5, 6))
    c = graph.constant
    for axis in (0, 1, -1):
        graph.op("Gather", x, c([[0, -1], [2, 1]]), axis=axis)
        graph.op("Gather", x, c(1), axis=axis)
    graph.op("Gather", x, graph.input(np.array([3, 0], np.int32)), axis=1)
    index = rng.integers(-4, 4, (2, 5, 6))
    graph.op("GatherElements", x, c(index), axis=0)
    graph.op("GatherND", x, c([[0, 1], [3, -1]]))
    graph.op("GatherND", x, c(rng.integers(0, 5, (4, 2, 1))), batch_dims=1)
    updates = graph.input(normal(2, 5, 6))
    unique = np.stack([rng.permutation(4)[:2] for _ in range(30)]).T.reshape(2, 5, 6)
    graph.op("ScatterElements", x, c(unique), updates, axis=0)
    for reduction in ("add", "mul", "max", "min"):
        graph.op("ScatterElements", x, c(rng.integers(0, 4, (2, 5, 6))), updates, axis=0, reduction=reduction)
    graph.op("ScatterND", x, c([[0], [2]]), updates)
    graph.op("ScatterND", x, c([[0], [0]]), updates, reduction="add")
    graph.op("OneHot", c([0, 2, -1]), c(4), c([0.5, 2.0], np.float32), axis=-1)
    graph.op("OneHot", graph.input(np.array([[1, 0]])), c(3), c([0, 1]), axis=0)
    graph.op("NonZero", graph.input(rng.integers(0, 2, (3, 4)).astype(np.float32)))
    graph.op("ReverseSequence", graph.input(normal(4, 3, 2)), c([2, 4, 1]), batch_axis=1, time_axis=0)
    graph.check(tmp_path)


# --- Reductions and normalizations ---


def test_reductions(tmp_path):
    graph = Graph()
    x = graph.input(normal(2, 3, 4, 5), ["n", 3, "h", 5], name="x")
    kinds = ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp")
    for kind, axes, keep in itertools.product(kinds, ([1], [2, 3], [0], [-1], [1, 3]), (0, 1)):
        graph.op(kind, x, graph.constant(axes), keepdims=keep)
    for kind in kinds:
        graph.op(kind, x)
    graph.op("ReduceLogSum", graph.op("Abs", x, hidden=True), graph.constant([1]))
    for axis, keep in itertools.product((0, 1, -1), (0, 1)):
        graph.op("ArgMax", x, axis=axis, keepdims=keep)
        graph.op("ArgMin", x, axis=axis, keepdims=keep)
    ties = graph.input(np.array([[1, 3, 3, 0], [2, 2, 2, 2]], np.float32))
    graph.op("ArgMax", ties, axis=1, select_last_index=1)
    graph.op("ArgMax", ties, axis=1)
    for exclusive, reverse in itertools.product((0, 1), (0, 1)):
        graph.op("CumSum", x, graph.constant(1), exclusive=exclusive, reverse=reverse)
    graph.op("TopK", x, graph.constant([2]), axis=-1, count=2)
    graph.op("TopK", x, graph.constant([3]), axis=1, largest=0, count=2)
    graph.op("TopK", ties, graph.constant([4]), count=2)
    graph.check(tmp_path, more_feeds=[graph.feeds | {"x": normal(1, 3, 7, 5)}])


def test_normalizations(tmp_path):
    graph = Graph()
    x = graph.input(normal(2, 6, 4, 5), ["n", 6, "h", 5], name="x")
    for kind, axis in itertools.product(("Softmax", "LogSoftmax", "Hardmax"), (0, 1, 2, 3)):
        graph.op(kind, x, axis=axis)
    def channels(positive=False):
        return graph.constant(np.abs(normal(6)) + 0.5 if positive else normal(6), np.float32)
    graph.op("BatchNormalization", x, channels(), channels(), channels(), channels(True), epsilon=1e-3)
    graph.op("InstanceNormalization", x, channels(), channels())
    graph.op("GroupNormalization", x, channels(), channels(), num_groups=3)
    row = [graph.constant(normal(5), np.float32) for _ in range(2)]
    graph.op("LayerNormalization", x, *row)
    graph.op("LayerNormalization", x, row[0], epsilon=1e-2)
    graph.op("LRN", x, size=3, alpha=0.01, beta=0.75, bias=1.5)
    graph.op("LRN", x, size=5, alpha=0.01, beta=0.6)
    for axis, p in itertools.product((1, -1), (1, 2)):
        graph.op("LpNormalization", x, axis=axis, p=p)
    graph.op("MeanVarianceNormalization", x)
    graph.check(tmp_path, more_feeds=[graph.feeds | {"x": normal(1, 6, 3, 5)}])


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


def test_transposed_convolutions(tmp_path):
    graph = Graph()
    x = graph.input(normal(2, 6, 4, 5), ["n", 6, "h", "w"], name="x")
    for filters, kernel, attributes in [
        (5, (2, 2), {"strides": [2, 2]}), (20, (3, 3), {"strides": [3, 3]}), (5, (3, 3), {}),
        (5, (3, 3), {"strides": [2, 2], "pads": [1, 1, 1, 1]}), (5, (3, 3), {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]}),
        (5, (4, 4), {"strides": [2, 2], "pads": [1, 1, 1, 1]}), (2, (3, 3), {"group": 3}), (1, (3, 3), {"group": 6, "strides": [2, 2]}),
        (3, (3, 2), {"dilations": [2, 2]}),
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
    a, b = graph.input(rng.integers(0, 255, (3, 8)).astype(np.uint8)), c(rng.integers(-100, 100, (8, 5)), np.int8)
    graph.op("MatMulInteger", a, b, c(7, np.uint8), c(-2, np.int8))
    graph.check(tmp_path)


# --- Control ---


def test_if(tmp_path):
    graph = Graph()
    x = graph.input(normal(3, 4), ["n", 4], name="x")
    condition = graph.input(np.array(True), name="c")

    def branch(kind):
        output = helper.make_tensor_value_info(f"{kind}_out", TensorProto.FLOAT, None)
        return helper.make_graph([helper.make_node(kind, [x], [f"{kind}_out"])], kind, [], [output])

    graph.op("If", condition, then_branch=branch("Exp"), else_branch=branch("Neg"))
    graph.check(tmp_path, more_feeds=[{"x": normal(2, 4), "c": np.array(False)}])
