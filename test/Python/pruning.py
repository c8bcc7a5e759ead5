# SPDX-License-Identifier: Apache-2.0
"""Choosing units of a model's groups, and the proof that erasing them equals zeroing them."""

import json
import os
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

import tools

sys.path.insert(0, str(tools.ROOT / "python-bindings"))
os.environ.setdefault("SECATEUR_COMPILER", tools.find("compile-model"))
import secateur  # noqa: E402

TOLERANCE = 1e-4


def choose(groups, share, rng):
    """About `share` of the units of each group, at random, as the constraints allow: {name of a group: units}.

    `share` is a number, or what gives one for each group."""
    chosen, kept = {}, {}
    for group in groups.groups:
        slot = group.units // group.balanced
        wanted = slot - int(np.ceil((share() if callable(share) else share) * slot))
        keep = max(wanted, -(-group.min_keep // group.balanced))
        while keep < slot and keep * group.balanced % group.multiple_of:
            keep += 1
        if group.uniform:
            keep = kept.setdefault(group.uniform, keep)
        units = []
        for first in range(0, group.units, slot):
            units += (first + rng.permutation(slot)[: slot - min(keep, slot)]).tolist()
        if units:
            chosen[group.name] = sorted(units)
    return chosen


def untie(model, copies):
    """The model with shared constants copied as a plan says."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    tensors = {t.name: t for t in result.graph.initializer}
    for copy in copies:
        clone = result.graph.initializer.add()
        clone.CopyFrom(tensors[copy["of"]])
        clone.name = copy["initializer"]
        for use in copy["uses"]:
            next(n for n in result.graph.node if use["node"] in n.output).input[use["input"]] = clone.name
    return result


def index_of(part, shape):
    """The elements of a tensor that a slice of a plan names."""
    box = {int(k): v for k, v in part["box"].items()} if "box" in part else {part["axis"]: part["indices"]}
    return np.ix_(*[np.asarray(box.get(axis, range(size)), int) for axis, size in enumerate(shape)])


def stored_tensors(graph, path=""):
    """The tensors that a graph and its subgraphs hold, by the names that plans have for them."""
    found = {path + tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                found |= stored_tensors(attribute.g, f"{path}{node.output[0]}/{attribute.name}/")
            elif node.op_type == "Constant" and attribute.name == "value":
                found[path + node.output[0]] = attribute.t
    return found


def zero(model, plan):
    """The model with what the plan erases filled."""
    result = untie(model, plan.get("copies", []))
    tensors = stored_tensors(result.graph)
    arrays = {}
    for step in plan["steps"]:
        for part in step["slices"]:
            if part.get("fill", 0) is None:
                continue
            name = part["initializer"]
            array = arrays.setdefault(name, numpy_helper.to_array(tensors[name]).copy())
            array[index_of(part, array.shape)] = part.get("fill", 0)
    for name, array in arrays.items():
        tensors[name].CopyFrom(numpy_helper.from_array(array, tensors[name].name))
    return result


def run(model, feeds):
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    # What goes beyond moves quantisation about, and fails on some graphs as they are.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(None, feeds)


def difference(zeroed, erased):
    """The largest difference of two lists of outputs, each relative to its largest element."""
    worst = 0.0
    for left, right in zip(zeroed, erased, strict=True):
        if left.shape != right.shape:
            return float("inf")
        left, right = left.astype(np.float64), right.astype(np.float64)
        finite = np.isfinite(left)
        if (finite != np.isfinite(right)).any():
            return float("inf")
        if finite.any():
            worst = max(worst, np.abs(left - right)[finite].max() / (np.abs(left[finite]).max() + 1e-12))
    return worst


def erase(dense, pruned, plan, saved, feeds, allow_interface=None):
    """Replays a plan on the file `dense`; the saved plan comes back, with what else was rewritten."""
    sizes = {name: array.shape for name, array in feeds.items() if array.ndim}
    secateur.prune(dense, pruned, plan=plan, save_plan=saved, allow_interface=allow_interface, nominal_shapes=sizes)
    with open(saved, encoding="utf-8") as file:
        return json.load(file)


def shrink(arrays, names, interface):
    """Arrays without the positions of the interface that a plan erases."""
    result = dict(zip(names, arrays))
    for cut in interface:
        if cut["value"] in result:
            result[cut["value"]] = np.delete(result[cut["value"]], cut["indices"], cut["axis"])
    return [result[name] for name in names]


def prove(dense, groups, units, feeds, folder, allow_interface=None, runnable=lambda model: model):
    """Raises where the model without `units` does not equal the one with them zeroed; the former comes back."""
    model, pruned = onnx.load(dense), os.path.join(folder, "pruned.onnx")
    plan = erase(dense, pruned, groups.plan(units), os.path.join(folder, "plan.json"), feeds, allow_interface)
    erased, interface = onnx.load(pruned), plan.get("interface", [])
    inputs, outputs = list(feeds), [value.name for value in model.graph.output]
    full = dict(feeds)
    for cut in interface:
        if cut["value"] in full:
            full[cut["value"]] = full[cut["value"]].copy()
            full[cut["value"]][(slice(None),) * cut["axis"] + (cut["indices"],)] = 0
    left = shrink(run(runnable(zero(model, plan)), full), outputs, interface)
    right = run(runnable(erased), dict(zip(inputs, shrink(feeds.values(), inputs, interface))))
    found = difference(left, right)
    if not found <= TOLERANCE:
        raise AssertionError(f"zeroed and erased differ by {found:.2e}")
    return erased
