"""The real models of the whole-model tests, and the sizes that they are run at."""

import functools
import pathlib
import sys

import numpy as np
import onnxruntime as ort

ROOT = pathlib.Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))
from measure import text_image  # noqa: E402

FOLDER = ROOT / ".models"

IMAGE = [{"": (1, 3, 224, 224)}]
LIGHT = ("bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19", "zfnet512")

# Name -> (path, the shapes of inputs for each run). An input that is not named has the
# shape under "", or else the one that the model declares.
MODELS = {
    "mnist_cnn": (ROOT / "samples/mnist_cnn.onnx", [{"image": (1, 1, 28, 28)}, {"image": (5, 1, 28, 28)}]),
    "mnist_vit": (ROOT / "samples/mnist_vit.onnx", [{"image": (1, 1, 28, 28)}, {"image": (3, 1, 28, 28)}]),
    "ppocr_det": (FOLDER / "ppocr_det.onnx", [{"x": (1, 3, 96, 160)}, {"x": (2, 3, 160, 224)}]),
    "ppocr_rec": (FOLDER / "ppocr_rec.onnx", [{"x": (1, 3, 48, 96)}, {"x": (2, 3, 48, 160)}]),
    "ppocr_cls": (FOLDER / "ppocr_cls.onnx", [{"x": (1, 3, 48, 192)}, {"x": (2, 3, 48, 192)}]),
    "nudenet": (FOLDER / "nudenet.onnx", [{"images": (1, 3, 160, 160)}, {"images": (2, 3, 96, 128)}]),
    "magika": (FOLDER / "magika.onnx", [{"bytes": (1, 2048)}, {"bytes": (3, 2048)}]),
    "silero_op15": (FOLDER / "silero_op15.onnx", [{"input": (1, 576), "state": (2, 1, 128)}, {"input": (2, 576), "state": (2, 2, 128)}]),
    "silero_sequence": (FOLDER / "silero_sequence.onnx", [{"input": (2, 576)}, {"input": (5, 576)}]),
    "silero_ifless": (FOLDER / "silero_ifless.onnx", [{"input": (1, 576), "state": (2, 1, 128)}, {"input": (2, 576), "state": (2, 2, 128)}]),
    "silero_half": (FOLDER / "silero_half.onnx", [{"input": (1, 576), "state": (2, 1, 128)}, {"input": (2, 576), "state": (2, 2, 128)}]),
} | {f"random/{name}": (FOLDER / f"random/{name}.onnx", IMAGE) for name in LIGHT} | {
    f"light/{name}": (FOLDER / f"light/{name}.onnx", IMAGE) for name in LIGHT}

# Pruned, this one answers with probabilities of 1e-4, of which a sigmoid in f32 keeps three digits.
ONLY_DENSE = ("silero_sequence",)

DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64, "tensor(int64)": np.int64,
          "tensor(int32)": np.int32, "tensor(uint8)": np.uint8, "tensor(bool)": np.bool_}


def path(name):
    """The file of a model; fails, rather than skips, where it was not fetched."""
    file = MODELS[name][0]
    if not file.exists():
        raise FileNotFoundError(f"{file}: run python scripts/fetch-models.py")
    return file


@functools.cache
def session(file):
    options = ort.SessionOptions()
    options.log_severity_level = 3
    return ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def feeds(file, shapes, seed=0):
    """Random input of the given shapes: normal floats, integers from 0 to 255, all-ones masks. A detector of text sees some:
    on noise its probabilities are 1e-6 and below, which rounding alone changes by a tenth."""
    rng, result = np.random.default_rng(seed), {}
    for value in session(file).get_inputs():
        shape = shapes.get(value.name) or [d if isinstance(d, int) else 1 for d in value.shape] or ()
        if "" in shapes and value.name not in shapes:
            shape = shapes[""]
        dtype = DTYPES[value.type]
        if value.name == "sr":
            result[value.name] = np.array(16000, dtype)
        elif pathlib.Path(file).name == "ppocr_det.onnx":
            result[value.name] = text_image(shape)
        elif np.issubdtype(dtype, np.floating):
            result[value.name] = rng.standard_normal(shape).astype(dtype)
        else:
            result[value.name] = np.ones(shape, dtype) if "mask" in value.name else rng.integers(0, 256, shape).astype(dtype)
    return result


def expected(file, inputs):
    """Outputs of ONNX Runtime by the names that run-model gives their files."""
    runtime = session(file)
    values = runtime.run(None, inputs)
    return {file_name(info.name): value for info, value in zip(runtime.get_outputs(), values)}


def file_name(name):
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)


def difference(found, wanted):
    """Largest difference over all outputs, each relative to its largest element."""
    assert found.keys() == wanted.keys(), (sorted(found), sorted(wanted))
    worst = 0.0
    for name, a in wanted.items():
        b = found[name]
        assert a.shape == b.shape and a.dtype == b.dtype, (name, a.shape, b.shape, a.dtype, b.dtype)
        a, b = a.astype(np.float64), b.astype(np.float64)
        assert np.isfinite(b).all(), name
        if a.size:
            worst = max(worst, float(np.abs(a - b).max() / (np.abs(a).max() + 1e-12)))
    return worst
