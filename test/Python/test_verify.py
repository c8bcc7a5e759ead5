# SPDX-License-Identifier: Apache-2.0
"""The proof on the user's model: `compile-model --verify`."""

import numpy as np
import onnx
import tools


def test_sizes_of_outputs_that_depend_on_data(tmp_path):
    model = onnx.parser.parse_model("""<ir_version: 9, opset_import: ["": 18]>
        g (float[N,6] x) => (float[K] picked, int64[2,K] where) {
            h = MatMul(x, w1)
            r = Relu(h)
            y = MatMul(r, w2)
            zero = Constant<value = float {0}>()
            positive = Greater(y, zero)
            where = NonZero(positive)
            row = Transpose(where)
            picked = GatherND(y, row)
        }""")
    rng = np.random.default_rng(3)
    for name, shape in (("w1", (6, 16)), ("w2", (16, 5))):
        model.graph.initializer.append(onnx.numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32), name))
    onnx.save(model, tmp_path / "model.onnx")
    result = tools.run("compile-model", tmp_path / "model.onnx", "-o", tmp_path / "model.so", "--budget", "flops=50%", "--verify",
                       "--nominal-shape", "x=7x6")
    assert result.returncode == 0, result.stderr
    for name in ("picked", "where"):
        assert f"output '{name}': zeroed and pruned differ by 0.00e+00" in result.stdout + result.stderr
