"""The cache of compiled models: what is in it, when it is used, and that it stays whole."""

import os
import shutil
import subprocess
import sys

import models
import numpy as np
import onnx
import pytest

import tools

sys.path.insert(0, str(models.ROOT / "benchmarks"))
from measure import run_library  # noqa: E402


@pytest.fixture
def compiles(tmp_path):
    """compile-model with a cache of its own; whether it was used."""
    folder = tmp_path / "cache"

    def run(*arguments, status=0, cache=folder):
        command = [tools.find("compile-model"), "-v", *map(str, arguments)]
        result = subprocess.run(command, env=os.environ | {"SECATEUR_CACHE": str(cache)}, capture_output=True, text=True,
                                check=False)
        assert result.returncode == status, result.stderr
        return "Copying from the cache" in result.stderr

    run.folder = folder
    run.entries = lambda: sorted(folder.iterdir()) if folder.exists() else []
    return run


def test_hits_and_misses(compiles, tmp_path):
    model, library = tmp_path / "model.onnx", tmp_path / "out" / "model.so"
    library.parent.mkdir()
    shutil.copy(models.path("mnist_vit"), model)
    assert not compiles(model, "-o", library)
    first = library.read_bytes()
    library.unlink()
    assert compiles(model, "-o", library)
    assert library.read_bytes() == first and os.access(library, os.X_OK)
    assert [path.name for path in library.parent.iterdir()] == ["model.so"]
    feeds = models.feeds(model, {"image": (1, 1, 28, 28)})
    assert models.difference(run_library(library, feeds), models.expected(model, feeds)) <= 1e-4

    # Other options, another target, another name (which is inside the library).
    assert not compiles(model, "-o", library, "-O1")
    assert not compiles(model, "-o", library, "--march", "x86-64-v3")
    assert not compiles(model, "-o", library, "--budget", "params=70%", "--nominal-shape", "image=1x1x28x28")
    assert not compiles(model, "-o", tmp_path / "out" / "other.so")
    assert compiles(model, "-o", library, "--threads", "1")
    # Switched off; or more is asked for than the library.
    assert not compiles(model, "-o", library, "--no-cache")
    assert not compiles(model, "-o", library, cache="off")
    assert not compiles(model, "-o", library, "--report", tmp_path / "report.json")
    # Another model under the same name.
    proto = onnx.load(model)
    proto.graph.node[0].name += "x"
    onnx.save(proto, model)
    assert not compiles(model, "-o", library)


def test_external_data_and_errors(compiles, tmp_path):
    model, library = tmp_path / "model.onnx", tmp_path / "model.so"
    proto = onnx.load(models.path("mnist_cnn"))
    onnx.save(proto, model, save_as_external_data=True, location="data.bin", size_threshold=0)
    assert not compiles(model, "-o", library)
    assert compiles(model, "-o", library)
    data = np.fromfile(tmp_path / "data.bin", np.uint8)
    data[100] ^= 1
    data.tofile(tmp_path / "data.bin")
    assert not compiles(model, "-o", library)
    # What fails is not kept, and leaves what is there.
    entries = compiles.entries()
    (tmp_path / "data.bin").unlink()
    assert not compiles(model, "-o", library, status=1)
    assert compiles.entries() == entries


def test_many_at_once(compiles, tmp_path):
    """Processes that share the folder all get a whole library."""
    command = [tools.find("compile-model"), models.path("mnist_vit"), "-o"]
    environment = os.environ | {"SECATEUR_CACHE": str(compiles.folder)}
    folders = [tmp_path / str(i) for i in range(4)]
    for folder in folders:
        folder.mkdir()
    processes = [subprocess.Popen([*command, folder / "model.so"], env=environment) for folder in folders]
    assert [process.wait() for process in processes] == [0] * 4
    assert len({(folder / "model.so").read_bytes() for folder in folders}) == 1
    assert len(compiles.entries()) == 1
    # A folder that cannot be made is no error.
    assert not compiles(models.path("mnist_vit"), "-o", tmp_path / "model.so", cache="/proc/none")
