# SPDX-License-Identifier: Apache-2.0
"""The cases of test/Python/cases: the groups and pins that are to be found, that the oracle finds the same, and that
erasing equals zeroing.

The numbers are those of a list of graphs that are hard for tools that prune. Two of them are elsewhere in this file:
38 (a class whose every unit scores worst) and 43 (pruning again and again). Case 40 (low rank) is later work."""

import json
import subprocess
import sys

import numpy as np
import onnx
import pytest

import oracle
import pruning
import tools
from cases import ALL
from cases.case import Case, describe
from pruning import secateur


def runnable(model):
    """The model with something that ONNX Runtime knows where it has an operator that nobody knows."""
    for node in model.graph.node:
        if node.domain == "test":
            node.domain, node.op_type = "", "Relu"
    return model


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_case(case, tmp_path):
    model = case.build()
    dense = tmp_path / "dense.onnx"
    onnx.save(model, dense)
    found = secateur.find_groups(dense, allow_interface=case.allow_interface)
    assert sorted(map(describe, found.groups)) == sorted(case.groups)

    left = [(f"{pin.value}[{pin.axis}]", pin.reason) for pin in found.pins]
    for pin in case.pins:
        name, words = pin.split(": ")
        assert any(name == where and words in reason for where, reason in left), (pin, left)
    assert {where for where, _ in left} == {pin.split(": ")[0] for pin in case.pins}, left

    judge = oracle.Oracle(pruning.untie(model, found.copies), case.feeds(model), case.allow_interface, runnable)
    wrong, _, _, missed = oracle.compare(judge, found)
    assert not wrong, wrong
    assert not missed, missed

    rng = np.random.default_rng(1)
    for share in (0.25, 0.5, 1):
        units = pruning.choose(found, share, rng)
        if units:
            pruning.prove(dense, found, units, case.feeds(model), tmp_path, case.allow_interface, runnable)
    # Each group by itself, all units but those that must stay.
    for group in found.groups:
        only = secateur.Groups([group], [], found.copies)
        units = pruning.choose(only, 1, rng)
        pruning.prove(dense, only, units, case.feeds(model), tmp_path, case.allow_interface, runnable)


def case_named(start):
    return next(case for case in ALL if case.name.startswith(start))


def test_38_every_unit_of_a_class_scores_worst(tmp_path):
    """Whatever is asked for, and however little its units are worth, a class keeps one."""
    model = case_named("02").build()
    for tensor in model.graph.initializer:
        if tensor.name in ("wa1", "wa2"):
            tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor) * 1e-6, tensor.name))
    dense, pruned = tmp_path / "dense.onnx", tmp_path / "pruned.onnx"
    onnx.save(model, dense)
    secateur.prune(dense, pruned, budget={"params": 1e-6}, best_effort=True, verify=True)
    shapes = {t.name: list(t.dims)[:2] for t in onnx.load(pruned).graph.initializer}
    assert shapes.pop("stem") == [1, 3] and shapes.pop("head") == [2, 1]
    assert set(map(tuple, shapes.values())) == {(1, 1)}


@pytest.mark.parametrize("start", ["02", "08", "16", "22b", "23a", "24a", "33a"])
def test_43_again_and_again(start, tmp_path):
    """What is found in a pruned model holds for that model, not for the one before."""
    case, rng = case_named(start), np.random.default_rng(3)
    model, path, cut = case.build(), tmp_path / "0.onnx", 0
    for step in range(1, 6):
        onnx.save(model, path)
        found = secateur.find_groups(path)
        units = pruning.choose(found, 0.3, rng)
        cut += sum(map(len, units.values()))
        if units:
            model = pruning.prove(path, found, units, case.feeds(model), tmp_path)
        path = tmp_path / f"{step}.onnx"
    assert cut >= 3


BRANCHES = Case("weights and shapes that branches hold", """(float[N,3,4,4] x, bool flag) => (float[N,2,4,4] y) {
    a = Conv(x, w1)
    c = If(flag) <
        then_branch = then () => (float[N,4,4,4] t) {
            s = Constant <value = float[4,1,1] {0.5, 2, 1, 3}> ()
            shape = Constant <value = int64[4] {0, 4, 4, 4}> ()
            m = Mul(a, s)
            t = Reshape(m, shape)
        },
        else_branch = other () => (float[N,4,4,4] u) { s = Constant <value = float[4,1,1] {3, 1, 2, 5}> () u = Mul(a, s) }>
    y = Conv(c, w2)
}""", dict(w1=(4, 3, 1, 1), w2=(2, 4, 1, 1)), [])


@pytest.mark.parametrize("flag", [False, True])
def test_branches_are_proved_from_the_files(flag, tmp_path):
    """What branches hold has the names in a plan by which scripts/prove.py finds it."""
    dense, pruned, plan = (tmp_path / name for name in ("dense.onnx", "pruned.onnx", "plan.json"))
    onnx.save(BRANCHES.build(), dense)
    np.save(tmp_path / "flag.npy", np.array(flag))
    secateur.prune(dense, pruned, budget={"params": 0.6}, save_plan=plan)
    saved = json.loads(plan.read_text())
    cut = {part["initializer"] for step in saved["steps"] for part in step["slices"]}
    assert cut == {"w1", "w2", "c/then_branch/s", "c/else_branch/s"}
    assert [entry["initializer"] for entry in saved["rewritten"]] == ["c/then_branch/shape"]
    proof = subprocess.run([sys.executable, tools.ROOT / "scripts" / "prove.py", dense, pruned, plan, "--input", f"flag={tmp_path / 'flag.npy'}"],
                           capture_output=True, text=True, check=False)
    assert proof.returncode == 0, proof.stdout + proof.stderr


# Channels of ShuffleNetV2: half of them pass a block by, the others go through it, and both are shuffled.
SHUFFLED = Case("shuffled twice", """(float[N,3,4,4] x) => (float[N,2,4,4] y)
    <int64[5] apart = {0, 2, 6, 4, 4}, int64[4] together = {0, 12, 4, 4}, int64[2] halves = {6, 6}> {
    s0 = Conv(x, w1)
    l0, r0 = Split <axis=1> (s0, halves)
    a0 = Conv(r0, w2)
    c0 = Concat <axis=1> (l0, a0)
    p0 = Reshape(c0, apart)
    t0 = Transpose <perm=[0,2,1,3,4]> (p0)
    s1 = Reshape(t0, together)
    l1, r1 = Split <axis=1> (s1, halves)
    a1 = Conv(r1, w3)
    b1 = Relu(a1)
    c1 = Concat <axis=1> (l1, b1)
    p1 = Reshape(c1, apart)
    t1 = Transpose <perm=[0,2,1,3,4]> (p1)
    s2 = Reshape(t1, together)
    y = Conv(s2, w4)
}""", dict(w1=(12, 3, 1, 1), w2=(6, 6, 1, 1), w3=(6, 6, 1, 1), w4=(2, 12, 1, 1)), [])


def with_gathers(model, axis=1):
    """The model with a Gather in the place of each shuffle, written by hand."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    nodes, made = {node.output[0]: node for node in result.graph.node}, 0
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in result.graph.initializer}
    for join in list(result.graph.node):
        reorder = nodes.get(join.input[0]) if join.op_type == "Reshape" else None
        if reorder is None or reorder.op_type != "Transpose":
            continue
        split = nodes[reorder.input[0]]
        first, second = tensors[split.input[1]][axis : axis + 2]
        positions = np.arange(first * second).reshape(first, second).T.reshape(-1)
        name = join.output[0] + "_positions"
        result.graph.initializer.append(onnx.numpy_helper.from_array(positions, name))
        join.CopyFrom(onnx.helper.make_node("Gather", [split.input[0], name], [join.output[0]], axis=axis))
        result.graph.node.remove(reorder)
        result.graph.node.remove(split)
        made += 1
    assert made
    return result


def stored_members(found):
    return sorted(map(describe, found.groups)), sorted((pin.value, pin.axis, pin.first, pin.count) for pin in found.pins)


@pytest.mark.parametrize("case", [SHUFFLED, case_named("16")], ids=lambda case: case.name)
def test_shuffles_as_gathers(case, tmp_path):
    """What leaves a shuffle that becomes a Gather is what leaves the Gather, and the rest of the shuffles stay."""
    model, rng = case.build(), np.random.default_rng(5)
    dense, gathers = tmp_path / "dense.onnx", with_gathers(model)
    onnx.save(model, dense)
    found, expected = secateur.find_groups(dense, gather_shuffles=True), secateur.find_groups(gathers)
    assert stored_members(found) == stored_members(expected)
    assert stored_members(found) != stored_members(secateur.find_groups(dense))

    judge = oracle.Oracle(pruning.untie(gathers, expected.copies), case.feeds(model), (), lambda model: model)
    wrong, _, _, missed = oracle.compare(judge, expected)
    assert not wrong, wrong
    assert not missed, missed

    for share in (0.25, 0.5, 1):
        erased = pruning.prove(dense, found, pruning.choose(found, share, rng), case.feeds(model), tmp_path)
        kinds = [node.op_type for node in erased.graph.node]
        assert "Gather" in kinds and "Transpose" not in kinds
    for group in found.groups:
        only = secateur.Groups([group], [], found.copies, found.gathered)
        pruning.prove(dense, only, pruning.choose(only, 0.5, rng), case.feeds(model), tmp_path)


def test_shuffles_that_lose_nothing_stay(tmp_path):
    model = SHUFFLED.build()
    dense = tmp_path / "dense.onnx"
    onnx.save(model, dense)
    found, rng = secateur.find_groups(dense, gather_shuffles=True), np.random.default_rng(5)
    # Of the channels that only the last shuffle sees.
    last = [g for g in found.groups if {m.value for m in g.members if m.stored} == {"w3", "w4"}]
    units = pruning.choose(secateur.Groups(last, [], []), 0.5, rng)
    erased = pruning.prove(dense, found, units, SHUFFLED.feeds(model), tmp_path)
    assert [node.op_type for node in erased.graph.node if node.op_type in ("Gather", "Transpose")] == ["Transpose", "Gather"]


def test_budget_with_gathered_shuffles(tmp_path):
    dense, pruned, plan = (tmp_path / name for name in ("dense.onnx", "pruned.onnx", "plan.json"))
    onnx.save(SHUFFLED.build(), dense)
    report = secateur.prune(dense, pruned, budget={"params": 0.5}, gather_shuffles=True, verify=True, save_plan=plan)
    again = tmp_path / "again.onnx"
    secateur.prune(dense, again, plan=plan)
    assert pruned.read_bytes() == again.read_bytes()
    assert report["pruned"]["parameters"] <= 0.5 * report["dense"]["parameters"]
