# SPDX-License-Identifier: Apache-2.0
"""What can leave a model, found in another way: the judge of the solver, with which it shares no code.

Every tensor has a mask of elements that are removed, at the sizes of one concrete run. A seed is one position of one
weight. Operators that move data move the masks, by running them on the numbers of their elements; operators that
compute say which axes of their operands are one (oracle_rules.py). What is left of a tensor must be a tensor: where
the removed elements are no whole slabs, they grow to slabs, along one axis or another, which are different answers.
What a seed grows to until nothing changes is a minimal removable set, unless it meets what has to stay."""

import dataclasses

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

# More answers to one question than this are not looked for.
MOST_BRANCHES = 64


@dataclasses.dataclass
class Link:
    """Element k of `target` is element index[k] of `source` (-1: of something else). A removed element of the target
    removes its source: with `any_copy` at once, else when all copies are gone (broadcasting)."""

    source: str
    target: str
    index: np.ndarray
    any_copy: bool

    def __post_init__(self):
        self.taken = self.index >= 0
        self.whole = bool(self.taken.all())
        self.same = self.whole and np.array_equal(self.index, np.arange(len(self.index)))
        self.tensors = (self.source, self.target)

    def apply(self, state):
        source, target = state.mask(self.source), state.mask(self.target)
        if self.same and len(source) == len(target):
            joined = source | target
            state.put(self.source, joined)
            state.put(self.target, joined)
            return
        moved = source[self.index]
        state.put(self.target, target | (moved if self.whole else moved & self.taken))
        gone = self.index[target & self.taken]
        if not len(gone):
            return
        if self.any_copy:
            source = source.copy()
            source[gone] = True
        else:
            if not hasattr(self, "copies"):
                self.copies = np.bincount(self.index[self.taken], minlength=len(source))
            source = source | ((np.bincount(gone, minlength=len(source)) == self.copies) & (self.copies > 0))
        state.put(self.source, source)


@dataclasses.dataclass
class Letters:
    """Axes with the same letter are one: [(tensor, letters)]. A blank is an axis that is none with any other."""

    operands: list

    def __post_init__(self):
        self.tensors = [name for name, _ in self.operands]

    def apply(self, state):
        gone = {}
        for name, letters in self.operands:
            for axis, letter in enumerate(letters):
                if letter != " " and state.shape(name)[axis] > 1:
                    slab = state.slabs(name)[axis]
                    gone[letter] = gone[letter] | slab if letter in gone else slab
        for name, letters in self.operands:
            for axis, letter in enumerate(letters):
                if letter in gone and state.shape(name)[axis] > 1:
                    state.remove(name, axis, gone[letter])


class State:
    """The masks of a closure on its way."""

    def __init__(self, oracle, masks=None):
        self.oracle, self.masks, self.changed, self.known = oracle, dict(masks or {}), set(), {}

    def shape(self, name):
        return self.oracle.shapes[name]

    def mask(self, name):
        if name not in self.masks:
            return self.oracle.nothing[name]
        return self.masks[name]

    def put(self, name, mask):
        old = self.mask(name)
        if np.count_nonzero(mask) != np.count_nonzero(old):
            self.masks[name] = mask
            self.changed.add(name)
            self.known.pop(name, None)

    def slabs(self, name):
        """For each axis, the positions of which all elements are removed."""
        if name not in self.masks:
            return self.oracle.no_slabs[name]
        if name not in self.known:
            whole = self.masks[name].reshape(self.shape(name))
            axes = range(whole.ndim)
            self.known[name] = [whole.all(tuple(other for other in axes if other != axis)) for axis in axes]
        return self.known[name]

    def remove(self, name, axis, positions):
        if not positions.any():
            return
        shape = self.shape(name)
        whole = self.mask(name).reshape(shape).copy()
        whole[(slice(None),) * axis + (positions,)] = True
        self.put(name, whole.reshape(-1))

    def ragged(self, name):
        """The removed elements that no whole slab has."""
        shape, covered = self.shape(name), np.zeros(self.shape(name), bool)
        for axis, slab in enumerate(self.slabs(name)):
            if slab.any():
                covered |= slab.reshape([-1 if a == axis else 1 for a in range(len(shape))])
        return self.masks[name].reshape(shape) & ~covered


class Oracle:
    """Finds the minimal removable sets of a model, run at the sizes of `feeds`."""

    def __init__(self, model, feeds, interface=(), runnable=lambda model: model):
        """`runnable` makes a model that ONNX Runtime can run of one that it cannot."""
        import oracle_rules

        flat = onnx.ModelProto()
        flat.CopyFrom(model)
        inline_branches(flat.graph)
        self.model, self.feeds, self.interface = with_initializers(flat), feeds, set(interface)
        self.opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
        self.weights = {t.name: numpy_helper.to_array(t) for t in self.model.graph.initializer}
        self._session = self._open(runnable)
        self.values = {**feeds, **self.weights, **self.run({})}
        self.shapes = {name: tuple(np.shape(value)) for name, value in self.values.items()}
        # Axes that stay, zeros that are needed, and weights that keep their values in the proof.
        self.links, self.pins, self.needs, self.keeps, self.fills, self.costs, self.base = [], {}, [], set(), {}, [], {}
        for value in list(self.model.graph.input) + list(self.model.graph.output):
            if value.name not in self.weights and value.name not in self.interface:
                self.pin(value.name, "the interface keeps its size")
        for node in self.model.graph.node:
            oracle_rules.declare(self, node)
        sizes = {name: int(np.prod(shape)) for name, shape in self.shapes.items()}
        self.nothing = {name: np.zeros(size, bool) for name, size in sizes.items()}
        self.no_slabs = {name: [np.zeros(size, bool) for size in shape] for name, shape in self.shapes.items()}
        self.by_tensor = {}
        for link in self.links:
            for name in link.tensors:
                self.by_tensor.setdefault(name, []).append(link)

    def _open(self, runnable):
        """A session that takes all weights as inputs and gives all values."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        known = {value.name for value in model.graph.input}
        for tensor in model.graph.initializer:
            if tensor.name not in known:
                model.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
        del model.graph.initializer[:]
        del model.graph.output[:]
        self.computed = [name for node in model.graph.node for name in node.output if name]
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in self.computed)
        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        return ort.InferenceSession(runnable(model).SerializeToString(), options, providers=["CPUExecutionProvider"])

    def run(self, weights):
        """All computed values, some weights replaced."""
        feeds = {**self.feeds, **self.weights, **weights}
        feeds = {value.name: feeds[value.name] for value in self._session.get_inputs()}
        return dict(zip(self.computed, self._session.run(None, feeds)))

    # What the rules say.

    def pin(self, name, reason, axes=None):
        for axis in range(len(self.shapes[name])) if axes is None else axes:
            self.pins.setdefault((name, axis), reason)

    def link(self, source, target, index, any_copy):
        self.links.append(Link(source, target, np.asarray(index, np.int64).reshape(-1), any_copy))

    def view(self, name, shape):
        """Another shape of a tensor's elements, as a tensor of its own."""
        view = f"{name} as {list(shape)} #{len(self.shapes)}"
        self.shapes[view] = tuple(int(size) for size in shape)
        self.base[view] = self.base.get(name, name)
        self.link(name, view, np.arange(int(np.prod(shape))), True)
        return view

    # Closing.

    def grow(self, state):
        """All states that a state can grow to."""
        found, waiting, tried = [], [state], 0
        while waiting and tried < MOST_BRANCHES:
            state, tried = waiting.pop(), tried + 1
            while state.changed:
                name = state.changed.pop()
                for link in self.by_tensor.get(name, ()):
                    link.apply(state)
            if self.meets_pin(state):
                continue
            ragged = next(((name, rest) for name in state.masks if (rest := state.ragged(name)).any()), None)
            if ragged is None:
                found.append(state)
                continue
            name, rest = ragged
            for axis in range(rest.ndim):
                if rest.shape[axis] > 1 and (name, axis) not in self.pins:
                    other = State(self, state.masks)
                    other.remove(name, axis, rest.any(tuple(a for a in range(rest.ndim) if a != axis)))
                    waiting.append(other)
        return found

    def meets_pin(self, state):
        for name in state.masks:
            for axis, slab in enumerate(state.slabs(name)):
                if slab.all() and len(slab) or (slab.any() and (name, axis) in self.pins):
                    return True
        return False

    def holds(self, state):
        """Whether what is removed counts for nothing, with the removed weights zero, where that is needed."""
        wanted = [need for need in self.needs if any(state.slabs(name)[axis].any() for name, axis in need)]
        zeroable = self.weights.keys() - self.keeps
        wanted = [need for need in wanted if not any(self.base.get(name, name) in zeroable for name, _ in need)]
        if not wanted:
            return True
        zeroed = {}
        for name, mask in state.masks.items():
            if name in zeroable:
                zeroed[name] = np.where(mask.reshape(self.shapes[name]), self.fills.get(name, 0), self.weights[name]).astype(self.weights[name].dtype)
        values = {**self.values, **self.run(zeroed)}

        def vanishes(name, axis):
            value = values[self.base.get(name, name)].reshape(self.shapes[name])
            part = np.compress(state.slabs(name)[axis], value, axis)
            return bool((part == 0).all())

        return all(any(vanishes(name, axis) for name, axis in need) for need in wanted)

    def seeds(self):
        for name, array in self.weights.items():
            if array.dtype.kind != "f" and array.dtype not in (np.int8, np.uint8):
                continue
            for axis, size in enumerate(array.shape):
                if size > 1 and (name, axis) not in self.pins:
                    for position in range(size):
                        yield name, axis, position

    def is_mixture(self, state):
        """Whether a computed tensor loses slabs along two axes: two answers at once."""
        return any(sum(bool(slab.any()) for slab in state.slabs(name)) > 1
                   for name in state.masks if self.base.get(name, name) not in self.weights)

    def removed_weights(self, state):
        return {name: mask for name, mask in state.masks.items() if name in self.weights and mask.any()}

    def minimal_sets(self):
        """Each as a state. A position that a set found before has is no seed again."""
        sets, done = [], set()
        for name, axis, position in self.seeds():
            if (name, axis, position) in done:
                continue
            state = State(self)
            state.remove(name, axis, np.arange(self.shapes[name][axis]) == position)
            grown = [other for other in self.grow(state) if not self.is_mixture(other) and self.holds(other)]
            for other in grown:
                if not any(contains(other, third) and not contains(third, other) for third in grown):
                    sets.append(other)
                    for weight in self.removed_weights(other):
                        for index, slab in enumerate(other.slabs(weight)):
                            done.update((weight, index, int(p)) for p in np.flatnonzero(slab))
        return sets

    def judge(self, masks):
        """Whether exactly these elements of weights can be removed: None, or what is wrong."""
        state = State(self)
        for name, mask in masks.items():
            state.put(name, mask)
        grown = self.grow(state)
        if not grown:
            return "it meets what stays"
        exact = [s for s in grown if all(np.array_equal(masks.get(name, self.nothing[name]), mask)
                                         for name, mask in self.removed_weights(s).items() if self.weights[name].dtype.kind == "f")]
        if not exact:
            more = {name: int(mask.sum()) for name, mask in self.removed_weights(grown[0]).items()}
            return f"more has to leave with it: {more}"
        return None if any(self.holds(s) for s in exact) else "what is removed does not hold zero"

    def flops(self, state):
        """Multiplications that a set saves."""
        saved = 0.0
        for macs, axes in self.costs:
            kept = 1.0
            for name, axis in axes:
                slab = state.slabs(name)[axis]
                kept *= 1 - slab.mean()
            saved += macs * (1 - kept)
        return saved


def with_initializers(model):
    """The model with initializers in place of nodes that are constants."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    del result.graph.node[:]
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            tensor = result.graph.initializer.add()
            tensor.CopyFrom(node.attribute[0].t)
            tensor.name = node.output[0]
        else:
            result.graph.node.append(node)
    return result


def inline_branches(graph, path=""):
    """Computes both branches of every If, and then chooses: what leaves is the same. What a branch holds gets the name
    that plans have for it."""
    nodes = []
    for node in graph.node:
        if node.op_type != "If":
            nodes.append(node)
            continue
        branches = {a.name: a.g for a in node.attribute}
        for name, branch in branches.items():
            inner = f"{path}{node.output[0]}/{name}/"
            held = [tensor.name for tensor in branch.initializer] + [n.output[0] for n in branch.node if n.op_type == "Constant"]
            inline_branches(branch, inner)
            rename(branch, {name: inner + name for name in held})
            graph.initializer.extend(branch.initializer)
            nodes.extend(branch.node)
        for output, *chosen in zip(node.output, branches["then_branch"].output, branches["else_branch"].output):
            nodes.append(onnx.helper.make_node("Where", [node.input[0], *(value.name for value in chosen)], [output]))
    del graph.node[:]
    graph.node.extend(nodes)


def rename(graph, names):
    """Gives tensors of a graph without subgraphs other names."""
    for tensor in [*graph.initializer, *graph.output]:
        tensor.name = names.get(tensor.name, tensor.name)
    for node in graph.node:
        for end in (node.input, node.output):
            end[:] = [names.get(name, name) for name in end]


def contains(left, right):
    """Whether all that one set removes the other removes, too."""
    return all(name in left.masks and not (mask & ~left.masks[name]).any() for name, mask in right.masks.items())


def units_of(groups, shapes):
    """What each unit that was found owns of the weights: [(group, unit, {name: mask})]."""
    units = []
    for group in groups.groups:
        for unit in range(group.units):
            masks = {}
            for part in group.slices(unit):
                shape = shapes[part["initializer"]]
                mask = masks.setdefault(part["initializer"], np.zeros(shape, bool))
                box = {int(a): p for a, p in part["box"].items()} if "box" in part else {part["axis"]: part["indices"]}
                mask[np.ix_(*[box.get(axis, range(size)) for axis, size in enumerate(shape)])] = True
            units.append((group, unit, {name: mask.reshape(-1) for name, mask in masks.items()}))
    return units


def removals(units):
    """Units that can leave together and no fewer: of a balanced group one of each slot (others have one slot)."""
    by_group = {}
    for group, unit, masks in units:
        by_group.setdefault(group.name, (group, []))[1].append(masks)
    for group, masks in by_group.values():
        slot = group.units // group.balanced
        for first in range(slot):
            joined = {}
            for one in masks[first::slot]:
                for name, mask in one.items():
                    joined[name] = joined[name] | mask if name in joined else mask
            yield group, first, joined


def compare(oracle, groups):
    """What is wrong with the units that were found; FLOPs of the oracle's sets and of those among them that were found;
    the sets that were not."""
    units = units_of(groups, oracle.shapes)
    wrong = []
    for group, unit, masks in removals(units):
        reason = oracle.judge(masks)
        if reason:
            wrong.append(f"unit {unit} of group '{group.name}': {reason}")
    total, offered, missed = 0.0, 0.0, []
    for state in oracle.minimal_sets():
        wanted = {n: m for n, m in oracle.removed_weights(state).items() if oracle.weights[n].dtype.kind == "f"}
        joined = {name: np.zeros_like(mask) for name, mask in wanted.items()}
        for _, _, masks in units:
            if all(name in wanted and not (mask & ~wanted[name]).any() for name, mask in masks.items()
                   if oracle.weights[name].dtype.kind == "f"):
                for name, mask in masks.items():
                    if name in joined:
                        joined[name] |= mask
        flops = oracle.flops(state)
        total += flops
        if all(np.array_equal(joined[name], mask) for name, mask in wanted.items()):
            offered += flops
        else:
            slabs = {n: [np.flatnonzero(s).tolist() for s in state.slabs(n)] for n in wanted}
            missed.append((flops, slabs))
    return wrong, total, offered, missed
