# SPDX-License-Identifier: Apache-2.0
"""Groups of real models, judged by the oracle: one unit of each group must be removable as it is."""

import subprocess
import sys

import numpy as np
import onnx
import pytest

import models
import oracle
import pruning
from pruning import secateur

NAMES = ["mnist_cnn", "mnist_vit", "magika", "ppocr_det", "ppocr_rec", "ppocr_cls", "nudenet", "silero_sequence", "random/shufflenet",
         "random/squeezenet"]
# Their layer norms are chains of means, differences and products.
SPELLED_OUT = ("mnist_vit", "ppocr_rec")


def disproved(name, plan, folder):
    """What scripts/prove.py says against erasing this plan alone, or nothing. The oracle sees a norm that is spelled out
    as its parts, of which each alone changes with what is erased, where the norm as a whole does not."""
    path, pruned, saved = models.path(name), folder / "pruned.onnx", folder / "plan.json"
    secateur.prune(path, pruned, plan=plan, save_plan=saved)
    shapes = [o for value, shape in models.MODELS[name][1][0].items() for o in ("--shape", f"{value}={'x'.join(map(str, shape))}")]
    proof = subprocess.run([sys.executable, models.ROOT / "scripts/prove.py", path, pruned, saved, *shapes],
                           capture_output=True, text=True)
    return proof.returncode and proof.stdout + proof.stderr


@pytest.mark.parametrize("name", NAMES)
def test_units_are_legal(name, tmp_path):
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
        if reason and name in SPELLED_OUT:
            reason = disproved(name, found.plan({group: [unit]}), tmp_path)
        if reason:
            wrong.append(f"unit {unit} of group '{group}': {reason}")
    assert removals and not wrong, wrong
