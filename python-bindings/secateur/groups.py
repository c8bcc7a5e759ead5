# ===- What can leave a model, and why the rest stays ------------------------===//
# SPDX-License-Identifier: Apache-2.0
# ===----------------------------------------------------------------------===//
"""Groups of units that leave together, as compile-model --save-groups writes them."""

import json
import os
import tempfile
from dataclasses import dataclass, field

from .compiler import _model_path, _run


def _positions(part, unit):
    """The positions of one axis that a unit owns: runs of `block` positions, again along each loop."""
    if "lists" in part:
        return part["lists"][unit]
    digit = unit // part.get("div", 1)
    if part.get("extent", 0):
        digit %= part["extent"]
    starts = [part["offset"] + digit * part["block"]]
    for count, stride in part["loops"]:
        starts = [start + i * stride for start in starts for i in range(max(count, 1))]
    return sorted(start + i for start in starts for i in range(part["block"]))


@dataclass
class Member:
    """A tensor that a group's units own parts of. Weights are `stored`; the others are computed."""

    value: str
    stored: bool
    boxes: list = field(repr=False)
    keeps_value: bool = False
    counts_as: int = 0

    def parts(self, unit):
        """What a unit owns: for each box, the sorted positions by axis; other axes are whole."""
        boxes = [{part["axis"]: _positions(part, unit) for part in box} for box in self.boxes]
        return [box for box in boxes if all(box.values())]


@dataclass
class Group:
    """Units of one kind. At least `min_keep` stay, a multiple of `multiple_of`, as many in each of
    `balanced` equal consecutive slots, and as many as in all groups of the same `uniform` name."""

    name: str
    units: int
    members: list = field(repr=False)
    min_keep: int = 1
    multiple_of: int = 1
    balanced: int = 1
    uniform: str = ""

    def slices(self, unit):
        """What a unit owns of the weights, in the form of a plan's steps."""
        slices = []
        for member in self.members:
            for box in member.parts(unit) if member.stored else ():
                item = {"initializer": member.value}
                if len(box) == 1:
                    [(item["axis"], item["indices"])] = box.items()
                else:
                    item["box"] = {str(axis): positions for axis, positions in box.items()}
                item["fill"] = None if member.keeps_value else member.counts_as
                slices.append(item)
        return slices


@dataclass
class Pin:
    """Positions of a weight that stay (all where `count` is 0), and the rule to blame."""

    value: str
    axis: int
    reason: str
    op: str
    first: int = 0
    count: int = 0


@dataclass
class Groups:
    """All that can leave a model. `copies` are shared constants that get untied for it, `gathered` the results of
    channel shuffles that become a Gather where something of them leaves."""

    groups: list
    pins: list
    copies: list
    gathered: list = field(default_factory=list)

    def __getitem__(self, name):
        return next(group for group in self.groups if group.name == name)

    def plan(self, units):
        """A plan, for compile() and prune(), that erases `units`: {name of a group: its units}."""
        steps = [
            {"kind": "erase", "group": name, "unit": int(unit), "slices": self[name].slices(int(unit))}
            for name, chosen in units.items()
            for unit in chosen
        ]
        plan = {"version": 1, "steps": steps, "copies": self.copies}
        return {**plan, "gathered": self.gathered} if self.gathered else plan


def find_groups(model, *, allow_interface=None, gather_shuffles=False):
    """What can leave the model (a path or an onnx.ModelProto), and why the rest stays.

    allow_interface  names of inputs and outputs whose dimensions may shrink
    gather_shuffles  let any channel leave a channel shuffle, which becomes a Gather
    """
    with tempfile.TemporaryDirectory(prefix="secateur-") as folder:
        path = os.path.join(folder, "groups.json")
        arguments = ["--save-groups", path]
        for name in allow_interface or ():
            arguments += ["--allow-interface", name]
        if gather_shuffles:
            arguments.append("--gather-shuffles")
        _run([_model_path(model, folder)] + arguments)
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    for group in found["groups"]:
        group["members"] = [Member(**member) for member in group["members"]]
    groups, pins = [Group(**group) for group in found["groups"]], [Pin(**pin) for pin in found["pins"]]
    return Groups(groups, pins, found["copies"], found.get("gathered", []))
