"""Single operators against ONNX Runtime, through the compiled library.

Each test puts the variants of a family into one model, one output a variant, so
that a family costs one compilation; a failure names the output.
"""

import itertools

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from operator_graph import Graph, normal, rng


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
