#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random ONNX graphs, and the proof on each that erasing equals zeroing.

    random_graphs.py [--count N] [--seed S] [--keep FOLDER]

A graph is a random mix of what couples channels: convolutions (grouped and
depthwise), residuals, concatenation, splits, slices, shuffles, permutations,
padding, squeeze and excite, pixel shuffle, attention, norms, recurrences,
shared weights. Random units of random groups are erased; the same elements are
zeroed in the original, and ONNX Runtime has to give the same outputs for both.
The seed of a failure is printed; `--seed S --count 1` repeats it.
"""
import argparse
import collections
import json
import os
import re
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

import tools

TOLERANCE = 1e-4


class Graph:
    """A graph under construction: nodes, constants, and the shape of each tensor."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.constants, self.shapes, self.rows = [], [], {"x": [2, 3, 8, 8]}, collections.Counter()

    def constant(self, array, name=None):
        name = name or f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def weight(self, *shape, fan=None):
        fan = fan or int(np.prod(shape[1:])) or 1
        return self.constant((self.rng.standard_normal(shape) / np.sqrt(fan)).astype(np.float32))

    def vector(self, size, low=0.5, high=1.5):
        return self.constant(self.rng.uniform(low, high, size).astype(np.float32))

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def add(self, op, inputs, shape, **attributes):
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], f"{op}_{name}", **attributes))
        self.shapes[name] = list(shape)
        self.rows[op] += 1
        return name

    def pick(self, options):
        return options[self.rng.integers(len(options))]

    def tensors(self, rank):
        return [name for name, shape in self.shapes.items() if len(shape) == rank]

    # Steps on images [N, C, H, W].
    def conv(self, x, out=None, groups=1, kernel=None):
        n, c, h, w = self.shapes[x]
        out = out or int(self.pick([4, 6, 8, 12]))
        kernel = kernel or int(self.pick([1, 3]))
        # Larger constants stay in the file, which the textual form does not carry.
        if out * (c // groups) * kernel * kernel > 1000:
            kernel = 1
        inputs = [x, self.weight(out, c // groups, kernel, kernel)]
        if self.rng.random() < 0.5:
            inputs.append(self.weight(out))
        y = self.add("Conv", inputs, [n, out, h, w], group=groups, pads=[kernel // 2] * 4)
        return self.norm(y) if self.rng.random() < 0.4 else y

    def norm(self, x):
        c = self.shapes[x][1]
        return self.add("BatchNormalization", [x, self.vector(c), self.weight(c, fan=1), self.weight(c, fan=1), self.vector(c)], self.shapes[x])

    def grouped(self, x):
        c = self.shapes[x][1]
        groups = int(self.pick([g for g in range(2, c + 1) if c % g == 0] or [1]))
        return self.conv(x, groups * int(self.pick([t for t in (1, 2, 3) if t * groups <= 32] or [1])), groups)

    def activation(self, x):
        op = self.pick(["Relu", "Sigmoid", "Tanh", "HardSigmoid", "Softplus", "Exp", "Abs"])
        return self.add(op, [x], self.shapes[x])

    def scale(self, x):
        shape = self.shapes[x]
        if len(shape) == 4:
            vector = self.constant(self.rng.uniform(0.5, 1.5, (shape[1], 1, 1)).astype(np.float32))
        else:
            vector = self.vector(shape[-1])
        return self.add(self.pick(["Add", "Mul", "Sub", "Div"]), [x, vector], shape)

    def residual(self, x):
        shape = self.shapes[x]
        same = [t for t in self.tensors(len(shape)) if self.shapes[t] == shape and t != "x"]
        other = self.pick(same) if same and self.rng.random() < 0.7 else None
        if other is None:
            other = self.conv(x, shape[1]) if len(shape) == 4 else self.linear(x, shape[-1])
        return self.add(self.pick(["Add", "Mul", "Max"]), [x, other], shape)

    def concat(self, x):
        shape = self.shapes[x]
        axis = 1 if len(shape) == 4 else len(shape) - 1
        fits = [t for t in self.tensors(len(shape)) if all(a == b for i, (a, b) in enumerate(zip(self.shapes[t], shape)) if i != axis)]
        parts = [x] + [self.pick(fits) for _ in range(self.rng.integers(1, 3))]
        total = sum(self.shapes[p][axis] for p in parts)
        if total > 32:
            return x
        return self.add("Concat", parts, [total if i == axis else s for i, s in enumerate(shape)], axis=axis)

    def split(self, x):
        n, c, h, w = self.shapes[x]
        if c < 2:
            return x
        first = int(self.rng.integers(1, c))
        names = [f"t{len(self.nodes)}", f"t{len(self.nodes)}b"]
        self.nodes.append(helper.make_node("Split", [x, self.ints(first, c - first)], names, f"Split_{names[0]}", axis=1))
        self.rows["Split"] += 1
        self.shapes[names[0]], self.shapes[names[1]] = [n, first, h, w], [n, c - first, h, w]
        return self.pick(names)

    def slice(self, x):
        n, c, h, w = self.shapes[x]
        start = int(self.rng.integers(0, c))
        end = int(self.rng.integers(start + 1, c + 1))
        return self.add("Slice", [x, self.ints(start), self.ints(end), self.ints(1)], [n, end - start, h, w])

    def step(self, x):
        n, c, h, w = self.shapes[x]
        start = int(self.rng.integers(0, min(2, c)))
        return self.add("Slice", [x, self.ints(start), self.ints(c), self.ints(1), self.ints(2)], [n, (c - start + 1) // 2, h, w])

    def shuffle(self, x):
        n, c, h, w = self.shapes[x]
        g = int(self.pick([d for d in range(1, c + 1) if c % d == 0]))
        y = self.add("Reshape", [x, self.ints(0, g, c // g, h, w)], [n, g, c // g, h, w])
        y = self.add("Transpose", [y], [n, c // g, g, h, w], perm=[0, 2, 1, 3, 4])
        return self.add("Reshape", [y, self.ints(0, -1, h, w)], [n, c, h, w])

    def gather(self, x):
        n, c, h, w = self.shapes[x]
        indices = self.rng.permutation(c) if self.rng.random() < 0.5 else self.rng.integers(0, c, int(self.rng.integers(1, c + 2)))
        return self.add("Gather", [x, self.ints(*[int(i) for i in indices])], [n, len(indices), h, w], axis=1)

    def pad(self, x):
        n, c, h, w = self.shapes[x]
        before, after = (int(v) for v in self.rng.integers(0, 3, 2))
        return self.add("Pad", [x, self.ints(0, before, 0, 0, 0, after, 0, 0)], [n, c + before + after, h, w])

    def excite(self, x):
        n, c, h, w = self.shapes[x]
        y = self.add("GlobalAveragePool", [x], [n, c, 1, 1])
        y = self.add("Relu", [self.conv(y, 4, kernel=1)], [n, 4, 1, 1])
        y = self.add("Sigmoid", [self.conv(y, c, kernel=1)], [n, c, 1, 1])
        return self.add("Mul", [x, y], self.shapes[x])

    def pixel_shuffle(self, x):
        n, c, h, w = self.shapes[x]
        if c % 4 or h > 8:
            return x
        y = self.add("DepthToSpace", [x], [n, c // 4, 2 * h, 2 * w], blocksize=2, mode=self.pick(["DCR", "CRD"]))
        return self.add("SpaceToDepth", [y], [n, c, h, w], blocksize=2)

    def instance_norm(self, x):
        c = self.shapes[x][1]
        return self.add("InstanceNormalization", [x, self.vector(c), self.weight(c, fan=1)], self.shapes[x])

    def reduce(self, x):
        n, c, h, w = self.shapes[x]
        op = self.pick(["ReduceSum", "ReduceMean", "ReduceMax", "ReduceL2"])
        y = self.add(op, [x, self.ints(1)], [n, 1, h, w])
        return self.add("Mul", [x, y], self.shapes[x])

    def softmax(self, x):
        return self.add("Softmax", [x], self.shapes[x], axis=int(self.pick([1, -1])))

    def shared(self, x):
        n, c, h, w = self.shapes[x]
        weight = self.weight(c, c, 1, 1)
        y = self.add("Relu", [self.add("Conv", [x, weight], self.shapes[x])], self.shapes[x])
        return self.add("Conv", [y, weight], self.shapes[x])

    def to_sequence(self, x):
        n, c, h, w = self.shapes[x]
        y = self.add("Reshape", [x, self.ints(0, c, h * w)], [n, c, h * w])
        return self.add("Transpose", [y], [n, h * w, c], perm=[0, 2, 1])

    # Steps on sequences [N, L, C].
    def linear(self, x, out=None):
        shape = self.shapes[x]
        out = out or int(self.pick([4, 6, 8, 12]))
        if shape[-1] * out > 1000 and shape[-1] > 8:
            return self.linear(self.linear(x, min(8, 1000 // shape[-1])), out)
        y = self.add("MatMul", [x, self.weight(shape[-1], out, fan=shape[-1])], shape[:-1] + [out])
        return self.add("Add", [y, self.weight(out)], self.shapes[y]) if self.rng.random() < 0.5 else y

    def heads(self, x, heads, size, perm):
        n, l, _ = self.shapes[x]
        y = self.add("Reshape", [x, self.ints(0, l, heads, size)], [n, l, heads, size])
        return self.add("Transpose", [y], [[n, l, heads, size][p] for p in perm], perm=perm)

    def attention(self, x):
        n, l, c = self.shapes[x]
        heads, size, value = int(self.pick([2, 3, 4])), int(self.pick([2, 4])), int(self.pick([2, 3]))
        q = self.heads(self.linear(x, heads * size), heads, size, [0, 2, 1, 3])
        k = self.heads(self.linear(x, heads * size), heads, size, [0, 2, 3, 1])
        v = self.heads(self.linear(x, heads * value), heads, value, [0, 2, 1, 3])
        s = self.add("Softmax", [self.add("MatMul", [q, k], [n, heads, l, l])], [n, heads, l, l], axis=-1)
        o = self.add("MatMul", [s, v], [n, heads, l, value])
        o = self.add("Transpose", [o], [n, l, heads, value], perm=[0, 2, 1, 3])
        return self.linear(self.add("Reshape", [o, self.ints(0, 0, -1)], [n, l, heads * value]), c)

    def queries(self, x):
        n, l, c = self.shapes[x]
        kv, times, size = 2, int(self.pick([2, 3])), 4
        q = self.heads(self.linear(x, kv * times * size), kv * times, size, [0, 2, 1, 3])
        k = self.add("Reshape", [self.linear(x, kv * size), self.ints(0, l, kv, 1, size)], [n, l, kv, 1, size])
        if self.rng.random() < 0.5:
            k = self.add("Expand", [k, self.ints(1, l, kv, times, size)], [n, l, kv, times, size])
        else:
            k = self.add("Tile", [k, self.ints(1, 1, 1, times, 1)], [n, l, kv, times, size])
        k = self.add("Reshape", [k, self.ints(0, l, kv * times, size)], [n, l, kv * times, size])
        kt = self.add("Transpose", [k], [n, kv * times, size, l], perm=[0, 2, 3, 1])
        s = self.add("Softmax", [self.add("MatMul", [q, kt], [n, kv * times, l, l])], [n, kv * times, l, l], axis=-1)
        v = self.add("Transpose", [k], [n, kv * times, l, size], perm=[0, 2, 1, 3])
        o = self.add("Transpose", [self.add("MatMul", [s, v], [n, kv * times, l, size])], [n, l, kv * times, size], perm=[0, 2, 1, 3])
        return self.linear(self.add("Reshape", [o, self.ints(0, 0, kv * times * size)], [n, l, kv * times * size]), c)

    def layer_norm(self, x):
        c = self.shapes[x][-1]
        return self.add("LayerNormalization", [x, self.vector(c), self.weight(c, fan=1)], self.shapes[x], axis=-1)

    def feed_forward(self, x):
        y = self.add("Gelu", [self.linear(x, 12)], self.shapes[x][:-1] + [12])
        return self.add("Add", [x, self.linear(y, self.shapes[x][-1])], self.shapes[x])

    def swiglu(self, x):
        n, l, c = self.shapes[x]
        both = self.linear(x, 12)
        gate = self.add("Slice", [both, self.ints(0), self.ints(6), self.ints(2)], [n, l, 6])
        up = self.add("Slice", [both, self.ints(6), self.ints(12), self.ints(2)], [n, l, 6])
        y = self.add("Mul", [self.add("Sigmoid", [gate], [n, l, 6]), up], [n, l, 6])
        return self.linear(y, c)

    def recurrent(self, x):
        n, l, c = self.shapes[x]
        hidden, gates, op = 4, *self.pick([(4, "LSTM"), (3, "GRU"), (1, "RNN")])
        if c > 16:
            return x
        turned = self.add("Transpose", [x], [l, n, c], perm=[1, 0, 2])
        weights = [self.weight(1, gates * hidden, c), self.weight(1, gates * hidden, hidden), self.weight(1, 2 * gates * hidden)]
        y = self.add(op, [turned] + weights, [l, 1, n, hidden], hidden_size=hidden)
        squeezed = self.add("Squeeze", [y, self.ints(1)], [l, n, hidden])
        z = self.add("Transpose", [squeezed], [n, l, hidden], perm=[1, 0, 2])
        # Only tensors whose batch comes first are worked on.
        for name in (turned, y, squeezed):
            del self.shapes[name]
        return z

    def fused(self, x):
        n, l, c = self.shapes[x]
        kv, times, size, value = 2, int(self.pick([1, 3])), int(self.pick([2, 4])), int(self.pick([2, 3]))
        inputs = [self.linear(x, kv * times * size), self.linear(x, kv * size), self.linear(x, kv * value)]
        if self.rng.random() < 0.5:
            y = self.add("Attention", inputs, [n, l, kv * times * value], q_num_heads=kv * times, kv_num_heads=kv)
        else:
            sizes = [(kv * times, size), (kv, size), (kv, value)]
            inputs = [self.heads(t, h, s, [0, 2, 1, 3]) for t, (h, s) in zip(inputs, sizes)]
            y = self.add("Attention", inputs, [n, kv * times, l, value], scale=0.5)
            y = self.add("Transpose", [y], [n, l, kv * times, value], perm=[0, 2, 1, 3])
            y = self.add("Reshape", [y, self.ints(0, 0, -1)], [n, l, kv * times * value])
        return self.linear(y, c)

    def regroup(self, x):
        n, l, c = self.shapes[x]
        divisors = [d for d in range(1, c + 1) if c % d == 0]
        a = int(self.pick(divisors))
        y = self.add("Reshape", [x, self.ints(0, l, a, c // a)], [n, l, a, c // a])
        if self.rng.random() < 0.5:
            y = self.add("Transpose", [y], [n, l, c // a, a], perm=[0, 1, 3, 2])
        return self.add("Reshape", [y, self.ints(0, l, c)], [n, l, c])

    def group_norm(self, x):
        c = self.shapes[x][1]
        groups = int(self.pick([d for d in range(1, c + 1) if c % d == 0]))
        return self.add("GroupNormalization", [x, self.vector(c), self.weight(c, fan=1)], self.shapes[x], num_groups=groups)

    def einsum(self, x):
        n, l, c = self.shapes[x]
        return self.add("Einsum", [x, self.weight(6, c)], [n, l, 6], equation="nlc,oc->nlo")

    IMAGE = ["conv", "conv", "conv", "grouped", "activation", "scale", "residual", "residual", "concat", "concat", "split", "slice", "step",
             "shuffle", "gather", "pad", "excite", "pixel_shuffle", "instance_norm", "group_norm", "reduce", "softmax", "shared", "to_sequence"]
    SEQUENCE = ["linear", "linear", "attention", "queries", "fused", "layer_norm", "feed_forward", "swiglu", "recurrent", "regroup", "einsum",
                "activation", "scale", "residual", "concat"]

    def build(self):
        self.conv("x")
        for _ in range(int(self.rng.integers(3, 14))):
            recent = list(self.shapes)[1:][-8:]
            x = self.pick([t for t in recent if len(self.shapes[t]) in (3, 4)] or ["x"])
            getattr(self, self.pick(self.IMAGE if len(self.shapes[x]) == 4 else self.SEQUENCE))(x)
        # Loose ends go through heads that keep the outputs' sizes.
        used = {i for node in self.nodes for i in node.input}
        ends = [t for t in self.shapes if t not in used and len(self.shapes[t]) in (3, 4) and t != "x"]
        outputs = [self.conv(t, 2, kernel=1) if len(self.shapes[t]) == 4 else self.linear(t, 2) for t in ends]
        value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N"] + self.shapes[name][1:])
        graph = helper.make_graph(self.nodes, "random", [value("x")], [value(o) for o in outputs], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=11)
        onnx.checker.check_model(model)
        return model


def mark(text, rng):
    """Marks random units of random groups as removed. How many groups, units and marks there are comes along."""
    lines, groups, units, marked = text.split("\n"), 0, 0, 0
    for i, line in enumerate(lines):
        match = re.match(r'\s*prune\.group "[^"]*" units\((\d+)\)(?: min_keep\((\d+)\))?', line)
        if not match:
            continue
        count, keep = int(match.group(1)), int(match.group(2) or 1)
        groups, units = groups + 1, units + count
        share = rng.choice([0, 0.2, 0.5, 0.9])
        removed = sorted(rng.permutation(count)[:min(count - keep, int(np.ceil(share * count)))].tolist())
        if removed:
            marked += len(removed)
            at = line.index(") : ") + 1
            lines[i] = f"{line[:at]} {{prune.removed = array<i64: {', '.join(map(str, removed))}>}}{line[at:]}"
    return "\n".join(lines), groups, units, marked


def zero(model, plan):
    """The model with what the plan erases filled."""
    tensors = {t.name: t for t in model.graph.initializer}
    for copy in plan.get("copies", []):
        clone = model.graph.initializer.add()
        clone.CopyFrom(tensors[copy["of"]])
        clone.name = copy["initializer"]
        tensors[clone.name] = clone
        for use in copy["uses"]:
            next(n for n in model.graph.node if use["node"] in n.output).input[use["input"]] = clone.name
    for step in plan["steps"]:
        for part in step["slices"]:
            if part.get("fill", 0) is None:
                continue
            tensor = tensors[part["initializer"]]
            array = numpy_helper.to_array(tensor).copy()
            box = {int(k): v for k, v in part["box"].items()} if "box" in part else {part["axis"]: part["indices"]}
            array[np.ix_(*[np.asarray(box.get(axis, range(size)), int) for axis, size in enumerate(array.shape)])] = part.get("fill", 0)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    return model


def run(model, x):
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(None, {"x": x})


def step(tool, *arguments):
    done = tools.run(tool, *arguments)
    if done.returncode:
        raise RuntimeError(f"{tool} failed: {done.stderr[:600]}")


def prove(seed, folder):
    """Raises where erased and zeroed differ. What was erased comes back as numbers, with the operators of the graph."""
    graph = Graph(seed)
    model = graph.build()
    dense, pruned, plan = (os.path.join(folder, name) for name in ("dense.onnx", "pruned.onnx", "plan.json"))
    onnx.save(model, dense)
    imported, analyzed, erased = (os.path.join(folder, name) for name in ("imported.mlir", "analyzed.mlir", "erased.mlir"))
    step("secateur-translate", "--import-onnx", dense, "-o", imported)
    step("secateur-opt", imported, "-prune-analyze", "-mlir-print-debuginfo", "-o", analyzed)
    with open(analyzed, encoding="utf-8") as file:
        text, groups, units, marked = mark(file.read(), np.random.default_rng(seed))
    with open(analyzed, "w", encoding="utf-8") as file:
        file.write(text)
    step("secateur-opt", analyzed, f"-pass-pipeline=builtin.module(func.func(prune-apply{{plan={plan}}}))", "-mlir-print-debuginfo", "-o", erased)
    step("secateur-translate", "--export-onnx", erased, "-o", pruned)
    with open(plan, encoding="utf-8") as file:
        zeroed = zero(model, json.load(file))
    x = np.random.default_rng(seed).standard_normal((2, 3, 8, 8)).astype(np.float32)
    for left, right in zip(run(zeroed, x), run(onnx.load(pruned), x)):
        if left.shape != right.shape:
            raise RuntimeError(f"shapes differ: {left.shape} {right.shape}")
        if not np.isfinite(left).all() and (np.isfinite(left) == np.isfinite(right)).all():
            continue
        difference = np.abs(left - right).max() / (np.abs(left).max() + 1e-12)
        if not difference <= TOLERANCE:
            raise RuntimeError(f"outputs differ by {difference:.2e}")
    return groups, units, marked, graph.rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", help="keep the files of the last graph in this folder")
    args = parser.parse_args()
    totals, rows, failed = np.zeros(3, int), collections.Counter(), 0
    for seed in range(args.seed, args.seed + args.count):
        with tempfile.TemporaryDirectory() as folder:
            try:
                *numbers, used = prove(seed, args.keep or folder)
                totals += numbers
                rows.update(used.keys())
            except Exception as error:  # one graph must not end the run
                failed += 1
                print(f"seed {seed}: {type(error).__name__}: {str(error)[:500]}", flush=True)
    print(f"{args.count} graphs, {failed} failed; {totals[0]} groups, {totals[1]} units, {totals[2]} erased")
    print("share of graphs: " + ", ".join(f"{op} {n / args.count:.0%}" for op, n in rows.most_common()))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
