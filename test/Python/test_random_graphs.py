# SPDX-License-Identifier: Apache-2.0
"""Erased equals zeroed on 2,000 random graphs (see random_graphs.py), scripts/prove.py on 200 of them, and what else is
proved on some.

`random_graphs.py --seed S --count 1` repeats what failed."""

import collections
import importlib.util
import sys

import onnx
import pytest

import pruning
import random_graphs
import random_steps
import tools
from pruning import secateur

# Of each chunk, the first PROOFS graphs that scripts/prove.py can judge.
GRAPHS, CHUNK, PROOFS = 2000, 100, 10


def load_prover():
    """scripts/prove.py, which knows nothing of ours."""
    spec = importlib.util.spec_from_file_location("prove", tools.ROOT / "scripts/prove.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def proved_from_files(prover, folder, seed, monkeypatch, capsys):
    """Whether scripts/prove.py at its own limits accepts the files that a proof left behind; None where it cannot judge:
    one position is left of all that was cut, so that rolling it is no control, or the numbers of norms that count erased
    positions are more than 2% of a graph so small."""
    sizes = []
    for name, array in random_steps.feeds_of(seed).items():
        if array.ndim:
            sizes += ["--shape", f"{name}=" + "x".join(map(str, array.shape))]
    files = [str(folder / name) for name in ("dense.onnx", "pruned.onnx", "plan.json")]
    monkeypatch.setattr(sys, "argv", ["prove.py", *files, *sizes, "--seeds", "1", "--range", "any=0:1"])
    with pytest.raises(SystemExit) as done:
        prover.main()
    said = capsys.readouterr().out
    if not done.value.code:
        return True
    if ("0 wrong" in said and said.endswith("differs by 0.00e+00\n")) or ("1 wrong" in said and "more than 2.0%" in said):
        return None
    raise AssertionError(f"scripts/prove.py: {said}")


@pytest.mark.parametrize("first", range(0, GRAPHS, CHUNK))
def test_erased_equals_zeroed(first, tmp_path, monkeypatch, capsys):
    prover, failures, erased, proofs = load_prover(), [], 0, 0
    for seed in range(first, first + CHUNK):
        for file in tmp_path.iterdir():
            file.unlink()
        try:
            outcome = random_graphs.prove(seed, tmp_path)
            erased += outcome.erased
            # ONNX Runtime as it comes does not run these.
            foreign = outcome.rows["unknown operator"] + outcome.rows["quantised"]
            if proofs < PROOFS and outcome.erased and not foreign and proved_from_files(prover, tmp_path, seed, monkeypatch, capsys):
                proofs += 1
        except Exception as error:  # all seeds that fail are to be seen
            failures.append(f"seed {seed}: {type(error).__name__}: {str(error)[:300]}")
    assert not failures, "\n".join(failures)
    # The test could not fail on graphs of which nothing can leave.
    assert erased > 500 and proofs == PROOFS


def test_every_row_is_there():
    counts = collections.Counter()
    for seed in range(1000):
        graph = random_steps.Graph(seed)
        graph.build()
        counts.update(graph.rows.keys())
    rare = {row: counts[row] for row in random_steps.ROWS if counts[row] < 20}
    assert not rare, rare


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_little_is_pinned_needlessly(first):
    """Of the oracle's minimal removable sets, by FLOPs, 99% are found; all that is found is legal."""
    outcomes = [random_graphs.attempt(seed, True) for seed in range(first, first + 50)]
    assert not [outcome for outcome in outcomes if outcome.error]
    total, offered = sum(o.flops for o in outcomes), sum(o.offered for o in outcomes)
    print(f"found of the oracle's sets: {offered / total:.2%}")
    assert offered >= 0.99 * total, [(o.seed, o.missed[:1]) for o in outcomes if o.missed]


@pytest.mark.parametrize("first", range(0, 50, 10))
def test_through_native_code(first, tmp_path):
    """--verify: the zeroed and the pruned model, compiled."""
    done, seed = 0, 100000 + 1000 * first
    while done < 10:
        graph, seed = random_steps.Graph(seed), seed + 1
        model = graph.build()
        # Branches and operators that nobody knows have no code.
        if graph.rows["unknown operator"] or graph.rows["captured by a branch"]:
            continue
        dense = tmp_path / "dense.onnx"
        onnx.save(model, dense)
        found = secateur.find_groups(dense)
        units = pruning.choose(found, lambda: graph.rng.choice([0, 0.2, 0.5, 0.9]), graph.rng)
        if not units:
            continue
        sizes = {name: array.shape for name, array in graph.feeds().items() if array.ndim}
        try:
            secateur.prune(dense, tmp_path / "pruned.onnx", plan=found.plan(units), verify=True, nominal_shapes=sizes)
        except secateur.CompileError as error:
            raise AssertionError(f"seed {seed - 1}: {error}") from error
        done += 1
