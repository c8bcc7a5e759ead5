"""Seeded damage to a model file, for tests that a tool survives it.

    for name, path in mutations.make(folder, count=200): ...
"""

import pathlib
import random

import onnx
from onnx import TensorProto, helper, numpy_helper

import numpy as np

SEED = 20260729


def base_model():
    """A small model with most of what a file can have: weights big enough to be
    mapped, typed data, a subgraph, a function, old-style initializer inputs."""
    rng = np.random.default_rng(SEED)
    weights = [
        numpy_helper.from_array(rng.standard_normal((8, 3, 3, 3), dtype=np.float32), "w"),
        numpy_helper.from_array(rng.standard_normal((2048,), dtype=np.float32), "big"),
        helper.make_tensor("typed", TensorProto.FLOAT, [8], list(range(8))),
        helper.make_tensor("shape", TensorProto.INT64, [2], [0, -1]),
    ]
    then_branch = helper.make_graph([helper.make_node("Relu", ["flat"], ["positive"])], "then", [],
                                    [helper.make_tensor_value_info("positive", TensorProto.FLOAT, ["n", "m"])])
    else_branch = helper.make_graph([helper.make_node("Neg", ["flat"], ["negative"])], "else", [],
                                    [helper.make_tensor_value_info("negative", TensorProto.FLOAT, ["n", "m"])])
    nodes = [
        helper.make_node("Conv", ["x", "w", "typed"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("Twice", ["c"], ["d"], name="call", domain="local"),
        helper.make_node("Reshape", ["d", "shape"], ["flat"], name="flatten"),
        helper.make_node("If", ["flag"], ["y"], name="choose", then_branch=then_branch, else_branch=else_branch),
        helper.make_node("ReduceSum", ["big"], ["total"], name="sum", keepdims=0),
        helper.make_node("Add", ["y", "total"], ["z"], name="add"),
    ]
    function = helper.make_function("local", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])],
                                    [helper.make_opsetid("", 17)])
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8]),
                                           helper.make_tensor_value_info("flag", TensorProto.BOOL, [])],
                              [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n", "m"])], weights)
    return helper.make_model(graph, ir_version=8, functions=[function],
                             opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("local", 1)])


def _external(location, length=8192, offset=0):
    def change(model):
        big = model.graph.initializer[1]
        big.ClearField("raw_data")
        big.data_location = TensorProto.EXTERNAL
        for key, value in [("location", location), ("offset", offset), ("length", length)]:
            big.external_data.add(key=key, value=str(value))
    return change


def _set(path, value):
    def change(model):
        target = model
        *parents, last = path
        for part in parents:
            target = target[part] if isinstance(part, int) else getattr(target, part)
        if isinstance(last, int):
            target[last] = value
        else:
            setattr(target, last, value)
    return change


def _cycle(model):
    model.graph.node[0].input[0] = "z"


def _recursive_function(model):
    model.functions[0].node[0].op_type = "Twice"
    model.functions[0].node[0].domain = "local"
    del model.functions[0].node[0].input[1:]
    model.functions[0].opset_import.add(domain="local", version=1)


def _deep(model):
    graph = model.graph
    for _ in range(200):
        graph.node.add(op_type="If", input=["flag"], output=["deep"])
        attribute = graph.node[-1].attribute.add(name="then_branch", type=onnx.AttributeProto.GRAPH)
        graph = attribute.g


# Name, and what is done to the model. All must be refused.
STRUCTURAL = [
    ("missing-external", _external("nowhere.bin")),
    ("escaping-external", _external("../outside.bin")),
    ("absolute-external", _external("/etc/passwd")),
    ("short-external", _external("short.bin")),
    ("external-length", _external("short.bin", length=3)),
    ("external-offset", _external("short.bin", offset=2**63)),
    ("external-not-a-number", _external("short.bin", offset="many")),
    ("external-folder", _external(".")),
    ("cycle", _cycle),
    ("recursive-function", _recursive_function),
    ("duplicate-value", _set(["graph", "node", 1, "output", 0], "c")),
    ("duplicate-initializer", _set(["graph", "initializer", 2, "name"], "w")),
    ("duplicate-input", _set(["graph", "input", 1, "name"], "x")),
    ("undefined-input", _set(["graph", "node", 0, "input", 1], "nothing")),
    ("undefined-output", _set(["graph", "output", 0, "name"], "nothing")),
    ("huge-dims", _set(["graph", "initializer", 0, "dims", 0], 2**62)),
    ("huge-dims-no-overflow", _set(["graph", "initializer", 0, "dims", 0], 2**40)),
    ("negative-dims", _set(["graph", "initializer", 0, "dims", 0], -8)),
    ("huge-input", _set(["graph", "input", 0, "type", "tensor_type", "shape", "dim", 1, "dim_value"], 2**62)),
    ("wrong-tensor-type", _set(["graph", "initializer", 0, "data_type"], TensorProto.DOUBLE)),
    ("unknown-tensor-type", _set(["graph", "initializer", 0, "data_type"], 99)),
    ("wrong-output-type", _set(["graph", "output", 0, "type", "tensor_type", "elem_type"], TensorProto.INT64)),
    ("untyped-input", lambda model: model.graph.input[0].ClearField("type")),
    ("wrong-attribute-type", _set(["graph", "node", 0, "attribute", 0, "type"], onnx.AttributeProto.FLOAT)),
    ("unknown-attribute", _set(["graph", "node", 0, "attribute", 0, "name"], "paddings")),
    ("missing-branch", lambda model: model.graph.node[3].attribute.pop()),
    ("missing-input", lambda model: model.graph.node[0].input.pop(0) and model.graph.node[0].input.pop()),
    ("too-many-inputs", lambda model: model.graph.node[0].input.extend(["x", "x"])),
    ("future-operator", _set(["graph", "node", 5, "op_type"], "Swish")),
    ("future-opset", _set(["opset_import", 0, "version"], 99)),
    ("past-opset", _set(["opset_import", 0, "version"], 3)),
    ("no-opset", lambda model: model.ClearField("opset_import")),
    ("no-graph", lambda model: model.ClearField("graph")),
    ("deep-subgraphs", _deep),
]


def make(folder, count=200):
    """Writes `count` damaged files, and yields (name, path, must_fail)."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder.parent / "outside.bin").write_bytes(bytes(8192))
    (folder / "short.bin").write_bytes(bytes(100))
    made = 0

    def write(name, data, must_fail):
        nonlocal made
        made += 1
        path = folder / f"{made:03}-{name}.onnx"
        path.write_bytes(data)
        return name, path, must_fail

    whole = base_model().SerializeToString()
    yield write("whole", whole, False)
    yield write("empty", b"", True)
    yield write("text", b"This is no model, but a line of text.\n" * 20, True)
    yield write("zeros", bytes(1000), True)
    yield write("image", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), True)
    for name, change in STRUCTURAL:
        model = base_model()
        change(model)
        yield write(name, model.SerializeToString(), True)
    generator = random.Random(SEED)
    for number in range(40):
        yield write(f"truncated-{number}", whole[:generator.randrange(1, len(whole) - 1)], True)
    # Bits of the structure, not of the weights: those lie in the middle, and are as good as others.
    position_of_big = whole.index(base_model().graph.initializer[1].raw_data)
    structure = [i for i in range(len(whole)) if not position_of_big <= i < position_of_big + 8192]
    number = 0
    while made < count:
        data = bytearray(whole)
        for _ in range(generator.choice([1, 1, 1, 2, 8])):
            data[generator.choice(structure)] ^= 1 << generator.randrange(8)
        yield write(f"flipped-{number}", bytes(data), False)
        number += 1
