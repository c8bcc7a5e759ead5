"""Operators whose places, number of results or iterations the data tells, against ONNX Runtime."""

import itertools

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from operator_graph import Graph, normal, rng


def test_grid_sample(tmp_path):
    g = Graph(opset=20)
    image, volume = g.input(normal(2, 3, 6, 7)), g.input(normal(1, 2, 3, 4, 5))
    grid = g.input(normal(2, 4, 5, 2) * np.float32(0.9))
    places = g.input(normal(1, 2, 3, 4, 3) * np.float32(0.9))
    for mode, padding, aligned in itertools.product(("linear", "nearest", "cubic"), ("zeros", "border", "reflection"), (0, 1)):
        g.op("GridSample", image, grid, mode=mode, padding_mode=padding, align_corners=aligned)
        if mode != "cubic":
            g.op("GridSample", volume, places, mode=mode, padding_mode=padding, align_corners=aligned)
    g.check(tmp_path, 1e-4)


def test_regions(tmp_path):
    g = Graph(opset=16)
    x = g.input(normal(2, 3, 9, 11))
    rois = g.input(np.array([[0, 0, 5, 6], [2.5, 1, 9, 8], [-3, -2, 20, 20], [4, 4, 4, 4]], np.float32))
    batch = g.input(np.array([0, 1, 1, 0], np.int64))
    for mode, ratio, coordinates in itertools.product(("avg", "max"), (0, 2), ("half_pixel", "output_half_pixel")):
        g.op("RoiAlign", x, rois, batch, mode=mode, sampling_ratio=ratio, output_height=3, output_width=2,
             spatial_scale=0.7, coordinate_transformation_mode=coordinates)
    boxes = g.input(np.array([[0, 0, 0, 5, 6], [1, 2, 1, 9, 8], [1, -3, -2, 20, 20]], np.float32))
    g.op("MaxRoiPool", x, boxes, pooled_shape=[3, 2], spatial_scale=0.8)
    g.check(tmp_path, 1e-4)


def boxes_of(*shape):
    corners = rng.random((*shape, 2)).astype(np.float32) * 4
    return np.concatenate([corners, corners + rng.random((*shape, 2)).astype(np.float32) * 3 + 0.1], axis=-1)


def test_suppression(tmp_path):
    g = Graph(opset=11)
    boxes, scores = g.input(boxes_of(2, 30)), g.input(rng.random((2, 3, 30)).astype(np.float32))
    for most, overlap, least in ((5, 0.3, 0.2), (30, 0.5, 0.6), (30, 0.0, 0.0), (3, 0.9, 2.0)):
        g.op("NonMaxSuppression", boxes, scores, g.constant(most), g.constant(overlap, np.float32),
             g.constant(least, np.float32))
    g.op("NonMaxSuppression", boxes, scores, g.constant(4), "", "", center_point_box=1)
    g.op("NonMaxSuppression", boxes, scores)
    g.check(tmp_path)


def test_unique(tmp_path):
    g = Graph()
    x = g.input(rng.integers(0, 5, (4, 6)).astype(np.float32))
    rows = g.input(np.array([[1, 2], [3, 0], [1, 2], [0, 9], [3, 0]], np.int64))
    for sorted_ in (0, 1):
        g.op("Unique", x, sorted=sorted_, count=4)
        g.op("Unique", rows, sorted=sorted_, axis=0, count=4)
        g.op("Unique", rows, sorted=sorted_, axis=1, count=4)
    g.check(tmp_path)


def test_compress(tmp_path):
    g = Graph()
    x = g.input(normal(3, 4))
    few, many = g.input(np.array([True, False, True])), g.input(rng.random(12) < 0.5)
    g.op("Compress", x, few, axis=0)
    g.op("Compress", x, few, axis=-1)
    g.op("Compress", x, many)
    g.check(tmp_path)


# --- Loops ---


def body(nodes, inputs, outputs, constants=()):
    def info(name):
        kind = {"i": TensorProto.INT64, "c": TensorProto.BOOL}.get(name[0], TensorProto.FLOAT)
        return helper.make_tensor_value_info(name, kind, [] if name[0] in "ic" else None)

    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants]
    return helper.make_graph(nodes, "body", [info(n) for n in inputs], [info(n) for n in outputs], initializers)


N = helper.make_node


def test_loop_of_known_length(tmp_path):
    """Carries a sum, reads a value from outside, and stacks what it had."""
    g = Graph(opset=16)
    x = g.input(normal(2, 3))
    g.input(normal(2, 3), name="w")
    steps = g.input(np.array(4, np.int64))
    nodes = [N("Cast", ["i"], ["step"], to=1), N("Mul", ["w", "step"], ["part"]), N("Add", ["s", "part"], ["s1"]),
             N("Identity", ["c"], ["c1"]), N("Identity", ["s"], ["y"])]
    g.op("Loop", steps, "", x, body=body(nodes, ["i", "c", "s"], ["c1", "s1", "y"]), count=2)
    never = body(nodes[:-1], ["i", "c", "s"], ["c1", "s1"])
    g.op("Loop", steps, g.constant(False, bool), x, body=never)
    g.check(tmp_path, more_feeds=[{**g.feeds, steps: np.array(1, np.int64)}])


def test_loop_that_ends_itself(tmp_path):
    """Doubles until a limit, with and without a number of iterations."""
    g = Graph(opset=16)
    x, limit = g.input(np.array([1, 3], np.float32)), g.input(np.array(50, np.float32), name="limit")
    nodes = [N("Add", ["s", "s"], ["s1"]), N("ReduceMax", ["s1"], ["m"], keepdims=0), N("Less", ["m", "limit"], ["c1"])]
    graph = body(nodes, ["i", "c", "s"], ["c1", "s1"])
    g.op("Loop", "", g.constant(True, bool), x, body=graph)
    g.op("Loop", g.constant(3), g.constant(True, bool), x, body=graph)
    stacking = body(nodes + [N("Identity", ["s1"], ["y"])], ["i", "c", "s"], ["c1", "s1", "y"])
    g.op("Loop", g.constant(20), g.constant(True, bool), x, body=stacking, count=2)
    g.check(tmp_path, more_feeds=[{**g.feeds, limit: np.array(2, np.float32)}])


def test_loop_that_grows(tmp_path):
    """What is carried gets longer in every iteration."""
    g = Graph(opset=16)
    x, steps = g.input(normal(1, 3), ["n", 3]), g.input(np.array(3, np.int64))
    nodes = [N("Concat", ["s", "last"], ["s1"], axis=0), N("Slice", ["s", "a", "b"], ["first"]),
             N("Mul", ["first", "two"], ["last"]), N("Identity", ["c"], ["c1"])]
    nodes = [nodes[1], nodes[2], nodes[0], nodes[3]]
    constants = [("a", np.array([0])), ("b", np.array([1])), ("two", np.array([2.0], np.float32))]
    g.op("Loop", steps, "", x, body=body(nodes, ["i", "c", "s"], ["c1", "s1"], constants))
    g.check(tmp_path)


def test_scan(tmp_path):
    """A running sum and products, forwards and backwards, along other axes."""
    g = Graph(opset=16)
    state, x = g.input(normal(3)), g.input(normal(4, 3), ["n", 3])
    nodes = [N("Add", ["s", "x"], ["s1"]), N("Mul", ["s", "x"], ["y"])]
    graph = body(nodes, ["s", "x"], ["s1", "y"])
    g.op("Scan", state, x, body=graph, num_scan_inputs=1, count=2)
    g.op("Scan", state, x, body=graph, num_scan_inputs=1, count=2, scan_input_directions=[1], scan_output_directions=[1])
    z = g.input(normal(3, 4))
    g.op("Scan", state, z, body=graph, num_scan_inputs=1, count=2, scan_input_axes=[1], scan_output_axes=[1])
    g.check(tmp_path)


# --- Nothing at all ---


def test_sizes_of_zero(tmp_path):
    """An empty batch, and an empty cache: nothing is read, and what is there is as it should be."""
    g = Graph()
    x, w = g.input(normal(3, 4, 8), ["batch", "length", 8]), g.constant(normal(8, 6), np.float32)
    cache, last = g.input(normal(3, 2, 8), ["batch", "past", 8]), g.constant([-1])
    y = g.op("MatMul", x, w)
    g.op("Softmax", y, axis=-1)
    g.op("Relu", y)
    g.op("LayerNormalization", x, g.constant(np.ones(8), np.float32))
    whole = g.op("Concat", cache, x, axis=1)
    g.op("MatMul", whole, g.op("Transpose", x, perm=[0, 2, 1], hidden=True))
    g.op("ReduceSum", cache, g.constant([1]), keepdims=0)
    g.op("ReduceMax", whole, last)
    g.op("Gather", whole, last, axis=1)
    g.op("Slice", cache, g.constant([0]), g.constant([2]), g.constant([1]))
    g.op("Reshape", x, g.constant([0, 0, 2, 4]))

    def feeds(batch, length, past):
        return {x: normal(batch, length, 8), cache: normal(batch, past, 8)}

    g.check(tmp_path, more_feeds=[feeds(2, 1, 0), feeds(0, 3, 2), feeds(0, 2, 0), feeds(1, 5, 1)])


def test_empty_image(tmp_path):
    g = Graph()
    x = g.input(normal(2, 3, 8, 8), ["batch", 3, 8, 8])
    y = g.op("Conv", x, g.constant(normal(5, 3, 3, 3), np.float32), pads=[1, 1, 1, 1])
    g.op("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2])
    g.op("GlobalAveragePool", y)
    g.op("Conv", y, g.constant(normal(5, 1, 3, 3), np.float32), group=5, pads=[1, 1, 1, 1])
    g.op("Gemm", g.op("Flatten", y), g.constant(normal(320, 4), np.float32))
    g.check(tmp_path, more_feeds=[{x: normal(0, 3, 8, 8)}, {x: normal(1, 3, 8, 8)}])
