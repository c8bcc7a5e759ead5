# SPDX-License-Identifier: Apache-2.0
"""What each operator does with indices, for the oracle: data movement by running it, the rest by letters for axes.

An operator that is not here keeps all axes that it touches."""

import numpy as np
from onnx import helper
from onnx.reference import ReferenceEvaluator

RULES = {}

ELEMENTWISE = """Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast Ceil Celu Clip Cos
    Cosh Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Less LessOrEqual
    Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt
    Sub Sum Swish Tan Tanh ThresholdedRelu Where Xor Dropout""".split()
MOVEMENT = "Concat DepthToSpace Flatten Pad Reshape Slice SpaceToDepth Split Squeeze Transpose Unsqueeze".split()
# The operands that say where, not what.
SHAPES = {"Reshape": {1}, "Expand": {1}, "Slice": {1, 2, 3, 4}, "Tile": {1}, "ConstantOfShape": {0}, "Pad": {1, 3}, "Resize": {1, 2, 3},
          "Split": {1}, "Squeeze": {1}, "Unsqueeze": {1}, "Gather": {1}, "CumSum": {1}, "TopK": {1}, "Clip": {1, 2}} | {
          f"Reduce{k}": {1} for k in "Sum Mean Max Min Prod L1 L2 SumSquare LogSum LogSumExp".split()}


def rule(*names):
    def register(function):
        for name in names:
            RULES[name] = function
        return function

    return register


class Node:
    """A node with its attributes at hand; `inputs` has only those that are there."""

    def __init__(self, oracle, proto):
        self.proto, self.op, self.domain = proto, proto.op_type, proto.domain
        self.attributes = {a.name: helper.get_attribute_value(a) for a in proto.attribute}
        self.inputs = {i: name for i, name in enumerate(proto.input) if name}
        self.outputs = [name for name in proto.output if name]
        self.out = self.outputs[0]
        self.oracle = oracle

    def get(self, name, otherwise=None):
        value = self.attributes.get(name, otherwise)
        return value.decode() if isinstance(value, bytes) else value

    def shape(self, name):
        return self.oracle.shapes[name]

    def rank(self, name):
        return len(self.shape(name))

    def is_constant(self, index):
        return self.inputs.get(index) in self.oracle.weights

    def value(self, index):
        return self.oracle.values[self.inputs[index]]

    def axis(self, otherwise, name=None):
        return self.get("axis", otherwise) % self.rank(name or self.inputs[0])


def declare(oracle, proto):
    node = Node(oracle, proto)
    domain = {"": "", "ai.onnx": "", "com.microsoft": "ms."}.get(node.domain)
    function = None if domain is None else RULES.get(domain + node.op)
    if any(a.HasField("g") or a.graphs for a in proto.attribute) or function is None:
        return unknown(oracle, node)
    follow_sizes(oracle, proto)
    function(oracle, node)


def unknown(oracle, node):
    names = list(node.inputs.values()) + node.outputs
    for attribute in node.proto.attribute:
        for graph in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
            names += [name for inner in graph.node for name in inner.input]
    for name in names:
        if name in oracle.shapes:
            oracle.pin(name, f"nothing is known of {node.op}")


def follow_sizes(oracle, proto):
    """Sizes that are computed with, other than to make shapes, keep their tensors' sizes."""
    sizes = oracle.__dict__.setdefault("sizes", {})
    if proto.op_type in ("Shape", "Size"):
        sizes[proto.output[0]] = proto.input[0]
        return
    for index, name in enumerate(proto.input):
        if name in sizes and index not in SHAPES.get(proto.op_type, ()):
            if all(oracle.values[o].dtype.kind in "iu" and oracle.values[o].ndim < 2 for o in proto.output):
                for output in proto.output:
                    sizes[output] = sizes[name]
            else:
                oracle.pin(sizes[name], "its size is computed with")


def broadcast(oracle, source, target):
    """The elements of the target are those of the source, repeated."""
    shape = oracle.shapes[target]
    if oracle.shapes[source] and np.prod(shape):
        index = np.arange(int(np.prod(oracle.shapes[source]))).reshape(oracle.shapes[source])
        oracle.link(source, target, np.broadcast_to(index, shape), any_copy=False)


def letters(oracle, *operands):
    """Operands are (tensor, letters); letters of sizes that are all 1 do not matter."""
    from oracle import Letters

    oracle.links.append(Letters([(name, text) for name, text in operands if name]))


def contraction(oracle, operands, result, macs_of=None):
    """What is multiplied and summed: axes with a letter that the result lacks need zeros on one side."""
    letters(oracle, *operands, result)
    places = {}
    for name, text in operands[:2]:
        for axis, letter in enumerate(text):
            places.setdefault(letter, []).append((name, axis))
    for letter, where in places.items():
        if letter != " " and letter not in result[1] and len(where) == 2:
            oracle.needs.append(where)
    sizes = {}
    for name, text in [*operands[:2], result]:
        for axis, letter in enumerate(text):
            if letter != " " and oracle.shapes[name][axis] > 1:
                sizes.setdefault(letter, (oracle.shapes[name][axis], (name, axis)))
    macs = float(np.prod([size for size, _ in sizes.values()])) * (macs_of or 1)
    oracle.costs.append((macs, [place for _, place in sizes.values()]))


@rule(*ELEMENTWISE)
def elementwise(oracle, node):
    for index, name in node.inputs.items():
        if node.op == "Clip" and index > 0 or node.op == "Dropout" and index > 0:
            continue
        for output in node.outputs:
            broadcast(oracle, name, output)
    # A divisor that is erased keeps its value.
    if node.op in ("Div", "Pow") and node.is_constant(1):
        oracle.keeps.add(node.inputs[1])


@rule("Expand")
def expand(oracle, node):
    broadcast(oracle, node.inputs[0], node.out)


@rule("ConstantOfShape")
def fills(oracle, node):
    """Positions of its own, which belong to whatever reads them."""


@rule("Shape", "Size", "Range")
def makes_positions(oracle, node):
    for output in node.outputs:
        oracle.pin(output, f"{node.op} makes positions of its own")


@rule(*MOVEMENT)
def movement(oracle, node):
    """Runs the operator on the numbers of one operand's elements, counted from 1."""
    data = list(node.inputs) if node.op == "Concat" else [0]
    if node.op in ("DepthToSpace", "SpaceToDepth"):
        spatial(oracle, node, node.inputs[0])
    if node.op == "Slice" and 4 in node.inputs:
        strided_slice(oracle, node)
    if node.op == "Pad" and node.get("mode", "constant") != "constant":
        return unknown(oracle, node)
    evaluator = ReferenceEvaluator(node.proto, opsets={"": oracle.opset})
    for index in data:
        name = node.inputs[index]
        feeds = {other: oracle.values[other] for other in node.inputs.values()}
        for other in data:
            feeds[node.inputs[other]] = np.zeros(node.shape(node.inputs[other]))
        if node.op == "Pad" and 2 in node.inputs:
            feeds[node.inputs[2]] = np.zeros(())
        if node.op == "Concat":
            # A tensor may stand beside itself: each place by a name of its own.
            names = [f"operand{i}" for i in data]
            twin = ReferenceEvaluator(helper.make_node("Concat", names, [node.out], axis=node.get("axis")))
            feeds = {f"operand{i}": np.zeros(node.shape(node.inputs[i])) for i in data}
            feeds[f"operand{index}"] = 1 + np.arange(np.prod(node.shape(name)), dtype=np.float64).reshape(node.shape(name))
            results = twin.run(None, feeds)
        else:
            feeds[name] = 1 + np.arange(np.prod(node.shape(name)), dtype=np.float64).reshape(node.shape(name))
            results = evaluator.run(None, feeds)
        for output, result in zip(node.proto.output, results):
            if output:
                oracle.link(name, output, result.astype(np.int64) - 1, any_copy=True)


def strided_slice(oracle, node):
    """Every step-th position: a slice stays one, so that what lies between two that are taken leaves with them. Blocks
    as long as the step are rows of a tensor of their own, of which no column can leave."""
    x = node.inputs[0]
    shape = node.shape(x)
    axes = [int(a) % len(shape) for a in node.value(3)] if 3 in node.inputs else range(len(node.value(1)))
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    for axis, start, step in zip(axes, node.value(1), node.value(4)):
        if step == 1:
            continue
        if step < 0:
            oracle.pin(x, "a slice that runs backwards", [axis])
            continue
        count, start = node.shape(node.out)[axis], int(start) % shape[axis]
        begin = start - start % step
        blocks = int(min(count, (shape[axis] - begin) // step))
        part = np.take(numbers, range(begin, int(begin + blocks * step)), axis)
        view = f"{x} by {step} from {begin} #{len(oracle.shapes)}"
        oracle.shapes[view] = (*part.shape[:axis], blocks, int(step), *part.shape[axis + 1:])
        oracle.base[view] = oracle.base.get(x, x)
        oracle.link(x, view, part, True)
        oracle.pin(view, "one of every few positions is taken", [axis + 1])


@rule("Tile")
def tile(oracle, node):
    """[a][b] repeated is [r][a][s][b] with new axes r and s."""
    x, repeats = node.inputs[0], node.value(1)
    shape = [size for pair in zip(repeats, node.shape(x)) for size in pair]
    ones = [size for n in node.shape(x) for size in (1, n)]
    repeated = oracle.view(node.out, shape)
    broadcast_from = oracle.view(x, ones)
    broadcast(oracle, broadcast_from, repeated)


def made_of_sizes(oracle, name):
    """Whether a tensor is computed from sizes and constants alone, with a Range: no input changes it otherwise."""
    makers = {output: node for node in oracle.model.graph.node for output in node.output}
    waiting, ranges = [name], 0
    while waiting:
        name = waiting.pop()
        if name in oracle.weights:
            continue
        if name not in makers:
            return False
        ranges += makers[name].op_type == "Range"
        if makers[name].op_type != "Shape":
            waiting += filter(None, makers[name].input)
    return ranges > 0


@rule("Gather")
def gather(oracle, node):
    x, axis = node.inputs[0], node.axis(0)
    if node.is_constant(1) or made_of_sizes(oracle, node.inputs[1]):
        index = np.arange(int(np.prod(node.shape(x)))).reshape(node.shape(x))
        oracle.link(x, node.out, np.take(index, node.value(1), axis), any_copy=True)
        return
    oracle.pin(x, "positions are picked by the input", [axis])
    names = [chr(97 + i) for i in range(node.rank(x))]
    inner = [chr(65 + i) for i in range(node.rank(node.inputs[1]))]
    letters(oracle, (x, "".join(names)), (node.inputs[1], "".join(inner)), (node.out, "".join(names[:axis] + inner + names[axis + 1:])))


@rule("GatherND", "ScatterND")
def tuples(oracle, node):
    """The axes that tuples name stay, unless constants of one number each name rows; what is behind them is moved."""
    x, indices = node.inputs[0], node.inputs[1]
    if node.get("batch_dims", 0) or node.get("reduction", "none") != "none":
        return unknown(oracle, node)
    length, places = node.shape(indices)[-1], range(node.rank(indices) - 1)
    rows = node.is_constant(1) and length == 1
    placed = node.out if node.op == "GatherND" else node.inputs[2]
    oracle.pin(indices, "positions are picked by the input", [len(places)] if rows or node.op == "GatherND" else None)
    if not rows:
        oracle.pin(x, "positions are picked by the input", range(length))
    if rows or node.op == "GatherND":
        names = "".join(chr(97 + i) for i in places)
        letters(oracle, (indices, names + " "), (placed, names + " " * (node.rank(placed) - len(places))))
    else:
        oracle.pin(placed, "positions are picked by the input", places)
    if node.op == "ScatterND":
        # What is overwritten leaves with what stands in its place.
        letters(oracle, *[(name, "a" + " " * (node.rank(name) - 1)) for name in (x, node.out)])
    evaluator = ReferenceEvaluator(node.proto, opsets={"": oracle.opset})
    moved = [x] if node.op == "GatherND" else [x, node.inputs[2]]
    for name in moved:
        feeds = {other: np.zeros(node.shape(other)) for other in moved} | {indices: node.value(1)}
        feeds[name] = 1 + np.arange(np.prod(node.shape(name)), dtype=np.float64).reshape(node.shape(name))
        oracle.link(name, node.out, evaluator.run(None, feeds)[0].astype(np.int64) - 1, any_copy=True)


def spatial(oracle, node, x):
    oracle.pin(x, "positions in space stay", range(2, node.rank(x)))
    for output in node.outputs:
        oracle.pin(output, "positions in space stay", range(2, node.rank(output)))


@rule("AveragePool", "MaxPool", "LpPool", "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool", "LRN", "InstanceNormalization", "BatchNormalization", "Resize")
def channels(oracle, node):
    x = node.inputs[0]
    if node.op != "BatchNormalization":
        spatial(oracle, node, x)
    if node.op == "LRN":
        oracle.pin(x, "neighbours are looked at", [1])
    if node.op == "Resize" and any(a != b for a, b in zip(node.shape(x)[:2], node.shape(node.out)[:2])):
        return unknown(oracle, node)
    if node.op == "Resize":
        for index, name in node.inputs.items():
            if index:
                oracle.pin(name, "one number for each axis")
    text = "nc" + " " * (node.rank(x) - 2)
    letters(oracle, (x, text), (node.out, text))
    if node.op.endswith("Normalization"):
        letters(oracle, (x, text), *[(name, "c") for i, name in node.inputs.items() if i])
    if node.op == "BatchNormalization":
        oracle.keeps.add(node.inputs[4])


@rule("Conv", "ConvTranspose")
def convolution(oracle, node):
    x, w, out, groups = node.inputs[0], node.inputs[1], node.out, node.get("group", 1)
    turned = node.op == "ConvTranspose"
    spatial(oracle, node, x)
    oracle.pin(w, "a kernel keeps its taps", range(2, node.rank(w)))
    space = node.rank(x) - 2
    taps = int(np.prod(node.shape(w)[2:])) * int(np.prod(node.shape(x if turned else out)[2:]))
    b = node.inputs.get(2)
    if groups == 1:
        weight = ("co" if turned else "oc") + " " * space
        contraction(oracle, [(x, "nc" + " " * space), (w, weight), *([(b, "o")] if b else [])], (out, "no" + " " * space), taps)
        return
    split = lambda name, axis: [*node.shape(name)[:axis], groups, node.shape(name)[axis] // groups, *node.shape(name)[axis + 1:]]
    xv, wv, ov = oracle.view(x, split(x, 1)), oracle.view(w, split(w, 0)), oracle.view(out, split(out, 1))
    bias = [(oracle.view(b, split(b, 0)), "go")] if b else []
    contraction(oracle, [(xv, "ngc" + " " * space), (wv, ("gco" if turned else "goc") + " " * space), *bias], (ov, "ngo" + " " * space), taps)


@rule("MatMul")
def matmul(oracle, node):
    a, b = node.inputs[0], node.inputs[1]
    if node.rank(a) < 2 or node.rank(b) < 2:
        return unknown(oracle, node)
    batch = lambda name: "ABCDEF"[: node.rank(name) - 2][::-1]
    contraction(oracle, [(a, batch(a) + "mk"), (b, batch(b) + "kn")], (node.out, batch(node.out) + "mn"))


@rule("Gemm")
def gemm(oracle, node):
    a, b = node.inputs[0], node.inputs[1]
    contraction(oracle, [(a, "km" if node.get("transA", 0) else "mk"), (b, "nk" if node.get("transB", 0) else "kn")], (node.out, "mn"))
    if 2 in node.inputs:
        broadcast(oracle, node.inputs[2], node.out)


@rule("Einsum")
def einsum(oracle, node):
    equation = node.get("equation").replace(" ", "")
    if "->" not in equation or "." in equation:
        return unknown(oracle, node)
    left, right = equation.split("->")
    contraction(oracle, list(zip(node.inputs.values(), left.split(","))), (node.out, right))


def over_axes(oracle, node, axes, reason, zeros):
    """An operator that looks at all positions of some axes and leaves the others alone."""
    x = node.inputs[0]
    if zeros:
        oracle.needs += [[(x, axis)] for axis in axes]
    else:
        oracle.pin(x, reason, axes)


@rule("Softmax", "LogSoftmax", "Hardmax")
def along(oracle, node):
    # Up to opset 12 along all axes from `axis` on.
    axes = [node.axis(-1)] if oracle.opset >= 13 else range(node.axis(1), node.rank(node.inputs[0]))
    over_axes(oracle, node, axes, "it computes along this axis", False)
    broadcast(oracle, node.inputs[0], node.out)


@rule("LpNormalization")
def length(oracle, node):
    over_axes(oracle, node, [node.axis(-1)], "", True)
    broadcast(oracle, node.inputs[0], node.out)


@rule("LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization")
def layer_norm(oracle, node):
    x = node.inputs[0]
    # Zeros go on being counted.
    over_axes(oracle, node, range(node.axis(-1), node.rank(x)), "", True)
    for name in node.inputs.values():
        broadcast(oracle, name, node.out)
    for output in node.outputs[1:]:
        oracle.pin(output, "statistics")


@rule("ms.SkipLayerNormalization", "ms.SkipSimplifiedLayerNormalization")
def skip_norm(oracle, node):
    """A norm over the last axis of the sum of two operands, and of a bias that comes last."""
    last = node.rank(node.out) - 1
    parameters = 2 if "Simplified" in node.op else 3
    added = [name for index, name in node.inputs.items() if index < 2 or index > parameters]
    oracle.needs += [[(name, node.rank(name) - 1)] for name in added]
    for name in node.inputs.values():
        broadcast(oracle, name, node.out)
    if len(node.proto.output) > 3 and node.proto.output[3]:
        for name in added:
            broadcast(oracle, name, node.proto.output[3])
    for output in node.proto.output[1:3]:
        if output:
            oracle.pin(output, "statistics")


@rule("ms.EmbedLayerNormalization")
def embed_norm(oracle, node):
    """A norm over the columns of the sum of what is looked up in tables, of which any row may be asked for."""
    tables, parameters = ([node.inputs[i] for i in some if i in node.inputs] for some in ((2, 3, 4), (5, 6)))
    for table in tables:
        oracle.pin(table, "a lookup may ask for any row", [0])
        oracle.needs.append([(table, 1)])
    numbers = [(node.inputs[i], "bs") for i in (0, 1, 8) if i in node.inputs]
    sums = [(name, "bsh") for index, name in enumerate(node.proto.output) if index != 1 and name]
    letters(oracle, *numbers, *[(table, " h") for table in tables], *[(name, "h") for name in parameters], *sums)
    if len(node.proto.output) > 1 and node.proto.output[1]:
        oracle.pin(node.proto.output[1], "lengths of sequences")


@rule("GroupNormalization")
def group_norm(oracle, node):
    x, groups = node.inputs[0], node.get("num_groups")
    spatial(oracle, node, x)
    n, c, *space = node.shape(x)
    xv, ov = (oracle.view(name, [n, groups, c // groups, *space]) for name in (x, node.out))
    blank = " " * len(space)
    oracle.needs.append([(xv, 2)])
    views = [(oracle.view(name, [groups, c // groups]), "gc") for i, name in node.inputs.items() if i]
    letters(oracle, (xv, "ngc" + blank), (ov, "ngc" + blank), *views)


@rule(*[name for name in SHAPES if name.startswith("Reduce")])
def reduction(oracle, node):
    x = node.inputs[0]
    named = node.value(1) if 1 in node.inputs else node.get("axes", range(node.rank(x)))
    axes = [int(a) % node.rank(x) for a in named]
    zeros = node.op in ("ReduceSum", "ReduceMean", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum")
    # Zeros are no maximum of their own where nothing is negative.
    zeros |= node.op == "ReduceMax" and bool((oracle.values[x] >= 0).all())
    over_axes(oracle, node, axes, f"{node.op} compares positions", zeros)
    names = "abcdefgh"[: node.rank(x)]
    ended = " " if node.get("keepdims", 1) else ""
    kept = [ended if axis in axes else names[axis] for axis in range(node.rank(x))]
    letters(oracle, (x, names), (node.out, "".join(kept)))


@rule("ArgMax", "ArgMin")
def extremum(oracle, node):
    x, axis = node.inputs[0], node.axis(0)
    oracle.pin(x, "numbers of positions are results", [axis])
    names = list("abcdefgh"[: node.rank(x)])
    result = names[:axis] + ([" "] if node.get("keepdims", 1) else []) + names[axis + 1:]
    letters(oracle, (x, "".join(names)), (node.out, "".join(result)))


@rule("TopK", "CumSum")
def ordered(oracle, node):
    x = node.inputs[0]
    axis = node.axis(-1) if node.op == "TopK" else int(node.value(1)) % node.rank(x)
    names = list("abcdefgh"[: node.rank(x)])
    for name in (x, *node.outputs):
        oracle.pin(name, f"{node.op} runs along this axis", [axis])
    for output in node.outputs:
        letters(oracle, (x, "".join(names)), (output, "".join(" " if i == axis else n for i, n in enumerate(names))))


@rule("QuantizeLinear", "DequantizeLinear")
def quantisation(oracle, node):
    x, axis = node.inputs[0], node.axis(1)
    broadcast(oracle, x, node.out)
    for index in (1, 2):
        if index in node.inputs and node.rank(node.inputs[index]) == 1:
            letters(oracle, (x, "".join("c" if i == axis else " " for i in range(node.rank(x)))), (node.inputs[index], "c"))
    if node.op == "QuantizeLinear":
        oracle.keeps.add(node.inputs[1])
    elif 2 in node.inputs and x in oracle.weights and node.inputs[2] in oracle.weights:
        # What is removed counts as the zero point, where there is one.
        zeros = oracle.weights[node.inputs[2]]
        if zeros.any() and (zeros == zeros.flat[0]).all():
            oracle.fills[x] = zeros.flat[0]
            oracle.keeps.add(node.inputs[2])


@rule("LSTM", "GRU", "RNN")
def recurrent(oracle, node):
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[node.op]
    x, w, r = (node.inputs[i] for i in range(3))
    d, _, h = node.shape(r)
    first = node.get("layout", 0) == 1
    if "activations" in node.attributes or "clip" in node.attributes:
        return unknown(oracle, node)
    wv, rv = oracle.view(w, [d, gates, h, node.shape(w)[2]]), oracle.view(r, [d, gates, h, h])
    operands = [(x, "bti" if first else "tbi"), (wv, "dghi"), (rv, "dghh")]
    if 3 in node.inputs:
        bias = oracle.view(node.inputs[3], [d, 2, gates, h])
        oracle.pin(bias, "directions and gates stay", [0, 1, 2])
        operands.append((bias, "d gh"))
    state = "bdh" if first else "dbh"
    operands += [(node.inputs[i], state) for i in (5, 6) if i in node.inputs]
    if 7 in node.inputs:
        operands.append((oracle.view(node.inputs[7], [d, 3, h]), "d h"))
    results = [(name, {4: "btdh" if first else "tdbh", 3: state}[node.rank(name)]) for name in node.outputs]
    letters(oracle, *operands, *results)
    oracle.pin(wv, "directions and gates stay", [0, 1])
    oracle.pin(x, "steps stay", [1 if first else 0])
    steps = node.shape(x)[0] * node.shape(x)[1]
    oracle.costs.append((float(steps * np.prod(node.shape(w))), [(wv, 2), (wv, 3)]))
    oracle.costs.append((float(steps * np.prod(node.shape(r))), [(rv, 2), (rv, 3)]))


@rule("Attention")
def attention(oracle, node):
    q, k, v = (node.inputs[i] for i in range(3))
    packed = node.rank(q) == 3
    if len(node.inputs) > 3 or len(node.outputs) > 1:
        return unknown(oracle, node)
    heads = node.get("q_num_heads") if packed else node.shape(q)[1]
    kv = node.get("kv_num_heads") if packed else node.shape(k)[1]

    def split(name, *counts):
        if packed:
            b, s, c = node.shape(name)
            return oracle.view(name, [b, s, *counts, c // int(np.prod(counts))])
        b, _, s, size = node.shape(name)
        return oracle.view(name, [b, *counts, s, size])

    many, few = ("bsgrd", "btgd") if packed else ("bgrsd", "bgtd")
    qv, kv_, vv, ov = split(q, kv, heads // kv), split(k, kv), split(v, kv), split(node.out, kv, heads // kv)
    contraction(oracle, [(qv, many), (kv_, few)], (ov, many.replace("d", " ")))
    contraction(oracle, [(qv, many.replace("d", " ")), (vv, few.replace("d", "e"))], (ov, many.replace("d", "e")))
    oracle.pin(kv_, "scores are normalised over it", [few.index("t")])
