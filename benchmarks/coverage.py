#!/usr/bin/env python3
"""What pruning reaches on many models: a row each, as Markdown.

usage: python benchmarks/coverage.py [--models .models] [--budget flops=50%] [--prove] [--verify] [--write FILE.md] [PATTERN ...]

The columns: parameters and FLOPs of the dense model; groups of coupled dimensions; the
share of parameters and of FLOPs that can leave (all units but the least of each group);
the tensors' dimensions that stay, by reason; seconds to find the groups, choose and
erase; what the budget leaves. --verify also compiles the model and proves there that
zeroing and erasing give the same outputs; --prove runs scripts/prove.py on the pruned
file: its difference is relative to the largest output.
"""

import argparse
import collections
import fnmatch
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from compare import feeds_for
from measure import sh

PROVE = pathlib.Path(__file__).parent.parent / "scripts/prove.py"


def prune(path, target, budget, shapes, *extra):
    """The report of a run of compile-model, and its seconds."""
    report = target.with_suffix(".report.json")
    nominal = [o for shape in shapes for o in ("--nominal-shape", shape)]
    start = time.perf_counter()
    sh("compile-model", path, "-o", target, "--budget", budget, "--report", report, *nominal, *extra)
    return json.loads(report.read_text()), time.perf_counter() - start


def share(report, kind):
    return report["pruned"][kind] / max(1, report["dense"][kind])


def row(path, arguments, folder):
    shapes = [f"{name}={'x'.join(map(str, value.shape))}" for name, value in feeds_for(path).items() if value.ndim]
    kind = arguments.budget.split("=")[0]
    reach = {k: 1 - share(prune(path, folder / "least.onnx", f"{k}=0.01%", shapes, "--best-effort")[0], k2)
             for k, k2 in (("params", "parameters"), ("flops", "flops"))}
    (folder / "least.onnx").unlink()
    pruned, plan = folder / "pruned.onnx", folder / "plan.json"
    report, seconds = prune(path, pruned, arguments.budget, shapes, "--save-plan", plan)
    pins = collections.Counter(re.sub(r"'[^']*'", "…", pin["reason"]) for pin in report["pins"])
    cells = [f"{report['dense']['parameters'] / 1e6:.2f}", f"{report['dense']['flops'] / 1e9:.3f}", str(len(report["groups"])),
             f"{reach['params']:.0%}", f"{reach['flops']:.0%}", f"{seconds:.1f}", f"{share(report, 'flops' if kind == 'flops' else 'parameters'):.1%}"]
    if arguments.prove:
        proof = subprocess.run([sys.executable, PROVE, path, pruned, plan, *[o for shape in shapes for o in ("--shape", shape)]],
                               capture_output=True, text=True)
        found = re.search(r"largest difference (\S+)", proof.stdout)
        cells.append(found.group(1) if proof.returncode == 0 and found else "FAILS: " + (proof.stdout + proof.stderr).strip().splitlines()[-1][:120])
    if arguments.verify:
        report, _ = prune(path, folder / "pruned.so", arguments.budget, shapes, "--verify")
        cells.append(f"{max(output['difference'] for output in report['verification']['outputs']):.1e}")
    return cells + ["; ".join(f"{count} {reason}" for reason, count in pins.most_common())]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="globs over paths in the folder; default: all")
    parser.add_argument("--models", type=pathlib.Path, default=pathlib.Path(".models"))
    parser.add_argument("--budget", default="flops=50%")
    parser.add_argument("--prove", action="store_true")
    parser.add_argument("--verify", action="store_true")
    parser.add_argument("--write", type=pathlib.Path, help="write the table to this file")
    arguments = parser.parse_args()
    paths = sorted(p for p in arguments.models.rglob("*.onnx")
                   if any(fnmatch.fnmatch(str(p.relative_to(arguments.models)), g) for g in arguments.patterns or ["*"]))
    head = ["model", "M parameters", "GFLOP", "groups", "parameters that can leave", "FLOPs that can leave", "seconds", f"left at {arguments.budget}",
            *["prove.py"] * arguments.prove, *["--verify"] * arguments.verify, "dimensions that stay"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    print("\n".join(lines), flush=True)
    failed = 0
    for path in paths:
        with tempfile.TemporaryDirectory() as folder:
            try:
                cells = row(path, arguments, pathlib.Path(folder))
            except RuntimeError as error:  # a model that fails is a row of the table, and an exit status
                cells = ["FAILS: " + str(error).strip().splitlines()[-1][:200]]
        failed += any(cell.startswith("FAILS") for cell in cells)
        lines.append(f"| {path.relative_to(arguments.models)} | " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    print(f"{len(paths)} models, {failed} with failures")
    if arguments.write:
        arguments.write.write_text("\n".join(lines) + "\n")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
