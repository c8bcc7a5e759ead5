"""Damaged models end with a result or with plain errors: never with a signal, and
each error is one line."""

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
