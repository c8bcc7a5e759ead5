"""The programs of examples/ build and classify; a C compiler is all that they need."""

import pathlib
import shutil
import subprocess

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
CC = shutil.which("cc") or shutil.which("clang-22")
CXX = shutil.which("c++") or shutil.which("clang++-22")


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("examples") / "libmnist.so"
    run(ROOT / "build/bin/compile-model", ROOT / "samples/mnist_cnn.onnx", "-o", path)
    return path


def test_needs_libc_and_libm_alone(library):
    text = run("readelf", "-d", library)
    needed = {line.split("[")[1].rstrip("]") for line in text.splitlines() if "NEEDED" in line}
    assert needed <= {"libc.so.6", "libm.so.6"}
    symbols = run("nm", "-D", "--defined-only", library)
    names = {line.split()[-1] for line in symbols.splitlines()}
    assert "secateur_run" in names
    assert all(name.startswith("secateur_") for name in names)


def test_c(library, tmp_path):
    program = tmp_path / "classify"
    run(CC, "-O2", "-Wall", "-Wextra", "-Werror", ROOT / "examples/c/classify.c", "-I", ROOT / "include",
        "-L", library.parent, "-lmnist", f"-Wl,-rpath,{library.parent}", "-o", program)
    data = np.load(ROOT / "samples/mnist_test.npz")
    images, labels = (data[name] for name in data.files[:2])
    right = 0
    for image, label in list(zip(images, labels))[:20]:
        pixels = np.rint((image * 0.3081 + 0.1307) * 255).astype(np.uint8)
        (tmp_path / "digit.raw").write_bytes(pixels.tobytes())
        right += f"this is a {label}" in run(program, tmp_path / "digit.raw")
    assert right >= 18
    failed = subprocess.run([program, tmp_path / "nothing.raw"], capture_output=True, check=False)
    assert failed.returncode == 1 and b"cannot read" in failed.stderr


def test_cpp(library, tmp_path):
    program = tmp_path / "benchmark"
    run(CXX, "-O2", "-std=c++17", "-Wall", "-Wextra", ROOT / "examples/cpp/benchmark.cpp", "-I", ROOT / "include",
        "-ldl", "-pthread", "-o", program)
    lines = run(program, library, library).splitlines()
    assert len(lines) == 2 and all("ms a run" in line for line in lines)
