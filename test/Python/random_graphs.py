#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random ONNX graphs (random_steps/), and the proofs on each.

    random_graphs.py [--count N] [--seed S] [--oracle] [--keep FOLDER] [--jobs J]

Random units of random groups are erased; the same elements are zeroed in the
original, and ONNX Runtime has to give the same outputs for both. In every fourth
graph any channel can leave a channel shuffle (gather_shuffles). With --oracle
the units that were found are held against those of oracle.py: each must be
legal, and the share by FLOPs of its sets that were found is reported. The seed
of a failure is printed; `--seed S --count 1` repeats it. A table says in which
share of the graphs each kind of step stands.
"""
import argparse
import collections
import concurrent.futures
import dataclasses
import os
import sys
import tempfile

import numpy as np
import onnx

import oracle
import pruning
import random_steps
from pruning import secateur


def runnable(model):
    """The model with something that ONNX Runtime knows where it has an operator that nobody knows."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    for node in result.graph.node:
        if node.domain == "test":
            node.domain, node.op_type = "", "Relu"
    return result


@dataclasses.dataclass
class Outcome:
    """What was found in one graph."""

    seed: int
    rows: collections.Counter
    groups: int = 0
    units: int = 0
    erased: int = 0
    flops: float = 0
    offered: float = 0
    missed: list = dataclasses.field(default_factory=list)
    error: str = ""


def prove(seed, folder, with_oracle=False):
    """One graph: dense.onnx, pruned.onnx and plan.json in `folder`. Raises where something is wrong."""
    graph = random_steps.Graph(seed)
    model = graph.build()
    dense = os.path.join(folder, "dense.onnx")
    onnx.save(model, dense)
    # The oracle knows shuffles as they stand.
    found = secateur.find_groups(dense, gather_shuffles=seed % 4 == 3 and not with_oracle)
    outcome = Outcome(seed, graph.rows, len(found.groups), sum(group.units for group in found.groups))
    feeds, rng = graph.feeds(seed), np.random.default_rng(seed)
    if with_oracle:
        judge = oracle.Oracle(pruning.untie(model, found.copies), feeds, (), runnable)
        wrong, outcome.flops, outcome.offered, outcome.missed = oracle.compare(judge, found)
        if wrong:
            raise AssertionError("; ".join(wrong[:3]))
    units = pruning.choose(found, lambda: rng.choice([0, 0.2, 0.5, 0.9]), rng)
    outcome.erased = sum(map(len, units.values()))
    if units:
        pruning.prove(dense, found, units, feeds, folder, runnable=runnable)
    return outcome


def attempt(seed, with_oracle=False, keep=None):
    """As prove, with what is wrong as `error`."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return prove(seed, keep or folder, with_oracle)
        except Exception as error:  # one graph must not end the run
            return Outcome(seed, collections.Counter(), error=f"{type(error).__name__}: {str(error)[:500]}")


def attempt_all(seeds, with_oracle=False, jobs=2):
    if jobs == 1:
        yield from (attempt(seed, with_oracle) for seed in seeds)
        return
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(attempt, seeds, [with_oracle] * len(seeds), chunksize=8)


def table(outcomes):
    """The share of graphs that have each row, rarest first."""
    counts = collections.Counter(row for outcome in outcomes for row in outcome.rows)
    return sorted((counts[row] / max(len(outcomes), 1), row) for row in random_steps.ROWS)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--oracle", action="store_true")
    parser.add_argument("--keep", help="work in this folder, and keep the files of the last graph")
    args = parser.parse_args()
    seeds, outcomes = range(args.seed, args.seed + args.count), []
    running = (attempt(seed, args.oracle, args.keep) for seed in seeds) if args.keep else attempt_all(seeds, args.oracle, args.jobs)
    for outcome in running:
        outcomes.append(outcome)
        if outcome.error:
            print(f"seed {outcome.seed}: {outcome.error}", flush=True)
        if len(outcomes) % 1000 == 0:
            print(f"{len(outcomes)} graphs", flush=True)
        for flops, slabs in outcome.missed[:2]:
            print(f"seed {outcome.seed}: not found, {flops:.0f} FLOPs: {str(slabs)[:300]}", flush=True)
    failed = sum(bool(outcome.error) for outcome in outcomes)
    numbers = [sum(getattr(outcome, name) for outcome in outcomes) for name in ("groups", "units", "erased", "flops", "offered")]
    print(f"{args.count} graphs, {failed} failed; {numbers[0]} groups, {numbers[1]} units, {numbers[2]} erased")
    if args.oracle:
        print(f"found of the oracle's sets, by FLOPs: {numbers[4] / max(numbers[3], 1):.2%}")
    for share, row in table([outcome for outcome in outcomes if not outcome.error]):
        print(f"{share:7.1%} {row}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
