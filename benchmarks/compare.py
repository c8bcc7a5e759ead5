#!/usr/bin/env python3
"""Latency of real models, ours against other runtimes, interleaved in one run.

usage: python benchmarks/compare.py [--models .models] [--peers onnxruntime openvino ...] [--budget flops=50%]
                                    [--math strict|fast] [--threads 1 2] [--rounds 5] [--write FILE.md] [PATTERN ...]

Models are those that scripts/fetch-models.py and benchmarks/export_models.py leave in
the folder. A figure is the median over rounds, each the median of a round's runs; the
spread is the largest (maximum - minimum) / median of a row. A ratio is another's time
over ours: above 1 we are faster. `apart` is the largest difference of our outputs from
ONNX Runtime's, relative to the largest output.

With --budget each model is also pruned, and the peers run the pruned ONNX file that
--emit onnx writes: `dense` is our library before pruning. With --specialised a library
that was compiled for these very sizes stands beside ours, which takes any.
"""

import argparse
import contextlib
import fnmatch
import os
import pathlib
import statistics
import sys
import tempfile

import numpy as np
import onnx
from measure import Library, Peer, interleave, run_library, sh, text_image

# Sizes to measure at, by a part of the file's name and the input's; others are 1 on the
# first axis and 224 elsewhere.
SIZES = {
    "ppocr_det": {"x": (1, 3, 640, 640)},
    "ppocr_rec": {"x": (1, 3, 48, 320)},
    "ppocr_cls": {"x": (1, 3, 48, 192)},
    "nudenet": {"images": (1, 3, 320, 320)},
    "magika": {"bytes": (1, 2048)},
    "bert_base": {"input_ids": (1, 128), "attention_mask": (1, 128)},
    "minilm": {"input_ids": (1, 128), "attention_mask": (1, 128)},
    "silero_sequence": {"input": (4, 576)},
    "silero": {"input": (1, 576), "state": (2, 1, 128)},
    "mnist": {"image": (1, 1, 28, 28)},
}
LABELS = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "mnn": "MNN", "ncnn": "ncnn", "iree": "IREE"}


def inputs_of(path):
    """(name, dtype, dims) of the inputs that no initialiser gives; an unknown size is None."""
    graph = onnx.load(path, load_external_data=False).graph
    given = {tensor.name for tensor in graph.initializer}
    for value in graph.input:
        if value.name not in given:
            tensor = value.type.tensor_type
            yield (value.name, onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type),
                   [d.dim_value if d.dim_value > 0 else None for d in tensor.shape.dim])


def feeds_for(path):
    sizes = next((sizes for part, sizes in SIZES.items() if part in path.name), {})
    rng, feeds = np.random.default_rng(0), {}
    for name, dtype, dims in inputs_of(path):
        shape = sizes.get(name) or [d or (1 if i == 0 else 224) for i, d in enumerate(dims)]
        if name == "sr":
            feeds[name] = np.array(16000, dtype)
        elif "ppocr_det" in path.name:
            feeds[name] = text_image(shape)
        elif np.issubdtype(dtype, np.floating):
            feeds[name] = rng.standard_normal(shape).astype(dtype)
        else:
            feeds[name] = np.ones(shape, dtype) if "mask" in name else rng.integers(0, 200, shape).astype(dtype)
    return feeds


def shape_options(option, feeds):
    return [o for name, value in feeds.items() if value.ndim for o in (option, f"{name}={'x'.join(map(str, value.shape))}")]


def apart(library, peer, model, feeds):
    """Largest difference of our outputs from the peer's, relative to the largest output."""
    found, worst = run_library(library, feeds), 0.0
    names = [value.name for value in onnx.load(model, load_external_data=False).graph.output]
    for name, expected in zip(names, peer.outputs()):
        a, b = expected.astype(np.float64), found["".join(c if c.isalnum() or c in "._-" else "_" for c in name)].astype(np.float64)
        worst = max(worst, float(np.abs(a - b).max() / (np.abs(a).max() + 1e-12)) if a.shape == b.shape else float("inf"))
    return worst


class Row:
    """The figures of one model: by thread count, the milliseconds of each contestant; failures of peers; our difference."""

    def __init__(self, name):
        self.name, self.medians, self.spread, self.failures, self.apart, self.error = name, {}, 0.0, {}, None, None

    def measure(self, path, arguments, folder):
        feeds = feeds_for(path)
        library, model = folder / "model.so", path
        sh("compile-model", path, "-o", library, "--math", arguments.math)
        libraries = {"ours": library}
        if arguments.budget:
            nominal = shape_options("--nominal-shape", feeds)
            small, model = folder / "pruned.so", folder / "pruned.onnx"
            for target in (small, model):
                sh("compile-model", path, "-o", target, "--budget", arguments.budget, "--math", arguments.math, *nominal)
            libraries = {"dense": library, "ours": small}
        if arguments.specialised and any(None in dims for _, _, dims in inputs_of(path)):
            libraries["specialised"] = folder / "specialised.so"
            sh("compile-model", model, "-o", libraries["specialised"], "--math", arguments.math, *shape_options("--shape", feeds))
        for threads in arguments.threads:
            with contextlib.ExitStack() as stack:
                contestants = {name: stack.enter_context(contextlib.closing(Library(file, feeds, threads))) for name, file in libraries.items()}
                for peer in arguments.peers:
                    try:
                        contestants[peer] = stack.enter_context(contextlib.closing(Peer(peer, model, feeds, threads)))
                    except RuntimeError as failure:
                        self.failures[peer] = str(failure)
                if self.apart is None and "onnxruntime" in contestants:
                    self.apart = apart(libraries["ours"], contestants["onnxruntime"], model, feeds)
                figures = interleave(contestants, arguments.rounds)
            self.medians[threads] = {name: statistics.median(values) for name, values in figures.items()}
            self.spread = max([self.spread] + [(max(v) - min(v)) / statistics.median(v) for v in figures.values()])

    def cells(self, arguments, others):
        if self.error:
            return [self.error]
        cells = []
        for threads in arguments.threads:
            medians = self.medians[threads]
            cells.append(f"{medians['ours']:.3g}")
            cells += [f"{medians[o]:.3g} ({medians[o] / medians['ours']:.2f})" if o in medians else "fails" if o in arguments.peers else "" for o in others]
        return cells + [f"{self.spread:.0%}", "" if self.apart is None else f"{self.apart:.0e}"]


def geometric_means(rows, arguments, others):
    lines = []
    for threads in arguments.threads:
        parts = []
        best = [min(m[o] for o in arguments.peers if o in m) / m["ours"] for r in rows if (m := r.medians.get(threads)) and any(p in m for p in arguments.peers)]
        for other in others:
            ratios = [m[other] / m["ours"] for r in rows if (m := r.medians.get(threads)) and other in m]
            if ratios:
                parts.append(f"{LABELS.get(other, other)} {np.exp(np.mean(np.log(ratios))):.2f} ({len(ratios)} models)")
        if len(arguments.peers) > 1 and best:
            parts.append(f"the best peer of each model {np.exp(np.mean(np.log(best))):.2f}, at least {min(best):.2f}")
        lines.append(f"Geometric mean of the ratios, {threads} thread{'s' * (threads > 1)}: " + "; ".join(parts) + ".")
    return lines


def machine():
    """The CPU's name, and the widest vectors that it has."""
    facts = {}
    for line in open("/proc/cpuinfo"):
        name, _, value = line.partition(":")
        facts.setdefault(name.strip(), value.strip())
    flags = facts.get("flags", "").split()
    widest = next((label for flag, label in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags), "SSE")
    return f"{facts.get('model name', 'unknown CPU')} ({widest})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="globs over paths in the folder; default: all")
    parser.add_argument("--models", type=pathlib.Path, default=pathlib.Path(".models"))
    parser.add_argument("--peers", nargs="+", choices=LABELS, default=["onnxruntime"])
    parser.add_argument("--budget", help="prune, as compile-model --budget")
    parser.add_argument("--specialised", action="store_true", help="compile with --shape too, where sizes are dynamic")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--math", choices=("strict", "fast"), default="strict")
    parser.add_argument("--write", type=pathlib.Path, help="write the table, as Markdown, to this file")
    arguments = parser.parse_args()
    paths = sorted(p for p in arguments.models.rglob("*.onnx")
                   if any(fnmatch.fnmatch(str(p.relative_to(arguments.models)), g) for g in arguments.patterns or ["*"]))
    if not paths:
        sys.exit(f"no model in {arguments.models}: run scripts/fetch-models.py, benchmarks/export_models.py")

    others = ["dense"] * bool(arguments.budget) + ["specialised"] * arguments.specialised + arguments.peers
    cpu = machine()
    head = [f"{cell}, {t} thread{'s' * (t > 1)}" if cell == "ours" else LABELS.get(cell, cell) for t in arguments.threads for cell in ["ours", *others]]
    lines = [f"# Latency, {'pruned to ' + arguments.budget if arguments.budget else 'dense'}, {arguments.math} math", "",
             f"{cpu}, {os.cpu_count()} cores; milliseconds, median of {arguments.rounds} interleaved rounds, with the ratio to ours: above 1 we are faster.", "",
             "| model | " + " | ".join([*head, "spread", "apart"]) + " |", "|---|" + "---|" * (len(head) + 2)]
    print("\n".join(lines), flush=True)
    rows = []
    for path in paths:
        rows.append(row := Row(path.relative_to(arguments.models)))
        with tempfile.TemporaryDirectory() as folder:
            try:
                row.measure(path, arguments, pathlib.Path(folder))
            except RuntimeError as error:  # a model that fails is a row of the table, and an exit status
                row.error = str(error).strip().splitlines()[-1][:160]
        lines.append(f"| {row.name} | " + " | ".join(row.cells(arguments, others)) + " |")
        print(lines[-1], flush=True)
    lines += [""] + [f"{row.name}: {LABELS[peer]} fails: {reason[:160]}" for row in rows for peer, reason in row.failures.items()]
    lines += [""] + geometric_means(rows, arguments, others)
    print("\n".join(lines[-len(arguments.threads):]))
    if arguments.write:
        arguments.write.write_text("\n".join(lines) + "\n")
    sys.exit(any(row.error for row in rows))


if __name__ == "__main__":
    main()
