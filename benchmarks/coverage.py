#!/usr/bin/env python3
"""What pruning reaches on many models: a row each, as Markdown.

usage: python benchmarks/coverage.py [--models .models] [--budget flops=50%] [--prove] [--verify] [--table FILE.md [--again]] [PATTERN ...]

The columns: parameters and FLOPs of the dense model; groups of coupled dimensions; the
share of parameters and of FLOPs that can leave (all units but the least of each group);
what the budget leaves, and the seconds that finding the groups, choosing, erasing and
writing the file take; the tensors' dimensions that stay, by reason. --verify also
compiles the model and proves there that zeroing and erasing give the same outputs;
--prove runs scripts/prove.py on the pruned file: its difference is relative to the
largest output.

With --table, each row goes to that file as soon as it is measured, among those that it
holds; a model that has a row there is measured --again only. So a run that was stopped
goes on, and models can be exported, measured and deleted one at a time.
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


def failure(text):
    lines = text.strip().splitlines()
    return "FAILS: " + next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "no message")[:200]


def row(path, arguments, folder):
    """What is found about a model, by column."""
    feeds = {name: value for name, value in feeds_for(path).items() if value.ndim}
    shapes = [f"{name}={'x'.join(map(str, value.shape))}" for name, value in feeds.items()]
    least, _ = prune(path, folder / "least.onnx", "flops=0.01%", shapes, "--best-effort")
    (folder / "least.onnx").unlink()
    pruned, plan = folder / "pruned.onnx", folder / "plan.json"
    report, seconds = prune(path, pruned, arguments.budget, shapes, "--save-plan", plan)
    kind = "parameters" if arguments.budget.startswith("params") else "flops"
    pins = collections.Counter(re.sub(r"'[^']*'", "…", pin["reason"]) for pin in report["pins"])
    cells = {"input": ", ".join("x".join(map(str, value.shape)) for value in list(feeds.values())[:2]) + (", …" if len(feeds) > 2 else ""),
             "M parameters": f"{report['dense']['parameters'] / 1e6:.2f}", "GFLOP": f"{report['dense']['flops'] / 1e9:.3f}",
             "groups": str(len(report["groups"])), "parameters that can leave": f"{1 - share(least, 'parameters'):.0%}",
             "FLOPs that can leave": f"{1 - share(least, 'flops'):.0%}", f"left at {arguments.budget}": f"{share(report, kind):.1%}",
             "seconds": f"{seconds:.1f}"}
    if arguments.prove:
        proof = subprocess.run([sys.executable, PROVE, path, pruned, plan, *[o for shape in shapes for o in ("--shape", shape)]],
                               capture_output=True, text=True)
        found = re.search(r"largest difference (\S+)", proof.stdout)
        cells["prove.py"] = f"{float(found.group(1)):.0e}" if proof.returncode == 0 and found else "FAILS: " + "; ".join((proof.stdout + proof.stderr).split("\n"))[:400]
    if arguments.verify:
        try:
            report, _ = prune(path, folder / "pruned.so", arguments.budget, shapes, "--verify")
            cells["--verify"] = f"{max(output['difference'] for output in report['verification']['outputs']):.0e}"
        except RuntimeError as error:
            cells["--verify"] = failure(str(error))
    return cells | {"dimensions that stay": "; ".join(f"{count} {reason}" for reason, count in pins.most_common())}


def table(rows):
    """Markdown of the rows, by model; a model that fails has its message in the first column."""
    head = list(max(rows.values(), key=len, default={}))
    lines = ["| model | " + " | ".join(head) + " |", "|---" * (len(head) + 1) + "|"]
    return lines + [f"| {name} | " + " | ".join(cells.get(column, "") for column in head) + " |" for name, cells in sorted(rows.items())]


def read_table(path):
    """What the file holds up to its first table, and the rows of that."""
    text, found, lines = path.read_text().partition("| model |")
    if not found:
        return text, {}
    head, _, *lines = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines.splitlines()]
    return text, {name: dict(zip(head, cells)) for name, *cells in lines}


def fails(cells):
    return any(cell.startswith("FAILS") for cell in cells.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="globs over paths in the folder; default: all")
    parser.add_argument("--models", type=pathlib.Path, default=pathlib.Path(".models"))
    parser.add_argument("--budget", default="flops=50%")
    parser.add_argument("--prove", action="store_true")
    parser.add_argument("--verify", action="store_true")
    parser.add_argument("--table", type=pathlib.Path, help="a file of Markdown that keeps the rows; what stands before its table stays")
    parser.add_argument("--again", action="store_true", help="measure models that have a row in the table, too")
    arguments = parser.parse_args()
    text, rows = read_table(arguments.table) if arguments.table and arguments.table.exists() else ("", {})
    measured = {}
    for path in sorted(arguments.models.rglob("*.onnx")):
        name = str(path.relative_to(arguments.models)).removesuffix(".onnx").replace("/", "_")
        chosen = any(fnmatch.fnmatch(str(path.relative_to(arguments.models)), pattern) for pattern in arguments.patterns or ["*"])
        if not chosen or (name in rows and not arguments.again):
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                rows[name] = row(path, arguments, pathlib.Path(folder))
            except RuntimeError as error:  # a model that fails is a row of the table, and an exit status
                rows[name] = {"input": failure(str(error))}
        measured[name] = rows[name]
        if arguments.table:
            arguments.table.write_text(text + "\n".join(table(rows)) + "\n")
        print(f"| {name} | " + " | ".join(rows[name].values()) + " |", flush=True)
    failed = sum(map(fails, measured.values()))
    print(f"{len(measured)} models, {failed} with failures")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
