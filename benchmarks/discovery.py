# SPDX-License-Identifier: Apache-2.0
"""How long finding the groups of a model takes, and how much memory, over the size of its graph.

    python benchmarks/discovery.py [--markdown FILE]

Chains, residual nets and decoders of 100 to 10,000 nodes are made, and a decoder of 7 billion parameters whose weights
are a file with a hole: they are never read. `compile-model --save-groups` is run on each; seconds are the least of the
runs, wall-clock, with the import of the file; the peak is the resident memory of the process.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[1]


class Graph:
    """Nodes, and weights that stand in a file of zeros beside the model."""

    def __init__(self, kind=TensorProto.FLOAT):
        self.nodes, self.weights, self.kind, self.offset, self.count = [], [], kind, 0, 0

    def weight(self, *shape):
        name = f"w{len(self.weights)}"
        tensor = TensorProto(name=name, dims=shape, data_type=self.kind, data_location=TensorProto.EXTERNAL)
        size = int(np.prod(shape)) * helper.tensor_dtype_to_np_dtype(self.kind).itemsize
        for key, value in (("location", "weights.bin"), ("offset", self.offset), ("length", size)):
            tensor.external_data.add(key=key, value=str(value))
        self.offset += -(-size // 4096) * 4096
        self.weights.append(tensor)
        return name

    def integers(self, *values):
        name = f"i{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def op(self, kind, *inputs, **attributes):
        self.count += 1
        output = f"{kind.lower()}_{self.count}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def save(self, folder, shape, result):
        graph = helper.make_graph(self.nodes, "discovery", [helper.make_tensor_value_info("x", self.kind, shape)],
                                  [helper.make_tensor_value_info(result, self.kind, None)], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=10)
        with open(folder / "weights.bin", "wb") as file:
            file.truncate(max(self.offset, 1))
        (folder / "model.onnx").write_bytes(model.SerializeToString())


def chain(graph, nodes):
    """Convolutions and activations, one after the other."""
    x = graph.op("Conv", "x", graph.weight(16, 3, 3, 3), pads=[1] * 4)
    while len(graph.nodes) < nodes:
        x = graph.op("Relu", graph.op("Conv", x, graph.weight(16, 16, 3, 3), pads=[1] * 4))
    return x, ["n", 3, 32, 32]


def residual(graph, nodes):
    """Blocks of five nodes that are added to one stream."""
    x = graph.op("Conv", "x", graph.weight(64, 3, 3, 3), pads=[1] * 4)
    while len(graph.nodes) < nodes:
        y = graph.op("Relu", graph.op("Conv", x, graph.weight(32, 64, 1, 1)))
        y = graph.op("Conv", y, graph.weight(64, 32, 3, 3), pads=[1] * 4)
        x = graph.op("Relu", graph.op("Add", x, y))
    return x, ["n", 3, 32, 32]


def decoder_block(graph, x, width, heads, kv, size, inner):
    """Grouped queries with rotated halves, and a gated unit: 49 nodes."""
    def rotate(y):
        left, right = graph.op("Slice", y, *(graph.integers(n) for n in (0, size // 2, -1))), graph.op(
            "Slice", y, *(graph.integers(n) for n in (size // 2, size, -1)))
        turned = graph.op("Concat", graph.op("Neg", right), left, axis=-1)
        return graph.op("Add", graph.op("Mul", y, graph.cos), graph.op("Mul", turned, graph.sin))

    def project(y, count):
        y = graph.op("MatMul", y, graph.weight(width, count * size))
        return graph.op("Transpose", graph.op("Reshape", y, graph.integers(0, 0, count, size)), perm=[0, 2, 1, 3])

    def repeat(y):
        if kv == heads:
            return y
        y = graph.op("Expand", graph.op("Unsqueeze", y, graph.integers(2)), graph.integers(1, 1, heads // kv, 1, 1))
        return graph.op("Reshape", y, graph.integers(0, heads, -1, size))

    y = graph.op("RMSNormalization", x, graph.weight(width))
    q, k, v = rotate(project(y, heads)), repeat(rotate(project(y, kv))), repeat(project(y, kv))
    scores = graph.op("Softmax", graph.op("MatMul", q, graph.op("Transpose", k, perm=[0, 1, 3, 2])), axis=-1)
    y = graph.op("Transpose", graph.op("MatMul", scores, v), perm=[0, 2, 1, 3])
    y = graph.op("Reshape", y, graph.integers(0, 0, heads * size))
    x = graph.op("Add", x, graph.op("MatMul", y, graph.weight(heads * size, width)))
    y = graph.op("RMSNormalization", x, graph.weight(width))
    gate = graph.op("MatMul", y, graph.weight(width, inner))
    gate = graph.op("Mul", gate, graph.op("Sigmoid", gate))
    y = graph.op("MatMul", graph.op("Mul", gate, graph.op("MatMul", y, graph.weight(width, inner))), graph.weight(inner, width))
    return graph.op("Add", x, y)


def decoder(graph, nodes=None, blocks=None, width=256, heads=8, kv=2, size=32, inner=512, vocabulary=1000):
    graph.cos, graph.sin = graph.weight(16, size), graph.weight(16, size)
    x = graph.op("MatMul", "x", graph.weight(vocabulary, width))
    number = 0
    while number < blocks if blocks else len(graph.nodes) < nodes:
        x = decoder_block(graph, x, width, heads, kv, size, inner)
        number += 1
    return graph.op("MatMul", graph.op("RMSNormalization", x, graph.weight(width)), graph.weight(width, vocabulary)), ["n", 16, vocabulary]


def seven_billion(graph, _):
    return decoder(graph, blocks=32, width=4096, heads=32, kv=32, size=128, inner=11008, vocabulary=32000)


def measure(tool, folder):
    """Seconds, and megabytes at the peak, of one run."""
    start = time.perf_counter()
    process = subprocess.Popen([tool, folder / "model.onnx", "--save-groups", folder / "groups.json"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(f"compile-model failed in {folder}")
    return seconds, usage.ru_maxrss / 1024


def rows(tool, runs, largest):
    cases = [(make, nodes, TensorProto.FLOAT) for make in (chain, residual, decoder) for nodes in (100, 1000, 10000) if nodes <= largest]
    for make, nodes, kind in [*cases, (seven_billion, None, TensorProto.FLOAT16)]:
        with tempfile.TemporaryDirectory() as name:
            folder, graph = pathlib.Path(name), Graph(kind)
            result, shape = make(graph, nodes)
            graph.save(folder, shape, result)
            found = [measure(tool, folder) for _ in range(runs)]
            parameters = sum(int(np.prod(tensor.dims)) for tensor in graph.weights)
            yield (make.__name__.replace("_", " "), len(graph.nodes), parameters, min(f[0] for f in found), max(f[1] for f in found))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tool", default=ROOT / "build" / "bin" / "compile-model")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--largest", type=int, default=10000, help="most nodes of a graph")
    parser.add_argument("--markdown", type=pathlib.Path, help="where the table is written to")
    options = parser.parse_args()
    lines = ["| graph | nodes | parameters | seconds | peak, MB |", "|---|---|---|---|---|"]
    for name, nodes, parameters, seconds, peak in rows(options.tool, options.runs, options.largest):
        lines.append(f"| {name} | {nodes:,} | {parameters / 1e6:,.1f} M | {seconds:.2f} | {peak:,.0f} |")
        print(lines[-1], flush=True)
    if options.markdown:
        options.markdown.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
