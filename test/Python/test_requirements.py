"""Input shapes that a compiled model cannot run with are errors that say why."""

import numpy as np
import onnx
import onnx.helper
import onnx.parser
import pytest

import tools

# Half the length and twice that again is the length only where it is even.
MODEL = """
<ir_version: 8, opset_import: ["" : 17]>
halves (float[n, 4, l] x, float[n, 4, 1] bias) => (float[n, 8, m] y)
<float[3] twice = {1.0, 1.0, 2.0}>
{
  [pool] p = MaxPool <kernel_shape = [2], strides = [2]> (x)
  [add] b = Add (p, bias)
  [up] r = Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"> (b, , twice)
  [join] y = Concat <axis = 1> (x, r)
}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("requirements")
    onnx.save(onnx.parser.parse_model(MODEL), folder / "model.onnx")
    result = tools.run("compile-model", folder / "model.onnx", "-o", folder / "model.so")
    assert result.returncode == 0, result.stderr
    return folder / "model.so"


@pytest.mark.parametrize("x, bias, message", [
    ((2, 4, 6), (2, 4, 1), None),
    ((2, 4, 7), (2, 4, 1), "nn.concat 'join' needs l to equal (l floordiv 2) * 2"),
    ((2, 4, 0), (2, 4, 1), None),
    ((2, 4, 6), (3, 4, 1), "dimension 'n' is 2 in input 'x' and 3 in input 'bias'"),
])
def test_shapes(library, tmp_path, x, bias, message):
    np.save(tmp_path / "x.npy", np.ones(x, np.float32))
    np.save(tmp_path / "bias.npy", np.ones(bias, np.float32))
    result = tools.run("run-model", library, "--input", f"x={tmp_path / 'x.npy'}", "--input", f"bias={tmp_path / 'bias.npy'}")
    assert result.returncode == (1 if message else 0), result.stderr
    assert (message or "") in result.stderr
