"""Code for each architecture level that this machine runs, against ONNX Runtime, and with
the sanitizers; code for other machines is refused."""

import os
import subprocess
import sys

import models
import numpy as np
import pytest

import tools

sys.path.insert(0, str(models.ROOT / "benchmarks"))
from measure import run_library, sh  # noqa: E402

CPU = open("/proc/cpuinfo").read().split()
LEVELS = {"x86-64-v2": "sse4_2", "x86-64-v3": "fma", "x86-64-v4": "avx512vl"}


def check_refusal(library, march):
    """The library is not loaded on a machine without what it was compiled for."""
    result = tools.run("run-model", library, "--random")
    assert result.returncode == 1
    assert f"the model was compiled for '{march}', but this CPU or system lacks: " in result.stderr


@pytest.mark.parametrize("name", ["mnist_cnn", "mnist_vit", "ppocr_rec", "magika", "silero_sequence"])
@pytest.mark.parametrize("march", LEVELS)
def test_march(march, name, tmp_path):
    file, runs = models.path(name), models.MODELS[name][1]
    library = tmp_path / "model.so"
    sh("compile-model", file, "-o", library, "--march", march)
    if LEVELS[march] not in CPU:
        check_refusal(library, march)
        return
    feeds = models.feeds(file, runs[0])
    assert models.difference(run_library(library, feeds), models.expected(file, feeds)) <= 1e-4
    assert f"cpu {march}" in sh("run-model", library, "--info")


def test_levels_use_their_registers(tmp_path):
    """512 bits for v4 alone, no FMA for v2."""
    for march, wide, fused in (("x86-64-v2", False, False), ("x86-64-v3", False, True), ("x86-64-v4", True, True)):
        library = tmp_path / f"{march}.so"
        sh("compile-model", models.path("mnist_cnn"), "-o", library, "--march", march)
        code = subprocess.run(["/usr/lib/llvm-22/bin/llvm-objdump", "-d", library], capture_output=True, text=True, check=True).stdout
        assert ("%zmm" in code, "vfmadd" in code) == (wide, fused), march
        assert ("%ymm" in code) == (march != "x86-64-v2"), march


def test_other_machines_are_refused(tmp_path):
    """No CPU has both: Bulldozer's instructions ended with it, before AMX began."""
    march, library = "bdver4" if "xop" not in CPU else "sapphirerapids", tmp_path / "model.so"
    sh("compile-model", models.path("mnist_cnn"), "-o", library, "--march", march)
    check_refusal(library, march)


def test_too_old_a_cpu(tmp_path):
    result = tools.run("compile-model", models.path("mnist_cnn"), "-o", tmp_path / "model.so", "--march", "core2")
    assert result.returncode == 1 and "lacks SSE4.2" in result.stderr


def runtime_of(sanitizer):
    name = f"libclang_rt.{'asan' if sanitizer == 'address' else 'tsan'}-x86_64.so"
    return subprocess.run(["clang-22", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()


def run_checked(sanitizer, library, *arguments):
    environment = {"LD_PRELOAD": runtime_of(sanitizer), "ASAN_OPTIONS": "detect_leaks=0", "PATH": os.environ["PATH"]}
    return subprocess.run([tools.find("run-model"), library, *arguments], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("sanitizer", ["address", "thread"])
def test_compiled_code_is_clean(sanitizer, tmp_path):
    """The thread sanitizer knows accesses of up to 16 bytes: vectors of v2."""
    library = tmp_path / "model.so"
    for name in ("mnist_cnn", "mnist_vit"):
        sh("compile-model", models.path(name), "-o", library, "--sanitize", sanitizer, "--march", "x86-64-v2")
        symbols = subprocess.run(["/usr/lib/llvm-22/bin/llvm-nm", "-D", library], capture_output=True, text=True, check=True).stdout
        assert f"__{sanitizer[0]}san_" in symbols
        result = run_checked(sanitizer, library, "--random", "--shape", "image=7x1x28x28", "--threads", "3")
        assert result.returncode == 0 and "Sanitizer" not in result.stderr, result.stderr[:3000]


def test_address_sanitizer_sees_the_code(tmp_path):
    """A read beyond an input is found in compiled code."""
    source, library = tmp_path / "model.mlir", tmp_path / "model.so"
    source.write_text("""
        func.func @main(%x: tensor<4xf32> {nn.name = "x"}, %i: tensor<1xi64> {nn.name = "i"}) -> tensor<1xf32> {
          %zero = arith.constant 0 : index
          %n = tensor.extract %i[%zero] : tensor<1xi64>
          %at = arith.index_cast %n : i64 to index
          %v = tensor.extract %x[%at] : tensor<4xf32>
          %y = tensor.from_elements %v : tensor<1xf32>
          return %y : tensor<1xf32>
        }""")
    sh("secateur-codegen", source, "-o", library, "--sanitize=address", "--cpu=x86-64-v3")
    for index, clean in ((3, True), (4096, False)):
        np.save(tmp_path / "x.npy", np.arange(4, dtype=np.float32))
        np.save(tmp_path / "i.npy", np.array([index]))
        inputs = [f"--input={name}={tmp_path / name}.npy" for name in ("x", "i")]
        result = run_checked("address", library, *inputs)
        assert (result.returncode == 0) == clean, result.stderr[:2000]
        assert ("AddressSanitizer" in result.stderr) != clean


@pytest.mark.parametrize("name", ["mnist_cnn", "mnist_vit", "ppocr_rec", "magika"])
def test_buffers_between_guard_pages(name, tmp_path):
    """Nothing is read or written beyond inputs and outputs, by vectors of the tails either."""
    file, library = models.path(name), tmp_path / "model.so"
    sh("compile-model", file, "-o", library)
    feeds = models.feeds(file, models.MODELS[name][1][-1])
    np.savez(tmp_path / "feeds.npz", **feeds)
    for side in ("end", "begin"):
        result = subprocess.run([sys.executable, models.ROOT / "test/Python/guarded.py", library, tmp_path / "feeds.npz", side],
                                capture_output=True, text=True, check=False)
        assert result.returncode == 0 and "guarded buffers" in result.stdout, (result.returncode, result.stderr[-2000:])


def test_threads_do_not_change_the_library(tmp_path):
    libraries = []
    for threads in (1, 2, 5):
        library = tmp_path / str(threads) / "model.so"
        library.parent.mkdir()
        sh("compile-model", models.path("ppocr_rec"), "-o", library, "--threads", threads)
        libraries.append(library.read_bytes())
    assert libraries[0] == libraries[1] == libraries[2]
