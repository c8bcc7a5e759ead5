# SPDX-License-Identifier: Apache-2.0
"""The cases of test/Python/cases: the groups and pins that are to be found, that the oracle finds the same, and that
erasing equals zeroing.

The numbers are those of a list of graphs that are hard for tools that prune. Two of them are elsewhere in this file:
38 (a class whose every unit scores worst) and 43 (pruning again and again). Case 40 (low rank) is later work."""

import numpy as np
import onnx
import pytest

import oracle
import pruning
from cases import ALL
from cases.case import describe
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
