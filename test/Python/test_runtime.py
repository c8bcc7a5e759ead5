"""secateur.load on the model written by hand (test/Runtime/Inputs/FakeModel.c)."""

import os
import pathlib
import shutil
import sys
import threading

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "python-bindings"))
import secateur  # noqa: E402

BUILD = pathlib.Path(os.environ.get("SECATEUR_BUILD", ROOT / "build"))
LIBRARY = BUILD / "test/bin/fake-model.so"
W, BIAS = np.array([1, 2, 3, 4], "f"), np.array([0.5, -0.5, 1, 0], "f")


@pytest.fixture
def model():
    return secateur.load(LIBRARY)


def expected(x, pick):
    return x * W + BIAS + x[pick], x[x > 0]


def test_describes(model):
    assert [info.name for info in model.inputs] == ["x", "pick"]
    assert model.inputs[0] == secateur.TensorInfo("x", "float32", ("batch", 4))
    assert model.inputs[1].shape == ()
    assert model.outputs[1] == secateur.TensorInfo("kept", "float32", (None,), True)
    assert model.properties["math_mode"] == "strict"
    assert "x: float32['batch', 4]" in repr(model)


@pytest.mark.parametrize("batch", [1, 3, 100, 3])
def test_runs(model, batch):
    x = np.random.default_rng(batch).standard_normal((batch, 4)).astype("f")
    y, kept = model(x, np.int64(batch // 2))
    want_y, want_kept = expected(x, batch // 2)
    np.testing.assert_allclose(y, want_y, rtol=1e-6)
    np.testing.assert_array_equal(kept, want_kept)
    named = model.run({"pick": batch // 2, "x": x})
    np.testing.assert_array_equal(named["y"], y)


def test_strided_and_read_only_inputs(model):
    x = np.arange(48, dtype="f").reshape(6, 8)[::2, ::2]
    x.flags.writeable = False
    y, _ = model(x, pick=1)
    np.testing.assert_allclose(y, expected(x, 1)[0])


def test_results_are_the_callers(model):
    x = np.ones((2, 4), "f")
    y, kept = model(x, 0)
    before = y.copy(), kept.copy()
    model(-x, 0)
    np.testing.assert_array_equal(y, before[0])
    np.testing.assert_array_equal(kept, before[1])


@pytest.mark.parametrize(
    "call, error, base, text",
    [
        (lambda m: m(np.zeros((2, 5), "f"), 0), secateur.ShapeError, ValueError, "shape 2x5"),
        (lambda m: m(np.zeros(4, "f"), 0), secateur.ShapeError, ValueError, "rank 1"),
        (lambda m: m(np.zeros((2, 4)), 0), secateur.DTypeError, TypeError, "is float64"),
        (lambda m: m(np.zeros((2, 4), "f"), 0.5), secateur.DTypeError, TypeError, "'pick'"),
        (lambda m: m(np.zeros((2, 4), "f")), secateur.TensorNameError, KeyError, "'pick' has no"),
        (lambda m: m(np.zeros((2, 4), "f"), 0, z=1), secateur.TensorNameError, KeyError, "'z'"),
        (lambda m: m(np.zeros((2, 4), "f"), 0, x=1), secateur.TensorNameError, KeyError, "twice"),
        (lambda m: m(1, 2, 3), secateur.InvalidArgumentError, ValueError, "3 inputs"),
        (lambda m: m(np.zeros((2, 4), "f"), 2), secateur.RunError, RuntimeError, "out of range"),
        (lambda m: m(np.full((2, 4), np.nan, "f"), 0), secateur.RunError, RuntimeError, "NaN"),
    ],
)
def test_errors(model, call, error, base, text):
    with pytest.raises(error, match=text) as caught:
        call(model)
    assert isinstance(caught.value, (secateur.SecateurError, base)[1])
    y, _ = model(np.ones((1, 4), "f"), 0)  # Still usable.
    assert y.shape == (1, 4)


def test_load_errors(tmp_path):
    with pytest.raises(secateur.InvalidArgumentError, match="nothing.so"):
        secateur.load(tmp_path / "nothing.so")
    with pytest.raises(secateur.WeightsError, match="nothing.safetensors"):
        secateur.load(LIBRARY, weights=tmp_path / "nothing.safetensors")
    with pytest.raises(secateur.UnsupportedCpuError, match="lacks"):
        secateur.load(BUILD / "test/bin/fake-model-foreign.so")


def test_threads(model):
    model.threads = 2
    assert model.threads == 2
    with pytest.raises(secateur.InvalidArgumentError):
        model.threads = -1
    pool = secateur.Pool(model, 3)
    shared = secateur.load(LIBRARY, pool=pool)
    assert shared.threads == 3
    x = np.ones((500, 4), "f")
    np.testing.assert_array_equal(shared(x, 0)[0], model(x, 0)[0])


def test_calls_at_the_same_time(model):
    wrong = []

    def work(seed):
        for i in range(50):
            x = np.random.default_rng(seed * 100 + i).standard_normal((20 + i, 4)).astype("f")
            y, kept = model(x, 3)
            if not np.allclose(y, expected(x, 3)[0]) or not np.array_equal(kept, x[x > 0]):
                wrong.append((seed, i))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_memory(model):
    model(np.ones((1000, 4), "f"), 0)
    memory = model.memory
    assert memory["weight_bytes"] == 80
    assert memory["arena_bytes"] == 2 * 16000 + 0  # Two buffers of 16,000 = 250 x 64.


def test_a_library_written_anew_is_loaded_anew(tmp_path, model):
    path = tmp_path / "model.so"
    shutil.copy(LIBRARY, path)
    first = secateur.load(path)
    data = LIBRARY.read_bytes()
    assert data.count(b"fake\0") == 1  # The model's name.
    (tmp_path / "new.so").write_bytes(data.replace(b"fake\0", b"anew\0"))
    os.replace(tmp_path / "new.so", path)
    second = secateur.load(path)
    assert (first.properties["model_name"], second.properties["model_name"]) == ("fake", "anew")
    x = np.ones((2, 4), "f")
    np.testing.assert_array_equal(first(x, 0)[0], second(x, 0)[0])
    del first, second
    assert secateur.load(path).properties["model_name"] == "anew"


def test_profile(model):
    steps = model.profile({"x": np.ones((5, 4), "f"), "pick": 0}, runs=3)
    assert sorted(step["node"] for step in steps) == ["scale", "shift"]
    scale = next(step for step in steps if step["node"] == "scale")
    assert scale["flops"] == 10 and scale["bytes"] == 160 and scale["seconds"] > 0
    assert steps[0]["seconds"] >= steps[1]["seconds"]
