"""secateur.compile and secateur.prune on the trained samples, and the wheel."""

import pathlib
import subprocess
import sys
import zipfile

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "python-bindings"))
import secateur  # noqa: E402

SAMPLE = ROOT / "samples/mnist_cnn.onnx"


@pytest.fixture(scope="module")
def digits():
    data = np.load(ROOT / "samples/mnist_test.npz")
    images, labels = (data[name] for name in data.files[:2])
    return images, labels


def reference(path, x):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def test_compile_dense():
    model = secateur.compile(SAMPLE)
    x = np.random.default_rng(0).standard_normal((3, 1, 28, 28)).astype("f")
    want = reference(SAMPLE, x)
    np.testing.assert_allclose(model(x), want, atol=1e-4 * np.abs(want).max())
    assert model.report["dense"]["parameters"] > 0


def test_compile_a_proto_to_a_path(tmp_path):
    import onnx

    model = secateur.compile(onnx.load(SAMPLE), tmp_path / "kept.so", threads=1)
    assert (tmp_path / "kept.so").exists()
    again = secateur.load(tmp_path / "kept.so", threads=1)
    x = np.ones((1, 1, 28, 28), "f")
    np.testing.assert_array_equal(model(x), again(x))


def test_pruned_code_and_pruned_onnx_agree(tmp_path):
    budget = {"flops": 0.5}
    model = secateur.compile(SAMPLE, budget=budget, verify=True)
    report = secateur.prune(SAMPLE, tmp_path / "small.onnx", budget=budget)
    assert report["pruned"]["flops"] <= 0.5 * report["dense"]["flops"]
    assert model.report["pruned"]["flops"] == report["pruned"]["flops"]
    x = np.random.default_rng(1).standard_normal((2, 1, 28, 28)).astype("f")
    want = reference(tmp_path / "small.onnx", x)
    np.testing.assert_allclose(model(x), want, atol=1e-4 * np.abs(want).max())


def test_errors(tmp_path):
    with pytest.raises(secateur.CompileError, match="nothing.onnx"):
        secateur.compile(tmp_path / "nothing.onnx")
    (tmp_path / "bad.onnx").write_text("not a model")
    with pytest.raises(secateur.CompileError):
        secateur.compile(tmp_path / "bad.onnx", tmp_path / "out.so")
    assert not (tmp_path / "out.so").exists()
    with pytest.raises(secateur.InvalidArgumentError, match="budget"):
        secateur.compile(SAMPLE, budget={"flops": -1})
    with pytest.raises(secateur.CompileError):
        secateur.compile(SAMPLE, budget={"flops": 1e-9})


def test_wheel(tmp_path):
    """The wheel works by itself, away from the source tree."""
    done = subprocess.run(
        [ROOT / "scripts/build-wheel.sh", sys.executable], capture_output=True, text=True, check=True
    )
    wheel = ROOT / done.stdout.strip().splitlines()[-1]
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "secateur/include/secateur.h" in names
    target = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", target, wheel],
        check=True,
    )
    program = (
        "import numpy, secateur, sys\n"
        f"assert secateur.__file__.startswith({str(target)!r})\n"
        f"assert secateur.compiler_path().startswith({str(target)!r})\n"
        f"m = secateur.compile({str(SAMPLE)!r})\n"
        "print(m(numpy.zeros((1, 1, 28, 28), 'f')).shape)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(target), "PATH": ""},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(1, 10)"
