#!/usr/bin/env python3
"""Dense latency of real models, ours against ONNX Runtime, interleaved in one run.

usage: python benchmarks/compare.py [--models .models] [--threads 1 2] [--rounds 5] [--write benchmarks/results.md] [PATTERN ...]

Models are those that scripts/fetch-models.py and benchmarks/export_models.py leave in
the folder. A figure is the median over rounds, each the median of a round's runs; the
spread is (largest - smallest) / median. The ratio is ONNX Runtime's time over ours:
above 1 we are faster. The largest difference of outputs, relative to the largest output,
is printed beside it.
"""

import argparse
import fnmatch
import os
import pathlib
import statistics
import sys
import tempfile

import numpy as np
import onnxruntime as ort
from measure import latencies, run_library, session, sh

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
DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64, "tensor(int64)": np.int64,
          "tensor(int32)": np.int32, "tensor(uint8)": np.uint8, "tensor(bool)": np.bool_}


def feeds_for(path, runtime):
    sizes = next((sizes for part, sizes in SIZES.items() if part in str(path)), {})
    rng, feeds = np.random.default_rng(0), {}
    for value in runtime.get_inputs():
        shape = sizes.get(value.name) or [d if isinstance(d, int) and d > 0 else (1 if i == 0 else 224) for i, d in enumerate(value.shape)]
        dtype = DTYPES[value.type]
        if value.name == "sr":
            feeds[value.name] = np.array(16000, dtype)
        elif np.issubdtype(dtype, np.floating):
            feeds[value.name] = rng.standard_normal(shape).astype(dtype)
        else:
            feeds[value.name] = np.ones(shape, dtype) if "mask" in value.name else rng.integers(0, 200, shape).astype(dtype)
    return feeds


def difference(library, runtime, feeds):
    found, worst = run_library(library, feeds), 0.0
    for info, expected in zip(runtime.get_outputs(), runtime.run(None, feeds)):
        name = "".join(c if c.isalnum() or c in "._-" else "_" for c in info.name)
        a, b = expected.astype(np.float64), found[name].astype(np.float64)
        worst = max(worst, float(np.abs(a - b).max() / (np.abs(a).max() + 1e-12)) if a.shape == b.shape else float("inf"))
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="globs over file names; default: all")
    parser.add_argument("--models", type=pathlib.Path, default=pathlib.Path(".models"))
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--math", choices=("strict", "fast"), default="strict")
    parser.add_argument("--write", type=pathlib.Path, help="write the table, as Markdown, to this file")
    arguments = parser.parse_args()
    paths = sorted(p for p in arguments.models.rglob("*.onnx") if any(fnmatch.fnmatch(p.name, g) for g in arguments.patterns or ["*"]))
    if not paths:
        sys.exit(f"no model in {arguments.models}: run scripts/fetch-models.py, benchmarks/export_models.py")
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown CPU")
    lines = [f"Ours ({arguments.math} math) against ONNX Runtime {ort.__version__}; {cpu}, {os.cpu_count()} cores; ms, median; batch 1.", "",
             "| model | " + " | ".join(f"ours, {t} thread{'s' * (t > 1)} | ONNX Runtime | ratio | spread" for t in arguments.threads) + " | largest difference |",
             "|---|" + "---|" * (4 * len(arguments.threads) + 1)]
    print("\n".join(lines), flush=True)
    ratios, failed = {t: [] for t in arguments.threads}, 0
    for path in paths:
        with tempfile.TemporaryDirectory() as folder:
            library, cells = pathlib.Path(folder) / "model.so", []
            try:
                sh("compile-model", path, "-o", library, "--math", arguments.math)
                runtime = session(path, 1)
                feeds = feeds_for(path, runtime)
                apart = difference(library, runtime, feeds)
                for threads in arguments.threads:
                    mine, theirs = latencies(library, path, feeds, threads, arguments.rounds)
                    ours, peer = statistics.median(mine), statistics.median(theirs)
                    ratios[threads].append(peer / ours)
                    spread = max((max(x) - min(x)) / statistics.median(x) for x in (mine, theirs))
                    cells += [f"{ours:.2f}", f"{peer:.2f}", f"{peer / ours:.2f}", f"{spread:.0%}"]
                cells.append(f"{apart:.1e}")
            except Exception as error:  # a model that fails is a row of the table, and an exit status
                failed += 1
                cells = [str(error).strip().splitlines()[-1][:160]]
        lines.append(f"| {path.relative_to(arguments.models)} | " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    for threads, values in ratios.items():
        if values:
            lines.append(f"\nGeometric mean of the ratios, {threads} thread{'s' * (threads > 1)}: {np.exp(np.mean(np.log(values))):.2f} over {len(values)} models.")
            print(lines[-1])
    if arguments.write:
        arguments.write.write_text("# Latency, dense\n\n" + "\n".join(lines) + "\n")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
