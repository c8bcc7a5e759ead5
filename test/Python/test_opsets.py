"""Operators whose form or meaning changed: in ONNX Runtime, the model as it was, as
it comes back at its own opset, and in the form of a newer opset give the same."""

import numpy as np
import onnx
import onnx.parser
import pytest

import tools

NEWER = 21

# Name, opset, inputs, outputs, nodes, and operators that must come back at the old opset.
X = "float[2,3,4,5] x"
CASES = [
    ("softmax", 11, X, "float[2,3,4,5] y", "y = Softmax <axis = 1> (x)", ["Softmax"]),
    ("softmax-default", 9, X, "float[2,3,4,5] y", "y = Softmax (x)", ["Softmax"]),
    ("softmax-last", 12, X, "float[2,3,4,5] y", "y = Softmax <axis = 3> (x)", ["Softmax"]),
    ("softmax-negative", 11, X, "float[2,3,4,5] y", "y = Softmax <axis = -2> (x)", ["Softmax"]),
    ("softmax-unknown-rank", 11, X + ", int64[k] s", "float[a,b,c] y",
     "r = Reshape (x, s) t = Softmax <axis = 2> (r) y = Identity (t)", ["Reshape", "Softmax", "Identity"]),
    ("log-softmax", 12, X, "float[2,3,4,5] y", "y = LogSoftmax <axis = 2> (x)", ["LogSoftmax"]),
    ("hardmax", 11, X, "float[2,3,4,5] y", "y = Hardmax <axis = 2> (x)", ["Hardmax"]),
    ("softmax-of-13", 13, X, "float[2,3,4,5] y", "y = Softmax <axis = 1> (x)", ["Softmax"]),
    ("clip", 7, X, "float[2,3,4,5] y", "y = Clip <min = -0.5, max = 0.25> (x)", ["Clip"]),
    ("clip-one-side", 10, X, "float[2,3,4,5] y", "y = Clip <max = 0.25> (x)", ["Clip"]),
    ("dropout", 10, X, "float[2,3,4,5] y", "y = Dropout <ratio = 0.25> (x)", ["Dropout"]),
    ("pad", 10, X, "float[2,3,6,8] y", "y = Pad <pads = [0,0,1,2,0,0,1,1], value = 1.5> (x)", ["Pad"]),
    ("pad-reflect", 7, X, "float[2,3,6,8] y", 'y = Pad <mode = "reflect", pads = [0,0,1,2,0,0,1,1]> (x)', ["Pad"]),
    ("slice", 9, X, "float[2,2,4,3] y", "y = Slice <axes = [1,3], starts = [1,-4], ends = [9,-1]> (x)", ["Slice"]),
    ("slice-without-axes", 9, X, "float[1,2,4,5] y", "y = Slice <starts = [0,1], ends = [1,3]> (x)", ["Slice"]),
    ("split", 11, X, "float[2,1,4,5] y, float[2,2,4,5] z", "y, z = Split <axis = 1, split = [1,2]> (x)", ["Split"]),
    ("split-evenly", 11, X, "float[2,3,2,5] y, float[2,3,2,5] z", "y, z = Split <axis = 2> (x)", ["Split"]),
    ("split-evenly-13", 13, X, "float[2,3,2,5] y, float[2,3,2,5] z", "y, z = Split <axis = -2> (x)", ["Split"]),
    ("squeeze", 11, "float[1,3,1,5] x", "float[3,5] y", "y = Squeeze <axes = [0,2]> (x)", ["Squeeze"]),
    ("squeeze-all", 11, "float[1,3,1,5] x", "float[3,5] y", "y = Squeeze (x)", ["Squeeze"]),
    ("unsqueeze", 12, X, "float[2,1,3,4,5,1] y", "y = Unsqueeze <axes = [1,-1]> (x)", ["Unsqueeze"]),
    ("topk", 9, X, "float[2,3,4,2] y, int64[2,3,4,2] i", "y, i = TopK <k = 2> (x)", ["TopK"]),
    ("topk-10", 10, X, "float[2,2,4,5] y, int64[2,2,4,5] i", "k = Constant <value = int64[1] {2}> () y, i = TopK <axis = 1> (x, k)",
     ["Constant", "TopK"]),
    *[(f"{op.lower()}-{opset}", opset, X, "float[2,4] y", f"p = Abs (x) y = {op} <axes = [1,3], keepdims = 0> (p)", ["Abs", op])
      for op, opset in [("ReduceL1", 11), ("ReduceL2", 13), ("ReduceLogSum", 9), ("ReduceLogSumExp", 13), ("ReduceMax", 12),
                        ("ReduceMean", 17), ("ReduceMin", 13), ("ReduceProd", 11), ("ReduceSum", 11), ("ReduceSumSquare", 13)]],
    ("reduce-all", 11, X, "float[1,1,1,1] y", "y = ReduceSum (x)", ["ReduceSum"]),
    ("upsample", 7, "float[1,2,3,4] x", "float[1,2,6,12] y", 'y = Upsample <mode = "nearest", scales = [1.0,1.0,2.0,3.0]> (x)',
     ["Upsample"]),
    ("upsample-linear", 9, "float[1,2,3,4] x", "float[1,2,6,8] y",
     's = Constant <value = float[4] {1.0,1.0,2.0,2.0}> () y = Upsample <mode = "linear"> (x, s)', ["Constant", "Upsample"]),
    ("resize-10", 10, "float[1,2,3,4] x", "float[1,2,6,8] y",
     's = Constant <value = float[4] {1.0,1.0,2.0,2.0}> () y = Resize (x, s)', ["Constant", "Resize"]),
    ("resize-10-shrink", 10, "float[1,2,6,9] x", "float[1,2,3,3] y",
     's = Constant <value = float[4] {1.0,1.0,0.5,0.34}> () y = Resize (x, s)', ["Constant", "Resize"]),
    ("resize-11", 11, "float[1,2,3,4] x", "float[1,2,6,8] y",
     'r = Constant <value = float[0] {}> () s = Constant <value = float[4] {1.0,1.0,2.0,2.0}> () '
     'y = Resize <coordinate_transformation_mode = "align_corners", mode = "linear"> (x, r, s)', ["Constant", "Constant", "Resize"]),
    ("resize-12-sizes", 12, "float[1,2,3,4] x", "float[1,2,7,5] y",
     'e = Constant <value = float[0] {}> () z = Constant <value = int64[4] {1,2,7,5}> () '
     'y = Resize <coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"> (x, e, e, z)', ["Constant", "Constant", "Resize"]),
    ("batch-norm", 8, X + ", float[3] s, float[3] b, float[3] m, float[3] v", "float[2,3,4,5] y",
     "w = Abs (v) y = BatchNormalization <spatial = 1> (x, s, b, m, w)", ["Abs", "BatchNormalization"]),
    ("grid-sample", 16, X + ", float[2,3,3,2] g", "float[2,3,3,3] y",
     'y = GridSample <mode = "bicubic", padding_mode = "border"> (x, g)', ["GridSample"]),
    ("roi-align", 15, "float[1,2,6,6] x, float[1,4] r", "float[1,2,2,2] y",
     "q = Abs (r) b = Constant <value = int64[1] {0}> () y = RoiAlign <output_height = 2, output_width = 2> (x, q, b)",
     ["Abs", "Constant", "RoiAlign"]),
    ("scatter", 10, X + ", int64[1,1,1,2] i, float[1,1,1,2] u", "float[2,3,4,5] y", "y = Scatter <axis = 3> (x, i, u)", ["Scatter"]),
    ("lrn", 7, X, "float[2,3,4,5] y", "y = LRN <size = 3> (x)", ["LRN"]),
    ("max-pool", 8, X, "float[2,3,2,2] y", "y = MaxPool <kernel_shape = [2,2], strides = [2,2]> (x)", ["MaxPool"]),
    ("gemm", 9, "float[4,3] x, float[3,5] w, float[5] c", "float[4,5] y", "y = Gemm <alpha = 0.5> (x, w, c)", ["Gemm"]),
    ("reshape", 7, X, "float[a,b] y", "s = Constant <value = int64[2] {0,-1}> () y = Reshape (x, s)", ["Constant", "Reshape"]),
    ("pow", 11, "float[2,3] x", "float[2,3] y", "e = Constant <value = float {2.0}> () y = Pow (x, e)", ["Constant", "Pow"]),
    ("constant-forms", 13, "float[2,3] x", "float[2,3] y, int64[2] i",
     "a = Constant <value_float = 2.0> () b = Constant <value_floats = [1.0,2.0,3.0]> () i = Constant <value_ints = [7,8]> () "
     "c = Mul (x, a) y = Add (c, b)", ["Constant", "Constant", "Constant", "Mul", "Add"]),
    ("lstm", 7, "float[4,2,3] x, float[1,20,3] w, float[1,20,5] r", "float[4,1,2,5] y, float[1,2,5] h",
     "y, h = LSTM <hidden_size = 5> (x, w, r)", ["LSTM"]),
    ("lstm-last-only", 14, "float[4,2,3] x, float[1,20,3] w, float[1,20,5] r", "float[1,2,5] c",
     ", , c = LSTM <hidden_size = 5> (x, w, r)", ["LSTM"]),
    ("loop", 11, "float[2] x, bool k", "float[2] y, float[3,2] t",
     "n = Constant <value = int64 {3}> () y, t = Loop (n, k, x) <body = b (int64 i, bool c, float[2] s) => (bool d, float[2] e, float[2] f) "
     "{ d = Identity (c) e = Add (s, x) f = Neg (e) }>", ["Constant", "Loop"]),
    ("scan", 9, "float[2] x, float[3,2] v", "float[2] y, float[3,2] t",
     "y, t = Scan <num_scan_inputs = 1, body = b (float[2] s, float[2] e) => (float[2] n, float[2] o) "
     "{ n = Add (s, e) o = Mul (n, x) }> (x, v)", ["Scan"]),
    ("if-captures", 11, "float[2] x, bool k", "float[2] y",
     "z = Neg (x) y = If (k) <then_branch = a () => (float[2] t) { t = Add (x, z) }, else_branch = b () => (float[2] e) "
     "{ e = Identity (z) }>", ["Neg", "If"]),
]


def make(opset, inputs, outputs, nodes):
    text = f'<ir_version: 8, opset_import: ["" : {opset}]>\nmain ({inputs}) => ({outputs})\n{{ {nodes} }}'
    return onnx.parser.parse_model(text)


def make_feeds(model):
    rng = np.random.default_rng(1)
    feeds = {}
    for value in model.graph.input:
        shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
        kind = value.type.tensor_type.elem_type
        if kind == onnx.TensorProto.BOOL:
            feeds[value.name] = np.array(True)
        elif kind == onnx.TensorProto.INT64:
            # A shape to reshape to, or indices.
            feeds[value.name] = np.array([2, 3, 20]) if shape == [0] else rng.integers(0, 3, shape)
        else:
            feeds[value.name] = rng.standard_normal(shape).astype(np.float32)
    return feeds


@pytest.mark.parametrize("name,opset,inputs,outputs,nodes,operators", CASES, ids=[case[0] for case in CASES])
def test_opset(name, opset, inputs, outputs, nodes, operators, tmp_path):
    model = make(opset, inputs, outputs, nodes)
    source = tmp_path / "in.onnx"
    onnx.save(model, source)
    feeds = make_feeds(model)
    expected = tools.outputs(source, feeds, optimize=False)

    same = tools.translate(source, tmp_path / "same.onnx")
    newer = tools.translate(source, tmp_path / "newer.onnx", "--opset", max(NEWER, opset))
    for path in (same, newer):
        onnx.checker.check_model(str(path))
        assert tools.largest_difference(expected, tools.outputs(path, feeds, optimize=False)) <= 1e-6, path.name
    if operators is not None:
        assert onnx.load(same).opset_import[0].version == opset
        assert [node.op_type for node in onnx.load(same).graph.node] == operators


def test_group_norm_of_18(tmp_path):
    """Scale and bias were one a group: ONNX Runtime no longer runs that."""
    model = make(18, "float[2,6,4] x, float[3] s, float[3] b", "float[2,6,4] y",
                 "y = GroupNormalization <num_groups = 3, epsilon = 0.0> (x, s, b)")
    onnx.save(model, tmp_path / "in.onnx")
    feeds = make_feeds(model)
    path = tools.translate(tmp_path / "in.onnx", tmp_path / "out.onnx")
    assert onnx.load(path).opset_import[0].version == NEWER
    groups = feeds["x"].reshape(2, 3, 8)
    normal = (groups - groups.mean(axis=2, keepdims=True)) / groups.std(axis=2, keepdims=True)
    expected = normal * feeds["s"].reshape(1, 3, 1) + feeds["b"].reshape(1, 3, 1)
    assert tools.largest_difference([expected.reshape(2, 6, 4)], tools.outputs(path, feeds)) <= 1e-5


@pytest.mark.parametrize("opset,nodes,error", [
    (7, "y = BatchNormalization <spatial = 0> (x, x, x, x, x)",
     "error: value 'y': BatchNormalization: spatial=0 has no newer form; export the model with opset 9 or later"),
    (11, "z, y = Dropout (x)",
     "error: value 'z': Dropout: its mask is used, which opset 12 defined anew; export the model with opset 12 or later"),
    (10, "y = Gelu (x)", "error: value 'y': Gelu: the operator came with opset 20, the model imports opset 10"),
    (12, "y = Upsample (x, x)", "error: value 'y': Upsample: the operator went with opset 10, the model imports opset 12"),
])
def test_refused(opset, nodes, error, tmp_path):
    """Old forms that have no newer one are refused, with what to do."""
    source = tmp_path / "in.onnx"
    onnx.save(make(opset, "float[2] x", "float[2] y", nodes), source)
    result = tools.run("secateur-translate", "--import-onnx", source)
    assert (result.returncode, result.stderr.splitlines()) == (1, [error])
