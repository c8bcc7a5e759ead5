"""Models as onnxruntime.quantization writes them: through the compiled library, pruned, and proved."""

import logging
import pathlib
import sys

import numpy as np
import onnxruntime as ort
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

from operator_graph import run_library, sh

ROOT = pathlib.Path(__file__).parent.parent.parent
IMAGES = np.load(ROOT / "samples" / "mnist_test.npz")
KINDS = ["qdq", "qdq_channels", "operators", "operators_channels", "dynamic"]
# The zero of these weights is another number than 0.
UNSIGNED = ["unsigned_qdq", "unsigned_operators", "unsigned_operators_channels", "unsigned_dynamic"]


class Images(CalibrationDataReader):
    def __init__(self, name, images):
        self.batches = iter([{name: batch} for batch in np.split(images, 4)])

    def get_next(self):
        return next(self.batches, None)


def images():
    data = next(IMAGES[key] for key in IMAGES if IMAGES[key].ndim >= 3).astype(np.float32)[:64]
    return data.reshape(64, 1, 28, 28) / max(data.max(), 1)


def quantize(model, target, kind):
    logging.getLogger().setLevel(logging.ERROR)
    weights = QuantType.QUInt8 if kind.startswith("unsigned_") else QuantType.QInt8
    kind = kind.removeprefix("unsigned_")
    if kind == "dynamic":
        quantize_dynamic(model, target, weight_type=weights)
        return
    name = ort.InferenceSession(str(model)).get_inputs()[0].name
    quantize_static(model, target, Images(name, images()), weight_type=weights, activation_type=weights,
                    quant_format=QuantFormat.QDQ if kind.startswith("qdq") else QuantFormat.QOperator,
                    per_channel=kind.endswith("channels"))


# One case runs native code of the pruned model, too: that takes several times as long.
CASES = [("mnist_cnn", kind, kind == "operators_channels") for kind in KINDS + UNSIGNED]
CASES += [("mnist_vit", "qdq_channels", False), ("mnist_vit", "operators", False)]


@pytest.mark.parametrize("sample, kind, verify", CASES)
def test_quantized(tmp_path, sample, kind, verify):
    dense, pruned, plan, library = (tmp_path / name for name in ("q.onnx", "p.onnx", "plan.json", "q.so"))
    quantize(ROOT / "samples" / f"{sample}.onnx", dense, kind)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(str(dense), options)
    feeds = {session.get_inputs()[0].name: images()[:16]}
    (name,) = [output.name for output in session.get_outputs()]
    wanted = session.run(None, feeds)[0]
    sh("compile-model", dense, "-o", library)
    found = run_library(library, feeds)[name]
    # A number that lies between two steps may be rounded either way.
    assert np.abs(found - wanted).max() <= 0.1 * np.abs(wanted).max()
    assert (found.argmax(1) == wanted.argmax(1)).all()

    nominal = ["--nominal-shape", f"{session.get_inputs()[0].name}=1x1x28x28"]
    sh("compile-model", dense, "-o", pruned, "--budget", "flops=70%", "--save-plan", plan, *nominal)
    sh(sys.executable, ROOT / "scripts" / "prove.py", dense, pruned, plan, "--shape", nominal[1].replace("=1x", "=2x"))
    if verify:
        sh("compile-model", dense, "-o", library, "--plan", plan, "--verify", *nominal)
