"""Damaged models end with a result or with plain errors: never with a signal, and
each error is one line."""

import signal
import subprocess
import time

import numpy as np
import onnx
import pytest

import mutations
import tools


def check(name, result, must_fail):
    """The exit status is 0, or 1 with an error on each line."""
    text = f"{name}: status {result.returncode}, {result.stderr!r}"
    assert result.returncode in (0, 1), text
    lines = result.stderr.splitlines()
    for line in lines:
        assert line.startswith(("error: ", "warning: ")), text
        assert len(line) > 20 and "dialect" not in line and "unknown:0" not in line, text
    assert result.returncode == (1 if any(line.startswith("error: ") for line in lines) else 0), text
    if must_fail:
        assert result.returncode == 1, text


COMMANDS = {
    "translate": ("out.onnx", "secateur-translate", "--import-onnx", "--export-onnx"),
    "compile": ("out.so", "compile-model"),
    "prune": ("out.onnx", "compile-model", "--budget", "flops=60%", "--best-effort", "--nominal-shape", "x=1x3x8x8"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_mutations(command, tmp_path):
    output, tool, *arguments = COMMANDS[command]
    target, seen, succeeded = tmp_path / output, 0, 0
    for name, path, must_fail in mutations.make(tmp_path / "models"):
        result = tools.run(tool, path, "-o", target, *arguments, timeout=120)
        check(name, result, must_fail)
        # Written whole, or not at all.
        assert target.exists() == (result.returncode == 0), name
        target.unlink(missing_ok=True)
        seen += 1
        succeeded += result.returncode == 0
    assert seen == 200
    # The undamaged one is among them, and so are many that are damaged where it does no harm.
    assert succeeded > 20
    assert not [p for p in tmp_path.iterdir() if p.name.endswith(".tmp")]


def test_all_errors_at_once(tmp_path):
    """Independent errors are all told, and what depends on them is not blamed."""
    model = mutations.base_model()
    model.graph.node[0].attribute[0].name = "paddings"
    model.graph.node[4].op_type = "Softmax"
    model.graph.node[4].attribute[0].name = "keep"
    path = tmp_path / "two.onnx"
    path.write_bytes(model.SerializeToString())
    result = tools.run("secateur-translate", "--import-onnx", path)
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        "error: node 'conv': Conv: attribute 'paddings' is not one that the operator has at the model's opset",
        "error: node 'sum': Softmax: attribute 'keep' is not one that the operator has at the model's opset",
    ]


def test_a_crash_is_one_line(tmp_path):
    """Whatever the compiler is doing when a fatal signal comes: one line, status 1, no file left."""
    rng = np.random.default_rng(0)
    nodes, initializers, value = [], [], "x"
    for layer in range(40):  # Different activations: code generation takes its time.
        weight = rng.standard_normal((64, 64, 3, 3)).astype(np.float32) / 24
        initializers.append(onnx.numpy_helper.from_array(weight, f"w{layer}"))
        nodes.append(onnx.helper.make_node("Conv", [value, f"w{layer}"], [f"c{layer}"], pads=[1, 1, 1, 1]))
        nodes.append(onnx.helper.make_node("LeakyRelu", [f"c{layer}"], [f"y{layer}"], alpha=0.01 * (layer + 1)))
        value = f"y{layer}"
    image = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 64, 28, 28])
    output = onnx.helper.make_tensor_value_info(value, onnx.TensorProto.FLOAT, None)
    graph = onnx.helper.make_graph(nodes, "g", [image], [output], initializers)
    model = tmp_path / "model.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)]), model)
    target, crashed = tmp_path / "out" / "model.so", 0
    target.parent.mkdir()
    for delay in (0.15, 0.4, 1.0):
        process = subprocess.Popen([tools.find("compile-model"), model, "-o", target], stderr=subprocess.PIPE,
                                   text=True)
        time.sleep(delay)
        process.send_signal(signal.SIGSEGV)
        errors = process.communicate(timeout=120)[1]
        if process.returncode == 0:  # It was done before.
            target.unlink()
            continue
        crashed += 1
        assert process.returncode == 1, errors
        assert errors.count("\n") == 1 and errors.startswith("error: internal error: "), errors
        assert "please report it" in errors
        assert list(target.parent.iterdir()) == []
    assert crashed > 0
