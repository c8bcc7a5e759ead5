# SPDX-License-Identifier: Apache-2.0
"""Groups of real models, judged by the oracle: one unit of each group must be removable as it is."""

import numpy as np
import onnx
import pytest

import models
import oracle
import pruning
from pruning import secateur

NAMES = ["mnist_cnn", "mnist_vit", "magika", "ppocr_det", "ppocr_rec", "ppocr_cls", "nudenet", "silero_sequence", "random/shufflenet",
         "random/squeezenet"]


@pytest.mark.parametrize("name", NAMES)
def test_units_are_legal(name):
    path = models.path(name)
    found = secateur.find_groups(path)
    judge = oracle.Oracle(pruning.untie(onnx.load(path), found.copies), models.feeds(path, models.MODELS[name][1][0]))
    removals = {}
    for group, unit, masks in oracle.removals(oracle.units_of(found, judge.shapes)):
        removals.setdefault(group.name, []).append((unit, masks))
    rng, wrong = np.random.default_rng(0), []
    for group, choices in removals.items():
        unit, masks = choices[rng.integers(len(choices))]
        reason = judge.judge(masks)
        if reason:
            wrong.append(f"unit {unit} of group '{group}': {reason}")
    assert removals and not wrong, wrong
