"""Kernels chosen by measurement: what the file keeps, that it is used, and that every choice
computes what ONNX Runtime does. Which is the fastest is nobody's guess here."""

import json
import os
import subprocess
import sys

import models
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import tools

sys.path.insert(0, str(models.ROOT / "benchmarks"))
from measure import run_library  # noqa: E402


def build(path, batch=2, whole=True):
    """Convolutions of each kind and a product, with extents that fill no tile; or the first of them alone."""
    random = np.random.default_rng(0)
    nodes, weights = [], []

    def weight(*shape):
        name = f"w{len(weights)}"
        weights.append(numpy_helper.from_array((random.standard_normal(shape) * 0.2).astype(np.float32), name))
        return name

    def conv(x, y, *shape, **attributes):
        nodes.append(helper.make_node("Conv", [x, weight(*shape), weight(shape[0])], [y], y, **attributes))

    conv("x", "plain", 37, 13, 3, 3, pads=[1, 1, 1, 1])
    if not whole:
        x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, channels, 15, 11])
                for name, channels in (("x", 13), ("plain", 37)))
        graph = helper.make_graph(nodes, "product", [x], [y], weights)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
        return path
    nodes.append(helper.make_node("Relu", ["plain"], ["relu"]))
    conv("relu", "depthwise", 37, 1, 3, 3, pads=[1, 1, 1, 1], group=37, strides=[2, 2])
    conv("depthwise", "pointwise", 100, 37, 1, 1)
    conv("pointwise", "narrow", 60, 5, 3, 3, pads=[1, 1, 1, 1], group=20)
    conv("narrow", "wide", 100, 30, 3, 3, group=2)
    nodes.append(helper.make_node("GlobalAveragePool", ["wide"], ["pooled"]))
    nodes.append(helper.make_node("Flatten", ["pooled"], ["flat"]))
    nodes.append(helper.make_node("Gemm", ["flat", weight(100, 21)], ["y"], "product"))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 13, 15, 11])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 21])
    graph = helper.make_graph(nodes, "products", [x], [y], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def compile_model(model, library, tuning, *arguments):
    """Compiles anew; returns what the report says of the tuning."""
    report = library.with_suffix(".json")
    result = tools.run("compile-model", model, "-o", library, "--tune", tuning, "--report", report, "--threads", 1, *arguments)
    assert result.returncode == 0, result.stderr
    return json.loads(report.read_text())["tuning"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A model, and the file that its measurement wrote, with Winograd's kernels."""
    folder = tmp_path_factory.mktemp("tuned")
    model, tuning = build(folder / "model.onnx"), folder / "host.json"
    said = compile_model(model, folder / "model.so", tuning, "--math", "fast")
    return model, tuning, said


def forms_of(tuning):
    hosts = json.loads(tuning.read_text())["hosts"]
    assert len(hosts) == 1
    return hosts[0]["forms"]


def with_winners(tuning, target, winner):
    """Copies a file; `winner` says which of its candidates was the fastest of a form."""
    data = json.loads(tuning.read_text())
    for times in data["hosts"][0]["forms"].values():
        best = winner(sorted(times))
        times.update({name: 0.001 if name == best else 1.0 for name in times})
    target.write_text(json.dumps(data))
    return target


def test_the_file_is_complete(measured, tmp_path):
    model, tuning, said = measured
    forms = forms_of(tuning)
    assert said["forms"] == said["measured"] == len(forms) == 6 and said["left_to_model"] == 0
    for form, times in forms.items():
        assert len(times) > 1 and all(time and time > 0 for time in times.values()), (form, times)
    kernels = {name.split()[0] for times in forms.values() for name in times}
    assert kernels == {"matrix", "grouped", "depthwise", "winograd"}
    # Nothing is left to measure, also without Winograd's kernels; the file stays as it is.
    before = tuning.read_bytes()
    for arguments in (["--math", "fast"], []):
        assert compile_model(model, tmp_path / "again.so", tuning, *arguments)["measured"] == 0
    assert tuning.read_bytes() == before
    # On two threads nothing is known.
    report = tmp_path / "two.json"
    result = tools.run("compile-model", build(tmp_path / "small.onnx", whole=False), "-o", tmp_path / "two.so", "--tune", tuning,
                       "--threads", 2, "--report", report)
    assert result.returncode == 0 and json.loads(report.read_text())["tuning"]["measured"] == 1
    hosts = json.loads(tuning.read_text())["hosts"]
    assert [host["threads"] for host in hosts] == [1, 2] and hosts[0] == json.loads(before)["hosts"][0]
    tuning.write_bytes(before)


def test_every_choice_computes_the_same(measured, tmp_path):
    model, tuning, _ = measured
    feeds = models.feeds(model, {})
    wanted = models.expected(model, feeds)
    most = max(len(times) for times in forms_of(tuning).values())
    chosen = set()
    for index in range(most):
        forced = with_winners(tuning, tmp_path / "forced.json", lambda names: names[index % len(names)])
        said = compile_model(model, tmp_path / "forced.so", forced, "--math", "fast")
        assert said["measured"] == 0
        for form in said["changed"]:
            assert form["chosen_ms"] < form["usual_ms"] and form["nodes"]
            chosen |= {(form["form"], form["usual"]), (form["form"], form["chosen"])}
        assert models.difference(run_library(tmp_path / "forced.so", feeds), wanted) <= 1e-3, said
    assert chosen == {(form, name) for form, times in forms_of(tuning).items() for name in times}


def test_a_small_gain_changes_nothing(measured, tmp_path):
    """Two hundredths are noise, four are not."""
    model, tuning, _ = measured
    usual = {form["form"]: form["usual"] for index in range(2) for form in compile_model(
        model, tmp_path / "a.so", with_winners(tuning, tmp_path / "a.json", lambda names: names[index]))["changed"]}
    for gain, count in ((0.98, 0), (0.96, len(usual))):
        data = json.loads(tuning.read_text())
        for form, times in data["hosts"][0]["forms"].items():
            times.update({name: 1.0 if name == usual[form] else gain for name in times})
        (tmp_path / "b.json").write_text(json.dumps(data))
        assert len(compile_model(model, tmp_path / "b.so", tmp_path / "b.json")["changed"]) == count


def test_a_failed_candidate_is_not_chosen(measured, tmp_path):
    model, tuning, _ = measured
    data = json.loads(tuning.read_text())
    for times in data["hosts"][0]["forms"].values():
        times.update({name: None for name in times})
    (tmp_path / "none.json").write_text(json.dumps(data))
    said = compile_model(model, tmp_path / "none.so", tmp_path / "none.json")
    assert said["measured"] == 0 and said["changed"] == []


@pytest.mark.parametrize("text,message", [
    ('{"format": "secateur-tune", "version": 1, "hos', "is damaged: "),
    ("", "is damaged: "),
    ("[]", "is not a file of --tune"),
    ('{"format": "other", "version": 1, "hosts": []}', "is not a file of --tune"),
    ('{"format": "secateur-tune", "version": 2, "hosts": []}', "was written by another version of --tune: begin a new file"),
    ('{"format": "secateur-tune", "version": 1}', "is damaged: expected hosts with forms and times"),
    ('{"format": "secateur-tune", "version": 1, "hosts": [{"forms": {"a": {"b": "c"}}}]}', "expected hosts with forms and times"),
    ('{"format": "secateur-tune", "version": 1, "hosts": [{"forms": {"a": {"b": -1}}}]}', "expected hosts with forms and times"),
])
def test_damaged_files_are_refused(text, message, tmp_path):
    tuning = tmp_path / "host.json"
    tuning.write_text(text)
    result = tools.run("compile-model", models.path("mnist_cnn"), "-o", tmp_path / "model.so", "--tune", tuning)
    assert result.returncode == 1 and message in result.stderr, result.stderr
    assert tuning.read_text() == text and not (tmp_path / "model.so").exists()


def test_other_machines_stay(measured, tmp_path):
    model, tuning, _ = measured
    data = json.loads(tuning.read_text())
    own = data["hosts"][0]
    others = [own | {"cpu": "other", "forms": {"conv": {"x": 1.0}}}, own | {"features": "sse2"}, own | {"optimization": 1}]
    data["hosts"] = others[:1] + [own] + others[1:]
    # Of a form that no model of ours has, and of a candidate that we do not offer.
    own["forms"] = {"other": {"matrix 1x1 task 1": 2.0}} | own["forms"]
    first = next(form for form in own["forms"] if form.startswith("contract"))
    own["forms"][first]["other 1"] = 0.0001
    (tmp_path / "all.json").write_text(json.dumps(data))
    dropped = next(form for form in own["forms"] if form.startswith("depthwise"))
    del own["forms"][dropped]
    (tmp_path / "all.json").write_text(json.dumps(data))
    assert compile_model(model, tmp_path / "model.so", tmp_path / "all.json")["measured"] == 1
    found = json.loads((tmp_path / "all.json").read_text())["hosts"]
    assert [host for host in found if host in others] == others
    mine = found[1]["forms"]
    assert dropped in mine and mine["other"] == {"matrix 1x1 task 1": 2.0} and mine[first]["other 1"] == 0.0001


def test_sizes_that_are_not_known(measured, tmp_path):
    """They are measured at the nominal shapes, and then are forms like any other."""
    _, tuning, _ = measured
    model, copy = build(tmp_path / "model.onnx", batch="n"), tmp_path / "host.json"
    copy.write_bytes(tuning.read_bytes())
    said = compile_model(model, tmp_path / "free.so", copy)
    assert said["left_to_model"] == 6 and said["forms"] == 0
    forced = with_winners(tuning, copy, lambda names: names[0])
    said = compile_model(model, tmp_path / "free.so", forced, "--nominal-shape", "x=2x13x15x11")
    assert said["left_to_model"] == 0 and said["measured"] == 0 and len(said["changed"]) > 2
    for batch in (1, 3):
        feeds = models.feeds(model, {"x": (batch, 13, 15, 11)})
        assert models.difference(run_library(tmp_path / "free.so", feeds), models.expected(model, feeds)) <= 1e-4


@pytest.mark.parametrize("arguments,message", [
    (["-o", "model.so", "--march", "x86-64-v2"], "--tune measures on this machine, a "),
    (["-o", "model.onnx"], "--tune chooses kernels of a library: give -o OUT.so"),
    (["--dry-run", "--budget", "flops=50%"], "--tune chooses kernels of a library: give -o OUT.so"),
])
def test_what_cannot_be_tuned(arguments, message, tmp_path):
    result = subprocess.run([tools.find("compile-model"), models.path("mnist_cnn"), "--tune", "host.json", *arguments],
                            cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 1 and message in result.stderr, result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_cache_knows_the_choices(measured, tmp_path):
    model, tuning, _ = measured

    def compiles(file, model=model):
        command = [tools.find("compile-model"), "-v", model, "-o", tmp_path / "model.so", "--tune", file, "--threads", 1]
        result = subprocess.run(list(map(str, command)), env=os.environ | {"SECATEUR_CACHE": str(tmp_path / "cache")},
                                capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return "Copying from the cache" in result.stderr, (tmp_path / "model.so").read_bytes()

    forced = [with_winners(tuning, tmp_path / f"{index}.json", lambda names: names[index]) for index in (0, 1)]
    hit, first = compiles(forced[0])
    assert not hit and compiles(forced[0]) == (True, first)
    hit, second = compiles(forced[1])
    assert not hit and second != first
    # What a compilation has measured is not measured for nothing.
    small = build(tmp_path / "small.onnx", whole=False)
    assert [compiles(tmp_path / "new.json", small)[0] for _ in range(2)] == [False, True]


def test_python(measured, tmp_path):
    model, tuning, _ = measured
    sys.path.insert(0, str(models.ROOT / "python-bindings"))
    import secateur

    forced = with_winners(tuning, tmp_path / "host.json", lambda names: names[0])
    compiled = secateur.compile(model, tune=forced, threads=1)
    assert compiled.report["tuning"]["measured"] == 0 and compiled.report["tuning"]["changed"]
    feeds = models.feeds(model, {})
    assert models.difference({"y": compiled(feeds["x"])}, models.expected(model, feeds)) <= 1e-4
